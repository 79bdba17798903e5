//! What DOKU says of a business (seed 002, contracts/doku.md 3.1): the whole printed model, of people and of companies.
//!
//! Nothing is lost: [`Kept`] holds beside the known fields whatever else stood there, or stood there in another form, and
//! writes it back. A list or a mark of another shape is an error: what decides is not guessed at. Nothing here can be
//! printed.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::providers::tolerant::text;

/// Known fields, and everything beside them.
///
/// Not serde's `flatten`: it cannot hold numbers as the texts they are.
#[derive(Clone, Default, PartialEq)]
pub struct Kept<T> {
    known: T,
    rest: Map<String, Value>,
}

impl<T: Serialize> Kept<T> {
    /// What is known, as an object without what was not there.
    fn told(known: &T) -> Result<Map<String, Value>, serde_json::Error> {
        let Value::Object(mut told) = serde_json::to_value(known)? else { return Ok(Map::new()) };
        told.retain(|_, value| !value.is_null());
        Ok(told)
    }
}

impl<'de, T: DeserializeOwned + Serialize> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rest = Map::deserialize(deserializer)?;
        let known: T = serde_json::from_value(Value::Object(rest.clone())).map_err(D::Error::custom)?;
        let told = Self::told(&known).map_err(D::Error::custom)?;
        rest.retain(|name, value| told.get(name) != Some(value));
        Ok(Kept { known, rest })
    }
}

impl<T: Serialize> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = Self::told(&self.known).map_err(S::Error::custom)?;
        all.extend(self.rest.clone());
        all.serialize(serializer)
    }
}

impl<T> std::ops::Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

/// A text that may be left out, or be a number.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct Text(Option<String>);

impl Text {
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Text(text(&Value::deserialize(deserializer)?)))
    }
}

type List<T> = Option<Vec<Kept<T>>>;
type Code = Option<Kept<Coded>>;

/// A code with its words: `name` in the samples, `value` in the table of seed 002.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coded {
    pub code: Text,
    pub name: Text,
    pub value: Text,
}

/// The answer of *get business data*.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Business {
    pub id: Text,
    pub name: Text,
    pub description: Text,
    pub email: Text,
    pub phone_calling_code: Text,
    pub phone_number: Text,
    /// The partner's brand id.
    pub partner: Text,
    pub platform: Text,
    /// PERSONAL or CORPORATE.
    #[serde(rename = "type")]
    pub kind: Text,
    pub website_readiness: Code,
    pub mobile_app_readiness: Code,
    pub legal_entity: Code,
    pub brands: List<Brand>,
    pub contacts: List<Contact>,
    pub addresses: List<Address>,
    pub documents: List<Document>,
    pub banks: List<Bank>,
    pub step_number: Option<Number>,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brand {
    pub id: Text,
    pub name: Text,
    /// The brand's secret: never shown.
    shared_key: Text,
    /// Of a person: RETAIL or NON_RETAIL.
    pub category: Text,
    /// Of a company.
    pub business_line: Code,
    pub minimum_transaction: Option<Number>,
    pub maximum_transaction: Option<Number>,
    pub transaction_frequency: Code,
    pub transaction_quantity: Code,
    pub ticket_size: Code,
    pub finance_status: Text,
    pub risk_engine_status: Text,
    pub photo_proofs: List<Photo>,
    pub social_media: List<SocialMedia>,
    pub products: List<Product>,
    /// Their form is not printed.
    pub audit_logs: Option<Value>,
    pub authorized: Option<bool>,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
    pub description: Text,
    pub created_date: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Photo {
    pub id: Text,
    pub photo: Text,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SocialMedia {
    pub id: Text,
    pub code: Text,
    pub name: Text,
    pub account: Text,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    pub id: Text,
    pub code: Text,
    pub name: Text,
    pub description: Text,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    pub id: Text,
    pub name: Text,
    pub email: Text,
    pub phone_calling_code: Text,
    pub phone_number: Text,
    /// Of a person's business.
    pub liveness_image: Text,
    pub position: Code,
    pub nationality: Code,
    pub liveness_factor: Code,
    pub use_primary: Option<bool>,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    pub id: Text,
    pub name: Text,
    pub area: Code,
    pub country: Code,
    pub use_primary: Option<bool>,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    pub id: Text,
    /// The contact (CNT-) or brand (BRN-) it belongs to; absent of the business's own.
    pub relation: Text,
    pub link: Text,
    pub document: Code,
    pub forms: List<Coded>,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bank {
    pub id: Text,
    pub bank_id: Text,
    pub bank_name: Text,
    /// Holds the clearing number, such as 014.
    pub swift_code: Text,
    pub account_name: Text,
    pub account_number: Text,
    /// Empty in the samples.
    pub documents: Option<Value>,
    pub country: Code,
    pub currency: Code,
    pub rejected: Option<bool>,
    pub notified: Option<bool>,
    pub approval_uuid: Text,
    pub status: Text,
}

/// What DOKU said, with every secret of a brand taken out, wherever it stands and however it is spelled (the table of
/// seed 002 spells it `share_key`).
pub fn without_secrets(mut said: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    let name = name.to_ascii_lowercase();
                    let is_secret = ["shared_key", "share_key", "sharedkey", "secret"].iter().any(|w| name.contains(w));
                    if is_secret { *field = "…".into() } else { walk(field) }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::String(text) if text.starts_with("SK-") => *text = "…".into(),
            _ => {}
        }
    }
    walk(&mut said);
    said
}
