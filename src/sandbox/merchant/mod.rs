//! A merchant that receives the product's webhooks: verifies, remembers, and misbehaves when told.
//!
//! It knows the product only from outside: Standard Webhooks and the verification token. It uses the chassis and the
//! leaves. Memory stays bounded on long runs: the last bodies, and one number per payment.

mod inbox;
mod verify;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path as UrlPath, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::chassis::Changes;
use super::chassis::control::{self, done, ok, read};
use super::chassis::faults::{Effects, Fault, Faults, Matched};
use super::chassis::journal::Journal;
use super::chassis::server::Cut;
use crate::clock::Clock;
use inbox::Inbox;
pub use inbox::{Receipt, Summary};
pub use verify::Secret;
use verify::Secrets;

/// The name of webhooks that arrive at `/webhooks`.
pub const DEFAULT_NAME: &str = "default";
/// Largest page of `/control/received`.
const PAGE: usize = 1000;

/// A handle to the running merchant; clones are the same merchant.
#[derive(Clone)]
pub struct Merchant(Arc<Inner>);

struct Inner {
    clock: Clock,
    secrets: Mutex<Secrets>,
    journal: Journal,
    inbox: Mutex<Inbox>,
    faults: Arc<Faults>,
    changes: Changes,
    stopping: CancellationToken,
}

impl Merchant {
    /// Reads the secrets kept in `folder`; what was received lives in memory only.
    pub(super) fn start(folder: &Path, clock: Clock, stopping: CancellationToken) -> anyhow::Result<Merchant> {
        let mut secrets = Secrets::default();
        let journal = Journal::open(&folder.join("merchant.jsonl"), |secret: Secret| secrets.put(secret))?;
        Ok(Merchant(Arc::new(Inner {
            clock,
            secrets: Mutex::new(secrets),
            journal,
            inbox: Mutex::default(),
            faults: Arc::default(),
            changes: Changes::default(),
            stopping,
        })))
    }

    /// The merchant's public address.
    pub(super) fn webhooks(&self) -> Router {
        Router::new()
            .route("/webhooks", post(receive_default))
            .route("/webhooks/{name}", post(receive_named))
            .with_state(self.clone())
    }

    /// The control API.
    pub(super) fn control(&self) -> Router {
        Router::new()
            .route("/control/secrets", post(add_secret))
            .route("/control/received", get(list_received))
            .route("/control/summary", get(show_summary))
            .with_state(self.clone())
            .merge(control::faults(self.0.faults.clone()))
    }

    /// Sets the secret and token of one webhook name; refused when the secret is not `whsec_<base64>`.
    pub fn set_secret(&self, secret: Secret) -> Result<(), String> {
        secret.check()?;
        let mut secrets = self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.journal.queue(&secret);
        secrets.put(secret);
        drop(secrets);
        self.0.journal.write().map_err(|e| e.to_string())
    }

    /// Adds a misbehaviour: `operation` is the webhook's name, `reference` the payment id.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        self.0.faults.add(fault)
    }

    /// Removes every misbehaviour and releases what hangs.
    pub fn clear_faults(&self) {
        self.0.faults.clear(None);
    }

    /// The receipts still kept (the last 10,000), oldest first.
    pub fn received(&self) -> Vec<Receipt> {
        self.inbox().after(0, usize::MAX)
    }

    /// Counts since the start.
    pub fn summary(&self) -> Summary {
        self.inbox().summary()
    }

    /// The highest version told of a payment.
    pub fn version(&self, payment_id: &str) -> Option<i64> {
        self.inbox().version(payment_id)
    }

    /// Awaits a receipt that `wanted` accepts, among those kept and those to come. Each is looked at once, without
    /// a lock, so `wanted` may ask the merchant.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&Receipt) -> bool) -> Receipt {
        let mut seen = 0;
        let look = || {
            let fresh = self.inbox().after(seen, usize::MAX);
            seen = fresh.last().map_or(seen, |r| r.seq);
            fresh.into_iter().find(&mut wanted)
        };
        self.0.changes.until(look).await
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.0.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn receive(&self, name: String, cut: Cut, headers: HeaderMap, body: Bytes) -> Response {
        let now = self.0.clock.now();
        let verified = {
            let secrets = self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.verify(&name, &headers, &body, now)
        };
        let mut receipt = Receipt::read(name, &headers, &body, now);
        let faults = &self.0.faults;
        let (name, reference) = (receipt.name.as_str(), receipt.payment_id.as_deref());
        let matched = Matched { operation: name, account: None, reference, sends: false };
        let effects = faults.take(&matched, now);
        // A merchant that never set a secret takes everything; one that did takes only what is signed.
        let answer = match &verified {
            Err(verify::Unverified::NoSecret) | Ok(()) => 200,
            Err(_) => 401,
        };
        receipt.verified = verified.is_ok();
        receipt.reason = verified.err().map(|e| e.to_string());
        let plan = Plan::of(&effects, answer);
        receipt.answered = plan.status;
        self.inbox().take(receipt);
        self.0.changes.mark();
        self.reply(effects, plan, cut).await
    }

    async fn reply(&self, effects: Effects, plan: Plan, cut: Cut) -> Response {
        let waits = async {
            effects.before.over(&self.0.clock).await;
            effects.after.over(&self.0.clock).await;
        };
        let waited = self.0.stopping.run_until_cancelled(waits).await.is_some();
        let (true, Some(status)) = (waited, plan.status) else { return cut.now() };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, effects.garbage.unwrap_or_default()).into_response();
        if let Some(seconds) = effects.retry_after_s {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

/// What the merchant is going to say; `None` closes the connection.
struct Plan {
    status: Option<u16>,
}

impl Plan {
    fn of(effects: &Effects, usual: u16) -> Plan {
        let wanted = effects.error_before.or(effects.error_after).unwrap_or(usual);
        Plan { status: (!effects.drop_request && !effects.drop_response).then_some(wanted) }
    }
}

async fn receive_default(
    State(merchant): State<Merchant>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    merchant.receive(DEFAULT_NAME.into(), cut, headers, body).await
}

async fn receive_named(
    State(merchant): State<Merchant>,
    UrlPath(name): UrlPath<String>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    merchant.receive(name, cut, headers, body).await
}

/// `POST /control/secrets {"name"?, "secret", "verification_token"?}`.
async fn add_secret(State(merchant): State<Merchant>, body: Bytes) -> Response {
    done(read::<Secret>(&body).and_then(|secret| merchant.set_secret(secret)).map(|()| json!({ "set": true })))
}

#[derive(Deserialize)]
struct Page {
    after: Option<u64>,
    limit: Option<usize>,
}

/// `GET /control/received?after=&limit=`: receipts with a higher `seq`, oldest first; `next` is the next `after`.
async fn list_received(State(merchant): State<Merchant>, Query(page): Query<Page>) -> Response {
    let after = page.after.unwrap_or(0);
    let received = merchant.inbox().after(after, page.limit.unwrap_or(100).clamp(1, PAGE));
    let next = received.last().map_or(after, |r| r.seq);
    ok(&json!({ "received": received, "next": next }))
}

/// `GET /control/summary`.
async fn show_summary(State(merchant): State<Merchant>) -> Response {
    ok(&merchant.summary())
}
