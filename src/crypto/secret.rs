//! Values that must not be read by accident: secrets and personal data.
//!
//! Both wrappers print nothing. A secret opens by `expose_secret`, a personal value by [`Personal::reveal`];
//! a search for those two words shows every place where one is used.

use serde::{Deserialize, Serialize};

pub use secrecy::{ExposeSecret, SecretString};

/// A datum about a person (a name, an account number). It can be stored encrypted or sent to a provider;
/// it cannot be printed, so it cannot reach a log, an error or an event by accident.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal(String);

impl Personal {
    pub fn new(value: impl Into<String>) -> Self {
        Personal(value.into())
    }

    /// The value itself. Who calls this is responsible for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters behind dots, as people recognise an account: `…7890`.
    /// A value of six characters or fewer shows nothing of itself.
    pub fn hint(&self) -> String {
        let count = self.0.chars().count();
        if count <= 6 {
            return "…".into();
        }
        let tail: String = self.0.chars().skip(count - 4).collect();
        format!("…{tail}")
    }
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl From<String> for Personal {
    fn from(value: String) -> Self {
        Personal(value)
    }
}
