//! DOKU as one of the service's own targets: the client's answers, documents by signed links, a revision, the review, and
//! what the client may read of it.

use paystrator::domain::kyb::Sheet;
use paystrator::domain::onboarding::Status;
use paystrator::flows::kyb::{Erasure, erase, people};
use paystrator::providers::onboarding::{Onboarding, Step};
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
    let options = Options { kyb: vec!["doku".into()], ..Options::default() };
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
        assert_eq!(world.act(&reference, "submit", nothing()).await.status, 200);
        let story = world.until_stands(&reference, "processing").await;
        let said = ["submitted v1", "answered need_revision v1", "submitted v2", "answered received v2"];
        assert_eq!(lines(&story)[..4], said);

        let api = &world.sandbox.doku_partner;
        assert_eq!(api.businesses().len(), 1);
        let review = json!({ "what": "all", "verdict": "approve" });
        api.review(&serde_json::from_value(review).unwrap()).unwrap();
        world.until_stands(&reference, "approved").await;
        let shown = world.caller.get(&format!("/v1/onboarding/{reference}/provider-data")).await;
        let data = &shown.body["data"]["data"];
        assert_eq!((&data["status"], &data["brands"][0]["shared_key"]), (&json!("ACTIVE"), &json!("…")));
        let key = api.businesses()[0].model["brands"][0]["shared_key"].as_str().unwrap().to_owned();
        assert!(!shown.body.to_string().contains(&key));
        world
    })
    .await;
}

#[tokio::test]
async fn of_an_erased_person_nothing_is_kept_and_the_review_goes_on() {
    let options = Options { kyb: vec!["doku".into()], ..Options::default() };
    run_with(options, async |world| {
        let mut file = world.with_uploads(example()).await;
        with_pictures(&world, &mut file).await;
        world.save_kyb(&file, None).await;
        let wish = json!({ "providers": [{ "provider": "doku", "details": answers() }] });
        let begun = world.caller.post("/v1/onboarding", wish).await;
        let reference = begun.body["data"]["onboardings"][0]["reference_id"].as_str().unwrap().to_owned();
        world.until_stands(&reference, "processing").await;
        let all = people(&world.app, world.client_id).await.unwrap();
        let director = all.iter().find(|person| person.roles == ["stakeholder"]).unwrap().id;
        assert_eq!(erase(&world.app, world.client_id, director, "test").await.unwrap(), Erasure::Done);
        // An empty object, sealed: its version, its nonce, two bytes and what authenticates them.
        let empty = "SELECT count(*) FROM onboarding WHERE octet_length(details) = 31 AND provider_data IS NULL";
        assert_eq!(world.number(empty).await, 1);
        let review = json!({ "what": "all", "verdict": "approve" });
        world.sandbox.doku_partner.review(&serde_json::from_value(review).unwrap()).unwrap();
        let story = world.until_stands(&reference, "approved").await;
        assert!(story["conversation"].as_array().unwrap().iter().all(|line| line["remarks"].is_null()), "{story}");
        assert_eq!(world.number(empty).await, 1, "what DOKU says of the people of the file is not taken up again");
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
