//! The simulator's books: the deposit, and for every `partner_trx_id` what became of it.
//!
//! Pure state: [`Books::apply`] is the only way to change it, live and at replay alike, so a restart ends where the
//! last process was. It reads no clock and does no input or output.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::settings::Settings;

/// Where a payment's money is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Money {
    /// Not taken, or given back.
    #[default]
    None,
    /// Reserved on 101.
    Held,
    /// Paid out.
    Moved,
}

/// What happens next to a payment, when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// It ends with this code.
    End(Code),
    /// It becomes 301, and ends with this code after the same time again.
    SuspectThenEnd(Code),
    /// It becomes this and stays.
    Stay(Code),
}

/// What is known of one `partner_trx_id`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// The number in `trx_id`; 0 for a rejected remit, which created nothing.
    pub trx: u64,
    pub bank: Box<str>,
    pub account: Box<str>,
    /// Whole rupiah.
    pub amount: i64,
    pub code: Code,
    pub money: Money,
    pub plan: Plan,
    /// When the plan is due; `None` when nothing more happens by itself.
    pub due: Option<DateTime<Utc>>,
    /// `tx_status_description`.
    pub description: Option<Box<str>>,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
}

impl Payment {
    /// Whether a remit created something under this id.
    pub fn exists(&self) -> bool {
        self.trx != 0
    }
}

/// A change of a payment's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn {
    pub id: Box<str>,
    pub code: Code,
    pub money: Money,
    pub plan: Plan,
    pub due: Option<DateTime<Utc>>,
    pub description: Option<Box<str>>,
    pub at: DateTime<Utc>,
}

/// One line of the journal. Externally tagged on purpose: with arbitrary precision numbers, serde cannot buffer them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// The first line: who may call, and the opening balance.
    Opened {
        username: String,
        api_key: String,
        tag: String,
        balance: i64,
    },
    Settings(Settings),
    TopUp(i64),
    /// A remit was booked or rejected under this id. A rejected id may come again.
    Booked(Box<str>, Payment),
    Turned(Turn),
}

/// The sums of the books. `opening + top_ups - paid = balance`, always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub opening: i64,
    pub top_ups: i64,
    pub paid: i64,
    pub reserved: i64,
    pub balance: i64,
    /// Balance less what is reserved.
    pub available: i64,
    /// Ids the books know, rejected ones included.
    pub count: usize,
    /// Payments whose money moved.
    pub paid_count: u64,
    /// Rejected remits whose id was not used well later.
    pub rejected_count: u64,
    /// Created payments by state.
    pub by_code: BTreeMap<Code, u64>,
}

/// One payment as the books show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub partner_trx_id: String,
    /// "" when the remit was rejected.
    pub trx_id: String,
    pub recipient_bank: String,
    pub recipient_account: String,
    pub amount: i64,
    pub code: Code,
    /// Whether the money moved.
    pub moved: bool,
    pub reserved: bool,
    pub description: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The deposit account and all payments.
#[derive(Default)]
pub struct Books {
    pub username: String,
    pub api_key: String,
    pub settings: Settings,
    /// Makes the trx ids of one data folder differ from another's.
    tag: String,
    opening: i64,
    top_ups: i64,
    paid: i64,
    reserved: i64,
    paid_count: u64,
    rejected_count: u64,
    by_code: BTreeMap<Code, u64>,
    rows: HashMap<Box<str>, Payment>,
    due: BTreeSet<(DateTime<Utc>, Box<str>)>,
    last_trx: u64,
}

impl Books {
    /// Whether the first line has been written.
    pub fn opened(&self) -> bool {
        !self.username.is_empty()
    }

    /// Applies one entry. Total: an entry about an unknown id changes nothing.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Opened { username, api_key, tag, balance } => {
                (self.username, self.api_key, self.tag, self.opening) = (username, api_key, tag, balance);
            }
            Entry::Settings(settings) => self.settings = settings,
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
        }
    }

    /// Adds a payment to the sums and the agenda, or takes it out (`sign` -1).
    fn count(&mut self, id: &str, payment: &Payment, sign: i64) {
        let step = |n: &mut u64| *n = n.saturating_add_signed(sign);
        match payment.money {
            Money::None => {}
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

    pub fn get(&self, id: &str) -> Option<&Payment> {
        self.rows.get(id)
    }

    /// The number of the next `trx_id`.
    pub fn next_trx(&self) -> u64 {
        self.last_trx + 1
    }

    /// `trx_id` as the wire shows it: at most 36 characters, "" where nothing was created.
    pub fn trx_id(&self, trx: u64) -> String {
        if trx == 0 { String::new() } else { format!("OY-{}-{trx:010}", self.tag) }
    }

    /// Opening balance and top-ups less what was paid out.
    pub fn balance(&self) -> i64 {
        self.opening + self.top_ups - self.paid
    }

    pub fn reserved(&self) -> i64 {
        self.reserved
    }

    /// When the next payment is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Up to `limit` ids that are due at `now`.
    pub fn due(&self, now: DateTime<Utc>, limit: usize) -> Vec<Box<str>> {
        self.due.iter().take_while(|(at, _)| *at <= now).take(limit).map(|(_, id)| id.clone()).collect()
    }

    pub fn summary(&self) -> Summary {
        let mut by_code = self.by_code.clone();
        by_code.retain(|_, n| *n > 0);
        Summary {
            opening: self.opening,
            top_ups: self.top_ups,
            paid: self.paid,
            reserved: self.reserved,
            balance: self.balance(),
            available: self.balance() - self.reserved,
            count: self.rows.len(),
            paid_count: self.paid_count,
            rejected_count: self.rejected_count,
            by_code,
        }
    }

    pub fn row(&self, id: &str) -> Option<Row> {
        let payment = self.rows.get(id)?;
        Some(self.show(id, payment))
    }

    /// Every row, in the order of creation.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.iter().map(|(id, payment)| self.show(id, payment)).collect();
        rows.sort_by(|a, b| (a.created_at, &a.partner_trx_id).cmp(&(b.created_at, &b.partner_trx_id)));
        rows
    }

    fn show(&self, id: &str, payment: &Payment) -> Row {
        Row {
            partner_trx_id: id.into(),
            trx_id: self.trx_id(payment.trx),
            recipient_bank: payment.bank.to_string(),
            recipient_account: payment.account.to_string(),
            amount: payment.amount,
            code: payment.code,
            moved: payment.money == Money::Moved,
            reserved: payment.money == Money::Held,
            description: payment.description.as_deref().map(String::from),
            created_at: payment.created,
            updated_at: payment.updated,
        }
    }
}
