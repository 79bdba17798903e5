//! `POST /v1/auth/token`: a short-lived token in place of the key (contracts/paystrator.md 2.2).

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::flows::access;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::Http;
use crate::http::reply::{self, Reply, Success};

/// A token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Stands wherever the key may, with the key's rights, until it expires or the key is revoked.
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds.
    #[schema(example = 300)]
    pub expires_in: u64,
}

/// Make a short-lived token out of an API key, for places that the key should not reach.
#[utoipa::path(
    post, path = "/v1/auth/token", tag = "Access", operation_id = "create_token",
    responses(
        (status = 200, body = Success<Token>), (status = 401, body = Failure),
        (status = 403, body = Failure, description = "`key_needed`: a token cannot make a token"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn create(State(http): State<Http>, Auth(caller): Auth) -> Result<Reply<Token>, ApiError> {
    if caller.by_token {
        return Err(ApiError::forbidden("key_needed", "A token cannot make a token.", "Call with the API key itself."));
    }
    let (access_token, expires_in) = access::token(&http.app, &caller)?;
    Ok(reply::ok(Token { access_token, token_type: "Bearer", expires_in }).header("cache-control", "no-store"))
}
