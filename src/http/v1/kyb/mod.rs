//! `/v1/kyb`: a client's KYB file (seed 000, contracts/paystrator.md 2.10), in snake_case as the seed prints it. It
//! belongs to the client: test and live keys read and write the same.

mod completeness;
mod documents;
mod read;
mod save;
mod schema;

pub use completeness::*;
pub use documents::*;
pub use read::*;
pub use save::*;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::kyb::{Fault, completeness as judged, file, product};
use crate::flows::kyb::{Refused, Version};
use crate::http::error::{ApiError, FieldError};
use crate::http::etag::{changed_meanwhile, etag};
use crate::http::extract::Shape;
use crate::http::reply::{Reply, time};

/// A KYB file. Its schema is made from the table of its fields.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct KybFile(Map<String, Value>);

impl Shape for KybFile {}

/// A version of the file.
#[derive(Serialize, ToSchema)]
pub struct KybVersion {
    /// Rises with every change; it stands in `ETag` and is what `If-Match` must name.
    #[schema(example = 3)]
    pub version: i32,
    pub saved_at: String,
    pub saved_by: String,
    /// The blocks that this version changed.
    #[schema(example = json!(["legal_entity", "stakeholder"]))]
    pub changed: Vec<String>,
    /// The services that the labels of `product_selection` stand for, as far as they are known.
    #[schema(value_type = Vec<String>, example = json!(["qrcode", "virtual_account"]))]
    pub services: Vec<&'static str>,
    /// What is taken and yet worth a look, such as an industry that is not in the published list.
    pub notes: Vec<FieldError>,
    pub file: KybFile,
}

impl KybVersion {
    fn of(version: &Version) -> Self {
        let Version { version, saved_at, ref saved_by, ref changed, ref file } = *version;
        let selection = file.company.reveal().get("product_selection").and_then(Value::as_str);
        KybVersion {
            version,
            saved_at: time(saved_at),
            saved_by: saved_by.clone(),
            changed: blocks(changed),
            services: selection.map(product::services).unwrap_or_default(),
            notes: field_errors(judged::notes(file)),
            file: KybFile(file.reveal()),
        }
    }
}

/// The top-level blocks of changed fields, each once.
fn blocks(changed: &[String]) -> Vec<String> {
    let mut blocks: Vec<String> = changed.iter().map(|name| file::block(name).to_owned()).collect();
    blocks.sort();
    blocks.dedup();
    blocks
}

/// What is changed, for people.
const WHAT: &str = "KYB file";

/// A version with its number in `ETag`. It holds data of people: nobody on the way keeps it.
fn shown(reply: fn(KybVersion) -> Reply<KybVersion>, version: &Version) -> Reply<KybVersion> {
    reply(KybVersion::of(version)).header("etag", &etag(version.version)).header("cache-control", "no-store")
}

fn field_errors(faults: Vec<Fault>) -> Vec<FieldError> {
    faults.into_iter().map(|Fault { field, message }| FieldError { field, message }).collect()
}

fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::Faults(faults) => ApiError::fields(field_errors(faults)),
        Refused::ChangedMeanwhile => changed_meanwhile(WHAT),
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
    }
}
