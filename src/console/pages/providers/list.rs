//! The client's connections, as seed 001 lists them, each with a menu of what can be done with it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{HERE, State as Shown, kind_key, path_of, provider_name, service_name, state, status_key};
use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::show;
use crate::console::visitor::{Console, Signed};
use crate::domain::connection::ConnectionStatus;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::connections;
use crate::store::connection::{Filter, Stored};

const PAGE: usize = 50;

/// What the list is narrowed by, as the form sends it; empty means not at all.
#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    search: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
}

/// A line of the table.
struct Row {
    path: String,
    label: String,
    provider: String,
    kind: &'static str,
    services: Vec<&'static str>,
    status: ConnectionStatus,
    state: Shown,
    reason: String,
    until: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

#[derive(Template)]
#[template(path = "pages/providers/list.html")]
struct ProvidersPage<'a> {
    frame: &'a Frame,
    rows: Vec<Row>,
    search: Field,
    services: Vec<(&'static str, &'static str, bool)>,
    statuses: Vec<(&'static str, &'static str, bool)>,
    narrow: bool,
    next: Option<String>,
    may_edit: bool,
}

pub async fn list(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "providers.title");
    let search = which.search.trim().replace('\0', "");
    let status = ConnectionStatus::parse(&which.status);
    let service = Service::parse(&which.service);
    let filter = Filter {
        search: (!search.is_empty()).then(|| search.clone()),
        service: service.map(|service| service.as_str().to_owned()),
        status: status.map(|status| status.as_str().to_owned()),
    };
    let after = ids::parse(ids::CONNECTION, &which.after);
    let mut stored = connections::list(&console.app, &caller, &filter, after, PAGE as i64 + 1).await?;
    let more = stored.len() > PAGE;
    stored.truncate(PAGE);
    let last = stored.last().filter(|_| more).map(|row| ids::show(ids::CONNECTION, row.connection.id));
    let page = ProvidersPage {
        search: Field::new("search", frame.t("providers.search")).kind("search", "off").value(&search).optional(),
        services: Service::ALL
            .into_iter()
            .map(|known| (known.as_str(), service_name(&frame, known), service == Some(known)))
            .collect(),
        statuses: ConnectionStatus::ALL
            .into_iter()
            .map(|known| (known.as_str(), frame.t(status_key(known)), status == Some(known)))
            .collect(),
        may_edit: signed.person.may(Feature::Providers, Level::Edit),
        narrow: filter.search.is_some() || service.is_some() || status.is_some(),
        next: last.map(|last| {
            let (service, status) = (service.map_or("", Service::as_str), status.map_or("", ConnectionStatus::as_str));
            format!("{HERE}?search={}&service={service}&status={status}&after={last}", show::encoded(&search))
        }),
        rows: stored.into_iter().map(|row| row_of(&console, &frame, row)).collect(),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

fn row_of(console: &Console, frame: &Frame, stored: Stored) -> Row {
    let last = connections::last_activity(&console.app, &stored);
    Row {
        path: path_of(&stored),
        provider: provider_name(&console.app, &stored.connection.provider),
        kind: frame.t(kind_key(&stored.kind)),
        services: stored.connection.services.iter().map(|service| service_name(frame, *service)).collect(),
        status: stored.connection.status,
        state: state(frame, stored.connection.status),
        label: stored.connection.label,
        reason: frame.reason(&stored.status_reason),
        until: stored.status_until,
        last,
    }
}
