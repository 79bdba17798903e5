//! `PATCH /v1/providers/{id}`, its `status`, and its removal: each on the version that `If-Match` names.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::fees::moment;
use super::{Connection, Fee, WHAT, find, refused, shown, upper};
use crate::domain::access::{Need, Product};
use crate::domain::connection::ConnectionStatus;
use crate::flows::connections;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::etag::if_match;
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{Reply, Success};
use crate::store::status::NewStatus;

/// What changes of a connection; what is left out stays.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "label": "Main account", "credentials": { "username": "your-username", "api_key": "your-new-api-key" }
}))]
pub struct ConnectionChange {
    #[schema(min_length = 1, max_length = 100, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// All it shall have. One that is new goes to the end of its default sequence; one that goes leaves its sequences.
    #[schema(min_items = 1, max_items = 20, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<String>>,
    /// All of them, of the same account: another account is another connection.
    #[schema(value_type = Object, nullable = false, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Value>,
    /// All of them. The provider's address must stay: another place is another connection.
    #[schema(value_type = Object, nullable = false, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    /// A new version for every service, for attempts made from now on.
    #[schema(inline, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
}

impl Shape for ConnectionChange {}

/// A status set by hand, and why.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "status": "MAINTENANCE", "reason": "The provider announced a window until 03:00.",
    "until": "2030-01-01T03:00:00+07:00"
}))]
pub struct StatusChange {
    /// ACTIVE, MAINTENANCE or INACTIVE.
    #[schema(pattern = "^(ACTIVE|MAINTENANCE|INACTIVE)$")]
    pub status: String,
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// When MAINTENANCE ends by itself and the connection is ACTIVE again, with offset. Nothing else has an end.
    #[schema(min_length = 1, max_length = 40, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Shape for StatusChange {
    fn today(body: &mut Map<String, Value>) -> Vec<FieldError> {
        upper(body, "status");
        Vec::new()
    }
}

/// Change a connection: its label, services, credentials, settings or fee.
///
/// What is in flight goes on being asked about as the account it was sent from, with the newest secrets.
#[utoipa::path(
    patch, path = "/v1/providers/{id}", tag = "Providers", request_body = ConnectionChange,
    operation_id = "change_provider",
    params(
        ("id" = String, Path, description = "`conn_…`"),
        ("If-Match" = String, Header, description = "The `ETag` you read it with, or `*`"),
    ),
    responses(
        (status = 200, body = Success<Connection>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`label_used`; `other_account`: add a new connection"),
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
    Checked { body, .. }: Checked<ConnectionChange>,
) -> Result<Reply<Connection>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let old = find(&http, &caller, &id).await?;
    if_match(&headers, old.version, WHAT)?;
    let change = connections::Change {
        label: body.label.as_deref(),
        services: body.services.as_deref(),
        credentials: body.credentials.as_ref(),
        keeps_credentials: false,
        settings: body.settings.as_ref(),
        fee: body.fee.as_ref().map(Fee::plan),
    };
    let stored = connections::change(&http.app, &caller, &old, &change).await.map_err(refused)?;
    shown(&http, stored).await
}

/// Set a connection's status, and say why; MAINTENANCE may say when it ends.
///
/// What was not sent yet goes to the next connection; what was sent is followed to its end whatever the status.
#[utoipa::path(
    post, path = "/v1/providers/{id}/status", tag = "Providers", request_body = StatusChange,
    operation_id = "set_provider_status",
    params(
        ("id" = String, Path, description = "`conn_…`"),
        ("If-Match" = String, Header, description = "The `ETag` you read it with, or `*`"),
    ),
    responses(
        (status = 200, body = Success<Connection>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 413, body = Failure), (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn set_status(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    headers: HeaderMap,
    Checked { body, .. }: Checked<StatusChange>,
) -> Result<Reply<Connection>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let old = find(&http, &caller, &id).await?;
    if_match(&headers, old.version, WHAT)?;
    let unknown = || ApiError::field("status", "must be one of ACTIVE, MAINTENANCE, INACTIVE");
    let status = ConnectionStatus::parse(&body.status).ok_or_else(unknown)?;
    let until = body.until.as_deref().map(|text| moment("until", text)).transpose()?;
    let new = NewStatus { status, reason: body.reason.trim(), until };
    let stored = connections::set_status_by(&http.app, &caller, &old, new);
    shown(&http, stored.await.map_err(refused)?).await
}

/// Remove a connection for good, once no money is under way at it.
///
/// It leaves every sequence, and its label is free again. Its payments keep telling of it, and its callback address
/// goes on working, for what the provider may still say of them.
#[utoipa::path(
    delete, path = "/v1/providers/{id}", tag = "Providers", operation_id = "remove_provider",
    params(
        ("id" = String, Path, description = "`conn_…`"),
        ("If-Match" = String, Header, description = "The `ETag` you read it with, or `*`"),
    ),
    responses(
        (status = 200, body = Success<Connection>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`live_payments`: unfinished attempts or open exceptions"),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn remove(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Reply<Connection>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let old = find(&http, &caller, &id).await?;
    if_match(&headers, old.version, WHAT)?;
    let stored = connections::remove(&http.app, &caller, &old).await.map_err(refused)?;
    shown(&http, stored).await
}
