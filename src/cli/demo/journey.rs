//! The journey: one payment for each kind of day, sent and followed over HTTP.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use super::super::client::Client;
use super::say;
use crate::sandbox::{Fault, Kind, Sandbox, Simulator};

/// One payment of the journey, and how it went.
pub struct Story {
    pub title: &'static str,
    pub id: String,
    pub amount: i64,
    pub status: String,
    /// The attempts in order: where, and with which evidence.
    pub attempts: Vec<String>,
    /// Why the last attempt was made where it was, when it was not the first.
    pub why: Option<String>,
    pub took: Duration,
    /// The last webhook about it, if one came.
    pub webhook: String,
}

/// A payment to play.
struct Scene {
    title: &'static str,
    bank: &'static str,
    account: &'static str,
    amount: i64,
    /// What the simulators do wrong with it: which provider, at which call, what, and with which code.
    faults: &'static [(&'static str, &'static str, Kind, &'static str)],
    /// The end to wait for; `None`: the provider never tells, and it stays in doubt.
    end: Option<&'static str>,
    /// How many providers are asked to pay it.
    asked: usize,
}

const GOOD_DAY: Scene = Scene {
    title: "a good day",
    bank: "BCA",
    account: "1239812390",
    amount: 125_000,
    faults: &[],
    end: Some("SUCCESS"),
    asked: 1,
};

const SCENES: [Scene; 8] = [
    GOOD_DAY,
    Scene { title: "a bank with its own sequence", bank: "BRI", account: "1239812391", amount: 50_000, ..GOOD_DAY },
    Scene {
        title: "no balance at the first",
        account: "1000000033",
        amount: 90_000,
        faults: &[("oy", "remit", Kind::Refuse, "206")],
        asked: 2,
        ..GOOD_DAY
    },
    Scene {
        title: "refused by all three",
        account: "1000000044",
        amount: 60_000,
        faults: &[
            ("oy", "remit", Kind::Refuse, "206"),
            ("doku", "transfer", Kind::Refuse, "4034314"),
            ("kaspro", "transfer", Kind::Refuse, "110005"),
        ],
        end: Some("FAILED"),
        asked: 3,
        ..GOOD_DAY
    },
    Scene { title: "failed at the bank", account: "7777777777", amount: 80_000, end: Some("FAILED"), ..GOOD_DAY },
    Scene {
        title: "no answer, the money moved",
        account: "1000000011",
        amount: 250_000,
        faults: &[("oy", "remit", Kind::HangAnswer, "")],
        ..GOOD_DAY
    },
    Scene {
        title: "no answer, nothing arrived",
        account: "1000000022",
        amount: 175_000,
        faults: &[("oy", "remit", Kind::DropRequest, "")],
        ..GOOD_DAY
    },
    Scene { title: "the bank's answer is unclear", account: "9999999999", amount: 40_000, end: None, ..GOOD_DAY },
];

/// Plays every scene at once, then the duplicates, and answers the stories.
pub async fn play(client: &Client, sandbox: &Sandbox) -> anyhow::Result<Vec<Story>> {
    let (status, answer) = client
        .post("/v1/account-inquiry", &json!({ "receiverBankCode": "BCA", "receiverAccountNo": "1239812390" }), &[])
        .await?;
    anyhow::ensure!(status == 200, "the account inquiry was refused: {answer}");
    say(&format!("account inquiry: the account belongs to {}", answer["data"]["receiverName"]));
    // Distinct from every earlier start on the same data.
    let run = hex::encode(crate::crypto::random_bytes::<4>());
    let mut sent = Vec::new();
    for scene in &SCENES {
        for (provider, operation, kind, code) in scene.faults {
            let mut fault = Fault::new(*kind).on(operation).account(scene.account);
            // A refusal stands however often it is asked for; what gets lost gets lost once.
            fault.times = (*kind != Kind::Refuse).then_some(1);
            fault.code = (!code.is_empty()).then(|| (*code).to_owned());
            let simulator = sandbox.simulator(provider).context("the sandbox has a simulator of every provider")?;
            simulator.add_fault(fault).map_err(anyhow::Error::msg)?;
        }
        let started = Instant::now();
        let (status, answer) =
            client.post("/v1/send-money", &order(scene, &run), &[("Idempotency-Key", &key(scene, &run))]).await?;
        anyhow::ensure!(status == 200, "{} was not accepted: {answer}", scene.title);
        let id = answer["data"]["id"].as_str().unwrap_or_default().to_owned();
        say(&format!("{}: Rp {} accepted as {id} ({})", scene.title, scene.amount, answer["data"]["status"]));
        sent.push((scene, id, started));
    }
    duplicates(client, &SCENES[0], &run, &sent[0].1).await?;
    let mut stories = Vec::new();
    for (scene, id, started) in sent {
        stories.push(follow(client, sandbox, scene, id, started).await?);
    }
    sandbox.simulators().for_each(Simulator::clear_faults);
    Ok(stories)
}

fn key(scene: &Scene, run: &str) -> String {
    format!("key-{run}-{}", scene.account)
}

fn order(scene: &Scene, run: &str) -> Value {
    json!({
        "externalId": format!("demo-{run}-{}", scene.account),
        "amount": scene.amount,
        "receiverName": "Budi Santoso",
        "receiverAccountNo": scene.account,
        "receiverBankCode": scene.bank,
        "remark": scene.title,
        "metadata": json!({ "scene": scene.title }).to_string(),
    })
}

/// The same order again: with the same key it is the first answer; with another it is a conflict that names the payment.
async fn duplicates(client: &Client, scene: &Scene, run: &str, id: &str) -> anyhow::Result<()> {
    let order = order(scene, run);
    let (status, answer) = client.post("/v1/send-money", &order, &[("Idempotency-Key", &key(scene, run))]).await?;
    anyhow::ensure!(status == 200 && answer["data"]["id"] == id, "the repeat made another payment: {answer}");
    say("the same request with the same Idempotency-Key: the first answer again");
    let (status, answer) = client.post("/v1/send-money", &order, &[]).await?;
    anyhow::ensure!(
        status == 409 && answer["error"]["existing"]["id"] == id,
        "the duplicate was not refused: {answer}"
    );
    say("the same externalId without the key: 409, with the existing payment's id");
    Ok(())
}

/// Waits for the end of a payment and for its webhook.
async fn follow(
    client: &Client,
    sandbox: &Sandbox,
    scene: &Scene,
    id: String,
    started: Instant,
) -> anyhow::Result<Story> {
    let webhook = match scene.end {
        Some(_) => {
            let wait = sandbox.merchant.wait_for(|receipt| receipt.payment_id.as_deref() == Some(&id));
            let receipt = tokio::time::timeout(Duration::from_secs(50), wait)
                .await
                .map_err(|_| anyhow::anyhow!("{}: its end was not told in time ({id})", scene.title))?;
            format!("{} {}", receipt.kind, if receipt.verified { "verified" } else { "NOT VERIFIED" })
        }
        None => "none: its end is not known".to_owned(),
    };
    let took = started.elapsed();
    let (status, answer) = client.get(&format!("/v1/transactions/{id}")).await?;
    anyhow::ensure!(status == 200, "the payment could not be read: {answer}");
    let data = &answer["data"];
    let status = data["status"].as_str().unwrap_or_default().to_owned();
    anyhow::ensure!(status == scene.end.unwrap_or("PROCESSING"), "{}: ended {status}", scene.title);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tried: Vec<&Value> = data["attempts"].as_array().into_iter().flatten().collect();
    let asked = tried.iter().map(|attempt| text(&attempt["provider"])).collect::<std::collections::BTreeSet<_>>().len();
    anyhow::ensure!(asked == scene.asked, "{}: {asked} providers were asked, not {}", scene.title, scene.asked);
    let attempts = tried.iter().map(|a| format!("{} {}", text(&a["provider"]), text(&a["evidence"]))).collect();
    let why = tried.iter().skip(1).last().map(|last| {
        let skipped = last["why"]["skipped"].as_array().into_iter().flatten();
        let skipped: Vec<String> = skipped.map(|s| format!("{}: {}", text(&s["label"]), text(&s["reason"]))).collect();
        let skipped = if skipped.is_empty() { String::new() } else { format!("; skipped {}", skipped.join(", ")) };
        format!("{}{skipped}", text(&last["why"]["because"]))
    });
    say(&format!("{}: {status} after {:.1} s", scene.title, took.as_secs_f64()));
    Ok(Story { title: scene.title, id, amount: scene.amount, status, attempts, why, took, webhook })
}
