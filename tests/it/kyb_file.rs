//! The KYB file by API: the seed's example goes in and comes back, versions are kept, people stay who they are, whatever is
//! wrong is named and nothing of it saved, and nobody else sees anything.

use futures_util::future::join_all;
use paystrator::domain::kyb::fields::FILE;
use paystrator::domain::kyb::{Fault, check};
use paystrator::flows::kyb::today;
use paystrator::http::openapi::document;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::World;
use crate::support::http::Reply;
use crate::support::kyb::{doc, example, fields, mutations, put, run, set, with, without_ids};

/// Status and code of a refusal.
fn told(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.body["error"]["code"].as_str().unwrap_or_default())
}

/// The fields that a refusal names, with what is said of them.
fn named(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = body["error"]["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| (text(&field["field"]), text(&field["message"]))).collect()
}

async fn count(world: &World, table: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(&world.sql).await.unwrap()
}

#[tokio::test]
async fn the_seeds_example_goes_in_and_comes_back() {
    run(async |world| {
        let none = world.caller.get("/v1/kyb").await;
        assert_eq!(told(&none), "404 not_found");
        let made = put(&world.caller, &example(), None).await;
        assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.body);
        assert_eq!(without_ids(made.body["data"]["file"].clone()), example());
        let read = world.caller.get("/v1/kyb").await;
        assert_eq!(read.body, {
            let mut same = made.body.clone();
            same["status"] = json!(200);
            same
        });
        assert_eq!((read.header("etag"), read.header("cache-control")), (Some("\"1\""), Some("no-store")));
        insta::assert_snapshot!(read.shown(), @r###"
        HTTP 200
        {
          "data": {
            "changed": [
              "business_info",
              "documents",
              "legal_entity",
              "product_selection",
              "stakeholder",
              "submitter",
              "supporting"
            ],
            "file": {
              "business_info": {
                "monthly_profit": 120000000,
                "monthly_revenue": 100000000,
                "operating_close_hour": "23:59",
                "operating_open_hour": "00:00",
                "ownership_status": "1"
              },
              "documents": {
                "additional_documents": [
                  {
                    "document": "doc_[id]",
                    "name": "sertifikasi iso 27000"
                  },
                  {
                    "document": "doc_[id]",
                    "name": "Best consumer awards 2049"
                  }
                ],
                "deed_of_establishment": "doc_[id]",
                "legal_certification": "doc_[id]",
                "nib_document": "doc_[id]",
                "npwp_document": "doc_[id]",
                "npwp_number": "234234234234234",
                "proof_of_address": "doc_[id]"
              },
              "legal_entity": {
                "address": {
                  "city": "Tangerang Selatan",
                  "district": "Serpong",
                  "full_address": "Jl. Belokan Bawah I No.11, Tamban",
                  "postal_code": "55581",
                  "province": "Banten",
                  "sub_district": "Buaran"
                },
                "brand_name": "Sanbox",
                "company_industry": [
                  "Agriculture",
                  "General E-commerce"
                ],
                "company_type": "PT",
                "country": "Indonesia",
                "legal_name": "PT SANDBOX COMPANY",
                "nib_number": "234234234234234",
                "phone": "+62918237123",
                "website": "http://kolaborasibersama.id"
              },
              "product_selection": "QR Code, Open VA, Close VA",
              "stakeholder": [
                {
                  "address": "Jl. Basuki Rahmat No.1A, Blok G3A",
                  "birth_date": "1988-10-23",
                  "birth_place": "Jakarta Timur",
                  "city": "Jakarta Timur",
                  "director_name": "John Doe",
                  "email": "john.doe@example.co.id",
                  "ktp_document": "doc_[id]",
                  "occupation": "Entrepreneur",
                  "person_id": "per_[id]",
                  "phone": "+628127756464",
                  "province": "DKI Jakarta",
                  "selfie_with_ktp": "doc_[id]"
                }
              ],
              "submitter": {
                "email": "john@example.co.id",
                "name": "John Doe",
                "person_id": "per_[id]"
              },
              "supporting": {
                "bank_account_proof": "doc_[id]",
                "business_location_photo": [
                  "doc_[id]",
                  "doc_[id]"
                ],
                "company_structure": "doc_[id]",
                "power_of_attorney": "doc_[id]",
                "skt_sppkp": "doc_[id]"
              }
            },
            "notes": [],
            "saved_at": "[saved_at]",
            "saved_by": "Ani",
            "services": [
              "qrcode",
              "virtual_account"
            ],
            "version": 1
          },
          "errors": null,
          "status": 200
        }
        "###);
        insta::assert_snapshot!(world.caller.get("/v1/kyb/completeness?provider=oy").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "complete": true,
            "missing": [],
            "provider": "oy",
            "version": 1
          },
          "errors": null,
          "status": 200
        }
        "###);
        // The other person of the client reads the same.
        assert_eq!(world.colleague.get("/v1/kyb").await.body, read.body);
        world
    })
    .await;
}

#[tokio::test]
async fn each_change_is_a_version_that_is_kept() {
    run(async |world| {
        let first = world.save_kyb(&example(), None).await;
        let stale = "\"1\"";
        // What was answered, sent back, changes nothing; nor does the same without the ids of people, or in older words.
        let mut older = example();
        set(&mut older, "legal_entity.company_type", Some(json!("PT (Private Limited Company)")));
        set(&mut older, "product_selection", Some(json!(["QR Code", "Open VA", "Close VA"])));
        set(&mut older, "business_info.operating_open_hour", None);
        set(&mut older, "business_info.operating_close_hour", Some(Value::Null));
        set(&mut older, "business_info.operating_hours", Some(json!("00:00 - 23:59")));
        for same in [&first, &example(), &older] {
            let again = put(&world.caller, same, Some(stale)).await;
            assert_eq!((again.status, again.header("etag")), (200, Some(stale)), "{}", again.body);
            assert_eq!(again.body["data"]["file"], first);
        }
        assert_eq!(
            (count(&world, "kyb_version").await, count(&world, "data_key WHERE purpose <> 'document'").await),
            (1, 3)
        );

        let mut body = first.clone();
        set(&mut body, "legal_entity.phone", Some(json!("+62215551234")));
        set(&mut body, "stakeholder[0].email", Some(json!("director@example.co.id")));
        let second = put(&world.colleague, &body, Some(stale)).await;
        assert_eq!((second.status, second.header("etag")), (200, Some("\"2\"")), "{}", second.body);
        assert_eq!(second.body["data"]["file"], body);

        // Over a version that is gone: refused, but for a repeat of what stands.
        let mut third = body.clone();
        set(&mut third, "legal_entity.brand_name", Some(json!("Sandbox")));
        insta::assert_snapshot!(put(&world.caller, &third, Some(stale)).await.shown(), @r###"
        HTTP 412
        {
          "error": {
            "action": "Read it again, and decide on what stands now.",
            "code": "changed_meanwhile",
            "message": "The KYB file has another version by now.",
            "reason": "If-Match does not name the current version."
          },
          "requestId": "[requestId]",
          "status": 412
        }
        "###);
        assert_eq!(told(&put(&world.caller, &third, None).await), "412 changed_meanwhile");
        assert_eq!(put(&world.caller, &body, Some(stale)).await.body, second.body, "a repeat of what stands");
        assert_eq!(put(&world.caller, &body, None).await.body, second.body);
        let bare = world.caller.call("PUT", "/v1/kyb", Some(third.to_string()), &[]).await;
        assert_eq!(told(&bare), "428 if_match_needed");
        assert_eq!(put(&world.caller, &third, Some("*")).await.header("etag"), Some("\"3\""));

        for (version, file) in [(1, &first), (2, &body), (3, &third)] {
            let read = world.caller.get(&format!("/v1/kyb?version={version}")).await;
            assert_eq!((&read.body["data"]["file"], read.body["data"]["version"].as_i64()), (file, Some(version)));
        }
        assert_eq!(told(&world.caller.get("/v1/kyb?version=4").await), "404 not_found");
        for wrong in ["0", "-1", "x", "99999999999"] {
            let reply = world.caller.get(&format!("/v1/kyb?version={wrong}")).await;
            assert_eq!(named(&reply.body)[0].0, "version", "{wrong}");
        }
        let page = world.caller.get("/v1/kyb/versions?limit=2").await;
        insta::assert_snapshot!(page.shown(), @r###"
        HTTP 200
        {
          "data": {
            "items": [
              {
                "changed": [
                  "legal_entity"
                ],
                "changed_fields": [
                  "legal_entity.brand_name"
                ],
                "saved_at": "[saved_at]",
                "saved_by": "Ani",
                "version": 3
              },
              {
                "changed": [
                  "legal_entity",
                  "stakeholder"
                ],
                "changed_fields": [
                  "legal_entity.phone",
                  "stakeholder[per_[id]].email"
                ],
                "saved_at": "[saved_at]",
                "saved_by": "Budi",
                "version": 2
              }
            ],
            "nextCursor": "[nextCursor]"
          },
          "errors": null,
          "status": 200
        }
        "###);
        let cursor = page.body["data"]["nextCursor"].as_str().unwrap();
        let last = world.caller.get(&format!("/v1/kyb/versions?cursor={cursor}")).await;
        let last = &last.body["data"];
        assert_eq!((last["items"].as_array().unwrap().len(), &last["nextCursor"]), (1, &Value::Null));
        assert!(last["items"][0]["changed_fields"].as_array().unwrap().len() > 25, "{last}");
        world
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_names_fields_and_never_values() {
    run(async |world| {
        let first = world.save_kyb(&example(), None).await;
        let mut body = first.clone();
        set(&mut body, "stakeholder[0].birth_date", Some(json!("1999-09-09")));
        set(&mut body, "documents.npwp_number", Some(json!("9876543210987654")));
        world.save_kyb(&body, Some("\"1\"")).await;
        world.save_kyb(&body, Some("\"2\"")).await;
        let log = world.caller.get("/v1/audit").await;
        let entries = log.body["data"]["items"].as_array().unwrap();
        let saved: Vec<_> = entries.iter().filter(|entry| entry["action"] == "kyb.saved").collect();
        assert_eq!(saved.len(), 2, "the third changed nothing");
        let of_person = format!("stakeholder[{}].birth_date", first["stakeholder"][0]["person_id"].as_str().unwrap());
        let mut entry = saved[0].clone();
        assert!(entry["detail"]["key"].take().as_str().unwrap().starts_with("key_"));
        assert_eq!(
            (&entry["detail"]["version"], &entry["detail"]["changed"]),
            (&json!(2), &json!(["documents.npwp_number", of_person]))
        );
        assert_eq!(
            (&entry["object"], &entry["person"], &entry["mode"]),
            (&json!("kyb"), &json!("Ani"), &Value::Null),
            "it concerns both modes"
        );
        let all = log.body.to_string();
        for value in ["1999-09-09", "9876543210987654", "John", "Serpong", "+62", "SANDBOX", "example.co.id"] {
            assert!(!all.contains(value), "{value} stands in the audit log");
        }
        world
    })
    .await;
}

/// Table-driven over the fields themselves: a field that is added is tried too.
#[tokio::test]
async fn every_field_in_every_wrong_way_is_named_and_nothing_saved() {
    run(async |world| {
        world.save_kyb(&example(), None).await;
        let mut wrong = 0;
        for (path, _) in fields() {
            for (way, value) in mutations() {
                let body = with(&path, value.clone());
                let (_, faults) = check(body.as_object().unwrap(), today(&world.app));
                if faults.is_empty() {
                    continue;
                }
                let reply = put(&world.caller, &body, Some("*")).await;
                assert_eq!(told(&reply), "400 wrong_parameters_in_request", "{path} {way}");
                let mut expected: Vec<_> =
                    faults.into_iter().map(|Fault { field, message }| (field, message)).collect();
                expected.sort();
                assert_eq!(named(&reply.body), expected, "{path} {way}");
                assert!(!reply.body.to_string().contains("enari"), "{path} {way} repeats what was given");
                wrong += 1;
            }
        }
        assert!(wrong > 900, "{wrong}");
        assert_eq!(
            (count(&world, "kyb_version").await, count(&world, "data_key WHERE purpose <> 'document'").await),
            (1, 3)
        );
        world
    })
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_file() {
    run(async |world| {
        let send = async |body: String| {
            let reply = world.caller.call("PUT", "/v1/kyb", Some(body), &[("If-None-Match", "*")]).await;
            format!(
                "{} {}",
                told(&reply),
                named(&reply.body).first().map_or(String::new(), |(f, m)| format!("{f} {m}"))
            )
        };
        let code = "400 wrong_parameters_in_request";
        assert_eq!(send("{\"a\":".into()).await, format!("{code} body is not JSON (line 1, column 5)"));
        assert_eq!(send("[1]".into()).await, format!("{code} body must be a JSON object"));
        assert_eq!(
            send(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))).await,
            format!("{code} body is not JSON (line 1, column 128)")
        );
        let deep = format!("{{\"legal_entity\":{}1{}}}", "{\"a\":".repeat(90), "}".repeat(90));
        assert_eq!(send(deep).await, format!("{code} legal_entity.a is not a field of the file"));
        let large = json!({ "legal_entity": { "legal_name": "x".repeat(70_000) } }).to_string();
        assert_eq!(send(large).await, "413 body_too_large ");
        // The seed prints its example with signs that are no JSON.
        assert!(
            send("{\"reference_id\": \"paystrator-kyb-90210\", //generated by Paystrator\n}".into())
                .await
                .contains("is not JSON")
        );
        // An empty draft is a draft.
        assert_eq!(put(&world.caller, &json!({}), None).await.status, 201);
        assert_eq!(world.caller.get("/v1/kyb").await.body["data"]["file"], json!({}));
        world
    })
    .await;
}

#[tokio::test]
async fn people_stay_who_they_are() {
    run(async |world| {
        let person = |file: &Value, n: usize| file["stakeholder"][n]["person_id"].as_str().unwrap().to_owned();
        let first = world.save_kyb(&example(), None).await;
        let john = person(&first, 0);
        assert_ne!(first["submitter"]["person_id"], json!(john));
        // Another is put before him: he is recognised by his data, and the other is new.
        let mut body = example();
        let mut other = body["stakeholder"][0].clone();
        set(&mut other, "director_name", Some(json!("Siti Aminah")));
        set(&mut other, "ktp_document", Some(json!(doc(16))));
        set(&mut other, "selfie_with_ktp", Some(json!(doc(17))));
        set(&mut body, "stakeholder", Some(json!([other, example()["stakeholder"][0]])));
        let second = world.save_kyb(&body, Some("\"1\"")).await;
        assert_eq!(person(&second, 1), john);
        let siti = person(&second, 0);
        assert_ne!(siti, john);
        assert_eq!(second["submitter"], first["submitter"]);
        // By the id he stays with other data; without it, other data are somebody new.
        let mut body = second.clone();
        set(&mut body, "stakeholder[1].city", Some(json!("Bogor")));
        assert_eq!(person(&world.save_kyb(&body, Some("\"2\"")).await, 1), john);
        set(&mut body, "stakeholder[1].city", Some(json!("Depok")));
        set(&mut body, "stakeholder[1].person_id", None);
        let fourth = world.save_kyb(&body, Some("\"3\"")).await;
        assert!(![&john, &siti].contains(&&person(&fourth, 1)));
        // Who left can come back, and may be the submitter too.
        set(&mut body, "stakeholder[1].person_id", Some(json!(john)));
        set(&mut body, "submitter.person_id", Some(json!(siti)));
        let fifth = world.save_kyb(&body, Some("\"4\"")).await;
        assert_eq!((person(&fifth, 1), &fifth["submitter"]["person_id"]), (john.clone(), &json!(siti)));
        let versions = world.caller.get("/v1/kyb/versions?limit=1").await;
        assert_eq!(versions.body["data"]["items"][0]["changed"], json!(["stakeholder", "submitter"]));

        // Nobody, a stranger's person, a connection's id, and what is only answered.
        let stranger = world.stranger().await;
        let theirs = json!({ "stakeholder": [{ "director_name": "Dewi" }] });
        let theirs = put(&stranger, &theirs, None).await.body["data"]["file"].clone();
        let nobody = "is nobody of this file: leave it out for somebody new";
        for id in [person(&theirs, 0), format!("per_{:032x}", 5)] {
            set(&mut body, "stakeholder[1].person_id", Some(json!(id)));
            let reply = put(&world.caller, &body, Some("*")).await;
            assert_eq!(named(&reply.body), [("stakeholder[1].person_id".to_owned(), nobody.to_owned())]);
        }
        set(&mut body, "stakeholder[1].person_id", Some(json!(john)));
        set(&mut body, "stakeholder[1].erased", Some(json!(true)));
        set(&mut body, "stakeholder[0].person_id", None);
        set(&mut body, "stakeholder[0].erased", Some(json!(true)));
        insta::assert_debug_snapshot!(named(&put(&world.caller, &body, Some("*")).await.body), @r###"
        [
            (
                "stakeholder[0].erased",
                "goes with a person_id alone",
            ),
            (
                "stakeholder[1].erased",
                "is not true of this person: leave it out",
            ),
        ]
        "###);
        assert_eq!(count(&world, "kyb_version WHERE version > 5").await, 0);
        world
    })
    .await;
}

#[tokio::test]
async fn another_client_sees_nothing_of_it() {
    run(async |world| {
        world.save_kyb(&example(), None).await;
        let stranger = world.stranger().await;
        assert_eq!(told(&stranger.get("/v1/kyb").await), "404 not_found");
        assert_eq!(told(&stranger.get("/v1/kyb?version=1").await), "404 not_found");
        assert_eq!(stranger.get("/v1/kyb/versions").await.body["data"]["items"], json!([]));
        let judged = stranger.get("/v1/kyb/completeness").await;
        assert_eq!((&judged.body["data"]["version"], &judged.body["data"]["complete"]), (&Value::Null, &json!(false)));
        assert_eq!(told(&put(&stranger, &example(), Some("\"1\"")).await), "412 changed_meanwhile");
        assert_eq!(put(&stranger, &json!({ "product_selection": "QR Code" }), None).await.status, 201);
        assert_eq!(without_ids(world.caller.get("/v1/kyb").await.body["data"]["file"].clone()), example());
        world
    })
    .await;
}

#[tokio::test]
async fn of_changes_at_once_one_wins() {
    run(async |world| {
        let bodies: Vec<Value> =
            (0..8).map(|n| json!({ "legal_entity": { "brand_name": format!("Brand {n}") } })).collect();
        let first = join_all(bodies.iter().map(|body| put(&world.caller, body, None))).await;
        assert_eq!(first.iter().filter(|reply| reply.status == 201).count(), 1);
        assert_eq!(first.iter().filter(|reply| told(reply) == "412 changed_meanwhile").count(), 7);
        assert_eq!(
            (count(&world, "kyb_version").await, count(&world, "data_key WHERE purpose <> 'document'").await),
            (1, 1),
            "and one key"
        );
        let stands = world.caller.get("/v1/kyb").await.body["data"]["file"].clone();
        let other: Vec<&Value> = bodies.iter().filter(|body| **body != stands).collect();
        let second = join_all(other.iter().map(|body| put(&world.caller, body, Some("\"1\"")))).await;
        assert_eq!(second.iter().filter(|reply| reply.status == 200).count(), 1);
        assert_eq!(count(&world, "kyb_version").await, 2);
        world
    })
    .await;
}

#[tokio::test]
async fn completeness_is_told_for_a_provider() {
    run(async |world| {
        let mut body = example();
        set(&mut body, "legal_entity.nib_number", None);
        set(&mut body, "supporting", Some(json!({ "business_location_photo": [doc(16)] })));
        set(&mut body, "stakeholder[0].ktp_document", None);
        set(&mut body, "legal_entity.company_industry", Some(json!(["Kite Making"])));
        world.save_kyb(&body, None).await;
        for provider in ["oy", "doku", "kaspro"] {
            let judged = world.caller.get(&format!("/v1/kyb/completeness?provider={provider}")).await;
            assert_eq!(judged.body["data"]["provider"], json!(provider));
            assert_eq!(judged.body["data"]["missing"].as_array().unwrap().len(), 3, "{}", judged.body);
        }
        insta::assert_snapshot!(world.caller.get("/v1/kyb/completeness").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "complete": false,
            "missing": [
              {
                "field": "legal_entity.nib_number",
                "message": "Enter the NIB (business registration number)."
              },
              {
                "field": "stakeholder[0].ktp_document",
                "message": "Director 1: Upload a scan of the director's KTP."
              },
              {
                "field": "supporting.bank_account_proof",
                "message": "Upload the first page of the company's bank book."
              }
            ],
            "provider": null,
            "version": 1
          },
          "errors": null,
          "status": 200
        }
        "###);
        insta::assert_snapshot!(world.caller.get("/v1/kyb/completeness?provider=nobody").await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "provider",
                "message": "is not a provider of this installation: GET /v1/providers/catalogue lists them"
              }
            ],
            "message": "provider is not a provider of this installation: GET /v1/providers/catalogue lists them",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        let notes = world.caller.get("/v1/kyb").await.body["data"]["notes"].clone();
        assert_eq!(notes[0]["field"], "legal_entity.company_industry[0]");
        for provider in world.app.providers.iter() {
            let additions = provider.kyb_additions();
            assert!(paystrator::domain::kyb::completeness::are_known(additions), "{}: {additions:?}", provider.code());
        }
        world
    })
    .await;
}

/// The published schema against the rules: what it refuses is refused, and what is kept satisfies it.
#[tokio::test]
async fn the_document_does_not_lie() {
    let document = serde_json::to_value(document()).unwrap();
    let schema = &document["components"]["schemas"]["KybFile"];
    let validator = jsonschema::validator_for(schema).unwrap();
    let today = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let (mut refused, mut kept) = (0, 0);
    for (path, _) in fields() {
        for (way, value) in mutations().into_iter().filter(|(way, _)| *way != "null") {
            let body = with(&path, value);
            let (right, faults) = check(body.as_object().unwrap(), today);
            let is_published = validator.is_valid(&body);
            assert!(is_published || !faults.is_empty(), "{path} {way} is taken against the document");
            refused += usize::from(!is_published);
            kept += 1;
            assert!(validator.is_valid(&Value::Object(right)), "what is kept of {path} {way} is not as published");
        }
    }
    assert!(refused > 600 && kept > 1_000, "{refused} {kept}");
    // Every field is published with its words, and nothing else.
    assert_eq!(schema["properties"].as_object().unwrap().len(), FILE.len());
    for (path, _) in fields() {
        let steps = path.replace("[0]", ".items");
        let found = steps
            .split('.')
            .fold(schema, |at, step| if step == "items" { &at["items"] } else { &at["properties"][step] });
        assert!(found["description"].as_str().is_some_and(|text| text.len() > 5), "{path}: {found}");
    }
}
