//! How the KasPro simulator behaves; set by `POST /control/settings`, kept in the journal.
//!
//! Pure data. KasPro publishes little: defaults are those of contracts/kaspro.md 5, the rest is ours.

use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::provider::{self, Common};

/// All settings. `POST /control/settings` takes any of them; what is not named keeps its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bank transfers answer code 0 at once, instead of code 1 and a later end.
    pub sync: bool,
    /// Serve the status call, which is invented: KasPro publishes none.
    pub status_call: bool,
    /// From code 1 to the end, in documented milliseconds (divided by the speed).
    pub settle_after_ms: u64,
    /// Where callbacks go; none are sent without it. They are invented: KasPro publishes none.
    pub callback_url: Option<String>,
    pub callback_timeout_ms: u64,
    /// How far `Date` may be off, in seconds; 0 does not look.
    pub skew_s: u32,
    /// The life of an access token, told as `expires_in`; in seconds of the sandbox's clock, not divided by the speed.
    pub token_life_s: u32,
    /// Money as JSON numbers instead of strings: KasPro's samples have both.
    pub money_as_numbers: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sync: false,
            status_call: false,
            settle_after_ms: 1000,
            callback_url: None,
            callback_timeout_ms: 10_000,
            skew_s: 300,
            token_life_s: 3600,
            money_as_numbers: false,
        }
    }
}

impl provider::Settings for Settings {
    fn common(&self) -> Common<'_> {
        Common {
            settle_after_ms: self.settle_after_ms,
            callback_url: self.callback_url.as_deref(),
            callback_timeout_ms: self.callback_timeout_ms,
            ladder: &[],
        }
    }

    fn call_back_to(&mut self, url: Option<String>) {
        self.callback_url = url;
    }
}
