//! Who looks at a page and how: cookies, language, theme, the signed-in person, and the fields of a form.
//!
//! A form is read by [`Fields`] alone, which refuses one that does not carry the token of this browser and session.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{ConnectInfo, Extension, Form, FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, USER_AGENT};
use axum::http::request::Parts;
use tokio::sync::Semaphore;

use super::guard::Fail;
use super::words::Lang;
use crate::app::App;
use crate::crypto::secret::SecretString;
use crate::crypto::{constant_time_eq, hmac_sha256};
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::people::sessions::{self, Found, HalfWay};
use crate::flows::people::{Person, Work};

/// The state of every page.
#[derive(Clone)]
pub struct Console {
    pub app: Arc<App>,
    /// Pages made at once; more get 503.
    pub places: Arc<Semaphore>,
    /// The console is reached by https: cookies are bound to it.
    pub secure: bool,
    form_key: [u8; 32],
}

impl Console {
    pub fn new(app: Arc<App>) -> Self {
        let secure = app.config.public_url().starts_with("https://");
        let form_key = app.keys.purpose_key("console form");
        Console { places: Arc::new(Semaphore::new(256)), secure, form_key, app }
    }

    /// A cookie's whole name. `__Host-` makes the browser keep it to this host and to https.
    pub fn cookie_name(&self, name: &str) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}paystrator_{name}")
    }

    /// The line that sets a cookie: until the browser closes, or for a number of seconds (0 takes it away).
    pub fn cookie(&self, name: &str, value: &str, max_age_s: Option<u32>) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = max_age_s.map_or(String::new(), |seconds| format!("; Max-Age={seconds}"));
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.cookie_name(name))
    }

    fn read_cookie(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.cookie_name(name);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }
}

/// The cookie of a session's token.
pub const SESSION: &str = "session";
/// The cookie that ties forms to a browser before anybody is signed in.
pub const VISIT: &str = "visit";
pub const LANGUAGE: &str = "language";
pub const THEME: &str = "theme";
/// A message for the next page.
pub const FLASH: &str = "flash";

/// How a request looks at the console, known for every one of them; the guard puts it beside the request.
#[derive(Clone)]
pub struct Look {
    pub lang: Lang,
    /// `light`, `dark`, or empty for what the system says.
    pub theme: &'static str,
    /// What every form carries back.
    pub form_token: String,
    /// Path and query.
    pub path: String,
    pub flash: Option<String>,
    /// A token in the cookie, which may stand for no session any more.
    pub session: Option<String>,
    pub request_id: String,
}

impl Look {
    pub fn of(console: &Console, request: &Request, visit: &str, request_id: String) -> Self {
        let headers = request.headers();
        let session = console.read_cookie(headers, SESSION);
        let parts: [&[u8]; 3] = [visit.as_bytes(), b".", session.as_deref().unwrap_or_default().as_bytes()];
        let accepts = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let chosen = console.read_cookie(headers, LANGUAGE).and_then(|code| Lang::parse(&code));
        let theme = console.read_cookie(headers, THEME);
        Look {
            lang: chosen.unwrap_or_else(|| Lang::accepted(accepts)),
            theme: theme.map_or("", |theme| theme_of(&theme)),
            form_token: hex::encode(hmac_sha256(&console.form_key, &parts)),
            path: request.uri().path_and_query().map_or("/console/", |path| path.as_str()).to_owned(),
            flash: console.read_cookie(headers, FLASH),
            session,
            request_id,
        }
    }

    /// How a request looks, as the guard put it there.
    pub fn beside(request: &Request) -> Result<Look, Fail> {
        let look = request.extensions().get::<Look>().cloned();
        look.ok_or_else(|| Fail::fault(anyhow::anyhow!("no guard")))
    }

    /// The cookie that ties forms to this browser, if it has one.
    pub fn visit(console: &Console, headers: &HeaderMap) -> Option<String> {
        console.read_cookie(headers, VISIT).filter(|value| value.len() == 64)
    }
}

/// The themes there are; anything else is the system's.
pub fn theme_of(text: &str) -> &'static str {
    ["light", "dark"].into_iter().find(|known| *known == text).unwrap_or_default()
}

impl FromRequestParts<Console> for Look {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, Fail> {
        let Extension(look) = parts.extract().await.map_err(|_| Fail::fault(anyhow::anyhow!("no guard")))?;
        Ok(look)
    }
}

/// A signed-in person, and how the page is looked at.
pub struct Signed {
    pub person: Person,
    pub look: Look,
}

impl Signed {
    /// The client worked for, if the person's role reaches `need` in `feature`.
    pub fn needs(&self, feature: Feature, need: Level) -> Result<&Work, Fail> {
        let work = self.person.work.as_ref().filter(|_| self.person.may(feature, need));
        work.ok_or(Fail::Forbidden)
    }

    /// The same as a caller of the flows that keys call too.
    pub fn caller(&self, feature: Feature, need: Level) -> Result<Caller, Fail> {
        self.needs(feature, need)?;
        self.person.caller().ok_or(Fail::Forbidden)
    }
}

impl FromRequestParts<Console> for Signed {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Fail> {
        let look = Look::from_request_parts(parts, console).await?;
        let found = match &look.session {
            Some(token) => sessions::find(&console.app, token).await?,
            None => None,
        };
        match found {
            Some(Found::Person(person)) if must_enrol(console, &person, parts.uri.path()) => {
                Err(Fail::To(ENROL.into()))
            }
            Some(Found::Person(person)) => Ok(Signed { person: *person, look }),
            Some(Found::HalfWay(_)) => Err(Fail::To("/console/code".into())),
            // What a form asked for is not repeated by a sign-in; its page is.
            None if parts.method == axum::http::Method::GET => Err(Fail::SignIn(look.path.clone())),
            None => Err(Fail::SignIn("/console/".into())),
        }
    }
}

/// A signed-in person's page that looks again by itself. It is no use of the session, so a page that is left open does
/// not keep anybody signed in.
pub struct Watching(pub Signed);

impl FromRequestParts<Console> for Watching {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Fail> {
        let look = Look::from_request_parts(parts, console).await?;
        let found = match &look.session {
            Some(token) => sessions::watch(&console.app, token).await?,
            None => None,
        };
        match found {
            Some(Found::Person(person)) if must_enrol(console, &person, parts.uri.path()) => {
                Err(Fail::To(ENROL.into()))
            }
            Some(Found::Person(person)) => Ok(Watching(Signed { person: *person, look })),
            _ => Err(Fail::SignIn("/console/".into())),
        }
    }
}

/// Where a second factor is set up.
pub const ENROL: &str = "/console/settings/security/second-factor";

/// Whether a person has to set up a second factor before this page.
fn must_enrol(console: &Console, person: &Person, path: &str) -> bool {
    let demanded = console.app.config.demands_second_factor() && !person.second_factor;
    demanded && path != ENROL && path != "/console/preferences"
}

/// Who is signed in, if anybody is: for pages that both may see.
pub struct Perhaps(pub Option<Found>);

impl Perhaps {
    pub fn person(self) -> Option<Person> {
        match self.0 {
            Some(Found::Person(person)) => Some(*person),
            _ => None,
        }
    }

    pub fn half_way(self) -> Option<HalfWay> {
        match self.0 {
            Some(Found::HalfWay(half)) => Some(half),
            _ => None,
        }
    }
}

impl FromRequestParts<Console> for Perhaps {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Fail> {
        let look = Look::from_request_parts(parts, console).await?;
        let Some(token) = &look.session else { return Ok(Perhaps(None)) };
        Ok(Perhaps(sessions::find(&console.app, token).await?))
    }
}

/// Where a request came from: its address, and what browser it says it is.
pub struct Origin {
    pub address: IpAddr,
    pub device: String,
}

impl FromRequestParts<Console> for Origin {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Fail> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |i| i.0.ip());
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let address = console.app.config.server.caller(peer, forwarded);
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Origin { address, device: device(agent) })
    }
}

/// Browser and system in two words, from the first marks that fit: enough to tell one's own phone from one's own desk.
fn device(agent: &str) -> String {
    let first = |marks: &[(&'static str, &'static str)]| {
        marks.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let browsers = [
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("CriOS", "Chrome"),
        ("Safari", "Safari"),
        ("curl", "curl"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    match (first(&browsers), first(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(name), None) | (None, Some(name)) => name.into(),
        (None, None) => "?".into(),
    }
}

/// The fields of a form whose token is right.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a form, if its token is right.
    pub fn proved(fields: Vec<(String, String)>, look: &Look) -> Result<Fields, Fail> {
        let fields = Fields(fields);
        let given = fields.find("form_token").unwrap_or_default();
        if !constant_time_eq(given.as_bytes(), look.form_token.as_bytes()) {
            return Err(Fail::Forged);
        }
        // Postgres keeps every character but this one.
        if fields.0.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Fail::BadForm);
        }
        Ok(fields)
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field without the blanks around it; empty where it was not sent.
    pub fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of a name that may be sent more than once, as boxes that are ticked are.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// Whether anything was sent whose name begins so.
    pub fn has(&self, start: &str) -> bool {
        self.0.iter().any(|(known, _)| known.starts_with(start))
    }

    /// A field exactly as it was typed.
    pub fn secret(&self, name: &str) -> SecretString {
        SecretString::from(self.find(name).unwrap_or_default().to_owned())
    }
}

impl FromRequest<Console> for Fields {
    type Rejection = Fail;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Fail> {
        let look = Look::beside(&request)?;
        let form = Form::<Vec<(String, String)>>::from_request(request, console).await;
        let Form(fields) = form.map_err(|_| Fail::BadForm)?;
        Fields::proved(fields, &look)
    }
}

/// A path of this console that a form or an address names, or the home page: nobody is sent anywhere else.
pub fn own_path(text: &str) -> &str {
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if clean && text.starts_with("/console/") && !text.contains("//") { text } else { "/console/" }
}
