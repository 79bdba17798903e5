//! How payments go on after the answer: the agenda of what is due, operators' decisions, and the callbacks that tell it.
//!
//! One task serves the agenda; a status call turns its own payment when it is due, so the agenda may be late and
//! nobody sees it. Callbacks are unsigned POSTs with the fields of a status answer (contracts/oy.md 4).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Oy;
use super::books::{Books, Entry, Money, Payment, Plan, Row, Turn};
use super::calls::state;
use super::code::Code;
use super::settings::Settings;
use super::wire::Reply;
use crate::sandbox::chassis::callbacks::Callback;
use crate::sandbox::chassis::faults::{CALLBACK, Matched};

/// Waits after each failed log, in seconds: five retries (contracts/oy.md 4).
pub const CALLBACK_RETRY_S: [u64; 5] = [0, 60, 120, 780, 2820];
/// Payments turned under one lock of the books.
const BATCH: usize = 256;

/// A state that the caller's server shall hear of.
pub(super) struct News {
    id: String,
    account: String,
    reply: Reply,
    url: Option<String>,
    timeout: Duration,
    ladder: &'static [u64],
}

impl News {
    pub fn of(id: &str, payment: &Payment, reply: Reply, settings: &Settings) -> News {
        News {
            id: id.into(),
            account: payment.account.to_string(),
            reply,
            url: settings.callback_url.clone(),
            timeout: Duration::from_millis(settings.callback_timeout_ms),
            ladder: if settings.callback_retries { &CALLBACK_RETRY_S } else { &[] },
        }
    }

    fn callback(&self, url: &str, reply: &Reply) -> Callback {
        Callback {
            url: url.into(),
            body: reply.body(),
            reference: self.id.clone(),
            code: reply.code.to_string(),
            timeout: self.timeout,
            ladder: self.ladder,
        }
    }
}

impl Oy {
    /// Serves the agenda until the sandbox stops.
    pub(super) async fn serve_agenda(self) {
        let stopping = self.0.stopping.clone();
        stopping.run_until_cancelled(self.agenda()).await;
    }

    async fn agenda(&self) {
        loop {
            // Asked for before looking, so that what is booked meanwhile wakes at once.
            let woken = self.0.wake.notified();
            let next = self.lock().next_due();
            match next {
                None => woken.await,
                Some(at) if at > self.clock().now() => {
                    tokio::select! {
                        () = woken => {}
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
        let now = self.clock().now();
        let news: Vec<News> = {
            let mut books = self.lock();
            let due = books.due(now, BATCH);
            due.iter().filter_map(|id| self.turn_if_due(&mut books, id, now)).collect()
        };
        // When the books cannot be written nothing is told; the error is in the log and every answer is a 500.
        if self.settle_journal().is_ok() {
            news.into_iter().for_each(|one| self.tell(one));
        }
    }

    /// Turns a payment whose plan is due, as often as it is due, and says what its owner shall hear of the last turn.
    pub(super) fn turn_if_due(&self, books: &mut Books, id: &str, now: DateTime<Utc>) -> Option<News> {
        let payment = books.get(id)?;
        payment.due.filter(|due| *due <= now)?;
        let (code, plan, due) = match payment.plan {
            Plan::End(code) | Plan::Stay(code) => (code, Plan::Stay(code), None),
            Plan::SuspectThenEnd(code) => (Code::SUSPECT, Plan::End(code), Some(now + self.settle_after(books))),
        };
        let (money, description) = (money_at(code, payment.money), payment.description.clone());
        self.commit(books, Entry::Turned(Turn { id: id.into(), code, money, plan, due, description, at: now }));
        self.news(books, id, now)
    }

    /// What the callback says of a payment now; `None` for states OY! does not tell.
    fn news(&self, books: &Books, id: &str, now: DateTime<Utc>) -> Option<News> {
        let payment = books.get(id)?;
        let told = payment.code.is_end() || (payment.code == Code::SUSPECT && books.settings.callback_on_suspect);
        told.then(|| News::of(id, payment, state(books, id, payment, payment.code, now), &books.settings))
    }

    /// Decides a payment's end now (or makes it 301). An end is replaced only with `force`: the contradiction that
    /// callers must survive; the money then follows the new code.
    pub fn finish(&self, id: &str, code: &str, description: Option<&str>, force: bool) -> Result<Row, String> {
        let code: Code = code.parse().map_err(|e: super::code::NotACode| e.to_string())?;
        if !code.is_end() && code != Code::SUSPECT {
            return Err("a payment ends with 000, 206, 209, 225 or 300, or waits at 301".into());
        }
        let now = self.clock().now();
        let (row, news) = {
            let mut books = self.lock();
            let known = books.get(id).filter(|p| p.exists()).ok_or("no payment has this partner_trx_id")?;
            if known.code.is_end() && !force {
                return Err(format!("the payment has ended with {}; say force to contradict it", known.code));
            }
            let (money, said) = (money_at(code, known.money), description.map(Box::from));
            let turn =
                Turn { id: id.into(), code, money, plan: Plan::Stay(code), due: None, description: said, at: now };
            self.commit(&mut books, Entry::Turned(turn));
            (books.row(id).ok_or("the payment is gone")?, self.news(&books, id, now))
        };
        self.settle_journal().map_err(|e| e.to_string())?;
        news.into_iter().for_each(|one| self.tell(one));
        Ok(row)
    }

    /// From 101 to the end, on the sandbox's clock.
    pub(super) fn settle_after(&self, books: &Books) -> TimeDelta {
        let wait = Duration::from_millis(books.settings.settle_after_ms).div_f64(self.0.speed);
        TimeDelta::from_std(wait).unwrap_or(TimeDelta::zero())
    }

    /// Sends the callback in a task of its own.
    pub(super) fn tell(&self, news: News) {
        if news.url.is_some() {
            self.tasks().spawn(self.clone().deliver(news));
        }
    }

    /// Sends the callback with what the faults make of it, and returns when it is delivered or given up.
    pub(super) async fn deliver(self, mut news: News) {
        let Some(url) = news.url.take() else { return };
        let (account, reference) = (Some(news.account.as_str()), Some(news.id.as_str()));
        let matched = Matched { operation: CALLBACK, account, reference, sends: false };
        let mut effects = self.faults().take(&matched, self.clock().now());
        if effects.drop_callback || !self.waited(std::mem::take(&mut effects.before)).await {
            return;
        }
        news.reply.spoil(&effects);
        for _ in 0..effects.copies.unwrap_or(1) {
            self.0.callbacks.send(news.callback(&url, &news.reply)).await;
        }
        if effects.reorder_callbacks {
            let stale = Reply { code: Code::SUSPECT, ..news.reply.clone() };
            self.0.callbacks.send(news.callback(&url, &stale)).await;
        }
    }
}

/// Where the money is once a payment says `code`: out on success, back on failure, else where it was.
fn money_at(code: Code, was: Money) -> Money {
    match code {
        Code::SUCCESS => Money::Moved,
        code if code.is_end() => Money::None,
        _ => was,
    }
}
