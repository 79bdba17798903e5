//! A whole world for one test: a database of its own, the real service over HTTP, the real simulators, one client.
//!
//! Tests run inside [`run`], which at the end waits until nothing is left to do and fails if something stays.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use paystrator::app::{App, Parts};
use paystrator::cli::service::Service;
use paystrator::clock::Clock;
use paystrator::config::Config;
use paystrator::crypto::envelope::Keyring;
use paystrator::domain::access::Rights;
use paystrator::domain::fee::FeePlan;
use paystrator::domain::service::Mode;
use paystrator::flows::{access, connections, keys};
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::sandbox::merchant::Secret;
use paystrator::sandbox::{self, Sandbox, SandboxConfig};
use paystrator::store::{Db, DbOptions};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::http::{Caller, Reply};
use super::pg;

static MIGRATED: pg::Template = pg::Template::new();

/// The address of a new database with the schema.
pub async fn fresh_database() -> String {
    MIGRATED
        .clone_of(async |url| {
            let db = open(&url);
            db.migrate().await.expect("the migrations run");
            db.close().await;
        })
        .await
}

pub fn open(url: &str) -> Db {
    Db::open(&DbOptions {
        url: url.to_owned().into(),
        connections: 8,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
    })
    .expect("a database address")
}

/// How a world differs from the usual one.
pub struct Options {
    pub clock: Clock,
    pub config: Config,
    /// How the simulator begins; see its settings.
    pub simulator: Value,
    /// Whether the simulator calls back.
    pub callbacks: bool,
    /// Whether unfinished work at the end of the test is a failure.
    pub must_be_idle: bool,
    /// A migrated database to work on; a fresh one where `None`.
    pub database: Option<String>,
    /// Connections beside OY!'s, after it in the default sequence, by the codes of their providers.
    pub also: &'static [&'static str],
    /// The codes of providers that KYB files are pushed to; a stand-in for each.
    pub kyb: Vec<String>,
    /// How long a push to them may take.
    pub kyb_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        let mut config = Config::defaults();
        config.schedule.speed = 60.0;
        config.schedule.due_scan_ms = 6_000; // a tenth of a second at this speed
        config.webhooks.allow_http = true;
        config.webhooks.allow_private = true;
        config.limits.requests_per_minute = 1_000_000;
        config.limits.burst = 1_000_000;
        config.server.drain_timeout_s = 5;
        Options {
            clock: Clock::system(),
            config,
            simulator: json!({ "settle_after_ms": 0 }),
            callbacks: true,
            must_be_idle: true,
            database: None,
            also: &[],
            kyb: Vec::new(),
            kyb_timeout_ms: 5_000,
        }
    }
}

/// Everything a test needs.
pub struct World {
    pub service: Service,
    pub app: Arc<App>,
    pub sandbox: Sandbox,
    pub client_id: Uuid,
    /// OY!'s.
    pub connection_id: Uuid,
    /// Where the provider posts its callbacks.
    pub callback_path: String,
    /// The client, with a key that may do everything.
    pub caller: Caller,
    /// The same client's key of another person.
    pub colleague: Caller,
    /// Straight to the database, to look.
    pub sql: PgPool,
    #[allow(dead_code)] // for tests that look at what the sandbox wrote
    pub dir: PathBuf,
}

/// The usual world.
pub async fn run<F: Future<Output = World>>(test: impl FnOnce(World) -> F) {
    run_with(Options::default(), test).await;
}

/// A world of one's own making. The test gives the world back, so that its end can be checked.
pub async fn run_with<F: Future<Output = World>>(options: Options, test: impl FnOnce(World) -> F) {
    let must_be_idle = options.must_be_idle;
    let world = test(World::start(options).await).await;
    if must_be_idle {
        world.idle().await;
    }
    world.books_hold().await;
    world.service.stop().await;
    world.sandbox.stop().await;
}

impl World {
    pub async fn start(options: Options) -> World {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = pg::folder(&format!("world-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let Options { clock, mut config, simulator, callbacks, database, also, kyb, kyb_timeout_ms, .. } = options;
        if config.documents.folder.is_empty() {
            config.documents.folder = dir.join("documents").to_string_lossy().into_owned();
        }
        let url = match database {
            Some(url) => url,
            None => fresh_database().await,
        };
        let doors = |allow_http, allow_private| {
            let limits = OutboundLimits { allow_http, allow_private, ..OutboundLimits::default() };
            Outbound::new(limits).expect("the doors open")
        };
        let outbound = doors(config.webhooks.allow_http, config.webhooks.allow_private);
        let mut sandbox_config =
            SandboxConfig { speed: config.schedule.speed, clock: clock.clone(), ..SandboxConfig::new(&dir) };
        sandbox_config.kyb.clone_from(&kyb);
        let sandbox = sandbox::start(sandbox_config, doors(true, true)).await.expect("the sandbox starts");
        let keys = Keyring::new([(1, [7u8; 32])].into()).expect("one key");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for code in &kyb {
            // Links must lead here.
            config.server.public_url = format!("http://{}", listener.local_addr().unwrap());
            super::onboarding::aim(&mut config, &sandbox, code, kyb_timeout_ms);
        }
        let parts = Parts { db: open(&url), clock, outbound, config, keys };
        let service = Service::start(parts, listener).await.expect("the service starts");
        let app = service.app.clone();
        let client_id = access::create_client(&app, "Dummy Company").await.unwrap();
        let caller = Caller::new(&service.url, &key(&app, client_id, "Ani").await);
        let colleague = caller.with_key(&key(&app, client_id, "Budi").await);
        let oy = connect(&app, client_id, &sandbox, "oy", "OY! sandbox").await;
        let callback_path = format!("/v1/callback/send/send_money/{}", oy.codename);
        let mut settings: Map<String, Value> = simulator.as_object().cloned().unwrap_or_default();
        if callbacks {
            settings.insert("callback_url".into(), json!(format!("{}{callback_path}", service.url)));
        }
        sandbox.oy.change_settings(settings).expect("the simulator takes its settings");
        for code in also {
            let made = connect(&app, client_id, &sandbox, code, code).await;
            let simulator = sandbox.simulator(code).expect("the sandbox has it");
            let mut settings = Map::from_iter([("settle_after_ms".to_owned(), json!(0))]);
            if callbacks {
                let url = format!("{}/v1/callback/send/send_money/{}", service.url, made.codename);
                settings.insert("callback_url".into(), json!(url));
            }
            simulator.change_settings(settings).expect("the simulator takes its settings");
        }
        for code in &kyb {
            super::onboarding::introduce(&app, &sandbox, code, &service.url).await;
        }
        let sql = PgPool::connect(&url).await.unwrap();
        // What tests find in the audit log is what they did.
        sqlx::query("TRUNCATE audit, audit_head").execute(&sql).await.expect("the log is emptied");
        World { service, app, sandbox, client_id, connection_id: oy.id, callback_path, caller, colleague, sql, dir }
    }

    /// An endpoint at the merchant, whose secret the merchant knows. Answers its outward id.
    pub async fn endpoint(&self, name: &str) -> String {
        let url = format!("{}/webhooks/{name}", self.sandbox.merchant_url());
        let made = self.caller.post("/v1/webhook-endpoints", json!({ "url": url })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let text = |field: &str| made.body["data"][field].as_str().expect(field).to_owned();
        let secret =
            Secret { name: name.into(), secret: text("secret"), verification_token: Some(text("verificationToken")) };
        self.sandbox.merchant.set_secret(secret).expect("the merchant takes the secret");
        text("id")
    }

    /// The same client with a key of these rights alone.
    pub async fn with_rights(&self, rights: Rights) -> Caller {
        self.caller.with_key(&key_with(&self.app, self.client_id, "Citra", rights).await)
    }

    /// Another client, with a key that may do everything.
    pub async fn stranger(&self) -> Caller {
        let client_id = access::create_client(&self.app, "Other Company").await.unwrap();
        self.caller.with_key(&key(&self.app, client_id, "Dewi").await)
    }

    /// A payment to `account`, over `amount` rupiah.
    pub fn body(external_id: &str, account: &str, amount: i64) -> Value {
        json!({
            "externalId": external_id, "amount": amount, "receiverName": "Budi Santoso",
            "receiverAccountNo": account, "receiverBankCode": "BCA", "remark": "Invoice 12",
        })
    }

    /// Sends money, and answers the payment's outward id.
    pub async fn send(&self, external_id: &str, account: &str, amount: i64) -> String {
        let reply = self.caller.post("/v1/send-money", Self::body(external_id, account, amount)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["data"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a payment's row satisfies `done`, looking again at each change.
    pub async fn until(&self, id: &str, done: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            let mut changes = self.app.wake.changed.subscribe();
            loop {
                let row = self.row(id).await;
                if done(&row) {
                    return row;
                }
                // Another process's changes are not heard: look again after a while as well.
                let _ = tokio::time::timeout(Duration::from_millis(100), changes.recv()).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), look).await {
            Ok(row) => row,
            Err(_) => panic!("payment never got there: {}", self.story(id).await),
        }
    }

    /// Waits until a payment has this status.
    pub async fn until_status(&self, id: &str, status: &str) -> Value {
        self.until(id, |row| row["status"] == status).await
    }

    /// Waits until a payment's current attempt has this evidence.
    pub async fn until_evidence(&self, id: &str, evidence: &str) -> Value {
        self.until(id, |row| row["evidence"] == evidence).await
    }

    /// A payment's row, as JSON.
    pub async fn row(&self, id: &str) -> Value {
        let id = Uuid::parse_str(id.trim_start_matches("sm_")).unwrap();
        sqlx::query_scalar("SELECT to_jsonb(p) FROM payment p WHERE id = $1")
            .bind(id)
            .fetch_one(&self.sql)
            .await
            .unwrap()
    }

    /// The evidence of a payment's attempts, in order.
    pub async fn attempts(&self, id: &str) -> Vec<String> {
        let id = Uuid::parse_str(id.trim_start_matches("sm_")).unwrap();
        sqlx::query_scalar("SELECT state FROM attempt WHERE payment_id = $1 ORDER BY number")
            .bind(id)
            .fetch_all(&self.sql)
            .await
            .unwrap()
    }

    /// What an attempt is known by at the provider.
    pub async fn reference(&self, id: &str, number: i16) -> String {
        let id = Uuid::parse_str(id.trim_start_matches("sm_")).unwrap();
        sqlx::query_scalar("SELECT reference FROM attempt WHERE payment_id = $1 AND number = $2")
            .bind(id)
            .bind(number)
            .fetch_one(&self.sql)
            .await
            .unwrap()
    }

    /// The kinds of open exceptions of a payment.
    pub async fn exceptions(&self, id: &str) -> Vec<String> {
        let id = Uuid::parse_str(id.trim_start_matches("sm_")).unwrap();
        sqlx::query_scalar("SELECT kind FROM exception WHERE payment_id = $1 AND status = 'OPEN' ORDER BY opened_at")
            .bind(id)
            .fetch_all(&self.sql)
            .await
            .unwrap()
    }

    /// Everything known of a payment, for failure messages.
    pub async fn story(&self, id: &str) -> String {
        let uuid = Uuid::parse_str(id.trim_start_matches("sm_")).unwrap();
        let rows: Vec<Value> = sqlx::query_scalar(
            "SELECT to_jsonb(t) - 'frozen' - 'why' FROM attempt t WHERE payment_id = $1
             UNION ALL SELECT to_jsonb(o) FROM observation o WHERE payment_id = $1",
        )
        .bind(uuid)
        .fetch_all(&self.sql)
        .await
        .unwrap();
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        format!("{}\n{}", self.row(id).await, rows.join("\n"))
    }

    /// Posts a callback as the provider would.
    pub async fn callback(&self, body: Value) -> Reply {
        self.caller.call("POST", &self.callback_path, Some(body.to_string()), &[("authorization", "none")]).await
    }

    /// Waits until no delivery and no callback is waiting and no provider call is under way.
    pub async fn idle(&self) {
        let left = async || -> i64 {
            sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM delivery WHERE state = 'pending')
                    + (SELECT count(*) FROM callback WHERE done_at IS NULL)
                    + (SELECT count(*) FROM attempt WHERE state IN ('prepared', 'sent'))",
            )
            .fetch_one(&self.sql)
            .await
            .unwrap()
        };
        let wait = async {
            while left().await > 0 || !self.app.tasks.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), wait).await.is_err() {
            panic!("work is left: {} rows, {} tasks", left().await, self.app.tasks.len());
        }
    }

    /// The books are what the attempts say, and the provider's books agree with ours.
    pub async fn books_hold(&self) {
        let report = paystrator::flows::books::verify(&self.app).await.unwrap();
        assert!(report.faults.is_empty(), "{:#?}", report.faults);
    }
}

/// A connection to a simulator, made with what it says of itself.
pub async fn connect(app: &App, client_id: Uuid, sandbox: &Sandbox, code: &str, label: &str) -> connections::Made {
    let all = sandbox.describe();
    let new = connections::NewConnection {
        client_id,
        mode: Mode::Test,
        provider: code,
        label,
        credentials: &all[code]["credentials"],
        settings: &all[code]["settings"],
        fee: FeePlan { flat: Some(2_500), vat_bp: 1_100, vat: true, ..FeePlan::default() },
        by: "test",
    };
    connections::create(app, &new).await.expect("the connection is made")
}

/// A key that may do everything, of a person: `usr_…` or a name.
pub async fn key(app: &App, client_id: Uuid, person: &str) -> String {
    key_with(app, client_id, person, Rights::all()).await
}

async fn key_with(app: &App, client_id: Uuid, person: &str, rights: Rights) -> String {
    let wish = keys::KeyWish { client_id, mode: Mode::Test, name: "test", person, rights: &rights };
    keys::create(app, &wish).await.unwrap().secret
}
