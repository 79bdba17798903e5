//! `GET /v1/kyb/completeness`: what is missing in the file for a provider, in words a person can act on.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::field_errors;
use crate::domain::access::{Need, Product};
use crate::flows::kyb;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::extract::{Http, Params};
use crate::http::reply::{self, Reply, Success};

/// For whom.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForWhom {
    /// A provider's code, as `GET /v1/providers/catalogue` names it. Left out: what every provider asks for.
    provider: Option<String>,
}

/// How far the file is.
#[derive(Serialize, ToSchema)]
pub struct Completeness {
    /// The provider it was judged for; null for what every provider asks for.
    pub provider: Option<String>,
    /// The version that was judged; null where there is no file yet.
    pub version: Option<i32>,
    pub complete: bool,
    /// Each missing field, with what to do.
    #[schema(example = json!([{ "field": "legal_entity.nib_number", "message": "Enter the NIB (business registration number)." }]))]
    pub missing: Vec<FieldError>,
}

/// Read what is missing in the KYB file for a provider.
///
/// Needed is everything that the published format does not call optional, but for what a company of this type does not
/// have, and what the provider asks for beyond.
#[utoipa::path(
    get, path = "/v1/kyb/completeness", tag = "KYB", operation_id = "read_kyb_completeness", params(ForWhom),
    responses(
        (status = 200, body = Success<Completeness>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_kyb_completeness(
    State(http): State<Http>,
    auth: Auth,
    Params(ForWhom { provider }): Params<ForWhom>,
) -> Result<Reply<Completeness>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let found = kyb::read(&http.app, caller.client_id, None).await?;
    let missing = kyb::missing(&http.app, found.as_ref().map(|found| &found.file), provider.as_deref());
    let missing = missing.ok_or_else(|| {
        ApiError::field("provider", "is not a provider of this installation: GET /v1/providers/catalogue lists them")
    })?;
    Ok(reply::ok(Completeness {
        provider,
        version: found.map(|found| found.version),
        complete: missing.is_empty(),
        missing: field_errors(missing),
    }))
}
