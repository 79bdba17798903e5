//! The OY! simulator's control API beside the common part: books, top-up, settings, finish, callbacks sent.
//!
//! For people and tests; the wire never sees it. Bodies and answers are JSON; see the sandbox's README.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Oy;
use crate::sandbox::chassis::control::{self, done, ok, read, refused};

pub(super) fn router(oy: Oy) -> Router {
    let common = control::faults(oy.0.faults.clone());
    Router::new()
        .route("/control/books", get(books))
        .route("/control/topup", post(top_up))
        .route("/control/settings", get(settings).post(set))
        .route("/control/finish", post(finish))
        .route("/control/callbacks", get(callbacks))
        .with_state(oy)
        .merge(common)
}

#[derive(Deserialize)]
struct Which {
    summary: Option<String>,
    partner_trx_id: Option<String>,
}

/// `GET /control/books`: sums and every payment; `?summary=1` the sums alone; `?partner_trx_id=` one payment.
async fn books(State(oy): State<Oy>, Query(which): Query<Which>) -> Response {
    if let Some(id) = which.partner_trx_id {
        let unknown = || refused(StatusCode::NOT_FOUND, "the books do not know this partner_trx_id");
        return oy.payment(&id).map_or_else(unknown, |row| ok(&row));
    }
    match which.summary.is_some() {
        true => ok(&oy.summary()),
        false => ok(&oy.books()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopUp {
    amount: i64,
}

/// `POST /control/topup {"amount"}`: whole rupiah; a negative amount takes money out.
async fn top_up(State(oy): State<Oy>, body: Bytes) -> Response {
    done(read::<TopUp>(&body).and_then(|t| oy.top_up(t.amount)))
}

async fn settings(State(oy): State<Oy>) -> Response {
    ok(&oy.settings())
}

/// `POST /control/settings`: any of the settings; what is not named keeps its value.
async fn set(State(oy): State<Oy>, body: Bytes) -> Response {
    done(read::<Map<String, Value>>(&body).and_then(|changes| oy.change_settings(changes)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    partner_trx_id: String,
    code: String,
    description: Option<String>,
    #[serde(default)]
    force: bool,
}

/// `POST /control/finish {"partner_trx_id","code","description"?,"force"?}`: decides a payment's end now.
async fn finish(State(oy): State<Oy>, body: Bytes) -> Response {
    done(read::<Finish>(&body).and_then(|f| oy.finish(&f.partner_trx_id, &f.code, f.description.as_deref(), f.force)))
}

/// `GET /control/callbacks`: the last tries, oldest first.
async fn callbacks(State(oy): State<Oy>) -> Response {
    ok(&json!({ "tries": oy.callbacks() }))
}
