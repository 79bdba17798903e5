//! How fast KasPro may be called: evenly, so many times a second (contracts/kaspro.md section 5). Each address has a
//! pace of its own, so that nobody waits for what is called elsewhere.
//!
//! Real time, as the provider counts it. It only makes callers wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::providers::call::host_of;

/// The longest a call waits for its turn.
pub const LONGEST: Duration = Duration::from_secs(5);

/// Queues with a gap between two turns, by the host that is called.
pub struct Pace {
    gap: Duration,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
}

/// When the next turn is.
type Queue = tokio::sync::Mutex<Option<Instant>>;

impl Pace {
    /// `per_second` turns; 0 lets everybody through.
    pub fn new(per_second: u32) -> Self {
        let gap = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Pace { gap, queues: Mutex::default() }
    }

    /// Waits for a turn to call `address`, first come, first served; `false` where that took too long.
    pub async fn turn(&self, address: &str) -> bool {
        if self.gap.is_zero() {
            return true;
        }
        let queue = self.queue(address);
        let turn = async {
            let mut next = queue.lock().await;
            if let Some(at) = *next {
                tokio::time::sleep_until(at).await;
            }
            *next = Some(Instant::now() + self.gap);
        };
        tokio::time::timeout(LONGEST, turn).await.is_ok()
    }

    fn queue(&self, address: &str) -> Arc<Queue> {
        let host = host_of(address);
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(host) {
            return queue.clone();
        }
        // A queue that nobody waits in and whose next turn is due is as good as a new one.
        let now = Instant::now();
        queues.retain(|_, queue| {
            Arc::strong_count(queue) > 1 || queue.try_lock().is_ok_and(|next| next.is_some_and(|at| at > now))
        });
        queues.entry(host.to_owned()).or_default().clone()
    }
}
