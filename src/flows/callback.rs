//! Calls from providers: found by their address, stored, answered, and only then worked on.
//!
//! The address fixes client and connection, and a callback touches nothing else. One that proves nothing makes us ask
//! the provider, and a thousand copies make us ask it a few times at most.

use std::sync::Arc;

use super::lanes::{Lanes, Work};
use super::refresh;
use crate::app::App;
use crate::crash;
use crate::crypto::envelope::Place;
use crate::domain::ids;
use crate::providers::{CallbackAnswer, CallbackReading, RawCallback};
use crate::store::attempt::Key;
use crate::store::callback::{NewCallback, Waiting};
use crate::store::{self, access, attempt, callback, connection};

/// Receives a provider's call at `codename`. `None`: nobody has this address.
pub async fn receive(app: &App, codename: &str, raw: RawCallback) -> store::Result<Option<CallbackAnswer>> {
    let Some((client_id, connection_id)) = access::callback_route(&app.db, codename).await? else { return Ok(None) };
    let Some(stored) = connection::get(&app.db, client_id, connection_id).await? else { return Ok(None) };
    let adapter = app.providers.get(&stored.connection.provider).and_then(|provider| provider.callbacks());
    let Some(adapter) = adapter else { return Ok(None) };
    let reading = adapter.read(&raw);
    let now = app.now();
    let id = ids::new_id(now);
    let (word, reference) = match &reading {
        CallbackReading::Question { reference } => ("question", Some(reference.clone())),
        CallbackReading::Refused { .. } => ("refused", None),
    };
    metrics::counter!("callbacks_total", "provider" => stored.connection.provider.clone(), "reading" => word)
        .increment(1);
    let place = Place { client: client_id, column: "callback.body", row: id };
    let row = NewCallback {
        client_id,
        id,
        connection_id,
        source: raw.source.to_string(),
        body: app.keys.seal(place, &raw.body),
        reading: word,
        // A worker looks after a while; this process works on it at once.
        next_try_at: reference.is_some().then(|| now + app.config.schedule.seconds(app.config.schedule.lease_margin_s)),
        reference: reference.clone(),
    };
    let stored = app.writers.callback.write(row).await;
    if stored.is_ok() && reference.is_some() {
        // A full queue is no loss: the row is due.
        let _ = app.wake.callback.try_send(Waiting { client_id, id, connection_id, received_at: now, reference });
    }
    if let Err(error) = &stored {
        tracing::warn!(%error, "a callback could not be stored; the provider is told to repeat it");
    }
    Ok(Some(adapter.answer(&reading, stored.is_ok())))
}

/// Stored calls that one scan takes up at most, those still in hand included: a flood waits in the table.
const AT_ONCE: usize = 128;

/// One scan: stored calls whose work was not finished.
pub async fn scan(app: &Arc<App>, lanes: &Arc<Lanes>) -> anyhow::Result<()> {
    let room = AT_ONCE.saturating_sub(lanes.callbacks_held());
    if room == 0 {
        return Ok(());
    }
    let now = app.now();
    let again = now + app.config.schedule.seconds(app.config.schedule.lease_margin_s * 4);
    let mut tx = super::single(&app.db).await?;
    crash::point("callback_lease.before");
    let due = callback::claim_due(&mut tx, room as i64, again, now).await?;
    tx.commit().await?;
    if !due.is_empty() {
        crash::point("callback_lease.committed");
    }
    due.into_iter().for_each(|waiting| offer(app, lanes, waiting));
    Ok(())
}

/// Works on one stored call in a task of its own.
pub fn offer(app: &Arc<App>, lanes: &Arc<Lanes>, waiting: Waiting) {
    let Some(held) = lanes.hold_callback(waiting.id) else { return };
    let (task_app, lanes) = (app.clone(), lanes.clone());
    app.tasks.spawn(async move {
        if let Err(error) = work(&task_app, &lanes, &waiting).await {
            tracing::error!(callback = %waiting.id, %error, "a callback could not be worked on; it is tried again");
            metrics::counter!("flow_errors_total", "flow" => "callback").increment(1);
        }
        drop(held);
    });
}

/// Asks the provider about the payment a call names, unless it was asked since the call came.
async fn work(app: &App, lanes: &Lanes, waiting: &Waiting) -> anyhow::Result<()> {
    let Some(reference) = &waiting.reference else { return Ok(()) };
    let key = attempt::by_reference(&app.db, waiting.client_id, waiting.connection_id, reference).await?;
    // A reference that is not ours is kept and says nothing: every order is written before it is sent.
    if let Some(key) = key
        && !answered(app, lanes, waiting, key).await?
    {
        // Somebody asks at this moment, or did just now: the row stays due, and one later read answers for all copies.
        return Ok(());
    }
    Ok(app.writers.done.write((waiting.client_id, waiting.id)).await?)
}

/// Whether the provider was asked about the attempt since the call came, by us now or by anybody before.
async fn answered(app: &App, lanes: &Lanes, waiting: &Waiting, key: Key) -> anyhow::Result<bool> {
    let Some(case) = attempt::case(&app.db, key.client_id, key.payment_id, key.number).await? else { return Ok(true) };
    let soonest = chrono::Duration::from_std(app.config.schedule.seconds(app.config.schedule.read_refresh_s))?;
    match case.attempt.polled_at {
        Some(at) if at > waiting.received_at => return Ok(true),
        Some(at) if app.now() - at < soonest => return Ok(false),
        _ => {}
    }
    let lane = lanes.of(app, case.attempt.connection_id, &case.attempt.provider);
    let Some(held) = lane.hold(Work::Ask, key) else { return Ok(false) };
    let Some(slot) = lane.slot(Work::Ask).await else { return Ok(false) };
    refresh::ask(app, key).await?;
    drop((slot, held));
    Ok(true)
}
