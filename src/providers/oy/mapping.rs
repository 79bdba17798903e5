//! What OY!'s answers mean: contracts/oy.md section 3, row by row. Plain functions over the wire's bodies.
//!
//! Only the code decides; messages are for display. What is not listed here is unknown.

use super::wire::{RemitAnswer, Status};
use crate::domain::destination;
use crate::domain::evidence::{Fault, Verdict};
use crate::domain::money::Money;
use crate::outbound::Outcome;
use crate::providers::{Cause, Order, Reading};

/// Reads the answer to a remit, as if it were the first send; the engine knows when it was not.
pub fn read_remit(outcome: &Outcome, order: &Order) -> Reading {
    let answer = match outcome {
        Outcome::NotSent { reason } => return Reading::of(Verdict::NotSent, reason.clone()),
        Outcome::Unknown { reason } => return Reading::of(Verdict::Unknown, reason.clone()),
        Outcome::Answered(answer) => answer,
    };
    match answer.status {
        200 => read_body(&answer.body, order, remit_verdict),
        // HTTP-level refusals: wrong address, caller not allowed, too many; nothing was created.
        status @ (403 | 404 | 429) => Reading::of(Verdict::NotSent, format!("HTTP {status}")),
        status => Reading::of(Verdict::Unknown, format!("HTTP {status}")),
    }
}

/// Reads the answer to a remit-status. Whatever is not an answer about the payment teaches nothing.
pub fn read_status(outcome: &Outcome, order: &Order) -> Reading {
    match outcome {
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => Reading::of(Verdict::Unknown, reason.clone()),
        Outcome::Answered(answer) if answer.status == 200 => read_body(&answer.body, order, status_verdict),
        Outcome::Answered(answer) => Reading::of(Verdict::Unknown, format!("HTTP {}", answer.status)),
    }
}

/// The code of a remit (contracts/oy.md section 3, first table; 206 and 225 moved over the years, 1.5).
fn remit_verdict(code: &str) -> Verdict {
    match code {
        "000" => Verdict::Paid,
        "101" | "102" | "301" => Verdict::Accepted,
        "300" => Verdict::Failed(Fault::Request),
        "201" | "202" | "207" | "208" => Verdict::Refused(Fault::Provider),
        "205" | "206" | "211" | "215" | "264" => Verdict::Refused(Fault::Provider),
        "204" | "209" | "210" | "990" => Verdict::Refused(Fault::Request),
        "429" => Verdict::NotSent,
        // 203 and 257 say that an earlier request with this id exists, 504 and 999 say nothing.
        _ => Verdict::Unknown,
    }
}

/// The code of a remit-status (second table). 206 is our balance there, 225 OY!'s own limit: another may do better.
fn status_verdict(code: &str) -> Verdict {
    match code {
        "000" => Verdict::Paid,
        "101" | "102" | "301" => Verdict::Accepted,
        "206" | "225" => Verdict::Failed(Fault::Provider),
        "300" | "209" => Verdict::Failed(Fault::Request),
        "204" => Verdict::NotFound,
        _ => Verdict::Unknown,
    }
}

/// What a refused balance comes from (contracts/oy.md 1.4 and 1.5: the codes of the caller, not of an order).
pub fn balance_cause(code: &str) -> Cause {
    match code {
        "201" | "202" => Cause::Account,
        "207" => Cause::Caller,
        "208" => Cause::Secret,
        "429" => Cause::Pace,
        "504" | "999" => Cause::Provider,
        "" => Cause::Address,
        _ => Cause::Unclear,
    }
}

fn read_body(body: &[u8], order: &Order, verdict_of: fn(&str) -> Verdict) -> Reading {
    let Ok(answer) = serde_json::from_slice::<RemitAnswer>(body) else {
        return Reading::of(Verdict::Unknown, "the answer is not readable");
    };
    let Status { code, message } = answer.status.unwrap_or_default();
    let Some(code) = code else { return Reading::of(Verdict::Unknown, "the answer has no status code") };
    let verdict = match verdict_of(&code) {
        Verdict::Paid if code == "000" => Verdict::Paid,
        // The beneficiary's bank may still credit it, whatever the code says (contracts/oy.md 1.5).
        Verdict::Failed(_) | Verdict::Refused(_)
            if is_force_credit(answer.tx_status_description.as_deref()) || is_force_credit(message.as_deref()) =>
        {
            Verdict::Unknown
        }
        verdict => verdict,
    };
    let amount = answer.amount.as_deref().and_then(|text| Money::parse(text, order.currency).ok());
    let unreadable = answer.amount.is_some() && amount.is_none();
    let other_amount = amount.is_some_and(|amount| amount.units != order.units);
    let other_account = answer.recipient_account.as_deref().is_some_and(|account| account != order.account.reveal());
    let other_reference = answer.partner_trx_id.as_deref().is_some_and(|id| id != order.reference);
    // An answer about another reference is no answer to our question.
    let verdict = if other_reference { Verdict::Unknown } else { verdict };
    Reading {
        verdict,
        code: Some(code),
        message: answer.tx_status_description.filter(|text| !text.is_empty()).or(message),
        provider_ref: answer.trx_id.filter(|id| !id.is_empty()),
        amount,
        echo_differs: unreadable || other_amount || other_account,
    }
}

fn is_force_credit(description: Option<&str>) -> bool {
    description.is_some_and(|text| {
        let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        letters.to_ascii_lowercase().contains("forcecredit")
    })
}

/// OY!'s code of a destination: a bank's national clearing number (seed 003, Bank Codes), or an e-wallet's slug, which
/// its later documents take in the same field (contracts/oy.md 1.2). An account that has none answers 205.
pub fn destination(code: &str) -> Option<String> {
    let known = destination::find(code)?;
    Some(known.bank_number().map_or_else(|| known.code.to_ascii_lowercase(), str::to_owned))
}
