//! The status of connections: set by hand, and ended by time where it was set so.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};
use crate::domain::connection::ConnectionStatus;

/// A status to set.
#[derive(Clone, Copy)]
pub struct NewStatus<'a> {
    pub status: ConnectionStatus,
    pub reason: &'a str,
    /// When MAINTENANCE ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// Sets the status; with a `version`, only while that stands.
pub async fn set_status(
    tx: &mut Tx,
    client_id: Uuid,
    id: Uuid,
    version: Option<i32>,
    new: &NewStatus<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE connection SET status = $4, status_reason = $5, status_until = $6, version = version + 1, updated_at = $7
         WHERE client_id = $1 AND id = $2 AND ($3::integer IS NULL OR version = $3) AND removed_at IS NULL",
        client_id,
        id,
        version,
        new.status.as_str(),
        new.reason,
        new.until,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A maintenance that is over.
pub struct Overdue {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: String,
    pub status_reason: String,
}

/// Some of the connections whose maintenance is over, of all clients.
pub async fn overdue(db: &Db, now: DateTime<Utc>, limit: i64) -> Result<Vec<Overdue>> {
    Ok(sqlx::query_as!(
        Overdue,
        "SELECT client_id, id, mode, status_reason FROM connection
         WHERE status_until IS NOT NULL AND status_until <= $1 ORDER BY client_id, status_until LIMIT $2",
        now,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Ends a maintenance that is over at `now`: `false` where somebody has set another status or another end since.
pub async fn end_maintenance(tx: &mut Tx, client_id: Uuid, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE connection SET status = 'ACTIVE', status_reason = $3, status_until = NULL, version = version + 1,
            updated_at = $4
         WHERE client_id = $1 AND id = $2 AND status = 'MAINTENANCE' AND status_until <= $4",
        client_id,
        id,
        reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
