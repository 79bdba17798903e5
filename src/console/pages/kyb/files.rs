//! Documents of the file: what a form shows of them, one taken by a script while others are still typed, and read.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::brought;
use crate::console::guard::Fail;
use crate::console::show;
use crate::console::visitor::{Console, Signed};
use crate::console::words::Lang;
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::documents::{self, Document};

/// A document as it stands in a form.
#[derive(Clone)]
pub struct Held {
    pub id: String,
    pub name: String,
    /// What it is, and how large.
    pub about: String,
    /// Where it is read; nowhere where it was erased.
    pub path: Option<String>,
}

impl Held {
    pub fn of(lang: Lang, document: &Document) -> Held {
        let id = ids::show(ids::DOCUMENT, document.id);
        let path = format!("{}/files/{id}", super::HERE);
        match &document.about {
            Some(about) => Held {
                name: about.name.reveal().to_owned(),
                about: format!("{}, {}", document.media_type.name(), show::bytes(lang, document.size_bytes)),
                path: Some(path),
                id,
            },
            None => Held { name: id.clone(), about: lang.text("kyb_file.erased").to_owned(), path: None, id },
        }
    }

    /// A document of which nothing is known.
    pub fn unknown(id: &str) -> Held {
        Held { id: id.to_owned(), name: id.to_owned(), about: String::new(), path: None }
    }
}

/// Every document that a part of a file names.
pub fn named(value: &Value, ids: &mut Vec<Uuid>) {
    match value {
        Value::Object(block) => block.values().for_each(|value| named(value, ids)),
        Value::Array(all) => all.iter().for_each(|value| named(value, ids)),
        Value::String(text) => ids.extend(ids::parse(ids::DOCUMENT, text)),
        _ => {}
    }
}

/// Takes one file that a script sends, and says what has become of it.
pub async fn take(State(console): State<Console>, signed: Signed, request: Request) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::ClientKyb, Level::Edit)?;
    let lang = signed.look.lang;
    let brought = brought::read(&console, &caller, request).await?;
    let answer = |status: StatusCode, said: Value| {
        Ok((status, [(CONTENT_TYPE, "application/json")], said.to_string()).into_response())
    };
    match (brought.documents.first(), brought.refused.first()) {
        (Some(document), _) => {
            let Held { id, name, about, path } = Held::of(lang, document);
            answer(StatusCode::OK, json!({ "id": id, "name": name, "about": about, "path": path }))
        }
        (None, Some((_, key))) => answer(StatusCode::UNPROCESSABLE_ENTITY, json!({ "wrong": lang.text(key) })),
        (None, None) => answer(StatusCode::UNPROCESSABLE_ENTITY, json!({ "wrong": lang.text("kyb_file.empty") })),
    }
}

/// Leads to a document by a link that ends.
pub async fn open(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::ClientKyb, Level::View)?;
    let id = ids::parse(ids::DOCUMENT, &id).ok_or(Fail::NotFound)?;
    let (link, _) = documents::link(&console.app, &caller, id).await?.ok_or(Fail::NotFound)?;
    Ok(Redirect::to(&link).into_response())
}
