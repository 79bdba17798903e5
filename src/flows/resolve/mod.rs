//! Two people end a doubt: one proposes with a document, another approves, and the word is carried out at once.
//!
//! Approval and everything it changes stand in one transaction that begins by moving the payment's version, so an
//! approved resolution is carried out exactly once, whatever races or dies. Nothing here speaks to a provider.

mod weigh;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use self::weigh::{Plan, State};
use super::access::Caller;
use super::advance::{self, Sight};
use super::audit::audited;
use super::{deliver, people};
use crate::app::App;
use crate::domain::evidence::Seen;
use crate::domain::ids;
use crate::domain::ledger::Line;
use crate::domain::payment::{Reason, Status};
use crate::domain::role::{RESOLVE, may};
use crate::store::attempt::Case;
use crate::store::event::{self, NewEnd};
use crate::store::exception::{self, Resolution, Touched};
use crate::store::ledger as lines;
use crate::store::{self, Tx, advance as door};

/// What people say of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The attempt in doubt paid.
    Paid,
    /// The attempt in doubt did not pay and will not.
    Failed,
    /// The contradiction: the money is out for good.
    PaidOut,
    /// The contradiction: the money did not leave, or is back.
    Returned,
    /// The contradiction moved no money.
    Noted,
}

impl Outcome {
    pub const ALL: [Outcome; 5] = [Outcome::Paid, Outcome::Failed, Outcome::PaidOut, Outcome::Returned, Outcome::Noted];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Failed => "failed",
            Outcome::PaidOut => "paid_out",
            Outcome::Returned => "returned",
            Outcome::Noted => "noted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// One person's word.
pub struct Word {
    pub outcome: Outcome,
    pub reason: String,
    /// Where the proof is kept.
    pub document: String,
}

/// How far a resolution came.
pub enum Resolved {
    Proposed(Resolution),
    Executed(Resolution),
}

/// Why a word changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("there is no such payment")]
    NotFound,
    /// What was to be approved is not proposed any more.
    #[error("this proposal stands no more")]
    Gone,
    /// The caller's person does not work for the client, or not in a role that resolves.
    #[error("the person of this key has no say in it")]
    NotHeard,
    /// Who proposes must say these too.
    #[error("{0:?} are missing")]
    Unfounded(Vec<&'static str>),
    /// The same person proposed it.
    #[error("a second person must approve")]
    SecondPerson(Box<Resolution>),
    /// Somebody proposed something else.
    #[error("another outcome is proposed")]
    Differs(Box<Resolution>),
    /// As the payment stands, nothing can be resolved so.
    #[error("{0}")]
    Unfit(&'static str),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// How often a word that was overtaken is weighed again before it is called a fault.
const ROUNDS: usize = 32;

/// Proposes `word`, or, where another person proposed the same, approves it and carries it out.
pub async fn say(app: &App, caller: &Caller, payment_id: Uuid, word: &Word) -> Result<Resolved, Refused> {
    heard(app, caller).await?;
    for _ in 0..ROUNDS {
        let state = State::read(app, caller, payment_id).await?;
        let Some(proposal) = &state.proposal else {
            state.plan(word.outcome, app.now())?;
            let texts = [("reason", &word.reason), ("document", &word.document)];
            let blank: Vec<_> =
                texts.iter().filter(|(_, text)| text.trim().is_empty()).map(|(name, _)| *name).collect();
            if !blank.is_empty() {
                return Err(Refused::Unfounded(blank));
            }
            match propose(app, caller, &state.case, word).await {
                Ok(Some(resolution)) => return Ok(Resolved::Proposed(resolution)),
                Ok(None) => continue,
                Err(error) if error.violated() == Some("resolution_open") => continue,
                Err(error) => return Err(error.into()),
            }
        };
        if proposal.outcome != word.outcome.as_str() {
            return Err(Refused::Differs(Box::new(proposal.clone())));
        }
        if let Some(done) = second(app, caller, &state, proposal, word.outcome).await? {
            return Ok(Resolved::Executed(done));
        }
    }
    Err(Refused::Fault(anyhow::anyhow!("a resolution was overtaken {ROUNDS} times")))
}

/// Approves the proposal that the caller has read, and no other, and carries it out.
pub async fn approve(app: &App, caller: &Caller, payment_id: Uuid, proposal_id: Uuid) -> Result<Resolution, Refused> {
    heard(app, caller).await?;
    for _ in 0..ROUNDS {
        let state = State::read(app, caller, payment_id).await?;
        let proposal = state.proposal.as_ref().filter(|proposal| proposal.id == proposal_id).ok_or(Refused::Gone)?;
        let outcome = Outcome::parse(&proposal.outcome).ok_or(Refused::Gone)?;
        if let Some(done) = second(app, caller, &state, proposal, outcome).await? {
            return Ok(done);
        }
    }
    Err(Refused::Fault(anyhow::anyhow!("an approval was overtaken {ROUNDS} times")))
}

/// The word of a second person; `None` where the payment or the proposal moved meanwhile.
async fn second(
    app: &App,
    caller: &Caller,
    state: &State,
    proposal: &Resolution,
    outcome: Outcome,
) -> Result<Option<Resolution>, Refused> {
    if caller.is(&proposal.proposed_by) {
        return Err(Refused::SecondPerson(Box::new(proposal.clone())));
    }
    let plan = state.plan(outcome, proposal.proposed_at)?;
    execute(app, caller, state, proposal, outcome, plan).await
}

/// The proposals of the caller's client and mode that wait for a second person, oldest first.
pub async fn waiting(app: &App, caller: &Caller, limit: i64) -> store::Result<Vec<exception::Waiting>> {
    exception::waiting(&app.db, caller.client_id, caller.mode.as_str(), limit).await
}

/// How a payment stands for who may resolve it.
pub struct Standing {
    /// What could be proposed now; empty where something is proposed already.
    pub fits: Vec<Outcome>,
    pub proposal: Option<Resolution>,
    /// The proposal is the caller's own: another person approves it.
    pub mine: bool,
    /// Something happened after the proposal, so it can be approved no more.
    pub stale: bool,
}

/// How a payment stands for who may resolve it.
pub async fn standing(app: &App, caller: &Caller, payment_id: Uuid) -> Result<Standing, Refused> {
    let state = State::read(app, caller, payment_id).await?;
    let now = app.now();
    let fits = |outcome: &Outcome| state.proposal.is_none() && state.plan(*outcome, now).is_ok();
    let stale = state.proposal.as_ref().is_some_and(|proposal| {
        let outcome = Outcome::parse(&proposal.outcome);
        outcome.is_none_or(|outcome| state.plan(outcome, proposal.proposed_at).is_err())
    });
    Ok(Standing {
        fits: Outcome::ALL.into_iter().filter(fits).collect(),
        mine: state.proposal.as_ref().is_some_and(|proposal| caller.is(&proposal.proposed_by)),
        stale,
        proposal: state.proposal,
    })
}

/// Takes back the proposal of a payment; `None` where there is none any more.
pub async fn withdraw(app: &App, caller: &Caller, payment_id: Uuid) -> Result<Option<Resolution>, Refused> {
    heard(app, caller).await?;
    for _ in 0..ROUNDS {
        let state = State::read(app, caller, payment_id).await?;
        let Some(proposal) = state.proposal else { return Ok(None) };
        let mut tx = super::begin(&app.db).await?;
        // An approval under way moved the version: then this comes too late, and looks again.
        if exception::hold(&mut tx, caller.client_id, payment_id, state.case.version).await?
            && exception::withdraw(&mut tx, caller.client_id, proposal.id).await?
        {
            audit(&mut tx, caller, payment_id, "resolution.withdrawn", &proposal, app.now()).await?;
            tx.commit().await?;
            return Ok(Some(proposal));
        }
    }
    Err(Refused::Fault(anyhow::anyhow!("a withdrawal was overtaken {ROUNDS} times")))
}

/// A key lives on when its person goes or is given another role, so that nothing of the client's stops with them; its
/// word about money does not.
async fn heard(app: &App, caller: &Caller) -> Result<(), Refused> {
    let Some(user_id) = caller.user_id() else { return Ok(()) };
    let role = people::role_at(app, caller.client_id, user_id).await?;
    let (feature, need) = RESOLVE;
    if role.is_some_and(|role| may(role, feature, need)) { Ok(()) } else { Err(Refused::NotHeard) }
}

/// Writes a proposal down; `None` where the payment moved since it was read.
async fn propose(app: &App, caller: &Caller, case: &Case, word: &Word) -> store::Result<Option<Resolution>> {
    let (now, payment_id) = (app.now(), case.payment_id);
    let resolution = Resolution {
        id: ids::new_id(now),
        payment_id,
        outcome: word.outcome.as_str().into(),
        reason: word.reason.clone(),
        document: word.document.clone(),
        proposed_by: caller.person.clone(),
        proposed_at: now,
        approved_by: None,
        approved_at: None,
    };
    let mut tx = super::begin(&app.db).await?;
    if !exception::hold(&mut tx, caller.client_id, payment_id, case.version).await? {
        return Ok(None);
    }
    exception::propose(&mut tx, caller.client_id, &resolution).await?;
    audit(&mut tx, caller, payment_id, "resolution.proposed", &resolution, now).await?;
    tx.commit().await?;
    Ok(Some(resolution))
}

/// Approves and carries out in one transaction; `None` where the payment or the proposal moved meanwhile.
async fn execute(
    app: &App,
    caller: &Caller,
    state: &State,
    proposal: &Resolution,
    outcome: Outcome,
    plan: Plan,
) -> Result<Option<Resolution>, Refused> {
    let (case, now) = (&state.case, app.now());
    let (client, payment) = (case.client_id, case.payment_id);
    let mut tx = super::begin(&app.db).await.map_err(Refused::Store)?;
    let told_by = now + deliver::lease(app);
    let (moved, event) = match plan {
        Plan::Attempt { paid } => {
            let Some(change) = change(app, case, proposal, &caller.person, paid).await? else { return Ok(None) };
            let event = change.event.clone();
            (door::apply(&mut tx, &[change], told_by, now).await?.pop().flatten(), event)
        }
        // Its deliveries are due at once and found by their time.
        Plan::Exceptions { lines, end } => {
            let closed = close(app, &mut tx, case, &lines, end, now).await?;
            (closed.then(door::Applied::default), None)
        }
    };
    let Some(applied) = moved else { return Ok(None) };
    // The payment's row is ours now: whoever else approves or withdraws waits, and then finds another version.
    if !exception::approve(&mut tx, client, proposal.id, &caller.person, now).await? {
        return Ok(None);
    }
    let approved = Resolution { approved_by: Some(caller.person.clone()), approved_at: Some(now), ..proposal.clone() };
    audit(&mut tx, caller, payment, "resolution.approved", &approved, now).await?;
    tx.commit().await?;
    advance::told(app, case, event, &applied);
    tracing::warn!(payment = %ids::show(ids::SEND_MONEY, payment), outcome = outcome.as_str(), "resolved by two people");
    metrics::counter!("resolutions_total", "outcome" => outcome.as_str()).increment(1);
    Ok(Some(approved))
}

/// The change of the attempt in doubt, with the document in its observation.
async fn change(
    app: &App,
    case: &Case,
    proposal: &Resolution,
    approver: &str,
    paid: bool,
) -> anyhow::Result<Option<door::Change>> {
    let reason = (!paid).then(|| Reason::new("resolved_as_failed", "Two people resolved that it was not paid."));
    let sight =
        Sight { seen: Seen::Resolved { paid }, kind: "operator", reading: None, raw: None, asked_at: None, reason };
    let mut change = advance::by_word(app, case, &sight).await?;
    if let Some(observation) = change.as_mut().and_then(|change| change.observation.as_mut()) {
        let Resolution { proposed_by, document, reason, .. } = proposal;
        observation.message =
            Some(format!("proposed by {proposed_by}, approved by {approver}; document: {document}; reason: {reason}"));
    }
    Ok(change)
}

/// Books suspense out, closes the exceptions, and ends the payment where nothing else can.
async fn close(
    app: &App,
    tx: &mut Tx,
    case: &Case,
    booked: &[(i16, Line)],
    end: Option<Status>,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let (client_id, payment_id) = (case.client_id, case.payment_id);
    let reason = (end == Some(Status::Failed))
        .then(|| Reason::new("resolved_as_returned", "Two people resolved that the money did not leave, or is back."));
    let (code, text) = (reason.as_ref().map(|r| r.code.as_str()), reason.as_ref().map(|r| r.message.as_str()));
    let touched = Touched {
        client_id,
        payment_id,
        expected_version: case.version,
        end: end.map(|status| (status.as_str(), code, text)),
    };
    if !exception::touch(tx, &touched, now).await? {
        return Ok(false);
    }
    for (attempt, line) in booked {
        lines::book(tx, client_id, payment_id, *attempt, line, now).await?;
    }
    exception::close(tx, client_id, payment_id, now).await?;
    if let Some(status) = end {
        let told = advance::end_event(app, case, status, reason.as_ref());
        let end = NewEnd {
            client_id,
            id: told.id,
            mode: case.mode.as_str(),
            payment_id,
            version: case.version + 1,
            kind: told.kind,
            body: &told.body,
        };
        event::insert_end(tx, &end, now).await?;
    }
    Ok(true)
}

async fn audit(
    tx: &mut Tx,
    caller: &Caller,
    payment_id: Uuid,
    action: &str,
    resolution: &Resolution,
    now: DateTime<Utc>,
) -> store::Result<()> {
    let detail = json!({ "resolution": ids::show(ids::RESOLUTION, resolution.id), "outcome": resolution.outcome });
    audited(tx, caller, action, &ids::show(ids::SEND_MONEY, payment_id), detail, now).await
}
