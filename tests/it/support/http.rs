//! Talking to the service from outside, over real HTTP.

use serde_json::Value;

/// An answer: status, headers that matter, and the body as JSON (or text in a JSON string).
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// Status line and body with what differs from run to run replaced, for snapshots.
    pub fn shown(&self) -> String {
        let body = serde_json::to_string_pretty(&masked(self.body.clone())).unwrap();
        format!("HTTP {}\n{body}", self.status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Ids, times and secrets are masked by their field, ids and ports in texts too; everything else is compared as it is.
fn masked(mut value: Value) -> Value {
    const MASKED: &[&str] = &[
        "id",
        "requestId",
        "createdAt",
        "lastUsedAt",
        "updatedAt",
        "finalAt",
        "unknownSince",
        "clientId",
        "secret",
        "token",
        "verificationToken",
        "possibleDuplicateOf",
        "nextCursor",
        "accessToken",
        "hint",
        "transactionId",
        "connectionId",
        "eventId",
        "last",
        "reference",
        "providerRef",
        "raw",
        "sentAt",
        "seenAt",
        "nextTryAt",
        "openedAt",
        "closedAt",
        "pausedAt",
        "proposedAt",
        "approvedAt",
        "revokedAt",
        "previousSecretUntil",
        "timestamp",
        "changedAt",
        "lastActivityAt",
        "removedAt",
        "effectiveFrom",
        "at",
        "hash",
        "key",
        "statusUntil",
        "saved_at",
        "since",
        "last_at",
        "updated_at",
        "next_try_at",
        "reference_id",
        "created_at",
        "erased_at",
        "read_at",
        "expires_at",
        "sha256",
    ];
    match &mut value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let replace = MASKED.contains(&name.as_str()) && field.is_string();
                *field = if replace { Value::String(format!("[{name}]")) } else { masked(field.take()) };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = masked(item.take())),
        Value::String(text) => *text = without_ids(text),
        _ => {}
    }
    value
}

/// A text with the digits of ids, of callback addresses and of local ports left out.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['_', ':', '/', '-']) {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let hex = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (cut, word) = match () {
            () if (before.ends_with('_') || before.ends_with("-kyb-")) && hex == 32 => (32, "[id]"),
            () if before.ends_with('/') && hex == 32 => (32, "[codename]"),
            () if before.ends_with("127.0.0.1:") => (digits, "[port]"),
            () => (0, ""),
        };
        out.push_str(word);
        rest = &after[cut..];
    }
    out + rest
}

/// A client with a key.
#[derive(Clone)]
pub struct Caller {
    pub url: String,
    pub key: String,
    http: reqwest::Client,
}

impl Caller {
    pub fn new(url: &str, key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Caller { url: url.to_owned(), key: key.to_owned(), http }
    }

    /// The same place with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Caller { key: key.to_owned(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, Some(body.to_string()), &[]).await
    }

    /// Any call; `headers` come on top, and an `Authorization` among them replaces the key.
    pub async fn call(&self, method: &str, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Reply {
        self.try_call(method, path, body, headers).await.expect("the service answers")
    }

    /// The same; `None` where nobody answers, as of a process that dies meanwhile.
    pub async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Option<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) && !self.key.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        Some(Self::read(request.send().await.ok()?).await)
    }

    /// Uploads a file as a document; `kind` is its Content-Type, where one is said.
    pub async fn upload(&self, name: &str, kind: Option<&str>, content: impl Into<reqwest::Body>) -> Reply {
        let address = reqwest::Url::parse_with_params(&format!("{}/v1/kyb/documents", self.url), [("name", name)]);
        let mut request = self.http.post(address.unwrap()).header("Authorization", format!("Bearer {}", self.key));
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        Self::read(request.body(content).send().await.expect("the service answers")).await
    }

    /// What stands at an address, for who has nothing but that. Status 0 and no body where the connection broke.
    pub async fn fetch(&self, method: &str, url: &str) -> (u16, reqwest::header::HeaderMap, Option<Vec<u8>>) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let Ok(response) = self.http.request(method, url).send().await else { return (0, Default::default(), None) };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.bytes().await.ok().map(|bytes| bytes.to_vec()))
    }

    async fn read(response: reqwest::Response) -> Reply {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }
}
