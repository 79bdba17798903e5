//! What every flow needs, made once: database, providers, clock, doors, configuration, keys, and the ways to wake work.
//!
//! It holds handles and decides nothing. The receiving halves of its channels go to the workers.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::envelope::Keyring;
use crate::documents::Documents;
use crate::domain::connection::Connection;
use crate::domain::fee::FeePlans;
use crate::domain::monitoring::{Seconds, Tally};
use crate::domain::sequence::Sequence;
use crate::domain::service::{Mode, Service};
use crate::outbound::Outbound;
use crate::providers::registry::{Providers, Targets};
use crate::providers::{Account, Balance};
use crate::store::{self, Db, accept, advance, attempt, callback, delivery};

/// Everything a flow needs.
pub struct App {
    pub db: Db,
    pub providers: Providers,
    /// Who takes KYB files.
    pub targets: Targets,
    pub clock: Clock,
    pub outbound: Outbound,
    pub documents: Documents,
    pub config: Config,
    pub keys: Keyring,
    pub writers: Writers,
    pub wake: Wake,
    /// Connections and opened credentials, as they were at most [`CACHE_TTL`] ago.
    pub accounts: Cache<(Uuid, Uuid), OpenConnection>,
    /// Sequences and connections, by client, mode, service and destination.
    pub routes: Cache<(Uuid, Mode, Service, String), RoutingTable>,
    /// Cases a provider just accepted, by connection and reference: its callback usually follows at once. What stands
    /// here may be overtaken; the version of every change says so.
    pub awaited: Cache<(Uuid, String), attempt::Case>,
    /// Callback addresses by codename.
    pub callbacks: Cache<String, CallbackOwner>,
    /// API keys by hash.
    pub credentials: Cache<[u8; 32], store::access::KeyRow>,
    /// When connections last called or were called, where that is not written down yet.
    pub activity: Activity,
    /// How often each connection is tested: a test is a call to its provider.
    pub tests: DefaultKeyedRateLimiter<Uuid>,
    /// When API keys were last called with, until it is written down.
    pub key_use: Activity,
    /// What providers said a client has with them, by client and mode, for pages that wait for nobody.
    pub balances: Cache<(Uuid, Mode), Balances>,
    /// Whose providers are being asked for that now.
    pub asking: Mutex<HashSet<(Uuid, Mode)>>,
    /// What was seen of the sends of connections, for monitoring.
    pub seen: SeenSends,
    /// Endpoints, for the deliveries under way.
    pub endpoints: Cache<(Uuid, Uuid), store::endpoint::Endpoint>,
    /// Provider calls and deliveries under way; a graceful end waits for them.
    pub tasks: TaskTracker,
}

/// How old what a cache holds may be. Every decision that moves money is checked again in its statement.
pub const CACHE_TTL: Duration = Duration::from_secs(1);

/// How old a balance may be that is still shown, with its age.
const BALANCES_TTL: Duration = Duration::from_secs(3600);

/// How long a case waits in memory for its callback.
const AWAITED_TTL: Duration = Duration::from_secs(10);

/// A connection ready to be called.
pub struct OpenConnection {
    pub connection: Connection,
    pub account: Account,
    /// The same account with the secrets before today's, and how long it may be asked with them.
    pub before: Option<(Account, DateTime<Utc>)>,
}

/// The balances of a client's connections, and when they were asked for.
pub struct Balances {
    pub at: DateTime<Utc>,
    /// By connection: the provider's own answer, or why there is none.
    pub answers: Vec<(Uuid, Result<Balance, String>)>,
}

/// What a plan is made from.
pub struct RoutingTable {
    pub sequence: Sequence,
    pub connections: Vec<Connection>,
    /// In force and to come.
    pub fees: FeePlans,
}

/// The sending halves of the batch writers, one kind each.
pub struct Writers {
    pub accept: Batch<accept::NewPayment, Option<accept::Accepted>>,
    /// Answers what was applied: `None` means the payment moved meanwhile.
    pub advance: Batch<advance::Change, Option<advance::Applied>>,
    pub callback: Batch<callback::NewCallback, ()>,
    /// Callbacks that were worked on: client and id.
    pub done: Batch<(Uuid, Uuid), ()>,
    pub mark: Batch<delivery::Mark, ()>,
}

/// Ways to tell the workers of this process that there is work, after the commit that made it.
/// Losing one of these messages costs time, never work: the rows are found by their times.
pub struct Wake {
    /// An attempt that was just prepared, with all that a send needs.
    pub send: mpsc::Sender<attempt::Case>,
    /// An attempt whose provider should be asked now.
    pub ask: mpsc::Sender<Question>,
    /// A callback that was just stored, and the provider it came from.
    pub callback: mpsc::Sender<(callback::Waiting, String)>,
    /// A delivery that was just made, leased to this process.
    pub deliver: mpsc::Sender<delivery::Due>,
    /// A payment changed: who waits for it reads it again.
    pub changed: broadcast::Sender<Uuid>,
}

/// An attempt to ask about, and whom.
#[derive(Clone, Debug)]
pub struct Question {
    pub key: attempt::Key,
    pub connection_id: Uuid,
    pub provider: String,
}

/// Whose a callback address is.
#[derive(Clone, Debug)]
pub struct CallbackOwner {
    pub client_id: Uuid,
    pub connection_id: Uuid,
    pub provider: String,
}

/// The receiving halves, for the workers.
pub struct Inboxes {
    pub accept: Inbox<accept::NewPayment, Option<accept::Accepted>>,
    pub advance: Inbox<advance::Change, Option<advance::Applied>>,
    pub callback_rows: Inbox<callback::NewCallback, ()>,
    pub done: Inbox<(Uuid, Uuid), ()>,
    pub mark: Inbox<delivery::Mark, ()>,
    pub send: mpsc::Receiver<attempt::Case>,
    pub ask: mpsc::Receiver<Question>,
    pub callback: mpsc::Receiver<(callback::Waiting, String)>,
    pub deliver: mpsc::Receiver<delivery::Due>,
}

/// What the binary and the tests bring.
pub struct Parts {
    pub db: Db,
    pub clock: Clock,
    pub outbound: Outbound,
    pub config: Config,
    pub keys: Keyring,
}

/// Work that waits in memory before a writer or worker takes it; beyond it the database is the queue.
const QUEUE: usize = 2048;

impl App {
    /// Puts the parts together. Nothing runs until the inboxes are given to the workers.
    pub fn new(parts: Parts) -> anyhow::Result<(Arc<App>, Inboxes)> {
        let providers = Providers::from_config(&parts.config.providers)?;
        let targets = Targets::from_config(&parts.config.onboarding, &providers)?;
        let (accept, accept_inbox) = Batch::new();
        let (advance, advance_inbox) = Batch::new();
        let (callback_rows, callback_rows_inbox) = Batch::new();
        let (done, done_inbox) = Batch::new();
        let (mark, mark_inbox) = Batch::new();
        let (send, send_inbox) = mpsc::channel(QUEUE);
        let (ask, ask_inbox) = mpsc::channel(QUEUE);
        let (callback, callback_inbox) = mpsc::channel(QUEUE);
        let (deliver, deliver_inbox) = mpsc::channel(QUEUE);
        let per_minute = NonZeroU32::new(parts.config.limits.tests_per_minute).unwrap_or(NonZeroU32::MIN);
        let app = App {
            tests: RateLimiter::keyed(Quota::per_minute(per_minute)),
            db: parts.db,
            providers,
            targets,
            clock: parts.clock,
            outbound: parts.outbound,
            documents: Documents::open(&parts.config.documents)?,
            config: parts.config,
            keys: parts.keys,
            writers: Writers { accept, advance, callback: callback_rows, done, mark },
            wake: Wake { send, ask, callback, deliver, changed: broadcast::Sender::new(4096) },
            accounts: Cache::new(CACHE_TTL),
            routes: Cache::new(CACHE_TTL),
            awaited: Cache::new(AWAITED_TTL),
            callbacks: Cache::new(CACHE_TTL),
            credentials: Cache::new(CACHE_TTL),
            activity: Activity::default(),
            key_use: Activity::default(),
            balances: Cache::new(BALANCES_TTL),
            asking: Mutex::default(),
            seen: SeenSends::default(),
            endpoints: Cache::new(CACHE_TTL),
            tasks: TaskTracker::new(),
        };
        let inboxes = Inboxes {
            accept: accept_inbox,
            advance: advance_inbox,
            callback_rows: callback_rows_inbox,
            done: done_inbox,
            mark: mark_inbox,
            send: send_inbox,
            ask: ask_inbox,
            callback: callback_inbox,
            deliver: deliver_inbox,
        };
        Ok((Arc::new(app), inboxes))
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// One row for a batch writer, with the way back to who waits for it.
pub type Letter<I, O> = (I, oneshot::Sender<store::Result<O>>);

/// The receiving half of a [`Batch`].
pub type Inbox<I, O> = mpsc::Receiver<Letter<I, O>>;

/// Hands rows of one kind to the task that writes whatever waits in one statement.
pub struct Batch<I, O>(mpsc::Sender<Letter<I, O>>);

impl<I, O> Batch<I, O> {
    fn new() -> (Self, Inbox<I, O>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Batch(sender), receiver)
    }

    /// Waits until the row is durable, or the writer says why it is not.
    pub async fn write(&self, row: I) -> store::Result<O> {
        let (answer, wait) = oneshot::channel();
        let gone = || store::Error::Unavailable("the writer has stopped".into());
        self.0.send((row, answer)).await.map_err(|_| gone())?;
        wait.await.map_err(|_| gone())?
    }
}

/// When connections last called their providers or were called by them, by client and connection. Written down now and
/// then by a worker; what is lost with the process is a minute of it.
#[derive(Default)]
pub struct Activity(Mutex<HashMap<(Uuid, Uuid), DateTime<Utc>>>);

impl Activity {
    /// A time only rises.
    pub fn note(&self, client_id: Uuid, connection: Uuid, at: DateTime<Utc>) {
        let mut noted = self.lock();
        let last = noted.entry((client_id, connection)).or_insert(at);
        *last = at.max(*last);
    }

    /// What stands here of a connection.
    pub fn of(&self, client_id: Uuid, connection: Uuid) -> Option<DateTime<Utc>> {
        self.lock().get(&(client_id, connection)).copied()
    }

    /// All of it.
    pub fn all(&self) -> Vec<(Uuid, Uuid, DateTime<Utc>)> {
        self.lock().iter().map(|((client, id), at)| (*client, *id, *at)).collect()
    }

    /// Lets go of what is written down now, and keeps what was noted since.
    pub fn written(&self, noted: &[(Uuid, Uuid, DateTime<Utc>)]) {
        let mut left = self.lock();
        for (client, id, at) in noted {
            if left.get(&(*client, *id)) == Some(at) {
                left.remove(&(*client, *id));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Uuid, Uuid), DateTime<Utc>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What was seen of sends, by client and connection: what this process remembers of the last hour.
#[derive(Default)]
pub struct SeenSends(Mutex<HashMap<(Uuid, Uuid), Seconds>>);

impl SeenSends {
    /// The end of a send: whether the provider gave an answer that can be read. `longest`: what is older may go.
    pub fn note(&self, client_id: Uuid, connection: Uuid, answered: bool, longest: Duration, at: DateTime<Utc>) {
        self.lock().entry((client_id, connection)).or_default().note(answered, longest, at);
    }

    /// Those that were ever sent to by this process.
    pub fn connections(&self) -> Vec<(Uuid, Uuid)> {
        self.lock().keys().copied().collect()
    }

    /// The sends of one since an instant.
    pub fn since(&self, client_id: Uuid, connection: Uuid, from: DateTime<Utc>) -> Tally {
        self.lock().get(&(client_id, connection)).map(|seconds| seconds.since(from)).unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Uuid, Uuid), Seconds>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Values read a moment ago. Bounded: a full cache is emptied, which costs reads and nothing else.
pub struct Cache<K, V> {
    ttl: Duration,
    entries: Mutex<Entries<K, V>>,
}

type Entries<K, V> = HashMap<K, (DateTime<Utc>, Arc<V>)>;

const CACHE_ENTRIES: usize = 10_000;

impl<K: Hash + Eq, V> Cache<K, V> {
    pub fn new(ttl: Duration) -> Self {
        Cache { ttl, entries: Mutex::new(HashMap::new()) }
    }

    /// The value, if it was put within the time to live.
    pub fn get(&self, key: &K, now: DateTime<Utc>) -> Option<Arc<V>> {
        let entries = self.lock();
        let (at, value) = entries.get(key)?;
        (now - *at).to_std().is_ok_and(|age| age < self.ttl).then(|| value.clone())
    }

    pub fn put(&self, key: K, value: V, now: DateTime<Utc>) -> Arc<V> {
        let value = Arc::new(value);
        let mut entries = self.lock();
        if entries.len() >= CACHE_ENTRIES {
            entries.clear();
        }
        entries.insert(key, (now, value.clone()));
        value
    }

    /// Takes the value out, if it was put within the time to live.
    pub fn take(&self, key: &K, now: DateTime<Utc>) -> Option<Arc<V>> {
        let (at, value) = self.lock().remove(key)?;
        (now - at).to_std().is_ok_and(|age| age < self.ttl).then_some(value)
    }

    pub fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    /// Forgets everything: for what changes by another name than its key.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
