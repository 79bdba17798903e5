//! Documents by API: what goes in comes out, whatever is unfit is refused and leaves nothing, links end when they must,
//! who reads is written down, and what is erased is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use paystrator::config::{self, Config};
use paystrator::documents::Documents;
use paystrator::domain::access::{Product, Right, Rights};
use paystrator::domain::ids;
use paystrator::flows::documents::{granted_before, sweep};
use paystrator::flows::kyb::{self as kyb_flow, Erasure};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::support::bucket::Bucket;
use crate::support::files::{jpeg, pdf, png, uploaded};
use crate::support::http::Reply;
use crate::support::kyb::{example, put, set};
use crate::support::{Options, World, run, run_with};

const LIMIT: usize = 10 * 1024 * 1024;

async fn count(world: &World, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {what}"))).fetch_one(&world.sql).await.unwrap()
}

/// Nothing of any document is kept.
async fn nothing_stays(world: &World, after: &str) {
    assert_eq!(count(world, "document").await, 0, "rows after {after}");
    assert_eq!(count(world, "data_key WHERE purpose = 'document'").await, 0, "keys after {after}");
    assert_eq!(world.objects(), Vec::<std::path::PathBuf>::new(), "files after {after}");
}

fn id_of(reply: &Reply) -> String {
    reply.body["data"]["id"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned()
}

async fn link(world: &World, id: &str) -> String {
    let reply = world.caller.post(&format!("/v1/kyb/documents/{id}/link"), json!({})).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("no-store")), "{}", reply.body);
    reply.body["data"]["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    run(async |world| {
        // Around the ends of segments (64 KiB), of the parts that are written (256 KiB), and the largest.
        let sizes = [20, 65_535, 65_536, 65_537, 131_072, 262_143, 262_144, 300_000, LIMIT];
        let mut files: Vec<(String, &str, Vec<u8>)> = sizes
            .into_iter()
            .map(|size| (format!("berkas {size}.pdf"), "application/pdf", pdf(size as u64, size)))
            .collect();
        files.push(("KTP Siti.jpg".into(), "image/jpeg", jpeg(4_000, 3_000, 120_000)));
        files.push(("peta.png".into(), "image/png", png(5_000, 10_000)));
        for (name, kind, content) in &files {
            let made = world.caller.upload(name, Some(kind), content.clone()).await;
            assert_eq!(made.status, 201, "{name}: {}", made.body);
            let data = &made.body["data"];
            assert_eq!((&data["name"], &data["media_type"]), (&json!(name), &json!(kind)));
            assert_eq!(data["size_bytes"], content.len());
            assert_eq!(data["sha256"], hex::encode(paystrator::crypto::sha256(&[content])));
            let (status, headers, body) = world.caller.fetch("GET", &link(&world, &id_of(&made)).await).await;
            assert_eq!(status, 200);
            assert!(body.as_ref() == Some(content), "{name} came back otherwise");
            assert_eq!(headers["content-type"], *kind);
        }
        let listed = world.caller.get("/v1/kyb/documents?limit=2").await;
        let names = |page: &Reply| -> Vec<Value> {
            page.body["data"]["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect()
        };
        assert_eq!(names(&listed), ["peta.png", "KTP Siti.jpg"]);
        let cursor = listed.body["data"]["nextCursor"].as_str().unwrap();
        let rest = world.caller.get(&format!("/v1/kyb/documents?limit=100&cursor={cursor}")).await;
        assert_eq!((names(&rest).len(), &rest.body["data"]["nextCursor"]), (sizes.len(), &Value::Null));
        let id = rest.body["data"]["items"][0]["id"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(world.caller.get(&format!("/v1/kyb/documents/{id}")).await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "created_at": "[created_at]",
            "created_by": "Ani",
            "erased_at": null,
            "id": "[id]",
            "media_type": "application/pdf",
            "name": "berkas 10485760.pdf",
            "sha256": "[sha256]",
            "size_bytes": 10485760
          },
          "errors": null,
          "status": 200
        }
        "###);
        let entry = &world.caller.get("/v1/audit?limit=100").await.body["data"]["items"];
        let deeds: BTreeSet<&str> =
            entry.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert!(deeds.is_superset(&["document.uploaded", "document.link_made"].into()), "{deeds:?}");
        world
    })
    .await;
}

#[tokio::test]
async fn a_file_is_served_to_be_saved_and_each_reading_is_written_down() {
    run(async |world| {
        let content = pdf(1, 100_000);
        let made = world.caller.upload("Akta \"PT Kenari\".pdf", None, content.clone()).await;
        assert_eq!(made.status, 400, "{}", made.body["error"]["fields"]);
        let made = world.caller.upload("Akta – PT Kenari é.pdf", None, content.clone()).await;
        let id = id_of(&made);
        let url = link(&world, &id).await;
        let (status, headers, body) = world.caller.fetch("HEAD", &url).await;
        assert_eq!((status, body), (200, Some(Vec::new())));
        let shown = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(shown("content-length"), "100000");
        assert_eq!(shown("content-type"), "application/pdf");
        assert_eq!(
            shown("content-disposition"),
            "attachment; filename=\"document.pdf\"; filename*=UTF-8''Akta%20%E2%80%93%20PT%20Kenari%20%C3%A9.pdf"
        );
        assert_eq!(shown("x-content-type-options"), "nosniff");
        assert_eq!(shown("content-security-policy"), "sandbox");
        assert_eq!(shown("cache-control"), "no-store");
        assert_eq!(shown("referrer-policy"), "no-referrer");
        assert_eq!(world.caller.fetch("GET", &url).await.2, Some(content.clone()));
        assert_eq!(world.caller.fetch("GET", &url).await.2, Some(content), "a link may be read again");
        let reads = world.caller.get(&format!("/v1/kyb/documents/{id}/reads?limit=2")).await;
        insta::assert_snapshot!(reads.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "address": "127.0.0.1",
                "id": "[id]",
                "method": "GET",
                "read_at": "[read_at]",
                "reader": "Ani"
              },
              {
                "address": "127.0.0.1",
                "id": "[id]",
                "method": "GET",
                "read_at": "[read_at]",
                "reader": "Ani"
              }
            ],
            "nextCursor": "[nextCursor]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let cursor = reads.body["data"]["nextCursor"].as_str().unwrap();
        let first = world.caller.get(&format!("/v1/kyb/documents/{id}/reads?cursor={cursor}")).await;
        assert_eq!(first.body["data"]["items"][0]["method"], "HEAD");
        assert_eq!(first.body["data"]["items"].as_array().unwrap().len(), 1);
        world
    })
    .await;
}

/// What may be sent wrongly: what it is, its name, its Content-Type, its content, and what is answered.
fn unfit() -> Vec<(&'static str, String, Option<&'static str>, Vec<u8>)> {
    let file = || "berkas.pdf".to_owned();
    let polyglot = [b"GIF89a".as_slice(), &pdf(1, 500)].concat();
    let no_size = jpeg(10, 10, 1024 * 1024 + 10);
    let first_chunk = [&png(1, 1)[..12], b"tEXt", &png(1, 1)[16..]].concat();
    vec![
        ("nothing", file(), None, Vec::new()),
        ("a text", file(), None, b"Nama: Budi".to_vec()),
        ("a page", file(), Some("application/pdf"), b"<html><script>alert(1)</script></html>".to_vec()),
        ("a program", file(), None, b"\x7fELF\x02\x01\x01\x00 and more".to_vec()),
        ("an archive", file(), None, b"PK\x03\x04 and more".to_vec()),
        ("a GIF with a PDF in it", file(), None, polyglot),
        ("a PDF after other bytes", file(), None, [b"\n".as_slice(), &pdf(1, 500)].concat()),
        ("three bytes", file(), None, b"%PD".to_vec()),
        ("declared a page", file(), Some("text/html"), pdf(1, 500)),
        ("declared a form", file(), Some("multipart/form-data; boundary=x"), pdf(1, 500)),
        ("declared JSON", file(), Some("application/json"), pdf(1, 500)),
        ("a PDF declared a JPEG", file(), Some("image/jpeg"), pdf(1, 500)),
        ("a PNG declared a PDF", file(), Some("application/pdf"), png(10, 10)),
        ("a JPEG declared a PNG", file(), Some("image/png; a=b"), jpeg(10, 10, 0)),
        ("a PDF cut off", file(), None, pdf(1, 100_000)[..99_000].to_vec()),
        ("a PDF that ends early", file(), None, [pdf(1, 500), vec![b' '; 5_000]].concat()),
        ("a PNG of too many pixels", file(), None, png(10_000, 5_001)),
        ("a PNG too wide", file(), None, png(20_001, 10)),
        ("a PNG as large as numbers go", file(), None, png(u32::MAX, u32::MAX)),
        ("a PNG without a picture", file(), None, png(0, 10)),
        ("a PNG that begins with a text", file(), None, first_chunk),
        ("a PNG of its mark alone", file(), None, png(1, 1)[..8].to_vec()),
        ("a JPEG of too many pixels", file(), None, jpeg(10_000, 5_001, 90_000)),
        ("a JPEG too high", file(), None, jpeg(10, 20_001, 0)),
        ("a JPEG without a picture", file(), None, jpeg(10, 10, 200)[..150].to_vec()),
        ("a JPEG whose size comes too late", file(), None, no_size),
        ("a JPEG of height 0", file(), None, jpeg(10, 0, 0)),
        ("no name", String::new(), None, pdf(1, 500)),
        ("blanks for a name", "  ".into(), None, pdf(1, 500)),
        ("a path for a name", "../../etc/passwd".into(), None, pdf(1, 500)),
        ("a path of Windows", "C:\\ktp.pdf".into(), None, pdf(1, 500)),
        ("a page for a name", "<script>.pdf".into(), None, pdf(1, 500)),
        ("lines for a name", "a\r\nSet-Cookie: b".into(), None, pdf(1, 500)),
        ("turned letters", "fdp.\u{202e}exe".into(), None, pdf(1, 500)),
        ("a long name", "n".repeat(151), None, pdf(1, 500)),
        ("one byte too many", file(), None, pdf(1, LIMIT + 1)),
    ]
}

#[tokio::test]
async fn whatever_is_unfit_is_refused_and_leaves_nothing() {
    run(async |world| {
        let mut told = String::new();
        for (what, name, kind, content) in unfit() {
            let reply = world.caller.upload(&name, kind, content).await;
            let (code, message) = (&reply.body["error"]["code"], &reply.body["error"]["message"]);
            told.push_str(&format!("{what}: {} {} {}\n", reply.status, code, message.as_str().unwrap_or_default()));
            nothing_stays(&world, what).await;
        }
        insta::assert_snapshot!(told, @r###"
        nothing: 422 "document_unfit" The document is empty.
        a text: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        a page: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        a program: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        an archive: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        a GIF with a PDF in it: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        a PDF after other bytes: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        three bytes: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        declared a page: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        declared a form: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        declared JSON: 415 "document_kind_not_taken" A document is a PDF, a JPEG or a PNG, and nothing else.
        a PDF declared a JPEG: 422 "document_unfit" The document is not what its Content-Type says.
        a PNG declared a PDF: 422 "document_unfit" The document is not what its Content-Type says.
        a JPEG declared a PNG: 422 "document_unfit" The document is not what its Content-Type says.
        a PDF cut off: 422 "document_unfit" The document is no PDF that is whole: %%EOF must stand near its end.
        a PDF that ends early: 422 "document_unfit" The document is no PDF that is whole: %%EOF must stand near its end.
        a PNG of too many pixels: 422 "document_unfit" The document is too large a picture: at most 50 megapixels, and 20,000 pixels a side.
        a PNG too wide: 422 "document_unfit" The document is too large a picture: at most 50 megapixels, and 20,000 pixels a side.
        a PNG as large as numbers go: 422 "document_unfit" The document is too large a picture: at most 50 megapixels, and 20,000 pixels a side.
        a PNG without a picture: 422 "document_unfit" The document is a picture whose size cannot be read: save it anew.
        a PNG that begins with a text: 422 "document_unfit" The document is a picture whose size cannot be read: save it anew.
        a PNG of its mark alone: 422 "document_unfit" The document is a picture whose size cannot be read: save it anew.
        a JPEG of too many pixels: 422 "document_unfit" The document is too large a picture: at most 50 megapixels, and 20,000 pixels a side.
        a JPEG too high: 422 "document_unfit" The document is too large a picture: at most 50 megapixels, and 20,000 pixels a side.
        a JPEG without a picture: 422 "document_unfit" The document is a picture whose size cannot be read: save it anew.
        a JPEG whose size comes too late: 422 "document_unfit" The document is a picture whose size cannot be read: save it anew.
        a JPEG of height 0: 422 "document_unfit" The document is a picture whose size cannot be read: save it anew.
        no name: 400 "wrong_parameters_in_request" name must have 1 to 150 characters
        blanks for a name: 400 "wrong_parameters_in_request" name must have 1 to 150 characters
        a path for a name: 400 "wrong_parameters_in_request" name must not hold /, \ or "
        a path of Windows: 400 "wrong_parameters_in_request" name must not hold /, \ or "
        a page for a name: 400 "wrong_parameters_in_request" name must not hold < or >
        lines for a name: 400 "wrong_parameters_in_request" name must not hold line breaks or other control characters
        turned letters: 400 "wrong_parameters_in_request" name must not hold characters that cannot be seen
        a long name: 400 "wrong_parameters_in_request" name must have 1 to 150 characters
        one byte too many: 413 "document_too_large" The document is larger than 10485760 bytes.
        "###);
        // Without a length said before, in pieces: it is counted as it comes.
        let pieces = pdf(2, LIMIT + 1).chunks(100_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter::<Vec<_>>(pieces));
        let reply = world.caller.upload("berkas.pdf", None, body).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (413, &json!("document_too_large")), "{}", reply.body);
        nothing_stays(&world, "too many pieces").await;
        // Other bodies keep their own limit.
        let reply = world.caller.post("/v1/send-money", json!({ "a": "b".repeat(70_000) })).await;
        assert_eq!(reply.status, 413);
        world
    })
    .await;
}

#[tokio::test]
async fn the_limits_of_pictures_are_taken() {
    run(async |world| {
        let fit = [
            ("at 50 megapixels.png", png(10_000, 5_000)),
            ("at the longest side.png", png(20_000, 2_500)),
            ("with a long preview.jpg", jpeg(20_000, 2_500, 900_000)),
            ("padded.pdf", [pdf(1, 500), vec![b'\n'; 2_000]].concat()),
        ];
        for (name, content) in fit {
            let reply = world.caller.upload(name, None, content).await;
            assert_eq!(reply.status, 201, "{name}: {}", reply.body);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn the_same_upload_is_kept_once() {
    run(async |world| {
        let content = pdf(1, 700_000);
        let first = world.caller.upload("nib.pdf", None, content.clone()).await;
        let again = world.caller.upload("nib.pdf", Some("application/pdf"), content.clone()).await;
        assert_eq!((first.status, again.status), (201, 200));
        assert_eq!(first.body["data"], again.body["data"]);
        let other_name = world.caller.upload("nib 2.pdf", None, content.clone()).await;
        let other_content = world.caller.upload("nib.pdf", None, pdf(2, 700_000)).await;
        let other_client = world.stranger().await.upload("nib.pdf", None, content).await;
        let all: BTreeSet<String> =
            [&first, &other_name, &other_content, &other_client].iter().map(|reply| id_of(reply)).collect();
        assert_eq!(all.len(), 4);
        // Twelve at once: one is made, and all are answered with it.
        let content = pdf(3, 400_000);
        let replies = join_all((0..12).map(|_| world.caller.upload("deed.pdf", None, content.clone()))).await;
        let ids: BTreeSet<String> = replies.iter().map(id_of).collect();
        let made = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!((ids.len(), made), (1, 1), "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
        assert_eq!((count(&world, "document").await, world.objects().len()), (5, 5));
        assert_eq!(count(&world, "data_key WHERE purpose = 'document'").await, 5);
        world
    })
    .await;
}

#[tokio::test]
async fn who_hangs_up_leaves_nothing() {
    run(async |world| {
        let mut line = tokio::net::TcpStream::connect(world.service.url.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST /v1/kyb/documents?name=a.pdf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Length: 5000000\r\n\r\n",
            world.caller.key
        );
        line.write_all(head.as_bytes()).await.unwrap();
        line.write_all(&pdf(1, 1_000_000)).await.unwrap();
        let until = async |wanted: i64| {
            let waiting = async {
                while count(&world, "document").await != wanted {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it gets there");
        };
        until(1).await;
        let listed = world.caller.get("/v1/kyb/documents").await;
        assert_eq!(listed.body["data"]["items"], json!([]), "what is on its way is no document yet");
        let id: Uuid = sqlx::query_scalar("SELECT id FROM document").fetch_one(&world.sql).await.unwrap();
        let half = ids::show(ids::DOCUMENT, id);
        assert_eq!(world.caller.get(&format!("/v1/kyb/documents/{half}")).await.status, 404);
        assert_eq!(world.caller.post(&format!("/v1/kyb/documents/{half}/link"), json!({})).await.status, 404);
        drop(line);
        until(0).await;
        nothing_stays(&world, "hanging up").await;
        world
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_stays_behind_is_removed_after_an_hour() {
    run(async |world| {
        let kept = uploaded(&world.caller, "stays.pdf").await;
        // As a process leaves it that was killed: a row, a key, and half a file.
        let id = uploaded(&world.caller, "half.pdf").await;
        let uuid = ids::parse(ids::DOCUMENT, &id).unwrap();
        let name = uuid.simple().to_string();
        let file = world.objects().into_iter().find(|file| file.ends_with(&name)).unwrap();
        std::fs::rename(&file, file.with_file_name(format!("{name}#1"))).unwrap();
        let cut = "UPDATE document SET state = 'uploading', about = NULL, fingerprint = NULL, size_bytes = NULL,
            created_at = $2 WHERE id = $1";
        let cut_at = |seconds: i64| {
            let at = world.app.now() - chrono::TimeDelta::seconds(seconds);
            sqlx::query(cut).bind(uuid).bind(at).execute(&world.sql)
        };
        // An hour is a minute at this world's speed.
        cut_at(30).await.unwrap();
        sweep(&world.app).await.unwrap();
        assert_eq!((count(&world, "document").await, world.objects().len()), (2, 2), "it may still be on its way");
        cut_at(70).await.unwrap();
        sweep(&world.app).await.unwrap();
        assert_eq!((count(&world, "document").await, world.objects().len()), (1, 1));
        assert_eq!(count(&world, "data_key WHERE purpose = 'document'").await, 1);
        let (status, _, body) = world.caller.fetch("GET", &link(&world, &kept).await).await;
        assert_eq!((status, body.map(|body| body.len())), (200, Some(3_000)));
        world
    })
    .await;
}

#[tokio::test]
async fn a_link_that_does_not_hold_leads_nowhere() {
    run(async |world| {
        let id = uploaded(&world.caller, "nib.pdf").await;
        let uuid = ids::parse(ids::DOCUMENT, &id).unwrap();
        let stranger = world.stranger().await;
        let theirs = ids::parse(ids::DOCUMENT, &uploaded(&stranger, "theirs.pdf").await).unwrap();
        let insert = "INSERT INTO document_grant (client_id, id, onboarding_id, reader, document_ids, created_at,
            expires_at, ended_at) VALUES ($1, $2, $2, 'provider oy', $3, now(), now() + $4 * interval '1 second', $5)";
        let grant = async |documents: &[Uuid], seconds: f64, ended: bool| {
            let id = ids::new_id(world.app.now());
            let ended = ended.then(|| world.app.now());
            let insert = sqlx::query(insert).bind(world.client_id).bind(id).bind(documents).bind(seconds).bind(ended);
            insert.execute(&world.sql).await.unwrap();
            let granted = granted_before(&world.app, world.client_id, id).await.unwrap().unwrap();
            (id, granted.link(documents[0]).unwrap().to_owned())
        };
        let (first, good) = grant(&[uuid], 3_600.0, false).await;
        let again = granted_before(&world.app, world.client_id, first).await.unwrap().unwrap();
        assert_eq!(again.link(uuid), Some(good.as_str()), "the same grant makes the same link");
        assert!(granted_before(&world.app, Uuid::nil(), first).await.unwrap().is_none());
        assert_eq!(world.caller.fetch("GET", &good).await.0, 200);
        let (base, token) = good.rsplit_once('/').unwrap();
        let signed = URL_SAFE_NO_PAD.decode(token).unwrap();
        let mut dead: Vec<(String, String)> = Vec::new();
        for at in 0..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            dead.push((format!("byte {at} changed"), format!("{base}/{}", URL_SAFE_NO_PAD.encode(changed))));
        }
        let encoded = |bytes: &[u8]| format!("{base}/{}", URL_SAFE_NO_PAD.encode(bytes));
        dead.push(("cut".into(), encoded(&signed[..signed.len() - 1])));
        dead.push(("longer".into(), encoded(&[signed.as_slice(), &[0]].concat())));
        dead.push(("no signature".into(), encoded(&signed[..56])));
        dead.push(("nothing".into(), format!("{base}/x")));
        dead.push(("an id".into(), format!("{base}/{id}")));
        dead.push(("over".into(), grant(&[uuid], -1.0, false).await.1));
        dead.push(("ended".into(), grant(&[uuid], 3_600.0, true).await.1));
        dead.push(("another client's document".into(), grant(&[theirs], 3_600.0, false).await.1));
        dead.push(("no such document".into(), grant(&[Uuid::from_u128(7)], 3_600.0, false).await.1));
        let (second, shortened) = grant(&[uuid], 3_600.0, false).await;
        let shorten = "UPDATE document_grant SET expires_at = now() WHERE id = $1";
        sqlx::query(shorten).bind(second).execute(&world.sql).await.unwrap();
        dead.push(("shortened".into(), shortened));
        let (late, lengthened) = grant(&[uuid], -1.0, false).await;
        let lengthen = "UPDATE document_grant SET expires_at = now() + interval '1 hour' WHERE id = $1";
        sqlx::query(lengthen).bind(late).execute(&world.sql).await.unwrap();
        dead.push(("lengthened, by its own word over".into(), lengthened));
        let (third, other) = grant(&[uuid], 3_600.0, false).await;
        let without = "UPDATE document_grant SET document_ids = '{}' WHERE id = $1";
        sqlx::query(without).bind(third).execute(&world.sql).await.unwrap();
        dead.push(("of a document that the grant does not name".into(), other));
        let reads = count(&world, "document_read").await;
        let mut answers = BTreeSet::new();
        for (what, url) in &dead {
            let (status, _, body) = world.caller.fetch("GET", url).await;
            assert_eq!(status, 404, "{what}");
            let mut body: Value = serde_json::from_slice(&body.unwrap()).unwrap();
            body["requestId"].take();
            answers.insert(body.to_string());
            assert_eq!(world.caller.fetch("HEAD", url).await.0, 404, "{what}");
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(answers.first().unwrap().contains("no_such_file"));
        assert_eq!(count(&world, "document_read").await, reads, "nothing was read");
        assert_eq!(world.caller.fetch("GET", &good).await.0, 200, "and the good one still holds");
        world
    })
    .await;
}

#[tokio::test]
async fn readings_by_one_link_are_limited_and_hold_up_no_payment() {
    let mut options = Options::default();
    options.config.limits.file_reads_per_minute = 7;
    run_with(options, async |world| {
        let id = uploaded(&world.caller, "nib.pdf").await;
        let url = link(&world, &id).await;
        assert_eq!(world.caller.fetch("HEAD", &url).await.0, 200);
        // As many readings as there are connections of the writers, and none of them gets on.
        let mut held = world.sql.begin().await.unwrap();
        sqlx::query("LOCK TABLE document_read IN SHARE MODE").execute(&mut *held).await.unwrap();
        let readings = (0..6).map(|_| {
            let (caller, url) = (world.caller.clone(), url.clone());
            tokio::spawn(async move { caller.fetch("HEAD", &url).await.0 })
        });
        let readings: Vec<_> = readings.collect();
        let waiting = "pg_locks WHERE NOT granted AND relation = 'document_read'::regclass
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let all_wait = async { while count(&world, waiting).await < 6 {} };
        tokio::time::timeout(Duration::from_secs(4), all_wait).await.expect("they wait");
        world.send("while others read", "1234567890", 10_000).await;
        held.rollback().await.unwrap();
        for status in join_all(readings).await {
            assert_eq!(status.unwrap(), 200);
        }
        assert_eq!(count(&world, "document_read").await, 7);
        let (status, headers, _) = world.caller.fetch("GET", &url).await;
        assert_eq!(status, 429);
        assert!((1..=10).contains(&headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap()));
        assert_eq!(count(&world, "document_read").await, 7, "nothing was read");
        assert_eq!(world.caller.fetch("GET", &link(&world, &id).await).await.0, 200, "another link has its own");
        world
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_removed_keeps_nothing_else() {
    run(async |world| {
        let id = uploaded(&world.caller, "stays.pdf").await;
        let uuid = ids::parse(ids::DOCUMENT, &id).unwrap();
        let place = world.objects().pop().unwrap();
        // More than one sweep takes, all of them older; in the place of each object stands what cannot be removed.
        let key = "INSERT INTO data_key (client_id, id, purpose, wrapped, created_at)
            SELECT client_id, $2, purpose, wrapped, created_at FROM data_key WHERE id = $1";
        let row = "INSERT INTO document (client_id, id, state, media_type, created_at, created_by)
            SELECT client_id, $2, 'removing', media_type, created_at - interval '1 day', created_by FROM document
            WHERE id = $1";
        for n in 1..=100 {
            let stuck = Uuid::from_u128(n);
            std::fs::create_dir(place.with_file_name(stuck.simple().to_string())).unwrap();
            for insert in [key, row] {
                sqlx::query(insert).bind(uuid).bind(stuck).execute(&world.sql).await.unwrap();
            }
        }
        // And behind them one that can be.
        let id = uploaded(&world.caller, "given up.pdf").await;
        let uuid = ids::parse(ids::DOCUMENT, &id).unwrap();
        let file = place.with_file_name(uuid.simple().to_string());
        assert!(file.exists());
        let given_up = "UPDATE document SET state = 'removing', about = NULL, fingerprint = NULL, size_bytes = NULL
            WHERE id = $1";
        sqlx::query(given_up).bind(uuid).execute(&world.sql).await.unwrap();
        // The service sweeps too: what it took up in between comes last.
        for _ in 0..4 {
            sweep(&world.app).await.unwrap();
        }
        assert!(!file.exists(), "its turn came");
        assert_eq!(count(&world, "document WHERE state = 'removing'").await, 100, "the others wait for theirs");
        // And once they can be removed, they are.
        for n in 1..=100 {
            std::fs::remove_dir(place.with_file_name(Uuid::from_u128(n).simple().to_string())).unwrap();
        }
        sweep(&world.app).await.unwrap();
        assert_eq!(count(&world, "document").await, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn a_file_that_was_meddled_with_is_not_served_to_its_end() {
    run(async |world| {
        let (a, b) = (pdf(1, 200_000), pdf(2, 200_000));
        let first = id_of(&world.caller.upload("a.pdf", None, a.clone()).await);
        let second = id_of(&world.caller.upload("b.pdf", None, b.clone()).await);
        let file = |id: &str| world.objects().into_iter().find(|file| file.ends_with(&id[4..])).unwrap();
        let (first_file, second_file) = (file(&first), file(&second));
        let (whole, other) = (std::fs::read(&first_file).unwrap(), std::fs::read(&second_file).unwrap());
        let sealed = 12 + 65_536 + 16;
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let url = link(&world, &first).await;
        let meddled: Vec<(&str, Vec<u8>)> = vec![
            ("another version", flipped(0)),
            ("a nonce", flipped(1)),
            ("a byte of the second segment", flipped(1 + sealed + 100)),
            ("the last tag", flipped(whole.len() - 1)),
            ("cut at a segment", whole[..1 + 2 * sealed].to_vec()),
            ("cut", whole[..100_000].to_vec()),
            ("cut to nothing", Vec::new()),
            ("longer", [whole.as_slice(), b"x"].concat()),
            ("segments changed round", {
                let (one, two) = (&whole[1..1 + sealed], &whole[1 + sealed..1 + 2 * sealed]);
                [&whole[..1], two, one, &whole[1 + 2 * sealed..]].concat()
            }),
            ("a segment left out", [&whole[..1 + sealed], &whole[1 + 2 * sealed..]].concat()),
            ("another document", other),
        ];
        for (what, bytes) in meddled {
            std::fs::write(&first_file, bytes).unwrap();
            let (status, _, body) = world.caller.fetch("GET", &url).await;
            assert!(status != 200 || body.is_none(), "{what}: {status}, {:?} bytes", body.map(|body| body.len()));
        }
        std::fs::write(&first_file, &whole).unwrap();
        assert!(world.caller.fetch("GET", &url).await.2 == Some(a));
        std::fs::remove_file(&first_file).unwrap();
        let (status, _, body) = world.caller.fetch("GET", &url).await;
        assert_eq!(status, 500, "a document that was acknowledged is missing");
        assert!(!String::from_utf8_lossy(&body.unwrap()).contains("NotFound"));
        // Nothing of a content stands in what is kept.
        assert!(!other_contains(&second_file, &b[9..100]));
        world
    })
    .await;
}

fn other_contains(file: &std::path::Path, part: &[u8]) -> bool {
    std::fs::read(file).unwrap().windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_file_names_documents_that_are_there_and_each_once() {
    run(async |world| {
        let file = world.with_uploads(example()).await;
        let theirs = uploaded(&world.stranger().await, "theirs.pdf").await;
        let mut wrong = file.clone();
        set(&mut wrong, "documents.nib_document", Some(json!(theirs)));
        set(&mut wrong, "documents.npwp_document", Some(json!(format!("doc_{:032x}", 99))));
        set(&mut wrong, "stakeholder[0].ktp_document", Some(file["documents"]["proof_of_address"].clone()));
        let photo = file["supporting"]["business_location_photo"][0].clone();
        set(&mut wrong, "supporting.company_structure", Some(photo));
        set(&mut wrong, "documents.additional_documents", Some(json!([{ "name": "x", "document": theirs }])));
        let reply = put(&world.caller, &wrong, None).await;
        insta::assert_snapshot!(reply.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "documents.nib_document",
                "message": "is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered"
              },
              {
                "field": "documents.npwp_document",
                "message": "is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered"
              },
              {
                "field": "documents.additional_documents[0].document",
                "message": "is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered"
              },
              {
                "field": "supporting.business_location_photo[0]",
                "message": "is the document that stands at supporting.company_structure: upload it again under another name for this place"
              },
              {
                "field": "stakeholder[0].ktp_document",
                "message": "is the document that stands at documents.proof_of_address: upload it again under another name for this place"
              }
            ],
            "message": "documents.nib_document is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered; documents.npwp_document is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered; documents.additional_documents[0].document is no document of yours: upload it with POST /v1/kyb/documents and give the id that is answered; supporting.business_location_photo[0] is the document that stands at supporting.company_structure: upload it again under another name for this place; stakeholder[0].ktp_document is the document that stands at documents.proof_of_address: upload it again under another name for this place",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        assert_eq!(count(&world, "kyb_version").await, 0);
        // An upload that is not finished is none.
        let half = uploaded(&world.caller, "half.pdf").await;
        let cut = "UPDATE document SET state = 'uploading', about = NULL, fingerprint = NULL, size_bytes = NULL
            WHERE id = $1";
        sqlx::query(cut).bind(ids::parse(ids::DOCUMENT, &half).unwrap()).execute(&world.sql).await.unwrap();
        let mut with_half = file.clone();
        set(&mut with_half, "documents.nib_document", Some(json!(half)));
        assert_eq!(put(&world.caller, &with_half, None).await.status, 400);
        assert_eq!(put(&world.caller, &file, None).await.status, 201);
        // A document may move within the file.
        let mut moved = world.caller.get("/v1/kyb").await.body["data"]["file"].clone();
        let (nib, npwp) = (file["documents"]["nib_document"].clone(), file["documents"]["npwp_document"].clone());
        set(&mut moved, "documents.nib_document", Some(npwp));
        set(&mut moved, "documents.npwp_document", Some(nib));
        assert_eq!(put(&world.caller, &moved, Some("\"1\"")).await.status, 200);
        world
    })
    .await;
}

#[tokio::test]
async fn the_documents_of_an_erased_person_are_gone() {
    run(async |world| {
        let file = world.save_kyb(&world.with_uploads(example()).await, None).await;
        let person = &file["stakeholder"][0];
        let old_ktp = person["ktp_document"].as_str().unwrap().to_owned();
        let selfie = person["selfie_with_ktp"].as_str().unwrap().to_owned();
        let mut newer = file.clone();
        let new_ktp = uploaded(&world.caller, "KTP baru.pdf").await;
        set(&mut newer, "stakeholder[0].ktp_document", Some(json!(new_ktp)));
        world.save_kyb(&newer, Some("\"1\"")).await;
        let company = file["documents"]["nib_document"].as_str().unwrap();
        let theirs = [old_ktp.as_str(), &selfie, &new_ktp];
        let mut links = Vec::new();
        for id in theirs {
            links.push(link(&world, id).await);
        }
        let before = world.objects().len();
        let id = ids::parse(ids::PERSON, person["person_id"].as_str().unwrap()).unwrap();
        world.caller.fetch("GET", &links[0]).await;
        let told = kyb_flow::export(&world.app, world.client_id, id, "Ani").await.unwrap().unwrap();
        let of_them: BTreeSet<&str> =
            told["documents"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(of_them, theirs.into_iter().collect(), "of every version, and nobody else's");
        let first = told["documents"].as_array().unwrap().iter().find(|one| one["id"] == json!(old_ktp)).unwrap();
        assert!(first["name"].is_string() && first["sha256"].is_string(), "{first}");
        assert_eq!((&first["read"][0]["reader"], &first["read"][0]["method"]), (&json!("Ani"), &json!("GET")));
        assert_eq!(kyb_flow::erase(&world.app, world.client_id, id, "Ani").await.unwrap(), Erasure::Done);
        assert_eq!(world.objects().len(), before - 3);
        for (id, link) in theirs.iter().zip(&links) {
            assert_eq!(world.caller.fetch("GET", link).await.0, 404, "{id}");
            assert_eq!(world.caller.post(&format!("/v1/kyb/documents/{id}/link"), json!({})).await.status, 404);
            let shown = world.caller.get(&format!("/v1/kyb/documents/{id}")).await.body["data"].clone();
            assert_eq!((&shown["name"], &shown["sha256"]), (&Value::Null, &Value::Null));
            assert!(shown["erased_at"].is_string(), "{shown}");
        }
        let keys = "data_key WHERE purpose = 'document' AND wrapped IS NULL AND destroyed_at IS NOT NULL";
        assert_eq!(count(&world, keys).await, 3);
        let rows =
            "document WHERE state = 'erased' AND about IS NULL AND fingerprint IS NULL AND removed_at IS NOT NULL";
        assert_eq!(count(&world, rows).await, 3);
        assert_eq!(world.caller.fetch("GET", &link(&world, company).await).await.0, 200, "the company's stay");
        let entry = world.caller.get("/v1/audit?limit=2").await.body["data"]["items"][1].clone();
        assert_eq!((&entry["action"], &entry["detail"]), (&json!("privacy.erased"), &json!({ "documents": 3 })));
        // What is erased can stand in no later version.
        let mut again = world.caller.get("/v1/kyb").await.body["data"]["file"].clone();
        set(&mut again, "documents.nib_document", Some(json!(selfie)));
        let reply = put(&world.caller, &again, Some("*")).await;
        assert_eq!(
            reply.body["error"]["message"], "documents.nib_document is a document that was erased: upload it again",
            "{}",
            reply.body
        );
        // The same file may be uploaded again: it is a new document.
        assert!(!theirs.contains(&uploaded(&world.caller, "KTP baru.pdf").await.as_str()));
        // An object that could not be removed at once goes with the next sweep.
        sqlx::query("UPDATE document SET removed_at = NULL WHERE state = 'erased'").execute(&world.sql).await.unwrap();
        sweep(&world.app).await.unwrap();
        assert_eq!(count(&world, rows).await, 3);
        world
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_anothers_documents_and_rights_are_asked() {
    run(async |world| {
        let id = uploaded(&world.caller, "nib.pdf").await;
        let stranger = world.stranger().await;
        for path in [format!("/v1/kyb/documents/{id}"), format!("/v1/kyb/documents/{id}/reads")] {
            assert_eq!(stranger.get(&path).await.status, 404, "{path}");
            assert_eq!(world.colleague.get(&path).await.status, 200, "{path}");
        }
        assert_eq!(stranger.post(&format!("/v1/kyb/documents/{id}/link"), json!({})).await.status, 404);
        assert_eq!(stranger.get("/v1/kyb/documents").await.body["data"]["items"], json!([]));
        let reader = world.with_rights(Rights([(Product::Kyb, Right::Read)].into())).await;
        let other = world.with_rights(Rights([(Product::SendMoney, Right::ReadWrite)].into())).await;
        let nobody = world.caller.with_key("sk_test_nobody");
        let statuses = async |caller: &crate::support::http::Caller| {
            let link = format!("/v1/kyb/documents/{id}/link");
            [
                caller.upload("b.pdf", None, pdf(5, 500)).await.status,
                caller.get("/v1/kyb/documents").await.status,
                caller.get(&format!("/v1/kyb/documents/{id}")).await.status,
                caller.post(&link, json!({})).await.status,
                caller.get(&format!("/v1/kyb/documents/{id}/reads")).await.status,
            ]
        };
        assert_eq!(statuses(&reader).await, [403, 200, 200, 201, 200]);
        assert_eq!(statuses(&other).await, [403; 5]);
        assert_eq!(statuses(&nobody).await, [401; 5]);
        for bad in ["doc_1", "x", "doc_00000000000000000000000000000000"] {
            assert_eq!(world.caller.get(&format!("/v1/kyb/documents/{bad}")).await.status, 404, "{bad}");
        }
        for bad in ["cursor=x", "limit=0", "limit=101", "a=b"] {
            assert_eq!(world.caller.get(&format!("/v1/kyb/documents?{bad}")).await.status, 400, "{bad}");
        }
        world
    })
    .await;
}

#[tokio::test]
async fn a_bucket_keeps_them_as_a_folder_does() {
    let bucket = Bucket::start().await;
    let mut options = Options::default();
    options.config.documents = config::Documents {
        s3_bucket: "papers".into(),
        s3_endpoint: bucket.url.clone(),
        s3_region: "ap-southeast-3".into(),
        s3_access_key_id: "the-key".into(),
        s3_secret_access_key: "the-secret".to_owned().into(),
        s3_path_style: true,
        s3_allow_http: true,
        ..options.config.documents
    };
    run_with(options, async |world| {
        let sizes = [500, 5 * 1024 * 1024 - 5_000, 6_000_000, LIMIT];
        for size in sizes {
            let content = pdf(size as u64, size);
            let made = world.caller.upload(&format!("berkas {size}.pdf"), None, content.clone()).await;
            assert_eq!(made.status, 201, "{size}: {}", made.body);
            let read = world.caller.fetch("GET", &link(&world, &id_of(&made)).await).await;
            assert!(read.0 == 200 && read.2 == Some(content), "{size}");
        }
        let refused = world.caller.upload("cut.pdf", None, pdf(9, 6_000_000)[..5_900_000].to_vec()).await;
        assert_eq!(refused.status, 422);
        assert_eq!((bucket.objects().len(), bucket.unfinished()), (sizes.len(), 0));
        let newest = world.caller.get("/v1/kyb/documents?limit=1").await.body["data"]["items"][0].clone();
        let path = format!("/v1/kyb/documents/{}", newest["id"].as_str().unwrap());
        let erased = world.caller.call("DELETE", &path, None, &[]).await;
        assert_eq!(erased.status, 200, "{}", erased.body);
        assert_eq!(bucket.objects().len(), sizes.len() - 1);
        assert!(bucket.objects().keys().all(|key| key.starts_with(&format!("{}/", world.client_id.simple()))));
        assert_eq!(bucket.wrong(), Vec::<String>::new());
        world
    })
    .await;
}

#[tokio::test]
async fn a_document_that_no_version_names_can_be_erased() {
    run(async |world| {
        let file = world.save_kyb(&world.with_uploads(example()).await, None).await;
        let named = file["stakeholder"][0]["ktp_document"].as_str().unwrap();
        let spare = uploaded(&world.caller, "KTP salah.pdf").await;
        let reading = link(&world, &spare).await;
        let erase = async |caller: &crate::support::http::Caller, id: &str| {
            let reply = caller.call("DELETE", &format!("/v1/kyb/documents/{id}"), None, &[]).await;
            (reply.status, reply.body["error"]["code"].as_str().unwrap_or_default().to_owned())
        };
        let objects = world.objects().len();
        let reader = world.with_rights(Rights([(Product::Kyb, Right::Read)].into())).await;
        assert_eq!(erase(&reader, &spare).await.0, 403);
        assert_eq!(erase(&world.stranger().await, &spare).await.0, 404);
        assert_eq!(erase(&world.caller, named).await, (409, "document_named".into()));
        assert_eq!(erase(&world.caller, &format!("doc_{:032x}", 99)).await.0, 404);
        assert_eq!(world.objects().len(), objects);
        assert_eq!((erase(&world.caller, &spare).await.0, erase(&world.caller, &spare).await.0), (200, 200));
        assert_eq!(world.objects().len(), objects - 1);
        assert_eq!(world.caller.fetch("GET", &reading).await.0, 404);
        let keys = "data_key WHERE purpose = 'document' AND wrapped IS NULL";
        assert_eq!(count(&world, keys).await, 1);
        // Named and erased at once: one of the two, and never a version that names what is erased.
        for n in 0..6 {
            let id = uploaded(&world.caller, &format!("race {n}.pdf")).await;
            let mut next = world.caller.get("/v1/kyb").await.body["data"]["file"].clone();
            set(&mut next, "documents.nib_document", Some(json!(id)));
            let (erased, saved) = tokio::join!(erase(&world.caller, &id), put(&world.caller, &next, Some("*")));
            let one = (erased.0 == 200) != (saved.status == 200);
            assert!(one, "erased {erased:?}, saved {} {}", saved.status, saved.body);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn without_a_place_for_documents_everything_else_goes_on() {
    let mut options = Options::default();
    // A bucket at a port where nobody listens: as good as none, and it must not be waited for long.
    options.config.documents.s3_bucket = "nobody".into();
    options.config.documents.s3_endpoint = "http://127.0.0.1:9".into();
    options.config.documents.s3_region = "x".into();
    options.config.documents.s3_access_key_id = "x".into();
    options.config.documents.s3_secret_access_key = "x".to_owned().into();
    options.config.documents.s3_allow_http = true;
    run_with(options, async |world| {
        let reply = world.caller.upload("nib.pdf", None, pdf(1, 500)).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (503, &json!("temporarily_unavailable")));
        assert_eq!(count(&world, "document WHERE state <> 'removing'").await, 0, "{}", reply.body);
        let paid = world.send("A", "1239812390", 10_000).await;
        world.until_status(&paid, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn uploads_wait_for_each_other_and_no_client_has_all_the_places() {
    let mut config = Config::defaults().documents;
    config.uploads_at_once = 4;
    let documents = Documents::open(&config).unwrap();
    let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let quick = Duration::from_millis(20);
    let first = documents.place(a, quick).await.expect("a place");
    let second = documents.place(a, quick).await.expect("half of them");
    assert!(documents.place(a, quick).await.is_none(), "more than half");
    let third = documents.place(b, quick).await.expect("another's half");
    let _fourth = documents.place(b, quick).await.expect("another's half");
    assert!(documents.place(Uuid::from_u128(3), quick).await.is_none(), "all are taken");
    drop(first);
    let _again = documents.place(a, quick).await.expect("a place came back");
    drop((second, third));
    assert!(documents.place(Uuid::from_u128(3), quick).await.is_some());
    // Nowhere to keep anything.
    let refused = documents.begin(a, b).await.err().map(|error| error.to_string());
    assert_eq!(refused.as_deref(), Some("no place is configured for documents"));
}
