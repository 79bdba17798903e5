//! People: who is signed in, what they may do, and what they did.
//!
//! Flows here make, change and end users, memberships, invitations and sessions; all of it is audited under the client
//! it concerns. Passwords and codes are checked here and nowhere else. No name or address leaves this room unsealed
//! but to be shown to who may see it.

pub mod install;
pub mod invitations;
pub mod log;
pub mod passwords;
pub mod proof;
pub mod second_factor;
pub mod sessions;
pub mod sign_in;
pub mod team;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::access::{By, Caller};
use crate::app::App;
use crate::crypto::envelope::Place;
use crate::crypto::secret::Personal;
use crate::crypto::{hmac_sha256, random_bytes};
use crate::domain::ids;
use crate::domain::role::{self, Feature, Level, Role};
use crate::domain::service::Mode;
use crate::flows::audit::{self, Deed};
use crate::store::{self, Tx};

/// Who is signed in, proved by a session.
#[derive(Clone)]
pub struct Person {
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub token_hash: Vec<u8>,
    pub name: Personal,
    pub email: Personal,
    /// Whether a sign-in asks for a code.
    pub second_factor: bool,
    pub device: String,
    pub started_at: DateTime<Utc>,
    /// When the person last gave the password or a code.
    pub proved_at: DateTime<Utc>,
    pub mode: Mode,
    /// The client worked for now; `None` for who works for none any more.
    pub work: Option<Work>,
}

/// The client a person works for now, and as what.
#[derive(Clone, Debug)]
pub struct Work {
    pub client_id: Uuid,
    pub client: String,
    pub role: Role,
    /// Whether the client's sending is held back.
    pub pause: Option<Pause>,
}

/// Sending is held back.
#[derive(Clone, Debug)]
pub struct Pause {
    /// Since when, where the client holds it back itself.
    pub since: Option<DateTime<Utc>>,
    pub reason: String,
    /// Who runs the installation holds it back, for all clients.
    pub by_installation: bool,
}

impl Pause {
    fn of(since: Option<DateTime<Utc>>, reason: Option<String>, all: Option<&Value>) -> Option<Self> {
        let told = all.map(|value| value["reason"].as_str().unwrap_or_default().to_owned());
        let by_installation = told.is_some();
        // Only the installation's own hand lifts its pause, so that one is told first.
        let reason = told.or(since.map(|_| reason.unwrap_or_default()))?;
        Some(Pause { since, reason, by_installation })
    }
}

impl Person {
    /// Whether the matrix lets this person do it for the client worked for now.
    pub fn may(&self, feature: Feature, need: Level) -> bool {
        self.work.as_ref().is_some_and(|work| role::may(work.role, feature, need))
    }

    /// The person as it stands in audit entries.
    pub fn shown(&self) -> String {
        ids::show(ids::USER, self.user_id)
    }

    /// The person as a caller of flows that keys call too. The role was asked what the person may do here; the rights
    /// are those that the person can give to a key.
    pub fn caller(&self) -> Option<Caller> {
        let work = self.work.as_ref()?;
        Some(Caller {
            client_id: work.client_id,
            by: By::Person(self.user_id),
            mode: self.mode,
            rights: role::key_rights(work.role),
            person: self.shown(),
            by_token: false,
        })
    }
}

/// Writes down what somebody did for a client. `detail` holds no secret, no name and no address.
async fn audited(
    tx: &mut Tx,
    client_id: Uuid,
    person: &str,
    (action, object): (&str, &str),
    detail: Value,
    now: DateTime<Utc>,
) -> store::Result<()> {
    audit::record(tx, &Deed { client_id, mode: None, person, action, object, detail }, now).await
}

/// The same for what concerns the person alone, under the client worked for now.
async fn audited_own(tx: &mut Tx, person: &Person, action: &str, now: DateTime<Utc>) -> store::Result<()> {
    let Some(work) = &person.work else { return Ok(()) };
    let shown = person.shown();
    audited(tx, work.client_id, &shown, (action, &shown), serde_json::json!({}), now).await
}

/// An address as it is kept and compared.
fn tidy_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Whether a text can be an address: one @ with something on both sides, a dot on the right, no blanks.
pub fn is_email(email: &str) -> bool {
    let email = email.trim();
    let whole = email.len() <= 254 && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    let parts = email.split_once('@');
    let sides = parts.is_some_and(|(name, host)| {
        !name.is_empty() && !host.contains('@') && host.split('.').count() > 1 && host.split('.').all(|p| !p.is_empty())
    });
    whole && sides
}

/// People belong to no client, so their hashes are made under none.
fn email_hash(app: &App, email: &str) -> [u8; 32] {
    app.keys.blind_index(Uuid::nil(), "user email", tidy_email(email).as_bytes())
}

/// Seals a datum of a person under the person's own key.
fn seal(app: &App, user_id: Uuid, column: &str, plain: &[u8]) -> Vec<u8> {
    app.keys.seal(Place { client: user_id, column, row: user_id }, plain)
}

fn open(app: &App, user_id: Uuid, column: &str, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(app.keys.open(Place { client: user_id, column, row: user_id }, sealed)?)
}

fn open_text(app: &App, user_id: Uuid, column: &str, sealed: &[u8]) -> anyhow::Result<Personal> {
    Ok(Personal::new(String::from_utf8(open(app, user_id, column, sealed)?)?))
}

const EMAIL: &str = "app_user.email";
const NAME: &str = "app_user.name";
const TOTP: &str = "app_user.totp";

/// A secret for a link or a cookie: 256 random bits.
fn token() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// What is kept of such a secret.
fn token_hash(app: &App, purpose: &str, token: &str) -> [u8; 32] {
    hmac_sha256(&app.keys.purpose_key(purpose), &[token.as_bytes()])
}

/// Who has this address.
pub async fn by_address(app: &App, email: &str) -> store::Result<Option<Uuid>> {
    if !is_email(email) {
        return Ok(None);
    }
    Ok(store::user::by_email(&app.db, &email_hash(app, email)).await?.map(|user| user.user_id))
}

/// What somebody is for a client; `None` for who does not work for it.
pub async fn role_at(app: &App, client_id: Uuid, user_id: Uuid) -> store::Result<Option<Role>> {
    let role = store::membership::role(&app.db, client_id, user_id).await?;
    Ok(role.as_deref().and_then(Role::parse))
}

/// A person for whom a name is looked up: `usr_…` becomes the name, anything else (a key's person, `command line`) stays.
pub async fn name_of(app: &App, shown: &str) -> anyhow::Result<Personal> {
    let Some(user_id) = ids::parse(ids::USER, shown) else { return Ok(Personal::new(shown)) };
    match store::user::get(&app.db, user_id).await? {
        Some(user) => open_text(app, user_id, NAME, &user.name),
        None => Ok(Personal::new(shown)),
    }
}
