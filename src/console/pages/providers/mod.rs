//! Provider management: the client's connections listed, made, looked at, changed, tested and removed, as seed 001 says.
//!
//! What a provider asks for comes from its adapter's form; nothing here knows one by name.

mod add;
mod connection;
mod edit;
mod fee;
mod fees;
pub mod form;
mod history;
mod list;
mod monitoring;
mod remove;
mod status;

pub use add::{create, page as add_page};
pub use connection::{page, test, tested};
pub use edit::{change, page as edit_page};
pub use fee::example;
pub use fees::{page as fees_page, set as set_fee};
pub use list::list;
pub use monitoring::{page as monitoring_page, set as set_monitoring};
pub use remove::{page as remove_page, remove};
pub use status::{page as status_page, set as set_status};

use crate::app::App;
use crate::console::frame::Frame;
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::crypto::secret::Personal;
use crate::domain::connection::ConnectionStatus;
use crate::domain::ids;
use crate::domain::service::Service;
use crate::flows::access::Caller;
use crate::flows::connections::{self, Refused};
use crate::flows::people;
use crate::store::connection::Stored;

/// Where the list is.
pub const HERE: &str = "/console/providers";

/// A status by word, shape and colour.
pub struct State {
    pub look: &'static str,
    pub sign: &'static str,
    pub word: &'static str,
}

/// How a connection's status is shown.
pub fn state(frame: &Frame, status: ConnectionStatus) -> State {
    let (look, sign) = match status {
        ConnectionStatus::Active => ("good", "●"),
        ConnectionStatus::Maintenance => ("warn", "▲"),
        ConnectionStatus::Inactive => ("bad", "■"),
    };
    State { look, sign, word: frame.t(status_key(status)) }
}

fn status_key(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Active => "connection.active",
        ConnectionStatus::Maintenance => "connection.maintenance",
        ConnectionStatus::Inactive => "connection.inactive",
    }
}

/// What people call a service.
pub fn service_name(frame: &Frame, service: Service) -> &'static str {
    frame.lang.find(&format!("service.{}", service.as_str())).unwrap_or(service.as_str())
}

fn kind_key(kind: &str) -> &'static str {
    if kind == "DIRECT" { "providers.direct" } else { "providers.aggregator" }
}

/// What people call a provider.
pub fn provider_name(app: &App, code: &str) -> String {
    app.providers.get(code).map_or_else(|| code.to_owned(), |provider| provider.name().to_owned())
}

/// The address of a connection's page.
pub fn path_of(stored: &Stored) -> String {
    format!("{HERE}/{}", ids::show(ids::CONNECTION, stored.connection.id))
}

/// Who did something, by name: a person's, a key's person's, or our own.
pub async fn who(console: &Console, frame: &Frame, shown: &str) -> anyhow::Result<Personal> {
    match frame.nobody(shown) {
        Some(word) => Ok(Personal::new(word)),
        None => people::name_of(&console.app, shown).await,
    }
}

/// The caller's connection of this id, or 404.
async fn find(console: &Console, caller: &Caller, id: &str) -> Result<Stored, Fail> {
    let id = ids::parse(ids::CONNECTION, id).ok_or(Fail::NotFound)?;
    connections::get(&console.app, caller, id).await?.ok_or(Fail::NotFound)
}

/// The frame of a connection's own page.
fn frame_of(console: &Console, signed: &Signed, stored: &Stored) -> Frame {
    let frame = Frame::of(console, signed, HERE, "providers.title").below("providers.title", HERE);
    frame.titled(&stored.connection.label)
}

/// The frame of what is done with one connection; `title` is its key.
fn frame_within(console: &Console, signed: &Signed, stored: &Stored, title: &'static str) -> Frame {
    let frame = Frame::of(console, signed, HERE, title).below("providers.title", HERE);
    frame.under(&stored.connection.label, path_of(stored))
}

/// Whether the form was made from another version than the one that stands.
fn is_stale(fields: &Fields, stored: &Stored) -> bool {
    fields.text("version").parse() != Ok(stored.version)
}

/// What no page of these can say beside a field.
fn fail(refused: Refused) -> Fail {
    match refused {
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
        other => anyhow::Error::from(other).into(),
    }
}
