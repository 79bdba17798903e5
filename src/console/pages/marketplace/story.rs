//! One onboarding as a conversation: what we sent, what the provider said, which tries failed; and what can be done.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::board::questions;
use super::{ALL, Badge, HERE, badge, id, next_word, path_of};
use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::pages::kyb::{HERE as FILE, Named, named, words};
use crate::console::pages::providers::who;
use crate::console::visitor::{Console, Fields, Signed};
use crate::crypto::secret::Personal;
use crate::domain::ids;
use crate::domain::kyb::Fault;
use crate::domain::onboarding::{Act, Decision, Status, decide};
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::kyb;
use crate::flows::onboarding::{self, Line, Story};
use crate::providers::FieldFault;
use crate::store::onboarding_line::Kind;

/// A line of the conversation, for people.
struct Turn {
    look: &'static str,
    sign: &'static str,
    title: String,
    at: DateTime<Utc>,
    /// The provider's own words.
    remarks: Option<Personal>,
    /// What a submission changed.
    changed: Vec<String>,
    /// In words of the network, or of a refusal.
    note: Option<String>,
    again: Option<(i32, DateTime<Utc>)>,
}

/// What somebody may do about it now.
struct Offers {
    /// The version that can be submitted.
    submit: Option<i32>,
    correct: bool,
    connect: bool,
    is_approved: bool,
    withdraw: bool,
}

#[derive(Template)]
#[template(path = "pages/marketplace/story.html")]
struct StoryPage<'a> {
    frame: &'a Frame,
    path: String,
    name: String,
    badge: Badge,
    next: &'static str,
    /// The words of the provider that the client has to answer.
    remarks: Option<&'a str>,
    is_stuck: bool,
    reference: String,
    version: i32,
    version_path: String,
    since: DateTime<Utc>,
    begun: DateTime<Utc>,
    begun_by: Personal,
    next_try: Option<DateTime<Utc>>,
    connection: Option<String>,
    offers: Offers,
    questions: Vec<Field>,
    /// Something is wrong with the answers to them.
    has_faults: bool,
    turns: Vec<Turn>,
    data: Option<(DateTime<Utc>, String)>,
    alert: &'static str,
    missing: Vec<Named>,
}

/// What is shown beside it after something was refused.
#[derive(Default)]
pub(super) struct Beside<'a> {
    pub alert: &'static str,
    pub missing: Vec<Fault>,
    pub faults: Vec<FieldFault>,
    pub fields: Option<&'a Fields>,
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Path(reference): Path<String>,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::View)?;
    show(&console, &signed, &caller, id(&reference)?, Beside::default(), StatusCode::OK).await
}

pub(super) async fn show(
    console: &Console,
    signed: &Signed,
    caller: &Caller,
    id: uuid::Uuid,
    beside: Beside<'_>,
    status: StatusCode,
) -> Result<Response, Fail> {
    let Story { standing, lines } = onboarding::read(&console.app, caller, id).await?.ok_or(Fail::NotFound)?;
    let frame = Frame::of(console, signed, HERE, "onboardings.one").below("marketplace.title", HERE);
    let frame = frame.below("onboardings.title", ALL).titled(&standing.name);
    let newest = kyb::versions(&console.app, caller.client_id, None, 1).await?.first().map(|saved| saved.version);
    let offers = offers(console, signed, &standing, newest);
    let remarks = lines.iter().rev().find(|line| line.kind != Kind::Failed && line.remarks.is_some());
    let remarks = remarks.filter(|_| matches!(standing.status, Status::NeedRevision | Status::Rejected));
    let data = onboarding::provider_data(&console.app, caller, id).await?.flatten();
    let data = data.map(|said| (said.at, pretty(&Value::Object(said.data.reveal().clone()))));
    let mut turns = Vec::new();
    for line in &lines {
        turns.push(turn(console, &frame, &standing.name, line).await?);
    }
    let target = console.app.targets.get(&standing.provider).filter(|_| offers.submit.is_some() || offers.correct);
    let page = StoryPage {
        path: path_of(&standing),
        badge: badge(&frame, standing.status),
        next: next_word(&frame, &standing),
        remarks: remarks.and_then(|line| line.remarks.as_ref()).map(Personal::reveal),
        is_stuck: standing.stuck,
        version: standing.file_version,
        version_path: format!("{FILE}/versions/{}", standing.file_version),
        since: standing.since,
        begun: standing.created_at,
        begun_by: who(console, &frame, &standing.created_by).await?,
        next_try: standing.next_try_at.filter(|_| standing.tries > 0),
        connection: standing.connection_id.map(|id| format!("/console/providers/{}", ids::show(ids::CONNECTION, id))),
        questions: target.map(|target| questions(&frame, target, beside.fields, &beside.faults)).unwrap_or_default(),
        has_faults: !beside.faults.is_empty(),
        turns,
        data,
        alert: if beside.alert.is_empty() { "" } else { frame.t(beside.alert) },
        missing: beside.missing.iter().map(|fault| named(frame.lang, fault)).collect(),
        name: standing.name,
        reference: standing.reference_id,
        offers,
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

fn offers(console: &Console, signed: &Signed, standing: &onboarding::Standing, newest: Option<i32>) -> Offers {
    let can = |act: Act| decide(standing.status, act);
    let person = &signed.person;
    let edits = person.may(Feature::Onboarding, Level::Edit);
    let has_adapter = console.app.providers.get(&standing.provider).is_some();
    Offers {
        submit: newest.filter(|_| edits && standing.may_submit),
        correct: edits && standing.status == Status::NeedRevision && !standing.may_submit,
        connect: edits
            && has_adapter
            && person.may(Feature::Providers, Level::Edit)
            && matches!(can(Act::Connect), Decision::Goes(_)),
        is_approved: standing.status == Status::Approved,
        withdraw: edits && matches!(can(Act::Withdraw), Decision::Goes(_)),
    }
}

async fn turn(console: &Console, frame: &Frame, name: &str, line: &Line) -> Result<Turn, Fail> {
    let by = match line.who.as_str() {
        "provider" => name.to_owned(),
        other => who(console, frame, other).await?.reveal().to_owned(),
    };
    let said = line.status.map(|status| badge(frame, status));
    let (look, sign, key) = match line.kind {
        Kind::Submitted => ("calm", "↑", "turn.submitted"),
        Kind::Answered => ("calm", "↓", "turn.answered"),
        Kind::Told => ("calm", "↓", "turn.told"),
        Kind::Failed => ("warn", "▲", "turn.failed"),
        Kind::Halted => ("bad", "■", "turn.halted"),
        Kind::Withdrawn => ("past", "○", "turn.withdrawn"),
        Kind::Tested => ("warn", "▲", "turn.tested"),
        Kind::Connected => ("good", "✓", "turn.connected"),
    };
    let (look, sign) = match &said {
        Some(said) if matches!(line.kind, Kind::Answered | Kind::Told) => (said.look, said.sign),
        _ => (look, sign),
    };
    let values =
        [("who", by.as_str()), ("n", &line.file_version.to_string()), ("status", said.map_or("", |said| said.word))];
    Ok(Turn {
        look,
        sign,
        title: frame.lang.with(key, &values),
        at: line.at,
        remarks: line.remarks.clone(),
        changed: changed(frame, &line.changed),
        note: line.note.clone(),
        again: (line.times > 1).then_some((line.times, line.last_at)),
    })
}

/// The names of changed fields, each once.
fn changed(frame: &Frame, names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let label = match name.as_str() {
            "details" => frame.t("onboarding.details").to_owned(),
            name => words::label_at(frame.lang, name),
        };
        let label = if label.is_empty() { name.clone() } else { label };
        if !all.contains(&label) {
            all.push(label);
        }
    }
    all
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

impl StoryPage<'_> {
    fn again(&self, times: &i32, last: &DateTime<Utc>) -> String {
        self.frame.lang.with("turn.again", &[("n", &times.to_string()), ("when", &self.frame.time(last))])
    }
}
