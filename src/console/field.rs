//! A field of a form with its label, its hint and its error beside it, tied together for screen readers.

use askama::Template;

/// A field. Text in it is escaped where it is shown; what is wrong with it stands under it.
#[derive(Template, Default)]
#[template(path = "field.html")]
pub struct Field {
    name: String,
    label: String,
    kind: &'static str,
    value: String,
    hint: String,
    error: String,
    autocomplete: &'static str,
    numeric: bool,
    /// Text of many lines.
    area: bool,
    /// What is typed is not shown.
    veiled: bool,
    decimal: bool,
    focus: bool,
    optional: bool,
    length: u16,
    /// Words to choose one from, and what stands there before one is chosen.
    options: &'static [&'static str],
    blank: &'static str,
}

impl Field {
    /// A field for text, which must be filled.
    pub fn new(name: impl Into<String>, label: &str) -> Self {
        Field {
            name: name.into(),
            label: label.into(),
            kind: "text",
            autocomplete: "off",
            length: 200,
            ..Field::default()
        }
    }

    /// A field whose signs are not shown, and which is never filled again.
    pub fn password(name: impl Into<String>, label: &str, autocomplete: &'static str) -> Self {
        Field { kind: "password", autocomplete, ..Field::new(name, label) }
    }

    pub fn kind(mut self, kind: &'static str, autocomplete: &'static str) -> Self {
        (self.kind, self.autocomplete) = (kind, autocomplete);
        self
    }

    pub fn value(mut self, value: &str) -> Self {
        self.value = value.into();
        self
    }

    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = hint.into();
        self
    }

    /// What is wrong with it; empty where nothing is.
    pub fn error(mut self, error: &str) -> Self {
        self.error = error.into();
        self
    }

    /// A code: digits on a phone's keyboard, and the code a phone offers by itself.
    pub fn code(mut self) -> Self {
        (self.numeric, self.autocomplete) = (true, "one-time-code");
        self
    }

    /// A text of many lines, such as a key.
    pub fn area(mut self, length: u16) -> Self {
        (self.area, self.length) = (true, length);
        self
    }

    /// What is typed is shown to nobody, and never filled again: a password of many lines.
    pub fn veiled(mut self) -> Self {
        self.veiled = true;
        self
    }

    /// A number, on a phone's keyboard for numbers.
    pub fn decimal(mut self) -> Self {
        self.decimal = true;
        self
    }

    /// The most characters it takes.
    pub fn length(mut self, length: u16) -> Self {
        self.length = length;
        self
    }

    /// One of these words is chosen; `blank` stands there before.
    pub fn options(mut self, options: &'static [&'static str], blank: &'static str) -> Self {
        (self.options, self.blank) = (options, blank);
        self
    }

    /// Where the cursor stands when the page opens.
    pub fn focus(mut self) -> Self {
        self.focus = true;
        self
    }

    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Whether something is wrong with it.
    pub fn is_wrong(&self) -> bool {
        !self.error.is_empty()
    }

    fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if !self.hint.is_empty() {
            ids.push(format!("{}-hint", self.name));
        }
        if !self.error.is_empty() {
            ids.push(format!("{}-error", self.name));
        }
        ids.join(" ")
    }
}
