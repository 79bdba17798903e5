//! Home: the state of the client at a glance, and what needs somebody first. The part that changes is made once and
//! served twice: in the page, and by itself for the script that looks again every few seconds.

mod attention;
mod figures;
mod view;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Signed, Watching};
use crate::domain::role::{Feature, Level, MATRIX, level};
use crate::domain::service::Mode;
use crate::flows::access::Caller;
use crate::flows::overview::{self, Reach};
use view::View;

const HERE: &str = "/console/";

/// `/` and `/console` lead to the home page.
pub async fn root() -> Response {
    Redirect::to(HERE).into_response()
}

/// An address that is no page.
pub async fn nothing() -> Fail {
    Fail::NotFound
}

/// How far back one looks, as the address says it.
#[derive(Deserialize, Default)]
pub struct Which {
    #[serde(default)]
    reach: String,
}

impl Which {
    fn reach(&self) -> Reach {
        Reach::parse(&self.reach).unwrap_or(Reach::Day)
    }
}

/// A line of what the person may do.
struct Right {
    name: &'static str,
    level: &'static str,
    /// `full`, `view` or `none`: how it looks.
    look: &'static str,
    sign: &'static str,
}

#[derive(Template)]
#[template(path = "pages/home/page.html")]
struct HomePage<'a> {
    frame: &'a Frame,
    client: Option<&'a str>,
    role: &'static str,
    live: bool,
    /// The address of each reach, its name, and whether it is this one.
    reaches: Vec<(String, String, bool)>,
    rights: Vec<Right>,
    second_factor: bool,
    /// The part that changes.
    now: String,
    /// Where the script looks for it again.
    again: String,
}

#[derive(Template)]
#[template(path = "pages/home/now.html")]
struct Now<'a> {
    frame: &'a Frame,
    view: &'a View,
    here: String,
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let frame = Frame::of(&console, &signed, HERE, "home.title");
    let (person, work) = (&signed.person, signed.person.work.as_ref());
    let reach = which.reach();
    let now = match person.caller() {
        Some(caller) => now(&console, &frame, &signed, &caller, reach).await?,
        None => String::new(),
    };
    let rights = work.map_or(Vec::new(), |work| {
        let line = |feature| {
            let (key, look, sign) = match level(work.role, feature) {
                Level::Edit => ("level.edit", "full", "●"),
                Level::View => ("level.view", "view", "◐"),
                Level::None => ("level.none", "none", "○"),
            };
            Right { name: frame.t(super::team::feature_key(feature)), level: frame.t(key), look, sign }
        };
        MATRIX.iter().map(|(feature, _)| line(*feature)).collect()
    });
    let page = HomePage {
        client: work.map(|work| work.client.as_str()),
        role: work.map_or("", |work| frame.role(&work.role)),
        live: person.mode == Mode::Live,
        reaches: Reach::ALL.into_iter().map(|of| (address(of), frame.t(view::name(of)).into(), of == reach)).collect(),
        rights,
        second_factor: person.second_factor,
        now,
        again: format!("/console/home/live?reach={}", reach.as_str()),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

fn address(reach: Reach) -> String {
    match reach {
        Reach::Day => HERE.into(),
        reach => format!("{HERE}?reach={}", reach.as_str()),
    }
}

/// The part of the page that changes, by itself.
pub async fn live(
    State(console): State<Console>,
    Watching(signed): Watching,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let frame = Frame::of(&console, &signed, HERE, "home.title");
    let caller = signed.person.caller().ok_or(Fail::Forbidden)?;
    let body = now(&console, &frame, &signed, &caller, which.reach()).await?;
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response())
}

async fn now(console: &Console, frame: &Frame, signed: &Signed, caller: &Caller, reach: Reach) -> Result<String, Fail> {
    // Money is for who may see payments; how connections and webhooks do is for everybody who works here.
    let money = signed.person.may(Feature::Transactions, Level::View);
    let overview = overview::overview(&console.app, caller, reach, money).await?;
    let view = View::of(frame, &overview, reach, &signed.person);
    Now { frame, view: &view, here: address(reach) }.render().map_err(|error| Fail::fault(error.into()))
}
