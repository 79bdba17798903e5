//! Sequences by API: the default that makes itself, custom ones, their history, what does not fit into them, and the
//! preview of a route.

use paystrator::domain::fee::FeePlan;
use paystrator::domain::service::Mode;
use paystrator::flows::connections;
use serde_json::{Value, json};

use crate::api_providers::told;
use crate::support::http::Reply;
use crate::support::{World, run};

impl World {
    /// Puts a sequence; `header` says what it may replace.
    async fn put(&self, path: &str, ids: &[&str], header: Option<(&str, &str)>) -> Reply {
        let body = json!({ "connections": ids }).to_string();
        let headers: Vec<_> = header.into_iter().collect();
        self.caller.call("PUT", &format!("/v1/sequences/{path}"), Some(body), &headers).await
    }
}

const ANY: Option<(&str, &str)> = Some(("If-Match", "*"));
const NEW: Option<(&str, &str)> = Some(("If-None-Match", "*"));

/// The labels of a sequence's connections.
fn labels(sequence: &Value) -> Vec<&str> {
    sequence["connections"].as_array().unwrap().iter().map(|c| c["label"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sequences_are_made_replaced_and_removed_and_nothing_is_forgotten() {
    run(async |world| {
        let (a, b) = (world.first(), world.connect("B").await);
        let read = world.caller.get("/v1/sequences/send_money").await;
        insta::assert_snapshot!(read.shown(), @r###"
        HTTP 200
        {
          "data": {
            "connections": [
              {
                "id": "[id]",
                "label": "OY! sandbox",
                "provider": "oy",
                "status": "ACTIVE"
              },
              {
                "id": "[id]",
                "label": "B",
                "provider": "oy",
                "status": "ACTIVE"
              }
            ],
            "destination": null,
            "service": "send_money",
            "updatedAt": "[updatedAt]",
            "updatedBy": "Ani",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(read.header("etag"), Some("\"2\""));
        let turned = world.put("send_money", &[&b, &a], Some(("If-Match", "\"2\""))).await;
        assert_eq!((turned.status, turned.header("etag")), (200, Some("\"3\"")), "{}", turned.body);
        assert_eq!(labels(&turned.body["data"]), ["B", "OY! sandbox"]);
        assert_eq!(turned.body["data"]["updatedBy"], "Ani");
        let c = world.connect("C").await;
        let read = world.caller.get("/v1/sequences/send_money").await;
        assert_eq!(labels(&read.body["data"]), ["B", "OY! sandbox", "C"], "at the end");
        let fewer = world.put("send_money", &[&a], Some(("If-Match", "\"4\""))).await;
        assert_eq!(labels(&fewer.body["data"]), ["OY! sandbox"], "a default may leave connections out");

        assert_eq!(told(&world.caller.get("/v1/sequences/send_money/BCA").await), "404 not_found");
        let made = world.put("send_money/014", &[&c, &b], NEW).await;
        insta::assert_snapshot!(made.shown(), @r###"
        HTTP 201
        {
          "data": {
            "connections": [
              {
                "id": "[id]",
                "label": "C",
                "provider": "oy",
                "status": "ACTIVE"
              },
              {
                "id": "[id]",
                "label": "B",
                "provider": "oy",
                "status": "ACTIVE"
              }
            ],
            "destination": "BCA",
            "service": "send_money",
            "updatedAt": "[updatedAt]",
            "updatedBy": "Ani",
            "version": 1
          },
          "errors": null,
          "status": 201
        }
        "###);
        let closed = json!({ "status": "MAINTENANCE", "reason": "test" });
        world.provider("POST", &format!("{c}/status"), closed, Some("*")).await;
        insta::assert_snapshot!(world.caller.get("/v1/sequences").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "connections": [
                  {
                    "id": "[id]",
                    "label": "OY! sandbox",
                    "provider": "oy",
                    "status": "ACTIVE"
                  }
                ],
                "destination": null,
                "service": "send_money",
                "updatedAt": "[updatedAt]",
                "updatedBy": "Ani",
                "version": 5
              },
              {
                "connections": [
                  {
                    "id": "[id]",
                    "label": "C",
                    "provider": "oy",
                    "status": "MAINTENANCE"
                  },
                  {
                    "id": "[id]",
                    "label": "B",
                    "provider": "oy",
                    "status": "ACTIVE"
                  }
                ],
                "destination": "BCA",
                "service": "send_money",
                "updatedAt": "[updatedAt]",
                "updatedBy": "Ani",
                "version": 1
              }
            ],
            "nextCursor": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(world.put("send_money/bca", &[&c], Some(("If-Match", "\"1\""))).await.status, 200);
        let path = "/v1/sequences/send_money/BCA";
        let remove = async |tag: &str| world.caller.call("DELETE", path, None, &[("If-Match", tag)]).await;
        assert_eq!(told(&world.caller.call("DELETE", path, None, &[]).await), "428 if_match_needed");
        assert_eq!(told(&remove("\"1\"").await), "412 changed_meanwhile");
        insta::assert_snapshot!(remove("\"2\"").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "connections": null,
            "updatedAt": "[updatedAt]",
            "updatedBy": "Ani",
            "version": 3
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(told(&remove("*").await), "404 not_found");
        let again = world.put("send_money/BCA", &[&b], NEW).await;
        assert_eq!((again.status, &again.body["data"]["version"]), (201, &json!(4)), "numbers are never used twice");
        world.provider("DELETE", &c, json!({}), Some("*")).await;
        insta::assert_snapshot!(world.caller.get(&format!("{path}/versions")).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "connections": [
                  {
                    "id": "[id]",
                    "label": "B",
                    "provider": "oy"
                  }
                ],
                "updatedAt": "[updatedAt]",
                "updatedBy": "Ani",
                "version": 4
              },
              {
                "connections": null,
                "updatedAt": "[updatedAt]",
                "updatedBy": "Ani",
                "version": 3
              },
              {
                "connections": [
                  {
                    "id": "[id]",
                    "label": "C",
                    "provider": "oy"
                  }
                ],
                "updatedAt": "[updatedAt]",
                "updatedBy": "Ani",
                "version": 2
              },
              {
                "connections": [
                  {
                    "id": "[id]",
                    "label": "C",
                    "provider": "oy"
                  },
                  {
                    "id": "[id]",
                    "label": "B",
                    "provider": "oy"
                  }
                ],
                "updatedAt": "[updatedAt]",
                "updatedBy": "Ani",
                "version": 1
              }
            ],
            "nextCursor": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.caller.get(&format!("/v1/sequences/send_money/versions?limit=2{cursor}")).await;
            let items = page.body["data"]["items"].as_array().unwrap();
            seen.extend(
                items.iter().map(|item| format!("{} {} {:?}", item["version"], item["updatedBy"], labels(item))),
            );
            let Some(next) = page.body["data"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        insta::assert_snapshot!(seen.join("\n"), @r###"
        5 "Ani" ["OY! sandbox"]
        4 "Ani" ["B", "OY! sandbox", "C"]
        3 "Ani" ["B", "OY! sandbox"]
        2 "Ani" ["OY! sandbox", "B"]
        1 "test" ["OY! sandbox"]
        "###);
        let audited: Vec<String> =
            world.audited().await.iter().map(|row| row[1].as_str().unwrap().to_owned()).collect();
        insta::assert_snapshot!(audited.join(", "), @r###"connection.created, sequence.replaced, connection.created, sequence.replaced, sequence.replaced, connection.status_set, sequence.replaced, sequence.removed, sequence.replaced, connection.removed"###);
        world
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_into_a_sequence_is_named_and_changes_nothing() {
    run(async |world| {
        let (a, gone, none) = (world.first(), world.connect("Gone").await, world.connect("None").await);
        world.provider("DELETE", &gone, json!({}), Some("*")).await;
        world.execute("UPDATE connection SET services = '{}' WHERE label = 'None'").await;
        let credentials = serde_json::to_value(world.sandbox.oy.credentials()).unwrap();
        let live = connections::NewConnection {
            client_id: world.client_id,
            mode: Mode::Live,
            provider: "oy",
            label: "Live",
            credentials: &credentials,
            settings: &json!({}),
            fee: FeePlan::default(),
            by: "test",
        };
        let live = format!("conn_{}", connections::create(&world.app, &live).await.unwrap().id.simple());
        let seen = world.caller.get(&format!("/v1/providers/{live}")).await;
        assert_eq!(told(&seen), "404 not_found", "a test key sees nothing live");
        let foreign = world.stranger().await.post("/v1/providers", world.connection("Theirs")).await;
        let foreign = foreign.body["data"]["id"].as_str().unwrap().to_owned();
        let nobody = format!("conn_{}", "0".repeat(32));
        let before = world.caller.get("/v1/sequences").await.body;
        let all = [&a, &gone, &none, &live, &foreign, &nobody, "conn_1", &a].map(String::from);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let good = [a.as_str()];
        let mut answers = Vec::new();
        for (path, ids, header) in [
            ("send_money", &all[..], ANY),
            ("send_money/BCA", &all[1..3], NEW),
            ("send_money", &[][..], ANY),
            ("lottery", &good, ANY),
            ("send_money/NOWHERE", &good, NEW),
            ("send_money", &good, None),
            ("send_money", &good, NEW),
            ("send_money", &good, Some(("If-Match", "\"1\""))),
            ("send_money/BCA", &good, None),
            ("send_money/BCA", &good, ANY),
        ] {
            answers.push(format!("PUT {path} {}", told(&world.put(path, ids, header).await)));
        }
        for (path, body) in [
            ("send_money", json!({})),
            ("send_money", json!({ "connections": [7], "version": 3 })),
            ("send_money", json!({ "connections": a })),
        ] {
            let headers = [("If-Match", "*")];
            let reply =
                world.caller.call("PUT", &format!("/v1/sequences/{path}"), Some(body.to_string()), &headers).await;
            answers.push(format!("PUT {path} {}", told(&reply)));
        }
        for path in
            ["lottery", "lottery/BCA", "send_money/NOWHERE", "send_money/versions?cursor=x", "send_money/x/versions"]
        {
            answers.push(format!("GET {path} {}", told(&world.caller.get(&format!("/v1/sequences/{path}")).await)));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        PUT send_money 400 wrong_parameters_in_request
          connections.1: was removed
          connections.2: does not have this service
          connections.3: is of the other mode (test or live)
          connections.4: is not a connection of yours
          connections.5: is not a connection of yours
          connections.6: is not a connection of yours
          connections.7: is named twice
        PUT send_money/BCA 400 wrong_parameters_in_request
          connections.0: was removed
          connections.1: does not have this service
        PUT send_money 400 wrong_parameters_in_request
          connections: must have at least 1 entries
        PUT lottery 400 wrong_parameters_in_request
          service: must be one of send_money
        PUT send_money/NOWHERE 400 wrong_parameters_in_request
          destination: is no destination of this service; give a code such as BCA or a number such as 014
        PUT send_money 428 if_match_needed
        PUT send_money 412 changed_meanwhile
        PUT send_money 412 changed_meanwhile
        PUT send_money/BCA 428 if_match_needed
        PUT send_money/BCA 412 changed_meanwhile
        PUT send_money 400 wrong_parameters_in_request
          connections: is required
        PUT send_money 400 wrong_parameters_in_request
          connections.0: must be of type string
          version: is not a field of this request
        PUT send_money 400 wrong_parameters_in_request
          connections: must be of type array
        GET lottery 400 wrong_parameters_in_request
          service: must be one of send_money
        GET lottery/BCA 400 wrong_parameters_in_request
          service: must be one of send_money
        GET send_money/NOWHERE 400 wrong_parameters_in_request
          destination: is no destination of this service; give a code such as BCA or a number such as 014
        GET send_money/versions?cursor=x 400 wrong_parameters_in_request
          cursor: is not one that was answered here
        GET send_money/x/versions 400 wrong_parameters_in_request
          destination: is no destination of this service; give a code such as BCA or a number such as 014
        "###);
        insta::assert_snapshot!(world.put("send_money", &good, None).await.shown(), @r###"
        HTTP 428
        {
          "error": {
            "action": "Read the sequence, and send its ETag as If-Match; where there is none yet, send If-None-Match: *.",
            "code": "if_match_needed",
            "message": "The request must say which version it changes.",
            "reason": "Without it, somebody else's change could be undone unseen."
          },
          "requestId": "[requestId]",
          "status": 428
        }
        "###);
        assert_eq!(world.caller.get("/v1/sequences").await.body, before);
        world
    })
    .await;
}

#[tokio::test]
async fn of_two_orders_at_once_one_is_told_so() {
    run(async |world| {
        let (a, b) = (world.first(), world.connect("B").await);
        let turned = [b.as_str(), a.as_str()];
        let orders = (0..8).map(|_| world.put("send_money", &turned, Some(("If-Match", "\"2\"")))).collect::<Vec<_>>();
        let mut seen: Vec<u16> = futures_util::future::join_all(orders).await.iter().map(|r| r.status).collect();
        seen.sort_unstable();
        assert_eq!(seen, [200, 412, 412, 412, 412, 412, 412, 412]);
        let makes = (0..8).map(|_| world.put("send_money/BCA", &turned, NEW)).collect::<Vec<_>>();
        let mut seen: Vec<u16> = futures_util::future::join_all(makes).await.iter().map(|r| r.status).collect();
        seen.sort_unstable();
        assert_eq!(seen, [201, 412, 412, 412, 412, 412, 412, 412]);
        assert_eq!(world.number("SELECT count(*) FROM sequence_version WHERE destination = 'BCA'").await, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn a_preview_tells_the_route_and_moves_nothing() {
    run(async |world| {
        let (a, b, c) = (world.first(), world.connect("B").await, world.connect("C").await);
        let d = world.connect("D").await;
        let fee = json!({ "fee": { "percentageBp": 150, "vatBp": 1100, "vat": true } });
        assert_eq!(world.provider("PATCH", &c, fee, Some("*")).await.status, 200);
        let closed = json!({ "status": "MAINTENANCE", "reason": "test" });
        world.provider("POST", &format!("{b}/status"), closed, Some("*")).await;
        world.put("send_money", &[&c, &b, &a], ANY).await;
        let preview = async |body: Value| world.caller.post("/v1/sequences/preview", body).await;
        let asked = json!({ "service": "send_money", "destination": "014", "amount": 250_001 });
        insta::assert_snapshot!(preview(asked.clone()).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "sequence": {
              "destination": null,
              "version": 5
            },
            "skipped": [
              {
                "connectionId": "[connectionId]",
                "label": "B",
                "reason": "it is in maintenance"
              },
              {
                "connectionId": "[connectionId]",
                "label": "D",
                "reason": "it is not in the sequence"
              }
            ],
            "tried": [
              {
                "connectionId": "[connectionId]",
                "fee": 3750,
                "label": "C",
                "position": 1,
                "provider": "oy",
                "tax": 413
              },
              {
                "connectionId": "[connectionId]",
                "fee": 2500,
                "label": "OY! sandbox",
                "position": 2,
                "provider": "oy",
                "tax": 275
              }
            ]
          },
          "errors": null,
          "status": 200
        }
        "###);
        world.put("send_money/BCA", &[&d], NEW).await;
        let route = preview(asked.clone()).await;
        insta::assert_snapshot!(route.shown(), @r###"
        HTTP 200
        {
          "data": {
            "sequence": {
              "destination": "BCA",
              "version": 1
            },
            "skipped": [
              {
                "connectionId": "[connectionId]",
                "label": "OY! sandbox",
                "reason": "it is not in the sequence"
              },
              {
                "connectionId": "[connectionId]",
                "label": "B",
                "reason": "it is not in the sequence"
              },
              {
                "connectionId": "[connectionId]",
                "label": "C",
                "reason": "it is not in the sequence"
              }
            ],
            "tried": [
              {
                "connectionId": "[connectionId]",
                "fee": 0,
                "label": "D",
                "position": 1,
                "provider": "oy",
                "tax": 0
              }
            ]
          },
          "errors": null,
          "status": 200
        }
        "###);
        // What accepting does is what was told.
        let id = world.send("ORDER", "1239812390", 250_001).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&id).await.len(), 1);
        let attempt = world.caller.get(&format!("/v1/transactions/{id}")).await.body["data"]["attempts"][0].clone();
        assert_eq!(attempt["connectionId"], route.body["data"]["tried"][0]["connectionId"]);
        let ringgit = json!({ "service": "send_money", "destination": "BRI", "amount": 12.5, "currency": "MYR" });
        insta::assert_snapshot!(preview(ringgit).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "sequence": {
              "destination": null,
              "version": 5
            },
            "skipped": [
              {
                "connectionId": "[connectionId]",
                "label": "C",
                "reason": "the provider does not pay in this currency"
              },
              {
                "connectionId": "[connectionId]",
                "label": "B",
                "reason": "it is in maintenance"
              },
              {
                "connectionId": "[connectionId]",
                "label": "OY! sandbox",
                "reason": "the provider does not pay in this currency"
              },
              {
                "connectionId": "[connectionId]",
                "label": "D",
                "reason": "it is not in the sequence"
              }
            ],
            "tried": []
          },
          "errors": null,
          "status": 200
        }
        "###);
        let mut answers = Vec::new();
        for body in [
            json!({}),
            json!({ "service": "lottery", "destination": "NOWHERE", "amount": 0.5 }),
            json!({ "service": "send_money", "destination": "NOWHERE", "amount": 0.5, "currency": "IDR" }),
            json!({ "service": "send_money", "destination": "BCA", "amount": -1, "currency": "USD" }),
        ] {
            answers.push(told(&preview(body).await));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          amount: is required
          destination: is required
          service: is required
        400 wrong_parameters_in_request
          service: must be one of send_money
          amount: has a fraction finer than the currency's unit
        400 wrong_parameters_in_request
          destination: is no destination of this service; give a code such as BCA or a number such as 014
          amount: has a fraction finer than the currency's unit
        400 wrong_parameters_in_request
          amount: must be above 0
          currency: must match ^(IDR|MYR)$
        "###);
        assert_eq!(world.number("SELECT count(*) FROM payment").await, 1, "previews move nothing");
        world
    })
    .await;
}

#[tokio::test]
async fn payments_follow_the_sequence_at_once_and_tell_its_version() {
    run(async |world| {
        let (a, b) = (world.first(), world.connect("B").await);
        let sent = async |external_id: &str, bank: &str| {
            let mut body = World::body(external_id, "1239812390", 10_000);
            body["receiverBankCode"] = json!(bank);
            let reply = world.caller.post("/v1/send-money", body).await;
            let id = reply.body["data"]["id"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned();
            world.until_status(&id, "SUCCESS").await;
            let detail = world.caller.get(&format!("/v1/transactions/{id}")).await;
            let why = &detail.body["data"]["attempts"][0]["why"];
            format!("{} by {} {}", why["chosen"], why["sequence"], why["sequenceVersion"])
        };
        assert_eq!(sent("1", "BCA").await, "\"OY! sandbox\" by \"default\" 2");
        world.put("send_money", &[&b, &a], ANY).await;
        assert_eq!(sent("2", "BCA").await, "\"B\" by \"default\" 3", "seen at once");
        world.put("send_money/BCA", &[&a], NEW).await;
        assert_eq!(sent("3", "BCA").await, "\"OY! sandbox\" by \"BCA\" 1");
        assert_eq!(sent("4", "BRI").await, "\"B\" by \"default\" 3");
        // The version a payment tells of can be looked up for ever.
        world.put("send_money", &[&a], ANY).await;
        let versions = world.caller.get("/v1/sequences/send_money/versions").await;
        let third = versions.body["data"]["items"].as_array().unwrap().iter().find(|v| v["version"] == 3).unwrap();
        assert_eq!(labels(third), ["B", "OY! sandbox"]);
        // A custom sequence that lost its only connection does not turn into the default by itself.
        world.idle().await;
        assert_eq!(world.provider("DELETE", &a, json!({}), Some("*")).await.status, 200);
        let refused = world.caller.post("/v1/send-money", World::body("5", "1239812390", 10_000)).await;
        insta::assert_snapshot!(refused.body["error"]["message"].as_str().unwrap(), @r###"No connection can take this payment: the sequence for BCA names no connection."###);
        world.caller.call("DELETE", "/v1/sequences/send_money/BCA", None, &[("If-Match", "*")]).await;
        world.put("send_money", &[&b], ANY).await;
        assert_eq!(sent("6", "BCA").await, "\"B\" by \"default\" 6");
        world
    })
    .await;
}
