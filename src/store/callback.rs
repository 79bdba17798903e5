//! Calls from providers: stored before they are answered, worked on after.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// A call to write down.
#[derive(Clone, Debug)]
pub struct NewCallback {
    pub client_id: Uuid,
    pub id: Uuid,
    pub connection_id: Uuid,
    pub source: String,
    /// Sealed.
    pub body: Vec<u8>,
    pub reading: &'static str,
    pub reference: Option<String>,
    /// When a worker should look, if nobody in this process does first. `None`: there is nothing to do.
    pub next_try_at: Option<DateTime<Utc>>,
}

/// Writes a batch of calls.
pub async fn insert(tx: &mut Tx, batch: &[NewCallback], now: DateTime<Utc>) -> Result<()> {
    let ids = |of: fn(&NewCallback) -> Uuid| -> Vec<Uuid> { batch.iter().map(of).collect() };
    let sources: Vec<String> = batch.iter().map(|c| c.source.clone()).collect();
    let bodies: Vec<Vec<u8>> = batch.iter().map(|c| c.body.clone()).collect();
    let readings: Vec<String> = batch.iter().map(|c| c.reading.to_owned()).collect();
    let references: Vec<Option<String>> = batch.iter().map(|c| c.reference.clone()).collect();
    let due: Vec<Option<DateTime<Utc>>> = batch.iter().map(|c| c.next_try_at).collect();
    sqlx::query!(
        "INSERT INTO callback (client_id, id, connection_id, source, body, reading, reference, next_try_at, done_at,
            received_at)
         SELECT c.client_id, c.id, c.connection_id, c.source, c.body, c.reading, c.reference, c.next_try_at,
            CASE WHEN c.next_try_at IS NULL THEN $9::timestamptz END, $9
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::text[], $7::text[],
            $8::timestamptz[]) AS c(client_id, id, connection_id, source, body, reading, reference, next_try_at)",
        &ids(|c| c.client_id),
        &ids(|c| c.id),
        &ids(|c| c.connection_id),
        &sources,
        &bodies,
        &readings,
        &references as _,
        &due as _,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A stored call that still has to be worked on.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub client_id: Uuid,
    pub id: Uuid,
    pub connection_id: Uuid,
    pub received_at: DateTime<Utc>,
    pub reference: Option<String>,
}

/// Claims calls whose work is due: each is put off, so a worker that dies loses none. The first time until `soonest`;
/// the wait then doubles each time, and is never beyond `latest`.
pub async fn claim_due(
    tx: &mut Tx,
    limit: i64,
    soonest: DateTime<Utc>,
    latest: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        "UPDATE callback c SET next_try_at = LEAST($1 + ($3::timestamptz - $1) * power(2, LEAST(c.tries, 16)), $4),
            tries = LEAST(c.tries, 1000) + 1
         FROM (SELECT client_id, id FROM callback WHERE done_at IS NULL AND next_try_at <= $1
               ORDER BY next_try_at LIMIT $2) due
         WHERE c.client_id = due.client_id AND c.id = due.id AND c.done_at IS NULL AND c.next_try_at <= $1
         RETURNING c.client_id, c.id, c.connection_id, c.received_at, c.reference",
        now,
        limit,
        soonest,
        latest,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Marks calls as worked on.
pub async fn done(tx: &mut Tx, keys: &[(Uuid, Uuid)], now: DateTime<Utc>) -> Result<()> {
    let (clients, ids): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    sqlx::query!(
        "UPDATE callback c SET done_at = $3 FROM UNNEST($1::uuid[], $2::uuid[]) AS d(client_id, id)
         WHERE c.client_id = d.client_id AND c.id = d.id AND c.done_at IS NULL",
        &clients,
        &ids,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A call about a payment, as it is shown.
#[derive(Clone, Debug)]
pub struct CallRow {
    pub attempt: i16,
    pub label: Option<String>,
    pub received_at: DateTime<Utc>,
    /// notice, question or refused.
    pub reading: String,
    /// When the provider had been asked about it.
    pub done_at: Option<DateTime<Utc>>,
}

/// The newest calls about a payment's attempts, oldest of them first.
pub async fn of_payment(db: &Db, client_id: Uuid, payment_id: Uuid, limit: i64) -> Result<Vec<CallRow>> {
    let mut rows = sqlx::query_as!(
        CallRow,
        r#"SELECT a.number AS attempt, o.label AS "label?", c.received_at, c.reading, c.done_at
         FROM attempt a JOIN callback c ON c.client_id = a.client_id AND c.connection_id = a.connection_id
                AND c.reference = a.reference
            LEFT JOIN connection o ON o.client_id = a.client_id AND o.id = a.connection_id
         WHERE a.client_id = $1 AND a.payment_id = $2 ORDER BY c.id DESC LIMIT $3"#,
        client_id,
        payment_id,
        limit,
    )
    .fetch_all(&db.reads)
    .await?;
    rows.reverse();
    Ok(rows)
}
