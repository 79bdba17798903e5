//! Callbacks on bad days: early, copied, reordered, forged, lying. A callback is a claim: it makes us ask, nothing more.

use paystrator::sandbox::{Fault, Kind};
use serde_json::json;

use crate::support::bad::{fast, set_oy, together};
use crate::support::{World, run_with};

const GOOD: &str = "1239812390";

fn claim(reference: &str, code: &str) -> serde_json::Value {
    json!({ "status": { "code": code, "message": "told" }, "amount": "10000.0000", "partner_trx_id": reference })
}

#[tokio::test]
async fn a_thousand_copies_make_one_transition_and_a_handful_of_reads() {
    let mut options = fast(60);
    options.callbacks = false;
    options.simulator = json!({ "settle_after_ms": 3_600_000 });
    options.config.schedule.read_refresh_s = 180;
    run_with(options, async |world| {
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "accepted").await;
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "000", None, false).unwrap();
        let version = world.row(&id).await["version"].as_i64().unwrap();
        let reads = world.count("remit-status");
        let body = claim(&reference, "000").to_string();
        let calls = (0..1_000).map(|_| {
            let (caller, path, body) = (world.caller.clone(), world.callback_path.clone(), body.clone());
            async move { caller.call("POST", &path, Some(body), &[("authorization", "none")]).await.status }
        });
        let answers = together(calls).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1_000);
        let row = world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        assert_eq!(world.number("SELECT count(*) FROM callback").await, 1_000);
        assert_eq!(
            (row["version"].as_i64(), world.row(&id).await["version"].as_i64()),
            (Some(version + 1), Some(version + 1))
        );
        assert_eq!(world.events(&id).await, ["payment.processing", "payment.succeeded"]);
        assert!((1..=6).contains(&reads.seen()), "{} reads", reads.seen());
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_callback_before_the_answer_pays_once() {
    run_with(fast(60), async |world| {
        world.fault(Fault::new(Kind::CallbackFirst));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        assert_eq!((world.attempts(&id).await, world.exceptions(&id).await), (vec!["paid".to_owned()], vec![]));
        assert_eq!(world.events(&id).await.len(), 2);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_hangs_holds_up_no_callback() {
    let mut options = fast(60);
    set_oy(&mut options, "send_timeout_ms", 60_000);
    run_with(options, async |world| {
        world.fault(Fault::new(Kind::HangAnswer).on("remit"));
        let id = world.send("A", GOOD, 10_000).await;
        // The answer comes when the payment has long ended, and is the answer of then.
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&id).await, ["paid"]);
        world.sandbox.oy.clear_faults();
        world.idle().await;
        assert_eq!((world.attempts(&id).await, world.exceptions(&id).await), (vec!["paid".to_owned()], vec![]));
        assert_eq!(world.events(&id).await.len(), 2);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn reordered_and_doubled_callbacks_change_nothing_more() {
    let mut options = fast(60);
    options.simulator = json!({ "settle_after_ms": 3_000 });
    run_with(options, async |world| {
        world.fault(Fault::new(Kind::ReorderCallbacks));
        world.fault(Fault::new(Kind::DuplicateCallback));
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        let told = |oy: &paystrator::sandbox::oy::Oy| (oy.callbacks().len() >= 3).then_some(());
        world.sandbox.oy.wait_for(told).await;
        world.idle().await;
        assert_eq!((world.attempts(&id).await, world.exceptions(&id).await), (vec!["paid".to_owned()], vec![]));
        assert_eq!(world.events(&id).await.len(), 2);
        world
    })
    .await;
}

#[tokio::test]
async fn an_unsigned_callback_alone_moves_no_money() {
    run_with(fast(60), async |world| {
        // OY! itself says "in progress" for ever.
        let id = world.send("A", "6666666666", 10_000).await;
        world.until_evidence(&id, "accepted").await;
        let reference = world.reference(&id, 1).await;
        for code in ["000", "300"] {
            let reads = world.count("remit-status");
            assert_eq!(world.callback(claim(&reference, code)).await.status, 200);
            world.until_some(&id, async || (reads.seen() > 0).then_some(())).await;
            world.idle().await;
            let row = world.row(&id).await;
            assert_eq!((&row["status"], &row["evidence"]), (&json!("PROCESSING"), &json!("accepted")));
        }
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn garbage_and_foreign_references_change_nothing() {
    run_with(fast(60), async |world| {
        let id = world.send("A", "6666666666", 10_000).await;
        world.until_evidence(&id, "accepted").await;
        let other = World::start(fast(60)).await;
        let foreign = other.send("A", "6666666666", 10_000).await;
        other.until_evidence(&foreign, "accepted").await;
        let (row, reads) = (world.row(&id).await, other.count("remit-status"));
        for garbage in ["", "{", "[]", "null", "7", "{}", r#"{"partner_trx_id":""}"#, r#"{"partner_trx_id":7}"#] {
            let none = [("authorization", "none")];
            let reply = world.caller.call("POST", &world.callback_path, Some(garbage.into()), &none).await;
            assert_eq!(reply.status, 400, "{garbage:?}: {}", reply.body);
        }
        let long = "x".repeat(300);
        assert_eq!(world.callback(claim(&long, "000")).await.status, 400);
        // A reference that is not ours at this connection is kept, and nobody is asked about it.
        let reference = other.reference(&foreign, 1).await;
        assert_eq!(world.callback(claim(&reference, "000")).await.status, 200);
        let unknown = world.callback_path.replace("send_money/", "send_money/0");
        let none = [("authorization", "none")];
        assert_eq!(world.caller.call("POST", &unknown, Some("{}".into()), &none).await.status, 404);
        world.idle().await;
        assert_eq!((world.row(&id).await["version"].clone(), reads.seen()), (row["version"].clone(), 0));
        assert_eq!(other.row(&foreign).await["evidence"], "accepted");
        other.idle().await;
        other.service.stop().await;
        other.sandbox.stop().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_callback_that_no_worker_saw_is_worked_on_later() {
    let mut options = fast(60);
    options.simulator = json!({ "settle_after_ms": 3_600_000 });
    options.callbacks = false;
    run_with(options, async |world| {
        let id = world.send("A", GOOD, 10_000).await;
        world.until_evidence(&id, "accepted").await;
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "000", None, false).unwrap();
        // As a process would leave it that died right after its answer.
        sqlx::query(
            "INSERT INTO callback (client_id, id, connection_id, received_at, source, body, reading, reference, next_try_at)
             VALUES ($1, gen_random_uuid(), $2, now(), '127.0.0.1', '', 'question', $3, now())",
        )
        .bind(world.client_id)
        .bind(world.connection_id)
        .bind(&reference)
        .execute(&world.sql)
        .await
        .unwrap();
        world.until_status(&id, "SUCCESS").await;
        world
    })
    .await;
}
