//! The model of seed 002: its printed samples go through our types and come out the same.

use paystrator::providers::doku::partner::model::{Business, Kept, without_secrets};
use serde_json::{Value, json};

pub const PERSONAL: &str = include_str!("../vectors/doku-business-personal.json");
pub const CORPORATE: &str = include_str!("../vectors/doku-business-corporate.json");

fn again(said: &Value) -> Value {
    let read: Kept<Business> = serde_json::from_value(said.clone()).unwrap();
    serde_json::to_value(&read).unwrap()
}

#[test]
fn the_printed_samples_lose_nothing() {
    for sample in [PERSONAL, CORPORATE] {
        let said: Value = serde_json::from_str(sample).unwrap();
        assert_eq!(again(&said), said);
        // And byte for byte, as our own writer writes it.
        let read: Kept<Business> = serde_json::from_str(sample).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), said.to_string());
    }
}

#[test]
fn everything_printed_is_known_by_name() {
    let known = |sample: &str| -> Kept<Business> { serde_json::from_str(sample).unwrap() };
    let (personal, corporate) = (known(PERSONAL), known(CORPORATE));
    assert_eq!(personal.kind.get(), Some("PERSONAL"));
    assert_eq!(corporate.legal_entity.as_ref().unwrap().name.get(), Some("PT (Perseroan Terbatas)"));
    let brand = &personal.brands.as_ref().unwrap()[0];
    assert_eq!((brand.category.get(), brand.business_line.is_none()), (Some("NON_RETAIL"), true));
    assert_eq!(brand.maximum_transaction.as_ref().unwrap().to_string(), "100");
    assert_eq!(brand.products.as_ref().unwrap().len(), 6);
    assert_eq!(brand.created_date.get(), Some("2023-03-16T10:00:41Z"));
    let brand = &corporate.brands.as_ref().unwrap()[0];
    assert_eq!(brand.business_line.as_ref().unwrap().code.get(), Some("EDUCATION"));
    let contact = &personal.contacts.as_ref().unwrap()[0];
    assert_eq!(contact.liveness_factor.as_ref().unwrap().code.get(), Some("SHOW_TWO"));
    assert!(corporate.contacts.as_ref().unwrap()[0].liveness_image.get().is_none());
    let documents = corporate.documents.as_ref().unwrap();
    assert_eq!(documents.len(), 7);
    assert_eq!(documents[0].relation.get(), Some("BRN-0111-1679387230274"));
    assert_eq!(documents[1].forms.as_ref().unwrap()[0].value.get(), Some("123456789012934"));
    let bank = &corporate.banks.as_ref().unwrap()[0];
    assert_eq!((bank.swift_code.get(), bank.account_number.get()), (Some("014"), Some("12345058")));
    // Nothing of the samples is left for "everything else": known fields alone tell all of it.
    for sample in [PERSONAL, CORPORATE] {
        let read: Kept<Business> = serde_json::from_str(sample).unwrap();
        let mut told = serde_json::to_value(&*read).unwrap();
        fn without_nulls(value: &mut Value) {
            match value {
                Value::Object(fields) => {
                    fields.retain(|_, field| !field.is_null());
                    fields.values_mut().for_each(without_nulls);
                }
                Value::Array(items) => items.iter_mut().for_each(without_nulls),
                _ => {}
            }
        }
        without_nulls(&mut told);
        assert_eq!(told, serde_json::from_str::<Value>(sample).unwrap());
    }
}

#[test]
fn what_is_new_or_of_another_form_is_kept_too() {
    let said: Value = serde_json::from_str(
        r#"{
            "id": 17, "name": null, "phone_number": 81510229216, "new": {"a": [1.50, 100000000000000000000]},
            "brands": [{"id": "BRN-1", "shared_key": {"v": 1}, "share_key": "SK-x", "products": [{"id": 1, "more": []}],
                        "maximum_transaction": 1e3, "ticket_size": null}],
            "documents": null, "contacts": []
        }"#,
    )
    .unwrap();
    assert_eq!(again(&said), said);
    assert_eq!(again(&said).to_string(), said.to_string());
    // A list or a mark of another shape is not guessed at.
    for wrong in [json!({ "brands": {} }), json!({ "rejected": "no" }), json!({ "documents": ["x"] }), json!([])] {
        assert!(serde_json::from_value::<Kept<Business>>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_brand_s_secret_is_taken_out_wherever_it_stands() {
    let said = json!({
        "brands": [{ "shared_key": "SK-one" }, { "deep": [{ "share_key": "SK-two" }] }], "Shared_Key": { "a": "SK-3" },
        "note": "SK-four", "name": "SKY",
    });
    let shown = without_secrets(said).to_string();
    assert!(!shown.contains("SK-") && shown.contains("SKY"), "{shown}");
    for sample in [PERSONAL, CORPORATE] {
        let shown = without_secrets(serde_json::from_str(sample).unwrap()).to_string();
        assert!(!shown.contains("SK-") && shown.contains("\"shared_key\":\"…\""));
    }
}
