//! `/v1/kyb/documents`: files uploaded for the KYB file; what is kept of them, links to read them, and who did.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::crypto::secret::Personal;
use crate::documents;
use crate::domain::access::{Need, Product};
use crate::domain::document::{self, MediaType, Unfit};
use crate::domain::ids;
use crate::flows::documents::{self as flow, Document, Erased, Incoming, Refused, Uploaded};
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, id, id_param, page_limit};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::grant::Reading;

/// What the file is called.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NamedUpload {
    /// The name of the file, such as `nib.pdf`: 1 to 150 characters.
    #[param(min_length = 1, max_length = 150)]
    name: String,
}

/// An uploaded document.
#[derive(Serialize, ToSchema)]
pub struct KybDocument {
    /// What a field of the KYB file names.
    #[schema(example = "doc_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    /// As it was uploaded; null once it was erased.
    #[schema(example = "nib.pdf")]
    pub name: Option<String>,
    /// What the content is.
    #[schema(value_type = String, example = "application/pdf")]
    pub media_type: &'static str,
    #[schema(example = 48213)]
    pub size_bytes: u64,
    /// Of the content, in hex; null once it was erased.
    pub sha256: Option<String>,
    pub created_at: String,
    pub created_by: String,
    /// When the person it tells of was erased, and it with them.
    pub erased_at: Option<String>,
}

impl KybDocument {
    fn of(document: Document) -> Self {
        let Document { id, about, media_type, size_bytes, created_at, created_by, erased_at } = document;
        let (name, sha256) = about.map(|about| (about.name, about.sha256)).unzip();
        let shown = |text: Option<Personal>| text.map(|text| text.reveal().to_owned());
        KybDocument {
            id: ids::show(ids::DOCUMENT, id),
            name: shown(name),
            media_type: media_type.as_str(),
            size_bytes,
            sha256: shown(sha256),
            created_at: time(created_at),
            created_by,
            erased_at: erased_at.map(time),
        }
    }
}

const WHAT: &str = "document";

/// Upload a document of the KYB file.
///
/// The body is the file itself: a PDF, JPEG or PNG of at most 10 MB. Its content decides what it is; a `Content-Type`
/// that says something else is refused. Pictures have at most 50 megapixels and 20,000 pixels a side.
///
/// The same content under the same name is kept once: a repeat answers the document that is there, with 200.
#[utoipa::path(
    post, path = "/v1/kyb/documents", tag = "KYB", operation_id = "upload_kyb_document", params(NamedUpload),
    request_body(
        content(("application/pdf"), ("image/jpeg"), ("image/png"), ("application/octet-stream")),
        description = "The file",
    ),
    responses(
        (status = 201, body = Success<KybDocument>), (status = 200, body = Success<KybDocument>),
        (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 413, body = Failure, description = "`document_too_large`"),
        (status = 415, body = Failure, description = "`document_kind_not_taken`: no PDF, JPEG or PNG"),
        (status = 422, body = Failure, description = "`document_unfit`: not what it is said to be, not whole, or too \
            large a picture"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn upload_document(
    State(http): State<Http>,
    auth: Auth,
    Params(NamedUpload { name }): Params<NamedUpload>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply<KybDocument>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Write)?;
    let limit = http.app.config.documents.limit_bytes;
    let mut content = body.into_data_stream();
    let incoming = named(name).and_then(|name| Ok(Incoming { name, declared: declared(&headers)? }));
    let incoming = incoming.and_then(|incoming| match length(&headers) {
        Some(length) if length > limit => Err(too_large(limit)),
        _ => Ok(incoming),
    });
    let done = match incoming {
        Ok(incoming) => flow::upload(&http.app, &caller, incoming, &mut content).await.map_err(refused),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // Who still writes would see a broken connection instead of the answer.
        let left = async {
            let mut bytes = 0;
            while let Some(Ok(piece)) = content.next().await {
                bytes += piece.len() as u64;
                if bytes > limit {
                    break;
                }
            }
        };
        // Whether there was an end to it does not matter.
        let _ = tokio::time::timeout(Duration::from_secs(5), left).await;
    }
    let (made, document): (fn(KybDocument) -> Reply<KybDocument>, _) = match done? {
        Uploaded::New(document) => (reply::created, document),
        Uploaded::Before(document) => (reply::ok, document),
    };
    Ok(made(KybDocument::of(document)).header("cache-control", "no-store"))
}

fn named(name: String) -> Result<Personal, ApiError> {
    let name = document::file_name(&name).map_err(|message| ApiError::field("name", message))?;
    Ok(Personal::new(name))
}

/// What `Content-Type` says; nothing where it leaves it open.
fn declared(headers: &HeaderMap) -> Result<Option<MediaType>, ApiError> {
    let value = headers.get("content-type").map(|value| value.to_str().unwrap_or("?")).unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "application/octet-stream" => Ok(None),
        "image/jpg" => Ok(Some(MediaType::Jpeg)),
        other => MediaType::parse(other).map(Some).ok_or_else(kind_not_taken),
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get("content-length")?.to_str().ok()?.parse().ok()
}

fn too_large(limit: u64) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "document_too_large",
        &format!("The document is larger than {limit} bytes."),
        "Send a smaller file: scan with fewer pixels, or save the PDF for the screen.",
        "Documents are limited in size.",
    )
}

fn kind_not_taken() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "document_kind_not_taken",
        "A document is a PDF, a JPEG or a PNG, and nothing else.",
        "Save the document as one of these, and send the file itself as the body, not a form around it.",
        "The content, or its Content-Type, is of another kind.",
    )
}

fn refused(refused: Refused) -> ApiError {
    let unavailable = |code: &str, message: &str, action: &str, retry_after_s: Option<u64>| {
        let reason = "The place for documents cannot take it now.";
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message, action, reason);
        ApiError { retry_after_s, ..error }
    };
    match refused {
        Refused::Unfit(Unfit::Unknown) => kind_not_taken(),
        Refused::Unfit(unfit) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "document_unfit",
            &format!("The document {unfit}."),
            "Correct the file, or its Content-Type, and send it again. Nothing was kept.",
            "Documents are judged by their content.",
        )
        .naming("body", &unfit.to_string()),
        Refused::TooLarge(limit) => too_large(limit),
        Refused::Broken => ApiError::field("body", "could not be read to its end"),
        Refused::Busy => unavailable(
            "uploads_busy",
            "Too many documents are being uploaded.",
            "Send the document again in a moment, a few at a time.",
            Some(5),
        ),
        Refused::Kept(documents::Error::NotConfigured) => unavailable(
            "documents_not_configured",
            "This installation has no place for documents.",
            "Who runs it sets documents.folder or documents.s3_bucket.",
            None,
        ),
        Refused::Kept(error) => anyhow::Error::from(error).into(),
        Refused::GivenUp => ApiError::unavailable(),
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
    }
}

/// Which documents.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichDocuments {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// List the uploaded documents, newest first. Those erased with a person stay in the list, without name and content.
#[utoipa::path(
    get, path = "/v1/kyb/documents", tag = "KYB", operation_id = "list_kyb_documents", params(WhichDocuments),
    responses(
        (status = 200, body = Success<Page<KybDocument>>), (status = 400, body = Failure),
        (status = 401, body = Failure), (status = 403, body = Failure), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn list_documents(
    State(http): State<Http>,
    auth: Auth,
    Params(page): Params<WhichDocuments>,
) -> Result<Reply<Page<KybDocument>>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let limit = page_limit(page.limit.as_deref())?;
    let before = id_param(ids::DOCUMENT, "cursor", page.cursor.as_deref())?;
    let rows = flow::list(&http.app, caller.client_id, before, limit as i64 + 1).await?;
    let cursor = |row: &Document| ids::show(ids::DOCUMENT, row.id);
    Ok(reply::ok(Page::of(rows, limit, cursor, KybDocument::of)).header("cache-control", "no-store"))
}

/// Read what is known of a document. Its content is read by a link.
#[utoipa::path(
    get, path = "/v1/kyb/documents/{id}", tag = "KYB", operation_id = "read_kyb_document",
    params(("id" = String, Path, description = "`doc_…`")),
    responses(
        (status = 200, body = Success<KybDocument>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn read_document(
    State(http): State<Http>,
    auth: Auth,
    Path(document): Path<String>,
) -> Result<Reply<KybDocument>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let found = flow::get(&http.app, caller.client_id, id(ids::DOCUMENT, &document, WHAT)?).await?;
    let found = found.ok_or_else(|| ApiError::not_found(WHAT))?;
    Ok(reply::ok(KybDocument::of(found)).header("cache-control", "no-store"))
}

/// Erase a document that no version of the KYB file names. It stays in the list, without name and content.
///
/// What a version names stays with it: it is erased with the person whose it is.
#[utoipa::path(
    delete, path = "/v1/kyb/documents/{id}", tag = "KYB", operation_id = "erase_kyb_document",
    params(("id" = String, Path, description = "`doc_…`")),
    responses(
        (status = 200, body = Success<KybDocument>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure), (status = 409, body = Failure, description = "`document_named`"),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn erase_document(
    State(http): State<Http>,
    auth: Auth,
    Path(document): Path<String>,
) -> Result<Reply<KybDocument>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Write)?;
    let id = id(ids::DOCUMENT, &document, WHAT)?;
    match flow::erase(&http.app, &caller, id).await? {
        Erased::Done => {}
        Erased::Named => {
            return Err(ApiError::conflict(
                "document_named",
                "A version of the KYB file names this document.",
                "Nothing has to be done: it is erased with the person whose it is.",
            ));
        }
        Erased::Nothing => return Err(ApiError::not_found(WHAT)),
    }
    let erased = flow::get(&http.app, caller.client_id, id).await?.ok_or_else(|| ApiError::not_found(WHAT))?;
    Ok(reply::ok(KybDocument::of(erased)).header("cache-control", "no-store"))
}

/// A link to a document.
#[derive(Serialize, ToSchema)]
pub struct DocumentLink {
    /// Whoever has it can read the document until then.
    #[schema(example = "https://pay.example.com/v1/files/AZAWPYaUc5up")]
    pub url: String,
    pub expires_at: String,
}

/// Make a link to read a document with, for five minutes. Each reading is logged with who asked for the link.
#[utoipa::path(
    post, path = "/v1/kyb/documents/{id}/link", tag = "KYB", operation_id = "make_kyb_document_link",
    params(("id" = String, Path, description = "`doc_…`")),
    responses(
        (status = 201, body = Success<DocumentLink>), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 404, body = Failure, description = "Not there, or erased"), (status = 429, body = Failure),
        (status = 503, body = Failure),
    ),
)]
pub async fn make_document_link(
    State(http): State<Http>,
    auth: Auth,
    Path(document): Path<String>,
) -> Result<Reply<DocumentLink>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let made = flow::link(&http.app, &caller, id(ids::DOCUMENT, &document, WHAT)?).await?;
    let (url, expires_at) = made.ok_or_else(|| ApiError::not_found(WHAT))?;
    Ok(reply::created(DocumentLink { url, expires_at: time(expires_at) }).header("cache-control", "no-store"))
}

/// That a document was read.
#[derive(Serialize, ToSchema)]
pub struct DocumentRead {
    pub id: String,
    /// Who was given the link: `provider` and its code, or the person who asked for it.
    #[schema(example = "Ani")]
    pub reader: String,
    /// The address the call came from.
    #[schema(example = "203.0.113.7")]
    pub address: String,
    /// `GET`, or `HEAD` where only its size and kind were asked for.
    #[schema(example = "GET")]
    pub method: String,
    pub read_at: String,
}

impl DocumentRead {
    fn of(reading: Reading) -> Self {
        let Reading { id, reader, address, method, read_at, .. } = reading;
        DocumentRead { id: ids::show(ids::READING, id), reader, address, method, read_at: time(read_at) }
    }
}

/// List who read a document, newest first.
#[utoipa::path(
    get, path = "/v1/kyb/documents/{id}/reads", tag = "KYB", operation_id = "list_kyb_document_reads",
    params(("id" = String, Path, description = "`doc_…`"), WhichDocuments),
    responses(
        (status = 200, body = Success<Page<DocumentRead>>), (status = 400, body = Failure),
        (status = 401, body = Failure), (status = 403, body = Failure), (status = 404, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list_document_reads(
    State(http): State<Http>,
    auth: Auth,
    Path(document): Path<String>,
    Params(page): Params<WhichDocuments>,
) -> Result<Reply<Page<DocumentRead>>, ApiError> {
    let caller = auth.may(Product::Kyb, Need::Read)?;
    let document = id(ids::DOCUMENT, &document, WHAT)?;
    let limit = page_limit(page.limit.as_deref())?;
    let before = id_param(ids::READING, "cursor", page.cursor.as_deref())?;
    let found = flow::get(&http.app, caller.client_id, document).await?;
    found.ok_or_else(|| ApiError::not_found(WHAT))?;
    let rows = flow::readings(&http.app, caller.client_id, document, before, limit as i64 + 1).await?;
    Ok(reply::ok(Page::of(rows, limit, |row| ids::show(ids::READING, row.id), DocumentRead::of)))
}
