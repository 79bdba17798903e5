//! Providers managed by API: what can be connected, whether a connection works, what it costs and from when, and the
//! status that ends by itself.

use std::time::Duration;

use chrono::DateTime;
use paystrator::clock::Clock;
use paystrator::flows::connections;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use crate::api_providers::told;
use crate::support::bad::CLOSED;
use crate::support::{Options, run, run_with};

#[tokio::test]
async fn the_catalogue_is_what_the_adapters_say() {
    run(async |world| {
        let reply = world.caller.get("/v1/providers/catalogue").await;
        assert_eq!((reply.status, &reply.body["data"]["nextCursor"]), (200, &Value::Null));
        let mut lines = Vec::new();
        for entry in reply.body["data"]["items"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            lines.push(format!("{}: {} ({})", text(&entry["provider"]), text(&entry["name"]), text(&entry["type"])));
            for service in entry["services"].as_array().unwrap() {
                let all = service["destinations"].as_array().unwrap();
                let of = |kind: &str| all.iter().filter(|to| to["kind"] == kind).collect::<Vec<_>>();
                let (banks, wallets) = (of("bank"), of("ewallet"));
                assert_eq!(banks.len() + wallets.len(), all.len());
                let ends = [banks.first(), wallets.last()].map(|one| one.map(|one| one.to_string()).unwrap_or_default());
                let count = format!("{} banks, {} e-wallets", banks.len(), wallets.len());
                lines.push(format!("  {}: {count} {}", text(&service["service"]), ends.join(" ")));
            }
            for field in entry["form"].as_array().unwrap() {
                let words: Vec<String> = field.as_object().unwrap().values().map(Value::to_string).collect();
                lines.push(format!("  {}", words.join(" ")));
                // A field with every word a form needs, and nothing else.
                let names: Vec<&str> = field.as_object().unwrap().keys().map(String::as_str).collect();
                assert_eq!(names, ["format", "hint", "label", "name", "part", "required", "secret"]);
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r###"
        doku: DOKU (AGGREGATOR)
          send_money: 102 banks, 0 e-wallets {"code":"BRI","kind":"bank","name":"Bank Rakyat Indonesia"} 
          "code" "From DOKU's dashboard, such as BRN-0201-1676357010382. It never changes." "Client ID" "client_id" "credentials" true false
          "token" "From DOKU's dashboard, such as SK-…; it signs every call." "Secret key" "secret_key" "credentials" true true
          "rsa_private_key" "The key of your own whose public half you gave to DOKU; it signs the call for a token." "Private key" "private_key" "credentials" true true
          "code" "The purse of Kirim DOKU that payouts leave, such as A41879. It never changes." "Agent key" "agent_key" "credentials" true false
          "rsa_public_key" "Checks what DOKU signs with its own key; nothing of Kirim DOKU is." "DOKU's public key" "public_key" "credentials" false false
          "url" "Instead of DOKU's own address." "Base address" "base_url" "settings" false false
          "text" "Who pays, as DOKU passes it on with every payout." "Sender's name" "sender_name" "settings" true false
          "phone" "The sender's number, such as 6281234567890; DOKU asks for it with every payout." "Sender's phone" "sender_phone" "settings" true false
        kaspro: KasPro (AGGREGATOR)
          send_money: 102 banks, 0 e-wallets {"code":"BRI","kind":"bank","name":"Bank Rakyat Indonesia"} 
          "token" "From KasPro; with the client secret it gets access tokens." "Client ID" "client_id" "credentials" true false
          "token" "From KasPro." "Client secret" "client_secret" "credentials" true true
          "token" "Names you in every signature (Partner-Key). It never changes." "HMAC key" "hmac_key" "credentials" true false
          "token" "Signs every call." "HMAC secret" "hmac_secret" "credentials" true true
          "url" "As KasPro told you; the development gateway is https://apigw-devel.kaspro.id." "Base address" "base_url" "settings" true false
          "ip" "The address of your server that KasPro has on its list." "Origin" "origin" "settings" true false
          "phone" "The number of the wallet that pays, such as 081234567890." "Mobile number" "mobile_number" "settings" true false
          "path" "Of the status call, where KasPro gave you one. Without it an unclear payment waits for its resolution by people." "Status path" "status_path" "settings" false false
        oy: OY! Indonesia (AGGREGATOR)
          send_money: 102 banks, 5 e-wallets {"code":"BRI","kind":"bank","name":"Bank Rakyat Indonesia"} {"code":"SHOPEEPAY","kind":"ewallet","name":"ShopeePay"}
          "token" "The account at OY!, as its dashboard shows it. It never changes." "Username" "username" "credentials" true false
          "token" "From OY!'s dashboard; staging and production have one each." "API key" "api_key" "credentials" true true
          "url" "Instead of OY!'s own address; its path is kept." "Base address" "base_url" "settings" false false
          "header_name" "The same engine runs under other brands with x-username." "Username header" "username_header" "settings" false false
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_test_says_whether_a_connection_works_and_what_to_check() {
    let mut options = Options { also: &["doku", "kaspro"], ..Options::default() };
    options.config.limits.tests_per_minute = 100;
    run_with(options, async |world| {
        let list = world.caller.get("/v1/providers").await;
        let ids: Vec<String> = list.body["data"]["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        let test = async |id: &str| {
            let reply = world.provider("POST", &format!("{id}/test"), json!({}), None).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            reply
        };
        let mut answers = Vec::new();
        for id in &ids {
            answers.push(test(id).await.shown());
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        HTTP 200
        {
          "data": {
            "action": "Nothing is left to do.",
            "asked": "balance",
            "authenticated": true,
            "connectionId": "[connectionId]",
            "explanation": "The provider answered and took the credentials.",
            "reachable": true,
            "result": "good",
            "said": null,
            "works": true
          },
          "errors": null,
          "status": 200
        }
        HTTP 200
        {
          "data": {
            "action": "Nothing is left to do.",
            "asked": "balance",
            "authenticated": true,
            "connectionId": "[connectionId]",
            "explanation": "The provider answered and took the credentials.",
            "reachable": true,
            "result": "good",
            "said": null,
            "works": true
          },
          "errors": null,
          "status": 200
        }
        HTTP 200
        {
          "data": {
            "action": "Know what is not proved: The pair that signs (HMAC) and the origin are first used by a payment.",
            "asked": "token",
            "authenticated": true,
            "connectionId": "[connectionId]",
            "explanation": "The provider answered and took the credentials.",
            "reachable": true,
            "result": "good",
            "said": null,
            "works": true
          },
          "errors": null,
          "status": 200
        }
        "###);

        let oy = world.first();
        let told = async || {
            let data = test(&oy).await.body["data"].take();
            let words = ["result", "reachable", "authenticated", "said"].map(|name| data[name].to_string());
            words.join(" ")
        };
        let mut lines = Vec::new();
        for code in ["201", "202", "207", "208", "429", "999", "900"] {
            world.fault(Fault::new(Kind::Refuse).on("balance").code(code));
            lines.push(told().await);
            world.sandbox.oy.clear_faults();
        }
        world.fault(Fault::new(Kind::HttpErrorBefore).on("balance"));
        lines.push(told().await);
        world.sandbox.oy.clear_faults();
        world.fault(Fault::new(Kind::Garbage).on("balance"));
        lines.push(told().await);
        world.sandbox.oy.clear_faults();
        world.move_connection(&format!("{}/elsewhere", world.sandbox.url("oy"))).await;
        lines.push(told().await);
        world.move_connection(CLOSED).await;
        lines.push(told().await.split(": ").next().unwrap().to_owned());
        insta::assert_snapshot!(lines.join("\n"), @r###"
        "wrong_account" true false "code \"201\" User is not found"
        "wrong_account" true false "code \"202\" User is not active"
        "caller_not_registered" true false "code \"207\" Request is Rejected (Request IP Address is not Registered)"
        "wrong_secret" true false "code \"208\" Request is Rejected (API Key is not Valid)"
        "too_often" true null "code \"429\" Request is Rejected (Too many requests)"
        "provider_trouble" true null "code \"999\" Internal Server Error"
        "unclear" true null "code \"900\" Request is Rejected"
        "provider_trouble" true null "HTTP 500"
        "wrong_address" true null "the answer is not readable"
        "wrong_address" true null "HTTP 404"
        "unreachable" false null "not connected
        "###);

        world.move_connection(world.sandbox.url("oy")).await;
        world.fault(Fault::new(Kind::Refuse).on("balance").code("207"));
        insta::assert_snapshot!(test(&oy).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Register the public IP address of this installation in the provider's dashboard, then test again; providers need some minutes to take it in.",
            "asked": "balance",
            "authenticated": false,
            "connectionId": "[connectionId]",
            "explanation": "The provider answered, and does not take calls from this installation's address.",
            "reachable": true,
            "result": "caller_not_registered",
            "said": "code \"207\" Request is Rejected (Request IP Address is not Registered)",
            "works": false
          },
          "errors": null,
          "status": 200
        }
        "###);
        // It was heard as activity, and written down, each time and with nothing secret.
        let read = world.caller.get(&format!("/v1/providers/{oy}")).await;
        assert!(read.body["data"]["lastActivityAt"].is_string());
        let mut audited = world.audited().await;
        audited.retain(|entry| entry[0] == "Ani");
        assert_eq!(audited.len(), 15);
        assert_eq!(audited[0], json!(["Ani", "connection.tested", { "asked": "balance", "result": "good" }]));
        assert_eq!(
            audited[14],
            json!(["Ani", "connection.tested", { "asked": "balance", "result": "caller_not_registered" }])
        );
        assert_eq!(read.body["data"]["version"], 4, "three moves, and no test is a change");
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_tested_a_few_times_a_minute_in_any_status() {
    let mut options = Options::default();
    options.config.limits.tests_per_minute = 2;
    run_with(options, async |world| {
        let (first, second) = (world.first(), world.connect("Second").await);
        let body = json!({ "status": "INACTIVE", "reason": "not tested yet" });
        assert_eq!(world.provider("POST", &format!("{second}/status"), body, Some("*")).await.status, 200);
        let test = async |id: &str| world.provider("POST", &format!("{id}/test"), json!({}), None).await;
        assert_eq!([test(&second).await.status, test(&second).await.status], [200, 200]);
        let third = test(&second).await;
        assert_eq!((third.status, &third.body["error"]["code"]), (429, &json!("too_many_requests")));
        assert!(third.header("retry-after").is_some());
        assert_eq!(test(&first).await.status, 200, "each connection has a limit of its own");
        let read = world.caller.get(&format!("/v1/providers/{second}")).await;
        assert_eq!(read.body["data"]["status"], "INACTIVE");
        assert_eq!(world.provider("DELETE", &second, json!({}), Some("*")).await.status, 200);
        assert_eq!(test(&second).await.status, 404, "a removed one is not there");
        world
    })
    .await;
}

#[tokio::test]
async fn fees_are_versions_that_begin_when_they_say() {
    let clock = Clock::manual(DateTime::parse_from_rfc3339("2026-11-20T12:00:00Z").unwrap().to_utc());
    let options = Options { clock: clock.clone(), must_be_idle: false, ..Options::default() };
    run_with(options, async |world| {
        let id = world.first();
        let fees = async |query: &str| {
            let reply = world.caller.get(&format!("/v1/providers/{id}/fees{query}")).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            reply
        };
        insta::assert_snapshot!(fees("").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "createdAt": "[createdAt]",
                "createdBy": "test",
                "effectiveFrom": "[effectiveFrom]",
                "plan": {
                  "flat": 2500,
                  "vat": true,
                  "vatBp": 1100
                },
                "service": "send_money",
                "standing": "in_force",
                "version": 1
              }
            ],
            "nextCursor": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        let set = async |body: Value, tag: &str| world.provider("POST", &format!("{id}/fees"), body, Some(tag)).await;
        let share = json!({ "percentageBp": 150, "vatBp": 1100, "vat": true });
        let planned = json!({ "service": "send_money", "plan": share, "effectiveFrom": "2026-11-20T19:10:00+07:00" });
        let made = set(planned.clone(), "\"1\"").await;
        insta::assert_snapshot!(made.shown(), @r###"
        HTTP 201
        {
          "data": {
            "createdAt": "[createdAt]",
            "createdBy": "Ani",
            "effectiveFrom": "[effectiveFrom]",
            "plan": {
              "percentageBp": 150,
              "vat": true,
              "vatBp": 1100
            },
            "service": "send_money",
            "standing": "planned",
            "version": 2
          },
          "errors": null,
          "status": 201
        }
        "###);
        assert_eq!(made.header("etag"), Some("\"2\""));
        assert_eq!(made.body["data"]["effectiveFrom"], "2026-11-20T12:10:00.000Z");
        assert_eq!(told(&set(planned.clone(), "\"1\"").await), "412 changed_meanwhile", "a repeat makes no second one");

        // What a payment would cost now, by the cache that accepting uses.
        let costs = async |name: &str| {
            let sent = world.send(name, "1239812390", 100_000).await;
            let row = world.caller.get(&format!("/v1/transactions/{sent}")).await;
            let attempt = &row.body["data"]["attempts"][0];
            format!("{} + {}", attempt["fee"], attempt["tax"])
        };
        assert_eq!(costs("A").await, "2500 + 275");
        clock.advance(Duration::from_millis(599_500));
        assert_eq!(costs("B").await, "2500 + 275", "before its time");
        let read = async || world.caller.get(&format!("/v1/providers/{id}")).await.body["data"]["fees"].take();
        assert_eq!(read().await["send_money"]["flat"], 2500);
        // Accepting holds plans that it read half a second ago, and asks them with the time.
        clock.advance(Duration::from_millis(500));
        assert_eq!(costs("C").await, "1500 + 165", "at its very moment");
        assert_eq!(read().await, json!({ "send_money": share }));

        // At once, for every service; the one before stays readable.
        let moment = || clock.advance(Duration::from_secs(1));
        moment();
        let change = json!({ "fee": { "flat": 900 } });
        assert_eq!(world.provider("PATCH", &id, change, Some("\"2\"")).await.status, 200);
        assert_eq!(costs("D").await, "900 + 0");
        let free = json!({ "service": "send_money", "plan": {}, "effectiveFrom": "2030-01-01T00:00:00Z" });
        moment();
        assert_eq!(set(free.clone(), "*").await.status, 201);
        moment();
        let instead =
            json!({ "service": "send_money", "plan": { "flat": 1 }, "effectiveFrom": "2030-01-01T00:00:00Z" });
        assert_eq!(set(instead, "*").await.status, 201);
        let lines = async |query: &str| {
            let data = fees(query).await.body["data"].take();
            let line = |row: &Value| {
                let words =
                    ["version", "standing", "effectiveFrom", "plan", "createdBy"].map(|name| row[name].to_string());
                words.join(" ")
            };
            let lines: Vec<String> = data["items"].as_array().unwrap().iter().map(line).collect();
            format!("{}\nnext: {}", lines.join("\n"), data["nextCursor"])
        };
        insta::assert_snapshot!(lines("").await, @r###"
        5 "planned" "2030-01-01T00:00:00.000Z" {"flat":1,"vat":false,"vatBp":0} "Ani"
        4 "replaced" "2030-01-01T00:00:00.000Z" {"vat":false,"vatBp":0} "Ani"
        3 "in_force" "2026-11-20T12:10:01.000Z" {"flat":900,"vat":false,"vatBp":0} "Ani"
        2 "replaced" "2026-11-20T12:10:00.000Z" {"percentageBp":150,"vat":true,"vatBp":1100} "Ani"
        1 "replaced" "2026-11-20T12:00:00.000Z" {"flat":2500,"vat":true,"vatBp":1100} "test"
        next: null
        "###);
        insta::assert_snapshot!(lines("?service=send_money&limit=2").await, @r###"
        5 "planned" "2030-01-01T00:00:00.000Z" {"flat":1,"vat":false,"vatBp":0} "Ani"
        4 "replaced" "2030-01-01T00:00:00.000Z" {"vat":false,"vatBp":0} "Ani"
        next: "send_money.4"
        "###);
        insta::assert_snapshot!(lines("?limit=2&cursor=send_money.4").await, @r###"
        3 "in_force" "2026-11-20T12:10:01.000Z" {"flat":900,"vat":false,"vatBp":0} "Ani"
        2 "replaced" "2026-11-20T12:10:00.000Z" {"percentageBp":150,"vat":true,"vatBp":1100} "Ani"
        next: "send_money.2"
        "###);
        assert_eq!(
            told(&world.caller.get(&format!("/v1/providers/{id}/fees?cursor=x")).await),
            "400 wrong_parameters_in_request\n  cursor: is not one that was answered here"
        );
        let audited = world.audited().await;
        insta::assert_snapshot!(audited.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"), @r###"
        ["Ani","connection.fee_set",{"after":{"percentageBp":150,"vat":true,"vatBp":1100},"before":{"flat":2500,"vat":true,"vatBp":1100},"effectiveFrom":"2026-11-20T12:10:00.000Z","service":"send_money","version":2}]
        ["Ani","connection.changed",{"after":{"fee":{"flat":900,"vat":false,"vatBp":0}},"before":{"fee":{"send_money":{"percentageBp":150,"vat":true,"vatBp":1100}}}}]
        ["Ani","connection.fee_set",{"after":{"vat":false,"vatBp":0},"before":{"flat":900,"vat":false,"vatBp":0},"effectiveFrom":"2030-01-01T00:00:00.000Z","service":"send_money","version":4}]
        ["Ani","connection.fee_set",{"after":{"flat":1,"vat":false,"vatBp":0},"before":{"flat":900,"vat":false,"vatBp":0},"effectiveFrom":"2030-01-01T00:00:00.000Z","service":"send_money","version":5}]
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_wrong_fee_is_refused_by_field_and_nothing_is_written() {
    run(async |world| {
        let id = world.first();
        let good = json!({ "flat": 1 });
        let at = |from: &str| json!({ "service": "send_money", "plan": { "flat": 1 }, "effectiveFrom": from });
        let bodies = [
            json!({}),
            json!({ "service": "send_money", "plan": { "flat": 1, "percentageBp": 1, "vatBp": 0, "vat": true } }),
            json!({ "service": "send_money", "plan": { "percentageBp": 10_001, "vatBp": -1 } }),
            json!({ "service": "send_money", "plan": { "flat": -1, "vatBp": 10_001 } }),
            json!({ "service": "send_money", "plan": { "percentageBp": 1.5 } }),
            json!({ "service": "send_money", "plan": { "percent": 1 } }),
            json!({ "service": "lottery", "plan": good }),
            json!({ "service": "qrcode", "plan": { "flat": 1, "percentageBp": 1 }, "effectiveFrom": "2020-01-01T00:00:00Z" }),
            at("2020-01-01T00:00:00Z"),
            at("tomorrow"),
            at("2030-01-01"),
        ];
        let mut answers = Vec::new();
        for body in bodies {
            answers.push(told(&world.provider("POST", &format!("{id}/fees"), body, Some("*")).await));
        }
        let whole = json!({ "service": "send_money", "plan": good });
        answers.push(told(&world.provider("POST", &format!("{id}/fees"), whole.clone(), None).await));
        answers.push(told(&world.provider("POST", &format!("{id}/fees"), whole, Some("\"7\"")).await));
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          plan: is required
          service: is required
        400 wrong_parameters_in_request
          plan.percentageBp: cannot stand beside flat: a fee is one or the other
          plan.vatBp: is required where vat applies, such as 1100 for 11 %
        400 wrong_parameters_in_request
          plan.percentageBp: must be at most 10000
          plan.vatBp: must be at least 0
        400 wrong_parameters_in_request
          plan.flat: must be at least 0
          plan.vatBp: must be at most 10000
        400 wrong_parameters_in_request
          plan.percentageBp: must be of type integer
        400 wrong_parameters_in_request
          plan.percent: is not a field of this request
        400 wrong_parameters_in_request
          service: is no service of this connection; it has: send_money
        400 wrong_parameters_in_request
          plan.percentageBp: cannot stand beside flat: a fee is one or the other
          effectiveFrom: must not be in the past; leave it out to begin at once
          service: is no service of this connection; it has: send_money
        400 wrong_parameters_in_request
          effectiveFrom: must not be in the past; leave it out to begin at once
        400 wrong_parameters_in_request
          effectiveFrom: must be a time with its offset, such as 2030-01-31T00:00:00+07:00
        400 wrong_parameters_in_request
          effectiveFrom: must be a time with its offset, such as 2030-01-31T00:00:00+07:00
        428 if_match_needed
        412 changed_meanwhile
        "###);
        assert_eq!(world.number("SELECT count(*) FROM fee_plan").await, 1);

        let preview = async |body: Value| world.caller.post("/v1/providers/fees/preview", body).await;
        let share = json!({ "percentageBp": 150, "vatBp": 1100, "vat": true });
        insta::assert_snapshot!(preview(json!({ "amount": 10_000, "plan": share })).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "amount": 10000,
            "currency": "IDR",
            "fee": 150,
            "tax": 17,
            "total": 10167
          },
          "errors": null,
          "status": 200
        }
        "###);
        insta::assert_snapshot!(preview(json!({ "amount": 12.5, "currency": "MYR", "plan": share })).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "amount": 12.50,
            "currency": "MYR",
            "fee": 0.19,
            "tax": 0.02,
            "total": 12.71
          },
          "errors": null,
          "status": 200
        }
        "###);
        let mut answers = Vec::new();
        for body in [
            json!({ "amount": 0, "plan": {} }),
            json!({ "amount": 1.5, "plan": { "flat": 1, "percentageBp": 1 } }),
            json!({ "amount": 100, "plan": { "vat": true } }),
            json!({ "amount": 100, "currency": "USD" }),
        ] {
            answers.push(told(&preview(body).await));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          amount: must be above 0
        400 wrong_parameters_in_request
          plan.percentageBp: cannot stand beside flat: a fee is one or the other
          amount: has a fraction finer than the currency's unit
        400 wrong_parameters_in_request
          plan.vatBp: is required where vat applies, such as 1100 for 11 %
        400 wrong_parameters_in_request
          currency: must match ^(IDR|MYR)$
          plan: is required
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_maintenance_ends_by_itself_and_nothing_else_does() {
    let clock = Clock::manual(DateTime::parse_from_rfc3339("2026-11-20T12:00:00Z").unwrap().to_utc());
    let options = Options { clock: clock.clone(), must_be_idle: false, ..Options::default() };
    run_with(options, async |world| {
        let (id, other) = (world.first(), world.connect("Second").await);
        let set = async |id: &str, body: Value| world.provider("POST", &format!("{id}/status"), body, Some("*")).await;
        let with = |status: &str, until: &str| json!({ "status": status, "reason": "a window", "until": until });
        let mut answers = Vec::new();
        for body in [
            with("MAINTENANCE", "2026-11-20T12:00:00Z"),
            with("MAINTENANCE", "2020-01-01T00:00:00Z"),
            with("MAINTENANCE", "soon"),
            with("INACTIVE", "2026-11-20T12:30:00Z"),
            with("ACTIVE", "2026-11-20T12:30:00Z"),
        ] {
            answers.push(told(&set(&id, body).await));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          until: must be in the future
        400 wrong_parameters_in_request
          until: must be in the future
        400 wrong_parameters_in_request
          until: must be a time with its offset, such as 2030-01-31T00:00:00+07:00
        400 wrong_parameters_in_request
          until: goes with MAINTENANCE alone: nothing else ends by itself
        400 wrong_parameters_in_request
          until: goes with MAINTENANCE alone: nothing else ends by itself
        "###);
        let reply = set(&id, with("maintenance", "2026-11-20T19:30:00+07:00")).await;
        assert_eq!(reply.body["data"]["statusUntil"], "2026-11-20T12:30:00.000Z");
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 200
        {
          "data": {
            "callbackUrls": {
              "send_money": "http://127.0.0.1:[port]/v1/callback/send/send_money/[codename]"
            },
            "createdAt": "[createdAt]",
            "credentials": {
              "changedAt": "[changedAt]",
              "fields": [
                "api_key",
                "username"
              ]
            },
            "fees": {
              "send_money": {
                "flat": 2500,
                "vat": true,
                "vatBp": 1100
              }
            },
            "id": "[id]",
            "label": "OY! sandbox",
            "lastActivityAt": null,
            "mode": "test",
            "provider": "oy",
            "services": [
              "send_money"
            ],
            "settings": {
              "base_url": "http://127.0.0.1:[port]"
            },
            "status": "MAINTENANCE",
            "statusReason": "a window",
            "statusUntil": "[statusUntil]",
            "type": "AGGREGATOR",
            "updatedAt": "[updatedAt]",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);

        let tick = async || connections::end_maintenance(&world.app).await.unwrap();
        let status = async |id: &str| {
            let data = world.caller.get(&format!("/v1/providers/{id}")).await.body["data"].take();
            ["status", "statusReason", "statusUntil", "version"].map(|name| data[name].to_string()).join(" ")
        };
        // Whoever sets another status or another end has the last word.
        set(&other, with("MAINTENANCE", "2026-11-20T12:10:00Z")).await;
        set(&other, json!({ "status": "INACTIVE", "reason": "no more" })).await;
        clock.advance(Duration::from_secs(1_799));
        tick().await;
        assert_eq!(status(&id).await, "\"MAINTENANCE\" \"a window\" \"2026-11-20T12:30:00.000Z\" 2");
        clock.advance(Duration::from_secs(1));
        tick().await;
        assert_eq!(status(&id).await, "\"ACTIVE\" \"The maintenance is over.\" null 3");
        assert_eq!(status(&other).await, "\"INACTIVE\" \"no more\" null 3");
        tick().await;
        assert_eq!(status(&id).await, "\"ACTIVE\" \"The maintenance is over.\" null 3");
        set(&id, json!({ "status": "MAINTENANCE", "reason": "without an end" })).await;
        clock.advance(Duration::from_secs(86_400 * 365));
        tick().await;
        assert_eq!(status(&id).await, "\"MAINTENANCE\" \"without an end\" null 4");
        let audited: Vec<String> = world.audited().await.iter().map(Value::to_string).collect();
        insta::assert_snapshot!(audited.join("\n"), @r###"
        ["Ani","connection.created",{"credentials":["api_key","username"],"fee":{"vat":false,"vatBp":0},"label":"Second","provider":"oy","services":["send_money"],"settings":["base_url"]}]
        ["Ani","connection.status_set",{"after":{"reason":"a window","status":"MAINTENANCE","until":"2026-11-20T12:30:00.000Z"},"before":{"reason":"","status":"ACTIVE"}}]
        ["Ani","connection.status_set",{"after":{"reason":"a window","status":"MAINTENANCE","until":"2026-11-20T12:10:00.000Z"},"before":{"reason":"","status":"ACTIVE"}}]
        ["Ani","connection.status_set",{"after":{"reason":"no more","status":"INACTIVE"},"before":{"reason":"a window","status":"MAINTENANCE","until":"2026-11-20T12:10:00.000Z"}}]
        ["engine","connection.status_set",{"after":{"reason":"The maintenance is over.","status":"ACTIVE"},"before":{"reason":"a window","status":"MAINTENANCE"}}]
        ["Ani","connection.status_set",{"after":{"reason":"without an end","status":"MAINTENANCE"},"before":{"reason":"The maintenance is over.","status":"ACTIVE"}}]
        "###);
        world
    })
    .await;
}
