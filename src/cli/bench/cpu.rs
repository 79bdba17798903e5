//! What a payment costs whom: CPU time of the processes of a measurement, read from /proc before and after it.
//!
//! Unlike rates it hardly depends on who else uses the machine. It reads and decides nothing.

use std::path::Path;

/// Clock ticks a second in /proc; the kernel shows every architecture 100.
const TICKS_PER_S: f64 = 100.0;

/// Seconds of CPU since each process began.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pub service: f64,
    pub simulator: f64,
    /// Of this process: the callers and their bookkeeping.
    pub load: f64,
    /// Of the postmaster and every server below it; `None` where Postgres is not on this machine.
    pub postgres: Option<f64>,
}

impl Cpu {
    pub fn read(service: u32, simulator: u32, postmaster: Option<u32>) -> Self {
        let of = |pid: u32| stat(pid).map_or(0.0, |stat| stat.own + stat.ended);
        Cpu {
            service: of(service),
            simulator: of(simulator),
            load: stat(std::process::id()).map_or(0.0, |stat| stat.own),
            postgres: postmaster.map(|pid| of(pid) + children(pid)),
        }
    }

    /// One line: milliseconds per payment since `before`.
    pub fn line(self, before: Cpu, payments: u64) -> String {
        let each = |now, then| per_payment(now, then, payments);
        let (service, simulator) = (each(self.service, before.service), each(self.simulator, before.simulator));
        let load = each(self.load, before.load);
        let postgres = self.postgres_since(before, payments);
        format!(
            "CPU per payment: Postgres {postgres:.2} ms, service {service:.2} ms, simulator and receiver {simulator:.2} ms, load {load:.2} ms"
        )
    }

    /// Milliseconds of Postgres per payment since `before`; no number where Postgres is not on this machine.
    pub fn postgres_since(self, before: Cpu, payments: u64) -> f64 {
        self.postgres.zip(before.postgres).map_or(f64::NAN, |(now, then)| per_payment(now, then, payments))
    }
}

fn per_payment(now: f64, then: f64, payments: u64) -> f64 {
    (now - then) * 1_000.0 / payments.max(1) as f64
}

/// The postmaster of a private Postgres, by its folder.
pub fn postmaster(folder: &Path) -> Option<u32> {
    std::fs::read_to_string(folder.join("postgres/postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

struct Stat {
    parent: u32,
    /// User and system time of the process.
    own: f64,
    /// Of children that have ended and were waited for.
    ended: f64,
}

/// `/proc/<pid>/stat`; the name may hold anything, so fields are counted from its closing bracket.
fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0) / TICKS_PER_S;
    Some(Stat { parent: fields.get(1)?.parse().ok()?, own: ticks(11) + ticks(12), ended: ticks(13) + ticks(14) })
}

fn children(parent: u32) -> f64 {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(stat).filter(|stat| stat.parent == parent).map(|stat| stat.own).sum()
}
