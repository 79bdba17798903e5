//! Canaries: recognisable secrets, names and account numbers are planted, good and bad days go over them, and then
//! nothing that people, logs or other tables can read may hold one of them (DESIGN invariant 11).

use std::cell::Cell;
use std::io::Write;
use std::sync::{Arc, Mutex};

use paystrator::domain::ids;
use paystrator::flows::{self, connections};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::bad::{Captured, Stub, fast, set_oy};
use crate::support::{World, kyb, onboarding, run_with};

const NAME: &str = "Canarius Kenari";
const ACCOUNT: &str = "8675309086753";
const TRUE_OWNER: &str = "KENARI BINTI BURUNG";
const API_KEY: &str = "canary-api-key-of-the-connection";
/// What a KYB file says of people and of the company.
const KYB: [&str; 10] = [
    "Kenari Direktur Utama",
    "kenari.direktur@burung.example",
    "+6287712312399",
    "1977-07-17",
    "Kota Burung Kenari",
    "Jl. Kenari Kuning No. 88",
    "Pengaju Kenari",
    "pengaju@burung.example",
    "8675309086753098",
    "PT KENARI MERDEKA",
];

/// An uploaded document: its name, and what stands in it.
const FILE_NAME: &str = "KTP Burung Kenari 1977.pdf";
const FILE_CONTENT: &str = "NIK 8675309086753098 Kenari Direktur";

thread_local! {
    /// Whether this thread's log lines are kept.
    static HEARD: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A provider that repeats everything it was told, headers included, in every place an answer has.
fn parrot(asked: &Captured) -> (u16, String) {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let account = body["recipient_account"].as_str().unwrap_or(ACCOUNT).to_owned();
    let all = format!("{:?} {} for {NAME} {account}", asked.headers, asked.body);
    if asked.path == "/api/remit" {
        // In doubt, in a shape that nobody can read.
        return (200, format!("<html>{all}</html>"));
    }
    let answer = json!({
        "status": { "code": "300", "message": all }, "tx_status_description": format!("{account} of {NAME}: {all}"),
        "recipient_name": TRUE_OWNER, "recipient_account": account, "partner_trx_id": body["partner_trx_id"],
        "trx_id": format!("T-{ACCOUNT}"), "sender_info": { "sender_account_name": TRUE_OWNER },
    });
    (200, answer.to_string())
}

async fn send(world: &World, external_id: &str) -> String {
    let mut body = World::body(external_id, ACCOUNT, 10_000);
    body["receiverName"] = json!(NAME);
    let reply = world.caller.post("/v1/send-money", body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["data"]["id"].as_str().unwrap().to_owned()
}

/// Every row of every table as text.
async fn whole_database(world: &World) -> String {
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(&world.sql)
        .await
        .unwrap();
    let mut all = String::new();
    for table in tables {
        let query = format!("SELECT '{table}: ' || t::text FROM {table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&world.sql).await.unwrap();
        all.push_str(&rows.join("\n"));
        all.push('\n');
    }
    all
}

/// Good and bad days, with everything that might repeat a canary. Answers the API's refusals.
async fn days(world: &World, parrot_stub: &Stub) -> Vec<String> {
    let mut refusals = Vec::new();
    let good = send(world, "GOOD").await;
    world.until_status(&good, "SUCCESS").await;
    let told = format!("{ACCOUNT} of {NAME} is blocked");
    world.fault(Fault { text: Some(told.clone()), ..Fault::new(Kind::End).code("300").times(1) });
    let failed = send(world, "FAILED").await;
    world.until_status(&failed, "FAILED").await;
    world.fault(Fault { text: Some(told), ..Fault::new(Kind::Garbage).on("remit").times(1) });
    let doubt = send(world, "DOUBT").await;
    world.until_status(&doubt, "SUCCESS").await;
    world.fault(Fault::new(Kind::Refuse).on("remit").code("210").times(1));
    let refused = send(world, "REFUSED").await;
    world.until_status(&refused, "FAILED").await;
    let reference = world.reference(&good, 1).await;
    world.sandbox.oy.finish(&reference, "300", Some(&format!("{NAME} {ACCOUNT}")), true).unwrap();
    world.until_exception(&good, "failed_after_paid").await;
    let body = json!({ "partner_trx_id": "x", "recipient_name": TRUE_OWNER, "recipient_account": ACCOUNT });
    world.callback(body).await;
    refusals.push(world.callback(json!({ "recipient_name": TRUE_OWNER, "note": ACCOUNT })).await.body.to_string());
    // The parrot, with a key of its own.
    let credentials = json!({ "username": "oy-sandbox", "api_key": API_KEY });
    let settings = json!({ "base_url": parrot_stub.url });
    connections::rotate(&world.app, world.client_id, world.connection_id, &credentials, &settings).await.unwrap();
    let parroted = send(world, "PARROT").await;
    world.until_status(&parroted, "FAILED").await;
    // Requests that are refused must not repeat what they carried.
    let mut wrong = World::body("W", &format!("{ACCOUNT}x"), 10_000);
    wrong["receiverName"] = json!(NAME);
    wrong["amount"] = json!("much");
    refusals.push(world.caller.post("/v1/send-money", wrong).await.body.to_string());
    let mut nested = World::body("W", ACCOUNT, 0);
    nested["receiverName"] = json!([NAME]);
    refusals.push(world.caller.post("/v1/send-money", nested).await.body.to_string());
    let mut again = World::body("GOOD", ACCOUNT, 10_000);
    again["receiverName"] = json!(NAME);
    refusals.push(world.caller.post("/v1/send-money", again).await.body.to_string());
    let broken = format!("{{\"receiverName\":\"{NAME}\",\"receiverAccountNo\":{ACCOUNT}");
    refusals.push(world.caller.call("POST", "/v1/send-money", Some(broken), &[]).await.body.to_string());
    let stranger = world.caller.with_key("sk_test_canary-of-a-stranger");
    refusals.push(stranger.get("/v1/get-status?transaction_id=x").await.body.to_string());
    refusals
}

/// A KYB file saved, changed, refused in every careless way, told to its person, erased, and broken. Answers the refusals.
async fn kyb_days(world: &World) -> Vec<String> {
    let [director, email, phone, born, place, home, submitter, address, npwp, company] = KYB;
    let mut file = kyb::example();
    for (path, value) in [
        ("stakeholder[0].director_name", director),
        ("stakeholder[0].email", email),
        ("stakeholder[0].phone", phone),
        ("stakeholder[0].birth_date", born),
        ("stakeholder[0].birth_place", place),
        ("stakeholder[0].address", home),
        ("submitter.name", submitter),
        ("submitter.email", address),
        ("documents.npwp_number", npwp),
        ("legal_entity.legal_name", company),
    ] {
        kyb::set(&mut file, path, Some(json!(value)));
    }
    let saved = world.save_kyb(&file, None).await;
    let mut changed = saved.clone();
    kyb::set(&mut changed, "stakeholder[0].occupation", Some(json!(director)));
    world.save_kyb(&changed, Some("*")).await;
    let mut refusals = Vec::new();
    for (path, _) in kyb::fields() {
        for value in [json!([KYB]), json!({ "a": KYB }), json!(KYB.join("\n")), json!(format!("<{email}>{npwp}"))] {
            let mut wrong = changed.clone();
            kyb::set(&mut wrong, &path, Some(value));
            let reply = kyb::put(&world.caller, &wrong, Some("*")).await;
            assert_eq!(reply.status, 400, "{path}: {}", reply.body);
            refusals.push(reply.body.to_string());
        }
    }
    let broken = changed.to_string().replace(['}', ']'], "");
    refusals.push(world.caller.call("PUT", "/v1/kyb", Some(broken), &[("If-Match", "*")]).await.body.to_string());
    refusals.push(kyb::put(&world.caller, &file, None).await.body.to_string());
    refusals.push(world.caller.get("/v1/kyb/completeness?provider=nobody").await.body.to_string());
    refusals.push(world.caller.get("/v1/kyb/versions").await.body.to_string());
    let person = saved["stakeholder"][0]["person_id"].as_str().and_then(|id| ids::parse(ids::PERSON, id)).unwrap();
    let export = flows::kyb::export(&world.app, world.client_id, person, "Ani").await.unwrap().unwrap();
    assert!(export.to_string().contains(director));
    refusals.extend(onboarding_days(world).await);
    // A row that was meddled with tells nobody what it held.
    sqlx::query("UPDATE kyb_person SET data = set_byte(data, 40, get_byte(data, 40) # 1)")
        .execute(&world.sql)
        .await
        .unwrap();
    let meddled = world.caller.get("/v1/kyb").await;
    assert_eq!(meddled.status, 500, "{}", meddled.body);
    refusals.push(meddled.body.to_string());
    flows::kyb::erase(&world.app, world.client_id, person, "Ani").await.unwrap();
    refusals
}

/// The file pushed to a provider that repeats it in its answers and remarks, and tells statuses carelessly. Answers the
/// refusals.
async fn onboarding_days(world: &World) -> Vec<String> {
    let office = world.office("oy");
    onboarding::set(office, json!({ "fetches": false }));
    let all = KYB.join(" and ");
    let push = |kind| Fault::new(kind).on("push").times(1);
    office.add_fault(Fault { text: Some(all.clone()), ..push(Kind::Garbage) }).unwrap();
    let [reference] = world.on_board(&["oy"]).await.try_into().unwrap();
    world.until_stands(&reference, "received").await;
    let answer = json!({ "reference_id": all, "status": all, "remarks": all }).to_string();
    office.add_fault(Fault { text: Some(answer), ..push(Kind::Garbage) }).unwrap();
    office.add_fault(push(Kind::WrongCode).code(&all)).unwrap();
    assert_eq!(office.post(&reference, "need_revision", Some(&all), None).await.unwrap().0, 200);
    let story = world.onboarding(&reference).await;
    assert!(story.to_string().contains(KYB[0]), "the client reads the remarks: {story}");
    let mut refusals = Vec::new();
    for (reference, status, key) in [
        (reference.as_str(), all.as_str(), None),
        (all.as_str(), "approved", None),
        (reference.as_str(), "processing", None),
        (reference.as_str(), "approved", Some(all.as_str())),
    ] {
        let (code, body) = office.post(reference, status, Some(&all), key).await.unwrap();
        assert!(code >= 400, "{body}");
        refusals.push(body.to_string());
    }
    let mut file = world.caller.get("/v1/kyb").await.body["data"]["file"].take();
    kyb::set(&mut file, "stakeholder[0].occupation", Some(json!("Pengusaha")));
    world.save_kyb(&file, Some("*")).await;
    assert_eq!(world.act(&reference, "submit", json!({})).await.status, 200);
    let story = world.until_stands(&reference, "received").await;
    assert!(onboarding::lines(&story).contains(&"failed v3".to_owned()), "{story}");
    let details = json!({ "providers": [{ "provider": all, "details": { "name": all } }] });
    refusals.push(world.caller.post("/v1/onboarding", json!({ "providers": all })).await.body.to_string());
    refusals.push(world.caller.post("/v1/onboarding/x/submit", details).await.body.to_string());
    let account = json!({ "label": "x", "credentials": { "username": 1, "api_key": "canary key of an account" } });
    refusals.push(world.act(&reference, "connect", account).await.body.to_string());
    assert_eq!(world.act(&reference, "withdraw", json!({})).await.status, 200);
    refusals
}

/// A document uploaded, read, refused in careless ways, and broken. Answers the refusals, and the last part of its link.
async fn document_days(world: &World) -> (Vec<String>, String) {
    let content = format!("%PDF-1.7\n{FILE_CONTENT}\n{}%%EOF\n", FILE_CONTENT.repeat(5_000));
    let upload = async |name: &str, kind, content: String| world.caller.upload(name, kind, content).await;
    let made = upload(FILE_NAME, None, content.clone()).await;
    assert_eq!((made.status, &made.body["data"]["name"]), (201, &json!(FILE_NAME)), "{}", made.body);
    assert_eq!(upload(FILE_NAME, None, content.clone()).await.status, 200);
    let mut refusals = Vec::new();
    let bad_name = format!("{FILE_NAME}/");
    for (name, kind, content) in [
        (FILE_NAME, Some("image/png"), content.clone()),
        (FILE_NAME, Some(FILE_NAME), content.clone()),
        (FILE_NAME, None, FILE_CONTENT.repeat(500)),
        (FILE_NAME, None, content.trim_end().trim_end_matches("%%EOF").to_owned()),
        (bad_name.as_str(), None, content.clone()),
    ] {
        let reply = upload(name, kind, content).await;
        assert!(reply.status >= 400, "{}", reply.body);
        refusals.push(reply.body.to_string());
    }
    let id = made.body["data"]["id"].as_str().unwrap();
    let link = world.caller.post(&format!("/v1/kyb/documents/{id}/link"), json!({})).await;
    let url = link.body["data"]["url"].as_str().unwrap();
    assert_eq!(world.caller.fetch("GET", url).await.2, Some(content.into_bytes()));
    refusals.push(world.caller.get(&format!("/v1/kyb/documents/{id}/reads")).await.body.to_string());
    // What was meddled with, and what is ended.
    let file = world.objects().into_iter().find(|file| file.ends_with(&id[4..])).unwrap();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert_ne!(world.caller.fetch("HEAD", url).await.0, 404);
    let _ = reqwest::get(url).await;
    std::fs::write(&file, &whole).unwrap();
    sqlx::query("UPDATE document_grant SET ended_at = now()").execute(&world.sql).await.unwrap();
    let ended = world.caller.fetch("GET", url).await;
    assert_eq!(ended.0, 404);
    refusals.push(String::from_utf8(ended.2.unwrap()).unwrap());
    (refusals, url.rsplit_once('/').unwrap().1.to_owned())
}

#[tokio::test]
async fn no_canary_leaves_its_cage() {
    let logs = Capture::default();
    let writer = logs.clone();
    // One subscriber for the whole process, which hears this test's thread alone: the whole world runs on it.
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let here = tracing_subscriber::filter::dynamic_filter_fn(|_, _| HEARD.get());
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(here));
    tracing::subscriber::set_global_default(subscriber).expect("nobody else listens in this process");
    HEARD.set(true);
    let mut options = fast(600);
    options.config.schedule.delivery_retry_s = vec![1, 1];
    set_oy(&mut options, "send_timeout_ms", 5_000);
    options.kyb = vec!["oy".into()];
    run_with(options, async |world| {
        world.endpoint("main").await;
        // A receiver that repeats our own headers in its refusal.
        let hook = Stub::start(|told| (500, format!("{:?}", told.headers.get("x-webhook-verification-token")))).await;
        let made = world.caller.post("/v1/webhook-endpoints", json!({ "url": hook.url })).await;
        let stub = Stub::start(parrot).await;
        let mut refusals = days(&world, &stub).await;
        refusals.extend(kyb_days(&world).await);
        let (of_documents, token) = document_days(&world).await;
        refusals.extend(of_documents);
        world.idle().await;
        assert!(hook.seen().iter().any(|told| told.body.contains("payment.failed")));
        assert!(stub.seen().len() >= 2);
        let text = |field: &str| made.body["data"][field].as_str().unwrap().to_owned();
        let keys = world.sandbox.oy.credentials();
        let secrets = [
            world.caller.key.clone(),
            world.colleague.key.clone(),
            text("secret"),
            text("secret").trim_start_matches("whsec_").to_owned(),
            text("verificationToken"),
            keys.api_key,
            API_KEY.to_owned(),
            "sk_test_canary-of-a-stranger".to_owned(),
            token,
            world.office("oy").settings().secret,
            world.office("oy").settings().provider_key.unwrap(),
            "canary key of an account".to_owned(),
        ];
        let people = [NAME, ACCOUNT, TRUE_OWNER, FILE_NAME, FILE_CONTENT, "Burung+Kenari", "Burung%20Kenari"];
        let people = people.map(String::from);
        let objects = world.objects().iter().map(|file| std::fs::read(file).unwrap()).collect::<Vec<_>>().concat();
        let kyb = KYB.map(String::from);
        let bodies: Vec<String> = hook.seen().into_iter().map(|told| told.body).collect();
        let places = [
            ("the database", whole_database(&world).await),
            ("the log", String::from_utf8_lossy(&logs.0.lock().unwrap()).into_owned()),
            ("a webhook's body", bodies.join("\n")),
            ("an API error", refusals.join("\n")),
            ("the folder of documents", String::from_utf8_lossy(&objects).into_owned()),
        ];
        // Down to the finest level, of ours and of what we use.
        assert!(places[1].1.contains("TRACE") && places[1].1.contains("paystrator::"), "the log was not heard");
        for (place, all) in &places {
            assert!(all.len() > 300, "{place} holds nothing to search: {all}");
            for canary in secrets.iter().chain(&people).chain(&kyb) {
                for form in [canary.clone(), hex::encode(canary), canary.to_uppercase()] {
                    let found = all.find(&form).map(|at| {
                        let start = all[..at].char_indices().rev().nth(300).map_or(0, |(i, _)| i);
                        all[start..].chars().take(500).collect::<String>()
                    });
                    assert_eq!(found, None, "{form:?} stands in {place}");
                }
            }
        }
        // The owner sees what is theirs.
        let id: String =
            sqlx::query_scalar("SELECT 'sm_' || replace(id::text, '-', '') FROM payment WHERE external_id = 'GOOD'")
                .fetch_one(&world.sql)
                .await
                .unwrap();
        let own = world.caller.get(&format!("/v1/get-status?transaction_id={id}")).await;
        assert_eq!(own.body["data"]["attributes"]["receiverAccountNo"], ACCOUNT, "{}", own.body);
        world
    })
    .await;
}
