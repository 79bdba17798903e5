//! A provider's own address: one door for every path, and what the faults do to a call on its way in and out.
//!
//! Which call it is, what is done and what is answered are the provider's. It writes the journal before it answers.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::engine::Engine;
use super::faults::{Effects, Matched};
use super::journal::Unwritten;
use super::provider::{Incoming, Provider};
use super::server::Cut;

/// The provider's address: a fallback for everything, since paths may carry prefixes and stray slashes.
pub(super) fn router<P: Provider>(engine: Engine<P>) -> Router {
    Router::new().fallback(answer::<P>).with_state(engine)
}

async fn answer<P: Provider>(
    State(engine): State<Engine<P>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(call) = P::read(Incoming { method, uri, headers, body }) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let effects = engine.effects_on(&call);
    if !effects.before.any() && !effects.after.any() && !effects.callback_first {
        return engine.work(call, effects, cut).await;
    }
    // A real server goes on when the caller hangs up: a late request is booked all the same.
    let tasks = engine.tasks().clone();
    let late = tasks.spawn({
        let cut = cut.clone();
        async move { engine.work(call, effects, cut).await }
    });
    late.await.unwrap_or_else(|_| cut.now())
}

impl<P: Provider> Engine<P> {
    /// The faults that hit this call. A call without an account of its own (status) has its payment's.
    fn effects_on(&self, call: &P::Call) -> Effects {
        if !self.faults().any() {
            return Effects::default();
        }
        let matched = P::matched(call);
        let known = match (matched.account, matched.reference) {
            (None, Some(reference)) => self.payment(reference).map(|row| row.account),
            _ => None,
        };
        let account = matched.account.or(known.as_deref());
        let effects = self.faults().take(&Matched { account, ..matched }, self.now());
        self.mark();
        effects
    }

    async fn work(&self, call: P::Call, mut effects: Effects, cut: Cut) -> Response {
        if !self.waited(std::mem::take(&mut effects.before)).await || effects.drop_request {
            return cut.now();
        }
        if let Some(status) = effects.error_before {
            return http_error(status, effects.retry_after_s);
        }
        let Ok(reply) = self.perform(&call, &effects).await else {
            return http_error(500, None);
        };
        if !self.waited(std::mem::take(&mut effects.after)).await || effects.drop_response {
            return cut.now();
        }
        if let Some(status) = effects.error_after {
            return http_error(status, effects.retry_after_s);
        }
        if let Some(garbage) = effects.garbage {
            return ([(header::CONTENT_TYPE, "application/json")], garbage).into_response();
        }
        P::write(reply, &effects)
    }

    /// Works on one call, under one lock of the books. Callbacks that follow from it go their own way, except under
    /// `callback-first`, where they are delivered before this returns.
    async fn perform(&self, call: &P::Call, effects: &Effects) -> Result<P::Reply, Unwritten> {
        let now = self.now();
        let (reply, news) = {
            let mut books = self.lock();
            P::answer(self, &mut books, call, effects, now)
        };
        self.settle_journal()?;
        for one in news {
            match effects.callback_first {
                true => self.clone().deliver(one).await,
                false => self.tell(one),
            }
        }
        Ok(reply)
    }
}

fn http_error(status: u16, retry_after_s: Option<u64>) -> Response {
    let mut answer = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    if let Some(seconds) = retry_after_s {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}
