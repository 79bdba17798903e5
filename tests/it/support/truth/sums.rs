//! The sums by hour against the payments themselves: everything counted again, row by row, without the statements that
//! made the sums.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use paystrator::app::App;
use paystrator::domain::latency::ENDS_MS;
use paystrator::flows::rollups;
use sqlx::PgPool;
use uuid::Uuid;

/// Client, mode, hour, connection, service, currency.
type Key = (Uuid, String, DateTime<Utc>, Uuid, String, String);

/// The thirteen sums in the order of the table's columns, then the histogram.
type Sums = [i64; 13 + ENDS_MS.len() + 1];

/// Client, endpoint, hour: delivered at once, delivered later, failed.
type Told = BTreeMap<(Uuid, Uuid, DateTime<Utc>), [i64; 3]>;

#[derive(sqlx::FromRow)]
struct Ended {
    client_id: Uuid,
    id: Uuid,
    mode: String,
    service: String,
    currency: String,
    amount: i64,
    status: String,
    attempt: i16,
    created_at: DateTime<Utc>,
    /// When it was told that it succeeded or failed, and that it was reversed.
    ended_at: Option<DateTime<Utc>>,
    reversed_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Tried {
    payment_id: Uuid,
    number: i16,
    connection_id: Uuid,
    state: String,
    fee: i64,
    tax: i64,
    created_at: DateTime<Utc>,
}

/// Adds until everything that is committed now is in. Other tests' transactions on the same server can hold it back for
/// a moment.
pub async fn caught_up(app: &Arc<App>, sql: &PgPool) {
    let committed: i64 = sqlx::query_scalar("SELECT pg_current_xact_id()::text::bigint").fetch_one(sql).await.unwrap();
    let wait = async {
        loop {
            rollups::add(app).await.unwrap();
            let at: i64 = sqlx::query_scalar("SELECT xact FROM rollup_position").fetch_one(sql).await.unwrap();
            if at >= committed {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the sums catch up");
}

/// Every difference between the sums and what the rows say.
pub async fn agree(sql: &PgPool) -> Vec<String> {
    let mut wrong = Vec::new();
    let (must, is) = (counted(sql).await, stored(sql).await);
    for key in must.keys().chain(is.keys().filter(|key| !must.contains_key(key))) {
        let (a, b) = (must.get(key), is.get(key));
        if a != b {
            wrong.push(format!("the sums of {key:?}: counted {a:?}, stored {b:?}"));
        }
    }
    let (must, is) = (told(sql).await, told_stored(sql).await);
    if must != is {
        wrong.push(format!("the sums of deliveries: counted {must:?}, stored {is:?}"));
    }
    wrong
}

/// All sums as they are stored.
pub async fn stored(sql: &PgPool) -> BTreeMap<Key, Sums> {
    type Row = (Uuid, String, DateTime<Utc>, Uuid, String, String, Vec<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT client_id, mode, hour, connection_id, service, currency, ARRAY[begun, begun_amount, paid, paid_amount,
            failed, failed_amount, reversed, reversed_amount, not_sent, refused, broken, fees, taxes] || latency
         FROM payment_hour",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    rows.into_iter().map(|(a, b, c, d, e, f, sums)| ((a, b, c, d, e, f), sums.try_into().unwrap())).collect()
}

async fn counted(sql: &PgPool) -> BTreeMap<Key, Sums> {
    let payments: Vec<Ended> = sqlx::query_as(
        "SELECT p.*, (SELECT created_at FROM event e WHERE e.client_id = p.client_id AND e.payment_id = p.id
                AND e.type IN ('payment.succeeded', 'payment.failed')) AS ended_at,
            (SELECT created_at FROM event e WHERE e.client_id = p.client_id AND e.payment_id = p.id
                AND e.type = 'payment.reversed') AS reversed_at
         FROM payment p",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let attempts: Vec<Tried> = sqlx::query_as("SELECT * FROM attempt ORDER BY number").fetch_all(sql).await.unwrap();
    let mut of: BTreeMap<Uuid, Vec<Tried>> = BTreeMap::new();
    for tried in attempts {
        of.entry(tried.payment_id).or_default().push(tried);
    }
    let mut sums: BTreeMap<Key, Sums> = BTreeMap::new();
    for payment in &payments {
        let tried = &of[&payment.id];
        let current = &tried[usize::try_from(payment.attempt).unwrap() - 1];
        let mut add = |at: DateTime<Utc>, connection: Uuid, what: &[(usize, i64)]| {
            let sums = sums.entry(key(payment, at, connection)).or_insert([0; 13 + ENDS_MS.len() + 1]);
            what.iter().for_each(|(index, units)| sums[*index] += units);
        };
        add(payment.created_at, tried[0].connection_id, &[(0, 1), (1, payment.amount)]);
        if let Some(at) = payment.ended_at {
            let first = if payment.status == "FAILED" { 4 } else { 2 };
            add(at, current.connection_id, &[(first, 1), (first + 1, payment.amount)]);
            for one in tried {
                let freed = ["not_sent", "refused", "failed"].iter().position(|state| *state == one.state);
                freed.iter().for_each(|which| add(at, one.connection_id, &[(8 + which, 1)]));
                if ["paid", "reversed"].contains(&one.state.as_str()) {
                    assert_eq!(one.number, payment.attempt, "only the last attempt pays");
                    let step = 13 + step((at - one.created_at).num_milliseconds());
                    add(at, one.connection_id, &[(11, one.fee), (12, one.tax), (step, 1)]);
                }
            }
        }
        if let Some(at) = payment.reversed_at {
            add(at, current.connection_id, &[(6, 1), (7, payment.amount)]);
        }
    }
    sums
}

fn key(payment: &Ended, at: DateTime<Utc>, connection: Uuid) -> Key {
    let Ended { client_id, mode, service, currency, .. } = payment;
    (*client_id, mode.clone(), hour(at), connection, service.clone(), currency.clone())
}

fn hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap()
}

fn step(millis: i64) -> usize {
    ENDS_MS.iter().filter(|end| **end <= millis).count()
}

async fn told(sql: &PgPool) -> Told {
    type Row = (Uuid, Uuid, DateTime<Utc>, String, i16);
    let rows: Vec<Row> = sqlx::query_as("SELECT client_id, endpoint_id, updated_at, state, tries FROM delivery")
        .fetch_all(sql)
        .await
        .unwrap();
    let mut told = Told::new();
    for (client, endpoint, at, state, tries) in rows {
        let which = match (state.as_str(), tries) {
            ("delivered", 1) => 0,
            ("delivered", _) => 1,
            ("failed", _) => 2,
            _ => continue,
        };
        told.entry((client, endpoint, hour(at))).or_default()[which] += 1;
    }
    told
}

async fn told_stored(sql: &PgPool) -> Told {
    type Row = (Uuid, Uuid, DateTime<Utc>, Vec<i64>);
    let rows: Vec<Row> =
        sqlx::query_as("SELECT client_id, endpoint_id, hour, ARRAY[first_time, retried, failed] FROM delivery_hour")
            .fetch_all(sql)
            .await
            .unwrap();
    rows.into_iter().map(|(a, b, c, sums)| ((a, b, c), sums.try_into().unwrap())).collect()
}
