//! Pausing and resuming what is sent: by a client for itself, by who runs the installation for all.
//!
//! A pause holds back sends alone; polling and advancing go on, and what waits longer than its send window fails.

use serde_json::{Value, json};

use super::access::Caller;
use super::audit::{audited, for_everybody};
use crate::app::App;
use crate::store::client::{self, Client};
use crate::store::{self, Tx};

/// Whether sending is open.
pub struct Sending {
    pub client: Client,
    /// The installation's own pause, which no client can lift.
    pub installation: Option<Value>,
}

/// How sending stands for the caller's client.
pub async fn state(app: &App, caller: &Caller) -> anyhow::Result<Sending> {
    let client = client::get(&app.db, caller.client_id).await?;
    let client = client.ok_or_else(|| anyhow::anyhow!("the caller's client is missing"))?;
    Ok(Sending { client, installation: client::setting(&app.db, client::SENDING_PAUSED).await? })
}

/// Pauses the client's sending with a reason, or resumes it with none.
pub async fn set(app: &App, caller: &Caller, reason: Option<&str>) -> anyhow::Result<Sending> {
    let now = app.now();
    let action = if reason.is_some() { "sending.paused" } else { "sending.resumed" };
    let mut tx = super::begin(&app.db).await?;
    client::set_paused(&mut tx, caller.client_id, reason, now).await?;
    audited(&mut tx, caller, action, "sending", json!({ "reason": reason }), now).await?;
    tx.commit().await?;
    state(app, caller).await
}

/// Pauses the whole installation with a reason, or lifts its pause with none.
pub async fn set_all(app: &App, reason: Option<&str>) -> store::Result<()> {
    let mut tx = super::begin(&app.db).await?;
    hold_all(app, &mut tx, reason).await?;
    tx.commit().await
}

/// The same within a transaction. Each client's audit log says it.
pub(super) async fn hold_all(app: &App, tx: &mut Tx, reason: Option<&str>) -> store::Result<()> {
    let (now, value) = (app.now(), reason.map(|reason| json!({ "reason": reason })));
    client::set_setting(tx, client::SENDING_PAUSED, value.as_ref(), now).await?;
    let action = if reason.is_some() { "sending.all_paused" } else { "sending.all_resumed" };
    for_everybody(app, tx, None, (action, "sending"), &json!({ "reason": reason }), now).await
}
