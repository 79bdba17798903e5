//! How payments go on after the answer: the agenda of what is due, people's decisions, and the callbacks that tell it.
//!
//! One task serves the agenda; a status call turns its own payment when it is due, so the agenda may be late and
//! nobody sees it. What a callback looks like is the provider's.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::books::{Books, Entry, Payment, Plan, Row, Turn};
use super::callbacks::Callback;
use super::engine::Engine;
use super::faults::{CALLBACK, Matched};
use super::provider::{Code, Provider, Settings, documented};
use std::time::Duration;

/// Payments turned under one lock of the books.
const BATCH: usize = 256;

/// A payment as the caller's server shall hear of it.
pub struct Told<P: Provider> {
    /// The caller's reference.
    pub id: String,
    pub payment: Payment<P::Code>,
    /// The provider's own reference.
    pub provider_ref: String,
    pub settings: Arc<P::Settings>,
    pub at: DateTime<Utc>,
}

impl<P: Provider> Clone for Told<P> {
    fn clone(&self) -> Self {
        let (id, payment, provider_ref) = (self.id.clone(), self.payment.clone(), self.provider_ref.clone());
        Told { id, payment, provider_ref, settings: self.settings.clone(), at: self.at }
    }
}

impl<P: Provider> Told<P> {
    /// What the books say of a payment now; `None` for a reference they do not know.
    pub fn of(books: &Books<P>, id: &str, at: DateTime<Utc>) -> Option<Told<P>> {
        let payment = books.get(id)?.clone();
        let provider_ref = books.provider_ref(&payment);
        Some(Told { id: id.into(), payment, provider_ref, settings: books.settings.clone(), at })
    }
}

impl<P: Provider> Engine<P> {
    /// Serves the agenda until the sandbox stops.
    pub(super) async fn serve_agenda(self) {
        self.stopping().run_until_cancelled(self.agenda()).await;
    }

    async fn agenda(&self) {
        loop {
            // The permit of a wake-up that came before this waits for it, so what is booked meanwhile wakes at once.
            let next = self.lock().next_due();
            match next {
                None => self.woken().await,
                Some(at) if at > self.now() => {
                    tokio::select! {
                        () = self.woken() => {}
                        () = self.clock().sleep_until(at) => {}
                    }
                }
                Some(_) => {
                    self.turn_batch();
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn turn_batch(&self) {
        let now = self.now();
        let news: Vec<Told<P>> = {
            let mut books = self.lock();
            let due = books.due(now, BATCH);
            due.iter().filter_map(|id| self.turn_if_due(&mut books, id, now)).collect()
        };
        // When the books cannot be written nothing is told; the error is in the log and every answer is a 500.
        if self.settle_journal().is_ok() {
            news.into_iter().for_each(|one| self.tell(one));
        }
    }

    /// Turns a payment whose plan is due, and says what its owner shall hear of it.
    pub(in crate::sandbox) fn turn_if_due(
        &self,
        books: &mut Books<P>,
        id: &str,
        now: DateTime<Utc>,
    ) -> Option<Told<P>> {
        let payment = books.get(id)?;
        payment.due.filter(|due| *due <= now)?;
        let (code, plan, due) = match payment.plan {
            Plan::End(code) | Plan::Stay(code) => (code, Plan::Stay(code), None),
            Plan::Via(first, last) => (first, Plan::End(last), Some(now + self.settle_after(books))),
        };
        let (money, description) = (code.money(payment.money), payment.description.clone());
        self.commit(books, Entry::Turned(Turn { id: id.into(), code, money, plan, due, description, at: now }));
        self.news(books, id, now)
    }

    /// What the callback says of a payment now; `None` for states the provider does not tell.
    fn news(&self, books: &Books<P>, id: &str, now: DateTime<Utc>) -> Option<Told<P>> {
        Told::of(books, id, now).filter(|told| P::tells(told.payment.code, &told.settings))
    }

    /// Decides a payment's state now. An end is replaced only with `force`: the contradiction that callers must
    /// survive; the money then follows the new code.
    pub fn finish(&self, reference: &str, code: &str, description: Option<&str>, force: bool) -> Result<Row, String> {
        let code: P::Code = code.parse().map_err(|e: <P::Code as std::str::FromStr>::Err| e.to_string())?;
        code.decidable()?;
        let now = self.now();
        let (row, news) = {
            let mut books = self.lock();
            let known = books.get(reference).filter(|p| p.exists()).ok_or("no payment has this reference")?;
            if !code.may_follow(known.code) && !force {
                return Err(format!("the payment has ended with {}; say force to contradict it", known.code));
            }
            let (money, said) = (code.money(known.money), description.map(Box::from));
            let (id, plan) = (reference.into(), Plan::Stay(code));
            let turn = Turn { id, code, money, plan, due: None, description: said, at: now };
            self.commit(&mut books, Entry::Turned(turn));
            (books.row(reference).ok_or("the payment is gone")?, self.news(&books, reference, now))
        };
        self.settle_journal().map_err(|e| e.to_string())?;
        news.into_iter().for_each(|one| self.tell(one));
        Ok(row)
    }

    /// From the acceptance to the end, on the sandbox's clock.
    pub(in crate::sandbox) fn settle_after(&self, books: &Books<P>) -> TimeDelta {
        documented(books.settings.common().settle_after_ms, self.speed())
    }

    /// Sends the callback in a task of its own.
    pub(super) fn tell(&self, news: Told<P>) {
        if news.settings.common().callback_url.is_some() {
            self.tasks().spawn(self.clone().deliver(news));
        }
    }

    /// Sends the callback with what the faults make of it, and returns when it is delivered or given up.
    pub(super) async fn deliver(self, mut told: Told<P>) {
        let (account, reference) = (Some(&*told.payment.account), Some(told.id.as_str()));
        let matched = Matched { operation: CALLBACK, account, reference, sends: false };
        let mut effects = self.faults().take(&matched, self.now());
        if effects.drop_callback || !self.waited(std::mem::take(&mut effects.before)).await {
            return;
        }
        if let Some(code) = effects.wrong_code.as_ref().and_then(|code| code.parse().ok()) {
            told.payment.code = code;
        }
        if effects.wrong_amount {
            told.payment.amount = told.payment.amount.saturating_mul(100);
        }
        for _ in 0..effects.copies.unwrap_or(1) {
            self.send(&told).await;
        }
        if effects.reorder_callbacks {
            told.payment.code = P::stale(told.payment.code);
            self.send(&told).await;
        }
    }

    async fn send(&self, told: &Told<P>) {
        let common = told.settings.common();
        let Some(url) = common.callback_url else { return };
        let notice = P::notice(self.account(), told);
        let callback = Callback {
            url: url.into(),
            headers: notice.headers,
            body: notice.body,
            reference: told.id.clone(),
            code: told.payment.code.to_string(),
            timeout: Duration::from_millis(common.callback_timeout_ms),
            ladder: common.ladder,
        };
        self.sender().send(callback).await;
    }
}
