//! RSA signatures (RSASSA-PKCS1-v1_5 with SHA-256) and the PEM texts that keys come in.
//!
//! Pure functions over texts and bytes. A refused key says precisely what is wrong with it and never what stands in it.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why a text is no usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    #[error("is not a PEM: it must begin with -----BEGIN {0}-----")]
    NotPem(&'static str),
    #[error("is not one PEM: after its first line it needs base64 and then -----END {0}-----, and nothing more")]
    NotWhole(&'static str),
    #[error("holds \\n written out: its lines must be broken by real line breaks")]
    WrittenOut,
    #[error("is encrypted: give it without its passphrase")]
    Encrypted,
    #[error("is a public key: the private one is needed")]
    Public,
    #[error("is a private key: only the public one may be given here")]
    Private,
    #[error("holds a key of another kind: it must be an RSA key that begins with -----BEGIN {0}-----")]
    OtherKind(&'static str),
    #[error("holds no RSA key")]
    NotRsa,
    #[error("holds numbers that do not belong together: it cannot sign")]
    CannotSign,
    #[error("is an RSA key of fewer than 2048 bits")]
    TooSmall,
    #[error("is an RSA key of more than 8192 bits")]
    TooLarge,
}

/// The first lines of the forms we read: PKCS#8 and PKCS#1, each private and public.
const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SPKI: &str = "PUBLIC KEY";
const PKCS1_PUBLIC: &str = "RSA PUBLIC KEY";

/// A private key of 2048 to 8192 bits that was seen to sign. It cannot be printed.
pub struct PrivateKey(KeyPair);

impl PrivateKey {
    /// Reads a PEM, PKCS#8 or PKCS#1. Readers look at the form of the numbers alone, so the key signs once for a trial.
    pub fn from_pem(text: &str) -> Result<Self, KeyRefused> {
        let (label, der) = pem(text, PKCS8)?;
        let pair = match label {
            PKCS8 => KeyPair::from_pkcs8(&der),
            PKCS1 => KeyPair::from_der(&der),
            SPKI | PKCS1_PUBLIC => return Err(KeyRefused::Public),
            _ => return Err(KeyRefused::OtherKind(PKCS8)),
        };
        let key = pair.map(PrivateKey).map_err(refused)?;
        key.sign(b"a trial")?;
        Ok(key)
    }

    /// The signature of `message`, as long as the key. A key whose "primes" are none may sign one message and not another.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyRefused> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| KeyRefused::CannotSign)
    }
}

/// A public key of 2048 to 8192 bits.
pub struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// Reads a PEM: SubjectPublicKeyInfo or PKCS#1.
    pub fn from_pem(text: &str) -> Result<Self, KeyRefused> {
        let (label, der) = pem(text, SPKI)?;
        match label {
            SPKI | PKCS1_PUBLIC => {}
            PKCS8 | PKCS1 => return Err(KeyRefused::Private),
            _ => return Err(KeyRefused::OtherKind(SPKI)),
        }
        // Parsed twice: the first reader takes both forms, the second is what verifies.
        let key = RsaPublicKey::from_der(&der).map_err(|_| KeyRefused::NotRsa)?;
        let bits = modulus_bits(key.as_ref());
        if bits < 2048 {
            return Err(KeyRefused::TooSmall);
        }
        let der = key.as_der().map_err(|_| KeyRefused::NotRsa)?;
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref());
        parsed.map(PublicKey).map_err(refused)
    }

    /// Whether `signature` is the key's own over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

fn refused(rejected: KeyRejected) -> KeyRefused {
    match rejected.to_string().as_str() {
        "TooSmall" => KeyRefused::TooSmall,
        "TooLarge" => KeyRefused::TooLarge,
        _ => KeyRefused::NotRsa,
    }
}

/// The length of the modulus in an `RSAPublicKey` (RFC 8017): SEQUENCE { INTEGER modulus, INTEGER exponent }.
fn modulus_bits(der: &[u8]) -> usize {
    let inside = element(der, 0x30).unwrap_or_default();
    let modulus = element(inside, 0x02).unwrap_or_default();
    let modulus = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
    modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
}

/// The content of the DER element of type `tag` that `der` begins with.
fn element(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    if found == tag { rest.get(..length) } else { None }
}

/// The label and bytes of a text that is one PEM and nothing else; `wanted` is what to begin with, for the error.
fn pem<'a>(text: &'a str, wanted: &'static str) -> Result<(&'a str, Vec<u8>), KeyRefused> {
    let begun = text.trim().strip_prefix("-----BEGIN ").ok_or(KeyRefused::NotPem(wanted))?;
    if begun.contains("\\n") {
        return Err(KeyRefused::WrittenOut);
    }
    if begun.contains("ENCRYPTED") {
        return Err(KeyRefused::Encrypted);
    }
    let (label, rest) = begun.split_once("-----").ok_or(KeyRefused::NotPem(wanted))?;
    let end = format!("-----END {label}-----");
    let body = rest.strip_suffix(end.as_str()).ok_or(KeyRefused::NotWhole(wanted))?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(body).map_err(|_| KeyRefused::NotWhole(wanted))?;
    Ok((label, der))
}
