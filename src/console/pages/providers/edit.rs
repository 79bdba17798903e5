//! Changing a connection: its label, services, settings and secrets. An empty secret stays as it is; where the provider
//! is cannot change, as nobody there would know what was sent here.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::form::{self, Drawing};
use super::{fail, find, frame_within, is_stale, path_of, service_name};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::connections::{self, Change, Refused};
use crate::providers::form::{Format, Part};
use crate::providers::{self, FieldFault, Provider};
use crate::store::connection::Stored;

#[derive(Template)]
#[template(path = "pages/providers/edit.html")]
struct EditPage<'a> {
    frame: &'a Frame,
    path: String,
    version: i32,
    label: Field,
    services: Vec<(&'static str, &'static str, bool)>,
    services_error: &'static str,
    credentials: Vec<Field>,
    credentials_error: &'static str,
    settings: Vec<Field>,
    /// What cannot change: label and value.
    fixed: Vec<(String, String)>,
    alert: String,
}

/// What is shown of a form that was sent.
#[derive(Default)]
struct Sent<'a> {
    fields: Option<&'a Fields>,
    faults: Vec<FieldFault>,
    label_used: bool,
    other_account: bool,
    alert: String,
}

/// The fields of a form that can change: an address is part of the account.
fn changeable(form: &[providers::Field]) -> Vec<providers::Field> {
    form.iter().filter(|field| !is_address(field)).copied().collect()
}

fn is_address(field: &providers::Field) -> bool {
    field.part == Part::Settings && field.format == Format::Url
}

fn provider_of<'a>(console: &'a Console, stored: &Stored) -> Result<&'a dyn Provider, Fail> {
    let code = stored.connection.provider.as_str();
    Ok(console.app.providers.get(code).ok_or_else(|| anyhow::anyhow!("provider {code:?} is not configured"))?)
}

fn show(
    console: &Console,
    signed: &Signed,
    stored: &Stored,
    sent: &Sent<'_>,
    status: StatusCode,
) -> Result<Response, Fail> {
    let frame = frame_within(console, signed, stored, "connection.edit");
    let provider = provider_of(console, stored)?;
    let (faults, fields) = (&sent.faults, changeable(provider.form()));
    let settings = connections::open_settings(&console.app, stored);
    let standing =
        |field: &providers::Field| settings.get(field.name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let draw = |part, keeps| {
        let drawing = Drawing { lang: frame.lang, at: "", form: &fields, part, keeps, faults };
        sent.fields.map_or_else(|| drawing.fields(standing), |fields| drawing.typed(fields))
    };
    let about = |start: &str| faults.iter().any(|fault| fault.field.starts_with(start));
    let label_error = match (sent.label_used, about("label")) {
        (true, _) => frame.t("connection.label_used"),
        (_, true) => frame.t("connection.label_wrong"),
        _ => "",
    };
    let is_chosen = |service: Service| match sent.fields {
        Some(fields) => fields.all("service").any(|one| one == service.as_str()),
        None => stored.connection.services.contains(&service),
    };
    let offered = Service::ALL.into_iter().filter(|service| provider.offers(*service));
    let page = EditPage {
        path: path_of(stored),
        version: stored.version,
        label: Field::new("label", frame.t("connection.label"))
            .hint(frame.t("connection.label_hint"))
            .length(100)
            .value(sent.fields.map_or(stored.connection.label.as_str(), |fields| fields.text("label")))
            .error(label_error),
        services: offered
            .map(|service| (service.as_str(), service_name(&frame, service), is_chosen(service)))
            .collect(),
        services_error: if about("services") { frame.t("connection.services_wrong") } else { "" },
        credentials: draw(Part::Credentials, true),
        credentials_error: if sent.other_account { frame.t("connection.other_account") } else { "" },
        settings: draw(Part::Settings, false),
        fixed: provider
            .form()
            .iter()
            .filter(|field| is_address(field) && settings.get(field.name).is_some())
            .map(|field| (form::label(frame.lang, field).to_owned(), standing(field)))
            .collect(),
        alert: sent.alert.clone(),
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    show(&console, &signed, &stored, &Sent::default(), StatusCode::OK)
}

pub async fn change(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let lang = signed.look.lang;
    let mut sent = Sent { fields: Some(&fields), ..Sent::default() };
    if is_stale(&fields, &stored) {
        sent.alert = lang.text("forms.stale").into();
        return show(&console, &signed, &stored, &sent, StatusCode::CONFLICT);
    }
    let form = changeable(provider_of(&console, &stored)?.form());
    let label = Some(fields.text("label")).filter(|label| *label != stored.connection.label);
    let services: Vec<String> = fields.all("service").map(str::to_owned).collect();
    let same = services.iter().map(String::as_str).eq(stored.connection.services.iter().map(|one| one.as_str()));
    let credentials = form::collect(&form, Part::Credentials, &fields);
    let credentials = Some(Value::Object(credentials)).filter(|all| all.as_object().is_some_and(|all| !all.is_empty()));
    let settings = settings_of(&form, &stored, &fields);
    let change = Change {
        label,
        services: (!same).then_some(services.as_slice()),
        credentials: credentials.as_ref(),
        keeps_credentials: true,
        settings: Some(&settings).filter(|settings| **settings != stored.connection.settings),
        fee: None,
    };
    if label.is_none() && same && credentials.is_none() && settings == stored.connection.settings {
        return Ok(go(&console, &path_of(&stored), "flash.unchanged"));
    }
    let (alert, status) = match connections::change(&console.app, &caller, &stored, &change).await {
        Ok(stored) => return Ok(go(&console, &path_of(&stored), "flash.connection_changed")),
        Err(Refused::Fields(faults)) => {
            sent.label_used = faults.iter().any(|fault| fault.field == "label" && fault.reason == connections::USED);
            sent.faults = faults;
            ("forms.wrong", StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(Refused::LabelUsed) => {
            sent.label_used = true;
            ("forms.wrong", StatusCode::CONFLICT)
        }
        Err(Refused::OtherAccount { .. }) => {
            sent.other_account = true;
            ("forms.wrong", StatusCode::CONFLICT)
        }
        Err(Refused::ChangedMeanwhile) => ("forms.stale", StatusCode::CONFLICT),
        Err(other) => return Err(fail(other)),
    };
    sent.alert = lang.text(alert).into();
    show(&console, &signed, &stored, &sent, status)
}

/// The settings as they shall be: what was typed, and what the page does not show stays.
fn settings_of(form: &[providers::Field], stored: &Stored, fields: &Fields) -> Value {
    let shown = |name: &str| form.iter().any(|field| field.part == Part::Settings && field.name == name);
    let secret = |name: &str| form.iter().any(|field| field.secret && field.name == name);
    let typed = form::collect(form, Part::Settings, fields);
    let stays = |name: &str| !shown(name) || (secret(name) && !typed.contains_key(name));
    let standing = stored.connection.settings.as_object().into_iter().flatten();
    let mut all: Map<String, Value> =
        standing.filter(|(name, _)| stays(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    all.extend(typed);
    Value::Object(all)
}
