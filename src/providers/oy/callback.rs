//! OY!'s callbacks (contracts/oy.md section 4). They are unsigned in every version, so one is only ever a question:
//! its `partner_trx_id` says which payment to ask about, and nothing else of it is believed.

use super::Oy;
use super::wire::RemitAnswer;
use crate::providers::{CallbackReading, Callbacks, RawCallback};

impl Callbacks for Oy {
    fn read(&self, raw: &RawCallback) -> CallbackReading {
        let Ok(body) = serde_json::from_slice::<RemitAnswer>(&raw.body) else {
            return CallbackReading::Refused { reason: "the body is not readable" };
        };
        if !self.config.callback_sources.is_empty() && !self.config.callback_sources.contains(&raw.source) {
            // Worth knowing, not worth refusing: behind a proxy the address is the proxy's, and a question harms nobody.
            tracing::debug!(source = %raw.source, "callback from an address OY! has not published");
        }
        match body.partner_trx_id {
            Some(reference) if !reference.is_empty() && reference.len() <= 255 => {
                CallbackReading::Question { reference }
            }
            _ => CallbackReading::Refused { reason: "partner_trx_id is missing" },
        }
    }
}
