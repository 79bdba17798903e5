//! `GET /v1/onboarding/{reference_id}/provider-data`: everything the provider said last.

use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{id, not_found};
use crate::domain::access::{Need, Product};
use crate::flows::onboarding;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::Http;
use crate::http::reply::{self, Reply, Success, time};

/// What a provider said, in its own words and fields.
#[derive(Serialize, ToSchema)]
pub struct OnboardingData {
    pub reference_id: String,
    /// When; null where it said nothing beside its status.
    pub at: Option<String>,
    /// As the provider's own contract names it; what is secret in it is masked.
    #[schema(value_type = Object, nullable)]
    pub data: Option<Map<String, Value>>,
}

/// Read what the provider said last, whole.
#[utoipa::path(
    get, path = "/v1/onboarding/{reference_id}/provider-data", tag = "Onboarding",
    operation_id = "read_onboarding_provider_data",
    params(("reference_id" = String, Path, description = "`paystrator-kyb-…`")),
    responses(
        (status = 200, body = Success<OnboardingData>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_onboarding_provider_data(
    State(http): State<Http>,
    auth: Auth,
    Path(reference_id): Path<String>,
) -> Result<Reply<OnboardingData>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let found = onboarding::provider_data(&http.app, &caller, id(&reference_id)?).await?;
    let (at, data) = found.ok_or_else(not_found)?.map(|said| (time(said.at), said.data.reveal().clone())).unzip();
    Ok(reply::ok(OnboardingData { reference_id, at, data }).header("cache-control", "no-store"))
}
