//! The adapter against the simulator: from the file to the approval, refusals on the way, and every step made again after
//! a crash, before and behind its effect.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use paystrator::clock::Clock;
use paystrator::crypto::secret::Personal;
use paystrator::domain::kyb::Sheet;
use paystrator::domain::onboarding::Status;
use paystrator::domain::service::Mode;
use paystrator::providers::Cause;
use paystrator::providers::call::Ask;
use paystrator::providers::onboarding::{Filing, Onboarding, Step};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use super::{Stage, call, changed, noon, partner, said, sheet, support};

fn nothing() -> Sheet {
    sheet(json!({}))
}

#[tokio::test]
async fn a_company_is_registered_reviewed_and_approved() {
    let stage = Stage::set().await;
    let filing = stage.filing();
    let report = stage.drive(&filing, nothing()).await;
    assert_eq!(said(&report), (Status::Received, ""));
    let model = stage.business();
    assert_eq!((&model["type"], &model["legal_entity"]["code"]), (&json!("CORPORATE"), &json!("PT")));
    assert_eq!(model["brands"][0]["business_line"]["code"], "AGRICULTURE");
    assert_eq!(model["brands"][0]["photo_proofs"].as_array().unwrap().len(), 2);
    assert_eq!(model["addresses"][0]["area"]["code"], "55581 - Buaran - Serpong - Tangerang Selatan - Banten");
    let codes: Vec<&Value> = model["documents"].as_array().unwrap().iter().map(|d| &d["document"]["code"]).collect();
    assert_eq!(codes, ["KTP", "NPWP_BADAN", "NIB", "SK_KEMENKUMHAM", "AKTA_PENDIRIAN_PERUSAHAAN"]);
    assert_eq!(model["documents"][0]["forms"][0]["value"], "3171012310880001");
    assert_eq!(model["banks"][0]["account_number"], "1234505867");
    // Everything was read by its link, once; what DOKU has no place for was not read at all.
    let mut reads = stage.reads.lock().unwrap().clone();
    reads.sort();
    let all = [
        "bank.png",
        "deed_of_establishment.pdf",
        "front.png",
        "inside.png",
        "ktp.png",
        "legal_certification.pdf",
        "nib_document.pdf",
        "npwp_document.pdf",
        "selfie.png",
    ];
    assert_eq!(reads, all);

    let report = stage.ask(&filing, &report.progress).await;
    assert_eq!(said(&report), (Status::Processing, ""));
    stage.review("all", "approve");
    stage.review("NPWP_BADAN", "reject");
    let refused = stage.ask(&filing, &report.progress).await;
    let words = "DOKU rejected: document NPWP_BADAN (NPWP (Nomor Pokok Wajib Pajak) Badan).";
    assert_eq!(said(&refused), (Status::NeedRevision, words));
    stage.review("NPWP_BADAN", "approve");
    let approved = stage.ask(&filing, &refused.progress).await;
    assert_eq!(said(&approved), (Status::Approved, ""));
    let shown = Value::Object(approved.data.unwrap().reveal().clone());
    assert_eq!((&shown["name"], &shown["status"]), (&json!("PT SANDBOX COMPANY"), &json!("ACTIVE")));
    stage.review("business", "reject");
    assert_eq!(stage.ask(&filing, &approved.progress).await.status, Status::Rejected);
}

#[tokio::test]
async fn a_person_without_a_legal_entity_is_registered_as_one() {
    let stage = Stage::set().await;
    let none = json!("My business has no legal entity yet");
    let filing = changed(&stage.filing(), &[("legal_entity.company_type", Some(none))]);
    assert_eq!(stage.drive(&filing, nothing()).await.status, Status::Received);
    let model = stage.business();
    assert_eq!((&model["type"], &model["legal_entity"]["code"]), (&json!("PERSONAL"), &json!("PERSEORANGAN")));
    assert_eq!((&model["name"], &model["brands"][0]["name"]), (&json!("Sanbox"), &json!("Sanbox")));
    assert_eq!(
        (&model["brands"][0]["category"], &model["contacts"][0]["position"]["code"]),
        (&json!("RETAIL"), &json!("OWNER"))
    );
    assert_eq!(model["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lite_sends_an_invitation_and_nothing_else() {
    let stage = Stage::with(json!({ "registration": "lite" })).await;
    let filing = changed(&stage.filing(), &[("?referral_code", Some(json!("ABC123")))]);
    let report = stage.drive(&filing, nothing()).await;
    assert_eq!(said(&report), (Status::Received, ""));
    let held = &stage.sandbox.doku_partner.businesses()[0];
    assert_eq!(held.partner_ref_id.as_deref(), Some(super::REFERENCE));
    assert_eq!(
        (&held.model["name"], &held.model["contacts"][0]["name"]),
        (&json!("PT SANDBOX COMPANY"), &json!("John Doe"))
    );
    assert!(stage.reads.lock().unwrap().is_empty() && stage.sandbox.doku_partner.files().is_empty());
    assert_eq!(stage.ask(&filing, &report.progress).await.status, Status::Processing);
    stage.review("all", "approve");
    assert_eq!(stage.ask(&filing, &report.progress).await.status, Status::Approved);
}

/// What must be true however often the way was interrupted: one business, and what it names was uploaded by us.
fn one_business(stage: &Stage, why: &str) {
    let businesses = stage.sandbox.doku_partner.businesses();
    assert_eq!(businesses.len(), 1, "{why}");
    let files: BTreeSet<String> = stage.sandbox.doku_partner.files().into_iter().map(|file| file.id).collect();
    let named: Vec<&str> =
        businesses[0].model["documents"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap()).collect();
    assert_eq!(named.len(), 5, "{why}");
    assert!(named.iter().all(|id| files.contains(*id)), "{why}");
}

/// How many steps a registration of the example has.
const STEPS: usize = 12;

#[tokio::test]
async fn a_step_made_again_after_a_crash_has_no_second_effect() {
    // Killed after the step's effect and before its progress was kept: at one step, at the next, at every one.
    for killed in (0..STEPS).map(Some).chain([None]) {
        let stage = Stage::set().await;
        let (filing, mut progress, mut steps) = (stage.filing(), nothing(), 0);
        let report = loop {
            if killed.is_none_or(|at| at == steps) {
                let lost = stage.step(&filing, &progress).await;
                assert!(!matches!(lost, Step::Again(_)), "{lost:?}");
            }
            match stage.step(&filing, &progress).await {
                Step::More(next) => progress = next,
                Step::Told(report) => break report,
                Step::Again(trouble) => panic!("{killed:?}: {trouble}"),
            }
            steps += 1;
        };
        assert_eq!((report.status, steps + 1), (Status::Received, STEPS), "{killed:?}");
        one_business(&stage, &format!("{killed:?}"));
        // And once more after all of it: there is nothing left to do but to look.
        let Step::Told(after) = stage.step(&filing, &report.progress).await else { panic!("it is done") };
        assert_eq!(after.status, Status::Processing);
        one_business(&stage, "after the end");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let kinds = [Kind::DropRequest, Kind::DropResponse, Kind::HttpErrorBefore, Kind::HttpErrorAfter, Kind::Garbage];
    for kind in kinds {
        for operation in ["requirements", "token", "upload", "registration", "business"] {
            let stage = Stage::set().await;
            stage.sandbox.doku_partner.add_fault(Fault::new(kind).on(operation).times(1)).unwrap();
            let (filing, mut progress, mut troubles) = (stage.filing(), nothing(), 0);
            let report = loop {
                match stage.step(&filing, &progress).await {
                    Step::More(next) => progress = next,
                    Step::Told(report) => break report,
                    Step::Again(_) => troubles += 1,
                }
                assert!(troubles < 3);
            };
            let asked = stage.partner.ask(&stage.call(), &filing, &report.progress).unwrap().await;
            troubles += usize::from(matches!(asked, Step::Again(_)));
            assert_eq!(troubles, 1, "{kind:?} {operation}");
            assert_eq!(stage.ask(&filing, &report.progress).await.status, Status::Processing);
            one_business(&stage, &format!("{kind:?} {operation}"));
        }
    }
}

#[tokio::test]
async fn a_registration_that_hangs_is_given_up_and_repeated() {
    let stage = Stage::with(json!({ "call_timeout_ms": 300 })).await;
    stage.sandbox.doku_partner.add_fault(Fault::new(Kind::HangAnswer).on("registration").times(1)).unwrap();
    let (filing, mut progress, mut gave_up) = (stage.filing(), nothing(), false);
    let report = loop {
        match stage.step(&filing, &progress).await {
            Step::More(next) => progress = next,
            Step::Told(report) => break report,
            Step::Again(trouble) => {
                assert_eq!((trouble.cause, gave_up), (Cause::Unreachable, false));
                gave_up = true;
            }
        }
    };
    assert!(gave_up);
    assert_eq!(report.status, Status::Received);
    one_business(&stage, "it hung");
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew() {
    let stage = Stage::set().await;
    let (filing, mut progress) = (stage.filing(), nothing());
    for n in 0..3 {
        // The requirements, then the first uploads; DOKU forgets every token in between.
        let Step::More(next) = stage.step(&filing, &progress).await else { panic!("step {n}") };
        progress = next;
    }
    let api = &stage.sandbox.doku_partner;
    api.change_settings(json!({ "strict_token": true }).as_object().unwrap().clone()).unwrap();
    // Somebody else with the same account takes a token: ours is good no more.
    let other = partner(json!({
        "test_base_url": stage.sandbox.partner_url(), "test_client_id": api.credentials()["client_id"],
        "test_secret_key": api.credentials()["secret_key"],
    }));
    assert!(matches!(other.step(&stage.call(), &filing, &progress).await, Step::More(_)));
    assert_eq!(stage.drive(&filing, progress).await.status, Status::Received);
    // A token that is simply old is not even tried.
    stage.clock.advance(Duration::from_secs(7200));
    let again = Filing { reference_id: format!("{}0", super::REFERENCE), ..filing };
    assert_eq!(stage.drive(&again, nothing()).await.status, Status::Received);
}

#[tokio::test]
async fn a_new_version_uploads_what_changed_and_registers_anew() {
    let stage = Stage::set().await;
    let filing = stage.filing();
    let first = stage.drive(&filing, nothing()).await;
    stage.review("NIB", "reject");
    let refused = stage.ask(&filing, &first.progress).await;
    assert_eq!(refused.status, Status::NeedRevision);
    stage.reads.lock().unwrap().clear();
    let nib = format!("{}/better.pdf", stage.files);
    let second = changed(&filing, &[("documents.nib_document", Some(json!(nib)))]);
    let second = Filing { version: 2, changed: vec!["documents.nib_document".into()], ..second };
    let told = stage.drive(&second, refused.progress).await;
    assert_eq!(told.status, Status::Received);
    assert_eq!(*stage.reads.lock().unwrap(), ["better.pdf"]);
    let businesses = stage.sandbox.doku_partner.businesses();
    assert_eq!(businesses.len(), 2);
    let ids = |n: usize| -> BTreeSet<String> {
        let documents = businesses[n].model["documents"].as_array().unwrap();
        documents.iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(0).intersection(&ids(1)).count(), 4);
    // From now on the new one is asked about.
    stage.review("all", "approve");
    assert_eq!(stage.ask(&second, &told.progress).await.status, Status::Approved);
    // A change of a director sends all of the directors' documents again.
    stage.reads.lock().unwrap().clear();
    let third = Filing { version: 3, changed: vec!["stakeholder[0].phone".into()], ..second };
    let told = stage.drive(&third, told.progress).await;
    let mut reads = std::mem::take(&mut *stage.reads.lock().unwrap());
    reads.sort();
    assert_eq!(reads, ["ktp.png", "selfie.png"]);
    // A version that DOKU was never heard at: which of its documents are those of the next one nobody knows.
    let lost = Filing { version: 4, changed: vec!["documents.nib_document".into()], ..third };
    let mut between = told.progress;
    for _ in 0..2 {
        let Step::More(next) = stage.step(&lost, &between).await else { panic!("there is more to do") };
        between = next;
    }
    stage.reads.lock().unwrap().clear();
    stage.drive(&Filing { version: 5, ..lost }, between).await;
    assert_eq!(stage.reads.lock().unwrap().len(), 9);
}

#[tokio::test]
async fn a_registration_in_doubt_is_settled_before_a_newer_version() {
    let stage = Stage::set().await;
    let (filing, mut progress) = (stage.filing(), nothing());
    stage.sandbox.doku_partner.add_fault(Fault::new(Kind::DropResponse).on("registration").times(1)).unwrap();
    while let Step::More(next) = stage.step(&filing, &progress).await {
        progress = next;
    }
    assert_eq!(stage.sandbox.doku_partner.businesses().len(), 1);
    let second = Filing { version: 2, changed: vec!["legal_entity.phone".into()], ..filing.clone() };
    let told = stage.drive(&second, progress).await;
    let remembered = Value::Object(told.progress.reveal().clone());
    let businesses = stage.sandbox.doku_partner.businesses();
    assert_eq!((businesses.len(), &remembered["former"]), (2, &json!([businesses[0].id])));
    assert_eq!((&remembered["business"]["id"], &remembered["frozen"]), (&json!(businesses[1].id), &Value::Null));
}

#[tokio::test]
async fn what_doku_would_refuse_is_told_before_it_is_asked() {
    let stage = Stage::set().await;
    let filing = stage.filing();
    let cases = [
        ("legal_entity.company_type", Some(json!("Other")), "legal_entity: DOKU's list has no company of this type"),
        ("legal_entity.company_type", Some(json!("BUMD")), "legal_entity: DOKU's list has no company of this type"),
        (
            "legal_entity.company_industry",
            Some(json!(["Telemedicine", "New"])),
            "business_line: No industry of the file",
        ),
        ("?ktp_numbers", Some(json!("317101231088000")), "ktp_numbers: Sixteen digits for each of 1 directors"),
        ("?ktp_numbers", None, "ktp_numbers: Sixteen digits"),
    ];
    for (path, value, words) in cases {
        let filing = changed(&filing, &[(path, value)]);
        let report = stage.drive(&filing, nothing()).await;
        assert_eq!(report.status, Status::NeedRevision);
        assert!(said(&report).1.starts_with(words), "{}", said(&report).1);
        // And it can be known before anything begins.
        let unfit = stage.partner.unfit(&filing.payload, &filing.details);
        let name = words.split(':').next().unwrap();
        assert_eq!((unfit.len(), unfit[0].field.as_str()), (1, format!("settings.{name}").as_str()));
    }
    assert!(stage.sandbox.doku_partner.files().is_empty());
    assert!(stage.partner.unfit(&filing.payload, &filing.details).is_empty());
    // With the answers it goes through.
    let answered = changed(
        &filing,
        &[
            ("legal_entity.company_type", Some(json!("Other"))),
            ("legal_entity.company_industry", Some(json!(["Telemedicine"]))),
            ("?legal_entity", Some(json!("UD"))),
            ("?business_line", Some(json!("PUBLIC_SERVICE"))),
        ],
    );
    assert_eq!(stage.drive(&answered, nothing()).await.status, Status::Received);
    assert_eq!(stage.business()["legal_entity"]["code"], "UD");
}

#[tokio::test]
async fn a_licence_that_doku_asks_for_comes_as_an_additional_document() {
    let stage = Stage::set().await;
    let school = changed(&stage.filing(), &[("legal_entity.company_industry", Some(json!(["Tutoring"])))]);
    let report = stage.drive(&school, nothing()).await;
    assert_eq!(report.status, Status::NeedRevision);
    let words = said(&report).1;
    assert!(
        words.contains("Surat Izin dari Dinas Pendidikan atau Kemendikbud (IZIN_DISPENDIK_KEMENDIKBUD)"),
        "{words}"
    );
    // Switched off, DOKU is the one to say so.
    let lax = Stage::with(json!({ "enforce_requirements": false })).await;
    let school_there = changed(&lax.filing(), &[("legal_entity.company_industry", Some(json!(["Tutoring"])))]);
    let refused = lax.drive(&school_there, nothing()).await;
    let words = "business.brands[0].documents must have IZIN_DISPENDIK_KEMENDIKBUD";
    assert_eq!(said(&refused), (Status::NeedRevision, words));
    for name in ["IZIN_DISPENDIK_KEMENDIKBUD", "surat izin dari dinas pendidikan, atau Kemendikbud"] {
        let licence = json!([{ "filename": "9", "name": name, "file_url": format!("{}/licence.pdf", stage.files) }]);
        let filing = changed(&school, &[("documents.additional_documents", Some(licence))]);
        let filing = Filing { version: 2, changed: vec!["documents.additional_documents".into()], ..filing };
        assert_eq!(stage.drive(&filing, report.progress.clone()).await.status, Status::Received);
        let model = stage.business();
        let licence = model["documents"].as_array().unwrap().iter();
        let licence = licence.clone().find(|d| d["document"]["code"] == "IZIN_DISPENDIK_KEMENDIKBUD").unwrap();
        assert_eq!(licence["relation"], model["brands"][0]["id"]);
    }
}

#[tokio::test]
async fn doku_s_own_refusals_ask_for_a_revision_in_its_words() {
    let stage = Stage::set().await;
    let filing = stage.filing();
    let broken = format!("{}/note.txt", stage.files);
    let wrong = changed(&filing, &[("documents.npwp_document", Some(json!(broken)))]);
    let report = stage.drive(&wrong, nothing()).await;
    assert_eq!(said(&report), (Status::NeedRevision, "documents.npwp_document: file extension is not allowed"));
    // Mended: the photos that were uploaded before are not sent twice.
    let before = stage.sandbox.doku_partner.files().len();
    let mended = Filing { version: 2, changed: vec!["documents.npwp_document".into()], ..filing.clone() };
    assert_eq!(stage.drive(&mended, report.progress).await.status, Status::Received);
    assert_eq!(stage.sandbox.doku_partner.files().len(), before + 5);

    let wrong = changed(&filing, &[("legal_entity.address.postal_code", Some(json!("5558")))]);
    let report = stage.drive(&wrong, nothing()).await;
    let words = "business.addresses[0].area must be five parts with \" - \" between them, a postal code first";
    assert_eq!(said(&report), (Status::NeedRevision, words));
    // Nothing of people stands in what DOKU's words become.
    let api = &stage.sandbox.doku_partner;
    api.add_fault(
        Fault::new(Kind::Refuse).on("registration").code("8127756464 of John Doe, 3171012310880001").times(1),
    )
    .unwrap();
    let report = stage.drive(&filing, nothing()).await;
    assert_eq!(said(&report), (Status::NeedRevision, "… of …, …"));
}

#[tokio::test]
async fn troubles_are_told_apart() {
    let stage = Stage::set().await;
    let filing = stage.filing();
    let keys = stage.sandbox.doku_partner.credentials();
    let url = stage.sandbox.partner_url();
    let with = |url: &str, id: Value, secret: Value| {
        partner(json!({ "test_base_url": url, "test_client_id": id, "test_secret_key": secret }))
    };
    let (id, secret) = (keys["client_id"].clone(), keys["secret_key"].clone());
    let cases = [
        (with(url, id.clone(), json!("SK-wrong")), Cause::Secret, "Invalid Header Signature"),
        (with(url, json!("BRN-0001-1"), secret.clone()), Cause::Secret, "Invalid Client-Id"),
        (with(&format!("{url}/elsewhere"), id.clone(), secret.clone()), Cause::Address, "No static resource"),
        (with("http://127.0.0.1:1", id.clone(), secret.clone()), Cause::Unreachable, "not connected"),
    ];
    for (partner, cause, words) in cases {
        let Step::Again(trouble) = partner.step(&stage.call(), &filing, &nothing()).await else { panic!("{words}") };
        assert_eq!(trouble.cause, cause, "{words}");
        // DOKU's own words are kept apart from ours: they may name people.
        let all = (trouble.words.as_str(), trouble.said.as_ref().map(Personal::reveal));
        let is_ours = cause == Cause::Unreachable;
        assert!(
            if is_ours { all.0.contains(words) } else { all.1.is_some_and(|said| said.contains(words)) },
            "{all:?}"
        );
        assert!(is_ours || all.0.starts_with("HTTP "), "{all:?}");
    }
    // An installation whose clock is wrong is refused, not the client.
    let late = Clock::manual(noon() + Duration::from_secs(600));
    let Step::Again(trouble) =
        stage.partner.step(&call(&support::door(), &late, Mode::Test), &filing, &nothing()).await
    else {
        panic!("the time is wrong")
    };
    let said = trouble.said.as_ref().map(Personal::reveal);
    assert_eq!((trouble.cause, said), (Cause::Secret, Some("Invalid Request-Timestamp")));
    // Where nothing is registered there is nothing to ask: neither before, nor for a version that DOKU sent back.
    assert!(stage.partner.ask(&stage.call(), &filing, &nothing()).is_none());
    let known = sheet(json!({ "version": 2, "business": { "version": 1, "id": "BSN-1", "query": "?a=b" } }));
    let newer = Filing { version: 2, ..filing };
    assert!(stage.partner.ask(&stage.call(), &newer, &known).is_none());
    assert!(stage.sandbox.doku_partner.businesses().is_empty());
}

#[tokio::test]
async fn a_mode_without_an_account_takes_nothing() {
    let stage = Stage::set().await;
    assert!(stage.partner.takes(Mode::Test) && !stage.partner.takes(Mode::Live));
    let call = call(&support::door(), &stage.clock, Mode::Live);
    let Step::Again(trouble) = stage.partner.step(&call, &stage.filing(), &nothing()).await else { panic!() };
    assert_eq!(trouble.cause, Cause::Account);
    let (code, name) = (stage.partner.code().to_owned(), stage.partner.name().to_owned());
    assert_eq!((code.as_str(), name.as_str(), stage.partner.form().len()), ("doku", "DOKU", 13));
    let untouched = super::partner(json!({}));
    assert!(!untouched.takes(Mode::Test) && !untouched.takes(Mode::Live));
}

#[tokio::test]
async fn an_answer_that_another_signed_is_not_believed() {
    let hook = crate::support::bad::Stub::start(|_| (200, r#"{"id":"BSN-1","status":"ACTIVE"}"#.to_owned())).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let forged = axum::Router::new().fallback(|| async {
        ([("signature", "HMACSHA256=AAAA"), ("response-timestamp", "2026-01-15T05:00:00Z")], r#"{"status":"ACTIVE"}"#)
    });
    tokio::spawn(async move { axum::serve(listener, forged).await.unwrap() });
    let progress = sheet(json!({ "version": 1, "business": { "version": 1, "id": "BSN-1", "query": "?a=b" } }));
    let (door, clock) = (support::door(), Clock::manual(noon()));
    let filing = super::filing("http://127.0.0.1:1");
    for (url, good) in [(hook.url.clone(), true), (url, false)] {
        let partner = partner(json!({ "test_base_url": url, "test_client_id": "BRN-1", "test_secret_key": "SK-1" }));
        let step = partner.ask(&call(&door, &clock, Mode::Test), &filing, &progress).unwrap().await;
        match step {
            Step::Told(report) => assert!(good && report.status == Status::Processing),
            Step::Again(trouble) => assert!(!good && trouble.words.contains("not signed"), "{trouble}"),
            Step::More(_) => panic!("a question makes nothing"),
        }
    }
}

#[tokio::test]
async fn a_business_is_asked_for_by_its_brand_then_by_itself() {
    let oracle = support::Oracle::new().await;
    oracle.say(BRAND, 404, r#"{"message":["Business not found"]}"#);
    oracle.say(BUSINESS, 200, r#"{"id":"BSN-1","status":"UPDATING"}"#);
    let known = json!({ "version": 1, "id": "BSN-1", "brand": "BRN-1", "query": "?a=b" });
    let progress = sheet(json!({ "version": 1, "business": known }));
    let partner =
        partner(json!({ "test_base_url": oracle.url(), "test_client_id": "BRN-1", "test_secret_key": "SK-1" }));
    let (call, filing) =
        (call(&support::door(), &Clock::manual(noon()), Mode::Test), super::filing("http://127.0.0.1:1"));
    let Step::Told(report) = partner.ask(&call, &filing, &progress).unwrap().await else { panic!("it is there") };
    assert_eq!(report.status, Status::Processing);
    assert_eq!((oracle.heard(BRAND).len(), oracle.heard(BUSINESS)[0].query.as_str()), (1, "a=b"));
    oracle.say(BUSINESS, 404, "");
    let Step::Again(trouble) = partner.ask(&call, &filing, &progress).unwrap().await else { panic!("it is gone") };
    assert_eq!(trouble.cause, Cause::Address);
    // DOKU in trouble is not asked twice.
    oracle.say(BRAND, 503, "");
    let Step::Again(trouble) = partner.ask(&call, &filing, &progress).unwrap().await else { panic!("it is down") };
    assert_eq!((trouble.cause, oracle.heard(BUSINESS).len()), (Cause::Provider, 2));
    // An answer that is no business as documented is no news.
    oracle.say(BRAND, 200, r#"{"id":"BSN-1","brands":"none"}"#);
    let Step::Again(trouble) = partner.ask(&call, &filing, &progress).unwrap().await else { panic!("it is garbage") };
    assert_eq!(trouble.cause, Cause::Unclear);
}

#[tokio::test]
async fn an_answer_about_another_business_is_no_news() {
    let oracle = support::Oracle::new().await;
    let partner =
        partner(json!({ "test_base_url": oracle.url(), "test_client_id": "BRN-1", "test_secret_key": "SK-1" }));
    let (call, filing) =
        (call(&support::door(), &Clock::manual(noon()), Mode::Test), super::filing("http://127.0.0.1:1"));
    let whole = json!({ "version": 1, "id": "BSN-1", "brand": "BRN-1", "query": "?a=b" });
    let of_brand = json!({ "version": 1, "brand": "BRN-1", "query": "?a=b" });
    let cases = [
        (&whole, "{}", false),
        (&whole, r#"{"id":"","status":"ACTIVE"}"#, false),
        (&whole, r#"{"id":"BSN-2","status":"ACTIVE","brands":[{"id":"BRN-1"}]}"#, false),
        (&whole, r#"{"status":"ACTIVE","brands":[{"id":"BRN-1"}]}"#, false),
        (&whole, r#"{"id":"BSN-1","status":"UPDATING"}"#, true),
        (&of_brand, "{}", false),
        (&of_brand, r#"{"id":"BSN-2","status":"ACTIVE","brands":[{"id":"BRN-2"}]}"#, false),
        (&of_brand, r#"{"id":"BSN-2","status":"UPDATING","brands":[{"id":"BRN-2"},{"id":"BRN-1"}]}"#, true),
    ];
    for (known, answer, is_ours) in cases {
        for path in [BRAND, BUSINESS] {
            oracle.say(path, 200, answer);
        }
        let progress = sheet(json!({ "version": 1, "business": known }));
        match partner.ask(&call, &filing, &progress).unwrap().await {
            Step::Told(report) => assert!(is_ours && report.status == Status::Processing, "{known}: {answer}"),
            Step::Again(trouble) => assert!(!is_ours && trouble.cause == Cause::Unclear, "{known}: {answer}"),
            Step::More(_) => panic!("a question makes nothing"),
        }
    }
}

#[test]
fn a_short_mask_does_not_break_a_longer_one() {
    let call = call(&support::door(), &Clock::manual(noon()), Mode::Test);
    for hidden in ["3171", "Siti", "3171012310880001", "Siti Rahmawati"] {
        call.hide(hidden);
    }
    let call = call.mask("3171012310880002", "…0002".into());
    let words = "Siti Rahmawati has 3171012310880001, Siti 3171012310880002, not 3171";
    assert_eq!(call.tellable(words), "… has …, … …0002, not …");
}

#[tokio::test]
async fn of_an_answer_that_nobody_can_read_no_long_number_is_recorded() {
    let oracle = support::Oracle::new().await;
    oracle.say("/page", 502, "<p>1239812390 is not 12345, nor 123456</p>");
    let call = call(&support::door(), &Clock::manual(noon()), Mode::Test);
    let ask = Ask {
        operation: "page",
        method: Method::GET,
        url: format!("{}/page", oracle.url()),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(10),
    };
    call.exchange(ask).await;
    assert_eq!(call.record(), "page: HTTP 502 <p>… is not 12345, nor …</p>");
}

const BRAND: &str = "/adv-core-api/partner/v1.0/business/BRN-1";
const BUSINESS: &str = "/adv-core-api/partner/v1.0/business/BSN-1";

#[tokio::test]
async fn secrets_and_people_stand_in_no_record() {
    let stage = Stage::set().await;
    let (filing, mut progress) = (stage.filing(), nothing());
    let (mut records, mut told) = (String::new(), None);
    while told.is_none() {
        let call = stage.call();
        match stage.partner.step(&call, &filing, &progress).await {
            Step::More(next) => progress = next,
            Step::Told(report) => told = Some(report),
            Step::Again(trouble) => panic!("{trouble}"),
        }
        records += &call.record();
    }
    let told = told.unwrap();
    let call = stage.call();
    let Step::Told(report) = stage.partner.ask(&call, &filing, &told.progress).unwrap().await else { panic!() };
    records += &call.record();
    // A refusal tells of nobody by what we told DOKU of them.
    let words = "the KTP 3171012310880001 of John Doe is blurred";
    stage.sandbox.doku_partner.add_fault(Fault::new(Kind::Refuse).on("business").code(words)).unwrap();
    let call = stage.call();
    let refused = stage.partner.ask(&call, &filing, &told.progress).unwrap().await;
    let Step::Again(trouble) = refused else { panic!("it is refused") };
    assert_eq!(trouble.said.as_ref().map(Personal::reveal), Some("the KTP … of … is blurred"));
    records += &call.record();
    assert!(records.contains("business: HTTP 400"), "{records}");
    assert!(records.contains("registration: HTTP 200") && records.contains("business: HTTP 200"), "{records}");
    let key = stage.business()["brands"][0]["shared_key"].as_str().unwrap().to_owned();
    let secret = stage.sandbox.doku_partner.credentials()["secret_key"].as_str().unwrap().to_owned();
    let people = ["John Doe", "3171012310880001", "8127756464", "1234505867", "Basuki", "eyJ", "http://127"];
    for hidden in people.into_iter().chain([key.as_str(), secret.as_str()]) {
        assert!(!records.contains(hidden), "{hidden} in {records}");
    }
    // What the client may read holds all that DOKU said but the brand's secret; nothing of it can be printed by accident.
    let texts = [told.data, report.data].map(|data| Value::Object(data.unwrap().reveal().clone()).to_string());
    let kept = Value::Object(told.progress.reveal().clone()).to_string();
    assert!(texts.iter().chain([&kept]).all(|text| !text.contains(&key) && !text.contains("SK-")));
    assert!(texts[1].contains("3171012310880001") && texts[1].contains("\"shared_key\":\"…\""));
    let printed = format!("{filing:?} {:?}", stage.step(&filing, &told.progress).await);
    assert!(!printed.contains("John") && !printed.contains("SK-") && !printed.contains("BSN-"), "{printed}");
}
