//! The simulator of the Partner API by a client of the test's own, written from contracts/doku.md 1, 3.1, 5, 6 and 8: who is
//! let in, what is refused, what a repeat gets, what a review does. The product's adapter is not used.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use paystrator::crypto::random_bytes;
use paystrator::sandbox::{Fault, Kind, SandboxConfig, start};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{PDF, PNG, Stage};
use crate::support::{kyb, pg};

const PREFIX: &str = "/adv-core-api/partner/v1.0";
const QUERY: &str =
    "?businessType=CORPORATE&businessLegalEntity=PT&brandBusinessLine=EDUCATION&businessContactNationality=ID";

struct Client<'a> {
    stage: &'a Stage,
    http: reqwest::Client,
    client_id: String,
    secret: String,
}

/// What of a signed call is not as it should be: headers to replace, an empty value takes one out.
#[derive(Default, Clone, Copy)]
struct Twist<'a> {
    headers: &'a [(&'a str, &'a str)],
    request_id: Option<&'a str>,
    signed_body: Option<&'a str>,
    with_query: bool,
}

struct Answer {
    status: u16,
    body: Value,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    fn words(&self) -> String {
        let words = self.body["message"].as_array().unwrap_or_else(|| panic!("no message: {}", self.text));
        words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join("\n")
    }
}

fn sign(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    format!("HMACSHA256={}", STANDARD.encode(mac.finalize().into_bytes()))
}

impl<'a> Client<'a> {
    fn of(stage: &'a Stage) -> Client<'a> {
        let keys = stage.sandbox.doku_partner.credentials();
        let text = |name: &str| keys[name].as_str().unwrap().to_owned();
        Client { stage, http: reqwest::Client::new(), client_id: text("client_id"), secret: text("secret_key") }
    }

    async fn signed(&self, method: &str, path: &str, body: Option<&str>, twist: Twist<'_>) -> Answer {
        let fresh = hex::encode(random_bytes::<16>());
        let time = self.stage.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let whole = format!("{PREFIX}{path}");
        let target = if twist.with_query { whole.as_str() } else { whole.split('?').next().unwrap() };
        let id = twist.request_id.unwrap_or(&fresh);
        let mut text =
            format!("Client-Id:{}\nRequest-Id:{id}\nRequest-Timestamp:{time}\nRequest-Target:{target}", self.client_id);
        if let Some(body) = twist.signed_body.or(body) {
            text += &format!("\nDigest:{}", STANDARD.encode(Sha256::digest(body)));
        }
        let signature = sign(&self.secret, &text);
        let mut headers = vec![
            ("Client-Id", self.client_id.as_str()),
            ("Request-Id", id),
            ("Request-Timestamp", &time),
            ("Signature", &signature),
        ];
        for (name, value) in twist.headers {
            headers.retain(|(known, _)| known != name);
            headers.push((name, value));
        }
        let url = format!("{}{whole}", self.stage.sandbox.partner_url());
        let mut call = self.http.request(method.parse().unwrap(), url);
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            call = call.header(name, value);
        }
        let call = match body {
            Some(body) => call.header("Content-Type", "application/json").body(body.to_owned()),
            None => call,
        };
        self.read(call).await
    }

    async fn read(&self, call: reqwest::RequestBuilder) -> Answer {
        let answer = call.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Answer { status, body: serde_json::from_str(&text).unwrap_or_default(), headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.signed("GET", path, None, Twist::default()).await
    }

    async fn twisted(&self, path: &str, twist: Twist<'_>) -> Answer {
        self.signed("GET", path, None, twist).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.signed("POST", path, Some(&body.to_string()), Twist::default()).await
    }

    async fn token(&self, minutes: &str) -> String {
        let body = json!({ "grant_type": "client_credentials", "valid_time": minutes });
        self.post("/token", &body).await.body["token"].as_str().unwrap().to_owned()
    }

    async fn upload(&self, token: &str, parts: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in parts {
            body.extend(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"").into_bytes());
            let more = if *name == "file" { "; filename=\"a.png\"\r\nContent-Type: image/png" } else { "" };
            body.extend(format!("{more}\r\n\r\n").into_bytes());
            body.extend(*value);
            body.extend(b"\r\n");
        }
        body.extend(b"--XX--\r\n");
        let url = format!("{}{PREFIX}/file", self.stage.sandbox.partner_url());
        let call = self.http.post(url).header("Authorization", format!("Bearer {token}"));
        self.read(call.header("Content-Type", "multipart/form-data; boundary=XX").body(body)).await
    }

    /// Uploads what a whole registration names, and answers the registration.
    async fn registration(&self) -> Value {
        let token = self.token("60").await;
        let id = async |category: &str, code: Option<&str>| {
            let mut parts = vec![("category", category.as_bytes()), ("file", if code.is_some() { PDF } else { PNG })];
            parts.extend(code.map(|code| ("code", code.as_bytes())));
            self.upload(&token, &parts).await.body["id"].as_str().unwrap().to_owned()
        };
        let form = |code: &str, value: &str| json!([{ "code": code, "value": value }]);
        let document = |code: &str, id: String| json!({ "code": code, "category": "DOCUMENT", "id": id });
        let mut papers = Vec::new();
        for (code, forms) in [
            ("NPWP_BADAN", form("NO_NPWP", "123456789012934")),
            ("NIB", form("NO_NIB", "8192039485920")),
            ("SK_KEMENKUMHAM", json!([])),
            ("AKTA_PENDIRIAN_PERUSAHAAN", json!([])),
        ] {
            let mut paper = document(code, id("DOCUMENT", Some(code)).await);
            paper["forms"] = forms;
            papers.push(paper);
        }
        let mut ktp = document("KTP", id("DOCUMENT", Some("KTP")).await);
        ktp["forms"] = form("NO_KTP", "1234567890123456");
        json!({ "business": {
            "type": "CORPORATE", "legal_entity": "PT", "name": "Merchant 26 May", "description": "Merchant Description",
            "email": "merchant@example.com", "phone_calling_code": "62", "phone_number": "81234567890",
            "website_readiness": "HAVE", "mobile_app_readiness": "DONT_HAVE",
            "brands": [{
                "name": "Brand Merchant", "description": "Brand", "business_line": "RETAIL", "transaction_frequency": "UMI",
                "transaction_quantity": "UP_TO_100", "photo_proofs": [{ "id": id("PHOTO_PROOF", None).await }],
                "social_media": [{ "code": "INSTAGRAM", "accounts": ["https://www.instagram.com/dokuid"] }],
            }],
            "addresses": [{
                "name": "Jalan Gatot Subroto No 20", "area": "17133 - Kali Baru - Medan Satria - Bekasi - Jawa Barat",
                "country": "ID", "primary": true,
            }],
            "contacts": [{
                "name": "A Director", "email": "director@example.com", "phone_calling_code": 62,
                "phone_number": 8120162038i64, "position": "DIRECTOR", "nationality": "ID",
                "owner_liveness": { "id": id("OWNER_LIVENESS", None).await }, "documents": [ktp],
            }],
            "documents": papers,
            "bank_account": { "bank_id": "4", "account_name": "Merchant", "account_number": "12345058", "currency": "IDR" },
        } })
    }
}

#[tokio::test]
async fn only_the_partner_is_let_in() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let path = format!("/file{QUERY}");
    assert_eq!(client.get(&path).await.status, 200);
    for name in ["Client-Id", "Request-Id", "Request-Timestamp", "Signature"] {
        let answer = client.twisted(&path, Twist { headers: &[(name, "")], ..Twist::default() }).await;
        assert_eq!((answer.status, answer.words()), (400, format!("{name} must not be empty")));
    }
    let long = "x".repeat(129);
    for (header, status, words) in [
        (("Client-Id", "BRN-0001-1"), 401, "Invalid Client-Id"),
        (("Request-Timestamp", "2026-01-15T05:00:01Z"), 401, "Invalid Header Signature"),
        (("Request-Timestamp", "2026-01-15T05:05:01Z"), 401, "Invalid Request-Timestamp"),
        (("Request-Timestamp", "yesterday"), 400, "Invalid Request-Timestamp"),
        (("Request-Id", "another"), 401, "Invalid Header Signature"),
        (("Request-Id", &long), 400, "Request-Id must have at most 128 characters"),
        (("Signature", "HMACSHA256=AAAA"), 401, "Invalid Header Signature"),
        (("Signature", "nonsense"), 401, "Invalid Header Signature"),
    ] {
        let answer = client.twisted(&path, Twist { headers: &[header], ..Twist::default() }).await;
        assert_eq!((answer.status, answer.words().as_str()), (status, words), "{header:?}");
    }
    let body = r#"{"grant_type":"client_credentials"}"#;
    let twist = Twist { signed_body: Some(r#"{"grant_type": "client_credentials"}"#), ..Twist::default() };
    let answer = client.signed("POST", "/token", Some(body), twist).await;
    assert_eq!((answer.status, answer.words().as_str()), (401, "Invalid Header Signature"));
    // Whether the query is signed nobody says: both are taken, or one (contracts/doku.md 6, O1).
    let whole = Twist { with_query: true, ..Twist::default() };
    assert_eq!(client.twisted(&path, whole).await.status, 200);
    stage.sandbox.doku_partner.change_settings(json!({ "target": "path" }).as_object().unwrap().clone()).unwrap();
    assert_eq!((client.twisted(&path, whole).await.status, client.get(&path).await.status), (401, 200));
    assert_eq!(client.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn answers_are_signed() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let body = json!({ "grant_type": "client_credentials" }).to_string();
    let digest = |text: &str| format!("\nDigest:{}", STANDARD.encode(Sha256::digest(text)));
    for (method, path, body) in
        [("POST", "/token".to_owned(), Some(body.as_str())), ("GET", format!("/file{QUERY}"), None)]
    {
        let twist = Twist { request_id: Some(if body.is_some() { "one" } else { "two" }), ..Twist::default() };
        let answer = client.signed(method, &path, body, twist).await;
        let header = |name: &str| answer.headers[name].to_str().unwrap();
        assert_eq!(header("request-id"), twist.request_id.unwrap());
        let mut text = format!(
            "Client-Id:{}\nRequest-Id:{}\nResponse-Timestamp:{}\nRequest-Target:{PREFIX}{}",
            header("client-id"),
            header("request-id"),
            header("response-timestamp"),
            path.split('?').next().unwrap()
        );
        text += &body.map(|_| digest(&answer.text)).unwrap_or_default();
        assert_eq!(header("signature"), sign(&client.secret, &text));
    }
}

#[tokio::test]
async fn requirements_name_the_documents_of_a_business() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let tree = client.get(&format!("/file{QUERY}")).await.body;
    let photo = &tree["business"]["brand"]["photo_proof"];
    assert_eq!(
        photo,
        &json!({ "code": "PHOTO_PROOF", "name": "Brand Photo Proof", "extensions": ["PNG", "JPG", "JPEG"], "max_size": 15 })
    );
    assert!(tree.to_string().contains("IZIN_DISPENDIK_KEMENDIKBUD") && tree.to_string().contains("NPWP_BADAN"));
    let personal =
        QUERY.replace("CORPORATE", "PERSONAL").replace("=PT", "=PERSEORANGAN").replace("EDUCATION", "RETAIL");
    let tree = client.get(&format!("/file{personal}")).await.body;
    assert!(tree.to_string().contains("KTP") && !tree.to_string().contains("NPWP_BADAN"));
    for (from, to, words) in [
        ("CORPORATE", "COMPANY", "businessType is not allowed"),
        ("CORPORATE", "PERSONAL", "businessLegalEntity is not allowed\nbrandBusinessLine is not allowed"),
        ("=PT", "=GMBH", "businessLegalEntity is not allowed"),
        ("EDUCATION", "SCHOOL", "brandBusinessLine is not allowed"),
        ("=ID", "=DE", "businessContactNationality is not allowed"),
        ("&businessContactNationality=ID", "", "businessContactNationality must not be empty"),
        ("businessLegalEntity=PT&", "", "businessLegalEntity must not be empty"),
    ] {
        let answer = client.get(&format!("/file{}", QUERY.replace(from, to))).await;
        assert_eq!((answer.status, answer.words().as_str()), (400, words));
    }
}

#[tokio::test]
async fn a_token_opens_uploads_for_its_minutes() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let token = client.token("10").await;
    let claims: Value = {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    assert_eq!(claims["user"]["businessServiceClientId"], client.client_id);
    let photo: [(&str, &[u8]); 2] = [("category", b"PHOTO_PROOF"), ("file", PNG)];
    let answer = client.upload(&token, &photo).await;
    assert_eq!((answer.status, &answer.body["category"]), (200, &json!("PHOTO_PROOF")));
    assert!(answer.body["id"].as_str().unwrap().starts_with("PHP-") && answer.body["link"].is_string());
    assert_eq!(client.upload("another", &photo).await.status, 401);
    stage.clock.advance(std::time::Duration::from_secs(601));
    assert_eq!(client.upload(&token, &photo).await.status, 401);
    for body in [json!({}), json!({ "grant_type": "password" })] {
        assert_eq!(client.post("/token", &body).await.status, 400);
    }
    for time in ["0", "2000", "soon"] {
        let body = json!({ "grant_type": "client_credentials", "valid_time": time });
        assert_eq!(client.post("/token", &body).await.words(), "valid_time must be minutes");
    }
}

#[tokio::test]
async fn a_file_comes_by_itself_or_by_its_link() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let token = client.token("60").await;
    let link = |name: &str| format!("{}/{name}", stage.files).into_bytes();
    let (front, ktp, wrong, gone) = (link("front.png"), link("ktp.pdf"), link("a.txt"), link("gone"));
    let good: [&[(&str, &[u8])]; 3] = [
        &[("category", b"PHOTO_PROOF"), ("file_url", &front)],
        &[("category", b"DOCUMENT"), ("code", b"KTP"), ("file_url", &ktp)],
        &[("category", b"DOCUMENT"), ("code", b"LICENSE_ASIC"), ("file", PDF)],
    ];
    for parts in good {
        assert_eq!(client.upload(&token, parts).await.status, 200, "{parts:?}");
    }
    let files = stage.sandbox.doku_partner.files();
    let fetched = files.iter().find(|file| file.category == "PHOTO_PROOF").unwrap();
    assert_eq!((fetched.size, fetched.kind.as_str()), (PNG.len(), "PNG"));
    assert_eq!(fetched.sha256, hex::encode(Sha256::digest(PNG)));
    type Bad<'a> = (&'a [(&'a str, &'a [u8])], &'a str);
    let bad: [Bad<'_>; 9] = [
        (&[("category", b"SELFIE"), ("file", PNG)], "category is not allowed"),
        (&[("file", PNG)], "category is not allowed"),
        (&[("category", b"DOCUMENT"), ("file", PDF)], "code is not allowed"),
        (&[("category", b"DOCUMENT"), ("code", b"PASSPORT"), ("file", PDF)], "code is not allowed"),
        (&[("category", b"LOGO"), ("code", b"KTP"), ("file", PNG)], "code is only for DOCUMENT"),
        (&[("category", b"LOGO")], "exactly one of file, file_url must be given"),
        (&[("category", b"LOGO"), ("file", PNG), ("file_url", &front)], "exactly one of file, file_url must be given"),
        (&[("category", b"LOGO"), ("file_url", &wrong)], "file extension is not allowed"),
        (&[("category", b"LOGO"), ("file_url", &gone)], "file_url cannot be fetched"),
    ];
    for (parts, words) in bad {
        let answer = client.upload(&token, parts).await;
        assert_eq!((answer.status, answer.words().as_str()), (400, words));
    }
    assert_eq!(stage.sandbox.doku_partner.files().len(), 3);
}

#[tokio::test]
async fn a_registration_must_be_whole_and_right() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let good = client.registration().await;
    let answer = client.post("/business", &good).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mandatory = [
        "type",
        "legal_entity",
        "name",
        "email",
        "phone_calling_code",
        "phone_number",
        "website_readiness",
        "mobile_app_readiness",
        "brands",
        "addresses",
        "contacts",
        "documents",
        "bank_account",
        "brands[0].name",
        "brands[0].description",
        "brands[0].business_line",
        "brands[0].photo_proofs",
        "addresses[0].name",
        "addresses[0].area",
        "addresses[0].country",
        "addresses[0].primary",
        "contacts[0].name",
        "contacts[0].email",
        "contacts[0].phone_number",
        "contacts[0].position",
        "contacts[0].nationality",
        "contacts[0].documents",
        "contacts[0].documents[0].forms",
        "contacts[0].owner_liveness.id",
        "documents[0].forms",
        "documents[1].id",
        "bank_account.bank_id",
        "bank_account.account_name",
        "bank_account.account_number",
        "bank_account.currency",
    ];
    for path in mandatory {
        let mut body = good.clone();
        kyb::set(&mut body["business"], path, None);
        let answer = client.post("/business", &body).await;
        assert_eq!(answer.status, 400, "{path} is mandatory");
        let block = path.split(['.', '[']).next().unwrap();
        assert!(answer.words().contains(&format!("business.{block}")), "{path}: {}", answer.words());
    }
    for (path, value) in [
        ("type", json!("COMPANY")),
        ("legal_entity", json!("PERSEORANGAN")),
        ("name", json!("x".repeat(256))),
        ("name", json!(7)),
        ("email", json!("nobody")),
        ("phone_number", json!("+62812")),
        ("phone_number", json!("12345678901234")),
        ("website_readiness", json!("SOON")),
        ("description", json!("x".repeat(1024))),
        ("brands", json!({})),
        ("brands[0].business_line", json!("SHOP")),
        ("brands[0].social_media", json!([{ "code": "TIKTOK", "accounts": ["x"] }])),
        ("brands[0].photo_proofs", json!([{ "id": "PHP-0001-1" }])),
        ("addresses[0].area", json!("Bekasi")),
        ("addresses[0].country", json!("DE")),
        ("contacts[0].position", json!("CLERK")),
        ("contacts[0].documents[0].id", good["business"]["documents"][0]["id"].clone()),
        ("contacts[0].documents[0].forms[0].value", json!("123")),
        ("documents[0].code", json!("PASSPORT")),
        ("documents[0].category", json!("LOGO")),
        ("bank_account.currency", json!("USD")),
    ] {
        let mut body = good.clone();
        kyb::set(&mut body["business"], path, Some(value.clone()));
        assert_eq!(client.post("/business", &body).await.status, 400, "{path} {value}");
    }
    // A person's business is called as its brand.
    let mut personal = good.clone();
    for (path, value) in [
        ("type", json!("PERSONAL")),
        ("legal_entity", json!("PERSEORANGAN")),
        ("brands[0].category", json!("NON_RETAIL")),
    ] {
        kyb::set(&mut personal["business"], path, Some(value));
    }
    let words = client.post("/business", &personal).await.words();
    assert_eq!(words, "business.brands[0] must have the name and description of the business");
    kyb::set(&mut personal["business"], "brands[0].name", Some(good["business"]["name"].clone()));
    kyb::set(&mut personal["business"], "brands[0].description", Some(good["business"]["description"].clone()));
    assert_eq!(client.post("/business", &personal).await.status, 200);
    assert_eq!(stage.sandbox.doku_partner.businesses().len(), 2);
    assert_eq!(client.post("/business", &json!({})).await.words(), "business must not be empty");
    assert_eq!(client.signed("POST", "/business", Some("{"), Twist::default()).await.words(), "Malformed JSON request");
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_with_409() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let body = client.registration().await.to_string();
    let twist = Twist { request_id: Some("once"), ..Twist::default() };
    let first = client.signed("POST", "/business", Some(&body), twist).await;
    let again = client.signed("POST", "/business", Some(&body), twist).await;
    assert_eq!((first.status, again.status), (200, 409));
    assert_eq!(first.body, again.body);
    let other = client.signed("POST", "/business", Some(&body.replace("May", "June")), twist).await;
    assert_eq!((other.status, other.words().as_str()), (409, "Request-Id was used with different request data"));
    assert_eq!(stage.sandbox.doku_partner.businesses().len(), 1);
}

#[tokio::test]
async fn lite_invites_and_waits() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let good = json!({
        "business": {
            "partner_ref_id": "13aa67f8", "name": "John Store",
            "contact": { "name": "John", "email": "john@example.com", "phone_calling_code": "62", "phone_number": 815i64 },
        },
        "referral": { "code": "ABC123" }, "invited_user": { "email": "john@example.com" },
    });
    let answer = client.post("/business/lite/registration", &good).await;
    assert_eq!((answer.status, &answer.body["business"]["partner_ref_id"]), (200, &json!("13aa67f8")));
    assert!(answer.body["business"]["id"].as_str().unwrap().starts_with("BSN-"));
    let brand = answer.body["brands"][0]["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/business/{brand}{QUERY}")).await.body["name"], "John Store");
    for path in [
        "business.partner_ref_id",
        "business.name",
        "business.contact.name",
        "business.contact.email",
        "business.contact.phone_calling_code",
        "business.contact.phone_number",
        "invited_user.email",
    ] {
        let mut body = good.clone();
        kyb::set(&mut body, path, None);
        let answer = client.post("/business/lite/registration", &body).await;
        assert_eq!((answer.status, answer.words().split(' ').next()), (400, Some(path)));
    }
    let mut body = good.clone();
    body["referral"]["code"] = "ABC".into();
    assert_eq!(client.post("/business/lite/registration", &body).await.words(), "referral.code must have 6 characters");
}

#[tokio::test]
async fn a_review_goes_part_by_part_and_is_kept() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let body = client.registration().await;
    let made = client.post("/business", &body).await.body;
    let (id, brand) = (made["business"]["id"].as_str().unwrap(), made["brands"][0]["id"].as_str().unwrap());
    assert!(made["brands"][0]["shared_key"].as_str().unwrap().starts_with("SK-"));
    let path = format!("/business/{brand}{QUERY}");
    let first = client.get(&path).await.body;
    assert_eq!(first, client.get(&format!("/business/{id}{QUERY}")).await.body);
    assert_eq!(first["status"], "UPDATING");
    assert_eq!(client.get(&format!("/business/BRN-0-0{QUERY}")).await.status, 404);
    assert_eq!(client.get(&format!("/business/{brand}")).await.words().lines().count(), 4);

    let own = reqwest::Client::new();
    let control = stage.sandbox.describe()["doku_partner"]["control_url"].as_str().unwrap().to_owned();
    let review = async |body: Value| {
        let answer = own.post(format!("{control}/control/review")).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(review(json!({ "business": id, "what": "all", "verdict": "approve" })).await.0, 200);
    assert_eq!(review(json!({ "what": "VIRTUAL_ACCOUNT", "verdict": "reject" })).await, (200, r#"{"parts":1}"#.into()));
    assert_eq!(review(json!({ "what": "NIB", "verdict": "open" })).await.0, 200);
    assert_eq!(review(json!({ "what": "nobody", "verdict": "open" })).await.0, 400);
    assert_eq!(review(json!({ "business": "BSN-0", "what": "all", "verdict": "open" })).await.0, 400);
    let model = client.get(&path).await.body;
    assert_eq!((&model["status"], &model["brands"][0]["status"]), (&json!("ACTIVE"), &json!("ACTIVE")));
    let product = model["brands"][0]["products"].as_array().unwrap().iter().find(|p| p["code"] == "VIRTUAL_ACCOUNT");
    assert_eq!((&product.unwrap()["rejected"], &product.unwrap()["status"]), (&json!(true), &json!("REJECTED")));
    let document = model["documents"].as_array().unwrap().iter().find(|d| d["document"]["code"] == "NIB");
    assert_eq!(document.unwrap()["status"], "UPDATING");
}

#[tokio::test]
async fn the_model_has_every_field_of_the_samples() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let made = client.post("/business", &client.registration().await).await.body;
    let brand = made["brands"][0]["id"].as_str().unwrap();
    let model = client.get(&format!("/business/{brand}{QUERY}")).await.body;
    fn paths(value: &Value, at: &str, all: &mut std::collections::BTreeSet<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, field)| paths(field, &format!("{at}/{name}"), all)),
            Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{at}[]"), all)),
            _ => {
                all.insert(at.to_owned());
            }
        }
    }
    let (mut ours, mut printed) = Default::default();
    paths(&model, "", &mut ours);
    paths(&serde_json::from_str(super::model::CORPORATE).unwrap(), "", &mut printed);
    let missing: Vec<&String> = printed.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn its_books_outlive_it_and_time_may_approve() {
    let folder = pg::folder(&format!("doku-partner-{}", hex::encode(random_bytes::<8>())));
    let stage = Stage::set().await;
    let door = super::support::door();
    let config = || SandboxConfig { clock: stage.clock.clone(), ..SandboxConfig::new(&folder) };
    let (before, keys) = {
        let stage = Stage { sandbox: start(config(), door.clone()).await.unwrap(), ..Stage::set().await };
        let client = Client::of(&stage);
        let registration = client.registration().await;
        client.post("/business", &registration).await;
        let api = &stage.sandbox.doku_partner;
        api.change_settings(json!({ "approve_after_ms": 60_000 }).as_object().unwrap().clone()).unwrap();
        let said = (serde_json::to_value(api.businesses()).unwrap(), api.credentials());
        stage.sandbox.stop().await;
        said
    };
    let stage = Stage { sandbox: start(config(), door).await.unwrap(), ..stage };
    let api = &stage.sandbox.doku_partner;
    assert_eq!((serde_json::to_value(api.businesses()).unwrap(), api.credentials()), (before, keys));
    let client = Client::of(&stage);
    let path = format!("/business/{}{QUERY}", api.businesses()[0].brand_id);
    assert_eq!(client.get(&path).await.body["status"], "UPDATING");
    stage.clock.advance(std::time::Duration::from_secs(61));
    let model = client.get(&path).await.body;
    assert_eq!((&model["status"], &model["banks"][0]["status"]), (&json!("ACTIVE"), &json!("ACTIVE")));
}

#[tokio::test]
async fn a_callback_tells_a_review() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let mut body = client.registration().await;
    let hook = crate::support::bad::Stub::start(|_| (200, String::new())).await;
    body["business"]["callback_url"] = format!("{}/doku/hook", hook.url).into();
    client.post("/business", &body).await;
    stage.review("business", "approve");
    stage.sandbox.doku_partner.wait_for(|api| (!api.callbacks().is_empty()).then_some(())).await;
    let told = &hook.seen()[0];
    assert_eq!(told.path, "/doku/hook");
    let header = |name: &str| told.headers[name].to_str().unwrap();
    let text = format!(
        "Client-Id:{}\nRequest-Id:{}\nRequest-Timestamp:{}\nRequest-Target:/doku/hook\nDigest:{}",
        header("client-id"),
        header("request-id"),
        header("request-timestamp"),
        STANDARD.encode(Sha256::digest(&told.body))
    );
    assert_eq!(header("signature"), sign(&client.secret, &text));
}

#[tokio::test]
async fn bad_days_are_had_on_demand() {
    let stage = Stage::set().await;
    let client = Client::of(&stage);
    let api = &stage.sandbox.doku_partner;
    let path = format!("/file{QUERY}");
    api.add_fault(Fault::new(Kind::Refuse).on("requirements").code("Come back later").times(1)).unwrap();
    assert_eq!(client.get(&path).await.words(), "Come back later");
    api.add_fault(Fault::new(Kind::HttpErrorBefore).http_status(503).times(1)).unwrap();
    assert_eq!(client.get(&path).await.status, 503);
    api.add_fault(Fault::new(Kind::Garbage).on("requirements").times(1)).unwrap();
    assert_eq!(client.get(&path).await.body, Value::Null);
    assert_eq!(client.get(&path).await.status, 200);
}
