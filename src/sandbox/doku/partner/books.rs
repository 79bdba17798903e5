//! What the Partner API remembers: its partner, tokens, uploaded files, businesses, and the answers it gave by Request-Id.
//!
//! Pure state: [`Books::apply`] is the only way to change it, live and at replay alike.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Settings;
use crate::sandbox::chassis::tokens::{Issued, Tokens};

/// The partner, as DOKU's account manager gave it out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    pub client_id: String,
    pub secret_key: String,
    /// Signs tokens.
    pub doku_private: String,
}

/// An uploaded file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Filed {
    pub id: String,
    pub category: String,
    /// Of a document.
    pub code: Option<String>,
    /// PNG, JPG or PDF, by its content.
    pub kind: String,
    pub size: usize,
    /// Hex.
    pub sha256: String,
    /// Where it was fetched.
    pub file_url: Option<String>,
    pub at: DateTime<Utc>,
}

/// A business, with the model that *get business data* answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    pub id: String,
    pub brand_id: String,
    /// Of a business lite.
    pub partner_ref_id: Option<String>,
    pub callback_url: Option<String>,
    pub made: DateTime<Utc>,
    /// Somebody decided about it: it is not approved by time any more.
    pub by_hand: bool,
    pub model: Value,
}

/// An answer that a repeat of its request gets again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answered {
    pub request_id: String,
    /// Of target and body.
    pub digest: String,
    pub body: Value,
}

/// One line of the journal. Externally tagged: with arbitrary precision, serde cannot buffer numbers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    Opened(Account),
    Settings(Settings),
    Token(Issued),
    Filed(Filed),
    /// A new one, or what it has become.
    Business(Box<Held>),
    Answered(Answered),
}

#[derive(Default)]
pub struct Books {
    pub account: Option<Account>,
    pub settings: Settings,
    pub tokens: Tokens,
    /// In the order of their ids' numbers.
    pub files: BTreeMap<String, Filed>,
    /// In the order they were made.
    pub businesses: Vec<Held>,
    pub answers: HashMap<String, Answered>,
    ids: u64,
}

impl Books {
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Opened(account) => self.account = Some(account),
            Entry::Settings(settings) => self.settings = settings,
            Entry::Token(issued) => self.tokens.add(issued),
            Entry::Filed(file) => {
                self.ids += 1;
                self.files.insert(file.id.clone(), file);
            }
            Entry::Business(held) => match self.businesses.iter_mut().find(|known| known.id == held.id) {
                Some(known) => *known = *held,
                None => {
                    self.ids += 100;
                    self.businesses.push(*held);
                }
            },
            Entry::Answered(answer) => {
                self.answers.insert(answer.request_id.clone(), answer);
            }
        }
    }

    /// A business by its id, its brand's id or its partner's reference.
    pub fn business(&self, id: &str) -> Option<&Held> {
        let is_it = |held: &&Held| held.id == id || held.brand_id == id || held.partner_ref_id.as_deref() == Some(id);
        self.businesses.iter().find(is_it)
    }

    /// Ids of what is made next, such as `BSN-0104-1678960841263`: the last part is the time in milliseconds (contracts/doku.md 0).
    pub fn ids(&self, now: DateTime<Utc>) -> Ids {
        Ids { next: self.ids, millis: now.timestamp_millis() }
    }
}

pub struct Ids {
    next: u64,
    millis: i64,
}

impl Ids {
    pub fn next(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}-{:04}-{:013}", self.next % 10_000, self.millis + (self.next / 10_000) as i64)
    }
}
