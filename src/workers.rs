//! The background work: one loop and one table of what runs, how often, and what wakes it.
//!
//! A tick is an idempotent question, "what is due?"; tests call ticks one by one. Messages in memory only make it faster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Inboxes};
use crate::flows::lanes::Lanes;
use crate::flows::{batch, books, callback, deliver, dispatch, refresh};
use crate::store::callback::Waiting;

/// What the ticks share: the lanes of this process.
#[derive(Clone)]
pub struct Shared {
    pub lanes: Arc<Lanes>,
}

/// One kind of background work.
pub struct Work {
    pub name: &'static str,
    pub tick: fn(Arc<App>, Shared) -> BoxFuture<'static, anyhow::Result<()>>,
}

/// Everything that runs by time.
pub const WORK: [Work; 5] = [
    Work { name: "dispatch", tick: |app, s| Box::pin(async move { dispatch::scan(&app, &s.lanes).await }) },
    Work { name: "refresh", tick: |app, s| Box::pin(async move { refresh::scan(&app, &s.lanes).await }) },
    Work { name: "callback", tick: |app, s| Box::pin(async move { callback::scan(&app, &s.lanes).await }) },
    Work { name: "deliver", tick: |app, s| Box::pin(async move { deliver::scan(&app, &s.lanes).await }) },
    Work { name: "books", tick: |app, _| Box::pin(async move { Ok(books::snapshot(&app).await?) }) },
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
        let shared = Shared { lanes: Arc::new(Lanes::new(app)) };
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
        timers.spawn(hand_on(stop.clone(), inboxes.send, {
            let (app, shared) = (app.clone(), shared.clone());
            move |case| dispatch::offer(&app, &shared.lanes, case)
        }));
        timers.spawn(hand_on(stop.clone(), inboxes.ask, {
            let (app, shared) = (app.clone(), shared.clone());
            move |question| refresh::offer(&app, &shared.lanes, question)
        }));
        timers.spawn(hand_on(stop.clone(), inboxes.callback, {
            let (app, shared) = (app.clone(), shared.clone());
            move |(waiting, provider): (Waiting, String)| callback::offer(&app, &shared.lanes, waiting, &provider)
        }));
        timers.spawn(hand_on(stop.clone(), inboxes.deliver, {
            let (app, shared) = (app.clone(), shared);
            move |due| deliver::offer(&app, &shared.lanes, due)
        }));
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

/// One loop: tick, then wait for the period.
async fn run(app: Arc<App>, shared: Shared, work: &'static Work, stop: CancellationToken) {
    let period = app.config.schedule.millis(app.config.schedule.due_scan_ms);
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
