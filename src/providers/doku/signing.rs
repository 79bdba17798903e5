//! DOKU's SNAP signatures (contracts/doku.md 2.1, 2.3). Plain functions, checked against the golden vectors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset, Utc};

use crate::crypto::rsa::{KeyRefused, PrivateKey};
use crate::crypto::{hmac_sha512, random_bytes, sha256};

/// Jakarta is seven hours ahead, all year.
const WIB_SECONDS: i32 = 7 * 3600;

/// `X-TIMESTAMP`: `2024-03-26T16:01:41+07:00`.
pub fn timestamp(now: DateTime<Utc>) -> String {
    let wib = FixedOffset::east_opt(WIB_SECONDS).expect("seven hours are an offset");
    now.with_timezone(&wib).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `X-EXTERNAL-ID`: digits only, at most 36, never twice (contracts/doku.md 2.3).
pub fn external_id(now: DateTime<Utc>) -> String {
    let random = u64::from_be_bytes(random_bytes::<8>()) % 10_u64.pow(16);
    format!("{:016}{random:016}", now.timestamp_micros())
}

/// The signature of the call for a token: RSA with SHA-256 over `client_id|timestamp`.
pub fn of_token_call(key: &PrivateKey, client_id: &str, timestamp: &str) -> Result<String, KeyRefused> {
    Ok(STANDARD.encode(key.sign(format!("{client_id}|{timestamp}").as_bytes())?))
}

/// The signature of every other call: HMAC-SHA-512 over [`string_to_sign`].
pub fn of_call(secret_key: &str, method: &str, path: &str, token: &str, body: &[u8], timestamp: &str) -> String {
    let text = string_to_sign(method, path, token, body, timestamp);
    STANDARD.encode(hmac_sha512(secret_key.as_bytes(), text.as_bytes()))
}

/// `body` is the bytes as they are sent: compact, so that DOKU's own compacting leaves them as they are.
pub fn string_to_sign(method: &str, path: &str, token: &str, body: &[u8], timestamp: &str) -> String {
    format!("{method}:{path}:{token}:{}:{timestamp}", hex::encode(sha256(&[body])))
}
