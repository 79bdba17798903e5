//! What is remembered of an onboarding between two steps; sealed by who keeps it.
//!
//! The registration is frozen here before it is sent, so that every repeat is the same request, byte for byte.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::case::Asked;
use crate::domain::kyb::Sheet;
use crate::domain::kyb::file::block;

/// The progress of one onboarding, over all its versions.
#[derive(Clone, Default)]
pub struct Progress {
    /// The version that `asked` and `files` are for.
    pub version: i32,
    /// The version at which DOKU was heard last: what changed is told against it.
    pub heard: i32,
    /// What DOKU asks for; `None` before it was asked.
    pub asked: Option<Vec<Asked>>,
    /// The ids of uploaded documents, by their places in our file.
    pub files: BTreeMap<String, String>,
    /// A registration that was perhaps sent, and not answered yet.
    pub frozen: Option<Frozen>,
    /// The business that was made last.
    pub business: Option<Registered>,
    /// Those before it.
    pub former: Vec<String>,
}

/// A registration as it is sent.
#[derive(Clone)]
pub struct Frozen {
    pub version: i32,
    pub request_id: String,
    pub body: String,
    /// The query by which the business is asked for later.
    pub query: String,
}

/// A business at DOKU.
#[derive(Clone)]
pub struct Registered {
    pub version: i32,
    pub id: Option<String>,
    pub brand: Option<String>,
    pub query: String,
}

impl Progress {
    /// Reads what [`Progress::sheet`] wrote; what is not there is not remembered.
    pub fn read(sheet: &Sheet) -> Progress {
        let all = sheet.reveal();
        let list = |name: &str| all.get(name).and_then(Value::as_array);
        let asked = |one: &Value| {
            let of_brand = one.get("of_brand").and_then(Value::as_bool).unwrap_or_default();
            Some(Asked { code: text(one, "code")?, name: text(one, "name")?, of_brand })
        };
        let files = all.get("files").and_then(Value::as_object).into_iter().flatten();
        let frozen = all.get("frozen").and_then(|one| {
            let (request_id, body, query) = (text(one, "request_id")?, text(one, "body")?, text(one, "query")?);
            Some(Frozen { version: version(one), request_id, body, query })
        });
        let business = all.get("business").and_then(|one| {
            let (id, brand) = (text(one, "id"), text(one, "brand"));
            Some(Registered { version: version(one), id, brand, query: text(one, "query")? })
        });
        Progress {
            version: number(all.get("version")),
            heard: number(all.get("heard")),
            asked: list("asked").map(|all| all.iter().filter_map(asked).collect()),
            files: files.filter_map(|(place, id)| Some((place.clone(), id.as_str()?.to_owned()))).collect(),
            frozen,
            business,
            former: list("former").into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    pub fn sheet(&self) -> Sheet {
        let asked = self.asked.as_ref().map(|asked| {
            let one = |one: &Asked| json!({ "code": one.code, "name": one.name, "of_brand": one.of_brand });
            asked.iter().map(one).collect::<Vec<_>>()
        });
        let frozen = self.frozen.as_ref().map(
            |one| json!({ "version": one.version, "request_id": one.request_id, "body": one.body, "query": one.query }),
        );
        let business = self
            .business
            .as_ref()
            .map(|one| json!({ "version": one.version, "id": one.id, "brand": one.brand, "query": one.query }));
        let all = json!({
            "version": self.version, "heard": self.heard, "asked": asked, "files": self.files, "frozen": frozen, "business": business,
            "former": self.former,
        });
        let Value::Object(mut all) = all else { return Sheet::default() };
        all.retain(|_, value| !value.is_null());
        Sheet::new(all)
    }

    /// Whether this version has a business.
    pub fn registers(&self, version: i32) -> bool {
        self.business.as_ref().is_some_and(|business| business.version == version)
    }

    /// The same without anything of a file.
    pub fn numbers_alone(self) -> Progress {
        Progress { business: self.business, former: self.former, version: self.version, ..Progress::default() }
    }

    /// The same, DOKU having been heard at this version.
    pub fn heard(&self) -> Sheet {
        Progress { heard: self.version, ..self.clone() }.sheet()
    }

    /// The same for another version of the file: documents of fields that did not change stay where they are.
    pub fn of_version(mut self, version: i32, changed: &[String]) -> Progress {
        if self.version == version {
            return self;
        }
        // What changed is told since the version that DOKU was heard at; of documents of one in between nothing is known.
        let all = changed.is_empty() || self.heard != self.version;
        let stands = |place: &str| match block(place) {
            // A director's place in the list says nothing of who stood there before.
            "stakeholder" => changed.iter().all(|name| block(name) != "stakeholder"),
            _ => {
                let field = place.split('[').next().unwrap_or(place);
                changed.iter().all(|name| name != field && !field.starts_with(&format!("{name}.")))
            }
        };
        self.files.retain(|place, _| !all && stands(place));
        Progress { version, asked: None, ..self }
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn version(value: &Value) -> i32 {
    number(value.get("version"))
}

fn number(value: Option<&Value>) -> i32 {
    value.and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok()).unwrap_or_default()
}
