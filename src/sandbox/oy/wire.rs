//! OY! on the wire: which address is which call, how a request is read, how an answer is written, what faults do to it.
//!
//! Reading is as tolerant as the world needs (contracts/oy.md 1.0, 5): odd Content-Types, unknown fields, nulls,
//! stray bodies. It decides nothing about money; `calls` does.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::Oy;
use super::code::Code;
use crate::sandbox::chassis::faults::{Effects, Matched};
use crate::sandbox::chassis::server::Cut;

/// The calls that are built; everything else is HTTP 404, a wrong method too (contracts/oy.md 1.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Inquiry,
    Remit,
    RemitStatus,
    Balance,
}

impl Operation {
    /// By path: at the root and below the seed's `/staging/partner`, with any number of slashes between.
    fn find(method: &Method, path: &str) -> Option<Operation> {
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        let name = match parts.as_slice() {
            ["api", name] | ["staging", "partner", "api", name] => *name,
            _ => return None,
        };
        match (method.as_str(), name) {
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
pub(super) struct Call {
    pub operation: Operation,
    pub username: Option<String>,
    pub api_key: Option<String>,
    /// `None` when the body is not a JSON object.
    body: Option<Map<String, Value>>,
}

impl Call {
    fn read(operation: Operation, headers: &HeaderMap, body: &[u8]) -> Call {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(|v| v.trim().to_owned());
        Call {
            operation,
            // The other brands of the same engine say x-username.
            username: header("x-oy-username").or_else(|| header("x-username")),
            api_key: header("x-api-key"),
            body: serde_json::from_slice(body).ok(),
        }
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
pub(super) struct Fields {
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
pub(super) struct Reply {
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

/// The provider's own address: one door, since paths may carry a prefix and stray slashes.
pub(super) fn router(oy: Oy) -> Router {
    Router::new().fallback(answer).with_state(oy)
}

async fn answer(
    State(oy): State<Oy>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(operation) = Operation::find(&method, uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let call = Call::read(operation, &headers, &body);
    let effects = oy.effects_on(&call);
    if !effects.before.any() && !effects.after.any() && !effects.callback_first {
        return work(oy, call, effects, cut).await;
    }
    // A real server goes on when the caller hangs up: a late request is booked all the same.
    let tasks = oy.tasks().clone();
    let late = tasks.spawn(work(oy, call, effects, cut.clone()));
    late.await.unwrap_or_else(|_| cut.now())
}

async fn work(oy: Oy, call: Call, mut effects: Effects, cut: Cut) -> Response {
    if !oy.waited(std::mem::take(&mut effects.before)).await || effects.drop_request {
        return cut.now();
    }
    if let Some(status) = effects.error_before {
        return http_error(status, effects.retry_after_s);
    }
    let Ok(mut reply) = oy.perform(&call, &effects).await else {
        return http_error(500, None);
    };
    if !oy.waited(std::mem::take(&mut effects.after)).await || effects.drop_response {
        return cut.now();
    }
    if let Some(status) = effects.error_after {
        return http_error(status, effects.retry_after_s);
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    if let Some(garbage) = effects.garbage {
        return (json, garbage).into_response();
    }
    reply.spoil(&effects);
    (reply.http, json, reply.body()).into_response()
}

fn http_error(status: u16, retry_after_s: Option<u64>) -> Response {
    let mut answer = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    if let Some(seconds) = retry_after_s {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

impl Oy {
    /// The faults that hit this call. A status call has no account of its own: the books know it.
    fn effects_on(&self, call: &Call) -> Effects {
        if !self.faults().any() {
            return Effects::default();
        }
        let reference = call.text("partner_trx_id");
        let known = match call.operation {
            Operation::RemitStatus => reference.and_then(|id| self.payment(id)).map(|row| row.recipient_account),
            _ => None,
        };
        let account = call.text("recipient_account").or(known.as_deref());
        let sends = call.operation == Operation::Remit;
        let matched = Matched { operation: call.operation.name(), account, reference, sends };
        let effects = self.faults().take(&matched, self.clock().now());
        self.mark();
        effects
    }
}
