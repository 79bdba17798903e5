//! API keys: made, listed, revoked. A key is stored as a keyed hash and shown once.
//!
//! A key belongs to one person, who answers for what it does: to who made it, and one made by a key to that key's own
//! person. So nobody becomes two people by making keys. Neither a key nor a person makes one that may do more.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::access::{Caller, key_hash};
use super::audit::{COMMAND_LINE, Deed, audited, record};
use super::once::{self, First, Once};
use super::people;
use crate::app::App;
use crate::crypto::random_bytes;
use crate::crypto::secret::Personal;
use crate::domain::access::Rights;
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::store::access::{self, KeyRow, NewKey};
use crate::store::{self, Tx};

/// The route in idempotency rows.
const ROUTE: &str = "api-keys";

/// A key to make for who runs the installation.
pub struct KeyWish<'a> {
    pub client_id: Uuid,
    pub mode: Mode,
    pub name: &'a str,
    /// Whom it belongs to: a person of the console as `usr_…`, or a name. See [`owner`].
    pub person: &'a str,
    pub rights: &'a Rights,
}

/// Why no key is made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is blank, longer than [`NAME_CHARS`], or holds control characters.
    #[error("the name is none")]
    Name,
    #[error("the key would have rights that its maker has not")]
    Exceeded,
    #[error(transparent)]
    Once(#[from] once::Refused),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The longest name of a key.
pub const NAME_CHARS: usize = 100;

/// A key that was made. `secret` is shown once and kept nowhere.
pub struct MadeKey {
    pub id: Uuid,
    pub secret: String,
    pub hint: String,
}

/// Makes a key for who runs the installation.
pub async fn create(app: &App, wish: &KeyWish<'_>) -> store::Result<MadeKey> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    let made = insert(app, &mut tx, wish, now).await?;
    let KeyWish { client_id, mode, name, rights, .. } = *wish;
    let (mode, object) = (Some(mode), ids::show(ids::KEY, made.id));
    let detail = json!({ "name": name, "rights": rights });
    let (person, action, object) = (COMMAND_LINE, "key.created", object.as_str());
    record(&mut tx, &Deed { client_id, mode, person, action, object, detail }, now).await?;
    tx.commit().await?;
    Ok(made)
}

/// Whom a key belongs to that is made for `text`: the person of the console who has this address, as `usr_…`; else a
/// name, which counts as a person of its own.
pub async fn owner(app: &App, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    let known = people::by_address(app, text).await?;
    let shown = known.map(|user_id| ids::show(ids::USER, user_id));
    let owner = shown.unwrap_or_else(|| text.to_owned());
    anyhow::ensure!(known.is_some() || !owner.starts_with("usr_"), "a name that looks like a person's id is none");
    anyhow::ensure!(!owner.is_empty(), "a key belongs to somebody");
    Ok(owner)
}

/// Makes a key for the caller: it belongs to who answers for the caller, is of the caller's mode, and may do no more
/// than a key of the caller may.
pub async fn create_by(
    app: &App,
    caller: &Caller,
    name: &str,
    rights: &Rights,
    once: Option<Once>,
) -> Result<First<MadeKey>, Refused> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Refused::Name);
    }
    if !rights.within(&caller.rights) {
        return Err(Refused::Exceeded);
    }
    let wish = KeyWish { client_id: caller.client_id, mode: caller.mode, name, person: &caller.person, rights };
    loop {
        if let Some(id) = once::earlier(app, caller, ROUTE, once.as_ref()).await? {
            return Ok(First::Replayed(id));
        }
        let now = app.now();
        let mut tx = super::begin(&app.db).await?;
        let made = insert(app, &mut tx, &wish, now).await?;
        let detail = json!({ "name": name, "rights": rights });
        audited(&mut tx, caller, "key.created", &ids::show(ids::KEY, made.id), detail, now).await?;
        if once::commit(app, tx, caller, ROUTE, once.as_ref(), made.id).await? {
            return Ok(First::Made(made));
        }
    }
}

/// `sk_test_` or `sk_live_` and 192 random bits.
async fn insert(app: &App, tx: &mut Tx, wish: &KeyWish<'_>, now: DateTime<Utc>) -> store::Result<MadeKey> {
    let secret = format!("sk_{}_{}", wish.mode.as_str(), URL_SAFE_NO_PAD.encode(random_bytes::<24>()));
    let hint = format!("{}…{}", &secret[..12], &secret[secret.len() - 4..]);
    let id = ids::new_id(now);
    let user_id = ids::parse(ids::USER, wish.person);
    let row = NewKey {
        client_id: wish.client_id,
        id,
        mode: wish.mode.as_str(),
        name: wish.name,
        user_id,
        person: user_id.is_none().then_some(wish.person),
        hint: &hint,
        rights: serde_json::to_value(wish.rights).unwrap_or_default(),
        hash: &key_hash(app, &secret),
    };
    access::insert_key(tx, &row, now).await?;
    Ok(MadeKey { id, secret, hint })
}

/// The keys of the caller's client and mode, revoked ones too, oldest first.
pub async fn list(app: &App, caller: &Caller) -> store::Result<Vec<KeyRow>> {
    access::keys(&app.db, caller.client_id, caller.mode.as_str()).await
}

/// A key with whose it is, in words.
pub struct Owned {
    pub row: KeyRow,
    /// A person's name, or the name it was made for.
    pub owner: Personal,
    /// Its person does not work for the client any more.
    pub left: bool,
    pub last_used: Option<DateTime<Utc>>,
}

/// A key with whose it is.
pub async fn owned(app: &App, row: KeyRow) -> anyhow::Result<Owned> {
    let left = match row.user_id {
        Some(user_id) => people::role_at(app, row.client_id, user_id).await?.is_none(),
        None => false,
    };
    Ok(Owned { owner: people::name_of(app, &row.owner()).await?, left, last_used: last_used(app, &row), row })
}

/// One key of the caller's client and mode.
pub async fn get(app: &App, caller: &Caller, id: Uuid) -> store::Result<Option<KeyRow>> {
    let key = access::key(&app.db, caller.client_id, id).await?;
    Ok(key.filter(|key| key.mode == caller.mode.as_str()))
}

/// Revokes a key and, with it, its tokens; a revoked key stays revoked. `None` where there is none.
pub async fn revoke(app: &App, caller: &Caller, id: Uuid) -> store::Result<Option<KeyRow>> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    if access::revoke_key(&mut tx, caller.client_id, caller.mode.as_str(), id, now).await? {
        audited(&mut tx, caller, "key.revoked", &ids::show(ids::KEY, id), json!({}), now).await?;
        tx.commit().await?;
        app.credentials.clear();
    }
    get(app, caller, id).await
}

/// When a key was last called with, written down or not.
pub fn last_used(app: &App, key: &KeyRow) -> Option<DateTime<Utc>> {
    app.key_use.of(key.client_id, key.id).max(key.last_used_at)
}

/// Writes down when keys were last called with: one statement for all of them, once a minute, so that no call waits.
pub async fn flush_use(app: &App) -> store::Result<()> {
    let mut noted = app.key_use.all();
    if noted.is_empty() {
        return Ok(());
    }
    // In one order, whoever else writes them too.
    noted.sort_unstable();
    let clients: Vec<Uuid> = noted.iter().map(|(client, _, _)| *client).collect();
    let ids: Vec<Uuid> = noted.iter().map(|(_, id, _)| *id).collect();
    let times: Vec<_> = noted.iter().map(|(_, _, at)| *at).collect();
    let mut tx = super::single(&app.db).await?;
    access::keys_used(&mut tx, &clients, &ids, &times).await?;
    tx.commit().await?;
    app.key_use.written(&noted);
    Ok(())
}
