//! Attempts at work: the case a decision is made on, what is due, leases, and notes that change no evidence.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::evidence::Evidence;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::Status;
use crate::domain::service::Mode;

/// A payment with one of its attempts: everything a decision needs, from one read.
#[derive(Clone, Debug)]
pub struct Case {
    pub client_id: Uuid,
    pub payment_id: Uuid,
    pub mode: Mode,
    pub external_id: String,
    pub money: Money,
    pub destination: String,
    pub metadata: Option<String>,
    pub status: Status,
    pub version: i32,
    /// Number of the payment's current attempt; the one below may be an older one.
    pub current: i16,
    /// The payment's evidence: that of its current attempt.
    pub evidence: Evidence,
    pub unknown_since: Option<DateTime<Utc>>,
    pub send_until: DateTime<Utc>,
    pub attempt: Attempt,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub number: i16,
    pub connection_id: Uuid,
    pub provider: String,
    pub identity: String,
    pub reference: String,
    /// Sealed order.
    pub frozen: Vec<u8>,
    pub fee: i64,
    pub tax: i64,
    pub state: Evidence,
    pub sends: i16,
    pub accepted: bool,
    pub polls: i32,
    pub not_found: i16,
    pub not_found_at: Option<DateTime<Utc>>,
    pub polled_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
    pub next_try_at: Option<DateTime<Utc>>,
    pub leased_until: Option<DateTime<Utc>>,
}

/// What names an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub client_id: Uuid,
    pub payment_id: Uuid,
    pub number: i16,
}

impl Case {
    pub fn key(&self) -> Key {
        Key { client_id: self.client_id, payment_id: self.payment_id, number: self.attempt.number }
    }
}

/// A connection with work that is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    pub client_id: Uuid,
    pub connection_id: Uuid,
    pub provider: String,
}

/// The case of one attempt; with `number` 0, of the current one.
pub async fn case(db: &Db, client_id: Uuid, payment_id: Uuid, number: i16) -> Result<Option<Case>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT p.client_id, p.id AS payment_id, p.mode, p.external_id, p.amount, p.currency, p.destination, p.metadata,
            p.status, p.version, p.attempt AS current, p.evidence, p.unknown_since, p.send_until,
            a.number, a.connection_id, a.provider, a.identity, a.reference, a.frozen, a.fee, a.tax, a.state, a.sends,
            a.accepted, a.polls, a.not_found, a.not_found_at, a.polled_at, a.sent_at, a.next_try_at, a.leased_until
        FROM payment p JOIN attempt a ON a.client_id = p.client_id AND a.payment_id = p.id
            AND a.number = CASE WHEN $3::smallint = 0 THEN p.attempt ELSE $3 END
        WHERE p.client_id = $1 AND p.id = $2"#,
        client_id,
        payment_id,
        number,
    )
    .fetch_optional(&db.reads)
    .await?;
    row.map(Row::case).transpose()
}

/// The case of the attempt a provider knows by `reference` at this connection.
pub async fn case_by_reference(db: &Db, client_id: Uuid, connection_id: Uuid, reference: &str) -> Result<Option<Case>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT p.client_id, p.id AS payment_id, p.mode, p.external_id, p.amount, p.currency, p.destination, p.metadata,
            p.status, p.version, p.attempt AS current, p.evidence, p.unknown_since, p.send_until,
            a.number, a.connection_id, a.provider, a.identity, a.reference, a.frozen, a.fee, a.tax, a.state, a.sends,
            a.accepted, a.polls, a.not_found, a.not_found_at, a.polled_at, a.sent_at, a.next_try_at, a.leased_until
        FROM attempt a JOIN payment p ON p.client_id = a.client_id AND p.id = a.payment_id
        WHERE a.client_id = $1 AND a.connection_id = $2 AND a.reference = $3"#,
        client_id,
        connection_id,
        reference,
    )
    .fetch_optional(&db.reads)
    .await?;
    row.map(Row::case).transpose()
}

/// Connections that have prepared attempts to send.
pub async fn lanes_to_send(db: &Db, now: DateTime<Utc>) -> Result<Vec<Lane>> {
    Ok(sqlx::query_as!(
        Lane,
        "SELECT client_id, connection_id, provider FROM attempt
         WHERE state = 'prepared' AND next_try_at <= $1 GROUP BY 1, 2, 3",
        now
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Prepared attempts of one connection, oldest first.
pub async fn to_send(db: &Db, lane: &Lane, limit: i64, now: DateTime<Utc>) -> Result<Vec<Key>> {
    Ok(sqlx::query_as!(
        Key,
        "SELECT client_id, payment_id, number FROM attempt
         WHERE client_id = $1 AND connection_id = $2 AND state = 'prepared' AND next_try_at <= $3
         ORDER BY next_try_at LIMIT $4",
        lane.client_id,
        lane.connection_id,
        now,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Connections whose provider is to be asked about attempts.
pub async fn lanes_to_ask(db: &Db, now: DateTime<Utc>) -> Result<Vec<Lane>> {
    Ok(sqlx::query_as!(
        Lane,
        "SELECT client_id, connection_id, provider FROM attempt
         WHERE state IN ('sent', 'accepted', 'unknown') AND next_try_at <= $1 GROUP BY 1, 2, 3",
        now
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Claims attempts of one connection to ask about: a lease that saves work and permits no send. The lease of a `sent`
/// attempt is its sender's and stays as it is: that it ran out is what makes the attempt unknown.
pub async fn lease_to_ask(
    tx: &mut Tx,
    lane: &Lane,
    limit: i64,
    leased_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Key>> {
    let mut keys = sqlx::query_as!(
        Key,
        "UPDATE attempt a SET leased_until = CASE WHEN a.state = 'sent' THEN a.leased_until ELSE $4 END,
            next_try_at = CASE WHEN a.state = 'sent' THEN $4 ELSE a.next_try_at END
         FROM (SELECT client_id, payment_id, number FROM attempt
               WHERE client_id = $1 AND connection_id = $2 AND state IN ('sent', 'accepted', 'unknown')
                 AND next_try_at <= $3 AND (leased_until IS NULL OR leased_until < $3)
               ORDER BY next_try_at LIMIT $5) due
         WHERE a.client_id = due.client_id AND a.payment_id = due.payment_id AND a.number = due.number
           AND (a.leased_until IS NULL OR a.leased_until < $3) AND a.state IN ('sent', 'accepted', 'unknown')
         RETURNING a.client_id, a.payment_id, a.number",
        lane.client_id,
        lane.connection_id,
        now,
        leased_until,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    keys.sort_unstable();
    Ok(keys)
}

/// What a status read taught that changes no evidence: kept as an observation, and the next question set.
#[derive(Clone, Debug)]
pub struct Note {
    pub key: Key,
    pub polls: i32,
    pub not_found: i16,
    pub not_found_at: Option<DateTime<Utc>>,
    pub next_try_at: Option<DateTime<Utc>>,
    /// When the status read began, if it was one.
    pub polled_at: Option<DateTime<Utc>>,
    /// Whether the provider's answer could be read at all.
    pub heard: bool,
    /// The provider said that it took the order; once said it stays said.
    pub accepted: bool,
    pub observation: super::advance::NewObservation,
}

/// Writes a note. The attempt's schedule moves only while its end is awaited; the observation is always kept.
/// A note never makes what is known less: the time of the last question only rises. Once the end is known it is the
/// time of the last question that was answered: what is called about after it must be asked until it is.
pub async fn note(tx: &mut Tx, note: &Note, now: DateTime<Utc>) -> Result<()> {
    let seen = &note.observation;
    sqlx::query!(
        "WITH noted AS (
            UPDATE attempt SET polls = $4, not_found = $5, not_found_at = $6,
                polled_at = CASE WHEN $17 OR state IN ('sent', 'accepted', 'unknown')
                    THEN GREATEST(COALESCE($15, polled_at), polled_at) ELSE polled_at END,
                next_try_at = CASE WHEN state IN ('accepted', 'unknown') THEN $7 ELSE next_try_at END,
                leased_until = CASE WHEN state IN ('accepted', 'unknown') THEN NULL ELSE leased_until END,
                code = COALESCE($12, code), message = COALESCE($13, message), accepted = accepted OR $16,
                updated_at = $8
            WHERE client_id = $1 AND payment_id = $2 AND number = $3
        )
        INSERT INTO observation (client_id, payment_id, id, attempt, kind, seen_at, verdict, code, message, raw)
        VALUES ($1, $2, $9, $3, $10, $8, $11, $12, $13, $14)",
        note.key.client_id,
        note.key.payment_id,
        note.key.number,
        note.polls,
        note.not_found,
        note.not_found_at,
        note.next_try_at,
        now,
        seen.id,
        seen.kind,
        seen.verdict,
        seen.code,
        seen.message,
        seen.raw,
        note.polled_at,
        note.accepted,
        note.heard,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Sets when an attempt whose end is awaited is looked at again; nothing was learnt of it. A lease to send stays.
pub async fn put_off(tx: &mut Tx, key: Key, next_try_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE attempt SET next_try_at = $4, leased_until = NULL, updated_at = $5
         WHERE client_id = $1 AND payment_id = $2 AND number = $3 AND state IN ('accepted', 'unknown')",
        key.client_id,
        key.payment_id,
        key.number,
        next_try_at,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes the right to ask the provider now because somebody reads the payment: once per `not_since`.
pub async fn claim_refresh(tx: &mut Tx, key: Key, not_since: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE attempt SET polled_at = $5
         WHERE client_id = $1 AND payment_id = $2 AND number = $3 AND state IN ('accepted', 'unknown')
           AND (polled_at IS NULL OR polled_at <= $4)",
        key.client_id,
        key.payment_id,
        key.number,
        not_since,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// After a restore from a backup: what was prepared may have been sent since, so it counts as unknown.
pub async fn doubt_prepared(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "WITH doubted AS (
            UPDATE attempt SET state = 'unknown', sends = GREATEST(sends, 1), sent_at = COALESCE(sent_at, $1),
                next_try_at = $1, updated_at = $1
            WHERE state = 'prepared' RETURNING client_id, payment_id, number, connection_id, mode
        ), booked AS (
            INSERT INTO ledger_line (client_id, payment_id, attempt, kind, line, connection_id, mode, debit, credit,
                amount, currency, created_at)
            SELECT d.client_id, d.payment_id, d.number, 'sent', 'Transfer', d.connection_id, d.mode, 'in_transit',
                'provider', p.amount, p.currency, $1
            FROM doubted d JOIN payment p ON p.client_id = d.client_id AND p.id = d.payment_id
            ON CONFLICT DO NOTHING
        )
        UPDATE payment p SET version = version + 1, evidence = 'unknown', unknown_since = $1, updated_at = $1
        FROM doubted d WHERE p.client_id = d.client_id AND p.id = d.payment_id",
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

struct Row {
    client_id: Uuid,
    payment_id: Uuid,
    mode: String,
    external_id: String,
    amount: i64,
    currency: String,
    destination: String,
    metadata: Option<String>,
    status: String,
    version: i32,
    current: i16,
    evidence: String,
    unknown_since: Option<DateTime<Utc>>,
    send_until: DateTime<Utc>,
    number: i16,
    connection_id: Uuid,
    provider: String,
    identity: String,
    reference: String,
    frozen: Vec<u8>,
    fee: i64,
    tax: i64,
    state: String,
    sends: i16,
    accepted: bool,
    polls: i32,
    not_found: i16,
    not_found_at: Option<DateTime<Utc>>,
    polled_at: Option<DateTime<Utc>>,
    sent_at: Option<DateTime<Utc>>,
    next_try_at: Option<DateTime<Utc>>,
    leased_until: Option<DateTime<Utc>>,
}

impl Row {
    fn case(self) -> Result<Case> {
        let id = self.payment_id;
        let currency = known("payment.currency", id, self.currency, Currency::parse)?;
        Ok(Case {
            client_id: self.client_id,
            payment_id: id,
            mode: known("payment.mode", id, self.mode, Mode::parse)?,
            external_id: self.external_id,
            money: Money::new(self.amount, currency),
            destination: self.destination,
            metadata: self.metadata,
            status: known("payment.status", id, self.status, Status::parse)?,
            version: self.version,
            current: self.current,
            evidence: known("payment.evidence", id, self.evidence, Evidence::parse)?,
            unknown_since: self.unknown_since,
            send_until: self.send_until,
            attempt: Attempt {
                number: self.number,
                connection_id: self.connection_id,
                provider: self.provider,
                identity: self.identity,
                reference: self.reference,
                frozen: self.frozen,
                fee: self.fee,
                tax: self.tax,
                state: known("attempt.state", id, self.state, Evidence::parse)?,
                sends: self.sends,
                accepted: self.accepted,
                polls: self.polls,
                not_found: self.not_found,
                not_found_at: self.not_found_at,
                polled_at: self.polled_at,
                sent_at: self.sent_at,
                next_try_at: self.next_try_at,
                leased_until: self.leased_until,
            },
        })
    }
}
