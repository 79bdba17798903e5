//! `GET /v1/events`: everything that was told, for who was away.

use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::reads;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id_param, page_limit};
use crate::http::reply::{self, Reply, Success, time};
use crate::store::event;

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The last event you have, `ev_…`; from the first one when left out.
    after: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// One event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Also the `webhook-id` of its deliveries.
    #[schema(example = "ev_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    #[serde(rename = "type")]
    #[schema(example = "payment.succeeded")]
    pub kind: String,
    /// Of the payment it is about: it only rises.
    pub version: i32,
    pub created_at: String,
    /// Exactly what the webhook says.
    #[schema(value_type = Object)]
    pub body: Box<RawValue>,
}

impl Event {
    /// Prints an event to its owner.
    pub fn of(row: event::Event) -> Result<Self, ApiError> {
        let body = RawValue::from_string(row.body).map_err(anyhow::Error::from)?;
        let (id, created_at) = (ids::show(ids::EVENT, row.id), time(row.created_at));
        Ok(Event { id, kind: row.kind, version: row.version, created_at, body })
    }
}

/// Events in order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Events {
    pub items: Vec<Event>,
    /// Give it as `after` to go on; the same as before where nothing is new.
    pub last: Option<String>,
}

/// Catch up with events, oldest first.
///
/// The newest seconds are held back, so that an event which is just being written cannot be jumped over: keep asking
/// with the last id you have, and nothing is missed.
#[utoipa::path(
    get, path = "/v1/events", tag = "Webhooks", operation_id = "list_events", params(Which),
    responses(
        (status = 200, body = Success<Events>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(
    State(http): State<Http>,
    auth: Auth,
    Params(which): Params<Which>,
) -> Result<Reply<Events>, ApiError> {
    let caller = auth.may(Product::Webhooks, Need::Read)?;
    let limit = page_limit(which.limit.as_deref())?;
    let after = id_param(ids::EVENT, "after", which.after.as_deref())?;
    let until = http.app.now() - Duration::from_millis(http.app.config.database.statement_timeout_ms);
    let rows = reads::events(&http.app, &caller, after, until, limit as i64).await?;
    let last = rows.last().map(|row| row.id).or(after).map(|id| ids::show(ids::EVENT, id));
    let items = rows.into_iter().map(Event::of).collect::<Result<_, _>>()?;
    Ok(reply::ok(Events { items, last }))
}
