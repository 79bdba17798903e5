//! `/v1/providers/{id}/monitoring`: whether and by what rule a connection leaves routing by itself.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{find, refused};
use crate::domain::access::{Need, Product};
use crate::domain::monitoring::Rule;
use crate::flows::connections;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success, time};
use crate::store::connection::Stored;

/// Whether a connection is watched, and how. What is left out of a rule has its default.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "enabled": true, "minimumSends": 20, "failingPercent": 50 }))]
pub struct NewMonitoring {
    pub enabled: bool,
    /// The sends of this many seconds are looked at; 300 when left out.
    #[schema(example = 300, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u32>,
    /// Fewer sends than this say nothing; 20 when left out.
    #[schema(example = 20, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_sends: Option<u32>,
    /// The share of them that got no answer, or none that can be read, and is too much; 50 when left out.
    #[schema(example = 50, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_percent: Option<u32>,
    /// The provider is asked for the first time after this whether it answers again; 60 when left out. Each answer that
    /// is not good doubles it, up to an hour; so does a relapse within an hour.
    #[schema(example = 60, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
    /// Good answers in a row that make it ACTIVE again; 3 when left out.
    #[schema(example = 3, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recoveries: Option<u32>,
}

impl Shape for NewMonitoring {}

impl NewMonitoring {
    fn rule(&self) -> Rule {
        let usual = Rule::default();
        Rule {
            window_seconds: self.window_seconds.unwrap_or(usual.window_seconds),
            minimum_sends: self.minimum_sends.unwrap_or(usual.minimum_sends),
            failing_percent: self.failing_percent.unwrap_or(usual.failing_percent),
            wait_seconds: self.wait_seconds.unwrap_or(usual.wait_seconds),
            recoveries: self.recoveries.unwrap_or(usual.recoveries),
        }
    }
}

/// A connection's monitoring.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    pub enabled: bool,
    pub window_seconds: u32,
    pub minimum_sends: u32,
    pub failing_percent: u32,
    pub wait_seconds: u32,
    pub recoveries: u32,
    /// When it set the connection to MAINTENANCE; null where it did not, or somebody set the status since.
    pub tripped_at: Option<String>,
    /// When the provider is asked next whether it answers again.
    pub next_look_at: Option<String>,
    /// Good answers in a row since.
    pub good: i32,
}

async fn shown(http: &Http, stored: &Stored) -> Result<Reply<Monitoring>, ApiError> {
    let found = connections::monitored(&http.app, stored).await?;
    let (watched, rule) = found.map_or((None, Rule::default()), |(watched, rule)| (Some(watched), rule));
    let Rule { window_seconds, minimum_sends, failing_percent, wait_seconds, recoveries } = rule;
    Ok(reply::ok(Monitoring {
        enabled: watched.is_some(),
        window_seconds,
        minimum_sends,
        failing_percent,
        wait_seconds,
        recoveries,
        tripped_at: watched.as_ref().and_then(|watched| watched.tripped_at).map(time),
        next_look_at: watched.as_ref().and_then(|watched| watched.next_at).map(time),
        good: watched.map_or(0, |watched| watched.good),
    }))
}

/// Read whether a connection is watched, and what monitoring made of it.
#[utoipa::path(
    get, path = "/v1/providers/{id}/monitoring", tag = "Providers", operation_id = "read_provider_monitoring",
    params(("id" = String, Path, description = "`conn_…`")),
    responses(
        (status = 200, body = Success<Monitoring>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_monitoring(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
) -> Result<Reply<Monitoring>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    shown(&http, &find(&http, &caller, &id).await?).await
}

/// Switch a connection's monitoring on or off. It is off until somebody does.
///
/// Where too many of its sends get no answer, the connection goes to MAINTENANCE by itself and its payments go to the
/// next one. Then its provider is asked now and then by the call that also tests it; once it answers, the connection is
/// ACTIVE again. A status set by hand has the last word, and INACTIVE is never left.
#[utoipa::path(
    put, path = "/v1/providers/{id}/monitoring", tag = "Providers", request_body = NewMonitoring,
    operation_id = "set_provider_monitoring",
    params(("id" = String, Path, description = "`conn_…`")),
    responses(
        (status = 200, body = Success<Monitoring>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure), (status = 413, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn set_monitoring(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    Checked { body, .. }: Checked<NewMonitoring>,
) -> Result<Reply<Monitoring>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let stored = find(&http, &caller, &id).await?;
    match body.enabled {
        true => connections::monitor(&http.app, &caller, &stored, &body.rule()).await.map_err(refused)?,
        false => connections::stop_monitoring(&http.app, &caller, &stored).await?,
    }
    shown(&http, &stored).await
}
