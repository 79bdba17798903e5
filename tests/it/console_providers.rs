//! Provider management in the console, as seed 001 asks for it: connections made from their adapter's form, looked at,
//! changed, priced, closed, tested and removed; every refusal beside its field, and no secret on any page.

use paystrator::domain::ids;
use paystrator::domain::role::Role;
use paystrator::flows::access;
use serde_json::json;

use crate::support::browser::{Browser, Page};
use crate::support::{Options, World, run, run_with};

const SECRET: &str = "a-secret-of-the-connection";
const SCRIPT: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

impl World {
    /// Every field of a new connection at OY!'s simulator.
    fn filled(&self, label: &str) -> Vec<(String, String)> {
        let credentials = serde_json::to_value(self.sandbox.oy.credentials()).unwrap();
        let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
        [
            ("provider", "oy".into()),
            ("type", "AGGREGATOR".into()),
            ("label", label.into()),
            ("service", "send_money".into()),
            ("credentials.username", text("username")),
            ("credentials.api_key", text("api_key")),
            ("settings.base_url", self.sandbox.url("oy").to_owned()),
            ("fee.send_money.kind", "percentage".into()),
            ("fee.send_money.value", "1,5".into()),
            ("fee.send_money.vat", "1".into()),
            ("fee.send_money.vat_rate", "11".into()),
            ("do", "add".into()),
        ]
        .map(|(name, value): (&str, String)| (name.to_owned(), value))
        .to_vec()
    }

    fn path(&self) -> String {
        format!("/console/providers/{}", self.first())
    }
}

/// The same fields with some changed; an empty value takes one away.
fn with<'a>(fields: &'a [(String, String)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut all: Vec<_> = kept.filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name)).collect();
    all.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    all
}

/// Fields and what is typed into them.
type Typed<'a> = &'a [(&'a str, &'a str)];

/// The error that stands beside a field.
fn error<'a>(page: &'a Page, name: &str) -> &'a str {
    let mark = format!("id=\"{name}-error\">");
    if page.has(&mark) { page.between(&mark, "</p>") } else { "" }
}

/// The version a form was made from.
fn version(page: &Page) -> String {
    page.between("name=\"version\" value=\"", "\"").to_owned()
}

#[tokio::test]
async fn a_provider_is_added_by_the_form_of_its_adapter() {
    run(async |world| {
        let browser = world.signed_in("ops@example.com", Role::Operation).await;
        // Each provider has its own fields; secrets are hidden ones.
        let page = browser.get("/console/providers/new").await;
        let options = page.between("id=\"provider\"", "</select>").matches("<option").count();
        assert_eq!(options, 3, "{}", page.body);
        let doku = browser.get("/console/providers/new?provider=doku").await;
        assert!(doku.has("name=\"credentials.secret_key\" type=\"password\""), "{}", doku.body);
        assert!(doku.has("<textarea id=\"credentials.private_key\"") && doku.has("name=\"settings.sender_phone\""));
        assert!(!doku.has("credentials.api_key"));
        let oy = browser.get("/console/providers/new?type=AGGREGATOR&provider=oy").await;
        assert!(oy.has("name=\"credentials.api_key\" type=\"password\"") && !oy.has("credentials.secret_key"));
        assert!(browser.get("/console/providers/new?type=DIRECT&provider=oy").await.has("No provider of this type"));
        assert_eq!(browser.get("/console/providers/new?provider=nobody&type=x").await.status, 200);

        let fields = world.filled("Main account");
        let made = browser.post("/console/providers/new", &with(&fields, &[])).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let path = made.location().to_owned();
        let page = browser.get(&path).await;
        for text in [
            "<h1>Main account</h1>",
            "The provider is connected.",
            "OY! Indonesia",
            "Aggregator",
            "Test mode",
            "1.5% + VAT 11%",
            "In force",
            "number 2 of 2",
            "/v1/callback/send/send_money/",
            "Connected a provider",
            "Orang Baru",
            "API key, Username",
        ] {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        let secret =
            serde_json::to_value(world.sandbox.oy.credentials()).unwrap()["api_key"].as_str().unwrap().to_owned();
        for path in [path.clone(), format!("{path}/edit"), "/console/settings/audit".into()] {
            assert!(!browser.get(&path).await.has(&secret), "the secret is on {path}");
        }
        // It works: the API sees what the form made, and the provider takes it.
        let id = path.rsplit('/').next().unwrap();
        let read = world.caller.get(&format!("/v1/providers/{id}")).await;
        assert_eq!(read.body["data"]["fees"]["send_money"], json!({ "percentageBp": 150, "vatBp": 1100, "vat": true }));
        let tested = browser.post(&format!("{path}/test"), &[]).await;
        assert!(tested.status == 200 && tested.has("The connection works"), "{}", tested.body);
        world
    })
    .await;
}

#[tokio::test]
async fn every_refusal_of_a_new_provider_stands_beside_its_field() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let fields = world.filled("Second");
        let value = "fee.send_money.value";
        // What is changed, the field at fault, and what is said of it.
        let cases: [(Typed<'_>, &str, &str); 17] = [
            (&[("label", "")], "label", "1 to 100"),
            (&[("label", &"x".repeat(101))], "label", "1 to 100"),
            (&[("service", "")], "services", "at least one"),
            (&[("service", "lottery")], "services", "at least one"),
            (&[("credentials.api_key", "")], "credentials.api_key", "Fill it in"),
            (&[("credentials.api_key", "two words")], "credentials.api_key", "without blanks"),
            (&[("settings.base_url", "ftp://example.com")], "settings.base_url", "https://"),
            (&[("settings.base_url", "http://169.254.169.254/")], "settings.base_url", "public address"),
            (&[(value, "100.01")], value, "0 to 100 percent"),
            (&[(value, "-1")], value, "0 to 100 percent"),
            (&[(value, "much")], value, "Give a percentage"),
            (&[(value, "")], value, "how much"),
            (&[("fee.send_money.kind", "flat"), (value, "4.00")], value, "whole rupiah"),
            (&[("fee.send_money.vat_rate", "-11")], "fee.send_money.vat_rate", "0 to 100"),
            (&[("fee.send_money.vat_rate", "")], "fee.send_money.vat_rate", "how much the VAT is"),
            (&[("fee.send_money.from", "2020-01-31T10:00")], "fee.send_money.from", "still to come"),
            (&[("fee.send_money.from", "soon")], "fee.send_money.from", "still to come"),
        ];
        for (changes, field, says) in cases {
            let page = browser.post("/console/providers/new", &with(&fields, changes)).await;
            assert_eq!(page.status, 422, "{changes:?}: {}", page.body);
            assert!(error(&page, field).contains(says), "{changes:?}: {:?} {}", error(&page, field), page.body);
            assert_eq!(
                page.body.matches("class=\"error\"").count(),
                1,
                "{changes:?}: nothing else is wrong: {}",
                page.body
            );
        }
        let used = browser.post("/console/providers/new", &with(&fields, &[("label", "oy! SANDBOX")])).await;
        assert_eq!((used.status, error(&used, "label")), (409, "Another provider has this name. Choose another one."));
        // All at once, what was typed stays, and of a secret nothing does.
        let all =
            [("label", "oy! SANDBOX"), ("credentials.username", ""), ("credentials.api_key", SECRET), (value, "101")];
        let page = browser.post("/console/providers/new", &with(&fields, &all)).await;
        assert_eq!(page.status, 422);
        assert!(error(&page, "label").contains("has this name") && error(&page, value).contains("0 to 100"));
        assert!(error(&page, "credentials.username").contains("Fill it in"), "{}", page.body);
        assert!(page.has("value=\"oy! SANDBOX\"") && page.has("value=\"101\"") && !page.has(SECRET), "{}", page.body);
        let page = browser.post("/console/providers/new", &with(&fields, &[("provider", "nobody")])).await;
        assert!(page.status == 422 && page.has("no such provider"), "{}", page.body);
        let page = browser.post("/console/providers/new", &with(&fields, &[("type", "DIRECT")])).await;
        assert_eq!(page.status, 422, "{}", page.body);
        // Indonesian, with the comma.
        browser.set_cookie("paystrator_language", "id");
        let page = browser.post("/console/providers/new", &with(&fields, &[(value, "1,555"), ("label", SCRIPT)])).await;
        assert_eq!(error(&page, value), "Isi persentase, misalnya 1,5.");
        assert!(!page.has("<script>alert") && !page.has("<img src=x"), "{}", page.body);
        assert_eq!(world.number("SELECT count(*) FROM connection").await, 1, "nothing was made");
        world
    })
    .await;
}

#[tokio::test]
async fn an_example_of_a_fee_is_computed_as_payments_are() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let ask = async |kind: &str, value: &str, vat: &str, amount: &str| {
            let query = format!(
                "service=send_money&fee.send_money.kind={kind}&fee.send_money.value={value}&fee.send_money.vat={}\
                 &fee.send_money.vat_rate={vat}&fee.send_money.amount={amount}",
                if vat.is_empty() { "" } else { "1" }
            );
            let page = browser.get(&format!("/console/providers/example?{query}")).await;
            format!("{} {}", page.status, page.body)
        };
        let mut told = Vec::new();
        for (kind, value, vat, amount) in [
            ("flat", "4.000", "11", "100.000"),
            ("flat", "Rp%204,000", "11", "Rp100.000"),
            ("percentage", "1,5", "11", "100.000"),
            ("percentage", "1.5%25", "", "1000000"),
            ("percentage", "0,05", "12", "12.345"),
            ("percentage", "5.000", "11", "100.000"),
            ("none", "", "11", "100.000"),
            ("flat", "0", "11", "100.000"),
            ("percentage", "100,5", "11", "100.000"),
            ("flat", "4.00", "11", "100.000"),
            ("flat", "1.0000", "11", "100.000"),
            ("flat", "", "11", "100.000"),
            ("flat", "4000", "-1", "100.000"),
            ("flat", "4000", "11", "0"),
            ("flat", "4000", "11", "many"),
            ("flat", "99999999999999999999", "11", "1"),
        ] {
            told.push(ask(kind, value, vat, amount).await);
        }
        insta::assert_snapshot!(told.join("\n"), @r###"
        200 A transfer of Rp100.000 costs Rp4.440: fee Rp4.000 and VAT Rp440. In all Rp104.440.
        200 A transfer of Rp100.000 costs Rp4.440: fee Rp4.000 and VAT Rp440. In all Rp104.440.
        200 A transfer of Rp100.000 costs Rp1.665: fee Rp1.500 and VAT Rp165. In all Rp101.665.
        200 A transfer of Rp1.000.000 costs Rp15.000: fee Rp15.000, no VAT. In all Rp1.015.000.
        200 A transfer of Rp12.345 costs Rp7: fee Rp6 and VAT Rp1. In all Rp12.352.
        422 Fill in the fee to see an example.
        200 A transfer of Rp100.000 costs nothing.
        200 A transfer of Rp100.000 costs nothing.
        422 Fill in the fee to see an example.
        422 Fill in the fee to see an example.
        422 Fill in the fee to see an example.
        422 Fill in the fee to see an example.
        422 Fill in the fee to see an example.
        422 Give an amount in whole rupiah to see an example.
        422 Give an amount in whole rupiah to see an example.
        422 Fill in the fee to see an example.
        "###);
        browser.set_cookie("paystrator_language", "id");
        insta::assert_snapshot!(ask("percentage", "1,5", "11", "100.000").await, @r###"200 Transfer Rp100.000 berbiaya Rp1.665: biaya Rp1.500 dan PPN Rp165. Seluruhnya Rp101.665."###);
        assert_eq!(browser.get("/console/providers/example?service=lottery").await.status, 404);
        // Without a script a button asks the same, and nothing is saved.
        browser.set_cookie("paystrator_language", "en");
        let fields = world.filled("Second");
        let asked = [("do", "example"), ("credentials.api_key", SECRET)];
        let page = browser.post("/console/providers/new", &with(&fields, &asked)).await;
        assert_eq!(page.status, 200);
        assert!(
            page.has("costs Rp1.665: fee Rp1.500 and VAT Rp165") && page.has("value=\"Second\"") && !page.has(SECRET)
        );
        assert_eq!(world.number("SELECT count(*) FROM connection").await, 1);
        world
    })
    .await;
}

#[tokio::test]
async fn an_empty_secret_stays_and_another_account_is_refused() {
    run(async |world| {
        let browser = world.signed_in("admin@example.com", Role::Admin).await;
        let path = world.path();
        let edit = browser.get(&format!("{path}/edit")).await;
        assert!(edit.has("value=\"OY! sandbox\"") && edit.has("The address is part of the account"), "{}", edit.body);
        assert!(!edit.has("name=\"settings.base_url\""));
        let first = version(&edit);
        let send = async |version: &str, fields: &[(&str, &str)]| {
            let mut all = vec![("version", version), ("service", "send_money")];
            all.extend(fields);
            browser.post(&format!("{path}/edit"), &all).await
        };
        let sealed = "SELECT encode(credentials, 'hex') FROM connection";
        let before: String = sqlx::query_scalar(sealed).fetch_one(&world.sql).await.unwrap();
        // A new name alone: the secret stays, and payments go on.
        let saved = send(&first, &[("label", "Renamed")]).await;
        assert_eq!((saved.status, saved.location()), (303, path.as_str()), "{}", saved.body);
        let after: String = sqlx::query_scalar(sealed).fetch_one(&world.sql).await.unwrap();
        assert_eq!(before, after, "the secret stays");
        let id = world.send("P1", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        // What was read before the change is out of date: told so, typed values kept, nothing changed.
        let stale = send(&first, &[("label", "Late"), ("credentials.api_key", SECRET)]).await;
        assert!(stale.status == 409 && stale.has("Somebody changed this meanwhile") && stale.has("value=\"Late\""));
        assert!(!stale.has(SECRET), "{}", stale.body);
        assert!(browser.get(&path).await.has("<h1>Renamed</h1>"));
        let now = version(&stale);
        assert_eq!(send(&now, &[("label", "Renamed")]).await.status, 303, "nothing is different");
        assert!(browser.get(&path).await.has("Nothing was different"));
        // Another user name is another account; a name that is used, a secret in the wrong format.
        world.connect("Second").await;
        let page = send(&now, &[("label", "Renamed"), ("credentials.username", "somebody-else")]).await;
        assert!(page.status == 409 && page.has("another account"), "{}", page.body);
        let page = send(&now, &[("label", "SECOND")]).await;
        assert_eq!((page.status, error(&page, "label")), (409, "Another provider has this name. Choose another one."));
        let page = send(&now, &[("label", "Renamed"), ("credentials.api_key", "two words")]).await;
        assert!(page.status == 422 && error(&page, "credentials.api_key").contains("without blanks"), "{}", page.body);
        let page = browser.post(&format!("{path}/edit"), &[("version", &now), ("label", "Renamed")]).await;
        assert!(page.status == 422 && error(&page, "services").contains("at least one"), "{}", page.body);
        // A new secret is taken, and the history names it without telling it.
        let saved = send(
            &now,
            &[("label", "Renamed"), ("credentials.api_key", SECRET), ("settings.username_header", "x-oy-username")],
        )
        .await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let page = browser.get(&path).await;
        assert!(
            page.has("New credentials: API key") && page.has("Provider name: OY! sandbox → Renamed"),
            "{}",
            page.body
        );
        assert!(
            page.has("x-oy-username") && page.has("http://127.0.0.1") && !page.has(SECRET),
            "the address stayed: {}",
            page.body
        );
        let tested = browser.post(&format!("{path}/test"), &[]).await;
        assert!(tested.has("The connection does not work") && tested.has("Copy the secrets again"), "{}", tested.body);
        world
    })
    .await;
}

#[tokio::test]
async fn a_status_has_a_reason_perhaps_an_end_and_a_history() {
    run(async |world| {
        let browser = world.signed_in("ops@example.com", Role::Operation).await;
        let path = world.path();
        let ask = async |to: &str| browser.get(&format!("{path}/status?to={to}")).await;
        let set = async |version: &str, to: &str, reason: &str, until: &str| {
            let fields = [("version", version), ("to", to), ("reason", reason), ("until", until)];
            browser.post(&format!("{path}/status"), &fields).await
        };
        let first = version(&ask("MAINTENANCE").await);
        let page = set(&first, "MAINTENANCE", "  ", "2020-01-31T03:00").await;
        assert_eq!((page.status, error(&page, "reason")), (422, "Give a reason of 1 to 500 characters."));
        assert_eq!(error(&page, "until"), "Give a day and time that is still to come.");
        let page = set(&first, "MAINTENANCE", SCRIPT, "tomorrow").await;
        assert!(page.status == 422 && page.has("value=\"&#60;script") && !page.has("<script>alert"), "{}", page.body);
        assert_eq!(set(&first, "CLOSED", "x", "").await.status, 400);
        assert_eq!(ask("CLOSED").await.status, 404);

        let saved = set(&first, "MAINTENANCE", "window announced", "2099-01-31T03:00").await;
        assert_eq!((saved.status, saved.location()), (303, path.as_str()), "{}", saved.body);
        let page = browser.get(&path).await;
        for text in ["Maintenance", "window announced", "31 Jan 2099, 03:00 WIB", "Active → Maintenance", "Reactivate"]
        {
            assert!(page.has(text), "{text} is missing: {}", page.body);
        }
        let refused = world.caller.post("/v1/send-money", World::body("CLOSED", "1239812390", 10_000)).await;
        assert_eq!(refused.status, 409, "{}", refused.body);
        let list = browser.get("/console/providers").await;
        assert!(list.has("31 Jan 2099, 03:00 WIB") && list.has("status?to=ACTIVE") && !list.has("to=MAINTENANCE"));

        let stale = set(&first, "INACTIVE", "contract ended", "").await;
        assert!(
            stale.status == 409 && stale.has("value=\"contract ended\"") && stale.has("meanwhile"),
            "{}",
            stale.body
        );
        // Nothing but maintenance ends by itself: an end that a form sends along is not taken.
        assert_eq!(set(&version(&stale), "INACTIVE", "contract ended", "2099-01-31T03:00").await.status, 303);
        let page = browser.get(&path).await;
        assert!(page.has("Inactive") && page.has("Maintenance → Inactive") && page.has("contract ended"));
        assert!(!page.has("to=INACTIVE\""), "{}", page.body);
        assert_eq!(set(&version(&ask("ACTIVE").await), "ACTIVE", "signed again", "").await.status, 303);
        let id = world.send("AFTER", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn fees_are_set_for_now_or_later_and_all_versions_are_shown() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let path = format!("{}/fees", world.path());
        let page = browser.get(&path).await;
        assert!(page.has("value=\"2.500\"") && page.has("costs Rp2.775: fee Rp2.500 and VAT Rp275"), "{}", page.body);
        let set = async |version: &str, kind: &str, value: &str, from: &str| {
            let fields = [
                ("version", version),
                ("service", "send_money"),
                ("fee.send_money.kind", kind),
                ("fee.send_money.value", value),
                ("fee.send_money.vat", "1"),
                ("fee.send_money.vat_rate", "11"),
                ("fee.send_money.from", from),
            ];
            browser.post(&path, &fields).await
        };
        let first = version(&page);
        for (kind, value, says) in
            [("percentage", "100,01", "0 to 100"), ("flat", "-1", "Rp0 to"), ("flat", "", "how much")]
        {
            let page = set(&first, kind, value, "").await;
            assert_eq!(page.status, 422);
            assert!(error(&page, "fee.send_money.value").contains(says), "{}", page.body);
        }
        let saved = set(&first, "percentage", "1,5", "2099-01-31T00:00").await;
        assert_eq!((saved.status, saved.location()), (303, world.path().as_str()), "{}", saved.body);
        let stale = set(&first, "none", "", "").await;
        assert!(stale.status == 409 && stale.has("meanwhile"), "{}", stale.body);
        assert_eq!(set(&version(&stale), "flat", "4.000", "").await.status, 303);
        let page = browser.get(&world.path()).await;
        let table = page.between("<caption class=\"sr\">In force, to come and past</caption>", "</table>");
        let cells: Vec<&str> =
            table.split("<td data-label=\"Fee\">").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(cells, ["Rp4.000 + VAT 11%", "1.5% + VAT 11%", "Rp2.500 + VAT 11%"]);
        let signs: Vec<bool> = ["In force", "To come", "Past"].iter().map(|word| table.contains(word)).collect();
        assert_eq!(signs, [true, true, true]);
        assert!(table.contains("31 Jan 2099, 00:00 WIB") && table.contains("Orang Baru"));
        assert!(page.has("Send Money: Rp2.500 + VAT 11% → Rp4.000 + VAT 11%"), "{}", page.body);
        browser.set_cookie("paystrator_language", "id");
        assert!(browser.get(&world.path()).await.has("1,5% + PPN 11%"));
        assert_eq!(browser.get(&format!("{path}?service=lottery")).await.status, 404);
        world
    })
    .await;
}

#[tokio::test]
async fn a_test_is_limited_and_a_removal_waits_for_money_under_way() {
    let mut options = Options::default();
    options.config.limits.tests_per_minute = 1;
    run_with(options, async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let path = world.path();
        browser.get(&path).await;
        assert_eq!(browser.post(&format!("{path}/test"), &[]).await.status, 200);
        let again = browser.post(&format!("{path}/test"), &[]).await;
        assert!(again.status == 429 && again.has("Try again in"), "{}", again.body);
        assert_eq!(
            world.provider("POST", &format!("{}/test", world.first()), json!({}), None).await.status,
            429,
            "one limit for both"
        );

        world.caller.post("/v1/sending/pause", json!({ "reason": "test" })).await;
        let id = world.send("WAITS", "1239812390", 10_000).await;
        let ask = browser.get(&format!("{path}/remove")).await;
        assert!(ask.has("Remove OY! sandbox?") && ask.has("cannot be undone"), "{}", ask.body);
        let remove = async |version: &str| browser.post(&format!("{path}/remove"), &[("version", version)]).await;
        let refused = remove(&version(&ask)).await;
        assert!(refused.status == 409 && refused.has("1 unfinished attempts, 0 open exceptions"), "{}", refused.body);
        world.caller.post("/v1/sending/resume", json!({ "reason": "test" })).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(remove("99").await.status, 409, "made from another version");
        let gone = remove(&version(&refused)).await;
        assert_eq!((gone.status, gone.location()), (303, "/console/providers"), "{}", gone.body);
        assert!(browser.get("/console/providers").await.has("No providers yet"));
        assert_eq!(browser.get(&path).await.status, 404);
        world
    })
    .await;
}

#[tokio::test]
async fn another_clients_providers_are_nothing_and_what_people_wrote_is_no_markup() {
    run(async |world| {
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let stranger = Browser::new(&world);
        stranger.sign_in("stranger@example.com").await;
        let path = world.path();
        for page in ["", "/edit", "/fees", "/status?to=INACTIVE", "/monitoring", "/remove"] {
            assert_eq!(stranger.get(&format!("{path}{page}")).await.status, 404, "{page}");
        }
        for form in ["/edit", "/fees", "/status", "/monitoring", "/test", "/remove"] {
            let fields = [("version", "1"), ("to", "INACTIVE"), ("reason", "mine now"), ("label", "Mine")];
            assert_eq!(stranger.post(&format!("{path}{form}"), &fields).await.status, 404, "{form}");
        }
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        assert_eq!(owner.post("/console/mode", &[("mode", "live")]).await.status, 303);
        assert_eq!(owner.get(&path).await.status, 404, "it is of the other mode");
        assert_eq!(owner.post("/console/mode", &[("mode", "test")]).await.status, 303);

        sqlx::query("UPDATE connection SET label = 'Label ' || $1, status_reason = 'Why ' || $1, settings = jsonb_set(settings, '{username_header}', to_jsonb($1::text))")
            .bind(SCRIPT)
            .execute(&world.sql)
            .await
            .unwrap();
        sqlx::query("UPDATE fee_plan SET created_by = $1").bind(SCRIPT).execute(&world.sql).await.unwrap();
        let page = ids::show(ids::CONNECTION, world.connection_id);
        sqlx::query("INSERT INTO audit (client_id, seq, id, at, mode, person, action, object, detail, hash)
             SELECT $1, 1 + COALESCE(max(seq), 0), gen_random_uuid(), now(), 'test', $2, 'connection.status_set', $3,
                jsonb_build_object('before', jsonb_build_object('status', $2::text), 'after', jsonb_build_object('reason', $2::text)), '' FROM audit")
            .bind(world.client_id)
            .bind(SCRIPT)
            .bind(&page)
            .execute(&world.sql)
            .await
            .unwrap();
        for page in ["", "/edit", "/fees", "/status?to=INACTIVE", "/remove"] {
            let page = owner.get(&format!("{path}{page}")).await;
            assert_eq!(page.status, 200, "{}", page.body);
            assert!(!page.has("<script>alert") && !page.has("<img src=x") && page.has("&#60;script"), "{}", page.body);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn monitoring_is_switched_on_by_a_rule_and_off_again() {
    run(async |world| {
        let browser = world.signed_in("ops@example.com", Role::Operation).await;
        let path = world.path();
        assert!(browser.get(&path).await.has("Monitoring is off"));
        let page = browser.get(&format!("{path}/monitoring")).await;
        assert!(
            page.has("name=\"window_seconds\" type=\"text\" value=\"300\"") && page.has("Switch on"),
            "{}",
            page.body
        );
        let set = async |window: &str, failing: &str| {
            let fields = [
                ("window_seconds", window),
                ("minimum_sends", "20"),
                ("failing_percent", failing),
                ("wait_seconds", "60"),
                ("recoveries", "3"),
            ];
            browser.post(&format!("{path}/monitoring"), &fields).await
        };
        let wrong = set("long", "101").await;
        assert_eq!((wrong.status, error(&wrong, "window_seconds")), (422, "Give a whole number from 10 to 3600."));
        assert_eq!(error(&wrong, "failing_percent"), "Give a whole number from 1 to 100.");
        assert!(wrong.has("value=\"long\"") && error(&wrong, "recoveries").is_empty(), "{}", wrong.body);
        assert_eq!(set("120", "40").await.location(), path);
        let page = browser.get(&path).await;
        assert!(page.has("Monitoring is on") && page.has("Set a provider&#39;s monitoring"), "{}", page.body);
        let read = world.caller.get(&format!("/v1/providers/{}/monitoring", world.first())).await;
        assert!(read.body.to_string().contains("\"windowSeconds\":120"), "{}", read.body);
        let off = browser.post(&format!("{path}/monitoring"), &[("do", "off")]).await;
        assert_eq!((off.status, off.location()), (303, path.as_str()));
        assert!(browser.get(&path).await.has("Monitoring is off"));
        world
    })
    .await;
}
