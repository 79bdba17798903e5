//! The DOKU simulator: the B2B token and Kirim DOKU (account inquiry, bank transfer, status, balance, notification).
//!
//! Written from contracts/doku.md, never from the product's adapter. It may use the chassis, the leaves and `outbound`.
//! [`Doku`] is its handle: tests in the same process use it, everybody else the control API.

mod access;
mod calls;
mod code;
mod own;
pub mod partner;
mod settings;
pub mod signing;
mod wire;

use std::sync::OnceLock;

use anyhow::Context;
use aws_lc_rs::rsa::KeyPair;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use code::Code;
pub use settings::{CALLBACK_RETRY_S, Settings};

use super::chassis::books::{Books, Payment};
use super::chassis::engine::Engine;
use super::chassis::faults::{Effects, Fault, Kind, Matched};
use super::chassis::life::Told;
use super::chassis::provider::{self, Code as _, Incoming, Notice, Provider};
use crate::crypto::random_bytes;
use signing::PemPair;

/// The brand that exists from the start.
pub const CLIENT_ID: &str = "BRN-0200-1700000000000";
/// The agent that sends money.
pub const AGENT_KEY: &str = "A41879";
/// Rp 1,000,000,000,000: long runs do not drain it.
pub const OPENING_BALANCE: i64 = 1_000_000_000_000;

/// A handle to the running simulator; clones are the same simulator.
pub type Doku = Engine<DokuRules>;

/// DOKU's rules, with the keys of its account as they are used.
pub struct DokuRules {
    /// The merchant's public key (DER).
    merchant: Vec<u8>,
    /// DOKU's own key.
    doku: KeyPair,
}

/// The account as the journal keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    client_id: String,
    secret_key: String,
    agent_key: String,
    /// Signs notifications, in the legacy scheme; sixteen characters.
    encryption_key: String,
    merchant_private: String,
    merchant_public: String,
    doku_private: String,
    doku_public: String,
    balance: i64,
}

/// Key pairs are slow to make. A process makes these two once, and every account begun in it has them.
fn pairs() -> anyhow::Result<&'static [PemPair; 2]> {
    static PAIRS: OnceLock<[PemPair; 2]> = OnceLock::new();
    if let Some(pairs) = PAIRS.get() {
        return Ok(pairs);
    }
    let made = [signing::make_pair()?, signing::make_pair()?];
    Ok(PAIRS.get_or_init(|| made))
}

impl provider::Account for Account {
    fn open() -> anyhow::Result<Account> {
        let [merchant, doku] = pairs()?.clone();
        Ok(Account {
            client_id: CLIENT_ID.into(),
            secret_key: format!("SK-{}", hex::encode(random_bytes::<12>())),
            agent_key: AGENT_KEY.into(),
            encryption_key: hex::encode(random_bytes::<8>()),
            merchant_private: merchant.private,
            merchant_public: merchant.public,
            doku_private: doku.private,
            doku_public: doku.public,
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
    pub secret_key: String,
    /// PKCS#8, PEM; DOKU has the public half.
    pub private_key: String,
    pub agent_key: String,
}

impl Provider for DokuRules {
    const CODE: &'static str = "doku";

    type Code = Code;
    type Account = Account;
    type Settings = Settings;
    type Own = own::Remembered;
    type Credentials = Credentials;
    type Call = wire::Call;
    type Reply = wire::Reply;

    fn new(account: &Account) -> anyhow::Result<DokuRules> {
        let doku = KeyPair::from_pkcs8(&signing::der(&account.doku_private)?).context("the key of the journal")?;
        Ok(DokuRules { merchant: signing::der(&account.merchant_public)?, doku })
    }

    fn credentials(account: &Account) -> Credentials {
        let Account { client_id, secret_key, merchant_private, agent_key, .. } = account.clone();
        Credentials { client_id, secret_key, private_key: merchant_private, agent_key }
    }

    fn connection(_account: &Account, _settings: &Settings) -> Map<String, Value> {
        Map::from_iter([
            ("sender_name".to_owned(), "Dummy Company".into()),
            ("sender_phone".to_owned(), "6281234567890".into()),
        ])
    }

    /// DOKU's public key, which signs tokens, and the key that signs notifications.
    fn also(account: &Account) -> Map<String, Value> {
        Map::from_iter([
            ("public_key".to_owned(), account.doku_public.as_str().into()),
            ("encryption_key".to_owned(), account.encryption_key.as_str().into()),
        ])
    }

    /// `DK` and seven digits or more: at most 16 characters (contracts/doku.md 3.8).
    fn provider_ref(_account: &Account, payment: &Payment<Code>) -> String {
        format!("DK{:07}", payment.trx)
    }

    fn check(fault: &Fault) -> Result<(), String> {
        if matches!(fault.kind, Kind::ForceCredit | Kind::SuspectFirst) {
            return Err("DOKU has no such state".into());
        }
        let code = fault.code.as_ref().map(|code| code.parse::<Code>().map_err(|e| e.to_string())).transpose()?;
        match (fault.kind, code) {
            (Kind::Refuse, Some(code)) if !code.is_response() => Err("a refusal has seven digits".into()),
            (Kind::End, Some(code)) => code.decidable().map_err(Into::into),
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
        engine: &Doku,
        books: &mut Books<DokuRules>,
        call: &wire::Call,
        effects: &Effects,
        now: DateTime<Utc>,
    ) -> (wire::Reply, Vec<Told<DokuRules>>) {
        calls::answer(engine, books, call, effects, now)
    }

    fn write(reply: wire::Reply, effects: &Effects) -> Response {
        reply.write(effects)
    }

    /// Only what was in process is ever turned, so this is every end.
    fn tells(code: Code, _settings: &Settings) -> bool {
        code.is_end()
    }

    fn stale(code: Code) -> Code {
        if code == Code::RETURNED { Code::PAID } else { Code::PENDING }
    }

    /// The signature is the legacy one: AES over agent key and request id. The contract leaves the cipher's padding
    /// open; PKCS#5 is ours.
    fn notice(account: &Account, told: &Told<DokuRules>) -> Notice {
        let request_id = hex::encode(random_bytes::<16>());
        let mut headers = vec![("agentKey".to_owned(), account.agent_key.clone())];
        let signed = format!("{}{request_id}", account.agent_key);
        if let Ok(signature) = signing::legacy(&account.encryption_key, &signed) {
            headers.push(("signature".to_owned(), signature));
        }
        headers.push(("requestId".to_owned(), request_id));
        Notice { headers, body: calls::notice(told).to_string().into_bytes() }
    }
}
