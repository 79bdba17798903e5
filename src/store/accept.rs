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
    let text = |of: fn(&NewPayment) -> &str| -> Vec<String> { batch.iter().map(|p| of(p).to_owned()).collect() };
    let ids = |of: fn(&NewPayment) -> Uuid| -> Vec<Uuid> { batch.iter().map(of).collect() };
    let numbers = |of: fn(&NewPayment) -> i64| -> Vec<i64> { batch.iter().map(of).collect() };
    let bytes = |of: fn(&NewPayment) -> &Vec<u8>| -> Vec<Vec<u8>> { batch.iter().map(|p| of(p).clone()).collect() };
    let times = |of: fn(&NewPayment) -> DateTime<Utc>| -> Vec<DateTime<Utc>> { batch.iter().map(of).collect() };
    let sender_ids: Vec<Option<String>> = batch.iter().map(|p| p.sender_id.clone()).collect();
    let metadata: Vec<Option<String>> = batch.iter().map(|p| p.metadata.clone()).collect();
    let keys: Vec<Option<String>> = batch.iter().map(|p| p.idempotency.as_ref().map(|i| i.key.clone())).collect();
    let routes: Vec<Option<String>> =
        batch.iter().map(|p| p.idempotency.as_ref().map(|i| i.route.to_owned())).collect();
    let hashes: Vec<Option<Vec<u8>>> =
        batch.iter().map(|p| p.idempotency.as_ref().map(|i| i.body_hash.clone())).collect();
    let rows = sqlx::query_file!(
        "src/store/accept.sql",
        &ids(|p| p.client_id),
        &ids(|p| p.id),
        &text(|p| p.mode),
        &text(|p| p.service),
        &text(|p| &p.external_id),
        &numbers(|p| p.amount),
        &text(|p| p.currency),
        &text(|p| &p.destination),
        &sender_ids as _,
        &bytes(|p| &p.receiver),
        &bytes(|p| &p.receiver_hash),
        &metadata as _,
        &times(|p| p.send_until),
        &ids(|p| p.attempt.connection_id),
        &text(|p| &p.attempt.provider),
        &text(|p| &p.attempt.identity),
        &text(|p| &p.attempt.reference),
        &bytes(|p| &p.attempt.frozen),
        &numbers(|p| p.attempt.fee),
        &numbers(|p| p.attempt.tax),
        &text(|p| &p.attempt.why),
        &times(|p| p.attempt.next_try_at),
        &ids(|p| p.event_id),
        &text(|p| &p.event_body),
        &keys as _,
        &routes as _,
        &hashes as _,
        &times(|p| p.created_at),
        now,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| Accepted { id: row.id, possible_duplicate_of: row.possible_duplicate_of }).collect())
}
