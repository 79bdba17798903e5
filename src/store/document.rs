//! Documents: begun, stored, given up, erased. What the content is, nobody here knows.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::document::{MediaType, State};

/// A document as it is kept.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    pub state: State,
    /// Name and digest, sealed; `None` where it is not stored.
    pub about: Option<Vec<u8>>,
    pub media_type: MediaType,
    pub size_bytes: Option<i64>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub erased_at: Option<DateTime<Utc>>,
}

/// The columns as they are read.
struct Raw {
    id: Uuid,
    state: String,
    about: Option<Vec<u8>>,
    media_type: String,
    size_bytes: Option<i64>,
    created_at: DateTime<Utc>,
    created_by: String,
    erased_at: Option<DateTime<Utc>>,
}

impl Raw {
    fn read(self) -> Result<Row> {
        let Raw { id, state, about, media_type, size_bytes, created_at, created_by, erased_at } = self;
        let state = known("document.state", id, state, State::parse)?;
        let media_type = known("document.media_type", id, media_type, MediaType::parse)?;
        Ok(Row { id, state, about, media_type, size_bytes, created_at, created_by, erased_at })
    }
}

/// One document of a client.
pub async fn get(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Row>> {
    Ok(some(db, client_id, &[id]).await?.pop())
}

/// Some documents of a client, whatever has become of them.
pub async fn some(db: &Db, client_id: Uuid, ids: &[Uuid]) -> Result<Vec<Row>> {
    let found = sqlx::query_as!(
        Raw,
        "SELECT id, state, about, media_type, size_bytes, created_at, created_by, erased_at FROM document
         WHERE client_id = $1 AND id = ANY ($2) ORDER BY id",
        client_id,
        ids,
    );
    found.fetch_all(&db.reads).await?.into_iter().map(Raw::read).collect()
}

/// A page of a client's documents that were stored, newest first, before `before`.
pub async fn list(db: &Db, client_id: Uuid, before: Option<Uuid>, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Raw,
        "SELECT id, state, about, media_type, size_bytes, created_at, created_by, erased_at FROM document
         WHERE client_id = $1 AND state IN ('stored', 'erased') AND ($2::uuid IS NULL OR id < $2)
         ORDER BY id DESC LIMIT $3",
        client_id,
        before,
        limit,
    );
    rows.fetch_all(&db.reads).await?.into_iter().map(Raw::read).collect()
}

/// The stored document of a client with this fingerprint.
pub async fn same(db: &Db, client_id: Uuid, fingerprint: &[u8]) -> Result<Option<Row>> {
    let found = sqlx::query_as!(
        Raw,
        "SELECT id, state, about, media_type, size_bytes, created_at, created_by, erased_at FROM document
         WHERE client_id = $1 AND fingerprint = $2",
        client_id,
        fingerprint,
    );
    found.fetch_optional(&db.reads).await?.map(Raw::read).transpose()
}

/// How these documents of a client stand, held: none of them is erased before the transaction ends.
pub async fn hold(tx: &mut Tx, client_id: Uuid, ids: &[Uuid]) -> Result<Vec<(Uuid, State)>> {
    let rows = sqlx::query!(
        "SELECT id, state FROM document WHERE client_id = $1 AND id = ANY ($2) ORDER BY id FOR SHARE",
        client_id,
        ids,
    );
    let rows = rows.fetch_all(tx.conn()).await?;
    rows.into_iter().map(|row| Ok((row.id, known("document.state", row.id, row.state, State::parse)?))).collect()
}

/// Writes a document whose content is on its way.
pub async fn begin(
    tx: &mut Tx,
    client_id: Uuid,
    id: Uuid,
    media_type: MediaType,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO document (client_id, id, state, media_type, created_at, created_by)
         VALUES ($1, $2, 'uploading', $3, $4, $5)",
        client_id,
        id,
        media_type.as_str(),
        now,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The unique index that keeps one upload from standing twice.
pub const ONCE: &str = "document_once";

/// What is known of a document once its content is there.
#[derive(Clone, Debug)]
pub struct Whole<'a> {
    pub about: &'a [u8],
    pub fingerprint: &'a [u8],
    pub size_bytes: i64,
}

/// Says that the content is there. `false` where the document is no longer on its way: a worker gave it up.
pub async fn stored(tx: &mut Tx, client_id: Uuid, id: Uuid, whole: &Whole<'_>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE document SET state = 'stored', about = $3, fingerprint = $4, size_bytes = $5
         WHERE client_id = $1 AND id = $2 AND state = 'uploading'",
        client_id,
        id,
        whole.about,
        whole.fingerprint,
        whole.size_bytes,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up what is on its way: it can no longer become stored. Says whether it was.
pub async fn give_up(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE document SET state = 'removing' WHERE client_id = $1 AND id = $2 AND state = 'uploading'",
        client_id,
        id,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up everything that has been on its way since before `before`.
pub async fn give_up_old(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    let done =
        sqlx::query!("UPDATE document SET state = 'removing' WHERE state = 'uploading' AND created_at < $1", before,)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected())
}

/// Documents whose object has to go: given up, or erased. Those that were not tried for the longest time come first, and
/// count as tried now: what cannot be removed keeps nothing else from it. Client, id, and whether the row stays.
pub async fn to_remove(tx: &mut Tx, limit: i64, now: DateTime<Utc>) -> Result<Vec<(Uuid, Uuid, bool)>> {
    let rows = sqlx::query!(
        r#"UPDATE document d SET tried_at = $2 FROM (
            SELECT client_id, id FROM document WHERE state = 'removing' OR (state = 'erased' AND removed_at IS NULL)
            ORDER BY tried_at NULLS FIRST, created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
         ) AS due WHERE d.client_id = due.client_id AND d.id = due.id
         RETURNING d.client_id, d.id, d.state = 'erased' AS "stays!""#,
        limit,
        now,
    );
    Ok(rows.fetch_all(tx.conn()).await?.into_iter().map(|row| (row.client_id, row.id, row.stays)).collect())
}

/// Forgets what was given up, its key too: the object is gone.
pub async fn forget(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM document WHERE client_id = $1 AND id = $2 AND state = 'removing' RETURNING id)
         SELECT id FROM gone",
        client_id,
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM data_key k WHERE k.client_id = $1 AND k.id = $2 AND k.purpose = 'document'
         AND NOT EXISTS (SELECT 1 FROM document d WHERE d.client_id = $1 AND d.id = $2)",
        client_id,
        id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says that the object of what was erased is gone.
pub async fn removed(tx: &mut Tx, client_id: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE document SET removed_at = $3 WHERE client_id = $1 AND id = $2 AND state = 'erased' AND removed_at IS NULL",
        client_id,
        id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How a document stands, held for its end: no version begins to name it before the transaction ends. Says as well
/// whether one does.
pub async fn hold_to_erase(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<Option<(State, bool)>> {
    let held =
        sqlx::query_scalar!("SELECT state FROM document WHERE client_id = $1 AND id = $2 FOR UPDATE", client_id, id)
            .fetch_optional(tx.conn())
            .await?;
    let Some(state) = held else { return Ok(None) };
    // A statement of its own: it sees what was committed while the row was waited for.
    let named = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM kyb_document WHERE client_id = $1 AND document_id = $2) AS "named!""#,
        client_id,
        id,
    );
    let named = named.fetch_one(tx.conn()).await?;
    Ok(Some((known("document.state", id, state, State::parse)?, named)))
}

/// Erases one stored document: name, digest and key go, in this transaction.
pub async fn erase(tx: &mut Tx, client_id: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE document SET state = 'erased', about = NULL, fingerprint = NULL, erased_at = $3
         WHERE client_id = $1 AND id = $2 AND state = 'stored'",
        client_id,
        id,
        now,
    )
    .execute(tx.conn())
    .await?;
    destroy_keys(tx, client_id, &[id], now).await
}

async fn destroy_keys(tx: &mut Tx, client_id: Uuid, ids: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE data_key SET wrapped = NULL, destroyed_at = $3
         WHERE client_id = $1 AND id = ANY ($2) AND purpose = 'document' AND destroyed_at IS NULL",
        client_id,
        ids,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The documents that any version of a client's file names of a person.
pub async fn of_person(db: &Db, client_id: Uuid, person_id: Uuid) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Raw,
        "SELECT id, state, about, media_type, size_bytes, created_at, created_by, erased_at FROM document
         WHERE client_id = $1 AND id IN (SELECT document_id FROM kyb_document WHERE client_id = $1 AND person_id = $2)
         ORDER BY id",
        client_id,
        person_id,
    );
    rows.fetch_all(&db.reads).await?.into_iter().map(Raw::read).collect()
}

/// Erases the documents that any version of a client's file names of a person: name, digest and key go, in this
/// transaction. Answers those that were stored.
pub async fn erase_of_person(tx: &mut Tx, client_id: Uuid, person_id: Uuid, now: DateTime<Utc>) -> Result<Vec<Uuid>> {
    let erased = sqlx::query_scalar!(
        "UPDATE document SET state = 'erased', about = NULL, fingerprint = NULL, erased_at = $3
         WHERE client_id = $1 AND state = 'stored'
            AND id IN (SELECT document_id FROM kyb_document WHERE client_id = $1 AND person_id = $2) RETURNING id",
        client_id,
        person_id,
        now,
    )
    .fetch_all(tx.conn())
    .await?;
    destroy_keys(tx, client_id, &erased, now).await?;
    Ok(erased)
}
