//! What is missing in a file for a provider, in words a person can act on.
//!
//! Pure. The rules are data: [`Need`] of each field, and what a provider asks for beyond it. Checking is not done here:
//! what stands in a file is right.

use serde_json::{Map, Value};

use super::company::CompanyType;
use super::fields::{FILE, Field, Need, Rule, find};
use super::file::{File, Role};
use super::{Fault, product};

/// A field that a provider needs although the file is complete without it.
#[derive(Clone, Copy, Debug)]
pub struct Addition {
    /// A path such as `supporting.company_structure`.
    pub path: &'static str,
    /// What a person does, where the field's own words are not enough; empty otherwise.
    pub ask: &'static str,
}

/// What is missing, in the order of the file.
pub fn missing(file: Option<&File>, additions: &[Addition]) -> Vec<Fault> {
    let empty = Map::new();
    let company = file.map_or(&empty, |file| file.company.reveal());
    let kind = company.get("legal_entity").and_then(|entity| entity.get("company_type")).and_then(Value::as_str);
    let mut look = Look { kind: kind.and_then(CompanyType::parse), additions, missing: Vec::new() };
    for field in &FILE {
        let role = Role::parse(field.name);
        match (field.rule, role) {
            (Rule::Block(fields) | Rule::Blocks(fields, _), Some(role)) => look.people(field, fields, role, file),
            _ => look.field(field, company, field.name, field.name, ""),
        }
    }
    look.missing
}

struct Look<'a> {
    kind: Option<CompanyType>,
    additions: &'a [Addition],
    missing: Vec<Fault>,
}

impl Look<'_> {
    /// A field of a block: `at` is where it stands, `path` the same without the places in lists, and `whose` leads the
    /// words.
    fn field(&mut self, field: &Field, block: &Map<String, Value>, at: &str, path: &str, whose: &str) {
        let empty = Map::new();
        match (field.rule, block.get(field.name)) {
            (Rule::Block(fields), found) => {
                let inner = found.and_then(Value::as_object).unwrap_or(&empty);
                for field in fields {
                    let (at, path) = (format!("{at}.{}", field.name), format!("{path}.{}", field.name));
                    self.field(field, inner, &at, &path, whose);
                }
            }
            (Rule::Blocks(fields, _), Some(Value::Array(items))) => {
                for (n, item) in items.iter().enumerate() {
                    for field in fields {
                        let (at, path) = (format!("{at}[{n}].{}", field.name), format!("{path}.{}", field.name));
                        self.field(field, item.as_object().unwrap_or(&empty), &at, &path, whose);
                    }
                }
            }
            (_, Some(_)) => {}
            (_, None) => {
                let addition = self.additions.iter().find(|addition| addition.path == path);
                if addition.is_some() || self.is_needed(field.need) {
                    let ask = addition.map(|addition| addition.ask).filter(|ask| !ask.is_empty()).unwrap_or(field.ask);
                    self.missing.push(Fault { field: at.to_owned(), message: format!("{whose}{ask}") });
                }
            }
        }
    }

    /// What a company of an unknown kind needs is what most need.
    fn is_needed(&self, need: Need) -> bool {
        match need {
            Need::Always => true,
            Need::Unless(without) => self.kind.is_none_or(|kind| !without.contains(&kind)),
            Need::Optional => false,
        }
    }

    fn people(&mut self, block: &Field, fields: &[Field], role: Role, file: Option<&File>) {
        let people: Vec<_> =
            file.map_or(&[][..], |file| &file.people).iter().filter(|person| person.role == role).collect();
        if people.is_empty() {
            return self.missing.push(Fault { field: block.name.into(), message: block.ask.into() });
        }
        for (n, person) in people.into_iter().enumerate() {
            let (at, whose) = match role {
                Role::Submitter => (block.name.to_owned(), String::new()),
                Role::Stakeholder => (format!("{}[{n}]", block.name), format!("Director {}: ", n + 1)),
            };
            match &person.sheet {
                None => self.missing.push(Fault {
                    field: at,
                    message: format!("{whose}The data of this person were erased. Enter the person who takes the place, or take the entry out."),
                }),
                Some(sheet) => {
                    for field in fields {
                        let (at, path) = (format!("{at}.{}", field.name), format!("{}.{}", block.name, field.name));
                        self.field(field, sheet.reveal(), &at, &path, &whose);
                    }
                }
            }
        }
    }
}

/// What is right and yet worth a look: values that the published lists do not know.
pub fn notes(file: &File) -> Vec<Fault> {
    let company = file.company.reveal();
    let mut notes = Vec::new();
    let selection = company.get("product_selection").and_then(Value::as_str);
    if selection.is_some_and(|selection| product::labels(selection).any(|label| product::service(label).is_none())) {
        let message = "A label is not known here. It is sent as it is; providers may not know it either.".into();
        notes.push(Fault { field: "product_selection".into(), message });
    }
    let industries = company.get("legal_entity").and_then(|entity| entity.get("company_industry"));
    for (n, name) in industries.and_then(Value::as_array).into_iter().flatten().enumerate() {
        if name.as_str().is_some_and(|name| super::industry::find(name).is_none()) {
            let message = "This industry is not in the published list. It is sent as it is; a provider may ask.".into();
            notes.push(Fault { field: format!("legal_entity.company_industry[{n}]"), message });
        }
    }
    notes
}

/// Whether every addition names a field of the file.
pub fn are_known(additions: &[Addition]) -> bool {
    additions.iter().all(|addition| find(addition.path).is_some())
}
