//! What OY! does with a call: the checks in their order, the mock numbers, the booking, the answer.
//!
//! The order of checks is contracts/oy.md 5; the mock table comes first, then the real rules (2). Everything of one
//! call happens under one lock of the books; the journal is written before the answer is handed on.

use chrono::{DateTime, Utc};
use serde_json::{Number, Value};

use super::code::Code;
use super::settings::{Mode, Settings};
use super::tables::{self, Mock};
use super::wire::{Call, Operation, Reply, decimal, stamp};
use super::{Oy, OyRules};
use crate::crypto::constant_time_eq;
use crate::sandbox::chassis::books::{self, Entry, Money, Target};
use crate::sandbox::chassis::faults::Effects;
use crate::sandbox::chassis::life;
use crate::sandbox::chassis::provider::Code as _;

type Books = books::Books<OyRules>;
type Payment = books::Payment<Code>;
type Plan = books::Plan<Code>;
type Told = life::Told<OyRules>;

/// The seed's own sample name; every account belongs to it.
const NAME: &str = "John Doe";
/// Least amount to an e-wallet (contracts/oy.md 1.2).
const WALLET_MIN: i64 = 100;

/// A remit whose form is right.
struct Order<'a> {
    to: Target<'a>,
    id: &'a str,
}

/// Works on one call, under the lock of the books.
pub(super) fn answer(
    oy: &Oy,
    books: &mut Books,
    call: &Call,
    effects: &Effects,
    now: DateTime<Utc>,
) -> (Reply, Vec<Told>) {
    let refused = match check_caller(oy, books, call, now) {
        Err(code) => Some(code),
        Ok(()) => effects.refuse.as_ref().and_then(|code| code.parse().ok()),
    };
    if let Some(code) = refused {
        let mut reply = refusal(call, code, now);
        if code == Code::TOO_MANY && books.settings.rate_as_http {
            reply.http = axum::http::StatusCode::TOO_MANY_REQUESTS;
        }
        return (reply, Vec::new());
    }
    match call.operation {
        Operation::Inquiry => (inquiry(&books.settings, call, now), Vec::new()),
        Operation::Balance => (balance(books, now), Vec::new()),
        Operation::Remit => remit(oy, books, call, effects, now),
        Operation::RemitStatus => remit_status(oy, books, call, now),
    }
}

/// 201, 202, 207, 208, 429, in this order.
fn check_caller(oy: &Oy, books: &Books, call: &Call, now: DateTime<Utc>) -> Result<(), Code> {
    let (account, settings) = (oy.account(), &books.settings);
    if call.username.as_deref() != Some(account.username.as_str()) {
        return Err(Code::USER_NOT_FOUND);
    }
    if !settings.user_active {
        return Err(Code::USER_NOT_ACTIVE);
    }
    if !settings.ip_registered {
        return Err(Code::IP_NOT_REGISTERED);
    }
    let key = call.api_key.as_deref().unwrap_or_default();
    if !constant_time_eq(key.as_bytes(), account.api_key.as_bytes()) {
        return Err(Code::KEY_NOT_VALID);
    }
    match oy.provider().within_rate(settings.rate_per_second, now) {
        true => Ok(()),
        false => Err(Code::TOO_MANY),
    }
}

fn remit(oy: &Oy, books: &mut Books, call: &Call, effects: &Effects, now: DateTime<Utc>) -> (Reply, Vec<Told>) {
    let order = match read_order(call) {
        Ok(order) => order,
        Err(code) => return (refusal(call, code, now), Vec::new()),
    };
    let verdict = judge(books, &order);
    let created = books.get(order.id).is_some_and(Payment::exists);
    let trx = books.next_trx(now);
    let (answered, mut payment) = match verdict {
        Verdict::Refused(code) => (code, order.to.payment(0, code, Money::None, Plan::Stay(code), now)),
        Verdict::Mocked { answer, code, money } => (answer, order.to.payment(trx, code, money, Plan::Stay(code), now)),
        Verdict::Accepted { plan, money } => {
            (Code::PROCESSED, order.to.payment(trx, Code::PROCESSED, money, plan, now))
        }
    };
    let accepted = matches!(verdict, Verdict::Accepted { .. });
    if accepted {
        let wait = if effects.callback_first { chrono::TimeDelta::zero() } else { oy.settle_after(books) };
        payment.due = Some(now + wait);
        (payment.plan, payment.description) = planned(payment.plan, effects);
    }
    let trx_id = if accepted { books.provider_ref(&payment) } else { String::new() };
    // What already exists under an id is never overwritten by a later refusal.
    let news = match created {
        true => Vec::new(),
        false => {
            oy.commit(books, Entry::Booked(order.id.into(), payment));
            oy.turn_if_due(books, order.id, now).into_iter().collect()
        }
    };
    let mut reply = refusal(call, answered, now);
    reply.fields.trx_id = Some(trx_id);
    (reply, news)
}

fn remit_status(oy: &Oy, books: &mut Books, call: &Call, now: DateTime<Utc>) -> (Reply, Vec<Told>) {
    let Some(id) = call.text("partner_trx_id") else {
        return (refusal(call, Code::NOT_VALID, now), Vec::new());
    };
    // A turn that is due is never older news than the answer, however late the agenda is.
    let mut news: Vec<Told> = oy.turn_if_due(books, id, now).into_iter().collect();
    let (literal, Some(told)) = (books.settings.literal, Told::of(books, id, now)) else {
        return (refusal(call, Code::TX_NOT_FOUND, now), news);
    };
    let payment = &told.payment;
    let code = match payment.exists() {
        true if payment.code == Code::PROCESSED => Code::IN_PROGRESS,
        true => payment.code,
        false if literal => tables::literal_status(&payment.account),
        false => Code::TX_NOT_FOUND,
    };
    if matches!(code, Code::INTERNAL | Code::TX_NOT_FOUND) {
        return (refusal(call, code, now), news);
    }
    let reply = state(&told, code);
    let wanted = match call.field("send_callback") {
        Some(Value::Bool(wanted)) => *wanted,
        Some(Value::String(wanted)) => wanted.eq_ignore_ascii_case("true"),
        _ => false,
    };
    if wanted && news.is_empty() && (code.is_end() || code == Code::SUSPECT) {
        news.push(told);
    }
    (reply, news)
}

/// A status answer or callback about a payment; `code` is what it says.
pub(super) fn state(told: &Told, code: Code) -> Reply {
    let payment = &told.payment;
    let mut reply = Reply::new(code, told.at);
    let modern = told.settings.mode == Mode::Modern && code.is_end() && code != Code::SUCCESS;
    let fields = &mut reply.fields;
    fields.amount = decimal(payment.amount);
    fields.recipient_name = Some(NAME.into());
    fields.recipient_bank = Some(payment.bank.to_string());
    fields.recipient_account = Some(payment.account.to_string());
    fields.trx_id = Some(told.provider_ref.clone());
    fields.partner_trx_id = Some(told.id.clone());
    fields.created_date = Some(stamp(payment.created));
    fields.last_updated_date = Some(stamp(payment.updated));
    let said = payment.description.as_deref().map(String::from);
    fields.tx_status_description = said.or_else(|| modern.then(|| code.message().into()));
    reply
}

/// How `judge` sees an order.
enum Verdict {
    /// Nothing is created; the id stays free.
    Refused(Code),
    /// A mock that answers `answer` while the books say `code`.
    Mocked {
        answer: Code,
        code: Code,
        money: Money,
    },
    Accepted {
        plan: Plan,
        money: Money,
    },
}

/// Mock table, duplicate 203, bank 205, amount 210 and 215, balance 206.
fn judge(books: &Books, order: &Order<'_>) -> Verdict {
    let settings = &books.settings;
    let mut plan = Plan::End(Code::SUCCESS);
    match tables::remit_mock(order.to.account, settings.mode) {
        Some(Mock::Refused(code)) => return Verdict::Refused(code),
        Some(Mock::Unclear) => {
            let code = Code::INTERNAL;
            return Verdict::Mocked { answer: code, code, money: Money::None };
        }
        Some(Mock::PaidEarlier) => {
            return Verdict::Mocked { answer: Code::DUPLICATE, code: Code::SUCCESS, money: Money::Moved };
        }
        Some(Mock::Ends(code)) => plan = Plan::End(code),
        Some(Mock::Stays(code)) => plan = Plan::Stay(code),
        None => {}
    }
    if let Some(earlier) = books.get(order.id).filter(|p| p.exists()) {
        let in_process = settings.mode == Mode::Modern && !earlier.code.is_end();
        return Verdict::Refused(if in_process { Code::STILL_IN_PROCESS } else { Code::DUPLICATE });
    }
    if !tables::supports(order.to.bank, settings.mode) {
        return Verdict::Refused(Code::BANK_NOT_FOUND);
    }
    let least = if tables::is_wallet(order.to.bank) { WALLET_MIN } else { settings.min_amount };
    if order.to.amount < least.max(1) {
        return Verdict::Refused(Code::AMOUNT_NOT_VALID);
    }
    let over = settings.max_amount > 0 && order.to.amount > settings.max_amount;
    let short = order.to.amount > books.available() + settings.overdraft;
    let (over_code, seed) = match settings.mode {
        Mode::Seed => (Code::OVER_LIMIT_SEED, true),
        Mode::Modern => (Code::OVER_LIMIT, false),
    };
    let lacking = if over { Some(over_code) } else { short.then_some(Code::BALANCE_TOO_LOW) };
    match lacking {
        None => Verdict::Accepted { plan, money: Money::Held },
        Some(code) if seed => Verdict::Refused(code),
        // Since 2024 the lack shows as an asynchronous end; nothing is reserved for it.
        Some(code) => Verdict::Accepted { plan: Plan::End(code), money: Money::None },
    }
}

/// The plan as the faults want it, and the description that goes with it.
fn planned(plan: Plan, effects: &Effects) -> (Plan, Option<Box<str>>) {
    let forced = effects.force_credit.clone().map(|said| (Code::FAILED, Some(said)));
    let end = effects.end.as_ref().and_then(|(code, said)| Some((code.parse().ok()?, said.clone())));
    let (end, said) = forced.or(end).map_or((None, None), |(code, said)| (Some(code), said));
    let plan = end.map_or(plan, |code: Code| if code.is_end() { Plan::End(code) } else { Plan::Stay(code) });
    let plan = match plan {
        Plan::End(code) if effects.suspect_first => Plan::Via(Code::SUSPECT, code),
        other => other,
    };
    (plan, said.map(Box::from))
}

/// The form of a remit, or 990; an amount that is a whole number below 1 is left to the amount check.
fn read_order(call: &Call) -> Result<Order<'_>, Code> {
    let bank = call.text("recipient_bank").ok_or(Code::NOT_VALID)?;
    let account = call.text("recipient_account").filter(|a| digits(a)).ok_or(Code::NOT_VALID)?;
    let id = call.text("partner_trx_id").ok_or(Code::NOT_VALID)?;
    let amount = call.field("amount").and_then(whole).ok_or(Code::NOT_VALID)?;
    let note = call.text("note").unwrap_or_default();
    let email = call.text("email").unwrap_or_default();
    let long = [bank, account, id, note, email].iter().any(|t| t.chars().count() > 255);
    match long || email.split_whitespace().count() > 5 {
        true => Err(Code::NOT_VALID),
        false => Ok(Order { to: Target { bank, account, amount }, id }),
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// A whole number, also written as a string (one integrator's client does); never a fraction or an exponent.
fn whole(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let bare = text.strip_prefix('-').unwrap_or(&text);
    (!bare.is_empty() && digits(bare)).then(|| text.parse().ok()).flatten()
}

fn inquiry(settings: &Settings, call: &Call, now: DateTime<Utc>) -> Reply {
    let (bank, account) = (call.text("recipient_bank"), call.text("recipient_account").filter(|a| digits(a)));
    let (Some(bank), Some(account)) = (bank, account) else {
        return refusal(call, Code::NOT_VALID, now);
    };
    let code = match tables::inquiry_mock(account) {
        Some(code) => code,
        None if !tables::supports(bank, settings.mode) => Code::BANK_NOT_FOUND,
        None => Code::SUCCESS,
    };
    let mut reply = refusal(call, code, now);
    reply.fields.recipient_name = Some(if code == Code::SUCCESS { NAME } else { "" }.into());
    reply
}

/// The seed has no pending balance: there, what is reserved is no longer "remaining".
fn balance(books: &Books, now: DateTime<Utc>) -> Reply {
    let mut reply = Reply::new(Code::SUCCESS, now);
    let (settings, fields) = (&books.settings, &mut reply.fields);
    fields.overdraft_balance = Some(settings.overdraft);
    fields.overbooking_balance = Some(settings.overbooking);
    match settings.mode {
        Mode::Seed => fields.balance = Some(books.available()),
        Mode::Modern => {
            fields.balance = Some(books.balance());
            fields.pending_balance = Some(books.reserved());
            fields.available_balance = Some(books.balance() + settings.overdraft - books.reserved());
        }
    }
    reply
}

/// An answer that echoes what was asked, as far as it could be read, with an empty `trx_id` on a remit.
fn refusal(call: &Call, code: Code, now: DateTime<Utc>) -> Reply {
    let mut reply = Reply::new(code, now);
    let (owned, fields) = (|name| call.text(name).map(String::from), &mut reply.fields);
    match call.operation {
        Operation::Balance => {}
        Operation::RemitStatus => fields.partner_trx_id = owned("partner_trx_id"),
        Operation::Inquiry | Operation::Remit => {
            fields.recipient_bank = owned("recipient_bank");
            fields.recipient_account = owned("recipient_account");
        }
    }
    if call.operation == Operation::Remit {
        fields.amount = call.field("amount").and_then(whole).map(Number::from);
        fields.partner_trx_id = owned("partner_trx_id");
        fields.trx_id = Some(String::new());
    }
    reply
}
