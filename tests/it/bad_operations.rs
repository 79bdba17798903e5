//! Bad days at home: pauses, maintenance, cancels that come too late, twins, and a database that goes away.

use std::sync::Arc;

use paystrator::domain::access::Rights;
use paystrator::domain::service::Mode;
use paystrator::flows::access::Caller;
use paystrator::flows::send_money::{Cancelled, cancel};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::bad::{Relay, Stub, fast, set_oy, uuid};
use crate::support::http::Reply;
use crate::support::world::{Options, fresh_database};
use crate::support::{World, run, run_with};

const GOOD: &str = "1239812390";
const PAUSE_ALL: &str = "INSERT INTO setting VALUES ('sending_paused', '{\"reason\":\"test\"}', now())";
const RESUME_ALL: &str = "DELETE FROM setting";

/// Every call slot of a provider is one, and a client takes it with an address of its own that answers nothing.
#[tokio::test]
async fn an_address_that_hangs_holds_up_nobody_who_calls_another() {
    let mut options = fast(60);
    for name in ["concurrency", "connection_concurrency"] {
        set_oy(&mut options, name, 1);
    }
    set_oy(&mut options, "send_timeout_ms", 65_000);
    run_with(options, async |world| {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let stranger = world.stranger().await;
        let connection = json!({
            "provider": "oy", "label": "Silent", "credentials": { "username": "u", "api_key": "k" },
            "settings": { "base_url": url },
        });
        let made = stranger.post("/v1/providers", connection).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let held = stranger.post("/v1/send-money", World::body("S1", GOOD, 10_000)).await;
        let held = held.body["data"]["id"].as_str().unwrap().to_owned();
        world.until_evidence(&held, "sent").await;
        let id = world.send("A1", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.row(&held).await["evidence"], "sent");
        // The address is gone, and what it was asked stays in doubt.
        drop(silent);
        world.until_evidence(&held, "unknown").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_pause_holds_what_is_prepared_and_lets_the_rest_go_on() {
    run_with(fast(60), async |world| {
        let pauses = [
            (PAUSE_ALL, RESUME_ALL),
            (
                "UPDATE client SET paused_at = now(), paused_reason = 'test'",
                "UPDATE client SET paused_at = NULL, paused_reason = NULL",
            ),
        ];
        for (n, (pause, resume)) in pauses.into_iter().enumerate() {
            // One is at the provider already: it is asked about and ends in spite of the pause.
            let ends =
                world.sandbox.oy.change_settings(json!({ "settle_after_ms": 30_000 }).as_object().unwrap().clone());
            ends.unwrap();
            let sent = world.send(&format!("SENT{n}"), GOOD, 10_000).await;
            world.until_evidence(&sent, "accepted").await;
            world.execute(pause).await;
            let remits = world.count("remit");
            let held = world.send(&format!("HELD{n}"), &format!("123981239{n}"), 10_000).await;
            world.until_status(&sent, "SUCCESS").await;
            let attempt = world.until_attempt(&held, |_| true).await;
            assert_eq!((&attempt["state"], &attempt["sends"], remits.seen()), (&json!("prepared"), &json!(0), 0));
            world.execute(resume).await;
            world.until_status(&held, "SUCCESS").await;
        }
        world.money_agrees().await;
        world
    })
    .await;
}

/// Attempts that are due at a connection which cannot be opened: its row is gone, and its provider unknown.
const ORPHANS: [&str; 2] = [
    "INSERT INTO payment (client_id, id, mode, service, external_id, amount, currency, destination, receiver,
        receiver_hash, status, evidence, version, attempt, send_until, created_at, updated_at)
    SELECT client_id, md5(state)::uuid, 'test', 'send_money', state, 10000, 'IDR', 'BCA', '', '', 'PROCESSING', state, 1,
        1, now() + interval '1 hour', now(), now()
    FROM client, (VALUES ('prepared'), ('accepted')) AS v(state)",
    "INSERT INTO attempt (client_id, payment_id, number, mode, connection_id, provider, identity, reference, frozen, fee,
        tax, why, state, next_try_at, created_at, updated_at)
    SELECT client_id, id, 1, 'test', '00000000-0000-0000-0000-000000000000', 'gone', 'i', 'ref' || id, '', 0, 0, '{}',
        evidence, now() - interval '1 minute', now(), now()
    FROM payment WHERE external_id IN ('prepared', 'accepted')",
];
const NO_ORPHANS: [&str; 2] = [
    "DELETE FROM attempt WHERE provider = 'gone'",
    "DELETE FROM payment WHERE external_id IN ('prepared', 'accepted')",
];

#[tokio::test]
async fn a_connection_that_cannot_be_opened_holds_up_no_other() {
    run_with(fast(60), async |world| {
        for orphans in ORPHANS {
            world.execute(orphans).await;
        }
        world.execute(PAUSE_ALL).await;
        let id = world.send("A", GOOD, 10_000).await;
        world.until_attempt(&id, |attempt| attempt["state"] == json!("prepared")).await;
        // Only a scan finds it again, and the scan meets the other connection first.
        world.execute(RESUME_ALL).await;
        world.until_status(&id, "SUCCESS").await;
        for orphans in NO_ORPHANS {
            world.execute(orphans).await;
        }
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn what_the_window_leaves_behind_fails_even_while_paused() {
    run_with(fast(3600), async |world| {
        world.execute(PAUSE_ALL).await;
        let id = world.send("A", GOOD, 10_000).await;
        let row = world.until_status(&id, "FAILED").await;
        assert_eq!(row["reason_code"], "not_sent_in_time");
        assert_eq!((world.attempts(&id).await, world.sandbox.oy.summary().count), (vec!["not_sent".to_owned()], 0));
        world.execute(RESUME_ALL).await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_leaves_between_accept_and_send_is_passed_over() {
    run_with(fast(60), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        for (n, status) in ["MAINTENANCE", "INACTIVE"].into_iter().enumerate() {
            world.execute(PAUSE_ALL).await;
            let id = world.send(&format!("A{n}"), &format!("123981239{n}"), 10_000).await;
            world.set_status(status).await;
            world.execute(RESUME_ALL).await;
            world.until_status(&id, "SUCCESS").await;
            let attempts = world.attempt_rows(&id).await;
            assert_eq!((&attempts[0]["state"], &attempts[0]["sends"]), (&json!("not_sent"), &json!(0)));
            assert_eq!(attempts[1]["state"], "paid");
            world.set_status("ACTIVE").await;
        }
        world
    })
    .await;
}

#[tokio::test]
async fn maintenance_stops_no_question_about_what_is_under_way() {
    let mut options = fast(60);
    options.simulator = json!({ "settle_after_ms": 60_000 });
    options.callbacks = false;
    run_with(options, async |world| {
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "accepted").await;
        world.set_status("INACTIVE").await;
        world.until_status(&id, "SUCCESS").await;
        world
    })
    .await;
}

fn owner(world: &World) -> Caller {
    let (client_id, by) = (world.client_id, paystrator::flows::access::By::Key(Uuid::nil()));
    Caller { client_id, by, mode: Mode::Test, rights: Rights::all(), person: "Ani".into(), by_token: false }
}

#[tokio::test]
async fn a_cancel_wins_only_before_the_send() {
    run_with(fast(60), async |world| {
        world.execute(PAUSE_ALL).await;
        let id = world.send("A", GOOD, 10_000).await;
        let done = cancel(&world.app, &owner(&world), uuid(&id)).await.unwrap();
        assert!(matches!(done, Cancelled::Done(ref view) if view.row.status == "FAILED"), "{done:?}");
        assert_eq!(world.row(&id).await["reason_code"], "cancelled");
        world.execute(RESUME_ALL).await;
        // A repeat of what was done is told so again.
        let again = cancel(&world.app, &owner(&world), uuid(&id)).await.unwrap();
        assert!(matches!(again, Cancelled::Done(_)), "a repeated cancel says what the first one did: {again:?}");
        for (n, account) in ["6666666666", "9999999999", GOOD].into_iter().enumerate() {
            let id = world.send(&format!("B{n}"), account, 10_000).await;
            world.until(&id, |row| !["prepared", "sent"].contains(&row["evidence"].as_str().unwrap())).await;
            let late = cancel(&world.app, &owner(&world), uuid(&id)).await.unwrap();
            assert!(matches!(late, Cancelled::TooLate(_)), "{late:?}");
            assert_ne!(world.row(&id).await["status"], "FAILED");
        }
        let nobody = cancel(&world.app, &owner(&world), Uuid::nil()).await.unwrap();
        assert!(matches!(nobody, Cancelled::NotFound));
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_cancel_against_the_send_has_one_winner() {
    run_with(fast(60), async |world| {
        let caller = Arc::new(owner(&world));
        for n in 0..20 {
            let id = world.send(&format!("A{n}"), &format!("12398123{n:02}"), 10_000).await;
            let cancelled = cancel(&world.app, &caller, uuid(&id)).await.unwrap();
            let row = world.until(&id, |row| row["final_at"].is_string()).await;
            let expected = if matches!(cancelled, Cancelled::Done(_)) { "FAILED" } else { "SUCCESS" };
            assert_eq!(row["status"], expected);
        }
        let failed = world.number("SELECT count(*) FROM payment WHERE status = 'FAILED'").await;
        assert_eq!(world.sandbox.oy.summary().count as i64, 20 - failed, "a cancelled payment was sent");
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn twins_are_marked_also_within_one_batch() {
    run_with(fast(60), async |world| {
        world.execute(PAUSE_ALL).await;
        // The writer is held up, so that what comes meanwhile shares a batch.
        let mut lock = world.sql.begin().await.unwrap();
        sqlx::query("LOCK TABLE payment IN EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
        let post = |n: usize, account: &str| {
            let (caller, body) = (world.caller.clone(), World::body(&format!("T{n:02}"), account, 10_000));
            tokio::spawn(async move { caller.post("/v1/send-money", body).await })
        };
        // Somebody else's payment meets the lock; the twins gather behind it.
        let mut posts = vec![post(0, "1239812399")];
        let waits =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while world.number(waits).await == 0 {
            tokio::task::yield_now().await;
        }
        posts.extend((1..13).map(|n| post(n, GOOD)));
        // They need a moment to reach the writer's inbox; that they did is asserted below.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        lock.commit().await.unwrap();
        for post in posts {
            assert_eq!(post.await.unwrap().status, 200);
        }
        let first = "SELECT count(*) FROM payment WHERE possible_duplicate_of IS NULL";
        assert_eq!(world.number(first).await, 2, "a twin was not seen");
        // Several of them were written by one statement: there the table alone could not have shown them.
        let shared = "SELECT count(*) - count(DISTINCT xmin::text) FROM payment";
        assert!(world.number(shared).await > 0, "no two of them shared a batch");
        let dangling = "SELECT count(*) FROM payment p WHERE possible_duplicate_of IS NOT NULL
            AND NOT EXISTS (SELECT FROM payment d WHERE d.id = p.possible_duplicate_of AND d.id <> p.id)";
        assert_eq!(world.number(dangling).await, 0);
        // Another amount, receiver or bank is no twin; the answer says what the row says.
        for (n, (account, amount)) in [(GOOD, 10_001), ("1239812391", 10_000)].into_iter().enumerate() {
            let reply = world.caller.post("/v1/send-money", World::body(&format!("O{n}"), account, amount)).await;
            assert_eq!(reply.body["data"]["possibleDuplicateOf"], Value::Null);
        }
        let reply = world.caller.post("/v1/send-money", World::body("TWIN", GOOD, 10_001)).await;
        assert!(reply.body["data"]["possibleDuplicateOf"].as_str().unwrap().starts_with("sm_"));
        world.execute(RESUME_ALL).await;
        world
    })
    .await;
}

async fn post_until_taken(world: &World, external_id: &str, account: &str) -> Reply {
    loop {
        let reply = world.caller.post("/v1/send-money", World::body(external_id, account, 10_000)).await;
        match reply.status {
            // The answer before may have been lost after the commit: then the same request finds its payment.
            200 | 409 => return reply,
            503 => assert!(reply.header("retry-after").is_some(), "503 without Retry-After"),
            _ => panic!("{} {}", reply.status, reply.body),
        }
    }
}

#[tokio::test]
async fn a_database_that_goes_away_costs_time_and_nothing_else() {
    let direct = fresh_database().await;
    let (server, name) = direct.rsplit_once('/').unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let relay = Relay::to(address.to_owned()).await;
    let mut options = fast(60);
    options.database = Some(format!("{user}@127.0.0.1:{}/{name}", relay.port));
    options.config.schedule.lease_margin_s = 1_200;
    set_oy(&mut options, "send_timeout_ms", 20_000);
    run_with(options, async |mut world| {
        world.sql = sqlx::PgPool::connect(&direct).await.unwrap();
        world.endpoint("main").await;
        // An answer comes while the database is away.
        world.fault(Fault::new(Kind::HangAnswer).on("remit").times(1));
        let under_way = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&under_way, "sent").await;
        relay.cut();
        let reply = world.caller.post("/v1/send-money", World::body("B", "1239812391", 10_000)).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
        assert_eq!(reply.body["error"]["code"], "temporarily_unavailable");
        assert!(reply.body["error"]["action"].as_str().unwrap().contains("same request again"));
        assert_eq!(world.caller.get("/readyz").await.status, 503);
        assert_eq!(world.caller.get("/livez").await.status, 200);
        let told = world.callback(json!({ "partner_trx_id": "x", "status": { "code": "000" } })).await;
        assert_eq!(told.status, 503, "{}", told.body);
        release_all(&world).await;
        relay.mend();
        assert_eq!(world.number("SELECT count(*) FROM payment").await, 1, "half of a payment was written");
        let again = post_until_taken(&world, "B", "1239812391").await;
        assert_eq!(again.status, 200);
        world.until_status(&under_way, "SUCCESS").await;
        let id = again.body["data"]["id"].as_str().unwrap().to_owned();
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&under_way).await, ["paid"]);
        for id in [&under_way, &id] {
            world.sandbox.merchant.wait_for(|receipt| receipt.payment_id.as_ref() == Some(id)).await;
        }
        world.idle().await;
        world.money_agrees().await;
        world
    })
    .await;
}

async fn release_all(world: &World) {
    world.sandbox.oy.clear_faults();
}

#[tokio::test]
async fn connections_cut_again_and_again_lose_nothing() {
    let mut options = fast(600);
    // On a slow machine the cutting must not outlast the send window.
    options.config.schedule.send_window_s = 36_000;
    run_with(options, async |world| {
        world.endpoint("main").await;
        let admin = world.sql.clone();
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&admin).await.unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        let cutting = stop.clone();
        let cutter = tokio::spawn(async move {
            let mut rounds = 0;
            while !cutting.is_cancelled() {
                let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = $1 AND application_name = 'paystrator' AND random() < 0.5";
                sqlx::query(cut).bind(&name).execute(&admin).await.unwrap();
                rounds += 1;
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
            rounds
        });
        for n in 0..16 {
            post_until_taken(&world, &format!("A{n}"), &format!("12398123{n:02}")).await;
        }
        stop.cancel();
        assert!(cutter.await.unwrap() > 0);
        let all = async || {
            let left = "SELECT count(*) FROM payment WHERE status <> 'SUCCESS'";
            (world.number(left).await == 0).then_some(())
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(40), async {
            while all().await.is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        if found.await.is_err() {
            let rows: Vec<Value> =
                sqlx::query_scalar("SELECT to_jsonb(a) - 'frozen' - 'why' FROM attempt a WHERE state <> 'paid'")
                    .fetch_all(&world.sql)
                    .await
                    .unwrap();
            panic!("{rows:#?}");
        }
        assert_eq!(
            (world.number("SELECT count(*) FROM payment").await, world.sandbox.oy.summary().paid_count),
            (16, 16)
        );
        world.idle().await;
        assert!(world.sandbox.merchant.summary().by_type["payment.succeeded"] >= 16);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn two_changes_that_meet_are_no_fault_of_ours() {
    run(async |world| {
        for (code, momentary) in [("40P01", true), ("40001", true), ("57P01", true), ("23505", false)] {
            let raise = format!("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$");
            let error = sqlx::raw_sql(sqlx::AssertSqlSafe(raise)).execute(&world.sql).await.unwrap_err();
            let error = paystrator::store::Error::from(error);
            assert_eq!(error.is_momentary(), momentary, "{code}: {error}");
        }
        world
    })
    .await;
}

#[tokio::test]
async fn a_doubt_is_never_asked_about_as_another_account() {
    let mut options = Options { must_be_idle: false, ..Options::default() };
    // The ladder asks after a minute: here reads alone do.
    (options.config.schedule.speed, options.config.schedule.read_refresh_s) = (1.0, 0);
    run_with(options, async |world| {
        let stub = Stub::start(|_| (200, "<html>".into())).await;
        world.move_connection(&stub.url).await;
        let id = world.send("DOUBT", "1239812390", 10_000).await;
        world.until_evidence(&id, "unknown").await;
        let questions = || stub.seen().iter().filter(|asked| asked.path == "/api/remit-status").count();
        world.until_some(&id, async || (questions() > 0).then_some(())).await;
        let read = async || world.caller.get(&format!("/v1/transactions/{id}")).await;
        let becomes = async |statement| {
            world.execute(statement).await;
            world.app.accounts.forget(&(world.client_id, world.connection_id));
        };
        // No call of the product makes it another account; the database can.
        becomes("UPDATE connection SET identity = 'other ' || identity").await;
        let before = questions();
        read().await;
        read().await;
        assert_eq!(questions(), before, "the other account knows nothing of it");
        assert_eq!(world.row(&id).await["evidence"], "unknown");
        becomes("UPDATE connection SET identity = substr(identity, 7)").await;
        assert_eq!(read().await.status, 200);
        assert!(questions() > before, "the same account is asked");
        world
    })
    .await;
}
