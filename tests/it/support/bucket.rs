//! A bucket that speaks as much S3 as documents need, in memory. It checks what the real ones check: who signs, that no
//! part but the last is under 5 MiB, and that an object is there only once all its parts were named.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;

const LEAST_PART: usize = 5 * 1024 * 1024;

#[derive(Default)]
struct Held {
    objects: BTreeMap<String, Vec<u8>>,
    /// Uploads that are not finished: their parts by number.
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    wrong: Vec<String>,
}

/// The running bucket.
#[derive(Clone, Default)]
pub struct Bucket {
    held: Arc<Mutex<Held>>,
    pub url: String,
}

impl Bucket {
    pub async fn start() -> Bucket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bucket = Bucket { url: format!("http://{}", listener.local_addr().unwrap()), ..Bucket::default() };
        let routes = Router::new()
            .route("/{bucket}", any(answer))
            .route("/{bucket}/{*key}", any(answer))
            .layer(DefaultBodyLimit::disable())
            .with_state(bucket.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        bucket
    }

    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.held.lock().unwrap().objects.clone()
    }

    /// How many uploads are neither finished nor taken back.
    pub fn unfinished(&self) -> usize {
        self.held.lock().unwrap().uploads.len()
    }

    /// What a real one would have refused.
    pub fn wrong(&self) -> Vec<String> {
        self.held.lock().unwrap().wrong.clone()
    }
}

async fn answer(
    State(bucket): State<Bucket>,
    method: Method,
    Path(path): Path<HashMap<String, String>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut held = bucket.held.lock().unwrap();
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !signed.starts_with("AWS4-HMAC-SHA256 Credential=the-key/") {
        held.wrong.push(format!("{method} is not signed: {signed}"));
    }
    let key = path.get("key").cloned().unwrap_or_default();
    let xml = |text: String| ([(header::CONTENT_TYPE, "application/xml")], text).into_response();
    match (method.as_str(), query.get("uploadId").cloned()) {
        ("POST", None) if query.contains_key("uploads") => {
            let id = format!("upload-{}", key.replace('/', "-"));
            held.uploads.insert(id.clone(), BTreeMap::new());
            xml(format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"))
        }
        ("PUT", Some(id)) => {
            let number = query["partNumber"].parse().unwrap();
            held.uploads.entry(id).or_default().insert(number, body.to_vec());
            [(header::ETAG, format!("\"{number}\""))].into_response()
        }
        ("POST", Some(id)) => {
            let parts = held.uploads.remove(&id).unwrap_or_default();
            let last = parts.len();
            if parts.values().take(last.saturating_sub(1)).any(|part| part.len() < LEAST_PART) {
                held.wrong.push("EntityTooSmall".into());
            }
            held.objects.insert(key, parts.into_values().collect::<Vec<_>>().concat());
            xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>".into())
        }
        ("DELETE", Some(id)) => {
            held.uploads.remove(&id);
            StatusCode::NO_CONTENT.into_response()
        }
        ("DELETE", None) => {
            held.objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        ("POST", None) if query.contains_key("delete") => {
            let text = String::from_utf8_lossy(&body).into_owned();
            for named in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                held.objects.remove(named);
            }
            xml("<DeleteResult></DeleteResult>".into())
        }
        ("GET", None) => match held.objects.get(&key) {
            Some(object) => {
                let said = [(header::ETAG, "\"whole\""), (header::LAST_MODIFIED, "Fri, 20 Nov 2026 00:00:00 GMT")];
                (said, object.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
        (other, _) => {
            held.wrong.push(format!("{other} {key} is not known"));
            StatusCode::NOT_IMPLEMENTED.into_response()
        }
    }
}
