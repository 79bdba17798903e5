//! The seeded run in process: no loop runs, the clock stands still, and the seed says which worker ticks next, what the
//! callers, the provider and the operators do, and when time passes. After every step all of DESIGN section 4 that can
//! be seen is asked, and the whole history is hashed: the same seed must give the same history, step by step. Every
//! client has connections at all three providers.
//!
//! What is compared is every payment, attempt, observation, line, event and delivery with its times, keyed by client
//! and externalId. Left out are ids and ciphertexts, which are drawn anew, the provider's own numbers and the words of
//! a broken connection. Nothing may depend on which of two calls of one step is faster: a provider has money for all of
//! them or for none, and a token for all or for none.

use std::collections::{BTreeMap, BTreeSet};
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
use paystrator::flows::callback;
use paystrator::flows::send_money::{self, Refused, Wish};
use paystrator::providers::RawCallback;
use paystrator::sandbox::{Fault, Kind};
use paystrator::workers::{Ticker, WORK};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::changes::{self, Order};
use crate::support::days::Day;
use crate::support::dice::{Dice, seed, size};
use crate::support::rig::{Ground, Link, Member, NAME_MARK, Place, Rig, object};
use crate::support::truth::{self, Eyes};

/// Steps for each payment of the plan.
const STEPS: usize = 7;

/// Who has connections where, in the order of their first sequences.
const MEMBERS: [(&str, &[Place]); 2] = [
    ("Satu", &[Place::Oy, Place::Doku, Place::KasproAsked]),
    ("Dua", &[Place::Doku, Place::Kaspro, Place::Oy, Place::Oy]),
];

/// The providers, with what their status calls are called at the simulators.
const CODES: [(&str, &str); 3] = [("oy", "remit-status"), ("doku", "status"), ("kaspro", "status")];

/// One run.
struct Play {
    rig: Rig,
    ticker: Ticker,
    members: Vec<Member>,
    dice: Dice,
    /// Providers that have nothing to spend.
    drained: BTreeSet<&'static str>,
    /// Providers that give out no token, by the fault that makes it so.
    mute: BTreeMap<&'static str, u64>,
    /// Payments whose money came back, and whose provider has called about it.
    told: BTreeSet<Uuid>,
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
    play.rig.sum_up().await;
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
        for block in config.providers.values_mut() {
            block["concurrency"] = json!(1_000);
            block["connection_concurrency"] = json!(1_000);
        }
        config.providers.get_mut("kaspro").expect("a block")["per_second"] = json!(0);
        let ground = Ground { clock, their_clock, config, speed: 1.0 };
        let settle = json!({ "settle_after_ms": 45_000 });
        let mut rig = Rig::on(ground, json!({ "oy": settle, "doku": settle, "kaspro": settle })).await;
        let mut members = Vec::new();
        for (name, places) in MEMBERS {
            let member = rig.member(name, places).await;
            rig.endpoint(&member, &format!("{}-ends", member.endpoint), &DEFAULT_EVENTS).await;
            members.push(member);
        }
        let ticker = Ticker::start(&rig.app, rig.inboxes.take().expect("not taken yet"));
        let (drained, mute, told) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        let (dice, made, history) = (Dice::new(seed), Vec::new(), Vec::new());
        Play { rig, ticker, members, dice, drained, mute, told, made, history }
    }

    /// Does what the dice say, and names it.
    async fn step(&mut self, count: usize) -> String {
        match self.dice.below(100) {
            0..22 if self.made.len() < count => self.accept().await,
            0..42 => {
                let work = &WORK[self.dice.below(WORK.len() as u64) as usize];
                self.ticker.tick(work).await.unwrap();
                format!("tick {}", work.name)
            }
            42..58 => {
                self.ticker.hand_on().await;
                "hand on".into()
            }
            58..74 => {
                let seconds = [1, 1, 3, 10, 30, 60, 60, 300, 900][self.dice.below(9) as usize];
                self.pass(seconds).await
            }
            74..80 => self.call_back().await,
            80..83 => self.tell_of_a_return().await.unwrap_or_else(|| "nothing came back".into()),
            83..87 => self.read().await,
            87..88 => self.cancel().await,
            88..91 => self.status().await,
            91..93 => self.seal().await,
            93..95 => self.sequence().await,
            95..96 => self.drain(),
            96..97 => self.silence().await,
            97..98 => self.manners(),
            98..99 => self.status_call().await,
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
        if seconds >= 60 {
            self.rig.sandbox.merchant.clear_faults();
        }
        self.rig.their_clock.advance(by);
        self.rig.app.clock.advance(by);
        self.ticker.settle().await;
        format!("{seconds} s pass")
    }

    /// A client orders a payment, with what will go wrong with it; sometimes it orders it twice.
    async fn accept(&mut self) -> String {
        let number = self.made.len();
        let which = self.dice.below(self.members.len() as u64) as usize;
        let Day { account, bank, said: days, .. } = {
            let day = Day::draw(&mut self.dice, number, false);
            day.set(&self.rig.sandbox);
            day
        };
        let wish = Wish {
            external_id: format!("ORDER-{number}"),
            money: Money::new(10_000 + self.dice.below(9_000_000) as i64, Currency::Idr),
            destination: bank.into(),
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
                // All of its sequence are closed: nothing was made. The order comes again at another step.
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

    /// What the first questions about a payment meet, and the first tellings of its end.
    async fn bad_answers(&mut self, which: usize, id: Uuid) {
        let (reference, link) = self.tried(id, 1).await;
        let (code, status) = *CODES.iter().find(|(code, _)| *code == link.place.code()).expect("one of the three");
        let times = 1 + self.dice.below(3);
        let asked = |kind: Kind| Fault::new(kind).on(status).reference(&reference).times(times);
        let fault = match self.dice.below(8) {
            0 => Some(asked(Kind::HttpErrorBefore)),
            1 => Some(asked(Kind::Garbage)),
            2 => Some(asked(Kind::DropResponse)),
            3 if code == "oy" => Some(asked(Kind::WrongCode).code("504")),
            _ => None,
        };
        if let Some(fault) = fault {
            self.rig.at(code).add_fault(fault).unwrap();
        }
        let shown = format!("sm_{}", id.simple());
        let name = format!("{}-ends", self.members[which].endpoint);
        // Until the next long wait, and not so many times: two tellings of one payment may race for the last of them.
        let telling = |kind: Kind| Fault::new(kind).on(&name).reference(&shown);
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
        let Some((number, _, id)) = self.any() else { return "no callback yet".into() };
        let attempt = 1 + i16::from(self.dice.one_in(4));
        let (reference, link) = self.tried(id, attempt).await;
        let copies = 1 + self.dice.below(3);
        for _ in 0..copies {
            let code = ["000", "300", "301", "102", "206"][self.dice.below(5) as usize];
            self.receive(&link, &reference, code).await;
        }
        format!("{copies} callbacks about {number}")
    }

    /// A call about `reference`, as the provider of `link` makes it.
    async fn receive(&self, link: &Link, reference: &str, code: &str) {
        let body = match link.place {
            Place::Oy => json!({ "status": { "code": code }, "partner_trx_id": reference, "amount": 1 }),
            Place::Doku => json!({ "sendTrxId": reference, "transactionId": "1", "message": code }),
            Place::Kaspro | Place::KasproAsked => json!({ "code": code, "requestId": reference }),
        };
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let raw = RawCallback { headers: HeaderMap::new(), body: body.to_string().into_bytes(), source };
        let answer = callback::receive(&self.rig.app, &link.codename, raw).await.unwrap();
        match link.place.code() {
            "kaspro" => assert!(answer.is_none(), "KasPro does not call"),
            _ => assert_eq!(answer.expect("its address").status, 200),
        }
    }

    /// DOKU tells that a payment's money came back, once for each; the question that this calls for may meet a fault.
    async fn tell_of_a_return(&mut self) -> Option<String> {
        for (number, (_, id)) in self.made.clone().into_iter().enumerate() {
            let attempts: i64 = sqlx::query_scalar("SELECT count(*) FROM attempt WHERE payment_id = $1")
                .bind(id)
                .fetch_one(&self.rig.sql)
                .await
                .unwrap();
            let (reference, link) = self.tried(id, attempts as i16).await;
            let row = self.rig.sandbox.doku.payment(&reference);
            if !row.is_some_and(|row| row.returned) || !self.told.insert(id) {
                continue;
            }
            let fault = Fault::new([Kind::HttpErrorBefore, Kind::Garbage][self.dice.below(2) as usize]);
            if self.dice.one_in(2) {
                self.rig.at("doku").add_fault(fault.on("status").reference(&reference).times(1)).unwrap();
            }
            self.receive(&link, &reference, "Transaction is Refunded").await;
            return Some(format!("{number} came back"));
        }
        None
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

    /// One of the connections.
    fn link(&mut self) -> (usize, usize) {
        let which = self.dice.below(self.members.len() as u64) as usize;
        (which, self.dice.below(self.members[which].connections.len() as u64) as usize)
    }

    async fn status(&mut self) -> String {
        let (which, n) = self.link();
        let statuses = [ConnectionStatus::Maintenance, ConnectionStatus::Inactive, ConnectionStatus::Active];
        let status = statuses[self.dice.below(4).min(2) as usize];
        let member = &self.members[which];
        changes::set_status(&self.rig, member, &member.connections[n], status).await;
        format!("connection {which}/{n} {status:?}")
    }

    async fn seal(&mut self) -> String {
        let (which, n) = self.link();
        let member = &self.members[which];
        changes::seal_anew(&self.rig, member, &member.connections[n]).await;
        format!("seal {which}/{n}")
    }

    async fn sequence(&mut self) -> String {
        let which = self.dice.below(self.members.len() as u64) as usize;
        let order = Order::draw(&mut self.dice, self.members[which].connections.len());
        changes::put(&self.rig, &self.members[which], &order).await;
        format!("sequence of {which}: {order:?}")
    }

    /// A provider runs out of money, or gets some.
    fn drain(&mut self) -> String {
        let (code, _) = *self.dice.pick(&CODES);
        if self.drained.remove(code) {
            self.rig.refill(code);
            return format!("{code} is refilled");
        }
        self.drained.insert(code);
        self.rig.drain(code);
        format!("{code} is drained")
    }

    /// A provider gives out no tokens any more, or does again.
    async fn silence(&mut self) -> String {
        let code = *self.dice.pick(&["doku", "kaspro"]);
        let kinds = [Kind::HttpErrorBefore, Kind::Garbage, Kind::DropResponse];
        let kind = kinds[self.dice.below(3) as usize];
        if let Some(id) = self.mute.remove(code) {
            let control = self.rig.sandbox.describe()[code]["control_url"].as_str().unwrap().to_owned();
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let removed = http.delete(format!("{control}/control/faults?id={id}")).send().await.unwrap();
            assert!(removed.status().is_success());
            return format!("{code} gives out tokens");
        }
        let id = self.rig.at(code).add_fault(Fault::new(kind).on("token")).unwrap();
        self.mute.insert(code, id);
        format!("{code} gives out no tokens: {kind:?}")
    }

    fn manners(&mut self) -> String {
        let (code, _) = *self.dice.pick(&CODES);
        let settings: Value = changes::manners(&mut self.dice, code);
        self.rig.at(code).change_settings(object(&settings)).unwrap();
        format!("{code}: {settings}")
    }

    /// A connection at KasPro is told where its status call is, or that it has none.
    async fn status_call(&mut self) -> String {
        let which = self.dice.below(self.members.len() as u64) as usize;
        let given = self.dice.one_in(2);
        let member = &self.members[which];
        let link = member.connections.iter().find(|link| link.place.code() == "kaspro").expect("each has one");
        changes::give_status_call(&self.rig, member, link, given).await;
        format!("status call of {which}: {given}")
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

    /// What an attempt is known by, and at which connection; where there is none, a word that nobody knows.
    async fn tried(&self, id: Uuid, number: i16) -> (String, Link) {
        let found: Option<(String, Uuid)> =
            sqlx::query_as("SELECT reference, connection_id FROM attempt WHERE payment_id = $1 AND number = $2")
                .bind(id)
                .bind(number)
                .fetch_optional(&self.rig.sql)
                .await
                .unwrap();
        let mut all = self.members.iter().flat_map(|member| &member.connections);
        match found {
            Some((reference, connection)) => {
                (reference, all.find(|link| link.id == connection).expect("a member's").clone())
            }
            None => ("nobodysreference".into(), self.members[0].connections[0].clone()),
        }
    }

    /// Good days only, until nothing is left to do.
    async fn finish(&mut self) {
        self.rig.clear_faults();
        std::mem::take(&mut self.drained).into_iter().for_each(|code| self.rig.refill(code));
        changes::open_all(&self.rig, &self.members).await;
        for round in 0..200 {
            if truth::unfinished(&self.rig.eyes()).await.is_none() {
                let closed = changes::close_exceptions(&self.rig, &self.members).await;
                if closed == 0 {
                    return;
                }
                self.check(format!("{closed} exceptions closed")).await;
            }
            while let Some(step) = self.tell_of_a_return().await {
                // The last faults of all are these.
                self.check(step).await;
            }
            for work in &WORK {
                self.ticker.tick(work).await.unwrap();
                self.check(format!("tick {}", work.name)).await;
            }
            self.ticker.hand_on().await;
            self.check("hand on".into()).await;
            // As long as anything may be sent again in short steps; then in the steps of those who wait for days.
            let step = self.pass(if round < 8 { 1_200 } else { 21_600 }).await;
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
    SELECT concat_ws('|', 'exception', n.name, x.attempt, x.kind, x.amount, x.status, x.opened_at, x.closed_at)
    FROM exception x JOIN named n ON n.client_id = x.client_id AND n.id = x.payment_id
    UNION ALL
    SELECT concat_ws('|', 'callback', c.name, b.reading, b.received_at, b.next_try_at, b.done_at)
    FROM callback b JOIN client c USING (client_id)
)
SELECT string_agg(line, E'\\n' ORDER BY line) FROM told";
