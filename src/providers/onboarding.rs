//! How a KYB file reaches a provider: one small trait, in steps that can each be repeated after a crash.
//!
//! An implementation knows its provider's contract and nothing of tables or times. What it must remember between two
//! steps it hands back as progress, which is kept (sealed) before the next step is made.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::form::{Field, FieldFault};
use super::{Call, Trouble};
use crate::crypto::secret::Personal;
use crate::domain::kyb::Sheet;
use crate::domain::kyb::completeness::Addition;
use crate::domain::onboarding::Status;
use crate::domain::service::Mode;

/// One version of a file on its way to one provider. Every repeat of its steps gets exactly this.
#[derive(Clone, Debug)]
pub struct Filing {
    /// `paystrator-kyb-…`, the provider's handle on it (seed 000).
    pub reference_id: String,
    /// The version of the file that is carried.
    pub version: i32,
    /// The payload as seed 000 prints it, with signed links in the place of documents.
    pub payload: Sheet,
    /// It is no first submission.
    pub revises: bool,
    /// Names of the fields that differ from the version this provider saw last; empty the first time, and where what was
    /// changed in between was taken back.
    pub changed: Vec<String>,
    /// Answers to the provider's own questions ([`Onboarding::form`]), by field name.
    pub details: Sheet,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Something is done; this is to be remembered, and the next step made at once.
    More(Sheet),
    /// The provider said how the onboarding stands.
    Told(Report),
    /// No usable answer: the same step is made again later.
    Again(Trouble),
}

/// What a provider said of an onboarding.
#[derive(Clone, Debug)]
pub struct Report {
    /// Never one of our own two.
    pub status: Status,
    /// In the provider's words; they may name people.
    pub remarks: Option<Personal>,
    /// Everything it said, for the client to read (`provider-data`); kept sealed.
    pub data: Option<Sheet>,
    /// To be remembered for the next step or question.
    pub progress: Sheet,
}

/// A way to on-board a client at one provider.
pub trait Onboarding: Send + Sync {
    /// The provider's code, as in the catalogue.
    fn code(&self) -> &str;
    /// What people call it.
    fn name(&self) -> &str;
    /// Whether it takes onboardings of this mode.
    fn takes(&self, mode: Mode) -> bool;
    /// What it asks beyond the KYB file; all of it belongs into `settings` of the form's parts.
    fn form(&self) -> &'static [Field] {
        &[]
    }
    /// What is wrong with the answers beside this file, beyond what each is by itself: a question that only some files
    /// must answer, or must answer otherwise. For who asks before anything begins; a step would ask for a revision.
    fn unfit(&self, _file: &Sheet, _answers: &Sheet) -> Vec<FieldFault> {
        Vec::new()
    }
    /// Which fields of the file it needs beyond what every provider does.
    fn additions(&self) -> &'static [Addition] {
        &[]
    }
    /// Where a connection is tested by it (contracts/paystrator.md 2.11); `None` where it has no such address, and the
    /// connection's own test call is made instead.
    fn connect_url(&self, _mode: Mode) -> Option<&str> {
        None
    }
    /// Calls to it under way at once: whatever it does, it takes no more of us.
    fn concurrency(&self) -> usize {
        4
    }
    /// The longest that one step or question takes; the lease on the work outlives it.
    fn deadline(&self) -> Duration {
        Duration::from_secs(120)
    }
    /// What may be kept of progress when a person of the file is erased: nothing of the file, only the provider's own
    /// numbers.
    fn forget(&self, _progress: &Sheet) -> Sheet {
        Sheet::default()
    }
    /// The next step of bringing a version to the provider. Repeating a step must have no second effect there.
    fn step<'a>(&'a self, call: &'a Call, filing: &'a Filing, progress: &'a Sheet) -> BoxFuture<'a, Step>;
    /// How it stands, asked by us. `None` where the provider tells us by itself.
    fn ask<'a>(&'a self, call: &'a Call, filing: &'a Filing, progress: &'a Sheet) -> Option<BoxFuture<'a, Step>>;
}
