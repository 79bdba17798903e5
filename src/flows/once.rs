//! Idempotency keys of calls that create something other than a payment: a repeat answers what the first call made.
//!
//! The key is written in the transaction that makes the thing, so there is never one without the other.

use uuid::Uuid;

use super::access::Caller;
use crate::app::App;
use crate::store::idempotency::{self, Used};
use crate::store::{self, Tx};

/// The key a caller gave, and the hash of the body it came with.
#[derive(Clone, Debug)]
pub struct Once {
    pub key: String,
    pub hash: Vec<u8>,
}

/// What came of a call that may be a repeat.
pub enum First<T> {
    Made(T),
    /// An earlier call with the same key made this.
    Replayed(Uuid),
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What an earlier call with this key made.
pub(super) async fn earlier(
    app: &App,
    caller: &Caller,
    route: &str,
    once: Option<&Once>,
) -> Result<Option<Uuid>, Refused> {
    let Some(once) = once else { return Ok(None) };
    let used = idempotency::used(&app.db, caller.client_id, caller.mode.as_str(), &once.key).await?;
    match used {
        Some(used) if used.route == route && used.body_hash == once.hash => Ok(Some(used.resource_id)),
        Some(_) => Err(Refused::KeyReused),
        None => Ok(None),
    }
}

/// Writes the key of what the transaction made and commits both; `false` where the same call came twice at once and
/// the other was first: then nothing of this one stays, and the other is found by [`earlier`].
pub(super) async fn commit(
    app: &App,
    mut tx: Tx,
    caller: &Caller,
    route: &str,
    once: Option<&Once>,
    id: Uuid,
) -> store::Result<bool> {
    if let Some(once) = once {
        let used = Used { route: route.to_owned(), body_hash: once.hash.clone(), resource_id: id };
        let (client, mode) = (caller.client_id, caller.mode.as_str());
        match idempotency::insert(&mut tx, client, mode, &once.key, &used, app.now()).await {
            Err(error) if error.violated() == Some(idempotency::ONCE) => return Ok(false),
            other => other?,
        }
    }
    tx.commit().await?;
    Ok(true)
}
