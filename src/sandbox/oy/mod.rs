//! The OY! Indonesia simulator: inquiry, remit, remit-status, balance and the disbursement callback.
//!
//! Written from contracts/oy.md, never from the product's adapter. It may use the chassis, the leaves and `outbound`.
//! [`Oy`] is its handle: tests in the same process use it, everybody else the control API.

mod calls;
mod code;
mod settings;
mod tables;
mod wire;

use std::sync::{Mutex, PoisonError};

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use code::Code;
pub use settings::{CALLBACK_RETRY_S, Mode, Settings};

use super::chassis::books::{Books, Payment};
use super::chassis::engine::Engine;
use super::chassis::faults::{Effects, Fault, Matched};
use super::chassis::life::Told;
use super::chassis::provider::{self, Code as _, Incoming, Notice, Provider};
use crate::crypto::random_bytes;

/// The account that exists from the start.
pub const USERNAME: &str = "oy-sandbox";
/// Rp 1,000,000,000,000: long runs do not drain it.
pub const OPENING_BALANCE: i64 = 1_000_000_000_000;

/// A handle to the running simulator; clones are the same simulator.
pub type Oy = Engine<OyRules>;

/// OY!'s rules, and what they remember of the present second.
pub struct OyRules {
    /// The second that is counted, and the calls in it.
    rate: Mutex<(i64, u32)>,
}

/// The account as the journal keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    username: String,
    api_key: String,
    /// Makes the trx ids of one data folder differ from another's.
    tag: String,
    balance: i64,
}

impl provider::Account for Account {
    fn open() -> anyhow::Result<Account> {
        Ok(Account {
            username: USERNAME.into(),
            api_key: hex::encode(random_bytes::<16>()),
            tag: hex::encode(random_bytes::<4>()),
            balance: OPENING_BALANCE,
        })
    }

    fn opening(&self) -> i64 {
        self.balance
    }
}

/// Who may call.
#[derive(Clone, Debug, Serialize)]
pub struct Credentials {
    pub username: String,
    pub api_key: String,
}

impl Provider for OyRules {
    const CODE: &'static str = "oy";

    type Code = Code;
    type Account = Account;
    type Settings = Settings;
    type Own = ();
    type Credentials = Credentials;
    type Call = wire::Call;
    type Reply = wire::Reply;

    fn new(_account: &Account) -> anyhow::Result<OyRules> {
        Ok(OyRules { rate: Mutex::new((0, 0)) })
    }

    fn credentials(account: &Account) -> Credentials {
        Credentials { username: account.username.clone(), api_key: account.api_key.clone() }
    }

    /// `trx_id`: at most 36 characters.
    fn provider_ref(account: &Account, payment: &Payment<Code>) -> String {
        format!("OY-{}-{:010}", account.tag, payment.trx)
    }

    fn check(fault: &Fault) -> Result<(), String> {
        match fault.code.as_ref().map(|code| code.parse::<Code>()) {
            Some(Err(e)) => Err(e.to_string()),
            _ => Ok(()),
        }
    }

    fn read(request: Incoming) -> Option<wire::Call> {
        wire::Call::read(&request)
    }

    fn matched(call: &wire::Call) -> Matched<'_> {
        call.matched()
    }

    fn answer(
        engine: &Oy,
        books: &mut Books<OyRules>,
        call: &wire::Call,
        effects: &Effects,
        now: DateTime<Utc>,
    ) -> (wire::Reply, Vec<Told<OyRules>>) {
        calls::answer(engine, books, call, effects, now)
    }

    fn write(mut reply: wire::Reply, effects: &Effects) -> Response {
        reply.spoil(effects);
        reply.into_response()
    }

    /// Every end, and 301 where it is wanted (contracts/oy.md 4).
    fn tells(code: Code, settings: &Settings) -> bool {
        code.is_end() || (code == Code::SUSPECT && settings.callback_on_suspect)
    }

    fn stale(_code: Code) -> Code {
        Code::SUSPECT
    }

    /// An unsigned POST with the fields of a status answer (contracts/oy.md 4).
    fn notice(_account: &Account, told: &Told<OyRules>) -> Notice {
        Notice { headers: Vec::new(), body: calls::state(told, told.payment.code).body() }
    }
}

impl OyRules {
    /// Counts a call of this second; `false` when there were too many.
    fn within_rate(&self, limit: u32, now: DateTime<Utc>) -> bool {
        if limit == 0 {
            return true;
        }
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.0 != now.timestamp() {
            *rate = (now.timestamp(), 0);
        }
        rate.1 = rate.1.saturating_add(1);
        rate.1 <= limit
    }
}
