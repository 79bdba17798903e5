//! What a business looks like, and what a review makes of it: the model of seed 002, personal and corporate.
//!
//! Pure. A business begins UPDATING in all its parts. What a rejected part's `status` says is not printed; REJECTED is ours,
//! the mark `rejected` is DOKU's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::books::{Filed, Ids};
use super::tables::{self, Words};
use crate::crypto::random_bytes;

/// What people decide about a part of a business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Approve,
    Reject,
    /// As it was at first.
    Open,
}

/// Decides about every part that `what` names: `all`, a kind (`business`, `brand`, `photo`, `social_media`, `product`,
/// `contact`, `address`, `document`, `bank`), an id or a code. Says how many there were.
pub fn decide(model: &mut Value, what: &str, verdict: Verdict) -> usize {
    visit(model, "business", what, verdict)
}

/// The lists of the model, and what one of each is called.
const KINDS: [(&str, &str); 8] = [
    ("brands", "brand"),
    ("photo_proofs", "photo"),
    ("social_media", "social_media"),
    ("products", "product"),
    ("contacts", "contact"),
    ("addresses", "address"),
    ("documents", "document"),
    ("banks", "bank"),
];

fn visit(part: &mut Value, kind: &str, what: &str, verdict: Verdict) -> usize {
    let is_it = {
        let text = |path: &str| part.pointer(path).and_then(Value::as_str);
        what == "all" || what == kind || [text("/id"), text("/code"), text("/document/code")].contains(&Some(what))
    };
    let mut count = 0;
    if is_it && part.get("approval_uuid").is_some() {
        let (status, rejected) = match verdict {
            Verdict::Approve => ("ACTIVE", false),
            Verdict::Reject => ("REJECTED", true),
            Verdict::Open => ("UPDATING", false),
        };
        (part["status"], part["rejected"]) = (status.into(), rejected.into());
        count += 1;
    }
    for (list, kind) in KINDS {
        let items = part.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        count += items.map(|item| visit(item, kind, what, verdict)).sum::<usize>();
    }
    count
}

/// Makes the model of what was registered.
pub struct Maker<'a> {
    pub ids: Ids,
    pub files: &'a BTreeMap<String, Filed>,
    pub partner: &'a str,
    pub now: DateTime<Utc>,
}

impl Maker<'_> {
    /// A whole business; `business` has been checked.
    pub fn business(&mut self, business: &Value) -> Value {
        let text = |name: &str| business.get(name).and_then(Value::as_str).unwrap_or_default();
        let entities = tables::of_type(text("type")).map_or(tables::CORPORATE_ENTITIES, |(entities, _)| entities);
        let id = self.ids.next("BSN");
        let mut documents = Vec::new();
        let brands: Vec<Value> = list(business, "brands").map(|brand| self.brand(brand, &mut documents)).collect();
        let contacts: Vec<Value> = list(business, "contacts").map(|one| self.contact(one, &mut documents)).collect();
        for document in list(business, "documents") {
            documents.push(self.document(document, None));
        }
        let addresses: Vec<Value> = list(business, "addresses").map(|address| self.address(address)).collect();
        let bank = self.bank(&business["bank_account"]);
        let model = json!({
            "id": id, "name": text("name"), "description": text("description"), "email": text("email"),
            "phone_calling_code": plain(&business["phone_calling_code"]), "phone_number": plain(&business["phone_number"]),
            "partner": self.partner, "platform": "api", "type": text("type"),
            "website_readiness": coded(tables::WEBSITE, text("website_readiness")),
            "mobile_app_readiness": coded(tables::MOBILE_APP, text("mobile_app_readiness")),
            "legal_entity": coded(entities, text("legal_entity")),
            "brands": brands, "contacts": contacts, "addresses": addresses, "documents": documents, "banks": [bank],
            "step_number": 10,
        });
        tailed(model)
    }

    /// A business that its people complete on the dashboard: little is known of it (its form is ours).
    pub fn lite(&mut self, body: &Value) -> Value {
        let business = &body["business"];
        let contact = &business["contact"];
        let (id, brand, person) = (self.ids.next("BSN"), self.ids.next("BRN"), self.ids.next("CNT"));
        let key = format!("SK-{}", hex::encode(random_bytes::<10>()));
        let brand = json!({ "id": brand, "name": business["name"], "shared_key": key, "products": [] });
        let contact = json!({
            "id": person, "name": contact["name"], "email": contact["email"],
            "phone_calling_code": plain(&contact["phone_calling_code"]), "phone_number": plain(&contact["phone_number"]),
        });
        tailed(json!({
            "id": id, "name": business["name"], "partner": self.partner, "platform": "api", "brands": [tailed(brand)],
            "contacts": [tailed(contact)], "addresses": [], "documents": [], "banks": [], "step_number": 1,
        }))
    }

    fn brand(&mut self, brand: &Value, documents: &mut Vec<Value>) -> Value {
        let text = |name: &str| brand.get(name).and_then(Value::as_str);
        let id = self.ids.next("BRN");
        for document in list(brand, "documents") {
            documents.push(self.document(document, Some(&id)));
        }
        let photos: Vec<Value> = list(brand, "photo_proofs")
            .map(|photo| tailed(json!({ "id": photo["id"], "photo": self.link(&photo["id"]) })))
            .collect();
        let mut social = Vec::new();
        for one in list(brand, "social_media") {
            let code = one.get("code").and_then(Value::as_str).unwrap_or_default();
            for account in list(one, "accounts") {
                let (id, name) = (self.ids.next("SCM"), tables::words(tables::SOCIAL_MEDIA, code));
                social.push(tailed(json!({ "id": id, "code": code, "name": name, "account": account })));
            }
        }
        let products = tables::PRODUCTS.map(|(code, name, description)| {
            tailed(json!({ "id": self.ids.next("PRD"), "code": code, "name": name, "description": description }))
        });
        let mut model = json!({
            "id": id, "name": text("name"), "description": text("description"),
            "shared_key": format!("SK-{}", hex::encode(random_bytes::<10>())),
            "minimum_transaction": 0, "maximum_transaction": 100,
            "ticket_size": { "code": "UP_TO_50K", "name": "Less than or equal to IDR 50.000" },
            "finance_status": "PROBATION", "risk_engine_status": "ON_PROCESS",
            "photo_proofs": photos, "social_media": social, "products": products, "audit_logs": [], "authorized": true,
            "created_date": self.now.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        let frequency = text("transaction_frequency").map(|code| coded(tables::FREQUENCIES, code));
        let quantity = text("transaction_quantity").map(|code| coded(tables::QUANTITIES, code));
        let line = text("business_line").map(|code| coded(tables::CORPORATE_LINES, code));
        let category = text("category").map(Value::from);
        let told = [
            ("transaction_frequency", frequency),
            ("transaction_quantity", quantity),
            ("business_line", line),
            ("category", category),
        ];
        for (name, value) in told.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            model[name] = value;
        }
        tailed(model)
    }

    fn contact(&mut self, contact: &Value, documents: &mut Vec<Value>) -> Value {
        let text = |name: &str| contact.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = self.ids.next("CNT");
        for document in list(contact, "documents") {
            documents.push(self.document(document, Some(&id)));
        }
        let mut model = json!({
            "id": id, "name": text("name"), "email": text("email"),
            "phone_calling_code": plain(&contact["phone_calling_code"]), "phone_number": plain(&contact["phone_number"]),
            "position": coded(tables::POSITIONS, text("position")),
            "nationality": coded(tables::COUNTRIES, text("nationality")), "use_primary": true,
        });
        if let Some(liveness) = contact.get("owner_liveness") {
            model["liveness_image"] = self.link(&liveness["id"]).into();
            let name = "show number 2 with finger without covering your face";
            model["liveness_factor"] = json!({ "code": "SHOW_TWO", "name": name });
        }
        tailed(model)
    }

    fn address(&mut self, address: &Value) -> Value {
        tailed(json!({
            "id": self.ids.next("ADR"), "name": address["name"], "area": { "code": address["area"] },
            "country": coded(tables::COUNTRIES, address["country"].as_str().unwrap_or_default()),
            "use_primary": address["primary"],
        }))
    }

    fn document(&mut self, document: &Value, relation: Option<&str>) -> Value {
        let code = document.get("code").and_then(Value::as_str).unwrap_or_default();
        let forms: Vec<Value> = list(document, "forms")
            .map(|form| {
                let known = tables::FORMS.iter().find(|(_, known, ..)| form["code"] == **known);
                json!({ "code": form["code"], "name": known.map(|form| form.2), "value": form["value"] })
            })
            .collect();
        let mut model = json!({
            "id": document["id"], "link": self.link(&document["id"]), "document": coded(tables::DOCUMENTS, code),
            "forms": forms,
        });
        if let Some(relation) = relation {
            model["relation"] = relation.into();
        }
        tailed(model)
    }

    fn bank(&mut self, bank: &Value) -> Value {
        let (name, swift) = if plain(&bank["bank_id"]) == "4" { ("BANK BCA", "014") } else { ("BANK", "000") };
        tailed(json!({
            "id": self.ids.next("BNK"), "bank_id": plain(&bank["bank_id"]), "bank_name": name, "swift_code": swift,
            "account_name": bank["account_name"], "account_number": plain(&bank["account_number"]), "documents": [],
            "country": coded(tables::COUNTRIES, "ID"), "currency": coded(tables::CURRENCIES, "IDR"),
        }))
    }

    /// A signed link to an uploaded file.
    fn link(&self, id: &Value) -> String {
        let id = id.as_str().unwrap_or_default();
        let kind = self.files.get(id).map_or("bin", |file| file.kind.as_str()).to_ascii_lowercase();
        let (expires, signature) = (self.now.timestamp() + 3600, hex::encode(random_bytes::<10>()));
        format!("https://cdn.doku.example/adv-core-api/{id}.{kind}?Expires={expires}&Signature={signature}")
    }
}

fn list<'v>(block: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    block.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Digits as text, however they came.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn coded(words: Words, code: &str) -> Value {
    json!({ "code": code, "name": tables::words(words, code) })
}

/// The tail that every part has.
fn tailed(mut part: Value) -> Value {
    let uuid = hex::encode(random_bytes::<16>());
    let uuid = format!("{}-{}-{}-{}-{}", &uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]);
    let tail = [
        ("rejected", Value::from(false)),
        ("notified", true.into()),
        ("approval_uuid", uuid.into()),
        ("status", "UPDATING".into()),
    ];
    if let Value::Object(fields) = &mut part {
        fields.extend(tail.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Map<_, _>>());
    }
    part
}
