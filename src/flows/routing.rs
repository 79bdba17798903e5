//! Choosing the connection of an attempt: the client's sequence, what is eligible in it, and the record of why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::app::{App, RoutingTable};
use crate::crypto::envelope::Place;
use crate::crypto::secret::Personal;
use crate::crypto::sha256;
use crate::domain::connection::Connection;
use crate::domain::evidence::{Evidence, Next};
use crate::domain::ids;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::reference;
use crate::domain::retry;
use crate::domain::sequence::{Candidate, Plan, Reach, Skipped, Wanted, plan};
use crate::domain::service::{Mode, Service};
use crate::providers::{Order, SendMoney, Wish};
use crate::store::accept::NewAttempt;
use crate::store::attempt::Case;
use crate::store::{self, connection, fee, payment, sequence};

/// Who is paid, as it is sealed into the payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Receiver {
    pub account: Personal,
    pub name: Personal,
    pub remark: String,
}

impl Receiver {
    pub fn seal(&self, app: &App, client: Uuid, row: Uuid) -> Vec<u8> {
        let plain = serde_json::to_vec(self).expect("three texts are always JSON");
        app.keys.seal(Place { client, column: "payment.receiver", row }, &plain)
    }

    pub fn open(app: &App, payment: &payment::Payment) -> anyhow::Result<Self> {
        let place = Place { client: payment.client_id, column: "payment.receiver", row: payment.id };
        Ok(serde_json::from_slice(&app.keys.open(place, &payment.receiver)?)?)
    }

    /// What finds payments to the same account again without being readable.
    pub fn hash(&self, app: &App, client: Uuid, destination: &str) -> Vec<u8> {
        let value = format!("{destination}\0{}", self.account.reveal());
        app.keys.blind_index(client, "receiver", value.as_bytes()).to_vec()
    }
}

/// A receiver as payments seal it, for the generator of many payments.
pub fn sealed_receiver(app: &App, client: Uuid, row: Uuid, account: &str) -> Vec<u8> {
    let receiver =
        Receiver { account: Personal::new(account), name: Personal::new("Budi Santoso"), remark: String::new() };
    receiver.seal(app, client, row)
}

/// The adapter of a connection, where it can send money.
pub(super) fn sender<'a>(app: &'a App, provider: &str) -> Option<&'a dyn SendMoney> {
    app.providers.get(provider)?.send_money()
}

/// The connections to try for `wanted`, in order, by what stands in the database now.
/// `excluded` refused this payment before.
pub(super) async fn candidates(
    app: &App,
    client_id: Uuid,
    wanted: Wanted<'_>,
    excluded: &[Uuid],
) -> store::Result<Plan> {
    let table = read_table(app, client_id, wanted).await?;
    Ok(plan_by(app, wanted, &table, excluded))
}

/// The same by what stood there a moment ago: for accepting, as the claim of the send checks again.
pub(super) async fn recent_candidates(app: &App, client_id: Uuid, wanted: Wanted<'_>) -> store::Result<Plan> {
    let key = (client_id, wanted.mode, wanted.service, wanted.destination.to_owned());
    let table = app.routes.read(key, &app.clock, read_table(app, client_id, wanted)).await?;
    Ok(plan_by(app, wanted, &table, &[]))
}

async fn read_table(app: &App, client_id: Uuid, wanted: Wanted<'_>) -> store::Result<RoutingTable> {
    let (mode, service) = (wanted.mode.as_str(), wanted.service.as_str());
    let key = sequence::Key { client_id, mode, service, destination: wanted.destination };
    let sequence = sequence::in_force(&app.db, key).await?;
    let stored = connection::of_client(&app.db, client_id, mode).await?;
    let connections: Vec<Connection> = stored.into_iter().map(|stored| stored.connection).collect();
    let ids: Vec<Uuid> = connections.iter().map(|connection| connection.id).collect();
    let fees = fee::current(&app.db, client_id, &ids, app.now()).await?;
    Ok(RoutingTable { sequence, connections, fees })
}

fn plan_by(app: &App, wanted: Wanted<'_>, table: &RoutingTable, excluded: &[Uuid]) -> Plan {
    let now = app.now();
    let reach =
        |connection: &Connection| reach(app, wanted.service, &connection.provider, wanted.destination, wanted.currency);
    let cost = |connection: &Connection| table.fees.at(connection.id, wanted.service, now);
    plan(wanted, &table.sequence, &table.connections, excluded, reach, cost)
}

/// Whether a provider reaches a destination of a service in a currency.
pub(super) fn reach(app: &App, service: Service, provider: &str, destination: &str, currency: Currency) -> Reach {
    match service {
        Service::SendMoney => {
            sender(app, provider).map_or(Reach::NoDestination, |sender| sender.reach(destination, currency))
        }
    }
}

/// What names the payment an attempt is made for.
pub(super) struct Of<'a> {
    pub client_id: Uuid,
    pub payment_id: Uuid,
    pub mode: Mode,
    pub external_id: &'a str,
    pub destination: &'a str,
    pub money: Money,
    pub number: i16,
}

/// Freezes an attempt at `candidate`. `None` where the adapter cannot make the order after all.
pub(super) fn freeze(
    app: &App,
    of: &Of<'_>,
    receiver: &Receiver,
    candidate: &Candidate,
    why: String,
    next_try_at: DateTime<Utc>,
) -> Option<(NewAttempt, Order)> {
    let connection = &candidate.connection;
    let number = of.number.to_string();
    let digest = sha256(&[
        of.client_id.as_bytes(),
        b"\0",
        of.mode.as_str().as_bytes(),
        b"\0",
        of.external_id.as_bytes(),
        b"\0",
        number.as_bytes(),
        b"\0",
    ]);
    let reference = reference(digest);
    let order = sender(app, &connection.provider)?.order(&Wish {
        reference: &reference,
        destination: of.destination,
        account: &receiver.account,
        name: &receiver.name,
        money: of.money,
        remark: &receiver.remark,
        settings: &connection.settings,
    })?;
    let place = frozen_place(of.client_id, of.payment_id);
    let frozen = app.keys.seal(place, &serde_json::to_vec(&order).ok()?);
    let attempt = NewAttempt {
        connection_id: connection.id,
        provider: connection.provider.clone(),
        identity: connection.identity.clone(),
        reference: order.reference.clone(),
        frozen,
        fee: candidate.fee.fee,
        tax: candidate.fee.tax,
        why,
        next_try_at,
    };
    Some((attempt, order))
}

/// Opens the order an attempt was frozen with.
pub(super) fn order(app: &App, case: &Case) -> anyhow::Result<Order> {
    let plain = app.keys.open(frozen_place(case.client_id, case.payment_id), &case.attempt.frozen)?;
    Ok(serde_json::from_slice(&plain)?)
}

fn frozen_place<'a>(client: Uuid, row: Uuid) -> Place<'a> {
    Place { client, column: "attempt.frozen", row }
}

/// The stored reason of a choice: sequence and version, who was skipped and why, the fee, and what went before.
pub(super) fn why(plan: &Plan, chosen: &Candidate, before: &str) -> String {
    json!({
        "sequence": if plan.sequence_destination.is_empty() { "default" } else { plan.sequence_destination.as_str() },
        "sequenceVersion": plan.sequence_version,
        "chosen": chosen.connection.label,
        "because": before,
        "fee": chosen.fee.fee,
        "tax": chosen.fee.tax,
        "candidates": plan.candidates.iter().map(|c| &c.connection.label).collect::<Vec<_>>(),
        "skipped": plan.skipped.iter().map(skipped).collect::<Vec<_>>(),
    })
    .to_string()
}

fn skipped(skipped: &Skipped) -> serde_json::Value {
    let id = ids::show(ids::CONNECTION, skipped.connection_id);
    json!({ "connectionId": id, "label": skipped.label, "reason": skipped.reason })
}

/// Who was skipped and why, in one line.
pub(super) fn skips(plan: &Plan) -> String {
    if plan.skipped.is_empty() {
        return match plan.sequence_destination.as_str() {
            "" => "the default sequence names no connection".to_owned(),
            destination => format!("the sequence for {destination} names no connection"),
        };
    }
    let each: Vec<String> = plan.skipped.iter().map(|skip| format!("{}: {}", skip.label, skip.reason)).collect();
    each.join("; ")
}

/// What follows a freed attempt.
pub(super) enum Follow {
    Attempt(Box<NewAttempt>),
    /// Nobody is left to ask: the code and sentence the client is told.
    Nothing(&'static str, String),
}

/// Chooses what follows the attempt of `case`, which was just freed with evidence `freed`.
pub(super) async fn follow(app: &App, case: &Case, freed: Evidence, next: Next) -> anyhow::Result<Follow> {
    let now = app.now();
    if now >= case.send_until {
        return Ok(Follow::Nothing(
            "not_sent_in_time",
            "It could not be sent within the time allowed for sending.".into(),
        ));
    }
    let history = payment::attempts(&app.db, case.client_id, case.payment_id).await?;
    let mut refused: Vec<Uuid> = history
        .iter()
        .filter(|a| matches!(Evidence::parse(&a.state), Some(Evidence::Refused | Evidence::Failed)))
        .map(|a| a.connection_id)
        .collect();
    if next == Next::OtherConnection {
        refused.push(case.attempt.connection_id);
    }
    let wanted = Wanted {
        service: Service::SendMoney,
        mode: case.mode,
        currency: case.money.currency,
        amount: case.money.units,
        destination: &case.destination,
    };
    let plan = candidates(app, case.client_id, wanted, &refused).await?;
    let tries = |id: Uuid| history.iter().filter(|a| a.connection_id == id).count();
    // Who was asked least often comes first; among equals the client's order stands.
    let Some(chosen) = plan.candidates.iter().min_by_key(|c| tries(c.connection.id)) else {
        return Ok(Follow::Nothing("no_provider_left", format!("No connection could take it: {}.", skips(&plan))));
    };
    let again = tries(chosen.connection.id);
    let ladder: Vec<_> = app.config.schedule.not_sent_retry_s.iter().map(|s| app.config.schedule.seconds(*s)).collect();
    let at = if again == 0 { now } else { now + retry::step(&ladder, again - 1) };
    if at >= case.send_until {
        return Ok(Follow::Nothing(
            "not_sent_in_time",
            "No provider could be reached in the time allowed for sending.".into(),
        ));
    }
    let before = format!("attempt {} was {}", case.attempt.number, freed.as_str());
    let row = payment::get(&app.db, case.client_id, case.mode.as_str(), case.payment_id).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("the payment of an attempt is missing"))?;
    let receiver = Receiver::open(app, &row)?;
    let of = Of {
        client_id: case.client_id,
        payment_id: case.payment_id,
        mode: case.mode,
        external_id: &case.external_id,
        destination: &case.destination,
        money: case.money,
        number: case.current + 1,
    };
    match freeze(app, &of, &receiver, chosen, why(&plan, chosen, &before), at) {
        Some((attempt, _)) => Ok(Follow::Attempt(Box::new(attempt))),
        None => Ok(Follow::Nothing("no_provider_left", "The next connection cannot take this order.".into())),
    }
}
