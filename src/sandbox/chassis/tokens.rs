//! Access tokens that a provider has given out: which of them is good until when.
//!
//! Pure state for a provider's own part of the books; the journal keeps it, so a restart refuses nobody.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A token and the instant it ends; a line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    pub token: Box<str>,
    pub at: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// The tokens that may still be good.
#[derive(Default)]
pub struct Tokens {
    until: HashMap<Box<str>, DateTime<Utc>>,
    last: Option<Box<str>>,
}

impl Tokens {
    /// Remembers a token, and forgets those that have ended by then.
    pub fn add(&mut self, issued: Issued) {
        self.until.retain(|_, until| *until > issued.at);
        self.last = Some(issued.token.clone());
        self.until.insert(issued.token, issued.until);
    }

    /// Whether `token` is good at `now`.
    pub fn is_good(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.until.get(token).is_some_and(|until| *until > now)
    }

    /// Whether `token` is the one given out last.
    pub fn is_last(&self, token: &str) -> bool {
        self.last.as_deref() == Some(token)
    }
}
