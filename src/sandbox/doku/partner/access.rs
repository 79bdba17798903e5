//! Who may call the Partner API: the non-SNAP signature of requests and answers (contracts/doku.md 1), and the token of
//! an upload. The simulator's own arithmetic: nothing of the product's adapter is used.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

use super::Settings;
use super::books::Account;
use crate::crypto::sha256;
use crate::sandbox::chassis::provider::Incoming;

/// What of the request a signature's `Request-Target` may be (contracts/doku.md 6, O1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Path,
    PathAndQuery,
    Either,
}

/// Why a call is not let in: the HTTP status and DOKU's words (the words are ours).
pub type Refused = (u16, String);

/// Checks the four headers, the time and the signature; answers the Request-Id.
pub fn let_in(
    account: &Account,
    settings: &Settings,
    request: &Incoming,
    now: DateTime<Utc>,
) -> Result<String, Refused> {
    let header = |name: &str| {
        let missing = || (400, format!("{name} must not be empty"));
        request.header(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let (client_id, request_id) = (header("Client-Id")?, header("Request-Id")?);
    let (timestamp, signature) = (header("Request-Timestamp")?, header("Signature")?);
    if request_id.len() > 128 {
        return Err((400, "Request-Id must have at most 128 characters".into()));
    }
    if client_id != account.client_id {
        return Err((401, "Invalid Client-Id".into()));
    }
    let at = DateTime::parse_from_rfc3339(timestamp).map_err(|_| (400, "Invalid Request-Timestamp".to_owned()))?;
    if settings.skew_s > 0 && (now - at.to_utc()).abs() > TimeDelta::seconds(settings.skew_s.into()) {
        return Err((401, "Invalid Request-Timestamp".into()));
    }
    let whole = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = request.uri.path();
    let targets: &[&str] = match settings.target {
        Target::Path => &[path],
        Target::PathAndQuery => &[whole],
        Target::Either => &[path, whole],
    };
    let has_body = !matches!(request.method.as_str(), "GET" | "HEAD" | "DELETE");
    let body = has_body.then_some(&*request.body);
    let fits = |target: &&str| {
        let text = component(["Request-Timestamp", client_id, request_id, timestamp, target], body);
        is_signed(&account.secret_key, &text, signature)
    };
    match targets.iter().any(fits) {
        true => Ok(request_id.to_owned()),
        false => Err((401, "Invalid Header Signature".into())),
    }
}

/// What is signed: name of the line with the time, client, request id, time and target; and the digest of a body.
fn component([line, client_id, request_id, time, target]: [&str; 5], body: Option<&[u8]>) -> String {
    let mut lines = vec![
        format!("Client-Id:{client_id}"),
        format!("Request-Id:{request_id}"),
        format!("{line}:{time}"),
        format!("Request-Target:{target}"),
    ];
    lines.extend(body.map(|body| format!("Digest:{}", STANDARD.encode(sha256(&[body])))));
    lines.join("\n")
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn is_signed(secret: &str, text: &str, signature: &str) -> bool {
    let tag = signature.strip_prefix("HMACSHA256=").and_then(|tag| STANDARD.decode(tag).ok());
    tag.is_some_and(|tag| hmac::verify(&key(secret), text.as_bytes(), &tag).is_ok())
}

fn sign(secret: &str, text: &str) -> String {
    format!("HMACSHA256={}", STANDARD.encode(hmac::sign(&key(secret), text.as_bytes())))
}

/// The headers of an answer. That to a GET is signed without a digest (contracts/doku.md 1.2).
pub fn answer_headers(
    account: &Account,
    request: &Incoming,
    body: &[u8],
    now: DateTime<Utc>,
) -> Option<Vec<(&'static str, String)>> {
    let (client_id, request_id) = (request.header("Client-Id")?, request.header("Request-Id")?);
    let time = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let body = (request.method != axum::http::Method::GET).then_some(body);
    let text = component(["Response-Timestamp", client_id, request_id, &time, request.uri.path()], body);
    let signature = sign(&account.secret_key, &text);
    Some(vec![
        ("client-id", client_id.to_owned()),
        ("request-id", request_id.to_owned()),
        ("response-timestamp", time),
        ("signature", signature),
    ])
}

/// The headers of a notification to `path` of a partner's own address (contracts/doku.md 1.3).
pub fn notice_headers(
    account: &Account,
    request_id: &str,
    path: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Vec<(String, String)> {
    let time = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let text = component(["Request-Timestamp", &account.client_id, request_id, &time, path], Some(body));
    let all = [
        ("Client-Id", account.client_id.clone()),
        ("Request-Id", request_id.to_owned()),
        ("Request-Timestamp", time),
        ("Signature", sign(&account.secret_key, &text)),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The token of an upload.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}
