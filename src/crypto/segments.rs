//! Long values sealed and opened piece by piece, so that no more than a segment of one is ever in memory.
//!
//! A sealed value reads `version (3)`, then segments `nonce (12) · ciphertext and tag`, each of 64 KiB of content but the
//! last. Every segment is bound to its place, its number and whether it is the last: none can be moved, left out, doubled
//! or cut off. Content comes out only of segments that were proved.

use uuid::Uuid;

use super::envelope::{DataKey, OpenError, PART, Place, associated};

/// The content of a segment.
pub const SEGMENT: usize = 64 * 1024;
const SEALED: usize = SEGMENT + PART;
const VERSION: u8 = 3;

/// Where a value stands, and how far it was worked through.
struct Position {
    place: Vec<u8>,
    number: u32,
}

impl Position {
    fn new(client: Uuid, column: &str, row: Uuid) -> Self {
        Position { place: associated(Place { client, column, row }), number: 0 }
    }

    /// What the next segment is bound to.
    fn next(&mut self, last: bool) -> Vec<u8> {
        let mut bound = self.place.clone();
        bound.extend_from_slice(&self.number.to_be_bytes());
        bound.push(u8::from(last));
        self.number += 1;
        bound
    }
}

/// Seals content as it comes.
pub struct Sealer {
    key: DataKey,
    at: Position,
    pending: Vec<u8>,
}

impl Sealer {
    /// For the value of a row; appends its first byte to `out`.
    pub fn new(key: DataKey, client: Uuid, column: &str, row: Uuid, out: &mut Vec<u8>) -> Self {
        out.push(VERSION);
        Sealer { key, at: Position::new(client, column, row), pending: Vec::with_capacity(SEGMENT) }
    }

    /// Takes more of the content; appends what is sealed by now.
    pub fn push(&mut self, mut content: &[u8], out: &mut Vec<u8>) {
        while !content.is_empty() {
            // A full segment is kept until more comes: it may be the last.
            if self.pending.len() == SEGMENT {
                self.key.append_part(out, &self.at.next(false), &self.pending);
                self.pending.clear();
            }
            let (now, rest) = content.split_at(content.len().min(SEGMENT - self.pending.len()));
            self.pending.extend_from_slice(now);
            content = rest;
        }
    }

    /// The content has ended; appends the rest.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.key.append_part(out, &self.at.next(true), &self.pending);
    }
}

/// Opens what a [`Sealer`] sealed for the same row, as it comes.
pub struct Opener {
    key: DataKey,
    at: Position,
    begun: bool,
    pending: Vec<u8>,
}

impl Opener {
    pub fn new(key: DataKey, client: Uuid, column: &str, row: Uuid) -> Self {
        Opener { key, at: Position::new(client, column, row), begun: false, pending: Vec::with_capacity(SEALED) }
    }

    /// Takes more of the sealed value; appends what is proved by now.
    pub fn push(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if !self.begun {
            let Some((version, rest)) = sealed.split_first() else { return Ok(()) };
            if *version != VERSION {
                return Err(OpenError::Malformed);
            }
            (self.begun, sealed) = (true, rest);
        }
        while !sealed.is_empty() {
            if self.pending.len() == SEALED {
                out.extend_from_slice(&self.key.open_part(&self.at.next(false), &self.pending)?);
                self.pending.clear();
            }
            let (now, rest) = sealed.split_at(sealed.len().min(SEALED - self.pending.len()));
            self.pending.extend_from_slice(now);
            sealed = rest;
        }
        Ok(())
    }

    /// The sealed value has ended; appends the rest. An error where it was cut off.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), OpenError> {
        if !self.begun {
            return Err(OpenError::Malformed);
        }
        out.extend_from_slice(&self.key.open_part(&self.at.next(true), &self.pending)?);
        Ok(())
    }
}
