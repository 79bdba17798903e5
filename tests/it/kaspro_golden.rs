//! The KasPro adapter against golden vectors: its signature, each request byte for byte, and every row of
//! contracts/kaspro.md section 3 with what it proves. The tables here are read from the contract, not from the code.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use paystrator::clock::Clock;
use paystrator::crypto::secret::Personal;
use paystrator::domain::evidence::{Fault, Verdict};
use paystrator::domain::money::{Currency, Money};
use paystrator::domain::sequence::Reach;
use paystrator::outbound::Outbound;
use paystrator::providers::kaspro::signing;
use paystrator::providers::registry::Providers;
use paystrator::providers::{Call, CallbackReading, Order, RawCallback, Reading, SendMoney, Wish};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::bad::{CLOSED, Captured};
use crate::support::golden::{self, Oracle, capture, header};

/// Our reference, and how KasPro takes it.
const REFERENCE: &str = "ps0123456789abcdefghjkmnpq";
const REQUEST_ID: &str = "PS0123456789ABCDEFGHJKMNPQ";
const ACCOUNT: &str = "1239812390";
const SECRET: &str = "test-hmac-secret";
const TOKEN: &str = "/authentication-server/oauth/token";
const CASH_OUT: &str = "/bank-transfer/";
const STATUS: &str = "/transaction-status/";

const TOKEN_SAID: &str = r#"{"access_token":"a-token","token_type":"bearer","expires_in":600}"#;

/// `Mon, 04 Oct 2021 07:00:30 GMT`, the instant of the vectors.
fn clock() -> Clock {
    Clock::manual("2021-10-04T07:00:30Z".parse::<DateTime<Utc>>().unwrap())
}

fn credentials() -> Value {
    json!({ "client_id": "an id", "client_secret": "a+secret/&=", "hmac_key": "partner-1", "hmac_secret": SECRET })
}

fn settings(url: &str, status_path: Option<&str>) -> Value {
    let mut settings = json!({ "base_url": url, "origin": "203.0.113.7", "mobile_number": "+6281234567890" });
    if let Some(path) = status_path {
        settings["status_path"] = json!(path);
    }
    settings
}

fn call_by(door: &Outbound, clock: &Clock, settings: Value) -> Call {
    golden::call(door, "kaspro", clock, "partner-1", &credentials(), settings)
}

fn adapter(providers: &Providers) -> &dyn SendMoney {
    providers.get("kaspro").unwrap().send_money().unwrap()
}

/// The adapter without waits between calls.
fn providers(mut changes: Value) -> Providers {
    changes["per_second"] = json!(0);
    golden::providers("kaspro", changes)
}

fn order(adapter: &dyn SendMoney) -> Order {
    let wish = Wish {
        reference: REFERENCE,
        destination: "BCA",
        account: &Personal::new(ACCOUNT),
        name: &Personal::new("Budi Santoso"),
        money: Money::new(125_000, Currency::Idr),
        remark: "Invoice 12",
        settings: &settings("http://unused", None),
    };
    adapter.order(&wish).unwrap()
}

// Signatures and requests.

#[test]
fn the_vectors_of_the_contract_are_what_we_sign() {
    let date = signing::date(clock().now());
    assert_eq!(date, "Mon, 04 Oct 2021 07:00:30 GMT");
    for (method, path, expected) in [
        ("get", "/customer-account-inquiry/", "NiJr0x3EENyj3rX8nmyKC2+5ik6nk2+fD60dxuzx6k8="),
        ("POST", "/bank-transfer/", "Ikzs2nD179XYua7K49uBdU9vCL4SxXvwuDXZfVki0XA="),
    ] {
        assert_eq!(signing::signature(SECRET, method, path, &date), expected);
    }
    let header = signing::header("partner-1", "a+b/c=");
    let expected = r#"Signature keyId="partner-1",algorithm="hmac-sha256",headers="(request-target) date",signature="a%2Bb%2Fc%3D""#;
    assert_eq!(header, expected);
    // A single-digit day has its zero, and the zone is GMT wherever we run.
    assert_eq!(signing::date("2026-01-01T00:00:00+07:00".parse().unwrap()), "Wed, 31 Dec 2025 17:00:00 GMT");
}

/// Checks a captured call's signature by the contract.
fn checked(request: &str) -> &str {
    let line = request.lines().next().unwrap();
    let (method, target) = (line.split(' ').next().unwrap(), line.split(' ').nth(1).unwrap());
    let path = target.split('?').next().unwrap();
    let text = format!("(request-target): {} {path}\ndate: {}", method.to_lowercase(), header(request, "date"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let encoded = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    assert!(header(request, "kaspro-signature").ends_with(&format!(",signature=\"{encoded}\"")), "{request}");
    request
}

#[tokio::test]
async fn requests_byte_for_byte() {
    let (providers, clock, door) = (providers(json!({})), clock(), golden::door());
    let adapter = adapter(&providers);
    let order = order(adapter);
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    adapter.send(&call_by(&door, &clock, settings(&url, None)), &order).await;
    let sent = taken.await.unwrap();
    insta::assert_snapshot!(sent[0], @r###"
    POST /authentication-server/oauth/token HTTP/1.1
    content-type: application/x-www-form-urlencoded
    accept: application/json
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 81

    grant_type=client_credentials&client_id=an%20id&client_secret=a%2Bsecret%2F%26%3D
    "###);
    insta::assert_snapshot!(checked(&sent[1]), @r###"
    POST /bank-transfer/ HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer a-token
    date: Mon, 04 Oct 2021 07:00:30 GMT
    kaspro-signature: Signature keyId="partner-1",algorithm="hmac-sha256",headers="(request-target) date",signature="Ikzs2nD179XYua7K49uBdU9vCL4SxXvwuDXZfVki0XA%3D"
    partner-key: partner-1
    origin: 203.0.113.7
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 215

    {"requestId":"PS0123456789ABCDEFGHJKMNPQ","mobileNumber":"081234567890","pocketId":"2","amount":125000,"reference":"PS0123456789ABCDEFGHJKMNPQ","bankCode":"014","bankAccount":"1239812390","destination":"1239812390"}
    "###);
    // The query of a status call is not signed; the path of the base address is.
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    let call = call_by(&door, &clock, settings(&format!("{url}/gateway/"), Some(STATUS)));
    adapter.status(&call, &order).unwrap().await;
    insta::assert_snapshot!(checked(&taken.await.unwrap()[1]), @r###"
    POST /gateway/transaction-status/ HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer a-token
    date: Mon, 04 Oct 2021 07:00:30 GMT
    kaspro-signature: Signature keyId="partner-1",algorithm="hmac-sha256",headers="(request-target) date",signature="s%2FP0pSNDdvTNoun09L%2F537aH10xHkbqdu9YbEJ0p%2FCQ%3D"
    partner-key: partner-1
    origin: 203.0.113.7
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 42

    {"requestId":"PS0123456789ABCDEFGHJKMNPQ"}
    "###);
}

#[tokio::test]
async fn the_names_of_the_fields_and_the_way_to_ask_are_configured() {
    let names = json!({
        "request_id": "partnerTrxId", "mobile_number": "msisdn", "pocket_id": "", "amount": "nominal", "reference": "",
        "bank_code": "bank", "bank_account": "accountNo", "destination": "",
    });
    let providers = providers(json!({ "fields": names, "status_method": "GET", "cash_out_path": "/pay/" }));
    let (adapter, clock, door) = (adapter(&providers), clock(), golden::door());
    let order = order(adapter);
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    adapter.send(&call_by(&door, &clock, settings(&url, None)), &order).await;
    let sent = taken.await.unwrap();
    let (head, body) = checked(&sent[1]).split_once("\n\n").unwrap();
    assert!(head.starts_with("POST /pay/ HTTP/1.1\n"), "{head}");
    let expected = r#"{"partnerTrxId":"PS0123456789ABCDEFGHJKMNPQ","msisdn":"081234567890","nominal":125000,"bank":"014","accountNo":"1239812390"}"#;
    assert_eq!(body, expected);
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    adapter.status(&call_by(&door, &clock, settings(&url, Some(STATUS))), &order).unwrap().await;
    let sent = taken.await.unwrap();
    let head = checked(&sent[1]);
    let asked = "GET /transaction-status/?partnerTrxId=PS0123456789ABCDEFGHJKMNPQ HTTP/1.1\n";
    assert!(head.starts_with(asked), "{head}");
}

#[test]
fn an_order_is_spelled_as_kaspro_takes_it() {
    let providers = providers(json!({}));
    let adapter = adapter(&providers);
    let order = order(adapter);
    assert_eq!(order.reference, REQUEST_ID);
    assert!(order.reference.len() <= 32);
    assert!(order.reference.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-'));
    assert_eq!((order.destination.as_str(), order.note.as_str()), ("014", ""));
    for number in ["+6281234567890", "6281234567890", "081234567890"] {
        let wish = Wish {
            reference: REFERENCE,
            destination: "014",
            account: &Personal::new(ACCOUNT),
            name: &Personal::new("Budi"),
            money: Money::new(1, Currency::Idr),
            remark: "",
            settings: &json!({ "mobile_number": number }),
        };
        let frozen = adapter.order(&wish).unwrap().extras;
        assert_eq!(frozen["mobile_number"].reveal(), "081234567890", "{number}");
    }
    assert_eq!(adapter.reach("BCA", Currency::Idr), Reach::Yes);
    assert_eq!(adapter.reach("BCA", Currency::Myr), Reach::NoCurrency);
    assert_eq!(adapter.reach("OVO", Currency::Idr), Reach::NoDestination);
}

#[test]
fn what_the_contract_does_not_have_is_not_offered() {
    let providers = providers(json!({}));
    let (adapter, clock, door) = (adapter(&providers), clock(), golden::door());
    let call = call_by(&door, &clock, settings("http://unused", None));
    let order = order(adapter);
    assert!(adapter.status(&call, &order).is_none());
    assert!(adapter.inquiry(&call, "BCA", &Personal::new(ACCOUNT)).is_none());
    assert!(adapter.balance(&call).is_none());
    assert!(adapter.resend().is_none());
    assert!(providers.get("kaspro").unwrap().callbacks().is_none());
    let asked = call_by(&door, &clock, settings("http://unused", Some(STATUS)));
    assert!(adapter.status(&asked, &order).is_some());
}

// What answers mean.

/// A provider, the adapter, and a call; a token is given out until told otherwise.
struct World {
    oracle: Oracle,
    providers: Providers,
    clock: Clock,
    door: Outbound,
}

impl World {
    async fn new(changes: Value) -> World {
        let oracle = Oracle::new().await;
        oracle.say(TOKEN, 200, TOKEN_SAID);
        World { oracle, providers: providers(changes), clock: clock(), door: golden::door() }
    }

    fn call(&self) -> Call {
        call_by(&self.door, &self.clock, settings(&self.oracle.url(), Some(STATUS)))
    }

    async fn send(&self) -> Reading {
        let adapter = adapter(&self.providers);
        adapter.send(&self.call(), &order(adapter)).await
    }

    async fn ask(&self) -> Reading {
        let adapter = adapter(&self.providers);
        adapter.status(&self.call(), &order(adapter)).unwrap().await
    }

    /// The reading of a cash-out that is answered so.
    async fn cash_out(&self, status: u16, body: impl ToString) -> Reading {
        self.oracle.say(CASH_OUT, status, body);
        self.send().await
    }

    /// The reading of a status call that is answered so.
    async fn status(&self, status: u16, body: impl ToString) -> Reading {
        self.oracle.say(STATUS, status, body);
        self.ask().await
    }

    fn heard(&self, path: &str) -> Vec<Captured> {
        self.oracle.heard(path)
    }
}

/// The synchronous form, echoing the order.
fn sync(code: impl Into<Value>) -> Value {
    json!({
        "responseId": "OLSFQ20220214101951114", "code": code.into(), "message": "words",
        "data": {
            "bankAccount": ACCOUNT, "bankName": "BCA", "bankAccountName": "BUDI", "serviceFee": "2500", "amount": "125000",
            "totalAmount": "127500", "balanceBefore": "1000000", "balanceAfter": "872500", "date": "2022-02-14",
        },
    })
}

/// The asynchronous form of the seed, echoing the order.
fn asynchronous(code: impl Into<Value>) -> Value {
    json!({
        "code": code.into(), "message": "words", "responseId": "OLSFQ20220214101951114",
        "data": {
            "account": ACCOUNT, "amount": "125000", "price": "125000", "serviceFee": "2500",
            "reffId": "REFF20220214101951115", "flowType": "Async",
        },
    })
}

/// Codes that are listed, and others near them and far from them.
const CODES: [i64; 18] =
    [0, 1, 2, -1, 6, 10, 100, 101, 200, 401, 110_000, 110_001, 110_004, 110_005, 110_006, 199_999, 900_001, 1_100_050];

#[tokio::test]
async fn every_code_of_a_cash_out_and_every_other() {
    let world = World::new(json!({})).await;
    for code in CODES {
        let expected = match code {
            0 => Verdict::Paid,
            1 => Verdict::Accepted,
            110_005 => Verdict::Refused(Fault::Request),
            _ => Verdict::Unknown,
        };
        // 200 for business errors and 400 for shapes: the code counts, as number and as text.
        for status in [200, 201, 400, 404, 409, 422] {
            for written in [json!(code), json!(code.to_string())] {
                let reading = world.cash_out(status, sync(written.clone())).await;
                assert_eq!((reading.verdict, reading.echo_differs), (expected, false), "HTTP {status} {written}");
                assert_eq!(reading.code, Some(code.to_string()));
                assert_eq!(reading.provider_ref.as_deref(), Some("OLSFQ20220214101951114"));
                // Async with any code: accepted.
                let reading = world.cash_out(status, asynchronous(written)).await;
                assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Accepted, false), "Async {code}");
                assert_eq!(reading.provider_ref.as_deref(), Some("REFF20220214101951115"));
            }
        }
        for status in [302, 500, 502, 503, 504] {
            for body in [sync(code), asynchronous(code)] {
                assert_eq!(world.cash_out(status, body).await.verdict, Verdict::Unknown, "HTTP {status} {code}");
            }
        }
    }
    for flow in ["async", "ASYNC", " Async "] {
        let mut body = asynchronous(0);
        body["data"]["flowType"] = json!(flow);
        assert_eq!(world.cash_out(200, body).await.verdict, Verdict::Accepted, "{flow:?}");
    }
    for flow in [json!("Sync"), json!(""), Value::Null, json!(1)] {
        let mut body = sync(0);
        body["data"]["flowType"] = flow.clone();
        assert_eq!(world.cash_out(200, body).await.verdict, Verdict::Paid, "{flow}");
    }
}

#[tokio::test]
async fn a_missing_code_is_never_a_success_nor_anything_else() {
    let world = World::new(json!({})).await;
    let odd = [
        Value::Null,
        json!(""),
        json!(" "),
        json!("00"),
        json!(" 0"),
        json!("0.0"),
        json!("-0"),
        json!("+1"),
        json!("success"),
        json!(false),
        json!([0]),
        json!({ "code": 0 }),
    ];
    for code in odd {
        for body in [sync(code.clone()), asynchronous(code.clone())] {
            for status in [200, 400] {
                assert_eq!(world.cash_out(status, &body).await.verdict, Verdict::Unknown, "HTTP {status} {code}");
            }
            assert_eq!(world.status(200, &body).await.verdict, Verdict::Unknown, "{code} on status");
        }
    }
    for mut body in [sync(0), asynchronous(1)] {
        body.as_object_mut().unwrap().remove("code");
        assert_eq!(world.cash_out(200, body).await.verdict, Verdict::Unknown);
    }
    for body in ["", "null", "0", "[]", "{}", "<html>", "{\"code\":0", "{\"code\":0.5}", "code=0"] {
        assert_eq!(world.cash_out(200, body).await.verdict, Verdict::Unknown, "{body:?}");
        assert_eq!(world.status(200, body).await.verdict, Verdict::Unknown, "{body:?}");
    }
}

#[tokio::test]
async fn paid_is_what_names_our_amount_and_account() {
    let world = World::new(json!({})).await;
    let with = |field: &str, value: Value| {
        let mut body = sync(0);
        body["data"][field] = value;
        body
    };
    for amount in [json!("125000"), json!(125_000), json!("125000.00"), json!("125000.0")] {
        let reading = world.cash_out(200, with("amount", amount.clone())).await;
        assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Paid, false), "{amount}");
    }
    // A mismatch is a paid that is not ours: the engine opens an exception.
    for amount in ["125001", "12500000", "125.000", "125,000", "Rp125000", "", "1.25e5", "4xxx9", "125000.50"] {
        let reading = world.cash_out(200, with("amount", json!(amount))).await;
        assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Paid, true), "{amount}");
    }
    for account in [json!("1239812391"), json!(""), json!("888xxxxxxxxx918")] {
        let reading = world.cash_out(200, with("bankAccount", account.clone())).await;
        assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Paid, true), "{account}");
    }
    // What names nothing is not paid.
    for (field, value) in [("amount", Value::Null), ("bankAccount", Value::Null), ("amount", json!([125_000]))] {
        assert_eq!(world.cash_out(200, with(field, value)).await.verdict, Verdict::Unknown, "{field}");
    }
    for data in [Value::Null, json!({}), json!("ok"), json!([])] {
        let mut body = sync(0);
        body["data"] = data.clone();
        assert_eq!(world.cash_out(200, body).await.verdict, Verdict::Unknown, "{data}");
        let mut body = asynchronous(1);
        body["data"] = data.clone();
        assert_eq!(world.cash_out(200, body).await.verdict, Verdict::Accepted, "code 1 needs no echo: {data}");
    }
    // The account of an asynchronous answer may be the wallet's own; its amount is ours or it is not our order.
    let mut body = asynchronous(1);
    body["data"]["account"] = json!("888000000000918");
    let reading = world.cash_out(200, body).await;
    assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Accepted, false));
    let mut body = asynchronous(1);
    body["data"]["amount"] = json!("1");
    let reading = world.cash_out(200, body).await;
    assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Accepted, true));
    // An answer about another request is no answer.
    for code in [0, 1, 110_005] {
        let (mut outside, mut inside) = (sync(code), sync(code));
        outside["requestId"] = json!("SOMEBODY-ELSES");
        inside["data"]["requestId"] = json!("SOMEBODY-ELSES");
        for body in [outside, inside] {
            assert_eq!(world.cash_out(200, &body).await.verdict, Verdict::Unknown, "{code}");
            assert_eq!(world.status(200, &body).await.verdict, Verdict::Unknown, "{code}");
        }
    }
    let mut ours = sync(0);
    ours["requestId"] = json!(REQUEST_ID);
    assert_eq!(world.cash_out(200, ours).await.verdict, Verdict::Paid);
    // Failure samples print a key with a blank at its end.
    let reading = world.cash_out(200, r#"{"responseId ":"OLSFQ1","code":110005,"message":"Customer not found"}"#).await;
    assert_eq!((reading.verdict, reading.provider_ref.as_deref()), (Verdict::Refused(Fault::Request), Some("OLSFQ1")));
    assert_eq!(reading.message.as_deref(), Some("Customer not found"));
}

#[tokio::test]
async fn only_the_operator_adds_to_the_definite_rejects() {
    let world = World::new(json!({ "definite_rejects": [900_001, 110_001] })).await;
    for code in CODES {
        let expected = match code {
            0 => Verdict::Paid,
            1 => Verdict::Accepted,
            110_005 | 900_001 | 110_001 => Verdict::Refused(Fault::Request),
            _ => Verdict::Unknown,
        };
        assert_eq!(world.cash_out(200, sync(code)).await.verdict, expected, "{code}");
        assert_eq!(world.cash_out(200, asynchronous(code)).await.verdict, Verdict::Accepted, "Async {code}");
        let asked = if [0, 1].contains(&code) { expected } else { Verdict::Unknown };
        assert_eq!(world.status(200, sync(code)).await.verdict, asked, "{code} on status");
    }
    let mut blocks = paystrator::config::Config::defaults().providers;
    for taken in [0, 1] {
        blocks.get_mut("kaspro").unwrap()["definite_rejects"] = json!([110_001, taken]);
        assert!(Providers::from_config(&blocks).is_err(), "{taken} takes the order");
    }
}

#[tokio::test]
async fn a_status_call_knows_success_and_in_process_and_nothing_else() {
    let world = World::new(json!({})).await;
    for code in CODES {
        let expected = match code {
            0 => Verdict::Paid,
            1 => Verdict::Accepted,
            _ => Verdict::Unknown,
        };
        assert_eq!(world.status(200, sync(code)).await.verdict, expected, "{code}");
        assert_eq!(world.status(200, asynchronous(code)).await.verdict, Verdict::Accepted, "Async {code}");
    }
    for status in [302, 401, 403, 404, 429, 500, 504] {
        for body in ["", "{}", "{\"error\":\"no such path\"}"] {
            assert_eq!(world.status(status, body).await.verdict, Verdict::Unknown, "HTTP {status} {body}");
        }
    }
    let asked = world.heard(STATUS);
    assert!(asked.iter().all(|r| (r.method.as_str(), r.query.as_str()) == ("POST", "")));
    assert_eq!(world.heard(CASH_OUT).len(), 0);
}

// Tokens.

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let world = World::new(json!({})).await;
    world.oracle.say(CASH_OUT, 200, sync(0));
    for (status, body) in [
        (401, "{\"error\":\"invalid_client\"}"),
        (500, ""),
        (200, "{}"),
        (200, "<html>"),
        (200, "{\"access_token\":\"\"}"),
        (200, "{\"access_token\":null}"),
        (403, TOKEN_SAID),
        (302, TOKEN_SAID),
    ] {
        world.oracle.say(TOKEN, status, body);
        let reading = world.send().await;
        assert_eq!(reading.verdict, Verdict::NotSent, "HTTP {status} {body}");
        assert!(reading.message.unwrap().contains("no token"), "HTTP {status} {body}");
        assert_eq!(world.ask().await.verdict, Verdict::Unknown, "HTTP {status} {body}");
    }
    assert_eq!((world.heard(CASH_OUT).len(), world.heard(STATUS).len()), (0, 0));
    let nobody = call_by(&world.door, &world.clock, settings(CLOSED, Some(STATUS)));
    let adapter = adapter(&world.providers);
    assert_eq!(adapter.send(&nobody, &order(adapter)).await.verdict, Verdict::NotSent);
    assert_eq!(adapter.status(&nobody, &order(adapter)).unwrap().await.verdict, Verdict::Unknown);
}

#[tokio::test]
async fn a_burst_of_sends_makes_one_token_call() {
    let world = World::new(json!({})).await;
    world.oracle.say(CASH_OUT, 200, sync(0));
    let burst = async || join_all((0..20).map(|_| world.send())).await;
    assert!(burst().await.iter().all(|reading| reading.verdict == Verdict::Paid));
    assert_eq!((world.heard(TOKEN).len(), world.heard(CASH_OUT).len()), (1, 20));
    world.clock.advance(Duration::from_secs(539));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 1);
    world.clock.advance(Duration::from_secs(2));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 2);
    // An answer that does not say how long it lives: the configured life.
    world.clock.advance(Duration::from_secs(600));
    world.oracle.say(TOKEN, 200, r#"{"access_token":"another"}"#);
    world.send().await;
    world.clock.advance(Duration::from_secs(239));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 3);
    world.clock.advance(Duration::from_secs(2));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 4);
}

#[tokio::test]
async fn the_gateways_refusal_gets_one_fresh_token_and_one_more_try() {
    for (status, body) in [(401, ""), (403, "{}"), (401, "{\"error\":\"expired\"}"), (403, "{\"code\":401}")] {
        let world = World::new(json!({})).await;
        let tokens = ["one", "two"].map(|name| (200, TOKEN_SAID.replace("a-token", name)));
        world.oracle.say_all(TOKEN, tokens);
        world.oracle.say_all(CASH_OUT, [(status, body.to_owned()), (200, sync(0).to_string())]);
        assert_eq!(world.send().await.verdict, Verdict::Paid, "HTTP {status} {body}");
        let tried = world.heard(CASH_OUT);
        assert_eq!((world.heard(TOKEN).len(), tried.len()), (2, 2));
        assert_eq!(tried[0].body, tried[1].body, "the same request id");
        assert_eq!(
            (&tried[0].headers["authorization"], &tried[1].headers["authorization"]),
            (&"Bearer one".parse().unwrap(), &"Bearer two".parse().unwrap())
        );
        // Twice is once too often.
        let world = World::new(json!({})).await;
        assert_eq!(world.cash_out(status, body).await.verdict, Verdict::Refused(Fault::Provider), "HTTP {status}");
        assert_eq!((world.heard(TOKEN).len(), world.heard(CASH_OUT).len()), (2, 2));
        // No fresh token: not passed on, and not tried again by itself.
        let world = World::new(json!({})).await;
        world.oracle.say_all(TOKEN, [(200, TOKEN_SAID.into()), (500, String::new())]);
        assert_eq!(world.cash_out(status, body).await.verdict, Verdict::NotSent, "HTTP {status}");
        assert_eq!(world.heard(CASH_OUT).len(), 1);
    }
    // One that says that the order was taken is no refusal, and is not sent again.
    for (status, body, expected) in [
        (401, sync(0), Verdict::Paid),
        (403, asynchronous(1), Verdict::Accepted),
        (401, asynchronous(110_005), Verdict::Accepted),
        // The service behind the gateway handled it, and says what nobody lists.
        (403, asynchronous(Value::Null), Verdict::Unknown),
        (403, json!({ "responseId": "OLSFQ1", "code": 199_999 }), Verdict::Unknown),
        (401, json!({ "responseId ": "OLSFQ1", "message": "Failed" }), Verdict::Unknown),
        (403, json!({ "responseId": "OLSFQ1", "code": 110_005 }), Verdict::Refused(Fault::Request)),
    ] {
        let world = World::new(json!({})).await;
        assert_eq!(world.cash_out(status, &body).await.verdict, expected, "HTTP {status} {body}");
        assert_eq!(world.heard(CASH_OUT).len(), 1);
    }
    // Nothing else is ever posted twice.
    for status in [200, 400, 402, 404, 408, 429, 500, 502, 503, 504] {
        let world = World::new(json!({})).await;
        assert_eq!(world.cash_out(status, "").await.verdict, Verdict::Unknown, "HTTP {status}");
        assert_eq!(world.heard(CASH_OUT).len(), 1, "HTTP {status}");
    }
}

// The rest.

#[tokio::test]
async fn calls_are_spaced_out() {
    let oracle = Oracle::new().await;
    oracle.say(TOKEN, 200, TOKEN_SAID);
    oracle.say(CASH_OUT, 200, sync(0));
    let providers = golden::providers("kaspro", json!({ "per_second": 20 }));
    let (adapter, clock, door) = (adapter(&providers), clock(), golden::door());
    let order = order(adapter);
    let calls: Vec<Call> = (0..9).map(|_| call_by(&door, &clock, settings(&oracle.url(), None))).collect();
    let began = std::time::Instant::now();
    let readings = join_all(calls.iter().map(|call| adapter.send(call, &order))).await;
    assert!(readings.iter().all(|reading| reading.verdict == Verdict::Paid), "{readings:?}");
    // Eight gaps of 50 ms between nine calls.
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_floods_one_address_takes_no_turn_of_another() {
    let (flooded, other) = (Oracle::new().await, Oracle::new().await);
    for oracle in [&flooded, &other] {
        oracle.say(TOKEN, 200, TOKEN_SAID);
        oracle.say(CASH_OUT, 200, sync(0));
    }
    let providers = golden::providers("kaspro", json!({ "per_second": 1 }));
    let (adapter, clock, door) = (adapter(&providers), clock(), golden::door());
    let order = order(adapter);
    let at = |oracle: &Oracle| call_by(&door, &clock, settings(&oracle.url(), None));
    // More than have a turn within the longest wait.
    let crowd: Vec<Call> = (0..9).map(|_| at(&flooded)).collect();
    let crowd = join_all(crowd.iter().map(|call| adapter.send(call, &order)));
    let one = at(&other);
    let one = async {
        while flooded.heard(CASH_OUT).is_empty() {
            tokio::task::yield_now().await;
        }
        let said = adapter.send(&one, &order).await;
        (said, flooded.heard(CASH_OUT).len())
    };
    let (crowd, (one, turns)) = tokio::join!(crowd, one);
    assert_eq!(one.verdict, Verdict::Paid, "{one:?}");
    assert!(turns < 5, "it waited behind {turns} calls to another address");
    assert!(crowd.iter().any(|reading| reading.verdict == Verdict::NotSent), "{crowd:?}");
}

#[test]
fn callbacks_are_a_switch_and_only_a_question() {
    let providers = providers(json!({ "callbacks": true }));
    let callbacks = providers.get("kaspro").unwrap().callbacks().unwrap();
    let read = |body: Value| {
        let source = "203.0.113.9".parse().unwrap();
        callbacks.read(&RawCallback { headers: Default::default(), body: body.to_string().into(), source })
    };
    let question = CallbackReading::Question { reference: REQUEST_ID.into() };
    assert_eq!(read(json!({ "requestId": REQUEST_ID, "code": 0 })), question);
    assert_eq!(read(json!({ "responseId": "OLSFQ1", "code": 0, "data": { "requestId": REQUEST_ID } })), question);
    assert_eq!((callbacks.answer(&question, true).status, callbacks.answer(&question, false).status), (200, 503));
    for body in
        [json!({}), json!([]), json!({ "responseId": "OLSFQ1", "code": 0 }), json!({ "requestId": "A".repeat(33) })]
    {
        let reading = read(body.clone());
        assert!(matches!(reading, CallbackReading::Refused { .. }), "{body}");
        assert_eq!(callbacks.answer(&reading, true).status, 400);
    }
}

#[tokio::test]
async fn nothing_secret_stands_in_the_record_of_a_call() {
    let world = World::new(json!({})).await;
    // The provider repeats whatever it was told, in places nobody expects.
    let mut body = sync(0);
    body["message"] = json!(format!("a-token of {ACCOUNT} for 081234567890 by {SECRET} and a+secret/&="));
    body["data"]["bankAccountName"] = json!("BUDI THE OWNER");
    world.oracle.say(CASH_OUT, 200, body);
    let adapter = adapter(&world.providers);
    let order = order(adapter);
    // Masked as the flows mask it: the credentials and the order.
    let mut call = world.call().mask(ACCOUNT, "…2390".into()).mask(order.name.reveal(), "…".into());
    call = credentials().as_object().unwrap().values().fold(call, |call, v| call.mask(v.as_str().unwrap(), "…".into()));
    call = order.extras.values().fold(call, |call, extra| call.mask(extra.reveal(), "…".into()));
    let reading = call.keepable(adapter.send(&call, &order).await);
    let kept = format!("{}\n{reading:?}", call.record());
    assert!(kept.contains("token: HTTP 200 …\nbank-transfer: HTTP 200 {"), "{kept}");
    for secret in ["a-token", SECRET, "a+secret", ACCOUNT, "081234567890", "BUDI"] {
        assert!(!kept.contains(secret), "{secret} in {kept}");
    }
}
