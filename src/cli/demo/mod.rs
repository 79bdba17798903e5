//! `paystrator demo`: the whole journey on a private Postgres and the simulators, then a service to play with.
//!
//! It sets the stage, plays the payments over HTTP as a client would, and compares both sides' books.

mod journey;
mod onboarding;
mod table;

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::client::Client;
use super::service::{Database, Service, interrupted};
use crate::app::App;
use crate::config::Config;
use crate::crypto;
use crate::domain::access::Rights;
use crate::domain::fee::FeePlan;
use crate::domain::role::Role;
use crate::domain::service::Mode;
use crate::flows::{access, books, connections, endpoints, keys, people};
use crate::outbound::{Outbound, OutboundLimits};
use crate::sandbox::{self, Sandbox, SandboxConfig};
use crate::store;
use crate::telemetry;

#[derive(clap::Args)]
pub struct Options {
    /// Leave after the table; the exit code is 0 only if the books agree.
    #[arg(long)]
    exit: bool,
}

const COMPANY: &str = "Dummy Company";
/// Who signs in to the console.
const OWNER: &str = "owner@example.com";
/// The providers in the order they are tried, and what their connections are called.
const PROVIDERS: [(&str, &str); 3] = [("oy", "OY! sandbox"), ("doku", "DOKU sandbox"), ("kaspro", "KasPro sandbox")];
/// The bank with a sequence of its own, and who comes first there.
const CUSTOM: (&str, &str) = ("BRI", "kaspro");
/// The demo's documented hour lasts a minute.
const SPEED: f64 = 60.0;

/// Plays the demo.
pub fn run(mut config: Config, options: &Options) -> anyhow::Result<()> {
    config.schedule.speed = SPEED;
    config.schedule.due_scan_ms = 6_000;
    config.webhooks.allow_http = true;
    config.webhooks.allow_private = true;
    config.limits.requests_per_minute = 600_000;
    config.limits.burst = 60_000;
    for provider in config.providers.values_mut() {
        // Long enough for a simulator, short enough to watch a time-out.
        provider["send_timeout_ms"] = json!(3_000);
    }
    say("starting Postgres");
    let database = Database::open(config)?;
    let dir = database.dir().map(|dir| dir.to_path_buf());
    if let Some(dir) = &dir {
        say(&format!("private Postgres and simulators' books in {}", dir.display()));
    }
    let dir = dir.unwrap_or_else(|| std::env::temp_dir().join("paystrator-demo"));
    let result = super::runtime(&database.config)?.block_on(async {
        let outbound =
            Outbound::new(OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() })?;
        let sandbox = SandboxConfig { speed: SPEED, ..SandboxConfig::new(&dir) };
        let sandbox = sandbox::start(sandbox, outbound.clone()).await?;
        let mut parts = database.parts().await?;
        onboarding::aim(&mut parts.config, &sandbox)?;
        let listener = listen(parts.config.server.listen).await?;
        // Links of the console lead to where it really is.
        parts.config.server.listen = listener.local_addr()?;
        let metrics = telemetry::init_metrics()?;
        let mut service = Service::start(parts, listener).await?;
        if let Err(error) = service.expose_metrics(metrics).await {
            say(&format!("no metrics: {error:#}"));
        }
        let agreed = play(&service, &sandbox, outbound, options).await;
        say("finishing work in hand");
        service.stop().await;
        sandbox.stop().await;
        agreed
    });
    database.close()?;
    anyhow::ensure!(result?, "the books do not agree");
    Ok(())
}

/// Sets the stage, plays, compares, and serves on unless told to leave.
async fn play(service: &Service, sandbox: &Sandbox, outbound: Outbound, options: &Options) -> anyhow::Result<bool> {
    let app = &service.app;
    say(&format!("service on {}", service.url));
    let client_id = company(app).await?;
    let password = owner(app, client_id).await?;
    let key = key(app, client_id).await?;
    let client = Client::new(&service.url, &key, outbound);
    for (code, label) in PROVIDERS {
        connect(app, service, sandbox, client_id, code, label).await?;
        say(&format!("{label}: the simulator on {}, connected", sandbox.url(code)));
    }
    let kaspro = Map::from_iter([("sync".to_owned(), json!(true))]);
    sandbox.kaspro.change_settings(kaspro).map_err(anyhow::Error::msg)?;
    route(&client).await?;
    endpoint(app, &client, sandbox, client_id).await?;
    let stories = journey::play(&client, sandbox).await?;
    table::payments(&stories);
    let verified = books::verify(app).await?;
    let ours = store::ledger::balances(&app.db, client_id, Mode::Test.as_str()).await?;
    let known = store::connection::of_client(&app.db, client_id, Mode::Test.as_str()).await?;
    let sides = PROVIDERS.iter().filter_map(|(code, _)| {
        let here = known.iter().filter(|stored| stored.connection.provider == *code);
        Some((here.map(|stored| stored.connection.clone()).collect(), sandbox.simulator(code)?.summary()))
    });
    let agreed = table::books(&ours, &sides.collect::<Vec<_>>(), &verified);
    let on_boarded = onboarding::play(app, &client, sandbox, &service.url).await?;
    if !options.exit {
        println!("\nServing on {} until Ctrl-C. Reference: {}/docs", service.url, service.url);
        println!("Console: {}/console/  e-mail {OWNER}  password of this start {password}", service.url);
        let all = sandbox.describe();
        for (code, label) in PROVIDERS {
            println!("Control of the {label}: {}", all[code]["control_url"].as_str().unwrap_or_default());
        }
        println!("\ncurl -s {}/v1/send-money \\", service.url);
        println!("  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\");
        println!(
            "  -d '{{\"externalId\":\"my-first\",\"amount\":25000,\"receiverName\":\"Budi Santoso\",\
             \"receiverAccountNo\":\"1239812390\",\"receiverBankCode\":\"BCA\"}}'\n"
        );
        interrupted().await?;
    }
    anyhow::ensure!(on_boarded, "an onboarding did not end as it should");
    Ok(agreed)
}

/// The configured address, or any free port where another program has it.
async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            say(&format!("{address} is in use; taking another port"));
            let any = SocketAddr::new(address.ip(), 0);
            TcpListener::bind(any).await.context("no port is free")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// The client of the demo, made on the first start.
async fn company(app: &App) -> anyhow::Result<Uuid> {
    Ok(match store::client::by_name(&app.db, COMPANY).await? {
        Some(id) => id,
        None => access::create_client(app, COMPANY).await?,
    })
}

/// A key of the company's owner, for this start.
async fn key(app: &App, client_id: Uuid) -> anyhow::Result<String> {
    let (rights, owner) = (Rights::all(), keys::owner(app, OWNER).await?);
    let wish = keys::KeyWish { client_id, mode: Mode::Test, name: "demo", person: &owner, rights: &rights };
    Ok(keys::create(app, &wish).await?.secret)
}

/// The owner of the demo's company, with a password that holds until the next start. Answers it.
async fn owner(app: &App, client_id: Uuid) -> anyhow::Result<String> {
    let password = hex::encode(crypto::random_bytes::<8>());
    people::install::person(app, client_id, (OWNER, "Dewi Lestari"), Role::Owner, password.clone().into()).await?;
    Ok(password)
}

/// The connection to a simulator: made once, then pointed to where the simulator is today.
async fn connect(
    app: &App,
    service: &Service,
    sandbox: &Sandbox,
    client_id: Uuid,
    code: &str,
    label: &str,
) -> anyhow::Result<()> {
    let simulator = sandbox.simulator(code).context("the sandbox has a simulator of every provider")?;
    let facts = sandbox.describe();
    let (credentials, settings) = (&facts[code]["credentials"], &facts[code]["settings"]);
    let known = store::connection::of_client(&app.db, client_id, Mode::Test.as_str()).await?;
    let codename = match known.into_iter().find(|stored| stored.connection.label == label) {
        Some(stored) => {
            connections::rotate(app, client_id, stored.connection.id, credentials, settings).await?;
            stored.codename
        }
        None => {
            let fee = FeePlan { flat: Some(2_500), vat_bp: 1_100, vat: true, ..FeePlan::default() };
            let mode = Mode::Test;
            let new = connections::NewConnection {
                client_id,
                mode,
                provider: code,
                label,
                credentials,
                settings,
                fee,
                by: "demo",
            };
            connections::create(app, &new).await?.codename
        }
    };
    let callback = format!("{}/v1/callback/send/send_money/{codename}", service.url);
    let changes = Map::from_iter([("callback_url".to_owned(), json!(callback))]);
    simulator.change_settings(changes).map_err(anyhow::Error::msg)?;
    Ok(())
}

/// One bank gets an order of its own, as the console or a curl would give it; on a later start it has it already.
async fn route(client: &Client) -> anyhow::Result<()> {
    let (bank, first) = CUSTOM;
    let (status, all) = client.get("/v1/providers").await?;
    anyhow::ensure!(status == 200, "the connections could not be listed: {all}");
    let mut ordered: Vec<&Value> = all["data"]["items"].as_array().into_iter().flatten().collect();
    ordered.sort_by_key(|made| (made["provider"] != first, made["id"].to_string()));
    let ids: Vec<&Value> = ordered.iter().map(|made| &made["id"]).collect();
    let path = format!("/v1/sequences/send_money/{bank}");
    let (status, answer) = client.put(&path, &json!({ "connections": ids }), &[("If-None-Match", "*")]).await?;
    anyhow::ensure!(matches!(status, 200 | 201 | 412), "the sequence was refused: {answer}");
    let wish = json!({ "service": "send_money", "destination": bank, "amount": 50_000 });
    let (status, preview) = client.post("/v1/sequences/preview", &wish, &[]).await?;
    anyhow::ensure!(status == 200, "the preview was refused: {preview}");
    let labels: Vec<&str> = preview["data"]["tried"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|candidate| candidate["label"].as_str())
        .collect();
    say(&format!("payments to {bank} would be tried at {}", labels.join(", then ")));
    Ok(())
}

/// A webhook endpoint at the merchant of the sandbox; those of earlier starts are put out of use.
async fn endpoint(app: &App, client: &Client, sandbox: &Sandbox, client_id: Uuid) -> anyhow::Result<()> {
    for old in store::endpoint::list(&app.db, client_id, Mode::Test.as_str()).await? {
        if old.url.starts_with("http://127.0.0.1:") && old.status == "ACTIVE" {
            endpoints::disable(app, client_id, old.id, "a demo that has ended").await?;
        }
    }
    let url = format!("{}/webhooks/demo", sandbox.merchant_url());
    let (status, made) = client.post("/v1/webhook-endpoints", &json!({ "url": url }), &[]).await?;
    anyhow::ensure!(status == 201, "the webhook endpoint was refused: {made}");
    let text = |field: &str| made["data"][field].as_str().unwrap_or_default().to_owned();
    let secret = sandbox::merchant::Secret {
        name: "demo".into(),
        secret: text("secret"),
        verification_token: Some(text("verificationToken")),
    };
    sandbox.merchant.set_secret(secret).map_err(anyhow::Error::msg)
}

/// A line of progress.
fn say(line: &str) {
    println!("· {line}");
}
