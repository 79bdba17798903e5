//! Bad days at the provider, end to end: every row of DESIGN section 5's table and of contracts/oy.md section 3.
//! Each test says what is seen, and what becomes of attempt, payment, books and money.

use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use crate::support::bad::{CLOSED, Captured, Stub, fast, set_oy, uuid};
use crate::support::{World, run_with};

const GOOD: &str = "1239812390";

/// The next send is lost before anything was done.
fn dropped() -> Fault {
    Fault::new(Kind::DropRequest).on("remit").times(1)
}

#[tokio::test]
async fn who_cannot_be_reached_is_tried_again_until_the_window_ends() {
    let mut options = fast(3600);
    options.config.breaker.failures = 1_000;
    run_with(options, async |world| {
        world.move_connection(CLOSED).await;
        let id = world.send("A", GOOD, 10_000).await;
        let row = world.until_status(&id, "FAILED").await;
        assert_eq!(row["reason_code"], "not_sent_in_time", "{row}");
        let attempts = world.attempt_rows(&id).await;
        assert!(attempts.len() > 5, "it gave up early: {attempts:?}");
        assert!(attempts.iter().all(|a| a["state"] == "not_sent" && a["connection_id"] == json!(world.connection_id)));
        let mut references: Vec<&str> = attempts.iter().map(|a| a["reference"].as_str().unwrap()).collect();
        references.sort_unstable();
        references.dedup();
        assert_eq!(references.len(), attempts.len(), "a reference was used for two attempts");
        assert_eq!(world.sandbox.oy.summary().count, 0);
        assert_eq!(world.events(&id).await, ["payment.processing", "payment.failed"]);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_reached_gives_way_to_the_next_at_once_and_says_why() {
    run_with(fast(60), async |world| {
        world.move_connection(CLOSED).await;
        let second = world.second_connection(world.sandbox.url("oy")).await;
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&id).await, ["not_sent", "paid"]);
        let attempts = world.attempt_rows(&id).await;
        assert_eq!(attempts[1]["connection_id"], json!(second));
        let why: Value = serde_json::from_str(attempts[1]["why"].as_str().unwrap()).unwrap();
        assert_eq!(why["because"], "attempt 1 was not_sent");
        assert_eq!(why["candidates"], json!(["OY! sandbox", "Second"]));
        assert_eq!((&why["chosen"], &why["fee"]), (&json!("Second"), &json!(1_000)));
        assert_eq!(world.events(&id).await, ["payment.processing", "payment.succeeded"], "failover is silent");
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn who_lacks_balance_gives_way_to_the_next() {
    run_with(fast(60), async |world| {
        let second = world.second_connection(world.sandbox.url("oy")).await;
        world.fault(Fault::new(Kind::Refuse).on("remit").code("206").times(1));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&id).await, ["refused", "paid"]);
        let attempts = world.attempt_rows(&id).await;
        assert_eq!((&attempts[0]["code"], &attempts[1]["connection_id"]), (&json!("206"), &json!(second)));
        let why: Value = serde_json::from_str(attempts[1]["why"].as_str().unwrap()).unwrap();
        assert_eq!(why["skipped"][0]["reason"], "it refused this payment already");
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn every_provider_refusing_for_itself_fails_the_payment() {
    run_with(fast(60), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        // 201, 202, 205, 207, 208: the provider's own fault.
        for (n, account) in ["4444444444", "5555555555", "2222222222", "2070000", "2080000"].into_iter().enumerate() {
            let id = world.send(&format!("A{n}"), account, 10_000).await;
            let row = world.until_status(&id, "FAILED").await;
            assert_eq!(row["reason_code"], "no_provider_left", "{row}");
            assert_eq!(world.attempts(&id).await, ["refused", "refused"], "{account}");
        }
        assert_eq!(world.sandbox.oy.summary().paid, 0);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_refusal_of_the_request_fails_the_payment_and_asks_nobody_else() {
    run_with(fast(60), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        // 204, 209, 210, 990: every provider would say the same.
        for (n, account) in ["3333333333", "2090000", "2100000", "9900000"].into_iter().enumerate() {
            let id = world.send(&format!("A{n}"), account, 10_000).await;
            let row = world.until_status(&id, "FAILED").await;
            assert_eq!(row["reason_code"], "refused_by_provider", "{row}");
            assert_eq!(world.attempts(&id).await, ["refused"], "{account}");
            assert_eq!(world.events(&id).await, ["payment.processing", "payment.failed"]);
        }
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn too_many_requests_means_not_sent_and_another_try() {
    run_with(fast(60), async |world| {
        world.fault(Fault::new(Kind::Refuse).on("remit").code("429").times(1));
        world.fault(Fault::new(Kind::HttpErrorBefore).on("remit").http_status(429).account("1239812391").times(1));
        world.fault(Fault::new(Kind::HttpErrorBefore).on("remit").http_status(403).account("1239812392").times(1));
        for (n, account) in [GOOD, "1239812391", "1239812392"].into_iter().enumerate() {
            let id = world.send(&format!("A{n}"), account, 10_000).await;
            world.until_status(&id, "SUCCESS").await;
            assert_eq!(world.attempts(&id).await, ["not_sent", "paid"], "{account}");
        }
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_after_the_money_moved_is_found_by_status() {
    run_with(fast(60), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        let lost = [
            Fault::new(Kind::HangAnswer),
            Fault::new(Kind::DropResponse),
            Fault::new(Kind::HttpErrorAfter).http_status(500),
            Fault::new(Kind::HttpErrorAfter).http_status(504),
            Fault::new(Kind::Garbage),
            Fault::new(Kind::WrongCode).code("504"),
            Fault::new(Kind::WrongCode).code("999"),
            Fault::new(Kind::WrongCode).code("777"),
            // "Failed" in the answer to a send is believed once our own status read says it too.
            Fault::new(Kind::WrongCode).code("300"),
        ];
        for (n, fault) in lost.into_iter().enumerate() {
            let told = format!("{fault:?}");
            world.fault(fault.on("remit").times(1));
            let id = world.send(&format!("A{n}"), &format!("12398123{n:02}"), 10_000).await;
            world.until_status(&id, "SUCCESS").await;
            let attempts = world.attempt_rows(&id).await;
            assert_eq!((attempts.len(), &attempts[0]["sends"]), (1, &json!(1)), "{told}");
        }
        world.sandbox.oy.clear_faults();
        assert_eq!(world.sandbox.oy.summary().paid_count, 9);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_send_that_never_arrived_is_sent_again_under_its_reference_and_pays_once() {
    run_with(fast(600), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        let lost = [dropped(), Fault::new(Kind::HttpErrorBefore).on("remit").http_status(502).times(1)];
        for (n, fault) in lost.into_iter().enumerate() {
            world.fault(fault);
            let id = world.send(&format!("A{n}"), &format!("123981239{n}"), 10_000).await;
            world.until_evidence(&id, "unknown").await;
            world.until_status(&id, "SUCCESS").await;
            let attempts = world.attempt_rows(&id).await;
            assert_eq!((attempts.len(), &attempts[0]["sends"]), (1, &json!(2)), "{attempts:?}");
            // It was not hurried: three times not found first, as the contract wants.
            let not_found: i64 =
                sqlx::query_scalar("SELECT count(*) FROM observation WHERE payment_id = $1 AND verdict = 'not_found'")
                    .bind(uuid(&id))
                    .fetch_one(&world.sql)
                    .await
                    .unwrap();
            assert!(not_found >= 3, "{not_found}");
        }
        assert_eq!(world.sandbox.oy.summary().paid_count, 2);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_first_send_that_arrives_after_the_second_pays_once() {
    run_with(fast(600), async |world| {
        world.fault(Fault::new(Kind::Hang).on("remit").times(1));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_attempt(&id, |a| a["sends"] == 2 && a["accepted"] == true).await;
        // Now the first one gets through, and meets the provider's duplicate check.
        world.sandbox.oy.clear_faults();
        world.until_status(&id, "SUCCESS").await;
        assert_eq!((world.attempts(&id).await, world.exceptions(&id).await), (vec!["paid".to_owned()], vec![]));
        assert_eq!(world.sandbox.oy.summary().paid_count, 1);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_refused_resend_teaches_nothing() {
    run_with(fast(1200), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        world.fault(dropped());
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "unknown").await;
        world.fault(Fault::new(Kind::Refuse).on("remit").code("206"));
        world.until_attempt(&id, |a| a["sends"].as_i64() >= Some(2) && a["state"] == "unknown").await;
        // It stays in doubt, beyond the window too, where nothing is sent any more.
        world
            .until_some(&id, async || {
                let closed = "SELECT (send_until < now())::int::bigint FROM payment";
                (world.number(closed).await == 1).then_some(())
            })
            .await;
        let sends = world.attempt_rows(&id).await[0]["sends"].clone();
        let polls = world.attempt_rows(&id).await[0]["polls"].as_i64();
        let attempt = world.until_attempt(&id, |a| a["polls"].as_i64() > polls).await;
        assert_eq!((&attempt["state"], &attempt["sends"]), (&json!("unknown"), &sends));
        let row = world.row(&id).await;
        assert_eq!((&row["status"], row["unknown_since"].is_string()), (&json!("PROCESSING"), true));
        assert_eq!(world.attempts(&id).await.len(), 1);
        assert_eq!(world.sandbox.oy.summary().paid, 0);
        world
    })
    .await;
}

#[tokio::test]
async fn in_doubt_for_ever_is_asked_for_ever_and_never_guessed() {
    run_with(fast(3600), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        let id = world.send("A", "1234567890", 10_000).await;
        world.until_evidence(&id, "unknown").await;
        let attempt = world.until_attempt(&id, |a| a["polls"].as_i64() >= Some(9)).await;
        assert_eq!((&attempt["state"], &attempt["sends"]), (&json!("unknown"), &json!(1)));
        assert!(attempt["next_try_at"].is_string(), "nobody asks any more: {attempt}");
        let row = world.row(&id).await;
        assert_eq!(row["status"], "PROCESSING");
        let closed = "SELECT (send_until < now())::int::bigint FROM payment";
        assert_eq!(world.number(closed).await, 1, "the window was still open");
        assert_eq!(world.attempts(&id).await.len(), 1);
        world
    })
    .await;
}

#[tokio::test]
async fn a_duplicate_reference_is_resolved_by_status() {
    run_with(fast(60), async |world| {
        let id = world.send("A", "1111111111", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let attempts = world.attempt_rows(&id).await;
        assert_eq!((attempts.len(), &attempts[0]["sends"]), (1, &json!(1)));
        let codes: Vec<Option<String>> =
            sqlx::query_scalar("SELECT code FROM observation ORDER BY id").fetch_all(&world.sql).await.unwrap();
        assert_eq!(codes, [Some("203".into()), Some("000".into())]);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_final_failure_by_status_fails_the_payment_without_failover() {
    run_with(fast(60), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        for (n, account) in ["7777777777", "8888888888"].into_iter().enumerate() {
            let id = world.send(&format!("A{n}"), account, 10_000).await;
            let row = world.until_status(&id, "FAILED").await;
            assert_eq!(row["reason_code"], "failed_at_provider", "{row}");
            assert_eq!(world.attempts(&id).await, ["failed"]);
        }
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_final_failure_for_balance_goes_to_the_next() {
    run_with(fast(60), async |world| {
        let second = world.second_connection(world.sandbox.url("oy")).await;
        for (n, code) in ["206", "225"].into_iter().enumerate() {
            world.fault(Fault::new(Kind::End).code(code).times(1));
            let id = world.send(&format!("A{n}"), &format!("123981239{n}"), 10_000).await;
            world.until_status(&id, "SUCCESS").await;
            assert_eq!(world.attempts(&id).await, ["failed", "paid"], "{code}");
            assert_eq!(world.attempt_rows(&id).await[1]["connection_id"], json!(second));
        }
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_suspect_payment_waits_for_its_end() {
    let mut options = fast(60);
    options.simulator = json!({ "settle_after_ms": 3_000 });
    run_with(options, async |world| {
        world.fault(Fault::new(Kind::SuspectFirst));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_attempt(&id, |a| a["code"] == "301" && a["state"] == "accepted").await;
        world.until_status(&id, "SUCCESS").await;
        // 301 for ever is waited for, for ever.
        let id = world.send("B", "9999999999", 10_000).await;
        world.until_attempt(&id, |a| a["code"] == "301" && a["polls"].as_i64() >= Some(2)).await;
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_force_credit_stays_in_doubt_whatever_its_code() {
    run_with(fast(600), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        world.fault(Fault::new(Kind::ForceCredit));
        let id = world.send("A", GOOD, 10_000).await;
        let attempt = world.until_attempt(&id, |a| a["code"] == "300" && a["polls"].as_i64() >= Some(4)).await;
        assert_eq!(attempt["state"], "accepted");
        assert_eq!((&world.row(&id).await["status"], world.attempts(&id).await.len()), (&json!("PROCESSING"), 1));
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "000", None, true).unwrap();
        world.until_status(&id, "SUCCESS").await;
        assert!(world.exceptions(&id).await.is_empty());
        world
    })
    .await;
}

#[tokio::test]
async fn another_amount_at_the_answer_is_unknown_and_never_sent_again() {
    run_with(fast(600), async |world| {
        world.fault(Fault::new(Kind::WrongAmount).on("remit").times(1));
        // It seems to be forgotten afterwards: all the more reason not to send again.
        world.fault(Fault::new(Kind::Refuse).on("remit-status").code("204"));
        let id = world.send("A", GOOD, 10_000).await;
        let attempt = world.until_attempt(&id, |a| a["state"] == "unknown").await;
        assert_eq!(attempt["accepted"], true, "it said that it took the order");
        world.until_exception(&id, "vanished").await;
        let attempt = world.until_attempt(&id, |a| a["polls"].as_i64() >= Some(5)).await;
        assert_eq!(attempt["sends"], 1);
        world.sandbox.oy.clear_faults();
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.sandbox.oy.summary().paid_count, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn another_amount_at_status_opens_an_exception_and_moves_nothing() {
    run_with(fast(600), async |world| {
        world.endpoint("main").await;
        world.fault(Fault::new(Kind::WrongAmount).on("remit-status"));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_exception(&id, "echo_differs").await;
        let told = world.sandbox.merchant.wait_for(|r| r.kind == "payment.exception").await;
        assert!(told.verified && told.body.contains("echo_differs"), "{told:?}");
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        assert_eq!(world.suspense(&id).await, 990_000, "a hundred times ours, less ours");
        // Seen again and again, told once.
        world.until_attempt(&id, |a| a["polls"].as_i64() >= Some(4)).await;
        assert_eq!(world.events(&id).await, ["payment.processing", "payment.exception"]);
        world.sandbox.oy.clear_faults();
        world.until_status(&id, "SUCCESS").await;
        // A second contradiction of the same attempt has a place in the books too.
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "300", None, true).unwrap();
        world.until_exception(&id, "failed_after_paid").await;
        assert_eq!(world.suspense(&id).await, 980_000);
        assert_eq!(world.row(&id).await["status"], "SUCCESS");
        world
    })
    .await;
}

#[tokio::test]
async fn bad_news_about_another_amount_ends_nothing() {
    run_with(fast(600), async |world| {
        world.fault(Fault::new(Kind::WrongAmount).on("remit-status"));
        let id = world.send("A", "7777777777", 10_000).await;
        let attempt = world.until_attempt(&id, |a| a["code"] == "300" && a["polls"].as_i64() >= Some(3)).await;
        assert_eq!(attempt["state"], "accepted", "{attempt}");
        world.sandbox.oy.clear_faults();
        world.until_status(&id, "FAILED").await;
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_vanishes_opens_an_exception_and_goes_on() {
    let mut options = fast(600);
    options.simulator = json!({ "settle_after_ms": 600_000 });
    run_with(options, async |world| {
        world.fault(Fault::new(Kind::Refuse).on("remit-status").code("204").times(1));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_exception(&id, "vanished").await;
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.suspense(&id).await, 0);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn final_against_final_is_an_exception_on_suspense() {
    run_with(fast(60), async |world| {
        world.endpoint("main").await;
        let failed = world.send("A", "7777777777", 10_000).await;
        world.until_status(&failed, "FAILED").await;
        let reference = world.reference(&failed, 1).await;
        world.sandbox.oy.finish(&reference, "000", None, true).unwrap();
        world.until_exception(&failed, "paid_after_freed").await;
        assert_eq!((&world.row(&failed).await["status"], world.suspense(&failed).await), (&json!("FAILED"), 10_000));
        let paid = world.send("B", GOOD, 20_000).await;
        world.until_status(&paid, "SUCCESS").await;
        let reference = world.reference(&paid, 1).await;
        world.sandbox.oy.finish(&reference, "300", None, true).unwrap();
        world.until_exception(&paid, "failed_after_paid").await;
        assert_eq!((&world.row(&paid).await["status"], world.suspense(&paid).await), (&json!("SUCCESS"), -20_000));
        for id in [&failed, &paid] {
            let told =
                world.sandbox.merchant.wait_for(|r| r.kind == "payment.exception" && r.payment_id.as_ref() == Some(id));
            assert!(told.await.verified);
        }
        world.money_agrees().await;
        world
    })
    .await;
}

/// Each second match of `fault` only.
fn every_second(mut fault: Fault) -> Fault {
    fault.every = Some(2);
    fault
}

#[tokio::test]
async fn after_money_that_may_have_left_nothing_is_told_as_failed() {
    let mut options = fast(60);
    options.callbacks = false;
    set_oy(&mut options, "send_timeout_ms", 20_000);
    run_with(options, async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        // The first connection says "refused for balance" and pays; the second hangs, and then truly refuses.
        world.fault(Fault::new(Kind::WrongCode).on("remit").code("206").times(1));
        world.fault(every_second(Fault::new(Kind::HangAnswer).on("remit")));
        world.fault(every_second(Fault::new(Kind::Refuse).on("remit").code("210")));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_attempt(&id, |a| a["number"] == 2 && a["state"] == "sent").await;
        let first = world.reference(&id, 1).await;
        world.callback(json!({ "status": { "code": "000" }, "partner_trx_id": first })).await;
        world.until_exception(&id, "paid_after_freed").await;
        release(&world).await;
        world.until_attempt(&id, |a| a["state"] == "refused").await;
        let row = world.row(&id).await;
        assert_eq!((&row["status"], &row["final_at"]), (&json!("PROCESSING"), &Value::Null), "FAILED would be a lie");
        assert_eq!((world.attempts(&id).await.len(), world.suspense(&id).await), (2, 10_000));
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_contradiction_stops_what_is_still_prepared() {
    let mut options = fast(60);
    options.callbacks = false;
    set_oy(&mut options, "send_timeout_ms", 20_000);
    run_with(options, async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        world.fault(Fault::new(Kind::WrongCode).on("remit").code("206").times(1));
        world.fault(Fault::new(Kind::HangAnswer).on("remit").times(1));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "sent").await;
        world.execute("INSERT INTO setting VALUES ('sending_paused', '{}', now())").await;
        release(&world).await;
        world.until_attempt(&id, |a| a["number"] == 2 && a["state"] == "prepared").await;
        let first = world.reference(&id, 1).await;
        world.callback(json!({ "status": { "code": "000" }, "partner_trx_id": first })).await;
        world.until_exception(&id, "paid_after_freed").await;
        assert_eq!(world.attempts(&id).await, ["refused", "not_sent"]);
        world.execute("DELETE FROM setting").await;
        assert_eq!(world.sandbox.oy.summary().count, 1);
        world.money_agrees().await;
        world
    })
    .await;
}

/// Pretends that the process that sends has died: its lease is over.
async fn lose_the_lease(world: &World) {
    world
        .execute(
            "UPDATE attempt SET leased_until = now() - interval '1 second', next_try_at = now() - interval '1 second'
             WHERE state = 'sent'",
        )
        .await;
}

#[tokio::test]
async fn a_late_answer_raises_and_never_frees() {
    let mut options = fast(60);
    set_oy(&mut options, "send_timeout_ms", 20_000);
    options.config.schedule.poll_backoff_s = vec![36_000];
    options.callbacks = false;
    run_with(options, async |world| {
        // Nothing is learned by status while the answers are late.
        world.fault(Fault::new(Kind::Refuse).on("remit-status").code("999"));
        world.second_connection(world.sandbox.url("oy")).await;
        for (n, refused) in [(0, true), (1, false)] {
            let account = format!("123981239{n}");
            let hang = Fault::new(Kind::HangAnswer).on("remit").account(&account);
            world.fault(hang);
            if refused {
                world.fault(Fault::new(Kind::Refuse).on("remit").account(&account).code("206"));
            }
            let id = world.send(&format!("A{n}"), &account, 10_000).await;
            world.until_evidence(&id, "sent").await;
            lose_the_lease(&world).await;
            // The scan finds it: whoever sent it is gone, so it is in doubt.
            world.until_evidence(&id, "unknown").await;
            let before = world.number("SELECT count(*) FROM observation WHERE kind = 'answer'").await;
            release(&world).await;
            world
                .until_some(&id, async || {
                    let now = world.number("SELECT count(*) FROM observation WHERE kind = 'answer'").await;
                    (now > before).then_some(())
                })
                .await;
            let expected = if refused { "unknown" } else { "accepted" };
            assert_eq!(world.attempts(&id).await, [expected]);
            assert_eq!(world.row(&id).await["status"], "PROCESSING");
        }
        world
    })
    .await;
}

/// Lets what hangs at the simulator go on; the faults stay.
async fn release(world: &World) {
    let url = world.sandbox.describe()["oy"]["control_url"].as_str().unwrap().to_owned();
    let sent = reqwest::Client::new().post(format!("{url}/control/release")).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

#[tokio::test]
async fn an_expired_send_nobody_answers_for_is_asked_about_and_sent_again() {
    let mut options = fast(600);
    set_oy(&mut options, "send_timeout_ms", 20_000);
    run_with(options, async |world| {
        // The claim was committed and the process died before the first byte.
        world.fault(Fault::new(Kind::Hang).on("remit").times(1));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "sent").await;
        lose_the_lease(&world).await;
        world.until_evidence(&id, "unknown").await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempt_rows(&id).await[0]["sends"], 2);
        world.sandbox.oy.clear_faults();
        assert_eq!(world.sandbox.oy.summary().paid_count, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn rotated_secrets_are_used_with_the_frozen_identity() {
    run_with(fast(600), async |world| {
        let unclear = |asked: &Captured| {
            let code = if asked.path == "/api/remit" { "504" } else { "999" };
            (200, json!({ "status": { "code": code, "message": "?" } }).to_string())
        };
        let stub = Stub::start(unclear).await;
        world.move_connection(&stub.url).await;
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "unknown").await;
        let settings = json!({ "base_url": stub.url });
        let (client, connection) = (world.client_id, world.connection_id);
        let rotate = async |username: &str| {
            let credentials = json!({ "username": username, "api_key": "a-new-key" });
            paystrator::flows::connections::rotate(&world.app, client, connection, &credentials, &settings).await
        };
        let other = rotate("somebody-else").await.unwrap_err().to_string();
        assert!(other.contains("another account is another connection"), "{other}");
        rotate("oy-sandbox").await.unwrap();
        // A question under way at the change may still come with the old key, twice.
        let with_new = async || stub.seen().iter().any(|call| call.headers["x-api-key"] == "a-new-key").then_some(());
        world.until_some(&id, with_new).await;
        assert!(stub.seen().iter().all(|call| call.headers["x-oy-username"] == "oy-sandbox"));
        assert!(stub.seen()[0].headers["x-api-key"] != "a-new-key");
        assert_eq!(stub.seen().iter().filter(|call| call.path == "/api/remit").count(), 1);
        world
    })
    .await;
}

#[tokio::test]
async fn an_open_breaker_holds_everything_back_and_sends_a_probe() {
    let mut options = fast(60);
    options.config.schedule.breaker_open_s = 90;
    options.config.schedule.breaker_wait_s = 3_000;
    run_with(options, async |world| {
        world.move_connection(CLOSED).await;
        let first = world.send("A", GOOD, 10_000).await;
        world.until_attempt(&first, |a| a["number"] == 6).await;
        let held = world.send("B", "1239812391", 10_000).await;
        world.move_connection(world.sandbox.url("oy")).await;
        let remits = world.count("remit");
        // Five in a row never arrived: the sixth waits for its time, and so does who comes after.
        assert_eq!(world.attempts(&first).await.iter().filter(|state| *state == "not_sent").count(), 5);
        assert_eq!((remits.seen(), world.attempts(&held).await), (0, vec!["prepared".to_owned()]));
        world.until_status(&first, "SUCCESS").await;
        world.until_status(&held, "SUCCESS").await;
        assert_eq!(world.attempts(&held).await, ["paid"]);
        assert_eq!(world.attempts(&first).await.len(), 6);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn what_waits_too_long_behind_a_breaker_goes_to_the_next() {
    let mut options = fast(60);
    options.config.schedule.breaker_open_s = 3_000;
    options.config.breaker.failures = 1;
    run_with(options, async |world| {
        world.move_connection(CLOSED).await;
        world.second_connection(world.sandbox.url("oy")).await;
        let first = world.send("A", GOOD, 10_000).await;
        world.until_status(&first, "SUCCESS").await;
        assert_eq!(world.attempts(&first).await, ["not_sent", "paid"]);
        let second = world.send("B", "1239812391", 10_000).await;
        world.until_status(&second, "SUCCESS").await;
        let attempts = world.attempt_rows(&second).await;
        assert_eq!((&attempts[0]["state"], &attempts[0]["sends"]), (&json!("not_sent"), &json!(0)));
        world.money_agrees().await;
        world
    })
    .await;
}
