//! What a connection of a provider is made with: fields as data, told by the adapter, and one check for all of them.
//!
//! The check tells all faults at once, each with the field's path and what is wrong with it, never with its value.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::crypto::rsa::{PrivateKey, PublicKey};

/// One field of a connection. Every value is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub part: Part,
    pub required: bool,
    /// It is sealed, written once and never shown again.
    pub secret: bool,
    pub format: Format,
    /// For people: what it is called, and where to find it or what it does.
    pub label: &'static str,
    pub hint: &'static str,
    /// The same in Indonesian.
    pub label_id: &'static str,
    pub hint_id: &'static str,
}

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What the provider gave out: sealed as a whole.
    Credentials,
    /// What the client chooses for itself: readable.
    Settings,
}

impl Part {
    pub const ALL: [Part; 2] = [Part::Credentials, Part::Settings];

    /// The word it goes by in a path such as `credentials.username`.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Credentials => "credentials",
            Part::Settings => "settings",
        }
    }
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Any text of one line, not blank.
    Text {
        max: usize,
    },
    /// Printable ASCII without blanks, quotes and backslashes: what goes into a header as it is, quoted or not.
    Token {
        max: usize,
    },
    /// Letters, digits, `-` and `_`: what a provider numbers its accounts with.
    Code {
        max: usize,
    },
    Digits {
        min: usize,
        max: usize,
    },
    /// Digits, perhaps after a `+`.
    Phone,
    /// `https://` (or `http://`, for simulators), a host, and perhaps a path.
    Url,
    /// The path of an address, from its first slash.
    Path,
    Ip,
    HeaderName,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// PEM, PKCS#8 or PKCS#1, at least 2048 bits.
    RsaPrivateKey,
    /// PEM, at least 2048 bits.
    RsaPublicKey,
}

impl Format {
    /// A stable word for it, for who draws a form.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Text { .. } => "text",
            Format::Token { .. } => "token",
            Format::Code { .. } => "code",
            Format::Digits { .. } => "digits",
            Format::Phone => "phone",
            Format::Url => "url",
            Format::Path => "path",
            Format::Ip => "ip",
            Format::HeaderName => "header_name",
            Format::Choice(_) => "choice",
            Format::RsaPrivateKey => "rsa_private_key",
            Format::RsaPublicKey => "rsa_public_key",
        }
    }

    /// What is wrong with `value`, without repeating it.
    fn refuse(self, value: &str) -> Option<String> {
        let sized = |min: usize, max: usize| (min..=max).contains(&value.chars().count());
        let (good, must) = match self {
            Format::Text { max } => (
                sized(1, max) && !value.trim().is_empty() && !value.chars().any(char::is_control),
                format!("must be 1 to {max} characters on one line, and not blank"),
            ),
            Format::Token { max } => (
                sized(1, max) && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'),
                format!("must be 1 to {max} printable ASCII characters without blanks, quotes and backslashes"),
            ),
            Format::Code { max } => (
                sized(1, max) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                format!("must be 1 to {max} letters, digits, - and _"),
            ),
            Format::Digits { min, max } => {
                (sized(min, max) && value.bytes().all(|b| b.is_ascii_digit()), format!("must be {min} to {max} digits"))
            }
            Format::Phone => {
                let digits = value.strip_prefix('+').unwrap_or(value);
                let good = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
                (good, "must be a phone number: 8 to 15 digits, perhaps after a +".into())
            }
            Format::Url => return refuse_url(value).map(str::to_owned),
            Format::Path => (
                sized(1, 255) && value.starts_with('/') && value.bytes().all(is_of_path),
                "must be a path that begins with /, without blanks, ? and #".into(),
            ),
            Format::Ip => {
                (value.parse::<std::net::IpAddr>().is_ok(), "must be an IP address such as 203.0.113.7".into())
            }
            Format::HeaderName => (
                axum::http::HeaderName::from_bytes(value.as_bytes()).is_ok(),
                "must be the name of an HTTP header".into(),
            ),
            Format::Choice(words) => (words.contains(&value), format!("must be one of {}", words.join(", "))),
            Format::RsaPrivateKey => return PrivateKey::from_pem(value).err().map(|refused| refused.to_string()),
            Format::RsaPublicKey => return PublicKey::from_pem(value).err().map(|refused| refused.to_string()),
        };
        (!good).then_some(must)
    }
}

fn is_of_path(b: u8) -> bool {
    b.is_ascii_graphic() && b != b'?' && b != b'#'
}

fn refuse_url(value: &str) -> Option<&'static str> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let Some(rest) = rest else { return Some("must begin with https:// (or http:// for a simulator)") };
    if !value.bytes().all(is_of_path) || value.len() > 255 {
        return Some("must be at most 255 printable ASCII characters without blanks, ? and #");
    }
    if rest.split('/').next().is_some_and(|host| host.contains('@')) {
        return Some("must not hold a name or password");
    }
    match value.parse::<axum::http::Uri>() {
        Ok(url) if url.host().is_some_and(|host| !host.is_empty()) => None,
        _ => Some("must name a host, such as https://api.example.com"),
    }
}

/// One thing that is wrong with a connection's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Its path, such as `credentials.private_key`.
    pub field: String,
    /// What is wrong with it. Never the value.
    pub reason: String,
}

impl FieldFault {
    pub fn new(part: Part, name: &str, reason: impl Into<String>) -> Self {
        FieldFault { field: format!("{}.{name}", part.as_str()), reason: reason.into() }
    }
}

impl std::fmt::Display for FieldFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.field, self.reason)
    }
}

/// All faults in one sentence, for who reads them on a line.
pub fn sentence(faults: &[FieldFault]) -> String {
    faults.iter().map(FieldFault::to_string).collect::<Vec<_>>().join("; ")
}

/// The values of a form that was checked: the required ones are there, all of them have their format.
pub struct Filled<'a>(BTreeMap<&'static str, &'a str>);

impl<'a> Filled<'a> {
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// A required field of the form.
    pub fn text(&self, name: &str) -> &'a str {
        self.get(name).unwrap_or_default()
    }
}

/// Checks `credentials` and `settings` by `form`: unknown, missing and malformed fields, all at once. An optional field
/// may be left out or null.
pub fn check<'a>(form: &[Field], credentials: &'a Value, settings: &'a Value) -> Result<Filled<'a>, Vec<FieldFault>> {
    let (mut faults, mut filled) = (Vec::new(), BTreeMap::new());
    let parts = Part::ALL.map(|part| (part, if part == Part::Credentials { credentials } else { settings }));
    for (part, given) in parts {
        let Value::Object(given) = given else {
            faults.push(FieldFault { field: part.as_str().into(), reason: "must be an object".into() });
            continue;
        };
        for field in form.iter().filter(|field| field.part == part) {
            match given.get(field.name) {
                None | Some(Value::Null) if field.required => {
                    faults.push(FieldFault::new(part, field.name, "is missing"))
                }
                None | Some(Value::Null) => {}
                Some(Value::String(value)) => match field.format.refuse(value) {
                    Some(reason) => faults.push(FieldFault::new(part, field.name, reason)),
                    None => {
                        filled.insert(field.name, value.as_str());
                    }
                },
                Some(_) => faults.push(FieldFault::new(part, field.name, "must be text")),
            }
        }
        faults.extend(unknown(form, part, given));
    }
    if faults.is_empty() { Ok(Filled(filled)) } else { Err(faults) }
}

fn unknown<'a>(form: &'a [Field], part: Part, given: &'a Map<String, Value>) -> impl Iterator<Item = FieldFault> + 'a {
    let is_known = move |name: &str| form.iter().any(|field| field.part == part && field.name == name);
    given.keys().filter(move |name| !is_known(name)).map(move |name| {
        let elsewhere = form.iter().find(|field| field.name == *name);
        let reason = match elsewhere {
            Some(field) => format!("belongs into {}", field.part.as_str()),
            None => {
                let names: Vec<_> = form.iter().filter(|field| field.part == part).map(|field| field.name).collect();
                format!("is no field of this provider; there are: {}", names.join(", "))
            }
        };
        // However long the name is that somebody made up.
        FieldFault::new(part, &name.chars().take(40).collect::<String>(), reason)
    })
}
