//! What a word about a payment would change, weighed against how the payment stands. Reads and decides; writes nothing.
//!
//! Whatever it decides is carried out only if the payment's version is still the one that was read.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Outcome, Refused};
use crate::app::App;
use crate::domain::evidence::Evidence;
use crate::domain::ledger::{self, Line};
use crate::domain::payment::Status;
use crate::flows::access::Caller;
use crate::store::attempt::{self, Case};
use crate::store::exception::{self, Exception, Resolution};
use crate::store::{ledger as lines, payment};

/// Everything a word is weighed against.
pub(super) struct State {
    pub case: Case,
    attempts: Vec<payment::AttemptRow>,
    open: Vec<Exception>,
    suspended: Vec<lines::Suspended>,
    pub proposal: Option<Resolution>,
}

/// What a word changes.
pub(super) enum Plan {
    /// The attempt in doubt, through the one door.
    Attempt { paid: bool },
    /// The open exceptions: lines by attempt, and the payment's end where nothing else can end it.
    Exceptions { lines: Vec<(i16, Line)>, end: Option<Status> },
}

impl State {
    pub async fn read(app: &App, caller: &Caller, payment_id: Uuid) -> Result<Self, Refused> {
        let (db, client) = (&app.db, caller.client_id);
        // The case first: whatever changes after it moves the version it holds.
        let case = attempt::case(db, client, payment_id, 0).await?;
        let case = case.filter(|case| case.mode == caller.mode).ok_or(Refused::NotFound)?;
        Ok(State {
            case,
            attempts: payment::attempts(db, client, payment_id).await?,
            open: exception::open_of(db, client, payment_id).await?,
            suspended: lines::suspended(db, client, payment_id).await?,
            proposal: exception::proposal(db, client, payment_id).await?,
        })
    }

    /// What `outcome` changes as the payment stands, if everything it is about was there at `known_at`.
    pub fn plan(&self, outcome: Outcome, known_at: DateTime<Utc>) -> Result<Plan, Refused> {
        const NEWER: &str = "something happened after the proposal; withdraw it, look again, and propose anew";
        match outcome {
            Outcome::Paid | Outcome::Failed => {
                if !matches!(self.case.attempt.state, Evidence::Unknown | Evidence::Accepted) {
                    return Err(Refused::Unfit("no attempt of this payment is unknown or accepted"));
                }
                if self.attempts.last().is_some_and(|attempt| attempt.created_at > known_at) {
                    return Err(Refused::Unfit(NEWER));
                }
                Ok(Plan::Attempt { paid: outcome == Outcome::Paid })
            }
            Outcome::PaidOut | Outcome::Returned | Outcome::Noted => {
                if self.open.is_empty() {
                    return Err(Refused::Unfit("this payment has no open exception"));
                }
                if self.open.iter().any(|exception| exception.opened_at > known_at) {
                    return Err(Refused::Unfit(NEWER));
                }
                self.close(outcome)
            }
        }
    }

    fn close(&self, outcome: Outcome) -> Result<Plan, Refused> {
        let state = self.case.attempt.state;
        let stuck = !self.case.status.is_final() && state.is_freed();
        if outcome == Outcome::Noted {
            if !self.suspended.is_empty() {
                return Err(Refused::Unfit("money is on suspense: say paid_out or returned"));
            }
            if stuck {
                return Err(Refused::Unfit("the payment waits for its end: say paid_out or returned"));
            }
            return Ok(Plan::Exceptions { lines: Vec::new(), end: None });
        }
        if state.is_awaited() || state == Evidence::Prepared {
            return Err(Refused::Unfit(
                "an attempt is under way: wait for its end, or resolve it as paid or failed first",
            ));
        }
        let out = outcome == Outcome::PaidOut;
        let lines = self.lines(out)?;
        if lines.is_empty() && !stuck {
            return Err(Refused::Unfit("there is nothing to book: close it with noted"));
        }
        let end = stuck.then_some(if out { Status::Success } else { Status::Failed });
        Ok(Plan::Exceptions { lines, end })
    }

    /// The lines that take every attempt's money off suspense, or book what an exception says and suspense does not.
    fn lines(&self, out: bool) -> Result<Vec<(i16, Line)>, Refused> {
        let mut booked = Vec::new();
        for attempt in &self.attempts {
            let paid = matches!(Evidence::parse(&attempt.state), Some(Evidence::Paid | Evidence::Reversed));
            let held: Vec<i64> =
                self.suspended.iter().filter(|s| s.attempt == attempt.number).map(|s| s.units).collect();
            if out && !paid && held.iter().any(|units| *units < 0) {
                return Err(Refused::Unfit("the attempt was resolved as failed, so the money cannot be paid out"));
            }
            let unbooked = self.open.iter().find(|x| x.attempt == attempt.number && speaks_of_all(&x.kind));
            let lines: Vec<Line> = match unbooked {
                Some(exception) if held.is_empty() => ledger::corrected(paid, out, exception.amount),
                // Each contradiction by itself: what one says went out and another says came back do not cancel out.
                _ => held.into_iter().flat_map(|units| ledger::resolved(units, paid, out)).collect(),
            };
            booked.extend(lines.into_iter().map(|line| (attempt.number, line)));
        }
        Ok(booked)
    }
}

/// Contradictions that are about the whole amount and put nothing on suspense.
fn speaks_of_all(kind: &str) -> bool {
    use crate::domain::evidence::Contradiction::{AcceptedAfterFreed, Vanished};
    [AcceptedAfterFreed, Vanished].into_iter().any(|contradiction| contradiction.as_str() == kind)
}
