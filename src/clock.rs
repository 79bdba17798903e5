//! Time as an argument: the one place that reads the wall clock.
//!
//! Everything that needs to know "when" gets a [`Clock`]; tests hold one that only moves when told.
//! Nothing else may call `Utc::now` (clippy refuses it).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// A source of time that can be the machine's or a test's.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System,
    Manual(watch::Sender<DateTime<Utc>>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Clock(Arc::new(Source::System))
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Clock(Arc::new(Source::Manual(watch::Sender::new(start))))
    }

    /// Whether this is the machine's clock.
    pub fn is_system(&self) -> bool {
        matches!(&*self.0, Source::System)
    }

    /// The present instant, cut to microseconds: what Postgres can store comes back equal.
    #[allow(clippy::disallowed_methods)] // the one permitted reader of the wall clock
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &*self.0 {
            Source::System => Utc::now(),
            Source::Manual(at) => *at.borrow(),
        };
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Moves a manual clock forward and wakes who sleeps on it. The machine's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(at) = &*self.0 {
            at.send_modify(|now| *now += by);
        }
    }

    /// Waits until `duration` has passed on this clock.
    pub async fn sleep(&self, duration: Duration) {
        match &*self.0 {
            Source::System => tokio::time::sleep(duration).await,
            Source::Manual(at) => {
                let mut seen = at.subscribe();
                let until = *seen.borrow() + duration;
                // The sender lives in `self`, so the wait ends only by time.
                let _ = seen.wait_for(|now| *now >= until).await;
            }
        }
    }
}

impl Clock {
    /// Waits until this clock shows `at`. Unlike [`Clock::sleep`] it misses nothing when a manual clock moves
    /// between the reading of `now` and the wait.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        match &*self.0 {
            Source::System => tokio::time::sleep((at - self.now()).to_std().unwrap_or_default()).await,
            Source::Manual(clock) => {
                let _ = clock.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }
}

impl Clock {
    /// How many wait for a manual clock to move: a test that lets everything else come to rest counts them.
    pub fn sleepers(&self) -> usize {
        match &*self.0 {
            Source::System => 0,
            Source::Manual(at) => at.receiver_count(),
        }
    }

    /// From 0 to 1, for waits that are spread so that not everybody comes back at once. A manual clock spreads nothing:
    /// what a test plays twice happens at the same instants.
    pub fn spread(&self) -> f64 {
        match &*self.0 {
            Source::System => rand::random(),
            Source::Manual(_) => 0.0,
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &*self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}
