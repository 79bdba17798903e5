//! `GET /v1/kyb` and `GET /v1/kyb/versions`: a version of the file, and who changed what.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{KybVersion, WHAT, blocks, shown};
use crate::domain::access::{Need, Product};
use crate::flows::kyb;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, page_limit};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::kyb::Saved;

/// Which version.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichKyb {
    /// The number of a version; the newest when left out.
    #[param(value_type = Option<u32>, minimum = 1)]
    version: Option<String>,
}

/// Read the KYB file, its newest version or another.
///
/// A person whose data were erased is answered as `{"person_id": "per_…", "erased": true}`, in every version.
#[utoipa::path(
    get, path = "/v1/kyb", tag = "KYB", operation_id = "read_kyb", params(WhichKyb),
    responses(
        (status = 200, body = Success<KybVersion>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn read_kyb(
    State(http): State<Http>,
    auth: Auth,
    Params(which): Params<WhichKyb>,
) -> Result<Reply<KybVersion>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let version = number("version", which.version.as_deref())?;
    let found = kyb::read(&http.app, caller.client_id, version).await?;
    let found = found.ok_or_else(|| ApiError::not_found(if version.is_some() { "version" } else { WHAT }))?;
    Ok(shown(reply::ok, &found))
}

/// Reads the number of a version that a parameter gives.
fn number(name: &str, text: Option<&str>) -> Result<Option<i32>, ApiError> {
    let number = |text: &str| text.parse().ok().filter(|number: &i32| *number > 0);
    let wrong = || ApiError::field(name, "must be the number of a version, from 1 on");
    text.map(|text| number(text).ok_or_else(wrong)).transpose()
}

/// Which versions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichKybVersions {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// Who saved a version, when, and what it changed.
#[derive(Serialize, ToSchema)]
pub struct KybSaved {
    pub version: i32,
    pub saved_at: String,
    pub saved_by: String,
    /// The blocks that it changed.
    #[schema(example = json!(["legal_entity"]))]
    pub changed: Vec<String>,
    /// The names of the fields that it changed; of people by their ids.
    #[schema(example = json!(["legal_entity.address.city", "stakeholder[per_0190163d8694739ba9d1e1f2b5c4a3d2].phone"]))]
    pub changed_fields: Vec<String>,
}

impl KybSaved {
    fn of(saved: Saved) -> Self {
        KybSaved {
            version: saved.version,
            saved_at: time(saved.saved_at),
            saved_by: saved.saved_by,
            changed: blocks(&saved.changed),
            changed_fields: saved.changed,
        }
    }
}

/// List the versions of the KYB file, newest first.
#[utoipa::path(
    get, path = "/v1/kyb/versions", tag = "KYB", operation_id = "list_kyb_versions", params(WhichKybVersions),
    responses(
        (status = 200, body = Success<Page<KybSaved>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list_kyb_versions(
    State(http): State<Http>,
    auth: Auth,
    Params(page): Params<WhichKybVersions>,
) -> Result<Reply<Page<KybSaved>>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let limit = page_limit(page.limit.as_deref())?;
    let wrong = |_| ApiError::field("cursor", "is not one that was answered here");
    let before = page.cursor.as_deref().map(str::parse).transpose().map_err(wrong)?;
    let rows = kyb::versions(&http.app, caller.client_id, before, limit as i64 + 1).await?;
    Ok(reply::ok(Page::of(rows, limit, |row| row.version.to_string(), KybSaved::of)))
}
