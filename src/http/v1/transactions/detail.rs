//! `GET /v1/transactions/{id}`: one payment with everything that was tried, seen, booked and told of it.

use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::resolve::Resolution;
use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::domain::money::{Currency, Money};
use crate::flows::reads::{self, Detail};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, id};
use crate::http::reply::{self, Reply, Success, time};
use crate::http::v1::events::Event;
use crate::http::v1::exceptions::Exception;
use crate::http::v1::payment::Payment;
use crate::store::{ledger, payment};

/// A payment in all its detail.
#[derive(Serialize, ToSchema)]
pub struct Transaction {
    #[serde(flatten)]
    pub payment: Payment,
    /// In the order they were made. A failover is silent: it is seen here and never in a webhook.
    pub attempts: Vec<Attempt>,
    /// What was seen of them, oldest first; the newest 200.
    pub observations: Vec<Observation>,
    pub ledger: Vec<LedgerLine>,
    pub events: Vec<Event>,
    /// Contradictions that are still open.
    pub exceptions: Vec<Exception>,
    /// A resolution that waits for a second person.
    pub resolution: Option<Resolution>,
}

/// One try of the payment at one connection.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub number: i16,
    pub connection_id: String,
    pub label: Option<String>,
    pub provider: String,
    /// What the provider knows it by.
    pub reference: String,
    pub provider_ref: Option<String>,
    pub evidence: String,
    #[schema(value_type = f64, example = 2500)]
    pub fee: serde_json::Number,
    #[schema(value_type = f64, example = 275)]
    pub tax: serde_json::Number,
    /// Why this connection: the sequence, who was skipped and the reason, what went before.
    #[schema(value_type = Object)]
    pub why: Box<RawValue>,
    /// How often it was sent; more than once is a re-send under the same reference.
    pub sends: i16,
    /// How often the provider was asked about it.
    pub polls: i32,
    /// The provider's last code and words.
    pub code: Option<String>,
    pub message: Option<String>,
    pub sent_at: Option<String>,
    pub next_try_at: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// One thing seen of an attempt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    pub attempt: i16,
    /// answer, status, callback, operator or engine.
    #[schema(example = "status")]
    pub kind: String,
    #[schema(example = "paid")]
    pub verdict: String,
    pub code: Option<String>,
    pub message: Option<String>,
    /// What came, with secrets and personal data masked.
    pub raw: Option<String>,
    pub seen_at: String,
}

/// A line of the books; it names both accounts, so it is always in balance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    pub attempt: i16,
    /// sent, freed, paid, reversed, suspense or resolved.
    #[schema(example = "paid")]
    pub kind: String,
    /// Transfer, Fee or Tax.
    #[schema(example = "Transfer")]
    pub line: String,
    pub debit: String,
    pub credit: String,
    #[schema(value_type = f64, example = 10000)]
    pub amount: serde_json::Number,
    pub currency: String,
    pub created_at: String,
}

/// Read one payment in all its detail.
///
/// Where it is not final, its provider is asked before the answer, at most once in a few seconds.
#[utoipa::path(
    get, path = "/v1/transactions/{id}", tag = "Payments", params(("id" = String, Path, description = "`sm_…`")),
    operation_id = "read_transaction",
    responses(
        (status = 200, body = Success<Transaction>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read(
    State(http): State<Http>,
    auth: Auth,
    Path(text): Path<String>,
) -> Result<Reply<Transaction>, ApiError> {
    let caller = auth.may(Product::SendMoney, Need::Read)?;
    let id = id(ids::SEND_MONEY, &text, "transaction")?;
    let detail = reads::detail(&http.app, &caller, id).await?.ok_or_else(|| ApiError::not_found("transaction"))?;
    Ok(reply::ok(show(detail)?))
}

fn show(detail: Detail) -> Result<Transaction, ApiError> {
    let currency = detail.view.money().currency;
    let attempts = detail.attempts.into_iter().map(|row| attempt(row, currency));
    Ok(Transaction {
        payment: Payment::of(&detail.view),
        attempts: attempts.collect::<Result<_, _>>()?,
        observations: detail.observations.into_iter().map(observation).collect(),
        ledger: detail.ledger.into_iter().map(|row| line(row, currency)).collect(),
        events: detail.events.into_iter().map(Event::of).collect::<Result<_, _>>()?,
        exceptions: detail.exceptions.into_iter().map(Exception::of).collect(),
        resolution: detail.proposal.map(|row| Resolution::of("proposed", row)),
    })
}

fn attempt(row: payment::AttemptRow, currency: Currency) -> Result<Attempt, ApiError> {
    Ok(Attempt {
        number: row.number,
        connection_id: ids::show(ids::CONNECTION, row.connection_id),
        label: row.label,
        provider: row.provider,
        reference: row.reference,
        provider_ref: row.provider_ref,
        evidence: row.state,
        fee: Money::new(row.fee, currency).number(),
        tax: Money::new(row.tax, currency).number(),
        why: RawValue::from_string(row.why).map_err(anyhow::Error::from)?,
        sends: row.sends,
        polls: row.polls,
        code: row.code,
        message: row.message,
        sent_at: row.sent_at.map(time),
        next_try_at: row.next_try_at.map(time),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
    })
}

fn observation(row: payment::ObservationRow) -> Observation {
    Observation {
        attempt: row.attempt,
        kind: row.kind,
        verdict: row.verdict,
        code: row.code,
        message: row.message,
        raw: row.raw,
        seen_at: time(row.seen_at),
    }
}

fn line(row: ledger::LineRow, currency: Currency) -> LedgerLine {
    LedgerLine {
        attempt: row.attempt,
        kind: row.kind,
        line: row.line,
        debit: row.debit,
        credit: row.credit,
        amount: Money::new(row.amount, currency).number(),
        currency: row.currency,
        created_at: time(row.created_at),
    }
}
