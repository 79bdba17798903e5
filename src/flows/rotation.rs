//! Master keys: sealing every value anew under the newest one, while payments run.
//!
//! A value is replaced only where it still stands as it was read, and sealed to the very same place. Nothing is kept of
//! how far it came: a second run passes over what is done, so it can be cut off at any moment.

use std::collections::BTreeMap;

use crate::app::App;
use crate::crypto::envelope::{Keyring, Place};
use crate::store::sealed::{self, COLUMNS, Column, Found, Position, Renewed};
use crate::store::{self};

/// Rows read at once, and values written at once: an update that payments may wait for is short.
const PAGE: i64 = 200;

/// Rows counted at once.
const COUNTED: i64 = 5_000;

/// How often one update is tried that met another in the same rows.
const TRIES: usize = 5;

/// How far one column came.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Table and column.
    pub column: String,
    /// Values looked at.
    pub values: u64,
    /// Values that were sealed anew.
    pub renewed: u64,
    /// Values that no key opens.
    pub unreadable: u64,
    /// Values by the id of the key they were sealed under when they were looked at.
    pub by_key: BTreeMap<u32, u64>,
}

/// Seals every value anew that is not under the newest key, and tells after each page how far it came.
pub async fn rotate(app: &App, mut told: impl FnMut(&Progress)) -> store::Result<Vec<Progress>> {
    let mut all = Vec::new();
    for column in COLUMNS {
        all.push(walk(app, column, true, &mut told).await?);
    }
    Ok(all)
}

/// Counts every value by its key.
pub async fn count(app: &App) -> store::Result<Vec<Progress>> {
    let mut all = Vec::new();
    for column in COLUMNS {
        all.push(walk(app, column, false, &mut |_: &Progress| {}).await?);
    }
    Ok(all)
}

/// How many values are under another key than the newest, by these counts.
pub fn left(app: &App, counted: &[Progress]) -> u64 {
    let current = app.keys.current();
    counted.iter().flat_map(|column| &column.by_key).filter(|(id, _)| **id != current).map(|(_, count)| count).sum()
}

async fn walk(app: &App, column: Column, renews: bool, told: &mut impl FnMut(&Progress)) -> store::Result<Progress> {
    let mut progress = Progress { column: format!("{}.{}", column.table, column.column), ..Progress::default() };
    let but = renews.then(|| app.keys.current().to_be_bytes());
    let limit = if renews { PAGE } else { COUNTED };
    let mut after = Position::default();
    loop {
        let page = sealed::page(&app.db, column, after, but, limit).await?;
        let Some(last) = page.last() else { return Ok(progress) };
        after = last.at;
        let mut values = Vec::new();
        for found in page {
            let Some(key) = found.key.as_deref() else { continue };
            progress.values += 1;
            let id = key.try_into().map_or(0, u32::from_be_bytes);
            *progress.by_key.entry(id).or_default() += 1;
            match renew(&app.keys, column, found) {
                Ok(renewed) => values.extend(renewed),
                Err(error) => {
                    tracing::error!(column = progress.column, client = %after.client_id, %error, "a value does not open");
                    progress.unreadable += 1;
                }
            }
        }
        if !values.is_empty() {
            progress.renewed += write(app, column, &values).await?;
        }
        told(&progress);
    }
}

fn renew(keys: &Keyring, column: Column, found: Found) -> Result<Option<Renewed>, crate::crypto::envelope::OpenError> {
    let Some(old) = found.sealed else { return Ok(None) };
    let place = Place { client: found.at.client_id, column: column.place, row: found.at.row };
    let new = keys.seal(place, &keys.open(place, &old)?);
    Ok(Some(Renewed { at: found.at, old, new }))
}

/// Writes one page. Payments write the same rows in batches of their own: who meets one of them crosswise tries again.
async fn write(app: &App, column: Column, values: &[Renewed]) -> store::Result<u64> {
    let mut tries = 0;
    loop {
        let mut tx = super::single(&app.db).await?;
        match sealed::replace(&mut tx, column, values).await {
            Ok(renewed) => {
                tx.commit().await?;
                return Ok(renewed);
            }
            Err(error) if tries + 1 < TRIES => {
                tracing::debug!(%error, "a page is written again");
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
