//! `/v1/ip-allow-list`: where calls may come from (contracts/paystrator.md 2.2), for every key of the client.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::access::{Need, Product};
use crate::flows::access;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::extract::{Checked, From, Http, Shape};
use crate::http::reply::{self, Reply, Success};

/// The whole list, as it should be.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "addresses": ["203.0.113.7", "2001:db8::/32"] }))]
pub struct NewAllowList {
    /// IPv4 or IPv6 addresses, or blocks of them (CIDR). Empty: calls may come from anywhere.
    #[schema(max_items = 500)]
    pub addresses: Vec<String>,
    /// Accept a list that shuts out the address this call comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

impl Shape for NewAllowList {}

/// The list in force.
#[derive(Serialize, ToSchema)]
pub struct AllowList {
    /// Blocks of addresses; empty: calls may come from anywhere.
    #[schema(example = json!(["203.0.113.7/32"]))]
    pub addresses: Vec<String>,
}

/// Read where calls may come from.
#[utoipa::path(
    get, path = "/v1/ip-allow-list", tag = "Access", operation_id = "read_ip_allow_list",
    responses(
        (status = 200, body = Success<AllowList>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read(State(http): State<Http>, auth: Auth) -> Result<Reply<AllowList>, ApiError> {
    let caller = auth.may(Product::Settings, Need::Read)?;
    Ok(reply::ok(AllowList { addresses: access::allowed(&http.app, &caller).await? }))
}

/// Replace where calls may come from, for every key of this client, test and live.
#[utoipa::path(
    put, path = "/v1/ip-allow-list", tag = "Access", operation_id = "replace_ip_allow_list", request_body = NewAllowList,
    responses(
        (status = 200, body = Success<AllowList>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure),
        (status = 409, body = Failure, description = "`would_lock_out`: the list lacks the address of this very call"),
        (status = 413, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn replace(
    State(http): State<Http>,
    auth: Auth,
    From(from): From,
    Checked { body, .. }: Checked<NewAllowList>,
) -> Result<Reply<AllowList>, ApiError> {
    let caller = auth.may(Product::Settings, Need::Write)?;
    let addresses = blocks(&body.addresses)?;
    if !access::lets_in(&addresses, from) && body.force != Some(true) {
        return Err(ApiError::conflict(
            "would_lock_out",
            &format!("The list lacks {from}, from where this call comes."),
            "Add the address, or repeat with \"force\": true if you mean it.",
        ));
    }
    access::set_allowed(&http.app, &caller, &addresses).await?;
    Ok(reply::ok(AllowList { addresses }))
}

fn blocks(entries: &[String]) -> Result<Vec<String>, ApiError> {
    let wrong = |at: usize| FieldError {
        field: format!("addresses.{at}"),
        message: "is not an address or block, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32".into(),
    };
    let blocks = access::blocks(entries.iter().map(String::as_str));
    blocks.map_err(|places| ApiError::fields(places.into_iter().map(wrong).collect()))
}
