//! Setting a connection's status by hand: with a reason, and for a maintenance with an end where one is known.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{fail, find, frame_within, is_stale, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::typed;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::connection::ConnectionStatus;
use crate::domain::role::{Feature, Level};
use crate::flows::connections::{self, Refused};
use crate::store::connection::Stored;
use crate::store::status::NewStatus;

#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "pages/providers/status.html")]
struct StatusPage<'a> {
    frame: &'a Frame,
    path: String,
    version: i32,
    to: &'static str,
    text: &'static str,
    reason: Field,
    /// Maintenance alone has an end.
    until: Option<Field>,
    stops: bool,
    alert: &'static str,
}

/// What is shown of a form that was sent.
#[derive(Default)]
struct Sent<'a> {
    reason: &'a str,
    until: &'a str,
    reason_wrong: bool,
    until_wrong: bool,
    alert: &'static str,
}

fn show(
    console: &Console,
    signed: &Signed,
    stored: &Stored,
    to: ConnectionStatus,
    (sent, status): (&Sent<'_>, StatusCode),
) -> Result<Response, Fail> {
    let (title, text, hint) = match to {
        ConnectionStatus::Active => ("status.reactivate", "status.reactivate_text", "status.reactivate_hint"),
        ConnectionStatus::Maintenance => ("status.maintain", "status.maintain_text", "status.maintain_hint"),
        ConnectionStatus::Inactive => ("status.deactivate", "status.deactivate_text", "status.deactivate_hint"),
    };
    let frame = frame_within(console, signed, stored, title);
    let wrong = |is: bool, key: &'static str| if is { frame.t(key) } else { "" };
    let until = || {
        Field::new("until", frame.t("status.until"))
            .kind("datetime-local", "off")
            .hint(frame.t("status.until_hint"))
            .optional()
            .value(sent.until)
            .error(wrong(sent.until_wrong, "status.until_wrong"))
    };
    let page = StatusPage {
        path: path_of(stored),
        version: stored.version,
        to: to.as_str(),
        text: frame.t(text),
        reason: Field::new("reason", frame.t("status.reason"))
            .hint(frame.t(hint))
            .length(500)
            .value(sent.reason)
            .error(wrong(sent.reason_wrong, "status.reason_wrong")),
        until: (to == ConnectionStatus::Maintenance).then(until),
        stops: to == ConnectionStatus::Inactive,
        alert: if sent.alert.is_empty() { "" } else { frame.t(sent.alert) },
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    signed.needs(Feature::Maintenance, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let to = ConnectionStatus::parse(&which.to).ok_or(Fail::NotFound)?;
    show(&console, &signed, &stored, to, (&Sent::default(), StatusCode::OK))
}

/// When it ends, as typed. What cannot be read is long past, so that it is refused with everything else.
fn end(to: ConnectionStatus, text: &str) -> Option<DateTime<Utc>> {
    let is_given = to == ConnectionStatus::Maintenance && !text.is_empty();
    is_given.then(|| typed::moment(text).unwrap_or(DateTime::UNIX_EPOCH))
}

pub async fn set(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    signed.needs(Feature::Maintenance, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let to = ConnectionStatus::parse(fields.text("to")).ok_or(Fail::BadForm)?;
    let mut sent = Sent { reason: fields.text("reason"), until: fields.text("until"), ..Sent::default() };
    if is_stale(&fields, &stored) {
        sent.alert = "forms.stale";
        return show(&console, &signed, &stored, to, (&sent, StatusCode::CONFLICT));
    }
    let new = NewStatus { status: to, reason: sent.reason, until: end(to, sent.until) };
    match connections::set_status_by(&console.app, &caller, &stored, new).await {
        Ok(stored) => Ok(go(&console, &path_of(&stored), "flash.status_set")),
        Err(Refused::Fields(faults)) => {
            let about = |field: &str| faults.iter().any(|fault| fault.field == field);
            (sent.reason_wrong, sent.until_wrong) = (about("reason"), about("until"));
            show(&console, &signed, &stored, to, (&sent, StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Refused::ChangedMeanwhile) => {
            sent.alert = "forms.stale";
            show(&console, &signed, &stored, to, (&sent, StatusCode::CONFLICT))
        }
        Err(other) => Err(fail(other)),
    }
}
