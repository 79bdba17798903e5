//! Payments coming to be: payment, attempt 1, event, deliveries and idempotency row of a whole batch in one statement.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Tx};

/// A payment to write down, with its first attempt.
#[derive(Clone, Debug)]
pub struct NewPayment {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: &'static str,
    pub service: &'static str,
    pub external_id: String,
    pub amount: i64,
    pub currency: &'static str,
    pub destination: String,
    pub sender_id: Option<String>,
    pub receiver: Vec<u8>,
    pub receiver_hash: Vec<u8>,
    pub metadata: Option<String>,
    pub send_until: DateTime<Utc>,
    pub attempt: NewAttempt,
    pub event_id: Uuid,
    pub event_body: String,
    pub idempotency: Option<NewIdempotency>,
    pub created_at: DateTime<Utc>,
}

/// An attempt to write down as prepared.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    pub connection_id: Uuid,
    pub provider: String,
    pub identity: String,
    pub reference: String,
    pub frozen: Vec<u8>,
    pub fee: i64,
    pub tax: i64,
    /// JSON.
    pub why: String,
    pub next_try_at: DateTime<Utc>,
}

/// The caller's idempotency key and the hash of the body it came with.
#[derive(Clone, Debug)]
pub struct NewIdempotency {
    pub key: String,
    pub route: &'static str,
    pub body_hash: Vec<u8>,
}

/// A payment that was written.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    pub id: Uuid,
    pub possible_duplicate_of: Option<Uuid>,
}

/// Writes what is new of `batch`; an input whose externalId or idempotency key is taken is left out of the answer.
/// Inputs must be sorted by (client, externalId) and be distinct in both keys. An error leaves nothing written.
pub async fn insert(tx: &mut Tx, batch: &[NewPayment], now: DateTime<Utc>) -> Result<Vec<Accepted>> {
    fn column<'a, T>(batch: &'a [NewPayment], of: impl Fn(&'a NewPayment) -> T) -> Vec<T> {
        batch.iter().map(of).collect()
    }
    let rows = sqlx::query_file!(
        "src/store/accept.sql",
        &column(batch, |p| p.client_id),
        &column(batch, |p| p.id),
        &column(batch, |p| p.mode) as _,
        &column(batch, |p| p.service) as _,
        &column(batch, |p| p.external_id.as_str()) as _,
        &column(batch, |p| p.amount),
        &column(batch, |p| p.currency) as _,
        &column(batch, |p| p.destination.as_str()) as _,
        &column(batch, |p| p.sender_id.as_deref()) as _,
        &column(batch, |p| p.receiver.as_slice()) as _,
        &column(batch, |p| p.receiver_hash.as_slice()) as _,
        &column(batch, |p| p.metadata.as_deref()) as _,
        &column(batch, |p| p.send_until),
        &column(batch, |p| p.attempt.connection_id),
        &column(batch, |p| p.attempt.provider.as_str()) as _,
        &column(batch, |p| p.attempt.identity.as_str()) as _,
        &column(batch, |p| p.attempt.reference.as_str()) as _,
        &column(batch, |p| p.attempt.frozen.as_slice()) as _,
        &column(batch, |p| p.attempt.fee),
        &column(batch, |p| p.attempt.tax),
        &column(batch, |p| p.attempt.why.as_str()) as _,
        &column(batch, |p| p.attempt.next_try_at),
        &column(batch, |p| p.event_id),
        &column(batch, |p| p.event_body.as_str()) as _,
        &column(batch, |p| p.idempotency.as_ref().map(|i| i.key.as_str())) as _,
        &column(batch, |p| p.idempotency.as_ref().map(|i| i.route)) as _,
        &column(batch, |p| p.idempotency.as_ref().map(|i| i.body_hash.as_slice())) as _,
        &column(batch, |p| p.created_at),
        now,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| Accepted { id: row.id, possible_duplicate_of: row.possible_duplicate_of }).collect())
}
