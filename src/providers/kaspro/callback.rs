//! Calls from KasPro (contracts/kaspro.md section 4): nothing public describes them, so this is off by configuration
//! (`callbacks = false`) until a partner's contract does. On, a call is a wake-up only: the request id in it says which
//! payment to ask about, and nothing else of it is believed.

use super::KasPro;
use super::wire::Envelope;
use crate::providers::{CallbackReading, Callbacks, RawCallback};

impl Callbacks for KasPro {
    fn read(&self, raw: &RawCallback) -> CallbackReading {
        let Some(body) = Envelope::read(&raw.body) else {
            return CallbackReading::Refused { reason: "the body is not readable" };
        };
        let inside = body.data().request_id;
        match body.request_id.or(inside) {
            Some(reference) if !reference.is_empty() && reference.len() <= 32 => {
                CallbackReading::Question { reference }
            }
            _ => CallbackReading::Refused { reason: "requestId is missing" },
        }
    }
}
