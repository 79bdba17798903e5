//! DOKU's Partner API as a way to on-board a client (seed 002; contracts/doku.md 1, 3.1, 5, 6): configuration, the partner's
//! access, and the trait.
//!
//! `table` says what of our file becomes what there, `steps` in which order it gets there, `fold` what the answer means.
//! The account is the installation's as a partner of DOKU, not a client's. It knows nothing of tables, times or tries.

pub mod case;
mod exchange;
pub mod fold;
mod form;
pub mod model;
mod progress;
pub mod signing;
mod steps;
pub mod table;
pub mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;

use self::case::{Case, Known};
use self::progress::Progress;
use super::CODE;
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::crypto::sha256;
use crate::domain::kyb::Sheet;
use crate::domain::service::Mode;
use crate::providers::form::Field;
use crate::providers::onboarding::{Filing, Onboarding, Step};
use crate::providers::tokens::{Key, Tokens};
use crate::providers::{Call, Cause, FieldFault, Trouble};

/// The block `[onboarding.doku]`; meanings in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    live_base_url: String,
    test_base_url: String,
    live_client_id: String,
    test_client_id: String,
    live_secret_key: SecretString,
    test_secret_key: SecretString,
    registration: Registration,
    enforce_requirements: bool,
    callback_url: String,
    token_minutes: u32,
    token_timeout_ms: u64,
    call_timeout_ms: u64,
    upload_timeout_ms: u64,
}

/// How a business is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// With everything; DOKU reviews it.
    Full,
    /// By an invitation; the client fills in the rest on DOKU's dashboard.
    Lite,
}

/// DOKU as a target of onboardings.
pub struct Partner {
    config: Config,
    tokens: Tokens,
}

/// The partner's access of one mode.
struct Access {
    client_id: String,
    secret_key: SecretString,
    /// Without a slash at its end.
    base: String,
    token_key: Key,
}

impl Partner {
    pub fn new(config: Config) -> anyhow::Result<Self> {
        anyhow::ensure!((1..=1440).contains(&config.token_minutes), "onboarding.doku: token_minutes is 1 to 1440");
        for base in [&config.live_base_url, &config.test_base_url] {
            anyhow::ensure!(base.starts_with("https://") || base.starts_with("http://"), "onboarding.doku: a base_url");
        }
        Ok(Partner { config, tokens: Tokens::default() })
    }

    /// Client id, secret and address of a mode; the first two are empty where the installation has none.
    fn of(&self, mode: Mode) -> (&str, &SecretString, &str) {
        let config = &self.config;
        match mode {
            Mode::Live => (&config.live_client_id, &config.live_secret_key, &config.live_base_url),
            Mode::Test => (&config.test_client_id, &config.test_secret_key, &config.test_base_url),
        }
    }

    fn access(&self, call: &Call) -> Result<Access, Trouble> {
        let mode = call.account.mode;
        if !self.takes(mode) {
            return Err(Trouble::new(Cause::Account, "this installation is no partner of DOKU in this mode"));
        }
        let (client_id, secret_key, base) = self.of(mode);
        call.hide(secret_key.expose_secret());
        let base = base.trim_end_matches('/').to_owned();
        let parts = [base.as_str(), client_id, secret_key.expose_secret()].map(|part| sha256(&[part.as_bytes()]));
        let token_key = sha256(&parts.each_ref().map(|digest| digest.as_slice()));
        Ok(Access { client_id: client_id.to_owned(), secret_key: secret_key.clone(), base, token_key })
    }

    fn token_timeout(&self) -> Duration {
        Duration::from_millis(self.config.token_timeout_ms)
    }

    /// A token and an upload, and both once more where the token was refused.
    fn upload_budget(&self) -> Duration {
        (self.token_timeout() + self.upload_timeout()) * 2
    }

    fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.config.call_timeout_ms)
    }

    fn upload_timeout(&self) -> Duration {
        Duration::from_millis(self.config.upload_timeout_ms)
    }
}

impl Onboarding for Partner {
    fn code(&self) -> &str {
        CODE
    }

    fn name(&self) -> &str {
        "DOKU"
    }

    fn takes(&self, mode: Mode) -> bool {
        let (client_id, secret_key, _) = self.of(mode);
        !client_id.is_empty() && !secret_key.expose_secret().is_empty()
    }

    fn form(&self) -> &'static [Field] {
        match self.config.registration {
            Registration::Full => &form::FULL,
            Registration::Lite => &form::LITE,
        }
    }

    fn unfit(&self, file: &Sheet, answers: &Sheet) -> Vec<FieldFault> {
        let files = BTreeMap::new();
        let known = Known { files: &files, asked: &[], callback_url: None };
        match (Case::read("", file, answers, known), self.config.registration) {
            (Ok(case), Registration::Full) => case.unfit(),
            (Ok(_), Registration::Lite) => Vec::new(),
            (Err(unfit), _) => unfit,
        }
    }

    /// Of an upload, with a token refused once: DOKU fetches the document meanwhile.
    fn deadline(&self) -> Duration {
        self.upload_budget() + Duration::from_secs(5)
    }

    /// The registration that was frozen tells of people; the business that was made is DOKU's number.
    fn forget(&self, progress: &Sheet) -> Sheet {
        Progress::read(progress).numbers_alone().sheet()
    }

    fn step<'a>(&'a self, call: &'a Call, filing: &'a Filing, progress: &'a Sheet) -> BoxFuture<'a, Step> {
        Box::pin(self.next(call, filing, progress))
    }

    fn ask<'a>(&'a self, call: &'a Call, filing: &'a Filing, progress: &'a Sheet) -> Option<BoxFuture<'a, Step>> {
        // Before this version is registered there is nothing to ask about: it waits for a step, or for the client.
        Progress::read(progress).registers(filing.version).then(|| Box::pin(self.stands(call, filing, progress)) as _)
    }
}
