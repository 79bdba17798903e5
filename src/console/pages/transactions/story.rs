//! One payment's story in the order it happened: taken, tried here for these reasons, answered, called back, told; and
//! what was booked for it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Badge, HERE, evidence, status, word};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::show;
use crate::console::visitor::{Console, Signed};
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::reads::{self, Detail};
use crate::store::delivery::Row as Delivery;
use crate::store::ledger::LineRow;
use crate::store::payment::{AttemptRow, ObservationRow};

/// One thing that happened.
struct Step {
    at: DateTime<Utc>,
    /// How it looks: `good`, `bad`, `warn` or `calm`.
    look: &'static str,
    sign: &'static str,
    title: String,
    lines: Vec<String>,
    /// What came from the provider, secrets and names masked.
    raw: Option<String>,
}

/// A line of the books, its accounts in words.
struct Booked {
    line: String,
    why: String,
    from: String,
    to: String,
    amount: String,
}

#[derive(Template)]
#[template(path = "pages/transactions/story.html")]
struct StoryPage<'a> {
    frame: &'a Frame,
    id: String,
    amount: String,
    status: Badge,
    reason: Option<&'a str>,
    /// Label and value of what is known of the payment.
    facts: Vec<(&'static str, String)>,
    open: Vec<String>,
    steps: Vec<Step>,
    booked: Vec<Booked>,
}

impl StoryPage<'_> {
    fn clock(&self, at: &DateTime<Utc>) -> String {
        show::clock(self.frame.lang, *at)
    }
}

pub async fn story(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Transactions, Level::View)?;
    let payment = ids::parse(ids::SEND_MONEY, &id).ok_or(Fail::NotFound)?;
    let detail = reads::detail(&console.app, &caller, payment).await?.ok_or(Fail::NotFound)?;
    let deliveries = reads::deliveries(&console.app, &caller, payment).await?;
    let row = &detail.view.row;
    let frame = Frame::of(&console, &signed, HERE, "transactions.title")
        .below("transactions.title", HERE)
        .titled(&row.external_id);
    let page = StoryPage {
        id,
        amount: show::money(row.amount, &row.currency),
        status: status(&frame, &row.status),
        reason: row.reason.as_deref(),
        facts: facts(&frame, &detail),
        open: detail
            .exceptions
            .iter()
            .map(|open| format!("{}: {}", word(&frame, "exception", &open.kind), open.detail))
            .collect(),
        steps: steps(&frame, &detail, &deliveries),
        booked: detail.ledger.iter().map(|line| booked(&frame, line)).collect(),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

fn facts(frame: &Frame, detail: &Detail) -> Vec<(&'static str, String)> {
    let view = &detail.view;
    let mut facts = vec![
        ("transactions.receiver", view.name.reveal().to_owned()),
        ("transactions.account", format!("{} {}", view.row.destination, view.account.hint())),
        ("transactions.remark", view.remark.clone()),
        ("transactions.created", frame.time(&view.row.created_at)),
    ];
    if let Some(last) = detail.attempts.last() {
        let label = last.label.clone().unwrap_or_else(|| last.provider.clone());
        facts.push(("transactions.provider", label));
        facts.push(("transactions.fee", show::money(last.fee + last.tax, &view.row.currency)));
        facts.push(("transactions.reference_sent", last.reference.clone()));
    }
    if let Some(at) = view.row.final_at {
        facts.push(("transactions.final", frame.time(&at)));
    }
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (frame.t(key), value)).collect()
}

/// Everything that happened, in its order.
fn steps(frame: &Frame, detail: &Detail, deliveries: &[Delivery]) -> Vec<Step> {
    let row = &detail.view.row;
    let taken = Step {
        at: row.created_at,
        look: "calm",
        sign: "●",
        title: frame.t("story.taken").into(),
        lines: vec![frame.t("story.taken_text").into()],
        raw: None,
    };
    let mut steps = vec![taken];
    steps.extend(detail.attempts.iter().map(|attempt| tried(frame, attempt)));
    steps.extend(detail.observations.iter().map(|seen| observed(frame, seen)));
    steps.extend(deliveries.iter().map(|delivery| told(frame, delivery)));
    // Stable: what was written at one instant stays in the order of cause.
    steps.sort_by_key(|step| step.at);
    steps
}

fn tried(frame: &Frame, attempt: &AttemptRow) -> Step {
    let label = attempt.label.as_deref().unwrap_or(&attempt.provider);
    let why: Value = serde_json::from_str(&attempt.why).unwrap_or_default();
    let mut lines = Vec::new();
    if let Some(because) = why["because"].as_str().filter(|text| !text.is_empty()) {
        lines.push(frame.t1("story.because", "why", because));
    }
    let sequence = why["sequence"].as_str().unwrap_or_default();
    lines.push(
        frame.lang.with("story.sequence", &[("name", sequence), ("version", &why["sequenceVersion"].to_string())]),
    );
    for skipped in why["skipped"].as_array().into_iter().flatten() {
        let text = |field: &str| skipped[field].as_str().unwrap_or_default().to_owned();
        lines.push(frame.lang.with("story.skipped", &[("label", &text("label")), ("why", &text("reason"))]));
    }
    let number = attempt.number.to_string();
    let badge = evidence(frame, &attempt.state);
    lines.push(frame.t1("story.state", "state", &badge.word));
    Step {
        at: attempt.created_at,
        look: badge.look,
        sign: "➤",
        title: frame.lang.with("story.attempt", &[("n", &number), ("label", label)]),
        lines,
        raw: None,
    }
}

fn observed(frame: &Frame, seen: &ObservationRow) -> Step {
    let badge = evidence(frame, &seen.verdict);
    let said: Vec<&str> = [seen.code.as_deref(), seen.message.as_deref()].into_iter().flatten().collect();
    let said = said.join(" · ");
    Step {
        at: seen.seen_at,
        look: badge.look,
        sign: badge.sign,
        title: format!("{}: {}", word(frame, "seen", &seen.kind), badge.word),
        lines: if said.is_empty() { Vec::new() } else { vec![said] },
        raw: seen.raw.clone(),
    }
}

fn told(frame: &Frame, delivery: &Delivery) -> Step {
    let (look, sign) = match delivery.state.as_str() {
        "delivered" => ("good", "✉"),
        "failed" => ("bad", "✉"),
        _ => ("calm", "✉"),
    };
    let endpoint = ids::show(ids::ENDPOINT, delivery.endpoint_id);
    let mut lines = vec![frame.lang.with(
        "story.delivery",
        &[
            ("endpoint", &endpoint),
            ("state", &word(frame, "delivery", &delivery.state)),
            ("n", &delivery.tries.to_string()),
        ],
    )];
    lines.extend(delivery.response_status.map(|status| format!("HTTP {status}")));
    lines.extend(delivery.note.clone());
    Step {
        at: delivery.created_at,
        look,
        sign,
        title: frame.t1("story.webhook", "type", &delivery.kind),
        lines,
        raw: None,
    }
}

fn booked(frame: &Frame, line: &LineRow) -> Booked {
    Booked {
        line: word(frame, "line", &line.line),
        why: word(frame, "booked", &line.kind),
        from: word(frame, "account", &line.credit),
        to: word(frame, "account", &line.debit),
        amount: show::money(line.amount, &line.currency),
    }
}
