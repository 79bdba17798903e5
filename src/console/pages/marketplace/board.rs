//! On Board: what goes to whom, what each asks beyond the file, and the beginning at all of them or at none.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::{ALL, HERE, fail, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::pages::kyb::{self as kyb_pages, Named, named};
use crate::console::pages::providers::form::{Drawing, collect_at};
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::kyb::Fault;
use crate::domain::onboarding::reference;
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::onboarding::{self, Refused, Wish};
use crate::flows::{kyb, once::First};
use crate::providers::FieldFault;
use crate::providers::form::Part;
use crate::providers::onboarding::Onboarding;

/// A provider that is to be on-boarded at.
struct Asked {
    code: String,
    name: String,
    fields: Vec<Field>,
    missing: Vec<Named>,
    /// One runs there already: its page.
    running: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/marketplace/board.html")]
struct BoardPage<'a> {
    frame: &'a Frame,
    asked: Vec<Asked>,
    version: i32,
    version_path: String,
    alert: &'static str,
    can: bool,
    live: bool,
}

/// What is shown of a form that was sent.
#[derive(Default)]
struct Sent<'a> {
    fields: Option<&'a Fields>,
    faults: Vec<FieldFault>,
    running: Vec<(String, String)>,
    alert: &'static str,
}

/// The targets that were chosen, each once. A word that is none is no choice.
fn chosen<'a>(console: &'a Console, caller: &Caller, codes: impl Iterator<Item = &'a str>) -> Vec<&'a dyn Onboarding> {
    let targets = onboarding::targets(&console.app, caller);
    let codes: Vec<&str> = codes.collect();
    targets.into_iter().filter(|target| codes.contains(&target.code())).collect()
}

/// What stands before the names of a provider's questions.
fn at(target: &dyn Onboarding) -> String {
    format!("{}.", target.code())
}

async fn show(
    console: &Console,
    signed: &Signed,
    caller: &Caller,
    targets: &[&dyn Onboarding],
    sent: Sent<'_>,
    status: StatusCode,
) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "board.title").below("marketplace.title", HERE);
    let current = kyb::read(&console.app, caller.client_id, None).await?;
    let file = current.as_ref().map(|current| &current.file);
    let ask = |target: &&dyn Onboarding| {
        let missing = kyb::missing(&console.app, file, Some(target.code())).unwrap_or_default();
        Asked {
            code: target.code().to_owned(),
            name: target.name().to_owned(),
            fields: questions(&frame, *target, sent.fields, &sent.faults),
            missing: missing.iter().map(|fault| named(frame.lang, fault)).collect(),
            running: sent.running.iter().find(|(code, _)| code == target.code()).map(|(_, path)| path.clone()),
        }
    };
    let asked: Vec<Asked> = targets.iter().map(ask).collect();
    let version = current.as_ref().map_or(0, |current| current.version);
    let page = BoardPage {
        can: !asked.is_empty() && asked.iter().all(|one| one.missing.is_empty()),
        version,
        version_path: format!("{}/versions/{version}", kyb_pages::HERE),
        alert: if sent.alert.is_empty() { "" } else { frame.t(sent.alert) },
        live: frame.me.as_ref().is_some_and(|me| me.live),
        asked,
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::Edit)?;
    let codes = query.iter().filter(|(name, _)| name == "provider").map(|(_, code)| code.as_str());
    let targets = chosen(&console, &caller, codes);
    if targets.is_empty() {
        let sent = Sent { alert: "board.none", ..Sent::default() };
        return show(&console, &signed, &caller, &targets, sent, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    show(&console, &signed, &caller, &targets, Sent::default(), StatusCode::OK).await
}

pub async fn board(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::Edit)?;
    let targets = chosen(&console, &caller, fields.all("provider"));
    let mut sent = Sent { fields: Some(&fields), ..Sent::default() };
    if targets.is_empty() {
        sent.alert = "board.none";
        return show(&console, &signed, &caller, &targets, sent, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let wish = |target: &&dyn Onboarding| Wish {
        provider: target.code().to_owned(),
        details: details(*target, &fields).unwrap_or_default(),
    };
    let wishes: Vec<Wish> = targets.iter().map(wish).collect();
    let status = match onboarding::begin(&console.app, &caller, &wishes, None).await {
        Ok(First::Made(begun)) => {
            let path = if let [one] = begun.as_slice() { path_of(one) } else { ALL.to_owned() };
            return Ok(go(&console, &path, "flash.onboarded"));
        }
        Ok(First::Replayed(_)) => return Err(anyhow::anyhow!("a form without a key was replayed").into()),
        Err(Refused::Unfit(faults)) => {
            (sent.alert, sent.faults) = ("forms.wrong", faults.iter().map(|fault| below(fault, &wishes)).collect());
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Refused::Incomplete(_)) => {
            sent.alert = "board.incomplete";
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Refused::Running(running)) => {
            let path = |(code, id)| (code, format!("{ALL}/{}", reference(id)));
            (sent.alert, sent.running) = ("board.running", running.into_iter().map(path).collect());
            StatusCode::CONFLICT
        }
        Err(other) => return Err(fail(other)),
    };
    show(&console, &signed, &caller, &targets, sent, status).await
}

/// A fault of `providers[0].details.x` as one of the field that asked for it.
fn below(fault: &Fault, wishes: &[Wish]) -> FieldFault {
    let place = fault.field.strip_prefix("providers[").and_then(|rest| rest.split_once("]."));
    let known = place.and_then(|(n, rest)| Some((wishes.get(n.parse::<usize>().ok()?)?, rest)));
    let field = known.map_or_else(
        || fault.field.clone(),
        |(wish, rest)| format!("{}.{}", wish.provider, rest.replacen("details", Part::Settings.as_str(), 1)),
    );
    FieldFault { field, reason: fault.message.clone() }
}

/// The same of `details.x` alone, of one provider.
pub(super) fn below_one(fault: &Fault, code: &str) -> FieldFault {
    let field = format!("{code}.{}", fault.field.replacen("details", Part::Settings.as_str(), 1));
    FieldFault { field, reason: fault.message.clone() }
}

/// What was answered to a provider's questions; `None` where nothing was.
pub(super) fn details(target: &dyn Onboarding, fields: &Fields) -> Option<serde_json::Map<String, Value>> {
    let details = collect_at(&at(target), target.form(), Part::Settings, fields);
    (!details.is_empty()).then_some(details)
}

/// The questions of a provider as fields of a page.
pub(super) fn questions(
    frame: &Frame,
    target: &dyn Onboarding,
    fields: Option<&Fields>,
    faults: &[FieldFault],
) -> Vec<Field> {
    let at = at(target);
    let drawing =
        Drawing { lang: frame.lang, at: &at, form: target.form(), part: Part::Settings, keeps: false, faults };
    fields.map_or_else(|| drawing.fields(|_| String::new()), |fields| drawing.typed(fields))
}
