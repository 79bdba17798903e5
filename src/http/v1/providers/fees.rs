//! `/v1/providers/{id}/fees` and `POST /v1/providers/fees/preview`: what connections cost, from when, and what a plan
//! makes of an amount.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Fee, WHAT, field_errors, find, refused};
use crate::domain::access::{Need, Product};
use crate::domain::money::{Currency, Money};
use crate::domain::service::Service;
use crate::flows::connections::{self, FeeChange};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::etag::{etag, if_match};
use crate::http::extract::{Checked, Http, Params, Shape, page_limit, word_param};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::fee::{Version, Which};

/// A version of what a connection costs for a service.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeeVersion {
    #[schema(example = "send_money")]
    pub service: String,
    pub version: i32,
    pub plan: Fee,
    pub effective_from: String,
    /// `in_force`, `planned`, or `replaced` by another one.
    #[schema(example = "in_force")]
    pub standing: String,
    pub created_at: String,
    /// The person who made it.
    pub created_by: String,
}

impl FeeVersion {
    fn of(row: Version) -> Self {
        FeeVersion {
            service: row.service,
            version: row.version,
            plan: Fee::of(&row.plan),
            effective_from: time(row.effective_from),
            standing: row.standing,
            created_at: time(row.created_at),
            created_by: row.created_by,
        }
    }
}

/// Which versions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichFees {
    /// send_money
    service: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// List what a connection costs, cost and will cost: by service, the newest version first.
#[utoipa::path(
    get, path = "/v1/providers/{id}/fees", tag = "Providers", operation_id = "list_provider_fees",
    params(("id" = String, Path, description = "`conn_…`"), WhichFees),
    responses(
        (status = 200, body = Success<Page<FeeVersion>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn list_fees(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    Params(page): Params<WhichFees>,
) -> Result<Reply<Page<FeeVersion>>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    let limit = page_limit(page.limit.as_deref())?;
    let service = word_param("service", page.service.as_deref(), &Service::ALL.map(Service::as_str))?;
    let wrong = || ApiError::field("cursor", "is not one that was answered here");
    let read =
        |text: &str| text.split_once('.').and_then(|(s, v)| Some((Service::parse(s)?.as_str(), v.parse().ok()?)));
    let after = page.cursor.as_deref().map(|text| read(text).ok_or_else(wrong)).transpose()?;
    let stored = find(&http, &caller, &id).await?;
    let which = Which { service: service.as_deref(), after };
    let rows = connections::fee_history(&http.app, &stored, &which, limit as i64 + 1).await?;
    let cursor = |row: &Version| format!("{}.{}", row.service, row.version);
    Ok(reply::ok(Page::of(rows, limit, cursor, FeeVersion::of)))
}

/// What a service shall cost.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "service": "send_money", "plan": { "percentageBp": 150, "vatBp": 1100, "vat": true },
    "effectiveFrom": "2030-01-01T00:00:00+07:00"
}))]
pub struct NewFee {
    #[schema(min_length = 1, max_length = 32)]
    pub service: String,
    #[schema(inline)]
    pub plan: Fee,
    /// When it begins, with offset; at once when left out. Not in the past.
    #[schema(min_length = 1, max_length = 40, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
}

impl Shape for NewFee {}

/// Set what a service of a connection costs, at once or from a day in the future.
///
/// It is a new version; none is ever changed. In force is the one that began last, so a plan for the future takes over
/// from whatever stands then; to call it off, plan what shall stand instead for the same moment. The payments made
/// before keep their fee.
#[utoipa::path(
    post, path = "/v1/providers/{id}/fees", tag = "Providers", request_body = NewFee, operation_id = "set_provider_fee",
    params(
        ("id" = String, Path, description = "`conn_…`"),
        ("If-Match" = String, Header, description = "The `ETag` you read the connection with, or `*`"),
    ),
    responses(
        (status = 201, body = Success<FeeVersion>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 412, body = Failure, description = "`changed_meanwhile`: the connection has another version by now"),
        (status = 413, body = Failure), (status = 428, body = Failure, description = "`if_match_needed`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn set_fee(
    State(http): State<Http>,
    auth: Auth,
    Path(id): Path<String>,
    headers: HeaderMap,
    Checked { body, .. }: Checked<NewFee>,
) -> Result<Reply<FeeVersion>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Write)?;
    let old = find(&http, &caller, &id).await?;
    if_match(&headers, old.version, WHAT)?;
    let effective_from = body.effective_from.as_deref().map(|text| moment("effectiveFrom", text)).transpose()?;
    let change = FeeChange { service: &body.service, plan: body.plan.plan(), effective_from };
    let (made, stored) = connections::set_fee(&http.app, &caller, &old, &change).await.map_err(refused)?;
    Ok(reply::created(FeeVersion::of(made)).header("etag", &etag(stored.version)))
}

/// A moment that a body gives.
pub(super) fn moment(field: &str, text: &str) -> Result<DateTime<Utc>, ApiError> {
    let wrong = |_| ApiError::field(field, "must be a time with its offset, such as 2030-01-31T00:00:00+07:00");
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(wrong)
}

/// An amount, and a plan that is not kept.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount": 250000, "plan": { "percentageBp": 150, "vatBp": 1100, "vat": true } }))]
pub struct FeeQuestion {
    /// Above 0; whole rupiah for IDR, up to two decimals for MYR.
    #[schema(value_type = f64, exclusive_minimum = 0)]
    pub amount: serde_json::Number,
    /// IDR or MYR; IDR when left out.
    #[schema(pattern = "^(IDR|MYR)$", nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[schema(inline)]
    pub plan: Fee,
}

impl Shape for FeeQuestion {}

/// What a plan makes of an amount.
#[derive(Serialize, ToSchema)]
pub struct FeeAnswer {
    #[schema(value_type = f64, example = 250000)]
    pub amount: serde_json::Number,
    /// Half up to the currency's unit.
    #[schema(value_type = f64, example = 3750)]
    pub fee: serde_json::Number,
    /// VAT on the fee as rounded, itself half up to the currency's unit.
    #[schema(value_type = f64, example = 413)]
    pub tax: serde_json::Number,
    /// Amount, fee and tax together.
    #[schema(value_type = f64, example = 254163)]
    pub total: serde_json::Number,
    #[schema(example = "IDR")]
    pub currency: &'static str,
}

/// Ask what a plan makes of an amount; nothing is written.
#[utoipa::path(
    post, path = "/v1/providers/fees/preview", tag = "Providers", request_body = FeeQuestion,
    operation_id = "preview_fee",
    responses(
        (status = 200, body = Success<FeeAnswer>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 413, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn preview_fee(auth: Auth, Checked { body, .. }: Checked<FeeQuestion>) -> Result<Reply<FeeAnswer>, ApiError> {
    auth.may(Product::Providers, Need::Read)?;
    let currency = body.currency.as_deref().and_then(Currency::parse).unwrap_or(Currency::Idr);
    let plan = body.plan.plan();
    let amount = match Money::parse_positive(&body.amount.to_string(), currency) {
        Ok(amount) => amount,
        Err(error) => {
            let mut wrong = field_errors(connections::plan_faults(&plan));
            wrong.push(FieldError { field: "amount".into(), message: error.to_string() });
            return Err(ApiError::fields(wrong));
        }
    };
    let quote = connections::quote(&plan, amount).map_err(|wrong| ApiError::fields(field_errors(wrong)))?;
    Ok(reply::ok(FeeAnswer {
        amount: amount.number(),
        fee: quote.fee.number(),
        tax: quote.tax.number(),
        total: quote.total.number(),
        currency: currency.as_str(),
    }))
}
