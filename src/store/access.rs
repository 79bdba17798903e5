//! API keys, and the routes of what arrives without a client.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};
use crate::domain::ids;

/// A key as it is found by its hash, with what its client allows.
#[derive(Clone, Debug)]
pub struct KeyRow {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: String,
    pub name: String,
    /// The person of the console it belongs to.
    pub user_id: Option<Uuid>,
    /// The name it belongs to where it belongs to none of those.
    pub person: Option<String>,
    pub hint: String,
    pub rights: serde_json::Value,
    pub created_at: DateTime<Utc>,
    /// As it was written last; that is done once a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub allowed_addresses: Vec<String>,
}

impl KeyRow {
    /// Who answers for what the key does: a person's id as it is shown, or a name.
    pub fn owner(&self) -> String {
        match self.user_id {
            Some(user_id) => ids::show(ids::USER, user_id),
            None => self.person.clone().unwrap_or_default(),
        }
    }
}

/// The key whose hash this is, revoked or not; `None` also where its client is closed.
pub async fn key_by_hash(db: &Db, hash: &[u8]) -> Result<Option<KeyRow>> {
    Ok(sqlx::query_as!(
        KeyRow,
        "SELECT k.client_id, k.id, k.mode, k.name, k.user_id, k.person, k.hint, k.rights, k.created_at,
            k.last_used_at, k.revoked_at, c.allowed_addresses
         FROM route r JOIN api_key k ON k.client_id = r.client_id AND k.id = r.target
            JOIN client c ON c.client_id = r.client_id AND c.status = 'ACTIVE'
         WHERE r.kind = 'api_key' AND r.lookup = $1",
        hash
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// One key of a client.
pub async fn key(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<KeyRow>> {
    Ok(sqlx::query_as!(
        KeyRow,
        "SELECT k.client_id, k.id, k.mode, k.name, k.user_id, k.person, k.hint, k.rights, k.created_at,
            k.last_used_at, k.revoked_at, c.allowed_addresses
         FROM api_key k JOIN client c ON c.client_id = k.client_id AND c.status = 'ACTIVE'
         WHERE k.client_id = $1 AND k.id = $2",
        client_id,
        id,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// All keys of a client and mode, oldest first.
pub async fn keys(db: &Db, client_id: Uuid, mode: &str) -> Result<Vec<KeyRow>> {
    Ok(sqlx::query_as!(
        KeyRow,
        "SELECT k.client_id, k.id, k.mode, k.name, k.user_id, k.person, k.hint, k.rights, k.created_at,
            k.last_used_at, k.revoked_at, c.allowed_addresses
         FROM api_key k JOIN client c ON c.client_id = k.client_id
         WHERE k.client_id = $1 AND k.mode = $2 ORDER BY k.id",
        client_id,
        mode,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// A key to write down.
pub struct NewKey<'a> {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: &'a str,
    pub name: &'a str,
    pub user_id: Option<Uuid>,
    pub person: Option<&'a str>,
    pub hint: &'a str,
    pub rights: serde_json::Value,
    pub hash: &'a [u8],
}

pub async fn insert_key(tx: &mut Tx, key: &NewKey<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH routed AS (
            INSERT INTO route (kind, lookup, client_id, target) VALUES ('api_key', $7, $1, $2)
        )
        INSERT INTO api_key (client_id, id, mode, name, user_id, person, hint, rights, created_at)
        VALUES ($1, $2, $3, $4, $10, $5, $6, $8, $9)",
        key.client_id,
        key.id,
        key.mode,
        key.name,
        key.person,
        key.hint,
        key.hash,
        key.rights,
        now,
        key.user_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Revokes a key; `false` where there is none, or it is revoked already.
pub async fn revoke_key(tx: &mut Tx, client_id: Uuid, mode: &str, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE api_key SET revoked_at = $4 WHERE client_id = $1 AND id = $2 AND mode = $3 AND revoked_at IS NULL",
        client_id,
        id,
        mode,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The client and target of a callback's codename.
pub async fn callback_route(db: &Db, codename: &str) -> Result<Option<(Uuid, Uuid)>> {
    Ok(sqlx::query!("SELECT client_id, target FROM route WHERE kind = 'callback' AND lookup = $1", codename.as_bytes())
        .fetch_optional(&db.reads)
        .await?
        .map(|row| (row.client_id, row.target)))
}

/// How many keys of a client, of both modes, belong to people who do not work for it any more and are not revoked.
pub async fn keys_left_behind(db: &Db, client_id: Uuid) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM api_key k
         WHERE k.client_id = $1 AND k.user_id IS NOT NULL AND k.revoked_at IS NULL
            AND NOT EXISTS (SELECT FROM membership m WHERE m.client_id = k.client_id AND m.user_id = k.user_id)"#,
        client_id,
    )
    .fetch_one(&db.reads)
    .await?)
}

/// Notes when keys were last called with; a time only rises.
pub async fn keys_used(tx: &mut Tx, clients: &[Uuid], ids: &[Uuid], times: &[DateTime<Utc>]) -> Result<()> {
    sqlx::query!(
        "UPDATE api_key k SET last_used_at = GREATEST(k.last_used_at, i.at)
         FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS i(client_id, id, at)
         WHERE k.client_id = i.client_id AND k.id = i.id",
        clients,
        ids,
        times,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
