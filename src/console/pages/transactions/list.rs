//! The list of payments, newest first, by the same read as the API's.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

use super::{Badge, HERE, evidence, status};
use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::show;
use crate::console::visitor::{Console, Signed};
use crate::domain::ids;
use crate::domain::payment::Status;
use crate::domain::role::{Feature, Level};
use crate::flows::reads::{self, PaymentView};
use crate::store::payment::Filter;

const PAGE: usize = 25;

/// What the list is narrowed by, as the form sends it; empty means not at all.
#[derive(Deserialize, Default)]
pub struct Which {
    #[serde(default)]
    status: String,
    #[serde(default)]
    doubt: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    destination: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    before: String,
}

impl Which {
    fn is_narrow(&self) -> bool {
        [&self.status, &self.doubt, &self.order, &self.destination, &self.from, &self.to]
            .into_iter()
            .any(|text| !text.is_empty())
    }

    /// The same list as an address, after `before`.
    fn address(&self, before: &str) -> String {
        let pairs = [
            ("status", &self.status),
            ("doubt", &self.doubt),
            ("order", &self.order),
            ("destination", &self.destination),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let mut address = format!("{HERE}?before={before}");
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            address.push_str(&format!("&{name}={}", show::encoded(value)));
        }
        address
    }
}

/// 00:00 in Jakarta of a day as date fields send it; `Err` where it is no day.
fn midnight(text: &str) -> Result<Option<DateTime<Utc>>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| ())?;
    let midnight = day.and_hms_opt(0, 0, 0).ok_or(())?.and_utc();
    Ok(Some(midnight - TimeDelta::hours(7)))
}

/// A line of the list.
struct Row {
    id: String,
    order: String,
    amount: String,
    destination: String,
    created: DateTime<Utc>,
    status: Badge,
    /// In doubt, where it is.
    doubt: Option<Badge>,
}

#[derive(Template)]
#[template(path = "pages/transactions/list.html")]
struct ListPage<'a> {
    frame: &'a Frame,
    rows: Vec<Row>,
    statuses: Vec<(&'static str, Badge, bool)>,
    doubt: bool,
    order: Field,
    destination: Field,
    from: Field,
    to: Field,
    narrow: bool,
    first: bool,
    next: Option<String>,
    /// The page is not full, and what is older was not looked through yet.
    further: bool,
}

pub async fn list(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Transactions, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "transactions.title");
    let (from, to) = (midnight(&which.from), midnight(&which.to));
    let wrong = |bad: bool| if bad { frame.t("transactions.day_wrong") } else { "" };
    let given = |text: &str| Some(text.trim().replace('\0', "")).filter(|text| !text.is_empty());
    let filter = Filter {
        status: Status::parse(&which.status).map(|status| status.as_str().to_owned()),
        unknown_before: (which.doubt == "1").then_some(frame.now),
        external_id: given(&which.order),
        destination: given(&which.destination).map(|text| text.to_uppercase()),
        created_from: from.ok().flatten(),
        // The last day is wholly in it.
        created_before: to.ok().flatten().map(|midnight| midnight + TimeDelta::days(1)),
        ..Filter::default()
    };
    let before = ids::parse(ids::SEND_MONEY, &which.before);
    let found = reads::payments(&console.app, &caller, &filter, before, PAGE as i64 + 1).await?;
    let (mut views, further) = (found.views, found.further);
    let more = views.len() > PAGE;
    views.truncate(PAGE);
    let last = views.last().filter(|_| more).map(|view| view.row.id).or(further);
    let last = last.map(|id| ids::show(ids::SEND_MONEY, id));
    let field = |name, key| Field::new(name, frame.t(key)).optional();
    let page = ListPage {
        statuses: Status::ALL
            .into_iter()
            .map(|known| (known.as_str(), status(&frame, known.as_str()), which.status == known.as_str()))
            .collect(),
        doubt: which.doubt == "1",
        order: field("order", "transactions.order").value(&which.order),
        destination: field("destination", "transactions.destination").value(&which.destination),
        from: field("from", "transactions.from").kind("date", "off").value(&which.from).error(wrong(from.is_err())),
        to: field("to", "transactions.to").kind("date", "off").value(&which.to).error(wrong(to.is_err())),
        narrow: which.is_narrow(),
        first: before.is_none(),
        further: further.is_some(),
        next: last.map(|last| which.address(&last)),
        rows: views.iter().map(|view| row(&frame, view)).collect(),
        frame: &frame,
    };
    let bad = from.is_err() || to.is_err();
    frame::with_status(&console, &frame, &page, if bad { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
}

fn row(frame: &Frame, view: &PaymentView) -> Row {
    let row = &view.row;
    Row {
        id: ids::show(ids::SEND_MONEY, row.id),
        order: row.external_id.clone(),
        amount: show::money(row.amount, &row.currency),
        destination: format!("{} {}", row.destination, view.account.hint()),
        created: row.created_at,
        status: status(frame, &row.status),
        doubt: row.unknown_since.map(|_| evidence(frame, "unknown")),
    }
}
