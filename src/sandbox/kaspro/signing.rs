//! KasPro's HTTP signature (contracts/kaspro.md 1.0): what is signed, how the header is read, how it is checked.
//!
//! Pure functions. The body and the query are not signed, as published.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::{constant_time_eq, hmac_sha256};

/// The two lines that are signed. `path` is without the query and keeps its slash at the end; `date` is the header's
/// text as sent.
pub fn string_to_sign(method: &str, path: &str, date: &str) -> String {
    format!("(request-target): {} {path}\ndate: {date}", method.to_ascii_lowercase())
}

/// Whether `header` (the value of `KasPro-Signature`) is a signature of `text` under `secret` by `key_id`. The grammar
/// is taken strictly, and the signature must be URL-encoded: a bare `+` reads as a space, as gateways read it.
pub fn is_signed(header: &str, key_id: &str, secret: &[u8], text: &str) -> bool {
    let Some(parameters) = header.strip_prefix("Signature ") else { return false };
    let of = |name: &str| {
        let quoted = parameters.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))?;
        quoted.strip_prefix('"')?.strip_suffix('"')
    };
    let known = of("keyId") == Some(key_id)
        && of("algorithm") == Some("hmac-sha256")
        && of("headers") == Some("(request-target) date");
    let expected = STANDARD.encode(hmac_sha256(secret, &[text.as_bytes()]));
    known && of("signature").and_then(unescaped).is_some_and(|given| constant_time_eq(&given, expected.as_bytes()))
}

/// URL decoding as in a query: `%XX`, and `+` for a space. `None` when a `%` is not followed by two hexadecimal digits.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let digits = rest.get(..2)?;
                bytes.extend(hex::decode(digits).ok()?);
                rest = &rest[2..];
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(*byte),
        }
    }
    Some(bytes)
}
