//! Spelling a decision out: the one change that writes the attempt, the payment, its books, its event and what follows.
//!
//! Nothing is decided here but the order of the next attempt, which is routing's; nothing is written here.

use chrono::{DateTime, Utc};

use super::sight::{Sight, observation, reason, says_taken, verdict};
use crate::app::App;
use crate::domain::evidence::{Contradiction, Evidence, Next, Seen, Verdict};
use crate::domain::ids;
use crate::domain::ledger::{self, Amounts};
use crate::domain::money::Money;
use crate::domain::payment::{Reason, Status};
use crate::domain::retry::PollLadder;
use crate::domain::webhook::{self, PaymentNews};
use crate::flows::routing::{self, Follow};
use crate::store::accept::NewAttempt;
use crate::store::advance::{AttemptAfter, Change, NewEvent, NewException, PaymentAfter};
use crate::store::attempt::Case;
use crate::store::exception;

/// The attempt moves and the payment goes on.
pub(super) fn moved(app: &App, case: &Case, sight: &Sight<'_>, to: Evidence) -> Change {
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

pub(super) fn paid(app: &App, case: &Case, sight: &Sight<'_>) -> Change {
    let mut change = base(app, case, sight, Evidence::Paid);
    change.lines = ledger::paid(amounts(case));
    finish(app, case, &mut change, Status::Success, None);
    change
}

pub(super) fn reversed(app: &App, case: &Case, sight: &Sight<'_>) -> Change {
    let mut change = base(app, case, sight, Evidence::Reversed);
    change.lines = ledger::reversed(amounts(case));
    finish(app, case, &mut change, Status::Reversed, None);
    change
}

/// The attempt frees the payment: the next one is prepared, or the payment fails, in the same change.
pub(super) async fn freed(
    app: &App,
    case: &Case,
    sight: &Sight<'_>,
    to: Evidence,
    next: Next,
) -> anyhow::Result<Change> {
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

pub(super) fn followed(case: &Case, mut change: Change, attempt: NewAttempt) -> Change {
    change.payment.attempt = case.current + 1;
    change.payment.evidence = Evidence::Prepared.as_str();
    change.next = Some(attempt);
    change
}

pub(super) fn ended(app: &App, case: &Case, mut change: Change, reason: Reason) -> Change {
    finish(app, case, &mut change, Status::Failed, Some(reason));
    change
}

/// The status does not move: the contradiction is told, booked on suspense, and what is prepared is stopped.
pub(super) fn contradiction(app: &App, case: &Case, sight: &Sight<'_>, kind: Contradiction, part: i16) -> Change {
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
    change.part = part;
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

pub(super) fn detail(case: &Case, sight: &Sight<'_>, said: Money) -> String {
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
pub(super) fn base(app: &App, case: &Case, sight: &Sight<'_>, to: Evidence) -> Change {
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
        part: 0,
        event: None,
        next: None,
        exception: None,
    }
}

/// Status answers in a row that did not know the reference. Silence teaches nothing and does not break the row.
pub(super) fn not_found(case: &Case, sight: &Sight<'_>, now: DateTime<Utc>) -> (i16, Option<DateTime<Utc>>) {
    match sight.seen {
        Seen::Status(Verdict::NotFound) => {
            (case.attempt.not_found.saturating_add(1), Some(case.attempt.not_found_at.unwrap_or(now)))
        }
        Seen::Status(Verdict::Unknown) => (case.attempt.not_found, case.attempt.not_found_at),
        _ => (0, None),
    }
}

/// Ends the payment: status, time, reason, and the event that tells it.
pub(super) fn finish(app: &App, case: &Case, change: &mut Change, status: Status, reason: Option<Reason>) {
    change.payment.status = status.as_str();
    change.payment.final_at = Some(app.now());
    change.event = Some(event(app, case, webhook::event_type(status), status, reason.as_ref(), None));
    if let Some(reason) = reason {
        change.payment.reason_code = Some(reason.code);
        change.payment.reason = Some(reason.message);
    }
}

pub(super) fn event(
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

pub(super) fn amounts(case: &Case) -> Amounts {
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
