//! Asking providers how attempts ended: by the ladder, because a callback or an answer in doubt says so, or because
//! somebody reads the payment. What a read teaches goes through the one door; "not found" may lead to a re-send.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::advance::{self, Sight};
use super::lanes::{self, Ask, Asks, Lanes, Line, Worked};
use super::{callback, connections, dispatch, routing};
use crate::app::{App, Question, lock};
use crate::crash;
use crate::domain::evidence::{Evidence, Seen, Verdict};
use crate::domain::retry::ResendRule;
use crate::providers::{Reading, SendMoney};
use crate::store::attempt::{self, Case, Key};

/// Offers an attempt to be asked about to its connection's line.
pub fn offer(app: &Arc<App>, lanes: &Lanes, question: Question) {
    let asks = lanes.asks(app, question.connection_id, &question.provider);
    lanes::offer(app, &asks, question.key.payment_id, Ask::Attempt(question.key));
}

impl Worked for Asks {
    type Key = Uuid;
    type Item = Ask;
    const NAME: &'static str = "refresh";

    fn line(&self) -> &Line<Uuid, Ask> {
        &self.line
    }

    fn work<'a>(self: &'a Arc<Self>, app: &'a Arc<App>, item: Ask) -> BoxFuture<'a, anyhow::Result<()>> {
        match item {
            Ask::Attempt(key) => Box::pin(alone(app, self, key)),
            Ask::Callbacks(calls) => Box::pin(callback::work(app, self, calls)),
        }
    }
}

/// One scan: attempts whose question is due, lane by lane, under a lease that saves work.
pub async fn scan(app: &Arc<App>, lanes: &Lanes) -> anyhow::Result<()> {
    for due in attempt::lanes_to_ask(&app.db, app.now()).await? {
        let asks = lanes.asks(app, due.connection_id, &due.provider);
        let room = asks.line().room();
        if room == 0 {
            continue;
        }
        let now = app.now();
        let lease = now + app.config.schedule.seconds(app.config.schedule.lease_margin_s * 4);
        let mut tx = super::single(&app.db).await?;
        crash::point("ask_lease.before");
        let keys = attempt::lease_to_ask(&mut tx, &due, room as i64, lease, now).await?;
        tx.commit().await?;
        crash::point("ask_lease.committed");
        keys.into_iter().for_each(|key| lanes::offer(app, &asks, key.payment_id, Ask::Attempt(key)));
    }
    Ok(())
}

/// Asks about an attempt, unless somebody in this process does at this moment; that answer serves both.
pub(super) async fn alone(app: &App, asks: &Asks, key: Key) -> anyhow::Result<()> {
    if let Some(_asking) = Asking::begin(asks, key) {
        ask(app, key).await?;
    }
    Ok(())
}

/// The mark that an attempt is being asked about; dropped, it is gone.
pub(super) struct Asking<'a> {
    asks: &'a Asks,
    key: Key,
}

impl<'a> Asking<'a> {
    /// `None` where somebody asks already.
    pub fn begin(asks: &'a Asks, key: Key) -> Option<Self> {
        // In two steps: a mark made in vain would be dropped here, and take the lock again and the other's mark away.
        let is_mine = lock(&asks.asking).insert(key);
        is_mine.then(|| Asking { asks, key })
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.asks.asking).remove(&self.key);
    }
}

/// Asks the provider about one attempt and advances by the answer. Safe at any time, in any state.
pub async fn ask(app: &App, key: Key) -> anyhow::Result<()> {
    match attempt::case(&app.db, key.client_id, key.payment_id, key.number).await? {
        Some(case) => ask_case(app, case).await.map(drop),
        None => Ok(()),
    }
}

/// The same for a case that was just read. `false` where the answer could not be read and nobody will ask again: the
/// end is known, and whatever made us ask must ask once more.
pub(super) async fn ask_case(app: &App, mut case: Case) -> anyhow::Result<bool> {
    let key = case.key();
    if case.attempt.state == Evidence::Prepared {
        return Ok(true);
    }
    if case.attempt.state == Evidence::Sent && case.attempt.leased_until.is_none_or(|until| until <= app.now()) {
        // The sender died, or its answer never came: from here on it is in doubt.
        advance::advance(app, case, &Sight::engine(Seen::LeaseLost, None)).await?;
        match attempt::case(&app.db, key.client_id, key.payment_id, key.number).await? {
            Some(again) => case = again,
            None => return Ok(true),
        }
    }
    let Some(sender) = routing::sender(app, &case.attempt.provider) else {
        anyhow::bail!("provider {:?} is not configured", case.attempt.provider)
    };
    let asked_at = app.now();
    crash::point("ask.before");
    let Some((reading, record)) = question(app, sender, &case).await? else {
        return put_off(app, key).await.map(|()| true);
    };
    crash::point("ask.answered");
    app.activity.note(case.client_id, case.attempt.connection_id, app.now());
    advance::advance(app, case, &Sight::status(&reading, record, asked_at)).await?;
    match reading.verdict {
        Verdict::NotFound => resend_if_due(app, sender, key).await?,
        Verdict::Unknown => {
            let now_case = attempt::case(&app.db, key.client_id, key.payment_id, key.number).await?;
            return Ok(now_case.is_none_or(|case| case.attempt.state.is_awaited()));
        }
        _ => {}
    }
    Ok(true)
}

/// What the provider says of an attempt, and the record of it; `None` where it has no such call. Where secrets were just
/// replaced and the new ones taught nothing, it is asked with the old ones too.
async fn question(app: &App, sender: &dyn SendMoney, case: &Case) -> anyhow::Result<Option<(Reading, String)>> {
    let order = routing::order(app, case)?;
    let open = connections::open(app, case.client_id, case.attempt.connection_id).await?;
    let identity = &case.attempt.identity;
    let call = connections::call(app, &open, identity, Some(&order))?;
    let Some(asked) = sender.status(&call, &order) else { return Ok(None) };
    let reading = call.keepable(asked.await);
    if reading.verdict == Verdict::Unknown
        && let Some(before) = connections::call_before(app, &open, identity, Some(&order))?
        && let Some(asked) = sender.status(&before, &order)
    {
        let again = before.keepable(asked.await);
        if again.verdict != Verdict::Unknown {
            let record = format!("{}\nagain, with the secrets before: {}", call.record(), before.record());
            return Ok(Some((again, record)));
        }
    }
    Ok(Some((reading, call.record())))
}

/// How long an attempt that nobody can be asked about is left alone; then its connection may have learnt to answer.
const CANNOT_ASK_S: u64 = 86_400;

/// The provider has no status call: nothing was seen, nothing is written but when to look again.
async fn put_off(app: &App, key: Key) -> anyhow::Result<()> {
    let now = app.now();
    let mut tx = super::single(&app.db).await?;
    attempt::put_off(&mut tx, key, now + app.config.schedule.seconds(CANNOT_ASK_S), now).await?;
    Ok(tx.commit().await?)
}

/// Whether the connection of `case` has a status call at all.
async fn can_ask(app: &App, case: &Case) -> anyhow::Result<bool> {
    let Some(sender) = routing::sender(app, &case.attempt.provider) else { return Ok(false) };
    let order = routing::order(app, case)?;
    let open = connections::open(app, case.client_id, case.attempt.connection_id).await?;
    let call = connections::call(app, &open, &case.attempt.identity, None)?;
    // Made and not awaited: a question that is not polled asks nobody.
    let question = sender.status(&call, &order);
    Ok(question.is_some())
}

/// Sends the same order again under the same reference, where the contract calls that safe and says it is time.
async fn resend_if_due(app: &App, sender: &dyn SendMoney, key: Key) -> anyhow::Result<()> {
    let Some(rule) = sender.resend() else { return Ok(()) };
    let Some(case) = attempt::case(&app.db, key.client_id, key.payment_id, key.number).await? else { return Ok(()) };
    let speed = |wait: std::time::Duration| app.config.schedule.seconds(wait.as_secs());
    let rule = ResendRule { spread: speed(rule.spread), quiet: speed(rule.quiet), ..rule };
    let Some(sent_at) = case.attempt.sent_at else { return Ok(()) };
    let (times, first) = (case.attempt.not_found, case.attempt.not_found_at);
    if case.attempt.state != Evidence::Unknown || !rule.is_due(times, first, sent_at, case.send_until, app.now()) {
        return Ok(());
    }
    let order = routing::order(app, &case)?;
    let open = connections::open(app, case.client_id, case.attempt.connection_id).await?;
    let call = connections::call(app, &open, &case.attempt.identity, Some(&order))?;
    let Some(sent) = advance::claim(app, &case, sender.send_deadline()).await? else { return Ok(()) };
    tracing::info!(payment = %key.payment_id, sends = sent.attempt.sends, "sent again under the same reference");
    crash::point("resend.before");
    let reading = call.keepable(sender.send(&call, &order).await);
    crash::point("resend.answered");
    app.activity.note(case.client_id, case.attempt.connection_id, app.now());
    dispatch::answered(app, sent, &reading, call.record()).await
}

/// Because somebody reads a payment that is not final: asks its provider, at most once per few seconds over all nodes.
/// Where the provider has no status call, what is stored is the answer.
pub async fn because_read(app: &App, case: &Case) -> anyhow::Result<()> {
    if !matches!(case.attempt.state, Evidence::Accepted | Evidence::Unknown) {
        return Ok(());
    }
    if !can_ask(app, case).await? {
        return Ok(());
    }
    let now = app.now();
    let not_since = now - app.config.schedule.seconds(app.config.schedule.read_refresh_s);
    let mut tx = super::single(&app.db).await?;
    crash::point("read_lease.before");
    let mine = attempt::claim_refresh(&mut tx, case.key(), not_since, now).await?;
    tx.commit().await?;
    crash::point("read_lease.committed");
    if mine { ask(app, case.key()).await } else { Ok(()) }
}
