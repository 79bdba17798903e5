//! A document read by a link: who reads it is written down before the first byte is served.
//!
//! A link that is wrong, over, ended or another's is told from none of the others: there is nothing to read.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, StreamExt, stream};
use governor::clock::{Clock as _, DefaultClock};

use super::{CONTENT, Ticket, about, keys_of};
use crate::app::App;
use crate::clock::Clock;
use crate::crypto::secret::Personal;
use crate::crypto::segments::Opener;
use crate::documents;
use crate::domain::document::{MediaType, State};
use crate::domain::ids;
use crate::flows;
use crate::store;
use crate::store::document;
use crate::store::grant::{self, Reading};

/// What a link leads to.
pub struct Content<B> {
    pub name: Personal,
    pub media_type: MediaType,
    pub size_bytes: u64,
    pub body: B,
}

/// Why nothing is read now.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// The link leads nowhere, whatever the reason.
    #[error("there is nothing to read at this link")]
    Nothing,
    /// The links that were given out together were read too often.
    #[error("the links were read too often")]
    TooOften(Duration),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// How long somebody may take to read a document.
const LONGEST_READ: TimeDelta = TimeDelta::minutes(10);

/// Opens a link for who calls from `from`, and writes down that they did. `whole`: the content is asked for, not only
/// what it is. The content is proved segment by segment: a stream that ends in an error
/// held nothing that was not the document's.
pub async fn open(
    app: &App,
    token: &str,
    from: IpAddr,
    whole: bool,
) -> Result<Content<impl Stream<Item = io::Result<Vec<u8>>> + use<>>, NotRead> {
    let now = app.now();
    let ticket = Ticket::read(app, token).filter(|ticket| now < ticket.expires_at).ok_or(NotRead::Nothing)?;
    let Ticket { client_id, grant_id, document_id, .. } = ticket;
    // Whoever holds one link that we signed could otherwise have a row written as fast as they can ask.
    if let Err(until) = app.readings.check_key(&grant_id) {
        return Err(NotRead::TooOften(until.wait_time_from(DefaultClock::default().now())));
    }
    let grant = grant::grant(&app.db, client_id, grant_id).await?;
    let stands = |grant: &grant::Grant| {
        grant.ended_at.is_none() && now < grant.expires_at && grant.document_ids.contains(&document_id)
    };
    let grant = grant.filter(stands).ok_or(NotRead::Nothing)?;
    let row = document::get(&app.db, client_id, document_id).await?.filter(|row| row.state == State::Stored);
    let key = keys_of(app, client_id, &[document_id]).await?.remove(&document_id);
    let (Some(row), Some(key)) = (row, key) else { return Err(NotRead::Nothing) };
    let (sealed, size) = row.about.as_deref().zip(row.size_bytes).ok_or(NotRead::Nothing)?;
    let about = about(client_id, document_id, &key, sealed)?;
    let reading = Reading {
        id: ids::new_id(now),
        document_id,
        grant_id,
        reader: grant.reader,
        address: from.to_string(),
        method: if whole { "GET" } else { "HEAD" }.into(),
        read_at: now,
    };
    // Anybody with a link comes this way: never over the connections of those that move money.
    let mut tx = flows::begin(&app.db).await?;
    grant::insert_reading(&mut tx, client_id, &reading).await?;
    tx.commit().await?;
    let opener = Opener::new(key, client_id, CONTENT, document_id);
    let body = match whole {
        true => {
            let sealed = app.documents.read(client_id, document_id).await.map_err(anyhow::Error::from)?;
            let mut body = Box::pin(unsealed(sealed, opener, app.clock.clone(), now + LONGEST_READ));
            // Where not even the beginning can be read, that is an answer of its own.
            let first = body.next().await.transpose().map_err(anyhow::Error::from)?;
            stream::iter(first.map(Ok)).chain(body).left_stream()
        }
        false => stream::empty().right_stream(),
    };
    let size_bytes = size.try_into().unwrap_or(0);
    Ok(Content { name: about.name, media_type: row.media_type, size_bytes, body })
}

/// Opens what comes out of the store.
fn unsealed<C: AsRef<[u8]>>(
    sealed: impl Stream<Item = documents::Result<C>> + Unpin,
    opener: Opener,
    clock: Clock,
    until: DateTime<Utc>,
) -> impl Stream<Item = io::Result<Vec<u8>>> {
    stream::try_unfold((sealed, Some(opener)), move |(mut sealed, opener)| {
        let is_late = clock.now() > until;
        async move {
            // The reader sees a content that breaks off; why is for the log.
            let broken = |error: &dyn std::error::Error| {
                tracing::error!(%error, "a document could not be served to its end");
                io::Error::other("the document could not be read to its end")
            };
            let Some(mut opener) = opener else { return Ok(None) };
            if is_late {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the document was read too slowly"));
            }
            let mut content = Vec::new();
            while content.is_empty() {
                match sealed.next().await {
                    Some(piece) => {
                        let piece = piece.map_err(|error| broken(&error))?;
                        opener.push(piece.as_ref(), &mut content).map_err(|error| broken(&error))?;
                    }
                    None => {
                        opener.finish(&mut content).map_err(|error| broken(&error))?;
                        return Ok(Some((content, (sealed, None))));
                    }
                }
            }
            Ok(Some((content, (sealed, Some(opener)))))
        }
    })
}
