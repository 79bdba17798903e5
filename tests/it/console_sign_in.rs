//! Signing in, and what a session is worth: guesses, planted tokens, forged forms, codes used twice, times that run out.

use std::time::{Duration, Instant};

use paystrator::clock::Clock;
use paystrator::config::SecondFactor;
use paystrator::crypto::totp;
use paystrator::domain::role::Role;
use paystrator::flows::people::install;

use crate::support::browser::{Browser, PASSWORD, Page};
use crate::support::{Options, World, run, run_with};

const SESSION: &str = "paystrator_session";

/// A world whose time only moves when it is told to.
fn standing() -> (Clock, Options) {
    let clock = Clock::manual("2026-11-20T03:00:00Z".parse().unwrap());
    (clock.clone(), Options { clock, ..Options::default() })
}

#[test]
fn codes_are_those_of_the_rfc() {
    // RFC 6238, appendix B (SHA-1), the last six of its eight digits.
    for (unix_s, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(totp::code(b"12345678901234567890", totp::step(unix_s)), code);
    }
    assert_eq!(totp::base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    // RFC 4648, section 10.
    let words = [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")];
    words.into_iter().for_each(|(plain, text)| assert_eq!(totp::base32(plain.as_bytes()), text));
    let uri = totp::uri("Pay & Go", "a b@example.com", b"foo");
    assert_eq!(uri, "otpauth://totp/Pay%20%26%20Go:a%20b@example.com?secret=MZXW6&issuer=Pay%20%26%20Go");
}

#[test]
fn a_neighbouring_step_is_taken_and_none_twice() {
    let (secret, now) = (b"12345678901234567890", 1_000_000_000);
    let step = totp::step(now);
    for (at, taken) in [(-2, None), (-1, Some(step - 1)), (0, Some(step)), (1, Some(step + 1)), (2, None)] {
        assert_eq!(totp::accept(secret, &totp::code(secret, step + at), now, 0), taken, "{at}");
    }
    assert_eq!(totp::accept(secret, &totp::code(secret, step), now, step), None, "this one was taken");
    assert_eq!(totp::accept(secret, &totp::code(secret, step - 1), now, step), None, "and those before it");
    assert_eq!(totp::accept(secret, "", now, 0), None);
}

#[tokio::test]
async fn a_planted_token_is_never_taken_over() {
    run(async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browser = Browser::new(&world);
        browser.set_cookie(SESSION, "planted-by-somebody-else");
        browser.sign_in("owner@example.com").await;
        let first = browser.cookie(SESSION);
        assert_ne!(first, "planted-by-somebody-else");
        assert_eq!(first.len(), 43, "256 bits");
        // Signing in again gives a new token, and the old one dies with it.
        let page = browser.get("/console/sign-in?next=/console/").await;
        assert_eq!(page.location(), "/console/", "signed in already");
        let page = browser.post("/console/sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(page.location(), "/console/");
        assert_ne!(browser.cookie(SESSION), first);
        let thief = Browser::new(&world);
        thief.set_cookie(SESSION, &first);
        assert_eq!(thief.get("/console/").await.location(), "/console/sign-in");
        // The database holds no token.
        let token = browser.cookie(SESSION);
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM session s WHERE strpos(s::text, $1) > 0")
            .bind(&token)
            .fetch_one(&world.sql)
            .await
            .unwrap();
        assert_eq!(kept, 0);
        // Signed out is signed out, for every copy of the token.
        browser.get("/console/").await;
        browser.post("/console/sign-out", &[]).await;
        thief.set_cookie(SESSION, &token);
        assert_eq!(thief.get("/console/").await.location(), "/console/sign-in");
        world
    })
    .await;
}

fn lines_of<'p>(page: &'p Page, name: &str) -> Vec<&'p str> {
    page.cookies().into_iter().filter(|line| line.split('=').next() == Some(name)).collect()
}

#[tokio::test]
async fn cookies_are_bound_and_pages_are_guarded() {
    run(async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browser = Browser::new(&world);
        let page = browser.try_in("owner@example.com", PASSWORD).await;
        let line = lines_of(&page, SESSION)[0];
        assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{line}");
        let page = browser.get("/console/").await;
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(page.header("x-request-id").starts_with("req_"));
        assert_eq!(page.header("strict-transport-security"), "", "not on plain http");
        let scripts =
            (page.body.matches("<script").count(), page.body.matches("<script src=\"/console/assets/").count());
        assert_eq!(scripts.0, scripts.1, "files of our own and nothing else");
        assert!(!page.has("style=") && !page.has("http://") && !page.has("https://"));
        let style = page.between("<link rel=\"stylesheet\" href=\"", "\"").to_owned();
        let asset = browser.get(&style).await;
        assert_eq!((asset.status, asset.header("content-type")), (200, "text/css; charset=utf-8"));
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(browser.get("/console/assets/style-0000000000000000.css").await.status, 404);
        // The API's reference is a page on the same host, with scripts that we did not write.
        let reference = browser.get("/docs/").await;
        let policy = reference.header("content-security-policy");
        assert!(reference.status == 200 && policy.contains("script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("connect-src 'self'"), "{policy}");
        world
    })
    .await;
}

#[tokio::test]
async fn over_https_cookies_go_nowhere_else() {
    let mut options = Options::default();
    options.config.server.public_url = "https://pay.example.co.id/".into();
    options.config.server.production = true;
    options.config.console.second_factor = SecondFactor::Never;
    run_with(options, async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browser = Browser::new(&world);
        browser.get("/console/sign-in").await;
        let token = browser.form_token();
        let fields = [("form_token", token.as_str()), ("email", "owner@example.com"), ("password", PASSWORD)];
        let ours = [("Origin", "https://pay.example.co.id")];
        let page = browser.post_raw("/console/sign-in", &fields, &ours).await;
        let line = lines_of(&page, "__Host-paystrator_session")[0];
        assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{line}");
        let page = browser.get("/console/").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
        // The address that is reached behind the proxy is not the one that counts.
        let token = browser.form_token();
        let inside = [("Origin", world.service.url.as_str())];
        assert_eq!(browser.post_raw("/console/sign-out", &[("form_token", &token)], &inside).await.status, 403);
        world
    })
    .await;
}

#[tokio::test]
async fn no_other_site_sends_a_form() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let other = world.signed_in("other@example.com", Role::Owner).await;
        let (mine, theirs) = (browser.form_token(), other.form_token());
        assert_ne!(mine, theirs);
        let send = async |token: &str, headers: &[(&str, &str)]| {
            browser.post_raw("/console/mode", &[("form_token", token), ("mode", "test")], headers).await.status
        };
        let here = world.service.url.as_str();
        assert_eq!(send(&mine, &[("Origin", here), ("Sec-Fetch-Site", "same-origin")]).await, 303);
        assert_eq!(send(&mine, &[("Origin", here)]).await, 303, "an older browser");
        assert_eq!(send(&theirs, &[("Origin", here)]).await, 403, "the token of another session");
        assert_eq!(send("", &[("Origin", here)]).await, 403, "no token");
        assert_eq!(send(&mine, &[("Origin", "https://evil.example")]).await, 403);
        assert_eq!(send(&mine, &[("Origin", "null")]).await, 403);
        assert_eq!(send(&mine, &[("Sec-Fetch-Site", "cross-site")]).await, 403);
        assert_eq!(send(&mine, &[("Sec-Fetch-Site", "same-site")]).await, 403, "a neighbour of the domain");
        assert_eq!(send(&mine, &[("Origin", here), ("Sec-Fetch-Site", "cross-site")]).await, 403);
        // Signing in is a form like any other: nobody is signed in to somebody else's account by a foreign page.
        let victim = Browser::new(&world);
        victim.get("/console/sign-in").await;
        let fields = [("email", "other@example.com"), ("password", PASSWORD), ("form_token", theirs.as_str())];
        assert_eq!(victim.post_raw("/console/sign-in", &fields, &[]).await.status, 403);
        // A token from before signing in is worth nothing after it.
        victim.get("/console/sign-in").await;
        let before = victim.form_token();
        victim.sign_in("other@example.com").await;
        let fields = [("form_token", before.as_str()), ("mode", "live")];
        assert_eq!(victim.post_raw("/console/mode", &fields, &[("Origin", here)]).await.status, 403);
        let json = [("Content-Type", "application/json"), ("Origin", here)];
        assert_eq!(victim.post_raw("/console/mode", &[], &json).await.status, 400, "no form at all");
        world
    })
    .await;
}

#[tokio::test]
async fn guessing_is_slowed_and_tells_nothing() {
    let (clock, options) = standing();
    run_with(options, async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browser = Browser::new(&world);
        let mut told: Vec<Vec<(u16, String)>> = Vec::new();
        for email in ["owner@example.com", "nobody@example.com"] {
            let mut answers = Vec::new();
            for _ in 0..8 {
                let page = browser.try_in(email, "not the password at all").await;
                answers.push((page.status, page.between("role=\"alert\">", "<").to_owned()));
            }
            told.push(answers);
        }
        assert_eq!(told[0], told[1], "a known and an unknown account are answered alike");
        let wrong = |n: usize| told[0][n].1.starts_with("E-mail or password is wrong");
        assert!((0..6).all(wrong), "{told:?}");
        assert!(!wrong(6) && told[0][6].1.contains("counts in 2 seconds"), "{told:?}");
        // While it is blocked even the right password is not looked at; afterwards it is.
        let page = browser.try_in("owner@example.com", PASSWORD).await;
        assert!(page.status == 422 && page.has("Too many tries"), "{}", page.body);
        clock.advance(Duration::from_secs(3));
        browser.sign_in("owner@example.com").await;
        // Signed in, the account counts anew; the address it came from is not forgiven its other tries.
        let tries: Vec<(String, i32)> = sqlx::query_as("SELECT kind, tries FROM sign_in_attempt ORDER BY kind, tries")
            .fetch_all(&world.sql)
            .await
            .unwrap();
        assert_eq!(tries, [("account".into(), 6), ("address".into(), 12)]);
        world
    })
    .await;
}

#[tokio::test]
async fn guesses_at_once_count_each() {
    let (_clock, options) = standing();
    run_with(options, async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browsers: Vec<Browser> = (0..20).map(|_| Browser::new(&world)).collect();
        let tries = browsers.iter().map(|browser| browser.try_in("owner@example.com", "guess guess guess"));
        let pages = futures_util::future::join_all(tries).await;
        let looked_at = pages.iter().filter(|page| page.has("E-mail or password is wrong")).count();
        assert_eq!(looked_at, 6, "five for nothing, and the one that begins the wait");
        world
    })
    .await;
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_is_slowed_too() {
    let (clock, options) = standing();
    run_with(options, async |world| {
        let browser = Browser::new(&world);
        let mut refused = 0;
        for n in 0..33 {
            let page = browser.try_in(&format!("person{n}@example.com"), "the same everywhere").await;
            refused += usize::from(page.has("Too many tries"));
        }
        assert_eq!(refused, 2, "thirty for nothing, one begins the wait");
        clock.advance(Duration::from_secs(3601));
        assert!(!browser.try_in("other@example.com", "the same everywhere").await.has("Too many tries"), "forgotten");
        world
    })
    .await;
}

#[tokio::test]
async fn behind_a_proxy_the_visitor_counts_and_a_network_as_one() {
    let (_clock, mut options) = standing();
    options.config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    run_with(options, async |world| {
        let browser = Browser::new(&world);
        browser.get("/console/sign-in").await;
        let token = browser.form_token();
        let try_from = async |n: usize, from: &str| {
            let email = format!("person{n}@example.com");
            let fields = [("form_token", token.as_str()), ("email", &email), ("password", "the same everywhere")];
            let page = browser.post_raw("/console/sign-in", &fields, &[("X-Forwarded-For", from)]).await;
            page.has("Too many tries")
        };
        for n in 0..31 {
            assert!(!try_from(n, &format!("203.0.113.9, 2001:db8:1:2::{n:x}")).await, "{n}");
        }
        assert!(try_from(31, "2001:db8:1:2:ffff::1").await, "another address of the same network");
        assert!(!try_from(32, "2001:db8:1:3::1").await, "another network");
        assert!(!try_from(33, "203.0.113.9").await, "what the visitor wrote itself was never counted");
        world
    })
    .await;
}

#[tokio::test]
async fn an_unknown_account_takes_the_same_time() {
    run(async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browser = Browser::new(&world);
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..5 {
            for (which, email) in
                ["owner@example.com".to_owned(), format!("nobody{round}@example.com")].iter().enumerate()
            {
                browser.get("/console/sign-in").await;
                let begun = Instant::now();
                let page =
                    browser.post("/console/sign-in", &[("email", email), ("password", "a wrong password")]).await;
                times[which].push(begun.elapsed());
                assert!(page.has("E-mail or password is wrong"), "{}", page.body);
            }
        }
        let [known, unknown] = times.map(|mut times| {
            times.sort();
            times[2]
        });
        // Without the same hash it would be a tenth; the machine is shared, so no more is asked than that it is made.
        assert!(unknown > known / 3 && known > unknown / 3, "known {known:?}, unknown {unknown:?}");
        world
    })
    .await;
}

/// The step that a browser enrols with, its secret, and the recovery codes.
pub async fn enrol(world: &World, browser: &Browser) -> (Vec<u8>, Vec<String>) {
    let page = browser.get("/console/settings/security/second-factor").await;
    let text: String = page.between("class=\"secret mono\">", "<").replace(' ', "");
    assert!(
        page.has(&format!("otpauth://totp/Paystrator:owner@example.com?secret={text}&#38;issuer=Paystrator")),
        "{}",
        page.body
    );
    let again = browser.get("/console/settings/security/second-factor").await;
    assert_eq!(
        again.between("class=\"secret mono\">", "<").replace(' ', ""),
        text,
        "one secret, however often it is looked at"
    );
    let secret = unbase32(&text);
    let code = totp::code(&secret, totp::step(world.app.now().timestamp()));
    let path = "/console/settings/security/second-factor";
    assert_eq!(browser.post(path, &[("code", "000000"), ("password", PASSWORD)]).await.status, 422);
    assert_eq!(browser.post(path, &[("code", &code), ("password", "not it at all")]).await.status, 422);
    let page = browser.post(path, &[("code", &code), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let codes = page.between("<ul class=\"codes mono\">", "</ul>");
    let codes: Vec<String> = codes.split("<li>").skip(1).map(|li| li.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

#[tokio::test]
async fn where_a_second_factor_is_demanded_nothing_comes_before_it() {
    let mut options = Options::default();
    assert!(!options.config.demands_second_factor());
    options.config.server.production = true;
    assert!(options.config.demands_second_factor(), "production demands it by itself");
    options.config.server.production = false;
    options.config.console.second_factor = SecondFactor::Always;
    run_with(options, async |world| {
        world.person(world.client_id, "owner@example.com", "Ani", Role::Owner).await;
        let browser = Browser::new(&world);
        browser.try_in("owner@example.com", PASSWORD).await;
        let enrols = "/console/settings/security/second-factor";
        for page in ["/console/", "/console/transactions", "/console/settings/team", "/console/settings/security"] {
            let page = browser.get(page).await;
            assert_eq!((page.status, page.location()), (303, enrols));
        }
        // Neither do forms.
        let page =
            browser.post("/console/settings/team/invite", &[("email", "a@example.com"), ("role", "owner")]).await;
        assert_eq!((page.status, page.location()), (303, enrols));
        assert!(browser.get(enrols).await.has("Here everybody works with a second step."));
        enrol(&world, &browser).await;
        assert_eq!(browser.get("/console/").await.status, 200);
        world
    })
    .await;
}

fn unbase32(text: &str) -> Vec<u8> {
    let bits: String = text
        .bytes()
        .map(|sign| format!("{:05b}", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|s| *s == sign).unwrap()))
        .collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_recovery_code_too() {
    let (clock, options) = standing();
    run_with(options, async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let elsewhere = Browser::new(&world);
        elsewhere.sign_in("owner@example.com").await;
        let before = browser.cookie(SESSION);
        let (secret, recovery) = enrol(&world, &browser).await;
        assert_ne!(browser.cookie(SESSION), before, "the session goes on under another token");
        assert_eq!(elsewhere.get("/console/").await.location(), "/console/sign-in", "the others end");
        assert!(browser.get("/console/settings/security").await.has("Every sign-in asks for a code"));

        let now = || totp::code(&secret, totp::step(world.app.now().timestamp()));
        let half = async || {
            let there = Browser::new(&world);
            let page = there.try_in("owner@example.com", PASSWORD).await;
            assert_eq!(page.location(), "/console/code?next=/console/");
            assert_eq!(there.get("/console/").await.location(), "/console/code", "half way is not inside");
            assert_eq!(there.get("/console/settings/team").await.location(), "/console/code");
            there.get("/console/code").await;
            there
        };
        let there = half().await;
        assert_eq!(there.post("/console/code", &[("code", &now())]).await.status, 422, "the code of the enrolment");
        clock.advance(Duration::from_secs(30));
        let token = there.cookie(SESSION);
        let code = now();
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(there.post("/console/code", &[("code", &spaced)]).await.location(), "/console/");
        assert_ne!(there.cookie(SESSION), token, "another token after the code");
        assert_eq!(there.get("/console/").await.status, 200);
        let again = half().await;
        assert_eq!(again.post("/console/code", &[("code", &now())]).await.status, 422, "the same code again");
        assert_eq!(again.post("/console/code", &[("code", &recovery[0].to_uppercase())]).await.status, 303);
        let third = half().await;
        assert_eq!(third.post("/console/code", &[("code", &recovery[0])]).await.status, 422, "used up");
        // The page that asks waits ten minutes, and guesses at codes are slowed like any other.
        for _ in 0..4 {
            third.post("/console/code", &[("code", "123456")]).await;
        }
        assert!(third.post("/console/code", &[("code", "123456")]).await.has("wrong"));
        assert!(third.post("/console/code", &[("code", &now())]).await.has("Too many tries"));
        clock.advance(Duration::from_secs(601));
        assert_eq!(third.post("/console/code", &[("code", &now())]).await.location(), "/console/sign-in");
        // Taken away by the person with the password, or by who runs the installation.
        let path = "/console/settings/security/second-factor/remove";
        there.get("/console/").await;
        assert_eq!(there.post(path, &[("password", "not it")]).await.status, 422);
        assert_eq!(there.post(path, &[("password", PASSWORD)]).await.status, 303);
        Browser::new(&world).sign_in("owner@example.com").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    run(async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        let elsewhere = Browser::new(&world);
        elsewhere.sign_in("owner@example.com").await;
        browser.get("/console/settings/security").await;
        let path = "/console/settings/security/password";
        let change = async |old: &str, new: &str, repeat: &str| {
            browser.post(path, &[("old", old), ("new", new), ("repeat", repeat)]).await
        };
        for (old, new, repeat, says) in [
            ("wrong wrong wrong", "sate ayam madura", "sate ayam madura", "id=\"old-error\">The password is wrong."),
            (PASSWORD, "too short", "too short", "id=\"new-error\">Take at least 12 characters."),
            (PASSWORD, "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "id=\"new-error\">This is too easy to guess."),
            (PASSWORD, "xx owner@example.com", "xx owner@example.com", "id=\"new-error\">This is too easy to guess."),
            (PASSWORD, "sate ayam madura", "sate ayam padang", "id=\"repeat-error\">The two passwords differ."),
        ] {
            let page = change(old, new, repeat).await;
            assert!(page.status == 422 && page.has(says), "{says}: {}", page.body);
            assert!(!page.has(new) || new == "aaaaaaaaaaaaaaaa", "a password is shown again");
        }
        assert_eq!(elsewhere.get("/console/").await.status, 200);
        let before = browser.cookie(SESSION);
        assert_eq!(change(PASSWORD, "sate ayam madura", "sate ayam madura").await.status, 303);
        assert_ne!(browser.cookie(SESSION), before);
        assert!(browser.get("/console/settings/security").await.has("Other devices are signed out."));
        assert_eq!(elsewhere.get("/console/").await.location(), "/console/sign-in");
        assert!(elsewhere.try_in("owner@example.com", PASSWORD).await.has("E-mail or password is wrong"));
        assert_eq!(elsewhere.try_in("owner@example.com", "sate ayam madura").await.status, 303);
        // One's own list ends any of them.
        let list = browser.get("/console/settings/security").await;
        let other = list.body.split("/sessions/").skip(1).map(|rest| rest.split('/').next().unwrap().to_owned());
        let ids: Vec<String> = other.collect();
        assert_eq!(ids.len(), 2);
        assert!(list.has("Firefox · Linux"));
        for id in ids {
            browser.post(&format!("/console/settings/security/sessions/{id}/end"), &[]).await;
        }
        assert_eq!(elsewhere.get("/console/").await.location(), "/console/sign-in");
        world
    })
    .await;
}

#[tokio::test]
async fn a_session_runs_out_by_rest_and_by_age() {
    let (clock, options) = standing();
    run_with(options, async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        clock.advance(Duration::from_secs(1799));
        assert_eq!(browser.get("/console/").await.status, 200);
        clock.advance(Duration::from_secs(1800));
        assert_eq!(browser.get("/console/").await.location(), "/console/sign-in", "half an hour of rest");
        browser.sign_in("owner@example.com").await;
        for _ in 0..24 {
            clock.advance(Duration::from_secs(1790));
            assert_eq!(browser.get("/console/").await.status, 200);
        }
        clock.advance(Duration::from_secs(12 * 3600 - 24 * 1790));
        assert_eq!(browser.get("/console/").await.location(), "/console/sign-in", "twelve hours");
        world
    })
    .await;
}

#[tokio::test]
async fn a_link_from_the_command_line_sets_a_password_once() {
    let (clock, options) = standing();
    run_with(options, async |world| {
        let browser = world.signed_in("owner@example.com", Role::Owner).await;
        enrol(&world, &browser).await;
        assert!(install::reset(&world.app, "nobody@example.com", true).await.unwrap().is_none());
        let link = install::reset(&world.app, " Owner@example.com", true).await.unwrap().unwrap();
        let path = link.split_once("/console/").map(|(_, rest)| format!("/console/{rest}")).unwrap();
        let token = path.split_once("token=").unwrap().1.to_owned();
        assert_eq!(browser.get("/console/").await.location(), "/console/sign-in", "its sessions ended");
        let there = Browser::new(&world);
        assert!(there.get(&path).await.has("owner@example.com"));
        let set = async |password: &str| {
            let fields = [("token", token.as_str()), ("password", password), ("repeat", password)];
            there.post("/console/set-password", &fields).await
        };
        assert_eq!(set("short").await.status, 422);
        assert_eq!(set("rendang padang asli").await.location(), "/console/sign-in");
        assert!(there.get("/console/sign-in").await.has("Your password is set."));
        assert_eq!(set("gado gado betawi").await.status, 410, "used");
        assert_eq!(there.try_in("owner@example.com", "rendang padang asli").await.location(), "/console/");
        let link = install::reset(&world.app, "owner@example.com", false).await.unwrap().unwrap();
        clock.advance(Duration::from_secs(72 * 3600));
        let path = link.split_once("/console/").map(|(_, rest)| format!("/console/{rest}")).unwrap();
        assert_eq!(there.get(&path).await.status, 410, "too late");
        world
    })
    .await;
}
