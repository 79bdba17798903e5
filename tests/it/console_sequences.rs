//! Sequences in the console: reordered by buttons that need no script, saved as versions with a way back, made and
//! removed for single destinations; and the preview that says in plain words where a payment would go.

use paystrator::domain::role::Role;
use paystrator::flows::access;
use serde_json::{Value, json};

use crate::support::browser::{Browser, Page};
use crate::support::{Options, World, run_with};

const DEFAULT: &str = "/console/sequences/send_money/default";
const BCA: &str = "/console/sequences/send_money/BCA";

fn three() -> Options {
    Options { also: &["doku", "kaspro"], ..Options::default() }
}

/// The labels a page shows in the order, and the form's own list of ids.
fn order(page: &Page) -> Vec<String> {
    let list = page.between("data-inside>", "</ol>");
    list.split("data-name=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn field(page: &Page, name: &str) -> String {
    page.between(&format!("name=\"{name}\" value=\""), "\"").to_owned()
}

/// The default order as the API tells it, and its version.
async fn standing(world: &World, path: &str) -> (Vec<String>, i64) {
    let reply = world.caller.get(&format!("/v1/sequences/{path}")).await;
    let all = reply.body["data"]["connections"].as_array().cloned().unwrap_or_default();
    let labels = all.iter().map(|one| one["label"].as_str().unwrap().to_owned()).collect();
    (labels, reply.body["data"]["version"].as_i64().unwrap_or_default())
}

/// Sends the form of a page with one of its buttons.
async fn press(browser: &Browser, path: &str, page: &Page, what: &str) -> Page {
    let (version, order) = (field(page, "version"), field(page, "order"));
    browser.post(path, &[("version", &version), ("order", &order), ("do", what)]).await
}

/// The button of a connection: `up`, `down`, `out` or `in`.
fn button(page: &Page, how: &str, label: &str) -> String {
    let item = page.between(&format!("data-name=\"{label}\""), "</li>");
    item.split("value=\"")
        .map(|rest| rest.split('"').next().unwrap())
        .find(|one| one.starts_with(how))
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_order_is_changed_by_buttons_and_saved_as_a_version_with_a_way_back() {
    run_with(three(), async |world| {
        let browser = world.signed_in("ops@example.com", Role::Operation).await;
        let first = browser.get(DEFAULT).await;
        assert_eq!(order(&first), ["OY! sandbox", "doku", "kaspro"], "{}", first.body);
        // A button changes what is shown and nothing else.
        let moved = press(&browser, DEFAULT, &first, &button(&first, "up", "kaspro")).await;
        assert_eq!((moved.status, order(&moved)), (200, vec!["OY! sandbox".into(), "kaspro".into(), "doku".into()]));
        let moved = press(&browser, DEFAULT, &moved, &button(&moved, "up", "kaspro")).await;
        let moved = press(&browser, DEFAULT, &moved, &button(&moved, "down", "OY! sandbox")).await;
        let moved = press(&browser, DEFAULT, &moved, &button(&moved, "out", "doku")).await;
        assert!(moved.has("Not saved yet.") && order(&moved) == ["kaspro", "OY! sandbox"], "{}", moved.body);
        assert_eq!(standing(&world, "send_money").await, (order(&first), 3));
        let saved = press(&browser, DEFAULT, &moved, "save").await;
        assert_eq!((saved.status, saved.location()), (303, DEFAULT), "{}", saved.body);
        assert_eq!(standing(&world, "send_money").await, (vec!["kaspro".into(), "OY! sandbox".into()], 4));
        // Who read it before is told, and changes nothing.
        let late = press(&browser, DEFAULT, &first, "save").await;
        assert!(late.status == 409 && late.has("Somebody changed this meanwhile"), "{}", late.body);
        assert_eq!(standing(&world, "send_money").await.1, 4);

        let page = browser.get(DEFAULT).await;
        for text in ["kaspro → OY! sandbox", "OY! sandbox → doku → kaspro", "in force", "Orang Baru", "?version=3"]
        {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        assert!(!page.has("?version=4"), "the one in force is no way back");
        let back = browser.get(&format!("{DEFAULT}?version=3")).await;
        assert!(back.has("The order of version 3, not saved yet.") && order(&back) == order(&first), "{}", back.body);
        assert_eq!(press(&browser, DEFAULT, &back, "save").await.status, 303);
        assert_eq!(standing(&world, "send_money").await, (order(&first), 5));
        assert_eq!(browser.get(&format!("{DEFAULT}?version=99")).await.status, 404);
        // One that is put back in stands at the end; an empty order is refused, and so is what is not ours.
        let page = browser.get(DEFAULT).await;
        let out = press(&browser, DEFAULT, &page, &button(&page, "out", "OY! sandbox")).await;
        let again = press(&browser, DEFAULT, &out, &button(&out, "in", "OY! sandbox")).await;
        assert_eq!(order(&again), ["doku", "kaspro", "OY! sandbox"]);
        let none = browser.post(DEFAULT, &[("version", "5"), ("order", ""), ("do", "save")]).await;
        assert!(none.status == 422 && none.has("at least one provider"), "{}", none.body);
        let odd = format!("conn_{},{}", "0".repeat(32), world.first());
        let odd = browser.post(DEFAULT, &[("version", "5"), ("order", &odd), ("do", "save")]).await;
        assert!(odd.status == 422 && odd.has("cannot be used here any more") && order(&odd) == ["OY! sandbox"]);
        for (version, status) in [("x", 400), ("4", 409), ("", 409)] {
            let fields = [("version", version), ("order", &field(&page, "order")), ("do", "save")];
            assert_eq!(browser.post(DEFAULT, &fields).await.status, status, "{version}");
        }
        assert_eq!(standing(&world, "send_money").await.1, 5);
        world
    })
    .await;
}

#[tokio::test]
async fn a_destination_gets_its_own_order_and_follows_the_default_again() {
    run_with(three(), async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let custom = async |destination: &str| {
            browser.get(&format!("/console/sequences/custom?service=send_money&destination={destination}")).await
        };
        assert_eq!(custom("014").await.location(), BCA, "a bank's number is as good");
        let wrong = custom("lottery").await;
        assert!(wrong.status == 422 && wrong.has("Choose a destination of the list."), "{}", wrong.body);
        for path in ["/console/sequences/send_money/lottery", "/console/sequences/lottery/default"] {
            assert_eq!(browser.get(path).await.status, 404);
        }
        let page = browser.get(BCA).await;
        assert!(page.has("follows the default now") && !page.has("Remove custom sequence"), "{}", page.body);
        assert_eq!(order(&page), ["OY! sandbox", "doku", "kaspro"], "it begins as the default");
        let moved = press(&browser, BCA, &page, &button(&page, "up", "doku")).await;
        assert_eq!(press(&browser, BCA, &moved, "save").await.status, 303);
        assert_eq!(standing(&world, "send_money/BCA").await.0, ["doku", "OY! sandbox", "kaspro"]);
        let again = press(&browser, BCA, &page, "save").await;
        assert_eq!(again.status, 409, "somebody made it meanwhile");
        let list = browser.get("/console/sequences").await;
        assert!(list.has("Bank Central Asia") && list.has("Default") && list.has("Orang Baru"), "{}", list.body);
        // Only who reaches a destination can be in its order.
        let dana = browser.get("/console/sequences/send_money/DANA").await;
        assert_eq!((order(&dana), dana.has("data-name=\"doku\"")), (vec!["OY! sandbox".to_owned()], false));

        let page = browser.get(BCA).await;
        let remove = async |version: &str| browser.post(&format!("{BCA}/remove"), &[("version", version)]).await;
        assert_eq!(remove("99").await.status, 409);
        let gone = remove(&field(&page, "version")).await;
        assert_eq!((gone.status, gone.location()), (303, "/console/sequences"), "{}", gone.body);
        assert_eq!(remove("1").await.status, 404);
        let page = browser.get(BCA).await;
        assert!(page.has("removed: it followed the default") && page.has("?version=1"), "{}", page.body);
        let back = browser.get(&format!("{BCA}?version=1")).await;
        assert_eq!(press(&browser, BCA, &back, "save").await.status, 303, "the way back");
        assert_eq!(
            standing(&world, "send_money/BCA").await,
            (vec!["doku".into(), "OY! sandbox".into(), "kaspro".into()], 3)
        );
        assert_eq!(browser.post("/console/sequences/send_money/default/remove", &[("version", "3")]).await.status, 404);
        world
    })
    .await;
}

#[tokio::test]
async fn the_preview_says_in_plain_words_who_would_be_tried_and_why_others_not() {
    run_with(three(), async |world| {
        let browser = world.signed_in("finance@example.com", Role::Finance).await;
        let ask = async |destination: &str, amount: &str| {
            browser
                .get(&format!(
                    "/console/sequences/preview?service=send_money&destination={destination}&amount={amount}"
                ))
                .await
        };
        let page = ask("BCA", "Rp1.000.000").await;
        for text in [
            "Rp1.000.000 to Bank Central Asia",
            "By the default sequence, version 3.",
            "Tried first. It is active",
            "Tried if it is proved that those before did not take the money.",
            "It would cost Rp2.775: fee Rp2.500 and VAT Rp275.",
        ] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        assert!(!page.has("Skipped"));
        let ids: Vec<Value> = world.caller.get("/v1/providers").await.body["data"]["items"].as_array().unwrap().clone();
        let id = |at: usize| ids[at]["id"].as_str().unwrap().to_owned();
        let close = |status: &str| json!({ "status": status, "reason": "test" });
        assert_eq!(
            world.provider("POST", &format!("{}/status", id(1)), close("INACTIVE"), Some("*")).await.status,
            200
        );
        let body = json!({ "connections": [id(0), id(1)] }).to_string();
        let put = world.caller.call("PUT", "/v1/sequences/send_money", Some(body), &[("If-Match", "*")]).await;
        assert_eq!(put.status, 200, "{}", put.body);
        let page = ask("BCA", "250000").await;
        assert!(page.has("It is inactive.") && page.has("It is not in the sequence."), "{}", page.body);
        assert_eq!(
            world.provider("POST", &format!("{}/status", id(0)), close("MAINTENANCE"), Some("*")).await.status,
            200
        );
        let page = ask("DANA", "250000").await;
        assert!(page.has("Nobody would be tried") && page.has("It is under maintenance."), "{}", page.body);
        browser.set_cookie("paystrator_language", "id");
        let page = ask("BCA", "250000").await;
        for text in ["Sedang pemeliharaan.", "Nonaktif.", "Tidak ada dalam urutan."] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        assert_eq!(world.provider("POST", &format!("{}/status", id(1)), close("ACTIVE"), Some("*")).await.status, 200);
        assert!(ask("DANA", "250000").await.has("Penyedia tidak menjangkau tujuan ini."));
        browser.set_cookie("paystrator_language", "en");
        for (destination, amount, says) in [
            ("lottery", "1000", "Choose a destination of the list."),
            ("", "1000", "Choose a destination of the list."),
            ("BCA", "0", "Give whole rupiah above 0"),
            ("BCA", "-5", "Give whole rupiah above 0"),
            ("BCA", "1,5", "Give whole rupiah above 0"),
            ("BCA", "%3Cscript%3E", "Give whole rupiah above 0"),
        ] {
            let page = ask(destination, amount).await;
            assert!(
                page.status == 422 && page.has(says) && !page.has("<script>"),
                "{destination} {amount}: {}",
                page.body
            );
        }
        assert_eq!(browser.get("/console/sequences/preview").await.status, 200, "a form");
        world
    })
    .await;
}

#[tokio::test]
async fn sequences_are_each_clients_own_and_labels_are_no_markup() {
    run_with(Options::default(), async |world| {
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let stranger = Browser::new(&world);
        stranger.sign_in("stranger@example.com").await;
        assert!(stranger.get("/console/sequences").await.has("No sequence yet"));
        let page = stranger.get(DEFAULT).await;
        assert!(page.status == 200 && !page.has("OY! sandbox"), "{}", page.body);
        let theirs = stranger.post(DEFAULT, &[("version", ""), ("order", &world.first()), ("do", "save")]).await;
        assert!(theirs.status == 422 && !theirs.has("OY! sandbox"), "{}", theirs.body);
        let viewer = world.signed_in("dev@example.com", Role::Developer).await;
        let page = viewer.get(DEFAULT).await;
        assert!(
            page.has("OY! sandbox") && !page.has("value=\"save\"") && !page.has("class=\"moves\""),
            "{}",
            page.body
        );
        sqlx::query("UPDATE connection SET label = '<script>alert(1)</script>'").execute(&world.sql).await.unwrap();
        sqlx::query("UPDATE sequence SET updated_by = '<script>alert(1)</script>'").execute(&world.sql).await.unwrap();
        sqlx::query("UPDATE sequence_version SET updated_by = '<script>alert(1)</script>'")
            .execute(&world.sql)
            .await
            .unwrap();
        let preview = "/console/sequences/preview?service=send_money&destination=BCA&amount=1000";
        for path in ["/console/sequences", DEFAULT, BCA, preview] {
            let page = viewer.get(path).await;
            assert!(!page.has("<script>alert") && page.has("&#60;script"), "{path}: {}", page.body);
        }
        world
    })
    .await;
}
