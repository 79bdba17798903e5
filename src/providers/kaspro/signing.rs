//! KasPro's signature (contracts/kaspro.md 1.0). Plain functions, checked against the golden vectors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::crypto::hmac_sha256;

/// The `Date` header: RFC 1123, always GMT.
pub fn date(now: DateTime<Utc>) -> String {
    now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The signature over method, path and date, as base64. `path` is without its query.
pub fn signature(hmac_secret: &str, method: &str, path: &str, date: &str) -> String {
    let text = format!("(request-target): {} {path}\ndate: {date}", method.to_lowercase());
    STANDARD.encode(hmac_sha256(hmac_secret.as_bytes(), &[text.as_bytes()]))
}

/// The value of the header `KasPro-Signature`.
pub fn header(hmac_key: &str, signature: &str) -> String {
    let signature = percent(signature);
    format!(
        "Signature keyId=\"{hmac_key}\",algorithm=\"hmac-sha256\",headers=\"(request-target) date\",signature=\"{signature}\""
    )
}

/// Percent-encoding of everything but letters, digits and `-._~`: for the signature and for form bodies.
pub fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
