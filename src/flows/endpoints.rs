//! Webhook endpoints: made with a secret and a token of their own, changed, rotated with overlap, tested.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::access::Caller;
use super::deliver::{secret_place, token_place};
use crate::app::App;
use crate::crash;
use crate::crypto::random_bytes;
use crate::domain::ids;
use crate::store;
use crate::store::endpoint::{self, Endpoint};

/// An endpoint that was just made. The secret and the token are shown once.
pub struct Made {
    pub endpoint: Endpoint,
    /// `whsec_` and base64, as Standard Webhooks libraries take it.
    pub secret: String,
    pub token: String,
}

/// Makes an endpoint for `events` at `url`; both are checked already.
pub async fn create(app: &App, caller: &Caller, url: &str, events: Vec<String>) -> store::Result<Made> {
    let now = app.now();
    let (client_id, id) = (caller.client_id, ids::new_id(now));
    let (secret, shown) = new_secret();
    let token = hex::encode(random_bytes::<24>());
    let endpoint = Endpoint {
        client_id,
        id,
        mode: caller.mode.as_str().into(),
        url: url.into(),
        events,
        secret: app.keys.seal(secret_place(client_id, id), &secret),
        previous_secret: None,
        previous_until: None,
        token: app.keys.seal(token_place(client_id, id), token.as_bytes()),
        status: "ACTIVE".into(),
        disabled_reason: String::new(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut tx = super::begin(&app.db).await?;
    endpoint::insert(&mut tx, &endpoint).await?;
    tx.commit().await?;
    Ok(Made { endpoint, secret: shown, token })
}

/// A new signing secret: its bytes, and how it is shown.
fn new_secret() -> (Vec<u8>, String) {
    let secret = random_bytes::<32>();
    (secret.to_vec(), format!("whsec_{}", STANDARD.encode(secret)))
}

/// One endpoint of the caller's client and mode.
pub async fn get(app: &App, caller: &Caller, id: Uuid) -> store::Result<Option<Endpoint>> {
    let found = endpoint::get(&app.db, caller.client_id, id).await?;
    Ok(found.filter(|endpoint| endpoint.mode == caller.mode.as_str()))
}

/// Puts an endpoint out of use, and says why. What waits for it is not delivered any more.
pub async fn disable(app: &App, client_id: Uuid, id: Uuid, why: &str) -> store::Result<()> {
    let mut tx = super::begin(&app.db).await?;
    crash::point("disable.before");
    endpoint::disable(&mut tx, client_id, id, why, app.now()).await?;
    tx.commit().await?;
    crash::point("disable.committed");
    app.endpoints.forget(&(client_id, id));
    Ok(())
}
