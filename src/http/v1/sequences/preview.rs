//! `POST /v1/sequences/preview`: what would be tried for a payment, without moving money.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{UNKNOWN_DESTINATION, unknown_service};
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::domain::money::{Currency, Money};
use crate::domain::sequence::Plan;
use crate::domain::service::Service;
use crate::flows::sequences::{self, Which};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};

/// A payment that is not made.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "service": "send_money", "destination": "BCA", "amount": 250000, "currency": "IDR" }))]
pub struct Preview {
    #[schema(min_length = 1, max_length = 32)]
    pub service: String,
    /// A bank's code such as BCA, or its number such as 014.
    #[schema(min_length = 1, max_length = 32)]
    pub destination: String,
    /// Above 0; whole rupiah for IDR, up to two decimals for MYR.
    #[schema(value_type = f64, exclusive_minimum = 0)]
    pub amount: serde_json::Number,
    /// IDR or MYR; IDR when left out.
    #[schema(pattern = "^(IDR|MYR)$", nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Shape for Preview {}

/// What would be tried, in order, and what would not.
#[derive(Serialize, ToSchema)]
pub struct Route {
    pub sequence: RouteSequence,
    /// The first is tried first; the next one only where it is proved that the one before did not take the money.
    pub tried: Vec<Tried>,
    /// Every other connection of this service.
    pub skipped: Vec<Skipped>,
}

/// The sequence that applies.
#[derive(Serialize, ToSchema)]
pub struct RouteSequence {
    /// Null for the default of the service.
    pub destination: Option<String>,
    pub version: i32,
}

/// A connection that would be tried.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    #[schema(example = 1)]
    pub position: usize,
    pub connection_id: String,
    pub label: String,
    pub provider: String,
    #[schema(value_type = f64, example = 2500)]
    pub fee: serde_json::Number,
    #[schema(value_type = f64, example = 275)]
    pub tax: serde_json::Number,
}

/// A connection that would not be tried, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    pub connection_id: String,
    pub label: String,
    #[schema(example = "it is in maintenance")]
    pub reason: &'static str,
}

/// Ask which connections a payment would be tried at, in which order, and why not at the others.
///
/// It is planned as a payment is, by what stands at this moment. Nothing is written and no provider is asked.
#[utoipa::path(
    post, path = "/v1/sequences/preview", tag = "Sequences", request_body = Preview, operation_id = "preview_sequence",
    responses(
        (status = 200, body = Success<Route>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 413, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn preview(
    State(http): State<Http>,
    auth: Auth,
    Checked { body, .. }: Checked<Preview>,
) -> Result<Reply<Route>, ApiError> {
    let caller = auth.may(Product::Providers, Need::Read)?;
    let (which, money) = read(&body)?;
    let plan = sequences::preview(&http.app, &caller, which, money).await?;
    Ok(reply::ok(show(plan, money.currency)))
}

/// The payment that is asked about, or everything that is wrong with it.
fn read(body: &Preview) -> Result<(Which, Money), ApiError> {
    let currency = body.currency.as_deref().and_then(Currency::parse).unwrap_or(Currency::Idr);
    let service = Service::parse(&body.service).ok_or_else(unknown_service);
    let code = match &service {
        Ok(service) => service.destination(&body.destination).ok_or(UNKNOWN_DESTINATION.to_owned()),
        // Whose destinations they are is not known.
        Err(_) => Ok(""),
    };
    let money = Money::parse_positive(&body.amount.to_string(), currency).map_err(|error| error.to_string());
    match (service, code, money) {
        (Ok(service), Ok(destination), Ok(money)) => Ok((Which { service, destination }, money)),
        (service, code, money) => {
            let all = [("service", service.err()), ("destination", code.err()), ("amount", money.err())];
            let wrong = all.into_iter().filter_map(|(field, wrong)| Some((field, wrong?)));
            Err(ApiError::fields(wrong.map(|(field, message)| FieldError { field: field.into(), message }).collect()))
        }
    }
}

fn show(plan: Plan, currency: Currency) -> Route {
    let number = |units| Money::new(units, currency).number();
    let tried = plan.candidates.into_iter().enumerate().map(|(at, candidate)| Tried {
        position: at + 1,
        connection_id: ids::show(ids::CONNECTION, candidate.connection.id),
        label: candidate.connection.label,
        provider: candidate.connection.provider,
        fee: number(candidate.fee.fee),
        tax: number(candidate.fee.tax),
    });
    let skipped = plan.skipped.into_iter().map(|skipped| Skipped {
        connection_id: ids::show(ids::CONNECTION, skipped.connection_id),
        label: skipped.label,
        reason: skipped.reason,
    });
    Route {
        sequence: RouteSequence {
            destination: Some(plan.sequence_destination).filter(|destination| !destination.is_empty()),
            version: plan.sequence_version,
        },
        tried: tried.collect(),
        skipped: skipped.collect(),
    }
}
