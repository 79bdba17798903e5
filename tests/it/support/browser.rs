//! A browser without a screen: keeps cookies, follows nothing by itself, and fills the forms it finds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use paystrator::domain::role::Role;
use paystrator::flows::people::install;
use uuid::Uuid;

use super::World;

/// A page as it came.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The lines that set cookies.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The text between two marks, the first time they stand there.
    pub fn between(&self, before: &str, after: &str) -> &str {
        let at = self.body.find(before).unwrap_or_else(|| panic!("no {before:?} in {}", self.body)) + before.len();
        let rest = &self.body[at..];
        &rest[..rest.find(after).unwrap_or_else(|| panic!("no {after:?} after {before:?}"))]
    }

    pub fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

/// The password of everybody in the tests.
pub const PASSWORD: &str = "kopi tubruk tanpa gula";

pub struct Browser {
    url: String,
    http: reqwest::Client,
    cookies: Mutex<BTreeMap<String, String>>,
    token: Mutex<String>,
}

impl Browser {
    pub fn new(world: &World) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            .build()
            .unwrap();
        Browser { url: world.service.url.clone(), http, cookies: Mutex::default(), token: Mutex::default() }
    }

    /// A cookie's value, empty where there is none.
    pub fn cookie(&self, name: &str) -> String {
        self.cookies.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.into(), value.into());
    }

    /// The token of the last form that was seen.
    pub fn form_token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    pub async fn get(&self, path: &str) -> Page {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Page {
        self.send(self.http.get(format!("{}{path}", self.url)), headers).await
    }

    /// Sends a form with the token of the last page, as a browser does from a page of its own.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.form_token();
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post_raw(path, &all, &[("Origin", &self.url), ("Sec-Fetch-Site", "same-origin")]).await
    }

    /// Sends these fields and headers and nothing else.
    pub async fn post_raw(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.http.post(format!("{}{path}", self.url)).body(pairs.join("&"));
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let given = headers.iter().any(|(name, _)| *name == kind.0);
        let mut all = headers.to_vec();
        all.extend((!given).then_some(kind));
        self.send(request, &all).await
    }

    /// Sends a form with files: names, names of the files, contents. A file without a name is a field left empty.
    pub async fn post_files(&self, path: &str, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Page {
        let token = self.form_token();
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post_parts(path, &all, files).await
    }

    /// The same with these fields and nothing else.
    pub async fn post_parts(&self, path: &str, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Page {
        const MARK: &str = "----a-boundary-of-the-tests";
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        for (name, file, content) in files {
            let place = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"");
            body.extend_from_slice(
                format!("--{MARK}\r\n{place}\r\nContent-Type: application/octet-stream\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{MARK}--\r\n").as_bytes());
        let request = self.http.post(format!("{}{path}", self.url)).body(body);
        let kind = format!("multipart/form-data; boundary={MARK}");
        let from = [("Origin", self.url.as_str()), ("Sec-Fetch-Site", "same-origin"), ("Content-Type", &kind)];
        self.send(request, &from).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder, headers: &[(&str, &str)]) -> Page {
        let line: Vec<String> = self.cookies.lock().unwrap().iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !line.is_empty() {
            request = request.header("Cookie", line.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the console answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let page = Page { status, headers, body: response.text().await.unwrap() };
        for line in page.cookies() {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let mut jar = self.cookies.lock().unwrap();
            if line.contains("Max-Age=0") {
                jar.remove(name)
            } else {
                jar.insert(name.into(), value.into())
            };
        }
        if page.has("name=\"form_token\" value=\"") {
            *self.token.lock().unwrap() = page.between("name=\"form_token\" value=\"", "\"").to_owned();
        }
        page
    }

    /// Gives address and password; answers what came.
    pub async fn try_in(&self, email: &str, password: &str) -> Page {
        self.get("/console/sign-in").await;
        self.post("/console/sign-in", &[("email", email), ("password", password)]).await
    }

    /// Signs in, and goes to the home page so that there is a token for forms.
    pub async fn sign_in(&self, email: &str) {
        let page = self.try_in(email, PASSWORD).await;
        assert_eq!((page.status, page.location()), (303, "/console/"), "{}", page.body);
        assert_eq!(self.get("/console/").await.status, 200);
    }
}

/// A value as forms send it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

impl World {
    /// Somebody who works for a client of this world, as `role`.
    pub async fn person(&self, client_id: Uuid, email: &str, name: &str, role: Role) -> Uuid {
        install::person(&self.app, client_id, (email, name), role, PASSWORD.to_owned().into()).await.unwrap()
    }

    /// A browser in which somebody new of that role is signed in for the world's client.
    pub async fn signed_in(&self, email: &str, role: Role) -> Browser {
        self.person(self.client_id, email, "Orang Baru", role).await;
        let browser = Browser::new(self);
        browser.sign_in(email).await;
        browser
    }
}
