//! API keys: a list with whose each is and what it may do, one key with its end, and a form that makes one.

mod new;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

pub use new::{form, make};

use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::access::{Product, Right, Rights};
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::keys::{self, Owned};

const HERE: &str = "/console/settings/keys";

/// A key as the pages show it.
struct Card {
    path: String,
    key: Owned,
    mine: bool,
    /// What it may do: the product and the right, without those it has none of.
    rights: Vec<(String, &'static str)>,
}

impl Card {
    fn of(frame: &Frame, signed: &Signed, key: Owned) -> Self {
        let rights: Rights = serde_json::from_value(key.row.rights.clone()).unwrap_or_default();
        let of = |product: Product| rights.0.get(&product).copied().unwrap_or_default();
        let shown = Product::ALL.into_iter().filter(|product| of(*product) != Right::None);
        Card {
            path: format!("{HERE}/{}", ids::show(ids::KEY, key.row.id)),
            mine: key.row.user_id == Some(signed.person.user_id),
            rights: shown.map(|product| (product_name(frame, product), right_name(frame, of(product)))).collect(),
            key,
        }
    }
}

fn product_name(frame: &Frame, product: Product) -> String {
    frame.lang.find(&format!("product.{}", product.as_str())).unwrap_or_default().into()
}

fn right_name(frame: &Frame, right: Right) -> &'static str {
    frame.t(match right {
        Right::None => "right.none",
        Right::Read => "right.read",
        Right::Write => "right.write",
        Right::ReadWrite => "right.read_write",
    })
}

#[derive(Template)]
#[template(path = "pages/keys/list.html")]
struct ListPage<'a> {
    frame: &'a Frame,
    alive: Vec<Card>,
    revoked: Vec<Card>,
}

pub async fn list(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "keys.title");
    let (mut alive, mut revoked) = (Vec::new(), Vec::new());
    for row in keys::list(&console.app, &caller).await? {
        let is_alive = row.revoked_at.is_none();
        let card = Card::of(&frame, &signed, keys::owned(&console.app, row).await?);
        if is_alive { alive.push(card) } else { revoked.push(card) }
    }
    // The newest first: it is what one comes for.
    alive.reverse();
    revoked.reverse();
    frame::page(&console, &frame, &ListPage { frame: &frame, alive, revoked })
}

#[derive(Template)]
#[template(path = "pages/keys/one.html")]
struct OnePage<'a> {
    frame: &'a Frame,
    card: Card,
    may_revoke: bool,
    unsure: bool,
}

async fn show(console: &Console, signed: &Signed, caller: &Caller, id: &str, unsure: bool) -> Result<Response, Fail> {
    let id = ids::parse(ids::KEY, id).ok_or(Fail::NotFound)?;
    let row = keys::get(&console.app, caller, id).await?.ok_or(Fail::NotFound)?;
    let frame = Frame::of(console, signed, HERE, "keys.title").below("keys.title", HERE).titled(&row.name);
    let may_revoke = row.revoked_at.is_none() && signed.person.may(Feature::Settings, Level::Edit);
    let card = Card::of(&frame, signed, keys::owned(&console.app, row).await?);
    let page = OnePage { frame: &frame, card, may_revoke, unsure };
    let status = if unsure { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame::with_status(console, &frame, &page, status)
}

pub async fn one(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::View)?;
    show(&console, &signed, &caller, &id, false).await
}

pub async fn revoke(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::Edit)?;
    if fields.text("sure").is_empty() {
        return show(&console, &signed, &caller, &id, true).await;
    }
    let key = ids::parse(ids::KEY, &id).ok_or(Fail::NotFound)?;
    keys::revoke(&console.app, &caller, key).await?.ok_or(Fail::NotFound)?;
    Ok(go(&console, HERE, "flash.key_revoked"))
}
