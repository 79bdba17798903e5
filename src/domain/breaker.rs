//! A circuit breaker that follows the clock it is given: after too many calls in a row that never arrived it lets
//! nothing through for a while, then one probe at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The state of one lane's breaker.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
}

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    Go,
    /// Not before this instant.
    Wait(DateTime<Utc>),
}

impl Breaker {
    /// Asks to send. While open, the first to ask after the wait becomes the probe, and the others wait for it.
    pub fn admit(&mut self, open_for: Duration, now: DateTime<Utc>) -> Admit {
        match self.open_until {
            None => Admit::Go,
            Some(until) if now < until => Admit::Wait(until),
            Some(_) => {
                self.open_until = Some(now + open_for);
                Admit::Go
            }
        }
    }

    /// The end of a call: whether it reached the provider.
    pub fn record(&mut self, reached: bool, limit: u32, open_for: Duration, now: DateTime<Utc>) {
        if reached {
            *self = Breaker::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= limit.max(1) {
            self.open_until = Some(now + open_for);
        }
    }

    pub fn is_open(&self) -> bool {
        self.open_until.is_some()
    }
}
