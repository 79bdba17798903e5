//! The Marketplace: providers that take KYB files, On Board at one or many, how each onboarding stands, and the
//! conversation about it.
//!
//! Whom a file may go to, what is missing and what may follow on what is the flow's to say; nothing here knows a provider
//! by name.

mod act;
mod board;
mod connect;
mod list;
mod providers;
mod story;

pub use act::{submit, withdraw};
pub use board::{board, page as board_page};
pub use connect::{page as connect_page, take};
pub use list::list;
pub use providers::page;
pub use story::page as story_page;

use crate::console::frame::Frame;
use crate::console::guard::Fail;
use crate::domain::onboarding::{Next, Status, parse_reference};
use crate::flows::onboarding::{Refused, Standing};

/// Where the providers are.
pub const HERE: &str = "/console/marketplace";
/// Where the onboardings are.
const ALL: &str = "/console/marketplace/onboardings";

/// A status by word, shape and colour.
pub struct Badge {
    look: &'static str,
    sign: &'static str,
    word: &'static str,
}

fn badge(frame: &Frame, status: Status) -> Badge {
    let (look, sign, key) = match status {
        Status::Submitted => ("calm", "◷", "onboarding.submitted"),
        Status::Received => ("calm", "◷", "onboarding.received"),
        Status::Processing => ("calm", "◷", "onboarding.processing"),
        Status::NeedRevision => ("warn", "▲", "onboarding.need_revision"),
        Status::Approved => ("good", "●", "onboarding.approved"),
        Status::Rejected => ("bad", "■", "onboarding.rejected"),
        Status::Connected => ("good", "✓", "onboarding.connected"),
        Status::Withdrawn => ("past", "○", "onboarding.withdrawn"),
    };
    Badge { look, sign, word: frame.t(key) }
}

/// What is to be done next, in words.
fn next_word(frame: &Frame, standing: &Standing) -> &'static str {
    frame.t(match standing.next {
        Next::Revise if standing.may_submit => "onboarding.next_submit",
        Next::Delivery => "onboarding.next_delivery",
        Next::Provider => "onboarding.next_provider",
        Next::Revise => "onboarding.next_revise",
        Next::Connect => "onboarding.next_connect",
        Next::Anew => "onboarding.next_anew",
        Next::Done => "onboarding.next_done",
    })
}

/// The address of an onboarding's page.
fn path_of(standing: &Standing) -> String {
    format!("{ALL}/{}", standing.reference_id)
}

/// The onboarding an address names, or 404.
fn id(reference: &str) -> Result<uuid::Uuid, Fail> {
    parse_reference(reference).ok_or(Fail::NotFound)
}

/// What no page of these can say beside a field.
fn fail(refused: Refused) -> Fail {
    match refused {
        Refused::NotFound => Fail::NotFound,
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
        other => anyhow::Error::from(other).into(),
    }
}
