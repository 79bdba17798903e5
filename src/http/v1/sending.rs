//! `/v1/sending`: whether this client's money goes out, and the switch.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::access::{Need, Product};
use crate::flows::sending;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success, time};

/// Why sending stops.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Books are being compared." }))]
pub struct Pause {
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

impl Shape for Pause {}

/// Whether money goes out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendingState {
    /// Sending is held back, by you or by the installation.
    pub paused: bool,
    /// Since when you hold it back.
    pub paused_at: Option<String>,
    /// Why you hold it back.
    pub reason: Option<String>,
    /// Who runs the installation holds back all sending; only they can resume it.
    pub installation_paused: bool,
}

/// Read whether sending is paused.
#[utoipa::path(
    get, path = "/v1/sending", tag = "Operations", operation_id = "read_sending",
    responses(
        (status = 200, body = Success<SendingState>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read(State(http): State<Http>, auth: Auth) -> Result<Reply<SendingState>, ApiError> {
    let caller = auth.may(Product::Operations, Need::Read)?;
    Ok(reply::ok(show(sending::state(&http.app, &caller).await?)))
}

/// Hold back everything that was not sent yet, test and live.
///
/// Payments are accepted all the same and wait; one that waits longer than its send window fails. What was sent
/// already is followed to its end.
#[utoipa::path(
    post, path = "/v1/sending/pause", tag = "Operations", operation_id = "pause_sending", request_body = Pause,
    responses(
        (status = 200, body = Success<SendingState>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 413, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn pause(
    State(http): State<Http>,
    auth: Auth,
    Checked { body, .. }: Checked<Pause>,
) -> Result<Reply<SendingState>, ApiError> {
    let caller = auth.may(Product::Operations, Need::Write)?;
    if body.reason.trim().is_empty() {
        return Err(ApiError::field("reason", "must not be blank"));
    }
    Ok(reply::ok(show(sending::set(&http.app, &caller, Some(&body.reason)).await?)))
}

/// Let out what was held back.
#[utoipa::path(
    post, path = "/v1/sending/resume", tag = "Operations", operation_id = "resume_sending",
    responses(
        (status = 200, body = Success<SendingState>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn resume(State(http): State<Http>, auth: Auth) -> Result<Reply<SendingState>, ApiError> {
    let caller = auth.may(Product::Operations, Need::Write)?;
    Ok(reply::ok(show(sending::set(&http.app, &caller, None).await?)))
}

fn show(state: sending::Sending) -> SendingState {
    let installation_paused = state.installation.is_some();
    SendingState {
        paused: installation_paused || state.client.paused_at.is_some(),
        paused_at: state.client.paused_at.map(time),
        reason: state.client.paused_reason,
        installation_paused,
    }
}
