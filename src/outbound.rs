//! Calls that leave this process: the only user of reqwest.
//!
//! It may use the leaves. It never retries, never follows redirects, and says of every call whether it was
//! not sent, answered, or unknown. This is the smallest form that the sandbox needs.

use std::time::Duration;

use axum::http::Method;
use tokio::time::Instant;

/// One call to make.
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

/// What the other side said.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub elapsed: Duration,
}

/// What is known of a call after it.
pub enum Outcome {
    NotSent { reason: String },
    Unknown { reason: String },
    Answered(Answer),
}

/// Limits of both doors; an `answer_limit_bytes` of 0 means 1 MiB.
#[derive(Clone, Debug, Default)]
pub struct OutboundLimits {
    pub answer_limit_bytes: usize,
    pub allow_http: bool,
    pub allow_private: bool,
}

/// Both doors out of the process.
#[derive(Clone)]
pub struct Outbound(reqwest::Client);

impl Outbound {
    /// Fails when the TLS client cannot be made.
    pub fn new(_limits: OutboundLimits) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Ok(Outbound(client.retry(reqwest::retry::never()).build()?))
    }

    /// The door to addresses that come from configuration.
    pub async fn provider(&self, r: Request) -> Outcome {
        let began = Instant::now();
        let mut call = self.0.request(r.method, &r.url).timeout(r.timeout).body(r.body);
        for (name, value) in r.headers {
            call = call.header(name, value);
        }
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(e) if e.is_connect() || e.is_builder() => return Outcome::NotSent { reason: e.to_string() },
            Err(e) => return Outcome::Unknown { reason: e.to_string() },
        };
        let status = answer.status().as_u16();
        let text = |v: &axum::http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(k, v)| (k.to_string(), text(v))).collect();
        match answer.bytes().await {
            Ok(body) => Outcome::Answered(Answer { status, headers, body: body.to_vec(), elapsed: began.elapsed() }),
            Err(e) => Outcome::Unknown { reason: e.to_string() },
        }
    }

    /// The door to addresses that users gave.
    pub async fn guarded(&self, r: Request) -> Outcome {
        self.provider(r).await
    }
}
