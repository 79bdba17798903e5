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
const AREAS: [(&str, &str); 13] = [
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
    /// What was done, in words where the table has them.
    fn action(&self, entry: &Entry) -> String {
        self.frame.lang.find(&format!("action.{}", entry.action)).map_or_else(|| entry.action.clone(), str::to_owned)
    }

    /// The detail as lines `name: value`; what was before and after as `before → after`.
    fn lines(&self, entry: &Entry) -> Vec<String> {
        let Value::Object(detail) = &entry.detail else { return Vec::new() };
        let (before, after) = (detail.get("before"), detail.get("after"));
        let mut lines = Vec::new();
        if let Some(Value::Object(before)) = before {
            for (name, value) in before {
                let then = after.and_then(|after| after.get(name)).map_or("–".into(), plain);
                lines.push(format!("{name}: {} → {then}", plain(value)));
            }
        }
        let rest = detail.iter().filter(|(name, value)| *name != "before" && *name != "after" && !value.is_null());
        lines.extend(rest.map(|(name, value)| format!("{name}: {}", plain(value))));
        lines
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
