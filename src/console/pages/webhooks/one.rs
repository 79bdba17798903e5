//! One endpoint: how it stands, what it hears, whether it answers, and what was told to it.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::{EndpointFields, HERE, SNIPPET, Typed, Wrong, find, many, path_of};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::pages::transactions::{Badge, delivery_badge};
use crate::console::visitor::{Console, Signed};
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::endpoints::{self, STATES};
use crate::store::delivery;
use crate::store::endpoint::Endpoint;

/// Deliveries a page.
const PAGE: usize = 25;

#[derive(Deserialize, Default)]
pub struct Which {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

/// One telling.
struct Told {
    event: String,
    kind: String,
    /// The payment's page, where the person may see it.
    payment: Option<String>,
    badge: Badge,
    row: delivery::Row,
    replay_path: String,
}

/// How a test went.
pub(super) struct Tested {
    pub good: bool,
    pub title: String,
    pub said: String,
}

/// What stands on the page beside the endpoint itself.
#[derive(Default)]
pub(super) struct Beside {
    /// A change that was not taken: as typed, and what is wrong with it.
    pub typed: Option<(Typed, Wrong)>,
    pub tested: Option<Tested>,
    /// Why nothing was done.
    pub problem: &'static str,
    pub which: Which,
}

#[derive(Template)]
#[template(path = "pages/webhooks/one.html")]
struct OnePage<'a> {
    frame: &'a Frame,
    path: String,
    endpoint: &'a Endpoint,
    is_active: bool,
    fields: EndpointFields<'a>,
    changing: bool,
    tested: Option<Tested>,
    problem: &'static str,
    /// The old secret signs too until then.
    old_until: Option<String>,
    /// How many were given up and not told since; empty for none.
    failed: String,
    states: Vec<(&'static str, Badge, bool)>,
    state: &'a str,
    told: Vec<Told>,
    next: Option<String>,
    first: bool,
    snippet: &'static str,
    may_edit: bool,
}

/// Reads the place a page begins after: an event, and which telling of it.
fn place(text: &str) -> Option<(Uuid, i32)> {
    let (event, replay) = text.split_once('.')?;
    Some((ids::parse(ids::EVENT, event)?, replay.parse().ok()?))
}

pub(super) async fn show(
    console: &Console,
    signed: &Signed,
    endpoint: &Endpoint,
    beside: Beside,
    status: StatusCode,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::View)?;
    let frame = Frame::of(console, signed, HERE, "webhooks.title").below("webhooks.title", HERE).titled(&endpoint.url);
    let state = STATES.into_iter().find(|known| *known == beside.which.state);
    let before = place(&beside.which.before);
    let mut rows = endpoints::deliveries(&console.app, endpoint, state, before, PAGE as i64 + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let path = path_of(endpoint);
    let at = |row: &delivery::Row| format!("{}.{}", ids::show(ids::EVENT, row.event_id), row.replay);
    let next = rows.last().filter(|_| more);
    let next = next.map(|row| format!("{path}?state={}&before={}#deliveries", state.unwrap_or_default(), at(row)));
    let left = endpoints::left_over(&console.app, &caller).await?;
    let left = left.into_iter().find(|row| row.endpoint_id == endpoint.id);
    let changing = beside.typed.is_some();
    let (typed, wrong) = beside.typed.unwrap_or_else(|| (of(endpoint), Wrong::default()));
    let sees_payments = signed.person.may(Feature::Transactions, Level::View);
    let now = console.app.now();
    let page = OnePage {
        is_active: endpoint.status == endpoints::ACTIVE,
        fields: EndpointFields::new(&frame, &typed, &wrong),
        changing,
        tested: beside.tested,
        problem: beside.problem,
        old_until: endpoint.previous_until.filter(|until| *until > now).map(|until| frame.time(&until)),
        failed: left.map_or_else(String::new, |row| many(row.failed)),
        states: STATES.map(|known| (known, delivery_badge(&frame, known), state == Some(known))).into(),
        state: state.unwrap_or_default(),
        told: rows.into_iter().map(|row| told(&frame, &path, row, sees_payments)).collect(),
        next,
        first: before.is_none(),
        snippet: SNIPPET,
        may_edit: signed.person.may(Feature::Settings, Level::Edit),
        path,
        endpoint,
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

/// An endpoint as its form holds it.
fn of(endpoint: &Endpoint) -> Typed {
    Typed { url: endpoint.url.clone(), description: endpoint.description.clone(), events: endpoint.events.clone() }
}

fn told(frame: &Frame, path: &str, row: delivery::Row, sees_payments: bool) -> Told {
    let event = ids::show(ids::EVENT, row.event_id);
    // A test belongs to no payment, and neither does an onboarding: another stands in its place.
    let payment = (sees_payments && row.kind.starts_with("payment."))
        .then(|| format!("/console/transactions/{}", ids::show(ids::SEND_MONEY, row.payment_id)));
    Told {
        kind: row.kind.clone(),
        badge: delivery_badge(frame, &row.state),
        replay_path: format!("{path}/deliveries/{event}/replay"),
        payment,
        event,
        row,
    }
}

pub async fn one(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::View)?;
    let endpoint = find(&console, &caller, &id).await?;
    show(&console, &signed, &endpoint, Beside { which, ..Beside::default() }, StatusCode::OK).await
}
