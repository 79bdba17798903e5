//! DOKU's non-SNAP signature (contracts/doku.md 1.1, 1.2). Plain functions, checked against the golden vectors NS1 to NS6.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::crypto::{constant_time_eq, hmac_sha256, sha256};

/// What a signature covers.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    pub client_id: &'a str,
    pub request_id: &'a str,
    /// `2020-08-11T08:45:42Z`; of an answer the value of its own `Response-Timestamp`.
    pub timestamp: &'a str,
    /// The path that was called, without its query (contracts/doku.md 6, O1).
    pub target: &'a str,
    /// The bytes as they are sent; `None` where none are.
    pub body: Option<&'a [u8]>,
}

/// `Request-Timestamp`: UTC, whole seconds.
pub fn timestamp(now: DateTime<Utc>) -> String {
    now.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Signed<'_> {
    /// The component of a request: four lines, five with a body; no newline at the end.
    pub fn of_request(&self) -> String {
        self.component("Request-Timestamp")
    }

    /// The component of an answer.
    pub fn of_answer(&self) -> String {
        self.component("Response-Timestamp")
    }

    fn component(&self, time: &str) -> String {
        let Signed { client_id, request_id, timestamp, target, body } = self;
        let digest = body.map(|body| format!("\nDigest:{}", STANDARD.encode(sha256(&[body])))).unwrap_or_default();
        format!("Client-Id:{client_id}\nRequest-Id:{request_id}\n{time}:{timestamp}\nRequest-Target:{target}{digest}")
    }
}

/// The header `Signature` over a component.
pub fn sign(secret: &str, component: &str) -> String {
    format!("HMACSHA256={}", STANDARD.encode(hmac_sha256(secret.as_bytes(), &[component.as_bytes()])))
}

/// Whether the header of an answer is the signature of it. The answer to a GET is signed without a digest by the
/// documents (contracts/doku.md 1.2); one with it is taken too.
pub fn is_signed(secret: &str, answer: Signed<'_>, may_lack_digest: bool, header: &str) -> bool {
    let fits = |answer: Signed<'_>| constant_time_eq(sign(secret, &answer.of_answer()).as_bytes(), header.as_bytes());
    fits(answer) || (may_lack_digest && fits(Signed { body: None, ..answer }))
}
