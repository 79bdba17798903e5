//! Money in doubt, by age: attempts whose outcome is unknown, and open exceptions. Read by the small indexes that hold
//! these alone, however many payments there are.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result};

/// So many payments, over so much, that have been in doubt for about as long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// How many of the ages it has passed.
    pub age: i32,
    pub currency: String,
    pub count: i64,
    pub amount: i64,
    pub oldest: DateTime<Utc>,
}

/// Payments of a client whose outcome is unknown. `ages` are instants, the latest first: who has been in doubt since
/// before the first has passed one.
pub async fn unknown(db: &Db, client_id: Uuid, mode: &str, ages: &[DateTime<Utc>]) -> Result<Vec<Doubt>> {
    Ok(sqlx::query_as!(
        Doubt,
        r#"SELECT (SELECT count(*) FROM UNNEST($3::timestamptz[]) a WHERE unknown_since < a)::int AS "age!", currency,
            count(*) AS "count!", sum(amount)::bigint AS "amount!", min(unknown_since) AS "oldest!"
         FROM payment WHERE client_id = $1 AND mode = $2 AND unknown_since IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"#,
        client_id,
        mode,
        ages,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Open exceptions of a client in the same way. The amount is what the contradiction is about.
pub async fn exceptions(db: &Db, client_id: Uuid, mode: &str, ages: &[DateTime<Utc>]) -> Result<Vec<Doubt>> {
    Ok(sqlx::query_as!(
        Doubt,
        r#"SELECT (SELECT count(*) FROM UNNEST($3::timestamptz[]) a WHERE x.opened_at < a)::int AS "age!", p.currency,
            count(*) AS "count!", sum(x.amount)::bigint AS "amount!", min(x.opened_at) AS "oldest!"
         FROM exception x JOIN payment p ON p.client_id = x.client_id AND p.id = x.payment_id
         WHERE x.client_id = $1 AND p.mode = $2 AND x.status = 'OPEN' GROUP BY 1, 2 ORDER BY 1, 2"#,
        client_id,
        mode,
        ages,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// An open exception, as it is named.
#[derive(Clone, Debug)]
pub struct Named {
    pub payment_id: Uuid,
    pub external_id: String,
    pub kind: String,
    pub amount: i64,
    pub currency: String,
    pub opened_at: DateTime<Utc>,
}

/// The newest open exceptions of a client.
pub async fn named(db: &Db, client_id: Uuid, mode: &str, limit: i64) -> Result<Vec<Named>> {
    Ok(sqlx::query_as!(
        Named,
        "SELECT x.payment_id, p.external_id, x.kind, x.amount, p.currency, x.opened_at
         FROM exception x JOIN payment p ON p.client_id = x.client_id AND p.id = x.payment_id
         WHERE x.client_id = $1 AND p.mode = $2 AND x.status = 'OPEN' ORDER BY x.opened_at DESC LIMIT $3",
        client_id,
        mode,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// How far a client has come in a mode.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub has_key: bool,
    pub has_payment: bool,
}

/// Whether there is a key in use, and whether a payment was ever counted.
pub async fn begun(db: &Db, client_id: Uuid, mode: &str) -> Result<Begun> {
    Ok(sqlx::query_as!(
        Begun,
        r#"SELECT EXISTS (SELECT FROM api_key WHERE client_id = $1 AND mode = $2 AND revoked_at IS NULL) AS "has_key!",
            EXISTS (SELECT FROM payment_hour WHERE client_id = $1 AND mode = $2) AS "has_payment!""#,
        client_id,
        mode,
    )
    .fetch_one(&db.reads)
    .await?)
}
