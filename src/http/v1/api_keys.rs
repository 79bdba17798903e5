//! `/v1/api-keys`: what lets programs in, with a right per product (contracts/paystrator.md 2.2).

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::access::{Need, Product, Right, Rights};
use crate::domain::ids;
use crate::flows::keys::{self, Refused};
use crate::flows::once::First;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape, id, once};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::access::KeyRow;

/// A key to make. Its mode, test or live, is that of the key that makes it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Checkout", "rights": { "send_money": "read_write", "webhooks": "read" } }))]
pub struct NewKey {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// The person it belongs to, who answers for what it does: always the one of the key that makes it, so it need not be
    /// named. Where two people must agree, keys of two persons are needed.
    #[schema(min_length = 1, max_length = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[schema(inline)]
    pub rights: KeyRights,
}

impl Shape for NewKey {}

/// One of none, read, write and read_write for each product; a product left out is none.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRights {
    /// Payments: send, status, lists, inquiry, balances.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|read|write|read_write)$")]
    pub send_money: Option<String>,
    /// Webhook endpoints, deliveries, events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|read|write|read_write)$")]
    pub webhooks: Option<String>,
    /// API keys and the allow-list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|read|write|read_write)$")]
    pub settings: Option<String>,
    /// Connections to providers, and their sequences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|read|write|read_write)$")]
    pub providers: Option<String>,
    /// Cancel, resolve, exceptions, pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|read|write|read_write)$")]
    pub operations: Option<String>,
    /// The KYB file, with the data of its people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|read|write|read_write)$")]
    pub kyb: Option<String>,
}

/// A key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    #[schema(example = "key_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    pub name: String,
    /// Whom it belongs to: a person of the console as `usr_…`, or the name it was first made for.
    #[schema(example = "Ani")]
    pub person: String,
    /// `test` or `live`.
    pub mode: String,
    /// Its first and last characters, to recognise it by.
    pub hint: String,
    /// A right for every product.
    #[schema(value_type = Object, example = json!({ "send_money": "read_write", "webhooks": "read", "settings": "none", "providers": "none", "operations": "none", "kyb": "none" }))]
    pub rights: BTreeMap<&'static str, Right>,
    pub created_at: String,
    /// When it was last called with.
    pub last_used_at: Option<String>,
    pub revoked_at: Option<String>,
    /// The key itself: shown once, in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Make an API key.
///
/// The key is shown once, in this answer alone. It cannot be given a right that the calling key lacks.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "Access", operation_id = "create_api_key", request_body = NewKey,
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat answers the first key, without showing it again")),
    responses(
        (status = 201, body = Success<Key>),
        (status = 200, body = Success<Key>, description = "A repeat under the same Idempotency-Key"),
        (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure, description = "`right_missing`; `rights_exceeded`: a key cannot give what it does not have"),
        (status = 413, body = Failure), (status = 422, body = Failure, description = "`idempotency_key_reused`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn create(
    State(http): State<Http>,
    auth: Auth,
    headers: HeaderMap,
    Checked { body, hash }: Checked<NewKey>,
) -> Result<Reply<Key>, ApiError> {
    let caller = auth.may(Product::Settings, Need::Write)?;
    let once = once(&headers, hash)?;
    if body.person.as_deref().is_some_and(|person| !caller.is(person)) {
        return Err(ApiError::field("person", "is another person than this key belongs to: leave it out"));
    }
    let (id, secret) = match keys::create_by(&http.app, &caller, &body.name, &rights(&body.rights), once).await {
        Ok(First::Made(made)) => (made.id, Some(made.secret)),
        Ok(First::Replayed(id)) => (id, None),
        Err(refused) => return Err(not_made(refused)),
    };
    let row = keys::get(&http.app, &caller, id).await?.ok_or_else(|| ApiError::not_found("key"))?;
    let is_new = secret.is_some();
    let key = Key { secret, ..show(&http, row) };
    Ok(if is_new { reply::created(key) } else { reply::ok(key).header("idempotent-replayed", "true") })
}

fn not_made(refused: Refused) -> ApiError {
    match refused {
        Refused::Name => ApiError::field("name", "must not be blank or hold control characters"),
        Refused::Exceeded => ApiError::forbidden(
            "rights_exceeded",
            "The new key would have rights that this key has not.",
            "Ask for fewer rights, or call with a key that has them.",
        ),
        Refused::Once(refused) => refused.into(),
        Refused::Store(error) => error.into(),
    }
}

fn rights(wanted: &KeyRights) -> Rights {
    let of = |text: &Option<String>| match text.as_deref() {
        Some("read") => Right::Read,
        Some("write") => Right::Write,
        Some("read_write") => Right::ReadWrite,
        // The schema lets nothing else in.
        _ => Right::None,
    };
    Rights(
        [
            (Product::SendMoney, of(&wanted.send_money)),
            (Product::Webhooks, of(&wanted.webhooks)),
            (Product::Settings, of(&wanted.settings)),
            (Product::Providers, of(&wanted.providers)),
            (Product::Operations, of(&wanted.operations)),
            (Product::Kyb, of(&wanted.kyb)),
        ]
        .into(),
    )
}

/// List the API keys of this client and mode, revoked ones too.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "Access", operation_id = "list_api_keys",
    responses(
        (status = 200, body = Success<Page<Key>>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(State(http): State<Http>, auth: Auth) -> Result<Reply<Page<Key>>, ApiError> {
    let caller = auth.may(Product::Settings, Need::Read)?;
    let items = keys::list(&http.app, &caller).await?.into_iter().map(|row| show(&http, row)).collect();
    Ok(reply::ok(Page { items, next_cursor: None }))
}

/// Revoke an API key, and with it every token made from it. It cannot be undone.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "Access", operation_id = "revoke_api_key", params(("id" = String, Path, description = "`key_…`")),
    responses(
        (status = 200, body = Success<Key>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn revoke(State(http): State<Http>, auth: Auth, Path(key): Path<String>) -> Result<Reply<Key>, ApiError> {
    let caller = auth.may(Product::Settings, Need::Write)?;
    let id = id(ids::KEY, &key, "key")?;
    let row = keys::revoke(&http.app, &caller, id).await?.ok_or_else(|| ApiError::not_found("key"))?;
    Ok(reply::ok(show(&http, row)))
}

fn show(http: &Http, row: KeyRow) -> Key {
    let last_used = keys::last_used(&http.app, &row);
    let person = row.owner();
    let rights: Rights = serde_json::from_value(row.rights).unwrap_or_default();
    let of = |product: Product| rights.0.get(&product).copied().unwrap_or_default();
    Key {
        id: ids::show(ids::KEY, row.id),
        person,
        name: row.name,
        mode: row.mode,
        hint: row.hint,
        rights: Product::ALL.into_iter().map(|product| (product.as_str(), of(product))).collect(),
        created_at: time(row.created_at),
        last_used_at: last_used.map(time),
        revoked_at: row.revoked_at.map(time),
        secret: None,
    }
}
