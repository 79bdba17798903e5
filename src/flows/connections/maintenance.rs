//! What ends by itself at a connection: maintenance, after which it is ACTIVE again and the audit log says that nobody
//! did it, and the overlap of replaced secrets.
//!
//! No other status is left so. INACTIVE stays until somebody activates it.

use serde_json::json;

use super::forget;
use crate::app::App;
use crate::domain::connection::OwnReason;
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::flows;
use crate::flows::audit::{self, Deed, ENGINE};
use crate::store::status::{self, Overdue};
use crate::store::{self, connection, monitoring};

/// How many are ended in one tick.
const PAGE: i64 = 100;

/// Ends every maintenance whose time has come. One that fails holds up no other.
pub async fn end_maintenance(app: &App) -> store::Result<()> {
    for due in status::overdue(&app.db, app.now(), PAGE).await? {
        if let Err(error) = end(app, &due).await {
            tracing::warn!(connection = %due.id, %error, "a maintenance could not be ended; it is tried again");
        }
    }
    Ok(())
}

/// Forgets replaced secrets whose overlap is over: from then on nothing can be asked with them.
pub async fn end_overlaps(app: &App) -> store::Result<()> {
    let mut tx = flows::single(&app.db).await?;
    let ended = connection::end_overlaps(&mut tx, app.now()).await?;
    tx.commit().await?;
    ended.into_iter().for_each(|(client_id, id)| forget(app, client_id, id));
    Ok(())
}

async fn end(app: &App, due: &Overdue) -> store::Result<()> {
    let (client_id, id, now) = (due.client_id, due.id, app.now());
    let over = OwnReason::MaintenanceOver.to_string();
    let mut tx = flows::begin(&app.db).await?;
    if !status::end_maintenance(&mut tx, client_id, id, &over, now).await? {
        return Ok(());
    }
    monitoring::release(&mut tx, client_id, id, now).await?;
    let object = ids::show(ids::CONNECTION, id);
    let detail = json!({
        "before": { "status": "MAINTENANCE", "reason": due.status_reason },
        "after": { "status": "ACTIVE", "reason": over },
    });
    let (mode, action) = (Mode::parse(&due.mode), "connection.status_set");
    let deed = Deed { client_id, mode, person: ENGINE, action, object: &object, detail };
    audit::record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    forget(app, client_id, id);
    Ok(())
}
