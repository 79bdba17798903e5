//! The control API: books, top-up, settings, finish, callbacks sent, faults, and the shape of its answers.
//!
//! It is for people and tests beside the wire, never for the product: it has no authentication and listens on loopback.
//! Names are the same for every provider; see the sandbox's README.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::faults::{Fault, Faults};
use super::provider::Provider;

/// The control API of one simulator.
pub(super) fn router<P: Provider>(engine: Engine<P>) -> Router {
    let faults = faults(engine.faults().clone());
    Router::new()
        .route("/control/books", get(books::<P>))
        .route("/control/topup", post(top_up::<P>))
        .route("/control/settings", get(settings::<P>).post(set::<P>))
        .route("/control/finish", post(finish::<P>))
        .route("/control/callbacks", get(callbacks::<P>))
        .with_state(engine)
        .merge(faults)
}

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

#[derive(Deserialize)]
struct Shown {
    summary: Option<String>,
    reference: Option<String>,
}

/// `GET /control/books`: sums and every payment; `?summary=1` the sums alone; `?reference=` one payment.
async fn books<P: Provider>(State(engine): State<Engine<P>>, Query(shown): Query<Shown>) -> Response {
    if let Some(reference) = shown.reference {
        let unknown = || refused(StatusCode::NOT_FOUND, "the books do not know this reference");
        return engine.payment(&reference).map_or_else(unknown, |row| ok(&row));
    }
    match shown.summary.is_some() {
        true => ok(&engine.summary()),
        false => ok(&engine.books()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopUp {
    amount: i64,
}

/// `POST /control/topup {"amount"}`: whole rupiah; a negative amount takes money out.
async fn top_up<P: Provider>(State(engine): State<Engine<P>>, body: Bytes) -> Response {
    done(read::<TopUp>(&body).and_then(|t| engine.top_up(t.amount)))
}

async fn settings<P: Provider>(State(engine): State<Engine<P>>) -> Response {
    ok(&engine.settings())
}

/// `POST /control/settings`: any of the settings; what is not named keeps its value.
async fn set<P: Provider>(State(engine): State<Engine<P>>, body: Bytes) -> Response {
    done(read::<Map<String, Value>>(&body).and_then(|changes| engine.change_settings(changes)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    reference: String,
    code: String,
    description: Option<String>,
    #[serde(default)]
    force: bool,
}

/// `POST /control/finish {"reference","code","description"?,"force"?}`: decides a payment's end now.
async fn finish<P: Provider>(State(engine): State<Engine<P>>, body: Bytes) -> Response {
    done(read::<Finish>(&body).and_then(|f| engine.finish(&f.reference, &f.code, f.description.as_deref(), f.force)))
}

/// `GET /control/callbacks`: the last tries, oldest first.
async fn callbacks<P: Provider>(State(engine): State<Engine<P>>) -> Response {
    ok(&json!({ "tries": engine.callbacks() }))
}
