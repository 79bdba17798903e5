//! KasPro's bodies (contracts/kaspro.md 1.1, 1.2, section 5). The names of what we send are configured, as no public
//! document has them; answers are read tolerantly: every field may be absent or null, scalars may be text or numbers.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Config;
use crate::crypto::secret::Personal;
use crate::providers::Order;
use crate::providers::tolerant::text_or_number;

/// The wallet's number among what an order freezes.
pub const MOBILE_NUMBER: &str = "mobile_number";

/// A cash-out to a bank account. The amount is an integer in whole rupiah.
pub struct CashOut<'a> {
    pub config: &'a Config,
    pub order: &'a Order,
}

impl Serialize for CashOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (fields, order) = (&self.config.fields, self.order);
        let text = |text: &str| Value::from(text);
        let mobile_number = order.extras.get(MOBILE_NUMBER).map_or("", Personal::reveal);
        let named = [
            (&fields.request_id, text(&order.reference)),
            (&fields.mobile_number, text(mobile_number)),
            (&fields.pocket_id, text(&self.config.pocket_id)),
            (&fields.amount, order.units.into()),
            (&fields.reference, text(&order.reference)),
            (&fields.bank_code, text(&order.destination)),
            (&fields.bank_account, text(order.account.reveal())),
            (&fields.destination, text(order.account.reveal())),
        ];
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in named.iter().filter(|(name, _)| !name.is_empty()) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The answer to the call for a token.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct TokenAnswer {
    pub access_token: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub expires_in: Option<String>,
}

/// Every other answer.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Envelope {
    #[serde(deserialize_with = "text_or_number")]
    pub code: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub message: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub response_id: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub request_id: Option<String>,
    data: Option<Value>,
}

/// What an answer says of the cash-out: the synchronous and the asynchronous form in one.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Data {
    #[serde(deserialize_with = "text_or_number")]
    pub bank_account: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub account: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub amount: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub reff_id: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub request_id: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub flow_type: Option<String>,
}

impl Envelope {
    /// Reads a body; the failure samples print a key with a blank at its end, so keys are trimmed.
    pub fn read(body: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let trimmed = fields.into_iter().map(|(name, value)| (name.trim().to_owned(), value)).collect();
        serde_json::from_value(Value::Object(trimmed)).ok()
    }

    /// Whether it carries an id or data of an order: a refusal on the way to the service has neither.
    pub fn is_of_service(&self) -> bool {
        self.response_id.is_some() || self.data.as_ref().is_some_and(|data| !data.is_null())
    }

    /// What it says of the cash-out; anything but an object says nothing.
    pub fn data(&self) -> Data {
        self.data.as_ref().and_then(|data| Data::deserialize(data).ok()).unwrap_or_default()
    }
}
