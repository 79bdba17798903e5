//! Keys belong to people: one human with many keys, and signed in besides, is one person where two must agree.

use paystrator::domain::access::{Need, Product, Right, Rights};
use paystrator::domain::ids;
use paystrator::domain::role::{self, Role};
use paystrator::domain::service::Mode;
use paystrator::flows::access::{By, Caller as Proved};
use paystrator::flows::keys;
use paystrator::flows::resolve::{self, Outcome, Refused, Resolved, Word};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::browser::Browser;
use crate::support::http::{Caller, Reply};
use crate::support::world::key;
use crate::support::{World, run};

async fn resolve(caller: &Caller, id: &str) -> Reply {
    let word = json!({ "outcome": "paid", "reason": "The bank's letter says so.", "document": "letter-17" });
    caller.post(&format!("/v1/transactions/{id}/resolve"), word).await
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.body["error"]["code"].as_str().unwrap_or(""))
}

/// A payment that is in doubt.
async fn doubt(world: &World, external_id: &str) -> String {
    let id = world.send(external_id, "1234567890", 10_000).await;
    world.until_evidence(&id, "unknown").await;
    id
}

/// What the command line makes for `--person`.
async fn key_for(world: &World, person: &str) -> Caller {
    let owner = keys::owner(&world.app, person).await.unwrap();
    world.caller.with_key(&key(&world.app, world.client_id, &owner).await)
}

/// A signed-in person, as the console's handlers have one.
fn signed_in(world: &World, user_id: Uuid, role: Role) -> Proved {
    Proved {
        client_id: world.client_id,
        by: By::Person(user_id),
        mode: Mode::Test,
        rights: role::key_rights(role),
        person: ids::show(ids::USER, user_id),
        by_token: false,
    }
}

fn word() -> Word {
    Word { outcome: Outcome::Paid, reason: "Seen on paper.".into(), document: "letter-18".into() }
}

async fn made(caller: &Caller, body: Value) -> Caller {
    let reply = caller.post("/v1/api-keys", body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    caller.with_key(reply.body["data"]["secret"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_made_by_a_key_is_the_same_person() {
    run(async |world| {
        let second = made(&world.caller, json!({ "name": "Second", "rights": { "operations": "read_write" } })).await;
        let named =
            made(&world.caller, json!({ "name": "Own", "person": " ANI ", "rights": { "operations": "write" } }));
        let named = named.await;
        let id = doubt(&world, "A").await;
        assert_eq!(resolve(&world.caller, &id).await.status, 202);
        for same in [&second, &named] {
            assert_eq!(code(&resolve(same, &id).await), (409, "second_person_needed"));
        }
        // Nobody makes a key of somebody else.
        let other = json!({ "name": "Other", "person": "Budi", "rights": { "operations": "write" } });
        let refused = world.caller.post("/v1/api-keys", other).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.body["error"]["fields"][0]["field"], "person");
        assert_eq!(resolve(&world.colleague, &id).await.status, 200);
        world.until_status(&id, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_person_and_their_keys_are_one() {
    run(async |world| {
        let dewi = world.person(world.client_id, "dewi@example.com", "Dewi", Role::Owner).await;
        world.person(world.client_id, "eka@example.com", "Eka", Role::Finance).await;
        let hers = key_for(&world, " Dewi@Example.com ").await;
        let from_hers = made(&hers, json!({ "name": "k", "rights": { "operations": "read_write" } })).await;
        let listed = hers.get("/v1/api-keys").await;
        let shown = ids::show(ids::USER, dewi);
        let people: Vec<&str> = listed.body["data"]["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["person"].as_str().unwrap())
            .collect();
        assert_eq!(people, ["Ani", "Budi", &shown, &shown], "no name of a person of the console stands in a key");

        let me = signed_in(&world, dewi, Role::Owner);
        let id = ids::parse(ids::SEND_MONEY, &doubt(&world, "B").await).unwrap();
        let text = ids::show(ids::SEND_MONEY, id);
        assert!(matches!(resolve::say(&world.app, &me, id, &word()).await, Ok(Resolved::Proposed(_))));
        for same in [&hers, &from_hers] {
            assert_eq!(code(&resolve(same, &text).await), (409, "second_person_needed"));
        }
        assert!(resolve::withdraw(&world.app, &me, id).await.unwrap().is_some());
        // And the other way round.
        assert_eq!(resolve(&from_hers, &text).await.status, 202);
        assert!(matches!(resolve::say(&world.app, &me, id, &word()).await, Err(Refused::SecondPerson(_))));
        // Another person of the team is another person.
        let eka = key_for(&world, "eka@example.com").await;
        let done = resolve(&eka, &text).await;
        assert_eq!((done.status, &done.body["data"]["proposedBy"]), (200, &json!(shown)));
        world.until_status(&text, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_key_outlives_its_persons_work_without_a_say_about_money() {
    run(async |world| {
        world.person(world.client_id, "owner@example.com", "Fitri", Role::Owner).await;
        let gita = world.person(world.client_id, "gita@example.com", "Gita", Role::Finance).await;
        let hers = key_for(&world, "gita@example.com").await;
        let id = doubt(&world, "C").await;
        assert_eq!(resolve(&hers, &id).await.status, 202);

        let owner = Browser::new(&world);
        owner.sign_in("owner@example.com").await;
        let member = format!("/console/settings/team/{}", ids::show(ids::USER, gita));
        assert!(owner.get(&member).await.has("1 API key belongs to this person"), "the page says it before the end");
        // Another role without a say, and then none at all.
        assert_eq!(owner.post(&format!("{member}/role"), &[("role", "operation")]).await.status, 303);
        assert_eq!(code(&resolve(&hers, &id).await), (403, "person_has_no_say"));
        assert_eq!(owner.post(&format!("{member}/remove"), &[]).await.status, 303);
        assert!(owner.get("/console/settings/team").await.has("1 API key belongs to people who left"));
        for outcome in ["paid", "withdraw"] {
            let body = json!({ "outcome": outcome, "reason": "r", "document": "d" });
            let reply = hers.post(&format!("/v1/transactions/{id}/resolve"), body).await;
            assert_eq!(code(&reply), (403, "person_has_no_say"), "{outcome}");
        }
        assert_eq!(hers.get("/v1/transactions").await.status, 200, "programs go on");
        // What was proposed in time stands, and a second person decides.
        assert_eq!(resolve(&world.caller, &id).await.status, 200);
        world.until_status(&id, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_name_that_nobody_of_the_console_has_is_a_person_of_its_own() {
    run(async |world| {
        let hadi = world.person(world.client_id, "hadi@example.com", "Hadi", Role::Owner).await;
        let owner = async |text: &str| keys::owner(&world.app, text).await;
        assert_eq!(owner("HADI@example.com").await.unwrap(), ids::show(ids::USER, hadi));
        assert_eq!(owner(" nobody@example.com ").await.unwrap(), "nobody@example.com");
        assert_eq!(owner("Hadi").await.unwrap(), "Hadi", "a name alone is nobody of the console");
        for none in ["", "  ", "usr_0190163d8694739ba9d1e1f2b5c4a3d2"] {
            assert!(owner(none).await.is_err(), "{none:?}");
        }
        world
    })
    .await;
}

#[test]
fn no_role_gives_a_key_more_than_it_may_do_itself() {
    let gives = |role, product, need| role::key_rights(role).allow(product, need);
    for role in [Role::Owner, Role::SuperAdmin, Role::Admin] {
        assert_eq!(role::key_rights(role), Rights::all(), "{role:?}");
    }
    for role in [Role::Finance, Role::Operation] {
        assert!(role::key_rights(role).0.values().all(|right| *right == Right::None), "{role:?} has no settings");
    }
    // A developer sets keys up for programs, sees providers, and decides about no money.
    for product in [Product::SendMoney, Product::Webhooks, Product::Settings] {
        assert!(gives(Role::Developer, product, Need::Write));
    }
    assert!(gives(Role::Developer, Product::Providers, Need::Read));
    assert!(!gives(Role::Developer, Product::Providers, Need::Write));
    assert!(!gives(Role::Developer, Product::Operations, Need::Read));
    assert!(!gives(Role::Developer, Product::Kyb, Need::Read), "the file holds data of people");
}
