//! How one client's KYB file stands with one provider: the statuses, and which may follow which.
//!
//! Pure. Sources: seed 000 (role list and status table) and contracts/paystrator.md 2.11 and section 4, no. 3.

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
