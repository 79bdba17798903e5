//! Money and fees: exact, in the currency's unit, and never more than was written.

use chrono::DateTime;
use paystrator::domain::fee::{DatedPlan, Fee, FeePlan, FeePlans};
use paystrator::domain::money::{AmountError, Currency, Money};
use paystrator::domain::service::Service;
use proptest::prelude::*;
use uuid::Uuid;

const LARGEST: i64 = 999_999_999_999_999;

fn currencies() -> impl Strategy<Value = Currency> {
    prop_oneof![Just(Currency::Idr), Just(Currency::Myr)]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(units in -LARGEST..=LARGEST, currency in currencies()) {
        let money = Money::new(units, currency);
        prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
        prop_assert_eq!(money.number().to_string(), money.decimal());
        prop_assert_eq!(Currency::parse(currency.as_str()), Some(currency));
    }

    #[test]
    fn zeros_behind_the_unit_change_nothing(units in 0..=LARGEST, currency in currencies(), zeros in 1..8usize) {
        let money = Money::new(units, currency);
        let point = if currency.decimals() == 0 { "." } else { "" };
        let text = format!("{}{point}{}", money.decimal(), "0".repeat(zeros));
        prop_assert_eq!(Money::parse(&text, currency), Ok(money));
        let text = format!("{}{}", "0".repeat(zeros), money.decimal());
        prop_assert_eq!(Money::parse(&text, currency), Ok(money));
    }

    #[test]
    fn a_hundred_times_is_another_amount(units in 1..=LARGEST / 100, currency in currencies()) {
        let once = Money::new(units, currency);
        let hundred = Money::new(units * 100, currency);
        prop_assert_ne!(Money::parse(&hundred.decimal(), currency), Ok(once));
        prop_assert_eq!(Money::parse(&hundred.decimal(), currency), Ok(hundred));
    }

    #[test]
    fn a_digit_finer_than_the_unit_is_refused(units in 0..=99_999_999i64, currency in currencies(), digit in 1..10u8) {
        let point = if currency.decimals() == 0 { "." } else { "" };
        let text = format!("{}{point}{digit}", Money::new(units, currency).decimal());
        prop_assert_eq!(Money::parse(&text, currency), Err(AmountError::TooFine));
    }

    #[test]
    fn no_text_makes_it_panic_or_round(text in "\\PC{0,24}", currency in currencies()) {
        if let Ok(money) = Money::parse(&text, currency) {
            // Only plain decimals are amounts, and the amount is the text's own digits.
            prop_assert!(text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit() || b == b'.'), "{text:?}");
            prop_assert!(money.units.abs() <= LARGEST);
        }
    }

    #[test]
    fn fees_are_half_up_to_the_unit(amount in 0..=LARGEST, rate in 0..=10_000i64, vat_bp in 0..=10_000i64) {
        let plan = FeePlan { flat: None, percentage_bp: Some(rate), vat_bp, vat: true };
        let Fee { fee, tax } = plan.of(amount).unwrap();
        // Half up, said another way: twice the rest is below the divisor on one side and not on the other.
        let nearest = |value: i64, rate: i64, result: i64| {
            let off = i128::from(value) * i128::from(rate) - i128::from(result) * 10_000;
            (-5_000..5_000).contains(&off) || off == -5_000
        };
        prop_assert!(nearest(amount, rate, fee), "{amount} at {rate}: {fee}");
        prop_assert!(nearest(fee, vat_bp, tax), "{fee} at {vat_bp}: {tax}");
        let without = FeePlan { vat: false, ..plan };
        prop_assert_eq!(without.of(amount), Some(Fee { fee, tax: 0 }));
    }

    #[test]
    fn no_plan_overflows_or_pays_the_payer(flat in any::<Option<i64>>(), rate in any::<Option<i64>>(),
        vat_bp in any::<i64>(), vat in any::<bool>(), amount in any::<i64>())
    {
        let plan = FeePlan { flat, percentage_bp: rate, vat_bp, vat };
        if let Some(Fee { fee, tax }) = plan.of(amount) {
            prop_assert!(fee >= 0 && tax >= 0);
        }
    }
}

proptest! {
    #[test]
    fn a_share_never_shrinks_with_its_amount_or_rate(amount in 0..LARGEST, rate in 0..10_000i64, vat_bp in 0..=10_000i64) {
        let fee = |amount, rate| {
            FeePlan { flat: None, percentage_bp: Some(rate), vat_bp, vat: true }.of(amount).unwrap()
        };
        let (least, more, dearer) = (fee(amount, rate), fee(amount + 1, rate), fee(amount, rate + 1));
        for other in [more, dearer] {
            prop_assert!(least.fee <= other.fee && least.tax <= other.tax);
        }
        prop_assert!(least.fee <= amount && least.tax <= least.fee);
    }

    #[test]
    fn a_fee_rounds_as_decimal_text_does(amount in 0..=999_999_999i64, rate in 0..=10_000i64) {
        // The exact product with its four decimals as text, rounded by its first one.
        let exact = format!("{:05}", i128::from(amount) * i128::from(rate));
        let (whole, rest) = exact.split_at(exact.len() - 4);
        let up = i64::from(rest.as_bytes()[0] >= b'5');
        let plan = FeePlan { flat: None, percentage_bp: Some(rate), vat_bp: 0, vat: false };
        prop_assert_eq!(plan.of(amount), Some(Fee { fee: whole.parse::<i64>().unwrap() + up, tax: 0 }));
    }

    /// In force is the plan that began last; of several with one beginning the latest version; before all, no fee.
    #[test]
    fn the_plan_in_force_is_the_one_that_began_last(starts in prop::collection::vec(0..6i64, 0..8), now in -1..7i64) {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        let connection = Uuid::from_u128(1);
        let plan = |flat: i64| FeePlan { flat: Some(flat), ..FeePlan::default() };
        let mut plans: Vec<DatedPlan> = starts
            .iter()
            .enumerate()
            .map(|(n, start)| DatedPlan {
                connection_id: connection,
                service: Service::SendMoney,
                version: n as i32 + 1,
                effective_from: at(*start),
                plan: plan(n as i64 + 1),
            })
            .collect();
        // Another connection's plan is nobody's business.
        plans.push(DatedPlan {
            connection_id: Uuid::from_u128(2),
            service: Service::SendMoney,
            version: 99,
            effective_from: at(0),
            plan: plan(99),
        });
        let mut expected = FeePlan::default();
        for second in 0..=now {
            for (n, _) in starts.iter().enumerate().filter(|(_, start)| **start == second) {
                expected = plan(n as i64 + 1);
            }
        }
        prop_assert_eq!(FeePlans(plans.clone()).at(connection, Service::SendMoney, at(now)), expected.clone());
        plans.reverse();
        prop_assert_eq!(FeePlans(plans).at(connection, Service::SendMoney, at(now)), expected);
    }
}

#[test]
fn the_forms_that_are_no_amount() {
    use AmountError::{NotDecimal, TooFine, TooLarge};
    let refused = [
        ("", NotDecimal),
        ("-", NotDecimal),
        (".", NotDecimal),
        (".5", NotDecimal),
        ("5.", NotDecimal),
        ("1e5", NotDecimal),
        ("1E5", NotDecimal),
        ("+5", NotDecimal),
        ("--5", NotDecimal),
        ("1,000", NotDecimal),
        ("1.0.0", NotDecimal),
        (" 5", NotDecimal),
        ("0x10", NotDecimal),
        ("٥", NotDecimal),
        ("NaN", NotDecimal),
        ("10000.5", TooFine),
        ("1000000000000000", TooLarge),
        ("99999999999999999999999999", TooLarge),
    ];
    for (text, error) in refused {
        assert_eq!(Money::parse(text, Currency::Idr), Err(error), "{text:?}");
    }
    let read = |text, currency| Money::parse(text, currency).unwrap().units;
    assert_eq!(read("999999999999999", Currency::Idr), LARGEST);
    assert_eq!(read("10000.0000", Currency::Idr), 10_000);
    assert_eq!(read("125000", Currency::Idr), 125_000);
    assert_eq!(read("12.5", Currency::Myr), 1_250);
    assert_eq!(read("12.50", Currency::Myr), 1_250);
    assert_eq!(read("0.05", Currency::Myr), 5);
    assert_eq!(Money::new(-5, Currency::Myr).decimal(), "-0.05");
    for text in ["0", "0.00", "-1"] {
        assert_eq!(Money::parse_positive(text, Currency::Idr), Err(AmountError::NotPositive), "{text:?}");
    }
}

#[test]
fn a_fee_is_flat_or_a_share_with_its_tax() {
    let flat = FeePlan { flat: Some(2_500), percentage_bp: None, vat_bp: 1_100, vat: true };
    assert_eq!(flat.of(10_000), Some(Fee { fee: 2_500, tax: 275 }));
    let share = FeePlan { flat: None, percentage_bp: Some(150), vat_bp: 1_100, vat: true };
    assert_eq!(share.of(10_000), Some(Fee { fee: 150, tax: 17 }), "16.5 goes up");
    assert_eq!(share.of(33), Some(Fee { fee: 0, tax: 0 }), "0.495 goes down");
    assert_eq!(FeePlan::default().of(10_000), Some(Fee::default()));
    let too_much = FeePlan { flat: None, percentage_bp: Some(i64::MAX), vat_bp: 0, vat: false };
    assert_eq!(too_much.of(i64::MAX), None);
    let negative = FeePlan { flat: Some(-1), ..FeePlan::default() };
    assert_eq!(negative.of(10_000), None);
}
