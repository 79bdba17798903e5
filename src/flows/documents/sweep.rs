//! What is left of documents that were given up or erased goes: the object first, then what leads to it.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::app::App;
use crate::crash;
use crate::documents::Error;
use crate::flows;
use crate::store::{self, document};

/// How long an upload may be on its way; no request lasts so long.
const GIVEN_UP_AFTER_S: u64 = 3_600;

/// How many are removed in one go.
const AT_ONCE: i64 = 100;

/// Gives up uploads that were cut off, and removes what is left of them and of erased documents.
pub async fn sweep(app: &App) -> anyhow::Result<()> {
    let patience = TimeDelta::from_std(app.config.schedule.seconds(GIVEN_UP_AFTER_S))?;
    let mut tx = flows::single(&app.db).await?;
    document::give_up_old(&mut tx, app.now() - patience).await?;
    tx.commit().await?;
    for (client_id, id, is_erased) in document::to_remove(&app.db, AT_ONCE).await? {
        remove(app, client_id, id, is_erased).await;
    }
    Ok(())
}

/// Removes the object of a document that was given up or erased. Where it fails, the sweep tries again: the content can
/// be read by nobody any more, or was never shown to anybody.
pub(in crate::flows) async fn remove(app: &App, client_id: Uuid, id: Uuid, is_erased: bool) {
    match app.documents.remove(client_id, id).await {
        // Without a place to keep it there is no object.
        Ok(()) | Err(Error::NotConfigured) => {}
        Err(error) => {
            tracing::warn!(%error, document = %id, "an object was not removed; it is tried again");
            return;
        }
    }
    crash::point("sweep.removed");
    if let Err(error) = noted(app, client_id, id, is_erased).await {
        tracing::warn!(%error, document = %id, "that an object is gone was not written down; it is tried again");
    }
}

async fn noted(app: &App, client_id: Uuid, id: Uuid, is_erased: bool) -> store::Result<()> {
    let mut tx = flows::begin(&app.db).await?;
    match is_erased {
        true => document::removed(&mut tx, client_id, id, app.now()).await?,
        false => document::forget(&mut tx, client_id, id).await?,
    }
    tx.commit().await
}
