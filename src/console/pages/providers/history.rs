//! Who changed a connection, when and how: its part of the audit log, in words.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fee::plan_text;
use super::{form, service_name, status_key, who};
use crate::console::frame::Frame;
use crate::console::guard::Fail;
use crate::console::visitor::Console;
use crate::crypto::secret::Personal;
use crate::domain::connection::ConnectionStatus;
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::service::Service;
use crate::flows::access::Caller;
use crate::flows::people::log::{self, Entry};
use crate::providers::{self, Provider};
use crate::store::connection::Stored;

/// What somebody did.
pub struct Deed {
    pub at: DateTime<Utc>,
    pub who: Personal,
    pub what: String,
    pub lines: Vec<String>,
}

/// How many are shown; the audit log has them all.
const MOST: i64 = 30;

/// The newest deeds on a connection.
pub async fn of(console: &Console, frame: &Frame, caller: &Caller, stored: &Stored) -> Result<Vec<Deed>, Fail> {
    let object = ids::show(ids::CONNECTION, stored.connection.id);
    let form = console.app.providers.get(&stored.connection.provider).map(Provider::form).unwrap_or_default();
    let mut deeds = Vec::new();
    for entry in log::of_object(&console.app, caller, &object, MOST).await? {
        let what = frame.lang.find(&format!("action.{}", entry.action));
        deeds.push(Deed {
            at: entry.at,
            what: what.map_or_else(|| entry.action.clone(), str::to_owned),
            lines: lines(frame, form, &entry),
            who: who(console, frame, entry.who.reveal()).await?,
        });
    }
    Ok(deeds)
}

fn lines(frame: &Frame, form: &[providers::Field], entry: &Entry) -> Vec<String> {
    let detail = &entry.detail;
    let (before, after) = (&detail["before"], &detail["after"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match entry.action.strip_prefix("connection.").unwrap_or_default() {
        "status_set" => {
            let word = |value: &Value| {
                let status = value["status"].as_str().and_then(ConnectionStatus::parse);
                status.map_or_else(|| text(&value["status"]), |status| frame.t(status_key(status)).to_owned())
            };
            let mut lines = vec![format!("{} → {}", word(before), word(after)), frame.reason(&text(&after["reason"]))];
            let until = after["until"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
            lines.extend(until.map(|at| format!("{} {}", frame.t("connection.until"), frame.time(&at.to_utc()))));
            lines.retain(|line| !line.is_empty());
            lines
        }
        "fee_set" => {
            let service = Service::parse(&text(&detail["service"])).map_or("", |one| service_name(frame, one));
            let mut lines = vec![format!("{service}: {} → {}", plan(frame, before), plan(frame, after))];
            let from = detail["effectiveFrom"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
            lines.extend(from.map(|at| format!("{} {}", frame.t("fees.from"), frame.time(&at.to_utc()))));
            lines
        }
        "tested" => {
            let result = text(&detail["result"]);
            let told = if result == "good" {
                Some(frame.t("test.good_text"))
            } else {
                frame.lang.find(&format!("cause.{result}"))
            };
            vec![told.map_or(result, str::to_owned)]
        }
        "monitored" => {
            let key = if after.is_null() { "monitoring.off" } else { "monitoring.on" };
            vec![frame.t(key).to_owned()]
        }
        "changed" => changed(frame, form, before, after),
        _ => Vec::new(),
    }
}

/// A plan as it stands in the log; a price for each service as one of them.
fn plan(frame: &Frame, value: &Value) -> String {
    match serde_json::from_value::<FeePlan>(value.clone()) {
        Ok(plan) => plan_text(frame, &plan),
        Err(_) => {
            value.as_object().into_iter().flatten().map(|(_, one)| plan(frame, one)).collect::<Vec<_>>().join(", ")
        }
    }
}

/// What a change was of: names for secrets and settings, values for what may be told.
fn changed(frame: &Frame, form: &[providers::Field], before: &Value, after: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let list = |value: &Value, name: &dyn Fn(&str) -> String| {
        let all = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        all.map(name).collect::<Vec<_>>().join(", ")
    };
    let services =
        |name: &str| Service::parse(name).map_or_else(|| name.to_owned(), |one| service_name(frame, one).to_owned());
    let fields = |name: &str| {
        let known = form.iter().find(|field| field.name == name);
        known.map_or_else(|| name.to_owned(), |field| form::label(frame.lang, field).to_owned())
    };
    let key = |name: &str| after.get(name).filter(|value| !value.is_null());
    if let Some(label) = key("label").and_then(Value::as_str) {
        lines.push(format!(
            "{}: {} → {label}",
            frame.t("connection.label"),
            before["label"].as_str().unwrap_or_default()
        ));
    }
    if let Some(all) = key("services") {
        let (was, is) = (list(&before["services"], &services), list(all, &services));
        lines.push(format!("{}: {was} → {is}", frame.t("providers.services")));
    }
    if let Some(fee) = key("fee") {
        lines.push(format!("{}: {} → {}", frame.t("fees.title"), plan(frame, &before["fee"]), plan(frame, fee)));
    }
    if let Some(all) = key("credentials") {
        lines.push(format!("{}: {}", frame.t("connection.credentials_new"), list(all, &fields)));
    }
    if let Some(all) = key("settings") {
        lines.push(format!("{}: {}", frame.t("connection.settings"), list(all, &fields)));
    }
    lines
}
