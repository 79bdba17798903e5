//! `POST /v1/providers/{id}/test`: whether a connection works, explained.

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::find;
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::connections::{self, NotTested, Tested};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::Http;
use crate::http::limits::too_many;
use crate::http::reply::{self, Reply, Success};

/// What a test showed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTest {
    pub connection_id: String,
    /// The provider answered and took the credentials.
    pub works: bool,
    /// `good`, or what is in the way: unreachable, wrong_address, wrong_account, wrong_secret, caller_not_registered,
    /// too_often, provider_trouble or unclear.
    #[schema(example = "caller_not_registered")]
    pub result: &'static str,
    /// Somebody answered at the address.
    pub reachable: bool,
    /// Null where it was not learned.
    pub authenticated: Option<bool>,
    /// The call that was made, such as `balance`.
    #[schema(example = "balance")]
    pub asked: &'static str,
    /// What it means.
    pub explanation: String,
    /// What to do now.
    pub action: String,
    /// The provider's own words, or what the network said; null where all is well.
    #[schema(example = "code \"207\"")]
    pub said: Option<String>,
}

impl ConnectionTest {
    fn of(connection_id: String, tested: Tested) -> Self {
        let result = tested.result();
        let Tested { asked, unproved, trouble } = tested;
        match trouble {
            None => ConnectionTest {
                connection_id,
                works: true,
                result,
                reachable: true,
                authenticated: Some(true),
                asked,
                explanation: "The provider answered and took the credentials.".into(),
                action: unproved
                    .map(|[english, _]| english)
                    .map_or("Nothing is left to do.".into(), |open| format!("Know what is not proved: {open}")),
                said: None,
            },
            Some(trouble) => ConnectionTest {
                connection_id,
                works: false,
                result,
                reachable: trouble.cause.is_reached(),
                authenticated: trouble.cause.is_authenticated(),
                asked,
                explanation: trouble.cause.meaning().into(),
                action: trouble.cause.advice().into(),
                said: Some(trouble.words),
            },
        }
    }
}

/// Test a connection: one call to its provider that makes and moves nothing.
///
/// It works in every status, so that a connection can be tested before it is set to ACTIVE. A test that finds trouble is
/// a success of this request. A connection can be tested a few times a minute.
#[utoipa::path(
    post, path = "/v1/providers/{id}/test", tag = "Providers", operation_id = "test_provider",
    params(("id" = String, Path, description = "`conn_…`")),
    responses(
        (status = 200, body = Success<ConnectionTest>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`no_test`: the provider has no harmless call"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn test(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
) -> Result<Reply<ConnectionTest>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let stored = find(&http, &caller, &id).await?;
    let id = stored.connection.id;
    let tested = connections::test(&http.app, &caller, stored).await.map_err(not_tested)?;
    Ok(reply::ok(ConnectionTest::of(ids::show(ids::CONNECTION, id), tested)))
}

fn not_tested(why: NotTested) -> ApiError {
    match why {
        NotTested::NoCall => {
            ApiError::conflict("no_test", "This provider has no call that tests a connection.", "Send a small payment.")
        }
        NotTested::TooOften(wait) => too_many(wait),
        NotTested::Store(error) => error.into(),
        NotTested::Fault(error) => error.into(),
    }
}
