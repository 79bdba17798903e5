//! One Postgres per test run, and a fresh database per test, cloned from a migrated template.
//!
//! libtest ends the process without running destructors: the server dies with the thread that started it, and its
//! folder is removed by the next run. Nothing here is durable, and nothing outlives the run.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use paystrator::devdb::{DevDb, Options};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::{Mutex, OnceCell};

const PREFIX: &str = "paystrator-test-";

/// The run's server. `DevDb` starts it from a thread of its own, which lives as long as this static: to the end.
static SERVER: LazyLock<DevDb> = LazyLock::new(|| {
    sweep();
    let settings = [("synchronous_commit", "off"), ("full_page_writes", "off"), ("max_connections", "500")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    DevDb::start_or_join(&Options { dir: Some(folder("pg")), fsync: false, settings })
        .expect("a Postgres for the tests")
});

/// One database is made at a time: Postgres copies a template only while nobody is connected to it, and on few cores
/// one copy after the other is fastest.
static MAKING: Mutex<()> = Mutex::const_new(());

/// A migrated database that others are cloned from. One static per schema, shared by all tests that need it:
///
/// ```ignore
/// static MIGRATED: Template = Template::new();
/// pub async fn fresh_database() -> String { MIGRATED.clone_of(async |url| migrate(&url).await).await }
/// ```
pub struct Template(OnceCell<String>);

impl Template {
    pub const fn new() -> Self {
        Self(OnceCell::const_new())
    }

    /// The address of a new clone. `migrate` gets the template's address once per run and must close its connections.
    pub async fn clone_of(&self, migrate: impl AsyncFnOnce(String)) -> String {
        let made = async || {
            let url = create("").await;
            migrate(url.clone()).await;
            url.rsplit('/').next().expect("an address ends with its database").to_owned()
        };
        let template = self.0.get_or_init(made).await;
        create(&format!("TEMPLATE {template}")).await
    }
}

/// A path for this run's files, where the user that Postgres runs as can reach it. The next run removes it.
pub fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id())).join(name)
}

/// The address of a new, empty database.
pub async fn empty_database() -> String {
    create("").await
}

async fn create(how: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let server = tokio::task::spawn_blocking(|| &*SERVER).await.expect("the server starts");
    let mut admin = PgConnection::connect(&server.url_for("postgres")).await.expect("the server answers");
    let statement = format!("CREATE DATABASE {name} {how}");
    let _one_at_a_time = MAKING.lock().await;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await.expect("a database is made");
    admin.close().await.expect("the connection closes");
    server.url_for(&name)
}

/// Removes what earlier runs left. A run that still lives keeps its folder.
fn sweep() {
    let folders = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for folder in folders {
        let name = folder.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let lives = pid == std::process::id().to_string() || Path::new("/proc").join(pid).exists();
        if !lives {
            // Another run may be sweeping at the same time, or a dead run's server still writing: the next one gets it.
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

#[tokio::test]
async fn each_test_has_its_own_clone_of_one_template() {
    static SHARED: Template = Template::new();
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let migrate = async |url: String| {
        RUNS.fetch_add(1, Ordering::SeqCst);
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::query("CREATE TABLE migrated (id int)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    let (one, two) = tokio::join!(SHARED.clone_of(migrate), SHARED.clone_of(migrate));
    assert_ne!(one, two);
    assert_eq!(RUNS.load(Ordering::SeqCst), 1, "the template was migrated again");
    let mut first = PgConnection::connect(&one).await.unwrap();
    sqlx::query("INSERT INTO migrated VALUES (1)").execute(&mut first).await.unwrap();
    let mut second = PgConnection::connect(&two).await.unwrap();
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM migrated").fetch_one(&mut second).await.unwrap();
    assert_eq!(count, 0, "one test sees another's rows");
    let mut empty = PgConnection::connect(&empty_database().await).await.unwrap();
    assert!(sqlx::query("SELECT 1 FROM migrated").execute(&mut empty).await.is_err());
}
