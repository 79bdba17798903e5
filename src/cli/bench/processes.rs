//! The stage of a measurement: two databases, the service and the sandbox as processes of their own.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::cpu::{self, Cpu};
use crate::app::App;
use crate::cli::client::Client;
use crate::cli::service::Database;
use crate::domain::access::Rights;
use crate::domain::fee::FeePlan;
use crate::domain::service::Mode;
use crate::flows::{access, connections, keys};
use crate::outbound::{Outbound, OutboundLimits};

/// The master key of a measurement's processes.
pub const MASTER: [u8; 32] = [9; 32];

/// The bank whose payments go to the second provider.
pub const OTHER_BANK: &str = "BRI";

/// Everything a measurement needs.
pub struct Stage {
    pub url: String,
    pub key: String,
    pub outbound: Outbound,
    /// The database both sides write to, each as clients of its own.
    pub database_url: String,
    /// Where the rows of the plain side hang.
    pub plain_client: Uuid,
    pub merchant_control: String,
    oy_control: String,
    doku_control: String,
    service: Child,
    sandbox: Child,
    postmaster: Option<u32>,
    _folder: tempdir::Folder,
}

impl Stage {
    /// Starts the sandbox, makes client, key, connection and endpoint, and starts the service.
    pub async fn set(database: &Database) -> anyhow::Result<Stage> {
        let outbound =
            Outbound::new(OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() })?;
        let folder = tempdir::Folder::new()?;
        let (sandbox, facts) = start_sandbox(&folder).await?;
        let text = |pointer: &str| facts.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let parts = database.parts().await?;
        // Both processes must open what the other sealed.
        let ring = crate::crypto::envelope::Keyring::new([(1, MASTER)].into()).context("one key")?;
        let (app, _inboxes) = App::new(crate::app::Parts { keys: ring, ..parts })?;
        let client_id = access::create_client(&app, "Bench").await?;
        let plain_client = access::create_client(&app, "Plain").await?;
        let rights = Rights::all();
        let wish = keys::KeyWish { client_id, mode: Mode::Test, name: "bench", person: "bench", rights: &rights };
        let key = keys::create(&app, &wish).await?.secret;
        let made = connect(&app, client_id, &facts, "oy").await?;
        connect(&app, client_id, &facts, "doku").await?;
        let database_url = database.config.database.url.expose_secret().to_owned();
        app.db.close().await;
        let (service, url) = start_service(&database_url, &folder.0).await?;
        let control = Client::new(&text("/oy/control_url"), "", outbound.clone());
        let callback = format!("{url}/v1/callback/send/send_money/{}", made.codename);
        let settings = json!({ "settle_after_ms": 0, "callback_url": callback });
        let (status, body) = control.post("/control/settings", &settings, &[]).await?;
        anyhow::ensure!(status == 200, "the simulator refused its settings: {body}");
        let client = Client::new(&url, &key, outbound.clone());
        let doku = Client::new(&text("/doku/control_url"), "", outbound.clone());
        let (status, body) = doku.post("/control/settings", &json!({ "sync": true }), &[]).await?;
        anyhow::ensure!(status == 200, "the simulator refused its settings: {body}");
        route_away(&Client::new(&url, &key, outbound.clone())).await?;
        let hook = format!("{}/webhooks", text("/merchant/base_url"));
        let (status, body) = client.post("/v1/webhook-endpoints", &json!({ "url": hook }), &[]).await?;
        anyhow::ensure!(status == 201, "the endpoint was refused: {body}");
        Ok(Stage {
            url,
            key,
            outbound,
            database_url,
            plain_client,
            merchant_control: text("/merchant/control_url"),
            oy_control: text("/oy/control_url"),
            doku_control: text("/doku/control_url"),
            service,
            sandbox,
            postmaster: database.dir().and_then(cpu::postmaster),
            _folder: folder,
        })
    }

    /// Makes every call to the provider of the load take this long.
    pub async fn slow_provider(&self, ms: u64) -> anyhow::Result<()> {
        self.fault(&self.oy_control, &json!({ "kind": "delay", "ms": ms })).await
    }

    /// Takes the delay away again.
    pub async fn quick_provider(&self) -> anyhow::Result<()> {
        self.mend(&self.oy_control).await
    }

    /// Makes the other provider hang: it takes every transfer and answers none.
    pub async fn hang_other(&self) -> anyhow::Result<()> {
        self.fault(&self.doku_control, &json!({ "kind": "hang", "operation": "transfer" })).await
    }

    /// Lets it go on, with everything it holds.
    pub async fn release_other(&self) -> anyhow::Result<()> {
        self.mend(&self.doku_control).await
    }

    async fn fault(&self, control: &str, fault: &Value) -> anyhow::Result<()> {
        let control = Client::new(control, "", self.outbound.clone());
        let (status, body) = control.post("/control/faults", fault, &[]).await?;
        anyhow::ensure!(status < 300, "the simulator refused the fault: {body}");
        Ok(())
    }

    async fn mend(&self, control: &str) -> anyhow::Result<()> {
        Client::new(control, "", self.outbound.clone()).delete("/control/faults").await?;
        Ok(())
    }

    /// Lets Postgres learn what the tables hold.
    pub async fn analyze(&self) -> anyhow::Result<()> {
        let done = Command::new("psql").args(["-q", "-c", "ANALYZE", &self.database_url]).status().await;
        anyhow::ensure!(done.is_ok_and(|status| status.success()), "psql could not ANALYZE");
        Ok(())
    }

    /// The CPU time each side has used until now.
    pub fn cpu(&self) -> Cpu {
        Cpu::read(self.service.id().unwrap_or(0), self.sandbox.id().unwrap_or(0), self.postmaster)
    }

    /// The most memory the service ever had, in megabytes.
    pub fn peak_memory_mb(&self) -> anyhow::Result<u64> {
        peak_memory_mb(self.service.id().context("the service has ended")?)
    }

    /// Ends both processes.
    pub async fn strike(mut self) -> anyhow::Result<()> {
        self.service.kill().await?;
        self.sandbox.kill().await?;
        Ok(())
    }
}

/// The most memory a process ever had, in megabytes.
pub fn peak_memory_mb(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1024)
}

/// Two connections of a client whose rows are filled in: nothing is sent by them.
pub async fn connections_of(app: &App, client_id: Uuid) -> anyhow::Result<[Uuid; 2]> {
    let folder = tempdir::Folder::new()?;
    let (mut sandbox, facts) = start_sandbox(&folder).await?;
    let first = connect(app, client_id, &facts, "oy").await?;
    let second = connect(app, client_id, &facts, "doku").await?;
    sandbox.kill().await?;
    Ok([first.id, second.id])
}

/// A connection to the simulator of `provider`, by what the sandbox says of it.
async fn connect(app: &App, client_id: Uuid, facts: &Value, provider: &str) -> anyhow::Result<connections::Made> {
    let new = connections::NewConnection {
        client_id,
        mode: Mode::Test,
        provider,
        label: provider,
        credentials: &facts[provider]["credentials"],
        settings: &facts[provider]["settings"],
        fee: FeePlan { flat: Some(2_500), vat_bp: 1_100, vat: true, ..FeePlan::default() },
        by: "bench",
    };
    connections::create(app, &new).await
}

/// Payments to [`OTHER_BANK`] go to the second provider, and to no other.
async fn route_away(client: &Client) -> anyhow::Result<()> {
    let (_, all) = client.get("/v1/providers").await?;
    let other = all["data"]["items"].as_array().into_iter().flatten().find(|made| made["provider"] == "doku");
    let other = other.context("the second connection is there")?;
    let (path, body) = (format!("/v1/sequences/send_money/{OTHER_BANK}"), json!({ "connections": [other["id"]] }));
    let (status, answer) = client.put(&path, &body, &[("If-None-Match", "*")]).await?;
    anyhow::ensure!(status < 300, "the sequence was refused: {answer}");
    Ok(())
}

async fn start_sandbox(folder: &tempdir::Folder) -> anyhow::Result<(Child, Value)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["sandbox", "--speed", "1", "--dir"])
        .arg(&folder.0)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let out = child.stdout.take().context("the sandbox has an output")?;
    let line = BufReader::new(out).lines().next_line().await?.context("the sandbox said nothing")?;
    Ok((child, serde_json::from_str(&line)?))
}

/// A service on this database; what else it keeps is in the folder. Answers where it serves.
pub async fn start_service(database_url: &str, folder: &std::path::Path) -> anyhow::Result<(Child, String)> {
    let master = folder.join("master.key");
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, MASTER);
    std::fs::write(&master, format!("1:{key}\n"))?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("serve")
        .env("DATABASE_URL", database_url)
        .env("PAYSTRATOR__KEYS__MASTER_FILE", master)
        .env("PAYSTRATOR__DOCUMENTS__FOLDER", folder.join("documents"))
        .env("PAYSTRATOR__SERVER__LISTEN", "127.0.0.1:0")
        .env("PAYSTRATOR__SERVER__METRICS_LISTEN", "")
        .env("PAYSTRATOR__WEBHOOKS__ALLOW_HTTP", "true")
        .env("PAYSTRATOR__WEBHOOKS__ALLOW_PRIVATE", "true")
        .env("PAYSTRATOR__LIMITS__REQUESTS_PER_MINUTE", "100000000")
        .env("PAYSTRATOR__LIMITS__BURST", "100000000")
        // As wide as the load: a provider's own limit is not what is measured.
        .env("PAYSTRATOR__PROVIDERS__OY__CONCURRENCY", "256")
        .env("PAYSTRATOR__PROVIDERS__OY__CONNECTION_CONCURRENCY", "128")
        .env("PAYSTRATOR__WEBHOOKS__PER_ENDPOINT", "64")
        .env("PAYSTRATOR__LOG__FILTER", "warn")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = child.stderr.take().context("the service has an output")?;
    let mut lines = BufReader::new(said).lines();
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        while let Some(line) = lines.next_line().await? {
            if let Some(rest) = line.split_once("serving on ").map(|(_, rest)| rest) {
                return anyhow::Ok(rest.split_whitespace().next().unwrap_or_default().to_owned());
            }
            eprintln!("service: {line}");
        }
        anyhow::bail!("the service ended")
    });
    let url = found.await.context("the service did not start in a minute")??;
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            eprintln!("service: {line}");
        }
    });
    Ok((child, url))
}

pub use tempdir::Folder;

/// A folder that goes with its owner.
mod tempdir {
    pub struct Folder(pub std::path::PathBuf);

    impl Folder {
        pub fn new() -> std::io::Result<Self> {
            let path = std::env::temp_dir().join(format!("paystrator-bench-{}", std::process::id()));
            std::fs::create_dir_all(&path)?;
            Ok(Folder(path))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // A folder that stays costs disk and nothing else.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
