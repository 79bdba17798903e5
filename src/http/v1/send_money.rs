//! `POST /v1/send-money` (contracts/paystrator.md 2.4).

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::payment::Payment;
use crate::crypto::secret::Personal;
use crate::domain::access::{Need, Product};
use crate::domain::destination;
use crate::domain::money::{Currency, Money};
use crate::flows::send_money::{self, Wish};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::extract::{Checked, Http, Shape, idempotency_key, prefer_wait};
use crate::http::reply::{self, Reply, Success};

/// A payment to make. The `receiver…` fields may also stand under `attributes`, and older snake_case names are taken.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "externalId": "ORDER-2026-0001", "amount": 10000, "currency": "IDR", "receiverName": "Budi Santoso",
    "receiverAccountNo": "1239812390", "receiverBankCode": "BCA", "remark": "Invoice 12",
    "metadata": "{\"orderId\":\"ORD-2025-00123\"}"
}))]
pub struct SendMoney {
    /// Your reference; unique for ever.
    #[schema(min_length = 1, max_length = 255, example = "ORDER-2026-0001")]
    pub external_id: String,
    /// Above 0; whole rupiah for IDR, up to two decimals for MYR.
    #[schema(value_type = f64, exclusive_minimum = 0, example = 10000)]
    pub amount: serde_json::Number,
    /// IDR or MYR; IDR when left out.
    #[schema(pattern = "^(IDR|MYR)$", example = "IDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Who sends: left out, or your own client id.
    #[schema(min_length = 1, max_length = 64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<String>,
    #[schema(min_length = 1, max_length = 255, example = "Budi Santoso")]
    pub receiver_name: String,
    /// Digits only.
    #[schema(pattern = "^[0-9]+$", min_length = 4, max_length = 34, example = "1239812390")]
    pub receiver_account_no: String,
    /// A bank's code such as BCA, or its clearing number such as 014.
    #[schema(min_length = 2, max_length = 32, example = "BCA")]
    pub receiver_bank_code: String,
    #[schema(max_length = 140)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Any text; returned exactly as given, never sent to a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// SEND_MONEY, if given.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(?i)send_money$", example = "SEND_MONEY")]
    pub kind: Option<String>,
}

impl Shape for SendMoney {
    fn today(body: &mut Map<String, Value>) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut put = |body: &mut Map<String, Value>, name: &str, value: Value| match body.get(name) {
            Some(given) if *given != value => {
                wrong.push(FieldError { field: name.into(), message: "is given twice with different values".into() });
            }
            _ => {
                body.insert(name.into(), value);
            }
        };
        // The older page version's names (contracts/paystrator.md section 4, no. 25).
        const OLD: [(&str, &str); 5] = [
            ("external_id", "externalId"),
            ("sender_id", "senderId"),
            ("receiver_name", "receiverName"),
            ("receiver_account_no", "receiverAccountNo"),
            ("receiver_bank_code", "receiverBankCode"),
        ];
        // The example's shape: receivers under `attributes` (no. 24).
        if let Some(Value::Object(nested)) = body.get("attributes").filter(|a| a.is_object()).cloned() {
            body.remove("attributes");
            for (name, value) in nested {
                let name = OLD.iter().find(|(old, _)| *old == name).map_or(name.clone(), |(_, new)| (*new).to_owned());
                if name.starts_with("receiver") {
                    put(body, &name, value);
                } else {
                    wrong_attribute(body, &name, value);
                }
            }
        }
        for (old, new) in OLD {
            if let Some(value) = body.remove(old) {
                put(body, new, value);
            }
        }
        wrong
    }
}

/// Keeps a stray attribute under its full name, so that the check names it.
fn wrong_attribute(body: &mut Map<String, Value>, name: &str, value: Value) {
    body.insert(format!("attributes.{name}"), value);
}

/// Send money to a bank account.
///
/// The answer comes as soon as the payment is written down; the provider's speed is not in it. 200 means accepted,
/// not paid: the result comes to your webhook endpoint. With `Prefer: wait=N` the answer is held for up to N seconds
/// or until the payment is final.
#[utoipa::path(
    post, path = "/v1/send-money", tag = "Payments", operation_id = "send_money",
    request_body = SendMoney,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats of the same request answer the first payment"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds for the end"),
    ),
    responses(
        (status = 200, body = Success<Payment>),
        (status = 400, body = Failure, description = "`wrong_parameters_in_request`: every wrong field is named"),
        (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 409, body = Failure, description = "`invalid_parameters_in_request`: the externalId was used; `invalid_sender_id`; `no_connection`"),
        (status = 413, body = Failure), (status = 422, body = Failure, description = "`idempotency_key_reused`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn create(
    State(http): State<Http>,
    auth: Auth,
    headers: HeaderMap,
    Checked { body, hash }: Checked<SendMoney>,
) -> Result<Reply<Payment>, ApiError> {
    let app = &http.app;
    let caller = auth.may(Product::SendMoney, Need::Write)?;
    let key = idempotency_key(&headers)?;
    let mut wish = wish(body, app.config.limits.metadata_bytes)?;
    wish.idempotency = key.map(|key| (key, hash));
    let accepted = send_money::accept(app, &caller, wish).await?;
    let id = accepted.view.row.id;
    let mut view = accepted.view;
    if let Some(seconds) = prefer_wait(&headers) {
        let seconds = seconds.min(app.config.server.wait_limit_s);
        let until = app.now() + Duration::from_secs(seconds);
        view = send_money::wait(app, &caller, id, until).await?.unwrap_or(view);
    }
    let mut payment = Payment::of(&view);
    if accepted.replayed {
        if prefer_wait(&headers).is_none() {
            // The first answer, as it was told: accepted.
            payment = Payment::of(&view.as_accepted());
        }
        return Ok(reply::ok(payment).header("idempotent-replayed", "true"));
    }
    Ok(reply::ok(payment))
}

/// Checks what a schema cannot say.
fn wish(body: SendMoney, metadata_bytes: usize) -> Result<Wish, ApiError> {
    let mut wrong = Vec::new();
    let mut miss = |field: &str, message: String| wrong.push(FieldError { field: field.into(), message });
    let currency = body.currency.as_deref().map_or(Some(Currency::Idr), Currency::parse).unwrap_or(Currency::Idr);
    let money = Money::parse_positive(&body.amount.to_string(), currency);
    if let Err(error) = &money {
        miss("amount", error.to_string());
    }
    let bank = destination::find(&body.receiver_bank_code);
    if bank.is_none() {
        miss(
            "receiverBankCode",
            "is not a bank or e-wallet we know; give a code such as BCA or DANA, or a bank's number such as 014".into(),
        );
    }
    if body.metadata.as_ref().is_some_and(|metadata| metadata.len() > metadata_bytes) {
        miss("metadata", format!("must have at most {metadata_bytes} bytes"));
    }
    let texts = [("externalId", &body.external_id), ("receiverName", &body.receiver_name)];
    for (field, text) in texts {
        if text.trim().is_empty() {
            miss(field, "must not be blank".into());
        }
        if text.chars().any(char::is_control) {
            miss(field, "must not hold control characters".into());
        }
    }
    if body.remark.as_ref().is_some_and(|remark| remark.chars().any(char::is_control)) {
        miss("remark", "must not hold control characters".into());
    }
    if body.metadata.as_ref().is_some_and(|metadata| metadata.contains('\0')) {
        miss("metadata", "must not hold a zero character".into());
    }
    match (money, bank, wrong.is_empty()) {
        (Ok(money), Some(bank), true) => Ok(Wish {
            external_id: body.external_id,
            money,
            destination: bank.code.to_owned(),
            account: Personal::new(body.receiver_account_no),
            name: Personal::new(body.receiver_name),
            remark: body.remark.unwrap_or_default(),
            sender_id: body.sender_id,
            metadata: body.metadata,
            idempotency: None,
        }),
        _ => Err(ApiError::fields(wrong)),
    }
}
