//! Sequences: the ordered connections of a service or of one destination of it, and every version they ever had.
//!
//! Each write adds its version to the history in the same statement.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};
use crate::domain::sequence::Sequence;

/// A sequence as it stands; `destination` is empty for the default of its service.
#[derive(Clone, Debug)]
pub struct Row {
    pub service: String,
    pub destination: String,
    pub version: i32,
    pub connection_ids: Vec<Uuid>,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

/// One version of a sequence; without connections where it was removed.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: i32,
    pub connection_ids: Option<Vec<Uuid>>,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

/// What names a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub client_id: Uuid,
    pub mode: &'a str,
    pub service: &'a str,
    /// `""` for the default.
    pub destination: &'a str,
}

/// The sequence for a destination: its own, or the service's default. Empty where there is none.
pub async fn in_force(db: &Db, key: Key<'_>) -> Result<Sequence> {
    let row = sqlx::query!(
        "SELECT destination, version, connection_ids FROM sequence
         WHERE client_id = $1 AND mode = $2 AND service = $3 AND destination IN ($4, '')
         ORDER BY destination DESC LIMIT 1",
        key.client_id,
        key.mode,
        key.service,
        key.destination,
    )
    .fetch_optional(&db.reads)
    .await?;
    Ok(row.map_or_else(Sequence::default, |row| Sequence {
        destination: row.destination,
        version: row.version,
        connections: row.connection_ids,
    }))
}

/// All sequences of a client in one mode: by service, the default first.
pub async fn list(db: &Db, client_id: Uuid, mode: &str) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT service, destination, version, connection_ids, updated_at, updated_by FROM sequence
         WHERE client_id = $1 AND mode = $2 ORDER BY service, destination",
        client_id,
        mode,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// One sequence.
pub async fn get(db: &Db, key: Key<'_>) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT service, destination, version, connection_ids, updated_at, updated_by FROM sequence
         WHERE client_id = $1 AND mode = $2 AND service = $3 AND destination = $4",
        key.client_id,
        key.mode,
        key.service,
        key.destination,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// The versions of a sequence, newest first, before the version `before` (exclusive).
pub async fn versions(db: &Db, key: Key<'_>, before: Option<i32>, limit: i64) -> Result<Vec<Version>> {
    Ok(sqlx::query_as!(
        Version,
        "SELECT version, connection_ids, updated_at, updated_by FROM sequence_version
         WHERE client_id = $1 AND mode = $2 AND service = $3 AND destination = $4
            AND ($5::integer IS NULL OR version < $5)
         ORDER BY version DESC LIMIT $6",
        key.client_id,
        key.mode,
        key.service,
        key.destination,
        before,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Makes a sequence that was not there; its versions go on where an earlier one of the same name ended. `None` where
/// there is one by now.
pub async fn insert(
    tx: &mut Tx,
    key: Key<'_>,
    connections: &[Uuid],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Option<i32>> {
    Ok(sqlx::query_scalar!(
        "WITH made AS (
            INSERT INTO sequence (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
            SELECT $1, $2, $3, $4, 1 + COALESCE(max(v.version), 0), $5::uuid[], $6::timestamptz, $7::text
            FROM sequence_version v
            WHERE v.client_id = $1 AND v.mode = $2 AND v.service = $3 AND v.destination = $4
            ON CONFLICT DO NOTHING RETURNING version
        )
        INSERT INTO sequence_version (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
        SELECT $1, $2, $3, $4, version, $5::uuid[], $6::timestamptz, $7::text FROM made RETURNING version",
        key.client_id,
        key.mode,
        key.service,
        key.destination,
        connections,
        now,
        by,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Replaces a sequence, if `version` still stands.
pub async fn replace(
    tx: &mut Tx,
    key: Key<'_>,
    version: i32,
    connections: &[Uuid],
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "WITH changed AS (
            UPDATE sequence SET version = version + 1, connection_ids = $6, updated_at = $7, updated_by = $8
            WHERE client_id = $1 AND mode = $2 AND service = $3 AND destination = $4 AND version = $5
            RETURNING version
        )
        INSERT INTO sequence_version (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
        SELECT $1, $2, $3, $4, version, $6, $7, $8 FROM changed",
        key.client_id,
        key.mode,
        key.service,
        key.destination,
        version,
        connections,
        now,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a custom sequence, if `version` still stands; its history says so.
pub async fn remove(tx: &mut Tx, key: Key<'_>, version: i32, by: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "WITH gone AS (
            DELETE FROM sequence
            WHERE client_id = $1 AND mode = $2 AND service = $3 AND destination = $4 AND version = $5
            RETURNING version
        )
        INSERT INTO sequence_version (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
        SELECT $1, $2, $3, $4, version + 1, NULL, $6, $7 FROM gone",
        key.client_id,
        key.mode,
        key.service,
        key.destination,
        version,
        now,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a connection at the end of the default sequences of these services; one that is not there is made.
pub async fn append(
    tx: &mut Tx,
    client_id: Uuid,
    mode: &str,
    services: &[String],
    connection: Uuid,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "WITH appended AS (
            INSERT INTO sequence AS q (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
            SELECT $1, $2, s, '', 1, ARRAY[$4::uuid], $5, $6 FROM UNNEST($3::text[]) AS s
            ON CONFLICT (client_id, mode, service, destination) DO UPDATE
            SET connection_ids = array_remove(q.connection_ids, $4) || $4::uuid, version = q.version + 1,
                updated_at = $5, updated_by = $6
            RETURNING client_id, mode, service, destination, version, connection_ids, updated_at, updated_by
        )
        INSERT INTO sequence_version (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
        SELECT client_id, mode, service, destination, version, connection_ids, updated_at, updated_by FROM appended",
        client_id,
        mode,
        services,
        connection,
        now,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a connection out of every sequence of these services that names it.
pub async fn take_out(
    tx: &mut Tx,
    client_id: Uuid,
    mode: &str,
    services: &[String],
    connection: Uuid,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "WITH changed AS (
            UPDATE sequence SET connection_ids = array_remove(connection_ids, $4), version = version + 1,
                updated_at = $5, updated_by = $6
            WHERE client_id = $1 AND mode = $2 AND service = ANY ($3) AND $4 = ANY (connection_ids)
            RETURNING client_id, mode, service, destination, version, connection_ids, updated_at, updated_by
        )
        INSERT INTO sequence_version (client_id, mode, service, destination, version, connection_ids, updated_at, updated_by)
        SELECT client_id, mode, service, destination, version, connection_ids, updated_at, updated_by FROM changed",
        client_id,
        mode,
        services,
        connection,
        now,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
