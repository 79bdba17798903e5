//! `POST /v1/onboarding`: On Board, at one provider or many.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Onboarding, refused};
use crate::domain::access::{Need, Product};
use crate::flows::onboarding::{self, Wish};
use crate::flows::once::First;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape, once};
use crate::http::reply::{self, Reply, Success};

/// Where to on-board. The mode, test or live, is that of the key.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "providers": [{ "provider": "provider-code" }, { "provider": "another", "details": {} }] }))]
pub struct NewOnboardings {
    #[schema(inline, min_items = 1, max_items = 20)]
    pub providers: Vec<NewOnboarding>,
}

/// One of them.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOnboarding {
    /// The provider's code.
    #[schema(min_length = 1, max_length = 32)]
    pub provider: String,
    /// Answers to the provider's own questions, by the names of its form; many have none.
    #[schema(value_type = Object, nullable = false, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Map<String, Value>>,
}

impl Shape for NewOnboardings {}

/// What was begun, in the order it was asked for.
#[derive(Serialize, ToSchema)]
pub struct Begun {
    pub onboardings: Vec<Onboarding>,
}

/// On-board at providers.
///
/// The newest version of the KYB file goes to each of them, with links to its documents that end with the onboarding. It
/// begins at all of them or at none. Each is tried for days; a provider that is slow or away delays no other.
#[utoipa::path(
    post, path = "/v1/onboarding", tag = "Onboarding", request_body = NewOnboardings, operation_id = "begin_onboarding",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat answers what the first call began")),
    responses(
        (status = 201, body = Success<Begun>),
        (status = 200, body = Success<Begun>, description = "A repeat under the same Idempotency-Key"),
        (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 409, body = Failure, description = "`onboarding_running`: one at a time for each provider"),
        (status = 413, body = Failure),
        (status = 422, body = Failure, description = "`kyb_incomplete`: what is missing for whom; `onboarding_not_possible`: \
            a provider that takes none, named with those who do, or a question not answered; `idempotency_key_reused`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn begin_onboarding(
    State(http): State<Http>,
    auth: Auth,
    headers: HeaderMap,
    Checked { body, hash }: Checked<NewOnboardings>,
) -> Result<Reply<Begun>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Write)?;
    let once = once(&headers, hash)?;
    let wish = |new: NewOnboarding| Wish { provider: new.provider, details: new.details.unwrap_or_default() };
    let wishes: Vec<Wish> = body.providers.into_iter().map(wish).collect();
    let app = &http.app;
    let show = |all: Vec<onboarding::Standing>| Begun {
        onboardings: all.into_iter().map(|standing| Onboarding::of(app, standing)).collect(),
    };
    match onboarding::begin(app, &caller, &wishes, once).await.map_err(refused)? {
        First::Made(begun) => Ok(reply::created(show(begun))),
        First::Replayed(batch) => {
            let begun = onboarding::begun(app, &caller, batch).await?;
            Ok(reply::ok(show(begun)).header("idempotent-replayed", "true"))
        }
    }
}
