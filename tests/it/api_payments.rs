//! Payments as their owner sees them: bad input, repeats, waiting, inquiry, balances, lists, detail, cancel, pause.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{World, run};

#[tokio::test]
async fn every_wrong_field_is_named() {
    run(async |world| {
        let good = World::body("BAD", "1239812390", 10_000);
        let with = |change: Value| {
            let mut body = good.clone();
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            body.to_string()
        };
        let bodies = [
            "".to_owned(),
            "{".to_owned(),
            "[]".to_owned(),
            with(json!({ "amount": 0 })),
            with(json!({ "amount": -5 })),
            with(json!({ "amount": 10.5 })),
            with(json!({ "amount": "10000" })),
            with(json!({ "amount": 1_000_000_000_000_000_i64 })),
            good.to_string().replace("10000", "1e4"),
            with(json!({ "amount": null })),
            with(json!({ "currency": "USD" })),
            with(json!({ "currency": "MYR", "amount": 10.555 })),
            with(json!({ "externalId": "" })),
            with(json!({ "externalId": "  " })),
            with(json!({ "externalId": "a\u{0}b" })),
            with(json!({ "externalId": "x".repeat(256) })),
            with(json!({ "externalId": 7 })),
            with(json!({ "receiverAccountNo": "12-34" })),
            with(json!({ "receiverAccountNo": "123" })),
            with(json!({ "receiverBankCode": "NOBANK" })),
            with(json!({ "receiverName": "Budi\nSantoso" })),
            with(json!({ "remark": "x".repeat(141) })),
            with(json!({ "metadata": { "a": 1 } })),
            with(json!({ "metadata": "x".repeat(4097) })),
            with(json!({ "metadata": "a\u{0}" })),
            with(json!({ "type": "RECEIVE_MONEY" })),
            with(json!({ "amout": 5, "attributes": { "name": "x" } })),
            with(json!({ "external_id": "OTHER" })),
        ];
        let mut shown = String::new();
        for body in bodies {
            let reply = world.caller.call("POST", "/v1/send-money", Some(body), &[]).await;
            let error = &reply.body["error"];
            shown += &format!(
                "{} {} {}\n",
                reply.status,
                error["code"].as_str().unwrap(),
                error["message"].as_str().unwrap()
            );
        }
        insta::assert_snapshot!(shown, @r###"
        400 wrong_parameters_in_request amount is required; externalId is required; receiverAccountNo is required; receiverBankCode is required; receiverName is required
        400 wrong_parameters_in_request body is not JSON (line 1, column 1)
        400 wrong_parameters_in_request body must be a JSON object
        400 wrong_parameters_in_request amount must be above 0
        400 wrong_parameters_in_request amount must be above 0
        400 wrong_parameters_in_request amount has a fraction finer than the currency's unit
        400 wrong_parameters_in_request amount must be of type number
        400 wrong_parameters_in_request amount has more than 15 digits
        400 wrong_parameters_in_request amount is not a plain decimal number
        400 wrong_parameters_in_request amount is required
        400 wrong_parameters_in_request currency must match ^(IDR|MYR)$
        400 wrong_parameters_in_request amount has a fraction finer than the currency's unit
        400 wrong_parameters_in_request externalId must not be empty
        400 wrong_parameters_in_request externalId must not be blank
        400 wrong_parameters_in_request externalId must not hold a zero character
        400 wrong_parameters_in_request externalId must have at most 255 characters
        400 wrong_parameters_in_request externalId must be of type string
        400 wrong_parameters_in_request receiverAccountNo must match ^[0-9]+$
        400 wrong_parameters_in_request receiverAccountNo must have at least 4 characters
        400 wrong_parameters_in_request receiverBankCode is not a bank or e-wallet we know; give a code such as BCA or DANA, or a bank's number such as 014
        400 wrong_parameters_in_request receiverName must not hold control characters
        400 wrong_parameters_in_request remark must have at most 140 characters
        400 wrong_parameters_in_request metadata is of the wrong type
        400 wrong_parameters_in_request metadata must have at most 4096 bytes
        400 wrong_parameters_in_request metadata must not hold a zero character
        400 wrong_parameters_in_request type must match ^(?i)send_money$
        400 wrong_parameters_in_request amout is not a field of this request; attributes.name is not a field of this request
        400 wrong_parameters_in_request externalId is given twice with different values
        "###);
        let none: i64 = sqlx::query_scalar("SELECT count(*) FROM payment").fetch_one(&world.sql).await.unwrap();
        assert_eq!(none, 0, "a wrong request made a payment");
        let foreign = json!({ "senderId": "cl_00000000000000000000000000000000" });
        let reply = world.caller.call("POST", "/v1/send-money", Some(with(foreign)), &[]).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Leave senderId out to send in your own name, or give your own client id.",
            "code": "invalid_sender_id",
            "message": "The senderId is not one of your verified senders.",
            "reason": "The sender is unknown or belongs to another client."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn no_column_can_be_assigned_from_outside() {
    run(async |world| {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT column_name::text FROM information_schema.columns
             WHERE table_name IN ('payment', 'attempt') AND table_schema = 'public'",
        )
        .fetch_all(&world.sql)
        .await
        .unwrap();
        assert!(columns.len() > 40, "{columns:?}");
        // What the request itself is made of, in today's and the older spelling.
        const OURS: [&str; 5] = ["external_id", "amount", "currency", "sender_id", "metadata"];
        for column in columns.iter().filter(|column| !OURS.contains(&column.as_str())) {
            let mut camel = String::new();
            for (at, part) in column.split('_').enumerate() {
                camel += &if at == 0 { part.to_owned() } else { part[..1].to_uppercase() + &part[1..] };
            }
            for name in [column, &camel] {
                let mut body = World::body("MASS", "1239812390", 10_000);
                body[name] = json!("1");
                let reply = world.caller.post("/v1/send-money", body).await;
                let fields = reply.body["error"]["fields"].to_string();
                assert!(reply.status == 400 && fields.contains(&format!("{name:?}")), "{name}: {}", reply.body);
            }
        }
        world
    })
    .await;
}

#[tokio::test]
async fn repeats_meet_the_first_payment() {
    run(async |world| {
        let send = async |body: &Value, headers: &[(&str, &str)]| {
            world.caller.call("POST", "/v1/send-money", Some(body.to_string()), headers).await
        };
        let body = World::body("ORDER-1", "1239812390", 10_000);
        let first = send(&body, &[("Idempotency-Key", "\"K1\"")]).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
        let id = first.body["data"]["id"].as_str().unwrap().to_owned();
        world.until_status(&id, "SUCCESS").await;
        let again = send(&body, &[("Idempotency-Key", "K1")]).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(again.body, first.body, "the first answer, as it was told");
        let waited = send(&body, &[("Idempotency-Key", "K1"), ("Prefer", "wait=5")]).await;
        assert_eq!(waited.body["data"]["status"], "SUCCESS");

        let other = World::body("ORDER-2", "1239812390", 10_000);
        insta::assert_snapshot!(send(&other, &[("Idempotency-Key", "K1")]).await.shown(), @r###"
        HTTP 422
        {
          "error": {
            "action": "Use the key only to repeat the very same request; take a new key for a new one.",
            "code": "idempotency_key_reused",
            "message": "This Idempotency-Key was used with another request.",
            "reason": "The body or route differs from the first request's."
          },
          "requestId": "[requestId]",
          "status": 422
        }
        "###);
        let elsewhere = json!({ "url": "http://127.0.0.1:1/" }).to_string();
        let elsewhere =
            world.caller.call("POST", "/v1/webhook-endpoints", Some(elsewhere), &[("Idempotency-Key", "K1")]).await;
        assert_eq!(elsewhere.status, 422, "a key is for one route");
        insta::assert_snapshot!(send(&body, &[("Idempotency-Key", "K2")]).await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Read the existing payment with GET /v1/get-status. Do not invent a new externalId for the same payment: it would be paid twice.",
            "code": "invalid_parameters_in_request",
            "existing": {
              "id": "[id]",
              "status": "SUCCESS"
            },
            "message": "This externalId was used before.",
            "reason": "An externalId is unique for ever."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        assert_eq!(send(&body, &[]).await.status, 409);
        insta::assert_snapshot!(send(&other, &[("Idempotency-Key", "")]).await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "Idempotency-Key",
                "message": "must be 1 to 255 printable ASCII characters"
              }
            ],
            "message": "Idempotency-Key must be 1 to 255 printable ASCII characters",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn one_key_at_once_makes_one_payment() {
    run(async |world| {
        let body = World::body("ORDER-1", "1239812390", 10_000).to_string();
        let call = || world.caller.call("POST", "/v1/send-money", Some(body.clone()), &[("Idempotency-Key", "K1")]);
        let replies = join_all((0..24).map(|_| call())).await;
        let ids: Vec<&Value> = replies.iter().map(|reply| &reply.body["data"]["id"]).collect();
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        assert!(ids[0].is_string() && ids.iter().all(|id| id == &ids[0]), "{ids:?}");
        let first = replies.iter().filter(|reply| reply.header("idempotent-replayed").is_none()).count();
        assert_eq!(first, 1);
        let no_key =
            join_all((0..8).map(|_| world.caller.post("/v1/send-money", World::body("ORDER-2", "1239812390", 5))))
                .await;
        let mut statuses: Vec<u16> = no_key.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
        world.until_status(ids[0].as_str().unwrap(), "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn who_waits_hears_the_end() {
    run(async |world| {
        let send = async |external: &str, account: &str| {
            let body = World::body(external, account, 10_000).to_string();
            world.caller.call("POST", "/v1/send-money", Some(body), &[("Prefer", "respond-async, wait=20")]).await
        };
        assert_eq!(send("GOOD", "1239812390").await.body["data"]["status"], "SUCCESS");
        insta::assert_snapshot!(send("BAD", "7777777777").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Pay again under a new externalId if you still want to.",
            "amount": 10000,
            "attributes": {
              "receiverAccountNo": "7777777777",
              "receiverBankCode": "BCA",
              "receiverName": "Budi Santoso"
            },
            "createdAt": "[createdAt]",
            "currency": "IDR",
            "evidence": "failed",
            "externalId": "BAD",
            "finalAt": "[finalAt]",
            "id": "[id]",
            "message": "The payment failed; no money left or will leave.",
            "metadata": null,
            "mode": "test",
            "possibleDuplicateOf": null,
            "reason": {
              "code": "failed_at_provider",
              "message": "The provider took the payment and then failed it (code 300: Failed)."
            },
            "remark": "Invoice 12",
            "status": "FAILED",
            "type": "SEND_MONEY",
            "unknownSince": null,
            "updatedAt": "[updatedAt]",
            "version": 4
          },
          "errors": null,
          "status": 200
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn an_inquiry_says_the_name_and_keeps_it_nowhere() {
    run(async |world| {
        let ask = async |bank: &str, account: &str| {
            world.caller.post("/v1/account-inquiry", json!({ "receiverBankCode": bank, "receiverAccountNo": account })).await
        };
        let found = ask("014", "1239812390").await;
        insta::assert_snapshot!(found.shown(), @r###"
        HTTP 200
        {
          "data": {
            "provider": "oy",
            "receiverAccountNo": "1239812390",
            "receiverBankCode": "BCA",
            "receiverName": "John Doe"
          },
          "errors": null,
          "status": 200
        }
        "###);
        insta::assert_snapshot!(ask("BCA", "8888888888").await.shown(), @r###"
        HTTP 404
        {
          "error": {
            "action": "Check the bank and the account number with the receiver.",
            "code": "account_not_found",
            "message": "There is no such account at this bank.",
            "reason": "The provider does not know the account."
          },
          "requestId": "[requestId]",
          "status": 404
        }
        "###);
        insta::assert_snapshot!(ask("NOBANK", "12").await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "receiverAccountNo",
                "message": "must have at least 4 characters"
              }
            ],
            "message": "receiverAccountNo must have at least 4 characters",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        insta::assert_snapshot!(ask("NOBANK", "1234").await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "receiverBankCode",
                "message": "is not a bank or e-wallet we know; give a code such as BCA or DANA, or a bank's number such as 014"
              }
            ],
            "message": "receiverBankCode is not a bank or e-wallet we know; give a code such as BCA or DANA, or a bank's number such as 014",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        let fault = json!({ "kind": "http-error-before", "operation": "inquiry", "http_status": 500 });
        world.sandbox.oy.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
        insta::assert_snapshot!(ask("BCA", "1239812390").await.shown(), @r###"
        HTTP 502
        {
          "error": {
            "action": "Ask again in a moment. No money is involved in an inquiry.",
            "code": "provider_error",
            "message": "No provider could answer: OY! sandbox: HTTP 500.",
            "reason": "A failure on the provider's side."
          },
          "requestId": "[requestId]",
          "status": 502
        }
        "###);
        let stranger = world.stranger().await;
        let body = json!({ "receiverBankCode": "BCA", "receiverAccountNo": "1239812390" });
        insta::assert_snapshot!(stranger.post("/v1/account-inquiry", body).await.shown(), @r###"
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
        let name = found.body["data"]["receiverName"].as_str().unwrap();
        let rows: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM observation) + (SELECT count(*) FROM audit WHERE detail::text LIKE '%' || $1 || '%')",
        )
        .bind(name)
        .fetch_one(&world.sql)
        .await
        .unwrap();
        assert_eq!(rows, 0);
        world
    })
    .await;
}

#[tokio::test]
async fn balances_are_the_providers_and_ours() {
    run(async |world| {
        let id = world.send("ORDER-1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let reply = world.caller.get("/v1/balances").await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "books": [
                  {
                    "account": "fee",
                    "balance": 2500,
                    "currency": "IDR"
                  },
                  {
                    "account": "in_transit",
                    "balance": 0,
                    "currency": "IDR"
                  },
                  {
                    "account": "paid_out",
                    "balance": 10000,
                    "currency": "IDR"
                  },
                  {
                    "account": "provider",
                    "balance": -12775,
                    "currency": "IDR"
                  },
                  {
                    "account": "tax",
                    "balance": 275,
                    "currency": "IDR"
                  }
                ],
                "connectionId": "[connectionId]",
                "error": null,
                "label": "OY! sandbox",
                "live": {
                  "available": null,
                  "balance": 999999990000,
                  "currency": "IDR"
                },
                "provider": "oy",
                "status": "ACTIVE"
              }
            ],
            "nextCursor": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        let fault = json!({ "kind": "garbage", "operation": "balance", "text": "<html>" });
        world.sandbox.oy.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
        let reply = world.caller.get("/v1/balances").await;
        let item = &reply.body["data"]["items"][0];
        assert_eq!((reply.status, &item["live"]), (200, &Value::Null));
        assert_eq!(item["connectionId"], format!("conn_{}", world.connection_id.simple()));
        insta::assert_snapshot!(item["error"].as_str().unwrap(), @r###"the answer is not readable"###);
        assert_eq!(item["books"].as_array().unwrap().len(), 5);
        world
    })
    .await;
}

#[tokio::test]
async fn lists_are_narrowed_and_paged() {
    run(async |world| {
        let mut ids = Vec::new();
        for n in 1..=5 {
            ids.push(world.send(&format!("ORDER-{n}"), "1239812390", 20_000 * n).await);
        }
        let bad = world.send("REFUSED", "2222222222", 10_000).await;
        for id in &ids {
            world.until_status(id, "SUCCESS").await;
        }
        world.until_status(&bad, "FAILED").await;
        let list = async |query: &str| world.caller.get(&format!("/v1/transactions?{query}")).await;
        let externals = |reply: &crate::support::http::Reply| -> Vec<String> {
            let items = reply.body["data"]["items"].as_array().unwrap_or_else(|| panic!("{}", reply.body));
            items.iter().map(|item| item["externalId"].as_str().unwrap().to_owned()).collect()
        };
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("limit=4{cursor}")).await;
            seen.extend(externals(&page));
            let Some(next) = page.body["data"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, ["REFUSED", "ORDER-5", "ORDER-4", "ORDER-3", "ORDER-2", "ORDER-1"]);
        assert_eq!(externals(&list("status=FAILED").await), ["REFUSED"]);
        assert_eq!(externals(&list("evidence=refused&service=send_money&destination=BCA").await), ["REFUSED"]);
        assert_eq!(externals(&list("externalId=ORDER-2").await), ["ORDER-2"]);
        assert_eq!(externals(&list("amountFrom=80000&status=SUCCESS").await), ["ORDER-5", "ORDER-4"]);
        assert_eq!(externals(&list("createdBefore=2020-01-01T00:00:00Z").await), Vec::<String>::new());
        assert_eq!(externals(&list("createdFrom=2020-01-01T07:00:00%2B07:00").await).len(), 6);
        assert_eq!(externals(&list("unknownBefore=2100-01-01T00:00:00Z").await), Vec::<String>::new());
        let mut shown = String::new();
        for query in [
            "limit=0",
            "limit=101",
            "limit=x",
            "status=success",
            "evidence=maybe",
            "service=x",
            "createdFrom=today",
            "amountFrom=1.5",
            "cursor=sm_1",
            "sort=amount&page=2",
            "limit=1&limit=2",
            "externalId=%00",
        ] {
            let reply = list(query).await;
            shown += &format!("{} {}\n", reply.status, reply.body["error"]["message"].as_str().unwrap());
        }
        insta::assert_snapshot!(shown, @r###"
        400 limit must be from 1 to 100
        400 limit must be from 1 to 100
        400 limit must be from 1 to 100
        400 status must be one of PROCESSING, PENDING, SUCCESS, FAILED, EXPIRED, REVERSED
        400 evidence must be one of prepared, sent, not_sent, refused, accepted, unknown, paid, failed, reversed
        400 service must be one of send_money
        400 createdFrom must be a time such as 2026-01-31T00:00:00Z (a + in it is written %2B)
        400 amountFrom must be a whole number of the currency's unit
        400 cursor is not one that was answered here
        400 sort is not a parameter of this request; page is not a parameter of this request
        400 limit is given twice
        400 externalId must not hold a zero character
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_payment_is_read_in_all_its_detail() {
    run(async |world| {
        let id = world.send("ORDER-1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let mut reply = world.caller.get(&format!("/v1/transactions/{id}")).await;
        // How often and when the provider was asked is a matter of time.
        for observation in reply.body["data"]["observations"].as_array_mut().unwrap() {
            assert!(observation["raw"].as_str().unwrap().starts_with("remit"), "{observation}");
        }
        let observations = reply.body["data"]["observations"].take();
        assert_eq!(observations.as_array().unwrap().last().unwrap()["verdict"], "paid");
        assert!(!observations.to_string().contains("1239812390"), "an account number in full");
        let attempt = &mut reply.body["data"]["attempts"][0];
        assert!(attempt["polls"].take().as_i64().is_some());
        assert!(attempt["why"]["skipped"].take().is_array());
        reply.body["data"]["version"] = Value::Null;
        for event in reply.body["data"]["events"].as_array_mut().unwrap() {
            event["version"] = Value::Null;
            event["body"]["data"]["version"] = Value::Null;
        }
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Nothing is left to do.",
            "amount": 10000,
            "attempts": [
              {
                "code": "000",
                "connectionId": "[connectionId]",
                "createdAt": "[createdAt]",
                "evidence": "paid",
                "fee": 2500,
                "label": "OY! sandbox",
                "message": "Success",
                "nextTryAt": null,
                "number": 1,
                "polls": null,
                "provider": "oy",
                "providerRef": "[providerRef]",
                "reference": "[reference]",
                "sends": 1,
                "sentAt": "[sentAt]",
                "tax": 275,
                "updatedAt": "[updatedAt]",
                "why": {
                  "because": "it is first in the sequence",
                  "candidates": [
                    "OY! sandbox"
                  ],
                  "chosen": "OY! sandbox",
                  "fee": 2500,
                  "sequence": "default",
                  "sequenceVersion": 1,
                  "skipped": null,
                  "tax": 275
                }
              }
            ],
            "attributes": {
              "receiverAccountNo": "1239812390",
              "receiverBankCode": "BCA",
              "receiverName": "Budi Santoso"
            },
            "createdAt": "[createdAt]",
            "currency": "IDR",
            "events": [
              {
                "body": {
                  "data": {
                    "amount": 10000,
                    "currency": "IDR",
                    "externalId": "ORDER-1",
                    "id": "[id]",
                    "metadata": null,
                    "mode": "test",
                    "status": "PROCESSING",
                    "type": "SEND_MONEY",
                    "version": null
                  },
                  "timestamp": "[timestamp]",
                  "type": "payment.processing"
                },
                "createdAt": "[createdAt]",
                "id": "[id]",
                "type": "payment.processing",
                "version": null
              },
              {
                "body": {
                  "data": {
                    "amount": 10000,
                    "currency": "IDR",
                    "externalId": "ORDER-1",
                    "id": "[id]",
                    "metadata": null,
                    "mode": "test",
                    "status": "SUCCESS",
                    "type": "SEND_MONEY",
                    "version": null
                  },
                  "timestamp": "[timestamp]",
                  "type": "payment.succeeded"
                },
                "createdAt": "[createdAt]",
                "id": "[id]",
                "type": "payment.succeeded",
                "version": null
              }
            ],
            "evidence": "paid",
            "exceptions": [],
            "externalId": "ORDER-1",
            "finalAt": "[finalAt]",
            "id": "[id]",
            "ledger": [
              {
                "amount": 10000,
                "attempt": 1,
                "createdAt": "[createdAt]",
                "credit": "provider",
                "currency": "IDR",
                "debit": "in_transit",
                "kind": "sent",
                "line": "Transfer"
              },
              {
                "amount": 2500,
                "attempt": 1,
                "createdAt": "[createdAt]",
                "credit": "provider",
                "currency": "IDR",
                "debit": "fee",
                "kind": "paid",
                "line": "Fee"
              },
              {
                "amount": 275,
                "attempt": 1,
                "createdAt": "[createdAt]",
                "credit": "provider",
                "currency": "IDR",
                "debit": "tax",
                "kind": "paid",
                "line": "Tax"
              },
              {
                "amount": 10000,
                "attempt": 1,
                "createdAt": "[createdAt]",
                "credit": "in_transit",
                "currency": "IDR",
                "debit": "paid_out",
                "kind": "paid",
                "line": "Transfer"
              }
            ],
            "message": "The money was sent.",
            "metadata": null,
            "mode": "test",
            "observations": null,
            "possibleDuplicateOf": null,
            "reason": null,
            "remark": "Invoice 12",
            "resolution": null,
            "status": "SUCCESS",
            "type": "SEND_MONEY",
            "unknownSince": null,
            "updatedAt": "[updatedAt]",
            "version": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        let other = world.caller.get("/v1/transactions/sm_1").await;
        insta::assert_snapshot!(other.shown(), @r###"
        HTTP 404
        {
          "error": {
            "action": "Check the id, and that your key is of the same mode (test or live).",
            "code": "not_found",
            "message": "There is no such transaction.",
            "reason": "Nothing with this id belongs to your account."
          },
          "requestId": "[requestId]",
          "status": 404
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_pause_holds_back_and_a_cancel_stops() {
    run(async |world| {
        assert_eq!(world.caller.post("/v1/sending/pause", json!({ "reason": " " })).await.status, 400);
        insta::assert_snapshot!(world.caller.post("/v1/sending/pause", json!({ "reason": "Audit" })).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "installationPaused": false,
            "paused": true,
            "pausedAt": "[pausedAt]",
            "reason": "Audit"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let stopped = world.send("STOPPED", "1239812390", 10_000).await;
        let kept = world.send("KEPT", "1239812390", 20_000).await;
        let cancel = async |id: &str| world.caller.post(&format!("/v1/transactions/{id}/cancel"), json!({})).await;
        insta::assert_snapshot!(cancel(&stopped).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Pay again under a new externalId if you still want to.",
            "amount": 10000,
            "attributes": {
              "receiverAccountNo": "1239812390",
              "receiverBankCode": "BCA",
              "receiverName": "Budi Santoso"
            },
            "createdAt": "[createdAt]",
            "currency": "IDR",
            "evidence": "not_sent",
            "externalId": "STOPPED",
            "finalAt": "[finalAt]",
            "id": "[id]",
            "message": "The payment failed; no money left or will leave.",
            "metadata": null,
            "mode": "test",
            "possibleDuplicateOf": null,
            "reason": {
              "code": "cancelled",
              "message": "It was cancelled before it was sent."
            },
            "remark": "Invoice 12",
            "status": "FAILED",
            "type": "SEND_MONEY",
            "unknownSince": null,
            "updatedAt": "[updatedAt]",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(cancel(&stopped).await.status, 200, "a repeat answers the same");
        assert_eq!(world.row(&kept).await["evidence"], "prepared", "sending is paused");
        assert_eq!(world.caller.get("/v1/sending").await.body["data"]["paused"], true);
        insta::assert_snapshot!(world.caller.post("/v1/sending/resume", json!({})).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "installationPaused": false,
            "paused": false,
            "pausedAt": null,
            "reason": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        world.until_status(&kept, "SUCCESS").await;
        insta::assert_snapshot!(cancel(&kept).await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Wait for its end; if it was paid, ask the receiver for the money.",
            "code": "too_late",
            "existing": {
              "id": "[id]",
              "status": "SUCCESS"
            },
            "message": "The payment is SUCCESS with evidence paid.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        let done: Vec<String> = sqlx::query_scalar("SELECT action FROM audit ORDER BY at, id").fetch_all(&world.sql).await.unwrap();
        assert_eq!(done, ["sending.paused", "payment.cancelled", "sending.resumed"]);
        assert!(world.sandbox.oy.payment(&world.reference(&stopped, 1).await).is_none(), "it was sent all the same");
        world
    })
    .await;
}

#[tokio::test]
async fn what_is_rare_costs_more_pages_and_never_a_longer_look() {
    run(async |world| {
        let id = world.send("RARE", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        // Newer ones to another bank, more than one look takes in.
        sqlx::query(
            "INSERT INTO payment (client_id, id, mode, service, external_id, amount, currency, destination, receiver,
                receiver_hash, status, evidence, version, attempt, send_until, created_at, updated_at)
             SELECT client_id, ('ffffffff-ffff-7fff-8fff-' || lpad(to_hex(n), 12, '0'))::uuid, mode, service, 'N' || n,
                10000, 'IDR', 'BNI', receiver, '', 'SUCCESS', 'paid', 3, 1, send_until, created_at, updated_at
             FROM payment, generate_series(1, 20500) n",
        )
        .execute(&world.sql)
        .await
        .unwrap();
        let (mut path, mut pages, mut found) = ("/v1/transactions?destination=BCA".to_owned(), 0, Vec::new());
        loop {
            let page = world.caller.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.body);
            pages += 1;
            let items = page.body["data"]["items"].as_array().unwrap().clone();
            found.extend(items.iter().map(|item| item["externalId"].as_str().unwrap().to_owned()));
            let Some(next) = page.body["data"]["nextCursor"].as_str() else { break };
            path = format!("/v1/transactions?destination=BCA&cursor={next}");
        }
        assert_eq!((pages, found), (3, vec!["RARE".to_owned()]));
        // What an index finds is found at once.
        for query in ["externalId=RARE", "externalId=NONE&status=SUCCESS", "unknownBefore=2100-01-01T00:00:00Z"] {
            let page = world.caller.get(&format!("/v1/transactions?{query}")).await;
            assert_eq!(page.body["data"]["nextCursor"], json!(null), "{query}: {}", page.body);
        }
        assert_eq!(
            world.caller.get("/v1/transactions?externalId=RARE").await.body["data"]["items"][0]["id"],
            json!(id)
        );
        sqlx::query("DELETE FROM payment WHERE external_id <> 'RARE'").execute(&world.sql).await.unwrap();
        world
    })
    .await;
}

#[tokio::test]
async fn times_narrow_to_the_millisecond() {
    run(async |world| {
        let mut made = Vec::new();
        for name in ["T1", "T2", "T3"] {
            let id = world.send(name, "1239812390", 10_000).await;
            let row = world.until_status(&id, "SUCCESS").await;
            made.push(row["created_at"].as_str().unwrap().replace("+00:00", "Z"));
        }
        let names = async |query: String| -> Vec<String> {
            let page = world.caller.get(&format!("/v1/transactions?{query}")).await;
            let items = page.body["data"]["items"].as_array().unwrap_or_else(|| panic!("{}", page.body)).clone();
            items.iter().map(|item| item["externalId"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(format!("createdFrom={}", made[1])).await, ["T3", "T2"]);
        assert_eq!(names(format!("createdBefore={}", made[1])).await, ["T1"]);
        assert_eq!(names(format!("createdFrom={}&createdBefore={}", made[1], made[2])).await, ["T2"]);
        assert_eq!(names("createdBefore=2020-01-01T00:00:00Z".into()).await, Vec::<String>::new());
        world
    })
    .await;
}
