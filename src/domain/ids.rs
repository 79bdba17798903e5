//! Identifiers: UUIDv7 inside, `prefix_` and 32 hex digits outside.
//!
//! Ids made later sort later, to the quarter of a millisecond, so a list by id is a list by time.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Prefix of a send-money payment; `get-status` knows the service by it.
pub const SEND_MONEY: &str = "sm";
/// Prefix of an event; also the `webhook-id` a client sees.
pub const EVENT: &str = "ev";
/// Prefix of a webhook endpoint.
pub const ENDPOINT: &str = "we";
/// Prefix of an API key's own id (not of the key).
pub const KEY: &str = "key";
/// Prefix of a connection.
pub const CONNECTION: &str = "conn";
/// Prefix of an exception.
pub const EXCEPTION: &str = "ex";
/// Prefix of an operator's resolution.
pub const RESOLUTION: &str = "res";
/// Prefix of a client.
pub const CLIENT: &str = "cl";
/// Prefix of a person.
pub const USER: &str = "usr";
/// Prefix of an invitation.
pub const INVITATION: &str = "inv";
/// Prefix of a session.
pub const SESSION: &str = "ses";
/// Prefix of a request, in `X-Request-Id` and in every error.
pub const REQUEST: &str = "req";
pub const AUDIT: &str = "au";
/// Prefix of a person of a KYB file.
pub const PERSON: &str = "per";
/// Prefix of an uploaded document.
pub const DOCUMENT: &str = "doc";
/// Prefix of one reading of a document.
pub const READING: &str = "read";

/// A new id for something that comes to be at `now`.
pub fn new_id(now: DateTime<Utc>) -> Uuid {
    let micros = now.timestamp_micros().max(0) as u64;
    let mut bytes = [0u8; 16];
    bytes[6..].copy_from_slice(&rand::random::<[u8; 10]>());
    bytes[..6].copy_from_slice(&(micros / 1000).to_be_bytes()[2..]);
    // RFC 9562 allows the twelve bits behind the milliseconds to be a finer part of the time.
    let fraction = ((micros % 1000) * 4096 / 1000) as u16;
    bytes[6] = 0x70 | (fraction >> 8) as u8;
    bytes[7] = fraction as u8;
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Uuid::from_bytes(bytes)
}

/// The least id of what comes to be at `at` or later, to the millisecond.
pub fn floor(at: DateTime<Utc>) -> Uuid {
    let millis = at.timestamp_millis().max(0) as u64;
    let mut bytes = [0u8; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}

/// The outward form: `sm_0190163d8694739ba9d1e1f2b5c4a3d2`.
pub fn show(prefix: &str, id: Uuid) -> String {
    format!("{prefix}_{}", id.simple())
}

/// Reads the outward form back. `None` for another prefix or anything that is not exactly 32 hex digits.
pub fn parse(prefix: &str, text: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(prefix)?.strip_prefix('_')?;
    if digits.len() != 32 {
        return None;
    }
    Uuid::try_parse(digits).ok()
}
