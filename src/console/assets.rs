//! The console's own files, compiled in. Their names carry their hash, so a browser keeps them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::guard::Fail;
use crate::crypto::sha256;

const STYLE: &str = include_str!("style.css");
const MARK: &str = include_str!("mark.svg");

/// A file that is served.
struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

static ALL: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    let asset = |stem: &str, end: &str, kind: &'static str, text: &'static str| {
        let hash = hex::encode(&sha256(&[text.as_bytes()])[..8]);
        Asset { name: format!("{stem}-{hash}.{end}"), kind, text }
    };
    [asset("style", "css", "text/css; charset=utf-8", STYLE), asset("mark", "svg", "image/svg+xml", MARK)]
});

/// Where the style sheet is.
pub fn style() -> String {
    format!("/console/assets/{}", ALL[0].name)
}

/// Where the mark is.
pub fn mark() -> String {
    format!("/console/assets/{}", ALL[1].name)
}

pub async fn serve(Path(name): Path<String>) -> Result<Response, Fail> {
    let asset = ALL.iter().find(|asset| asset.name == name).ok_or(Fail::NotFound)?;
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.text).into_response())
}
