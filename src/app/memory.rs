//! What this process remembers: values read a moment ago, notes for later, marks of what is under way. Losing any of it
//! costs time, never work.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::monitoring::{Seconds, Tally};

/// When connections last called their providers or were called by them, by client and connection. Written down now and
/// then by a worker; what is lost with the process is a minute of it.
#[derive(Default)]
pub struct Activity(Mutex<HashMap<(Uuid, Uuid), DateTime<Utc>>>);

impl Activity {
    /// A time only rises.
    pub fn note(&self, client_id: Uuid, connection: Uuid, at: DateTime<Utc>) {
        let mut noted = lock(&self.0);
        let last = noted.entry((client_id, connection)).or_insert(at);
        *last = at.max(*last);
    }

    /// What stands here of a connection.
    pub fn of(&self, client_id: Uuid, connection: Uuid) -> Option<DateTime<Utc>> {
        lock(&self.0).get(&(client_id, connection)).copied()
    }

    /// All of it.
    pub fn all(&self) -> Vec<(Uuid, Uuid, DateTime<Utc>)> {
        lock(&self.0).iter().map(|((client, id), at)| (*client, *id, *at)).collect()
    }

    /// Lets go of what is written down now, and keeps what was noted since.
    pub fn written(&self, noted: &[(Uuid, Uuid, DateTime<Utc>)]) {
        let mut left = lock(&self.0);
        for (client, id, at) in noted {
            if left.get(&(*client, *id)) == Some(at) {
                left.remove(&(*client, *id));
            }
        }
    }
}

/// What was seen of sends, by client and connection: what this process remembers of the last hour.
#[derive(Default)]
pub struct SeenSends(Mutex<HashMap<(Uuid, Uuid), Seconds>>);

impl SeenSends {
    /// The end of a send: whether the provider gave an answer that can be read. `longest`: what is older may go.
    pub fn note(&self, client_id: Uuid, connection: Uuid, answered: bool, longest: Duration, at: DateTime<Utc>) {
        lock(&self.0).entry((client_id, connection)).or_default().note(answered, longest, at);
    }

    /// Those that were ever sent to by this process.
    pub fn connections(&self) -> Vec<(Uuid, Uuid)> {
        lock(&self.0).keys().copied().collect()
    }

    /// The sends of one since an instant.
    pub fn since(&self, client_id: Uuid, connection: Uuid, from: DateTime<Utc>) -> Tally {
        lock(&self.0).get(&(client_id, connection)).map(|seconds| seconds.since(from)).unwrap_or_default()
    }
}

/// Values read a moment ago. Bounded: a full cache is emptied, which costs reads and nothing else.
pub struct Cache<K, V> {
    ttl: Duration,
    entries: Mutex<Entries<K, V>>,
    reading: UnderWay<K>,
}

struct Entries<K, V> {
    kept: HashMap<K, (DateTime<Utc>, Arc<V>)>,
    /// How often something was forgotten: what was being read meanwhile may be older, and is not kept.
    forgotten: u64,
}

const CACHE_ENTRIES: usize = 10_000;

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    pub fn new(ttl: Duration) -> Self {
        let entries = Mutex::new(Entries { kept: HashMap::new(), forgotten: 0 });
        Cache { ttl, entries, reading: UnderWay::default() }
    }

    /// The value of a moment ago, or what `read` says now. Many who miss it at once wait for the first of them.
    pub async fn read<E>(&self, key: K, clock: &Clock, read: impl Future<Output = Result<V, E>>) -> Result<Arc<V>, E> {
        match self.kept(&key, clock).await {
            Ok(kept) => Ok(kept),
            Err(_mine) => {
                let (now, forgotten) = (clock.now(), lock(&self.entries).forgotten);
                Ok(self.keep(key, read.await?, now, forgotten))
            }
        }
    }

    /// The same for what may not be there; that it is not there is asked again.
    pub async fn find<E>(
        &self,
        key: K,
        clock: &Clock,
        find: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<Arc<V>>, E> {
        match self.kept(&key, clock).await {
            Ok(kept) => Ok(Some(kept)),
            Err(_mine) => {
                let (now, forgotten) = (clock.now(), lock(&self.entries).forgotten);
                Ok(find.await?.map(|value| self.keep(key, value, now, forgotten)))
            }
        }
    }

    /// The value, or the mark that others wait for. Who waited and finds nothing has none: the first of them failed,
    /// and nobody stands in a queue of failures.
    async fn kept(&self, key: &K, clock: &Clock) -> Result<Arc<V>, Option<Mark<'_, K>>> {
        if let Some(kept) = self.get(key, clock.now()) {
            return Ok(kept);
        }
        let mine = self.reading.begin(key.clone());
        if mine.is_none() {
            self.reading.over(key).await;
            return self.get(key, clock.now()).ok_or(None);
        }
        Err(mine)
    }

    /// The value, if it was put within the time to live.
    pub fn get(&self, key: &K, now: DateTime<Utc>) -> Option<Arc<V>> {
        let entries = lock(&self.entries);
        let (at, value) = entries.kept.get(key)?;
        (now - *at).to_std().is_ok_and(|age| age < self.ttl).then(|| value.clone())
    }

    pub fn put(&self, key: K, value: V, now: DateTime<Utc>) -> Arc<V> {
        let forgotten = lock(&self.entries).forgotten;
        self.keep(key, value, now, forgotten)
    }

    /// Keeps what was read since so much was forgotten, unless more was meanwhile.
    fn keep(&self, key: K, value: V, now: DateTime<Utc>, forgotten: u64) -> Arc<V> {
        let value = Arc::new(value);
        let mut entries = lock(&self.entries);
        if entries.kept.len() >= CACHE_ENTRIES {
            entries.kept.clear();
        }
        if entries.forgotten == forgotten {
            entries.kept.insert(key, (now, value.clone()));
        }
        value
    }

    /// Takes the value out, if it was put within the time to live.
    pub fn take(&self, key: &K, now: DateTime<Utc>) -> Option<Arc<V>> {
        let (at, value) = lock(&self.entries).kept.remove(key)?;
        (now - at).to_std().is_ok_and(|age| age < self.ttl).then_some(value)
    }

    /// Forgets a value. Nobody who asks from now on gets what it was.
    pub fn forget(&self, key: &K) {
        let mut entries = lock(&self.entries);
        entries.kept.remove(key);
        entries.forgotten += 1;
    }

    /// Forgets everything: for what changes by another name than its key.
    pub fn clear(&self) {
        let mut entries = lock(&self.entries);
        entries.kept.clear();
        entries.forgotten += 1;
    }
}

/// What is being done now in this process, by key: done once at a time, and who needs it done can wait for its end.
pub struct UnderWay<K>(Mutex<HashMap<K, watch::Receiver<()>>>);

/// The mark that something is under way; dropped, it is over, and who waits goes on.
pub struct Mark<'a, K: Hash + Eq> {
    all: &'a UnderWay<K>,
    key: K,
    _over: watch::Sender<()>,
}

impl<K> Default for UnderWay<K> {
    fn default() -> Self {
        UnderWay(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> UnderWay<K> {
    /// `None` where it is under way already.
    pub fn begin(&self, key: K) -> Option<Mark<'_, K>> {
        let mut all = lock(&self.0);
        if all.contains_key(&key) {
            return None;
        }
        let (over, wait) = watch::channel(());
        all.insert(key.clone(), wait);
        Some(Mark { all: self, key, _over: over })
    }

    /// Waits until it is over; at once where it is not under way.
    pub async fn over(&self, key: &K) {
        let under_way = lock(&self.0).get(key).cloned();
        if let Some(mut under_way) = under_way {
            // Nothing is ever sent: the channel closes with the mark.
            let _ = under_way.changed().await;
        }
    }
}

impl<K> UnderWay<K> {}

impl<K: Hash + Eq> Drop for Mark<'_, K> {
    fn drop(&mut self) {
        lock(&self.all.0).remove(&self.key);
    }
}

/// Locks, also after a panic elsewhere: what stands behind these locks is whole at every moment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
