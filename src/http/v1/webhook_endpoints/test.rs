//! `POST /v1/webhook-endpoints/{id}/test`: does it hear us? (contracts/paystrator.md 2.8, "Test & Save")

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{disabled, find};
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::endpoints;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::Http;
use crate::http::reply::{self, Reply, Success};

/// How a test went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointTest {
    /// The `webhook-id` it was told under.
    pub event_id: String,
    /// The endpoint answered 2xx.
    pub delivered: bool,
    /// The HTTP status it answered; null where it did not answer in time.
    pub response_status: Option<u16>,
    /// The beginning of what it answered, or why there is no answer.
    pub response_body: String,
}

/// Send a test event to a webhook endpoint now, once, and see what it answers.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/test", tag = "Webhooks", operation_id = "test_webhook_endpoint",
    params(("id" = String, Path, description = "`we_…`")),
    responses(
        (status = 200, body = Success<EndpointTest>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 409, body = Failure, description = "`endpoint_disabled`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn test(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
) -> Result<Reply<EndpointTest>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Write)?;
    let row = find(&http, &caller, &id).await?;
    disabled(&row)?;
    let (event, tried) = endpoints::test(&http.app, &row).await?;
    let (status, said) = tried.map_or((None, "no answer yet; see its deliveries".into()), |t| (t.status, t.said));
    Ok(reply::ok(EndpointTest {
        event_id: ids::show(ids::EVENT, event),
        delivered: status.is_some_and(|status| (200..300).contains(&status)),
        response_status: status,
        response_body: said,
    }))
}
