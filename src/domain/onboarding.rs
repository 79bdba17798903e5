//! How one client's KYB file stands with one provider: the statuses, and which may follow which.
//!
//! Pure. Sources: seed 000 (role list and status table) and contracts/paystrator.md 2.11 and section 4, no. 3. The
//! lifecycle is one function, [`decide`].

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// How an onboarding stands. The six words of the wire, and two of our own before and beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is on its way to the provider, which has not answered yet. Ours.
    Submitted,
    /// The provider has the file.
    Received,
    /// The provider looks at it.
    Processing,
    /// The client has to correct something; the remarks say what.
    NeedRevision,
    /// The provider took the client.
    Approved,
    /// It did not; the remarks say why.
    Rejected,
    /// Integration is tested, the account can be used.
    Connected,
    /// The client took it back. Ours.
    Withdrawn,
}

impl Status {
    pub const ALL: [Status; 8] = [
        Status::Submitted,
        Status::Received,
        Status::Processing,
        Status::NeedRevision,
        Status::Approved,
        Status::Rejected,
        Status::Connected,
        Status::Withdrawn,
    ];

    /// The word on the wire and in columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Submitted => "submitted",
            Status::Received => "received",
            Status::Processing => "processing",
            Status::NeedRevision => "need_revision",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
            Status::Connected => "connected",
            Status::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(text: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Nothing follows any more: links to documents end here.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Rejected | Status::Connected | Status::Withdrawn)
    }
}

/// What is done to an onboarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The provider says a status: in its answer to the file, by itself, or asked.
    Says(Status),
    /// The same while a newer version of the file is on its way: nobody knows which one it is about.
    Doubted(Status),
    /// The client sends a newer version of its file.
    Submit,
    Withdraw,
    /// The client's account at the provider was tested and works.
    Connect,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The onboarding stands so from now on.
    Goes(Status),
    /// It stands so already.
    Stays,
    /// It would go back, or past an end: what is told comes late, or what is wanted cannot be any more.
    Refused,
}

/// The whole lifecycle.
///
/// A provider may leave steps out, for telling any of them is optional; it never goes back. Of a word in doubt one step
/// taken for the older version would open the way for the next: none but an end is taken then. Only a new version leads
/// out of `need_revision` again, or the provider's own end.
pub fn decide(stands: Status, act: Act) -> Decision {
    use Status::*;
    match (stands, act) {
        (_, Act::Doubted(Received | Processing | NeedRevision)) => Decision::Refused,
        (_, Act::Doubted(told)) => decide(stands, Act::Says(told)),
        (_, Act::Says(told)) if told == stands => Decision::Stays,
        (_, Act::Says(Submitted | Withdrawn)) => Decision::Refused,
        (Submitted | Received | Processing | NeedRevision | Approved, Act::Says(told)) => {
            if goes_on(stands, told) {
                Decision::Goes(told)
            } else {
                Decision::Refused
            }
        }
        (Submitted | Received | Processing | NeedRevision, Act::Submit) => Decision::Goes(Submitted),
        (Submitted | Received | Processing | NeedRevision | Approved, Act::Withdraw) => Decision::Goes(Withdrawn),
        (Submitted | Received | Processing | NeedRevision | Approved, Act::Connect) => Decision::Goes(Connected),
        (Connected, Act::Connect) | (Withdrawn, Act::Withdraw) => Decision::Stays,
        (Rejected | Connected | Withdrawn | Approved, _) => Decision::Refused,
    }
}

/// Whether a provider's word leads on from where an onboarding stands that has not ended.
fn goes_on(stands: Status, told: Status) -> bool {
    let place = |status: Status| match status {
        Status::Submitted => 0,
        Status::Received => 1,
        Status::Processing => 2,
        Status::NeedRevision => 3,
        Status::Approved => 4,
        Status::Connected => 5,
        Status::Rejected | Status::Withdrawn => 6,
    };
    // What was approved is not rejected by a word that may have been on its way for long.
    place(told) > place(stands) && !(stands == Status::Approved && told == Status::Rejected)
}

/// Whether a provider must say why (seed 000, status table).
pub fn wants_remarks(status: Status) -> bool {
    matches!(status, Status::NeedRevision | Status::Rejected)
}

/// What is to be done next, and by whom, as a stable word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The file is on its way; nobody has to do anything.
    Delivery,
    /// The provider looks at it.
    Provider,
    /// The client corrects its file and submits it.
    Revise,
    /// The client connects its account.
    Connect,
    /// The client may begin anew.
    Anew,
    /// The connection waits to be switched on, or works.
    Done,
}

impl Next {
    pub fn of(status: Status) -> Next {
        match status {
            Status::Submitted => Next::Delivery,
            Status::Received | Status::Processing => Next::Provider,
            Status::NeedRevision => Next::Revise,
            Status::Approved => Next::Connect,
            Status::Rejected | Status::Withdrawn => Next::Anew,
            Status::Connected => Next::Done,
        }
    }

    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Next::Delivery => "wait_for_delivery",
            Next::Provider => "wait_for_provider",
            Next::Revise => "revise",
            Next::Connect => "connect",
            Next::Anew => "begin_anew",
            Next::Done => "none",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Next::Delivery => "The file is on its way to the provider. Nothing is to be done.",
            Next::Provider => "The provider looks at the file. You may connect your account as soon as you have one.",
            Next::Revise => "Correct the file as the remarks say, save it, and submit it.",
            Next::Connect => "Connect the account that the provider gave you.",
            Next::Anew => "It has ended. You can begin a new onboarding with this provider.",
            Next::Done => "Switch the connection on in provider management, if it is not.",
        }
    }
}

/// After how long without news an onboarding is stuck.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Not delivered.
    pub delivery: TimeDelta,
    /// Delivered, and no word since.
    pub provider: TimeDelta,
}

/// Whether somebody should look after it: it does not reach its provider, or the provider is silent. Who waits for the
/// client is not stuck. `halted`: we have stopped trying.
pub fn is_stuck(status: Status, since: DateTime<Utc>, halted: bool, patience: Patience, now: DateTime<Utc>) -> bool {
    match status {
        Status::Submitted => halted || now - since >= patience.delivery,
        Status::Received | Status::Processing => now - since >= patience.provider,
        _ => false,
    }
}

/// What stands before the digits of a reference (seed 000).
const REFERENCE: &str = "paystrator-kyb-";

/// The provider's handle on an onboarding.
pub fn reference(id: Uuid) -> String {
    format!("{REFERENCE}{}", id.simple())
}

/// Reads a reference back. `None` for anything that is not exactly one.
pub fn parse_reference(text: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(REFERENCE)?;
    let is_plain = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_plain.then(|| Uuid::try_parse(digits).ok()).flatten()
}
