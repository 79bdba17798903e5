//! The file at a glance: how far it is, step by step and for each provider, and its versions.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{HERE, Named, STEPS, Standing, Step, named, standings};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::pages::providers::who;
use crate::console::visitor::{Console, Signed};
use crate::crypto::secret::Personal;
use crate::domain::kyb::File;
use crate::domain::kyb::completeness::notes;
use crate::domain::role::{Feature, Level};
use crate::domain::service::Mode;
use crate::flows::kyb;
use crate::providers::onboarding::Onboarding;
use crate::store::kyb::Saved;

/// Versions of a page.
const PAGE: usize = 10;

#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    before: String,
}

/// A version as the list shows it.
struct Line {
    path: String,
    version: i32,
    at: DateTime<Utc>,
    by: Personal,
    steps: Vec<&'static str>,
    count: usize,
}

/// What a provider still needs.
struct Needs {
    provider: String,
    missing: Vec<Named>,
}

#[derive(Template)]
#[template(path = "pages/kyb/overview.html")]
struct OverviewPage<'a> {
    frame: &'a Frame,
    standings: Vec<Standing>,
    done: usize,
    is_begun: bool,
    may_board: bool,
    /// The first step that is not complete.
    next: String,
    providers: Vec<Needs>,
    notes: Vec<&'static str>,
    lines: Vec<Line>,
    older: Option<String>,
    newest: i32,
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Result<Response, Fail> {
    let work = signed.needs(Feature::ClientKyb, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "kyb.title");
    let current = kyb::read(&console.app, work.client_id, None).await?;
    let file = current.as_ref().map(|current| &current.file);
    let missing = kyb::missing(&console.app, file, None).unwrap_or_default();
    let standings = standings(frame.lang, &missing, None);
    let mut rows = kyb::versions(&console.app, work.client_id, which.before.parse().ok(), PAGE as i64 + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let older = rows.last().filter(|_| more).map(|last| format!("{HERE}?before={}#versions", last.version));
    let mut lines = Vec::new();
    for saved in rows {
        lines.push(line(&console, &frame, saved).await?);
    }
    let page = OverviewPage {
        done: standings.iter().filter(|standing| standing.missing.is_empty()).count(),
        next: standings
            .iter()
            .find(|one| !one.missing.is_empty())
            .map_or_else(|| STEPS[0].path(), |one| one.path.clone()),
        standings,
        is_begun: current.is_some(),
        may_board: signed.person.may(Feature::Onboarding, Level::View),
        providers: needs(&console, &frame, file),
        notes: file.map(|file| remarks(&frame, file)).unwrap_or_default(),
        newest: current.as_ref().map_or(0, |current| current.version),
        lines,
        older,
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

async fn line(console: &Console, frame: &Frame, saved: Saved) -> Result<Line, Fail> {
    let steps: BTreeSet<usize> =
        saved.changed.iter().filter_map(|name| STEPS.iter().position(|step: &Step| step.holds(name))).collect();
    Ok(Line {
        path: format!("{HERE}/versions/{}", saved.version),
        version: saved.version,
        at: saved.saved_at,
        by: who(console, frame, &saved.saved_by).await?,
        steps: steps.into_iter().map(|n| frame.t(STEPS[n].title)).collect(),
        count: saved.changed.len(),
    })
}

/// What each provider that takes files still needs, in whatever mode it takes them.
fn needs(console: &Console, frame: &Frame, file: Option<&File>) -> Vec<Needs> {
    let takes = |target: &&dyn Onboarding| [Mode::Test, Mode::Live].into_iter().any(|mode| target.takes(mode));
    let need = |target: &dyn Onboarding| {
        let missing = kyb::missing(&console.app, file, Some(target.code())).unwrap_or_default();
        let missing = missing.iter().map(|fault| named(frame.lang, fault)).collect();
        Needs { provider: target.name().to_owned(), missing }
    };
    console.app.targets.iter().filter(takes).map(need).collect()
}

/// What is right and yet worth a look.
fn remarks(frame: &Frame, file: &File) -> Vec<&'static str> {
    let of_product = |field: &str| if field == "product_selection" { "kyb.note_products" } else { "kyb.note_industry" };
    let keys: BTreeSet<&str> = notes(file).iter().map(|note| of_product(&note.field)).collect();
    keys.into_iter().map(|key| frame.lang.find(key).unwrap_or_default()).collect()
}
