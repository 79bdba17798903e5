//! The audit log: who did what, a chain of entries for each client. Entries are added and never changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Db, Result, Tx};

/// Takes the next place in a client's chain, with the hash of the entry before; empty for the first. The chain is held
/// until the transaction ends: two changes of one client never take the same place.
pub async fn next(tx: &mut Tx, client_id: Uuid) -> Result<(i64, Vec<u8>)> {
    let head = sqlx::query!(
        "INSERT INTO audit_head AS h (client_id, seq, hash) VALUES ($1, 1, '')
         ON CONFLICT (client_id) DO UPDATE SET seq = h.seq + 1
         RETURNING seq, hash",
        client_id
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((head.seq, head.hash))
}

/// An entry with its place and hash.
pub struct NewEntry<'a> {
    pub client_id: Uuid,
    pub seq: i64,
    pub id: Uuid,
    pub mode: Option<&'a str>,
    pub person: &'a str,
    pub action: &'a str,
    pub object: &'a str,
    /// No secret and no personal datum.
    pub detail: &'a Value,
    pub hash: &'a [u8],
}

/// Writes an entry at the place that [`next`] gave in this transaction.
pub async fn insert(tx: &mut Tx, entry: &NewEntry<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH head AS (UPDATE audit_head SET hash = $10 WHERE client_id = $1)
         INSERT INTO audit (client_id, seq, id, at, mode, person, action, object, detail, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        entry.client_id,
        entry.seq,
        entry.id,
        now,
        entry.mode,
        entry.person,
        entry.action,
        entry.object,
        entry.detail,
        entry.hash,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An entry as it stands.
#[derive(Clone, Debug)]
pub struct Row {
    pub client_id: Uuid,
    pub seq: i64,
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub mode: Option<String>,
    pub person: String,
    pub action: String,
    pub object: String,
    pub detail: Value,
    pub hash: Vec<u8>,
}

/// A page of a client's entries of one mode and of those that concern both, newest first, before the place `before`.
pub async fn list(db: &Db, client_id: Uuid, mode: &str, before: Option<i64>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT client_id, seq, id, at, mode, person, action, object, detail, hash FROM audit
         WHERE client_id = $1 AND (mode IS NULL OR mode = $2) AND ($3::bigint IS NULL OR seq < $3)
         ORDER BY seq DESC LIMIT $4",
        client_id,
        mode,
        before,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// A page of all entries of a client, newest first, before the place `before`; of one kind of action where `area` is
/// given, which is the word before the dot.
pub async fn of_client(
    db: &Db,
    client_id: Uuid,
    area: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Row>> {
    // Nothing comes after the greatest number there is.
    let before = before.unwrap_or(i64::MAX);
    Ok(match area {
        Some(area) => {
            sqlx::query_as!(
                Row,
                "SELECT client_id, seq, id, at, mode, person, action, object, detail, hash FROM audit
                 WHERE client_id = $1 AND split_part(action, '.', 1) = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4",
                client_id,
                area,
                before,
                limit,
            )
            .fetch_all(&db.reads)
            .await?
        }
        None => {
            sqlx::query_as!(
                Row,
                "SELECT client_id, seq, id, at, mode, person, action, object, detail, hash FROM audit
                 WHERE client_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                client_id,
                before,
                limit,
            )
            .fetch_all(&db.reads)
            .await?
        }
    })
}

/// The newest entries of one object of a client in one mode.
pub async fn of_object(db: &Db, client_id: Uuid, mode: &str, object: &str, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT client_id, seq, id, at, mode, person, action, object, detail, hash FROM audit
         WHERE client_id = $1 AND object = $3 AND mode = $2
         ORDER BY seq DESC LIMIT $4",
        client_id,
        mode,
        object,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// A client's entries in the order of their chain, after the place `after`.
pub async fn chain(db: &Db, client_id: Uuid, after: i64, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT client_id, seq, id, at, mode, person, action, object, detail, hash FROM audit
         WHERE client_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        client_id,
        after,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Where a chain ends.
#[derive(Clone, Debug)]
pub struct Head {
    pub client_id: Uuid,
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// The ends of all chains, and of clients whose chain has entries and no end: those stand at 0.
pub async fn heads(db: &Db) -> Result<Vec<Head>> {
    Ok(sqlx::query_as!(
        Head,
        r#"SELECT c.client_id, COALESCE(h.seq, 0) AS "seq!", COALESCE(h.hash, '') AS "hash!"
         FROM client c LEFT JOIN audit_head h ON h.client_id = c.client_id
         WHERE h.client_id IS NOT NULL OR EXISTS (SELECT FROM audit a WHERE a.client_id = c.client_id)
         ORDER BY c.client_id"#,
    )
    .fetch_all(&db.reads)
    .await?)
}
