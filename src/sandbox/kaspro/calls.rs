//! What KasPro does with a call: who may call, the private mock table, the booking, the answer.
//!
//! The mock table is contracts/kaspro.md 2: OURS, NOT KASPRO'S (it publishes none), keyed on the last four digits of the
//! destination account. Codes from 900000 on are ours too. Everything of one call happens under one lock of the books.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::code::Code;
use super::wire::{Call, Operation, Reply};
use super::{Kaspro, KasproRules, MOBILE_NUMBER, ORIGIN, Settings, signing, wib};
use crate::crypto::{constant_time_eq, random_bytes};
use crate::sandbox::chassis::books::{self, Entry, Money, Payment, Target};
use crate::sandbox::chassis::faults::Effects;
use crate::sandbox::chassis::life;
use crate::sandbox::chassis::tokens::Issued;

type Books = books::Books<KasproRules>;
type Plan = books::Plan<Code>;
type Told = life::Told<KasproRules>;

/// The holder of every account.
const NAME: &str = "John Doe";

/// Works on one call, under the lock of the books.
pub(super) fn answer(
    kaspro: &Kaspro,
    books: &mut Books,
    call: &Call,
    effects: &Effects,
    now: DateTime<Utc>,
) -> (Reply, Vec<Told>) {
    let none = |reply| (reply, Vec::new());
    let refused = effects.refuse.as_ref().and_then(|code| code.parse().ok());
    if call.operation == Operation::Token {
        return none(refused.map_or_else(|| token(kaspro, books, call, now), Reply::says));
    }
    if call.operation == Operation::Status && !books.settings.status_call {
        return none(Reply::bare(StatusCode::NOT_FOUND));
    }
    if let Some(code) = check_caller(kaspro, books, call, now).err().or(refused) {
        return none(Reply::says(code));
    }
    match call.operation {
        Operation::Transfer => transfer(kaspro, books, call, effects, now),
        Operation::Status => status(kaspro, books, call, now),
        Operation::Token | Operation::Inquiry => none(inquiry(books, call)),
    }
}

/// OAuth client credentials, form-encoded (contracts/kaspro.md 1.0); errors are those of RFC 6749.
fn token(kaspro: &Kaspro, books: &mut Books, call: &Call, now: DateTime<Utc>) -> Reply {
    let refused = |http, error: &str| Reply { http, body: Some(json!({ "error": error })) };
    let fields = form(&call.request.body);
    let of = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if of("grant_type") != "client_credentials" {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let account = kaspro.account();
    let known = of("client_id") == account.client_id
        && constant_time_eq(of("client_secret").as_bytes(), account.client_secret.as_bytes());
    if !known {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let life = books.settings.token_life_s;
    let (token, until) = (hex::encode(random_bytes::<24>()), now + TimeDelta::seconds(life.into()));
    kaspro.commit(books, Entry::Own(Issued { token: token.as_str().into(), at: now, until }));
    let body = json!({ "access_token": token, "token_type": "bearer", "expires_in": life });
    Reply { http: StatusCode::OK, body: Some(body) }
}

fn form(body: &[u8]) -> HashMap<String, String> {
    let uri = std::str::from_utf8(body).ok().and_then(|text| format!("/?{text}").parse::<Uri>().ok());
    uri.and_then(|uri| Query::try_from_uri(&uri).ok()).map(|Query(fields)| fields).unwrap_or_default()
}

/// Token, Partner-Key, Origin, Date, signature, in this order.
fn check_caller(kaspro: &Kaspro, books: &Books, call: &Call, now: DateTime<Utc>) -> Result<(), Code> {
    let (account, request) = (kaspro.account(), &call.request);
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if !token.is_some_and(|token| books.own.tokens.is_good(token, now)) {
        return Err(Code::TOKEN);
    }
    if request.header("partner-key") != Some(account.hmac_key.as_str()) {
        return Err(Code::PARTNER_KEY);
    }
    if request.header("origin") != Some(ORIGIN) {
        return Err(Code::ORIGIN);
    }
    let date = request.header("date").ok_or(Code::DATE)?;
    let said = DateTime::parse_from_rfc2822(date).map_err(|_| Code::DATE)?;
    let skew = i64::from(books.settings.skew_s);
    if !date.ends_with("GMT") || (skew > 0 && (now - said.to_utc()).abs() > TimeDelta::seconds(skew)) {
        return Err(Code::DATE);
    }
    let text = signing::string_to_sign(request.method.as_str(), request.uri.path(), date);
    let header = request.header("kaspro-signature").unwrap_or_default();
    match signing::is_signed(header, &account.hmac_key, account.hmac_secret.as_bytes(), &text) {
        true => Ok(()),
        false => Err(Code::SIGNATURE),
    }
}

/// What the last four digits of the destination do. Ours, not KasPro's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mock {
    CustomerNotFound,
    PaidAtOnce,
    NeverEnds,
    GatewayTimeoutAfter,
    GatewayTimeoutBefore,
    NoCode,
    UnknownCode,
    SpacedKey,
    Contradiction,
    Fails,
    Plain,
}

fn mock(account: &str) -> Mock {
    match account.len().checked_sub(4).and_then(|at| account.get(at..)).unwrap_or_default() {
        "0000" => Mock::CustomerNotFound,
        "1000" => Mock::PaidAtOnce,
        "1001" => Mock::NeverEnds,
        "1002" => Mock::GatewayTimeoutAfter,
        "1003" => Mock::GatewayTimeoutBefore,
        "1004" => Mock::NoCode,
        "1005" => Mock::UnknownCode,
        "1006" => Mock::SpacedKey,
        "1007" => Mock::Contradiction,
        "1008" => Mock::Fails,
        _ => Mock::Plain,
    }
}

/// A transfer whose form is right. The field names are the proposal of contracts/kaspro.md 5.
struct Order<'a> {
    to: Target<'a>,
    id: &'a str,
    name: &'a str,
}

fn transfer(
    kaspro: &Kaspro,
    books: &mut Books,
    call: &Call,
    effects: &Effects,
    now: DateTime<Utc>,
) -> (Reply, Vec<Told>) {
    let none = |reply| (reply, Vec::new());
    let order = match read_order(call) {
        Ok(order) => order,
        Err(field) => return none(Reply::with(Code::NOT_VALID, &format!("Invalid {field}"))),
    };
    if books.get(order.id).is_some_and(Payment::exists) {
        return none(Reply::says(Code::DUPLICATE));
    }
    let mock = mock(order.to.account);
    if mock == Mock::GatewayTimeoutBefore {
        return none(Reply::bare(StatusCode::GATEWAY_TIMEOUT));
    }
    let own = call.text("mobileNumber").is_some_and(|number| local(number) == MOBILE_NUMBER);
    let refused = match () {
        () if !own || mock == Mock::CustomerNotFound => Some(Code::CUSTOMER_NOT_FOUND),
        () if order.to.amount > books.available() => Some(Code::BALANCE_TOO_LOW),
        () => None,
    };
    if let Some(code) = refused {
        let payment = order.to.payment(0, code, Money::None, Plan::Stay(code), now);
        kaspro.commit(books, Entry::Booked(order.id.into(), payment));
        return none(Reply::says(code));
    }
    let decided = effects.end.as_ref().and_then(|(code, said)| Some((code.parse::<Code>().ok()?, said.as_deref())));
    let at_once = (books.settings.sync || mock == Mock::PaidAtOnce)
        && decided.is_none()
        && !effects.callback_first
        && matches!(mock, Mock::Plain | Mock::PaidAtOnce | Mock::SpacedKey);
    let trx = books.next_trx(now);
    let payment = match at_once {
        true => order.to.payment(trx, Code::SUCCESS, Money::Moved, Plan::Stay(Code::SUCCESS), now),
        false => {
            let end = match (decided, mock) {
                (Some((code, _)), _) => code,
                (None, Mock::NeverEnds) => Code::IN_PROCESS,
                (None, Mock::Fails) => Code::FAILED,
                (None, _) => Code::SUCCESS,
            };
            let mut payment = order.to.payment(trx, Code::IN_PROCESS, Money::Held, Plan::End(end), now);
            payment.description = decided.and_then(|(_, said)| said).map(Box::from);
            let wait = if effects.callback_first { TimeDelta::zero() } else { kaspro.settle_after(books) };
            // What never ends has nothing to wait for.
            payment.due = (end != Code::IN_PROCESS).then_some(now + wait);
            payment
        }
    };
    kaspro.commit(books, Entry::Booked(order.id.into(), payment));
    let Some(booked) = Told::of(books, order.id, now) else { return none(Reply::says(Code::NOT_VALID)) };
    let reply = odd(mock, state(&booked, Some(books.available()), order.name));
    let news = kaspro.turn_if_due(books, order.id, now);
    (reply, news.into_iter().collect())
}

/// What some mocks do to the answer; the transfer behind it goes its way.
fn odd(mock: Mock, reply: Reply) -> Reply {
    match mock {
        Mock::GatewayTimeoutAfter => Reply::bare(StatusCode::GATEWAY_TIMEOUT),
        Mock::NoCode => reply.without("code"),
        Mock::UnknownCode => reply.set("code", Code::UNHEARD_OF.0.into()),
        Mock::Contradiction => reply.set("code", Code::SUCCESS.0.into()),
        Mock::SpacedKey => {
            let id = reply.body.as_ref().map_or(Value::Null, |body| body["responseId"].clone());
            reply.without("responseId").set("responseId ", id)
        }
        _ => reply,
    }
}

/// The invented status call: the sync body when paid, the async one while in process, 900010 or 900011.
fn status(kaspro: &Kaspro, books: &mut Books, call: &Call, now: DateTime<Utc>) -> (Reply, Vec<Told>) {
    let Some(id) = call.text("requestId") else {
        return (Reply::with(Code::NOT_VALID, "Invalid requestId"), Vec::new());
    };
    // A turn that is due is never older news than the answer, however late the agenda is.
    let news = kaspro.turn_if_due(books, id, now).into_iter().collect();
    let reply = match Told::of(books, id, now).filter(|told| told.payment.exists()) {
        Some(told) => state(&told, Some(books.available()), NAME),
        None => Reply::says(Code::TX_NOT_FOUND),
    };
    (reply, news)
}

/// A payment as an answer says it (contracts/kaspro.md 1.2): the sync body for code 0, the async one for all else.
/// The balances are those of the moment of the answer.
fn state(told: &Told, available: Option<i64>, name: &str) -> Reply {
    let (payment, settings) = (&told.payment, &told.settings);
    let units = |units: i64| money(settings, units);
    let data = match payment.code {
        Code::SUCCESS => json!({
            "bankAccount": payment.account, "bankName": format!("Bank {}", payment.bank), "bankAccountName": name,
            "serviceFee": units(0), "amount": units(payment.amount), "totalAmount": units(payment.amount),
            "balanceBefore": available.map(|balance| units(balance + payment.amount)),
            "balanceAfter": available.map(units),
            "date": wib(payment.updated).format("%Y-%m-%d %H:%M:%S").to_string(),
        }),
        _ => json!({
            "account": payment.account, "amount": units(payment.amount), "price": units(payment.amount),
            "serviceFee": units(0), "reffId": told.provider_ref, "flowType": "Async",
        }),
    };
    let message = payment.description.as_deref().unwrap_or(payment.code.message());
    Reply::with(payment.code, message).set("responseId", told.provider_ref.as_str().into()).set("data", data)
}

/// The invented callback: as the status call says it, with `reffId` beside `responseId`.
pub(super) fn news(told: &Told) -> Reply {
    state(told, None, NAME).set("reffId", told.provider_ref.as_str().into())
}

fn money(settings: &Settings, units: i64) -> Value {
    match settings.money_as_numbers {
        true => units.into(),
        false => units.to_string().into(),
    }
}

/// The form of a transfer, or the field that is wrong. `pocketId` and `reference` may be absent.
fn read_order(call: &Call) -> Result<Order<'_>, &'static str> {
    let plain = |text: &&str| text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let id = call.text("requestId").filter(plain).ok_or("requestId")?;
    call.text("mobileNumber").filter(|number| is_phone(number)).ok_or("mobileNumber")?;
    let bank = call.text("bankCode").filter(|code| code.len() <= 16).ok_or("bankCode")?;
    let account = call.destination().filter(|a| a.len() <= 32 && digits(a)).ok_or("bankAccount")?;
    let amount = call.field("amount").and_then(whole).filter(|amount| *amount > 0).ok_or("amount")?;
    let pocket = |value: &Value| whole(value).is_some();
    call.field("pocketId").is_none_or(pocket).then_some(()).ok_or("pocketId")?;
    let name = call.text("bankAccountName").unwrap_or(NAME);
    Ok(Order { to: Target { bank, account, amount }, id, name })
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_phone(text: &str) -> bool {
    digits(text.strip_prefix('+').unwrap_or(text))
}

/// 08…, whatever of 08…, 62… and +62… was sent.
fn local(number: &str) -> String {
    let bare = number.strip_prefix('+').unwrap_or(number);
    bare.strip_prefix("62").map_or_else(|| bare.to_owned(), |rest| format!("0{rest}"))
}

/// A whole number, also written as a string; never with separators, a fraction or an exponent.
fn whole(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    digits(&text).then(|| text.parse().ok()).flatten()
}

/// Customer inquiry: the partner's own number shows the deposit, ...0000 is not found, everybody else has nothing.
fn inquiry(books: &Books, call: &Call) -> Reply {
    let query: HashMap<String, String> =
        Query::try_from_uri(&call.request.uri).map(|Query(fields)| fields).unwrap_or_default();
    let Some(number) = query.get("mobileNumber").filter(|number| is_phone(number)).map(|number| local(number)) else {
        return Reply::with(Code::NOT_VALID, "Invalid mobileNumber");
    };
    if number.ends_with("0000") {
        return Reply::says(Code::CUSTOMER_NOT_FOUND);
    }
    let (kind, available) = if number == MOBILE_NUMBER { ("Corporate", books.available()) } else { ("Subscriber", 0) };
    let data = json!({
        "firstName": "John", "middleName": "", "lastName": "Doe", "fullName": NAME, "accountType": kind,
        "accountStatus": "Active", "customerType": "Premium", "email": "sandbox@example.com", "mobileNumber": number,
        "kycStatus": "Verified", "balance": { "pocketId": "2", "availableBalance": money(&books.settings, available) },
    });
    Reply::says(Code::SUCCESS).set("data", data)
}
