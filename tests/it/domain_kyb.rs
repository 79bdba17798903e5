//! The KYB file's rules: the seed's example, every field in every wrong way, the words of the seed, what is missing, and
//! what changed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use paystrator::domain::ids;
use paystrator::domain::kyb::company::{self, CompanyType};
use paystrator::domain::kyb::completeness::{self, Addition, missing};
use paystrator::domain::kyb::fields::{FILE, Rule};
use paystrator::domain::kyb::file::changed;
use paystrator::domain::kyb::industry::{self, INDUSTRIES};
use paystrator::domain::kyb::{Draft, Fault, File, Person, Role, Sheet, check, product};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::kyb::{doc, example, fields, mutations, set, with};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 28).unwrap()
}

fn checked(body: &Value) -> (Value, Vec<(String, String)>) {
    let (right, faults) = check(body.as_object().unwrap(), today());
    (Value::Object(right), faults.into_iter().map(|Fault { field, message }| (field, message)).collect())
}

/// What a value at a path comes to: its spelling, or the one message.
fn at(path: &str, value: Value) -> Result<Value, String> {
    let (right, faults) = checked(&with(path, Some(value)));
    match &faults[..] {
        [] => Ok(right.pointer(&format!("/{}", path.replace(['.', '['], "/").replace(']', ""))).cloned().unwrap()),
        [(field, message)] => {
            assert!(field.starts_with(path), "{field} for {path}");
            Err(message.clone())
        }
        more => panic!("{path}: {more:?}"),
    }
}

fn refused(path: &str, value: Value) -> String {
    at(path, value).unwrap_err()
}

#[test]
fn the_example_of_the_seed_is_right_and_stays_as_it_is() {
    let (right, faults) = checked(&example());
    assert_eq!(faults, []);
    assert_eq!(right, example());
    assert_eq!(checked(&right), (example(), vec![]), "what is kept is taken again");
    for (path, field) in fields() {
        let own = ["person_id", "erased", "operating_hours"].contains(&field.name);
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        assert_ne!(example().pointer(&pointer).is_some(), own, "{path}");
    }
}

/// The rule's name without its parts.
fn rule(rule: Rule) -> String {
    match rule {
        Rule::Each(inner, _) => format!("Each {inner:?}"),
        Rule::Text(_) => "Text".into(),
        other => format!("{other:?}").split('(').next().unwrap().to_owned(),
    }
}

#[test]
fn every_field_in_every_way_gets_a_precise_answer() {
    let mut answers: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
    let mut tried = 0;
    for (path, field) in fields() {
        for (name, value) in mutations() {
            let body = with(&path, value.clone());
            let (right, faults) = checked(&body);
            for (at, message) in &faults {
                assert!(at.starts_with(&path), "{path} {name}: {at}");
                let given = value.as_ref().and_then(Value::as_str).unwrap_or("kenari").trim();
                assert!(
                    !message.contains("enari") && (given.len() < 6 || !message.contains(given)),
                    "{path}: {message}"
                );
                assert!(message.len() > 12 && !message.contains("wrong type"), "{path} {name}: {message}");
            }
            if faults.is_empty() {
                assert_eq!(checked(&right), (right, vec![]), "{path} {name} is kept in a spelling that is not taken");
            }
            // A limit is the field's own; everything else is the rule's.
            let limit = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>();
            let told = |(at, message): &(String, String)| format!("{} {}", at.strip_prefix(&path).unwrap(), message);
            let answer = match faults.is_empty() {
                true => "taken".to_owned(),
                false => faults.iter().map(told).collect::<Vec<_>>().join("; "),
            };
            let answer = if matches!(field.rule, Rule::Text(_) | Rule::Rupiah(_)) { limit(&answer) } else { answer };
            let known = answers.entry(rule(field.rule)).or_default().entry(name).or_insert_with(|| answer.clone());
            assert_eq!(*known, answer, "{path} {name} is answered otherwise than other fields of its rule");
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried}");
    let told = answers.into_iter().map(|(rule, ways)| {
        // Ways that lead to the same words stand in one line.
        let mut by_answer: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        ways.into_iter().for_each(|(way, answer)| by_answer.entry(answer).or_default().push(way));
        let lines = by_answer.into_iter().map(|(answer, ways)| format!("  {}:{answer}\n", ways.join(", ")));
        format!("{rule}\n{}", lines.collect::<String>())
    });
    insta::assert_snapshot!(told.collect::<String>(), @r###"
    Block
      a fraction, a huge number, a list, a number, a truth, blanks, control, empty, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be an object
      an object:.a is not a field of the file
      missing, null:taken
    Blocks
      a fraction, a huge number, a number, a truth, an object, blanks, control, empty, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a list
      a list:[0].a is not a field of the file; [1] must be an object
      missing, null:taken
    CompanyType
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be one of PT, TBK, CV, Firm, Koperasi, Lembaga Pemerintah, BUMN, BUMD, Other, PT Perorangan, Yayasan, My business has no legal entity yet
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Country
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be Indonesia: no other country is supported
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Date
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a day of the calendar written YYYY-MM-DD, such as 1988-10-23
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Document
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be the id of an uploaded document, doc_…
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Each Document
      a fraction, a huge number, a number, a truth, an object, blanks, control, empty, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a list
      a list:[0] must be a text; [1] must be a text
      missing, null:taken
    Each Industry
      a fraction, a huge number, a number, a truth, an object, blanks, control, empty, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a list
      a list:[0] must be a text; [1] must be a text
      missing, null:taken
    Email
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be an e-mail address such as name@example.co.id
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Erased
      a fraction, a huge number, a list, a number, an object, blanks, control, empty, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: is answered, and only sent back as it was answered
      a truth, missing, null:taken
    Hours
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be two times, such as 00:00 - 23:59
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Nib
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be the digits alone: 13 of them, or up to 16
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Npwp
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be 15 or 16 digits, without dots and dashes
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Ownership
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be one of Rent, Owned, 1
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    PersonId
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a person_id as it was answered, per_…
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Phone
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must begin with +62, without the 0 after it, and go on with 7 to 13 digits, such as +628123456789
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    PostalCode
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be 5 digits, such as 12190
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Products
      a list: is a list: each label must be a text
      huge, too long: is a list: each label must have at most 60 characters
      signs: is a list: each label must hold a letter or a digit
      script: is a list: each label must not hold < or >
      unseen: is a list: each label must not hold characters that cannot be seen
      control, lines, zero: is a list: each label must not hold line breaks or other control characters
      a fraction, a huge number, a number, a truth, an object: must be a text of labels joined by commas, or a list of labels
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null, other alphabet, other digits, wrong format:taken
    Rupiah
      a list, a truth, an object, blanks, control, empty, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a number
      a fraction: must be a whole number of rupiah, without a fraction or an exponent
      a huge number: must be at most 9999999999999999
      a number, missing, null:taken
    Text
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      huge, too long: must have at most 999 characters
      signs: must hold a letter or a digit
      blanks, empty: must not be empty: leave it out where there is nothing to say
      script: must not hold < or >
      unseen: must not hold characters that cannot be seen
      control, lines, zero: must not hold line breaks or other control characters
      missing, null, other alphabet, other digits, wrong format:taken
    Time
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be a time from 00:00 to 23:59, written HH:MM
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    Website
      a fraction, a huge number, a list, a number, a truth, an object: must be a text
      control, huge, lines, other alphabet, other digits, script, signs, too long, unseen, wrong format, zero: must be an address that begins with https:// or http://
      blanks, empty: must not be empty: leave it out where there is nothing to say
      missing, null:taken
    "###);
}

#[test]
fn nothing_that_is_left_out_is_wrong() {
    assert_eq!(checked(&json!({})), (json!({}), vec![]));
    for (path, _) in fields() {
        let (gone, faults) = checked(&with(&path, None));
        assert_eq!(faults, [], "{path}");
        assert_eq!(checked(&with(&path, Some(Value::Null))), (gone, vec![]), "{path}");
    }
    let hollow =
        json!({ "submitter": {}, "legal_entity": { "address": {}, "company_industry": [] }, "stakeholder": [] });
    assert_eq!(checked(&hollow), (json!({}), vec![]), "what is empty is left out");
}

#[test]
fn everything_wrong_is_named_at_once() {
    let body = json!({
        "reference_id": "paystrator-kyb-90210", "colour": 1,
        "legal_entity": { "nib_number": "12", "address": { "postal_code": "1234", "rt": "5" } },
        "documents": { "additional_documents": [{ "name": "a", "filename": "1", "file_url": "https://x" }] },
        "stakeholder": [{ "birth_date": "2027-01-01", "x".repeat(99): 1 }, 5, {}, { "email": "nobody" }],
    });
    let (_, faults) = checked(&body);
    let told: String = faults.iter().map(|(field, message)| format!("{field} {message}\n")).collect();
    insta::assert_snapshot!(told, @r###"
    colour is not a field of the file
    reference_id is made at each onboarding: leave it out
    legal_entity.nib_number must be the digits alone: 13 of them, or up to 16
    legal_entity.address.rt is not a field of the file
    legal_entity.address.postal_code must be 5 digits, such as 12190
    documents.additional_documents[0].file_url is made when the file is sent: upload the document and give its id as document
    documents.additional_documents[0].filename is made when the file is sent: give document alone
    stakeholder[0].xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not a field of the file
    stakeholder[0].birth_date must not be in the future
    stakeholder[1] must be an object
    stakeholder[2] is empty: fill it in, or leave it out
    stakeholder[3].email must be an e-mail address such as name@example.co.id
    "###);
}

#[test]
fn the_twelve_types_are_taken_with_their_glosses_and_without() {
    let printed = [
        "PT (Private Limited Company)",
        "TBK (Public Company)",
        "CV (Registered Partnership Establishment)",
        "Firm",
        "Koperasi (Cooperative)",
        "Lembaga Pemerintah (Goverment Institution)",
        "BUMN (State-owned Enterprise)",
        "BUMD (Regional Owned Enterprise)",
        "Other",
        "PT Perorangan (Individual Limited Company)",
        "Yayasan (Foundation)",
        "My business has no legal entity yet",
    ];
    for (printed, word) in printed.into_iter().zip(company::WORDS) {
        assert_eq!(at("legal_entity.company_type", json!(printed)), Ok(json!(word)));
        assert_eq!(at("legal_entity.company_type", json!(word)), Ok(json!(word)));
        assert_eq!(at("legal_entity.company_type", json!(word.to_lowercase())), Ok(json!(word)));
        assert_eq!(CompanyType::parse(word).map(CompanyType::as_str), Some(word));
    }
    for wrong in
        ["PT (Cooperative)", "PT (", "PT ()", "Firm (Firm)", "Perseroan", "PT Perorangan (Private Limited Company)"]
    {
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused("legal_entity.company_type", json!(wrong)), @r###"must be one of PT, TBK, CV, Firm, Koperasi, Lembaga Pemerintah, BUMN, BUMD, Other, PT Perorangan, Yayasan, My business has no legal entity yet"###);
        }
    }
}

#[test]
fn the_industries_are_the_seeds_and_others_are_taken_and_noted() {
    let distinct: std::collections::BTreeSet<_> = INDUSTRIES.iter().collect();
    assert_eq!((INDUSTRIES.len(), distinct.len()), (149, 149));
    assert_eq!((INDUSTRIES[0], INDUSTRIES[148]), ("General E-commerce", "EdTech"));
    for name in INDUSTRIES {
        assert_eq!(industry::find(&name.to_uppercase()), Some(name));
    }
    let many = json!(["saas", "Agriculture", "Kite Making", "SAAS"]);
    let (right, faults) = checked(&with("legal_entity.company_industry", Some(many)));
    assert_eq!(right["legal_entity"]["company_industry"], json!(["SaaS", "Agriculture", "Kite Making"]));
    assert_eq!(faults, [("legal_entity.company_industry[3]".to_owned(), "is there twice".to_owned())]);
    let mut body = with("legal_entity.company_industry", Some(json!(["SaaS", "Kite Making"])));
    set(&mut body, "product_selection", Some(json!("QR Code, Moon")));
    let told: String =
        completeness::notes(&file(&body)).into_iter().map(|n| format!("{} {}\n", n.field, n.message)).collect();
    insta::assert_snapshot!(told, @r###"
    product_selection A label is not known here. It is sent as it is; providers may not know it either.
    legal_entity.company_industry[1] This industry is not in the published list. It is sent as it is; a provider may ask.
    "###);
    assert_eq!(completeness::notes(&file(&example())), []);
}

#[test]
fn days_are_of_the_calendar_and_past() {
    let path = "stakeholder[0].birth_date";
    for good in ["1988-10-23", "2026-02-28", "1900-01-01", "2024-02-29", "2000-02-29"] {
        assert_eq!(at(path, json!(good)), Ok(json!(good)));
    }
    let calendar = "must be a day of the calendar written YYYY-MM-DD, such as 1988-10-23";
    for wrong in [
        "1988-02-30",
        "2023-02-29",
        "1900-02-29",
        "88-10-23",
        "1988-1-3",
        "23-10-1988",
        "1988/10/23",
        "+988-10-23",
        "1988-10-23T00:00",
        "1988-13-01",
        "١٩٨٨-10-23",
    ] {
        assert_eq!(refused(path, json!(wrong)), calendar, "{wrong}");
    }
    assert_eq!(refused(path, json!("2026-03-01")), "must not be in the future");
    assert_eq!(refused(path, json!("1899-12-31")), "must not be before 1900");
}

#[test]
fn numbers_of_offices_and_phones() {
    let takes = |path: &str, good: &[&str], wrong: &[&str]| {
        good.iter().for_each(|good| assert_eq!(at(path, json!(good)), Ok(json!(good))));
        wrong.iter().for_each(|wrong| drop(refused(path, json!(wrong))));
    };
    let n = |count: usize| "1".repeat(count);
    takes(
        "legal_entity.nib_number",
        &[&n(13), &n(14), &n(15), &n(16)],
        &[&n(12), &n(17), "1234567890123x", "1234 567890123"],
    );
    takes("documents.npwp_number", &[&n(15), &n(16)], &[&n(14), &n(17), "01.234.567.8-901.000"]);
    takes("legal_entity.address.postal_code", &["55581", "00001"], &["5558", "555811", "5558a", "-5558"]);
    let short = [
        "08123456789",
        "628123456789",
        "+620812345678",
        "+62",
        "+62 812 3456 789",
        "+6281234",
        "+62812345678901234",
        "+18005550100",
    ];
    takes("legal_entity.phone", &["+62918237123", "+628127756464", "+62211234567"], &short);
    takes("stakeholder[0].phone", &["+628127756464"], &short);
}

#[test]
fn addresses_of_mail_and_of_websites() {
    let long = format!("{}@example.co.id", "a".repeat(65));
    for wrong in [
        "nobody",
        "@example.com",
        "a@",
        "a@b",
        "a b@example.com",
        "a@exa mple.com",
        "a@@example.com",
        "a@example..com",
        ".a@example.com",
        "a..b@example.com",
        "a@-example.com",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "ä@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "<a@example.com>",
        &long,
    ] {
        refused("submitter.email", json!(wrong));
    }
    for good in ["a@example.co", "first.last+tag@sub.example.co.id", "o'neil@example.com"] {
        assert_eq!(at("submitter.email", json!(good)), Ok(json!(good)));
    }
    for good in [
        "http://kolaborasibersama.id",
        "https://www.example.co.id:8443/a/b?c=d#e",
        "HTTPS://Example.com",
        "https://xn--bcher-kva.example",
    ] {
        assert_eq!(at("legal_entity.website", json!(good)), Ok(json!(good)));
    }
    for wrong in [
        "kolaborasibersama.id",
        "ftp://example.com",
        "javascript:alert(1)",
        "http://",
        "http://localhost",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1",
        "http://[::1]/",
        "http://169.254.169.254/latest",
        "http://user:pw@example.com",
        "http://example.com@10.0.0.1",
        "http://example.com:0",
        "http://example.com:99999",
        "http://example.com/a b",
        "http://example.com/<b>",
        "http://exämple.com",
        "file:///etc/passwd",
        "http:///example.com",
        "http://example.com\\@10.0.0.1",
    ] {
        refused("legal_entity.website", json!(wrong));
    }
}

#[test]
fn both_forms_of_operating_hours_are_kept_as_two_fields() {
    let with_hours = |hours: &str, open: Option<&str>, close: Option<&str>| {
        let mut info = Map::from_iter([("operating_hours".to_owned(), json!(hours))]);
        info.extend(open.map(|open| ("operating_open_hour".to_owned(), json!(open))));
        info.extend(close.map(|close| ("operating_close_hour".to_owned(), json!(close))));
        checked(&json!({ "business_info": info }))
    };
    let kept = json!({ "business_info": { "operating_open_hour": "00:00", "operating_close_hour": "23:59" } });
    for text in ["00:00 - 23:59", "00:00-23:59", " 00:00  –  23:59 "] {
        assert_eq!(with_hours(text, None, None), (kept.clone(), vec![]), "{text}");
    }
    assert_eq!(with_hours("00:00 - 23:59", Some("00:00"), Some("23:59")), (kept, vec![]));
    let (_, faults) = with_hours("08:00 - 17:00", Some("08:00"), Some("18:00"));
    let message = "says another time than operating_close_hour: give one of them";
    assert_eq!(faults, [("business_info.operating_hours".to_owned(), message.to_owned())]);
    for wrong in
        ["00:00", "08:00 to 17:00", "8:00 - 17:00", "08:00 - 24:00", "08:60 - 17:00", "-", "08:00 - 17:00 - 18:00"]
    {
        assert_eq!(with_hours(wrong, None, None).1.len(), 1, "{wrong}");
    }
}

#[test]
fn money_is_whole_and_within_reason() {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (path, good, wrong) in [
        (
            "business_info.monthly_revenue",
            ["0", "1000000000000000"],
            ["-1", "1000000000000001", "1.0", "1e9", "99999999999999999999"],
        ),
        (
            "business_info.monthly_profit",
            ["-1000000000000000", "7"],
            ["-1000000000000001", "1000000000000001", "0.5", "1E2", "-99999999999999999999"],
        ),
    ] {
        good.into_iter().for_each(|good| assert_eq!(at(path, number(good)), Ok(number(good))));
        wrong.into_iter().for_each(|wrong| drop(refused(path, number(wrong))));
    }
    assert_eq!(refused("business_info.monthly_revenue", json!("100")), "must be a number");
    assert_eq!(
        refused("business_info.monthly_revenue", number("99999999999999999999")),
        "must be at most 1000000000000000"
    );
}

#[test]
fn products_are_kept_as_they_came_and_mapped() {
    let path = "product_selection";
    assert_eq!(at(path, json!(" QR Code,Open VA , eWallet")), Ok(json!("QR Code,Open VA , eWallet")));
    assert_eq!(at(path, json!(["QR Code", "Close VA"])), Ok(json!("QR Code, Close VA")));
    for wrong in [
        json!([]),
        json!(["a,b"]),
        json!([1]),
        json!("a,,b"),
        json!("a, A"),
        json!(vec!["x"; 21].join(",")),
        json!("y".repeat(61)),
        json!({}),
    ] {
        refused(path, wrong);
    }
    let services = |text| product::services(text);
    assert_eq!(services("QR Code, Open VA, Close VA"), ["qrcode", "virtual_account"]);
    assert_eq!(
        services("Send-Money, E-Wallet,CREDIT  CARD, QRIS, Moon"),
        ["send_money", "ewallet", "credit_card", "qrcode"]
    );
}

#[test]
fn lists_are_bounded_and_people_stand_once() {
    let person = |n: usize| json!({ "director_name": format!("Director {n}") });
    let many = |count: usize| json!((0..count).map(person).collect::<Vec<_>>());
    assert_eq!(checked(&with("stakeholder", Some(many(20)))).1, []);
    assert_eq!(refused("stakeholder", many(21)), "must have at most 20 entries");
    let documents = |count: u8| json!((0..count).map(doc).collect::<Vec<_>>());
    assert!(at("supporting.business_location_photo", documents(10)).is_ok());
    assert_eq!(refused("supporting.business_location_photo", documents(11)), "must have at most 10 entries");
    let id = format!("per_{:032x}", 7);
    let twice = json!([5, { "person_id": id }, { "person_id": id.to_uppercase().replace("PER", "per") }]);
    let (_, faults) = checked(&json!({ "stakeholder": twice }));
    assert_eq!(
        faults.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(),
        ["stakeholder[0]", "stakeholder[2].person_id"]
    );
    let both = json!({ "submitter": { "person_id": id }, "stakeholder": [{ "person_id": id }] });
    assert_eq!(checked(&both).1, [], "who submits may be a director");
}

/// A file with people numbered as they stand.
fn file(body: &Value) -> File {
    let (right, faults) = check(body.as_object().unwrap(), today());
    assert_eq!(faults, []);
    let draft = Draft::of(right);
    let people = draft.people.into_iter().enumerate().map(|(n, wanted)| Person {
        role: wanted.role,
        id: wanted.id.unwrap_or(Uuid::from_u128(n as u128)),
        sheet: Some(wanted.sheet),
    });
    File { company: draft.company, people: people.collect() }
}

fn draft(body: &Value) -> Draft {
    Draft::of(check(body.as_object().unwrap(), today()).0)
}

#[test]
fn a_file_is_taken_apart_and_put_together() {
    let whole = file(&example());
    assert_eq!(whole.people.iter().map(|person| person.role).collect::<Vec<_>>(), [Role::Submitter, Role::Stakeholder]);
    assert!(!format!("{:?}", whole.company.reveal()).contains("John"));
    let shown = Value::Object(whole.reveal());
    assert_eq!(shown["stakeholder"][0]["person_id"], format!("per_{:032x}", 1));
    assert!(whole.holds(&draft(&shown)), "what is answered can be sent back");
    assert!(whole.holds(&draft(&example())), "people are recognised without their ids");
    assert!(!whole.holds(&draft(&with("legal_entity.brand_name", Some(json!("Other"))))));
    assert!(!whole.holds(&draft(&with("stakeholder[0].city", Some(json!("Other"))))));
    // Nothing of it can be printed.
    let printed = format!("{whole:?} {:?}", draft(&example()));
    assert!(!printed.contains("Doe") && !printed.contains("SANDBOX"), "{printed}");
}

#[test]
fn what_changed_is_named_and_never_told() {
    let old = file(&example());
    assert_eq!(changed(Some(&old), &old), [] as [&str; 0]);
    let mut body = with("legal_entity.address.city", Some(json!("Bogor")));
    set(&mut body, "legal_entity.website", None);
    set(&mut body, "documents.additional_documents", None);
    set(&mut body, "business_info", None);
    let mut new = file(&body);
    let mut second = new.people[1].clone();
    second.id = Uuid::from_u128(9);
    let mut other = second.sheet.clone().unwrap().reveal().clone();
    other.insert("email".into(), json!("kenari@example.com"));
    new.people[1].sheet = Some(Sheet::new(other));
    new.people.push(second);
    insta::assert_snapshot!(changed(Some(&old), &new).join("\n"), @r###"
    business_info.monthly_profit
    business_info.monthly_revenue
    business_info.operating_close_hour
    business_info.operating_open_hour
    business_info.ownership_status
    documents.additional_documents
    legal_entity.address.city
    legal_entity.website
    stakeholder[per_00000000000000000000000000000001].email
    stakeholder[per_00000000000000000000000000000009]
    "###);
    let mut turned = new.clone();
    turned.people.swap(1, 2);
    assert_eq!(changed(Some(&new), &turned), ["stakeholder"]);
    turned.people[2].sheet = None;
    turned.people.remove(0);
    insta::assert_snapshot!(changed(Some(&new), &turned).join("\n"), @r###"
    stakeholder
    stakeholder[per_00000000000000000000000000000001]
    submitter[per_00000000000000000000000000000000]
    "###);
    assert!(changed(None, &old).len() > 30);
}

#[test]
fn completeness_says_what_to_do() {
    assert_eq!(missing(Some(&file(&example())), &[]), [], "the example is complete");
    let told = |file: Option<&File>, additions: &[Addition]| -> String {
        missing(file, additions).into_iter().map(|Fault { field, message }| format!("{field}: {message}\n")).collect()
    };
    insta::assert_snapshot!(told(None, &[]), @r###"
    submitter: Say who submits the file.
    product_selection: Choose the products you want, such as QR Code or Open VA.
    legal_entity.legal_name: Enter the company's name as it is registered.
    legal_entity.brand_name: Enter the name under which customers know the company.
    legal_entity.nib_number: Enter the NIB (business registration number).
    legal_entity.country: Enter the country of registration: Indonesia.
    legal_entity.company_type: Choose the type of legal entity.
    legal_entity.company_industry: Choose at least one industry.
    legal_entity.address.full_address: Enter the company's street address.
    legal_entity.address.province: Enter the province of the company's address.
    legal_entity.address.city: Enter the city (kota or kabupaten) of the company's address.
    legal_entity.address.district: Enter the district (kecamatan) of the company's address.
    legal_entity.address.sub_district: Enter the sub-district (kelurahan or desa) of the company's address.
    legal_entity.address.postal_code: Enter the postal code of the company's address.
    legal_entity.phone: Enter the company's phone number, beginning with +62.
    legal_entity.website: Enter the address of the company's website.
    documents.nib_document: Upload the NIB certificate.
    documents.npwp_number: Enter the company's NPWP (tax number).
    documents.npwp_document: Upload the company's NPWP card.
    documents.proof_of_address: Upload a utility bill or another proof of the business address.
    documents.deed_of_establishment: Upload the deed of establishment (Akta Pendirian).
    documents.legal_certification: Upload the certificate of Kemenkumham.
    stakeholder: Add at least one director.
    supporting.bank_account_proof: Upload the first page of the company's bank book.
    supporting.business_location_photo: Upload at least one photo of the business premises.
    business_info.monthly_revenue: Estimate the monthly revenue in rupiah.
    business_info.monthly_profit: Estimate the monthly profit in rupiah; a loss is below zero.
    business_info.ownership_status: Say whether the business premises are rented or owned.
    business_info.operating_open_hour: Enter when the business opens, such as 08:00.
    business_info.operating_close_hour: Enter when the business closes, such as 17:00.
    "###);
    let mut body = with("stakeholder", Some(json!([{ "director_name": "A" }, { "phone": "+628127756464" }])));
    set(&mut body, "supporting.company_structure", None);
    set(&mut body, "documents.additional_documents", Some(json!([{ "name": "a" }])));
    let mut some = file(&body);
    some.people[1].sheet = None;
    let additions = [
        Addition {
            path: "supporting.company_structure",
            ask: "This provider reads the organisation chart: upload it.",
        },
        Addition { path: "supporting.skt_sppkp", ask: "" },
        Addition { path: "stakeholder.occupation", ask: "Say what the director does: this provider asks." },
    ];
    assert!(completeness::are_known(&additions));
    assert!(!completeness::are_known(&[Addition { path: "stakeholder.shoe_size", ask: "" }]));
    insta::assert_snapshot!(told(Some(&some), &additions), @r###"
    documents.additional_documents[0].document: Upload this document.
    stakeholder[0]: Director 1: The data of this person were erased. Enter the person who takes the place, or take the entry out.
    stakeholder[1].director_name: Director 2: Enter the director's full name.
    stakeholder[1].email: Director 2: Enter the director's e-mail address.
    stakeholder[1].birth_place: Director 2: Enter where the director was born.
    stakeholder[1].birth_date: Director 2: Enter when the director was born.
    stakeholder[1].occupation: Director 2: Say what the director does: this provider asks.
    stakeholder[1].address: Director 2: Enter the director's home address.
    stakeholder[1].province: Director 2: Enter the province the director lives in.
    stakeholder[1].city: Director 2: Enter the city the director lives in.
    stakeholder[1].ktp_document: Director 2: Upload a scan of the director's KTP.
    stakeholder[1].selfie_with_ktp: Director 2: Upload a photo of the director holding the KTP.
    supporting.company_structure: This provider reads the organisation chart: upload it.
    "###);
}

/// What the seed calls optional or if applicable is never missing; all else is, but by companies that do not have it.
#[test]
fn each_field_is_missing_as_the_seed_says() {
    let optional = [
        "additional_documents",
        "company_structure",
        "power_of_attorney",
        "skt_sppkp",
        "person_id",
        "erased",
        "operating_hours",
    ];
    let not_of = |kind: CompanyType, name: &str| match name {
        "deed_of_establishment" => company::WITHOUT_DEED.contains(&kind),
        "legal_certification" => company::WITHOUT_CERTIFICATE.contains(&kind),
        "nib_number" | "nib_document" => company::WITHOUT_NIB.contains(&kind),
        _ => false,
    };
    for (path, field) in
        fields().into_iter().filter(|(_, field)| !matches!(field.rule, Rule::Block(_) | Rule::Blocks(..)))
    {
        for word in company::WORDS {
            let mut body = with("legal_entity.company_type", Some(json!(word)));
            set(&mut body, &path, None);
            let kind = CompanyType::parse(word).unwrap();
            let inside = path.contains("additional_documents");
            let wanted = inside || !(optional.contains(&field.name) || not_of(kind, field.name));
            let named: Vec<_> = missing(Some(&file(&body)), &[]).into_iter().map(|fault| fault.field).collect();
            assert_eq!(named, if wanted { vec![path.clone()] } else { vec![] }, "{word} without {path}");
        }
        assert!(optional.contains(&field.name) || field.ask.ends_with('.'), "{path} has no words");
    }
    assert_eq!(FILE.len(), 7);
    assert_eq!(ids::parse(ids::DOCUMENT, &doc(1)), Some(Uuid::from_u128(1)));
}
