//! Who is calling: the extractor that every protected handler names first.
//!
//! Three spellings of the credential are accepted (contracts/paystrator.md section 4, no. 23).

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use super::error::ApiError;
use super::extract::{Http, address};
use crate::domain::access::{Need, Product};
use crate::domain::service::Mode;
use crate::flows::access::{self, Caller, Denied};
use crate::flows::onboarding::{self, ProviderKey};

/// A proved caller whose request is within the limits.
pub struct Auth(pub Caller);

impl Auth {
    /// The caller, if its key has the right.
    pub fn may(self, product: Product, need: Need) -> Result<Caller, ApiError> {
        if self.0.may(product, need) {
            return Ok(self.0);
        }
        let need = match need {
            Need::Read => "read",
            Need::Write => "write",
        };
        Err(ApiError::forbidden(
            "right_missing",
            &format!("This key has no {need} right for {}.", product.as_str()),
            "Use a key that has the right, or make one under API keys.",
        ))
    }
}

impl FromRequestParts<Http> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, ApiError> {
        let from = address(&http.app, parts);
        let bearer = bearer(&parts.headers).ok_or_else(ApiError::permission_denied)?;
        let caller = access::authenticate(&http.app, bearer, from).await.map_err(|denied| refused(denied, from))?;
        http.limits.request(caller.client_id)?;
        Ok(Auth(caller))
    }
}

/// A provider that tells how onboardings stand, proved.
pub struct ProviderAuth(pub ProviderKey);

impl FromRequestParts<Http> for ProviderAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, ApiError> {
        let bearer = bearer(&parts.headers).ok_or_else(unknown_provider)?;
        let key = onboarding::provider(&http.app, bearer).await?.ok_or_else(unknown_provider)?;
        if key.mode == Mode::Live && http.app.config.schedule.speed != 1.0 {
            return Err(refused(Denied::Live, address(&http.app, parts)));
        }
        http.limits.request(key.id)?;
        Ok(ProviderAuth(key))
    }
}

fn unknown_provider() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "permission_denied",
        "The provider key is missing, wrong or revoked.",
        "Send the key that you were given as `Authorization: Bearer pk_…`. Clients' own keys tell no statuses.",
        "The provider could not be recognised.",
    )
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("authorization").or_else(|| headers.get("publicaccesstoken"))?.to_str().ok()?;
    let value = value.trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        None => value,
        Some(_) => return None,
    };
    (!token.is_empty()).then_some(token)
}

fn refused(denied: Denied, from: IpAddr) -> ApiError {
    match denied {
        Denied::Unknown => ApiError::permission_denied(),
        Denied::Address(_) => ApiError::forbidden(
            "address_not_allowed",
            &format!("Calls from {from} are not allowed."),
            "Add the address to the IP allow-list, or call from one that is on it.",
        ),
        Denied::Live => ApiError::forbidden(
            "live_refused",
            "This installation runs on a shortened schedule and takes no live keys.",
            "Set schedule.speed to 1, or use a test key.",
        ),
        Denied::Store(error) => error.into(),
    }
}
