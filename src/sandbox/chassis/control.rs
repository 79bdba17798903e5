//! The part of the control API that every simulator has: faults, and the shape of its answers.
//!
//! It is for people and tests beside the wire, never for the product: it has no authentication and listens on loopback.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::faults::{Fault, Faults};

/// `GET`, `POST` and `DELETE /control/faults[?id=]`, and `POST /control/release`.
pub fn faults(faults: Arc<Faults>) -> Router {
    Router::new()
        .route("/control/faults", get(list).post(add).delete(clear))
        .route("/control/release", post(release))
        .with_state(faults)
}

/// A body read as JSON whatever its Content-Type says; an empty one counts as `{}`.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|e| e.to_string())
}

/// 200 with `value`.
pub fn ok(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

/// `status` with the reason in words.
pub fn refused(status: StatusCode, reason: impl std::fmt::Display) -> Response {
    let mut answer = ok(&json!({ "error": reason.to_string() }));
    *answer.status_mut() = status;
    answer
}

/// 200 with what was done, or 400 with why it was not.
pub fn done<T: Serialize>(outcome: Result<T, String>) -> Response {
    outcome.map_or_else(|reason| refused(StatusCode::BAD_REQUEST, reason), |value| ok(&value))
}

async fn list(State(faults): State<Arc<Faults>>) -> Response {
    ok(&faults.list())
}

async fn add(State(faults): State<Arc<Faults>>, body: Bytes) -> Response {
    done(read::<Fault>(&body).and_then(|fault| faults.add(fault)).map(|id| json!({ "id": id })))
}

#[derive(Deserialize)]
struct Which {
    id: Option<u64>,
}

async fn clear(State(faults): State<Arc<Faults>>, Query(which): Query<Which>) -> Response {
    ok(&json!({ "removed": faults.clear(which.id) }))
}

async fn release(State(faults): State<Arc<Faults>>) -> Response {
    faults.release();
    ok(&json!({ "released": true }))
}
