//! What connections cost: the plans in force and to come, their history, and new versions of them.
//!
//! A version is added and never changed. What an attempt costs is fixed when it is made; no plan reaches back.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::change::reread;
use super::make::fault;
use super::{Refused, forget};
use crate::app::App;
use crate::domain::fee::{FeePlan, FeePlans};
use crate::domain::ids;
use crate::domain::money::Money;
use crate::domain::service::Service;
use crate::domain::webhook::time;
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited;
use crate::providers::FieldFault;
use crate::store::connection::{self, Stored};
use crate::store::fee::{self, NewPlan, Version, Which};
use crate::store::{self};

/// The plans of these connections that are in force or to come.
pub async fn fees(app: &App, client_id: Uuid, connections: &[Uuid]) -> store::Result<FeePlans> {
    fee::current(&app.db, client_id, connections, app.now()).await
}

/// A page of a connection's versions: by service, the newest first.
pub async fn fee_history(app: &App, stored: &Stored, which: &Which<'_>, limit: i64) -> store::Result<Vec<Version>> {
    fee::history(&app.db, stored.client_id, stored.connection.id, which, limit, app.now()).await
}

/// A plan for one service of a connection.
pub struct FeeChange<'a> {
    pub service: &'a str,
    pub plan: FeePlan,
    /// At once where `None`.
    pub effective_from: Option<DateTime<Utc>>,
}

/// Adds a version, if the connection's version still stands. Answers it beside the connection as it is then.
pub async fn set_fee(
    app: &App,
    caller: &Caller,
    old: &Stored,
    change: &FeeChange<'_>,
) -> Result<(Version, Stored), Refused> {
    let (client_id, id, now) = (old.client_id, old.connection.id, app.now());
    let service = check(old, change, now).map_err(Refused::Fields)?;
    let effective_from = change.effective_from.unwrap_or(now);
    let before = fees(app, client_id, &[id]).await?.at(id, service, now);
    let services = [service.as_str().to_owned()];
    let new = NewPlan {
        client_id,
        connection_id: id,
        services: &services,
        effective_from,
        plan: &change.plan,
        by: &caller.person,
    };
    let mut tx = flows::begin(&app.db).await?;
    if !connection::touch(&mut tx, client_id, id, old.version, now).await? {
        return Err(Refused::ChangedMeanwhile);
    }
    let version = fee::append(&mut tx, &new, now).await?.first().copied().unwrap_or_default();
    let detail = json!({
        "service": service.as_str(), "version": version, "effectiveFrom": time(effective_from),
        "before": before, "after": change.plan,
    });
    audited(&mut tx, caller, "connection.fee_set", &ids::show(ids::CONNECTION, id), detail, now).await?;
    tx.commit().await?;
    forget(app, client_id, id);
    let which = Which { service: Some(service.as_str()), after: Some((service.as_str(), version + 1)) };
    let made = fee_history(app, old, &which, 1).await?.pop();
    let made = made.ok_or_else(|| anyhow::anyhow!("a fee that was just written is not there"))?;
    Ok((made, reread(app, client_id, id).await?))
}

/// The service meant, or everything that is wrong.
fn check(old: &Stored, change: &FeeChange<'_>, now: DateTime<Utc>) -> Result<Service, Vec<FieldFault>> {
    let mut faults = plan_faults(&change.plan);
    faults.extend(start_fault(change.effective_from, now));
    let of_connection = |service: &Service| old.connection.services.contains(service);
    let service = Service::parse(change.service).filter(of_connection);
    if service.is_none() {
        let names: Vec<&str> = old.connection.services.iter().map(|service| service.as_str()).collect();
        faults.push(fault("service", format!("is no service of this connection; it has: {}", names.join(", "))));
    }
    match service {
        Some(service) if faults.is_empty() => Ok(service),
        _ => Err(faults),
    }
}

/// What is wrong with the moment a plan begins.
pub(super) fn start_fault(from: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<FieldFault> {
    let is_past = from.is_some_and(|from| from < now);
    is_past.then(|| fault("effectiveFrom", "must not be in the past; leave it out to begin at once"))
}

/// What a plan makes of an amount.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    pub fee: Money,
    /// VAT on the fee as rounded.
    pub tax: Money,
    /// Amount, fee and tax together.
    pub total: Money,
}

/// Asks what a plan makes of an amount, or everything that is wrong with the plan; nothing is written.
pub fn quote(plan: &FeePlan, amount: Money) -> Result<Quote, Vec<FieldFault>> {
    let faults = plan_faults(plan);
    if !faults.is_empty() {
        return Err(faults);
    }
    let made = plan.of(amount.units);
    let total = made.and_then(|made| amount.units.checked_add(made.fee)?.checked_add(made.tax));
    let (Some(made), Some(total)) = (made, total) else {
        return Err(vec![fault("plan", "gives no valid fee for this amount")]);
    };
    let money = |units| Money::new(units, amount.currency);
    Ok(Quote { fee: money(made.fee), tax: money(made.tax), total: money(total) })
}

/// Everything that is wrong with a plan in a body's field `plan`.
pub fn plan_faults(plan: &FeePlan) -> Vec<FieldFault> {
    plan.faults().into_iter().map(|(field, reason)| fault(&format!("plan.{field}"), reason)).collect()
}
