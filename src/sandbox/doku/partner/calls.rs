//! The six calls of the Partner API (contracts/doku.md 3.1), and what the faults do to them on their way in and out.
//!
//! Everything of one call but the fetching of a file happens under one lock of the books; the journal is written before
//! the answer goes out.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::access::{self, Refused};
use super::books::{Answered, Books, Entry, Filed, Held};
use super::check::Check;
use super::review::{Maker, Verdict, decide};
use super::{PartnerApi, form, tables};
use crate::crypto::sha256;
use crate::outbound::{Outcome, Request};
use crate::sandbox::chassis::faults::{Effects, Matched};
use crate::sandbox::chassis::provider::{Incoming, documented};
use crate::sandbox::chassis::server::Cut;
use crate::sandbox::chassis::tokens::Issued;

const PREFIX: &str = "/adv-core-api/partner/v1.0";

/// Largest file, as the requirements say it: 15 MB.
pub const MAX_MB: usize = 15;

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Requirements,
    Token,
    Upload,
    Registration,
    Lite,
    Business,
}

impl Operation {
    fn find(method: &Method, path: &str) -> Option<Operation> {
        match (method.as_str(), path.strip_prefix(PREFIX)?) {
            ("GET", "/file") => Some(Operation::Requirements),
            ("POST", "/file") => Some(Operation::Upload),
            ("POST", "/token") => Some(Operation::Token),
            ("POST", "/business") => Some(Operation::Registration),
            ("POST", "/business/lite/registration") => Some(Operation::Lite),
            ("GET", path) if path.starts_with("/business/") => Some(Operation::Business),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Operation::Requirements => "requirements",
            Operation::Token => "token",
            Operation::Upload => "upload",
            Operation::Registration => "registration",
            Operation::Lite => "lite",
            Operation::Business => "business",
        }
    }
}

/// Everything wrong, in DOKU's form (contracts/doku.md 6, O16).
fn message(words: &[String]) -> Value {
    json!({ "message": words })
}

pub(super) async fn answer(
    State(api): State<PartnerApi>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(operation) = Operation::find(&method, uri.path()) else {
        return (StatusCode::NOT_FOUND, axum::Json(message(&["No static resource".into()]))).into_response();
    };
    let request = Incoming { method, uri, headers, body };
    let matched = Matched { operation: operation.name(), account: None, reference: None, sends: false };
    let effects = api.faults().take(&matched, api.now());
    // A real server goes on when the caller hangs up.
    let late = api.tasks().spawn({
        let (api, cut) = (api.clone(), cut.clone());
        async move { api.perform(operation, request, effects, cut).await }
    });
    late.await.unwrap_or_else(|_| cut.now())
}

impl PartnerApi {
    async fn perform(self, operation: Operation, request: Incoming, mut effects: Effects, cut: Cut) -> Response {
        if !self.waited(std::mem::take(&mut effects.before)).await || effects.drop_request {
            return cut.now();
        }
        if let Some(status) = effects.error_before {
            return self.written(&request, status, &message(&["Internal Server Error".into()]));
        }
        let (status, body) = match (effects.refuse, operation) {
            (Some(words), _) => (400, message(&[words])),
            (None, Operation::Upload) => self.upload(&request).await.unwrap_or_else(refusal),
            (None, _) => self.signed(operation, &request).unwrap_or_else(refusal),
        };
        if self.settle().is_err() {
            return cut.now();
        }
        if !self.waited(std::mem::take(&mut effects.after)).await || effects.drop_response {
            return cut.now();
        }
        if let Some(status) = effects.error_after {
            return self.written(&request, status, &message(&["Internal Server Error".into()]));
        }
        match effects.garbage {
            Some(garbage) => ([(header::CONTENT_TYPE, "application/json")], garbage).into_response(),
            None => self.written(&request, status, &body),
        }
    }

    fn written(&self, request: &Incoming, status: u16, body: &Value) -> Response {
        let bytes = body.to_string().into_bytes();
        let signed = self.lock().settings.sign_answers;
        let headers = access::answer_headers(self.account(), request, &bytes, self.now()).filter(|_| signed);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response();
        for (name, value) in headers.into_iter().flatten() {
            if let Ok(value) = value.parse() {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }

    fn signed(&self, operation: Operation, request: &Incoming) -> Result<(u16, Value), Refused> {
        let now = self.now();
        let mut books = self.lock();
        let request_id = access::let_in(self.account(), &books.settings, request, now)?;
        if operation == Operation::Requirements {
            return requirements(request).map(|tree| (200, tree));
        }
        if operation == Operation::Business {
            return self.business(&mut books, request, now).map(|model| (200, model));
        }
        // The same Request-Id: the first answer again, with 409 (contracts/doku.md 5).
        let digest = hex::encode(sha256(&[request.uri.path().as_bytes(), b"\n", &request.body]));
        if let Some(first) = books.answers.get(&request_id) {
            return match first.digest == digest {
                true => Ok((409, first.body.clone())),
                false => Err((409, "Request-Id was used with different request data".into())),
            };
        }
        let body: Value =
            serde_json::from_slice(&request.body).map_err(|_| (400, "Malformed JSON request".to_owned()))?;
        let said = match operation {
            Operation::Token => self.token(&mut books, &body, now)?,
            Operation::Lite => self.lite(&mut books, &body, now)?,
            _ => self.register(&mut books, &body, now)?,
        };
        self.commit(&mut books, Entry::Answered(Answered { request_id, digest, body: said.clone() }));
        Ok((200, said))
    }

    fn token(&self, books: &mut Books, body: &Value, now: DateTime<Utc>) -> Result<Value, Refused> {
        if body.get("grant_type").and_then(Value::as_str) != Some("client_credentials") {
            return Err((400, "grant_type must be client_credentials".into()));
        }
        let minutes = match body.get("valid_time") {
            None | Some(Value::Null) => Some(i64::from(books.settings.token_minutes)),
            Some(Value::String(text)) => text.parse().ok().filter(|minutes| (1..=1_440).contains(minutes)),
            Some(_) => None,
        };
        let minutes = minutes.ok_or((400, "valid_time must be minutes".to_owned()))?;
        let until = now + TimeDelta::minutes(minutes);
        let user = json!({ "businessServiceClientId": self.account().client_id });
        let nonce = hex::encode(crate::crypto::random_bytes::<8>());
        let claims = json!({
            "sub": "payload", "exp": until.timestamp(), "user": user, "iat": now.timestamp(), "jti": nonce,
        });
        let token = super::super::signing::jwt(self.key(), &claims).map_err(|_| (500, "no token".to_owned()))?;
        self.commit(books, Entry::Token(Issued { token: token.as_str().into(), at: now, until }));
        Ok(json!({ "token": token }))
    }

    fn register(&self, books: &mut Books, body: &Value, now: DateTime<Utc>) -> Result<Value, Refused> {
        let Some(business) = body.get("business").filter(|business| business.is_object()) else {
            return Err((400, "business must not be empty".into()));
        };
        let mut check = Check::new(&books.files);
        check.registration(business);
        if !check.wrong.is_empty() {
            return Err((400, check.wrong.join("\n")));
        }
        let partner = self.account().client_id.as_str();
        let model = Maker { ids: books.ids(now), files: &books.files, partner, now }.business(business);
        let callback_url = business.get("callback_url").and_then(Value::as_str).map(str::to_owned);
        Ok(self.keep(books, model, None, callback_url, now))
    }

    fn lite(&self, books: &mut Books, body: &Value, now: DateTime<Utc>) -> Result<Value, Refused> {
        let mut check = Check::new(&books.files);
        check.lite(body);
        if !check.wrong.is_empty() {
            return Err((400, check.wrong.join("\n")));
        }
        let reference = body["business"]["partner_ref_id"].as_str().map(str::to_owned);
        let partner = self.account().client_id.as_str();
        let model = Maker { ids: books.ids(now), files: &books.files, partner, now }.lite(body);
        Ok(self.keep(books, model, reference, None, now))
    }

    /// Keeps a new business, and answers its registration (contracts/doku.md 6, O2).
    fn keep(
        &self,
        books: &mut Books,
        model: Value,
        partner_ref_id: Option<String>,
        callback_url: Option<String>,
        made: DateTime<Utc>,
    ) -> Value {
        let text = |path: &str| model.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, brand_id) = (text("/id"), text("/brands/0/id"));
        let mut business = json!({ "id": id, "status": "UPDATING" });
        if let Some(reference) = &partner_ref_id {
            business["partner_ref_id"] = reference.as_str().into();
        }
        let brand = json!({ "id": brand_id, "shared_key": text("/brands/0/shared_key") });
        let held = Held { id, brand_id, partner_ref_id, callback_url, made, by_hand: false, model };
        self.commit(books, Entry::Business(Box::new(held)));
        json!({ "business": business, "brands": [brand] })
    }

    /// Get business data (seed 002): by the client id under the partner, which is the brand's, or the business's own.
    fn business(&self, books: &mut Books, request: &Incoming, now: DateTime<Utc>) -> Result<Value, Refused> {
        parameters(request)?;
        let id = request.parts().last().copied().unwrap_or_default();
        let held = books.business(id).ok_or((404, "Business not found".to_owned()))?.clone();
        let approved_at = books.settings.approve_after_ms.map(|ms| held.made + documented(ms, self.speed()));
        if held.by_hand || approved_at.is_none_or(|at| at > now) {
            return Ok(held.model);
        }
        let mut held = Held { by_hand: true, ..held };
        decide(&mut held.model, "all", Verdict::Approve);
        let model = held.model.clone();
        self.commit(books, Entry::Business(Box::new(held)));
        Ok(model)
    }

    /// Upload file: a token instead of a signature, a form instead of JSON.
    async fn upload(&self, request: &Incoming) -> Result<(u16, Value), Refused> {
        let now = self.now();
        let token = access::bearer(&request.headers).unwrap_or_default();
        let strict = self.lock().settings.strict_token;
        let is_good = {
            let tokens = &self.lock().tokens;
            tokens.is_good(token, now) && (!strict || tokens.is_last(token))
        };
        if !is_good {
            return Err((401, "Unauthorized".into()));
        }
        let parts = form::read(request.header("content-type").unwrap_or_default(), &request.body);
        let parts = parts.ok_or((400, "the body must be multipart/form-data".to_owned()))?;
        let part = |name: &str| parts.iter().find(|part| part.name == name).map(|part| part.content);
        let text = |name: &str| part(name).map(|content| String::from_utf8_lossy(content).into_owned());
        let category = text("category").filter(|category| tables::knows(tables::FILE_CATEGORIES, category));
        let category = category.ok_or((400, "category is not allowed".to_owned()))?;
        let code = match (category == "DOCUMENT", text("code")) {
            (true, Some(code)) if tables::knows(tables::DOCUMENTS, &code) || code.starts_with("LICENSE_") => Some(code),
            (true, _) => return Err((400, "code is not allowed".into())),
            (false, Some(_)) => return Err((400, "code is only for DOCUMENT".into())),
            (false, None) => None,
        };
        let (content, file_url) = match (part("file"), text("file_url")) {
            (Some(content), None) => (content.to_vec(), None),
            (None, Some(url)) => (self.fetch(&url).await?, Some(url)),
            _ => return Err((400, "exactly one of file, file_url must be given".into())),
        };
        let kind = kind(&content, category == "DOCUMENT").ok_or((400, "file extension is not allowed".to_owned()))?;
        if content.len() > MAX_MB << 20 {
            return Err((400, format!("file must be at most {MAX_MB} MB")));
        }
        let mut books = self.lock();
        let id = books.ids(now).next(tables::words(tables::FILE_CATEGORIES, &category));
        let link = format!("https://cdn.doku.example/upload/{id}?Expires={}", now.timestamp() + 3600);
        let (size, sha256) = (content.len(), hex::encode(sha256(&[&content])));
        let said = json!({ "id": id, "link": link, "category": category });
        self.commit(
            &mut books,
            Entry::Filed(Filed { id, category, code, kind: kind.into(), size, sha256, file_url, at: now }),
        );
        Ok((200, said))
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, Refused> {
        let unreachable = || (400, "file_url cannot be fetched".to_owned());
        let timeout = Duration::from_millis(self.lock().settings.fetch_timeout_ms);
        let request =
            Request { method: Method::GET, url: url.to_owned(), headers: Vec::new(), body: Vec::new(), timeout };
        match self.fetcher().ok_or_else(unreachable)?.provider(request).await {
            Outcome::Answered(answer) if answer.status == 200 => Ok(answer.body),
            _ => Err(unreachable()),
        }
    }
}

fn refusal((status, words): Refused) -> (u16, Value) {
    let words: Vec<String> = words.lines().map(str::to_owned).collect();
    (status, message(&words))
}

/// PNG, JPG or PDF by the first bytes; a PDF only where documents may be one.
fn kind(content: &[u8], is_document: bool) -> Option<&'static str> {
    match content {
        [0x89, b'P', b'N', b'G', ..] => Some("PNG"),
        [0xff, 0xd8, 0xff, ..] => Some("JPG"),
        [b'%', b'P', b'D', b'F', b'-', ..] if is_document => Some("PDF"),
        _ => None,
    }
}

/// The four mandatory query parameters, with allowed values (seed 002): legal entity and business line.
fn parameters(request: &Incoming) -> Result<(String, String), Refused> {
    let query = request.uri.query().unwrap_or_default();
    let given: Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut wrong = Vec::new();
    let mut needed = |name: &str, known: &dyn Fn(&str) -> bool| {
        let value = given.get(name).and_then(Value::as_str).unwrap_or_default();
        match value {
            "" => wrong.push(format!("{name} must not be empty")),
            value if !known(value) => wrong.push(format!("{name} is not allowed")),
            _ => {}
        }
        value.to_owned()
    };
    let kind = needed("businessType", &|kind| tables::of_type(kind).is_some());
    let (entities, lines) = tables::of_type(&kind).unwrap_or((tables::CORPORATE_ENTITIES, tables::CORPORATE_LINES));
    let entity = needed("businessLegalEntity", &|entity| tables::knows(entities, entity));
    let line = needed("brandBusinessLine", &|line| tables::knows(lines, line));
    needed("businessContactNationality", &|nationality| tables::knows(tables::COUNTRIES, nationality));
    if wrong.is_empty() { Ok((entity, line)) } else { Err((400, wrong.join("\n"))) }
}

/// Check requirements. Of the tree only the brand's photo proof is printed; the rest has its form (ours).
fn requirements(request: &Incoming) -> Result<Value, Refused> {
    let (entity, line) = parameters(request)?;
    let file = |code: &str, name: &str, is_document: bool| {
        let images: &[&str] = &["PNG", "JPG", "JPEG"];
        let extensions: Vec<&str> = images.iter().copied().chain(is_document.then_some("PDF")).collect();
        json!({ "code": code, "name": name, "extensions": extensions, "max_size": MAX_MB })
    };
    let documents = |codes: &[&str]| -> Vec<Value> {
        let one = |code: &&str| {
            let mut file = file(code, tables::words(tables::DOCUMENTS, code), true);
            let forms = tables::FORMS.iter().filter(|(of, ..)| of == code);
            file["forms"] = forms.map(|(_, code, name, _)| json!({ "code": code, "name": name })).collect();
            file
        };
        codes.iter().map(one).collect()
    };
    let (of_business, of_brand) = tables::needed_documents(&entity, &line);
    Ok(json!({ "business": {
        "brand": { "photo_proof": file("PHOTO_PROOF", "Brand Photo Proof", false), "documents": documents(&of_brand) },
        "contact": {
            "owner_liveness": file("OWNER_LIVENESS", "Owner Liveness", false), "documents": documents(&["KTP"]),
        },
        "documents": documents(&of_business),
    } }))
}
