//! The load: callers that each send payments one after the other, and the count of webhooks that arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::processes::{OTHER_BANK, Stage};
use crate::cli::client::Client;
use crate::crypto::random_bytes;

/// Sends payments to the stage's service.
pub struct Load {
    client: Arc<Client>,
    merchant: Client,
    sent: Arc<AtomicU64>,
    told: Arc<AtomicU64>,
}

/// Payments under way at most in a sustained run: enough to fill every batch, and no backlog that would be measured
/// as speed while it grows.
const UNDER_WAY: u64 = 1_000;

/// One measurement.
pub struct Run {
    pub accepts_per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// From the first request to the last webhook delivered.
    pub delivered_per_s: f64,
    /// Payments whose webhook arrived.
    pub delivered: u64,
}

impl Load {
    pub fn new(stage: &Stage) -> anyhow::Result<Self> {
        Ok(Load {
            client: Arc::new(Client::new(&stage.url, &stage.key, stage.outbound.clone())),
            merchant: Client::new(&stage.merchant_control, "", stage.outbound.clone()),
            sent: Arc::default(),
            told: Arc::default(),
        })
    }

    /// Sends for a while, as fast as payments end, then waits until every payment's webhook has arrived.
    pub async fn until_delivered(&self, callers: usize, time: Duration) -> anyhow::Result<Run> {
        let before = self.arrived().await?;
        let started = Instant::now();
        let watching = CancellationToken::new();
        let (run, watched) = tokio::join!(
            async {
                let run = self.run(callers, time, Some(UNDER_WAY)).await;
                watching.cancel();
                run
            },
            self.watch(&watching),
        );
        watched?;
        let mut run = run?;
        self.settle().await?;
        run.delivered = self.arrived().await? - before;
        run.delivered_per_s = run.delivered as f64 / started.elapsed().as_secs_f64();
        Ok(run)
    }

    /// Sends for a while as fast as payments are accepted; answers how quickly they were.
    pub async fn accepts(&self, callers: usize, time: Duration) -> anyhow::Result<Run> {
        self.run(callers, time, None).await
    }

    /// Hands `count` payments to the second provider. They are waited for once [`Load::expect`] counts them.
    pub async fn elsewhere(&self, count: u64) -> anyhow::Result<()> {
        for _ in 0..count {
            pay(&self.client, OTHER_BANK).await?;
        }
        Ok(())
    }

    /// Counts payments of the second provider among those whose webhooks are awaited.
    pub fn expect(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    /// Keeps count of the webhooks that arrived.
    async fn watch(&self, until: &CancellationToken) -> anyhow::Result<()> {
        while !until.is_cancelled() {
            self.told.store(self.arrived().await?, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn run(&self, callers: usize, time: Duration, under_way: Option<u64>) -> anyhow::Result<Run> {
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (client, sent, told) = (self.client.clone(), self.sent.clone(), self.told.clone());
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while started.elapsed() < time {
                    let open = sent.load(Ordering::Relaxed).saturating_sub(told.load(Ordering::Relaxed));
                    if under_way.is_some_and(|most| open >= most) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        continue;
                    }
                    latencies.push(pay(&client, "BCA").await?);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(done) = tasks.join_next().await {
            latencies.extend(done??);
        }
        let elapsed = started.elapsed().as_secs_f64();
        anyhow::ensure!(!latencies.is_empty(), "no payment was accepted in {} s", time.as_secs());
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
        Ok(Run {
            accepts_per_s: latencies.len() as f64 / elapsed,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            delivered_per_s: 0.0,
            delivered: 0,
        })
    }

    /// Waits until as many webhooks arrived as payments were sent.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        while self.arrived().await? < self.sent.load(Ordering::Relaxed) {
            anyhow::ensure!(started.elapsed() < Duration::from_secs(300), "webhooks are missing after five minutes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn arrived(&self) -> anyhow::Result<u64> {
        let (_, body) = self.merchant.get("/control/summary").await?;
        body["payments"].as_u64().ok_or_else(|| anyhow::anyhow!("the merchant said {body}"))
    }
}

/// One payment to an account of its own; how long its acceptance took.
async fn pay(client: &Client, bank: &str) -> anyhow::Result<Duration> {
    let id = hex::encode(random_bytes::<8>());
    let account = format!("5{:011}", u64::from_be_bytes(random_bytes::<8>()) % 100_000_000_000);
    let body = json!({
        "externalId": id, "amount": 25_000, "receiverName": "Budi Santoso",
        "receiverAccountNo": account, "receiverBankCode": bank, "remark": "Invoice 12",
    });
    let asked = Instant::now();
    let (status, answer) = client.post("/v1/send-money", &body, &[("Idempotency-Key", &id)]).await?;
    anyhow::ensure!(status == 200, "a payment was not accepted: {answer}");
    Ok(asked.elapsed())
}
