//! `PUT /v1/sequences/…`, and the removal of a custom one: each on the version that `If-Match` names.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::versions::SequenceVersion;
use super::{Sequence, WHAT, which};
use crate::domain::access::{Need, Product};
use crate::flows::access::Caller;
use crate::flows::sequences::{self, Refused, Which};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::etag::{changed_meanwhile, etag, if_match, if_match_or_none};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};
use crate::http::v1::providers::field_errors;

/// A sequence as it shall be.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "connections": ["conn_0190163d8694739ba9d1e1f2b5c4a3d2", "conn_0190163d8694739ba9d1e1f2b5c4a3d3"]
}))]
pub struct NewSequence {
    /// Connections of this mode with this service, in the order in which they are tried, each once. One that is left
    /// out is not used, in a default too; one that is not ACTIVE may be named, and is skipped until it is.
    #[schema(min_items = 1, max_items = 100)]
    pub connections: Vec<String>,
}

impl Shape for NewSequence {}

/// Replace the default sequence of a service.
///
/// Every destination without a sequence of its own follows it. A connection that it leaves out is not used; one that is
/// made later is put at its end.
#[utoipa::path(
    put, path = "/v1/sequences/{service}", tag = "Sequences", request_body = NewSequence,
    operation_id = "replace_default_sequence",
    params(
        ("service" = String, Path, description = "`send_money`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` you read it with, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*` instead, where there is none yet"),
    ),
    responses(
        (status = 200, body = Success<Sequence>), (status = 201, body = Success<Sequence>),
        (status = 400, body = Failure, description = "Every connection that does not fit is named"),
        (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 413, body = Failure), (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn replace_default(
    State(http): State<Http>,
    auth: Auth,
    Path(service): Path<String>,
    headers: HeaderMap,
    Checked { body, .. }: Checked<NewSequence>,
) -> Result<Reply<Sequence>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    replace(&http, &caller, which(&service, None)?, &headers, &body).await
}

/// Replace or make the custom sequence of a destination.
///
/// It takes the place of the default for this destination. Where the removal of a connection leaves it without any,
/// payments to this destination are refused until it is changed or removed.
#[utoipa::path(
    put, path = "/v1/sequences/{service}/{destination}", tag = "Sequences", request_body = NewSequence,
    operation_id = "replace_custom_sequence",
    params(
        ("service" = String, Path, description = "`send_money`"),
        ("destination" = String, Path, description = "A bank's code such as BCA, or its number such as 014"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` you read it with, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*` instead, where there is none yet"),
    ),
    responses(
        (status = 200, body = Success<Sequence>), (status = 201, body = Success<Sequence>),
        (status = 400, body = Failure, description = "Every connection that does not fit is named"),
        (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 413, body = Failure), (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn replace_custom(
    State(http): State<Http>,
    auth: Auth,
    Path((service, destination)): Path<(String, String)>,
    headers: HeaderMap,
    Checked { body, .. }: Checked<NewSequence>,
) -> Result<Reply<Sequence>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    replace(&http, &caller, which(&service, Some(&destination))?, &headers, &body).await
}

async fn replace(
    http: &Http,
    caller: &Caller,
    which: Which,
    headers: &HeaderMap,
    body: &NewSequence,
) -> Result<Reply<Sequence>, ApiError> {
    let current = sequences::get(&http.app, caller, which).await?.map(|view| view.row.version);
    let version = if_match_or_none(headers, current, WHAT)?;
    let view = sequences::put(&http.app, caller, which, version, &body.connections).await.map_err(refused)?;
    let now = etag(view.row.version);
    let shown = Sequence::of(view);
    let reply = if version.is_some() { reply::ok(shown) } else { reply::created(shown) };
    Ok(reply.header("etag", &now))
}

/// Remove the custom sequence of a destination, which then follows the default again.
///
/// Answers the version that says so; if a sequence is made for this destination again, its versions go on from there.
#[utoipa::path(
    delete, path = "/v1/sequences/{service}/{destination}", tag = "Sequences",
    operation_id = "remove_custom_sequence",
    params(
        ("service" = String, Path, description = "`send_money`"),
        ("destination" = String, Path, description = "A bank's code such as BCA, or its number such as 014"),
        ("If-Match" = String, Header, description = "The `ETag` you read it with, or `*`"),
    ),
    responses(
        (status = 200, body = Success<SequenceVersion>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn remove_custom(
    State(http): State<Http>,
    auth: Auth,
    Path((service, destination)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Reply<SequenceVersion>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let which = which(&service, Some(&destination))?;
    let view = sequences::get(&http.app, &caller, which).await?.ok_or_else(|| ApiError::not_found(WHAT))?;
    if_match(&headers, view.row.version, WHAT)?;
    let last = sequences::remove(&http.app, &caller, which, view.row.version).await.map_err(refused)?;
    Ok(reply::ok(SequenceVersion::of(last, &Default::default())))
}

fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::Fields(faults) => ApiError::fields(field_errors(faults)),
        Refused::ChangedMeanwhile => changed_meanwhile(WHAT),
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
    }
}
