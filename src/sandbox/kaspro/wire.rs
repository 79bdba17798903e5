//! KasPro on the wire: which address is which call, how a request is read, how an answer is written.
//!
//! It decides nothing about money; `calls` does.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::code::Code;
use crate::sandbox::chassis::faults::{Effects, Matched};
use crate::sandbox::chassis::provider::Incoming;

/// The calls that are built; everything else is HTTP 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Token,
    Inquiry,
    Transfer,
    /// Invented, and only served when the settings say so.
    Status,
}

impl Operation {
    /// Paths carry a slash at the end, the token's does not (contracts/kaspro.md 1.0).
    fn find(request: &Incoming) -> Option<Operation> {
        match (request.method.as_str(), request.uri.path()) {
            ("POST", "/authentication-server/oauth/token" | "/authentication-server/oauth/token/") => {
                Some(Operation::Token)
            }
            ("GET", "/customer-account-inquiry/") => Some(Operation::Inquiry),
            ("POST", "/bank-transfer/") => Some(Operation::Transfer),
            ("POST", "/bank-transfer-status/") => Some(Operation::Status),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Operation::Token => "token",
            Operation::Inquiry => "inquiry",
            Operation::Transfer => "transfer",
            Operation::Status => "status",
        }
    }
}

/// A request as far as it could be read.
pub struct Call {
    pub operation: Operation,
    pub request: Incoming,
    /// `None` when the body is not a JSON object.
    body: Option<Map<String, Value>>,
}

impl Call {
    pub fn read(request: Incoming) -> Option<Call> {
        let operation = Operation::find(&request)?;
        let body = serde_json::from_slice(&request.body).ok();
        Some(Call { operation, request, body })
    }

    /// What the faults look at.
    pub fn matched(&self) -> Matched<'_> {
        let (account, reference) = (self.destination(), self.text("requestId"));
        Matched { operation: self.operation.name(), account, reference, sends: self.operation == Operation::Transfer }
    }

    /// A field; null counts as absent.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.body.as_ref()?.get(name).filter(|value| !value.is_null())
    }

    /// A field that is a string with something in it.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Where the money goes: `bankAccount`, or `destination` in its place.
    pub fn destination(&self) -> Option<&str> {
        self.text("bankAccount").or_else(|| self.text("destination"))
    }
}

/// An answer, or a callback, before it is bytes.
pub struct Reply {
    pub http: StatusCode,
    /// `None` is an answer without a body.
    pub body: Option<Value>,
}

impl Reply {
    /// The envelope (contracts/kaspro.md 1.1) without `responseId` and `data`.
    pub fn says(code: Code) -> Reply {
        Reply::with(code, code.message())
    }

    /// The envelope with words of its own.
    pub fn with(code: Code, message: &str) -> Reply {
        let http = StatusCode::from_u16(code.http()).unwrap_or(StatusCode::OK);
        Reply { http, body: Some(json!({ "code": code.0, "message": message })) }
    }

    /// A bare HTTP status, as a gateway gives it.
    pub fn bare(http: StatusCode) -> Reply {
        Reply { http, body: None }
    }

    /// Puts a field into the body.
    pub fn set(mut self, name: &str, value: Value) -> Reply {
        if let Some(Value::Object(body)) = &mut self.body {
            body.insert(name.to_owned(), value);
        }
        self
    }

    /// Takes a field out of the body.
    pub fn without(mut self, name: &str) -> Reply {
        if let Some(Value::Object(body)) = &mut self.body {
            body.remove(name);
        }
        self
    }

    /// The answer as bytes, with what the faults want to be wrong.
    pub fn write(mut self, effects: &Effects) -> Response {
        if let Some(Value::Object(body)) = &mut self.body {
            if let Some(code) = effects.wrong_code.as_ref().and_then(|code| code.parse::<Code>().ok())
                && body.contains_key("code")
            {
                body.insert("code".into(), code.0.into());
                body.insert("message".into(), code.message().into());
                self.http = StatusCode::from_u16(code.http()).unwrap_or(StatusCode::OK);
            }
            if effects.wrong_amount
                && let Some(Value::Object(data)) = body.get_mut("data")
            {
                for name in ["amount", "price", "totalAmount"] {
                    data.get_mut(name).into_iter().for_each(swell);
                }
            }
        }
        match self.body {
            Some(body) => (self.http, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response(),
            None => self.http.into_response(),
        }
    }
}

/// A hundred times as much, in the form it had.
fn swell(amount: &mut Value) {
    match amount {
        Value::String(text) => text.push_str("00"),
        number => *number = number.as_i64().map_or(Value::Null, |n| n.saturating_mul(100).into()),
    }
}
