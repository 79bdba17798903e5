//! What every flow needs, made once: database, providers, clock, doors, configuration, keys, and the ways to wake work.
//!
//! It holds handles and decides nothing. The receiving halves of its channels go to the workers.

mod memory;

pub use memory::*;

use std::collections::HashSet;
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
    /// Sends whose answer is awaited or being written, by connection and reference.
    pub sending: UnderWay<(Uuid, String)>,
    /// Callback addresses by codename.
    pub callbacks: Cache<String, CallbackOwner>,
    /// API keys by hash.
    pub credentials: Cache<[u8; 32], store::access::KeyRow>,
    /// When connections last called or were called, where that is not written down yet.
    pub activity: Activity,
    /// How often each connection is tested: a test is a call to its provider.
    pub tests: DefaultKeyedRateLimiter<Uuid>,
    /// How often documents are read by the links of each grant: every reading is a row.
    pub readings: DefaultKeyedRateLimiter<Uuid>,
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
    pub account: Arc<Account>,
    /// The same account with the secrets before today's, and how long it may be asked with them.
    pub before: Option<(Arc<Account>, DateTime<Utc>)>,
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
        let limits = &parts.config.limits;
        let per_minute = |n: u32| RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)));
        let app = App {
            tests: per_minute(limits.tests_per_minute),
            readings: per_minute(limits.file_reads_per_minute),
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
            sending: UnderWay::default(),
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
