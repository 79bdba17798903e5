//! Settings in the console: API keys, the IP allow-list, webhook endpoints, and the switch that pauses sending.

use paystrator::domain::ids;
use paystrator::domain::role::Role;
use paystrator::flows::access;
use paystrator::sandbox::merchant::Secret;
use paystrator::store::delivery;
use serde_json::json;
use uuid::Uuid;

use crate::support::browser::{Browser, Page};
use crate::support::{World, run};

const KEYS: &str = "/console/settings/keys";
const ADDRESSES: &str = "/console/settings/addresses";
const WEBHOOKS: &str = "/console/settings/webhooks";
const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

/// The value of a field that is shown once.
fn shown<'a>(page: &'a Page, id: &str) -> &'a str {
    page.between(&format!("<input id=\"{id}\" class=\"mono\" readonly value=\""), "\"")
}

/// Makes a key by the form; answers the page.
async fn make_key(browser: &Browser, name: &str, rights: &[(&str, &str)]) -> Page {
    let mut fields = vec![("name", name)];
    fields.extend(rights);
    browser.post(&format!("{KEYS}/new"), &fields).await
}

/// Makes an endpoint at the merchant by the form, who learns its secret; answers its path.
async fn make_endpoint(world: &World, browser: &Browser, name: &str) -> String {
    let url = format!("{}/webhooks/{name}", world.sandbox.merchant_url());
    let fields = [("url", url.as_str()), ("description", "Shop"), ("events", "payment.succeeded")];
    let page = browser.post(&format!("{WEBHOOKS}/new"), &fields).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let (secret, token) = (shown(&page, "secret").to_owned(), shown(&page, "token").to_owned());
    let secret = Secret { name: name.into(), secret, verification_token: Some(token) };
    world.sandbox.merchant.set_secret(secret).expect("the merchant takes the secret");
    page.between("class=\"after\"><a class=\"button\" href=\"", "\"").to_owned()
}

#[tokio::test]
async fn a_key_is_made_shown_once_used_and_revoked() {
    run(async |world| {
        let user = world.person(world.client_id, "owner@example.com", "Dewi Lestari", Role::Owner).await;
        let browser = Browser::new(&world);
        browser.sign_in("owner@example.com").await;
        let made = make_key(&browser, "Checkout", &[("right_send_money", "read"), ("right_webhooks", "write")]).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let secret = shown(&made, "secret").to_owned();
        let key = world.caller.with_key(&secret);
        assert_eq!(key.get("/v1/transactions").await.status, 200);
        assert_eq!(key.get("/v1/webhook-endpoints").await.status, 403, "no more than was ticked");
        let owner: Option<Uuid> = sqlx::query_scalar("SELECT user_id FROM api_key WHERE name = 'Checkout'")
            .fetch_one(&world.sql)
            .await
            .unwrap();
        assert_eq!(owner, Some(user));

        let list = browser.get(KEYS).await;
        for text in
            ["Checkout", "Dewi Lestari", "Payments: <em>Read</em>", "Webhooks: <em>Write</em>", "just now", "Budi"]
        {
            assert!(list.has(text), "{text} is missing: {}", list.body);
        }
        assert!(!list.has(&secret) && !list.has(&secret[12..40]), "shown once");
        let path = list.between("class=\"end\"><a href=\"", "\"").to_owned();
        assert!(browser.get(&path).await.has("Revoke this key"));
        // Without the tick nothing happens, and the page says why beside it.
        let unsure = browser.post(&format!("{path}/revoke"), &[]).await;
        assert!(unsure.status == 422 && unsure.has("id=\"sure-error\""), "{}", unsure.body);
        assert_eq!(key.get("/v1/transactions").await.status, 200);
        assert_eq!(browser.post(&format!("{path}/revoke"), &[("sure", "1")]).await.location(), KEYS);
        assert_eq!(key.get("/v1/transactions").await.status, 401);
        assert!(browser.get(KEYS).await.has("Revoked keys (1)"));
        assert!(browser.get(&path).await.has("This key was revoked"));
        // When it was last used is written down by the minute's work.
        paystrator::flows::keys::flush_use(&world.app).await.unwrap();
        let used = world.number("SELECT count(*) FROM api_key WHERE last_used_at IS NOT NULL AND name = 'Checkout'");
        assert_eq!(used.await, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn a_key_does_no_more_than_its_makers_role() {
    run(async |world| {
        let developer = world.signed_in("dev@example.com", Role::Developer).await;
        let form = developer.get(&format!("{KEYS}/new")).await;
        assert!(form.has("name=\"right_operations\" value=\"read\" disabled"), "{}", form.body);
        for beyond in [("right_operations", "read"), ("right_operations", "read_write"), ("right_providers", "write")] {
            let page = make_key(&developer, "Mine", &[beyond, ("right_send_money", "read")]).await;
            assert_eq!(page.status, 422, "{beyond:?}");
            assert!(page.has("Your role does not go so far") && page.has("value=\"Mine\""), "{}", page.body);
        }
        assert!(make_key(&developer, "Mine", &[]).await.has("at least one right"));
        let long = "x".repeat(101);
        for name in ["", "  ", "two\nlines", &long] {
            let page = make_key(&developer, name, &[("right_providers", "read")]).await;
            assert!(page.status == 422 && page.has("id=\"name-error\""), "{name:?}: {}", page.body);
            assert!(page.has("name=\"right_providers\" value=\"read\" checked"), "what was chosen stays chosen");
        }
        assert_eq!(world.number("SELECT count(*) FROM api_key WHERE user_id IS NOT NULL").await, 0);
        assert_eq!(make_key(&developer, "Mine", &[("right_providers", "read")]).await.status, 200);
        world
    })
    .await;
}

#[tokio::test]
async fn the_allow_list_is_checked_line_by_line_and_said_twice_where_it_is_odd() {
    run(async |world| {
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        assert!(owner.get(ADDRESSES).await.has("Calls may come from anywhere"));
        let set = async |text: &str, sure: &str| owner.post(ADDRESSES, &[("addresses", text), ("sure", sure)]).await;
        let page = set("8.8.4.0/24\r\n\r\nhello\r\n300.1.1.1", "").await;
        assert_eq!(page.status, 422);
        assert!(page.has("Line 3: &#34;hello&#34;") && page.has("Line 4: &#34;300.1.1.1&#34;"), "{}", page.body);
        assert!(page.has("8.8.4.0/24\r\n\r\nhello"), "what was typed stays: {}", page.body);
        assert!(set(&"9.9.9.9\n".repeat(501), "").await.has("at most 500 lines"));
        for (odd, says) in [("0.0.0.0/0", "lets everybody in"), ("10.0.0.0/8\n127.0.0.1", "shuts out everybody")] {
            let page = set(odd, "").await;
            assert!(page.status == 409 && page.has(says), "{odd}: {}", page.body);
        }
        assert_eq!(world.number("SELECT count(*) FROM audit WHERE action = 'allow_list.replaced'").await, 0);
        assert_eq!(world.caller.get("/v1/transactions").await.status, 200, "nothing was saved so far");
        assert_eq!(set("8.8.4.4\n8.8.8.8\n8.8.4.4", "").await.status, 303);
        let page = owner.get(ADDRESSES).await;
        assert!(page.has("8.8.4.4/32\n8.8.8.8/32</textarea>") && page.has("which the list keeps out"), "{}", page.body);
        let refused = world.caller.get("/v1/transactions").await;
        assert_eq!((refused.status, &refused.body["error"]["code"]), (403, &json!("address_not_allowed")));
        assert_eq!(set("127.0.0.1", "1").await.status, 303);
        assert_eq!(world.caller.get("/v1/transactions").await.status, 200);
        assert_eq!(set("", "1").await.status, 303);
        assert!(owner.get(ADDRESSES).await.has("Calls may come from anywhere"));
        world
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_is_made_tested_changed_and_switched_off() {
    run(async |world| {
        let browser = world.signed_in("dev@example.com", Role::Developer).await;
        for (fields, wrong) in [
            (vec![("url", "ftp://example.com"), ("events", "payment.failed")], "id=\"url-error\""),
            (vec![("url", "not an address"), ("events", "payment.failed")], "id=\"url-error\""),
            (vec![("url", "http://127.0.0.1:9/"), ("events", "payment.lost")], "id=\"events-error\""),
        ] {
            let page = browser.post(&format!("{WEBHOOKS}/new"), &fields).await;
            assert!(page.status == 422 && page.has(wrong), "{fields:?}: {}", page.body);
            assert!(page.has(&format!("value=\"{}\"", fields[0].1)), "what was typed stays");
        }
        let path = make_endpoint(&world, &browser, "shop").await;
        let page = browser.get(&path).await;
        assert!(page.has("/webhooks/shop") && page.has("Shop") && page.has("hmac.compare_digest"), "{}", page.body);
        let tested = browser.post(&format!("{path}/test"), &[]).await;
        assert!(tested.has("The test arrived: HTTP 200.") && tested.has("webhook.test"), "{}", tested.body);
        assert!(world.sandbox.merchant.received().iter().all(|receipt| receipt.verified));

        // A change is decided on the version that was shown.
        let url = format!("{}/webhooks/other", world.sandbox.merchant_url());
        let change = |version: &'static str| {
            [("url", url.clone()), ("events", "payment.failed".into()), ("version", version.into())]
        };
        let send = async |fields: [(&'static str, String); 3]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post(&format!("{path}/change"), &fields).await
        };
        assert_eq!(send(change("1")).await.location(), path);
        let late = send(change("1")).await;
        assert!(late.status == 409 && late.has("Somebody changed it meanwhile"), "{}", late.body);
        assert!(browser.get(&path).await.has("/webhooks/other"));

        assert_eq!(browser.post(&format!("{path}/switch"), &[("to", "off")]).await.location(), path);
        let off = browser.get(&path).await;
        assert!(off.has("switched off by its owner") && !off.has("Send a test"), "{}", off.body);
        for refused in ["test", "replay-failed"] {
            let page = browser.post(&format!("{path}/{refused}"), &[]).await;
            assert!(page.status == 409 && page.has("This endpoint is off"), "{refused}: {}", page.body);
        }
        assert_eq!(browser.post(&format!("{path}/switch"), &[("to", "on")]).await.location(), path);
        assert!(browser.get(&path).await.has("Send a test"));
        let log = browser.get("/console/settings/audit?area=endpoint").await;
        for text in ["Made a webhook endpoint", "Changed a webhook endpoint", "Status: Active → Off"] {
            assert!(log.has(text), "{text} is missing: {}", log.body);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_narrowed_and_told_again_and_secrets_overlap() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let path = make_endpoint(&world, &browser, "shop").await;
        for n in 0..3 {
            let id = world.send(&format!("D{n}"), "1239812390", 10_000).await;
            world.until_status(&id, "SUCCESS").await;
        }
        world.idle().await;
        let all = browser.get(&path).await;
        assert_eq!(all.body.matches("Send again<span").count(), 3);
        assert!(all.has("Tries: 1 · HTTP 200") && all.has("/console/transactions/sm_"), "{}", all.body);
        world.execute("UPDATE delivery SET state = 'failed', note = 'no answer' WHERE tries = 1").await;
        let failed = browser.get(&format!("{path}?state=failed")).await;
        assert!(failed.body.matches("Send again<span").count() == 3 && failed.has("Send all given up again (3)"));
        assert!(browser.get(&format!("{path}?state=pending")).await.has("Nothing here"));
        // One of them, then the rest: what was told since is not told once more.
        let one = failed.between("<td class=\"end\"><form method=\"post\" action=\"", "\"").to_owned();
        assert_eq!(browser.post(&one, &[]).await.location(), path);
        world.idle().await;
        assert!(browser.get(&path).await.has("Send all given up again (2)"));
        assert_eq!(browser.post(&format!("{path}/replay-failed"), &[]).await.location(), path);
        world.idle().await;
        let again = browser.get(&path).await;
        assert!(again.has("again: 1") && !again.has("Send all given up again"), "{}", again.body);
        assert_eq!(world.number("SELECT count(*) FROM delivery WHERE replay = 1 AND state = 'delivered'").await, 3);
        assert_eq!(browser.post(&format!("{path}/replay-failed"), &[]).await.status, 303, "nothing to tell");
        assert_eq!(world.number("SELECT count(*) FROM delivery").await, 6);
        let none = format!("{path}/deliveries/{}/replay", ids::show(ids::EVENT, Uuid::nil()));
        assert_eq!(browser.post(&none, &[]).await.status, 404);

        let rotated = browser.post(&format!("{path}/rotate"), &[]).await;
        assert!(rotated.has("The old secret signs as well until"), "{}", rotated.body);
        assert!(!shown(&rotated, "secret").is_empty());
        let tested = browser.post(&format!("{path}/test"), &[]).await;
        assert!(tested.has("The test arrived: HTTP 200."), "the merchant knows only the old one: {}", tested.body);
        let rotated = browser.post(&format!("{path}/rotate"), &[("immediately", "1")]).await;
        assert!(!rotated.has("signs as well until"), "{}", rotated.body);
        let tested = browser.post(&format!("{path}/test"), &[]).await;
        assert!(tested.has("answered HTTP 401"), "the old one is over: {}", tested.body);
        world
    })
    .await;
}

/// What is left over is counted as far as a person can make use of it: behind that it is *many*.
#[tokio::test]
async fn what_is_left_over_is_counted_no_further_than_two_hundred() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let path = make_endpoint(&world, &browser, "shop").await;
        let fill = "INSERT INTO delivery (client_id, event_id, endpoint_id, state, next_try_at, created_at, updated_at)
            SELECT client_id, gen_random_uuid(), id, $1, now() + interval '1 day', now(), now()
            FROM endpoint, generate_series(1, $2)";
        for (many, shown) in [(0, "0"), (1, "1"), (200, "200"), (201, "200+"), (900, "200+")] {
            for (state, column) in [("pending", "Waiting"), ("failed", "Given up")] {
                world.execute("TRUNCATE delivery").await;
                sqlx::query(fill).bind(state).bind(many).execute(&world.sql).await.unwrap();
                let list = browser.get(WEBHOOKS).await;
                let cell = list.between(&format!("data-label=\"{column}\">"), "</td>").replace("</span>", "");
                assert_eq!(cell.rsplit(['>', ' ']).next(), Some(shown), "{many} {state}");
            }
            let offered = browser.get(&path).await.has(&format!("Send all given up again ({shown})"));
            assert_eq!(offered, many > 0, "{many}");
        }
        // Nine hundred cost no more to count than two hundred.
        let counted = delivery::left_over(&world.app.db, world.client_id).await.unwrap();
        assert_eq!(counted.iter().map(|left| left.failed).collect::<Vec<_>>(), [201]);
        world.execute("TRUNCATE delivery").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_pause_is_told_on_every_page_until_somebody_resumes() {
    run(async |world| {
        let operation = world.signed_in("op@example.com", Role::Operation).await;
        let finance = world.signed_in("fin@example.com", Role::Finance).await;
        let sending = "/console/settings/sending";
        let long = "x".repeat(501);
        for wrong in ["", " ", &long] {
            let page = operation.post(&format!("{sending}/pause"), &[("reason", wrong)]).await;
            assert!(page.status == 422 && page.has("id=\"reason-error\""), "{}", page.body);
        }
        let reason = [("reason", "Books are <b>compared</b>")];
        assert_eq!(finance.post(&format!("{sending}/pause"), &reason).await.status, 403);
        assert_eq!(operation.post(&format!("{sending}/pause"), &reason).await.location(), sending);
        for browser in [&operation, &finance] {
            let page = browser.get("/console/transactions").await;
            assert!(
                page.has("Sending is paused: no payment leaves.") && page.has("&#60;b&#62;compared"),
                "{}",
                page.body
            );
        }
        assert!(!finance.get("/console/").await.has("href=\"/console/settings/sending\""), "not hers to lift");
        assert_eq!(world.caller.get("/v1/sending").await.body["data"]["paused"], true);
        let id = world.send("HELD", "1239812390", 10_000).await;
        assert_eq!(operation.post(&format!("{sending}/resume"), &[]).await.location(), sending);
        world.until_status(&id, "SUCCESS").await;
        assert!(!finance.get("/console/").await.has("class=\"banner\""));
        // The installation's own pause is told too, and no client lifts it.
        paystrator::flows::sending::set_all(&world.app, Some("a restore")).await.unwrap();
        let page = operation.get("/console/").await;
        assert!(page.has("has paused all sending.") && page.has("a restore"), "{}", page.body);
        assert_eq!(operation.post(&format!("{sending}/resume"), &[]).await.status, 303);
        assert!(operation.get("/console/").await.has("has paused all sending."));
        paystrator::flows::sending::set_all(&world.app, None).await.unwrap();
        assert!(!operation.get("/console/").await.has("class=\"banner\""));
        world
    })
    .await;
}

#[tokio::test]
async fn nothing_of_another_mode_or_client_is_reached() {
    run(async |world| {
        let mine = world.signed_in("owner@example.com", Role::Owner).await;
        let endpoint = make_endpoint(&world, &mine, "shop").await;
        make_key(&mine, "Checkout", &[("right_providers", "read")]).await;
        let key = mine.get(KEYS).await.between("class=\"end\"><a href=\"", "\"").to_owned();
        let id = world.send("E1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        let replay =
            mine.get(&endpoint).await.between("<td class=\"end\"><form method=\"post\" action=\"", "\"").to_owned();

        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let stranger = Browser::new(&world);
        stranger.sign_in("stranger@example.com").await;
        assert_eq!(mine.post("/console/mode", &[("mode", "live")]).await.status, 303);
        for browser in [&mine, &stranger] {
            assert!(!browser.get(KEYS).await.has("Checkout") && !browser.get(WEBHOOKS).await.has("/webhooks/shop"));
            for path in [&key, &endpoint] {
                assert_eq!(browser.get(path).await.status, 404, "{path}");
            }
            assert_eq!(browser.post(&format!("{key}/revoke"), &[("sure", "1")]).await.status, 404);
            for what in ["test", "rotate", "replay-failed"] {
                assert_eq!(browser.post(&format!("{endpoint}/{what}"), &[]).await.status, 404, "{what}");
            }
            assert_eq!(browser.post(&format!("{endpoint}/switch"), &[("to", "off")]).await.status, 404);
            let change = [("url", "http://127.0.0.1:9/"), ("events", "payment.failed"), ("version", "1")];
            assert_eq!(browser.post(&format!("{endpoint}/change"), &change).await.status, 404);
            assert_eq!(browser.post(&replay, &[]).await.status, 404);
        }
        assert_eq!(world.number("SELECT count(*) FROM api_key WHERE revoked_at IS NOT NULL").await, 0);
        assert_eq!(world.number("SELECT count(*) FROM endpoint WHERE version = 1").await, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn nothing_that_people_wrote_in_settings_is_markup() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        assert_eq!(make_key(&browser, SCRIPT, &[("right_webhooks", "read")]).await.status, 200);
        let endpoint = make_endpoint(&world, &browser, "shop").await;
        let id = world.send("S1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        for sql in [
            "UPDATE endpoint SET description = $1, disabled_reason = $1",
            "UPDATE delivery SET note = $1",
            "UPDATE event SET type = $1",
            "UPDATE client SET paused_at = now(), paused_reason = $1",
            "UPDATE api_key SET person = $1, hint = $1 WHERE person IS NOT NULL",
        ] {
            sqlx::query(sql).bind(SCRIPT).execute(&world.sql).await.unwrap();
        }
        let key = browser.get(KEYS).await.between("class=\"end\"><a href=\"", "\"").to_owned();
        let typed =
            [("url", SCRIPT), ("description", SCRIPT), ("name", SCRIPT), ("addresses", SCRIPT), ("reason", SCRIPT)];
        let mut pages = vec![browser.get(KEYS).await, browser.get(&key).await, browser.get(WEBHOOKS).await];
        pages.push(browser.get(&format!("{endpoint}?state={}", "%3Cscript%3E")).await);
        pages.push(browser.get("/console/settings/sending").await);
        for form in [format!("{KEYS}/new"), ADDRESSES.into(), format!("{WEBHOOKS}/new"), format!("{endpoint}/change")] {
            let page = browser.post(&form, &typed).await;
            assert_eq!(page.status, 422, "{form}");
            pages.push(page);
        }
        for page in pages {
            assert!(page.has("&#60;script&#62;alert"), "{}", page.body);
            assert!(!page.has("<script>") && !page.has("<img src=x"), "{}", page.body);
        }
        world.execute("UPDATE client SET paused_at = NULL, paused_reason = NULL").await;
        world
    })
    .await;
}
