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

/// Why a connection has its status where no person said so. It is kept as its sentence, beside those that people write;
/// who shows it in another language reads it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnReason {
    /// Monitoring: so many of so many sends got no answer.
    Silent { unanswered: u32, sends: u32 },
    /// Monitoring: nothing harmless can be asked, and the wait is over.
    WaitOver,
    /// Monitoring: the provider answers again.
    Answers,
    /// The end that was set for the maintenance has come.
    MaintenanceOver,
}

impl std::fmt::Display for OwnReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OwnReason::Silent { unanswered, sends } => {
                write!(f, "Monitoring: {unanswered} of the last {sends} sends got no answer.")
            }
            OwnReason::WaitOver => f.write_str("Monitoring: the wait is over."),
            OwnReason::Answers => f.write_str("Monitoring: the provider answers again."),
            OwnReason::MaintenanceOver => f.write_str("The maintenance is over."),
        }
    }
}

impl OwnReason {
    /// Reads a kept reason; `None` for one that a person wrote.
    pub fn read(text: &str) -> Option<OwnReason> {
        let mut numbers = text.split(' ').filter_map(|word| word.parse().ok());
        let (unanswered, sends) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        let all = [
            OwnReason::Silent { unanswered, sends },
            OwnReason::WaitOver,
            OwnReason::Answers,
            OwnReason::MaintenanceOver,
        ];
        all.into_iter().find(|reason| reason.to_string() == text)
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
