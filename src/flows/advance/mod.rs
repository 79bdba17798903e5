//! Advancing a payment: what was seen goes through the transition function, and all that follows is written at once.
//!
//! This is the only way an attempt changes its evidence. A change whose version was overtaken is decided again on
//! what stands now; nothing that was seen is ever dropped.

mod change;
mod sight;

use super::deliver;
use crate::app::App;
use crate::crash;
use crate::domain::evidence::{self, Decision, Evidence, Facts, Seen, Verdict, decide};
use crate::domain::payment::{Reason, Status};
use crate::domain::{ids, ledger, webhook};
use crate::store::advance::{Applied, Change, NewEvent};
use crate::store::attempt::{self, Case, Note};
use crate::store::delivery::{self, Due};
use crate::store::exception;
use change::{amounts, base, contradiction, event, freed, ladder, moved, not_found, paid, reversed};
use sight::{observation, says_taken};

pub use sight::Sight;

/// What came of a sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// Kept as an observation; the evidence is as it was.
    Kept,
    /// The attempt changed to this evidence.
    To(Evidence),
    /// An exception was opened.
    Contradicted,
}

/// How often a change that was overtaken is decided again before it is called a fault.
const ROUNDS: usize = 32;

/// Advances the payment of `case` by what was seen of its attempt.
pub async fn advance(app: &App, mut case: Case, sight: &Sight<'_>) -> anyhow::Result<Advanced> {
    let accepted_before = case.attempt.accepted;
    for _ in 0..ROUNDS {
        let mut facts = facts(&case, sight);
        // "Not found" contradicts an acceptance only where that was known before the question was asked: a read that
        // is overtaken by the provider taking the order has simply come too early.
        if sight.seen == Seen::Status(Verdict::NotFound) {
            facts.accepted &= accepted_before;
        }
        let decision = decide(facts, sight.seen);
        let change = match decision {
            Decision::Keep => {
                note(app, &case, sight).await?;
                return Ok(Advanced::Kept);
            }
            Decision::Contradict(kind) => {
                let before = exception::kinds(&app.db, case.client_id, case.payment_id, case.attempt.number).await?;
                if before.iter().any(|seen| seen == kind.as_str()) {
                    note(app, &case, sight).await?;
                    return Ok(Advanced::Kept);
                }
                contradiction(app, &case, sight, kind, before.len() as i16)
            }
            Decision::Move(to) => moved(app, &case, sight, to),
            Decision::Pay => paid(app, &case, sight),
            Decision::Reverse => reversed(app, &case, sight),
            Decision::Free { to, next } => freed(app, &case, sight, to, next).await?,
        };
        let (event, follows) = (change.event.clone(), change.next.is_some());
        if let Some(applied) = app.writers.advance.write(change).await? {
            told(app, &case, event, &applied);
            metrics::counter!("attempt_seen_total", "provider" => case.attempt.provider.clone(),
                "seen" => sight.kind, "decision" => name(decision))
            .increment(1);
            if follows {
                wake_next(app, &case).await;
            }
            return Ok(match decision {
                Decision::Contradict(kind) => {
                    tracing::error!(payment = %ids::show(ids::SEND_MONEY, case.payment_id), kind = kind.as_str(),
                        "a contradiction: an exception was opened");
                    metrics::counter!("exceptions_total", "kind" => kind.as_str()).increment(1);
                    Advanced::Contradicted
                }
                Decision::Move(to) | Decision::Free { to, .. } => Advanced::To(to),
                Decision::Pay => Advanced::To(Evidence::Paid),
                Decision::Reverse => Advanced::To(Evidence::Reversed),
                Decision::Keep => Advanced::Kept,
            });
        }
        case = attempt::case(&app.db, case.client_id, case.payment_id, case.attempt.number)
            .await?
            .ok_or_else(|| anyhow::anyhow!("the payment of an attempt is missing"))?;
    }
    anyhow::bail!("a change was overtaken {ROUNDS} times")
}

/// The change that two people's word makes of an attempt in doubt; `None` where it is in doubt no more.
/// The caller writes it, in one transaction with their approval.
pub(super) async fn by_word(app: &App, case: &Case, sight: &Sight<'_>) -> anyhow::Result<Option<Change>> {
    Ok(match decide(facts(case, sight), sight.seen) {
        Decision::Pay => Some(paid(app, case, sight)),
        Decision::Free { to, next } => Some(freed(app, case, sight, to, next).await?),
        _ => None,
    })
}

/// The event of a payment that people ended outside the one door.
pub(super) fn end_event(app: &App, case: &Case, status: Status, reason: Option<&Reason>) -> NewEvent {
    event(app, case, webhook::event_type(status), status, reason, None)
}

/// After the commit: who waits may look, and the deliveries that were made are told from memory.
pub(super) fn told(app: &App, case: &Case, event: Option<NewEvent>, applied: &Applied) {
    if let Some(event) = event {
        let leased_until = app.now() + deliver::lease(app);
        for endpoint_id in &applied.endpoints {
            let (client_id, event_id) = (case.client_id, event.id);
            let key = delivery::Key { client_id, event_id, endpoint_id: *endpoint_id, replay: 0 };
            // A full queue is no loss: the row is found when its lease runs out.
            let _ = app.wake.deliver.try_send(Due { key, tries: 0, leased_until, body: event.body.clone() });
        }
    }
    // Nobody listening is the usual case.
    let _ = app.wake.changed.send(case.payment_id);
}

fn facts(case: &Case, sight: &Sight<'_>) -> Facts {
    Facts {
        state: case.attempt.state,
        sends: case.attempt.sends,
        accepted: case.attempt.accepted,
        echo_differs: sight.reading.is_some_and(|reading| reading.echo_differs),
    }
}

fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::Keep => "keep",
        Decision::Move(to) | Decision::Free { to, .. } => to.as_str(),
        Decision::Pay => "paid",
        Decision::Reverse => "reversed",
        Decision::Contradict(_) => "exception",
    }
}

/// Claims an attempt for a send: the one update that makes `prepared` (or, for a re-send, `unknown`) `sent`.
/// `None` where the claim was lost, or sending is not open for it now.
pub(super) async fn claim(app: &App, case: &Case, deadline: std::time::Duration) -> anyhow::Result<Option<Case>> {
    let current = facts(case, &Sight::engine(Seen::LeaseLost, None));
    if !evidence::may_send(current) || case.current != case.attempt.number {
        return Ok(None);
    }
    let now = app.now();
    let margin = app.config.schedule.seconds(app.config.schedule.lease_margin_s);
    let lease = now + deadline + margin;
    let sight = Sight::engine(Seen::LeaseLost, None);
    let mut change = base(app, case, &sight, Evidence::Sent);
    change.is_send = true;
    change.observation = None;
    change.attempt.sends = case.attempt.sends + 1;
    change.attempt.sent_at = Some(now);
    change.attempt.leased_until = Some(lease);
    change.attempt.next_try_at = Some(lease);
    change.payment.unknown_since = case.unknown_since;
    if case.attempt.sends == 0 {
        change.lines = ledger::sent(amounts(case));
    }
    crash::point("claim.before");
    let Some(applied) = app.writers.advance.write(change).await? else { return Ok(None) };
    crash::point("claim.committed");
    told(app, case, None, &applied);
    let mut sent = case.clone();
    sent.version += 1;
    sent.evidence = Evidence::Sent;
    sent.attempt.state = Evidence::Sent;
    sent.attempt.sends += 1;
    sent.attempt.sent_at = Some(now);
    sent.attempt.leased_until = Some(lease);
    Ok(Some(sent))
}

/// Keeps what was seen as an observation, and sets when the provider is asked again.
async fn note(app: &App, case: &Case, sight: &Sight<'_>) -> anyhow::Result<()> {
    let now = app.now();
    let is_status = matches!(sight.seen, Seen::Status(_));
    let polls = case.attempt.polls + i32::from(is_status);
    let (not_found, not_found_at) = not_found(case, sight, now);
    let note = Note {
        key: case.key(),
        polls,
        not_found,
        not_found_at,
        next_try_at: Some(ladder(app).next(polls, case.attempt.sent_at.unwrap_or(now), now)),
        polled_at: sight.asked_at,
        heard: sight.seen != Seen::Status(Verdict::Unknown),
        accepted: says_taken(sight),
        observation: observation(app, sight),
    };
    let mut tx = super::single(&app.db).await?;
    crash::point("note.before");
    attempt::note(&mut tx, &note, now).await?;
    tx.commit().await?;
    crash::point("note.committed");
    Ok(())
}

/// Hands the attempt that was just prepared to the sender of this process; it is due in the database all the same.
async fn wake_next(app: &App, case: &Case) {
    if let Ok(Some(next)) = attempt::case(&app.db, case.client_id, case.payment_id, case.current + 1).await
        && next.attempt.next_try_at.is_some_and(|at| at <= app.now())
    {
        // A full queue is no loss: the row is found by its time.
        let _ = app.wake.send.try_send(next);
    }
}
