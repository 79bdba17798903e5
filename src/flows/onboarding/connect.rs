//! Connecting the client's account at a provider that took it (contracts/paystrator.md 2.11): the connection is made
//! INACTIVE, tested at the provider's registered address, and then the onboarding is at its end.
//!
//! It works whatever the provider told of statuses, which are optional for it. A test that fails leaves the connection
//! as it is; the next try with other credentials puts another in its place.

use std::time::Duration;

use axum::http::Method;
use governor::clock::{Clock, DefaultClock};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refused, Standing, find, goes, hold, newest_version, standing};
use crate::app::App;
use crate::crypto::{hmac_sha256, random_bytes};
use crate::domain::connection::ConnectionStatus;
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::onboarding::{Act, Decision, Status, decide, reference};
use crate::domain::service::Mode;
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited;
use crate::flows::connections::{self, Choice, NewConnection, NotTested};
use crate::flows::once::{First, Once};
use crate::outbound::{Outcome, Request};
use crate::providers::form::Part;
use crate::providers::{Cause, Provider, Trouble};
use crate::store::connection::Stored;
use crate::store::onboarding::{self};
use crate::store::onboarding_line::{self, Kind, New};
use crate::store::{self, idempotency};

/// The account as the provider gave it out, as a connection is made with it.
pub struct NewAccount<'a> {
    pub label: &'a str,
    /// All that the provider offers where `None`.
    pub services: Option<&'a [String]>,
    pub credentials: &'a Value,
    pub settings: &'a Value,
}

/// What a test showed, and how the onboarding stands after it.
#[derive(Clone, Debug)]
pub struct Connected {
    pub standing: Standing,
    pub connection_id: Uuid,
    /// What was asked, in a word.
    pub asked: &'static str,
    /// What is in the way; the onboarding is at its end where it is `None`.
    pub trouble: Option<Trouble>,
}

/// Why no account was connected.
#[derive(Debug, thiserror::Error)]
pub enum NotConnected {
    #[error(transparent)]
    Onboarding(#[from] Refused),
    #[error(transparent)]
    Connection(#[from] connections::Refused),
    /// This build has no adapter for the provider, so nothing can be connected.
    #[error("this installation cannot speak to the provider")]
    NoAdapter,
    /// It is in use: it is managed as any connection is.
    #[error("the connection of this onboarding is in use")]
    InUse(Uuid),
    #[error("it was tested too often")]
    TooOften(Duration),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// How long a test may take: somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a test's token holds.
const TOKEN_S: i64 = 300;

/// Why a connection of an onboarding is not used yet.
const NOT_YET: &str = "made in an onboarding: switch it on when the provider is ready";

/// Makes the connection, tests it, and brings the onboarding to its end where that works. The same call again goes on
/// with the connection it made.
pub async fn connect(
    app: &App,
    caller: &Caller,
    id: Uuid,
    account: &NewAccount<'_>,
) -> Result<Connected, NotConnected> {
    let row = find(app, caller, id).await?.ok_or(Refused::NotFound)?;
    if decide(row.status, Act::Connect) == Decision::Refused {
        return Err(Refused::Stands(row.status).into());
    }
    let provider = app.providers.get(&row.target).ok_or(NotConnected::NoAdapter)?;
    if let Err(until) = app.tests.check_key(&id) {
        return Err(NotConnected::TooOften(until.wait_time_from(DefaultClock::default().now())));
    }
    let stored = make(app, caller, &row, account).await?;
    let connection_id = stored.connection.id;
    let url = app.targets.get(&row.target).and_then(|target| target.connect_url(row.mode));
    let (asked, trouble) = match url {
        Some(url) => ("connect", ask(app, provider, url, &stored, account).await.err()),
        None => probe(app, caller, stored).await?,
    };
    let standing = conclude(app, caller, id, connection_id, asked, trouble.as_ref()).await?;
    Ok(Connected { standing, connection_id, asked, trouble })
}

/// The connection of this onboarding, made where it is not there yet or is to be another.
async fn make(
    app: &App,
    caller: &Caller,
    row: &onboarding::Row,
    account: &NewAccount<'_>,
) -> Result<Stored, NotConnected> {
    let new = NewConnection {
        client_id: caller.client_id,
        mode: caller.mode,
        provider: &row.target,
        label: account.label,
        credentials: account.credentials,
        settings: account.settings,
        fee: FeePlan::default(),
        by: &caller.person,
    };
    // What was made with the very same words is found again, also after a crash in between. Under a key: the hash of a weak
    // secret would tell it.
    let said = json!([account.label, account.services, account.credentials, account.settings]).to_string();
    let hash = hmac_sha256(&app.keys.purpose_key("onboarding account"), &[said.as_bytes()]).to_vec();
    let choice = Choice { services: account.services, inactive: Some(NOT_YET), ..Choice::default() };
    let mut earlier = earlier(app, caller, row).await?;
    let mut removed = 0;
    let made = loop {
        let key = format!("{}/{}/{removed}", reference(row.id), hex::encode(&hash[..8]));
        let used = idempotency::used(&app.db, caller.client_id, caller.mode.as_str(), &key).await?;
        if let Some(used) = used {
            match connections::get(app, caller, used.resource_id).await? {
                Some(stored) => break stored.connection.id,
                None => removed += 1,
            }
            continue;
        }
        if let Some(earlier) = earlier.take() {
            // Nothing that stands goes for something that cannot be.
            connections::fits(app, &new, choice, earlier.connection.id).await?;
            connections::remove(app, caller, &earlier).await?;
        }
        let once = Once { key, hash: hash.clone() };
        if let First::Made(made) = connections::create_by(app, caller, &new, choice, Some(once)).await? {
            break made.id;
        }
    };
    let mut tx = flows::begin(&app.db).await?;
    let mut held = hold(&mut tx, caller, row.id).await?;
    if held.connection_id != Some(made) {
        held.connection_id = Some(made);
        onboarding::update(&mut tx, &held, app.now()).await?;
        tx.commit().await?;
    }
    let stored = connections::get(app, caller, made).await?;
    Ok(stored.ok_or_else(|| anyhow::anyhow!("a connection that was just made is not there"))?)
}

/// The connection an earlier try made, if it is still there. One that is in use is nobody's to replace here.
async fn earlier(app: &App, caller: &Caller, row: &onboarding::Row) -> Result<Option<Stored>, NotConnected> {
    let Some(id) = row.connection_id else { return Ok(None) };
    match connections::get(app, caller, id).await? {
        Some(stored) if stored.connection.status != ConnectionStatus::Inactive => Err(NotConnected::InUse(id)),
        found => Ok(found),
    }
}

/// The connection's own test call, where the provider has no address for it.
async fn probe(app: &App, caller: &Caller, stored: Stored) -> Result<(&'static str, Option<Trouble>), NotConnected> {
    match connections::test(app, caller, stored).await {
        Ok(tested) => Ok((tested.asked, tested.trouble)),
        // Nothing can be asked, so nothing is in the way either.
        Err(NotTested::NoCall) => Ok(("nothing", None)),
        Err(NotTested::TooOften(wait)) => Err(NotConnected::TooOften(wait)),
        Err(NotTested::Store(error)) => Err(error.into()),
        Err(NotTested::Fault(error)) => Err(error.into()),
    }
}

/// Posts the test to the provider's registered address, service by service, until one is refused.
async fn ask(
    app: &App,
    provider: &dyn Provider,
    url: &str,
    stored: &Stored,
    account: &NewAccount<'_>,
) -> Result<(), Trouble> {
    let env = match stored.connection.mode {
        Mode::Test => "sandbox",
        Mode::Live => "production",
    };
    for service in &stored.connection.services {
        let endpoint = connections::callback_url(app, provider.code(), *service, &stored.codename);
        let body = json!({ "service": service.as_str(), "env": env, "endpoint": endpoint });
        let token = token(app, provider, &stored.connection.identity, account.credentials)
            .map_err(|_| Trouble::new(Cause::Unclear, "no token could be made of the credentials"))?;
        let request = Request {
            method: Method::POST,
            url: url.to_owned(),
            headers: vec![
                ("Content-Type".into(), "application/json".into()),
                ("Authorization".into(), format!("Bearer {token}")),
            ],
            body: body.to_string().into_bytes(),
            timeout: PATIENCE,
        };
        match app.outbound.provider(request).await {
            Outcome::Answered(answer) if (200..300).contains(&answer.status) => {}
            // Nothing of the answer's body is told: what it holds is not known.
            Outcome::Answered(answer) => return Err(Trouble::of_http(&answer)),
            Outcome::NotSent { reason } | Outcome::Unknown { reason } => {
                return Err(Trouble::new(Cause::Unreachable, reason));
            }
        }
    }
    app.activity.note(stored.client_id, stored.connection.id, app.now());
    Ok(())
}

/// A token of five minutes made of the credentials (docs/KYB.md): HS256 under the values of the provider's secret
/// fields, in the order of its form, a line each.
fn token(app: &App, provider: &dyn Provider, identity: &str, credentials: &Value) -> anyhow::Result<String> {
    let secrets: Vec<&str> = provider
        .form()
        .iter()
        .filter(|field| field.part == Part::Credentials && field.secret)
        .filter_map(|field| credentials.get(field.name)?.as_str())
        .collect();
    let now = app.now().timestamp();
    let claims = json!({
        "iss": "paystrator", "sub": identity, "aud": provider.code(), "iat": now, "exp": now + TOKEN_S,
        "jti": hex::encode(random_bytes::<16>()),
    });
    let key = EncodingKey::from_secret(secrets.join("\n").as_bytes());
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}

/// Writes what the test showed.
async fn conclude(
    app: &App,
    caller: &Caller,
    id: Uuid,
    connection_id: Uuid,
    asked: &'static str,
    trouble: Option<&Trouble>,
) -> Result<Standing, NotConnected> {
    let newest = newest_version(app, caller.client_id).await?;
    let mut tx = flows::begin(&app.db).await?;
    let mut row = hold(&mut tx, caller, id).await?;
    let now = app.now();
    let decision = decide(row.status, Act::Connect);
    let note = trouble.map(|trouble| format!("{}: {}", trouble.cause.as_str(), trouble.words));
    let (kind, said) = match (&note, decision) {
        (Some(_), _) => (Kind::Tested, None),
        (None, Decision::Refused) => return Err(Refused::Stands(row.status).into()),
        (None, Decision::Goes(status)) => {
            goes(&mut tx, &mut row, status, now).await?;
            (Kind::Connected, Some(status))
        }
        (None, Decision::Stays) => (Kind::Connected, Some(Status::Connected)),
    };
    onboarding::update(&mut tx, &row, now).await?;
    let line = New { status: said, note: note.as_deref(), ..New::of(kind, &caller.person, row.file_version) };
    onboarding_line::add(&mut tx, row.client_id, row.id, &line, now).await?;
    let result = trouble.map_or("good", |trouble| trouble.cause.as_str());
    let connection = ids::show(ids::CONNECTION, connection_id);
    let detail = json!({ "connection": connection, "asked": asked, "result": result });
    audited(&mut tx, caller, "onboarding.connected", &reference(row.id), detail, now).await?;
    tx.commit().await?;
    Ok(standing(app, &row, newest))
}
