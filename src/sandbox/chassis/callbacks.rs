//! Callbacks to the caller's own server: one POST, and a ladder of retries where the provider has one.
//!
//! Times run on the sandbox's clock, divided by its speed. What was tried is kept in a short log. Callbacks that wait
//! when the process ends are lost, as they may be in the world; the caller has the status call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Changes;
use crate::clock::Clock;
use crate::outbound::{Outbound, Outcome, Request};

/// Callbacks under way at once.
const AT_ONCE: usize = 64;
/// Tries that the log keeps.
const LOG: usize = 10_000;

/// One callback to send.
#[derive(Clone, Debug)]
pub struct Callback {
    pub url: String,
    /// Beside the Content-Type, which is always JSON.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whose news it is, for the log: the caller's reference and the code told.
    pub reference: String,
    pub code: String,
    pub timeout: Duration,
    /// The waits after each failed try, in documented seconds; empty: one try only.
    pub ladder: &'static [u64],
}

/// One try, as the log keeps it.
#[derive(Clone, Debug, Serialize)]
pub struct Try {
    pub reference: String,
    pub code: String,
    /// From 1.
    pub number: u32,
    /// The HTTP status; `None` when nobody answered.
    pub status: Option<u16>,
    pub delivered: bool,
    pub at: DateTime<Utc>,
}

/// Sends callbacks and remembers the tries.
pub struct Callbacks {
    outbound: Outbound,
    clock: Clock,
    speed: f64,
    permits: Semaphore,
    log: Mutex<VecDeque<Try>>,
    changes: Arc<Changes>,
    stopping: CancellationToken,
}

impl Callbacks {
    pub fn new(
        outbound: Outbound,
        clock: Clock,
        speed: f64,
        changes: Arc<Changes>,
        stopping: CancellationToken,
    ) -> Self {
        let (permits, log) = (Semaphore::new(AT_ONCE), Mutex::default());
        Callbacks { outbound, clock, speed, permits, log, changes, stopping }
    }

    /// The tries the log still keeps, oldest first.
    pub fn log(&self) -> Vec<Try> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Sends `callback`, with its ladder, until it is delivered, given up, or the sandbox stops. Says whether it was
    /// delivered (any 2xx).
    pub async fn send(&self, callback: Callback) -> bool {
        let sent = self.climb(callback);
        self.stopping.run_until_cancelled(sent).await.unwrap_or(false)
    }

    async fn climb(&self, callback: Callback) -> bool {
        for number in 1.. {
            let tried = self.once(&callback, number).await;
            if tried.delivered {
                return true;
            }
            let Some(wait) = callback.ladder.get(number as usize - 1) else { break };
            // Counted from the failed try itself, so that a moved clock cannot be missed in between.
            self.clock.sleep_until(tried.at + Duration::from_secs(*wait).div_f64(self.speed)).await;
        }
        false
    }

    async fn once(&self, callback: &Callback, number: u32) -> Try {
        // The semaphore is never closed; were it, a try without a permit does no harm.
        let permit = self.permits.acquire().await;
        let mut headers = vec![("Content-Type".into(), "application/json".into())];
        headers.extend_from_slice(&callback.headers);
        let request = Request {
            method: Method::POST,
            url: callback.url.clone(),
            headers,
            body: callback.body.clone(),
            timeout: callback.timeout,
        };
        let status = match self.outbound.provider(request).await {
            Outcome::Answered(answer) => Some(answer.status),
            Outcome::NotSent { .. } | Outcome::Unknown { .. } => None,
        };
        drop(permit);
        let tried = Try {
            reference: callback.reference.clone(),
            code: callback.code.clone(),
            number,
            status,
            delivered: status.is_some_and(|s| (200..300).contains(&s)),
            at: self.clock.now(),
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG {
            log.pop_front();
        }
        log.push_back(tried.clone());
        drop(log);
        self.changes.mark();
        tried
    }
}
