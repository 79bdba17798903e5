//! `GET /v1/transactions`: a page of payments, narrowed by what the caller asks for.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::access::{Need, Product};
use crate::domain::evidence::Evidence;
use crate::domain::ids;
use crate::domain::payment::Status;
use crate::domain::service::Service;
use crate::flows::reads;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id_param, page_limit, time_param, word_param};
use crate::http::reply::{self, Page, Reply, Success};
use crate::http::v1::payment::Payment;
use crate::store::payment::Filter;

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// PROCESSING, SUCCESS, FAILED, REVERSED, …
    status: Option<String>,
    /// Of the attempt under way: prepared, sent, accepted, unknown, paid, …
    evidence: Option<String>,
    /// send_money
    service: Option<String>,
    /// A bank's code, such as BCA.
    destination: Option<String>,
    external_id: Option<String>,
    /// Made at this time or later (RFC 3339).
    created_from: Option<String>,
    /// Made before this time (RFC 3339).
    created_before: Option<String>,
    /// In doubt since before this time (RFC 3339): what has been unknown for long.
    unknown_before: Option<String>,
    /// At least this many units of its currency: whole rupiah, or sen.
    #[param(value_type = Option<i64>)]
    amount_from: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// List payments, newest first.
///
/// A page looks through ten thousand payments at most. Where what you ask for is rare a page can hold fewer than `limit`,
/// or none: go on with `nextCursor` until there is none.
#[utoipa::path(
    get, path = "/v1/transactions", tag = "Payments", params(Which), operation_id = "list_transactions",
    responses(
        (status = 200, body = Success<Page<Payment>>),
        (status = 400, body = Failure, description = "Every wrong and unknown parameter is named"),
        (status = 401, body = Failure), (status = 403, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn list(
    State(http): State<Http>,
    auth: Auth,
    Params(which): Params<Which>,
) -> Result<Reply<Page<Payment>>, ApiError> {
    let caller = auth.may(Product::SendMoney, Need::Read)?;
    let limit = page_limit(which.limit.as_deref())?;
    let before = id_param(ids::SEND_MONEY, "cursor", which.cursor.as_deref())?;
    let filter = filter(which)?;
    let found = reads::payments(&http.app, &caller, &filter, before, limit as i64 + 1).await?;
    let cursor = |view: &reads::PaymentView| ids::show(ids::SEND_MONEY, view.row.id);
    let mut page = Page::of(found.views, limit, cursor, |view| Payment::of(&view));
    page.next_cursor = page.next_cursor.or(found.further.map(|id| ids::show(ids::SEND_MONEY, id)));
    Ok(reply::ok(page))
}

fn filter(which: Which) -> Result<Filter, ApiError> {
    let amount = |text: &str| {
        text.parse().map_err(|_| ApiError::field("amountFrom", "must be a whole number of the currency's unit"))
    };
    Ok(Filter {
        status: word_param("status", which.status.as_deref(), &Status::ALL.map(Status::as_str))?,
        evidence: word_param("evidence", which.evidence.as_deref(), &Evidence::ALL.map(Evidence::as_str))?,
        service: word_param("service", which.service.as_deref(), &[Service::SendMoney.as_str()])?,
        destination: which.destination,
        external_id: which.external_id,
        created_from: time_param("createdFrom", which.created_from.as_deref())?,
        created_before: time_param("createdBefore", which.created_before.as_deref())?,
        unknown_before: time_param("unknownBefore", which.unknown_before.as_deref())?,
        amount_from: which.amount_from.as_deref().map(amount).transpose()?,
    })
}
