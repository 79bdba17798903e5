//! How much of the service one client, and all together, may use at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::Http;
use crate::config::Config;

/// The limits of this process.
pub struct Limits {
    in_flight: Arc<Semaphore>,
    requests: DefaultKeyedRateLimiter<Uuid>,
    inquiries: DefaultKeyedRateLimiter<Uuid>,
}

impl Limits {
    pub fn new(config: &Config) -> Self {
        let quota = |per_minute: u32, burst: u32| {
            let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
            RateLimiter::keyed(Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst)))
        };
        let limits = &config.limits;
        Limits {
            in_flight: Arc::new(Semaphore::new(config.server.max_in_flight)),
            requests: quota(limits.requests_per_minute, limits.burst),
            inquiries: quota(limits.inquiries_per_minute, limits.inquiries_per_minute),
        }
    }

    /// Counts a request of a client.
    pub fn request(&self, client: Uuid) -> Result<(), ApiError> {
        within(&self.requests, client)
    }

    /// Counts an account inquiry of a client: the call by which people's names could be collected.
    pub fn inquiry(&self, client: Uuid) -> Result<(), ApiError> {
        within(&self.inquiries, client)
    }
}

fn within(limiter: &DefaultKeyedRateLimiter<Uuid>, key: Uuid) -> Result<(), ApiError> {
    let Err(not_until) = limiter.check_key(&key) else { return Ok(()) };
    Err(too_many(not_until.wait_time_from(DefaultClock::default().now())))
}

/// 429, and when it is worth asking again.
pub fn too_many(wait: Duration) -> ApiError {
    let mut error = ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many requests.",
        "Wait as long as Retry-After says, then send the same request again. Nothing was changed.",
        "Requests are limited per client.",
    );
    error.retry_after_s = Some(wait.as_secs() + 1);
    error
}

/// Refuses at once what would only wait: a full house answers 503 and stays quick for those inside.
pub async fn in_flight(State(http): State<Http>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/livez" {
        return next.run(request).await;
    }
    match http.limits.in_flight.clone().try_acquire_owned() {
        Ok(place) => {
            let response = next.run(request).await;
            drop(place);
            response
        }
        Err(_) => ApiError::unavailable().into_response(),
    }
}
