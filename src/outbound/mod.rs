//! Calls to others: the only user of the HTTP client, and the place that says what a call proves.
//!
//! Two doors: [`Outbound::provider`] for addresses from configuration, [`Outbound::guarded`] for addresses given by
//! users. Each call is sent at most once: no redirects, no retries, no cookies, no proxy from the environment.
//! It may call nothing of ours, and its texts never carry an address's query, a header or a body.

pub mod guard;

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::Client;

pub use guard::{Lookup, UrlRefused, check_url};

/// How long finding, reaching and greeting (TLS) a host may take. A call that ends here was surely not sent.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. A request that meets a connection the other side is just closing becomes
/// `Unknown`, so ours are given up before the shortest keep-alive in common use (5 s).
const IDLE_LIMIT: Duration = Duration::from_secs(4);

const DEFAULT_ANSWER_LIMIT: usize = 1 << 20;

/// One call. Its headers are sent as given; `timeout` covers everything from the name lookup to the body's last byte.
pub struct Request {
    pub method: axum::http::Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

/// A whole answer, whatever its status; `elapsed` counts from the call to the body's last byte.
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the order they came; bytes that are no text are replaced.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub elapsed: Duration,
}

/// What a call proves (DESIGN section 5).
pub enum Outcome {
    /// Not one byte of the request left us: the address was refused, or lookup, connect or TLS failed.
    NotSent { reason: String },
    /// The request may have been read and acted on: timeout, reset, a broken or oversized answer.
    Unknown { reason: String },
    /// The other side answered; what it means is the caller's to read.
    Answered(Answer),
}

/// The limits of both doors. The defaults are those of production.
#[derive(Clone, Debug, Default)]
pub struct OutboundLimits {
    /// A longer answer is `Unknown`; 0 means 1 MiB.
    pub answer_limit_bytes: usize,
    /// Guarded calls may use plain http.
    pub allow_http: bool,
    /// Guarded calls may go to loopback and private networks, on any port: for demos and tests.
    pub allow_private: bool,
}

/// Both doors, with their connection pools. Cloning shares them.
#[derive(Clone)]
pub struct Outbound {
    provider: Client,
    guarded: Client,
    limits: OutboundLimits,
}

impl Outbound {
    /// Fails when the system has no certificate authorities installed.
    pub fn new(limits: OutboundLimits) -> anyhow::Result<Self> {
        Self::with_lookup(limits, guard::system_lookup())
    }

    /// As [`Outbound::new`], with the guarded door's names looked up by `lookup`.
    pub fn with_lookup(limits: OutboundLimits, lookup: Lookup) -> anyhow::Result<Self> {
        let resolver = guard::PublicOnly { lookup, allow_private: limits.allow_private };
        Ok(Self { provider: build(client())?, guarded: build(client().dns_resolver(resolver))?, limits })
    }

    /// Calls a provider, at an address from configuration.
    pub async fn provider(&self, request: Request) -> Outcome {
        self.call(&self.provider, request).await
    }

    /// Calls an address given by a user. A refused one is `NotSent` with a reason that starts "address refused".
    pub async fn guarded(&self, request: Request) -> Outcome {
        match check_url(&request.url, &self.limits) {
            Ok(()) => self.call(&self.guarded, request).await,
            Err(refused) => Outcome::NotSent { reason: format!("address refused: {refused}") },
        }
    }

    async fn call(&self, client: &Client, request: Request) -> Outcome {
        let started = Instant::now();
        let mut sending = client.request(request.method.clone(), &request.url).timeout(request.timeout);
        for (name, value) in &request.headers {
            sending = sending.header(name, value);
        }
        if !(request.body.is_empty() && request.method.is_safe()) {
            sending = sending.body(request.body);
        }
        let ready = match sending.build() {
            Ok(ready) => ready,
            Err(error) => return Outcome::NotSent { reason: format!("request not built: {}", describe(error)) },
        };
        match client.execute(ready).await {
            Ok(response) => self.read(response, started).await,
            Err(error) => failed(error),
        }
    }

    async fn read(&self, mut response: reqwest::Response, started: Instant) -> Outcome {
        let limit = match self.limits.answer_limit_bytes {
            0 => DEFAULT_ANSWER_LIMIT,
            limit => limit,
        };
        let status = response.status().as_u16();
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                    let reason = format!("status {status}, answer longer than {limit} bytes");
                    return Outcome::Unknown { reason };
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Outcome::Answered(Answer { status, headers, body, elapsed: started.elapsed() }),
                Err(error) => {
                    let reason = format!("status {status}, answer broken off: {}", describe(error));
                    return Outcome::Unknown { reason };
                }
            }
        }
    }
}

/// What both doors share. HTTP/1.1 only: there "not started" and "perhaps sent" are told apart by the connection.
///
/// `retry::never` switches off reqwest's own retries. What remains below it is hyper's second try of a request that a
/// dying idle connection handed back unread, with not one byte of it written; a started request is never repeated.
fn client() -> reqwest::ClientBuilder {
    Client::builder()
        .user_agent(concat!("paystrator/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_max_idle_per_host(usize::MAX)
        .tcp_nodelay(true)
}

fn build(builder: reqwest::ClientBuilder) -> anyhow::Result<Client> {
    use anyhow::Context;
    builder.build().context("the HTTP client needs certificate authorities: install the package ca-certificates")
}

/// The verdict on a call that brought no answer.
fn failed(error: reqwest::Error) -> Outcome {
    if let Some(refused) = chain(&error).find_map(|e| e.downcast_ref::<UrlRefused>()) {
        return Outcome::NotSent { reason: format!("address refused: {refused}") };
    }
    // A connection error is one of lookup, connect or TLS: the request is written only to a finished connection.
    if error.is_connect() {
        return Outcome::NotSent { reason: format!("not connected: {}", describe(error)) };
    }
    if error.is_timeout() {
        return Outcome::Unknown { reason: "no answer in time".into() };
    }
    Outcome::Unknown { reason: format!("no answer: {}", describe(error)) }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

/// The error and its causes on one line, without the address it happened at.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut parts: Vec<String> = Vec::new();
    for part in chain(&error).map(ToString::to_string) {
        // Wrappers often repeat their cause's text.
        if !parts.iter().any(|told| told.contains(&part)) {
            parts.push(part);
        }
    }
    parts.join(": ")
}
