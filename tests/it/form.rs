//! What connections are made with: each provider's form, and precise refusals that tell every fault at once and never
//! repeat a value.

use paystrator::providers::form::{Field, Format, Part};
use paystrator::providers::{FieldFault, Provider};
use serde_json::{Value, json};

use crate::support::golden::{self, KEY, pem};

fn identity(code: &str, credentials: &Value, settings: &Value) -> Result<String, Vec<FieldFault>> {
    golden::providers(code, json!({})).get(code).unwrap().identity(credentials, settings)
}

/// What each provider is made with, in order; every optional field left out.
fn good(code: &str) -> (Value, Value) {
    match code {
        "oy" => (json!({ "username": "a-user", "api_key": "a-key" }), json!({})),
        "doku" => (
            json!({ "client_id": "BRN-1", "secret_key": "SK-1", "private_key": KEY.pkcs8, "agent_key": "A41879" }),
            json!({ "sender_name": "Warung", "sender_phone": "6281234567890" }),
        ),
        _ => (
            json!({ "client_id": "c", "client_secret": "s", "hmac_key": "k", "hmac_secret": "h" }),
            json!({ "base_url": "https://apigw.example.com", "origin": "203.0.113.7", "mobile_number": "081234567890" }),
        ),
    }
}

const CODES: [&str; 3] = ["oy", "doku", "kaspro"];

fn faults(code: &str, credentials: &Value, settings: &Value) -> Vec<String> {
    let faults = identity(code, credentials, settings).unwrap_err();
    faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.reason)).collect()
}

#[test]
fn a_form_says_what_its_own_check_asks_for() {
    for code in CODES {
        let providers = golden::providers(code, json!({}));
        let provider: &dyn Provider = providers.get(code).unwrap();
        let (credentials, settings) = good(code);
        assert!(provider.identity(&credentials, &settings).is_ok(), "{code}");
        for field in provider.form() {
            assert!(!field.label.is_empty() && !field.hint.is_empty(), "{code}.{}", field.name);
            assert!(!(field.secret && field.part == Part::Settings), "settings are readable: {}", field.name);
            // Each required field is missed by its own path, each optional one is not missed.
            let part = |given: &Value, of: Part| {
                let mut given = given.clone();
                if field.part == of {
                    given.as_object_mut().unwrap().remove(field.name);
                }
                given
            };
            let told = provider.identity(&part(&credentials, Part::Credentials), &part(&settings, Part::Settings));
            let path = format!("{}.{}", field.part.as_str(), field.name);
            let missing = FieldFault { field: path.clone(), reason: "is missing".into() };
            assert_eq!(told.err(), field.required.then(|| vec![missing]), "{path}");
        }
        let names: Vec<_> = provider.form().iter().map(|field: &Field| (field.part.as_str(), field.name)).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{code}: a name stands there twice");
    }
}

#[test]
fn the_identity_is_the_account() {
    let of = |code: &str| identity(code, &good(code).0, &good(code).1).unwrap();
    assert_eq!(CODES.map(of), ["a-user", "BRN-1/A41879", "k"]);
    let (mut credentials, settings) = good("doku");
    credentials["secret_key"] = json!("SK-2");
    credentials["private_key"] = json!(KEY.pkcs1);
    credentials["public_key"] = json!(KEY.public);
    assert_eq!(identity("doku", &credentials, &settings).unwrap(), "BRN-1/A41879", "secrets rotate");
    credentials["agent_key"] = json!("A2");
    assert_eq!(identity("doku", &credentials, &settings).unwrap(), "BRN-1/A2", "another purse is another account");
}

#[test]
fn every_fault_is_told_at_once() {
    let credentials = json!({
        "client_id": "has blanks", "secret_key": 7, "private_key": "PRIVATE", "sender_name": "Warung", "colour": "red",
    });
    let settings = json!({ "base_url": "ftp://x", "sender_name": " ", "sender_phone": "call me" });
    insta::assert_snapshot!(faults("doku", &credentials, &settings).join("\n"), @r###"
    credentials.client_id: must be 1 to 64 letters, digits, - and _
    credentials.secret_key: must be text
    credentials.private_key: is not a PEM: it must begin with -----BEGIN PRIVATE KEY-----
    credentials.agent_key: is missing
    credentials.colour: is no field of this provider; there are: client_id, secret_key, private_key, agent_key, public_key
    credentials.sender_name: belongs into settings
    settings.base_url: must begin with https:// (or http:// for a simulator)
    settings.sender_name: must be 1 to 60 characters on one line, and not blank
    settings.sender_phone: must be a phone number: 8 to 15 digits, perhaps after a +
    "###);
    insta::assert_snapshot!(faults("oy", &json!("a-key"), &json!(null)).join("\n"), @r###"
    credentials: must be an object
    settings: must be an object
    "###);
    insta::assert_snapshot!(faults("kaspro", &json!({ "hmac_key": "a\"b" }), &json!({ "origin": "localhost", "status_path": "x?y" })).join("\n"), @r###"
    credentials.client_id: is missing
    credentials.client_secret: is missing
    credentials.hmac_key: must be 1 to 255 printable ASCII characters without blanks, quotes and backslashes
    credentials.hmac_secret: is missing
    settings.base_url: is missing
    settings.origin: must be an IP address such as 203.0.113.7
    settings.mobile_number: is missing
    settings.status_path: must be a path that begins with /, without blanks, ? and #
    "###);
}

/// What a field of this provider says of `value`.
fn refusal(code: &str, part: Part, name: &str, value: &str) -> Option<String> {
    let (mut credentials, mut settings) = good(code);
    let given = if part == Part::Credentials { &mut credentials } else { &mut settings };
    given[name] = json!(value);
    let mut faults = identity(code, &credentials, &settings).err()?;
    assert_eq!((faults.len(), faults[0].field.as_str()), (1, format!("{}.{name}", part.as_str()).as_str()));
    Some(faults.remove(0).reason)
}

#[test]
fn a_key_that_is_none_is_refused_for_what_it_is() {
    let private = |value: &str| refusal("doku", Part::Credentials, "private_key", value);
    let public = |value: &str| refusal("doku", Part::Credentials, "public_key", value);
    for good in [&KEY.pkcs8, &KEY.pkcs1, &format!("\n  {}\r\n", KEY.pkcs8.replace('\n', "\r\n"))] {
        assert_eq!(private(good), None);
    }
    assert_eq!(public(&KEY.public), None);
    // An elliptic key and an RSA key of 1024 bits, made for this test by openssl and of no other use.
    let elliptic = include_str!("data/test-only-ec.pem");
    let (small, small_public) =
        (include_str!("data/test-only-rsa1024.pem"), include_str!("data/test-only-rsa1024.pub.pem"));
    let body = KEY.pkcs8.lines().nth(2).unwrap();
    let told = [
        private(""),
        private("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"),
        private(&KEY.public),
        private(&KEY.pkcs8.replace('\n', "\\n")),
        private(&KEY.pkcs8.replace("-----END PRIVATE KEY-----", "")),
        private(&KEY.pkcs8.replace(body, "this is not base64!")),
        private(&format!("{}{}", KEY.pkcs8, KEY.pkcs8)),
        private(&KEY.pkcs8.replace("PRIVATE", "ENCRYPTED PRIVATE")),
        private(&KEY.pkcs8.replace("PRIVATE", "OPENSSH PRIVATE")),
        private(&pem("PRIVATE KEY", b"nothing of the kind")),
        private(&KEY.pkcs8.replace(body, "")),
        private(elliptic),
        private(small),
        public(&KEY.pkcs8),
        public("ssh-rsa AAAA"),
        public(&pem("PUBLIC KEY", b"nothing of the kind")),
        public(&pem("CERTIFICATE", b"a certificate")),
        public(small_public),
    ];
    let told: Vec<String> = told.into_iter().map(Option::unwrap).collect();
    insta::assert_snapshot!(told.join("\n"), @r###"
    is not a PEM: it must begin with -----BEGIN PRIVATE KEY-----
    is not a PEM: it must begin with -----BEGIN PRIVATE KEY-----
    is a public key: the private one is needed
    holds \n written out: its lines must be broken by real line breaks
    is not one PEM: after its first line it needs base64 and then -----END PRIVATE KEY-----, and nothing more
    is not one PEM: after its first line it needs base64 and then -----END PRIVATE KEY-----, and nothing more
    is not one PEM: after its first line it needs base64 and then -----END PRIVATE KEY-----, and nothing more
    is encrypted: give it without its passphrase
    holds a key of another kind: it must be an RSA key that begins with -----BEGIN PRIVATE KEY-----
    holds no RSA key
    holds no RSA key
    holds no RSA key
    is an RSA key of fewer than 2048 bits
    is a private key: only the public one may be given here
    is not a PEM: it must begin with -----BEGIN PUBLIC KEY-----
    holds no RSA key
    holds a key of another kind: it must be an RSA key that begins with -----BEGIN PUBLIC KEY-----
    is an RSA key of fewer than 2048 bits
    "###);
    assert!(told.iter().all(|reason| !reason.contains(body)));
}

/// A key of the right form whose "prime" is a product of two: it cannot sign. Made for this test and of no other use.
#[test]
fn a_key_that_cannot_sign_is_refused_where_it_is_given() {
    let composite = include_str!("data/test-only-composite.pem");
    let told = refusal("doku", Part::Credentials, "private_key", composite);
    assert_eq!(told.as_deref(), Some("holds numbers that do not belong together: it cannot sign"));
}

#[test]
fn formats_take_what_they_say_and_nothing_else() {
    let settings = Part::Settings;
    let url = |value: &str| refusal("oy", settings, "base_url", value).is_none();
    for good in
        ["https://a.example", "http://127.0.0.1:8080", "https://a.example/staging/partner/", "https://[::1]:1/a"]
    {
        assert!(url(good), "{good}");
    }
    for bad in [
        "",
        "https://",
        "https:///a",
        "a.example",
        "ftp://a",
        "https://a?b=c",
        "https://a#b",
        "https://a b",
        "https://u:p@a",
        "https://ä.example",
    ] {
        assert!(!url(bad), "{bad}");
    }
    let phone = |value: &str| refusal("doku", settings, "sender_phone", value).is_none();
    for (value, good) in [
        ("6281234567890", true),
        ("+6281234567890", true),
        ("081234567890", true),
        ("0812", false),
        ("0812-3456-789", false),
        ("++6281234567890", false),
        ("٠٨١٢٣٤٥٦٧٨٩", false),
    ] {
        assert_eq!(phone(value), good, "{value}");
    }
    let ip = |value: &str| refusal("kaspro", settings, "origin", value).is_none();
    for (value, good) in
        [("203.0.113.7", true), ("2001:db8::1", true), ("203.0.113.7/32", false), ("host", false), ("1.2.3", false)]
    {
        assert_eq!(ip(value), good, "{value}");
    }
    let path = |value: &str| refusal("kaspro", settings, "status_path", value).is_none();
    for (value, good) in [("/status/", true), ("status/", false), ("/a b", false), ("/a?b", false), ("", false)] {
        assert_eq!(path(value), good, "{value}");
    }
    let key = |value: &str| refusal("oy", Part::Credentials, "api_key", value).is_none();
    for (value, good) in [
        ("a", true),
        (&"a".repeat(255), true),
        (&"a".repeat(256), false),
        ("a b", false),
        ("a\nb", false),
        ("é", false),
        ("", false),
    ] {
        assert_eq!(key(value), good, "{value}");
    }
    let header = |value: &str| refusal("oy", settings, "username_header", value).is_none();
    for (value, good) in [("x-username", true), ("x username", false), ("x:y", false), ("", false)] {
        assert_eq!(header(value), good, "{value}");
    }
    let name = |value: &str| refusal("doku", settings, "sender_name", value).is_none();
    for (value, good) in
        [("Warung Bu Siti é", true), (" ", false), ("a\nb", false), (&"é".repeat(60), true), (&"é".repeat(61), false)]
    {
        assert_eq!(name(value), good, "{value}");
    }
    assert_eq!(Format::Digits { min: 1, max: 2 }.as_str(), "digits");
}

#[test]
fn an_optional_field_may_be_null_and_a_long_name_is_cut() {
    let (credentials, mut settings) = good("oy");
    settings["base_url"] = Value::Null;
    assert!(identity("oy", &credentials, &settings).is_ok());
    let mut credentials = credentials;
    credentials["x".repeat(500)] = json!("a");
    assert!(faults("oy", &credentials, &settings)[0].len() < 150);
    credentials = good("oy").0;
    credentials["username"] = Value::Null;
    assert_eq!(faults("oy", &credentials, &settings), ["credentials.username: is missing"]);
}
