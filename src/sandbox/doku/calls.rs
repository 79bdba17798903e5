//! What DOKU does with a Kirim DOKU call: inquiry, transfer, status, balance (contracts/doku.md 3.8).
//!
//! Everything of one call happens under one lock of the books; the journal is written before the answer is handed on.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::access::{self, stamp};
use super::code::Code;
use super::own::{Fact, Quote};
use super::wire::{Call, Operation, Reply, decimal, digits, money};
use super::{Doku, DokuRules};
use crate::crypto::random_bytes;
use crate::sandbox::chassis::books::{self, Entry, Money, Payment, Target};
use crate::sandbox::chassis::faults::Effects;
use crate::sandbox::chassis::life;

pub(super) type Books = books::Books<DokuRules>;
type Plan = books::Plan<Code>;
type Told = life::Told<DokuRules>;

/// The holder of every account.
const NAME: &str = "John Doe";
/// The documented account whose payout comes back.
const RETURNS: &str = "7746555134";

/// Works on one call, under the lock of the books.
pub(super) fn answer(
    doku: &Doku,
    books: &mut Books,
    call: &Call,
    effects: &Effects,
    now: DateTime<Utc>,
) -> (Reply, Vec<Told>) {
    let mut news = Vec::new();
    let reply = work(doku, books, call, effects, now, &mut news).unwrap_or_else(|refused| refused);
    (reply.numeric(books.settings.numeric_response_code), news)
}

fn work(
    doku: &Doku,
    books: &mut Books,
    call: &Call,
    effects: &Effects,
    now: DateTime<Utc>,
    news: &mut Vec<Told>,
) -> Result<Reply, Reply> {
    let refused = effects.refuse.as_ref().and_then(|code| code.parse().ok()).map(Reply::of);
    if call.operation == Operation::Token {
        return refused.map_or_else(|| access::token(doku, books, call, now), Err);
    }
    access::let_in(doku, books, call, now)?;
    if let Some(refused) = refused {
        return Err(refused);
    }
    match call.operation {
        Operation::Inquiry => inquiry(doku, books, call, now),
        Operation::Transfer => transfer(doku, books, call, effects, now, news),
        Operation::Token | Operation::Balance => balance(doku, books, call),
        Operation::QrStatus | Operation::TransferStatus => status(doku, books, call, now, news),
    }
}

/// Bank account inquiry. Account numbers that end in 0404 are not found: ours, since DOKU names no such number.
fn inquiry(doku: &Doku, books: &mut Books, call: &Call, now: DateTime<Utc>) -> Result<Reply, Reply> {
    let reference = call.optional("partnerReferenceNo", 64)?;
    phone(call)?;
    let amount = call.amount()?;
    let account = account_number(call)?;
    let bank = bank_code(call, "additionalInfo.beneficiaryBankCode")?;
    // Optional in the documents' table, enforced by the real sandbox.
    call.needed("additionalInfo.beneficiaryAccountName", 255)?;
    let country = call.needed("additionalInfo.senderCountryCode", 2)?;
    channel(call)?;
    if account.ends_with("0404") {
        return Err(call.says(404, 11));
    }
    let session = format!("I{:016}", u64::from_be_bytes(random_bytes()) % 10_000_000_000_000_000);
    let until = now + TimeDelta::seconds(books.settings.session_life_s.into());
    let quote =
        Quote { session: session.as_str().into(), bank: bank.into(), account: account.into(), amount, at: now, until };
    doku.commit(books, Entry::Own(Fact::Quoted(quote)));
    let number = &session[1..];
    Ok(call.says(200, 0).with(json!({
        "referenceNo": format!("IQ{number}"), "partnerReferenceNo": reference,
        "beneficiaryAccountNumber": account, "beneficiaryAccountName": NAME, "beneficiaryBankCode": bank,
        "beneficiaryBankShortName": format!("BANK{bank}"), "beneficiaryBankName": format!("Bank {bank}"),
        "amount": money(amount), "sessionId": session,
        "additionalInfo": {
            "senderCountryCode": country, "forexRate": "1.00", "forexOriginCurrency": "IDR", "feeAmount": decimal(0),
            "feeCurrency": "IDR", "beneficiaryAmount": decimal(amount), "referenceNumber": number,
            "forex": { "origin": "IDR", "destination": "IDR" }, "fee": money(0),
        },
    })))
}

/// A transfer whose form is right.
struct Order<'a> {
    to: Target<'a>,
    reference: &'a str,
    session: &'a str,
    channel: Option<&'a str>,
}

fn read_order(call: &Call) -> Result<Order<'_>, Reply> {
    let reference = call.needed("partnerReferenceNo", 64)?;
    phone(call)?;
    let (account, bank) = (account_number(call)?, bank_code(call, "beneficiaryBankCode")?);
    let (amount, session) = (call.amount()?, call.needed("sessionId", 25)?);
    call.optional("feeType", 25)?;
    Ok(Order { to: Target { bank, account, amount }, reference, session, channel: channel(call)? })
}

fn transfer(
    doku: &Doku,
    books: &mut Books,
    call: &Call,
    effects: &Effects,
    now: DateTime<Utc>,
    news: &mut Vec<Told>,
) -> Result<Reply, Reply> {
    let order = read_order(call)?;
    if books.get(order.reference).is_some_and(Payment::exists) {
        return Err(call.says(409, 1));
    }
    let fits = |quote: &Quote| {
        (&*quote.bank, &*quote.account, quote.amount) == (order.to.bank, order.to.account, order.to.amount)
    };
    let agreed = books.own.quote(order.session, now).is_some_and(fits);
    // Whatever becomes of the transfer, the session is used.
    doku.commit(books, Entry::Own(Fact::Used(order.session.into())));
    let refused = match () {
        () if !agreed => Some(call.says(404, 18)),
        // Ours: DOKU names no number for a bad account.
        () if order.to.account.ends_with("0405") => Some(call.says(404, 11)),
        () if order.to.amount > books.available() => Some(call.says(403, 14)),
        () => None,
    };
    if let Some(refused) = refused {
        let payment = order.to.payment(0, refused.code(), Money::None, Plan::Stay(refused.code()), now);
        doku.commit(books, Entry::Booked(order.reference.into(), payment));
        return Err(refused);
    }
    let trx = books.next_trx(now);
    let payment = match course(&order, books.settings.sync, effects) {
        None => order.to.payment(trx, Code::PAID, Money::Moved, Plan::Stay(Code::PAID), now),
        Some(plan) => {
            let mut payment = order.to.payment(trx, Code::PENDING, Money::Held, plan, now);
            payment.description = effects.end.as_ref().and_then(|(_, said)| said.as_deref()).map(Box::from);
            let wait = if effects.callback_first { TimeDelta::zero() } else { doku.settle_after(books) };
            payment.due = Some(now + wait);
            payment
        }
    };
    let http = if payment.code == Code::PAID { 200 } else { 202 };
    let reference_no = books.provider_ref(&payment);
    doku.commit(books, Entry::Booked(order.reference.into(), payment));
    news.extend(doku.turn_if_due(books, order.reference, now));
    Ok(call.says(http, 0).with(json!({
        "referenceNo": reference_no, "partnerReferenceNo": order.reference, "transactionDate": stamp(now),
        "referenceNumber": format!("{trx:012}"),
        "additionalInfo": { "sessionId": order.session, "amount": decimal(order.to.amount) },
    })))
}

/// What will happen to a transfer that is in process; `None` is paid at once. The documented accounts come first
/// (contracts/doku.md 3.8), a fault before them.
fn course(order: &Order<'_>, sync: bool, effects: &Effects) -> Option<Plan> {
    use crate::sandbox::chassis::provider::Code as _;
    if let Some(code) = effects.end.as_ref().and_then(|(code, _)| code.parse::<Code>().ok()) {
        return Some(if code.is_end() { Plan::End(code) } else { Plan::Stay(code) });
    }
    if order.to.account == RETURNS {
        return Some(Plan::Via(Code::PAID, Code::RETURNED));
    }
    if order.to.account.contains("12345") {
        match (order.to.bank, order.channel) {
            ("002", None | Some("07")) => return Some(Plan::End(Code::FAILED)),
            ("002", _) => {}
            _ => return Some(Plan::End(Code::PAID)),
        }
    }
    (!sync || effects.callback_first).then_some(Plan::End(Code::PAID))
}

/// Status, at both paths; `serviceCode` is 43.
fn status(
    doku: &Doku,
    books: &mut Books,
    call: &Call,
    now: DateTime<Utc>,
    news: &mut Vec<Told>,
) -> Result<Reply, Reply> {
    let reference = call.needed("originalPartnerReferenceNo", 64)?;
    let service = call.needed("serviceCode", 2)?;
    call.optional("originalReferenceNo", 64)?;
    let external_id = call.optional("originalExternalId", 36)?;
    if service != "43" {
        return Err(call.malformed("serviceCode"));
    }
    // A turn that is due is never older news than the answer, however late the agenda is.
    news.extend(doku.turn_if_due(books, reference, now));
    let echo = json!({
        "originalPartnerReferenceNo": reference, "originalExternalId": external_id, "serviceCode": service,
    });
    let Some(payment) = books.get(reference).filter(|payment| payment.exists()) else {
        let said = json!({ "latestTransactionStatus": "07", "transactionStatusDesc": Code::NOT_FOUND.message() });
        return match books.settings.unknown_as_07 {
            true => Ok(call.says(200, 0).with(echo).with(said)),
            false => Err(call.says(404, 1)),
        };
    };
    let original = Code::response(if payment.code == Code::PAID { 200 } else { 202 }, 43, 0);
    let said = payment.description.as_deref().unwrap_or(payment.code.message());
    Ok(call.says(200, 0).with(echo).with(json!({
        "originalReferenceNo": books.provider_ref(payment), "latestTransactionStatus": payment.code.to_string(),
        "transactionStatusDesc": said, "amount": money(payment.amount), "transactionDate": stamp(payment.created),
        "originalResponseCode": original.to_string(), "originalResponseMessage": original.message(),
        "additionalInfo": {},
    })))
}

/// Balance of the agent. What is reserved is held; the live form is an array (contracts/doku.md 3.8).
fn balance(doku: &Doku, books: &Books, call: &Call) -> Result<Reply, Reply> {
    let agent = call.needed("accountNo", 16)?;
    let reference = call.optional("partnerReferenceNo", 64)?;
    if agent != doku.account().agent_key {
        return Err(call.says(404, 8));
    }
    let (held, available) = (money(books.reserved()), money(books.available()));
    let limit = json!({ "creditAlertLimit": money(0) });
    let infos = match books.settings.docs_form {
        true => json!({ "holdAmount": held, "avaliableBalance": available, "additionalInfo": limit }),
        false => json!([{ "holdAmount": held, "availableBalance": available, "additionalInfo": limit }]),
    };
    let fields = json!({
        "accountNo": agent, "partnerReferenceNo": reference, "name": "Paystrator Sandbox", "accountInfos": infos,
    });
    Ok(call.says(200, 0).with(fields))
}

/// The sender's phone: 62… or 0….
fn phone(call: &Call) -> Result<&str, Reply> {
    let number = call.needed("customerNumber", 32)?;
    digits(number.strip_prefix('+').unwrap_or(number)).then_some(number).ok_or_else(|| call.malformed("customerNumber"))
}

fn account_number(call: &Call) -> Result<&str, Reply> {
    let field = "beneficiaryAccountNumber";
    call.needed(field, 32).and_then(|number| digits(number).then_some(number).ok_or_else(|| call.malformed(field)))
}

fn bank_code<'a>(call: &'a Call, field: &str) -> Result<&'a str, Reply> {
    let code = call.needed(field, 3)?;
    (code.len() == 3 && digits(code)).then_some(code).ok_or_else(|| call.malformed(field))
}

/// 07 is a deposit, 11 BI-FAST.
fn channel(call: &Call) -> Result<Option<&str>, Reply> {
    match call.optional("additionalInfo.channelCode", 2)? {
        Some(code) if !["07", "11"].contains(&code) => Err(call.malformed("additionalInfo.channelCode")),
        code => Ok(code),
    }
}

/// The body of a payout notification (contracts/doku.md 3.8).
pub(super) fn notice(told: &Told) -> Value {
    let end = match told.payment.code {
        Code::PAID => "Success",
        Code::RETURNED => "Refunded",
        Code::CANCELLED | Code::FAILED => "Failed",
        _ => "Pending",
    };
    json!({
        "sendTrxId": told.id, "transactionId": told.provider_ref, "activityCode": "200",
        "message": format!("Transaction is {end}"), "processDate": stamp(told.at),
    })
}
