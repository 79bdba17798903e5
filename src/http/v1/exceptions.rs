//! `GET /v1/exceptions`: contradictions that people must close.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::reads;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id_param, page_limit, word_param};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::exception;

/// Which exceptions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// OPEN or CLOSED; both when left out.
    status: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// A contradiction between what we knew and what a provider said.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    #[schema(example = "ex_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    pub transaction_id: String,
    pub external_id: String,
    /// Number of the attempt it is about.
    pub attempt: i16,
    /// paid_after_freed, accepted_after_freed, failed_after_paid, echo_differs or vanished.
    #[schema(example = "paid_after_freed")]
    pub kind: String,
    pub detail: String,
    /// OPEN until two people close it with POST /v1/transactions/{id}/resolve.
    #[schema(example = "OPEN")]
    pub status: String,
    pub opened_at: String,
    pub closed_at: Option<String>,
}

impl Exception {
    /// Prints an exception to its owner.
    pub fn of(row: exception::Exception) -> Self {
        Exception {
            id: ids::show(ids::EXCEPTION, row.id),
            transaction_id: ids::show(ids::SEND_MONEY, row.payment_id),
            external_id: row.external_id,
            attempt: row.attempt,
            kind: row.kind,
            detail: row.detail,
            status: row.status,
            opened_at: time(row.opened_at),
            closed_at: row.closed_at.map(time),
        }
    }
}

/// List exceptions, newest first.
#[utoipa::path(
    get, path = "/v1/exceptions", tag = "Operations", operation_id = "list_exceptions", params(Which),
    responses(
        (status = 200, body = Success<Page<Exception>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(
    State(http): State<Http>,
    auth: Auth,
    Params(which): Params<Which>,
) -> Result<Reply<Page<Exception>>, ApiError> {
    let caller = auth.may(Product::Operations, Need::Read)?;
    let limit = page_limit(which.limit.as_deref())?;
    let status = word_param("status", which.status.as_deref(), &["OPEN", "CLOSED"])?;
    let before = id_param(ids::EXCEPTION, "cursor", which.cursor.as_deref())?;
    let rows = reads::exceptions(&http.app, &caller, status.as_deref(), before, limit as i64 + 1).await?;
    Ok(reply::ok(Page::of(rows, limit, |row| ids::show(ids::EXCEPTION, row.id), Exception::of)))
}
