//! What can be asked of a provider, and where in it: services and their destinations.

use serde::{Deserialize, Serialize};

use super::destination::{self, Destination};

/// A service of the catalogue (DESIGN section 2). The word is the same in columns, JSON and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    SendMoney,
}

impl Service {
    pub const ALL: [Service; 1] = [Service::SendMoney];

    pub fn as_str(self) -> &'static str {
        match self {
            Service::SendMoney => "send_money",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "send_money" => Some(Service::SendMoney),
            _ => None,
        }
    }

    /// Which way the money goes, as callback addresses say it (contracts/paystrator.md 2.11).
    pub fn direction(self) -> &'static str {
        match self {
            Service::SendMoney => "send",
        }
    }

    /// Every destination of this service, by neutral code.
    pub fn destinations(self) -> &'static [Destination] {
        match self {
            Service::SendMoney => &destination::DESTINATIONS,
        }
    }

    /// The neutral code of a destination of this service, from any of its spellings.
    pub fn destination(self, text: &str) -> Option<&'static str> {
        match self {
            Service::SendMoney => destination::find(text).map(|known| known.code),
        }
    }
}

/// Whether money is real. Fixed when a key, connection or payment is made; only like meets like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Test,
    Live,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Test => "test",
            Mode::Live => "live",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "test" => Some(Mode::Test),
            "live" => Some(Mode::Live),
            _ => None,
        }
    }
}
