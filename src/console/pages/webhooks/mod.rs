//! Webhook endpoints: a list with how each fares, a form that makes one, and one endpoint with its deliveries.

mod change;
mod new;
mod one;

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

pub use change::{change, replay, replay_failed, rotate, switch, test};
pub use new::{form, make};
pub use one::one;

use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::domain::webhook::EVENT_TYPES;
use crate::flows::access::Caller;
use crate::flows::endpoints;
use crate::store::delivery::COUNTED;
use crate::store::endpoint::Endpoint;

const HERE: &str = "/console/settings/webhooks";

/// The longest address and description; the API takes no longer ones either.
const URL_CHARS: u16 = 2_000;
const DESCRIPTION_CHARS: usize = 200;

/// How a signature is verified, in a few lines that every reader can follow.
const SNIPPET: &str = include_str!("verify-signature.txt");

fn path_of(endpoint: &Endpoint) -> String {
    format!("{HERE}/{}", ids::show(ids::ENDPOINT, endpoint.id))
}

/// The caller's endpoint of this id.
async fn find(console: &Console, caller: &Caller, id: &str) -> Result<Endpoint, Fail> {
    let id = ids::parse(ids::ENDPOINT, id).ok_or(Fail::NotFound)?;
    endpoints::get(&console.app, caller, id).await?.ok_or(Fail::NotFound)
}

/// A type of event that can be heard.
struct EventChoice {
    kind: &'static str,
    text: &'static str,
    chosen: bool,
}

fn event_choices(frame: &Frame, chosen: &[String]) -> Vec<EventChoice> {
    let choice = |kind: &'static str| EventChoice {
        kind,
        text: frame.lang.find(&format!("event.{kind}")).unwrap_or_default(),
        chosen: chosen.iter().any(|known| known == kind),
    };
    told().map(choice).collect()
}

/// The types that can be chosen: what becomes of payments. A test is told to the endpoint that it is for, always.
fn told() -> impl Iterator<Item = &'static str> {
    EVENT_TYPES.into_iter().filter(|kind| kind.starts_with("payment."))
}

/// What a form says of an endpoint.
struct Typed {
    url: String,
    description: String,
    events: Vec<String>,
}

/// What is wrong with it, field by field.
#[derive(Default)]
struct Wrong {
    url: String,
    description: &'static str,
    events: &'static str,
}

impl Wrong {
    fn is_any(&self) -> bool {
        !self.url.is_empty() || !self.description.is_empty() || !self.events.is_empty()
    }
}

impl Typed {
    /// Types that are none of ours are passed over: no form of ours has them.
    fn read(fields: &Fields) -> Self {
        let heard = told().filter(|kind| fields.all("events").any(|given| given == *kind));
        let mut events: Vec<String> = heard.map(str::to_owned).collect();
        events.sort();
        Typed { url: fields.text("url").into(), description: fields.text("description").into(), events }
    }

    fn check(&self, console: &Console, signed: &Signed) -> Wrong {
        let lang = signed.look.lang;
        let description = self.description.as_str();
        let odd = description.chars().count() > DESCRIPTION_CHARS || description.chars().any(char::is_control);
        let url = match endpoints::check_url(&console.app, &self.url) {
            _ if self.url.len() > usize::from(URL_CHARS) => lang.text("webhooks.url_wrong").into(),
            Ok(()) => String::new(),
            Err(why) => format!("{} ({why})", lang.text("webhooks.url_wrong")),
        };
        Wrong {
            url,
            description: if odd { lang.text("webhooks.description_wrong") } else { "" },
            events: if self.events.is_empty() { lang.text("webhooks.events_none") } else { "" },
        }
    }
}

/// The fields that a new endpoint and a changed one have.
#[derive(Template)]
#[template(path = "pages/webhooks/fields.html")]
struct EndpointFields<'a> {
    frame: &'a Frame,
    url: Field,
    description: Field,
    events: Vec<EventChoice>,
    events_error: &'static str,
}

impl<'a> EndpointFields<'a> {
    fn new(frame: &'a Frame, typed: &Typed, wrong: &Wrong) -> Self {
        let url = Field::new("url", frame.t("webhooks.url")).kind("url", "off").hint(frame.t("webhooks.url_hint"));
        let description = Field::new("description", frame.t("webhooks.description")).optional();
        EndpointFields {
            url: url.length(URL_CHARS).value(&typed.url).error(&wrong.url),
            description: description.value(&typed.description).error(wrong.description),
            events: event_choices(frame, &typed.events),
            events_error: wrong.events,
            frame,
        }
    }
}

/// An endpoint in the list.
struct Card {
    path: String,
    endpoint: Endpoint,
    pending: String,
    /// Empty where there are none.
    failed: String,
}

/// How many are left over, as far as they are counted; empty for none.
fn many(counted: i64) -> String {
    match counted {
        0 => String::new(),
        few if few <= COUNTED => few.to_string(),
        _ => format!("{COUNTED}+"),
    }
}

#[derive(Template)]
#[template(path = "pages/webhooks/list.html")]
struct ListPage<'a> {
    frame: &'a Frame,
    cards: Vec<Card>,
    may_edit: bool,
}

pub async fn list(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "webhooks.title");
    let left = endpoints::left_over(&console.app, &caller).await?;
    let left: HashMap<_, _> = left.into_iter().map(|row| (row.endpoint_id, (row.pending, row.failed))).collect();
    let card = |endpoint: Endpoint| {
        let (pending, failed) = left.get(&endpoint.id).copied().unwrap_or_default();
        Card { path: path_of(&endpoint), endpoint, pending: many(pending), failed: many(failed) }
    };
    let page = ListPage {
        cards: endpoints::list(&console.app, &caller).await?.into_iter().map(card).collect(),
        may_edit: signed.person.may(Feature::Settings, Level::Edit),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}
