//! The DOKU adapter against golden vectors: each signature, each request byte for byte, and every code of both lists of
//! contracts/doku.md 3.8 with what it proves. The tables here are read from the contract, not from the code.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use paystrator::clock::Clock;
use paystrator::crypto::rsa::{PrivateKey, PublicKey};
use paystrator::crypto::secret::Personal;
use paystrator::domain::evidence::{Fault, Verdict};
use paystrator::domain::money::{Currency, Money};
use paystrator::domain::sequence::Reach;
use paystrator::outbound::Outbound;
use paystrator::providers::doku::signing;
use paystrator::providers::registry::Providers;
use paystrator::providers::{Call, CallbackReading, Cause, Inquiry, Order, RawCallback, Reading, SendMoney, Wish};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::support::bad::{CLOSED, Captured};
use crate::support::golden::{self, KEY, Oracle, capture, header};

const REFERENCE: &str = "ps0123456789abcdefghjkmnpq";
const ACCOUNT: &str = "1239812390";
const SECRET: &str = "SK-test-0123456789abcdef";
const TOKEN: &str = "/authorization/v1/access-token/b2b";
const INQUIRY: &str = "/snap/v1.1/emoney/bank-account-inquiry";
const TRANSFER: &str = "/snap/v1.1/emoney/transfer-bank";
const STATUS: &str = "/snap/v1.1/qr/qr-mpm-status";
const BALANCE: &str = "/snap/v1.1/balance-inquiry";

const TOKEN_SAID: &str = r#"{"responseCode":"2007300","responseMessage":"Successful","accessToken":"TOKEN-B2B","tokenType":"Bearer","expiresIn":900,"additionalInfo":""}"#;
const SESSION_SAID: &str =
    r#"{"responseCode":"2004200","responseMessage":"Successful","sessionId":"I0438729855304540"}"#;

/// `2026-01-01T00:00:00+07:00`, the instant of the vectors.
fn clock() -> Clock {
    Clock::manual("2025-12-31T17:00:00Z".parse::<DateTime<Utc>>().unwrap())
}

fn credentials() -> Value {
    json!({
        "client_id": "BRN-0211-1696919651918", "secret_key": SECRET, "private_key": KEY.pkcs8, "agent_key": "A41879",
    })
}

fn settings(url: &str) -> Value {
    json!({ "base_url": url, "sender_name": "Warung Bu Siti", "sender_phone": "+6281234567890" })
}

fn call_as(clock: &Clock, credentials: &Value, url: &str) -> Call {
    call_by(&golden::door(), clock, credentials, url)
}

fn call_by(door: &Outbound, clock: &Clock, credentials: &Value, url: &str) -> Call {
    golden::call(door, "doku", clock, "BRN-0211-1696919651918/A41879", credentials, settings(url))
}

fn adapter(providers: &Providers) -> &dyn SendMoney {
    providers.get("doku").unwrap().send_money().unwrap()
}

fn order(adapter: &dyn SendMoney) -> Order {
    let wish = Wish {
        reference: REFERENCE,
        destination: "BCA",
        account: &Personal::new(ACCOUNT),
        name: &Personal::new("Zoë Santoso Putri"),
        money: Money::new(125_000, Currency::Idr),
        remark: "Invoice #12: \"café\"; 1+1.",
        settings: &settings("http://unused"),
    };
    adapter.order(&wish).unwrap()
}

// Signatures.

#[test]
fn the_vectors_of_the_contract_are_what_we_sign() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/doku-vectors.json")).unwrap();
    let mut counted = [0, 0];
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}"));
        if vector["kind"] == "snap-asymmetric" {
            counted[0] += 1;
            let pem = match text("key") {
                "merchant-test-only" => include_str!("vectors/merchant-test-only.pub.pem"),
                _ => include_str!("vectors/doku-test-only.pub.pem"),
            };
            let (key, signature) = (PublicKey::from_pem(pem).unwrap(), STANDARD.decode(text("signature")).unwrap());
            assert!(key.verify(text("string_to_sign").as_bytes(), &signature), "{}", text("name"));
            assert!(!key.verify(b"BRN-0211-1696919651918|2024-03-26T16:01:42+07:00", &signature), "{}", text("name"));
            assert!(!key.verify(text("string_to_sign").as_bytes(), &signature[1..]), "{}", text("name"));
        } else if vector["kind"] == "snap-symmetric" {
            counted[1] += 1;
            let mut parts = text("string_to_sign").splitn(5, ':');
            let mut part = || parts.next().unwrap();
            let (method, path, token, digest, timestamp) = (part(), part(), part(), part(), part());
            let body = text("minified").as_bytes();
            assert_eq!(digest, text("body_sha256_hex"));
            let signed = signing::string_to_sign(method, path, token, body, timestamp);
            assert_eq!(signed, text("string_to_sign"), "{}", text("name"));
            let signature = signing::of_call(text("secret"), method, path, token, body, timestamp);
            assert_eq!(signature, text("signature"), "{}", text("name"));
        }
    }
    assert_eq!(counted, [2, 8]);
}

#[test]
fn a_token_call_is_signed_with_either_form_of_our_key() {
    let public = PublicKey::from_pem(&KEY.public).unwrap();
    for pem in [&KEY.pkcs8, &KEY.pkcs1] {
        let key = PrivateKey::from_pem(pem).unwrap();
        let signature = signing::of_token_call(&key, "BRN-1", "2024-03-26T16:01:41+07:00").unwrap();
        assert!(public.verify(b"BRN-1|2024-03-26T16:01:41+07:00", &STANDARD.decode(signature).unwrap()));
    }
}

#[test]
fn external_ids_are_digits_and_never_the_same() {
    let mut ids: Vec<String> = (0..1_000).map(|_| signing::external_id(clock().now())).collect();
    assert!(ids.iter().all(|id| id.len() <= 36 && id.bytes().all(|b| b.is_ascii_digit())));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1_000);
}

/// Checks a captured call's token, timestamp and signature by the contract, and takes what differs by run out of it.
fn checked(request: &str) -> String {
    let (head, body) = request.split_once("\n\n").unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let signature = header(request, "x-signature");
    if path == TOKEN {
        let text = format!("{}|{}", header(request, "x-client-key"), header(request, "x-timestamp"));
        let public = PublicKey::from_pem(&KEY.public).unwrap();
        assert!(public.verify(text.as_bytes(), &STANDARD.decode(signature).unwrap()));
        return request.replace(signature, "[RSA]");
    }
    let token = header(request, "authorization").strip_prefix("Bearer ").unwrap();
    let digest = hex::encode(Sha256::digest(body.as_bytes()));
    let text = format!("POST:{path}:{token}:{digest}:{}", header(request, "x-timestamp"));
    let mut mac = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    assert_eq!(signature, STANDARD.encode(mac.finalize().into_bytes()));
    assert!(body.is_ascii(), "{body}");
    let id = header(request, "x-external-id");
    assert!(id.len() <= 36 && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
    request.replace(id, "[digits]")
}

// Requests.

#[tokio::test]
async fn requests_byte_for_byte() {
    let (providers, clock) = (golden::providers("doku", json!({})), clock());
    let adapter = adapter(&providers);
    let order = order(adapter);
    let (url, taken) = capture([TOKEN_SAID, SESSION_SAID, "{}"]).await;
    adapter.send(&call_as(&clock, &credentials(), &url), &order).await;
    let sent = taken.await.unwrap();
    insta::assert_snapshot!(checked(&sent[0]), @r###"
    POST /authorization/v1/access-token/b2b HTTP/1.1
    content-type: application/json
    accept: application/json
    x-client-key: BRN-0211-1696919651918
    x-signature: [RSA]
    x-timestamp: 2026-01-01T00:00:00+07:00
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 34

    {"grantType":"client_credentials"}
    "###);
    insta::assert_snapshot!(checked(&sent[1]), @r###"
    POST /snap/v1.1/emoney/bank-account-inquiry HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer TOKEN-B2B
    x-partner-id: BRN-0211-1696919651918
    x-external-id: [digits]
    x-timestamp: 2026-01-01T00:00:00+07:00
    x-signature: 3EuC1MQixYHYP/Y765xNRI/SfC7K+2Tg2Ho5wwHMU2jZNibX5NQSgejo8CArThjwPgMxE7OWJYcNX+xOcwmNhg==
    channel-id: H2H
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 313

    {"partnerReferenceNo":"ps0123456789abcdefghjkmnpq","customerNumber":"6281234567890","amount":{"value":"125000.00","currency":"IDR"},"beneficiaryAccountNumber":"1239812390","additionalInfo":{"beneficiaryBankCode":"014","beneficiaryAccountName":"Zo\u00eb Santoso Putri","senderCountryCode":"ID","channelCode":"07"}}
    "###);
    insta::assert_snapshot!(checked(&sent[2]), @r###"
    POST /snap/v1.1/emoney/transfer-bank HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer TOKEN-B2B
    x-partner-id: BRN-0211-1696919651918
    x-external-id: [digits]
    x-timestamp: 2026-01-01T00:00:00+07:00
    x-signature: /WfK2Thqjp6HSz5IMiNPW4Fc9YasWKq8oHQ/ErRuKBxKZWvcV9RX0PjBzQxj160IZKcO3olceB1YnnVty11zRg==
    channel-id: H2H
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 502

    {"partnerReferenceNo":"ps0123456789abcdefghjkmnpq","customerNumber":"6281234567890","beneficiaryAccountNumber":"1239812390","beneficiaryBankCode":"014","amount":{"value":"125000.00","currency":"IDR"},"sessionId":"I0438729855304540","additionalInfo":{"beneficiaryFirstName":"Zo\u00eb","beneficiaryLastName":"Santoso Putri","beneficiaryAccountName":"Zo\u00eb Santoso Putri","senderCountryCode":"ID","senderFirstName":"Warung","senderLastName":"Bu Siti","channelCode":"07","remark":"Invoice 12 caf 1 1."}}
    "###);
    // The path of the base address is kept, and signed as it is called.
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    adapter.status(&call_as(&clock, &credentials(), &format!("{url}/doku/")), &order).unwrap().await;
    let sent = taken.await.unwrap();
    assert!(sent[0].starts_with("POST /doku/authorization/v1/access-token/b2b HTTP/1.1\n"), "{}", sent[0]);
    insta::assert_snapshot!(checked(&sent[1]), @r###"
    POST /doku/snap/v1.1/qr/qr-mpm-status HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer TOKEN-B2B
    x-partner-id: BRN-0211-1696919651918
    x-external-id: [digits]
    x-timestamp: 2026-01-01T00:00:00+07:00
    x-signature: 0Lh+Ozqm4kDOvF4h/At9SSSf/6jTeNhKCPSQdhNNjFIcMvtdCA72nwfOAG9LxNM/IYk1z+QA1mQqLXNMvzV03w==
    channel-id: H2H
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 78

    {"originalPartnerReferenceNo":"ps0123456789abcdefghjkmnpq","serviceCode":"43"}
    "###);
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    adapter.inquiry(&call_as(&clock, &credentials(), &url), "BCA", &Personal::new(ACCOUNT)).unwrap().await;
    insta::assert_snapshot!(checked(&taken.await.unwrap()[1]), @r###"
    POST /snap/v1.1/emoney/bank-account-inquiry HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer TOKEN-B2B
    x-partner-id: BRN-0211-1696919651918
    x-external-id: [digits]
    x-timestamp: 2026-01-01T00:00:00+07:00
    x-signature: OlbOQHRa8n/KCXiaeYuFQ3VCeCNaZ/zbMNc9BXQAgqaxvj3lv9ugcOlFcAZRFMQoA6U8/6uroOzxoJOOHWPELg==
    channel-id: H2H
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 247

    {"customerNumber":"6281234567890","amount":{"value":"10000.00","currency":"IDR"},"beneficiaryAccountNumber":"1239812390","additionalInfo":{"beneficiaryBankCode":"014","beneficiaryAccountName":"Inquiry","senderCountryCode":"ID","channelCode":"07"}}
    "###);
    let (url, taken) = capture([TOKEN_SAID, "{}"]).await;
    let _ = adapter.balance(&call_as(&clock, &credentials(), &url)).unwrap().await;
    insta::assert_snapshot!(checked(&taken.await.unwrap()[1]), @r###"
    POST /snap/v1.1/balance-inquiry HTTP/1.1
    content-type: application/json
    accept: application/json
    authorization: Bearer TOKEN-B2B
    x-partner-id: BRN-0211-1696919651918
    x-external-id: [digits]
    x-timestamp: 2026-01-01T00:00:00+07:00
    x-signature: smxXwkDmS95kC3d3vDprFIR91cQaNBBlR3QjTx24bl2ff6EiTEZfViLWIPZDlAhs25wuEkNie8C8VmpCXyrDXw==
    channel-id: H2H
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 22

    {"accountNo":"A41879"}
    "###);
}

#[test]
fn an_order_freezes_what_it_is_sent_with() {
    let providers = golden::providers("doku", json!({ "channel_code": "11" }));
    let order = order(adapter(&providers));
    let shown: Vec<(&str, &str)> = order.extras.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
    let expected = [("channel", "11"), ("sender_name", "Warung Bu Siti"), ("sender_phone", "6281234567890")];
    assert_eq!(shown, expected);
    assert_eq!((order.destination.as_str(), order.reference.as_str()), ("014", REFERENCE));
    assert_eq!(order.note, "Invoice 12 caf 1 1.");
    let again: Order = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap();
    assert_eq!(again.extras, order.extras);
    // An order of before extras is still read.
    let old = r#"{"reference":"a","destination":"014","account":"1","name":"B","units":1,"currency":"IDR","note":""}"#;
    assert!(serde_json::from_str::<Order>(old).unwrap().extras.is_empty());
    assert!(!format!("{order:?}").contains("Siti"));
}

#[test]
fn only_bank_accounts_in_rupiah_are_reached() {
    let providers = golden::providers("doku", json!({}));
    let adapter = adapter(&providers);
    assert_eq!(adapter.reach("BCA", Currency::Idr), Reach::Yes);
    assert_eq!(adapter.reach("014", Currency::Idr), Reach::Yes);
    assert_eq!(adapter.reach("BCA", Currency::Myr), Reach::NoCurrency);
    for wallet in ["OVO", "DANA", "GOPAY", "NOWHERE", ""] {
        assert_eq!(adapter.reach(wallet, Currency::Idr), Reach::NoDestination, "{wallet}");
    }
}

// What answers mean.

/// A provider, the adapter, and a call; token and session are given out until told otherwise.
struct World {
    oracle: Oracle,
    providers: Providers,
    clock: Clock,
    door: Outbound,
}

impl World {
    async fn new(changes: Value) -> World {
        let (oracle, providers, clock) = (Oracle::new().await, golden::providers("doku", changes), clock());
        oracle.say(TOKEN, 200, TOKEN_SAID);
        oracle.say(INQUIRY, 200, SESSION_SAID);
        World { oracle, providers, clock, door: golden::door() }
    }

    fn call(&self) -> Call {
        call_by(&self.door, &self.clock, &credentials(), &self.oracle.url())
    }

    fn order(&self) -> Order {
        order(adapter(&self.providers))
    }

    async fn send(&self) -> Reading {
        adapter(&self.providers).send(&self.call(), &self.order()).await
    }

    async fn ask(&self) -> Reading {
        adapter(&self.providers).status(&self.call(), &self.order()).unwrap().await
    }

    /// The reading of a transfer that is answered so.
    async fn transfer(&self, status: u16, body: impl ToString) -> Reading {
        self.oracle.say(TRANSFER, status, body);
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

/// A whole answer to a transfer, echoing the order.
fn echo(code: impl Into<Value>) -> Value {
    json!({
        "responseCode": code.into(), "responseMessage": "words", "referenceNo": "DK0018353", "partnerReferenceNo": REFERENCE,
        "transactionDate": "2026-01-01T00:00:00+07:00", "referenceNumber": "1",
        "additionalInfo": { "sessionId": "I0438729855304540", "amount": "125000" },
    })
}

/// A whole answer to a status call.
fn told(status: &str) -> Value {
    json!({
        "responseCode": "2005300", "responseMessage": "Successful", "originalReferenceNo": "DK0018353",
        "originalPartnerReferenceNo": REFERENCE, "serviceCode": "43", "latestTransactionStatus": status,
        "transactionStatusDesc": "words", "amount": { "value": "125000.00", "currency": "IDR" },
    })
}

/// contracts/doku.md 3.8, the verdict of transfer-bank.
fn transfer_list(code: &str) -> Verdict {
    match code {
        "2004300" => Verdict::Paid,
        "2024300" => Verdict::Accepted,
        "4034314" | "4034301" | "4034306" | "4034315" | "4294300" => Verdict::Refused(Fault::Provider),
        code if code.starts_with("40143") => Verdict::Refused(Fault::Provider),
        "4004300" | "4004301" | "4004302" | "4004304" => Verdict::Refused(Fault::Request),
        "4034302" | "4034303" | "4034305" | "4034309" | "4034318" | "4044311" => Verdict::Refused(Fault::Request),
        _ => Verdict::Unknown,
    }
}

/// The HTTP statuses of the case table, and others that a gateway may say.
const STATUSES: [u16; 13] = [200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 429, 500, 504];

#[tokio::test]
async fn every_code_of_a_transfer_and_every_other() {
    let world = World::new(json!({})).await;
    for status in STATUSES.into_iter().filter(|status| *status != 204) {
        for case in 0..20 {
            let code = format!("{status}43{case:02}");
            let reading = world.transfer(status, echo(code.as_str())).await;
            assert_eq!((reading.verdict, reading.echo_differs), (transfer_list(&code), false), "{code}");
            assert_eq!((reading.code.as_deref(), reading.message.as_deref()), (Some(code.as_str()), Some("words")));
            assert_eq!(reading.provider_ref.as_deref(), Some("DK0018353"));
        }
    }
    // The documents print it as a number.
    for (status, code) in [(200, 2004300), (202, 2024300), (404, 4044311), (403, 4034314), (409, 4094301)] {
        assert_eq!(world.transfer(status, echo(code)).await.verdict, transfer_list(&code.to_string()), "{code}");
    }
}

#[tokio::test]
async fn only_the_transfers_own_seven_digits_in_their_own_http_status_count() {
    let world = World::new(json!({})).await;
    let listed = ["2004300", "2024300", "4034314", "4004300", "4044311", "4294300", "4014301"];
    for code in listed {
        for status in STATUSES.into_iter().filter(|status| !code.starts_with(&status.to_string())) {
            assert_eq!(world.transfer(status, echo(code)).await.verdict, Verdict::Unknown, "HTTP {status} {code}");
        }
        let status: u16 = code[..3].parse().unwrap();
        for service in ["42", "36", "53", "11", "73", "00", "99"] {
            let other = format!("{}{service}{}", &code[..3], &code[5..]);
            let verdict = world.transfer(status, echo(other.as_str())).await.verdict;
            assert_eq!(verdict, Verdict::Unknown, "{other} is not about a transfer");
        }
        for odd in [&code[..6], &format!("{code}0"), &format!(" {code}"), &format!("{code} "), &code[..3], ""] {
            assert_eq!(world.transfer(status, echo(odd)).await.verdict, Verdict::Unknown, "{odd:?}");
        }
    }
    let unreadable = [
        "",
        "null",
        "7",
        "[]",
        "{}",
        "<html>502</html>",
        "{\"responseCode\":null}",
        "{\"responseCode\":[\"2004300\"]}",
        "{\"responseCode\":{\"code\":\"2004300\"}}",
        "{\"responseCode\":2004300.0}",
        "{\"responsecode\":\"2004300\"}",
        "{\"responseCode\":\"2004300\"",
        "{\"code\":\"2004300\"}",
    ];
    for body in unreadable {
        for status in [200, 401, 403, 404, 500] {
            assert_eq!(world.transfer(status, body).await.verdict, Verdict::Unknown, "HTTP {status} {body:?}");
        }
    }
}

#[tokio::test]
async fn every_status_and_every_other() {
    let world = World::new(json!({})).await;
    for n in 0..100 {
        let status = format!("{n:02}");
        let expected = match status.as_str() {
            "00" => Verdict::Paid,
            "01" | "02" | "03" => Verdict::Accepted,
            "04" => Verdict::Reversed,
            "05" | "06" => Verdict::Failed(Fault::Request),
            "07" => Verdict::NotFound,
            _ => Verdict::Unknown,
        };
        let reading = world.status(200, told(&status)).await;
        assert_eq!((reading.verdict, reading.echo_differs), (expected, false), "{status}");
        assert_eq!((reading.code.as_deref(), reading.message.as_deref()), (Some(status.as_str()), Some("words")));
        assert_eq!(reading.provider_ref.as_deref(), Some("DK0018353"));
        let mut other_path = told(&status);
        other_path["responseCode"] = json!(2003600);
        assert_eq!(world.status(200, other_path).await.verdict, expected, "{status} by the other status call");
    }
    // Failed for the balance, by the code the order itself had: another connection may do better.
    for (status, original, expected) in [
        ("05", "4034314", Verdict::Failed(Fault::Provider)),
        ("06", "4034314", Verdict::Failed(Fault::Provider)),
        ("06", "4044311", Verdict::Failed(Fault::Request)),
        ("06", "4034302", Verdict::Failed(Fault::Request)),
        ("03", "4034314", Verdict::Accepted),
        ("00", "4034314", Verdict::Paid),
    ] {
        let mut body = told(status);
        body["originalResponseCode"] = json!(original);
        assert_eq!(world.status(200, body).await.verdict, expected, "{status} {original}");
    }
    for odd in ["0", "000", " 00", "", "SUCCESS", "6"] {
        assert_eq!(world.status(200, told(odd)).await.verdict, Verdict::Unknown, "{odd:?}");
    }
    let mut none = told("00");
    none.as_object_mut().unwrap().remove("latestTransactionStatus");
    assert_eq!(world.status(200, none).await.verdict, Verdict::Unknown);
}

#[tokio::test]
async fn a_status_call_that_fails_teaches_nothing_and_not_found_proves_nothing() {
    let world = World::new(json!({})).await;
    for service in ["53", "36", "43", "55"] {
        for status in STATUSES.into_iter().filter(|status| *status != 204) {
            for case in 0..20 {
                let code = format!("{status}{service}{case:02}");
                let mut body = told("06");
                body["responseCode"] = json!(code);
                let expected = match code.as_str() {
                    "2005300" | "2003600" => Verdict::Failed(Fault::Request),
                    "4045301" | "4043601" => Verdict::NotFound,
                    _ => Verdict::Unknown,
                };
                assert_eq!(world.status(status, body).await.verdict, expected, "{code}");
            }
        }
    }
    // Section 5 counts a bare 404 as "not found"; a wrong path answers it too, so we count it as nothing, like the rest.
    for body in ["", "{}", "<html>No static resource</html>", "{\"responseCode\":null}"] {
        for status in STATUSES.into_iter().filter(|status| *status != 204) {
            assert_eq!(world.status(status, body).await.verdict, Verdict::Unknown, "HTTP {status} {body:?}");
        }
    }
    // A 404 whose code speaks of something else is not about the payment.
    for code in ["4045308", "4045302", "4005301", "2005300", "404"] {
        assert_eq!(world.status(404, json!({ "responseCode": code })).await.verdict, Verdict::Unknown, "{code}");
    }
}

#[tokio::test]
async fn the_status_call_is_the_configured_one() {
    let world = World::new(json!({ "status_path": "/snap/v1.1/transfer/status" })).await;
    let mut body = told("00");
    body["responseCode"] = json!("2003600");
    world.oracle.say("/snap/v1.1/transfer/status", 200, body);
    assert_eq!(world.ask().await.verdict, Verdict::Paid);
    assert_eq!(world.heard(STATUS).len(), 0);
}

#[tokio::test]
async fn what_is_echoed_must_be_ours() {
    let world = World::new(json!({})).await;
    let same = [
        json!("125000"),
        json!("125000.00"),
        json!(125_000),
        json!({ "value": "125000.00", "currency": "IDR" }),
        json!({ "value": "125000.00" }),
        Value::Null,
    ];
    let other = [
        json!("125001"),
        json!("12500000"),
        json!("125000.01"),
        json!(""),
        json!("1.25e5"),
        json!("Rp125.000"),
        json!("-125000"),
        json!([125_000]),
        json!({ "value": "125001.00", "currency": "IDR" }),
        json!({ "value": "125000.00", "currency": "USD" }),
        json!({ "value": "125000.00", "currency": null }),
        json!({}),
    ];
    for (forms, differs) in [(&same[..], false), (&other[..], true)] {
        for form in forms {
            let (mut in_info, mut on_top, mut asked) = (echo("2024300"), echo("2024300"), told("03"));
            in_info["additionalInfo"]["amount"] = form.clone();
            on_top["amount"] = form.clone();
            asked["amount"] = form.clone();
            for body in [in_info, on_top] {
                let reading = world.transfer(202, body).await;
                assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Accepted, differs), "{form}");
            }
            let reading = world.status(200, asked).await;
            assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Accepted, differs), "{form}");
        }
    }
    for (account, differs) in [(json!(ACCOUNT), false), (json!(1239812390), false), (json!("1239812391"), true)] {
        let mut body = echo("2004300");
        body["beneficiaryAccountNumber"] = account.clone();
        let reading = world.transfer(200, body).await;
        assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Paid, differs), "{account}");
    }
    // An answer about another reference is no answer, whatever it says.
    for (status, code) in [(200, "2004300"), (202, "2024300"), (403, "4034314"), (404, "4044311")] {
        let mut body = echo(code);
        body["partnerReferenceNo"] = json!("somebody-elses");
        assert_eq!(world.transfer(status, body).await.verdict, Verdict::Unknown, "{code}");
    }
    for status in ["00", "03", "06", "07", "04"] {
        let mut body = told(status);
        body["originalPartnerReferenceNo"] = json!("somebody-elses");
        assert_eq!(world.status(200, body).await.verdict, Verdict::Unknown, "{status}");
    }
    // Nothing echoed is nothing wrong.
    let bare = json!({ "responseCode": "4034314", "responseMessage": "Insufficient Funds" });
    let reading = world.transfer(403, bare).await;
    assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Refused(Fault::Provider), false));
    assert_eq!((reading.provider_ref, reading.amount), (None, None));
}

// What comes before the transfer.

#[tokio::test]
async fn an_inquiry_refuses_only_the_destination_and_nothing_is_sent_after_it() {
    let world = World::new(json!({})).await;
    world.oracle.say(TRANSFER, 200, echo("2004300"));
    for status in STATUSES.into_iter().filter(|status| *status != 204) {
        for case in 0..20 {
            let code = format!("{status}42{case:02}");
            if code == "2004200" {
                continue;
            }
            world.oracle.say(INQUIRY, status, json!({ "responseCode": code, "sessionId": "I1" }));
            let expected = match code.as_str() {
                "4044211" | "4034209" | "4034218" => Verdict::Refused(Fault::Request),
                _ => Verdict::NotSent,
            };
            let reading = world.send().await;
            assert_eq!((reading.verdict, reading.code.as_deref()), (expected, Some(code.as_str())), "{code}");
        }
    }
    let other = |field: &str, value: Value| {
        let mut body: Value = serde_json::from_str(SESSION_SAID).unwrap();
        body[field] = value;
        (200, body.to_string())
    };
    let unfit = [
        (200, String::new()),
        (200, "<html>".into()),
        (200, json!({ "responseCode": "2004200" }).to_string()),
        (200, json!({ "responseCode": "2004200", "sessionId": "" }).to_string()),
        (200, json!({ "responseCode": "2004300", "sessionId": "I1" }).to_string()),
        (404, String::new()),
        (404, json!({ "responseCode": "4044311" }).to_string()),
        (200, json!({ "responseCode": "4044211" }).to_string()),
        (500, SESSION_SAID.into()),
        (504, "{}".into()),
        other("partnerReferenceNo", json!("somebody-elses")),
        other("beneficiaryAccountNumber", json!("1")),
        other("amount", json!({ "value": "1.00", "currency": "IDR" })),
    ];
    for (status, body) in unfit {
        world.oracle.say(INQUIRY, status, &body);
        assert_eq!(world.send().await.verdict, Verdict::NotSent, "HTTP {status} {body}");
    }
    assert_eq!(world.heard(TRANSFER).len(), 0, "a transfer followed an inquiry that gave no session");
    // What echoes our order and gives a session is followed by a transfer in that session.
    world.oracle.say_all(INQUIRY, [other("beneficiaryAccountNumber", json!(ACCOUNT))]);
    assert_eq!(world.send().await.verdict, Verdict::Paid);
    let sent: Value = serde_json::from_str(&world.heard(TRANSFER)[0].body).unwrap();
    assert_eq!(sent["sessionId"], "I0438729855304540");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let world = World::new(json!({ "token_timeout_ms": 300 })).await;
    let refused = json!({ "responseCode": "4017300", "responseMessage": "Unauthorized. Invalid Signature" });
    let answers = [
        (401, refused.to_string()),
        (500, String::new()),
        (200, "{}".into()),
        (200, refused.to_string()),
        (200, TOKEN_SAID.replace("TOKEN-B2B", "")),
        (200, TOKEN_SAID.replace("2007300", "2007400")),
        (201, TOKEN_SAID.into()),
        (200, "<html>".into()),
    ];
    for (status, body) in answers {
        world.oracle.say(TOKEN, status, &body);
        let reading = world.send().await;
        assert_eq!(reading.verdict, Verdict::NotSent, "HTTP {status} {body}");
        assert!(reading.message.unwrap().contains("no token"), "HTTP {status} {body}");
        assert_eq!(world.ask().await.verdict, Verdict::Unknown, "HTTP {status} {body}");
    }
    assert_eq!((world.heard(INQUIRY).len(), world.heard(TRANSFER).len(), world.heard(STATUS).len()), (0, 0, 0));
    let nobody = call_as(&world.clock, &credentials(), CLOSED);
    let adapter = adapter(&world.providers);
    assert_eq!(adapter.send(&nobody, &world.order()).await.verdict, Verdict::NotSent);
    assert_eq!(adapter.status(&nobody, &world.order()).unwrap().await.verdict, Verdict::Unknown);
    let account = Personal::new(ACCOUNT);
    assert!(matches!(adapter.inquiry(&nobody, "BCA", &account).unwrap().await, Inquiry::Failed { .. }));
    assert!(adapter.balance(&nobody).unwrap().await.is_err());
    // A key that is none any more (it was checked when the connection was made) is not sent either.
    let mut broken = credentials();
    broken["private_key"] = json!("no key");
    let reading = adapter.send(&call_as(&world.clock, &broken, &world.oracle.url()), &world.order()).await;
    assert_eq!(reading.verdict, Verdict::NotSent);
    assert!(!reading.message.unwrap().contains("no key\""));
}

#[tokio::test]
async fn a_burst_of_sends_makes_one_token_call_and_a_failing_one_makes_one_too() {
    let world = World::new(json!({})).await;
    world.oracle.say(TRANSFER, 200, echo("2004300"));
    let burst = async || join_all((0..20).map(|_| world.send())).await;
    world.oracle.say(TOKEN, 500, "");
    assert!(burst().await.iter().all(|reading| reading.verdict == Verdict::NotSent));
    assert_eq!(world.heard(TOKEN).len(), 1);
    world.oracle.say(TOKEN, 200, TOKEN_SAID);
    assert!(burst().await.iter().all(|reading| reading.verdict == Verdict::Paid));
    assert_eq!((world.heard(TOKEN).len(), world.heard(TRANSFER).len()), (2, 20));
    // Reused until 60 seconds before its end, 900 seconds after it was given out.
    world.clock.advance(Duration::from_secs(839));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 2);
    world.clock.advance(Duration::from_secs(2));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 3);
    // Another secret of the same account has a token of its own.
    let mut rotated = credentials();
    rotated["secret_key"] = json!("SK-another");
    let call = call_as(&world.clock, &rotated, &world.oracle.url());
    adapter(&world.providers).send(&call, &world.order()).await;
    assert_eq!(world.heard(TOKEN).len(), 4);
    // As text, as the documents print it, and for shorter than the margin.
    world.clock.advance(Duration::from_secs(3600));
    world.oracle.say(TOKEN, 200, TOKEN_SAID.replace("900", "\"40\""));
    world.send().await;
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 5);
    world.clock.advance(Duration::from_secs(21));
    world.send().await;
    assert_eq!(world.heard(TOKEN).len(), 6);
}

/// Token answers with a token of their own each.
fn tokens(names: &[&str]) -> Vec<(u16, String)> {
    names.iter().map(|name| (200, TOKEN_SAID.replace("TOKEN-B2B", name))).collect()
}

#[tokio::test]
async fn a_401_gets_one_fresh_token_and_one_more_try() {
    for code in ["4014301", "4014300", "4014303"] {
        let world = World::new(json!({})).await;
        world.oracle.say_all(TOKEN, tokens(&["TOKEN-ONE", "TOKEN-TWO"]));
        let answers = [(401, echo(code).to_string()), (200, echo("2004300").to_string())];
        world.oracle.say_all(TRANSFER, answers);
        assert_eq!(world.send().await.verdict, Verdict::Paid, "{code}");
        let (tried, inquired) = (world.heard(TRANSFER), world.heard(INQUIRY));
        assert_eq!((world.heard(TOKEN).len(), inquired.len(), tried.len()), (2, 1, 2));
        assert_eq!(tried[0].body, tried[1].body, "the same order, the same session");
        let value = |request: &Captured, name: &str| request.headers[name].to_str().unwrap().to_owned();
        assert_eq!(value(&tried[0], "authorization"), "Bearer TOKEN-ONE");
        assert_eq!(value(&tried[1], "authorization"), "Bearer TOKEN-TWO");
        let mut ids: Vec<String> = tried.iter().chain(&inquired).map(|r| value(r, "x-external-id")).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "an X-EXTERNAL-ID was used twice");
    }
    // Twice is once too often, and it is the provider's own reason.
    let world = World::new(json!({})).await;
    assert_eq!(world.transfer(401, echo("4014301")).await.verdict, Verdict::Refused(Fault::Provider));
    assert_eq!((world.heard(TOKEN).len(), world.heard(TRANSFER).len()), (2, 2));
    // No fresh token: the order was refused before it was worked on, and is not tried again by itself.
    let world = World::new(json!({})).await;
    world.oracle.say_all(TOKEN, [(200, TOKEN_SAID.into()), (500, String::new())]);
    assert_eq!(world.transfer(401, echo("4014301")).await.verdict, Verdict::NotSent);
    assert_eq!(world.heard(TRANSFER).len(), 1);
    // What is in doubt on the second try is in doubt.
    let world = World::new(json!({})).await;
    world.oracle.say_all(TRANSFER, [(401, echo("4014301").to_string()), (500, String::new())]);
    assert_eq!(world.send().await.verdict, Verdict::Unknown);
    // A gateway's bare 401 is no word of the contract, another call's is not about our transfer, and nothing is tried
    // twice after anything else: what the second try is told would prove nothing of the first.
    for (status, body) in [
        (401, String::new()),
        (401, "{}".into()),
        (401, echo("4010000").to_string()),
        (401, echo("4017300").to_string()),
        (401, echo("40143xx").to_string()),
        (403, echo("4034300").to_string()),
        (500, "".into()),
    ] {
        let world = World::new(json!({})).await;
        world.oracle.say_all(TRANSFER, [(status, body.clone()), (403, echo("4034314").to_string())]);
        assert_eq!(world.send().await.verdict, Verdict::Unknown, "HTTP {status} {body}");
        assert_eq!((world.heard(TOKEN).len(), world.heard(TRANSFER).len()), (1, 1), "HTTP {status} {body}");
    }
    // Reads too, and a burst of them makes one fresh token.
    let world = World::new(json!({})).await;
    world.oracle.say_all(TOKEN, tokens(&["TOKEN-ONE", "TOKEN-TWO"]));
    let stale = json!({ "responseCode": "4015301", "responseMessage": "Invalid Token (B2B)" });
    let answers = (0..5).map(|_| (401, stale.to_string())).chain([(200, told("00").to_string())]);
    world.oracle.say_all(STATUS, answers);
    let readings = join_all((0..5).map(|_| world.ask())).await;
    assert!(readings.iter().all(|reading| reading.verdict == Verdict::Paid), "{readings:?}");
    assert_eq!((world.heard(TOKEN).len(), world.heard(STATUS).len()), (2, 10));
}

#[tokio::test]
async fn a_provider_that_hangs_costs_no_more_than_the_deadline() {
    let quick = json!({ "send_timeout_ms": 900, "token_timeout_ms": 300, "read_timeout_ms": 300 });
    for (hanging, expected) in [(TOKEN, Verdict::NotSent), (INQUIRY, Verdict::NotSent), (TRANSFER, Verdict::Unknown)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = axum::Router::new().fallback(move |request: axum::extract::Request| async move {
            match request.uri().path() {
                path if path == hanging => std::future::pending().await,
                TOKEN => TOKEN_SAID,
                _ => SESSION_SAID,
            }
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let providers = golden::providers("doku", quick.clone());
        let adapter = adapter(&providers);
        let call = call_as(&clock(), &credentials(), &format!("http://{address}"));
        let began = std::time::Instant::now();
        let reading = adapter.send(&call, &order(adapter)).await;
        assert_eq!(reading.verdict, expected, "{hanging}: {reading:?}");
        assert_eq!(adapter.send_deadline(), Duration::from_millis(900));
        assert!(began.elapsed() < Duration::from_millis(1_400), "{hanging}: {:?}", began.elapsed());
    }
}

// The rest of the questions.

#[tokio::test]
async fn an_inquiry_names_the_owner_or_says_why_not() {
    let world = World::new(json!({})).await;
    let account = Personal::new(ACCOUNT);
    let named =
        |code: &str, name: Value| json!({ "responseCode": code, "beneficiaryAccountName": name, "sessionId": "I1" });
    for (status, body, expected) in [
        (200, named("2004200", json!("BUDI SANTOSO")), "BUDI SANTOSO"),
        (200, named("2004200", json!("")), "failed"),
        (200, named("2004200", Value::Null), "failed"),
        (404, named("4044211", Value::Null), "not found"),
        (200, named("4044211", Value::Null), "failed"),
        (404, named("4044201", Value::Null), "failed"),
        (403, named("4034209", Value::Null), "failed"),
        (404, json!({}), "failed"),
        (500, named("2004200", json!("BUDI")), "failed"),
    ] {
        world.oracle.say(INQUIRY, status, &body);
        let said = match adapter(&world.providers).inquiry(&world.call(), "BCA", &account).unwrap().await {
            Inquiry::Found { name } => name.reveal().to_owned(),
            Inquiry::NotFound { .. } => "not found".into(),
            Inquiry::Failed { .. } => "failed".into(),
        };
        assert_eq!(said, expected, "HTTP {status} {body}");
    }
    let nowhere = adapter(&world.providers).inquiry(&world.call(), "NOWHERE", &account).unwrap().await;
    assert!(matches!(nowhere, Inquiry::NotFound { .. }));
}

#[tokio::test]
async fn a_balance_is_read_in_all_three_shapes() {
    let world = World::new(json!({})).await;
    let rupiah = |value: &str| json!({ "value": value, "currency": "IDR" });
    let whole = json!({ "availableBalance": rupiah("99990000.00"), "holdAmount": rupiah("10000.00") });
    let typo = json!({ "avaliableBalance": rupiah("99990000.00"), "holdAmount": rupiah("10000.00") });
    let alone =
        json!({ "availableBalance": rupiah("5.00"), "holdAmount": null, "additionalInfo": { "creditAlertLimit": 1 } });
    for (infos, expected) in [
        (json!([whole.clone()]), Some((100_000_000, 99_990_000))),
        (whole, Some((100_000_000, 99_990_000))),
        (typo.clone(), Some((100_000_000, 99_990_000))),
        (json!([typo]), Some((100_000_000, 99_990_000))),
        (json!([alone]), Some((5, 5))),
        (json!([]), None),
        (Value::Null, None),
        (json!({ "holdAmount": rupiah("1.00") }), None),
        (json!([{ "availableBalance": rupiah("5.50") }]), None),
        (json!([{ "availableBalance": { "value": "5.00", "currency": "USD" } }]), None),
    ] {
        world.oracle.say(BALANCE, 200, json!({ "responseCode": "2001100", "accountInfos": infos }));
        let balance = adapter(&world.providers).balance(&world.call()).unwrap().await;
        let read = balance.ok().map(|b| (b.balance.units, b.available.unwrap().units));
        assert_eq!(read, expected, "{infos}");
    }
    let wrong = json!({ "responseCode": "4041108", "responseMessage": "Invalid Merchant" });
    world.oracle.say(BALANCE, 404, wrong);
    let refused = adapter(&world.providers).balance(&world.call()).unwrap().await.unwrap_err();
    assert_eq!((refused.cause, refused.words.as_str()), (Cause::Account, "4041108 Invalid Merchant"));
}

#[test]
fn a_notification_is_a_question_and_nothing_more() {
    let providers = golden::providers("doku", json!({}));
    let callbacks = providers.get("doku").unwrap().callbacks().unwrap();
    let read = |body: &str| {
        let source = "203.0.113.9".parse().unwrap();
        callbacks.read(&RawCallback { headers: Default::default(), body: body.into(), source })
    };
    let body = json!({
        "sendTrxId": REFERENCE, "transactionId": "DK0018353", "activityCode": "200",
        "message": "Transaction is Success", "processDate": "20260101000000",
    });
    let reading = read(&body.to_string());
    assert_eq!(reading, CallbackReading::Question { reference: REFERENCE.into() });
    assert_eq!(callbacks.answer(&reading, true).status, 200);
    assert_eq!(callbacks.answer(&reading, false).status, 503, "what is not stored is not acknowledged");
    for body in ["", "[]", "{}", "{\"sendTrxId\":\"\"}", "{\"sendTrxId\":null}", "sendTrxId=a"] {
        assert!(matches!(read(body), CallbackReading::Refused { .. }), "{body:?}");
    }
    let long = json!({ "sendTrxId": "a".repeat(65) }).to_string();
    assert!(matches!(read(&long), CallbackReading::Refused { .. }));
}

#[test]
fn a_re_send_is_due_as_the_contract_has_it_and_can_be_switched_off() {
    let on = golden::providers("doku", json!({}));
    let rule = adapter(&on).resend().unwrap();
    assert_eq!((rule.not_found, rule.spread, rule.quiet), (3, Duration::from_secs(600), Duration::from_secs(60)));
    let off = golden::providers("doku", json!({ "resend": false }));
    assert!(adapter(&off).resend().is_none());
}

#[tokio::test]
async fn nothing_secret_stands_in_the_record_of_a_call() {
    let world = World::new(json!({})).await;
    // The provider repeats whatever it was told, in places nobody expects.
    let chatty = format!("token TOKEN-B2B of {ACCOUNT} key {SECRET} Zoë Santoso Putri 6281234567890");
    let mut inquiry: Value = serde_json::from_str(SESSION_SAID).unwrap();
    inquiry["responseMessage"] = json!(chatty);
    inquiry["beneficiaryAccountName"] = json!("BUDI THE OWNER");
    let mut transfer = echo("2004300");
    transfer["responseMessage"] = json!(chatty);
    world.oracle.say(INQUIRY, 200, inquiry);
    world.oracle.say(TRANSFER, 200, transfer);
    let order = world.order();
    // Masked as the flows mask it: the credentials and the order.
    let mut call = world.call().mask(ACCOUNT, "…2390".into()).mask(order.name.reveal(), "…".into());
    call = credentials().as_object().unwrap().values().fold(call, |call, v| call.mask(v.as_str().unwrap(), "…".into()));
    call = order.extras.values().fold(call, |call, extra| call.mask(extra.reveal(), "…".into()));
    let reading = call.keepable(adapter(&world.providers).send(&call, &order).await);
    let kept = format!("{}\n{reading:?}", call.record());
    assert!(kept.contains("token: HTTP 200 …\ninquiry: HTTP 200 {"), "{kept}");
    let key_line = KEY.pkcs8.lines().nth(3).unwrap();
    for secret in ["TOKEN-B2B", SECRET, key_line, ACCOUNT, "Santoso", "6281234567890", "BUDI", "Warung"] {
        assert!(!kept.contains(secret), "{secret} in {kept}");
    }
}
