//! `GET /v1/sequences/…/versions`: every version a sequence had, as the reasons of payments name them.

use std::collections::HashMap;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::which;
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::access::Caller;
use crate::flows::sequences::{self, Which};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, page_limit};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::connection::Name;
use crate::store::sequence::Version;

/// Which versions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichVersions {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// One version of a sequence.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SequenceVersion {
    pub version: i32,
    /// In order, as they are called today; null where this version removed the sequence.
    pub connections: Option<Vec<NamedConnection>>,
    pub updated_at: String,
    pub updated_by: String,
}

/// A connection by its name; it may have been removed since.
#[derive(Serialize, ToSchema)]
pub struct NamedConnection {
    pub id: String,
    pub label: String,
    pub provider: String,
}

impl SequenceVersion {
    pub(super) fn of(version: Version, names: &HashMap<Uuid, Name>) -> Self {
        let named = |id: Uuid| {
            let name = names.get(&id)?;
            let (label, provider) = (name.label.clone(), name.provider.clone());
            Some(NamedConnection { id: ids::show(ids::CONNECTION, id), label, provider })
        };
        SequenceVersion {
            version: version.version,
            connections: version.connection_ids.map(|ids| ids.into_iter().filter_map(named).collect()),
            updated_at: time(version.updated_at),
            updated_by: version.updated_by,
        }
    }
}

/// List the versions of a service's default sequence, newest first.
#[utoipa::path(
    get, path = "/v1/sequences/{service}/versions", tag = "Sequences", operation_id = "list_default_sequence_versions",
    params(("service" = String, Path, description = "`send_money`"), WhichVersions),
    responses(
        (status = 200, body = Success<Page<SequenceVersion>>), (status = 400, body = Failure),
        (status = 401, body = Failure), (status = 403, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn versions_default(
    State(http): State<Http>,
    auth: Auth,
    Path(service): Path<String>,
    Params(page): Params<WhichVersions>,
) -> Result<Reply<Page<SequenceVersion>>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    versions(&http, &caller, which(&service, None)?, page).await
}

/// List the versions of a destination's custom sequence, newest first, those before a removal too.
#[utoipa::path(
    get, path = "/v1/sequences/{service}/{destination}/versions", tag = "Sequences",
    operation_id = "list_custom_sequence_versions",
    params(
        ("service" = String, Path, description = "`send_money`"),
        ("destination" = String, Path, description = "A bank's code such as BCA, or its number such as 014"),
        WhichVersions,
    ),
    responses(
        (status = 200, body = Success<Page<SequenceVersion>>), (status = 400, body = Failure),
        (status = 401, body = Failure), (status = 403, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn versions_custom(
    State(http): State<Http>,
    auth: Auth,
    Path((service, destination)): Path<(String, String)>,
    Params(page): Params<WhichVersions>,
) -> Result<Reply<Page<SequenceVersion>>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    versions(&http, &caller, which(&service, Some(&destination))?, page).await
}

async fn versions(
    http: &Http,
    caller: &Caller,
    which: Which,
    page: WhichVersions,
) -> Result<Reply<Page<SequenceVersion>>, ApiError> {
    let limit = page_limit(page.limit.as_deref())?;
    let wrong = |_| ApiError::field("cursor", "is not one that was answered here");
    let before = page.cursor.as_deref().map(str::parse).transpose().map_err(wrong)?;
    let (rows, names) = sequences::versions(&http.app, caller, which, before, limit as i64 + 1).await?;
    let cursor = |row: &Version| row.version.to_string();
    Ok(reply::ok(Page::of(rows, limit, cursor, |row| SequenceVersion::of(row, &names))))
}
