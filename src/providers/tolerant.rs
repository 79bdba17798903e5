//! Reading answers that are looser than their documents: a scalar may be text one day and a number the next.
//!
//! For the adapters' wire files. Nothing here decides what a value means.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// For `#[serde(deserialize_with)]` on an `Option<String>`: a scalar kept as its text, `125000` and `"10000.0000"` alike;
/// `None` for everything else.
pub fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Value>::deserialize(deserializer)?.as_ref().and_then(text))
}

/// The text of a scalar, a number's digits as they came.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
