//! The seeded run in process: no loop runs, the clock stands still, and the seed says which worker ticks next, what the
//! callers, the provider and the operators do, and when time passes. After every step all of DESIGN section 4 that can
//! be seen is asked, and the whole history is hashed: the same seed must give the same history, step by step.
//!
//! What is compared is every payment, attempt, observation, line, event and delivery with its times, keyed by client
//! and externalId. Left out are ids and ciphertexts, which are drawn anew, the provider's own numbers and the words of
//! a broken connection.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use chrono::{TimeZone, Utc};
use paystrator::clock::Clock;
use paystrator::config::Config;
use paystrator::crypto::secret::Personal;
use paystrator::domain::connection::ConnectionStatus;
use paystrator::domain::money::{Currency, Money};
use paystrator::domain::webhook::DEFAULT_EVENTS;
use paystrator::flows::send_money::{self, Refused, Wish};
use paystrator::flows::{callback, connections};
use paystrator::providers::RawCallback;
use paystrator::sandbox::{Fault, Kind};
use paystrator::workers::{Ticker, WORK};
use serde_json::json;
use uuid::Uuid;

use crate::support::dice::{Dice, seed, size};
use crate::support::rig::{Ground, Member, NAME_MARK, Rig};
use crate::support::truth::{self, Eyes};

/// Steps for each payment of the plan.
const STEPS: usize = 7;

/// One run.
struct Play {
    rig: Rig,
    ticker: Ticker,
    members: Vec<Member>,
    dice: Dice,
    /// Each payment made: its member and its id.
    made: Vec<(usize, Uuid)>,
    /// Each step with the hash of the history after it.
    history: Vec<String>,
}

#[tokio::test]
async fn a_seed_repeats_its_history_and_every_step_of_it_is_sound() {
    let (seed, count) = (seed(), size("PAYSTRATOR_TICKED_PAYMENTS", 40));
    let seeds = size("PAYSTRATOR_TICKED_SEEDS", 2) as u64;
    let first = play(seed, count).await;
    let again = play(seed, count).await;
    for (step, (one, two)) in first.iter().zip(&again).enumerate() {
        assert_eq!(one, two, "PAYSTRATOR_SEED={seed}: the second run went another way at step {step}");
    }
    assert_eq!(first.len(), again.len(), "PAYSTRATOR_SEED={seed}: one run is longer");
    for other in 1..seeds {
        let other = play(seed + other, count).await;
        assert_ne!(first.last(), other.last(), "two seeds, one history: the hash sees nothing");
    }
}

/// Plays one seed to its end.
async fn play(seed: u64, count: usize) -> Vec<String> {
    let started = Instant::now();
    let mut play = Play::new(seed).await;
    for _ in 0..count * STEPS {
        let step = play.step(count).await;
        play.check(step).await;
    }
    while play.made.len() < count {
        let step = play.accept().await;
        play.check(step).await;
    }
    play.finish().await;
    truth::at_the_end(&play.rig.eyes()).await;
    let steps = play.history.len();
    eprintln!(
        "ticked run: PAYSTRATOR_SEED={seed}, {count} payments, {steps} steps, {:.0} s",
        started.elapsed().as_secs_f64()
    );
    drop(play.ticker);
    play.rig.stop().await;
    play.history
}

impl Play {
    async fn new(seed: u64) -> Play {
        let start = Utc.with_ymd_and_hms(2026, 1, 5, 3, 0, 0).unwrap();
        let (clock, their_clock) = (Clock::manual(start), Clock::manual(start));
        let mut config = Config::defaults();
        config.webhooks.allow_http = true;
        config.webhooks.allow_private = true;
        // No lane is ever full and no breaker opens: which of many due rows comes first is not part of the plan.
        (config.webhooks.workers, config.webhooks.per_endpoint) = (1_000, 1_000);
        config.breaker.failures = u32::MAX;
        let oy = config.providers.get_mut("oy").expect("a block");
        oy["concurrency"] = json!(1_000);
        oy["connection_concurrency"] = json!(1_000);
        let ground = Ground { clock, their_clock, config, speed: 1.0 };
        let mut rig = Rig::on(ground, json!({ "settle_after_ms": 45_000 })).await;
        let mut members = Vec::new();
        for name in ["Satu", "Dua"] {
            let member = rig.member(name, 2).await;
            rig.endpoint(&member, &format!("{}-ends", member.endpoint), &DEFAULT_EVENTS).await;
            members.push(member);
        }
        let ticker = Ticker::start(&rig.app, rig.inboxes.take().expect("not taken yet"));
        Play { rig, ticker, members, dice: Dice::new(seed), made: Vec::new(), history: Vec::new() }
    }

    /// Does what the dice say, and names it.
    async fn step(&mut self, count: usize) -> String {
        match self.dice.below(100) {
            0..22 if self.made.len() < count => self.accept().await,
            0..45 => {
                let work = &WORK[self.dice.below(WORK.len() as u64) as usize];
                self.ticker.tick(work).await.unwrap();
                format!("tick {}", work.name)
            }
            45..62 => {
                self.ticker.hand_on().await;
                "hand on".into()
            }
            62..78 => {
                let seconds = [1, 1, 3, 10, 30, 60, 60, 300, 900][self.dice.below(9) as usize];
                self.pass(seconds).await
            }
            78..86 => self.call_back().await,
            86..91 => self.read().await,
            91..93 => self.cancel().await,
            93..96 => self.status().await,
            96..98 => self.rotate().await,
            _ => {
                // What waits in memory is lost; the rows are not.
                let inboxes = self.rig.restart();
                self.ticker = Ticker::start(&self.rig.app, inboxes);
                "restart".into()
            }
        }
    }

    /// Time passes, for us and for the others.
    async fn pass(&mut self, seconds: u64) -> String {
        let by = Duration::from_secs(seconds);
        self.rig.their_clock.advance(by);
        self.rig.app.clock.advance(by);
        self.ticker.settle().await;
        format!("{seconds} s pass")
    }

    /// A client orders a payment, with what will go wrong with it; sometimes it orders it twice.
    async fn accept(&mut self) -> String {
        let number = self.made.len();
        let which = self.dice.below(self.members.len() as u64) as usize;
        let (account, days) = self.bad_days(number);
        let wish = Wish {
            external_id: format!("ORDER-{number}"),
            money: Money::new(10_000 + self.dice.below(9_000_000) as i64, Currency::Idr),
            destination: "BCA".into(),
            account: Personal::new(account),
            name: Personal::new(format!("{NAME_MARK} {number}")),
            remark: String::new(),
            sender_id: None,
            metadata: None,
            idempotency: Some((format!("key {number}"), vec![1])),
        };
        let (app, caller) = (&self.rig.app, self.members[which].caller());
        let accepted = match send_money::accept(app, &caller, wish.clone()).await {
            Ok(accepted) => accepted,
            Err(Refused::NoConnection(why)) => {
                // Both connections are closed: nothing was made. The order comes again at another step.
                return format!("accept {number}: {why}");
            }
            Err(error) => panic!("accept {number}: {error}"),
        };
        let id = accepted.view.row.id;
        if self.dice.one_in(4) {
            let again = send_money::accept(app, &caller, wish.clone()).await.unwrap();
            assert!(again.replayed && again.view.row.id == id, "the same key made another payment");
            let other = Wish { idempotency: Some((format!("other {number}"), vec![1])), ..wish };
            let refused = send_money::accept(app, &caller, other).await;
            assert!(matches!(refused, Err(Refused::ExternalIdUsed { id: used, .. }) if used == id), "{refused:?}");
        }
        self.made.push((which, id));
        self.bad_answers(which, id).await;
        format!("accept {number}: {days}")
    }

    /// The account that is paid, and what its remit meets.
    fn bad_days(&mut self, number: usize) -> (String, String) {
        const MOCKS: [&str; 8] = [
            "7777777777",
            "8888888888",
            "6666666666",
            "9999999999",
            "1234567890",
            "2222222222",
            "4444444444",
            "3000000000",
        ];
        if self.dice.one_in(6) {
            let mock = *self.dice.pick(&MOCKS);
            return (mock.to_owned(), mock.to_owned());
        }
        let account = format!("55{number:04}{:08}", self.dice.below(99_999_999));
        let remit = |kind: Kind| Fault::new(kind).on("remit").account(&account).times(1);
        let fault = match self.dice.below(12) {
            0 => Some(remit(Kind::DropRequest)),
            1 => Some(remit(Kind::DropResponse)),
            2 => Some(remit(Kind::HttpErrorBefore)),
            3 => Some(remit(Kind::HttpErrorAfter)),
            4 => Some(remit(Kind::Garbage)),
            5 => Some(remit(Kind::HttpErrorBefore).http_status(429)),
            6 => Some(remit(Kind::Refuse).code(["201", "206", "210"][self.dice.below(3) as usize])),
            7 => Some(remit(Kind::End).code(["206", "225", "300", "209"][self.dice.below(4) as usize])),
            8 => Some(remit(Kind::SuspectFirst)),
            _ => None,
        };
        let days = fault.as_ref().map_or("a good day".into(), |fault| format!("{:?} {:?}", fault.kind, fault.code));
        if let Some(fault) = fault {
            self.rig.sandbox.oy.add_fault(fault).unwrap();
        }
        (account, days)
    }

    /// What the first questions about a payment meet, and the first tellings of its end.
    async fn bad_answers(&mut self, which: usize, id: Uuid) {
        let reference = self.reference(id, 1).await;
        let status = |kind: Kind, times| Fault::new(kind).on("remit-status").reference(&reference).times(times);
        let times = 1 + self.dice.below(3);
        let fault = match self.dice.below(8) {
            0 => Some(status(Kind::HttpErrorBefore, times)),
            1 => Some(status(Kind::Garbage, times)),
            2 => Some(status(Kind::DropResponse, times)),
            3 => Some(status(Kind::WrongCode, times).code("504")),
            _ => None,
        };
        if let Some(fault) = fault {
            self.rig.sandbox.oy.add_fault(fault).unwrap();
        }
        let shown = format!("sm_{}", id.simple());
        let name = format!("{}-ends", self.members[which].endpoint);
        let telling = |kind: Kind| Fault::new(kind).on(&name).reference(&shown).times(times);
        let fault = match self.dice.below(6) {
            0 => Some(telling(Kind::HttpErrorBefore)),
            1 => Some(telling(Kind::DropResponse)),
            2 => Some(Fault { retry_after_s: Some(120), ..telling(Kind::HttpErrorBefore).http_status(429) }),
            _ => None,
        };
        if let Some(fault) = fault {
            self.rig.sandbox.merchant.add_fault(fault).unwrap();
        }
    }

    /// The provider calls about a payment, once or several times; what it says may be old, or not true at all.
    async fn call_back(&mut self) -> String {
        let Some((number, which, id)) = self.any() else { return "no callback yet".into() };
        let attempt = 1 + i16::from(self.dice.one_in(4));
        let reference = self.reference(id, attempt).await;
        let connection: Option<Uuid> = sqlx::query_scalar("SELECT connection_id FROM attempt WHERE reference = $1")
            .bind(&reference)
            .fetch_optional(&self.rig.sql)
            .await
            .unwrap();
        let made = &self.members[which].connections;
        let made = made.iter().find(|made| Some(made.id) == connection).unwrap_or(&made[0]);
        let copies = 1 + self.dice.below(3);
        for _ in 0..copies {
            let code = ["000", "300", "301", "102", "206"][self.dice.below(5) as usize];
            let body = json!({ "status": { "code": code }, "partner_trx_id": reference, "amount": 1 });
            let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let raw = RawCallback { headers: HeaderMap::new(), body: body.to_string().into_bytes(), source };
            let answer = callback::receive(&self.rig.app, &made.codename, raw).await.unwrap().expect("its address");
            assert_eq!(answer.status, 200);
        }
        format!("{copies} callbacks about {number}")
    }

    async fn read(&mut self) -> String {
        let Some((number, which, id)) = self.any() else { return "nothing to read".into() };
        let view = send_money::status(&self.rig.app, &self.members[which].caller(), id).await.unwrap();
        let status = view.expect("it is there").row.status;
        let stranger = self.members[1 - which].caller();
        assert!(
            send_money::status(&self.rig.app, &stranger, id).await.unwrap().is_none(),
            "10: seen by another client"
        );
        format!("read {number}: {status}")
    }

    async fn cancel(&mut self) -> String {
        let Some((number, which, id)) = self.any() else { return "nothing to cancel".into() };
        let done = send_money::cancel(&self.rig.app, &self.members[which].caller(), id).await.unwrap();
        format!("cancel {number}: {}", matches!(done, send_money::Cancelled::Done(_)))
    }

    async fn status(&mut self) -> String {
        let (which, n) = (self.dice.below(2) as usize, self.dice.below(2) as usize);
        let status = if self.dice.one_in(2) { ConnectionStatus::Maintenance } else { ConnectionStatus::Active };
        let member = &self.members[which];
        let id = member.connections[n].id;
        connections::set_status(&self.rig.app, member.client_id, id, status, "drill").await.unwrap();
        format!("connection {which}/{n} {status:?}")
    }

    async fn rotate(&mut self) -> String {
        let (which, n) = (self.dice.below(2) as usize, self.dice.below(2) as usize);
        let member = &self.members[which];
        let (credentials, settings) = (self.rig.credentials(), self.rig.settings());
        let id = member.connections[n].id;
        connections::rotate(&self.rig.app, member.client_id, id, &credentials, &settings).await.unwrap();
        format!("rotate {which}/{n}")
    }

    /// One of the payments made.
    fn any(&mut self) -> Option<(usize, usize, Uuid)> {
        if self.made.is_empty() {
            return None;
        }
        let number = self.dice.below(self.made.len() as u64) as usize;
        let (which, id) = self.made[number];
        Some((number, which, id))
    }

    /// What an attempt is known by; where there is none, a word that nobody knows.
    async fn reference(&self, id: Uuid, number: i16) -> String {
        let found: Option<String> =
            sqlx::query_scalar("SELECT reference FROM attempt WHERE payment_id = $1 AND number = $2")
                .bind(id)
                .bind(number)
                .fetch_optional(&self.rig.sql)
                .await
                .unwrap();
        found.unwrap_or_else(|| "nobodysreference".into())
    }

    /// Good days only, until nothing is left to do.
    async fn finish(&mut self) {
        self.rig.sandbox.oy.clear_faults();
        self.rig.sandbox.merchant.clear_faults();
        for member in &self.members {
            for made in &member.connections {
                let active = ConnectionStatus::Active;
                connections::set_status(&self.rig.app, member.client_id, made.id, active, "").await.unwrap();
            }
        }
        for _ in 0..200 {
            if truth::unfinished(&self.rig.eyes()).await.is_none() {
                return;
            }
            for work in &WORK {
                self.ticker.tick(work).await.unwrap();
                self.check(format!("tick {}", work.name)).await;
            }
            self.ticker.hand_on().await;
            self.check("hand on".into()).await;
            let step = self.pass(1_200).await;
            self.check(step).await;
        }
        panic!("never finished: {:?}", truth::unfinished(&self.rig.eyes()).await);
    }

    /// Asks everything, and adds the step to the history.
    async fn check(&mut self, step: String) {
        let Eyes { sql, now, .. } = self.rig.eyes();
        let wrong = truth::always(&self.rig.eyes()).await;
        assert!(
            wrong.is_empty(),
            "after step {} ({step}) at {now}:\n{}\n{:#?}",
            self.history.len(),
            wrong.join("\n"),
            self.history
        );
        let lines: Option<String> = sqlx::query_scalar(HISTORY).fetch_one(sql).await.unwrap();
        let lines = lines.unwrap_or_default();
        if let Ok(folder) = std::env::var("PAYSTRATOR_TICKED_DUMP") {
            // To see where two runs of a seed part: a file a step, in a folder a run.
            std::fs::write(
                format!("{folder}/{}-{:04}", self.rig.url.rsplit('/').next().unwrap(), self.history.len()),
                &lines,
            )
            .unwrap();
        }
        self.history.push(format!("{step}: {}", hex::encode(paystrator::crypto::sha256(&[lines.as_bytes()]))));
    }
}

/// The whole history in one hash: every row that tells of a payment, by client and externalId, with every time in it.
const HISTORY: &str = "
WITH named AS (
    SELECT p.client_id, p.id, c.name || ' ' || p.external_id AS name FROM payment p JOIN client c USING (client_id)
), told AS (
    SELECT concat_ws('|', 'payment', n.name, p.amount, p.status, p.evidence, p.version, p.attempt, p.unknown_since,
        p.reason_code, p.reason, p.created_at, p.updated_at, p.final_at, p.send_until) AS line
    FROM payment p JOIN named n USING (client_id, id)
    UNION ALL
    SELECT concat_ws('|', 'attempt', n.name, a.number, c.label, a.state, a.sends, a.accepted, a.polls, a.not_found,
        a.not_found_at, a.polled_at, a.sent_at, a.next_try_at, a.leased_until, a.code, a.created_at, a.updated_at)
    FROM attempt a JOIN named n ON n.client_id = a.client_id AND n.id = a.payment_id
        JOIN connection c ON c.client_id = a.client_id AND c.id = a.connection_id
    UNION ALL
    SELECT concat_ws('|', 'observation', n.name, o.attempt, o.kind, o.seen_at, o.verdict, o.code)
    FROM observation o JOIN named n ON n.client_id = o.client_id AND n.id = o.payment_id
    UNION ALL
    SELECT concat_ws('|', 'line', n.name, l.attempt, l.kind, l.line, l.debit, l.credit, l.amount, l.created_at)
    FROM ledger_line l JOIN named n ON n.client_id = l.client_id AND n.id = l.payment_id
    UNION ALL
    SELECT concat_ws('|', 'event', n.name, e.version, e.type, e.created_at)
    FROM event e JOIN named n ON n.client_id = e.client_id AND n.id = e.payment_id
    UNION ALL
    SELECT concat_ws('|', 'delivery', n.name, e.version, regexp_replace(p.url, '.*/', ''), d.state, d.tries,
        d.next_try_at, d.response_status, d.updated_at)
    FROM delivery d JOIN event e ON e.client_id = d.client_id AND e.id = d.event_id
        JOIN endpoint p ON p.client_id = d.client_id AND p.id = d.endpoint_id
        JOIN named n ON n.client_id = e.client_id AND n.id = e.payment_id
    UNION ALL
    SELECT concat_ws('|', 'callback', c.name, b.reading, b.received_at, b.next_try_at, b.done_at)
    FROM callback b JOIN client c USING (client_id)
)
SELECT string_agg(line, E'\\n' ORDER BY line) FROM told";
