//! What a client has at its providers: their own answers, asked at once, beside what our books say.
//!
//! One provider that hangs or fails holds up nobody else and hides nothing: its answer is the error in words.

use std::time::Duration;

use futures_util::future::join_all;

use super::access::Caller;
use super::{connections, routing};
use crate::app::App;
use crate::domain::connection::Connection;
use crate::providers::Balance;
use crate::store::connection;
use crate::store::ledger::{self, BalanceRow};

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
