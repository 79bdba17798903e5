//! The one table of what of our KYB file becomes what at DOKU (seed 000 and contracts/doku.md 3.1), and what does not.
//!
//! Data, and the small functions that read a value; `case` makes the body from it, a test makes docs/KYB_DOKU.md from it
//! and holds it against every field of both sides.

use serde_json::{Value, json};

use super::case::{Case, Paper};
use super::words::{INDONESIA, Kind};

/// One field of DOKU's registration.
pub struct Row {
    /// Where it stands, such as `business.contacts[].email`.
    pub to: &'static str,
    pub of: Of,
    /// Fields of our file, `?name` for an answer to one of DOKU's questions; nothing where it is the same for everybody.
    pub from: &'static [&'static str],
    /// How the value is made, in words; empty where it is carried as it is.
    pub how: &'static str,
    /// Reads the value; `at` are the places in the lists above it.
    pub make: fn(&Case<'_>, at: &[usize]) -> Option<Value>,
}

/// Whose registration has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    All,
    Personal,
    Corporate,
}

impl Of {
    pub fn holds(self, kind: Kind) -> bool {
        match self {
            Of::All => true,
            Of::Personal => kind == Kind::Personal,
            Of::Corporate => kind == Kind::Corporate,
        }
    }
}

/// A document of our file that is uploaded before the registration, which then names it by the id it got.
pub struct Upload {
    /// Of our file.
    pub field: &'static str,
    pub of: Of,
    pub category: &'static str,
    /// The kind of document, for the category DOCUMENT; `None` there: by the document's name.
    pub code: Option<&'static str>,
    /// A number that is told with it: its code, and the field or question it comes from.
    pub form: Option<(&'static str, &'static str)>,
}

const fn row(
    to: &'static str,
    of: Of,
    from: &'static [&'static str],
    how: &'static str,
    make: fn(&Case<'_>, &[usize]) -> Option<Value>,
) -> Row {
    Row { to, of, from, how, make }
}

const fn upload(field: &'static str, of: Of, category: &'static str, code: Option<&'static str>) -> Upload {
    Upload { field, of, category, code, form: None }
}

const fn numbered(field: &'static str, of: Of, code: &'static str, form: &'static str, number: &'static str) -> Upload {
    Upload { field, of, category: "DOCUMENT", code: Some(code), form: Some((form, number)) }
}

/// In the order in which they are uploaded.
pub const UPLOADS: [Upload; 9] = [
    upload("supporting.business_location_photo", Of::All, "PHOTO_PROOF", None),
    upload("stakeholder.selfie_with_ktp", Of::All, "OWNER_LIVENESS", None),
    numbered("stakeholder.ktp_document", Of::All, "KTP", "NO_KTP", "?ktp_numbers"),
    numbered("documents.npwp_document", Of::Corporate, "NPWP_BADAN", "NO_NPWP", "documents.npwp_number"),
    numbered("documents.nib_document", Of::Corporate, "NIB", "NO_NIB", "legal_entity.nib_number"),
    upload("documents.legal_certification", Of::Corporate, "DOCUMENT", Some("SK_KEMENKUMHAM")),
    upload("documents.deed_of_establishment", Of::Corporate, "DOCUMENT", Some("AKTA_PENDIRIAN_PERUSAHAAN")),
    upload("documents.additional_documents.document", Of::All, "DOCUMENT", None),
    upload("supporting.bank_account_proof", Of::All, "BANK_ACCOUNT", None),
];

const ASKED: &str = "by the code or name that DOKU's requirements give to such a document; others are not sent";

/// The registration, row by row (contracts/doku.md 3.1, "Registration body").
pub const REGISTRATION: [Row; 50] = [
    row("business.type", Of::All, &["legal_entity.company_type"], "see the kinds of company", |c, _| {
        Some(c.kind.as_str().into())
    }),
    row("business.callback_url", Of::All, &[], "of the configuration, where it names one", |c, _| text(c.callback_url)),
    row(
        "business.legal_entity",
        Of::All,
        &["legal_entity.company_type", "?legal_entity"],
        "the answer, else see the kinds of company",
        |c, _| Some(c.legal_entity.into()),
    ),
    row("business.name", Of::Corporate, &["legal_entity.legal_name"], "", |c, _| c.own("legal_entity.legal_name")),
    row("business.name", Of::Personal, &["legal_entity.brand_name"], "DOKU wants the brand's name here", |c, _| {
        c.own("legal_entity.brand_name")
    }),
    row("business.description", Of::All, &["?business_description"], "", |c, _| c.answer("business_description")),
    row("business.email", Of::All, &["submitter.email"], "", |c, _| c.own("submitter.email")),
    row("business.phone_calling_code", Of::All, &["legal_entity.phone"], CALLING_CODE, |c, _| {
        calling_code(c.own("legal_entity.phone"))
    }),
    row("business.phone_number", Of::All, &["legal_entity.phone"], "without +62", |c, _| {
        number(c.own("legal_entity.phone"))
    }),
    row("business.website_readiness", Of::All, &["legal_entity.website"], "HAVE, else DONT_HAVE", |c, _| {
        Some(if c.own("legal_entity.website").is_some() { "HAVE" } else { "DONT_HAVE" }.into())
    }),
    row("business.mobile_app_readiness", Of::All, &["?mobile_app_readiness"], "", |c, _| {
        c.answer("mobile_app_readiness")
    }),
    row("business.brands[].name", Of::All, &["legal_entity.brand_name"], "one brand", |c, _| {
        c.own("legal_entity.brand_name")
    }),
    row("business.brands[].description", Of::All, &["?business_description"], "", |c, _| {
        c.answer("business_description")
    }),
    row("business.brands[].category", Of::Personal, &["?brand_category"], "the answer, else RETAIL", |c, _| {
        c.answer("brand_category").or(Some(super::words::RETAIL.into()))
    }),
    row(
        "business.brands[].business_line",
        Of::Corporate,
        &["legal_entity.company_industry", "?business_line"],
        "the answer, else see the industries",
        |c, _| Some(c.line.into()),
    ),
    row("business.brands[].transaction_frequency", Of::All, &["?transaction_frequency"], "", |c, _| {
        c.answer("transaction_frequency")
    }),
    row("business.brands[].transaction_quantity", Of::All, &["?transaction_quantity"], "", |c, _| {
        c.answer("transaction_quantity")
    }),
    row(
        "business.brands[].social_media[].code",
        Of::All,
        &["?instagram", "?facebook"],
        "INSTAGRAM, FACEBOOK",
        |c, at| c.social_media().get(last(at)).map(|(code, _)| (*code).into()),
    ),
    row(
        "business.brands[].social_media[].accounts",
        Of::All,
        &["?instagram", "?facebook"],
        "a list of one",
        |c, at| c.social_media().get(last(at)).map(|(_, account)| json!([account])),
    ),
    row("business.brands[].photo_proofs[].id", Of::All, &["supporting.business_location_photo"], ID, |c, at| {
        c.id(&format!("supporting.business_location_photo[{}]", last(at)))
    }),
    row("business.brands[].documents[].code", Of::All, &[ADDITIONAL_NAME], ASKED, |c, at| {
        c.brand_paper(at, Paper::code)
    }),
    row("business.brands[].documents[].category", Of::All, &[], "DOCUMENT", |_, _| Some("DOCUMENT".into())),
    row("business.brands[].documents[].id", Of::All, &[ADDITIONAL], ID, |c, at| c.brand_paper(at, Paper::id)),
    row(
        "business.addresses[].name",
        Of::All,
        &["legal_entity.address.full_address"],
        "its first 255 characters",
        |c, _| cut(c.own("legal_entity.address.full_address"), 255),
    ),
    row(
        "business.addresses[].area",
        Of::All,
        &[
            "legal_entity.address.postal_code",
            "legal_entity.address.sub_district",
            "legal_entity.address.district",
            "legal_entity.address.city",
            "legal_entity.address.province",
        ],
        "the five, joined by \" - \"",
        |c, _| Some(c.area().into()),
    ),
    row("business.addresses[].country", Of::All, &["legal_entity.country"], "Indonesia is ID", |_, _| {
        Some(INDONESIA.into())
    }),
    row("business.addresses[].primary", Of::All, &[], "true", |_, _| Some(true.into())),
    row(
        "business.contacts[].name",
        Of::All,
        &["stakeholder.director_name"],
        "one contact for each director",
        |c, at| c.person(at, "director_name"),
    ),
    row("business.contacts[].email", Of::All, &["stakeholder.email"], "", |c, at| c.person(at, "email")),
    row("business.contacts[].phone_calling_code", Of::All, &["stakeholder.phone"], CALLING_CODE, |c, at| {
        calling_code(c.person(at, "phone"))
    }),
    row("business.contacts[].phone_number", Of::All, &["stakeholder.phone"], "without +62", |c, at| {
        number(c.person(at, "phone"))
    }),
    row("business.contacts[].position", Of::Corporate, &[], "DIRECTOR", |_, _| Some("DIRECTOR".into())),
    row("business.contacts[].position", Of::Personal, &[], "OWNER", |_, _| Some("OWNER".into())),
    row(
        "business.contacts[].nationality",
        Of::All,
        &["stakeholder.ktp_document"],
        "ID: who has a KTP is Indonesian",
        |_, _| Some(INDONESIA.into()),
    ),
    row("business.contacts[].owner_liveness.id", Of::All, &["stakeholder.selfie_with_ktp"], ID, |c, at| {
        c.id(&format!("stakeholder[{}].selfie_with_ktp", last(at)))
    }),
    row("business.contacts[].documents[].code", Of::All, &[], "KTP", |_, _| Some("KTP".into())),
    row("business.contacts[].documents[].category", Of::All, &[], "DOCUMENT", |_, _| Some("DOCUMENT".into())),
    row("business.contacts[].documents[].id", Of::All, &["stakeholder.ktp_document"], ID, |c, at| {
        c.id(&format!("stakeholder[{}].ktp_document", at.first()?))
    }),
    row("business.contacts[].documents[].forms[].code", Of::All, &[], "NO_KTP", |_, _| Some("NO_KTP".into())),
    row(
        "business.contacts[].documents[].forms[].value",
        Of::All,
        &["?ktp_numbers"],
        "the one at the director's place",
        |c, at| c.ktp_number(*at.first()?),
    ),
    row("business.documents[].code", Of::All, &[ADDITIONAL_NAME], PAPERS, |c, at| c.paper(at, Paper::code)),
    row("business.documents[].category", Of::All, &[], "DOCUMENT", |_, _| Some("DOCUMENT".into())),
    row(
        "business.documents[].id",
        Of::All,
        &[
            "documents.npwp_document",
            "documents.nib_document",
            "documents.legal_certification",
            "documents.deed_of_establishment",
            ADDITIONAL,
        ],
        ID,
        |c, at| c.paper(at, Paper::id),
    ),
    row("business.documents[].forms[].code", Of::Corporate, &[], "NO_NPWP, NO_NIB", |c, at| c.paper(at, Paper::form)),
    row(
        "business.documents[].forms[].value",
        Of::Corporate,
        &["documents.npwp_number", "legal_entity.nib_number"],
        "",
        |c, at| c.paper(at, Paper::number),
    ),
    row("business.bank_account.bank_id", Of::All, &["?bank_id"], "", |c, _| c.answer("bank_id")),
    row("business.bank_account.account_name", Of::All, &["?bank_account_name"], "", |c, _| {
        c.answer("bank_account_name")
    }),
    row("business.bank_account.account_number", Of::All, &["?bank_account_number"], "", |c, _| {
        c.answer("bank_account_number")
    }),
    row("business.bank_account.currency", Of::All, &[], "IDR", |_, _| Some("IDR".into())),
    row("business.bank_account.documents[].id", Of::All, &["supporting.bank_account_proof"], ID, |c, _| {
        c.id("supporting.bank_account_proof")
    }),
];

/// Business lite: the rest is filled in on DOKU's dashboard by who is invited.
pub const LITE: [Row; 7] = [
    row("business.partner_ref_id", Of::All, &[], "our reference_id", |c, _| Some(c.reference_id.into())),
    row("business.name", Of::All, &["legal_entity.legal_name"], "", |c, _| c.own("legal_entity.legal_name")),
    row("business.contact.name", Of::All, &["submitter.name"], "", |c, _| c.own("submitter.name")),
    row("business.contact.email", Of::All, &["submitter.email"], "", |c, _| c.own("submitter.email")),
    row("business.contact.phone_calling_code", Of::All, &["legal_entity.phone"], CALLING_CODE, |c, _| {
        calling_code(c.own("legal_entity.phone"))
    }),
    row("business.contact.phone_number", Of::All, &["legal_entity.phone"], "without +62", |c, _| {
        number(c.own("legal_entity.phone"))
    }),
    row("invited_user.email", Of::All, &["submitter.email"], "", |c, _| c.own("submitter.email")),
];

/// Of business lite too, where the client has one.
pub const REFERRAL: Row = row("referral.code", Of::All, &["?referral_code"], "", |c, _| c.answer("referral_code"));

const CALLING_CODE: &str = "62, since every phone of the file is Indonesian";
const ID: &str = "the id that DOKU gave to the uploaded document";
const PAPERS: &str = "NPWP_BADAN, NIB, SK_KEMENKUMHAM, AKTA_PENDIRIAN_PERUSAHAAN of a company; an additional document by the \
                      code or name that DOKU's requirements give to it, others are not sent";
const ADDITIONAL: &str = "documents.additional_documents.document";
const ADDITIONAL_NAME: &str = "documents.additional_documents.name";

/// Fields of our file that have no place in DOKU's registration, and why.
pub const NOWHERE: [(&str, &str); 22] = [
    ("submitter.person_id", "our own"),
    ("submitter.erased", "our own"),
    ("submitter.name", "only business lite names who registers"),
    ("product_selection", "DOKU switches products on by itself and tells which, with the status of each"),
    ("documents.proof_of_address", "DOKU's list of documents has no such one"),
    ("stakeholder.person_id", "our own"),
    ("stakeholder.erased", "our own"),
    ("stakeholder.birth_place", "a contact has no such field"),
    ("stakeholder.birth_date", "a contact has no such field"),
    ("stakeholder.occupation", "a contact has no such field"),
    ("stakeholder.address", "a contact has no such field"),
    ("stakeholder.province", "a contact has no such field"),
    ("stakeholder.city", "a contact has no such field"),
    ("supporting.company_structure", "DOKU's list of documents has no such one"),
    ("supporting.power_of_attorney", "DOKU's list of documents has no such one"),
    ("supporting.skt_sppkp", "DOKU's list of documents has no such one"),
    ("business_info.monthly_revenue", "DOKU asks for a class of turnover instead, whose bounds it does not publish"),
    ("business_info.monthly_profit", "there is no such field"),
    ("business_info.ownership_status", "there is no such field"),
    ("business_info.operating_open_hour", "there is no such field"),
    ("business_info.operating_close_hour", "there is no such field"),
    ("business_info.operating_hours", "it is kept as the two times"),
];

/// Fields of our file that arrive there poorer than they were, and what is lost.
pub const LOSSY: [(&str, &str); 14] = [
    ("legal_entity.legal_name", "all of it, of a business without a legal entity: DOKU wants the brand's name there"),
    ("legal_entity.company_type", "what DOKU's list does not tell apart: see the kinds of company"),
    ("legal_entity.company_industry", "the first that has a place in DOKU's 23 business lines; all others are lost"),
    ("legal_entity.address.full_address", "what is beyond 255 characters"),
    ("legal_entity.website", "that there is one is told, its address is not"),
    ("legal_entity.nib_number", "all of it, of a business without a legal entity"),
    ("documents.npwp_number", "all of it, of a business without a legal entity"),
    ("documents.npwp_document", "all of it, of a business without a legal entity"),
    ("documents.nib_document", "all of it, of a business without a legal entity"),
    ("documents.legal_certification", "all of it, of a business without a legal entity"),
    ("documents.deed_of_establishment", "all of it, of a business without a legal entity"),
    ("documents.additional_documents.name", "it becomes the code of a document that DOKU asks for"),
    (ADDITIONAL, "all of it, where DOKU does not ask for a document of this name"),
    ("stakeholder.selfie_with_ktp", "DOKU's own photos show a gesture that it names; ours shows the KTP"),
];

fn last(at: &[usize]) -> usize {
    at.last().copied().unwrap_or_default()
}

fn text(value: Option<&str>) -> Option<Value> {
    value.map(Into::into)
}

/// `+62…` without its country.
fn number(phone: Option<Value>) -> Option<Value> {
    let phone = phone?;
    Some(phone.as_str()?.trim_start_matches("+62").into())
}

fn calling_code(phone: Option<Value>) -> Option<Value> {
    phone.map(|_| "62".into())
}

fn cut(value: Option<Value>, most: usize) -> Option<Value> {
    let value = value?;
    Some(value.as_str()?.chars().take(most).collect::<String>().into())
}
