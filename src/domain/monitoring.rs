//! When a connection is taken out of routing because its provider does not answer, and when it comes back.
//!
//! Pure: what was seen of its sends second by second, the client's rule, and the two questions asked of both.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What a client wants watched of a connection. Times are seconds of the schedule; what is left out has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rule {
    /// Sends of this long are looked at.
    pub window_seconds: u32,
    /// Fewer sends than this say nothing.
    pub minimum_sends: u32,
    /// The share of them, in percent, that went unanswered and is too much.
    pub failing_percent: u32,
    /// The first look whether it recovered comes after this; each relapse doubles it.
    pub wait_seconds: u32,
    /// Good answers in a row that end it.
    pub recoveries: u32,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { window_seconds: 300, minimum_sends: 20, failing_percent: 50, wait_seconds: 60, recoveries: 3 }
    }
}

/// The longest window of a rule.
pub const WINDOW_MAX_S: u32 = 3_600;
/// The longest wait, also after relapses.
const WAIT_MAX_S: u32 = 3_600;

/// Fields of a rule, each with its least and greatest value.
pub const BOUNDS: [(&str, u32, u32); 5] = [
    ("windowSeconds", 10, WINDOW_MAX_S),
    ("minimumSends", 1, 10_000),
    ("failingPercent", 1, 100),
    ("waitSeconds", 1, WAIT_MAX_S),
    ("recoveries", 1, 100),
];

impl Rule {
    /// The fields that are out of bounds.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        let values =
            [self.window_seconds, self.minimum_sends, self.failing_percent, self.wait_seconds, self.recoveries];
        let judged = BOUNDS.into_iter().zip(values);
        judged.filter(|((_, least, most), value)| value < least || value > most).map(|(bound, _)| bound)
    }

    /// Whether these sends are too many unanswered.
    pub fn trips(&self, tally: Tally) -> bool {
        let sends = tally.answered + tally.unanswered;
        sends >= self.minimum_sends
            && u64::from(tally.unanswered) * 100 >= u64::from(self.failing_percent) * u64::from(sends)
    }

    /// The wait before the first look, where the last one was `earlier` and ended at `recovered_at`, if there was one.
    /// Who falls again within an hour of it waits twice as long.
    pub fn wait(&self, earlier: u32, recovered_at: Option<DateTime<Utc>>, hour: Duration, now: DateTime<Utc>) -> u32 {
        let hour = TimeDelta::from_std(hour).unwrap_or(TimeDelta::MAX);
        match recovered_at {
            Some(at) if now - at < hour => longer(earlier.max(self.wait_seconds)),
            _ => self.wait_seconds,
        }
    }
}

/// The wait after a look that found it still failing.
pub fn longer(wait: u32) -> u32 {
    wait.saturating_mul(2).min(WAIT_MAX_S)
}

/// Sends of a while: those the provider answered in a way that can be read, and those it did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub answered: u32,
    pub unanswered: u32,
}

/// What was seen of one connection's sends, second by second of the schedule.
#[derive(Clone, Debug, Default)]
pub struct Seconds(VecDeque<(DateTime<Utc>, Tally)>);

impl Seconds {
    /// Notes the end of a send. `longest` is how long the longest window lasts: what is older is let go of.
    pub fn note(&mut self, answered: bool, longest: Duration, now: DateTime<Utc>) {
        let second = longest / WINDOW_MAX_S;
        while self.0.front().is_some_and(|(began, _)| now - longest > *began) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|(began, _)| now - second >= *began) {
            self.0.push_back((now, Tally::default()));
        }
        let Some((_, tally)) = self.0.back_mut() else { return };
        match answered {
            true => tally.answered += 1,
            false => tally.unanswered += 1,
        }
    }

    /// The sends of the seconds that began after an instant.
    pub fn since(&self, from: DateTime<Utc>) -> Tally {
        let kept = self.0.iter().rev().take_while(|(began, _)| *began > from);
        kept.fold(Tally::default(), |sum, (_, tally)| Tally {
            answered: sum.answered + tally.answered,
            unanswered: sum.unanswered + tally.unanswered,
        })
    }
}
