//! An adapter's form as fields of a page: drawn, collected, and refused field by field. A secret goes in and never out.

use serde_json::{Map, Value};

use crate::console::field::Field;
use crate::console::visitor::Fields;
use crate::console::words::Lang;
use crate::providers::form::{Format, Part};
use crate::providers::{self, FieldFault};

/// The room for a key in PEM: 4096 bits and then some.
const PEM_LENGTH: u16 = 8_000;

/// The name of a field in a form of ours: where it stands in a connection, after `at` where one form asks for several.
fn name(at: &str, field: &providers::Field) -> String {
    format!("{at}{}.{}", field.part.as_str(), field.name)
}

/// What people call a field.
pub fn label(lang: Lang, field: &providers::Field) -> &'static str {
    lang.of(field.label, field.label_id)
}

/// What was typed for a field, without the blanks that copying brings along.
fn typed(at: &str, field: &providers::Field, fields: &Fields) -> String {
    let text = fields.text(&name(at, field)).to_owned();
    if is_pem(field) { text.replace("\r\n", "\n") } else { text }
}

fn is_pem(field: &providers::Field) -> bool {
    matches!(field.format, Format::RsaPrivateKey | Format::RsaPublicKey)
}

/// What was filled in of one part.
pub fn collect(form: &[providers::Field], part: Part, fields: &Fields) -> Map<String, Value> {
    collect_at("", form, part, fields)
}

/// The same of a form that stands beside others.
pub fn collect_at(at: &str, form: &[providers::Field], part: Part, fields: &Fields) -> Map<String, Value> {
    let filled = form.iter().filter(|field| field.part == part).map(|field| (field, typed(at, field, fields)));
    let filled = filled.filter(|(_, value)| !value.is_empty());
    filled.map(|(field, value)| (field.name.to_owned(), Value::String(value))).collect()
}

/// How a part of a form is drawn.
pub struct Drawing<'a> {
    pub lang: Lang,
    /// What stands before the names of its fields.
    pub at: &'a str,
    pub form: &'a [providers::Field],
    pub part: Part,
    /// What stands there already may be left empty: it is kept.
    pub keeps: bool,
    pub faults: &'a [FieldFault],
}

impl Drawing<'_> {
    /// The fields with what `value` says of each; nothing is ever shown of a secret.
    pub fn fields(&self, value: impl Fn(&providers::Field) -> String) -> Vec<Field> {
        let of_part = self.form.iter().filter(|field| field.part == self.part);
        of_part.map(|field| self.field(field, &value(field))).collect()
    }

    /// What was typed, for a form that is shown again.
    pub fn typed(&self, fields: &Fields) -> Vec<Field> {
        let of_part = self.form.iter().filter(|field| field.part == self.part);
        let draw = |field: &providers::Field| {
            let value = typed(self.at, field, fields);
            self.field(field, &value)
        };
        of_part.map(draw).collect()
    }

    fn field(&self, field: &providers::Field, value: &str) -> Field {
        let label = label(self.lang, field);
        let hint = self.lang.of(field.hint, field.hint_id);
        let (name, is_optional) = (name(self.at, field), !field.required || self.keeps);
        let label = match (self.keeps, field.required) {
            (false, false) => format!("{label} ({})", self.lang.text("forms.optional")),
            _ => label.to_owned(),
        };
        let is_wrong = self.faults.iter().any(|fault| fault.field == name);
        let wrong = if is_wrong { wrong(self.lang, field, value) } else { String::new() };
        let drawn = match (is_pem(field), field.secret) {
            (true, true) => Field::new(name, &label).area(PEM_LENGTH).veiled(),
            (true, false) => Field::new(name, &label).area(PEM_LENGTH).value(value),
            (false, true) => Field::password(name, &label, "new-password").length(300),
            (false, false) => Field::new(name, &label).length(300).value(value),
        };
        let drawn = match field.format {
            Format::Choice(words) => drawn.options(words, self.lang.text("kyb.choose")),
            _ => drawn,
        };
        let drawn = drawn.hint(hint).error(&wrong);
        if is_optional { drawn.optional() } else { drawn }
    }
}

/// What a field must look like, for who filled it in otherwise.
fn wrong(lang: Lang, field: &providers::Field, value: &str) -> String {
    if value.is_empty() {
        return lang.text("forms.missing").into();
    }
    let (key, min, max) = match field.format {
        Format::Text { max } => ("format.text", 1, max),
        Format::Token { max } => ("format.token", 1, max),
        Format::Code { max } => ("format.code", 1, max),
        Format::Digits { min, max } => ("format.digits", min, max),
        Format::Phone => ("format.phone", 8, 15),
        Format::Url => ("format.url", 0, 0),
        Format::Path => ("format.path", 0, 0),
        Format::Ip => ("format.ip", 0, 0),
        Format::HeaderName => ("format.header_name", 0, 0),
        Format::Choice(_) => ("format.choice", 0, 0),
        Format::RsaPrivateKey => ("format.rsa_private_key", 0, 0),
        Format::RsaPublicKey => ("format.rsa_public_key", 0, 0),
    };
    lang.with(key, &[("min", &min.to_string()), ("max", &max.to_string())])
}
