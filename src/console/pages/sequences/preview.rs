//! Where a payment would go at this moment: which connections would be tried, in which order, and why each other not.
//! It is planned as payments are; nothing moves.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{DEFAULT, Destinations, HERE, destination_name, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::pages::providers::provider_name;
use crate::console::visitor::{Console, Signed};
use crate::console::{show, typed};
use crate::domain::ids;
use crate::domain::money::{Currency, Money};
use crate::domain::role::{Feature, Level};
use crate::domain::sequence::{Candidate, Plan, Skipped};
use crate::domain::service::Service;
use crate::flows::sequences::{self, Which};

/// A payment that is not made.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    service: String,
    #[serde(default)]
    destination: String,
    #[serde(default)]
    amount: String,
}

/// A connection, and what is said of it.
struct Told {
    path: String,
    label: String,
    provider: String,
    lines: Vec<String>,
}

struct Answer {
    heading: String,
    by: String,
    by_path: String,
    tried: Vec<Told>,
    skipped: Vec<Told>,
}

#[derive(Template)]
#[template(path = "pages/sequences/preview.html")]
struct PreviewPage<'a> {
    frame: &'a Frame,
    service: &'static str,
    ask: Destinations,
    amount: Field,
    answer: Option<Answer>,
}

pub async fn preview(
    State(console): State<Console>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Providers, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "preview.title").below("sequences.title", HERE);
    let service = Service::parse(&wanted.service).unwrap_or(Service::ALL[0]);
    let destination = service.destination(&wanted.destination);
    let amount = typed::rupiah(&wanted.amount).filter(|units| *units > 0);
    let is_asked = !wanted.destination.is_empty() || !wanted.amount.is_empty();
    let answer = match (destination, amount) {
        (Some(destination), Some(units)) => {
            let (which, money) = (Which { service, destination }, Money::new(units, Currency::Idr));
            let plan = sequences::preview(&console.app, &caller, which, money).await?;
            Some(answer(&console, &frame, which, money, plan))
        }
        _ => None,
    };
    let amount_wrong = if is_asked && amount.is_none() { frame.t("preview.amount_wrong") } else { "" };
    let shown = if wanted.amount.is_empty() { "Rp100.000" } else { &wanted.amount };
    let is_wrong = is_asked && answer.is_none();
    let page = PreviewPage {
        service: service.as_str(),
        ask: Destinations::of(&frame, service, destination.unwrap_or_default(), is_asked && destination.is_none()),
        amount: Field::new("amount", frame.t("preview.amount")).decimal().value(shown).error(amount_wrong),
        answer,
        frame: &frame,
    };
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame::with_status(&console, &frame, &page, status)
}

fn answer(console: &Console, frame: &Frame, which: Which, money: Money, plan: Plan) -> Answer {
    let destination = destination_name(which.service, which.destination);
    let amount = show::money(money.units, money.currency.as_str());
    let version = plan.sequence_version.to_string();
    let is_default = plan.sequence_destination.is_empty();
    let by = if is_default { "preview.by_default" } else { "preview.by_custom" };
    let by_path = if is_default { format!("{HERE}/{}/{DEFAULT}", which.service.as_str()) } else { path_of(which) };
    let tried = plan.candidates.into_iter().enumerate();
    Answer {
        heading: frame.lang.with("preview.answer", &[("amount", &amount), ("destination", &destination)]),
        by: frame.lang.with(by, &[("destination", &destination), ("n", &version)]),
        by_path,
        tried: tried.map(|(at, candidate)| told(console, frame, at, candidate, money.currency)).collect(),
        skipped: plan.skipped.into_iter().map(|skipped| passed(frame, skipped)).collect(),
    }
}

fn address(id: uuid::Uuid) -> String {
    format!("/console/providers/{}", ids::show(ids::CONNECTION, id))
}

fn told(console: &Console, frame: &Frame, at: usize, candidate: Candidate, currency: Currency) -> Told {
    let money = |units| show::money(units, currency.as_str());
    let fee = candidate.fee;
    let cost = match fee.fee + fee.tax {
        0 => frame.t("preview.free").to_owned(),
        cost => {
            let values = [("cost", money(cost)), ("fee", money(fee.fee)), ("tax", money(fee.tax))];
            frame.lang.with("preview.cost", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
        }
    };
    let turn = frame.t(if at == 0 { "preview.first" } else { "preview.next" });
    Told {
        path: address(candidate.connection.id),
        provider: provider_name(&console.app, &candidate.connection.provider),
        label: candidate.connection.label,
        lines: vec![format!("{turn} {}", frame.t("preview.fit")), cost],
    }
}

fn passed(frame: &Frame, skipped: Skipped) -> Told {
    let words: Vec<&str> =
        skipped.reason.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let reason = frame.lang.find(&format!("skip.{}", words.join("_"))).unwrap_or(skipped.reason);
    let path = address(skipped.connection_id);
    Told { path, label: skipped.label, provider: String::new(), lines: vec![reason.to_owned()] }
}
