//! Calls from providers: found by their address, stored, answered, and only then worked on.
//!
//! The address fixes client and connection, and a callback touches nothing else. One that proves nothing makes us ask
//! the provider, and a thousand copies make us ask it a few times at most.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::connections;
use super::lanes::{self, Ask, Asks, Lanes};
use super::refresh::{self, Asking};
use crate::app::{App, CallbackOwner};
use crate::crash;
use crate::crypto::envelope::Place;
use crate::domain::ids;
use crate::providers::{CallbackAnswer, CallbackReading, RawCallback};
use crate::store::attempt::Case;
use crate::store::callback::{NewCallback, Waiting};
use crate::store::{self, access, attempt, callback, connection};

/// How long a call about a payment lets the answer to its send go first.
const ANSWER_FIRST: Duration = Duration::from_millis(250);

/// Receives a provider's call at `codename`. `None`: nobody has this address.
pub async fn receive(app: &App, codename: &str, raw: RawCallback) -> store::Result<Option<CallbackAnswer>> {
    let Some(owner) = owner(app, codename).await? else { return Ok(None) };
    let CallbackOwner { client_id, connection_id, provider } = &*owner;
    let (client_id, connection_id) = (*client_id, *connection_id);
    let adapter = app.providers.get(provider).and_then(|provider| provider.callbacks());
    let Some(adapter) = adapter else { return Ok(None) };
    let reading = adapter.read(&raw);
    let now = app.now();
    let id = ids::new_id(now);
    let (word, reference) = match &reading {
        CallbackReading::Question { reference } => ("question", Some(reference.clone())),
        CallbackReading::Refused { .. } => ("refused", None),
    };
    metrics::counter!("callbacks_total", "provider" => provider.clone(), "reading" => word).increment(1);
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
    if reference.is_some() {
        app.activity.note(client_id, connection_id, now);
    }
    if stored.is_ok() && reference.is_some() {
        // A full queue is no loss: the row is due.
        let waiting = Waiting { client_id, id, connection_id, received_at: now, reference };
        let _ = app.wake.callback.try_send((waiting, provider.clone()));
    }
    if let Err(error) = &stored {
        tracing::warn!(%error, "a callback could not be stored; the provider is told to repeat it");
    }
    Ok(Some(adapter.answer(&reading, stored.is_ok())))
}

/// Whose a codename is; read at most a moment ago.
async fn owner(app: &App, codename: &str) -> store::Result<Option<Arc<CallbackOwner>>> {
    let read = async {
        let Some((client_id, connection_id)) = access::callback_route(&app.db, codename).await? else {
            return Ok(None);
        };
        let stored = connection::get(&app.db, client_id, connection_id).await?;
        Ok(stored.map(|stored| CallbackOwner { client_id, connection_id, provider: stored.connection.provider }))
    };
    app.callbacks.find(codename.to_owned(), &app.clock, read).await
}

/// One scan: stored calls whose work was not finished.
pub async fn scan(app: &Arc<App>, lanes: &Lanes) -> anyhow::Result<()> {
    let now = app.now();
    let schedule = &app.config.schedule;
    // What nobody could answer for a long time is looked at once a day, without end.
    let latest = now + schedule.seconds(schedule.poll_daily_after_s);
    let soonest = now + schedule.seconds(schedule.lease_margin_s * 4);
    let mut tx = super::single(&app.db).await?;
    crash::point("callback_lease.before");
    let mut due = callback::claim_due(&mut tx, 128, soonest, latest, now).await?;
    tx.commit().await?;
    if !due.is_empty() {
        crash::point("callback_lease.committed");
    }
    // Calls about one payment go to one worker, the newest first: what the provider then says answers the others too.
    fn about(waiting: &Waiting) -> (Uuid, Uuid, Option<&str>) {
        (waiting.client_id, waiting.connection_id, waiting.reference.as_deref())
    }
    due.sort_by(|a, b| (about(a), b.received_at, b.id).cmp(&(about(b), a.received_at, a.id)));
    for same in due.chunk_by(|a, b| about(a) == about(b)) {
        match connections::open(app, same[0].client_id, same[0].connection_id).await {
            Ok(open) => offer(app, lanes, same.to_vec(), &open.connection.provider),
            // One connection that cannot be opened holds up no other; its calls stay due.
            Err(error) => tracing::error!(connection = %same[0].connection_id, %error, "calls wait for a connection"),
        }
    }
    Ok(())
}

/// Offers stored calls about one payment to the line of their connection's questions.
pub fn offer(app: &Arc<App>, lanes: &Lanes, calls: Vec<Waiting>, provider: &str) {
    let Some(first) = calls.first() else { return };
    let (asks, key) = (lanes.asks(app, first.connection_id, provider), first.id);
    lanes::offer(app, &asks, key, Ask::Callbacks(calls));
}

/// Asks the provider about the payment the calls name, unless it was asked since they came.
pub(super) async fn work(app: &App, asks: &Asks, calls: Vec<Waiting>) -> anyhow::Result<()> {
    for waiting in calls {
        work_on(app, asks, waiting).await?;
    }
    Ok(())
}

async fn work_on(app: &App, asks: &Asks, waiting: Waiting) -> anyhow::Result<()> {
    let Some(reference) = &waiting.reference else { return Ok(()) };
    let key = (waiting.connection_id, reference.clone());
    // Call and answer come at about the same time. What both say is written after one another, from memory, instead of
    // one overtaking the other and being read and decided again. An answer that hangs holds up nothing.
    let _ = tokio::time::timeout(ANSWER_FIRST, app.sending.over(&key)).await;
    let case = match app.awaited.take(&key, app.now()) {
        Some(case) => Some(Arc::unwrap_or_clone(case)),
        None => attempt::case_by_reference(&app.db, waiting.client_id, waiting.connection_id, reference).await?,
    };
    // A reference that is not ours is kept and says nothing: every order is written before it is sent.
    if let Some(case) = case
        && !answered(app, asks, &waiting, case).await?
    {
        // Somebody asks at this moment, or did just now: the row stays due, and one later read answers for all copies.
        return Ok(());
    }
    Ok(app.writers.done.write((waiting.client_id, waiting.id)).await?)
}

/// Whether the provider was asked about the attempt since the call came, by us now or by anybody before. What it cannot
/// answer now, about an attempt whose end is known, it is asked again: nobody else would hear that money came back.
async fn answered(app: &App, asks: &Asks, waiting: &Waiting, case: Case) -> anyhow::Result<bool> {
    let soonest = chrono::Duration::from_std(app.config.schedule.seconds(app.config.schedule.read_refresh_s))?;
    match case.attempt.polled_at {
        Some(at) if at > waiting.received_at => return Ok(true),
        Some(at) if app.now() - at < soonest => return Ok(false),
        _ => {}
    }
    let Some(_asking) = Asking::begin(asks, case.key()) else { return Ok(false) };
    refresh::ask_case(app, case).await
}
