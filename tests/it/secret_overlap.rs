//! A provider's secrets that are replaced here before the provider switches: nothing in doubt waits for it, no money is
//! sent with the old ones, and after the overlap nothing of them is left.

use paystrator::flows::connections;
use serde_json::{Value, json};

use crate::support::bad::{Stub, fast};
use crate::support::world::Options;
use crate::support::{World, run_with};

const OLD: &str = "the-old-key";
const NEW: &str = "the-new-key";

/// A provider that answers a send so that nobody can read it, and takes questions with the old key alone.
async fn slow_to_switch() -> Stub {
    Stub::start(|asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        match asked.path.as_str() {
            "/api/remit" => (200, "<html>".into()),
            _ if asked.headers.get("x-api-key").is_none_or(|key| key != OLD) => (401, "{}".into()),
            _ => {
                let status = json!({ "code": "000", "message": "Success" });
                let reference = &body["partner_trx_id"];
                let paid = json!({ "status": status, "partner_trx_id": reference, "amount": 10_000, "trx_id": "T-1" });
                (200, paid.to_string())
            }
        }
    })
    .await
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
        let stub = slow_to_switch().await;
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
        world
    })
    .await;
}

#[tokio::test]
async fn after_the_overlap_nothing_is_left_of_the_old_secrets() {
    let mut options = Options { must_be_idle: false, ..fast(600) };
    options.config.schedule.secret_overlap_s = 0;
    run_with(options, async |world| {
        let stub = slow_to_switch().await;
        let id = connected(&world, &stub).await;
        assert!(rotate(&world, &id, NEW).await["previousUntil"].is_null());
        let payment = world.send("LATE", "1239812390", 10_000).await;
        world.until_some(&payment, async || (keys(&stub, "/api/remit-status").len() > 2).then_some(())).await;
        assert!(keys(&stub, "/api/remit-status").iter().all(|key| key == NEW), "the old ones are over");
        assert_eq!(world.row(&payment).await["status"], "PROCESSING");
        connections::end_overlaps(&world.app).await.unwrap();
        let kept =
            "SELECT count(*) FROM connection WHERE previous_credentials IS NOT NULL OR previous_until IS NOT NULL";
        assert_eq!(world.number(kept).await, 0);
        rotate(&world, &id, OLD).await;
        world.until_status(&payment, "SUCCESS").await;
        world
    })
    .await;
}
