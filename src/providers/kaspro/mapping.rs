//! What KasPro's answers mean: contracts/kaspro.md section 3, row by row. Plain functions over the wire's bodies.
//!
//! Only `code` and `flowType` decide, whatever the path and nearly whatever the HTTP status. A missing code is not 0, and
//! what is not listed is unknown.

use super::wire::{Data, Envelope};
use crate::domain::evidence::{Fault, Verdict};
use crate::domain::money::Money;
use crate::outbound::{Answer, Outcome};
use crate::providers::{Order, Reading};

/// Done; taken and in process; no such customer (1.3).
pub const SUCCESS: i64 = 0;
pub const IN_PROCESS: i64 = 1;
const NO_CUSTOMER: i64 = 110_005;

/// What an answer says of our order, apart from what that means.
struct Said {
    code: Option<i64>,
    is_async: bool,
    envelope: Envelope,
    data: Data,
}

impl Said {
    fn of(answer: &Answer) -> Option<Self> {
        let envelope = Envelope::read(&answer.body)?;
        let data = envelope.data();
        let code = envelope.code.as_deref().and_then(|text| {
            // `"00"` or `" 0"` is no code that anybody lists.
            text.parse::<i64>().ok().filter(|code| code.to_string() == text)
        });
        let is_async = data.flow_type.as_deref().is_some_and(|flow| flow.trim().eq_ignore_ascii_case("async"));
        Some(Said { code, is_async, envelope, data })
    }

    /// Whether it says that the order was taken, however it ends. A missing code says nothing.
    fn is_taken(&self) -> bool {
        self.code.is_some_and(|code| code == SUCCESS || code == IN_PROCESS || self.is_async)
    }
}

/// Whether the gateway refused our token or signature before it passed the order on: an answer that says that the order
/// was taken, or carries what only the service behind the gateway gives out, is not the gateway's.
pub fn is_unauthorized(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered(answer) if matches!(answer.status, 401 | 403)
        && !Said::of(answer).is_some_and(|said| said.is_taken() || said.envelope.is_of_service()))
}

/// Reads the answer to a cash-out, as if it were the first send; the engine knows when it was not. A 401 or 403 stands
/// here after one fresh token. `rejects` are the codes the operator lists beside the contract's.
pub fn read_cash_out(outcome: &Outcome, order: &Order, rejects: &[i64]) -> Reading {
    let answer = match outcome {
        Outcome::NotSent { reason } => return Reading::of(Verdict::NotSent, reason.clone()),
        Outcome::Unknown { reason } => return Reading::of(Verdict::Unknown, reason.clone()),
        Outcome::Answered(answer) => answer,
    };
    if is_unauthorized(outcome) {
        return Reading::of(Verdict::Refused(Fault::Provider), format!("HTTP {}", answer.status));
    }
    let is_reject = |code: i64| code == NO_CUSTOMER || rejects.contains(&code);
    read(answer, order, |code| if is_reject(code) { Verdict::Refused(Fault::Request) } else { Verdict::Unknown })
}

/// Reads the answer to a status call, where a connection has one: success and in process, and nothing else.
pub fn read_status(outcome: &Outcome, order: &Order) -> Reading {
    match outcome {
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => Reading::of(Verdict::Unknown, reason.clone()),
        Outcome::Answered(answer) => read(answer, order, |_| Verdict::Unknown),
    }
}

/// `otherwise` is what a code means that takes no order.
fn read(answer: &Answer, order: &Order, otherwise: impl Fn(i64) -> Verdict) -> Reading {
    // HTTP 400 counts as its code (section 3); beyond 500 and before 200 nobody knows who answered.
    if !matches!(answer.status, 200..=299 | 400..=499) {
        return Reading::of(Verdict::Unknown, format!("HTTP {}", answer.status));
    }
    let Some(said) = Said::of(answer) else {
        return Reading::of(Verdict::Unknown, format!("HTTP {} with a body that is not readable", answer.status));
    };
    let amount = said.data.amount.as_deref().map(|text| Money::parse(text, order.currency).ok());
    let amount_differs = amount.is_some_and(|amount| amount.is_none_or(|amount| amount.units != order.units));
    let account = said.data.bank_account.as_deref().or(said.data.account.as_deref());
    let account_differs = account.is_some_and(|account| account != order.account.reveal());
    let Some(code) = said.code else {
        return Reading::of(Verdict::Unknown, format!("HTTP {} without a code", answer.status));
    };
    let is_done = code == SUCCESS && !said.is_async;
    let verdict = match code {
        // Money is called paid only by an answer that names it: ours, to where we sent it.
        SUCCESS if is_done && (amount.is_none() || account.is_none()) => Verdict::Unknown,
        SUCCESS if is_done => Verdict::Paid,
        _ if said.is_taken() => Verdict::Accepted,
        code => otherwise(code),
    };
    let named = [&said.envelope.request_id, &said.data.request_id];
    let other_reference = named.iter().any(|named| named.as_deref().is_some_and(|named| named != order.reference));
    Reading {
        // An answer about another request is no answer to ours.
        verdict: if other_reference { Verdict::Unknown } else { verdict },
        code: Some(code.to_string()),
        message: said.envelope.message,
        provider_ref: said.data.reff_id.or(said.envelope.response_id).filter(|id| !id.is_empty()),
        amount: amount.flatten(),
        // The account an asynchronous answer names may be the wallet's own (the seed does not say).
        echo_differs: amount_differs || (is_done && account_differs),
    }
}
