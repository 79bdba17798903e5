//! One conversation with a provider: the door, the clock, the account, and the masked record of what was said.
//!
//! Everything an adapter may do to the outside world goes through [`Call::exchange`]; span, timing and record live here once.

use std::sync::Mutex;
use std::time::Duration;

use axum::http::Method;

use super::Account;
use crate::clock::Clock;
use crate::outbound::{Outbound, Outcome, Request};

/// How much of an answer is kept in an observation.
const RECORD_LIMIT: usize = 4096;

/// What an adapter gets for one capability call.
pub struct Call {
    outbound: Outbound,
    pub clock: Clock,
    pub account: Account,
    provider: &'static str,
    /// Values that must not stand in the record: secrets and personal data, each with what replaces it.
    masks: Vec<(String, String)>,
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

impl Call {
    pub fn new(outbound: Outbound, clock: Clock, provider: &'static str, account: Account) -> Self {
        Call { outbound, clock, account, provider, masks: Vec::new(), record: Mutex::new(String::new()) }
    }

    /// Adds a value to mask in the record. Values of fewer than four characters would mask too much and are left.
    pub fn mask(mut self, value: &str, by: String) -> Self {
        if value.len() >= 4 {
            self.masks.push((value.to_owned(), by));
        }
        self
    }

    /// One exchange with the provider, in its own span, timed and recorded.
    pub async fn exchange(&self, ask: Ask) -> Outcome {
        let operation = ask.operation;
        let outcome = self
            .outbound
            .provider(Request {
                method: ask.method,
                url: ask.url,
                headers: ask.headers,
                body: ask.body,
                timeout: ask.timeout,
            })
            .await;
        let (class, line) = match &outcome {
            Outcome::NotSent { reason } => ("not_sent", format!("{operation}: not sent: {reason}")),
            Outcome::Unknown { reason } => ("unknown", format!("{operation}: no answer: {reason}")),
            Outcome::Answered(answer) => {
                metrics::histogram!("provider_call_seconds", "provider" => self.provider, "operation" => operation)
                    .record(answer.elapsed.as_secs_f64());
                ("answered", format!("{operation}: HTTP {} {}", answer.status, String::from_utf8_lossy(&answer.body)))
            }
        };
        metrics::counter!("provider_calls_total", "provider" => self.provider, "operation" => operation, "outcome" => class)
            .increment(1);
        self.note(&line);
        outcome
    }

    /// The masked record of all exchanges of this call.
    pub fn record(&self) -> String {
        self.record.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn note(&self, line: &str) {
        let mut masked = line.to_owned();
        for (value, by) in &self.masks {
            masked = masked.replace(value, by);
        }
        let mut record = self.record.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !record.is_empty() {
            record.push('\n');
        }
        record.extend(masked.replace('\0', "").chars().take(RECORD_LIMIT));
    }
}
