//! The overview in words and drawings, as the template shows it. Nothing is read here and nothing decided.

use uuid::Uuid;

use super::attention::{self, Item};
use super::figures::{Figure, TimeLine, figures, time_line};
use crate::console::chart;
use crate::console::frame::Frame;
use crate::console::show;
use crate::domain::connection::ConnectionStatus;
use crate::domain::latency::Histogram;
use crate::domain::role::{Feature, Level};
use crate::flows::overview::{AGES, Overview, Reach};
use crate::flows::people::Person;
use crate::store::doubt::Doubt;
use crate::store::rollup::{Span, Told};

/// A connection and service, and how it does.
pub struct Connection {
    pub label: String,
    pub service: &'static str,
    pub look: &'static str,
    pub sign: &'static str,
    pub status: &'static str,
    pub ended: i64,
    pub rate: String,
    pub rate_drawing: String,
    pub counts: String,
    pub latency: Option<(String, String)>,
    pub volume: Vec<String>,
    pub fees: Vec<String>,
}

/// Money in doubt for about as long.
pub struct Age {
    pub name: String,
    pub unknown: String,
    pub unknown_money: Vec<String>,
    pub exceptions: String,
    pub exceptions_money: Vec<String>,
    pub drawing: String,
    pub is_empty: bool,
}

/// An endpoint, and how it is told.
pub struct Endpoint {
    pub url: String,
    pub look: &'static str,
    pub sign: &'static str,
    pub status: &'static str,
    pub first_time: String,
    pub retried: String,
    pub failed: String,
    pub waiting: String,
    pub oldest: Option<String>,
    pub drawing: String,
}

/// What a provider holds.
pub struct Balance {
    pub label: String,
    /// What can be spent, and all there is where that is another amount.
    pub amount: Option<String>,
    pub all: Option<String>,
    pub why: String,
}

/// A step of the beginning, and whether it is done.
pub struct Beginning {
    pub title: &'static str,
    pub text: &'static str,
    pub link: Option<(&'static str, &'static str)>,
    pub is_done: bool,
}

/// All of it.
pub struct View {
    pub begin: Vec<Beginning>,
    pub attention: Vec<Item>,
    pub announce: String,
    pub figures: Vec<Figure>,
    pub line: Option<TimeLine>,
    pub connections: Vec<Connection>,
    pub money: bool,
    pub ages: Vec<Age>,
    pub endpoints: Vec<Endpoint>,
    pub balances: Vec<Balance>,
    /// How old the balances are.
    pub balances_age: Option<String>,
    pub complete: Option<String>,
}

/// The key of a reach's name.
pub fn name(reach: Reach) -> &'static str {
    match reach {
        Reach::Day => "home.day",
        Reach::Week => "home.week",
        Reach::Month => "home.month",
    }
}

impl View {
    pub fn of(frame: &Frame, overview: &Overview, reach: Reach, person: &Person) -> View {
        let money = person.may(Feature::Transactions, Level::View);
        let attention = attention::items(frame, overview, person);
        let announce = match attention.len() {
            0 => frame.t("home.calm").to_owned(),
            many => frame.t1("home.announce", "n", &show::count(frame.lang, many as i64)),
        };
        View {
            begin: if overview.begun.has_payment { Vec::new() } else { beginning(frame, overview, person) },
            announce,
            attention,
            figures: if overview.begun.has_payment { figures(frame, overview, reach, money) } else { Vec::new() },
            line: overview.begun.has_payment.then(|| time_line(frame, overview, reach)),
            connections: connections(frame, overview),
            money,
            ages: if money && overview.begun.has_payment { ages(frame, overview) } else { Vec::new() },
            endpoints: overview.told.iter().map(|told| endpoint(frame, overview, told)).collect(),
            balances: if money { balances(frame, overview) } else { Vec::new() },
            balances_age: overview.balances.as_ref().map(|kept| frame.ago(&kept.at)),
            complete: overview.complete_at.map(|at| show::clock(frame.lang, at)),
        }
    }
}

fn beginning(frame: &Frame, overview: &Overview, person: &Person) -> Vec<Beginning> {
    let link = |feature, path, key| person.may(feature, Level::View).then_some((path, frame.t(key)));
    vec![
        Beginning {
            title: frame.t("home.begin_provider"),
            text: frame.t("home.begin_provider_text"),
            link: link(Feature::Providers, "/console/providers", "providers.title"),
            is_done: !overview.connections.is_empty(),
        },
        Beginning {
            title: frame.t("home.begin_key"),
            text: frame.t("home.begin_key_text"),
            link: link(Feature::Settings, "/console/settings/keys", "keys.title"),
            is_done: overview.begun.has_key,
        },
        Beginning {
            title: frame.t("home.begin_payment"),
            text: frame.t("home.begin_payment_text"),
            link: Some(("/docs", frame.t("transactions.reference"))),
            is_done: false,
        },
    ]
}

/// A connection's status: look, sign, and the word in the table of words.
fn status(frame: &Frame, status: ConnectionStatus) -> (&'static str, &'static str, &'static str) {
    match status {
        ConnectionStatus::Active => ("good", "●", frame.t("connection.active")),
        ConnectionStatus::Maintenance => ("warn", "▲", frame.t("connection.maintenance")),
        ConnectionStatus::Inactive => ("calm", "■", frame.t("connection.inactive")),
    }
}

/// Each connection and service with something to show: first those that are there, then those that were removed.
fn connections(frame: &Frame, overview: &Overview) -> Vec<Connection> {
    let mut rows = Vec::new();
    for stored in &overview.connections {
        let of = |span: &&Span| span.connection_id == stored.connection.id;
        let shown = status(frame, stored.connection.status);
        let spans: Vec<&Span> = overview.spans.iter().filter(of).collect();
        rows.extend(by_service(frame, &stored.connection.label, shown, &spans));
        if spans.is_empty() {
            rows.push(connection(frame, &stored.connection.label, shown, "", &[]));
        }
    }
    for gone in &overview.names {
        let spans: Vec<&Span> = overview.spans.iter().filter(|span| span.connection_id == gone.id).collect();
        rows.extend(by_service(frame, &gone.label, ("calm", "□", frame.t("home.removed")), &spans));
    }
    rows
}

type Shown = (&'static str, &'static str, &'static str);

fn by_service(frame: &Frame, label: &str, shown: Shown, spans: &[&Span]) -> Vec<Connection> {
    let mut services: Vec<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    services.dedup();
    let one = |service: &&str| {
        let here: Vec<&Span> = spans.iter().copied().filter(|span| span.service == *service).collect();
        connection(frame, label, shown, service, &here)
    };
    services.iter().map(one).collect()
}

fn connection(frame: &Frame, label: &str, (look, sign, status): Shown, service: &str, spans: &[&Span]) -> Connection {
    let lang = frame.lang;
    let sum = |of: fn(&Span) -> i64| spans.iter().map(|span| of(span)).sum::<i64>();
    let (paid, freed) = (sum(|s| s.paid), sum(|s| s.not_sent + s.refused + s.broken));
    let mut latency = Histogram::default();
    spans.iter().for_each(|span| latency.add(&Histogram::of(&span.latency)));
    let lasting = |percent| latency.quantile_ms(percent).map(|ms| show::lasting(lang, ms));
    let money = |of: fn(&Span) -> i64| {
        let some = spans.iter().filter(|span| of(span) > 0);
        some.map(|span| show::money(of(span), &span.currency)).collect()
    };
    let key = format!("service.{service}");
    Connection {
        label: label.into(),
        service: lang.find(&key).unwrap_or_default(),
        look,
        sign,
        status,
        ended: paid + freed,
        rate: show::share(lang, paid, paid + freed),
        rate_drawing: chart::shares(&[(paid, "paid"), (freed, "failed")]),
        counts: lang.with("home.counts", &[("paid", &show::count(lang, paid)), ("freed", &show::count(lang, freed))]),
        latency: lasting(50).zip(lasting(95)),
        volume: money(|s| s.paid_amount),
        fees: money(|s| s.fees + s.taxes),
    }
}

fn ages(frame: &Frame, overview: &Overview) -> Vec<Age> {
    let names = ["home.age_new", "home.age_minutes", "home.age_hours", "home.age_days"];
    let of = |all: &[Doubt], age: usize| -> Vec<Doubt> {
        all.iter().filter(|doubt| usize::try_from(doubt.age) == Ok(age)).cloned().collect()
    };
    let count = |doubts: &[Doubt]| doubts.iter().map(|doubt| doubt.count).sum::<i64>();
    let most = (0..=AGES.len())
        .map(|age| count(&of(&overview.unknown, age)) + count(&of(&overview.exceptions, age)))
        .max()
        .unwrap_or(0);
    let money = |doubts: &[Doubt]| {
        doubts.iter().map(|doubt| show::money_short(frame.lang, doubt.amount, &doubt.currency)).collect::<Vec<_>>()
    };
    (0..=AGES.len())
        .map(|age| {
            let (unknown, exceptions) = (of(&overview.unknown, age), of(&overview.exceptions, age));
            let (some, more) = (count(&unknown), count(&exceptions));
            Age {
                name: frame.t(names[age]).into(),
                unknown: show::count(frame.lang, some),
                unknown_money: money(&unknown),
                exceptions: show::count(frame.lang, more),
                exceptions_money: money(&exceptions),
                drawing: chart::shares(&[(some, "doubt"), (more, "failed"), (most - some - more, "rest")]),
                is_empty: some + more == 0,
            }
        })
        .collect()
}

fn endpoint(frame: &Frame, overview: &Overview, told: &Told) -> Endpoint {
    let number = |n: i64| show::count(frame.lang, n);
    let late = told.oldest.is_some_and(|oldest| overview.now - oldest > AGES[0]);
    let (look, sign, status) = match told.status.as_str() {
        "ACTIVE" if late => ("warn", "▲", frame.t("home.endpoint_late")),
        "ACTIVE" => ("good", "●", frame.t("connection.active")),
        _ => ("calm", "■", frame.t("home.endpoint_off")),
    };
    Endpoint {
        url: told.url.clone(),
        look,
        sign,
        status,
        first_time: number(told.first_time),
        retried: number(told.retried),
        failed: number(told.failed),
        waiting: if told.waiting >= 1_000 { format!("{}+", number(told.waiting)) } else { number(told.waiting) },
        oldest: told.oldest.map(|oldest| frame.ago(&oldest)),
        drawing: chart::shares(&[(told.first_time, "paid"), (told.retried, "doubt"), (told.failed, "failed")]),
    }
}

fn balances(frame: &Frame, overview: &Overview) -> Vec<Balance> {
    let kept = overview.balances.as_ref();
    let answer =
        |id: Uuid| kept.and_then(|kept| kept.answers.iter().find(|(of, _)| *of == id)).map(|(_, answer)| answer);
    let one = |stored: &crate::store::connection::Stored| {
        let label = stored.connection.label.clone();
        match answer(stored.connection.id) {
            Some(Ok(balance)) => {
                let text = |money: &crate::domain::money::Money| show::money(money.units, money.currency.as_str());
                let spend = balance.available.as_ref().unwrap_or(&balance.balance);
                let all = (spend.units != balance.balance.units)
                    .then(|| frame.t1("home.balance_all", "amount", &text(&balance.balance)));
                Balance { label, amount: Some(text(spend)), all, why: String::new() }
            }
            Some(Err(why)) => Balance { label, amount: None, all: None, why: why.clone() },
            None => Balance { label, amount: None, all: None, why: frame.t("home.balance_asking").into() },
        }
    };
    overview.connections.iter().map(one).collect()
}
