//! How the DOKU simulator behaves; set by `POST /control/settings`, kept in the journal.
//!
//! Pure data; every default is that of contracts/doku.md 6.

use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::provider::{self, Common};

/// Waits after each failed notification, in seconds: 30 min, 6 h and 12 h from the first (contracts/doku.md 4).
pub const CALLBACK_RETRY_S: [u64; 3] = [1800, 19_800, 21_600];

/// All settings. `POST /control/settings` takes any of them; what is not named keeps its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Transfers answer 2004300 at once; otherwise 2024300 and end later. The documented accounts do as they must.
    pub sync: bool,
    /// From 2024300 to the end, in documented milliseconds (divided by the speed).
    pub settle_after_ms: u64,
    /// Where payout notifications go; none are sent without it.
    pub callback_url: Option<String>,
    /// The three retries after a failed notification.
    pub callback_retries: bool,
    pub callback_timeout_ms: u64,
    /// How far `X-TIMESTAMP` may be off, in seconds; 0 does not look.
    pub skew_s: u32,
    /// The life of an access token, told as `expiresIn`; in seconds of the sandbox's clock, not divided by the speed.
    pub token_life_s: u32,
    /// Only the token given out last is good.
    pub strict_token: bool,
    /// The life of an inquiry's `sessionId`, in seconds of the sandbox's clock, not divided by the speed.
    pub session_life_s: u32,
    /// `responseCode` as a JSON number, as samples of the documents have it.
    pub numeric_response_code: bool,
    /// `accountInfos` of a balance as the documents print it: an object, with `avaliableBalance`.
    pub docs_form: bool,
    /// The status of an unknown payment is 200 with `latestTransactionStatus` 07 instead of 404.
    pub unknown_as_07: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sync: true,
            settle_after_ms: 1000,
            callback_url: None,
            callback_retries: true,
            callback_timeout_ms: 10_000,
            skew_s: 300,
            token_life_s: 900,
            strict_token: false,
            session_life_s: 900,
            numeric_response_code: false,
            docs_form: false,
            unknown_as_07: false,
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
