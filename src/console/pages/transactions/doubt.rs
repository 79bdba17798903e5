//! Money in doubt: what waits for a second person, what contradicts itself, and what is unknown, by age and amount.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{HERE, path_of, word};
use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::show;
use crate::console::visitor::{Console, Signed};
use crate::domain::ids;
use crate::domain::role::{Feature, Level, RESOLVE};
use crate::flows::access::Caller;
use crate::flows::reads::{self, PaymentView};
use crate::flows::{people, resolve};
use crate::store::exception::Exception;
use crate::store::payment::{Doubt, Filter};

const DOUBT: &str = "/console/transactions/doubt";
const PAGE: usize = 25;

/// What the unknown ones are narrowed by.
#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    age: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    before: String,
    /// Where the page of exceptions begins.
    #[serde(default)]
    exceptions: String,
}

/// Ages to choose from: the word in the address, the key of its name, and minutes.
const AGES: [(&str, &str, i64); 3] =
    [("hour", "doubt.hour", 60), ("day", "doubt.day", 1_440), ("week", "doubt.week", 10_080)];

struct Unknown {
    path: String,
    order: String,
    amount: String,
    destination: String,
    since: DateTime<Utc>,
}

struct Contradiction {
    path: String,
    order: String,
    kind: String,
    detail: String,
    amount: String,
    opened: DateTime<Utc>,
}

struct Waiting {
    path: String,
    order: String,
    outcome: String,
    by: String,
    amount: String,
    at: DateTime<Utc>,
    mine: bool,
}

#[derive(Template)]
#[template(path = "pages/transactions/doubt.html")]
struct DoubtPage<'a> {
    frame: &'a Frame,
    sums: Vec<Doubt>,
    waiting: Vec<Waiting>,
    may_approve: bool,
    contradictions: Vec<Contradiction>,
    more_contradictions: Option<String>,
    unknown: Vec<Unknown>,
    ages: Vec<(&'static str, &'static str, bool)>,
    amount: Field,
    narrow: bool,
    next: Option<String>,
}

impl DoubtPage<'_> {
    fn money(&self, units: &i64, currency: &str) -> String {
        show::money(*units, currency)
    }
}

pub async fn doubt(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Transactions, Level::View)?;
    let app = &console.app;
    let frame = Frame::of(&console, &signed, HERE, "doubt.title").below("transactions.title", HERE);
    let age = AGES.into_iter().find(|(known, ..)| *known == which.age);
    // Rupiah as people write them: dots between the thousands say nothing.
    let digits = which.amount.trim().replace('.', "");
    let amount = (!digits.is_empty()).then(|| digits.parse::<i64>());
    let wrong = matches!(amount, Some(Err(_)));
    let filter = Filter {
        unknown_before: Some(age.map_or(frame.now, |(_, _, minutes)| frame.now - TimeDelta::minutes(minutes))),
        amount_from: amount.and_then(Result::ok),
        ..Filter::default()
    };
    let before = ids::parse(ids::SEND_MONEY, &which.before);
    let found = reads::payments(app, &caller, &filter, before, PAGE as i64 + 1).await?;
    let (mut views, further) = (found.views, found.further);
    let more = views.len() > PAGE;
    views.truncate(PAGE);
    let last = views.last().filter(|_| more).map(|view| view.row.id).or(further);
    let next = last.map(|last| {
        let last = ids::show(ids::SEND_MONEY, last);
        format!("{DOUBT}?age={}&amount={}&before={last}#unknown", show::encoded(&which.age), show::encoded(&digits))
    });
    let after = ids::parse(ids::EXCEPTION, &which.exceptions);
    let mut open = reads::exceptions(app, &caller, Some("OPEN"), after, PAGE as i64 + 1).await?;
    let more = open.len() > PAGE;
    open.truncate(PAGE);
    let last = open.last().filter(|_| more);
    let field = Field::new("amount", frame.t("doubt.amount")).optional().value(&which.amount);
    let page = DoubtPage {
        sums: reads::doubt(app, &caller).await?,
        waiting: waiting(&console, &caller, &frame).await?,
        may_approve: signed.person.may(RESOLVE.0, RESOLVE.1),
        more_contradictions: last.map(|row| format!("{DOUBT}?exceptions={}", ids::show(ids::EXCEPTION, row.id))),
        contradictions: open.into_iter().map(|row| contradiction(&frame, row)).collect(),
        unknown: views.into_iter().map(unknown).collect(),
        ages: AGES.map(|(value, key, _)| (value, frame.t(key), age.is_some_and(|(known, ..)| known == value))).into(),
        amount: if wrong { field.error(frame.t("doubt.amount_wrong")) } else { field },
        narrow: age.is_some() || !which.amount.is_empty(),
        next,
        frame: &frame,
    };
    frame::with_status(&console, &frame, &page, if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
}

/// What waits for a second person, the oldest first.
async fn waiting(console: &Console, caller: &Caller, frame: &Frame) -> Result<Vec<Waiting>, Fail> {
    let mut waiting = Vec::new();
    for row in resolve::waiting(&console.app, caller, PAGE as i64).await? {
        waiting.push(Waiting {
            path: path_of(row.payment_id),
            order: row.external_id,
            outcome: word(frame, "outcome", &row.outcome),
            mine: caller.is(&row.proposed_by),
            by: people::name_of(&console.app, &row.proposed_by).await?.reveal().to_owned(),
            amount: show::money(row.amount, &row.currency),
            at: row.proposed_at,
        });
    }
    Ok(waiting)
}

fn contradiction(frame: &Frame, row: Exception) -> Contradiction {
    Contradiction {
        path: path_of(row.payment_id),
        order: row.external_id,
        kind: word(frame, "exception", &row.kind),
        detail: row.detail,
        amount: show::money(row.amount, &row.currency),
        opened: row.opened_at,
    }
}

fn unknown(view: PaymentView) -> Unknown {
    Unknown {
        path: path_of(view.row.id),
        amount: show::money(view.row.amount, &view.row.currency),
        destination: format!("{} {}", view.row.destination, view.account.hint()),
        since: view.row.unknown_since.unwrap_or(view.row.created_at),
        order: view.row.external_id,
    }
}
