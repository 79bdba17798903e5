//! `GET /v1/get-status?transaction_id=…` (contracts/paystrator.md 2.6).

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::payment::Payment;
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::send_money;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id};
use crate::http::reply::{self, Reply, Success};

/// Which payment.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The payment's id; its prefix says the service.
    #[param(example = "sm_0190163d8694739ba9d1e1f2b5c4a3d2")]
    transaction_id: String,
}

/// Read one payment by its id.
///
/// Where it is not final, its provider is asked before the answer, at most once in a few seconds. Meant for a lost
/// webhook or a manual check; polling is not needed.
#[utoipa::path(
    get, path = "/v1/get-status", tag = "Payments", operation_id = "get_status", params(Which),
    responses(
        (status = 200, body = Success<Payment>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn read(
    State(http): State<Http>,
    auth: Auth,
    Params(which): Params<Which>,
) -> Result<Reply<Payment>, ApiError> {
    let caller = auth.may(Product::SendMoney, Need::Read)?;
    let id = id(ids::SEND_MONEY, &which.transaction_id, "transaction")?;
    let view = send_money::status(&http.app, &caller, id).await?.ok_or_else(|| ApiError::not_found("transaction"))?;
    Ok(reply::ok(Payment::of(&view)))
}
