//! What the golden tests of adapters share: requests taken as raw bytes, a provider that answers what it is told to,
//! calls as an account of one's own, and a key made for this run.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paystrator::clock::Clock;
use paystrator::config::Config;
use paystrator::crypto::secret::SecretString;
use paystrator::domain::service::Mode;
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::providers::registry::Providers;
use paystrator::providers::{Account, Call};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::bad::{Captured, Stub};

/// All adapters as they are by default, some settings of one provider's block changed.
pub fn providers(code: &str, changes: Value) -> Providers {
    let mut blocks: BTreeMap<String, Value> = Config::defaults().providers;
    let block = blocks.get_mut(code).expect("the block of the provider").as_object_mut().expect("a table");
    block.extend(changes.as_object().cloned().unwrap_or_default());
    Providers::from_config(&blocks).unwrap()
}

/// The way out. One does for many calls: it reads the system's certificates when it is made.
pub fn door() -> Outbound {
    let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
    Outbound::new(limits).unwrap()
}

/// A call through `door` as the account of these credentials.
pub fn call(
    door: &Outbound,
    provider: &'static str,
    clock: &Clock,
    identity: &str,
    credentials: &Value,
    settings: Value,
) -> Call {
    let account = Account {
        identity: identity.into(),
        mode: Mode::Test,
        credentials: SecretString::from(credentials.to_string()),
        settings,
    };
    Call::new(door.clone(), clock.clone(), provider, account)
}

/// Takes one request for each of `answers` as raw bytes, answers it with HTTP 200 and that body, and gives the bytes
/// back without the port.
pub async fn capture<const N: usize>(answers: [&'static str; N]) -> (String, tokio::task::JoinHandle<[String; N]>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let url = format!("http://{address}");
    let taken = tokio::spawn(async move {
        let mut requests = [const { String::new() }; N];
        for (request, answer) in requests.iter_mut().zip(answers) {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head
                        .lines()
                        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    if body.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                assert!(socket.read_buf(&mut bytes).await.unwrap() > 0, "the request broke off");
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            socket.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
            *request = String::from_utf8(bytes).unwrap().replace(&address, "[host]").replace('\r', "");
        }
        requests
    });
    (url, taken)
}

/// The value of a header in a request that was captured.
pub fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let head = request.split("\n\n").next().unwrap();
    let mut values = head.lines().filter_map(|line| line.split_once(": ").filter(|(n, _)| *n == name));
    let (_, value) = values.next().unwrap_or_else(|| panic!("no header {name} in {head}"));
    assert!(values.next().is_none(), "{name} stands there twice");
    value
}

type Told = Arc<Mutex<BTreeMap<&'static str, Vec<(u16, String)>>>>;

/// A provider that answers each path with what it was told: the answers in turn, the last one again and again.
pub struct Oracle {
    stub: Stub,
    told: Told,
}

impl Oracle {
    pub async fn new() -> Oracle {
        let told: Told = Arc::default();
        let heard = told.clone();
        let stub = Stub::start(move |request| {
            let mut told = heard.lock().unwrap();
            let Some(answers) = told.get_mut(request.path.as_str()) else { return (404, String::new()) };
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        })
        .await;
        Oracle { stub, told }
    }

    pub fn url(&self) -> String {
        self.stub.url.clone()
    }

    pub fn say(&self, path: &'static str, status: u16, body: impl ToString) {
        self.say_all(path, [(status, body.to_string())]);
    }

    pub fn say_all(&self, path: &'static str, answers: impl IntoIterator<Item = (u16, String)>) {
        self.told.lock().unwrap().insert(path, answers.into_iter().collect());
    }

    /// The requests to `path`, oldest first.
    pub fn heard(&self, path: &str) -> Vec<Captured> {
        self.stub.seen().into_iter().filter(|request| request.path == path).collect()
    }
}

/// A PEM of these bytes.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// An RSA key made for this run, in every form it can be given in.
pub struct TestKey {
    pub pkcs8: String,
    pub pkcs1: String,
    pub public: String,
}

pub static KEY: LazyLock<TestKey> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = pair.as_der().unwrap();
    // A PKCS#8 of an RSA key is 26 bytes and then its PKCS#1 (RFC 5208, RFC 8017).
    let pkcs1 = pem("RSA PRIVATE KEY", &der.as_ref()[26..]);
    let public = pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref());
    TestKey { pkcs8: pem("PRIVATE KEY", der.as_ref()), pkcs1, public }
});
