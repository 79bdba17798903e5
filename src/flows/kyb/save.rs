//! Saving a file: each change is a new version, on the one it was decided on; the same content makes none.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::Version;
use super::keys::{self, COMPANY};
use crate::app::App;
use crate::crypto::envelope::{DataKey, Place};
use crate::domain::document::State;
use crate::domain::ids;
use crate::domain::kyb::documents::Named;
use crate::domain::kyb::file::changed;
use crate::domain::kyb::{Draft, Fault, File, Person, Sheet, Wanted};
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited_for_both;
use crate::flows::data_keys;
use crate::store::data_key::{self, Row};
use crate::store::kyb::{self, PersonRow};
use crate::store::{self, document};

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("fields of the file are wrong")]
    Faults(Vec<Fault>),
    #[error("the file was changed by somebody else")]
    ChangedMeanwhile,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// Saves a draft over the version it was decided on; `None` where there is no file yet. Answers the version that stands.
pub async fn save(app: &App, caller: &Caller, current: Option<Version>, draft: Draft) -> Result<Version, Refused> {
    if let Some(current) = current.as_ref().filter(|current| current.file.holds(&draft)) {
        return read_again(app, caller.client_id, current.version).await;
    }
    let (client_id, now) = (caller.client_id, app.now());
    let known: Vec<Option<Uuid>> = match &current {
        Some(current) => current.file.recognised(&draft),
        None => draft.people.iter().map(|person| person.id).collect(),
    };
    let mut tx = flows::begin(&app.db).await?;
    let ids: Vec<Uuid> = known.iter().flatten().copied().collect();
    let rows = data_key::hold_persons(&mut tx, client_id, &ids).await?;
    let mut faults = unfit(&draft.people, &rows);
    let named = draft.documents();
    let stand = document::hold(&mut tx, client_id, &named.iter().map(|named| named.id).collect::<Vec<_>>()).await?;
    faults.extend(unfit_documents(&named, &stand));
    if !faults.is_empty() {
        return Err(Refused::Faults(faults));
    }
    let (key_id, key) = keys::of_file(&mut tx, app, client_id, now).await?;
    let mut opened = data_keys::open_whole(app, client_id, &rows)?;
    let mut people = Vec::new();
    for (wanted, known) in draft.people.into_iter().zip(known) {
        let id = match known {
            Some(id) => id,
            None => {
                let (id, key) = keys::new_person(&mut tx, app, client_id, now).await?;
                opened.insert(id, key);
                id
            }
        };
        people.push(Person { role: wanted.role, id, sheet: opened.contains_key(&id).then_some(wanted.sheet) });
    }
    let documents: Vec<_> = named.iter().map(|named| (named.id, named.person.map(|n| people[n].id))).collect();
    let file = File { company: draft.company, people };
    let changed = changed(current.as_ref().map(|current| &current.file), &file);
    let version = current.map_or(0, |current| current.version) + 1;
    let id = ids::new_id(now);
    let company = sealed(&key, Place { client: client_id, column: COMPANY, row: id }, &file.company)?;
    let saved_by = caller.person.clone();
    let row = kyb::Row { version, id, key_id, company, changed, saved_at: now, saved_by };
    let people = people_rows(client_id, &file, &opened, now)?;
    if !kyb::insert(&mut tx, client_id, &row, &people, &documents).await? {
        return Err(Refused::ChangedMeanwhile);
    }
    let detail = json!({ "version": version, "changed": row.changed });
    audited_for_both(&mut tx, caller, "kyb.saved", "kyb", detail, now).await?;
    tx.commit().await?;
    let kyb::Row { saved_at, saved_by, changed, .. } = row;
    Ok(Version { version, saved_at, saved_by, changed, file })
}

async fn read_again(app: &App, client_id: Uuid, version: i32) -> Result<Version, Refused> {
    let read = super::read(app, client_id, Some(version)).await?;
    Ok(read.ok_or_else(|| anyhow::anyhow!("a version that was just read is not there"))?)
}

/// What does not fit of the people a draft names by their ids.
fn unfit(people: &[Wanted], rows: &[Row]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for person in people {
        let mut fault = |name: &str, message: &str| {
            faults.push(Fault { field: format!("{}.{name}", person.path), message: message.into() });
        };
        let row = person.id.and_then(|id| rows.iter().find(|row| row.id == id));
        match row {
            None if person.id.is_some() => fault("person_id", "is nobody of this file: leave it out for somebody new"),
            None if person.erased => fault("erased", "goes with a person_id alone"),
            None => {}
            Some(row) if row.destroyed_at.is_none() && person.erased => {
                fault("erased", "is not true of this person: leave it out");
            }
            Some(row) if row.destroyed_at.is_none() => {}
            Some(_) if !person.sheet.is_empty() => {
                fault("person_id", "is a person whose data were erased: leave it out for somebody new");
            }
            Some(_) => {}
        }
    }
    faults
}

/// What does not fit of the documents a draft names: each is one of the client's that can be read, and has one place.
/// (A person's document ends with the person, and must not take another's with it.)
fn unfit_documents(named: &[Named], rows: &[(Uuid, State)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (n, Named { path, id, .. }) in named.iter().enumerate() {
        let state = rows.iter().find(|(known, _)| known == id).map(|(_, state)| *state);
        let earlier = named[..n].iter().find(|earlier| earlier.id == *id);
        let message = match (state, earlier) {
            (Some(State::Stored), None) => continue,
            (Some(State::Stored), Some(earlier)) => {
                let at = &earlier.path;
                format!("is the document that stands at {at}: upload it again under another name for this place")
            }
            (Some(State::Erased), _) => "is a document that was erased: upload it again".into(),
            _ => {
                "is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered".into()
            }
        };
        faults.push(Fault { field: path.clone(), message });
    }
    faults
}

fn people_rows(
    client_id: Uuid,
    file: &File,
    opened: &HashMap<Uuid, DataKey>,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<PersonRow>> {
    let row = |person: &Person| {
        let (id, person_id) = (ids::new_id(now), person.id);
        let place = Place { client: client_id, column: keys::PERSON, row: id };
        let data = opened.get(&person_id).zip(person.sheet.as_ref());
        let data = data.map(|(key, sheet)| sealed(key, place, sheet)).transpose()?;
        Ok(PersonRow { role: person.role, person_id, id, data })
    };
    file.people.iter().map(row).collect()
}

fn sealed(key: &DataKey, place: Place<'_>, sheet: &Sheet) -> anyhow::Result<Vec<u8>> {
    Ok(key.seal(place, &serde_json::to_vec(sheet.reveal())?))
}
