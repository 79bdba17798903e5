//! Exact money: integers in the currency's unit, read from decimal text, never a float.
//!
//! IDR counts whole rupiah although ISO 4217 gives it two decimals; no provider pays sen. MYR counts sen.

use serde::{Deserialize, Serialize};

/// The largest number of digits an amount may have, in its unit.
const MAX_DIGITS: usize = 15;

/// A currency that can be sent (contracts/paystrator.md 2.4: IDR or MYR).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    Idr,
    Myr,
}

impl Currency {
    pub const ALL: [Currency; 2] = [Currency::Idr, Currency::Myr];

    /// Digits behind the decimal point of one unit of this currency.
    pub fn decimals(self) -> usize {
        match self {
            Currency::Idr => 0,
            Currency::Myr => 2,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Currency::Idr => "IDR",
            Currency::Myr => "MYR",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "IDR" => Some(Currency::Idr),
            "MYR" => Some(Currency::Myr),
            _ => None,
        }
    }
}

/// An amount in a currency's unit. It may be zero or negative (a balance); a payment's is above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub units: i64,
    pub currency: Currency,
}

/// Why a decimal text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("is not a plain decimal number")]
    NotDecimal,
    #[error("has a fraction finer than the currency's unit")]
    TooFine,
    #[error("has more than {MAX_DIGITS} digits")]
    TooLarge,
    #[error("must be above 0")]
    NotPositive,
}

impl Money {
    pub fn new(units: i64, currency: Currency) -> Self {
        Money { units, currency }
    }

    /// Reads a decimal such as `125000`, `10000.0000` or `12.50`. Zeros beyond the unit are accepted,
    /// any other digit there is not; exponents and separators are refused.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
            return Err(AmountError::NotDecimal);
        }
        let decimals = currency.decimals();
        let (kept, rest) = fraction.split_at(decimals.min(fraction.len()));
        if rest.bytes().any(|b| b != b'0') {
            return Err(AmountError::TooFine);
        }
        let text = format!("{whole}{kept:0<decimals$}");
        let significant = text.trim_start_matches('0');
        if significant.len() > MAX_DIGITS {
            return Err(AmountError::TooLarge);
        }
        let units: i64 =
            if significant.is_empty() { 0 } else { significant.parse().map_err(|_| AmountError::TooLarge)? };
        Ok(Money { units: if negative { -units } else { units }, currency })
    }

    /// Reads an amount that must be above zero.
    pub fn parse_positive(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let money = Self::parse(text, currency)?;
        if money.units <= 0 { Err(AmountError::NotPositive) } else { Ok(money) }
    }

    /// The decimal text of the amount, in the form JSON numbers have: `10000`, `12.50`.
    pub fn decimal(self) -> String {
        let decimals = self.currency.decimals();
        if decimals == 0 {
            return self.units.to_string();
        }
        let scale = 10u64.pow(decimals as u32);
        let sign = if self.units < 0 { "-" } else { "" };
        let units = self.units.unsigned_abs();
        format!("{sign}{}.{:0decimals$}", units / scale, units % scale)
    }

    /// The amount as a JSON number that keeps every digit.
    pub fn number(self) -> serde_json::Number {
        serde_json::Number::from_string_unchecked(self.decimal())
    }
}

/// Currency, scale and number, so that nobody has to guess: `IDR/0 10000`.
impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} {}", self.currency.as_str(), self.currency.decimals(), self.units)
    }
}
