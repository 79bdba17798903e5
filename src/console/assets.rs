//! The console's own files, compiled in. Their names carry their hash, so a browser keeps them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::guard::Fail;
use crate::crypto::sha256;

/// The style sheet, in the order in which its files have their say: a page's own file goes before `narrow`.
const STYLE: &str = concat!(
    include_str!("style/base.css"),
    include_str!("style/controls.css"),
    include_str!("style/frame.css"),
    include_str!("style/parts.css"),
    include_str!("style/story.css"),
    include_str!("style/providers.css"),
    include_str!("style/settings.css"),
    include_str!("style/home.css"),
    include_str!("style/kyb.css"),
    include_str!("style/narrow.css"),
);

/// Every file: its name, what it ends with, what it holds. A script stands beside the page it belongs to, and no page
/// needs one to work.
const FILES: &[(&str, &str, &str)] = &[
    ("style", "css", STYLE),
    ("mark", "svg", include_str!("mark.svg")),
    ("row-menu", "js", include_str!("pages/providers/row-menu.js")),
    ("fees", "js", include_str!("pages/providers/fees.js")),
    ("order", "js", include_str!("pages/sequences/order.js")),
    ("provider-form", "js", include_str!("pages/providers/provider-form.js")),
    ("copy", "js", include_str!("pages/copy.js")),
    ("home", "js", include_str!("pages/home/home.js")),
    ("kyb", "js", include_str!("pages/kyb/kyb.js")),
];

/// A file that is served.
struct Asset {
    stem: &'static str,
    /// Stem, hash and end.
    name: String,
    kind: &'static str,
    text: &'static str,
}

static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(stem, end, text): &(&'static str, &'static str, &'static str)| {
        let hash = hex::encode(&sha256(&[text.as_bytes()])[..8]);
        let kind = match *end {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        Asset { stem, name: format!("{stem}-{hash}.{end}"), kind, text }
    };
    FILES.iter().map(asset).collect()
});

/// The address of the file with this stem.
pub fn address(stem: &str) -> String {
    let asset = ALL.iter().find(|asset| asset.stem == stem).expect("pages name files of the table");
    format!("/console/assets/{}", asset.name)
}

pub async fn serve(Path(name): Path<String>) -> Result<Response, Fail> {
    let asset = ALL.iter().find(|asset| asset.name == name).ok_or(Fail::NotFound)?;
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.text).into_response())
}
