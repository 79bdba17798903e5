//! The one door through which a payment and its attempts change, a whole batch in one statement.
//!
//! Each change moves the payment's version first; where the version is another, nothing of that change is written and
//! it is missing from the answer. Attempt, observation, ledger lines, event, deliveries, next attempt and exception
//! all hang on that one update. What a change is, domain decides and flows spell out.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::accept::NewAttempt;
use super::{Result, Tx};
use crate::domain::ledger::Line;

/// One change of one payment, by one of its attempts.
#[derive(Clone, Debug)]
pub struct Change {
    pub client_id: Uuid,
    pub payment_id: Uuid,
    pub expected_version: i32,
    /// The payment after the change.
    pub payment: PaymentAfter,
    /// The attempt that moves.
    pub attempt: AttemptAfter,
    /// A claim of a send: refused unless sending is open, the window is, and the connection is ACTIVE.
    pub is_send: bool,
    /// Stops any other attempt of this payment that is still prepared.
    pub stop_prepared: bool,
    pub observation: Option<NewObservation>,
    pub lines: Vec<Line>,
    /// Which contradiction of the attempt the lines belong to, from 0: each books once.
    pub part: i16,
    pub event: Option<NewEvent>,
    /// The number of the next attempt is `payment.attempt`.
    pub next: Option<NewAttempt>,
    pub exception: Option<NewException>,
}

#[derive(Clone, Debug)]
pub struct PaymentAfter {
    pub status: &'static str,
    pub evidence: &'static str,
    pub attempt: i16,
    pub unknown_since: Option<DateTime<Utc>>,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    pub final_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct AttemptAfter {
    pub number: i16,
    pub expected_state: &'static str,
    pub state: &'static str,
    pub sends: i16,
    pub accepted: bool,
    pub polls: i32,
    pub not_found: i16,
    pub not_found_at: Option<DateTime<Utc>>,
    /// Kept as it was where `None`.
    pub polled_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
    pub next_try_at: Option<DateTime<Utc>>,
    pub leased_until: Option<DateTime<Utc>>,
    pub provider_ref: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// For its ledger lines.
    pub connection_id: Uuid,
    pub mode: &'static str,
    pub currency: &'static str,
}

#[derive(Clone, Debug)]
pub struct NewObservation {
    pub id: Uuid,
    pub kind: &'static str,
    pub verdict: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub raw: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: Uuid,
    pub kind: &'static str,
    pub body: String,
}

#[derive(Clone, Debug)]
pub struct NewException {
    pub id: Uuid,
    pub kind: &'static str,
    pub detail: String,
    pub amount: i64,
}

/// A change that was written: the endpoints its event is to be told to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub endpoints: Vec<Uuid>,
}

/// Applies the changes whose expected version still stands, and answers each in its order: `None` where it was
/// overtaken. Deliveries are leased to the caller until `told_by`. Inputs must be sorted by (client, payment) and name
/// each payment once.
pub async fn apply(
    tx: &mut Tx,
    batch: &[Change],
    told_by: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Option<Applied>>> {
    let columns = Columns::of(batch);
    let extra = Extra::of(batch);
    let rows = sqlx::query_file!(
        "src/store/advance.sql",
        now,
        &columns.ord,
        &columns.client,
        &columns.payment,
        &columns.version,
        &columns.is_send,
        &columns.stop_prepared,
        &columns.status as _,
        &columns.evidence as _,
        &columns.current,
        &columns.unknown_since as _,
        &columns.reason_code as _,
        &columns.reason as _,
        &columns.final_at as _,
        &columns.number,
        &columns.expected as _,
        &columns.state as _,
        &columns.sends,
        &columns.accepted,
        &columns.polls,
        &columns.not_found,
        &columns.not_found_at as _,
        &columns.sent_at as _,
        &columns.next_try_at as _,
        &columns.leased_until as _,
        &columns.provider_ref as _,
        &columns.code as _,
        &columns.message as _,
        &columns.connection,
        &columns.mode as _,
        &columns.currency as _,
        &columns.polled_at as _,
        &extra.seen_ord,
        &extra.seen_id,
        &extra.seen_kind as _,
        &extra.seen_verdict as _,
        &extra.seen_code as _,
        &extra.seen_message as _,
        &extra.seen_raw as _,
        &extra.line_ord,
        &extra.line_kind as _,
        &extra.line_type as _,
        &extra.line_debit as _,
        &extra.line_credit as _,
        &extra.line_amount,
        &extra.event_ord,
        &extra.event_id,
        &extra.event_kind as _,
        &extra.event_body as _,
        &extra.next_ord,
        &extra.next_connection,
        &extra.next_provider as _,
        &extra.next_identity as _,
        &extra.next_reference as _,
        &extra.next_frozen as _,
        &extra.next_fee,
        &extra.next_tax,
        &extra.next_why as _,
        &extra.next_at,
        &extra.exception_ord,
        &extra.exception_id,
        &extra.exception_kind as _,
        &extra.exception_detail as _,
        &extra.exception_amount,
        told_by,
        &extra.line_part,
    )
    .fetch_all(tx.conn())
    .await?;
    let mut applied: Vec<Option<Applied>> = vec![None; batch.len()];
    for moved in rows.iter().filter_map(|row| row.ord) {
        applied[moved as usize] = Some(Applied::default());
    }
    let of_event: HashMap<Uuid, usize> =
        batch.iter().enumerate().filter_map(|(at, change)| Some((change.event.as_ref()?.id, at))).collect();
    for (event, endpoint) in rows.iter().filter_map(|row| row.event_id.zip(row.endpoint_id)) {
        if let Some(applied) = of_event.get(&event).and_then(|at| applied[*at].as_mut()) {
            applied.endpoints.push(endpoint);
        }
    }
    Ok(applied)
}

/// The columns of the changes themselves, one element a change.
#[derive(Default)]
struct Columns<'a> {
    ord: Vec<i32>,
    client: Vec<Uuid>,
    payment: Vec<Uuid>,
    version: Vec<i32>,
    is_send: Vec<bool>,
    stop_prepared: Vec<bool>,
    status: Vec<&'a str>,
    evidence: Vec<&'a str>,
    current: Vec<i16>,
    unknown_since: Vec<Option<DateTime<Utc>>>,
    reason_code: Vec<Option<&'a str>>,
    reason: Vec<Option<&'a str>>,
    final_at: Vec<Option<DateTime<Utc>>>,
    number: Vec<i16>,
    expected: Vec<&'a str>,
    state: Vec<&'a str>,
    sends: Vec<i16>,
    accepted: Vec<bool>,
    polls: Vec<i32>,
    not_found: Vec<i16>,
    not_found_at: Vec<Option<DateTime<Utc>>>,
    sent_at: Vec<Option<DateTime<Utc>>>,
    next_try_at: Vec<Option<DateTime<Utc>>>,
    leased_until: Vec<Option<DateTime<Utc>>>,
    provider_ref: Vec<Option<&'a str>>,
    code: Vec<Option<&'a str>>,
    message: Vec<Option<&'a str>>,
    connection: Vec<Uuid>,
    mode: Vec<&'a str>,
    currency: Vec<&'a str>,
    polled_at: Vec<Option<DateTime<Utc>>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a [Change]) -> Self {
        let mut to = Columns::default();
        for (ord, change) in batch.iter().enumerate() {
            let (payment, attempt) = (&change.payment, &change.attempt);
            to.ord.push(ord as i32);
            to.client.push(change.client_id);
            to.payment.push(change.payment_id);
            to.version.push(change.expected_version);
            to.is_send.push(change.is_send);
            to.stop_prepared.push(change.stop_prepared);
            to.status.push(payment.status);
            to.evidence.push(payment.evidence);
            to.current.push(payment.attempt);
            to.unknown_since.push(payment.unknown_since);
            to.reason_code.push(payment.reason_code.as_deref());
            to.reason.push(payment.reason.as_deref());
            to.final_at.push(payment.final_at);
            to.number.push(attempt.number);
            to.expected.push(attempt.expected_state);
            to.state.push(attempt.state);
            to.sends.push(attempt.sends);
            to.accepted.push(attempt.accepted);
            to.polls.push(attempt.polls);
            to.not_found.push(attempt.not_found);
            to.not_found_at.push(attempt.not_found_at);
            to.sent_at.push(attempt.sent_at);
            to.next_try_at.push(attempt.next_try_at);
            to.leased_until.push(attempt.leased_until);
            to.provider_ref.push(attempt.provider_ref.as_deref());
            to.code.push(attempt.code.as_deref());
            to.message.push(attempt.message.as_deref());
            to.connection.push(attempt.connection_id);
            to.mode.push(attempt.mode);
            to.currency.push(attempt.currency);
            to.polled_at.push(attempt.polled_at);
        }
        to
    }
}

/// What only some changes bring; `*_ord` says which change a row belongs to.
#[derive(Default)]
struct Extra<'a> {
    seen_ord: Vec<i32>,
    seen_id: Vec<Uuid>,
    seen_kind: Vec<&'a str>,
    seen_verdict: Vec<&'a str>,
    seen_code: Vec<Option<&'a str>>,
    seen_message: Vec<Option<&'a str>>,
    seen_raw: Vec<Option<&'a str>>,
    line_ord: Vec<i32>,
    line_kind: Vec<&'a str>,
    line_type: Vec<&'a str>,
    line_debit: Vec<&'a str>,
    line_credit: Vec<&'a str>,
    line_amount: Vec<i64>,
    line_part: Vec<i16>,
    event_ord: Vec<i32>,
    event_id: Vec<Uuid>,
    event_kind: Vec<&'a str>,
    event_body: Vec<&'a str>,
    next_ord: Vec<i32>,
    next_connection: Vec<Uuid>,
    next_provider: Vec<&'a str>,
    next_identity: Vec<&'a str>,
    next_reference: Vec<&'a str>,
    next_frozen: Vec<&'a [u8]>,
    next_fee: Vec<i64>,
    next_tax: Vec<i64>,
    next_why: Vec<&'a str>,
    next_at: Vec<DateTime<Utc>>,
    exception_ord: Vec<i32>,
    exception_id: Vec<Uuid>,
    exception_kind: Vec<&'a str>,
    exception_detail: Vec<&'a str>,
    exception_amount: Vec<i64>,
}

impl<'a> Extra<'a> {
    fn of(batch: &'a [Change]) -> Self {
        let mut to = Extra::default();
        for (ord, change) in batch.iter().enumerate() {
            let ord = ord as i32;
            to.seen(ord, change.observation.as_ref());
            for line in &change.lines {
                to.line_ord.push(ord);
                to.line_kind.push(line.kind.as_str());
                to.line_type.push(line.line.as_str());
                to.line_debit.push(line.debit.as_str());
                to.line_credit.push(line.credit.as_str());
                to.line_amount.push(line.amount);
                to.line_part.push(change.part);
            }
            if let Some(event) = &change.event {
                to.event_ord.push(ord);
                to.event_id.push(event.id);
                to.event_kind.push(event.kind);
                to.event_body.push(&event.body);
            }
            to.next(ord, change.next.as_ref());
            if let Some(exception) = &change.exception {
                to.exception_ord.push(ord);
                to.exception_id.push(exception.id);
                to.exception_kind.push(exception.kind);
                to.exception_detail.push(&exception.detail);
                to.exception_amount.push(exception.amount);
            }
        }
        to
    }

    fn seen(&mut self, ord: i32, observation: Option<&'a NewObservation>) {
        let Some(seen) = observation else { return };
        self.seen_ord.push(ord);
        self.seen_id.push(seen.id);
        self.seen_kind.push(seen.kind);
        self.seen_verdict.push(&seen.verdict);
        self.seen_code.push(seen.code.as_deref());
        self.seen_message.push(seen.message.as_deref());
        self.seen_raw.push(seen.raw.as_deref());
    }

    fn next(&mut self, ord: i32, attempt: Option<&'a NewAttempt>) {
        let Some(next) = attempt else { return };
        self.next_ord.push(ord);
        self.next_connection.push(next.connection_id);
        self.next_provider.push(&next.provider);
        self.next_identity.push(&next.identity);
        self.next_reference.push(&next.reference);
        self.next_frozen.push(&next.frozen);
        self.next_fee.push(next.fee);
        self.next_tax.push(next.tax);
        self.next_why.push(&next.why);
        self.next_at.push(next.next_try_at);
    }
}
