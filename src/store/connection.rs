//! Connections and sequences.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Error, Result, Tx, known};
use crate::domain::connection::{Connection, ConnectionStatus};
use crate::domain::sequence::Sequence;
use crate::domain::service::{Mode, Service};

/// A connection with what only calls to its provider need.
#[derive(Clone, Debug)]
pub struct Stored {
    pub connection: Connection,
    /// Sealed JSON.
    pub credentials: Vec<u8>,
    pub codename: String,
}

/// All connections of a client in one mode.
pub async fn of_client(db: &Db, client_id: Uuid, mode: &str) -> Result<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, mode, provider, label, services, identity, credentials, settings, fee, status, codename
         FROM connection WHERE client_id = $1 AND mode = $2 ORDER BY id",
        client_id,
        mode,
    )
    .fetch_all(&db.reads)
    .await?;
    rows.into_iter().map(Row::stored).collect()
}

/// One connection of a client.
pub async fn get(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Stored>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, mode, provider, label, services, identity, credentials, settings, fee, status, codename
         FROM connection WHERE client_id = $1 AND id = $2",
        client_id,
        id,
    )
    .fetch_optional(&db.reads)
    .await?;
    row.map(Row::stored).transpose()
}

/// A connection to write down, with its callback route and its place at the end of the default sequence.
pub struct NewConnection<'a> {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: &'a str,
    pub provider: &'a str,
    pub label: &'a str,
    pub kind: &'a str,
    pub services: Vec<String>,
    pub identity: &'a str,
    pub credentials: &'a [u8],
    pub settings: &'a serde_json::Value,
    pub fee: serde_json::Value,
    pub codename: &'a str,
    pub by: &'a str,
}

pub async fn insert(tx: &mut Tx, new: &NewConnection<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH routed AS (
            INSERT INTO route (kind, lookup, client_id, target) VALUES ('callback', $14, $1, $2)
        ), appended AS (
            INSERT INTO sequence (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
            SELECT $1, $3, s, '', 1, ARRAY[$2::uuid], $13, $15 FROM UNNEST($7::text[]) AS s
            ON CONFLICT (client_id, mode, service, destination) DO UPDATE
            SET connection_ids = sequence.connection_ids || $2::uuid, version = sequence.version + 1,
                updated_at = $13, updated_by = $15
        )
        INSERT INTO connection (client_id, id, mode, provider, label, kind, services, identity, credentials, settings,
            fee, status, codename, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'ACTIVE', $12, $13, $13)",
        new.client_id,
        new.id,
        new.mode,
        new.provider,
        new.label,
        new.kind,
        &new.services,
        new.identity,
        new.credentials,
        new.settings,
        new.fee,
        new.codename,
        now,
        new.codename.as_bytes(),
        new.by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Replaces settings and credentials of one and the same identity.
pub async fn update_access(
    tx: &mut Tx,
    client_id: Uuid,
    id: Uuid,
    credentials: &[u8],
    settings: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE connection SET credentials = $3, settings = $4, version = version + 1, updated_at = $5
         WHERE client_id = $1 AND id = $2",
        client_id,
        id,
        credentials,
        settings,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_status(
    tx: &mut Tx,
    client_id: Uuid,
    id: Uuid,
    status: ConnectionStatus,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE connection SET status = $3, status_reason = $4, version = version + 1, updated_at = $5
         WHERE client_id = $1 AND id = $2",
        client_id,
        id,
        status.as_str(),
        reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The sequence for a destination: its own, or the service's default. Empty where there is none.
pub async fn sequence(db: &Db, client_id: Uuid, mode: &str, service: &str, destination: &str) -> Result<Sequence> {
    let row = sqlx::query!(
        "SELECT destination, version, connection_ids FROM sequence
         WHERE client_id = $1 AND mode = $2 AND service = $3 AND destination IN ($4, '')
         ORDER BY destination DESC LIMIT 1",
        client_id,
        mode,
        service,
        destination,
    )
    .fetch_optional(&db.reads)
    .await?;
    Ok(row.map_or_else(Sequence::default, |row| Sequence {
        destination: row.destination,
        version: row.version,
        connections: row.connection_ids,
    }))
}

struct Row {
    id: Uuid,
    mode: String,
    provider: String,
    label: String,
    services: Vec<String>,
    identity: String,
    credentials: Vec<u8>,
    settings: serde_json::Value,
    fee: serde_json::Value,
    status: String,
    codename: String,
}

impl Row {
    fn stored(self) -> Result<Stored> {
        let id = self.id;
        let fee_text = self.fee.to_string();
        let fee = serde_json::from_value(self.fee).map_err(|_| Error::BadRow {
            column: "connection.fee",
            id,
            value: fee_text,
        })?;
        let services = self.services.into_iter().map(|s| known("connection.services", id, s, Service::parse));
        Ok(Stored {
            connection: Connection {
                id,
                provider: self.provider,
                label: self.label,
                mode: known("connection.mode", id, self.mode, Mode::parse)?,
                services: services.collect::<Result<_>>()?,
                identity: self.identity,
                status: known("connection.status", id, self.status, ConnectionStatus::parse)?,
                fee,
                settings: self.settings,
            },
            credentials: self.credentials,
            codename: self.codename,
        })
    }
}
