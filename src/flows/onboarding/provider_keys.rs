//! The keys of providers: made and shown once, stored as keyed hashes, for one provider and one mode each. Every client's
//! audit log says who may speak for a provider, and since when no more.

use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::crypto::{hmac_sha256, random_bytes};
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::flows;
use crate::flows::audit::for_everybody;
use crate::store::provider_key::{self, Row};
use crate::store::{self, Tx};

/// A provider, proved.
#[derive(Clone, Debug)]
pub struct ProviderKey {
    pub id: Uuid,
    /// The provider's code.
    pub target: String,
    pub mode: Mode,
}

/// What the keys of a mode begin with.
fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "pk_test_",
        Mode::Live => "pk_live_",
    }
}

fn hash(app: &App, key: &str) -> [u8; 32] {
    hmac_sha256(&app.keys.purpose_key("provider key hash"), &[key.as_bytes()])
}

/// Whose key this is; `None` where it is nobody's, or revoked.
pub async fn provider(app: &App, key: &str) -> store::Result<Option<ProviderKey>> {
    let row = provider_key::by_hash(&app.db, &hash(app, key)).await?;
    let key = |row: Row| Some(ProviderKey { id: row.id, target: row.target, mode: Mode::parse(&row.mode)? });
    Ok(row.filter(|row| row.revoked_at.is_none()).and_then(key))
}

/// Makes a key for a provider that takes onboardings here; answers it and its id. It is not shown again.
pub async fn create_provider_key(app: &App, target: &str, mode: Mode) -> anyhow::Result<(String, Uuid)> {
    let known: Vec<&str> = app.targets.iter().map(|target| target.code()).collect();
    anyhow::ensure!(
        app.targets.get(target).is_some(),
        "{target:?} takes no onboardings here; those who do: {}",
        known.join(", ")
    );
    let key = format!("{}{}", prefix(mode), hex::encode(random_bytes::<24>()));
    let now = app.now();
    let hint = format!("{}…{}", prefix(mode), &key[key.len() - 4..]);
    let id = ids::new_id(now);
    let row =
        Row { id, target: target.to_owned(), mode: mode.as_str().to_owned(), hint, created_at: now, revoked_at: None };
    let mut tx = flows::begin(&app.db).await?;
    provider_key::insert(&mut tx, &row, &hash(app, &key)).await?;
    tell_all(app, &mut tx, "provider_key.created", id, target, mode).await?;
    tx.commit().await?;
    Ok((key, id))
}

/// All keys, revoked ones too.
pub async fn provider_keys(app: &App) -> store::Result<Vec<Row>> {
    provider_key::list(&app.db).await
}

/// Revokes a key; `false` where there is none, or it is revoked already.
pub async fn revoke_provider_key(app: &App, id: Uuid) -> store::Result<bool> {
    let mut tx = flows::begin(&app.db).await?;
    let Some((target, mode)) = provider_key::revoke(&mut tx, id, app.now()).await? else { return Ok(false) };
    tell_all(app, &mut tx, "provider_key.revoked", id, &target, mode).await?;
    tx.commit().await?;
    Ok(true)
}

/// A key belongs to the installation and speaks of everybody's onboardings: each client's audit log says what became of
/// it.
async fn tell_all(app: &App, tx: &mut Tx, action: &str, id: Uuid, target: &str, mode: Mode) -> store::Result<()> {
    let (object, detail) = (ids::show(ids::KEY, id), json!({ "provider": target }));
    for_everybody(app, tx, Some(mode), (action, &object), &detail, app.now()).await
}
