//! The push of seed 000, for every provider without an API of its own: the file as JSON to the provider's address, signed
//! over time and body (docs/KYB.md), and its answer read as contracts/paystrator.md 2.10 says.
//!
//! A repeat carries the same `Idempotency-Key` and the same bytes of body; only the time and its signature differ. What
//! is said of an answer never repeats it.

use std::time::Duration;

use anyhow::Context;
use axum::http::Method;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::call::Ask;
use super::onboarding::{Filing, Onboarding, Report, Step};
use super::{Call, Cause, Trouble};
use crate::crypto::hmac_sha256;
use crate::crypto::secret::{ExposeSecret, Personal, SecretString};
use crate::domain::kyb::Sheet;
use crate::domain::kyb::payload::revision;
use crate::domain::onboarding::Status;
use crate::domain::service::Mode;
use crate::outbound::{Answer, Outcome};

/// The shortest secret that signs.
const LEAST_SECRET: usize = 32;

/// The longest remark that is kept, in characters.
pub const REMARKS: usize = 4_000;

/// An answer beyond this is not one of this contract.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A block of the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// What people call the provider; the adapter's own name where there is one.
    name: String,
    test_url: String,
    live_url: String,
    test_secret: SecretString,
    live_secret: SecretString,
    test_connect_url: String,
    live_connect_url: String,
    timeout_ms: u64,
    concurrency: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: String::new(),
            test_url: String::new(),
            live_url: String::new(),
            test_secret: String::new().into(),
            live_secret: String::new().into(),
            test_connect_url: String::new(),
            live_connect_url: String::new(),
            timeout_ms: 30_000,
            concurrency: 4,
        }
    }
}

/// A provider that files are pushed to.
pub struct KybPush {
    code: String,
    name: String,
    settings: Settings,
}

impl KybPush {
    /// Reads its block. An address without a secret is an error: nothing is pushed unsigned.
    pub fn new(code: &str, name: Option<&str>, block: Value) -> anyhow::Result<Self> {
        let of = || format!("configuration: onboarding.{code}");
        let settings: Settings = serde_json::from_value(block).with_context(of)?;
        for (url, secret) in [(&settings.test_url, &settings.test_secret), (&settings.live_url, &settings.live_secret)]
        {
            let is_signed = secret.expose_secret().len() >= LEAST_SECRET;
            anyhow::ensure!(
                url.is_empty() || is_signed,
                "{}: an address needs a secret of at least {LEAST_SECRET} characters",
                of()
            );
        }
        for (name, url) in [("live_url", &settings.live_url), ("live_connect_url", &settings.live_connect_url)] {
            anyhow::ensure!(
                url.is_empty() || url.starts_with("https://"),
                "{}.{name} must begin with https://: a file holds data of people, and a test is made of an account's secrets",
                of()
            );
        }
        let name = match (settings.name.as_str(), name) {
            ("", name) => name.unwrap_or(code).to_owned(),
            (name, _) => name.to_owned(),
        };
        Ok(KybPush { code: code.to_owned(), name, settings })
    }

    fn url(&self, mode: Mode) -> &str {
        match mode {
            Mode::Test => &self.settings.test_url,
            Mode::Live => &self.settings.live_url,
        }
    }

    fn secret(&self, mode: Mode) -> &[u8] {
        let secret = match mode {
            Mode::Test => &self.settings.test_secret,
            Mode::Live => &self.settings.live_secret,
        };
        secret.expose_secret().as_bytes()
    }

    async fn push(&self, call: &Call, filing: &Filing) -> Step {
        let mode = call.account.mode;
        let body = body(filing);
        let timestamp = call.clock.now().timestamp().to_string();
        let ask = Ask {
            operation: "kyb_push",
            method: Method::POST,
            url: self.url(mode).to_owned(),
            headers: vec![
                ("Content-Type".into(), "application/json".into()),
                ("Idempotency-Key".into(), format!("{}.{}", filing.reference_id, filing.version)),
                ("X-Paystrator-Signature".into(), signature(self.secret(mode), &timestamp, &body)),
                ("X-Paystrator-Timestamp".into(), timestamp),
            ],
            body,
            timeout: Duration::from_millis(self.settings.timeout_ms),
        };
        match call.exchange(ask).await {
            Outcome::Answered(answer) => match read(&answer, &filing.reference_id) {
                Ok(report) => Step::Told(report),
                Err(trouble) => Step::Again(trouble),
            },
            Outcome::NotSent { reason } | Outcome::Unknown { reason } => {
                Step::Again(Trouble::new(Cause::Unreachable, reason))
            }
        }
    }
}

impl Onboarding for KybPush {
    fn code(&self) -> &str {
        &self.code
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn takes(&self, mode: Mode) -> bool {
        !self.url(mode).is_empty()
    }

    fn connect_url(&self, mode: Mode) -> Option<&str> {
        let url = match mode {
            Mode::Test => &self.settings.test_connect_url,
            Mode::Live => &self.settings.live_connect_url,
        };
        (!url.is_empty()).then_some(url)
    }

    fn concurrency(&self) -> usize {
        self.settings.concurrency.max(1)
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(self.settings.timeout_ms)
    }

    fn step<'a>(&'a self, call: &'a Call, filing: &'a Filing, _progress: &'a Sheet) -> BoxFuture<'a, Step> {
        Box::pin(self.push(call, filing))
    }

    fn ask<'a>(&'a self, _: &'a Call, _: &'a Filing, _: &'a Sheet) -> Option<BoxFuture<'a, Step>> {
        None
    }
}

/// `v1=` and the HMAC-SHA-256 of `timestamp.body` in hex.
pub fn signature(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    format!("v1={}", hex::encode(hmac_sha256(secret, &[timestamp.as_bytes(), b".", body])))
}

/// The payload, with what changed where this is no first submission: that may be nothing, and is said all the same.
fn body(filing: &Filing) -> Vec<u8> {
    let mut payload = filing.payload.reveal().clone();
    if filing.revises {
        payload.insert("revision".into(), revision(filing.version, &filing.changed));
    }
    Value::Object(payload).to_string().into_bytes()
}

/// An answer of the contract: HTTP 200 with our reference and a status, and remarks under either spelling.
fn read(answer: &Answer, reference: &str) -> Result<Report, Trouble> {
    if answer.status != 200 {
        return Err(Trouble::of_http(answer));
    }
    let unclear = |words: &str| Trouble::new(Cause::Unclear, words);
    if answer.body.len() > LONGEST_ANSWER {
        return Err(unclear("HTTP 200, and an answer that is too long"));
    }
    let body: Map<String, Value> =
        serde_json::from_slice(&answer.body).map_err(|_| unclear("HTTP 200, and no JSON object"))?;
    match body.get("reference_id").and_then(Value::as_str) {
        Some(said) if said == reference => {}
        Some(_) => return Err(unclear("HTTP 200, and another reference_id")),
        None => return Err(unclear("HTTP 200, and no reference_id")),
    }
    let status = body.get("status").and_then(Value::as_str).and_then(Status::parse);
    let status = status.filter(|status| !matches!(status, Status::Submitted | Status::Withdrawn));
    let Some(status) = status else { return Err(unclear("HTTP 200, and no status of the list")) };
    let said = ["remarks", "reamrks"].into_iter().filter_map(|name| body.get(name)?.as_str());
    let remarks = said.map(str::trim).find(|said| !said.is_empty());
    let remarks = remarks.map(|said| Personal::new(said.chars().take(REMARKS).collect::<String>()));
    Ok(Report { status, remarks, data: None, progress: Sheet::default() })
}
