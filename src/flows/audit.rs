//! The audit log: entries chained by their hashes as they are written, listed, and proved.
//!
//! An entry is written in the transaction of the change it tells of, so there is never one without the other.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{By, Caller};
use crate::app::App;
use crate::crypto::sha256;
use crate::domain::audit::Entry;
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::store::audit::{self, NewEntry, Row};
use crate::store::{self, Tx, client};

/// Who does what the product does by itself, by time.
pub const ENGINE: &str = "engine";

/// Who does what is done from the command line: whoever runs the installation, who has no name here.
pub const COMMAND_LINE: &str = "command line";

/// What was done. `detail` holds no secret, no name of a receiver, and whole numbers alone: the database spells others
/// in its own way.
pub(super) struct Deed<'a> {
    pub client_id: Uuid,
    /// `None` for what concerns both.
    pub mode: Option<Mode>,
    pub person: &'a str,
    pub action: &'a str,
    pub object: &'a str,
    pub detail: Value,
}

/// Writes an entry. It holds the client's chain until the transaction ends, so it is best written last.
pub(super) async fn record(tx: &mut Tx, deed: &Deed<'_>, now: DateTime<Utc>) -> store::Result<()> {
    let Deed { client_id, person, action, object, ref detail, .. } = *deed;
    let (mode, id) = (deed.mode.map(Mode::as_str), ids::new_id(now));
    let (seq, previous) = audit::next(tx, client_id).await?;
    let entry = Entry { client_id, seq, id, at: now, mode, person, action, object, detail };
    let hash = sha256(&[&entry.content(&previous)]);
    let row = NewEntry { client_id, seq, id, mode, person, action, object, detail, hash: &hash };
    audit::insert(tx, &row, now).await
}

/// Writes down in every client's log what was done for the whole installation. Their chains are held in one order.
pub(super) async fn for_everybody(
    app: &App,
    tx: &mut Tx,
    mode: Option<Mode>,
    (action, object): (&str, &str),
    detail: &Value,
    now: DateTime<Utc>,
) -> store::Result<()> {
    for client in client::list(&app.db).await? {
        let (client_id, person, detail) = (client.client_id, COMMAND_LINE, detail.clone());
        record(tx, &Deed { client_id, mode, person, action, object, detail }, now).await?;
    }
    Ok(())
}

/// Writes down what a person did, by a key or signed in.
pub(super) async fn audited(
    tx: &mut Tx,
    caller: &Caller,
    action: &str,
    object: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> store::Result<()> {
    by_caller(tx, caller, Some(caller.mode), action, object, detail, now).await
}

/// The same for what concerns both modes.
pub(super) async fn audited_for_both(
    tx: &mut Tx,
    caller: &Caller,
    action: &str,
    object: &str,
    detail: Value,
    now: DateTime<Utc>,
) -> store::Result<()> {
    by_caller(tx, caller, None, action, object, detail, now).await
}

async fn by_caller(
    tx: &mut Tx,
    caller: &Caller,
    mode: Option<Mode>,
    action: &str,
    object: &str,
    mut detail: Value,
    now: DateTime<Utc>,
) -> store::Result<()> {
    if let By::Key(key) = caller.by {
        detail["key"] = json!(ids::show(ids::KEY, key));
    }
    let (client_id, person) = (caller.client_id, caller.person.as_str());
    record(tx, &Deed { client_id, mode, person, action, object, detail }, now).await
}

/// A page of the entries the caller's mode concerns, newest first.
pub async fn list(app: &App, caller: &Caller, before: Option<i64>, limit: i64) -> store::Result<Vec<Row>> {
    audit::list(&app.db, caller.client_id, caller.mode.as_str(), before, limit).await
}

/// Where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    pub client_id: Uuid,
    /// The first place that is not as it was written.
    pub seq: i64,
    pub what: &'static str,
}

/// The result of a verification.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub clients: usize,
    pub entries: u64,
    /// The first of each chain that has one.
    pub breaks: Vec<Break>,
}

/// How many entries are read at once.
const PAGE: i64 = 1_000;

/// Hashes every entry of every client again, in order, and compares.
pub async fn verify(app: &App) -> store::Result<Report> {
    let mut report = Report::default();
    for head in audit::heads(&app.db).await? {
        let broken = chain(app, &head, &mut report.entries).await?;
        report.clients += 1;
        report.breaks.extend(broken.map(|(seq, what)| Break { client_id: head.client_id, seq, what }));
    }
    Ok(report)
}

/// The first break of one chain. Entries written since its head was read are left to the next verification.
async fn chain(app: &App, head: &audit::Head, entries: &mut u64) -> store::Result<Option<(i64, &'static str)>> {
    if head.seq == 0 {
        return Ok(Some((1, "the mark of where its chain ends is missing")));
    }
    let (mut last, mut previous) = (0, Vec::new());
    loop {
        let rows = audit::chain(&app.db, head.client_id, last, PAGE).await?;
        let Some(end) = rows.last().map(|row| row.seq) else { break };
        for row in rows {
            if row.seq > head.seq {
                break;
            }
            if row.seq != last + 1 {
                return Ok(Some((last + 1, "it is missing")));
            }
            let entry = Entry {
                client_id: row.client_id,
                seq: row.seq,
                id: row.id,
                at: row.at,
                mode: row.mode.as_deref(),
                person: &row.person,
                action: &row.action,
                object: &row.object,
                detail: &row.detail,
            };
            if sha256(&[&entry.content(&previous)]).as_slice() != row.hash {
                return Ok(Some((row.seq, "it is not as it was written, or follows another entry")));
            }
            (last, previous) = (row.seq, row.hash);
            *entries += 1;
        }
        if end >= head.seq {
            break;
        }
    }
    Ok(match () {
        () if last < head.seq => Some((last + 1, "it and all after it are missing")),
        () if previous != head.hash => Some((last, "it is not the last one that was written")),
        () => None,
    })
}
