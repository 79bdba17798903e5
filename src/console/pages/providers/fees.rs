//! What a connection shall cost: a new version for one of its services, at once or from a day on.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::connection::{Cost, costs};
use super::fee::{self, FeeForm, Typed};
use super::{fail, find, frame_within, is_stale, path_of, service_name};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::connections::{self, FeeChange, Refused};
use crate::providers::FieldFault;
use crate::store::connection::Stored;

#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    service: String,
}

#[derive(Template)]
#[template(path = "pages/providers/fees.html")]
struct FeesPage<'a> {
    frame: &'a Frame,
    path: String,
    version: i32,
    service: &'static str,
    services: Vec<(&'static str, &'static str, bool)>,
    form: FeeForm<'a>,
    costs: Vec<Cost>,
    alert: &'static str,
}

/// The service meant: one of the connection's, its first where none is named.
fn service_of(stored: &Stored, text: &str) -> Result<Service, Fail> {
    let services = &stored.connection.services;
    let named = if text.is_empty() { services.first().copied() } else { Service::parse(text) };
    named.filter(|service| services.contains(service)).ok_or(Fail::NotFound)
}

async fn show(
    console: &Console,
    signed: &Signed,
    stored: &Stored,
    service: Service,
    sent: Option<(&Typed, &[FieldFault], &'static str)>,
    status: StatusCode,
) -> Result<Response, Fail> {
    let frame = frame_within(console, signed, stored, "connection.fees");
    let (typed, faults, alert) = match sent {
        Some((typed, faults, alert)) => (typed.clone(), faults.iter().collect(), alert),
        None => {
            let plans = connections::fees(&console.app, stored.client_id, &[stored.connection.id]).await?;
            let plan = plans.at(stored.connection.id, service, frame.now);
            (Typed::of(frame.lang, &plan), Vec::new(), "")
        }
    };
    let page = FeesPage {
        path: path_of(stored),
        version: stored.version,
        service: service.as_str(),
        services: stored
            .connection
            .services
            .iter()
            .map(|one| (one.as_str(), service_name(&frame, *one), *one == service))
            .collect(),
        form: fee::draw(&frame, service, &typed, &faults),
        costs: costs(console, &frame, stored).await?,
        alert: if alert.is_empty() { "" } else { frame.t(alert) },
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let service = service_of(&stored, &which.service)?;
    show(&console, &signed, &stored, service, None, StatusCode::OK).await
}

pub async fn set(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let service = service_of(&stored, fields.text("service"))?;
    let typed = Typed::sent(service, |name| fields.text(name).to_owned());
    if fields.text("do") == "example" {
        return show(&console, &signed, &stored, service, Some((&typed, &[], "")), StatusCode::OK).await;
    }
    if is_stale(&fields, &stored) {
        let sent = Some((&typed, &[][..], "forms.stale"));
        return show(&console, &signed, &stored, service, sent, StatusCode::CONFLICT).await;
    }
    let change = FeeChange { service: service.as_str(), plan: typed.plan(), effective_from: typed.from() };
    let (faults, alert, status) = match connections::set_fee(&console.app, &caller, &stored, &change).await {
        Ok(_) => return Ok(go(&console, &path_of(&stored), "flash.fee_set")),
        Err(Refused::Fields(faults)) => (faults, "forms.wrong", StatusCode::UNPROCESSABLE_ENTITY),
        Err(Refused::ChangedMeanwhile) => (Vec::new(), "forms.stale", StatusCode::CONFLICT),
        Err(other) => return Err(fail(other)),
    };
    show(&console, &signed, &stored, service, Some((&typed, &faults, alert)), status).await
}
