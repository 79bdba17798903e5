//! Kills the service between the steps of an upload, of the removal of what is left of one, and of an erasure: what was
//! acknowledged is there, nothing is there twice, and nothing stays of what was cut off.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use paystrator::crash::OF_DOCUMENTS;
use paystrator::domain::ids;
use paystrator::flows::documents::sweep;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::io::AsyncWriteExt;

use crate::support::files::{objects, pdf};
use crate::support::http::Caller;
use crate::support::kyb::{example, put};
use crate::support::rig::{Member, Process, Rig};

async fn count(rig: &Rig, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {what}"))).fetch_one(&rig.sql).await.unwrap()
}

/// Waits until the rows, keys and files of documents are so many.
async fn until(rig: &Rig, rows: i64, files: usize, what: &str) {
    let now = async || {
        let keys = count(rig, "data_key WHERE purpose = 'document'").await;
        (count(rig, "document").await, keys, objects(&rig.documents).len())
    };
    let waiting = async {
        while now().await != (rows, rows, files) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let there = tokio::time::timeout(Duration::from_secs(40), waiting).await;
    assert!(there.is_ok(), "{what}: {:?} rows, keys and files, not {rows} and {files}", now().await);
}

/// Uploads; `None` where nobody answered.
async fn upload(process: &Process, member: &Member, content: Vec<u8>) -> Option<(u16, Value)> {
    let request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/v1/kyb/documents?name=nib.pdf", process.url))
        .header("Authorization", format!("Bearer {}", member.key))
        .body(content);
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, serde_json::from_slice(&response.bytes().await.ok()?).ok()?))
}

/// What is read of a document by a link.
async fn content(process: &Process, member: &Member, id: &str) -> (u16, Option<Vec<u8>>) {
    let caller = Caller::new(&process.url, &member.key);
    let link = caller.post(&format!("/v1/kyb/documents/{id}/link"), json!({})).await;
    assert_eq!(link.status, 201, "{}", link.body);
    let (status, _, body) = caller.fetch("GET", link.body["data"]["url"].as_str().unwrap()).await;
    (status, body)
}

/// The upload again at a second process, and what is there in the end: one document, whole.
async fn comes_true(rig: &Rig, member: &Member, file: &[u8], status: u16, what: &str) {
    let mut process = rig.start(None).await;
    let (answered, body) = upload(&process, member, file.to_vec()).await.expect("the second process answers");
    assert_eq!(answered, status, "{what}: {body}");
    let id = body["data"]["id"].as_str().unwrap();
    until(rig, 1, 1, what).await;
    assert!(content(&process, member, id).await == (200, Some(file.to_vec())), "{what}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_the_steps_of_an_upload() {
    for point in OF_DOCUMENTS.into_iter().filter(|point| point.starts_with("upload.")) {
        let rig = Rig::new(json!({})).await;
        let member = rig.member("Dummy Company", &[]).await;
        let file = pdf(1, 600_000);
        let mut process = rig.start(Some(point)).await;
        assert_eq!(upload(&process, &member, file.clone()).await, None, "{point}: nothing was acknowledged");
        assert!(process.killed(Duration::from_secs(20)).await, "{point}: {}", process.tail());
        let status = if point == "upload.committed" { 200 } else { 201 };
        comes_true(&rig, &member, &file, status, point).await;
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_content_comes() {
    let rig = Rig::new(json!({})).await;
    let member = rig.member("Dummy Company", &[]).await;
    let file = pdf(1, 3_000_000);
    let mut process = rig.start(None).await;
    let mut line = tokio::net::TcpStream::connect(process.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /v1/kyb/documents?name=nib.pdf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 3000000\r\n\r\n",
        member.key
    );
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(&file[..2_000_000]).await.unwrap();
    until(&rig, 1, 1, "half a content").await;
    process.kill().await;
    assert!(objects(&rig.documents)[0].to_string_lossy().ends_with("#1"), "half a file bears no document's name");
    comes_true(&rig, &member, &file, 201, "half a content").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_what_is_left_is_removed() {
    let rig = Rig::new(json!({})).await;
    let member = rig.member("Dummy Company", &[]).await;
    let mut process = rig.start(None).await;
    let (status, _) = upload(&process, &member, pdf(1, 5_000)).await.unwrap();
    assert_eq!(status, 201);
    process.stop().await;
    let cut = "UPDATE document SET state = 'uploading', about = NULL, fingerprint = NULL, size_bytes = NULL,
        created_at = created_at - interval '1 day'";
    sqlx::query(cut).execute(&rig.sql).await.unwrap();
    let mut process = rig.start(Some("sweep.removed")).await;
    assert!(process.killed(Duration::from_secs(20)).await, "{}", process.tail());
    assert_eq!((count(&rig, "document WHERE state = 'removing'").await, objects(&rig.documents).len()), (1, 0));
    let mut process = rig.start(None).await;
    until(&rig, 0, 0, "what was left").await;
    process.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_an_erasure() {
    let rig = Rig::new(json!({})).await;
    let member = rig.member("Dummy Company", &[]).await;
    let mut process = rig.start(None).await;
    let (_, body) = upload(&process, &member, pdf(1, 5_000)).await.unwrap();
    let id = body["data"]["id"].as_str().unwrap().to_owned();
    let caller = Caller::new(&process.url, &member.key);
    let mut director = example()["stakeholder"][0].clone();
    director["ktp_document"] = json!(id);
    director.as_object_mut().unwrap().remove("selfie_with_ktp");
    let saved = put(&caller, &json!({ "stakeholder": [director] }), None).await;
    let person = saved.body["data"]["file"]["stakeholder"][0]["person_id"].as_str().unwrap().to_owned();
    let link = caller.post(&format!("/v1/kyb/documents/{id}/link"), json!({})).await;
    let link = link.body["data"]["url"].as_str().unwrap().to_owned();
    let client = ids::show(ids::CLIENT, member.client_id);
    let words = ["privacy", "erase", &client, &person, "--yes"];
    let erased = rig.command(&words, Some("erase.committed")).output().await.unwrap();
    assert_eq!(erased.status.signal(), Some(libc::SIGKILL), "{}", String::from_utf8_lossy(&erased.stderr));
    assert_eq!(caller.fetch("GET", &link).await.0, 404, "it is erased already");
    // The running process, or this one, removes the object that was left.
    sweep(&rig.app).await.unwrap();
    until(&rig, 1, 0, "an erasure").await;
    assert_eq!(count(&rig, "document WHERE state = 'erased'").await, 1);
    process.stop().await;
    rig.stop().await;
}
