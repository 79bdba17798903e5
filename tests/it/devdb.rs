//! The private Postgres: made, joined, stopped last, and found again after every kind of end.

use std::path::{Path, PathBuf};

use paystrator::devdb::{DevDb, Options};
use sqlx::{Connection, PgConnection};

use crate::support::pg;

fn options(name: &str) -> Options {
    let dir = pg::folder(name);
    Options { dir: Some(dir), fsync: false, settings: vec![("max_connections".into(), "20".into())] }
}

/// Starting and stopping block; tests await connections beside them.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn start(options: &Options) -> DevDb {
    let options = options.clone();
    blocking(move || DevDb::start_or_join(&options).unwrap()).await
}

async fn number(url: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

fn postmaster(dir: &Path) -> i32 {
    let text = std::fs::read_to_string(dir.join("postgres/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: a plain system call on a server that this test started.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

#[tokio::test]
async fn started_joined_stopped_last_and_found_again() {
    let options = options("joined");
    let starter = start(&options).await;
    assert!(starter.owned());
    let mut connection = PgConnection::connect(&starter.url()).await.unwrap();
    sqlx::query("CREATE TABLE kept AS SELECT 42::bigint AS answer").execute(&mut connection).await.unwrap();
    let limit: String = sqlx::query_scalar("SHOW max_connections").fetch_one(&mut connection).await.unwrap();
    assert_eq!(limit, "20", "own settings win");

    let joined = start(&options).await;
    assert!(!joined.owned());
    assert_eq!((joined.url(), joined.dir()), (starter.url(), starter.dir()));
    blocking(move || joined.stop().unwrap()).await;
    assert_eq!(number(&starter.url(), "SELECT answer FROM kept").await, 42, "a joined handle stopped the server");
    drop(start(&options).await);
    assert_eq!(number(&starter.url(), "SELECT answer FROM kept").await, 42, "a dropped handle stopped the server");

    let (url, pid) = (starter.url(), postmaster(starter.dir()));
    blocking(move || starter.stop().unwrap()).await;
    assert!(PgConnection::connect(&url).await.is_err(), "the starter left the server running");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());

    let again = start(&options).await;
    assert!(again.owned());
    assert_eq!(again.url(), url, "password and, as long as it is free, port stay");
    assert_eq!(number(&again.url(), "SELECT answer FROM kept").await, 42);
    assert_eq!(number(&again.url_for("postgres"), "SELECT 1::bigint").await, 1);
    blocking(move || again.stop().unwrap()).await;
}

#[tokio::test]
async fn a_killed_server_starts_again() {
    let options = options("killed");
    let first = start(&options).await;
    let mut connection = PgConnection::connect(&first.url()).await.unwrap();
    sqlx::query("CREATE TABLE kept AS SELECT 7::bigint AS answer").execute(&mut connection).await.unwrap();
    kill(postmaster(first.dir()), libc::SIGKILL);
    blocking(move || first.stop().unwrap()).await;
    assert!(pg::folder("killed").join("postgres/postmaster.pid").exists(), "the case needs a leftover file");

    let second = start(&options).await;
    assert_eq!(number(&second.url(), "SELECT answer FROM kept").await, 7);
    let dir = second.dir().to_path_buf();
    blocking(move || second.stop().unwrap()).await;

    // A leftover file that names a living process which is no server of this folder: ours.
    std::fs::write(dir.join("postgres/postmaster.pid"), format!("{}\n", std::process::id())).unwrap();
    let third = start(&options).await;
    assert_eq!(number(&third.url(), "SELECT answer FROM kept").await, 7);
    blocking(move || third.stop().unwrap()).await;
}

/// The starter's own process is killed: the server goes with it, and the next command starts anew.
#[tokio::test]
async fn the_server_dies_with_its_starter() {
    let options = options("starter");
    let dir = pg::folder("starter");
    // This test binary, run again as the starter of the same folder.
    let mut starter = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "devdb::helper_that_starts_and_waits", "--nocapture"])
        .env("PAYSTRATOR_TEST_START", &dir)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(starter.stdout.take().unwrap()));
    while !lines.next_line().await.unwrap().expect("the helper ended early").ends_with("started") {}
    let joined = start(&options).await;
    assert!(!joined.owned());
    let mut connection = PgConnection::connect(&joined.url()).await.unwrap();
    sqlx::query("CREATE TABLE kept AS SELECT 3::bigint AS answer").execute(&mut connection).await.unwrap();

    starter.kill().await.unwrap();
    // The session ends when the server does; nobody but the system ends it.
    assert!(sqlx::query("SELECT pg_sleep(600)").execute(&mut connection).await.is_err());
    let next = start(&options).await;
    assert!(next.owned());
    assert_eq!(next.url(), joined.url(), "who joined the old server finds the new one");
    assert_eq!(number(&next.url(), "SELECT answer FROM kept").await, 3);
    blocking(move || next.stop().unwrap()).await;
}

/// A server that nobody owns and that does not die by itself is ended before the folder's next one starts.
#[tokio::test]
async fn an_orphan_makes_way() {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    let options = options("orphan");
    let first = start(&options).await;
    let program = std::fs::read_link(format!("/proc/{}/exe", postmaster(first.dir()))).unwrap();
    let data = first.dir().join("postgres");
    let url = first.url();
    let port = url.rsplit([':', '/']).nth(1).unwrap().to_owned();
    blocking(move || first.stop().unwrap()).await;

    let owner = std::fs::metadata(&data).unwrap();
    let mut orphan = std::process::Command::new(program);
    orphan.args(["-c", "unix_socket_directories=", "-p", &port, "-D"]).arg(&data).current_dir("/");
    // SAFETY: geteuid reads a number of this process.
    if unsafe { libc::geteuid() } == 0 {
        orphan.uid(owner.uid()).gid(owner.gid());
    }
    let mut orphan = orphan.stderr(std::process::Stdio::null()).spawn().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut session = loop {
        match PgConnection::connect(&url).await {
            Ok(session) => break session,
            Err(error) => assert!(std::time::Instant::now() < until, "the orphan does not answer: {error}"),
        }
    };
    let next = start(&options).await;
    assert!(next.owned());
    assert!(blocking(move || orphan.wait().unwrap()).await.success(), "the orphan was not asked to end in order");
    assert!(sqlx::query("SELECT 1").execute(&mut session).await.is_err());
    assert_eq!(number(&next.url(), "SELECT 1::bigint").await, 1);
    blocking(move || next.stop().unwrap()).await;
}

/// Does nothing unless `the_server_dies_with_its_starter` runs it: starts a server and waits to be killed.
#[test]
fn helper_that_starts_and_waits() {
    let Some(dir) = std::env::var_os("PAYSTRATOR_TEST_START") else { return };
    let _db = DevDb::start_or_join(&Options { dir: Some(PathBuf::from(dir)), fsync: false, settings: vec![] }).unwrap();
    println!("\nstarted");
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn two_starts_at_once_make_one_server() {
    let options = options("race");
    let (one, two) = tokio::join!(start(&options), start(&options));
    assert_eq!(one.url(), two.url());
    assert_ne!(one.owned(), two.owned());
    assert_eq!(number(&two.url(), "SELECT 1::bigint").await, 1);
    blocking(move || {
        // The joined one first: the starter stops last.
        let (starter, joined) = if one.owned() { (one, two) } else { (two, one) };
        joined.stop().unwrap();
        starter.stop().unwrap();
    })
    .await;
}

#[test]
fn a_closed_folder_is_named() {
    // SAFETY: geteuid reads a number of this process.
    let root = unsafe { libc::geteuid() } == 0;
    let closed = pg::folder("closed");
    std::fs::create_dir_all(&closed).unwrap();
    let mode = if root { 0o700 } else { 0o500 };
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let options = Options { dir: Some(closed.join("data")), ..Options::default() };
    let Err(error) = DevDb::start_or_join(&options) else { panic!("started in a closed folder") };
    let told = format!("{error:#}");
    assert!(told.contains(closed.to_str().unwrap()), "{told}");
    assert!(!root || told.contains("PAYSTRATOR__DATA__DIR"), "{told}");
}

#[tokio::test]
async fn production_settings_are_kept() {
    let mut options = options("durable");
    options.fsync = true;
    let db = start(&options).await;
    let mut connection = PgConnection::connect(&db.url()).await.unwrap();
    for (setting, expected) in [("fsync", "on"), ("synchronous_commit", "on"), ("timezone", "UTC")] {
        let query = sqlx::query_scalar("SELECT current_setting($1)").bind(setting);
        let value: String = query.fetch_one(&mut connection).await.unwrap();
        assert_eq!(value, expected, "{setting}");
    }
    // Nothing that lets anybody in is readable by others.
    use std::os::unix::fs::MetadataExt;
    for file in ["postgres.json", "postgres"] {
        assert_eq!(std::fs::metadata(db.dir().join(file)).unwrap().mode() & 0o077, 0, "{file}");
    }
    let wrong = db.url().replace("paystrator:", "paystrator:x");
    assert!(PgConnection::connect(&wrong).await.is_err(), "any password lets in");
    blocking(move || db.stop().unwrap()).await;
}
