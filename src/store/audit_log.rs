//! The audit log as it is read.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result};

/// What somebody did.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub person: String,
    pub action: String,
    pub object: String,
    pub detail: serde_json::Value,
}

/// A page of a client's log, newest first, after the entry `before` (exclusive); of one kind of action where `area` is
/// given, which is the word before the dot.
pub async fn page(
    db: &Db,
    client_id: Uuid,
    area: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as!(
        Entry,
        "SELECT id, at, person, action, object, detail FROM audit
         WHERE client_id = $1 AND ($2::uuid IS NULL OR id < $2)
            AND ($3::text IS NULL OR split_part(action, '.', 1) = $3)
         ORDER BY id DESC LIMIT $4",
        client_id,
        before,
        area,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}
