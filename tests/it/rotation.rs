//! Master keys rotated while money moves: everything is sealed anew, nothing is lost, and the old key opens nothing more.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use paystrator::app::Parts;
use paystrator::cli::service::Service;
use paystrator::clock::Clock;
use paystrator::crypto::envelope::{Keyring, OpenError, Place};
use paystrator::flows::rotation::{self, Progress};
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::store::sealed::{COLUMNS, Column, UNDER_DATA_KEYS};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::http::Caller;
use crate::support::kyb::{self, example};
use crate::support::world::{fresh_database, open};
use crate::support::{Options, World};

fn ring(ids: &[u32]) -> Keyring {
    // The first is the one every world begins with.
    Keyring::new(ids.iter().map(|id| (*id, [6 + *id as u8; 32])).collect()).unwrap()
}

fn keys_of(counted: &[Progress]) -> BTreeSet<u32> {
    counted.iter().flat_map(|column| column.by_key.keys().copied()).collect()
}

/// The same world, its service started anew with these keys.
async fn restarted(world: World, url: &str, ids: &[u32]) -> World {
    let config = Options::default().config;
    let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
    let outbound = Outbound::new(limits).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let World { service, .. } = world;
    service.stop().await;
    let parts = Parts { db: open(url), clock: Clock::system(), outbound, config, keys: ring(ids) };
    let service = Service::start(parts, listener).await.expect("the service starts");
    let at = |caller: &Caller| Caller::new(&service.url, &caller.key);
    let (caller, colleague, app) = (at(&world.caller), at(&world.colleague), service.app.clone());
    World { service, app, caller, colleague, ..world }
}

#[tokio::test]
async fn every_value_is_sealed_anew_while_payments_run() {
    let url = fresh_database().await;
    // Settled four seconds after they were taken: what the first service took is finished by the second.
    let simulator = json!({ "settle_after_ms": 240_000 });
    let options = Options { database: Some(url.clone()), callbacks: false, simulator, ..Options::default() };
    let world = World::start(options).await;
    let endpoint = world.endpoint("main").await;
    let rotated = world.caller.post(&format!("/v1/webhook-endpoints/{endpoint}/rotate-secret"), json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    // The same secrets again: those before are kept beside them for a day.
    world.move_connection(world.sandbox.url("oy")).await;
    let mut payments = Vec::new();
    for n in 0..10 {
        payments.push(world.send(&format!("OLD-{n}"), "1239812390", 10_000 + n).await);
    }
    let called = world.callback(json!({ "partner_trx_id": "nobodysreference" })).await;
    assert_eq!(called.status, 200);
    people(&world).await;
    world.save_kyb(&example(), None).await;
    assert_eq!(keys_of(&rotation::count(&world.app).await.unwrap()), BTreeSet::from([1]));

    let world = restarted(world, &url, &[1, 2]).await;
    // Cut off after its first page, it has done a part.
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut stop = Some(stop);
    tokio::select! {
        biased;
        _ = stopped => {}
        done = rotation::rotate(&world.app, |_| drop(stop.take())) => panic!("it was not cut off: {done:?}"),
    }
    let part = rotation::count(&world.app).await.unwrap();
    assert_eq!(keys_of(&part), BTreeSet::from([1, 2]));
    assert!(rotation::left(&world.app, &part) >= 20, "{part:?}");

    // The rest, while new payments are sent and old ones are asked about.
    let sending = join_all((0..30).map(|n| {
        let world = &world;
        async move { world.send(&format!("NEW-{n}"), "1239812390", 20_000 + n).await }
    }));
    let (done, new) = tokio::join!(rotation::rotate(&world.app, |_| {}), sending);
    let done = done.unwrap();
    assert!(done.iter().all(|column| column.unreadable == 0), "{done:?}");
    assert!(done.iter().map(|column| column.renewed).sum::<u64>() >= 20, "{done:?}");
    payments.extend(new);
    for id in &payments {
        world.until_status(id, "SUCCESS").await;
    }
    world.idle().await;
    let again = rotation::rotate(&world.app, |_| {}).await.unwrap();
    assert_eq!(again.iter().map(|column| column.renewed).sum::<u64>(), 0);
    let counted = rotation::count(&world.app).await.unwrap();
    assert_eq!((keys_of(&counted), rotation::left(&world.app, &counted)), (BTreeSet::from([2]), 0));

    // The new key alone opens everything, the old one nothing.
    let (new, old) = (ring(&[2]), ring(&[1]));
    for column in COLUMNS {
        let Column { client, row, column: name, table, .. } = column;
        let sql = format!("SELECT {client}, {row}, {name} FROM {table} WHERE {name} IS NOT NULL");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&world.sql).await.unwrap();
        assert!(!rows.is_empty(), "{column:?}");
        for row in rows {
            let (client, id, value): (Uuid, Uuid, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
            let place = Place { client, column: column.place, row: id };
            assert!(new.open(place, &value).is_ok(), "{column:?}");
            assert!(matches!(old.open(place, &value), Err(OpenError::UnknownKey(2))), "{column:?}");
        }
    }
    let file = world.caller.get("/v1/kyb").await;
    assert_eq!((file.status, kyb::without_ids(file.body["data"]["file"].clone())), (200, example()));
    world.books_hold().await;
    world.service.stop().await;
    world.sandbox.stop().await;
}

/// A person and an invitation, with everything of them that is sealed.
async fn people(world: &World) {
    let (user, invited, ring) = (Uuid::from_u128(7), Uuid::from_u128(8), ring(&[1]));
    let of_user = |column| ring.seal(Place { client: user, column, row: user }, b"a secret");
    sqlx::query(
        "INSERT INTO app_user (user_id, email, email_hash, name, password, password_at, totp, totp_pending, created_at)
         VALUES ($1, $2, '', $3, '', now(), $4, $4, now())",
    )
    .bind(user)
    .bind(of_user("app_user.email"))
    .bind(of_user("app_user.name"))
    .bind(of_user("app_user.totp"))
    .execute(&world.sql)
    .await
    .unwrap();
    let place = Place { client: world.client_id, column: "invitation.email", row: invited };
    sqlx::query(
        "INSERT INTO invitation (client_id, id, email, email_hash, role, invited_by, created_at, expires_at)
         VALUES ($1, $2, $3, '', 'finance', 'x', now(), now())",
    )
    .bind(world.client_id)
    .bind(invited)
    .bind(ring.seal(place, b"a secret"))
    .execute(&world.sql)
    .await
    .unwrap();
}

/// A column that is sealed and not listed would be lost with the old key.
#[test]
fn every_place_that_is_sealed_to_is_listed() {
    let mut sealed = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // Named where a value is sealed, or in a constant that is.
            let constants = text.split(": &str = \"app_user.").skip(1).map(|found| format!("app_user.{found}"));
            let under = UNDER_DATA_KEYS
                .into_iter()
                .filter(|place| text.contains(&format!(": &str = \"{place}\"")))
                .map(str::to_owned);
            for found in text.split("column: \"").skip(1).map(str::to_owned).chain(constants).chain(under) {
                sealed.insert(found.split('"').next().unwrap().to_owned());
            }
        }
    }
    // Places have a table and a column; errors name others in the same words.
    sealed.retain(|place| place.contains('.') && !place.starts_with("fee_plan."));
    let masters = COLUMNS.iter().map(|column| column.place);
    let listed: BTreeSet<String> = masters.chain(UNDER_DATA_KEYS).map(str::to_owned).collect();
    assert_eq!(sealed, listed);
}
