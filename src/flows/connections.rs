//! Connections as flows use them: opened, cached for a moment, and made.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::app::{App, OpenConnection};
use crate::crypto::envelope::Place;
use crate::crypto::random_bytes;
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::domain::connection::ConnectionStatus;
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::service::{Mode, Service};
use crate::providers::{Account, Call, FieldFault, Order, form};
use crate::store::{self, connection};

/// A connection with its credentials opened; read at most a moment ago.
pub(super) async fn open(app: &App, client_id: Uuid, id: Uuid) -> anyhow::Result<Arc<OpenConnection>> {
    let now = app.now();
    if let Some(open) = app.accounts.get(&(client_id, id), now) {
        return Ok(open);
    }
    let stored = connection::get(&app.db, client_id, id).await?;
    let stored = stored.ok_or_else(|| anyhow::anyhow!("connection {id} is not there"))?;
    let place = Place { client: client_id, column: "connection.credentials", row: id };
    let credentials = String::from_utf8(app.keys.open(place, &stored.credentials)?)?;
    let account = Account {
        identity: stored.connection.identity.clone(),
        mode: stored.connection.mode,
        credentials: SecretString::from(credentials),
        settings: stored.connection.settings.clone(),
    };
    Ok(app.accounts.put((client_id, id), OpenConnection { connection: stored.connection, account }, now))
}

/// A call in the name of `identity`: the one frozen into the attempt, whatever the connection says today.
pub(super) fn call(app: &App, open: &OpenConnection, identity: &str, order: Option<&Order>) -> anyhow::Result<Call> {
    let provider = app
        .providers
        .get(&open.connection.provider)
        .ok_or_else(|| anyhow::anyhow!("provider {:?} is not configured", open.connection.provider))?;
    anyhow::ensure!(
        identity == open.account.identity,
        "the attempt was made as another account than its connection has now"
    );
    let mut call = Call::new(app.outbound.clone(), app.clock.clone(), provider.code(), open.account.clone());
    // A provider that repeats our credentials in an answer does not get them into our tables.
    if let Ok(Value::Object(fields)) = serde_json::from_str(open.account.credentials.expose_secret()) {
        let secrets = fields.values().filter_map(Value::as_str).filter(|value| *value != identity);
        call = secrets.fold(call, |call, secret| call.mask(secret, "…".into()));
    }
    if let Some(order) = order {
        call = call.mask(order.account.reveal(), order.account.hint()).mask(order.name.reveal(), "…".into());
        call = order.extras.values().fold(call, |call, extra| call.mask(extra.reveal(), "…".into()));
    }
    Ok(call)
}

/// A connection to make. `credentials` and `settings` are as the provider's form names them.
pub struct NewConnection<'a> {
    pub client_id: Uuid,
    pub mode: Mode,
    pub provider: &'a str,
    pub label: &'a str,
    pub credentials: &'a Value,
    pub settings: &'a Value,
    pub fee: FeePlan,
    pub by: &'a str,
}

/// A connection that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: Uuid,
    /// The word in its callback address.
    pub codename: String,
}

/// Makes a connection with every service its provider offers, at the end of their default sequences.
pub async fn create(app: &App, new: &NewConnection<'_>) -> anyhow::Result<Made> {
    let provider = app.providers.get(new.provider);
    let provider = provider.ok_or_else(|| anyhow::anyhow!("there is no provider {:?}", new.provider))?;
    let identity = provider.identity(new.credentials, new.settings).map_err(faulty)?;
    let now = app.now();
    let id = ids::new_id(now);
    let codename = hex::encode(random_bytes::<16>());
    let place = Place { client: new.client_id, column: "connection.credentials", row: id };
    let services = [Service::SendMoney].into_iter().filter(|s| provider.offers(*s)).map(|s| s.as_str().to_owned());
    let row = connection::NewConnection {
        client_id: new.client_id,
        id,
        mode: new.mode.as_str(),
        provider: provider.code(),
        label: new.label,
        kind: provider.kind(),
        services: services.collect(),
        identity: &identity,
        credentials: &app.keys.seal(place, &serde_json::to_vec(new.credentials)?),
        settings: new.settings,
        fee: serde_json::to_value(&new.fee)?,
        codename: &codename,
        by: new.by,
    };
    let mut tx = super::begin(&app.db).await?;
    connection::insert(&mut tx, &row, now).await?;
    tx.commit().await?;
    Ok(Made { id, codename })
}

/// Replaces the secrets and settings of a connection; the account must stay the same.
pub async fn rotate(app: &App, client_id: Uuid, id: Uuid, credentials: &Value, settings: &Value) -> anyhow::Result<()> {
    let stored = connection::get(&app.db, client_id, id).await?;
    let stored = stored.ok_or_else(|| anyhow::anyhow!("there is no such connection"))?;
    let provider = app.providers.get(&stored.connection.provider);
    let provider = provider.ok_or_else(|| anyhow::anyhow!("its provider is not configured"))?;
    let identity = provider.identity(credentials, settings).map_err(faulty)?;
    anyhow::ensure!(identity == stored.connection.identity, "another account is another connection: add a new one");
    let place = Place { client: client_id, column: "connection.credentials", row: id };
    let sealed = app.keys.seal(place, &serde_json::to_vec(credentials)?);
    let mut tx = super::begin(&app.db).await?;
    connection::update_access(&mut tx, client_id, id, &sealed, settings, app.now()).await?;
    tx.commit().await?;
    app.accounts.forget(&(client_id, id));
    Ok(())
}

fn faulty(faults: Vec<FieldFault>) -> anyhow::Error {
    anyhow::Error::msg(form::sentence(&faults))
}

/// Sets a connection's status; `false` where there is none.
pub async fn set_status(
    app: &App,
    client_id: Uuid,
    id: Uuid,
    status: ConnectionStatus,
    reason: &str,
) -> store::Result<bool> {
    let mut tx = super::begin(&app.db).await?;
    let done = connection::set_status(&mut tx, client_id, id, status, reason, app.now()).await?;
    tx.commit().await?;
    app.accounts.forget(&(client_id, id));
    Ok(done)
}
