//! A private Postgres for who gave no database URL: started from the system's own programs, joined, and stopped last.
//!
//! A lock on the data folder decides who is the starter. Everybody else joins the running server by the facts its
//! starter wrote down, and never stops it. It runs no statement and knows no table; it must never be used in production.

mod programs;
mod server;

use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::crypto;
use programs::{NAME, Programs, User, write_private};
use server::{Plan, Server};

/// How long a joining command waits for a starter that is still making the database.
const JOIN_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How the private Postgres is started; what a running one is joined with does not matter.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; None picks [`default_dir`].
    pub dir: Option<PathBuf>,
    /// Off loses data at a power cut: for tests only.
    pub fsync: bool,
    /// Settings of PostgreSQL, which win over ours.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { dir: None, fsync: true, settings: Vec::new() }
    }
}

/// A private Postgres, started by this handle or joined. Dropping the starter's handle stops the server too.
pub struct DevDb {
    dir: PathBuf,
    facts: Facts,
    owned: Option<Owned>,
}

struct Owned {
    server: Server,
    /// Released after the server has ended.
    _lock: File,
}

/// What a second command needs to join; kept in a file that only the starter's user reads.
#[derive(Clone, Serialize, Deserialize)]
struct Facts {
    port: u16,
    password: String,
    /// False while no server runs: then only the password and the last port are worth knowing.
    running: bool,
}

impl DevDb {
    /// Starts the folder's server, making it first where there is none, or joins the one that runs.
    ///
    /// Blocks for half a second as a rule, longer on a first start. Errors tell what to do.
    pub fn start_or_join(options: &Options) -> anyhow::Result<DevDb> {
        let dir = match &options.dir {
            Some(dir) => open_dir(dir)?,
            None => open_default_dir()?,
        };
        let until = Instant::now() + JOIN_LIMIT;
        loop {
            if let Some(lock) = take_lock(&dir)? {
                return start(dir, lock, options);
            }
            if let Some(facts) = read_facts(&dir)?.filter(|facts| facts.running && answers(facts.port)) {
                return Ok(DevDb { dir, facts, owned: None });
            }
            ensure!(
                Instant::now() < until,
                "another paystrator holds {} but its Postgres does not answer: stop that process, or choose another \
                 folder with PAYSTRATOR__DATA__DIR",
                dir.display()
            );
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The address of the database `paystrator`, with its password.
    pub fn url(&self) -> String {
        self.url_for(NAME)
    }

    /// The address of another database of this server, which may not exist yet.
    pub fn url_for(&self, database: &str) -> String {
        let Facts { port, password, .. } = &self.facts;
        format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{database}")
    }

    /// The data folder. Postgres lives in files and folders named `postgres…` in it; the rest is free for others.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether this handle started the server and will stop it.
    pub fn owned(&self) -> bool {
        self.owned.is_some()
    }

    /// Stops the server if this handle started it. A joined one runs on.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let Some(owned) = self.owned.take() else { return Ok(()) };
        self.facts.running = false;
        let noted = write_facts(&self.dir, &self.facts);
        owned.server.stop()?;
        noted
    }
}

impl Drop for DevDb {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!("stopping the private Postgres: {error:#}");
        }
    }
}

/// Where data goes when no folder is configured: `/var/lib/paystrator` for root, because the user that Postgres runs as
/// cannot reach root's home; else `paystrator` in the user's state folder (XDG), or `.paystrator` here without a home.
pub fn default_dir() -> PathBuf {
    if is_root() {
        return "/var/lib/paystrator".into();
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map_or_else(|| ".paystrator".into(), |state| state.join("paystrator"))
}

fn open_default_dir() -> anyhow::Result<PathBuf> {
    // A read-only system keeps at least its temporary folder open.
    open_dir(&default_dir()).or_else(|error| {
        let uid = effective_uid();
        open_dir(&std::env::temp_dir().join(format!("paystrator-{uid}"))).map_err(|_| error)
    })
}

/// Makes the folder where it is missing, and returns its full path. Only its owner lists it; others may pass through,
/// which the user that Postgres is demoted to must.
fn open_dir(dir: &Path) -> anyhow::Result<PathBuf> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o711).create(dir);
    made.with_context(|| format!("making the data folder {}", dir.display()))?;
    let dir = dir.canonicalize().with_context(|| format!("opening the data folder {}", dir.display()))?;
    let owner = std::fs::metadata(&dir)?.uid();
    ensure!(
        owner == effective_uid(),
        "the data folder {} belongs to another user (id {owner}): run as that user, or choose another folder with \
         PAYSTRATOR__DATA__DIR",
        dir.display()
    );
    Ok(dir)
}

/// The folder's lock, or None while another handle holds it. The system releases it when its process dies.
fn take_lock(dir: &Path) -> anyhow::Result<Option<File>> {
    let path = dir.join("postgres.lock");
    let opened = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let lock = opened.with_context(|| format!("opening {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

fn start(dir: PathBuf, lock: File, options: &Options) -> anyhow::Result<DevDb> {
    let data = dir.join("postgres");
    let known = read_facts(&dir)?;
    let password = match &known {
        Some(facts) => facts.password.clone(),
        None if data.exists() => bail!(
            "{} holds a database but its password file postgres.json is gone: restore it, or move the folder away to \
             start with an empty one",
            dir.display()
        ),
        None => hex::encode(crypto::random_bytes::<16>()),
    };
    // From here on a joining command waits for the new server's facts.
    let mut facts = Facts { port: known.map_or(0, |facts| facts.port), password, running: false };
    write_facts(&dir, &facts)?;
    let programs = Programs::find(&data)?;
    if let Some(user) = &programs.user {
        reachable(&dir, user)?;
    }
    if !data.exists() {
        programs.make_cluster(&data, &facts.password, options.fsync)?;
    }
    server::clear_leftover(&data)?;
    let server = Server::start(Plan {
        programs,
        data,
        log: dir.join("postgres.log"),
        fsync: options.fsync,
        settings: options.settings.clone(),
        port: Some(facts.port).filter(|port| *port != 0),
    })?;
    facts.port = server.port;
    facts.running = true;
    let noted = write_facts(&dir, &facts);
    let db = DevDb { dir, facts, owned: Some(Owned { server, _lock: lock }) };
    noted.map(|()| db)
}

/// Checks that the demoted user may pass through every folder above the data, and names the first that is closed.
fn reachable(dir: &Path, user: &User) -> anyhow::Result<()> {
    for folder in dir.ancestors() {
        let found = std::fs::metadata(folder)?;
        let open = match () {
            () if found.uid() == user.uid => found.mode() & 0o100,
            () if found.gid() == user.gid => found.mode() & 0o010,
            () => found.mode() & 0o001,
        };
        ensure!(
            open != 0,
            "Postgres runs as the user {} here (it refuses root), who cannot pass through {}: choose another data folder \
             with PAYSTRATOR__DATA__DIR",
            user.name,
            folder.display()
        );
    }
    Ok(())
}

fn facts_path(dir: &Path) -> PathBuf {
    dir.join("postgres.json")
}

fn read_facts(dir: &Path) -> anyhow::Result<Option<Facts>> {
    let path = facts_path(dir);
    match std::fs::read(&path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} cannot be read", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

fn write_facts(dir: &Path, facts: &Facts) -> anyhow::Result<()> {
    write_private(&facts_path(dir), &serde_json::to_string(facts)?)
}

fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

fn is_root() -> bool {
    effective_uid() == 0
}

fn effective_uid() -> u32 {
    // SAFETY: geteuid reads a number of this process and cannot fail.
    unsafe { libc::geteuid() }
}
