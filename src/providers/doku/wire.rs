//! DOKU's bodies (contracts/doku.md 2.1, 3.8). What we send is compact and pure ASCII; answers are read tolerantly: every
//! field may be absent or null, codes may be text or numbers.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::domain::money::Money;
use crate::providers::tolerant::text_or_number;

/// `body` as the bytes to sign and send.
pub fn ascii(body: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Ascii(CompactFormatter));
    body.serialize(&mut serializer).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Compact JSON in which every character beyond ASCII is escaped: two verifiers that read one text differently still
/// hash the same bytes (contracts/doku.md 2.3, vectors S7a and S7b).
struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for part in fragment.split_inclusive(|c: char| !c.is_ascii()) {
            let plain = part.trim_end_matches(|c: char| !c.is_ascii());
            self.0.write_string_fragment(writer, plain)?;
            for unit in part[plain.len()..].encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// `{"value":"25000.00","currency":"IDR"}`.
#[derive(Serialize)]
pub struct Amount {
    value: String,
    currency: &'static str,
}

impl Amount {
    pub fn of(money: Money) -> Self {
        let decimal = money.decimal();
        let value = if decimal.contains('.') { decimal } else { format!("{decimal}.00") };
        Amount { value, currency: money.currency.as_str() }
    }
}

/// `POST /authorization/v1/access-token/b2b`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRequest {
    pub grant_type: &'static str,
}

/// `POST /snap/v1.1/emoney/bank-account-inquiry`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InquiryRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_reference_no: Option<&'a str>,
    pub customer_number: &'a str,
    pub amount: Amount,
    pub beneficiary_account_number: &'a str,
    pub additional_info: InquiryInfo<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InquiryInfo<'a> {
    pub beneficiary_bank_code: &'a str,
    pub beneficiary_account_name: &'a str,
    pub sender_country_code: &'static str,
    pub channel_code: &'a str,
}

/// `POST /snap/v1.1/emoney/transfer-bank`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferRequest<'a> {
    pub partner_reference_no: &'a str,
    pub customer_number: &'a str,
    pub beneficiary_account_number: &'a str,
    pub beneficiary_bank_code: &'a str,
    pub amount: Amount,
    pub session_id: &'a str,
    pub additional_info: TransferInfo<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferInfo<'a> {
    pub beneficiary_first_name: &'a str,
    pub beneficiary_last_name: &'a str,
    pub beneficiary_account_name: &'a str,
    pub sender_country_code: &'static str,
    pub sender_first_name: &'a str,
    pub sender_last_name: &'a str,
    pub channel_code: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub remark: &'a str,
}

/// The status call; `service_code` 43 is the transfer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusRequest<'a> {
    pub original_partner_reference_no: &'a str,
    pub service_code: &'static str,
}

/// `POST /snap/v1.1/balance-inquiry`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BalanceRequest<'a> {
    pub account_no: &'a str,
}

/// What every answer has, good or bad.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Envelope {
    #[serde(deserialize_with = "text_or_number")]
    pub response_code: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub response_message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct TokenAnswer {
    pub access_token: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub expires_in: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct InquiryAnswer {
    #[serde(deserialize_with = "text_or_number")]
    pub partner_reference_no: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub beneficiary_account_number: Option<String>,
    pub beneficiary_account_name: Option<String>,
    pub amount: Option<Value>,
    #[serde(deserialize_with = "text_or_number")]
    pub session_id: Option<String>,
}

/// The answer to a transfer, and to a question for its status.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct TransferAnswer {
    #[serde(deserialize_with = "text_or_number")]
    pub reference_no: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub original_reference_no: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub partner_reference_no: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub original_partner_reference_no: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub beneficiary_account_number: Option<String>,
    pub amount: Option<Value>,
    #[serde(deserialize_with = "text_or_number")]
    pub latest_transaction_status: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub transaction_status_desc: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub original_response_code: Option<String>,
    pub additional_info: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct BalanceAnswer {
    /// An array on the live sandbox, an object in the documents.
    pub account_infos: Option<Value>,
}

/// The notification of a payout (contracts/doku.md 3.8); nothing else of it is believed.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Notification {
    #[serde(deserialize_with = "text_or_number")]
    pub send_trx_id: Option<String>,
}
