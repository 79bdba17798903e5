//! The OY! Indonesia simulator: inquiry, remit, remit-status, balance and the disbursement callback.
//!
//! Written from contracts/oy.md, never from the product's adapter. It may use the chassis, the leaves and `outbound`.
//! [`Oy`] is its handle: tests in the same process use it, everybody else the control API.

mod books;
mod calls;
mod code;
mod control;
mod life;
mod settings;
mod tables;
mod wire;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use books::{Row, Summary};
pub use code::Code;
pub use life::CALLBACK_RETRY_S;
pub use settings::{Mode, Settings};

use super::chassis::Changes;
use super::chassis::callbacks::{Callbacks, Try};
use super::chassis::faults::{Fault, Faults, Standing, Wait};
use super::chassis::journal::{Journal, Unwritten};
use crate::clock::Clock;
use crate::crypto::random_bytes;
use crate::outbound::Outbound;
use books::{Books, Entry};

/// The account that exists from the start.
pub const USERNAME: &str = "oy-sandbox";
/// Rp 1,000,000,000,000: long runs do not drain it.
pub const OPENING_BALANCE: i64 = 1_000_000_000_000;

/// A handle to the running simulator; clones are the same simulator.
#[derive(Clone)]
pub struct Oy(Arc<Inner>);

struct Inner {
    clock: Clock,
    speed: f64,
    books: Mutex<Books>,
    journal: Journal,
    faults: Arc<Faults>,
    callbacks: Callbacks,
    changes: Arc<Changes>,
    /// Wakes the agenda when something is due earlier than it knows.
    wake: Notify,
    /// The second that is counted, and the calls in it.
    rate: Mutex<(i64, u32)>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// The sums and every payment, as of one instant.
#[derive(Clone, Debug, Serialize)]
pub struct WholeBooks {
    #[serde(flatten)]
    pub summary: Summary,
    pub payments: Vec<Row>,
}

/// Who may call.
#[derive(Clone, Debug, Serialize)]
pub struct Credentials {
    pub username: String,
    pub api_key: String,
}

impl Oy {
    /// Reads the journal in `folder` (or begins it) and starts the agenda. `callback_url` replaces the stored one.
    pub(super) fn start(
        folder: &Path,
        clock: Clock,
        speed: f64,
        callback_url: Option<String>,
        outbound: Outbound,
        stopping: CancellationToken,
    ) -> anyhow::Result<Oy> {
        let mut books = Books::default();
        let journal = Journal::open(&folder.join("oy.jsonl"), |entry: Entry| books.apply(entry))?;
        let changes = Arc::new(Changes::default());
        let callbacks = Callbacks::new(outbound, clock.clone(), speed, changes.clone(), stopping.clone());
        let oy = Oy(Arc::new(Inner {
            clock,
            speed,
            books: Mutex::new(books),
            journal,
            faults: Arc::default(),
            callbacks,
            changes,
            wake: Notify::new(),
            rate: Mutex::new((0, 0)),
            stopping,
            tasks: TaskTracker::new(),
        }));
        oy.open_books(callback_url).context("cannot begin the books of the OY! simulator")?;
        oy.tasks().spawn(oy.clone().serve_agenda());
        Ok(oy)
    }

    fn open_books(&self, callback_url: Option<String>) -> Result<(), Unwritten> {
        let mut books = self.lock();
        if !books.opened() {
            let entry = Entry::Opened {
                username: USERNAME.into(),
                api_key: hex::encode(random_bytes::<16>()),
                tag: hex::encode(random_bytes::<4>()),
                balance: OPENING_BALANCE,
            };
            self.commit(&mut books, entry);
        }
        if callback_url.is_some() && callback_url != books.settings.callback_url {
            let settings = Settings { callback_url, ..books.settings.clone() };
            self.commit(&mut books, Entry::Settings(settings));
        }
        drop(books);
        self.settle_journal()
    }

    /// The provider's address.
    pub(super) fn wire(&self) -> Router {
        wire::router(self.clone())
    }

    /// The control API.
    pub(super) fn control(&self) -> Router {
        control::router(self.clone())
    }

    /// Waits for the tasks; the token given at the start must have been cancelled.
    pub(super) async fn stopped(&self) {
        self.tasks().close();
        self.tasks().wait().await;
    }

    /// Username and API key of the account.
    pub fn credentials(&self) -> Credentials {
        let books = self.lock();
        Credentials { username: books.username.clone(), api_key: books.api_key.clone() }
    }

    /// The sums and every payment.
    pub fn books(&self) -> WholeBooks {
        let books = self.lock();
        WholeBooks { summary: books.summary(), payments: books.rows() }
    }

    /// The sums alone.
    pub fn summary(&self) -> Summary {
        self.lock().summary()
    }

    /// What the books know of one `partner_trx_id`.
    pub fn payment(&self, id: &str) -> Option<Row> {
        self.lock().row(id)
    }

    /// Adds a fault and returns its id; refused in words when it lacks what its kind needs.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        self.0.faults.add(fault)
    }

    /// The faults that stand, each with how many calls it has seen; a call that is seen wakes [`Oy::wait_for`].
    pub fn standing_faults(&self) -> Vec<Standing> {
        self.0.faults.list()
    }

    /// Removes every fault and releases what hangs.
    pub fn clear_faults(&self) {
        self.0.faults.clear(None);
    }

    /// The tries of callbacks that the log keeps, oldest first.
    pub fn callbacks(&self) -> Vec<Try> {
        self.0.callbacks.log()
    }

    pub fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    /// Replaces the settings and keeps them in the journal.
    pub fn set_settings(&self, settings: Settings) -> Result<(), String> {
        self.record(Entry::Settings(settings))
    }

    /// Changes the named settings only; refused in words when a name or a value does not fit.
    pub fn change_settings(&self, changes: Map<String, Value>) -> Result<Settings, String> {
        let now = serde_json::to_value(self.settings()).map_err(|e| e.to_string())?;
        let Value::Object(mut all) = now else { return Err("settings are an object".into()) };
        all.extend(changes);
        let settings: Settings = serde_json::from_value(Value::Object(all)).map_err(|e| e.to_string())?;
        self.set_settings(settings.clone())?;
        Ok(settings)
    }

    /// Adds `amount` rupiah to the deposit (negative: takes out), and says the new sums.
    pub fn top_up(&self, amount: i64) -> Result<Summary, String> {
        self.record(Entry::TopUp(amount)).map(|()| self.summary())
    }

    /// Awaits until `look` finds what it wants: it is asked at once and after every change, never by time.
    pub async fn wait_for<T>(&self, mut look: impl FnMut(&Oy) -> Option<T>) -> T {
        self.0.changes.until(|| look(self)).await
    }

    fn record(&self, entry: Entry) -> Result<(), String> {
        self.commit(&mut self.lock(), entry);
        self.settle_journal().map_err(|e| e.to_string())
    }

    fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an entry and applies it, under the lock that the caller holds.
    fn commit(&self, books: &mut Books, entry: Entry) {
        let known = books.next_due();
        self.0.journal.queue(&entry);
        books.apply(entry);
        let earlier = match (books.next_due(), known) {
            (Some(next), Some(known)) => next < known,
            (next, known) => next.is_some() && known.is_none(),
        };
        if earlier {
            self.0.wake.notify_one();
        }
    }

    /// Writes what is queued; call it without the lock and before anything is answered or told.
    fn settle_journal(&self) -> Result<(), Unwritten> {
        let written = self.0.journal.write();
        self.0.changes.mark();
        written
    }

    /// Wakes who waits for something that is not in the books.
    fn mark(&self) {
        self.0.changes.mark();
    }

    /// Counts a call of this second; `false` when there were too many.
    fn within_rate(&self, limit: u32, now: DateTime<Utc>) -> bool {
        if limit == 0 {
            return true;
        }
        let mut rate = self.0.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.0 != now.timestamp() {
            *rate = (now.timestamp(), 0);
        }
        rate.1 = rate.1.saturating_add(1);
        rate.1 <= limit
    }

    /// Waits as a fault wants; `false` when the sandbox stops meanwhile.
    async fn waited(&self, wait: Wait) -> bool {
        !wait.any() || self.0.stopping.run_until_cancelled(wait.over(&self.0.clock)).await.is_some()
    }
}
