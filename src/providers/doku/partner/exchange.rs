//! One exchange with the Partner API: signed calls, the token, an upload, and what an answer is (contracts/doku.md 1, 3.1,
//! 5 and 6). Of no answer's body anything is recorded: they hold secrets, signed links and people.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::signing::{self, Signed};
use super::{Access, Partner};
use crate::crypto::random_bytes;
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::outbound::{Answer, Outcome};
use crate::providers::budget::{Budget, Exchange};
use crate::providers::call::{Ask, path_of};
use crate::providers::doku::partner::case::Wanted;
use crate::providers::tokens::Minted;
use crate::providers::{Call, Cause, Trouble};

/// The path that every call begins with.
const PREFIX: &str = "/adv-core-api/partner/v1.0";

/// What DOKU said to a question.
pub enum Said {
    /// It was done, now or when the same was sent before.
    Done(Value),
    /// It is wrong as it was sent; in DOKU's words.
    Refused(String),
}

/// A call to be signed.
pub struct Question<'a> {
    pub operation: &'static str,
    pub method: Method,
    /// Below the common prefix.
    pub path: &'a str,
    /// With its question mark; empty where there is none. It is not signed (contracts/doku.md 6, O1).
    pub query: &'a str,
    pub body: Option<String>,
    /// The same for every repeat of one intent (contracts/doku.md 5).
    pub request_id: String,
}

/// An id for a call that makes nothing.
pub fn fresh_id() -> String {
    hex::encode(random_bytes::<16>())
}

impl Partner {
    /// Asks with a signature, and reads the answer.
    pub(super) async fn ask_signed(
        &self,
        call: &Call,
        access: &Access,
        question: Question<'_>,
    ) -> Result<Said, Trouble> {
        let timeout = self.call_timeout();
        self.signed(call, access, question, timeout).await
    }

    async fn signed(
        &self,
        call: &Call,
        access: &Access,
        question: Question<'_>,
        timeout: Duration,
    ) -> Result<Said, Trouble> {
        let Question { operation, method, path, query, body, request_id } = question;
        let bare = format!("{}{PREFIX}{path}", access.base);
        let (target, timestamp) = (path_of(&bare), signing::timestamp(call.clock.now()));
        let (client_id, secret) = (access.client_id.as_str(), access.secret_key.expose_secret());
        let bytes = body.as_ref().map(String::as_bytes);
        let (request_id, timestamp) = (request_id.as_str(), timestamp.as_str());
        let component = Signed { client_id, request_id, timestamp, target, body: bytes }.of_request();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header("Accept", "application/json"),
            header("Client-Id", client_id),
            header("Request-Id", request_id),
            header("Request-Timestamp", timestamp),
            header("Signature", &signing::sign(secret, &component)),
        ];
        if body.is_some() {
            headers.push(header("Content-Type", "application/json"));
        }
        let is_get = method == Method::GET;
        let url = format!("{bare}{query}");
        let body = body.clone().map(String::into_bytes).unwrap_or_default();
        let ask = Ask { operation, method, url, headers, body, timeout };
        let answer = answered(call.exchange_secret(ask).await)?;
        // A secret of ours that is wrong would make every answer look forged: its refusal is read first.
        let is_believed = matches!(answer.status, 200..=299 | 409);
        if is_believed && !is_ours(&answer, access, request_id, target, is_get) {
            return Err(Trouble::new(Cause::Unclear, "the answer is not signed by DOKU as it says"));
        }
        read(call, &answer)
    }

    /// Uploads one document by its link: a token first, and a fresh one where it was refused.
    pub(super) async fn upload(&self, call: &Call, access: &Access, wanted: &Wanted<'_>) -> Result<Said, Trouble> {
        let budget = Budget::new(self.upload_budget(), self.upload_timeout());
        let mint = || self.mint(call, access, &budget);
        let token = self.tokens.get(access.token_key, call, &budget, None, mint).await?;
        let answer = self.send_file(call, access, wanted, &token, &budget).await?;
        if answer.status != 401 {
            return read(call, &answer);
        }
        let fresh = self.tokens.get(access.token_key, call, &budget, Some(&token), mint).await?;
        read(call, &self.send_file(call, access, wanted, &fresh, &budget).await?)
    }

    async fn send_file(
        &self,
        call: &Call,
        access: &Access,
        wanted: &Wanted<'_>,
        token: &SecretString,
        budget: &Budget,
    ) -> Result<Answer, Trouble> {
        let timeout = budget.time_for(Exchange::Last(self.upload_timeout()))?;
        let boundary = fresh_id();
        let body = form_data(&boundary, wanted);
        let headers = vec![
            ("Accept".to_owned(), "application/json".to_owned()),
            ("Authorization".to_owned(), format!("Bearer {}", token.expose_secret())),
            ("Content-Type".to_owned(), format!("multipart/form-data; boundary={boundary}")),
        ];
        let url = format!("{}{PREFIX}/file", access.base);
        let ask = Ask { operation: "upload", method: Method::POST, url, headers, body, timeout };
        answered(call.exchange_secret(ask).await)
    }

    async fn mint(&self, call: &Call, access: &Access, budget: &Budget) -> Result<Minted, Trouble> {
        let timeout = budget.time_for(Exchange::Before(self.token_timeout()))?;
        let minutes = self.config.token_minutes;
        let body = json!({ "grant_type": "client_credentials", "valid_time": minutes.to_string() }).to_string();
        let question = Question {
            operation: "token",
            method: Method::POST,
            path: "/token",
            query: "",
            body: Some(body),
            request_id: fresh_id(),
        };
        let said = match self.signed(call, access, question, timeout).await? {
            Said::Done(said) => said,
            Said::Refused(words) => return Err(Trouble::new(Cause::Secret, words)),
        };
        let token = said.get("token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = SecretString::from(token.ok_or("the answer holds none")?.to_owned());
        Ok(Minted { token, lives: Duration::from_secs(u64::from(minutes) * 60) })
    }
}

/// `category`, `code` of a document, and the link instead of the file (contracts/doku.md 3.1, "Upload file").
fn form_data(boundary: &str, wanted: &Wanted<'_>) -> Vec<u8> {
    let mut parts = vec![("category", wanted.category), ("file_url", wanted.link)];
    if let Some(code) = &wanted.code {
        parts.insert(1, ("code", code));
    }
    let part =
        |(name, value)| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts: String = parts.into_iter().map(part).collect();
    format!("{parts}--{boundary}--\r\n").into_bytes()
}

fn answered(outcome: Outcome) -> Result<Answer, Trouble> {
    match outcome {
        Outcome::Answered(answer) => Ok(answer),
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => Err(Trouble::new(Cause::Unreachable, reason)),
    }
}

/// An answer without a signature is taken, since many errors have none (contracts/doku.md 1.2); one with a wrong one is
/// not DOKU's.
fn is_ours(answer: &Answer, access: &Access, request_id: &str, target: &str, is_get: bool) -> bool {
    let header = |name: &str| answer.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let Some(signature) = header("signature") else { return true };
    let timestamp = header("response-timestamp").unwrap_or_default();
    let client_id = access.client_id.as_str();
    let signed = Signed { client_id, request_id, timestamp, target, body: Some(&answer.body) };
    signing::is_signed(access.secret_key.expose_secret(), signed, is_get, signature)
}

/// What an answer says. HTTP 409 with the body of a success is the answer to the same request sent before
/// (contracts/doku.md 5).
fn read(call: &Call, answer: &Answer) -> Result<Said, Trouble> {
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok().filter(Value::is_object);
    let words = said.as_ref().and_then(words).map(|words| call.tellable(&words));
    match (answer.status, said, words) {
        (200..=299 | 409, Some(said), None) => Ok(Said::Done(said)),
        (400 | 422, _, Some(words)) => Ok(Said::Refused(words)),
        (status @ 200..=299, ..) => {
            Err(Trouble::new(Cause::Unclear, format!("HTTP {status} with a body nobody can read")))
        }
        (_, _, Some(words)) => Err(Trouble { words, ..Trouble::of_http(answer) }),
        _ => Err(Trouble::of_http(answer)),
    }
}

/// `{"message":["…"]}`, and the other form of an error, `{"error":{"code","message"}}` (contracts/doku.md 6, O16).
fn words(said: &Value) -> Option<String> {
    let text = |value: &Value| match value {
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let found = said.get("message").or_else(|| said.get("error")?.get("message"));
    found.and_then(text).filter(|words| !words.is_empty())
}
