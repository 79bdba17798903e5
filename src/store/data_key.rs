//! Keys of their own for data that must be erasable by themselves; kept sealed, and destroyed by taking that away.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The company's part of a client's KYB file.
    Kyb,
    /// One person of it; the key's id is the person's.
    Person,
    /// One document; the key's id is the document's.
    Document,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Kyb => "kyb",
            Purpose::Person => "person",
            Purpose::Document => "document",
        }
    }
}

/// A key as it is kept.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    /// Sealed under the master keys; `None` where it was destroyed.
    pub wrapped: Option<Vec<u8>>,
    pub created_at: DateTime<Utc>,
    pub destroyed_at: Option<DateTime<Utc>>,
}

/// These keys of a client, destroyed ones too.
pub async fn list(db: &Db, client_id: Uuid, ids: &[Uuid]) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, wrapped, created_at, destroyed_at FROM data_key WHERE client_id = $1 AND id = ANY ($2) ORDER BY id",
        client_id,
        ids,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// The keys of persons among these ids, held: none of them is destroyed before the transaction ends.
pub async fn hold_persons(tx: &mut Tx, client_id: Uuid, ids: &[Uuid]) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, wrapped, created_at, destroyed_at FROM data_key
         WHERE client_id = $1 AND id = ANY ($2) AND purpose = 'person' ORDER BY id FOR SHARE",
        client_id,
        ids,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The key of a client's KYB file, held; `None` where there is none yet.
pub async fn hold_kyb(tx: &mut Tx, client_id: Uuid) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, wrapped, created_at, destroyed_at FROM data_key
         WHERE client_id = $1 AND purpose = 'kyb' AND destroyed_at IS NULL FOR SHARE",
        client_id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The key of a client's KYB file; `None` where there is no file.
pub async fn kyb(db: &Db, client_id: Uuid) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, wrapped, created_at, destroyed_at FROM data_key
         WHERE client_id = $1 AND purpose = 'kyb' AND destroyed_at IS NULL",
        client_id,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// Writes a new key; says whether it was written: a client has one KYB key.
pub async fn insert(
    tx: &mut Tx,
    client_id: Uuid,
    id: Uuid,
    purpose: Purpose,
    wrapped: &[u8],
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO data_key (client_id, id, purpose, wrapped, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        client_id,
        id,
        purpose.as_str(),
        wrapped,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Holds a person's key for its end: nothing is sealed under it from here on. Says whether it was there and whole.
pub async fn hold_to_destroy(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<bool> {
    let held = sqlx::query_scalar!(
        "SELECT id FROM data_key WHERE client_id = $1 AND id = $2 AND purpose = 'person' AND destroyed_at IS NULL
         FOR UPDATE",
        client_id,
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(held.is_some())
}

/// Destroys a person's key. Says whether it was there and whole.
pub async fn destroy_person(tx: &mut Tx, client_id: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE data_key SET wrapped = NULL, destroyed_at = $3
         WHERE client_id = $1 AND id = $2 AND purpose = 'person' AND destroyed_at IS NULL",
        client_id,
        id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
