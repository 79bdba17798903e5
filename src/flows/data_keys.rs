//! Keys of their own for what must be erasable by itself, opened under the master keys: of KYB files, of their people, of
//! documents.

use std::collections::HashMap;

use uuid::Uuid;

use crate::app::App;
use crate::crypto::envelope::{DataKey, Place};
use crate::store::data_key::Row;

/// Makes the key of a row, and the same sealed for it.
pub(super) fn make(app: &App, client: Uuid, row: Uuid) -> (DataKey, Vec<u8>) {
    DataKey::make(&app.keys, place(client, row))
}

/// Opens a key that [`make`] sealed.
pub(super) fn open(app: &App, client: Uuid, row: Uuid, wrapped: &[u8]) -> anyhow::Result<DataKey> {
    Ok(DataKey::open(&app.keys, place(client, row), wrapped)?)
}

/// Those of these keys that are whole, opened.
pub(super) fn open_whole(app: &App, client: Uuid, rows: &[Row]) -> anyhow::Result<HashMap<Uuid, DataKey>> {
    let whole = rows.iter().filter_map(|row| Some((row.id, row.wrapped.as_deref()?)));
    whole.map(|(id, wrapped)| Ok((id, open(app, client, id, wrapped)?))).collect()
}

/// Where a key is sealed to, under the master keys.
fn place(client: Uuid, row: Uuid) -> Place<'static> {
    Place { client, column: "data_key.wrapped", row }
}
