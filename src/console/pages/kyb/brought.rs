//! A form that may bring files: read part by part, and each file taken as a document while it comes.
//!
//! A file is named after the place it is for; its document's id then stands among the fields as `file.PLACE`. Nothing of
//! a file is taken before the form's token was seen to be right.

use axum::body::{Body, to_bytes};
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt;

use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Look};
use crate::crypto::secret::Personal;
use crate::domain::document::{Unfit, file_name};
use crate::domain::ids;
use crate::flows::access::Caller;
use crate::flows::documents::{self, Document, Incoming, Refused, Uploaded};

/// What the name of a field for a file begins with.
pub const FILE: &str = "file.";

/// What a form brought.
pub struct Brought {
    pub fields: Fields,
    pub documents: Vec<Document>,
    /// Files that were not taken: their places, and the keys of what is said of them.
    pub refused: Vec<(String, &'static str)>,
}

/// The most bytes of everything in a form that is no file.
const TEXT_BYTES: usize = 512 * 1024;

/// The most files of one form.
const FILES: usize = 32;

/// Reads a form with files or without.
pub async fn read(console: &Console, caller: &Caller, request: Request) -> Result<Brought, Fail> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/") {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, TEXT_BYTES).await.map_err(|_| Fail::BadForm)?;
        let fields = Fields::from_request(Request::from_parts(head, Body::from(body)), console).await?;
        return Ok(Brought { fields, documents: Vec::new(), refused: Vec::new() });
    }
    let look = Look::beside(&request)?;
    let mut parts = Multipart::from_request(request, console).await.map_err(|_| Fail::BadForm)?;
    let (mut pairs, mut texts, mut files): (Vec<(String, String)>, usize, usize) = (Vec::new(), 0, 0);
    let (mut stored, mut refused) = (Vec::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(|_| Fail::BadForm)? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_none() {
            texts += name.len();
            pairs.push((name, text(part, &mut texts).await?));
            continue;
        }
        Fields::proved(pairs.clone(), &look)?;
        let place = name.strip_prefix(FILE).ok_or(Fail::BadForm)?.to_owned();
        files += 1;
        if files > FILES {
            return Err(Fail::BadForm);
        }
        match take(console, caller, part).await? {
            None => {}
            Some(Ok(document)) => {
                pairs.push((name, ids::show(ids::DOCUMENT, document.id)));
                stored.push(document);
            }
            Some(Err(key)) => refused.push((place, key)),
        }
    }
    Ok(Brought { fields: Fields::proved(pairs, &look)?, documents: stored, refused })
}

/// Reads what was typed, as long as all of it together stays small.
async fn text(mut part: Field<'_>, texts: &mut usize) -> Result<String, Fail> {
    let mut bytes = Vec::new();
    while let Some(some) = part.chunk().await.map_err(|_| Fail::BadForm)? {
        *texts += some.len();
        if *texts > TEXT_BYTES {
            return Err(Fail::BadForm);
        }
        bytes.extend_from_slice(&some);
    }
    String::from_utf8(bytes).map_err(|_| Fail::BadForm)
}

/// Takes one file. `None`: the field was left empty.
async fn take(
    console: &Console,
    caller: &Caller,
    mut part: Field<'_>,
) -> Result<Option<Result<Document, &'static str>>, Fail> {
    let given = part.file_name().unwrap_or_default().to_owned();
    let first = part.chunk().await.map_err(|_| Fail::BadForm)?;
    if given.is_empty() && first.as_ref().is_none_or(|some| some.is_empty()) {
        return Ok(None);
    }
    let Ok(name) = file_name(&given) else { return Ok(Some(Err("kyb_file.name"))) };
    let incoming = Incoming { name: Personal::new(name), declared: None };
    let content = futures_util::stream::iter(first.map(Ok)).chain(part);
    match documents::upload(&console.app, caller, incoming, content).await {
        Ok(Uploaded::New(document) | Uploaded::Before(document)) => Ok(Some(Ok(document))),
        Err(refused) => Ok(Some(Err(said(refused)?))),
    }
}

/// The key of what is said of a file that was not taken.
fn said(refused: Refused) -> Result<&'static str, Fail> {
    match refused {
        Refused::Unfit(Unfit::Empty) => Ok("kyb_file.empty"),
        Refused::Unfit(Unfit::Unknown | Unfit::Other) => Ok("kyb_file.kind"),
        Refused::Unfit(Unfit::Cut) => Ok("kyb_file.cut"),
        Refused::Unfit(Unfit::NoSize) => Ok("kyb_file.no_size"),
        Refused::Unfit(Unfit::TooManyPixels) => Ok("kyb_file.pixels"),
        Refused::TooLarge(_) => Ok("kyb_file.large"),
        Refused::GivenUp => Ok("kyb_file.again"),
        Refused::Broken => Err(Fail::BadForm),
        Refused::Busy => Err(Fail::Unavailable),
        Refused::Kept(error) => {
            tracing::warn!(%error, "a document could not be kept");
            Err(Fail::Unavailable)
        }
        Refused::Store(error) => Err(error.into()),
        Refused::Fault(error) => Err(error.into()),
    }
}
