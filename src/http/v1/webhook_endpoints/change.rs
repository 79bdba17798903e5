//! `PATCH /v1/webhook-endpoints/{id}` and its `rotate-secret`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Endpoint, all_good, check_events, check_url, chosen, find};
use crate::domain::access::{Need, Product};
use crate::flows::endpoints;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::etag::{changed_meanwhile, etag, if_match};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};

/// What is changed, for people.
const WHAT: &str = "endpoint";

/// What changes of an endpoint; what is left out stays.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://example.com/webhooks", "status": "ACTIVE" }))]
pub struct EndpointChange {
    /// https, on a public address.
    #[schema(min_length = 1, max_length = 2000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[schema(max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[schema(min_items = 1, max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    #[schema(pattern = "^(ACTIVE|DISABLED)$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl Shape for EndpointChange {}

/// How a secret is rotated.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "immediately": false }))]
pub struct Rotation {
    /// End the old secret now, as after a leak. Otherwise it signs as well for a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immediately: Option<bool>,
}

impl Shape for Rotation {}

/// Change a webhook endpoint: its address, its events, or whether it is told at all.
#[utoipa::path(
    patch, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks", request_body = EndpointChange,
    operation_id = "change_webhook_endpoint",
    params(
        ("id" = String, Path, description = "`we_…`"),
        ("If-Match" = String, Header, description = "The `ETag` you read it with, or `*`"),
    ),
    responses(
        (status = 200, body = Success<Endpoint>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 413, body = Failure), (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn change(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    headers: HeaderMap,
    Checked { body, .. }: Checked<EndpointChange>,
) -> Result<Reply<Endpoint>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Write)?;
    let before = find(&http, &caller, &id).await?;
    if_match(&headers, before.version, WHAT)?;
    let mut row = before.clone();
    let wrong_url = body.url.as_deref().and_then(|url| check_url(&http, url));
    all_good([wrong_url, body.events.as_deref().and_then(check_events)])?;
    if let Some(url) = body.url {
        row.url = url;
    }
    if let Some(description) = body.description {
        row.description = description.trim().into();
    }
    if body.events.is_some() {
        row.events = chosen(body.events);
    }
    if let Some(status) = body.status {
        row = endpoints::switched(row, status == endpoints::ACTIVE);
    }
    let row = endpoints::change(&http.app, &caller, &before, row).await?.ok_or_else(|| changed_meanwhile(WHAT))?;
    let version = etag(row.version);
    Ok(reply::ok(Endpoint::of(row)).header("etag", &version))
}

/// Give a webhook endpoint a new secret, shown once, in this answer alone.
///
/// The old secret signs as well for a day, so that no webhook fails while you change it over.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/rotate-secret", tag = "Webhooks", request_body = Rotation,
    operation_id = "rotate_webhook_secret",
    params(("id" = String, Path, description = "`we_…`")),
    responses(
        (status = 200, body = Success<Endpoint>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure), (status = 413, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn rotate(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    Checked { body, .. }: Checked<Rotation>,
) -> Result<Reply<Endpoint>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Write)?;
    let row = find(&http, &caller, &id).await?;
    let rotated = endpoints::rotate(&http.app, &caller, row.id, body.immediately == Some(true)).await?;
    let (row, secret) = rotated.ok_or_else(|| ApiError::not_found("webhook endpoint"))?;
    let version = etag(row.version);
    Ok(reply::ok(Endpoint { secret: Some(secret), ..Endpoint::of(row) }).header("etag", &version))
}
