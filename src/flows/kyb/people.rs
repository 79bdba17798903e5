//! What privacy asks of a KYB file: who stands in it, everything that is kept of one person, and its end.
//!
//! Erasing destroys the person's key and those of the documents that any version names of them: no version can tell of
//! them any more. Nothing else is changed; books hold no person of a KYB file.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::person_sheet;
use crate::app::App;
use crate::crash;
use crate::crypto::secret::Personal;
use crate::domain::ids;
use crate::domain::webhook::time;
use crate::flows;
use crate::flows::audit::{Deed, record};
use crate::flows::documents::Document;
use crate::flows::{data_keys, onboarding};
use crate::store::grant::Reading;
use crate::store::{data_key, document, kyb};

/// Somebody who stands in a client's file, in whatever version.
#[derive(Debug)]
pub struct Listed {
    pub id: Uuid,
    /// What they are in it: submitter, stakeholder, or both.
    pub roles: Vec<String>,
    /// As the last version names them; `None` where it does not, or where they were erased.
    pub name: Option<Personal>,
    pub first_version: i32,
    pub last_version: i32,
    pub erased_at: Option<DateTime<Utc>>,
}

/// Everybody who ever stood in a client's file.
pub async fn people(app: &App, client_id: Uuid) -> anyhow::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for known in kyb::known_people(&app.db, client_id).await? {
        let last = kept(app, client_id, known.person_id).await?.into_iter().next_back();
        let sheet = last.and_then(|(_, sheet)| sheet);
        let named = ["director_name", "name"].into_iter().find_map(|field| sheet.as_ref()?.get(field));
        listed.push(Listed {
            id: known.person_id,
            roles: known.roles,
            name: named.and_then(Value::as_str).map(Personal::new),
            first_version: known.first_version,
            last_version: known.last_version,
            erased_at: known.destroyed_at,
        });
    }
    Ok(listed)
}

type Content = serde_json::Map<String, Value>;

/// What every version keeps of a person, oldest first; `None` where it was erased.
async fn kept(app: &App, client_id: Uuid, person: Uuid) -> anyhow::Result<Vec<(kyb::Kept, Option<Content>)>> {
    let opened = data_keys::open_whole(app, client_id, &data_key::list(&app.db, client_id, &[person]).await?)?;
    let rows = kyb::of_person(&app.db, client_id, person).await?;
    let with_sheet = |row: kyb::Kept| {
        let sheet = person_sheet(&opened, client_id, person, row.id, row.data.as_deref())?;
        Ok((row, sheet.map(|sheet| sheet.reveal().clone())))
    };
    rows.into_iter().map(with_sheet).collect()
}

/// Everything that is kept of a person, as JSON for them; `None` for nobody of this client. The audit log says that it
/// was asked for.
pub async fn export(app: &App, client_id: Uuid, person: Uuid, by: &str) -> anyhow::Result<Option<Value>> {
    let Some(key) = person_key(app, client_id, person).await? else { return Ok(None) };
    let version = |(row, sheet): (kyb::Kept, Option<Content>)| {
        json!({
            "version": row.version, "saved_at": time(row.saved_at), "saved_by": row.saved_by,
            "as": row.role, "data": sheet,
        })
    };
    let versions: Vec<Value> = kept(app, client_id, person).await?.into_iter().map(version).collect();
    let mut documents = Vec::new();
    for document in flows::documents::of_person(app, client_id, person).await? {
        documents.push(with_readings(app, client_id, document).await?);
    }
    let now = app.now();
    let mut tx = flows::begin(&app.db).await?;
    let shown = ids::show(ids::PERSON, person);
    let deed = deed(client_id, by, "privacy.exported", &shown, json!({ "versions": versions.len() }));
    record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(Some(json!({
        "person_id": shown,
        "client_id": ids::show(ids::CLIENT, client_id),
        "exported_at": time(now),
        "known_since": time(key.created_at),
        "erased_at": key.destroyed_at.map(time),
        "kyb": versions,
        "documents": documents,
    })))
}

/// What is kept of a person's document, with who read it; its content is read by a link.
async fn with_readings(app: &App, client_id: Uuid, document: Document) -> anyhow::Result<Value> {
    let Document { id, about, media_type, size_bytes, created_at, created_by, erased_at } = document;
    let mut read = Vec::new();
    loop {
        let after = read.last().map(|reading: &Reading| reading.id);
        let page = flows::documents::readings(app, client_id, id, after, 1_000).await?;
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    let reading = |reading: &Reading| {
        let Reading { reader, address, method, read_at, .. } = reading;
        json!({ "reader": reader, "address": address, "method": method, "read_at": time(*read_at) })
    };
    Ok(json!({
        "id": ids::show(ids::DOCUMENT, id),
        "name": about.as_ref().map(|about| about.name.reveal()),
        "sha256": about.as_ref().map(|about| about.sha256.reveal()),
        "media_type": media_type.as_str(),
        "size_bytes": size_bytes,
        "created_at": time(created_at),
        "created_by": created_by,
        "erased_at": erased_at.map(time),
        "read": read.iter().map(reading).collect::<Vec<_>>(),
    }))
}

/// What an erasure found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    Done,
    /// It was done before.
    DoneBefore,
    /// Nobody of this client.
    Nobody,
}

/// Destroys a person's key and their documents, and says so in the audit log.
pub async fn erase(app: &App, client_id: Uuid, person: Uuid, by: &str) -> anyhow::Result<Erasure> {
    if person_key(app, client_id, person).await?.is_none() {
        return Ok(Erasure::Nobody);
    }
    let now = app.now();
    let mut tx = flows::begin(&app.db).await?;
    // Held, so that no version with another document of theirs is saved from here on.
    let is_whole = data_key::hold_to_destroy(&mut tx, client_id, person).await?;
    // Of what a provider said since, a repeat takes away too.
    onboarding::forget_person(&mut tx, app, client_id, person, now).await?;
    if !is_whole {
        tx.commit().await?;
        return Ok(Erasure::DoneBefore);
    }
    data_key::destroy_person(&mut tx, client_id, person, now).await?;
    let documents = document::erase_of_person(&mut tx, client_id, person, now).await?;
    let shown = ids::show(ids::PERSON, person);
    let detail = json!({ "documents": documents.len() });
    record(&mut tx, &deed(client_id, by, "privacy.erased", &shown, detail), now).await?;
    tx.commit().await?;
    crash::point("erase.committed");
    for id in documents {
        flows::documents::remove(app, client_id, id, true).await;
    }
    Ok(Erasure::Done)
}

/// The key of a person of this client's file; a key that no version names is nobody's.
async fn person_key(app: &App, client_id: Uuid, person: Uuid) -> anyhow::Result<Option<data_key::Row>> {
    let known = kyb::of_person(&app.db, client_id, person).await?;
    let keys = data_key::list(&app.db, client_id, &[person]).await?;
    Ok(keys.into_iter().next().filter(|_| !known.is_empty()))
}

fn deed<'a>(client_id: Uuid, person: &'a str, action: &'a str, object: &'a str, detail: Value) -> Deed<'a> {
    Deed { client_id, mode: None, person, action, object, detail }
}
