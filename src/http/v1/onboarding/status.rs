//! `POST /v1/onboarding/status`: a provider says how an onboarding stands (contracts/paystrator.md 2.11, seed 000).

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::existing;
use crate::crypto::secret::Personal;
use crate::domain::onboarding::{Status, wants_remarks};
use crate::flows::onboarding::{self, NotTaken, Posted};
use crate::http::auth::ProviderAuth;
use crate::http::error::{ApiError, Failure, FieldError};
use crate::http::extract::{Checked, Http, Shape};
use crate::http::reply::{self, Reply, Success};

/// How an onboarding stands at the provider that sends this.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "reference_id": "paystrator-kyb-0190163d8694739ba9d1e1f2b5c4a3d2", "status": "need_revision",
    "remarks": "The NIB certificate cannot be read."
}))]
pub struct OnboardingStatus {
    /// As the push named it.
    #[schema(min_length = 1, max_length = 100)]
    pub reference_id: String,
    /// received, processing, approved, need_revision, rejected or connected.
    #[schema(pattern = "^(received|processing|approved|need_revision|rejected|connected)$")]
    pub status: String,
    /// What the client has to correct, or why it was rejected: required for need_revision and rejected. The spelling
    /// `reamrks` is taken too.
    #[schema(max_length = 4000, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remarks: Option<String>,
}

impl Shape for OnboardingStatus {
    /// The seed's example spells `reamrks` (contracts/paystrator.md section 4, no. 1).
    fn today(body: &mut Map<String, Value>) -> Vec<FieldError> {
        let Some(old) = body.remove("reamrks") else { return Vec::new() };
        match body.get("remarks") {
            None | Some(Value::Null) => drop(body.insert("remarks".into(), old)),
            Some(remarks) if *remarks == old => {}
            Some(_) => {
                return vec![FieldError { field: "reamrks".into(), message: "contradicts remarks: send one".into() }];
            }
        }
        Vec::new()
    }
}

/// How it stands now.
#[derive(Serialize, ToSchema)]
pub struct OnboardingTaken {
    pub reference_id: String,
    #[schema(example = "need_revision")]
    pub status: &'static str,
    /// `false` where the same was told before: nothing was written.
    pub changed: bool,
}

/// Tell how an onboarding stands; for providers, with a key of theirs.
///
/// Telling is optional, and any step may be left out. The same again is a success and changes nothing; a status that the
/// onboarding has passed already, late or out of order, is refused and changes nothing.
#[utoipa::path(
    post, path = "/v1/onboarding/status", tag = "Onboarding", operation_id = "tell_onboarding_status",
    request_body = OnboardingStatus, security(("provider_key" = [])),
    responses(
        (status = 200, body = Success<OnboardingTaken>),
        (status = 400, body = Failure, description = "Every wrong field is named; remarks may be missing"),
        (status = 401, body = Failure),
        (status = 404, body = Failure, description = "No onboarding of this key's provider and mode has the reference"),
        (status = 409, body = Failure, description = "`status_out_of_order`: error.existing says how it stands; \
            `too_many_remarks`"),
        (status = 413, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure, description = "`submission_on_its_way`, beside what may always be: a newer version \
            is on its way to you, and this may be about the older one. Tell it again after Retry-After"),
    ),
)]
pub async fn tell_onboarding_status(
    State(http): State<Http>,
    ProviderAuth(key): ProviderAuth,
    Checked { body, .. }: Checked<OnboardingStatus>,
) -> Result<Reply<OnboardingTaken>, ApiError> {
    let OnboardingStatus { reference_id, status, remarks } = body;
    let wrong = || ApiError::field("status", "is not one of the list");
    let status = Status::parse(&status).ok_or_else(wrong)?;
    let remarks = remarks.as_deref().map(str::trim).filter(|said| !said.is_empty()).map(Personal::new);
    if remarks.is_none() && wants_remarks(status) {
        return Err(ApiError::field("remarks", "is required for need_revision and rejected: the client reads it"));
    }
    let posted = Posted { reference_id: &reference_id, status, remarks: remarks.as_ref() };
    let taken = onboarding::tell(&http.app, &key, &posted).await.map_err(|why| not_taken(why, &reference_id))?;
    Ok(reply::ok(OnboardingTaken { reference_id, status: taken.status.as_str(), changed: taken.changed }))
}

fn not_taken(why: NotTaken, reference_id: &str) -> ApiError {
    match why {
        NotTaken::Unknown => ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such onboarding.",
            "Send the reference_id as the push named it, with the key of the same environment (test or live).",
            "No onboarding of this provider has this reference.",
        ),
        NotTaken::OutOfOrder(stands) => {
            let mut error = ApiError::conflict(
                "status_out_of_order",
                &format!("The onboarding is {} already. Nothing was changed.", stands.as_str()),
                "Do not send this status again: it came late or out of order. Send the one that stands now, if it is \
                 another than ours.",
            );
            error.body.existing = existing(reference_id, stands.as_str());
            error
        }
        NotTaken::OnItsWay(wait) => {
            let mut error = ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "submission_on_its_way",
                "A newer version of the file is on its way to you, and you have not answered for it.",
                "Answer the push. If the status is about the newer version, send it again after Retry-After; if it is \
                 about the older one, it counts no more.",
                "Nobody can tell which version the status is about. Nothing was changed.",
            );
            error.retry_after_s = Some(wait.as_secs());
            error
        }
        NotTaken::TooOften(most) => ApiError::conflict(
            "too_many_remarks",
            &format!("Words about this version of the file were taken {most} times. Nothing was changed."),
            "Do not send this again. The client reads what was told before, and submits a new version.",
        ),
        NotTaken::Store(error) => error.into(),
        NotTaken::Fault(error) => error.into(),
    }
}
