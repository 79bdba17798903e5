//! The books as they are read: balances, lines, and the queries that prove them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};
use crate::domain::ledger::Line;

/// The balance of one account at one connection, in the currency's unit: debits less credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    pub connection_id: Uuid,
    pub account: String,
    pub currency: String,
    pub balance: i64,
}

/// The balances of a client: its last snapshot and every line since.
pub async fn balances(db: &Db, client_id: Uuid, mode: &str) -> Result<Vec<BalanceRow>> {
    Ok(sqlx::query_as!(
        BalanceRow,
        r#"WITH last AS (
            SELECT COALESCE(max(until), '-infinity') AS until FROM ledger_snapshot WHERE client_id = $1 AND mode = $2
        ), moved AS (
            SELECT l.connection_id, s.account, l.currency, s.units
            FROM ledger_line l CROSS JOIN LATERAL (VALUES (l.debit, l.amount), (l.credit, -l.amount)) s(account, units)
            WHERE l.client_id = $1 AND l.mode = $2 AND l.created_at >= (SELECT until FROM last)
            UNION ALL
            SELECT p.connection_id, p.account, p.currency, p.balance FROM ledger_snapshot p
            WHERE p.client_id = $1 AND p.mode = $2 AND p.until = (SELECT until FROM last)
        )
        SELECT connection_id AS "connection_id!", account AS "account!", currency AS "currency!",
            sum(units)::bigint AS "balance!"
        FROM moved GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"#,
        client_id,
        mode,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Writes the balances at `until` from the snapshot before it. Lines that late could not be written any more:
/// the caller leaves more time than a write can take.
pub async fn snapshot(tx: &mut Tx, until: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "WITH last AS (
            SELECT client_id, mode, max(until) AS until FROM ledger_snapshot WHERE until < $1 GROUP BY 1, 2
        ), moved AS (
            SELECT l.client_id, l.mode, l.connection_id, s.account, l.currency, s.units
            FROM ledger_line l LEFT JOIN last ON last.client_id = l.client_id AND last.mode = l.mode
                CROSS JOIN LATERAL (VALUES (l.debit, l.amount), (l.credit, -l.amount)) s(account, units)
            WHERE l.created_at < $1 AND l.created_at >= COALESCE(last.until, '-infinity')
            UNION ALL
            SELECT p.client_id, p.mode, p.connection_id, p.account, p.currency, p.balance
            FROM ledger_snapshot p JOIN last ON last.client_id = p.client_id AND last.mode = p.mode
                AND last.until = p.until
        )
        INSERT INTO ledger_snapshot (client_id, mode, connection_id, account, currency, until, balance)
        SELECT client_id, mode, connection_id, account, currency, $1, sum(units)::bigint FROM moved
        GROUP BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING",
        until
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// When the books were last summed up.
pub async fn last_snapshot(db: &Db) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!("SELECT max(until) FROM ledger_snapshot").fetch_one(&db.reads).await?)
}

/// A line as it is shown.
#[derive(Clone, Debug)]
pub struct LineRow {
    pub attempt: i16,
    pub kind: String,
    pub line: String,
    pub debit: String,
    pub credit: String,
    pub amount: i64,
    pub currency: String,
    pub created_at: DateTime<Utc>,
}

/// The lines of one payment, in the order they were written.
pub async fn of_payment(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Vec<LineRow>> {
    Ok(sqlx::query_as!(
        LineRow,
        "SELECT attempt, kind, line, debit, credit, amount, currency, created_at FROM ledger_line
         WHERE client_id = $1 AND payment_id = $2 ORDER BY created_at, attempt, kind, line",
        client_id,
        payment_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// What one contradiction put on suspense for an attempt: above zero, more went out than our evidence says.
#[derive(Clone, Debug)]
pub struct Suspended {
    pub attempt: i16,
    pub units: i64,
}

/// What the open exceptions of a payment put on suspense. Line and exception are written by one statement, so they
/// carry the same time.
pub async fn suspended(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Vec<Suspended>> {
    Ok(sqlx::query_as!(
        Suspended,
        r#"SELECT l.attempt, CASE WHEN l.debit = 'suspense' THEN l.amount ELSE -l.amount END AS "units!"
         FROM ledger_line l
         WHERE l.client_id = $1 AND l.payment_id = $2 AND l.kind = 'suspense'
            AND EXISTS (SELECT FROM exception x WHERE x.client_id = $1 AND x.payment_id = $2 AND x.attempt = l.attempt
                AND x.status = 'OPEN' AND x.opened_at = l.created_at)
         ORDER BY l.attempt, l.part"#,
        client_id,
        payment_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Books what people's word makes of an attempt, outside the one door: the caller has moved the payment's version.
pub async fn book(
    tx: &mut Tx,
    client_id: Uuid,
    payment_id: Uuid,
    attempt: i16,
    line: &Line,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO ledger_line (client_id, payment_id, attempt, kind, line, part, connection_id, mode, debit, credit,
            amount, currency, created_at)
         SELECT $1, $2, $3, $4, $5, (SELECT count(*) FROM ledger_line b WHERE b.client_id = $1 AND b.payment_id = $2
                AND b.attempt = $3 AND b.kind = $4 AND b.line = $5),
            a.connection_id, a.mode, $6, $7, $8, p.currency, $9
         FROM attempt a JOIN payment p ON p.client_id = a.client_id AND p.id = a.payment_id
         WHERE a.client_id = $1 AND a.payment_id = $2 AND a.number = $3",
        client_id,
        payment_id,
        attempt,
        line.kind.as_str(),
        line.line.as_str(),
        line.debit.as_str(),
        line.credit.as_str(),
        line.amount,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A payment whose books are not what its attempts say, and what is wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    pub client_id: Uuid,
    pub payment_id: Uuid,
    pub attempt: i16,
    pub wrong: String,
}

/// Replays every attempt's evidence into the lines it must have, and compares. Empty means the books are proved.
pub async fn verify(db: &Db) -> Result<Vec<Fault>> {
    Ok(sqlx::query_file_as!(Fault, "src/store/verify.sql").fetch_all(&db.reads).await?)
}

/// Lines in the books, for the report of a verification.
pub async fn count(db: &Db) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM ledger_line"#).fetch_one(&db.reads).await?)
}
