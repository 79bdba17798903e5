//! The books: which lines each change of an attempt writes. A line names both its accounts, so it always balances.

use super::evidence::Contradiction;

/// An account of the books. `Provider` is the client's balance at the connection of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    Provider,
    InTransit,
    PaidOut,
    Fee,
    Tax,
    Suspense,
}

impl Account {
    pub fn as_str(self) -> &'static str {
        match self {
            Account::Provider => "provider",
            Account::InTransit => "in_transit",
            Account::PaidOut => "paid_out",
            Account::Fee => "fee",
            Account::Tax => "tax",
            Account::Suspense => "suspense",
        }
    }
}

/// What a line is for, as reconciliation prints it (contracts/paystrator.md section 3: Transfer, Fee, Tax).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineType {
    Transfer,
    Fee,
    Tax,
}

impl LineType {
    pub fn as_str(self) -> &'static str {
        match self {
            LineType::Transfer => "Transfer",
            LineType::Fee => "Fee",
            LineType::Tax => "Tax",
        }
    }
}

/// The change a line belongs to; each (attempt, kind) is booked once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Sent,
    Freed,
    Paid,
    Reversed,
    /// What a contradiction proves; an attempt may meet more than one, each a part of its own.
    Suspense,
    Resolved,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Sent => "sent",
            Kind::Freed => "freed",
            Kind::Paid => "paid",
            Kind::Reversed => "reversed",
            Kind::Suspense => "suspense",
            Kind::Resolved => "resolved",
        }
    }
}

/// One line: `amount` units move from `credit` to `debit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    pub line: LineType,
    pub debit: Account,
    pub credit: Account,
    pub amount: i64,
}

/// The money of an attempt, in the payment currency's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    pub transfer: i64,
    pub fee: i64,
    pub tax: i64,
}

/// The first send: the transfer leaves the provider's balance and is in transit. A re-send books nothing.
pub fn sent(amounts: Amounts) -> Vec<Line> {
    vec![transfer(Kind::Sent, Account::InTransit, Account::Provider, amounts.transfer)]
}

/// A sent attempt was freed: what was in transit is back.
pub fn freed(amounts: Amounts) -> Vec<Line> {
    vec![transfer(Kind::Freed, Account::Provider, Account::InTransit, amounts.transfer)]
}

/// Paid: the transfer arrives, and fee and tax are charged.
pub fn paid(amounts: Amounts) -> Vec<Line> {
    let mut lines = vec![transfer(Kind::Paid, Account::PaidOut, Account::InTransit, amounts.transfer)];
    charges(&mut lines, Kind::Paid, amounts, |account| (account, Account::Provider));
    lines
}

/// Reversed: the mirror of paid, back to the provider's balance.
pub fn reversed(amounts: Amounts) -> Vec<Line> {
    let mut lines = vec![transfer(Kind::Reversed, Account::Provider, Account::PaidOut, amounts.transfer)];
    charges(&mut lines, Kind::Reversed, amounts, |account| (Account::Provider, account));
    lines
}

/// What a contradiction proves about the provider's balance, held on suspense until people close it.
/// `provider_amount` is what the provider says it moved.
pub fn suspense(contradiction: Contradiction, ours: i64, provider_amount: i64) -> Vec<Line> {
    let out = |amount| transfer(Kind::Suspense, Account::Suspense, Account::Provider, amount);
    let back = |amount| transfer(Kind::Suspense, Account::Provider, Account::Suspense, amount);
    match contradiction {
        Contradiction::PaidAfterFreed if provider_amount > 0 => vec![out(provider_amount)],
        Contradiction::FailedAfterPaid => vec![back(ours)],
        Contradiction::EchoDiffers if provider_amount > ours => vec![out(provider_amount - ours)],
        Contradiction::EchoDiffers if provider_amount < ours => vec![back(ours - provider_amount)],
        Contradiction::PaidAfterFreed
        | Contradiction::EchoDiffers
        | Contradiction::AcceptedAfterFreed
        | Contradiction::Vanished => Vec::new(),
    }
}

/// People closed an exception that put `suspended` units (debits less credits) on suspense for an attempt that our
/// evidence calls `paid` or not. Their word is that the money is out for good, or that it came back.
///
/// Above zero, more went out than our evidence says, so suspense becomes paid out, or the provider has it again. Below
/// zero, some came back from what our evidence calls paid: if it is out after all, the provider does not have it.
pub fn resolved(suspended: i64, paid: bool, out: bool) -> Vec<Line> {
    let place = match (suspended > 0, out) {
        (true, true) => Account::PaidOut,
        (false, false) if paid => Account::PaidOut,
        _ => Account::Provider,
    };
    match suspended {
        0 => Vec::new(),
        units if units > 0 => vec![transfer(Kind::Resolved, place, Account::Suspense, units)],
        units => vec![transfer(Kind::Resolved, Account::Suspense, place, -units)],
    }
}

/// People's word on a contradiction that held nothing on suspense: it books what our evidence had not, or undoes what
/// it had.
pub fn corrected(paid: bool, out: bool, amount: i64) -> Vec<Line> {
    match (paid, out) {
        (false, true) => vec![transfer(Kind::Resolved, Account::PaidOut, Account::Provider, amount)],
        (true, false) => vec![transfer(Kind::Resolved, Account::Provider, Account::PaidOut, amount)],
        _ => Vec::new(),
    }
}

fn charges(lines: &mut Vec<Line>, kind: Kind, amounts: Amounts, sides: impl Fn(Account) -> (Account, Account)) {
    let charged = [(LineType::Fee, Account::Fee, amounts.fee), (LineType::Tax, Account::Tax, amounts.tax)];
    for (line, account, amount) in charged.into_iter().filter(|(_, _, amount)| *amount > 0) {
        let (debit, credit) = sides(account);
        lines.push(Line { kind, line, debit, credit, amount });
    }
}

fn transfer(kind: Kind, debit: Account, credit: Account, amount: i64) -> Line {
    Line { kind, line: LineType::Transfer, debit, credit, amount }
}
