//! The audit log as people read it: with names instead of numbers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Work, invitations, name_of};
use crate::app::App;
use crate::crypto::secret::Personal;
use crate::domain::ids;
use crate::flows::access::Caller;
use crate::store::audit::{self, Row};

/// What somebody did.
pub struct Entry {
    /// Its place in the client's chain.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub who: Personal,
    pub action: String,
    /// What it was done to: a person's name, the address somebody was invited at, or an outward id.
    pub what: Personal,
    /// As kept: before, after, and whatever else was noted. No secret is in it.
    pub detail: serde_json::Value,
}

/// A page of the client's log, newest first, after the entry `before`; of one area where it is given, such as `member`.
pub async fn page(
    app: &App,
    work: &Work,
    area: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> anyhow::Result<Vec<Entry>> {
    named(app, audit::of_client(&app.db, work.client_id, area, before, limit).await?).await
}

/// The newest entries of one object in the mode worked in, such as a connection.
pub async fn of_object(app: &App, caller: &Caller, object: &str, limit: i64) -> anyhow::Result<Vec<Entry>> {
    named(app, audit::of_object(&app.db, caller.client_id, caller.mode.as_str(), object, limit).await?).await
}

async fn named(app: &App, rows: Vec<Row>) -> anyhow::Result<Vec<Entry>> {
    // One look for each person of the page.
    let mut names: HashMap<String, Personal> = HashMap::new();
    for shown in rows.iter().flat_map(|row| [&row.person, &row.object]) {
        if ids::parse(ids::USER, shown).is_some() && !names.contains_key(shown) {
            names.insert(shown.clone(), name_of(app, shown).await?);
        }
    }
    for row in &rows {
        if let Some(id) = ids::parse(ids::INVITATION, &row.object)
            && let Some(address) = invitations::address(app, row.client_id, id).await?
        {
            names.insert(row.object.clone(), address);
        }
    }
    let named = |shown: &str| names.get(shown).cloned().unwrap_or_else(|| Personal::new(shown));
    let entry = |row: Row| Entry {
        seq: row.seq,
        at: row.at,
        who: named(&row.person),
        what: named(&row.object),
        action: row.action,
        detail: row.detail,
    };
    Ok(rows.into_iter().map(entry).collect())
}
