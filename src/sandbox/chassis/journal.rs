//! Books on disk: JSON lines, only ever appended, read again at the next start.
//!
//! An entry is queued while its books are locked, so the file has the order of the events; it is written to the
//! operating system before the answer goes out, many entries in one write. No fsync: it survives the end of the
//! process, not of the machine.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The books could not be written; nothing may be answered as done any more.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cannot write its books")]
pub struct Unwritten;

/// An open journal. The file is locked: a second process on the same folder is refused.
pub struct Journal {
    waiting: Mutex<Vec<u8>>,
    /// Empty after a failed write: half a line may stand in the file, and nothing may follow it.
    file: Mutex<Option<File>>,
}

impl Journal {
    /// Opens `path`, making it where needed, and hands every entry in it to `replay`. A last line without its end
    /// (the process died while writing it, so it was never answered) is cut off.
    pub fn open<E: DeserializeOwned>(path: &Path, mut replay: impl FnMut(E)) -> anyhow::Result<Journal> {
        let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let mut file = opened.with_context(|| format!("cannot open {}", path.display()))?;
        file.try_lock().with_context(|| format!("{} is in use by another sandbox", path.display()))?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let (mut line, mut whole, mut number) = (Vec::new(), 0u64, 0u64);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 || line.last() != Some(&b'\n') {
                break;
            }
            number += 1;
            let entry = serde_json::from_slice(&line).with_context(|| format!("{} line {number}", path.display()))?;
            replay(entry);
            whole += length as u64;
        }
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Journal { waiting: Mutex::default(), file: Mutex::new(Some(file)) })
    }

    /// Queues an entry. Call it under the lock of the books that it changes, then [`Journal::write`] without it.
    pub fn queue(&self, entry: &impl Serialize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_writer(&mut *waiting, entry).expect("an entry of plain fields always has a JSON form");
        waiting.push(b'\n');
    }

    /// Writes everything that is queued, whoever queued it. After it returns well, what the caller queued is with
    /// the operating system: it wrote it, or found it written by another who held the file before.
    pub fn write(&self) -> Result<(), Unwritten> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(open) = file.as_mut() else { return Err(Unwritten) };
        if let Err(e) = open.write_all(&batch) {
            tracing::error!(error = %e, "the sandbox cannot write its books and takes no more");
            *file = None;
            return Err(Unwritten);
        }
        Ok(())
    }
}
