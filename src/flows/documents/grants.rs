//! Leave to read documents by links: given for a time to one reader, ended with the onboarding it was given for.
//!
//! A link is a signature over the grant's id, the document and the end of the time: made again from the same grant it is
//! the very same, so a repeated push carries the links of the first.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::app::App;
use crate::crypto::{constant_time_eq, hmac_sha256};
use crate::domain::ids;
use crate::store::grant::{self, Grant};
use crate::store::{self, Tx};

/// Who is given links.
#[derive(Clone, Copy, Debug)]
pub enum Reader<'a> {
    /// A provider, by its code, for an onboarding; the links end with it.
    Provider { code: &'a str, onboarding_id: Uuid },
    /// A person of the client, as `Caller::person` names them.
    Person(&'a str),
}

impl Reader<'_> {
    /// As it stands in the log of readings.
    fn named(&self) -> String {
        match self {
            Reader::Provider { code, .. } => format!("provider {code}"),
            Reader::Person(person) => (*person).to_owned(),
        }
    }
}

/// The links of a grant.
#[derive(Clone, Debug)]
pub struct Granted {
    pub id: Uuid,
    pub expires_at: DateTime<Utc>,
    /// By document, in the order they were given; whole addresses.
    pub links: Vec<(Uuid, String)>,
}

impl Granted {
    /// The link to a document of the grant.
    pub fn link(&self, document_id: Uuid) -> Option<&str> {
        self.links.iter().find(|(id, _)| *id == document_id).map(|(_, link)| link.as_str())
    }
}

/// Gives leave to read these documents of a client until a time, in the caller's transaction. Whether the documents are
/// there is asked when they are read. Times are kept to the second.
pub async fn grant(
    tx: &mut Tx,
    app: &App,
    client_id: Uuid,
    reader: Reader<'_>,
    documents: &[Uuid],
    expires_at: DateTime<Utc>,
) -> store::Result<Granted> {
    let now = app.now();
    let onboarding_id = match reader {
        Reader::Provider { onboarding_id, .. } => Some(onboarding_id),
        Reader::Person(_) => None,
    };
    let new = Grant {
        id: ids::new_id(now),
        onboarding_id,
        reader: reader.named(),
        document_ids: documents.to_vec(),
        created_at: now,
        expires_at: DateTime::from_timestamp(expires_at.timestamp(), 0).unwrap_or(expires_at),
        ended_at: None,
    };
    grant::insert_grant(tx, client_id, &new).await?;
    Ok(granted(app, client_id, &new))
}

/// The links of a grant made earlier, the same as then; `None` for no grant of this client.
pub async fn granted_before(app: &App, client_id: Uuid, grant_id: Uuid) -> store::Result<Option<Granted>> {
    Ok(grant::grant(&app.db, client_id, grant_id).await?.map(|grant| granted(app, client_id, &grant)))
}

/// Ends the links of an onboarding, in the transaction that ends it.
pub async fn end_grants(tx: &mut Tx, client_id: Uuid, onboarding_id: Uuid, now: DateTime<Utc>) -> store::Result<()> {
    grant::end_grants(tx, client_id, onboarding_id, None, now).await?;
    Ok(())
}

/// Ends the links of an onboarding that were given before those of `grant_id`: its reader has what took their place.
pub async fn end_earlier_grants(
    tx: &mut Tx,
    client_id: Uuid,
    onboarding_id: Uuid,
    grant_id: Uuid,
    now: DateTime<Utc>,
) -> store::Result<()> {
    grant::end_grants(tx, client_id, onboarding_id, Some(grant_id), now).await?;
    Ok(())
}

fn granted(app: &App, client_id: Uuid, grant: &Grant) -> Granted {
    let base = app.config.public_url();
    let link = |document_id: &Uuid| {
        let ticket = Ticket { client_id, grant_id: grant.id, document_id: *document_id, expires_at: grant.expires_at };
        (*document_id, format!("{base}/v1/files/{}", ticket.sign(app)))
    };
    Granted { id: grant.id, expires_at: grant.expires_at, links: grant.document_ids.iter().map(link).collect() }
}

/// What a link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub client_id: Uuid,
    pub grant_id: Uuid,
    pub document_id: Uuid,
    pub expires_at: DateTime<Utc>,
}

/// Three ids, the end of the time in seconds, and the signature over all of it.
const SAID: usize = 16 * 3 + 8;
const SIGNED: usize = SAID + 32;

impl Ticket {
    fn said(&self) -> [u8; SAID] {
        let mut said = [0; SAID];
        said[..16].copy_from_slice(self.client_id.as_bytes());
        said[16..32].copy_from_slice(self.grant_id.as_bytes());
        said[32..48].copy_from_slice(self.document_id.as_bytes());
        said[48..].copy_from_slice(&self.expires_at.timestamp().to_be_bytes());
        said
    }

    /// The last part of a link.
    pub fn sign(&self, app: &App) -> String {
        let said = self.said();
        let mut signed = said.to_vec();
        signed.extend_from_slice(&signature(app, &said));
        URL_SAFE_NO_PAD.encode(signed)
    }

    /// Reads a link's last part; `None` where we did not sign it.
    pub fn read(app: &App, token: &str) -> Option<Ticket> {
        let signed = URL_SAFE_NO_PAD.decode(token).ok().filter(|signed| signed.len() == SIGNED)?;
        let (said, signature_given) = signed.split_at(SAID);
        if !constant_time_eq(&signature(app, said), signature_given) {
            return None;
        }
        let id = |at: usize| Uuid::from_slice(&said[at..at + 16]).ok();
        let seconds = i64::from_be_bytes(said[48..].try_into().ok()?);
        Some(Ticket {
            client_id: id(0)?,
            grant_id: id(16)?,
            document_id: id(32)?,
            expires_at: DateTime::from_timestamp(seconds, 0)?,
        })
    }
}

fn signature(app: &App, said: &[u8]) -> [u8; 32] {
    hmac_sha256(&app.keys.purpose_key("document link"), &[said])
}
