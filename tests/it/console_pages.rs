//! What the pages show: the words of both languages, people's texts escaped, payments and providers as they are.

use std::collections::BTreeSet;
use std::path::Path;

use paystrator::console::words::Lang;
use paystrator::domain::role::Role;
use paystrator::flows::access;
use serde_json::json;

use crate::support::browser::{Browser, PASSWORD};
use crate::support::{World, run};

#[test]
fn both_languages_have_the_same_keys_and_blanks() {
    let keys = |lang: Lang| lang.texts().map(|(key, _)| key).collect::<BTreeSet<_>>();
    assert_eq!(keys(Lang::En), keys(Lang::Id));
    for lang in Lang::ALL {
        assert_eq!(keys(lang).len(), lang.texts().count(), "a key stands twice in {lang:?}");
        for (key, text) in lang.texts() {
            assert!(!text.trim().is_empty(), "{key} is empty in {lang:?}");
            let blanks = |text: &str| {
                text.split('{').skip(1).map(|r| r.split('}').next().unwrap().to_owned()).collect::<BTreeSet<_>>()
            };
            assert_eq!(blanks(text), blanks(Lang::En.find(key).unwrap()), "{key}");
        }
    }
}

/// Every text in quotes of the console's sources and templates that looks like a key.
fn used(folder: &Path, keys: &mut BTreeSet<String>, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("words") {
                used(&path, keys, texts);
            }
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        keys.extend(text.split('"').skip(1).step_by(2).filter(|word| is_key(word)).map(str::to_owned));
        if path.extension().is_some_and(|kind| kind == "html") {
            texts.push(format!("{}\n{text}", path.display()));
        }
    }
}

fn is_key(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let plain = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    parts.len() == 2 && parts.iter().all(plain) && !["html", "css", "svg", "js"].contains(&parts[1])
}

#[test]
fn every_text_goes_through_the_table_and_every_key_is_there() {
    let (mut keys, mut templates) = (BTreeSet::new(), Vec::new());
    used(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), &mut keys, &mut templates);
    assert!(keys.len() > 150 && templates.len() > 15);
    for key in &keys {
        assert!(Lang::En.find(key).is_some(), "{key} is in no table");
    }
    // No template holds a word of its own, but for the product's name.
    for text in templates {
        let (path, body) = text.split_once('\n').unwrap();
        let mut rest = body.to_owned();
        for (open, close) in [("{%", "%}"), ("{{", "}}"), ("<", ">")] {
            while let Some(at) = rest.find(open) {
                let end = rest[at..].find(close).map_or(rest.len(), |end| at + end + close.len());
                rest.replace_range(at..end, " ");
            }
        }
        let words: Vec<&str> = rest.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1).collect();
        assert!(words.iter().all(|word| *word == "Paystrator"), "{path} holds {words:?}");
    }
}

#[tokio::test]
async fn the_language_is_chosen_by_a_cookie_else_by_the_browser() {
    run(async |world| {
        let visitor = Browser::new(&world);
        let see = async |accept: &str| visitor.get_with("/console/sign-in", &[("Accept-Language", accept)]).await;
        for (accept, heading, lang) in [
            ("", "Sign in to your console", "en"),
            ("id-ID,id;q=0.9,en;q=0.8", "Masuk ke konsol Anda", "id"),
            ("en-GB;q=0.7, id;q=0.8", "Masuk ke konsol Anda", "id"),
            ("fr-FR, de", "Sign in to your console", "en"),
            ("id;q=0", "Sign in to your console", "en"),
            (";;,q=,", "Sign in to your console", "en"),
        ] {
            let page = see(accept).await;
            assert!(page.has(heading) && page.has(&format!("<html lang=\"{lang}\"")), "{accept}: {}", page.body);
        }
        let page = visitor.post("/console/preferences", &[("language", "id"), ("back", "/console/sign-in")]).await;
        assert_eq!(page.location(), "/console/sign-in");
        assert!(see("en").await.has("Masuk ke konsol Anda"), "chosen");
        assert_eq!(
            visitor
                .post("/console/preferences", &[("theme", "dark"), ("back", "https://evil.example")])
                .await
                .location(),
            "/console/"
        );
        assert!(see("en").await.has("data-theme=\"dark\""));
        visitor.post("/console/preferences", &[("theme", "\"><script>")]).await;
        assert!(!see("en").await.has("data-theme"));
        visitor.set_cookie("paystrator_theme", "evil");
        visitor.set_cookie("paystrator_flash", "flash.<script>");
        visitor.set_cookie("paystrator_language", "xx");
        let page = see("en").await;
        assert!(!page.has("evil") && !page.has("<script>") && page.has("Sign in to your console"));
        world
    })
    .await;
}

const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

#[tokio::test]
async fn nothing_that_people_wrote_is_markup() {
    run(async |world| {
        let evil = access::create_client(&world.app, &format!("Evil {SCRIPT}")).await.unwrap();
        world.person(evil, "owner@example.com", &format!("Ani {SCRIPT}"), Role::Owner).await;
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        sqlx::query("UPDATE connection SET label = 'Label ' || $1, status_reason = 'Why ' || $1")
            .bind(SCRIPT)
            .execute(&world.sql)
            .await
            .unwrap();
        let mut body = World::body(&format!("X {SCRIPT}"), "1239812390", 10_000);
        body["receiverName"] = json!("Budi <b>Santoso</b>");
        body["remark"] = json!("<i>remark</i>");
        let made = world.caller.post("/v1/send-money", body).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let id = made.body["data"]["id"].as_str().unwrap().to_owned();
        world.until_status(&id, "SUCCESS").await;
        sqlx::query("UPDATE observation SET message = $1, raw = $1").bind(SCRIPT).execute(&world.sql).await.unwrap();
        sqlx::query("UPDATE payment SET reason = $1").bind(SCRIPT).execute(&world.sql).await.unwrap();
        sqlx::query("UPDATE audit SET detail = jsonb_build_object($1::text, $1::text), person = $1")
            .bind(SCRIPT)
            .execute(&world.sql)
            .await
            .unwrap();

        let browser = Browser::new(&world);
        browser.sign_in("owner@example.com").await;
        let encoded = "%3Cscript%3Ealert('x')%3C%2Fscript%3E%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
        let mut shown = String::new();
        for path in [
            "/console/".to_owned(),
            "/console/clients".to_owned(),
            "/console/transactions".to_owned(),
            format!("/console/transactions/{id}"),
            format!("/console/transactions?order={encoded}&destination={encoded}&from={encoded}&to=x&status={encoded}"),
            "/console/providers".to_owned(),
            format!("/console/providers?search={encoded}&status={encoded}"),
            "/console/settings/team".to_owned(),
            "/console/settings/audit".to_owned(),
            format!("/console/settings/audit?area={encoded}&before={encoded}"),
            format!("/console/sign-in?next={encoded}"),
            format!("/console/invitation?token={encoded}"),
            format!("/console/set-password?token={encoded}"),
            format!("/console/{encoded}"),
        ] {
            let page = browser.get(&path).await;
            shown.push_str(&page.body);
            for markup in ["<script>", "<img src=x", "<b>San", "<i>rem"] {
                assert!(!page.has(markup), "{markup} at {path}: {}", page.body);
            }
        }
        for text in [
            "Evil &#60;script",
            "Ani &#60;script",
            "Label &#60;script",
            "Why &#60;script",
            "X &#60;script",
            "&#60;b&#62;Santoso",
            "&#60;i&#62;remark",
        ] {
            assert!(shown.contains(text), "{text} is nowhere");
        }
        // What a form gives back after a mistake is a text too.
        let page = browser.post("/console/settings/team/invite", &[("email", SCRIPT), ("role", "finance")]).await;
        assert!(page.status == 422 && page.has("value=\"&#60;script") && !page.has("<script"), "{}", page.body);
        let visitor = Browser::new(&world);
        let page = visitor.try_in(SCRIPT, PASSWORD).await;
        assert!(page.status == 422 && page.has("value=\"&#60;script") && !page.has("<script"), "{}", page.body);
        world
    })
    .await;
}

#[tokio::test]
async fn payments_are_listed_narrowed_and_told() {
    run(async |world| {
        world.endpoint("console").await;
        let mut paid = String::new();
        for n in 0..28 {
            paid = world.send(&format!("ORDER-{n}"), "1239812390", 1_250_000 + n).await;
            world.until_status(&paid, "SUCCESS").await;
        }
        let browser = world.signed_in("finance@example.com", Role::Finance).await;
        let first = browser.get("/console/transactions").await;
        assert_eq!(first.body.matches("<th scope=\"row\">").count(), 25);
        assert!(first.has("Rp1.250.027") && first.has("BCA …2390") && first.has("WIB</time>"), "{}", first.body);
        let next = first.between("class=\"pages\"", "</nav>");
        let next = next.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let second = browser.get(&next).await;
        assert_eq!(second.body.matches("<th scope=\"row\">").count(), 3);
        assert!(second.has("ORDER-0<") && !second.has("ORDER-27<"));
        assert!(browser.get("/console/transactions?order=ORDER-3").await.has("ORDER-3<"));
        assert!(browser.get("/console/transactions?status=FAILED").await.has("No payment fits"));
        assert!(browser.get("/console/transactions?doubt=1").await.has("No payment fits"));
        assert!(browser.get("/console/transactions?destination=bca&order=ORDER-9").await.has("ORDER-9<"));
        let page = browser.get("/console/transactions?from=yesterday").await;
        assert!(page.status == 422 && page.has("id=\"from-error\""), "{}", page.body);
        let day = (world.app.now() + chrono::TimeDelta::hours(7)).format("%Y-%m-%d");
        assert!(browser.get(&format!("/console/transactions?from={day}&to={day}&order=ORDER-5")).await.has("ORDER-5<"));
        assert!(browser.get("/console/transactions?to=2020-01-31").await.has("No payment fits"));

        world.idle().await;
        let story = browser.get(&format!("/console/transactions/{paid}")).await;
        for text in [
            "<h1 class=\"amount\">Rp1.250.027</h1>",
            "Budi Santoso",
            "Attempt 1 at OY! sandbox",
            "OY! sandbox, attempt 1",
            "State now: paid.",
            "/webhooks/",
            "Answer of the provider: accepted",
            "Told: payment.succeeded",
            "delivered, tries: 1.",
            "Balance at the provider",
            "Rp2.500",
            "Rp275",
        ] {
            assert!(story.has(text), "{text} is missing: {}", story.body);
        }
        assert!(!story.has("1239812390"), "an account is shown by its end alone");
        // Live data are others: the same person sees none of it there.
        assert_eq!(browser.post("/console/mode", &[("mode", "live")]).await.status, 303);
        assert!(browser.get("/console/").await.has("You look at live data."));
        assert!(browser.get("/console/transactions").await.has("No payments yet"));
        assert_eq!(browser.get(&format!("/console/transactions/{paid}")).await.status, 404);
        world
    })
    .await;
}

#[tokio::test]
async fn providers_are_listed_by_name_service_and_status() {
    run(async |world| {
        let browser = world.signed_in("dev@example.com", Role::Developer).await;
        let page = browser.get("/console/providers").await;
        for text in ["OY! sandbox", "Aggregator", "Send Money", "Active", "none yet"] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        let id = world.send("P1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert!(browser.get("/console/providers").await.has("just now"));
        assert!(browser.get("/console/providers?search=oy!&service=send_money&status=ACTIVE").await.has("OY! sandbox"));
        for narrow in ["search=nobody", "status=MAINTENANCE", "search=%25", "search=%00"] {
            let page = browser.get(&format!("/console/providers?{narrow}")).await;
            let found = narrow == "search=%00";
            assert_eq!(page.has("No provider fits"), !found, "{narrow}: {}", page.body);
        }
        sqlx::query("UPDATE connection SET status = 'MAINTENANCE', status_reason = 'window until 03:00'")
            .execute(&world.sql)
            .await
            .unwrap();
        let page = browser.get("/console/providers?status=MAINTENANCE").await;
        assert!(page.has("▲") && page.has("window until 03:00"), "{}", page.body);
        world
    })
    .await;
}
