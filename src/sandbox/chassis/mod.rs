//! What every simulator shares: a server on loopback, books on disk, the agenda of what is due, faults, callbacks, the
//! control API, a way to await.
//!
//! It knows no provider: codes, bodies and rules live in the simulators' own folders, behind [`provider::Provider`]. It
//! may use the leaves and `outbound`; it never sees the product's own rooms.

pub mod books;
pub mod callbacks;
pub mod control;
pub mod engine;
pub mod faults;
pub mod journal;
pub mod life;
pub mod provider;
pub mod server;
pub mod simulator;
pub mod tokens;
pub mod wire;

use tokio::sync::watch;

/// Tells waiting tests that something changed. Nobody polls: each change wakes who waits.
pub struct Changes(watch::Sender<u64>);

impl Default for Changes {
    fn default() -> Self {
        Changes(watch::Sender::new(0))
    }
}

impl Changes {
    /// Something changed; call it after the change can be seen.
    pub fn mark(&self) {
        self.0.send_modify(|n| *n += 1);
    }

    /// Looks at once and after every change, until `look` finds what it wants.
    pub async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        let mut seen = self.0.subscribe();
        loop {
            seen.borrow_and_update();
            if let Some(found) = look() {
                return found;
            }
            // The sender lives in `self`, which is borrowed here, so this cannot fail.
            let _ = seen.changed().await;
        }
    }
}
