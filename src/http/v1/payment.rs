//! A payment as the API prints it (contracts/paystrator.md 2.4, 2.6), shared by every answer that shows one.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids;
use crate::domain::payment::Status;
use crate::flows::reads::PaymentView;
use crate::http::reply::time;

/// A payment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// What happens next, in words.
    pub message: &'static str,
    #[schema(example = "sm_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    #[serde(rename = "type")]
    #[schema(example = "SEND_MONEY")]
    pub kind: &'static str,
    /// PROCESSING, SUCCESS, FAILED or REVERSED. FAILED is a promise: no money left or will leave.
    #[schema(example = "PROCESSING")]
    pub status: String,
    pub external_id: String,
    #[schema(value_type = f64, example = 10000)]
    pub amount: serde_json::Number,
    #[schema(example = "IDR")]
    pub currency: String,
    /// Exactly as it was given.
    pub metadata: Option<String>,
    pub attributes: Attributes,
    pub remark: String,
    /// What can be proved of the attempt under way.
    #[schema(example = "accepted")]
    pub evidence: String,
    /// Since when it is in doubt whether the money moved.
    pub unknown_since: Option<String>,
    /// What you can do: above all, when not to pay by other means.
    pub action: &'static str,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// Another payment to the same account over the same amount within 24 hours.
    pub possible_duplicate_of: Option<String>,
    pub mode: String,
    /// Rises with every change; the same number stands in events.
    pub version: i32,
    pub created_at: String,
    pub updated_at: String,
    pub final_at: Option<String>,
}

/// Who is paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    pub receiver_name: String,
    pub receiver_account_no: String,
    pub receiver_bank_code: String,
}

/// Why a payment failed.
#[derive(Serialize, ToSchema)]
pub struct Reason {
    #[schema(example = "refused_by_provider")]
    pub code: String,
    pub message: String,
}

impl Payment {
    /// Prints a payment to its owner.
    pub fn of(view: &PaymentView) -> Self {
        let row = &view.row;
        let (message, action) = words(&row.status, &row.evidence);
        Payment {
            message,
            id: ids::show(ids::SEND_MONEY, row.id),
            kind: "SEND_MONEY",
            status: row.status.clone(),
            external_id: row.external_id.clone(),
            amount: view.money().number(),
            currency: row.currency.clone(),
            metadata: row.metadata.clone(),
            attributes: Attributes {
                receiver_name: view.name.reveal().to_owned(),
                receiver_account_no: view.account.reveal().to_owned(),
                receiver_bank_code: row.destination.clone(),
            },
            remark: view.remark.clone(),
            evidence: row.evidence.clone(),
            unknown_since: row.unknown_since.map(time),
            action,
            reason: row
                .reason_code
                .as_ref()
                .map(|code| Reason { code: code.clone(), message: row.reason.clone().unwrap_or_default() }),
            possible_duplicate_of: row.possible_duplicate_of.map(|id| ids::show(ids::SEND_MONEY, id)),
            mode: row.mode.clone(),
            version: row.version,
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
            final_at: row.final_at.map(time),
        }
    }
}

/// What a status means, and what to do.
fn words(status: &str, evidence: &str) -> (&'static str, &'static str) {
    match (Status::parse(status), evidence) {
        (Some(Status::Success), _) => ("The money was sent.", "Nothing is left to do."),
        (Some(Status::Failed), _) => (
            "The payment failed; no money left or will leave.",
            "Pay again under a new externalId if you still want to.",
        ),
        (Some(Status::Reversed), _) => {
            ("The money was sent and came back.", "Pay again under a new externalId if you still want to.")
        }
        (_, "unknown") => (
            "It is not known yet whether the money moved. We keep asking the provider.",
            "Do not pay this again by other means. Wait for the webhook, or ask again later.",
        ),
        _ => (
            "The request was accepted. The result comes to your webhook endpoint.",
            "Do not pay this again by other means. Wait for the webhook.",
        ),
    }
}
