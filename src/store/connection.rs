//! Connections: a client's accounts at providers. A removed one stays as a row that only its attempts lead to.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::connection::{Connection, ConnectionStatus};
use crate::domain::service::{Mode, Service};

/// The index that keeps labels apart.
pub const LABEL: &str = "connection_label";

/// A connection with what only calls to its provider and its owner need.
#[derive(Clone, Debug)]
pub struct Stored {
    pub client_id: Uuid,
    pub connection: Connection,
    /// `AGGREGATOR` or `DIRECT`.
    pub kind: String,
    /// Sealed JSON.
    pub credentials: Vec<u8>,
    /// Which credentials are set, by name, and when they were last replaced.
    pub credential_fields: Vec<String>,
    pub credentials_at: DateTime<Utc>,
    /// The sealed credentials before these, and how long questions may still be asked with them.
    pub previous: Option<(Vec<u8>, DateTime<Utc>)>,
    pub status_reason: String,
    /// MAINTENANCE ends by itself then.
    pub status_until: Option<DateTime<Utc>>,
    pub codename: String,
    pub version: i32,
    pub last_activity_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub removed_at: Option<DateTime<Utc>>,
}

/// All connections of a client in one mode, oldest first, without the removed ones.
pub async fn of_client(db: &Db, client_id: Uuid, mode: &str) -> Result<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT client_id, id, mode, provider, label, kind, services, identity, credentials, credential_fields,
            credentials_at, previous_credentials, previous_until, settings, status, status_reason, status_until,
            codename, version, last_activity_at, created_at, updated_at, removed_at
         FROM connection WHERE client_id = $1 AND mode = $2 AND removed_at IS NULL ORDER BY id",
        client_id,
        mode,
    )
    .fetch_all(&db.reads)
    .await?;
    rows.into_iter().map(Row::stored).collect()
}

/// One connection of a client, removed or not.
pub async fn get(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Stored>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT client_id, id, mode, provider, label, kind, services, identity, credentials, credential_fields,
            credentials_at, previous_credentials, previous_until, settings, status, status_reason, status_until,
            codename, version, last_activity_at, created_at, updated_at, removed_at
         FROM connection WHERE client_id = $1 AND id = $2",
        client_id,
        id,
    )
    .fetch_optional(&db.reads)
    .await?;
    row.map(Row::stored).transpose()
}

/// What a list may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A part of the label, in any case.
    pub search: Option<String>,
    pub service: Option<String>,
    pub status: Option<String>,
}

/// A page of a client's connections, oldest first, after the connection `after` (exclusive).
pub async fn list(
    db: &Db,
    client_id: Uuid,
    mode: &str,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT client_id, id, mode, provider, label, kind, services, identity, credentials, credential_fields,
            credentials_at, previous_credentials, previous_until, settings, status, status_reason, status_until,
            codename, version, last_activity_at, created_at, updated_at, removed_at
         FROM connection WHERE client_id = $1 AND mode = $2 AND removed_at IS NULL
            AND ($3::text IS NULL OR position(lower($3) IN lower(label)) > 0)
            AND ($4::text IS NULL OR $4 = ANY (services)) AND ($5::text IS NULL OR status = $5)
            AND ($6::uuid IS NULL OR id > $6)
         ORDER BY id LIMIT $7",
        client_id,
        mode,
        filter.search,
        filter.service,
        filter.status,
        after,
        limit,
    )
    .fetch_all(&db.reads)
    .await?;
    rows.into_iter().map(Row::stored).collect()
}

/// The connection that has this label, in any case.
pub async fn id_of_label(db: &Db, client_id: Uuid, mode: &str, label: &str) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM connection
         WHERE client_id = $1 AND mode = $2 AND lower(label) = lower($3) AND removed_at IS NULL",
        client_id,
        mode,
        label,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// How many connections a client has in one mode, without the removed ones and with those of this transaction.
pub async fn count(tx: &mut Tx, client_id: Uuid, mode: &str) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM connection WHERE client_id = $1 AND mode = $2 AND removed_at IS NULL"#,
        client_id,
        mode,
    );
    Ok(count.fetch_one(tx.conn()).await?)
}

/// What a connection is called, also after it was removed.
pub struct Name {
    pub id: Uuid,
    pub label: String,
    pub provider: String,
}

/// The names of these connections of a client.
pub async fn names(db: &Db, client_id: Uuid, ids: &[Uuid]) -> Result<Vec<Name>> {
    Ok(sqlx::query_as!(
        Name,
        "SELECT id, label, provider FROM connection WHERE client_id = $1 AND id = ANY ($2)",
        client_id,
        ids
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Which of these are a client's connections, removed or not, held until the transaction ends: none of them is removed
/// and no service of them is switched off meanwhile.
pub async fn held(tx: &mut Tx, client_id: Uuid, ids: &[Uuid]) -> Result<Vec<Stored>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT client_id, id, mode, provider, label, kind, services, identity, credentials, credential_fields,
            credentials_at, previous_credentials, previous_until, settings, status, status_reason, status_until,
            codename, version, last_activity_at, created_at, updated_at, removed_at
         FROM connection WHERE client_id = $1 AND id = ANY ($2) ORDER BY id FOR SHARE",
        client_id,
        ids,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Row::stored).collect()
}

/// A connection to write down, with its callback route.
pub struct NewConnection<'a> {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: &'a str,
    pub provider: &'a str,
    pub label: &'a str,
    pub kind: &'a str,
    pub services: &'a [String],
    pub identity: &'a str,
    pub credentials: &'a [u8],
    pub credential_fields: &'a [String],
    pub settings: &'a serde_json::Value,
    pub codename: &'a str,
    /// Why it begins INACTIVE; it begins ACTIVE where `None`.
    pub inactive: Option<&'a str>,
}

/// Writes a connection. It stands in no sequence yet.
pub async fn insert(tx: &mut Tx, new: &NewConnection<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH routed AS (
            INSERT INTO route (kind, lookup, client_id, target) VALUES ('callback', $14, $1, $2)
        )
        INSERT INTO connection (client_id, id, mode, provider, label, kind, services, identity, credentials,
            credential_fields, credentials_at, settings, status, status_reason, codename, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
            CASE WHEN $15::text IS NULL THEN 'ACTIVE' ELSE 'INACTIVE' END, COALESCE($15, ''), $13, $11, $11)",
        new.client_id,
        new.id,
        new.mode,
        new.provider,
        new.label,
        new.kind,
        new.services,
        new.identity,
        new.credentials,
        new.credential_fields,
        now,
        new.settings,
        new.codename,
        new.codename.as_bytes(),
        new.inactive,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What can change of a connection, as it shall stand.
pub struct Changed<'a> {
    pub label: &'a str,
    pub services: &'a [String],
    /// Sealed credentials of the same identity and which are set; `None` leaves them as they are.
    pub credentials: Option<(&'a [u8], &'a [String])>,
    /// How long the ones they replace stay beside them.
    pub overlap_until: DateTime<Utc>,
    pub settings: &'a serde_json::Value,
}

/// Writes a change, if `version` still stands.
pub async fn update(
    tx: &mut Tx,
    client_id: Uuid,
    id: Uuid,
    version: i32,
    changed: &Changed<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (credentials, fields) = changed.credentials.unzip();
    let done = sqlx::query!(
        "UPDATE connection SET label = $4, services = $5, settings = $6,
            credentials = COALESCE($7, credentials), credential_fields = COALESCE($8::text[], credential_fields),
            credentials_at = CASE WHEN $7::bytea IS NULL THEN credentials_at ELSE $9 END,
            previous_credentials = CASE WHEN $7::bytea IS NULL THEN previous_credentials ELSE credentials END,
            previous_until = CASE WHEN $7::bytea IS NULL THEN previous_until ELSE $10 END,
            version = version + 1, updated_at = $9
         WHERE client_id = $1 AND id = $2 AND version = $3 AND removed_at IS NULL",
        client_id,
        id,
        version,
        changed.label,
        changed.services,
        changed.settings,
        credentials,
        fields,
        now,
        changed.overlap_until,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the credentials whose overlap with their successors is over; no version moves. Answers whose they were.
pub async fn end_overlaps(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        "UPDATE connection SET previous_credentials = NULL, previous_until = NULL
         WHERE previous_until IS NOT NULL AND previous_until <= $1 RETURNING client_id, id",
        now,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.client_id, row.id)).collect())
}

/// Notes that something beside its row changed, if `version` still stands; who changes that too waits for this.
pub async fn touch(tx: &mut Tx, client_id: Uuid, id: Uuid, version: i32, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE connection SET version = version + 1, updated_at = $4
         WHERE client_id = $1 AND id = $2 AND version = $3 AND removed_at IS NULL",
        client_id,
        id,
        version,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes when connections last spoke with their providers; a time only rises, and no version moves.
pub async fn spoke(tx: &mut Tx, clients: &[Uuid], ids: &[Uuid], times: &[DateTime<Utc>]) -> Result<()> {
    sqlx::query!(
        "UPDATE connection c SET last_activity_at = GREATEST(c.last_activity_at, i.at)
         FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS i(client_id, id, at)
         WHERE c.client_id = i.client_id AND c.id = i.id",
        clients,
        ids,
        times,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

struct Row {
    client_id: Uuid,
    id: Uuid,
    mode: String,
    provider: String,
    label: String,
    kind: String,
    services: Vec<String>,
    identity: String,
    credentials: Vec<u8>,
    credential_fields: Vec<String>,
    credentials_at: DateTime<Utc>,
    previous_credentials: Option<Vec<u8>>,
    previous_until: Option<DateTime<Utc>>,
    settings: serde_json::Value,
    status: String,
    status_reason: String,
    status_until: Option<DateTime<Utc>>,
    codename: String,
    version: i32,
    last_activity_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
}

impl Row {
    fn stored(self) -> Result<Stored> {
        let id = self.id;
        let services = self.services.into_iter().map(|s| known("connection.services", id, s, Service::parse));
        Ok(Stored {
            client_id: self.client_id,
            connection: Connection {
                id,
                provider: self.provider,
                label: self.label,
                mode: known("connection.mode", id, self.mode, Mode::parse)?,
                services: services.collect::<Result<_>>()?,
                identity: self.identity,
                status: known("connection.status", id, self.status, ConnectionStatus::parse)?,
                settings: self.settings,
            },
            kind: self.kind,
            credentials: self.credentials,
            credential_fields: self.credential_fields,
            credentials_at: self.credentials_at,
            previous: self.previous_credentials.zip(self.previous_until),
            status_reason: self.status_reason,
            status_until: self.status_until,
            codename: self.codename,
            version: self.version,
            last_activity_at: self.last_activity_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            removed_at: self.removed_at,
        })
    }
}
