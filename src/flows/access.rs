//! Who is calling: API keys and the five-minute tokens made from them, checked once per request.
//!
//! Keys are stored as keyed hashes and shown once. A token is signed with a key of its own and needs no row, so any
//! node verifies it; it carries the key's id, and a revoked key's tokens end with it.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::crypto::{hmac_sha256, random_bytes};
use crate::domain::access::{Need, Product, Rights};
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::store::access::{KeyRow, NewKey};
use crate::store::{self, access, client};

/// Who is calling, proved.
#[derive(Clone, Debug)]
pub struct Caller {
    pub client_id: Uuid,
    pub key_id: Uuid,
    pub mode: Mode,
    pub rights: Rights,
    /// The person who answers for this key.
    pub person: String,
}

impl Caller {
    pub fn may(&self, product: Product, need: Need) -> bool {
        self.rights.allow(product, need)
    }
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    #[error("the key or token is missing, wrong, expired or revoked")]
    Unknown,
    #[error("calls from {0} are not on the client's allow-list")]
    Address(IpAddr),
    #[error("live keys need the schedule as documented")]
    Live,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Checks a bearer credential, an API key or a token, and the address it comes from.
pub async fn authenticate(app: &App, bearer: &str, from: IpAddr) -> Result<Caller, Denied> {
    let row = if bearer.starts_with("sk_") { by_key(app, bearer).await? } else { by_token(app, bearer).await? };
    let row = row.filter(|row| row.revoked_at.is_none()).ok_or(Denied::Unknown)?;
    if !row.allowed_addresses.is_empty() && !row.allowed_addresses.iter().any(|block| contains(block, from)) {
        return Err(Denied::Address(from));
    }
    let mode = Mode::parse(&row.mode).ok_or(Denied::Unknown)?;
    if mode == Mode::Live && app.config.schedule.speed != 1.0 {
        return Err(Denied::Live);
    }
    let rights: Rights = serde_json::from_value(row.rights.clone()).unwrap_or_default();
    Ok(Caller { client_id: row.client_id, key_id: row.id, mode, rights, person: row.person.clone() })
}

async fn by_key(app: &App, key: &str) -> Result<Option<Arc<KeyRow>>, Denied> {
    let hash = key_hash(app, key);
    let now = app.now();
    if let Some(row) = app.credentials.get(&hash, now) {
        return Ok(Some(row));
    }
    let row = access::key_by_hash(&app.db, &hash).await?;
    Ok(row.map(|row| app.credentials.put(hash, row, now)))
}

/// An address block contains an address; IPv4 inside IPv6 counts as IPv4.
fn contains(block: &str, address: IpAddr) -> bool {
    block.parse::<ipnet::IpNet>().is_ok_and(|block| block.contains(&address.to_canonical()))
}

fn key_hash(app: &App, key: &str) -> [u8; 32] {
    hmac_sha256(&app.keys.purpose_key("api key hash"), &[key.as_bytes()])
}

/// What a token says; the names are those of contracts/paystrator.md 2.2.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// The key it was made from.
    caki: String,
    iss: String,
    iat: i64,
    exp: i64,
    jti: String,
}

const ISSUER: &str = "paystrator";

/// Makes a short-lived token for the caller's key; answers it and its life in seconds.
pub fn token(app: &App, caller: &Caller) -> anyhow::Result<(String, u64)> {
    let ttl = app.config.limits.token_ttl_s;
    let now = app.now().timestamp();
    let claims = Claims {
        sub: caller.client_id.simple().to_string(),
        caki: caller.key_id.simple().to_string(),
        iss: ISSUER.into(),
        iat: now,
        exp: now + ttl as i64,
        jti: hex::encode(random_bytes::<16>()),
    };
    let key = EncodingKey::from_secret(&app.keys.purpose_key("access token"));
    Ok((jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?, ttl))
}

async fn by_token(app: &App, token: &str) -> Result<Option<Arc<KeyRow>>, Denied> {
    let key = DecodingKey::from_secret(&app.keys.purpose_key("access token"));
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    // The library would ask the machine's clock; ours decides.
    rules.validate_exp = false;
    let Ok(token) = jsonwebtoken::decode::<Claims>(token, &key, &rules) else { return Ok(None) };
    let claims = token.claims;
    if app.now().timestamp() >= claims.exp {
        return Ok(None);
    }
    let (Ok(client_id), Ok(key_id)) = (Uuid::try_parse(&claims.sub), Uuid::try_parse(&claims.caki)) else {
        return Ok(None);
    };
    Ok(access::key(&app.db, client_id, key_id).await?.map(Arc::new))
}

/// A key to make.
pub struct KeyWish<'a> {
    pub client_id: Uuid,
    pub mode: Mode,
    pub name: &'a str,
    pub person: &'a str,
    pub rights: &'a Rights,
}

/// A key that was made. `secret` is shown once and kept nowhere.
pub struct MadeKey {
    pub id: Uuid,
    pub secret: String,
    pub hint: String,
}

/// Makes a key: `sk_test_` or `sk_live_` and 192 random bits.
pub async fn create_key(app: &App, wish: &KeyWish<'_>) -> store::Result<MadeKey> {
    let now = app.now();
    let secret = format!("sk_{}_{}", wish.mode.as_str(), URL_SAFE_NO_PAD.encode(random_bytes::<24>()));
    let hint = format!("{}…{}", &secret[..12], &secret[secret.len() - 4..]);
    let id = ids::new_id(now);
    let row = NewKey {
        client_id: wish.client_id,
        id,
        mode: wish.mode.as_str(),
        name: wish.name,
        person: wish.person,
        hint: &hint,
        rights: serde_json::to_value(wish.rights).unwrap_or_default(),
        hash: &key_hash(app, &secret),
    };
    let mut tx = super::begin(&app.db).await?;
    access::insert_key(&mut tx, &row, now).await?;
    tx.commit().await?;
    Ok(MadeKey { id, secret, hint })
}

/// Makes a client.
pub async fn create_client(app: &App, name: &str) -> store::Result<Uuid> {
    let now = app.now();
    let id = ids::new_id(now);
    let mut tx = super::begin(&app.db).await?;
    client::insert(&mut tx, id, name, now).await?;
    tx.commit().await?;
    Ok(id)
}
