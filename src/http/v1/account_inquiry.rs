//! `POST /v1/account-inquiry`: whose bank account is it?

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::crypto::secret::Personal;
use crate::domain::access::{Need, Product};
use crate::domain::destination;
use crate::flows::inquiry::{self, Answer};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};

/// An account to look up.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "receiverBankCode": "BCA", "receiverAccountNo": "1239812390" }))]
pub struct Inquiry {
    /// A bank's code such as BCA, or its clearing number such as 014.
    #[schema(min_length = 2, max_length = 32)]
    pub receiver_bank_code: String,
    /// Digits only.
    #[schema(pattern = "^[0-9]+$", min_length = 4, max_length = 34)]
    pub receiver_account_no: String,
}

impl Shape for Inquiry {}

/// Whose account it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountHolder {
    /// As the provider says it: usually in capitals, sometimes shortened.
    #[schema(example = "BUDI SANTOSO")]
    pub receiver_name: String,
    #[schema(example = "BCA")]
    pub receiver_bank_code: String,
    pub receiver_account_no: String,
    /// The provider that was asked.
    pub provider: String,
}

/// Ask whose account it is, before money is sent to it.
///
/// The first connection of the sequence that can answer is asked; where it fails the next one is. The name is not
/// stored. Inquiries have a limit of their own, as they could be used to collect people's names.
#[utoipa::path(
    post, path = "/v1/account-inquiry", tag = "Payments", operation_id = "account_inquiry", request_body = Inquiry,
    responses(
        (status = 200, body = Success<AccountHolder>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure),
        (status = 404, body = Failure, description = "`account_not_found`: the provider says there is no such account"),
        (status = 409, body = Failure, description = "`no_connection`"),
        (status = 413, body = Failure), (status = 429, body = Failure),
        (status = 502, body = Failure, description = "`provider_error`: no provider could answer"),
        (status = 503, body = Failure),
    ),
)]
pub async fn ask(
    State(http): State<Http>,
    auth: Auth,
    Checked { body, .. }: Checked<Inquiry>,
) -> Result<Reply<AccountHolder>, ApiError> {
    let caller = auth.may(Product::SendMoney, Need::Read)?;
    let unknown = "is not a bank or e-wallet we know; give a code such as BCA or DANA, or a bank's number such as 014";
    let bank =
        destination::find(&body.receiver_bank_code).ok_or_else(|| ApiError::field("receiverBankCode", unknown))?;
    http.limits.inquiry(caller.client_id)?;
    let account = Personal::new(body.receiver_account_no);
    match inquiry::name_of(&http.app, &caller, bank.code, &account).await? {
        Answer::Found { name, provider } => Ok(reply::ok(AccountHolder {
            receiver_name: name.reveal().to_owned(),
            receiver_bank_code: bank.code.to_owned(),
            receiver_account_no: account.reveal().to_owned(),
            provider,
        })),
        Answer::NotFound => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "account_not_found",
            "There is no such account at this bank.",
            "Check the bank and the account number with the receiver.",
            "The provider does not know the account.",
        )),
        Answer::NoConnection => Err(ApiError::conflict(
            "no_connection",
            "No connection can be asked about accounts at this bank.",
            "Connect a provider for this destination, or set one to ACTIVE.",
        )),
        Answer::Failed(why) => Err(ApiError::new(
            StatusCode::BAD_GATEWAY,
            "provider_error",
            &format!("No provider could answer: {why}."),
            "Ask again in a moment. No money is involved in an inquiry.",
            "A failure on the provider's side.",
        )),
    }
}
