//! What can be configured: the typed face of `config/default.toml`, which documents every setting.
//!
//! The default file is compiled in, so it cannot differ from the defaults. Units stand last in each name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

const DEFAULTS: &str = include_str!("../config/default.toml");

/// The whole configuration; the fields' meanings stand in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub data: Data,
    pub keys: Keys,
    pub limits: Limits,
    pub console: Console,
    pub schedule: Schedule,
    pub breaker: Breaker,
    pub webhooks: Webhooks,
    pub documents: Documents,
    /// One block per provider, read by its adapter alone.
    pub providers: BTreeMap<String, serde_json::Value>,
    /// One block per provider that takes KYB files, read by its way.
    pub onboarding: BTreeMap<String, serde_json::Value>,
    pub log: Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    pub metrics_listen: String,
    pub public_url: String,
    pub production: bool,
    pub body_limit_bytes: usize,
    pub max_in_flight: usize,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub wait_limit_s: u64,
    pub drain_timeout_s: u64,
    /// Threads that carry requests and workers; 0 for half of the cores.
    pub threads: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: SecretString,
    pub connections: u32,
    pub acquire_timeout_ms: u64,
    pub statement_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    pub dir: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub master: SecretString,
    pub master_file: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub requests_per_minute: u32,
    pub burst: u32,
    pub inquiries_per_minute: u32,
    pub tests_per_minute: u32,
    pub file_reads_per_minute: u32,
    pub token_ttl_s: u64,
    pub metadata_bytes: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    pub idle_s: u64,
    pub session_s: u64,
    pub second_factor: SecondFactor,
    pub invitation_s: u64,
}

/// When people must have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    Always,
    Production,
    Never,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    pub failures: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub timeout_ms: u64,
    pub allow_http: bool,
    pub allow_private: bool,
    pub workers: usize,
    pub per_endpoint: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    pub folder: String,
    pub s3_bucket: String,
    pub s3_endpoint: String,
    pub s3_region: String,
    pub s3_access_key_id: String,
    pub s3_secret_access_key: SecretString,
    pub s3_path_style: bool,
    pub s3_allow_http: bool,
    pub limit_bytes: u64,
    pub uploads_at_once: usize,
    pub link_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: String,
    pub filter: String,
}

/// Every waiting time of the product, in seconds as written; the methods divide by `speed`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub speed: f64,
    pub send_window_s: u64,
    pub lease_margin_s: u64,
    pub not_sent_retry_s: Vec<u64>,
    pub breaker_wait_s: u64,
    pub breaker_open_s: u64,
    pub poll_first_s: u64,
    pub poll_backoff_s: Vec<u64>,
    pub poll_daily_after_s: u64,
    pub read_refresh_s: u64,
    pub due_scan_ms: u64,
    pub delivery_retry_s: Vec<u64>,
    pub secret_overlap_s: u64,
    pub onboarding_retry_s: Vec<u64>,
    pub onboarding_poll_s: Vec<u64>,
    pub onboarding_links_s: u64,
    pub onboarding_stuck_s: u64,
    pub onboarding_silent_s: u64,
}

impl Schedule {
    /// `seconds` of the documented schedule, as long as they last at this speed.
    pub fn seconds(&self, seconds: u64) -> Duration {
        Duration::from_secs(seconds).div_f64(self.speed)
    }

    /// `millis` of the documented schedule, as long as they last at this speed; never under a millisecond.
    pub fn millis(&self, millis: u64) -> Duration {
        Duration::from_millis(millis).div_f64(self.speed).max(Duration::from_millis(1))
    }

    /// The `n`th (from 0) step of a ladder; its last step repeats.
    pub fn step(&self, ladder: &[u64], n: usize) -> Duration {
        self.seconds(ladder.get(n).or(ladder.last()).copied().unwrap_or(60))
    }
}

impl Server {
    /// The address a request came from: the peer, or what a trusted proxy says in `X-Forwarded-For`.
    pub fn caller<'a>(&self, peer: IpAddr, forwarded: impl Iterator<Item = &'a str>) -> IpAddr {
        let trusted = |ip: IpAddr| self.trusted_proxies.iter().any(|block| block.contains(&ip.to_canonical()));
        if !trusted(peer) {
            return peer.to_canonical();
        }
        // From the right: the first address that is not a proxy of ours is the caller. What stands left of it anybody
        // can write.
        let hops: Vec<IpAddr> =
            forwarded.flat_map(|value| value.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
        hops.into_iter().rev().find(|hop| !trusted(*hop)).unwrap_or(peer).to_canonical()
    }
}

impl Config {
    /// The compiled-in defaults alone.
    pub fn defaults() -> Self {
        Self::layered(None, false).expect("config/default.toml is complete and well formed")
    }

    /// Defaults, then `file` (or `PAYSTRATOR_CONFIG`, or `./paystrator.toml` where it exists), then the environment.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let named = file.map(Path::to_path_buf).or_else(|| std::env::var_os("PAYSTRATOR_CONFIG").map(PathBuf::from));
        let local = PathBuf::from("paystrator.toml");
        let file = named.or_else(|| local.exists().then_some(local));
        let mut config = Self::layered(file.as_deref(), true)?;
        if let Ok(url) = std::env::var("DATABASE_URL") {
            config.database.url = url.into();
        }
        anyhow::ensure!(config.schedule.speed > 0.0, "schedule.speed must be above 0");
        Ok(config)
    }

    fn layered(file: Option<&Path>, environment: bool) -> anyhow::Result<Self> {
        let mut layers =
            config::Config::builder().add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        if let Some(file) = file {
            layers = layers.add_source(config::File::from(file).required(true).format(config::FileFormat::Toml));
        }
        if environment {
            layers =
                layers.add_source(config::Environment::with_prefix("PAYSTRATOR").separator("__").try_parsing(true));
        }
        Ok(layers.build()?.try_deserialize()?)
    }

    /// Whether people must have a second factor here.
    pub fn demands_second_factor(&self) -> bool {
        match self.console.second_factor {
            SecondFactor::Always => true,
            SecondFactor::Production => self.server.production,
            SecondFactor::Never => false,
        }
    }

    /// The settings by which data of people would travel where others can read along, each with what is wrong with it.
    /// In production there are none. A file has no mode: what goes to a provider's test address is of people as well.
    pub fn unsealed(&self) -> Vec<String> {
        let is_safe = |url: &str| url.starts_with("https://");
        let mut found = Vec::new();
        if !is_safe(&self.server.public_url) {
            found.push("server.public_url must begin with https://: links to documents are made of it".to_owned());
        }
        if self.documents.s3_allow_http {
            found.push("documents.s3_allow_http must be false".to_owned());
        }
        for (code, block) in &self.onboarding {
            let addresses = block.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("_url"));
            let given = addresses.filter_map(|(name, value)| Some((name, value.as_str()?)));
            let wrong = given.filter(|(_, url)| !url.is_empty() && !is_safe(url));
            found.extend(wrong.map(|(name, _)| format!("onboarding.{code}.{name} must begin with https://")));
        }
        found
    }

    /// How others reach this service, without a slash at the end.
    pub fn public_url(&self) -> String {
        match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.server.listen),
            url => url.to_owned(),
        }
    }
}
