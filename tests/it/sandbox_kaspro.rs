//! KasPro's simulator over real HTTP, with a client of the test's own, written from contracts/kaspro.md: token, HTTP
//! signature, the private mock table, books, restart, the invented status call and callback, faults.
//!
//! On a clock that the tests move. Nothing here sleeps: tests await changes.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeZone, Utc};
use paystrator::clock::Clock;
use paystrator::crypto::{hmac_sha256, random_bytes};
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::sandbox::kaspro::{Credentials, MOBILE_NUMBER, OPENING_BALANCE, signing};
use paystrator::sandbox::{Fault, Kind, Sandbox, SandboxConfig, Summary, start};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const GOOD: &str = "1239812390";

struct World {
    sandbox: Sandbox,
    clock: Clock,
    folder: PathBuf,
    http: reqwest::Client,
    keys: Credentials,
    token: String,
}

/// An HTTP answer, read.
struct Answer {
    http: u16,
    body: Value,
}

impl Answer {
    fn code(&self) -> i64 {
        self.body["code"].as_i64().unwrap_or(-1)
    }
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 12, 0, 0).single().unwrap()
}

async fn open(folder: &PathBuf, clock: &Clock) -> anyhow::Result<Sandbox> {
    let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
    start(SandboxConfig { clock: clock.clone(), ..SandboxConfig::new(folder) }, Outbound::new(limits).unwrap()).await
}

/// URL encoding of what base64 has and a query has not.
fn escaped(text: &str) -> String {
    text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

impl World {
    async fn new() -> World {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(hex::encode(random_bytes::<8>()));
        let clock = Clock::manual(noon());
        let sandbox = open(&folder, &clock).await.unwrap();
        let keys = sandbox.kaspro.credentials();
        let mut world = World { sandbox, clock, folder, http: reqwest::Client::new(), keys, token: String::new() };
        world.log_in().await;
        world
    }

    fn set(&self, changes: Value) {
        self.sandbox.kaspro.change_settings(changes.as_object().cloned().unwrap()).unwrap();
    }

    async fn ask_token(&self, form: String) -> Answer {
        let url = format!("{}/authentication-server/oauth/token", self.sandbox.url("kaspro"));
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        read(request.body(form).send().await.unwrap()).await
    }

    async fn log_in(&mut self) {
        let Credentials { client_id, client_secret, .. } = &self.keys;
        let form = format!("grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}");
        let answer = self.ask_token(form).await;
        assert_eq!((answer.http, &answer.body["expires_in"]), (200, &json!(3600)));
        self.token = answer.body["access_token"].as_str().unwrap().to_owned();
    }

    /// The five headers of a signed call.
    fn headers(&self, method: &str, path: &str) -> Vec<(&'static str, String)> {
        let date = date(self.clock.now());
        let path = path.split('?').next().unwrap();
        let text = format!("(request-target): {} {path}\ndate: {date}", method.to_lowercase());
        let signature = STANDARD.encode(hmac_sha256(self.keys.hmac_secret.as_bytes(), &[text.as_bytes()]));
        let signature = format!(
            "Signature keyId=\"{}\",algorithm=\"hmac-sha256\",headers=\"(request-target) date\",signature=\"{}\"",
            self.keys.hmac_key,
            escaped(&signature)
        );
        vec![
            ("Authorization", format!("Bearer {}", self.token)),
            ("KasPro-Signature", signature),
            ("Partner-Key", self.keys.hmac_key.clone()),
            ("Origin", "127.0.0.1".into()),
            ("Date", date),
        ]
    }

    async fn send(&self, method: &str, path: &str, headers: Vec<(&'static str, String)>, body: &str) -> Option<Answer> {
        let url = format!("{}{path}", self.sandbox.url("kaspro"));
        let mut request = self.http.request(method.parse().unwrap(), url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Some(read(request.body(body.to_owned()).send().await.ok()?).await)
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, self.headers(method, path), body).await.unwrap()
    }

    async fn transfer(&self, id: &str, account: &str, amount: i64) -> Answer {
        self.call("POST", "/bank-transfer/", &order(id, account, amount).to_string()).await
    }

    async fn status(&self, id: &str) -> Answer {
        self.call("POST", "/bank-transfer-status/", &json!({ "requestId": id }).to_string()).await
    }

    async fn end(self) {
        let Summary { opening, top_ups, paid, reserved, balance, available, .. } = self.sandbox.kaspro.summary();
        assert_eq!((opening + top_ups - paid, balance - reserved), (balance, available));
        self.sandbox.stop().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

async fn read(answer: reqwest::Response) -> Answer {
    let http = answer.status().as_u16();
    Answer { http, body: serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default() }
}

fn order(id: &str, account: &str, amount: i64) -> Value {
    json!({ "requestId": id, "mobileNumber": MOBILE_NUMBER, "pocketId": "2", "amount": amount.to_string(),
            "reference": "Invoice 12", "bankCode": "014", "bankAccount": account, "bankAccountName": "Budi Santoso" })
}

#[test]
fn the_published_vectors_are_accepted() {
    let header = |signature: &str| {
        format!(
            "Signature keyId=\"key\",algorithm=\"hmac-sha256\",headers=\"(request-target) date\",signature=\"{signature}\""
        )
    };
    let date = "Mon, 04 Oct 2021 07:00:30 GMT";
    for (method, path, signature) in [
        ("get", "/customer-account-inquiry/", "NiJr0x3EENyj3rX8nmyKC2%2B5ik6nk2%2BfD60dxuzx6k8%3D"),
        ("post", "/bank-transfer/", "Ikzs2nD179XYua7K49uBdU9vCL4SxXvwuDXZfVki0XA%3D"),
    ] {
        let text = signing::string_to_sign(method, path, date);
        let good = |header: &str| signing::is_signed(header, "key", b"test-hmac-secret", &text);
        assert!(good(&header(signature)), "{path}");
        assert!(good(&header(signature).replace(",", ", ")), "spaces between the parameters");
        assert!(!signing::is_signed(&header(signature), "other", b"test-hmac-secret", &text));
        assert!(!signing::is_signed(&header(signature), "key", b"other", &text));
        assert!(!good(&header(&signature.replace('X', "Y"))));
        assert!(!good(&header(signature).replace("hmac-sha256", "hmac-sha1")));
        assert!(!good(signature) && !good("") && !good("Signature "));
    }
    let text = signing::string_to_sign("GET", "/customer-account-inquiry/", date);
    let bare = header("NiJr0x3EENyj3rX8nmyKC2+5ik6nk2+fD60dxuzx6k8=");
    assert!(!signing::is_signed(&bare, "key", b"test-hmac-secret", &text), "a bare + is a space");
}

#[tokio::test]
async fn who_may_call() {
    let world = World::new().await;
    let keys = &world.keys;
    for (form, http, error) in [
        (format!("grant_type=password&client_id={}", keys.client_id), 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&client_id=x&client_secret=y".into(), 401, "invalid_client"),
        (format!("grant_type=client_credentials&client_id={}", keys.client_id), 401, "invalid_client"),
        ("{\"grant_type\":\"client_credentials\"}".into(), 400, "unsupported_grant_type"),
    ] {
        let answer = world.ask_token(form).await;
        assert_eq!((answer.http, answer.body["error"].as_str()), (http, Some(error)));
    }
    let path = "/bank-transfer/";
    let body = order("never", GOOD, 10_000).to_string();
    let with = |name: &str, value: &str| {
        let mut headers = world.headers("POST", path);
        headers.iter_mut().filter(|h| h.0 == name).for_each(|h| h.1 = value.to_owned());
        headers.retain(|h| !h.1.is_empty());
        headers
    };
    let other = |path: &str| world.headers("POST", path);
    for (headers, code) in [
        (with("Authorization", ""), 900_401),
        (with("Authorization", "Bearer x"), 900_401),
        (with("Partner-Key", "x"), 900_403),
        (with("Origin", "10.0.0.1"), 900_404),
        (with("Date", ""), 900_405),
        (with("Date", &date(noon() + Duration::from_secs(301))), 900_405),
        (with("Date", &date(noon() - Duration::from_secs(301))), 900_405),
        (with("Date", &date(noon() - Duration::from_secs(300))), 900_402),
        (with("Date", "2026-01-15T12:00:00Z"), 900_405),
        (with("KasPro-Signature", ""), 900_402),
        (other("/bank-transfer"), 900_402),
    ] {
        let answer = world.send("POST", path, headers, &body).await.unwrap();
        assert_eq!((answer.http, answer.code()), (401, code));
    }
    assert_eq!(world.sandbox.kaspro.summary().count, 0);
    for path in ["/bank-transfer", "/bank-transfer-status/", "/p2p-transaction/", "/control/books", "/"] {
        assert_eq!(world.call("POST", path, &body).await.http, 404, "{path}");
    }
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.transfer("old-token", GOOD, 10_000).await.code(), 900_401);
    world.end().await;
}

#[tokio::test]
async fn a_transfer_is_in_process_and_then_paid() {
    let world = World::new().await;
    let accepted = world.transfer("ps-1", GOOD, 125_000).await;
    let wanted = json!({
        "code": 1, "message": "In Process", "responseId": "OLSFQ20260115190000000",
        "data": { "account": GOOD, "amount": "125000", "price": "125000", "serviceFee": "0",
                  "reffId": "OLSFQ20260115190000000", "flowType": "Async" }
    });
    assert_eq!((accepted.http, accepted.body), (200, wanted));
    let second = world.transfer("ps-2", GOOD, 10_000).await;
    assert_eq!(second.body["responseId"], "OLSFQ20260115190000001", "no reference comes twice");
    assert_eq!(world.status("ps-1").await.http, 404, "the status call is by choice");
    world.set(json!({ "status_call": true }));
    assert_eq!(world.sandbox.describe()["kaspro"]["settings"]["status_path"], "/bank-transfer-status/");
    assert_eq!(world.status("ps-1").await.code(), 1);
    let row = world.sandbox.kaspro.payment("ps-1").unwrap();
    assert_eq!((row.code.as_str(), row.reserved, row.moved), ("1", true, false));
    world.clock.advance(SECOND);
    let paid = world.status("ps-1").await;
    let left = OPENING_BALANCE - 135_000;
    assert_eq!((paid.code(), &paid.body["data"]["bankAccount"]), (0, &json!(GOOD)));
    assert_eq!(paid.body["data"]["date"], "2026-01-15 19:00:01");
    let settled = |summary: Summary| (summary.paid_count == 2).then_some(summary);
    let summary = world.sandbox.kaspro.wait_for(|kaspro| settled(kaspro.summary())).await;
    assert_eq!((summary.paid, summary.reserved, summary.balance), (135_000, 0, left));
    for id in ["ps-1", "ps-2"] {
        assert_eq!(world.transfer(id, GOOD, 10_000).await.code(), 900_002, "a requestId is used once, for ever");
    }
    assert_eq!(world.sandbox.kaspro.summary().paid, 135_000);
    assert_eq!(world.status("never").await.code(), 900_011);

    world.set(json!({ "sync": true, "money_as_numbers": true }));
    let sync = world.transfer("ps-3", GOOD, 20_000).await;
    let wanted = json!({
        "code": 0, "message": "Success", "responseId": "OLSFQ20260115190001000",
        "data": { "bankAccount": GOOD, "bankName": "Bank 014", "bankAccountName": "Budi Santoso", "serviceFee": 0,
                  "amount": 20_000, "totalAmount": 20_000, "balanceBefore": left, "balanceAfter": left - 20_000,
                  "date": "2026-01-15 19:00:01" }
    });
    assert_eq!(sync.body, wanted);
    world.end().await;
}

#[tokio::test]
async fn the_private_mock_table_answers_as_written() {
    let world = World::new().await;
    world.set(json!({ "status_call": true }));
    // account, HTTP, code, then of the status: code at once and after the settle time
    let table = [
        ("880000", 200, 110_005, 900_011, 900_011),
        ("881000", 200, 0, 0, 0),
        ("881001", 200, 1, 1, 1),
        ("881002", 504, -1, 1, 0),
        ("881003", 504, -1, 900_011, 900_011),
        ("881004", 200, -1, 1, 0),
        ("881005", 200, 199_999, 1, 0),
        ("881006", 200, 1, 1, 0),
        ("881007", 200, 0, 1, 0),
        ("881008", 200, 1, 1, 900_010),
        (GOOD, 200, 1, 1, 0),
    ];
    for (account, http, code, early, _) in table {
        let answer = world.transfer(account, account, 10_000).await;
        assert_eq!((answer.http, answer.code()), (http, code), "{account}");
        assert_eq!(world.status(account).await.code(), early, "{account}");
        match account {
            "881006" => assert!(answer.body["responseId "].is_string() && answer.body.get("responseId").is_none()),
            "881007" => assert_eq!(answer.body["data"]["flowType"], "Async"),
            _ => {}
        }
    }
    world.clock.advance(SECOND);
    for (account, _, _, _, late) in table {
        assert_eq!(world.status(account).await.code(), late, "{account}");
    }
    let summary = world.sandbox.kaspro.summary();
    assert_eq!((summary.paid, summary.reserved, summary.rejected_count), (70_000, 10_000, 1));
    world.end().await;
}

#[tokio::test]
async fn the_form_is_checked_and_the_balance() {
    let world = World::new().await;
    let base = order("form", GOOD, 10_000);
    for (field, wrong) in [
        ("requestId", Value::Null),
        ("requestId", json!("x".repeat(33))),
        ("requestId", json!("a b")),
        ("mobileNumber", json!("none")),
        ("amount", json!("10.000")),
        ("amount", json!("10,000")),
        ("amount", json!(0)),
        ("amount", serde_json::from_str("10000.0").unwrap()),
        ("bankCode", json!("")),
        ("bankAccount", json!("12-3")),
        ("pocketId", json!("two")),
    ] {
        let mut body = base.clone();
        body[field] = wrong.clone();
        let answer = world.call("POST", "/bank-transfer/", &body.to_string()).await;
        assert_eq!((answer.http, answer.code()), (400, 900_400), "{field} = {wrong}");
        assert_eq!(answer.body["message"], format!("Invalid {field}"));
    }
    assert_eq!(world.call("POST", "/bank-transfer/", "not json").await.http, 400);
    let mut body = base.clone();
    body["mobileNumber"] = "089999999999".into();
    assert_eq!(world.call("POST", "/bank-transfer/", &body.to_string()).await.code(), 110_005);
    assert_eq!(world.transfer("form", GOOD, OPENING_BALANCE + 1).await.code(), 900_001);
    for (id, change) in [
        ("a", json!({ "mobileNumber": "6281234567890", "amount": 10_000, "pocketId": 2 })),
        ("b", json!({ "mobileNumber": "+6281234567890", "reference": null, "colour": "red" })),
    ] {
        let mut body = base.clone();
        body["requestId"] = id.into();
        body.as_object_mut().unwrap().extend(change.as_object().cloned().unwrap());
        assert_eq!(world.call("POST", "/bank-transfer/", &body.to_string()).await.code(), 1, "{id}");
    }
    let mut body = base.clone();
    body["requestId"] = "c".into();
    body["destination"] = body.as_object_mut().unwrap().remove("bankAccount").unwrap();
    assert_eq!(world.call("POST", "/bank-transfer/", &body.to_string()).await.code(), 1);
    assert_eq!(world.transfer("form", GOOD, OPENING_BALANCE - 30_000).await.code(), 1, "a rejected id may come again");

    let inquiry = |number: &'static str| {
        let world = &world;
        async move { world.call("GET", &format!("/customer-account-inquiry/?mobileNumber={number}"), "").await }
    };
    let own = inquiry(MOBILE_NUMBER).await;
    assert_eq!((own.code(), &own.body["data"]["balance"]["availableBalance"]), (0, &json!("0")));
    assert_eq!(inquiry("%2B6281234567890").await.body["data"]["mobileNumber"], MOBILE_NUMBER);
    assert_eq!(inquiry("081200000000").await.code(), 110_005);
    assert_eq!(inquiry("").await.http, 400);
    world.end().await;
}

#[tokio::test]
async fn a_second_start_finds_everything_again() {
    let mut world = World::new().await;
    world.set(json!({ "status_call": true }));
    world.transfer("pending", GOOD, 10_000).await;
    world.transfer("rejected", "880000", 10_000).await;
    let books = world.sandbox.kaspro.books();
    world.sandbox.stop().await;
    world.sandbox = open(&world.folder, &world.clock).await.unwrap();
    assert_eq!(world.sandbox.kaspro.books().payments, books.payments);
    assert_eq!(world.sandbox.kaspro.credentials().hmac_secret, world.keys.hmac_secret);
    assert_eq!(world.transfer("pending", GOOD, 10_000).await.code(), 900_002, "the token is still good");
    world.clock.advance(SECOND);
    let moved = world.sandbox.kaspro.wait_for(|kaspro| kaspro.payment("pending").filter(|p| p.moved)).await;
    assert_eq!(moved.code, "0");
    world.end().await;
}

#[tokio::test]
async fn faults_and_decisions_are_those_of_the_chassis() {
    let world = World::new().await;
    world.set(json!({ "status_call": true }));
    let kaspro = &world.sandbox.kaspro;
    let once = |kind, id: &str| Fault::new(kind).on("transfer").reference(id).times(1);
    let raw = |id: &'static str| {
        let (path, body) = ("/bank-transfer/", order(id, GOOD, 10_000).to_string());
        let world = &world;
        async move { world.send("POST", path, world.headers("POST", path), &body).await }
    };
    for (fault, answered, booked) in [
        (once(Kind::DropRequest, "f1"), None, false),
        (once(Kind::DropResponse, "f2"), None, true),
        (once(Kind::HttpErrorBefore, "f3").http_status(503), Some((503, -1)), false),
        (once(Kind::HttpErrorAfter, "f4"), Some((500, -1)), true),
        (once(Kind::Garbage, "f5"), Some((200, -1)), true),
        (once(Kind::WrongCode, "f6").code("110005"), Some((200, 110_005)), true),
        (once(Kind::Refuse, "f7").code("900001"), Some((200, 900_001)), false),
        (once(Kind::Refuse, "f8").code("900401"), Some((401, 900_401)), false),
        (once(Kind::WrongAmount, "f9"), Some((200, 1)), true),
        (once(Kind::End, "f10").code("900010"), Some((200, 1)), true),
    ] {
        let id: &'static str = fault.reference.clone().unwrap().leak();
        kaspro.add_fault(fault).unwrap();
        let answer = raw(id).await;
        assert_eq!(answer.as_ref().map(|a| (a.http, a.code())), answered, "{id}");
        assert_eq!(kaspro.payment(id).is_some(), booked, "{id}");
        if id == "f9" {
            assert_eq!(answer.unwrap().body["data"]["amount"], "1000000");
        }
    }
    world.clock.advance(SECOND);
    assert_eq!(world.status("f10").await.code(), 900_010);
    for refused in [
        Fault::new(Kind::SuspectFirst),
        Fault::new(Kind::ForceCredit),
        Fault::new(Kind::Refuse).code("no"),
        Fault::new(Kind::End).code("110005"),
    ] {
        assert!(kaspro.add_fault(refused).is_err());
    }
    world.transfer("stuck", "881001", 10_000).await;
    assert!(kaspro.finish("stuck", "1", None, false).is_err());
    let finished = kaspro.finish("stuck", "900010", Some("Rejected by the bank"), false).unwrap();
    assert!(!finished.reserved && !finished.moved);
    let told = world.status("stuck").await;
    assert_eq!((told.code(), &told.body["message"]), (900_010, &json!("Rejected by the bank")));
    world.end().await;
}

#[tokio::test]
async fn the_invented_callback_is_sent_where_it_is_wanted() {
    let world = World::new().await;
    world.transfer("quiet", GOOD, 10_000).await;
    world.set(json!({ "callback_url": format!("{}/webhooks/kaspro", world.sandbox.merchant_url()) }));
    world.transfer("loud", GOOD, 10_000).await;
    world.transfer("fails", "881008", 10_000).await;
    world.clock.advance(SECOND);
    let told = async |id: &str| {
        let reffid = world.sandbox.kaspro.payment(id).unwrap().provider_ref;
        let receipt = world.sandbox.merchant.wait_for(|receipt| receipt.body.contains(&reffid)).await;
        serde_json::from_str::<Value>(&receipt.body).unwrap()
    };
    let loud = told("loud").await;
    assert_eq!(
        (&loud["code"], &loud["reffId"], &loud["data"]["amount"]),
        (&json!(0), &loud["responseId"], &json!("10000"))
    );
    assert_eq!(told("fails").await["code"], 900_010);
    let fault = Fault::new(Kind::CallbackFirst).reference("first");
    world.sandbox.kaspro.add_fault(fault).unwrap();
    let before = world.sandbox.merchant.summary().received;
    assert_eq!(world.transfer("first", GOOD, 10_000).await.code(), 1);
    assert_eq!(world.sandbox.merchant.summary().received, before + 1, "told before the answer");
    assert_eq!(told("first").await["code"], 0);
    world.end().await;
}
