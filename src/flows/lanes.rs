//! Lanes: one per connection, so that a provider that hangs holds up nobody else. A lane has slots for sends, slots for
//! questions, and a breaker; all connections of a provider share the provider's slots as well.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::app::App;
use crate::domain::breaker::Breaker;
use crate::providers::Limits;
use crate::store::attempt::Key;

/// All lanes of this process.
#[derive(Default)]
pub struct Lanes {
    lanes: Mutex<HashMap<Uuid, Arc<Lane>>>,
    providers: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Callbacks this process works on, so that a flood of them is not taken up twice.
    callbacks: Mutex<HashSet<Uuid>>,
}

/// One connection's lane.
pub struct Lane {
    sends: Arc<Semaphore>,
    asks: Arc<Semaphore>,
    provider: Arc<Semaphore>,
    pub breaker: Mutex<Breaker>,
    /// Attempts this process holds already, so that a scan does not take them twice.
    held: Mutex<HashSet<(Work, Key)>>,
    limit: usize,
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Send,
    Ask,
}

/// A slot in a lane; dropped, it is free again.
pub struct Slot {
    _lane: OwnedSemaphorePermit,
    _provider: Option<OwnedSemaphorePermit>,
}

/// The mark that this process works on an attempt; dropped, it is gone.
pub struct Held {
    lane: Arc<Lane>,
    what: (Work, Key),
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.lane.held).remove(&self.what);
    }
}

/// The mark that this process works on a callback; dropped, it is gone.
pub struct HeldCallback {
    lanes: Arc<Lanes>,
    id: Uuid,
}

impl Drop for HeldCallback {
    fn drop(&mut self) {
        lock(&self.lanes.callbacks).remove(&self.id);
    }
}

impl Lanes {
    /// Marks a callback as worked on by this process; `None` where it is already.
    pub fn hold_callback(self: &Arc<Self>, id: Uuid) -> Option<HeldCallback> {
        lock(&self.callbacks).insert(id).then(|| HeldCallback { lanes: self.clone(), id })
    }

    /// How many callbacks this process works on.
    pub fn callbacks_held(&self) -> usize {
        lock(&self.callbacks).len()
    }

    /// The lane of a connection at `provider`.
    pub fn of(&self, app: &App, connection: Uuid, provider: &str) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get(&connection) {
            return lane.clone();
        }
        let limits = app.providers.get(provider).map_or(Limits { provider: 1, connection: 1 }, |p| p.limits());
        let shared = lock(&self.providers)
            .entry(provider.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(limits.provider)))
            .clone();
        let lane = Arc::new(Lane {
            sends: Arc::new(Semaphore::new(limits.connection)),
            asks: Arc::new(Semaphore::new(limits.connection)),
            provider: shared,
            breaker: Mutex::default(),
            held: Mutex::default(),
            limit: limits.connection,
        });
        lanes.insert(connection, lane.clone());
        lane
    }
}

impl Lane {
    /// Marks an attempt as worked on by this process; `None` where it is already.
    pub fn hold(self: &Arc<Self>, work: Work, key: Key) -> Option<Held> {
        lock(&self.held).insert((work, key)).then(|| Held { lane: self.clone(), what: (work, key) })
    }

    /// How many more attempts a scan may take into memory: the free slots, and as many again to wait behind them.
    pub fn room(&self, work: Work) -> usize {
        let held = lock(&self.held).iter().filter(|(w, _)| *w == work).count();
        (self.limit * 2).saturating_sub(held)
    }

    /// Waits for a slot. Questions have their own, so that they go on while sends hang.
    pub async fn slot(&self, work: Work) -> Option<Slot> {
        let own = match work {
            Work::Send => &self.sends,
            Work::Ask => &self.asks,
        };
        let lane = own.clone().acquire_owned().await.ok()?;
        let provider = match work {
            Work::Send => Some(self.provider.clone().acquire_owned().await.ok()?),
            Work::Ask => None,
        };
        Some(Slot { _lane: lane, _provider: provider })
    }
}

/// Locks, also after a panic elsewhere: the sets and counters behind these locks are whole at every moment.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
