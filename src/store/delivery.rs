//! Deliveries: the telling of one event to one endpoint, and its tries.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// What names a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub client_id: Uuid,
    pub event_id: Uuid,
    pub endpoint_id: Uuid,
    pub replay: i32,
}

/// A delivery that is due, with the body to send.
#[derive(Clone, Debug)]
pub struct Due {
    pub key: Key,
    pub tries: i16,
    /// Until when it belongs to who took it.
    pub leased_until: DateTime<Utc>,
    pub body: String,
}

/// An endpoint with deliveries waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    pub client_id: Uuid,
    pub endpoint_id: Uuid,
}

/// Endpoints with deliveries that are due.
pub async fn lanes(db: &Db, now: DateTime<Utc>) -> Result<Vec<Lane>> {
    Ok(sqlx::query_as!(
        Lane,
        "SELECT client_id, endpoint_id FROM delivery
         WHERE state = 'pending' AND next_try_at <= $1 GROUP BY 1, 2",
        now
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Claims due deliveries of one endpoint for `lease`.
pub async fn claim(tx: &mut Tx, lane: Lane, limit: i64, lease: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        "WITH due AS (
            SELECT client_id, event_id, endpoint_id, replay FROM delivery
            WHERE client_id = $1 AND endpoint_id = $2 AND state = 'pending' AND next_try_at <= $3
            ORDER BY next_try_at LIMIT $5
        ), claimed AS (
            UPDATE delivery d SET leased_until = $4, next_try_at = $4
            FROM due WHERE d.client_id = due.client_id AND d.event_id = due.event_id
                AND d.endpoint_id = due.endpoint_id AND d.replay = due.replay
                AND d.state = 'pending' AND d.next_try_at <= $3
            RETURNING d.client_id, d.event_id, d.endpoint_id, d.replay, d.tries
        )
        SELECT c.client_id, c.event_id, c.endpoint_id, c.replay, c.tries, e.body
        FROM claimed c JOIN event e ON e.client_id = c.client_id AND e.id = c.event_id
        ORDER BY e.id",
        lane.client_id,
        lane.endpoint_id,
        now,
        lease,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            key: Key {
                client_id: row.client_id,
                event_id: row.event_id,
                endpoint_id: row.endpoint_id,
                replay: row.replay,
            },
            tries: row.tries,
            leased_until: lease,
            body: row.body,
        })
        .collect())
}

/// The end of one try.
#[derive(Clone, Debug)]
pub struct Mark {
    pub key: Key,
    /// `delivered`, `failed`, or `pending` with a next try.
    pub state: &'static str,
    pub tries: i16,
    pub next_try_at: Option<DateTime<Utc>>,
    pub response_status: Option<i16>,
    pub note: Option<String>,
}

/// Writes the ends of a batch of tries. A delivery that has ended stays as it is.
pub async fn mark(tx: &mut Tx, batch: &[Mark], now: DateTime<Utc>) -> Result<()> {
    let ids = |of: fn(&Mark) -> Uuid| -> Vec<Uuid> { batch.iter().map(of).collect() };
    let replays: Vec<i32> = batch.iter().map(|m| m.key.replay).collect();
    let states: Vec<String> = batch.iter().map(|m| m.state.to_owned()).collect();
    let tries: Vec<i16> = batch.iter().map(|m| m.tries).collect();
    let next: Vec<Option<DateTime<Utc>>> = batch.iter().map(|m| m.next_try_at).collect();
    let statuses: Vec<Option<i16>> = batch.iter().map(|m| m.response_status).collect();
    let notes: Vec<Option<String>> = batch.iter().map(|m| m.note.clone()).collect();
    sqlx::query!(
        "UPDATE delivery d SET state = m.state, tries = m.tries, next_try_at = m.next_try_at, leased_until = NULL,
            response_status = m.response_status, note = m.note, updated_at = $10, xact = DEFAULT
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::smallint[], $7::timestamptz[],
                $8::smallint[], $9::text[])
            AS m(client_id, event_id, endpoint_id, replay, state, tries, next_try_at, response_status, note)
         WHERE d.client_id = m.client_id AND d.event_id = m.event_id AND d.endpoint_id = m.endpoint_id
            AND d.replay = m.replay AND d.state = 'pending'",
        &ids(|m| m.key.client_id),
        &ids(|m| m.key.event_id),
        &ids(|m| m.key.endpoint_id),
        &replays,
        &states,
        &tries,
        &next as _,
        &statuses as _,
        &notes as _,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A delivery as it is shown.
#[derive(Clone, Debug)]
pub struct Row {
    pub event_id: Uuid,
    pub endpoint_id: Uuid,
    pub replay: i32,
    pub kind: String,
    pub payment_id: Uuid,
    pub state: String,
    pub tries: i16,
    pub next_try_at: Option<DateTime<Utc>>,
    pub response_status: Option<i16>,
    pub note: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A page of an endpoint's deliveries, newest event first, after the one `before` names by event and replay; of one
/// state where it is given.
pub async fn list(
    db: &Db,
    client_id: Uuid,
    endpoint_id: Uuid,
    state: Option<&str>,
    before: Option<(Uuid, i32)>,
    limit: i64,
) -> Result<Vec<Row>> {
    let (event, replay) = before.unzip();
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT d.event_id, d.endpoint_id, d.replay, e.type AS kind, e.payment_id, d.state, d.tries, d.next_try_at,
            d.response_status, d.note, d.created_at, d.updated_at
         FROM delivery d JOIN event e ON e.client_id = d.client_id AND e.id = d.event_id
         WHERE d.client_id = $1 AND d.endpoint_id = $2 AND ($3::uuid IS NULL OR (d.event_id, d.replay) < ($3, $4::int))
            AND ($6::text IS NULL OR d.state = $6)
         ORDER BY d.event_id DESC, d.replay DESC LIMIT $5"#,
        client_id,
        endpoint_id,
        event,
        replay,
        limit,
        state,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Tells an event to an endpoint once more. `None` where the event or endpoint is not this client's and mode's.
pub async fn replay(
    tx: &mut Tx,
    client_id: Uuid,
    mode: &str,
    event_id: Uuid,
    endpoint_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<i32>> {
    Ok(sqlx::query_scalar!(
        r#"INSERT INTO delivery (client_id, event_id, endpoint_id, replay, next_try_at, created_at, updated_at)
         SELECT e.client_id, e.id, p.id, COALESCE((SELECT max(d.replay) + 1 FROM delivery d
                WHERE d.client_id = e.client_id AND d.event_id = e.id AND d.endpoint_id = p.id), 0), $5, $5, $5
         FROM event e JOIN endpoint p ON p.client_id = e.client_id AND p.mode = e.mode AND p.id = $4
         WHERE e.client_id = $1 AND e.mode = $2 AND e.id = $3
         RETURNING replay"#,
        client_id,
        mode,
        event_id,
        endpoint_id,
        now,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Deliveries waiting and the oldest of them, for the metrics.
pub async fn lag(db: &Db) -> Result<(i64, Option<DateTime<Utc>>)> {
    let row =
        sqlx::query!(r#"SELECT count(*) AS "n!", min(created_at) AS oldest FROM delivery WHERE state = 'pending'"#)
            .fetch_one(&db.reads)
            .await?;
    Ok((row.n, row.oldest))
}

/// Every delivery of a payment's events, oldest event first.
pub async fn of_payment(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT d.event_id, d.endpoint_id, d.replay, e.type AS kind, e.payment_id, d.state, d.tries, d.next_try_at,
            d.response_status, d.note, d.created_at, d.updated_at
         FROM event e JOIN endpoint p ON p.client_id = e.client_id AND p.mode = e.mode
            JOIN delivery d ON d.client_id = e.client_id AND d.endpoint_id = p.id AND d.event_id = e.id
         WHERE e.client_id = $1 AND e.payment_id = $2 ORDER BY d.event_id, d.endpoint_id, d.replay",
        client_id,
        payment_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// What an endpoint was not told yet, or never: more than [`COUNTED`] are counted as one more.
#[derive(Clone, Debug)]
pub struct LeftOver {
    pub endpoint_id: Uuid,
    pub pending: i64,
    pub failed: i64,
}

/// How far left-overs are counted: behind it the number says no more than *many*, and would cost more with each.
pub const COUNTED: i64 = 200;

/// Counts per endpoint of a client what waits, and what was given up and not told since.
pub async fn left_over(db: &Db, client_id: Uuid) -> Result<Vec<LeftOver>> {
    Ok(sqlx::query_as!(
        LeftOver,
        r#"SELECT p.id AS endpoint_id,
            (SELECT count(*) FROM (SELECT FROM delivery d
                WHERE d.client_id = p.client_id AND d.endpoint_id = p.id AND d.state = 'pending' LIMIT $2) these) AS "pending!",
            (SELECT count(*) FROM (SELECT FROM delivery d
                WHERE d.client_id = p.client_id AND d.endpoint_id = p.id AND d.state = 'failed'
                    AND NOT EXISTS (SELECT FROM delivery l
                        WHERE l.client_id = d.client_id AND l.endpoint_id = d.endpoint_id AND l.event_id = d.event_id
                            AND l.replay > d.replay)
                LIMIT $2) these) AS "failed!"
         FROM endpoint p WHERE p.client_id = $1"#,
        client_id,
        COUNTED + 1,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Tells again what was given up and not told since, the newest `limit`; answers how many.
pub async fn replay_failed(
    tx: &mut Tx,
    client_id: Uuid,
    endpoint_id: Uuid,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "INSERT INTO delivery (client_id, event_id, endpoint_id, replay, next_try_at, created_at, updated_at)
         SELECT d.client_id, d.event_id, d.endpoint_id, d.replay + 1, $4, $4, $4 FROM delivery d
         WHERE d.client_id = $1 AND d.endpoint_id = $2 AND d.state = 'failed'
            AND NOT EXISTS (SELECT FROM delivery l
                WHERE l.client_id = d.client_id AND l.endpoint_id = d.endpoint_id AND l.event_id = d.event_id
                    AND l.replay > d.replay)
         ORDER BY d.event_id DESC LIMIT $3
         ON CONFLICT DO NOTHING",
        client_id,
        endpoint_id,
        limit,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Tells every event of a payment again to the active endpoints that it was told to; answers how many tellings. What
/// still waits is not told twice.
pub async fn replay_payment(
    tx: &mut Tx,
    client_id: Uuid,
    mode: &str,
    payment_id: Uuid,
    now: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "INSERT INTO delivery (client_id, event_id, endpoint_id, replay, next_try_at, created_at, updated_at)
         SELECT e.client_id, e.id, p.id, max(d.replay) + 1, $4, $4, $4
         FROM event e JOIN endpoint p ON p.client_id = e.client_id AND p.mode = e.mode AND p.status = 'ACTIVE'
            JOIN delivery d ON d.client_id = e.client_id AND d.endpoint_id = p.id AND d.event_id = e.id
         WHERE e.client_id = $1 AND e.mode = $2 AND e.payment_id = $3
         GROUP BY e.client_id, e.id, p.id HAVING NOT bool_or(d.state = 'pending')
         ON CONFLICT DO NOTHING",
        client_id,
        mode,
        payment_id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}
