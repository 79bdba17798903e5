//! Advancing a payment: what was seen goes through the transition function, and all that follows is written at once.
//!
//! This is the only way an attempt changes its evidence. A change whose version was overtaken is decided again on
//! what stands now; nothing that was seen is ever dropped.

use chrono::{DateTime, Utc};

use super::deliver;
use super::routing::{self, Follow};
use crate::app::App;
use crate::crash;
use crate::domain::evidence::{Contradiction, Decision, Evidence, Facts, Next, Seen, Verdict, decide};
use crate::domain::ledger::{self, Amounts};
use crate::domain::money::Money;
use crate::domain::payment::{Reason, Status};
use crate::domain::retry::PollLadder;
use crate::domain::webhook::{self, PaymentNews};
use crate::domain::{evidence, ids};
use crate::providers::Reading;
use crate::store::accept::NewAttempt;
use crate::store::advance::{Applied, AttemptAfter, Change, NewEvent, NewException, NewObservation, PaymentAfter};
use crate::store::attempt::{self, Case, Note};
use crate::store::delivery::{self, Due};
use crate::store::exception;

/// One thing seen, with what it was seen in.
pub struct Sight<'a> {
    pub seen: Seen,
    /// `answer`, `status`, `operator` or `engine`.
    pub kind: &'static str,
    /// What the provider said; `None` for what the engine or people say.
    pub reading: Option<&'a Reading>,
    /// The masked record of the conversation.
    pub raw: Option<String>,
    /// When a status read began.
    pub asked_at: Option<DateTime<Utc>>,
    /// Why a payment fails that ends by this.
    pub reason: Option<Reason>,
}

impl<'a> Sight<'a> {
    /// What the engine itself knows, such as a lost lease.
    pub fn engine(seen: Seen, reason: Option<Reason>) -> Self {
        Sight { seen, kind: "engine", reading: None, raw: None, asked_at: None, reason }
    }

    /// The answer to a send.
    pub fn answer(reading: &'a Reading, raw: String) -> Self {
        let seen = Seen::Answer(reading.verdict);
        Sight { seen, kind: "answer", reading: Some(reading), raw: Some(raw), asked_at: None, reason: None }
    }

    /// Our own status read, begun at `asked_at`.
    pub fn status(reading: &'a Reading, raw: String, asked_at: DateTime<Utc>) -> Self {
        let seen = Seen::Status(reading.verdict);
        Sight { seen, kind: "status", reading: Some(reading), raw: Some(raw), asked_at: Some(asked_at), reason: None }
    }
}

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
                let (client, payment, number) = (case.client_id, case.payment_id, case.attempt.number);
                if exception::seen(&app.db, client, payment, number, kind.as_str()).await? {
                    note(app, &case, sight).await?;
                    return Ok(Advanced::Kept);
                }
                contradiction(app, &case, sight, kind)
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

/// After the commit: who waits may look, and the deliveries that were made are told from memory.
fn told(app: &App, case: &Case, event: Option<NewEvent>, applied: &Applied) {
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

/// The attempt moves and the payment goes on.
fn moved(app: &App, case: &Case, sight: &Sight<'_>, to: Evidence) -> Change {
    let mut change = base(app, case, sight, to);
    let now = app.now();
    let sent_at = case.attempt.sent_at.unwrap_or(now);
    change.attempt.next_try_at = Some(match to {
        // In doubt: the provider is asked at once, then by the ladder.
        Evidence::Unknown if case.attempt.state == Evidence::Sent => now,
        _ => ladder(app).next(case.attempt.polls, sent_at, now),
    });
    change
}

fn paid(app: &App, case: &Case, sight: &Sight<'_>) -> Change {
    let mut change = base(app, case, sight, Evidence::Paid);
    change.lines = ledger::paid(amounts(case));
    finish(app, case, &mut change, Status::Success, None);
    change
}

fn reversed(app: &App, case: &Case, sight: &Sight<'_>) -> Change {
    let mut change = base(app, case, sight, Evidence::Reversed);
    change.lines = ledger::reversed(amounts(case));
    finish(app, case, &mut change, Status::Reversed, None);
    change
}

/// The attempt frees the payment: the next one is prepared, or the payment fails, in the same change.
async fn freed(app: &App, case: &Case, sight: &Sight<'_>, to: Evidence, next: Next) -> anyhow::Result<Change> {
    let mut change = base(app, case, sight, to);
    if case.attempt.sends > 0 {
        change.lines = ledger::freed(amounts(case));
    }
    let open = exception::open_of(&app.db, case.client_id, case.payment_id).await?;
    let follow = match next {
        // Money of this payment may have moved: FAILED would be a false promise. It stays as it is until people
        // close the exception.
        _ if open.iter().any(|x| Contradiction::MONEY_MAY_HAVE_MOVED.iter().any(|kind| kind.as_str() == x.kind)) => {
            return Ok(change);
        }
        // Nothing more is sent for a payment that people must look at first.
        _ if !open.is_empty() => Follow::Nothing("exception", "A contradiction stopped this payment.".into()),
        Next::Nothing => {
            let reason = reason(sight);
            return Ok(ended(app, case, change, reason));
        }
        next => routing::follow(app, case, to, next).await?,
    };
    match follow {
        Follow::Attempt(attempt) => Ok(followed(case, change, *attempt)),
        Follow::Nothing(code, message) => {
            let said = reason(sight);
            let message = format!("{message} Last word: {}", said.message);
            Ok(ended(app, case, change, Reason::new(code, message)))
        }
    }
}

fn followed(case: &Case, mut change: Change, attempt: NewAttempt) -> Change {
    change.payment.attempt = case.current + 1;
    change.payment.evidence = Evidence::Prepared.as_str();
    change.next = Some(attempt);
    change
}

fn ended(app: &App, case: &Case, mut change: Change, reason: Reason) -> Change {
    finish(app, case, &mut change, Status::Failed, Some(reason));
    change
}

/// The status does not move: the contradiction is told, booked on suspense, and what is prepared is stopped.
fn contradiction(app: &App, case: &Case, sight: &Sight<'_>, kind: Contradiction) -> Change {
    let mut change = base(app, case, sight, case.attempt.state);
    if case.attempt.state == Evidence::Prepared {
        change.attempt.state = Evidence::NotSent.as_str();
    }
    if case.evidence == Evidence::Prepared {
        change.payment.evidence = Evidence::NotSent.as_str();
    }
    change.attempt.next_try_at = case
        .attempt
        .state
        .is_awaited()
        .then(|| ladder(app).next(case.attempt.polls.max(1), case.attempt.sent_at.unwrap_or(app.now()), app.now()));
    let said = sight.reading.and_then(|reading| reading.amount).unwrap_or(case.money);
    change.lines = ledger::suspense(kind, case.money.units, said.units);
    change.stop_prepared = true;
    change.exception = Some(NewException {
        id: ids::new_id(app.now()),
        kind: kind.as_str(),
        detail: detail(case, sight, said),
        amount: said.units,
    });
    change.event = Some(event(app, case, "payment.exception", case.status, None, Some(kind.as_str())));
    change
}

fn detail(case: &Case, sight: &Sight<'_>, said: Money) -> String {
    let code = sight.reading.and_then(|reading| reading.code.as_deref()).unwrap_or("none");
    format!(
        "attempt {} was {} when {} said {} (code {code}, {said}; ours is {})",
        case.attempt.number,
        case.attempt.state.as_str(),
        sight.kind,
        verdict(sight.seen),
        case.money,
    )
}

/// The change that only moves the attempt to `to`, with its observation.
fn base(app: &App, case: &Case, sight: &Sight<'_>, to: Evidence) -> Change {
    let now = app.now();
    let is_current = case.current == case.attempt.number;
    let unknown_since = match to {
        _ if !is_current => case.unknown_since,
        Evidence::Unknown => Some(case.unknown_since.unwrap_or(now)),
        _ => None,
    };
    let is_status = matches!(sight.seen, Seen::Status(_));
    let (not_found, not_found_at) = not_found(case, sight, now);
    Change {
        client_id: case.client_id,
        payment_id: case.payment_id,
        expected_version: case.version,
        payment: PaymentAfter {
            status: case.status.as_str(),
            evidence: if is_current { to.as_str() } else { case.evidence.as_str() },
            attempt: case.current,
            unknown_since,
            reason_code: None,
            reason: None,
            final_at: None,
        },
        attempt: AttemptAfter {
            number: case.attempt.number,
            expected_state: case.attempt.state.as_str(),
            state: to.as_str(),
            sends: case.attempt.sends,
            accepted: case.attempt.accepted || says_taken(sight) || matches!(to, Evidence::Accepted | Evidence::Paid),
            polls: case.attempt.polls + i32::from(is_status),
            not_found,
            not_found_at,
            polled_at: sight.asked_at,
            sent_at: case.attempt.sent_at,
            next_try_at: None,
            leased_until: None,
            provider_ref: sight.reading.and_then(|reading| reading.provider_ref.clone()),
            code: sight.reading.and_then(|reading| reading.code.clone()),
            message: sight.reading.and_then(|reading| reading.message.clone()),
            connection_id: case.attempt.connection_id,
            mode: case.mode.as_str(),
            currency: case.money.currency.as_str(),
        },
        is_send: false,
        stop_prepared: false,
        observation: Some(observation(app, sight)),
        lines: Vec::new(),
        event: None,
        next: None,
        exception: None,
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

/// Whether the provider says that it has an order under this reference, whatever else it says of it. From then on
/// nothing is sent again.
fn says_taken(sight: &Sight<'_>) -> bool {
    matches!(sight.seen, Seen::Answer(verdict) | Seen::Status(verdict)
        if matches!(verdict, Verdict::Accepted | Verdict::Paid))
}

/// Status answers in a row that did not know the reference. Silence teaches nothing and does not break the row.
fn not_found(case: &Case, sight: &Sight<'_>, now: DateTime<Utc>) -> (i16, Option<DateTime<Utc>>) {
    match sight.seen {
        Seen::Status(Verdict::NotFound) => {
            (case.attempt.not_found.saturating_add(1), Some(case.attempt.not_found_at.unwrap_or(now)))
        }
        Seen::Status(Verdict::Unknown) => (case.attempt.not_found, case.attempt.not_found_at),
        _ => (0, None),
    }
}

fn observation(app: &App, sight: &Sight<'_>) -> NewObservation {
    NewObservation {
        id: ids::new_id(app.now()),
        kind: sight.kind,
        verdict: verdict(sight.seen).to_owned(),
        code: sight.reading.and_then(|reading| reading.code.clone()),
        message: sight
            .reading
            .and_then(|reading| reading.message.clone())
            .or_else(|| sight.reason.as_ref().map(|reason| reason.message.clone())),
        raw: sight.raw.clone(),
    }
}

fn verdict(seen: Seen) -> &'static str {
    match seen {
        Seen::Answer(verdict) | Seen::Status(verdict) => verdict.as_str(),
        Seen::LeaseLost => "lease_lost",
        Seen::Withheld { .. } => "withheld",
        Seen::Resolved { paid: true } => "resolved_paid",
        Seen::Resolved { paid: false } => "resolved_failed",
    }
}

/// Ends the payment: status, time, reason, and the event that tells it.
fn finish(app: &App, case: &Case, change: &mut Change, status: Status, reason: Option<Reason>) {
    change.payment.status = status.as_str();
    change.payment.final_at = Some(app.now());
    change.event = Some(event(app, case, webhook::event_type(status), status, reason.as_ref(), None));
    if let Some(reason) = reason {
        change.payment.reason_code = Some(reason.code);
        change.payment.reason = Some(reason.message);
    }
}

fn event(
    app: &App,
    case: &Case,
    kind: &'static str,
    status: Status,
    reason: Option<&Reason>,
    exception: Option<&str>,
) -> NewEvent {
    let now = app.now();
    let news = PaymentNews {
        id: &ids::show(ids::SEND_MONEY, case.payment_id),
        external_id: &case.external_id,
        kind: "SEND_MONEY",
        mode: case.mode.as_str(),
        status,
        version: case.version + 1,
        money: case.money,
        metadata: case.metadata.as_deref(),
        reason,
        exception,
    };
    NewEvent { id: ids::new_id(now), kind, body: webhook::body(kind, &news, now) }
}

/// Why a payment fails by this sight, for the client.
fn reason(sight: &Sight<'_>) -> Reason {
    if let Some(reason) = &sight.reason {
        return reason.clone();
    }
    let code = sight.reading.and_then(|reading| reading.code.as_deref()).unwrap_or("none");
    let words = sight.reading.and_then(|reading| reading.message.as_deref()).unwrap_or("no message");
    let (ours, what) = match sight.seen {
        Seen::Answer(Verdict::NotSent) => ("provider_unreachable", "The provider could not be reached"),
        Seen::Status(_) => ("failed_at_provider", "The provider took the payment and then failed it"),
        _ => ("refused_by_provider", "The provider refused the payment"),
    };
    Reason::new(ours, format!("{what} (code {code}: {words})."))
}

fn amounts(case: &Case) -> Amounts {
    Amounts { transfer: case.money.units, fee: case.attempt.fee, tax: case.attempt.tax }
}

/// The configured questions, at the configured speed.
pub(super) fn ladder(app: &App) -> PollLadder {
    let schedule = &app.config.schedule;
    PollLadder {
        first: schedule.seconds(schedule.poll_first_s),
        backoff: schedule.poll_backoff_s.iter().map(|s| schedule.seconds(*s)).collect(),
        daily_after: schedule.seconds(schedule.poll_daily_after_s),
        daily: schedule.seconds(86_400),
    }
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
