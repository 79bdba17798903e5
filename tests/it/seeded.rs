//! The seeded run with processes: payments of several clients over two service processes on one database, with faults
//! at the simulators, calls doubled and reordered, connections closed and opened, and `kill -9` at drawn moments.
//!
//! The seed repeats the plan (who pays what, what goes wrong, when somebody is killed), not the scheduler. At the end,
//! when the faults are gone and the schedule has run out, all of DESIGN section 4 that can be seen is asked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use futures_util::stream::{self, StreamExt};
use paystrator::domain::connection::ConnectionStatus;
use paystrator::flows::connections;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::dice::{Dice, seed, size};
use crate::support::rig::{Member, NAME_MARK, Process, Rig, path};
use crate::support::truth;

/// Requests under way at a time.
const CALLERS: usize = 8;
/// Payments between two disturbances.
const CHUNK: usize = 15;

/// One payment of the plan.
#[derive(Clone, Debug)]
struct Planned {
    number: usize,
    member: usize,
    account: String,
    amount: i64,
    /// The same request this often at the same time.
    copies: usize,
}

/// What happens beside a chunk of payments.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// `kill -9` of a process after so many milliseconds, and a new one in its place.
    Kill(usize, u64),
    /// A connection goes to MAINTENANCE and comes back.
    Maintenance(usize, usize, u64),
    /// A connection's credentials are sealed anew.
    Rotate(usize, usize),
    Nothing,
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
    let settings = json!({ "settle_after_ms": 120_000, "callback_retries": true, "callback_on_suspect": true });
    let rig = Arc::new(Rig::new(settings).await);
    let mut members = Vec::new();
    for name in ["Satu", "Dua", "Tiga"] {
        members.push(rig.member(name, 2).await);
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
        let disturbance = disturbance(&mut dice);
        let sending = stream::iter(chunk.iter().cloned().map(|one| pay(front.clone(), one)))
            .buffer_unordered(CALLERS)
            .collect::<Vec<()>>();
        let ((), died) = tokio::join!(async { drop(sending.await) }, disturb(&front, &mut processes, disturbance));
        if let Some(log) = died {
            kills += 1;
            logs.push(log);
        }
    }
    rig.sandbox.oy.clear_faults();
    rig.sandbox.merchant.clear_faults();
    let patience = Duration::from_secs(60 + count as u64 / 10);
    let left = truth::finished(|| rig.eyes(), patience).await;
    let said = || format!("{}\n{}", processes[0].tail(), processes[1].tail());
    assert!(left.is_none(), "PAYSTRATOR_SEED={seed}: never finished: {}\n{}", left.unwrap_or_default(), said());
    for process in &mut processes {
        process.stop().await;
        logs.push(process.log());
    }
    forwarder.abort();
    let payments = truth::payments(&rig.eyes()).await;
    assert_eq!(payments.len(), count, "PAYSTRATOR_SEED={seed}: one payment an order, however often it was asked for");
    truth::at_the_end(&rig.eyes()).await;
    let accounts: HashSet<String> = plan.iter().map(|one| one.account.clone()).collect();
    for log in &logs {
        let leak = truth::leak(log, &accounts, &rig.sandbox.oy.credentials().api_key);
        assert_eq!(leak, None, "PAYSTRATOR_SEED={seed}: in a log");
    }
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    payments.iter().for_each(|paid| *ends.entry(&paid.status).or_default() += 1);
    let tried: usize = payments.iter().map(|paid| paid.attempts.len()).sum();
    eprintln!("seeded run: {ends:?}, {tried} attempts, {kills} kills, {:.0} s", started.elapsed().as_secs_f64());
    drop(front);
    Arc::into_inner(rig).expect("nobody else holds the rig").stop().await;
}

/// Draws a payment and what goes wrong with it at the simulator.
fn planned(number: usize, dice: &mut Dice, rig: &Rig) -> Planned {
    const MOCKS: [&str; 9] = [
        "7777777777",
        "8888888888",
        "6666666666",
        "9999999999",
        "1234567890",
        "2222222222",
        "4444444444",
        "3000000000",
        "5555555555",
    ];
    let mocked = dice.one_in(6);
    let account = if mocked { (*dice.pick(&MOCKS)).to_owned() } else { format!("55{:010}", dice.below(9_999_999_999)) };
    if !mocked {
        let kinds = [Kind::DropRequest, Kind::DropResponse, Kind::HttpErrorBefore, Kind::HttpErrorAfter, Kind::Garbage];
        let on = |kind: Kind| Fault::new(kind).account(&account).times(1);
        let add = |fault: Fault| {
            rig.sandbox.oy.add_fault(fault).unwrap();
        };
        match dice.below(12) {
            n @ 0..5 => add(on(kinds[n as usize]).on("remit")),
            // Longer than the time a send may take: the order arrives after its sender gave up.
            5 => add(on(Kind::Delay).on("remit").ms(2_500)),
            6 => add(on(Kind::Refuse).on("remit").code(["201", "206", "210"][dice.below(3) as usize])),
            7 => add(on(Kind::End).code(["206", "225", "300", "209"][dice.below(4) as usize])),
            8 => add(on(Kind::SuspectFirst)),
            9 => add(on(Kind::CallbackFirst)),
            _ => {}
        }
        match dice.below(6) {
            0 => add(on(Kind::DuplicateCallback)),
            1 => add(on(Kind::ReorderCallbacks)),
            2 => add(on(Kind::DropCallback)),
            _ => {}
        }
    }
    let copies = if dice.one_in(5) { 3 } else { 1 };
    Planned { number, member: dice.below(3) as usize, account, amount: 10_000 + dice.below(9_000_000) as i64, copies }
}

/// What goes wrong now and then for everybody.
fn faults_for_all(rig: &Rig, members: &[Member]) {
    let oy = |fault: Fault| {
        rig.sandbox.oy.add_fault(fault).unwrap();
    };
    for (kind, every) in [(Kind::HttpErrorBefore, 7), (Kind::Garbage, 11), (Kind::DropResponse, 13)] {
        oy(Fault { every: Some(every), ..Fault::new(kind).on("remit-status") });
    }
    for member in members {
        for (kind, every) in [(Kind::HttpErrorBefore, 5), (Kind::DropResponse, 9), (Kind::DropRequest, 13)] {
            let fault = Fault { every: Some(every), ..Fault::new(kind).on(&member.endpoint) };
            rig.sandbox.merchant.add_fault(fault).unwrap();
        }
    }
}

fn disturbance(dice: &mut Dice) -> Disturbance {
    let (which, wait) = (dice.below(2) as usize, dice.below(600));
    match dice.below(8) {
        0..4 => Disturbance::Kill(which, wait),
        4 | 5 => Disturbance::Maintenance(dice.below(3) as usize, which, wait),
        6 => Disturbance::Rotate(dice.below(3) as usize, which),
        _ => Disturbance::Nothing,
    }
}

/// Lets it happen. Answers the log of a process that was killed.
async fn disturb(front: &Front, processes: &mut [Process], disturbance: Disturbance) -> Option<String> {
    let app = &front.rig.app;
    let connection = |member: usize, which: usize| {
        let member = &front.members[member];
        (member.client_id, member.connections[which].id)
    };
    match disturbance {
        Disturbance::Kill(which, wait) => {
            // A drawn moment, not a wait for something: this is the disturbance itself.
            tokio::time::sleep(Duration::from_millis(wait)).await;
            processes[which].kill().await;
            let log = processes[which].log();
            processes[which] = front.rig.start(None).await;
            assert!(!processes[which].url.is_empty(), "no new start:\n{}", processes[which].log());
            front.urls.lock().unwrap()[which].clone_from(&processes[which].url);
            Some(log)
        }
        Disturbance::Maintenance(member, which, wait) => {
            let (client, id) = connection(member, which);
            connections::set_status(app, client, id, ConnectionStatus::Maintenance, "drill").await.unwrap();
            tokio::time::sleep(Duration::from_millis(wait)).await;
            connections::set_status(app, client, id, ConnectionStatus::Active, "").await.unwrap();
            None
        }
        Disturbance::Rotate(member, which) => {
            let (client, id) = connection(member, which);
            let (credentials, settings) = (front.rig.credentials(), front.rig.settings());
            connections::rotate(app, client, id, &credentials, &settings).await.unwrap();
            None
        }
        Disturbance::Nothing => None,
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
            // Both of a member's connections were closed at this moment, or the process is starting or ending.
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
            "externalId": format!("ORDER-{}", one.number), "amount": one.amount, "receiverBankCode": "BCA",
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
        let reference =
            serde_json::from_str::<Value>(&body).ok().and_then(|b| b["partner_trx_id"].as_str().map(str::to_owned));
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

/// One address for the simulator's callbacks, whoever listens where.
async fn forward(front: Arc<Front>) -> tokio::task::JoinHandle<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let settings: HashMap<&str, Value> = [("callback_url", json!(url))].into();
    let settings = serde_json::to_value(settings).unwrap().as_object().cloned().unwrap();
    front.rig.sandbox.oy.change_settings(settings).unwrap();
    let routes = axum::Router::new()
        .fallback(async |State(front): State<Arc<Front>>, body: String| front.pass_on(body).await)
        .with_state(front);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() })
}
