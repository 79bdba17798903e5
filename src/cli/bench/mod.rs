//! `paystrator bench`: the service against plain statements that write the same rows, on one Postgres, in one run.
//!
//! The service, the simulator with its webhook receiver, and this load generator are three processes. Machines are
//! shared and noisy: both sides alternate, and what counts is the median of the ratios.

mod cpu;
mod documents;
mod fill;
mod load;
mod onboarding;
mod pages;
mod pgbench;
mod processes;

use std::time::Duration;

use super::service::Database;
use crate::config::Config;
use load::Load;
use processes::Stage;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Alternations per number of callers.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Numbers of callers.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    callers: Vec<usize>,
}

/// What is done instead of the measurement of payments.
#[derive(clap::Subcommand)]
enum Part {
    /// Fill a database of its own with many payments, to look at the console with.
    Fill(fill::Options),
    /// Measure pushes of KYB files with one of ten providers hung against none.
    Onboarding(onboarding::Options),
    /// Measure the console's pages at ten thousand payments and at many.
    Pages(pages::Options),
    /// Measure the memory of the largest uploads, all at once.
    Documents(documents::Options),
}

/// The callers at which the floors for latency and memory are read.
const CROWD: usize = 64;
/// How long every provider call takes in the slow run.
const SLOW_MS: u64 = 5_000;

/// Payments at the provider that hangs: more than its lane works on at once.
const HELD: u64 = 300;

/// One round at one number of callers.
struct Round {
    plain_per_s: f64,
    plain_latency_ms: f64,
    accepts_per_s: f64,
    accept_p50_ms: f64,
    accept_p99_ms: f64,
    paid_per_s: f64,
    /// What a payment of this round cost whom.
    cpu: String,
}

pub fn run(config: Config, options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.rounds > 0 && options.seconds > 0, "--rounds and --seconds are above 0");
    let database = Database::open(config)?;
    let result = super::runtime(&database.config)?.block_on(async {
        match &options.part {
            Some(Part::Fill(options)) => {
                fill::fill(database.parts().await?, options.payments).await?;
                println!("sign in as {} with the password {}", fill::OWNER, fill::PASSWORD);
                Ok(())
            }
            Some(Part::Pages(options)) => pages::measure(&database, options).await,
            Some(Part::Onboarding(options)) => onboarding::measure(&database, options).await,
            Some(Part::Documents(options)) => documents::measure(&database, options).await,
            None => measure(&database, options).await,
        }
    });
    database.close()?;
    result
}

async fn measure(database: &Database, options: &Options) -> anyhow::Result<()> {
    let stage = Stage::set(database).await?;
    let load = Load::new(&stage)?;
    // Indexes and statistics as on a used database, on both sides.
    println!("filling both sides");
    load.until_delivered(CROWD, Duration::from_secs(options.seconds)).await?;
    pgbench::run(&stage, CROWD, options.seconds).await?;
    stage.analyze().await?;
    let mut failed = Vec::new();
    println!(
        "\n{:>7}  {:>22}  {:>30}  {:>14}  {:>16}",
        "callers", "plain/s (avg ms)", "accepts/s (p50, p99 ms)", "paid+told/s", "ratio (spread)"
    );
    for &callers in &options.callers {
        let mut rounds = Vec::new();
        for _ in 0..options.rounds {
            rounds.push(round(&stage, &load, callers, options.seconds).await?);
        }
        failed.extend(report(callers, &rounds));
        println!("{:>7}  {}", "", rounds.last().map_or("", |round| &round.cpu));
    }
    failed.extend(hung_provider(&stage, &load, options).await?);
    // Last: it leaves a backlog.
    failed.extend(slow_provider(&stage, &load, options.seconds).await?);
    let peak = stage.peak_memory_mb()?;
    println!("\npeak memory of the service: {peak} MB");
    if peak >= 100 {
        failed.push(format!("peak memory {peak} MB is not under 100 MB"));
    }
    stage.strike().await?;
    match failed.is_empty() {
        true => println!("every floor holds"),
        false => println!("below the floor: {}", failed.join("; ")),
    }
    Ok(())
}

async fn round(stage: &Stage, load: &Load, callers: usize, seconds: u64) -> anyhow::Result<Round> {
    let start = stage.cpu();
    let plain = pgbench::run(stage, callers, seconds).await?;
    let middle = stage.cpu();
    let run = load.until_delivered(callers, Duration::from_secs(seconds)).await?;
    let plain_ms = middle.postgres_since(start, plain.payments);
    Ok(Round {
        cpu: format!("{}; plain: Postgres {plain_ms:.2} ms", stage.cpu().line(middle, run.delivered)),
        plain_per_s: plain.per_s,
        plain_latency_ms: plain.latency_ms,
        accepts_per_s: run.accepts_per_s,
        accept_p50_ms: run.p50_ms,
        accept_p99_ms: run.p99_ms,
        paid_per_s: run.delivered_per_s,
    })
}

/// Prints the medians and says which floors do not hold.
fn report(callers: usize, rounds: &[Round]) -> Vec<String> {
    let median = |of: fn(&Round) -> f64| middle(rounds.iter().map(of).collect());
    let ratios: Vec<f64> = rounds.iter().map(|r| r.paid_per_s / r.plain_per_s).collect();
    let (low, high) = (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max));
    let ratio = middle(ratios);
    let (plain_ms, p99) = (median(|r| r.plain_latency_ms), median(|r| r.accept_p99_ms));
    println!(
        "{callers:>7}  {:>12.0} ({:>6.2})  {:>14.0} ({:>5.2}, {:>6.2})  {:>14.0}  {:>4.2} ({:.2} to {:.2})",
        median(|r| r.plain_per_s),
        plain_ms,
        median(|r| r.accepts_per_s),
        median(|r| r.accept_p50_ms),
        p99,
        median(|r| r.paid_per_s),
        ratio,
        low,
        high,
    );
    let mut failed = Vec::new();
    if callers == 1 && ratio < 1.0 {
        failed.push(format!("at 1 caller {ratio:.2} × plain, not at least 1"));
    }
    if callers == CROWD && ratio < 3.0 {
        failed.push(format!("at {CROWD} callers {ratio:.2} × plain, not at least 3"));
    }
    if callers == CROWD && p99 >= plain_ms {
        failed.push(format!("accept p99 {p99:.2} ms is not below plain's average {plain_ms:.2} ms"));
    }
    failed
}

/// The provider's speed must not be in the answer: accepts while every provider call takes five seconds.
async fn slow_provider(stage: &Stage, load: &Load, seconds: u64) -> anyhow::Result<Vec<String>> {
    let quick = load.accepts(CROWD, Duration::from_secs(seconds)).await?;
    load.settle().await?;
    stage.slow_provider(SLOW_MS).await?;
    let slow = load.accepts(CROWD, Duration::from_secs(seconds)).await?;
    stage.quick_provider().await?;
    let ratio = slow.p99_ms / quick.p99_ms;
    println!(
        "\n{:.0} accepts/s at {CROWD} callers when nothing holds them back, p99 {:.2} ms; with every provider call taking {} s: {:.2} ms ({ratio:.2} ×)",
        quick.accepts_per_s,
        quick.p99_ms,
        SLOW_MS / 1000,
        slow.p99_ms
    );
    Ok(if ratio > 1.2 { vec![format!("a slow provider makes accept p99 {ratio:.2} × as long")] } else { Vec::new() })
}

/// One provider's trouble must not be the others': the usual load at one while another holds every transfer it is given.
async fn hung_provider(stage: &Stage, load: &Load, options: &Options) -> anyhow::Result<Vec<String>> {
    let time = Duration::from_secs(options.seconds);
    let (mut speed, mut latency) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let alone = load.until_delivered(CROWD, time).await?;
        stage.hang_other().await?;
        load.elsewhere(HELD).await?;
        let beside = load.until_delivered(CROWD, time).await?;
        load.expect(HELD);
        stage.release_other().await?;
        load.settle().await?;
        speed.push(alone.delivered_per_s / beside.delivered_per_s);
        latency.push(beside.p99_ms / alone.p99_ms);
    }
    let (speed, latency) = (middle(speed), middle(latency));
    println!(
        "\nwith {HELD} payments held by another provider that hangs: {speed:.2} × the time per payment, accept p99 {latency:.2} ×"
    );
    let mut failed = Vec::new();
    for (what, ratio) in [("throughput", speed), ("accept p99", latency)] {
        if ratio > 1.2 {
            failed.push(format!("a provider that hangs makes the others' {what} {ratio:.2} × as bad"));
        }
    }
    Ok(failed)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
