//! The audit log's chain: what exactly of an entry is hashed, so that none can be changed, taken out or put in without
//! every later hash being another.
//!
//! Pure: it lists bytes; whoever hashes them has the digest.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// One entry, as it stands in its row.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub client_id: Uuid,
    /// Its place in the client's chain, from 1 on without gaps.
    pub seq: i64,
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// `test` or `live`; `None` for what concerns both.
    pub mode: Option<&'a str>,
    pub person: &'a str,
    pub action: &'a str,
    pub object: &'a str,
    pub detail: &'a Value,
}

impl Entry<'_> {
    /// The bytes to hash after the hash of the entry before, or after nothing for the first one. Every part is led by
    /// its length, so that no two entries read alike.
    pub fn content(&self, previous: &[u8]) -> Vec<u8> {
        let (seq, at) = (self.seq.to_be_bytes(), self.at.timestamp_micros().to_be_bytes());
        let mut detail = String::new();
        canonical(self.detail, &mut detail);
        let parts: [&[u8]; 10] = [
            previous,
            self.client_id.as_bytes(),
            &seq,
            self.id.as_bytes(),
            &at,
            self.mode.unwrap_or_default().as_bytes(),
            self.person.as_bytes(),
            self.action.as_bytes(),
            self.object.as_bytes(),
            detail.as_bytes(),
        ];
        let mut content = b"paystrator audit 1".to_vec();
        for part in parts {
            content.extend((part.len() as u64).to_be_bytes());
            content.extend(part);
        }
        content
    }
}

/// JSON in one spelling, whatever order the database keeps its fields in.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            out.push('{');
            for name in names {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(&fields[name.as_str()], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}
