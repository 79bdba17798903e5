//! Whether this client's money goes out, and the switch.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::role::{Feature, Level};
use crate::flows::sending;

const HERE: &str = "/console/settings/sending";

/// The longest reason; the API takes no longer one either.
const REASON_CHARS: usize = 500;

#[derive(Template)]
#[template(path = "pages/sending.html")]
struct SendingPage<'a> {
    frame: &'a Frame,
    state: sending::Sending,
    reason: Field,
    may_edit: bool,
}

async fn show(console: &Console, signed: &Signed, typed: &str, wrong: &str) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Maintenance, Level::View)?;
    let frame = Frame::of(console, signed, HERE, "sending.title");
    let reason = Field::new("reason", frame.t("sending.reason")).hint(frame.t("sending.reason_hint"));
    let page = SendingPage {
        state: sending::state(&console.app, &caller).await?,
        reason: reason.value(typed).error(wrong),
        may_edit: signed.person.may(Feature::Maintenance, Level::Edit),
        frame: &frame,
    };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    show(&console, &signed, "", "").await
}

pub async fn pause(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Maintenance, Level::Edit)?;
    let reason = fields.text("reason");
    if reason.is_empty() || reason.chars().count() > REASON_CHARS || reason.chars().any(char::is_control) {
        return show(&console, &signed, reason, signed.look.lang.text("sending.reason_wrong")).await;
    }
    sending::set(&console.app, &caller, Some(reason)).await?;
    Ok(go(&console, HERE, "flash.sending_paused"))
}

pub async fn resume(State(console): State<Console>, signed: Signed, _: Fields) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Maintenance, Level::Edit)?;
    sending::set(&console.app, &caller, None).await?;
    Ok(go(&console, HERE, "flash.sending_resumed"))
}
