//! Connections that are watched, those that monitoring took out of routing, and the looks whether they recovered.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Db, Result, Tx};

/// A connection's monitoring.
#[derive(Clone, Debug)]
pub struct Watched {
    pub client_id: Uuid,
    pub connection_id: Uuid,
    pub rule: Value,
    pub since: DateTime<Utc>,
    pub tripped_at: Option<DateTime<Utc>>,
    pub next_at: Option<DateTime<Utc>>,
    pub good: i32,
    pub wait_s: i32,
    pub recovered_at: Option<DateTime<Utc>>,
}

/// The monitoring of one connection; `None`: it is off.
pub async fn get(db: &Db, client_id: Uuid, connection_id: Uuid) -> Result<Option<Watched>> {
    Ok(sqlx::query_as!(
        Watched,
        "SELECT client_id, connection_id, rule, since, tripped_at, next_at, good, wait_s, recovered_at
         FROM monitoring WHERE client_id = $1 AND connection_id = $2",
        client_id,
        connection_id,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// Those of these connections that are watched and ACTIVE, of all clients.
pub async fn at_work(db: &Db, clients: &[Uuid], connections: &[Uuid]) -> Result<Vec<Watched>> {
    Ok(sqlx::query_as!(
        Watched,
        "SELECT w.client_id, w.connection_id, w.rule, w.since, w.tripped_at, w.next_at, w.good, w.wait_s, w.recovered_at
         FROM unnest($1::uuid[], $2::uuid[]) AS given (client_id, id)
         JOIN monitoring w ON w.client_id = given.client_id AND w.connection_id = given.id
         JOIN connection c ON c.client_id = w.client_id AND c.id = w.connection_id
         WHERE c.status = 'ACTIVE' AND w.tripped_at IS NULL",
        clients,
        connections,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Switches monitoring on, or gives it another rule. Sends before `now` do not count, and a recovery under way goes on.
pub async fn set(
    tx: &mut Tx,
    client_id: Uuid,
    connection_id: Uuid,
    rule: &Value,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO monitoring (client_id, connection_id, rule, since, updated_at, updated_by) VALUES ($1, $2, $3, $4, $4, $5)
         ON CONFLICT (client_id, connection_id) DO UPDATE SET rule = $3, since = $4, updated_at = $4, updated_by = $5",
        client_id,
        connection_id,
        rule,
        now,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Switches monitoring off; `false` where it was.
pub async fn unset(tx: &mut Tx, client_id: Uuid, connection_id: Uuid) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM monitoring WHERE client_id = $1 AND connection_id = $2", client_id, connection_id)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Somebody set the connection's status: what monitoring made of it is over, and sends before `now` do not count.
pub async fn release(tx: &mut Tx, client_id: Uuid, connection_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE monitoring SET tripped_at = NULL, next_at = NULL, good = 0, since = $3
         WHERE client_id = $1 AND connection_id = $2",
        client_id,
        connection_id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a connection out of routing; `false` where it is not ACTIVE any more, or is not watched as it was read: then
/// the transaction must not be committed.
pub async fn trip(
    tx: &mut Tx,
    watched: &Watched,
    reason: &str,
    wait_s: i32,
    next_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    // The connection first, as everybody who sets a status does; the monitoring is looked at when that is held.
    let done = sqlx::query!(
        "WITH moved AS (
            UPDATE connection SET status = 'MAINTENANCE', status_reason = $3, status_until = NULL,
                version = version + 1, updated_at = $6
            WHERE client_id = $1 AND id = $2 AND status = 'ACTIVE'
            RETURNING id
        )
        UPDATE monitoring SET tripped_at = $6, next_at = $5, good = 0, wait_s = $4
        WHERE client_id = $1 AND connection_id = (SELECT id FROM moved) AND tripped_at IS NULL AND since = $7",
        watched.client_id,
        watched.connection_id,
        reason,
        wait_s,
        next_at,
        now,
        watched.since,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Some of the looks that are due at `now`, each taken until `leased`: nobody else looks meanwhile.
pub async fn take_due(tx: &mut Tx, now: DateTime<Utc>, leased: DateTime<Utc>, limit: i64) -> Result<Vec<Watched>> {
    Ok(sqlx::query_as!(
        Watched,
        "UPDATE monitoring w SET next_at = $2
         FROM (SELECT client_id, connection_id FROM monitoring WHERE next_at <= $1
               ORDER BY client_id, next_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
         WHERE w.client_id = due.client_id AND w.connection_id = due.connection_id
         RETURNING w.client_id, w.connection_id, w.rule, w.since, w.tripped_at, w.next_at, w.good, w.wait_s, w.recovered_at",
        now,
        leased,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What a look found, where the connection did not recover by it: the answers in a row, and when the next look is.
pub async fn looked(tx: &mut Tx, watched: &Watched, good: i32, wait_s: i32, next_at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE monitoring SET good = $4, wait_s = $5, next_at = $6
         WHERE client_id = $1 AND connection_id = $2 AND tripped_at = $3",
        watched.client_id,
        watched.connection_id,
        watched.tripped_at,
        good,
        wait_s,
        next_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Puts a connection back into routing; `false` where somebody set its status since monitoring did: then the transaction
/// must not be committed.
pub async fn recover(tx: &mut Tx, watched: &Watched, reason: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "WITH moved AS (
            UPDATE connection SET status = 'ACTIVE', status_reason = $4, version = version + 1, updated_at = $5
            WHERE client_id = $1 AND id = $2 AND status = 'MAINTENANCE'
            RETURNING id
        )
        UPDATE monitoring SET tripped_at = NULL, next_at = NULL, good = 0, since = $5, recovered_at = $5
        WHERE client_id = $1 AND connection_id = (SELECT id FROM moved) AND tripped_at = $3",
        watched.client_id,
        watched.connection_id,
        watched.tripped_at,
        reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
