//! What the merchant remembers of the webhooks it got: the last ones whole, the rest as counts.
//!
//! Pure state. A payment's id, its version and the event's type are looked for where webhooks usually carry them;
//! a body that has none of it is kept all the same.

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// Receipts kept whole.
const KEPT: usize = 10_000;
/// Webhook ids whose copies are counted.
const IDS: usize = 100_000;

/// One webhook as it arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// From 1, rising by 1 with each arrival.
    pub seq: u64,
    /// The last part of `/webhooks/{name}`.
    pub name: String,
    pub webhook_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    pub payment_id: Option<String>,
    pub version: Option<i64>,
    pub verified: bool,
    /// Why it was not verified.
    pub reason: Option<String>,
    /// How many times this webhook id has arrived, this time included.
    pub copies: u32,
    /// The HTTP status the merchant answers (perhaps later); `None`: it closes the connection.
    pub answered: Option<u16>,
    pub at: DateTime<Utc>,
    pub body: String,
}

impl Receipt {
    pub(super) fn read(name: String, headers: &HeaderMap, body: &[u8], at: DateTime<Utc>) -> Receipt {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |paths: &[&str]| paths.iter().find_map(|p| json.pointer(p)?.as_str()).map(String::from);
        let id = headers.get("webhook-id").and_then(|v| v.to_str().ok());
        Receipt {
            seq: 0,
            name,
            webhook_id: id.unwrap_or_default().into(),
            kind: text(&["/type", "/event"]).unwrap_or_default(),
            payment_id: text(&["/data/id", "/data/paymentId", "/paymentId", "/payment_id"]),
            version: ["/version", "/data/version"].iter().find_map(|p| json.pointer(p)?.as_i64()),
            verified: false,
            reason: None,
            copies: 1,
            answered: None,
            at,
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }
}

/// Counts since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub received: u64,
    pub verified: u64,
    /// Answered with a 2xx.
    pub accepted: u64,
    /// Arrivals of a webhook id that had arrived before.
    pub duplicates: u64,
    /// Arrivals whose version was below one already told of the same payment.
    pub out_of_order: u64,
    /// Payments heard of.
    pub payments: usize,
    pub by_type: BTreeMap<String, u64>,
}

#[derive(Default)]
pub(super) struct Inbox {
    last: VecDeque<Receipt>,
    copies: HashMap<String, u32>,
    /// The ids in `copies`, oldest first.
    ids: VecDeque<String>,
    versions: HashMap<Box<str>, i64>,
    counts: Summary,
}

impl Inbox {
    pub fn take(&mut self, mut receipt: Receipt) {
        self.counts.received += 1;
        receipt.seq = self.counts.received;
        receipt.copies = self.copy(&receipt.webhook_id);
        self.counts.verified += u64::from(receipt.verified);
        self.counts.accepted += u64::from(receipt.answered.is_some_and(|s| (200..300).contains(&s)));
        self.counts.duplicates += u64::from(receipt.copies > 1);
        *self.counts.by_type.entry(receipt.kind.clone()).or_default() += 1;
        if let Some(id) = &receipt.payment_id {
            let version = receipt.version.unwrap_or(0);
            let highest = self.versions.entry(id.as_str().into()).or_insert(version);
            self.counts.out_of_order += u64::from(version < *highest);
            *highest = version.max(*highest);
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(receipt);
    }

    /// Counts an arrival of this webhook id; one without an id is never a copy.
    fn copy(&mut self, id: &str) -> u32 {
        if id.is_empty() {
            return 1;
        }
        if let Some(copies) = self.copies.get_mut(id) {
            *copies += 1;
            return *copies;
        }
        if self.ids.len() == IDS
            && let Some(oldest) = self.ids.pop_front()
        {
            self.copies.remove(&oldest);
        }
        self.ids.push_back(id.into());
        self.copies.insert(id.into(), 1);
        1
    }

    pub fn after(&self, seq: u64, limit: usize) -> Vec<Receipt> {
        // Numbers rise by one, so the place is known without a search.
        let first = self.last.front().map_or(0, |r| r.seq);
        let skip = usize::try_from((seq + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.last.iter().skip(skip).take(limit).cloned().collect()
    }

    pub fn version(&self, payment_id: &str) -> Option<i64> {
        self.versions.get(payment_id).copied()
    }

    pub fn summary(&self) -> Summary {
        Summary { payments: self.versions.len(), ..self.counts.clone() }
    }
}
