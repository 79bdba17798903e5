//! The keys of a KYB file and of its people: made with them, and opened.

use anyhow::Context;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::app::App;
use crate::crypto::envelope::DataKey;
use crate::domain::ids;
use crate::flows::data_keys;
use crate::store::Tx;
use crate::store::data_key::{self, Purpose};

/// Where the company's part of a version is sealed to, under the file's key.
pub(super) const COMPANY: &str = "kyb_version.company";
/// Where a person's part is sealed to, under the person's key.
pub(super) const PERSON: &str = "kyb_person.data";

/// A new person, with their key.
pub(super) async fn new_person(
    tx: &mut Tx,
    app: &App,
    client_id: Uuid,
    now: DateTime<Utc>,
) -> anyhow::Result<(Uuid, DataKey)> {
    let id = ids::new_id(now);
    let (key, wrapped) = data_keys::make(app, client_id, id);
    anyhow::ensure!(
        data_key::insert(tx, client_id, id, Purpose::Person, &wrapped, now).await?,
        "an id was drawn twice"
    );
    Ok((id, key))
}

/// The key of a client's file, as it is; `None` where there is no file.
pub(in crate::flows) async fn existing(app: &App, client_id: Uuid) -> anyhow::Result<Option<DataKey>> {
    let Some(row) = data_key::kyb(&app.db, client_id).await? else { return Ok(None) };
    let wrapped = row.wrapped.as_deref().context("the key of a KYB file is destroyed")?;
    data_keys::open(app, client_id, row.id, wrapped).map(Some)
}

/// The key of a client's file; it is made with the first version.
pub(super) async fn of_file(
    tx: &mut Tx,
    app: &App,
    client_id: Uuid,
    now: DateTime<Utc>,
) -> anyhow::Result<(Uuid, DataKey)> {
    let mut found = data_key::hold_kyb(tx, client_id).await?;
    if found.is_none() {
        let id = ids::new_id(now);
        let (key, wrapped) = data_keys::make(app, client_id, id);
        if data_key::insert(tx, client_id, id, Purpose::Kyb, &wrapped, now).await? {
            return Ok((id, key));
        }
        // Somebody made it in this moment.
        found = data_key::hold_kyb(tx, client_id).await?;
    }
    let row = found.context("the key of a KYB file went away")?;
    let wrapped = row.wrapped.as_deref().context("the key of a KYB file is destroyed")?;
    Ok((row.id, data_keys::open(app, client_id, row.id, wrapped)?))
}
