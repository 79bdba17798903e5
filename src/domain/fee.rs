//! What a connection charges for a payment: a flat fee or a percentage, and VAT on the fee.
//!
//! Rounding is half up, per line, to the currency's unit (contracts/paystrator.md section 4, no. 16: VAT is on the fee).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::service::Service;

/// A connection's price for one payment. Rates are in basis points: 150 is 1.5 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeePlan {
    /// A fixed amount in the currency's unit; `None` when the fee is a percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<i64>,
    /// A share of the amount, in basis points; `None` when the fee is flat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage_bp: Option<i64>,
    /// VAT on the fee, in basis points: 1100 is 11 %.
    #[serde(default)]
    pub vat_bp: i64,
    /// Whether the VAT applies.
    #[serde(default)]
    pub vat: bool,
}

/// A version of what a connection costs for a service, with the moment it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatedPlan {
    pub connection_id: Uuid,
    pub service: Service,
    pub version: i32,
    pub effective_from: DateTime<Utc>,
    pub plan: FeePlan,
}

/// Plans of some connections: what is in force, and what is to come. Which is which is asked with the time, so that a
/// list that was read a moment ago serves no plan past its end.
#[derive(Clone, Debug, Default)]
pub struct FeePlans(pub Vec<DatedPlan>);

impl FeePlans {
    /// The plan in force at `now`: the one that began last, and of two with one beginning the later version. No plan
    /// is no fee.
    pub fn at(&self, connection_id: Uuid, service: Service, now: DateTime<Utc>) -> FeePlan {
        let of = |dated: &&DatedPlan| dated.connection_id == connection_id && dated.service == service;
        let begun = self.0.iter().filter(of).filter(|dated| dated.effective_from <= now);
        let last = begun.max_by_key(|dated| (dated.effective_from, dated.version));
        last.map(|dated| dated.plan.clone()).unwrap_or_default()
    }
}

/// The two lines a paid attempt is booked with beside its transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fee {
    pub fee: i64,
    pub tax: i64,
}

/// The highest flat fee, in the currency's unit: more is a slip of the pen.
const FLAT_LIMIT: i64 = 1_000_000_000;

/// All of it, in basis points.
const WHOLE_BP: i64 = 10_000;

impl FeePlan {
    /// Every field that makes no sense, and why.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        if self.flat.is_some() && self.percentage_bp.is_some() {
            faults.push(("percentageBp", "cannot stand beside flat: a fee is one or the other"));
        }
        if self.flat.is_some_and(|flat| !(0..=FLAT_LIMIT).contains(&flat)) {
            faults.push(("flat", "must be from 0 to 1000000000"));
        }
        if self.percentage_bp.is_some_and(|rate| !(0..=WHOLE_BP).contains(&rate)) {
            faults.push(("percentageBp", "must be from 0 to 10000, which is 100 %"));
        }
        if !(0..=WHOLE_BP).contains(&self.vat_bp) {
            faults.push(("vatBp", "must be from 0 to 10000, which is 100 %"));
        } else if self.vat && self.vat_bp == 0 {
            faults.push(("vatBp", "is required where vat applies, such as 1100 for 11 %"));
        }
        faults
    }

    /// The fee and tax for `amount` units. `None` where a number would not fit.
    pub fn of(&self, amount: i64) -> Option<Fee> {
        let fee = match (self.flat, self.percentage_bp) {
            (Some(flat), _) => flat,
            (None, Some(rate)) => share(amount, rate)?,
            (None, None) => 0,
        };
        let tax = if self.vat { share(fee, self.vat_bp)? } else { 0 };
        (fee >= 0 && tax >= 0).then_some(Fee { fee, tax })
    }
}

fn share(amount: i64, basis_points: i64) -> Option<i64> {
    let exact = i128::from(amount).checked_mul(i128::from(basis_points))?;
    i64::try_from((exact + 5_000).div_euclid(10_000)).ok()
}
