//! Webhook endpoints and events: made, changed without undoing each other, rotated, tested, replayed, caught up with.

use paystrator::sandbox::merchant::Secret;
use serde_json::{Value, json};

use crate::support::{Options, run, run_with};

#[tokio::test]
async fn an_endpoint_is_made_read_and_changed() {
    run(async |world| {
        let post = async |body: Value, key: &str| {
            world
                .caller
                .call("POST", "/v1/webhook-endpoints", Some(body.to_string()), &[("Idempotency-Key", key)])
                .await
        };
        let body = json!({ "url": "http://127.0.0.1:9/hooks", "events": ["payment.failed", "payment.failed"] });
        let made = post(body.clone(), "K1").await;
        insta::assert_snapshot!(made.shown(), @r###"
        HTTP 201
        {
          "data": {
            "createdAt": "[createdAt]",
            "description": "",
            "disabledReason": "",
            "events": [
              "payment.failed"
            ],
            "id": "[id]",
            "mode": "test",
            "previousSecretUntil": null,
            "secret": "[secret]",
            "status": "ACTIVE",
            "updatedAt": "[updatedAt]",
            "url": "http://127.0.0.1:[port]/hooks",
            "verificationToken": "[verificationToken]",
            "version": 1
          },
          "errors": null,
          "status": 201
        }
        "###);
        let again = post(body, "K1").await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(again.body["data"]["id"], made.body["data"]["id"]);
        assert!(again.body["data"].get("secret").is_none() && again.body["data"].get("verificationToken").is_none());
        let other = json!({ "url": "http://127.0.0.1:9/other" });
        assert_eq!(post(other, "K1").await.status, 422);
        let wrong = json!({ "url": "ftp://example.com", "events": ["payment.lost"], "secret": "mine" });
        insta::assert_snapshot!(post(wrong, "K2").await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "secret",
                "message": "is not a field of this request"
              }
            ],
            "message": "secret is not a field of this request",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        let wrong = json!({ "url": "ftp://example.com", "events": ["payment.lost"] });
        insta::assert_snapshot!(post(wrong, "K2").await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "url",
                "message": "the address must begin with https://"
              },
              {
                "field": "events",
                "message": "names \"payment.lost\"; the types are payment.processing, payment.pending, payment.succeeded, payment.failed, payment.expired, payment.reversed, payment.exception, onboarding.updated, webhook.test"
              }
            ],
            "message": "url the address must begin with https://; events names \"payment.lost\"; the types are payment.processing, payment.pending, payment.succeeded, payment.failed, payment.expired, payment.reversed, payment.exception, onboarding.updated, webhook.test",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);

        let path = format!("/v1/webhook-endpoints/{}", made.body["data"]["id"].as_str().unwrap());
        let read = world.caller.get(&path).await;
        assert_eq!(read.header("etag"), Some("\"1\""));
        insta::assert_snapshot!(read.shown(), @r###"
        HTTP 200
        {
          "data": {
            "createdAt": "[createdAt]",
            "description": "",
            "disabledReason": "",
            "events": [
              "payment.failed"
            ],
            "id": "[id]",
            "mode": "test",
            "previousSecretUntil": null,
            "status": "ACTIVE",
            "updatedAt": "[updatedAt]",
            "url": "http://127.0.0.1:[port]/hooks",
            "version": 1
          },
          "errors": null,
          "status": 200
        }
        "###);
        let list = world.caller.get("/v1/webhook-endpoints").await;
        assert_eq!(list.body["data"]["items"], json!([read.body["data"]]));

        let patch = async |body: Value, tag: Option<&str>| {
            let headers: Vec<_> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
            world.caller.call("PATCH", &path, Some(body.to_string()), &headers).await
        };
        insta::assert_snapshot!(patch(json!({ "status": "DISABLED" }), None).await.shown(), @r###"
        HTTP 428
        {
          "error": {
            "action": "Read the endpoint, and send its ETag as If-Match.",
            "code": "if_match_needed",
            "message": "The request must say which version it changes.",
            "reason": "Without it, somebody else's change could be undone unseen."
          },
          "requestId": "[requestId]",
          "status": 428
        }
        "###);
        let changed = patch(json!({ "status": "DISABLED" }), Some("\"1\"")).await;
        assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")));
        assert_eq!(changed.body["data"]["disabledReason"], "switched off by its owner");
        insta::assert_snapshot!(patch(json!({ "url": "http://127.0.0.1:9/x" }), Some("\"1\"")).await.shown(), @r###"
        HTTP 412
        {
          "error": {
            "action": "Read it again, and decide on what stands now.",
            "code": "changed_meanwhile",
            "message": "The endpoint has another version by now.",
            "reason": "If-Match does not name the current version."
          },
          "requestId": "[requestId]",
          "status": 412
        }
        "###);
        assert_eq!(patch(json!({ "events": [] }), Some("*")).await.status, 400);
        assert_eq!(patch(json!({ "status": "GONE" }), Some("*")).await.status, 400);
        insta::assert_snapshot!(world.caller.post(&format!("{path}/test"), json!({})).await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Set its status to ACTIVE first.",
            "code": "endpoint_disabled",
            "message": "The endpoint is disabled: switched off by its owner.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        let changed = patch(json!({ "status": "ACTIVE", "events": ["payment.succeeded"] }), Some("\"2\"")).await;
        let data = &changed.body["data"];
        assert_eq!(
            (&data["version"], &data["disabledReason"], &data["events"]),
            (&json!(3), &json!(""), &json!(["payment.succeeded"]))
        );
        assert_eq!(data["url"], "http://127.0.0.1:9/hooks", "what is left out stays");
        world
    })
    .await;
}

#[tokio::test]
async fn a_test_shows_what_the_endpoint_answers_and_secrets_overlap() {
    run(async |world| {
        let id = world.endpoint("main").await;
        let path = format!("/v1/webhook-endpoints/{id}");
        let test = async || world.caller.post(&format!("{path}/test"), json!({})).await;
        insta::assert_snapshot!(test().await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "delivered": true,
            "eventId": "[eventId]",
            "responseBody": "",
            "responseStatus": 200
          },
          "errors": null,
          "status": 200
        }
        "###);
        let told = world.sandbox.merchant.wait_for(|receipt| receipt.kind == "webhook.test").await;
        assert!(told.verified, "{told:?}");

        let rotated = world.caller.post(&format!("{path}/rotate-secret"), json!({})).await;
        insta::assert_snapshot!(rotated.shown(), @r###"
        HTTP 200
        {
          "data": {
            "createdAt": "[createdAt]",
            "description": "",
            "disabledReason": "",
            "events": [
              "payment.exception",
              "payment.expired",
              "payment.failed",
              "payment.reversed",
              "payment.succeeded"
            ],
            "id": "[id]",
            "mode": "test",
            "previousSecretUntil": "[previousSecretUntil]",
            "secret": "[secret]",
            "status": "ACTIVE",
            "updatedAt": "[updatedAt]",
            "url": "http://127.0.0.1:[port]/webhooks/main",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(test().await.body["data"]["delivered"], true, "the old secret signs as well");
        let rotated = world.caller.post(&format!("{path}/rotate-secret"), json!({ "immediately": true })).await;
        assert_eq!(rotated.body["data"]["previousSecretUntil"], Value::Null);
        let refused = test().await;
        assert_eq!(
            (&refused.body["data"]["delivered"], &refused.body["data"]["responseStatus"]),
            (&json!(false), &json!(401))
        );
        let secret = rotated.body["data"]["secret"].as_str().unwrap().to_owned();
        let secret = Secret { name: "main".into(), secret, verification_token: None };
        world.sandbox.merchant.set_secret(secret).unwrap();
        assert_eq!(test().await.body["data"]["delivered"], true, "the new one does");

        let gone = json!({ "url": "http://127.0.0.1:1/", "events": ["webhook.test"] });
        let gone = world.caller.post("/v1/webhook-endpoints", gone).await;
        let gone = format!("/v1/webhook-endpoints/{}/test", gone.body["data"]["id"].as_str().unwrap());
        let reply = world.caller.post(&gone, json!({})).await;
        assert_eq!((reply.status, &reply.body["data"]["responseStatus"]), (200, &Value::Null));
        let tries: Vec<i16> = sqlx::query_scalar("SELECT tries FROM delivery").fetch_all(&world.sql).await.unwrap();
        assert_eq!(tries, [1, 1, 1, 1, 1], "a test is told once");
        world
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_listed_and_told_again() {
    run(async |world| {
        let endpoint = world.endpoint("main").await;
        let id = world.send("ORDER-1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.sandbox.merchant.wait_for(|receipt| receipt.payment_id.as_deref() == Some(&id)).await;
        world.idle().await;
        let path = format!("/v1/webhook-endpoints/{endpoint}/deliveries");
        let list = world.caller.get(&path).await;
        insta::assert_snapshot!(list.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "createdAt": "[createdAt]",
                "eventId": "[eventId]",
                "nextTryAt": null,
                "note": null,
                "replay": 0,
                "responseStatus": 200,
                "state": "delivered",
                "tries": 1,
                "type": "payment.succeeded",
                "updatedAt": "[updatedAt]"
              }
            ],
            "nextCursor": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        let event = list.body["data"]["items"][0]["eventId"].as_str().unwrap().to_owned();
        let replay = format!("{path}/{event}/replay");
        insta::assert_snapshot!(world.caller.post(&replay, json!({})).await.shown(), @r###"
        HTTP 202
        {
          "data": {
            "eventId": "[eventId]",
            "replay": 1,
            "state": "pending"
          },
          "errors": null,
          "status": 202
        }
        "###);
        let more = futures_util::future::join_all((0..3).map(|_| world.caller.post(&replay, json!({})))).await;
        assert!(more.iter().all(|reply| reply.status == 202), "{more:?}");
        world.sandbox.merchant.wait_for(|receipt| receipt.copies == 5).await;
        world.idle().await;
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.caller.get(&format!("{path}?limit=2{cursor}")).await;
            seen.extend(
                page.body["data"]["items"].as_array().unwrap().iter().map(|item| item["replay"].as_i64().unwrap()),
            );
            let Some(next) = page.body["data"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, [4, 3, 2, 1, 0]);
        assert_eq!(world.caller.get(&format!("{path}?cursor=x")).await.status, 400);
        let unknown = format!("{path}/ev_{}/replay", "0".repeat(32));
        assert_eq!(world.caller.post(&unknown, json!({})).await.status, 404);
        world
    })
    .await;
}

fn with_held_back(ms: u64) -> Options {
    let mut options = Options::default();
    options.config.database.statement_timeout_ms = ms;
    options
}

#[tokio::test]
async fn events_are_caught_up_with_in_order() {
    run_with(with_held_back(0), async |world| {
        let mut ids = Vec::new();
        for n in 0..3 {
            ids.push(world.send(&format!("ORDER-{n}"), "1239812390", 10_000).await);
        }
        for id in &ids {
            world.until_status(id, "SUCCESS").await;
        }
        let (mut events, mut after) = (Vec::new(), String::new());
        loop {
            let page = world.caller.get(&format!("/v1/events?limit=2{after}")).await;
            let items = page.body["data"]["items"].as_array().unwrap_or_else(|| panic!("{}", page.body)).clone();
            after = format!("&after={}", page.body["data"]["last"].as_str().unwrap());
            if items.is_empty() {
                break;
            }
            events.extend(items);
        }
        assert_eq!(events.len(), 6);
        let order: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert!(order.is_sorted() && order.windows(2).all(|two| two[0] != two[1]), "{order:?}");
        for id in &ids {
            let told: Vec<&str> = events
                .iter()
                .filter(|event| event["body"]["data"]["id"] == **id)
                .map(|event| event["type"].as_str().unwrap())
                .collect();
            assert_eq!(told, ["payment.processing", "payment.succeeded"]);
        }
        let first = world.caller.get("/v1/events?limit=1").await;
        insta::assert_snapshot!(first.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "body": {
                  "data": {
                    "amount": 10000,
                    "currency": "IDR",
                    "externalId": "ORDER-0",
                    "id": "[id]",
                    "metadata": null,
                    "mode": "test",
                    "status": "PROCESSING",
                    "type": "SEND_MONEY",
                    "version": 1
                  },
                  "timestamp": "[timestamp]",
                  "type": "payment.processing"
                },
                "createdAt": "[createdAt]",
                "id": "[id]",
                "type": "payment.processing",
                "version": 1
              }
            ],
            "last": "[last]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        insta::assert_snapshot!(world.caller.get("/v1/events?after=sm_1&before=2").await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "before",
                "message": "is not a parameter of this request"
              }
            ],
            "message": "before is not a parameter of this request",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        assert_eq!(world.caller.get("/v1/events?after=sm_1").await.status, 400);
        world
    })
    .await;
}

#[tokio::test]
async fn the_youngest_events_are_held_back() {
    run_with(with_held_back(3_600_000), async |world| {
        let id = world.send("ORDER-1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let reply = world.caller.get("/v1/events").await;
        assert_eq!(reply.body["data"], json!({ "items": [], "last": null }));
        world
    })
    .await;
}
