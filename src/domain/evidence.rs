//! The evidence of an attempt and the one door through which it changes: [`decide`].
//!
//! The table is DESIGN section 5. It never guesses: no timer makes failed or paid out of unknown, an answer that comes
//! late may raise an attempt and never frees it, and what contradicts a final word changes nothing but opens an exception.

/// What can be proved of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Written down, not sent.
    Prepared,
    /// Claimed for sending; the answer is awaited.
    Sent,
    /// Surely never reached the provider. Frees the payment.
    NotSent,
    /// The provider refused it by a code its contract lists. Frees the payment.
    Refused,
    /// The provider took it; the end is awaited.
    Accepted,
    /// It may or may not have been taken. Only proof ends this.
    Unknown,
    /// The money went out.
    Paid,
    /// Taken and finally failed, read by our own status call. Frees the payment.
    Failed,
    /// Paid, and the money came back.
    Reversed,
}

impl Evidence {
    pub const ALL: [Evidence; 9] = [
        Evidence::Prepared,
        Evidence::Sent,
        Evidence::NotSent,
        Evidence::Refused,
        Evidence::Accepted,
        Evidence::Unknown,
        Evidence::Paid,
        Evidence::Failed,
        Evidence::Reversed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Prepared => "prepared",
            Evidence::Sent => "sent",
            Evidence::NotSent => "not_sent",
            Evidence::Refused => "refused",
            Evidence::Accepted => "accepted",
            Evidence::Unknown => "unknown",
            Evidence::Paid => "paid",
            Evidence::Failed => "failed",
            Evidence::Reversed => "reversed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|evidence| evidence.as_str() == text)
    }

    /// Whether the payment is free for another attempt: this one did not and will not pay.
    pub fn is_freed(self) -> bool {
        matches!(self, Evidence::NotSent | Evidence::Refused | Evidence::Failed)
    }

    /// Whether the end is still awaited from the provider.
    pub fn is_awaited(self) -> bool {
        matches!(self, Evidence::Sent | Evidence::Accepted | Evidence::Unknown)
    }
}

/// Whose fault a refusal or failure is, by the provider's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The provider's own (its balance, a bank it lacks, our credentials there): another may do better.
    Provider,
    /// The destination's or the request's: every provider would say the same.
    Request,
}

/// What one answer of a provider says, read by its adapter from the contract's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Surely not taken, and worth trying again soon: not one byte arrived, or the provider was too busy to look.
    NotSent,
    /// A listed refusal: the order was not taken.
    Refused(Fault),
    Accepted,
    Paid,
    Failed(Fault),
    /// Listed as a return of money that had been paid.
    Reversed,
    /// The provider does not know the reference. Proves nothing by itself.
    NotFound,
    /// Ambiguous or unreadable; nothing is learned.
    Unknown,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::NotSent => "not_sent",
            Verdict::Refused(_) => "refused",
            Verdict::Accepted => "accepted",
            Verdict::Paid => "paid",
            Verdict::Failed(_) => "failed",
            Verdict::Reversed => "reversed",
            Verdict::NotFound => "not_found",
            Verdict::Unknown => "unknown",
        }
    }
}

/// One thing seen of an attempt, by where it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The answer to a send (the first or a re-send).
    Answer(Verdict),
    /// Our own authenticated status read.
    Status(Verdict),
    /// The sender's lease ran out without an answer.
    LeaseLost,
    /// Never sent: cancelled, the window closed, the breaker open too long, or the connection no longer fit.
    Withheld { may_try_next: bool },
    /// Two people resolved it, with a document: the money went out (`true`) or did not.
    Resolved { paid: bool },
}

/// The facts about an attempt that a decision needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub state: Evidence,
    /// How often it was claimed for sending; above one, the outcome of an earlier send is unknown.
    pub sends: i16,
    /// The provider said once that it took the order.
    pub accepted: bool,
    /// The amount or account the provider names is not ours. `false` where it names none.
    pub echo_differs: bool,
}

/// What may follow once an attempt is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another connection now, or the same one soon.
    AnyConnection,
    /// Another connection; this one refused and is not asked again.
    OtherConnection,
    /// Nothing: the payment fails.
    Nothing,
}

/// A contradiction: kept, shown, booked on suspense, and closed by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// A freed attempt turns out paid.
    PaidAfterFreed,
    /// An attempt we thought never taken turns out taken.
    AcceptedAfterFreed,
    /// A paid attempt turns out failed.
    FailedAfterPaid,
    /// The provider paid another amount, or another account, than ours.
    EchoDiffers,
    /// The provider no longer knows a reference it had taken.
    Vanished,
}

impl Contradiction {
    /// Those after which nobody may be told that no money left or will leave.
    pub const MONEY_MAY_HAVE_MOVED: [Contradiction; 3] =
        [Contradiction::PaidAfterFreed, Contradiction::AcceptedAfterFreed, Contradiction::EchoDiffers];

    pub fn as_str(self) -> &'static str {
        match self {
            Contradiction::PaidAfterFreed => "paid_after_freed",
            Contradiction::AcceptedAfterFreed => "accepted_after_freed",
            Contradiction::FailedAfterPaid => "failed_after_paid",
            Contradiction::EchoDiffers => "echo_differs",
            Contradiction::Vanished => "vanished",
        }
    }
}

/// What becomes of an attempt by what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Stored as an observation; nothing changes.
    Keep,
    /// The attempt moves; the payment goes on.
    Move(Evidence),
    /// The attempt frees the payment.
    Free { to: Evidence, next: Next },
    /// The money went out: the payment succeeds.
    Pay,
    /// Paid money came back: the payment is reversed.
    Reverse,
    /// The status does not move; an exception opens.
    Contradict(Contradiction),
}

/// Whether an attempt may be claimed for a send: prepared, or unknown and never accepted where a re-send is due.
pub fn may_send(facts: Facts) -> bool {
    match facts.state {
        Evidence::Prepared => true,
        Evidence::Unknown => !facts.accepted,
        _ => false,
    }
}

/// The transition function: the table of DESIGN section 5.
pub fn decide(facts: Facts, seen: Seen) -> Decision {
    match seen {
        Seen::Answer(verdict) => by_answer(facts, verdict),
        Seen::Status(verdict) => by_status(facts, verdict),
        Seen::LeaseLost => match facts.state {
            Evidence::Sent => Decision::Move(Evidence::Unknown),
            _ => Decision::Keep,
        },
        Seen::Withheld { may_try_next } => match facts.state {
            Evidence::Prepared => {
                let next = if may_try_next { Next::AnyConnection } else { Next::Nothing };
                Decision::Free { to: Evidence::NotSent, next }
            }
            _ => Decision::Keep,
        },
        Seen::Resolved { paid } => match (facts.state, paid) {
            (Evidence::Unknown | Evidence::Accepted, true) => Decision::Pay,
            (Evidence::Unknown | Evidence::Accepted, false) => {
                Decision::Free { to: Evidence::Failed, next: Next::Nothing }
            }
            _ => Decision::Keep,
        },
    }
}

fn by_answer(facts: Facts, verdict: Verdict) -> Decision {
    if facts.state != Evidence::Sent {
        // The lease or the version was lost: this answer may raise the attempt, never free it.
        return match verdict {
            Verdict::Accepted | Verdict::Paid => raise(facts, verdict),
            _ => Decision::Keep,
        };
    }
    // No earlier send is in doubt, no status read or callback overtook this answer, and it speaks of our order.
    let may_free = facts.sends <= 1 && !facts.accepted && !facts.echo_differs;
    match verdict {
        Verdict::Paid | Verdict::Accepted => raise(facts, verdict),
        Verdict::NotSent if may_free => Decision::Free { to: Evidence::NotSent, next: Next::AnyConnection },
        Verdict::Refused(fault) if may_free => Decision::Free { to: Evidence::Refused, next: after(fault) },
        // "Failed" in the answer to a send is believed once our own status read says it too.
        _ => Decision::Move(Evidence::Unknown),
    }
}

fn by_status(facts: Facts, verdict: Verdict) -> Decision {
    match (facts.state, verdict) {
        (_, Verdict::Paid | Verdict::Accepted) => raise(facts, verdict),
        // Bad news about another amount or account is not about our order: it ends nothing.
        (Evidence::Sent | Evidence::Unknown | Evidence::Accepted, _) if facts.echo_differs => Decision::Keep,
        (Evidence::Unknown | Evidence::Accepted, Verdict::Failed(fault)) => {
            Decision::Free { to: Evidence::Failed, next: after(fault) }
        }
        // A return seen before we knew it paid: the money is back, and nobody else is asked.
        (Evidence::Unknown | Evidence::Accepted, Verdict::Reversed) => {
            Decision::Free { to: Evidence::Failed, next: Next::Nothing }
        }
        (Evidence::Paid, Verdict::Reversed) if !facts.echo_differs => Decision::Reverse,
        (Evidence::Paid, Verdict::Failed(_) | Verdict::Reversed) => {
            Decision::Contradict(Contradiction::FailedAfterPaid)
        }
        (Evidence::Unknown | Evidence::Accepted | Evidence::Paid, Verdict::NotFound) if facts.accepted => {
            Decision::Contradict(Contradiction::Vanished)
        }
        _ => Decision::Keep,
    }
}

/// Good news: the provider took the order, or paid it.
fn raise(facts: Facts, verdict: Verdict) -> Decision {
    let paid = verdict == Verdict::Paid;
    match facts.state {
        Evidence::Sent | Evidence::Unknown | Evidence::Accepted if facts.echo_differs => match (paid, facts.state) {
            (true, _) => Decision::Contradict(Contradiction::EchoDiffers),
            (false, Evidence::Sent) => Decision::Move(Evidence::Unknown),
            (false, _) => Decision::Keep,
        },
        Evidence::Sent | Evidence::Unknown | Evidence::Accepted if paid => Decision::Pay,
        Evidence::Sent | Evidence::Unknown => Decision::Move(Evidence::Accepted),
        Evidence::Paid if paid && facts.echo_differs => Decision::Contradict(Contradiction::EchoDiffers),
        Evidence::Accepted | Evidence::Paid | Evidence::Reversed => Decision::Keep,
        Evidence::Prepared | Evidence::NotSent | Evidence::Refused | Evidence::Failed if paid => {
            Decision::Contradict(Contradiction::PaidAfterFreed)
        }
        Evidence::Prepared | Evidence::NotSent | Evidence::Refused => {
            Decision::Contradict(Contradiction::AcceptedAfterFreed)
        }
        // "In progress" after "failed" is weaker news.
        Evidence::Failed => Decision::Keep,
    }
}

fn after(fault: Fault) -> Next {
    match fault {
        Fault::Provider => Next::OtherConnection,
        Fault::Request => Next::Nothing,
    }
}
