//! Why a question to a provider brought no answer, as far as its contract tells, in words for the people who can mend
//! it.
//!
//! Adapters sort; nothing here knows a provider, and nothing is decided about money by it.

use crate::crypto::secret::Personal;
use crate::outbound::Answer;

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing answered: no such host, nobody listens, no time left.
    Unreachable,
    /// Something answers there, and it is not this provider's API.
    Address,
    /// The provider does not know the account, or has closed it.
    Account,
    /// It refuses the secret, the signature or the token.
    Secret,
    /// It does not take calls from our address.
    Caller,
    /// We asked too often.
    Pace,
    /// It says that it has trouble itself.
    Provider,
    /// An answer the contract does not list.
    Unclear,
}

impl Cause {
    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Unreachable => "unreachable",
            Cause::Address => "wrong_address",
            Cause::Account => "wrong_account",
            Cause::Secret => "wrong_secret",
            Cause::Caller => "caller_not_registered",
            Cause::Pace => "too_often",
            Cause::Provider => "provider_trouble",
            Cause::Unclear => "unclear",
        }
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Cause::Unreachable => "Nothing answered at the provider's address.",
            Cause::Address => "Something answers at this address, but it is not the provider's API.",
            Cause::Account => "The provider answered, and does not know this account or has closed it.",
            Cause::Secret => "The provider answered, and refuses the secret, key or signature.",
            Cause::Caller => "The provider answered, and does not take calls from this installation's address.",
            Cause::Pace => "The provider answered that it is asked too often.",
            Cause::Provider => "The provider answered that it has trouble itself.",
            Cause::Unclear => "The provider answered something its contract does not list.",
        }
    }

    /// What to check.
    pub fn advice(self) -> &'static str {
        match self {
            Cause::Unreachable => {
                "Check the base address in the settings, and that this installation may call out to it. If both are \
                 right, the provider is down: test again in a while."
            }
            Cause::Address => {
                "Check the base address in the settings: host, path, and whether it is the provider's test or live one."
            }
            Cause::Account => {
                "Compare the account's name or client id with the provider's dashboard, and that it is of this mode, \
                 test or live. Ask the provider whether the account is active."
            }
            Cause::Secret => {
                "Copy the secrets again from the provider's dashboard, of this account and of this mode, test or live, \
                 and change them here. A key pair must be the one whose public half the provider has."
            }
            Cause::Caller => {
                "Register the public IP address of this installation in the provider's dashboard, then test again; \
                 providers need some minutes to take it in."
            }
            Cause::Pace => "Wait a minute, then test again.",
            Cause::Provider => "Look at the provider's status page or ask it, then test again.",
            Cause::Unclear => "Show the provider's own words to its support, and test again.",
        }
    }

    /// Whether somebody answered who could be the provider.
    pub fn is_reached(self) -> bool {
        self != Cause::Unreachable
    }

    /// Whether the provider took us for who we are; `None` where that was not learned.
    pub fn is_authenticated(self) -> Option<bool> {
        match self {
            Cause::Account | Cause::Secret | Cause::Caller => Some(false),
            Cause::Unreachable | Cause::Address | Cause::Pace | Cause::Provider | Cause::Unclear => None,
        }
    }
}

/// What is in the way, with the provider's own words or ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub cause: Cause,
    pub words: String,
    /// Free text of the provider's that may name people, kept apart from `words`: it is kept sealed alone.
    pub said: Option<Personal>,
}

impl Trouble {
    pub fn new(cause: Cause, words: impl Into<String>) -> Self {
        Trouble { cause, words: words.into(), said: None }
    }

    /// The same, with free text of the provider's.
    pub fn saying(self, said: impl Into<String>) -> Self {
        Trouble { said: Some(Personal::new(said)), ..self }
    }

    /// What an HTTP status says where the body holds no code of the contract's.
    pub fn of_http(answer: &Answer) -> Self {
        let cause = match answer.status {
            401 => Cause::Secret,
            403 => Cause::Caller,
            404 | 405 | 410 => Cause::Address,
            429 => Cause::Pace,
            500.. => Cause::Provider,
            _ => Cause::Unclear,
        };
        Trouble::new(cause, format!("HTTP {}", answer.status))
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<Trouble> for String {
    fn from(trouble: Trouble) -> Self {
        trouble.words
    }
}

/// What our own side says of a call it did not make.
impl From<String> for Trouble {
    fn from(words: String) -> Self {
        Trouble::new(Cause::Unclear, words)
    }
}

impl From<&str> for Trouble {
    fn from(words: &str) -> Self {
        Trouble::new(Cause::Unclear, words)
    }
}
