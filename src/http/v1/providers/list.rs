//! `GET /v1/providers` and `GET /v1/providers/{id}`: never a credential.

use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Connection, find, shown};
use crate::domain::access::{Need, Product};
use crate::domain::connection::ConnectionStatus;
use crate::domain::ids;
use crate::domain::service::Service;
use crate::flows::connections;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id_param, page_limit, word_param};
use crate::http::reply::{self, Page, Reply, Success};
use crate::store::connection::{Filter, Stored};

/// Which connections.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// A part of the label, in any case.
    search: Option<String>,
    /// send_money
    service: Option<String>,
    /// ACTIVE, MAINTENANCE or INACTIVE.
    status: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// List the connections of this client and mode, oldest first; removed ones are not among them.
#[utoipa::path(
    get, path = "/v1/providers", tag = "Providers", params(Which), operation_id = "list_providers",
    responses(
        (status = 200, body = Success<Page<Connection>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(
    State(http): State<Http>,
    auth: Auth,
    Params(which): Params<Which>,
) -> Result<Reply<Page<Connection>>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    let limit = page_limit(which.limit.as_deref())?;
    let after = id_param(ids::CONNECTION, "cursor", which.cursor.as_deref())?;
    let status = which.status.map(|status| status.to_ascii_uppercase());
    let filter = Filter {
        search: which.search.filter(|text| !text.is_empty()),
        service: word_param("service", which.service.as_deref(), &Service::ALL.map(Service::as_str))?,
        status: word_param("status", status.as_deref(), &ConnectionStatus::ALL.map(ConnectionStatus::as_str))?,
    };
    let rows = connections::list(&http.app, &caller, &filter, after, limit as i64 + 1).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.connection.id).collect();
    let plans = connections::fees(&http.app, caller.client_id, &ids).await?;
    let cursor = |row: &Stored| ids::show(ids::CONNECTION, row.connection.id);
    Ok(reply::ok(Page::of(rows, limit, cursor, |row| Connection::of(&http, row, &plans))))
}

/// Read one connection; `ETag` carries its version.
#[utoipa::path(
    get, path = "/v1/providers/{id}", tag = "Providers", operation_id = "read_provider",
    params(("id" = String, Path, description = "`conn_…`")),
    responses(
        (status = 200, body = Success<Connection>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read(State(http): State<Http>, auth: Auth, Path(id): Path<String>) -> Result<Reply<Connection>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    shown(&http, find(&http, &caller, &id).await?).await
}
