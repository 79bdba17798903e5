//! One sequence: its order, changed by buttons or by dragging and saved as a new version; every version it had, and the
//! way back to each.
//!
//! Until it is saved an order lives in the form alone: each button sends it along and gets it back changed.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::{HERE, destination_name, path_of, which};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::pages::providers::{State as Shown, provider_name, service_name, state, who};
use crate::console::visitor::{Console, Fields, Signed};
use crate::crypto::secret::Personal;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::sequences::{self, Refused, Which};
use crate::store::connection::Stored;

/// How many versions a page shows.
const VERSIONS: i64 = 30;

#[derive(Deserialize)]
pub struct Wanted {
    /// The version whose order is shown, not saved yet.
    version: Option<i32>,
}

/// A connection of the order, or one that could be in it.
struct Item {
    id: String,
    label: String,
    provider: String,
    state: Shown,
}

/// A version of the sequence.
struct Line {
    version: i32,
    order: String,
    is_now: bool,
    can_return: bool,
    at: DateTime<Utc>,
    by: Personal,
}

#[derive(Template)]
#[template(path = "pages/sequences/order.html")]
struct OrderPage<'a> {
    frame: &'a Frame,
    path: String,
    about: &'static str,
    /// Of the sequence that stands; empty where there is none.
    version: String,
    is_custom: bool,
    inside: Vec<Item>,
    outside: Vec<Item>,
    is_draft: bool,
    note: String,
    alert: &'static str,
    versions: Vec<Line>,
    may_edit: bool,
}

/// An order that is not saved, as its form carries it: outward ids with commas between them.
#[derive(Default)]
struct Draft {
    order: Option<Vec<String>>,
    note: String,
    alert: &'static str,
}

async fn show(
    console: &Console,
    signed: &Signed,
    caller: &Caller,
    which: Which,
    draft: Draft,
    status: StatusCode,
) -> Result<Response, Fail> {
    let frame = frame_of(console, signed, which);
    let standing = sequences::get(&console.app, caller, which).await?;
    let choices = sequences::choices(&console.app, caller, which).await?;
    let is_draft = draft.order.is_some();
    let order = match (draft.order, &standing) {
        (Some(order), _) => order,
        (None, Some(view)) => shown(&view.row.connection_ids),
        (None, None) => shown(&default_order(console, caller, which).await?),
    };
    let item = |stored: &Stored| Item {
        id: ids::show(ids::CONNECTION, stored.connection.id),
        label: stored.connection.label.clone(),
        provider: provider_name(&console.app, &stored.connection.provider),
        state: state(&frame, stored.connection.status),
    };
    let find = |id: &String| choices.iter().find(|stored| ids::show(ids::CONNECTION, stored.connection.id) == *id);
    let about = match (which.destination.is_empty(), standing.is_some()) {
        (true, _) => "sequence.default_about",
        (false, true) => "sequence.custom_about",
        (false, false) => "sequence.new_about",
    };
    let now = standing.as_ref().map(|view| view.row.version);
    let page = OrderPage {
        path: path_of(which),
        about: frame.t(about),
        version: now.map(|version| version.to_string()).unwrap_or_default(),
        is_custom: !which.destination.is_empty() && standing.is_some(),
        inside: order.iter().filter_map(find).map(item).collect(),
        outside: choices
            .iter()
            .filter(|stored| !order.contains(&ids::show(ids::CONNECTION, stored.connection.id)))
            .map(item)
            .collect(),
        is_draft,
        note: draft.note,
        alert: if draft.alert.is_empty() { "" } else { frame.t(draft.alert) },
        versions: versions(console, &frame, caller, which, now).await?,
        may_edit: signed.person.may(Feature::Providers, Level::Edit),
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

fn frame_of(console: &Console, signed: &Signed, which: Which) -> Frame {
    let frame = Frame::of(console, signed, HERE, "sequences.title").below("sequences.title", HERE);
    let service = service_name(&frame, which.service);
    let title = if which.destination.is_empty() {
        frame.t1("sequence.default_head", "service", service)
    } else {
        let destination = destination_name(which.service, which.destination);
        frame.lang.with("sequence.custom_head", &[("service", service), ("destination", &destination)])
    };
    frame.titled(&title)
}

/// What a destination without a sequence of its own follows.
async fn default_order(console: &Console, caller: &Caller, which: Which) -> Result<Vec<Uuid>, Fail> {
    let default = sequences::get(&console.app, caller, Which { destination: "", ..which }).await?;
    Ok(default.map(|view| view.row.connection_ids).unwrap_or_default())
}

fn shown(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(|id| ids::show(ids::CONNECTION, *id)).collect()
}

async fn versions(
    console: &Console,
    frame: &Frame,
    caller: &Caller,
    which: Which,
    now: Option<i32>,
) -> Result<Vec<Line>, Fail> {
    let (versions, names) = sequences::versions(&console.app, caller, which, None, VERSIONS).await?;
    let mut lines = Vec::new();
    for version in versions {
        let label = |id: &Uuid| names.get(id).map(|name| name.label.clone());
        let is_now = Some(version.version) == now;
        let order = match &version.connection_ids {
            Some(ids) => ids.iter().filter_map(label).collect::<Vec<_>>().join(" → "),
            None => frame.t("sequence.removed").to_owned(),
        };
        lines.push(Line {
            version: version.version,
            order,
            is_now,
            can_return: !is_now && version.connection_ids.is_some_and(|ids| !ids.is_empty()),
            at: version.updated_at,
            by: who(console, frame, &version.updated_by).await?,
        });
    }
    Ok(lines)
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Path((service, destination)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::View)?;
    let which = which(&service, &destination)?;
    let mut draft = Draft::default();
    if let Some(number) = wanted.version {
        let (found, _) = sequences::versions(&console.app, &caller, which, Some(number.saturating_add(1)), 1).await?;
        let version = found.into_iter().find(|version| version.version == number).ok_or(Fail::NotFound)?;
        draft.order = version.connection_ids.map(|ids| shown(&ids));
        draft.note = signed.look.lang.with("sequence.again_text", &[("n", &number.to_string())]);
    }
    show(&console, &signed, &caller, which, draft, StatusCode::OK).await
}

/// What a button makes of an order: `up.conn_…`, `down.…`, `out.…` or `in.…`.
fn moved(order: &mut Vec<String>, what: &str) {
    let Some((how, id)) = what.split_once('.') else { return };
    let at = order.iter().position(|one| one == id);
    match (how, at) {
        ("up", Some(at)) if at > 0 => order.swap(at, at - 1),
        ("down", Some(at)) if at + 1 < order.len() => order.swap(at, at + 1),
        ("out", Some(at)) => drop(order.remove(at)),
        ("in", None) => order.push(id.to_owned()),
        _ => {}
    }
}

pub async fn change(
    State(console): State<Console>,
    signed: Signed,
    Path((service, destination)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let which = which(&service, &destination)?;
    let mut order: Vec<String> =
        fields.text("order").split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if fields.text("do") != "save" {
        moved(&mut order, fields.text("do"));
        let note = signed.look.lang.text("sequence.draft").to_owned();
        let draft = Draft { order: Some(order), note, ..Draft::default() };
        return show(&console, &signed, &caller, which, draft, StatusCode::OK).await;
    }
    let version = Some(fields.text("version")).filter(|text| !text.is_empty());
    let version = version.map(|text| text.parse::<i32>().map_err(|_| Fail::BadForm)).transpose()?;
    let (alert, status) = match sequences::put(&console.app, &caller, which, version, &order).await {
        Ok(_) => return Ok(go(&console, &path_of(which), "flash.sequence_saved")),
        Err(Refused::ChangedMeanwhile) => ("forms.stale", StatusCode::CONFLICT),
        Err(Refused::Fields(_)) if order.is_empty() => ("sequence.empty_wrong", StatusCode::UNPROCESSABLE_ENTITY),
        Err(Refused::Fields(_)) => ("sequence.unfit", StatusCode::UNPROCESSABLE_ENTITY),
        Err(Refused::Store(error)) => return Err(error.into()),
        Err(Refused::Fault(error)) => return Err(error.into()),
    };
    let draft = Draft { order: Some(order), alert, ..Draft::default() };
    show(&console, &signed, &caller, which, draft, status).await
}

/// Removes a custom sequence: its destination follows the default again.
pub async fn remove(
    State(console): State<Console>,
    signed: Signed,
    Path((service, destination)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let which = which(&service, &destination)?;
    if which.destination.is_empty() || sequences::get(&console.app, &caller, which).await?.is_none() {
        return Err(Fail::NotFound);
    }
    let version = fields.text("version").parse().map_err(|_| Fail::BadForm)?;
    match sequences::remove(&console.app, &caller, which, version).await {
        Ok(_) => Ok(go(&console, HERE, "flash.sequence_removed")),
        Err(Refused::ChangedMeanwhile) => {
            let draft = Draft { alert: "forms.stale", ..Draft::default() };
            show(&console, &signed, &caller, which, draft, StatusCode::CONFLICT).await
        }
        Err(Refused::Store(error)) => Err(error.into()),
        Err(other) => Err(anyhow::Error::from(other).into()),
    }
}
