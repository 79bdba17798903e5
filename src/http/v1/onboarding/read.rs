//! `GET /v1/onboarding` and `GET /v1/onboarding/{reference_id}`: all of them, and one as a conversation.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Onboarding, WHAT, id, refused};
use crate::domain::access::{Need, Product};
use crate::domain::onboarding::parse_reference;
use crate::flows::onboarding::{self, Line, Refused, Story};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, page_limit};
use crate::http::reply::{self, Page, Reply, Success, time};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichOnboardings {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// List the onboardings of this mode, newest first.
#[utoipa::path(
    get, path = "/v1/onboarding", tag = "Onboarding", operation_id = "list_onboardings", params(WhichOnboardings),
    responses(
        (status = 200, body = Success<Page<Onboarding>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list_onboardings(
    State(http): State<Http>,
    auth: Auth,
    Params(page): Params<WhichOnboardings>,
) -> Result<Reply<Page<Onboarding>>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let limit = page_limit(page.limit.as_deref())?;
    let wrong = || ApiError::field("cursor", "is not one that was answered here");
    let before = page.cursor.as_deref().map(|text| parse_reference(text).ok_or_else(wrong)).transpose()?;
    let rows = onboarding::list(&http.app, &caller, before, limit as i64 + 1).await?;
    let show = |standing| Onboarding::of(&http.app, standing);
    Ok(reply::ok(Page::of(rows, limit, |row| row.reference_id.clone(), show)))
}

/// An onboarding with everything that was said and done.
#[derive(Serialize, ToSchema)]
pub struct OnboardingStory {
    pub onboarding: Onboarding,
    /// Oldest first; of a very long one the newest 500 lines.
    pub conversation: Vec<OnboardingLine>,
}

/// A line of the conversation.
#[derive(Serialize, ToSchema)]
pub struct OnboardingLine {
    pub at: String,
    /// When it happened last, where it did so often; the same as `at` otherwise.
    pub last_at: String,
    /// How often it happened, one right after the other.
    pub times: i32,
    /// submitted (we send a version), answered (the provider answered for it), told (it told a status by itself), failed (a
    /// try brought no usable answer), halted (the version cannot be sent), withdrawn, tested (the account does not work yet)
    /// or connected.
    #[schema(example = "told")]
    pub kind: &'static str,
    /// `provider`, `engine`, or who of the client.
    pub who: String,
    /// The status that was said.
    pub status: Option<&'static str>,
    /// The version of the KYB file it is about.
    pub file_version: i32,
    /// In a submission after the first: the fields that the provider has not seen as they are now.
    pub changed_fields: Vec<String>,
    /// The provider's own words.
    pub remarks: Option<String>,
    /// Ours.
    pub note: Option<String>,
}

impl OnboardingLine {
    fn of(line: Line) -> Self {
        OnboardingLine {
            at: time(line.at),
            last_at: time(line.last_at),
            times: line.times,
            kind: line.kind.as_str(),
            who: line.who,
            status: line.status.map(|status| status.as_str()),
            file_version: line.file_version,
            changed_fields: line.changed,
            remarks: line.remarks.map(|remarks| remarks.reveal().to_owned()),
            note: line.note,
        }
    }
}

/// Read an onboarding as a conversation: what we sent, what the provider said, and which tries failed.
#[utoipa::path(
    get, path = "/v1/onboarding/{reference_id}", tag = "Onboarding", operation_id = "read_onboarding",
    params(("reference_id" = String, Path, description = "`paystrator-kyb-…`")),
    responses(
        (status = 200, body = Success<OnboardingStory>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_onboarding(
    State(http): State<Http>,
    auth: Auth,
    Path(reference_id): Path<String>,
) -> Result<Reply<OnboardingStory>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let story = onboarding::read(&http.app, &caller, id(&reference_id)?).await?;
    let Story { standing, lines } = story.ok_or_else(|| refused(Refused::NotFound))?;
    let conversation = lines.into_iter().map(OnboardingLine::of).collect();
    let story = OnboardingStory { onboarding: Onboarding::of(&http.app, standing), conversation };
    // A provider's remarks may name people: nobody on the way keeps them.
    Ok(reply::ok(story).header("cache-control", "no-store"))
}

/// The same failure for whatever is not there.
pub(super) fn not_found() -> ApiError {
    ApiError::not_found(WHAT)
}
