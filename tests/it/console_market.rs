//! The Marketplace in the console: On Board at one provider or many, the conversation with each, a revision, the account
//! connected; whatever cannot be is said, and nobody else sees anything.

use paystrator::domain::role::Role;
use paystrator::flows::access;
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::kyb::set as set_field;
use crate::support::onboarding::set;
use crate::support::{Options, World, run_with};

const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
const ALL: &str = "/console/marketplace/onboardings";

fn options(codes: &[&str]) -> Options {
    Options { kyb: codes.iter().map(|code| (*code).to_owned()).collect(), ..Options::default() }
}

/// On-boards by the form, and answers where it led.
async fn board(browser: &Browser, codes: &[&str]) -> String {
    browser.get("/console/marketplace").await;
    let fields: Vec<(&str, &str)> = codes.iter().map(|code| ("provider", *code)).collect();
    let page = browser.post("/console/marketplace/board", &fields).await;
    assert_eq!(page.status, 303, "{}", page.body);
    page.location().to_owned()
}

fn reference(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_file_goes_out_is_revised_and_connected() {
    run_with(options(&["oy", "kaspro"]), async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let page = browser.get("/console/marketplace").await;
        assert!(
            page.has("OY! Indonesia") && page.has("The file lacks") && !page.has("board?provider=oy"),
            "{}",
            page.body
        );
        assert!(page.has("Your KYB file is empty"));
        let page = browser.post("/console/marketplace/board", &[("provider", "oy")]).await;
        assert!(page.status == 422 && page.has("the file is not complete"), "{}", page.body);

        set(
            world.office("oy"),
            json!({ "plan": "silent", "answer": "need_revision", "remarks": format!("NIB? {SCRIPT}") }),
        );
        let secret = world.sandbox.describe()["oy"]["credentials"]["api_key"].clone();
        set(world.office("oy"), json!({ "account_secret": secret }));
        let mut file = world.complete_file().await;
        let page = browser.get("/console/marketplace").await;
        assert!(
            page.has("board?provider=oy") && page.has("value=\"kaspro\"") && !page.has("The file lacks"),
            "{}",
            page.body
        );
        let page = browser.get("/console/marketplace/board?provider=oy&provider=kaspro&provider=nobody").await;
        assert!(page.status == 200 && page.has("KasPro") && page.has("/console/kyb/versions/1"), "{}", page.body);
        assert_eq!(browser.get("/console/marketplace/board?provider=nobody").await.status, 422);

        let path = board(&browser, &["oy"]).await;
        let page = browser.get(&path).await;
        assert!(
            page.has("On Board: your file is on its way.") && page.has("Orang Baru sent version 1"),
            "{}",
            page.body
        );
        world.until_stands(reference(&path), "need_revision").await;
        let page = browser.get(&path).await;
        for text in
            ["Needs revision", "OY! Indonesia answered: Needs revision", "NIB? &#60;script", "Correct the KYB file"]
        {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        assert!(!page.has("<script>alert") && !page.has("<img src=x"), "{}", page.body);
        // One at a time for each provider; and nothing newer is nothing to submit.
        let page = browser.post("/console/marketplace/board", &[("provider", "kaspro"), ("provider", "oy")]).await;
        assert!(page.status == 409 && page.has(&path), "{}", page.body);
        assert_eq!(world.number("SELECT count(*) FROM onboarding").await, 1, "at all of them or at none");
        let page = browser.post(&format!("{path}/submit"), &[]).await;
        assert!(page.status == 409 && page.has("has this version of the file already"), "{}", page.body);

        set(world.office("oy"), json!({ "answer": "approved", "remarks": null }));
        set_field(&mut file, "legal_entity.brand_name", Some(json!("Sandbox")));
        set_field(&mut file, "stakeholder[0].phone", Some(json!("+6281311112222")));
        world.save_kyb(&file, Some("\"1\"")).await;
        let page = browser.get(&path).await;
        assert!(page.has("Submit version 2"), "{}", page.body);
        assert_eq!(browser.post(&format!("{path}/submit"), &[]).await.location(), path);
        world.until_stands(reference(&path), "approved").await;
        let page = browser.get(&path).await;
        for text in ["Changed:", "Brand name", "Phone", "answered: Approved", "Connect the account"] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }

        connected(&world, &browser, &path).await;
        world
    })
    .await;
}

/// Connects the account: refused beside its fields, troubled, and good.
async fn connected(world: &World, browser: &Browser, path: &str) {
    let account = world.sandbox.describe()["oy"].clone();
    let text = |part: &str, name: &str| account[part][name].as_str().unwrap().to_owned();
    let (username, key, base) =
        (text("credentials", "username"), text("credentials", "api_key"), text("settings", "base_url"));
    let form = browser.get(&format!("{path}/connect")).await;
    assert!(form.status == 200 && form.has("name=\"credentials.api_key\" type=\"password\""), "{}", form.body);
    let send = async |label: &str, key: &str| {
        let fields = [
            ("label", label),
            ("service", "send_money"),
            ("credentials.username", username.as_str()),
            ("credentials.api_key", key),
            ("settings.base_url", base.as_str()),
        ];
        browser.post(&format!("{path}/connect"), &fields).await
    };
    let page = send("By onboarding", "").await;
    assert!(page.status == 422 && page.has("id=\"credentials.api_key-error\""), "{}", page.body);
    let page = send("OY! sandbox", &key).await;
    assert!(page.has("id=\"label-error\"") && !page.has(&key), "{} {}", page.status, page.body);
    let page = send("By onboarding", "wrong").await;
    assert!(page.status == 200 && page.has("The connection does not work") && !page.has("\"wrong\""), "{}", page.body);
    let page = send("By onboarding", &key).await;
    assert_eq!((page.status, page.location()), (303, path), "{}", page.body);
    let page = browser.get(path).await;
    for text in ["Connected", "Orang Baru connected the account", "it does not work yet", "/console/providers/conn_"] {
        assert!(page.has(text), "{text} is missing: {}", page.body);
    }
    assert!(!page.has("Take it back") && !page.has("/connect\""), "{}", page.body);
    assert!(browser.get("/console/providers").await.has("By onboarding"));
    assert_eq!(browser.get(&format!("{path}/connect")).await.location(), path, "it is connected");
}

#[tokio::test]
async fn many_at_once_are_listed_taken_back_and_nobody_elses() {
    run_with(options(&["oy", "kaspro"]), async |world| {
        let browser = world.signed_in("admin@example.com", Role::Admin).await;
        assert!(browser.get(ALL).await.has("No onboarding yet"));
        world.complete_file().await;
        assert_eq!(board(&browser, &["oy", "kaspro"]).await, ALL);
        let page = browser.get(ALL).await;
        assert!(page.has("OY! Indonesia") && page.has("KasPro") && page.has("What is next"), "{}", page.body);
        let oy = format!("{ALL}/{}", page.between(&format!("{ALL}/"), "\""));
        world.until_stands(reference(&oy), "received").await;
        let page = browser.get("/console/marketplace").await;
        assert!(page.has("Received") && page.has("See how it stands") && !page.has("board?provider="), "{}", page.body);
        assert_eq!(browser.post(&format!("{oy}/withdraw"), &[]).await.location(), oy);
        let page = browser.get(&oy).await;
        assert!(page.has("Withdrawn") && page.has("Orang Baru took it back"), "{}", page.body);
        let again = browser.post(&format!("{oy}/withdraw"), &[]).await;
        assert_eq!(again.status, 303, "again it does nothing");
        let late = browser.post(&format!("{oy}/submit"), &[]).await;
        assert!(late.status == 409 && late.has("cannot be done any more"), "{}", late.body);
        assert!(browser.get("/console/marketplace").await.has("board?provider="), "one can begin anew");
        browser.set_cookie("paystrator_language", "id");
        assert!(browser.get(&oy).await.has("Orang Baru menariknya kembali"));
        browser.set_cookie("paystrator_language", "en");
        // In the other mode there is none of it, and of another client nothing.
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let abroad = Browser::new(&world);
        abroad.sign_in("stranger@example.com").await;
        assert!(abroad.get(ALL).await.has("No onboarding yet"));
        for path in [oy.clone(), format!("{oy}/connect")] {
            assert_eq!(abroad.get(&path).await.status, 404, "{path}");
        }
        for act in ["submit", "withdraw", "connect"] {
            assert_eq!(abroad.post(&format!("{oy}/{act}"), &[]).await.status, 404, "{act}");
        }
        assert_eq!(browser.post("/console/mode", &[("mode", "live")]).await.status, 303);
        assert_eq!(browser.get(&oy).await.status, 404);
        assert!(browser.get(ALL).await.has("No onboarding yet"));
        assert!(browser.get("/console/marketplace").await.has("No provider takes files here"));
        world
    })
    .await;
}
