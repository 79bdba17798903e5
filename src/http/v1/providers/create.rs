//! `POST /v1/providers`.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Connection, Fee, refused, upper};
use crate::domain::access::{Need, Product};
use crate::flows::connections::{self, Choice};
use crate::flows::once::First;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::etag::etag;
use crate::http::extract::{Checked, Http, Shape, once};
use crate::http::reply::{self, Reply, Success};

/// A connection to make. Its mode, test or live, is that of the key that makes it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "provider": "provider-code", "label": "Main account", "type": "AGGREGATOR", "services": ["send_money"],
    "credentials": { "username": "your-username", "api_key": "your-api-key" },
    "fee": { "flat": 2500, "vatBp": 1100, "vat": true }
}))]
pub struct NewConnection {
    /// The provider's code.
    #[schema(min_length = 1, max_length = 32)]
    pub provider: String,
    /// What you call it; no two connections of a mode have the same.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// AGGREGATOR or DIRECT; if given, it must be what the provider is.
    #[schema(pattern = "^(AGGREGATOR|DIRECT)$", nullable = false)]
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Some of the services the provider offers; all of them when left out.
    #[schema(min_items = 1, max_items = 20, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<String>>,
    /// As the provider's form names them. Never shown again.
    #[schema(value_type = Object)]
    pub credentials: Value,
    /// As the provider's form names them.
    #[schema(value_type = Object, nullable = false, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    /// The first version for each service; no fee when left out.
    #[schema(inline, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
}

impl Shape for NewConnection {
    fn today(body: &mut Map<String, Value>) -> Vec<FieldError> {
        upper(body, "type");
        Vec::new()
    }
}

/// Connect a provider.
///
/// The connection is ACTIVE and stands at the end of the default sequence of each of its services. Every wrong field is
/// named at once, those of the provider's own form too, and never with its value.
#[utoipa::path(
    post, path = "/v1/providers", tag = "Providers", request_body = NewConnection, operation_id = "create_provider",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat answers the first connection")),
    responses(
        (status = 201, body = Success<Connection>),
        (status = 200, body = Success<Connection>, description = "A repeat under the same Idempotency-Key"),
        (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 409, body = Failure, description = "`label_used`; `too_many_connections`: 100 in each mode"),
        (status = 413, body = Failure), (status = 422, body = Failure, description = "`idempotency_key_reused`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn create(
    State(http): State<Http>,
    auth: Auth,
    headers: HeaderMap,
    Checked { body, hash }: Checked<NewConnection>,
) -> Result<Reply<Connection>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let once = once(&headers, hash)?;
    let settings = body.settings.unwrap_or_else(|| json!({}));
    let new = connections::NewConnection {
        client_id: caller.client_id,
        mode: caller.mode,
        provider: &body.provider,
        label: &body.label,
        credentials: &body.credentials,
        settings: &settings,
        fee: body.fee.as_ref().map(Fee::plan).unwrap_or_default(),
        by: &caller.person,
    };
    let choice = Choice { kind: body.kind.as_deref(), services: body.services.as_deref(), fees: &[], inactive: None };
    let (id, is_new) = match connections::create_by(&http.app, &caller, &new, choice, once).await.map_err(refused)? {
        First::Made(made) => (made.id, true),
        First::Replayed(id) => (id, false),
    };
    let stored = connections::get(&http.app, &caller, id).await?.ok_or_else(|| ApiError::not_found(super::WHAT))?;
    let plans = connections::fees(&http.app, stored.client_id, &[id]).await?;
    let version = etag(stored.version);
    let shown = Connection::of(&http, stored, &plans);
    let reply = if is_new { reply::created(shown) } else { reply::ok(shown).header("idempotent-replayed", "true") };
    Ok(reply.header("etag", &version))
}
