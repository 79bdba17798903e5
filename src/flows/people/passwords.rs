//! Passwords: what one must be, how it is kept (argon2id), and how it is compared.
//!
//! Hashing is work for a thread of its own and takes 19 MiB, so only a few run at once.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::crypto::random_bytes;
use crate::crypto::secret::{ExposeSecret, SecretString};

/// Hashes made at once, over all requests of this process.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// What is compared with where there is nobody: an unknown address costs the same time as a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let secret = hex::encode(random_bytes::<16>());
    hashed(&secret).expect("sixteen random bytes can be hashed")
});

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weak {
    /// Fewer than twelve characters.
    Short,
    /// More than 200 characters.
    Long,
    /// The person's own name or address, few different characters, or one of the first guesses.
    Guessable,
}

/// What everybody tries first, of those that are long enough.
const FIRST_GUESSES: [&str; 8] = [
    "123456789012",
    "1234567890123",
    "password1234",
    "passwordpassword",
    "qwertyuiop12",
    "qwerty123456",
    "administrator",
    "letmeinletmein",
];

/// Length is what counts; no rule asks for signs of a certain kind.
pub fn check(password: &SecretString, email: &str) -> Result<(), Weak> {
    let text = password.expose_secret();
    let (length, lower) = (text.chars().count(), text.to_lowercase());
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let email = email.to_lowercase();
    let own = lower.contains(&email) || email.split('@').next().is_some_and(|name| name == lower);
    match length {
        ..12 => Err(Weak::Short),
        201.. => Err(Weak::Long),
        _ if own || different.len() < 5 || FIRST_GUESSES.contains(&lower.as_str()) => Err(Weak::Guessable),
        _ => Ok(()),
    }
}

/// What is kept of a password.
pub async fn hash(password: SecretString) -> anyhow::Result<String> {
    let _place = AT_ONCE.acquire().await?;
    tokio::task::spawn_blocking(move || hashed(password.expose_secret())).await?
}

/// Whether this is the password that was kept; where nothing was, the same work ends in `false`.
pub async fn matches(kept: Option<String>, password: SecretString) -> anyhow::Result<bool> {
    let _place = AT_ONCE.acquire().await?;
    tokio::task::spawn_blocking(move || {
        let text = kept.as_deref().unwrap_or(&NOBODY);
        let parsed = PasswordHash::new(text).map_err(|error| anyhow::anyhow!("a kept password: {error}"))?;
        let equal = Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok();
        Ok(equal && kept.is_some())
    })
    .await?
}

fn hashed(text: &str) -> anyhow::Result<String> {
    let made: PasswordHash = Argon2::default()
        .hash_password_with_salt(text.as_bytes(), &random_bytes::<16>())
        .map_err(|error| anyhow::anyhow!("a password could not be hashed: {error}"))?;
    Ok(made.to_string())
}
