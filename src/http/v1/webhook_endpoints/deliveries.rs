//! `/v1/webhook-endpoints/{id}/deliveries`: what was told to an endpoint, and telling it again.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{disabled, find};
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::endpoints;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id, page_limit, word_param};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::delivery;

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// pending, delivered or failed; all when left out.
    state: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// The telling of one event to one endpoint, with all its tries.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    #[schema(example = "ev_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub event_id: String,
    #[serde(rename = "type")]
    #[schema(example = "payment.succeeded")]
    pub kind: String,
    /// 0 for the first telling, and one more for each replay.
    pub replay: i32,
    /// pending, delivered or failed.
    #[schema(example = "delivered")]
    pub state: String,
    pub tries: i16,
    pub next_try_at: Option<String>,
    pub response_status: Option<i16>,
    /// The beginning of the last bad answer, or why there was none.
    pub note: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// A telling that was asked for once more.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    pub event_id: String,
    /// Which telling it is.
    pub replay: i32,
    #[schema(example = "pending")]
    pub state: &'static str,
}

/// List what was told to a webhook endpoint, newest event first.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}/deliveries", tag = "Webhooks", operation_id = "list_deliveries",
    params(("id" = String, Path, description = "`we_…`"), Which),
    responses(
        (status = 200, body = Success<Page<Delivery>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn deliveries(
    State(http): State<Http>,
    auth: Auth,
    Path(endpoint): Path<String>,
    Params(which): Params<Which>,
) -> Result<Reply<Page<Delivery>>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Read)?;
    let row = find(&http, &caller, &endpoint).await?;
    let limit = page_limit(which.limit.as_deref())?;
    let state = word_param("state", which.state.as_deref(), &endpoints::STATES)?;
    let before = which.cursor.as_deref().map(place).transpose()?;
    let rows = endpoints::deliveries(&http.app, &row, state.as_deref(), before, limit as i64 + 1).await?;
    let cursor = |row: &delivery::Row| format!("{}.{}", ids::show(ids::EVENT, row.event_id), row.replay);
    Ok(reply::ok(Page::of(rows, limit, cursor, show)))
}

/// Reads the cursor: an event, and which telling of it.
fn place(cursor: &str) -> Result<(Uuid, i32), ApiError> {
    let parts =
        cursor.split_once('.').and_then(|(event, replay)| Some((ids::parse(ids::EVENT, event)?, replay.parse().ok()?)));
    parts.ok_or_else(|| ApiError::field("cursor", "is not one that was answered here"))
}

fn show(row: delivery::Row) -> Delivery {
    Delivery {
        event_id: ids::show(ids::EVENT, row.event_id),
        kind: row.kind,
        replay: row.replay,
        state: row.state,
        tries: row.tries,
        next_try_at: row.next_try_at.map(time),
        response_status: row.response_status,
        note: row.note,
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
    }
}

/// Tell an event to a webhook endpoint once more, with the same `webhook-id`.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/deliveries/{event}/replay", tag = "Webhooks",
    operation_id = "replay_delivery",
    params(("id" = String, Path, description = "`we_…`"), ("event" = String, Path, description = "`ev_…`")),
    responses(
        (status = 202, body = Success<Replay>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 409, body = Failure, description = "`endpoint_disabled`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn replay(
    State(http): State<Http>,
    auth: Auth,
    Path((endpoint, event)): Path<(String, String)>,
) -> Result<Reply<Replay>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Write)?;
    let row = find(&http, &caller, &endpoint).await?;
    let event = id(ids::EVENT, &event, "event")?;
    disabled(&row)?;
    let replay = endpoints::replay(&http.app, &row, event).await?.ok_or_else(|| ApiError::not_found("event"))?;
    Ok(reply::noted(Replay { event_id: ids::show(ids::EVENT, event), replay, state: "pending" }))
}
