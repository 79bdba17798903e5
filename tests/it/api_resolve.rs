//! Two people end a doubt: exactly once, on the books, and never one person alone.

use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusBuilder;
use paystrator::domain::ledger::{self, Account, Line};
use paystrator::domain::service::Mode;
use paystrator::flows::connections::{self, NewConnection};
use paystrator::flows::gauges::{self, Shown};
use serde_json::{Value, json};

use crate::support::http::{Caller, Reply};
use crate::support::world::key;
use crate::support::{Options, World, run, run_with};

fn word(outcome: &str) -> Value {
    json!({ "outcome": outcome, "reason": "The bank's letter says so.", "document": "letter-17" })
}

async fn resolve(caller: &Caller, id: &str, outcome: &str) -> Reply {
    caller.post(&format!("/v1/transactions/{id}/resolve"), word(outcome)).await
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.body["error"]["code"].as_str().unwrap_or(""))
}

async fn audit(world: &World) -> Vec<String> {
    let rows =
        sqlx::query_scalar("SELECT person || ' ' || action || ' ' || (detail->>'outcome') FROM audit ORDER BY at, id");
    rows.fetch_all(&world.sql).await.unwrap()
}

#[tokio::test]
async fn a_doubt_is_ended_by_two_people() {
    run(async |world| {
        let id = world.send("DOUBT", "1234567890", 10_000).await;
        world.until_evidence(&id, "unknown").await;
        let path = format!("/v1/transactions/{id}/resolve");
        insta::assert_snapshot!(world.caller.post(&path, json!({ "outcome": "paid" })).await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "reason",
                "message": "is required of who proposes"
              },
              {
                "field": "document",
                "message": "is required of who proposes"
              }
            ],
            "message": "reason is required of who proposes; document is required of who proposes",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        insta::assert_snapshot!(world.caller.post(&path, json!({ "outcome": "maybe", "approvedBy": "me" })).await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "approvedBy",
                "message": "is not a field of this request"
              },
              {
                "field": "outcome",
                "message": "must match ^(paid|failed|paid_out|returned|noted|withdraw)$"
              }
            ],
            "message": "approvedBy is not a field of this request; outcome must match ^(paid|failed|paid_out|returned|noted|withdraw)$",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        insta::assert_snapshot!(resolve(&world.caller, &id, "noted").await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Read the payment again and choose by how it stands now.",
            "code": "not_resolvable",
            "message": "It cannot be resolved so: this payment has no open exception.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        insta::assert_snapshot!(resolve(&world.caller, &id, "paid").await.shown(), @r###"
        HTTP 202
        {
          "data": {
            "action": "Another person approves it by sending the same outcome with a key of their own.",
            "approvedAt": null,
            "approvedBy": null,
            "document": "letter-17",
            "id": "[id]",
            "outcome": "paid",
            "proposedAt": "[proposedAt]",
            "proposedBy": "Ani",
            "reason": "The bank's letter says so.",
            "state": "proposed",
            "transactionId": "[transactionId]"
          },
          "errors": null,
          "status": 202
        }
        "###);
        insta::assert_snapshot!(resolve(&world.caller, &id, "paid").await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Another person approves it with a key of their own, or withdraws it.",
            "code": "second_person_needed",
            "message": "The proposal stands: \"paid\" by Ani (res_[id]).",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        insta::assert_snapshot!(resolve(&world.colleague, &id, "failed").await.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Approve that one, or take it back with the outcome \"withdraw\" and propose anew.",
            "code": "proposal_differs",
            "message": "Another outcome is proposed: \"paid\" by Ani (res_[id]).",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        let shown = world.caller.get(&format!("/v1/transactions/{id}")).await;
        assert_eq!(shown.body["data"]["resolution"]["proposedBy"], "Ani");
        assert_eq!(world.row(&id).await["status"], "PROCESSING", "one word changes nothing");
        insta::assert_snapshot!(world.colleague.post(&path, json!({ "outcome": "paid" })).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Nothing is left to do.",
            "approvedAt": "[approvedAt]",
            "approvedBy": "Budi",
            "document": "letter-17",
            "id": "[id]",
            "outcome": "paid",
            "proposedAt": "[proposedAt]",
            "proposedBy": "Ani",
            "reason": "The bank's letter says so.",
            "state": "executed",
            "transactionId": "[transactionId]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let row = world.row(&id).await;
        assert_eq!((&row["status"], &row["evidence"]), (&json!("SUCCESS"), &json!("paid")));
        assert_eq!(code(&resolve(&world.caller, &id, "paid").await), (409, "not_resolvable"));
        assert_eq!(audit(&world).await, ["Ani resolution.proposed paid", "Budi resolution.approved paid"]);
        let seen: String = sqlx::query_scalar("SELECT message FROM observation WHERE kind = 'operator'").fetch_one(&world.sql).await.unwrap();
        insta::assert_snapshot!(seen, @r###"proposed by Ani, approved by Budi; document: letter-17; reason: The bank's letter says so."###);
        world
    })
    .await;
}

#[tokio::test]
async fn resolved_as_failed_ends_the_payment_and_tells_it() {
    run(async |world| {
        world.endpoint("main").await;
        let id = world.send("DOUBT", "6666666666", 10_000).await;
        world.until_evidence(&id, "accepted").await;
        assert_eq!(resolve(&world.caller, &id, "failed").await.status, 202);
        let withdrawn =
            world.colleague.post(&format!("/v1/transactions/{id}/resolve"), json!({ "outcome": "withdraw" })).await;
        insta::assert_snapshot!(withdrawn.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Propose again when you know more.",
            "approvedAt": null,
            "approvedBy": null,
            "document": "letter-17",
            "id": "[id]",
            "outcome": "failed",
            "proposedAt": "[proposedAt]",
            "proposedBy": "Ani",
            "reason": "The bank's letter says so.",
            "state": "withdrawn",
            "transactionId": "[transactionId]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let again =
            world.caller.post(&format!("/v1/transactions/{id}/resolve"), json!({ "outcome": "withdraw" })).await;
        assert_eq!(code(&again), (409, "no_proposal"));
        // The same person under two spellings is one person.
        let budi = world.caller.with_key(&key(&world.app, world.client_id, " bUDI").await);
        assert_eq!(resolve(&world.colleague, &id, "failed").await.status, 202);
        assert_eq!(code(&resolve(&budi, &id, "failed").await), (409, "second_person_needed"));
        assert_eq!(resolve(&world.caller, &id, "failed").await.status, 200);
        let status = world.caller.get(&format!("/v1/get-status?transaction_id={id}")).await;
        assert_eq!(status.body["data"]["status"], "FAILED");
        insta::assert_snapshot!(status.body["data"]["reason"], @r###"{"code":"resolved_as_failed","message":"Two people resolved that it was not paid."}"###);
        let told = world.sandbox.merchant.wait_for(|receipt| receipt.payment_id.as_deref() == Some(&id)).await;
        assert_eq!(told.kind, "payment.failed");
        world
    })
    .await;
}

#[tokio::test]
async fn approvals_at_once_are_carried_out_once() {
    run(async |world| {
        for round in 0..5 {
            let id = world.send(&format!("DOUBT-{round}"), "1234567890", 10_000).await;
            world.until_evidence(&id, "unknown").await;
            // Proposals at once: one stands, and those of another person approve it.
            let people = [&world.caller, &world.colleague, &world.caller, &world.colleague, &world.colleague];
            let replies = join_all(people.iter().map(|caller| resolve(caller, &id, "failed"))).await;
            let mut codes: Vec<_> = replies.iter().map(code).collect();
            codes.sort_unstable();
            let count = |status: u16| codes.iter().filter(|(s, _)| *s == status).count();
            assert_eq!((count(202), count(200)), (1, 1), "{codes:?}");
            let rest = codes.iter().filter(|(s, _)| *s == 409);
            assert!(rest.clone().all(|(_, c)| ["not_resolvable", "second_person_needed"].contains(c)), "{codes:?}");
            let row = world.row(&id).await;
            assert_eq!(row["status"], "FAILED");
            let events: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM event WHERE type = 'payment.failed' AND body LIKE '%' || $1 || '%'",
            )
            .bind(&id)
            .fetch_one(&world.sql)
            .await
            .unwrap();
            assert_eq!(events, 1);
        }
        assert_eq!(audit(&world).await.iter().filter(|line| line.contains("approved")).count(), 5);
        world
    })
    .await;
}

#[tokio::test]
async fn an_approval_and_a_withdrawal_at_once_are_one_of_them() {
    run(async |world| {
        for round in 0..5 {
            let id = world.send(&format!("DOUBT-{round}"), "1234567890", 10_000).await;
            world.until_evidence(&id, "unknown").await;
            assert_eq!(resolve(&world.caller, &id, "paid").await.status, 202);
            let path = format!("/v1/transactions/{id}/resolve");
            let (approved, withdrawn) = tokio::join!(
                world.colleague.post(&path, json!({ "outcome": "paid" })),
                world.caller.post(&path, json!({ "outcome": "withdraw" })),
            );
            let paid = world.row(&id).await["status"] == "SUCCESS";
            match paid {
                true => assert_eq!((approved.status, code(&withdrawn)), (200, (409, "no_proposal"))),
                false => assert_eq!((code(&approved).0, withdrawn.status), (400, 200), "{}", approved.body),
            }
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM resolution WHERE approved_at IS NULL")
                .fetch_one(&world.sql)
                .await
                .unwrap();
            assert_eq!(left, 0);
        }
        world
    })
    .await;
}

/// A payment whose first attempt was refused and then turns out paid; `stuck`: its next attempt was stopped by that.
async fn paid_after_refused(world: &World, stuck: bool) -> String {
    if stuck {
        let credentials = serde_json::to_value(world.sandbox.oy.credentials()).unwrap();
        let second = NewConnection {
            client_id: world.client_id,
            mode: Mode::Test,
            provider: "oy",
            label: "OY! second",
            credentials: &credentials,
            settings: &json!({ "base_url": world.sandbox.url("oy") }),
            fee: Default::default(),
            by: "test",
        };
        connections::create(&world.app, &second).await.unwrap();
    }
    let fault = |fault: Value| world.sandbox.oy.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
    fault(json!({ "kind": "wrong-code", "operation": "remit", "code": "205", "times": 1 }));
    fault(json!({ "kind": "hang-answer", "operation": "remit", "times": 1 }));
    let id = world.send("CONTRADICTED", "1239812390", 10_000).await;
    world.until_evidence(&id, "sent").await;
    let reference = world.reference(&id, 1).await;
    world.sandbox.oy.wait_for(|oy| oy.payment(&reference)).await;
    assert_eq!(world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await.status, 200);
    world.sandbox.oy.clear_faults();
    match stuck {
        true => world.until(&id, |row| row["attempt"] == 2).await,
        false => world.until_status(&id, "FAILED").await,
    };
    assert_eq!(world.callback(json!({ "partner_trx_id": reference })).await.status, 200);
    world.until(&id, |row| row["version"].as_i64() >= Some(4)).await;
    assert_eq!(world.exceptions(&id).await, ["paid_after_freed"]);
    assert_eq!(world.caller.post("/v1/sending/resume", json!({})).await.status, 200);
    id
}

async fn accounts(world: &World) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT account, sum(units)::bigint FROM ledger_line
            CROSS JOIN LATERAL (VALUES (debit, amount), (credit, -amount)) s(account, units)
         GROUP BY 1 HAVING sum(units) <> 0 ORDER BY 1",
    )
    .fetch_all(&world.sql)
    .await
    .unwrap()
}

fn without_callbacks() -> Options {
    Options { callbacks: false, ..Options::default() }
}

#[tokio::test]
async fn an_exception_of_an_ended_payment_is_closed_on_the_books_alone() {
    run_with(without_callbacks(), async |world| {
        let id = paid_after_refused(&world, false).await;
        insta::assert_snapshot!(world.caller.get("/v1/exceptions?status=OPEN").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "attempt": 1,
                "closedAt": null,
                "detail": "attempt 1 was refused when status said paid (code 000, IDR/0 10000; ours is IDR/0 10000)",
                "externalId": "CONTRADICTED",
                "id": "[id]",
                "kind": "paid_after_freed",
                "openedAt": "[openedAt]",
                "status": "OPEN",
                "transactionId": "[transactionId]"
              }
            ],
            "nextCursor": null
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(accounts(&world).await, [("provider".into(), -10_000), ("suspense".into(), 10_000)]);
        assert_eq!(code(&resolve(&world.caller, &id, "paid").await), (409, "not_resolvable"));
        assert_eq!(code(&resolve(&world.caller, &id, "noted").await), (409, "not_resolvable"));
        assert_eq!(resolve(&world.caller, &id, "paid_out").await.status, 202);
        insta::assert_snapshot!(resolve(&world.colleague, &id, "paid_out").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "action": "Nothing is left to do.",
            "approvedAt": "[approvedAt]",
            "approvedBy": "Budi",
            "document": "letter-17",
            "id": "[id]",
            "outcome": "paid_out",
            "proposedAt": "[proposedAt]",
            "proposedBy": "Ani",
            "reason": "The bank's letter says so.",
            "state": "executed",
            "transactionId": "[transactionId]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        assert_eq!(accounts(&world).await, [("paid_out".into(), 10_000), ("provider".into(), -10_000)]);
        assert_eq!(world.row(&id).await["status"], "FAILED", "final is final");
        assert_eq!(world.caller.get("/v1/exceptions?status=OPEN").await.body["data"]["items"], json!([]));
        assert_eq!(world.caller.get("/v1/exceptions").await.body["data"]["items"][0]["status"], "CLOSED");
        assert_eq!(code(&resolve(&world.caller, &id, "paid_out").await), (409, "not_resolvable"));
        world
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_a_contradiction_stopped_is_ended_by_closing_it() {
    for (outcome, status, kind, place) in
        [("paid_out", "SUCCESS", "payment.succeeded", Some("paid_out")), ("returned", "FAILED", "payment.failed", None)]
    {
        run_with(without_callbacks(), async |world| {
            world.endpoint("main").await;
            let id = paid_after_refused(&world, true).await;
            assert_eq!(world.attempts(&id).await, ["refused", "not_sent"]);
            assert_eq!(world.row(&id).await["status"], "PROCESSING", "nobody knows yet");
            assert_eq!(code(&resolve(&world.caller, &id, "noted").await), (409, "not_resolvable"));
            assert_eq!(resolve(&world.caller, &id, outcome).await.status, 202);
            let replies = join_all((0..4).map(|_| resolve(&world.colleague, &id, outcome))).await;
            assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:?}");
            let row = world.row(&id).await;
            assert_eq!((&row["status"], row["final_at"].is_string()), (&json!(status), true));
            let expected: Vec<(String, i64)> =
                place.map_or(vec![], |place| vec![(place.to_owned(), 10_000), ("provider".to_owned(), -10_000)]);
            assert_eq!(accounts(&world).await, expected);
            let told = world.sandbox.merchant.wait_for(|receipt| receipt.kind == kind).await;
            assert!(told.verified && told.payment_id.as_deref() == Some(&id), "{told:?}");
            world
        })
        .await;
    }
}

#[tokio::test]
async fn an_attempt_can_be_contradicted_and_resolved_more_than_once() {
    run_with(without_callbacks(), async |world| {
        // The provider says it paid a hundred times the amount.
        let fault = json!({ "kind": "wrong-amount", "operation": "remit-status" });
        world.sandbox.oy.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
        let id = world.send("TWICE", "1239812390", 10_000).await;
        let opened = async |count: usize| {
            world.until(&id, |_| true).await;
            while world.exceptions(&id).await.len() < count {
                let mut changes = world.app.wake.changed.subscribe();
                let _ = tokio::time::timeout(std::time::Duration::from_millis(100), changes.recv()).await;
            }
        };
        opened(1).await;
        assert_eq!(code(&resolve(&world.caller, &id, "returned").await), (409, "not_resolvable"), "it is under way");
        let both = async |outcome: &str| {
            let (first, second) =
                (resolve(&world.caller, &id, outcome).await, resolve(&world.colleague, &id, outcome).await);
            assert_eq!((first.status, second.status), (202, 200), "{} {}", first.body, second.body);
        };
        both("paid").await;
        assert_eq!(world.row(&id).await["status"], "SUCCESS");
        world.sandbox.oy.clear_faults();
        // Now it says that nothing was paid at all.
        let reference = world.reference(&id, 1).await;
        world.sandbox.oy.finish(&reference, "300", None, true).unwrap();
        assert_eq!(world.callback(json!({ "partner_trx_id": reference })).await.status, 200);
        opened(2).await;
        assert_eq!(world.exceptions(&id).await, ["echo_differs", "failed_after_paid"]);
        assert_eq!(accounts(&world).await.last().unwrap(), &("tax".into(), 275));
        both("returned").await;
        let charged = [("fee".to_owned(), 2_500), ("provider".to_owned(), -2_775), ("tax".to_owned(), 275)];
        assert_eq!(accounts(&world).await, charged, "the transfer is back, whole");
        assert_eq!(world.row(&id).await["status"], "SUCCESS", "final is final");
        world
    })
    .await;
}

#[tokio::test]
async fn what_stands_is_shown_as_gauges() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = Shown::default();
    let lines = || -> Vec<String> {
        let text = recorder.handle().render();
        // The service's own worker may show what it saw before the send.
        let in_doubt = |line: &str| line.starts_with("attempts_under_way{") && line.contains(r#"state="unknown""#);
        let ours = |line: &&str| in_doubt(line) || line.starts_with("exceptions_open");
        let without = |line: &str| match line.split_once("conn_") {
            Some((before, after)) => format!("{before}{}", &after[32..]),
            None => line.to_owned(),
        };
        let mut lines: Vec<String> = text.lines().filter(ours).map(without).collect();
        lines.sort();
        lines
    };
    let _recording = metrics::set_default_local_recorder(&recorder);
    run_with(without_callbacks(), async |world| {
        let id = world.send("DOUBT", "1234567890", 10_000).await;
        world.until_evidence(&id, "unknown").await;
        gauges::set(&world.app, &shown).await.unwrap();
        insta::assert_snapshot!(lines().join("\n"), @r###"attempts_under_way{provider="oy",connection="",state="unknown"} 1"###);
        assert_eq!(resolve(&world.caller, &id, "paid").await.status, 202);
        assert_eq!(resolve(&world.colleague, &id, "paid").await.status, 200);
        gauges::set(&world.app, &shown).await.unwrap();
        insta::assert_snapshot!(lines().join("\n"), @r###"attempts_under_way{provider="oy",connection="",state="unknown"} 0"###);
        world
    })
    .await;
}

#[test]
fn what_peoples_word_books() {
    let sides = |lines: Vec<Line>| -> Vec<(Account, Account, i64)> {
        lines.iter().map(|line| (line.debit, line.credit, line.amount)).collect()
    };
    use Account::{PaidOut, Provider, Suspense};
    assert_eq!(sides(ledger::resolved(0, true, true)), []);
    assert_eq!(sides(ledger::resolved(7, false, true)), [(PaidOut, Suspense, 7)], "paid after all");
    assert_eq!(sides(ledger::resolved(7, false, false)), [(Provider, Suspense, 7)], "and it came back");
    assert_eq!(sides(ledger::resolved(-7, true, true)), [(Suspense, Provider, 7)], "it did not come back after all");
    assert_eq!(sides(ledger::resolved(-7, true, false)), [(Suspense, PaidOut, 7)], "it came back");
    assert_eq!(sides(ledger::resolved(-7, false, false)), [(Suspense, Provider, 7)], "nothing ever left");
    assert_eq!(sides(ledger::corrected(false, true, 7)), [(PaidOut, Provider, 7)]);
    assert_eq!(sides(ledger::corrected(true, false, 7)), [(Provider, PaidOut, 7)]);
    assert_eq!(sides(ledger::corrected(true, true, 7)), []);
    assert_eq!(sides(ledger::corrected(false, false, 7)), []);
}
