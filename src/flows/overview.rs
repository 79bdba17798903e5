//! The state of a client at a glance: what happened lately, what is in doubt, how webhooks go, what its providers hold.
//!
//! It reads sums by the hour and the small indexes of what is in doubt, never the payments themselves, and waits for no
//! provider.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::access::Caller;
use super::balances;
use super::sending::{self, Sending};
use crate::app::{App, Balances};
use crate::store::connection::{self, Name, Stored};
use crate::store::doubt::{self, Begun, Doubt, Named};
use crate::store::rollup::{self, Span, Step, Told};

/// How far back one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Day,
    Week,
    Month,
}

impl Reach {
    pub const ALL: [Reach; 3] = [Reach::Day, Reach::Week, Reach::Month];

    pub fn as_str(self) -> &'static str {
        match self {
            Reach::Day => "24h",
            Reach::Week => "7d",
            Reach::Month => "30d",
        }
    }

    pub fn parse(text: &str) -> Option<Reach> {
        Reach::ALL.into_iter().find(|reach| reach.as_str() == text)
    }

    /// Hours in a step of its time line, and how many steps it has.
    pub fn steps(self) -> (i32, i32) {
        match self {
            Reach::Day => (1, 24),
            Reach::Week => (6, 28),
            Reach::Month => (24, 30),
        }
    }

    /// Where it begins: its last step is the one that `now` is in. Steps are cut as days are, at 00:00 in Jakarta.
    pub fn from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        const JAKARTA: i64 = 7 * 3_600;
        let (hours, steps) = self.steps();
        let length = i64::from(hours) * 3_600;
        let into = (now.timestamp() + JAKARTA).rem_euclid(length);
        let begun = now.timestamp() - into - i64::from(steps - 1) * length;
        DateTime::from_timestamp(begun, 0).unwrap_or(now)
    }
}

/// After how long money in doubt is another age.
pub const AGES: [TimeDelta; 3] = [TimeDelta::minutes(10), TimeDelta::hours(1), TimeDelta::hours(24)];

/// How many exceptions are named.
const NAMED: i64 = 3;

/// All of it.
pub struct Overview {
    pub now: DateTime<Utc>,
    pub from: DateTime<Utc>,
    /// The sums hold all that was committed before.
    pub complete_at: Option<DateTime<Utc>>,
    pub spans: Vec<Span>,
    pub steps: Vec<Step>,
    pub told: Vec<Told>,
    pub unknown: Vec<Doubt>,
    pub exceptions: Vec<Doubt>,
    /// The newest open ones.
    pub named: Vec<Named>,
    pub connections: Vec<Stored>,
    /// Of connections that were removed since.
    pub names: Vec<Name>,
    pub sending: Sending,
    /// `None` until the providers were asked for the first time, and for who may not see them.
    pub balances: Option<Arc<Balances>>,
    pub begun: Begun,
}

/// The state of the caller's client and mode over `reach`. Providers are asked for balances only where `money` is to be
/// shown.
pub async fn overview(app: &Arc<App>, caller: &Caller, reach: Reach, money: bool) -> anyhow::Result<Overview> {
    let (db, client, mode, now) = (&app.db, caller.client_id, caller.mode.as_str(), app.now());
    let from = reach.from(now);
    let ages = AGES.map(|age| now - age);
    let spans = rollup::spans(db, client, mode, from).await?;
    let connections = connection::of_client(db, client, mode).await?;
    let here = |span: &&Span| !connections.iter().any(|stored| stored.connection.id == span.connection_id);
    let gone: Vec<_> = spans.iter().filter(here).map(|span| span.connection_id).collect();
    let names = if gone.is_empty() { Vec::new() } else { connection::names(db, client, &gone).await? };
    Ok(Overview {
        now,
        from,
        complete_at: rollup::complete_at(db).await?,
        steps: rollup::steps(db, client, mode, from, reach.steps().0).await?,
        told: rollup::told(db, client, mode, from).await?,
        unknown: doubt::unknown(db, client, mode, &ages).await?,
        exceptions: doubt::exceptions(db, client, mode, &ages).await?,
        named: doubt::named(db, client, mode, NAMED).await?,
        sending: sending::state(app, caller).await?,
        balances: (money && !connections.is_empty()).then(|| balances::kept(app, caller)).flatten(),
        begun: doubt::begun(db, client, mode).await?,
        spans,
        connections,
        names,
    })
}
