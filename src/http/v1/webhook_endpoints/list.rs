//! `GET /v1/webhook-endpoints` and `GET /v1/webhook-endpoints/{id}`: never a secret.

use axum::extract::{Path, State};

use super::{Endpoint, find};
use crate::domain::access::{Need, Product};
use crate::flows::endpoints;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::etag::etag;
use crate::http::extract::Http;
use crate::http::reply::{self, Page, Reply, Success};

/// List the webhook endpoints of this client and mode.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "Webhooks", operation_id = "list_webhook_endpoints",
    responses(
        (status = 200, body = Success<Page<Endpoint>>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(State(http): State<Http>, auth: Auth) -> Result<Reply<Page<Endpoint>>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Read)?;
    let items = endpoints::list(&http.app, &caller).await?.into_iter().map(Endpoint::of).collect();
    Ok(reply::ok(Page { items, next_cursor: None }))
}

/// Read one webhook endpoint; `ETag` carries its version.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", operation_id = "read_webhook_endpoint",
    params(("id" = String, Path, description = "`we_…`")),
    responses(
        (status = 200, body = Success<Endpoint>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read(State(http): State<Http>, auth: Auth, Path(id): Path<String>) -> Result<Reply<Endpoint>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Read)?;
    let row = find(&http, &caller, &id).await?;
    let version = etag(row.version);
    Ok(reply::ok(Endpoint::of(row)).header("etag", &version))
}
