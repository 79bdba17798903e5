//! Reading payments and what belongs to them, opened for who may see it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::access::Caller;
use super::routing::Receiver;
use super::send_money;
use crate::app::App;
use crate::crypto::secret::Personal;
use crate::domain::evidence::Evidence;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::Status;
use crate::domain::service::Service;
use crate::store::attempt::Case;
use crate::store::payment::{self, Filter, Payment};
use crate::store::{self, callback, delivery, event, exception, ledger};

/// A payment with its receiver opened.
#[derive(Clone, Debug)]
pub struct PaymentView {
    pub row: Payment,
    pub account: Personal,
    pub name: Personal,
    pub remark: String,
}

impl PaymentView {
    /// The view of a payment that was just accepted, without reading it back.
    pub(super) fn fresh(
        case: &Case,
        receiver: Receiver,
        sender_id: Option<String>,
        possible_duplicate_of: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Self {
        let row = Payment {
            client_id: case.client_id,
            id: case.payment_id,
            mode: case.mode.as_str().into(),
            service: Service::SendMoney.as_str().into(),
            external_id: case.external_id.clone(),
            amount: case.money.units,
            currency: case.money.currency.as_str().into(),
            destination: case.destination.clone(),
            sender_id,
            receiver: Vec::new(),
            metadata: case.metadata.clone(),
            status: case.status.as_str().into(),
            evidence: case.evidence.as_str().into(),
            version: case.version,
            attempt: case.current,
            unknown_since: None,
            possible_duplicate_of,
            reason_code: None,
            reason: None,
            created_at: now,
            updated_at: now,
            final_at: None,
        };
        PaymentView { row, account: receiver.account, name: receiver.name, remark: receiver.remark }
    }

    /// The view as it was first told: accepted, and nothing seen yet.
    pub fn as_accepted(&self) -> Self {
        let mut view = self.clone();
        let row = &mut view.row;
        row.status = Status::Processing.as_str().into();
        row.evidence = Evidence::Prepared.as_str().into();
        (row.version, row.attempt, row.updated_at) = (1, 1, row.created_at);
        (row.unknown_since, row.reason_code, row.reason, row.final_at) = (None, None, None, None);
        view
    }

    fn open(app: &App, row: Payment) -> anyhow::Result<Self> {
        let receiver = Receiver::open(app, &row)?;
        Ok(PaymentView { row, account: receiver.account, name: receiver.name, remark: receiver.remark })
    }

    /// The amount, exactly.
    pub fn money(&self) -> Money {
        // The column is written from this enum alone.
        Money::new(self.row.amount, Currency::parse(&self.row.currency).unwrap_or(Currency::Idr))
    }
}

/// One payment of the caller's client and mode.
pub async fn payment(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Option<PaymentView>> {
    let row = payment::get(&app.db, caller.client_id, caller.mode.as_str(), id).await?;
    row.map(|row| PaymentView::open(app, row)).transpose()
}

/// A page of the caller's payments, newest first.
pub struct Payments {
    pub views: Vec<PaymentView>,
    /// Where the look ended that did not fill the page: there may be more before this payment.
    pub further: Option<Uuid>,
}

/// A page of the caller's payments, newest first.
pub async fn payments(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> anyhow::Result<Payments> {
    let listed = payment::list(&app.db, caller.client_id, caller.mode.as_str(), filter, before, limit).await?;
    let views = listed.rows.into_iter().map(|row| PaymentView::open(app, row)).collect::<anyhow::Result<_>>()?;
    Ok(Payments { views, further: listed.further })
}

/// A payment with everything that was tried, seen, booked and told of it.
pub struct Detail {
    pub view: PaymentView,
    pub attempts: Vec<payment::AttemptRow>,
    pub observations: Vec<payment::ObservationRow>,
    pub ledger: Vec<ledger::LineRow>,
    pub events: Vec<event::Event>,
    /// The open ones.
    pub exceptions: Vec<exception::Exception>,
    /// The resolution that waits for a second person.
    pub proposal: Option<exception::Resolution>,
}

/// How many observations of a payment are shown; a payment in doubt for months has more.
const OBSERVATIONS: i64 = 200;

/// One payment of the caller's client and mode, in all its detail, after a live check where it is not final.
pub async fn detail(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Option<Detail>> {
    let Some(view) = send_money::status(app, caller, id).await? else { return Ok(None) };
    let (db, client) = (&app.db, caller.client_id);
    Ok(Some(Detail {
        view,
        attempts: payment::attempts(db, client, id).await?,
        observations: payment::observations(db, client, id, OBSERVATIONS).await?,
        ledger: ledger::of_payment(db, client, id).await?,
        events: event::of_payment(db, client, id).await?,
        exceptions: exception::open_of(db, client, id).await?,
        proposal: exception::proposal(db, client, id).await?,
    }))
}

/// Every delivery of what was told of one payment of the caller's client.
pub async fn deliveries(app: &App, caller: &Caller, id: Uuid) -> store::Result<Vec<delivery::Row>> {
    delivery::of_payment(&app.db, caller.client_id, id).await
}

/// How many calls about a payment are shown.
const CALLS: i64 = 50;

/// What providers called about one payment of the caller's client.
pub async fn calls(app: &App, caller: &Caller, id: Uuid) -> store::Result<Vec<callback::CallRow>> {
    callback::of_payment(&app.db, caller.client_id, id, CALLS).await
}

/// The caller's money in doubt, by currency and age.
pub async fn doubt(app: &App, caller: &Caller) -> store::Result<Vec<payment::Doubt>> {
    let now = app.now();
    let (hour, day) = (now - chrono::TimeDelta::hours(1), now - chrono::TimeDelta::days(1));
    payment::doubt(&app.db, caller.client_id, caller.mode.as_str(), hour, day).await
}

/// A page of the caller's exceptions, newest first.
pub async fn exceptions(
    app: &App,
    caller: &Caller,
    status: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> store::Result<Vec<exception::Exception>> {
    exception::list(&app.db, caller.client_id, caller.mode.as_str(), status, before, limit).await
}

/// The caller's events after one, oldest first, without those created after `until`.
pub async fn events(
    app: &App,
    caller: &Caller,
    after: Option<Uuid>,
    until: DateTime<Utc>,
    limit: i64,
) -> store::Result<Vec<event::Event>> {
    event::after(&app.db, caller.client_id, caller.mode.as_str(), after, until, limit).await
}
