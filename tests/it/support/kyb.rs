//! The KYB file for tests: the example of seed 000 made valid JSON, and every field of the table in every wrong way.

use std::future::Future;

use paystrator::crypto::envelope::{DataKey, Place};
use paystrator::domain::ids;
use paystrator::domain::kyb::fields::{FILE, Field, Rule};
use serde_json::{Value, json};

use super::http::{Caller, Reply};
use super::world::{self, World};

/// The id of a document of the example.
pub fn doc(n: u8) -> String {
    format!("doc_{n:032x}")
}

/// The example of seed 000. Its links are documents here, and its addresses of e-mail are such again.
pub fn example() -> Value {
    serde_json::from_str(include_str!("../../../src/cli/demo/files/kyb.json")).expect("the example is JSON")
}

/// Every field of the table with its path, blocks too; of a list of blocks its first.
pub fn fields() -> Vec<(String, &'static Field)> {
    fn walk(fields: &'static [Field], at: &str, all: &mut Vec<(String, &'static Field)>) {
        for field in fields {
            let path = if at.is_empty() { field.name.to_owned() } else { format!("{at}.{}", field.name) };
            all.push((path.clone(), field));
            match field.rule {
                Rule::Block(inner) => walk(inner, &path, all),
                Rule::Blocks(inner, _) => walk(inner, &format!("{path}[0]"), all),
                _ => {}
            }
        }
    }
    let mut all = Vec::new();
    walk(&FILE, "", &mut all);
    all
}

/// Sets what stands at a path, or takes it out.
pub fn set(body: &mut Value, path: &str, value: Option<Value>) {
    let (at, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut block = body;
    for word in at.split('.').filter(|word| !word.is_empty()) {
        let (name, index) = match word.split_once('[') {
            Some((name, index)) => (name, Some(index.trim_end_matches(']').parse::<usize>().unwrap())),
            None => (word, None),
        };
        block = &mut block[name];
        if let Some(index) = index {
            block = &mut block[index];
        }
    }
    let block = block.as_object_mut().unwrap();
    match value {
        Some(value) => drop(block.insert(name.to_owned(), value)),
        None => drop(block.remove(name)),
    }
}

/// The example with one field changed.
pub fn with(path: &str, value: Option<Value>) -> Value {
    let mut body = example();
    set(&mut body, path, value);
    body
}

/// Ways to spoil a field, by name. Each is a value that is wrong for most fields.
pub fn mutations() -> Vec<(&'static str, Option<Value>)> {
    vec![
        ("missing", None),
        ("null", Some(Value::Null)),
        ("a truth", Some(json!(true))),
        ("a number", Some(json!(7))),
        ("a fraction", Some(json!(7.5))),
        ("a huge number", Some(serde_json::from_str("123456789012345678901234567890").unwrap())),
        ("a list", Some(json!([{ "a": 1 }, 2]))),
        ("an object", Some(json!({ "a": 1 }))),
        ("empty", Some(json!(""))),
        ("blanks", Some(json!("  \t "))),
        ("too long", Some(json!("Panjang ".repeat(50)))),
        ("huge", Some(json!("Besar ".repeat(8_000)))),
        ("script", Some(json!("<script>alert('kenari')</script>"))),
        ("control", Some(json!("Burung\u{7}Kenari"))),
        ("zero", Some(json!("Burung\0Kenari"))),
        ("lines", Some(json!("Burung\nKenari"))),
        ("unseen", Some(json!("Burung\u{202e}Kenari"))),
        ("other alphabet", Some(json!("Канарейка 金絲雀"))),
        ("other digits", Some(json!("\u{661}\u{662}\u{663}\u{664}\u{665}"))),
        ("signs", Some(json!("!?$%"))),
        ("wrong format", Some(json!("kenari-kuning"))),
    ]
}

/// A file as it is answered, without the ids of its people.
pub fn without_ids(mut file: Value) -> Value {
    file["stakeholder"].as_array_mut().into_iter().flatten().for_each(|person| set(person, "person_id", None));
    set(&mut file["submitter"], "person_id", None);
    file
}

/// Puts a file over the version that `If-Match` shall name, or where there is none.
pub async fn put(caller: &Caller, body: &Value, over: Option<&str>) -> Reply {
    let header = over.map_or(("If-None-Match", "*"), |over| ("If-Match", over));
    caller.call("PUT", "/v1/kyb", Some(body.to_string()), &[header]).await
}

/// The documents that the example names, as rows without a content: for tests that never read it.
async fn documents(world: &World) {
    let (mut ids, mut wrapped, mut abouts) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=20 {
        let id = ids::parse(ids::DOCUMENT, &doc(n)).unwrap();
        let place = |column| Place { client: world.client_id, column, row: id };
        let (key, sealed) = DataKey::make(&world.app.keys, place("data_key.wrapped"));
        let about = json!({ "name": format!("document {n}.pdf"), "sha256": "" }).to_string();
        abouts.push(key.seal(place("document.about"), about.as_bytes()));
        ids.push(id);
        wrapped.push(sealed);
    }
    sqlx::query(
        "INSERT INTO data_key (client_id, id, purpose, wrapped, created_at)
         SELECT $1, i.id, 'document', i.wrapped, now() FROM UNNEST($2::uuid[], $3::bytea[]) AS i(id, wrapped)
         ON CONFLICT DO NOTHING",
    )
    .bind(world.client_id)
    .bind(&ids)
    .bind(&wrapped)
    .execute(&world.sql)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO document (client_id, id, state, about, fingerprint, media_type, size_bytes, created_at, created_by)
         SELECT $1, i.id, 'stored', i.about, uuid_send(i.id), 'application/pdf', 1, now(), 'test'
         FROM UNNEST($2::uuid[], $3::bytea[]) AS i(id, about) ON CONFLICT DO NOTHING",
    )
    .bind(world.client_id)
    .bind(&ids)
    .bind(&abouts)
    .execute(&world.sql)
    .await
    .unwrap();
}

/// The usual world, with the documents of the example.
pub async fn run<F: Future<Output = World>>(test: impl FnOnce(World) -> F) {
    world::run(async |world| {
        documents(&world).await;
        test(world).await
    })
    .await;
}

impl World {
    /// Saves a file, and answers it as it stands. The documents of the example are there.
    pub async fn save_kyb(&self, body: &Value, over: Option<&str>) -> Value {
        documents(self).await;
        let reply = put(&self.caller, body, over).await;
        assert!([200, 201].contains(&reply.status), "{}", reply.body);
        reply.body["data"]["file"].clone()
    }
}
