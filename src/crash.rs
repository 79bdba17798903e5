//! Places where a test kills this process: before and after each commit of the payment's path, around each call to the
//! outside, and between the steps of a document. A leaf that calls nothing of ours. Outside a test a point costs one relaxed load and does nothing; a
//! process in production mode refuses to be armed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The variable that arms one point: `name`, or `name:n` for its n-th pass.
pub const VARIABLE: &str = "PAYSTRATOR_CRASH_AT";

/// Every point of the payment's path. `tests/it/crash.rs` keeps this list and the places in the source equal, and kills at each of them.
///
/// `before` is before the statement that commits (or before the first byte of a call); `committed` is after the commit
/// and before anybody hears of it; `answered` is after the answer came and before it is written down.
pub const POINTS: [&str; 34] = [
    // The batch writers.
    "accept.before",
    "accept.committed",
    "advance.before",
    "advance.committed",
    "callback.before",
    "callback.committed",
    "done.before",
    "done.committed",
    "mark.before",
    "mark.committed",
    // One statement each.
    "claim.before",
    "claim.committed",
    "note.before",
    "note.committed",
    "ask_lease.before",
    "ask_lease.committed",
    "read_lease.before",
    "read_lease.committed",
    "callback_lease.before",
    "callback_lease.committed",
    "delivery_lease.before",
    "delivery_lease.committed",
    "disable.before",
    "disable.committed",
    // The sums by hour.
    "rollup.before",
    "rollup.committed",
    // Calls to the outside.
    "send.before",
    "send.answered",
    "resend.before",
    "resend.answered",
    "ask.before",
    "ask.answered",
    "delivery.before",
    "delivery.answered",
];

/// The points of documents: of an upload, of the removal of what is left of one, and of an erasure.
/// `tests/it/documents_crash.rs` kills at each of them.
pub const OF_DOCUMENTS: [&str; 6] =
    ["upload.before", "upload.begun", "upload.written", "upload.committed", "sweep.removed", "erase.committed"];

/// The points of onboardings: their beginning, the claim of the work, the call, and what is kept of it.
/// `tests/it/onboarding_crash.rs` kills at each of them.
pub const OF_ONBOARDINGS: [&str; 10] = [
    "onboarding_begin.before",
    "onboarding_begin.committed",
    "onboarding_claim.before",
    "onboarding_claim.committed",
    "onboarding_progress.before",
    "onboarding_progress.committed",
    "onboarding_end.before",
    "onboarding_end.committed",
    "onboarding_step.before",
    "onboarding_step.answered",
];

static ARMED: AtomicBool = AtomicBool::new(false);
static PLAN: OnceLock<(String, u32)> = OnceLock::new();
static PASSED: AtomicU32 = AtomicU32::new(0);

/// Reads [`VARIABLE`], once, at the start of a process that serves or changes something.
pub fn arm(production: bool) -> anyhow::Result<()> {
    let Ok(wanted) = std::env::var(VARIABLE) else { return Ok(()) };
    anyhow::ensure!(!production, "{VARIABLE} is set: it kills the process on purpose and has no place in production");
    let (name, pass) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    anyhow::ensure!(
        POINTS.iter().chain(&OF_DOCUMENTS).chain(&OF_ONBOARDINGS).any(|point| *point == name),
        "{VARIABLE}: there is no point {name:?}"
    );
    let pass: u32 = pass
        .parse()
        .ok()
        .filter(|pass| *pass > 0)
        .ok_or_else(|| anyhow::anyhow!("{VARIABLE}: {pass:?} is no count of passes; write name:1 for the first"))?;
    if PLAN.set((name.to_owned(), pass)).is_ok() {
        ARMED.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Dies here with SIGKILL, as a machine does that loses its power, if this point and this pass were asked for.
#[inline]
pub fn point(name: &'static str) {
    if ARMED.load(Ordering::Relaxed) {
        pass(name);
    }
}

#[cold]
fn pass(name: &'static str) {
    let Some((wanted, pass)) = PLAN.get() else { return };
    if wanted != name || PASSED.fetch_add(1, Ordering::Relaxed) + 1 != *pass {
        return;
    }
    // SAFETY: both calls take and return plain numbers and touch no memory of ours.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    // The signal needs no instruction more from this thread; none is given.
    loop {
        std::thread::park();
    }
}
