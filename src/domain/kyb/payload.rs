//! What is sent to a provider: the file as seed 000 prints it, with links in the place of documents, and the names of
//! what changed since the provider saw it last.
//!
//! Pure. It goes by the table of fields; strict JSON (contracts/paystrator.md section 4, no. 2).

use serde_json::{Map, Value, json};

use super::fields::{FILE, Field, Rule};
use super::file::{File, Role, Sheet, changed};
use crate::domain::ids;

/// A person of the file was erased: it cannot be sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data of a person of this version were erased")]
pub struct Erased;

/// The payload of a file. `link` answers the link to a document by its id, as the file holds it.
pub fn payload(reference: &str, file: &File, link: &dyn Fn(&str) -> Option<String>) -> Result<Sheet, Erased> {
    let mut all = whole(file)?;
    let mut sent = Map::from_iter([("reference_id".to_owned(), Value::from(reference))]);
    for field in &FILE {
        if let Some(value) = all.remove(field.name) {
            sent.insert(field.name.to_owned(), linked(field.rule, value, link));
        }
    }
    Ok(Sheet::new(sent))
}

/// The file with its people, as their sheets have them.
fn whole(file: &File) -> Result<Map<String, Value>, Erased> {
    let mut all = file.company.reveal().clone();
    let mut stakeholders = Vec::new();
    for person in &file.people {
        let sheet = Value::Object(person.sheet.as_ref().ok_or(Erased)?.reveal().clone());
        match person.role {
            Role::Submitter => drop(all.insert("submitter".into(), sheet)),
            Role::Stakeholder => stakeholders.push(sheet),
        }
    }
    if !stakeholders.is_empty() {
        all.insert("stakeholder".into(), stakeholders.into());
    }
    Ok(all)
}

/// A value as it is sent.
fn linked(rule: Rule, value: Value, link: &dyn Fn(&str) -> Option<String>) -> Value {
    match (rule, value) {
        (Rule::Document, Value::String(id)) => link(&id).map_or(Value::Null, Value::from),
        (Rule::Products, Value::Array(labels)) => {
            let labels: Vec<&str> = labels.iter().filter_map(Value::as_str).collect();
            Value::from(labels.join(", "))
        }
        (Rule::Each(rule, _), Value::Array(items)) => {
            items.into_iter().map(|item| linked(*rule, item, link)).collect::<Vec<_>>().into()
        }
        (Rule::Block(fields), Value::Object(block)) => Value::Object(within(fields, block, link)),
        (Rule::Blocks(fields, _), Value::Array(items)) => {
            let block = |item: Value| match item {
                Value::Object(block) => Value::Object(additional(within(fields, block, link))),
                other => other,
            };
            items.into_iter().map(block).collect::<Vec<_>>().into()
        }
        (_, value) => value,
    }
}

fn within(
    fields: &'static [Field],
    mut block: Map<String, Value>,
    link: &dyn Fn(&str) -> Option<String>,
) -> Map<String, Value> {
    let mut sent = Map::new();
    for field in fields {
        let Some(value) = block.remove(field.name) else { continue };
        // The seed's entry has a name of its own for the document, and a unique id of it beside.
        if field.name == "document" {
            sent.insert("filename".into(), value.clone());
        }
        sent.insert(field.name.to_owned(), linked(field.rule, value, link));
    }
    sent
}

/// An additional document as the seed prints it: `filename`, `name`, `file_url`.
fn additional(mut block: Map<String, Value>) -> Map<String, Value> {
    if let Some(url) = block.remove("document") {
        block.insert("file_url".into(), url);
    }
    block
}

/// What differs between two versions, in a provider's words: people are named by their places, and one who came or went
/// changes the whole list.
pub fn changed_for_provider(old: &File, new: &File) -> Vec<String> {
    let place = |id: &str| {
        let id = ids::parse(ids::PERSON, id)?;
        let mut people = new.people.iter().filter(|person| person.role == Role::Stakeholder);
        people.position(|person| person.id == id)
    };
    let told = |name: String| -> String {
        let Some((role, rest)) = name.split_once('[') else { return name };
        let Some((id, rest)) = rest.split_once(']') else { return name };
        match (role, place(id)) {
            ("submitter", _) => format!("submitter{rest}"),
            ("stakeholder", Some(at)) if !rest.is_empty() => format!("stakeholder[{at}]{rest}"),
            ("stakeholder", _) => "stakeholder".to_owned(),
            _ => name,
        }
    };
    let mut names: Vec<String> = changed(Some(old), new).into_iter().map(told).collect();
    names.sort();
    names.dedup();
    names
}

/// The block that a re-submission adds to the payload.
pub fn revision(version: i32, changed: &[String]) -> Value {
    json!({ "version": version, "changed_fields": changed })
}
