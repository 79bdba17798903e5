//! OY!'s bodies (contracts/oy.md 1.1 to 1.4). Answers are read tolerantly: every field may be absent or null.

use serde::{Deserialize, Serialize};

use crate::providers::tolerant::text_or_number;

/// `POST /api/inquiry`.
#[derive(Serialize)]
pub struct InquiryRequest<'a> {
    pub recipient_bank: &'a str,
    pub recipient_account: &'a str,
}

/// `POST /api/remit`. `amount` is an integer in whole rupiah.
#[derive(Serialize)]
pub struct RemitRequest<'a> {
    pub recipient_bank: &'a str,
    pub recipient_account: &'a str,
    pub amount: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub note: &'a str,
    pub partner_trx_id: &'a str,
}

/// `POST /api/remit-status`.
#[derive(Serialize)]
pub struct StatusRequest<'a> {
    pub partner_trx_id: &'a str,
}

/// `{code, message}`: an object always, the code a text of three digits.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Status {
    #[serde(deserialize_with = "text_or_number")]
    pub code: Option<String>,
    pub message: Option<String>,
}

/// The answer to remit and remit-status, and the body of a callback.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemitAnswer {
    pub status: Option<Status>,
    #[serde(deserialize_with = "text_or_number")]
    pub amount: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub recipient_account: Option<String>,
    /// Empty on a rejection.
    pub trx_id: Option<String>,
    pub partner_trx_id: Option<String>,
    pub tx_status_description: Option<String>,
}

/// The answer to inquiry.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct InquiryAnswer {
    pub status: Option<Status>,
    pub recipient_name: Option<String>,
}

/// The answer to balance; camelCase, unlike the others (contracts/oy.md 1.4).
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct BalanceAnswer {
    pub status: Option<Status>,
    #[serde(deserialize_with = "text_or_number")]
    pub balance: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    pub available_balance: Option<String>,
}
