//! What needs somebody, the worst first, each with the place where something can be done about it.

use chrono::TimeDelta;

use crate::console::frame::Frame;
use crate::console::show;
use crate::domain::connection::ConnectionStatus;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::overview::Overview;
use crate::flows::people::Person;

/// One thing.
pub struct Item {
    /// `bad`, `warn` or `calm`.
    pub look: &'static str,
    pub sign: &'static str,
    pub title: String,
    pub text: String,
    /// Where it leads, if this person may go there.
    pub path: Option<String>,
}

/// A connection of which fewer than this many of a hundred attempts pay needs a look, once so many have ended.
const LEAST_RATE: i64 = 80;
const ENOUGH: i64 = 10;

/// How old the sums may be.
const STALE: TimeDelta = TimeDelta::minutes(2);

/// How long a webhook may wait.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Puts things together for one person.
struct Desk<'a> {
    frame: &'a Frame,
    overview: &'a Overview,
    person: &'a Person,
    items: Vec<Item>,
}

/// Everything that needs somebody, the worst first.
pub fn items(frame: &Frame, overview: &Overview, person: &Person) -> Vec<Item> {
    let mut desk = Desk { frame, overview, person, items: Vec::new() };
    desk.sending();
    if person.may(Feature::Transactions, Level::View) {
        desk.exceptions();
        desk.doubt();
    }
    desk.connections();
    desk.endpoints();
    if overview.complete_at.is_some_and(|at| overview.now - at > STALE) {
        desk.add("calm", frame.t("home.stale").into(), frame.t("home.stale_text").into(), None);
    }
    let rank = |item: &Item| ["bad", "warn", "calm"].iter().position(|look| *look == item.look);
    desk.items.sort_by_key(rank);
    desk.items
}

impl Desk<'_> {
    fn add(&mut self, look: &'static str, title: String, text: String, path: Option<String>) {
        let sign = match look {
            "bad" => "✕",
            "warn" => "▲",
            _ => "◆",
        };
        self.items.push(Item { look, sign, title, text, path });
    }

    /// An address, for who may look at what is there.
    fn path(&self, feature: Feature, path: &str) -> Option<String> {
        self.person.may(feature, Level::View).then(|| path.to_owned())
    }

    fn sending(&mut self) {
        let (frame, sending) = (self.frame, &self.overview.sending);
        let path = self.path(Feature::Maintenance, "/console/settings/sending");
        if let Some(pause) = &sending.installation {
            let reason = pause["reason"].as_str().unwrap_or_default();
            self.add("bad", frame.t("home.paused_all").into(), reason.into(), None);
        }
        if let Some(at) = &sending.client.paused_at {
            let reason = sending.client.paused_reason.as_deref().unwrap_or_default();
            let title = frame.t1("home.paused", "since", &frame.time(at));
            self.add("bad", title, reason.into(), path);
        }
    }

    fn exceptions(&mut self) {
        let (frame, overview) = (self.frame, self.overview);
        for named in &overview.named {
            let key = format!("exception.{}", named.kind);
            let what = frame.lang.find(&key).unwrap_or("").to_owned();
            let amount = show::money(named.amount, &named.currency);
            let title = format!("{}: {what}", named.external_id);
            let text = format!("{amount} · {}", frame.ago(&named.opened_at));
            let id = ids::show(ids::SEND_MONEY, named.payment_id);
            self.add("bad", title, text, Some(format!("/console/transactions/{id}")));
        }
        let all: i64 = overview.exceptions.iter().map(|doubt| doubt.count).sum();
        let more = all - i64::try_from(overview.named.len()).unwrap_or_default();
        if more > 0 {
            let path = self.path(Feature::Transactions, "/console/transactions/doubt");
            let title = frame.t1("home.more_exceptions", "n", &show::count(frame.lang, more));
            self.add("bad", title, frame.t("home.more_exceptions_text").into(), path);
        }
    }

    fn doubt(&mut self) {
        let (frame, overview) = (self.frame, self.overview);
        // In doubt for more than an hour: the provider was asked many times by then.
        let old: Vec<_> = overview.unknown.iter().filter(|doubt| doubt.age >= 2).collect();
        let count: i64 = old.iter().map(|doubt| doubt.count).sum();
        if count > 0 {
            let title = frame.t1("home.old_doubt", "n", &show::count(frame.lang, count));
            let oldest = old.iter().map(|doubt| doubt.oldest).min().unwrap_or(overview.now);
            let text = frame.t1("home.old_doubt_text", "ago", &frame.ago(&oldest));
            let path = self.path(Feature::Transactions, "/console/transactions/doubt");
            self.add("warn", title, text, path);
        }
    }

    fn connections(&mut self) {
        let (frame, overview) = (self.frame, self.overview);
        let path = self.path(Feature::Providers, "/console/providers");
        if overview.begun.has_payment && overview.connections.is_empty() {
            self.add("bad", frame.t("home.no_connection").into(), String::new(), path.clone());
        }
        for stored in &overview.connections {
            let connection = &stored.connection;
            if connection.status == ConnectionStatus::Maintenance {
                let title = frame.t1("home.in_maintenance", "label", &connection.label);
                self.add("warn", title, frame.reason(&stored.status_reason), path.clone());
            }
            let here = || overview.spans.iter().filter(|span| span.connection_id == connection.id);
            let paid: i64 = here().map(|span| span.paid).sum();
            let freed: i64 = here().map(|span| span.not_sent + span.refused + span.broken).sum();
            let ended = paid + freed;
            if ended >= ENOUGH && paid * 100 < ended * LEAST_RATE {
                let rate = show::share(frame.lang, paid, ended);
                let title =
                    frame.lang.with("home.low_rate", &[("label", connection.label.as_str()), ("rate", rate.as_str())]);
                let text = frame.t1("home.low_rate_text", "n", &show::count(frame.lang, ended));
                self.add("warn", title, text, path.clone());
            }
        }
    }

    fn endpoints(&mut self) {
        let (frame, overview) = (self.frame, self.overview);
        for told in &overview.told {
            let path = format!("/console/settings/webhooks/{}", ids::show(ids::ENDPOINT, told.endpoint_id));
            let path = self.path(Feature::Settings, &path);
            let late = told.oldest.filter(|oldest| overview.now - *oldest > LATE);
            if let Some(oldest) = late.filter(|_| told.status == "ACTIVE") {
                let title = frame.t1("home.late", "n", &show::count(frame.lang, told.waiting));
                let text = format!("{} · {}", told.url, frame.t1("home.late_text", "ago", &frame.ago(&oldest)));
                self.add("warn", title, text, path);
            } else if told.failed > 0 {
                let title = frame.t1("home.given_up", "n", &show::count(frame.lang, told.failed));
                self.add("warn", title, told.url.clone(), path);
            }
        }
    }
}
