//! The console: every page and layer on this screen. Pages are made here from flows and reads, as HTML.
//!
//! It works without JavaScript and loads nothing from outside. Nothing is decided and nothing is written here: handlers
//! ask the matrix what the person may do, call flows, and show what comes back.

mod assets;
pub mod chart;
mod field;
mod frame;
mod guard;
mod pages;
mod proof;
pub mod qr;
pub mod show;
mod shown;
mod typed;
mod visitor;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::domain::role::Feature;
use pages::{
    allow_list, audit, clients, home, invitation, keys, kyb, marketplace, password, preferences, providers, security,
    sending, sequences, sign_in, team, transactions, webhooks,
};

/// The largest form that is read.
const FORM_BYTES: usize = 32 * 1024;
/// The same of a step of the KYB file, whose files are taken as they come: sixteen of the largest, and what is typed.
const KYB_FORM_BYTES: usize = 176 * 1024 * 1024;

/// A page of the menu, and the feature whose view it needs; `None`: every signed-in person may see it.
pub struct Entry {
    pub path: &'static str,
    /// Key of its name in the table of words.
    pub title: &'static str,
    pub icon: &'static str,
    pub feature: Option<Feature>,
}

/// The menu. What a person may not see is not in theirs, and answers 403.
pub const MENU: [Entry; 13] = [
    Entry { path: "/console/", title: "home.title", icon: "home", feature: None },
    Entry {
        path: "/console/transactions",
        title: "transactions.title",
        icon: "list",
        feature: Some(Feature::Transactions),
    },
    Entry { path: "/console/providers", title: "providers.title", icon: "plug", feature: Some(Feature::Providers) },
    Entry { path: "/console/sequences", title: "sequences.title", icon: "order", feature: Some(Feature::Providers) },
    Entry { path: "/console/kyb", title: "kyb.title", icon: "file", feature: Some(Feature::ClientKyb) },
    Entry {
        path: "/console/marketplace",
        title: "marketplace.title",
        icon: "shop",
        feature: Some(Feature::Onboarding),
    },
    Entry { path: "/console/settings/keys", title: "keys.title", icon: "key", feature: Some(Feature::Settings) },
    Entry {
        path: "/console/settings/addresses",
        title: "addresses.title",
        icon: "gate",
        feature: Some(Feature::Settings),
    },
    Entry {
        path: "/console/settings/webhooks",
        title: "webhooks.title",
        icon: "bell",
        feature: Some(Feature::Settings),
    },
    Entry {
        path: "/console/settings/sending",
        title: "sending.title",
        icon: "pause",
        feature: Some(Feature::Maintenance),
    },
    Entry { path: "/console/settings/team", title: "team.title", icon: "people", feature: Some(Feature::Team) },
    Entry { path: "/console/settings/audit", title: "audit.title", icon: "book", feature: Some(Feature::Settings) },
    Entry { path: "/console/settings/security", title: "security.title", icon: "shield", feature: None },
];

/// The whole console.
pub fn router(app: Arc<App>) -> Router {
    let state = visitor::Console::new(app);
    Router::new()
        .route("/", get(home::root))
        .route("/console", get(home::root))
        .route("/console/", get(home::page))
        .route("/console/home/live", get(home::live))
        .route("/console/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/console/code", get(sign_in::code_page).post(sign_in::code))
        .route("/console/sign-out", post(sign_in::leave))
        .route("/console/invitation", get(invitation::page).post(invitation::accept))
        .route("/console/set-password", get(password::page).post(password::set))
        .route("/console/preferences", post(preferences::set))
        .route("/console/mode", post(preferences::mode))
        .route("/console/clients", get(clients::page).post(clients::choose))
        .route("/console/transactions", get(transactions::list))
        .route("/console/transactions/doubt", get(transactions::doubt))
        .route("/console/transactions/{id}", get(transactions::story))
        .route("/console/transactions/{id}/refresh", post(transactions::refresh))
        .route("/console/transactions/{id}/resend", post(transactions::resend))
        .route("/console/transactions/{id}/cancel", get(transactions::cancel_page).post(transactions::cancel))
        .route("/console/transactions/{id}/resolve", get(transactions::propose_page).post(transactions::propose))
        .route("/console/transactions/{id}/approve", get(transactions::approve_page).post(transactions::approve))
        .route("/console/transactions/{id}/withdraw", post(transactions::withdraw))
        .route("/console/providers", get(providers::list))
        .route("/console/providers/example", get(providers::example))
        .route("/console/providers/new", get(providers::add_page).post(providers::create))
        .route("/console/providers/{id}", get(providers::page))
        .route("/console/providers/{id}/edit", get(providers::edit_page).post(providers::change))
        .route("/console/providers/{id}/fees", get(providers::fees_page).post(providers::set_fee))
        .route("/console/providers/{id}/status", get(providers::status_page).post(providers::set_status))
        .route("/console/providers/{id}/monitoring", get(providers::monitoring_page).post(providers::set_monitoring))
        .route("/console/providers/{id}/test", get(providers::tested).post(providers::test))
        .route("/console/providers/{id}/remove", get(providers::remove_page).post(providers::remove))
        .route("/console/sequences", get(sequences::overview))
        .route("/console/sequences/custom", get(sequences::custom))
        .route("/console/sequences/preview", get(sequences::preview))
        .route("/console/sequences/{service}/{destination}", get(sequences::page).post(sequences::change))
        .route("/console/sequences/{service}/{destination}/remove", post(sequences::remove))
        .merge(market())
        .merge(settings())
        .route("/console/assets/{name}", get(assets::serve))
        .route("/console/{*rest}", get(home::nothing).post(home::nothing))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(60)))
        .merge(kyb_file())
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

/// The KYB file.
fn kyb_file() -> Router<visitor::Console> {
    Router::new()
        .route("/console/kyb", get(kyb::page))
        .route("/console/kyb/{step}", get(kyb::step_page).post(kyb::save))
        .route("/console/kyb/files", post(kyb::take_document))
        .route("/console/kyb/files/{id}", get(kyb::open_document))
        .route("/console/kyb/versions/{version}", get(kyb::version_page))
        .layer(DefaultBodyLimit::max(KYB_FORM_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(600)))
}

/// The Marketplace and what comes of On Board.
fn market() -> Router<visitor::Console> {
    Router::new()
        .route("/console/marketplace", get(marketplace::page))
        .route("/console/marketplace/board", get(marketplace::board_page).post(marketplace::board))
        .route("/console/marketplace/onboardings", get(marketplace::list))
        .route("/console/marketplace/onboardings/{id}", get(marketplace::story_page))
        .route("/console/marketplace/onboardings/{id}/submit", post(marketplace::submit))
        .route("/console/marketplace/onboardings/{id}/withdraw", post(marketplace::withdraw))
        .route("/console/marketplace/onboardings/{id}/connect", get(marketplace::connect_page).post(marketplace::take))
}

/// The pages below Settings.
fn settings() -> Router<visitor::Console> {
    Router::new()
        .route("/console/settings/keys", get(keys::list))
        .route("/console/settings/keys/new", get(keys::form).post(keys::make))
        .route("/console/settings/keys/{id}", get(keys::one))
        .route("/console/settings/keys/{id}/revoke", post(keys::revoke))
        .route("/console/settings/addresses", get(allow_list::page).post(allow_list::replace))
        .route("/console/settings/webhooks", get(webhooks::list))
        .route("/console/settings/webhooks/new", get(webhooks::form).post(webhooks::make))
        .route("/console/settings/webhooks/{id}", get(webhooks::one))
        .route("/console/settings/webhooks/{id}/change", post(webhooks::change))
        .route("/console/settings/webhooks/{id}/switch", post(webhooks::switch))
        .route("/console/settings/webhooks/{id}/test", post(webhooks::test))
        .route("/console/settings/webhooks/{id}/rotate", post(webhooks::rotate))
        .route("/console/settings/webhooks/{id}/replay-failed", post(webhooks::replay_failed))
        .route("/console/settings/webhooks/{id}/deliveries/{event}/replay", post(webhooks::replay))
        .route("/console/settings/sending", get(sending::page))
        .route("/console/settings/sending/pause", post(sending::pause))
        .route("/console/settings/sending/resume", post(sending::resume))
        .route("/console/settings/team", get(team::page))
        .route("/console/settings/team/invite", post(team::invite))
        .route("/console/settings/team/invitations/{id}/withdraw", post(team::withdraw))
        .route("/console/settings/team/{id}", get(team::member))
        .route("/console/settings/team/{id}/role", post(team::change_role))
        .route("/console/settings/team/{id}/remove", post(team::remove))
        .route("/console/settings/audit", get(audit::page))
        .route("/console/settings/security", get(security::page))
        .route("/console/settings/security/password", post(security::change_password))
        .route("/console/settings/security/second-factor", get(security::enrol).post(security::confirm))
        .route("/console/settings/security/second-factor/remove", post(security::remove))
        .route("/console/settings/security/sessions/{id}/end", post(security::end_session))
}
