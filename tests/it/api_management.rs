//! Providers managed by API: what can be connected, whether a connection works, what it costs and from when, and the
//! status that ends by itself.

use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

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
        world.move_connection(&format!("{}/elsewhere", world.sandbox.oy_url())).await;
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

        world.move_connection(&world.sandbox.oy_url()).await;
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
        let audited = world.audited().await;
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
