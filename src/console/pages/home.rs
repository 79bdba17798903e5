//! Home: whom one works for, what one may do there, and where to go on.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use crate::console::frame::{self, Frame, Link};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Signed};
use crate::domain::role::{Level, MATRIX, level};
use crate::domain::service::Mode;

/// `/` and `/console` lead to the home page.
pub async fn root() -> Response {
    Redirect::to("/console/").into_response()
}

/// An address that is no page.
pub async fn nothing() -> Fail {
    Fail::NotFound
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
#[template(path = "pages/home.html")]
struct HomePage<'a> {
    frame: &'a Frame,
    client: Option<&'a str>,
    role: &'static str,
    live: bool,
    links: Vec<(&'a Link, &'static str)>,
    rights: Vec<Right>,
    second_factor: bool,
}

pub async fn page(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    let frame = Frame::of(&console, &signed, "/console/", "home.title");
    let (person, work) = (&signed.person, signed.person.work.as_ref());
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
        links: frame.menu.iter().skip(1).map(|link| (link, frame.t(text_of(link.path)))).collect(),
        rights,
        second_factor: person.second_factor,
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

/// What stands under a link.
fn text_of(path: &str) -> &'static str {
    match path {
        "/console/transactions" => "home.transactions",
        "/console/providers" => "home.providers",
        "/console/settings/team" => "home.team",
        "/console/settings/audit" => "home.audit",
        _ => "home.security",
    }
}
