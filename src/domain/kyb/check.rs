//! Checking a file against its table of fields: everything wrong is named at once, by its path, and what is right is
//! brought into the one spelling in which it is kept.
//!
//! Pure; what was given is never repeated in a message.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::company::{self, CompanyType};
use super::fields::{FILE, Field, MOST_RUPIAH, OURS, Rule};
use super::{industry, product, syntax};
use crate::domain::ids;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, such as `stakeholder[0].birth_date`.
    pub field: String,
    /// What is right instead.
    pub message: String,
}

/// Checks a file of which any part may be missing. Answers what of it is right, in the spelling in which it is kept, and
/// everything that is wrong. A null counts as left out, and so does an empty block or list.
pub fn check(body: &Map<String, Value>, today: NaiveDate) -> (Map<String, Value>, Vec<Fault>) {
    let mut walk = Walk { today, faults: Vec::new() };
    let mut file = walk.block(&FILE, body, "");
    if let Some(Value::Object(info)) = file.get_mut("business_info") {
        walk.hours(info);
    }
    walk.one_of_each_person(body);
    (file, walk.faults)
}

/// The longest name of an unknown field that is repeated whole.
const NAMED: usize = 64;

struct Walk {
    today: NaiveDate,
    faults: Vec<Fault>,
}

/// A path with one word more.
fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

impl Walk {
    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault { field: field.into(), message: message.into() });
    }

    fn block(&mut self, fields: &[Field], given: &Map<String, Value>, at: &str) -> Map<String, Value> {
        for name in given.keys().filter(|name| !fields.iter().any(|field| field.name == **name)) {
            self.unknown(at, name);
        }
        let mut right = Map::new();
        for field in fields {
            let Some(value) = given.get(field.name).filter(|value| !value.is_null()) else { continue };
            if let Some(value) = self.value(field.rule, value, &below(at, field.name)) {
                right.insert(field.name.to_owned(), value);
            }
        }
        right
    }

    fn unknown(&mut self, at: &str, name: &str) {
        let block = at.rsplit('.').next().unwrap_or_default();
        let block = block.split('[').next().unwrap_or_default();
        let ours = OURS.iter().find(|(of, field, _)| *of == block && *field == name);
        let message = ours.map_or("is not a field of the file", |(_, _, message)| message);
        let shown: String = match name.chars().count() {
            ..=NAMED => name.to_owned(),
            _ => name.chars().take(NAMED).chain(['…']).collect(),
        };
        self.fault(below(at, &shown), message);
    }

    fn value(&mut self, rule: Rule, value: &Value, at: &str) -> Option<Value> {
        match (rule, value) {
            (Rule::Block(fields), Value::Object(given)) => {
                let right = self.block(fields, given, at);
                (!right.is_empty()).then_some(Value::Object(right))
            }
            (Rule::Block(_), _) => self.wrong(at, "must be an object"),
            (Rule::Blocks(_, most) | Rule::Each(_, most), Value::Array(items)) if items.len() > most => {
                self.wrong(at, format!("must have at most {most} entries"))
            }
            (Rule::Blocks(fields, _), Value::Array(items)) => {
                let right: Vec<Value> = items
                    .iter()
                    .enumerate()
                    .filter_map(|(n, item)| self.entry(fields, item, &format!("{at}[{n}]")))
                    .collect();
                (!right.is_empty()).then_some(Value::Array(right))
            }
            (Rule::Each(rule, _), Value::Array(items)) => self.each(*rule, items, at),
            (Rule::Blocks(..) | Rule::Each(..), _) => self.wrong(at, "must be a list"),
            (leaf, value) => match read(leaf, value, self.today) {
                Ok(right) => Some(right),
                Err(message) => self.wrong(at, message),
            },
        }
    }

    fn wrong(&mut self, at: &str, message: impl Into<String>) -> Option<Value> {
        self.fault(at, message);
        None
    }

    /// One block of a list: the list's places have a meaning, so an empty one does not fall out of it unseen.
    fn entry(&mut self, fields: &[Field], item: &Value, at: &str) -> Option<Value> {
        let Value::Object(given) = item else { return self.wrong(at, "must be an object") };
        if given.values().all(Value::is_null) {
            return self.wrong(at, "is empty: fill it in, or leave it out");
        }
        Some(Value::Object(self.block(fields, given, at)))
    }

    fn each(&mut self, rule: Rule, items: &[Value], at: &str) -> Option<Value> {
        let mut right: Vec<Value> = Vec::new();
        for (n, item) in items.iter().enumerate() {
            match self.value(rule, item, &format!("{at}[{n}]")) {
                Some(value) if right.contains(&value) => self.fault(format!("{at}[{n}]"), "is there twice"),
                Some(value) => right.push(value),
                None => {}
            }
        }
        (!right.is_empty()).then_some(Value::Array(right))
    }

    /// Operating hours in one text become the two fields; beside these they must say the same.
    fn hours(&mut self, info: &mut Map<String, Value>) {
        let Some(Value::String(text)) = info.remove("operating_hours") else { return };
        let Some((open, close)) = syntax::hours(&text) else { return };
        for (name, time) in [("operating_open_hour", open), ("operating_close_hour", close)] {
            let both = info.insert(name.to_owned(), time.into());
            if both.is_some_and(|other| other != time) {
                self.fault("business_info.operating_hours", format!("says another time than {name}: give one of them"));
            }
        }
    }

    /// One person does not stand twice among the stakeholders.
    fn one_of_each_person(&mut self, body: &Map<String, Value>) {
        let people = body.get("stakeholder").and_then(Value::as_array).into_iter().flatten();
        let id = |person: &Value| ids::parse(ids::PERSON, person.get("person_id")?.as_str()?.trim());
        let all: Vec<_> = people.map(id).collect();
        for n in 0..all.len() {
            if all[n].is_some() && all[..n].contains(&all[n]) {
                self.fault(format!("stakeholder[{n}].person_id"), "is there twice");
            }
        }
    }
}

/// Reads one value by its rule, into the spelling in which it is kept.
fn read(rule: Rule, value: &Value, today: NaiveDate) -> Result<Value, String> {
    match rule {
        Rule::Rupiah(least) => return rupiah(value, least),
        Rule::Products => return products(value),
        Rule::Erased if *value == Value::Bool(true) => return Ok(Value::Bool(true)),
        Rule::Erased => return Err("is answered, and only sent back as it was answered".into()),
        _ => {}
    }
    let most = if let Rule::Text(most) = rule { most } else { 100 };
    let text = text(value)?;
    let kept = |checked: Result<(), &'static str>| checked.map(|()| text.to_owned()).map_err(str::to_owned);
    let one_of = |word: Option<&str>, words: &[&str]| {
        word.map(str::to_owned).ok_or_else(|| format!("must be one of {}", words.join(", ")))
    };
    let kept = match rule {
        Rule::Text(_) => line(text, most).map(|()| text.to_owned()),
        Rule::Industry => line(text, most).map(|()| industry::find(text).unwrap_or(text).to_owned()),
        Rule::Email => kept(syntax::email(text)),
        Rule::Phone => kept(syntax::phone(text)),
        Rule::Website => kept(syntax::website(text)),
        Rule::PostalCode => kept(syntax::postal_code(text)),
        Rule::Nib => kept(syntax::nib(text)),
        Rule::Npwp => kept(syntax::npwp(text)),
        Rule::Date => kept(syntax::past_day(text, today)),
        Rule::Time => kept(syntax::time(text)),
        Rule::Hours => kept(syntax::hours(text).map(|_| ()).ok_or("must be two times, such as 00:00 - 23:59")),
        Rule::CompanyType => one_of(CompanyType::parse(text).map(CompanyType::as_str), &company::WORDS),
        Rule::Ownership => one_of(OWNERSHIP.into_iter().find(|word| word.eq_ignore_ascii_case(text)), &OWNERSHIP),
        Rule::Country if text.eq_ignore_ascii_case(COUNTRY) => Ok(COUNTRY.to_owned()),
        Rule::Country => Err(format!("must be {COUNTRY}: no other country is supported")),
        Rule::Document => known(ids::DOCUMENT, text, "must be the id of an uploaded document, doc_…"),
        Rule::PersonId => known(ids::PERSON, text, "must be a person_id as it was answered, per_…"),
        Rule::Rupiah(_) | Rule::Products | Rule::Erased | Rule::Each(..) | Rule::Block(_) | Rule::Blocks(..) => {
            Err("is of the wrong type".into())
        }
    };
    kept.map(Value::String)
}

/// The only country of registration (seed 000).
pub const COUNTRY: &str = "Indonesia";

/// Rent or Owned by the seed's table, 1 by its example; what 1 means nobody says (contracts/paystrator.md section 4,
/// no. 4), so it stays 1.
pub const OWNERSHIP: [&str; 3] = ["Rent", "Owned", "1"];

/// An id in its one spelling.
fn known(prefix: &str, text: &str, how: &str) -> Result<String, String> {
    ids::parse(prefix, text).map(|id| ids::show(prefix, id)).ok_or_else(|| how.to_owned())
}

/// A text without the blanks around it.
fn text(value: &Value) -> Result<&str, String> {
    let Value::String(text) = value else { return Err("must be a text".into()) };
    match text.trim() {
        "" => Err("must not be empty: leave it out where there is nothing to say".into()),
        text => Ok(text),
    }
}

fn line(text: &str, most: usize) -> Result<(), String> {
    if text.chars().count() > most {
        return Err(format!("must have at most {most} characters"));
    }
    syntax::line(text).map_err(str::to_owned)
}

/// A whole number, read from its digits.
fn rupiah(value: &Value, least: i64) -> Result<Value, String> {
    let Value::Number(number) = value else { return Err("must be a number".into()) };
    let text = number.to_string();
    if !text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) {
        return Err("must be a whole number of rupiah, without a fraction or an exponent".into());
    }
    // More digits than fit are more than anybody has, or owes.
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    let amount = text.parse().unwrap_or(beyond);
    match amount {
        _ if amount < least => Err(format!("must be at least {least}")),
        _ if amount > MOST_RUPIAH => Err(format!("must be at most {MOST_RUPIAH}")),
        _ => Ok(amount.into()),
    }
}

/// Most labels of a selection, and most characters of one.
pub const MOST_PRODUCTS: usize = 20;
pub const LABEL: usize = 60;

fn products(value: &Value) -> Result<Value, String> {
    let joined = match value {
        Value::Array(items) => {
            let label = |item: &Value| match text(item).map_err(|message| format!("is a list: each label {message}"))? {
                label if label.contains(',') => Err("is a list: each label must be without commas".to_owned()),
                label => Ok(label.to_owned()),
            };
            let labels = items.iter().map(label).collect::<Result<Vec<_>, _>>()?;
            if labels.is_empty() {
                return Err("must not be empty: leave it out where there is nothing to say".into());
            }
            labels.join(", ")
        }
        Value::String(_) => text(value)?.to_owned(),
        _ => return Err("must be a text of labels joined by commas, or a list of labels".into()),
    };
    let labels: Vec<&str> = product::labels(&joined).collect();
    if labels.len() > MOST_PRODUCTS {
        return Err(format!("must have at most {MOST_PRODUCTS} labels"));
    }
    for (n, label) in labels.iter().enumerate() {
        match label {
            _ if label.is_empty() => return Err("must have a label between two commas".into()),
            _ if labels[..n].iter().any(|other| other.eq_ignore_ascii_case(label)) => {
                return Err("must not name a product twice".into());
            }
            label => line(label, LABEL).map_err(|message| format!("is a list: each label {message}"))?,
        }
    }
    Ok(Value::String(joined))
}
