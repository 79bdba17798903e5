//! `paystrator bench fill`: a database with as many payments as one asks for, as a busy client leaves them after a month.
//!
//! Setting up goes through the flows; the payments themselves are set-based inserts by psql, in batches. Only a database
//! that holds no other client's payments is filled.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use uuid::Uuid;

use super::processes;
use crate::app::{App, Parts};
use crate::domain::access::Rights;
use crate::domain::ids;
use crate::domain::role::Role;
use crate::domain::service::Mode;
use crate::domain::webhook::DEFAULT_EVENTS;
use crate::flows::access::{By, Caller};
use crate::flows::once::First;
use crate::flows::people::install;
use crate::flows::{access, books, endpoints, keys, rollups, routing, sending};
use crate::store::{client, payment};

/// Whose payments they are.
const COMPANY: &str = "Bench fill";
/// Who signs in to look at them.
pub const OWNER: &str = "bench@example.com";
/// The password of a database that holds nothing real.
pub const PASSWORD: &str = "seribu kali sepuluh ribu";
const SCRIPT: &str = include_str!("fill.sql");
const BATCH: u64 = 20_000;
/// Over how long the payments are spread, up to now.
const SPREAD: TimeDelta = TimeDelta::days(30);

#[derive(clap::Args)]
pub struct Options {
    /// How many payments.
    #[arg(long, default_value_t = 1_000_000)]
    pub payments: u64,
}

/// What was filled.
pub struct Filled {
    pub client_id: Uuid,
    pub endpoint: Uuid,
    pub key: String,
}

/// What a payment is called at its order.
pub fn external_id(number: u64) -> String {
    format!("FILL-{number}")
}

/// Fills the database of `parts`, which is at `url`; one that holds as many already is left as it is.
pub async fn fill(parts: Parts, total: u64) -> anyhow::Result<Filled> {
    anyhow::ensure!(!parts.config.server.production, "server.production is set: this is for databases of one's own");
    anyhow::ensure!(total >= 1_000, "--payments is at least 1000");
    let url = parts.config.database.url.expose_secret().to_owned();
    let (app, _inboxes) = App::new(parts)?;
    let known = client::by_name(&app.db, COMPANY).await?;
    let others = payment::has_others(&app.db, known.unwrap_or_default()).await?;
    anyhow::ensure!(!others, "this database holds payments of other clients; fill one of its own");
    let client_id = match known {
        Some(id) => id,
        None => access::create_client(&app, COMPANY).await?,
    };
    let caller = Caller {
        client_id,
        by: By::Key(Uuid::nil()),
        mode: Mode::Test,
        rights: Rights::all(),
        person: "bench".into(),
        by_token: false,
    };
    let rights = Rights::all();
    let wish = keys::KeyWish { client_id, mode: Mode::Test, name: "bench", person: "bench", rights: &rights };
    let key = keys::create(&app, &wish).await?.secret;
    if known.is_some() {
        let whole = payment::id_of_external(&app.db, client_id, "test", &external_id(total)).await?.is_some()
            && payment::id_of_external(&app.db, client_id, "test", &external_id(total + 1)).await?.is_none();
        anyhow::ensure!(whole, "this database was filled with another number of payments, or not to the end");
        let known = endpoints::list(&app, &caller).await?;
        let endpoint = known.first().context("the endpoint of the fill is there")?.id;
        return Ok(Filled { client_id, endpoint, key });
    }
    let stage = set_up(&app, &caller).await?;
    pour(&app, &url, client_id, &stage, total).await?;
    logged(&app, &caller, total).await?;
    println!("summing up");
    books::snapshot(&app).await?;
    psql(&url, &[], "VACUUM (ANALYZE);", Vec::new()).await?;
    rollups::rebuild(&app).await?;
    psql(&url, &[], "VACUUM (ANALYZE) payment_hour, delivery_hour, audit; CHECKPOINT;", Vec::new()).await?;
    app.db.close().await;
    Ok(Filled { client_id, endpoint: stage.endpoint, key })
}

/// What the rows hang on.
struct Stage {
    first: Uuid,
    second: Uuid,
    endpoint: Uuid,
}

async fn set_up(app: &Arc<App>, caller: &Caller) -> anyhow::Result<Stage> {
    let [first, second] = processes::connections_of(app, caller.client_id).await?;
    let events = DEFAULT_EVENTS.map(str::to_owned);
    let wish = endpoints::EndpointWish { url: "http://127.0.0.1:9/webhooks", description: "", events: &events };
    let First::Made(made) = endpoints::create(app, caller, &wish, None).await? else {
        anyhow::bail!("the endpoint was there already");
    };
    let people = [
        (OWNER, "Dewi Lestari", Role::Owner),
        ("finance@example.com", "Budi Hartono", Role::Finance),
        ("operation@example.com", "Citra Ayu", Role::Operation),
        ("developer@example.com", "Eka Putra", Role::Developer),
    ];
    for (email, name, role) in people {
        install::person(app, caller.client_id, (email, name), role, PASSWORD.to_owned().into()).await?;
    }
    Ok(Stage { first, second, endpoint: made.endpoint.id })
}

/// The payments, batch by batch, with a line of progress.
async fn pour(app: &Arc<App>, url: &str, client_id: Uuid, stage: &Stage, total: u64) -> anyhow::Result<()> {
    let (begun, now) = (Instant::now(), app.now());
    let variables = [
        ("client", client_id.to_string()),
        ("first", stage.first.to_string()),
        ("second", stage.second.to_string()),
        ("endpoint", stage.endpoint.to_string()),
        ("total", total.to_string()),
    ];
    // The next batch is sealed while this one is written.
    let rows = |from: u64| {
        let (app, until) = (app.clone(), (from + BATCH).min(total));
        let batch = move || (from + 1..=until).map(|n| row(&app, client_id, n, at(n, total, now))).collect::<Vec<_>>();
        tokio::task::spawn_blocking(move || batch().concat())
    };
    let mut next = rows(0);
    for from in (0..total).step_by(BATCH as usize) {
        let until = (from + BATCH).min(total);
        let ready = std::mem::replace(&mut next, rows(until)).await?;
        psql(url, &variables, SCRIPT, ready).await?;
        let rate = until as f64 / begun.elapsed().as_secs_f64();
        print!("\r{until} of {total} payments, {rate:.0} a second ");
        std::io::stdout().flush()?;
    }
    println!();
    Ok(())
}

/// When the `n`th of `total` payments was made.
fn at(n: u64, total: u64, now: DateTime<Utc>) -> DateTime<Utc> {
    let back = SPREAD.num_milliseconds() as u64 / total * (total - n);
    now - TimeDelta::seconds(30) - TimeDelta::milliseconds(back as i64)
}

/// One line for COPY: number, id, time, sealed receiver.
fn row(app: &App, client_id: Uuid, n: u64, at: DateTime<Utc>) -> Vec<u8> {
    let id = ids::new_id(at);
    let sealed = routing::sealed_receiver(app, client_id, id, &format!("{:010}", n % 9_999_999_967));
    format!("{n}\t{id}\t{}\t\\\\x{}\n", at.to_rfc3339(), hex::encode(sealed)).into_bytes()
}

/// An audit log that grew with the payments: switches flipped back and forth, through the flow that chains them.
async fn logged(app: &App, caller: &Caller, total: u64) -> anyhow::Result<()> {
    let entries = (total / 500).clamp(500, 10_000);
    println!("writing {entries} entries of the audit log");
    for _ in 0..entries / 2 {
        sending::set(app, caller, Some("bench")).await?;
        sending::set(app, caller, None).await?;
    }
    Ok(())
}

/// Runs a script with `input` on its standard input.
pub async fn psql(url: &str, variables: &[(&str, String)], script: &str, input: Vec<u8>) -> anyhow::Result<()> {
    let file = std::env::temp_dir().join(format!("paystrator-fill-{}.sql", std::process::id()));
    std::fs::write(&file, script)?;
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
    for (name, value) in variables {
        command.args(["-v", &format!("{name}={value}")]);
    }
    let mut child = command
        .arg("-f")
        .arg(&file)
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("psql is part of PostgreSQL's programs; it was not found")?;
    let mut stdin = child.stdin.take().context("psql has an input")?;
    stdin.write_all(&input).await?;
    drop(stdin);
    let status = child.wait().await?;
    std::fs::remove_file(&file)?;
    anyhow::ensure!(status.success(), "psql failed");
    Ok(())
}
