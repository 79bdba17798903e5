//! Exceptions, and the resolutions by which two people end a doubt.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

#[derive(Clone, Debug)]
pub struct Exception {
    pub id: Uuid,
    pub payment_id: Uuid,
    pub external_id: String,
    pub attempt: i16,
    pub kind: String,
    pub detail: String,
    pub amount: i64,
    pub currency: String,
    pub observations: Vec<Uuid>,
    pub status: String,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

/// A page of a client's exceptions, newest first; `status` narrows to OPEN or CLOSED.
pub async fn list(
    db: &Db,
    client_id: Uuid,
    mode: &str,
    status: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Exception>> {
    Ok(sqlx::query_as!(
        Exception,
        "SELECT x.id, x.payment_id, p.external_id, x.attempt, x.kind, x.detail, x.amount, p.currency, x.observations, x.status,
            x.opened_at, x.closed_at
         FROM exception x JOIN payment p ON p.client_id = x.client_id AND p.id = x.payment_id
         WHERE x.client_id = $1 AND p.mode = $2 AND ($3::text IS NULL OR x.status = $3)
            AND ($4::uuid IS NULL OR x.id < $4)
         ORDER BY x.id DESC LIMIT $5",
        client_id,
        mode,
        status,
        before,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// The open exceptions of one payment.
pub async fn open_of(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Vec<Exception>> {
    Ok(sqlx::query_as!(
        Exception,
        "SELECT x.id, x.payment_id, p.external_id, x.attempt, x.kind, x.detail, x.amount, p.currency, x.observations, x.status,
            x.opened_at, x.closed_at
         FROM exception x JOIN payment p ON p.client_id = x.client_id AND p.id = x.payment_id
         WHERE x.client_id = $1 AND x.payment_id = $2 AND x.status = 'OPEN' ORDER BY x.id",
        client_id,
        payment_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// The kinds of the exceptions that were ever opened for an attempt, in order: each is booked and told once.
pub async fn kinds(db: &Db, client_id: Uuid, payment_id: Uuid, attempt: i16) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT kind FROM exception WHERE client_id = $1 AND payment_id = $2 AND attempt = $3 ORDER BY id",
        client_id,
        payment_id,
        attempt,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Closes the open exceptions of a payment.
pub async fn close(tx: &mut Tx, client_id: Uuid, payment_id: Uuid, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE exception SET status = 'CLOSED', closed_at = $3
         WHERE client_id = $1 AND payment_id = $2 AND status = 'OPEN'",
        client_id,
        payment_id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// An operator's word on a payment, proposed or approved.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub id: Uuid,
    pub payment_id: Uuid,
    pub outcome: String,
    pub reason: String,
    pub document: String,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
    pub approved_by: Option<String>,
    pub approved_at: Option<DateTime<Utc>>,
}

/// The proposal that waits for a second person.
pub async fn proposal(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Option<Resolution>> {
    Ok(sqlx::query_as!(
        Resolution,
        "SELECT id, payment_id, outcome, reason, document, proposed_by, proposed_at, approved_by, approved_at
         FROM resolution WHERE client_id = $1 AND payment_id = $2 AND approved_at IS NULL",
        client_id,
        payment_id,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// A proposal that waits for a second person, with its payment.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub payment_id: Uuid,
    pub external_id: String,
    pub amount: i64,
    pub currency: String,
    pub outcome: String,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
}

/// The proposals of a client that wait for a second person, oldest first.
pub async fn waiting(db: &Db, client_id: Uuid, mode: &str, limit: i64) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        "SELECT r.payment_id, p.external_id, p.amount, p.currency, r.outcome, r.proposed_by, r.proposed_at
         FROM resolution r JOIN payment p ON p.client_id = r.client_id AND p.id = r.payment_id
         WHERE r.client_id = $1 AND p.mode = $2 AND r.approved_at IS NULL ORDER BY r.proposed_at LIMIT $3",
        client_id,
        mode,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

pub async fn propose(tx: &mut Tx, client_id: Uuid, resolution: &Resolution) -> Result<()> {
    sqlx::query!(
        "INSERT INTO resolution (client_id, id, payment_id, outcome, reason, document, proposed_by, proposed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        client_id,
        resolution.id,
        resolution.payment_id,
        resolution.outcome,
        resolution.reason,
        resolution.document,
        resolution.proposed_by,
        resolution.proposed_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Approves a proposal as another person; `false` where it is approved already or the person is the proposer.
pub async fn approve(tx: &mut Tx, client_id: Uuid, id: Uuid, person: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE resolution SET approved_by = $3, approved_at = $4
         WHERE client_id = $1 AND id = $2 AND approved_at IS NULL AND lower(proposed_by) <> lower($3)",
        client_id,
        id,
        person,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Withdraws a proposal nobody approved.
pub async fn withdraw(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM resolution WHERE client_id = $1 AND id = $2 AND approved_at IS NULL", client_id, id)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// The payment a resolution changes, after the change.
pub struct Touched<'a> {
    pub client_id: Uuid,
    pub payment_id: Uuid,
    pub expected_version: i32,
    /// Its end, where people's word ends it: status, reason code and reason.
    pub end: Option<(&'a str, Option<&'a str>, Option<&'a str>)>,
}

/// Moves a payment's version, and ends it where that was asked; `false` where the version is another by now.
/// It locks the payment first, as every change of it does, so that resolutions and advances come one after the other.
pub async fn touch(tx: &mut Tx, touched: &Touched<'_>, now: DateTime<Utc>) -> Result<bool> {
    let (status, code, reason) = touched.end.map_or((None, None, None), |(status, c, r)| (Some(status), c, r));
    let done = sqlx::query!(
        "UPDATE payment SET version = version + 1, status = COALESCE($4, status),
            reason_code = COALESCE($5, reason_code), reason = COALESCE($6, reason),
            final_at = CASE WHEN $4::text IS NULL THEN final_at ELSE $7::timestamptz END, updated_at = $7
         WHERE client_id = $1 AND id = $2 AND version = $3",
        touched.client_id,
        touched.payment_id,
        touched.expected_version,
        status,
        code,
        reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Holds a payment until the transaction ends, if its version still stands: nothing said on an older reading is kept.
pub async fn hold(tx: &mut Tx, client_id: Uuid, payment_id: Uuid, version: i32) -> Result<bool> {
    let held = sqlx::query!(
        "SELECT id FROM payment WHERE client_id = $1 AND id = $2 AND version = $3 FOR UPDATE",
        client_id,
        payment_id,
        version,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(held.is_some())
}

/// Open exceptions of all clients by kind, for the metrics.
pub async fn open_counts(db: &Db) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(r#"SELECT kind, count(*) AS "n!" FROM exception WHERE status = 'OPEN' GROUP BY kind"#)
        .fetch_all(&db.reads)
        .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.n)).collect())
}
