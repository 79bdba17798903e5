//! What a client has at its providers: their own answers, asked at once, beside what our books say.
//!
//! One provider that hangs or fails holds up nobody else and hides nothing: its answer is the error in words.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use uuid::Uuid;

use super::access::Caller;
use super::{connections, routing};
use crate::app::{App, Balances, lock};
use crate::domain::connection::Connection;
use crate::domain::service::Mode;
use crate::providers::Balance;
use crate::store::ledger::{self, BalanceRow};
use crate::store::{self, connection};

/// How long a provider may take, whatever its own limits are: somebody waits for the page.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection's balances.
pub struct View {
    pub connection: Connection,
    /// The provider's own answer, or why there is none.
    pub live: Result<Balance, String>,
    /// Our books' balances at this connection: debits less credits since the connection was made.
    pub books: Vec<BalanceRow>,
}

/// The balances of every connection of the caller's client and mode.
pub async fn all(app: &App, caller: &Caller) -> anyhow::Result<Vec<View>> {
    let mode = caller.mode.as_str();
    let stored = connection::of_client(&app.db, caller.client_id, mode).await?;
    let books = ledger::balances(&app.db, caller.client_id, mode).await?;
    let connections: Vec<Connection> = stored.into_iter().map(|stored| stored.connection).collect();
    let answers = join_all(connections.iter().map(|connection| live(app, caller, connection))).await;
    let of = |id| books.iter().filter(|row| row.connection_id == id).cloned().collect();
    Ok(connections
        .into_iter()
        .zip(answers)
        .map(|(connection, live)| View { books: of(connection.id), connection, live })
        .collect())
}

/// How old what is kept may be before it is asked for again.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// What the providers of the caller's connections said last, which may be nothing yet. Nobody waits for them: where it is
/// old they are asked beside, once at a time.
pub fn kept(app: &Arc<App>, caller: &Caller) -> Option<Arc<Balances>> {
    let (key, now) = ((caller.client_id, caller.mode), app.now());
    let kept = app.balances.get(&key, now);
    if kept.as_ref().is_none_or(|kept| now - kept.at >= FRESH) && lock(&app.asking).insert(key) {
        let (asked, caller) = (Asked { app: app.clone(), key }, caller.clone());
        app.tasks.spawn(async move {
            if let Err(error) = ask(&asked.app, &caller).await {
                tracing::warn!(%error, "the balances of a client could not be asked for");
            }
        });
    }
    kept
}

/// Marks that a client's providers are being asked, for as long as it lives.
struct Asked {
    app: Arc<App>,
    key: (Uuid, Mode),
}

impl Drop for Asked {
    fn drop(&mut self) {
        lock(&self.app.asking).remove(&self.key);
    }
}

async fn ask(app: &App, caller: &Caller) -> store::Result<()> {
    let stored = connection::of_client(&app.db, caller.client_id, caller.mode.as_str()).await?;
    let connections: Vec<Connection> = stored.into_iter().map(|stored| stored.connection).collect();
    let answers = join_all(connections.iter().map(|connection| live(app, caller, connection))).await;
    let answers = connections.into_iter().map(|connection| connection.id).zip(answers).collect();
    let at = app.now();
    app.balances.put((caller.client_id, caller.mode), Balances { at, answers }, at);
    Ok(())
}

async fn live(app: &App, caller: &Caller, connection: &Connection) -> Result<Balance, String> {
    let sender = routing::sender(app, &connection.provider).ok_or("this provider cannot be asked")?;
    let unreadable = |error: anyhow::Error| {
        tracing::error!(connection = %connection.id, %error, "a connection could not be opened");
        "the connection could not be opened".to_owned()
    };
    let open = connections::open(app, caller.client_id, connection.id).await.map_err(unreadable)?;
    let call = connections::call(app, &open, &open.account.identity, None).map_err(unreadable)?;
    let question = sender.balance(&call).ok_or("this provider does not tell balances")?;
    let answer = tokio::time::timeout(PATIENCE, question).await;
    app.activity.note(caller.client_id, connection.id, app.now());
    match answer {
        Ok(answer) => answer.map_err(|trouble| call.tellable(&trouble.words)),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
