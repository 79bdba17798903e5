//! One version of the file, to read: what stood in it, and what it changed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::draw::text;
use super::files::Held;
use super::words::{label, label_at, plain};
use super::{HERE, STEPS};
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::pages::providers::who;
use crate::console::visitor::{Console, Signed};
use crate::console::words::Lang;
use crate::crypto::secret::Personal;
use crate::domain::kyb::fields::{FILE, Field, Rule};
use crate::domain::role::{Feature, Level};
use crate::flows::{documents, kyb};

/// A part of the file with a heading of its own.
struct Part {
    title: String,
    facts: Vec<Fact>,
    is_erased: bool,
}

struct Fact {
    label: &'static str,
    value: String,
    documents: Vec<Held>,
    is_changed: bool,
}

#[derive(Template)]
#[template(path = "pages/kyb/version.html")]
struct VersionPage<'a> {
    frame: &'a Frame,
    parts: Vec<Part>,
    at: DateTime<Utc>,
    by: Personal,
    /// The versions beside it: their addresses and names.
    previous: Option<(String, String)>,
    next: Option<(String, String)>,
}

pub async fn page(
    State(console): State<Console>,
    signed: Signed,
    Path(version): Path<String>,
) -> Result<Response, Fail> {
    let work = signed.needs(Feature::ClientKyb, Level::View)?;
    let number: i32 = version.parse().map_err(|_| Fail::NotFound)?;
    let found = kyb::read(&console.app, work.client_id, Some(number)).await?.ok_or(Fail::NotFound)?;
    let newest = kyb::versions(&console.app, work.client_id, None, 1).await?.first().map_or(number, |row| row.version);
    let frame = Frame::of(&console, &signed, HERE, "kyb.version").below("kyb.title", HERE);
    let title = frame.t1("kyb.version_title", "n", &number.to_string());
    let frame = frame.titled(&title);
    let named: Vec<_> = found.file.documents().into_iter().map(|named| named.id).collect();
    let documents = documents::some(&console.app, work.client_id, &named).await?;
    let held = documents.iter().map(|document| Held::of(frame.lang, document)).collect();
    let mut reading = Reading { lang: frame.lang, changed: &found.changed, held, parts: Vec::new() };
    let whole = found.file.reveal();
    for block in STEPS.iter().flat_map(|step| step.blocks) {
        for field in FILE.iter().filter(|field| field.name == *block) {
            reading.top(field, whole.get(field.name));
        }
    }
    let page = VersionPage {
        parts: reading.parts,
        at: found.saved_at,
        by: who(&console, &frame, &found.saved_by).await?,
        previous: (number > 1).then(|| beside(&frame, number - 1)),
        next: (number < newest).then(|| beside(&frame, number + 1)),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

fn beside(frame: &Frame, number: i32) -> (String, String) {
    (format!("{HERE}/versions/{number}"), frame.t1("kyb.version_title", "n", &number.to_string()))
}

/// The file as it is read through, part by part.
struct Reading<'a> {
    lang: Lang,
    changed: &'a [String],
    held: Vec<Held>,
    parts: Vec<Part>,
}

impl Reading<'_> {
    fn top(&mut self, field: &Field, value: Option<&Value>) {
        let title = label(self.lang, field.name).to_owned();
        match (field.rule, value) {
            (_, None) => {}
            (Rule::Block(inner), Some(Value::Object(block))) => self.block(inner, block, field.name, field.name, title),
            (Rule::Blocks(inner, _), Some(Value::Array(all))) => self.entries(inner, all, field.name),
            (_, Some(value)) => {
                let fact = self.fact(field, value, field.name, field.name);
                self.parts.push(Part { title, facts: vec![fact], is_erased: false });
            }
        }
    }

    /// `at` is where it stands, `known` the same as changes name it.
    fn block(&mut self, fields: &[Field], block: &Map<String, Value>, at: &str, known: &str, title: String) {
        let (mut facts, mut inner_blocks) = (Vec::new(), Vec::new());
        for field in fields {
            let Some(value) = block.get(field.name) else { continue };
            let (at, known) = (format!("{at}.{}", field.name), format!("{known}.{}", field.name));
            match (field.rule, value) {
                (Rule::PersonId | Rule::Erased, _) => {}
                (Rule::Block(_) | Rule::Blocks(..), _) => inner_blocks.push((field, value, at, known)),
                _ => facts.push(self.fact(field, value, &at, &known)),
            }
        }
        self.parts.push(Part { title, facts, is_erased: block.contains_key("erased") });
        for (field, value, at, known) in inner_blocks {
            match (field.rule, value) {
                (Rule::Block(inner), Value::Object(block)) => {
                    let title = label(self.lang, &plain(&at)).to_owned();
                    self.block(inner, block, &at, &known, title);
                }
                (Rule::Blocks(inner, _), Value::Array(all)) => self.entries(inner, all, &at),
                _ => {}
            }
        }
    }

    fn entries(&mut self, fields: &[Field], all: &[Value], at: &str) {
        for (n, entry) in all.iter().enumerate() {
            let Value::Object(entry) = entry else { continue };
            let path = format!("{at}[{n}]");
            // Changes name people by their ids, and other lists as a whole.
            let known = entry
                .get("person_id")
                .and_then(Value::as_str)
                .map_or_else(|| at.to_owned(), |id| format!("{at}[{id}]"));
            let title = match at {
                "stakeholder" => label_at(self.lang, &path),
                _ => self.lang.with("kyb.additional", &[("n", &(n + 1).to_string())]),
            };
            self.block(fields, entry, &path, &known, title);
        }
    }

    fn fact(&self, field: &Field, value: &Value, at: &str, known: &str) -> Fact {
        let covers = |name: &String| {
            known == name || known.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        let is_changed = self.changed.iter().any(covers);
        let shown = |value: &Value| {
            let text = text(value);
            let word = match field.rule {
                Rule::CompanyType => self.lang.find(&format!("kyb_type.{text}")),
                Rule::Ownership => self.lang.find(&format!("kyb_ownership.{text}")),
                _ => None,
            };
            word.map_or(text, str::to_owned)
        };
        if matches!(field.rule, Rule::Document | Rule::Each(Rule::Document, _)) {
            let ids: Vec<String> = match value {
                Value::Array(all) => all.iter().map(text).collect(),
                one => vec![text(one)],
            };
            let file = |id: &String| {
                self.held.iter().find(|held| held.id == *id).cloned().unwrap_or_else(|| Held::unknown(id))
            };
            let documents = ids.iter().map(file).collect();
            return Fact { label: label(self.lang, &plain(at)), value: String::new(), documents, is_changed };
        }
        let value = match value {
            Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
            one => shown(one),
        };
        Fact { label: label(self.lang, &plain(at)), value, documents: Vec::new(), is_changed }
    }
}
