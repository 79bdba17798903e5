//! What clients are told: the types of events and the body that is signed and sent.
//!
//! A body carries no name, no account number and no secret; the receiver matches on `externalId` or `id`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::money::Money;
use super::payment::{Reason, Status};

/// Every type of event, in the words of contracts/paystrator.md 2.8 and our own additions.
pub const EVENT_TYPES: [&str; 9] = [
    "payment.processing",
    "payment.pending",
    "payment.succeeded",
    "payment.failed",
    "payment.expired",
    "payment.reversed",
    "payment.exception",
    ONBOARDING,
    "webhook.test",
];

/// An onboarding stands otherwise than before.
pub const ONBOARDING: &str = "onboarding.updated";

/// What an endpoint hears when it does not choose: every end and every exception.
pub const DEFAULT_EVENTS: [&str; 5] =
    ["payment.succeeded", "payment.failed", "payment.expired", "payment.reversed", "payment.exception"];

/// The event that tells a payment reached `status`.
pub fn event_type(status: Status) -> &'static str {
    match status {
        Status::Processing => "payment.processing",
        Status::Pending => "payment.pending",
        Status::Success => "payment.succeeded",
        Status::Failed => "payment.failed",
        Status::Expired => "payment.expired",
        Status::Reversed => "payment.reversed",
    }
}

/// What an event says of a payment.
#[derive(Clone, Debug)]
pub struct PaymentNews<'a> {
    /// Outward id, as `sm_…`.
    pub id: &'a str,
    pub external_id: &'a str,
    /// `SEND_MONEY`, as the API prints it.
    pub kind: &'a str,
    pub mode: &'a str,
    pub status: Status,
    /// The payment's version after the change.
    pub version: i32,
    pub money: Money,
    pub metadata: Option<&'a str>,
    pub reason: Option<&'a Reason>,
    /// The kind of contradiction, on `payment.exception`.
    pub exception: Option<&'a str>,
}

/// The exact body of an event: `{type, timestamp, data}` (Standard Webhooks).
pub fn body(kind: &str, news: &PaymentNews<'_>, at: DateTime<Utc>) -> String {
    let mut data = json!({
        "id": news.id,
        "externalId": news.external_id,
        "type": news.kind,
        "mode": news.mode,
        "status": news.status.as_str(),
        "version": news.version,
        "amount": Value::Number(news.money.number()),
        "currency": news.money.currency.as_str(),
        "metadata": news.metadata,
    });
    if let Some(reason) = news.reason {
        data["reason"] = json!({ "code": reason.code, "message": reason.message });
    }
    if let Some(exception) = news.exception {
        data["exception"] = json!(exception);
    }
    json!({ "type": kind, "timestamp": time(at), "data": data }).to_string()
}

/// The exact body of an [`ONBOARDING`] event. What a provider said beside the status stays where it can be read by who may:
/// it may name people.
pub fn onboarding_body(
    reference: &str,
    provider: &str,
    mode: &str,
    status: &str,
    version: i32,
    at: DateTime<Utc>,
) -> String {
    let data = json!({
        "reference_id": reference, "provider": provider, "mode": mode, "status": status, "version": version,
    });
    json!({ "type": ONBOARDING, "timestamp": time(at), "data": data }).to_string()
}

/// RFC 3339 with milliseconds and offset, as every time of the API is written.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
