//! Connections as flows use them: opened, cached for a moment, called in the name of the account an attempt was made as.
//!
//! `make` makes them, `change` changes and removes them. A removed one can still be opened: while anything of its
//! attempts may be heard, its provider is asked.

mod catalogue;
mod change;
mod fees;
mod maintenance;
mod make;
mod monitoring;
mod probe;

pub use catalogue::*;
pub use change::*;
pub use fees::*;
pub use maintenance::*;
pub use make::*;
pub use monitoring::*;
pub use probe::*;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::app::{App, OpenConnection};
use crate::crypto::envelope::Place;
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::providers::form::{Format, Part};
use crate::providers::{Account, Call, Field, Order, Provider};
use crate::store::connection::{self, Stored};
use crate::store::{self};

/// Where a connection's credentials are sealed to.
fn credentials_place<'a>(client: Uuid, row: Uuid) -> Place<'a> {
    Place { client, column: "connection.credentials", row }
}

/// A connection with its credentials opened; read at most a moment ago.
pub(super) async fn open(app: &App, client_id: Uuid, id: Uuid) -> anyhow::Result<Arc<OpenConnection>> {
    let read = async {
        let stored = connection::get(&app.db, client_id, id).await?;
        opened(app, stored.ok_or_else(|| anyhow::anyhow!("connection {id} is not there"))?)
    };
    app.accounts.read((client_id, id), &app.clock, read).await
}

/// A connection with its credentials opened.
fn opened(app: &App, stored: Stored) -> anyhow::Result<OpenConnection> {
    let account = |credentials| {
        Arc::new(Account {
            identity: stored.connection.identity.clone(),
            mode: stored.connection.mode,
            credentials,
            settings: stored.connection.settings.clone(),
        })
    };
    let before = match &stored.previous {
        Some((sealed, until)) => Some((account(secrets(app, &stored, sealed)?), *until)),
        None => None,
    };
    let account = account(credentials(app, &stored)?);
    Ok(OpenConnection { connection: stored.connection, account, before })
}

/// A connection's credentials, opened.
fn credentials(app: &App, stored: &Stored) -> anyhow::Result<SecretString> {
    secrets(app, stored, &stored.credentials)
}

fn secrets(app: &App, stored: &Stored, sealed: &[u8]) -> anyhow::Result<SecretString> {
    let place = credentials_place(stored.client_id, stored.connection.id);
    Ok(SecretString::from(String::from_utf8(app.keys.open(place, sealed)?)?))
}

/// Until when credentials that are replaced at `now` may still be asked with.
fn overlap(app: &App, now: DateTime<Utc>) -> DateTime<Utc> {
    now + app.config.schedule.seconds(app.config.schedule.secret_overlap_s)
}

/// A call in the name of `identity`: the one frozen into the attempt, whatever the connection says today.
pub(super) fn call(app: &App, open: &OpenConnection, identity: &str, order: Option<&Order>) -> anyhow::Result<Call> {
    call_as(app, open, &open.account, identity, order)
}

/// The same call with the secrets before today's, while they overlap; for questions alone. Who replaces secrets here may
/// do so before or after the provider does, and no answer is missed for it.
pub(super) fn call_before(
    app: &App,
    open: &OpenConnection,
    identity: &str,
    order: Option<&Order>,
) -> anyhow::Result<Option<Call>> {
    let before = open.before.as_ref().filter(|(_, until)| app.now() < *until);
    before.map(|(account, _)| call_as(app, open, account, identity, order)).transpose()
}

fn call_as(
    app: &App,
    open: &OpenConnection,
    account: &Arc<Account>,
    identity: &str,
    order: Option<&Order>,
) -> anyhow::Result<Call> {
    let provider = app
        .providers
        .get(&open.connection.provider)
        .ok_or_else(|| anyhow::anyhow!("provider {:?} is not configured", open.connection.provider))?;
    anyhow::ensure!(
        identity == account.identity,
        "the attempt was made as another account than its connection has now"
    );
    let mut call = Call::new(app.outbound.clone(), app.clock.clone(), provider.code(), account.clone());
    // A provider that repeats our credentials in an answer does not get them into our tables.
    if let Ok(Value::Object(fields)) = serde_json::from_str(account.credentials.expose_secret()) {
        let secrets = fields.values().filter_map(Value::as_str).filter(|value| *value != identity);
        call = secrets.fold(call, |call, secret| call.mask(secret, "…".into()));
    }
    if let Some(order) = order {
        call = call.mask(order.account.reveal(), order.account.hint()).mask(order.name.reveal(), "…".into());
        call = order.extras.values().fold(call, |call, extra| call.mask(extra.reveal(), "…".into()));
    }
    Ok(call)
}

/// The settings that say where the provider is, by its form.
fn addresses<'a>(provider: &dyn Provider, settings: &'a Value) -> Vec<(&'static str, &'a str)> {
    let says_where = |field: &&Field| field.part == Part::Settings && field.format == Format::Url;
    let given = |field: &Field| Some((field.name, settings.get(field.name)?.as_str()?));
    provider.form().iter().filter(says_where).filter_map(given).collect()
}

/// What was changed of a connection is seen at once in this process, by accepting and by calling.
fn forget(app: &App, client_id: Uuid, id: Uuid) {
    app.accounts.forget(&(client_id, id));
    app.routes.clear();
}

/// Writes down when connections last called their providers or were called by them: one statement for all of them,
/// once a minute, so that no payment waits for it. No index leads from a connection to its newest attempt, and one
/// that did would cost a write with each of them.
pub async fn flush_activity(app: &App) -> store::Result<()> {
    let mut noted = app.activity.all();
    if noted.is_empty() {
        return Ok(());
    }
    // In one order, whoever else writes them too.
    noted.sort_unstable();
    let clients: Vec<Uuid> = noted.iter().map(|(client, _, _)| *client).collect();
    let ids: Vec<Uuid> = noted.iter().map(|(_, id, _)| *id).collect();
    let times: Vec<_> = noted.iter().map(|(_, _, at)| *at).collect();
    let mut tx = super::single(&app.db).await?;
    connection::spoke(&mut tx, &clients, &ids, &times).await?;
    tx.commit().await?;
    app.activity.written(&noted);
    Ok(())
}
