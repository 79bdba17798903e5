//! What idempotency keys were used for. A row is written in the transaction that made what it names.
//!
//! It decides nothing: whether a repeat is the same request is the flow's to say. (Rows of payments: accept.sql.)

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// The constraint that a key used twice at once violates.
pub const ONCE: &str = "idempotency_pkey";

/// What an idempotency key was used for.
#[derive(Clone, Debug)]
pub struct Used {
    pub route: String,
    pub body_hash: Vec<u8>,
    pub resource_id: Uuid,
}

pub async fn used(db: &Db, client_id: Uuid, mode: &str, key: &str) -> Result<Option<Used>> {
    Ok(sqlx::query_as!(
        Used,
        "SELECT route, body_hash, resource_id FROM idempotency WHERE client_id = $1 AND mode = $2 AND key = $3",
        client_id,
        mode,
        key,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// Writes a key down; where it is taken the error violates [`ONCE`].
pub async fn insert(
    tx: &mut Tx,
    client_id: Uuid,
    mode: &str,
    key: &str,
    used: &Used,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO idempotency (client_id, mode, key, route, body_hash, resource_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        client_id,
        mode,
        key,
        used.route,
        used.body_hash,
        used.resource_id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
