//! Privacy of the people of a KYB file: what is kept of one is told to them, ends with their key in every version, and
//! goes through a rotation of the master keys.

use std::collections::BTreeMap;
use std::process::Stdio;

use paystrator::crypto::envelope::{DataKey, Keyring, OpenError, Place};
use paystrator::domain::ids;
use paystrator::flows::kyb::{self, Erasure};
use paystrator::flows::{audit, rotation};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::support::kyb::{doc, example, put, set};
use crate::support::world::fresh_database;
use crate::support::{Options, World, run, run_with};

fn id_of(person: &Value) -> Uuid {
    ids::parse(ids::PERSON, person["person_id"].as_str().unwrap()).unwrap()
}

/// Three versions of a file with two directors; the first of them stands in all, with other data each time.
async fn three_versions(world: &World) -> Value {
    let mut body = example();
    let mut siti = body["stakeholder"][0].clone();
    set(&mut siti, "director_name", Some(json!("Siti Aminah")));
    set(&mut siti, "email", Some(json!("siti@example.co.id")));
    set(&mut siti, "phone", Some(json!("+6281311112222")));
    set(&mut siti, "ktp_document", Some(json!(doc(16))));
    set(&mut siti, "selfie_with_ktp", Some(json!(doc(17))));
    body["stakeholder"].as_array_mut().unwrap().push(siti);
    let mut file = world.save_kyb(&body, None).await;
    for (version, city) in [("\"1\"", "Bogor"), ("\"2\"", "Depok")] {
        set(&mut file, "stakeholder[0].city", Some(json!(city)));
        file = world.save_kyb(&file, Some(version)).await;
    }
    file
}

#[tokio::test]
async fn everything_kept_of_a_person_is_exported() {
    run(async |world| {
        let file = three_versions(&world).await;
        let john = id_of(&file["stakeholder"][0]);
        let mut told = kyb::export(&world.app, world.client_id, john, "Ani").await.unwrap().unwrap();
        assert_eq!(told["person_id"], file["stakeholder"][0]["person_id"]);
        let versions = told["kyb"].take();
        let cities: Vec<&Value> = versions.as_array().unwrap().iter().map(|version| &version["data"]["city"]).collect();
        assert_eq!(cities, ["Jakarta Timur", "Bogor", "Depok"]);
        for version in versions.as_array().unwrap() {
            assert_eq!((&version["as"], &version["saved_by"]), (&json!("stakeholder"), &json!("Ani")));
            let mut data = example()["stakeholder"][0].clone();
            set(&mut data, "city", Some(version["data"]["city"].clone()));
            assert_eq!(version["data"], data, "all that was given, and nothing of anybody else");
        }
        let stranger = Uuid::from_u128(1);
        assert_eq!(kyb::export(&world.app, stranger, john, "Ani").await.unwrap(), None, "another client's");
        assert_eq!(kyb::export(&world.app, world.client_id, stranger, "Ani").await.unwrap(), None);
        assert_eq!(kyb::erase(&world.app, stranger, john, "Ani").await.unwrap(), Erasure::Nobody);
        let log = world.caller.get("/v1/audit?limit=1").await;
        let entry = &log.body["data"]["items"][0];
        assert_eq!((&entry["action"], &entry["object"]), (&json!("privacy.exported"), &told["person_id"]));
        assert_eq!(entry["detail"], json!({ "versions": 3 }));
        // The list names them to who runs the installation.
        let listed: BTreeMap<Uuid, kyb::Listed> =
            kyb::people(&world.app, world.client_id).await.unwrap().into_iter().map(|one| (one.id, one)).collect();
        assert_eq!(listed.len(), 3);
        let one = &listed[&john];
        assert_eq!(one.name.as_ref().unwrap().reveal(), "John Doe");
        assert_eq!(
            (one.first_version, one.last_version, one.roles.as_slice()),
            (1, 3, &["stakeholder".to_owned()][..])
        );
        assert!(!format!("{listed:?}").contains("John"));
        world
    })
    .await;
}

#[tokio::test]
async fn an_erased_person_is_unreadable_in_every_version() {
    run(async |world| {
        let file = three_versions(&world).await;
        let (john, siti) = (file["stakeholder"][0].clone(), file["stakeholder"][1].clone());
        let kept: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM data_key WHERE id = $1")
            .bind(id_of(&john))
            .fetch_one(&world.sql)
            .await
            .unwrap();
        let payment = world.send("BEFORE", "1239812390", 10_000).await;
        world.until_status(&payment, "SUCCESS").await;
        let erase = async || kyb::erase(&world.app, world.client_id, id_of(&john), "Ani").await.unwrap();
        assert_eq!((erase().await, erase().await), (Erasure::Done, Erasure::DoneBefore));
        let gone = json!({ "person_id": john["person_id"], "erased": true });
        for version in 1..=3 {
            let read = world.caller.get(&format!("/v1/kyb?version={version}")).await;
            let people = &read.body["data"]["file"]["stakeholder"];
            assert_eq!((&people[0], &people[1]), (&gone, &siti), "of version {version}");
            assert!(!read.body.to_string().contains("john.doe@"), "{}", read.body);
        }
        insta::assert_snapshot!(world.caller.get("/v1/kyb/completeness").await.shown(), @r###"
        HTTP 200
        {
          "data": {
            "complete": false,
            "missing": [
              {
                "field": "stakeholder[0]",
                "message": "Director 1: The data of this person were erased. Enter the person who takes the place, or take the entry out."
              }
            ],
            "provider": null,
            "version": 3
          },
          "errors": null,
          "status": 200
        }
        "###);
        let told = kyb::export(&world.app, world.client_id, id_of(&john), "Ani").await.unwrap().unwrap();
        assert!(told["kyb"].as_array().unwrap().iter().all(|version| version["data"].is_null()), "{told}");
        assert!(told["erased_at"].is_string());
        let entries = world.caller.get("/v1/audit").await.body["data"]["items"].clone();
        let erased: Vec<_> =
            entries.as_array().unwrap().iter().filter(|entry| entry["action"] == "privacy.erased").collect();
        assert_eq!((erased.len(), &erased[0]["object"]), (1, &john["person_id"]), "once");
        assert_eq!(audit::verify(&world.app).await.unwrap().breaks, []);
        // Who still had the sealed key could read; the row has it no more, and no backup of ours is asked.
        let left: Option<Vec<u8>> = sqlx::query_scalar("SELECT wrapped FROM data_key WHERE id = $1")
            .bind(id_of(&john))
            .fetch_one(&world.sql)
            .await
            .unwrap();
        assert!(left.is_none() && !kept.is_empty());
        world
    })
    .await;
}

#[tokio::test]
async fn a_file_goes_on_after_an_erasure() {
    run(async |world| {
        let file = three_versions(&world).await;
        kyb::erase(&world.app, world.client_id, id_of(&file["stakeholder"][0]), "Ani").await.unwrap();
        kyb::erase(&world.app, world.client_id, id_of(&file["submitter"]), "Ani").await.unwrap();
        let read = world.caller.get("/v1/kyb").await.body["data"]["file"].clone();
        // Sent back as it was answered, it is the same; with a change, it is a version in which they stay erased.
        let same = put(&world.caller, &read, Some("\"3\"")).await;
        assert_eq!((same.status, same.header("etag")), (200, Some("\"3\"")), "{}", same.body);
        let mut body = read.clone();
        set(&mut body, "legal_entity.brand_name", Some(json!("Sandbox")));
        assert_eq!(world.save_kyb(&body, Some("\"3\"")).await, body);
        // They do not come back under their id, whatever is said of them.
        let mut wrong = body.clone();
        set(&mut wrong, "stakeholder[0].director_name", Some(json!("John Doe")));
        set(&mut wrong, "submitter.name", Some(json!("John Doe")));
        insta::assert_snapshot!(put(&world.caller, &wrong, Some("*")).await.shown(), @r###"
        HTTP 400
        {
          "error": {
            "action": "Correct the fields named in error.fields and send the request again. Nothing was changed.",
            "code": "wrong_parameters_in_request",
            "fields": [
              {
                "field": "submitter.person_id",
                "message": "is a person whose data were erased: leave it out for somebody new"
              },
              {
                "field": "stakeholder[0].person_id",
                "message": "is a person whose data were erased: leave it out for somebody new"
              }
            ],
            "message": "submitter.person_id is a person whose data were erased: leave it out for somebody new; stakeholder[0].person_id is a person whose data were erased: leave it out for somebody new",
            "reason": "Required parameters are missing or not valid."
          },
          "requestId": "[requestId]",
          "status": 400
        }
        "###);
        // Somebody new in the place is somebody new.
        set(&mut body, "stakeholder[0]", None);
        let mut somebody = example()["stakeholder"][0].clone();
        set(&mut somebody, "director_name", Some(json!("Budi")));
        set(&mut somebody, "ktp_document", Some(json!(doc(18))));
        set(&mut somebody, "selfie_with_ktp", Some(json!(doc(19))));
        body["stakeholder"][0] = somebody;
        set(&mut body, "submitter", Some(example()["submitter"].clone()));
        let last = world.save_kyb(&body, Some("\"4\"")).await;
        assert_ne!(last["stakeholder"][0]["person_id"], file["stakeholder"][0]["person_id"]);
        assert_eq!(world.caller.get("/v1/kyb/completeness").await.body["data"]["complete"], json!(true));
        world
    })
    .await;
}

fn ring(ids: &[u32]) -> Keyring {
    Keyring::new(ids.iter().map(|id| (*id, [6 + *id as u8; 32])).collect()).unwrap()
}

/// A rotation seals the keys anew and touches nothing under them; what was erased before stays so, and what is erased
/// while it runs is not brought back.
#[tokio::test]
async fn keys_rotate_around_what_was_erased() {
    run(async |world| {
        let file = three_versions(&world).await;
        let (john, siti) = (id_of(&file["stakeholder"][0]), id_of(&file["stakeholder"][1]));
        let sealed = async || -> Vec<Vec<u8>> {
            sqlx::query_scalar("SELECT company FROM kyb_version UNION ALL SELECT data FROM kyb_person ORDER BY 1")
                .fetch_all(&world.sql)
                .await
                .unwrap()
        };
        let before = sealed().await;
        kyb::erase(&world.app, world.client_id, john, "Ani").await.unwrap();
        let done = rotation::rotate(&world.app, |_| {}).await.unwrap();
        let of_keys = done.iter().find(|column| column.column == "data_key.wrapped").unwrap();
        assert_eq!(
            (of_keys.values, of_keys.unreadable),
            (3 + 18, 0),
            "the submitter's, the other director's and the file's, and of twenty documents all but the director's two"
        );
        assert_eq!(sealed().await, before);
        // A page that was read before an erasure does not write the key back.
        let wrapped = "UPDATE data_key SET wrapped = $1 WHERE id = $2 AND wrapped = $1";
        let old: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM data_key WHERE id = $1")
            .bind(siti)
            .fetch_one(&world.sql)
            .await
            .unwrap();
        kyb::erase(&world.app, world.client_id, siti, "Ani").await.unwrap();
        assert_eq!(sqlx::query(wrapped).bind(&old).bind(siti).execute(&world.sql).await.unwrap().rows_affected(), 0);
        world
    })
    .await;
}

#[test]
fn a_data_key_opens_its_own_place_alone() {
    let ring = ring(&[1, 2]);
    let (client, row) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let place = Place { client, column: "data_key.wrapped", row };
    let (key, wrapped) = DataKey::make(&ring, place);
    let at = Place { client, column: "kyb_person.data", row };
    let sealed = key.seal(at, b"John Doe");
    assert_eq!(DataKey::open(&ring, place, &wrapped).unwrap().unseal(at, &sealed).unwrap(), b"John Doe");
    let refused = |place: Place<'_>, sealed: &[u8]| matches!(key.unseal(place, sealed), Err(OpenError::Refused));
    assert!(refused(Place { client: row, ..at }, &sealed) && refused(Place { row: client, ..at }, &sealed));
    assert!(refused(Place { column: "kyb_version.company", ..at }, &sealed));
    for n in 1..sealed.len() {
        let mut changed = sealed.clone();
        changed[n] ^= 1;
        assert!(refused(at, &changed), "{n}");
        assert!(key.unseal(at, &sealed[..n]).is_err());
    }
    assert!(matches!(key.unseal(at, &wrapped), Err(OpenError::Malformed)));
    assert!(matches!(ring.open(place, &sealed), Err(OpenError::Malformed)));
    assert!(DataKey::open(&ring, at, &wrapped).is_err() && DataKey::make(&ring, place).0.unseal(at, &sealed).is_err());
    assert_eq!(format!("{key:?}"), "DataKey(…)");
}

#[tokio::test]
async fn the_command_line_lists_exports_and_erases() {
    let url = fresh_database().await;
    let options = Options { database: Some(url.clone()), ..Options::default() };
    run_with(options, async |world| {
        let file = three_versions(&world).await;
        let person = file["stakeholder"][0]["person_id"].as_str().unwrap();
        let run = async |args: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_paystrator"))
                .arg("privacy")
                .args(args)
                .env("DATABASE_URL", &url)
                .env("PAYSTRATOR__KEYS__MASTER", "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output()
                .await
                .unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.success(), text(&output.stdout), text(&output.stderr))
        };
        let (good, listed, said) = run(&["people", "Dummy Company"]).await;
        assert!(
            good && said.is_empty() && listed.contains(&format!("{person}  stakeholder, versions 1 to 3  John Doe")),
            "{listed}"
        );
        let (good, told, _) = run(&["export", "Dummy Company", person]).await;
        let told: Value = serde_json::from_str(&told).unwrap();
        assert!(good && told["kyb"][1]["data"]["city"] == "Bogor", "{told}");
        let (good, _, said) = run(&["erase", "Dummy Company", person]).await;
        assert!(!good && said.contains("--yes") && !said.contains("John"), "{said}");
        assert_eq!(run(&["erase", "Dummy Company", person, "--yes"]).await.1, "erased\n");
        assert_eq!(run(&["erase", "Dummy Company", person, "--yes"]).await.1, "was erased before\n");
        let listed = run(&["people", "Dummy Company"]).await.1;
        assert!(
            listed.contains("erased on 2") && !listed.contains("stakeholder, versions 1 to 3  John Doe"),
            "{listed}"
        );
        assert!(!run(&["export", "Dummy Company", "per_x"]).await.0);
        assert!(
            run(&["export", "Dummy Company", &format!("per_{:032x}", 1)]).await.2.contains("there is no such person")
        );
        let by = world.caller.get("/v1/audit?limit=1").await.body["data"]["items"][0]["person"].clone();
        assert_eq!(by, "command line");
        world
    })
    .await;
}
