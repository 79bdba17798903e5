//! The adapter's signatures against the vectors of contracts/doku.md 1.4, and every request byte for byte.

use paystrator::providers::doku::partner::signing::{Signed, is_signed, sign, timestamp};
use paystrator::providers::onboarding::{Onboarding, Step};
use serde_json::{Value, json};

use super::support::{self, header};
use super::{call, filing, noon, partner, sheet};
use paystrator::clock::Clock;
use paystrator::domain::service::Mode;

fn vectors() -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(include_str!("../vectors/doku-vectors.json")).unwrap();
    all.into_iter().filter(|vector| vector["kind"] == "nonsnap").collect()
}

#[test]
fn the_vectors_of_the_contract_are_what_we_sign() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 7);
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        let component = vector["component"].as_str().unwrap();
        let lines: Vec<(&str, &str)> = component.lines().map(|line| line.split_once(':').unwrap()).collect();
        let line = |wanted: &str| lines.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let (answer, request) = (line("Response-Timestamp"), line("Request-Timestamp"));
        let signed = Signed {
            client_id: line("Client-Id").unwrap(),
            request_id: line("Request-Id").unwrap(),
            timestamp: answer.or(request).unwrap(),
            target: line("Request-Target").unwrap(),
            body: vector["body"].as_str().map(str::as_bytes),
        };
        let ours = if answer.is_some() { signed.of_answer() } else { signed.of_request() };
        assert_eq!(ours, component, "{name}");
        let (secret, signature) = (vector["secret"].as_str().unwrap(), vector["signature"].as_str().unwrap());
        assert_eq!(sign(secret, &ours), signature, "{name}");
        if answer.is_some() {
            assert!(is_signed(secret, signed, false, signature));
            let wrong = [Signed { target: "/elsewhere", ..signed }, Signed { body: Some(b"{}"), ..signed }];
            assert!(wrong.into_iter().all(|wrong| !is_signed(secret, wrong, true, signature)));
            assert!(!is_signed("SK-other", signed, true, signature));
        }
    }
    assert_eq!(timestamp("2020-08-11T08:45:42.987654Z".parse().unwrap()), "2020-08-11T08:45:42Z");
}

/// A request without what differs from run to run, its signature checked by the contract's own arithmetic.
fn shown(request: &str, secret: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};
    let (head, body) = request.split_once("\n\n").unwrap();
    let target = head.split(' ').nth(1).unwrap().split('?').next().unwrap();
    let mut shown = request.to_owned();
    if head.contains("\nsignature: ") {
        let (id, signature) = (header(request, "request-id"), header(request, "signature"));
        let mut text = format!(
            "Client-Id:{}\nRequest-Id:{id}\nRequest-Timestamp:{}\nRequest-Target:{target}",
            header(request, "client-id"),
            header(request, "request-timestamp")
        );
        if !body.is_empty() {
            text += &format!("\nDigest:{}", STANDARD.encode(Sha256::digest(body)));
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        assert_eq!(signature, format!("HMACSHA256={}", STANDARD.encode(mac.finalize().into_bytes())));
        shown = shown.replace(signature, "[signature]");
        if !id.starts_with("paystrator-kyb-") {
            assert_eq!(id.len(), 32);
            shown = shown.replace(id, "[random]");
        }
    }
    match header_of(head, "content-type").and_then(|value| value.strip_prefix("multipart/form-data; boundary=")) {
        Some(boundary) => shown.replace(boundary, "[boundary]"),
        None => shown,
    }
}

fn header_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name).map(|(_, value)| value))
}

#[tokio::test]
async fn every_request_is_as_the_contract_says() {
    let answers = [
        r#"{"business":{"brand":{"photo_proof":{"code":"PHOTO_PROOF","name":"Photo","extensions":["PNG"],"max_size":15}}}}"#,
        r#"{"token":"TOKEN"}"#,
        r#"{"id":"PHP-1","link":"https://x","category":"PHOTO_PROOF"}"#,
        r#"{"business":{"id":"BSN-1"},"brands":[{"id":"BRN-1","shared_key":"SK-secret"}]}"#,
        r#"{"id":"BSN-1","status":"UPDATING"}"#,
    ];
    let (url, taken) = support::capture(answers).await;
    let secret = "SK-test-0123456789abcdef";
    let partner = partner(json!({
        "test_base_url": url, "test_client_id": "BRN-0201-1676357010382", "test_secret_key": secret,
    }));
    let mut filing = filing("https://files.example/1");
    // One document is enough for its form.
    let mut payload = filing.payload.reveal().clone();
    payload.remove("documents");
    payload.insert("supporting".into(), json!({ "business_location_photo": ["https://files.example/front.png"] }));
    payload.insert("stakeholder".into(), json!([]));
    filing.payload = sheet(payload.into());
    filing.details = sheet(json!({ "business_description": "Fields" }));
    let (door, clock) = (support::door(), Clock::manual(noon()));
    let call = call(&door, &clock, Mode::Test);
    let mut progress = sheet(json!({}));
    let report = loop {
        match partner.step(&call, &filing, &progress).await {
            Step::More(next) => progress = next,
            Step::Told(report) => break report,
            Step::Again(trouble) => panic!("{trouble}"),
        }
    };
    let _ = partner.ask(&call, &filing, &report.progress).unwrap().await;
    let requests = taken.await.unwrap();
    let all: Vec<String> = requests.iter().map(|request| shown(request, secret)).collect();
    insta::assert_snapshot!(all.join("\n----\n"), @r###"
    GET /adv-core-api/partner/v1.0/file?businessType=CORPORATE&businessLegalEntity=PT&brandBusinessLine=AGRICULTURE&businessContactNationality=ID HTTP/1.1
    accept: application/json
    client-id: BRN-0201-1676357010382
    request-id: [random]
    request-timestamp: 2026-01-15T05:00:00Z
    signature: [signature]
    user-agent: paystrator/0.1.0
    host: [host]


    ----
    POST /adv-core-api/partner/v1.0/token HTTP/1.1
    accept: application/json
    client-id: BRN-0201-1676357010382
    request-id: [random]
    request-timestamp: 2026-01-15T05:00:00Z
    signature: [signature]
    content-type: application/json
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 53

    {"grant_type":"client_credentials","valid_time":"60"}
    ----
    POST /adv-core-api/partner/v1.0/file HTTP/1.1
    accept: application/json
    authorization: Bearer TOKEN
    content-type: multipart/form-data; boundary=[boundary]
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 258

    --[boundary]
    Content-Disposition: form-data; name="category"

    PHOTO_PROOF
    --[boundary]
    Content-Disposition: form-data; name="file_url"

    https://files.example/front.png
    --[boundary]--

    ----
    POST /adv-core-api/partner/v1.0/business HTTP/1.1
    accept: application/json
    client-id: BRN-0201-1676357010382
    request-id: paystrator-kyb-0190163d8694739ba9d1e1f2b5c4a3d2.1.797aaed1fb4c928e
    request-timestamp: 2026-01-15T05:00:00Z
    signature: [signature]
    content-type: application/json
    user-agent: paystrator/0.1.0
    host: [host]
    content-length: 513

    {"business":{"addresses":[{"area":"55581 - Buaran - Serpong - Tangerang Selatan - Banten","country":"ID","name":"Jl. Belokan Bawah I No.11, Tamban","primary":true}],"bank_account":{"currency":"IDR"},"brands":[{"business_line":"AGRICULTURE","description":"Fields","name":"Sanbox","photo_proofs":[{"id":"PHP-1"}]}],"description":"Fields","email":"john@example.co.id","legal_entity":"PT","name":"PT SANDBOX COMPANY","phone_calling_code":"62","phone_number":"918237123","type":"CORPORATE","website_readiness":"HAVE"}}
    ----
    GET /adv-core-api/partner/v1.0/business/BRN-1?businessType=CORPORATE&businessLegalEntity=PT&brandBusinessLine=AGRICULTURE&businessContactNationality=ID HTTP/1.1
    accept: application/json
    client-id: BRN-0201-1676357010382
    request-id: [random]
    request-timestamp: 2026-01-15T05:00:00Z
    signature: [signature]
    user-agent: paystrator/0.1.0
    host: [host]
    "###);
}
