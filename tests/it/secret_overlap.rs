//! A provider's secrets that are replaced here before the provider switches: nothing in doubt waits for it, no money is
//! sent with the old ones, and after the overlap nothing of them is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use paystrator::flows::connections;
use serde_json::{Value, json};

use crate::support::bad::{Stub, fast};
use crate::support::world::Options;
use crate::support::{World, run_with};

const OLD: &str = "the-old-key";
const NEW: &str = "the-new-key";

/// A provider that answers a send so that nobody can read it, and takes questions with the old key alone until it
/// `switches`; to those it answers `code`.
async fn provider(switches: Arc<AtomicBool>, code: &'static str) -> Stub {
    Stub::start(move |asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let taken = if switches.load(Ordering::Relaxed) { NEW } else { OLD };
        match asked.path.as_str() {
            "/api/remit" => (200, "<html>".into()),
            _ if asked.headers.get("x-api-key").is_none_or(|key| key != taken) => (401, "{}".into()),
            _ => {
                let status = json!({ "code": code, "message": "…" });
                let reference = &body["partner_trx_id"];
                let paid = json!({ "status": status, "partner_trx_id": reference, "amount": 10_000, "trx_id": "T-1" });
                (200, paid.to_string())
            }
        }
    })
    .await
}

/// One that never switches, and knows of the payment as paid.
async fn slow_to_switch() -> Stub {
    provider(Arc::default(), "000").await
}

/// The keys that came with calls of this path, oldest first.
fn keys(stub: &Stub, path: &str) -> Vec<String> {
    let asked = stub.seen().into_iter().filter(|asked| asked.path == path);
    asked.map(|asked| asked.headers["x-api-key"].to_str().unwrap().to_owned()).collect()
}

/// Makes the world's payments go to the stub, by a connection with the old key; answers its id.
async fn connected(world: &World, stub: &Stub) -> String {
    let made = json!({
        "provider": "oy", "label": "A", "settings": { "base_url": stub.url },
        "credentials": { "username": "the-account", "api_key": OLD },
    });
    let made = world.caller.post("/v1/providers", made).await;
    let id = made.body["data"]["id"].as_str().unwrap().to_owned();
    let order = json!({ "connections": [id] }).to_string();
    let put = world.caller.call("PUT", "/v1/sequences/send_money/BCA", Some(order), &[("If-None-Match", "*")]).await;
    assert_eq!(put.status, 201, "{}", put.body);
    id
}

/// Gives the connection another key of the same account; answers how it stands then.
async fn rotate(world: &World, id: &str, key: &str) -> Value {
    let change = json!({ "credentials": { "username": "the-account", "api_key": key } }).to_string();
    let path = format!("/v1/providers/{id}");
    let done = world.caller.call("PATCH", &path, Some(change), &[("If-Match", "*")]).await;
    assert_eq!(done.status, 200, "{}", done.body);
    done.body["data"]["credentials"].clone()
}

#[tokio::test]
async fn while_the_secrets_overlap_questions_are_asked_with_both() {
    run_with(fast(600), async |world| {
        let switches = Arc::<AtomicBool>::default();
        let stub = provider(switches.clone(), "000").await;
        let id = connected(&world, &stub).await;
        assert!(rotate(&world, &id, NEW).await["previousUntil"].is_string());
        let payment = world.send("OVERLAP", "1239812390", 10_000).await;
        world.until_status(&payment, "SUCCESS").await;
        assert_eq!(keys(&stub, "/api/remit"), [NEW], "money moves with today's secrets alone");
        assert_eq!(keys(&stub, "/api/remit-status")[..2], [NEW, OLD], "the new ones first");
        let story: Option<String> = sqlx::query_scalar("SELECT raw FROM observation WHERE raw LIKE '%again%'")
            .fetch_optional(&world.sql)
            .await
            .unwrap();
        let story = story.expect("both questions stand in the record");
        assert!(!story.contains(OLD) && !story.contains(NEW), "{story}");
        // Where the new ones are enough, the old ones are not shown to anybody.
        switches.store(true, Ordering::Relaxed);
        let asked = keys(&stub, "/api/remit-status").len();
        let payment = world.send("SWITCHED", "1239812390", 10_000).await;
        world.until_status(&payment, "SUCCESS").await;
        assert!(
            keys(&stub, "/api/remit-status")[asked..].iter().all(|key| key == NEW),
            "{:?}",
            keys(&stub, "/api/remit-status")
        );
        world
    })
    .await;
}

/// What the old secrets find out may lead to a second send, which is made with the new ones all the same.
#[tokio::test]
async fn what_is_sent_again_is_sent_with_the_new_secrets() {
    let options = Options { must_be_idle: false, ..fast(600) };
    run_with(options, async |world| {
        let stub = provider(Arc::default(), "204").await;
        let id = connected(&world, &stub).await;
        rotate(&world, &id, NEW).await;
        let payment = world.send("AGAIN", "1239812390", 10_000).await;
        world.until_attempt(&payment, |attempt| attempt["sends"] == 2).await;
        let sent =
            world.until_some(&payment, async || Some(keys(&stub, "/api/remit")).filter(|sent| sent.len() > 1)).await;
        assert_eq!(sent[..2], [NEW, NEW]);
        world
    })
    .await;
}

#[tokio::test]
async fn after_the_overlap_nothing_is_left_of_the_old_secrets() {
    let mut options = Options { must_be_idle: false, ..Options::default() };
    // At this speed reads alone ask, and nobody tidies up while the test lasts.
    (options.config.schedule.speed, options.config.schedule.read_refresh_s) = (1.0, 0);
    options.config.schedule.secret_overlap_s = 0;
    run_with(options, async |world| {
        let stub = slow_to_switch().await;
        let id = connected(&world, &stub).await;
        assert!(rotate(&world, &id, NEW).await["previousUntil"].is_null());
        let payment = world.send("LATE", "1239812390", 10_000).await;
        world.until_evidence(&payment, "unknown").await;
        let read = async || world.caller.get(&format!("/v1/transactions/{payment}")).await;
        for _ in 0..3 {
            assert_eq!(read().await.status, 200);
        }
        let kept =
            "SELECT count(*) FROM connection WHERE previous_credentials IS NOT NULL OR previous_until IS NOT NULL";
        assert_eq!(world.number(kept).await, 1, "they are still there");
        let asked = keys(&stub, "/api/remit-status");
        assert!(asked.len() > 2 && asked.iter().all(|key| key == NEW), "the old ones are over: {asked:?}");
        assert_eq!(world.row(&payment).await["status"], "PROCESSING");
        connections::end_overlaps(&world.app).await.unwrap();
        assert_eq!(world.number(kept).await, 0);
        rotate(&world, &id, OLD).await;
        read().await;
        world.until_status(&payment, "SUCCESS").await;
        world
    })
    .await;
}
