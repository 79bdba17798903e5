//! Access tokens: kept until shortly before their end, and fetched once however many calls need one at that moment.
//!
//! In memory only. What a token is and how it is fetched is the adapter's; this file knows no provider.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget::{Budget, Exchange};
use super::{Account, Call, Cause, Trouble};
use crate::clock::Clock;
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::crypto::sha256;

/// How long before its end a token is used no more (contracts/doku.md section 5); of a short one, half its life.
const MARGIN: Duration = Duration::from_secs(60);

/// No token is kept longer, whatever its answer says.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Accounts whose tokens are held; more only cost another fetch.
const PLACES: usize = 1_000;

/// A token as the provider gave it out.
pub struct Minted {
    pub token: SecretString,
    pub lives: Duration,
}

/// Names an account with its secrets, and where it is used: a rotated secret has a token of its own.
pub type Key = [u8; 32];

/// The key of `account` at the address `base`.
pub fn key(account: &Account, base: &str) -> Key {
    let parts = [&account.identity, base, account.credentials.expose_secret()];
    // Each part by its own digest, so that no two lists of parts read alike.
    sha256(&parts.map(|part| sha256(&[part.as_bytes()])).each_ref().map(|digest| digest.as_slice()))
}

/// The tokens of one provider.
#[derive(Default)]
pub struct Tokens {
    places: Mutex<HashMap<Key, Arc<Place>>>,
}

/// One account's token. Whoever holds the lock may fetch; who waits for it takes what came of that.
#[derive(Default)]
struct Place {
    held: tokio::sync::Mutex<Held>,
    /// Fetches that ended, well or not.
    rounds: AtomicU64,
}

#[derive(Default)]
struct Held {
    token: Option<(SecretString, DateTime<Utc>)>,
    /// Why the last fetch brought none.
    failure: Option<Trouble>,
}

impl Tokens {
    /// The token of `key`, fetched by `mint` where there is none; from then on `call` records it no more. A token equal
    /// to `stale` was refused: it is not given out again unless the provider itself gives it out anew.
    pub async fn get<F>(
        &self,
        key: Key,
        call: &Call,
        budget: &Budget,
        stale: Option<&SecretString>,
        mint: impl FnOnce() -> F,
    ) -> Result<SecretString, Trouble>
    where
        F: Future<Output = Result<Minted, Trouble>>,
    {
        // Waiting for somebody else's fetch takes time too.
        let patience = budget.time_for(Exchange::Before(Duration::MAX))?;
        let got = tokio::time::timeout(patience, self.held_or_minted(key, &call.clock, stale, mint)).await;
        let token = got.unwrap_or_else(|_| Err(Trouble::new(Cause::Unreachable, "no time is left")));
        let token = token.map_err(|trouble| Trouble { words: format!("no token: {trouble}"), ..trouble })?;
        call.hide(token.expose_secret());
        Ok(token)
    }

    async fn held_or_minted<F>(
        &self,
        key: Key,
        clock: &Clock,
        stale: Option<&SecretString>,
        mint: impl FnOnce() -> F,
    ) -> Result<SecretString, Trouble>
    where
        F: Future<Output = Result<Minted, Trouble>>,
    {
        let place = self.place(key);
        let before = place.rounds.load(Ordering::Acquire);
        let mut held = place.held.lock().await;
        let now = clock.now();
        let fetched_meanwhile = place.rounds.load(Ordering::Acquire) != before;
        match &held.token {
            Some((token, until)) if now < *until && (fetched_meanwhile || !same(stale, token)) => {
                return Ok(token.clone());
            }
            // The fetch we waited for failed: another one at once would only fail again.
            _ if fetched_meanwhile => return Err(held.failure.clone().unwrap_or_else(|| "none was given out".into())),
            _ => {}
        }
        let minted = mint().await;
        place.rounds.fetch_add(1, Ordering::Release);
        match minted {
            Ok(Minted { token, lives }) => {
                let lives = lives.clamp(Duration::from_secs(1), LONGEST);
                held.token = Some((token.clone(), now + (lives - MARGIN.min(lives / 2))));
                Ok(token)
            }
            Err(trouble) => {
                *held = Held { token: None, failure: Some(trouble.clone()) };
                Err(trouble)
            }
        }
    }

    fn place(&self, key: Key) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES && !places.contains_key(&key) {
            places.clear();
        }
        places.entry(key).or_default().clone()
    }
}

fn same(stale: Option<&SecretString>, token: &SecretString) -> bool {
    stale.is_some_and(|stale| stale.expose_secret() == token.expose_secret())
}
