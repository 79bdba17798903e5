//! `GET /v1/providers/catalogue`: what can be connected, and with which fields, as the adapters tell it.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::access::{Need, Product};
use crate::domain::destination::Destination;
use crate::flows::connections::{self, Offer, Offered};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::Http;
use crate::http::reply::{self, Page, Reply, Success};
use crate::providers::Field;

/// A provider that can be connected.
#[derive(Serialize, ToSchema)]
pub struct CatalogueEntry {
    /// The code to give as `provider`.
    pub provider: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// AGGREGATOR or DIRECT.
    #[serde(rename = "type")]
    #[schema(example = "AGGREGATOR")]
    pub kind: &'static str,
    pub services: Vec<CatalogueService>,
    /// What a connection is made with, in the order to ask for it.
    pub form: Vec<FormField>,
}

/// A service of a provider.
#[derive(Serialize, ToSchema)]
pub struct CatalogueService {
    #[schema(example = "send_money")]
    pub service: &'static str,
    pub destinations: Vec<CatalogueDestination>,
}

/// A bank or e-wallet that a provider reaches.
#[derive(Serialize, ToSchema)]
pub struct CatalogueDestination {
    /// As `receiverBankCode` and custom sequences take it.
    #[schema(example = "BCA")]
    pub code: &'static str,
    #[schema(example = "Bank Central Asia")]
    pub name: &'static str,
    /// `bank` or `ewallet`.
    #[schema(example = "bank")]
    pub kind: &'static str,
}

/// A field of a provider's form. Every value is text.
#[derive(Serialize, ToSchema)]
pub struct FormField {
    pub name: &'static str,
    /// Where it stands in a connection: `credentials` or `settings`.
    #[schema(example = "credentials")]
    pub part: &'static str,
    pub required: bool,
    /// It is written and never shown again.
    pub secret: bool,
    /// text, token, code, digits, phone, url, path, ip, header_name, rsa_private_key or rsa_public_key.
    #[schema(example = "token")]
    pub format: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// Where to find it, or what it does.
    pub hint: &'static str,
}

/// List the providers that can be connected, and the form of each.
///
/// Services, destinations and fields come from the adapters themselves: a field that stands here is taken by
/// `POST /v1/providers`, and no other is.
#[utoipa::path(
    get, path = "/v1/providers/catalogue", tag = "Providers", operation_id = "list_catalogue",
    responses(
        (status = 200, body = Success<Page<CatalogueEntry>>), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn catalogue(State(http): State<Http>, auth: Auth) -> Result<Reply<Page<CatalogueEntry>>, ApiError> {
    auth.may(Product::Providers, Need::Read)?;
    let items = connections::catalogue(&http.app).into_iter().map(entry).collect();
    Ok(reply::ok(Page { items, next_cursor: None }))
}

fn entry(offer: Offer<'_>) -> CatalogueEntry {
    let provider = offer.provider;
    CatalogueEntry {
        provider: provider.code(),
        name: provider.name(),
        kind: provider.kind(),
        services: offer.services.into_iter().map(service).collect(),
        form: provider.form().iter().map(field).collect(),
    }
}

fn service(offered: Offered) -> CatalogueService {
    let show = |to: &Destination| CatalogueDestination { code: to.code, name: to.name, kind: to.kind.as_str() };
    let destinations = offered.destinations.into_iter().map(show).collect();
    CatalogueService { service: offered.service.as_str(), destinations }
}

fn field(field: &Field) -> FormField {
    FormField {
        name: field.name,
        part: field.part.as_str(),
        required: field.required,
        secret: field.secret,
        format: field.format.as_str(),
        label: field.label,
        hint: field.hint,
    }
}
