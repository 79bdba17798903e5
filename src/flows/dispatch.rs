//! Dispatch: prepared attempts are claimed, sent once, and advanced by the answer.
//!
//! Attempts arrive in memory right after their commit; a scan finds those nobody announced. The claim is one update,
//! so however often an attempt is offered it is sent once. The call runs in a task of its own that nobody cancels.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::advance::{self, Sight};
use super::lanes::{self, Lanes, Line, Offered, Sends, Worked};
use super::{connections, routing};
use crate::app::{App, Question, lock};
use crate::crash;
use crate::domain::breaker::Admit;
use crate::domain::connection::ConnectionStatus;
use crate::domain::evidence::{Evidence, Seen, Verdict};
use crate::domain::monitoring;
use crate::domain::payment::Reason;
use crate::domain::sequence::Wanted;
use crate::domain::service::Service;
use crate::providers::Reading;
use crate::providers::call::OWN_ADDRESS;
use crate::store::attempt::{self, Case};

/// Offers a prepared attempt to its connection's line.
pub fn offer(app: &Arc<App>, lanes: &Lanes, case: Case) {
    let sends = lanes.sends(app, case.attempt.connection_id, &case.attempt.provider);
    lanes::offer(app, &sends, case.key(), Offered { case, since: app.now() });
}

impl Worked for Sends {
    type Key = attempt::Key;
    type Item = Offered;
    const NAME: &'static str = "dispatch";

    fn line(&self) -> &Line<attempt::Key, Offered> {
        &self.line
    }

    fn work<'a>(self: &'a Arc<Self>, app: &'a Arc<App>, item: Offered) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(send(app, self, item))
    }
}

/// One scan: lane by lane, never more than the lane has room for. It goes on while sending is paused: the claim is
/// then refused, and what the send window leaves behind is ended all the same.
pub async fn scan(app: &Arc<App>, lanes: &Lanes) -> anyhow::Result<()> {
    for due in attempt::lanes_to_send(&app.db, app.now()).await? {
        let room = lanes.sends(app, due.connection_id, &due.provider).line().room();
        if room == 0 {
            continue;
        }
        for key in attempt::to_send(&app.db, &due, room as i64, app.now()).await? {
            if let Some(case) = attempt::case(&app.db, key.client_id, key.payment_id, key.number).await? {
                offer(app, lanes, case);
            }
        }
    }
    Ok(())
}

/// Sends one prepared attempt, from the wait for the breaker to the advance by its answer.
pub(super) async fn send(app: &App, lane: &Sends, offered: Offered) -> anyhow::Result<()> {
    let Some(case) = wait_for_breaker(app, lane, offered).await? else { return Ok(()) };
    // An address never changes under a connection that is at work; everything else is read again after the wait.
    let open = connections::open(app, case.client_id, case.attempt.connection_id).await?;
    let slots = lane.provider.at(open.account.setting(OWN_ADDRESS));
    let Ok(slot) = slots.acquire().await else { return Ok(()) };
    let Some(sender) = routing::sender(app, &case.attempt.provider) else {
        anyhow::bail!("provider {:?} is not configured", case.attempt.provider)
    };
    let open = connections::open(app, case.client_id, case.attempt.connection_id).await?;
    let order = routing::order(app, &case)?;
    let call = connections::call(app, &open, &case.attempt.identity, Some(&order))?;
    let Some(sent) = advance::claim(app, &case, sender.send_deadline()).await? else {
        return not_claimed(app, case).await;
    };
    let _under_way = app.sending.begin((case.attempt.connection_id, case.attempt.reference.clone()));
    crash::point("send.before");
    let reading = call.keepable(sender.send(&call, &order).await);
    crash::point("send.answered");
    drop(slot);
    let reached = reading.verdict != Verdict::NotSent;
    let schedule = &app.config.schedule;
    let (client_id, connection) = (case.client_id, case.attempt.connection_id);
    app.activity.note(client_id, connection, app.now());
    let readable = reached && reading.verdict != Verdict::Unknown;
    app.seen.note(client_id, connection, readable, schedule.seconds(monitoring::WINDOW_MAX_S.into()), app.now());
    let open_for = schedule.seconds(schedule.breaker_open_s);
    lock(&lane.breaker).record(reached, app.config.breaker.failures, open_for, app.now());
    answered(app, sent, &reading, call.record()).await
}

/// Advances by the answer to a send; what cannot be written now is written as soon as the database is back.
pub(super) async fn answered(app: &App, case: Case, reading: &Reading, record: String) -> anyhow::Result<()> {
    let question = Question {
        key: case.key(),
        connection_id: case.attempt.connection_id,
        provider: case.attempt.provider.clone(),
    };
    let mut wait = Duration::from_millis(50);
    loop {
        let error = match advance::advance(app, case.clone(), &Sight::answer(reading, record.clone())).await {
            Ok(to) => {
                if to == advance::Advanced::To(Evidence::Accepted) {
                    await_callback(app, case);
                } else if to == advance::Advanced::To(Evidence::Unknown) {
                    // In doubt: ask now. A full queue is no loss, the row is due.
                    let _ = app.wake.ask.try_send(question);
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let gone = error.downcast_ref::<crate::store::Error>().is_some_and(crate::store::Error::is_unavailable);
        // Past the lease the attempt counts as unknown and is asked about; the answer is then only a memory.
        if !gone || case.attempt.leased_until.is_none_or(|until| app.now() > until) {
            return Err(error);
        }
        app.clock.sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

/// Keeps a case that was just accepted for the callback that follows.
fn await_callback(app: &App, mut case: Case) {
    case.version += 1;
    case.evidence = Evidence::Accepted;
    case.unknown_since = None;
    (case.attempt.state, case.attempt.accepted, case.attempt.leased_until) = (Evidence::Accepted, true, None);
    let key = (case.attempt.connection_id, case.attempt.reference.clone());
    app.awaited.put(key, case, app.now());
}

/// Waits while the lane's breaker is open. What waits too long goes to the next connection, where there is one;
/// what waits past the send window fails.
async fn wait_for_breaker(app: &App, lane: &Sends, offered: Offered) -> anyhow::Result<Option<Case>> {
    let schedule = &app.config.schedule;
    let Offered { case, since } = offered;
    let give_up = since + schedule.seconds(schedule.breaker_wait_s);
    let mut asked_others = false;
    loop {
        let now = app.now();
        if now >= case.send_until {
            window_closed(app, case).await?;
            return Ok(None);
        }
        let admit = lock(&lane.breaker).admit(schedule.seconds(schedule.breaker_open_s), now);
        let Admit::Wait(until) = admit else { return Ok(Some(case)) };
        if now >= give_up && !asked_others {
            asked_others = true;
            if has_other_connection(app, &case).await? {
                let reason = Reason::new("provider_unreachable", "The provider could not be reached.");
                let sight = Sight::engine(Seen::Withheld { may_try_next: true }, Some(reason));
                advance::advance(app, case, &sight).await?;
                return Ok(None);
            }
        }
        let until = if asked_others { until } else { until.min(give_up) };
        app.clock.sleep((until.min(case.send_until) - now).to_std().unwrap_or_default()).await;
    }
}

async fn has_other_connection(app: &App, case: &Case) -> anyhow::Result<bool> {
    let wanted = Wanted {
        service: Service::SendMoney,
        mode: case.mode,
        currency: case.money.currency,
        amount: case.money.units,
        destination: &case.destination,
    };
    let plan = routing::candidates(app, case.client_id, wanted, &[case.attempt.connection_id]).await?;
    Ok(!plan.candidates.is_empty())
}

/// The claim was not given: somebody else has it, sending is paused, the window closed, or the connection is unfit.
async fn not_claimed(app: &App, case: Case) -> anyhow::Result<()> {
    let Some(now_case) = attempt::case(&app.db, case.client_id, case.payment_id, case.attempt.number).await? else {
        return Ok(());
    };
    if now_case.attempt.state != Evidence::Prepared || now_case.current != now_case.attempt.number {
        return Ok(());
    }
    if app.now() >= now_case.send_until {
        return window_closed(app, now_case).await;
    }
    app.accounts.forget(&(case.client_id, case.attempt.connection_id));
    let open = connections::open(app, case.client_id, case.attempt.connection_id).await?;
    if open.connection.status != ConnectionStatus::Active {
        let reason = Reason::new(
            "connection_not_active",
            format!("The connection is in status {}.", open.connection.status.as_str()),
        );
        let sight = Sight::engine(Seen::Withheld { may_try_next: true }, Some(reason));
        advance::advance(app, now_case, &sight).await?;
    }
    // Otherwise sending is paused: the attempt stays prepared, and a scan finds it when sending goes on.
    Ok(())
}

async fn window_closed(app: &App, case: Case) -> anyhow::Result<()> {
    let reason = Reason::new("not_sent_in_time", "It was not sent within the time allowed for sending.");
    let sight = Sight::engine(Seen::Withheld { may_try_next: false }, Some(reason));
    advance::advance(app, case, &sight).await?;
    Ok(())
}
