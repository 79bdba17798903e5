//! Payments: a list that is narrowed and paged by key, and one payment's whole story.

mod cancel;
mod doubt;
mod list;
mod resolve;
mod story;

pub use cancel::{cancel, cancel_page};
pub use doubt::doubt;
pub use list::list;
pub use resolve::{approve, approve_page, propose, propose_page, withdraw};
pub use story::{refresh, resend, story};

use uuid::Uuid;

use crate::console::frame::Frame;
use crate::console::guard::Fail;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};

/// Where the list is.
const HERE: &str = "/console/transactions";

/// Who stops a payment before it is sent, and tells its webhooks again: who keeps things running.
const OPERATE: (Feature, Level) = (Feature::Maintenance, Level::Edit);

/// The payment that an address names.
fn payment_id(text: &str) -> Result<Uuid, Fail> {
    ids::parse(ids::SEND_MONEY, text).ok_or(Fail::NotFound)
}

/// A payment's page.
fn path_of(id: Uuid) -> String {
    format!("{HERE}/{}", ids::show(ids::SEND_MONEY, id))
}

/// A status by word, shape and colour.
pub struct Badge {
    pub word: String,
    /// The name of its colour in the style sheet.
    pub look: &'static str,
    pub sign: &'static str,
}

/// The badge of a payment's status.
fn status(frame: &Frame, status: &str) -> Badge {
    let (look, sign) = match status {
        "SUCCESS" => ("good", "●"),
        "FAILED" | "EXPIRED" => ("bad", "■"),
        "REVERSED" => ("warn", "↩"),
        _ => ("calm", "◐"),
    };
    Badge { word: word(frame, "status", status), look, sign }
}

/// The badge of what is known of an attempt.
fn evidence(frame: &Frame, evidence: &str) -> Badge {
    let (look, sign) = match evidence {
        "paid" => ("good", "●"),
        "failed" | "refused" => ("bad", "■"),
        "unknown" => ("warn", "▲"),
        "reversed" => ("warn", "↩"),
        _ => ("calm", "◐"),
    };
    Badge { word: word(frame, "evidence", evidence), look, sign }
}

/// The badge of how a webhook's delivery stands.
pub fn delivery_badge(frame: &Frame, state: &str) -> Badge {
    let (look, sign) = match state {
        "delivered" => ("good", "●"),
        "failed" => ("bad", "■"),
        _ => ("calm", "◐"),
    };
    Badge { word: word(frame, "delivery", state), look, sign }
}

/// A word of the engine in the person's language, or as it is where the table has none.
fn word(frame: &Frame, area: &str, word: &str) -> String {
    frame.lang.find(&format!("{area}.{word}")).map_or_else(|| word.to_owned(), str::to_owned)
}
