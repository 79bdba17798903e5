//! Who may call DOKU: the B2B token, and the headers and signature of every other call (contracts/doku.md 2.1, 2.3).
//!
//! The order of the checks is ours, since none is published: form of the headers, token, partner, time, signature, then
//! X-EXTERNAL-ID.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Doku;
use super::calls::Books;
use super::own::Fact;
use super::signing::{self, Signed};
use super::wire::{Call, Reply};
use crate::crypto::random_bytes;
use crate::sandbox::chassis::books::Entry;
use crate::sandbox::chassis::tokens::Issued;

/// Longest X-EXTERNAL-ID.
const EXTERNAL_ID_MAX: usize = 36;

/// `POST /authorization/v1/access-token/b2b`.
pub(super) fn token(doku: &Doku, books: &mut Books, call: &Call, now: DateTime<Utc>) -> Result<Reply, Reply> {
    let client = header(call, "X-CLIENT-KEY")?;
    let (timestamp, at) = time(call)?;
    let signature = header(call, "X-SIGNATURE")?;
    let account = doku.account();
    if client != account.client_id {
        return Err(call.unauthorized("Unknown Client"));
    }
    in_time(call, books, at, now)?;
    if !signing::is_signed_by(&doku.provider().merchant, &format!("{client}|{timestamp}"), signature) {
        return Err(call.unauthorized("Invalid Signature"));
    }
    if call.needed("grantType", 64)? != "client_credentials" {
        return Err(call.malformed("grantType"));
    }
    let (life, from) = (books.settings.token_life_s, now.timestamp());
    let until = now + TimeDelta::seconds(life.into());
    let claims = json!({
        "exp": until.timestamp(), "nbf": from, "iss": "DOKU", "iat": from, "jti": hex::encode(random_bytes::<16>()),
        "clientId": client,
    });
    let token = signing::jwt(&doku.provider().doku, &claims).map_err(|_| call.says(500, 1))?;
    doku.commit(books, Entry::Own(Fact::Token(Issued { token: token.as_str().into(), at: now, until })));
    let fields = json!({ "accessToken": token, "tokenType": "Bearer", "expiresIn": life, "additionalInfo": "" });
    Ok(call.says(200, 0).with(fields))
}

/// Lets a transaction call in, and uses up its X-EXTERNAL-ID.
pub(super) fn let_in(doku: &Doku, books: &mut Books, call: &Call, now: DateTime<Utc>) -> Result<(), Reply> {
    let (account, settings) = (doku.account(), &books.settings);
    let partner = header(call, "X-PARTNER-ID")?;
    let external_id = header(call, "X-EXTERNAL-ID")?;
    let (timestamp, at) = time(call)?;
    let signature = header(call, "X-SIGNATURE")?;
    header(call, "CHANNEL-ID")?;
    if external_id.len() > EXTERNAL_ID_MAX {
        return Err(call.malformed("X-EXTERNAL-ID"));
    }
    let bearer = call.request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let tokens = &books.own.tokens;
    let good = |token: &&str| tokens.is_good(token, now) && (!settings.strict_token || tokens.is_last(token));
    let token = bearer.filter(good).ok_or_else(|| call.says(401, 1))?;
    if partner != account.client_id {
        return Err(call.unauthorized("Unknown Client"));
    }
    in_time(call, books, at, now)?;
    let path = call.request.uri.path_and_query().map_or("/", |path| path.as_str());
    let (method, body) = (call.request.method.as_str(), &call.request.body);
    if !(Signed { method, path, token, body, timestamp }).is_by(&account.secret_key, signature) {
        return Err(call.unauthorized("Invalid Signature"));
    }
    let day = jakarta(now).date_naive();
    if books.own.was_called(day, external_id) {
        return Err(call.says(409, 0));
    }
    doku.commit(books, Entry::Own(Fact::Called(day, external_id.into())));
    Ok(())
}

fn header<'a>(call: &'a Call, name: &str) -> Result<&'a str, Reply> {
    call.request.header(name).filter(|value| !value.is_empty()).ok_or_else(|| call.missing(name))
}

/// `X-TIMESTAMP` as sent, and the instant it names: any zone, with or without milliseconds.
fn time(call: &Call) -> Result<(&str, DateTime<Utc>), Reply> {
    let text = header(call, "X-TIMESTAMP")?;
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| call.malformed("X-TIMESTAMP"))?;
    Ok((text, at.to_utc()))
}

fn in_time(call: &Call, books: &Books, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Reply> {
    let skew = i64::from(books.settings.skew_s);
    match skew > 0 && (now - at).abs() > TimeDelta::seconds(skew) {
        true => Err(call.unauthorized("Invalid Timestamp")),
        false => Ok(()),
    }
}

/// Jakarta's time, in which DOKU's days and stamps are.
pub(super) fn jakarta(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    let offset = FixedOffset::east_opt(7 * 3600).expect("seven hours are within a day");
    at.with_timezone(&offset)
}

/// A stamp of SNAP: `2024-03-26T16:01:41+07:00`.
pub(super) fn stamp(at: DateTime<Utc>) -> Value {
    jakarta(at).format("%Y-%m-%dT%H:%M:%S%:z").to_string().into()
}
