//! DOKU's notifications of payouts (contracts/doku.md 3.8, section 4, O20). Their signature is a cipher nobody documents,
//! so one is a wake-up only: its `sendTrxId` says which payment to ask about, and nothing else of it is believed.

use super::Doku;
use super::wire::Notification;
use crate::providers::{CallbackReading, Callbacks, RawCallback};

impl Callbacks for Doku {
    fn read(&self, raw: &RawCallback) -> CallbackReading {
        let Ok(body) = serde_json::from_slice::<Notification>(&raw.body) else {
            return CallbackReading::Refused { reason: "the body is not readable" };
        };
        match body.send_trx_id {
            // partnerReferenceNo has at most 64 characters.
            Some(reference) if !reference.is_empty() && reference.len() <= 64 => {
                CallbackReading::Question { reference }
            }
            _ => CallbackReading::Refused { reason: "sendTrxId is missing" },
        }
    }
}
