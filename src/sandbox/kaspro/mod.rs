//! The KasPro simulator: token, customer inquiry, bank transfer, and by choice a status call and a callback.
//!
//! Written from contracts/kaspro.md, never from the product's adapter. KasPro publishes no mock table, no status call
//! and no callback: what stands here for them is ours, not KasPro's, and is marked so. It may use the chassis, the
//! leaves and `outbound`.

mod calls;
mod code;
mod settings;
pub mod signing;
mod wire;

use axum::response::Response;
use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use code::Code;
pub use settings::Settings;

use super::chassis::books::{Books, Payment};
use super::chassis::engine::Engine;
use super::chassis::faults::{Effects, Fault, Kind, Matched};
use super::chassis::life::Told;
use super::chassis::provider::{self, Code as _, Incoming, Notice, Own, Provider};
use super::chassis::tokens::{Issued, Tokens};
use crate::crypto::random_bytes;

/// Rp 1,000,000,000,000: long runs do not drain it.
pub const OPENING_BALANCE: i64 = 1_000_000_000_000;
/// The partner's own wallet, in the local form of the samples.
pub const MOBILE_NUMBER: &str = "081234567890";
/// The server address the partner has registered.
pub const ORIGIN: &str = "127.0.0.1";
/// Where the invented status call is.
pub const STATUS_PATH: &str = "/bank-transfer-status/";

/// A handle to the running simulator; clones are the same simulator.
pub type Kaspro = Engine<KasproRules>;

/// KasPro's rules.
pub struct KasproRules;

/// The account as the journal keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    client_id: String,
    client_secret: String,
    hmac_key: String,
    hmac_secret: String,
    balance: i64,
}

impl provider::Account for Account {
    fn open() -> anyhow::Result<Account> {
        Ok(Account {
            client_id: "kaspro-sandbox".into(),
            client_secret: hex::encode(random_bytes::<16>()),
            hmac_key: hex::encode(random_bytes::<12>()),
            hmac_secret: hex::encode(random_bytes::<16>()),
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
    pub client_id: String,
    pub client_secret: String,
    pub hmac_key: String,
    pub hmac_secret: String,
}

/// The access tokens given out.
#[derive(Default)]
pub struct Remembered {
    tokens: Tokens,
}

impl Own for Remembered {
    type Fact = Issued;

    fn apply(&mut self, issued: Issued) {
        self.tokens.add(issued);
    }
}

impl Provider for KasproRules {
    const CODE: &'static str = "kaspro";

    type Code = Code;
    type Account = Account;
    type Settings = Settings;
    type Own = Remembered;
    type Credentials = Credentials;
    type Call = wire::Call;
    type Reply = wire::Reply;

    fn new(_account: &Account) -> anyhow::Result<KasproRules> {
        Ok(KasproRules)
    }

    fn credentials(account: &Account) -> Credentials {
        let Account { client_id, client_secret, hmac_key, hmac_secret, .. } = account.clone();
        Credentials { client_id, client_secret, hmac_key, hmac_secret }
    }

    /// `status_path` only while the status call is served.
    fn connection(_account: &Account, settings: &Settings) -> Map<String, Value> {
        let mut told =
            Map::from_iter([("origin".to_owned(), ORIGIN.into()), ("mobile_number".to_owned(), MOBILE_NUMBER.into())]);
        if settings.status_call {
            told.insert("status_path".into(), STATUS_PATH.into());
        }
        told
    }

    /// The number is the milliseconds of its time, and one more where two payments share one: `reffId` shows it.
    fn number(last: u64, now: DateTime<Utc>) -> u64 {
        now.timestamp_millis().unsigned_abs().max(last + 1)
    }

    /// `reffId` as in the sample: OLSFQ and yyyyMMddHHmmssSSS (contracts/kaspro.md 1.2), in WIB (5).
    fn provider_ref(_account: &Account, payment: &Payment<Code>) -> String {
        let millis = i64::try_from(payment.trx).unwrap_or(i64::MAX);
        let at = DateTime::from_timestamp_millis(millis).unwrap_or(payment.created);
        format!("OLSFQ{}", wib(at).format("%Y%m%d%H%M%S%3f"))
    }

    fn check(fault: &Fault) -> Result<(), String> {
        if matches!(fault.kind, Kind::ForceCredit | Kind::SuspectFirst) {
            return Err("KasPro has no such state".into());
        }
        let code = fault.code.as_ref().map(|code| code.parse::<Code>().map_err(|e| e.to_string())).transpose()?;
        match code {
            Some(code) if fault.kind == Kind::End && code != Code::IN_PROCESS => code.decidable().map_err(Into::into),
            _ => Ok(()),
        }
    }

    fn read(request: Incoming) -> Option<wire::Call> {
        wire::Call::read(request)
    }

    fn matched(call: &wire::Call) -> Matched<'_> {
        call.matched()
    }

    fn answer(
        engine: &Kaspro,
        books: &mut Books<KasproRules>,
        call: &wire::Call,
        effects: &Effects,
        now: DateTime<Utc>,
    ) -> (wire::Reply, Vec<Told<KasproRules>>) {
        calls::answer(engine, books, call, effects, now)
    }

    fn write(reply: wire::Reply, effects: &Effects) -> Response {
        reply.write(effects)
    }

    fn tells(code: Code, _settings: &Settings) -> bool {
        code.is_end()
    }

    fn stale(_code: Code) -> Code {
        Code::IN_PROCESS
    }

    /// Invented (contracts/kaspro.md 4): unsigned, the envelope with `reffId` beside `responseId`.
    fn notice(_account: &Account, told: &Told<KasproRules>) -> Notice {
        let reply = calls::news(told);
        Notice { headers: Vec::new(), body: reply.body.unwrap_or_default().to_string().into_bytes() }
    }
}

/// Jakarta's time, which KasPro's own stamps are read as (contracts/kaspro.md 5).
fn wib(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    let offset = FixedOffset::east_opt(7 * 3600).expect("seven hours are within a day");
    at.with_timezone(&offset)
}
