//! Invitations: used once, in time, by who was invited; and gone with who made them.

use std::time::Duration;

use paystrator::clock::Clock;
use paystrator::domain::ids;
use paystrator::domain::role::Role;
use paystrator::flows::access;
use paystrator::flows::people::invitations;

use crate::support::browser::{Browser, PASSWORD, Page};
use crate::support::{Options, World, run, run_with};

/// Invites by the page, and answers the path of the link that it shows.
async fn invite(browser: &Browser, email: &str, role: Role) -> String {
    let page = browser.post("/console/settings/team/invite", &[("email", email), ("role", role.as_str())]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let link = page.between("readonly value=\"", "\"");
    format!("/console/invitation?token={}", link.split_once("token=").unwrap().1)
}

fn token(path: &str) -> &str {
    path.split_once("token=").unwrap().1
}

/// Accepts as somebody new.
async fn accept(browser: &Browser, path: &str, name: &str) -> Page {
    browser.get(path).await;
    let fields = [("token", token(path)), ("name", name), ("password", PASSWORD), ("repeat", PASSWORD)];
    browser.post("/console/invitation", &fields).await
}

async fn members(world: &World) -> i64 {
    world.number("SELECT count(*) FROM membership").await
}

#[tokio::test]
async fn the_first_owner_comes_in_by_a_link_and_invites_others() {
    run(async |world| {
        let made = invitations::invite_first(&world.app, world.client_id, "Owner@Example.com", Role::Owner).await.unwrap();
        let link = invitations::link(&world.app, &made);
        assert!(link.ends_with(&format!("/console/invitation?token={made}")), "{link}");
        let path = format!("/console/invitation?token={made}");
        let owner = Browser::new(&world);
        let page = owner.get(&path).await;
        assert!(page.has("Join Dummy Company") && page.has("owner@example.com") && page.has("Owner"), "{}", page.body);
        let wrong = [("token", made.as_str()), ("name", " "), ("password", "short"), ("repeat", "other")];
        let page = owner.post("/console/invitation", &wrong).await;
        assert_eq!(page.status, 422);
        for field in ["name", "password", "repeat"] {
            assert!(page.has(&format!("id=\"{field}-error\"")), "{}", page.body);
            assert!(page.between(&format!("id=\"{field}\""), ">").contains("aria-invalid=\"true\""), "{}", page.body);
        }
        assert_eq!(accept(&owner, &path, "Ani Wijaya").await.location(), "/console/");
        let home = owner.get("/console/").await;
        assert!(home.has("Welcome.") && home.has("<strong>Ani Wijaya</strong>"), "{}", home.body);
        assert!(!owner.get("/console/").await.has("Welcome."), "said once");

        let path = invite(&owner, "budi@example.com", Role::Finance).await;
        let team = owner.get("/console/settings/team").await;
        assert!(team.has("budi@example.com") && !team.has("readonly"), "the link is shown once");
        let budi = Browser::new(&world);
        assert_eq!(accept(&budi, &path, "Budi").await.location(), "/console/");
        assert_eq!(budi.get("/console/settings/team").await.status, 403);
        // Once is once, for every kind of visitor.
        let late = Browser::new(&world);
        assert_eq!(late.get(&path).await.status, 410);
        let fields = [("token", token(&path)), ("name", "Cici"), ("password", PASSWORD), ("repeat", PASSWORD)];
        late.get("/console/sign-in").await;
        assert_eq!(late.post("/console/invitation", &fields).await.status, 410);
        assert_eq!(budi.get(&path).await.status, 410);
        assert_eq!(members(&world).await, 2);
        // Who works here is not invited again.
        let page = owner.post("/console/settings/team/invite", &[("email", "BUDI@example.com"), ("role", "admin")]).await;
        assert!(page.status == 422 && page.has("id=\"email-error\">This person works here already."), "{}", page.body);
        for email in ["", "budi", "a@b", "a b@c.de", "@c.de", "a@", "a@b@c.de"] {
            let page = owner.post("/console/settings/team/invite", &[("email", email), ("role", "admin")]).await;
            assert!(page.status == 422 && page.has("id=\"email-error\""), "{email:?}");
        }
        let log = owner.get("/console/settings/audit?area=invitation").await;
        assert!(log.has("Invited somebody") && log.has("budi@example.com") && !log.has("inv_"), "{}", log.body);
        let stored: String = sqlx::query_scalar(
            "SELECT (SELECT string_agg(i::text, ' ') FROM invitation i) || (SELECT string_agg(u::text, ' ') FROM app_user u)
                || (SELECT string_agg(a::text, ' ') FROM audit a) || (SELECT string_agg(r::text, ' ') FROM route r)",
        )
        .fetch_one(&world.sql)
        .await
        .unwrap();
        for secret in ["example.com", "Ani Wijaya", "Budi", made.as_str(), token(&path), PASSWORD] {
            assert!(!stored.contains(secret), "{secret} stands in a plain column");
        }
        world
    })
    .await;
}

#[tokio::test]
async fn two_who_come_at_once_are_one() {
    run(async |world| {
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        let path = invite(&owner, "budi@example.com", Role::Finance).await;
        let (one, two) = (Browser::new(&world), Browser::new(&world));
        let (a, b) = tokio::join!(accept(&one, &path, "One"), accept(&two, &path, "Two"));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
        assert_eq!(members(&world).await, 2);
        world
    })
    .await;
}

#[tokio::test]
async fn a_late_a_withdrawn_and_a_replaced_invitation_are_over() {
    let clock = Clock::manual("2026-11-20T03:00:00Z".parse().unwrap());
    run_with(Options { clock: clock.clone(), ..Options::default() }, async |world| {
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        let late = invite(&owner, "late@example.com", Role::Finance).await;
        clock.advance(Duration::from_secs(72 * 3600));
        let visitor = Browser::new(&world);
        assert_eq!(visitor.get(&late).await.status, 410);
        owner.sign_in("owner@example.com").await;
        assert!(owner.get("/console/settings/team").await.has("Too old"));
        // A new one to the same address takes its place.
        let first = invite(&owner, "late@example.com", Role::Finance).await;
        let second = invite(&owner, "Late@example.com", Role::Developer).await;
        assert_eq!(visitor.get(&first).await.status, 410);
        assert_eq!(visitor.get(&second).await.status, 200);
        let team = owner.get("/console/settings/team").await;
        assert_eq!(team.body.matches("/withdraw").count(), 1);
        let withdraw = format!("/console/settings/team/invitations/{}/withdraw", team.between("/invitations/", "/"));
        assert_eq!(owner.post(&withdraw, &[]).await.status, 303);
        assert_eq!(visitor.get(&second).await.status, 410);
        assert_eq!(owner.post(&withdraw, &[]).await.status, 404, "withdrawn already");
        assert_eq!(visitor.get("/console/invitation").await.status, 410);
        assert_eq!(visitor.get("/console/invitation?token=%00").await.status, 410);
        world
    })
    .await;
}

#[tokio::test]
async fn who_has_an_account_signs_in_and_nobody_else_takes_it() {
    run(async |world| {
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "eka@example.com", "Eka", Role::Owner).await;
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        let path = invite(&owner, "eka@example.com", Role::Operation).await;
        // Not signed in: the link sets no password of an account that is there.
        let visitor = Browser::new(&world);
        let page = visitor.get(&path).await;
        assert!(page.has("Sign in to accept") && !page.has("name=\"password\""), "{}", page.body);
        assert_eq!(accept(&visitor, &path, "Mallory").await.status, 200);
        assert_eq!(members(&world).await, 2, "nothing happened");
        // Signed in as somebody else: neither.
        assert!(owner.get(&path).await.has("for somebody else"));
        assert_eq!(owner.post("/console/invitation", &[("token", token(&path))]).await.status, 200);
        assert_eq!(members(&world).await, 2);
        // As who was invited.
        visitor.sign_in("eka@example.com").await;
        let before = visitor.cookie("paystrator_session");
        assert!(visitor.get(&path).await.has("Join Dummy Company"));
        assert_eq!(visitor.post("/console/invitation", &[("token", token(&path))]).await.location(), "/console/");
        assert_ne!(visitor.cookie("paystrator_session"), before);
        assert!(visitor.get("/console/").await.has("<h1>Dummy Company</h1>"));
        assert_eq!(members(&world).await, 3);
        world
    })
    .await;
}

#[tokio::test]
async fn invitations_end_with_the_role_they_were_made_by() {
    run(async |world| {
        let owner = world.signed_in("owner@example.com", Role::Owner).await;
        let sa = world.person(world.client_id, "sa@example.com", "Citra", Role::SuperAdmin).await;
        let browser = Browser::new(&world);
        browser.sign_in("sa@example.com").await;
        let path = invite(&browser, "accomplice@example.com", Role::SuperAdmin).await;
        let role = format!("/console/settings/team/{}/role", ids::show(ids::USER, sa));
        assert_eq!(owner.post(&role, &[("role", "finance")]).await.status, 303);
        let visitor = Browser::new(&world);
        assert_eq!(visitor.get(&path).await.status, 410);
        assert_eq!(members(&world).await, 2);
        world
    })
    .await;
}
