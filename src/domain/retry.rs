//! When to try again: the pure part of every schedule. The numbers come from the configuration, already scaled.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The `n`th (from 0) wait of a ladder; the last repeats, an empty ladder waits a minute.
pub fn step(ladder: &[Duration], n: usize) -> Duration {
    ladder.get(n).or(ladder.last()).copied().unwrap_or(Duration::from_secs(60))
}

/// How a status is asked again, without end.
#[derive(Clone, Debug)]
pub struct PollLadder {
    pub first: Duration,
    pub backoff: Vec<Duration>,
    /// After this long the wait is `daily`.
    pub daily_after: Duration,
    pub daily: Duration,
}

impl PollLadder {
    /// When to ask next, after `polls` questions, for an attempt sent at `sent_at`. There is always a next time.
    pub fn next(&self, polls: i32, sent_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let wait = if polls <= 0 {
            self.first
        } else if now - sent_at >= chrono::Duration::from_std(self.daily_after).unwrap_or(chrono::Duration::MAX) {
            self.daily
        } else {
            step(&self.backoff, polls as usize - 1)
        };
        now + wait
    }
}

/// When an unknown attempt whose reference the provider does not know may be sent again (contracts/oy.md section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResendRule {
    /// Status answers in a row that did not know the reference.
    pub not_found: i16,
    /// From the first of them to the last.
    pub spread: Duration,
    /// Since the last send.
    pub quiet: Duration,
}

impl ResendRule {
    /// Whether a re-send under the same reference is due. Never past the send window.
    pub fn is_due(
        &self,
        not_found: i16,
        first_not_found: Option<DateTime<Utc>>,
        last_send: DateTime<Utc>,
        send_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(first) = first_not_found else { return false };
        let passed = |since: DateTime<Utc>, wait: Duration| (now - since).to_std().is_ok_and(|d| d >= wait);
        now < send_until && not_found >= self.not_found && passed(first, self.spread) && passed(last_send, self.quiet)
    }
}

/// `wait` lengthened by up to a tenth; `random` is from 0 to 1.
pub fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(1.0 + random.clamp(0.0, 1.0) / 10.0)
}
