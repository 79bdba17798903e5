//! Where calls to the API may come from: one address or block a line, for all keys of the client.
//!
//! The console itself is not behind the list, so nobody locks themselves out of mending it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Origin, Signed};
use crate::domain::role::{Feature, Level};
use crate::flows::access::{self, Reach};

const HERE: &str = "/console/settings/addresses";

/// The most lines of a list; the API takes no more either.
const LINES: usize = 500;

#[derive(Template)]
#[template(path = "pages/allow_list.html")]
struct ListPage<'a> {
    frame: &'a Frame,
    typed: String,
    /// What is wrong, line by line.
    wrong: Vec<String>,
    /// What the list would do that few want: it is asked for once more.
    warning: Option<&'static str>,
    /// How the list in force lets in: look, sign and words.
    state: (&'static str, &'static str, &'static str),
    here: String,
    here_is_in: bool,
    may_edit: bool,
}

/// What the form holds when it is shown again.
#[derive(Default)]
struct Typed {
    text: Option<String>,
    wrong: Vec<String>,
    warning: Option<&'static str>,
}

async fn show(console: &Console, signed: &Signed, origin: &Origin, typed: Typed) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::View)?;
    let blocks = access::allowed(&console.app, &caller).await?;
    let frame = Frame::of(console, signed, HERE, "addresses.title");
    let status = match (typed.wrong.is_empty(), typed.warning) {
        (false, _) => StatusCode::UNPROCESSABLE_ENTITY,
        (true, Some(_)) => StatusCode::CONFLICT,
        (true, None) => StatusCode::OK,
    };
    let page = ListPage {
        state: match access::reach(&blocks) {
            Reach::Everybody => ("warn", "▲", frame.t("addresses.everybody")),
            Reach::NobodyOutside => ("bad", "■", frame.t("addresses.nobody")),
            Reach::Some => ("good", "●", frame.t("addresses.some")),
        },
        here: origin.address.to_string(),
        here_is_in: access::lets_in(&blocks, origin.address),
        typed: typed.text.unwrap_or_else(|| blocks.join("\n")),
        wrong: typed.wrong,
        warning: typed.warning,
        may_edit: signed.person.may(Feature::Settings, Level::Edit),
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(State(console): State<Console>, signed: Signed, origin: Origin) -> Result<Response, Fail> {
    show(&console, &signed, &origin, Typed::default()).await
}

pub async fn replace(
    State(console): State<Console>,
    signed: Signed,
    origin: Origin,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::Edit)?;
    let (lang, text) = (signed.look.lang, fields.text("addresses"));
    // The numbers of lines as the person counts them, blank ones too.
    let lines: Vec<(usize, &str)> =
        text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()).collect();
    let mut typed = Typed { text: Some(text.to_owned()), ..Typed::default() };
    if lines.len() > LINES {
        typed.wrong.push(lang.with("addresses.many", &[("n", &LINES.to_string())]));
        return show(&console, &signed, &origin, typed).await;
    }
    let blocks = match access::blocks(lines.iter().map(|(_, line)| *line)) {
        Ok(blocks) => blocks,
        Err(places) => {
            let told = |at: usize| {
                let (number, line) = lines[at];
                lang.with("addresses.wrong", &[("n", &(number + 1).to_string()), ("line", line)])
            };
            typed.wrong = places.into_iter().map(told).collect();
            return show(&console, &signed, &origin, typed).await;
        }
    };
    if fields.text("sure").is_empty() {
        typed.warning = match access::reach(&blocks) {
            // An empty list is what a client begins with, and is said in words on the page.
            Reach::Everybody => Some(lang.text("addresses.warn_everybody")),
            Reach::NobodyOutside => Some(lang.text("addresses.warn_nobody")),
            Reach::Some => None,
        };
        if typed.warning.is_some() {
            return show(&console, &signed, &origin, typed).await;
        }
    }
    access::set_allowed(&console.app, &caller, &blocks).await?;
    Ok(go(&console, HERE, "flash.addresses_set"))
}
