//! Webhook endpoints: where a client wants to be told.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: String,
    pub url: String,
    /// What it is for, in its owner's words.
    pub description: String,
    pub events: Vec<String>,
    /// Sealed, as are the next and the token.
    pub secret: Vec<u8>,
    pub previous_secret: Option<Vec<u8>>,
    pub previous_until: Option<DateTime<Utc>>,
    pub token: Vec<u8>,
    pub status: String,
    pub disabled_reason: String,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub async fn get(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Endpoint>> {
    Ok(sqlx::query_as!(
        Endpoint,
        "SELECT client_id, id, mode, url, description, events, secret, previous_secret, previous_until, token, status,
            disabled_reason, version, created_at, updated_at
         FROM endpoint WHERE client_id = $1 AND id = $2",
        client_id,
        id
    )
    .fetch_optional(&db.reads)
    .await?)
}

pub async fn list(db: &Db, client_id: Uuid, mode: &str) -> Result<Vec<Endpoint>> {
    Ok(sqlx::query_as!(
        Endpoint,
        "SELECT client_id, id, mode, url, description, events, secret, previous_secret, previous_until, token, status,
            disabled_reason, version, created_at, updated_at
         FROM endpoint WHERE client_id = $1 AND mode = $2 ORDER BY id",
        client_id,
        mode
    )
    .fetch_all(&db.reads)
    .await?)
}

pub async fn insert(tx: &mut Tx, endpoint: &Endpoint) -> Result<()> {
    sqlx::query!(
        "INSERT INTO endpoint (client_id, id, mode, url, description, events, secret, token, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $9, $5, $6, $7, $8, $8)",
        endpoint.client_id,
        endpoint.id,
        endpoint.mode,
        endpoint.url,
        &endpoint.events,
        endpoint.secret,
        endpoint.token,
        endpoint.created_at,
        endpoint.description,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes address, description, events, status and secrets as `endpoint` holds them, if its version still stands.
pub async fn update(tx: &mut Tx, endpoint: &Endpoint, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE endpoint SET url = $4, events = $5, secret = $6, previous_secret = $7, previous_until = $8,
            status = $9, disabled_reason = $10, description = $12, version = version + 1, updated_at = $11
         WHERE client_id = $1 AND id = $2 AND version = $3",
        endpoint.client_id,
        endpoint.id,
        endpoint.version,
        endpoint.url,
        &endpoint.events,
        endpoint.secret,
        endpoint.previous_secret,
        endpoint.previous_until,
        endpoint.status,
        endpoint.disabled_reason,
        now,
        endpoint.description,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stops telling an endpoint, and says why.
pub async fn disable(tx: &mut Tx, client_id: Uuid, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE endpoint SET status = 'DISABLED', disabled_reason = $3, version = version + 1, updated_at = $4
         WHERE client_id = $1 AND id = $2 AND status = 'ACTIVE'",
        client_id,
        id,
        reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
