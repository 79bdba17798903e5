//! DOKU's simulator over real HTTP, with a client of the test's own, written from contracts/doku.md: token, signatures,
//! the vectors, inquiry and session, transfer, status, balance, documented accounts, notification, faults, restart.
//!
//! On a clock that the tests move. Nothing here sleeps: tests await changes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use hmac::{Hmac, KeyInit, Mac};
use paystrator::clock::Clock;
use paystrator::crypto::random_bytes;
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::sandbox::doku::signing::{Signed, is_signed_by};
use paystrator::sandbox::doku::{AGENT_KEY, CALLBACK_RETRY_S, Credentials, OPENING_BALANCE};
use paystrator::sandbox::merchant::Receipt;
use paystrator::sandbox::{Fault, Kind, Row, Sandbox, SandboxConfig, Summary, start};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

const SECOND: Duration = Duration::from_secs(1);
const GOOD: &str = "1239812390";
const TOKEN_PATH: &str = "/authorization/v1/access-token/b2b";
const INQUIRY: &str = "/snap/v1.1/emoney/bank-account-inquiry";
const TRANSFER: &str = "/snap/v1.1/emoney/transfer-bank";
const BALANCE: &str = "/snap/v1.1/balance-inquiry";
const QR_STATUS: &str = "/snap/v1.1/qr/qr-mpm-status";
const TRANSFER_STATUS: &str = "/snap/v1.1/transfer/status";

struct World {
    sandbox: Sandbox,
    clock: Clock,
    folder: PathBuf,
    http: reqwest::Client,
    keys: Credentials,
    token: String,
    /// The next X-EXTERNAL-ID.
    external: AtomicU64,
}

/// An HTTP answer, read.
#[derive(Debug)]
struct Answer {
    http: u16,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["responseCode"].as_str().unwrap_or("-")
    }

    fn status(&self) -> &str {
        self.body["latestTransactionStatus"].as_str().unwrap_or("-")
    }
}

/// What of a call is not as it should be: headers to replace (an empty value takes one out), and another body to sign.
#[derive(Default)]
struct Twist<'a> {
    headers: &'a [(&'a str, &'a str)],
    signed_body: Option<&'a str>,
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 5, 0, 0).single().unwrap()
}

async fn open(folder: &PathBuf, clock: &Clock) -> anyhow::Result<Sandbox> {
    let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
    start(SandboxConfig { clock: clock.clone(), ..SandboxConfig::new(folder) }, Outbound::new(limits).unwrap()).await
}

fn stamp(at: DateTime<Utc>) -> String {
    (at + TimeDelta::hours(7)).format("%Y-%m-%dT%H:%M:%S+07:00").to_string()
}

fn pem(text: &str) -> Vec<u8> {
    let body: String = text.lines().filter(|line| !line.contains("-----")).collect();
    STANDARD.decode(body).unwrap()
}

/// RSASSA-PKCS1-v1_5 with SHA-256, base64.
fn asymmetric(private_key: &str, text: &str) -> String {
    let key = KeyPair::from_pkcs8(&pem(private_key)).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

/// HMAC-SHA-512 over METHOD:path:token:hash:timestamp, base64.
fn symmetric(secret: &str, path: &str, token: &str, body: &str, timestamp: &str) -> String {
    let hash = hex::encode(Sha256::digest(body));
    let mut mac = Hmac::<Sha512>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("POST:{path}:{token}:{hash}:{timestamp}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

impl World {
    async fn new() -> World {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(hex::encode(random_bytes::<8>()));
        let clock = Clock::manual(noon());
        let sandbox = open(&folder, &clock).await.unwrap();
        let (keys, external) = (sandbox.doku.credentials(), AtomicU64::new(1));
        let (http, token) = (reqwest::Client::new(), String::new());
        let mut world = World { sandbox, clock, folder, http, keys, token, external };
        world.log_in().await;
        world
    }

    fn set(&self, changes: Value) {
        self.sandbox.doku.change_settings(changes.as_object().cloned().unwrap()).unwrap();
    }

    /// A token call with these headers and this body.
    async fn ask_token(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.http.post(format!("{}{TOKEN_PATH}", self.sandbox.url("doku")));
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        read(request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap()).await
    }

    async fn log_in(&mut self) {
        let timestamp = stamp(self.clock.now());
        let client = &self.keys.client_id;
        let signature = asymmetric(&self.keys.private_key, &format!("{client}|{timestamp}"));
        let headers =
            [("X-CLIENT-KEY", client.as_str()), ("X-TIMESTAMP", &timestamp), ("X-SIGNATURE", signature.as_str())];
        let answer = self.ask_token(&headers, "{\"grantType\":\"client_credentials\"}").await;
        assert_eq!((answer.http, answer.code()), (200, "2007300"));
        self.token = answer.body["accessToken"].as_str().unwrap().to_owned();
    }

    async fn raw(&self, path: &str, body: &str, twist: Twist<'_>) -> Option<Answer> {
        let timestamp = stamp(self.clock.now());
        let external = self.external.fetch_add(1, Ordering::Relaxed).to_string();
        let signed = twist.signed_body.unwrap_or(body);
        let mut headers = vec![
            ("Authorization", format!("Bearer {}", self.token)),
            ("X-PARTNER-ID", self.keys.client_id.clone()),
            ("X-EXTERNAL-ID", external),
            ("X-TIMESTAMP", timestamp.clone()),
            ("X-SIGNATURE", symmetric(&self.keys.secret_key, path, &self.token, signed, &timestamp)),
            ("CHANNEL-ID", "H2H".into()),
        ];
        for (name, value) in twist.headers {
            headers.iter_mut().filter(|header| header.0 == *name).for_each(|header| header.1 = (*value).to_owned());
        }
        let mut request = self.http.post(format!("{}{path}", self.sandbox.url("doku")));
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(name, value);
        }
        let request = request.header("content-type", "application/json").body(body.to_owned());
        Some(read(request.send().await.ok()?).await)
    }

    async fn call(&self, path: &str, body: &Value) -> Answer {
        self.raw(path, &body.to_string(), Twist::default()).await.unwrap()
    }

    /// A session for this account.
    async fn session(&self, bank: &str, account: &str, amount: i64) -> String {
        let answer = self.call(INQUIRY, &inquiry(bank, account, amount)).await;
        assert_eq!((answer.http, answer.code()), (200, "2004200"), "{}", answer.body);
        answer.body["sessionId"].as_str().unwrap().to_owned()
    }

    /// Inquiry and transfer.
    async fn pay(&self, id: &str, bank: &str, account: &str, amount: i64) -> Option<Answer> {
        let session = self.session(bank, account, amount).await;
        self.raw(TRANSFER, &order(id, bank, account, amount, &session).to_string(), Twist::default()).await
    }

    async fn send(&self, id: &str, account: &str, amount: i64) -> Answer {
        self.pay(id, "014", account, amount).await.unwrap()
    }

    async fn status(&self, id: &str) -> Answer {
        self.call(QR_STATUS, &json!({ "originalPartnerReferenceNo": id, "serviceCode": "43" })).await
    }

    fn row(&self, id: &str) -> Row {
        self.sandbox.doku.payment(id).unwrap()
    }

    /// The notifications about a payment, once there are `count`.
    async fn told(&self, id: &str, count: usize) -> Vec<String> {
        let of = || -> Vec<String> {
            let bodies = self.sandbox.merchant.received().into_iter();
            let bodies = bodies.map(|receipt| serde_json::from_str::<Value>(&receipt.body).unwrap());
            bodies.filter(|b| b["sendTrxId"] == id).map(|b| b["message"].as_str().unwrap().to_owned()).collect()
        };
        self.sandbox.merchant.wait_for(|_| of().len() >= count).await;
        of()
    }

    async fn end(self) {
        let Summary { opening, top_ups, paid, reserved, balance, available, .. } = self.sandbox.doku.summary();
        assert_eq!((opening + top_ups - paid, balance - reserved), (balance, available));
        self.sandbox.stop().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

async fn read(answer: reqwest::Response) -> Answer {
    let http = answer.status().as_u16();
    Answer { http, body: serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default() }
}

fn inquiry(bank: &str, account: &str, amount: i64) -> Value {
    json!({ "partnerReferenceNo": "INQ-1", "customerNumber": "6281234567890",
            "amount": { "value": format!("{amount}.00"), "currency": "IDR" }, "beneficiaryAccountNumber": account,
            "additionalInfo": { "beneficiaryBankCode": bank, "beneficiaryAccountName": "Budi", "senderCountryCode": "ID" } })
}

fn order(id: &str, bank: &str, account: &str, amount: i64, session: &str) -> Value {
    json!({ "partnerReferenceNo": id, "customerNumber": "6281234567890", "beneficiaryAccountNumber": account,
            "beneficiaryBankCode": bank, "amount": { "value": format!("{amount}.00"), "currency": "IDR" },
            "sessionId": session, "additionalInfo": { "beneficiaryAccountName": "Budi", "remark": "Invoice 12" } })
}

#[test]
fn the_vectors_are_accepted() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/doku-vectors.json")).unwrap();
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap_or_default().to_owned();
    let of = |kind: &str| vectors.iter().filter(|v| v["kind"] == kind).cloned().collect::<Vec<_>>();
    let symmetric = of("snap-symmetric");
    assert_eq!(symmetric.len(), 8);
    for vector in &symmetric {
        let signed = text(vector, "string_to_sign");
        let parts: Vec<&str> = signed.splitn(5, ':').collect();
        let (secret, signature, body) = (text(vector, "secret"), text(vector, "signature"), text(vector, "body"));
        let with = |body: &str, token: &str| {
            let [method, path, _, _, timestamp] = parts[..] else { panic!("five parts") };
            Signed { method, path, token, body: body.as_bytes(), timestamp }.is_by(&secret, &signature)
        };
        assert!(with(&body, parts[2]), "{}", vector["name"]);
        assert!(!with(&body, "another-token") && !with(&format!("{body}x"), parts[2]), "{}", vector["name"]);
    }
    // What is signed compactly may be sent with spaces, and with escapes.
    let check = |name: &str, body: &str| {
        let vector = symmetric.iter().find(|v| v["name"].as_str().unwrap().starts_with(name)).unwrap();
        let signed = text(vector, "string_to_sign");
        let [method, path, token, _, timestamp] = signed.splitn(5, ':').collect::<Vec<_>>()[..] else { panic!() };
        let signed = Signed { method, path, token, body: body.as_bytes(), timestamp };
        signed.is_by(&text(vector, "secret"), &text(vector, "signature"))
    };
    let compact = text(symmetric.iter().find(|v| v["name"] == "S4 kirim transfer-bank").unwrap(), "body");
    assert!(check("S4", &compact.replace(',', ", ").replace(':', ": ")));
    assert!(!check("S4", &compact.replace("25000.00", "250000.00")));
    assert!(check("S7a", "{ \"name\" : \"Caf\\u00e9\" }"), "read and written again");
    assert!(!check("S7b", "{\"name\":\"Café\"}"), "escapes that were not sent are not guessed");
    assert!(!check("S7a", "{\"name\":\"Café\""), "not JSON");

    let keys = [
        ("merchant-test-only", include_str!("vectors/merchant-test-only.pub.pem")),
        ("doku-test-only", include_str!("vectors/doku-test-only.pub.pem")),
    ];
    let asymmetric = of("snap-asymmetric");
    assert_eq!(asymmetric.len(), 2);
    for vector in &asymmetric {
        for (name, key) in keys {
            let good = is_signed_by(&pem(key), &text(vector, "string_to_sign"), &text(vector, "signature"));
            assert_eq!(good, vector["key"] == name, "{}", vector["name"]);
        }
    }
}

#[tokio::test]
async fn a_token_is_given_to_who_signs_for_it() {
    let world = World::new().await;
    let client = world.keys.client_id.as_str();
    let grant = "{\"grantType\":\"client_credentials\"}";
    let sign = |timestamp: &str| asymmetric(&world.keys.private_key, &format!("{client}|{timestamp}"));
    let now = stamp(noon());
    let signature = sign(&now);
    let late = stamp(noon() - Duration::from_secs(301));
    for (who, when, how, body, code) in [
        ("", now.as_str(), signature.as_str(), grant, "4007302 Invalid Mandatory Field X-CLIENT-KEY"),
        (client, "", &signature, grant, "4007302 Invalid Mandatory Field X-TIMESTAMP"),
        (client, &now, "", grant, "4007302 Invalid Mandatory Field X-SIGNATURE"),
        (client, "15-01-2026", &signature, grant, "4007301 Invalid Field Format X-TIMESTAMP"),
        ("BRN-1", &now, &signature, grant, "4017300 Unauthorized. Unknown Client"),
        (client, &late, &sign(&late), grant, "4017300 Unauthorized. Invalid Timestamp"),
        (client, &now, "bm8=", grant, "4017300 Unauthorized. Invalid Signature"),
        (client, &now, &sign("another"), grant, "4017300 Unauthorized. Invalid Signature"),
        (client, &now, &signature, "{}", "4007302 Invalid Mandatory Field grantType"),
        (client, &now, &signature, "{\"grantType\":\"password\"}", "4007301 Invalid Field Format grantType"),
    ] {
        let answer = world.ask_token(&[("X-CLIENT-KEY", who), ("X-TIMESTAMP", when), ("X-SIGNATURE", how)], body).await;
        let told = format!("{} {}", answer.code(), answer.body["responseMessage"].as_str().unwrap());
        assert_eq!((told.as_str(), answer.http), (code, code[..3].parse().unwrap()));
    }
    // Every way of writing the time that was seen in the wild.
    for when in ["2026-01-15T05:00:00Z", "2026-01-15T05:00:00.000Z", "2026-01-15T05:00:00-00:00"] {
        let signature = sign(when);
        let headers = [("X-CLIENT-KEY", client), ("X-TIMESTAMP", when), ("X-SIGNATURE", signature.as_str())];
        let answer = world.ask_token(&headers, "{\"grantType\":\"client_credentials\",\"additionalInfo\":\"\"}").await;
        assert_eq!((answer.code(), &answer.body["expiresIn"]), ("2007300", &json!(900)), "{when}");
        let token = answer.body["accessToken"].as_str().unwrap();
        let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let public = world.sandbox.describe()["doku"]["public_key"].as_str().unwrap().to_owned();
        let signature = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
        assert!(is_signed_by(&pem(&public), &format!("{head}.{claims}"), &signature));
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
        assert_eq!((&claims["iss"], &claims["clientId"]), (&json!("DOKU"), &json!(client)));
    }
    world.end().await;
}

#[tokio::test]
async fn who_may_call() {
    let mut world = World::new().await;
    let body = json!({ "accountNo": AGENT_KEY }).to_string();
    let early = stamp(noon() + Duration::from_secs(301));
    for (name, value, code) in [
        ("X-PARTNER-ID", "", "4001102 Invalid Mandatory Field X-PARTNER-ID"),
        ("X-EXTERNAL-ID", "", "4001102 Invalid Mandatory Field X-EXTERNAL-ID"),
        ("X-TIMESTAMP", "", "4001102 Invalid Mandatory Field X-TIMESTAMP"),
        ("X-SIGNATURE", "", "4001102 Invalid Mandatory Field X-SIGNATURE"),
        ("CHANNEL-ID", "", "4001102 Invalid Mandatory Field CHANNEL-ID"),
        ("X-TIMESTAMP", "now", "4001101 Invalid Field Format X-TIMESTAMP"),
        ("X-EXTERNAL-ID", "1234567890123456789012345678901234567", "4001101 Invalid Field Format X-EXTERNAL-ID"),
        ("Authorization", "", "4011101 Invalid Token (B2B)"),
        ("Authorization", "Bearer x", "4011101 Invalid Token (B2B)"),
        ("X-PARTNER-ID", "BRN-1", "4011100 Unauthorized. Unknown Client"),
        ("X-TIMESTAMP", early.as_str(), "4011100 Unauthorized. Invalid Timestamp"),
        ("X-SIGNATURE", "bm8=", "4011100 Unauthorized. Invalid Signature"),
    ] {
        let twist = Twist { headers: &[(name, value)], ..Twist::default() };
        let answer = world.raw(BALANCE, &body, twist).await.unwrap();
        let told = format!("{} {}", answer.code(), answer.body["responseMessage"].as_str().unwrap());
        assert_eq!((told.as_str(), answer.http), (code, code[..3].parse().unwrap()));
    }
    // A body that was changed on its way is refused; one that is only written another way is not.
    let spaced = "{ \"accountNo\" : \"A41879\" }";
    let twist = || Twist { signed_body: Some(&body), ..Twist::default() };
    assert_eq!(world.raw(BALANCE, spaced, twist()).await.unwrap().code(), "2001100");
    assert_eq!(world.raw(BALANCE, &spaced.replace("18", "81"), twist()).await.unwrap().code(), "4011100");

    // An X-EXTERNAL-ID is used once in a day of Jakarta, and refused calls do not use it up. It need not be a number.
    let named = || Twist { headers: &[("X-EXTERNAL-ID", "uuid-1")], ..Twist::default() };
    let forged = Twist { headers: &[("X-EXTERNAL-ID", "uuid-1"), ("X-SIGNATURE", "bm8=")], ..Twist::default() };
    assert_eq!(world.raw(BALANCE, &body, forged).await.unwrap().code(), "4011100");
    assert_eq!(world.raw(BALANCE, &body, named()).await.unwrap().code(), "2001100");
    assert_eq!(world.raw(BALANCE, &body, named()).await.unwrap().code(), "4091100");
    world.clock.advance(Duration::from_secs(12 * 3600));
    assert_eq!(world.raw(BALANCE, &body, named()).await.unwrap().code(), "4011101", "the token is over");
    world.log_in().await;
    assert_eq!(world.raw(BALANCE, &body, named()).await.unwrap().code(), "2001100", "midnight in Jakarta has passed");

    let first = world.token.clone();
    world.clock.advance(SECOND);
    world.log_in().await;
    let second = std::mem::replace(&mut world.token, first);
    assert_eq!(world.call(BALANCE, &json!({ "accountNo": AGENT_KEY })).await.code(), "2001100", "both are good");
    world.set(json!({ "strict_token": true }));
    assert_eq!(world.call(BALANCE, &json!({ "accountNo": AGENT_KEY })).await.code(), "4011101");
    world.token = second;
    assert_eq!(world.call(BALANCE, &json!({ "accountNo": AGENT_KEY })).await.code(), "2001100");
    for path in ["/snap/v1.0/emoney/transfer-bank", "/kirim-doku/v1/transfer", "/control/books"] {
        assert_eq!(world.call(path, &json!({})).await.http, 404, "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_payout_is_quoted_sent_and_read() {
    let world = World::new().await;
    let quoted = world.call(INQUIRY, &inquiry("014", GOOD, 25_000)).await;
    let session = quoted.body["sessionId"].as_str().unwrap().to_owned();
    assert!(session.starts_with('I') && session.len() <= 25);
    assert_eq!((quoted.code(), &quoted.body["beneficiaryAccountName"]), ("2004200", &json!("John Doe")));
    assert_eq!(quoted.body["amount"], json!({ "value": "25000.00", "currency": "IDR" }));
    let paid = world.call(TRANSFER, &order("PO-1", "014", GOOD, 25_000, &session)).await;
    let wanted = json!({
        "responseCode": "2004300", "responseMessage": "Successful", "referenceNo": "DK0000001",
        "partnerReferenceNo": "PO-1", "transactionDate": "2026-01-15T12:00:00+07:00", "referenceNumber": "000000000001",
        "additionalInfo": { "sessionId": session, "amount": "25000.00" }
    });
    assert_eq!((paid.http, paid.body), (200, wanted));
    assert!(world.row("PO-1").moved);
    let read = world.status("PO-1").await;
    let wanted = json!({
        "responseCode": "2005300", "responseMessage": "Successful", "originalPartnerReferenceNo": "PO-1",
        "originalReferenceNo": "DK0000001", "serviceCode": "43", "latestTransactionStatus": "00",
        "transactionStatusDesc": "Success", "amount": { "value": "25000.00", "currency": "IDR" },
        "transactionDate": "2026-01-15T12:00:00+07:00", "originalResponseCode": "2004300",
        "originalResponseMessage": "Successful", "additionalInfo": {}
    });
    assert_eq!(read.body, wanted);
    let other =
        world.call(TRANSFER_STATUS, &json!({ "originalPartnerReferenceNo": "PO-1", "serviceCode": "43" })).await;
    assert_eq!((other.code(), other.status()), ("2003600", "00"));

    let session = world.session("014", GOOD, 10_000).await;
    world.set(json!({ "sync": false, "numeric_response_code": true }));
    let accepted = world.call(TRANSFER, &order("PO-2", "014", GOOD, 10_000, &session)).await;
    assert_eq!((accepted.http, &accepted.body["responseCode"]), (202, &json!(2_024_300)));
    world.set(json!({ "numeric_response_code": false }));
    let pending = world.status("PO-2").await;
    assert_eq!((pending.status(), &pending.body["originalResponseCode"]), ("03", &json!("2024300")));
    let balance = world.call(BALANCE, &json!({ "accountNo": AGENT_KEY })).await;
    let amounts = |infos: &Value, name: &str| [infos["holdAmount"]["value"].clone(), infos[name]["value"].clone()];
    let wanted = [json!("10000.00"), json!(format!("{}.00", OPENING_BALANCE - 35_000))];
    assert_eq!(amounts(&balance.body["accountInfos"][0], "availableBalance"), wanted);
    world.set(json!({ "docs_form": true }));
    let balance = world.call(BALANCE, &json!({ "accountNo": AGENT_KEY })).await;
    assert_eq!(amounts(&balance.body["accountInfos"], "avaliableBalance"), wanted);
    assert_eq!(world.call(BALANCE, &json!({ "accountNo": "A00000" })).await.code(), "4041108");
    world.clock.advance(SECOND);
    assert_eq!(world.status("PO-2").await.status(), "00");

    assert_eq!(world.status("never").await.code(), "4045301");
    let other = world.call(TRANSFER_STATUS, &json!({ "originalPartnerReferenceNo": "no", "serviceCode": "43" })).await;
    assert_eq!(other.code(), "4043601");
    world.set(json!({ "unknown_as_07": true }));
    let unknown = world.status("never").await;
    assert_eq!((unknown.code(), unknown.status()), ("2005300", "07"));
    let wrong = world.call(QR_STATUS, &json!({ "originalPartnerReferenceNo": "PO-1", "serviceCode": "47" })).await;
    assert_eq!(wrong.code(), "4005301");
    assert_eq!(world.call(QR_STATUS, &json!({ "serviceCode": "43" })).await.code(), "4005302");
    world.end().await;
}

#[tokio::test]
async fn references_and_sessions_are_used_once() {
    let world = World::new().await;
    assert_eq!(world.send("PO-1", GOOD, 10_000).await.code(), "2004300");
    assert_eq!(world.send("PO-1", GOOD, 10_000).await.code(), "4094301");
    assert_eq!(world.send("PO-1", GOOD, 99_000).await.code(), "4094301");
    let session = world.session("014", GOOD, 10_000).await;
    let send = async |id: &str, bank: &str, account: &str, amount: i64, session: &str| {
        world.call(TRANSFER, &order(id, bank, account, amount, session)).await.code().to_owned()
    };
    assert_eq!(send("PO-2", "014", GOOD, 10_000, &session).await, "2004300");
    assert_eq!(send("PO-3", "014", GOOD, 10_000, &session).await, "4044318", "used");
    assert_eq!(send("PO-3", "014", GOOD, 10_000, "I0438729855304540").await, "4044318", "never given out");
    for (bank, account, amount) in [("002", GOOD, 10_000), ("014", "1239812391", 10_000), ("014", GOOD, 10_001)] {
        let session = world.session("014", GOOD, 10_000).await;
        assert_eq!(send("PO-3", bank, account, amount, &session).await, "4044318");
        assert_eq!(send("PO-3", "014", GOOD, 10_000, &session).await, "4044318", "naming it once is enough");
    }
    let session = world.session("014", GOOD, 10_000).await;
    world.set(json!({ "token_life_s": 10_000 }));
    let mut world = world;
    world.log_in().await;
    world.clock.advance(Duration::from_secs(900));
    assert_eq!(world.call(TRANSFER, &order("PO-3", "014", GOOD, 10_000, &session)).await.code(), "4044318", "over");
    assert_eq!(world.send("PO-3", GOOD, OPENING_BALANCE).await.code(), "4034314");
    assert_eq!(world.status("PO-3").await.code(), "4045301", "a refusal creates nothing");
    assert_eq!((world.row("PO-3").code.as_str(), world.row("PO-3").provider_ref.as_str()), ("4034314", ""));
    assert_eq!(world.send("PO-3", GOOD, 10_000).await.code(), "2004300", "a refused reference may come again");
    let answer = world.call(INQUIRY, &inquiry("014", "9000000404", 10_000)).await;
    assert_eq!((answer.http, answer.code()), (404, "4044211"));
    let answer = world.send("PO-4", "9000000405", 10_000).await;
    assert_eq!((answer.http, answer.code()), (404, "4044311"));
    let summary = world.sandbox.doku.summary();
    assert_eq!((summary.paid, summary.paid_count, summary.rejected_count), (30_000, 3, 1));
    world.end().await;
}

#[tokio::test]
async fn the_form_is_checked() {
    let world = World::new().await;
    let put = |mut body: Value, path: &str, value: Value| {
        *body.pointer_mut(&format!("/{}", path.replace('.', "/"))).unwrap() = value;
        body
    };
    for (field, value, case) in [
        ("customerNumber", Value::Null, "02"),
        ("customerNumber", json!("call me"), "01"),
        ("amount", Value::Null, "02"),
        ("amount.value", json!("25000"), "01"),
        ("amount.value", json!("25000.50"), "01"),
        ("amount.value", json!("0.00"), "01"),
        ("amount.value", json!(25_000), "01"),
        ("amount.currency", json!("USD"), "01"),
        ("beneficiaryAccountNumber", json!(""), "02"),
        ("beneficiaryAccountNumber", json!("12-3"), "01"),
        ("additionalInfo.beneficiaryBankCode", json!("BCA"), "01"),
        ("additionalInfo.beneficiaryAccountName", Value::Null, "02"),
        ("additionalInfo.senderCountryCode", Value::Null, "02"),
        ("partnerReferenceNo", json!("x".repeat(65)), "01"),
    ] {
        let answer = world.call(INQUIRY, &put(inquiry("014", GOOD, 10_000), field, value.clone())).await;
        assert_eq!((answer.http, answer.code()), (400, format!("40042{case}").as_str()), "{field} = {value}");
        assert!(answer.body["responseMessage"].as_str().unwrap().contains(field), "{}", answer.body);
    }
    let session = world.session("014", GOOD, 10_000).await;
    for (field, value, case) in [
        ("partnerReferenceNo", Value::Null, "02"),
        ("customerNumber", Value::Null, "02"),
        ("beneficiaryBankCode", json!("1"), "01"),
        ("sessionId", json!(""), "02"),
        ("sessionId", json!("I".repeat(26)), "01"),
        ("additionalInfo", json!({ "channelCode": "09" }), "01"),
    ] {
        let answer = world.call(TRANSFER, &put(order("PO", "014", GOOD, 10_000, &session), field, value.clone())).await;
        assert_eq!((answer.http, answer.code()), (400, format!("40043{case}").as_str()), "{field} = {value}");
    }
    assert_eq!(world.call(TRANSFER, &json!("not an object")).await.code(), "4004302");
    let answer = world.call(TRANSFER, &order("PO", "014", GOOD, 10_000, &session)).await;
    assert_eq!(answer.code(), "2004300", "a call that was never read used no session");
    world.end().await;
}

#[tokio::test]
async fn the_documented_accounts_do_as_documented() {
    let world = World::new().await;
    world.set(json!({ "callback_url": format!("{}/webhooks/doku", world.sandbox.merchant_url()) }));
    let fails = world.pay("fails", "002", "0012345600", 10_000).await.unwrap();
    let pays = world.pay("pays", "014", "0012345600", 20_000).await.unwrap();
    let returns = world.send("returns", "7746555134", 30_000).await;
    assert_eq!((fails.code(), pays.code(), returns.code()), ("2024300", "2024300", "2024300"));
    let session = world.session("002", "0012345600", 40_000).await;
    let mut fast = order("fast", "002", "0012345600", 40_000, &session);
    fast["additionalInfo"]["channelCode"] = "11".into();
    assert_eq!(world.call(TRANSFER, &fast).await.code(), "2004300", "only a deposit to 002 fails");
    for id in ["fails", "pays", "returns"] {
        assert_eq!(world.status(id).await.status(), "03", "{id}");
    }
    world.clock.advance(SECOND);
    for (id, status) in [("fails", "06"), ("pays", "00"), ("returns", "00"), ("fast", "00")] {
        assert_eq!(world.status(id).await.status(), status, "{id}");
    }
    assert_eq!(world.sandbox.doku.summary().paid, 90_000);
    world.clock.advance(SECOND);
    assert_eq!(world.status("returns").await.status(), "04");
    let row = world.row("returns");
    assert!(row.returned && !row.moved);
    assert_eq!(world.sandbox.doku.summary().paid, 60_000);
    assert_eq!(world.told("fails", 1).await, ["Transaction is Failed"]);
    assert_eq!(world.told("pays", 1).await, ["Transaction is Success"]);
    assert_eq!(world.told("returns", 2).await, ["Transaction is Success", "Transaction is Refunded"]);
    assert_eq!(world.sandbox.merchant.summary().received, 4, "what was paid at once is not told");

    // What was paid may come back; anything else is a contradiction.
    let doku = &world.sandbox.doku;
    assert!(doku.finish("fast", "06", None, false).is_err());
    assert!(doku.finish("fast", "04", None, false).unwrap().returned);
    assert!(doku.finish("fast", "00", None, false).is_err());
    assert!(doku.finish("fast", "00", None, true).unwrap().moved);
    assert!(doku.finish("fast", "07", None, true).is_err());
    world.end().await;
}

#[tokio::test]
async fn notifications_are_signed_and_climb_their_ladder() {
    let world = World::new().await;
    world.set(json!({ "sync": false, "callback_url": format!("{}/webhooks/doku", world.sandbox.merchant_url()) }));
    let merchant = &world.sandbox.merchant;
    merchant.add_fault(Fault::new(Kind::HttpErrorBefore).on("doku").http_status(500)).unwrap();
    let tries = |count: usize| {
        world.sandbox.doku.wait_for(move |doku| Some(doku.callbacks()).filter(|tries| tries.len() == count))
    };
    world.send("PO-1", GOOD, 10_000).await;
    world.clock.advance(SECOND);
    let mut seen = tries(1).await;
    for (n, wait) in CALLBACK_RETRY_S.into_iter().enumerate() {
        world.clock.advance(Duration::from_secs(wait));
        seen = tries(n + 2).await;
    }
    let from_first: Vec<i64> = seen.iter().map(|t| (t.at - seen[0].at).num_seconds()).collect();
    assert_eq!(from_first, [0, 1800, 6 * 3600, 12 * 3600]);
    let body: Value = serde_json::from_str(&merchant.received()[0].body).unwrap();
    let wanted = json!({
        "sendTrxId": "PO-1", "transactionId": "DK0000001", "activityCode": "200",
        "message": "Transaction is Success", "processDate": "2026-01-15T12:00:01+07:00"
    });
    assert_eq!(body, wanted);
    world.end().await;
}

#[tokio::test]
async fn a_notification_carries_the_legacy_signature() {
    let world = World::new().await;
    let key = world.sandbox.describe()["doku"]["encryption_key"].as_str().unwrap().to_owned();
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/payouts", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(move |headers: axum::http::HeaderMap| {
        let heard = heard.clone();
        async move { heard.send(headers).map_err(|_| axum::http::StatusCode::GONE) }
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    world.set(json!({ "sync": false, "settle_after_ms": 0, "callback_url": url }));
    world.send("PO-1", GOOD, 10_000).await;
    let headers = hears.recv().await.unwrap();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("agentKey"), AGENT_KEY);
    let mut secret = STANDARD.decode(text("signature")).unwrap();
    let cipher = UnboundCipherKey::new(&AES_128, key.as_bytes()).unwrap();
    let cipher = PaddedBlockDecryptingKey::ecb_pkcs7(cipher).unwrap();
    let plain = cipher.decrypt(&mut secret, DecryptionContext::None).unwrap();
    assert_eq!(plain, format!("{AGENT_KEY}{}", text("requestId")).as_bytes());
    server.abort();
    world.end().await;
}

#[tokio::test]
async fn a_second_start_finds_everything_again() {
    let mut world = World::new().await;
    world.set(json!({ "sync": false }));
    world.send("pending", GOOD, 10_000).await;
    world.send("refused", "9000000405", 10_000).await;
    let session = world.session("014", GOOD, 20_000).await;
    let named = || Twist { headers: &[("X-EXTERNAL-ID", "once")], ..Twist::default() };
    let body = json!({ "accountNo": AGENT_KEY }).to_string();
    assert_eq!(world.raw(BALANCE, &body, named()).await.unwrap().code(), "2001100");
    let books = world.sandbox.doku.books();
    world.sandbox.stop().await;
    world.sandbox = open(&world.folder, &world.clock).await.unwrap();
    assert_eq!(world.sandbox.doku.books().payments, books.payments);
    let again = world.sandbox.doku.credentials();
    assert_eq!((&again.secret_key, &again.private_key), (&world.keys.secret_key, &world.keys.private_key));
    assert_eq!(world.raw(BALANCE, &body, named()).await.unwrap().code(), "4091100", "and the token is still good");
    assert_eq!(world.call(TRANSFER, &order("PO-1", "014", GOOD, 20_000, &session)).await.code(), "2024300");
    assert_eq!(world.send("pending", GOOD, 10_000).await.code(), "4094301");
    world.clock.advance(SECOND);
    let moved = world.sandbox.doku.wait_for(|doku| doku.payment("pending").filter(|row| row.moved)).await;
    assert_eq!(moved.code, "00");
    world.log_in().await;
    world.end().await;
}

#[tokio::test]
async fn faults_are_those_of_the_chassis() {
    let world = World::new().await;
    let doku = &world.sandbox.doku;
    let once = |kind, id: &str| Fault::new(kind).on("transfer").reference(id).times(1);
    for (fault, answered, booked) in [
        (once(Kind::DropRequest, "f1"), None, false),
        (once(Kind::DropResponse, "f2"), None, true),
        (once(Kind::HttpErrorBefore, "f3").http_status(503), Some((503, "-")), false),
        (once(Kind::HttpErrorAfter, "f4").http_status(504), Some((504, "-")), true),
        (once(Kind::Garbage, "f5"), Some((200, "-")), true),
        (once(Kind::WrongCode, "f6").code("5004300"), Some((500, "5004300")), true),
        (once(Kind::Refuse, "f7").code("4034306"), Some((403, "4034306")), false),
        (once(Kind::Refuse, "f8").code("4294300"), Some((429, "4294300")), false),
        (once(Kind::WrongAmount, "f9"), Some((200, "2004300")), true),
        (once(Kind::End, "f10").code("06"), Some((202, "2024300")), true),
        (once(Kind::End, "f11").code("03"), Some((202, "2024300")), true),
        (once(Kind::End, "f12").code("04"), Some((202, "2024300")), true),
    ] {
        let id = fault.reference.clone().unwrap();
        doku.add_fault(fault).unwrap();
        let answer = world.pay(&id, "014", GOOD, 10_000).await;
        assert_eq!(answer.as_ref().map(|a| (a.http, a.code())), answered, "{id}");
        assert_eq!(doku.payment(&id).is_some(), booked, "{id}");
        if id == "f9" {
            assert_eq!(answer.unwrap().body["additionalInfo"]["amount"], "1000000.00");
        }
    }
    world.clock.advance(SECOND);
    for (id, status) in [("f10", "06"), ("f11", "03"), ("f12", "04"), ("f2", "00")] {
        assert_eq!(world.status(id).await.status(), status, "{id}");
    }
    let on = |kind| Fault::new(kind).on("status").account(GOOD).times(1);
    doku.add_fault(on(Kind::WrongCode).code("06")).unwrap();
    assert_eq!(world.status("f2").await.status(), "06");
    doku.add_fault(on(Kind::WrongAmount)).unwrap();
    assert_eq!(world.status("f2").await.body["amount"]["value"], "1000000.00");
    assert_eq!(world.status("f2").await.status(), "00");
    for refused in [
        Fault::new(Kind::SuspectFirst),
        Fault::new(Kind::ForceCredit),
        Fault::new(Kind::Refuse).code("06"),
        Fault::new(Kind::Refuse).code("0004300"),
        Fault::new(Kind::End).code("4034314"),
        Fault::new(Kind::WrongCode).code("123"),
    ] {
        assert!(doku.add_fault(refused).is_err());
    }
    doku.add_fault(Fault::new(Kind::Refuse).on("token").code("5007300")).unwrap();
    assert_eq!(world.ask_token(&[], "{}").await.http, 500);
    world.end().await;
}

#[tokio::test]
async fn notifications_misbehave_on_demand() {
    let world = World::new().await;
    world.set(json!({ "sync": false, "callback_url": format!("{}/webhooks/doku", world.sandbox.merchant_url()) }));
    let fault = |kind, id: &str| world.sandbox.doku.add_fault(Fault::new(kind).reference(id)).unwrap();
    fault(Kind::DuplicateCallback, "twice");
    fault(Kind::DropCallback, "never");
    fault(Kind::ReorderCallbacks, "reordered");
    for id in ["never", "twice", "reordered"] {
        world.send(id, GOOD, 10_000).await;
    }
    world.send("returned", "7746555134", 10_000).await;
    fault(Kind::CallbackFirst, "first");
    let first = |receipt: &Receipt| receipt.body.contains("\"first\"");
    assert_eq!(world.send("first", GOOD, 10_000).await.code(), "2024300");
    assert!(world.sandbox.merchant.received().iter().any(first), "told before the answer");
    world.clock.advance(SECOND);
    assert_eq!(world.told("twice", 2).await.len(), 2);
    assert_eq!(world.told("reordered", 2).await, ["Transaction is Success", "Transaction is Pending"]);
    fault(Kind::ReorderCallbacks, "returned");
    world.told("returned", 1).await;
    world.clock.advance(SECOND);
    let told = world.told("returned", 3).await;
    assert_eq!(told.last().unwrap(), "Transaction is Success", "{told:?}");
    assert!(!world.sandbox.merchant.received().iter().any(|receipt| receipt.body.contains("\"never\"")));
    world.end().await;
}
