//! The time one capability call may take when it is made of several exchanges: a lease outlives the whole, not the parts.
//!
//! Real time, as the network spends it. It decides nothing but how long the next exchange may last.

use std::time::{Duration, Instant};

/// Time that several exchanges share, of which a part is kept for the last one.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    until: Instant,
    kept: Duration,
}

/// One of the exchanges, and the longest it may take by itself.
#[derive(Clone, Copy, Debug)]
pub enum Exchange {
    /// It leaves the last one's part alone.
    Before(Duration),
    /// It may take all that is left, and is not begun with less than its part.
    Last(Duration),
}

impl Budget {
    /// `total` from now on, the last exchange's `kept` within it.
    pub fn new(total: Duration, kept: Duration) -> Self {
        Budget { until: Instant::now() + total, kept }
    }

    /// How long an exchange of this kind may take.
    pub fn time_for(&self, exchange: Exchange) -> Result<Duration, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        let time = match exchange {
            Exchange::Before(limit) => left.saturating_sub(self.kept).min(limit),
            Exchange::Last(_) if left < self.kept => Duration::ZERO,
            Exchange::Last(limit) => left.min(limit),
        };
        if time.is_zero() { Err("no time is left".into()) } else { Ok(time) }
    }
}
