//! What was seen of an attempt: by whom, in which words, and what it says for the record and for the client.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::domain::evidence::{Seen, Verdict};
use crate::domain::ids;
use crate::domain::payment::Reason;
use crate::providers::Reading;
use crate::store::advance::NewObservation;

/// One thing seen, with what it was seen in.
pub struct Sight<'a> {
    pub seen: Seen,
    /// `answer`, `status`, `operator` or `engine`.
    pub kind: &'static str,
    /// What the provider said; `None` for what the engine or people say.
    pub reading: Option<&'a Reading>,
    /// The masked record of the conversation.
    pub raw: Option<String>,
    /// When a status read began.
    pub asked_at: Option<DateTime<Utc>>,
    /// Why a payment fails that ends by this.
    pub reason: Option<Reason>,
}

impl<'a> Sight<'a> {
    /// What the engine itself knows, such as a lost lease.
    pub fn engine(seen: Seen, reason: Option<Reason>) -> Self {
        Sight { seen, kind: "engine", reading: None, raw: None, asked_at: None, reason }
    }

    /// The answer to a send.
    pub fn answer(reading: &'a Reading, raw: String) -> Self {
        let seen = Seen::Answer(reading.verdict);
        Sight { seen, kind: "answer", reading: Some(reading), raw: Some(raw), asked_at: None, reason: None }
    }

    /// Our own status read, begun at `asked_at`.
    pub fn status(reading: &'a Reading, raw: String, asked_at: DateTime<Utc>) -> Self {
        let seen = Seen::Status(reading.verdict);
        Sight { seen, kind: "status", reading: Some(reading), raw: Some(raw), asked_at: Some(asked_at), reason: None }
    }
}

/// Whether the provider says that it has an order under this reference, whatever else it says of it. From then on
/// nothing is sent again.
pub(super) fn says_taken(sight: &Sight<'_>) -> bool {
    matches!(sight.seen, Seen::Answer(verdict) | Seen::Status(verdict)
        if matches!(verdict, Verdict::Accepted | Verdict::Paid))
}

pub(super) fn observation(app: &App, sight: &Sight<'_>) -> NewObservation {
    NewObservation {
        id: ids::new_id(app.now()),
        kind: sight.kind,
        verdict: verdict(sight.seen).to_owned(),
        code: sight.reading.and_then(|reading| reading.code.clone()),
        message: sight
            .reading
            .and_then(|reading| reading.message.clone())
            .or_else(|| sight.reason.as_ref().map(|reason| reason.message.clone())),
        raw: sight.raw.clone(),
    }
}

pub(super) fn verdict(seen: Seen) -> &'static str {
    match seen {
        Seen::Answer(verdict) | Seen::Status(verdict) => verdict.as_str(),
        Seen::LeaseLost => "lease_lost",
        Seen::Withheld { .. } => "withheld",
        Seen::Resolved { paid: true } => "resolved_paid",
        Seen::Resolved { paid: false } => "resolved_failed",
    }
}

/// Why a payment fails by this sight, for the client.
pub(super) fn reason(sight: &Sight<'_>) -> Reason {
    if let Some(reason) = &sight.reason {
        return reason.clone();
    }
    let code = sight.reading.and_then(|reading| reading.code.as_deref()).unwrap_or("none");
    let words = sight.reading.and_then(|reading| reading.message.as_deref()).unwrap_or("no message");
    let (ours, what) = match sight.seen {
        Seen::Answer(Verdict::NotSent) => ("provider_unreachable", "The provider could not be reached"),
        Seen::Status(_) => ("failed_at_provider", "The provider took the payment and then failed it"),
        _ => ("refused_by_provider", "The provider refused the payment"),
    };
    Reason::new(ours, format!("{what} (code {code}: {words})."))
}
