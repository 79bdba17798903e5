//! Testing a connection: one harmless authenticated call by its adapter, and what its answer means.
//!
//! It works whatever the connection's status is, with what stands in the database at this moment. Nothing is made at
//! the provider, and nothing changes here but the audit log and the last activity.

use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use serde_json::json;

use super::{call, opened};
use crate::app::App;
use crate::domain::ids;
use crate::domain::service::Service;
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited;
use crate::flows::routing;
use crate::providers::{Cause, Trouble};
use crate::store::connection::Stored;
use crate::store::{self};

/// How long a provider may take, whatever its own limits are: somebody waits for the answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What a test showed.
pub struct Tested {
    /// What was asked, in a word.
    pub asked: &'static str,
    /// What a good answer leaves open, for people: in English and in Indonesian.
    pub unproved: Option<[&'static str; 2]>,
    /// What is in the way; the provider's words are fit to be told.
    pub trouble: Option<Trouble>,
}

impl Tested {
    /// `good`, or what is in the way in a word.
    pub fn result(&self) -> &'static str {
        self.trouble.as_ref().map_or("good", |trouble| trouble.cause.as_str())
    }
}

/// Why a connection was not tested.
#[derive(Debug, thiserror::Error)]
pub enum NotTested {
    #[error("its provider has no call for that")]
    NoCall,
    /// Again after this time.
    #[error("it was tested too often")]
    TooOften(Duration),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// Asks a connection's provider. `None` where it has no call for that.
pub(super) async fn ask(app: &App, stored: Stored) -> anyhow::Result<Option<Tested>> {
    let (client_id, id) = (stored.client_id, stored.connection.id);
    let services = stored.connection.services.clone();
    let open = opened(app, stored)?;
    let call = call(app, &open, &open.account.identity, None)?;
    let probe = services.into_iter().find_map(|service| match service {
        Service::SendMoney => routing::sender(app, &open.connection.provider)?.probe(&call),
    });
    let Some(probe) = probe else { return Ok(None) };
    let answer = tokio::time::timeout(PATIENCE, probe.answer).await;
    let silence = || Trouble::new(Cause::Unreachable, format!("no answer within {} s", PATIENCE.as_secs()));
    let trouble = answer.unwrap_or_else(|_| Err(silence())).err();
    let trouble = trouble.map(|trouble| Trouble { words: call.tellable(&trouble.words), ..trouble });
    app.activity.note(client_id, id, app.now());
    Ok(Some(Tested { asked: probe.asked, unproved: probe.unproved, trouble }))
}

/// Tests a connection for somebody, a few times a minute at most.
pub async fn test(app: &App, caller: &Caller, stored: Stored) -> Result<Tested, NotTested> {
    let id = stored.connection.id;
    if let Err(until) = app.tests.check_key(&id) {
        return Err(NotTested::TooOften(until.wait_time_from(DefaultClock::default().now())));
    }
    let tested = ask(app, stored).await?.ok_or(NotTested::NoCall)?;
    let now = app.now();
    let mut tx = flows::begin(&app.db).await?;
    let detail = json!({ "asked": tested.asked, "result": tested.result() });
    audited(&mut tx, caller, "connection.tested", &ids::show(ids::CONNECTION, id), detail, now).await?;
    tx.commit().await?;
    Ok(tested)
}
