//! The sandbox over real HTTP, on a clock that the tests move: mock tables, precedence of checks, books, restart,
//! every kind of fault, callbacks and their ladder, and the merchant's verification.
//!
//! The sandbox's own merchant stands in as the receiver of callbacks. Nothing here sleeps: tests await changes.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use paystrator::clock::Clock;
use paystrator::crypto::random_bytes;
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::sandbox::chassis::faults::Standing;
use paystrator::sandbox::merchant::Secret;
use paystrator::sandbox::oy::{CALLBACK_RETRY_S, Mode, OPENING_BALANCE, Settings};
use paystrator::sandbox::{Fault, Kind, Sandbox, SandboxConfig, Summary, start};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const GOOD: &str = "1239812390";

/// A sandbox in a folder of its own, on a clock that stands still.
struct World {
    sandbox: Sandbox,
    clock: Clock,
    folder: PathBuf,
    http: reqwest::Client,
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 12, 0, 0).single().unwrap()
}

fn outbound() -> Outbound {
    Outbound::new(OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() }).unwrap()
}

async fn open(folder: &PathBuf, clock: &Clock) -> anyhow::Result<Sandbox> {
    let config = SandboxConfig { clock: clock.clone(), ..SandboxConfig::new(folder) };
    start(config, outbound()).await
}

impl World {
    async fn new() -> World {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(hex::encode(random_bytes::<8>()));
        let clock = Clock::manual(noon());
        let sandbox = open(&folder, &clock).await.unwrap();
        World { sandbox, clock, folder, http: reqwest::Client::new() }
    }

    /// A world whose OY! calls back to its own merchant, at `/webhooks/oy`.
    async fn with_callbacks() -> World {
        let world = World::new().await;
        world.set(json!({ "callback_url": format!("{}/webhooks/oy", world.sandbox.merchant_url()) }));
        world
    }

    fn set(&self, changes: Value) -> Settings {
        let Value::Object(changes) = changes else { panic!("settings are an object") };
        self.sandbox.oy.change_settings(changes).unwrap()
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let keys = self.sandbox.oy.credentials();
        let url = format!("{}{path}", self.sandbox.url("oy"));
        let request = self.http.request(method.parse().unwrap(), url);
        request.header("X-OY-Username", keys.username).header("X-Api-Key", keys.api_key)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.request("POST", path).body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn balance(&self) -> Value {
        let answer = self.request("GET", "/api/balance").send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn remit(&self, id: &str, account: &str, amount: i64) -> Value {
        self.post("/api/remit", order(id, account, amount)).await
    }

    async fn status(&self, id: &str) -> Value {
        self.post("/api/remit-status", json!({ "partner_trx_id": id })).await
    }

    async fn control(&self, which: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let base = self.sandbox.describe()[which]["control_url"].as_str().unwrap().to_owned();
        let request = self.http.request(method.parse().unwrap(), format!("{base}/control/{path}"));
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    fn fault(&self, fault: Fault) {
        self.sandbox.oy.add_fault(fault).unwrap();
    }

    /// The callback that says `code` of `id`.
    async fn callback(&self, id: &str, code: &str) -> Value {
        let fits = |body: &str| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["partner_trx_id"] == id && body["status"]["code"] == code
        };
        let receipt = self.sandbox.merchant.wait_for(|r| fits(&r.body)).await;
        serde_json::from_str(&receipt.body).unwrap()
    }

    fn codes_called_back(&self) -> Vec<String> {
        let told = self.sandbox.merchant.received().into_iter();
        told.map(|r| code(&serde_json::from_str(&r.body).unwrap()).to_owned()).collect()
    }

    async fn end(self) {
        let summary = self.sandbox.oy.summary();
        assert_sums(&summary);
        self.sandbox.stop().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn assert_sums(summary: &Summary) {
    assert_eq!(summary.opening + summary.top_ups - summary.paid, summary.balance);
    assert_eq!(summary.balance - summary.reserved, summary.available);
}

fn order(id: &str, account: &str, amount: i64) -> Value {
    json!({ "recipient_bank": "014", "recipient_account": account, "amount": amount, "note": "Split lunch bill",
            "partner_trx_id": id, "email": "napoleon@email.com test@email.com" })
}

fn code(answer: &Value) -> &str {
    answer["status"]["code"].as_str().unwrap()
}

#[tokio::test]
async fn the_seed_mock_numbers_answer_as_printed() {
    let world = World::new().await;
    // account, inquiry, remit, status before the settle time, status after it, its literal reading
    let table = [
        ("1111111111", "000", "203", "000", "000", "000"),
        ("1234567890", "000", "999", "999", "999", "999"),
        ("2222222222", "205", "205", "204", "204", "000"),
        ("3333333333", "000", "204", "204", "204", "000"),
        ("4444444444", "000", "201", "204", "204", "000"),
        ("5555555555", "000", "202", "204", "204", "000"),
        ("6666666666", "000", "101", "102", "102", "102"),
        ("7777777777", "000", "101", "102", "300", "300"),
        ("8888888888", "209", "101", "102", "209", "209"),
        ("9999999999", "000", "101", "102", "301", "301"),
        (GOOD, "000", "101", "102", "000", "000"),
    ];
    for (account, inquiry, remit, early, _, _) in table {
        let inquired =
            world.post("/api/inquiry", json!({ "recipient_bank": "014", "recipient_account": account })).await;
        assert_eq!(code(&inquired), inquiry, "inquiry {account}");
        let answered = world.remit(account, account, 125_000).await;
        assert_eq!(code(&answered), remit, "remit {account}");
        assert_eq!(answered["trx_id"] == "", remit != "101", "trx_id of {account}");
        assert_eq!(code(&world.status(account).await), early, "early status {account}");
    }
    world.clock.advance(SECOND);
    for (account, _, _, _, late, _) in table {
        assert_eq!(code(&world.status(account).await), late, "status {account}");
    }
    world.set(json!({ "literal": true }));
    for (account, _, _, _, _, literal) in table {
        assert_eq!(code(&world.status(account).await), literal, "literal status {account}");
    }
    let moved: Vec<String> =
        world.sandbox.oy.books().payments.into_iter().filter(|p| p.moved).map(|p| p.account).collect();
    assert_eq!(moved, ["1111111111", GOOD]);
    world.end().await;
}

#[tokio::test]
async fn the_later_mock_numbers_answer_their_code() {
    let world = World::new().await;
    let codes = "201 202 203 204 205 206 207 208 209 210 211 215 225 257 264 429 990";
    for wanted in codes.split(' ') {
        for zeros in [4, 15] {
            let account = format!("{wanted}{}", "0".repeat(zeros));
            assert_eq!(code(&world.remit(&account, &account, 125_000).await), wanted, "{account}");
            assert_eq!(code(&world.status(&account).await), "204", "{account}");
        }
    }
    let three_hundred = world.remit("300", "3000000", 125_000).await;
    assert_eq!(code(&three_hundred), "101");
    for account in ["210000", "2100000000000000000", "0000000", "1010000", "3010000", "5040000", "9990000", "2100001"] {
        assert_eq!(code(&world.remit(account, account, 125_000).await), "101", "{account}");
    }
    world.clock.advance(SECOND);
    assert_eq!(code(&world.status("300").await), "300");
    assert_eq!(code(&world.status("9990000").await), "000");
    for (account, wanted) in [("2050000", "205"), ("2090000", "209"), ("2100000", "000")] {
        let asked = json!({ "recipient_bank": "014", "recipient_account": account });
        assert_eq!(code(&world.post("/api/inquiry", asked).await), wanted, "{account}");
    }
    world.set(json!({ "mode": "modern" }));
    for account in ["2060000", "2250000"] {
        let id = format!("modern-{account}");
        assert_eq!(code(&world.remit(&id, account, 125_000).await), "101");
        world.clock.advance(SECOND);
        assert_eq!(code(&world.status(&id).await), &account[..3]);
    }
    world.end().await;
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let world = World::new().await;
    assert_eq!(code(&world.remit("used", GOOD, 20_000).await), "101");
    world.set(json!({ "user_active": false, "ip_registered": false, "rate_per_second": 1, "max_amount": OPENING_BALANCE * 3 }));
    let mut body =
        json!({ "recipient_bank": "999", "recipient_account": "12x", "amount": 1, "partner_trx_id": "used" });
    let keys = world.sandbox.oy.credentials();
    let url = format!("{}/api/remit", world.sandbox.url("oy"));
    let ask = async |username: &str, key: &str, body: &Value| {
        let request = world.http.post(&url).header("x-oy-username", username).header("x-api-key", key);
        let answer = request.body(body.to_string()).send().await.unwrap().text().await.unwrap();
        code(&serde_json::from_str(&answer).unwrap()).to_owned()
    };
    let name = keys.username.as_str();
    assert_eq!(ask("nobody", "wrong", &body).await, "201");
    assert_eq!(ask(name, "wrong", &body).await, "202");
    world.set(json!({ "user_active": true }));
    assert_eq!(ask(name, "wrong", &body).await, "207");
    world.set(json!({ "ip_registered": true }));
    assert_eq!(ask(name, "wrong", &body).await, "208");
    assert_eq!(ask(name, &keys.api_key, &body).await, "990", "the first call of this second is within the rate");
    assert_eq!(ask(name, &keys.api_key, &body).await, "429");
    world.clock.advance(SECOND);
    assert_eq!(ask(name, &keys.api_key, &body).await, "990", "another second");
    world.set(json!({ "rate_per_second": 0 }));
    body["recipient_account"] = GOOD.into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "203");
    body["recipient_account"] = "2100000".into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "210", "the mock table stands before the duplicate check");
    body["recipient_account"] = GOOD.into();
    body["partner_trx_id"] = "fresh".into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "205");
    body["recipient_bank"] = "014".into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "210");
    body["amount"] = (OPENING_BALANCE * 4).into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "215");
    body["amount"] = (OPENING_BALANCE * 2).into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "206");
    body["amount"] = 10_000.into();
    assert_eq!(ask(name, &keys.api_key, &body).await, "101", "a rejected id may be used again");
    world.end().await;
}

#[tokio::test]
async fn third_parties_are_borne_with() {
    let world = World::new().await;
    let paths = ["/api/remit", "//api/remit", "/staging/partner/api/remit", "/staging/partner//api/remit/"];
    for (n, path) in paths.into_iter().enumerate() {
        assert_eq!(code(&world.post(path, order(&format!("path-{n}"), GOOD, 10_000)).await), "101", "{path}");
    }
    for (method, path) in [
        ("GET", "/api/remit"),
        ("POST", "/api/balance"),
        ("POST", "/remit"),
        ("POST", "/other/api/remit"),
        ("POST", "/api/generate-static-va"),
        ("POST", "/api/scheduled-remit"),
        ("POST", "/api/kyc/id-card"),
    ] {
        assert_eq!(world.request(method, path).send().await.unwrap().status(), 404, "{method} {path}");
    }
    // The seed's curl puts every header into one.
    let pasted = world.http.post(format!("{}/api/remit", world.sandbox.url("oy")));
    let pasted = pasted.header("content-type", "application/json, accept: application/json, x-oy-username:myuser");
    let answer = pasted.body(order("pasted", GOOD, 10_000).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(code(&serde_json::from_str(&answer.text().await.unwrap()).unwrap()), "201");
    let stray = world.request("GET", "/api/balance").body("{\"stray\":1}").send().await.unwrap();
    assert_eq!(code(&serde_json::from_str(&stray.text().await.unwrap()).unwrap()), "000");

    let tolerated = json!({ "recipient_bank": "014", "recipient_account": GOOD, "amount": "125000", "note": null,
                            "partner_trx_id": "odd", "email": null, "child_balance": null, "colour": "red",
                            "additonal_data": { "partner_merchant_id": "m" } });
    let answer = world.post("/api/remit", tolerated).await;
    assert_eq!((code(&answer), answer["amount"].to_string().as_str()), ("101", "125000"));

    let base = order("form", GOOD, 10_000);
    for (field, wrong) in [
        ("amount", json!("ten")),
        ("amount", Value::Null),
        ("amount", serde_json::from_str("125000.5").unwrap()),
        ("amount", serde_json::from_str("125000.0").unwrap()),
        ("amount", serde_json::from_str("1e5").unwrap()),
        ("amount", serde_json::from_str("99999999999999999999").unwrap()),
        ("recipient_account", json!("12-3")),
        ("recipient_account", json!("")),
        ("recipient_bank", json!(14)),
        ("partner_trx_id", Value::Null),
        ("partner_trx_id", json!("x".repeat(256))),
        ("note", json!("x".repeat(256))),
        ("email", json!("a@a b@b c@c d@d e@e f@f")),
    ] {
        let mut body = base.clone();
        body[field] = wrong.clone();
        assert_eq!(code(&world.post("/api/remit", body).await), "990", "{field} = {wrong}");
    }
    for amount in [0, -5, 9_999] {
        assert_eq!(code(&world.remit("form", GOOD, amount).await), "210", "{amount}");
    }
    for body in ["", "[]", "not json", "recipient_bank=014"] {
        let answer = world.request("POST", "/api/remit").body(body).send().await.unwrap();
        assert_eq!(code(&serde_json::from_str(&answer.text().await.unwrap()).unwrap()), "990", "{body}");
    }
    world.end().await;
}

#[tokio::test]
async fn answers_have_the_documented_shape() {
    let world = World::new().await;
    let accepted = world.remit("1234-asdf", GOOD, 125_000).await;
    let trx_id = accepted["trx_id"].as_str().unwrap().to_owned();
    assert!(!trx_id.is_empty() && trx_id.len() <= 36);
    world.clock.advance(2 * SECOND);
    // The agenda's turn and the question race for the same instant of a clock that stands still: both say 12:00:02.
    let asked = world.request("POST", "/api/remit-status").body("{\"partner_trx_id\":\"1234-asdf\"}");
    let text = asked.send().await.unwrap().text().await.unwrap();
    let wanted = format!(
        "{{\"status\":{{\"code\":\"000\",\"message\":\"Success\"}},\"amount\":125000.0000,\"recipient_name\":\"John Doe\",\
         \"recipient_bank\":\"014\",\"recipient_account\":\"1239812390\",\"trx_id\":\"{trx_id}\",\
         \"partner_trx_id\":\"1234-asdf\",\"timestamp\":\"15-01-2026 12:00:02\",\
         \"created_date\":\"15-01-2026 12:00:00\",\"last_updated_date\":\"15-01-2026 12:00:02\"}}"
    );
    assert_eq!(text, wanted);
    let balance = world.balance().await;
    assert_eq!(
        balance,
        json!({ "status": { "code": "000", "message": "Success" }, "balance": OPENING_BALANCE - 125_000,
                "overdraftBalance": 0, "overbookingBalance": 0, "timestamp": "15-01-2026 12:00:02" })
    );
    let unknown = world.status("never-seen").await;
    assert_eq!(
        unknown,
        json!({ "status": { "code": "204", "message": "Tx Id is not found" }, "partner_trx_id": "never-seen",
                "timestamp": "15-01-2026 12:00:02" })
    );
    world.end().await;
}

#[tokio::test]
async fn an_id_is_used_once() {
    let world = World::new().await;
    for (id, account) in [("good", GOOD), ("bad", "7777777777")] {
        assert_eq!(code(&world.remit(id, account, 10_000).await), "101");
        assert_eq!(code(&world.remit(id, account, 10_000).await), "203");
        world.set(json!({ "mode": "modern" }));
        assert_eq!(code(&world.remit(id, account, 10_000).await), "257", "still in process");
        world.clock.advance(SECOND);
        world.status(id).await;
        assert_eq!(code(&world.remit(id, account, 10_000).await), "203", "final");
        world.set(json!({ "mode": "seed" }));
        let other_body = world.remit(id, GOOD, 999_999).await;
        assert_eq!((code(&other_body), &other_body["trx_id"]), ("203", &json!("")));
    }
    assert_eq!(code(&world.remit("GOOD", GOOD, 10_000).await), "101", "ids are case-sensitive");
    assert_eq!(code(&world.remit("good", "2222222222", 10_000).await), "205");
    assert_eq!(code(&world.status("good").await), "000", "a later refusal changes nothing of what exists");
    world.end().await;
}

#[tokio::test]
async fn the_same_id_sent_at_once_is_booked_once() {
    let world = World::new().await;
    let ids: Vec<String> = (0..200).map(|n| format!("at-once-{}", n % 20)).collect();
    let answers = futures_util::future::join_all(ids.iter().map(|id| world.remit(id, GOOD, 10_000))).await;
    assert_eq!(answers.iter().filter(|a| code(a) == "101").count(), 20);
    assert_eq!(answers.iter().filter(|a| code(a) == "203").count(), 180);
    world.clock.advance(SECOND);
    let settled = |s: Summary| (s.paid_count == 20).then_some(s);
    let summary = world.sandbox.oy.wait_for(|oy| settled(oy.summary())).await;
    assert_eq!((summary.paid, summary.reserved), (200_000, 0));
    world.end().await;
}

#[tokio::test]
async fn money_is_reserved_then_paid_or_given_back() {
    let world = World::new().await;
    world.set(json!({ "mode": "modern" }));
    let left = 100_000;
    world.sandbox.oy.top_up(left - OPENING_BALANCE).unwrap();
    for (id, account) in [("ok", GOOD), ("fails", "7777777777"), ("waits", "6666666666")] {
        assert_eq!(code(&world.remit(id, account, 30_000).await), "101");
    }
    let balance = world.balance().await;
    let shown = |b: &Value| ["balance", "pendingBalance", "availableBalance"].map(|k| b[k].as_i64().unwrap());
    assert_eq!(shown(&balance), [100_000, 90_000, 10_000]);
    // Modern: too little balance is accepted and fails at status; nothing is reserved for it.
    assert_eq!(code(&world.remit("short-modern", GOOD, 10_001).await), "101");
    world.set(json!({ "mode": "seed" }));
    assert_eq!(world.balance().await["balance"], 10_000);
    assert_eq!(code(&world.remit("short-seed", GOOD, 10_001).await), "206");
    world.set(json!({ "overdraft": 1 }));
    assert_eq!(code(&world.remit("overdrawn", GOOD, 10_001).await), "101");
    world.clock.advance(SECOND);
    for (id, wanted) in
        [("ok", "000"), ("fails", "300"), ("waits", "102"), ("short-modern", "206"), ("overdrawn", "000")]
    {
        assert_eq!(code(&world.status(id).await), wanted, "{id}");
    }
    let summary = world.sandbox.oy.summary();
    assert_eq!((summary.paid, summary.reserved, summary.balance, summary.count), (40_001, 30_000, 59_999, 6));
    assert_eq!((summary.paid_count, summary.rejected_count), (2, 1));
    world.sandbox.oy.finish("waits", "000", None, false).unwrap();
    assert!(world.sandbox.oy.finish("waits", "300", None, false).is_err(), "an end is an end");
    world.sandbox.oy.finish("waits", "300", Some("late"), true).unwrap();
    assert_eq!(world.sandbox.oy.summary().paid, 40_001, "a contradicted success gives the money back");
    let contradicted = world.status("waits").await;
    assert_eq!((code(&contradicted), &contradicted["tx_status_description"]), ("300", &json!("late")));
    assert!(world.sandbox.oy.finish("never-seen", "000", None, false).is_err());
    assert!(world.sandbox.oy.finish("ok", "101", None, true).is_err());
    world.end().await;
}

#[tokio::test]
async fn a_second_start_finds_everything_again() {
    let mut world = World::new().await;
    world.set(json!({ "mode": "modern", "min_amount": 20_000 }));
    for (id, account) in [("paid", GOOD), ("failed", "7777777777"), ("unclear", "1234567890"), ("no", "2222222222")] {
        world.remit(id, account, 50_000).await;
    }
    world.clock.advance(SECOND);
    assert_eq!(code(&world.status("paid").await), "000");
    assert_eq!(code(&world.status("failed").await), "300");
    world.remit("pending", GOOD, 60_000).await;
    world.sandbox.oy.top_up(7).unwrap();
    let secret = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=".to_owned();
    world.sandbox.merchant.set_secret(Secret { name: "a".into(), secret, verification_token: None }).unwrap();
    let keys = world.sandbox.oy.credentials();
    let settings = world.sandbox.oy.settings();
    let books = world.sandbox.oy.books();

    assert!(open(&world.folder, &world.clock).await.is_err(), "two sandboxes must not share their books");
    // What a killed process leaves: everything answered, and perhaps half a line that was not.
    let copy = world.folder.with_extension("killed");
    std::fs::create_dir_all(copy.join("sandbox")).unwrap();
    for name in ["oy.jsonl", "merchant.jsonl"] {
        let mut kept = std::fs::read(world.folder.join("sandbox").join(name)).unwrap();
        kept.extend_from_slice(b"{\"booked\":[\"half-a-li");
        std::fs::write(copy.join("sandbox").join(name), kept).unwrap();
    }
    world.sandbox.stop().await;
    for (folder, last) in [(copy.clone(), true), (copy, false), (world.folder.clone(), false)] {
        let sandbox = open(&folder, &world.clock).await.unwrap();
        assert_eq!(sandbox.oy.credentials().api_key, keys.api_key);
        assert_eq!(sandbox.oy.settings(), settings);
        assert_eq!(sandbox.oy.books().payments, books.payments);
        assert_eq!(sandbox.oy.summary(), books.summary);
        let kept = std::fs::read(folder.join("sandbox/oy.jsonl")).unwrap();
        assert!(kept.ends_with(b"\n"), "the torn line is cut off (first time: {last})");
        sandbox.stop().await;
    }
    world.sandbox = open(&world.folder, &world.clock).await.unwrap();
    assert_eq!(code(&world.remit("pending", GOOD, 60_000).await), "257");
    world.clock.advance(SECOND);
    let moved = world.sandbox.oy.wait_for(|oy| oy.payment("pending").filter(|p| p.moved)).await;
    assert_eq!(moved.code.to_string(), "000", "what was pending goes on");
    let fresh = world.remit("fresh", GOOD, 60_000).await;
    let numbers: std::collections::BTreeSet<_> =
        world.sandbox.oy.books().payments.into_iter().map(|p| p.provider_ref).filter(|t| !t.is_empty()).collect();
    assert!(numbers.contains(fresh["trx_id"].as_str().unwrap()));
    assert_eq!(numbers.len(), 5, "trx ids are never used twice");
    std::fs::remove_dir_all(world.folder.with_extension("killed")).unwrap();
    world.end().await;
}

/// Sends a remit and says what came back: an HTTP status and body, or `None` when the connection closed.
async fn raw(world: &World, id: &str) -> Option<(u16, String)> {
    let answer = world.request("POST", "/api/remit").body(order(id, GOOD, 10_000).to_string()).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[tokio::test]
async fn wire_faults_do_what_they_say() {
    let world = World::new().await;
    let once = |kind, id: &str| Fault::new(kind).on("remit").reference(id).times(1);
    let booked = |id: &str| world.sandbox.oy.payment(id).is_some();

    world.fault(once(Kind::DropRequest, "drop-request"));
    assert_eq!(raw(&world, "drop-request").await, None);
    assert!(!booked("drop-request"));

    world.fault(once(Kind::DropResponse, "drop-response"));
    assert_eq!(raw(&world, "drop-response").await, None);
    assert!(booked("drop-response"));
    let again = raw(&world, "drop-response").await.unwrap();
    assert!(again.1.contains("\"203\""), "the fault is used up and the id shows itself: {}", again.1);

    world.fault(Fault { retry_after_s: Some(7), ..once(Kind::HttpErrorBefore, "before").http_status(503) });
    let request = world.request("POST", "/api/remit").body(order("before", GOOD, 10_000).to_string());
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert!(!booked("before"));

    world.fault(once(Kind::HttpErrorAfter, "after").http_status(502));
    assert_eq!(raw(&world, "after").await.unwrap().0, 502);
    assert!(booked("after"));

    world.fault(once(Kind::Garbage, "garbage"));
    let (status, body) = raw(&world, "garbage").await.unwrap();
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<Value>(&body).is_err());
    assert!(booked("garbage"));

    world.fault(once(Kind::WrongAmount, "amount"));
    assert_eq!(world.remit("amount", GOOD, 10_000).await["amount"], 1_000_000);
    assert_eq!(world.sandbox.oy.payment("amount").unwrap().amount, 10_000);
    world.clock.advance(SECOND);
    world.fault(Fault::new(Kind::WrongAmount).on("remit-status").account(GOOD).times(1));
    assert_eq!(world.status("amount").await["amount"].to_string(), "1000000.0000");

    world.fault(once(Kind::WrongCode, "code").code("300"));
    assert_eq!(code(&world.remit("code", GOOD, 10_000).await), "300");
    assert_eq!(world.sandbox.oy.payment("code").unwrap().code.to_string(), "101");

    world.fault(once(Kind::Refuse, "refuse").code("206"));
    let refused = world.remit("refuse", GOOD, 10_000).await;
    assert_eq!((code(&refused), &refused["trx_id"]), ("206", &json!("")));
    assert!(!booked("refuse"));

    world.fault(Fault { every: Some(3), ..Fault::new(Kind::Refuse).on("balance").code("999") });
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(code(&world.balance().await).to_owned());
    }
    assert_eq!(told, ["000", "000", "999", "000", "000", "999"]);
    world.sandbox.oy.clear_faults();

    world.fault(Fault { after: Some(1), every: Some(2), ..Fault::new(Kind::Refuse).on("balance").code("999") });
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(code(&world.balance().await).to_owned());
    }
    assert_eq!(told, ["000", "000", "999", "000", "999", "000"]);
    world.end().await;
}

#[tokio::test]
async fn faults_decide_how_a_payment_ends() {
    let world = World::new().await;
    world.fault(Fault::new(Kind::End).reference("end").code("225"));
    world.fault(Fault::new(Kind::End).reference("stay").code("301"));
    world.fault(Fault::new(Kind::ForceCredit).reference("force"));
    world.fault(Fault::new(Kind::SuspectFirst).reference("suspect"));
    for id in ["end", "stay", "force", "suspect"] {
        assert_eq!(code(&world.remit(id, GOOD, 10_000).await), "101");
    }
    world.clock.advance(SECOND);
    let forced = world.status("force").await;
    assert_eq!((code(&forced), &forced["tx_status_description"]), ("300", &json!("Force Credit")));
    assert_eq!(code(&world.status("end").await), "225");
    assert_eq!(code(&world.status("stay").await), "301");
    assert_eq!(code(&world.status("suspect").await), "301");
    world.clock.advance(SECOND);
    assert_eq!(code(&world.status("suspect").await), "000");
    assert_eq!(code(&world.status("stay").await), "301");
    assert_eq!(world.sandbox.oy.summary().paid, 10_000);
    world.end().await;
}

/// Sends a remit and hangs up once the fault with this id has seen the call; the answer must not have come by then.
async fn hang_up(world: &World, id: &str, fault: u64) {
    let held = std::pin::pin!(raw(world, id));
    let seen = std::pin::pin!(seen(world, fault));
    if let futures_util::future::Either::Left((answer, _)) = futures_util::future::select(held, seen).await {
        panic!("{id} was answered {answer:?}");
    }
}

async fn seen(world: &World, fault: u64) {
    let seen = |f: &Standing| f.id == fault && f.seen == 1;
    world.sandbox.oy.wait_for(|oy| oy.standing_faults().iter().any(seen).then_some(())).await;
}

#[tokio::test]
async fn what_waits_is_done_even_when_the_caller_hangs_up() {
    let world = World::new().await;
    let oy = &world.sandbox.oy;
    let add = |kind, id: &str| oy.add_fault(Fault::new(kind).reference(id).ms(5000)).unwrap();
    hang_up(&world, "hang-answer", add(Kind::HangAnswer, "hang-answer")).await;
    oy.wait_for(|oy| oy.payment("hang-answer")).await;
    hang_up(&world, "delay-answer", add(Kind::DelayAnswer, "delay-answer")).await;
    oy.wait_for(|oy| oy.payment("delay-answer")).await;
    hang_up(&world, "hang", add(Kind::Hang, "hang")).await;
    hang_up(&world, "delay", add(Kind::Delay, "delay")).await;
    assert!(oy.payment("hang").is_none() && oy.payment("delay").is_none());
    let (status, _) = world.control("oy", "POST", "release", json!({})).await;
    assert_eq!(status, 200);
    world.clock.advance(Duration::from_secs(5));
    oy.wait_for(|oy| oy.payment("hang")).await;
    oy.wait_for(|oy| oy.payment("delay")).await;
    // Removing the faults releases too, and who has stayed gets the usual answer.
    let fault = oy.add_fault(Fault::new(Kind::Hang).on("balance")).unwrap();
    let (balance, removed) = tokio::join!(world.balance(), async {
        seen(&world, fault).await;
        world.control("oy", "DELETE", "faults", json!({})).await.1
    });
    assert_eq!((code(&balance), removed), ("000", json!({ "removed": 5 })));
    // A stop does not wait for what hangs.
    let fault = oy.add_fault(Fault::new(Kind::Hang).on("remit")).unwrap();
    hang_up(&world, "never", fault).await;
    world.end().await;
}

#[tokio::test]
async fn every_end_is_called_back() {
    let world = World::with_callbacks().await;
    let ends = [("c-000", GOOD, "000"), ("c-300", "7777777777", "300"), ("c-209", "8888888888", "209")];
    for (id, account, _) in ends {
        world.remit(id, account, 10_000).await;
    }
    world.remit("c-301", "9999999999", 10_000).await;
    world.remit("c-102", "6666666666", 10_000).await;
    world.clock.advance(SECOND);
    for (id, _, wanted) in ends {
        world.callback(id, wanted).await;
    }
    let suspect = world.callback("c-301", "301").await;
    assert_eq!(suspect["amount"].to_string(), "10000.0000");
    let asked = world.status("c-000").await;
    assert_eq!(world.callback("c-000", "000").await, asked, "a callback has the fields of a status answer");
    assert_eq!(world.sandbox.merchant.summary().received, 4);

    for wanted in [json!(true), json!("true"), json!("false"), json!(false), Value::Null] {
        world.post("/api/remit-status", json!({ "partner_trx_id": "c-000", "send_callback": wanted })).await;
        world.post("/api/remit-status", json!({ "partner_trx_id": "c-102", "send_callback": wanted })).await;
    }
    let again = |r: &paystrator::sandbox::merchant::Receipt| r.seq == 6;
    assert!(world.sandbox.merchant.wait_for(again).await.body.contains("c-000"));
    assert_eq!(world.sandbox.oy.wait_for(|oy| Some(oy.callbacks()).filter(|c| c.len() == 6)).await.len(), 6);

    world.set(json!({ "callback_on_suspect": false, "settle_after_ms": 0 }));
    world.remit("quiet", "9999999999", 10_000).await;
    world.remit("loud", GOOD, 10_000).await;
    world.callback("loud", "000").await;
    assert_eq!(world.codes_called_back().iter().filter(|c| *c == "301").count(), 1);
    world.end().await;
}

#[tokio::test]
async fn callbacks_misbehave_on_demand() {
    let world = World::with_callbacks().await;
    world.fault(Fault { copies: Some(3), ..Fault::new(Kind::DuplicateCallback).reference("three") });
    world.fault(Fault::new(Kind::DropCallback).reference("none"));
    world.fault(Fault::new(Kind::ReorderCallbacks).reference("reordered"));
    world.fault(Fault::new(Kind::SuspectFirst).reference("suspect"));
    world.fault(Fault::new(Kind::WrongAmount).on("callback").reference("amount"));
    world.fault(Fault::new(Kind::WrongCode).on("callback").reference("code").code("300"));
    let first_last = ["none", "three", "reordered", "suspect", "amount", "code"];
    for id in first_last {
        world.remit(id, GOOD, 10_000).await;
    }
    world.clock.advance(SECOND);
    let merchant = &world.sandbox.merchant;
    let of = |id: &str| -> Vec<String> {
        let bodies = merchant.received().into_iter().map(|r| serde_json::from_str::<Value>(&r.body).unwrap());
        bodies.filter(|b| b["partner_trx_id"] == id).map(|b| code(&b).to_owned()).collect()
    };
    merchant.wait_for(|_| of("three").len() == 3).await;
    world.callback("reordered", "301").await;
    assert_eq!(of("reordered"), ["000", "301"]);
    assert_eq!(world.callback("amount", "000").await["amount"].to_string(), "1000000.0000");
    world.callback("code", "300").await;
    assert_eq!(code(&world.status("code").await), "000");
    world.callback("suspect", "301").await;
    world.clock.advance(SECOND);
    world.callback("suspect", "000").await;
    assert_eq!(of("suspect"), ["301", "000"]);
    assert_eq!(of("none"), [""; 0]);

    world.fault(Fault::new(Kind::CallbackFirst).reference("first"));
    assert_eq!(code(&world.remit("first", GOOD, 10_000).await), "101");
    assert_eq!(of("first"), ["000"], "told before the answer");
    world.end().await;
}

#[tokio::test]
async fn the_callback_ladder_follows_the_documents() {
    let world = World::with_callbacks().await;
    let refusing = Fault::new(Kind::HttpErrorBefore).on("oy").http_status(500);
    world.sandbox.merchant.add_fault(refusing).unwrap();
    let tries = |id: &'static str, count: usize| {
        let oy = &world.sandbox.oy;
        oy.wait_for(move |oy| {
            let all: Vec<_> = oy.callbacks().into_iter().filter(|t| t.reference == id).collect();
            (all.len() == count).then_some(all)
        })
    };
    world.remit("off", GOOD, 10_000).await;
    world.clock.advance(SECOND);
    tries("off", 1).await;

    world.set(json!({ "callback_retries": true }));
    world.remit("on", GOOD, 10_000).await;
    world.clock.advance(SECOND);
    let began = tries("on", 2).await;
    assert_eq!(began[0].at, began[1].at, "the first retry is immediate");
    for (n, wait) in CALLBACK_RETRY_S.into_iter().enumerate().skip(1) {
        world.clock.advance(Duration::from_secs(wait));
        let seen = tries("on", n + 2).await;
        let last = seen.last().unwrap();
        assert_eq!((last.number, last.status, last.delivered), (n as u32 + 2, Some(500), false));
    }
    let on: Vec<_> = tries("on", 6).await.iter().map(|t| (t.at - noon()).num_seconds() - 2).collect();
    assert_eq!(on, [0, 0, 60, 180, 960, 3780]);
    world.clock.advance(Duration::from_secs(86_400));

    // A ladder ends as soon as it is heard; by then the older ones would have climbed on, had they not ended.
    world.sandbox.merchant.clear_faults();
    world.remit("heard", GOOD, 10_000).await;
    world.clock.advance(SECOND);
    assert!(tries("heard", 1).await[0].delivered);
    assert_eq!((tries("off", 1).await.len(), tries("on", 6).await.len()), (1, 6));
    world.end().await;
}

#[tokio::test]
async fn speed_divides_the_documented_times() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(hex::encode(random_bytes::<8>()));
    let clock = Clock::manual(noon());
    let config = SandboxConfig { clock: clock.clone(), speed: 100.0, ..SandboxConfig::new(&folder) };
    let sandbox = start(config, outbound()).await.unwrap();
    let world = World { sandbox, clock, folder, http: reqwest::Client::new() };
    assert_eq!(world.sandbox.oy.settings().mode, Mode::Seed);
    world.remit("fast", GOOD, 10_000).await;
    world.clock.advance(Duration::from_millis(9));
    assert_eq!(code(&world.status("fast").await), "102");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(code(&world.status("fast").await), "000");
    world.end().await;
}

#[tokio::test]
async fn the_control_api_speaks_json() {
    let world = World::new().await;
    assert_eq!(code(&world.remit("seen", GOOD, 10_000).await), "101");
    let (status, summary) = world.control("oy", "GET", "books?summary=1", Value::Null).await;
    assert_eq!((status, &summary["reserved"], &summary["by_code"]), (200, &json!(10_000), &json!({ "101": 1 })));
    assert!(summary.get("payments").is_none());
    let (_, books) = world.control("oy", "GET", "books", Value::Null).await;
    assert_eq!(books["payments"][0]["reference"], "seen");
    assert_eq!(books["payments"][0]["moved"], false);
    let (_, row) = world.control("oy", "GET", "books?reference=seen", Value::Null).await;
    assert_eq!(row, books["payments"][0]);
    assert_eq!(world.control("oy", "GET", "books?reference=never", Value::Null).await.0, 404);
    let (_, finished) = world.control("oy", "POST", "finish", json!({ "reference": "seen", "code": "000" })).await;
    assert_eq!((&finished["code"], &finished["moved"]), (&json!("000"), &json!(true)));
    let (_, topped) = world.control("oy", "POST", "topup", json!({ "amount": 10_000 })).await;
    assert_eq!(topped["balance"], OPENING_BALANCE);
    let (_, settings) = world.control("oy", "POST", "settings", json!({ "settle_after_ms": 5 })).await;
    assert_eq!((&settings["settle_after_ms"], &settings["mode"]), (&json!(5), &json!("seed")));
    let fault = json!({ "kind": "refuse", "code": "207", "reference": "by-json", "times": 1 });
    assert_eq!(world.control("oy", "POST", "faults", fault).await, (200, json!({ "id": 1 })));
    assert_eq!(code(&world.remit("by-json", GOOD, 10_000).await), "207");
    for (path, wrong) in [
        ("faults", json!({ "kind": "no-such-kind" })),
        ("faults", json!({ "kind": "refuse" })),
        ("faults", json!({ "kind": "delay" })),
        ("faults", json!({ "kind": "drop-callback", "operation": "remit" })),
        ("faults", json!({ "kind": "garbage", "colour": "red" })),
        ("settings", json!({ "colour": "red" })),
        ("settings", json!({ "mode": "red" })),
        ("topup", json!({})),
        ("finish", json!({ "reference": "seen", "code": "12" })),
    ] {
        let (status, answer) = world.control("oy", "POST", path, wrong.clone()).await;
        assert_eq!(status, 400, "{path} {wrong}");
        assert!(answer["error"].is_string());
    }
    assert_eq!(world.request("GET", "/control/books").send().await.unwrap().status(), 404, "not on the wire");
    world.end().await;
}

/// A webhook signed by an independent library, at the merchant's `name`.
async fn webhook(world: &World, name: &str, id: &str, at: DateTime<Utc>, token: &str, body: &str) -> Option<u16> {
    let signer = standardwebhooks::Webhook::new(SECRET).unwrap();
    let signature = signer.sign(id, at.timestamp(), body.as_bytes()).unwrap();
    let request = world.http.post(format!("{}/webhooks/{name}", world.sandbox.merchant_url()));
    let request = request.header("webhook-id", id).header("webhook-timestamp", at.timestamp());
    let request = request.header("webhook-signature", format!("v1,bm90IHRoaXMgb25l v1a,x {signature}"));
    let answer = request.header("X-Webhook-Verification-Token", token).body(body.to_owned()).send().await.ok()?;
    Some(answer.status().as_u16())
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn the_merchant_believes_only_what_is_signed() {
    let world = World::new().await;
    let event = |id: &str, version: i64| {
        json!({ "type": "payment.succeeded", "data": { "id": id, "version": version } }).to_string()
    };
    assert_eq!(webhook(&world, "pay", "msg_0", noon(), "t", &event("sm_0", 1)).await, Some(200), "no secret is set");
    let secret = json!({ "name": "pay", "secret": SECRET, "verification_token": "t" });
    assert_eq!(world.control("merchant", "POST", "secrets", secret).await.0, 200);
    let bad = json!({ "name": "pay", "secret": "plain" });
    assert_eq!(world.control("merchant", "POST", "secrets", bad).await.0, 400);

    let minutes = |n: i64| noon() + chrono::TimeDelta::minutes(n);
    assert_eq!(webhook(&world, "pay", "msg_1", noon(), "t", &event("sm_1", 2)).await, Some(200));
    assert_eq!(webhook(&world, "pay", "msg_1", minutes(5), "t", &event("sm_1", 2)).await, Some(200));
    assert_eq!(webhook(&world, "pay", "msg_2", noon(), "t", &event("sm_1", 1)).await, Some(200));
    assert_eq!(webhook(&world, "pay", "msg_3", minutes(-6), "t", &event("sm_1", 3)).await, Some(401), "too old");
    assert_eq!(webhook(&world, "pay", "msg_3", minutes(6), "t", &event("sm_1", 3)).await, Some(401), "too new");
    assert_eq!(webhook(&world, "pay", "msg_3", noon(), "other", &event("sm_1", 3)).await, Some(401), "wrong token");
    let unsigned = world.http.post(format!("{}/webhooks/pay", world.sandbox.merchant_url())).body(event("sm_1", 4));
    assert_eq!(unsigned.send().await.unwrap().status(), 401);

    let received = world.sandbox.merchant.received();
    let seen: Vec<_> = received.iter().map(|r| (r.webhook_id.as_str(), r.verified, r.copies, r.version)).collect();
    let wanted = [
        ("msg_0", false, 1, Some(1)),
        ("msg_1", true, 1, Some(2)),
        ("msg_1", true, 2, Some(2)),
        ("msg_2", true, 1, Some(1)),
        ("msg_3", false, 1, Some(3)),
        ("msg_3", false, 2, Some(3)),
        ("msg_3", false, 3, Some(3)),
        ("", false, 1, Some(4)),
    ];
    assert_eq!(seen, wanted);
    let (_, summary) = world.control("merchant", "GET", "summary", Value::Null).await;
    assert_eq!(
        summary,
        json!({ "received": 8, "verified": 3, "accepted": 4, "duplicates": 3, "out_of_order": 1, "payments": 2,
                "by_type": { "payment.succeeded": 8 } })
    );
    let (_, page) = world.control("merchant", "GET", "received?after=3&limit=2", Value::Null).await;
    assert_eq!(page["received"].as_array().unwrap().len(), 2);
    assert_eq!((&page["received"][0]["seq"], &page["next"]), (&json!(4), &json!(5)));
    world.end().await;
}

#[tokio::test]
async fn the_merchant_misbehaves_on_demand() {
    let world = World::new().await;
    let merchant = &world.sandbox.merchant;
    let once = |kind| Fault::new(kind).on("pay").times(1);
    merchant.add_fault(once(Kind::HttpErrorBefore).http_status(410)).unwrap();
    assert_eq!(webhook(&world, "pay", "gone", noon(), "t", "{}").await, Some(410));
    merchant.add_fault(once(Kind::DropRequest)).unwrap();
    assert_eq!(webhook(&world, "pay", "closed", noon(), "t", "{}").await, None);
    assert_eq!(webhook(&world, "other", "fine", noon(), "t", "{}").await, Some(200));
    merchant.add_fault(once(Kind::Delay).ms(1000)).unwrap();
    let (answer, ()) = tokio::join!(webhook(&world, "pay", "late", noon(), "t", "{}"), async {
        merchant.wait_for(|r| r.webhook_id == "late").await;
        world.clock.advance(SECOND);
    });
    assert_eq!(answer, Some(200));
    merchant.add_fault(once(Kind::Hang)).unwrap();
    let (answer, ()) = tokio::join!(webhook(&world, "pay", "hung", noon(), "t", "{}"), async {
        merchant.wait_for(|r| r.webhook_id == "hung").await;
        merchant.clear_faults();
    });
    assert_eq!(answer, Some(200));
    let answered: Vec<_> = merchant.received().into_iter().map(|r| r.answered).collect();
    assert_eq!(answered, [Some(410), None, Some(200), Some(200), Some(200)]);
    assert_eq!(merchant.summary().accepted, 3);
    world.end().await;
}
