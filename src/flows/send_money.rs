//! Accepting a payment: planned, frozen and written down in one batch statement before anybody is told.
//!
//! The provider's speed is not in the answer. What an externalId or idempotency key was used for before is told from
//! what stands in the database, never guessed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::access::Caller;
use super::audit::audited;
use super::reads::{self, PaymentView};
use super::routing::{self, Of, Receiver};
use super::{advance, refresh};
use crate::app::App;
use crate::crypto::secret::Personal;
use crate::domain::evidence::{Evidence, Seen};
use crate::domain::ids;
use crate::domain::money::Money;
use crate::domain::payment::{Reason, Status};
use crate::domain::sequence::{Plan, Wanted};
use crate::domain::service::Service;
use crate::domain::webhook::{self, PaymentNews};
use crate::store::accept::{NewIdempotency, NewPayment};
use crate::store::attempt::{self, Attempt, Case};
use crate::store::{self, idempotency, payment};

/// The route in idempotency rows.
const ROUTE: &str = "send-money";

/// What a client asks to be paid; every field is checked already.
#[derive(Clone, Debug)]
pub struct Wish {
    pub external_id: String,
    pub money: Money,
    /// Neutral code.
    pub destination: String,
    pub account: Personal,
    pub name: Personal,
    pub remark: String,
    pub sender_id: Option<String>,
    pub metadata: Option<String>,
    /// The idempotency key and the hash of the body it came with.
    pub idempotency: Option<(String, Vec<u8>)>,
}

/// A payment that stands.
#[derive(Debug)]
pub struct Accepted {
    pub view: PaymentView,
    /// An earlier call with the same key made it.
    pub replayed: bool,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the sender is not one of this client's")]
    Sender,
    #[error("no connection can take it: {0}")]
    NoConnection(String),
    #[error("the externalId was used before")]
    ExternalIdUsed { id: Uuid, status: String },
    #[error("the idempotency key was used with another body")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// Accepts a payment for the caller.
pub async fn accept(app: &App, caller: &Caller, wish: Wish) -> Result<Accepted, Refused> {
    if wish.sender_id.as_ref().is_some_and(|id| ids::parse(ids::CLIENT, id) != Some(caller.client_id)) {
        return Err(Refused::Sender);
    }
    // A used key or externalId is found by the very statement that would write: the usual case asks nothing first.
    let now = app.now();
    let wanted = Wanted {
        service: Service::SendMoney,
        mode: caller.mode,
        currency: wish.money.currency,
        amount: wish.money.units,
        destination: &wish.destination,
    };
    let plan = routing::recent_candidates(app, caller.client_id, wanted).await?;
    let (row, case, receiver) = match prepare(app, caller, &wish, &plan, now) {
        Ok(prepared) => prepared,
        // A repeat gets its first answer, whatever became of the connections since.
        Err(refused) => return earlier(app, caller, &wish, None).await?.ok_or(refused),
    };
    let id = row.id;
    match app.writers.accept.write(row).await? {
        Some(written) => {
            metrics::counter!("payments_accepted_total", "mode" => caller.mode.as_str()).increment(1);
            let view = PaymentView::fresh(&case, receiver, wish.sender_id, written.possible_duplicate_of, now);
            // A full queue is no loss: the row is found by its time.
            let _ = app.wake.send.try_send(case);
            Ok(Accepted { view, replayed: false })
        }
        None => {
            let earlier = earlier(app, caller, &wish, Some(id)).await?;
            Ok(earlier.ok_or_else(|| anyhow::anyhow!("a payment was neither written nor found"))?)
        }
    }
}

/// The rows of a new payment, and the case its dispatch begins with.
fn prepare(
    app: &App,
    caller: &Caller,
    wish: &Wish,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<(NewPayment, Case, Receiver), Refused> {
    let Some(chosen) = plan.candidates.first() else { return Err(Refused::NoConnection(routing::skips(plan))) };
    let (client_id, id, mode) = (caller.client_id, ids::new_id(now), caller.mode);
    let receiver = Receiver { account: wish.account.clone(), name: wish.name.clone(), remark: wish.remark.clone() };
    let (external_id, destination, money) = (wish.external_id.as_str(), wish.destination.as_str(), wish.money);
    let of = Of { client_id, payment_id: id, mode, external_id, destination, money, number: 1 };
    let why = routing::why(plan, chosen, "it is first in the sequence");
    // This process sends it at once; another looks only if that did not happen.
    let found_at = now + app.config.schedule.seconds(app.config.schedule.lease_margin_s);
    let (attempt, order) = routing::freeze(app, &of, &receiver, chosen, why, found_at)
        .ok_or_else(|| Refused::NoConnection("the connection cannot take this order".into()))?;
    drop(order);
    let send_until = now + app.config.schedule.seconds(app.config.schedule.send_window_s);
    let news = PaymentNews {
        id: &ids::show(ids::SEND_MONEY, id),
        external_id,
        kind: "SEND_MONEY",
        mode: mode.as_str(),
        status: Status::Processing,
        version: 1,
        money,
        metadata: wish.metadata.as_deref(),
        reason: None,
        exception: None,
    };
    let row = NewPayment {
        client_id,
        id,
        mode: mode.as_str(),
        service: Service::SendMoney.as_str(),
        external_id: wish.external_id.clone(),
        amount: money.units,
        currency: money.currency.as_str(),
        destination: wish.destination.clone(),
        sender_id: wish.sender_id.clone(),
        receiver: receiver.seal(app, client_id, id),
        receiver_hash: receiver.hash(app, client_id, destination),
        metadata: wish.metadata.clone(),
        send_until,
        event_id: ids::new_id(now),
        event_body: webhook::body("payment.processing", &news, now),
        idempotency: wish.idempotency.as_ref().map(|(key, body_hash)| NewIdempotency {
            key: key.clone(),
            route: ROUTE,
            body_hash: body_hash.clone(),
        }),
        created_at: now,
        attempt,
    };
    let case = case_of(&row, wish, mode);
    Ok((row, case, receiver))
}

/// The case a payment's first dispatch works on, as it will be read from the database.
fn case_of(row: &NewPayment, wish: &Wish, mode: crate::domain::service::Mode) -> Case {
    Case {
        client_id: row.client_id,
        payment_id: row.id,
        mode,
        external_id: row.external_id.clone(),
        money: wish.money,
        destination: row.destination.clone(),
        metadata: row.metadata.clone(),
        status: Status::Processing,
        version: 1,
        current: 1,
        evidence: Evidence::Prepared,
        unknown_since: None,
        send_until: row.send_until,
        attempt: Attempt {
            number: 1,
            connection_id: row.attempt.connection_id,
            provider: row.attempt.provider.clone(),
            identity: row.attempt.identity.clone(),
            reference: row.attempt.reference.clone(),
            frozen: row.attempt.frozen.clone(),
            fee: row.attempt.fee,
            tax: row.attempt.tax,
            state: Evidence::Prepared,
            sends: 0,
            accepted: false,
            polls: 0,
            not_found: 0,
            not_found_at: None,
            polled_at: None,
            sent_at: None,
            next_try_at: Some(row.attempt.next_try_at),
            leased_until: None,
        },
    }
}

/// What an earlier call with this key made, if there was one.
async fn replay(app: &App, caller: &Caller, key: &str, hash: &[u8]) -> Result<Option<Accepted>, Refused> {
    let Some(used) = idempotency::used(&app.db, caller.client_id, caller.mode.as_str(), key).await? else {
        return Ok(None);
    };
    if used.route != ROUTE || used.body_hash != hash {
        return Err(Refused::KeyReused);
    }
    let view = reads::payment(app, caller, used.resource_id).await?;
    let view = view.ok_or_else(|| anyhow::anyhow!("an idempotency row names a payment that is not there"))?;
    Ok(Some(Accepted { view, replayed: true }))
}

/// What the key or the externalId was used for before, perhaps by this very call's first try under `own`.
async fn earlier(app: &App, caller: &Caller, wish: &Wish, own: Option<Uuid>) -> Result<Option<Accepted>, Refused> {
    if let Some((key, hash)) = &wish.idempotency
        && let Some(replayed) = replay(app, caller, key, hash).await?
    {
        return Ok(Some(replayed));
    }
    let mode = caller.mode.as_str();
    let existing = payment::id_of_external(&app.db, caller.client_id, mode, &wish.external_id).await?;
    let Some(existing) = existing else { return Ok(None) };
    let view = reads::payment(app, caller, existing).await?;
    let view = view.ok_or_else(|| anyhow::anyhow!("a payment that exists could not be read"))?;
    if Some(existing) == own {
        // The batch failed after it was durable and was written again: it is ours.
        return Ok(Some(Accepted { view, replayed: false }));
    }
    Err(Refused::ExternalIdUsed { id: existing, status: view.row.status })
}

/// Why a payment failed that was cancelled.
const CANCELLED: &str = "cancelled";

/// How a cancel ended.
#[derive(Debug)]
pub enum Cancelled {
    /// Nothing was sent and nothing will be.
    Done(PaymentView),
    /// Too late: it was sent, or has ended.
    TooLate(PaymentView),
    NotFound,
}

/// Cancels a payment that was not sent yet. It wins only by turning `prepared` into `not_sent`.
pub async fn cancel(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Cancelled> {
    let Some(before) = reads::payment(app, caller, id).await? else { return Ok(Cancelled::NotFound) };
    if before.row.reason_code.as_deref() == Some(CANCELLED) {
        return Ok(Cancelled::Done(before));
    }
    let case = attempt::case(&app.db, caller.client_id, id, 0).await?;
    if let Some(case) = case.filter(|case| case.attempt.state == Evidence::Prepared) {
        let reason = Reason::new(CANCELLED, "It was cancelled before it was sent.");
        let sight = advance::Sight::engine(Seen::Withheld { may_try_next: false }, Some(reason));
        if advance::advance(app, case, &sight).await? == advance::Advanced::To(Evidence::NotSent) {
            let mut tx = super::begin(&app.db).await?;
            let object = ids::show(ids::SEND_MONEY, id);
            audited(&mut tx, caller, "payment.cancelled", &object, serde_json::json!({}), app.now()).await?;
            tx.commit().await?;
            let view = reads::payment(app, caller, id).await?.unwrap_or(before);
            return Ok(Cancelled::Done(view));
        }
    }
    let view = reads::payment(app, caller, id).await?.unwrap_or(before);
    Ok(Cancelled::TooLate(view))
}

/// Waits until a payment is final or `until` has come; answers how it stands then.
pub async fn wait(
    app: &Arc<App>,
    caller: &Caller,
    id: Uuid,
    until: DateTime<Utc>,
) -> anyhow::Result<Option<PaymentView>> {
    let mut changes = app.wake.changed.subscribe();
    loop {
        let view = reads::payment(app, caller, id).await?;
        let Some(view) = view else { return Ok(None) };
        let left = (until - app.now()).to_std().unwrap_or_default();
        if Status::parse(&view.row.status).is_none_or(Status::is_final) || left.is_zero() {
            return Ok(Some(view));
        }
        // Another node's changes are not heard here, so look again every second as well.
        let pause = app.clock.sleep(left.min(std::time::Duration::from_secs(1)));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                change = changes.recv() => match change {
                    Ok(changed) if changed != id => {}
                    _ => break,
                },
            }
        }
    }
}

/// One payment; where it is not final its provider is asked first, at most once per few seconds.
pub async fn status(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Option<PaymentView>> {
    let Some(view) = reads::payment(app, caller, id).await? else { return Ok(None) };
    if Status::parse(&view.row.status).is_some_and(Status::is_final) {
        return Ok(Some(view));
    }
    if let Some(case) = attempt::case(&app.db, caller.client_id, id, 0).await?
        && let Err(error) = refresh::because_read(app, &case).await
    {
        // The stored status is true all the same.
        tracing::warn!(payment = %id, %error, "a live check failed");
    }
    reads::payment(app, caller, id).await
}
