//! The OY! adapter against golden vectors: each request byte for byte, and every code of both tables of
//! contracts/oy.md section 3 with what it proves. The tables here are read from the contract, not from the code.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use paystrator::clock::Clock;
use paystrator::crypto::secret::Personal;
use paystrator::domain::evidence::{Fault, Verdict};
use paystrator::domain::money::{Currency, Money};
use paystrator::domain::sequence::Reach;
use paystrator::providers::registry::Providers;
use paystrator::providers::{Call, Inquiry, Order, Reading, SendMoney, Wish};
use serde_json::{Value, json};

use crate::support::bad::{CLOSED, Stub};
use crate::support::golden::{self, capture};

const REFERENCE: &str = "ps0123456789abcdefghjkmnpq";

fn providers() -> Providers {
    golden::providers("oy", json!({}))
}

fn call(settings: Value) -> Call {
    let credentials = json!({ "username": "a-user", "api_key": "a-key" });
    golden::call(&golden::door(), "oy", &Clock::system(), "a-user", &credentials, settings)
}

fn order(adapter: &dyn SendMoney) -> Order {
    let wish = Wish {
        reference: REFERENCE,
        destination: "BCA",
        account: &Personal::new("1239812390"),
        name: &Personal::new("Budi Santoso"),
        money: Money::new(125_000, Currency::Idr),
        remark: "Invoice #12: \"café\"; 1+1-1*1.",
        settings: &json!({}),
    };
    adapter.order(&wish).unwrap()
}

#[tokio::test]
async fn requests_byte_for_byte() {
    let providers = providers();
    let adapter = providers.get("oy").unwrap().send_money().unwrap();
    let order = order(adapter);
    let (url, remit) = capture(["{}"]).await;
    adapter.send(&call(json!({ "base_url": url })), &order).await;
    insta::assert_snapshot!(remit.await.unwrap()[0], @r###"
    POST /api/remit HTTP/1.1
    content-type: application/json
    accept: application/json
    x-oy-username: a-user
    x-api-key: a-key
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 152

    {"recipient_bank":"014","recipient_account":"1239812390","amount":125000,"note":"Invoice 12 caf 1+1-1*1.","partner_trx_id":"ps0123456789abcdefghjkmnpq"}
    "###);
    // The path of the base address is kept, and the header's name is the connection's.
    let (url, status) = capture(["{}"]).await;
    let settings = json!({ "base_url": format!("{url}/staging/partner/"), "username_header": "x-username" });
    adapter.status(&call(settings), &order).unwrap().await;
    insta::assert_snapshot!(status.await.unwrap()[0], @r###"
    POST /staging/partner/api/remit-status HTTP/1.1
    content-type: application/json
    accept: application/json
    x-username: a-user
    x-api-key: a-key
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 47

    {"partner_trx_id":"ps0123456789abcdefghjkmnpq"}
    "###);
    let (url, inquiry) = capture(["{}"]).await;
    adapter.inquiry(&call(json!({ "base_url": url })), "BCA", &Personal::new("1239812390")).unwrap().await;
    insta::assert_snapshot!(inquiry.await.unwrap()[0], @r###"
    POST /api/inquiry HTTP/1.1
    content-type: application/json
    accept: application/json
    x-oy-username: a-user
    x-api-key: a-key
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 57

    {"recipient_bank":"014","recipient_account":"1239812390"}
    "###);
    let (url, balance) = capture(["{}"]).await;
    let _ = adapter.balance(&call(json!({ "base_url": url }))).unwrap().await;
    insta::assert_snapshot!(balance.await.unwrap()[0], @r###"
    GET /api/balance HTTP/1.1
    content-type: application/json
    accept: application/json
    x-oy-username: a-user
    x-api-key: a-key
    user-agent: paystrator/0.1.0
    host: [host]
    "###);
}

/// A provider that answers what it is told to, and the adapter's readings of it.
struct Oracle {
    providers: Providers,
    stub: Stub,
    say: Arc<Mutex<(u16, String)>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Remit,
    Status,
}

impl Oracle {
    async fn new() -> Oracle {
        let say = Arc::new(Mutex::new((200, String::new())));
        let told = say.clone();
        let stub = Stub::start(move |_| told.lock().unwrap().clone()).await;
        Oracle { providers: providers(), stub, say }
    }

    fn adapter(&self) -> &dyn SendMoney {
        self.providers.get("oy").unwrap().send_money().unwrap()
    }

    async fn read(&self, call: &Call, asked: Asked, status: u16, body: impl ToString) -> Reading {
        *self.say.lock().unwrap() = (status, body.to_string());
        let order = order(self.adapter());
        match asked {
            Asked::Remit => self.adapter().send(call, &order).await,
            Asked::Status => self.adapter().status(call, &order).unwrap().await,
        }
    }

    fn call(&self) -> Call {
        call(json!({ "base_url": self.stub.url }))
    }
}

/// A whole answer, echoing the order.
fn echo(code: &str) -> Value {
    json!({
        "status": { "code": code, "message": "words" }, "amount": 125_000, "recipient_bank": "014",
        "recipient_account": "1239812390", "trx_id": "OY-1", "partner_trx_id": REFERENCE, "timestamp": "16-10-2019 10:23:42",
    })
}

/// contracts/oy.md section 3, the table of remit.
fn remit_table(code: &str) -> Verdict {
    match code {
        "000" => Verdict::Paid,
        "101" | "102" | "301" => Verdict::Accepted,
        "300" => Verdict::Failed(Fault::Request),
        "201" | "202" | "207" | "208" | "205" | "211" | "215" | "264" | "206" => Verdict::Refused(Fault::Provider),
        "209" | "210" | "990" | "204" => Verdict::Refused(Fault::Request),
        "429" => Verdict::NotSent,
        _ => Verdict::Unknown,
    }
}

/// The same, of status; failover after 206 and 225 only (DESIGN invariant 2: the provider's own reasons).
fn status_table(code: &str) -> Verdict {
    match code {
        "000" => Verdict::Paid,
        "101" | "102" | "301" => Verdict::Accepted,
        "206" | "225" => Verdict::Failed(Fault::Provider),
        "300" | "209" => Verdict::Failed(Fault::Request),
        "204" => Verdict::NotFound,
        _ => Verdict::Unknown,
    }
}

#[tokio::test]
async fn every_code_of_both_tables_and_every_other() {
    let oracle = Oracle::new().await;
    let call = oracle.call();
    for n in 0..1_000 {
        let code = format!("{n:03}");
        let remit = oracle.read(&call, Asked::Remit, 200, echo(&code)).await;
        assert_eq!((remit.verdict, remit.echo_differs), (remit_table(&code), false), "{code} on remit");
        let status = oracle.read(&call, Asked::Status, 200, echo(&code)).await;
        assert_eq!((status.verdict, status.echo_differs), (status_table(&code), false), "{code} on status");
        assert_eq!((status.code.as_deref(), status.provider_ref.as_deref()), (Some(code.as_str()), Some("OY-1")));
        assert_eq!(status.message.as_deref(), Some("words"));
    }
}

#[tokio::test]
async fn a_force_credit_is_in_doubt_whatever_its_code() {
    let oracle = Oracle::new().await;
    let call = oracle.call();
    for said in ["Force Credit", "FORCE_CREDIT", "FAILED_FORCE_CREDIT", "Pending force-credit at the bank"] {
        for asked in [Asked::Remit, Asked::Status] {
            for code in ["300", "206", "209", "225"] {
                let mut body = echo(code);
                body["tx_status_description"] = json!(said);
                let reading = oracle.read(&call, asked, 200, &body).await;
                assert_eq!(reading.verdict, Verdict::Unknown, "{asked:?} {code} {said}");
                let mut body = echo(code);
                body["status"]["message"] = json!(said);
                assert_eq!(
                    oracle.read(&call, asked, 200, &body).await.verdict,
                    Verdict::Unknown,
                    "{said} as the message"
                );
            }
            let mut body = echo("000");
            body["tx_status_description"] = json!(said);
            assert_eq!(oracle.read(&call, asked, 200, &body).await.verdict, Verdict::Paid, "000 is paid all the same");
        }
    }
}

#[tokio::test]
async fn what_is_echoed_must_be_ours() {
    let oracle = Oracle::new().await;
    let call = oracle.call();
    let with = |field: &str, value: Value| {
        let mut body = echo("101");
        body[field] = value;
        body.to_string()
    };
    // Every form the documents print of one and the same amount. A number keeps its digits: no float is involved.
    let same = ["125000", "\"125000\"", "125000.0000", "\"125000.0000\"", "null"];
    let other = ["12500000", "\"125000.01\"", "1250", "0", "-125000", "1.25e5", "\"\"", "\"Rp 125.000\"", "125000.5"];
    for (forms, differs) in [(&same[..], false), (&other[..], true)] {
        for form in forms {
            for asked in [Asked::Remit, Asked::Status] {
                let body = echo("101").to_string().replace("125000,", &format!("{form},"));
                assert!(body.contains(&format!("\"amount\":{form},")), "{body}");
                let reading = oracle.read(&call, asked, 200, body).await;
                assert_eq!((reading.verdict, reading.echo_differs), (Verdict::Accepted, differs), "{asked:?} {form}");
            }
        }
    }
    for (value, differs) in
        [(json!("1239812391"), true), (json!(1239812390), false), (Value::Null, false), (json!(""), true)]
    {
        let reading = oracle.read(&call, Asked::Status, 200, with("recipient_account", value.clone())).await;
        assert_eq!(reading.echo_differs, differs, "{value}");
    }
    // An answer about another reference is no answer, whatever it says.
    for code in ["000", "101", "300", "204", "206"] {
        let mut body = echo(code);
        body["partner_trx_id"] = json!("somebody-elses");
        for asked in [Asked::Remit, Asked::Status] {
            assert_eq!(oracle.read(&call, asked, 200, &body).await.verdict, Verdict::Unknown, "{asked:?} {code}");
        }
    }
    // Nothing echoed is nothing wrong: a rejection has an empty trx_id and may name nothing else.
    let bare = json!({ "status": { "code": "206", "message": null }, "trx_id": "" });
    let reading = oracle.read(&call, Asked::Remit, 200, bare).await;
    assert_eq!(
        (reading.verdict, reading.echo_differs, reading.provider_ref),
        (Verdict::Refused(Fault::Provider), false, None)
    );
}

#[tokio::test]
async fn http_errors_and_unreadable_bodies_prove_nothing() {
    let oracle = Oracle::new().await;
    let call = oracle.call();
    for status in [201, 204, 301, 400, 401, 402, 403, 404, 405, 408, 409, 422, 429, 500, 502, 503, 504] {
        // The body looks like a success or a refusal: the status line decides that it is not believed.
        for code in ["101", "206", "300", "000"] {
            let remit = oracle.read(&call, Asked::Remit, status, echo(code)).await.verdict;
            let expected = if [403, 404, 429].contains(&status) { Verdict::NotSent } else { Verdict::Unknown };
            assert_eq!(remit, expected, "HTTP {status} {code}");
            assert_eq!(oracle.read(&call, Asked::Status, status, echo(code)).await.verdict, Verdict::Unknown);
        }
    }
    let unreadable = [
        "",
        "null",
        "7",
        "[]",
        "{}",
        "<html>502</html>",
        "{\"status\":{}}",
        "{\"status\":null}",
        "{\"status\":\"000\"}",
        "{\"status\":{\"code\":null}}",
        "{\"status\":{\"code\":\"\"}}",
        "{\"status\":{\"code\":\"0\"}}",
        "{\"status\":{\"code\":0}}",
        "{\"status\":{\"code\":[\"000\"]}}",
        "{\"status\":{\"code\":\" 000\"}}",
        "{\"status\":{\"code\":\"000\"}",
        "{\"code\":\"000\"}",
        "{\"status\":{\"code\":\"000\"},\"trx_id\":7}",
    ];
    for body in unreadable {
        for asked in [Asked::Remit, Asked::Status] {
            let reading = oracle.read(&call, asked, 200, body).await;
            assert_eq!(reading.verdict, Verdict::Unknown, "{asked:?} {body:?}");
        }
    }
}

#[tokio::test]
async fn who_cannot_be_reached_was_not_sent_and_told_nothing() {
    let providers = providers();
    let adapter = providers.get("oy").unwrap().send_money().unwrap();
    let (order, call) = (order(adapter), call(json!({ "base_url": CLOSED })));
    assert_eq!(adapter.send(&call, &order).await.verdict, Verdict::NotSent);
    assert_eq!(adapter.status(&call, &order).unwrap().await.verdict, Verdict::Unknown);
    let account = Personal::new("1239812390");
    assert!(matches!(adapter.inquiry(&call, "BCA", &account).unwrap().await, Inquiry::Failed { .. }));
    assert!(adapter.balance(&call).unwrap().await.is_err());
    assert_eq!(adapter.reach("BCA", Currency::Myr), Reach::NoCurrency);
    assert_eq!(adapter.reach("NOWHERE", Currency::Idr), Reach::NoDestination);
    let rule = adapter.resend().unwrap();
    assert_eq!((rule.not_found, rule.spread, rule.quiet), (3, Duration::from_secs(600), Duration::from_secs(60)));
}

#[tokio::test]
async fn inquiry_and_balance_are_read_by_the_contract() {
    let oracle = Oracle::new().await;
    let call = oracle.call();
    let account = Personal::new("1239812390");
    for (code, name, expected) in [
        ("000", json!("BUDI SANTOSO"), "found"),
        ("000", Value::Null, "failed"),
        ("205", json!(""), "not found"),
        ("209", Value::Null, "not found"),
        ("201", Value::Null, "failed"),
        ("999", json!("BUDI"), "failed"),
    ] {
        *oracle.say.lock().unwrap() = (200, json!({ "status": { "code": code }, "recipient_name": name }).to_string());
        let said = match oracle.adapter().inquiry(&call, "BCA", &account).unwrap().await {
            Inquiry::Found { name } => {
                assert_eq!(name.reveal(), "BUDI SANTOSO");
                "found"
            }
            Inquiry::NotFound { .. } => "not found",
            Inquiry::Failed { .. } => "failed",
        };
        assert_eq!(said, expected, "{code}");
    }
    let body = r#"{"status":{"code":"000"},"balance":"100000000.0000","availableBalance":99990000}"#;
    *oracle.say.lock().unwrap() = (200, body.into());
    let balance = oracle.adapter().balance(&call).unwrap().await.unwrap();
    assert_eq!((balance.balance.units, balance.available.unwrap().units), (100_000_000, 99_990_000));
    *oracle.say.lock().unwrap() = (200, json!({ "status": { "code": "208" }, "balance": 5 }).to_string());
    assert!(oracle.adapter().balance(&call).unwrap().await.is_err());
}
