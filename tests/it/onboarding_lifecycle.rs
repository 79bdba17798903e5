//! Onboardings that go on for long: words about an older version, words without end, corrections taken back, accounts tried
//! again, links of what was replaced, and providers that leave.

use paystrator::domain::ids;
use paystrator::domain::service::Mode;
use paystrator::flows::kyb::{self, Erasure};
use paystrator::flows::onboarding::{create_provider_key, revoke_provider_key};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use crate::support::http::{Caller, Reply};
use crate::support::kyb::set as set_field;
use crate::support::onboarding::{lines, nothing, set};
use crate::support::{Options, World, run_with};

fn options() -> Options {
    Options { kyb: vec!["oy".to_owned()], ..Options::default() }
}

/// The code of a refusal.
fn code(reply: &Reply) -> &str {
    reply.body["error"]["code"].as_str().unwrap_or_default()
}

/// The provider, with the key of its stand-in.
fn provider(world: &World) -> Caller {
    world.caller.with_key(&world.office("oy").settings().provider_key.unwrap())
}

async fn tell(world: &World, reference: &str, status: &str, remarks: Option<&str>) -> Reply {
    let mut body = json!({ "reference_id": reference, "status": status });
    if let Some(remarks) = remarks {
        body["remarks"] = json!(remarks);
    }
    provider(world).post("/v1/onboarding/status", body).await
}

/// Saves the file after version `before` with another brand name, and submits it.
async fn resubmit(world: &World, reference: &str, file: &Value, brand: Value, before: u32) {
    let mut file = file.clone();
    set_field(&mut file, "legal_entity.brand_name", Some(brand));
    world.save_kyb(&file, Some(&format!("\"{before}\""))).await;
    let submitted = world.act(reference, "submit", nothing()).await;
    assert_eq!(submitted.status, 200, "{}", submitted.body);
}

#[tokio::test]
async fn a_word_that_may_be_about_an_older_version_is_to_be_told_again() {
    run_with(options(), async |world| {
        let office = world.office("oy");
        let file = world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        assert_eq!(tell(&world, &reference, "need_revision", Some("Old.")).await.status, 200);
        // The newer version arrives, and its answers are lost.
        office.add_fault(Fault::new(Kind::HttpErrorAfter).http_status(500).on("push")).unwrap();
        resubmit(&world, &reference, &file, json!("Sandbox"), 1).await;
        office.wait_for(|| (office.received().len() == 2).then_some(())).await;
        for (status, remarks) in
            [("received", None), ("processing", None), ("need_revision", Some("Old.")), ("need_revision", Some("New."))]
        {
            let reply = tell(&world, &reference, status, remarks).await;
            assert_eq!((reply.status, code(&reply)), (503, "submission_on_its_way"), "{status}");
            let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((5..=3_600).contains(&wait), "{wait}");
        }
        let story = world.onboarding(&reference).await;
        assert_eq!(story["onboarding"]["status"], "submitted");
        assert!(!lines(&story).iter().any(|line| line.starts_with("told") && line.ends_with("v2")));
        office.clear_faults();
        world.until_stands(&reference, "received").await;
        let reply = tell(&world, &reference, "need_revision", Some("New.")).await;
        assert_eq!((reply.status, &reply.body["data"]["changed"]), (200, &json!(true)));
        let story = world.onboarding(&reference).await;
        let last = story["conversation"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["remarks"], &last["file_version"]), (&json!("New."), &json!(2)));
        world
    })
    .await;
}

#[tokio::test]
async fn words_without_end_are_not_kept_without_end() {
    run_with(options(), async |world| {
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        // A conversation of years.
        world
            .execute(
                "INSERT INTO onboarding_line (client_id, onboarding_id, seq, at, last_at, kind, who, file_version, changed)
                 SELECT client_id, id, 100 + n, now(), now(), 'failed', 'engine', 1, '{}'
                 FROM onboarding, generate_series(1, 33000) n",
            )
            .await;
        let mut taken = 0;
        let refused = loop {
            let reply = tell(&world, &reference, "need_revision", Some(["A", "B"][taken % 2])).await;
            if reply.status != 200 {
                break reply;
            }
            assert_eq!(reply.body["data"]["changed"], true);
            taken += 1;
            assert!(taken <= 50, "there is no end of it");
        };
        // The answer to the push was the first word.
        assert_eq!((refused.status, code(&refused), taken), (409, "too_many_remarks", 49));
        let lines_before = world.number("SELECT count(*) FROM onboarding_line").await;
        // An end is taken all the same, once.
        assert_eq!(tell(&world, &reference, "rejected", Some("No.")).await.body["data"]["changed"], true);
        let again = tell(&world, &reference, "rejected", Some("No, really.")).await;
        assert_eq!((again.status, &again.body["data"]["changed"]), (200, &json!(false)));
        assert_eq!(world.number("SELECT count(*) FROM onboarding_line").await, lines_before + 1);
        let story = world.onboarding(&reference).await;
        let lines = lines(&story);
        assert_eq!((lines.len(), lines[499].as_str(), lines[498].as_str()), (500, "told rejected v1", "told need_revision v1"));
        world
    })
    .await;
}

#[tokio::test]
async fn a_correction_that_was_taken_back_is_a_revision() {
    run_with(options(), async |world| {
        let office = world.office("oy");
        let file = world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        office.add_fault(Fault::new(Kind::HttpErrorBefore).on("push")).unwrap();
        resubmit(&world, &reference, &file, json!("Sandbox"), 1).await;
        resubmit(&world, &reference, &file, file["legal_entity"]["brand_name"].clone(), 2).await;
        office.clear_faults();
        world.until_stands(&reference, "received").await;
        let receipts = office.received();
        let versions: Vec<_> = receipts.iter().map(|receipt| receipt.version).collect();
        assert_eq!(versions, [Some(1), Some(3)]);
        assert_eq!(receipts[1].body["revision"], json!({ "version": 3, "changed_fields": [] }));
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_stands_until_another_can_be_made() {
    run_with(options(), async |world| {
        let oy = world.sandbox.describe()["oy"].take();
        set(world.office("oy"), json!({ "account_secret": oy["credentials"]["api_key"] }));
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let wrong = json!({ "username": "somebody", "api_key": "not-the-key" });
        let account = json!({ "label": "By onboarding", "credentials": wrong, "settings": oy["settings"] });
        let made = world.act(&reference, "connect", account.clone()).await.body["data"]["connection_id"].take();
        let path = format!("/v1/providers/{}", made.as_str().unwrap());
        // A field that is missing; then the label of another.
        let mut incomplete = account.clone();
        incomplete["credentials"] = json!({ "username": "somebody" });
        let reply = world.act(&reference, "connect", incomplete).await;
        assert_eq!((reply.status, code(&reply)), (400, "wrong_parameters_in_request"));
        let other = format!("/v1/providers/{}", ids::show(ids::CONNECTION, world.connection_id));
        let mut taken = account.clone();
        taken["label"] = world.caller.get(&other).await.body["data"]["label"].take();
        let reply = world.act(&reference, "connect", taken).await;
        assert_eq!((reply.status, code(&reply)), (409, "label_used"), "{}", reply.body);
        let stands = world.caller.get(&path).await;
        assert_eq!((stands.status, &stands.body["data"]["label"]), (200, &json!("By onboarding")));
        assert_eq!(world.onboarding(&reference).await["onboarding"]["connection_id"], made);
        world
    })
    .await;
}

#[tokio::test]
async fn a_connection_in_use_is_nobodys_to_replace_here() {
    run_with(options(), async |world| {
        let oy = world.sandbox.describe()["oy"].take();
        set(world.office("oy"), json!({ "account_secret": oy["credentials"]["api_key"] }));
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let wrong = json!({ "username": "somebody", "api_key": "not-the-key" });
        let mut account = json!({ "label": "By onboarding", "credentials": wrong, "settings": oy["settings"] });
        let made = world.act(&reference, "connect", account.clone()).await.body["data"]["connection_id"].take();
        let path = format!("/v1/providers/{}", made.as_str().unwrap());
        let active = json!({ "status": "ACTIVE", "reason": "in use" }).to_string();
        let done = world.caller.call("POST", &format!("{path}/status"), Some(active), &[("If-Match", "*")]).await;
        assert_eq!(done.status, 200, "{}", done.body);
        account["credentials"] = oy["credentials"].clone();
        let reply = world.act(&reference, "connect", account).await;
        assert_eq!((reply.status, code(&reply)), (409, "connection_in_use"), "{}", reply.body);
        let stands = world.caller.get(&path).await;
        assert_eq!((stands.status, &stands.body["data"]["status"]), (200, &json!("ACTIVE")), "{}", stands.body);
        assert_eq!(world.office("oy").tests().len(), 1);
        world
    })
    .await;
}

#[tokio::test]
async fn an_account_is_tested_now_and_then_by_a_token_that_does_not_last() {
    let mut options = options();
    options.config.limits.tests_per_minute = 1;
    run_with(options, async |world| {
        let oy = world.sandbox.describe()["oy"].take();
        let office = world.office("oy");
        set(office, json!({ "account_secret": oy["credentials"]["api_key"] }));
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        let account = json!({ "label": "By onboarding", "credentials": oy["credentials"], "settings": oy["settings"] });
        let reply = world.act(&reference, "connect", account.clone()).await;
        assert_eq!((reply.status, &reply.body["data"]["works"]), (200, &json!(true)), "{}", reply.body);
        let again = world.act(&reference, "connect", account).await;
        assert_eq!(again.status, 429, "{}", again.body);
        let wait: u64 = again.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        let [tested] = office.tests().try_into().expect("one test");
        let claims = &tested.claims;
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300, "{claims}");
        world
    })
    .await;
}

/// A lease outlives ten minutes here, so whoever waits for one to end is late.
#[tokio::test]
async fn a_newer_version_waits_for_the_older_ones_push_and_no_longer() {
    let mut options = options();
    options.config.schedule.lease_margin_s = 600 * 60;
    run_with(options, async |world| {
        let office = world.office("oy");
        office.add_fault(Fault::new(Kind::HangAnswer).on("push").times(1)).unwrap();
        let file = world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        office.wait_for(|| (!office.received().is_empty()).then_some(())).await;
        resubmit(&world, &reference, &file, json!("Sandbox"), 1).await;
        office.clear_faults();
        let story = world.until_stands(&reference, "received").await;
        assert_eq!(lines(&story), ["submitted v1", "submitted v2", "answered received v2"]);
        world
    })
    .await;
}

/// What an erasure takes out of somebody's hand is due at once: claimed before it was let go of, it would be nobody's for
/// as long as the claim holds, which outlives this test.
#[tokio::test]
async fn what_is_still_in_hand_is_not_claimed_anew() {
    let mut options = options();
    options.config.schedule.lease_margin_s = 600 * 60;
    run_with(options, async |mut world| {
        let office = world.office("oy").clone();
        office.add_fault(Fault::new(Kind::HangAnswer).on("push").times(1)).unwrap();
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        office.wait_for(|| (!office.received().is_empty()).then_some(())).await;
        let people = kyb::people(&world.app, world.client_id).await.unwrap();
        let director = people.iter().find(|person| person.roles == ["stakeholder"]).unwrap().id;
        assert_eq!(kyb::erase(&world.app, world.client_id, director, "test").await.unwrap(), Erasure::Done);
        // Another client's file arrives: whatever is due at this provider was looked through since.
        let stranger = world.stranger().await;
        let caller = std::mem::replace(&mut world.caller, stranger);
        world.complete_file().await;
        let [other] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&other, "received").await;
        world.caller = caller;
        office.clear_faults();
        let story = world.until_story(&reference, |story| lines(story).len() >= 2).await;
        assert_eq!(lines(&story), ["submitted v1", "halted v1"]);
        world
    })
    .await;
}

#[tokio::test]
async fn links_of_an_earlier_version_end_when_the_newer_one_was_answered() {
    run_with(options(), async |world| {
        let office = world.office("oy");
        let mut file = world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        world.until_stands(&reference, "received").await;
        let link = |version: usize| {
            let receipt = &office.received()[version];
            receipt.body["documents"]["nib_document"].as_str().unwrap().to_owned()
        };
        let status = async |link: &str| reqwest::get(link).await.unwrap().status().as_u16();
        let first = link(0);
        assert_eq!(status(&first).await, 200);
        // The wrong paper was uploaded; until the right one is there, the provider may still be reading.
        office.add_fault(Fault::new(Kind::HttpErrorAfter).http_status(500).on("push")).unwrap();
        let right = crate::support::files::uploaded(&world.caller, "right.pdf").await;
        set_field(&mut file, "documents.nib_document", Some(json!(right)));
        resubmit(&world, &reference, &file, json!("Sandbox"), 1).await;
        office.wait_for(|| (office.received().len() == 2).then_some(())).await;
        assert_eq!(status(&first).await, 200);
        office.clear_faults();
        world.until_stands(&reference, "received").await;
        assert_eq!((status(&first).await, status(&link(1)).await), (404, 200));
        world
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_left_is_said_to_have_left() {
    run_with(options(), async |world| {
        world.office("oy").add_fault(Fault::new(Kind::HttpErrorBefore).on("push")).unwrap();
        world.complete_file().await;
        let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
        assert_eq!(world.onboarding(&reference).await["onboarding"]["stuck"], false);
        world.execute("UPDATE onboarding SET target = 'gone'").await;
        assert_eq!(world.onboarding(&reference).await["onboarding"]["stuck"], true);
        let reply = world.act(&reference, "submit", nothing()).await;
        assert_eq!((reply.status, code(&reply)), (422, "onboarding_not_possible"), "{}", reply.body);
        assert_eq!(reply.body["error"]["fields"][0]["field"], "provider");
        assert_eq!(world.act(&reference, "withdraw", nothing()).await.status, 200);
        world
    })
    .await;
}

#[tokio::test]
async fn keys_of_providers_stand_in_every_clients_audit_log() {
    run_with(options(), async |world| {
        world.stranger().await;
        let (_, id) = create_provider_key(&world.app, "oy", Mode::Test).await.unwrap();
        assert!(revoke_provider_key(&world.app, id).await.unwrap());
        let written: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', action, mode, person, detail ->> 'provider') FROM audit WHERE object = $1
             ORDER BY client_id, seq",
        )
        .bind(ids::show(ids::KEY, id))
        .fetch_all(&world.sql)
        .await
        .unwrap();
        let made = "provider_key.created test command line oy";
        let gone = "provider_key.revoked test command line oy";
        assert_eq!(written, [made, gone, made, gone]);
        world
    })
    .await;
}
