//! A provider that cannot be asked: its accepted payments are left alone until somebody proves their end, reads answer
//! from what is stored, and the questions it has no call for are said to have none.

use paystrator::domain::fee::FeePlan;
use paystrator::domain::service::Mode;
use paystrator::flows::connections;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::bad::{Stub, fast, uuid};
use crate::support::{World, run_with};

const ACCOUNT: &str = "1239812390";

/// A provider that takes every order and says no more of it, and answers a status call with success.
async fn provider() -> Stub {
    Stub::start(|request| match request.path.as_str() {
        "/authentication-server/oauth/token" => (200, json!({ "access_token": "a-token" }).to_string()),
        "/bank-transfer/" => (200, json!({ "code": 1, "message": "In Process", "responseId": "OLSFQ1" }).to_string()),
        _ => {
            let data = json!({ "bankAccount": ACCOUNT, "amount": "10000" });
            (200, json!({ "code": 0, "message": "Berhasil", "responseId": "OLSFQ1", "data": data }).to_string())
        }
    })
    .await
}

fn parts(url: &str) -> (Value, Value) {
    (
        json!({ "client_id": "c", "client_secret": "s3cret", "hmac_key": "partner", "hmac_secret": "h3cret" }),
        json!({ "base_url": url, "origin": "203.0.113.7", "mobile_number": "081234567890" }),
    )
}

/// The only connection that money goes to.
async fn alone(world: &World, url: &str) -> Uuid {
    world.set_status("INACTIVE").await;
    let (credentials, settings) = parts(url);
    let new = connections::NewConnection {
        client_id: world.client_id,
        mode: Mode::Test,
        provider: "kaspro",
        label: "Cash-out",
        credentials: &credentials,
        settings: &settings,
        fee: FeePlan { flat: Some(1_000), ..FeePlan::default() },
        by: "test",
    };
    connections::create(&world.app, &new).await.unwrap().id
}

async fn observations(world: &World, id: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM observation WHERE payment_id = $1")
        .bind(uuid(id))
        .fetch_one(&world.sql)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_accepted_payment_is_left_alone_and_a_read_answers_from_the_store() {
    let stub = provider().await;
    // A question would be due after 60 ms, and a day is 86 seconds.
    run_with(fast(1000), async |world| {
        alone(&world, &stub.url).await;
        let id = world.send("A", ACCOUNT, 10_000).await;
        world.until_evidence(&id, "accepted").await;
        let reference = world.reference(&id, 1).await;
        assert!(reference.starts_with("PS") && reference.len() == 26, "{reference} is what the provider knows");
        // The worker found it due once, and put it off for a day.
        let row = world.until_attempt(&id, |row| seconds_to_try(row) > 30).await;
        for _ in 0..3 {
            let path = format!("/v1/transactions/{id}");
            let reply = world.caller.get(&path).await;
            assert_eq!(reply.body["data"]["status"], "PROCESSING", "{}", reply.body);
        }
        let after = world.attempt_rows(&id).await.remove(0);
        assert_eq!((&row["polls"], &row["polled_at"]), (&json!(0), &Value::Null));
        assert_eq!(after, row, "nobody was asked and nothing was written");
        assert_eq!(observations(&world, &id).await, 1, "the answer to the send, and nothing else");
        let paths: Vec<String> = stub.seen().into_iter().map(|request| request.path).collect();
        assert_eq!(paths, ["/authentication-server/oauth/token", "/bank-transfer/"]);
        world
    })
    .await;
}

/// From a row's last change to when it is looked at again.
fn seconds_to_try(row: &Value) -> i64 {
    let time = |field: &str| {
        let text = row[field].as_str().unwrap_or("1970-01-01T00:00:00Z");
        text.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    (time("next_try_at") - time("updated_at")).num_seconds()
}

#[tokio::test]
async fn an_answer_in_doubt_is_left_alone_too_until_the_connection_learns_to_ask() {
    let stub = Stub::start(|request| match request.path.as_str() {
        "/authentication-server/oauth/token" => (200, json!({ "access_token": "a-token" }).to_string()),
        "/bank-transfer/" => (200, "{}".into()),
        _ => {
            let data = json!({ "bankAccount": ACCOUNT, "amount": "10000" });
            (200, json!({ "code": 0, "data": data }).to_string())
        }
    })
    .await;
    run_with(fast(1000), async |world| {
        let connection = alone(&world, &stub.url).await;
        let id = world.send("A", ACCOUNT, 10_000).await;
        world.until_evidence(&id, "unknown").await;
        world.until_attempt(&id, |row| seconds_to_try(row) > 30).await;
        assert_eq!(observations(&world, &id).await, 1);
        assert_eq!(stub.seen().len(), 2, "a cash-out is never posted again");
        // The connection gets its status call: the next read asks.
        let (credentials, mut settings) = parts(&stub.url);
        settings["status_path"] = json!("/status/");
        connections::rotate(&world.app, world.client_id, connection, &credentials, &settings).await.unwrap();
        world.caller.get(&format!("/v1/transactions/{id}")).await;
        world.until_status(&id, "SUCCESS").await;
        let asked = stub.seen().pop().unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/status/"));
        assert_eq!(asked.body, json!({ "requestId": world.reference(&id, 1).await }).to_string());
        world
    })
    .await;
}

#[tokio::test]
async fn questions_without_a_call_are_said_to_have_none() {
    let stub = provider().await;
    run_with(fast(60), async |world| {
        alone(&world, &stub.url).await;
        let inquiry = json!({ "receiverBankCode": "BCA", "receiverAccountNo": ACCOUNT });
        let reply = world.caller.post("/v1/account-inquiry", inquiry).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Connect a provider for this destination, or set one to ACTIVE.",
            "code": "no_connection",
            "message": "No connection can be asked about accounts at this bank.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        let reply = world.caller.get("/v1/balances").await;
        let told: Vec<&Value> =
            reply.body["data"]["items"].as_array().unwrap().iter().filter(|b| b["provider"] == "kaspro").collect();
        assert_eq!(told.len(), 1, "{}", reply.body);
        assert!(told[0].to_string().contains("this provider does not tell balances"), "{}", told[0]);
        assert_eq!(stub.seen().len(), 0, "nobody was asked");
        world
    })
    .await;
}
