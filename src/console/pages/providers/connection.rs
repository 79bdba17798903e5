//! One connection: what it is, how it stands and why, what it costs, where it is tried, who changed it; and its test,
//! with the provider's answer explained.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::fee::plan_text;
use super::history::{self, Deed};
use super::{State as Shown, find, form, frame_of, kind_key, path_of, provider_name, service_name, state, who};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::crypto::secret::Personal;
use crate::domain::connection::ConnectionStatus;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::domain::service::{Mode, Service};
use crate::flows::access::Caller;
use crate::flows::connections::{self, NotTested, Tested};
use crate::flows::sequences;
use crate::providers::Provider;
use crate::store::connection::Stored;
use crate::store::fee::Which;

/// A version of what a service costs.
pub struct Cost {
    pub service: String,
    pub plan: String,
    pub standing: &'static str,
    pub look: &'static str,
    pub sign: &'static str,
    pub from: DateTime<Utc>,
    pub by: Personal,
}

/// How many versions of fees a page shows.
const COSTS: i64 = 50;

/// What a connection costs, will cost and cost: by service, the newest version first.
pub async fn costs(console: &Console, frame: &Frame, stored: &Stored) -> Result<Vec<Cost>, Fail> {
    let which = Which { service: None, after: None };
    let mut all = Vec::new();
    for version in connections::fee_history(&console.app, stored, &which, COSTS).await? {
        let (standing, look, sign) = match version.standing.as_str() {
            "in_force" => ("fees.in_force", "good", "●"),
            "planned" => ("fees.planned", "calm", "◷"),
            _ => ("fees.replaced", "past", "○"),
        };
        all.push(Cost {
            service: Service::parse(&version.service)
                .map_or(version.service, |service| service_name(frame, service).to_owned()),
            plan: plan_text(frame, &version.plan),
            standing: frame.t(standing),
            look,
            sign,
            from: version.effective_from,
            by: who(console, frame, &version.created_by).await?,
        });
    }
    Ok(all)
}

/// Where a connection stands in a sequence.
struct Place {
    path: String,
    name: String,
    place: String,
}

/// What a test showed, for people.
struct Answer {
    look: &'static str,
    sign: &'static str,
    heading: &'static str,
    meaning: &'static str,
    advice: &'static str,
    /// In the adapter's own words.
    unproved: Option<&'static str>,
    /// In the provider's own words, or the network's.
    said: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/providers/connection.html")]
struct ConnectionPage<'a> {
    frame: &'a Frame,
    path: String,
    state: Shown,
    is_active: bool,
    in_maintenance: bool,
    is_inactive: bool,
    reason: String,
    until: Option<DateTime<Utc>>,
    facts: Vec<(&'static str, String)>,
    last: Option<DateTime<Utc>>,
    services: Vec<&'static str>,
    settings: Vec<(&'static str, String)>,
    callbacks: Vec<(&'static str, String)>,
    costs: Vec<Cost>,
    places: Vec<Place>,
    deeds: Vec<Deed>,
    answer: Option<Answer>,
    alert: String,
    is_monitored: bool,
    may_edit: bool,
}

/// What a page shows beside the connection.
#[derive(Default)]
struct Beside {
    answer: Option<Answer>,
    alert: String,
    status: StatusCode,
}

async fn show(
    console: &Console,
    signed: &Signed,
    caller: &Caller,
    stored: Stored,
    beside: Beside,
) -> Result<Response, Fail> {
    let frame = frame_of(console, signed, &stored);
    let (app, connection, status) = (&console.app, &stored.connection, stored.connection.status);
    let provider = app.providers.get(&connection.provider);
    let page = ConnectionPage {
        path: path_of(&stored),
        state: state(&frame, status),
        is_active: status == ConnectionStatus::Active,
        in_maintenance: status == ConnectionStatus::Maintenance,
        is_inactive: status == ConnectionStatus::Inactive,
        reason: frame.reason(&stored.status_reason),
        until: stored.status_until,
        facts: facts(console, &frame, &stored),
        last: connections::last_activity(app, &stored),
        services: connection.services.iter().map(|service| service_name(&frame, *service)).collect(),
        settings: provider.map(|provider| settings(console, &frame, &stored, provider)).unwrap_or_default(),
        callbacks: connection
            .services
            .iter()
            .filter_map(|service| {
                let url = connections::callback_url(app, &connection.provider, *service, &stored.codename)?;
                Some((service_name(&frame, *service), url))
            })
            .collect(),
        costs: costs(console, &frame, &stored).await?,
        places: places(console, &frame, caller, &stored).await?,
        deeds: history::of(console, &frame, caller, &stored).await?,
        answer: beside.answer,
        is_monitored: connections::monitored(app, &stored).await?.is_some(),
        alert: beside.alert,
        may_edit: signed.person.may(Feature::Providers, Level::Edit),
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, beside.status)
}

fn facts(console: &Console, frame: &Frame, stored: &Stored) -> Vec<(&'static str, String)> {
    let connection = &stored.connection;
    let provider = console.app.providers.get(&connection.provider);
    let label_of = |name: &String| {
        let fields = provider.map(Provider::form).unwrap_or_default();
        let known = fields.iter().find(|field| field.name == name);
        known.map_or_else(|| name.clone(), |field| form::label(frame.lang, field).to_owned())
    };
    let secrets: Vec<String> = stored.credential_fields.iter().map(label_of).collect();
    let mode = if connection.mode == Mode::Live { "mode.live_long" } else { "mode.test_long" };
    let mut facts = vec![
        (frame.t("providers.provider"), provider_name(&console.app, &connection.provider)),
        (frame.t("providers.kind"), frame.t(kind_key(&stored.kind)).to_owned()),
        (frame.t("connection.mode"), frame.t(mode).to_owned()),
        (frame.t("connection.account"), connection.identity.clone()),
        (frame.t("connection.credentials"), secrets.join(", ")),
        (frame.t("connection.credentials_at"), frame.time(&stored.credentials_at)),
        (frame.t("connection.created"), frame.time(&stored.created_at)),
        (frame.t("connection.id"), ids::show(ids::CONNECTION, connection.id)),
    ];
    let until = stored.previous.as_ref().map(|(_, until)| until).filter(|until| console.app.now() < **until);
    facts.extend(until.map(|until| (frame.t("connection.previous_until"), frame.time(until))));
    facts
}

/// The settings that are set and not secret, as the form calls them.
fn settings(console: &Console, frame: &Frame, stored: &Stored, provider: &dyn Provider) -> Vec<(&'static str, String)> {
    let open = connections::open_settings(&console.app, stored);
    let value = |field: &crate::providers::Field| {
        Some((form::label(frame.lang, field), open.get(field.name)?.as_str()?.to_owned()))
    };
    provider.form().iter().filter_map(value).collect()
}

async fn places(console: &Console, frame: &Frame, caller: &Caller, stored: &Stored) -> Result<Vec<Place>, Fail> {
    let mut places = Vec::new();
    for view in sequences::list(&console.app, caller).await? {
        let all = view.row.connection_ids;
        let Some(at) = all.iter().position(|id| *id == stored.connection.id) else { continue };
        let service = Service::parse(&view.row.service);
        let name = service.map_or("", |service| service_name(frame, service));
        let (to, word) = match view.row.destination.as_str() {
            "" => ("default", frame.t("sequences.default")),
            destination => (destination, destination),
        };
        let (n, count) = ((at + 1).to_string(), all.len().to_string());
        places.push(Place {
            path: format!("/console/sequences/{}/{to}", view.row.service),
            name: format!("{name}, {word}"),
            place: frame.lang.with("connection.place", &[("n", &n), ("all", &count)]),
        });
    }
    Ok(places)
}

pub async fn page(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::View)?;
    let stored = find(&console, &caller, &id).await?;
    show(&console, &signed, &caller, stored, Beside::default()).await
}

/// Who loads the page of a test again, or changes its language, is back at the connection: a test is asked for.
pub async fn tested(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::View)?;
    let stored = find(&console, &caller, &id).await?;
    Ok(go(&console, &path_of(&stored), ""))
}

/// Tests the connection, and shows what the provider's answer means.
pub async fn test(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::Edit)?;
    let stored = find(&console, &caller, &id).await?;
    let frame = frame_of(&console, &signed, &stored);
    let beside = match connections::test(&console.app, &caller, stored.clone()).await {
        Ok(tested) => Beside { answer: Some(answer(&frame, tested)), ..Beside::default() },
        Err(NotTested::NoCall) => {
            Beside { alert: frame.t("test.no_call").into(), status: StatusCode::CONFLICT, ..Beside::default() }
        }
        Err(NotTested::TooOften(wait)) => {
            let alert = frame.t1("test.wait", "n", &(wait.as_secs() + 1).to_string());
            Beside { alert, status: StatusCode::TOO_MANY_REQUESTS, ..Beside::default() }
        }
        Err(NotTested::Store(error)) => return Err(error.into()),
        Err(NotTested::Fault(error)) => return Err(error.into()),
    };
    show(&console, &signed, &caller, stored, beside).await
}

fn answer(frame: &Frame, tested: Tested) -> Answer {
    let Some(trouble) = tested.trouble else {
        let heading = frame.t("test.good");
        let (meaning, advice) = (frame.t("test.good_text"), "");
        let unproved = tested.unproved.map(|[english, indonesian]| frame.lang.of(english, indonesian));
        return Answer { look: "good", sign: "●", heading, meaning, advice, unproved, said: None };
    };
    let cause = trouble.cause;
    let text = |part: &str, own: &'static str| frame.lang.find(&format!("{part}.{}", cause.as_str())).unwrap_or(own);
    Answer {
        look: "bad",
        sign: "■",
        heading: frame.t("test.bad"),
        meaning: text("cause", cause.meaning()),
        advice: text("advice", cause.advice()),
        unproved: None,
        said: Some(trouble.words),
    }
}
