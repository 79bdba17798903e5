//! Home: what a role sees of it, that it says what is so, that it looks again by itself and keeps nobody signed in, and
//! the drawings and short numbers it is made of.

use chrono::{DateTime, Utc};
use paystrator::console::chart::{self, Step};
use paystrator::console::show;
use paystrator::console::words::Lang;
use paystrator::domain::role::{Feature, Level, Role, may};
use paystrator::flows::access;
use paystrator::flows::overview::Reach;
use serde_json::json;

use crate::support::bad::uuid;
use crate::support::browser::Browser;
use crate::support::truth::sums::caught_up;
use crate::support::{World, run};

const LIVE: &str = "/console/home/live";

/// Two payments that end, one paid and one failed, in the sums.
async fn lived(world: &World) {
    world.endpoint("ends").await;
    let paid = world.send("PAID", "5550001", 1_250_000).await;
    world.until_status(&paid, "SUCCESS").await;
    let failed = world.send("FAILED", "7777777777", 70_000).await;
    world.until_status(&failed, "FAILED").await;
    world.idle().await;
    caught_up(&world.app, &world.sql).await;
}

#[tokio::test]
async fn a_new_client_is_told_what_to_do_next() {
    run(async |world| {
        let new = access::create_client(&world.app, "New Company").await.unwrap();
        world.person(new, "new@example.com", "Eka", Role::Owner).await;
        let browser = Browser::new(&world);
        browser.sign_in("new@example.com").await;
        let page = browser.get("/console/").await;
        for text in
            ["Three steps to the first payment", "Connect a provider", "href=\"/console/providers\"", "Make an API key"]
        {
            assert!(page.has(text), "{text}: {}", page.body);
        }
        assert!(!page.has("<dl class=\"figures\">") && !page.has("Needs attention"), "{}", page.body);
        // What is done already is said to be.
        let other = world.signed_in("owner@example.com", Role::Owner).await;
        let page = other.get("/console/").await;
        assert_eq!(page.body.matches("<li class=\"done\">").count(), 2, "{}", page.body);
        world
    })
    .await;
}

#[tokio::test]
async fn it_shows_what_was_paid_and_to_whom_it_was_told() {
    run(async |world| {
        lived(&world).await;
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        for (path, reach) in [("/console/", "24h"), ("/console/?reach=7d", "7d"), ("/console/?reach=30d", "30d")] {
            let page = browser.get(path).await;
            for text in ["Rp1.250.000", "50%", "of 2 ended payments", "OY! sandbox", "Rp2.775", "/webhooks/ends"] {
                assert!(page.has(text), "{path} has {text}: {}", page.body);
            }
            assert!(page.has(&format!("data-again=\"{LIVE}?reach={reach}\"")));
            assert!(
                page.has("role=\"img\" aria-label=\"Payments that ended in the last"),
                "a sentence for who sees no bars"
            );
            assert!(page.has("Show as a table"), "and a table");
            let live = browser.get(&format!("{LIVE}?reach={reach}")).await;
            assert_eq!(live.status, 200);
            assert!(live.has("Rp1.250.000") && !live.has("<html") && !live.has("<h1>"), "{}", live.body);
            assert_eq!(live.header("cache-control"), "no-store");
        }
        assert_eq!(browser.get("/console/?reach=%3Cscript%3E").await.status, 200);
        // Another client sees nothing of it.
        let other = access::create_client(&world.app, "Other Company").await.unwrap();
        world.person(other, "other@example.com", "Fajar", Role::Owner).await;
        let abroad = Browser::new(&world);
        abroad.sign_in("other@example.com").await;
        for path in ["/console/", LIVE] {
            let page = abroad.get(path).await;
            assert!(!page.has("1.250.000") && !page.has("OY! sandbox") && !page.has("/webhooks/ends"), "{}", page.body);
        }
        world
    })
    .await;
}

#[tokio::test]
async fn money_is_for_who_may_see_payments() {
    run(async |world| {
        lived(&world).await;
        for role in Role::ALL {
            let browser = world.signed_in(&format!("{}@example.com", role.as_str()), role).await;
            let money = may(role, Feature::Transactions, Level::View);
            for path in ["/console/", LIVE] {
                let page = browser.get(path).await;
                assert_eq!(page.status, 200, "{role:?}");
                assert!(page.has("OY! sandbox") && page.has("/webhooks/ends"), "{role:?}: how things go is for all");
                for text in ["Rp", "Balances at providers", "Money in doubt", "Fees with tax"] {
                    assert_eq!(page.has(text), money, "{role:?} at {path}: {text}");
                }
            }
        }
        world
    })
    .await;
}

#[tokio::test]
async fn looking_again_by_itself_keeps_nobody_signed_in() {
    run(async |world| {
        let nobody = Browser::new(&world);
        assert_eq!((nobody.get(LIVE).await.status, nobody.get(LIVE).await.location()), (303, "/console/sign-in"));
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        sqlx::query("UPDATE session SET seen_at = seen_at - interval '20 minutes'").execute(&world.sql).await.unwrap();
        let seen = async || -> DateTime<Utc> {
            sqlx::query_scalar("SELECT seen_at FROM session").fetch_one(&world.sql).await.unwrap()
        };
        let before = seen().await;
        assert_eq!(browser.get(LIVE).await.status, 200);
        assert_eq!(seen().await, before, "nobody need be there");
        assert_eq!(browser.get("/console/").await.status, 200);
        assert!(seen().await > before, "a page that is opened is a use");
        sqlx::query("UPDATE session SET seen_at = seen_at - interval '31 minutes'").execute(&world.sql).await.unwrap();
        assert_eq!(browser.get(LIVE).await.location(), "/console/sign-in", "it stops");
        world
    })
    .await;
}

#[tokio::test]
async fn what_needs_somebody_stands_first_and_is_no_markup() {
    run(async |world| {
        lived(&world).await;
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        assert!(browser.get("/console/").await.has("Nothing needs you now"));
        let script = "<script>alert(1)</script>";
        let reply = world.caller.post("/v1/sending/pause", json!({ "reason": script })).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        sqlx::query("UPDATE payment SET unknown_since = now() - interval '2 hours' WHERE external_id = 'PAID'")
            .execute(&world.sql)
            .await
            .unwrap();
        let made = world.send("<b>ODD</b>", "5550003", 90_000).await;
        sqlx::query(
            "INSERT INTO exception (client_id, id, payment_id, attempt, kind, detail, amount, observations, opened_at)
             SELECT client_id, gen_random_uuid(), id, 1, 'vanished', '', 90000, '{}', now() - interval '5 minutes'
             FROM payment WHERE id = $1",
        )
        .bind(uuid(&made))
        .execute(&world.sql)
        .await
        .unwrap();
        for path in ["/console/", LIVE] {
            let page = browser.get(path).await;
            let at = |text: &str| page.body.find(text).unwrap_or_else(|| panic!("no {text} in {}", page.body));
            assert!(at("Sending is paused since") < at("In doubt for more than an hour: 1"));
            assert!(at("The provider knows it no more") < at("In doubt for more than an hour: 1"));
            assert!(at("In doubt for more than an hour: 1") < at("<dl class=\"figures\">"));
            assert!(page.has(&format!("href=\"/console/transactions/{made}\"")));
            assert!(page.has("Rp1.340.000"), "both together are in doubt");
            assert!(page.has("Things that need attention: 3"));
            assert!(!page.has(script) && !page.has("<b>ODD"), "{}", page.body);
        }
        // As it was, so that the world can end.
        sqlx::query("DELETE FROM exception").execute(&world.sql).await.unwrap();
        sqlx::query("UPDATE payment SET unknown_since = NULL").execute(&world.sql).await.unwrap();
        assert_eq!(world.caller.post("/v1/sending/resume", json!({})).await.status, 200);
        world.until_status(&made, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn balances_are_asked_beside_the_page() {
    run(async |world| {
        lived(&world).await;
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        // Signing in has opened the page once; whoever opens it while the provider is asked waits for nothing.
        world.idle().await;
        let page = browser.get(LIVE).await;
        let balances = page.between("id=\"balances-title\"", "</section>");
        assert!(balances.contains("Asked just now") && balances.contains("Rp"), "{balances}");
        world
    })
    .await;
}

#[test]
fn a_reach_ends_with_now_and_is_cut_as_days_in_jakarta_are() {
    let now: DateTime<Utc> = "2026-03-10T18:20:00Z".parse().unwrap(); // 01:20 on the 11th in Jakarta
    let from = |reach: Reach| reach.from(now).to_rfc3339();
    assert_eq!(from(Reach::Day), "2026-03-09T19:00:00+00:00");
    assert_eq!(from(Reach::Week), "2026-03-03T23:00:00+00:00");
    assert_eq!(from(Reach::Month), "2026-02-09T17:00:00+00:00");
    for reach in Reach::ALL {
        let (hours, steps) = reach.steps();
        let end = reach.from(now) + chrono::TimeDelta::hours(i64::from(hours * steps));
        assert!(end > now && end - now <= chrono::TimeDelta::hours(i64::from(hours)), "{reach:?}");
        assert_eq!(Reach::parse(reach.as_str()), Some(reach));
    }
}

#[test]
fn numbers_are_short_and_never_rounded_up() {
    let money = |lang, units| show::money_short(lang, units, "IDR");
    for (units, english, indonesian) in [
        (0, "Rp0", "Rp0"),
        (9_999_999, "Rp9.999.999", "Rp9.999.999"),
        (12_399_999, "Rp12.3 m", "Rp12,3 jt"),
        (999_999_999, "Rp999 m", "Rp999 jt"),
        (1_259_999_999, "Rp1.25 bn", "Rp1,25 M"),
        (45_000_000_000_000, "Rp45.0 tn", "Rp45,0 T"),
        (-1_259_999_999, "−Rp1.25 bn", "−Rp1,25 M"),
    ] {
        assert_eq!((money(Lang::En, units).as_str(), money(Lang::Id, units).as_str()), (english, indonesian));
    }
    assert_eq!(show::money_short(Lang::En, 1_250_000_099, "MYR"), "MYR 12.5 m");
    assert_eq!(show::share(Lang::En, 9_999, 10_000), "99.9%", "all of it is said only of all");
    assert_eq!((show::share(Lang::Id, 1, 3), show::share(Lang::En, 3, 3)), ("33,3%".into(), "100%".into()));
    assert_eq!(show::count(Lang::En, 1_234_567), "1,234,567");
    let times = [(640, "640 ms"), (2_460, "2.4 s"), (59_000, "59 s"), (150_000, "2 min"), (9_000_000, "2 h")];
    times.iter().for_each(|(ms, text)| assert_eq!(show::lasting(Lang::En, *ms), *text));
}

#[test]
fn drawings_are_what_the_numbers_say() {
    let step = |label: &str, values: &[i64]| Step { label: label.into(), values: values.into() };
    let svg = chart::bars(&[step("a", &[10, 5]), step("<b>", &[0, 0])], &["paid", "failed"], 20, "say \"it\"");
    insta::assert_snapshot!(svg, @r###"<svg class="chart bars" viewBox="0 0 24 100" preserveAspectRatio="none" role="img" aria-label="say &quot;it&quot;" focusable="false"><path class="grid" d="M0 75h24"/><path class="grid" d="M0 50h24"/><path class="grid" d="M0 25h24"/><path class="grid" d="M0 0h24"/><g><title>a</title><rect class="hover" x="0" y="0" width="12" height="100"/><rect class="paid" x="1" y="50.00" width="9" height="50.00"/><rect class="failed" x="1" y="25.00" width="9" height="25.00"/></g><g><title>&lt;b&gt;</title><rect class="hover" x="12" y="0" width="12" height="100"/></g></svg>"###);
    assert_eq!([0, 3, 4, 5, 9, 10, 11, 41, 99, 101].map(chart::ceiling), [4, 4, 4, 5, 10, 10, 20, 50, 100, 200]);
    assert_eq!(chart::ceiling(i64::MAX), i64::MAX);
    insta::assert_snapshot!(chart::shares(&[(999, "paid"), (1, "failed")]), @r###"<svg class="chart shares" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="bed" width="1000" height="10"/><rect class="paid" x="0" width="992" height="10"/><rect class="failed" x="992" width="8" height="10"/></svg>"###);
    assert!(!chart::shares(&[(0, "paid"), (-1, "failed")]).contains("class=\"paid\""));
    insta::assert_snapshot!(chart::sparkline(&[0, 2, 1]), @r###"<svg class="chart spark" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true" focusable="false"><path class="under" d="M0 30L0.00 28.00L50.00 2.00L100.00 15.00L100 30z"/><path class="over" d="M0.00 28.00L50.00 2.00L100.00 15.00"/></svg>"###);
    assert!(!chart::sparkline(&[5]).contains("path"), "one number makes no line");
    // A little is seen, and nothing is not.
    let tiny = chart::bars(&[step("", &[1, 1_000_000])], &["paid", "failed"], 1_000_000, "");
    assert!(tiny.contains("class=\"paid\""), "{tiny}");
}
