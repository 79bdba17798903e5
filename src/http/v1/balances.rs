//! `GET /v1/balances`: the providers' own answers beside our books.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::domain::money::{Currency, Money};
use crate::flows::balances::{self, View};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::Http;
use crate::http::reply::{self, Page, Reply, Success};

/// What a client has at one connection.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionBalance {
    pub connection_id: String,
    pub label: String,
    pub provider: String,
    /// ACTIVE, MAINTENANCE or INACTIVE.
    pub status: String,
    /// What the provider says now; null where it did not answer.
    pub live: Option<Live>,
    /// Why the provider did not answer.
    pub error: Option<String>,
    /// What our books say, from the day the connection was made.
    pub books: Vec<BookBalance>,
}

/// The provider's own answer.
#[derive(Serialize, ToSchema)]
pub struct Live {
    #[schema(value_type = f64, example = 1000000)]
    pub balance: serde_json::Number,
    /// What can be spent now, where the provider says so.
    #[schema(value_type = Option<f64>)]
    pub available: Option<serde_json::Number>,
    #[schema(example = "IDR")]
    pub currency: String,
}

/// The sum of one account of the books: debits less credits.
#[derive(Serialize, ToSchema)]
pub struct BookBalance {
    /// provider (falls when money leaves), in_transit, paid_out, fee, tax or suspense.
    #[schema(example = "provider")]
    pub account: String,
    #[schema(value_type = f64, example = -10000)]
    pub balance: serde_json::Number,
    #[schema(example = "IDR")]
    pub currency: String,
}

/// Read the balances at every connection.
///
/// All providers are asked at once. One that does not answer says so in `error` and hides nothing of the others.
#[utoipa::path(
    get, path = "/v1/balances", tag = "Payments", operation_id = "list_balances",
    responses(
        (status = 200, body = Success<Page<ConnectionBalance>>), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(State(http): State<Http>, auth: Auth) -> Result<Reply<Page<ConnectionBalance>>, ApiError> {
    let caller = auth.may(Product::SendMoney, Need::Read)?;
    let items = balances::all(&http.app, &caller).await?.into_iter().map(show).collect();
    Ok(reply::ok(Page { items, next_cursor: None }))
}

fn show(view: View) -> ConnectionBalance {
    let (live, error) = match view.live {
        Ok(answer) => {
            let currency = answer.balance.currency.as_str().to_owned();
            let available = answer.available.map(Money::number);
            (Some(Live { balance: answer.balance.number(), available, currency }), None)
        }
        Err(reason) => (None, Some(reason)),
    };
    let books = view.books.into_iter().map(|row| {
        // The column is written from this enum alone.
        let money = Money::new(row.balance, Currency::parse(&row.currency).unwrap_or(Currency::Idr));
        BookBalance { account: row.account, balance: money.number(), currency: row.currency }
    });
    ConnectionBalance {
        connection_id: ids::show(ids::CONNECTION, view.connection.id),
        label: view.connection.label,
        provider: view.connection.provider,
        status: view.connection.status.as_str().to_owned(),
        live,
        error,
        books: books.collect(),
    }
}
