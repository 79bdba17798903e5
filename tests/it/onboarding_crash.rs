//! Kills the service at every point of an onboarding, and while the answer to a push is awaited; starts it again, and looks
//! into the provider's book: nothing is lost, and nothing was pushed twice in effect.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use paystrator::crash::OF_ONBOARDINGS;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use crate::support::files::uploaded;
use crate::support::http::Caller;
use crate::support::kyb::{doc, example, put, set};
use crate::support::onboarding::wanted;
use crate::support::rig::{Process, Rig};

/// Runs at a time: they mostly wait.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_a_file_arrives_once() {
    let chosen = std::env::var("PAYSTRATOR_CRASH_ONLY").unwrap_or_default();
    let points = OF_ONBOARDINGS.into_iter().map(Some).chain([None]);
    let points = points.filter(|point| point.unwrap_or("between").contains(chosen.as_str()));
    let mut runs = stream::iter(points.map(|point| tokio::spawn(run(point)))).buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(result) = runs.next().await {
        result.unwrap();
        done += 1;
    }
    assert!(done > 0, "PAYSTRATOR_CRASH_ONLY={chosen} names no point");
}

/// One kill and what follows; `None`: from outside, while the provider holds its answer back.
async fn run(point: Option<&'static str>) {
    let mut rig = Rig::new(json!({})).await;
    let office = rig.sandbox.kyb("oy").expect("a stand-in").clone();
    let settings = json!({ "fetches": false });
    office.change_settings(settings.as_object().unwrap().clone()).unwrap();
    let of = |name: &str, value: String| (format!("PAYSTRATOR__{name}"), value);
    rig.environment = vec![
        of("ONBOARDING__OY__TEST_URL", format!("{}/kyb", rig.sandbox.kyb_url("oy"))),
        of("ONBOARDING__OY__TEST_SECRET", office.settings().secret),
        of("ONBOARDING__OY__TIMEOUT_MS", "1500".into()),
        // The same links after a restart: nobody reads them here.
        of("SERVER__PUBLIC_URL", "http://127.0.0.1:9".into()),
    ];
    let member = rig.member("Dummy Company", &[]).await;
    // A first process saves the file, and begins where that is not what is killed: the provider is away for it.
    office.add_fault(Fault::new(Kind::HttpErrorBefore).on("push")).unwrap();
    let is_begun_later = point.is_some_and(|point| point.starts_with("onboarding_begin"));
    let mut process = rig.start(None).await;
    let caller = Caller::new(&process.url, &member.key);
    save(&caller).await;
    let mut first = if is_begun_later { None } else { Some(begin(&caller).await.expect("it answers")) };
    process.stop().await;
    office.clear_faults();
    if point.is_none() {
        office.add_fault(Fault::new(Kind::HangAnswer).on("push")).unwrap();
    }
    let mut process = rig.start(point.map(|point| format!("{point}:1")).as_deref()).await;
    if is_begun_later {
        first = begin(&Caller::new(&process.url, &member.key)).await;
    }
    if point.is_none() {
        office.wait_for(|| (!office.received().is_empty()).then_some(())).await;
        process.kill().await;
        office.clear_faults();
    }
    assert!(process.killed(Duration::from_secs(30)).await, "{point:?} was never reached:\n{}", process.tail());

    let mut process = rig.start(None).await;
    assert!(!process.url.is_empty(), "{point:?}: no start after it:\n{}", process.log());
    let caller = Caller::new(&process.url, &member.key);
    let again = begin(&caller).await.expect("the next process answers");
    if let Some(first) = &first {
        assert_eq!(*first, again, "{point:?}: it was acknowledged, and is another now");
    }
    let story = until(&caller, &process, &again, "received", 1).await;
    let receipts = office.received();
    assert_eq!(receipts.len(), 1, "{point:?}: {receipts:#?}");
    let pushed = &receipts[0];
    assert_eq!((pushed.reference_id.as_str(), pushed.differs), (again.as_str(), false), "{point:?}");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM onboarding").fetch_one(&rig.sql).await.unwrap();
    assert_eq!(count, 1, "{point:?}: {story:#}");

    // A newer version goes the same way, once.
    let mut file = caller.get("/v1/kyb").await.body["data"]["file"].take();
    set(&mut file, "legal_entity.brand_name", Some(json!("Sandbox")));
    assert_eq!(put(&caller, &file, Some("\"1\"")).await.status, 200);
    let submitted = caller.post(&format!("/v1/onboarding/{again}/submit"), json!({})).await;
    assert_eq!(submitted.status, 200, "{}", submitted.body);
    until(&caller, &process, &again, "received", 2).await;
    assert_eq!(office.received().len(), 2, "{point:?}");
    process.stop().await;
    rig.stop().await;
}

/// Saves the example's file with its documents.
async fn save(caller: &Caller) {
    let mut text = example().to_string();
    for n in 1..=15 {
        text = text.replace(&doc(n), &uploaded(caller, &format!("document {n}.pdf")).await);
    }
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(put(caller, &file, None).await.status, 201);
}

/// Begins, under one key however often; `None` where nobody answered.
async fn begin(caller: &Caller) -> Option<String> {
    let headers = [("Idempotency-Key", "once")];
    let reply = caller.try_call("POST", "/v1/onboarding", Some(wanted(&["oy"]).to_string()), &headers).await?;
    assert!([200, 201].contains(&reply.status), "{}", reply.body);
    Some(reply.body["data"]["onboardings"][0]["reference_id"].as_str().unwrap().to_owned())
}

async fn until(caller: &Caller, process: &Process, reference: &str, status: &str, version: i64) -> Value {
    let look = async {
        loop {
            let story = caller.get(&format!("/v1/onboarding/{reference}")).await.body["data"].take();
            let onboarding = &story["onboarding"];
            if onboarding["status"] == status && onboarding["file_version"] == version {
                return story;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(40), look).await;
    found.unwrap_or_else(|_| panic!("{reference} never got to {status}:\n{}", process.tail()))
}
