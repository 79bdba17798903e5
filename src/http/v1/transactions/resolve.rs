//! `POST /v1/transactions/{id}/resolve`: two people end a doubt, with a document.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::access::Caller;
use crate::flows::resolve::{self, Outcome, Refused, Resolved, Word};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::extract::{Checked, Http, Shape, id};
use crate::http::reply::{self, Reply, Success, time};
use crate::store::exception;

/// What people say of a payment.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "outcome": "paid", "reason": "The bank confirmed the credit.", "document": "https://files.example.com/letter-17.pdf"
}))]
pub struct Resolve {
    /// For an attempt that is unknown or accepted: `paid` or `failed`. For open exceptions: `paid_out` (the money is
    /// out for good), `returned` (it did not leave, or is back) or `noted` (no money moved). `withdraw` takes a
    /// proposal back.
    #[schema(pattern = "^(paid|failed|paid_out|returned|noted|withdraw)$")]
    pub outcome: String,
    /// Why. Needed by who proposes.
    #[schema(max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the proof is kept: a link or a reference number. Needed by who proposes.
    #[schema(max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

impl Shape for Resolve {}

/// A resolution, and how far it came.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    #[schema(example = "res_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    pub transaction_id: String,
    /// proposed, executed or withdrawn.
    #[schema(example = "proposed")]
    pub state: &'static str,
    pub outcome: String,
    pub reason: String,
    pub document: String,
    pub proposed_by: String,
    pub proposed_at: String,
    pub approved_by: Option<String>,
    pub approved_at: Option<String>,
    /// What happens next.
    pub action: &'static str,
}

impl Resolution {
    /// Prints a resolution to its owner.
    pub fn of(state: &'static str, row: exception::Resolution) -> Self {
        Resolution {
            id: ids::show(ids::RESOLUTION, row.id),
            transaction_id: ids::show(ids::SEND_MONEY, row.payment_id),
            state,
            outcome: row.outcome,
            reason: row.reason,
            document: row.document,
            proposed_by: row.proposed_by,
            proposed_at: time(row.proposed_at),
            approved_by: row.approved_by,
            approved_at: row.approved_at.map(time),
            action: match state {
                "proposed" => "Another person approves it by sending the same outcome with a key of their own.",
                "executed" => "Nothing is left to do.",
                _ => "Propose again when you know more.",
            },
        }
    }
}

/// End a doubt about a payment: one person proposes, another approves.
///
/// The first call records a proposal (202). A second call with the same outcome, by a key that belongs to another person, carries it
/// out at once and exactly once (200). Resolved as failed ends the payment; it never goes to another provider.
#[utoipa::path(
    post, path = "/v1/transactions/{id}/resolve", tag = "Operations", operation_id = "resolve_transaction", request_body = Resolve,
    params(("id" = String, Path, description = "`sm_…`")),
    responses(
        (status = 200, body = Success<Resolution>, description = "Carried out, or withdrawn"),
        (status = 202, body = Success<Resolution>, description = "Proposed; a second person must approve"),
        (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure, description = "`right_missing`; `person_has_no_say`: the key's person left the team, or has no such role"),
        (status = 404, body = Failure),
        (status = 409, body = Failure, description = "`second_person_needed`; `proposal_differs`; `not_resolvable`; `no_proposal`"),
        (status = 413, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn resolve(
    State(http): State<Http>,
    auth: Auth,
    Path(text): Path<String>,
    Checked { body, .. }: Checked<Resolve>,
) -> Result<Reply<Resolution>, ApiError> {
    let caller = auth.may(Product::Operations, Need::Write)?;
    let id = id(ids::SEND_MONEY, &text, "transaction")?;
    // The schema knows the words; the only one that is no outcome is this.
    let Some(outcome) = Outcome::parse(&body.outcome) else { return withdraw(&http, &caller, id).await };
    let (reason, document) = (body.reason.unwrap_or_default(), body.document.unwrap_or_default());
    match resolve::say(&http.app, &caller, id, &Word { outcome, reason, document }).await.map_err(refused)? {
        Resolved::Proposed(row) => Ok(reply::noted(Resolution::of("proposed", row))),
        Resolved::Executed(row) => Ok(reply::ok(Resolution::of("executed", row))),
    }
}

async fn withdraw(http: &Http, caller: &Caller, id: uuid::Uuid) -> Result<Reply<Resolution>, ApiError> {
    match resolve::withdraw(&http.app, caller, id).await.map_err(refused)? {
        Some(row) => Ok(reply::ok(Resolution::of("withdrawn", row))),
        None => Err(no_proposal()),
    }
}

fn no_proposal() -> ApiError {
    ApiError::conflict(
        "no_proposal",
        "Nothing is proposed for this payment.",
        "Read the payment: it may have been resolved already.",
    )
}

fn refused(refused: Refused) -> ApiError {
    let named = |row: &exception::Resolution| {
        format!("{:?} by {} ({})", row.outcome, row.proposed_by, ids::show(ids::RESOLUTION, row.id))
    };
    match refused {
        Refused::NotFound => ApiError::not_found("transaction"),
        Refused::Gone => no_proposal(),
        Refused::NotHeard => ApiError::forbidden(
            "person_has_no_say",
            "The person this key belongs to may not resolve payments of this client.",
            "Call with a key of somebody who may: an owner, a super admin, an admin or a finance person of the team.",
        ),
        Refused::Unfounded(fields) => {
            let needed =
                |field: &str| FieldError { field: field.into(), message: "is required of who proposes".into() };
            ApiError::fields(fields.into_iter().map(needed).collect())
        }
        Refused::SecondPerson(row) => ApiError::conflict(
            "second_person_needed",
            &format!("The proposal stands: {}.", named(&row)),
            "Another person approves it with a key of their own, or withdraws it.",
        ),
        Refused::Differs(row) => ApiError::conflict(
            "proposal_differs",
            &format!("Another outcome is proposed: {}.", named(&row)),
            "Approve that one, or take it back with the outcome \"withdraw\" and propose anew.",
        ),
        Refused::Unfit(why) => ApiError::conflict(
            "not_resolvable",
            &format!("It cannot be resolved so: {why}."),
            "Read the payment again and choose by how it stands now.",
        ),
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
    }
}
