//! Lanes: one per connection and one per webhook endpoint, so that whoever hangs holds up nobody else.
//!
//! A lane's line takes work into memory, never the same work twice, and a bounded number of workers drain it. What does
//! not fit is not lost: its row is due in the database. Connections to one address of a provider share its slots too.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::app::{App, lock};
use crate::domain::breaker::Breaker;
use crate::providers::Limits;
use crate::providers::call::host_of;
use crate::store::attempt::{Case, Key};
use crate::store::callback::Waiting;
use crate::store::delivery::{self, Due};
use crate::store::onboarding;

/// Work that waits in one line; beyond it the database is the queue.
const LONGEST: usize = 4096;

/// Work in memory: what waits, what is held by this process, and how many workers drain it.
pub struct Line<K, T> {
    state: Mutex<State<K, T>>,
    workers: usize,
}

struct State<K, T> {
    waiting: VecDeque<(K, T)>,
    held: HashSet<K>,
    busy: usize,
}

/// A piece of work in hand. Dropped by a panic, it gives back the worker's place and the mark.
struct Hand<'a, K: Eq + Hash + Copy, T> {
    line: &'a Line<K, T>,
    key: K,
}

impl<K: Eq + Hash + Copy, T> Drop for Hand<'_, K, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.line.state);
        state.held.remove(&self.key);
        state.busy -= usize::from(std::thread::panicking());
    }
}

impl<K: Eq + Hash + Copy, T> Line<K, T> {
    pub fn new(workers: usize) -> Self {
        let state = State { waiting: VecDeque::new(), held: HashSet::new(), busy: 0 };
        Line { state: Mutex::new(state), workers: workers.max(1) }
    }

    /// How much more a scan may take: what the workers take up at once, and as much again to wait behind it.
    pub fn room(&self) -> usize {
        (self.workers * 2).saturating_sub(lock(&self.state).held.len())
    }

    /// What is held now: it waits, or somebody is at it.
    pub fn held(&self) -> Vec<K> {
        lock(&self.state).held.iter().copied().collect()
    }

    /// Takes work in. `true` where the caller must start a worker for it.
    fn push(&self, key: K, item: T) -> bool {
        let mut state = lock(&self.state);
        if state.waiting.len() >= LONGEST || !state.held.insert(key) {
            return false;
        }
        state.waiting.push_back((key, item));
        let start = state.busy < self.workers;
        state.busy += usize::from(start);
        start
    }

    /// The next piece of work. With none left the worker's place is given back in the same step, so that nothing
    /// that comes in at this moment is left without a worker.
    fn next(&self) -> Option<(K, T)> {
        let mut state = lock(&self.state);
        let next = state.waiting.pop_front();
        state.busy -= usize::from(next.is_none());
        next
    }
}

/// Whoever owns a line, and what its workers do with one piece of work; said where that work is done.
pub trait Worked: Send + Sync + 'static {
    type Key: Eq + Hash + Copy + Send + Sync;
    type Item: Send;
    const NAME: &'static str;
    fn line(&self) -> &Line<Self::Key, Self::Item>;
    fn work<'a>(self: &'a Arc<Self>, app: &'a Arc<App>, item: Self::Item) -> BoxFuture<'a, anyhow::Result<()>>;
    /// After a piece of work was given back: `Some` takes up more.
    fn then<'a>(self: &'a Arc<Self>, _app: &'a Arc<App>) -> Option<BoxFuture<'a, anyhow::Result<()>>> {
        None
    }
}

/// Takes a piece of work into its line and sees that a worker drains it, in a task that nobody cancels.
pub fn offer<W: Worked>(app: &Arc<App>, owner: &Arc<W>, key: W::Key, item: W::Item) {
    if !owner.line().push(key, item) {
        return;
    }
    let (app, owner) = (app.clone(), owner.clone());
    app.tasks.clone().spawn(async move {
        while let Some((key, item)) = owner.line().next() {
            let hand = Hand { line: owner.line(), key };
            failed::<W>(owner.work(&app, item).await);
            drop(hand);
            if let Some(more) = owner.then(&app) {
                failed::<W>(more.await);
            }
        }
    });
}

fn failed<W: Worked>(done: anyhow::Result<()>) {
    if let Err(error) = done {
        tracing::error!(work = W::NAME, error = format!("{error:#}"), "work failed; its row is found again");
        metrics::counter!("flow_errors_total", "flow" => W::NAME).increment(1);
    }
}

/// One connection's sends: claimed and spoken one at a time by each worker.
pub struct Sends {
    pub(super) line: Line<Key, Offered>,
    /// Shared by all connections of the provider.
    pub provider: Arc<Slots>,
    pub breaker: Mutex<Breaker>,
}

/// Calls under way at once at a provider, address by address: one that a client set for its connection and that hangs
/// holds up nobody who calls another.
pub struct Slots {
    size: usize,
    by_address: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Slots {
    fn new(size: usize) -> Self {
        Slots { size, by_address: Mutex::default() }
    }

    /// The slots of `address`; of the installation's own where a connection sets none.
    pub fn at(&self, address: Option<&str>) -> Arc<Semaphore> {
        let host = address.map_or("", host_of);
        let mut all = lock(&self.by_address);
        if let Some(slots) = all.get(host) {
            return slots.clone();
        }
        // Those nobody holds are as good as new.
        all.retain(|_, slots| Arc::strong_count(slots) > 1);
        all.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.size))).clone()
    }
}

/// A prepared attempt, and since when it waits in this process.
pub struct Offered {
    pub case: Case,
    pub since: DateTime<Utc>,
}

/// One connection's questions. They have workers of their own, so that they go on while sends hang.
pub struct Asks {
    pub(super) line: Line<Uuid, Ask>,
    /// Attempts that are being asked about at this moment.
    pub asking: Mutex<HashSet<Key>>,
}

/// A reason to ask the provider.
pub enum Ask {
    Attempt(Key),
    /// About one payment, the newest first.
    Callbacks(Vec<Waiting>),
}

/// One endpoint's deliveries.
pub struct Deliveries {
    pub(super) line: Line<delivery::Key, Due>,
    /// Shared by all endpoints.
    pub all: Arc<Semaphore>,
}

/// The files on their way to one provider.
pub struct Filings {
    pub(super) line: Line<(Uuid, Uuid), onboarding::Row>,
    /// The provider's code.
    pub code: String,
    /// Who reads and writes now, over all providers: whatever many files wait, payments keep their connections.
    pub gate: Arc<Semaphore>,
}

/// All lanes of this process.
pub struct Lanes {
    sends: Mutex<HashMap<Uuid, Arc<Sends>>>,
    asks: Mutex<HashMap<Uuid, Arc<Asks>>>,
    endpoints: Mutex<HashMap<Uuid, Arc<Deliveries>>>,
    filings: Mutex<HashMap<String, Arc<Filings>>>,
    gate: Arc<Semaphore>,
    providers: Mutex<HashMap<String, Arc<Slots>>>,
    deliveries: Arc<Semaphore>,
    per_endpoint: usize,
}

impl Lanes {
    pub fn new(app: &App) -> Self {
        Lanes {
            sends: Mutex::default(),
            asks: Mutex::default(),
            endpoints: Mutex::default(),
            filings: Mutex::default(),
            gate: Arc::new(Semaphore::new((app.config.database.connections as usize / 4).max(1))),
            providers: Mutex::default(),
            deliveries: Arc::new(Semaphore::new(app.config.webhooks.workers.max(1))),
            per_endpoint: app.config.webhooks.per_endpoint,
        }
    }

    /// The sends of a connection at `provider`.
    pub fn sends(&self, app: &App, connection: Uuid, provider: &str) -> Arc<Sends> {
        let limits = limits(app, provider);
        let make = || {
            let shared = lock(&self.providers)
                .entry(provider.to_owned())
                .or_insert_with(|| Arc::new(Slots::new(limits.provider)))
                .clone();
            Arc::new(Sends { line: Line::new(limits.connection), provider: shared, breaker: Mutex::default() })
        };
        lock(&self.sends).entry(connection).or_insert_with(make).clone()
    }

    /// The questions of a connection at `provider`.
    pub fn asks(&self, app: &App, connection: Uuid, provider: &str) -> Arc<Asks> {
        let workers = limits(app, provider).connection;
        let make = || Arc::new(Asks { line: Line::new(workers), asking: Mutex::default() });
        lock(&self.asks).entry(connection).or_insert_with(make).clone()
    }

    /// The files on their way to the provider of `code`, so many at once.
    pub fn filings(&self, code: &str, workers: usize) -> Arc<Filings> {
        let gate = || self.gate.clone();
        let make = || Arc::new(Filings { line: Line::new(workers), code: code.to_owned(), gate: gate() });
        lock(&self.filings).entry(code.to_owned()).or_insert_with(make).clone()
    }

    /// The deliveries of an endpoint.
    pub fn endpoint(&self, endpoint: Uuid) -> Arc<Deliveries> {
        let make = || Arc::new(Deliveries { line: Line::new(self.per_endpoint), all: self.deliveries.clone() });
        lock(&self.endpoints).entry(endpoint).or_insert_with(make).clone()
    }
}

fn limits(app: &App, provider: &str) -> Limits {
    app.providers.get(provider).map_or(Limits { provider: 1, connection: 1 }, |provider| provider.limits())
}
