//! One-time codes by time (RFC 6238 over RFC 4226): six digits, 30 seconds, HMAC-SHA-1, as every authenticator app has it.
//!
//! Pure functions over bytes and seconds. Who uses them remembers the step a code was taken for: no step is taken twice.

use aws_lc_rs::hmac;

use super::constant_time_eq;

/// How long a code is shown.
pub const PERIOD_S: i64 = 30;

/// The step that a Unix time lies in.
pub fn step(unix_s: i64) -> i64 {
    unix_s.div_euclid(PERIOD_S)
}

/// The code of a step.
pub fn code(secret: &[u8], step: i64) -> String {
    // SHA-1 is what the apps speak; HMAC does not rest on its resistance to collisions.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let word = bytes[at..at + 4].iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The step that `given` is the code of: the present one, or its neighbour on either side, but none up to `last`.
pub fn accept(secret: &[u8], given: &str, unix_s: i64, last: i64) -> Option<i64> {
    let now = step(unix_s);
    // Every candidate is compared, so the time tells nothing of which one it was.
    let matching =
        [now - 1, now, now + 1].map(|step| (step, constant_time_eq(code(secret, step).as_bytes(), given.as_bytes())));
    matching.into_iter().find(|(step, equal)| *equal && *step > last).map(|(step, _)| step)
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 (RFC 4648) without padding: how a secret is typed into an app.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut block = [0u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let signs = (chunk.len() * 8).div_ceil(5);
        (0..signs).for_each(|n| text.push(char::from(BASE32[(bits >> (35 - 5 * n) & 31) as usize])));
    }
    text
}

/// The address that an app reads a secret from (the Key URI format of authenticator apps).
pub fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
