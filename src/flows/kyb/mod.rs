//! The KYB file: read, saved version by version, judged for a provider; and what privacy asks of it.
//!
//! It belongs to the client and to neither mode. The company's part is sealed under a key of the client's file, each
//! person's under a key of their own; both keys stand in `data_key`, sealed under the master keys. Nothing of a file is
//! logged, told in an event or named in the audit log but the names of its fields.

mod blocks;
pub(super) mod keys;
mod people;
mod save;

pub use blocks::*;
pub use people::*;
pub use save::*;

use std::collections::HashMap;

use anyhow::Context;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use self::keys::COMPANY;
use crate::app::App;
use crate::crypto::envelope::{DataKey, Place};
use crate::domain::kyb::completeness::{self, Addition};
use crate::domain::kyb::{Fault, File, Person, Sheet};
use crate::flows::data_keys;
use crate::providers::Provider;
use crate::providers::onboarding::Onboarding;
use crate::store::kyb::Saved;
use crate::store::{self, data_key, kyb};

/// A version of a file, opened.
#[derive(Debug)]
pub struct Version {
    pub version: i32,
    pub saved_at: DateTime<Utc>,
    pub saved_by: String,
    /// The names of the fields that it changed.
    pub changed: Vec<String>,
    pub file: File,
}

/// The day it is in Jakarta: there no birth is later.
pub fn today(app: &App) -> NaiveDate {
    (app.now() + TimeDelta::hours(7)).date_naive()
}

/// One version of a client's file, or the newest.
pub async fn read(app: &App, client_id: Uuid, version: Option<i32>) -> anyhow::Result<Option<Version>> {
    let Some(row) = kyb::get(&app.db, client_id, version).await? else { return Ok(None) };
    let rows = kyb::people(&app.db, client_id, row.version).await?;
    let ids: Vec<Uuid> = rows.iter().map(|person| person.person_id).chain([row.key_id]).collect();
    let opened = data_keys::open_whole(app, client_id, &data_key::list(&app.db, client_id, &ids).await?)?;
    let key = opened.get(&row.key_id).context("the key of a KYB file is not there")?;
    let place = Place { client: client_id, column: COMPANY, row: row.id };
    let company = sheet(key, place, &row.company)?;
    let mut people = Vec::new();
    for person in rows {
        let sheet = person_sheet(&opened, client_id, person.person_id, person.id, person.data.as_deref())?;
        people.push(Person { role: person.role, id: person.person_id, sheet });
    }
    let file = File { company, people };
    let kyb::Row { version, saved_at, saved_by, changed, .. } = row;
    Ok(Some(Version { version, saved_at, saved_by, changed, file }))
}

/// What is kept of a person; `None` where it was erased.
fn person_sheet(
    opened: &HashMap<Uuid, DataKey>,
    client_id: Uuid,
    person_id: Uuid,
    row: Uuid,
    data: Option<&[u8]>,
) -> anyhow::Result<Option<Sheet>> {
    let Some((key, data)) = opened.get(&person_id).zip(data) else { return Ok(None) };
    Ok(Some(sheet(key, Place { client: client_id, column: keys::PERSON, row }, data)?))
}

/// Opens a part of a file. An error says nothing of the content.
fn sheet(key: &DataKey, place: Place<'_>, sealed: &[u8]) -> anyhow::Result<Sheet> {
    match serde_json::from_slice(&key.unseal(place, sealed)?) {
        Ok(Value::Object(content)) => Ok(Sheet::new(content)),
        _ => anyhow::bail!("a part of a KYB file is no JSON object"),
    }
}

/// A page of the versions of a client's file, newest first.
pub async fn versions(app: &App, client_id: Uuid, before: Option<i32>, limit: i64) -> store::Result<Vec<Saved>> {
    kyb::versions(&app.db, client_id, before, limit).await
}

/// What is missing in a file for a provider; `None` for a provider that this installation does not have.
pub fn missing(app: &App, file: Option<&File>, provider: Option<&str>) -> Option<Vec<Fault>> {
    let additions: Vec<Addition> = match provider {
        Some(code) => {
            let (provider, target) = (app.providers.get(code), app.targets.get(code));
            if provider.is_none() && target.is_none() {
                return None;
            }
            let of_provider = provider.map(Provider::kyb_additions).unwrap_or_default();
            of_provider.iter().chain(target.map(Onboarding::additions).unwrap_or_default()).copied().collect()
        }
        None => Vec::new(),
    };
    Some(completeness::missing(file, &additions))
}
