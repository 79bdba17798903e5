//! The other side of the wire: a provider's simulator and a merchant, as real HTTP servers on loopback.
//!
//! For the demo, for tests and for integrators (README.md beside this file). It may use the leaves and `outbound`;
//! it never sees the product's own rooms, and is written from the providers' contracts, not from our adapters.

pub mod chassis;
pub mod merchant;
pub mod oy;

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::outbound::Outbound;
use chassis::server::Door;
use merchant::Merchant;
use oy::Oy;

pub use chassis::faults::{Fault, Kind};

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The books live in `<data_dir>/sandbox`; a second start on the same folder finds them again.
    pub data_dir: PathBuf,
    /// Divides every documented time of the simulators; 1 is the providers' own pace.
    pub speed: f64,
    pub clock: Clock,
    pub ports: Ports,
    /// Where OY! sends disbursement callbacks; also settable, and then kept, by the control API.
    pub callback_url: Option<String>,
}

impl SandboxConfig {
    /// Any ports, the machine's clock, the documented pace, no callbacks.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let (clock, ports, callback_url) = (Clock::system(), Ports::default(), None);
        SandboxConfig { data_dir: data_dir.into(), speed: 1.0, clock, ports, callback_url }
    }
}

/// Ports on 127.0.0.1; 0 takes any that is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub oy: u16,
    pub oy_control: u16,
    pub merchant: u16,
    pub merchant_control: u16,
}

/// A running sandbox. Call [`Sandbox::stop`] at the end; a dropped one serves until the process ends.
pub struct Sandbox {
    pub oy: Oy,
    pub merchant: Merchant,
    oy_url: String,
    merchant_url: String,
    description: Value,
    doors: Vec<Door>,
    stopping: CancellationToken,
}

/// Starts everything. Fails when a port is taken, the speed is not above 0, or the books cannot be read or are in use
/// by another sandbox.
pub async fn start(config: SandboxConfig, outbound: Outbound) -> anyhow::Result<Sandbox> {
    anyhow::ensure!(config.speed > 0.0 && config.speed.is_finite(), "the sandbox's speed must be above 0");
    let folder = config.data_dir.join("sandbox");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let stopping = CancellationToken::new();
    // Whatever fails below, nothing that was already started stays behind.
    let guard = stopping.clone().drop_guard();
    let SandboxConfig { speed, clock, ports, callback_url, .. } = config;
    let oy = Oy::start(&folder, clock.clone(), speed, callback_url, outbound, stopping.clone())?;
    let merchant = Merchant::start(&folder, clock, stopping.clone())?;
    let open = |port, router| Door::open(port, router, stopping.clone());
    let oy_door = open(ports.oy, oy.wire()).await?;
    let oy_control = open(ports.oy_control, oy.control()).await?;
    let merchant_door = open(ports.merchant, merchant.webhooks()).await?;
    let merchant_control = open(ports.merchant_control, merchant.control()).await?;
    let description = json!({
        "oy": { "base_url": oy_door.url(), "control_url": oy_control.url(), "credentials": oy.credentials() },
        "merchant": { "base_url": merchant_door.url(), "control_url": merchant_control.url() },
    });
    Ok(Sandbox {
        oy,
        merchant,
        oy_url: oy_door.url(),
        merchant_url: merchant_door.url(),
        description,
        doors: vec![oy_door, oy_control, merchant_door, merchant_control],
        stopping: guard.disarm(),
    })
}

impl Sandbox {
    /// Where everything is and who may call: `{"oy":{"base_url","control_url","credentials":{"username","api_key"}},
    /// "merchant":{"base_url","control_url"}}`. Control paths begin with `/control/` below `control_url`.
    pub fn describe(&self) -> Value {
        self.description.clone()
    }

    /// OY!'s base address, without a slash at the end.
    pub fn oy_url(&self) -> &str {
        &self.oy_url
    }

    /// The merchant's base address; webhooks go to `/webhooks` or `/webhooks/{name}` below it.
    pub fn merchant_url(&self) -> &str {
        &self.merchant_url
    }

    /// Closes every server, ends what hangs, and returns when the books are free for the next start.
    pub async fn stop(self) {
        self.stopping.cancel();
        for door in self.doors {
            door.closed().await;
        }
        self.oy.stopped().await;
    }
}
