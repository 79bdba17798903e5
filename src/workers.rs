//! The background work: one loop and one table of what runs and how often.
//!
//! A tick is an idempotent question, "what is due?"; tests call ticks one by one. Messages in memory only make it faster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Inboxes, Question};
use crate::flows::lanes::Lanes;
use crate::flows::{
    batch, books, callback, connections, deliver, dispatch, documents, gauges, keys, onboarding, refresh, rollups,
};
use crate::store::{attempt, callback as callback_rows, delivery};

/// What the ticks share: the lanes of this process.
#[derive(Clone)]
pub struct Shared {
    pub lanes: Arc<Lanes>,
    pub shown: Arc<gauges::Shown>,
}

impl Shared {
    fn of(app: &App) -> Self {
        Shared { lanes: Arc::new(Lanes::new(app)), shown: Arc::default() }
    }
}

/// One kind of background work.
pub struct Work {
    pub name: &'static str,
    /// How often, in ms of the schedule; `None`: as often as due rows are looked for.
    pub period_ms: Option<u64>,
    pub tick: fn(Arc<App>, Shared) -> BoxFuture<'static, anyhow::Result<()>>,
}

/// Everything that runs by time.
pub const WORK: [Work; 14] = [
    Work {
        name: "dispatch",
        period_ms: None,
        tick: |app, s| Box::pin(async move { dispatch::scan(&app, &s.lanes).await }),
    },
    Work {
        name: "refresh",
        period_ms: None,
        tick: |app, s| Box::pin(async move { refresh::scan(&app, &s.lanes).await }),
    },
    Work {
        name: "callback",
        period_ms: None,
        tick: |app, s| Box::pin(async move { callback::scan(&app, &s.lanes).await }),
    },
    Work {
        name: "deliver",
        period_ms: None,
        tick: |app, s| Box::pin(async move { deliver::scan(&app, &s.lanes).await }),
    },
    Work {
        name: "onboarding",
        period_ms: None,
        tick: |app, s| Box::pin(async move { onboarding::work::scan(&app, &s.lanes).await }),
    },
    Work {
        name: "books",
        period_ms: Some(60_000),
        tick: |app, _| Box::pin(async move { Ok(books::snapshot(&app).await?) }),
    },
    Work {
        name: "activity",
        period_ms: Some(60_000),
        tick: |app, _| Box::pin(async move { Ok(connections::flush_activity(&app).await?) }),
    },
    Work {
        name: "key_use",
        period_ms: Some(60_000),
        tick: |app, _| Box::pin(async move { Ok(keys::flush_use(&app).await?) }),
    },
    Work {
        name: "maintenance",
        period_ms: Some(10_000),
        tick: |app, _| Box::pin(async move { Ok(connections::end_maintenance(&app).await?) }),
    },
    Work {
        name: "overlaps",
        period_ms: Some(60_000),
        tick: |app, _| Box::pin(async move { Ok(connections::end_overlaps(&app).await?) }),
    },
    Work {
        name: "documents",
        period_ms: Some(60_000),
        tick: |app, _| Box::pin(async move { documents::sweep(&app).await }),
    },
    Work { name: "rollups", period_ms: Some(5_000), tick: |app, _| Box::pin(async move { rollups::add(&app).await }) },
    Work {
        name: "monitoring",
        period_ms: Some(5_000),
        tick: |app, _| Box::pin(async move { connections::watch(&app).await }),
    },
    Work {
        name: "gauges",
        period_ms: Some(15_000),
        tick: |app, s| Box::pin(async move { Ok(gauges::set(&app, &s.shown).await?) }),
    },
];

/// What was just written, on its way to the lanes of this process.
struct Fresh {
    send: mpsc::Receiver<attempt::Case>,
    ask: mpsc::Receiver<Question>,
    callback: mpsc::Receiver<(callback_rows::Waiting, String)>,
    deliver: mpsc::Receiver<delivery::Due>,
}

/// Starts the batch writers, and leaves what is not theirs.
fn start_writers(app: &Arc<App>, inboxes: Inboxes, writers: &mut JoinSet<()>) -> Fresh {
    writers.spawn(batch::accept(app.clone(), inboxes.accept));
    writers.spawn(batch::advance(app.clone(), inboxes.advance));
    writers.spawn(batch::callbacks(app.clone(), inboxes.callback_rows));
    let turn = batch::Turn::default();
    writers.spawn(batch::done(app.clone(), inboxes.done, turn.clone()));
    writers.spawn(batch::marks(app.clone(), inboxes.mark, turn));
    Fresh { send: inboxes.send, ask: inboxes.ask, callback: inboxes.callback, deliver: inboxes.deliver }
}

/// The running workers.
pub struct Workers {
    app: Arc<App>,
    timers: JoinSet<()>,
    writers: JoinSet<()>,
    stop: CancellationToken,
}

impl Workers {
    /// Starts everything.
    pub fn start(app: &Arc<App>, inboxes: Inboxes) -> Self {
        let stop = CancellationToken::new();
        let shared = Shared::of(app);
        let mut writers = JoinSet::new();
        let fresh = start_writers(app, inboxes, &mut writers);
        let mut timers = JoinSet::new();
        for work in &WORK {
            timers.spawn(run(app.clone(), shared.clone(), work, stop.clone()));
        }
        let lanes = || (app.clone(), shared.lanes.clone());
        let (a, l) = lanes();
        timers.spawn(hand_on(stop.clone(), fresh.send, move |case| dispatch::offer(&a, &l, case)));
        let (a, l) = lanes();
        timers.spawn(hand_on(stop.clone(), fresh.ask, move |question| refresh::offer(&a, &l, question)));
        let (a, l) = lanes();
        let call = move |(waiting, provider): (_, String)| callback::offer(&a, &l, vec![waiting], &provider);
        timers.spawn(hand_on(stop.clone(), fresh.callback, call));
        let (a, l) = lanes();
        timers.spawn(hand_on(stop.clone(), fresh.deliver, move |due| deliver::offer(&a, &l, due)));
        Workers { app: app.clone(), timers, writers, stop }
    }

    /// Takes no new work, waits for the calls and deliveries in hand up to `patience`, then stops.
    /// What is cut off is found again by its rows.
    pub async fn stop(mut self, patience: Duration) {
        self.stop.cancel();
        while self.timers.join_next().await.is_some() {}
        self.app.tasks.close();
        if tokio::time::timeout(patience, self.app.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.app.tasks.len(), "work in hand took too long and is left to the next start");
        }
        self.writers.shutdown().await;
    }
}

/// The shortest period of what has one of its own.
const LEAST_PERIOD: Duration = Duration::from_millis(100);

/// One loop: tick, then wait for the period.
async fn run(app: Arc<App>, shared: Shared, work: &'static Work, stop: CancellationToken) {
    let schedule = &app.config.schedule;
    let period = match work.period_ms {
        // Looked after now and then; at a speed for tests that is no more often than people can see.
        Some(millis) => schedule.millis(millis).max(LEAST_PERIOD),
        None => schedule.millis(schedule.due_scan_ms),
    };
    loop {
        if let Err(error) = (work.tick)(app.clone(), shared.clone()).await {
            tracing::warn!(work = work.name, %error, "a tick failed; the next one follows");
            metrics::counter!("worker_errors_total", "work" => work.name).increment(1);
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = app.clock.sleep(period) => {}
        }
    }
}

/// Hands on what was just committed to the lanes of this process.
async fn hand_on<T>(stop: CancellationToken, mut inbox: mpsc::Receiver<T>, offer: impl Fn(T)) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            next = inbox.recv() => match next {
                Some(work) => offer(work),
                None => break,
            },
        }
    }
}

/// The same work without its loops, for a test that says what happens next: the writers run, everything else is ticked.
pub struct Ticker {
    app: Arc<App>,
    shared: Shared,
    fresh: Fresh,
    _writers: JoinSet<()>,
}

impl Ticker {
    /// Starts the writers and nothing else.
    pub fn start(app: &Arc<App>, inboxes: Inboxes) -> Self {
        let mut writers = JoinSet::new();
        let fresh = start_writers(app, inboxes, &mut writers);
        Ticker { app: app.clone(), shared: Shared::of(app), fresh, _writers: writers }
    }

    /// One tick of one kind of work, and all that follows from it.
    pub async fn tick(&self, work: &Work) -> anyhow::Result<()> {
        (work.tick)(self.app.clone(), self.shared.clone()).await?;
        self.settle().await;
        Ok(())
    }

    /// Hands on everything that waits in memory, and all that follows from it. Callbacks go one by one, as two about
    /// the same payment would race.
    pub async fn hand_on(&mut self) {
        while let Ok(case) = self.fresh.send.try_recv() {
            dispatch::offer(&self.app, &self.shared.lanes, case);
        }
        self.settle().await;
        while let Ok(question) = self.fresh.ask.try_recv() {
            refresh::offer(&self.app, &self.shared.lanes, question);
        }
        self.settle().await;
        while let Ok((waiting, provider)) = self.fresh.callback.try_recv() {
            callback::offer(&self.app, &self.shared.lanes, vec![waiting], &provider);
            self.settle().await;
        }
        while let Ok(due) = self.fresh.deliver.try_recv() {
            deliver::offer(&self.app, &self.shared.lanes, due);
        }
        self.settle().await;
    }

    /// Waits until every task has ended or waits for a manual clock to move.
    pub async fn settle(&self) {
        // Who was just woken by the clock counts as asleep until it runs: let everybody run.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        while self.app.tasks.len() > self.app.clock.sleepers() {
            // Input and output of others is awaited here, so the time is the machine's.
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
}
