//! What can be connected: the providers of this installation, in their adapters' own words.
//!
//! Nothing is known here of any provider. It is told, and nothing is read or written.

use crate::app::App;
use crate::domain::destination::Destination;
use crate::domain::money::Currency;
use crate::domain::sequence::Reach;
use crate::domain::service::Service;
use crate::flows::routing;
use crate::providers::Provider;

/// A provider that can be connected.
pub struct Offer<'a> {
    pub provider: &'a dyn Provider,
    pub services: Vec<Offered>,
}

/// A service it offers, and where to.
pub struct Offered {
    pub service: Service,
    /// In at least one currency.
    pub destinations: Vec<&'static Destination>,
}

/// Every provider this installation is configured for, by code.
pub fn catalogue(app: &App) -> Vec<Offer<'_>> {
    app.providers.iter().map(|provider| Offer { provider, services: services_of(app, provider) }).collect()
}

fn services_of(app: &App, provider: &dyn Provider) -> Vec<Offered> {
    let offered = Service::ALL.into_iter().filter(|service| provider.offers(*service));
    let reaches = |service: Service, code: &str| {
        Currency::ALL
            .into_iter()
            .any(|currency| routing::reach(app, service, provider.code(), code, currency) == Reach::Yes)
    };
    offered
        .map(|service| Offered {
            service,
            destinations: service.destinations().iter().filter(|known| reaches(service, known.code)).collect(),
        })
        .collect()
}
