//! What DOKU remembers beside payments: tokens, the X-EXTERNAL-IDs of the day, and the sessions of inquiries.
//!
//! Pure state, kept in the journal.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::provider::Own;
use crate::sandbox::chassis::tokens::{Issued, Tokens};

/// One thing to remember; a line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fact {
    Token(Issued),
    /// A call with this X-EXTERNAL-ID was let in on this day (Jakarta's).
    Called(NaiveDate, Box<str>),
    /// An inquiry was answered.
    Quoted(Quote),
    /// A transfer named this session.
    Used(Box<str>),
}

/// What an inquiry was about; a transfer with its session must be about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub session: Box<str>,
    pub bank: Box<str>,
    pub account: Box<str>,
    /// Whole rupiah.
    pub amount: i64,
    pub at: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Everything remembered.
#[derive(Default)]
pub struct Remembered {
    pub tokens: Tokens,
    day: NaiveDate,
    external_ids: HashSet<Box<str>>,
    quotes: HashMap<Box<str>, Quote>,
    /// Sessions in the order they were given out, so that old ones can be forgotten.
    ending: VecDeque<(DateTime<Utc>, Box<str>)>,
}

impl Remembered {
    /// Whether this X-EXTERNAL-ID was used on this day.
    pub fn was_called(&self, day: NaiveDate, external_id: &str) -> bool {
        self.day == day && self.external_ids.contains(external_id)
    }

    /// The quote of a session that is neither used nor over.
    pub fn quote(&self, session: &str, now: DateTime<Utc>) -> Option<&Quote> {
        self.quotes.get(session).filter(|quote| quote.until > now)
    }
}

impl Own for Remembered {
    type Fact = Fact;

    fn apply(&mut self, fact: Fact) {
        match fact {
            Fact::Token(issued) => self.tokens.add(issued),
            Fact::Called(day, id) => {
                if self.day != day {
                    self.day = day;
                    self.external_ids.clear();
                }
                self.external_ids.insert(id);
            }
            Fact::Quoted(quote) => {
                while let Some((_, old)) = self.ending.pop_front_if(|(until, _)| *until <= quote.at) {
                    self.quotes.remove(&old);
                }
                self.ending.push_back((quote.until, quote.session.clone()));
                self.quotes.insert(quote.session.clone(), quote);
            }
            Fact::Used(session) => {
                self.quotes.remove(&session);
            }
        }
    }
}
