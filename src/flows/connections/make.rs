//! Making connections: everything that is wrong with one is said at once, and what is made stands at the end of the
//! default sequences of its services.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fees::start_fault;
use super::{FeeChange, addresses, credentials_place, forget, plan_faults};
use crate::app::App;
use crate::crypto::random_bytes;
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::service::{Mode, Service};
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::{Deed, audited, record};
use crate::flows::once::{self, First, Once};
use crate::outbound::{self, OutboundLimits};
use crate::providers::{FieldFault, Provider, form};
use crate::store::connection;
use crate::store::fee::{self, NewPlan};
use crate::store::removal::Unfinished;
use crate::store::{self, Tx, sequence};

/// A connection to make. `credentials` and `settings` are as the provider's form names them.
pub struct NewConnection<'a> {
    pub client_id: Uuid,
    pub mode: Mode,
    pub provider: &'a str,
    pub label: &'a str,
    pub credentials: &'a Value,
    pub settings: &'a Value,
    /// The first version for each of its services.
    pub fee: FeePlan,
    pub by: &'a str,
}

/// What a caller may choose beside: everything else is the provider's.
#[derive(Clone, Copy, Default)]
pub struct Choice<'a> {
    /// `AGGREGATOR` or `DIRECT`; it must be what the provider is.
    pub kind: Option<&'a str>,
    /// Some of the services the provider offers; all of them where `None`.
    pub services: Option<&'a [String]>,
    /// First versions of single services, instead of the one for all.
    pub fees: &'a [FeeChange<'a>],
    /// Why it begins INACTIVE; it begins ACTIVE where `None`.
    pub inactive: Option<&'a str>,
}

/// The longest label, in characters.
const LABEL_LENGTH: usize = 100;

/// A connection that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: Uuid,
    /// The word in its callback address.
    pub codename: String,
}

/// A fault of a field that is not of the provider's form.
pub(super) fn fault(field: &str, reason: impl Into<String>) -> FieldFault {
    FieldFault { field: field.into(), reason: reason.into() }
}

/// Why nothing was made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{}", form::sentence(.0))]
    Fields(Vec<FieldFault>),
    #[error("another connection has this label")]
    LabelUsed,
    #[error("there are {MOST} connections already")]
    TooMany,
    /// The field that belongs to another account, or leads to another place.
    #[error("{field}: another account is another connection: add a new one")]
    OtherAccount { field: String },
    #[error("it has another version by now")]
    ChangedMeanwhile,
    /// Money is still under way at it.
    #[error("{} attempts and {} exceptions of it are not at their end", .0.attempts, .0.exceptions)]
    Unfinished(Unfinished),
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

impl From<once::Refused> for Refused {
    fn from(refused: once::Refused) -> Self {
        match refused {
            once::Refused::KeyReused => Refused::KeyReused,
            once::Refused::Store(error) => Refused::Store(error),
        }
    }
}

/// What is wrong with a label that another connection has.
pub const USED: &str = "is the label of another connection";

/// All faults at once. A label that is used is one of them; alone, it is a conflict with what stands.
pub(super) fn settle(mut faults: Vec<FieldFault>, label_used: bool) -> Result<(), Refused> {
    match (faults.is_empty(), label_used) {
        (true, false) => Ok(()),
        (true, true) => Err(Refused::LabelUsed),
        (false, _) => {
            faults.extend(label_used.then(|| fault("label", USED)));
            faults.sort_by(|a, b| a.field.cmp(&b.field));
            Err(Refused::Fields(faults))
        }
    }
}

/// A connection whose every field was found good.
struct Good<'a> {
    new: &'a NewConnection<'a>,
    provider: &'a dyn Provider,
    identity: String,
    services: Vec<String>,
}

/// Makes a connection with every service its provider offers, for who runs the installation.
pub async fn create(app: &App, new: &NewConnection<'_>) -> anyhow::Result<Made> {
    let mut faults = Vec::new();
    let good = check(app, new, Choice::default(), &mut faults);
    let good = good.ok_or(Refused::Fields(faults))?;
    let mut tx = flows::begin(&app.db).await?;
    let made = insert(app, &mut tx, &good, &[], None).await?;
    let (object, detail) = (ids::show(ids::CONNECTION, made.id), told(&good, &[]));
    let (client_id, mode, person, action) = (new.client_id, Some(new.mode), new.by, "connection.created");
    record(&mut tx, &Deed { client_id, mode, person, action, object: &object, detail }, app.now()).await?;
    tx.commit().await?;
    forget(app, new.client_id, made.id);
    Ok(made)
}

/// The most connections a client can make in one mode: as many as a sequence can list. Each stands in the default
/// sequence, whose every version is kept, and is asked for its balance beside all others.
pub const MOST: i64 = 100;

/// The route in idempotency rows.
const ROUTE: &str = "providers";

/// Makes a connection for the caller.
pub async fn create_by(
    app: &App,
    caller: &Caller,
    new: &NewConnection<'_>,
    choice: Choice<'_>,
    once: Option<Once>,
) -> Result<First<Made>, Refused> {
    loop {
        if let Some(id) = once::earlier(app, caller, ROUTE, once.as_ref()).await? {
            return Ok(First::Replayed(id));
        }
        match try_create(app, caller, new, choice, once.as_ref()).await {
            Ok(Some(made)) => return Ok(First::Made(made)),
            Ok(None) => {}
            // The same call came twice at once, and the other took the label.
            Err(Refused::LabelUsed) => {
                let earlier = once::earlier(app, caller, ROUTE, once.as_ref()).await?;
                return earlier.map(First::Replayed).ok_or(Refused::LabelUsed);
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// `None` where the same call came twice at once and the other was first.
async fn try_create(
    app: &App,
    caller: &Caller,
    new: &NewConnection<'_>,
    choice: Choice<'_>,
    once: Option<&Once>,
) -> Result<Option<Made>, Refused> {
    let good = checked(app, new, choice, None).await?;
    let mut tx = flows::begin(&app.db).await?;
    let made = insert(app, &mut tx, &good, choice.fees, choice.inactive).await.map_err(label_taken)?;
    // The default sequences are locked by now: of two that come at once, the second counts the first.
    if connection::count(&mut tx, new.client_id, new.mode.as_str()).await? > MOST {
        return Err(Refused::TooMany);
    }
    let detail = told(&good, choice.fees);
    audited(&mut tx, caller, "connection.created", &ids::show(ids::CONNECTION, made.id), detail, app.now()).await?;
    if !once::commit(app, tx, caller, ROUTE, once, made.id).await? {
        return Ok(None);
    }
    forget(app, new.client_id, made.id);
    Ok(Some(made))
}

/// Everything that [`create_by`] would refuse of a connection that takes the place of another, while that one is there.
pub async fn fits(app: &App, new: &NewConnection<'_>, choice: Choice<'_>, replaced: Uuid) -> Result<(), Refused> {
    checked(app, new, choice, Some(replaced)).await.map(drop)
}

/// A connection whose every field is good, and whose label nobody has but the one it replaces.
async fn checked<'a>(
    app: &'a App,
    new: &'a NewConnection<'a>,
    choice: Choice<'_>,
    replaced: Option<Uuid>,
) -> Result<Good<'a>, Refused> {
    let label_used = connection::id_of_label(&app.db, new.client_id, new.mode.as_str(), new.label.trim()).await?;
    let mut faults = Vec::new();
    let good = check(app, new, choice, &mut faults);
    if let Some(provider) = app.providers.get(new.provider) {
        check_addresses(app, provider, new.settings, &mut faults);
    }
    settle(faults, label_used.is_some_and(|id| Some(id) != replaced))?;
    Ok(good.ok_or_else(|| anyhow::anyhow!("a connection is wrong, and nothing says why"))?)
}

/// What the audit log says of a new connection: of credentials and settings the names alone.
fn told(good: &Good<'_>, fees: &[FeeChange<'_>]) -> Value {
    let new = good.new;
    let each: BTreeMap<_, _> = fees.iter().map(|fee| (fee.service, &fee.plan)).collect();
    json!({
        "provider": new.provider, "label": new.label.trim(), "services": good.services,
        "fee": if each.is_empty() { json!(new.fee) } else { json!(each) },
        "credentials": names(new.credentials), "settings": names(new.settings),
    })
}

/// Somebody took the label between the look and the write.
pub(super) fn label_taken(error: store::Error) -> Refused {
    if error.violated() == Some(connection::LABEL) { Refused::LabelUsed } else { error.into() }
}

/// Checks everything of a connection that needs no look into the database. `None` where something is wrong.
fn check<'a>(
    app: &'a App,
    new: &'a NewConnection<'a>,
    choice: Choice<'_>,
    faults: &mut Vec<FieldFault>,
) -> Option<Good<'a>> {
    faults.extend(label_fault(new.label));
    faults.extend(fee_faults(&new.fee));
    let Some(provider) = app.providers.get(new.provider) else {
        let known: Vec<&str> = app.providers.iter().map(Provider::code).collect();
        faults.push(fault("provider", format!("must be one of {}", known.join(", "))));
        return None;
    };
    if choice.kind.is_some_and(|kind| kind != provider.kind()) {
        faults.push(fault("type", format!("must be {} for this provider", provider.kind())));
    }
    let services = services(provider, choice.services, faults);
    faults.extend(choice.fees.iter().flat_map(|fee| first_fee_faults(fee, &services, app.now())));
    match provider.identity(new.credentials, new.settings) {
        Ok(identity) => faults.is_empty().then_some(Good { new, provider, identity, services }),
        Err(wrong) => {
            faults.extend(wrong);
            None
        }
    }
}

/// The chosen services, each once; all the provider offers where none were chosen.
pub(super) fn services(
    provider: &dyn Provider,
    chosen: Option<&[String]>,
    faults: &mut Vec<FieldFault>,
) -> Vec<String> {
    let offered: Vec<&str> = Service::ALL.into_iter().filter(|s| provider.offers(*s)).map(Service::as_str).collect();
    let Some(chosen) = chosen else { return offered.into_iter().map(str::to_owned).collect() };
    if chosen.is_empty() {
        faults.push(fault("services", "must name at least one service"));
    }
    for (at, service) in chosen.iter().enumerate() {
        let reason = match () {
            () if Service::parse(service).is_none() => {
                format!("must be one of {}", Service::ALL.map(Service::as_str).join(", "))
            }
            () if !offered.contains(&service.as_str()) => "is not offered by this provider".to_owned(),
            () if chosen[..at].contains(service) => "is named twice".to_owned(),
            () => continue,
        };
        faults.push(fault(&format!("services.{at}"), reason));
    }
    chosen.to_vec()
}

pub(super) fn label_fault(label: &str) -> Option<FieldFault> {
    if label.trim().chars().count() > LABEL_LENGTH {
        return Some(fault("label", format!("must have at most {LABEL_LENGTH} characters")));
    }
    let is_wrong = label.trim().is_empty() || label.chars().any(char::is_control);
    is_wrong.then(|| fault("label", "must not be blank or hold control characters"))
}

/// What is wrong with the first version of one service, in fields below `fees` and the service's name.
fn first_fee_faults(fee: &FeeChange<'_>, services: &[String], now: DateTime<Utc>) -> Vec<FieldFault> {
    let mut faults = plan_faults(&fee.plan);
    faults.extend(start_fault(fee.effective_from, now));
    if !services.iter().any(|service| service == fee.service) {
        faults.push(fault("service", "is not a service of this connection"));
    }
    let below = |one: FieldFault| FieldFault { field: format!("fees.{}.{}", fee.service, one.field), ..one };
    faults.into_iter().map(below).collect()
}

pub(super) fn fee_faults(fee: &FeePlan) -> Vec<FieldFault> {
    fee.faults().into_iter().map(|(field, reason)| fault(&format!("fee.{field}"), reason)).collect()
}

/// Finds fault with the addresses in settings that may not be called when a user gives them: by the rules of webhooks.
/// What the form refuses already is not refused twice.
pub(super) fn check_addresses(app: &App, provider: &dyn Provider, settings: &Value, faults: &mut Vec<FieldFault>) {
    let webhooks = &app.config.webhooks;
    let limits = OutboundLimits {
        allow_http: webhooks.allow_http,
        allow_private: webhooks.allow_private,
        ..OutboundLimits::default()
    };
    for (name, url) in addresses(provider, settings) {
        let field = format!("settings.{name}");
        if let Err(refused) = outbound::check_url(url, &limits)
            && !faults.iter().any(|fault| fault.field == field)
        {
            faults.push(fault(&field, refused.to_string()));
        }
    }
}

/// The names of the fields that are set, in order: what may be told of credentials.
pub(super) fn names(fields: &Value) -> Vec<String> {
    let set = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let mut names: Vec<String> = set.map(|(name, _)| name.clone()).collect();
    names.sort();
    names
}

async fn insert(
    app: &App,
    tx: &mut Tx,
    good: &Good<'_>,
    fees: &[FeeChange<'_>],
    inactive: Option<&str>,
) -> store::Result<Made> {
    let Good { new, provider, identity, services } = good;
    let now = app.now();
    let id = ids::new_id(now);
    let codename = hex::encode(random_bytes::<16>());
    let row = connection::NewConnection {
        client_id: new.client_id,
        id,
        mode: new.mode.as_str(),
        provider: provider.code(),
        label: new.label.trim(),
        kind: provider.kind(),
        services,
        identity,
        credentials: &app.keys.seal(credentials_place(new.client_id, id), new.credentials.to_string().as_bytes()),
        credential_fields: &names(new.credentials),
        settings: new.settings,
        codename: &codename,
        inactive,
    };
    connection::insert(tx, &row, now).await?;
    // The first version for each service, from the connection's first moment on where it names no other.
    for service in services {
        let own = fees.iter().find(|fee| fee.service == service);
        let plan = NewPlan {
            client_id: new.client_id,
            connection_id: id,
            services: std::slice::from_ref(service),
            effective_from: own.and_then(|fee| fee.effective_from).unwrap_or(now),
            plan: own.map_or(&new.fee, |fee| &fee.plan),
            by: new.by,
        };
        fee::append(tx, &plan, now).await?;
    }
    sequence::append(tx, new.client_id, row.mode, services, id, new.by, now).await?;
    Ok(Made { id, codename })
}
