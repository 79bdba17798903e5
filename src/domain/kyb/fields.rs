//! The KYB file as data: every block and field of seed 000 with its rule, whether it is needed, and what a person does
//! to fill it in. Checking, completeness, the published schema and the tests read this table; nothing else lists fields.
//!
//! Source: seed 000 and contracts/paystrator.md 2.10. Lengths are ours: the seed prints none.

use super::company::{CompanyType, WITHOUT_CERTIFICATE, WITHOUT_DEED, WITHOUT_NIB};

/// A field of a block.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub rule: Rule,
    pub need: Need,
    /// What a person does to fill it in; empty where nobody is asked.
    pub ask: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A line of text of at most so many characters.
    Text(usize),
    Email,
    /// An Indonesian phone number, `+62…`.
    Phone,
    /// An http or https address. It is never fetched.
    Website,
    PostalCode,
    Nib,
    Npwp,
    /// A day of the past, `YYYY-MM-DD`.
    Date,
    CompanyType,
    Industry,
    Country,
    Ownership,
    /// A time of day, `HH:MM`.
    Time,
    /// `00:00 - 23:59`: both times in one text; kept as two fields.
    Hours,
    /// Whole rupiah, at least this much.
    Rupiah(i64),
    /// Labels joined by commas, or a list of them; kept as they came.
    Products,
    /// The id of a document, `doc_…`.
    Document,
    /// The id of a person, `per_…`.
    PersonId,
    /// `true`, as it is answered of a person whose data were erased.
    Erased,
    /// So many values of one rule, none twice.
    Each(&'static Rule, usize),
    Block(&'static [Field]),
    /// So many blocks of the same fields.
    Blocks(&'static [Field], usize),
}

/// Whether a file is complete without the field.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    Always,
    /// But by companies of these kinds, which do not have it.
    Unless(&'static [CompanyType]),
    /// Called *optional* or *if applicable* by the seed, or the product's own.
    Optional,
}

/// The largest amount: a thousand trillion rupiah.
pub const MOST_RUPIAH: i64 = 1_000_000_000_000_000;
/// Most directors of one file.
pub const MOST_STAKEHOLDERS: usize = 20;

const fn needed(name: &'static str, rule: Rule, ask: &'static str) -> Field {
    Field { name, rule, need: Need::Always, ask }
}

const fn optional(name: &'static str, rule: Rule, ask: &'static str) -> Field {
    Field { name, rule, need: Need::Optional, ask }
}

const fn unless(name: &'static str, rule: Rule, without: &'static [CompanyType], ask: &'static str) -> Field {
    Field { name, rule, need: Need::Unless(without), ask }
}

/// The whole file. `reference_id` is not in it: it is made at each onboarding.
pub static FILE: [Field; 7] = [
    needed("submitter", Rule::Block(&SUBMITTER), "Say who submits the file."),
    needed("product_selection", Rule::Products, "Choose the products you want, such as QR Code or Open VA."),
    needed("legal_entity", Rule::Block(&LEGAL_ENTITY), "Describe the company."),
    needed("documents", Rule::Block(&DOCUMENTS), "Add the company's documents."),
    needed("stakeholder", Rule::Blocks(&STAKEHOLDER, MOST_STAKEHOLDERS), "Add at least one director."),
    needed("supporting", Rule::Block(&SUPPORTING), "Add the supporting documents."),
    needed("business_info", Rule::Block(&BUSINESS_INFO), "Describe the business."),
];

static SUBMITTER: [Field; 4] = [
    optional("person_id", Rule::PersonId, ""),
    optional("erased", Rule::Erased, ""),
    needed("email", Rule::Email, "Enter the e-mail address that the accounts shall be registered with."),
    needed("name", Rule::Text(100), "Enter the name that the accounts shall be registered with."),
];

static LEGAL_ENTITY: [Field; 9] = [
    needed("legal_name", Rule::Text(150), "Enter the company's name as it is registered."),
    needed("brand_name", Rule::Text(100), "Enter the name under which customers know the company."),
    unless("nib_number", Rule::Nib, &WITHOUT_NIB, "Enter the NIB (business registration number)."),
    needed("country", Rule::Country, "Enter the country of registration: Indonesia."),
    needed("company_type", Rule::CompanyType, "Choose the type of legal entity."),
    needed("company_industry", Rule::Each(&Rule::Industry, 20), "Choose at least one industry."),
    needed("address", Rule::Block(&ADDRESS), "Enter the company's address."),
    needed("phone", Rule::Phone, "Enter the company's phone number, beginning with +62."),
    needed("website", Rule::Website, "Enter the address of the company's website."),
];

static ADDRESS: [Field; 6] = [
    needed("full_address", Rule::Text(300), "Enter the company's street address."),
    needed("province", Rule::Text(100), "Enter the province of the company's address."),
    needed("city", Rule::Text(100), "Enter the city (kota or kabupaten) of the company's address."),
    needed("district", Rule::Text(100), "Enter the district (kecamatan) of the company's address."),
    needed("sub_district", Rule::Text(100), "Enter the sub-district (kelurahan or desa) of the company's address."),
    needed("postal_code", Rule::PostalCode, "Enter the postal code of the company's address."),
];

static DOCUMENTS: [Field; 7] = [
    unless("nib_document", Rule::Document, &WITHOUT_NIB, "Upload the NIB certificate."),
    needed("npwp_number", Rule::Npwp, "Enter the company's NPWP (tax number)."),
    needed("npwp_document", Rule::Document, "Upload the company's NPWP card."),
    needed("proof_of_address", Rule::Document, "Upload a utility bill or another proof of the business address."),
    unless(
        "deed_of_establishment",
        Rule::Document,
        &WITHOUT_DEED,
        "Upload the deed of establishment (Akta Pendirian).",
    ),
    unless("legal_certification", Rule::Document, &WITHOUT_CERTIFICATE, "Upload the certificate of Kemenkumham."),
    optional(
        "additional_documents",
        Rule::Blocks(&ADDITIONAL_DOCUMENT, 20),
        "Upload further licences or certificates.",
    ),
];

static ADDITIONAL_DOCUMENT: [Field; 2] = [
    needed("name", Rule::Text(100), "Name this document."),
    needed("document", Rule::Document, "Upload this document."),
];

static STAKEHOLDER: [Field; 13] = [
    optional("person_id", Rule::PersonId, ""),
    optional("erased", Rule::Erased, ""),
    needed("director_name", Rule::Text(100), "Enter the director's full name."),
    needed("email", Rule::Email, "Enter the director's e-mail address."),
    needed("phone", Rule::Phone, "Enter the director's phone number, beginning with +62."),
    needed("birth_place", Rule::Text(100), "Enter where the director was born."),
    needed("birth_date", Rule::Date, "Enter when the director was born."),
    needed("occupation", Rule::Text(100), "Enter the director's occupation."),
    needed("address", Rule::Text(300), "Enter the director's home address."),
    needed("province", Rule::Text(100), "Enter the province the director lives in."),
    needed("city", Rule::Text(100), "Enter the city the director lives in."),
    needed("ktp_document", Rule::Document, "Upload a scan of the director's KTP."),
    needed("selfie_with_ktp", Rule::Document, "Upload a photo of the director holding the KTP."),
];

static SUPPORTING: [Field; 5] = [
    optional("company_structure", Rule::Document, "Upload the organisation chart."),
    needed("bank_account_proof", Rule::Document, "Upload the first page of the company's bank book."),
    needed(
        "business_location_photo",
        Rule::Each(&Rule::Document, 10),
        "Upload at least one photo of the business premises.",
    ),
    optional("power_of_attorney", Rule::Document, "Upload the letter of authority."),
    optional("skt_sppkp", Rule::Document, "Upload the SKT or SPPKP tax certificate."),
];

static BUSINESS_INFO: [Field; 6] = [
    needed("monthly_revenue", Rule::Rupiah(0), "Estimate the monthly revenue in rupiah."),
    needed(
        "monthly_profit",
        Rule::Rupiah(-MOST_RUPIAH),
        "Estimate the monthly profit in rupiah; a loss is below zero.",
    ),
    needed("ownership_status", Rule::Ownership, "Say whether the business premises are rented or owned."),
    needed("operating_open_hour", Rule::Time, "Enter when the business opens, such as 08:00."),
    needed("operating_close_hour", Rule::Time, "Enter when the business closes, such as 17:00."),
    optional("operating_hours", Rule::Hours, ""),
];

/// Fields of seed 000 that are ours to fill in, and what to do instead of sending them: names of the field and of its
/// block's last word.
pub const OURS: [(&str, &str, &str); 3] = [
    ("", "reference_id", "is made at each onboarding: leave it out"),
    ("additional_documents", "filename", "is made when the file is sent: give document alone"),
    (
        "additional_documents",
        "file_url",
        "is made when the file is sent: upload the document and give its id as document",
    ),
];

/// The field at a path such as `legal_entity.address.city`, or `stakeholder.email` for one of each stakeholder.
pub fn find(path: &str) -> Option<&'static Field> {
    let mut fields: &'static [Field] = &FILE;
    let mut found = None;
    for name in path.split('.') {
        let field = fields.iter().find(|field| field.name == name)?;
        fields = match field.rule {
            Rule::Block(inner) | Rule::Blocks(inner, _) => inner,
            _ => &[],
        };
        found = Some(field);
    }
    found
}
