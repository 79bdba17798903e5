//! Success as the public contract prints it (contracts/paystrator.md 2.3): `{status, data, errors: null}`.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::webhook;

/// The envelope of a success.
#[derive(Serialize, ToSchema)]
pub struct Success<T> {
    /// The HTTP status.
    #[schema(example = 200)]
    pub status: u16,
    pub data: T,
    /// Always null.
    #[schema(value_type = Option<String>, nullable)]
    pub errors: (),
}

/// A success with its status.
pub struct Reply<T> {
    status: StatusCode,
    data: T,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// 200 with `data`.
pub fn ok<T>(data: T) -> Reply<T> {
    Reply { status: StatusCode::OK, data, headers: Vec::new() }
}

/// 201 with `data`.
pub fn created<T>(data: T) -> Reply<T> {
    Reply { status: StatusCode::CREATED, data, headers: Vec::new() }
}

/// 202 with `data`: taken note of, and not done yet.
pub fn noted<T>(data: T) -> Reply<T> {
    Reply { status: StatusCode::ACCEPTED, data, headers: Vec::new() }
}

impl<T> Reply<T> {
    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let body = Success { status: self.status.as_u16(), data: self.data, errors: () };
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page out of one row more than `limit`, if there was one; `cursor` names the last row shown.
    pub fn of<R>(mut rows: Vec<R>, limit: usize, cursor: impl Fn(&R) -> String, show: impl FnMut(R) -> T) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(cursor) } else { None };
        Page { items: rows.into_iter().map(show).collect(), next_cursor }
    }
}

/// RFC 3339 with offset.
pub fn time(at: DateTime<Utc>) -> String {
    webhook::time(at)
}
