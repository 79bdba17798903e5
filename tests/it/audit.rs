//! The audit log: chained as it is written, listed to those who may see it, and proved; whatever is done to it by hand
//! is found.

use std::process::Stdio;

use futures_util::future::join_all;
use paystrator::domain::access::Rights;
use paystrator::domain::role::Role;
use paystrator::domain::service::Mode;
use paystrator::flows::people::invitations;
use paystrator::flows::{access, audit, books, keys, sending};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::world::{connect, fresh_database, key};
use crate::support::{Options, World, run, run_with};

impl World {
    async fn alter(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.sql).await.unwrap();
    }

    /// What a verification finds: places and words.
    async fn breaks(&self) -> Vec<(i64, &'static str)> {
        let report = audit::verify(&self.app).await.unwrap();
        report.breaks.into_iter().map(|found| (found.seq, found.what)).collect()
    }
}

/// Five entries of the world's client.
async fn some_entries(world: &World) {
    let id = world.first();
    let status = |status: &str, reason: &str| json!({ "status": status, "reason": reason });
    for body in [status("MAINTENANCE", "a window"), status("ACTIVE", "over")] {
        assert_eq!(world.provider("POST", &format!("{id}/status"), body, Some("*")).await.status, 200);
    }
    let fee = json!({ "service": "send_money", "plan": { "flat": 7 }, "effectiveFrom": "2100-01-01T00:00:00Z" });
    assert_eq!(world.provider("POST", &format!("{id}/fees"), fee, Some("*")).await.status, 201);
    let key = json!({ "name": "Second", "rights": { "webhooks": "read" } });
    assert_eq!(world.caller.post("/v1/api-keys", key).await.status, 201);
    let addresses = json!({ "addresses": ["127.0.0.0/8"] });
    let reply = world.caller.call("PUT", "/v1/ip-allow-list", Some(addresses.to_string()), &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn what_was_done_is_listed_newest_first() {
    run(async |world| {
        some_entries(&world).await;
        insta::assert_snapshot!(world.caller.get("/v1/audit?limit=2").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "action": "allow_list.replaced",
                "at": "[at]",
                "detail": {
                  "addresses": [
                    "127.0.0.0/8"
                  ],
                  "key": "[key]"
                },
                "hash": "[hash]",
                "id": "[id]",
                "mode": null,
                "object": "ip-allow-list",
                "person": "Ani",
                "seq": 5
              },
              {
                "action": "key.created",
                "at": "[at]",
                "detail": {
                  "key": "[key]",
                  "name": "Second",
                  "rights": {
                    "kyb": "none",
                    "operations": "none",
                    "providers": "none",
                    "send_money": "none",
                    "settings": "none",
                    "webhooks": "read"
                  }
                },
                "hash": "[hash]",
                "id": "[id]",
                "mode": "test",
                "object": "key_[id]",
                "person": "Ani",
                "seq": 4
              }
            ],
            "nextCursor": "[nextCursor]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let (mut path, mut seen) = ("/v1/audit?limit=2".to_owned(), Vec::new());
        loop {
            let page = world.caller.get(&path).await;
            seen.extend(page.body["data"]["items"].as_array().unwrap().clone());
            let Some(next) = page.body["data"]["nextCursor"].as_str() else { break };
            path = format!("/v1/audit?limit=2&cursor={next}");
        }
        let told: Vec<String> =
            seen.iter().map(|row| format!("{} {} {}", row["seq"], row["person"], row["action"])).collect();
        insta::assert_snapshot!(told.join("\n"), @r###"
        5 "Ani" "allow_list.replaced"
        4 "Ani" "key.created"
        3 "Ani" "connection.fee_set"
        2 "Ani" "connection.status_set"
        1 "Ani" "connection.status_set"
        "###);
        assert!(seen.iter().all(|row| row["detail"]["key"].as_str().unwrap().starts_with("key_")));
        let hashes: std::collections::BTreeSet<&str> = seen.iter().map(|row| row["hash"].as_str().unwrap()).collect();
        assert!(hashes.len() == 5 && hashes.iter().all(|hash| hash.len() == 64));
        let wrong = world.caller.get("/v1/audit?cursor=x").await;
        assert_eq!((wrong.status, &wrong.body["error"]["fields"][0]["field"]), (400, &json!("cursor")));
        world
    })
    .await;
}

#[tokio::test]
async fn a_key_is_told_what_concerns_its_mode() {
    let mut options = Options::default();
    options.config.schedule.speed = 1.0;
    run_with(options, async |world| {
        let rights = Rights::all();
        let wish = keys::KeyWish {
            client_id: world.client_id,
            mode: Mode::Live,
            name: "live",
            person: "Ani",
            rights: &rights,
        };
        let live = world.caller.with_key(&keys::create(&world.app, &wish).await.unwrap().secret);
        let key = json!({ "name": "n", "rights": {} });
        assert_eq!(live.post("/v1/api-keys", key.clone()).await.status, 201);
        assert_eq!(world.caller.post("/v1/api-keys", key).await.status, 201);
        let addresses = json!({ "addresses": [] }).to_string();
        assert_eq!(live.call("PUT", "/v1/ip-allow-list", Some(addresses), &[]).await.status, 200);
        for (caller, expected) in
            [(&live, json!([[4, null], [2, "live"], [1, "live"]])), (&world.caller, json!([[4, null], [3, "test"]]))]
        {
            let items = caller.get("/v1/audit").await.body["data"]["items"].take();
            let seen: Vec<Value> =
                items.as_array().unwrap().iter().map(|row| json!([row["seq"], row["mode"]])).collect();
            assert_eq!(Value::from(seen), expected);
        }
        assert_eq!(world.breaks().await, []);
        world
    })
    .await;
}

#[tokio::test]
async fn changes_made_at_once_make_one_chain() {
    run(async |world| {
        let key = |n: u32| json!({ "name": format!("key {n}"), "rights": {} });
        let callers = [&world.caller, &world.colleague];
        let made = join_all((0..40).map(|n| callers[n as usize % 2].post("/v1/api-keys", key(n)))).await;
        assert!(made.iter().all(|reply| reply.status == 201));
        assert_eq!(world.number("SELECT count(*) FROM audit").await, 40);
        assert_eq!(world.number("SELECT max(seq) FROM audit").await, 40);
        let report = audit::verify(&world.app).await.unwrap();
        assert_eq!((report.clients, report.entries, report.breaks), (1, 40, vec![]));
        world
    })
    .await;
}

#[tokio::test]
async fn whatever_is_done_to_it_by_hand_is_found() {
    let url = fresh_database().await;
    run_with(Options { database: Some(url.clone()), ..Options::default() }, async |world| {
        some_entries(&world).await;
        // Another client's chain is its own.
        world.stranger().await;
        assert_eq!(world.breaks().await, []);
        world.alter("CREATE TABLE kept AS SELECT * FROM audit").await;
        world.alter("CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
        let changed = "it is not as it was written, or follows another entry";
        for (sql, expected) in [
            ("UPDATE audit SET detail = jsonb_set(detail, '{after,reason}', '\"other\"') WHERE seq = 2", (2, changed)),
            ("UPDATE audit SET person = 'Somebody' WHERE seq = 1 AND action LIKE 'connection%'", (1, changed)),
            ("UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 5", (5, changed)),
            ("UPDATE audit SET mode = 'live' WHERE seq = 3", (3, changed)),
            ("UPDATE audit SET hash = sha256(hash) WHERE seq = 4", (4, changed)),
            ("DELETE FROM audit WHERE seq = 3", (3, "it is missing")),
            ("DELETE FROM audit WHERE seq >= 4", (4, "it and all after it are missing")),
            ("DELETE FROM audit WHERE seq = 1 AND person = 'Ani'", (1, "it is missing")),
            ("UPDATE audit SET seq = CASE seq WHEN 3 THEN 104 ELSE 103 END WHERE seq IN (3, 4)", (3, "it is missing")),
            ("UPDATE audit_head SET hash = sha256(hash) WHERE seq = 5", (5, "it is not the last one that was written")),
            ("DELETE FROM audit_head WHERE seq = 5", (1, "the mark of where its chain ends is missing")),
        ] {
            world.alter(sql).await;
            assert_eq!(world.breaks().await, [expected], "{sql}");
            world.alter("TRUNCATE audit, audit_head").await;
            world.alter("INSERT INTO audit SELECT * FROM kept").await;
            world.alter("INSERT INTO audit_head SELECT * FROM kept_head").await;
            assert_eq!(world.breaks().await, []);
        }

        let verify = async || {
            let output = Command::new(env!("CARGO_BIN_EXE_paystrator"))
                .args(["audit", "verify"])
                .env("DATABASE_URL", &url)
                .env("PAYSTRATOR__KEYS__MASTER", "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output()
                .await
                .unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        assert_eq!(verify().await, (Some(0), "7 entries of 2 clients, 0 broken chains\n".to_owned()));
        world.alter("UPDATE audit SET object = 'conn_0' WHERE seq = 2 AND person = 'Ani'").await;
        let client = format!("cl_{}", world.client_id.simple());
        let said = format!("{client} entry 2: {changed}\n3 entries of 2 clients, 1 broken chains\n");
        assert_eq!(verify().await, (Some(1), said));
        world
    })
    .await;
}

#[tokio::test]
async fn what_is_done_from_the_command_line_is_written_down() {
    run(async |world| {
        let app = &world.app;
        let client = access::create_client(app, "Another Company").await.unwrap();
        key(app, client, "Eka").await;
        connect(app, client, &world.sandbox, "oy", "Main").await;
        invitations::invite_first(app, client, "eka@example.com", Role::Owner).await.unwrap();
        sending::set_all(app, Some("a drill")).await.unwrap();
        sending::set_all(app, None).await.unwrap();
        books::after_restore(app).await.unwrap();
        sending::set_all(app, None).await.unwrap();
        let written: Vec<String> =
            sqlx::query_scalar("SELECT action || ' by ' || person FROM audit WHERE client_id = $1 ORDER BY seq")
                .bind(client)
                .fetch_all(&world.sql)
                .await
                .unwrap();
        insta::assert_snapshot!(written.join("\n"), @r###"
        client.created by command line
        key.created by command line
        connection.created by test
        invitation.made by command line
        sending.all_paused by command line
        sending.all_resumed by command line
        sending.all_paused by command line
        sending.all_resumed by command line
        "###);
        assert_eq!(world.number("SELECT count(*) FROM audit WHERE action = 'sending.all_paused'").await, 4);
        world.move_connection(world.sandbox.url("oy")).await;
        let rotated: Value = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'connection.changed'")
            .fetch_one(&world.sql)
            .await
            .unwrap();
        insta::assert_snapshot!(rotated.to_string(), @r###"{"after":{"credentials":["api_key","username"],"settings":["base_url"]},"before":{"credentials":["api_key","username"],"settings":["base_url"]}}"###);
        assert_eq!(world.breaks().await, []);
        world
    })
    .await;
}
