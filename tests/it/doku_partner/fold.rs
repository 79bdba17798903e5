//! The folding table: every status that DOKU's parts can have, and the one status of ours that it becomes.

use paystrator::domain::onboarding::Status;
use paystrator::providers::doku::partner::fold::fold;
use paystrator::providers::doku::partner::model::{Business, Kept};
use serde_json::{Value, json};

use super::model::{CORPORATE, PERSONAL};

fn folded(said: &Value) -> (Status, String) {
    let business: Kept<Business> = serde_json::from_value(said.clone()).unwrap();
    let (status, remarks) = fold(&business);
    (status, remarks.unwrap_or_default())
}

/// Sets a mark in every part of a business, itself included.
fn set_all(part: &mut Value, status: &str) {
    match part {
        Value::Object(fields) => {
            if fields.contains_key("approval_uuid") {
                fields.insert("status".into(), status.into());
                fields.insert("rejected".into(), false.into());
            }
            fields.values_mut().for_each(|field| set_all(field, status));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set_all(item, status)),
        _ => {}
    }
}

fn sample(text: &str, status: &str) -> Value {
    let mut said = serde_json::from_str(text).unwrap();
    set_all(&mut said, status);
    said
}

#[test]
fn the_samples_are_under_review() {
    for text in [PERSONAL, CORPORATE] {
        assert_eq!(folded(&serde_json::from_str(text).unwrap()), (Status::Processing, String::new()));
    }
}

#[test]
fn each_part_decides_as_the_table_says() {
    // A part, and what follows when it alone is rejected, and what when it alone is still open or says an unknown word.
    let parts = [
        ("", Status::Rejected, "DOKU rejected the business."),
        ("/brands/0", Status::Rejected, "DOKU rejected the brand."),
        ("/brands/0/photo_proofs/0", Status::NeedRevision, "DOKU rejected: photo 1 of the premises."),
        ("/brands/0/social_media/1", Status::NeedRevision, "DOKU rejected: social media INSTAGRAM (Instagram)."),
        ("/brands/0/products/1", Status::Approved, "DOKU rejected: product DOKU_WALLET (DOKU Wallet)."),
        ("/contacts/0", Status::NeedRevision, "DOKU rejected: contact 1."),
        ("/addresses/0", Status::NeedRevision, "DOKU rejected: the address."),
        ("/documents/3", Status::NeedRevision, "DOKU rejected: document NIB (NIB (Nomor Induk Berusaha))."),
        ("/banks/0", Status::NeedRevision, "DOKU rejected: the bank account."),
    ];
    let all = sample(CORPORATE, "ACTIVE");
    assert_eq!(folded(&all), (Status::Approved, String::new()));
    for (path, rejected, words) in parts {
        let with = |name: &str, value: Value| {
            let mut said = all.clone();
            said.pointer_mut(path).unwrap()[name] = value;
            folded(&said)
        };
        assert_eq!(with("rejected", true.into()), (rejected, words.to_owned()), "{path}");
        assert_eq!(with("status", "REJECTED".into()), (rejected, words.to_owned()), "{path}");
        for open in ["UPDATING", "INACTIVE", "active", "", "SOMETHING NEW"] {
            assert_eq!(with("status", open.into()), (Status::Processing, String::new()), "{path} {open}");
        }
        assert_eq!(with("status", Value::Null), (Status::Processing, String::new()), "{path}");
        // A mark that is missing says nothing against it.
        assert_eq!(with("rejected", Value::Null), (Status::Approved, String::new()), "{path}");
    }
}

#[test]
fn several_things_at_once() {
    let all = sample(CORPORATE, "ACTIVE");
    let with = |paths: &[&str]| {
        let mut said = all.clone();
        paths.iter().for_each(|path| said.pointer_mut(path).unwrap()["rejected"] = true.into());
        folded(&said)
    };
    let documents = with(&["/documents/1", "/documents/6"]);
    assert_eq!(documents.0, Status::NeedRevision);
    assert!(documents.1.contains("NPWP_BADAN") && documents.1.contains("KTP"), "{}", documents.1);
    let products: Vec<String> = (0..6).map(|n| format!("/brands/0/products/{n}")).collect();
    let products: Vec<&str> = products.iter().map(String::as_str).collect();
    assert_eq!(with(&products), (Status::Rejected, "DOKU rejected every product.".to_owned()));
    // What can be mended counts before what is switched off, and what is over counts before both.
    assert_eq!(with(&["/documents/1", "/brands/0/products/0"]).0, Status::NeedRevision);
    let over = with(&["", "/documents/1"]);
    assert_eq!(over.0, Status::Rejected);
    assert!(over.1.contains("NPWP_BADAN"), "{}", over.1);
    // A product that is rejected while another is looked at still leaves it open.
    let mut said = all.clone();
    said["brands"][0]["products"][0]["rejected"] = true.into();
    said["brands"][0]["products"][1]["status"] = "UPDATING".into();
    assert_eq!(folded(&said).0, Status::Processing);
}

#[test]
fn an_empty_answer_is_never_an_approval() {
    for said in [json!({}), json!({ "status": "ACTIVE" }), json!({ "status": "ACTIVE", "brands": [] })] {
        assert_eq!(folded(&said).0, Status::Processing, "{said}");
    }
}
