//! Which connections a payment is tried at, in which order, and why each other one is not.
//!
//! The order is the client's (contracts/paystrator.md section 4, no. 18); only ineligible connections are left out.

use uuid::Uuid;

use super::connection::{Connection, ConnectionStatus};
use super::fee::{Fee, FeePlan};
use super::money::Currency;
use super::service::{Mode, Service};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub service: Service,
    pub mode: Mode,
    pub currency: Currency,
    pub amount: i64,
    pub destination: &'a str,
}

/// The client's order for a service, or for one destination of it.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// `""` for the default sequence.
    pub destination: String,
    pub version: i32,
    pub connections: Vec<Uuid>,
}

/// What an adapter says of one destination and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Yes,
    /// It does not pay in this currency.
    NoCurrency,
    /// It has no code for this destination.
    NoDestination,
}

/// A connection that can be tried.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub connection: Connection,
    pub fee: Fee,
}

/// Why a connection of the sequence is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub connection_id: Uuid,
    pub label: String,
    pub reason: &'static str,
}

/// The answer of [`plan`].
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub sequence_destination: String,
    pub sequence_version: i32,
    pub candidates: Vec<Candidate>,
    pub skipped: Vec<Skipped>,
}

/// Orders the connections for `wanted`. `excluded` names those that refused this payment already; `cost` is the plan in
/// force of a connection.
pub fn plan(
    wanted: Wanted<'_>,
    sequence: &Sequence,
    connections: &[Connection],
    excluded: &[Uuid],
    reach: impl Fn(&Connection) -> Reach,
    cost: impl Fn(&Connection) -> FeePlan,
) -> Plan {
    let mut plan = Plan {
        sequence_destination: sequence.destination.clone(),
        sequence_version: sequence.version,
        ..Plan::default()
    };
    for id in &sequence.connections {
        let Some(connection) = connections.iter().find(|connection| connection.id == *id) else { continue };
        match unfit(wanted, connection, excluded, &reach) {
            Some(reason) => plan.skipped.push(Skipped { connection_id: *id, label: connection.label.clone(), reason }),
            None => match cost(connection).of(wanted.amount) {
                Some(fee) => plan.candidates.push(Candidate { connection: connection.clone(), fee }),
                None => plan.skipped.push(Skipped {
                    connection_id: *id,
                    label: connection.label.clone(),
                    reason: "its fee plan gives no valid fee for this amount",
                }),
            },
        }
    }
    plan
}

fn unfit(
    wanted: Wanted<'_>,
    connection: &Connection,
    excluded: &[Uuid],
    reach: &impl Fn(&Connection) -> Reach,
) -> Option<&'static str> {
    if connection.mode != wanted.mode {
        return Some("it is of the other mode (test or live)");
    }
    match connection.status {
        ConnectionStatus::Active => {}
        ConnectionStatus::Maintenance => return Some("it is in maintenance"),
        ConnectionStatus::Inactive => return Some("it is inactive"),
    }
    if !connection.services.contains(&wanted.service) {
        return Some("this service is not enabled on it");
    }
    if excluded.contains(&connection.id) {
        return Some("it refused this payment already");
    }
    match reach(connection) {
        Reach::Yes => None,
        Reach::NoCurrency => Some("the provider does not pay in this currency"),
        Reach::NoDestination => Some("the provider has no code for this destination"),
    }
}
