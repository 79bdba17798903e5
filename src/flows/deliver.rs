//! Delivering events to webhook endpoints: signed, retried for three days, one endpoint never in another's way.
//!
//! Bodies are signed as Standard Webhooks 1.0 says; the verification token stands in a header of its own beside it
//! (contracts/paystrator.md section 4, no. 36). Nothing of an answer is believed but its status.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::endpoints;
use super::lanes::{self, Deliveries, Lanes, Line, Worked};
use crate::app::App;
use crate::crash;
use crate::crypto::envelope::Place;
use crate::crypto::hmac_sha256;
use crate::domain::{ids, retry};
use crate::outbound::{Answer, Outcome, Request};
use crate::store::delivery::{Due, Mark};
use crate::store::endpoint::{self, Endpoint};
use crate::store::{self, delivery};

/// The header that carries the verification token.
pub const TOKEN_HEADER: &str = "X-Webhook-Verification-Token";

/// How much of an answer is remembered, for the owner of the endpoint.
const NOTE_LIMIT: usize = 200;

/// How long a delivery belongs to who took it: the whole call and a margin.
pub(super) fn lease(app: &App) -> Duration {
    let timeout = Duration::from_millis(app.config.webhooks.timeout_ms);
    timeout + app.config.schedule.seconds(app.config.schedule.lease_margin_s)
}

/// Offers a delivery to its endpoint's line.
pub fn offer(app: &Arc<App>, lanes: &Lanes, due: Due) {
    lanes::offer(app, &lanes.endpoint(due.key.endpoint_id), due.key, due);
}

impl Worked for Deliveries {
    type Key = delivery::Key;
    type Item = Due;
    const NAME: &'static str = "deliver";

    fn line(&self) -> &Line<delivery::Key, Due> {
        &self.line
    }

    fn work<'a>(self: &'a Arc<Self>, app: &'a Arc<App>, item: Due) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(tell(app, self, item))
    }
}

/// One scan: endpoint by endpoint, as many due deliveries as its line has room for.
pub async fn scan(app: &Arc<App>, lanes: &Lanes) -> anyhow::Result<()> {
    for lane in delivery::lanes(&app.db, app.now()).await? {
        let room = lanes.endpoint(lane.endpoint_id).line().room();
        if room == 0 {
            continue;
        }
        let now = app.now();
        let mut tx = super::single(&app.db).await?;
        crash::point("delivery_lease.before");
        let due = delivery::claim(&mut tx, lane, room as i64, now + lease(app), now).await?;
        tx.commit().await?;
        crash::point("delivery_lease.committed");
        due.into_iter().for_each(|due| offer(app, lanes, due));
    }
    Ok(())
}

/// Tells one event to one endpoint, once, and writes how it went.
pub(super) async fn tell(app: &App, lane: &Deliveries, due: Due) -> anyhow::Result<()> {
    let Ok(_place) = lane.all.acquire().await else { return Ok(()) };
    if app.now() >= due.leased_until {
        // It waited too long here: another may have told it meanwhile. Its row is due.
        return Ok(());
    }
    let Some(endpoint) = open(app, due.key.client_id, due.key.endpoint_id).await? else { return Ok(()) };
    if endpoint.status != "ACTIVE" {
        return Ok(app.writers.mark.write(ended(&due, "failed", None, "the endpoint is disabled")).await?);
    }
    let request = request(app, &endpoint, &due)?;
    // An endpoint that repeats our headers in its answer does not get them into the note.
    let secret = |name: &str| name == TOKEN_HEADER || name == "webhook-signature";
    let hidden: Vec<String> =
        request.headers.iter().filter(|(name, _)| secret(name)).map(|(_, value)| value.clone()).collect();
    crash::point("delivery.before");
    let outcome = app.outbound.guarded(request).await;
    crash::point("delivery.answered");
    let mark = read(app, &due, &outcome, &hidden);
    metrics::counter!("webhook_tries_total", "end" => mark.state).increment(1);
    if matches!(&outcome, Outcome::Answered(answer) if answer.status == 410) {
        endpoints::disable(app, endpoint.client_id, endpoint.id, "it answered 410 Gone").await?;
        tracing::warn!(endpoint = %ids::show(ids::ENDPOINT, endpoint.id), "an endpoint answered 410 and is disabled");
    }
    Ok(app.writers.mark.write(mark).await?)
}

/// How one try of a test went, for the owner of the endpoint.
pub struct Tried {
    pub status: Option<u16>,
    /// The beginning of the answer's body, or why there is no answer.
    pub said: String,
}

/// Tells a test event once, now; whatever comes of it, it is not tried again.
pub(super) async fn try_once(app: &App, endpoint: &Endpoint, due: &Due) -> anyhow::Result<Tried> {
    let outcome = app.outbound.guarded(request(app, endpoint, due)?).await;
    let tried = match &outcome {
        Outcome::Answered(answer) => {
            let body = String::from_utf8_lossy(&answer.body);
            let said = body.chars().filter(|c| !c.is_control()).take(NOTE_LIMIT).collect();
            Tried { status: Some(answer.status), said }
        }
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => Tried { status: None, said: reason.clone() },
    };
    let good = tried.status.is_some_and(|status| (200..300).contains(&status));
    let state = if good { "delivered" } else { "failed" };
    app.writers.mark.write(ended(due, state, tried.status, &tried.said)).await?;
    Ok(tried)
}

async fn open(app: &App, client_id: Uuid, id: Uuid) -> store::Result<Option<Arc<Endpoint>>> {
    app.endpoints.find((client_id, id), &app.clock, endpoint::get(&app.db, client_id, id)).await
}

/// The signed request of one try.
fn request(app: &App, endpoint: &Endpoint, due: &Due) -> anyhow::Result<Request> {
    let now = app.now();
    let id = ids::show(ids::EVENT, due.key.event_id);
    let timestamp = now.timestamp().to_string();
    let mut secrets = vec![open_secret(app, endpoint, &endpoint.secret)?];
    if let (Some(previous), Some(until)) = (&endpoint.previous_secret, endpoint.previous_until)
        && now < until
    {
        secrets.push(open_secret(app, endpoint, previous)?);
    }
    let signatures: Vec<String> =
        secrets.iter().map(|secret| signature(secret, &id, &timestamp, due.body.as_bytes())).collect();
    let token = String::from_utf8(app.keys.open(token_place(endpoint.client_id, endpoint.id), &endpoint.token)?)?;
    Ok(Request {
        method: Method::POST,
        url: endpoint.url.clone(),
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("User-Agent".into(), "Paystrator".into()),
            ("webhook-id".into(), id),
            ("webhook-timestamp".into(), timestamp),
            ("webhook-signature".into(), signatures.join(" ")),
            (TOKEN_HEADER.into(), token),
        ],
        body: due.body.clone().into_bytes(),
        timeout: Duration::from_millis(app.config.webhooks.timeout_ms),
    })
}

/// `v1,` and the HMAC-SHA-256 of `id.timestamp.body` (Standard Webhooks 1.0).
pub fn signature(secret: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mac = hmac_sha256(secret, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(mac))
}

/// Where a signing secret is sealed.
pub(super) fn secret_place<'a>(client: Uuid, row: Uuid) -> Place<'a> {
    Place { client, column: "endpoint.secret", row }
}

/// Where a verification token is sealed.
pub(super) fn token_place<'a>(client: Uuid, row: Uuid) -> Place<'a> {
    Place { client, column: "endpoint.token", row }
}

fn open_secret(app: &App, endpoint: &Endpoint, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(app.keys.open(secret_place(endpoint.client_id, endpoint.id), sealed)?)
}

/// How a try went: 2xx delivers, 410 ends, everything else is tried again until the ladder ends.
fn read(app: &App, due: &Due, outcome: &Outcome, hidden: &[String]) -> Mark {
    let (status, note, retry_after) = match outcome {
        Outcome::Answered(answer) if (200..300).contains(&answer.status) => {
            return ended(due, "delivered", Some(answer.status), "");
        }
        Outcome::Answered(answer) if answer.status == 410 => {
            return ended(due, "failed", Some(410), "410 Gone: the endpoint is disabled");
        }
        Outcome::Answered(answer) => (Some(answer.status), said(answer, hidden), retry_after(answer)),
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => (None, reason.clone(), None),
    };
    let tries = due.tries.saturating_add(1);
    let ladder = &app.config.schedule.delivery_retry_s;
    let Some(seconds) = ladder.get(usize::from(tries.unsigned_abs()) - 1) else {
        return ended(due, "failed", status, &format!("given up after {tries} tries: {note}"));
    };
    let wait = retry::jittered(app.config.schedule.seconds(*seconds), app.clock.spread());
    // A day is the longest pause an endpoint can ask for.
    let wait = retry_after.map_or(wait, |asked| wait.max(asked.min(app.config.schedule.seconds(86_400))));
    Mark { next_try_at: Some(app.now() + wait), ..ended(due, "pending", status, &note) }
}

fn ended(due: &Due, state: &'static str, status: Option<u16>, note: &str) -> Mark {
    Mark {
        key: due.key,
        state,
        tries: due.tries.saturating_add(1),
        next_try_at: None,
        response_status: status.map(|status| status as i16),
        note: (!note.is_empty()).then(|| note.chars().take(NOTE_LIMIT).collect()),
    }
}

fn said(answer: &Answer, hidden: &[String]) -> String {
    let body: String = String::from_utf8_lossy(&answer.body).chars().filter(|c| !c.is_control()).collect();
    let body = hidden.iter().fold(body, |body, value| body.replace(value, "…"));
    format!("HTTP {} {body}", answer.status)
}

/// `Retry-After`, in seconds; the date form is rare and is left to the ladder.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let (_, value) = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// When the oldest waiting delivery was made, for the metrics.
pub async fn lag(app: &App) -> store::Result<(i64, Option<DateTime<Utc>>)> {
    delivery::lag(&app.db).await
}
