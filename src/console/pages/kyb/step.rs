//! One step of the form: drawn from the file or from what was typed, rearranged by its buttons, and saved.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::brought::{self, Brought};
use super::collect::{collect, rearrange, without_blanks};
use super::draw::{Drawing, Section};
use super::files::{self, Held};
use super::{HERE, Named, Standing, Step, fail, named, standings};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Signed};
use crate::domain::kyb::Fault;
use crate::domain::kyb::fields::FILE;
use crate::domain::role::{Feature, Level};
use crate::flows::documents;
use crate::flows::kyb::{self, Blocks, Refused, Version};

#[derive(Template)]
#[template(path = "pages/kyb/step.html")]
struct StepPage<'a> {
    frame: &'a Frame,
    step: &'static Step,
    standings: Vec<Standing>,
    /// What is missing in this step of the file as it is saved.
    missing: Vec<Named>,
    sections: Vec<Section>,
    version: String,
    alert: &'static str,
    wrong: Vec<Named>,
    is_draft: bool,
    is_last: bool,
}

/// What is shown of a form that was sent.
#[derive(Default)]
struct Sent {
    filled: Option<Map<String, Value>>,
    /// The version the form was made from, where it shall stay that one.
    seen: Option<String>,
    faults: Vec<Fault>,
    /// Files that were not taken: their places, and the keys of what is said of them.
    refused: Vec<(String, &'static str)>,
    alert: &'static str,
    is_draft: bool,
}

async fn show(
    console: &Console,
    signed: &Signed,
    step: &'static Step,
    mut sent: Sent,
    status: StatusCode,
) -> Result<Response, Fail> {
    let work = signed.needs(Feature::ClientKyb, Level::View)?;
    let current = kyb::read(&console.app, work.client_id, None).await?;
    let frame = Frame::of(console, signed, HERE, step.title).below("kyb.title", HERE);
    let missing = kyb::missing(&console.app, current.as_ref().map(|current| &current.file), None).unwrap_or_default();
    let standings = standings(frame.lang, &missing, Some(step));
    let stands = current.as_ref().map(|current| current.version.to_string());
    let filled = sent.filled.take().unwrap_or_else(|| current.as_ref().map(|c| c.file.reveal()).unwrap_or_default());
    let held = held(console, &frame, work.client_id, step, &filled).await?;
    let drawing = Drawing { lang: frame.lang, faults: &sent.faults, refused: &sent.refused, held: &held };
    let of_step = FILE.iter().filter(|field| step.blocks.contains(&field.name));
    let page = StepPage {
        missing: missing.iter().filter(|fault| step.holds(&fault.field)).map(|one| named(frame.lang, one)).collect(),
        sections: of_step.flat_map(|field| drawing.top(field, &filled)).collect(),
        version: sent.seen.take().or(stands).unwrap_or_default(),
        alert: if sent.alert.is_empty() { "" } else { frame.t(sent.alert) },
        wrong: wrong(&frame, &sent),
        is_draft: sent.is_draft,
        is_last: step.next().is_none(),
        standings,
        step,
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

/// What is known of the documents that a step names.
async fn held(
    console: &Console,
    frame: &Frame,
    client_id: Uuid,
    step: &Step,
    filled: &Map<String, Value>,
) -> Result<Vec<Held>, Fail> {
    let mut ids = Vec::new();
    for block in step.blocks.iter().filter_map(|block| filled.get(*block)) {
        files::named(block, &mut ids);
    }
    let found = documents::some(&console.app, client_id, &ids).await?;
    Ok(found.iter().map(|document| Held::of(frame.lang, document)).collect())
}

/// Everything that is wrong, by name.
fn wrong(frame: &Frame, sent: &Sent) -> Vec<Named> {
    let files = sent.refused.iter().map(|(place, _)| Fault { field: place.clone(), message: String::new() });
    let all: Vec<Fault> = sent.faults.iter().cloned().chain(files).collect();
    all.iter().map(|fault| named(frame.lang, fault)).collect()
}

pub async fn page(State(console): State<Console>, signed: Signed, Path(slug): Path<String>) -> Result<Response, Fail> {
    signed.needs(Feature::ClientKyb, Level::View)?;
    show(&console, &signed, Step::of(&slug)?, Sent::default(), StatusCode::OK).await
}

pub async fn save(
    State(console): State<Console>,
    signed: Signed,
    Path(slug): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::ClientKyb, Level::Edit)?;
    let step = Step::of(&slug)?;
    let Brought { fields, refused, .. } = brought::read(&console, &caller, request).await?;
    let table: Vec<_> = FILE.iter().filter(|field| step.blocks.contains(&field.name)).copied().collect();
    let mut filled = collect(&fields, &table, "");
    let seen = fields.text("version");
    let mut sent = Sent { seen: Some(seen.to_owned()), refused, ..Sent::default() };
    if rearrange(&mut filled, fields.text("do")) {
        (sent.filled, sent.is_draft) = (Some(filled), true);
        return show(&console, &signed, step, sent, StatusCode::OK).await;
    }
    if !sent.refused.is_empty() {
        (sent.filled, sent.alert) = (Some(filled), "kyb.wrong");
        return show(&console, &signed, step, sent, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    without_blanks(&mut filled);
    let seen = Some(seen).filter(|text| !text.is_empty());
    let seen: Option<i32> = seen.map(|text| text.parse().map_err(|_| Fail::BadForm)).transpose()?;
    let blocks = Blocks { seen, names: step.blocks, given: &filled };
    let status = match kyb::save_blocks(&console.app, &caller, blocks).await {
        Ok(saved) => return Ok(after(&console, step, fields.text("do"), seen, saved.as_ref())),
        Err(Refused::Faults(faults)) => {
            (sent.faults, sent.alert) = (faults, "kyb.wrong");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Refused::ChangedMeanwhile) => {
            (sent.seen, sent.alert) = (None, "kyb.stale");
            StatusCode::CONFLICT
        }
        Err(other) => return Err(fail(other)),
    };
    sent.filled = Some(filled);
    show(&console, &signed, step, sent, status).await
}

/// Where a saved step leads: to the next one, or back to itself.
fn after(console: &Console, step: &'static Step, deed: &str, seen: Option<i32>, saved: Option<&Version>) -> Response {
    let is_new = saved.is_some_and(|saved| seen.is_none_or(|seen| saved.version > seen));
    let path = match step.next() {
        _ if deed == "stay" => step.path(),
        Some(next) => next.path(),
        None => HERE.to_owned(),
    };
    go(console, &path, if is_new { "flash.kyb_saved" } else { "flash.kyb_same" })
}
