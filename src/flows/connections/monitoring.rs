//! Monitoring: a connection whose provider stops answering leaves routing by itself, and comes back when it answers.
//!
//! Each process judges by the sends it made itself. Whoever sets a status by hand has the last word, and INACTIVE is
//! never touched. What is asked to see whether a provider recovered moves no money.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::probe::ask;
use super::{Refused, fault, forget};
use crate::app::App;
use crate::domain::connection::OwnReason;
use crate::domain::ids;
use crate::domain::monitoring::{self as rules, Rule, Tally};
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::{self, Deed, audited};
use crate::store::connection::{self, Stored};
use crate::store::monitoring::{self, Watched};
use crate::store::{self};

/// Who sets a status by itself, in the audit log.
pub const MONITORING: &str = "monitoring";

/// Connections that are looked at in one tick.
const PAGE: i64 = 16;

/// The hour in which a relapse counts, in seconds of the schedule.
const RELAPSE_S: u64 = 3_600;

/// The monitoring of a connection and its rule; `None`: it is off.
pub async fn monitored(app: &App, stored: &Stored) -> anyhow::Result<Option<(Watched, Rule)>> {
    let watched = monitoring::get(&app.db, stored.client_id, stored.connection.id).await?;
    watched.map(|watched| Ok((watched.clone(), rule_of(&watched)?))).transpose()
}

fn rule_of(watched: &Watched) -> anyhow::Result<Rule> {
    Ok(serde_json::from_value(watched.rule.clone())?)
}

/// Switches monitoring on by `rule`, or gives it another one.
pub async fn monitor(app: &App, caller: &Caller, stored: &Stored, rule: &Rule) -> Result<(), Refused> {
    let faults: Vec<_> = rule
        .faults()
        .map(|(field, least, most)| fault(field, format!("must be a whole number from {least} to {most}")))
        .collect();
    if !faults.is_empty() {
        return Err(Refused::Fields(faults));
    }
    let rule = serde_json::to_value(rule).map_err(anyhow::Error::from)?;
    let (client_id, id, now) = (stored.client_id, stored.connection.id, app.now());
    let before = monitoring::get(&app.db, client_id, id).await?.map(|watched| watched.rule);
    let mut tx = flows::begin(&app.db).await?;
    monitoring::set(&mut tx, client_id, id, &rule, &caller.person, now).await?;
    let detail = json!({ "before": before, "after": rule });
    audited(&mut tx, caller, "connection.monitored", &ids::show(ids::CONNECTION, id), detail, now).await?;
    Ok(tx.commit().await?)
}

/// Switches monitoring off. A connection that it took out of routing stays out until somebody sets its status.
pub async fn stop_monitoring(app: &App, caller: &Caller, stored: &Stored) -> store::Result<()> {
    let (client_id, id, now) = (stored.client_id, stored.connection.id, app.now());
    let before = monitoring::get(&app.db, client_id, id).await?.map(|watched| watched.rule);
    let mut tx = flows::begin(&app.db).await?;
    if monitoring::unset(&mut tx, client_id, id).await? {
        let detail = json!({ "before": before, "after": Value::Null });
        audited(&mut tx, caller, "connection.monitored", &ids::show(ids::CONNECTION, id), detail, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// One look at everything: what fails leaves routing, what is due is asked. One that goes wrong holds up no other.
pub async fn watch(app: &App) -> anyhow::Result<()> {
    let (clients, ids): (Vec<_>, Vec<_>) = app.seen.connections().into_iter().unzip();
    if !ids.is_empty() {
        for watched in monitoring::at_work(&app.db, &clients, &ids).await? {
            if let Err(error) = judge(app, &watched).await {
                tracing::warn!(connection = %watched.connection_id, %error, "monitoring could not judge; it tries again");
            }
        }
    }
    let (now, schedule) = (app.now(), &app.config.schedule);
    // Longer than the longest look takes.
    let leased = now + schedule.seconds(schedule.lease_margin_s).max(super::probe::PATIENCE * 2);
    let mut tx = flows::single(&app.db).await?;
    let due = monitoring::take_due(&mut tx, now, leased, PAGE).await?;
    tx.commit().await?;
    join_all(due.iter().map(async |watched| {
        if let Err(error) = look(app, watched).await {
            tracing::warn!(connection = %watched.connection_id, %error, "monitoring could not look; it tries again");
        }
    }))
    .await;
    Ok(())
}

/// Takes a connection out of routing where its rule says so.
async fn judge(app: &App, watched: &Watched) -> anyhow::Result<()> {
    let (rule, schedule, now) = (rule_of(watched)?, &app.config.schedule, app.now());
    let from = now - TimeDelta::from_std(schedule.seconds(rule.window_seconds.into()))?;
    let tally = app.seen.since(watched.client_id, watched.connection_id, from.max(watched.since));
    if !rule.trips(tally) {
        return Ok(());
    }
    let earlier = u32::try_from(watched.wait_s).unwrap_or_default();
    let wait = rule.wait(earlier, watched.recovered_at, schedule.seconds(RELAPSE_S), now);
    let Tally { answered, unanswered } = tally;
    let reason = OwnReason::Silent { unanswered, sends: answered + unanswered }.to_string();
    let next = now + schedule.seconds(wait.into());
    let Some(stored) = connection::get(&app.db, watched.client_id, watched.connection_id).await? else {
        return Ok(());
    };
    let mut tx = flows::begin(&app.db).await?;
    if monitoring::trip(&mut tx, watched, &reason, i32::try_from(wait)?, next, now).await? {
        told(app, tx, &stored, ["ACTIVE", "MAINTENANCE"], &reason, now).await?;
        metrics::counter!("monitoring_trips_total").increment(1);
    }
    Ok(())
}

/// Asks a provider whether it answers again.
async fn look(app: &App, watched: &Watched) -> anyhow::Result<()> {
    let (rule, schedule) = (rule_of(watched)?, &app.config.schedule);
    let Some(stored) = connection::get(&app.db, watched.client_id, watched.connection_id).await? else {
        return Ok(());
    };
    let wait = u32::try_from(watched.wait_s).unwrap_or_default();
    let (good, wait, reason) = match ask(app, stored.clone()).await? {
        // Nothing harmless can be asked: the wait itself is the proof, and the next sends are the judges.
        None => (watched.good.saturating_add_unsigned(rule.recoveries), wait, OwnReason::WaitOver),
        Some(tested) if tested.trouble.is_none() => (watched.good + 1, wait, OwnReason::Answers),
        Some(_) => (0, rules::longer(wait), OwnReason::WaitOver),
    };
    let now = app.now();
    let mut tx = flows::begin(&app.db).await?;
    if u32::try_from(good).is_ok_and(|good| good >= rule.recoveries) {
        let reason = reason.to_string();
        if monitoring::recover(&mut tx, watched, &reason, now).await? {
            told(app, tx, &stored, ["MAINTENANCE", "ACTIVE"], &reason, now).await?;
        }
        return Ok(());
    }
    // A good answer is followed up soon.
    let next = schedule.seconds(if good > 0 { wait.min(rule.wait_seconds) } else { wait }.into());
    monitoring::looked(&mut tx, watched, good, i32::try_from(wait)?, now + next).await?;
    Ok(tx.commit().await?)
}

/// Writes down a change of status that nobody made by hand, and commits it.
async fn told(
    app: &App,
    mut tx: store::Tx,
    stored: &Stored,
    [from, to]: [&str; 2],
    reason: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let (client_id, id, mode) = (stored.client_id, stored.connection.id, Some(stored.connection.mode));
    let object = ids::show(ids::CONNECTION, id);
    let detail = json!({ "before": { "status": from }, "after": { "status": to, "reason": reason } });
    let (person, action, object) = (MONITORING, "connection.status_set", object.as_str());
    audit::record(&mut tx, &Deed { client_id, mode, person, action, object, detail }, now).await?;
    tx.commit().await?;
    forget(app, client_id, id);
    tracing::warn!(connection = object, to, reason, "monitoring set a status");
    Ok(())
}
