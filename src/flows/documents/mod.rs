//! Documents of a KYB file: uploaded and sealed, listed, read by links that end, and erased.
//!
//! The content stands in the object store, sealed under a key of the document's own; who destroys the key has erased it.
//! Nothing of a document is logged or named in the audit log but its id.

mod grants;
mod read;
mod sweep;
mod upload;

pub use grants::*;
pub use read::*;
pub(super) use sweep::remove;
pub use sweep::sweep;
pub use upload::*;

use std::collections::HashMap;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::access::Caller;
use super::audit::audited_for_both;
use super::data_keys;
use crate::app::App;
use crate::crypto::envelope::{DataKey, Place};
use crate::crypto::secret::Personal;
use crate::domain::document::{MediaType, State};
use crate::domain::ids;
use crate::domain::webhook::time;
use crate::store::document::{self, Row};
use crate::store::grant::{self, Reading};
use crate::store::{self, data_key};

/// Where name and digest are sealed to, under the document's key.
const ABOUT: &str = "document.about";
/// Where the content is sealed to, segment by segment.
const CONTENT: &str = "document.content";

/// A document of a client, opened.
#[derive(Clone, Debug)]
pub struct Document {
    pub id: Uuid,
    /// `None` where it was erased.
    pub about: Option<About>,
    pub media_type: MediaType,
    pub size_bytes: u64,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub erased_at: Option<DateTime<Utc>>,
}

/// What is said of a document: files are often named after people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// As it was uploaded.
    pub name: Personal,
    /// SHA-256 of the content, in hex.
    pub sha256: Personal,
}

/// The keys of these documents that are whole, opened.
async fn keys_of(app: &App, client_id: Uuid, ids: &[Uuid]) -> anyhow::Result<HashMap<Uuid, DataKey>> {
    data_keys::open_whole(app, client_id, &data_key::list(&app.db, client_id, ids).await?)
}

/// What the rows say, opened. What is erased in this moment is answered as erased.
async fn opened(app: &App, client_id: Uuid, rows: Vec<Row>) -> anyhow::Result<Vec<Document>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let keys = keys_of(app, client_id, &ids).await?;
    let open = |row: Row| {
        let about =
            keys.get(&row.id).zip(row.about.as_deref()).map(|(key, sealed)| about(client_id, row.id, key, sealed));
        Ok(Document {
            id: row.id,
            about: about.transpose()?,
            media_type: row.media_type,
            size_bytes: row.size_bytes.and_then(|size| size.try_into().ok()).unwrap_or(0),
            created_at: row.created_at,
            created_by: row.created_by,
            erased_at: row.erased_at,
        })
    };
    rows.into_iter().map(open).collect()
}

/// An error says nothing of the content.
fn about(client: Uuid, id: Uuid, key: &DataKey, sealed: &[u8]) -> anyhow::Result<About> {
    let plain = key.unseal(Place { client, column: ABOUT, row: id }, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| anyhow::anyhow!("what is said of a document cannot be read"))
}

/// A document of a client that was stored; it may be erased by now.
pub async fn get(app: &App, client_id: Uuid, id: Uuid) -> anyhow::Result<Option<Document>> {
    let row = document::get(&app.db, client_id, id).await?;
    let row = row.filter(|row| matches!(row.state, State::Stored | State::Erased));
    Ok(opened(app, client_id, row.into_iter().collect()).await?.pop())
}

/// Those of these documents that were stored; some may be erased by now.
pub async fn some(app: &App, client_id: Uuid, ids: &[Uuid]) -> anyhow::Result<Vec<Document>> {
    let mut rows = document::some(&app.db, client_id, ids).await?;
    rows.retain(|row| matches!(row.state, State::Stored | State::Erased));
    opened(app, client_id, rows).await
}

/// A page of a client's documents, newest first; erased ones too.
pub async fn list(app: &App, client_id: Uuid, before: Option<Uuid>, limit: i64) -> anyhow::Result<Vec<Document>> {
    opened(app, client_id, document::list(&app.db, client_id, before, limit).await?).await
}

/// A page of who read a document, newest first.
pub async fn readings(
    app: &App,
    client_id: Uuid,
    id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> store::Result<Vec<Reading>> {
    grant::readings(&app.db, client_id, id, before, limit).await
}

/// A link for who asks, for a few minutes; `None` where there is nothing to read.
pub async fn link(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Option<(String, DateTime<Utc>)>> {
    let found = document::get(&app.db, caller.client_id, id).await?;
    if found.is_none_or(|row| row.state != State::Stored) {
        return Ok(None);
    }
    let now = app.now();
    let expires_at = now + TimeDelta::seconds(app.config.documents.link_s as i64);
    let mut tx = super::begin(&app.db).await?;
    let reader = Reader::Person(&caller.person);
    let granted = grant(&mut tx, app, caller.client_id, reader, &[id], expires_at).await?;
    let (shown, detail) = (ids::show(ids::DOCUMENT, id), json!({ "until": time(granted.expires_at) }));
    audited_for_both(&mut tx, caller, "document.link_made", &shown, detail, now).await?;
    tx.commit().await?;
    let link = granted.link(id).context("a grant has a link for each of its documents")?.to_owned();
    Ok(Some((link, granted.expires_at)))
}

/// What came of wanting a document erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// It is erased, by this or before.
    Done,
    /// A version of the file names it: versions are not changed, and it ends with its person.
    Named,
    /// There is no such document.
    Nothing,
}

/// Erases a document that no version of the file names: its key is destroyed, and then its object removed.
pub async fn erase(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Erased> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    match document::hold_to_erase(&mut tx, caller.client_id, id).await? {
        Some((State::Erased, _)) => return Ok(Erased::Done),
        Some((State::Stored, true)) => return Ok(Erased::Named),
        Some((State::Stored, false)) => {}
        _ => return Ok(Erased::Nothing),
    }
    document::erase(&mut tx, caller.client_id, id, now).await?;
    let shown = ids::show(ids::DOCUMENT, id);
    audited_for_both(&mut tx, caller, "document.erased", &shown, json!({}), now).await?;
    tx.commit().await?;
    remove(app, caller.client_id, id, true).await;
    Ok(Erased::Done)
}

/// The documents that any version of a client's file names of a person, erased ones too.
pub(super) async fn of_person(app: &App, client_id: Uuid, person_id: Uuid) -> anyhow::Result<Vec<Document>> {
    opened(app, client_id, document::of_person(&app.db, client_id, person_id).await?).await
}
