//! The lifecycle of onboardings over all pairs, references, what is stuck, the payload of a file, and the signature that
//! docs/KYB.md prints.

use chrono::{DateTime, TimeDelta, Utc};
use paystrator::domain::kyb::payload::{changed_for_provider, payload};
use paystrator::domain::kyb::{Draft, File, Person, Sheet};
use paystrator::domain::onboarding::Status::*;
use paystrator::domain::onboarding::{
    Act, Decision, Patience, Status, decide, is_stuck, parse_reference, reference, wants_remarks,
};
use paystrator::providers::kyb_push_signature;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::kyb::{doc, example, set};

/// What a provider's word does, by where it stands: the columns are received, processing, need_revision, approved,
/// rejected, connected. `>` goes there, `=` stands so already, `x` is refused.
const SAYS: [(Status, &str); 8] = [
    (Submitted, "> > > > > >"),
    (Received, "= > > > > >"),
    (Processing, "x = > > > >"),
    (NeedRevision, "x x = > > >"),
    (Approved, "x x x = x >"),
    (Rejected, "x x x x = x"),
    (Connected, "x x x x x ="),
    (Withdrawn, "x x x x x x"),
];

/// What the client's acts do: submit, withdraw, connect.
const ACTS: [(Status, &str); 8] = [
    (Submitted, "> > >"),
    (Received, "> > >"),
    (Processing, "> > >"),
    (NeedRevision, "> > >"),
    (Approved, "x > >"),
    (Rejected, "x x x"),
    (Connected, "x x ="),
    (Withdrawn, "x = x"),
];

const SAID: [Status; 6] = [Received, Processing, NeedRevision, Approved, Rejected, Connected];

fn decision(sign: &str, to: Status) -> Decision {
    match sign {
        ">" => Decision::Goes(to),
        "=" => Decision::Stays,
        _ => Decision::Refused,
    }
}

#[test]
fn the_lifecycle_over_all_pairs() {
    for (stands, signs) in SAYS {
        for (told, sign) in SAID.into_iter().zip(signs.split(' ')) {
            assert_eq!(decide(stands, Act::Says(told)), decision(sign, told), "{stands:?} told {told:?}");
            // While a newer version is on its way, nothing but an end is taken: the word may be about the older one.
            let late = matches!(told, Received | Processing | NeedRevision);
            let expected = if late { Decision::Refused } else { decision(sign, told) };
            assert_eq!(decide(stands, Act::Doubted(told)), expected, "{stands:?} told {told:?}, in doubt");
        }
        // Our own two are nobody else's to say.
        assert_eq!(decide(stands, Act::Says(Submitted)), own(stands, Submitted), "{stands:?}");
        assert_eq!(decide(stands, Act::Says(Withdrawn)), own(stands, Withdrawn), "{stands:?}");
    }
    for (stands, signs) in ACTS {
        let acts = [(Act::Submit, Submitted), (Act::Withdraw, Withdrawn), (Act::Connect, Connected)];
        for ((act, to), sign) in acts.into_iter().zip(signs.split(' ')) {
            assert_eq!(decide(stands, act), decision(sign, to), "{stands:?} {act:?}");
        }
    }
}

fn own(stands: Status, said: Status) -> Decision {
    if stands == said { Decision::Stays } else { Decision::Refused }
}

/// Whatever is said in whatever order: what has ended stays ended, and nothing but a new version leads back.
#[test]
fn no_word_of_a_provider_leads_back() {
    for stands in Status::ALL {
        for told in SAID {
            let Decision::Goes(then) = decide(stands, Act::Says(told)) else { continue };
            assert!(!stands.is_final(), "{stands:?} has ended");
            assert_eq!(decide(then, Act::Says(stands)), Decision::Refused, "{stands:?} to {then:?} and back");
        }
    }
}

#[test]
fn statuses_read_back_and_some_want_remarks() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.as_str()), Some(status));
        assert_eq!(wants_remarks(status), matches!(status, NeedRevision | Rejected));
    }
    assert_eq!(Status::parse("Approved"), None);
}

#[test]
fn references_read_back_and_nothing_else_does() {
    let id = Uuid::from_u128(0x0190163d_8694_739b_a9d1_e1f2b5c4a3d2);
    let text = reference(id);
    assert_eq!(text, "paystrator-kyb-0190163d8694739ba9d1e1f2b5c4a3d2");
    assert_eq!(parse_reference(&text), Some(id));
    let upper = text.to_uppercase().replace("PAYSTRATOR-KYB-", "paystrator-kyb-");
    let wrong = ["", "paystrator-kyb-", "paystrator-kyb-90210", &text[1..], &format!("{text}0"), &upper];
    for wrong in wrong {
        assert_eq!(parse_reference(wrong), None, "{wrong}");
    }
    assert_eq!(parse_reference("paystrator-kyb-0190163d-8694-739b-a9d1-e1f2b5c4a3"), None);
}

#[test]
fn who_waits_for_the_client_is_not_stuck() {
    let now: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
    let patience = Patience { delivery: TimeDelta::days(1), provider: TimeDelta::days(7) };
    let stuck = |status, days: i64, halted| is_stuck(status, now - TimeDelta::days(days), halted, patience, now);
    assert!(!stuck(Submitted, 0, false) && stuck(Submitted, 1, false) && stuck(Submitted, 0, true));
    for status in [Received, Processing] {
        assert!(!stuck(status, 6, true) && stuck(status, 7, true), "{status:?}");
    }
    for status in [NeedRevision, Approved, Rejected, Connected, Withdrawn] {
        assert!(!stuck(status, 365, true), "{status:?}");
    }
}

/// A file as it is kept, of what was saved.
fn file(body: &Value) -> File {
    let draft = Draft::of(body.as_object().unwrap().clone());
    let person = |(n, wanted): (usize, paystrator::domain::kyb::Wanted)| Person {
        role: wanted.role,
        id: Uuid::from_u128(n as u128 + 1),
        sheet: Some(wanted.sheet),
    };
    File { company: draft.company, people: draft.people.into_iter().enumerate().map(person).collect() }
}

fn sent(body: &Value) -> Value {
    let link = |id: &str| Some(format!("https://files.example/{}", id.trim_start_matches("doc_0000000000000000")));
    let payload = payload("paystrator-kyb-90210", &file(body), &link).unwrap();
    Value::Object(payload.reveal().clone())
}

/// Seed 000, made valid JSON: links in the places of documents, and two additional ones with their unique ids.
#[test]
fn the_payload_is_as_the_seed_prints_it() {
    let mut expected = example();
    let link = |n: u8| format!("https://files.example/{n:016x}");
    set(&mut expected, "reference_id", Some(json!("paystrator-kyb-90210")));
    let places = [
        ("documents.nib_document", 1),
        ("documents.npwp_document", 2),
        ("documents.proof_of_address", 3),
        ("documents.deed_of_establishment", 4),
        ("documents.legal_certification", 5),
        ("stakeholder[0].ktp_document", 8),
        ("stakeholder[0].selfie_with_ktp", 9),
        ("supporting.company_structure", 10),
        ("supporting.bank_account_proof", 11),
        ("supporting.power_of_attorney", 14),
        ("supporting.skt_sppkp", 15),
    ];
    for (path, n) in places {
        set(&mut expected, path, Some(json!(link(n))));
    }
    set(&mut expected, "supporting.business_location_photo", Some(json!([link(12), link(13)])));
    let more = json!([
        { "filename": doc(6), "name": "sertifikasi iso 27000", "file_url": link(6) },
        { "filename": doc(7), "name": "Best consumer awards 2049", "file_url": link(7) },
    ]);
    set(&mut expected, "documents.additional_documents", Some(more));
    assert_eq!(sent(&example()), expected);
    // A list of products is one text at the wire.
    let mut listed = example();
    set(&mut listed, "product_selection", Some(json!(["QR Code", "Open VA", "Close VA"])));
    assert_eq!(sent(&listed), expected);
}

#[test]
fn a_file_of_somebody_erased_is_not_sent() {
    let mut file = file(&example());
    file.people[1].sheet = None;
    assert!(payload("r", &file, &|_| None).is_err());
}

#[test]
fn what_changed_is_named_in_the_providers_words() {
    let before = file(&example());
    let mut body = example();
    set(&mut body, "legal_entity.phone", Some(json!("+62211234567")));
    set(&mut body, "stakeholder[0].city", Some(json!("Bogor")));
    set(&mut body, "submitter.name", Some(json!("Jane Doe")));
    let after = file(&body);
    let names = changed_for_provider(&before, &after);
    assert_eq!(names, ["legal_entity.phone", "stakeholder[0].city", "submitter.name"]);
    assert!(changed_for_provider(&before, &before).is_empty());
    // Who came changes the list as a whole: a provider knows nobody by our ids.
    let mut more = file(&example());
    more.people.push(Person { id: Uuid::from_u128(9), sheet: Some(Sheet::default()), ..more.people[1].clone() });
    assert_eq!(changed_for_provider(&before, &more), ["stakeholder"]);
    assert_eq!(changed_for_provider(&more, &before), ["stakeholder"]);
}

/// The vector that docs/KYB.md prints for providers.
#[test]
fn the_documented_signature_is_ours() {
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/KYB.md")).unwrap();
    let printed = |name: &str| {
        let line = doc.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("docs/KYB.md prints no {name}")).trim().trim_matches('`').to_owned()
    };
    let (secret, timestamp, body) = (printed("secret"), printed("timestamp"), printed("body"));
    assert_eq!(printed("signature"), kyb_push_signature(secret.as_bytes(), &timestamp, body.as_bytes()));
}
