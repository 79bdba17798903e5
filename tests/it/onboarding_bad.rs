//! Onboardings on bad days: answers that are none, pushes cut off and repeated, statuses late, twice, in any order, forged
//! and about somebody else's file.

use paystrator::domain::onboarding::Status;
use paystrator::domain::service::Mode;
use paystrator::flows::kyb::Erasure;
use paystrator::flows::onboarding::{NotTaken, Posted, create_provider_key, provider, revoke_provider_key, tell};
use paystrator::sandbox::kyb_provider::Receipt;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use crate::support::http::Caller;
use crate::support::onboarding::{lines, nothing, set};
use crate::support::{Options, run_with};

fn options(codes: &[&str]) -> Options {
    Options { kyb: codes.iter().map(|code| (*code).to_owned()).collect(), ..Options::default() }
}

/// The one push of an onboarding, however often it came.
fn only(receipts: &[Receipt], reference: &str) -> Receipt {
    let of: Vec<&Receipt> = receipts.iter().filter(|receipt| receipt.reference_id == reference).collect();
    assert_eq!(of.len(), 1, "one reference, one version, one push in effect");
    of[0].clone()
}

#[tokio::test]
async fn what_is_no_answer_is_asked_for_again_and_recorded() {
    let days: [(&str, Fault, &str); 10] = [
        ("a", Fault::new(Kind::HttpErrorBefore).http_status(500), "provider_trouble: HTTP 500"),
        ("b", Fault::new(Kind::HttpErrorAfter).http_status(201), "unclear: HTTP 201"),
        ("c", Fault::new(Kind::Garbage), "unclear: HTTP 200, and no JSON object"),
        (
            "d",
            Fault {
                text: Some(json!({ "reference_id": "x", "status": "received" }).to_string()),
                ..Fault::new(Kind::Garbage)
            },
            "unclear: HTTP 200, and another reference_id",
        ),
        ("e", Fault::new(Kind::WrongCode).code("lost"), "unclear: HTTP 200, and no status of the list"),
        (
            "f",
            Fault { text: Some("9".repeat(100_000)), ..Fault::new(Kind::Garbage) },
            "unclear: HTTP 200, and an answer that is too long",
        ),
        ("g", Fault::new(Kind::DropResponse), "unreachable: no answer"),
        ("h", Fault::new(Kind::HttpErrorAfter).http_status(302), "unclear: HTTP 302"),
        // Our own two are nobody else's to say.
        ("i", Fault::new(Kind::WrongCode).code("submitted"), "unclear: HTTP 200, and no status of the list"),
        ("j", Fault::new(Kind::WrongCode).code("withdrawn"), "unclear: HTTP 200, and no status of the list"),
    ];
    let codes: Vec<&str> = days.iter().map(|(code, ..)| *code).collect();
    run_with(options(&codes), async |world| {
        for (code, fault, _) in &days {
            world.office(code).add_fault(fault.clone().on("push").times(2)).unwrap();
        }
        world.complete_file().await;
        let references = world.on_board(&codes).await;
        for ((code, fault, note), reference) in days.iter().zip(&references) {
            let story = world.until_stands(reference, "received").await;
            assert_eq!(lines(&story), ["submitted v1", "failed v1", "answered received v1"], "{code}");
            let failed = &story["conversation"][1];
            assert!(failed["note"].as_str().unwrap().starts_with(note), "{code}: {failed}");
            assert_eq!((&failed["times"], &failed["who"]), (&json!(2), &json!("engine")), "{code}");
            let receipt = only(&world.office(code).received(), reference);
            let came = if fault.kind == Kind::HttpErrorBefore { 1 } else { 3 };
            assert_eq!((receipt.copies, receipt.differs), (came, false), "{code}");
        }
        world
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_is_slow_is_left_and_tried_again() {
    let mut options = options(&["oy"]);
    options.config.schedule.onboarding_retry_s = vec![6];
    run_with(options, async |world| {
        let office = world.office("oy");
        // Longer than a push may take; the provider works on it all the same.
        office.add_fault(Fault::new(Kind::DelayAnswer).on("push").ms(5_500).times(1)).unwrap();
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let story = world.until_stands(&reference, "received").await;
        assert_eq!(lines(&story), ["submitted v1", "failed v1", "answered received v1"]);
        assert_eq!(story["conversation"][1]["note"], "unreachable: no answer in time");
        assert_eq!((only(&office.received(), &reference).copies, office.posts().len()), (2, 0));
        world
    })
    .await;
}

/// What the answer to a push may say at once, under both spellings of remarks.
#[tokio::test]
async fn an_answer_may_decide_at_once() {
    run_with(options(&["a", "b", "c", "d"]), async |world| {
        set(world.office("a"), json!({ "answer": "rejected", "remarks": "No. ", "remarks_field": "reamrks" }));
        set(world.office("b"), json!({ "answer": "need_revision", "remarks": "Sharper, please." }));
        set(world.office("c"), json!({ "answer": "approved" }));
        set(world.office("d"), json!({ "answer": "need_revision", "remarks": "é".repeat(4_001) }));
        world.complete_file().await;
        let [a, b, c, d] = world.on_board(&["a", "b", "c", "d"]).await.try_into().unwrap();
        let story = world.until_stands(&a, "rejected").await;
        assert_eq!(
            (&story["conversation"][1]["remarks"], &story["onboarding"]["next"]["step"]),
            (&json!("No."), &json!("begin_anew"))
        );
        let story = world.until_stands(&b, "need_revision").await;
        assert_eq!(story["conversation"][1]["remarks"], "Sharper, please.");
        world.until_stands(&c, "approved").await;
        let story = world.until_stands(&d, "need_revision").await;
        assert_eq!(story["conversation"][1]["remarks"], "é".repeat(4_000));
        world
    })
    .await;
}

#[tokio::test]
async fn statuses_late_twice_and_in_any_order_change_nothing() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        let post = async |status: &str, remarks: Option<&str>| {
            let (code, body) = office.post(&reference, status, remarks, None).await.unwrap();
            let changed = body["data"]["changed"].as_bool();
            (code, changed, body["error"]["existing"]["status"].as_str().map(str::to_owned))
        };
        let late = |stands: &str| (409, None, Some(stands.to_owned()));
        assert_eq!(post("received", None).await, (200, Some(false), None));
        assert_eq!(post("processing", None).await, (200, Some(true), None));
        assert_eq!(post("processing", None).await, (200, Some(false), None));
        assert_eq!(post("received", None).await, late("processing"));
        assert_eq!(post("need_revision", Some("One")).await, (200, Some(true), None));
        assert_eq!(post("need_revision", Some("One")).await, (200, Some(false), None));
        // The same status with other words is more to say.
        assert_eq!(post("need_revision", Some("One and two")).await, (200, Some(true), None));
        assert_eq!(post("processing", None).await, late("need_revision"));
        let before = world.onboarding(&reference).await;
        // A newer version is on its way, and the old wish comes once more.
        office.add_fault(Fault::new(Kind::HttpErrorBefore).on("push")).unwrap();
        let mut file = world.caller.get("/v1/kyb").await.body["data"]["file"].take();
        crate::support::kyb::set(&mut file, "legal_entity.brand_name", Some(json!("Sandbox")));
        world.save_kyb(&file, Some("\"1\"")).await;
        assert_eq!(world.act(&reference, "submit", nothing()).await.status, 200);
        assert_eq!(post("need_revision", Some("One and two")).await, (503, None, None));
        office.clear_faults();
        world.until_stands(&reference, "received").await;
        assert_eq!(post("approved", None).await, (200, Some(true), None));
        for status in ["received", "processing"] {
            assert_eq!(post(status, None).await, late("approved"));
        }
        for status in ["need_revision", "rejected"] {
            assert_eq!(post(status, Some("Late")).await, late("approved"));
        }
        // A hundred at once are one.
        let posts = (0..50).map(|_| office.post(&reference, "connected", None, None));
        let answers = futures_util::future::join_all(posts).await;
        let changed = answers.iter().filter(|answer| answer.as_ref().unwrap().1["data"]["changed"] == true).count();
        assert_eq!((changed, answers.iter().all(|answer| answer.as_ref().unwrap().0 == 200)), (1, true));
        let story = world.onboarding(&reference).await;
        assert_eq!(lines(&before).len(), 5);
        let events: Vec<String> =
            sqlx::query_scalar("SELECT body::jsonb #>> '{data,status}' FROM event ORDER BY version")
                .fetch_all(&world.sql)
                .await
                .unwrap();
        let told = [
            "submitted",
            "received",
            "processing",
            "need_revision",
            "need_revision",
            "submitted",
            "received",
            "approved",
            "connected",
        ];
        assert_eq!(
            (events.iter().map(String::as_str).collect::<Vec<_>>(), lines(&story).len() >= 9),
            (told.to_vec(), true)
        );
        world
    })
    .await;
}

#[tokio::test]
async fn a_provider_touches_only_its_own_references() {
    run_with(options(&["oy", "kaspro"]), async |world| {
        world.complete_file().await;
        let [ours, theirs] = world.on_board(&["oy", "kaspro"]).await.try_into().unwrap();
        world.until_stands(&ours, "received").await;
        world.until_stands(&theirs, "received").await;
        let office = world.office("oy");
        // Foreign, unknown, of another mode, and no reference at all: one and the same.
        let (live, _) = create_provider_key(&world.app, "oy", Mode::Live).await.unwrap();
        let unknown = "paystrator-kyb-00000000000000000000000000000000";
        let mut answers = Vec::new();
        for reference in [theirs.as_str(), unknown, "paystrator-kyb-90210", "x"] {
            answers.push(office.post(reference, "approved", None, None).await.unwrap());
        }
        for (status, body) in &mut answers {
            body["requestId"] = Value::Null;
            assert_eq!((*status, &body["error"]["code"]), (404, &json!("not_found")));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        // A live key at a shortened schedule is not let in at all, and its word would reach nothing of test mode anyway.
        assert_eq!(office.post(&ours, "approved", None, Some(&live)).await.unwrap().0, 403);
        let of_live = provider(&world.app, &live).await.unwrap().expect("a key");
        let word = Posted { reference_id: &ours, status: Status::Approved, remarks: None };
        assert!(matches!(tell(&world.app, &of_live, &word).await, Err(NotTaken::Unknown)));
        // Keys that are none: a client's, made up, revoked, none.
        let (gone, id) = create_provider_key(&world.app, "oy", Mode::Test).await.unwrap();
        assert!(revoke_provider_key(&world.app, id).await.unwrap());
        assert!(!revoke_provider_key(&world.app, id).await.unwrap());
        for key in [world.caller.key.as_str(), "pk_test_0000", &gone, "x"] {
            let (status, body) = office.post(&ours, "approved", None, Some(key)).await.unwrap();
            assert_eq!((status, &body["error"]["code"]), (401, &json!("permission_denied")));
        }
        // And a provider's key opens nothing of a client.
        let key = office.settings().provider_key.unwrap();
        assert_eq!(world.caller.with_key(&key).get("/v1/onboarding").await.status, 401);
        assert!(create_provider_key(&world.app, "nobody", Mode::Test).await.is_err());
        assert_eq!(world.onboarding(&ours).await["onboarding"]["status"], "received");
        assert_eq!(world.onboarding(&theirs).await["onboarding"]["status"], "received");
        world
    })
    .await;
}

#[tokio::test]
async fn a_post_that_is_wrong_is_told_why() {
    run_with(options(&["oy"]), async |world| {
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        let key = world.office("oy").settings().provider_key.unwrap();
        let provider: Caller = world.caller.with_key(&key);
        let post = async |body: Value| provider.post("/v1/onboarding/status", body).await;
        let wrong: [(Value, &[&str]); 7] = [
            (json!({}), &["reference_id", "status"]),
            (json!({ "reference_id": reference, "status": "Approved" }), &["status"]),
            (json!({ "reference_id": reference, "status": "submitted" }), &["status"]),
            (json!({ "reference_id": reference, "status": "rejected" }), &["remarks"]),
            (json!({ "reference_id": reference, "status": "need_revision", "remarks": "  " }), &["remarks"]),
            (json!({ "reference_id": reference, "status": "received", "note": 1 }), &["note"]),
            (json!({ "reference_id": reference, "status": "rejected", "remarks": "a", "reamrks": "b" }), &["reamrks"]),
        ];
        for (body, fields) in wrong {
            let reply = post(body.clone()).await;
            assert_eq!(reply.status, 400, "{body} {}", reply.body);
            let named = reply.body["error"]["fields"].as_array().unwrap();
            let named: Vec<&str> = named.iter().map(|field| field["field"].as_str().unwrap()).collect();
            assert_eq!(named, fields, "{body}");
        }
        let long = json!({ "reference_id": reference, "status": "rejected", "remarks": "x".repeat(4_001) });
        assert_eq!(post(long).await.status, 400);
        // The seed's own spelling.
        let reply = post(json!({ "reference_id": reference, "status": "rejected", "reamrks": "Not now." })).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 200
        {
          "data": {
            "changed": true,
            "reference_id": "[reference_id]",
            "status": "rejected"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let story = world.onboarding(&reference).await;
        assert_eq!(story["conversation"][2]["remarks"], "Not now.");
        let late = post(json!({ "reference_id": reference, "status": "approved" })).await;
        insta::assert_snapshot!(late.shown(), @r###"
        HTTP 409
        {
          "error": {
            "action": "Do not send this status again: it came late or out of order. Send the one that stands now, if it is another than ours.",
            "code": "status_out_of_order",
            "existing": {
              "id": "[id]",
              "status": "rejected"
            },
            "message": "The onboarding is rejected already. Nothing was changed.",
            "reason": "It does not fit how things stand."
          },
          "requestId": "[requestId]",
          "status": 409
        }
        "###);
        world
    })
    .await;
}

/// Statuses are optional, and may overtake the answer: what was told first stands.
#[tokio::test]
async fn a_status_may_overtake_the_answer_to_the_push() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        office.add_fault(Fault::new(Kind::HangAnswer).on("push")).unwrap();
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        office.wait_for(|| (!office.received().is_empty()).then_some(())).await;
        assert_eq!(office.post(&reference, "processing", None, None).await.unwrap().0, 200);
        office.clear_faults();
        // How it stands and what was said are read one after the other.
        let ended = |story: &Value| lines(story).len() == 3 && story["onboarding"]["next_try_at"].is_null();
        let story = world.until_story(&reference, ended).await;
        assert_eq!(lines(&story), ["submitted v1", "told processing v1", "answered received v1"]);
        assert_eq!(story["conversation"][2]["note"], "came late; it stands as processing");
        assert_eq!(
            (&story["onboarding"]["status"], &story["onboarding"]["next_try_at"]),
            (&json!("processing"), &Value::Null)
        );
        world
    })
    .await;
}

/// A newer version waits until the older one's push has ended, so that no two are on their way at once.
#[tokio::test]
async fn a_newer_version_does_not_race_the_older_one() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        office.add_fault(Fault::new(Kind::HangAnswer).on("push").times(1)).unwrap();
        let mut file = world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        office.wait_for(|| (!office.received().is_empty()).then_some(())).await;
        crate::support::kyb::set(&mut file, "legal_entity.brand_name", Some(json!("Sandbox")));
        world.save_kyb(&file, Some("\"1\"")).await;
        assert_eq!(world.act(&reference, "submit", nothing()).await.status, 200);
        assert_eq!(office.received().len(), 1);
        office.clear_faults();
        let story = world.until_stands(&reference, "received").await;
        assert_eq!(lines(&story), ["submitted v1", "submitted v2", "answered received v2"]);
        let receipts = office.received();
        assert_eq!(
            receipts.iter().map(|receipt| (receipt.version, receipt.copies)).collect::<Vec<_>>(),
            [(Some(1), 1), (Some(2), 1)]
        );
        let revision = json!({ "version": 2, "changed_fields": ["legal_entity.brand_name"] });
        assert_eq!(receipts[1].body["revision"], revision);
        world
    })
    .await;
}

/// Somebody erased before the file arrives: nothing half is sent, and the client is told.
#[tokio::test]
async fn a_file_of_somebody_erased_is_halted() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        office.add_fault(Fault::new(Kind::HttpErrorBefore).on("push")).unwrap();
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_story(&reference, |story| lines(story).len() >= 2).await;
        let people = paystrator::flows::kyb::people(&world.app, world.client_id).await.unwrap();
        let director = people.iter().find(|person| person.roles == ["stakeholder"]).unwrap().id;
        paystrator::flows::kyb::erase(&world.app, world.client_id, director, "test").await.unwrap();
        office.clear_faults();
        // How it stands is read before what was said: both are awaited.
        let halted = |story: &Value| lines(story).last().is_some_and(|line| line == "halted v1");
        let story = world.until_story(&reference, |story| halted(story) && story["onboarding"]["stuck"] == true).await;
        assert_eq!(story["onboarding"]["status"], "submitted");
        assert!(office.received().is_empty());
        world
    })
    .await;
}

/// Somebody erased while the provider has the file in hand: what it answers then is nobody's any more.
#[tokio::test]
async fn what_comes_back_after_an_erasure_is_dropped() {
    run_with(options(&["oy"]), async |world| {
        let office = world.office("oy");
        set(office, json!({ "answer": "need_revision", "remarks": "The KTP of John Doe is blurred." }));
        office.add_fault(Fault::new(Kind::HangAnswer).on("push").times(1)).unwrap();
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        office.wait_for(|| (!office.received().is_empty()).then_some(())).await;
        let people = paystrator::flows::kyb::people(&world.app, world.client_id).await.unwrap();
        let director = people.iter().find(|person| person.roles == ["stakeholder"]).unwrap().id;
        let erased = paystrator::flows::kyb::erase(&world.app, world.client_id, director, "test").await.unwrap();
        assert_eq!(erased, Erasure::Done);
        office.clear_faults();
        let story = world.until_story(&reference, |story| lines(story).len() >= 2).await;
        assert_eq!(lines(&story), ["submitted v1", "halted v1"]);
        assert_eq!(story["onboarding"]["status"], "submitted");
        assert_eq!(world.number("SELECT count(*) FROM onboarding_line WHERE remarks IS NOT NULL").await, 0);
        assert_eq!(only(&office.received(), &reference).copies, 1, "nothing more is sent");
        world
    })
    .await;
}

/// A provider that speaks of somebody after the erasure: the same erasure again takes that away too.
#[tokio::test]
async fn what_is_said_after_an_erasure_goes_with_the_next() {
    run_with(options(&["oy"]), async |world| {
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        let people = paystrator::flows::kyb::people(&world.app, world.client_id).await.unwrap();
        let director = people.iter().find(|person| person.roles == ["stakeholder"]).unwrap().id;
        let erase =
            async || paystrator::flows::kyb::erase(&world.app, world.client_id, director, "test").await.unwrap();
        assert_eq!(erase().await, Erasure::Done);
        let said =
            world.office("oy").post(&reference, "need_revision", Some("The KTP of John is blurred."), None).await;
        assert_eq!(said.unwrap().0, 200);
        let kept = "SELECT count(*) FROM onboarding_line WHERE remarks IS NOT NULL";
        assert_eq!(world.number(kept).await, 1);
        assert_eq!(erase().await, Erasure::DoneBefore);
        assert_eq!(world.number(kept).await, 0);
        world
    })
    .await;
}

#[tokio::test]
async fn what_waits_too_long_is_marked() {
    let mut options = options(&["oy", "kaspro"]);
    options.config.schedule.onboarding_stuck_s = 6;
    options.config.schedule.onboarding_silent_s = 6;
    run_with(options, async |world| {
        world.office("oy").add_fault(Fault::new(Kind::HttpErrorBefore).on("push")).unwrap();
        world.complete_file().await;
        let [undelivered, silent] = world.on_board(&["oy", "kaspro"]).await.try_into().unwrap();
        for reference in [&undelivered, &silent] {
            world.until_story(reference, |story| story["onboarding"]["stuck"] == true).await;
        }
        world.until_stands(&silent, "received").await;
        world.until_story(&silent, |story| story["onboarding"]["stuck"] == true).await;
        let counts = paystrator::flows::onboarding::work::counts(&world.app).await.unwrap();
        let mut counts: Vec<_> =
            counts.iter().map(|count| (count.target.as_str(), count.status.as_str(), count.stuck)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [("kaspro", "received", 1), ("oy", "submitted", 1)]);
        world.office("oy").clear_faults();
        world.until_stands(&undelivered, "received").await;
        world
    })
    .await;
}
