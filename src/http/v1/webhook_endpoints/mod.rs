//! `/v1/webhook-endpoints`: where a client wants to be told (contracts/paystrator.md 2.8).

mod change;
mod create;
mod deliveries;
mod list;
mod test;

pub use change::*;
pub use create::*;
pub use deliveries::*;
pub use list::*;
pub use test::*;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::ids;
use crate::domain::webhook::{DEFAULT_EVENTS, EVENT_TYPES};
use crate::flows::access::Caller;
use crate::flows::endpoints;
use crate::http::error::{ApiError, FieldError};
use crate::http::extract::Http;
use crate::http::reply::time;
use crate::store::endpoint;

/// An endpoint. Its secret and token are shown only when they are made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    #[schema(example = "we_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    pub url: String,
    pub description: String,
    pub events: Vec<String>,
    /// ACTIVE or DISABLED.
    #[schema(example = "ACTIVE")]
    pub status: String,
    /// Why it is disabled; empty where it is not.
    pub disabled_reason: String,
    pub mode: String,
    /// Rises with every change; it stands in `ETag` and is what `If-Match` must name.
    pub version: i32,
    /// Until when the secret before the last rotation signs as well.
    pub previous_secret_until: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    /// Signs every webhook (Standard Webhooks). Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Stands in `X-Webhook-Verification-Token` of every webhook. Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_token: Option<String>,
}

impl Endpoint {
    /// Prints an endpoint to its owner.
    fn of(row: endpoint::Endpoint) -> Self {
        Endpoint {
            id: ids::show(ids::ENDPOINT, row.id),
            url: row.url,
            description: row.description,
            events: row.events,
            status: row.status,
            disabled_reason: row.disabled_reason,
            mode: row.mode,
            version: row.version,
            previous_secret_until: row.previous_until.map(time),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
            secret: None,
            verification_token: None,
        }
    }
}

/// The caller's endpoint of this id, or 404.
async fn find(http: &Http, caller: &Caller, text: &str) -> Result<endpoint::Endpoint, ApiError> {
    let none = || ApiError::not_found("webhook endpoint");
    let id: Uuid = ids::parse(ids::ENDPOINT, text).ok_or_else(none)?;
    endpoints::get(&http.app, caller, id).await?.ok_or_else(none)
}

/// An endpoint that nothing is told to.
fn disabled(endpoint: &endpoint::Endpoint) -> Result<(), ApiError> {
    if endpoint.status == endpoints::ACTIVE {
        return Ok(());
    }
    let message = format!("The endpoint is disabled: {}.", endpoint.disabled_reason);
    Err(ApiError::conflict("endpoint_disabled", &message, "Set its status to ACTIVE first."))
}

fn check_url(http: &Http, url: &str) -> Option<FieldError> {
    let message = endpoints::check_url(&http.app, url).err()?;
    Some(FieldError { field: "url".into(), message })
}

fn check_events(events: &[String]) -> Option<FieldError> {
    let unknown = events.iter().find(|event| !EVENT_TYPES.contains(&event.as_str()))?;
    let message = format!("names {unknown:?}; the types are {}", EVENT_TYPES.join(", "));
    Some(FieldError { field: "events".into(), message })
}

/// The types an endpoint hears: each once, in order; the usual ones where none were chosen.
fn chosen(events: Option<Vec<String>>) -> Vec<String> {
    let mut events = events.unwrap_or_else(|| DEFAULT_EVENTS.map(String::from).to_vec());
    events.sort();
    events.dedup();
    events
}

fn all_good(wrong: [Option<FieldError>; 2]) -> Result<(), ApiError> {
    let wrong: Vec<FieldError> = wrong.into_iter().flatten().collect();
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::fields(wrong)) }
}
