//! `GET /v1/files/{token}`: a document, for whoever holds a link to it. The link is the whole credential.
//!
//! Nothing that is served here is shown inside a page of ours: it is saved, and runs nowhere.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::document::MediaType;
use crate::flows::documents::{self, Content};
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{From, Http};

/// Read a document by its link.
///
/// A link that is wrong, over, or ended with its onboarding is answered with the same 404. Each reading is logged.
#[utoipa::path(
    get, path = "/v1/files/{token}", tag = "KYB", operation_id = "read_file",
    params(("token" = String, Path, description = "The last part of a link")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 404, body = Failure, description = "`no_such_file`"), (status = 503, body = Failure),
    ),
    security(()),
)]
pub async fn serve(
    State(http): State<Http>,
    From(address): From,
    method: Method,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let found = documents::open(&http.app, &token, address, method != Method::HEAD).await?;
    let Content { name, media_type, size_bytes, body } = found.ok_or_else(no_such_file)?;
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, media_type.as_str());
    set(header::CONTENT_LENGTH, &size_bytes.to_string());
    set(header::CONTENT_DISPOSITION, &disposition(name.reveal(), media_type));
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::CONTENT_SECURITY_POLICY, "sandbox");
    set(header::REFERRER_POLICY, "no-referrer");
    Ok(response)
}

/// `attachment`, with the file's name in the way of RFC 6266 and 8187, and one of our own for who cannot read that.
fn disposition(name: &str, media_type: MediaType) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    format!("attachment; filename=\"document.{}\"; filename*=UTF-8''{encoded}", media_type.extension())
}

fn no_such_file() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_file",
        "There is nothing to read at this link.",
        "Ask whoever gave you the link for a new one.",
        "Links end after a time, and with the onboarding they were made for.",
    )
}
