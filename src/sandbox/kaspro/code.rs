//! KasPro's codes (contracts/kaspro.md 1.3), and ours where it publishes none: those from 900000 on are invented and
//! belong to this simulator alone.
//!
//! Pure data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sandbox::chassis::books::Money;
use crate::sandbox::chassis::provider;

/// The `code` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Code(pub u32);

impl Code {
    pub const SUCCESS: Code = Code(0);
    pub const IN_PROCESS: Code = Code(1);
    pub const CUSTOMER_NOT_FOUND: Code = Code(110_005);
    /// A code that no document names.
    pub const UNHEARD_OF: Code = Code(199_999);
    // Ours, not KasPro's.
    pub const BALANCE_TOO_LOW: Code = Code(900_001);
    pub const DUPLICATE: Code = Code(900_002);
    pub const FAILED: Code = Code(900_010);
    pub const TX_NOT_FOUND: Code = Code(900_011);
    pub const NOT_VALID: Code = Code(900_400);
    pub const TOKEN: Code = Code(900_401);
    pub const SIGNATURE: Code = Code(900_402);
    pub const PARTNER_KEY: Code = Code(900_403);
    pub const ORIGIN: Code = Code(900_404);
    pub const DATE: Code = Code(900_405);

    pub fn message(self) -> &'static str {
        match self {
            Code::SUCCESS => "Success",
            Code::IN_PROCESS => "In Process",
            Code::CUSTOMER_NOT_FOUND => "Customer not found",
            Code::BALANCE_TOO_LOW => "Insufficient balance",
            Code::DUPLICATE => "Duplicate requestId",
            Code::FAILED => "Failed",
            Code::TX_NOT_FOUND => "Transaction not found",
            Code::NOT_VALID => "Invalid request",
            Code::TOKEN => "Access token is not valid",
            Code::SIGNATURE => "Signature is not valid",
            Code::PARTNER_KEY => "Partner-Key is not known",
            Code::ORIGIN => "Origin is not registered",
            Code::DATE => "Date is missing or out of range",
            _ => "Error",
        }
    }

    /// 200 for business, 400 for the form, 401 for token and signature (contracts/kaspro.md 5).
    pub fn http(self) -> u16 {
        match self.0 {
            900_400 => 400,
            900_401..=900_499 => 401,
            _ => 200,
        }
    }
}

impl provider::Code for Code {
    fn is_end(self) -> bool {
        matches!(self, Code::SUCCESS | Code::FAILED)
    }

    fn money(self, was: Money) -> Money {
        match self {
            Code::SUCCESS => Money::Moved,
            Code::FAILED => Money::None,
            _ => was,
        }
    }

    fn decidable(self) -> Result<(), &'static str> {
        match provider::Code::is_end(self) {
            true => Ok(()),
            false => Err("a payment ends with 0 or 900010"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.to_string()
    }
}

/// Not a whole number.
#[derive(Debug, thiserror::Error)]
#[error("a code is a whole number")]
pub struct NotACode;

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Code, NotACode> {
        text.parse().map(Code).map_err(|_| NotACode)
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Code, NotACode> {
        text.parse()
    }
}
