//! Whether a registration is right: mandatory fields, allowed values, lengths, and files that are there (contracts/doku.md
//! 3.1). Everything wrong is named at once. Which fields are mandatory where the documents say nothing is ours: those
//! that the printed bodies have and a review cannot do without.

use std::collections::BTreeMap;

use serde_json::Value;

use super::books::Filed;
use super::tables::{self, Words};

/// What is wrong so far.
pub struct Check<'a> {
    files: &'a BTreeMap<String, Filed>,
    pub wrong: Vec<String>,
}

impl<'a> Check<'a> {
    pub fn new(files: &'a BTreeMap<String, Filed>) -> Self {
        Check { files, wrong: Vec::new() }
    }

    fn say(&mut self, at: &str, what: &str) {
        self.wrong.push(format!("{at} {what}"));
    }

    /// A mandatory text of at most `most` characters.
    fn needed<'v>(&mut self, block: &'v Value, name: &str, at: &str, most: usize) -> Option<&'v str> {
        let at = format!("{at}.{name}");
        match block.get(name).filter(|value| !value.is_null()) {
            None => self.say(&at, "must not be empty"),
            Some(value) => match value.as_str() {
                None => self.say(&at, "must be a string"),
                Some("") => self.say(&at, "must not be empty"),
                Some(text) if text.chars().count() > most => {
                    self.say(&at, &format!("must have at most {most} characters"))
                }
                Some(text) => return Some(text),
            },
        }
        None
    }

    fn optional<'v>(&mut self, block: &'v Value, name: &str, at: &str, most: usize) -> Option<&'v str> {
        block.get(name).filter(|value| !value.is_null())?;
        self.needed(block, name, at, most)
    }

    fn one_of<'v>(&mut self, block: &'v Value, name: &str, at: &str, words: Words) -> Option<&'v str> {
        let code = self.needed(block, name, at, 255)?;
        if !tables::knows(words, code) {
            let known: Vec<&str> = words.iter().map(|(code, _)| *code).collect();
            self.say(&format!("{at}.{name}"), &format!("is not one of {}", known.join(", ")));
            return None;
        }
        Some(code)
    }

    /// Digits, as text or as a number.
    fn digits(&mut self, block: &Value, name: &str, at: &str, most: usize) {
        let at = format!("{at}.{name}");
        let text = match block.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return self.say(&at, "must not be empty"),
        };
        if text.is_empty() || text.len() > most || !text.bytes().all(|b| b.is_ascii_digit()) {
            self.say(&at, &format!("must be 1 to {most} digits"));
        }
    }

    fn email(&mut self, block: &Value, name: &str, at: &str) {
        if self.needed(block, name, at, 255).is_some_and(|email| !email.contains('@')) {
            self.say(&format!("{at}.{name}"), "must be a well-formed email address");
        }
    }

    fn phone(&mut self, block: &Value, at: &str) {
        self.digits(block, "phone_calling_code", at, 3);
        self.digits(block, "phone_number", at, 13);
    }

    /// A list with at least `least` entries, each with its place.
    fn list<'v>(&mut self, block: &'v Value, name: &str, at: &str, least: usize) -> Vec<(String, &'v Value)> {
        let at = format!("{at}.{name}");
        let items = match block.get(name).filter(|value| !value.is_null()) {
            None => &[][..],
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.say(&at, "must be a list");
                return Vec::new();
            }
        };
        if items.len() < least {
            self.say(&at, "must not be empty");
        }
        items.iter().enumerate().map(|(n, item)| (format!("{at}[{n}]"), item)).collect()
    }

    /// An uploaded file of a category, and of a kind of document.
    fn file(&mut self, block: &Value, at: &str, category: &str, code: Option<&str>) {
        let Some(id) = self.needed(block, "id", at, 128) else { return };
        let fits = |file: &Filed| file.category == category && file.code.as_deref() == code;
        if !self.files.get(id).is_some_and(fits) {
            self.say(&format!("{at}.id"), "is not a file of this category");
        }
    }

    /// Business registration.
    pub fn registration(&mut self, business: &Value) {
        let at = "business";
        // The documents say at most 8 characters, of a page that knows PERSONAL alone.
        let kind = self.needed(business, "type", at, 9).unwrap_or_default();
        let Some((entities, lines)) = tables::of_type(kind) else {
            return self.say("business.type", "is not one of PERSONAL, CORPORATE");
        };
        let is_personal = kind == tables::PERSONAL;
        let entity = self.one_of(business, "legal_entity", at, entities).unwrap_or_default();
        let name = self.needed(business, "name", at, 255);
        let description = self.optional(business, "description", at, 1023);
        self.email(business, "email", at);
        self.phone(business, at);
        self.optional(business, "callback_url", at, 1023);
        self.one_of(business, "website_readiness", at, tables::WEBSITE);
        self.one_of(business, "mobile_app_readiness", at, tables::MOBILE_APP);
        let mut line = "RETAIL";
        for (at, brand) in self.list(business, "brands", at, 1) {
            let of_brand = (self.needed(brand, "name", &at, 255), self.needed(brand, "description", &at, 1023));
            match is_personal {
                true => drop(self.one_of(brand, "category", &at, tables::BRAND_CATEGORIES)),
                false => line = self.one_of(brand, "business_line", &at, lines).unwrap_or(line),
            }
            if is_personal && of_brand != (name, description) {
                self.say(&at, "must have the name and description of the business");
            }
            self.brand(brand, &at, entity, line);
        }
        for (at, address) in self.list(business, "addresses", at, 1) {
            self.needed(address, "name", &at, 255);
            let area = self.needed(address, "area", &at, 255);
            if area.is_some_and(|area| !is_area(area)) {
                self.say(&format!("{at}.area"), "must be five parts with \" - \" between them, a postal code first");
            }
            self.one_of(address, "country", &at, tables::COUNTRIES);
            if !address.get("primary").is_some_and(Value::is_boolean) {
                self.say(&format!("{at}.primary"), "must be true or false");
            }
        }
        for (at, contact) in self.list(business, "contacts", at, 1) {
            self.contact(contact, &at, is_personal);
        }
        let (needed, _) = tables::needed_documents(entity, line);
        self.documents(business, at, &needed);
        self.bank_account(business);
    }

    fn brand(&mut self, brand: &Value, at: &str, entity: &str, line: &str) {
        self.optional(brand, "transaction_frequency", at, 255);
        self.optional(brand, "transaction_quantity", at, 255);
        for (at, social) in self.list(brand, "social_media", at, 0) {
            self.one_of(social, "code", &at, tables::SOCIAL_MEDIA);
            self.list(social, "accounts", &at, 1);
        }
        for (at, photo) in self.list(brand, "photo_proofs", at, 1) {
            self.file(photo, &at, "PHOTO_PROOF", None);
        }
        let (_, needed) = tables::needed_documents(entity, line);
        self.documents(brand, at, &needed);
    }

    fn contact(&mut self, contact: &Value, at: &str, is_personal: bool) {
        self.needed(contact, "name", at, 255);
        self.email(contact, "email", at);
        self.phone(contact, at);
        self.one_of(contact, "position", at, tables::POSITIONS);
        self.one_of(contact, "nationality", at, tables::COUNTRIES);
        match contact.get("owner_liveness") {
            Some(liveness) => self.file(liveness, &format!("{at}.owner_liveness"), "OWNER_LIVENESS", None),
            None if is_personal => self.say(&format!("{at}.owner_liveness"), "must not be empty"),
            None => {}
        }
        self.documents(contact, at, &["KTP"]);
    }

    /// A list of documents, and that each of `needed` is in it.
    fn documents(&mut self, block: &Value, at: &str, needed: &[&str]) {
        let mut seen = Vec::new();
        for (at, document) in self.list(block, "documents", at, 0) {
            let Some(code) = self.one_of(document, "code", &at, tables::DOCUMENTS) else { continue };
            seen.push(code);
            if document.get("category").and_then(Value::as_str) != Some("DOCUMENT") {
                self.say(&format!("{at}.category"), "must be DOCUMENT");
            }
            self.file(document, &at, "DOCUMENT", Some(code));
            let Some((_, form, _, digits)) = tables::FORMS.iter().find(|(of, ..)| *of == code) else { continue };
            let forms = self.list(document, "forms", &at, 1);
            let good = |(_, one): &(String, &Value)| {
                let number = one.get("value").and_then(Value::as_str).unwrap_or_default();
                one.get("code").and_then(Value::as_str) == Some(*form)
                    && digits.contains(&number.len())
                    && number.bytes().all(|b| b.is_ascii_digit())
            };
            if !forms.iter().any(good) {
                self.say(&format!("{at}.forms"), &format!("must have {form}"));
            }
        }
        for code in needed.iter().filter(|code| !seen.contains(code)) {
            self.say(&format!("{at}.documents"), &format!("must have {code}"));
        }
    }

    fn bank_account(&mut self, business: &Value) {
        let at = "business.bank_account";
        let Some(bank) = business.get("bank_account").filter(|bank| bank.is_object()) else {
            return self.say(at, "must not be empty");
        };
        self.digits(bank, "bank_id", at, 10);
        self.needed(bank, "account_name", at, 255);
        self.digits(bank, "account_number", at, 34);
        self.one_of(bank, "currency", at, tables::CURRENCIES);
        for (at, proof) in self.list(bank, "documents", at, 0) {
            self.file(proof, &at, "BANK_ACCOUNT", None);
        }
    }

    /// Business lite.
    pub fn lite(&mut self, body: &Value) {
        let nothing = Value::Null;
        let business = body.get("business").unwrap_or(&nothing);
        self.needed(business, "partner_ref_id", "business", 255);
        self.needed(business, "name", "business", 255);
        let contact = business.get("contact").unwrap_or(&nothing);
        self.needed(contact, "name", "business.contact", 255);
        self.email(contact, "email", "business.contact");
        self.phone(contact, "business.contact");
        self.email(body.get("invited_user").unwrap_or(&nothing), "email", "invited_user");
        let code = body.get("referral").map(|referral| self.needed(referral, "code", "referral", 6));
        if code.flatten().is_some_and(|code| code.len() != 6) {
            self.say("referral.code", "must have 6 characters");
        }
    }
}

/// `17133 - Kali Baru - Medan Satria - Bekasi - Jawa Barat`.
fn is_area(area: &str) -> bool {
    let parts: Vec<&str> = area.split(" - ").collect();
    let postal = parts.first().copied().unwrap_or_default();
    parts.len() == 5
        && parts.iter().all(|part| !part.trim().is_empty())
        && postal.len() == 5
        && postal.bytes().all(|b| b.is_ascii_digit())
}
