//! `/v1/onboarding`: a client's KYB file goes to providers (seed 000, contracts/paystrator.md 2.10 and 2.11), and providers
//! say how it stands. Bodies are in snake_case as the seed prints them.

mod act;
mod begin;
mod connect;
mod data;
mod read;
mod status;

pub use act::*;
pub use begin::*;
pub use connect::*;
pub use data::*;
pub use read::*;
pub use status::*;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::domain::ids;
use crate::domain::kyb::Fault;
use crate::domain::onboarding::{parse_reference, reference};
use crate::flows::onboarding::{Refused, Standing};
use crate::http::error::{ApiError, Existing, FieldError};
use crate::http::reply::time;

/// How an onboarding stands.
#[derive(Serialize, ToSchema)]
pub struct Onboarding {
    /// The provider's handle on it.
    #[schema(example = "paystrator-kyb-0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub reference_id: String,
    /// The provider's code.
    pub provider: String,
    /// What people call it.
    pub provider_name: String,
    /// `test` or `live`.
    pub mode: &'static str,
    /// submitted (on its way), received, processing, need_revision, approved, rejected, connected or withdrawn.
    #[schema(example = "processing")]
    pub status: &'static str,
    /// Since when it stands so.
    pub since: String,
    /// Whole seconds since it was begun.
    pub age_s: i64,
    pub next: NextStep,
    /// Somebody should look after it: the file is not delivered for long, or the provider is silent.
    pub stuck: bool,
    /// The version of the KYB file that the provider has, or that is on its way.
    pub file_version: i32,
    /// The file has a newer version that can be submitted.
    pub may_submit: bool,
    /// When we try or ask again; null where nothing is to be done by us.
    pub next_try_at: Option<String>,
    /// Tries or questions without news.
    pub tries: i32,
    /// The connection that was made in it, `conn_…`.
    pub connection_id: Option<String>,
    pub created_at: String,
    pub created_by: String,
    pub updated_at: String,
}

/// What is to be done next.
#[derive(Serialize, ToSchema)]
pub struct NextStep {
    /// wait_for_delivery, wait_for_provider, revise, connect, begin_anew or none.
    #[schema(example = "wait_for_provider")]
    pub step: &'static str,
    /// For people.
    pub explanation: &'static str,
}

impl Onboarding {
    fn of(app: &App, standing: Standing) -> Self {
        Onboarding {
            age_s: (app.now() - standing.created_at).num_seconds().max(0),
            reference_id: standing.reference_id,
            provider: standing.provider,
            provider_name: standing.name,
            mode: standing.mode.as_str(),
            status: standing.status.as_str(),
            since: time(standing.since),
            next: NextStep { step: standing.next.as_str(), explanation: standing.next.words() },
            stuck: standing.stuck,
            file_version: standing.file_version,
            may_submit: standing.may_submit,
            next_try_at: standing.next_try_at.map(time),
            tries: standing.tries,
            connection_id: standing.connection_id.map(|id| ids::show(ids::CONNECTION, id)),
            created_at: time(standing.created_at),
            created_by: standing.created_by,
            updated_at: time(standing.updated_at),
        }
    }
}

const WHAT: &str = "onboarding";

/// The onboarding a path names.
fn id(text: &str) -> Result<Uuid, ApiError> {
    parse_reference(text).ok_or_else(|| ApiError::not_found(WHAT))
}

fn field_errors(faults: Vec<Fault>) -> Vec<FieldError> {
    faults.into_iter().map(|Fault { field, message }| FieldError { field, message }).collect()
}

/// 422 with every field that stands in the way.
fn unfit(code: &str, faults: Vec<Fault>, action: &str) -> ApiError {
    let named: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
    let reason = "It cannot be sent to a provider as it is.";
    let mut error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, &named.join(" "), action, reason);
    error.body.fields = field_errors(faults);
    error
}

fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::Unfit(faults) => {
            let action = "Correct what error.fields names and send the request again. Nothing was begun.";
            unfit("onboarding_not_possible", faults, action)
        }
        Refused::Incomplete(faults) => {
            let action =
                "Complete the file with PUT /v1/kyb as error.fields says, provider by provider. Nothing was sent.";
            unfit("kyb_incomplete", faults, action)
        }
        Refused::Running(running) => {
            let named: Vec<String> =
                running.iter().map(|(provider, id)| format!("{provider}: {}", reference(*id))).collect();
            let mut error = ApiError::conflict(
                "onboarding_running",
                &format!("An onboarding runs already at {}.", named.join(", ")),
                "Follow the one that runs, or withdraw it first. Nothing was begun, at no provider.",
            );
            for (provider, id) in running {
                error = error.naming(&provider, &reference(id));
            }
            error
        }
        Refused::Stands(status) => ApiError::conflict(
            "onboarding_stands",
            &format!("The onboarding is {}.", status.as_str()),
            "Read it with GET /v1/onboarding/{reference_id}: next says what can be done.",
        ),
        Refused::NothingNew => ApiError::conflict(
            "nothing_new",
            "The provider has this version of the file, or it is on its way.",
            "Change the file with PUT /v1/kyb first; new answers in details go with it.",
        ),
        Refused::KeyReused => ApiError::key_reused(),
        Refused::NotFound => ApiError::not_found(WHAT),
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
    }
}

/// What holds a place that somebody else wanted.
fn existing(id: &str, status: &str) -> Option<Existing> {
    Some(Existing { id: id.to_owned(), status: status.to_owned() })
}
