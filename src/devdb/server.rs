//! One running postmaster: started from a thread that lives as long as it, asked to end, and found again by its files.
//!
//! Linux ends the server when the thread that started it dies, so a killed service leaves none behind. Whoever calls
//! this holds the folder's lock; nothing here stops a server of another folder.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::programs::Programs;

/// A start replays what a crash left; that takes as long as it takes on a slow disk.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Starts tried while another process takes the port, or the last server's children still end.
const TRIES: u32 = 20;

/// What a start needs to know.
pub(super) struct Plan {
    pub programs: Programs,
    pub data: PathBuf,
    pub log: PathBuf,
    pub fsync: bool,
    pub settings: Vec<(String, String)>,
    /// The port of the last time: kept while it is free, so that clients of the last server find the next one.
    pub port: Option<u16>,
}

/// A running server and the thread that started it.
pub(super) struct Server {
    pub port: u16,
    stop: mpsc::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// Starts a postmaster on `plan.data` and returns when it takes connections.
    pub fn start(plan: Plan) -> anyhow::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let life = move || {
            let (mut child, port) = match start_somewhere(&plan) {
                Ok(started) => started,
                Err(error) => {
                    let _ = tell.send(Err(error));
                    return Ok(());
                }
            };
            let _ = tell.send(Ok(port));
            // Ends by a message or by the handle's death; either way the server goes.
            let _ = stopped.recv();
            shut_down(&mut child)
        };
        let thread = std::thread::Builder::new().name("private-postgres".into()).spawn(life)?;
        let port = told.recv().context("the thread of the private Postgres died")??;
        Ok(Self { port, stop, thread })
    }

    /// Stops the server: open sessions end, everything committed stays.
    pub fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        match self.thread.join() {
            Ok(ended) => ended,
            Err(_) => bail!("the thread of the private Postgres panicked"),
        }
    }
}

fn start_somewhere(plan: &Plan) -> anyhow::Result<(Child, u16)> {
    let mut tries = 0;
    loop {
        tries += 1;
        let port = free_port(plan.port.filter(|_| tries == 1))?;
        match start_on(plan, port) {
            Ok(child) => return Ok((child, port)),
            Err(error) if tries == TRIES || !passes(&error) => return Err(error),
            Err(_) => std::thread::sleep(LOOK_AGAIN * 10),
        }
    }
}

/// Whether a failed start is one that ends by itself: a port taken in between, children of a killed server.
fn passes(error: &anyhow::Error) -> bool {
    let text = error.to_string();
    ["could not bind", "could not create any TCP/IP sockets", "still in use", "already exists"]
        .iter()
        .any(|passing| text.contains(passing))
}

fn free_port(wanted: Option<u16>) -> anyhow::Result<u16> {
    let listener = match wanted.map(|port| TcpListener::bind(("127.0.0.1", port))) {
        Some(Ok(listener)) => listener,
        _ => TcpListener::bind(("127.0.0.1", 0)).context("taking a port on 127.0.0.1")?,
    };
    Ok(listener.local_addr()?.port())
}

fn start_on(plan: &Plan, port: u16) -> anyhow::Result<Child> {
    let log = File::create(&plan.log).with_context(|| format!("writing {}", plan.log.display()))?;
    let mut command = plan.programs.command("postgres");
    command.arg("-D").arg(&plan.data);
    let fixed = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port.to_string()),
        // No socket: its path is limited to some 100 bytes, and the system's folder is closed to most users.
        ("unix_socket_directories", ""),
        ("max_connections", "200"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("fsync", if plan.fsync { "on" } else { "off" }),
    ];
    let own = plan.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in fixed.into_iter().chain(own) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.stdout(Stdio::null()).stderr(log);
    // A group of its own: Ctrl-C at the terminal reaches the service only, which stops the server last.
    command.process_group(0);
    dies_with_its_starter(&mut command);
    let mut child = command.spawn().context("starting postgres")?;
    match wait_until_ready(plan, &mut child) {
        Ok(()) => Ok(child),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// The system sends SIGQUIT (end at once; the next start replays) when the starting thread dies, whatever killed it.
#[cfg(target_os = "linux")]
fn dies_with_its_starter(command: &mut std::process::Command) {
    let starter = std::process::id();
    let ask = move || {
        // SAFETY: prctl and getppid are plain system calls, allowed between fork and exec; nothing is allocated.
        unsafe {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGQUIT) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // The starter may have died before the request was made.
            if libc::getppid() as u32 != starter {
                return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        Ok(())
    };
    // SAFETY: the closure makes two system calls and touches no memory shared with the parent.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn dies_with_its_starter(_: &mut std::process::Command) {}

fn wait_until_ready(plan: &Plan, child: &mut Child) -> anyhow::Result<()> {
    let until = Instant::now() + START_LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            let log = std::fs::read_to_string(&plan.log).unwrap_or_default();
            bail!("postgres ended at its start ({status}); {} says:\n{}", plan.log.display(), log.trim());
        }
        if running(&plan.data).is_some_and(|found| found.pid == child.id() && found.ready) {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < until,
            "postgres was not ready within {START_LIMIT:?}; see {}",
            plan.log.display()
        );
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn shut_down(child: &mut Child) -> anyhow::Result<()> {
    // Fast shutdown, then immediate, then the end: each is given its time.
    for (signal, limit) in [(libc::SIGINT, STOP_LIMIT), (libc::SIGQUIT, STOP_LIMIT), (libc::SIGKILL, STOP_LIMIT)] {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        send(child.id(), signal);
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
    bail!("postgres (process {}) does not end", child.id())
}

fn send(pid: u32, signal: libc::c_int) {
    // SAFETY: kill is a plain system call; `pid` is our child or was checked to be this folder's server.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}

/// What a folder's postmaster.pid says of a server.
struct Running {
    pid: u32,
    ready: bool,
}

/// Reads postmaster.pid; None when there is none. Its server may be long dead.
fn running(data: &Path) -> Option<Running> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    // Line 8 tells the state since PostgreSQL 10.
    let ready = lines.nth(6).is_some_and(|state| state.trim() == "ready");
    Some(Running { pid, ready })
}

/// Makes sure that no server runs on `data`: the caller holds the lock, so the starter of one that still does is dead.
///
/// Mostly it is already ending, by the signal that its starter's death sent; if it is not, it is asked to.
/// A postmaster.pid whose process is gone, or is another program by now, is removed.
pub(super) fn clear_leftover(data: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    let ladder = [(1, libc::SIGINT), (25, libc::SIGQUIT), (35, libc::SIGKILL)];
    let mut asked = 0;
    while let Some(left) = running(data) {
        if !serves(left.pid, data) {
            let pid_file = data.join("postmaster.pid");
            // The dying server may have removed it since.
            return match std::fs::remove_file(&pid_file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        let waited = begun.elapsed().as_secs();
        if let Some((_, signal)) = ladder.get(asked).filter(|(after, _)| waited >= *after) {
            send(left.pid, *signal);
            asked += 1;
        }
        anyhow::ensure!(waited < 45, "a server left on {} (process {}) does not end", data.display(), left.pid);
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Whether process `pid` is the server of `data`: a postmaster's working folder is its data folder.
#[cfg(target_os = "linux")]
fn serves(pid: u32, data: &Path) -> bool {
    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd"));
    works_in.is_ok_and(|folder| data.canonicalize().is_ok_and(|data| folder == data))
}

#[cfg(not(target_os = "linux"))]
fn serves(pid: u32, _: &Path) -> bool {
    // SAFETY: signal 0 sends nothing and only asks whether the process exists.
    unsafe { libc::kill(pid as libc::pid_t, 0) == 0 }
}
