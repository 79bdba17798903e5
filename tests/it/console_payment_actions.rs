//! What people do with a payment in the console: ask again, cancel, tell webhooks again, and end a doubt by two.

use paystrator::domain::ids;
use paystrator::domain::role::Role;
use paystrator::flows::access;
use serde_json::json;
use uuid::Uuid;

use crate::console_sign_in::enrol;
use crate::support::browser::{Browser, PASSWORD, Page};
use crate::support::{World, run};

const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

/// A payment in doubt, and its page.
async fn doubt(world: &World, external_id: &str) -> (String, String) {
    let id = world.send(external_id, "1234567890", 250_000).await;
    world.until_evidence(&id, "unknown").await;
    let path = format!("/console/transactions/{id}");
    (id, path)
}

/// Proposes `outcome` by the form.
async fn propose(browser: &Browser, path: &str, outcome: &str) -> Page {
    let fields = [("outcome", outcome), ("reason", "The bank's letter says so."), ("document", "letter-17")];
    browser.post(&format!("{path}/resolve"), &fields).await
}

/// Reads what is proposed, and approves it by the form.
async fn approve(browser: &Browser, path: &str) -> Page {
    let page = browser.get(&format!("{path}/approve")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let read = page.between("name=\"resolution\" value=\"", "\"").to_owned();
    browser.post(&format!("{path}/approve"), &[("resolution", &read), ("sure", "1")]).await
}

/// The message on the page that an action leads to.
async fn told(browser: &Browser, action: Page) -> String {
    assert_eq!(action.status, 303, "{}", action.body);
    let page = browser.get(action.location()).await;
    page.between("class=\"flash\" role=\"status\">", "</p>").to_owned()
}

/// Makes every session's last proof too old.
async fn let_proofs_age(world: &World) {
    world.execute("UPDATE session SET proved_at = proved_at - interval '11 minutes'").await;
}

#[tokio::test]
async fn a_payment_is_cancelled_before_it_is_sent_and_not_after() {
    run(async |world| {
        let operation = world.signed_in("op@example.com", Role::Operation).await;
        let finance = world.signed_in("fin@example.com", Role::Finance).await;
        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let id = world.send("HELD", "1239812390", 10_000).await;
        let path = format!("/console/transactions/{id}");
        assert!(!finance.get(&path).await.has("/cancel\""), "not offered to who may not");
        assert!(operation.get(&path).await.has(&format!("href=\"{path}/cancel\"")));
        let page = operation.get(&format!("{path}/cancel")).await;
        assert!(page.has("HELD") && page.has("Rp10.000") && page.has("Budi Santoso"), "{}", page.body);
        assert!(!page.has("name=\"proof\""), "the password was given a moment ago");
        let unsure = operation.post(&format!("{path}/cancel"), &[]).await;
        assert!(unsure.status == 422 && unsure.has("id=\"sure-error\""), "{}", unsure.body);
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        let done = operation.post(&format!("{path}/cancel"), &[("sure", "1")]).await;
        assert!(told(&operation, done).await.contains("The payment is cancelled."));
        assert_eq!(world.row(&id).await["reason_code"], "cancelled");
        world.caller.post("/v1/sending/resume", json!({})).await;

        let paid = world.send("PAID", "1239812390", 10_000).await;
        world.until_status(&paid, "SUCCESS").await;
        let path = format!("/console/transactions/{paid}");
        assert!(!operation.get(&path).await.has("/cancel\""));
        let late = operation.post(&format!("{path}/cancel"), &[("sure", "1")]).await;
        assert!(told(&operation, late).await.contains("too late to cancel"));
        assert_eq!(world.row(&paid).await["status"], "SUCCESS");
        world
    })
    .await;
}

#[tokio::test]
async fn the_provider_is_asked_and_webhooks_are_told_again_on_demand() {
    run(async |world| {
        world.endpoint("shop").await;
        let operation = world.signed_in("op@example.com", Role::Operation).await;
        let (id, path) = doubt(&world, "ASKED").await;
        let polls = async || -> i32 {
            let id = ids::parse(ids::SEND_MONEY, &id).unwrap();
            sqlx::query_scalar("SELECT polls FROM attempt WHERE payment_id = $1")
                .bind(id)
                .fetch_one(&world.sql)
                .await
                .unwrap()
        };
        // Whoever else has asked lately answers for this too.
        world.execute("UPDATE attempt SET polled_at = polled_at - interval '1 hour'").await;
        let before = polls().await;
        let asked = operation.post(&format!("{path}/refresh"), &[]).await;
        assert!(told(&operation, asked).await.contains("We looked again"));
        assert!(polls().await > before);
        assert!(operation.get(&path).await.has("Ask the provider"));

        let paid = world.send("PAID", "1239812390", 10_000).await;
        world.until_status(&paid, "SUCCESS").await;
        world.idle().await;
        let path = format!("/console/transactions/{paid}");
        let story = operation.get(&path).await;
        assert!(!story.has("Ask the provider"), "final is final");
        for text in [
            "Call from the provider",
            "About attempt 1 at OY! sandbox",
            "Booked: sent",
            "Transfer Rp10.000: Balance at the provider → In transit",
            "Booked: paid",
            "Fee Rp2.500",
            "Told: payment.succeeded",
            "delivered, tries: 1.",
            "HTTP 200",
        ] {
            assert!(story.has(text), "{text} is missing: {}", story.body);
        }
        let again = operation.post(&format!("{path}/resend"), &[]).await;
        assert!(told(&operation, again).await.contains("being sent again"));
        world.idle().await;
        let told_twice = world.sandbox.merchant.received();
        let about = told_twice.iter().filter(|receipt| receipt.payment_id.as_deref() == Some(&paid));
        assert_eq!(about.count(), 2);
        // What still waits is not told twice.
        world
            .execute("UPDATE delivery SET state = 'pending', next_try_at = now() + interval '1 day' WHERE replay = 1")
            .await;
        let none = operation.post(&format!("{path}/resend"), &[]).await;
        assert!(told(&operation, none).await.contains("nothing to send again"));
        world.execute("UPDATE delivery SET state = 'delivered'").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_story_says_what_comes_next_and_repeats_nothing() {
    run(async |world| {
        let operation = world.signed_in("op@example.com", Role::Operation).await;
        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let held = world.send("HELD", "1239812390", 10_000).await;
        assert!(operation.get(&format!("/console/transactions/{held}")).await.has("It is about to be sent."));
        world.caller.post("/v1/sending/resume", json!({})).await;
        world.until_status(&held, "SUCCESS").await;
        let story = operation.get(&format!("/console/transactions/{held}")).await;
        assert!(!story.has("Do not pay it again") && story.has("Rp2.500"), "{}", story.body);

        let (_, path) = doubt(&world, "DOUBT").await;
        // Asked time and again: what is seen alike in a row is told once.
        let mut story = operation.get(&path).await;
        for _ in 0..500 {
            if story.has("Seen again ") {
                break;
            }
            story = operation.get(&path).await;
        }
        assert!(story.has("Seen again "), "{}", story.body);
        assert!(story.has("Nobody knows yet whether the provider took it."), "{}", story.body);
        assert!(story.body.matches("Status asked").count() < 3, "{}", story.body);
        world
    })
    .await;
}

#[tokio::test]
async fn a_doubt_is_ended_by_two_people_who_both_saw_it() {
    run(async |world| {
        world.person(world.client_id, "gita@example.com", "Gita Sari", Role::Finance).await;
        let gita = Browser::new(&world);
        gita.sign_in("gita@example.com").await;
        let admin = world.signed_in("admin@example.com", Role::Admin).await;
        let operation = world.signed_in("op@example.com", Role::Operation).await;
        let (id, path) = doubt(&world, "DOUBT").await;
        assert!(!operation.get(&path).await.has("/resolve\""), "not offered to who may not");
        let form = gita.get(&format!("{path}/resolve")).await;
        assert!(
            form.has("value=\"paid\"") && form.has("value=\"failed\"") && !form.has("value=\"noted\""),
            "{}",
            form.body
        );
        // What is missing stands beside its field, and nothing is proposed.
        let empty = gita.post(&format!("{path}/resolve"), &[("reason", "Because"), ("outcome", "maybe")]).await;
        assert_eq!(empty.status, 422);
        assert!(empty.has("id=\"outcome-error\"") && empty.has("id=\"document-error\""), "{}", empty.body);
        assert!(empty.has("value=\"Because\"") && !empty.has("id=\"reason-error\""));
        let unfit = propose(&gita, &path, "noted").await;
        assert!(told(&gita, unfit).await.contains("cannot be resolved so"));
        assert_eq!(world.number("SELECT count(*) FROM resolution").await, 0);

        assert!(told(&gita, propose(&gita, &path, "paid").await).await.contains("is proposed"));
        let story = gita.get(&path).await;
        assert!(story.has("You proposed it") && !story.has("/approve\""), "{}", story.body);
        let own = gita.get(&format!("{path}/approve")).await;
        assert!(told(&gita, own).await.contains("You proposed this yourself"));
        let resolution: Uuid = sqlx::query_scalar("SELECT id FROM resolution").fetch_one(&world.sql).await.unwrap();
        let read = ids::show(ids::RESOLUTION, resolution);
        let own = gita.post(&format!("{path}/approve"), &[("resolution", &read), ("sure", "1")]).await;
        assert!(told(&gita, own).await.contains("You proposed this yourself"));
        // A second proposal does not approve the first, whoever sends it.
        let meanwhile = propose(&admin, &path, "paid").await;
        assert!(told(&admin, meanwhile).await.contains("Something is proposed already"));

        let list = admin.get("/console/transactions/doubt").await;
        assert!(
            list.has("Waiting for a second person") && list.has("Gita Sari") && list.has("It was paid"),
            "{}",
            list.body
        );
        assert!(list.has(&format!("{path}/approve")));
        let page = admin.get(&format!("{path}/approve")).await;
        for text in ["Gita Sari", "The bank&#39;s letter says so.", "letter-17", "Rp250.000", "It was paid"] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        let unsure = admin.post(&format!("{path}/approve"), &[("resolution", &read)]).await;
        assert!(unsure.status == 422 && unsure.has("id=\"sure-error\""), "{}", unsure.body);
        // It is withdrawn and proposed anew: what was read is not what stands.
        assert!(told(&gita, gita.post(&format!("{path}/withdraw"), &[]).await).await.contains("is withdrawn"));
        assert!(told(&gita, propose(&gita, &path, "paid").await).await.contains("is proposed"));
        let gone = admin.post(&format!("{path}/approve"), &[("resolution", &read), ("sure", "1")]).await;
        assert!(told(&admin, gone).await.contains("stands no more"));
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        assert!(told(&admin, approve(&admin, &path).await).await.contains("resolved and booked"));
        assert_eq!(world.row(&id).await["status"], "SUCCESS");
        assert!(admin.get(&path).await.has("proposed by usr_"), "the document stays in the story");
        assert_eq!(world.number("SELECT count(*) FROM audit WHERE action = 'resolution.approved'").await, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn money_is_decided_about_with_a_fresh_proof() {
    run(async |world| {
        let operation = world.signed_in("op@example.com", Role::Operation).await;
        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let id = world.send("HELD", "1239812390", 10_000).await;
        let path = format!("/console/transactions/{id}/cancel");
        let_proofs_age(&world).await;
        assert!(operation.get(&path).await.has("<input id=\"proof\" name=\"proof\" type=\"password\""));
        for wrong in ["", "not it at all"] {
            let page = operation.post(&path, &[("sure", "1"), ("proof", wrong)]).await;
            assert!(page.status == 422 && page.has("id=\"proof-error\""), "{}", page.body);
            assert!(!page.has("not it at all"));
        }
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        assert_eq!(operation.post(&path, &[("sure", "1"), ("proof", PASSWORD)]).await.status, 303);
        assert_eq!(world.row(&id).await["status"], "FAILED");
        assert!(!operation.get(&path).await.has("name=\"proof\""), "it holds for a while");

        // With a second step it is a code, each once; and guesses are slowed.
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        let (_, recovery) = enrol(&world, &owner).await;
        let id = world.send("HELD-2", "1239812390", 10_000).await;
        let path = format!("/console/transactions/{id}/cancel");
        let_proofs_age(&world).await;
        assert!(owner.get(&path).await.has("autocomplete=\"one-time-code\""));
        assert!(owner.post(&path, &[("sure", "1"), ("proof", PASSWORD)]).await.has("This code is wrong"));
        assert_eq!(owner.post(&path, &[("sure", "1"), ("proof", &recovery[0])]).await.status, 303);
        assert_eq!(world.row(&id).await["status"], "FAILED");
        let_proofs_age(&world).await;
        let mut said = String::new();
        for _ in 0..7 {
            said = owner.post(&path, &[("sure", "1"), ("proof", &recovery[0])]).await.body;
        }
        assert!(said.contains("Too many tries"), "{said}");
        world.caller.post("/v1/sending/resume", json!({})).await;
        world
    })
    .await;
}

#[tokio::test]
async fn money_in_doubt_is_found_by_age_and_amount() {
    run(async |world| {
        let finance = world.signed_in("fin@example.com", Role::Finance).await;
        let page = "/console/transactions/doubt";
        assert!(finance.get(page).await.has("Nothing is in doubt"));
        assert!(finance.get("/console/transactions").await.has(&format!("href=\"{page}\"")), "linked from the list");
        let (id, path) = doubt(&world, "LONG").await;
        doubt(&world, "SHORT").await;
        world.execute("UPDATE payment SET unknown_since = unknown_since - interval '25 hours' WHERE external_id = 'LONG'").await;
        let all = finance.get(page).await;
        assert!(all.has("In doubt (2)") && all.has("Rp500.000") && all.has("LONG<") && all.has("SHORT<"), "{}", all.body);
        let old = finance.get(&format!("{page}?age=day")).await;
        assert!(old.has("LONG<") && !old.has("SHORT<"), "{}", old.body);
        assert!(finance.get(&format!("{page}?age=week")).await.has("No payment fits"));
        assert!(finance.get(&format!("{page}?amount=250.000")).await.has("SHORT<"));
        assert!(finance.get(&format!("{page}?amount=250001")).await.has("No payment fits"));
        let wrong = finance.get(&format!("{page}?amount=much")).await;
        assert!(wrong.status == 422 && wrong.has("id=\"amount-error\""), "{}", wrong.body);
        sqlx::query(
            "INSERT INTO exception (client_id, id, payment_id, attempt, kind, detail, amount, observations, opened_at)
             SELECT client_id, gen_random_uuid(), id, 1, 'echo_differs', $1, 9999, '{}', now() FROM payment WHERE id = $2",
        )
        .bind(SCRIPT)
        .bind(ids::parse(ids::SEND_MONEY, &id).unwrap())
        .execute(&world.sql)
        .await
        .unwrap();
        let open = finance.get(page).await;
        assert!(open.has("Open exceptions") && open.has("The provider names another amount") && open.has("Rp9.999"));
        // What people wrote is text wherever it is shown.
        let fields = [("outcome", "paid"), ("reason", SCRIPT), ("document", SCRIPT)];
        assert_eq!(finance.post(&format!("{path}/resolve"), &fields).await.status, 303);
        let admin = world.signed_in("admin@example.com", Role::Admin).await;
        for place in [page.to_owned(), path.clone(), format!("{path}/approve")] {
            let page = admin.get(&place).await;
            assert!(page.has("&#60;script&#62;alert"), "{place}: {}", page.body);
            assert!(!page.has("<script>") && !page.has("<img src=x"), "{place}: {}", page.body);
        }
        world.execute("DELETE FROM exception").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_payment_of_another_client_or_mode_is_nobodys_to_decide() {
    run(async |world| {
        let (id, path) = doubt(&world, "MINE").await;
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let stranger = Browser::new(&world);
        stranger.sign_in("stranger@example.com").await;
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        assert!(told(&owner, propose(&owner, &path, "failed").await).await.contains("is proposed"));
        assert_eq!(owner.post("/console/mode", &[("mode", "live")]).await.status, 303);
        let resolution: Uuid = sqlx::query_scalar("SELECT id FROM resolution").fetch_one(&world.sql).await.unwrap();
        let read = ids::show(ids::RESOLUTION, resolution);
        for browser in [&stranger, &owner] {
            for page in ["", "/cancel", "/resolve", "/approve"] {
                assert_eq!(browser.get(&format!("{path}{page}")).await.status, 404, "{page}");
            }
            for action in ["refresh", "resend", "withdraw"] {
                assert_eq!(browser.post(&format!("{path}/{action}"), &[]).await.status, 404, "{action}");
            }
            assert_eq!(browser.post(&format!("{path}/cancel"), &[("sure", "1")]).await.status, 404);
            assert_eq!(propose(browser, &path, "failed").await.status, 404);
            let sent = [("resolution", read.as_str()), ("sure", "1")];
            assert_eq!(browser.post(&format!("{path}/approve"), &sent).await.status, 404);
            let page = browser.get("/console/transactions/doubt").await;
            assert!(!page.has("MINE") && page.has("Nothing is in doubt"), "{}", page.body);
        }
        assert_eq!(world.row(&id).await["status"], "PROCESSING");
        assert_eq!(world.number("SELECT count(*) FROM resolution WHERE approved_at IS NULL").await, 1);
        world
    })
    .await;
}
