//! Production mode refuses a database that could forget what was acknowledged.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::world::fresh_database;

#[tokio::test]
async fn a_database_that_could_forget_is_refused() {
    // The Postgres of the tests runs with fsync off.
    let refused = Command::new(env!("CARGO_BIN_EXE_paystrator"))
        .arg("serve")
        .env("DATABASE_URL", fresh_database().await)
        .env("PAYSTRATOR__SERVER__PRODUCTION", "true")
        .env("PAYSTRATOR__SERVER__LISTEN", "127.0.0.1:0")
        .env("PAYSTRATOR__SERVER__METRICS_LISTEN", "")
        .env("PAYSTRATOR__KEYS__MASTER", "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), refused).await;
    let refused = refused.expect("it refuses instead of serving").expect("the program starts");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("the database has fsync = off: what is acknowledged could be lost"), "{said}");
    assert!(!said.contains("serving on"), "{said}");
}
