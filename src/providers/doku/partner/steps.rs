//! The way of a file to DOKU, step by step: what DOKU asks for, each document, the registration frozen, the registration
//! sent. And the question how it stands.
//!
//! A step is chosen by what is remembered alone. Asking and uploading can be repeated: a document that was uploaded twice
//! belongs to nothing until a registration names it. The registration cannot, so it is frozen first and then sent with a
//! Request-Id of its own, by which DOKU answers a repeat as it answered the first (contracts/doku.md 5).

use axum::http::Method;
use serde_json::Value;

use super::case::{Asked, Case, Known};
use super::exchange::{Question, Said, fresh_id};
use super::fold::fold;
use super::model::{Business, Kept, without_secrets};
use super::progress::{Frozen, Progress, Registered};
use super::words::INDONESIA;
use super::{Access, Partner, Registration};
use crate::crypto::secret::Personal;
use crate::crypto::sha256;
use crate::domain::kyb::Sheet;
use crate::domain::onboarding::Status;
use crate::providers::onboarding::{Filing, Report, Step};
use crate::providers::{Call, Cause, FieldFault, Trouble};

impl Partner {
    /// The next step of `filing`.
    pub(super) async fn next(&self, call: &Call, filing: &Filing, progress: &Sheet) -> Step {
        let access = match self.access(call) {
            Ok(access) => access,
            Err(trouble) => return Step::Again(trouble),
        };
        hide(call, filing);
        let progress = Progress::read(progress).of_version(filing.version, &filing.changed);
        if let Some(frozen) = progress.frozen.clone() {
            return self.register(call, &access, filing, progress, frozen).await;
        }
        if progress.registers(filing.version) {
            return self.look(call, &access, progress).await;
        }
        let callback_url = Some(self.config.callback_url.as_str()).filter(|url| !url.is_empty());
        let asked = progress.asked.clone();
        let known = Known { files: &progress.files, asked: asked.as_deref().unwrap_or_default(), callback_url };
        let case = match Case::read(&filing.reference_id, &filing.payload, &filing.details, known) {
            Ok(case) => case,
            Err(unfit) => return ask_again(&progress, &unfit),
        };
        let query = query(&case);
        if self.config.registration == Registration::Lite {
            return freeze(filing, &progress, case.lite(), query);
        }
        let unfit = case.unfit();
        if !unfit.is_empty() {
            return ask_again(&progress, &unfit);
        }
        if asked.is_none() {
            return self.requirements(call, &access, &progress, &query).await;
        }
        let lacking = case.lacking();
        if self.config.enforce_requirements && !lacking.is_empty() {
            let words = format!(
                "DOKU asks of such a business for documents that the file does not have: {}. Add each as an additional \
                 document under this name.",
                lacking.join(", ")
            );
            return revise(&progress, vec![words]);
        }
        let uploads = case.uploads();
        let Some(wanted) = uploads.iter().find(|wanted| !progress.files.contains_key(&wanted.place)) else {
            return freeze(filing, &progress, case.registration(), query);
        };
        match self.upload(call, &access, wanted).await {
            Ok(Said::Done(said)) => {
                let Some(id) = said.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
                    return Step::Again(Trouble::new(Cause::Unclear, "the answer to an upload holds no id"));
                };
                let mut progress = progress.clone();
                progress.files.insert(wanted.place.clone(), id.to_owned());
                Step::More(progress.sheet())
            }
            Ok(Said::Refused(words)) => revise(&progress, vec![format!("{}: {words}", wanted.place)]),
            Err(trouble) => Step::Again(trouble),
        }
    }

    /// How it stands.
    pub(super) async fn stands(&self, call: &Call, filing: &Filing, progress: &Sheet) -> Step {
        let access = match self.access(call) {
            Ok(access) => access,
            Err(trouble) => return Step::Again(trouble),
        };
        hide(call, filing);
        self.look(call, &access, Progress::read(progress)).await
    }

    async fn requirements(&self, call: &Call, access: &Access, progress: &Progress, query: &str) -> Step {
        let (operation, request_id) = ("requirements", fresh_id());
        let question = Question { operation, method: Method::GET, path: "/file", query, body: None, request_id };
        match self.ask_signed(call, access, question).await {
            Ok(Said::Done(said)) => {
                let mut asked = Vec::new();
                asked_for(&said, false, &mut asked);
                Step::More(Progress { asked: Some(asked), ..progress.clone() }.sheet())
            }
            Ok(Said::Refused(words)) => revise(progress, vec![words]),
            Err(trouble) => Step::Again(trouble),
        }
    }

    async fn register(
        &self,
        call: &Call,
        access: &Access,
        filing: &Filing,
        mut progress: Progress,
        frozen: Frozen,
    ) -> Step {
        let (operation, path) = match self.config.registration {
            Registration::Full => ("registration", "/business"),
            Registration::Lite => ("lite", "/business/lite/registration"),
        };
        let Frozen { version, request_id, body, query } = frozen;
        let question = Question { operation, method: Method::POST, path, query: "", body: Some(body), request_id };
        let said = match self.ask_signed(call, access, question).await {
            Ok(said) => said,
            Err(trouble) => return Step::Again(trouble),
        };
        progress.frozen = None;
        let is_old = version != filing.version;
        match said {
            // Of a version that was overtaken meanwhile: the new one goes its own way.
            Said::Refused(_) if is_old => Step::More(progress.sheet()),
            Said::Refused(words) => revise(&progress, vec![words]),
            Said::Done(said) => {
                let Some(registered) = registered(&said, version, query) else {
                    return Step::Again(Trouble::new(Cause::Unclear, "the answer to a registration names no business"));
                };
                let before = progress.business.replace(registered);
                progress.former.extend(before.and_then(|before| before.id.or(before.brand)));
                if is_old {
                    return Step::More(progress.sheet());
                }
                let data = shown(said);
                Step::Told(Report { status: Status::Received, remarks: None, data, progress: progress.heard() })
            }
        }
    }

    /// Asks for the business by the client id under the partner, which is its brand's; where DOKU does not know that, by
    /// its own id (seed 002 says the one, contracts/doku.md 1.4 the other).
    async fn look(&self, call: &Call, access: &Access, progress: Progress) -> Step {
        let Some(business) = progress.business.clone() else {
            return Step::Again(Trouble::new(Cause::Unclear, "nothing is registered yet"));
        };
        let mut last = Trouble::new(Cause::Unclear, "the business has no id");
        for id in business.brand.iter().chain(&business.id) {
            let (path, query) = (format!("/business/{id}"), business.query.as_str());
            let (operation, request_id) = ("business", fresh_id());
            let question = Question { operation, method: Method::GET, path: &path, query, body: None, request_id };
            last = match self.ask_signed(call, access, question).await {
                Ok(Said::Done(said)) => return told(said, &progress),
                Ok(Said::Refused(words)) => Trouble::new(Cause::Unclear, words),
                // An address that is not there.
                Err(trouble) if trouble.cause == Cause::Address => trouble,
                Err(trouble) => return Step::Again(trouble),
            };
        }
        Step::Again(last)
    }
}

/// What a business says, in our words.
fn told(said: Value, progress: &Progress) -> Step {
    let Ok(business) = serde_json::from_value::<Kept<Business>>(said.clone()) else {
        return Step::Again(Trouble::new(Cause::Unclear, "the answer is no business as DOKU documents it"));
    };
    let (status, remarks) = fold(&business);
    Step::Told(Report { status, remarks: remarks.map(Personal::new), data: shown(said), progress: progress.heard() })
}

/// The four parameters of requirements and of *get business data* (seed 002). Their values are words of DOKU's lists,
/// without anything that a query must escape.
fn query(case: &Case<'_>) -> String {
    format!(
        "?businessType={}&businessLegalEntity={}&brandBusinessLine={}&businessContactNationality={INDONESIA}",
        case.kind.as_str(),
        case.legal_entity,
        case.line
    )
}

fn freeze(filing: &Filing, progress: &Progress, body: Value, query: String) -> Step {
    let body = body.to_string();
    // Another body is another intent, even of the same version: answers may have changed.
    let digest = hex::encode(&sha256(&[body.as_bytes()])[..8]);
    let request_id = format!("{}.{}.{digest}", filing.reference_id, filing.version);
    let frozen = Some(Frozen { version: filing.version, request_id, body, query });
    Step::More(Progress { frozen, ..progress.clone() }.sheet())
}

/// Answers are missing or wrong: each is named as the form names it.
fn ask_again(progress: &Progress, unfit: &[FieldFault]) -> Step {
    let name = |fault: &FieldFault| fault.field.rsplit('.').next().unwrap_or_default().to_owned();
    revise(progress, unfit.iter().map(|fault| format!("{}: {}", name(fault), fault.reason)).collect())
}

/// The client has to do something; nothing was registered.
fn revise(progress: &Progress, words: Vec<String>) -> Step {
    let (status, remarks) = (Status::NeedRevision, Some(Personal::new(words.join(" "))));
    Step::Told(Report { status, remarks, data: None, progress: progress.heard() })
}

/// What a registration made: `{"business":{id},"brands":[{id}]}`, or the two in one object (contracts/doku.md 6, O2).
fn registered(said: &Value, version: i32, query: String) -> Option<Registered> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
    let business = said.get("business").unwrap_or(said);
    let brands = said.get("brands").or_else(|| business.get("brands"));
    let brand = brands.and_then(|brands| brands.get(0)).and_then(|brand| brand.get("id"));
    let (id, brand) = (text(business.get("id")), text(brand));
    (id.is_some() || brand.is_some()).then_some(Registered { version, id, brand, query })
}

fn shown(said: Value) -> Option<Sheet> {
    match without_secrets(said) {
        Value::Object(all) => Some(Sheet::new(all)),
        _ => None,
    }
}

/// Every kind of document in DOKU's tree of requirements: what has a code and says which files it takes. Its form beyond
/// that is not printed; what says of itself that it is optional is not asked for.
fn asked_for(value: &Value, of_brand: bool, asked: &mut Vec<Asked>) {
    match value {
        Value::Object(fields) => {
            let is_optional = ["mandatory", "required"].iter().any(|name| fields.get(*name) == Some(&false.into()));
            if let (Some(code), true, false) =
                (fields.get("code").and_then(Value::as_str), fields.contains_key("extensions"), is_optional)
            {
                let name = fields.get("name").and_then(Value::as_str).unwrap_or(code).to_owned();
                asked.push(Asked { code: code.to_owned(), name, of_brand });
            }
            for (name, field) in fields {
                asked_for(field, of_brand || name == "brand" || name == "brands", asked);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| asked_for(item, of_brand, asked)),
        _ => {}
    }
}

/// Nothing of people, of accounts and of links shall stand in what is recorded or told of this call.
fn hide(call: &Call, filing: &Filing) {
    fn walk(call: &Call, value: &Value) {
        match value {
            Value::String(text) => {
                call.hide(text);
                call.hide(text.trim_start_matches("+62"));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(call, item)),
            Value::Object(fields) => fields.values().for_each(|field| walk(call, field)),
            _ => {}
        }
    }
    let personal = ["submitter", "stakeholder", "documents", "supporting"];
    let payload = filing.payload.reveal();
    personal.iter().filter_map(|block| payload.get(*block)).for_each(|block| walk(call, block));
    let company = ["phone", "nib_number", "address"];
    let entity = payload.get("legal_entity");
    company.iter().filter_map(|name| entity?.get(*name)).for_each(|field| walk(call, field));
    let answers = ["bank_account_name", "bank_account_number"];
    answers.iter().filter_map(|name| filing.details.reveal().get(*name)).for_each(|field| walk(call, field));
    let numbers = filing.details.reveal().get("ktp_numbers").and_then(Value::as_str).unwrap_or_default();
    numbers.split([',', ' ']).for_each(|number| call.hide(number));
}
