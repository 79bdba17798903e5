//! A provider without an API of its own, that KYB files are pushed to: it verifies the signature, fetches every document,
//! keeps a book of what it got, and tells how the onboarding stands, by itself or as it is told to.
//!
//! It knows the product only from outside (seed 000, docs/KYB.md) and uses the chassis and the leaves. What it got lives in
//! memory; its settings are kept.

mod book;
mod review;
mod wire;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::chassis::Changes;
use super::chassis::control;
use super::chassis::faults::{Fault, Faults, Standing};
use super::chassis::journal::Journal;
use crate::clock::Clock;
use crate::crypto::random_bytes;
use crate::outbound::Outbound;
use book::Book;
pub use book::{Fetched, Post, Receipt, Tested};
pub use review::Plan;

/// How it behaves; set by `POST /control/settings`, kept in its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Under which pushes are signed.
    pub secret: String,
    /// Where statuses are posted, and the key that goes with them; none are without.
    pub status_url: Option<String>,
    pub provider_key: Option<String>,
    /// The status in the answer to a push, and its remarks.
    pub answer: String,
    pub remarks: Option<String>,
    /// Under which spelling the answer has them: the seed's example writes `reamrks`.
    pub remarks_field: String,
    /// What it does by itself after a push.
    pub plan: Plan,
    /// Between its own steps, in documented milliseconds (divided by the speed).
    pub step_ms: u64,
    /// The secret of the client's account, by which the token of a connection test is verified; any passes without.
    pub account_secret: Option<String>,
    /// Whether it fetches the documents of a push.
    pub fetches: bool,
}

impl Settings {
    fn new() -> Self {
        Settings {
            secret: hex::encode(random_bytes::<24>()),
            status_url: None,
            provider_key: None,
            answer: "received".into(),
            remarks: None,
            remarks_field: "remarks".into(),
            plan: Plan::Silent,
            step_ms: 1_000,
            account_secret: None,
            fetches: true,
        }
    }
}

/// A handle to the running provider; clones are the same.
#[derive(Clone)]
pub struct KybProvider(Arc<Inner>);

struct Inner {
    code: String,
    clock: Clock,
    speed: f64,
    outbound: Outbound,
    settings: Mutex<Settings>,
    journal: Journal,
    book: Mutex<Book>,
    faults: Arc<Faults>,
    changes: Changes,
    stopping: CancellationToken,
}

/// What every provider of a sandbox stands on.
pub(super) struct Soil<'a> {
    pub folder: &'a Path,
    pub clock: Clock,
    pub speed: f64,
    pub outbound: Outbound,
    pub stopping: CancellationToken,
}

impl KybProvider {
    /// Reads the settings kept in the folder; a new secret where there are none.
    pub(super) fn start(code: &str, soil: Soil<'_>) -> anyhow::Result<KybProvider> {
        let mut kept = None;
        let journal = Journal::open(&soil.folder.join(format!("kyb-{code}.jsonl")), |one: Settings| kept = Some(one))?;
        let settings = kept.unwrap_or_else(|| {
            let new = Settings::new();
            journal.queue(&new);
            new
        });
        journal.write()?;
        Ok(KybProvider(Arc::new(Inner {
            code: code.to_owned(),
            clock: soil.clock,
            speed: soil.speed,
            outbound: soil.outbound,
            settings: Mutex::new(settings),
            journal,
            book: Mutex::default(),
            faults: Arc::default(),
            changes: Changes::default(),
            stopping: soil.stopping,
        })))
    }

    /// The provider's public address: files go to `/kyb`, connection tests to `/connect`.
    pub(super) fn wire(&self) -> Router {
        Router::new()
            .route("/kyb", post(wire::receive))
            .route("/connect", post(wire::test_connection))
            .with_state(self.clone())
    }

    /// The control API.
    pub(super) fn control(&self) -> Router {
        Router::new()
            .route("/control/settings", get(wire::show_settings).post(wire::change_settings))
            .route("/control/received", get(wire::list_received))
            .route("/control/posts", get(wire::list_posts))
            .route("/control/tests", get(wire::list_tests))
            .route("/control/status", post(wire::post_status))
            .with_state(self.clone())
            .merge(control::faults(self.0.faults.clone()))
    }

    /// The object of this provider in `describe()`.
    pub(super) fn describe(&self, base_url: &str, control_url: &str) -> Value {
        json!({
            "url": format!("{base_url}/kyb"), "connect_url": format!("{base_url}/connect"), "control_url": control_url,
            "secret": self.settings().secret,
        })
    }

    /// The provider's code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn settings(&self) -> Settings {
        lock(&self.0.settings).clone()
    }

    /// Changes the named settings, and answers all of them.
    pub fn change_settings(&self, changes: Map<String, Value>) -> Result<Settings, String> {
        let mut settings = lock(&self.0.settings);
        let mut all = serde_json::to_value(&*settings).map_err(|e| e.to_string())?;
        let fields = all.as_object_mut().ok_or("settings are an object")?;
        fields.extend(changes);
        *settings = serde_json::from_value(all).map_err(|e| e.to_string())?;
        self.0.journal.queue(&*settings);
        let now = settings.clone();
        drop(settings);
        self.0.journal.write().map_err(|e| e.to_string())?;
        Ok(now)
    }

    /// Adds a misbehaviour; its operations are `push` and `connect`, the reference is the onboarding's.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        self.0.faults.add(fault)
    }

    /// Removes every misbehaviour and releases what hangs.
    pub fn clear_faults(&self) {
        self.0.faults.clear(None);
    }

    pub fn standing_faults(&self) -> Vec<Standing> {
        self.0.faults.list()
    }

    /// Every push that came, oldest first; a repeat is counted at the first.
    pub fn received(&self) -> Vec<Receipt> {
        self.book().receipts.clone()
    }

    /// Every status it posted, with the answer.
    pub fn posts(&self) -> Vec<Post> {
        self.book().posts.clone()
    }

    /// Every connection test that came.
    pub fn tests(&self) -> Vec<Tested> {
        self.book().tests.clone()
    }

    /// Awaits what `look` finds, looking again after every change.
    pub async fn wait_for<T>(&self, look: impl FnMut() -> Option<T>) -> T {
        self.0.changes.until(look).await
    }

    /// Posts a status now, with the key of the settings or another; answers the HTTP status and the body.
    pub async fn post(
        &self,
        reference: &str,
        status: &str,
        remarks: Option<&str>,
        key: Option<&str>,
    ) -> Result<(u16, Value), String> {
        review::post(self, reference, status, remarks, key).await
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }

    /// A documented time, on the sandbox's clock.
    async fn pause(&self, ms: u64) {
        self.0.clock.sleep(Duration::from_millis(ms).div_f64(self.0.speed)).await;
    }
}

/// Locks, also after a panic elsewhere: what is behind these locks is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
