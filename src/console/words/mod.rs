//! Every text of the console, by language and area. Pages name a text by its key and hold none themselves.
//!
//! Both languages have the same keys, each once; a test keeps it so, and looks for keys that no table has.

mod en;
mod id;

use std::collections::HashMap;
use std::sync::LazyLock;

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    En,
    Id,
}

/// A table: key and text.
pub type Table = [(&'static str, &'static str)];

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Id];

    /// The code of `lang` attributes and of the cookie.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Id => "id",
        }
    }

    /// Its own name for itself.
    pub fn name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::Id => "Bahasa Indonesia",
        }
    }

    /// Which of two texts that came with their translation.
    pub fn of(self, english: &'static str, indonesian: &'static str) -> &'static str {
        match self {
            Lang::En => english,
            Lang::Id => indonesian,
        }
    }

    pub fn parse(code: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The first language of an `Accept-Language` that we have, by its weights; English for who names none of ours.
    pub fn accepted(header: &str) -> Lang {
        let mut best = (Lang::En, 0.0);
        for part in header.split(',') {
            let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(0.0);
            let code = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            // `in` is what Java still calls Indonesian.
            let known = Lang::parse(if code == "in" { "id" } else { &code });
            if let Some(lang) = known.filter(|_| weight > best.1) {
                best = (lang, weight);
            }
        }
        best.0
    }

    /// Every text of the language.
    pub fn texts(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let tables = match self {
            Lang::En => en::TABLES,
            Lang::Id => id::TABLES,
        };
        tables.iter().flat_map(|table| table.iter().copied())
    }

    /// The text of a key. A key that no table has shows itself.
    pub fn text(self, key: &'static str) -> &'static str {
        self.find(key).unwrap_or(key)
    }

    /// The text of a key made at run time, if there is one.
    pub fn find(self, key: &str) -> Option<&'static str> {
        type Index = HashMap<&'static str, &'static str>;
        static INDEXES: LazyLock<[Index; 2]> = LazyLock::new(|| Lang::ALL.map(|lang| lang.texts().collect()));
        INDEXES[self as usize].get(key).copied()
    }

    /// The text of a key, with `{name}` replaced by what is given for it.
    pub fn with(self, key: &'static str, values: &[(&str, &str)]) -> String {
        let text = self.text(key).to_owned();
        values.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}
