//! What the provider remembers: pushes with their documents, statuses it posted, connection tests. Pure state.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

/// A push, counted once however often it came.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    pub reference_id: String,
    pub idempotency_key: String,
    /// The last part of the key.
    pub version: Option<i64>,
    /// How often it came, this time included.
    pub copies: u32,
    /// A repeat under the same key came with another body.
    pub differs: bool,
    pub at: DateTime<Utc>,
    pub body: Value,
    /// As it came, for who compares bytes.
    pub body_sha256: String,
    /// The documents of the push, as far as they were fetched.
    pub documents: Vec<Fetched>,
    /// Whether all of them were tried.
    pub fetched: bool,
}

/// A document that was fetched by its link.
#[derive(Clone, Debug, Serialize)]
pub struct Fetched {
    /// Where the link stands, such as `documents.nib_document`.
    pub field: String,
    pub url: String,
    /// `None`: no answer.
    pub status: Option<u16>,
    pub media_type: Option<String>,
    pub bytes: usize,
    pub sha256: String,
}

/// A status that was posted.
#[derive(Clone, Debug, Serialize)]
pub struct Post {
    pub reference_id: String,
    pub status: String,
    /// `None`: no answer.
    pub answered: Option<u16>,
    pub answer: Value,
    pub at: DateTime<Utc>,
}

/// A connection test that came.
#[derive(Clone, Debug, Serialize)]
pub struct Tested {
    pub service: Option<String>,
    pub env: Option<String>,
    pub endpoint: Option<String>,
    /// What the token says of itself.
    pub claims: Value,
    pub answered: u16,
    pub at: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Book {
    pub receipts: Vec<Receipt>,
    pub posts: Vec<Post>,
    pub tests: Vec<Tested>,
    /// Pushes that were refused, by the reason.
    pub refused: Vec<String>,
}

impl Book {
    /// Takes a push in. `true` where it is new; a repeat is counted.
    pub fn take(&mut self, receipt: Receipt) -> bool {
        let known = self.receipts.iter_mut().find(|known| known.idempotency_key == receipt.idempotency_key);
        match known {
            Some(known) => {
                known.copies += 1;
                known.differs |= known.body_sha256 != receipt.body_sha256;
                false
            }
            None => {
                self.receipts.push(receipt);
                true
            }
        }
    }

    /// Writes down the documents of a push.
    pub fn fetched(&mut self, key: &str, documents: Vec<Fetched>) {
        if let Some(receipt) = self.receipts.iter_mut().find(|receipt| receipt.idempotency_key == key) {
            receipt.documents = documents;
            receipt.fetched = true;
        }
    }
}

/// Every link of a payload with the field it stands in; the company's own website is no document.
pub(super) fn links(payload: &Map<String, Value>) -> Vec<(String, String)> {
    fn walk(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) if text.starts_with("http") && at != "legal_entity.website" => {
                found.push((at.to_owned(), text.clone()));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{at}[{n}]"), found));
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, field)| walk(field, &format!("{at}.{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    payload.iter().for_each(|(name, value)| walk(value, name, &mut found));
    found
}
