//! The provider at the wire: pushes and connection tests as they come, and the control API beside them.

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::chassis::control::{done, ok, read, refused};
use super::super::chassis::faults::{Effects, Matched};
use super::super::chassis::server::Cut;
use super::KybProvider;
use super::book::{Receipt, Tested};
use super::review;
use crate::crypto::{constant_time_eq, hmac_sha256, sha256};

/// How far the time of a signature may be off.
const TOLERANCE_S: u64 = 300;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `POST /kyb`.
pub(super) async fn receive(
    State(provider): State<KybProvider>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let payload: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
    let reference = payload.as_ref().and_then(|all| all.get("reference_id")?.as_str()).map(str::to_owned);
    let matched = Matched { operation: "push", account: None, reference: reference.as_deref(), sends: false };
    let effects = provider.0.faults.take(&matched, provider.0.clock.now());
    provider.0.changes.mark();
    // A real server goes on when the caller hangs up: a late request is booked all the same.
    let stopping = provider.0.stopping.clone();
    let held = cut.clone();
    let work = tokio::spawn(async move {
        let worked = push(&provider, effects, &cut, &headers, &body, payload);
        stopping.run_until_cancelled(worked).await
    });
    work.await.ok().flatten().unwrap_or_else(|| held.now())
}

async fn push(
    provider: &KybProvider,
    effects: Effects,
    cut: &Cut,
    headers: &HeaderMap,
    body: &Bytes,
    payload: Option<Map<String, Value>>,
) -> Response {
    let clock = &provider.0.clock;
    effects.before.over(clock).await;
    if effects.drop_request {
        return cut.now();
    }
    if let Some(status) = effects.error_before {
        return plain(status);
    }
    let settings = provider.settings();
    let (timestamp, signature) = (text(headers, "x-paystrator-timestamp"), text(headers, "x-paystrator-signature"));
    let Some(payload) =
        payload.filter(|_| is_signed(settings.secret.as_bytes(), timestamp, signature, body, clock.now().timestamp()))
    else {
        provider.book().refused.push("the signature is wrong, old or missing, or the body is no JSON object".into());
        provider.0.changes.mark();
        return refused(StatusCode::UNAUTHORIZED, "the signature is wrong, old or missing");
    };
    let key = text(headers, "idempotency-key").to_owned();
    let reference = payload.get("reference_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let receipt = Receipt {
        reference_id: reference.clone(),
        version: key.rsplit('.').next().and_then(|version| version.parse().ok()),
        idempotency_key: key.clone(),
        copies: 1,
        differs: false,
        at: clock.now(),
        body_sha256: hex::encode(sha256(&[body])),
        body: Value::Object(payload.clone()),
        documents: Vec::new(),
        fetched: false,
    };
    if provider.book().take(receipt) {
        review::begin(provider, key, payload);
    }
    provider.0.changes.mark();
    effects.after.over(clock).await;
    if effects.drop_response {
        return cut.now();
    }
    if let Some(status) = effects.error_after {
        return plain(status);
    }
    if let Some(garbage) = effects.garbage {
        return ([(header::CONTENT_TYPE, "application/json")], garbage).into_response();
    }
    let status = effects.wrong_code.unwrap_or(settings.answer);
    let mut answer = json!({ "reference_id": reference, "status": status });
    if let Some(remarks) = settings.remarks {
        answer[settings.remarks_field] = json!(remarks);
    }
    ok(&answer)
}

fn plain(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

/// `v1=` and the HMAC-SHA-256 of `timestamp.body` in hex (docs/KYB.md).
fn is_signed(secret: &[u8], timestamp: &str, signature: &str, body: &[u8], now: i64) -> bool {
    let is_fresh = timestamp.parse::<i64>().is_ok_and(|sent| now.abs_diff(sent) <= TOLERANCE_S);
    let mac = hmac_sha256(secret, &[timestamp.as_bytes(), b".", body]);
    let given = signature.strip_prefix("v1=").and_then(|given| hex::decode(given).ok());
    is_fresh && given.is_some_and(|given| constant_time_eq(&given, &mac))
}

/// `POST /connect {"service","env","endpoint"}` with a token made of the client's credentials.
pub(super) async fn test_connection(
    State(provider): State<KybProvider>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = provider.0.clock.now();
    let matched = Matched { operation: "connect", account: None, reference: None, sends: false };
    let effects = provider.0.faults.take(&matched, now);
    let stopping = provider.0.stopping.clone();
    if stopping.run_until_cancelled(effects.before.over(&provider.0.clock)).await.is_none() || effects.drop_request {
        return cut.now();
    }
    if let Some(status) = effects.error_before {
        return plain(status);
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = |name: &str| asked[name].as_str().map(str::to_owned);
    let bearer = text(&headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    let claims = claims(bearer, provider.settings().account_secret.as_deref(), now.timestamp());
    let status = if claims.is_some() { 200 } else { 401 };
    let (service, env, endpoint) = (said("service"), said("env"), said("endpoint"));
    let claims = claims.unwrap_or_default();
    provider.book().tests.push(Tested { service, env, endpoint, claims, answered: status, at: now });
    provider.0.changes.mark();
    if status == 200 { ok(&json!({ "status": "ok" })) } else { plain(status) }
}

/// What a token says, where it is signed under the account's secret and in its time.
fn claims(token: &str, secret: Option<&str>, now: i64) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let said = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
    let claims: Value = serde_json::from_slice(&said).ok()?;
    if let Some(secret) = secret {
        let mac = hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]);
        let given = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !constant_time_eq(&given, &mac) {
            return None;
        }
    }
    (claims["exp"].as_i64()? > now).then_some(claims)
}

/// `GET /control/settings`.
pub(super) async fn show_settings(State(provider): State<KybProvider>) -> Response {
    ok(&provider.settings())
}

/// `POST /control/settings`: any of the settings; what is not named keeps its value.
pub(super) async fn change_settings(State(provider): State<KybProvider>, body: Bytes) -> Response {
    done(read::<Map<String, Value>>(&body).and_then(|changes| provider.change_settings(changes)))
}

/// `GET /control/received`: every push, and why others were refused.
pub(super) async fn list_received(State(provider): State<KybProvider>) -> Response {
    let (received, refused) = (provider.received(), provider.book().refused.clone());
    ok(&json!({ "received": received, "refused": refused }))
}

/// `GET /control/posts`.
pub(super) async fn list_posts(State(provider): State<KybProvider>) -> Response {
    ok(&json!({ "posts": provider.posts() }))
}

/// `GET /control/tests`.
pub(super) async fn list_tests(State(provider): State<KybProvider>) -> Response {
    ok(&json!({ "tests": provider.tests() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    reference_id: String,
    status: String,
    remarks: Option<String>,
    /// Another key than the settings', for forgeries.
    key: Option<String>,
}

/// `POST /control/status {"reference_id","status","remarks"?,"key"?}`: posts it to the product, and tells the answer.
pub(super) async fn post_status(State(provider): State<KybProvider>, body: Bytes) -> Response {
    let said = match read::<Said>(&body) {
        Ok(said) => said,
        Err(reason) => return done::<Value>(Err(reason)),
    };
    let Said { reference_id, status, remarks, key } = said;
    let posted = provider.post(&reference_id, &status, remarks.as_deref(), key.as_deref()).await;
    done(posted.map(|(status, body)| json!({ "status": status, "body": body })))
}
