//! `POST /v1/onboarding/{reference_id}/connect`: the account that the provider gave out, tested and kept as a connection.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Onboarding, id, refused};
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::onboarding::{self, Connected, NewAccount, NotConnected};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::limits::too_many;
use crate::http::reply::{self, Reply, Success};
use crate::http::v1::providers;
use crate::providers::Trouble;

/// An account at the provider.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "label": "Main account", "services": ["send_money"],
    "credentials": { "username": "your-username", "api_key": "your-api-key" }
}))]
pub struct AccountToConnect {
    /// What you call it; no two connections of a mode have the same.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// Some of the services the provider offers; all of them when left out.
    #[schema(min_items = 1, max_items = 20, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<String>>,
    /// As the provider's form names them (`GET /v1/providers/catalogue`). Never shown again.
    #[schema(value_type = Object)]
    pub credentials: Value,
    /// As the provider's form names them.
    #[schema(value_type = Object, nullable = false, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
}

impl Shape for AccountToConnect {}

/// What the test of an account showed.
#[derive(Serialize, ToSchema)]
pub struct AccountTest {
    pub onboarding: Onboarding,
    /// The connection, INACTIVE until you switch it on with `POST /v1/providers/{id}/status`.
    #[schema(example = "conn_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub connection_id: String,
    pub works: bool,
    /// `good`, or what is in the way, in the words of `POST /v1/providers/{id}/test`.
    #[schema(example = "good")]
    pub result: &'static str,
    /// The call that was made: `connect` at the provider's registered address, or the connection's own test.
    #[schema(example = "connect")]
    pub asked: &'static str,
    /// What it means.
    pub explanation: String,
    /// What to do now.
    pub action: String,
    /// The provider's own words, or what the network said; null where all is well.
    pub said: Option<String>,
}

impl AccountTest {
    fn of(http: &Http, connected: Connected) -> Self {
        let Connected { standing, connection_id, asked, trouble } = connected;
        let onboarding = Onboarding::of(&http.app, standing);
        let connection_id = ids::show(ids::CONNECTION, connection_id);
        let (works, result) = (trouble.is_none(), trouble.as_ref().map_or("good", |trouble| trouble.cause.as_str()));
        let good = || "The provider took the account. The onboarding is at its end.".to_owned();
        let explanation = trouble.as_ref().map_or_else(good, |trouble| trouble.cause.meaning().to_owned());
        let switch = || "Switch the connection on: POST /v1/providers/{id}/status with ACTIVE.".to_owned();
        let action = trouble.as_ref().map_or_else(switch, |trouble| trouble.cause.advice().to_owned());
        let said = trouble.map(|Trouble { words, .. }| words);
        AccountTest { onboarding, connection_id, works, result, asked, explanation, action, said }
    }
}

/// Connect the account that the provider gave you.
///
/// The connection is made INACTIVE and tested: a token of five minutes made of the credentials goes to the provider's
/// registered test address, with the service, the environment and the address for its callbacks. A test that finds
/// trouble is a success of this request; the same call again tests again, and one with other credentials puts another
/// connection in the place of the first. It works whatever statuses the provider told.
#[utoipa::path(
    post, path = "/v1/onboarding/{reference_id}/connect", tag = "Onboarding", operation_id = "connect_onboarding",
    request_body = AccountToConnect, params(("reference_id" = String, Path, description = "`paystrator-kyb-…`")),
    responses(
        (status = 200, body = Success<AccountTest>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`onboarding_stands`: it was rejected or withdrawn; `label_used`; \
            `connection_in_use`; `no_adapter`; `too_many_connections`"),
        (status = 413, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn connect_onboarding(
    State(http): State<Http>,
    auth: Auth,
    Path(reference_id): Path<String>,
    Checked { body, .. }: Checked<AccountToConnect>,
) -> Result<Reply<AccountTest>, ApiError> {
    let both = auth.0.may(Product::Kyb, Need::Write);
    let caller = auth.may(if both { Product::Providers } else { Product::Kyb }, Need::Write)?;
    let settings = body.settings.unwrap_or_else(|| json!({}));
    let account = NewAccount {
        label: &body.label,
        services: body.services.as_deref(),
        credentials: &body.credentials,
        settings: &settings,
    };
    let connected = onboarding::connect(&http.app, &caller, id(&reference_id)?, &account).await;
    Ok(reply::ok(AccountTest::of(&http, connected.map_err(not_connected)?)))
}

fn not_connected(why: NotConnected) -> ApiError {
    match why {
        NotConnected::Onboarding(why) => refused(why),
        NotConnected::Connection(why) => providers::refused(why),
        NotConnected::NoAdapter => ApiError::conflict(
            "no_adapter",
            "This installation cannot speak to this provider yet.",
            "The onboarding goes on without it. Ask whoever runs this installation for an adapter.",
        ),
        NotConnected::InUse(id) => ApiError::conflict(
            "connection_in_use",
            &format!("The connection {} of this onboarding is in use.", ids::show(ids::CONNECTION, id)),
            "Change it with PATCH /v1/providers/{id}, or set it to INACTIVE first.",
        ),
        NotConnected::TooOften(wait) => too_many(wait),
        NotConnected::Store(error) => error.into(),
        NotConnected::Fault(error) => error.into(),
    }
}
