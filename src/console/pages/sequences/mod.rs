//! Sequences: in which order connections are tried, for a service and for single destinations of it; and what that
//! means for a payment.
//!
//! What a sequence may name, and what a plan skips, is the flow's to say.

mod order;
mod overview;
mod preview;

pub use order::{change, page, remove};
pub use overview::{custom, overview};
pub use preview::preview;

use crate::console::frame::Frame;
use crate::console::guard::Fail;
use crate::domain::destination::{Destination, Kind};
use crate::domain::service::Service;
use crate::flows::sequences::Which;

/// Where the sequences are listed.
const HERE: &str = "/console/sequences";

/// The word in addresses for the sequence that no destination names.
const DEFAULT: &str = "default";

/// The sequence an address names, or 404.
fn which(service: &str, destination: &str) -> Result<Which, Fail> {
    let service = Service::parse(service).ok_or(Fail::NotFound)?;
    let destination = match destination {
        DEFAULT => "",
        text => service.destination(text).ok_or(Fail::NotFound)?,
    };
    Ok(Which { service, destination })
}

/// The address of a sequence's page.
fn path_of(which: Which) -> String {
    let destination = if which.destination.is_empty() { DEFAULT } else { which.destination };
    format!("{HERE}/{}/{destination}", which.service.as_str())
}

/// What people call a destination: its name, and its code where that says more.
fn destination_name(service: Service, code: &str) -> String {
    let known = service.destinations().iter().find(|known| known.code == code);
    known.map_or_else(|| code.to_owned(), |known| known.name.to_owned())
}

/// A list of destinations to choose from: banks, then e-wallets, by name.
struct Destinations {
    banks: Vec<(&'static str, &'static str, bool)>,
    wallets: Vec<(&'static str, &'static str, bool)>,
    error: &'static str,
}

impl Destinations {
    fn of(frame: &Frame, service: Service, chosen: &str, is_wrong: bool) -> Self {
        let of_kind = |wanted: fn(&Kind) -> bool| {
            let mut all: Vec<&Destination> =
                service.destinations().iter().filter(|known| wanted(&known.kind)).collect();
            all.sort_by_key(|known| known.name);
            all.into_iter().map(|known| (known.code, known.name, known.code == chosen)).collect()
        };
        Destinations {
            banks: of_kind(|kind| matches!(kind, Kind::Bank { .. })),
            wallets: of_kind(|kind| matches!(kind, Kind::Wallet)),
            error: if is_wrong { frame.t("sequences.destination_wrong") } else { "" },
        }
    }
}
