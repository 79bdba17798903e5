//! `POST /v1/callback/{send|receive}/{type}/{codename}`: calls from providers (contracts/paystrator.md 2.11).
//!
//! The codename alone says whose call it is. The answer is the adapter's, in the provider's own shape.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::flows::callback;
use crate::http::error::{ApiError, too_large};
use crate::http::extract::{Http, address};
use crate::providers::RawCallback;

/// A call from a provider, about a payment of one connection. 2xx means it is stored.
#[utoipa::path(
    post, path = "/v1/callback/{direction}/{kind}/{codename}", tag = "Providers", operation_id = "receive_callback",
    params(
        ("direction" = String, Path, description = "`send` or `receive`"),
        ("kind" = String, Path, description = "The service, such as `send_money`"),
        ("codename" = String, Path, description = "The connection's own unguessable word"),
    ),
    responses((status = 200, description = "Stored; the body is the provider's own shape"), (status = 404), (status = 503)),
    security(()),
)]
pub async fn receive(State(http): State<Http>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Path(path) = Path::<HashMap<String, String>>::from_request_parts(&mut parts, &http)
        .await
        .map_err(|_| ApiError::not_found("address"))?;
    let source = address(&http.app, &parts);
    let headers = parts.headers.clone();
    let body = Bytes::from_request(Request::from_parts(parts, body), &http).await.map_err(|_| too_large())?;
    let known = matches!(path.get("direction").map(String::as_str), Some("send" | "receive"));
    let codename = path.get("codename").filter(|_| known).ok_or_else(|| ApiError::not_found("address"))?;
    let raw = RawCallback { headers, body: body.to_vec(), source };
    let answer = callback::receive(&http.app, codename, raw).await?;
    let answer = answer.ok_or_else(|| ApiError::not_found("address"))?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok((status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response())
}
