//! Kills the service at every crash point (before and after each commit, before and after each call to the outside,
//! and while an answer is awaited), starts it again, and compares the end with the simulator's books.
//!
//! The points are enumerated, not drawn: `crash::POINTS` names them, and the first test keeps that list true.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use paystrator::crash::{OF_DOCUMENTS, OF_ONBOARDINGS, POINTS};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use crate::support::rig::{Member, NAME_MARK, Place, Process, Rig, path};
use crate::support::truth::{self, payments};

/// Runs at a time: they mostly wait.
const AT_ONCE: usize = 8;

/// Later passes of points that many different changes go through: first the claims, then accepted, paid, freed, failed.
const LATER: [(&str, &[u32]); 9] = [
    ("advance.before", &[9, 14, 20, 26]),
    ("advance.committed", &[6, 9, 14, 20, 26]),
    ("claim.committed", &[5]),
    ("send.answered", &[3, 6]),
    ("ask.answered", &[5, 12]),
    ("mark.before", &[6]),
    ("delivery.answered", &[6]),
    // Sums are added to every now and then, mostly of nothing.
    ("rollup.before", &[6, 15]),
    ("rollup.committed", &[6, 15]),
];

/// Passes of points around a failover, where nothing else goes on: OY!'s attempt is claimed (1), refused, and DOKU's made
/// in the same commit (2), claimed (3) and paid (4).
const FAILOVER: [(&str, u32); 6] = [
    ("advance.committed", 2),
    ("claim.before", 2),
    ("claim.committed", 2),
    ("send.before", 2),
    ("send.answered", 2),
    ("advance.committed", 4),
];

/// Where the process is killed.
#[derive(Clone, Copy, Debug)]
enum At {
    /// At a point in its source, at the n-th pass.
    Point(&'static str, u32),
    /// The same, with one payment that OY! refuses and DOKU pays.
    Failover(&'static str, u32),
    /// From outside, while the answer to a call is held back: of a provider's operation, or of the merchant (`webhook`).
    Between(&'static str),
}

/// A payment of a run: its name, its account, and the status it must end with.
type Wanted = (&'static str, &'static str, Option<&'static str>);

/// The payments of every run: an account of the simulator's tables, or one with a fault of its own, and the status it
/// must end with. `None` where a lost answer rightly leaves doubt for ever: a refusal that only the dead process heard.
const PAYMENTS: [Wanted; 13] = [
    ("good", "5550000001", Some("SUCCESS")),
    ("answer lost", "5550000002", Some("SUCCESS")),
    ("request lost", "5550000003", Some("SUCCESS")),
    ("callbacks twice, first", "5550000004", Some("SUCCESS")),
    ("first connection refuses", "5550000005", Some("SUCCESS")),
    ("fails for balance, then paid", "5550000006", Some("SUCCESS")),
    ("suspect, then paid", "5550000007", Some("SUCCESS")),
    ("unreadable answer", "5550000008", Some("SUCCESS")),
    ("bank says failed", "7777777777", Some("FAILED")),
    ("in progress for ever", "6666666666", Some("PROCESSING")),
    ("nobody knows", "1234567890", Some("PROCESSING")),
    ("refused by all", "4444444444", None),
    ("account unknown", "8888888888", Some("FAILED")),
];

/// The one payment of the kills around a failover.
const REFUSED: [Wanted; 1] = [("OY! refuses, DOKU pays", "5550000009", Some("SUCCESS"))];

impl At {
    fn is_failover(self) -> bool {
        matches!(self, At::Failover(..))
    }

    fn payments(self) -> &'static [Wanted] {
        if self.is_failover() { &REFUSED } else { &PAYMENTS }
    }
}

#[test]
fn the_list_of_points_is_the_source() {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                for part in text.split("crash::point(").skip(1) {
                    let name = part.strip_prefix('"').and_then(|rest| rest.split_once('"'));
                    let name = name.unwrap_or_else(|| panic!("{}: a point needs a plain name", entry.path().display()));
                    *places.entry(name.0.to_owned()).or_default() += 1;
                }
            }
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "one name, one place: {twice:?}");
    let all: Vec<&str> = POINTS.into_iter().chain(OF_DOCUMENTS).chain(OF_ONBOARDINGS).collect();
    let listed: BTreeSet<&str> = all.iter().copied().collect();
    let placed: BTreeSet<&str> = places.keys().map(String::as_str).collect();
    assert_eq!(listed, placed);
    assert_eq!(listed.len(), all.len(), "a point is listed twice");
}

#[tokio::test]
async fn a_process_in_production_refuses_to_be_armed() {
    let run = async |variable: &str, production: &str| {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_paystrator"))
            .arg("serve")
            .env("PAYSTRATOR__SERVER__PRODUCTION", production)
            .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
            .env(paystrator::crash::VARIABLE, variable)
            .output()
            .await
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(run("accept.before", "true").await.contains("has no place in production"));
    assert!(run("no.such.point", "false").await.contains("there is no point \"no.such.point\""));
    assert!(run("accept.before:x", "false").await.contains("is no count of passes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_every_payment_reaches_its_true_end() {
    let started = Instant::now();
    let first = POINTS.into_iter().map(|point| At::Point(point, 1));
    let later = LATER.into_iter().flat_map(|(point, passes)| passes.iter().map(move |pass| At::Point(point, *pass)));
    let between = ["remit", "remit-status", "webhook"].into_iter().map(At::Between);
    let chosen = std::env::var("PAYSTRATOR_CRASH_ONLY").unwrap_or_default();
    let failover = FAILOVER.into_iter().map(|(point, pass)| At::Failover(point, pass));
    let all: Vec<At> = first
        .chain(later)
        .chain(failover)
        .chain(between)
        .filter(|at| format!("{at:?}").contains(chosen.as_str()))
        .collect();
    assert!(!all.is_empty(), "PAYSTRATOR_CRASH_ONLY={chosen} names no point");
    let count = all.len();
    let mut runs = stream::iter(all.into_iter().map(|at| {
        tokio::spawn(async move {
            let began = Instant::now();
            (at, run(at).await, began.elapsed())
        })
    }))
    .buffer_unordered(AT_ONCE);
    let (mut done, mut wrong) = (0, Vec::new());
    while let Some(result) = runs.next().await {
        done += 1;
        match result {
            Ok((at, ends, took)) => {
                eprintln!("crash {done}/{count} {at:?}: {ends}, {:.1} s", took.as_secs_f64());
            }
            Err(error) => wrong.push(format!("{error}")),
        }
    }
    eprintln!("crash: {count} kills in {:.0} s", started.elapsed().as_secs_f64());
    assert!(wrong.is_empty(), "{} of {count} kills went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// One kill and what follows. Says how the payments ended.
async fn run(at: At) -> String {
    let rig = Rig::new(json!({ "oy": { "settle_after_ms": 60_000 } })).await;
    let places: &[Place] = if at.is_failover() { &[Place::Oy, Place::Doku] } else { &[Place::Oy, Place::Oy] };
    let member = rig.member("Dummy Company", places).await;
    rig.endpoint(&member, "gone", &["payment.succeeded"]).await;
    bad_days(&rig, at);
    let armed = match at {
        At::Point(point, pass) | At::Failover(point, pass) => Some(format!("{point}:{pass}")),
        At::Between(_) => None,
    };
    let mut process = rig.start(armed.as_deref()).await;
    let mut accepted = BTreeSet::new();
    drive(&rig, &member, &mut process, &mut accepted, at).await;
    let log = process.log();
    assert!(!process.is_alive(), "{at:?} was never reached:\n{}", process.tail());
    let mut process = rig.start(None).await;
    assert!(!process.url.is_empty(), "{at:?}: no second start:\n{}", process.log());
    rig.call_back(&process, &member);
    // Who was cut off repeats the same request: the same key, the same body.
    for (name, account, _) in at.payments().iter().copied() {
        let reply = send(&process.url, &member, name, account).await.expect("the second process answers");
        assert_eq!(reply.0, 200, "{at:?} {name}: {}", reply.1);
        let replayed = accepted.contains(name);
        assert!(!replayed || reply.2, "{at:?} {name}: it was acknowledged before, and is now made anew: {}", reply.1);
    }
    let left = truth::finished(|| rig.eyes(), Duration::from_secs(40)).await;
    assert!(left.is_none(), "{at:?}: never finished: {}\n{}", left.unwrap_or_default(), process.tail());
    process.stop().await;
    rig.sum_up().await;
    truth::at_the_end(&rig.eyes()).await;
    let ends = ends(at, &rig).await;
    for log in [log, process.log()] {
        let said = truth::leak(&log, &HashSet::new(), &truth::secrets(&rig.sandbox));
        assert_eq!(said, None, "{at:?}: a secret in the log:\n{log}");
    }
    rig.stop().await;
    ends
}

/// The faults that stand at the simulators in every run.
fn bad_days(rig: &Rig, at: At) {
    let oy = |fault: Fault| rig.sandbox.oy.add_fault(fault).unwrap();
    let remit = |kind, account| Fault::new(kind).on("remit").account(account).times(1);
    oy(remit(Kind::DropResponse, "5550000002"));
    oy(remit(Kind::DropRequest, "5550000003"));
    oy(Fault::new(Kind::CallbackFirst).account("5550000004").times(1));
    oy(Fault::new(Kind::DuplicateCallback).account("5550000004").times(1));
    oy(remit(Kind::Refuse, "5550000005").code("201"));
    oy(Fault::new(Kind::End).account("5550000006").code("206").times(1));
    oy(Fault::new(Kind::SuspectFirst).account("5550000007").times(1));
    oy(remit(Kind::Garbage, "5550000008"));
    oy(remit(Kind::Refuse, "5550000009").code("206"));
    let merchant = |fault: Fault| rig.sandbox.merchant.add_fault(fault).unwrap();
    merchant(Fault::new(Kind::HttpErrorBefore).on("gone").http_status(410));
    merchant(Fault::new(Kind::HttpErrorBefore).on("dummy-company").times(2));
    match at {
        At::Between("webhook") => merchant(Fault::new(Kind::HangAnswer).on("dummy-company")),
        At::Between(operation) => oy(Fault::new(Kind::HangAnswer).on(operation)),
        // So that a call from the provider finds its payment being asked about, and is left to the scan.
        _ => oy(Fault::new(Kind::DelayAnswer).on("remit-status").ms(200).times(20)),
    };
}

/// Sends every payment, reads one and doubles a callback, until the process is dead.
async fn drive(rig: &Rig, member: &Member, process: &mut Process, accepted: &mut BTreeSet<&'static str>, at: At) {
    let mut ids = BTreeMap::new();
    if !process.url.is_empty() {
        rig.call_back(process, member);
        for (name, account, _) in at.payments().iter().copied() {
            match send(&process.url, member, name, account).await {
                Some((200, body, _)) => {
                    accepted.insert(name);
                    ids.insert(name, body["data"]["id"].as_str().unwrap().to_owned());
                }
                Some((503, ..)) | None => {}
                Some((status, body, _)) => panic!("{at:?} {name}: {status} {body}"),
            }
        }
    }
    if let At::Between(operation) = at {
        let held = |oy: &paystrator::sandbox::oy::Oy| {
            oy.standing_faults().iter().any(|s| s.fault.kind == Kind::HangAnswer && s.seen > 0).then_some(())
        };
        let held = async {
            match operation {
                "webhook" => drop(rig.sandbox.merchant.wait_for(|receipt| receipt.answered == Some(200)).await),
                _ => rig.sandbox.oy.wait_for(held).await,
            }
        };
        tokio::time::timeout(Duration::from_secs(20), held).await.expect("a call is held");
        process.kill().await;
        rig.sandbox.oy.clear_faults();
        rig.sandbox.merchant.clear_faults();
        return;
    }
    let url = process.url.clone();
    let poke = async {
        let http = client();
        loop {
            // A read asks the provider; two calls about one payment at once leave one of them to the scan.
            if let Some(id) = ids.get("in progress for ever") {
                let read = http.get(format!("{url}/v1/get-status?transaction_id={id}")).bearer_auth(&member.key);
                let _ = read.send().await;
            }
            let waiting = payments(&rig.eyes()).await;
            if let Some(paid) = waiting.iter().find(|paid| paid.external_id == "in progress for ever") {
                let tried = paid.current();
                let connection = member.connections.iter().find(|c| c.id == tried.connection_id).unwrap();
                let body = json!({ "status": { "code": "102" }, "partner_trx_id": tried.reference }).to_string();
                let post = || http.post(format!("{url}{}", path(connection))).body(body.clone()).send();
                let _ = tokio::join!(post(), post(), post());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        killed = process.killed(Duration::from_secs(20)) => {
            assert!(killed, "{at:?} was never reached:\n{}", process.tail());
        }
        () = poke => {}
    }
}

/// How the payments ended, after checking what the table at the top promises.
async fn ends(at: At, rig: &Rig) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let all = payments(&rig.eyes()).await;
    assert_eq!(all.len(), at.payments().len(), "{at:?}: a payment is missing or came twice");
    for paid in all {
        if at.is_failover() {
            let (first, last) = (&paid.attempts[0], paid.current());
            let went = [(&*first.provider, &*first.state), (&*last.provider, &*last.state)];
            assert_eq!(went, [("oy", "refused"), ("doku", "paid")], "{at:?}: {paid:#?}");
        }
        let (_, _, wanted) = at.payments().iter().find(|(name, ..)| *name == paid.external_id).unwrap();
        assert!(wanted.is_none_or(|wanted| wanted == paid.status), "{at:?}: {wanted:?} was due: {paid:#?}");
        *counts.entry(paid.status).or_default() += 1;
    }
    counts.iter().map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>().join(", ")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Sends money under the payment's own externalId and key: status, body, and whether it was a replay. `None` where the
/// connection broke.
async fn send(url: &str, member: &Member, name: &str, account: &str) -> Option<(u16, Value, bool)> {
    let body = json!({
        "externalId": name, "amount": 10_000 + name.len(), "receiverName": format!("{NAME_MARK} {name}"),
        "receiverAccountNo": account, "receiverBankCode": "BCA",
    });
    let request = client()
        .post(format!("{url}/v1/send-money"))
        .bearer_auth(&member.key)
        .header("Idempotency-Key", format!("key of {name}"))
        .header("Content-Type", "application/json")
        .body(body.to_string());
    let response = request.send().await.ok()?;
    let (status, replayed) = (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"));
    Some((status, serde_json::from_str(&response.text().await.ok()?).unwrap_or_default(), replayed))
}
