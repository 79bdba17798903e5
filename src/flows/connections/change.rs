//! Changing, closing and removing connections: each change on the version it was decided on, written down with who made
//! it, and seen at once.
//!
//! Only secrets of the same account rotate: what is in flight is asked about as the account it was sent from.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::make::{check_addresses, fault, fee_faults, label_fault, label_taken, names, services, settle};
use super::{Refused, addresses, credentials, credentials_place, fees, forget, overlap};
use crate::app::App;
use crate::crypto::secret::ExposeSecret;
use crate::domain::connection::ConnectionStatus;
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::service::Service;
use crate::domain::webhook::time;
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::{COMMAND_LINE, Deed, audited, record};
use crate::providers::form::Part;
use crate::providers::{FieldFault, Provider};
use crate::store::connection::{self, Changed, Filter, Stored};
use crate::store::fee::{self, NewPlan};
use crate::store::removal::{self, Unfinished};
use crate::store::status::{self, NewStatus};
use crate::store::{self, monitoring, sequence};

/// A page of the caller's connections, oldest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> store::Result<Vec<Stored>> {
    connection::list(&app.db, caller.client_id, caller.mode.as_str(), filter, after, limit).await
}

/// One connection of the caller's client and mode that was not removed.
pub async fn get(app: &App, caller: &Caller, id: Uuid) -> store::Result<Option<Stored>> {
    let found = connection::get(&app.db, caller.client_id, id).await?;
    Ok(found.filter(|stored| stored.connection.mode == caller.mode && stored.removed_at.is_none()))
}

/// A connection's settings without what its provider's form calls secret.
pub fn open_settings(app: &App, stored: &Stored) -> Value {
    let mut settings = stored.connection.settings.clone();
    let form = app.providers.get(&stored.connection.provider).map(Provider::form).unwrap_or_default();
    if let Some(all) = settings.as_object_mut() {
        all.retain(|name, _| {
            !form.iter().any(|field| field.part == Part::Settings && field.secret && field.name == name)
        });
    }
    settings
}

/// When a connection last called its provider or was called by it.
pub fn last_activity(app: &App, stored: &Stored) -> Option<DateTime<Utc>> {
    stored.last_activity_at.max(app.activity.of(stored.client_id, stored.connection.id))
}

/// Where the provider of a connection posts what happens in `service`; `None` where it does not call.
pub fn callback_url(app: &App, provider: &str, service: Service, codename: &str) -> Option<String> {
    app.providers.get(provider)?.callbacks()?;
    let (direction, kind) = (service.direction(), service.as_str());
    Some(format!("{}/v1/callback/{direction}/{kind}/{codename}", app.config.public_url()))
}

/// What shall change; what is `None` stays.
#[derive(Default)]
pub struct Change<'a> {
    pub label: Option<&'a str>,
    pub services: Option<&'a [String]>,
    /// Of the same account: all of them, or those that change where `keeps_credentials`.
    pub credentials: Option<&'a Value>,
    /// What `credentials` does not name stays as it is.
    pub keeps_credentials: bool,
    /// All of them; the provider's address must stay.
    pub settings: Option<&'a Value>,
    /// For every service, from this moment on.
    pub fee: Option<FeePlan>,
}

/// Changes a connection, if the version it was read with still stands.
pub async fn change(app: &App, caller: &Caller, old: &Stored, change: &Change<'_>) -> Result<Stored, Refused> {
    let (client_id, id, mode) = (old.client_id, old.connection.id, caller.mode.as_str());
    let label = change.label.map_or(old.connection.label.as_str(), str::trim);
    let settings = change.settings.unwrap_or(&old.connection.settings);
    let before: Vec<String> = old.connection.services.iter().map(|s| s.as_str().to_owned()).collect();
    let holder = connection::id_of_label(&app.db, client_id, mode, label).await?;
    let mut faults: Vec<FieldFault> = change.label.and_then(label_fault).into_iter().collect();
    faults.extend(change.fee.as_ref().map(fee_faults).unwrap_or_default());
    let after = chosen(app, old, change, &before, &mut faults)?;
    let whole = change.credentials.map(|given| whole(app, old, given, change.keeps_credentials)).transpose()?;
    let others = of_another_account(app, old, whole.as_ref(), change.settings, &mut faults)?;
    settle(faults, holder.is_some_and(|holder| holder != id))?;
    if let Some(field) = others {
        return Err(Refused::OtherAccount { field });
    }
    let now = app.now();
    let sealed = whole
        .as_ref()
        .map(|all| (app.keys.seal(credentials_place(client_id, id), all.to_string().as_bytes()), names(all)));
    let credentials = sealed.as_ref().map(|(sealed, fields)| (sealed.as_slice(), fields.as_slice()));
    let costs = fees(app, client_id, &[id]).await?;
    let overlap_until = overlap(app, now);
    let changed = Changed { label, services: &after, credentials, overlap_until, settings };
    let mut tx = flows::begin(&app.db).await?;
    if !connection::update(&mut tx, client_id, id, old.version, &changed, now).await.map_err(label_taken)? {
        return Err(Refused::ChangedMeanwhile);
    }
    if let Some(plan) = &change.fee {
        let (services, by) = (after.as_slice(), caller.person.as_str());
        let new = NewPlan { client_id, connection_id: id, services, effective_from: now, plan, by };
        fee::append(&mut tx, &new, now).await?;
    }
    let only = |these: &[String], not: &[String]| -> Vec<String> {
        these.iter().filter(|service| !not.contains(service)).cloned().collect()
    };
    let (gone, come) = (only(&before, &after), only(&after, &before));
    sequence::take_out(&mut tx, client_id, mode, &gone, id, &caller.person, now).await?;
    sequence::append(&mut tx, client_id, mode, &come, id, &caller.person, now).await?;
    let detail = difference(old, change, &before, &after, |service| costs.at(id, service, now));
    audited(&mut tx, caller, "connection.changed", &ids::show(ids::CONNECTION, id), detail, now).await?;
    tx.commit().await?;
    forget(app, client_id, id);
    reread(app, client_id, id).await
}

/// All credentials as they shall be: what is given, over what stands where that is kept.
fn whole(app: &App, old: &Stored, given: &Value, keeps: bool) -> anyhow::Result<Value> {
    if !keeps {
        return Ok(given.clone());
    }
    let mut all: Value = serde_json::from_str(credentials(app, old)?.expose_secret())?;
    if let (Some(all), Some(given)) = (all.as_object_mut(), given.as_object()) {
        all.extend(given.clone());
    }
    Ok(all)
}

/// The services a connection shall have.
fn chosen(
    app: &App,
    old: &Stored,
    change: &Change<'_>,
    before: &[String],
    faults: &mut Vec<FieldFault>,
) -> anyhow::Result<Vec<String>> {
    if change.services.is_none() {
        return Ok(before.to_vec());
    }
    let provider = app.providers.get(&old.connection.provider);
    let provider =
        provider.ok_or_else(|| anyhow::anyhow!("provider {:?} is not configured", old.connection.provider))?;
    Ok(services(provider, change.services, faults))
}

/// The field by which new credentials and settings would make the connection another account, or another place: there
/// nobody knows what was sent at this one.
fn of_another_account(
    app: &App,
    old: &Stored,
    new: Option<&Value>,
    settings: Option<&Value>,
    faults: &mut Vec<FieldFault>,
) -> anyhow::Result<Option<String>> {
    if new.is_none() && settings.is_none() {
        return Ok(None);
    }
    let provider = app.providers.get(&old.connection.provider);
    let provider =
        provider.ok_or_else(|| anyhow::anyhow!("provider {:?} is not configured", old.connection.provider))?;
    let stored: Value;
    let all = match new {
        Some(all) => all,
        None => {
            stored = serde_json::from_str(credentials(app, old)?.expose_secret())?;
            &stored
        }
    };
    let (is_set, settings) = (settings.is_some(), settings.unwrap_or(&old.connection.settings));
    let identity = provider.identity(all, settings);
    faults.extend(identity.as_ref().err().into_iter().flatten().cloned());
    if is_set {
        check_addresses(app, provider, settings, faults);
    }
    match identity {
        Ok(identity) if identity != old.connection.identity => Ok(Some("credentials".into())),
        Ok(_) => {
            let (new, was) = (addresses(provider, settings), addresses(provider, &old.connection.settings));
            let moved = new.iter().find(|one| !was.contains(one)).or_else(|| was.iter().find(|one| !new.contains(one)));
            Ok(moved.map(|(name, _)| format!("settings.{name}")))
        }
        Err(_) => Ok(None),
    }
}

/// What changed, for the audit log: of credentials and settings the names alone.
fn difference(
    old: &Stored,
    change: &Change<'_>,
    before: &[String],
    after: &[String],
    cost: impl Fn(Service) -> FeePlan,
) -> Value {
    let (mut from, mut to) = (json!({}), json!({}));
    if let Some(label) = change.label {
        (from["label"], to["label"]) = (json!(old.connection.label), json!(label.trim()));
    }
    if change.services.is_some() {
        (from["services"], to["services"]) = (json!(before), json!(after));
    }
    if let Some(fee) = &change.fee {
        let costs: BTreeMap<_, _> = old.connection.services.iter().map(|s| (s.as_str(), cost(*s))).collect();
        (from["fee"], to["fee"]) = (json!(costs), json!(fee));
    }
    if let Some(all) = change.credentials {
        (from["credentials"], to["credentials"]) = (json!(old.credential_fields), json!(names(all)));
    }
    if let Some(all) = change.settings {
        (from["settings"], to["settings"]) = (json!(names(&old.connection.settings)), json!(names(all)));
    }
    json!({ "before": from, "after": to })
}

/// Sets a connection's status by hand, if the version it was read with still stands.
pub async fn set_status_by(app: &App, caller: &Caller, old: &Stored, new: NewStatus<'_>) -> Result<Stored, Refused> {
    let (client_id, id, now) = (old.client_id, old.connection.id, app.now());
    let wrong = [("reason", reason_fault(new.reason)), ("until", end_fault(&new, now))];
    let faults: Vec<_> = wrong.into_iter().filter_map(|(field, wrong)| Some(fault(field, wrong?))).collect();
    if !faults.is_empty() {
        return Err(Refused::Fields(faults));
    }
    let mut tx = flows::begin(&app.db).await?;
    if !status::set_status(&mut tx, client_id, id, Some(old.version), &new, now).await? {
        return Err(Refused::ChangedMeanwhile);
    }
    monitoring::release(&mut tx, client_id, id, now).await?;
    let told = |status: ConnectionStatus, reason: &str, until: Option<DateTime<Utc>>| {
        let mut told = json!({ "status": status.as_str(), "reason": reason });
        if let Some(until) = until {
            told["until"] = json!(time(until));
        }
        told
    };
    let detail = json!({
        "before": told(old.connection.status, &old.status_reason, old.status_until),
        "after": told(new.status, new.reason, new.until),
    });
    audited(&mut tx, caller, "connection.status_set", &ids::show(ids::CONNECTION, id), detail, now).await?;
    tx.commit().await?;
    forget(app, client_id, id);
    reread(app, client_id, id).await
}

/// What is wrong with the reason of a status.
fn reason_fault(reason: &str) -> Option<&'static str> {
    if reason.trim().is_empty() {
        return Some("must not be blank");
    }
    (reason.chars().count() > REASON_LENGTH).then_some("must have at most 500 characters")
}

/// The longest reason of a status, in characters.
const REASON_LENGTH: usize = 500;

/// What is wrong with the end of a status.
fn end_fault(new: &NewStatus<'_>, now: DateTime<Utc>) -> Option<&'static str> {
    let until = new.until?;
    if new.status != ConnectionStatus::Maintenance {
        return Some("goes with MAINTENANCE alone: nothing else ends by itself");
    }
    (until <= now).then_some("must be in the future")
}

/// Removes a connection at which no money is under way, if the version it was read with still stands. It leaves every
/// sequence. An attempt that is accepted at this very moment is followed to its end all the same: its claim finds a
/// connection that is not ACTIVE, and if it was just claimed, everything that asking needs stays.
pub async fn remove(app: &App, caller: &Caller, old: &Stored) -> Result<Stored, Refused> {
    let (client_id, id, now) = (old.client_id, old.connection.id, app.now());
    let mut tx = flows::begin(&app.db).await?;
    if !removal::remove(&mut tx, client_id, id, old.version, now).await? {
        return Err(Refused::ChangedMeanwhile);
    }
    monitoring::unset(&mut tx, client_id, id).await?;
    let left = removal::unfinished(&mut tx, client_id, id).await?;
    if left != (Unfinished { attempts: 0, exceptions: 0 }) {
        return Err(Refused::Unfinished(left));
    }
    let all = Service::ALL.map(|service| service.as_str().to_owned());
    sequence::take_out(&mut tx, client_id, caller.mode.as_str(), &all, id, &caller.person, now).await?;
    let detail = json!({ "label": old.connection.label, "status": old.connection.status.as_str() });
    audited(&mut tx, caller, "connection.removed", &ids::show(ids::CONNECTION, id), detail, now).await?;
    tx.commit().await?;
    forget(app, client_id, id);
    reread(app, client_id, id).await
}

pub(super) async fn reread(app: &App, client_id: Uuid, id: Uuid) -> Result<Stored, Refused> {
    let stored = connection::get(&app.db, client_id, id).await?;
    Ok(stored.ok_or_else(|| anyhow::anyhow!("a connection that was just changed is not there"))?)
}

/// Replaces the secrets and settings of a connection, for who runs the installation; the account must stay the same.
/// They may move the address as well: they know that it is the same provider with the same books.
pub async fn rotate(app: &App, client_id: Uuid, id: Uuid, all: &Value, settings: &Value) -> anyhow::Result<()> {
    loop {
        let old = connection::get(&app.db, client_id, id).await?;
        let old = old.ok_or_else(|| anyhow::anyhow!("there is no such connection"))?;
        let provider = app.providers.get(&old.connection.provider);
        let provider = provider.ok_or_else(|| anyhow::anyhow!("its provider is not configured"))?;
        if provider.identity(all, settings).map_err(Refused::Fields)? != old.connection.identity {
            return Err(Refused::OtherAccount { field: "credentials".into() }.into());
        }
        let services: Vec<String> = old.connection.services.iter().map(|s| s.as_str().to_owned()).collect();
        let sealed = app.keys.seal(credentials_place(client_id, id), all.to_string().as_bytes());
        let changed = Changed {
            label: &old.connection.label,
            services: &services,
            credentials: Some((&sealed, &names(all))),
            overlap_until: overlap(app, app.now()),
            settings,
        };
        let mut tx = flows::begin(&app.db).await?;
        // Who changed it meanwhile is not undone: its newest version is rotated.
        let now = app.now();
        if connection::update(&mut tx, client_id, id, old.version, &changed, now).await? {
            let (mode, object) = (Some(old.connection.mode), ids::show(ids::CONNECTION, id));
            let both = Change { credentials: Some(all), settings: Some(settings), ..Change::default() };
            let detail = difference(&old, &both, &services, &services, |_| FeePlan::default());
            let (person, action, object) = (COMMAND_LINE, "connection.changed", object.as_str());
            record(&mut tx, &Deed { client_id, mode, person, action, object, detail }, now).await?;
            tx.commit().await?;
            forget(app, client_id, id);
            return Ok(());
        }
        anyhow::ensure!(old.removed_at.is_none(), "there is no such connection");
    }
}
