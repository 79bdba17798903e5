//! What the provider does after a push: it fetches the documents, and posts statuses by its plan.

use std::time::Duration;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::KybProvider;
use super::book::{Fetched, Post, links};
use crate::crypto::sha256;
use crate::outbound::{Outcome, Request};

/// What it does by itself after a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Nothing: statuses are optional.
    Silent,
    /// processing, then approved.
    Approve,
    /// processing, then need_revision; after a new version processing, then approved.
    Revise,
    /// processing, then rejected.
    Reject,
}

const PROCESSING: (&str, Option<&str>) = ("processing", None);
const REVISION: &str = "The NIB certificate cannot be read. Upload a sharper scan.";
const REJECTION: &str = "The business is not of a kind that is served here.";

impl Plan {
    /// The statuses it posts; `first`: the push is no re-submission.
    fn steps(self, first: bool) -> Vec<(&'static str, Option<&'static str>)> {
        let approved = ("approved", None);
        match self {
            Plan::Silent => Vec::new(),
            Plan::Approve => vec![PROCESSING, approved],
            Plan::Revise if first => vec![PROCESSING, ("need_revision", Some(REVISION))],
            Plan::Revise => vec![PROCESSING, approved],
            Plan::Reject => vec![PROCESSING, ("rejected", Some(REJECTION))],
        }
    }
}

/// How often it posts one status that is to be sent again.
const MOST_POSTS: usize = 100;

/// How long a document or an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Goes through a push in a task of its own.
pub(super) fn begin(provider: &KybProvider, key: String, payload: Map<String, Value>) {
    let (provider, stopping) = (provider.clone(), provider.0.stopping.clone());
    tokio::spawn(async move { stopping.run_until_cancelled(go_through(&provider, &key, &payload)).await });
}

async fn go_through(provider: &KybProvider, key: &str, payload: &Map<String, Value>) {
    let settings = provider.settings();
    if settings.fetches {
        let mut documents = Vec::new();
        for (field, url) in links(payload) {
            documents.push(fetch(provider, field, url).await);
        }
        provider.book().fetched(key, documents);
        provider.0.changes.mark();
    }
    let reference = payload.get("reference_id").and_then(Value::as_str).unwrap_or_default();
    let first = !payload.contains_key("revision");
    for (status, remarks) in settings.plan.steps(first) {
        provider.pause(settings.step_ms).await;
        for _ in 0..MOST_POSTS {
            // What was not taken stands in the book of posts.
            let Ok(Posted { retry_after_s: Some(wait), .. }) = send(provider, reference, status, remarks, None).await
            else {
                break;
            };
            provider.pause(wait.saturating_mul(1_000)).await;
        }
    }
}

async fn fetch(provider: &KybProvider, field: String, url: String) -> Fetched {
    let request =
        Request { method: Method::GET, url: url.clone(), headers: Vec::new(), body: Vec::new(), timeout: PATIENCE };
    match provider.0.outbound.provider(request).await {
        Outcome::Answered(answer) => {
            let media_type = answer.headers.iter().find(|(name, _)| name == "content-type").map(|(_, v)| v.clone());
            let (bytes, sha256) = (answer.body.len(), hex::encode(sha256(&[&answer.body])));
            Fetched { field, url, status: Some(answer.status), media_type, bytes, sha256 }
        }
        Outcome::NotSent { .. } | Outcome::Unknown { .. } => {
            Fetched { field, url, status: None, media_type: None, bytes: 0, sha256: String::new() }
        }
    }
}

/// What a post was answered with.
struct Posted {
    status: u16,
    body: Value,
    /// It is to be sent again after this time.
    retry_after_s: Option<u64>,
}

/// Posts a status and books the answer.
pub(super) async fn post(
    provider: &KybProvider,
    reference: &str,
    status: &str,
    remarks: Option<&str>,
    key: Option<&str>,
) -> Result<(u16, Value), String> {
    send(provider, reference, status, remarks, key).await.map(|posted| (posted.status, posted.body))
}

async fn send(
    provider: &KybProvider,
    reference: &str,
    status: &str,
    remarks: Option<&str>,
    key: Option<&str>,
) -> Result<Posted, String> {
    let settings = provider.settings();
    let url = settings.status_url.ok_or("no status_url is set")?;
    let key = key.map(str::to_owned).or(settings.provider_key).ok_or("no provider_key is set")?;
    let mut body = json!({ "reference_id": reference, "status": status });
    if let Some(remarks) = remarks {
        body["remarks"] = json!(remarks);
    }
    let request = Request {
        method: Method::POST,
        url,
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("Authorization".into(), format!("Bearer {key}")),
        ],
        body: body.to_string().into_bytes(),
        timeout: PATIENCE,
    };
    let outcome = provider.0.outbound.provider(request).await;
    let (answered, answer, retry_after_s) = match outcome {
        Outcome::Answered(answer) => {
            let wait = answer.headers.iter().find(|(name, _)| name == "retry-after").and_then(|(_, v)| v.parse().ok());
            (Some(answer.status), serde_json::from_slice(&answer.body).unwrap_or(Value::Null), wait)
        }
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => (None, json!(reason), None),
    };
    let at = provider.0.clock.now();
    let (reference_id, status) = (reference.to_owned(), status.to_owned());
    provider.book().posts.push(Post { reference_id, status, answered, answer: answer.clone(), at });
    provider.0.changes.mark();
    let Some(status) = answered else { return Err(answer.to_string()) };
    Ok(Posted { status, body: answer, retry_after_s })
}
