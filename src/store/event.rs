//! Events as a client catches up with them, and the one event that no payment causes: the test of an endpoint.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

#[derive(Clone, Debug)]
pub struct Event {
    pub id: Uuid,
    pub kind: String,
    pub payment_id: Uuid,
    pub version: i32,
    pub body: String,
    pub created_at: DateTime<Utc>,
}

/// Events after one, oldest first. Those created after `until` are withheld: a slower transaction may still
/// commit an older one.
pub async fn after(
    db: &Db,
    client_id: Uuid,
    mode: &str,
    after: Option<Uuid>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Event>> {
    Ok(sqlx::query_as!(
        Event,
        "SELECT id, type AS kind, payment_id, version, body, created_at FROM event
         WHERE client_id = $1 AND mode = $2 AND ($3::uuid IS NULL OR id > $3) AND created_at <= $4
         ORDER BY id LIMIT $5",
        client_id,
        mode,
        after,
        until,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// The events of one payment, in order of version.
pub async fn of_payment(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Vec<Event>> {
    Ok(sqlx::query_as!(
        Event,
        "SELECT id, type AS kind, payment_id, version, body, created_at FROM event
         WHERE client_id = $1 AND payment_id = $2 ORDER BY version",
        client_id,
        payment_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Writes a test event for one endpoint, with its delivery, which the caller makes before `leased_until`. It belongs to
/// no payment: the endpoint stands in its place.
#[allow(clippy::too_many_arguments)] // the columns of one row; a struct for one caller would hide nothing
pub async fn insert_test(
    tx: &mut Tx,
    client_id: Uuid,
    mode: &str,
    endpoint_id: Uuid,
    event_id: Uuid,
    body: &str,
    leased_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "WITH ev AS (
            INSERT INTO event (client_id, id, mode, payment_id, version, type, body, created_at)
            SELECT $1, $2, $3, $4, COALESCE(max(version), 0) + 1, 'webhook.test', $5, $6
            FROM event WHERE client_id = $1 AND payment_id = $4
            RETURNING id
        )
        INSERT INTO delivery (client_id, event_id, endpoint_id, next_try_at, leased_until, created_at, updated_at)
        SELECT $1, ev.id, $4, $7, $7, $6, $6 FROM ev",
        client_id,
        event_id,
        mode,
        endpoint_id,
        body,
        now,
        leased_until,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An event of a payment that people ended, with its deliveries. (Every other event is written by advance.sql.)
pub struct NewEnd<'a> {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: &'a str,
    pub payment_id: Uuid,
    pub version: i32,
    pub kind: &'a str,
    pub body: &'a str,
}

pub async fn insert_end(tx: &mut Tx, end: &NewEnd<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH ev AS (
            INSERT INTO event (client_id, id, mode, payment_id, version, type, body, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
        )
        INSERT INTO delivery (client_id, event_id, endpoint_id, next_try_at, created_at, updated_at)
        SELECT $1, ev.id, e.id, $8, $8, $8 FROM ev, endpoint e
        WHERE e.client_id = $1 AND e.mode = $3 AND e.status = 'ACTIVE' AND $6 = ANY (e.events)",
        end.client_id,
        end.id,
        end.mode,
        end.payment_id,
        end.version,
        end.kind,
        end.body,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
