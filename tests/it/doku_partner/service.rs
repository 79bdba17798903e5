//! DOKU as one of the service's own targets: the client's answers, documents by signed links, a revision, the review, and
//! what the client may read of it.

use paystrator::domain::kyb::Sheet;
use paystrator::domain::onboarding::Status;
use paystrator::flows::kyb::{Erasure, erase, people};
use paystrator::providers::onboarding::{Onboarding, Step};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use super::{Stage, answers};
use crate::support::files::png;
use crate::support::kyb::{example, set};
use crate::support::onboarding::{lines, nothing};
use crate::support::{Options, World, run_with};

/// Puts pictures where DOKU takes no PDF.
async fn with_pictures(world: &World, file: &mut Value) {
    let mut ids = Vec::new();
    for n in 0..5 {
        let made = world.caller.upload(&format!("photo {n}.png"), Some("image/png"), png(100 + n, 100)).await;
        ids.push(made.body["data"]["id"].clone());
    }
    set(file, "supporting.business_location_photo", Some(json!([ids[0], ids[1]])));
    set(file, "supporting.bank_account_proof", Some(ids[2].clone()));
    set(file, "stakeholder[0].ktp_document", Some(ids[3].clone()));
    set(file, "stakeholder[0].selfie_with_ktp", Some(ids[4].clone()));
}

#[tokio::test]
async fn a_client_is_on_boarded_at_doku() {
    let mut options = Options { kyb: vec!["doku".into()], ..Options::default() };
    options.config.schedule.onboarding_poll_s = vec![30];
    run_with(options, async |world| {
        // Every document of this file is a PDF, the photos too.
        let mut file = world.with_uploads(example()).await;
        set(&mut file, "legal_entity.company_type", Some(json!("BUMD")));
        let mut file = world.save_kyb(&file, None).await;
        let begin = async |details: &Value| {
            let wish = json!({ "providers": [{ "provider": "doku", "details": details }] });
            world.caller.post("/v1/onboarding", wish).await
        };
        let fields = |reply: &crate::support::http::Reply| -> Vec<String> {
            assert_eq!(reply.status, 422, "{}", reply.body);
            let all = reply.body["error"]["fields"].as_array().unwrap();
            all.iter().map(|wrong| wrong["field"].as_str().unwrap().to_owned()).collect()
        };
        // What only this file must answer is told before anything begins.
        let mut details = answers();
        assert_eq!(fields(&begin(&details).await), ["providers[0].details.legal_entity"]);
        details["legal_entity"] = "PT".into();
        details["ktp_numbers"] = "3171".into();
        assert_eq!(fields(&begin(&details).await), ["providers[0].details.ktp_numbers"]);
        details["ktp_numbers"] = answers()["ktp_numbers"].clone();
        details["mobile_app_readiness"] = "SOON".into();
        assert_eq!(fields(&begin(&details).await), ["providers[0].details.mobile_app_readiness"]);
        details["mobile_app_readiness"] = "HAVE".into();
        let begun = begin(&details).await;
        assert_eq!(begun.status, 201, "{}", begun.body);
        let reference = begun.body["data"]["onboardings"][0]["reference_id"].as_str().unwrap().to_owned();

        let story = world.until_stands(&reference, "need_revision").await;
        let remarks = story["conversation"][1]["remarks"].as_str().unwrap();
        assert_eq!(remarks, "supporting.business_location_photo[0]: file extension is not allowed");
        with_pictures(&world, &mut file).await;
        world.save_kyb(&file, Some("\"1\"")).await;
        // A question that DOKU refuses, in words that name somebody: by the brand and by the business.
        let words = "the KTP of Siti Rahmawati is not readable";
        let api = &world.sandbox.doku_partner;
        api.add_fault(Fault::new(Kind::Refuse).on("business").code(words).times(2)).unwrap();
        assert_eq!(world.act(&reference, "submit", nothing()).await.status, 200);
        let story = world.until_stands(&reference, "processing").await;
        let said = ["submitted v1", "answered need_revision v1", "submitted v2", "answered received v2"];
        assert_eq!(lines(&story)[..4], said);

        let failed = &story["conversation"][4];
        assert_eq!(
            (&failed["note"], &failed["remarks"]),
            (&json!("unclear: DOKU refuses the question"), &json!(words))
        );
        let open = "SELECT count(*) FROM onboarding_line WHERE note LIKE '%Siti%' OR who LIKE '%Siti%'";
        assert_eq!(sqlx::query_scalar::<_, i64>(open).fetch_one(&world.sql).await.unwrap(), 0);

        assert_eq!(api.businesses().len(), 1);
        // Asked once more, DOKU says the same: that is no news.
        let asked = async || world.number("SELECT tries::bigint FROM onboarding").await;
        let before = asked().await;
        let once_more = async {
            while asked().await == before {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), once_more).await.expect("it is asked again");
        let review = json!({ "what": "all", "verdict": "approve" });
        api.review(&serde_json::from_value(review).unwrap()).unwrap();
        let story = world.until_stands(&reference, "approved").await;
        assert_eq!(lines(&story)[4..], ["failed v2", "answered processing v2", "answered approved v2"]);
        let shown = world.caller.get(&format!("/v1/onboarding/{reference}/provider-data")).await;
        let data = &shown.body["data"]["data"];
        assert_eq!((&data["status"], &data["brands"][0]["shared_key"]), (&json!("ACTIVE"), &json!("…")));
        let key = api.businesses()[0].model["brands"][0]["shared_key"].as_str().unwrap().to_owned();
        assert!(!shown.body.to_string().contains(&key));
        world
    })
    .await;
}

/// Begins an onboarding of the example at DOKU; answers its reference.
async fn begun(world: &World) -> String {
    let mut file = world.with_uploads(example()).await;
    with_pictures(world, &mut file).await;
    world.save_kyb(&file, None).await;
    let wish = json!({ "providers": [{ "provider": "doku", "details": answers() }] });
    let begun = world.caller.post("/v1/onboarding", wish).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    begun.body["data"]["onboardings"][0]["reference_id"].as_str().unwrap().to_owned()
}

/// Erases the director of the file.
async fn erase_director(world: &World) {
    let all = people(&world.app, world.client_id).await.unwrap();
    let director = all.iter().find(|person| person.roles == ["stakeholder"]).unwrap().id;
    assert_eq!(erase(&world.app, world.client_id, director, "test").await.unwrap(), Erasure::Done);
}

/// One whose details are empty and of whom the provider's data are not kept. An empty object, sealed: its version, its
/// nonce, two bytes and what authenticates them.
const EMPTY: &str = "SELECT count(*) FROM onboarding WHERE octet_length(details) = 31 AND provider_data IS NULL";

#[tokio::test]
async fn of_an_erased_person_nothing_is_kept_and_the_review_goes_on() {
    let mut options = Options { kyb: vec!["doku".into()], ..Options::default() };
    options.config.schedule.onboarding_poll_s = vec![30];
    run_with(options, async |world| {
        let api = &world.sandbox.doku_partner;
        let reference = begun(&world).await;
        world.until_stands(&reference, "processing").await;
        erase_director(&world).await;
        assert_eq!(world.number(EMPTY).await, 1);
        // Words of DOKU beside a refusal, then beside a status: neither is kept.
        let words = "the KTP of John Doe is not readable";
        api.add_fault(Fault::new(Kind::Refuse).on("business").code(words).times(2)).unwrap();
        let is_last =
            |kind: &'static str| move |story: &Value| lines(story).last().is_some_and(|line| line.starts_with(kind));
        world.until_story(&reference, is_last("failed")).await;
        let review = |what: &str, verdict: &str| {
            let decision = json!({ "what": what, "verdict": verdict });
            api.review(&serde_json::from_value(decision).unwrap()).unwrap();
        };
        review("document", "reject");
        world.until_stands(&reference, "need_revision").await;
        review("business", "reject");
        let story = world.until_stands(&reference, "rejected").await;
        assert_eq!(story["onboarding"]["next_try_at"], Value::Null, "nobody asks after the end");
        assert!(story["conversation"].as_array().unwrap().iter().all(|line| line["remarks"].is_null()), "{story}");
        assert_eq!(world.number(EMPTY).await, 1, "what DOKU says of the people of the file is not taken up again");
        world
    })
    .await;
}

#[tokio::test]
async fn a_registration_that_is_answered_after_an_erasure_brings_nothing_back() {
    let options = Options { kyb: vec!["doku".into()], ..Options::default() };
    run_with(options, async |world| {
        let api = &world.sandbox.doku_partner;
        api.add_fault(Fault::new(Kind::HangAnswer).on("registration").times(1)).unwrap();
        let reference = begun(&world).await;
        api.wait_for(|api| (!api.businesses().is_empty()).then_some(())).await;
        let progress = "SELECT octet_length(progress)::bigint FROM onboarding";
        let frozen = world.number(progress).await;
        erase_director(&world).await;
        let kept = world.number(progress).await;
        assert!(kept < frozen, "a registration is frozen with its people: {kept} of {frozen}");
        api.clear_faults();
        let story = world.until_story(&reference, |story| lines(story).len() >= 2).await;
        assert_eq!(lines(&story), ["submitted v1", "halted v1"]);
        assert_eq!((world.number(EMPTY).await, world.number(progress).await), (1, kept));
        assert_eq!(api.businesses().len(), 1);
        world
    })
    .await;
}

#[tokio::test]
async fn after_an_erasure_no_further_step_is_taken() {
    let options = Options { kyb: vec!["doku".into()], ..Options::default() };
    run_with(options, async |world| {
        let api = &world.sandbox.doku_partner;
        api.add_fault(Fault::new(Kind::HangAnswer).on("upload").times(1)).unwrap();
        let reference = begun(&world).await;
        api.wait_for(|api| (!api.files().is_empty()).then_some(())).await;
        erase_director(&world).await;
        api.clear_faults();
        let story = world.until_story(&reference, |story| lines(story).len() >= 2).await;
        assert_eq!(lines(&story), ["submitted v1", "halted v1"]);
        assert_eq!((api.files().len(), api.businesses().len()), (1, 0), "nothing more of the person is sent");
        world
    })
    .await;
}

#[tokio::test]
async fn what_is_remembered_after_an_erasure_tells_of_nobody() {
    let stage = Stage::set().await;
    let filing = stage.filing();
    let tells = |sheet: &Sheet| Value::Object(sheet.reveal().clone()).to_string().contains("John Doe");
    let (mut progress, mut told) = (Sheet::default(), false);
    let report = loop {
        match stage.step(&filing, &progress).await {
            Step::More(next) => progress = next,
            Step::Told(report) => break report,
            Step::Again(trouble) => panic!("{trouble}"),
        }
        told |= tells(&progress);
        assert!(!tells(&stage.partner.forget(&progress)));
    };
    assert!(told, "a registration is frozen with its people");
    let kept = stage.partner.forget(&report.progress);
    assert_eq!(stage.ask(&filing, &kept).await.status, Status::Processing, "the business is still known");
}
