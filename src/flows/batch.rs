//! The batch writers: each takes what waits in its inbox, up to a limit and without a timer, and writes it in one
//! statement. Rows that must not stand in one batch wait for the next; a batch that fails is tried row by row, so that
//! one bad row spoils nothing for the others.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::deliver;
use crate::app::{App, Inbox, Letter};
use crate::crash;
use crate::store::{self, accept, advance, callback, delivery};

/// Rows in one statement.
const LIMIT: usize = 128;

/// Shared by writers whose rows nobody waits for and whose statements cost more than the rows: while one of them writes,
/// the rows of the other gather.
pub type Turn = Arc<Mutex<()>>;

/// Writes new payments until the inbox closes.
pub async fn accept(app: Arc<App>, mut inbox: Inbox<accept::NewPayment, Option<accept::Accepted>>) {
    let mut held = Vec::new();
    // Two rows conflict on their externalId or on their idempotency key.
    let keys = |p: &accept::NewPayment| {
        let external = (p.client_id, p.mode, p.external_id.clone());
        let key = p.idempotency.as_ref().map(|i| (p.client_id, "key", i.key.clone()));
        [Some(external), key]
    };
    while let Some((batch, _)) = take(&mut inbox, &mut held, keys, None).await {
        write(&app, batch, async |app, rows: &[accept::NewPayment]| {
            let mut tx = super::single(&app.db).await?;
            crash::point("accept.before");
            let done = accept::insert(&mut tx, rows, app.now()).await?;
            tx.commit().await?;
            crash::point("accept.committed");
            Ok(rows.iter().map(|row| done.iter().find(|d| d.id == row.id).copied()).collect())
        })
        .await;
    }
}

/// Writes changes of payments until the inbox closes.
pub async fn advance(app: Arc<App>, mut inbox: Inbox<advance::Change, Option<advance::Applied>>) {
    let mut held = Vec::new();
    let keys = |c: &advance::Change| [Some((c.client_id, c.payment_id)), None];
    while let Some((batch, _)) = take(&mut inbox, &mut held, keys, None).await {
        write(&app, batch, async |app, rows: &[advance::Change]| {
            let mut tx = super::single(&app.db).await?;
            crash::point("advance.before");
            let now = app.now();
            let applied = advance::apply(&mut tx, rows, now + deliver::lease(app), now).await?;
            tx.commit().await?;
            crash::point("advance.committed");
            Ok(applied)
        })
        .await;
    }
}

/// Writes calls from providers until the inbox closes.
pub async fn callbacks(app: Arc<App>, mut inbox: Inbox<callback::NewCallback, ()>) {
    let mut held = Vec::new();
    while let Some((batch, _)) = take(&mut inbox, &mut held, |c| [Some(c.id), None], None).await {
        write(&app, batch, async |app, rows: &[callback::NewCallback]| {
            let mut tx = super::single(&app.db).await?;
            crash::point("callback.before");
            callback::insert(&mut tx, rows, app.now()).await?;
            tx.commit().await?;
            crash::point("callback.committed");
            Ok(vec![(); rows.len()])
        })
        .await;
    }
}

/// Marks callbacks as worked on until the inbox closes.
pub async fn done(app: Arc<App>, mut inbox: Inbox<(Uuid, Uuid), ()>, turn: Turn) {
    let mut held = Vec::new();
    while let Some((batch, _turn)) = take(&mut inbox, &mut held, |key| [Some(*key), None], Some(&turn)).await {
        write(&app, batch, async |app, rows: &[(Uuid, Uuid)]| {
            let mut tx = super::single(&app.db).await?;
            crash::point("done.before");
            callback::done(&mut tx, rows, app.now()).await?;
            tx.commit().await?;
            crash::point("done.committed");
            Ok(vec![(); rows.len()])
        })
        .await;
    }
}

/// Writes the ends of deliveries until the inbox closes.
pub async fn marks(app: Arc<App>, mut inbox: Inbox<delivery::Mark, ()>, turn: Turn) {
    let mut held = Vec::new();
    while let Some((batch, _turn)) = take(&mut inbox, &mut held, |m| [Some(m.key), None], Some(&turn)).await {
        write(&app, batch, async |app, rows: &[delivery::Mark]| {
            let mut tx = super::single(&app.db).await?;
            crash::point("mark.before");
            delivery::mark(&mut tx, rows, app.now()).await?;
            tx.commit().await?;
            crash::point("mark.committed");
            Ok(vec![(); rows.len()])
        })
        .await;
    }
}

/// Rows to write, and the turn of a writer that takes turns.
type Batch<'a, I, O> = (Vec<Letter<I, O>>, Option<MutexGuard<'a, ()>>);

/// Waits for a row and, if need be, for the turn, and takes what else is there. Rows whose key is taken already are held
/// for the next batch. `None` once the inbox is closed and empty.
async fn take<'a, I, O, K: Hash + Eq>(
    inbox: &mut Inbox<I, O>,
    held: &mut Vec<Letter<I, O>>,
    keys: impl Fn(&I) -> [Option<K>; 2],
    turn: Option<&'a Turn>,
) -> Option<Batch<'a, I, O>> {
    let mut seen = HashSet::new();
    let mut batch = Vec::new();
    let mut waiting = std::mem::take(held).into_iter();
    let mut first = if waiting.len() == 0 { Some(inbox.recv().await?) } else { None };
    let turn = match turn {
        Some(turn) => Some(turn.lock().await),
        None => None,
    };
    while batch.len() < LIMIT {
        let Some(letter) = first.take().or_else(|| waiting.next()).or_else(|| inbox.try_recv().ok()) else { break };
        let keys = keys(&letter.0);
        if keys.iter().flatten().any(|key| seen.contains(key)) {
            held.push(letter);
            continue;
        }
        seen.extend(keys.into_iter().flatten());
        batch.push(letter);
    }
    held.extend(waiting);
    Some((batch, turn))
}

/// Writes one batch and answers everybody. Sorted first, the same in every process: overlapping batches never deadlock.
async fn write<I: Sorted, O>(
    app: &App,
    mut batch: Vec<Letter<I, O>>,
    statement: impl AsyncFn(&App, &[I]) -> store::Result<Vec<O>>,
) {
    batch.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
    let (rows, answers): (Vec<I>, Vec<_>) = batch.into_iter().unzip();
    metrics::histogram!("batch_rows", "kind" => I::KIND).record(rows.len() as f64);
    // Nobody waiting any more is no fault anywhere below: the row is durable all the same.
    match statement(app, &rows).await {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                let _ = answer.send(Ok(result));
            }
        }
        Err(error) if error.is_unavailable() => {
            tracing::warn!(kind = I::KIND, rows = rows.len(), %error, "a batch could not be written");
            for answer in answers {
                let _ = answer.send(Err(store::Error::Unavailable(error.to_string())));
            }
        }
        Err(error) => {
            tracing::debug!(kind = I::KIND, rows = rows.len(), %error, "a batch is written row by row");
            for (row, answer) in rows.chunks(1).zip(answers) {
                let result = statement(app, row).await.and_then(|mut results| {
                    results.pop().ok_or_else(|| store::Error::Unavailable("the statement answered nothing".into()))
                });
                let _ = answer.send(result);
            }
        }
    }
}

/// The order of rows within a batch.
trait Sorted {
    const KIND: &'static str;
    type Order<'a>: Ord
    where
        Self: 'a;
    fn order(&self) -> Self::Order<'_>;
}

impl Sorted for accept::NewPayment {
    const KIND: &'static str = "accept";
    type Order<'a> = (Uuid, &'a str);
    fn order(&self) -> (Uuid, &str) {
        (self.client_id, &self.external_id)
    }
}

impl Sorted for advance::Change {
    const KIND: &'static str = "advance";
    type Order<'a> = (Uuid, Uuid);
    fn order(&self) -> (Uuid, Uuid) {
        (self.client_id, self.payment_id)
    }
}

impl Sorted for callback::NewCallback {
    const KIND: &'static str = "callback";
    type Order<'a> = (Uuid, Uuid);
    fn order(&self) -> (Uuid, Uuid) {
        (self.client_id, self.id)
    }
}

impl Sorted for (Uuid, Uuid) {
    const KIND: &'static str = "done";
    type Order<'a> = (Uuid, Uuid);
    fn order(&self) -> (Uuid, Uuid) {
        *self
    }
}

impl Sorted for delivery::Mark {
    const KIND: &'static str = "mark";
    type Order<'a> = delivery::Key;
    fn order(&self) -> delivery::Key {
        self.key
    }
}
