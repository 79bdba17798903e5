//! Which documents a file names, and where: read by the table of its fields.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::fields::{FILE, Field, Rule};
use super::file::{Draft, File, Role, Sheet};
use crate::domain::ids;

/// A document that stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where, such as `documents.nib_document` or `stakeholder[0].ktp_document`.
    pub path: String,
    pub id: Uuid,
    /// Whose it is, as a place among the file's people; `None`: the company's.
    pub person: Option<usize>,
}

impl Draft {
    /// Every document it names.
    pub fn documents(&self) -> Vec<Named> {
        let people = self.people.iter().map(|person| (person.role, person.path.clone(), Some(&person.sheet)));
        all(&self.company, people)
    }
}

impl File {
    /// Every document it names; of people whose data were erased, none.
    pub fn documents(&self) -> Vec<Named> {
        let mut stakeholders = 0..;
        let mut path = |role: Role| match role {
            Role::Submitter => role.as_str().to_owned(),
            Role::Stakeholder => format!("{}[{}]", role.as_str(), stakeholders.next().unwrap_or(0)),
        };
        let people: Vec<_> = self.people.iter().map(|one| (one.role, path(one.role), one.sheet.as_ref())).collect();
        all(&self.company, people.into_iter())
    }
}

fn all<'a>(company: &Sheet, people: impl Iterator<Item = (Role, String, Option<&'a Sheet>)>) -> Vec<Named> {
    let mut found = Vec::new();
    walk(&FILE, company.reveal(), "", None, &mut found);
    for (n, (role, path, sheet)) in people.enumerate() {
        if let Some(sheet) = sheet {
            walk(fields_of(role), sheet.reveal(), &path, Some(n), &mut found);
        }
    }
    found
}

fn fields_of(role: Role) -> &'static [Field] {
    match FILE.iter().find(|field| field.name == role.as_str()).map(|field| field.rule) {
        Some(Rule::Block(fields) | Rule::Blocks(fields, _)) => fields,
        _ => &[],
    }
}

fn walk(
    fields: &'static [Field],
    content: &Map<String, Value>,
    at: &str,
    person: Option<usize>,
    found: &mut Vec<Named>,
) {
    let note = |value: &Value, path: String, found: &mut Vec<Named>| {
        if let Some(id) = value.as_str().and_then(|text| ids::parse(ids::DOCUMENT, text)) {
            found.push(Named { path, id, person });
        }
    };
    for field in fields {
        let Some(value) = content.get(field.name) else { continue };
        let path = if at.is_empty() { field.name.to_owned() } else { format!("{at}.{}", field.name) };
        match (field.rule, value) {
            (Rule::Block(inner), Value::Object(block)) => walk(inner, block, &path, person, found),
            (Rule::Blocks(inner, _), Value::Array(blocks)) => {
                for (n, block) in blocks.iter().enumerate() {
                    if let Value::Object(block) = block {
                        walk(inner, block, &format!("{path}[{n}]"), person, found);
                    }
                }
            }
            (Rule::Each(Rule::Document, _), Value::Array(values)) => {
                values.iter().enumerate().for_each(|(n, value)| note(value, format!("{path}[{n}]"), found));
            }
            (Rule::Document, value) => note(value, path, found),
            _ => {}
        }
    }
}
