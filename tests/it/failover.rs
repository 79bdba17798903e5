//! From one provider to the next, with proof: what moves a payment on, what never does, and what the record says.
//! The providers are OY!, DOKU and KasPro, in this order; each has a simulator with books of its own.

use paystrator::sandbox::{Fault, Kind, Simulator};
use serde_json::{Value, json};

use crate::support::bad::{CLOSED, fast};
use crate::support::world::Options;
use crate::support::{World, run_with};

const GOOD: &str = "1239812390";

/// OY! first, then DOKU, then KasPro.
fn three(speed: u32) -> Options {
    Options { also: &["doku", "kaspro"], ..fast(speed) }
}

impl World {
    fn at(&self, code: &str) -> &dyn Simulator {
        self.sandbox.simulator(code).expect("the sandbox has it")
    }

    /// Leaves `code` nothing to spend.
    fn drain(&self, code: &str) {
        let available = self.at(code).summary().available;
        self.at(code).top_up(-available).unwrap();
    }

    fn refuse(&self, code: &str, operation: &str, with: &str) {
        self.at(code).add_fault(Fault::new(Kind::Refuse).on(operation).code(with)).unwrap();
    }

    /// How many payments each provider's books know, in the order of the sequence.
    fn known(&self) -> [u64; 3] {
        ["oy", "doku", "kaspro"].map(|code| self.at(code).summary().paid_count)
    }

    /// The providers a payment was tried at, each with its evidence and the reason it was chosen.
    async fn tried(&self, id: &str) -> Vec<String> {
        let attempts = self.attempt_rows(id).await;
        let line = |attempt: &Value| {
            let why: Value = serde_json::from_str(attempt["why"].as_str().unwrap()).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {}: {}", text(&attempt["provider"]), text(&attempt["state"]), text(&why["because"]))
        };
        attempts.iter().map(line).collect()
    }
}

#[tokio::test]
async fn who_lacks_the_balance_gives_way_to_the_next_and_says_why() {
    run_with(three(10), async |world| {
        world.drain("oy");
        let id = world.send("A", GOOD, 25_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(
            world.tried(&id).await,
            ["oy refused: it is first in the sequence", "doku paid: attempt 1 was refused"]
        );
        let attempts = world.attempt_rows(&id).await;
        let why: Value = serde_json::from_str(attempts[1]["why"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&why["sequence"], &why["sequenceVersion"], &why["chosen"], &why["candidates"], &why["fee"], &why["tax"]),
            (&json!("default"), &json!(3), &json!("doku"), &json!(["doku", "kaspro"]), &json!(2500), &json!(275))
        );
        assert_eq!(why["skipped"][0]["label"], "OY! sandbox");
        assert_eq!(why["skipped"][0]["reason"], "it refused this payment already");
        assert_eq!(world.known(), [0, 1, 0]);
        assert_eq!(world.events(&id).await, ["payment.processing", "payment.succeeded"], "failover is silent");
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn no_answer_after_the_money_moved_asks_nobody_else() {
    run_with(three(60), async |world| {
        world.fault(Fault::new(Kind::DropResponse).on("remit"));
        let id = world.send("A", GOOD, 25_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.tried(&id).await, ["oy paid: it is first in the sequence"]);
        assert_eq!(world.known(), [1, 0, 0]);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_reached_is_left_at_once() {
    run_with(three(10), async |world| {
        world.move_connection(CLOSED).await;
        let id = world.send("A", GOOD, 25_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(
            world.tried(&id).await,
            ["oy not_sent: it is first in the sequence", "doku paid: attempt 1 was not_sent"]
        );
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_refusal_of_what_was_sent_before_stays_in_doubt_and_asks_nobody_else() {
    let mut options = three(600);
    // Time enough for the re-send, however busy the machine is.
    options.config.schedule.send_window_s = 86_400;
    run_with(options, async |world| {
        // The first send is lost, so the status knows nothing, and the order is sent again; that is refused.
        world.fault(Fault::new(Kind::DropRequest).on("remit").times(1));
        let id = world.send("A", GOOD, 25_000).await;
        world.until_evidence(&id, "unknown").await;
        world.refuse("oy", "remit", "206");
        let refused = async || world.number("SELECT count(*) FROM observation WHERE verdict = 'refused'").await;
        world.until_some(&id, async || (refused().await >= 1).then_some(())).await;
        let row = world.until_evidence(&id, "unknown").await;
        assert_eq!(row["status"], "PROCESSING");
        assert_eq!(world.tried(&id).await, ["oy unknown: it is first in the sequence"]);
        assert_eq!(world.known(), [0, 0, 0]);
        // Our books keep the money on its way: it may have left.
        assert_eq!(world.number("SELECT amount FROM ledger_line WHERE debit = 'in_transit'").await, 25_000);
        world
    })
    .await;
}

#[tokio::test]
async fn when_all_refuse_the_client_gets_one_reason_and_every_attempt() {
    run_with(three(10), async |world| {
        world.drain("oy");
        world.drain("doku");
        // KasPro lists no refusal for lack of balance; a wrong account it lists.
        world.refuse("kaspro", "transfer", "110005");
        let id = world.send("A", GOOD, 25_000).await;
        world.until_status(&id, "FAILED").await;
        assert_eq!(
            world.tried(&id).await,
            [
                "oy refused: it is first in the sequence",
                "doku refused: attempt 1 was refused",
                "kaspro refused: attempt 2 was refused",
            ]
        );
        let reply = world.caller.get(&format!("/v1/transactions/{id}")).await;
        let data = &reply.body["data"];
        let attempts: Vec<Value> = data["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| json!([a["label"], a["evidence"], a["code"], a["message"]]))
            .collect();
        insta::assert_snapshot!(serde_json::to_string_pretty(&json!({ "status": data["status"], "reason": data["reason"], "attempts": attempts })).unwrap(), @r###"
            {
              "attempts": [
                [
                  "OY! sandbox",
                  "refused",
                  "206",
                  "Request is Rejected (Partner Deposit Balance is not Enough)"
                ],
                [
                  "doku",
                  "refused",
                  "4034314",
                  "Insufficient Funds"
                ],
                [
                  "kaspro",
                  "refused",
                  "110005",
                  "Customer not found"
                ]
              ],
              "reason": {
                "code": "refused_by_provider",
                "message": "The provider refused the payment (code 110005: Customer not found)."
              },
              "status": "FAILED"
            }
            "###);
        assert_eq!(world.known(), [0, 0, 0]);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn an_unclear_answer_of_the_last_provider_waits_for_people_and_is_closed_by_them() {
    run_with(three(10), async |world| {
        world.drain("oy");
        world.drain("doku");
        world.drain("kaspro");
        let id = world.send("A", GOOD, 25_000).await;
        world.until_evidence(&id, "unknown").await;
        let tried = world.tried(&id).await;
        assert_eq!(tried.last().unwrap(), "kaspro unknown: attempt 2 was refused");
        // Nobody can be asked, so nobody is: no poll is counted, and reading it says the same.
        let reply = world.caller.get(&format!("/v1/get-status?transaction_id={id}")).await;
        assert_eq!((reply.status, &reply.body["data"]["status"]), (200, &json!("PROCESSING")), "{}", reply.body);
        assert_eq!(world.attempt_rows(&id).await[2]["polls"], json!(0));
        world
    })
    .await;
}

#[tokio::test]
async fn money_that_comes_back_is_told_and_booked() {
    run_with(three(10), async |world| {
        world.drain("oy");
        // It is paid later, so that the provider has something to notify.
        world.at("doku").change_settings(later()).unwrap();
        let id = world.send("A", GOOD, 25_000).await;
        world.until_evidence(&id, "accepted").await;
        let reference = world.reference(&id, 2).await;
        world.at("doku").finish(&reference, "00", None, false).unwrap();
        world.until_status(&id, "SUCCESS").await;
        world.at("doku").finish(&reference, "04", None, true).unwrap();
        world.until_status(&id, "REVERSED").await;
        assert_eq!(world.events(&id).await, ["payment.processing", "payment.succeeded", "payment.reversed"]);
        assert_eq!(world.known(), [0, 0, 0]);
        world.money_agrees().await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_return_is_heard_although_the_question_about_it_fails_at_first() {
    let mut options = three(60);
    // The scan that finds calls nobody answered: a minute of the schedule.
    options.config.schedule.lease_margin_s = 1;
    run_with(options, async |world| {
        world.drain("oy");
        world.at("doku").change_settings(later()).unwrap();
        let id = world.send("A", GOOD, 25_000).await;
        world.until_evidence(&id, "accepted").await;
        let reference = world.reference(&id, 2).await;
        world.at("doku").finish(&reference, "00", None, false).unwrap();
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        // DOKU calls once, and cannot answer three times. Nobody else would ask about what is paid.
        let broken = Fault::new(Kind::HttpErrorBefore).on("status").reference(&reference).times(3);
        world.at("doku").add_fault(broken).unwrap();
        world.at("doku").finish(&reference, "04", None, true).unwrap();
        world.until_status(&id, "REVERSED").await;
        assert_eq!(world.number("SELECT count(*) FROM callback WHERE reference IS NOT NULL").await, 2);
        assert_eq!(world.attempt_rows(&id).await[1]["polls"], json!(5), "one paid, three broken, one returned");
        world.idle().await;
        world.money_agrees().await;
        world
    })
    .await;
}

/// DOKU answers "in process", and nothing more happens by itself.
fn later() -> serde_json::Map<String, Value> {
    json!({ "sync": false, "settle_after_ms": 3_600_000 }).as_object().unwrap().clone()
}

#[tokio::test]
async fn a_destination_that_a_provider_lacks_is_a_reason_to_skip_it() {
    run_with(three(10), async |world| {
        // An OY! account of the later documents pays e-wallets; Kirim and KasPro's cash-out pay banks only.
        world.sandbox.oy.change_settings(json!({ "mode": "modern" }).as_object().unwrap().clone()).unwrap();
        let body = json!({
            "externalId": "A", "amount": 25_000, "receiverName": "Budi Santoso",
            "receiverAccountNo": "081234567890", "receiverBankCode": "dana",
        });
        let reply = world.caller.post("/v1/send-money", body).await;
        let id = reply.body["data"]["id"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned();
        world.until_status(&id, "SUCCESS").await;
        let attempts = world.attempt_rows(&id).await;
        let why: Value = serde_json::from_str(attempts[0]["why"].as_str().unwrap()).unwrap();
        let skipped: Vec<&Value> = why["skipped"].as_array().unwrap().iter().map(|s| &s["reason"]).collect();
        assert_eq!((&why["chosen"], skipped.len()), (&json!("OY! sandbox"), 2), "{why}");
        assert!(skipped.iter().all(|reason| **reason == "the provider has no code for this destination"), "{why}");
        assert_eq!(world.sandbox.oy.payment(&world.reference(&id, 1).await).unwrap().bank, "dana");
        // The preview says the same, and moves nothing.
        let wish = json!({ "service": "send_money", "destination": "DANA", "amount": 25_000 });
        let preview = world.caller.post("/v1/sequences/preview", wish).await;
        assert_eq!((preview.status, preview.body["data"]["skipped"].as_array().map(Vec::len)), (200, Some(2)));
        world.money_agrees().await;
        world
    })
    .await;
}
