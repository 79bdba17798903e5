//! The plain side: pgbench writing the rows and updates the service makes, statement by statement, one transaction a step.

use std::process::Stdio;

use anyhow::Context;
use tokio::process::Command;

use super::processes::Stage;

/// What pgbench says.
pub struct Plain {
    /// Payments written.
    pub payments: u64,
    pub per_s: f64,
    /// Of one whole payment.
    pub latency_ms: f64,
}

/// The steps of one payment: accept, claim, answer, callback, paid, callback done, delivery marked.
const SCRIPT: &str = include_str!("payment.pgbench");

/// Runs `callers` clients for some seconds.
pub async fn run(stage: &Stage, callers: usize, seconds: u64) -> anyhow::Result<Plain> {
    let script = std::env::temp_dir().join(format!("paystrator-plain-{}.sql", std::process::id()));
    std::fs::write(&script, written(stage))?;
    let run = crate::clock::Clock::system().now().timestamp_millis();
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &callers.to_string(), "-T", &seconds.to_string()])
        .args(["-D", "n=0", "-D", &format!("run={run}"), "-f"])
        .arg(&script)
        .arg(&stage.database_url)
        .stdin(Stdio::null())
        .output()
        .await
        .context("pgbench is part of PostgreSQL's programs (postgresql-contrib); it was not found")?;
    std::fs::remove_file(&script)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    anyhow::ensure!(output.status.success(), "pgbench failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(Plain {
        payments: number(&text, "transactions actually processed: ")? as u64,
        per_s: number(&text, "tps = ")?,
        latency_ms: number(&text, "latency average = ")?,
    })
}

/// The script with its ids written out: time-ordered as the service's are, distinct by run, caller and count. All
/// payments go through one connection to one endpoint, as the service's do.
fn written(stage: &Stage) -> String {
    const NAMES: [&str; 6] = ["payment", "ev1", "ev2", "ob1", "ob2", "cb"];
    let mut script = SCRIPT.replace("{client}", &stage.plain_client.to_string());
    for (name, id) in [("conn", uuid::Uuid::from_u128(1)), ("endpoint", uuid::Uuid::from_u128(2))] {
        script = script.replace(&format!("{{{name}}}"), &format!("'{id}'"));
    }
    for (tag, name) in NAMES.iter().enumerate() {
        let id = format!(
            "(lpad(to_hex(:run::bigint), 12, '0') || '700{tag}8' || lpad(to_hex(:client_id::bigint), 3, '0') \
             || lpad(to_hex(:n::bigint), 12, '0'))::uuid"
        );
        script = script.replace(&format!("{{{name}}}"), &id);
    }
    script
}

fn number(text: &str, label: &str) -> anyhow::Result<f64> {
    let (_, rest) = text.split_once(label).with_context(|| format!("pgbench did not say {label:?}: {text}"))?;
    Ok(rest.split_whitespace().next().unwrap_or_default().parse()?)
}
