//! A simulator's books: the deposit, and for every reference what became of it.
//!
//! Pure state: [`Books::apply`] is the only way to change it, live and at replay alike, so a restart ends where the
//! last process was. It reads no clock and does no input or output. [`Summary`] and [`Row`] show it in one shape for
//! all providers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::provider::{Account, Own, Provider};

/// Where a payment's money is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Money {
    /// Not taken, or given back before it was paid out.
    #[default]
    None,
    /// Reserved at the acceptance.
    Held,
    /// Paid out.
    Moved,
    /// Paid out, and come back.
    Returned,
}

/// What happens next to a payment, when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan<C> {
    /// It ends with this code.
    End(C),
    /// It becomes the first, and ends with the second after the same time again.
    Via(C, C),
    /// It becomes this and stays.
    Stay(C),
}

/// What is known of one reference.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment<C> {
    /// The number behind the provider's own reference; 0 for a rejected order, which created nothing.
    pub trx: u64,
    pub bank: Box<str>,
    pub account: Box<str>,
    /// Whole rupiah.
    pub amount: i64,
    pub code: C,
    pub money: Money,
    pub plan: Plan<C>,
    /// When the plan is due; `None` when nothing more happens by itself.
    pub due: Option<DateTime<Utc>>,
    /// What the provider says of it in words.
    pub description: Option<Box<str>>,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
}

/// Where an order's money goes, and how much of it.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub bank: &'a str,
    pub account: &'a str,
    /// Whole rupiah.
    pub amount: i64,
}

impl Target<'_> {
    /// A payment that begins now and waits for nothing yet.
    pub fn payment<C>(&self, trx: u64, code: C, money: Money, plan: Plan<C>, now: DateTime<Utc>) -> Payment<C> {
        Payment {
            trx,
            bank: self.bank.into(),
            account: self.account.into(),
            amount: self.amount,
            code,
            money,
            plan,
            due: None,
            description: None,
            created: now,
            updated: now,
        }
    }
}

impl<C> Payment<C> {
    /// Whether an order created something under this reference.
    pub fn exists(&self) -> bool {
        self.trx != 0
    }
}

/// A change of a payment's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn<C> {
    pub id: Box<str>,
    pub code: C,
    pub money: Money,
    pub plan: Plan<C>,
    pub due: Option<DateTime<Utc>>,
    pub description: Option<Box<str>>,
    pub at: DateTime<Utc>,
}

/// One line of the journal. Externally tagged on purpose: with arbitrary precision numbers, serde cannot buffer them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", bound = "")]
pub enum Entry<P: Provider> {
    /// The first line: who may call, and the opening balance.
    Opened(P::Account),
    Settings(P::Settings),
    TopUp(i64),
    /// An order was booked or rejected under this reference. A rejected reference may come again.
    Booked(Box<str>, Payment<P::Code>),
    Turned(Turn<P::Code>),
    /// What only this provider remembers.
    Own(<P::Own as Own>::Fact),
}

/// The sums of the books. `opening + top_ups - paid = balance`, always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub opening: i64,
    pub top_ups: i64,
    /// Paid out and not come back.
    pub paid: i64,
    pub reserved: i64,
    pub balance: i64,
    /// Balance less what is reserved.
    pub available: i64,
    /// References the books know, rejected ones included.
    pub count: usize,
    /// Payments whose money moved and did not come back.
    pub paid_count: u64,
    /// Rejected orders whose reference was not used well later.
    pub rejected_count: u64,
    /// Created payments by the provider's code.
    pub by_code: BTreeMap<String, u64>,
}

/// One payment as the books show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The caller's.
    pub reference: String,
    /// The provider's own; "" when the order was rejected.
    pub provider_ref: String,
    pub bank: String,
    pub account: String,
    pub amount: i64,
    /// In the provider's own codes.
    pub code: String,
    /// Whether the money is paid out.
    pub moved: bool,
    pub reserved: bool,
    /// Whether the money was paid out and came back.
    pub returned: bool,
    pub description: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The sums and every payment, as of one instant.
#[derive(Clone, Debug, Serialize)]
pub struct WholeBooks {
    #[serde(flatten)]
    pub summary: Summary,
    pub payments: Vec<Row>,
}

/// The deposit account and all payments.
pub struct Books<P: Provider> {
    pub settings: Arc<P::Settings>,
    pub own: P::Own,
    account: Option<Arc<P::Account>>,
    top_ups: i64,
    paid: i64,
    reserved: i64,
    paid_count: u64,
    rejected_count: u64,
    by_code: BTreeMap<P::Code, u64>,
    rows: HashMap<Box<str>, Payment<P::Code>>,
    due: BTreeSet<(DateTime<Utc>, Box<str>)>,
    last_trx: u64,
}

impl<P: Provider> Default for Books<P> {
    fn default() -> Self {
        let (settings, own, account) = (Arc::default(), P::Own::default(), None);
        let (top_ups, paid, reserved, paid_count, rejected_count) = (0, 0, 0, 0, 0);
        let (by_code, rows, due, last_trx) = (BTreeMap::new(), HashMap::new(), BTreeSet::new(), 0);
        Books {
            settings,
            own,
            account,
            top_ups,
            paid,
            reserved,
            paid_count,
            rejected_count,
            by_code,
            rows,
            due,
            last_trx,
        }
    }
}

impl<P: Provider> Books<P> {
    /// The account, once the first line has been written.
    pub fn account(&self) -> Option<Arc<P::Account>> {
        self.account.clone()
    }

    /// Applies one entry. Total: an entry about an unknown reference changes nothing.
    pub fn apply(&mut self, entry: Entry<P>) {
        match entry {
            Entry::Opened(account) => self.account = Some(Arc::new(account)),
            Entry::Settings(settings) => self.settings = Arc::new(settings),
            Entry::TopUp(amount) => self.top_ups += amount,
            Entry::Booked(id, payment) => {
                self.last_trx = self.last_trx.max(payment.trx);
                if let Some(old) = self.rows.remove(&id) {
                    self.count(&id, &old, -1);
                }
                self.count(&id, &payment, 1);
                self.rows.insert(id, payment);
            }
            Entry::Turned(turn) => {
                let Some((id, mut payment)) = self.rows.remove_entry(&turn.id) else { return };
                self.count(&id, &payment, -1);
                (payment.code, payment.money, payment.plan) = (turn.code, turn.money, turn.plan);
                (payment.due, payment.description, payment.updated) = (turn.due, turn.description, turn.at);
                self.count(&id, &payment, 1);
                self.rows.insert(id, payment);
            }
            Entry::Own(fact) => self.own.apply(fact),
        }
    }

    /// Adds a payment to the sums and the agenda, or takes it out (`sign` -1).
    fn count(&mut self, id: &str, payment: &Payment<P::Code>, sign: i64) {
        let step = |n: &mut u64| *n = n.saturating_add_signed(sign);
        match payment.money {
            Money::None | Money::Returned => {}
            Money::Held => self.reserved += sign * payment.amount,
            Money::Moved => {
                self.paid += sign * payment.amount;
                step(&mut self.paid_count);
            }
        }
        match payment.exists() {
            true => step(self.by_code.entry(payment.code).or_default()),
            false => step(&mut self.rejected_count),
        }
        if let Some(due) = payment.due {
            let key = (due, Box::from(id));
            let _ = if sign > 0 { self.due.insert(key) } else { self.due.remove(&key) };
        }
    }

    pub fn get(&self, id: &str) -> Option<&Payment<P::Code>> {
        self.rows.get(id)
    }

    /// The number of the next payment.
    pub fn next_trx(&self, now: DateTime<Utc>) -> u64 {
        P::number(self.last_trx, now)
    }

    /// The provider's own reference; "" where nothing was created.
    pub fn provider_ref(&self, payment: &Payment<P::Code>) -> String {
        match &self.account {
            Some(account) if payment.exists() => P::provider_ref(account, payment),
            _ => String::new(),
        }
    }

    fn opening(&self) -> i64 {
        self.account.as_ref().map_or(0, |account| account.opening())
    }

    /// Opening balance and top-ups less what was paid out.
    pub fn balance(&self) -> i64 {
        self.opening() + self.top_ups - self.paid
    }

    pub fn reserved(&self) -> i64 {
        self.reserved
    }

    /// Balance less what is reserved.
    pub fn available(&self) -> i64 {
        self.balance() - self.reserved
    }

    /// When the next payment is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Up to `limit` references that are due at `now`.
    pub fn due(&self, now: DateTime<Utc>, limit: usize) -> Vec<Box<str>> {
        self.due.iter().take_while(|(at, _)| *at <= now).take(limit).map(|(_, id)| id.clone()).collect()
    }

    pub fn summary(&self) -> Summary {
        let told = self.by_code.iter().filter(|(_, n)| **n > 0);
        Summary {
            opening: self.opening(),
            top_ups: self.top_ups,
            paid: self.paid,
            reserved: self.reserved,
            balance: self.balance(),
            available: self.available(),
            count: self.rows.len(),
            paid_count: self.paid_count,
            rejected_count: self.rejected_count,
            by_code: told.map(|(code, n)| (code.to_string(), *n)).collect(),
        }
    }

    pub fn row(&self, id: &str) -> Option<Row> {
        let payment = self.rows.get(id)?;
        Some(self.show(id, payment))
    }

    /// Every row, in the order of creation.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.iter().map(|(id, payment)| self.show(id, payment)).collect();
        rows.sort_by(|a, b| (a.created_at, &a.reference).cmp(&(b.created_at, &b.reference)));
        rows
    }

    fn show(&self, id: &str, payment: &Payment<P::Code>) -> Row {
        Row {
            reference: id.into(),
            provider_ref: self.provider_ref(payment),
            bank: payment.bank.to_string(),
            account: payment.account.to_string(),
            amount: payment.amount,
            code: payment.code.to_string(),
            moved: payment.money == Money::Moved,
            reserved: payment.money == Money::Held,
            returned: payment.money == Money::Returned,
            description: payment.description.as_deref().map(String::from),
            created_at: payment.created,
            updated_at: payment.updated,
        }
    }
}
