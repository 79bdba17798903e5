//! Webhooks on bad days: the ladder, Retry-After, 410, who hangs, and addresses that must not be called. Signatures
//! are verified by a library that knows nothing of us.

use std::sync::atomic::{AtomicBool, Ordering};

use paystrator::domain::access::Rights;
use paystrator::domain::service::Mode;
use paystrator::flows::access::Caller;
use paystrator::flows::endpoints;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::bad::{Stub, fast};
use crate::support::{World, run_with};

const GOOD: &str = "1239812390";

/// Deliveries as JSON, oldest event first.
async fn deliveries(world: &World) -> Vec<Value> {
    sqlx::query_scalar("SELECT to_jsonb(d) FROM delivery d ORDER BY event_id").fetch_all(&world.sql).await.unwrap()
}

#[tokio::test]
async fn a_failing_endpoint_is_tried_again_by_the_ladder() {
    run_with(fast(600), async |world| {
        world.endpoint("main").await;
        world.sandbox.merchant.add_fault(Fault::new(Kind::HttpErrorBefore).http_status(500).times(2)).unwrap();
        world.sandbox.merchant.add_fault(Fault::new(Kind::DropRequest).times(3)).unwrap();
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let tries = world.sandbox.merchant.received();
        assert_eq!(tries.len(), 4, "{tries:#?}");
        assert!(tries.iter().all(|t| t.verified && t.webhook_id == tries[0].webhook_id && t.body == tries[0].body));
        let ladder = &world.app.config.schedule.delivery_retry_s;
        for (n, pair) in tries.windows(2).enumerate() {
            let (waited, least) = (pair[1].at - pair[0].at, world.app.config.schedule.seconds(ladder[n]));
            assert!(waited.to_std().unwrap() >= least, "try {n} came after {waited}, not {least:?}");
        }
        let rows = deliveries(&world).await;
        assert_eq!((rows.len(), &rows[0]["state"], &rows[0]["tries"]), (1, &json!("delivered"), &json!(4)));
        world
    })
    .await;
}

#[tokio::test]
async fn the_ladder_has_an_end() {
    let mut options = fast(600);
    options.config.schedule.delivery_retry_s = vec![5, 5];
    run_with(options, async |world| {
        world.endpoint("main").await;
        world.sandbox.merchant.add_fault(Fault::new(Kind::HttpErrorBefore).http_status(404)).unwrap();
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let rows = deliveries(&world).await;
        assert_eq!((&rows[0]["state"], &rows[0]["tries"]), (&json!("failed"), &json!(3)));
        assert!(rows[0]["note"].as_str().unwrap().starts_with("given up after 3 tries: HTTP 404"), "{rows:?}");
        world
    })
    .await;
}

#[tokio::test]
async fn retry_after_is_honoured() {
    run_with(fast(600), async |world| {
        world.endpoint("main").await;
        let busy = Fault { retry_after_s: Some(1), ..Fault::new(Kind::HttpErrorBefore).http_status(429).times(1) };
        world.sandbox.merchant.add_fault(busy).unwrap();
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let tries = world.sandbox.merchant.received();
        assert_eq!(tries.len(), 2);
        // By the ladder alone it would have come after 8 ms.
        assert!((tries[1].at - tries[0].at).num_milliseconds() >= 990, "{tries:#?}");
        world
    })
    .await;
}

#[tokio::test]
async fn gone_disables_an_endpoint_and_only_that() {
    run_with(fast(60), async |world| {
        let gone = world.endpoint("gone").await;
        world.endpoint("main").await;
        world.sandbox.merchant.add_fault(Fault::new(Kind::HttpErrorBefore).on("gone").http_status(410)).unwrap();
        for n in 0..2 {
            let id = world.send(&format!("A{n}"), GOOD, 10_000).await;
            world.until_status(&id, "SUCCESS").await;
            world.idle().await;
        }
        let by_name = |name| world.sandbox.merchant.received().iter().filter(|r| r.name == name).count();
        assert_eq!((by_name("gone"), by_name("main")), (1, 2));
        let row: Value = sqlx::query_scalar("SELECT to_jsonb(e) FROM endpoint e WHERE status = 'DISABLED'")
            .fetch_one(&world.sql)
            .await
            .unwrap();
        assert_eq!(row["disabled_reason"], "it answered 410 Gone");
        assert!(gone.ends_with(&row["id"].as_str().unwrap()[24..]), "{gone} {row}");
        world
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_delays_nobody_else() {
    run_with(fast(60), async |world| {
        world.endpoint("hangs").await;
        world.endpoint("main").await;
        world.sandbox.merchant.add_fault(Fault::new(Kind::Hang).on("hangs")).unwrap();
        let started = std::time::Instant::now();
        for n in 0..20 {
            let id = world.send(&format!("A{n}"), &format!("12398123{n:02}"), 10_000).await;
            let told =
                |r: &paystrator::sandbox::merchant::Receipt| r.name == "main" && r.payment_id.as_ref() == Some(&id);
            world.sandbox.merchant.wait_for(told).await;
        }
        // A single wait for the one that hangs is fifteen seconds.
        assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
        // The merchant knows of the last one a moment before our row does.
        let delivered = "SELECT count(*) FROM delivery WHERE state = 'delivered'";
        let told = async {
            while world.number(delivered).await < 20 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("all but the hanging are told");
        let waiting = "SELECT count(*) FROM delivery WHERE state = 'pending'";
        assert_eq!(world.number(waiting).await, 20);
        let hanging = world.sandbox.merchant.received().iter().filter(|r| r.name == "hangs").count();
        assert_eq!(hanging, world.app.config.webhooks.per_endpoint, "more at once than one endpoint may have");
        world.sandbox.merchant.clear_faults();
        world.idle().await;
        assert_eq!(world.number("SELECT count(*) FROM delivery WHERE state = 'delivered'").await, 40);
        world
    })
    .await;
}

/// An endpoint at a receiver of one's own making. Answers its secret and token.
async fn endpoint_at(world: &World, stub: &Stub) -> (String, String) {
    let made = world.caller.post("/v1/webhook-endpoints", json!({ "url": format!("{}/hook", stub.url) })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let text = |field: &str| made.body["data"][field].as_str().unwrap().to_owned();
    (text("secret"), text("verificationToken"))
}

#[tokio::test]
async fn an_independent_library_verifies_our_signature() {
    run_with(fast(60), async |world| {
        let stub = Stub::start(|_| (200, String::new())).await;
        let (secret, token) = endpoint_at(&world, &stub).await;
        let id = world.send("A", GOOD, 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let told = stub.seen().pop().unwrap();
        let library = standardwebhooks::Webhook::new(&secret).unwrap();
        library.verify(told.body.as_bytes(), &told.headers).expect("it verifies");
        let tampered = told.body.replace("10000", "10001");
        assert_ne!(tampered, told.body);
        assert!(library.verify(tampered.as_bytes(), &told.headers).is_err());
        let other = standardwebhooks::Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert!(other.verify(told.body.as_bytes(), &told.headers).is_err());
        assert_eq!(told.headers["x-webhook-verification-token"], token.as_str());
        assert_eq!((told.method.as_str(), told.path.as_str()), ("POST", "/hook"));
        let body: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["version"]),
            (&json!("payment.succeeded"), &world.row(&id).await["version"])
        );
        world
    })
    .await;
}

#[tokio::test]
async fn while_secrets_overlap_both_sign() {
    run_with(fast(60), async |world| {
        let stub = Stub::start(|_| (200, String::new())).await;
        let (old, _) = endpoint_at(&world, &stub).await;
        // As a rotation leaves it: a new secret, and the old one for a while beside it. The seal binds a secret to its
        // row and column, so a second endpoint's cannot stand in; the old one signs as both.
        world.execute("UPDATE endpoint SET previous_secret = secret, previous_until = now() + interval '1 hour'").await;
        let signatures = async |external_id: &str| {
            let id = world.send(external_id, GOOD, 10_000).await;
            world.until_status(&id, "SUCCESS").await;
            world.idle().await;
            let told = stub.seen().pop().unwrap();
            standardwebhooks::Webhook::new(&old).unwrap().verify(told.body.as_bytes(), &told.headers).unwrap();
            told.headers["webhook-signature"].to_str().unwrap().split(' ').count()
        };
        assert_eq!(signatures("A").await, 2);
        world.execute("UPDATE endpoint SET previous_until = now() - interval '1 second'").await;
        // What is known of an endpoint may be a second old.
        world
            .until_some("sm_00000000-0000-0000-0000-000000000000", async || {
                let id = world.number("SELECT count(*) FROM payment").await.to_string();
                (signatures(&id).await == 1).then_some(())
            })
            .await;
        world
    })
    .await;
}

#[tokio::test]
async fn private_addresses_are_refused_and_never_called() {
    let mut options = fast(600);
    options.config.webhooks.allow_private = false;
    options.config.schedule.delivery_retry_s = vec![1];
    run_with(options, async |world| {
        let called = std::sync::Arc::new(AtomicBool::new(false));
        let seen = called.clone();
        let stub = Stub::start(move |_| {
            seen.store(true, Ordering::SeqCst);
            (200, String::new())
        })
        .await;
        let port = stub.url.rsplit(':').next().unwrap().to_owned();
        let urls = [
            stub.url.clone(),
            "http://localhost/hook".to_owned(),
            "http://127.0.0.1/hook".to_owned(),
            "http://2130706433/hook".to_owned(),
            "http://[::1]/hook".to_owned(),
            "http://10.0.0.1/hook".to_owned(),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            format!("http://0x7f.1:{port}/hook"),
        ];
        let owner = Caller {
            client_id: world.client_id,
            by: paystrator::flows::access::By::Key(Uuid::nil()),
            mode: Mode::Test,
            rights: Rights::all(),
            person: "Ani".into(),
            by_token: false,
        };
        for url in &urls {
            let made = world.caller.post("/v1/webhook-endpoints", json!({ "url": url })).await;
            assert_eq!((made.status, &made.body["error"]["fields"][0]["field"]), (400, &json!("url")), "{url}");
            // One that slipped in before the rule: the door itself refuses.
            let events = ["payment.failed".to_owned()];
            let wish = endpoints::EndpointWish { url, description: "", events: &events };
            endpoints::create(&world.app, &owner, &wish, None).await.unwrap();
        }
        // The simulator is at a private address as well, so the payment ends without it.
        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let id = world.send("A", GOOD, 10_000).await;
        assert_eq!(world.caller.post(&format!("/v1/transactions/{id}/cancel"), json!({})).await.status, 200);
        world.idle().await;
        let rows = deliveries(&world).await;
        assert_eq!(rows.len(), urls.len());
        for row in &rows {
            let note = row["note"].as_str().unwrap();
            assert!(row["state"] == "failed" && note.contains("address refused"), "{row}");
        }
        assert!(!called.load(Ordering::SeqCst), "a private address was called");
        world
    })
    .await;
}
