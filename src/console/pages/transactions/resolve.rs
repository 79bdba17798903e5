//! Ending a doubt: one person proposes how, with a reason and where the proof is kept; another approves, or takes it back.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::{HERE, path_of, payment_id, word};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::console::{proof, show};
use crate::domain::ids;
use crate::domain::role::RESOLVE;
use crate::flows::access::Caller;
use crate::flows::people;
use crate::flows::reads;
use crate::flows::resolve::{self, Outcome, Refused, Resolved, Standing, Word};
use crate::store::exception::Resolution;

/// The longest reason and document; the API takes no longer ones either.
const CHARS: u16 = 1_000;

/// What every page here shows of the payment.
struct About {
    path: String,
    order: String,
    amount: String,
    receiver: String,
}

async fn about(console: &Console, caller: &Caller, id: Uuid) -> Result<About, Fail> {
    let view = reads::payment(&console.app, caller, id).await?.ok_or(Fail::NotFound)?;
    Ok(About {
        path: path_of(id),
        order: view.row.external_id.clone(),
        amount: show::money(view.row.amount, &view.row.currency),
        receiver: view.name.reveal().to_owned(),
    })
}

/// A proposal as people read it.
pub struct Proposed {
    pub outcome: String,
    pub reason: String,
    pub document: String,
    pub by: String,
    pub at: chrono::DateTime<chrono::Utc>,
    pub id: String,
}

pub async fn proposed(console: &Console, frame: &Frame, row: &Resolution) -> Result<Proposed, Fail> {
    Ok(Proposed {
        outcome: word(frame, "outcome", &row.outcome),
        reason: row.reason.clone(),
        document: row.document.clone(),
        by: people::name_of(&console.app, &row.proposed_by).await?.reveal().to_owned(),
        at: row.proposed_at,
        id: ids::show(ids::RESOLUTION, row.id),
    })
}

/// What nothing was changed for, as a message on the payment's page; a fault of ours goes on as one.
fn told(refused: Refused) -> Result<&'static str, Fail> {
    match refused {
        Refused::NotFound => Err(Fail::NotFound),
        Refused::NotHeard => Err(Fail::Forbidden),
        Refused::Unfounded(_) => Err(Fail::BadForm),
        Refused::SecondPerson(_) => Ok("flash.second_person"),
        Refused::Differs(_) => Ok("flash.proposed_meanwhile"),
        Refused::Gone => Ok("flash.proposal_gone"),
        Refused::Unfit(_) => Ok("flash.unfit"),
        Refused::Store(error) => Err(error.into()),
        Refused::Fault(error) => Err(error.into()),
    }
}

/// How the payment stands for who may resolve it.
pub async fn standing(console: &Console, caller: &Caller, id: Uuid) -> Result<Standing, Fail> {
    resolve::standing(&console.app, caller, id).await.map_err(|refused| match told(refused) {
        Err(fail) => fail,
        Ok(_) => Fail::NotFound,
    })
}

struct Choice {
    value: &'static str,
    name: String,
    text: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "pages/transactions/propose.html")]
struct ProposePage<'a> {
    frame: &'a Frame,
    about: About,
    choices: Vec<Choice>,
    outcome_error: &'static str,
    reason: Field,
    document: Field,
    proof: Option<Field>,
}

/// What the form says, and what is wrong with it.
#[derive(Default)]
struct Typed {
    outcome: Option<Outcome>,
    reason: String,
    document: String,
    /// The keys of what is wrong with each; empty where nothing is.
    wrong: [&'static str; 3],
    unproved: String,
}

async fn show_propose(console: &Console, signed: &Signed, id: Uuid, typed: &Typed) -> Result<Response, Fail> {
    let caller = signed.caller(RESOLVE.0, RESOLVE.1)?;
    let about = about(console, &caller, id).await?;
    let standing = standing(console, &caller, id).await?;
    if standing.fits.is_empty() {
        let flash = if standing.proposal.is_some() { "flash.proposed_meanwhile" } else { "flash.unfit" };
        return Ok(go(console, &about.path, flash));
    }
    let frame = Frame::of(console, signed, HERE, "resolve.title").below("transactions.title", HERE);
    let said = |key: &'static str| if key.is_empty() { "" } else { frame.t(key) };
    let choice = |outcome: Outcome| Choice {
        value: outcome.as_str(),
        name: word(&frame, "outcome", outcome.as_str()),
        text: frame.lang.find(&format!("outcome.{}_text", outcome.as_str())).unwrap_or_default(),
        chosen: typed.outcome == Some(outcome),
    };
    let reason = Field::new("reason", frame.t("resolve.reason")).hint(frame.t("resolve.reason_hint")).length(CHARS);
    let document = Field::new("document", frame.t("resolve.document")).length(CHARS);
    let page = ProposePage {
        choices: standing.fits.into_iter().map(choice).collect(),
        outcome_error: said(typed.wrong[0]),
        reason: reason.value(&typed.reason).error(said(typed.wrong[1])),
        document: document.hint(frame.t("resolve.document_hint")).value(&typed.document).error(said(typed.wrong[2])),
        proof: proof::field(console, signed, &frame, &typed.unproved),
        about,
        frame: &frame,
    };
    let wrong = typed.wrong.iter().any(|key| !key.is_empty()) || !typed.unproved.is_empty();
    frame::with_status(console, &frame, &page, if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
}

pub async fn propose_page(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    signed.caller(RESOLVE.0, RESOLVE.1)?;
    show_propose(&console, &signed, payment_id(&id)?, &Typed::default()).await
}

pub async fn propose(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(RESOLVE.0, RESOLVE.1)?;
    let id = payment_id(&id)?;
    let text = |name: &'static str| fields.text(name).to_owned();
    let bad = |text: &str| text.is_empty() || text.chars().count() > usize::from(CHARS);
    let mut typed = Typed {
        outcome: Outcome::parse(fields.text("outcome")),
        reason: text("reason"),
        document: text("document"),
        ..Typed::default()
    };
    typed.wrong = [
        if typed.outcome.is_none() { "resolve.outcome_missing" } else { "" },
        if bad(&typed.reason) { "resolve.reason_missing" } else { "" },
        if bad(&typed.document) { "resolve.document_missing" } else { "" },
    ];
    let Some(outcome) = typed.outcome.filter(|_| typed.wrong.iter().all(|key| key.is_empty())) else {
        return show_propose(&console, &signed, id, &typed).await;
    };
    typed.unproved = proof::take(&console, &signed, &fields).await?;
    if !typed.unproved.is_empty() {
        return show_propose(&console, &signed, id, &typed).await;
    }
    let standing = standing(&console, &caller, id).await?;
    if standing.proposal.is_some() {
        // A page that proposes never approves: who approves has read the proposal.
        return Ok(go(&console, &path_of(id), "flash.proposed_meanwhile"));
    }
    let word = Word { outcome, reason: typed.reason, document: typed.document };
    let flash = match resolve::say(&console.app, &caller, id, &word).await {
        Ok(Resolved::Proposed(_)) => "flash.proposed",
        Ok(Resolved::Executed(_)) => "flash.resolved",
        Err(refused) => told(refused)?,
    };
    Ok(go(&console, &path_of(id), flash))
}

#[derive(Template)]
#[template(path = "pages/transactions/approve.html")]
struct ApprovePage<'a> {
    frame: &'a Frame,
    about: About,
    proposed: Proposed,
    proof: Option<Field>,
    unsure: bool,
}

async fn show_approve(
    console: &Console,
    signed: &Signed,
    id: Uuid,
    (unsure, unproved): (bool, &str),
) -> Result<Response, Fail> {
    let caller = signed.caller(RESOLVE.0, RESOLVE.1)?;
    let about = about(console, &caller, id).await?;
    let standing = standing(console, &caller, id).await?;
    let Some(row) = standing.proposal.filter(|_| !standing.mine) else {
        let flash = if standing.mine { "flash.second_person" } else { "flash.proposal_gone" };
        return Ok(go(console, &about.path, flash));
    };
    let frame = Frame::of(console, signed, HERE, "resolve.approve_title").below("transactions.title", HERE);
    let page = ApprovePage {
        proposed: proposed(console, &frame, &row).await?,
        proof: proof::field(console, signed, &frame, unproved),
        about,
        unsure,
        frame: &frame,
    };
    let wrong = unsure || !unproved.is_empty();
    frame::with_status(console, &frame, &page, if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
}

pub async fn approve_page(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    signed.caller(RESOLVE.0, RESOLVE.1)?;
    show_approve(&console, &signed, payment_id(&id)?, (false, "")).await
}

pub async fn approve(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(RESOLVE.0, RESOLVE.1)?;
    let id = payment_id(&id)?;
    let Some(read) = ids::parse(ids::RESOLUTION, fields.text("resolution")).filter(|_| !fields.text("sure").is_empty())
    else {
        return show_approve(&console, &signed, id, (true, "")).await;
    };
    let unproved = proof::take(&console, &signed, &fields).await?;
    if !unproved.is_empty() {
        return show_approve(&console, &signed, id, (false, &unproved)).await;
    }
    let flash = match resolve::approve(&console.app, &caller, id, read).await {
        Ok(_) => "flash.resolved",
        Err(refused) => told(refused)?,
    };
    Ok(go(&console, &path_of(id), flash))
}

pub async fn withdraw(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(RESOLVE.0, RESOLVE.1)?;
    let id = payment_id(&id)?;
    let flash = match resolve::withdraw(&console.app, &caller, id).await {
        Ok(Some(_)) => "flash.proposal_withdrawn",
        Ok(None) => "flash.proposal_gone",
        Err(refused) => told(refused)?,
    };
    Ok(go(&console, &path_of(id), flash))
}
