//! How payment providers are spoken to: small traits spelled as the services, and the [`Call`] each one gets.
//!
//! An adapter is pure around one exchange: build, send, read. It knows its provider's contract and nothing of payments,
//! databases or routing, and never names another provider. `registry` is the only place that lists them.

pub mod budget;
pub mod call;
pub mod doku;
pub mod form;
pub mod kaspro;
mod kyb_push;
pub mod onboarding;
mod oy;
pub mod registry;
pub mod tokens;
mod tolerant;
mod trouble;

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::crypto::secret::{Personal, SecretString};
use crate::domain::evidence::Verdict;
use crate::domain::kyb::completeness::Addition;
use crate::domain::money::{Currency, Money};
use crate::domain::retry::ResendRule;
use crate::domain::sequence::Reach;
use crate::domain::service::{Mode, Service};

pub use call::Call;
pub use form::{Field, FieldFault};
pub use kyb_push::signature as kyb_push_signature;
pub use trouble::{Cause, Trouble};

/// A provider: what it is called, what it can do, how much of it may be used at once.
pub trait Provider: Send + Sync {
    /// The code in columns, configuration and addresses, such as the name of its folder.
    fn code(&self) -> &'static str;
    /// What people call it.
    fn name(&self) -> &'static str;
    /// `AGGREGATOR` or `DIRECT` (seed 001).
    fn kind(&self) -> &'static str;
    fn limits(&self) -> Limits;
    /// What a connection is made with.
    fn form(&self) -> &'static [Field];
    /// Checks a connection's credentials and settings by [`Provider::form`]; answers the account they belong to,
    /// which stays the same for as long as the connection lives. The faults name fields, never values.
    fn identity(&self, credentials: &Value, settings: &Value) -> Result<String, Vec<FieldFault>>;
    fn send_money(&self) -> Option<&dyn SendMoney>;
    fn callbacks(&self) -> Option<&dyn Callbacks>;

    /// What it needs of a KYB file beyond what every provider does.
    fn kyb_additions(&self) -> &'static [Addition] {
        &[]
    }

    /// Whether it offers `service`.
    fn offers(&self, service: Service) -> bool {
        match service {
            Service::SendMoney => self.send_money().is_some(),
        }
    }
}

/// Calls under way at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To one address of the provider, over all connections.
    pub provider: usize,
    /// Of one connection.
    pub connection: usize,
}

/// The account a call is made from: frozen identity, today's secrets of that identity.
#[derive(Clone, Debug)]
pub struct Account {
    pub identity: String,
    pub mode: Mode,
    /// JSON, as the provider's form names its fields.
    pub credentials: SecretString,
    pub settings: Value,
}

impl Account {
    /// What the connection sets for itself under `name`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }
}

/// What a client wants paid, in neutral words.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub reference: &'a str,
    /// Neutral code, such as `BCA`.
    pub destination: &'a str,
    pub account: &'a Personal,
    pub name: &'a Personal,
    pub money: Money,
    pub remark: &'a str,
    /// What the connection sets for itself: the adapter freezes of it what the order depends on.
    pub settings: &'a Value,
}

/// An order as it will be sent: every send, re-send and status read of an attempt uses exactly this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// What the provider knows it by: the wish's, spelled as the provider takes it.
    pub reference: String,
    /// The provider's own code of the destination.
    pub destination: String,
    pub account: Personal,
    pub name: Personal,
    pub units: i64,
    pub currency: Currency,
    pub note: String,
    /// What one adapter freezes beside the common fields, by names of its own: sealed and masked like the account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extras: BTreeMap<String, Personal>,
}

impl Order {
    pub fn money(&self) -> Money {
        Money::new(self.units, self.currency)
    }
}

/// What one answer says, read by the contract's list.
#[derive(Clone, Debug)]
pub struct Reading {
    pub verdict: Verdict,
    /// The provider's own code and message; the message is for display only.
    pub code: Option<String>,
    pub message: Option<String>,
    /// The provider's id of the payment.
    pub provider_ref: Option<String>,
    /// The amount it names, and whether that or the account is not ours.
    pub amount: Option<Money>,
    pub echo_differs: bool,
}

impl Reading {
    /// A reading with nothing but a verdict and a sentence of ours.
    pub fn of(verdict: Verdict, message: impl Into<String>) -> Self {
        Reading {
            verdict,
            code: None,
            message: Some(message.into()),
            provider_ref: None,
            amount: None,
            echo_differs: false,
        }
    }
}

/// Whom a bank account belongs to.
#[derive(Clone, Debug)]
pub enum Inquiry {
    Found {
        name: Personal,
    },
    /// The contract lists this refusal: no such account, or no such bank.
    NotFound {
        code: String,
    },
    /// The provider could not or would not say.
    Failed {
        reason: String,
    },
}

/// Money a client holds at a provider.
#[derive(Clone, Debug)]
pub struct Balance {
    pub balance: Money,
    /// What can be spent now, where the provider says so.
    pub available: Option<Money>,
}

/// One authenticated call that makes and moves nothing, to learn whether a connection works.
pub struct Probe<'a> {
    /// What is asked, in a word.
    pub asked: &'static str,
    /// What a good answer leaves open, for people: in English and in Indonesian.
    pub unproved: Option<[&'static str; 2]>,
    pub answer: BoxFuture<'a, Result<(), Trouble>>,
}

/// Sending money to bank accounts, with the questions that belong to it.
pub trait SendMoney: Send + Sync {
    /// Whether a destination and currency can be paid.
    fn reach(&self, destination: &str, currency: Currency) -> Reach;
    /// Freezes a wish into the order that will be sent. `None` where [`SendMoney::reach`] is not yes.
    fn order(&self, wish: &Wish<'_>) -> Option<Order>;
    fn send<'a>(&'a self, call: &'a Call, order: &'a Order) -> BoxFuture<'a, Reading>;
    /// How the order stands. `None` where the provider has no such call, or this connection does not.
    fn status<'a>(&'a self, call: &'a Call, order: &'a Order) -> Option<BoxFuture<'a, Reading>>;
    /// Whose an account is. `None` as above.
    fn inquiry<'a>(
        &'a self,
        call: &'a Call,
        destination: &'a str,
        account: &'a Personal,
    ) -> Option<BoxFuture<'a, Inquiry>>;
    /// What the connection's account holds. `None` as above.
    fn balance<'a>(&'a self, call: &'a Call) -> Option<BoxFuture<'a, Result<Balance, Trouble>>>;
    /// The call that tests a connection. `None` where there is none that is harmless.
    fn probe<'a>(&'a self, call: &'a Call) -> Option<Probe<'a>> {
        let asked = self.balance(call)?;
        let answer = Box::pin(async move { asked.await.map(drop) });
        Some(Probe { asked: "balance", unproved: None, answer })
    }
    /// The longest a send can take, in real time: leases outlive it.
    fn send_deadline(&self) -> std::time::Duration;
    /// When a re-send under the same reference is safe by the contract; `None`: never.
    fn resend(&self) -> Option<ResendRule>;
}

/// A call from a provider, as it came.
#[derive(Clone, Debug)]
pub struct RawCallback {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The address of the peer.
    pub source: std::net::IpAddr,
}

/// What a call from a provider is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackReading {
    /// It names a payment but proves nothing: the provider is asked.
    Question { reference: String },
    /// Unreadable, or not for us.
    Refused { reason: &'static str },
}

/// The answer to a provider's call.
#[derive(Clone, Debug)]
pub struct CallbackAnswer {
    pub status: u16,
    pub body: String,
}

/// Calls from a provider: two pure functions with one flow between them.
pub trait Callbacks: Send + Sync {
    fn read(&self, raw: &RawCallback) -> CallbackReading;
    /// The answer. `stored` says whether the call is durable. For a provider that wants a shape of its own, its own; for
    /// one that reads the status alone, this.
    fn answer(&self, reading: &CallbackReading, stored: bool) -> CallbackAnswer {
        let (status, said) = match reading {
            CallbackReading::Refused { reason } => (400, *reason),
            CallbackReading::Question { .. } if stored => (200, "OK"),
            CallbackReading::Question { .. } => (503, "try again"),
        };
        CallbackAnswer { status, body: serde_json::json!({ "message": said }).to_string() }
    }
}
