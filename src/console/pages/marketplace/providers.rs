//! The providers that take KYB files in this mode: what each still needs, how it stands with it, and On Board.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Badge, HERE, badge, path_of};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::pages::kyb::{Named, named};
use crate::console::visitor::{Console, Signed};
use crate::domain::role::{Feature, Level};
use crate::flows::{kyb, onboarding};

/// The newest onboardings that are looked through for how one stands with a provider.
const NEWEST: i64 = 100;

struct Card {
    code: String,
    name: String,
    initials: String,
    /// How the newest onboarding stands there, and its page.
    standing: Option<(Badge, String)>,
    /// Nothing runs there.
    is_free: bool,
    missing: Vec<Named>,
    asks: usize,
}

#[derive(Template)]
#[template(path = "pages/marketplace/providers.html")]
struct ProvidersPage<'a> {
    frame: &'a Frame,
    cards: Vec<Card>,
    /// Where one can On Board now.
    ready: usize,
    has_file: bool,
    live: bool,
}

pub async fn page(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::View)?;
    let frame = Frame::of(&console, &signed, HERE, "marketplace.title");
    let current = kyb::read(&console.app, caller.client_id, None).await?;
    let file = current.as_ref().map(|current| &current.file);
    let newest = onboarding::list(&console.app, &caller, None, NEWEST).await?;
    let mut cards = Vec::new();
    for target in onboarding::targets(&console.app, &caller) {
        let missing = kyb::missing(&console.app, file, Some(target.code())).unwrap_or_default();
        let standing = newest.iter().find(|standing| standing.provider == target.code());
        cards.push(Card {
            code: target.code().to_owned(),
            name: target.name().to_owned(),
            initials: target.name().chars().filter(|c| c.is_alphanumeric()).take(2).collect(),
            is_free: standing.is_none_or(|standing| standing.status.is_final()),
            standing: standing.map(|standing| (badge(&frame, standing.status), path_of(standing))),
            missing: missing.iter().map(|fault| named(frame.lang, fault)).collect(),
            asks: target.form().iter().filter(|field| field.required).count(),
        });
    }
    let page = ProvidersPage {
        ready: cards.iter().filter(|card| card.is_free && card.missing.is_empty()).count(),
        has_file: current.is_some(),
        live: frame.me.as_ref().is_some_and(|me| me.live),
        cards,
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}
