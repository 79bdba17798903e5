//! Who may see and do what in the console: every role against every page and every form, from the matrix itself; and
//! what no role reaches: other clients, greater roles, the last owner's end.

use paystrator::console::MENU;
use paystrator::domain::backoff;
use paystrator::domain::ids;
use paystrator::domain::role::{Feature, Level, MATRIX, Role, level, may};
use paystrator::flows::access;
use uuid::Uuid;

use crate::support::browser::Browser;
use crate::support::{World, run};

/// The table of contracts/paystrator.md section 3, as it is printed there.
const PRINTED: &str = "
    View client management | y | y | y | y | y | y
    Edit client KYB | y | y | y | – | – | –
    Onboard to new provider | y | y | y | – | – | –
    Add new client | y | y | y | – | – | –
    Reconciliation | y | y | y | y | – | –
    Transaction list | y | y | y | y | y | –
    Transaction log | y | y | y | – | – | y
    Provider management | edit | edit | edit | view | edit | view
    Maintenance management | y | y | y | – | y | –
    Billing | y | y | y | y | – | –
    Settings | y | y | y | – | – | y
    Transfer ownership | y | – | – | – | – | –
    Team management | y | y | y | – | – | –";

#[test]
fn the_matrix_is_the_printed_one() {
    let printed: Vec<Vec<&str>> = PRINTED.trim().lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    assert_eq!(printed.len(), MATRIX.len());
    for (line, (feature, levels)) in printed.iter().zip(MATRIX) {
        for (word, (role, known)) in line[1..].iter().zip(Role::ALL.into_iter().zip(levels)) {
            let fits = match *word {
                "y" => known != Level::None,
                "edit" => known == Level::Edit,
                "view" => known == Level::View,
                _ => known == Level::None,
            };
            assert!(fits, "{} for {role:?}: printed {word}, known {known:?}", line[0]);
            assert_eq!(level(role, feature), known);
            for need in [Level::None, Level::View, Level::Edit] {
                assert_eq!(may(role, feature, need), known >= need);
            }
        }
    }
}

#[test]
fn only_owner_and_super_admin_give_roles() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(role));
        for given in Role::ALL {
            let may_give = role == Role::Owner || (role == Role::SuperAdmin && given != Role::Owner);
            assert_eq!(role.may_give(given), may_give, "{role:?} gives {given:?}");
            let below = role == Role::Admin && [Role::Finance, Role::Operation, Role::Developer].contains(&given);
            assert_eq!(role.may_remove(given), may_give || below, "{role:?} removes {given:?}");
        }
    }
}

#[test]
fn waits_double_and_end_at_a_quarter_of_an_hour() {
    let waits: Vec<i64> = (4..18).map(|tries| backoff::wait(tries, 5).num_seconds()).collect();
    assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert_eq!(backoff::wait(i32::MAX, 5).num_seconds(), 900);
}

/// The feature and how far a role must reach in it.
type Need = Option<(Feature, Level)>;

const SETTINGS: Need = Some((Feature::Settings, Level::Edit));

const KYB: Need = Some((Feature::ClientKyb, Level::Edit));
const MARKET: Need = Some((Feature::Onboarding, Level::Edit));
const SEE_MARKET: Need = Some((Feature::Onboarding, Level::View));
const SEE_KYB: Need = Some((Feature::ClientKyb, Level::View));
const RESOLVE: Need = Some((Feature::Reconciliation, Level::Edit));
const OPERATE: Need = Some((Feature::Maintenance, Level::Edit));
const SEE: Need = Some((Feature::Transactions, Level::View));

/// Pages behind those of the menu, what they need, and what an allowed person is answered. An id that ends in `_0` is
/// nobody's.
const PAGES: [(&str, Need, u16); 28] = [
    ("/console/transactions/doubt", SEE, 200),
    ("/console/transactions/sm_0/cancel", OPERATE, 404),
    ("/console/transactions/sm_0/resolve", RESOLVE, 404),
    ("/console/transactions/sm_0/approve", RESOLVE, 404),
    ("/console/settings/keys/new", SETTINGS, 200),
    ("/console/settings/keys/key_0", Some((Feature::Settings, Level::View)), 404),
    ("/console/settings/webhooks/new", SETTINGS, 200),
    ("/console/settings/webhooks/we_0", Some((Feature::Settings, Level::View)), 404),
    ("/console/providers/new", Some((Feature::Providers, Level::Edit)), 200),
    ("/console/providers/example?service=send_money", Some((Feature::Providers, Level::Edit)), 422),
    ("/console/providers/conn_0", Some((Feature::Providers, Level::View)), 404),
    ("/console/providers/conn_0/edit", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/providers/conn_0/fees", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/providers/conn_0/test", Some((Feature::Providers, Level::View)), 404),
    ("/console/providers/conn_0/status?to=ACTIVE", Some((Feature::Maintenance, Level::Edit)), 404),
    ("/console/providers/conn_0/monitoring", Some((Feature::Maintenance, Level::Edit)), 404),
    ("/console/providers/conn_0/remove", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/sequences/send_money/default", Some((Feature::Providers, Level::View)), 200),
    ("/console/sequences/custom", Some((Feature::Providers, Level::Edit)), 422),
    ("/console/sequences/preview", Some((Feature::Providers, Level::View)), 200),
    ("/console/kyb/directors", SEE_KYB, 200),
    ("/console/kyb/nothing", SEE_KYB, 404),
    ("/console/kyb/versions/1", SEE_KYB, 404),
    ("/console/kyb/files/doc_0", SEE_KYB, 404),
    ("/console/marketplace/board", MARKET, 422),
    ("/console/marketplace/onboardings", SEE_MARKET, 200),
    ("/console/marketplace/onboardings/paystrator-kyb-0", SEE_MARKET, 404),
    ("/console/marketplace/onboardings/paystrator-kyb-0/connect", MARKET, 404),
];

/// Every form of the console, the feature and level it needs, and what an allowed person's empty form is answered.
/// `None`: every signed-in person may send it.
const FORMS: [(&str, Need, u16); 45] = [
    ("/console/transactions/sm_0/refresh", SEE, 404),
    ("/console/transactions/sm_0/resend", OPERATE, 404),
    ("/console/transactions/sm_0/cancel", OPERATE, 404),
    ("/console/transactions/sm_0/resolve", RESOLVE, 404),
    ("/console/transactions/sm_0/approve", RESOLVE, 404),
    ("/console/transactions/sm_0/withdraw", RESOLVE, 404),
    ("/console/mode", None, 400),
    ("/console/clients", None, 404),
    ("/console/preferences", None, 303),
    ("/console/providers/new", Some((Feature::Providers, Level::Edit)), 422),
    ("/console/providers/conn_0/edit", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/providers/conn_0/fees", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/providers/conn_0/status", Some((Feature::Maintenance, Level::Edit)), 404),
    ("/console/providers/conn_0/monitoring", Some((Feature::Maintenance, Level::Edit)), 404),
    ("/console/providers/conn_0/test", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/providers/conn_0/remove", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/sequences/send_money/default", Some((Feature::Providers, Level::Edit)), 200),
    ("/console/sequences/send_money/BCA/remove", Some((Feature::Providers, Level::Edit)), 404),
    ("/console/kyb/start", KYB, 303),
    ("/console/kyb/files", KYB, 422),
    ("/console/marketplace/board", MARKET, 422),
    ("/console/marketplace/onboardings/paystrator-kyb-0/submit", MARKET, 404),
    ("/console/marketplace/onboardings/paystrator-kyb-0/withdraw", MARKET, 404),
    ("/console/marketplace/onboardings/paystrator-kyb-0/connect", MARKET, 404),
    ("/console/settings/security/password", None, 422),
    ("/console/settings/security/second-factor", None, 422),
    ("/console/settings/security/second-factor/remove", None, 422),
    ("/console/settings/security/sessions/ses_0/end", None, 404),
    ("/console/settings/keys/new", SETTINGS, 422),
    ("/console/settings/keys/key_0/revoke", SETTINGS, 404),
    ("/console/settings/addresses", SETTINGS, 409),
    ("/console/settings/webhooks/new", SETTINGS, 422),
    ("/console/settings/webhooks/we_0/change", SETTINGS, 404),
    ("/console/settings/webhooks/we_0/switch", SETTINGS, 400),
    ("/console/settings/webhooks/we_0/test", SETTINGS, 404),
    ("/console/settings/webhooks/we_0/rotate", SETTINGS, 404),
    ("/console/settings/webhooks/we_0/replay-failed", SETTINGS, 404),
    ("/console/settings/webhooks/we_0/deliveries/ev_0/replay", SETTINGS, 404),
    ("/console/settings/sending/pause", OPERATE, 422),
    ("/console/settings/sending/resume", OPERATE, 303),
    ("/console/settings/team/invite", Some((Feature::Team, Level::Edit)), 422),
    ("/console/settings/team/invitations/inv_0/withdraw", Some((Feature::Team, Level::Edit)), 404),
    ("/console/settings/team/usr_0/role", Some((Feature::Team, Level::Edit)), 404),
    ("/console/settings/team/usr_0/remove", Some((Feature::Team, Level::View)), 404),
    ("/console/sign-out", None, 303),
];

/// Forms that nobody need be signed in for.
const OPEN: [&str; 4] = ["/console/sign-in", "/console/code", "/console/invitation", "/console/set-password"];

#[test]
fn no_form_is_forgotten() {
    let router = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/console/mod.rs")).unwrap();
    let routed: Vec<String> = router
        .lines()
        .filter(|line| line.contains("post(") && line.contains("\"/console/") && !line.contains("{*rest}"))
        .map(|line| line.split('"').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(routed.len(), FORMS.len() + OPEN.len(), "{routed:?}");
    for path in routed {
        let like = |known: &str| {
            let (a, b): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), known.split('/').collect());
            a.len() == b.len() && a.iter().zip(b).all(|(part, word)| *part == word || part.starts_with('{'))
        };
        assert!(FORMS.iter().any(|(known, ..)| like(known)) || OPEN.contains(&path.as_str()), "{path} is in no table");
    }
}

#[tokio::test]
async fn every_role_sees_and_sends_what_the_matrix_says() {
    run(async |world| {
        let id = ids::show(ids::SEND_MONEY, Uuid::nil());
        for role in Role::ALL {
            let browser = world.signed_in(&format!("{}@example.com", role.as_str()), role).await;
            let home = browser.get("/console/").await;
            for entry in &MENU {
                let allowed = entry.feature.is_none_or(|feature| may(role, feature, Level::View));
                let page = browser.get(entry.path).await;
                assert_eq!(page.status, if allowed { 200 } else { 403 }, "{role:?} at {}", entry.path);
                let linked = home.has(&format!("<a href=\"{}\"", entry.path));
                assert_eq!(linked, allowed, "{} in the menu of {role:?}", entry.path);
            }
            let story = browser.get(&format!("/console/transactions/{id}")).await.status;
            assert_eq!(story, if may(role, Feature::Transactions, Level::View) { 404 } else { 403 }, "{role:?}");
            let member = browser.get(&format!("/console/settings/team/{}", ids::show(ids::USER, Uuid::nil()))).await;
            assert_eq!(member.status, if may(role, Feature::Team, Level::View) { 404 } else { 403 }, "{role:?}");
            assert_eq!(browser.get("/console/clients").await.status, 200);
            assert_eq!(browser.get("/console/settings/security/second-factor").await.status, 200);
            for (path, needs, status) in PAGES {
                let allowed = needs.is_none_or(|(feature, need)| may(role, feature, need));
                let page = browser.get(path).await;
                assert_eq!(page.status, if allowed { status } else { 403 }, "{role:?} at {path}");
            }
            for (path, needs, status) in FORMS {
                let allowed = needs.is_none_or(|(feature, need)| may(role, feature, need));
                let page = browser.post(path, &[]).await;
                assert_eq!(page.status, if allowed { status } else { 403 }, "{role:?} sends {path}");
            }
            assert_eq!(browser.get("/console/").await.location(), "/console/sign-in", "signed out by the last form");
        }
        world
    })
    .await;
}

#[tokio::test]
async fn nothing_is_seen_without_signing_in() {
    run(async |world| {
        let nobody = Browser::new(&world);
        for entry in &MENU {
            let page = nobody.get(entry.path).await;
            assert_eq!(page.status, 303, "{}", entry.path);
            assert!(page.location().starts_with("/console/sign-in"), "{}", page.location());
        }
        for (path, ..) in PAGES {
            assert_eq!(nobody.get(path).await.status, 303, "{path}");
        }
        nobody.get("/console/sign-in").await;
        for (path, ..) in FORMS.iter().filter(|(path, ..)| !path.ends_with("preferences")) {
            let page = nobody.post(path, &[]).await;
            assert_eq!((page.status, page.location().split('?').next()), (303, Some("/console/sign-in")), "{path}");
        }
        // Afterwards one is where one wanted to be, and nowhere else.
        let page = nobody.get("/console/transactions?status=FAILED").await;
        assert_eq!(page.location(), "/console/sign-in?next=/console/transactions%3Fstatus%3DFAILED");
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        for (next, leads) in [
            ("/console/transactions?status=FAILED", "/console/transactions?status=FAILED"),
            ("https://evil.example/", "/console/"),
            ("//evil.example/", "/console/"),
            ("/console/../..//evil.example", "/console/"),
            ("/console/\\evil.example", "/console/"),
            ("/v1/openapi.json", "/console/"),
        ] {
            let browser = Browser::new(&world);
            browser.get("/console/sign-in").await;
            let fields =
                [("email", "owner@example.com"), ("password", crate::support::browser::PASSWORD), ("next", next)];
            assert_eq!(browser.post("/console/sign-in", &fields).await.location(), leads);
        }
        world
    })
    .await;
}

/// Sends a role for somebody by a form, and answers the status.
async fn give(browser: &Browser, user: Uuid, role: Role) -> u16 {
    let path = format!("/console/settings/team/{}/role", ids::show(ids::USER, user));
    browser.post(&path, &[("role", role.as_str())]).await.status
}

async fn remove(browser: &Browser, user: Uuid) -> u16 {
    browser.post(&format!("/console/settings/team/{}/remove", ids::show(ids::USER, user)), &[]).await.status
}

async fn role_of(world: &World, user: Uuid) -> Option<String> {
    sqlx::query_scalar("SELECT role FROM membership WHERE client_id = $1 AND user_id = $2")
        .bind(world.client_id)
        .bind(user)
        .fetch_optional(&world.sql)
        .await
        .unwrap()
}

#[tokio::test]
async fn no_form_makes_more_of_anybody_than_the_sender_may() {
    run(async |world| {
        let owner = world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let finance = world.person(world.client_id, "finance@example.com", "Budi", Role::Finance).await;
        let sa_id = world.person(world.client_id, "sa@example.com", "Citra", Role::SuperAdmin).await;
        let admin_id = world.person(world.client_id, "admin@example.com", "Dewi", Role::Admin).await;
        let browser = async |email: &str| {
            let browser = Browser::new(&world);
            browser.sign_in(email).await;
            browser
        };
        let sa = browser("sa@example.com").await;
        assert_eq!(give(&sa, finance, Role::Owner).await, 403);
        assert_eq!(give(&sa, sa_id, Role::Owner).await, 403, "nobody raises oneself");
        assert_eq!(give(&sa, owner, Role::Finance).await, 403, "an owner is above");
        assert_eq!(remove(&sa, owner).await, 403);
        let invite = |role: &'static str| [("email", "new@example.com"), ("role", role)];
        assert_eq!(sa.post("/console/settings/team/invite", &invite("owner")).await.status, 403);
        assert_eq!(sa.post("/console/settings/team/invite", &invite("root")).await.status, 422);
        let admin = browser("admin@example.com").await;
        assert_eq!(admin.post("/console/settings/team/invite", &invite("developer")).await.status, 403);
        assert_eq!(give(&admin, finance, Role::Operation).await, 403, "an admin gives no roles");
        assert_eq!(remove(&admin, sa_id).await, 403);
        let page = admin.get("/console/settings/team").await;
        assert!(page.has("only they invite") && !page.has("name=\"role\""), "{}", page.body);
        let fin = browser("finance@example.com").await;
        assert_eq!(give(&fin, finance, Role::Owner).await, 403);
        assert_eq!(remove(&fin, owner).await, 403);
        // What is allowed works, ends the person's sessions for the client, and is written down.
        assert_eq!(give(&sa, finance, Role::Operation).await, 303);
        assert_eq!(role_of(&world, finance).await.as_deref(), Some("operation"));
        assert_eq!(fin.get("/console/").await.location(), "/console/sign-in");
        assert_eq!(remove(&admin, finance).await, 303);
        assert_eq!(role_of(&world, finance).await, None);
        assert_eq!(give(&sa, finance, Role::Admin).await, 404, "not of this team any more");
        let log = sa.get("/console/settings/audit?area=member").await;
        assert!(
            log.has("Role: Finance → Operation") && log.has("Citra") && log.has("Removed somebody"),
            "{}",
            log.body
        );
        assert_eq!(role_of(&world, admin_id).await.as_deref(), Some("admin"));
        world
    })
    .await;
}

#[tokio::test]
async fn a_client_keeps_its_last_owner() {
    run(async |world| {
        let first = world.person(world.client_id, "first@example.com", "Ani", Role::Owner).await;
        let one = Browser::new(&world);
        one.sign_in("first@example.com").await;
        assert_eq!(give(&one, first, Role::Admin).await, 409);
        assert_eq!(remove(&one, first).await, 409);
        assert_eq!(role_of(&world, first).await.as_deref(), Some("owner"));
        let second = world.person(world.client_id, "second@example.com", "Budi", Role::Owner).await;
        let two = Browser::new(&world);
        two.sign_in("second@example.com").await;
        // Each ends the other's ownership at once: one is late.
        let ends = tokio::join!(give(&one, second, Role::Finance), give(&two, first, Role::Finance));
        let owners: i64 = world.number("SELECT count(*) FROM membership WHERE role = 'owner'").await;
        assert_eq!(owners, 1, "{ends:?}");
        world
    })
    .await;
}

#[tokio::test]
async fn another_clients_ids_are_nothing() {
    run(async |world| {
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        let stranger = world.person(other, "stranger@example.com", "Eka", Role::Owner).await;
        let abroad = Browser::new(&world);
        abroad.sign_in("stranger@example.com").await;
        let made =
            abroad.post("/console/settings/team/invite", &[("email", "x@example.com"), ("role", "finance")]).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let invitation = made.between("/console/settings/team/invitations/", "/withdraw").to_owned();
        let session: Uuid = sqlx::query_scalar("SELECT id FROM session").fetch_one(&world.sql).await.unwrap();

        let mine = world.signed_in("owner@example.com", Role::Owner).await;
        let payment = world.send("X1", "1239812390", 10_000).await;
        world.until_status(&payment, "SUCCESS").await;
        assert_eq!(mine.get(&format!("/console/transactions/{payment}")).await.status, 200);
        assert_eq!(abroad.get(&format!("/console/transactions/{payment}")).await.status, 404);
        assert!(!abroad.get("/console/transactions").await.has("X1"));
        assert!(!abroad.get("/console/providers").await.has("OY! sandbox"));
        assert_eq!(mine.get(&format!("/console/settings/team/{}", ids::show(ids::USER, stranger))).await.status, 404);
        assert_eq!(give(&mine, stranger, Role::Finance).await, 404);
        assert_eq!(remove(&mine, stranger).await, 404);
        let path = format!("/console/settings/team/invitations/{invitation}/withdraw");
        assert_eq!(mine.post(&path, &[]).await.status, 404);
        let path = format!("/console/settings/security/sessions/{}/end", ids::show(ids::SESSION, session));
        assert_eq!(mine.post(&path, &[]).await.status, 404);
        let client = ids::show(ids::CLIENT, other);
        assert_eq!(mine.post("/console/clients", &[("client", &client)]).await.status, 404, "no work there");
        assert_eq!(abroad.get("/console/").await.status, 200, "nothing of it ended anything");
        world
    })
    .await;
}

#[tokio::test]
async fn one_person_works_for_many_clients_with_a_role_at_each() {
    run(async |world| {
        let other = access::create_client(&world.app, "Zeta Company").await.unwrap();
        let user = world.person(world.client_id, "both@example.com", "Ani", Role::Owner).await;
        assert_eq!(world.person(other, "Both@Example.com ", "Ani", Role::Developer).await, user, "one account");
        let browser = Browser::new(&world);
        browser.sign_in("both@example.com").await;
        assert!(browser.get("/console/").await.has("<h1>Dummy Company</h1>"));
        let before = browser.cookie("paystrator_session");
        let page = browser.get("/console/clients").await;
        assert!(page.has("Zeta Company") && page.has("Developer"));
        let went = browser.post("/console/clients", &[("client", &ids::show(ids::CLIENT, other))]).await;
        assert_eq!(went.location(), "/console/");
        assert_ne!(browser.cookie("paystrator_session"), before, "another role, another token");
        let home = browser.get("/console/").await;
        assert!(home.has("<h1>Zeta Company</h1>"), "{}", home.body);
        assert_eq!(browser.get("/console/transactions").await.status, 403, "a developer there");
        // Removed there, the person goes on for the other client.
        let boss = world.person(other, "boss@example.com", "Budi", Role::Owner).await;
        let there = Browser::new(&world);
        there.sign_in("boss@example.com").await;
        assert_ne!(boss, user);
        assert_eq!(remove(&there, user).await, 303);
        assert_eq!(browser.get("/console/").await.location(), "/console/sign-in");
        browser.sign_in("both@example.com").await;
        assert!(browser.get("/console/").await.has("<h1>Dummy Company</h1>"));
        world
    })
    .await;
}
