//! Who is let in, and to what: keys, tokens, rights, other clients' ids, the allow-list, and the limits.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use paystrator::clock::Clock;
use paystrator::domain::access::{Need, Product, Right, Rights};
use serde_json::{Value, json};

use crate::api_document;
use crate::support::{Options, World, run, run_with};

/// An endpoint of the API: its address with `{sm}`, `{we}`, `{ev}`, `{key}` and `{conn}` for ids, a good body, and its
/// right.
type Endpoint = (&'static str, &'static str, Option<Value>, Product, Need);

#[rustfmt::skip]
fn endpoints() -> Vec<Endpoint> {
    use Need::{Read, Write};
    use Product::{Kyb, Operations, Providers, SendMoney, Settings, Webhooks};
    let inquiry = json!({ "receiverBankCode": "BCA", "receiverAccountNo": "1239812390" });
    let order = json!({ "connections": ["{conn}"] });
    let asked = json!({ "service": "send_money", "destination": "BCA", "amount": 1 });
    let made = json!({ "provider": "oy", "label": "l", "credentials": { "username": "u", "api_key": "k" } });
    let closed = json!({ "status": "MAINTENANCE", "reason": "test" });
    let resolve = json!({ "outcome": "paid", "reason": "seen", "document": "letter" });
    let account = json!({ "label": "l", "credentials": { "username": "u", "api_key": "k" } });
    vec![
        ("POST", "/v1/send-money", Some(World::body("X", "1239812390", 1)), SendMoney, Write),
        ("GET", "/v1/get-status?transaction_id={sm}", None, SendMoney, Read),
        ("POST", "/v1/account-inquiry", Some(inquiry), SendMoney, Read),
        ("GET", "/v1/balances", None, SendMoney, Read),
        ("GET", "/v1/transactions", None, SendMoney, Read),
        ("GET", "/v1/transactions/{sm}", None, SendMoney, Read),
        ("POST", "/v1/transactions/{sm}/cancel", None, Operations, Write),
        ("POST", "/v1/transactions/{sm}/resolve", Some(resolve), Operations, Write),
        ("GET", "/v1/exceptions", None, Operations, Read),
        ("GET", "/v1/sending", None, Operations, Read),
        ("POST", "/v1/sending/pause", Some(json!({ "reason": "test" })), Operations, Write),
        ("POST", "/v1/sending/resume", None, Operations, Write),
        ("GET", "/v1/providers", None, Providers, Read),
        ("POST", "/v1/providers", Some(made), Providers, Write),
        ("GET", "/v1/providers/catalogue", None, Providers, Read),
        ("GET", "/v1/providers/{conn}", None, Providers, Read),
        ("PATCH", "/v1/providers/{conn}", Some(json!({})), Providers, Write),
        ("DELETE", "/v1/providers/{conn}", None, Providers, Write),
        ("POST", "/v1/providers/{conn}/test", None, Providers, Write),
        ("GET", "/v1/providers/{conn}/monitoring", None, Providers, Read),
        ("PUT", "/v1/providers/{conn}/monitoring", Some(json!({ "enabled": true })), Providers, Write),
        ("GET", "/v1/providers/{conn}/fees", None, Providers, Read),
        ("POST", "/v1/providers/{conn}/fees", Some(json!({ "service": "send_money", "plan": {} })), Providers, Write),
        ("POST", "/v1/providers/fees/preview", Some(json!({ "amount": 1, "plan": {} })), Providers, Read),
        ("POST", "/v1/providers/{conn}/status", Some(closed), Providers, Write),
        ("GET", "/v1/sequences", None, Providers, Read),
        ("POST", "/v1/sequences/preview", Some(asked), Providers, Read),
        ("GET", "/v1/sequences/{service}", None, Providers, Read),
        ("PUT", "/v1/sequences/{service}", Some(order.clone()), Providers, Write),
        ("GET", "/v1/sequences/{service}/versions", None, Providers, Read),
        ("GET", "/v1/sequences/{service}/{destination}", None, Providers, Read),
        ("PUT", "/v1/sequences/{service}/{destination}", Some(order), Providers, Write),
        ("DELETE", "/v1/sequences/{service}/{destination}", None, Providers, Write),
        ("GET", "/v1/sequences/{service}/{destination}/versions", None, Providers, Read),
        ("GET", "/v1/kyb", None, Kyb, Read),
        ("PUT", "/v1/kyb", Some(json!({})), Kyb, Write),
        ("GET", "/v1/kyb/versions", None, Kyb, Read),
        ("GET", "/v1/kyb/completeness", None, Kyb, Read),
        ("GET", "/v1/kyb/documents", None, Kyb, Read),
        ("POST", "/v1/kyb/documents?name=x.pdf", None, Kyb, Write),
        ("GET", "/v1/kyb/documents/{doc}", None, Kyb, Read),
        ("DELETE", "/v1/kyb/documents/{doc}", None, Kyb, Write),
        ("POST", "/v1/kyb/documents/{doc}/link", None, Kyb, Read),
        ("GET", "/v1/kyb/documents/{doc}/reads", None, Kyb, Read),
        ("POST", "/v1/onboarding", Some(json!({ "providers": [{ "provider": "oy" }] })), Kyb, Write),
        ("GET", "/v1/onboarding", None, Kyb, Read),
        ("GET", "/v1/onboarding/{reference_id}", None, Kyb, Read),
        ("POST", "/v1/onboarding/{reference_id}/submit", None, Kyb, Write),
        ("POST", "/v1/onboarding/{reference_id}/withdraw", None, Kyb, Write),
        ("POST", "/v1/onboarding/{reference_id}/connect", Some(account), Kyb, Write),
        ("GET", "/v1/onboarding/{reference_id}/provider-data", None, Kyb, Read),
        ("GET", "/v1/events", None, Webhooks, Read),
        ("GET", "/v1/webhook-endpoints", None, Webhooks, Read),
        ("POST", "/v1/webhook-endpoints", Some(json!({ "url": "http://127.0.0.1:1/" })), Webhooks, Write),
        ("GET", "/v1/webhook-endpoints/{we}", None, Webhooks, Read),
        ("PATCH", "/v1/webhook-endpoints/{we}", Some(json!({})), Webhooks, Write),
        ("POST", "/v1/webhook-endpoints/{we}/rotate-secret", None, Webhooks, Write),
        ("POST", "/v1/webhook-endpoints/{we}/test", None, Webhooks, Write),
        ("GET", "/v1/webhook-endpoints/{we}/deliveries", None, Webhooks, Read),
        ("POST", "/v1/webhook-endpoints/{we}/deliveries/{ev}/replay", None, Webhooks, Write),
        ("GET", "/v1/api-keys", None, Settings, Read),
        ("POST", "/v1/api-keys", Some(json!({ "name": "n", "rights": {} })), Settings, Write),
        ("DELETE", "/v1/api-keys/{key}", None, Settings, Write),
        ("GET", "/v1/audit", None, Settings, Read),
        ("GET", "/v1/ip-allow-list", None, Settings, Read),
        ("PUT", "/v1/ip-allow-list", Some(json!({ "addresses": [] })), Settings, Write),
    ]
}

#[test]
fn the_table_of_endpoints_is_whole() {
    // These ask for no right: anybody, any key, or a provider.
    const OPEN: [&str; 8] = [
        "GET /livez",
        "GET /readyz",
        "GET /openapi.json",
        "POST /v1/auth/token",
        "POST /v1/onboarding/status",
        "GET /v1/files/{token}",
        "POST /v1/callback/{direction}/{kind}/{codename}",
        "POST /v1/callback/{direction}/{kind}/{codename}/{*rest}",
    ];
    let of_table = |(method, path, ..): Endpoint| {
        let path = path.split('?').next().unwrap().replace("{ev}", "{event}");
        let path = ["{sm}", "{we}", "{key}", "{conn}", "{doc}"].iter().fold(path, |path, id| path.replace(id, "{id}"));
        format!("{method} {path}")
    };
    let table: BTreeSet<String> = endpoints().into_iter().map(of_table).chain(OPEN.map(String::from)).collect();
    assert_eq!(table, api_document::routes());
}

/// A payment that ended, an endpoint and its event, a connection and a key of the world's client, in place of the words.
async fn fill(world: &World, path: &str) -> String {
    if !path.contains('{') {
        return path.to_owned();
    }
    let one = async |sql: &'static str| -> String { sqlx::query_scalar(sql).fetch_one(&world.sql).await.unwrap() };
    let path = path.replace("{service}", "send_money").replace("{destination}", "BCA");
    path.replace("{sm}", &one("SELECT 'sm_' || replace(id::text, '-', '') FROM payment").await)
        .replace("{we}", &one("SELECT 'we_' || replace(id::text, '-', '') FROM endpoint").await)
        .replace("{ev}", &one("SELECT 'ev_' || replace(id::text, '-', '') FROM event ORDER BY id LIMIT 1").await)
        .replace("{conn}", &one("SELECT 'conn_' || replace(id::text, '-', '') FROM connection").await)
        .replace("{doc}", &one("SELECT 'doc_' || replace(id::text, '-', '') FROM document ORDER BY id LIMIT 1").await)
        .replace("{reference_id}", &one("SELECT 'paystrator-kyb-' || replace(id::text, '-', '') FROM onboarding").await)
        .replace("{key}", &one("SELECT 'key_' || replace(id::text, '-', '') FROM api_key ORDER BY id LIMIT 1").await)
}

async fn with_one_of_each(world: &World) {
    world.endpoint("main").await;
    let id = world.send("ORDER-1", "1239812390", 10_000).await;
    world.until_status(&id, "SUCCESS").await;
    world.complete_file().await;
    world.on_board(&["oy"]).await;
}

/// With a provider that takes KYB files.
fn options() -> Options {
    Options { kyb: vec!["oy".into()], ..Options::default() }
}

#[tokio::test]
async fn another_clients_ids_are_not_there() {
    run_with(options(), async |world| {
        with_one_of_each(&world).await;
        let stranger = world.stranger().await;
        let mut tried = 0;
        let of_ids = |path: &str| path.contains('{') && !path.contains("{service}");
        for (method, path, body, ..) in endpoints().into_iter().filter(|(_, path, ..)| of_ids(path)) {
            let path = fill(&world, path).await;
            let headers = [("If-Match", "*")];
            let reply = stranger.call(method, &path, body.map(|b| b.to_string()), &headers).await;
            assert_eq!((reply.status, &reply.body["error"]["code"]), (404, &json!("not_found")), "{method} {path}");
            tried += 1;
        }
        assert_eq!(tried, 29);
        // Nothing of ours in the stranger's lists either.
        let log = stranger.get("/v1/audit").await.body["data"]["items"].take();
        assert!(log.as_array().unwrap().iter().all(|entry| entry["person"] == "command line"), "{log}");
        let lists = ["transactions", "events", "webhook-endpoints", "exceptions", "balances", "providers", "sequences"];
        for path in lists.into_iter().chain(["sequences/send_money/versions", "sequences/send_money/BCA/versions"]) {
            assert_eq!(stranger.get(&format!("/v1/{path}")).await.body["data"]["items"], json!([]), "{path}");
        }
        // Sequences have no ids: the stranger has none, and cannot make one of our connections.
        for path in ["/v1/sequences/send_money", "/v1/sequences/send_money/BCA"] {
            assert_eq!(stranger.get(path).await.status, 404, "{path}");
            let body = fill(&world, &json!({ "connections": ["{conn}"] }).to_string()).await;
            let reply = stranger.call("PUT", path, Some(body), &[("If-None-Match", "*")]).await;
            let fault = &reply.body["error"]["fields"][0];
            assert_eq!((reply.status, &fault["field"]), (400, &json!("connections.0")), "{path}");
            assert_eq!(fault["message"], "is not a connection of yours", "{path}");
        }
        let replay = endpoints().into_iter().find(|(_, path, ..)| path.ends_with("/replay")).unwrap();
        let path = fill(&world, replay.1).await.replace("/deliveries/ev_", "/deliveries/sm_");
        assert_eq!(world.caller.call("POST", &path, None, &[]).await.status, 404);
        world
    })
    .await;
}

#[tokio::test]
async fn a_key_without_the_right_is_refused_everywhere() {
    run_with(options(), async |world| {
        with_one_of_each(&world).await;
        for (method, path, body, product, need) in endpoints() {
            let path = fill(&world, path).await;
            let mut rights = Rights::all();
            rights.0.insert(product, if need == Need::Read { Right::Write } else { Right::Read });
            let caller = world.with_rights(rights).await;
            let reply = caller.call(method, &path, body.map(|b| b.to_string()), &[("If-Match", "*")]).await;
            assert_eq!((reply.status, &reply.body["error"]["code"]), (403, &json!("right_missing")), "{method} {path}");
        }
        let nothing = world.with_rights(Rights::default()).await;
        insta::assert_snapshot!(nothing.get("/v1/balances").await.shown(), @r###"
        HTTP 403
        {
          "error": {
            "action": "Use a key that has the right, or make one under API keys.",
            "code": "right_missing",
            "message": "This key has no read right for send_money.",
            "reason": "The caller is not allowed to do this."
          },
          "requestId": "[requestId]",
          "status": 403
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn without_a_good_key_nobody_is_let_in() {
    run_with(options(), async |world| {
        with_one_of_each(&world).await;
        let table = endpoints().into_iter().map(|(method, path, body, ..)| (method, path, body));
        for (method, path, body) in table.chain([("POST", "/v1/auth/token", None)]) {
            let path = fill(&world, path).await;
            let wrong = format!("Bearer {}x", world.caller.key);
            let basic = format!("Basic {}", world.caller.key);
            for value in ["", wrong.as_str(), basic.as_str(), "Bearer sk_test_", "Bearer a.b.c", "Bearer "] {
                let headers: &[(&str, &str)] = &[("Authorization", value)];
                let reply = world.caller.call(method, &path, body.as_ref().map(Value::to_string), headers).await;
                let code = &reply.body["error"]["code"];
                assert_eq!((reply.status, code), (401, &json!("permission_denied")), "{method} {path} with {value:?}");
            }
        }
        let nobody = world.caller.with_key("");
        insta::assert_snapshot!(nobody.get("/v1/balances").await.shown(), @r###"
        HTTP 401
        {
          "error": {
            "action": "Send your API key, or a token from POST /v1/auth/token not older than five minutes, as `Authorization: Bearer …` or `publicAccessToken: Bearer …`.",
            "code": "permission_denied",
            "message": "The credential is missing, wrong, expired or revoked.",
            "reason": "The caller could not be recognised."
          },
          "requestId": "[requestId]",
          "status": 401
        }
        "###);
        let reply = nobody.call("GET", "/v1/sending", None, &[("publicAccessToken", &world.caller.key)]).await;
        assert_eq!(reply.status, 200, "the contract's other header is taken");
        world
    })
    .await;
}

#[tokio::test]
async fn a_token_stands_for_its_key_until_it_expires() {
    let clock = Clock::manual("2026-11-20T03:00:00Z".parse().unwrap());
    run_with(Options { clock: clock.clone(), ..Options::default() }, async |world| {
        let made = world.caller.post("/v1/auth/token", json!({})).await;
        insta::assert_snapshot!(made.shown(), @r###"
        HTTP 200
        {
          "data": {
            "accessToken": "[accessToken]",
            "expiresIn": 300,
            "tokenType": "Bearer"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let token = made.body["data"]["accessToken"].as_str().unwrap().to_owned();
        let caller = world.caller.with_key(&token);
        assert_eq!(caller.get("/v1/sending").await.status, 200);
        insta::assert_snapshot!(caller.post("/v1/auth/token", json!({})).await.shown(), @r###"
        HTTP 403
        {
          "error": {
            "action": "Call with the API key itself.",
            "code": "key_needed",
            "message": "A token cannot make a token.",
            "reason": "The caller is not allowed to do this."
          },
          "requestId": "[requestId]",
          "status": 403
        }
        "###);

        let parts: Vec<&str> = token.split('.').collect();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        claims["exp"] = json!(claims["exp"].as_i64().unwrap() + 3600);
        let none = encode(&json!({ "alg": "none", "typ": "JWT" }));
        let longer = encode(&claims);
        let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        signature[0] ^= 1;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        for forged in [
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{longer}.{}", parts[0], parts[2]),
            format!("{}.{}.{signature}", parts[0], parts[1]),
            format!("{}.{}.", parts[0], parts[1]),
        ] {
            assert_eq!(world.caller.with_key(&forged).get("/v1/sending").await.status, 401, "{forged}");
        }

        clock.advance(Duration::from_secs(299));
        assert_eq!(caller.get("/v1/sending").await.status, 200);
        clock.advance(Duration::from_secs(1));
        assert_eq!(caller.get("/v1/sending").await.status, 401, "after 300 s");
        world
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_ends_with_its_tokens() {
    run(async |world| {
        let body = json!({ "name": "Checkout", "rights": { "send_money": "read_write", "webhooks": "read" } });
        let made = world.caller.post("/v1/api-keys", body.clone()).await;
        insta::assert_snapshot!(made.shown(), @r###"
        HTTP 201
        {
          "data": {
            "createdAt": "[createdAt]",
            "hint": "[hint]",
            "id": "[id]",
            "lastUsedAt": null,
            "mode": "test",
            "name": "Checkout",
            "person": "Ani",
            "revokedAt": null,
            "rights": {
              "kyb": "none",
              "operations": "none",
              "providers": "none",
              "send_money": "read_write",
              "settings": "none",
              "webhooks": "read"
            },
            "secret": "[secret]"
          },
          "errors": null,
          "status": 201
        }
        "###);
        let secret = made.body["data"]["secret"].as_str().unwrap().to_owned();
        let key = world.caller.with_key(&secret);
        assert_eq!(key.get("/v1/transactions").await.status, 200);
        assert_eq!(key.get("/v1/api-keys").await.status, 403);
        let token = key.post("/v1/auth/token", json!({})).await;
        let token = world.caller.with_key(token.body["data"]["accessToken"].as_str().unwrap());
        assert_eq!(token.get("/v1/transactions").await.status, 200);

        let list = world.caller.get("/v1/api-keys").await;
        assert_eq!(list.body["data"]["items"].as_array().unwrap().len(), 3);
        assert!(!list.body.to_string().contains(&secret), "a list shows a key");
        let path = format!("/v1/api-keys/{}", made.body["data"]["id"].as_str().unwrap());
        insta::assert_snapshot!(world.caller.call("DELETE", &path, None, &[]).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "createdAt": "[createdAt]",
            "hint": "[hint]",
            "id": "[id]",
            "lastUsedAt": "[lastUsedAt]",
            "mode": "test",
            "name": "Checkout",
            "person": "Ani",
            "revokedAt": "[revokedAt]",
            "rights": {
              "kyb": "none",
              "operations": "none",
              "providers": "none",
              "send_money": "read_write",
              "settings": "none",
              "webhooks": "read"
            }
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(world.caller.call("DELETE", &path, None, &[]).await.status, 200, "a repeat is no mistake");
        assert_eq!(key.get("/v1/transactions").await.status, 401);
        assert_eq!(token.get("/v1/transactions").await.status, 401);
        world
    })
    .await;
}

#[tokio::test]
async fn a_key_cannot_make_a_greater_one_and_repeats_show_no_secret() {
    run(async |world| {
        let mut rights = Rights::all();
        rights.0.insert(Product::Operations, Right::Read);
        let lesser = world.with_rights(rights).await;
        let body = |right: &str| json!({ "name": "n", "rights": { "operations": right } });
        insta::assert_snapshot!(lesser.post("/v1/api-keys", body("write")).await.shown(), @r###"
        HTTP 403
        {
          "error": {
            "action": "Ask for fewer rights, or call with a key that has them.",
            "code": "rights_exceeded",
            "message": "The new key would have rights that this key has not.",
            "reason": "The caller is not allowed to do this."
          },
          "requestId": "[requestId]",
          "status": 403
        }
        "###);
        assert_eq!(lesser.post("/v1/api-keys", body("read_write")).await.status, 403);
        assert_eq!(lesser.post("/v1/api-keys", body("read")).await.status, 201);
        let wrong = json!({ "name": " ", "rights": { "send_money": "all", "everything": "read" }, "mode": "live" });
        insta::assert_snapshot!(world.caller.post("/v1/api-keys", wrong).await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "mode",
                "message": "is not a field of this request"
              },
              {
                "field": "rights.everything",
                "message": "is not a field of this request"
              },
              {
                "field": "rights.send_money",
                "message": "must match ^(none|read|write|read_write)$"
              }
            ],
            "message": "mode is not a field of this request; rights.everything is not a field of this request; rights.send_money must match ^(none|read|write|read_write)$",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);

        let call = async |body: Value| {
            world.caller.call("POST", "/v1/api-keys", Some(body.to_string()), &[("Idempotency-Key", "K1")]).await
        };
        let (first, again) = (call(body("read")).await, call(body("read")).await);
        assert_eq!((first.status, again.status), (201, 200));
        assert_eq!(first.body["data"]["id"], again.body["data"]["id"]);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert!(again.body["data"].get("secret").is_none());
        assert_eq!(call(body("write")).await.status, 422);
        let made: i64 =
            sqlx::query_scalar("SELECT count(*) FROM api_key WHERE name = 'n'").fetch_one(&world.sql).await.unwrap();
        assert_eq!(made, 2);
        world
    })
    .await;
}

#[tokio::test]
async fn the_allow_list_keeps_others_out_and_the_caller_in() {
    run(async |world| {
        let put = async |body: Value| world.caller.call("PUT", "/v1/ip-allow-list", Some(body.to_string()), &[]).await;
        let wrong = put(json!({ "addresses": ["203.0.113.300", "10.0.0.0/33", "example.com", "::1"] })).await;
        insta::assert_snapshot!(wrong.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "addresses.0",
                "message": "is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
              },
              {
                "field": "addresses.1",
                "message": "is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
              },
              {
                "field": "addresses.2",
                "message": "is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
              }
            ],
            "message": "addresses.0 is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32; addresses.1 is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32; addresses.2 is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        insta::assert_snapshot!(put(json!({ "addresses": ["203.0.113.7"] })).await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Add the address, or repeat with \"force\": true if you mean it.",
            "code": "would_lock_out",
            "message": "The list lacks 127.0.0.1, from where this call comes.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        let good = put(json!({ "addresses": ["127.0.0.0/8", "2001:db8::1", "203.0.113.9/24", "127.0.0.1/8"] })).await;
        insta::assert_snapshot!(good.shown(), @r###"
        HTTP 200
        {
          "data": {
            "addresses": [
              "127.0.0.0/8",
              "203.0.113.0/24",
              "2001:db8::1/128"
            ]
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(world.caller.get("/v1/ip-allow-list").await.body["data"], good.body["data"]);
        assert_eq!(put(json!({ "addresses": ["203.0.113.7"], "force": true })).await.status, 200);
        insta::assert_snapshot!(world.caller.get("/v1/ip-allow-list").await.shown(), @r###"
        HTTP 403
        {
          "error": {
            "action": "Add the address to the IP allow-list, or call from one that is on it.",
            "code": "address_not_allowed",
            "message": "Calls from 127.0.0.1 are not allowed.",
            "reason": "The caller is not allowed to do this."
          },
          "requestId": "[requestId]",
          "status": 403
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn too_many_and_too_much_are_refused() {
    let mut options = Options::default();
    options.config.limits.requests_per_minute = 1;
    options.config.limits.burst = 3;
    options.config.limits.inquiries_per_minute = 1;
    run_with(options, async |world| {
        let inquiry = json!({ "receiverBankCode": "BCA", "receiverAccountNo": "1239812390" });
        assert_eq!(world.caller.post("/v1/account-inquiry", inquiry.clone()).await.status, 200);
        let second = world.caller.post("/v1/account-inquiry", inquiry).await;
        assert_eq!(second.status, 429, "inquiries have a limit of their own");
        let mut body = World::body("BIG", "1239812390", 1);
        body["metadata"] = json!("x".repeat(70_000));
        insta::assert_snapshot!(world.caller.post("/v1/send-money", body).await.shown(), @r###"
        HTTP 413
        {
          "error": {
            "action": "Send a smaller body; metadata is the part that usually grows.",
            "code": "body_too_large",
            "message": "The request body is too large.",
            "reason": "Bodies are limited."
          },
          "requestId": "[requestId]",
          "status": 413
        }
        "###);
        let reply = world.caller.get("/v1/sending").await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 429
        {
          "error": {
            "action": "Wait as long as Retry-After says, then send the same request again. Nothing was changed.",
            "code": "too_many_requests",
            "message": "Too many requests.",
            "reason": "Requests are limited per client."
          },
          "requestId": "[requestId]",
          "status": 429
        }
        "###);
        let wait: u64 = reply.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!((1..=61).contains(&wait), "{wait}");
        assert!(reply.header("x-request-id").is_some());
        assert_eq!(world.stranger().await.get("/v1/sending").await.status, 200, "limits are per client");
        world
    })
    .await;
}
