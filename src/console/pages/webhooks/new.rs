//! The form that makes an endpoint; and its secret and token, shown once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{EndpointFields, HERE, SNIPPET, Typed, Wrong, path_of};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::shown::Shown;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::role::{Feature, Level};
use crate::domain::webhook::DEFAULT_EVENTS;
use crate::flows::endpoints::{self, EndpointWish};
use crate::flows::once::{First, Refused};

#[derive(Template)]
#[template(path = "pages/webhooks/new.html")]
struct NewPage<'a> {
    frame: &'a Frame,
    fields: EndpointFields<'a>,
}

fn show(console: &Console, signed: &Signed, typed: &Typed, wrong: &Wrong) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "webhooks.new").below("webhooks.title", HERE);
    let page = NewPage { fields: EndpointFields::new(&frame, typed, wrong), frame: &frame };
    let status = if wrong.is_any() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame::with_status(console, &frame, &page, status)
}

pub async fn form(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    signed.caller(Feature::Settings, Level::Edit)?;
    let events = DEFAULT_EVENTS.map(String::from).to_vec();
    let empty = Typed { url: String::new(), description: String::new(), events };
    show(&console, &signed, &empty, &Wrong::default())
}

/// Secrets that are shown once, and how to use them.
#[derive(Template)]
#[template(path = "pages/webhooks/secrets.html")]
pub(super) struct SecretsPage<'a> {
    pub frame: &'a Frame,
    pub secrets: Vec<Shown>,
    /// Until when the old secret signs too, where there is one.
    pub old_until: Option<String>,
    pub snippet: &'static str,
    pub back: String,
}

pub async fn make(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::Edit)?;
    let typed = Typed::read(&fields);
    let wrong = typed.check(&console, &signed);
    if wrong.is_any() {
        return show(&console, &signed, &typed, &wrong);
    }
    let wish = EndpointWish { url: &typed.url, description: &typed.description, events: &typed.events };
    let made = match endpoints::create(&console.app, &caller, &wish, None).await {
        Ok(First::Made(made)) => made,
        Ok(First::Replayed(_)) => return Err(Fail::fault(anyhow::anyhow!("a form without a key was a repeat"))),
        Err(Refused::Store(error)) => return Err(error.into()),
        Err(refused) => return Err(Fail::fault(refused.into())),
    };
    let lang = signed.look.lang;
    let frame = Frame::of(&console, &signed, HERE, "webhooks.made").below("webhooks.title", HERE);
    let secret = Shown::new(lang, "secret", "webhooks.secret", &made.secret);
    let token = Shown::new(lang, "token", "webhooks.token", &made.token);
    let page = SecretsPage {
        secrets: vec![secret, token],
        old_until: None,
        snippet: SNIPPET,
        back: path_of(&made.endpoint),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}
