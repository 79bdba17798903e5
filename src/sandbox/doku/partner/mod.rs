//! The simulator of DOKU's Partner API: check requirements, token, upload, registration, business lite, get business data,
//! and a review that people steer (seed 002, contracts/doku.md 1, 3.1, 5, 6, 8).
//!
//! Written from the contract, never from the product's adapter. It has an address and a journal of its own; it uses the
//! chassis, the leaves and `outbound`. [`PartnerApi`] is its handle: tests in the same process use it, everybody else the
//! control API.

pub mod access;
mod books;
mod calls;
mod check;
mod form;
mod review;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use aws_lc_rs::rsa::KeyPair;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access::Target;
pub use books::{Filed, Held};
pub use review::Verdict;

use super::{pairs, signing};
use crate::clock::Clock;
use crate::crypto::random_bytes;
use crate::outbound::{Outbound, OutboundLimits};
use crate::sandbox::chassis::Changes;
use crate::sandbox::chassis::callbacks::{Callback, Callbacks, Try};
use crate::sandbox::chassis::control::{self, done, ok, read};
use crate::sandbox::chassis::engine::Ground;
use crate::sandbox::chassis::faults::{Fault, Faults, Wait};
use crate::sandbox::chassis::journal::{Journal, Unwritten};
use books::{Account, Books, Entry};

/// Its name among the sandbox's servers.
pub const NAME: &str = "doku_partner";
/// The partner that exists from the start, as in seed 002.
pub const CLIENT_ID: &str = "BRN-0201-1676357010382";

/// How it behaves; set by `POST /control/settings`, kept in the journal. Defaults are those of contracts/doku.md 6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How far `Request-Timestamp` may be off, in seconds; 0 does not look.
    pub skew_s: u32,
    pub target: Target,
    /// Answers carry a signature.
    pub sign_answers: bool,
    /// The life of a token that is asked for without one.
    pub token_minutes: u32,
    /// Only the token given out last is good.
    pub strict_token: bool,
    /// A business that nobody decided about is approved in everything so long after its registration, in documented
    /// milliseconds (divided by the speed); absent: never.
    pub approve_after_ms: Option<u64>,
    /// How long a `file_url` may take, in real milliseconds.
    pub fetch_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            skew_s: 300,
            target: Target::Either,
            sign_answers: true,
            token_minutes: 5,
            strict_token: false,
            approve_after_ms: None,
            fetch_timeout_ms: 10_000,
        }
    }
}

/// A handle to the running simulator; clones are the same simulator.
#[derive(Clone)]
pub struct PartnerApi(Arc<Inner>);

struct Inner {
    account: Account,
    /// DOKU's own key, which signs tokens.
    key: KeyPair,
    clock: Clock,
    speed: f64,
    books: Mutex<Books>,
    journal: Journal,
    faults: Arc<Faults>,
    callbacks: Callbacks,
    changes: Arc<Changes>,
    /// Fetches what is to be uploaded: files are longer than answers usually are. Made when first needed.
    fetcher: OnceLock<Option<Outbound>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// What is decided about a business.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Its id, its brand's or the partner's reference; the newest where nothing is said.
    pub business: Option<String>,
    /// `all`, a kind of part, or the id or code of one.
    pub what: String,
    pub verdict: Verdict,
}

impl PartnerApi {
    /// Reads the journal in the ground's folder, or begins it.
    pub(in crate::sandbox) fn start(ground: &Ground<'_>) -> anyhow::Result<PartnerApi> {
        let mut books = Books::default();
        let path = ground.folder.join(format!("{NAME}.jsonl"));
        let journal = Journal::open(&path, |entry: Entry| books.apply(entry))?;
        if books.account.is_none() {
            let [_, doku] = pairs()?.clone();
            let secret_key = format!("SK-{}", hex::encode(random_bytes::<12>()));
            let account = Account { client_id: CLIENT_ID.into(), secret_key, doku_private: doku.private };
            let entry = Entry::Opened(account);
            journal.queue(&entry);
            books.apply(entry);
            journal.write().context("cannot begin the books of the Partner API")?;
        }
        let account = books.account.clone().context("the books have no partner")?;
        let key = KeyPair::from_pkcs8(&signing::der(&account.doku_private)?).context("the key of the journal")?;
        let changes = Arc::new(Changes::default());
        let (clock, outbound, stopping) = (ground.clock.clone(), ground.outbound.clone(), ground.stopping.clone());
        let callbacks = Callbacks::new(outbound, clock.clone(), ground.speed, changes.clone(), stopping.clone());
        Ok(PartnerApi(Arc::new(Inner {
            account,
            key,
            clock,
            speed: ground.speed,
            books: Mutex::new(books),
            journal,
            faults: Arc::default(),
            callbacks,
            changes,
            fetcher: OnceLock::new(),
            stopping,
            tasks: TaskTracker::new(),
        })))
    }

    /// Waits for the tasks; the ground's token must have been cancelled.
    pub(in crate::sandbox) async fn stopped(&self) {
        self.tasks().close();
        self.tasks().wait().await;
    }

    /// DOKU's address.
    pub(in crate::sandbox) fn wire(&self) -> Router {
        let limit = DefaultBodyLimit::max((calls::MAX_MB + 1) << 20);
        Router::new().fallback(calls::answer).layer(limit).with_state(self.clone())
    }

    /// The control API.
    pub(in crate::sandbox) fn control(&self) -> Router {
        Router::new()
            .route("/control/businesses", get(list_businesses))
            .route("/control/files", get(list_files))
            .route("/control/review", post(post_review))
            .route("/control/settings", get(show_settings).post(set_settings))
            .route("/control/callbacks", get(list_callbacks))
            .with_state(self.clone())
            .merge(control::faults(self.0.faults.clone()))
    }

    /// The object in `describe()`: `credentials` are what the product is configured with.
    pub(in crate::sandbox) fn describe(&self, base_url: &str, control_url: &str) -> Value {
        json!({ "base_url": base_url, "control_url": control_url, "credentials": self.credentials() })
    }

    pub fn credentials(&self) -> Value {
        json!({ "client_id": self.0.account.client_id, "secret_key": self.0.account.secret_key })
    }

    /// Every business, in the order they were made.
    pub fn businesses(&self) -> Vec<Held> {
        self.lock().businesses.clone()
    }

    /// Every uploaded file.
    pub fn files(&self) -> Vec<Filed> {
        self.lock().files.values().cloned().collect()
    }

    pub fn callbacks(&self) -> Vec<Try> {
        self.0.callbacks.log()
    }

    /// Adds a fault: `operation` is `requirements`, `token`, `upload`, `registration`, `lite` or `business`; `refuse`
    /// answers 400 with its `code` as the message.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        self.0.faults.add(fault)
    }

    /// Removes every fault and releases what hangs.
    pub fn clear_faults(&self) {
        self.0.faults.clear(None);
    }

    /// Changes the named settings only.
    pub fn change_settings(&self, changes: Map<String, Value>) -> Result<Settings, String> {
        let now = serde_json::to_value(&self.lock().settings).map_err(|e| e.to_string())?;
        let Value::Object(mut all) = now else { return Err("settings are an object".into()) };
        all.extend(changes);
        let settings: Settings = serde_json::from_value(Value::Object(all)).map_err(|e| e.to_string())?;
        self.commit(&mut self.lock(), Entry::Settings(settings.clone()));
        self.settle().map_err(|e| e.to_string())?;
        Ok(settings)
    }

    /// Decides about parts of a business, tells the partner's callback address, and says how many parts there were.
    pub fn review(&self, decision: &Decision) -> Result<usize, String> {
        let (count, held) = {
            let mut books = self.lock();
            let found = match &decision.business {
                Some(id) => books.business(id),
                None => books.businesses.last(),
            };
            let mut held = Held { by_hand: true, ..found.ok_or("there is no such business")?.clone() };
            let count = review::decide(&mut held.model, &decision.what, decision.verdict);
            if count == 0 {
                return Err("the business has no such part".into());
            }
            self.commit(&mut books, Entry::Business(Box::new(held.clone())));
            (count, held)
        };
        self.settle().map_err(|e| e.to_string())?;
        self.tell(held);
        Ok(count)
    }

    /// Awaits until `look` finds what it wants: it is asked at once and after every change.
    pub async fn wait_for<T>(&self, mut look: impl FnMut(&PartnerApi) -> Option<T>) -> T {
        self.0.changes.until(|| look(self)).await
    }

    /// The callback: the model as *get business data* answers it (contracts/doku.md 6, O15). One try.
    fn tell(&self, held: Held) {
        let Some(url) = held.callback_url else { return };
        let path = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let path = path.find('/').map_or("/", |at| &path[at..]).to_owned();
        let body = held.model.to_string().into_bytes();
        let request_id = hex::encode(random_bytes::<16>());
        let headers = access::notice_headers(&self.0.account, &request_id, &path, &body, self.now());
        let (reference, code, timeout) = (held.id, "review".to_owned(), Duration::from_secs(10));
        let callback = Callback { url, headers, body, reference, code, timeout, ladder: &[] };
        let api = self.clone();
        self.tasks().spawn(async move { api.0.callbacks.send(callback).await });
    }

    fn account(&self) -> &Account {
        &self.0.account
    }

    fn key(&self) -> &KeyPair {
        &self.0.key
    }

    fn speed(&self) -> f64 {
        self.0.speed
    }

    fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an entry and applies it, under the lock that the caller holds.
    fn commit(&self, books: &mut Books, entry: Entry) {
        self.0.journal.queue(&entry);
        books.apply(entry);
    }

    /// Writes what is queued, without the lock and before anything is answered.
    fn settle(&self) -> Result<(), Unwritten> {
        let written = self.0.journal.write();
        self.0.changes.mark();
        written
    }

    async fn waited(&self, wait: Wait) -> bool {
        !wait.any() || self.0.stopping.run_until_cancelled(wait.over(&self.0.clock)).await.is_some()
    }

    fn fetcher(&self) -> Option<&Outbound> {
        let limits = OutboundLimits { answer_limit_bytes: (calls::MAX_MB + 1) << 20, ..OutboundLimits::default() };
        self.0.fetcher.get_or_init(|| Outbound::new(limits).ok()).as_ref()
    }
}

/// `GET /control/businesses`: every business with its model.
async fn list_businesses(State(api): State<PartnerApi>) -> Response {
    ok(&api.businesses())
}

/// `GET /control/files`: what was uploaded; of each its size and digest, not its content.
async fn list_files(State(api): State<PartnerApi>) -> Response {
    ok(&api.files())
}

/// `POST /control/review {"business"?,"what","verdict":"approve|reject|open"}`.
async fn post_review(State(api): State<PartnerApi>, body: Bytes) -> Response {
    done(read::<Decision>(&body).and_then(|decision| api.review(&decision)).map(|count| json!({ "parts": count })))
}

async fn show_settings(State(api): State<PartnerApi>) -> Response {
    ok(&api.lock().settings)
}

async fn set_settings(State(api): State<PartnerApi>, body: Bytes) -> Response {
    done(read::<Map<String, Value>>(&body).and_then(|changes| api.change_settings(changes)))
}

async fn list_callbacks(State(api): State<PartnerApi>) -> Response {
    ok(&json!({ "tries": api.callbacks() }))
}
