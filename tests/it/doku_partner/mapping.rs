//! The table of what becomes what: complete on both sides, true to the bodies that are made of it, and the source of
//! docs/KYB_DOKU.md (`UPDATE_DOCS=1 cargo test --test it doku_partner` writes it).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use paystrator::domain::kyb::fields::{FILE, Field, Rule};
use paystrator::domain::kyb::{company, industry};
use paystrator::providers::doku::partner::case::{Asked, Case, Known};
use paystrator::providers::doku::partner::table::{LITE, LOSSY, NOWHERE, Of, REFERRAL, REGISTRATION, Row, UPLOADS};
use paystrator::providers::doku::partner::words::{
    BUSINESS_LINES, COMPANY_TYPES, INDUSTRIES, Kind, LEGAL_ENTITIES, company_type, line_of,
};
use paystrator::providers::form::{self, Format, Part};
use paystrator::providers::onboarding::{Filing, Onboarding};
use serde_json::{Value, json};

use super::model::{CORPORATE, PERSONAL};
use super::{changed, filing, ids, partner};

/// Every field of our file that is no block, by its path without places.
fn ours() -> BTreeSet<String> {
    fn walk(fields: &[Field], at: &str, all: &mut BTreeSet<String>) {
        for field in fields {
            let path = if at.is_empty() { field.name.to_owned() } else { format!("{at}.{}", field.name) };
            match field.rule {
                Rule::Block(inner) | Rule::Blocks(inner, _) => walk(inner, &path, all),
                _ => drop(all.insert(path)),
            }
        }
    }
    let mut all = BTreeSet::new();
    walk(&FILE, "", &mut all);
    all
}

fn rows() -> impl Iterator<Item = &'static Row> {
    REGISTRATION.iter().chain(&LITE).chain([&REFERRAL])
}

/// Where each of our fields goes.
fn carried() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &REGISTRATION {
        for from in row.from.iter().filter(|from| !from.starts_with('?')) {
            let to = all.entry(from).or_default();
            if !to.contains(&row.to) {
                to.push(row.to);
            }
        }
    }
    all
}

#[test]
fn every_field_of_our_file_has_its_place_or_its_reason() {
    let (ours, carried) = (ours(), carried());
    let nowhere: BTreeSet<&str> = NOWHERE.iter().map(|(path, _)| *path).collect();
    for path in &ours {
        let (goes, stays) = (carried.contains_key(path.as_str()), nowhere.contains(path.as_str()));
        assert!(goes != stays, "{path}: carried {goes}, left {stays}");
    }
    let named = carried.keys().chain(&nowhere).chain(LOSSY.iter().map(|(path, _)| path));
    for path in named.copied().chain(UPLOADS.iter().map(|upload| upload.field)) {
        assert!(ours.contains(path), "{path} is no field of the file");
    }
    assert!(LOSSY.iter().all(|(path, _)| carried.contains_key(path)));
    // Every document of the file that is carried is uploaded, and in no other way.
    let documents = carried.iter().filter(|(path, _)| is_document(path));
    for (path, to) in documents {
        assert!(UPLOADS.iter().any(|upload| upload.field == *path), "{path} goes to {to:?} and is not uploaded");
    }
}

fn is_document(path: &str) -> bool {
    matches!(paystrator::domain::kyb::fields::find(path).unwrap().rule, Rule::Document | Rule::Each(Rule::Document, _))
}

/// The body of contracts/doku.md 3.1, "Registration body", and business lite.
const THEIRS: [&str; 47] = [
    "business.type",
    "business.callback_url",
    "business.legal_entity",
    "business.name",
    "business.description",
    "business.email",
    "business.phone_calling_code",
    "business.phone_number",
    "business.website_readiness",
    "business.mobile_app_readiness",
    "business.brands[].name",
    "business.brands[].description",
    "business.brands[].category",
    "business.brands[].business_line",
    "business.brands[].transaction_frequency",
    "business.brands[].transaction_quantity",
    "business.brands[].social_media[].code",
    "business.brands[].social_media[].accounts",
    "business.brands[].photo_proofs[].id",
    "business.addresses[].name",
    "business.addresses[].area",
    "business.addresses[].country",
    "business.addresses[].primary",
    "business.contacts[].name",
    "business.contacts[].email",
    "business.contacts[].phone_calling_code",
    "business.contacts[].phone_number",
    "business.contacts[].position",
    "business.contacts[].nationality",
    "business.contacts[].owner_liveness.id",
    "business.contacts[].documents[].code",
    "business.contacts[].documents[].category",
    "business.contacts[].documents[].id",
    "business.contacts[].documents[].forms[].code",
    "business.contacts[].documents[].forms[].value",
    "business.bank_account.bank_id",
    "business.bank_account.account_name",
    "business.bank_account.account_number",
    "business.bank_account.currency",
    "business.partner_ref_id",
    "business.contact.name",
    "business.contact.email",
    "business.contact.phone_calling_code",
    "business.contact.phone_number",
    "referral.code",
    "invited_user.email",
    "business.documents[].code",
];

#[test]
fn every_field_of_their_registration_is_in_the_table() {
    let table: BTreeSet<&str> = rows().map(|row| row.to).collect();
    for field in THEIRS {
        assert!(table.contains(field), "{field}");
    }
    // And the three lists of documents that only the samples and the responses show (see the adapter's README).
    let inferred = |field: &str| {
        ["business.brands[].documents[]", "business.documents[]", "business.bank_account.documents[]"]
            .iter()
            .any(|list| field.starts_with(list))
    };
    assert!(table.iter().all(|field| THEIRS.contains(field) || inferred(field)), "{table:?}");
    // One row for a person, one for a company, or one for both.
    for row in &REGISTRATION {
        let same = REGISTRATION.iter().filter(|other| other.to == row.to).map(|other| other.of);
        let of: Vec<Of> = same.collect();
        assert!(of == [Of::All] || of.len() == 1 || of == [Of::Corporate, Of::Personal], "{}: {of:?}", row.to);
    }
}

#[test]
fn every_question_is_used_and_every_answer_asked_for() {
    let (full, lite) = (partner(json!({})), partner(json!({ "registration": "lite" })));
    let asked: BTreeSet<&str> = full.form().iter().chain(lite.form()).map(|field| field.name).collect();
    let used: BTreeSet<&str> = rows().flat_map(|row| row.from).filter_map(|from| from.strip_prefix('?')).collect();
    assert_eq!(asked, used);
    for field in full.form().iter().chain(lite.form()) {
        assert!(field.part == Part::Settings && !field.secret, "{}", field.name);
        assert!([field.label, field.hint, field.label_id, field.hint_id].iter().all(|words| !words.is_empty()));
    }
}

#[test]
fn answers_are_checked_by_the_form() {
    let full = partner(json!({}));
    let fault = |name: &str, value: Value| {
        let mut all = super::answers();
        all[name] = value;
        form::check(full.form(), &json!({}), &all).err().map(|faults| faults[0].to_string())
    };
    assert_eq!(fault("instagram", Value::Null), None);
    let choice = "settings.mobile_app_readiness must be one of HAVE, DONT_HAVE, UNDER_DEVELOPMENT";
    for wrong in ["", "have", "HAVE "] {
        assert_eq!(fault("mobile_app_readiness", json!(wrong)).as_deref(), Some(choice));
    }
    assert_eq!(fault("bank_id", Value::Null).as_deref(), Some("settings.bank_id is missing"));
    assert!(fault("bank_account_number", json!("12-34")).is_some() && fault("shoe_size", json!("44")).is_some());
    assert_eq!((Format::Choice(&["A"]).as_str(), fault("legal_entity", json!("UD"))), ("choice", None));
}

#[test]
fn kinds_of_company_and_industries_are_all_there() {
    for word in company::WORDS {
        let (kind, entity) = company_type(word).unwrap_or_else(|| panic!("{word}"));
        match (kind, entity) {
            (Kind::Personal, entity) => assert_eq!(entity, Some("PERSEORANGAN")),
            (Kind::Corporate, Some(entity)) => assert!(LEGAL_ENTITIES.contains(&entity)),
            (Kind::Corporate, None) => {}
        }
    }
    let mut seen = BTreeSet::new();
    for (line, names) in INDUSTRIES {
        assert!(BUSINESS_LINES.contains(&line), "{line}");
        for name in names {
            assert_eq!(industry::find(name), Some(*name), "{name} is no industry of the file");
            assert!(seen.insert(*name), "{name} has two lines");
        }
    }
    assert_eq!(line_of("agriculture"), Some("AGRICULTURE"));
    assert_eq!(line_of("Something new"), None);
}

const PLACES: [&str; 9] = [
    "supporting.business_location_photo[0]",
    "supporting.business_location_photo[1]",
    "stakeholder[0].selfie_with_ktp",
    "stakeholder[0].ktp_document",
    "documents.npwp_document",
    "documents.nib_document",
    "documents.legal_certification",
    "documents.deed_of_establishment",
    "supporting.bank_account_proof",
];

fn body(filing: &Filing, asked: &[Asked], lite: bool) -> Value {
    let mut files = ids(&PLACES);
    files.insert("documents.additional_documents[1]".into(), "ID-9".into());
    let known = Known { files: &files, asked, callback_url: Some("https://hook.example/doku") };
    let case = Case::read(&filing.reference_id, &filing.payload, &filing.details, known);
    let case = case.unwrap_or_else(|missing| panic!("{missing:?}"));
    if lite { case.lite() } else { case.registration() }
}

#[test]
fn the_body_of_a_company() {
    let filing = changed(&filing("https://f"), &[("?facebook", Some(json!("https://www.facebook.com/sanbox")))]);
    let licence = |of_brand| Asked { code: "BPOM".into(), name: "Best consumer awards 2049".into(), of_brand };
    let made = body(&filing, &[licence(true)], false);
    insta::assert_snapshot!(serde_json::to_string_pretty(&made).unwrap(), @r###"
    {
      "business": {
        "addresses": [
          {
            "area": "55581 - Buaran - Serpong - Tangerang Selatan - Banten",
            "country": "ID",
            "name": "Jl. Belokan Bawah I No.11, Tamban",
            "primary": true
          }
        ],
        "bank_account": {
          "account_name": "PT SANDBOX COMPANY",
          "account_number": "1234505867",
          "bank_id": "4",
          "currency": "IDR",
          "documents": [
            {
              "id": "ID-8"
            }
          ]
        },
        "brands": [
          {
            "business_line": "AGRICULTURE",
            "description": "We sell what grows on our fields.",
            "documents": [
              {
                "category": "DOCUMENT",
                "code": "BPOM",
                "id": "ID-9"
              }
            ],
            "name": "Sanbox",
            "photo_proofs": [
              {
                "id": "ID-0"
              },
              {
                "id": "ID-1"
              }
            ],
            "social_media": [
              {
                "accounts": [
                  "https://www.instagram.com/sanbox"
                ],
                "code": "INSTAGRAM"
              },
              {
                "accounts": [
                  "https://www.facebook.com/sanbox"
                ],
                "code": "FACEBOOK"
              }
            ],
            "transaction_frequency": "UMI",
            "transaction_quantity": "UP_TO_100"
          }
        ],
        "callback_url": "https://hook.example/doku",
        "contacts": [
          {
            "documents": [
              {
                "category": "DOCUMENT",
                "code": "KTP",
                "forms": [
                  {
                    "code": "NO_KTP",
                    "value": "3171012310880001"
                  }
                ],
                "id": "ID-3"
              }
            ],
            "email": "john.doe@example.co.id",
            "name": "John Doe",
            "nationality": "ID",
            "owner_liveness": {
              "id": "ID-2"
            },
            "phone_calling_code": "62",
            "phone_number": "8127756464",
            "position": "DIRECTOR"
          }
        ],
        "description": "We sell what grows on our fields.",
        "documents": [
          {
            "category": "DOCUMENT",
            "code": "NPWP_BADAN",
            "forms": [
              {
                "code": "NO_NPWP",
                "value": "234234234234234"
              }
            ],
            "id": "ID-4"
          },
          {
            "category": "DOCUMENT",
            "code": "NIB",
            "forms": [
              {
                "code": "NO_NIB",
                "value": "234234234234234"
              }
            ],
            "id": "ID-5"
          },
          {
            "category": "DOCUMENT",
            "code": "SK_KEMENKUMHAM",
            "id": "ID-6"
          },
          {
            "category": "DOCUMENT",
            "code": "AKTA_PENDIRIAN_PERUSAHAAN",
            "id": "ID-7"
          }
        ],
        "email": "john@example.co.id",
        "legal_entity": "PT",
        "mobile_app_readiness": "UNDER_DEVELOPMENT",
        "name": "PT SANDBOX COMPANY",
        "phone_calling_code": "62",
        "phone_number": "918237123",
        "type": "CORPORATE",
        "website_readiness": "HAVE"
      }
    }
    "###);
    let papers = body(&filing, &[licence(false)], false)["business"]["documents"].clone();
    assert_eq!(papers[4], json!({ "code": "BPOM", "category": "DOCUMENT", "id": "ID-9" }));
}

#[test]
fn the_body_of_a_person() {
    let none = json!("My business has no legal entity yet");
    let filing = changed(&filing("https://f"), &[("legal_entity.company_type", Some(none))]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body(&filing, &[], false)).unwrap(), @r###"
    {
      "business": {
        "addresses": [
          {
            "area": "55581 - Buaran - Serpong - Tangerang Selatan - Banten",
            "country": "ID",
            "name": "Jl. Belokan Bawah I No.11, Tamban",
            "primary": true
          }
        ],
        "bank_account": {
          "account_name": "PT SANDBOX COMPANY",
          "account_number": "1234505867",
          "bank_id": "4",
          "currency": "IDR",
          "documents": [
            {
              "id": "ID-8"
            }
          ]
        },
        "brands": [
          {
            "category": "RETAIL",
            "description": "We sell what grows on our fields.",
            "name": "Sanbox",
            "photo_proofs": [
              {
                "id": "ID-0"
              },
              {
                "id": "ID-1"
              }
            ],
            "social_media": [
              {
                "accounts": [
                  "https://www.instagram.com/sanbox"
                ],
                "code": "INSTAGRAM"
              }
            ],
            "transaction_frequency": "UMI",
            "transaction_quantity": "UP_TO_100"
          }
        ],
        "callback_url": "https://hook.example/doku",
        "contacts": [
          {
            "documents": [
              {
                "category": "DOCUMENT",
                "code": "KTP",
                "forms": [
                  {
                    "code": "NO_KTP",
                    "value": "3171012310880001"
                  }
                ],
                "id": "ID-3"
              }
            ],
            "email": "john.doe@example.co.id",
            "name": "John Doe",
            "nationality": "ID",
            "owner_liveness": {
              "id": "ID-2"
            },
            "phone_calling_code": "62",
            "phone_number": "8127756464",
            "position": "OWNER"
          }
        ],
        "description": "We sell what grows on our fields.",
        "email": "john@example.co.id",
        "legal_entity": "PERSEORANGAN",
        "mobile_app_readiness": "UNDER_DEVELOPMENT",
        "name": "Sanbox",
        "phone_calling_code": "62",
        "phone_number": "918237123",
        "type": "PERSONAL",
        "website_readiness": "HAVE"
      }
    }
    "###);
}

#[test]
fn the_body_of_a_lite() {
    let filing = changed(&filing("https://f"), &[("?referral_code", Some(json!("ABC123")))]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body(&filing, &[], true)).unwrap(), @r###"
    {
      "business": {
        "contact": {
          "email": "john@example.co.id",
          "name": "John Doe",
          "phone_calling_code": "62",
          "phone_number": "918237123"
        },
        "name": "PT SANDBOX COMPANY",
        "partner_ref_id": "paystrator-kyb-0190163d8694739ba9d1e1f2b5c4a3d2"
      },
      "invited_user": {
        "email": "john@example.co.id"
      },
      "referral": {
        "code": "ABC123"
      }
    }
    "###);
}

#[test]
fn long_values_and_several_people() {
    let mut one = filing("https://f").payload.reveal()["stakeholder"][0].clone();
    one["director_name"] = "Second Person".into();
    let both = json!([filing("https://f").payload.reveal()["stakeholder"][0], one]);
    let changes = [
        ("stakeholder", Some(both)),
        ("?ktp_numbers", Some(json!("3171012310880001, 3171012310880002"))),
        ("legal_entity.address.full_address", Some(json!("é".repeat(300)))),
    ];
    let made = body(&changed(&filing("https://f"), &changes), &[], false);
    let contacts = made["business"]["contacts"].as_array().unwrap();
    assert_eq!((contacts.len(), &contacts[1]["name"]), (2, &json!("Second Person")));
    assert_eq!(contacts[1]["documents"][0]["forms"][0]["value"], "3171012310880002");
    assert_eq!(made["business"]["addresses"][0]["name"].as_str().unwrap().chars().count(), 255);
}

#[test]
fn the_document_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KYB_DOKU.md");
    let text = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/KYB_DOKU.md is old: UPDATE_DOCS=1 cargo test --test it doku_partner");
}

fn document() -> String {
    let mut out = String::from(
        "# KYB by DOKU's Partner API\n\n\
         Written from the adapter's own table (`src/providers/doku/partner/table.rs`) by its test, never by hand. Sources:\n\
         seed 002 and contracts/doku.md 1, 3.1, 5 and 6; what was left open there and how it was decided stands in\n\
         `src/providers/doku/partner/README.md`.\n",
    );
    registration(&mut out, "Business registration", &REGISTRATION.iter().collect::<Vec<_>>());
    registration(&mut out, "Business lite", &LITE.iter().chain([&REFERRAL]).collect::<Vec<_>>());
    uploads(&mut out);
    our_fields(&mut out);
    questions(&mut out);
    words(&mut out);
    statuses(&mut out);
    response(&mut out);
    out
}

fn registration(out: &mut String, title: &str, rows: &[&Row]) {
    let _ = write!(out, "\n## {title}\n\n| field | of | from our file, or from an answer | how |\n|---|---|---|---|\n");
    for row in rows {
        let of = match row.of {
            Of::All => "all",
            Of::Personal => "PERSONAL",
            Of::Corporate => "CORPORATE",
        };
        let from: Vec<String> = row
            .from
            .iter()
            .map(|from| match from.strip_prefix('?') {
                Some(name) => format!("answer `{name}`"),
                None => format!("`{from}`"),
            })
            .collect();
        let how = if row.how.is_empty() { "as it is" } else { row.how };
        let _ = writeln!(out, "| `{}` | {of} | {} | {how} |", row.to, from.join(", "));
    }
}

fn uploads(out: &mut String) {
    out.push_str("\n## Documents, in the order of their upload\n\n| of our file | of | category | code | number with it |\n|---|---|---|---|---|\n");
    for upload in &UPLOADS {
        let of = if upload.of == Of::Corporate { "CORPORATE" } else { "all" };
        let code = match (upload.category, upload.code) {
            ("DOCUMENT", None) => "by the name of the document",
            (_, code) => code.unwrap_or("-"),
        };
        let form = upload.form.map(|(code, from)| format!("{code} from `{}`", from.trim_start_matches('?')));
        let form = form.unwrap_or_else(|| "-".into());
        let _ = writeln!(out, "| `{}` | {of} | {} | {code} | {form} |", upload.field, upload.category);
    }
}

fn our_fields(out: &mut String) {
    out.push_str("\n## Every field of our file\n\n| field | goes to | what is lost |\n|---|---|---|\n");
    let carried = carried();
    for path in ours() {
        let to: Vec<String> = carried.get(path.as_str()).into_iter().flatten().map(|to| format!("`{to}`")).collect();
        let why = |list: &[(&str, &'static str)]| list.iter().find(|(of, _)| *of == path).map(|(_, why)| *why);
        let (to, lost) = match why(&NOWHERE) {
            Some(why) => ("nowhere".to_owned(), why),
            None => (to.join(", "), why(&LOSSY).unwrap_or("nothing")),
        };
        let _ = writeln!(out, "| `{path}` | {to} | {lost} |");
    }
}

fn questions(out: &mut String) {
    out.push_str(
        "\n## What the client is asked beyond the file\n\n| answer | needed | form | meaning |\n|---|---|---|---|\n",
    );
    let (full, lite) = (partner(json!({})), partner(json!({ "registration": "lite" })));
    let only_lite = lite.form().iter().filter(|field| full.form().iter().all(|other| other.name != field.name));
    for field in full.form().iter().chain(only_lite) {
        let needed = if field.required { "yes" } else { "no" };
        let form = match field.format {
            Format::Choice(words) => format!("one of {}", words.join(", ")),
            Format::Digits { min, max } => format!("{min} to {max} digits"),
            Format::Text { max } | Format::Code { max } => format!("at most {max} characters"),
            other => other.as_str().to_owned(),
        };
        let _ = writeln!(out, "| `{}` | {needed} | {form} | {}: {} |", field.name, field.label, field.hint);
    }
}

fn words(out: &mut String) {
    out.push_str("\n## Kinds of company\n\n| ours | type | legal entity | what is lost |\n|---|---|---|---|\n");
    for (ours, kind, entity, lost) in COMPANY_TYPES {
        let lost = if lost.is_empty() { "nothing" } else { lost };
        let (entity, lost) = match entity {
            Some(entity) => (entity, lost),
            None => ("the answer `legal_entity`", "their list has no such kind"),
        };
        let _ = writeln!(out, "| {ours} | {} | {entity} | {lost} |", kind.as_str());
    }
    out.push_str("\n## Industries\n\nThe first industry of the file that is here decides.\n\n| business line | industries of our list |\n|---|---|\n");
    for (line, names) in INDUSTRIES {
        let _ = writeln!(out, "| {line} | {} |", names.join(", "));
    }
    let all = industry::INDUSTRIES.iter().chain([&industry::OF_THE_EXAMPLE]);
    let none: Vec<&str> = all.copied().filter(|name| line_of(name).is_none()).collect();
    let _ = writeln!(out, "| the answer `business_line` | {} |", none.join(", "));
}

fn statuses(out: &mut String) {
    out.push_str(
        "\n## One status out of many\n\n\
         | what DOKU says | ours |\n|---|---|\n\
         | the business, every brand or every product `rejected` | `rejected`, naming it |\n\
         | else a contact, address, document, bank account, photo, social media or one of several brands `rejected` | `need_revision`, naming each |\n\
         | else business, brands and all of these `ACTIVE`, every product `ACTIVE` or `rejected` | `approved`, naming rejected products |\n\
         | anything else, unknown words included | `processing` |\n\
         | a registration refused with a message, or lacking what DOKU asks for | `need_revision`, in DOKU's words |\n\
         | the answer to a registration | `received` |\n\n\
         `shared_key`, a brand's secret, is in no answer, log or record of ours.\n",
    );
}

/// Every field of the two samples of seed 002, with the samples it stands in.
fn response(out: &mut String) {
    fn walk(value: &Value, at: &str, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    walk(field, &if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, all);
                }
            }
            Value::Array(items) if items.is_empty() => drop(all.insert(format!("{at}[]"))),
            Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{at}[]"), all)),
            _ => drop(all.insert(at.to_owned())),
        }
    }
    let of = |sample: &str| {
        let mut all = BTreeSet::new();
        walk(&serde_json::from_str(sample).unwrap(), "", &mut all);
        all
    };
    let (personal, corporate) = (of(PERSONAL), of(CORPORATE));
    out.push_str(
        "\n## Get business data: every field of seed 002\n\n\
         All are read by name, kept and shown as they came, but for `shared_key`\n\
         (`doku_partner::model::everything_printed_is_known_by_name`, `the_printed_samples_lose_nothing`).\n\n\
         | field | in the samples |\n|---|---|\n",
    );
    for field in personal.union(&corporate) {
        let both = match (personal.contains(field), corporate.contains(field)) {
            (true, true) => "both",
            (true, false) => "PERSONAL",
            _ => "CORPORATE",
        };
        let _ = writeln!(out, "| `{field}` | {both} |");
    }
}
