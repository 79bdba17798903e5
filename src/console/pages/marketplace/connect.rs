//! Connecting the account that a provider gave out: the form its adapter describes, and what the test showed.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::{ALL, HERE, fail, id, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::pages::providers::form::{Drawing, collect};
use crate::console::pages::providers::service_name;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::ids;
use crate::domain::onboarding::{Act, Decision, decide};
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::access::Caller;
use crate::flows::connections;
use crate::flows::onboarding::{self, NewAccount, NotConnected, Refused, Standing};
use crate::providers::form::Part;
use crate::providers::{FieldFault, Provider, Trouble};

#[derive(Template)]
#[template(path = "pages/marketplace/connect.html")]
struct ConnectPage<'a> {
    frame: &'a Frame,
    path: String,
    name: String,
    label: Field,
    services: Vec<(&'static str, &'static str, bool)>,
    services_error: &'static str,
    credentials: Vec<Field>,
    settings: Vec<Field>,
    alert: String,
    trouble: Option<Shown>,
}

/// What a test that found trouble showed.
struct Shown {
    meaning: &'static str,
    advice: &'static str,
    said: String,
    connection: String,
}

/// What is shown of a form that was sent.
#[derive(Default)]
struct Sent<'a> {
    fields: Option<&'a Fields>,
    faults: Vec<FieldFault>,
    label_used: bool,
    alert: String,
    trouble: Option<(Trouble, String)>,
}

/// The onboarding and its provider, where an account can be connected at all.
async fn find<'a>(
    console: &'a Console,
    caller: &Caller,
    reference: &str,
) -> Result<(Standing, &'a dyn Provider), Fail> {
    let standing = onboarding::read(&console.app, caller, id(reference)?).await?.ok_or(Fail::NotFound)?.standing;
    let provider = console.app.providers.get(&standing.provider).ok_or(Fail::NotFound)?;
    Ok((standing, provider))
}

/// Who connects an account makes a connection: both rights are needed.
fn caller(signed: &Signed) -> Result<Caller, Fail> {
    signed.needs(Feature::Providers, Level::Edit)?;
    signed.caller(Feature::Onboarding, Level::Edit)
}

fn show(
    console: &Console,
    signed: &Signed,
    (standing, provider): (&Standing, &dyn Provider),
    sent: &Sent<'_>,
    status: StatusCode,
) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "connect.title").below("marketplace.title", HERE);
    let frame = frame.below("onboardings.title", ALL).under(&standing.name, path_of(standing));
    let lang = frame.lang;
    let about = |start: &str| sent.faults.iter().any(|fault| fault.field.starts_with(start));
    let draw = |part| {
        let drawing = Drawing { lang, at: "", form: provider.form(), part, keeps: false, faults: &sent.faults };
        sent.fields.map_or_else(|| drawing.fields(|_| String::new()), |fields| drawing.typed(fields))
    };
    let label_error = match (sent.label_used, about("label")) {
        (true, _) => frame.t("connection.label_used"),
        (_, true) => frame.t("connection.label_wrong"),
        _ => "",
    };
    let offered =
        connections::catalogue(&console.app).into_iter().find(|offer| offer.provider.code() == provider.code());
    let is_chosen =
        |service: Service| sent.fields.is_none_or(|fields| fields.all("service").any(|one| one == service.as_str()));
    let services = offered.map(|offer| offer.services).unwrap_or_default();
    let page = ConnectPage {
        path: path_of(standing),
        name: standing.name.clone(),
        label: Field::new("label", frame.t("connection.label"))
            .hint(frame.t("connection.label_hint"))
            .length(100)
            .value(sent.fields.map_or(standing.name.as_str(), |fields| fields.text("label")))
            .error(label_error),
        services: services
            .iter()
            .map(|one| (one.service.as_str(), service_name(&frame, one.service), is_chosen(one.service)))
            .collect(),
        services_error: if about("services") { frame.t("connection.services_wrong") } else { "" },
        credentials: draw(Part::Credentials),
        settings: draw(Part::Settings),
        alert: sent.alert.clone(),
        trouble: sent.trouble.as_ref().map(|(trouble, connection)| shown(&frame, trouble, connection)),
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

fn shown(frame: &Frame, trouble: &Trouble, connection: &str) -> Shown {
    let text =
        |part: &str, own: &'static str| frame.lang.find(&format!("{part}.{}", trouble.cause.as_str())).unwrap_or(own);
    Shown {
        meaning: text("cause", trouble.cause.meaning()),
        advice: text("advice", trouble.cause.advice()),
        said: trouble.words.clone(),
        connection: connection.to_owned(),
    }
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Path(reference): Path<String>,
) -> Result<Response, Fail> {
    let caller = caller(&signed)?;
    let (standing, provider) = find(&console, &caller, &reference).await?;
    if !matches!(decide(standing.status, Act::Connect), Decision::Goes(_)) {
        return Ok(go(&console, &path_of(&standing), ""));
    }
    show(&console, &signed, (&standing, provider), &Sent::default(), StatusCode::OK)
}

/// Takes an account: makes its connection, tests it, and says what came of it.
pub async fn take(
    State(console): State<Console>,
    signed: Signed,
    Path(reference): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = caller(&signed)?;
    let (standing, provider) = find(&console, &caller, &reference).await?;
    let lang = signed.look.lang;
    let part = |part| Value::Object(collect(provider.form(), part, &fields));
    let services: Vec<String> = fields.all("service").map(str::to_owned).collect();
    let (credentials, settings) = (part(Part::Credentials), part(Part::Settings));
    let account = NewAccount {
        label: fields.text("label"),
        services: Some(&services),
        credentials: &credentials,
        settings: &settings,
    };
    let mut sent = Sent { fields: Some(&fields), ..Sent::default() };
    let status = match onboarding::connect(&console.app, &caller, standing.id, &account).await {
        Ok(connected) => match connected.trouble {
            None => return Ok(go(&console, &path_of(&standing), "flash.onboarding_connected")),
            Some(trouble) => {
                let connection = format!("/console/providers/{}", ids::show(ids::CONNECTION, connected.connection_id));
                sent.trouble = Some((trouble, connection));
                StatusCode::OK
            }
        },
        Err(NotConnected::Connection(connections::Refused::Fields(faults))) => {
            sent.label_used = faults.iter().any(|fault| fault.field == "label" && fault.reason == connections::USED);
            (sent.alert, sent.faults) = (lang.text("forms.wrong").into(), faults);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(NotConnected::Connection(connections::Refused::LabelUsed)) => {
            (sent.label_used, sent.alert) = (true, lang.text("forms.wrong").into());
            StatusCode::CONFLICT
        }
        Err(other) => {
            let (alert, status) = refused(lang, other)?;
            sent.alert = alert;
            status
        }
    };
    show(&console, &signed, (&standing, provider), &sent, status)
}

/// What is said of a refusal that no field is to blame for.
fn refused(lang: crate::console::words::Lang, why: NotConnected) -> Result<(String, StatusCode), Fail> {
    let conflict = |key: &'static str| Ok((lang.text(key).to_owned(), StatusCode::CONFLICT));
    match why {
        NotConnected::Onboarding(Refused::Stands(_)) => conflict("onboarding.stands"),
        NotConnected::Onboarding(why) => Err(fail(why)),
        NotConnected::InUse(_) => conflict("connect.in_use"),
        NotConnected::NoAdapter => Err(Fail::NotFound),
        NotConnected::TooOften(wait) => {
            let seconds = (wait.as_secs() + 1).to_string();
            Ok((lang.with("test.wait", &[("n", &seconds)]), StatusCode::TOO_MANY_REQUESTS))
        }
        NotConnected::Connection(connections::Refused::TooMany) => {
            Ok((lang.with("connection.too_many", &[("n", &connections::MOST.to_string())]), StatusCode::CONFLICT))
        }
        NotConnected::Connection(connections::Refused::Store(error)) => Err(error.into()),
        NotConnected::Connection(connections::Refused::Fault(error)) => Err(error.into()),
        NotConnected::Connection(other) => Err(anyhow::Error::from(other).into()),
        NotConnected::Store(error) => Err(error.into()),
        NotConnected::Fault(error) => Err(error.into()),
    }
}
