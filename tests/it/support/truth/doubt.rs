//! Which payments may stay in doubt for ever: exactly those whose provider never says how they ended, by its documents
//! (contracts/oy.md 2, doku.md 3.8, kaspro.md 1.3 and 5) and by what the simulators' mock accounts and faults do.

use paystrator::sandbox::Row;

use super::{Paid, Tried};
use crate::support::days::FOR_EVER;

impl Paid {
    /// Whether nobody will ever say how it ended.
    pub fn is_never_told(&self) -> bool {
        let tried = self.current();
        let is_in_doubt = ["accepted", "unknown"].contains(&tried.state.as_str());
        let is_silent = match tried.provider.as_str() {
            "oy" => by_oy(tried),
            "doku" => by_doku(tried),
            _ => by_kaspro(tried),
        };
        let stays = tried.state == "unknown" && self.is_window_closed && is_resent(tried) && is_not_there(tried);
        self.status == "PROCESSING" && is_in_doubt && (is_silent || stays)
    }
}

/// Whether the order is not in the provider's books, or only as one that was refused.
fn is_not_there(tried: &Tried) -> bool {
    tried.theirs.as_ref().is_none_or(|row| row.provider_ref.is_empty())
}

/// Whether "not found" leads to the same order again, so that the doubt may end while that is allowed.
fn is_resent(tried: &Tried) -> bool {
    tried.provider != "kaspro"
}

fn is_kept_open(row: &Row) -> bool {
    row.reserved && row.description.as_deref() == Some(FOR_EVER)
}

/// Its mocks for 102, 301 and 999 for ever; a refusal for ever whose answer was lost (an id it rejected is an id it does
/// not know); and a failure that its bank may credit all the same.
fn by_oy(tried: &Tried) -> bool {
    let Some(row) = &tried.theirs else { return false };
    match (tried.state.as_str(), row.code.as_str(), row.account.as_str()) {
        (_, "102", "6666666666") | (_, "301", "9999999999") => row.reserved,
        (_, "300", _) => row.description.as_deref() == Some("Force Credit"),
        ("unknown", "999", "1234567890") => true,
        ("unknown", _, "2222222222" | "3333333333" | "4444444444" | "5555555555") => row.provider_ref.is_empty(),
        _ => false,
    }
}

/// In process for ever, and a refusal for ever whose answer was lost.
fn by_doku(tried: &Tried) -> bool {
    let Some(row) = &tried.theirs else { return false };
    let refuses = row.account.ends_with("0405") && row.provider_ref.is_empty();
    (row.code == "03" && is_kept_open(row)) || (tried.state == "unknown" && refuses)
}

/// It has no code for "not found" and none for "failed", and no published status call: without one it says nothing
/// after its answer to the send.
fn by_kaspro(tried: &Tried) -> bool {
    let Some(row) = tried.theirs.as_ref().filter(|_| !is_not_there(tried)) else { return tried.state == "unknown" };
    let is_open = row.code == "1" && (row.account.ends_with("1001") || is_kept_open(row));
    !tried.can_ask || is_open || row.code == "900010"
}
