//! `/livez` and `/readyz`: whether the process lives, and whether it should get work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::extract::Http;

/// How far this process's clock may be from the database's (DESIGN section 6).
const CLOCK_SKEW_S: i64 = 2;

/// Whether the process answers.
#[utoipa::path(get, path = "/livez", tag = "Health", responses((status = 200)), security(()))]
pub async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the process can do its work: the database answers, and the clocks agree.
#[utoipa::path(get, path = "/readyz", tag = "Health", responses((status = 200), (status = 503)), security(()))]
pub async fn readyz(State(http): State<Http>) -> Response {
    let (ready, why) = match http.app.db.ping().await {
        Err(error) if error.is_unavailable() => (false, "the database does not answer"),
        Err(_) => (false, "the database answers with an error"),
        Ok(at) if http.app.clock.is_system() && (at - http.app.now()).num_seconds().abs() > CLOCK_SKEW_S => {
            (false, "the clock is more than two seconds off the database's")
        }
        Ok(_) => (true, "ready"),
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // A probe's body, not an API answer: `finish` must not dress it up.
    (status, Json(json!({ "ready": ready, "reason": why }))).into_response()
}
