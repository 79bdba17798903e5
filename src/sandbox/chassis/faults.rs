//! Bad days on demand: what a simulator shall do wrong, for which calls, how often.
//!
//! A fault names what it matches; a call takes every fault that matches it as one [`Effects`]. What an effect means
//! on the wire is the simulator's business. Faults live in memory only: a restart is a good day again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;

/// What goes wrong. `ms`, `code`, `http_status`, `copies` and `text` of the [`Fault`] say how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Wait `ms` before working; the work is done even if the caller hangs up meanwhile (a late arrival).
    Delay,
    /// Work, then wait `ms` before the answer.
    DelayAnswer,
    /// Wait before working until released; as with `delay` the work is then done.
    Hang,
    /// Work, then wait until released before the answer.
    HangAnswer,
    /// Close the connection without having done anything.
    DropRequest,
    /// Do everything, then close the connection without an answer.
    DropResponse,
    /// Answer HTTP `http_status` (500) without having done anything; `retry_after_s` adds the header.
    HttpErrorBefore,
    /// Do everything, then answer HTTP `http_status` (500).
    HttpErrorAfter,
    /// Do everything, then answer 200 with a body that nobody can read (`text`).
    Garbage,
    /// Echo a hundred times the amount.
    WrongAmount,
    /// Do everything, then answer `code` in place of the true one.
    WrongCode,
    /// Refuse with `code`; nothing is booked.
    Refuse,
    /// Decide at acceptance how the payment ends: `code`, with `text` as the description.
    End,
    /// The payment fails with a description that speaks of a force credit (`text`).
    ForceCredit,
    /// The payment is suspect first, and after the same time again what it would have become at once.
    SuspectFirst,
    /// Finish the payment and tell its callback before the answer to the send.
    CallbackFirst,
    /// Send the callback `copies` (2) times.
    DuplicateCallback,
    /// Send no callback.
    DropCallback,
    /// Send the final callback, then one with older news.
    ReorderCallbacks,
}

impl Kind {
    /// Whether the kind changes what a send books: only sends take it, whatever the operation is called.
    fn of_sends(self) -> bool {
        matches!(self, Kind::End | Kind::ForceCredit | Kind::SuspectFirst | Kind::CallbackFirst)
    }

    /// Whether the kind changes what is called back: only callbacks take it.
    fn of_callbacks(self) -> bool {
        matches!(self, Kind::DuplicateCallback | Kind::DropCallback | Kind::ReorderCallbacks)
    }
}

/// The operation under which callbacks are matched; a fault without an operation never matches it by accident.
pub const CALLBACK: &str = "callback";

/// One fault. Absent matches everything; `times` absent means until removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    /// One of the provider's calls or `callback`; at the merchant the webhook's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The account the money goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The caller's reference; at the merchant the payment id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How many calls it hits before it is used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Leave the first matching calls alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Of those that follow hit only every n-th.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Fault {
    /// A fault of `kind` that hits every call until removed; narrow it with the methods below.
    pub fn new(kind: Kind) -> Fault {
        let (operation, account, reference, code, text) = (None, None, None, None, None);
        let (times, after, every, ms) = (None, None, None, None);
        let (http_status, retry_after_s, copies) = (None, None, None);
        Fault {
            kind,
            operation,
            account,
            reference,
            times,
            after,
            every,
            ms,
            code,
            http_status,
            retry_after_s,
            copies,
            text,
        }
    }

    /// Only calls of this operation.
    pub fn on(mut self, operation: &str) -> Fault {
        self.operation = Some(operation.into());
        self
    }

    /// Only calls for this account.
    pub fn account(mut self, account: &str) -> Fault {
        self.account = Some(account.into());
        self
    }

    /// Only calls with this reference.
    pub fn reference(mut self, reference: &str) -> Fault {
        self.reference = Some(reference.into());
        self
    }

    /// Only the next `times` calls that match.
    pub fn times(mut self, times: u64) -> Fault {
        self.times = Some(times);
        self
    }

    /// The code that `refuse`, `wrong-code` and `end` need.
    pub fn code(mut self, code: &str) -> Fault {
        self.code = Some(code.into());
        self
    }

    /// The waiting time of `delay` and `delay-answer`, in milliseconds of the sandbox's clock.
    pub fn ms(mut self, ms: u64) -> Fault {
        self.ms = Some(ms);
        self
    }

    /// The HTTP status of `http-error-before` and `http-error-after`.
    pub fn http_status(mut self, status: u16) -> Fault {
        self.http_status = Some(status);
        self
    }

    /// Whether everything the kind needs is there.
    fn check(&self) -> Result<(), String> {
        let needs_code = matches!(self.kind, Kind::Refuse | Kind::WrongCode | Kind::End);
        if needs_code && self.code.is_none() {
            return Err("this kind needs a code".into());
        }
        if matches!(self.kind, Kind::Delay | Kind::DelayAnswer) && self.ms.is_none() {
            return Err("this kind needs ms".into());
        }
        if self.kind.of_callbacks() && self.operation.as_deref().is_some_and(|o| o != CALLBACK) {
            return Err(format!("this kind belongs to the operation {CALLBACK}"));
        }
        if self.http_status.is_some_and(|s| !(200..=599).contains(&s)) {
            return Err("http_status must be 200 to 599".into());
        }
        Ok(())
    }

    fn matches(&self, call: &Matched<'_>) -> bool {
        if (self.kind.of_sends() && !call.sends) || (self.kind.of_callbacks() && call.operation != CALLBACK) {
            return false;
        }
        let operation = match self.operation.as_deref() {
            Some(wanted) => wanted == call.operation,
            None => self.kind.of_callbacks() || call.operation != CALLBACK,
        };
        let same = |wanted: &Option<String>, is: Option<&str>| wanted.is_none() || wanted.as_deref() == is;
        operation && same(&self.account, call.account) && same(&self.reference, call.reference)
    }
}

/// What a call shows to the faults.
pub struct Matched<'a> {
    pub operation: &'a str,
    pub account: Option<&'a str>,
    pub reference: Option<&'a str>,
    /// Whether the call asks the simulator to send money.
    pub sends: bool,
}

/// Everything that goes wrong with one call.
#[derive(Clone, Default)]
pub struct Effects {
    pub before: Wait,
    pub after: Wait,
    pub drop_request: bool,
    pub drop_response: bool,
    pub error_before: Option<u16>,
    pub error_after: Option<u16>,
    pub retry_after_s: Option<u64>,
    pub garbage: Option<String>,
    pub wrong_amount: bool,
    pub wrong_code: Option<String>,
    pub refuse: Option<String>,
    /// The end decided at acceptance, with its description.
    pub end: Option<(String, Option<String>)>,
    /// The words of a force credit, where the payment shall fail with one.
    pub force_credit: Option<String>,
    pub suspect_first: bool,
    pub callback_first: bool,
    pub copies: Option<u32>,
    pub drop_callback: bool,
    pub reorder_callbacks: bool,
}

/// A time to wait, a release to wait for, or neither.
#[derive(Clone, Default)]
pub struct Wait {
    /// Counted from the call's arrival, so that a clock moved meanwhile is not missed.
    until: Option<DateTime<Utc>>,
    release: Option<watch::Receiver<u64>>,
}

impl Wait {
    /// Whether there is anything to wait for.
    pub fn any(&self) -> bool {
        self.until.is_some() || self.release.is_some()
    }

    /// Waits on `clock`, then for the release.
    pub async fn over(self, clock: &Clock) {
        if let Some(until) = self.until {
            clock.sleep_until(until).await;
        }
        if let Some(mut release) = self.release {
            // An error means that the faults are gone, and with them who could release.
            let _ = release.changed().await;
        }
    }
}

impl Effects {
    fn add(&mut self, fault: &Fault, release: &watch::Sender<u64>, now: DateTime<Utc>) {
        let until = now + Duration::from_millis(fault.ms.unwrap_or(0));
        let text = || fault.text.clone();
        match fault.kind {
            Kind::Delay => self.before.until = self.before.until.max(Some(until)),
            Kind::DelayAnswer => self.after.until = self.after.until.max(Some(until)),
            Kind::Hang => self.before.release = Some(release.subscribe()),
            Kind::HangAnswer => self.after.release = Some(release.subscribe()),
            Kind::DropRequest => self.drop_request = true,
            Kind::DropResponse => self.drop_response = true,
            Kind::HttpErrorBefore => self.error_before = Some(fault.http_status.unwrap_or(500)),
            Kind::HttpErrorAfter => self.error_after = Some(fault.http_status.unwrap_or(500)),
            Kind::Garbage => self.garbage = Some(text().unwrap_or_else(|| "<html>502 Bad Gateway</html>".into())),
            Kind::WrongAmount => self.wrong_amount = true,
            Kind::WrongCode => self.wrong_code.clone_from(&fault.code),
            Kind::Refuse => self.refuse.clone_from(&fault.code),
            Kind::End => self.end = fault.code.clone().map(|code| (code, text())),
            Kind::ForceCredit => self.force_credit = Some(text().unwrap_or_else(|| "Force Credit".into())),
            Kind::SuspectFirst => self.suspect_first = true,
            Kind::CallbackFirst => self.callback_first = true,
            Kind::DuplicateCallback => self.copies = Some(fault.copies.unwrap_or(2)),
            Kind::DropCallback => self.drop_callback = true,
            Kind::ReorderCallbacks => self.reorder_callbacks = true,
        }
        self.retry_after_s = self.retry_after_s.or(fault.retry_after_s);
    }
}

/// A fault that stands, as the control API lists it.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    pub id: u64,
    /// Calls that matched so far, whether hit or skipped by `after` and `every`.
    pub seen: u64,
    pub fault: Fault,
}

/// All faults of one simulator.
pub struct Faults {
    /// What the provider says of a fault before it stands.
    check: fn(&Fault) -> Result<(), String>,
    /// How many stand: the usual 0 is read without a lock.
    count: AtomicUsize,
    standing: Mutex<(u64, Vec<Standing>)>,
    release: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Faults::new(|_| Ok(()))
    }
}

impl Faults {
    /// No fault stands; `check` refuses, in words, what the provider cannot do.
    pub fn new(check: fn(&Fault) -> Result<(), String>) -> Faults {
        Faults { check, count: AtomicUsize::new(0), standing: Mutex::default(), release: watch::Sender::new(0) }
    }

    /// Adds a fault and returns its id; refused, in words, when the kind lacks what it needs.
    pub fn add(&self, fault: Fault) -> Result<u64, String> {
        fault.check()?;
        (self.check)(&fault)?;
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.0 += 1;
        let id = standing.0;
        standing.1.push(Standing { id, seen: 0, fault });
        self.count.store(standing.1.len(), Ordering::Release);
        Ok(id)
    }

    /// Removes one fault, or all, and releases every call that hangs. Says how many were removed.
    pub fn clear(&self, id: Option<u64>) -> usize {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = standing.1.len();
        standing.1.retain(|s| id.is_some_and(|id| id != s.id));
        let left = standing.1.len();
        self.count.store(left, Ordering::Release);
        drop(standing);
        self.release();
        before - left
    }

    /// Lets every call that hangs now go on; the faults stay.
    pub fn release(&self) {
        self.release.send_modify(|n| *n += 1);
    }

    /// What stands, oldest first.
    pub fn list(&self) -> Vec<Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Whether any fault stands.
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Takes what goes wrong with this call, and counts down what is limited.
    pub fn take(&self, call: &Matched<'_>, now: DateTime<Utc>) -> Effects {
        let mut effects = Effects::default();
        if !self.any() {
            return effects;
        }
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.1.retain_mut(|s| {
            if !s.fault.matches(call) {
                return true;
            }
            s.seen += 1;
            let nth = s.seen.saturating_sub(s.fault.after.unwrap_or(0));
            if nth == 0 || s.fault.every.is_some_and(|n| n > 0 && nth % n != 0) {
                return true;
            }
            effects.add(&s.fault, &self.release, now);
            s.fault.times = s.fault.times.map(|left| left.saturating_sub(1));
            s.fault.times != Some(0)
        });
        self.count.store(standing.1.len(), Ordering::Release);
        effects
    }
}
