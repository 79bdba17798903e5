//! SNAP's signatures (contracts/doku.md 2.1, 2.3): what is signed, and how the simulator checks and makes them.
//!
//! Pure functions, and the simulator's own: nothing of the product's adapter is used, so that one checks the other.

use anyhow::Context;
use aws_lc_rs::cipher::{AES_128, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::crypto::sha256;

/// A key pair as PEM.
#[derive(Clone, Debug)]
pub struct PemPair {
    /// PKCS#8.
    pub private: String,
    /// X.509 SubjectPublicKeyInfo.
    pub public: String,
}

/// A new RSA pair of 2048 bits.
pub fn make_pair() -> anyhow::Result<PemPair> {
    let pair = KeyPair::generate(KeySize::Rsa2048).context("no RSA key could be made")?;
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).context("a key without a form")?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).context("a key without a form")?;
    Ok(PemPair { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()) })
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The bytes in a PEM text, whatever its label.
pub fn der(pem: &str) -> anyhow::Result<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).context("not a PEM text")
}

/// Whether `signature` (base64) is RSASSA-PKCS1-v1_5 with SHA-256 over `text`, by the owner of `public` (DER).
pub fn is_signed_by(public: &[u8], text: &str, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(text.as_bytes(), &signature).is_ok()
}

/// An RS256 JWT with these claims.
pub fn jwt(key: &KeyPair, claims: &Value) -> anyhow::Result<String> {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let text = format!("{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(&claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).context("no signature")?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// One transaction call as it is signed.
pub struct Signed<'a> {
    pub method: &'a str,
    /// As called, with its query where it has one.
    pub path: &'a str,
    /// Without `Bearer `.
    pub token: &'a str,
    /// The bytes that came.
    pub body: &'a [u8],
    /// The text of `X-TIMESTAMP`.
    pub timestamp: &'a str,
}

impl Signed<'_> {
    /// Whether `signature` (base64) is HMAC-SHA-512 under `secret`, over any of the three forms that DOKU's own
    /// libraries sign a body in: as sent, without white space, or read and written again compactly.
    pub fn is_by(&self, secret: &str, signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes());
        let fits = |body: &[u8]| hmac::verify(&key, self.string_to_sign(body).as_bytes(), &signature).is_ok();
        if fits(self.body) {
            return true;
        }
        let is_json = serde_json::from_slice::<IgnoredAny>(self.body).is_ok();
        is_json && (fits(&compact(self.body, false)) || fits(&compact(self.body, true)))
    }

    fn string_to_sign(&self, body: &[u8]) -> String {
        let hash = hex::encode(sha256(&[body]));
        format!("{}:{}:{}:{hash}:{}", self.method, self.path, self.token, self.timestamp)
    }
}

/// JSON without white space outside texts; with `rewrite` each text is read and written again, so that escapes become
/// the plainest. The order of the keys stays. `json` must be JSON.
fn compact(json: &[u8], rewrite: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        let mut end = at + 1;
        if *byte == b'"' {
            while let Some(inner) = json.get(end) {
                end += if *inner == b'\\' { 2 } else { 1 };
                if *inner == b'"' {
                    break;
                }
            }
            let literal = &json[at..end.min(json.len())];
            let again = rewrite.then(|| serde_json::from_slice::<String>(literal).ok()).flatten();
            match again.and_then(|text| serde_json::to_vec(&text).ok()) {
                Some(text) => out.extend(text),
                None => out.extend_from_slice(literal),
            }
        } else if !byte.is_ascii_whitespace() {
            out.push(*byte);
        }
        at = end;
    }
    out
}

/// Base64 of AES-128 in ECB mode with PKCS#5 padding: the legacy scheme of payout notifications.
pub fn legacy(key: &str, text: &str) -> anyhow::Result<String> {
    let key = UnboundCipherKey::new(&AES_128, key.as_bytes()).context("the key has sixteen characters")?;
    let mut bytes = text.as_bytes().to_vec();
    PaddedBlockEncryptingKey::ecb_pkcs7(key).and_then(|key| key.encrypt(&mut bytes)).context("not encrypted")?;
    Ok(STANDARD.encode(bytes))
}
