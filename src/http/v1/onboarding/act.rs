//! `POST /v1/onboarding/{reference_id}/submit` and `/withdraw`: what the client does to one that runs.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Onboarding, id, refused};
use crate::domain::access::{Need, Product};
use crate::flows::onboarding;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};

/// A new submission. It may be empty.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub struct Submission {
    /// New answers to the provider's own questions; left out, those given before stand.
    #[schema(value_type = Object, nullable = false, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Map<String, Value>>,
}

impl Shape for Submission {}

/// Submit the newest version of the KYB file to a provider that has an older one.
///
/// It is what follows need_revision, and possible until the provider has decided. The push names the fields that changed.
#[utoipa::path(
    post, path = "/v1/onboarding/{reference_id}/submit", tag = "Onboarding", operation_id = "submit_onboarding",
    request_body = Submission, params(("reference_id" = String, Path, description = "`paystrator-kyb-…`")),
    responses(
        (status = 200, body = Success<Onboarding>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`nothing_new`; `onboarding_stands`: the provider has decided"),
        (status = 413, body = Failure),
        (status = 422, body = Failure, description = "`kyb_incomplete`, `onboarding_not_possible`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn submit_onboarding(
    State(http): State<Http>,
    auth: Auth,
    Path(reference_id): Path<String>,
    Checked { body, .. }: Checked<Submission>,
) -> Result<Reply<Onboarding>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Write)?;
    let id = id(&reference_id)?;
    let standing = onboarding::submit(&http.app, &caller, id, body.details.as_ref()).await.map_err(refused)?;
    Ok(reply::ok(Onboarding::of(&http.app, standing)))
}

/// Withdraw an onboarding: nothing more is sent, and the provider's links to documents end.
#[utoipa::path(
    post, path = "/v1/onboarding/{reference_id}/withdraw", tag = "Onboarding", operation_id = "withdraw_onboarding",
    params(("reference_id" = String, Path, description = "`paystrator-kyb-…`")),
    responses(
        (status = 200, body = Success<Onboarding>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`onboarding_stands`: it has ended otherwise"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn withdraw_onboarding(
    State(http): State<Http>,
    auth: Auth,
    Path(reference_id): Path<String>,
) -> Result<Reply<Onboarding>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Write)?;
    let standing = onboarding::withdraw(&http.app, &caller, id(&reference_id)?).await.map_err(refused)?;
    Ok(reply::ok(Onboarding::of(&http.app, standing)))
}
