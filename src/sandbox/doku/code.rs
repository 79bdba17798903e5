//! DOKU's codes (contracts/doku.md 2.4): the two digits of `latestTransactionStatus`, and the seven of `responseCode`.
//!
//! Pure data. A payment in the books says the two digits; an order that was rejected says the seven it was told.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::books::Money;
use crate::sandbox::chassis::provider;

/// A status of two digits, or a response code of seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Code(u32);

impl Code {
    pub const PAID: Code = Code(0);
    pub const PENDING: Code = Code(3);
    pub const RETURNED: Code = Code(4);
    pub const CANCELLED: Code = Code(5);
    pub const FAILED: Code = Code(6);
    pub const NOT_FOUND: Code = Code(7);

    /// The response code of HTTP status, service and case.
    pub fn response(http: u16, service: u8, case: u8) -> Code {
        Code(u32::from(http) * 10_000 + u32::from(service) * 100 + u32::from(case))
    }

    /// Whether it is a response code: seven digits.
    pub fn is_response(self) -> bool {
        self.0 > 99
    }

    /// The HTTP status that a response code begins with.
    pub fn http(self) -> u16 {
        u16::try_from(self.0 / 10_000).unwrap_or(500)
    }

    /// The number, as the documents' samples sometimes print it.
    pub fn number(self) -> u32 {
        self.0
    }

    /// What stands beside the code; a field's name follows where the case has one.
    pub fn message(self) -> &'static str {
        if !self.is_response() {
            return match self {
                Code::PAID => "Success",
                Code(1) => "Initiated",
                Code(2) => "Paying",
                Code::PENDING => "Pending",
                Code::RETURNED => "Refunded",
                Code::CANCELLED => "Cancelled",
                Code::FAILED => "Failed",
                _ => "Not Found",
            };
        }
        match (self.http(), self.0 % 100) {
            (200, _) => "Successful",
            (202, _) => "Request In Progress",
            (400, 1) => "Invalid Field Format",
            (400, 2) => "Invalid Mandatory Field",
            (400, 3) => "Transaction Already Success",
            (400, 4) => "Invalid Parameter",
            (400, _) => "Bad Request",
            (401, 1) => "Invalid Token (B2B)",
            (401, 3) => "Token Not Found (B2B)",
            (401, _) => "Unauthorized",
            (403, 1) => "Feature Not Allowed",
            (403, 2) => "Exceeds Transaction Amount Limit",
            (403, 3) => "Suspected Fraud",
            (403, 4) => "Activity Count Limit Exceeded",
            (403, 5) => "Do Not Honor",
            (403, 6) => "Feature Not Allowed At This Time",
            (403, 9) => "Dormant Account",
            (403, 14) => "Insufficient Funds",
            (403, 15) => "Transaction Not Permitted",
            (403, 18) => "Inactive Account",
            (404, 1) => "Transaction Not Found",
            (404, 2) => "Invalid Routing",
            (404, 8) => "Invalid Merchant",
            (404, 11) => "Invalid Account",
            (404, 13) => "Invalid Amount",
            (404, 18) => "Inconsistent Request",
            (409, 0) => "Conflict",
            (409, 1) => "Duplicate partnerReferenceNo",
            (429, _) => "Too Many Requests",
            (500, 1) => "Internal Server Error",
            (500, 2) => "External Server Error",
            (504, _) => "Timeout",
            _ => "General Error",
        }
    }
}

impl provider::Code for Code {
    fn is_end(self) -> bool {
        matches!(self, Code::PAID | Code::RETURNED | Code::CANCELLED | Code::FAILED)
    }

    fn money(self, was: Money) -> Money {
        match self {
            Code::PAID => Money::Moved,
            Code::RETURNED => Money::Returned,
            Code::CANCELLED | Code::FAILED => Money::None,
            _ => was,
        }
    }

    fn decidable(self) -> Result<(), &'static str> {
        match provider::Code::is_end(self) || self == Code::PENDING {
            true => Ok(()),
            false => Err("a payment ends with 00, 04, 05 or 06, or waits at 03"),
        }
    }

    /// What was paid may come back.
    fn may_follow(self, earlier: Code) -> bool {
        !provider::Code::is_end(earlier) || (earlier == Code::PAID && self == Code::RETURNED)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.to_string()
    }
}

/// Neither two digits nor seven that begin with an HTTP status.
#[derive(Debug, thiserror::Error)]
#[error("a code is a status of two digits or a response code of seven")]
pub struct NotACode;

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Code, NotACode> {
        let code = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().map(Code).ok()).flatten();
        let fits = |code: &Code| text.len() == 2 || (text.len() == 7 && (200..=599).contains(&code.http()));
        code.filter(fits).ok_or(NotACode)
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Code, NotACode> {
        text.parse()
    }
}
