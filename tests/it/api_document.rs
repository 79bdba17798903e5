//! The OpenAPI document: it lists what the router routes, its examples satisfy its schemas, and the file is the code's.

use std::collections::BTreeSet;

use paystrator::http::openapi::document;
use serde_json::Value;

/// `METHOD path` of every route that src/http/mod.rs names, read as text.
pub fn routes() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/mod.rs")).unwrap();
    let mut routes = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")) {
        let (path, handlers) = line.split_once('"').expect("a path in quotes");
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

fn documented() -> BTreeSet<String> {
    let document = serde_json::to_value(document()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[test]
fn it_lists_every_route() {
    let mut routes = routes();
    // What follows a codename is the adapter's own, so OpenAPI has no word for it.
    assert!(routes.remove("POST /v1/callback/{direction}/{kind}/{codename}/{*rest}"));
    assert!(routes.len() > 25, "{routes:?}");
    assert_eq!(routes, documented());
}

#[test]
fn the_file_is_what_the_code_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let stored = std::fs::read_to_string(file).expect("docs/openapi.json");
    let now = document().to_pretty_json().unwrap() + "\n";
    assert!(stored == now, "docs/openapi.json is old: cargo run -- openapi > docs/openapi.json");
}

#[test]
fn the_postman_collection_is_the_documents() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/postman_collection.json");
    let stored = std::fs::read_to_string(file).expect("docs/postman_collection.json");
    let collection = paystrator::http::postman::collection().unwrap();
    let now = serde_json::to_string_pretty(&collection).unwrap() + "\n";
    let how = "cargo run -- openapi --postman > docs/postman_collection.json";
    assert!(stored == now, "docs/postman_collection.json is old: {how}");
    let folders = collection["item"].as_array().unwrap();
    let requests: usize = folders.iter().map(|folder| folder["item"].as_array().unwrap().len()).sum();
    assert_eq!(requests, documented().len());
}

#[test]
fn every_request_body_has_an_example_that_satisfies_its_schema() {
    let document = serde_json::to_value(document()).unwrap();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let Some(reference) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else {
                // A file is no JSON: its kinds are named, and it has no schema.
                let is_file = operation.pointer("/requestBody/content/application~1pdf").is_some();
                assert!(operation.get("requestBody").is_none() || is_file, "{path} has a body without a schema");
                continue;
            };
            let schema = document.pointer(reference.as_str().unwrap().trim_start_matches('#')).unwrap();
            let example = schema.get("example").unwrap_or_else(|| panic!("the body of {path} has no example"));
            let errors: Vec<String> =
                jsonschema::validator_for(schema).unwrap().iter_errors(example).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "the example of {path}: {errors:?}");
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{path} takes unknown fields");
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn operations_are_described_and_named_once() {
    let document = serde_json::to_value(document()).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} of {path} is the name of another operation");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path} has no summary");
        }
    }
}
