//! A running simulator: its books behind one lock, its journal, faults and callbacks, and a way to await.
//!
//! [`Engine`] is the handle that tests in the same process use, whatever the provider; everybody else uses the
//! control API. It decides nothing about money: the provider does, under the lock it is given.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Changes;
use super::books::{Books, Entry, Row, Summary, WholeBooks};
use super::callbacks::{Callbacks, Try};
use super::faults::{Fault, Faults, Standing, Wait};
use super::journal::{Journal, Unwritten};
use super::provider::{Account, Provider, Settings};
use crate::clock::Clock;
use crate::outbound::Outbound;

/// What every simulator stands on.
pub struct Ground<'a> {
    /// Where the journals are.
    pub folder: &'a Path,
    pub clock: Clock,
    /// Divides every documented time.
    pub speed: f64,
    pub outbound: Outbound,
    pub stopping: CancellationToken,
}

/// A handle to a running simulator; clones are the same simulator.
pub struct Engine<P: Provider>(Arc<Inner<P>>);

impl<P: Provider> Clone for Engine<P> {
    fn clone(&self) -> Self {
        Engine(self.0.clone())
    }
}

struct Inner<P: Provider> {
    provider: P,
    account: Arc<P::Account>,
    clock: Clock,
    speed: f64,
    books: Mutex<Books<P>>,
    journal: Journal,
    faults: Arc<Faults>,
    callbacks: Callbacks,
    changes: Arc<Changes>,
    /// Wakes the agenda when something is due earlier than it knows.
    wake: Notify,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl<P: Provider> Engine<P> {
    /// Reads the journal in the ground's folder (or begins it) and starts the agenda. `callback_url` replaces the
    /// stored one.
    pub(in crate::sandbox) fn start(ground: &Ground<'_>, callback_url: Option<&String>) -> anyhow::Result<Self> {
        let code = P::CODE;
        let mut books = Books::<P>::default();
        let path = ground.folder.join(format!("{code}.jsonl"));
        let journal = Journal::open(&path, |entry: Entry<P>| books.apply(entry))?;
        if books.account().is_none() {
            let entry = Entry::Opened(P::Account::open().with_context(|| format!("no account at {code}"))?);
            journal.queue(&entry);
            books.apply(entry);
        }
        if callback_url.is_some() && callback_url.map(String::as_str) != books.settings.common().callback_url {
            let mut settings = P::Settings::clone(&books.settings);
            settings.call_back_to(callback_url.cloned());
            let entry = Entry::Settings(settings);
            journal.queue(&entry);
            books.apply(entry);
        }
        journal.write().with_context(|| format!("cannot begin the books of {code}"))?;
        let account = books.account().context("the books have no account")?;
        let changes = Arc::new(Changes::default());
        let (clock, outbound, stopping) = (ground.clock.clone(), ground.outbound.clone(), ground.stopping.clone());
        let callbacks = Callbacks::new(outbound, clock.clone(), ground.speed, changes.clone(), stopping.clone());
        let engine = Engine(Arc::new(Inner {
            provider: P::new(&account)?,
            account,
            clock,
            speed: ground.speed,
            books: Mutex::new(books),
            journal,
            faults: Arc::new(Faults::new(P::check)),
            callbacks,
            changes,
            wake: Notify::new(),
            stopping,
            tasks: TaskTracker::new(),
        }));
        engine.tasks().spawn(engine.clone().serve_agenda());
        Ok(engine)
    }

    /// Waits for the tasks; the ground's token must have been cancelled.
    pub(in crate::sandbox) async fn stopped(&self) {
        self.tasks().close();
        self.tasks().wait().await;
    }

    /// The credentials of the one account, as a connection is made with them.
    pub fn credentials(&self) -> P::Credentials {
        P::credentials(&self.0.account)
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

    /// What the books know of one reference.
    pub fn payment(&self, reference: &str) -> Option<Row> {
        self.lock().row(reference)
    }

    /// Adds a fault and returns its id; refused in words when it lacks what its kind needs, or the provider has no
    /// such fault.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        self.0.faults.add(fault)
    }

    /// The faults that stand, each with how many calls it has seen; a call that is seen wakes [`Engine::wait_for`].
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

    pub fn settings(&self) -> P::Settings {
        P::Settings::clone(&self.lock().settings)
    }

    /// Replaces the settings and keeps them in the journal.
    pub fn set_settings(&self, settings: P::Settings) -> Result<(), String> {
        self.record(Entry::Settings(settings))
    }

    /// Changes the named settings only; refused in words when a name or a value does not fit.
    pub fn change_settings(&self, changes: Map<String, Value>) -> Result<P::Settings, String> {
        let now = serde_json::to_value(self.settings()).map_err(|e| e.to_string())?;
        let Value::Object(mut all) = now else { return Err("settings are an object".into()) };
        all.extend(changes);
        let settings: P::Settings = serde_json::from_value(Value::Object(all)).map_err(|e| e.to_string())?;
        self.set_settings(settings.clone())?;
        Ok(settings)
    }

    /// Adds `amount` rupiah to the deposit (negative: takes out), and says the new sums.
    pub fn top_up(&self, amount: i64) -> Result<Summary, String> {
        self.record(Entry::TopUp(amount)).map(|()| self.summary())
    }

    /// Awaits until `look` finds what it wants: it is asked at once and after every change, never by time.
    pub async fn wait_for<T>(&self, mut look: impl FnMut(&Engine<P>) -> Option<T>) -> T {
        self.0.changes.until(|| look(self)).await
    }

    fn record(&self, entry: Entry<P>) -> Result<(), String> {
        self.commit(&mut self.lock(), entry);
        self.settle_journal().map_err(|e| e.to_string())
    }

    /// What the provider derived from its account.
    pub(in crate::sandbox) fn provider(&self) -> &P {
        &self.0.provider
    }

    pub(in crate::sandbox) fn account(&self) -> &P::Account {
        &self.0.account
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn speed(&self) -> f64 {
        self.0.speed
    }

    pub(super) fn faults(&self) -> &Arc<Faults> {
        &self.0.faults
    }

    pub(super) fn sender(&self) -> &Callbacks {
        &self.0.callbacks
    }

    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Completes when something is due earlier than was known.
    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Books<P>> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an entry and applies it, under the lock that the caller holds.
    pub(in crate::sandbox) fn commit(&self, books: &mut Books<P>, entry: Entry<P>) {
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
    pub(super) fn settle_journal(&self) -> Result<(), Unwritten> {
        let written = self.0.journal.write();
        self.0.changes.mark();
        written
    }

    /// Wakes who waits for something that is not in the books.
    pub(super) fn mark(&self) {
        self.0.changes.mark();
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Waits as a fault wants; `false` when the sandbox stops meanwhile.
    pub(super) async fn waited(&self, wait: Wait) -> bool {
        !wait.any() || self.0.stopping.run_until_cancelled(wait.over(&self.0.clock)).await.is_some()
    }
}
