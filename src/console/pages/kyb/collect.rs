//! What was typed into the form, as a part of a file: read by the table of fields, unchecked, and so that the form can be
//! drawn from it again. Entries of lists are added and taken out here.

use serde_json::{Map, Value};

use super::brought::FILE;
use crate::console::typed;
use crate::console::visitor::Fields;
use crate::domain::kyb::fields::{Field, Rule, find};

/// What the name of a field for a value that no list offers ends with.
pub const OTHER: &str = "other";

/// A path with one word more.
pub fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// What was filled in of these fields.
pub fn collect(fields: &Fields, table: &[Field], at: &str) -> Map<String, Value> {
    let mut filled = Map::new();
    for field in table {
        if let Some(value) = value(fields, field.rule, &below(at, field.name)) {
            filled.insert(field.name.to_owned(), value);
        }
    }
    // Somebody takes the place of a person whose data were erased.
    if filled.contains_key("erased") && filled.len() > 2 {
        filled.remove("erased");
        filled.remove("person_id");
    }
    filled
}

fn value(fields: &Fields, rule: Rule, at: &str) -> Option<Value> {
    let text = fields.text(at);
    match rule {
        Rule::Block(inner) => {
            let block = collect(fields, inner, at);
            (!block.is_empty()).then_some(Value::Object(block))
        }
        Rule::Blocks(inner, most) => {
            // One too many is read too, so that it is refused and not lost.
            let there = (0..=most).take_while(|n| fields.has(&format!("{at}[{n}].")));
            let entries: Vec<Value> =
                there.map(|n| Value::Object(collect(fields, inner, &format!("{at}[{n}]")))).collect();
            (!entries.is_empty()).then_some(Value::Array(entries))
        }
        Rule::Document => documents(fields, at).pop().map(Value::from),
        Rule::Each(Rule::Document, _) => {
            let all: Vec<Value> = documents(fields, at).into_iter().map(Value::from).collect();
            (!all.is_empty()).then_some(Value::Array(all))
        }
        Rule::Each(..) => {
            let all: Vec<Value> = chosen(fields, at).into_iter().map(Value::from).collect();
            (!all.is_empty()).then_some(Value::Array(all))
        }
        Rule::Products => Some(chosen(fields, at).join(", ")).filter(|joined| !joined.is_empty()).map(Value::from),
        Rule::Erased => (text == "true").then_some(Value::Bool(true)),
        _ if text.is_empty() => None,
        Rule::Rupiah(_) => Some(typed::rupiah(text).map_or_else(|| text.into(), Value::from)),
        _ => Some(text.into()),
    }
}

/// The documents of a place: those that stay, then those that came.
fn documents(fields: &Fields, at: &str) -> Vec<String> {
    let (fresh, out) = (format!("{FILE}{at}"), format!("remove.{at}"));
    let stays = fields.all(at).filter(|id| !id.is_empty() && !fields.all(&out).any(|gone| gone == *id));
    let mut all: Vec<String> = Vec::new();
    for id in stays.chain(fields.all(&fresh)) {
        if !all.iter().any(|known| known == id) {
            all.push(id.to_owned());
        }
    }
    all
}

/// What was ticked and what was typed beside it, each once.
fn chosen<'a>(fields: &'a Fields, at: &'a str) -> Vec<String> {
    let other = below(at, OTHER);
    let mut all: Vec<String> = Vec::new();
    for value in fields.all(at).chain([fields.text(&other)]).filter(|value| !value.is_empty()) {
        if !all.iter().any(|known| known == value) {
            all.push(value.to_owned());
        }
    }
    all
}

/// Does what a button of a list says: `add.PATH` or `out.PATH[n]`. Answers whether it was one.
pub fn rearrange(filled: &mut Map<String, Value>, deed: &str) -> bool {
    let Some((deed, path)) = deed.split_once('.') else { return false };
    match deed {
        "add" => {
            let Some((entries, most)) = list(filled, path) else { return false };
            if entries.len() < most {
                entries.push(Value::Object(Map::new()));
            }
        }
        "out" => {
            let Some((path, n)) = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) else { return false };
            let Some((entries, n)) = list(filled, path).map(|(entries, _)| entries).zip(n.parse::<usize>().ok()) else {
                return false;
            };
            if n < entries.len() {
                entries.remove(n);
            }
        }
        _ => return false,
    }
    true
}

/// The list of blocks at a path, and how many entries it may have.
fn list<'a>(filled: &'a mut Map<String, Value>, path: &str) -> Option<(&'a mut Vec<Value>, usize)> {
    let Rule::Blocks(_, most) = find(path)?.rule else { return None };
    let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut block = filled;
    for part in above.split('.').filter(|part| !part.is_empty()) {
        block = block.entry(part).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
    }
    let entries = block.entry(name).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?;
    Some((entries, most))
}

/// Takes entries out that nobody filled in.
pub fn without_blanks(filled: &mut Map<String, Value>) {
    for value in filled.values_mut() {
        match value {
            Value::Object(block) => without_blanks(block),
            Value::Array(entries) => entries.retain(|entry| entry.as_object().is_none_or(|entry| !entry.is_empty())),
            _ => {}
        }
    }
    filled.retain(|_, value| value.as_array().is_none_or(|entries| !entries.is_empty()));
}
