//! Making a connection: the provider is chosen from the catalogue, and the form is the one its adapter describes.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::fee::{self, FeeForm};
use super::form::{self, Drawing};
use super::{HERE, fail, kind_key, service_name};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::connections::{self, Choice, FeeChange, NewConnection, Offer, Refused};
use crate::flows::once::First;
use crate::providers::FieldFault;
use crate::providers::form::Part;

/// The two types there are (seed 001).
const KINDS: [&str; 2] = ["AGGREGATOR", "DIRECT"];

/// What is looked for in the catalogue.
#[derive(Deserialize, Default)]
pub struct Which {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    provider: String,
}

/// The form of the chosen provider.
struct Form<'a> {
    code: &'static str,
    name: &'static str,
    label: Field,
    services: Vec<(&'static str, &'static str, bool)>,
    services_error: &'static str,
    credentials: Vec<Field>,
    settings: Vec<Field>,
    fees: Vec<FeeForm<'a>>,
}

#[derive(Template)]
#[template(path = "pages/providers/add.html")]
struct AddPage<'a> {
    frame: &'a Frame,
    kinds: Vec<(&'static str, &'static str, bool)>,
    kind: &'static str,
    providers: Vec<(&'static str, &'static str, bool)>,
    form: Option<Form<'a>>,
    alert: String,
    live: bool,
}

/// What is shown of a form that was sent.
#[derive(Default)]
struct Sent<'a> {
    fields: Option<&'a Fields>,
    faults: Vec<FieldFault>,
    label_used: bool,
    alert: String,
}

fn show(
    console: &Console,
    signed: &Signed,
    which: &Which,
    sent: &Sent<'_>,
    status: StatusCode,
) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "providers.add").below("providers.title", HERE);
    let catalogue = connections::catalogue(&console.app);
    let named = catalogue.iter().find(|offer| offer.provider.code() == which.provider);
    let kind = KINDS.into_iter().find(|kind| *kind == which.kind);
    // The type wins over a provider of the other one: it was changed last.
    let named = named.filter(|offer| kind.is_none_or(|kind| offer.provider.kind() == kind));
    let kind = kind.or(named.map(|offer| offer.provider.kind())).unwrap_or(KINDS[0]);
    let of_kind = || catalogue.iter().filter(|offer| offer.provider.kind() == kind);
    let chosen = named.or_else(|| of_kind().next());
    let page = AddPage {
        kinds: KINDS.into_iter().map(|known| (known, frame.t(kind_key(known)), known == kind)).collect(),
        kind,
        providers: of_kind()
            .map(|offer| {
                let code = offer.provider.code();
                (code, offer.provider.name(), chosen.is_some_and(|chosen| chosen.provider.code() == code))
            })
            .collect(),
        form: chosen.map(|offer| form_of(&frame, offer, sent)),
        alert: sent.alert.clone(),
        live: frame.me.as_ref().is_some_and(|me| me.live),
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

fn form_of<'a>(frame: &'a Frame, offer: &Offer<'_>, sent: &Sent<'_>) -> Form<'a> {
    let (faults, provider) = (&sent.faults, offer.provider);
    let about = |start: &str| faults.iter().filter(|fault| fault.field.starts_with(start)).collect::<Vec<_>>();
    let draw = |part| {
        let drawing = Drawing { lang: frame.lang, at: "", form: provider.form(), part, keeps: false, faults };
        sent.fields.map_or_else(|| drawing.fields(|_| String::new()), |fields| drawing.typed(fields))
    };
    let label_error = match (sent.label_used, about("label").is_empty()) {
        (true, _) => frame.t("connection.label_used"),
        (_, false) => frame.t("connection.label_wrong"),
        _ => "",
    };
    let is_chosen = |service: Service| {
        let chosen = |fields: &Fields| fields.all("service").any(|one| one == service.as_str());
        sent.fields.is_none_or(chosen)
    };
    let fee_of = |service: Service| {
        let typed = sent
            .fields
            .map_or_else(fee::Typed::fresh, |fields| fee::Typed::sent(service, |name| fields.text(name).to_owned()));
        fee::draw(frame, service, &typed, &about(&format!("fees.{}.", service.as_str())))
    };
    Form {
        code: provider.code(),
        name: provider.name(),
        label: Field::new("label", frame.t("connection.label"))
            .hint(frame.t("connection.label_hint"))
            .length(100)
            .value(sent.fields.map_or("", |fields| fields.text("label")))
            .error(label_error),
        services: offer
            .services
            .iter()
            .map(|one| (one.service.as_str(), service_name(frame, one.service), is_chosen(one.service)))
            .collect(),
        services_error: if about("services").is_empty() { "" } else { frame.t("connection.services_wrong") },
        credentials: draw(Part::Credentials),
        settings: draw(Part::Settings),
        fees: offer.services.iter().map(|one| fee_of(one.service)).collect(),
    }
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    signed.needs(Feature::Providers, Level::Edit)?;
    show(&console, &signed, &which, &Sent::default(), StatusCode::OK)
}

pub async fn create(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let lang = signed.look.lang;
    let which = Which { kind: String::new(), provider: fields.text("provider").to_owned() };
    let mut sent = Sent { fields: Some(&fields), ..Sent::default() };
    let Some(provider) = console.app.providers.get(&which.provider) else {
        sent.alert = lang.text("connection.provider_wrong").into();
        return show(&console, &signed, &which, &sent, StatusCode::UNPROCESSABLE_ENTITY);
    };
    if fields.text("do") == "example" {
        return show(&console, &signed, &which, &sent, StatusCode::OK);
    }
    let part = |part| Value::Object(form::collect(provider.form(), part, &fields));
    let services: Vec<String> = fields.all("service").map(str::to_owned).collect();
    let of_known = services.iter().filter_map(|text| Service::parse(text));
    let typed: Vec<(Service, fee::Typed)> =
        of_known.map(|one| (one, fee::Typed::sent(one, |name| fields.text(name).to_owned()))).collect();
    let fees: Vec<FeeChange<'_>> = typed
        .iter()
        .map(|(one, typed)| FeeChange { service: one.as_str(), plan: typed.plan(), effective_from: typed.from() })
        .collect();
    let new = NewConnection {
        client_id: caller.client_id,
        mode: caller.mode,
        provider: &which.provider,
        label: fields.text("label"),
        credentials: &part(Part::Credentials),
        settings: &part(Part::Settings),
        fee: FeePlan::default(),
        by: &caller.person,
    };
    let kind = Some(fields.text("type")).filter(|kind| !kind.is_empty());
    let choice = Choice { kind, services: Some(&services), fees: &fees, inactive: None };
    match connections::create_by(&console.app, &caller, &new, choice, None).await {
        Ok(First::Made(made)) => {
            let path = format!("{HERE}/{}", ids::show(ids::CONNECTION, made.id));
            return Ok(go(&console, &path, "flash.connected"));
        }
        Ok(First::Replayed(_)) => return Err(anyhow::anyhow!("a form without a key was replayed").into()),
        Err(Refused::Fields(faults)) => {
            sent.label_used = faults.iter().any(|fault| fault.field == "label" && fault.reason == connections::USED);
            sent.alert = lang.text("forms.wrong").into();
            sent.faults = faults;
        }
        Err(Refused::LabelUsed) => {
            (sent.label_used, sent.alert) = (true, lang.text("forms.wrong").into());
            return show(&console, &signed, &which, &sent, StatusCode::CONFLICT);
        }
        Err(Refused::TooMany) => {
            sent.alert = lang.with("connection.too_many", &[("n", &connections::MOST.to_string())]);
            return show(&console, &signed, &which, &sent, StatusCode::CONFLICT);
        }
        Err(other) => return Err(fail(other)),
    }
    show(&console, &signed, &which, &sent, StatusCode::UNPROCESSABLE_ENTITY)
}
