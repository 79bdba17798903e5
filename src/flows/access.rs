//! Who is calling: API keys and the five-minute tokens made from them, checked once per request; and from where.
//!
//! Keys are stored as keyed hashes and shown once. A token is signed with a key of its own and needs no row, so any
//! node verifies it; it carries the key's id, and a revoked key's tokens end with it.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::audit::{COMMAND_LINE, Deed, audited_for_both, record};
use crate::app::App;
use crate::crypto::{hmac_sha256, random_bytes};
use crate::domain::access::{Need, Product, Rights};
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::outbound::guard::may_call;
use crate::store::access::KeyRow;
use crate::store::{self, access, client};

/// Who is calling, proved.
#[derive(Clone, Debug)]
pub struct Caller {
    pub client_id: Uuid,
    pub by: By,
    pub mode: Mode,
    /// What the key may do; of a signed-in person, the most that a key of theirs may.
    pub rights: Rights,
    /// Who answers for it, and is one person where two must agree: a person of the console, signed in or by a key of
    /// theirs, as `usr_…`; or the name that a key of nobody there bears.
    pub person: String,
    /// It came with a token, not with the key itself.
    pub by_token: bool,
}

/// What a caller is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An API key, by its own id.
    Key(Uuid),
    /// A person who is signed in to the console.
    Person(Uuid),
}

impl Caller {
    pub fn may(&self, product: Product, need: Need) -> bool {
        self.rights.allow(product, need)
    }

    /// The person of the console who answers for it, if it is one.
    pub fn user_id(&self) -> Option<Uuid> {
        ids::parse(ids::USER, &self.person)
    }

    /// Whether `person` answers for it too. Names are typed by people: blanks around and letter case make no second
    /// person.
    pub fn is(&self, person: &str) -> bool {
        self.person.trim().to_lowercase() == person.trim().to_lowercase()
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
    let is_token = !bearer.starts_with("sk_");
    let row = if is_token { by_token(app, bearer).await? } else { by_key(app, bearer).await? };
    let row = row.filter(|row| row.revoked_at.is_none()).ok_or(Denied::Unknown)?;
    if !lets_in(&row.allowed_addresses, from) {
        return Err(Denied::Address(from));
    }
    let mode = Mode::parse(&row.mode).ok_or(Denied::Unknown)?;
    if mode == Mode::Live && app.config.schedule.speed != 1.0 {
        return Err(Denied::Live);
    }
    app.key_use.note(row.client_id, row.id, app.now());
    let rights: Rights = serde_json::from_value(row.rights.clone()).unwrap_or_default();
    let (client_id, key_id, person) = (row.client_id, row.id, row.owner());
    Ok(Caller { client_id, by: By::Key(key_id), mode, rights, person, by_token: is_token })
}

async fn by_key(app: &App, key: &str) -> Result<Option<Arc<KeyRow>>, Denied> {
    let hash = key_hash(app, key);
    Ok(app.credentials.find(hash, &app.clock, access::key_by_hash(&app.db, &hash)).await?)
}

/// An address block contains an address; IPv4 inside IPv6 counts as IPv4.
fn contains(block: &str, address: IpAddr) -> bool {
    block.parse::<ipnet::IpNet>().is_ok_and(|block| block.contains(&address.to_canonical()))
}

pub(super) fn key_hash(app: &App, key: &str) -> [u8; 32] {
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
    let By::Key(key_id) = caller.by else { anyhow::bail!("only a key has tokens") };
    let ttl = app.config.limits.token_ttl_s;
    let now = app.now().timestamp();
    let claims = Claims {
        sub: caller.client_id.simple().to_string(),
        caki: key_id.simple().to_string(),
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

/// Makes a client.
pub async fn create_client(app: &App, name: &str) -> store::Result<Uuid> {
    let now = app.now();
    let id = ids::new_id(now);
    let mut tx = super::begin(&app.db).await?;
    client::insert(&mut tx, id, name, now).await?;
    let (object, detail) = (ids::show(ids::CLIENT, id), json!({ "name": name }));
    let (client_id, mode, person, action, object) = (id, None, COMMAND_LINE, "client.created", object.as_str());
    record(&mut tx, &Deed { client_id, mode, person, action, object, detail }, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// The addresses a client's calls may come from; empty means from anywhere.
pub async fn allowed(app: &App, caller: &Caller) -> anyhow::Result<Vec<String>> {
    let client = client::get(&app.db, caller.client_id).await?;
    Ok(client.ok_or_else(|| anyhow::anyhow!("the caller's client is missing"))?.allowed_addresses)
}

/// Whether a list of blocks lets `address` in.
pub fn lets_in(blocks: &[String], address: IpAddr) -> bool {
    blocks.is_empty() || blocks.iter().any(|block| contains(block, address))
}

/// Every entry, an address or a block of them (CIDR), as a block: each once, in order. Or the places of those that are
/// neither, from 0 on.
pub fn blocks<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Vec<usize>> {
    let (mut blocks, mut wrong) = (Vec::new(), Vec::new());
    for (at, entry) in entries.enumerate() {
        let address = || entry.parse::<IpAddr>().ok().map(|ip| IpNet::from(ip.to_canonical()));
        match entry.parse::<IpNet>().ok().or_else(address) {
            Some(block) => blocks.push(block.trunc()),
            None => wrong.push(at),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    blocks.sort();
    blocks.dedup();
    Ok(blocks.iter().map(IpNet::to_string).collect())
}

/// Whom a list of blocks lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is empty, or has a block of all addresses.
    Everybody,
    /// Every block is of a machine or a network of one's own: nobody from the internet.
    NobodyOutside,
    Some,
}

/// Whom a list of blocks, checked already, lets in.
pub fn reach(blocks: &[String]) -> Reach {
    let nets: Vec<IpNet> = blocks.iter().filter_map(|block| block.parse().ok()).collect();
    if nets.is_empty() || nets.iter().any(|net| net.prefix_len() == 0) {
        return Reach::Everybody;
    }
    if nets.iter().all(|net| !may_call(net.network(), false) && !may_call(net.broadcast(), false)) {
        return Reach::NobodyOutside;
    }
    Reach::Some
}

/// Replaces the allow-list of the caller's client; the blocks are checked already.
pub async fn set_allowed(app: &App, caller: &Caller, blocks: &[String]) -> store::Result<()> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    client::set_allowed(&mut tx, caller.client_id, blocks).await?;
    let detail = serde_json::json!({ "addresses": blocks });
    audited_for_both(&mut tx, caller, "allow_list.replaced", "ip-allow-list", detail, now).await?;
    tx.commit().await?;
    app.credentials.clear();
    Ok(())
}
