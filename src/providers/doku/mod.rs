//! DOKU's payout, Kirim DOKU over SNAP (contracts/doku.md 2, 3.8): configuration, form, accounts, and its capabilities.
//!
//! README.md beside this file has the links, hosts and quirks. `wire` is the bodies, `mapping` what the codes mean.

mod callback;
mod form;
mod mapping;
pub mod partner;
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
use crate::domain::service::Mode;

/// The provider's code.
pub const CODE: &str = "doku";

/// The block `[providers.doku]`; meanings in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    live_base_url: String,
    test_base_url: String,
    channel_id: String,
    channel_code: String,
    status_path: String,
    send_timeout_ms: u64,
    read_timeout_ms: u64,
    token_timeout_ms: u64,
    concurrency: usize,
    connection_concurrency: usize,
    resend: bool,
}

/// The adapter.
pub struct Doku {
    config: Config,
    tokens: Tokens,
}

/// A connection's account, opened for one call.
struct Access {
    client_id: String,
    secret_key: SecretString,
    private_key: SecretString,
    agent_key: String,
    /// The base address without a slash at its end.
    base: String,
    token_key: super::tokens::Key,
}

/// What the form puts into a connection's credentials.
#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    secret_key: SecretString,
    private_key: SecretString,
    agent_key: String,
}

impl Doku {
    pub fn new(config: Config) -> anyhow::Result<Self> {
        anyhow::ensure!(
            config.concurrency > 0 && config.connection_concurrency > 0,
            "providers.doku: concurrency is 0"
        );
        anyhow::ensure!(config.status_path.starts_with('/'), "providers.doku: status_path must begin with a slash");
        Ok(Doku { config, tokens: Tokens::default() })
    }

    fn access(&self, account: &Account) -> Result<Access, String> {
        let credentials: Credentials = serde_json::from_str(account.credentials.expose_secret())
            .map_err(|_| "the connection's credentials are not readable".to_owned())?;
        let base = account.setting("base_url").unwrap_or(match account.mode {
            Mode::Live => &self.config.live_base_url,
            Mode::Test => &self.config.test_base_url,
        });
        Ok(Access {
            client_id: credentials.client_id,
            secret_key: credentials.secret_key,
            private_key: credentials.private_key,
            agent_key: credentials.agent_key,
            base: base.trim_end_matches('/').to_owned(),
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

impl Provider for Doku {
    fn code(&self) -> &'static str {
        CODE
    }

    fn name(&self) -> &'static str {
        "DOKU"
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
        let filled = super::form::check(&form::FORM, credentials, settings)?;
        // Payouts leave the agent's purse: two agents of one client id are two accounts.
        Ok(format!("{}/{}", filled.text("client_id"), filled.text("agent_key")))
    }

    fn send_money(&self) -> Option<&dyn SendMoney> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }
}
