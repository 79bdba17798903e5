//! What a provider's simulator adds to the chassis: its codes, its account, its settings, its calls.
//!
//! Only traits and the small types they speak in. The chassis calls them; it never knows which provider it runs.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::books::{Books, Money, Payment};
use super::engine::Engine;
use super::faults::{Effects, Fault, Matched};
use super::life::Told;

/// What a payment says of itself, in the provider's own codes.
pub trait Code:
    Copy + Ord + Display + FromStr<Err: Display> + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Whether a payment that says this says it for good.
    fn is_end(self) -> bool;

    /// Where the money is once a payment says this; `was` is where it was before.
    fn money(self, was: Money) -> Money;

    /// Whether people may give a payment this code by the control API; refused in words.
    fn decidable(self) -> Result<(), &'static str>;

    /// Whether a payment that says `earlier` may come to say this; what may not is a contradiction, which must be forced.
    fn may_follow(self, earlier: Self) -> bool {
        !earlier.is_end()
    }
}

/// The account at the provider: made at the first start, kept as the first line of the journal.
pub trait Account: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// A new account with credentials that nobody can guess.
    fn open() -> anyhow::Result<Self>;

    /// The balance it begins with, whole rupiah.
    fn opening(&self) -> i64;
}

/// How the simulator behaves; set by `POST /control/settings`, kept in the journal.
pub trait Settings: Clone + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The settings that every provider has.
    fn common(&self) -> Common<'_>;

    /// Where callbacks go from now on; none are sent without an address.
    fn call_back_to(&mut self, url: Option<String>);
}

/// The settings that every provider has, under the same names.
pub struct Common<'a> {
    /// From the acceptance to the end, in documented milliseconds (divided by the speed).
    pub settle_after_ms: u64,
    pub callback_url: Option<&'a str>,
    pub callback_timeout_ms: u64,
    /// The waits after each failed try, in documented seconds; empty: one try only.
    pub ladder: &'static [u64],
}

/// What a provider must remember beside payments: used ids, tokens, sessions. `()` where there is nothing.
pub trait Own: Default + Send + 'static {
    /// One thing to remember; a line of the journal.
    type Fact: Serialize + DeserializeOwned + Send + 'static;

    /// Remembers it, live and at replay alike.
    fn apply(&mut self, fact: Self::Fact);
}

impl Own for () {
    type Fact = ();

    fn apply(&mut self, (): ()) {}
}

/// A request as it came.
pub struct Incoming {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Incoming {
    /// A header's text, without white space around it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// The path's parts, without empty ones: tolerant of slashes in front, behind and doubled.
    pub fn parts(&self) -> Vec<&str> {
        self.uri.path().split('/').filter(|part| !part.is_empty()).collect()
    }
}

/// A callback's content, before it is sent.
pub struct Notice {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One provider. An instance holds what is derived from its account and not kept (parsed keys, counters).
pub trait Provider: Sized + Send + Sync + 'static {
    /// The provider's code: its key in `describe()` and the name of its journal.
    const CODE: &'static str;

    type Code: Code;
    type Account: Account;
    type Settings: Settings;
    type Own: Own;
    /// The credentials of a connection, exactly as a connection is made with them.
    type Credentials: Serialize;
    /// A request as far as it could be read.
    type Call: Send + Sync + 'static;
    /// An answer before it is bytes.
    type Reply: Send;

    fn new(account: &Self::Account) -> anyhow::Result<Self>;

    fn credentials(account: &Self::Account) -> Self::Credentials;

    /// The settings of a connection beside `base_url`.
    fn connection(_account: &Self::Account, _settings: &Self::Settings) -> Map<String, Value> {
        Map::new()
    }

    /// What else `describe()` says of this provider.
    fn also(_account: &Self::Account) -> Map<String, Value> {
        Map::new()
    }

    /// The number of the next payment; `last` is the highest so far.
    fn number(last: u64, _now: DateTime<Utc>) -> u64 {
        last + 1
    }

    /// The provider's own reference of a payment that exists.
    fn provider_ref(account: &Self::Account, payment: &Payment<Self::Code>) -> String;

    /// Whether this provider has such a fault, and its code the right form; refused in words.
    fn check(fault: &Fault) -> Result<(), String>;

    /// Which call this is; `None` is HTTP 404.
    fn read(request: Incoming) -> Option<Self::Call>;

    /// What the faults look at.
    fn matched(call: &Self::Call) -> Matched<'_>;

    /// Works on one call, under the lock of the books, and says what is to be told by callback.
    fn answer(
        engine: &Engine<Self>,
        books: &mut Books<Self>,
        call: &Self::Call,
        effects: &Effects,
        now: DateTime<Utc>,
    ) -> (Self::Reply, Vec<Told<Self>>);

    /// The answer as bytes, with what the faults want to be wrong.
    fn write(reply: Self::Reply, effects: &Effects) -> Response;

    /// Whether a payment that says `code` is told by callback.
    fn tells(code: Self::Code, settings: &Self::Settings) -> bool;

    /// The code of older news, sent after `code` by `reorder-callbacks`.
    fn stale(code: Self::Code) -> Self::Code;

    /// The callback that tells it.
    fn notice(account: &Self::Account, told: &Told<Self>) -> Notice;
}

/// A documented time on the sandbox's clock.
pub fn documented(ms: u64, speed: f64) -> chrono::TimeDelta {
    let wait = Duration::from_millis(ms).div_f64(speed);
    chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::zero())
}
