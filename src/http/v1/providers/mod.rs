//! `/v1/providers`: a client's connections, its accounts at payment providers (contracts/paystrator.md section 3, seed
//! 001). What they are made with is the provider's form; credentials are written and never shown.

mod catalogue;
mod change;
mod create;
mod fees;
mod list;
mod monitoring;
mod test;

pub use catalogue::*;
pub use change::*;
pub use create::*;
pub use fees::*;
pub use list::*;
pub use monitoring::*;
pub use test::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::fee::{FeePlan, FeePlans};
use crate::domain::ids;
use crate::flows::access::Caller;
use crate::flows::connections::{self, Refused};
use crate::http::error::{ApiError, FieldError};
use crate::http::etag::{changed_meanwhile, etag};
use crate::http::extract::Http;
use crate::http::reply::{self, Reply, time};
use crate::providers::FieldFault;
use crate::store::connection::Stored;

/// A connection: one account at one provider. Credentials are never shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    #[schema(example = "conn_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    /// The provider's code.
    pub provider: String,
    /// AGGREGATOR or DIRECT.
    #[serde(rename = "type")]
    #[schema(example = "AGGREGATOR")]
    pub kind: String,
    pub label: String,
    /// `test` or `live`.
    pub mode: String,
    #[schema(value_type = Vec<String>, example = json!(["send_money"]))]
    pub services: Vec<&'static str>,
    /// ACTIVE, MAINTENANCE (out of routing for a while) or INACTIVE (until somebody activates it).
    #[schema(example = "ACTIVE")]
    pub status: String,
    /// Why it has this status; empty where nobody set it.
    pub status_reason: String,
    /// When MAINTENANCE ends by itself; null where it does not.
    pub status_until: Option<String>,
    /// What each service costs now; `GET /v1/providers/{id}/fees` tells what was and what will be.
    #[schema(value_type = Object, example = json!({ "send_money": { "flat": 2500, "vatBp": 1100, "vat": true } }))]
    pub fees: BTreeMap<&'static str, Fee>,
    /// What it sets for itself, as the provider's form names it; what is secret in it is left out.
    #[schema(value_type = Object)]
    pub settings: Value,
    pub credentials: CredentialsSet,
    /// Where the provider must post its callbacks, by service; empty where it does not call.
    #[schema(value_type = Object, example = json!({ "send_money": "https://api.example.com/v1/callback/send/send_money/9f0c…" }))]
    pub callback_urls: BTreeMap<&'static str, String>,
    /// When it last called its provider, answered or not, or was called by it. To the minute.
    pub last_activity_at: Option<String>,
    /// Rises with every change; it stands in `ETag` and is what `If-Match` must name.
    pub version: i32,
    pub created_at: String,
    pub updated_at: String,
    /// In the answer to its removal alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<String>,
}

/// Which credentials are set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsSet {
    /// Their names, never their values.
    #[schema(example = json!(["api_key", "username"]))]
    pub fields: Vec<String>,
    /// When they were last replaced.
    pub changed_at: String,
    /// Until when questions about payments may still be asked with the ones before; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<String>,
}

/// What the provider charges for a payment: a flat fee or a percentage of the amount, and VAT on the fee.
/// Rates are in basis points: 150 is 1.5 %.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fee {
    /// In the currency's unit (whole rupiah, or sen); not beside `percentageBp`.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 2500, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flat: Option<i64>,
    /// A share of the amount; not beside `flat`.
    #[schema(minimum = 0, maximum = 10_000, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage_bp: Option<i64>,
    /// VAT on the fee: 1100 is 11 %.
    #[schema(minimum = 0, maximum = 10_000, example = 1100, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_bp: Option<i64>,
    /// Whether the VAT applies; it does not where this is left out.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat: Option<bool>,
}

impl Fee {
    fn plan(&self) -> FeePlan {
        FeePlan {
            flat: self.flat,
            percentage_bp: self.percentage_bp,
            vat_bp: self.vat_bp.unwrap_or_default(),
            vat: self.vat.unwrap_or_default(),
        }
    }

    fn of(plan: &FeePlan) -> Self {
        let FeePlan { flat, percentage_bp, vat_bp, vat } = *plan;
        Fee { flat, percentage_bp, vat_bp: Some(vat_bp), vat: Some(vat) }
    }
}

impl Connection {
    /// Prints a connection to its owner.
    fn of(http: &Http, stored: Stored, plans: &FeePlans) -> Self {
        let now = http.app.now();
        let last_activity_at = connections::last_activity(&http.app, &stored).map(time);
        let settings = connections::open_settings(&http.app, &stored);
        let connection = stored.connection;
        let url = |service| {
            let url = connections::callback_url(&http.app, &connection.provider, service, &stored.codename)?;
            Some((service.as_str(), url))
        };
        Connection {
            id: ids::show(ids::CONNECTION, connection.id),
            callback_urls: connection.services.iter().copied().filter_map(url).collect(),
            provider: connection.provider,
            kind: stored.kind,
            label: connection.label,
            mode: connection.mode.as_str().into(),
            services: connection.services.iter().map(|service| service.as_str()).collect(),
            status: connection.status.as_str().into(),
            status_reason: stored.status_reason,
            status_until: stored.status_until.map(time),
            fees: connection
                .services
                .iter()
                .map(|service| (service.as_str(), Fee::of(&plans.at(connection.id, *service, now))))
                .collect(),
            settings,
            credentials: CredentialsSet {
                fields: stored.credential_fields,
                changed_at: time(stored.credentials_at),
                previous_until: stored.previous.map(|(_, until)| until).filter(|until| now < *until).map(time),
            },
            last_activity_at,
            version: stored.version,
            created_at: time(stored.created_at),
            updated_at: time(stored.updated_at),
            removed_at: stored.removed_at.map(time),
        }
    }
}

/// One connection with its version in `ETag`.
async fn shown(http: &Http, stored: Stored) -> Result<Reply<Connection>, ApiError> {
    let plans = connections::fees(&http.app, stored.client_id, &[stored.connection.id]).await?;
    let version = etag(stored.version);
    Ok(reply::ok(Connection::of(http, stored, &plans)).header("etag", &version))
}

/// What is changed, for people.
const WHAT: &str = "connection";

/// The caller's connection of this id, or 404.
async fn find(http: &Http, caller: &Caller, text: &str) -> Result<Stored, ApiError> {
    let none = || ApiError::not_found(WHAT);
    let id: Uuid = ids::parse(ids::CONNECTION, text).ok_or_else(none)?;
    connections::get(&http.app, caller, id).await?.ok_or_else(none)
}

/// Types and statuses are upper case on the wire and taken in any (contracts/paystrator.md section 4, no. 15).
fn upper(body: &mut Map<String, Value>, name: &str) {
    if let Some(Value::String(text)) = body.get_mut(name) {
        *text = text.to_ascii_uppercase();
    }
}

/// Faults of fields as failures print them.
pub fn field_errors(faults: Vec<FieldFault>) -> Vec<FieldError> {
    faults.into_iter().map(|fault| FieldError { field: fault.field, message: fault.reason }).collect()
}

pub(super) fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::Fields(faults) => ApiError::fields(field_errors(faults)),
        Refused::LabelUsed => ApiError::conflict(
            "label_used",
            "Another connection of this mode has this label.",
            "Choose another label, or give the other connection a new one first.",
        )
        .naming("label", "is the label of another connection"),
        Refused::TooMany => ApiError::conflict(
            "too_many_connections",
            &format!("A client has at most {} connections in each mode.", connections::MOST),
            "Remove a connection that is no longer needed, then add the new one.",
        ),
        Refused::OtherAccount { field } => ApiError::conflict(
            "other_account",
            "The change would make the connection another account or another place at the provider.",
            "Add a new connection with POST /v1/providers, put it into the sequences, and remove this one when its \
             payments have ended. Only the secrets of the same account can be replaced.",
        )
        .naming(&field, "belongs to another account or place"),
        Refused::ChangedMeanwhile => changed_meanwhile(WHAT),
        Refused::Unfinished(left) => ApiError::conflict(
            "live_payments",
            &format!(
                "Money is under way at this connection (unfinished attempts: {}, open exceptions: {}).",
                left.attempts, left.exceptions
            ),
            "Set it to MAINTENANCE so that nothing new goes there, wait until its payments are final and its exceptions \
             closed, then remove it.",
        ),
        Refused::KeyReused => ApiError::key_reused(),
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
    }
}
