//! DOKU's Partner API: the adapter's signatures, table and folding, the simulator by a client of the test's own, and the
//! two together, step by step and through every kind of crash.
//!
//! Facts are read from contracts/doku.md and seed 002, not from the code.

mod calls;
mod fold;
mod golden;
mod mapping;
pub mod model;
mod service;
mod steps;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use chrono::{DateTime, Utc};
use paystrator::clock::Clock;
use paystrator::config::Config;
use paystrator::crypto::random_bytes;
use paystrator::crypto::secret::SecretString;
use paystrator::domain::kyb::Sheet;
use paystrator::domain::onboarding::Status;
use paystrator::domain::service::Mode;
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::providers::doku::partner::Partner;
use paystrator::providers::onboarding::{Filing, Onboarding, Report, Step};
use paystrator::providers::{Account, Call};
use paystrator::sandbox::{Sandbox, SandboxConfig, start};
use serde_json::{Value, json};

use crate::support::{golden as support, kyb, pg};

/// A small PNG, and a PDF.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n rest of a picture";
const PDF: &[u8] = b"%PDF-1.7 rest of a document %%EOF";

/// Names of served documents, in the order they were read.
type Reads = Arc<Mutex<Vec<String>>>;

/// The simulator with a server of documents beside it, and the adapter configured for it.
pub struct Stage {
    pub sandbox: Sandbox,
    pub clock: Clock,
    pub partner: Partner,
    door: Outbound,
    files: String,
    pub reads: Reads,
}

/// The block `[onboarding.doku]` as it is by default, with some settings changed.
pub fn block(changes: Value) -> Value {
    let mut block = Config::defaults().onboarding["doku"].clone();
    // What chose this way is not its own.
    block.as_object_mut().unwrap().remove("way");
    block.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    block
}

pub fn partner(changes: Value) -> Partner {
    Partner::new(serde_json::from_value(block(changes)).unwrap()).unwrap()
}

/// A call as an installation makes one: the client's account at DOKU does not exist yet.
pub fn call(door: &Outbound, clock: &Clock, mode: Mode) -> Call {
    let credentials = SecretString::from("{}".to_owned());
    let account = Account { identity: String::new(), mode, credentials, settings: json!({}) };
    Call::new(door.clone(), clock.clone(), "doku", account)
}

pub fn noon() -> DateTime<Utc> {
    "2026-01-15T05:00:00Z".parse().unwrap()
}

impl Stage {
    pub async fn set() -> Stage {
        Stage::with(json!({})).await
    }

    pub async fn with(changes: Value) -> Stage {
        let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
        let (door, clock) = (Outbound::new(limits).unwrap(), Clock::manual(noon()));
        let dir = pg::folder(&format!("doku-partner-{}", hex::encode(random_bytes::<8>())));
        let config = SandboxConfig { clock: clock.clone(), ..SandboxConfig::new(&dir) };
        let sandbox = start(config, door.clone()).await.unwrap();
        let keys = sandbox.doku_partner.credentials();
        let mut all = json!({
            "test_base_url": sandbox.partner_url(), "test_client_id": keys["client_id"],
            "test_secret_key": keys["secret_key"],
        });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let reads = Reads::default();
        let app = Router::new().route("/files/{name}", get(serve)).with_state(reads.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let files = format!("http://{}/files", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Stage { sandbox, clock, partner: partner(all), door, files, reads }
    }

    pub fn call(&self) -> Call {
        call(&self.door, &self.clock, Mode::Test)
    }

    /// The example of seed 000 on its way to DOKU.
    pub fn filing(&self) -> Filing {
        filing(&self.files)
    }

    pub async fn step(&self, filing: &Filing, progress: &Sheet) -> Step {
        self.partner.step(&self.call(), filing, progress).await
    }

    /// Steps until the provider is heard, each answer of use remembered.
    pub async fn drive(&self, filing: &Filing, mut progress: Sheet) -> Report {
        for _ in 0..60 {
            match self.step(filing, &progress).await {
                Step::More(next) => progress = next,
                Step::Told(report) => return report,
                Step::Again(trouble) => panic!("in the way: {trouble}"),
            }
        }
        panic!("it never ends");
    }

    pub async fn ask(&self, filing: &Filing, progress: &Sheet) -> Report {
        match self.partner.ask(&self.call(), filing, progress).expect("DOKU is asked").await {
            Step::Told(report) => report,
            other => panic!("{other:?}"),
        }
    }

    /// The model of the newest business.
    pub fn business(&self) -> Value {
        self.sandbox.doku_partner.businesses().last().expect("a business was made").model.clone()
    }

    pub fn review(&self, what: &str, verdict: &str) {
        let decision = json!({ "what": what, "verdict": verdict });
        self.sandbox.doku_partner.review(&serde_json::from_value(decision).unwrap()).unwrap();
    }
}

async fn serve(State(reads): State<Reads>, Path(name): Path<String>) -> (StatusCode, Vec<u8>) {
    reads.lock().unwrap().push(name.clone());
    match name.rsplit('.').next() {
        Some("png") => (StatusCode::OK, PNG.to_vec()),
        Some("pdf") => (StatusCode::OK, PDF.to_vec()),
        Some("txt") => (StatusCode::OK, b"neither".to_vec()),
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

/// The example of seed 000 as it is pushed: links in the place of documents.
pub fn payload(files: &str) -> Value {
    let mut body = kyb::example();
    for block in ["documents", "supporting"] {
        for (name, value) in body[block].as_object_mut().unwrap().iter_mut() {
            if value.as_str().is_some_and(|text| text.starts_with("doc_")) {
                *value = format!("{files}/{name}.pdf").into();
            }
        }
    }
    let supporting = &mut body["supporting"];
    supporting["business_location_photo"] = json!([format!("{files}/front.png"), format!("{files}/inside.png")]);
    supporting["bank_account_proof"] = format!("{files}/bank.png").into();
    let names = ["sertifikasi iso 27000", "Best consumer awards 2049"];
    let additional =
        names.map(|name| json!({ "filename": "1", "name": name, "file_url": format!("{files}/more.pdf") }));
    body["documents"]["additional_documents"] = json!(additional);
    body["stakeholder"][0]["ktp_document"] = format!("{files}/ktp.png").into();
    body["stakeholder"][0]["selfie_with_ktp"] = format!("{files}/selfie.png").into();
    body["reference_id"] = REFERENCE.into();
    body
}

pub const REFERENCE: &str = "paystrator-kyb-0190163d8694739ba9d1e1f2b5c4a3d2";

/// Answers to what DOKU asks beyond the file.
pub fn answers() -> Value {
    json!({
        "business_description": "We sell what grows on our fields.", "mobile_app_readiness": "UNDER_DEVELOPMENT",
        "bank_id": "4", "bank_account_name": "PT SANDBOX COMPANY", "bank_account_number": "1234505867",
        "ktp_numbers": "3171012310880001", "transaction_frequency": "UMI", "transaction_quantity": "UP_TO_100",
        "instagram": "https://www.instagram.com/sanbox",
    })
}

pub fn sheet(value: Value) -> Sheet {
    let Value::Object(all) = value else { panic!("a sheet is an object") };
    Sheet::new(all)
}

pub fn filing(files: &str) -> Filing {
    let (payload, details) = (sheet(payload(files)), sheet(answers()));
    Filing { reference_id: REFERENCE.into(), version: 1, payload, revises: false, changed: Vec::new(), details }
}

/// A filing with a field of its payload or of its answers (`?name`) changed.
pub fn changed(filing: &Filing, changes: &[(&str, Option<Value>)]) -> Filing {
    let mut payload = Value::Object(filing.payload.reveal().clone());
    let mut details = Value::Object(filing.details.reveal().clone());
    for (path, value) in changes {
        match path.strip_prefix('?') {
            Some(name) => kyb::set(&mut details, name, value.clone()),
            None => kyb::set(&mut payload, path, value.clone()),
        }
    }
    Filing { payload: sheet(payload), details: sheet(details), ..filing.clone() }
}

pub fn said(report: &Report) -> (Status, &str) {
    (report.status, report.remarks.as_ref().map_or("", |remarks| remarks.reveal()))
}

/// Ids by the place of their document.
pub fn ids(places: &[&str]) -> BTreeMap<String, String> {
    places.iter().enumerate().map(|(n, place)| ((*place).to_owned(), format!("ID-{n}"))).collect()
}
