//! The audit log: who did what, newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Signed};
use crate::domain::role::{Feature, Level};
use crate::flows::people::log::{self, Entry};

const HERE: &str = "/console/settings/audit";
const PAGE: usize = 50;

#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    area: String,
    #[serde(default)]
    before: String,
}

/// What entries are about: the word before the dot of their action, and the key of its name.
const AREAS: [(&str, &str); 16] = [
    ("client", "area.client"),
    ("member", "area.member"),
    ("invitation", "area.invitation"),
    ("session", "area.session"),
    ("password", "area.password"),
    ("second_factor", "area.second_factor"),
    ("key", "area.key"),
    ("allow_list", "area.allow_list"),
    ("endpoint", "area.endpoint"),
    ("connection", "area.connection"),
    ("sequence", "area.sequence"),
    ("sending", "area.sending"),
    ("kyb", "area.kyb"),
    ("document", "area.document"),
    ("onboarding", "area.onboarding"),
    ("privacy", "area.privacy"),
];

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage<'a> {
    frame: &'a Frame,
    entries: Vec<Entry>,
    areas: Vec<(&'static str, &'static str, bool)>,
    area: &'a str,
    next: Option<String>,
    first: bool,
}

impl AuditPage<'_> {
    /// Who did it: a person's name, or ours where nobody did.
    fn who<'a>(&'a self, entry: &'a Entry) -> &'a str {
        let shown = entry.who.reveal();
        self.frame.nobody(shown).unwrap_or(shown)
    }

    /// What was done, in words where the table has them.
    fn action(&self, entry: &Entry) -> String {
        self.frame.lang.find(&format!("action.{}", entry.action)).map_or_else(|| entry.action.clone(), str::to_owned)
    }

    /// The detail as lines `name: value`; what was before and after as `before → after`.
    fn lines(&self, entry: &Entry) -> Vec<String> {
        let Value::Object(detail) = &entry.detail else { return Vec::new() };
        let (before, after) = (detail.get("before"), detail.get("after"));
        let mut lines = match (before, after) {
            (Some(Value::Object(before)), _) => {
                let is = |name: &str| after.and_then(|after| after.get(name)).unwrap_or(&Value::Null);
                let added = after.and_then(Value::as_object).into_iter().flatten();
                let added = added.map(|(name, _)| name).filter(|name| !before.contains_key(*name));
                let all = before.iter().chain(added.map(|name| (name, &Value::Null)));
                all.map(|(name, was)| self.change(name, was, is(name))).collect()
            }
            (_, Some(Value::Object(after))) => after.iter().map(|(name, value)| self.line(name, value)).collect(),
            (_, Some(after)) => vec![self.change("order", before.unwrap_or(&Value::Null), after)],
            (_, None) => Vec::new(),
        };
        let rest = detail.iter().filter(|(name, value)| *name != "before" && *name != "after" && !value.is_null());
        lines.extend(rest.map(|(name, value)| self.line(name, value)));
        lines
    }

    fn line(&self, name: &str, value: &Value) -> String {
        format!("{}: {}", self.name(name), self.said(name, value))
    }

    fn change(&self, name: &str, before: &Value, after: &Value) -> String {
        format!("{}: {} → {}", self.name(name), self.said(name, before), self.said(name, after))
    }

    /// What a field of the detail is called.
    fn name(&self, name: &str) -> String {
        let known = ["detail", "product"].iter().find_map(|table| self.frame.lang.find(&format!("{table}.{name}")));
        known.unwrap_or(name).to_owned()
    }

    /// A value of the detail, in words where the tables have them.
    fn said(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Null => "–".into(),
            Value::Bool(yes) => self.frame.t(if *yes { "detail.yes" } else { "detail.no" }).into(),
            Value::Array(all) if all.is_empty() => "–".into(),
            Value::Array(all) => all.iter().map(|one| self.said(name, one)).collect::<Vec<_>>().join(", "),
            Value::Object(all) => all.iter().map(|(name, value)| self.line(name, value)).collect::<Vec<_>>().join(", "),
            Value::String(text) => self.word(name, text),
            Value::Number(number) => match number.as_i64().filter(|_| name.ends_with("Bp")) {
                Some(points) if points % 100 == 0 => format!("{}%", points / 100),
                Some(points) => format!("{}.{:02}%", points / 100, points % 100),
                None => number.to_string(),
            },
        }
    }

    /// Roles, outcomes, statuses and the like are words of our own; everything else stands as it is.
    fn word(&self, name: &str, text: &str) -> String {
        let table = match name {
            "reason" => return self.frame.reason(text),
            "role" | "outcome" | "service" => name,
            "services" => "service",
            "status" => "standing",
            "result" => "cause",
            _ if self.frame.lang.find(&format!("product.{name}")).is_some() => "right",
            _ => return text.to_owned(),
        };
        let known = self.frame.lang.find(&format!("{table}.{}", text.to_ascii_lowercase()));
        known.map_or_else(|| text.to_owned(), str::to_owned)
    }
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let work = signed.needs(Feature::Settings, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "audit.title");
    let area = AREAS.iter().map(|(area, _)| *area).find(|area| *area == which.area);
    let before = which.before.parse().ok();
    let mut entries = log::page(&console.app, work, area, before, PAGE as i64 + 1).await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let last = entries.last().filter(|_| more).map(|entry| entry.seq);
    let page = AuditPage {
        areas: AREAS.iter().map(|(known, key)| (*known, frame.t(key), area == Some(*known))).collect(),
        area: area.unwrap_or_default(),
        next: last.map(|last| format!("{HERE}?area={}&before={last}", area.unwrap_or_default())),
        first: before.is_none(),
        entries,
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}
