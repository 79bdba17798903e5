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

use super::form::{self, Format, Part};
use super::{Account, Callbacks, Field, FieldFault, Limits, Provider, SendMoney};
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

/// What a connection is made with. Lengths: contracts/oy.md 1.0 (String 64 and String 255); both go into headers.
const FORM: [Field; 4] = [
    Field {
        name: "username",
        part: Part::Credentials,
        required: true,
        secret: false,
        format: Format::Token { max: 64 },
        label: "Username",
        hint: "The account at OY!, as its dashboard shows it. It never changes.",
        label_id: "Nama pengguna",
        hint_id: "Akun di OY!, seperti di dasbornya. Tidak pernah berubah.",
    },
    Field {
        name: "api_key",
        part: Part::Credentials,
        required: true,
        secret: true,
        format: Format::Token { max: 255 },
        label: "API key",
        hint: "From OY!'s dashboard; staging and production have one each.",
        label_id: "Kunci API",
        hint_id: "Dari dasbor OY!; staging dan produksi punya kunci masing-masing.",
    },
    Field {
        name: "base_url",
        part: Part::Settings,
        required: false,
        secret: false,
        format: Format::Url,
        label: "Base address",
        hint: "Instead of OY!'s own address; its path is kept.",
        label_id: "Alamat dasar",
        hint_id: "Pengganti alamat OY! sendiri; jalurnya tetap.",
    },
    Field {
        name: "username_header",
        part: Part::Settings,
        required: false,
        secret: false,
        format: Format::HeaderName,
        label: "Username header",
        hint: "The same engine runs under other brands with x-username.",
        label_id: "Header nama pengguna",
        hint_id: "Mesin yang sama dipakai merek lain dengan x-username.",
    },
];

/// Of the credentials, what is not the identity.
#[derive(Deserialize)]
struct Credentials {
    api_key: SecretString,
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
        let base = account.setting("base_url").unwrap_or(match account.mode {
            Mode::Live => &self.config.live_base_url,
            Mode::Test => &self.config.test_base_url,
        });
        let username_header = account.setting("username_header").unwrap_or(&self.config.username_header);
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept".to_owned(), "application/json".to_owned()),
            (username_header.to_owned(), account.identity.clone()),
            ("X-Api-Key".to_owned(), credentials.api_key.expose_secret().to_owned()),
        ];
        Ok((format!("{}{path}", base.trim_end_matches('/')), headers))
    }
}

impl Provider for Oy {
    fn code(&self) -> &'static str {
        CODE
    }

    fn name(&self) -> &'static str {
        "OY! Indonesia"
    }

    fn kind(&self) -> &'static str {
        "AGGREGATOR"
    }

    fn limits(&self) -> Limits {
        Limits { provider: self.config.concurrency, connection: self.config.connection_concurrency }
    }

    fn form(&self) -> &'static [Field] {
        &FORM
    }

    fn identity(&self, credentials: &Value, settings: &Value) -> Result<String, Vec<FieldFault>> {
        Ok(form::check(&FORM, credentials, settings)?.text("username").to_owned())
    }

    fn send_money(&self) -> Option<&dyn SendMoney> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }
}
