//! Payments as they are read: one whole, a page of many, what a used externalId points to, and what is under way.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Db, Result};
use crate::domain::ids;

/// A payment's row as it stands, words and all.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Payment {
    pub client_id: Uuid,
    pub id: Uuid,
    pub mode: String,
    pub service: String,
    pub external_id: String,
    pub amount: i64,
    pub currency: String,
    pub destination: String,
    pub sender_id: Option<String>,
    pub receiver: Vec<u8>,
    pub metadata: Option<String>,
    pub status: String,
    pub evidence: String,
    pub version: i32,
    pub attempt: i16,
    pub unknown_since: Option<DateTime<Utc>>,
    pub possible_duplicate_of: Option<Uuid>,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub final_at: Option<DateTime<Utc>>,
}

/// One payment of one client and mode.
pub async fn get(db: &Db, client_id: Uuid, mode: &str, id: Uuid) -> Result<Option<Payment>> {
    Ok(sqlx::query_as!(
        Payment,
        "SELECT client_id, id, mode, service, external_id, amount, currency, destination, sender_id, receiver, metadata,
            status, evidence, version, attempt, unknown_since, possible_duplicate_of, reason_code, reason, created_at,
            updated_at, final_at
        FROM payment WHERE client_id = $1 AND id = $2 AND mode = $3",
        client_id,
        id,
        mode,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// The payment that already has this externalId.
pub async fn id_of_external(db: &Db, client_id: Uuid, mode: &str, external_id: &str) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM payment WHERE client_id = $1 AND mode = $2 AND external_id = $3",
        client_id,
        mode,
        external_id,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// What a list may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<String>,
    pub evidence: Option<String>,
    pub service: Option<String>,
    pub destination: Option<String>,
    pub external_id: Option<String>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_before: Option<DateTime<Utc>>,
    /// Only payments in doubt since before this instant.
    pub unknown_before: Option<DateTime<Utc>>,
    pub amount_from: Option<i64>,
}

/// A page of payments, newest first.
#[derive(Clone, Debug)]
pub struct Listed {
    pub rows: Vec<Payment>,
    /// Where the look ended that did not fill the page: there may be more before this payment.
    pub further: Option<Uuid>,
}

/// How many payments one page looks through. What is rare costs more pages, never a longer look.
const LOOK: i64 = 10_000;

/// An id begins with the time its payment was made at; its row's time is the same, to well under this.
const SLACK: TimeDelta = TimeDelta::seconds(10);

const COLUMNS: &str = "client_id, id, mode, service, external_id, amount, currency, destination, sender_id, receiver,
    metadata, status, evidence, version, attempt, unknown_since, possible_duplicate_of, reason_code, reason, created_at,
    updated_at, final_at";

/// A page of payments, newest first, after the payment `before` (exclusive). What is in doubt and what has an
/// externalId is found by an index of its own; for the rest it looks through so many, and says where it stopped.
pub async fn list(
    db: &Db,
    client_id: Uuid,
    mode: &str,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Listed> {
    let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM ("));
    let looks = filter.unknown_before.is_none() && filter.external_id.is_none();
    query.push(format!("SELECT {COLUMNS} FROM payment"));
    within(&mut query, client_id, mode, filter, before);
    match (&filter.external_id, filter.unknown_before) {
        (Some(external_id), _) => query.push(" AND external_id = ").push_bind(external_id.clone()).push(" OFFSET 0"),
        (None, Some(since)) => {
            // Fenced off, so that the index of what is in doubt finds them.
            query.push(" AND unknown_since IS NOT NULL AND unknown_since < ").push_bind(since).push(" OFFSET 0")
        }
        (None, None) => query.push(" ORDER BY id DESC LIMIT ").push_bind(LOOK),
    };
    query.push(") p WHERE true");
    let narrow = narrowed(&mut query, filter);
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    let rows: Vec<Payment> = query.build_query_as().fetch_all(&db.reads).await?;
    let is_short = (rows.len() as i64) < limit;
    let further = match looks && narrow && is_short {
        true => {
            let mut query = QueryBuilder::new("SELECT id FROM payment");
            within(&mut query, client_id, mode, filter, before);
            query.push(" ORDER BY id DESC LIMIT 1 OFFSET ").push_bind(LOOK - 1);
            query.build_query_scalar().fetch_optional(&db.reads).await?
        }
        false => None,
    };
    Ok(Listed { rows, further })
}

/// The part of a client's payments that a page can be about, by their ids.
fn within(query: &mut QueryBuilder<Postgres>, client_id: Uuid, mode: &str, filter: &Filter, before: Option<Uuid>) {
    query.push(" WHERE client_id = ").push_bind(client_id).push(" AND mode = ").push_bind(mode.to_owned());
    let end = filter.created_before.map(|time| ids::floor(time + SLACK));
    if let Some(before) = before.into_iter().chain(end).min() {
        query.push(" AND id < ").push_bind(before);
    }
    if let Some(from) = filter.created_from {
        query.push(" AND id >= ").push_bind(ids::floor(from - SLACK));
    }
}

/// Adds what the rows must be like; `false` where nothing was asked for.
fn narrowed(query: &mut QueryBuilder<Postgres>, filter: &Filter) -> bool {
    let texts = [
        (" AND status = ", &filter.status),
        (" AND evidence = ", &filter.evidence),
        (" AND service = ", &filter.service),
        (" AND destination = ", &filter.destination),
    ];
    let mut narrow = false;
    for (clause, value) in texts {
        if let Some(value) = value {
            query.push(clause).push_bind(value.clone());
            narrow = true;
        }
    }
    for (clause, value) in [(" AND created_at >= ", filter.created_from), (" AND created_at < ", filter.created_before)]
    {
        if let Some(value) = value {
            query.push(clause).push_bind(value);
            narrow = true;
        }
    }
    if let Some(amount) = filter.amount_from {
        query.push(" AND amount >= ").push_bind(amount);
        narrow = true;
    }
    narrow
}

/// An attempt as it is shown.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    pub number: i16,
    pub connection_id: Uuid,
    pub label: Option<String>,
    pub provider: String,
    pub reference: String,
    pub provider_ref: Option<String>,
    pub fee: i64,
    pub tax: i64,
    pub why: String,
    pub state: String,
    pub sends: i16,
    pub polls: i32,
    pub code: Option<String>,
    pub message: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
    pub next_try_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The attempts of a payment, in order.
pub async fn attempts(db: &Db, client_id: Uuid, payment_id: Uuid) -> Result<Vec<AttemptRow>> {
    Ok(sqlx::query_as!(
        AttemptRow,
        r#"SELECT a.number, a.connection_id, c.label AS "label?", a.provider, a.reference, a.provider_ref, a.fee, a.tax,
            a.why, a.state, a.sends, a.polls, a.code, a.message, a.sent_at, a.next_try_at, a.created_at, a.updated_at
        FROM attempt a LEFT JOIN connection c ON c.client_id = a.client_id AND c.id = a.connection_id
        WHERE a.client_id = $1 AND a.payment_id = $2 ORDER BY a.number"#,
        client_id,
        payment_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// An observation as it is shown.
#[derive(Clone, Debug)]
pub struct ObservationRow {
    pub id: Uuid,
    pub attempt: i16,
    pub kind: String,
    pub seen_at: DateTime<Utc>,
    pub verdict: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub raw: Option<String>,
}

/// The newest observations of a payment, oldest of them first.
pub async fn observations(db: &Db, client_id: Uuid, payment_id: Uuid, limit: i64) -> Result<Vec<ObservationRow>> {
    let mut rows = sqlx::query_as!(
        ObservationRow,
        "SELECT id, attempt, kind, seen_at, verdict, code, message, raw FROM observation
         WHERE client_id = $1 AND payment_id = $2 ORDER BY id DESC LIMIT $3",
        client_id,
        payment_id,
        limit,
    )
    .fetch_all(&db.reads)
    .await?;
    rows.reverse();
    Ok(rows)
}

/// Whether any client but this one has payments.
pub async fn has_others(db: &Db, client_id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM client c WHERE c.client_id <> $1
            AND EXISTS (SELECT FROM payment p WHERE p.client_id = c.client_id)) AS "has!""#,
        client_id
    )
    .fetch_one(&db.reads)
    .await?)
}

/// What counts as prepared, sent, accepted or unknown now, for the metrics.
pub struct Count {
    pub provider: String,
    pub connection_id: Uuid,
    pub state: String,
    pub count: i64,
    pub amount: i64,
    pub oldest: DateTime<Utc>,
}

/// How many attempts are under way, their sum, and the oldest, by connection and evidence.
pub async fn counts(db: &Db) -> Result<Vec<Count>> {
    Ok(sqlx::query_as!(
        Count,
        // In two halves, each with the predicate of its own partial index, and one look by key for each amount: what is
        // under way is counted without reading the rest.
        r#"WITH live AS (
            SELECT client_id, payment_id, provider, connection_id, state, COALESCE(sent_at, created_at) AS since
            FROM attempt WHERE state = 'prepared'
            UNION ALL
            SELECT client_id, payment_id, provider, connection_id, state, COALESCE(sent_at, created_at)
            FROM attempt WHERE state IN ('sent', 'accepted', 'unknown')
        )
        SELECT provider AS "provider!", connection_id AS "connection_id!", state AS "state!", count(*) AS "count!",
            sum((SELECT amount FROM payment p WHERE p.client_id = live.client_id AND p.id = live.payment_id))::bigint
                AS "amount!",
            min(since) AS "oldest!"
        FROM live GROUP BY 1, 2, 3"#
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Money in doubt of one currency.
#[derive(Clone, Debug)]
pub struct Doubt {
    pub currency: String,
    pub count: i64,
    pub amount: i64,
    /// Of it, what has been in doubt since before the two instants that were asked for.
    pub older: i64,
    pub oldest: i64,
}

/// What a client has in doubt, by currency; `older` and `oldest` are its sums from before two instants.
pub async fn doubt(
    db: &Db,
    client_id: Uuid,
    mode: &str,
    older: DateTime<Utc>,
    oldest: DateTime<Utc>,
) -> Result<Vec<Doubt>> {
    Ok(sqlx::query_as!(
        Doubt,
        r#"SELECT currency, count(*) AS "count!", sum(amount)::bigint AS "amount!",
            COALESCE(sum(amount) FILTER (WHERE unknown_since < $3), 0)::bigint AS "older!",
            COALESCE(sum(amount) FILTER (WHERE unknown_since < $4), 0)::bigint AS "oldest!"
         FROM payment WHERE client_id = $1 AND mode = $2 AND unknown_since IS NOT NULL GROUP BY 1 ORDER BY 1"#,
        client_id,
        mode,
        older,
        oldest,
    )
    .fetch_all(&db.reads)
    .await?)
}
