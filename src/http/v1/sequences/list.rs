//! `GET /v1/sequences`, and one of them.

use axum::extract::{Path, State};

use super::{Sequence, WHAT, which};
use crate::domain::access::{Need, Product};
use crate::flows::access::Caller;
use crate::flows::sequences::{self, Which};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::etag::etag;
use crate::http::extract::Http;
use crate::http::reply::{self, Page, Reply, Success};

/// List the sequences of this client and mode: by service, its default first.
///
/// A default is there as soon as a connection has the service; new connections are put at its end.
#[utoipa::path(
    get, path = "/v1/sequences", tag = "Sequences", operation_id = "list_sequences",
    responses(
        (status = 200, body = Success<Page<Sequence>>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(State(http): State<Http>, auth: Auth) -> Result<Reply<Page<Sequence>>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    // As many as there are destinations at most.
    let items = sequences::list(&http.app, &caller).await?.into_iter().map(Sequence::of).collect();
    Ok(reply::ok(Page { items, next_cursor: None }))
}

/// Read the default sequence of a service; `ETag` carries its version.
#[utoipa::path(
    get, path = "/v1/sequences/{service}", tag = "Sequences", operation_id = "read_default_sequence",
    params(("service" = String, Path, description = "`send_money`")),
    responses(
        (status = 200, body = Success<Sequence>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure),
        (status = 404, body = Failure, description = "No connection had this service yet"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_default(
    State(http): State<Http>,
    auth: Auth,
    Path(service): Path<String>,
) -> Result<Reply<Sequence>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    read(&http, &caller, which(&service, None)?).await
}

/// Read the custom sequence of a destination; `ETag` carries its version.
#[utoipa::path(
    get, path = "/v1/sequences/{service}/{destination}", tag = "Sequences", operation_id = "read_custom_sequence",
    params(
        ("service" = String, Path, description = "`send_money`"),
        ("destination" = String, Path, description = "A bank's code such as BCA, or its number such as 014"),
    ),
    responses(
        (status = 200, body = Success<Sequence>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure),
        (status = 404, body = Failure, description = "The destination follows the default"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_custom(
    State(http): State<Http>,
    auth: Auth,
    Path((service, destination)): Path<(String, String)>,
) -> Result<Reply<Sequence>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    read(&http, &caller, which(&service, Some(&destination))?).await
}

async fn read(http: &Http, caller: &Caller, which: Which) -> Result<Reply<Sequence>, ApiError> {
    let view = sequences::get(&http.app, caller, which).await?.ok_or_else(|| ApiError::not_found(WHAT))?;
    let version = etag(view.row.version);
    Ok(reply::ok(Sequence::of(view)).header("etag", &version))
}
