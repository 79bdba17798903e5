//! One payment's story in the order it happened: taken, tried here for these reasons, answered, called back, told; and
//! what was booked for it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::resolve::{Proposed, proposed, standing};
use super::{Badge, HERE, OPERATE, evidence, path_of, payment_id, status, word};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::show;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::evidence::Evidence;
use crate::domain::ids;
use crate::domain::payment::Status;
use crate::domain::role::{Feature, Level, RESOLVE};
use crate::flows::reads::{self, Detail};
use crate::flows::resolve::Standing;
use crate::flows::{endpoints, send_money};
use crate::store::callback::CallRow;
use crate::store::delivery::Row as Delivery;
use crate::store::endpoint::Endpoint;
use crate::store::ledger::LineRow;
use crate::store::payment::{AttemptRow, ObservationRow};

/// One thing that happened.
struct Step {
    at: DateTime<Utc>,
    /// Of what is written at one instant: causes before what they led to.
    rank: u8,
    /// How it looks: `good`, `bad`, `warn` or `calm`.
    look: &'static str,
    sign: &'static str,
    title: String,
    lines: Vec<String>,
    /// How often the same was seen again right after it, and when last.
    again: Option<(usize, DateTime<Utc>)>,
    /// What came from the provider, secrets and names masked.
    raw: Option<String>,
}

/// The rank of what was seen of a provider.
const SEEN: u8 = 2;

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
    /// What happens next, of a payment that has no end yet.
    next: Option<&'static str>,
    /// Label and value of what is known of the payment.
    facts: Vec<(&'static str, String)>,
    open: Vec<String>,
    steps: Vec<Step>,
    booked: Vec<Booked>,
    path: String,
    offers: Offers,
    /// What waits for a second person, and whether it is the own.
    proposed: Option<(Proposed, Standing)>,
}

/// What the person may do with the payment as it stands.
struct Offers {
    refresh: bool,
    cancel: bool,
    resend: bool,
    resolve: bool,
    /// Approving and withdrawing what is proposed.
    decide: bool,
}

impl Offers {
    fn any(&self) -> bool {
        self.refresh || self.cancel || self.resend || self.resolve
    }
}

impl StoryPage<'_> {
    fn clock(&self, at: &DateTime<Utc>) -> String {
        show::clock(self.frame.lang, *at)
    }

    fn again(&self, times: &usize, last: &DateTime<Utc>) -> String {
        let (times, last) = (times.to_string(), show::clock(self.frame.lang, *last));
        self.frame.lang.with("story.again", &[("n", &times), ("at", &last)])
    }
}

pub async fn story(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Transactions, Level::View)?;
    let payment = payment_id(&id)?;
    let detail = reads::detail(&console.app, &caller, payment).await?.ok_or(Fail::NotFound)?;
    let deliveries = reads::deliveries(&console.app, &caller, payment).await?;
    let calls = reads::calls(&console.app, &caller, payment).await?;
    let told_to = endpoints::list(&console.app, &caller).await?;
    let standing = standing(&console, &caller, payment).await?;
    let row = &detail.view.row;
    let frame = Frame::of(&console, &signed, HERE, "transactions.title")
        .below("transactions.title", HERE)
        .titled(&row.external_id);
    let offers = offers(&signed, &detail, &deliveries, &standing);
    let proposed = match &standing.proposal {
        Some(row) => Some((proposed(&console, &frame, row).await?, standing)),
        None => None,
    };
    let page = StoryPage {
        id,
        amount: show::money(row.amount, &row.currency),
        status: status(&frame, &row.status),
        reason: row.reason.as_deref(),
        next: next(&frame, &detail),
        facts: facts(&frame, &detail),
        open: detail
            .exceptions
            .iter()
            .map(|open| format!("{}: {}", word(&frame, "exception", &open.kind), open.detail))
            .collect(),
        steps: steps(&frame, &detail, &deliveries, &calls, &told_to),
        booked: detail.ledger.iter().map(|line| booked(&frame, line)).collect(),
        path: path_of(payment),
        offers,
        proposed,
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

fn offers(signed: &Signed, detail: &Detail, deliveries: &[Delivery], standing: &Standing) -> Offers {
    let (row, may) = (&detail.view.row, |(feature, need)| signed.person.may(feature, need));
    let is_over = Status::parse(&row.status).is_some_and(Status::is_final);
    let evidence = Evidence::parse(&row.evidence);
    Offers {
        refresh: !is_over && matches!(evidence, Some(Evidence::Accepted | Evidence::Unknown)),
        cancel: !is_over && evidence == Some(Evidence::Prepared) && may(OPERATE),
        resend: !deliveries.is_empty() && may(OPERATE),
        resolve: !standing.fits.is_empty() && may(RESOLVE),
        decide: may(RESOLVE),
    }
}

/// Asks the provider now; the page then shows what it said.
pub async fn refresh(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Transactions, Level::View)?;
    let payment = payment_id(&id)?;
    send_money::status(&console.app, &caller, payment).await?.ok_or(Fail::NotFound)?;
    Ok(go(&console, &path_of(payment), "flash.looked"))
}

/// Tells the payment's events once more to the endpoints that were told before.
pub async fn resend(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(OPERATE.0, OPERATE.1)?;
    let payment = payment_id(&id)?;
    reads::payment(&console.app, &caller, payment).await?.ok_or(Fail::NotFound)?;
    let count = endpoints::replay_payment(&console.app, &caller, payment).await?;
    let flash = if count > 0 { "flash.replayed" } else { "flash.replayed_none" };
    Ok(go(&console, &path_of(payment), flash))
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
        // Nothing is charged for what failed.
        if view.row.status != Status::Failed.as_str() {
            facts.push(("transactions.fee", show::money(last.fee + last.tax, &view.row.currency)));
        }
        facts.push(("transactions.reference_sent", last.reference.clone()));
    }
    if let Some(at) = view.row.final_at {
        facts.push(("transactions.final", frame.time(&at)));
    }
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (frame.t(key), value)).collect()
}

/// Everything that happened, in its order.
fn steps(
    frame: &Frame,
    detail: &Detail,
    deliveries: &[Delivery],
    calls: &[CallRow],
    endpoints: &[Endpoint],
) -> Vec<Step> {
    let row = &detail.view.row;
    let taken = Step {
        at: row.created_at,
        rank: 0,
        look: "calm",
        sign: "●",
        title: frame.t("story.taken").into(),
        lines: vec![frame.t("story.taken_text").into()],
        again: None,
        raw: None,
    };
    let mut steps = vec![taken];
    steps.extend(detail.attempts.iter().map(|attempt| tried(frame, attempt)));
    steps.extend(calls.iter().map(|call| called(frame, call)));
    steps.extend(detail.observations.iter().map(|seen| observed(frame, detail, seen)));
    // What was booked at one instant is one step.
    let same = |a: &LineRow, b: &LineRow| (a.created_at, a.attempt, &a.kind) == (b.created_at, b.attempt, &b.kind);
    steps.extend(detail.ledger.chunk_by(same).map(|lines| entered(frame, lines)));
    steps.extend(deliveries.iter().map(|delivery| told(frame, delivery, endpoints)));
    steps.sort_by_key(|step| (step.at, step.rank));
    folded(steps)
}

/// The same thing seen several times in a row is one step: a provider may be asked for days.
fn folded(steps: Vec<Step>) -> Vec<Step> {
    let mut folded: Vec<Step> = Vec::new();
    for step in steps {
        match folded.last_mut() {
            Some(last)
                if step.rank == SEEN
                    && last.rank == SEEN
                    && (&last.title, &last.lines) == (&step.title, &step.lines) =>
            {
                let times = last.again.map_or(0, |(times, _)| times);
                (last.again, last.raw) = (Some((times + 1, step.at)), step.raw);
            }
            _ => folded.push(step),
        }
    }
    folded
}

/// What happens next, of a payment that has no end yet.
fn next(frame: &Frame, detail: &Detail) -> Option<&'static str> {
    let row = &detail.view.row;
    if Status::parse(&row.status).is_none_or(Status::is_final) {
        return None;
    }
    Some(frame.t(match Evidence::parse(&row.evidence)? {
        Evidence::Unknown => "story.next_unknown",
        Evidence::Sent | Evidence::Accepted => "story.next_accepted",
        Evidence::Prepared => "story.next_prepared",
        _ => "story.next_people",
    }))
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
        rank: 4,
        look: badge.look,
        sign: "➤",
        title: frame.lang.with("story.attempt", &[("n", &number), ("label", label)]),
        lines,
        again: None,
        raw: None,
    }
}

fn observed(frame: &Frame, detail: &Detail, seen: &ObservationRow) -> Step {
    let badge = evidence(frame, &seen.verdict);
    let attempt = detail.attempts.iter().find(|attempt| attempt.number == seen.attempt);
    let label = attempt.map_or("", |attempt| attempt.label.as_deref().unwrap_or(&attempt.provider));
    let at = frame.lang.with("story.at", &[("n", &seen.attempt.to_string()), ("label", label)]);
    let said: Vec<&str> = [seen.code.as_deref(), seen.message.as_deref()].into_iter().flatten().collect();
    let said = said.join(" · ");
    Step {
        at: seen.seen_at,
        rank: SEEN,
        look: badge.look,
        sign: badge.sign,
        title: format!("{}: {}", word(frame, "seen", &seen.kind), badge.word),
        lines: [at, said].into_iter().filter(|line| !line.is_empty()).collect(),
        again: None,
        raw: seen.raw.clone(),
    }
}

/// A call from the provider. It is no news by itself: it is why the provider was asked.
fn called(frame: &Frame, call: &CallRow) -> Step {
    let number = call.attempt.to_string();
    let label = call.label.as_deref().unwrap_or_default();
    let mut lines = vec![frame.lang.with("story.call_text", &[("n", &number), ("label", label)])];
    if call.done_at.is_none() {
        lines.push(frame.t("story.call_open").into());
    }
    Step {
        at: call.received_at,
        rank: 1,
        look: "calm",
        sign: "☏",
        title: word(frame, "seen", "callback"),
        lines,
        again: None,
        raw: None,
    }
}

/// What was booked, with the amount of each line.
fn entered(frame: &Frame, lines: &[LineRow]) -> Step {
    let line = |row: &LineRow| {
        let names = [("line", word(frame, "line", &row.line)), ("amount", show::money(row.amount, &row.currency))];
        let (from, to) = (word(frame, "account", &row.credit), word(frame, "account", &row.debit));
        frame.lang.with("story.entry", &[("line", &names[0].1), ("amount", &names[1].1), ("from", &from), ("to", &to)])
    };
    let kind = lines.first().map_or("", |row| row.kind.as_str());
    Step {
        at: lines.first().map_or(DateTime::UNIX_EPOCH, |row| row.created_at),
        rank: if kind == "sent" { 5 } else { 3 },
        look: if kind == "suspense" { "warn" } else { "calm" },
        sign: "≡",
        title: frame.t1("story.entered", "when", &word(frame, "booked", kind)),
        lines: lines.iter().map(line).collect(),
        again: None,
        raw: None,
    }
}

fn told(frame: &Frame, delivery: &Delivery, endpoints: &[Endpoint]) -> Step {
    let (look, sign) = match delivery.state.as_str() {
        "delivered" => ("good", "✉"),
        "failed" => ("bad", "✉"),
        _ => ("calm", "✉"),
    };
    let known = endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint_id);
    let endpoint = known.map_or_else(|| ids::show(ids::ENDPOINT, delivery.endpoint_id), |known| known.url.clone());
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
    lines.extend(delivery.next_try_at.map(|at| frame.t1("webhooks.next_try", "when", &frame.ago(&at))));
    Step {
        at: delivery.created_at,
        rank: 6,
        look,
        sign,
        title: frame.t1("story.webhook", "type", &delivery.kind),
        lines,
        again: None,
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
