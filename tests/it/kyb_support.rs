//! docs/KYB_SUPPORT.md: every field of seeds 000 and 002, with the test that shows it. Written by this file
//! (`UPDATE_DOCS=1 cargo test --test it kyb_support`), from the table of our file and from the printed samples of DOKU;
//! a test that is named and not there fails.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use paystrator::domain::kyb::fields::{Need, OURS, Rule};
use serde_json::Value;

use crate::doku_partner::model::{CORPORATE, PERSONAL};
use crate::support::kyb::fields;

/// A row: the field, what is done with it, and the tests that show it, as `file::test`.
type Row = (String, String, Vec<&'static str>);

/// What shows every field of the file: by the rules alone, over HTTP, and on its way to a provider.
const FIELD: [&str; 3] = [
    "domain_kyb::every_field_in_every_way_gets_a_precise_answer",
    "kyb_file::every_field_in_every_wrong_way_is_named_and_nothing_saved",
    "onboarding_domain::the_payload_is_as_the_seed_prints_it",
];

/// What a kind of field has beside.
fn own(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::Email | Rule::Website => "domain_kyb::addresses_of_mail_and_of_websites",
        Rule::Phone | Rule::PostalCode | Rule::Nib | Rule::Npwp => "domain_kyb::numbers_of_offices_and_phones",
        Rule::Date => "domain_kyb::days_are_of_the_calendar_and_past",
        Rule::CompanyType => "domain_kyb::the_twelve_types_are_taken_with_their_glosses_and_without",
        Rule::Each(Rule::Industry, _) => "domain_kyb::the_industries_are_the_seeds_and_others_are_taken_and_noted",
        Rule::Time | Rule::Hours => "domain_kyb::both_forms_of_operating_hours_are_kept_as_two_fields",
        Rule::Rupiah(_) => "domain_kyb::money_is_whole_and_within_reason",
        Rule::Products => "domain_kyb::products_are_kept_as_they_came_and_mapped",
        Rule::Document | Rule::Each(Rule::Document, _) => {
            "documents::a_file_names_documents_that_are_there_and_each_once"
        }
        Rule::Blocks(..) => "domain_kyb::lists_are_bounded_and_people_stand_once",
        _ => return None,
    })
}

/// Fields of seed 000 that are not of the file: of the push, of its answer, of a status.
const WIRE: [(&str, &str, &[&str]); 8] = [
    (
        "push: `reference_id`",
        "made at each onboarding, never used again",
        &["onboarding_domain::references_read_back_and_nothing_else_does"],
    ),
    (
        "push: `additional_documents[].filename`, `file_url`",
        "made at each push: the document's id, and a signed link to it",
        &[
            "onboarding_domain::the_payload_is_as_the_seed_prints_it",
            "onboarding::the_seeds_example_goes_from_draft_to_connected",
        ],
    ),
    (
        "answer: `reference_id`, `status`",
        "another reference, no JSON, another HTTP status: asked for again",
        &["onboarding_bad::what_is_no_answer_is_asked_for_again_and_recorded"],
    ),
    (
        "answer: `reamrks`, `remarks`",
        "both are read, and kept sealed",
        &["onboarding_bad::an_answer_may_decide_at_once"],
    ),
    (
        "status: `received`, `processing`, `approved`, `rejected`, `need_revision`, `connected`",
        "one function over all pairs",
        &["onboarding_domain::the_lifecycle_over_all_pairs", "onboarding_domain::no_word_of_a_provider_leads_back"],
    ),
    (
        "status: `reference_id`",
        "of the provider itself; any other is not there",
        &["onboarding_bad::a_provider_touches_only_its_own_references"],
    ),
    (
        "status: `remarks`",
        "demanded with need_revision and rejected",
        &["onboarding_bad::a_post_that_is_wrong_is_told_why"],
    ),
    (
        "status: late, twice, out of order",
        "nothing goes back",
        &["onboarding_bad::statuses_late_twice_and_in_any_order_change_nothing"],
    ),
];

/// What seed 002 prints beside the answer.
const REQUEST: [(&str, &str, &[&str]); 3] = [
    (
        "`GET /adv-core-api/partner/v1.0/business/{client-id}`",
        "by the brand's id, then by the business's own",
        &["doku_partner::steps::a_business_is_asked_for_by_its_brand_then_by_itself"],
    ),
    (
        "`Client-Id`, `Request-Id`, `Request-Timestamp`, `Signature`",
        "signed without a digest; a wrong one is refused",
        &[
            "doku_partner::golden::every_request_is_as_the_contract_says",
            "doku_partner::calls::only_the_partner_is_let_in",
        ],
    ),
    (
        "`businessType`, `businessLegalEntity`, `brandBusinessLine`, `businessContactNationality`",
        "all four, with the values that are allowed for the type",
        &[
            "doku_partner::calls::requirements_name_the_documents_of_a_business",
            "doku_partner::mapping::kinds_of_company_and_industries_are_all_there",
        ],
    ),
];

/// What shows every field of the answer.
const ANSWER: [&str; 3] = [
    "doku_partner::model::the_printed_samples_lose_nothing",
    "doku_partner::model::everything_printed_is_known_by_name",
    "doku_partner::calls::the_model_has_every_field_of_the_samples",
];

fn file_rows() -> Vec<Row> {
    let ours = |path: &str| ["person_id", "erased"].iter().any(|name| path.ends_with(name));
    let row = |(path, field): (String, &paystrator::domain::kyb::fields::Field)| {
        let need = match field.need {
            Need::Always => "needed",
            Need::Unless(_) => "needed, but by companies that do not have it",
            Need::Optional => "optional",
        };
        let shown = FIELD.into_iter().chain(own(field.rule));
        (format!("`{}`", path.replace("[0]", "[]")), need.to_owned(), shown.collect())
    };
    let mut rows: Vec<Row> = fields().into_iter().filter(|(path, _)| !ours(path)).map(row).collect();
    rows.extend(WIRE.map(|(field, what, tests)| (field.to_owned(), what.to_owned(), tests.to_vec())));
    rows
}

/// Every path of a sample, lists without their indices.
fn paths(value: &Value, at: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            all.insert(path.clone());
            paths(field, &path, all);
        }),
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{at}[]"), all)),
        _ => {}
    }
}

fn doku_rows() -> Vec<Row> {
    let [personal, corporate] = [PERSONAL, CORPORATE].map(|sample| {
        let mut all = BTreeSet::new();
        paths(&serde_json::from_str(sample).unwrap(), "", &mut all);
        all
    });
    let mut rows: Vec<Row> =
        REQUEST.map(|(field, what, tests)| (field.to_owned(), what.to_owned(), tests.to_vec())).into();
    rows.extend(personal.union(&corporate).map(|path| {
        let of = match (personal.contains(path), corporate.contains(path)) {
            (true, true) => "personal and corporate",
            (true, false) => "personal",
            (false, _) => "corporate",
        };
        let secret = path
            .ends_with("shared_key")
            .then_some("doku_partner::model::a_brand_s_secret_is_taken_out_wherever_it_stands");
        let folded = (path.ends_with("status") || path.ends_with("rejected"))
            .then_some("doku_partner::fold::each_part_decides_as_the_table_says");
        (format!("`{path}`"), of.to_owned(), ANSWER.into_iter().chain(secret).chain(folded).collect())
    }));
    rows
}

/// The tests as footnotes, each named once.
fn render() -> (String, BTreeSet<&'static str>) {
    let mut out = String::from(
        "# What of the seeds is supported, and the test that shows it\n\n\
         Written by `tests/it/kyb_support.rs` from the table of the KYB file (`src/domain/kyb/fields.rs`) and from the\n\
         printed samples of seed 002, never by hand. The numbers are the tests below.\n",
    );
    let mut tests: Vec<&'static str> = Vec::new();
    let parts = [
        ("Seed 000: the KYB file, the push, the statuses", "what it is", file_rows()),
        ("Seed 002: Get Business Data", "of a business that is", doku_rows()),
    ];
    for (title, head, rows) in parts {
        writeln!(out, "\n## {title}\n\n| field | {head} | shown by |\n|---|---|---|").unwrap();
        for (field, what, shown) in rows {
            let numbers: Vec<String> = shown
                .into_iter()
                .map(|test| {
                    let place = tests.iter().position(|known| *known == test).unwrap_or_else(|| {
                        tests.push(test);
                        tests.len() - 1
                    });
                    (place + 1).to_string()
                })
                .collect();
            writeln!(out, "| {field} | {what} | {} |", numbers.join(", ")).unwrap();
        }
    }
    writeln!(out, "\n## The tests\n").unwrap();
    for (n, test) in tests.iter().enumerate() {
        writeln!(out, "{}. `{test}`", n + 1).unwrap();
    }
    (out, tests.into_iter().collect())
}

#[test]
fn the_document_names_every_field_and_tests_that_are_there() {
    let (text, tests) = render();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for test in tests {
        let (file, name) = test.rsplit_once("::").unwrap();
        let file = here.join("tests/it").join(file.replace("::", "/")).with_extension("rs");
        let source = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{test}: {error}"));
        assert!(source.contains(&format!("fn {name}(")), "there is no {test}");
    }
    assert!(OURS.iter().all(|(_, name, _)| text.contains(name)), "a field that we fill in is not told of");
    let path = here.join("docs/KYB_SUPPORT.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/KYB_SUPPORT.md is old: UPDATE_DOCS=1 cargo test --test it kyb_support");
}
