//! Removing a connection for good, after one has read what that means.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{HERE, fail, find, frame_within, is_stale, path_of};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::role::{Feature, Level};
use crate::flows::connections::{self, Refused};
use crate::store::connection::Stored;

#[derive(Template)]
#[template(path = "pages/providers/remove.html")]
struct RemovePage<'a> {
    frame: &'a Frame,
    path: String,
    version: i32,
    label: &'a str,
    alert: String,
}

fn show(console: &Console, signed: &Signed, stored: &Stored, alert: String) -> Result<Response, Fail> {
    let frame = frame_within(console, signed, stored, "connection.remove");
    let status = if alert.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    let (path, label) = (path_of(stored), stored.connection.label.as_str());
    let page = RemovePage { frame: &frame, path, version: stored.version, label, alert };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    show(&console, &signed, &stored, String::new())
}

pub async fn remove(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let lang = signed.look.lang;
    if is_stale(&fields, &stored) {
        return show(&console, &signed, &stored, lang.text("forms.stale").into());
    }
    match connections::remove(&console.app, &caller, &stored).await {
        Ok(_) => Ok(go(&console, HERE, "flash.connection_removed")),
        Err(Refused::Unfinished(left)) => {
            let counts = [("attempts", left.attempts.to_string()), ("exceptions", left.exceptions.to_string())];
            let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
            show(&console, &signed, &stored, lang.with("connection.unfinished", &counts))
        }
        Err(Refused::ChangedMeanwhile) => show(&console, &signed, &stored, lang.text("forms.stale").into()),
        Err(other) => Err(fail(other)),
    }
}
