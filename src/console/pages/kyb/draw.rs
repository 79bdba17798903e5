//! The form of a step, drawn from the table of fields: what is there, what is wrong beside it, and lists with their
//! buttons.

use askama::Template;
use serde_json::{Map, Value};

use super::collect::{OTHER, below};
use super::files::Held;
use super::words::{hint, label, plain, wrong};
use crate::console::field::Field as Input;
use crate::console::show;
use crate::console::words::Lang;
use crate::domain::kyb::fields::{Field, Need, Rule, find};
use crate::domain::kyb::{COUNTRY, Fault, OWNERSHIP, company, industry, product};

/// A part of the form with a heading of its own.
#[derive(Default)]
pub struct Section {
    pub id: String,
    pub title: String,
    pub hidden: Vec<(String, String)>,
    pub fields: Vec<String>,
    pub note: &'static str,
    pub error: String,
    /// A button that takes the entry out: its value and its text.
    pub remove: Option<(String, String)>,
    /// A button that adds an entry. There is nothing else in such a part.
    pub add: Option<(String, &'static str)>,
}

/// A list to choose one value from.
#[derive(Template)]
#[template(path = "pages/kyb/choice.html")]
struct Choice {
    name: String,
    label: String,
    error: String,
    blank: &'static str,
    options: Vec<(String, String, bool)>,
}

/// A list to tick values in: the short one that is always seen, and the long one behind it.
#[derive(Template)]
#[template(path = "pages/kyb/ticks.html")]
struct Ticks {
    name: String,
    label: String,
    /// It stands under a heading that says the same.
    is_alone: bool,
    hint: &'static str,
    error: String,
    first: Vec<(String, bool)>,
    rest: Vec<&'static str>,
    more: String,
    find: &'static str,
    other: Input,
}

/// Documents that stand at a place, and a field for files.
#[derive(Template)]
#[template(path = "pages/kyb/document.html")]
struct Documents {
    lang: Lang,
    name: String,
    label: String,
    hint: &'static str,
    error: String,
    /// The ids of hint and error.
    described: String,
    files: Vec<Held>,
    is_many: bool,
}

/// What people most often want, by the labels that seed 000 and the services go by.
const PRODUCTS: [&str; 6] = ["QR Code", "Open VA", "Close VA", "E-Wallet", "Credit Card", "Send Money"];

/// How a form is drawn.
pub struct Drawing<'a> {
    pub lang: Lang,
    pub faults: &'a [Fault],
    /// Files that were not taken: their places, and the keys of what is said of them.
    pub refused: &'a [(String, &'static str)],
    /// The documents there are.
    pub held: &'a [Held],
}

impl Drawing<'_> {
    /// The parts of one block of the file.
    pub fn top(&self, field: &Field, values: &Map<String, Value>) -> Vec<Section> {
        let empty = Map::new();
        match (field.rule, values.get(field.name)) {
            (Rule::Block(inner), block) => {
                let block = block.and_then(Value::as_object).unwrap_or(&empty);
                self.block(inner, block, field.name)
            }
            (Rule::Blocks(inner, _), entries) => self.entries(inner, entries, field.name, true),
            (_, value) => {
                let fields = vec![self.field(field, value, field.name)];
                vec![Section {
                    id: format!("at-{}", field.name),
                    title: self.label(field, field.name),
                    fields,
                    ..Section::default()
                }]
            }
        }
    }

    /// A block, and after it the blocks and lists within.
    fn block(&self, fields: &[Field], values: &Map<String, Value>, at: &str) -> Vec<Section> {
        let empty = Map::new();
        let mut within = Vec::new();
        for field in fields {
            let (at, value) = (below(at, field.name), values.get(field.name));
            match field.rule {
                Rule::Block(inner) => {
                    within.extend(self.block(inner, value.and_then(Value::as_object).unwrap_or(&empty), &at));
                }
                Rule::Blocks(inner, _) => within.extend(self.entries(inner, value, &at, false)),
                _ => {}
            }
        }
        let title = label(self.lang, at).to_owned();
        let mut all = vec![Section { title, ..self.section(fields, values, at) }];
        all.append(&mut within);
        all
    }

    /// The fields of one block or entry.
    fn section(&self, fields: &[Field], values: &Map<String, Value>, at: &str) -> Section {
        let is_erased = values.contains_key("erased");
        let mut section = Section { id: format!("at-{at}"), ..Section::default() };
        for field in fields {
            let name = below(at, field.name);
            match field.rule {
                Rule::PersonId | Rule::Erased => {
                    let value = values.get(field.name).map(text);
                    section.hidden.extend(value.map(|value| (name, value)));
                }
                Rule::Hours | Rule::Block(_) | Rule::Blocks(..) => {}
                _ => section.fields.push(self.field(field, values.get(field.name), &name)),
            }
        }
        if is_erased {
            section.note = self.lang.text("kyb.erased_text");
        }
        let own = [at.to_owned(), below(at, "person_id"), below(at, "erased")];
        if let Some(fault) = self.faults.iter().find(|fault| own.contains(&fault.field)) {
            let key = if fault.field == at { "kyb_wrong.entry" } else { "kyb_wrong.person" };
            section.error = self.lang.text(key).to_owned();
        }
        section
    }

    /// The entries of a list, and the button that adds one. `begins`: one is drawn even where there is none.
    fn entries(&self, fields: &[Field], value: Option<&Value>, at: &str, begins: bool) -> Vec<Section> {
        let (one, add, remove) = match begins {
            true => ("kyb.director", "kyb.add_director", "kyb.remove_director"),
            false => ("kyb.additional", "kyb.add_additional", "kyb.remove_additional"),
        };
        let blank = [Value::Object(Map::new())];
        let entries = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let drawn = if entries.is_empty() && begins { &blank } else { entries };
        let empty = Map::new();
        let mut all: Vec<Section> = Vec::new();
        for (n, entry) in drawn.iter().enumerate() {
            let (path, number) = (format!("{at}[{n}]"), (n + 1).to_string());
            let named = |key| self.lang.with(key, &[("n", &number)]);
            let section = self.section(fields, entry.as_object().unwrap_or(&empty), &path);
            let remove = Some((format!("out.{path}"), named(remove))).filter(|_| !entries.is_empty());
            all.push(Section { title: named(one), remove, ..section });
        }
        let is_wrong = self.faults.iter().any(|fault| fault.field == at);
        let rule = find(&plain(at)).map(|field| field.rule).filter(|_| is_wrong);
        all.push(Section {
            id: format!("at-{at}"),
            title: if begins { String::new() } else { label(self.lang, &plain(at)).to_owned() },
            note: if drawn.is_empty() { self.lang.text("kyb.no_additional") } else { "" },
            error: rule.map(|rule| wrong(self.lang, rule)).unwrap_or_default(),
            add: Some((format!("add.{at}"), self.lang.text(add))),
            ..Section::default()
        });
        all
    }

    fn label(&self, field: &Field, at: &str) -> String {
        let label = label(self.lang, &plain(at));
        match field.need {
            Need::Optional => format!("{label} ({})", self.lang.text("forms.optional")),
            _ => label.to_owned(),
        }
    }

    /// What is wrong with a field, or with anything of its list.
    fn error(&self, field: &Field, at: &str) -> String {
        if let Some((_, key)) = self.refused.iter().find(|(place, _)| place == at) {
            return self.lang.text(key).to_owned();
        }
        let within = format!("{at}[");
        let fault = self.faults.iter().find(|fault| fault.field == at || fault.field.starts_with(&within));
        fault.map(|_| wrong(self.lang, field.rule)).unwrap_or_default()
    }

    fn field(&self, field: &Field, value: Option<&Value>, at: &str) -> String {
        let (label, error, hint) = (self.label(field, at), self.error(field, at), hint(self.lang, &plain(at)));
        let typed = value.map(text).unwrap_or_default();
        let input = Input::new(at, &label).value(&typed).hint(hint).error(&error).optional();
        match field.rule {
            Rule::Text(most) => input.length(u16::try_from(most).unwrap_or(u16::MAX)).to_string(),
            Rule::Email => input.kind("email", "off").length(254).to_string(),
            Rule::Phone => input.kind("tel", "off").length(20).to_string(),
            Rule::Website => input.kind("url", "off").length(255).to_string(),
            Rule::PostalCode | Rule::Nib | Rule::Npwp => input.decimal().length(20).to_string(),
            Rule::Date => input.kind("date", "off").to_string(),
            Rule::Time => input.kind("time", "off").to_string(),
            Rule::Rupiah(_) => input.length(30).to_string(),
            Rule::CompanyType => self.choice(at, label, error, &typed, &company::WORDS, "kyb_type"),
            // There is no other: who fills in the step has chosen it.
            Rule::Country if typed.is_empty() => self.choice(at, label, error, COUNTRY, &[COUNTRY], ""),
            Rule::Country => self.choice(at, label, error, &typed, &[COUNTRY], ""),
            // What 1 means nobody says: it is offered to nobody who did not have it.
            Rule::Ownership if typed == OWNERSHIP[2] => {
                self.choice(at, label, error, &typed, &OWNERSHIP, "kyb_ownership")
            }
            Rule::Ownership => self.choice(at, label, error, &typed, &OWNERSHIP[..2], "kyb_ownership"),
            Rule::Products => self.products(at, label, error, &typed),
            Rule::Each(Rule::Industry, _) => self.industries(at, label, hint, error, value),
            _ => self.documents(at, label, hint, error, value),
        }
    }

    fn choice(&self, at: &str, label: String, error: String, typed: &str, words: &[&str], table: &str) -> String {
        let shown = |word: &str| self.lang.find(&format!("{table}.{word}")).unwrap_or(word).to_owned();
        let option = |word: &&str| (word.to_string(), shown(word), *word == typed);
        let options = words.iter().map(option).collect();
        Choice { name: at.to_owned(), label, error, blank: self.lang.text("kyb.choose"), options }.to_string()
    }

    /// What is chosen comes first, in its order, so that a save keeps it.
    fn products(&self, at: &str, label: String, error: String, typed: &str) -> String {
        let chosen: Vec<&str> = product::labels(typed).filter(|label| !label.is_empty()).collect();
        let offered = PRODUCTS.iter().filter(|one| !chosen.iter().any(|known| known.eq_ignore_ascii_case(one)));
        let first = chosen.iter().map(|one| (one.to_string(), true)).chain(offered.map(|one| (one.to_string(), false)));
        let other = Input::new(below(at, OTHER), self.lang.text("kyb.other_product"));
        let other = other.hint(self.lang.text("kyb.other_product_hint")).length(200).optional();
        let first = first.collect();
        let (more, find) = (String::new(), "");
        Ticks {
            name: at.to_owned(),
            label,
            is_alone: true,
            hint: "",
            error,
            first,
            rest: Vec::new(),
            more,
            find,
            other,
        }
        .to_string()
    }

    fn industries(&self, at: &str, label: String, hint: &'static str, error: String, value: Option<&Value>) -> String {
        let chosen: Vec<String> = value.and_then(Value::as_array).into_iter().flatten().map(text).collect();
        let rest: Vec<&str> = industry::INDUSTRIES
            .into_iter()
            .chain([industry::OF_THE_EXAMPLE])
            .filter(|known| !chosen.iter().any(|one| one.eq_ignore_ascii_case(known)))
            .collect();
        let more = self.lang.with("kyb.industries", &[("n", &rest.len().to_string())]);
        let first = chosen.into_iter().map(|one| (one, true)).collect();
        let other = Input::new(below(at, OTHER), self.lang.text("kyb.other_industry"));
        let other = other.hint(self.lang.text("kyb.other_industry_hint")).length(100).optional();
        let find = self.lang.text("kyb.find_industry");
        Ticks { name: at.to_owned(), label, is_alone: false, hint, error, first, rest, more, find, other }.to_string()
    }

    fn documents(&self, at: &str, label: String, hint: &'static str, error: String, value: Option<&Value>) -> String {
        let ids: Vec<String> = match value {
            Some(Value::Array(all)) => all.iter().map(text).collect(),
            Some(one) => vec![text(one)],
            None => Vec::new(),
        };
        let file =
            |id: &String| self.held.iter().find(|held| held.id == *id).cloned().unwrap_or_else(|| Held::unknown(id));
        let files = ids.iter().map(file).collect();
        let described = [(hint, "hint"), (&error, "error")].into_iter().filter(|(text, _)| !text.is_empty());
        let described = described.map(|(_, end)| format!("{at}-{end}")).collect::<Vec<_>>().join(" ");
        let is_many = find(&plain(at)).is_some_and(|field| matches!(field.rule, Rule::Each(..)));
        Documents { lang: self.lang, name: at.to_owned(), label, hint, error, described, files, is_many }.to_string()
    }
}

/// A value as it stands in a field.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_i64() {
            Some(units) => format!("{}{}", if units < 0 { "-" } else { "" }, show::grouped(units)),
            None => number.to_string(),
        },
        Value::Bool(yes) => yes.to_string(),
        _ => String::new(),
    }
}
