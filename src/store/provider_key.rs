//! The keys by which providers tell how onboardings stand. They belong to no client.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::service::Mode;

/// A key as it is kept.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    /// The provider's code.
    pub target: String,
    pub mode: String,
    /// To recognise it by.
    pub hint: String,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The key whose hash this is, revoked or not.
pub async fn by_hash(db: &Db, hash: &[u8]) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, target, mode, hint, created_at, revoked_at FROM provider_key WHERE hash = $1",
        hash,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// All keys, oldest first.
pub async fn list(db: &Db) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, target, mode, hint, created_at, revoked_at FROM provider_key ORDER BY target, mode, id"
    )
    .fetch_all(&db.reads)
    .await?)
}

pub async fn insert(tx: &mut Tx, row: &Row, hash: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO provider_key (id, target, mode, hash, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        row.id,
        row.target,
        row.mode,
        hash,
        row.hint,
        row.created_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Revokes a key and answers whose it is; `None` where there is none, or it is revoked already.
pub async fn revoke(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<(String, Mode)>> {
    let done = sqlx::query!(
        "UPDATE provider_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING target, mode",
        id,
        now,
    )
    .fetch_optional(tx.conn())
    .await?;
    done.map(|row| Ok((row.target, known("provider_key.mode", id, row.mode, Mode::parse)?))).transpose()
}
