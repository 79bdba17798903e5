//! `POST /v1/webhook-endpoints`.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Endpoint, all_good, check_events, check_url, chosen};
use crate::domain::access::{Need, Product};
use crate::flows::endpoints::{self, EndpointWish};
use crate::flows::once::First;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::etag::etag;
use crate::http::extract::{Checked, Http, Shape, once};
use crate::http::reply::{self, Reply, Success};

/// An endpoint to make.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://example.com/webhooks", "events": ["payment.succeeded", "payment.failed"] }))]
pub struct NewEndpoint {
    /// https, on a public address.
    #[schema(min_length = 1, max_length = 2000)]
    pub url: String,
    /// What it is for, in your words.
    #[schema(max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Types of events; every end and every exception when left out.
    #[schema(min_items = 1, max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

impl Shape for NewEndpoint {}

/// Make a webhook endpoint.
///
/// Its secret and verification token are shown once, in this answer alone.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "Webhooks", request_body = NewEndpoint,
    operation_id = "create_webhook_endpoint",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat answers the first endpoint, without its secret")),
    responses(
        (status = 201, body = Success<Endpoint>),
        (status = 200, body = Success<Endpoint>, description = "A repeat under the same Idempotency-Key"),
        (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 413, body = Failure), (status = 422, body = Failure, description = "`idempotency_key_reused`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn create(
    State(http): State<Http>,
    auth: Auth,
    headers: HeaderMap,
    Checked { body, hash }: Checked<NewEndpoint>,
) -> Result<Reply<Endpoint>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Write)?;
    let once = once(&headers, hash)?;
    let events = chosen(body.events);
    all_good([check_url(&http, &body.url), check_events(&events)])?;
    let description = body.description.as_deref().unwrap_or_default().trim();
    let wish = EndpointWish { url: &body.url, description, events: &events };
    match endpoints::create(&http.app, &caller, &wish, once).await? {
        First::Made(made) => {
            let version = etag(made.endpoint.version);
            let (secret, verification_token) = (Some(made.secret), Some(made.token));
            let endpoint = Endpoint { secret, verification_token, ..Endpoint::of(made.endpoint) };
            Ok(reply::created(endpoint).header("etag", &version))
        }
        First::Replayed(id) => {
            let row = endpoints::get(&http.app, &caller, id).await?;
            let row = row.ok_or_else(|| ApiError::not_found("webhook endpoint"))?;
            let version = etag(row.version);
            Ok(reply::ok(Endpoint::of(row)).header("etag", &version).header("idempotent-replayed", "true"))
        }
    }
}
