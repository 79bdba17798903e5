//! Production mode refuses a database that could forget what was acknowledged, a schedule for tests, and settings by which
//! others could read data of people along.

use std::process::Stdio;

use paystrator::config::Config;
use paystrator::providers::registry::{Providers, Targets};
use serde_json::json;
use tokio::process::Command;

use crate::support::world::fresh_database;

/// What `serve` says in production when it refuses.
async fn refusal(settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paystrator"));
    command
        .arg("serve")
        .env("PAYSTRATOR__SERVER__PRODUCTION", "true")
        .env("PAYSTRATOR__SERVER__LISTEN", "127.0.0.1:0")
        .env("PAYSTRATOR__SERVER__METRICS_LISTEN", "")
        .env("PAYSTRATOR__KEYS__MASTER", "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), command.output()).await;
    let refused = refused.expect("it refuses instead of serving").expect("the program starts");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(!said.contains("serving on"), "{said}");
    said
}

#[tokio::test]
async fn a_database_that_could_forget_is_refused() {
    // The Postgres of the tests runs with fsync off.
    let database = fresh_database().await;
    let said =
        refusal(&[("DATABASE_URL", &database), ("PAYSTRATOR__SERVER__PUBLIC_URL", "https://pay.example.co.id")]).await;
    assert!(said.contains("the database has fsync = off: what is acknowledged could be lost"), "{said}");
}

#[tokio::test]
async fn what_is_for_tests_is_refused() {
    let database = fresh_database().await;
    let usual = [("DATABASE_URL", database.as_str()), ("PAYSTRATOR__SERVER__PUBLIC_URL", "https://pay.example.co.id")];
    for (setting, why) in [
        (("PAYSTRATOR__SCHEDULE__SPEED", "60"), "server.production needs schedule.speed = 1"),
        (("DATABASE_URL", ""), "server.production needs a database of its own"),
    ] {
        let said = refusal(&[usual[0], usual[1], setting]).await;
        assert!(said.contains(why), "{setting:?}: {said}");
    }
}

#[tokio::test]
async fn data_of_people_go_over_no_open_line() {
    let nobody = ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let said = refusal(&[nobody]).await;
    assert!(said.contains("server.public_url must begin with https://"), "{said}");
    let said = refusal(&[
        nobody,
        ("PAYSTRATOR__SERVER__PUBLIC_URL", "http://pay.example.co.id"),
        ("PAYSTRATOR__DOCUMENTS__S3_ALLOW_HTTP", "true"),
        ("PAYSTRATOR__ONBOARDING__OY__TEST_URL", "http://oy.example.co.id/kyb"),
        ("PAYSTRATOR__ONBOARDING__KASPRO__LIVE_CONNECT_URL", "http://kaspro.example.co.id/connect"),
        ("PAYSTRATOR__ONBOARDING__DOKU__TEST_BASE_URL", "http://doku.example.co.id"),
    ])
    .await;
    for setting in [
        "server.public_url",
        "documents.s3_allow_http",
        "onboarding.oy.test_url",
        "onboarding.kaspro.live_connect_url",
        "onboarding.doku.test_base_url",
    ] {
        assert!(said.contains(&format!("{setting} must be")), "{setting}: {said}");
    }
    // The defaults are fit, once the address is.
    let mut config = Config::defaults();
    config.server.public_url = "https://pay.example.co.id".into();
    assert_eq!(config.unsealed(), Vec::<String>::new());
}

#[test]
fn live_addresses_are_never_open_lines() {
    for (code, name) in [("oy", "live_url"), ("oy", "live_connect_url"), ("doku", "live_base_url")] {
        let mut config = Config::defaults();
        let providers = Providers::from_config(&config.providers).unwrap();
        let block = config.onboarding.get_mut(code).unwrap();
        block[name] = json!("https://provider.example.co.id/");
        if code == "oy" {
            block["live_secret"] = json!("a secret of thirty-two characters.");
        }
        assert!(Targets::from_config(&config.onboarding, &providers).is_ok(), "{code} {name}");
        config.onboarding.get_mut(code).unwrap()[name] = json!("http://provider.example.co.id/");
        let refused = Targets::from_config(&config.onboarding, &providers).err().expect("it is refused").to_string();
        assert!(refused.contains(&format!("{name} must begin with https://")), "{refused}");
    }
}

#[test]
fn nothing_is_pushed_unsigned() {
    let providers = Providers::from_config(&Config::defaults().providers).unwrap();
    for mode in ["test", "live"] {
        let with = |secret: &str| {
            let mut config = Config::defaults();
            let block = config.onboarding.get_mut("oy").unwrap();
            block[format!("{mode}_url")] = json!("https://provider.example.co.id/");
            block[format!("{mode}_secret")] = json!(secret);
            Targets::from_config(&config.onboarding, &providers).err().map(|refused| refused.to_string())
        };
        for short in ["", &"s".repeat(31)] {
            let refused = with(short).expect("it is refused");
            assert!(refused.contains("an address needs a secret of at least 32 characters"), "{refused}");
        }
        assert_eq!(with(&"s".repeat(32)), None);
    }
}
