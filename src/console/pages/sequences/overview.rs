//! All sequences of a client, and the ways on: to one of them, to a custom one, to the preview.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Destinations, HERE, destination_name, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::pages::providers::{State as Shown, service_name, state, who};
use crate::console::visitor::{Console, Signed};
use crate::crypto::secret::Personal;
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::sequences::{self, View, Which};

#[derive(Deserialize, Default)]
pub struct Wanted {
    #[serde(default)]
    service: String,
    #[serde(default)]
    destination: String,
}

/// A sequence in the table.
struct Line {
    path: String,
    name: String,
    /// Its code, or what the default is for.
    about: String,
    connections: Vec<(String, Shown)>,
    updated: DateTime<Utc>,
    by: Personal,
}

#[derive(Template)]
#[template(path = "pages/sequences/overview.html")]
struct OverviewPage<'a> {
    frame: &'a Frame,
    service: &'static str,
    services: Vec<(&'static str, &'static str, bool)>,
    lines: Vec<Line>,
    make: Destinations,
    ask: Destinations,
    amount: Field,
    may_edit: bool,
}

async fn show(console: &Console, signed: &Signed, service: Service, is_wrong: bool) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::View)?;
    let frame = Frame::of(console, signed, HERE, "sequences.title");
    let mut lines = Vec::new();
    for view in sequences::list(&console.app, &caller).await? {
        if view.row.service == service.as_str() {
            lines.push(line(console, &frame, service, view).await?);
        }
    }
    let page = OverviewPage {
        service: service.as_str(),
        services: Service::ALL
            .into_iter()
            .map(|known| (known.as_str(), service_name(&frame, known), known == service))
            .collect(),
        lines,
        make: Destinations::of(&frame, service, "", is_wrong),
        ask: Destinations::of(&frame, service, "", false),
        amount: Field::new("amount", frame.t("preview.amount")).decimal().value("Rp100.000"),
        may_edit: signed.person.may(Feature::Providers, Level::Edit),
        frame: &frame,
    };
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame::with_status(console, &frame, &page, status)
}

async fn line(console: &Console, frame: &Frame, service: Service, view: View) -> Result<Line, Fail> {
    let destination = service.destination(&view.row.destination).unwrap_or_default();
    let is_default = view.row.destination.is_empty();
    Ok(Line {
        path: path_of(Which { service, destination }),
        name: if is_default { frame.t("sequences.default").into() } else { destination_name(service, destination) },
        about: if is_default { frame.t("sequences.default_text").into() } else { view.row.destination },
        connections: view
            .connections
            .into_iter()
            .map(|stored| (stored.connection.label, state(frame, stored.connection.status)))
            .collect(),
        updated: view.row.updated_at,
        by: who(console, frame, &view.row.updated_by).await?,
    })
}

pub async fn overview(
    State(console): State<Console>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fail> {
    let service = Service::parse(&wanted.service).unwrap_or(Service::ALL[0]);
    show(&console, &signed, service, false).await
}

/// Goes to the page on which a destination gets its own sequence.
pub async fn custom(
    State(console): State<Console>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fail> {
    signed.needs(Feature::Providers, Level::Edit)?;
    let service = Service::parse(&wanted.service).unwrap_or(Service::ALL[0]);
    match service.destination(&wanted.destination) {
        Some(destination) => Ok(go(&console, &path_of(Which { service, destination }), "")),
        None => show(&console, &signed, service, true).await,
    }
}
