//! Removing a connection: what of it is not at its end, and taking it out for good. The row stays for its attempts.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Tx};

/// What of a connection is not at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Attempts that are prepared, sent, accepted or unknown.
    pub attempts: i64,
    /// Open exceptions of its attempts.
    pub exceptions: i64,
}

/// Counts what is not at its end.
pub async fn unfinished(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<Unfinished> {
    Ok(sqlx::query_as!(
        Unfinished,
        r#"SELECT
            (SELECT count(*) FROM attempt
             WHERE client_id = $1 AND connection_id = $2 AND state = 'prepared')
            + (SELECT count(*) FROM attempt
             WHERE client_id = $1 AND connection_id = $2 AND state IN ('sent', 'accepted', 'unknown')) AS "attempts!",
            (SELECT count(*) FROM exception x
                JOIN attempt a ON a.client_id = x.client_id AND a.payment_id = x.payment_id AND a.number = x.attempt
             WHERE x.client_id = $1 AND x.status = 'OPEN' AND a.connection_id = $2) AS "exceptions!""#,
        client_id,
        id,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Takes a connection out of lists and routing for good, if `version` still stands. Its callback address, its identity
/// and its credentials stay, for what may still be heard of its attempts.
pub async fn remove(tx: &mut Tx, client_id: Uuid, id: Uuid, version: i32, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE connection SET status = 'INACTIVE', status_reason = 'removed', status_until = NULL,
            version = version + 1, updated_at = $4, removed_at = $4
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
