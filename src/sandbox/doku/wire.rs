//! DOKU on the wire: which address is which call, how a request is read, how an answer is written.
//!
//! It decides nothing about money; `calls` does.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::code::Code;
use crate::sandbox::chassis::faults::{Effects, Matched};
use crate::sandbox::chassis::provider::Incoming;

/// The calls that are built; everything else is HTTP 404, as the real host answers (contracts/doku.md 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Token,
    Inquiry,
    Transfer,
    Balance,
    /// The documented status call, whose path says "qr" (contracts/doku.md 3.8).
    QrStatus,
    /// The other status call that was seen.
    TransferStatus,
}

impl Operation {
    fn find(request: &Incoming) -> Option<Operation> {
        match (request.method.as_str(), request.uri.path()) {
            ("POST", "/authorization/v1/access-token/b2b") => Some(Operation::Token),
            ("POST", "/snap/v1.1/emoney/bank-account-inquiry") => Some(Operation::Inquiry),
            ("POST", "/snap/v1.1/emoney/transfer-bank") => Some(Operation::Transfer),
            ("POST", "/snap/v1.1/balance-inquiry") => Some(Operation::Balance),
            ("POST", "/snap/v1.1/qr/qr-mpm-status") => Some(Operation::QrStatus),
            ("POST", "/snap/v1.1/transfer/status") => Some(Operation::TransferStatus),
            _ => None,
        }
    }

    /// The service code inside every response code.
    pub fn service(self) -> u8 {
        match self {
            Operation::Token => 73,
            Operation::Inquiry => 42,
            Operation::Transfer => 43,
            Operation::Balance => 11,
            Operation::QrStatus => 53,
            Operation::TransferStatus => 36,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Operation::Token => "token",
            Operation::Inquiry => "inquiry",
            Operation::Transfer => "transfer",
            Operation::Balance => "balance",
            Operation::QrStatus | Operation::TransferStatus => "status",
        }
    }
}

/// A request as far as it could be read.
pub struct Call {
    pub operation: Operation,
    pub request: Incoming,
    /// `Null` when the body is not JSON.
    body: Value,
}

impl Call {
    pub fn read(request: Incoming) -> Option<Call> {
        let operation = Operation::find(&request)?;
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        Some(Call { operation, request, body })
    }

    /// What the faults look at. A status call has no account of its own.
    pub fn matched(&self) -> Matched<'_> {
        let reference = match self.operation {
            Operation::QrStatus | Operation::TransferStatus => "originalPartnerReferenceNo",
            _ => "partnerReferenceNo",
        };
        let (account, reference) = (self.text("beneficiaryAccountNumber"), self.text(reference));
        Matched { operation: self.operation.name(), account, reference, sends: self.operation == Operation::Transfer }
    }

    /// A field, by its path with points between; null counts as absent.
    pub fn field(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.body, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// A field that is a string with something in it.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.field(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// A mandatory field: a string of at most `max` characters.
    pub fn needed(&self, path: &str, max: usize) -> Result<&str, Reply> {
        match self.field(path) {
            None => Err(self.missing(path)),
            Some(value) if value.as_str() == Some("") => Err(self.missing(path)),
            Some(value) => {
                value.as_str().filter(|text| text.chars().count() <= max).ok_or_else(|| self.malformed(path))
            }
        }
    }

    /// A field that may be absent, but not of another form.
    pub fn optional(&self, path: &str, max: usize) -> Result<Option<&str>, Reply> {
        self.field(path).map(|_| self.needed(path, max)).transpose()
    }

    /// `amount` as an object of SNAP: a value with two decimals, and IDR. Whole rupiah only, above 0.
    pub fn amount(&self) -> Result<i64, Reply> {
        let (value, currency) = (self.needed("amount.value", 19)?, self.needed("amount.currency", 3)?);
        if currency != "IDR" {
            return Err(self.malformed("amount.currency"));
        }
        let whole = value.strip_suffix(".00").filter(|whole| digits(whole));
        let units = whole.and_then(|whole| whole.parse().ok()).filter(|units| *units > 0);
        units.ok_or_else(|| self.malformed("amount.value"))
    }

    /// An answer of this call's service.
    pub fn says(&self, http: u16, case: u8) -> Reply {
        Reply::of(Code::response(http, self.operation.service(), case))
    }

    /// 400xx02, with the field's name.
    pub fn missing(&self, field: &str) -> Reply {
        self.says(400, 2).about(field)
    }

    /// 400xx01, with the field's name.
    pub fn malformed(&self, field: &str) -> Reply {
        self.says(400, 1).about(field)
    }

    /// 401xx00, with the reason.
    pub fn unauthorized(&self, reason: &str) -> Reply {
        let mut reply = self.says(401, 0);
        reply.message = format!("Unauthorized. {reason}");
        reply
    }
}

/// Digits, at least one.
pub fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// An amount as SNAP writes it.
pub fn money(units: i64) -> Value {
    json!({ "value": decimal(units), "currency": "IDR" })
}

/// Whole rupiah with two decimals.
pub fn decimal(units: i64) -> String {
    format!("{units}.00")
}

/// An answer before it is bytes.
pub struct Reply {
    code: Code,
    message: String,
    fields: Map<String, Value>,
    numeric: bool,
}

impl Reply {
    pub fn of(code: Code) -> Reply {
        Reply { code, message: code.message().to_owned(), fields: Map::new(), numeric: false }
    }

    /// Names the field that the message is about.
    fn about(mut self, field: &str) -> Reply {
        self.message = format!("{} {field}", self.message);
        self
    }

    /// Puts fields beside code and message.
    pub fn with(mut self, fields: Value) -> Reply {
        if let Value::Object(fields) = fields {
            self.fields.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        }
        self
    }

    /// Writes the code as a number.
    pub fn numeric(mut self, numeric: bool) -> Reply {
        self.numeric = numeric;
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }

    /// The answer as bytes, with what the faults want to be wrong: seven digits are told as the response code, two as
    /// the status.
    pub fn write(mut self, effects: &Effects) -> Response {
        match effects.wrong_code.as_ref().and_then(|code| code.parse::<Code>().ok()) {
            Some(code) if code.is_response() => (self.code, self.message) = (code, code.message().to_owned()),
            Some(status) if self.fields.contains_key("latestTransactionStatus") => {
                self.fields.insert("latestTransactionStatus".into(), status.to_string().into());
                self.fields.insert("transactionStatusDesc".into(), status.message().into());
            }
            _ => {}
        }
        if effects.wrong_amount {
            let fields = &mut self.fields;
            fields.get_mut("amount").and_then(|amount| amount.get_mut("value")).into_iter().for_each(swell);
            fields.get_mut("additionalInfo").and_then(|info| info.get_mut("amount")).into_iter().for_each(swell);
        }
        let code = if self.numeric { self.code.number().into() } else { self.code.to_string().into() };
        self.fields.insert("responseCode".into(), code);
        self.fields.insert("responseMessage".into(), self.message.into());
        let http = StatusCode::from_u16(self.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Value::Object(self.fields).to_string();
        (http, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// A hundred times as much.
fn swell(amount: &mut Value) {
    if let Some(whole) = amount.as_str().and_then(|text| text.strip_suffix(".00")) {
        *amount = format!("{whole}00.00").into();
    }
}
