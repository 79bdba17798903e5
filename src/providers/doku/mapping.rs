//! What DOKU's answers mean: contracts/doku.md 3.8 and section 5, row by row. Plain functions over the wire's bodies.
//!
//! All seven digits of the code decide, and its first three must be the HTTP status; messages are for display.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{BalanceAnswer, Envelope, InquiryAnswer, TransferAnswer};
use crate::crypto::secret::Personal;
use crate::domain::evidence::{Fault, Verdict};
use crate::domain::money::{Currency, Money};
use crate::outbound::{Answer, Outcome};
use crate::providers::tolerant::text;
use crate::providers::{Balance, Cause, Inquiry, Order, Reading, Trouble};

/// The success of a bank account inquiry, and its refusal that there is no such account.
const INQUIRY: &str = "2004200";
const NO_ACCOUNT: &str = "4044211";

/// How the codes of a transfer begin whose token or signature is refused (contracts/doku.md 3.8). A 401 with any other
/// code is not listed: the transfer is in doubt, and is not tried again.
pub const TRANSFER_REFUSED: &str = "40143";

/// The same for calls that move nothing: whatever refused them, they may be asked again.
pub const READ_REFUSED: &str = "401";

/// Success of the documented status call, and of the other that is seen.
const STATUS: [&str; 2] = ["2005300", "2003600"];
const STATUS_NOT_FOUND: [&str; 2] = ["4045301", "4043601"];

/// An answer with a code that fits its HTTP status.
struct Said {
    code: String,
    message: Option<String>,
}

impl Said {
    fn words(&self) -> String {
        format!("{} {}", self.code, self.message.as_deref().unwrap_or_default()).trim_end().to_owned()
    }

    fn reading(self, verdict: Verdict) -> Reading {
        Reading { code: Some(self.code), message: self.message, ..Reading::of(verdict, "") }
    }
}

/// The code of an answer; the error says why it has none that counts.
fn said(answer: &Answer) -> Result<Said, String> {
    let status = answer.status;
    let envelope: Envelope =
        serde_json::from_slice(&answer.body).map_err(|_| format!("HTTP {status} with a body that is not readable"))?;
    let code = envelope.response_code.filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| format!("HTTP {status} without a responseCode"))?;
    if code.len() != 7 || !code.bytes().all(|b| b.is_ascii_digit()) || !code.starts_with(&status.to_string()) {
        return Err(format!("HTTP {status} with the responseCode {code:?}, which does not fit it"));
    }
    Ok(Said { code, message: envelope.response_message })
}

/// The body of an answer with one of `codes`; the error says what came instead.
pub fn successful<T: DeserializeOwned>(outcome: Outcome, codes: &[&str]) -> Result<T, Trouble> {
    let answer = match outcome {
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => {
            return Err(Trouble::new(Cause::Unreachable, reason));
        }
        Outcome::Answered(answer) => answer,
    };
    let said = said(&answer).map_err(|words| Trouble { words, ..Trouble::of_http(&answer) })?;
    if !codes.contains(&said.code.as_str()) {
        return Err(Trouble::new(cause(&said.code), said.words()));
    }
    serde_json::from_slice(&answer.body).map_err(|_| Trouble::new(Cause::Address, "the answer is not readable"))
}

/// What a refusal of a question that moves nothing comes from: the table of cases (2.4), by HTTP status and case.
fn cause(code: &str) -> Cause {
    match (code.get(..3).unwrap_or_default(), code.get(5..).unwrap_or_default()) {
        // Signature, client or token: one status for all of them, and only the message tells which.
        ("401", _) => Cause::Secret,
        // Feature not allowed, do not honour; no such merchant, partner or account.
        ("403", "01" | "05" | "06") | ("404", "08" | "11" | "16") => Cause::Account,
        ("404", "00") => Cause::Address,
        ("429", _) => Cause::Pace,
        (status, _) if status.starts_with('5') => Cause::Provider,
        _ => Cause::Unclear,
    }
}

/// Whether an answer refuses our token or signature, by a 401 whose code begins with `refusal`. By the contract such a
/// call was not worked on.
pub fn is_unauthorized(outcome: &Outcome, refusal: &str) -> bool {
    matches!(outcome, Outcome::Answered(answer) if answer.status == 401
        && said(answer).is_ok_and(|said| said.code.starts_with(refusal)))
}

/// Reads an inquiry that belongs to no payment.
pub fn read_inquiry(outcome: Outcome) -> Inquiry {
    if let Outcome::Answered(answer) = &outcome
        && said(answer).is_ok_and(|said| said.code == NO_ACCOUNT)
    {
        return no_account();
    }
    match successful::<InquiryAnswer>(outcome, &[INQUIRY]) {
        Ok(InquiryAnswer { beneficiary_account_name: Some(name), .. }) if !name.trim().is_empty() => {
            Inquiry::Found { name: Personal::new(name) }
        }
        Ok(_) => Inquiry::Failed { reason: "the answer names nobody".into() },
        Err(trouble) => Inquiry::Failed { reason: trouble.words },
    }
}

/// There is no such account.
pub fn no_account() -> Inquiry {
    Inquiry::NotFound { code: NO_ACCOUNT.into() }
}

/// Reads the inquiry before a transfer: its session, or what becomes of the order. Nothing was ordered yet, so whatever
/// is not the destination's fault by the contract is worth another try.
pub fn read_session(outcome: &Outcome, order: &Order) -> Result<String, Reading> {
    let not_sent = |reason: String| Reading::of(Verdict::NotSent, format!("inquiry: {reason}"));
    let answer = match outcome {
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => return Err(not_sent(reason.clone())),
        Outcome::Answered(answer) => answer,
    };
    let said = said(answer).map_err(not_sent)?;
    match said.code.as_str() {
        INQUIRY => {}
        // No such account, and its kin in the table of cases (2.4): dormant, inactive.
        NO_ACCOUNT | "4034209" | "4034218" => return Err(said.reading(Verdict::Refused(Fault::Request))),
        _ => return Err(said.reading(Verdict::NotSent)),
    }
    let body: InquiryAnswer =
        serde_json::from_slice(&answer.body).map_err(|_| not_sent("the answer is not readable".into()))?;
    let other_reference = is_other(body.partner_reference_no.as_deref(), &order.reference);
    let other_account = is_other(body.beneficiary_account_number.as_deref(), order.account.reveal());
    let other_amount = Echo::of(body.amount.as_ref(), order.currency).differs(order);
    if other_reference || other_account || other_amount {
        return Err(not_sent("the answer is about another order".into()));
    }
    let session = body.session_id.filter(|session| !session.is_empty());
    session.ok_or_else(|| not_sent("the answer holds no sessionId".into()))
}

/// Reads the answer to a transfer, as if it were the first send; the engine knows when it was not.
pub fn read_transfer(outcome: &Outcome, order: &Order) -> Reading {
    let answer = match outcome {
        Outcome::NotSent { reason } => return Reading::of(Verdict::NotSent, reason.clone()),
        Outcome::Unknown { reason } => return Reading::of(Verdict::Unknown, reason.clone()),
        Outcome::Answered(answer) => answer,
    };
    match said(answer) {
        Ok(said) => {
            let verdict = transfer_verdict(&said.code);
            echoed(answer, order, said.reading(verdict))
        }
        Err(reason) => Reading::of(Verdict::Unknown, reason),
    }
}

/// The list of 3.8. A 401 stands here after one fresh token.
fn transfer_verdict(code: &str) -> Verdict {
    match code {
        "2004300" => Verdict::Paid,
        "2024300" => Verdict::Accepted,
        "4034314" | "4034301" | "4034306" | "4034315" | "4294300" => Verdict::Refused(Fault::Provider),
        _ if code.starts_with(TRANSFER_REFUSED) => Verdict::Refused(Fault::Provider),
        "4004300" | "4004301" | "4004302" | "4004304" => Verdict::Refused(Fault::Request),
        "4034302" | "4034303" | "4034305" | "4034309" | "4034318" | "4044311" => Verdict::Refused(Fault::Request),
        // 4004303 and 409 say that an earlier one exists, never how it ended; 4044318 may be our session's twin.
        _ => Verdict::Unknown,
    }
}

/// Reads the answer to a question for the status. Whatever is not an answer about the payment teaches nothing.
pub fn read_status(outcome: &Outcome, order: &Order) -> Reading {
    let answer = match outcome {
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => {
            return Reading::of(Verdict::Unknown, reason.clone());
        }
        Outcome::Answered(answer) => answer,
    };
    let said = match said(answer) {
        Ok(said) => said,
        // Section 5 counts a bare 404 among "not found", which proves nothing. It is also what a wrong path answers (O4),
        // and "not found" can lead to a re-send: so nothing at all is learned from it.
        Err(reason) => return Reading::of(Verdict::Unknown, reason),
    };
    if STATUS_NOT_FOUND.contains(&said.code.as_str()) {
        return said.reading(Verdict::NotFound);
    }
    if !STATUS.contains(&said.code.as_str()) {
        return said.reading(Verdict::Unknown);
    }
    let body: TransferAnswer = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(status) = body.latest_transaction_status else {
        return Reading::of(Verdict::Unknown, "the answer has no latestTransactionStatus");
    };
    let verdict = status_verdict(&status, body.original_response_code.as_deref());
    let message = body.transaction_status_desc.filter(|text| !text.is_empty()).or(said.message);
    echoed(answer, order, Reading { code: Some(status), message, ..Reading::of(verdict, "") })
}

/// The list of 3.8. A failure is the provider's own where the order itself had been refused for its balance.
fn status_verdict(status: &str, original: Option<&str>) -> Verdict {
    match status {
        "00" => Verdict::Paid,
        "01" | "02" | "03" => Verdict::Accepted,
        "04" => Verdict::Reversed,
        "05" | "06" if original == Some("4034314") => Verdict::Failed(Fault::Provider),
        "05" | "06" => Verdict::Failed(Fault::Request),
        "07" => Verdict::NotFound,
        _ => Verdict::Unknown,
    }
}

/// Adds to a reading what the answer repeats of the order, and what the provider calls it.
fn echoed(answer: &Answer, order: &Order, reading: Reading) -> Reading {
    let Ok(body) = serde_json::from_slice::<TransferAnswer>(&answer.body) else {
        return Reading { verdict: Verdict::Unknown, ..reading };
    };
    let info = body.additional_info.as_ref().and_then(|info| info.get("amount"));
    let echoes = [Echo::of(info, order.currency), Echo::of(body.amount.as_ref(), order.currency)];
    let named = [body.original_partner_reference_no, body.partner_reference_no];
    let other_reference = named.iter().any(|named| is_other(named.as_deref(), &order.reference));
    let other_account = is_other(body.beneficiary_account_number.as_deref(), order.account.reveal());
    let amount = echoes.iter().find_map(|echo| match echo {
        Echo::Amount(amount) => Some(*amount),
        _ => None,
    });
    Reading {
        // An answer about another reference is no answer to our question.
        verdict: if other_reference { Verdict::Unknown } else { reading.verdict },
        provider_ref: body.original_reference_no.or(body.reference_no).filter(|id| !id.is_empty()),
        amount,
        echo_differs: other_account || echoes.iter().any(|echo| echo.differs(order)),
        ..reading
    }
}

fn is_other(named: Option<&str>, ours: &str) -> bool {
    named.is_some_and(|named| !named.is_empty() && named != ours)
}

/// An amount that an answer names.
enum Echo {
    Nothing,
    Amount(Money),
    /// Another currency, or no decimal text.
    Unreadable,
}

impl Echo {
    /// `{"value":"25000.00","currency":"IDR"}`, or a plain text or number (`additionalInfo.amount`).
    fn of(value: Option<&Value>, currency: Currency) -> Self {
        let (decimal, named) = match value {
            None | Some(Value::Null) => return Echo::Nothing,
            Some(Value::Object(money)) => {
                (money.get("value").and_then(text), money.get("currency").map_or(Some(currency.as_str().into()), text))
            }
            Some(plain) => (text(plain), Some(currency.as_str().into())),
        };
        let money = decimal.and_then(|text| Money::parse(&text, currency).ok());
        match money.filter(|_| named.as_deref() == Some(currency.as_str())) {
            Some(money) => Echo::Amount(money),
            None => Echo::Unreadable,
        }
    }

    fn differs(&self, order: &Order) -> bool {
        match self {
            Echo::Nothing => false,
            Echo::Amount(amount) => amount.units != order.units,
            Echo::Unreadable => true,
        }
    }
}

/// Reads a balance in any of the three shapes seen (contracts/doku.md 3.8, O5).
pub fn read_balance(outcome: Outcome) -> Result<Balance, Trouble> {
    let answer: BalanceAnswer = successful(outcome, &["2001100"])?;
    let account = match &answer.account_infos {
        Some(Value::Array(accounts)) => accounts.first(),
        other => other.as_ref(),
    };
    let money = |name: &str| match Echo::of(account.and_then(|account| account.get(name)), Currency::Idr) {
        Echo::Amount(money) => Ok(Some(money)),
        Echo::Nothing => Ok(None),
        Echo::Unreadable => Err(format!("{name} is no amount in whole rupiah")),
    };
    let available = match money("availableBalance")? {
        Some(available) => available,
        None => money("avaliableBalance")?.ok_or("the answer names no balance")?,
    };
    let held = money("holdAmount")?.map_or(0, |held| held.units);
    let whole = available.units.checked_add(held).ok_or("the balance is too large")?;
    Ok(Balance { balance: Money::new(whole, Currency::Idr), available: Some(available) })
}
