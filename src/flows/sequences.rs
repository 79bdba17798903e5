//! Sequences: the order in which a client's connections are tried, for a service or for one destination of it.
//!
//! Each change is made on the version it was decided on, kept for ever with who made it, and seen at once. A sequence
//! names connections that fit; whether one of them is fit for a payment is asked again by each plan.

use std::collections::HashMap;

use serde_json::json;
use uuid::Uuid;

use super::access::Caller;
use super::audit::audited;
use super::routing;
use crate::app::App;
use crate::domain::ids;
use crate::domain::money::{Currency, Money};
use crate::domain::sequence::{Plan, Reach, Skipped, Wanted};
use crate::domain::service::Service;
use crate::providers::FieldFault;
use crate::store::connection::{self, Name, Stored};
use crate::store::sequence::{self, Key, Row, Version};
use crate::store::{self, Tx};

/// Which sequence: a service's default where the destination is empty.
#[derive(Clone, Copy, Debug)]
pub struct Which {
    pub service: Service,
    /// Neutral code.
    pub destination: &'static str,
}

impl Which {
    fn key(self, caller: &Caller) -> Key<'static> {
        Key {
            client_id: caller.client_id,
            mode: caller.mode.as_str(),
            service: self.service.as_str(),
            destination: self.destination,
        }
    }

    /// Its name in the audit log.
    fn object(self) -> String {
        let default = self.destination.is_empty();
        format!("{}/{}", self.service.as_str(), if default { "default" } else { self.destination })
    }
}

/// A sequence with the connections it names.
pub struct View {
    pub row: Row,
    pub connections: Vec<Stored>,
}

/// Why no sequence changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the list names what it cannot")]
    Fields(Vec<FieldFault>),
    #[error("it has another version by now")]
    ChangedMeanwhile,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// All sequences of the caller's client and mode: by service, the default first.
pub async fn list(app: &App, caller: &Caller) -> store::Result<Vec<View>> {
    let rows = sequence::list(&app.db, caller.client_id, caller.mode.as_str()).await?;
    let all = connection::of_client(&app.db, caller.client_id, caller.mode.as_str()).await?;
    Ok(rows.into_iter().map(|row| view(row, &all)).collect())
}

/// One sequence, if there is one.
pub async fn get(app: &App, caller: &Caller, which: Which) -> store::Result<Option<View>> {
    let Some(row) = sequence::get(&app.db, which.key(caller)).await? else { return Ok(None) };
    let all = connection::of_client(&app.db, caller.client_id, caller.mode.as_str()).await?;
    Ok(Some(view(row, &all)))
}

/// The connections that a sequence may name, oldest first; none of another mode or service, or that reaches nothing of it.
pub async fn choices(app: &App, caller: &Caller, which: Which) -> store::Result<Vec<Stored>> {
    let mut all = connection::of_client(&app.db, caller.client_id, caller.mode.as_str()).await?;
    all.retain(|stored| unfit(app, caller, which, stored).is_none());
    Ok(all)
}

fn view(row: Row, all: &[Stored]) -> View {
    let find = |id: &Uuid| all.iter().find(|stored| stored.connection.id == *id).cloned();
    let connections = row.connection_ids.iter().filter_map(find).collect();
    View { row, connections }
}

/// A page of a sequence's versions, newest first, and what the connections they name are called.
pub async fn versions(
    app: &App,
    caller: &Caller,
    which: Which,
    before: Option<i32>,
    limit: i64,
) -> store::Result<(Vec<Version>, HashMap<Uuid, Name>)> {
    let versions = sequence::versions(&app.db, which.key(caller), before, limit).await?;
    let mut ids: Vec<Uuid> =
        versions.iter().flat_map(|version| version.connection_ids.iter().flatten()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let names = connection::names(&app.db, caller.client_id, &ids).await?;
    Ok((versions, names.into_iter().map(|name| (name.id, name)).collect()))
}

/// Replaces a sequence that has `version`, or makes one where that is `None` and none is there. The connections are
/// given as they are shown.
pub async fn put(
    app: &App,
    caller: &Caller,
    which: Which,
    version: Option<i32>,
    connections: &[String],
) -> Result<View, Refused> {
    let (key, now, by) = (which.key(caller), app.now(), caller.person.as_str());
    let before = sequence::get(&app.db, key).await?;
    let mut tx = super::begin(&app.db).await?;
    let ids = checked(app, &mut tx, caller, which, connections).await?;
    let done = match version {
        Some(version) => sequence::replace(&mut tx, key, version, &ids, by, now).await,
        None => sequence::insert(&mut tx, key, &ids, by, now).await.map(|made| made.is_some()),
    };
    if !settled(done)? {
        return Err(Refused::ChangedMeanwhile);
    }
    let shown = |ids: &[Uuid]| -> Vec<String> { ids.iter().map(|id| ids::show(ids::CONNECTION, *id)).collect() };
    let before = before.map(|row| shown(&row.connection_ids));
    let detail = json!({ "before": before, "after": shown(&ids) });
    audited(&mut tx, caller, "sequence.replaced", &which.object(), detail, now).await?;
    tx.commit().await?;
    app.routes.clear();
    let view = get(app, caller, which).await?;
    view.ok_or(Refused::ChangedMeanwhile)
}

/// Removes a custom sequence that has `version`: its destination follows the default again. Answers the version that
/// says so.
pub async fn remove(app: &App, caller: &Caller, which: Which, version: i32) -> Result<Version, Refused> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    if !settled(sequence::remove(&mut tx, which.key(caller), version, &caller.person, now).await)? {
        return Err(Refused::ChangedMeanwhile);
    }
    audited(&mut tx, caller, "sequence.removed", &which.object(), json!({ "version": version }), now).await?;
    tx.commit().await?;
    app.routes.clear();
    Ok(Version { version: version + 1, connection_ids: None, updated_at: now, updated_by: caller.person.clone() })
}

/// A version of the history that somebody else wrote at the same moment is a change like any other.
fn settled(done: store::Result<bool>) -> store::Result<bool> {
    match done {
        Err(error) if error.violated().is_some() => Ok(false),
        done => done,
    }
}

/// The ids of the connections a list names; every one that does not fit is a fault. They are held until the
/// transaction ends, so that none is removed meanwhile.
async fn checked(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    which: Which,
    connections: &[String],
) -> Result<Vec<Uuid>, Refused> {
    let given: Vec<Option<Uuid>> = connections.iter().map(|text| ids::parse(ids::CONNECTION, text)).collect();
    let known: Vec<Uuid> = given.iter().flatten().copied().collect();
    let held = connection::held(tx, caller.client_id, &known).await?;
    let mut faults = Vec::new();
    if given.is_empty() {
        faults.push(FieldFault { field: "connections".into(), reason: "must name at least one".into() });
    }
    for (at, id) in given.iter().enumerate() {
        let found = held.iter().find(|stored| Some(stored.connection.id) == *id);
        let reason = match found {
            // Another client's connection is as unknown as none.
            None => Some("is not a connection of yours"),
            Some(_) if given[..at].contains(id) => Some("is named twice"),
            Some(stored) => unfit(app, caller, which, stored),
        };
        let field = format!("connections.{at}");
        faults.extend(reason.map(|reason| FieldFault { field, reason: reason.into() }));
    }
    if faults.is_empty() { Ok(known) } else { Err(Refused::Fields(faults)) }
}

/// Why a connection can never be tried in this sequence.
fn unfit(app: &App, caller: &Caller, which: Which, stored: &Stored) -> Option<&'static str> {
    let connection = &stored.connection;
    if stored.removed_at.is_some() {
        return Some("was removed");
    }
    if connection.mode != caller.mode {
        return Some("is of the other mode (test or live)");
    }
    if !connection.services.contains(&which.service) {
        return Some("does not have this service");
    }
    let reaches = |currency: Currency| {
        routing::reach(app, which.service, &connection.provider, which.destination, currency) == Reach::Yes
    };
    let can_reach = which.destination.is_empty() || Currency::ALL.into_iter().any(reaches);
    (!can_reach).then_some("is at a provider that has no code for this destination")
}

/// What would be tried for a payment at this moment, and why everything else would not. Nothing moves.
pub async fn preview(app: &App, caller: &Caller, which: Which, money: Money) -> store::Result<Plan> {
    let wanted = Wanted {
        service: which.service,
        mode: caller.mode,
        currency: money.currency,
        amount: money.units,
        destination: which.destination,
    };
    let mut plan = routing::candidates(app, caller.client_id, wanted, &[]).await?;
    // Beside what the plan skips: the connections that its sequence leaves out.
    let all = connection::of_client(&app.db, caller.client_id, caller.mode.as_str()).await?;
    for stored in all.into_iter().filter(|stored| stored.connection.services.contains(&which.service)) {
        let id = stored.connection.id;
        let is_named = plan.candidates.iter().any(|c| c.connection.id == id)
            || plan.skipped.iter().any(|skipped| skipped.connection_id == id);
        if !is_named {
            let reason = "it is not in the sequence";
            plan.skipped.push(Skipped { connection_id: id, label: stored.connection.label, reason });
        }
    }
    Ok(plan)
}
