//! The OpenAPI 3.1 document, generated from the handlers, and the page that shows it at `/docs`.

use axum::Json;
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::extract::Http;
use super::v1;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Paystrator",
        description = "One REST API to send money through several payment providers in Indonesia. \
                       A 2xx answer means accepted, not paid; results come by signed webhooks.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        v1::send_money::create,
        v1::get_status::read,
        v1::account_inquiry::ask,
        v1::balances::list,
        v1::transactions::list,
        v1::transactions::read,
        v1::transactions::cancel,
        v1::transactions::resolve,
        v1::exceptions::list,
        v1::sending::read,
        v1::sending::pause,
        v1::sending::resume,
        v1::providers::list,
        v1::providers::create,
        v1::providers::catalogue,
        v1::providers::read,
        v1::providers::change,
        v1::providers::set_status,
        v1::providers::remove,
        v1::providers::test,
        v1::providers::read_monitoring,
        v1::providers::set_monitoring,
        v1::providers::list_fees,
        v1::providers::set_fee,
        v1::providers::preview_fee,
        v1::sequences::list,
        v1::sequences::preview,
        v1::sequences::read_default,
        v1::sequences::replace_default,
        v1::sequences::versions_default,
        v1::sequences::read_custom,
        v1::sequences::replace_custom,
        v1::sequences::remove_custom,
        v1::sequences::versions_custom,
        v1::kyb::read_kyb,
        v1::kyb::save_kyb,
        v1::kyb::list_kyb_versions,
        v1::kyb::read_kyb_completeness,
        v1::onboarding::begin_onboarding,
        v1::onboarding::list_onboardings,
        v1::onboarding::read_onboarding,
        v1::onboarding::submit_onboarding,
        v1::onboarding::withdraw_onboarding,
        v1::onboarding::connect_onboarding,
        v1::onboarding::read_onboarding_provider_data,
        v1::onboarding::tell_onboarding_status,
        v1::kyb::upload_document,
        v1::kyb::list_documents,
        v1::kyb::read_document,
        v1::kyb::erase_document,
        v1::kyb::make_document_link,
        v1::kyb::list_document_reads,
        v1::files::serve,
        v1::events::list,
        v1::webhook_endpoints::list,
        v1::webhook_endpoints::create,
        v1::webhook_endpoints::read,
        v1::webhook_endpoints::change,
        v1::webhook_endpoints::rotate,
        v1::webhook_endpoints::test,
        v1::webhook_endpoints::deliveries,
        v1::webhook_endpoints::replay,
        v1::auth_token::create,
        v1::api_keys::list,
        v1::api_keys::create,
        v1::api_keys::revoke,
        v1::audit::list,
        v1::ip_allow_list::read,
        v1::ip_allow_list::replace,
        v1::callback::receive,
        v1::health::livez,
        v1::health::readyz,
        serve,
    ),
    modifiers(&Security),
    security(("bearer" = [])),
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key (`sk_test_…`, `sk_live_…`) or a token from POST /v1/auth/token."))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let provider = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A provider's key (`pk_test_…`, `pk_live_…`), made by `paystrator provider-key create`."))
            .build();
        components.add_security_scheme("provider_key", SecurityScheme::Http(provider));
    }
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Read this document.
#[utoipa::path(get, path = "/openapi.json", tag = "Health", operation_id = "openapi", responses((status = 200)), security(()))]
pub async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// What the page of the document may do. It stands on the console's host, where people are signed in: it runs no script
/// but its own, asks nobody else, and no other site shows it inside its own. (Its style sheets are partly its elements'.)
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The page at `/docs`. Everything it needs is compiled in.
pub fn docs() -> Router<Http> {
    let page: Router<Http> = SwaggerUi::new("/docs").config(Config::from("/openapi.json")).into();
    page.layer(SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY)))
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
}
