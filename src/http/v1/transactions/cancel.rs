//! `POST /v1/transactions/{id}/cancel`: stop a payment that was not sent yet.

use axum::extract::{Path, State};

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::send_money::{self, Cancelled};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Existing, Failure};
use crate::http::extract::{Http, id};
use crate::http::reply::{self, Reply, Success};
use crate::http::v1::payment::Payment;

/// Cancel a payment that was not sent yet.
///
/// 200 is a promise that no money left or will leave; repeating it answers the same. Once the payment was sent it can
/// no longer be stopped.
#[utoipa::path(
    post, path = "/v1/transactions/{id}/cancel", tag = "Operations", operation_id = "cancel_transaction",
    params(("id" = String, Path, description = "`sm_…`")),
    responses(
        (status = 200, body = Success<Payment>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`too_late`: it was sent, or has ended; `error.existing` says how it stands"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn cancel(
    State(http): State<Http>,
    auth: Auth,
    Path(text): Path<String>,
) -> Result<Reply<Payment>, ApiError> {
    let caller = auth.may(Product::Operations, Need::Write)?;
    let id = id(ids::SEND_MONEY, &text, "transaction")?;
    match send_money::cancel(&http.app, &caller, id).await? {
        Cancelled::Done(view) => Ok(reply::ok(Payment::of(&view))),
        Cancelled::NotFound => Err(ApiError::not_found("transaction")),
        Cancelled::TooLate(view) => {
            let mut error = ApiError::conflict(
                "too_late",
                &format!("The payment is {} with evidence {}.", view.row.status, view.row.evidence),
                "Wait for its end; if it was paid, ask the receiver for the money.",
            );
            let status = view.row.status.clone();
            error.body.existing = Some(Existing { id: ids::show(ids::SEND_MONEY, id), status });
            Err(error)
        }
    }
}
