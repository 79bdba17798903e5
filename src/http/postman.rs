//! A Postman collection (format 2.1) made from the OpenAPI document: one folder a tag, one request an operation.
//!
//! It adds nothing to the document; the address and the key are variables for the user to set.

use serde_json::{Value, json};

use super::openapi;

const FORMAT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/// The collection.
pub fn collection() -> anyhow::Result<Value> {
    let document = serde_json::to_value(openapi::document())?;
    let mut folders: Vec<(String, Vec<Value>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("API").to_owned();
            let request = request(&document, path, method, operation);
            match folders.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, requests)) => requests.push(request),
                None => folders.push((tag, vec![request])),
            }
        }
    }
    let item: Vec<Value> = folders.into_iter().map(|(name, item)| json!({ "name": name, "item": item })).collect();
    Ok(json!({
        "info": { "name": "Paystrator", "description": document["info"]["description"], "schema": FORMAT },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{apiKey}}", "type": "string" }] },
        "variable": [
            { "key": "baseUrl", "value": "http://127.0.0.1:8080" },
            { "key": "apiKey", "value": "" },
        ],
        "item": item,
    }))
}

fn request(document: &Value, path: &str, method: &str, operation: &Value) -> Value {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let of = |place: &str| -> Vec<Value> {
        let these = parameters.iter().filter(|parameter| parameter["in"] == place);
        these
            .map(|parameter| {
                // What may be left out is there to be switched on.
                let off = place != "path" && parameter["required"] != Value::Bool(true);
                let text = parameter["description"].as_str().unwrap_or_default();
                json!({ "key": parameter["name"], "value": "", "description": text, "disabled": off })
            })
            .collect()
    };
    // Postman writes `:id` for `{id}`.
    let parts: Vec<String> = path.trim_start_matches('/').split('/').map(variable).collect();
    let mut request = json!({
        "method": method.to_uppercase(),
        "header": of("header"),
        "url": {
            "raw": format!("{{{{baseUrl}}}}/{}", parts.join("/")),
            "host": ["{{baseUrl}}"],
            "path": parts,
            "query": of("query"),
            "variable": of("path"),
        },
        "description": operation["description"],
    });
    let schema = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
    if let Some(schema) = schema.and_then(|reference| document.pointer(reference.trim_start_matches('#'))) {
        let raw = serde_json::to_string_pretty(&schema["example"]).unwrap_or_default();
        request["body"] = json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } });
    }
    if operation.pointer("/requestBody/content/application~1pdf").is_some() {
        request["body"] = json!({ "mode": "file", "file": {} });
    }
    json!({ "name": operation["summary"], "request": request })
}

fn variable(part: &str) -> String {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => format!(":{name}"),
        None => part.to_owned(),
    }
}
