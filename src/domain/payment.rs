//! A payment as the client sees it: its status, and what each status promises.

/// What the client is told of a payment (contracts/paystrator.md section 4, no. 37).
///
/// `Failed` is a promise: no money left or will leave. It is said only when every attempt is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Sending: the outcome is not known yet. Do not pay this again by other means.
    Processing,
    /// Receiving: waiting for the payer.
    Pending,
    Success,
    Failed,
    Expired,
    Reversed,
}

impl Status {
    pub const ALL: [Status; 6] =
        [Status::Processing, Status::Pending, Status::Success, Status::Failed, Status::Expired, Status::Reversed];

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Processing => "PROCESSING",
            Status::Pending => "PENDING",
            Status::Success => "SUCCESS",
            Status::Failed => "FAILED",
            Status::Expired => "EXPIRED",
            Status::Reversed => "REVERSED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing is awaited any more. (`Success` can still be reversed.)
    pub fn is_final(self) -> bool {
        !matches!(self, Status::Processing | Status::Pending)
    }
}

/// Why a payment failed, for the client: a stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: String,
    pub message: String,
}

impl Reason {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Reason { code: code.into(), message: message.into() }
    }
}

/// The reference a provider knows an attempt by. Derived, not drawn: an order repeated after lost data
/// meets the provider's duplicate check (DESIGN invariant 5). 26 characters, letters and digits.
///
/// `digest` is SHA-256 over client, mode, externalId and attempt number, each ended by a zero byte.
pub fn reference(digest: [u8; 32]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = String::with_capacity(26);
    text.push_str("ps");
    let mut bits: u16 = 0;
    let mut held = 0;
    for byte in digest {
        bits = (bits << 8) | u16::from(byte);
        held += 8;
        while held >= 5 && text.len() < 26 {
            held -= 5;
            text.push(char::from(ALPHABET[usize::from((bits >> held) & 31)]));
        }
    }
    text
}
