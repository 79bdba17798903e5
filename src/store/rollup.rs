//! The sums by hour: how they are brought up to date, and how they are read.
//!
//! Rows are added up in the order in which their transactions ended, so each is in the sums once: a row names the
//! transaction that wrote it, and below the oldest transaction under way nothing can appear any more.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// How far the sums have come.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// Rows written by transactions below it are in.
    pub xact: i64,
    /// All that was committed before is in.
    pub complete_at: Option<DateTime<Utc>>,
    /// Once `xact` is here,
    pub goal_xact: i64,
    /// all that was committed before this is in.
    pub goal_at: Option<DateTime<Utc>>,
}

/// Takes the position until the transaction ends; `None` while another process has it.
pub async fn hold(tx: &mut Tx) -> Result<Option<Position>> {
    Ok(sqlx::query_as!(
        Position,
        "SELECT xact, complete_at, goal_xact, goal_at FROM rollup_position WHERE name = 'hours' FOR UPDATE SKIP LOCKED"
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Takes the position until the transaction ends, after whoever has it.
pub async fn hold_at_last(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SELECT name FROM rollup_position WHERE name = 'hours' FOR UPDATE").fetch_one(tx.conn()).await?;
    Ok(())
}

/// Where this transaction stands among all others.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Every transaction below has ended.
    pub ended: i64,
    /// This transaction.
    pub own: i64,
}

/// Asked after the position is held: what it says only rises.
pub async fn order(tx: &mut Tx) -> Result<Order> {
    Ok(sqlx::query_as!(
        Order,
        r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "ended!",
            pg_current_xact_id()::text::bigint AS "own!""#
    )
    .fetch_one(tx.conn())
    .await?)
}

/// For this transaction: how long a statement may take, and whether tables may be read as a whole (a few rows after a
/// long while look like many to a planner that has not seen them).
pub async fn allow(tx: &mut Tx, seconds: u32, whole: bool) -> Result<()> {
    let way = if whole { "on" } else { "off" };
    sqlx::query!(
        "SELECT set_config('statement_timeout', $1, true) AS timeout, set_config('enable_seqscan', $2, true) AS scan,
            set_config('enable_hashjoin', $2, true) AS hash, set_config('enable_mergejoin', $2, true) AS merge",
        format!("{seconds}s"),
        way,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(())
}

/// Adds what transactions from `from` to below `to` wrote; `steps` are the ends of the histogram's.
pub async fn add(tx: &mut Tx, from: i64, to: i64, steps: &[i64]) -> Result<()> {
    sqlx::query_file!("src/store/rollup_payments.sql", from, to, steps).execute(tx.conn()).await?;
    sqlx::query_file!("src/store/rollup_deliveries.sql", from, to).execute(tx.conn()).await?;
    Ok(())
}

/// Writes the position.
pub async fn set(tx: &mut Tx, position: &Position) -> Result<()> {
    sqlx::query!(
        "UPDATE rollup_position SET xact = $1, complete_at = $2, goal_xact = $3, goal_at = $4 WHERE name = 'hours'",
        position.xact,
        position.complete_at,
        position.goal_xact,
        position.goal_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes all sums away, to make them anew. Rows that name a transaction this server has not come to yet are another
/// server's, brought here by a dump: they count as old.
pub async fn clear(tx: &mut Tx) -> Result<()> {
    sqlx::query!("UPDATE event SET xact = 0 WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        .execute(tx.conn())
        .await?;
    sqlx::query!("UPDATE delivery SET xact = 0 WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        .execute(tx.conn())
        .await?;
    sqlx::query!("DELETE FROM payment_hour").execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM delivery_hour").execute(tx.conn()).await?;
    Ok(())
}

/// How far the sums have come, as it is shown.
pub async fn complete_at(db: &Db) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!("SELECT complete_at FROM rollup_position WHERE name = 'hours'").fetch_one(&db.reads).await?)
}

/// What came of payments at one connection in a span of hours.
#[derive(Clone, Debug)]
pub struct Span {
    pub connection_id: Uuid,
    pub service: String,
    pub currency: String,
    pub begun: i64,
    pub begun_amount: i64,
    pub paid: i64,
    pub paid_amount: i64,
    pub failed: i64,
    pub failed_amount: i64,
    pub reversed: i64,
    pub reversed_amount: i64,
    pub not_sent: i64,
    pub refused: i64,
    pub broken: i64,
    pub fees: i64,
    pub taxes: i64,
    /// By the steps of [`crate::domain::latency`].
    pub latency: Vec<i64>,
}

/// Sums over hours from `from`, by connection, service and currency.
pub async fn spans(db: &Db, client_id: Uuid, mode: &str, from: DateTime<Utc>) -> Result<Vec<Span>> {
    Ok(sqlx::query_file_as!(Span, "src/store/rollup_spans.sql", client_id, mode, from).fetch_all(&db.reads).await?)
}

/// One step of the time line, in one currency.
#[derive(Clone, Debug)]
pub struct Step {
    /// How many steps after the beginning.
    pub index: i32,
    pub currency: String,
    pub begun: i64,
    pub paid: i64,
    pub paid_amount: i64,
    pub failed: i64,
}

/// What happened from `from` on, in steps of so many hours.
pub async fn steps(db: &Db, client_id: Uuid, mode: &str, from: DateTime<Utc>, hours: i32) -> Result<Vec<Step>> {
    Ok(sqlx::query_as!(
        Step,
        r#"SELECT (extract(epoch FROM hour - $3)::bigint / 3600 / $4::int)::int AS "index!", currency,
            sum(begun)::bigint AS "begun!", sum(paid)::bigint AS "paid!", sum(paid_amount)::bigint AS "paid_amount!",
            sum(failed)::bigint AS "failed!"
         FROM payment_hour WHERE client_id = $1 AND mode = $2 AND hour >= $3 GROUP BY 1, 2 ORDER BY 1, 2"#,
        client_id,
        mode,
        from,
        hours,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// How an endpoint was told in a span of hours, and what waits for it now.
#[derive(Clone, Debug)]
pub struct Told {
    pub endpoint_id: Uuid,
    pub url: String,
    pub status: String,
    pub first_time: i64,
    pub retried: i64,
    pub failed: i64,
    pub waiting: i64,
    /// When the oldest of what waits was made.
    pub oldest: Option<DateTime<Utc>>,
}

/// The client's endpoints of a mode. What waits is counted up to a thousand each, by the index of what is due.
pub async fn told(db: &Db, client_id: Uuid, mode: &str, from: DateTime<Utc>) -> Result<Vec<Told>> {
    Ok(sqlx::query_as!(
        Told,
        r#"SELECT e.id AS endpoint_id, e.url, e.status, COALESCE(h.first_time, 0) AS "first_time!",
            COALESCE(h.retried, 0) AS "retried!", COALESCE(h.failed, 0) AS "failed!", w.waiting AS "waiting!", w.oldest
         FROM endpoint e
            LEFT JOIN LATERAL (SELECT sum(first_time)::bigint AS first_time, sum(retried)::bigint AS retried,
                    sum(failed)::bigint AS failed
                FROM delivery_hour WHERE client_id = $1 AND endpoint_id = e.id AND hour >= $3) h ON true
            CROSS JOIN LATERAL (SELECT count(*) AS waiting, min(created_at) AS oldest FROM (
                SELECT created_at FROM delivery d WHERE d.client_id = $1 AND d.endpoint_id = e.id AND d.state = 'pending'
                LIMIT 1000) d) w
         WHERE e.client_id = $1 AND e.mode = $2 ORDER BY e.created_at"#,
        client_id,
        mode,
        from,
    )
    .fetch_all(&db.reads)
    .await?)
}
