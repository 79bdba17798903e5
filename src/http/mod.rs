//! The REST API: every route and layer on this screen. Handlers call flows and turn what comes back into answers.
//!
//! Nothing is decided here and nothing is written. Every answer carries `X-Request-Id`; every failure says what to do.

mod auth;
mod error;
mod etag;
mod extract;
mod limits;
pub mod openapi;
pub mod postman;
mod reply;
pub mod v1;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{delete, get, post, put};
use tower_http::timeout::TimeoutLayer;

use crate::app::App;

/// The whole API. Serve it with connect info: the caller's address is part of authentication.
pub fn router(app: Arc<App>) -> Router {
    let limits = Arc::new(limits::Limits::new(&app.config));
    let state = extract::Http { app: app.clone(), limits };
    // The longest honest request: a wait, and the work around it.
    let longest = Duration::from_secs(app.config.server.wait_limit_s + 30);
    Router::new()
        .route("/v1/send-money", post(v1::send_money::create))
        .route("/v1/get-status", get(v1::get_status::read))
        .route("/v1/account-inquiry", post(v1::account_inquiry::ask))
        .route("/v1/balances", get(v1::balances::list))
        .route("/v1/transactions", get(v1::transactions::list))
        .route("/v1/transactions/{id}", get(v1::transactions::read))
        .route("/v1/transactions/{id}/cancel", post(v1::transactions::cancel))
        .route("/v1/transactions/{id}/resolve", post(v1::transactions::resolve))
        .route("/v1/exceptions", get(v1::exceptions::list))
        .route("/v1/sending", get(v1::sending::read))
        .route("/v1/sending/pause", post(v1::sending::pause))
        .route("/v1/sending/resume", post(v1::sending::resume))
        .route("/v1/providers", get(v1::providers::list).post(v1::providers::create))
        .route("/v1/providers/catalogue", get(v1::providers::catalogue))
        .route("/v1/providers/{id}", get(v1::providers::read).patch(v1::providers::change))
        .route("/v1/providers/{id}", delete(v1::providers::remove))
        .route("/v1/providers/{id}/status", post(v1::providers::set_status))
        .route("/v1/providers/{id}/fees", get(v1::providers::list_fees).post(v1::providers::set_fee))
        .route("/v1/providers/fees/preview", post(v1::providers::preview_fee))
        .route("/v1/providers/{id}/test", post(v1::providers::test))
        .route("/v1/providers/{id}/monitoring", get(v1::providers::read_monitoring).put(v1::providers::set_monitoring))
        .route("/v1/sequences", get(v1::sequences::list))
        .route("/v1/sequences/preview", post(v1::sequences::preview))
        .route("/v1/sequences/{service}", get(v1::sequences::read_default).put(v1::sequences::replace_default))
        .route("/v1/sequences/{service}/versions", get(v1::sequences::versions_default))
        .route("/v1/sequences/{service}/{destination}", get(v1::sequences::read_custom))
        .route("/v1/sequences/{service}/{destination}", put(v1::sequences::replace_custom))
        .route("/v1/sequences/{service}/{destination}", delete(v1::sequences::remove_custom))
        .route("/v1/sequences/{service}/{destination}/versions", get(v1::sequences::versions_custom))
        .merge(of_onboarding())
        .route("/v1/events", get(v1::events::list))
        .route("/v1/webhook-endpoints", get(v1::webhook_endpoints::list).post(v1::webhook_endpoints::create))
        .route("/v1/webhook-endpoints/{id}", get(v1::webhook_endpoints::read).patch(v1::webhook_endpoints::change))
        .route("/v1/webhook-endpoints/{id}/rotate-secret", post(v1::webhook_endpoints::rotate))
        .route("/v1/webhook-endpoints/{id}/test", post(v1::webhook_endpoints::test))
        .route("/v1/webhook-endpoints/{id}/deliveries", get(v1::webhook_endpoints::deliveries))
        .route("/v1/webhook-endpoints/{id}/deliveries/{event}/replay", post(v1::webhook_endpoints::replay))
        .route("/v1/auth/token", post(v1::auth_token::create))
        .route("/v1/api-keys", get(v1::api_keys::list).post(v1::api_keys::create))
        .route("/v1/api-keys/{id}", delete(v1::api_keys::revoke))
        .route("/v1/audit", get(v1::audit::list))
        .route("/v1/ip-allow-list", get(v1::ip_allow_list::read).put(v1::ip_allow_list::replace))
        .route("/v1/callback/{direction}/{kind}/{codename}", post(v1::callback::receive))
        .route("/v1/callback/{direction}/{kind}/{codename}/{*rest}", post(v1::callback::receive))
        .route("/livez", get(v1::health::livez))
        .route("/readyz", get(v1::health::readyz))
        .route("/openapi.json", get(openapi::serve))
        .merge(openapi::docs())
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(app.config.server.body_limit_bytes))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, longest))
        .layer(middleware::from_fn_with_state(state.clone(), limits::in_flight))
        .layer(middleware::from_fn(error::finish))
        .with_state(state)
}

/// A client's KYB file, its documents, and where they go.
fn of_onboarding() -> Router<extract::Http> {
    Router::new()
        .route("/v1/kyb", get(v1::kyb::read_kyb).put(v1::kyb::save_kyb))
        .route("/v1/kyb/versions", get(v1::kyb::list_kyb_versions))
        .route("/v1/kyb/completeness", get(v1::kyb::read_kyb_completeness))
        .route("/v1/onboarding", get(v1::onboarding::list_onboardings).post(v1::onboarding::begin_onboarding))
        .route("/v1/onboarding/status", post(v1::onboarding::tell_onboarding_status))
        .route("/v1/onboarding/{reference_id}", get(v1::onboarding::read_onboarding))
        .route("/v1/onboarding/{reference_id}/submit", post(v1::onboarding::submit_onboarding))
        .route("/v1/onboarding/{reference_id}/withdraw", post(v1::onboarding::withdraw_onboarding))
        .route("/v1/onboarding/{reference_id}/connect", post(v1::onboarding::connect_onboarding))
        .route("/v1/onboarding/{reference_id}/provider-data", get(v1::onboarding::read_onboarding_provider_data))
        .route("/v1/kyb/documents", get(v1::kyb::list_documents).post(v1::kyb::upload_document))
        .route("/v1/kyb/documents/{id}", get(v1::kyb::read_document).delete(v1::kyb::erase_document))
        .route("/v1/kyb/documents/{id}/link", post(v1::kyb::make_document_link))
        .route("/v1/kyb/documents/{id}/reads", get(v1::kyb::list_document_reads))
        .route("/v1/files/{token}", get(v1::files::serve))
}

/// Serves these routes until `stop` resolves, then finishes the requests in hand.
pub async fn serve(
    routes: Router,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}
