//! Every onboarding of this mode: how it stands, since when, and what is to be done next.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{ALL, Badge, HERE, badge, next_word, path_of};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Signed};
use crate::domain::onboarding::parse_reference;
use crate::domain::role::{Feature, Level};
use crate::flows::onboarding;

/// Onboardings of a page.
const PAGE: usize = 25;

#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    before: String,
}

struct Line {
    path: String,
    name: String,
    reference: String,
    badge: Badge,
    next: &'static str,
    is_stuck: bool,
    file_version: i32,
    since: DateTime<Utc>,
    begun: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "pages/marketplace/list.html")]
struct ListPage<'a> {
    frame: &'a Frame,
    lines: Vec<Line>,
    stuck: usize,
    older: Option<String>,
    first: bool,
}

pub async fn list(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "onboardings.title").below("marketplace.title", HERE);
    let before = parse_reference(&which.before);
    let mut all = onboarding::list(&console.app, &caller, before, PAGE as i64 + 1).await?;
    let more = all.len() > PAGE;
    all.truncate(PAGE);
    let older = all.last().filter(|_| more).map(|last| format!("{ALL}?before={}", last.reference_id));
    let line = |standing: &onboarding::Standing| Line {
        path: path_of(standing),
        name: standing.name.clone(),
        reference: standing.reference_id.clone(),
        badge: badge(&frame, standing.status),
        next: next_word(&frame, standing),
        is_stuck: standing.stuck,
        file_version: standing.file_version,
        since: standing.since,
        begun: standing.created_at,
    };
    let page = ListPage {
        lines: all.iter().map(line).collect(),
        stuck: all.iter().filter(|standing| standing.stuck).count(),
        older,
        first: before.is_none(),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}
