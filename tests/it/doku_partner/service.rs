//! DOKU as one of the service's own targets: the client's answers, documents by signed links, a revision, the review, and
//! what the client may read of it.

use serde_json::{Value, json};

use super::answers;
use crate::support::files::png;
use crate::support::kyb::{example, set};
use crate::support::onboarding::{lines, nothing};
use crate::support::{Options, run_with};

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
        let mut photos = Vec::new();
        for n in 0..5 {
            let made = world.caller.upload(&format!("photo {n}.png"), Some("image/png"), png(100 + n, 100)).await;
            photos.push(made.body["data"]["id"].clone());
        }
        set(&mut file, "supporting.business_location_photo", Some(json!([photos[0], photos[1]])));
        set(&mut file, "supporting.bank_account_proof", Some(photos[2].clone()));
        set(&mut file, "stakeholder[0].ktp_document", Some(photos[3].clone()));
        set(&mut file, "stakeholder[0].selfie_with_ktp", Some(photos[4].clone()));
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
