//! Sequences, ladders, the re-send rule and the breaker: the pure parts that say where and when.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use paystrator::domain::breaker::{Admit, Breaker};
use paystrator::domain::connection::{Connection, ConnectionStatus, OwnReason};
use paystrator::domain::fee::FeePlan;
use paystrator::domain::money::Currency;
use paystrator::domain::retry::{PollLadder, ResendRule, jittered, step};
use paystrator::domain::sequence::{Reach, Sequence, Wanted, plan};
use paystrator::domain::service::{Mode, Service};
use proptest::prelude::*;
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 12, 0, 0).unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

/// A connection that may be unfit in one of the ways there are; `None` is a fit one.
fn connection(n: u128, flaw: Option<u8>) -> Connection {
    let mut made = Connection {
        id: Uuid::from_u128(n),
        provider: "someone".into(),
        label: format!("c{n}"),
        mode: Mode::Test,
        services: vec![Service::SendMoney],
        identity: format!("account-{n}"),
        status: ConnectionStatus::Active,
        settings: serde_json::Value::Null,
    };
    match flaw {
        None => {}
        Some(0) => made.mode = Mode::Live,
        Some(1) => made.status = ConnectionStatus::Maintenance,
        Some(2) => made.status = ConnectionStatus::Inactive,
        Some(3) => made.services.clear(),
        Some(4) => made.provider = "no currency".into(),
        Some(5) => made.provider = "no destination".into(),
        Some(_) => made.label = "overcharges".into(),
    }
    made
}

fn reach(connection: &Connection) -> Reach {
    match connection.provider.as_str() {
        "no currency" => Reach::NoCurrency,
        "no destination" => Reach::NoDestination,
        _ => Reach::Yes,
    }
}

fn cost(connection: &Connection) -> FeePlan {
    let flat = if connection.label == "overcharges" { -1 } else { connection.id.as_u128() as i64 };
    FeePlan { flat: Some(flat), ..FeePlan::default() }
}

const WANTED: Wanted<'static> = Wanted {
    service: Service::SendMoney,
    mode: Mode::Test,
    currency: Currency::Idr,
    amount: 10_000,
    destination: "BCA",
};

proptest! {
    #[test]
    fn the_client_s_order_stands_and_every_skip_is_told(
        flaws in prop::collection::vec(prop::option::weighted(0.5, 0..7u8), 0..9),
        excluded in prop::collection::vec(0..9u128, 0..4),
        stray in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let connections: Vec<Connection> =
            flaws.iter().enumerate().map(|(n, flaw)| connection(n as u128, *flaw)).collect();
        let mut order: Vec<Uuid> = connections.iter().map(|c| c.id).collect();
        let places = order.len().max(1);
        order.rotate_left((seed as usize) % places);
        if stray {
            // A connection that was removed since.
            order.push(Uuid::from_u128(999));
        }
        let excluded: Vec<Uuid> = excluded.into_iter().map(Uuid::from_u128).collect();
        let sequence = Sequence { destination: String::new(), version: 7, connections: order.clone() };
        let made = plan(WANTED, &sequence, &connections, &excluded, reach, cost);
        let fit = |id: &Uuid| {
            let n = id.as_u128() as usize;
            n < flaws.len() && flaws[n].is_none() && !excluded.contains(id)
        };
        let expected: Vec<Uuid> = order.iter().filter(|id| fit(id)).copied().collect();
        let chosen: Vec<Uuid> = made.candidates.iter().map(|c| c.connection.id).collect();
        prop_assert_eq!(&chosen, &expected);
        prop_assert_eq!(made.skipped.len(), connections.len() - expected.len());
        prop_assert!(made.skipped.iter().all(|s| !fit(&s.connection_id) && !s.reason.is_empty()));
        prop_assert_eq!(made.sequence_version, 7);
        prop_assert!(made.candidates.iter().all(|c| c.fee.fee == c.connection.id.as_u128() as i64));
    }

    #[test]
    fn there_is_always_a_next_question_and_never_a_sooner_one(polls in -2..200i32, age_s in 0..2_000_000i64) {
        let ladder = documented();
        let (sent_at, now) = (noon(), after(age_s));
        let wait = ladder.next(polls, sent_at, now) - now;
        prop_assert!(wait >= TimeDelta::seconds(60) && wait <= TimeDelta::days(1));
        if age_s >= 86_400 && polls > 0 {
            prop_assert_eq!(wait, TimeDelta::days(1));
        }
    }

    #[test]
    fn a_resend_needs_all_its_reasons(
        not_found in 0..6i16,
        first in prop::option::of(0..2_000i64),
        sent in 0..2_000i64,
        until in 0..4_000i64,
        now in 0..4_000i64,
    ) {
        let rule = ResendRule { not_found: 3, spread: 600 * SECOND, quiet: 60 * SECOND };
        let due = rule.is_due(not_found, first.map(after), after(sent), after(until), after(now));
        let expected = not_found >= 3 && first.is_some_and(|at| now - at >= 600) && now - sent >= 60 && now < until;
        prop_assert_eq!(due, expected);
    }

    #[test]
    fn jitter_only_lengthens_and_by_a_tenth_at_most(wait_ms in 0..100_000_000u64, random in any::<f64>()) {
        let wait = Duration::from_millis(wait_ms);
        let jittered = jittered(wait, if random.is_nan() { 0.5 } else { random });
        prop_assert!(jittered >= wait && jittered <= wait.mul_f64(1.1) + Duration::from_nanos(1));
    }

    #[test]
    fn an_open_breaker_lets_one_through_per_wait(
        limit in 1..6u32,
        events in prop::collection::vec((0..30i64, prop::option::of(any::<bool>())), 1..80),
    ) {
        let mut breaker = Breaker::default();
        let (mut now, mut failures, mut last_pass) = (0, 0u32, None::<i64>);
        for (wait, end) in events {
            now += wait;
            match end {
                // The end of a call: it reached the provider or not.
                Some(reached) => {
                    breaker.record(reached, limit, 10 * SECOND, after(now));
                    failures = if reached { 0 } else { failures + 1 };
                    last_pass = if reached { None } else { last_pass };
                    if failures >= limit {
                        last_pass = Some(now);
                    }
                }
                None => match breaker.admit(10 * SECOND, after(now)) {
                    Admit::Go if failures < limit => {}
                    Admit::Go => {
                        prop_assert!(last_pass.is_none_or(|at| now - at >= 10), "a second probe within the wait");
                        last_pass = Some(now);
                    }
                    Admit::Wait(until) => {
                        prop_assert!(failures >= limit, "closed, and yet it holds up");
                        prop_assert!(until > after(now) && until <= after(now + 10));
                    }
                },
            }
            prop_assert_eq!(breaker.is_open(), failures >= limit);
        }
    }
}

fn documented() -> PollLadder {
    let config = paystrator::config::Config::defaults().schedule;
    PollLadder {
        first: config.seconds(config.poll_first_s),
        backoff: config.poll_backoff_s.iter().map(|s| config.seconds(*s)).collect(),
        daily_after: config.seconds(config.poll_daily_after_s),
        daily: config.seconds(86_400),
    }
}

#[test]
fn the_provider_is_asked_at_the_documented_times() {
    let ladder = documented();
    let (mut now, mut waits) = (noon(), Vec::new());
    for polls in 0..36 {
        let next = ladder.next(polls, noon(), now);
        waits.push((next - now).num_minutes());
        now = next;
    }
    // 60 s after the send, then 1, 2, 5, 10, 15, 30 min, then hourly to a day, then daily.
    assert_eq!(waits[..8], [1, 1, 2, 5, 10, 15, 30, 60]);
    assert_eq!(waits.iter().filter(|wait| **wait == 60).count(), 23);
    assert!(waits[31..].iter().all(|wait| *wait == 1_440), "{waits:?}");
}

#[test]
fn a_ladder_repeats_its_last_step() {
    let ladder = [1, 2, 4].map(Duration::from_secs);
    let steps: Vec<u64> = (0..5).map(|n| step(&ladder, n).as_secs()).collect();
    assert_eq!(steps, [1, 2, 4, 4, 4]);
    assert_eq!(step(&[], 3), Duration::from_secs(60), "an empty ladder still waits");
}

#[test]
fn webhooks_are_tried_for_about_three_days() {
    let config = paystrator::config::Config::defaults().schedule;
    let whole: u64 = config.delivery_retry_s.iter().sum();
    assert!((3 * 86_400 - 7_200..=3 * 86_400 + 7_200).contains(&whole), "{whole} s");
}

#[test]
fn a_probe_that_arrives_closes_the_breaker() {
    let mut breaker = Breaker::default();
    for _ in 0..3 {
        breaker.record(false, 3, 10 * SECOND, noon());
    }
    assert_eq!(breaker.admit(10 * SECOND, after(9)), Admit::Wait(after(10)));
    assert_eq!(breaker.admit(10 * SECOND, after(10)), Admit::Go);
    assert_eq!(breaker.admit(10 * SECOND, after(11)), Admit::Wait(after(20)), "one probe at a time");
    breaker.record(true, 3, 10 * SECOND, after(12));
    assert_eq!(breaker.admit(10 * SECOND, after(12)), Admit::Go);
    assert!(!breaker.is_open());
}

#[test]
fn a_reason_of_our_own_is_read_back_and_nobody_elses_is() {
    let all = [
        OwnReason::Silent { unanswered: 12, sends: 20 },
        OwnReason::WaitOver,
        OwnReason::Answers,
        OwnReason::MaintenanceOver,
    ];
    for reason in all {
        assert_eq!(OwnReason::read(&reason.to_string()), Some(reason));
    }
    for written in ["", "a window", "Monitoring: many of the last sends got no answer.", "The maintenance is over"] {
        assert_eq!(OwnReason::read(written), None, "{written}");
    }
}
