//! `paystrator bench documents`: what uploads of the largest documents cost the service in memory, all at once, and what
//! reading them again does. The service is a process of its own, and keeps them in a folder.

use std::time::{Duration, Instant};

use anyhow::Context;
use axum::http::Method;
use futures_util::future::try_join_all;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::processes::{Folder, MASTER, peak_memory_mb, start_service};
use crate::app::{App, Parts};
use crate::cli::service::Database;
use crate::crypto::envelope::Keyring;
use crate::crypto::{random_bytes, sha256};
use crate::domain::access::Rights;
use crate::domain::service::Mode;
use crate::flows::{access, keys};
use crate::outbound::{Answer, Outbound, OutboundLimits, Outcome, Request};

#[derive(clap::Args)]
pub struct Options {
    /// Uploads at once, of two clients.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// How often.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Of each document.
const SIZE: usize = 10 * 1024 * 1024;
/// The most memory the service may ever have.
const FLOOR_MB: u64 = 100;

pub async fn measure(database: &Database, options: &Options) -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let ring = Keyring::new([(1, MASTER)].into()).context("one key")?;
    let (app, _inboxes) = App::new(Parts { keys: ring, ..database.parts().await? })?;
    let callers = [key(&app, "Documents 1").await?, key(&app, "Documents 2").await?];
    app.db.close().await;
    let url = database.config.database.url.expose_secret();
    let (mut service, address) = start_service(url, &folder.0).await?;
    let pid = service.id().context("the service has ended")?;
    let limits = OutboundLimits { answer_limit_bytes: 2 * SIZE, allow_http: true, allow_private: true };
    let load = Load { address, outbound: Outbound::new(limits)? };
    println!("{} MB at rest", peak_memory_mb(pid)?);
    for round in 1..=options.rounds {
        let began = Instant::now();
        let uploads = (0..options.at_once).map(|n| load.upload(&callers[n % 2]));
        let made = try_join_all(uploads).await?;
        let wrote = began.elapsed();
        let after = peak_memory_mb(pid)?;
        let began = Instant::now();
        try_join_all(made.iter().enumerate().map(|(n, made)| load.read(&callers[n % 2], made))).await?;
        println!(
            "round {round}: {} uploads of 10 MB in {:.1} s, peak {after} MB; read again in {:.1} s, peak {} MB",
            options.at_once,
            wrote.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            peak_memory_mb(pid)?,
        );
    }
    let peak = peak_memory_mb(pid)?;
    service.kill().await?;
    match peak < FLOOR_MB {
        true => println!("every floor holds"),
        false => println!("below the floor: peak memory {peak} MB is not under {FLOOR_MB} MB"),
    }
    Ok(())
}

async fn key(app: &App, name: &str) -> anyhow::Result<String> {
    let client_id = access::create_client(app, name).await?;
    let rights = Rights::all();
    let wish = keys::KeyWish { client_id, mode: Mode::Test, name: "bench", person: "bench", rights: &rights };
    Ok(keys::create(app, &wish).await?.secret)
}

/// Who uploads and reads.
struct Load {
    address: String,
    outbound: Outbound,
}

/// A document that was uploaded, and the digest of what it must hold.
struct Made {
    id: String,
    digest: [u8; 32],
}

impl Load {
    async fn upload(&self, key: &str) -> anyhow::Result<Made> {
        let mut content = b"%PDF-1.7\n".to_vec();
        content.extend_from_slice(&random_bytes::<32>());
        content.resize(SIZE - 6, b'.');
        content.extend_from_slice(b"%%EOF\n");
        let digest = sha256(&[&content]);
        let answer = self.call(Method::POST, "/v1/kyb/documents?name=bench.pdf", key, content).await?;
        anyhow::ensure!(answer.status == 201, "an upload was refused: {}", String::from_utf8_lossy(&answer.body));
        Ok(Made { id: text(&answer, "/data/id")?, digest })
    }

    async fn read(&self, key: &str, made: &Made) -> anyhow::Result<()> {
        let path = format!("/v1/kyb/documents/{}/link", made.id);
        let link = text(&self.call(Method::POST, &path, key, Vec::new()).await?, "/data/url")?;
        let path = link.strip_prefix(&self.address).context("the link leads to the service")?;
        let answer = self.call(Method::GET, path, "", Vec::new()).await?;
        anyhow::ensure!(sha256(&[&answer.body]) == made.digest, "a document came back otherwise");
        Ok(())
    }

    async fn call(&self, method: Method, path: &str, key: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        let headers = match key {
            "" => Vec::new(),
            key => vec![("Authorization".to_owned(), format!("Bearer {key}"))],
        };
        let url = format!("{}{path}", self.address);
        let request = Request { method, url, headers, body, timeout: Duration::from_secs(120) };
        match self.outbound.provider(request).await {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::NotSent { reason } | Outcome::Unknown { reason } => anyhow::bail!("{path}: {reason}"),
        }
    }
}

fn text(answer: &Answer, pointer: &str) -> anyhow::Result<String> {
    let body: Value = serde_json::from_slice(&answer.body)?;
    Ok(body.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {body}"))?.to_owned())
}
