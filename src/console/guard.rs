//! The outermost layer of the console: who may send a form from where, the headers of every answer, and failures as
//! pages.
//!
//! A fault of ours is logged once with its causes and tells the visitor nothing but the request's id.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{self, Problem};
use super::show;
use super::visitor::{Console, Look, VISIT};
use crate::crypto::random_bytes;
use crate::domain::ids;
use crate::flows::people::{invitations, sign_in, team};
use crate::store;

/// Why there is no page. [`guard`] turns it into one.
#[derive(Clone, Debug)]
pub enum Fail {
    /// Nobody is signed in; afterwards this path.
    SignIn(String),
    /// There is something to do first, over there.
    To(String),
    /// The role does not reach this far.
    Forbidden,
    /// Not there, or another client's.
    NotFound,
    /// The form came from another site, or without this session's token.
    Forged,
    /// A body that is no form.
    BadForm,
    /// The service cannot answer now.
    Unavailable,
    /// A fault, logged where it was made.
    Fault,
}

impl Fail {
    /// Logged here, once, with its causes.
    pub fn fault(error: anyhow::Error) -> Self {
        if error.downcast_ref::<store::Error>().is_some_and(store::Error::is_unavailable) {
            tracing::warn!(%error, "a page was answered 503");
            return Fail::Unavailable;
        }
        tracing::error!(error = format!("{error:#}"), "a page was answered 500");
        Fail::Fault
    }
}

impl From<anyhow::Error> for Fail {
    fn from(error: anyhow::Error) -> Self {
        Fail::fault(error)
    }
}

impl From<store::Error> for Fail {
    fn from(error: store::Error) -> Self {
        Fail::fault(error.into())
    }
}

impl From<team::Refused> for Fail {
    fn from(refused: team::Refused) -> Self {
        match refused {
            team::Refused::NotFound => Fail::NotFound,
            team::Refused::NotAllowed | team::Refused::LastOwner => Fail::Forbidden,
            team::Refused::Store(error) => error.into(),
        }
    }
}

impl From<invitations::Refused> for Fail {
    fn from(refused: invitations::Refused) -> Self {
        match refused {
            invitations::Refused::Store(error) => error.into(),
            invitations::Refused::Fault(error) => error.into(),
            _ => Fail::Forbidden,
        }
    }
}

impl From<sign_in::Refused> for Fail {
    fn from(refused: sign_in::Refused) -> Self {
        match refused {
            sign_in::Refused::Store(error) => error.into(),
            sign_in::Refused::Fault(error) => error.into(),
            _ => Fail::Forbidden,
        }
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Nothing is loaded from elsewhere, no script asks elsewhere, no form goes elsewhere, and no other site shows a page of ours inside its own.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// On every answer. The referrer goes to ourselves alone, so that the token in an invitation's address goes nowhere.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Lets a request in, and dresses its answer.
pub async fn guard(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let id = format!("{}_{}", ids::REQUEST, hex::encode(random_bytes::<16>()));
    let known = Look::visit(&console, request.headers());
    let visit = known.clone().unwrap_or_else(|| hex::encode(random_bytes::<32>()));
    let look = Look::of(&console, &request, &visit, id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match console.places.clone().try_acquire_owned() {
        Err(_) => Fail::Unavailable.into_response(),
        Ok(_) if changes(&method) && !from_here(&console, request.headers()) => Fail::Forged.into_response(),
        Ok(_place) => {
            request.extensions_mut().insert(look.clone());
            next.run(request).await
        }
    };
    let bare = !response.headers().contains_key(CONTENT_TYPE) && response.status().is_server_error();
    let bad_method = (response.status() == StatusCode::METHOD_NOT_ALLOWED).then_some(Fail::NotFound);
    let fail = response.extensions_mut().remove::<Fail>();
    if let Some(fail) = fail.or(bad_method).or(bare.then_some(Fail::Unavailable)) {
        if !matches!(fail, Fail::SignIn(_) | Fail::To(_)) {
            tracing::info!(request = %id, %method, path, ?fail, "a page was refused");
        }
        response = answer(&look, fail);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if console.secure && console.app.config.server.production {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(HeaderName::from_static("strict-transport-security"), value);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", value);
    }
    if known.is_none() && !path.starts_with("/console/assets/") {
        set_cookie(headers, &console.cookie(VISIT, &visit, None));
    }
    response
}

/// Adds a cookie to an answer.
pub fn set_cookie(headers: &mut HeaderMap, line: &str) {
    if let Ok(value) = HeaderValue::from_str(line) {
        headers.append(SET_COOKIE, value);
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the browser says that the form stood on a page of ours. One that says nothing at all is judged by the
/// token in the form alone, as every other is besides.
fn from_here(console: &Console, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text(ORIGIN) else { return true };
    let ours = console.app.config.public_url();
    let (scheme, rest) = ours.split_once("://").unwrap_or_default();
    let host = origin.split_once("://").map(|(_, host)| host);
    // Of our address an origin is all before the path.
    let here = rest.split('/').next().unwrap_or_default();
    origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) == Some(here)
        || (!console.secure && host.is_some() && host == text(HOST))
}

fn answer(look: &Look, fail: Fail) -> Response {
    let problem = |status: StatusCode, word: &'static str| frame::problem(look, status, Problem { word });
    match fail {
        Fail::To(path) => Redirect::to(&path).into_response(),
        Fail::SignIn(path) if path == "/console/" => Redirect::to("/console/sign-in").into_response(),
        Fail::SignIn(path) => Redirect::to(&format!("/console/sign-in?next={}", show::encoded(&path))).into_response(),
        Fail::Forbidden => problem(StatusCode::FORBIDDEN, "forbidden"),
        Fail::NotFound => problem(StatusCode::NOT_FOUND, "not_found"),
        Fail::Forged => problem(StatusCode::FORBIDDEN, "forged"),
        Fail::BadForm => problem(StatusCode::BAD_REQUEST, "bad_form"),
        Fail::Unavailable => {
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            response
        }
        Fail::Fault => problem(StatusCode::INTERNAL_SERVER_ERROR, "fault"),
    }
}
