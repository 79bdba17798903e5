//! The seeded run with processes: payments of several clients over two service processes on one database and three
//! providers, with faults at the simulators, calls doubled and reordered, providers without money, connections closed
//! and opened, credentials sealed anew, sequences written anew, and `kill -9` at drawn moments.
//!
//! The seed repeats the plan (who pays what, what goes wrong, when somebody is killed), not the scheduler. At the end,
//! when the faults are gone and the schedule has run out, all of DESIGN section 4 that can be seen is asked.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use futures_util::stream::{self, StreamExt};
use paystrator::domain::connection::ConnectionStatus;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::changes::{self, Order};
use crate::support::days::Day;
use crate::support::dice::{Dice, seed, size};
use crate::support::rig::{Member, NAME_MARK, Place, Process, Rig, object, path};
use crate::support::truth::{self, Paid};

/// Requests under way at a time.
const CALLERS: usize = 8;
/// Payments between two disturbances.
const CHUNK: usize = 15;

/// Who has connections where, in the order of their first sequences.
const MEMBERS: [(&str, &[Place]); 3] = [
    ("Satu", &[Place::Oy, Place::Doku, Place::KasproAsked]),
    ("Dua", &[Place::Doku, Place::Oy, Place::Oy, Place::Kaspro]),
    ("Tiga", &[Place::KasproAsked, Place::Doku, Place::Oy]),
];

/// One payment of the plan.
#[derive(Clone, Debug)]
struct Planned {
    number: usize,
    member: usize,
    account: String,
    bank: &'static str,
    amount: i64,
    /// The same request this often at the same time.
    copies: usize,
}

/// What happens to the processes beside a chunk of payments.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// `kill -9` of a process after so many milliseconds, and a new one in its place.
    Kill(usize, u64),
    None,
}

/// What people do and providers suffer beside a chunk of payments, after so many milliseconds.
#[derive(Clone, Debug)]
enum Stir {
    /// A connection is closed, and opened again.
    Closed(usize, usize, ConnectionStatus),
    /// A connection's credentials are sealed anew.
    Sealed(usize, usize),
    /// A sequence is written anew.
    Sequence(usize, Order),
    /// A provider's deposit is empty, and filled again.
    Drained(&'static str),
    /// A provider answers in another of its documents' ways.
    Manners(&'static str, Value),
}

/// The processes as callers find them.
struct Front {
    rig: Arc<Rig>,
    members: Vec<Member>,
    urls: Mutex<Vec<String>>,
    http: reqwest::Client,
    dice: Mutex<Dice>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_survive_faults_and_kills() {
    let (seed, count) = (seed(), size("PAYSTRATOR_SEED_PAYMENTS", 150));
    eprintln!("seeded run: PAYSTRATOR_SEED={seed} PAYSTRATOR_SEED_PAYMENTS={count}");
    let started = Instant::now();
    let mut dice = Dice::new(seed);
    let rig = Arc::new(Rig::new(simulators(&mut dice)).await);
    let mut members = Vec::new();
    for (name, places) in MEMBERS {
        members.push(rig.member(name, places).await);
    }
    let plan: Vec<Planned> = (0..count).map(|number| planned(number, &mut dice, &rig)).collect();
    faults_for_all(&rig, &members);
    let mut processes = vec![rig.start(None).await, rig.start(None).await];
    let urls = Mutex::new(processes.iter().map(|process| process.url.clone()).collect());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let front = Arc::new(Front { rig: rig.clone(), members, urls, http, dice: Mutex::new(Dice::new(seed ^ 1)) });
    let forwarder = forward(front.clone()).await;
    let mut logs = Vec::new();
    let mut kills = 0;
    for chunk in plan.chunks(CHUNK) {
        let blow = blow(&mut dice);
        let stirs: Vec<_> = (0..2).map(|_| (dice.below(600), stir(&mut dice, &front.members))).collect();
        let sending = stream::iter(chunk.iter().cloned().map(|one| pay(front.clone(), one)))
            .buffer_unordered(CALLERS)
            .collect::<Vec<()>>();
        let stirring = futures_util::future::join_all(stirs.into_iter().map(|(wait, it)| stirred(&front, wait, it)));
        let (_, died, _) = tokio::join!(sending, struck(&front, &mut processes, blow), stirring);
        if let Some(log) = died {
            kills += 1;
            logs.push(log);
        }
    }
    rig.clear_faults();
    rig.sandbox.doku.change_settings(object(&json!({ "strict_token": false }))).unwrap();
    let patience = Duration::from_secs(60 + count as u64 / 10);
    finish(&rig, patience, &processes).await;
    let closed = changes::close_exceptions(&rig, &front.members).await;
    finish(&rig, patience, &processes).await;
    for process in &mut processes {
        process.stop().await;
        logs.push(process.log());
    }
    forwarder.abort();
    let payments = truth::payments(&rig.eyes()).await;
    assert_eq!(payments.len(), count, "PAYSTRATOR_SEED={seed}: one payment an order, however often it was asked for");
    rig.sum_up().await;
    truth::at_the_end(&rig.eyes()).await;
    let accounts: HashSet<String> = plan.iter().map(|one| one.account.clone()).collect();
    let secrets = truth::secrets(&rig.sandbox);
    for log in &logs {
        assert_eq!(truth::leak(log, &accounts, &secrets), None, "PAYSTRATOR_SEED={seed}: in a log");
    }
    let took = started.elapsed().as_secs_f64();
    eprintln!("seeded run: {}, {closed} exceptions closed, {kills} kills, {took:.0} s", summary(&payments));
    drop(front);
    Arc::into_inner(rig).expect("nobody else holds the rig").stop().await;
}

/// Waits until nothing is left to do.
async fn finish(rig: &Rig, patience: Duration, processes: &[Process]) {
    let left = truth::finished(|| rig.eyes(), patience).await;
    let said = || processes.iter().map(Process::tail).collect::<Vec<_>>().join("\n");
    assert!(left.is_none(), "PAYSTRATOR_SEED={}: never finished: {}\n{}", seed(), left.unwrap_or_default(), said());
}

/// How the payments ended, over how many attempts, and how many of them moved on to another provider.
fn summary(payments: &[Paid]) -> String {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for paid in payments {
        *ends.entry(format!("{} at {}", paid.status, paid.current().provider)).or_default() += 1;
    }
    let tried: usize = payments.iter().map(|paid| paid.attempts.len()).sum();
    let moved_on = payments.iter().filter(|paid| paid.attempts[0].provider != paid.current().provider).count();
    format!("{ends:?}, {tried} attempts, {moved_on} payments moved on")
}

/// How the simulators begin. Tokens live for a moment, so that they end under way.
fn simulators(dice: &mut Dice) -> Value {
    let mut all = json!({
        "oy": { "settle_after_ms": 120_000, "callback_retries": true, "callback_on_suspect": true },
        "doku": { "settle_after_ms": 120_000, "token_life_s": 3, "strict_token": dice.one_in(3) },
        "kaspro": { "settle_after_ms": 120_000, "token_life_s": 3 },
    });
    for code in ["oy", "doku", "kaspro"] {
        let manners = object(&changes::manners(dice, code));
        all[code].as_object_mut().expect("an object").extend(manners);
    }
    all
}

/// Draws a payment, and sets what goes wrong with it at the simulators.
fn planned(number: usize, dice: &mut Dice, rig: &Rig) -> Planned {
    let day = Day::draw(dice, number, true);
    day.set(&rig.sandbox);
    let copies = if dice.one_in(5) { 3 } else { 1 };
    let (member, amount) = (dice.below(3) as usize, 10_000 + dice.below(9_000_000) as i64);
    Planned { number, member, account: day.account, bank: day.bank, amount, copies }
}

/// What goes wrong now and then for everybody.
fn faults_for_all(rig: &Rig, members: &[Member]) {
    let now_and_then = |kind: Kind, on: &str, every: u64| Fault { every: Some(every), ..Fault::new(kind).on(on) };
    for (code, status) in [("oy", "remit-status"), ("doku", "status"), ("kaspro", "status")] {
        for (kind, every) in [(Kind::HttpErrorBefore, 7), (Kind::Garbage, 11), (Kind::DropResponse, 13)] {
            rig.at(code).add_fault(now_and_then(kind, status, every)).unwrap();
        }
    }
    for (code, operation) in [("doku", "token"), ("doku", "inquiry"), ("kaspro", "token")] {
        for (kind, every) in [(Kind::HttpErrorBefore, 9), (Kind::Garbage, 14), (Kind::DropRequest, 17)] {
            rig.at(code).add_fault(now_and_then(kind, operation, every)).unwrap();
        }
    }
    for member in members {
        for (kind, every) in [(Kind::HttpErrorBefore, 5), (Kind::DropResponse, 9), (Kind::DropRequest, 13)] {
            rig.sandbox.merchant.add_fault(now_and_then(kind, &member.endpoint, every)).unwrap();
        }
    }
}

fn blow(dice: &mut Dice) -> Blow {
    let (which, wait) = (dice.below(2) as usize, dice.below(600));
    if dice.one_in(2) { Blow::Kill(which, wait) } else { Blow::None }
}

fn stir(dice: &mut Dice, members: &[Member]) -> Stir {
    let member = dice.below(members.len() as u64) as usize;
    let count = members[member].connections.len();
    let link = dice.below(count as u64) as usize;
    let code = ["oy", "doku", "kaspro"][dice.below(3) as usize];
    match dice.below(8) {
        0 => Stir::Closed(member, link, ConnectionStatus::Maintenance),
        1 => Stir::Closed(member, link, ConnectionStatus::Inactive),
        2 => Stir::Sealed(member, link),
        3 | 4 => Stir::Sequence(member, Order::draw(dice, count)),
        5 | 6 => Stir::Drained(code),
        _ => Stir::Manners(code, changes::manners(dice, code)),
    }
}

/// Lets it happen. Answers the log of a process that was killed.
async fn struck(front: &Front, processes: &mut [Process], blow: Blow) -> Option<String> {
    let Blow::Kill(which, wait) = blow else { return None };
    // A drawn moment, not a wait for something: this is the disturbance itself.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    processes[which].kill().await;
    let log = processes[which].log();
    processes[which] = front.rig.start(None).await;
    assert!(!processes[which].url.is_empty(), "no new start:\n{}", processes[which].log());
    front.urls.lock().unwrap()[which].clone_from(&processes[which].url);
    Some(log)
}

async fn stirred(front: &Front, wait: u64, stir: Stir) {
    let (rig, members) = (&*front.rig, &front.members);
    let moment = || tokio::time::sleep(Duration::from_millis(wait));
    match stir {
        Stir::Closed(member, link, status) => {
            let (member, link) = (&members[member], &members[member].connections[link]);
            changes::set_status(rig, member, link, status).await;
            moment().await;
            changes::set_status(rig, member, link, ConnectionStatus::Active).await;
        }
        Stir::Sealed(member, link) => {
            moment().await;
            changes::seal_anew(rig, &members[member], &members[member].connections[link]).await;
        }
        Stir::Sequence(member, order) => {
            moment().await;
            changes::put(rig, &members[member], &order).await;
        }
        Stir::Drained(code) => {
            rig.drain(code);
            moment().await;
            rig.refill(code);
        }
        Stir::Manners(code, settings) => {
            moment().await;
            rig.at(code).change_settings(object(&settings)).unwrap();
        }
    }
}

/// Makes one payment, all its copies at once, each repeated until it is answered; all of them must name one payment.
async fn pay(front: Arc<Front>, one: Planned) {
    let copies = futures_util::future::join_all((0..one.copies).map(|_| ask(&front, &one))).await;
    let ids: HashSet<String> = copies.into_iter().collect();
    assert_eq!(ids.len(), 1, "{one:?} became {ids:?}");
    if one.number.is_multiple_of(4) {
        // Another key cannot make a second payment of the same order.
        let (status, body) = front.post(&one, "another key").await.unwrap_or((409, json!({})));
        assert!([409, 503].contains(&status), "{one:?}: {status} {body}");
    }
}

async fn ask(front: &Front, one: &Planned) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match front.post(one, "key").await {
            Some((200, body)) => return body["data"]["id"].as_str().unwrap().to_owned(),
            // All connections of a sequence are closed at this moment, or the process is starting or ending.
            Some((409 | 503, _)) | None if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            answer => panic!("{one:?}: {answer:?}"),
        }
    }
}

impl Front {
    fn url(&self) -> String {
        let which = self.dice.lock().unwrap().below(2) as usize;
        self.urls.lock().unwrap()[which].clone()
    }

    async fn post(&self, one: &Planned, key: &str) -> Option<(u16, Value)> {
        let body = json!({
            "externalId": format!("ORDER-{}", one.number), "amount": one.amount, "receiverBankCode": one.bank,
            "receiverName": format!("{NAME_MARK} {}", one.number), "receiverAccountNo": one.account,
        });
        let response = self
            .http
            .post(format!("{}/v1/send-money", self.url()))
            .bearer_auth(&self.members[one.member].key)
            .header("Idempotency-Key", format!("{key} {}", one.number))
            .header("Content-Type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .ok()?;
        let status = response.status().as_u16();
        Some((status, serde_json::from_str(&response.text().await.ok()?).ok()?))
    }

    /// Passes a provider's call on to the connection it belongs to, at whichever process lives.
    async fn pass_on(&self, body: String) -> StatusCode {
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        // As OY! and as DOKU name it.
        let reference = said["partner_trx_id"].as_str().or(said["sendTrxId"].as_str()).map(str::to_owned);
        let connection: Option<Uuid> = sqlx::query_scalar("SELECT connection_id FROM attempt WHERE reference = $1")
            .bind(reference)
            .fetch_optional(&self.rig.sql)
            .await
            .unwrap();
        let mut all = self.members.iter().flat_map(|member| &member.connections);
        let Some(made) = all.find(|made| Some(made.id) == connection) else { return StatusCode::NOT_FOUND };
        let response = self.http.post(format!("{}{}", self.url(), path(made))).body(body).send().await;
        response.map_or(StatusCode::BAD_GATEWAY, |r| StatusCode::from_u16(r.status().as_u16()).unwrap())
    }
}

/// One address for the simulators' callbacks, whoever listens where.
async fn forward(front: Arc<Front>) -> tokio::task::JoinHandle<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = json!({ "callback_url": format!("http://{}/", listener.local_addr().unwrap()) });
    for code in ["oy", "doku"] {
        front.rig.at(code).change_settings(object(&settings)).unwrap();
    }
    let routes = axum::Router::new()
        .fallback(async |State(front): State<Arc<Front>>, body: String| front.pass_on(body).await)
        .with_state(front);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() })
}
