//! `PUT /v1/kyb`: the file as it shall be, on the version that `If-Match` names.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::{KybFile, KybVersion, WHAT, field_errors, refused, shown};
use crate::domain::access::{Need, Product};
use crate::domain::kyb::{Draft, check};
use crate::flows::kyb;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::etag::if_match_or_none;
use crate::http::extract::{Checked, Http, Object, judged};
use crate::http::reply::{self, Reply, Success};

/// Save the KYB file.
///
/// It replaces the file as a whole. Any part may be missing until the file is complete; what is there must be right, and
/// one answer names every wrong and every unknown field by its path. Each change is a version that is kept; the same
/// content again makes none and answers the version that stands, also where `If-Match` names an older one.
///
/// People are known by `person_id`: send it back to keep the person. Without one, somebody with the very same data stays
/// who they are, and anybody else is new.
#[utoipa::path(
    put, path = "/v1/kyb", tag = "KYB", operation_id = "save_kyb", request_body = KybFile,
    params(
        ("If-Match" = Option<String>, Header, description = "The `ETag` you read it with, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*` instead, where there is none yet"),
    ),
    responses(
        (status = 200, body = Success<KybVersion>), (status = 201, body = Success<KybVersion>),
        (status = 400, body = Failure, description = "Every wrong and every unknown field is named"),
        (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: it has another version by now"),
        (status = 413, body = Failure), (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn save_kyb(
    State(http): State<Http>,
    auth: Auth,
    headers: HeaderMap,
    Object(body): Object,
) -> Result<Reply<KybVersion>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Write)?;
    let (right, faults) = check(&body, kyb::today(&http.app));
    // What is right is held against the published schema too, so that the document cannot lie.
    let Checked { body: KybFile(right), .. } = judged(right, field_errors(faults))?;
    let draft = Draft::of(right);
    let current = kyb::read(&http.app, caller.client_id, None).await?;
    let stands = current.as_ref().map(|current| current.version);
    if let Err(error) = if_match_or_none(&headers, stands, WHAT) {
        // A repeat whose effect stands is answered as the first one was (RFC 9110 section 13.1.1).
        return match current.filter(|current| current.file.holds(&draft)) {
            Some(current) if error.status == StatusCode::PRECONDITION_FAILED => Ok(shown(reply::ok, &current)),
            _ => Err(error),
        };
    }
    let made = if stands.is_some() { reply::ok } else { reply::created };
    let version = kyb::save(&http.app, &caller, current, draft).await.map_err(refused)?;
    Ok(shown(made, &version))
}
