//! What a provider says of an onboarding: weighed by the lifecycle, kept, and told on. In its answers, and posted by it with
//! a key of its own.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::provider_keys::ProviderKey;
use super::{REMARKS, file_key, goes, place, words};
use crate::app::App;
use crate::crypto::envelope::DataKey;
use crate::crypto::secret::Personal;
use crate::domain::onboarding::{Act, Decision, Status, decide, parse_reference, reference, wants_remarks};
use crate::flows;
use crate::flows::audit::{Deed, record};
use crate::store::onboarding::{self, Row, Task};
use crate::store::onboarding_line::{self, Kind, New, PROVIDER};
use crate::store::{self, Tx};

/// A provider's word.
pub(super) struct Word<'a> {
    pub kind: Kind,
    pub status: Status,
    pub remarks: Option<&'a Personal>,
    /// It is surely about the version that stands now.
    pub is_current: bool,
    /// It stands in the conversation even where it changes nothing: an answer shows that the file arrived.
    pub is_kept: bool,
}

/// What came of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Changed,
    /// It was known, and nothing was written.
    Known,
    /// It came late, or out of order.
    OutOfOrder,
    /// The same status with other remarks, once too often.
    TooOften,
}

/// Words of a provider that are kept about one version of a file: more is no conversation.
const MOST_WORDS: i64 = 50;

/// Weighs a word about a held row, and changes the row with all that belongs to the change; who calls writes the row.
pub(super) async fn hear(
    tx: &mut Tx,
    key: &DataKey,
    row: &mut Row,
    word: &Word<'_>,
    now: DateTime<Utc>,
) -> anyhow::Result<Heard> {
    let act = if row.round > 1 && !word.is_current { Act::Doubted } else { Act::Says };
    let heard = match decide(row.status, act(word.status)) {
        Decision::Goes(status) => {
            goes(tx, row, status, now).await?;
            Heard::Changed
        }
        Decision::Stays if says_more(tx, key, row, word).await? => {
            if onboarding_line::said(tx, row.client_id, row.id, row.file_version).await? >= MOST_WORDS {
                return Ok(Heard::TooOften);
            }
            row.version += 1;
            super::announce(tx, row, now).await?;
            Heard::Changed
        }
        Decision::Stays => Heard::Known,
        Decision::Refused => Heard::OutOfOrder,
    };
    if heard == Heard::Changed || word.is_kept {
        let remarks = word.remarks.map(|said| key.seal(place(row, REMARKS), said.reveal().as_bytes()));
        let late = (heard == Heard::OutOfOrder).then(|| format!("came late; it stands as {}", row.status.as_str()));
        let (status, note) = (Some(word.status), late.as_deref());
        let line = New { status, remarks, note, ..New::of(word.kind, PROVIDER, row.file_version) };
        onboarding_line::add(tx, row.client_id, row.id, &line, now).await?;
    }
    Ok(heard)
}

/// Whether a status that stands already comes with other remarks than before. After the end nothing is added.
async fn says_more(tx: &mut Tx, key: &DataKey, row: &Row, word: &Word<'_>) -> anyhow::Result<bool> {
    let Some(said) = word.remarks.filter(|_| wants_remarks(word.status) && !word.status.is_final()) else {
        return Ok(false);
    };
    let before = onboarding_line::last_remarks(tx, row.client_id, row.id, word.status).await?;
    let before = before.map(|sealed| words(key, row, &sealed)).transpose()?;
    Ok(before.as_ref() != Some(said))
}

/// What a provider posts.
pub struct Posted<'a> {
    pub reference_id: &'a str,
    /// One of the six.
    pub status: Status,
    pub remarks: Option<&'a Personal>,
}

/// How an onboarding stands after a provider's post, and whether that changed it.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub status: Status,
    pub changed: bool,
}

/// Why a post was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// No onboarding of this provider and mode has the reference.
    #[error("the reference is not one of this provider's")]
    Unknown,
    #[error("it stands as {}", .0.as_str())]
    OutOfOrder(Status),
    /// A newer version is on its way, and what is told may be about the older one: worth telling again after this time.
    #[error("a newer version is on its way")]
    OnItsWay(Duration),
    /// So often were other remarks told beside one status that no more are taken.
    #[error("remarks were told {0} times")]
    TooOften(i64),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// Takes in a status that a provider posts. The same again writes nothing, and what comes late changes nothing.
pub async fn tell(app: &App, by: &ProviderKey, posted: &Posted<'_>) -> Result<Taken, NotTaken> {
    let id = parse_reference(posted.reference_id).ok_or(NotTaken::Unknown)?;
    let client_id = onboarding::client_of(&app.db, id).await?.ok_or(NotTaken::Unknown)?;
    // Before anything is opened or held.
    let found = onboarding::get(&app.db, client_id, id).await?;
    let is_theirs = |row: &Row| row.target == by.target && row.mode == by.mode;
    found.filter(is_theirs).ok_or(NotTaken::Unknown)?;
    let key = file_key(app, client_id).await?;
    let mut tx = flows::begin(&app.db).await?;
    let mut row = onboarding::hold(&mut tx, client_id, id).await?.ok_or(NotTaken::Unknown)?;
    let now = app.now();
    let is_current = row.seen_version == Some(row.file_version);
    let word = Word { kind: Kind::Told, status: posted.status, remarks: posted.remarks, is_current, is_kept: false };
    match hear(&mut tx, &key, &mut row, &word, now).await? {
        Heard::Known => return Ok(Taken { status: row.status, changed: false }),
        Heard::OutOfOrder => return Err(on_its_way(&row, now).unwrap_or(NotTaken::OutOfOrder(row.status))),
        Heard::TooOften => return Err(NotTaken::TooOften(MOST_WORDS)),
        Heard::Changed => {}
    }
    onboarding::update(&mut tx, &row, now).await?;
    let person = format!("provider {}", row.target);
    let deed = Deed {
        client_id,
        mode: Some(row.mode),
        person: &person,
        action: "onboarding.told",
        object: &reference(row.id),
        detail: json!({ "status": posted.status.as_str() }),
    };
    record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(Taken { status: row.status, changed: true })
}

/// The shortest and the longest that who told too early waits.
const WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3_600));

/// A word that was refused because a version is on its way: its time comes when the next try has ended.
fn on_its_way(row: &Row, now: DateTime<Utc>) -> Option<NotTaken> {
    let (Task::File, at) = row.task.filter(|_| row.status == Status::Submitted)? else { return None };
    let wait = (at - now).to_std().unwrap_or_default();
    Some(NotTaken::OnItsWay(wait.clamp(WAIT.0, WAIT.1)))
}
