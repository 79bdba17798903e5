//! Payments: a list that is narrowed and paged by key, and one payment's whole story.

mod list;
mod story;

pub use list::list;
pub use story::story;

use crate::console::frame::Frame;

/// Where the list is.
const HERE: &str = "/console/transactions";

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
