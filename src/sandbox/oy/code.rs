//! OY!'s status codes: three digits and the text printed beside them (contracts/oy.md 1.5).
//!
//! Pure data. Callers of OY! must match on the code only; the texts are the documents' own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::books::Money;
use crate::sandbox::chassis::provider;

/// A status code, written as three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Code(u16);

impl Code {
    pub const SUCCESS: Code = Code(0);
    pub const PROCESSED: Code = Code(101);
    pub const IN_PROGRESS: Code = Code(102);
    pub const USER_NOT_FOUND: Code = Code(201);
    pub const USER_NOT_ACTIVE: Code = Code(202);
    pub const DUPLICATE: Code = Code(203);
    pub const TX_NOT_FOUND: Code = Code(204);
    pub const BANK_NOT_FOUND: Code = Code(205);
    pub const BALANCE_TOO_LOW: Code = Code(206);
    pub const IP_NOT_REGISTERED: Code = Code(207);
    pub const KEY_NOT_VALID: Code = Code(208);
    pub const ACCOUNT_NOT_FOUND: Code = Code(209);
    pub const AMOUNT_NOT_VALID: Code = Code(210);
    pub const OVER_LIMIT_SEED: Code = Code(215);
    pub const OVER_LIMIT: Code = Code(225);
    pub const STILL_IN_PROCESS: Code = Code(257);
    pub const FAILED: Code = Code(300);
    pub const SUSPECT: Code = Code(301);
    pub const TOO_MANY: Code = Code(429);
    pub const NOT_VALID: Code = Code(990);
    pub const INTERNAL: Code = Code(999);

    /// The text that OY! prints beside the code.
    pub fn message(self) -> &'static str {
        match self.0 {
            0 => "Success",
            101 => "Request is Processed",
            102 => "Request is In progress",
            201 => "User is not found",
            202 => "User is not active",
            203 => "Duplicate Partner Tx Id",
            204 => "Tx Id is not found",
            205 => "Bank Code is not found",
            206 => "Request is Rejected (Partner Deposit Balance is not Enough)",
            207 => "Request is Rejected (Request IP Address is not Registered)",
            208 => "Request is Rejected (API Key is not Valid)",
            209 => "Bank Account is not found",
            210 => "Request is Rejected (Amount is not valid)",
            211 => "Request is Rejected (Bank code is not available for this service)",
            215 | 225 => "Request is Rejected (Max amount per transaction exceed for disburse)",
            257 => "Request is Rejected (Partner Tx ID is still in process)",
            264 => "Request is Rejected (Client routing is not valid)",
            300 => "Failed",
            301 => "Suspect",
            429 => "Request is Rejected (Too many requests)",
            504 => "Request Timeout",
            990 => "Request is Rejected (Request Parameter is not Valid)",
            999 => "Internal Server Error",
            _ => "Request is Rejected",
        }
    }
}

impl provider::Code for Code {
    /// Whether a status answer with this code is the payment's end: 000 and the final failures 206, 209, 225, 300.
    fn is_end(self) -> bool {
        matches!(self.0, 0 | 206 | 209 | 225 | 300)
    }

    /// Out on success, back on failure, else where it was.
    fn money(self, was: Money) -> Money {
        match self {
            Code::SUCCESS => Money::Moved,
            code if code.is_end() => Money::None,
            _ => was,
        }
    }

    fn decidable(self) -> Result<(), &'static str> {
        match self.is_end() || self == Code::SUSPECT {
            true => Ok(()),
            false => Err("a payment ends with 000, 206, 209, 225 or 300, or waits at 301"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.to_string()
    }
}

/// Not three digits.
#[derive(Debug, thiserror::Error)]
#[error("a code is three digits")]
pub struct NotACode;

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Code, NotACode> {
        match text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse().map(Code).map_err(|_| NotACode),
            false => Err(NotACode),
        }
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Code, NotACode> {
        text.parse()
    }
}
