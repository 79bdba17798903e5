//! Where uploaded documents are kept: a folder, or any store that speaks S3. The only user of the object store.
//!
//! What comes here is sealed already, and is known by its client and id alone. Parts are written as they come and stand
//! under the object's name only once all of them are there (and, in a folder, on the disk).

use std::collections::HashMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt, RetryConfig};
use secrecy::ExposeSecret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::config;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no place is configured for documents")]
    NotConfigured,
    #[error("the object is not in the store")]
    Missing,
    #[error("the object store: {0}")]
    Store(#[source] object_store::Error),
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Error::Missing,
            error => Error::Store(error),
        }
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// How much is written at once. S3 takes no smaller part but the last; a folder has no such rule.
const PART_OF_S3: usize = 5 * 1024 * 1024;
const PART_OF_FOLDER: usize = 256 * 1024;

/// The store, and the places for uploads at once.
pub struct Documents {
    kept: Option<Kept>,
    places: Arc<Semaphore>,
    of_one: usize,
    clients: Mutex<HashMap<Uuid, Arc<Semaphore>>>,
}

struct Kept {
    store: Arc<dyn ObjectStore>,
    part: usize,
    /// The folder, where it is one.
    folder: Option<PathBuf>,
}

impl Documents {
    /// Opens the configured store. Nothing configured is no error: then nothing can be uploaded.
    pub fn open(config: &config::Documents) -> anyhow::Result<Self> {
        let kept = match (config.s3_bucket.as_str(), config.folder.as_str()) {
            ("", "") => None,
            ("", folder) => Some(in_folder(FilePath::new(folder))?),
            _ => Some(in_bucket(config)?),
        };
        let uploads = config.uploads_at_once.max(1);
        let of_one = uploads.div_ceil(2);
        Ok(Documents { kept, places: Arc::new(Semaphore::new(uploads)), of_one, clients: Mutex::default() })
    }

    fn kept(&self) -> Result<&Kept> {
        self.kept.as_ref().ok_or(Error::NotConfigured)
    }

    /// A place for an upload; `None` where all of them stay taken for so long. One client never has more than half.
    pub async fn place(&self, client: Uuid, patience: Duration) -> Option<Taken> {
        let mine = self.places_of(client);
        let both = async {
            let of_client = mine.acquire_owned().await.ok()?;
            Some(Taken { _place: self.places.clone().acquire_owned().await.ok()?, _of_client: of_client })
        };
        tokio::time::timeout(patience, both).await.ok()?
    }

    fn places_of(&self, client: Uuid) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Held by nobody else: nothing of that client is under way.
        clients.retain(|_, places| Arc::strong_count(places) > 1);
        clients.entry(client).or_insert_with(|| Arc::new(Semaphore::new(self.of_one))).clone()
    }

    /// Begins an object. Nothing of it can be read before [`Upload::finish`].
    pub async fn begin(&self, client: Uuid, id: Uuid) -> Result<Upload> {
        let kept = self.kept()?;
        let parts = kept.store.put_multipart(&path(client, id)).await?;
        Ok(Upload { parts, pending: Vec::new(), part: kept.part })
    }

    /// An object, as it comes out of the store.
    pub async fn read(&self, client: Uuid, id: Uuid) -> Result<BoxStream<'static, Result<impl AsRef<[u8]> + use<>>>> {
        let found = self.kept()?.store.get(&path(client, id)).await?;
        Ok(Box::pin(found.into_stream().map_err(Error::from)))
    }

    /// Removes an object and what an upload that was cut off left of it. That there is none is no error.
    pub async fn remove(&self, client: Uuid, id: Uuid) -> Result<()> {
        let kept = self.kept()?;
        if let Some(folder) = &kept.folder {
            // What the library writes before an upload is whole; each object is uploaded once.
            let staged = folder.join(client.simple().to_string()).join(format!("{}#1", id.simple()));
            // Mostly there is none, and what stays costs disk alone.
            let _ = tokio::fs::remove_file(staged).await;
        }
        match kept.store.delete(&path(client, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// An upload's place; it is given back with this.
pub struct Taken {
    _place: OwnedSemaphorePermit,
    _of_client: OwnedSemaphorePermit,
}

/// An object on its way into the store.
pub struct Upload {
    parts: Box<dyn MultipartUpload>,
    pending: Vec<u8>,
    part: usize,
}

impl Upload {
    /// What to append the next bytes to; [`Upload::flush`] follows.
    pub fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Writes what waits, once it is worth it.
    pub async fn flush(&mut self) -> Result<()> {
        while self.pending.len() >= self.part {
            let rest = self.pending.split_off(self.part);
            let part = std::mem::replace(&mut self.pending, rest);
            self.parts.put_part(part.into()).await?;
        }
        Ok(())
    }

    /// Writes the rest; from now on the object is there.
    pub async fn finish(mut self) -> Result<()> {
        self.flush().await?;
        if !self.pending.is_empty() {
            self.parts.put_part(std::mem::take(&mut self.pending).into()).await?;
        }
        self.parts.complete().await?;
        Ok(())
    }

    /// Takes everything back.
    pub async fn abort(mut self) -> Result<()> {
        Ok(self.parts.abort().await?)
    }
}

fn path(client: Uuid, id: Uuid) -> Path {
    Path::from_iter([client.simple().to_string(), id.simple().to_string()])
}

fn in_folder(folder: &FilePath) -> anyhow::Result<Kept> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the folder for documents {}", folder.display()))?;
    // What is acknowledged stays: files and their folder are on the disk before an upload counts as finished.
    let store = LocalFileSystem::new_with_prefix(folder)
        .with_context(|| format!("cannot use the folder for documents {}", folder.display()))?
        .with_fsync(true);
    Ok(Kept { store: Arc::new(store), part: PART_OF_FOLDER, folder: Some(folder.to_path_buf()) })
}

fn in_bucket(config: &config::Documents) -> anyhow::Result<Kept> {
    // Credentials that are not given here come as they do for every tool of that store (AWS_… or the machine's role).
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&config.s3_bucket)
        .with_virtual_hosted_style_request(!config.s3_path_style)
        .with_client_options(ClientOptions::new().with_timeout(Duration::from_secs(30)))
        .with_allow_http(config.s3_allow_http)
        .with_retry(RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() });
    if !config.s3_region.is_empty() {
        builder = builder.with_region(&config.s3_region);
    }
    if !config.s3_endpoint.is_empty() {
        builder = builder.with_endpoint(&config.s3_endpoint);
    }
    if !config.s3_access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&config.s3_access_key_id)
            .with_secret_access_key(config.s3_secret_access_key.expose_secret());
    }
    let store = builder.build().context("documents.s3_… is not usable")?;
    Ok(Kept { store: Arc::new(store), part: PART_OF_S3, folder: None })
}
