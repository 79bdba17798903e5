//! The leave to read documents by links, and who read them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// Leave to read documents by links.
#[derive(Clone, Debug)]
pub struct Grant {
    pub id: Uuid,
    pub onboarding_id: Option<Uuid>,
    pub reader: String,
    pub document_ids: Vec<Uuid>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Writes a grant.
pub async fn insert_grant(tx: &mut Tx, client_id: Uuid, new: &Grant) -> Result<()> {
    sqlx::query!(
        "INSERT INTO document_grant (client_id, id, onboarding_id, reader, document_ids, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        client_id,
        new.id,
        new.onboarding_id,
        new.reader,
        &new.document_ids,
        new.created_at,
        new.expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One grant of a client.
pub async fn grant(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Grant>> {
    Ok(sqlx::query_as!(
        Grant,
        "SELECT id, onboarding_id, reader, document_ids, created_at, expires_at, ended_at FROM document_grant
         WHERE client_id = $1 AND id = $2",
        client_id,
        id,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// Ends every grant `of` an onboarding that has not ended, but for one to `keep`. Answers how many.
pub async fn end_grants(tx: &mut Tx, client: Uuid, of: Uuid, keep: Option<Uuid>, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE document_grant SET ended_at = $3 WHERE client_id = $1 AND onboarding_id = $2 AND ended_at IS NULL
            AND id IS DISTINCT FROM $4",
        client,
        of,
        now,
        keep,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// That a document was read.
#[derive(Clone, Debug)]
pub struct Reading {
    pub id: Uuid,
    pub document_id: Uuid,
    pub grant_id: Uuid,
    pub reader: String,
    pub address: String,
    pub method: String,
    pub read_at: DateTime<Utc>,
}

/// Writes down that a document is read.
pub async fn insert_reading(tx: &mut Tx, client_id: Uuid, new: &Reading) -> Result<()> {
    sqlx::query!(
        "INSERT INTO document_read (client_id, document_id, id, grant_id, reader, address, method, read_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        client_id,
        new.document_id,
        new.id,
        new.grant_id,
        new.reader,
        new.address,
        new.method,
        new.read_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A page of who read a document, newest first, before `before`.
pub async fn readings(
    db: &Db,
    client_id: Uuid,
    document_id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Reading>> {
    Ok(sqlx::query_as!(
        Reading,
        "SELECT id, document_id, grant_id, reader, address, method, read_at FROM document_read
         WHERE client_id = $1 AND document_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        client_id,
        document_id,
        before,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}
