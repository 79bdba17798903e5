//! `/v1/sequences`: the order in which connections are tried, for a service (its default) or for one destination of it
//! (contracts/paystrator.md section 3).

mod change;
mod list;
mod preview;
mod versions;

pub use change::*;
pub use list::*;
pub use preview::*;
pub use versions::*;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids;
use crate::domain::service::Service;
use crate::flows::sequences::{View, Which};
use crate::http::error::ApiError;
use crate::http::reply::time;

/// A sequence: which connections are tried, in which order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sequence {
    #[schema(example = "send_money")]
    pub service: String,
    /// Null for the default of the service, which every destination without a sequence of its own follows.
    #[schema(example = "BCA")]
    pub destination: Option<String>,
    /// Rises with every change; it stands in `ETag` and is what `If-Match` must name. Payments tell by which they went.
    pub version: i32,
    pub updated_at: String,
    /// The person who made this version.
    pub updated_by: String,
    /// In order. What is not ACTIVE stays in its place and is skipped.
    pub connections: Vec<SequenceConnection>,
}

/// A connection in a sequence.
#[derive(Serialize, ToSchema)]
pub struct SequenceConnection {
    #[schema(example = "conn_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    pub label: String,
    pub provider: String,
    /// ACTIVE, MAINTENANCE or INACTIVE.
    pub status: String,
}

impl Sequence {
    fn of(view: View) -> Self {
        let show = |stored: crate::store::connection::Stored| SequenceConnection {
            id: ids::show(ids::CONNECTION, stored.connection.id),
            label: stored.connection.label,
            provider: stored.connection.provider,
            status: stored.connection.status.as_str().into(),
        };
        Sequence {
            service: view.row.service,
            destination: Some(view.row.destination).filter(|destination| !destination.is_empty()),
            version: view.row.version,
            updated_at: time(view.row.updated_at),
            updated_by: view.row.updated_by,
            connections: view.connections.into_iter().map(show).collect(),
        }
    }
}

/// What is changed, for people.
const WHAT: &str = "sequence";

/// The sequence an address names; without a destination, the default of its service.
fn which(service: &str, destination: Option<&str>) -> Result<Which, ApiError> {
    let service = Service::parse(service).ok_or_else(|| ApiError::field("service", &unknown_service()))?;
    let destination = match destination {
        None => "",
        Some(text) => service.destination(text).ok_or_else(|| ApiError::field("destination", UNKNOWN_DESTINATION))?,
    };
    Ok(Which { service, destination })
}

fn unknown_service() -> String {
    format!("must be one of {}", Service::ALL.map(Service::as_str).join(", "))
}

const UNKNOWN_DESTINATION: &str = "is no destination of this service; give a code such as BCA or a number such as 014";
