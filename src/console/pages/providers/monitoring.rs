//! Monitoring of a connection: whether it leaves routing by itself when its provider stops answering, and by what rule.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{fail, find, frame_within, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::monitoring::{BOUNDS, Rule};
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::connections::{self, Refused};
use crate::store::connection::Stored;

#[derive(Template)]
#[template(path = "pages/providers/monitoring.html")]
struct MonitoringPage<'a> {
    frame: &'a Frame,
    path: String,
    is_on: bool,
    fields: Vec<Field>,
    alert: &'static str,
}

/// Each number of a rule: its name, the keys of its label and hint, as the rule's bounds list them.
const NUMBERS: [(&str, &str, &str); 5] = [
    ("window_seconds", "monitoring.window", "monitoring.window_hint"),
    ("minimum_sends", "monitoring.sends", "monitoring.sends_hint"),
    ("failing_percent", "monitoring.failing", "monitoring.failing_hint"),
    ("wait_seconds", "monitoring.wait", "monitoring.wait_hint"),
    ("recoveries", "monitoring.recoveries", "monitoring.recoveries_hint"),
];

fn values(rule: &Rule) -> [String; 5] {
    [rule.window_seconds, rule.minimum_sends, rule.failing_percent, rule.wait_seconds, rule.recoveries]
        .map(|value| value.to_string())
}

/// What was typed. What is no number is out of bounds, so that it is refused with everything else.
fn rule_of(fields: &Fields) -> Rule {
    let number = |at: usize| fields.text(NUMBERS[at].0).parse().unwrap_or(u32::MAX);
    Rule {
        window_seconds: number(0),
        minimum_sends: number(1),
        failing_percent: number(2),
        wait_seconds: number(3),
        recoveries: number(4),
    }
}

async fn show(
    console: &Console,
    signed: &Signed,
    stored: &Stored,
    sent: Option<(&Fields, &[&str])>,
) -> Result<Response, Fail> {
    let frame = frame_within(console, signed, stored, "monitoring.title");
    let standing = connections::monitored(&console.app, stored).await?;
    let rule = standing.as_ref().map(|(_, rule)| *rule).unwrap_or_default();
    let shown =
        sent.map_or_else(|| values(&rule), |(fields, _)| NUMBERS.map(|(name, ..)| fields.text(name).to_owned()));
    let field = |at: usize| {
        let ((name, label, hint), (bound, least, most)) = (NUMBERS[at], BOUNDS[at]);
        let is_wrong = sent.is_some_and(|(_, wrong)| wrong.contains(&bound));
        let bounds = [("least", least.to_string()), ("most", most.to_string())];
        let bounds = bounds.each_ref().map(|(name, value)| (*name, value.as_str()));
        let error = if is_wrong { frame.lang.with("monitoring.number_wrong", &bounds) } else { String::new() };
        Field::new(name, frame.t(label)).hint(frame.t(hint)).decimal().length(6).value(&shown[at]).error(&error)
    };
    let page = MonitoringPage {
        path: path_of(stored),
        is_on: standing.is_some(),
        fields: (0..NUMBERS.len()).map(field).collect(),
        alert: if sent.is_some() { frame.t("forms.wrong") } else { "" },
        frame: &frame,
    };
    let status = if sent.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame::with_status(console, &frame, &page, status)
}

fn caller_of(signed: &Signed) -> Result<Caller, Fail> {
    signed.needs(Feature::Maintenance, Level::Edit)?;
    signed.caller(Feature::Providers, Level::Edit)
}

pub async fn page(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = caller_of(&signed)?;
    let stored = find(&console, &caller, &id).await?;
    show(&console, &signed, &stored, None).await
}

pub async fn set(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = caller_of(&signed)?;
    let stored = find(&console, &caller, &id).await?;
    if fields.text("do") == "off" {
        connections::stop_monitoring(&console.app, &caller, &stored).await?;
        return Ok(go(&console, &path_of(&stored), "flash.monitoring_off"));
    }
    match connections::monitor(&console.app, &caller, &stored, &rule_of(&fields)).await {
        Ok(()) => Ok(go(&console, &path_of(&stored), "flash.monitoring_on")),
        Err(Refused::Fields(faults)) => {
            let wrong: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
            show(&console, &signed, &stored, Some((&fields, &wrong))).await
        }
        Err(other) => Err(fail(other)),
    }
}
