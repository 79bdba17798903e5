//! The background work: one loop and one table of what runs, how often, and what wakes it.
//!
//! A tick is an idempotent question, "what is due?"; tests call ticks one by one. Messages in memory only make it faster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Inboxes};
use crate::flows::lanes::Lanes;
use crate::flows::{batch, books, callback, deliver, dispatch, gauges, refresh};

/// What the ticks share: the lanes and slots of this process.
#[derive(Clone)]
pub struct Shared {
    pub lanes: Arc<Lanes>,
    pub slots: Arc<deliver::Slots>,
    pub shown: Arc<gauges::Shown>,
}

/// One kind of background work.
pub struct Work {
    pub name: &'static str,
    /// How often, in ms of the schedule; `None`: as often as due rows are looked for.
    pub period_ms: Option<u64>,
    pub tick: fn(Arc<App>, Shared) -> BoxFuture<'static, anyhow::Result<()>>,
}

/// Everything that runs by time.
pub const WORK: [Work; 6] = [
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
        tick: |app, s| Box::pin(async move { deliver::scan(&app, &s.slots).await.map(|_| ()) }),
    },
    Work {
        name: "books",
        period_ms: Some(60_000),
        tick: |app, _| Box::pin(async move { Ok(books::snapshot(&app).await?) }),
    },
    Work {
        name: "gauges",
        period_ms: Some(15_000),
        tick: |app, s| Box::pin(async move { Ok(gauges::set(&app, &s.shown).await?) }),
    },
];

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
        let shared = Shared {
            lanes: Arc::default(),
            slots: Arc::new(deliver::Slots::new(app.config.webhooks.workers, app.config.webhooks.per_endpoint)),
            shown: Arc::default(),
        };
        let mut writers = JoinSet::new();
        writers.spawn(batch::accept(app.clone(), inboxes.accept));
        writers.spawn(batch::advance(app.clone(), inboxes.advance));
        writers.spawn(batch::callbacks(app.clone(), inboxes.callback_rows));
        writers.spawn(batch::done(app.clone(), inboxes.done));
        writers.spawn(batch::marks(app.clone(), inboxes.mark));
        let mut timers = JoinSet::new();
        for work in &WORK {
            timers.spawn(run(app.clone(), shared.clone(), work, stop.clone()));
        }
        let (mut send, mut ask, mut call) = (inboxes.send, inboxes.ask, inboxes.callback);
        let (task_app, task_stop) = (app.clone(), stop.clone());
        timers.spawn(async move {
            loop {
                tokio::select! {
                    () = task_stop.cancelled() => break,
                    Some(case) = send.recv() => dispatch::offer(&task_app, &shared.lanes, case),
                    Some(key) = ask.recv() => refresh::offer(&task_app, &shared.lanes, key),
                    Some(waiting) = call.recv() => callback::offer(&task_app, &shared.lanes, waiting),
                }
            }
        });
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

/// One loop: tick, then wait for the period or a wake-up.
async fn run(app: Arc<App>, shared: Shared, work: &'static Work, stop: CancellationToken) {
    let period = app.config.schedule.millis(work.period_ms.unwrap_or(app.config.schedule.due_scan_ms));
    loop {
        if let Err(error) = (work.tick)(app.clone(), shared.clone()).await {
            tracing::warn!(work = work.name, %error, "a tick failed; the next one follows");
            metrics::counter!("worker_errors_total", "work" => work.name).increment(1);
        }
        let woken = async {
            match work.name {
                "deliver" => app.wake.deliver.notified().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = app.clock.sleep(period) => {}
            () = woken => {}
        }
    }
}
