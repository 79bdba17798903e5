//! How fast KasPro may be called: evenly, so many times a second (contracts/kaspro.md section 5).
//!
//! Real time, as the provider counts it. It only makes callers wait.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The longest a call waits for its turn.
pub const LONGEST: Duration = Duration::from_secs(5);

/// A queue with a gap between two turns.
pub struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// `per_second` turns; 0 lets everybody through.
    pub fn new(per_second: u32) -> Self {
        let gap = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Pace { gap, next: Mutex::default() }
    }

    /// Waits for a turn, first come, first served; `false` where that took too long.
    pub async fn turn(&self) -> bool {
        if self.gap.is_zero() {
            return true;
        }
        let turn = async {
            let mut next = self.next.lock().await;
            if let Some(at) = *next {
                tokio::time::sleep_until(at).await;
            }
            *next = Some(Instant::now() + self.gap);
        };
        tokio::time::timeout(LONGEST, turn).await.is_ok()
    }
}
