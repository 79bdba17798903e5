//! Connections by API: made with every fault named, listed, changed without undoing each other, closed and removed.

use std::collections::BTreeSet;

use paystrator::flows::connections;
use serde_json::{Value, json};

use crate::support::bad::{Stub, fast};
use crate::support::http::Reply;
use crate::support::{Options, World, run, run_with};

const API_KEY: &str = "a-secret-of-the-connection";

impl World {
    /// A call to a connection of the world's client, with `If-Match`.
    pub async fn provider(&self, method: &str, path: &str, body: Value, tag: Option<&str>) -> Reply {
        let headers: Vec<_> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
        self.caller.call(method, &format!("/v1/providers/{path}"), Some(body.to_string()), &headers).await
    }

    /// A connection to make, at the simulator.
    pub fn connection(&self, label: &str) -> Value {
        json!({
            "provider": "oy", "label": label, "credentials": self.sandbox.oy.credentials(),
            "settings": { "base_url": self.sandbox.url("oy") },
        })
    }

    /// Makes a connection at the simulator by API, and answers its outward id.
    pub async fn connect(&self, label: &str) -> String {
        let made = self.caller.post("/v1/providers", self.connection(label)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["data"]["id"].as_str().unwrap().to_owned()
    }

    /// The outward id of the world's first connection.
    pub fn first(&self) -> String {
        format!("conn_{}", self.connection_id.simple())
    }

    /// What people did, oldest first.
    pub async fn audited(&self) -> Vec<Value> {
        sqlx::query_scalar("SELECT jsonb_build_array(person, action, detail - 'key') FROM audit ORDER BY seq")
            .fetch_all(&self.sql)
            .await
            .unwrap()
    }
}

/// What a refusal says, on a line.
pub fn told(reply: &Reply) -> String {
    let error = &reply.body["error"];
    let fields = error["fields"].as_array().into_iter().flatten();
    let fields: Vec<String> =
        fields.map(|f| format!("\n  {}: {}", f["field"].as_str().unwrap(), f["message"].as_str().unwrap())).collect();
    format!("{} {}{}", reply.status, error["code"].as_str().unwrap_or("-"), fields.concat())
}

#[tokio::test]
async fn a_connection_is_made_and_its_secrets_are_never_told() {
    run(async |world| {
        let body = json!({
            "provider": "oy", "label": " Main account ", "type": "aggregator", "services": ["send_money"],
            "credentials": { "username": "a-user", "api_key": API_KEY },
            "settings": { "base_url": world.sandbox.url("oy") },
            "fee": { "percentageBp": 150, "vatBp": 1100, "vat": true },
        });
        let post = async |body: &Value, key: &str| {
            let headers = [("Idempotency-Key", key)];
            world.caller.call("POST", "/v1/providers", Some(body.to_string()), &headers).await
        };
        let made = post(&body, "K1").await;
        insta::assert_snapshot!(made.shown(), @r###"
        HTTP 201
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
                "percentageBp": 150,
                "vat": true,
                "vatBp": 1100
              }
            },
            "id": "[id]",
            "label": "Main account",
            "lastActivityAt": null,
            "mode": "test",
            "provider": "oy",
            "services": [
              "send_money"
            ],
            "settings": {
              "base_url": "http://127.0.0.1:[port]"
            },
            "status": "ACTIVE",
            "statusReason": "",
            "statusUntil": null,
            "type": "AGGREGATOR",
            "updatedAt": "[updatedAt]",
            "version": 1
          },
          "errors": null,
          "status": 201
        }
        "###);
        assert_eq!(made.header("etag"), Some("\"1\""));
        let again = post(&body, "K1").await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(again.body["data"], made.body["data"]);
        assert_eq!(told(&post(&world.connection("Other"), "K1").await), "422 idempotency_key_reused");
        let id = made.body["data"]["id"].as_str().unwrap();
        let read = world.caller.get(&format!("/v1/providers/{id}")).await;
        assert_eq!((read.header("etag"), &read.body["data"]), (Some("\"1\""), &made.body["data"]));
        let list = world.caller.get("/v1/providers").await;
        assert_eq!(list.body["data"]["items"][1], made.body["data"]);
        for reply in [&made, &again, &read, &list] {
            assert!(!reply.body.to_string().contains(API_KEY), "{}", reply.body);
        }
        // The callback address that is shown is the one that works.
        let url = made.body["data"]["callbackUrls"]["send_money"].as_str().unwrap();
        let path = &url[url.find("/v1/").unwrap()..];
        let body = json!({ "partner_trx_id": "nobodysreference" }).to_string();
        assert_eq!(world.caller.call("POST", path, Some(body), &[("authorization", "none")]).await.status, 200);
        let sequence = world.caller.get("/v1/sequences/send_money").await;
        let order: Vec<&Value> =
            sequence.body["data"]["connections"].as_array().unwrap().iter().map(|c| &c["label"]).collect();
        assert_eq!(order, ["OY! sandbox", "Main account"], "a new one stands at the end");
        let audited = world.audited().await;
        insta::assert_snapshot!(audited.last().unwrap().to_string(), @r###"["Ani","connection.created",{"credentials":["api_key","username"],"fee":{"percentageBp":150,"vat":true,"vatBp":1100},"label":"Main account","provider":"oy","services":["send_money"],"settings":["base_url"]}]"###);
        world
    })
    .await;
}

#[tokio::test]
async fn every_fault_of_a_new_connection_is_named_and_nothing_is_made() {
    run(async |world| {
        let good = || world.connection("Second");
        let with = |changes: Value| {
            let mut body = good();
            for (name, value) in changes.as_object().unwrap() {
                body[name] = value.clone();
            }
            body
        };
        let secret = json!({ "username": "u", "api_key": API_KEY });
        let cases = [
            json!({}),
            json!([]),
            with(json!({ "id": "conn_1", "credentials": null, "status": "ACTIVE" })),
            with(json!({ "provider": "nobody", "label": " ", "fee": { "flat": 1, "percentageBp": 1 } })),
            with(json!({ "type": "DIRECT", "services": ["send_money", "lottery", "send_money"] })),
            with(json!({ "type": "BOTH", "services": [] })),
            with(json!({ "credentials": { "username": "u", "api_key": format!("{API_KEY} {API_KEY}"), "pin": API_KEY } })),
            with(json!({ "credentials": { "username": API_KEY }, "settings": { "api_key": API_KEY } })),
            with(json!({ "credentials": API_KEY, "settings": [API_KEY] })),
            with(json!({ "credentials": { "username": 7, "api_key": [API_KEY] } })),
            with(json!({ "credentials": secret, "settings": { "base_url": "ftp://example.com", "colour": "red" } })),
            with(json!({ "settings": { "base_url": "http://169.254.169.254/latest" } })),
            with(json!({ "fee": { "flat": -1, "vatBp": 20_000, "vat": "yes", "currency": "IDR" } })),
            with(json!({ "fee": { "flat": 2.5 } })),
            with(json!({ "fee": { "flat": 100, "vat": true } })),
            with(json!({ "label": "oy! SANDBOX" })),
            with(json!({ "label": "OY! sandbox ", "type": "DIRECT" })),
            with(json!({ "label": "x".repeat(101) })),
            // Another provider's form, and a key that is none.
            with(json!({ "provider": "doku", "credentials": {
                "client_id": "BRN-1", "secret_key": API_KEY, "private_key": format!("-----BEGIN PRIVATE KEY-----\n{API_KEY}"),
                "public_key": API_KEY, "username": "u",
            } })),
        ];
        let mut answers = Vec::new();
        for body in cases {
            let reply = world.caller.post("/v1/providers", body).await;
            assert!(!reply.body.to_string().contains(API_KEY), "{}", reply.body);
            answers.push(told(&reply));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          credentials: is required
          label: is required
          provider: is required
        400 wrong_parameters_in_request
          body: must be a JSON object
        400 wrong_parameters_in_request
          credentials: is required
          id: is not a field of this request
          status: is not a field of this request
        400 wrong_parameters_in_request
          fee.percentageBp: cannot stand beside flat: a fee is one or the other
          label: must not be blank or hold control characters
          provider: must be one of doku, kaspro, oy
        400 wrong_parameters_in_request
          services.1: must be one of send_money
          services.2: is named twice
          type: must be AGGREGATOR for this provider
        400 wrong_parameters_in_request
          services: must have at least 1 entries
          type: must match ^(AGGREGATOR|DIRECT)$
        400 wrong_parameters_in_request
          credentials.api_key: must be 1 to 255 printable ASCII characters without blanks, quotes and backslashes
          credentials.pin: is no field of this provider; there are: username, api_key
        400 wrong_parameters_in_request
          credentials.api_key: is missing
          settings.api_key: belongs into credentials
        400 wrong_parameters_in_request
          credentials: must be of type object
          settings: must be of type object
        400 wrong_parameters_in_request
          credentials.api_key: must be text
          credentials.username: must be text
        400 wrong_parameters_in_request
          settings.base_url: must begin with https:// (or http:// for a simulator)
          settings.colour: is no field of this provider; there are: base_url, username_header
        400 wrong_parameters_in_request
          settings.base_url: the address must be a host on the public internet
        400 wrong_parameters_in_request
          fee.currency: is not a field of this request
          fee.flat: must be at least 0
          fee.vat: must be of type boolean
          fee.vatBp: must be at most 10000
        400 wrong_parameters_in_request
          fee.flat: must be of type integer
        400 wrong_parameters_in_request
          fee.vatBp: is required where vat applies, such as 1100 for 11 %
        409 label_used
          label: is the label of another connection
        400 wrong_parameters_in_request
          label: is the label of another connection
          type: must be AGGREGATOR for this provider
        400 wrong_parameters_in_request
          label: must have at most 100 characters
        400 wrong_parameters_in_request
          credentials.agent_key: is missing
          credentials.private_key: is not one PEM: after its first line it needs base64 and then -----END PRIVATE KEY-----, and nothing more
          credentials.public_key: is not a PEM: it must begin with -----BEGIN PUBLIC KEY-----
          credentials.username: is no field of this provider; there are: client_id, secret_key, private_key, agent_key, public_key
          settings.sender_name: is missing
          settings.sender_phone: is missing
        "###);
        let used = world.caller.post("/v1/providers", with(json!({ "label": "oy! SANDBOX" }))).await;
        insta::assert_snapshot!(used.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Choose another label, or give the other connection a new one first.",
            "code": "label_used",
            "fields": [
              {
                "field": "label",
                "message": "is the label of another connection"
              }
            ],
            "message": "Another connection of this mode has this label.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        assert_eq!(world.number("SELECT count(*) FROM connection").await, 1);
        assert_eq!(world.number("SELECT count(*) FROM route WHERE kind = 'callback'").await, 1);
        assert_eq!(world.number("SELECT count(*) FROM sequence_version").await, 1);
        assert_eq!(world.audited().await, Vec::<Value>::new());
        world
    })
    .await;
}

#[tokio::test]
async fn a_client_makes_a_hundred_connections_and_no_more() {
    run(async |world| {
        // Ninety-eight copies of the first.
        world
            .execute(
                "INSERT INTO connection SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),
                    'label', 'Copy ' || n))).* FROM connection c, generate_series(1, 98) n",
            )
            .await;
        let (one, two) = tokio::join!(
            world.caller.post("/v1/providers", world.connection("A")),
            world.caller.post("/v1/providers", world.connection("B")),
        );
        let (made, refused) = if one.status == 201 { (one, two) } else { (two, one) };
        assert_eq!(made.status, 201, "{}", made.body);
        insta::assert_snapshot!(told(&refused), @r###"409 too_many_connections"###);
        let named = "SELECT cardinality(connection_ids)::bigint FROM sequence";
        assert_eq!((world.number("SELECT count(*) FROM connection").await, world.number(named).await), (100, 2));
        // One less makes room; another client has room of its own.
        let id = made.body["data"]["id"].as_str().unwrap();
        assert_eq!(world.provider("DELETE", id, json!({}), Some("*")).await.status, 200);
        world.connect("C").await;
        assert_eq!(world.stranger().await.post("/v1/providers", world.connection("A")).await.status, 201);
        world
    })
    .await;
}

#[tokio::test]
async fn an_address_given_by_a_user_must_be_a_public_one() {
    let mut options = Options::default();
    (options.config.webhooks.allow_http, options.config.webhooks.allow_private) = (false, false);
    run_with(options, async |world| {
        let mut answers = Vec::new();
        for url in ["http://example.com", "https://127.0.0.1", "https://localhost", "https://example.com:8443"] {
            let mut body = world.connection("Inside");
            body["settings"] = json!({ "base_url": url });
            answers.push(told(&world.caller.post("/v1/providers", body.clone()).await));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          settings.base_url: the address must begin with https://
        400 wrong_parameters_in_request
          settings.base_url: the address must be a host on the public internet
        400 wrong_parameters_in_request
          settings.base_url: the address must be a host on the public internet
        400 wrong_parameters_in_request
          settings.base_url: the address must use port 443
        "###);
        let mut body = world.connection("Outside");
        body["settings"] = json!({ "base_url": "https://example.com/staging" });
        assert_eq!(world.caller.post("/v1/providers", body).await.status, 201);
        world
    })
    .await;
}

#[tokio::test]
async fn connections_are_listed_page_by_page() {
    run(async |world| {
        for label in ["Alpha", "Beta 50%", "beta_2", "Gamma"] {
            world.connect(label).await;
        }
        let list = async |query: &str| {
            let reply = world.caller.get(&format!("/v1/providers?{query}")).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            let items = reply.body["data"]["items"].as_array().unwrap();
            let labels: Vec<String> = items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect();
            (labels.join(", "), reply.body["data"]["nextCursor"].as_str().map(str::to_owned))
        };
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let (page, next) = list(&format!("limit=2{cursor}")).await;
            pages.push(page);
            let Some(next) = next else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(pages, ["OY! sandbox, Alpha", "Beta 50%, beta_2", "Gamma"], "oldest first");
        assert_eq!(list("search=BETA").await.0, "Beta 50%, beta_2");
        assert_eq!(list("search=50%25").await.0, "Beta 50%", "% is a sign like others");
        assert_eq!(list("search=a_").await.0, "beta_2", "and _ too");
        assert_eq!(list("search=nobody").await, (String::new(), None));
        assert_eq!(list("search=beta&limit=1").await.0, "Beta 50%");
        let first = world.first();
        let closed = json!({ "status": "Inactive", "reason": "over" });
        assert_eq!(world.provider("POST", &format!("{first}/status"), closed, Some("*")).await.status, 200);
        assert_eq!(list("status=inactive").await.0, "OY! sandbox");
        assert_eq!(list("status=ACTIVE&service=send_money&search=g").await.0, "Gamma");
        let wrong = world.caller.get("/v1/providers?status=GONE").await;
        insta::assert_snapshot!(told(&wrong), @r###"
        400 wrong_parameters_in_request
          status: must be one of ACTIVE, MAINTENANCE, INACTIVE
        "###);
        let mut answers = Vec::new();
        for query in ["service=lottery", "limit=0", "cursor=conn_1", "label=Alpha", "status=ACTIVE&status=INACTIVE"] {
            answers.push(told(&world.caller.get(&format!("/v1/providers?{query}")).await));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          service: must be one of send_money
        400 wrong_parameters_in_request
          limit: must be from 1 to 100
        400 wrong_parameters_in_request
          cursor: is not one that was answered here
        400 wrong_parameters_in_request
          label: is not a parameter of this request
        400 wrong_parameters_in_request
          status: is given twice
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_changed_on_the_version_it_was_read_with() {
    run(async |world| {
        let id = world.connect("Second").await;
        let patch = async |body: Value, tag: Option<&str>| world.provider("PATCH", &id, body, tag).await;
        insta::assert_snapshot!(patch(json!({ "label": "New" }), None).await.shown(), @r###"
        HTTP 428
        {
          "error": {
            "action": "Read the connection, and send its ETag as If-Match.",
            "code": "if_match_needed",
            "message": "The request must say which version it changes.",
            "reason": "Without it, somebody else's change could be undone unseen."
          },
          "requestId": "[requestId]",
          "status": 428
        }
        "###);
        let before = world.caller.get(&format!("/v1/providers/{id}")).await.body["data"].clone();
        let changed = patch(json!({ "label": "New", "fee": { "flat": 100 } }), Some("\"1\"")).await;
        insta::assert_snapshot!(changed.shown(), @r###"
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
                "flat": 100,
                "vat": false,
                "vatBp": 0
              }
            },
            "id": "[id]",
            "label": "New",
            "lastActivityAt": null,
            "mode": "test",
            "provider": "oy",
            "services": [
              "send_money"
            ],
            "settings": {
              "base_url": "http://127.0.0.1:[port]"
            },
            "status": "ACTIVE",
            "statusReason": "",
            "statusUntil": null,
            "type": "AGGREGATOR",
            "updatedAt": "[updatedAt]",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(changed.header("etag"), Some("\"2\""));
        insta::assert_snapshot!(patch(json!({ "label": "Newer" }), Some("\"1\"")).await.shown(), @r###"
        HTTP 412
        {
          "error": {
            "action": "Read it again, and decide on what stands now.",
            "code": "changed_meanwhile",
            "message": "The connection has another version by now.",
            "reason": "If-Match does not name the current version."
          },
          "requestId": "[requestId]",
          "status": 412
        }
        "###);

        let user = world.sandbox.oy.credentials().username;
        let url = world.sandbox.url("oy");
        let mine = json!({ "username": user, "api_key": API_KEY });
        let cases = [
            (json!({ "credentials": { "username": "another", "api_key": API_KEY } }), "*"),
            (json!({ "settings": { "base_url": "http://127.0.0.1:9" } }), "*"),
            (json!({ "settings": {} }), "*"),
            (json!({ "credentials": { "api_key": API_KEY }, "label": "\t", "services": ["lottery"] }), "*"),
            (json!({ "credentials": mine, "settings": { "base_url": url, "username_header": "not a name" } }), "*"),
            (json!({ "label": "OY! sandbox" }), "*"),
            (json!({ "label": "OY! sandbox", "fee": { "flat": 1, "percentageBp": 1 } }), "*"),
            (json!({ "status": "ACTIVE", "provider": "oy", "type": "DIRECT" }), "*"),
            (json!({ "services": [] }), "*"),
            (json!({ "label": "Newer" }), "\"3\", \"4\""),
            (json!({ "label": "Newer" }), "W/\"2\""),
        ];
        let mut answers = Vec::new();
        for (body, tag) in cases {
            let reply = patch(body, Some(tag)).await;
            assert!(!reply.body.to_string().contains(API_KEY), "{}", reply.body);
            answers.push(told(&reply));
        }
        insta::assert_snapshot!(answers.join("\n"), @r###"
        409 other_account
          credentials: belongs to another account or place
        409 other_account
          settings.base_url: belongs to another account or place
        409 other_account
          settings.base_url: belongs to another account or place
        400 wrong_parameters_in_request
          credentials.username: is missing
          label: must not be blank or hold control characters
          services.0: must be one of send_money
        400 wrong_parameters_in_request
          settings.username_header: must be the name of an HTTP header
        409 label_used
          label: is the label of another connection
        400 wrong_parameters_in_request
          fee.percentageBp: cannot stand beside flat: a fee is one or the other
          label: is the label of another connection
        400 wrong_parameters_in_request
          provider: is not a field of this request
          status: is not a field of this request
          type: is not a field of this request
        400 wrong_parameters_in_request
          services: must have at least 1 entries
        412 changed_meanwhile
        412 changed_meanwhile
        "###);
        let other = json!({ "credentials": { "username": "another", "api_key": API_KEY } });
        insta::assert_snapshot!(patch(other, Some("*")).await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Add a new connection with POST /v1/providers, put it into the sequences, and remove this one when its payments have ended. Only the secrets of the same account can be replaced.",
            "code": "other_account",
            "fields": [
              {
                "field": "credentials",
                "message": "belongs to another account or place"
              }
            ],
            "message": "The change would make the connection another account or another place at the provider.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        let read = world.caller.get(&format!("/v1/providers/{id}")).await;
        assert_eq!(read.body["data"], changed.body["data"], "a refusal changes nothing");

        let rotated = patch(json!({ "credentials": mine }), Some("\"2\"")).await;
        assert_eq!((rotated.status, &rotated.body["data"]["version"]), (200, &json!(3)), "{}", rotated.body);
        let at = |data: &Value| data["credentials"]["changedAt"].as_str().unwrap().to_owned();
        assert_eq!(at(&changed.body["data"]), at(&before), "they were not replaced then");
        assert!(at(&rotated.body["data"]) > at(&before));
        let settings = json!({ "settings": { "base_url": url, "username_header": "x-username" } });
        let set = patch(settings, Some("\"3\"")).await;
        assert_eq!(set.body["data"]["settings"]["username_header"], "x-username", "{}", set.body);
        let audited: Vec<String> = world.audited().await.iter().skip(1).map(Value::to_string).collect();
        insta::assert_snapshot!(audited.join("\n"), @r###"
        ["Ani","connection.changed",{"after":{"fee":{"flat":100,"vat":false,"vatBp":0},"label":"New"},"before":{"fee":{"send_money":{"vat":false,"vatBp":0}},"label":"Second"}}]
        ["Ani","connection.changed",{"after":{"credentials":["api_key","username"]},"before":{"credentials":["api_key","username"]}}]
        ["Ani","connection.changed",{"after":{"settings":["base_url","username_header"]},"before":{"settings":["base_url"]}}]
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_told_so() {
    run(async |world| {
        let first = world.first();
        let label = |n: usize| json!({ "label": format!("Label {n}") });
        let all = futures_util::future::join_all(
            (0..8).map(|n| world.provider("PATCH", &first, label(n), Some("\"1\""))).collect::<Vec<_>>(),
        );
        let mut seen: Vec<u16> = all.await.iter().map(|reply| reply.status).collect();
        seen.sort_unstable();
        assert_eq!(seen, [200, 412, 412, 412, 412, 412, 412, 412]);
        let same = (0..8).map(|_| world.caller.post("/v1/providers", world.connection("Twin"))).collect::<Vec<_>>();
        let mut seen: Vec<u16> = futures_util::future::join_all(same).await.iter().map(|reply| reply.status).collect();
        seen.sort_unstable();
        assert_eq!(seen, [201, 409, 409, 409, 409, 409, 409, 409]);
        let repeats = (0..8).map(|_| {
            let body = world.connection("Repeated").to_string();
            world.caller.call("POST", "/v1/providers", Some(body), &[("Idempotency-Key", "R1")])
        });
        let repeats = futures_util::future::join_all(repeats.collect::<Vec<_>>()).await;
        let ids: BTreeSet<&str> = repeats.iter().map(|reply| reply.body["data"]["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 1, "one call, however often it comes");
        world
    })
    .await;
}

#[tokio::test]
async fn a_status_is_set_by_hand_and_seen_at_once() {
    run(async |world| {
        let first = world.first();
        let set =
            async |body: Value, tag: Option<&str>| world.provider("POST", &format!("{first}/status"), body, tag).await;
        let mut answers = Vec::new();
        for body in
            [json!({}), json!({ "status": "GONE", "reason": "r" }), json!({ "status": "ACTIVE", "reason": " " })]
        {
            answers.push(told(&set(body, Some("*")).await));
        }
        answers.push(told(&set(json!({ "status": "ACTIVE", "reason": "r" }), None).await));
        answers.push(told(&set(json!({ "status": "ACTIVE", "reason": "r" }), Some("\"9\"")).await));
        insta::assert_snapshot!(answers.join("\n"), @r###"
        400 wrong_parameters_in_request
          reason: is required
          status: is required
        400 wrong_parameters_in_request
          status: must match ^(ACTIVE|MAINTENANCE|INACTIVE)$
        400 wrong_parameters_in_request
          reason: must not be blank
        428 if_match_needed
        412 changed_meanwhile
        "###);

        let id = world.send("BEFORE", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let closed = set(json!({ "status": "maintenance", "reason": "A window until 03:00." }), Some("\"1\"")).await;
        insta::assert_snapshot!(closed.shown(), @r###"
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
            "lastActivityAt": "[lastActivityAt]",
            "mode": "test",
            "provider": "oy",
            "services": [
              "send_money"
            ],
            "settings": {
              "base_url": "http://127.0.0.1:[port]"
            },
            "status": "MAINTENANCE",
            "statusReason": "A window until 03:00.",
            "statusUntil": null,
            "type": "AGGREGATOR",
            "updatedAt": "[updatedAt]",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);
        // No memory of a moment ago lets it through.
        let refused = world.caller.post("/v1/send-money", World::body("CLOSED", "1239812390", 10_000)).await;
        assert_eq!(told(&refused), "409 no_connection");
        assert_eq!(
            refused.body["error"]["message"],
            "No connection can take this payment: OY! sandbox: it is in maintenance."
        );
        let open = set(json!({ "status": "ACTIVE", "reason": "It is over." }), Some("\"2\"")).await;
        assert_eq!(open.body["data"]["statusReason"], "It is over.");
        let id = world.send("AFTER", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let audited: Vec<String> = world.audited().await.iter().map(Value::to_string).collect();
        insta::assert_snapshot!(audited.join("\n"), @r###"
        ["Ani","connection.status_set",{"after":{"reason":"A window until 03:00.","status":"MAINTENANCE"},"before":{"reason":"","status":"ACTIVE"}}]
        ["Ani","connection.status_set",{"after":{"reason":"It is over.","status":"ACTIVE"},"before":{"reason":"A window until 03:00.","status":"MAINTENANCE"}}]
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_with_live_payments_is_not_removed() {
    run(async |world| {
        let first = world.first();
        let remove = async |tag: Option<&str>| world.provider("DELETE", &first, json!({}), tag).await;
        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let id = world.send("WAITS", "1239812390", 10_000).await;
        insta::assert_snapshot!(remove(Some("*")).await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Set it to MAINTENANCE so that nothing new goes there, wait until its payments are final and its exceptions closed, then remove it.",
            "code": "live_payments",
            "message": "Money is under way at this connection (unfinished attempts: 1, open exceptions: 0).",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        assert_eq!(told(&remove(None).await), "428 if_match_needed");
        assert_eq!(told(&remove(Some("\"7\"")).await), "412 changed_meanwhile");
        let read = world.caller.get(&format!("/v1/providers/{first}")).await;
        assert_eq!((&read.body["data"]["version"], &read.body["data"]["status"]), (&json!(1), &json!("ACTIVE")));
        world.caller.post("/v1/sending/resume", json!({})).await;
        world.until_status(&id, "SUCCESS").await;
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "300", None, true).unwrap();
        world.until_exception(&id, "failed_after_paid").await;
        let refused = remove(Some("*")).await;
        assert_eq!(
            refused.body["error"]["message"],
            "Money is under way at this connection (unfinished attempts: 0, open exceptions: 1)."
        );
        world
    })
    .await;
}

#[tokio::test]
async fn a_removed_connection_leaves_everything_but_its_payments() {
    run(async |world| {
        let (first, second) = (world.first(), world.connect("Second").await);
        let id = world.send("ORDER", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let removed = world.provider("DELETE", &first, json!({}), Some("\"1\"")).await;
        insta::assert_snapshot!(removed.shown(), @r###"
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
            "lastActivityAt": "[lastActivityAt]",
            "mode": "test",
            "provider": "oy",
            "removedAt": "[removedAt]",
            "services": [
              "send_money"
            ],
            "settings": {
              "base_url": "http://127.0.0.1:[port]"
            },
            "status": "INACTIVE",
            "statusReason": "removed",
            "statusUntil": null,
            "type": "AGGREGATOR",
            "updatedAt": "[updatedAt]",
            "version": 2
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(told(&world.provider("DELETE", &first, json!({}), Some("*")).await), "404 not_found");
        assert_eq!(told(&world.caller.get(&format!("/v1/providers/{first}")).await), "404 not_found");
        assert_eq!(told(&world.provider("PATCH", &first, json!({}), Some("*")).await), "404 not_found");
        for (path, left) in [("providers", 1), ("balances", 1), ("sequences", 1)] {
            let list = world.caller.get(&format!("/v1/{path}")).await;
            assert_eq!(list.body["data"]["items"].as_array().unwrap().len(), left, "{path}");
        }
        let sequence = world.caller.get("/v1/sequences/send_money").await;
        let order = &sequence.body["data"]["connections"];
        assert_eq!((order.as_array().unwrap().len(), &order[0]["id"]), (1, &json!(second)));
        let next = world.send("NEXT", "1239812390", 10_000).await;
        world.until_status(&next, "SUCCESS").await;
        assert_eq!(
            world.attempt_rows(&next).await[0]["connection_id"].as_str().map(|id| id.replace('-', "")).as_deref(),
            second.strip_prefix("conn_")
        );
        // The label is free, the payment still tells of it, and the provider is still heard.
        assert_eq!(world.caller.post("/v1/providers", world.connection("OY! sandbox")).await.status, 201);
        let detail = world.caller.get(&format!("/v1/transactions/{id}")).await;
        assert_eq!(detail.body["data"]["attempts"][0]["label"], "OY! sandbox");
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "300", None, true).unwrap();
        assert_eq!(world.callback(json!({ "partner_trx_id": reference })).await.status, 200);
        world.until_exception(&id, "failed_after_paid").await;
        world
    })
    .await;
}

#[tokio::test]
async fn the_last_activity_costs_no_write_with_a_payment() {
    run(async |world| {
        let read = async || {
            let reply = world.caller.get(&format!("/v1/providers/{}", world.first())).await;
            (reply.body["data"]["lastActivityAt"].clone(), reply.body["data"]["version"].clone())
        };
        assert_eq!(read().await, (Value::Null, json!(1)));
        let id = world.send("ORDER", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let (at, version) = read().await;
        assert!(at.is_string() && version == 1, "it was called, and is no newer version: {at} {version}");
        connections::flush_activity(&world.app).await.unwrap();
        let of_table = "SELECT count(*) FROM connection WHERE last_activity_at IS NOT NULL AND version = 1";
        assert_eq!(world.number(of_table).await, 1, "written down by now");
        let kept = read().await.0;
        assert!(kept.as_str() >= at.as_str(), "{kept} {at}");
        world
    })
    .await;
}

#[tokio::test]
async fn no_column_of_a_connection_can_be_assigned_from_outside() {
    run(async |world| {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT column_name::text FROM information_schema.columns
             WHERE table_name IN ('connection', 'sequence', 'sequence_version') AND table_schema = 'public'",
        )
        .fetch_all(&world.sql)
        .await
        .unwrap();
        assert!(columns.len() > 20, "{columns:?}");
        let first = world.first();
        let places = [
            (
                "POST",
                "/v1/providers".to_owned(),
                &["provider", "label", "services", "credentials", "settings", "fee"][..],
            ),
            ("PATCH", format!("/v1/providers/{first}"), &["label", "services", "credentials", "settings", "fee"]),
            ("POST", format!("/v1/providers/{first}/status"), &["status"]),
            ("PUT", "/v1/sequences/send_money".to_owned(), &[]),
            ("POST", "/v1/sequences/preview".to_owned(), &["service", "destination"]),
        ];
        for (method, path, own) in places {
            for column in columns.iter().filter(|column| !own.contains(&column.as_str())) {
                let mut camel = String::new();
                for (at, part) in column.split('_').enumerate() {
                    camel += &if at == 0 { part.to_owned() } else { part[..1].to_uppercase() + &part[1..] };
                }
                for name in [column, &camel] {
                    let body = json!({ name: "1" }).to_string();
                    let reply = world.caller.call(method, &path, Some(body), &[("If-Match", "*")]).await;
                    let unknown = json!({ "field": name, "message": "is not a field of this request" });
                    let fields = reply.body["error"]["fields"].as_array().cloned().unwrap_or_default();
                    assert!(reply.status == 400 && fields.contains(&unknown), "{method} {path} {name}: {}", reply.body);
                }
            }
        }
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_closed_between_accept_and_dispatch_is_not_used() {
    run(async |world| {
        let (first, second) = (world.first(), world.connect("B").await);
        let calls = world.count("remit");
        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let id = world.send("ORDER", "1239812390", 10_000).await;
        assert_eq!(world.attempts(&id).await, ["prepared"]);
        let closed = json!({ "status": "MAINTENANCE", "reason": "A window." });
        assert_eq!(world.provider("POST", &format!("{first}/status"), closed, Some("*")).await.status, 200);
        world.caller.post("/v1/sending/resume", json!({})).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&id).await, ["not_sent", "paid"]);
        assert_eq!(calls.seen(), 1, "the first connection was never called");
        let detail = world.caller.get(&format!("/v1/transactions/{id}")).await;
        let attempts = &detail.body["data"]["attempts"];
        assert_eq!((&attempts[0]["connectionId"], &attempts[1]["connectionId"]), (&json!(first), &json!(second)));
        let why = serde_json::to_string_pretty(&attempts[1]["why"]).unwrap();
        insta::assert_snapshot!(why.replace(&first, "[first]"), @r###"
        {
          "because": "attempt 1 was not_sent",
          "candidates": [
            "B"
          ],
          "chosen": "B",
          "fee": 0,
          "sequence": "default",
          "sequenceVersion": 2,
          "skipped": [
            {
              "connectionId": "[first]",
              "label": "OY! sandbox",
              "reason": "it is in maintenance"
            }
          ],
          "tax": 0
        }
        "###);
        world
    })
    .await;
}

#[tokio::test]
async fn after_a_change_of_credentials_doubt_is_asked_about_as_the_account_it_was_sent_from() {
    run_with(fast(600), async |world| {
        let second = world.connect("B").await;
        // A provider that answers a send so that nobody can read it, and knows nobody but the newest key.
        let stub = Stub::start(|asked| {
            let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
            match asked.path.as_str() {
                "/api/remit" => (200, "<html>".into()),
                _ if asked.headers.get("x-api-key").is_none_or(|key| key != API_KEY) => (401, "{}".into()),
                _ => (
                    200,
                    json!({
                        "status": { "code": "000", "message": "Success" }, "partner_trx_id": body["partner_trx_id"],
                        "amount": 10_000, "trx_id": "T-1",
                    })
                    .to_string(),
                ),
            }
        })
        .await;
        let mut body = world.connection("A");
        body["credentials"] = json!({ "username": "the-account", "api_key": "an-old-key" });
        body["settings"] = json!({ "base_url": stub.url });
        let made = world.caller.post("/v1/providers", body).await;
        let id = made.body["data"]["id"].as_str().unwrap().to_owned();
        let order = json!({ "connections": [id, second] }).to_string();
        let put =
            world.caller.call("PUT", "/v1/sequences/send_money/BCA", Some(order), &[("If-None-Match", "*")]).await;
        assert_eq!(put.status, 201, "{}", put.body);

        let payment = world.send("DOUBT", "1239812390", 10_000).await;
        world.until_evidence(&payment, "unknown").await;
        let asked = |path: &'static str, header: &'static str| -> Vec<String> {
            let seen = stub.seen().into_iter().filter(|asked| asked.path == path);
            seen.map(|asked| asked.headers[header].to_str().unwrap().to_owned()).collect()
        };
        world.until_some(&payment, async || (!asked("/api/remit-status", "x-api-key").is_empty()).then_some(())).await;
        let other = json!({ "credentials": { "username": "another-account", "api_key": API_KEY } });
        assert_eq!(
            told(&world.provider("PATCH", &id, other, Some("*")).await).lines().next(),
            Some("409 other_account")
        );
        let same = json!({ "credentials": { "username": "the-account", "api_key": API_KEY } });
        assert_eq!(world.provider("PATCH", &id, same, Some("*")).await.status, 200);
        // Closed as well: what is in doubt is asked about all the same.
        let closed = json!({ "status": "INACTIVE", "reason": "test" });
        assert_eq!(world.provider("POST", &format!("{id}/status"), closed, Some("*")).await.status, 200);
        world.until_status(&payment, "SUCCESS").await;
        assert_eq!(world.attempts(&payment).await, ["paid"], "nobody else was asked to pay");
        assert_eq!(asked("/api/remit", "x-api-key"), ["an-old-key"]);
        let keys = asked("/api/remit-status", "x-api-key");
        assert_eq!((keys.first().unwrap().as_str(), keys.last().unwrap().as_str()), ("an-old-key", API_KEY));
        let accounts: BTreeSet<String> = asked("/api/remit-status", "x-oy-username").into_iter().collect();
        assert_eq!(accounts, ["the-account".to_owned()].into());
        world
    })
    .await;
}
