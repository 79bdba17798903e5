//! Service processes that can be killed, on one database, with the simulators in the test's own process.
//!
//! What must outlive a kill lives here: Postgres, the simulators' books, the merchant's receipts. Clients, keys,
//! connections and endpoints are made through the flows, on an `App` of the test's own that runs no workers.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paystrator::app::{App, Inboxes, Parts};
use paystrator::clock::Clock;
use paystrator::config::Config;
use paystrator::crypto::envelope::Keyring;
use paystrator::domain::access::Rights;
use paystrator::domain::fee::FeePlan;
use paystrator::domain::service::Mode;
use paystrator::domain::webhook::EVENT_TYPES;
use paystrator::flows::once::First;
use paystrator::flows::{access, connections, endpoints, keys};
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::sandbox::merchant::Secret;
use paystrator::sandbox::{self, Sandbox, SandboxConfig, Simulator};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::pg;
use super::truth::{Eyes, sums};
use super::world::{fresh_database, open};

/// In every receiver's name, so that it can be looked for where it must not be.
pub const NAME_MARK: &str = "Rahasia";

/// The master key of the processes and of the test's own `App`.
const MASTER: [u8; 32] = [7; 32];

/// More than anybody has.
const FORTUNE: i64 = 10_000_000_000_000;

/// How fast the schedule runs, here and in the processes.
const SPEED: f64 = 600.0;

/// What differs from the defaults in every process, as environment. Times under `SCHEDULE` are divided by the speed.
const ENVIRONMENT: [(&str, &str); 25] = [
    ("PAYSTRATOR__SERVER__LISTEN", "127.0.0.1:0"),
    ("PAYSTRATOR__SERVER__METRICS_LISTEN", ""),
    ("PAYSTRATOR__SERVER__DRAIN_TIMEOUT_S", "10"),
    ("PAYSTRATOR__SCHEDULE__SPEED", "600"),
    // A minute at this speed: a kill must not eat up the time allowed for sending.
    ("PAYSTRATOR__SCHEDULE__SEND_WINDOW_S", "36000"),
    // A tenth of a second: several processes share two cores with Postgres.
    ("PAYSTRATOR__SCHEDULE__DUE_SCAN_MS", "60000"),
    ("PAYSTRATOR__SCHEDULE__READ_REFRESH_S", "30"),
    ("PAYSTRATOR__WEBHOOKS__ALLOW_HTTP", "true"),
    ("PAYSTRATOR__WEBHOOKS__ALLOW_PRIVATE", "true"),
    // From here on nothing is divided by the speed: a claim whose owner died is free after its time.
    ("PAYSTRATOR__WEBHOOKS__TIMEOUT_MS", "1500"),
    ("PAYSTRATOR__PROVIDERS__OY__SEND_TIMEOUT_MS", "1500"),
    ("PAYSTRATOR__PROVIDERS__OY__READ_TIMEOUT_MS", "1500"),
    // A whole send, of which a third is kept for the call that moves money.
    ("PAYSTRATOR__PROVIDERS__DOKU__SEND_TIMEOUT_MS", "3000"),
    ("PAYSTRATOR__PROVIDERS__DOKU__READ_TIMEOUT_MS", "1000"),
    ("PAYSTRATOR__PROVIDERS__DOKU__TOKEN_TIMEOUT_MS", "1000"),
    ("PAYSTRATOR__PROVIDERS__KASPRO__PER_SECOND", "0"),
    ("PAYSTRATOR__PROVIDERS__KASPRO__SEND_TIMEOUT_MS", "2000"),
    ("PAYSTRATOR__PROVIDERS__KASPRO__READ_TIMEOUT_MS", "1000"),
    ("PAYSTRATOR__PROVIDERS__KASPRO__TOKEN_TIMEOUT_MS", "1000"),
    ("PAYSTRATOR__DATABASE__CONNECTIONS", "8"),
    ("PAYSTRATOR__DATABASE__ACQUIRE_TIMEOUT_MS", "10000"),
    ("PAYSTRATOR__DATABASE__STATEMENT_TIMEOUT_MS", "10000"),
    ("PAYSTRATOR__LIMITS__REQUESTS_PER_MINUTE", "1000000"),
    ("PAYSTRATOR__LIMITS__BURST", "1000000"),
    ("PAYSTRATOR__LOG__FILTER", "info,sqlx=warn,hyper=warn"),
];

/// The ground: database, simulators, and an `App` to set things up with.
pub struct Rig {
    pub url: String,
    pub app: Arc<App>,
    pub sandbox: Sandbox,
    pub sql: PgPool,
    /// Held so that the `App`'s channels stay open; a test that ticks the workers takes them.
    pub inboxes: Option<Inboxes>,
    /// The simulators' clock, where it is not the machine's.
    pub their_clock: Clock,
    /// What differs in the processes of this rig alone.
    pub environment: Vec<(String, String)>,
    /// Where all of them keep documents.
    pub documents: PathBuf,
}

/// What a rig is made of, where it is not the usual.
pub struct Ground {
    pub clock: Clock,
    pub their_clock: Clock,
    pub config: Config,
    /// Of the simulators.
    pub speed: f64,
}

/// Where a member has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Oy,
    Doku,
    /// As it is published: nobody can be asked how a payment ended.
    Kaspro,
    /// With the status call that the simulator invents.
    KasproAsked,
}

impl Place {
    /// The provider's code.
    pub fn code(self) -> &'static str {
        match self {
            Place::Oy => "oy",
            Place::Doku => "doku",
            Place::Kaspro | Place::KasproAsked => "kaspro",
        }
    }
}

/// A connection of a member.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: Uuid,
    /// The word in its callback address.
    pub codename: String,
    pub place: Place,
}

/// A client of the rig, with what belongs to it.
#[derive(Clone)]
pub struct Member {
    pub client_id: Uuid,
    pub key: String,
    /// In the order they were made, which is the first default sequence.
    pub connections: Vec<Link>,
    /// The name of its endpoint at the merchant.
    pub endpoint: String,
}

impl Member {
    /// The client, proved.
    pub fn caller(&self) -> access::Caller {
        self.person("Ani")
    }

    /// One of the client's people, proved.
    pub fn person(&self, name: &str) -> access::Caller {
        access::Caller {
            client_id: self.client_id,
            by: paystrator::flows::access::By::Key(Uuid::nil()),
            mode: Mode::Test,
            rights: Rights::all(),
            person: name.into(),
            by_token: false,
        }
    }
}

impl Rig {
    /// `settings` are the simulators', by provider code.
    pub async fn new(settings: Value) -> Rig {
        let (clock, their_clock) = (Clock::system(), Clock::system());
        Rig::on(Ground { clock, their_clock, config: open_config(), speed: SPEED }, settings).await
    }

    pub async fn on(ground: Ground, settings: Value) -> Rig {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = pg::folder(&format!("rig-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let url = fresh_database().await;
        let config =
            SandboxConfig { speed: ground.speed, clock: ground.their_clock.clone(), ..SandboxConfig::new(&dir) };
        let sandbox = sandbox::start(config, doors()).await.expect("the sandbox starts");
        // Whether a connection uses the status call that KasPro's simulator invents is the connection's own matter.
        let asked = json!({ "status_call": true });
        sandbox.kaspro.change_settings(object(&asked)).expect("a setting");
        for simulator in sandbox.simulators() {
            simulator.change_settings(object(&settings[simulator.code()])).expect("settings");
        }
        let documents = dir.join("documents");
        let mut config = ground.config;
        config.documents.folder = documents.to_string_lossy().into_owned();
        let (app, inboxes) = put_together(&url, ground.clock, config);
        let sql = PgPool::connect(&url).await.unwrap();
        let (inboxes, their_clock, environment) = (Some(inboxes), ground.their_clock, Vec::new());
        Rig { url, app, sandbox, sql, inboxes, their_clock, environment, documents }
    }

    /// Another `App` on the same ground, as after a restart: whatever was in memory is gone.
    pub fn restart(&mut self) -> Inboxes {
        let (app, inboxes) = put_together(&self.url, self.app.clock.clone(), self.app.config.clone());
        self.app = app;
        inboxes
    }

    /// A client with a key that may do everything, connections in their order, and an endpoint that hears all.
    pub async fn member(&self, name: &str, places: &[Place]) -> Member {
        let client_id = access::create_client(&self.app, name).await.unwrap();
        let wish = keys::KeyWish { client_id, mode: Mode::Test, name: "test", person: "Ani", rights: &Rights::all() };
        let key = keys::create(&self.app, &wish).await.unwrap().secret;
        let mut links = Vec::new();
        for (n, place) in places.iter().enumerate() {
            let new = connections::NewConnection {
                client_id,
                mode: Mode::Test,
                provider: place.code(),
                label: &format!("{} {}", place.code(), n + 1),
                credentials: &self.credentials(*place),
                settings: &self.settings(*place),
                fee: FeePlan { flat: Some(2_500), vat_bp: 1_100, vat: true, ..FeePlan::default() },
                by: "test",
            };
            let connections::Made { id, codename } = connections::create(&self.app, &new).await.expect("a connection");
            links.push(Link { id, codename, place: *place });
        }
        let endpoint = name.to_lowercase().replace(' ', "-");
        let member = Member { client_id, key, connections: links, endpoint };
        self.endpoint(&member, &member.endpoint, &EVENT_TYPES).await;
        member
    }

    /// An endpoint of `member` at the merchant, under `name`.
    pub async fn endpoint(&self, member: &Member, name: &str, events: &[&str]) {
        let caller = member.caller();
        let url = format!("{}/webhooks/{name}", self.sandbox.merchant_url());
        let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
        let wish = endpoints::EndpointWish { url: &url, description: "", events: &events };
        let First::Made(made) = endpoints::create(&self.app, &caller, &wish, None).await.unwrap() else {
            panic!("nothing was made before")
        };
        let secret = Secret { name: name.into(), secret: made.secret, verification_token: Some(made.token) };
        self.sandbox.merchant.set_secret(secret).unwrap();
    }

    /// The one account at a simulator.
    pub fn credentials(&self, place: Place) -> Value {
        self.sandbox.describe()[place.code()]["credentials"].clone()
    }

    pub fn settings(&self, place: Place) -> Value {
        let mut settings = self.sandbox.describe()[place.code()]["settings"].clone();
        if place == Place::Kaspro
            && let Some(all) = settings.as_object_mut()
        {
            all.remove("status_path");
        }
        settings
    }

    /// A provider's simulator.
    pub fn at(&self, code: &str) -> &dyn Simulator {
        self.sandbox.simulator(code).expect("the sandbox has it")
    }

    /// Leaves a provider nothing to spend, whatever comes back to it meanwhile.
    pub fn drain(&self, code: &str) {
        self.at(code).top_up(-FORTUNE).unwrap();
    }

    /// Undoes one [`Rig::drain`].
    pub fn refill(&self, code: &str) {
        self.at(code).top_up(FORTUNE).unwrap();
    }

    /// No fault stands anywhere, and whatever hangs goes on.
    pub fn clear_faults(&self) {
        self.sandbox.simulators().for_each(Simulator::clear_faults);
        self.sandbox.merchant.clear_faults();
    }

    /// Starts a service process, armed to die at `crash_at`. It may die before it serves: then its address is empty.
    pub async fn start(&self, crash_at: Option<&str>) -> Process {
        let mut command = self.command(&["serve"], crash_at);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the service starts");
        let log: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let (serving, served) = oneshot::channel();
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let kept = log.clone();
        tokio::spawn(async move {
            let mut serving = Some(serving);
            while let Ok(Some(line)) = lines.next_line().await {
                let address = line.strip_prefix("serving on ").and_then(|rest| rest.split_whitespace().next());
                if let (Some(address), Some(serving)) = (address, serving.take_if(|_| address.is_some())) {
                    let _ = serving.send(address.to_owned());
                }
                let mut kept = kept.lock().unwrap();
                if kept.len() == LOG_LINES {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
        });
        // A process that died before it served drops the sender with its last line.
        let url = served.await.unwrap_or_default();
        Process { child, url, log }
    }

    /// A command of the installation, armed to die at `crash_at`.
    pub fn command(&self, words: &[&str], crash_at: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paystrator"));
        let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PAYSTRATOR"));
        inherited.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command
            .args(words)
            .envs(ENVIRONMENT)
            .envs(self.environment.iter().cloned())
            .env("DATABASE_URL", &self.url)
            .env("PAYSTRATOR__KEYS__MASTER", format!("1:{}", STANDARD.encode(MASTER)))
            .env("PAYSTRATOR__DOCUMENTS__FOLDER", &self.documents)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(point) = crash_at {
            command.env(paystrator::crash::VARIABLE, point);
        }
        command
    }

    /// Tells OY!'s simulator where the first connection's callbacks go now: a process listens somewhere new each time.
    pub fn call_back(&self, process: &Process, member: &Member) {
        let url = format!("{}{}", process.url, path(&member.connections[0]));
        self.sandbox.oy.change_settings(object(&json!({ "callback_url": url }))).unwrap();
    }

    pub fn eyes(&self) -> Eyes<'_> {
        Eyes { sql: &self.sql, sandbox: &self.sandbox, now: self.app.now() }
    }

    /// Adds what is committed to the sums by hour, as a worker does now and then.
    pub async fn sum_up(&self) {
        sums::caught_up(&self.app, &self.sql).await;
    }

    pub async fn stop(self) {
        self.sql.close().await;
        self.app.db.close().await;
        self.sandbox.stop().await;
    }
}

/// Where a connection's callbacks go, below the service's address.
pub fn path(connection: &Link) -> String {
    format!("/v1/callback/send/send_money/{}", connection.codename)
}

const LOG_LINES: usize = 4000;

/// One process of the service.
pub struct Process {
    child: Child,
    /// Empty when it died before it served.
    pub url: String,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Process {
    /// Waits until it is dead of the signal that a crash point (or [`Process::kill`]) sends.
    pub async fn killed(&mut self, within: Duration) -> bool {
        use std::os::unix::process::ExitStatusExt;
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => status.unwrap().signal() == Some(libc::SIGKILL),
            Err(_) => false,
        }
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to finish its work in hand, and waits for the end.
    pub async fn stop(&mut self) {
        let pid = self.child.id().expect("it lives") as libc::pid_t;
        // SAFETY: a plain call with plain numbers; the child was not waited for, so the number is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let status = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("it does not stop:\n{}", self.log())).unwrap();
        assert!(status.success(), "it ended with {status}:\n{}", self.log());
    }

    /// Its last lines, for a message.
    pub fn tail(&self) -> String {
        let log = self.log.lock().unwrap();
        log.iter().skip(log.len().saturating_sub(40)).cloned().collect::<Vec<_>>().join("\n")
    }

    /// All that is kept of what it wrote.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap();
        log.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// The defaults, but that given addresses may be on loopback.
fn open_config() -> Config {
    let mut config = Config::defaults();
    config.webhooks.allow_http = true;
    config.webhooks.allow_private = true;
    config
}

/// A JSON object's fields; none of anything else.
pub fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn put_together(url: &str, clock: Clock, config: Config) -> (Arc<App>, Inboxes) {
    let keys = Keyring::new([(1, MASTER)].into()).expect("one key");
    App::new(Parts { db: open(url), clock, outbound: doors(), config, keys }).expect("an App")
}

fn doors() -> Outbound {
    let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
    Outbound::new(limits).expect("the doors open")
}
