//! What a client's people do while payments are under way: connections closed, opened and sealed anew, sequences
//! written anew, exceptions closed. Each goes through the flow that the API uses, on the version that stands.

use paystrator::domain::connection::ConnectionStatus;
use paystrator::domain::ids;
use paystrator::domain::service::Service;
use paystrator::flows::connections::{self, Change};
use paystrator::flows::resolve::{self, Outcome, Resolved, Word};
use paystrator::flows::sequences::{self, Which};
use serde_json::{Value, json};
use uuid::Uuid;

use super::dice::Dice;
use super::rig::{Link, Member, Place, Rig};

/// Sets a connection's status.
pub async fn set_status(rig: &Rig, member: &Member, link: &Link, status: ConnectionStatus) {
    let caller = member.caller();
    loop {
        let old = connections::get(&rig.app, &caller, link.id).await.unwrap().expect("it is there");
        match connections::set_status_by(&rig.app, &caller, &old, status, "drill").await {
            Ok(_) => return,
            Err(connections::Refused::ChangedMeanwhile) => {}
            Err(error) => panic!("{link:?} {status:?}: {error}"),
        }
    }
}

/// Opens all connections of all members.
pub async fn open_all(rig: &Rig, members: &[Member]) {
    for member in members {
        for link in &member.connections {
            set_status(rig, member, link, ConnectionStatus::Active).await;
        }
    }
}

/// Seals a connection's credentials anew.
pub async fn seal_anew(rig: &Rig, member: &Member, link: &Link) {
    let credentials = rig.credentials(link.place);
    change(rig, member, link, &Change { credentials: Some(&credentials), ..Change::default() }).await;
}

/// Gives a connection at KasPro the status call, or takes it away.
pub async fn give_status_call(rig: &Rig, member: &Member, link: &Link, given: bool) {
    let settings = rig.settings(if given { Place::KasproAsked } else { Place::Kaspro });
    change(rig, member, link, &Change { settings: Some(&settings), ..Change::default() }).await;
}

async fn change(rig: &Rig, member: &Member, link: &Link, change: &Change<'_>) {
    let caller = member.caller();
    loop {
        let old = connections::get(&rig.app, &caller, link.id).await.unwrap().expect("it is there");
        match connections::change(&rig.app, &caller, &old, change).await {
            Ok(_) => return,
            Err(connections::Refused::ChangedMeanwhile) => {}
            Err(error) => panic!("{link:?}: {error}"),
        }
    }
}

/// A sequence as it is put: the default, or one bank's own; `None` takes a bank's own away again.
#[derive(Clone, Debug)]
pub struct Order {
    pub destination: &'static str,
    pub of: Option<Vec<usize>>,
}

impl Order {
    /// Draws an order of `count` connections: all of them or only some, for all banks or for one.
    pub fn draw(dice: &mut Dice, count: usize) -> Order {
        let destination = ["", "BCA", "BNI"][dice.below(3) as usize];
        let mut all: Vec<usize> = (0..count).collect();
        let mut of = Vec::new();
        while !all.is_empty() {
            of.push(all.remove(dice.below(all.len() as u64) as usize));
        }
        if dice.one_in(3) {
            of.truncate(1 + dice.below(count as u64) as usize);
        }
        Order { destination, of: (destination.is_empty() || !dice.one_in(3)).then_some(of) }
    }
}

/// Puts a member's sequence, or removes it.
pub async fn put(rig: &Rig, member: &Member, order: &Order) {
    let caller = member.caller();
    let which = Which { service: Service::SendMoney, destination: order.destination };
    loop {
        let version = sequences::get(&rig.app, &caller, which).await.unwrap().map(|view| view.row.version);
        let done = match (&order.of, version) {
            (Some(of), version) => {
                let shown = |n: &usize| ids::show(ids::CONNECTION, member.connections[*n].id);
                let connections: Vec<String> = of.iter().map(shown).collect();
                sequences::put(&rig.app, &caller, which, version, &connections).await.map(|_| ())
            }
            (None, Some(version)) => sequences::remove(&rig.app, &caller, which, version).await.map(|_| ()),
            (None, None) => return,
        };
        match done {
            Ok(()) => return,
            Err(sequences::Refused::ChangedMeanwhile) => {}
            Err(error) => panic!("{order:?}: {error}"),
        }
    }
}

/// How a provider answers, where its documents leave it open: settings of its simulator.
pub fn manners(dice: &mut Dice, code: &str) -> Value {
    let odd = |dice: &mut Dice| dice.one_in(2);
    match code {
        "oy" => json!({ "mode": if odd(dice) { "seed" } else { "modern" } }),
        "doku" => json!({ "sync": odd(dice), "unknown_as_07": odd(dice), "numeric_response_code": odd(dice) }),
        _ => json!({ "sync": odd(dice), "money_as_numbers": odd(dice) }),
    }
}

/// Two people close the exceptions of every payment whose attempt is at its end: what a provider said beyond the
/// amount never left. Answers how many payments they closed.
pub async fn close_exceptions(rig: &Rig, members: &[Member]) -> usize {
    let open: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT DISTINCT p.client_id, p.id FROM payment p
            JOIN exception x ON x.client_id = p.client_id AND x.payment_id = p.id AND x.status = 'OPEN'
         WHERE p.evidence IN ('paid', 'reversed', 'not_sent', 'refused', 'failed')",
    )
    .fetch_all(&rig.sql)
    .await
    .unwrap();
    for (client, id) in &open {
        let member = members.iter().find(|member| member.client_id == *client).expect("a member's");
        let word = Word {
            outcome: Outcome::Returned,
            reason: "the provider told a wrong amount".into(),
            document: "statement 1".into(),
        };
        let said = resolve::say(&rig.app, &member.person("Ani"), *id, &word).await.unwrap();
        assert!(matches!(said, Resolved::Proposed(_)));
        let said = resolve::say(&rig.app, &member.person("Budi"), *id, &word).await.unwrap();
        assert!(matches!(said, Resolved::Executed(_)));
    }
    open.len()
}
