//! Clients, and the switches of the installation.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

#[derive(Clone, Debug)]
pub struct Client {
    pub client_id: Uuid,
    pub name: String,
    pub allowed_addresses: Vec<String>,
    pub paused_at: Option<DateTime<Utc>>,
    pub paused_reason: Option<String>,
}

pub async fn get(db: &Db, client_id: Uuid) -> Result<Option<Client>> {
    Ok(sqlx::query_as!(
        Client,
        "SELECT client_id, name, allowed_addresses, paused_at, paused_reason FROM client
         WHERE client_id = $1 AND status = 'ACTIVE'",
        client_id
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// The oldest client of this name.
pub async fn by_name(db: &Db, name: &str) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!("SELECT client_id FROM client WHERE name = $1 ORDER BY created_at LIMIT 1", name)
        .fetch_optional(&db.reads)
        .await?)
}

pub async fn list(db: &Db) -> Result<Vec<Client>> {
    Ok(sqlx::query_as!(
        Client,
        "SELECT client_id, name, allowed_addresses, paused_at, paused_reason FROM client
         WHERE status = 'ACTIVE' ORDER BY client_id"
    )
    .fetch_all(&db.reads)
    .await?)
}

pub async fn insert(tx: &mut Tx, client_id: Uuid, name: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("INSERT INTO client (client_id, name, created_at) VALUES ($1, $2, $3)", client_id, name, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Replaces the allow-list; empty means from anywhere.
pub async fn set_allowed(tx: &mut Tx, client_id: Uuid, blocks: &[String]) -> Result<()> {
    sqlx::query!("UPDATE client SET allowed_addresses = $2 WHERE client_id = $1", client_id, blocks)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Pauses (with a reason) or resumes (with none) the client's sending.
pub async fn set_paused(tx: &mut Tx, client_id: Uuid, reason: Option<&str>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE client SET paused_at = CASE WHEN $2::text IS NULL THEN NULL ELSE $3::timestamptz END, paused_reason = $2
         WHERE client_id = $1",
        client_id,
        reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The name of the switch that pauses all sending.
pub const SENDING_PAUSED: &str = "sending_paused";

/// Reads a switch of the installation.
pub async fn setting(db: &Db, name: &str) -> Result<Option<serde_json::Value>> {
    Ok(sqlx::query_scalar!("SELECT value FROM setting WHERE name = $1", name).fetch_optional(&db.reads).await?)
}

/// Sets a switch, or with `None` removes it.
pub async fn set_setting(tx: &mut Tx, name: &str, value: Option<&serde_json::Value>, now: DateTime<Utc>) -> Result<()> {
    match value {
        Some(value) => sqlx::query!(
            "INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET value = $2, updated_at = $3",
            name,
            value,
            now
        ),
        None => sqlx::query!("DELETE FROM setting WHERE name = $1", name),
    }
    .execute(tx.conn())
    .await?;
    Ok(())
}
