//! What a person may do for a client: six roles and the published matrix, as data.
//!
//! Pure. Every page and every flow of people asks [`may`]; nothing else knows what a role is good for.

use super::access::{Product, Right, Rights};

/// What a person is for a client (contracts/paystrator.md section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Owner,
    SuperAdmin,
    Admin,
    Finance,
    Operation,
    Developer,
}

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Owner, Role::SuperAdmin, Role::Admin, Role::Finance, Role::Operation, Role::Developer];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::SuperAdmin => "super_admin",
            Role::Admin => "admin",
            Role::Finance => "finance",
            Role::Operation => "operation",
            Role::Developer => "developer",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether a person of this role may give `role` to somebody. Only Owner and Super Admin assign roles
    /// (contracts/paystrator.md section 4, no. 22), and only an owner makes an owner: that is the transfer of ownership.
    pub fn may_give(self, role: Role) -> bool {
        match self {
            Role::Owner => true,
            Role::SuperAdmin => role != Role::Owner,
            _ => false,
        }
    }

    /// Whether a person of this role may end the work of somebody of `role`. Who manages the team may, downwards: an
    /// admin has no say over an admin.
    pub fn may_remove(self, role: Role) -> bool {
        match self {
            Role::Owner => true,
            Role::SuperAdmin => role != Role::Owner,
            Role::Admin => role > Role::Admin,
            _ => false,
        }
    }
}

/// A part of the product, as the matrix names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// View client management.
    Clients,
    /// Edit client KYB.
    ClientKyb,
    /// Onboard to new provider.
    Onboarding,
    /// Add new client.
    NewClient,
    Reconciliation,
    /// Transaction list.
    Transactions,
    /// Transaction log.
    TransactionLog,
    /// Provider management.
    Providers,
    /// Maintenance management.
    Maintenance,
    Billing,
    Settings,
    /// Transfer ownership.
    Ownership,
    /// Team management.
    Team,
}

/// How far a right goes; each contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    None,
    View,
    Edit,
}

const N: Level = Level::None;
const V: Level = Level::View;
const E: Level = Level::Edit;

/// The matrix of contracts/paystrator.md section 3, in the order of [`Role::ALL`]. Its plain *yes* is `Edit`, except where
/// the feature's own name says that it only shows something (view, list, log).
pub const MATRIX: [(Feature, [Level; 6]); 13] = [
    // Owner, Super Admin, Admin, Finance, Operation, Developer
    (Feature::Clients, [V, V, V, V, V, V]),
    (Feature::ClientKyb, [E, E, E, N, N, N]),
    (Feature::Onboarding, [E, E, E, N, N, N]),
    (Feature::NewClient, [E, E, E, N, N, N]),
    (Feature::Reconciliation, [E, E, E, E, N, N]),
    (Feature::Transactions, [V, V, V, V, V, N]),
    (Feature::TransactionLog, [V, V, V, N, N, V]),
    (Feature::Providers, [E, E, E, V, E, V]),
    (Feature::Maintenance, [E, E, E, N, E, N]),
    (Feature::Billing, [E, E, E, E, N, N]),
    (Feature::Settings, [E, E, E, N, N, E]),
    (Feature::Ownership, [E, N, N, N, N, N]),
    (Feature::Team, [E, E, E, N, N, N]),
];

/// How far a role goes in a feature.
pub fn level(role: Role, feature: Feature) -> Level {
    let row = MATRIX.iter().find(|(known, _)| *known == feature);
    let column = Role::ALL.iter().position(|known| *known == role);
    row.zip(column).map_or(Level::None, |((_, levels), column)| levels[column])
}

/// Whether a role reaches `need` in a feature. What the matrix does not know, nobody may.
pub fn may(role: Role, feature: Feature, need: Level) -> bool {
    level(role, feature) >= need
}

/// Who may say how a payment in doubt ended: it books money, so it is reconciliation.
pub const RESOLVE: (Feature, Level) = (Feature::Reconciliation, Level::Edit);

/// The most that an API key may do that a person of this role makes. Keys are part of the settings; payments are made by
/// keys alone (contracts/paystrator.md section 3, set-up order), so who has the settings may give the right to make
/// them. Providers, operations and the KYB file follow what the person may do there without a key.
pub fn key_rights(role: Role) -> Rights {
    let by = |feature: Feature| match level(role, feature) {
        Level::None => Right::None,
        Level::View => Right::Read,
        Level::Edit => Right::ReadWrite,
    };
    let settings = if may(role, Feature::Settings, Level::Edit) { Right::ReadWrite } else { Right::None };
    let of = |product: Product| match product {
        Product::SendMoney | Product::Webhooks | Product::Settings => settings,
        Product::Providers if settings == Right::None => Right::None,
        Product::Providers => by(Feature::Providers),
        // Cancelling, pausing and resolving in one: who may not do all of it gives none of it.
        Product::Operations if may(role, Feature::Maintenance, Level::Edit) && may(role, RESOLVE.0, RESOLVE.1) => {
            settings
        }
        Product::Operations => Right::None,
        Product::Kyb if settings == Right::None => Right::None,
        Product::Kyb => by(Feature::ClientKyb),
    };
    Rights(Product::ALL.into_iter().map(|product| (product, of(product))).collect())
}
