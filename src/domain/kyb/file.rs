//! A file taken apart: what is the company's, and what is each person's, which is sealed and erased by itself.
//!
//! None of these types can be printed. Who calls [`Sheet::reveal`] is responsible for where the content goes.

use std::fmt;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::ids;

/// A part of a file, as it was checked. It cannot be printed, so it reaches no log, error or event by accident.
#[derive(Clone, Default, PartialEq)]
pub struct Sheet(Map<String, Value>);

impl Sheet {
    pub fn new(content: Map<String, Value>) -> Self {
        Sheet(content)
    }

    /// The content itself.
    pub fn reveal(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sheet(…)")
    }
}

/// What a person is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Submitter,
    Stakeholder,
}

impl Role {
    pub const ALL: [Role; 2] = [Role::Submitter, Role::Stakeholder];

    /// The word in columns, and the block of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Submitter => "submitter",
            Role::Stakeholder => "stakeholder",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A file as somebody wants it, checked.
#[derive(Clone, Debug)]
pub struct Draft {
    pub company: Sheet,
    /// The submitter first, then the stakeholders in order.
    pub people: Vec<Wanted>,
}

/// A person of a draft.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub role: Role,
    /// Where it stands, such as `stakeholder[0]`.
    pub path: String,
    /// Who it is, where that was said.
    pub id: Option<Uuid>,
    /// It was sent back as a person whose data were erased.
    pub erased: bool,
    pub sheet: Sheet,
}

impl Draft {
    /// Takes a checked file apart.
    pub fn of(mut checked: Map<String, Value>) -> Draft {
        let mut people = Vec::new();
        if let Some(Value::Object(submitter)) = checked.remove("submitter") {
            people.push(wanted(Role::Submitter, "submitter".into(), submitter));
        }
        if let Some(Value::Array(stakeholders)) = checked.remove("stakeholder") {
            for (n, person) in stakeholders.into_iter().enumerate() {
                let Value::Object(person) = person else { continue };
                people.push(wanted(Role::Stakeholder, format!("stakeholder[{n}]"), person));
            }
        }
        Draft { company: Sheet(checked), people }
    }
}

fn wanted(role: Role, path: String, mut person: Map<String, Value>) -> Wanted {
    let id = person.remove("person_id");
    let id = id.as_ref().and_then(Value::as_str).and_then(|id| ids::parse(ids::PERSON, id));
    let erased = person.remove("erased").is_some();
    Wanted { role, path, id, erased, sheet: Sheet(person) }
}

/// A file as one version keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    pub company: Sheet,
    /// The submitter first, then the stakeholders in order.
    pub people: Vec<Person>,
}

/// A person of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub role: Role,
    pub id: Uuid,
    /// `None` where the data were erased.
    pub sheet: Option<Sheet>,
}

impl File {
    /// The file as it is answered, and can be sent back.
    pub fn reveal(&self) -> Map<String, Value> {
        let mut shown = self.company.reveal().clone();
        let of = |role: Role| self.people.iter().filter(move |person| person.role == role);
        if let Some(submitter) = of(Role::Submitter).next() {
            shown.insert("submitter".into(), submitter.reveal());
        }
        let stakeholders: Vec<Value> = of(Role::Stakeholder).map(Person::reveal).collect();
        if !stakeholders.is_empty() {
            shown.insert("stakeholder".into(), stakeholders.into());
        }
        shown
    }

    /// Who each person of a draft is: who it was said to be, or, without a word, who stands in this file in the same
    /// role with the very same data. `None` is somebody new.
    pub fn recognised(&self, draft: &Draft) -> Vec<Option<Uuid>> {
        let said: Vec<Uuid> = draft.people.iter().filter_map(|person| person.id).collect();
        let mut free: Vec<&Person> = self.people.iter().filter(|person| !said.contains(&person.id)).collect();
        let mut recognise = |wanted: &Wanted| {
            if wanted.id.is_some() {
                return wanted.id;
            }
            let same = |known: &&Person| known.role == wanted.role && known.sheet.as_ref() == Some(&wanted.sheet);
            Some(free.remove(free.iter().position(same)?).id)
        };
        draft.people.iter().map(&mut recognise).collect()
    }

    /// Whether a draft says what this file says.
    pub fn holds(&self, draft: &Draft) -> bool {
        let known = self.recognised(draft);
        self.company == draft.company
            && self.people.len() == draft.people.len()
            && draft.people.iter().zip(known).zip(&self.people).all(|((wanted, id), person)| {
                let same = person.sheet.as_ref().unwrap_or(&Sheet::default()) == &wanted.sheet;
                id == Some(person.id) && wanted.role == person.role && same
            })
    }
}

impl Person {
    fn reveal(&self) -> Value {
        let id = ids::show(ids::PERSON, self.id);
        match &self.sheet {
            None => json!({ "person_id": id, "erased": true }),
            Some(sheet) => {
                let mut shown = Map::from_iter([("person_id".to_owned(), Value::from(id))]);
                shown.extend(sheet.reveal().clone());
                Value::Object(shown)
            }
        }
    }
}

/// The names of what differs between two versions, never the values: `legal_entity.phone`, or
/// `stakeholder[per_…].email` of a person. A person who came, went or was erased is named as a whole.
pub fn changed(old: Option<&File>, new: &File) -> Vec<String> {
    let none = File { company: Sheet::default(), people: Vec::new() };
    let old = old.unwrap_or(&none);
    let mut names = Vec::new();
    differ(old.company.reveal(), new.company.reveal(), "", &mut names);
    for role in Role::ALL {
        let of = |file: &File| -> Vec<Person> { file.people.iter().filter(|p| p.role == role).cloned().collect() };
        let (before, after) = (of(old), of(new));
        let find = |people: &[Person], id: Uuid| people.iter().find(|person| person.id == id).cloned();
        for person in before.iter().filter(|person| find(&after, person.id).is_none()).chain(&after) {
            let at = format!("{}[{}]", role.as_str(), ids::show(ids::PERSON, person.id));
            let both = find(&before, person.id).zip(find(&after, person.id)).map(|(a, b)| (a.sheet, b.sheet));
            match both {
                Some((Some(a), Some(b))) => differ(a.reveal(), b.reveal(), &at, &mut names),
                Some((None, None)) => {}
                _ => names.push(at),
            }
        }
        let order = |people: &[Person], others: &[Person]| -> Vec<Uuid> {
            people.iter().map(|person| person.id).filter(|id| find(others, *id).is_some()).collect()
        };
        if order(&before, &after) != order(&after, &before) {
            names.push(role.as_str().to_owned());
        }
    }
    names.sort();
    names
}

fn differ(old: &Map<String, Value>, new: &Map<String, Value>, at: &str, names: &mut Vec<String>) {
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    for name in gone.chain(new.keys()) {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match (old.get(name), new.get(name)) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => differ(a, b, &path, names),
            (Some(Value::Object(only)), None) | (None, Some(Value::Object(only))) => {
                differ(&Map::new(), only, &path, names);
            }
            (a, b) if a != b => names.push(path),
            _ => {}
        }
    }
}

/// The top-level block of a changed field.
pub fn block(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}
