//! Encryption at rest: AES-256-GCM under a key of the client's own, bound to the place it is stored in.
//!
//! A sealed value reads `version (1) · key id (4, big-endian) · nonce (12) · ciphertext and tag`; under a data key,
//! which the row names, `version (2) · nonce (12) · ciphertext and tag` (and, in segments, what `segments` says). The key of the first form is HKDF-SHA-256 of the
//! master key named by the id, with the client as context: random nonces stay far from their limit, and one client's key
//! opens nothing of another's. Client, table, row and column are associated data, so a value copied into another row or
//! another client's table does not open.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use uuid::Uuid;

use super::{hmac_sha256, random_bytes};

const VERSION: u8 = 1;
const VERSION_OF_DATA: u8 = 2;
const HEADER: usize = 1 + 4 + NONCE_LEN;
/// What the authentication adds to a value.
const TAG: usize = 16;
/// What sealing a part of a longer value adds to it.
pub(super) const PART: usize = NONCE_LEN + TAG;

/// Where a value is stored: part of what is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub client: Uuid,
    /// Table and column, as `payment.receiver`.
    pub column: &'a str,
    /// The row within the client.
    pub row: Uuid,
}

/// Why a sealed value did not open. It never says anything of the content.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("sealed value is cut short or of an unknown version")]
    Malformed,
    #[error("sealed under master key {0}, which is not configured")]
    UnknownKey(u32),
    #[error("sealed value does not belong to this place, or was changed")]
    Refused,
}

/// The master keys, by id. New values are sealed under the highest id; all of them open.
#[derive(Clone)]
pub struct Keyring {
    masters: BTreeMap<u32, [u8; 32]>,
    current: u32,
}

impl Keyring {
    /// A ring of at least one key.
    pub fn new(masters: BTreeMap<u32, [u8; 32]>) -> Option<Self> {
        let current = *masters.keys().next_back()?;
        Some(Keyring { masters, current })
    }

    /// The id that new values are sealed under.
    pub fn current(&self) -> u32 {
        self.current
    }

    /// Seals `plain` for `place` under the current key.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let key = self.client_key(&self.masters[&self.current], place.client);
        let mut sealed = Vec::with_capacity(HEADER + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.to_be_bytes());
        append_sealed(&mut sealed, &key, place, plain);
        sealed
    }

    /// Opens what [`Keyring::seal`] sealed for the same place.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        if sealed.len() < HEADER || sealed[0] != VERSION {
            return Err(OpenError::Malformed);
        }
        let id = u32::from_be_bytes(sealed[1..5].try_into().map_err(|_| OpenError::Malformed)?);
        let master = self.masters.get(&id).ok_or(OpenError::UnknownKey(id))?;
        open_sealed(&self.client_key(master, place.client), place, &sealed[5..])
    }

    /// A keyed hash of a value that must be found again without being readable, such as an account number.
    /// It uses the lowest key id: the hash of a value stays the same when a newer key is added.
    pub fn blind_index(&self, client: Uuid, purpose: &str, value: &[u8]) -> [u8; 32] {
        let master = self.masters.values().next().expect("a ring holds at least one key");
        let key = hmac_sha256(master, &[b"paystrator blind index\0", client.as_bytes(), purpose.as_bytes()]);
        hmac_sha256(&key, &[value])
    }

    /// A key for one purpose that concerns no single client: the hashes of API keys, the signatures of tokens.
    pub fn purpose_key(&self, purpose: &str) -> [u8; 32] {
        let master = self.masters.values().next().expect("a ring holds at least one key");
        hmac_sha256(master, &[b"paystrator purpose\0", purpose.as_bytes()])
    }

    fn client_key(&self, master: &[u8; 32], client: Uuid) -> RandomizedNonceKey {
        // HKDF (RFC 5869) written out for one block: extract with a fixed salt, expand once.
        let extracted = hmac_sha256(b"paystrator envelope v1", &[master]);
        let expanded = hmac_sha256(&extracted, &[b"client\0", client.as_bytes(), &[1]]);
        RandomizedNonceKey::new(&AES_256_GCM, &expanded).expect("an AES-256 key is 32 bytes")
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring(current {})", self.current)
    }
}

/// A key of its own for data that must be erasable by themselves. It is kept sealed under the master keys; who destroys
/// that, destroys all that is sealed under it.
pub struct DataKey(RandomizedNonceKey);

impl DataKey {
    /// A new key, and the same sealed for `place`.
    pub fn make(ring: &Keyring, place: Place<'_>) -> (DataKey, Vec<u8>) {
        let bytes = random_bytes::<32>();
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).expect("an AES-256 key is 32 bytes");
        (DataKey(key), ring.seal(place, &bytes))
    }

    /// Opens a key that [`DataKey::make`] sealed for the same place.
    pub fn open(ring: &Keyring, place: Place<'_>, wrapped: &[u8]) -> Result<DataKey, OpenError> {
        let bytes = ring.open(place, wrapped)?;
        Ok(DataKey(RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| OpenError::Malformed)?))
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG);
        sealed.push(VERSION_OF_DATA);
        append_sealed(&mut sealed, &self.0, place, plain);
        sealed
    }

    /// Opens what [`DataKey::seal`] sealed for the same place.
    pub fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        match sealed.split_first() {
            Some((&VERSION_OF_DATA, rest)) => open_sealed(&self.0, place, rest),
            _ => Err(OpenError::Malformed),
        }
    }

    /// Appends a part of a longer value, bound to what [`segments`](super::segments) says of its place among the others.
    pub(super) fn append_part(&self, sealed: &mut Vec<u8>, bound: &[u8], plain: &[u8]) {
        append_bound(sealed, &self.0, bound, plain);
    }

    /// Opens what [`DataKey::append_part`] appended.
    pub(super) fn open_part(&self, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        open_bound(&self.0, bound, sealed)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Appends nonce, ciphertext and tag.
fn append_sealed(sealed: &mut Vec<u8>, key: &RandomizedNonceKey, place: Place<'_>, plain: &[u8]) {
    append_bound(sealed, key, &associated(place), plain);
}

/// The same, bound to any associated data.
fn append_bound(sealed: &mut Vec<u8>, key: &RandomizedNonceKey, bound: &[u8], plain: &[u8]) {
    let mut body = plain.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(bound), &mut body)
        .expect("AES-256-GCM seals any value that fits in memory");
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend_from_slice(&body);
}

/// Opens nonce, ciphertext and tag.
fn open_sealed(key: &RandomizedNonceKey, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    open_bound(key, &associated(place), sealed)
}

fn open_bound(key: &RandomizedNonceKey, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(OpenError::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Malformed)?;
    let mut body = body.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(bound), &mut body).map_err(|_| OpenError::Refused)?.len();
    body.truncate(plain);
    Ok(body)
}

pub(super) fn associated(place: Place<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(33 + place.column.len());
    bytes.extend_from_slice(place.client.as_bytes());
    bytes.extend_from_slice(place.row.as_bytes());
    bytes.extend_from_slice(place.column.as_bytes());
    bytes
}
