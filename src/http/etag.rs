//! `ETag` and `If-Match`: a change says which version it was decided on, so that nobody's is undone unseen (RFC 9110
//! section 13). It compares and refuses; the version is checked again by the statement that writes.

use axum::http::{HeaderMap, StatusCode};

use super::error::ApiError;

/// A version as `ETag` prints it.
pub fn etag(version: i32) -> String {
    format!("\"{version}\"")
}

/// `If-Match` must name the version that stands. `what` is what changes, for people.
pub fn if_match(headers: &HeaderMap, version: i32, what: &str) -> Result<(), ApiError> {
    match headers.contains_key("if-match") {
        false => Err(needed(&format!("Read the {what}, and send its ETag as If-Match."))),
        true if names(headers, version) => Ok(()),
        true => Err(changed_meanwhile(what)),
    }
}

/// What a PUT may write: over the version that `If-Match` names, or, with `If-None-Match: *`, where nothing stands.
/// Answers the version that is replaced.
pub fn if_match_or_none(headers: &HeaderMap, current: Option<i32>, what: &str) -> Result<Option<i32>, ApiError> {
    let is_new = headers.get("if-none-match").is_some_and(|given| given.as_bytes().trim_ascii() == b"*");
    match current {
        None if is_new => Ok(None),
        Some(version) if !is_new && names(headers, version) => Ok(Some(version)),
        _ if is_new || headers.contains_key("if-match") => Err(changed_meanwhile(what)),
        _ => Err(needed(&format!(
            "Read the {what}, and send its ETag as If-Match; where there is none yet, send If-None-Match: *."
        ))),
    }
}

/// Whether `If-Match` names `version`.
fn names(headers: &HeaderMap, version: i32) -> bool {
    let current = etag(version);
    let is_it = |tag: &str| tag == "*" || tag == current;
    let given = headers.get_all("if-match").iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).map(str::trim).any(is_it)
}

fn needed(action: &str) -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_REQUIRED,
        "if_match_needed",
        "The request must say which version it changes.",
        action,
        "Without it, somebody else's change could be undone unseen.",
    )
}

/// 412: somebody was faster.
pub fn changed_meanwhile(what: &str) -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        "changed_meanwhile",
        &format!("The {what} has another version by now."),
        "Read it again, and decide on what stands now.",
        "If-Match does not name the current version.",
    )
}
