//! `/v1/webhook-endpoints`: where a client wants to be told (contracts/paystrator.md 2.8).

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::domain::webhook::{DEFAULT_EVENTS, EVENT_TYPES};
use crate::flows::endpoints;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};
use crate::outbound::{self, OutboundLimits};

/// An endpoint to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEndpoint {
    /// https, on a public address.
    #[schema(min_length = 1, max_length = 2000, example = "https://example.com/webhooks")]
    pub url: String,
    /// Types of events; every end and every exception when left out.
    #[schema(min_items = 1, example = json!(["payment.succeeded", "payment.failed"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

impl Shape for NewEndpoint {}

/// An endpoint that was just made. `secret` and `verificationToken` are shown once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeEndpoint {
    pub id: String,
    pub url: String,
    pub events: Vec<String>,
    /// Signs every webhook (Standard Webhooks).
    pub secret: String,
    /// Stands in `X-Webhook-Verification-Token` of every webhook.
    pub verification_token: String,
}

/// Make a webhook endpoint.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "Webhooks", request_body = NewEndpoint,
    responses(
        (status = 201, body = Success<MadeEndpoint>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure),
    ),
)]
pub async fn create(
    State(http): State<Http>,
    auth: Auth,
    Checked { body, .. }: Checked<NewEndpoint>,
) -> Result<Reply<MadeEndpoint>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Write)?;
    check_url(&http, &body.url)?;
    let events = check_events(body.events)?;
    let made = endpoints::create(&http.app, &caller, &body.url, events).await?;
    Ok(reply::created(MadeEndpoint {
        id: ids::show(ids::ENDPOINT, made.endpoint.id),
        url: made.endpoint.url,
        events: made.endpoint.events,
        secret: made.secret,
        verification_token: made.token,
    }))
}

fn check_url(http: &Http, url: &str) -> Result<(), ApiError> {
    let webhooks = &http.app.config.webhooks;
    let limits = OutboundLimits {
        allow_http: webhooks.allow_http,
        allow_private: webhooks.allow_private,
        ..OutboundLimits::default()
    };
    outbound::check_url(url, &limits).map_err(|refused| ApiError::field("url", &refused.to_string()))
}

fn check_events(events: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    let Some(mut events) = events else { return Ok(DEFAULT_EVENTS.map(String::from).to_vec()) };
    events.sort();
    events.dedup();
    match events.iter().find(|event| !EVENT_TYPES.contains(&event.as_str())) {
        Some(unknown) => {
            Err(ApiError::field("events", &format!("names {unknown:?}; the types are {}", EVENT_TYPES.join(", "))))
        }
        None => Ok(events),
    }
}
