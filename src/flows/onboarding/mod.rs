//! Onboardings: a client's KYB file goes to providers, each says how it stands, and the client's account is connected.
//!
//! `begin` and `submit` hand a file over, `work` brings it there, `hear` takes in what a provider says, `connect` tests
//! the account. What a provider wrote may name people: it is kept sealed and stands in no event and no log.

mod begin;
mod connect;
mod forget;
mod hear;
mod provider_keys;
mod submit;
pub mod work;

pub use begin::*;
pub use connect::*;
pub(super) use forget::forget_person;
pub use hear::*;
pub use provider_keys::*;
pub use submit::*;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::access::Caller;
use super::kyb::keys;
use crate::app::App;
use crate::crypto::envelope::{DataKey, Place};
use crate::crypto::secret::Personal;
use crate::domain::ids;
use crate::domain::kyb::{Fault, Sheet};
use crate::domain::onboarding::{Act, Decision, Next, Patience, Status, decide, is_stuck, reference};
use crate::domain::service::Mode;
use crate::domain::webhook::{ONBOARDING, onboarding_body};
use crate::providers::onboarding::Onboarding;
use crate::store::event::{self, NewEnd};
use crate::store::onboarding::{self, Row, Task};
use crate::store::onboarding_line::{self, Kind};
use crate::store::{self, Tx, kyb};

/// Lines of a conversation that are read: the newest.
const MOST_LINES: i64 = 500;

/// Answers to the provider's questions.
const DETAILS: &str = "onboarding.details";
/// What the way to the provider remembers.
const PROGRESS: &str = "onboarding.progress";
/// Everything the provider said last.
const DATA: &str = "onboarding.provider_data";
/// The provider's words in a line.
const REMARKS: &str = "onboarding_line.remarks";

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What was asked for cannot be: a provider that takes no files, a question of a provider not answered rightly.
    #[error("fields are wrong")]
    Unfit(Vec<Fault>),
    /// The file is not complete for a provider; fields are led by its code.
    #[error("the file is not complete")]
    Incomplete(Vec<Fault>),
    /// Providers where one runs already, and its id.
    #[error("an onboarding runs already")]
    Running(Vec<(String, Uuid)>),
    /// It stands so that this cannot be done.
    #[error("it stands as {}", .0.as_str())]
    Stands(Status),
    /// The provider has this version of the file already, or it is on its way.
    #[error("there is nothing newer to submit")]
    NothingNew,
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("there is no such onboarding")]
    NotFound,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// How an onboarding stands, for its client.
#[derive(Clone, Debug)]
pub struct Standing {
    pub id: Uuid,
    /// `paystrator-kyb-…`
    pub reference_id: String,
    /// The provider's code, and what people call it.
    pub provider: String,
    pub name: String,
    pub mode: Mode,
    pub status: Status,
    /// Since when.
    pub since: DateTime<Utc>,
    pub next: Next,
    /// Somebody should look after it: it is not delivered, or the provider is silent.
    pub stuck: bool,
    /// Of the KYB file: what is there, or on its way.
    pub file_version: i32,
    /// Whether a newer version of the file can be submitted.
    pub may_submit: bool,
    /// When we try or ask again, and how often we did without news.
    pub next_try_at: Option<DateTime<Utc>>,
    pub tries: i32,
    pub connection_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub updated_at: DateTime<Utc>,
}

/// A line of the conversation.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: DateTime<Utc>,
    /// When it happened last, where it did so `times` times.
    pub last_at: DateTime<Utc>,
    pub times: i32,
    pub kind: Kind,
    /// A person as `Caller::person` names them, `provider`, or `engine`.
    pub who: String,
    /// What somebody said.
    pub status: Option<Status>,
    /// Of the file this line is about.
    pub file_version: i32,
    /// Names of fields, in a submission.
    pub changed: Vec<String>,
    /// The provider's own words.
    pub remarks: Option<Personal>,
    /// Ours.
    pub note: Option<String>,
}

/// An onboarding with its conversation: the newest [`MOST_LINES`] of it, oldest first.
#[derive(Clone, Debug)]
pub struct Story {
    pub standing: Standing,
    pub lines: Vec<Line>,
}

/// What a provider said last, whole.
pub struct ProviderData {
    pub at: DateTime<Utc>,
    pub data: Sheet,
}

/// Every provider that takes onboardings of the caller's mode.
pub fn targets<'a>(app: &'a App, caller: &Caller) -> Vec<&'a dyn Onboarding> {
    let mode = caller.mode;
    app.targets.iter().filter(|target| target.takes(mode)).collect()
}

/// A page of the caller's onboardings, newest first, before the one `before` names.
pub async fn list(app: &App, caller: &Caller, before: Option<Uuid>, limit: i64) -> store::Result<Vec<Standing>> {
    let rows = onboarding::list(&app.db, caller.client_id, caller.mode.as_str(), before, limit).await?;
    let newest = newest_version(app, caller.client_id).await?;
    Ok(rows.iter().map(|row| standing(app, row, newest)).collect())
}

/// One of the caller's onboardings with its conversation.
pub async fn read(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Option<Story>> {
    let Some(row) = find(app, caller, id).await? else { return Ok(None) };
    let newest = newest_version(app, caller.client_id).await?;
    let key = file_key(app, caller.client_id).await?;
    let mut lines = Vec::new();
    for line in onboarding_line::list(&app.db, row.client_id, row.id, MOST_LINES).await? {
        let remarks = line.remarks.as_deref().map(|sealed| words(&key, &row, sealed)).transpose()?;
        let onboarding_line::Row { at, last_at, times, kind, who, status, file_version, changed, note, .. } = line;
        lines.push(Line { at, last_at, times, kind, who, status, file_version, changed, remarks, note });
    }
    Ok(Some(Story { standing: standing(app, &row, newest), lines }))
}

/// What the provider of one of the caller's onboardings said last; the inner `None` where it said nothing beside its
/// status.
pub async fn provider_data(app: &App, caller: &Caller, id: Uuid) -> anyhow::Result<Option<Option<ProviderData>>> {
    let Some(row) = find(app, caller, id).await? else { return Ok(None) };
    let Some((sealed, at)) = row.provider_data.as_deref().zip(row.provider_data_at) else { return Ok(Some(None)) };
    let key = file_key(app, caller.client_id).await?;
    Ok(Some(Some(ProviderData { at, data: open(&key, &row, DATA, sealed)? })))
}

/// One of the caller's; of the other mode it is not there.
async fn find(app: &App, caller: &Caller, id: Uuid) -> store::Result<Option<Row>> {
    let found = onboarding::get(&app.db, caller.client_id, id).await?;
    Ok(found.filter(|row| row.mode == caller.mode))
}

/// The same, held. Nothing of another mode is held.
async fn hold(tx: &mut Tx, caller: &Caller, id: Uuid) -> Result<Row, Refused> {
    let found = onboarding::hold(tx, caller.client_id, id).await?;
    found.filter(|row| row.mode == caller.mode).ok_or(Refused::NotFound)
}

async fn newest_version(app: &App, client_id: Uuid) -> store::Result<i32> {
    Ok(kyb::versions(&app.db, client_id, None, 1).await?.first().map_or(0, |saved| saved.version))
}

fn standing(app: &App, row: &Row, newest: i32) -> Standing {
    let target = app.targets.get(&row.target);
    // Nobody works for a provider that left the configuration.
    let halted = row.task.is_none() || target.is_none();
    let submits = decide(row.status, Act::Submit) != Decision::Refused;
    Standing {
        id: row.id,
        reference_id: reference(row.id),
        provider: row.target.clone(),
        name: target.map_or(row.target.as_str(), Onboarding::name).to_owned(),
        mode: row.mode,
        status: row.status,
        since: row.status_at,
        next: Next::of(row.status),
        stuck: is_stuck(row.status, row.status_at, halted, patience(app), app.now()),
        file_version: row.file_version,
        may_submit: submits && newest > row.file_version,
        next_try_at: row.task.map(|(_, at)| at),
        tries: row.tries,
        connection_id: row.connection_id,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        updated_at: row.updated_at,
    }
}

/// How long nobody worries.
pub(super) fn patience(app: &App) -> Patience {
    let schedule = &app.config.schedule;
    let wait = |seconds: u64| TimeDelta::from_std(schedule.seconds(seconds)).unwrap_or(TimeDelta::MAX);
    Patience { delivery: wait(schedule.onboarding_stuck_s), provider: wait(schedule.onboarding_silent_s) }
}

/// The key of a client's file: who has an onboarding has one.
async fn file_key(app: &App, client_id: Uuid) -> anyhow::Result<DataKey> {
    keys::existing(app, client_id).await?.ok_or_else(|| anyhow::anyhow!("an onboarding's client has no KYB file"))
}

fn place<'a>(row: &Row, column: &'a str) -> Place<'a> {
    Place { client: row.client_id, column, row: row.id }
}

fn seal(key: &DataKey, row: &Row, column: &str, sheet: &Sheet) -> anyhow::Result<Vec<u8>> {
    Ok(key.seal(place(row, column), &serde_json::to_vec(sheet.reveal())?))
}

/// Opens what [`seal`] sealed. An error says nothing of the content.
fn open(key: &DataKey, row: &Row, column: &str, sealed: &[u8]) -> anyhow::Result<Sheet> {
    match serde_json::from_slice(&key.unseal(place(row, column), sealed)?) {
        Ok(Value::Object(content)) => Ok(Sheet::new(content)),
        _ => anyhow::bail!("{column} of an onboarding is no JSON object"),
    }
}

fn words(key: &DataKey, row: &Row, sealed: &[u8]) -> anyhow::Result<Personal> {
    Ok(Personal::new(String::from_utf8(key.unseal(place(row, REMARKS), sealed)?)?))
}

/// Tells the client's endpoints how it stands now, in the transaction of the change; its version has risen.
async fn announce(tx: &mut Tx, row: &Row, now: DateTime<Utc>) -> store::Result<()> {
    let mode = row.mode.as_str();
    let body = onboarding_body(&reference(row.id), &row.target, mode, row.status.as_str(), row.version, now);
    let event = NewEnd {
        client_id: row.client_id,
        id: ids::new_id(now),
        mode,
        payment_id: row.id,
        version: row.version,
        kind: ONBOARDING,
        body: &body,
    };
    event::insert_end(tx, &event, now).await
}

/// Brings a held row to a status, and ends with it what ends there.
async fn goes(tx: &mut Tx, row: &mut Row, status: Status, now: DateTime<Utc>) -> store::Result<()> {
    row.status = status;
    row.status_at = now;
    row.version += 1;
    row.tries = 0;
    if status.is_final() {
        row.task = None;
        super::documents::end_grants(tx, row.client_id, row.id, now).await?;
    }
    announce(tx, row, now).await
}

/// When we try again after so many tries without news.
fn later(app: &App, task: Task, tries: i32) -> DateTime<Utc> {
    let schedule = &app.config.schedule;
    let ladder = match task {
        Task::File => &schedule.onboarding_retry_s,
        Task::Ask => &schedule.onboarding_poll_s,
    };
    let wait: Duration = schedule.step(ladder, usize::try_from(tries).unwrap_or(0));
    app.now() + crate::domain::retry::jittered(wait, app.clock.spread())
}
