//! What the fields of the file are called, what helps to fill them in, and what is said where one is wrong.

use crate::console::words::Lang;
use crate::domain::kyb::fields::Rule;

/// A path without the places in lists: `stakeholder.email` of `stakeholder[2].email`.
pub fn plain(at: &str) -> String {
    let mut parts = at.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + part.split_once(']').map_or("", |(_, rest)| rest))
}

/// What people call the field at a path without places.
pub fn label(lang: Lang, path: &str) -> &'static str {
    lang.find(&format!("kyb_field.{path}")).unwrap_or_default()
}

/// What helps to fill it in; mostly nothing.
pub fn hint(lang: Lang, path: &str) -> &'static str {
    lang.find(&format!("kyb_hint.{path}")).unwrap_or_default()
}

/// What people call the field at a path with places: `Director 2: KTP`.
pub fn label_at(lang: Lang, at: &str) -> String {
    let path = plain(at);
    let label = label(lang, &path);
    let place = at.split_once('[').and_then(|(list, rest)| Some((list, rest.split_once(']')?)));
    let Some((list, (place, rest))) = place else { return label.to_owned() };
    let number = place.parse::<usize>().map_or_else(|_| String::new(), |n| (n + 1).to_string());
    let key = match list {
        "stakeholder" => "kyb.director",
        _ if rest.is_empty() => return label.to_owned(),
        _ => "kyb.additional",
    };
    // A change names people by their ids.
    let whose = lang.with(key, &[("n", &number)]);
    let whose = whose.trim();
    if rest.is_empty() || label.is_empty() { whose.to_owned() } else { format!("{whose}: {label}") }
}

/// What a field must look like, for who filled it in otherwise.
pub fn wrong(lang: Lang, rule: Rule) -> String {
    let (key, most) = match rule {
        Rule::Text(most) => ("kyb_wrong.text", most),
        Rule::Email => ("kyb_wrong.email", 0),
        Rule::Phone => ("kyb_wrong.phone", 0),
        Rule::Website => ("kyb_wrong.website", 0),
        Rule::PostalCode => ("kyb_wrong.postal_code", 0),
        Rule::Nib => ("kyb_wrong.nib", 0),
        Rule::Npwp => ("kyb_wrong.npwp", 0),
        Rule::Date => ("kyb_wrong.date", 0),
        Rule::CompanyType | Rule::Country | Rule::Ownership => ("kyb_wrong.choice", 0),
        Rule::Industry => ("kyb_wrong.industry", 1),
        Rule::Each(Rule::Industry, most) => ("kyb_wrong.industry", most),
        Rule::Time | Rule::Hours => ("kyb_wrong.time", 0),
        Rule::Rupiah(least) if least < 0 => ("kyb_wrong.rupiah_below", 0),
        Rule::Rupiah(_) => ("kyb_wrong.rupiah", 0),
        Rule::Products => ("kyb_wrong.products", 0),
        Rule::Document | Rule::Each(..) => ("kyb_wrong.document", 0),
        Rule::PersonId | Rule::Erased => ("kyb_wrong.person", 0),
        Rule::Block(_) => ("kyb_wrong.entry", 0),
        Rule::Blocks(_, most) => ("kyb_wrong.entries", most),
    };
    lang.with(key, &[("n", &most.to_string())])
}
