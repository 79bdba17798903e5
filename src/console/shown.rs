//! A secret that is shown once, with a button that copies it where scripts run.

use askama::Template;

use super::words::Lang;

/// A value to take away: readable, selectable, and copied at a press.
#[derive(Template)]
#[template(path = "shown.html")]
pub struct Shown {
    id: &'static str,
    label: &'static str,
    value: String,
    copy: &'static str,
    copied: &'static str,
}

impl Shown {
    pub fn new(lang: Lang, id: &'static str, label: &'static str, value: &str) -> Self {
        let (copy, copied) = (lang.text("shown.copy"), lang.text("shown.copied"));
        Shown { id, label: lang.text(label), value: value.into(), copy, copied }
    }
}
