//! The other side of the wire: the providers' simulators and a merchant, as real HTTP servers on loopback.
//!
//! For the demo, for tests and for integrators (README.md beside this file). It may use the leaves and `outbound`;
//! it never sees the product's own rooms, and is written from the providers' contracts, not from our adapters.

pub mod chassis;
pub mod doku;
pub mod kaspro;
pub mod kyb_provider;
pub mod merchant;
pub mod oy;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::outbound::Outbound;
use chassis::engine::Ground;
use chassis::server::Door;
use doku::Doku;
use doku::partner::{self, PartnerApi};
use kaspro::Kaspro;
use kyb_provider::{KybProvider, Soil};
use merchant::Merchant;
use oy::Oy;

pub use chassis::books::{Row, Summary, WholeBooks};
pub use chassis::faults::{Fault, Kind};
pub use chassis::simulator::Simulator;

/// The merchant's name where providers are named by their codes.
const MERCHANT: &str = "merchant";

/// Where the providers that KYB files are pushed to stand in `describe()`.
const KYB_PROVIDERS: &str = "kyb_providers";

/// Who takes KYB files where nothing else is said.
const KYB: [&str; 2] = ["oy", "kaspro"];

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The books live in `<data_dir>/sandbox`; a second start on the same folder finds them again.
    pub data_dir: PathBuf,
    /// Divides every documented time of the simulators; 1 is the providers' own pace.
    pub speed: f64,
    pub clock: Clock,
    /// By provider code, `doku_partner` or `merchant`; any free ports where nothing is said.
    pub ports: BTreeMap<String, Ports>,
    /// Where each provider sends its callbacks, by its code; also settable, and then kept, by the control API.
    pub callback_urls: BTreeMap<String, String>,
    /// The codes of providers that KYB files are pushed to: a stand-in for each.
    pub kyb: Vec<String>,
}

impl SandboxConfig {
    /// Any ports, the machine's clock, the documented pace, no callbacks.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let (clock, ports, callback_urls) = (Clock::system(), BTreeMap::new(), BTreeMap::new());
        let kyb = KYB.map(str::to_owned).to_vec();
        SandboxConfig { data_dir: data_dir.into(), speed: 1.0, clock, ports, callback_urls, kyb }
    }
}

/// Ports on 127.0.0.1; 0 takes any that is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub wire: u16,
    pub control: u16,
}

/// A running sandbox. Call [`Sandbox::stop`] at the end; a dropped one serves until the process ends.
pub struct Sandbox {
    pub oy: Oy,
    pub doku: Doku,
    /// DOKU's Partner API.
    pub doku_partner: PartnerApi,
    pub kaspro: Kaspro,
    pub merchant: Merchant,
    houses: Vec<House>,
    offices: Vec<Office>,
    partner_url: String,
    partner_control: String,
    merchant_url: String,
    merchant_control: String,
    doors: Vec<Door>,
    stopping: CancellationToken,
}

/// A simulator and where it is.
struct House {
    simulator: Box<dyn Simulator>,
    url: String,
    control: String,
}

/// A provider that KYB files are pushed to, and where it is.
struct Office {
    provider: KybProvider,
    url: String,
    control: String,
}

/// Starts everything. Fails when a port is taken, the speed is not above 0, a code is not a provider's, or the books
/// cannot be read or are in use by another sandbox.
pub async fn start(config: SandboxConfig, outbound: Outbound) -> anyhow::Result<Sandbox> {
    anyhow::ensure!(config.speed > 0.0 && config.speed.is_finite(), "the sandbox's speed must be above 0");
    let folder = config.data_dir.join("sandbox");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let stopping = CancellationToken::new();
    // Whatever fails below, nothing that was already started stays behind.
    let guard = stopping.clone().drop_guard();
    let SandboxConfig { speed, clock, ports, callback_urls, kyb, .. } = config;
    let offices = offices(&kyb, &folder, &clock, speed, &outbound, &stopping)?;
    let ground = Ground { folder: &folder, clock: clock.clone(), speed, outbound, stopping: stopping.clone() };
    let back = |code: &str| callback_urls.get(code);

    // Every provider: its handle for those who know it, and its line in the list for everybody else.
    let oy = Oy::start(&ground, back("oy"))?;
    let doku = Doku::start(&ground, back("doku"))?;
    let doku_partner = PartnerApi::start(&ground)?;
    let kaspro = Kaspro::start(&ground, back("kaspro"))?;
    let simulators: Vec<Box<dyn Simulator>> =
        vec![Box::new(oy.clone()), Box::new(doku.clone()), Box::new(kaspro.clone())];

    let named =
        ports.keys().filter(|name| ![MERCHANT, partner::NAME].contains(&name.as_str())).chain(callback_urls.keys());
    if let Some(stranger) = named.into_iter().find(|name| simulators.iter().all(|s| s.code() != *name)) {
        anyhow::bail!("the sandbox has no provider {stranger:?}");
    }
    let merchant = Merchant::start(&folder, clock, stopping.clone())?;
    let mut doors = Vec::new();
    let mut open = async |port, router| {
        let door = Door::open(port, router, stopping.clone()).await?;
        let url = door.url();
        doors.push(door);
        anyhow::Ok(url)
    };
    let port = |name: &str| ports.get(name).copied().unwrap_or_default();
    let mut houses = Vec::new();
    for simulator in simulators {
        let ports = port(simulator.code());
        let url = open(ports.wire, simulator.wire()).await?;
        let control = open(ports.control, simulator.control()).await?;
        houses.push(House { simulator, url, control });
    }
    let mut open_offices = Vec::new();
    for provider in offices {
        let url = open(0, provider.wire()).await?;
        let control = open(0, provider.control()).await?;
        open_offices.push(Office { provider, url, control });
    }
    let offices = open_offices;
    let partner_url = open(port(partner::NAME).wire, doku_partner.wire()).await?;
    let partner_control = open(port(partner::NAME).control, doku_partner.control()).await?;
    let merchant_url = open(port(MERCHANT).wire, merchant.webhooks()).await?;
    let merchant_control = open(port(MERCHANT).control, merchant.control()).await?;
    let stopping = guard.disarm();
    Ok(Sandbox {
        oy,
        doku,
        doku_partner,
        kaspro,
        merchant,
        houses,
        offices,
        partner_url,
        partner_control,
        merchant_url,
        merchant_control,
        doors,
        stopping,
    })
}

/// The providers that KYB files are pushed to, without their doors.
fn offices(
    codes: &[String],
    folder: &Path,
    clock: &Clock,
    speed: f64,
    outbound: &Outbound,
    stopping: &CancellationToken,
) -> anyhow::Result<Vec<KybProvider>> {
    let start = |code: &String| {
        let (clock, outbound, stopping) = (clock.clone(), outbound.clone(), stopping.clone());
        KybProvider::start(code, Soil { folder, clock, speed, outbound, stopping })
    };
    codes.iter().map(start).collect()
}

impl Sandbox {
    /// Where everything is and who may call, by provider code: `{"oy":{"base_url","control_url","credentials":{…},
    /// "settings":{…}}, …, "merchant":{"base_url","control_url"}, "kyb_providers":{…}}`. `credentials` and `settings` are exactly what a
    /// connection is made with, as the simulator's settings stand. Control paths begin with `/control/` below
    /// `control_url`.
    pub fn describe(&self) -> Value {
        let describe =
            |house: &House| (house.simulator.code().to_owned(), house.simulator.describe(&house.url, &house.control));
        let mut all: Map<String, Value> = self.houses.iter().map(describe).collect();
        let partner = self.doku_partner.describe(&self.partner_url, &self.partner_control);
        all.insert(partner::NAME.to_owned(), partner);
        let merchant = json!({ "base_url": self.merchant_url, "control_url": self.merchant_control });
        all.insert(MERCHANT.to_owned(), merchant);
        let describe = |office: &Office| {
            (office.provider.code().to_owned(), office.provider.describe(&office.url, &office.control))
        };
        all.insert(KYB_PROVIDERS.to_owned(), Value::Object(self.offices.iter().map(describe).collect()));
        Value::Object(all)
    }

    /// Every provider's simulator, in the order of the list.
    pub fn simulators(&self) -> impl Iterator<Item = &dyn Simulator> {
        self.houses.iter().map(|house| &*house.simulator)
    }

    /// The simulator of one provider.
    pub fn simulator(&self, code: &str) -> Option<&dyn Simulator> {
        self.simulators().find(|simulator| simulator.code() == code)
    }

    /// A provider's base address, without a slash at the end; "" when the sandbox has no such provider.
    pub fn url(&self, code: &str) -> &str {
        self.houses.iter().find(|house| house.simulator.code() == code).map_or("", |house| &house.url)
    }

    /// The provider of this code that KYB files are pushed to.
    pub fn kyb(&self, code: &str) -> Option<&KybProvider> {
        self.offices.iter().map(|office| &office.provider).find(|provider| provider.code() == code)
    }

    /// Its base address; files go to `/kyb` below it, connection tests to `/connect`. "" where there is none.
    pub fn kyb_url(&self, code: &str) -> &str {
        self.offices.iter().find(|office| office.provider.code() == code).map_or("", |office| &office.url)
    }

    /// The base address of DOKU's Partner API.
    pub fn partner_url(&self) -> &str {
        &self.partner_url
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
        for house in &self.houses {
            house.simulator.stopped().await;
        }
        self.doku_partner.stopped().await;
    }
}
