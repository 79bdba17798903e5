//! PostgreSQL's programs on this machine: where they are, as whom they run, and the making of a new cluster.
//!
//! Runs `postgres` and `initdb` with a clean environment. Never runs them as root: PostgreSQL refuses that.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// The oldest PostgreSQL the product runs on.
const OLDEST: u32 = 15;

/// The database that exists in every private cluster, and the name of its one role.
pub(super) const NAME: &str = "paystrator";

const NOT_FOUND: &str = "\
no database: DATABASE_URL is not set, and PostgreSQL's programs (postgres and initdb, version 15 or newer) are not on this machine. One of these helps:
  - install them: `apt-get install postgresql` on Debian and Ubuntu (nothing needs to be configured or started)
  - set DATABASE_URL=postgres://user:password@host/database to use a PostgreSQL that runs elsewhere
  - `docker compose up`, which brings its own PostgreSQL (the top of docker-compose.yml tells how)
Nothing is downloaded by itself.";

/// A folder with `postgres` and `initdb` of one version.
pub(super) struct Programs {
    bin: PathBuf,
    major: u32,
    /// As whom they run, when that is not the caller.
    pub user: Option<User>,
}

/// An unprivileged account.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Programs {
    /// The programs that fit the cluster in `data` where there is one, else the newest found.
    pub fn find(data: &Path) -> anyhow::Result<Self> {
        let mut found: Vec<(u32, PathBuf)> = candidates().filter_map(|bin| Some((version(&bin)?, bin))).collect();
        found.retain(|(major, _)| *major >= OLDEST);
        found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
        ensure!(!found.is_empty(), NOT_FOUND);
        let made_with = std::fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|v| v.trim().parse().ok());
        let fitting = found.into_iter().find(|(major, _)| made_with.is_none_or(|made: u32| made == *major));
        let Some((major, bin)) = fitting else {
            bail!(
                "the database in {} was made by PostgreSQL {}, which is not installed any more: install it, or move \
                 that folder away to start with an empty one",
                data.display(),
                made_with.unwrap_or_default()
            );
        };
        Ok(Self { bin, major, user: unprivileged(data)? })
    }

    /// `program` as the right user, with nothing of the caller's environment that PostgreSQL would read.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        if let Some(user) = &self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Makes a cluster with the database and role [`NAME`] at `data`, or nothing at all.
    pub fn make_cluster(&self, data: &Path, password: &str, fsync: bool) -> anyhow::Result<()> {
        let making = data.with_extension("making");
        if making.exists() {
            // What an interrupted first start left behind.
            std::fs::remove_dir_all(&making).with_context(|| format!("removing {}", making.display()))?;
        }
        std::fs::create_dir(&making).with_context(|| format!("making {}", making.display()))?;
        std::fs::set_permissions(&making, PermissionsExt::from_mode(0o700))?;
        self.give(&making)?;
        let password_file = making.with_extension("pw");
        write_private(&password_file, password)?;
        self.give(&password_file)?;

        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(&making).arg("--pwfile").arg(&password_file);
        initdb.args(["-U", NAME, "-E", "UTF8", "--no-locale", "--no-instructions"]);
        // A cluster that may lose its data is a test's: SCRAM costs an unoptimised client 40 ms for each connection.
        initdb.args(if fsync { ["-A", "scram-sha-256"].as_slice() } else { &["-A", "password", "--no-sync"] });
        let made = run(initdb, "");
        std::fs::remove_file(&password_file)?;
        made.with_context(|| format!("making a database in {} with PostgreSQL {}", making.display(), self.major))?;

        let mut single = self.command("postgres");
        single
            .args(["--single", "-c", if fsync { "fsync=on" } else { "fsync=off" }, "-D"])
            .arg(&making)
            .arg("postgres");
        run(single, &format!("CREATE DATABASE {NAME}\n")).context("creating the database")?;
        std::fs::rename(&making, data).with_context(|| format!("renaming {}", making.display()))
    }

    fn give(&self, path: &Path) -> anyhow::Result<()> {
        match &self.user {
            Some(user) => chown(path, Some(user.uid), Some(user.gid))
                .with_context(|| format!("giving {} to the user {}", path.display(), user.name)),
            None => Ok(()),
        }
    }
}

/// Writes a file that only its owner reads, replacing an older one whole.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let written = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let mut file = written.with_context(|| format!("writing {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path).with_context(|| format!("writing {}", path.display()))
}

/// Runs a program to its end with `input`; its own words are the error.
fn run(mut command: Command, input: &str) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {program}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ended before reading tells why on its error output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    // `postgres --single` reports a failed statement and ends with 0.
    let words = String::from_utf8_lossy(&output.stderr);
    let failed = !output.status.success() || words.contains("ERROR:") || words.contains("FATAL:");
    ensure!(!failed, "{program} failed ({}): {}", output.status, words.trim());
    Ok(())
}

/// Folders that hold both programs: those on PATH, then where the systems' packages put them.
fn candidates() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let packaged =
        ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt", "/usr"].into_iter().flat_map(|root| {
            let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
            folders
                .filter(move |folder| is_postgresql(root, &folder.file_name()))
                .map(|folder| folder.path().join("bin"))
        });
    // A link on PATH may lead to `postgres` alone: the programs' own folder is the one their target lies in.
    on_path.into_iter().chain(packaged).filter_map(|folder| {
        let bin = folder.join("postgres").canonicalize().ok()?.parent()?.to_path_buf();
        bin.join("initdb").is_file().then_some(bin)
    })
}

fn is_postgresql(root: &str, folder: &OsString) -> bool {
    let folder = folder.to_string_lossy();
    root.ends_with("postgresql") || folder.starts_with("postgresql") || folder.starts_with("pgsql")
}

/// The major version, as `postgres (PostgreSQL) 17.2 (Debian …)` tells it.
fn version(bin: &Path) -> Option<u32> {
    let output = Command::new(bin.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split(' ').nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// For root: the cluster's owner, else `postgres`, else `nobody`. For anybody else: nobody to change to.
fn unprivileged(data: &Path) -> anyhow::Result<Option<User>> {
    // SAFETY: geteuid reads a number of this process and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let accounts: Vec<User> = accounts.lines().filter_map(account).filter(|user| user.uid != 0).collect();
    let by_name = |name: &str| accounts.iter().find(|user| user.name == name).cloned();
    let user = match std::fs::metadata(data) {
        Ok(made) if made.uid() != 0 => accounts.iter().find(|user| user.uid == made.uid()).cloned(),
        _ => by_name("postgres").or_else(|| by_name("nobody")),
    };
    user.map(Some).context(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it: start as another user, \
         or set DATABASE_URL",
    )
}

fn account(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let (_, uid, gid) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(User { name, uid, gid })
}
