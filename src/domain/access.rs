//! Who may do what: the rights of an API key, per product.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A part of the product that a right is given for (contracts/paystrator.md 2.2: per product None, Read, Write, Read & Write).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Payments out: send, status, lists, inquiry, balances.
    SendMoney,
    /// Webhook endpoints, deliveries, events.
    Webhooks,
    /// API keys and the allow-list.
    Settings,
    /// Connections and sequences (contracts/paystrator.md section 3: provider management, view and edit).
    Providers,
    /// Cancel, resolve, pause, exceptions.
    Operations,
    /// The KYB file (seed 000): data of people among it.
    Kyb,
}

impl Product {
    pub const ALL: [Product; 6] = [
        Product::SendMoney,
        Product::Webhooks,
        Product::Settings,
        Product::Providers,
        Product::Operations,
        Product::Kyb,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Product::SendMoney => "send_money",
            Product::Webhooks => "webhooks",
            Product::Settings => "settings",
            Product::Providers => "providers",
            Product::Operations => "operations",
            Product::Kyb => "kyb",
        }
    }
}

/// What a key may do with one product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    #[default]
    None,
    Read,
    Write,
    ReadWrite,
}

/// What an endpoint asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Read,
    Write,
}

impl Right {
    pub fn allows(self, need: Need) -> bool {
        matches!((self, need), (Right::ReadWrite, _) | (Right::Read, Need::Read) | (Right::Write, Need::Write))
    }
}

/// The rights of a key. A product that is not named is not allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(pub BTreeMap<Product, Right>);

impl Rights {
    /// Everything: the first key of a client.
    pub fn all() -> Self {
        Rights(Product::ALL.into_iter().map(|product| (product, Right::ReadWrite)).collect())
    }

    pub fn allow(&self, product: Product, need: Need) -> bool {
        self.0.get(&product).copied().unwrap_or_default().allows(need)
    }

    /// Whether these rights are all within `other`: a key cannot make a key that may do more than itself.
    pub fn within(&self, other: &Rights) -> bool {
        self.0.iter().all(|(product, right)| {
            [Need::Read, Need::Write].into_iter().all(|need| !right.allows(need) || other.allow(*product, need))
        })
    }
}
