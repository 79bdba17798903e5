//! The transition function, exhaustively: every state, count of sends, earlier word of the provider and echo, against
//! everything that can be seen. The rules are DESIGN invariants 2, 3 and 6, spelled without looking at the code.

use std::collections::HashMap;

use paystrator::domain::evidence::{Decision, Evidence, Facts, Fault, Next, Seen, Verdict, decide, may_send};
use paystrator::domain::ledger::{self, Account, Amounts, Kind, Line};
use proptest::prelude::*;

const VERDICTS: [Verdict; 10] = [
    Verdict::NotSent,
    Verdict::Refused(Fault::Provider),
    Verdict::Refused(Fault::Request),
    Verdict::Accepted,
    Verdict::Paid,
    Verdict::Failed(Fault::Provider),
    Verdict::Failed(Fault::Request),
    Verdict::Reversed,
    Verdict::NotFound,
    Verdict::Unknown,
];

fn everything_seen() -> Vec<Seen> {
    let mut all: Vec<Seen> = VERDICTS.iter().flat_map(|v| [Seen::Answer(*v), Seen::Status(*v)]).collect();
    all.push(Seen::LeaseLost);
    all.extend([true, false].map(|may_try_next| Seen::Withheld { may_try_next }));
    all.extend([true, false].map(|paid| Seen::Resolved { paid }));
    all
}

/// Calls `check` with every case there is, and what is decided in it.
fn for_all(check: impl Fn(Facts, Seen, Decision) -> bool) {
    let mut cases = 0;
    for state in Evidence::ALL {
        for sends in 0..=3 {
            for (accepted, echo_differs) in [(false, false), (false, true), (true, false), (true, true)] {
                let facts = Facts { state, sends, accepted, echo_differs };
                for seen in everything_seen() {
                    let decision = decide(facts, seen);
                    assert!(check(facts, seen, decision), "{facts:?} saw {seen:?}: {decision:?}");
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 9 * 4 * 4 * 25);
}

fn frees(decision: Decision) -> Option<Evidence> {
    match decision {
        Decision::Free { to, .. } => Some(to),
        _ => None,
    }
}

#[test]
fn only_proof_frees_a_payment() {
    for_all(|facts, seen, decision| match frees(decision) {
        None => true,
        Some(Evidence::NotSent) => match seen {
            Seen::Answer(Verdict::NotSent) => facts.state == Evidence::Sent && facts.sends <= 1 && !facts.accepted,
            Seen::Withheld { .. } => facts.state == Evidence::Prepared,
            _ => false,
        },
        Some(Evidence::Refused) => {
            matches!(seen, Seen::Answer(Verdict::Refused(_)))
                && facts.state == Evidence::Sent
                && facts.sends <= 1
                && !facts.accepted
        }
        Some(Evidence::Failed) => {
            let by_status = matches!(seen, Seen::Status(Verdict::Failed(_) | Verdict::Reversed));
            let by_people = matches!(seen, Seen::Resolved { paid: false });
            (by_status || by_people) && matches!(facts.state, Evidence::Unknown | Evidence::Accepted)
        }
        Some(_) => false,
    });
}

#[test]
fn after_a_second_send_only_a_status_read_or_people_free() {
    for_all(|facts, seen, decision| {
        facts.sends <= 1
            || frees(decision).is_none()
            // What was never sent has no second send: `prepared` with sends is only reached by a fault.
            || facts.state == Evidence::Prepared
            || matches!(seen, Seen::Status(_) | Seen::Resolved { .. })
    });
}

#[test]
fn nothing_but_a_read_an_answer_or_people_ends_unknown() {
    for_all(|facts, seen, decision| {
        if facts.state != Evidence::Unknown {
            return true;
        }
        match decision {
            Decision::Keep | Decision::Contradict(_) => true,
            Decision::Move(to) => {
                to == Evidence::Accepted
                    && matches!(seen, Seen::Answer(Verdict::Accepted) | Seen::Status(Verdict::Accepted))
            }
            Decision::Pay => matches!(
                seen,
                Seen::Answer(Verdict::Paid) | Seen::Status(Verdict::Paid) | Seen::Resolved { paid: true }
            ),
            Decision::Free { .. } => {
                matches!(seen, Seen::Status(Verdict::Failed(_) | Verdict::Reversed) | Seen::Resolved { paid: false })
            }
            Decision::Reverse => false,
        }
    });
}

#[test]
fn final_is_final_except_paid_to_reversed() {
    for_all(|facts, seen, decision| {
        let is_final = facts.state.is_freed() || matches!(facts.state, Evidence::Paid | Evidence::Reversed);
        match decision {
            _ if !is_final => true,
            Decision::Keep | Decision::Contradict(_) => true,
            Decision::Reverse => facts.state == Evidence::Paid && seen == Seen::Status(Verdict::Reversed),
            Decision::Move(_) | Decision::Pay | Decision::Free { .. } => false,
        }
    });
}

#[test]
fn weaker_news_after_stronger_changes_nothing() {
    // How much is known; a move must climb.
    let known = |state| match state {
        Evidence::Prepared => 0,
        Evidence::Sent => 1,
        Evidence::Unknown => 2,
        Evidence::Accepted => 3,
        _ => 4,
    };
    for_all(|facts, seen, decision| match decision {
        Decision::Move(to) => known(to) > known(facts.state),
        // "In progress" after an end is no contradiction, unless we thought the order never arrived.
        Decision::Contradict(_)
            if matches!(seen, Seen::Answer(Verdict::Accepted) | Seen::Status(Verdict::Accepted)) =>
        {
            matches!(facts.state, Evidence::Prepared | Evidence::NotSent | Evidence::Refused)
        }
        _ => true,
    });
}

#[test]
fn a_reading_about_another_amount_or_account_ends_nothing() {
    for_all(|facts, seen, decision| {
        let read = matches!(seen, Seen::Answer(_) | Seen::Status(_));
        !(read && facts.echo_differs)
            || matches!(decision, Decision::Keep | Decision::Contradict(_) | Decision::Move(Evidence::Unknown))
    });
}

#[test]
fn news_of_money_is_never_lost() {
    for_all(|facts, seen, decision| {
        if !matches!(seen, Seen::Answer(Verdict::Paid) | Seen::Status(Verdict::Paid)) {
            return true;
        }
        match decision {
            Decision::Pay => facts.state.is_awaited(),
            Decision::Contradict(_) => true,
            // A late answer may have been known already.
            Decision::Keep => matches!(facts.state, Evidence::Paid | Evidence::Reversed),
            _ => false,
        }
    });
    for_all(|facts, seen, decision| {
        let bad = matches!(seen, Seen::Status(Verdict::Failed(_)));
        !(bad && facts.state == Evidence::Paid) || matches!(decision, Decision::Contradict(_))
    });
}

#[test]
fn failover_follows_only_the_provider_s_own_fault() {
    for_all(|_, seen, decision| match decision {
        Decision::Free { to, next } => match next {
            Next::Nothing => true,
            Next::AnyConnection => to == Evidence::NotSent && seen != Seen::Withheld { may_try_next: false },
            Next::OtherConnection => matches!(
                seen,
                Seen::Answer(Verdict::Refused(Fault::Provider)) | Seen::Status(Verdict::Failed(Fault::Provider))
            ),
        },
        _ => true,
    });
}

#[test]
fn only_prepared_and_untaken_unknown_may_be_sent() {
    for state in Evidence::ALL {
        for accepted in [false, true] {
            let facts = Facts { state, sends: 1, accepted, echo_differs: false };
            let expected = state == Evidence::Prepared || (state == Evidence::Unknown && !accepted);
            assert_eq!(may_send(facts), expected, "{facts:?}");
        }
    }
}

#[test]
fn evidence_is_read_back_as_it_is_written() {
    for state in Evidence::ALL {
        assert_eq!(Evidence::parse(state.as_str()), Some(state));
        // Freed, awaited, prepared and paid out: each state is exactly one of them.
        let paid_out = matches!(state, Evidence::Paid | Evidence::Reversed);
        let kinds = [state.is_freed(), state.is_awaited(), state == Evidence::Prepared, paid_out];
        assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{state:?}");
    }
    assert_eq!(Evidence::parse("Paid"), None);
}

/// One thing that happens to an attempt.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Claim,
    Sees { seen: Seen, amount: Option<i64> },
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let sees = (prop::sample::select(everything_seen()), prop::option::of(0..5_000_000i64))
        .prop_map(|(seen, amount)| Happens::Sees { seen, amount });
    // Claims are common, so that most histories get beyond prepared.
    prop::collection::vec(prop_oneof![2 => Just(Happens::Claim), 5 => sees], 0..25)
}

/// The lines a history books, as the flow books them, and the attempt at its end.
fn replay(history: &[Happens], amounts: Amounts) -> (Facts, Vec<Line>) {
    let mut facts = Facts { state: Evidence::Prepared, sends: 0, accepted: false, echo_differs: false };
    let mut lines = Vec::new();
    let mut opened = Vec::new();
    for happens in history {
        let (seen, amount) = match *happens {
            Happens::Claim if may_send(facts) => {
                if facts.sends == 0 {
                    lines.extend(ledger::sent(amounts));
                }
                facts = Facts { state: Evidence::Sent, sends: facts.sends + 1, ..facts };
                continue;
            }
            Happens::Claim => continue,
            Happens::Sees { seen, amount } => (seen, amount),
        };
        facts.echo_differs = amount.is_some_and(|amount| amount != amounts.transfer);
        match decide(facts, seen) {
            Decision::Keep => {}
            Decision::Move(to) => facts.state = to,
            Decision::Free { to, .. } => {
                if facts.sends > 0 {
                    lines.extend(ledger::freed(amounts));
                }
                facts.state = to;
            }
            Decision::Pay => {
                lines.extend(ledger::paid(amounts));
                facts.state = Evidence::Paid;
            }
            Decision::Reverse => {
                lines.extend(ledger::reversed(amounts));
                facts.state = Evidence::Reversed;
            }
            Decision::Contradict(kind) => {
                if !opened.contains(&kind) {
                    opened.push(kind);
                    lines.extend(ledger::suspense(kind, amounts.transfer, amount.unwrap_or(amounts.transfer)));
                }
                if facts.state == Evidence::Prepared {
                    facts.state = Evidence::NotSent;
                }
            }
        }
        let said = matches!(seen, Seen::Answer(v) | Seen::Status(v) if matches!(v, Verdict::Accepted | Verdict::Paid));
        facts.accepted |= said;
    }
    (facts, lines)
}

fn balances(lines: &[Line]) -> HashMap<Account, i64> {
    let mut sums = HashMap::new();
    for line in lines {
        *sums.entry(line.debit).or_insert(0) += line.amount;
        *sums.entry(line.credit).or_insert(0) -= line.amount;
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn books_balance_after_every_history(
        history in happenings(),
        transfer in 1..1_000_000i64,
        fee in 0..10_000i64,
        tax in 0..2_000i64,
    ) {
        let amounts = Amounts { transfer, fee, tax };
        let (facts, lines) = replay(&history, amounts);
        let sums = balances(&lines);
        let sum = |account| sums.get(&account).copied().unwrap_or(0);
        prop_assert_eq!(sums.values().sum::<i64>(), 0);
        prop_assert!(lines.iter().all(|line| line.amount > 0 && line.debit != line.credit));
        // The constraint of the table: each (kind, line) of an attempt once; only contradictions may be several.
        let once = lines.iter().filter(|line| line.kind != Kind::Suspense);
        let mut keys: Vec<_> = once.map(|line| (line.kind, line.line)).collect();
        let count = keys.len();
        keys.sort_by_key(|key| format!("{key:?}"));
        keys.dedup();
        prop_assert_eq!(keys.len(), count, "a line is booked twice: {:?}", lines);
        // What is awaited is in transit; every end brings it back to zero.
        let awaited = facts.state.is_awaited() && facts.sends > 0;
        prop_assert_eq!(sum(Account::InTransit), if awaited { transfer } else { 0 });
        let out = facts.state == Evidence::Paid;
        prop_assert_eq!(sum(Account::PaidOut), if out { transfer } else { 0 });
        prop_assert_eq!(sum(Account::Fee), if out { fee } else { 0 });
        prop_assert_eq!(sum(Account::Tax), if out { tax } else { 0 });
        // Without a contradiction nothing is on suspense, and the provider holds what its books would say.
        let in_doubt = lines.iter().any(|line| matches!(line.kind, Kind::Suspense));
        if !in_doubt {
            let spent = if out { transfer + fee + tax } else if awaited { transfer } else { 0 };
            prop_assert_eq!(sum(Account::Provider), -spent);
            prop_assert_eq!(sum(Account::Suspense), 0);
        }
        // People closing it take everything off suspense again.
        for paid_out in [true, false] {
            let mut closed = lines.clone();
            closed.extend(ledger::resolved(sum(Account::Suspense), out, paid_out));
            prop_assert_eq!(balances(&closed).get(&Account::Suspense).copied().unwrap_or(0), 0);
        }
    }
}
