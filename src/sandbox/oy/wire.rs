//! OY! on the wire: which address is which call, how a request is read, how an answer is written.
//!
//! Reading is as tolerant as the world needs (contracts/oy.md 1.0, 5): odd Content-Types, unknown fields, nulls,
//! stray bodies. It decides nothing about money; `calls` does.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::code::Code;
use crate::sandbox::chassis::faults::{Effects, Matched};
use crate::sandbox::chassis::provider::Incoming;

/// The calls that are built; everything else is HTTP 404, a wrong method too (contracts/oy.md 1.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Inquiry,
    Remit,
    RemitStatus,
    Balance,
}

impl Operation {
    /// By path: at the root and below the seed's `/staging/partner`, with any number of slashes between.
    fn find(request: &Incoming) -> Option<Operation> {
        let name = match request.parts().as_slice() {
            ["api", name] | ["staging", "partner", "api", name] => *name,
            _ => return None,
        };
        match (request.method.as_str(), name) {
            ("POST", "inquiry") => Some(Operation::Inquiry),
            ("POST", "remit") => Some(Operation::Remit),
            ("POST", "remit-status") => Some(Operation::RemitStatus),
            ("GET", "balance") => Some(Operation::Balance),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Operation::Inquiry => "inquiry",
            Operation::Remit => "remit",
            Operation::RemitStatus => "remit-status",
            Operation::Balance => "balance",
        }
    }
}

/// A request as far as it could be read.
pub struct Call {
    pub operation: Operation,
    pub username: Option<String>,
    pub api_key: Option<String>,
    /// `None` when the body is not a JSON object.
    body: Option<Map<String, Value>>,
}

impl Call {
    pub fn read(request: &Incoming) -> Option<Call> {
        let header = |name: &str| request.header(name).map(str::to_owned);
        Some(Call {
            operation: Operation::find(request)?,
            // The other brands of the same engine say x-username.
            username: header("x-oy-username").or_else(|| header("x-username")),
            api_key: header("x-api-key"),
            body: serde_json::from_slice(&request.body).ok(),
        })
    }

    /// What the faults look at. A status call has no account of its own.
    pub fn matched(&self) -> Matched<'_> {
        let (account, reference) = (self.text("recipient_account"), self.text("partner_trx_id"));
        Matched { operation: self.operation.name(), account, reference, sends: self.operation == Operation::Remit }
    }

    /// A field; null counts as absent.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.body.as_ref()?.get(name).filter(|v| !v.is_null())
    }

    /// A field that is a string with something in it.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str().filter(|t| !t.is_empty())
    }
}

/// Every field of every answer, in the order the documents print them; a call fills what it has.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Number>,
    #[serde(rename = "recipient_name", skip_serializing_if = "Option::is_none")]
    pub recipient_name: Option<String>,
    #[serde(rename = "recipient_bank", skip_serializing_if = "Option::is_none")]
    pub recipient_bank: Option<String>,
    #[serde(rename = "recipient_account", skip_serializing_if = "Option::is_none")]
    pub recipient_account: Option<String>,
    #[serde(rename = "trx_id", skip_serializing_if = "Option::is_none")]
    pub trx_id: Option<String>,
    #[serde(rename = "partner_trx_id", skip_serializing_if = "Option::is_none")]
    pub partner_trx_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdraft_balance: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overbooking_balance: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_balance: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_balance: Option<i64>,
    #[serde(rename = "timestamp")]
    pub timestamp: String,
    #[serde(rename = "created_date", skip_serializing_if = "Option::is_none")]
    pub created_date: Option<String>,
    #[serde(rename = "last_updated_date", skip_serializing_if = "Option::is_none")]
    pub last_updated_date: Option<String>,
    #[serde(rename = "tx_status_description", skip_serializing_if = "Option::is_none")]
    pub tx_status_description: Option<String>,
}

/// An answer, or a callback, before it is bytes.
#[derive(Clone, Debug)]
pub struct Reply {
    pub code: Code,
    pub http: StatusCode,
    pub fields: Fields,
}

impl Reply {
    pub fn new(code: Code, now: DateTime<Utc>) -> Reply {
        Reply { code, http: StatusCode::OK, fields: Fields { timestamp: stamp(now), ..Fields::default() } }
    }

    /// Puts in what the faults want to be wrong.
    pub fn spoil(&mut self, effects: &Effects) {
        if let Some(code) = effects.wrong_code.as_ref().and_then(|c| c.parse().ok()) {
            self.code = code;
        }
        if effects.wrong_amount
            && let Some(amount) = self.fields.amount.take()
        {
            // The text, not the number: `10000.0000` must stay decimal. Two zeros before the point are a hundred times.
            let text = amount.to_string();
            let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(w, f)| (w, f));
            let dot = if fraction.is_empty() { "" } else { "." };
            self.fields.amount = format!("{whole}00{dot}{fraction}").parse().ok();
        }
    }

    pub fn into_response(self) -> Response {
        (self.http, [(header::CONTENT_TYPE, "application/json")], self.body()).into_response()
    }

    /// The JSON body.
    pub fn body(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Whole<'a> {
            status: Status,
            #[serde(flatten)]
            fields: &'a Fields,
        }
        #[derive(Serialize)]
        struct Status {
            code: Code,
            message: &'static str,
        }
        let status = Status { code: self.code, message: self.code.message() };
        serde_json::to_vec(&Whole { status, fields: &self.fields }).expect("plain fields always have a JSON form")
    }
}

/// `dd-MM-yyyy HH:mm:ss`, UTC (contracts/oy.md 0.1).
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%d-%m-%Y %H:%M:%S").to_string()
}

/// An amount as status answers and callbacks print it: `10000.0000` (contracts/oy.md 1.0).
pub(super) fn decimal(amount: i64) -> Option<Number> {
    format!("{amount}.0000").parse().ok()
}
