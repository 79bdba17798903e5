//! OY! Indonesia, the disbursement part (contracts/oy.md, seed 003): configuration, credentials, and its capabilities.
//!
//! README.md beside this file has the links, hosts and quirks. `wire` is the bodies, `mapping` what the codes mean.

mod callback;
mod mapping;
mod send_money;
mod wire;

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Callbacks, Limits, Provider, SendMoney};
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::domain::service::Mode;

/// The provider's code.
pub const CODE: &str = "oy";

/// The block `[providers.oy]`; meanings in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    live_base_url: String,
    test_base_url: String,
    username_header: String,
    send_timeout_ms: u64,
    read_timeout_ms: u64,
    concurrency: usize,
    connection_concurrency: usize,
    callback_sources: Vec<IpAddr>,
    resend: bool,
}

/// The adapter.
pub struct Oy {
    config: Config,
}

/// What a connection's credentials hold (contracts/oy.md 1.0): both go into headers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    api_key: SecretString,
}

/// What a connection may set for itself.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Overrides the base address of its mode; its path is kept (the seed's staging address has one).
    base_url: Option<String>,
    /// Overrides the header that carries the username.
    username_header: Option<String>,
}

impl Oy {
    pub fn new(config: Config) -> anyhow::Result<Self> {
        anyhow::ensure!(config.concurrency > 0 && config.connection_concurrency > 0, "providers.oy: concurrency is 0");
        Ok(Oy { config })
    }

    fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.config.read_timeout_ms)
    }

    /// The address of `path` and the headers for `account`.
    fn address(&self, account: &Account, path: &str) -> Result<(String, Vec<(String, String)>), String> {
        let credentials: Credentials = serde_json::from_str(account.credentials.expose_secret())
            .map_err(|_| "the connection's credentials are not readable".to_owned())?;
        let settings: Settings = serde_json::from_value(account.settings.clone())
            .map_err(|_| "the connection's settings are not readable".to_owned())?;
        let base = settings.base_url.as_deref().unwrap_or(match account.mode {
            Mode::Live => &self.config.live_base_url,
            Mode::Test => &self.config.test_base_url,
        });
        let username_header = settings.username_header.as_ref().unwrap_or(&self.config.username_header);
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
            (username_header.clone(), account.identity.clone()),
            ("X-Api-Key".to_owned(), credentials.api_key.expose_secret().to_owned()),
        ];
        Ok((format!("{}{path}", base.trim_end_matches('/')), headers))
    }
}

impl Provider for Oy {
    fn code(&self) -> &'static str {
        CODE
    }

    fn kind(&self) -> &'static str {
        "AGGREGATOR"
    }

    fn limits(&self) -> Limits {
        Limits { provider: self.config.concurrency, connection: self.config.connection_concurrency }
    }

    fn identity(&self, credentials: &Value, settings: &Value) -> Result<String, String> {
        let credentials: Credentials = serde_json::from_value(credentials.clone())
            .map_err(|_| "credentials must be exactly {username, api_key}, both text".to_owned())?;
        let settings: Settings = serde_json::from_value(settings.clone())
            .map_err(|_| "settings may hold base_url and username_header, both text".to_owned())?;
        let header_text = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        // Lengths: contracts/oy.md 1.0 (String 64 and String 255).
        if !header_text(&credentials.username) || credentials.username.len() > 64 {
            return Err("username must be 1 to 64 printable ASCII characters without blanks".into());
        }
        let key = credentials.api_key.expose_secret();
        if !header_text(key) || key.len() > 255 {
            return Err("api_key must be 1 to 255 printable ASCII characters without blanks".into());
        }
        if settings.base_url.is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            return Err("base_url must begin with https://".into());
        }
        Ok(credentials.username)
    }

    fn send_money(&self) -> Option<&dyn SendMoney> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }
}
