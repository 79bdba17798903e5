//! One filing as the rows of `table` read it, and the bodies they make of it.
//!
//! Pure: no exchange, no time. What it holds is personal; none of it is printed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::table::{LITE, REFERRAL, REGISTRATION, Row, UPLOADS, Upload};
use super::words::{self, Kind};
use crate::domain::kyb::Sheet;
use crate::providers::FieldFault;
use crate::providers::form::Part;

/// A filing whose answers are enough to register it.
pub struct Case<'a> {
    pub reference_id: &'a str,
    pub kind: Kind,
    pub legal_entity: &'a str,
    /// The business line; of a person RETAIL.
    pub line: &'a str,
    pub callback_url: Option<&'a str>,
    file: &'a Map<String, Value>,
    answers: &'a Map<String, Value>,
    /// Ids by the place of the document in our file.
    files: &'a BTreeMap<String, String>,
    /// What DOKU asks for.
    asked: &'a [Asked],
}

/// A kind of document that DOKU asks for of such a business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub code: String,
    pub name: String,
    /// It belongs to the brand, not to the business.
    pub of_brand: bool,
}

/// A document to upload.
pub struct Wanted<'a> {
    /// Its place in our file, such as `stakeholder[0].ktp_document`.
    pub place: String,
    pub link: &'a str,
    pub category: &'static str,
    pub code: Option<String>,
}

/// A document as the registration names it.
pub struct Paper {
    code: String,
    id: String,
    form: Option<(&'static str, String)>,
}

impl Paper {
    pub fn code(&self) -> Option<Value> {
        Some(self.code.as_str().into())
    }

    pub fn id(&self) -> Option<Value> {
        Some(self.id.as_str().into())
    }

    pub fn form(&self) -> Option<Value> {
        self.form.as_ref().map(|(code, _)| (*code).into())
    }

    pub fn number(&self) -> Option<Value> {
        self.form.as_ref().map(|(_, value)| value.as_str().into())
    }
}

/// What a case is made from beside the filing.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub files: &'a BTreeMap<String, String>,
    pub asked: &'a [Asked],
    pub callback_url: Option<&'a str>,
}

impl<'a> Case<'a> {
    /// Reads a file and the answers beside it. The error says what DOKU needs and neither has, for the client to read.
    pub fn read(
        reference_id: &'a str,
        file: &'a Sheet,
        answers: &'a Sheet,
        known: Known<'a>,
    ) -> Result<Case<'a>, Vec<FieldFault>> {
        let (file, answers) = (file.reveal(), answers.reveal());
        let answer = |name: &str| answers.get(name).and_then(Value::as_str);
        let mut missing = Vec::new();
        let ours = find(file, "legal_entity.company_type").and_then(Value::as_str).unwrap_or_default();
        let (kind, entity) = words::company_type(ours).unwrap_or((Kind::Corporate, None));
        let chosen = answer("legal_entity").filter(|_| kind == Kind::Corporate);
        let legal_entity = chosen.or(entity).unwrap_or_default();
        if legal_entity.is_empty() {
            missing.push(unfit("legal_entity", "DOKU's list has no company of this type: choose the nearest."));
        }
        let line = match kind {
            Kind::Personal => words::RETAIL,
            Kind::Corporate => answer("business_line").or_else(|| line(file)).unwrap_or_default(),
        };
        if line.is_empty() {
            missing.push(unfit("business_line", "No industry of the file is in DOKU's list: choose the nearest."));
        }
        let Known { files, asked, callback_url } = known;
        let case = Case { reference_id, kind, legal_entity, line, callback_url, file, answers, files, asked };
        if missing.is_empty() { Ok(case) } else { Err(missing) }
    }

    /// What keeps a whole registration from being right that a form cannot check.
    pub fn unfit(&self) -> Vec<FieldFault> {
        let people = self.people();
        let numbers = self.ktp_numbers();
        let good = |number: &&str| number.len() == 16 && number.bytes().all(|b| b.is_ascii_digit());
        match numbers.len() == people && numbers.iter().all(good) {
            true => Vec::new(),
            false => {
                vec![unfit("ktp_numbers", format!("Sixteen digits for each of {people} directors, in their order."))]
            }
        }
    }

    /// The body of the registration.
    pub fn registration(&self) -> Value {
        self.body(&REGISTRATION)
    }

    /// The body of a business lite.
    pub fn lite(&self) -> Value {
        let mut body = self.body(&LITE);
        self.place(&mut body, REFERRAL.to, "", &mut Vec::new(), &REFERRAL);
        body
    }

    /// Every document that is sent, in order.
    pub fn uploads(&self) -> Vec<Wanted<'a>> {
        let mut all = Vec::new();
        for upload in UPLOADS.iter().filter(|upload| upload.of.holds(self.kind)) {
            let (category, code) = (upload.category, upload.code.map(str::to_owned));
            for (place, link, name) in self.links(upload) {
                let code = match (category, code.clone()) {
                    ("DOCUMENT", None) => match self.asked_as(name) {
                        Some(asked) => Some(asked.code.clone()),
                        None => continue,
                    },
                    (_, code) => code,
                };
                all.push(Wanted { place, link, category, code });
            }
        }
        all
    }

    /// The codes and names of what DOKU asks for and no document of the file is. Files of other categories, such as a
    /// logo, a client cannot give us: what DOKU makes of that it says itself.
    pub fn lacking(&self) -> Vec<String> {
        let uploads = self.uploads();
        let has = |asked: &&Asked| {
            words::CATEGORIES_OF_FILES.contains(&asked.code.as_str())
                || uploads.iter().any(|wanted| wanted.code.as_ref() == Some(&asked.code))
        };
        self.asked.iter().filter(|asked| !has(asked)).map(|asked| format!("{} ({})", asked.name, asked.code)).collect()
    }

    /// A text of the file.
    pub fn own(&self, path: &str) -> Option<Value> {
        find(self.file, path).filter(|value| value.is_string()).cloned()
    }

    pub fn answer(&self, name: &str) -> Option<Value> {
        self.answers.get(name).filter(|value| value.as_str().is_some_and(|text| !text.is_empty())).cloned()
    }

    /// A field of the director at the first of the places.
    pub fn person(&self, at: &[usize], field: &str) -> Option<Value> {
        self.file.get("stakeholder")?.get(*at.first()?)?.get(field).cloned()
    }

    pub fn id(&self, place: &str) -> Option<Value> {
        self.files.get(place).map(|id| id.as_str().into())
    }

    pub fn social_media(&self) -> Vec<(&'static str, Value)> {
        let known = [("INSTAGRAM", "instagram"), ("FACEBOOK", "facebook")];
        known.into_iter().filter_map(|(code, name)| Some((code, self.answer(name)?))).collect()
    }

    /// `17133 - Kali Baru - Medan Satria - Bekasi - Jawa Barat`.
    pub fn area(&self) -> String {
        let part = |name| self.own(&format!("legal_entity.address.{name}"));
        let parts = ["postal_code", "sub_district", "district", "city", "province"].map(part);
        parts.iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" - ")
    }

    pub fn ktp_number(&self, person: usize) -> Option<Value> {
        self.ktp_numbers().get(person).map(|number| (*number).into())
    }

    pub fn paper(&self, at: &[usize], what: fn(&Paper) -> Option<Value>) -> Option<Value> {
        self.papers(false).get(*at.first()?).and_then(what)
    }

    /// The same of the brand's documents; the brand stands at the first place.
    pub fn brand_paper(&self, at: &[usize], what: fn(&Paper) -> Option<Value>) -> Option<Value> {
        self.papers(true).get(*at.get(1)?).and_then(what)
    }

    fn people(&self) -> usize {
        self.file.get("stakeholder").and_then(Value::as_array).map_or(0, Vec::len)
    }

    fn ktp_numbers(&self) -> Vec<&str> {
        let given = self.answers.get("ktp_numbers").and_then(Value::as_str).unwrap_or_default();
        given.split([',', ' ']).filter(|number| !number.is_empty()).collect()
    }

    /// The uploaded documents of the business, or of its brand, but for those of people.
    fn papers(&self, of_brand: bool) -> Vec<Paper> {
        let mut papers = Vec::new();
        for wanted in self.uploads() {
            let (Some(code), Some(id)) = (wanted.code, self.files.get(&wanted.place)) else { continue };
            let is_brand = self.asked.iter().any(|asked| asked.code == code && asked.of_brand);
            if wanted.place.starts_with("stakeholder") || is_brand != of_brand {
                continue;
            }
            let row = UPLOADS.iter().find(|upload| upload.field == wanted.place);
            let number = |(form, field): (&'static str, &str)| Some((form, self.own(field)?.as_str()?.to_owned()));
            papers.push(Paper { code, id: id.clone(), form: row.and_then(|row| row.form).and_then(number) });
        }
        papers
    }

    /// Whatever an additional document is called: the kind that DOKU asks for by this code or name.
    fn asked_as(&self, name: &str) -> Option<&'a Asked> {
        let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let wanted: String = plain(name);
        self.asked.iter().find(|asked| wanted == plain(&asked.code) || wanted == plain(&asked.name))
    }

    /// The documents of one field, each with its place, link and name.
    fn links(&self, upload: &Upload) -> Vec<(String, &'a str, &'a str)> {
        let (block, field) = upload.field.split_once('.').unwrap_or_default();
        let list = |value: Option<&'a Value>| value.and_then(Value::as_array).into_iter().flatten().enumerate();
        let text = |value: Option<&'a Value>| value.and_then(Value::as_str);
        let found = self.file.get(block);
        match (block, field) {
            ("stakeholder", field) => list(found)
                .filter_map(|(n, person)| Some((format!("stakeholder[{n}].{field}"), text(person.get(field))?, "")))
                .collect(),
            (_, "additional_documents.document") => list(found.and_then(|block| block.get("additional_documents")))
                .filter_map(|(n, one)| {
                    let (link, name) = (text(one.get("file_url"))?, text(one.get("name")).unwrap_or_default());
                    Some((format!("documents.additional_documents[{n}]"), link, name))
                })
                .collect(),
            (block, field) => match found.and_then(|found| found.get(field)) {
                Some(Value::String(link)) => vec![(upload.field.to_owned(), link.as_str(), "")],
                many => list(many)
                    .filter_map(|(n, link)| Some((format!("{block}.{field}[{n}]"), link.as_str()?, "")))
                    .collect(),
            },
        }
    }

    fn body(&self, rows: &[Row]) -> Value {
        let mut body = Value::Object(Map::new());
        for row in rows.iter().filter(|row| row.of.holds(self.kind)) {
            self.place(&mut body, row.to, "", &mut Vec::new(), row);
        }
        body
    }

    /// Puts what `row` reads at the rest of its path below `node`, once for each place of a list on the way; `above` is
    /// the path so far.
    fn place(&self, node: &mut Value, path: &str, above: &str, at: &mut Vec<usize>, row: &Row) {
        let (word, rest) = path.split_once('.').unwrap_or((path, ""));
        let Some(name) = word.strip_suffix("[]") else {
            if rest.is_empty() {
                if let (Some(value), Some(object)) = ((row.make)(self, at), node.as_object_mut()) {
                    object.insert(word.to_owned(), value);
                }
                return;
            }
            let inner = entry(node, word, Value::Object(Map::new()));
            return self.place(inner, rest, &format!("{above}{word}."), at, row);
        };
        let count = self.count(&format!("{above}{name}"), at);
        if count == 0 {
            return;
        }
        let Some(list) = entry(node, name, Value::Array(Vec::new())).as_array_mut() else { return };
        list.resize(count, Value::Object(Map::new()));
        for (n, item) in list.iter_mut().enumerate() {
            at.push(n);
            self.place(item, rest, &format!("{above}{name}[]."), at, row);
            at.pop();
        }
    }

    /// How many entries a list of the body has.
    fn count(&self, list: &str, at: &[usize]) -> usize {
        match list {
            "business.brands" | "business.addresses" => 1,
            "business.contacts" => self.people(),
            "business.contacts[].documents" | "business.contacts[].documents[].forms" => 1,
            "business.brands[].social_media" => self.social_media().len(),
            "business.brands[].photo_proofs" => {
                self.uploads().iter().filter(|wanted| wanted.category == "PHOTO_PROOF").count()
            }
            "business.brands[].documents" => self.papers(true).len(),
            "business.documents" => self.papers(false).len(),
            "business.documents[].forms" => usize::from(self.paper(at, Paper::form).is_some()),
            "business.bank_account.documents" => usize::from(self.id("supporting.bank_account_proof").is_some()),
            _ => 0,
        }
    }
}

fn unfit(name: &str, what: impl Into<String>) -> FieldFault {
    FieldFault::new(Part::Settings, name, what)
}

fn entry<'v>(node: &'v mut Value, name: &str, empty: Value) -> &'v mut Value {
    if node.get(name).is_none()
        && let Some(object) = node.as_object_mut()
    {
        object.insert(name.to_owned(), empty);
    }
    &mut node[name]
}

/// The business line of the first industry that has one.
fn line(file: &Map<String, Value>) -> Option<&'static str> {
    let industries = find(file, "legal_entity.company_industry")?.as_array()?;
    industries.iter().filter_map(Value::as_str).find_map(words::line_of)
}

fn find<'v>(file: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let (block, rest) = path.split_once('.').unwrap_or((path, ""));
    let found = file.get(block)?;
    rest.split('.').filter(|word| !word.is_empty()).try_fold(found, |value, word| value.get(word))
}
