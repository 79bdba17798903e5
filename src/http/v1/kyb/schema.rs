//! The published schema of a KYB file, made from the table of its fields; nothing here lists one.
//!
//! It tells types, lengths and shapes. What a schema cannot say (a day of the calendar, a document that is there) is
//! checked beside it.

use std::borrow::Cow;

use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::KybFile;
use crate::domain::kyb::fields::{FILE, Field, MOST_RUPIAH, Need, Rule};
use crate::domain::kyb::{COUNTRY, LABEL, MOST_PRODUCTS, OWNERSHIP, company};

/// The seed's example, as it is sent here.
const EXAMPLE: &str = include_str!("example.json");

impl PartialSchema for KybFile {
    #[expect(deprecated, reason = "every body has its one example there")]
    fn schema() -> RefOr<Schema> {
        let example: Value = serde_json::from_str(EXAMPLE).expect("the example is JSON");
        let about = "A KYB file. Any part of it may be missing until it is complete.";
        object(&FILE).description(Some(about)).example(Some(example)).into()
    }
}

impl ToSchema for KybFile {
    fn name() -> Cow<'static, str> {
        "KybFile".into()
    }
}

fn object(fields: &[Field]) -> ObjectBuilder {
    let empty = ObjectBuilder::new().schema_type(Type::Object);
    let all = fields.iter().fold(empty, |object, field| object.property(field.name, property(field)));
    all.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn property(field: &Field) -> Schema {
    let optional = matches!(field.need, Need::Optional);
    let about = match (field.ask, field.rule) {
        ("", Rule::PersonId) => "Who it is, as it was answered. Left out for somebody new.".to_owned(),
        ("", Rule::Erased) => "Answered of a person whose data were erased; sent back as it was.".to_owned(),
        ("", Rule::Hours) => "Both times in one text, instead of the two fields; answered as the two.".to_owned(),
        (ask, _) if optional => format!("{ask} A file is complete without it."),
        (ask, _) => ask.to_owned(),
    };
    schema(field.rule, Some(about))
}

fn schema(rule: Rule, about: Option<String>) -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String).description(about.clone());
    let shaped = |pattern: &str| text().pattern(Some(pattern));
    let object_of = |object: ObjectBuilder| Schema::from(object.description(about.clone()));
    match rule {
        Rule::Text(most) => text().min_length(Some(1)).max_length(Some(most)).into(),
        Rule::Industry => text().min_length(Some(1)).max_length(Some(100)).into(),
        Rule::Email => text().max_length(Some(254)).format(Some(custom("email"))).into(),
        Rule::Website => text().max_length(Some(255)).pattern(Some("^[Hh][Tt][Tt][Pp][Ss]?://")).into(),
        Rule::Phone => shaped("^\\+62[1-9][0-9]{6,12}$").into(),
        Rule::PostalCode => shaped("^[0-9]{5}$").into(),
        Rule::Nib => shaped("^[0-9]{13,16}$").into(),
        Rule::Npwp => shaped("^[0-9]{15,16}$").into(),
        Rule::Date => shaped("^[0-9]{4}-[0-9]{2}-[0-9]{2}$").format(Some(custom("date"))).into(),
        Rule::Time => shaped("^[0-9]{2}:[0-9]{2}$").into(),
        Rule::Hours => shaped("^ *[0-9]{2}:[0-9]{2} *[-–] *[0-9]{2}:[0-9]{2} *$").into(),
        Rule::Document => shaped("^doc_[0-9a-f]{32}$").into(),
        Rule::PersonId => shaped("^per_[0-9a-f]{32}$").into(),
        Rule::CompanyType => text().enum_values(Some(company::WORDS)).into(),
        Rule::Country => text().enum_values(Some([COUNTRY])).into(),
        Rule::Ownership => text().enum_values(Some(OWNERSHIP)).into(),
        Rule::Erased => object_of(ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]))),
        Rule::Rupiah(least) => {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            object_of(number.minimum(Some(least as isize)).maximum(Some(MOST_RUPIAH as isize)))
        }
        Rule::Products => {
            let most = MOST_PRODUCTS * (LABEL + 2);
            let label = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(LABEL));
            let list =
                ArrayBuilder::new().items(RefOr::T(label.into())).min_items(Some(1)).max_items(Some(MOST_PRODUCTS));
            let joined = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(most));
            OneOfBuilder::new().item(joined).item(list).description(about).into()
        }
        Rule::Each(rule, most) => {
            let items = RefOr::T(schema(*rule, None));
            ArrayBuilder::new().items(items).max_items(Some(most)).description(about).into()
        }
        Rule::Block(fields) => object_of(object(fields)),
        Rule::Blocks(fields, most) => {
            let items = RefOr::T(object(fields).into());
            ArrayBuilder::new().items(items).max_items(Some(most)).description(about).into()
        }
    }
}

fn custom(format: &str) -> SchemaFormat {
    SchemaFormat::Custom(format.to_owned())
}
