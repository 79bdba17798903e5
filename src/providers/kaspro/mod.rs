//! KasPro's cash-out (contracts/kaspro.md, seed 004): configuration, accounts, and its capabilities.
//!
//! README.md beside this file has the links, hosts and quirks. `wire` is the bodies, `mapping` what the codes mean.

mod callback;
mod form;
mod mapping;
mod pace;
mod send_money;
pub mod signing;
mod token;
mod wire;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::tokens::Tokens;
use super::{Account, Callbacks, Field, FieldFault, Limits, Provider, SendMoney};
use crate::crypto::secret::{ExposeSecret, SecretString};
use pace::Pace;

/// The provider's code.
pub const CODE: &str = "kaspro";

/// The block `[providers.kaspro]`; meanings in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    token_path: String,
    cash_out_path: String,
    status_method: StatusMethod,
    pocket_id: String,
    definite_rejects: Vec<i64>,
    callbacks: bool,
    per_second: u32,
    token_life_s: u64,
    send_timeout_ms: u64,
    read_timeout_ms: u64,
    token_timeout_ms: u64,
    concurrency: usize,
    connection_concurrency: usize,
    fields: Fields,
}

/// How a status call is made where a connection has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum StatusMethod {
    /// The request id in the query.
    Get,
    /// The request id in a JSON body.
    Post,
}

/// The names of a cash-out's fields; an empty name leaves the field out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    request_id: String,
    mobile_number: String,
    pocket_id: String,
    amount: String,
    reference: String,
    bank_code: String,
    bank_account: String,
    destination: String,
}

/// The adapter.
pub struct KasPro {
    config: Config,
    tokens: Tokens,
    pace: Pace,
}

/// A connection's account, opened for one call.
struct Access {
    client_id: String,
    client_secret: SecretString,
    hmac_key: String,
    hmac_secret: SecretString,
    /// The base address without a slash at its end.
    base: String,
    /// The address of ours that KasPro has on its list.
    origin: String,
    token_key: super::tokens::Key,
}

/// What the form puts into a connection's credentials.
#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: SecretString,
    hmac_key: String,
    hmac_secret: SecretString,
}

impl KasPro {
    pub fn new(config: Config) -> anyhow::Result<Self> {
        anyhow::ensure!(
            config.concurrency > 0 && config.connection_concurrency > 0,
            "providers.kaspro: concurrency is 0"
        );
        for (name, path) in [("token_path", &config.token_path), ("cash_out_path", &config.cash_out_path)] {
            anyhow::ensure!(path.starts_with('/'), "providers.kaspro: {name} must begin with a slash");
        }
        let taken = config.definite_rejects.iter().any(|code| [mapping::SUCCESS, mapping::IN_PROCESS].contains(code));
        anyhow::ensure!(!taken, "providers.kaspro: definite_rejects must not hold 0 or 1: these take the order");
        let needed = [&config.fields.request_id, &config.fields.amount, &config.fields.bank_account];
        anyhow::ensure!(
            needed.iter().all(|name| !name.is_empty()),
            "providers.kaspro.fields: request_id, amount and bank_account need a name"
        );
        let pace = Pace::new(config.per_second);
        Ok(KasPro { config, tokens: Tokens::default(), pace })
    }

    fn access(&self, account: &Account) -> Result<Access, String> {
        let credentials: Credentials = serde_json::from_str(account.credentials.expose_secret())
            .map_err(|_| "the connection's credentials are not readable".to_owned())?;
        let setting = |name: &str| account.setting(name).ok_or_else(|| format!("the connection has no {name}"));
        let base = setting("base_url")?;
        Ok(Access {
            client_id: credentials.client_id,
            client_secret: credentials.client_secret,
            hmac_key: credentials.hmac_key,
            hmac_secret: credentials.hmac_secret,
            base: base.trim_end_matches('/').to_owned(),
            origin: setting("origin")?.to_owned(),
            token_key: super::tokens::key(account, base),
        })
    }

    fn send_timeout(&self) -> Duration {
        Duration::from_millis(self.config.send_timeout_ms)
    }

    fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.config.read_timeout_ms)
    }

    fn token_timeout(&self) -> Duration {
        Duration::from_millis(self.config.token_timeout_ms)
    }
}

impl Provider for KasPro {
    fn code(&self) -> &'static str {
        CODE
    }

    fn name(&self) -> &'static str {
        "KasPro"
    }

    fn kind(&self) -> &'static str {
        "AGGREGATOR"
    }

    fn limits(&self) -> Limits {
        Limits { provider: self.config.concurrency, connection: self.config.connection_concurrency }
    }

    fn form(&self) -> &'static [Field] {
        &form::FORM
    }

    fn identity(&self, credentials: &Value, settings: &Value) -> Result<String, Vec<FieldFault>> {
        Ok(super::form::check(&form::FORM, credentials, settings)?.text("hmac_key").to_owned())
    }

    fn send_money(&self) -> Option<&dyn SendMoney> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        self.config.callbacks.then_some(self as &dyn Callbacks)
    }
}
