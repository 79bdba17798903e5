//! One conversation with a provider: the door, the clock, the account, and the masked record of what was said.
//!
//! Everything an adapter may do to the outside world goes through [`Call::exchange`]; span, timing and record live here once.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Method;
use serde_json::Value;

use super::{Account, Reading};
use crate::clock::Clock;
use crate::outbound::{Outbound, Outcome, Request};

/// How much of an answer is kept in an observation.
const RECORD_LIMIT: usize = 4096;

/// How much of a provider's message, code or id is kept.
const TEXT_LIMIT: usize = 255;

/// Fields that hold personal data or secrets in some provider's answers: whatever is called like this is not kept. A
/// provider names people we never told it, such as the true owner of an account.
const NOT_KEPT: [&str; 9] = ["name", "account", "email", "phone", "mobile", "address", "nik", "token", "secret"];

/// The setting by which a connection leaves the provider's configured address.
pub const OWN_ADDRESS: &str = "base_url";

/// So many digits in a row may be an account number.
const LONG_NUMBER: usize = 6;

/// What an adapter gets for one capability call.
pub struct Call {
    outbound: Outbound,
    pub clock: Clock,
    pub account: Arc<Account>,
    provider: Cow<'static, str>,
    /// Values that must not stand in the record: secrets and personal data, each with what replaces it. The longest
    /// first: a short one that is part of a longer one would leave the rest of that to be read.
    masks: Mutex<Vec<(String, String)>>,
    record: Mutex<String>,
}

/// A request in an adapter's words.
pub struct Ask {
    /// A constant name for metrics, such as `remit`.
    pub operation: &'static str,
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

/// The path of an address without its query, as signatures name it.
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// Whom an address calls: its host and port, whatever the path.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

impl Call {
    pub fn new(
        outbound: Outbound,
        clock: Clock,
        provider: impl Into<Cow<'static, str>>,
        account: impl Into<Arc<Account>>,
    ) -> Self {
        let (provider, account) = (provider.into(), account.into());
        Call { outbound, clock, account, provider, masks: Mutex::default(), record: Mutex::new(String::new()) }
    }

    /// Adds a value to mask in the record. Values of fewer than four characters would mask too much and are left.
    pub fn mask(self, value: &str, by: String) -> Self {
        if value.len() >= 4 {
            insert(&mut lock(&self.masks), value, by);
        }
        self
    }

    /// Masks a secret that came up in the call itself, such as a token, from here on.
    pub fn hide(&self, secret: &str) {
        let mut masks = lock(&self.masks);
        if secret.len() >= 4 && !masks.iter().any(|(value, _)| value == secret) {
            insert(&mut masks, secret, "…".into());
        }
    }

    /// One exchange with the provider, in its own span, timed and recorded.
    pub async fn exchange(&self, ask: Ask) -> Outcome {
        self.spoken(ask, redacted).await
    }

    /// The same, and of the answer's body nothing is recorded: for answers that are secrets.
    pub async fn exchange_secret(&self, ask: Ask) -> Outcome {
        self.spoken(ask, |_| "…".into()).await
    }

    async fn spoken(&self, ask: Ask, shown: fn(&[u8]) -> String) -> Outcome {
        let operation = ask.operation;
        let Ask { method, url, headers, body, timeout, .. } = ask;
        let request = Request { method, url, headers, body, timeout };
        // An address that a client set for itself goes where any address of a user goes.
        let outcome = match self.account.settings.get(OWN_ADDRESS) {
            None => self.outbound.provider(request).await,
            Some(_) => self.outbound.guarded(request).await,
        };
        let (class, line) = match &outcome {
            Outcome::NotSent { reason } => ("not_sent", format!("{operation}: not sent: {reason}")),
            Outcome::Unknown { reason } => ("unknown", format!("{operation}: no answer: {reason}")),
            Outcome::Answered(answer) => {
                metrics::histogram!("provider_call_seconds", "provider" => self.provider.clone(), "operation" => operation)
                    .record(answer.elapsed.as_secs_f64());
                ("answered", format!("{operation}: HTTP {} {}", answer.status, shown(&answer.body)))
            }
        };
        metrics::counter!("provider_calls_total", "provider" => self.provider.clone(), "operation" => operation, "outcome" => class)
            .increment(1);
        self.note(&line);
        outcome
    }

    /// The masked record of all exchanges of this call.
    pub fn record(&self) -> String {
        lock(&self.record).clone()
    }

    /// A reading whose texts may be kept and told: what the provider wrote into them is masked like the record.
    pub fn keepable(&self, mut reading: Reading) -> Reading {
        for text in [&mut reading.code, &mut reading.message, &mut reading.provider_ref].into_iter().flatten() {
            *text = self.tellable(text);
        }
        reading
    }

    /// A provider's words that may be kept and told.
    pub fn tellable(&self, words: &str) -> String {
        self.masked(words).replace('\0', "").chars().take(TEXT_LIMIT).collect()
    }

    fn masked(&self, text: &str) -> String {
        lock(&self.masks).iter().fold(text.to_owned(), |text, (value, by)| match text.contains(value) {
            true => text.replace(value, by),
            false => text,
        })
    }

    fn note(&self, line: &str) {
        let masked = self.masked(line);
        let mut record = lock(&self.record);
        if !record.is_empty() {
            record.push('\n');
        }
        record.extend(masked.replace('\0', "").chars().take(RECORD_LIMIT));
    }
}

fn insert(masks: &mut Vec<(String, String)>, value: &str, by: String) {
    let at = masks.partition_point(|(other, _)| other.len() >= value.len());
    masks.insert(at, (value.to_owned(), by));
}

/// Locks, also after a panic elsewhere: texts are whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer's body without personal data: by the names of its fields, or, where it is not JSON, without anything
/// that could be an account number.
fn redacted(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            redact(&mut value);
            value.to_string()
        }
        Err(_) => without_long_numbers(&String::from_utf8_lossy(body)),
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let name = name.to_ascii_lowercase();
                let is_kept = field.is_null() || !NOT_KEPT.iter().any(|word| name.contains(word));
                if is_kept { redact(field) } else { *field = "…".into() }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

fn without_long_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        kept.push_str(if digits.len() < LONG_NUMBER { &digits } else { "…" });
        digits.clear();
        kept.push(c);
    }
    kept
}
