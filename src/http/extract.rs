//! What handlers get out of a request: the state, the id, the caller's address, and bodies checked by their own schema.
//!
//! A body is checked against the very schema the OpenAPI document prints, so the document cannot lie, and one answer
//! names every wrong, missing and unknown field. Numbers stay text until they are decimals.

use std::any::TypeId;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock, RwLock};

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind as Kind;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::Required;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::{ApiError, FieldError, too_large};
use super::limits::Limits;
use crate::app::App;
use crate::crypto::{random_bytes, sha256};
use crate::domain::ids;
use crate::flows::once::Once;

/// The state of every handler.
#[derive(Clone)]
pub struct Http {
    pub app: Arc<App>,
    pub limits: Arc<Limits>,
}

/// The id of a request, in `X-Request-Id` and in failures.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    pub fn new() -> Self {
        RequestId(format!("{}_{}", ids::REQUEST, hex::encode(random_bytes::<16>())))
    }
}

/// The address a request came from: the peer, or what a trusted proxy says.
pub fn address(app: &App, parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip());
    let forwarded = parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    app.config.server.caller(peer, forwarded)
}

/// A body that may name its fields in an older way; it is brought into today's shape before it is checked.
pub trait Shape: DeserializeOwned + ToSchema + 'static {
    /// Changes older spellings into today's; says which fields contradict each other.
    fn today(_body: &mut serde_json::Map<String, Value>) -> Vec<FieldError> {
        Vec::new()
    }
}

/// A checked JSON body, and the hash that tells whether two bodies are the same.
pub struct Checked<T> {
    pub body: T,
    pub hash: Vec<u8>,
}

impl<T: Shape> FromRequest<Http> for Checked<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Http) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        check(&bytes)
    }
}

fn unreadable(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    ApiError::field("body", "could not be read to its end")
}

/// A body that is a JSON object, for a handler that checks more of it than a schema can say; [`judged`] does the rest.
pub struct Object(pub serde_json::Map<String, Value>);

impl FromRequest<Http> for Object {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Http) -> Result<Self, ApiError> {
        object(&Bytes::from_request(request, state).await.map_err(unreadable)?).map(Object)
    }
}

fn object(bytes: &[u8]) -> Result<serde_json::Map<String, Value>, ApiError> {
    // An absent body is an empty object: several calls have nothing they must say.
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::field("body", &format!("is not JSON (line {}, column {})", error.line(), error.column()))
    })?;
    let Value::Object(object) = value else { return Err(ApiError::field("body", "must be a JSON object")) };
    Ok(object)
}

/// Reads and checks a body.
pub fn check<T: Shape>(bytes: &[u8]) -> Result<Checked<T>, ApiError> {
    let mut object = object(bytes)?;
    let wrong = T::today(&mut object);
    judged(object, wrong)
}

/// Checks an object by its schema; `wrong` is what was found before.
pub fn judged<T: Shape>(
    mut object: serde_json::Map<String, Value>,
    mut wrong: Vec<FieldError>,
) -> Result<Checked<T>, ApiError> {
    object.retain(|_, value| !value.is_null());
    let value = Value::Object(object);
    zeros(&value, "", &mut wrong);
    for error in validator::<T>().iter_errors(&value) {
        wrong.extend(explain(error.kind(), error.instance_path().as_str()));
    }
    if !wrong.is_empty() {
        wrong.sort_by(|a, b| a.field.cmp(&b.field));
        wrong.dedup();
        return Err(ApiError::fields(wrong));
    }
    let hash = sha256(&[value.to_string().as_bytes()]).to_vec();
    // The schema comes from this type, so what passed it can be read into it.
    let body = serde_json::from_value(value).map_err(|error| ApiError::field("body", &error.to_string()))?;
    Ok(Checked { body, hash })
}

/// The compiled schema of a body, made once.
fn validator<T: Shape>() -> Arc<Validator> {
    static MADE: LazyLock<RwLock<HashMap<TypeId, Arc<Validator>>>> = LazyLock::new(RwLock::default);
    let id = TypeId::of::<T>();
    if let Some(made) = MADE.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&id) {
        return made.clone();
    }
    let schema = serde_json::to_value(T::schema()).expect("a schema is JSON");
    let made = Arc::new(jsonschema::validator_for(&schema).expect("schemas of bodies stand alone and are valid"));
    MADE.write().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id, made.clone());
    made
}

/// A schema violation in words a person can act on.
fn explain(kind: &Kind, path: &str) -> Vec<FieldError> {
    let at = path.trim_start_matches('/').replace('/', ".");
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let one =
        |message: String| vec![FieldError { field: if at.is_empty() { "body".into() } else { at.clone() }, message }];
    match kind {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![FieldError { field: below(name), message: "is required".into() }]
        }
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| FieldError { field: below(name), message: "is not a field of this request".into() })
            .collect(),
        Kind::Type { kind } => match kind {
            jsonschema::error::TypeKind::Single(one_type) => one(format!("must be of type {one_type}")),
            jsonschema::error::TypeKind::Multiple(_) => one("is of the wrong type".into()),
        },
        Kind::MinLength { limit: 1 } => one("must not be empty".into()),
        Kind::MinLength { limit } => one(format!("must have at least {limit} characters")),
        Kind::MaxLength { limit } => one(format!("must have at most {limit} characters")),
        Kind::MinItems { limit } => one(format!("must have at least {limit} entries")),
        Kind::MaxItems { limit } => one(format!("must have at most {limit} entries")),
        Kind::ExclusiveMinimum { limit } => one(format!("must be above {limit}")),
        Kind::Minimum { limit } => one(format!("must be at least {limit}")),
        Kind::Maximum { limit } => one(format!("must be at most {limit}")),
        Kind::Enum { options } => one(format!("must be one of {options}")),
        Kind::Pattern { pattern } => one(format!("must match {pattern}")),
        other => one(format!("does not satisfy {}", other.keyword())),
    }
}

/// Query parameters, checked by name against the very list the OpenAPI document prints. Their fields are texts, so
/// that what reads one can name it.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + IntoParams> FromRequestParts<Http> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Http) -> Result<Self, ApiError> {
        let unreadable = |rejection: QueryRejection| ApiError::field("query", &rejection.body_text());
        let Query(given) =
            Query::<Vec<(String, String)>>::from_request_parts(parts, state).await.map_err(unreadable)?;
        let known = T::into_params(|| None);
        let mut wrong = Vec::new();
        let mut miss =
            |field: &str, message: &str| wrong.push(FieldError { field: field.into(), message: message.into() });
        for (at, (name, value)) in given.iter().enumerate() {
            match known.iter().any(|parameter| parameter.name == *name) {
                false => miss(name, "is not a parameter of this request"),
                true if given[..at].iter().any(|(earlier, _)| earlier == name) => miss(name, "is given twice"),
                true if value.contains('\0') => miss(name, ZERO),
                true => {}
            }
        }
        for parameter in known.iter().filter(|parameter| matches!(parameter.required, Required::True)) {
            if !given.iter().any(|(name, _)| *name == parameter.name) {
                miss(&parameter.name, "is required");
            }
        }
        if !wrong.is_empty() {
            return Err(ApiError::fields(wrong));
        }
        let Query(params) = Query::<T>::from_request_parts(parts, state).await.map_err(unreadable)?;
        Ok(Params(params))
    }
}

/// Postgres keeps every character but this one.
const ZERO: &str = "must not hold a zero character";

fn zeros(value: &Value, at: &str, wrong: &mut Vec<FieldError>) {
    match value {
        Value::String(text) if text.contains('\0') => {
            wrong.push(FieldError { field: at.into(), message: ZERO.into() });
        }
        Value::Array(items) => items.iter().for_each(|item| zeros(item, at, wrong)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            zeros(field, &if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, wrong);
        }),
        _ => {}
    }
}

/// The address the request came from, for handlers that must know it.
pub struct From(pub IpAddr);

impl FromRequestParts<Http> for From {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, ApiError> {
        Ok(From(address(&http.app, parts)))
    }
}

/// Reads an outward id, or answers 404 as for any id that is not the caller's.
pub fn id(prefix: &str, text: &str, what: &str) -> Result<Uuid, ApiError> {
    ids::parse(prefix, text).ok_or_else(|| ApiError::not_found(what))
}

/// `Prefer: wait=N`: how many seconds the caller is ready to wait (RFC 7240).
pub fn prefer_wait(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|part| part.trim().strip_prefix("wait=")?.trim().parse().ok())
}

/// The `Idempotency-Key`, bare or as a quoted structured-field string.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(ApiError::field("Idempotency-Key", "must be 1 to 255 printable ASCII characters"));
    }
    Ok(Some(text.to_owned()))
}

/// The same with the body it came with, for flows that create something.
pub fn once(headers: &HeaderMap, hash: Vec<u8>) -> Result<Option<Once>, ApiError> {
    Ok(idempotency_key(headers)?.map(|key| Once { key, hash }))
}

/// The page size asked for, within bounds.
pub fn page_limit(limit: Option<&str>) -> Result<usize, ApiError> {
    match limit.map_or(Ok(20), str::parse) {
        Ok(limit @ 1..=100) => Ok(limit),
        _ => Err(ApiError::field("limit", "must be from 1 to 100")),
    }
}

/// Reads a cursor or another id that a parameter gives: unlike in a path, a wrong one is a wrong parameter.
pub fn id_param(prefix: &str, name: &str, text: Option<&str>) -> Result<Option<Uuid>, ApiError> {
    text.map(|text| ids::parse(prefix, text).ok_or_else(|| ApiError::field(name, "is not one that was answered here")))
        .transpose()
}

/// Reads a time that a parameter gives.
pub fn time_param(name: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, ApiError> {
    let wrong = |_| ApiError::field(name, "must be a time such as 2026-01-31T00:00:00Z (a + in it is written %2B)");
    text.map(|text| DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(wrong)).transpose()
}

/// Reads one of a list of words that a parameter gives.
pub fn word_param(name: &str, text: Option<&str>, words: &[&str]) -> Result<Option<String>, ApiError> {
    let wrong = || ApiError::field(name, &format!("must be one of {}", words.join(", ")));
    text.map(|text| words.contains(&text).then(|| text.to_owned()).ok_or_else(wrong)).transpose()
}
