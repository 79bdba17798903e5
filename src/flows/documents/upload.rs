//! An upload: judged while it comes, sealed piece by piece, and a document only once all of it is kept.
//!
//! The row and its key come first (*uploading*), then the object, then *stored*. Whatever is cut off in between is found
//! by its row, and removed with its object. No more of a content is in memory than its beginning and a few segments.

use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{ABOUT, About, CONTENT, Document, opened};
use crate::app::App;
use crate::crash;
use crate::crypto::envelope::{DataKey, Place};
use crate::crypto::secret::Personal;
use crate::crypto::segments::Sealer;
use crate::documents::{self, Upload};
use crate::domain::document::{LONGEST_HEADER, MAGIC, MediaType, PDF_END, Unfit, ends, fits};
use crate::domain::ids;
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited_for_both;
use crate::flows::data_keys;
use crate::store::data_key::{self, Purpose};
use crate::store::document::{self, Whole};
use crate::store::{self};

/// What is said of an upload.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The name of the file, checked already.
    pub name: Personal,
    /// What it is said to be; `None`: the content alone tells.
    pub declared: Option<MediaType>,
}

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("the content is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the content could not be read to its end")]
    Broken,
    #[error("too many uploads at once")]
    Busy,
    #[error("the upload took too long and was given up")]
    GivenUp,
    #[error(transparent)]
    Kept(#[from] documents::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// A stored document.
pub enum Uploaded {
    New(Document),
    /// The same content stood under the same name already: this is that.
    Before(Document),
}

/// How long an upload waits for others to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes an upload to its end.
pub async fn upload<S, C, E>(app: &App, caller: &Caller, incoming: Incoming, content: S) -> Result<Uploaded, Refused>
where
    S: Stream<Item = Result<C, E>>,
    C: AsRef<[u8]>,
{
    let _place = app.documents.place(caller.client_id, PATIENCE).await.ok_or(Refused::Busy)?;
    let mut content = pin!(content);
    let (kind, beginning, is_all) = beginning(app, incoming.declared, &mut content).await?;
    let mut on_its_way = OnItsWay::begin(app, caller, kind).await?;
    let taken = async {
        on_its_way.take(&beginning).await?;
        drop(beginning);
        if !is_all {
            while let Some(piece) = content.next().await {
                on_its_way.take(piece.map_err(|_| Refused::Broken)?.as_ref()).await?;
            }
        }
        ends(kind, &on_its_way.end).map_err(Refused::from)
    };
    if let Err(refused) = taken.await {
        on_its_way.take_back().await?;
        return Err(refused);
    }
    on_its_way.finish(incoming.name).await
}

/// Reads so much of a content as tells its kind, and of a picture its size. Says whether that was all of it.
async fn beginning<S, C, E>(
    app: &App,
    declared: Option<MediaType>,
    content: &mut S,
) -> Result<(MediaType, Vec<u8>, bool), Refused>
where
    S: Stream<Item = Result<C, E>> + Unpin,
    C: AsRef<[u8]>,
{
    let mut beginning = Vec::new();
    // A picture's size is looked for at each doubling, not at each piece.
    let mut next_look = MAGIC;
    loop {
        let piece = content.next().await;
        let is_all = piece.is_none();
        if let Some(piece) = piece {
            beginning.extend_from_slice(piece.map_err(|_| Refused::Broken)?.as_ref());
        }
        if beginning.len() as u64 > app.config.documents.limit_bytes {
            return Err(Refused::TooLarge(app.config.documents.limit_bytes));
        }
        if !is_all && beginning.len() < next_look.min(LONGEST_HEADER) {
            continue;
        }
        next_look = beginning.len().max(2048) * 2;
        let kind = match MediaType::of(&beginning) {
            None if beginning.is_empty() => return Err(Unfit::Empty.into()),
            None => return Err(Unfit::Unknown.into()),
            Some(kind) if declared.is_some_and(|declared| declared != kind) => return Err(Unfit::Other.into()),
            Some(kind) => kind,
        };
        let header = &beginning[..beginning.len().min(LONGEST_HEADER)];
        if let Some(judged) = fits(kind, header, is_all) {
            judged?;
            return Ok((kind, beginning, is_all));
        }
    }
}

/// A document whose row stands and whose content is on its way.
struct OnItsWay<'a> {
    app: &'a App,
    caller: &'a Caller,
    id: Uuid,
    /// Seals what is said of it; the content has a handle of its own.
    key: DataKey,
    sealer: Sealer,
    upload: Upload,
    digest: Sha256,
    size: u64,
    /// The last bytes that came.
    end: Vec<u8>,
}

impl<'a> OnItsWay<'a> {
    async fn begin(app: &'a App, caller: &'a Caller, kind: MediaType) -> Result<Self, Refused> {
        let (now, client) = (app.now(), caller.client_id);
        let id = ids::new_id(now);
        let (key, wrapped) = data_keys::make(app, client, id);
        crash::point("upload.before");
        let mut tx = flows::begin(&app.db).await?;
        let is_new = data_key::insert(&mut tx, client, id, Purpose::Document, &wrapped, now).await?;
        if !is_new {
            return Err(anyhow::anyhow!("an id was drawn twice").into());
        }
        document::begin(&mut tx, client, id, kind, &caller.person, now).await?;
        tx.commit().await?;
        crash::point("upload.begun");
        let again = data_keys::open(app, client, id, &wrapped)?;
        let mut upload = match app.documents.begin(client, id).await {
            Ok(upload) => upload,
            Err(error) => {
                give_up(app, client, id).await?;
                return Err(error.into());
            }
        };
        let sealer = Sealer::new(again, client, CONTENT, id, upload.pending());
        let (digest, end) = (Sha256::new(), Vec::new());
        Ok(OnItsWay { app, caller, id, key, sealer, upload, digest, size: 0, end })
    }

    async fn take(&mut self, piece: &[u8]) -> Result<(), Refused> {
        self.size += piece.len() as u64;
        let limit = self.app.config.documents.limit_bytes;
        if self.size > limit {
            return Err(Refused::TooLarge(limit));
        }
        self.digest.update(piece);
        self.end.extend_from_slice(&piece[piece.len().saturating_sub(PDF_END)..]);
        let before = self.end.len().saturating_sub(PDF_END);
        self.end.drain(..before);
        // A piece may be long: nothing more than a part waits to be written.
        for some in piece.chunks(crate::crypto::segments::SEGMENT) {
            self.sealer.push(some, self.upload.pending());
            self.upload.flush().await?;
        }
        Ok(())
    }

    /// Nothing of it stays; what cannot be removed now is found by its row.
    async fn take_back(self) -> Result<(), Refused> {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "an upload was not taken back; its row will be found");
        }
        give_up(self.app, self.caller.client_id, self.id).await
    }

    async fn finish(mut self, name: Personal) -> Result<Uploaded, Refused> {
        let (app, client, id) = (self.app, self.caller.client_id, self.id);
        let digest = self.digest.clone().finalize();
        let said = [name.reveal().as_bytes(), &[0], &digest].concat();
        let fingerprint = app.keys.blind_index(client, "document", &said);
        if let Some(same) = document::same(&app.db, client, &fingerprint).await? {
            self.take_back().await?;
            return before(app, client, same).await;
        }
        self.sealer.finish(self.upload.pending());
        self.upload.finish().await?;
        crash::point("upload.written");
        let about = About { name, sha256: Personal::new(hex::encode(digest)) };
        let plain = serde_json::to_vec(&about).map_err(anyhow::Error::from)?;
        let about = self.key.seal(Place { client, column: ABOUT, row: id }, &plain);
        let size_bytes = i64::try_from(self.size).map_err(anyhow::Error::from)?;
        let whole = Whole { about: &about, fingerprint: &fingerprint, size_bytes };
        match store_it(app, self.caller, id, &whole).await {
            Ok(true) => {}
            Ok(false) => {
                app.documents.remove(client, id).await?;
                return Err(Refused::GivenUp);
            }
            // The same came twice at once, and the other was first.
            Err(error) if error.violated() == Some(document::ONCE) => {
                give_up(app, client, id).await?;
                let same = document::same(&app.db, client, &fingerprint).await?;
                return before(app, client, same.ok_or(Refused::GivenUp)?).await;
            }
            Err(error) => return Err(error.into()),
        }
        crash::point("upload.committed");
        let stored = super::get(app, client, id).await?.ok_or(Refused::GivenUp)?;
        Ok(Uploaded::New(stored))
    }
}

async fn before(app: &App, client_id: Uuid, row: document::Row) -> Result<Uploaded, Refused> {
    let same = opened(app, client_id, vec![row]).await?.pop();
    Ok(Uploaded::Before(same.ok_or(Refused::GivenUp)?))
}

async fn store_it(app: &App, caller: &Caller, id: Uuid, whole: &Whole<'_>) -> store::Result<bool> {
    let mut tx = flows::begin(&app.db).await?;
    if !document::stored(&mut tx, caller.client_id, id, whole).await? {
        return Ok(false);
    }
    let shown = ids::show(ids::DOCUMENT, id);
    let detail = json!({ "size_bytes": whole.size_bytes });
    audited_for_both(&mut tx, caller, "document.uploaded", &shown, detail, app.now()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Gives an upload up, and removes what there is of it.
async fn give_up(app: &App, client_id: Uuid, id: Uuid) -> Result<(), Refused> {
    let mut tx = flows::single(&app.db).await?;
    document::give_up(&mut tx, client_id, id).await?;
    tx.commit().await?;
    super::remove(app, client_id, id, false).await;
    Ok(())
}
