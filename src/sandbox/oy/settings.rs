//! How the OY! simulator behaves; set by `POST /control/settings`, kept in the journal.
//!
//! Pure data; every default is the documents' own or the reading in contracts/oy.md 5.

use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::provider::{self, Common};

/// Waits after each failed callback, in seconds: five retries (contracts/oy.md 4).
pub const CALLBACK_RETRY_S: [u64; 5] = [0, 60, 120, 780, 2820];

/// Which documents are followed where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// April 2020: a used id is always 203; 206 and 215 are refusals; the seed's bank table.
    #[default]
    Seed,
    /// 2024 and later: 257 while an id is in process; 206 and 225 come as asynchronous failures; e-wallets are banks;
    /// balance and status carry the later fields.
    Modern,
}

/// All settings. `POST /control/settings` takes any of them; what is not named keeps its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub mode: Mode,
    /// Status of an id whose remit was rejected: the seed's table to the letter, instead of 204.
    pub literal: bool,
    /// From 101 to the end, in documented milliseconds (divided by the speed); 0 ends a payment at once.
    pub settle_after_ms: u64,
    /// Where callbacks go; none are sent without it.
    pub callback_url: Option<String>,
    /// The five retries after a failed callback; off by default, as documented.
    pub callback_retries: bool,
    /// Tell 301 by callback too.
    pub callback_on_suspect: bool,
    pub callback_timeout_ms: u64,
    /// `false` answers 202.
    pub user_active: bool,
    /// `false` answers 207.
    pub ip_registered: bool,
    /// Calls per second of the sandbox's clock before 429; 0 is no limit.
    pub rate_per_second: u32,
    /// Say 429 as the HTTP status too.
    pub rate_as_http: bool,
    /// Least amount to a bank, whole rupiah; e-wallets take 100.
    pub min_amount: i64,
    /// Largest amount, whole rupiah; 0 is no limit (OY! publishes none).
    pub max_amount: i64,
    /// `overdraftBalance`, which may be spent beyond the balance.
    pub overdraft: i64,
    /// `overbookingBalance`, shown and not used.
    pub overbooking: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mode: Mode::Seed,
            literal: false,
            settle_after_ms: 1000,
            callback_url: None,
            callback_retries: false,
            callback_on_suspect: true,
            callback_timeout_ms: 10_000,
            user_active: true,
            ip_registered: true,
            rate_per_second: 0,
            rate_as_http: false,
            min_amount: 10_000,
            max_amount: 0,
            overdraft: 0,
            overbooking: 0,
        }
    }
}

impl provider::Settings for Settings {
    fn common(&self) -> Common<'_> {
        Common {
            settle_after_ms: self.settle_after_ms,
            callback_url: self.callback_url.as_deref(),
            callback_timeout_ms: self.callback_timeout_ms,
            ladder: if self.callback_retries { &CALLBACK_RETRY_S } else { &[] },
        }
    }

    fn call_back_to(&mut self, url: Option<String>) {
        self.callback_url = url;
    }
}
