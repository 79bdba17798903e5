//! The second journey: the company's KYB file is filled in and goes to three providers at once. One approves and is
//! connected, one asks for a revision and gets it, one is DOKU by its own API.
//!
//! Everything the client does goes over HTTP; the providers are the stand-ins of the sandbox and DOKU's simulator.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::super::client::Client;
use super::say;
use crate::app::App;
use crate::config::Config;
use crate::domain::service::Mode;
use crate::flows::onboarding::create_provider_key;
use crate::sandbox::Sandbox;
use crate::sandbox::kyb_provider::Plan;

/// The example of seed 000 as valid JSON. Its documents are places to put uploads in.
const FILE: &str = include_str!("files/kyb.json");
const PDF: &[u8] = include_bytes!("files/specimen.pdf");
const PNG: &[u8] = include_bytes!("files/specimen.png");
/// Places of the example that are photographs.
const PHOTOS: [usize; 5] = [8, 9, 11, 12, 13];
const DOCUMENTS: usize = 15;
/// Who takes the file by a push, and what they make of it.
const PUSHED: [(&str, Plan); 2] = [("oy", Plan::Approve), ("kaspro", Plan::Revise)];
/// Between the steps of a review, in documented time: two seconds of the demo's.
const STEP_MS: u64 = 120_000;
/// How long the demo waits for a provider, in real time.
const PATIENCE: Duration = Duration::from_secs(50);

/// Names the providers of the sandbox as those that take files, in test mode.
pub fn aim(config: &mut Config, sandbox: &Sandbox) -> anyhow::Result<()> {
    for (code, _) in PUSHED {
        let office = sandbox.kyb(code).context("the sandbox stands in for it")?;
        let url = sandbox.kyb_url(code);
        let block = config.onboarding.get_mut(code).context("config/default.toml has its block")?;
        block["test_url"] = json!(format!("{url}/kyb"));
        block["test_connect_url"] = json!(format!("{url}/connect"));
        block["test_secret"] = json!(office.settings().secret);
    }
    let keys = sandbox.doku_partner.credentials();
    let block = config.onboarding.get_mut("doku").context("config/default.toml has its block")?;
    block["test_base_url"] = json!(sandbox.partner_url());
    (block["test_client_id"], block["test_secret_key"]) = (keys["client_id"].clone(), keys["secret_key"].clone());
    Ok(())
}

/// Tells the stand-ins where statuses go, with a key for this start, and what they shall make of a file.
async fn introduce(app: &App, sandbox: &Sandbox, url: &str) -> anyhow::Result<()> {
    for (code, plan) in PUSHED {
        let (key, _) = create_provider_key(app, code, Mode::Test).await?;
        let office = sandbox.kyb(code).context("the sandbox stands in for it")?;
        let settings = json!({
            "provider_key": key, "status_url": format!("{url}/v1/onboarding/status"), "plan": plan, "step_ms": STEP_MS,
        });
        office.change_settings(object(settings)).map_err(anyhow::Error::msg)?;
    }
    let settings = json!({ "approve_after_ms": STEP_MS });
    sandbox.doku_partner.change_settings(object(settings)).map_err(anyhow::Error::msg)?;
    Ok(())
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Plays the journey, or on a later start tells how it stands: one that was cut off goes on by hand. `false` where it was
/// played and did not end as it should.
pub async fn play(app: &App, client: &Client, sandbox: &Sandbox, url: &str) -> anyhow::Result<bool> {
    introduce(app, sandbox, url).await?;
    let (_, known) = client.get("/v1/onboarding").await?;
    let is_first = known["data"]["items"].as_array().is_some_and(Vec::is_empty);
    if is_first {
        file(client).await?;
        begin(client).await?;
        let revised = stands(client, "kaspro", "need_revision").await?;
        revise(client, &revised).await?;
        let approved = stands(client, "oy", "approved").await?;
        connect(client, sandbox, &approved).await?;
        for (code, end) in [("kaspro", "approved"), ("doku", "approved")] {
            stands(client, code, end).await?;
        }
    } else {
        say("the KYB file was on-boarded by an earlier start");
    }
    let ended_well = table(client).await?;
    Ok(ended_well || !is_first)
}

/// Uploads the documents and saves the file.
async fn file(client: &Client) -> anyhow::Result<()> {
    let mut text = FILE.to_owned();
    for n in 1..=DOCUMENTS {
        let id = upload(client, &format!("specimen {n}"), PHOTOS.contains(&n)).await?;
        text = text.replace(&format!("doc_{n:032x}"), &id);
    }
    let (status, saved) = client.put("/v1/kyb", &serde_json::from_str(&text)?, &[("If-None-Match", "*")]).await?;
    anyhow::ensure!(matches!(status, 200 | 201 | 412), "the KYB file was refused: {saved}");
    let (_, complete) = client.get("/v1/kyb/completeness").await?;
    anyhow::ensure!(complete["data"]["complete"] == true, "the KYB file is not complete: {complete}");
    say(&format!("the KYB file of seed 000 is complete, with {DOCUMENTS} documents uploaded and sealed"));
    Ok(())
}

async fn upload(client: &Client, name: &str, photo: bool) -> anyhow::Result<String> {
    let (end, media_type, content) = if photo { ("png", "image/png", PNG) } else { ("pdf", "application/pdf", PDF) };
    let path = format!("/v1/kyb/documents?name={}.{end}", name.replace(' ', "%20"));
    let (status, made) = client.upload(&path, media_type, content).await?;
    anyhow::ensure!(matches!(status, 200 | 201), "the document {name} was refused: {made}");
    Ok(made["data"]["id"].as_str().unwrap_or_default().to_owned())
}

/// On Board, at all three in one call. DOKU asks what no KYB file says.
async fn begin(client: &Client) -> anyhow::Result<()> {
    let details = json!({
        "business_description": "We sell what grows on our fields.", "mobile_app_readiness": "UNDER_DEVELOPMENT",
        "bank_id": "4", "bank_account_name": "PT SANDBOX COMPANY", "bank_account_number": "1234505867",
        "ktp_numbers": "3171012310880001", "transaction_frequency": "UMI", "transaction_quantity": "UP_TO_100",
        "instagram": "https://www.instagram.com/sanbox",
    });
    let mut wanted: Vec<Value> = PUSHED.iter().map(|(code, _)| json!({ "provider": code })).collect();
    wanted.push(json!({ "provider": "doku", "details": details }));
    let (status, begun) = client.post("/v1/onboarding", &json!({ "providers": wanted }), &[]).await?;
    anyhow::ensure!(status == 201, "the onboarding was refused: {begun}");
    say("On Board: one file is on its way to three providers");
    Ok(())
}

/// Waits until the onboarding at a provider stands so; answers it.
async fn stands(client: &Client, code: &str, status: &str) -> anyhow::Result<Value> {
    let started = Instant::now();
    loop {
        let (_, all) = client.get("/v1/onboarding").await?;
        let found = all["data"]["items"].as_array().into_iter().flatten().find(|one| one["provider"] == code);
        let found = found.with_context(|| format!("there is no onboarding at {code}: {all}"))?;
        if found["status"] == status {
            say(&format!("{code}: {status}"));
            return Ok(found.clone());
        }
        anyhow::ensure!(started.elapsed() < PATIENCE, "{code} does not come to {status}: {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Reads what the provider wants, uploads a better scan, and sends the new version.
async fn revise(client: &Client, onboarding: &Value) -> anyhow::Result<()> {
    let reference = onboarding["reference_id"].as_str().unwrap_or_default();
    let (_, story) = client.get(&format!("/v1/onboarding/{reference}")).await?;
    let lines = story["data"]["conversation"].as_array().into_iter().flatten();
    let remarks = lines.filter_map(|line| line["remarks"].as_str()).next_back().unwrap_or_default();
    say(&format!("{} says: {remarks}", onboarding["provider"].as_str().unwrap_or_default()));
    let (_, read) = client.get("/v1/kyb").await?;
    let (mut file, version) = (read["data"]["file"].clone(), read["data"]["version"].clone());
    file["documents"]["nib_document"] = json!(upload(client, "a sharper scan", false).await?);
    let (status, saved) = client.put("/v1/kyb", &file, &[("If-Match", &format!("\"{version}\""))]).await?;
    anyhow::ensure!(status == 200, "the new version was refused: {saved}");
    let (status, sent) = client.post(&format!("/v1/onboarding/{reference}/submit"), &json!({}), &[]).await?;
    anyhow::ensure!(status == 200, "the new version was not sent: {sent}");
    say("a sharper scan is uploaded, and the new version is on its way with the changed field marked");
    Ok(())
}

/// The account that the provider gave out: tested at its address, and kept as a connection to switch on.
async fn connect(client: &Client, sandbox: &Sandbox, onboarding: &Value) -> anyhow::Result<()> {
    let reference = onboarding["reference_id"].as_str().unwrap_or_default();
    let facts = sandbox.describe();
    let account = json!({
        "label": "OY! on-boarded", "services": ["send_money"], "credentials": facts["oy"]["credentials"],
        "settings": facts["oy"]["settings"],
    });
    let (status, tested) = client.post(&format!("/v1/onboarding/{reference}/connect"), &account, &[]).await?;
    anyhow::ensure!(status == 200 && tested["data"]["works"] == true, "the account was not connected: {tested}");
    say("oy: the account is tested and connected; it waits in provider management to be switched on");
    Ok(())
}

/// What it came to, provider by provider.
async fn table(client: &Client) -> anyhow::Result<bool> {
    let (_, all) = client.get("/v1/onboarding").await?;
    println!();
    println!("{:<10} {:<49} {:>7} {:<14} conversation", "onboarding", "reference", "version", "status");
    println!("{}", "─".repeat(137));
    let mut good = true;
    for one in all["data"]["items"].as_array().into_iter().flatten() {
        let text = |field: &str| one[field].as_str().unwrap_or_default();
        let (_, story) = client.get(&format!("/v1/onboarding/{}", text("reference_id"))).await?;
        let lines = story["data"]["conversation"].as_array().into_iter().flatten();
        let said = lines.map(|line| line["status"].as_str().or(line["kind"].as_str()).unwrap_or_default());
        let said = said.collect::<Vec<_>>().join(" → ");
        let (provider, status) = (text("provider"), text("status"));
        println!(
            "{provider:<10} {:<49} {:>7} {status:<14} {said}",
            text("reference_id"),
            one["file_version"].to_string()
        );
        good &= matches!(status, "approved" | "connected");
    }
    Ok(good)
}
