//! A client's account at a provider: its kind, its status, and what routing needs to know of it.

use uuid::Uuid;

use super::service::{Mode, Service};

/// Whether a connection may be used (seed 001, Status Indicators).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    Active,
    /// Temporarily out of routing.
    Maintenance,
    /// Unusable until somebody activates it again.
    Inactive,
}

impl ConnectionStatus {
    pub const ALL: [ConnectionStatus; 3] =
        [ConnectionStatus::Active, ConnectionStatus::Maintenance, ConnectionStatus::Inactive];

    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionStatus::Active => "ACTIVE",
            ConnectionStatus::Maintenance => "MAINTENANCE",
            ConnectionStatus::Inactive => "INACTIVE",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ACTIVE" => Some(ConnectionStatus::Active),
            "MAINTENANCE" => Some(ConnectionStatus::Maintenance),
            "INACTIVE" => Some(ConnectionStatus::Inactive),
            _ => None,
        }
    }
}

/// What routing needs to know of a connection. Secrets are not part of it.
#[derive(Clone, Debug)]
pub struct Connection {
    pub id: Uuid,
    pub provider: String,
    pub label: String,
    pub mode: Mode,
    pub services: Vec<Service>,
    /// The account at the provider; frozen into every attempt.
    pub identity: String,
    pub status: ConnectionStatus,
    /// What it sets for itself, in its provider's own words: an order may depend on it.
    pub settings: serde_json::Value,
}
