//! The work on onboardings: files brought to their providers step by step, and providers asked how they stand.
//!
//! One line for each provider, drained by a bounded number of workers: one that hangs holds up nobody else. Work is
//! claimed by a lease that outlives each step; what a step leaves is kept before the next one. A step that is repeated
//! after a crash is the very same: reference, version, links and content do not change.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::hear::{Word, hear};
use super::{DATA, DETAILS, PROGRESS, REMARKS, file_key, later, open, patience, place, seal};
use crate::app::App;
use crate::crash;
use crate::crypto::envelope::DataKey;
use crate::crypto::secret::SecretString;
use crate::domain::ids;
use crate::domain::kyb::Sheet;
use crate::domain::kyb::payload::payload;
use crate::domain::onboarding::reference;
use crate::flows::audit::ENGINE;
use crate::flows::lanes::{self, Filings, Lanes, Line, Worked};
use crate::flows::{documents, kyb};
use crate::providers::onboarding::{Filing, Onboarding, Report, Step};
use crate::providers::{Account, Call, Cause, Trouble};
use crate::store::onboarding::{self, Lease, Row, Task};
use crate::store::onboarding_line::{self, Kind, New};
use crate::store::{self};

/// Steps of one piece of work, one after the other; more are not a way anybody goes.
const MOST_STEPS: usize = 500;

impl Worked for Filings {
    type Key = (Uuid, Uuid);
    type Item = Row;
    const NAME: &'static str = "onboarding";

    fn line(&self) -> &Line<(Uuid, Uuid), Row> {
        &self.line
    }

    fn work<'a>(self: &'a Arc<Self>, app: &'a Arc<App>, item: Row) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(tend(app, &self.gate, item))
    }

    /// Whoever ends a piece of work takes up the next one, so that a scan is no measure of speed.
    fn then<'a>(self: &'a Arc<Self>, app: &'a Arc<App>) -> Option<BoxFuture<'a, anyhow::Result<()>>> {
        let target = app.targets.get(&self.code)?;
        Some(Box::pin(async move { Ok(take_up(app, self, target, 1).await?) }))
    }
}

/// One scan: provider by provider, as much of what is due as its line has room for.
pub async fn scan(app: &Arc<App>, lanes: &Lanes) -> anyhow::Result<()> {
    for target in app.targets.iter() {
        let filings = lanes.filings(target.code(), target.concurrency());
        take_up(app, &filings, target, filings.line.room()).await?;
    }
    Ok(())
}

async fn take_up(app: &Arc<App>, filings: &Arc<Filings>, target: &dyn Onboarding, limit: usize) -> store::Result<()> {
    if limit == 0 {
        return Ok(());
    }
    let Ok(_turn) = filings.gate.acquire().await else { return Ok(()) };
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    crash::point("onboarding_claim.before");
    // Twice the time: what waits in the line waits for one piece of work at most.
    let until = lease_end(app, target) + (lease_end(app, target) - now);
    // What is in hand here still may be due again already: claimed now, it would be held by nobody.
    let held: Vec<Uuid> = filings.line.held().into_iter().map(|(_, id)| id).collect();
    let due = onboarding::claim(&mut tx, target.code(), &held, limit as i64, until, now).await?;
    tx.commit().await?;
    crash::point("onboarding_claim.committed");
    due.into_iter().for_each(|row| lanes::offer(app, filings, (row.client_id, row.id), row));
    Ok(())
}

/// Until when a piece of work belongs to who begins a step now.
fn lease_end(app: &App, target: &dyn Onboarding) -> DateTime<Utc> {
    let margin = app.config.schedule.seconds(app.config.schedule.lease_margin_s);
    app.now() + TimeDelta::from_std(target.deadline() + margin).unwrap_or(TimeDelta::hours(1))
}

/// What one piece of work came to.
enum End {
    Told(Report),
    Again(Trouble),
    /// This version can never be sent: say why.
    Halted(&'static str),
    /// It is somebody else's by now, or was ended.
    Lost,
}

/// Brings one file on its way, or asks about it, as far as it goes now.
async fn tend(app: &Arc<App>, gate: &Semaphore, row: Row) -> anyhow::Result<()> {
    let (Some(lease), Some((task, _))) = (row.lease, row.task) else { return Ok(()) };
    let Some(target) = app.targets.get(&row.target) else { return Ok(()) };
    let mut turn = gate.acquire().await?;
    let key = file_key(app, row.client_id).await?;
    let whole = filing(app, &key, &row).await?;
    let (is_whole, filing) = match whole {
        Some(filing) => (true, filing),
        // Its way ends, unless it has arrived: how it stands can be asked without a file.
        None if task == Task::Ask => (false, without_file(&row)),
        None => {
            let why = "the data of a person of this version were erased: save a new version and submit it, or withdraw";
            return end(app, target, &key, &row, lease, None, End::Halted(why)).await;
        }
    };
    let call = call(app, target, &row, &filing);
    let mut progress = open(&key, &row, PROGRESS, &row.progress)?;
    let mut steps = 0;
    let came = loop {
        let lease = Lease { until: lease_end(app, target), ..lease };
        if !keep(app, &key, &row, lease, &progress).await? {
            break End::Lost;
        }
        // The provider has all the time it takes; others read and write meanwhile.
        drop(turn);
        let came = step(target, task, &call, &filing, &progress).await;
        turn = gate.acquire().await?;
        match came {
            Step::More(kept) if steps < MOST_STEPS => {
                progress = kept;
                steps += 1;
            }
            Step::More(_) => break End::Again(Trouble::new(Cause::Unclear, "it took too many steps")),
            Step::Told(report) if is_whole => break End::Told(report),
            // What it says beside the status may tell of who was erased.
            Step::Told(report) => break End::Told(Report { remarks: None, data: None, ..report }),
            Step::Again(trouble) => {
                let said = trouble.said.filter(|_| is_whole);
                break End::Again(Trouble { words: call.tellable(&trouble.words), said, ..trouble });
            }
        }
    };
    let asks = match &came {
        End::Told(report) => Some(target.ask(&call, &filing, &report.progress).is_some()),
        _ => None,
    };
    let ended = end(app, target, &key, &row, lease, asks, came).await;
    drop(turn);
    ended
}

async fn step(target: &dyn Onboarding, task: Task, call: &Call, filing: &Filing, progress: &Sheet) -> Step {
    let work = match task {
        Task::File => target.step(call, filing, progress),
        Task::Ask => match target.ask(call, filing, progress) {
            Some(ask) => ask,
            None => return Step::Again(Trouble::new(Cause::Unclear, "there is nobody to ask")),
        },
    };
    crash::point("onboarding_step.before");
    let came = tokio::time::timeout(target.deadline(), work).await;
    crash::point("onboarding_step.answered");
    let silence = || Step::Again(Trouble::new(Cause::Unreachable, "no answer in time"));
    came.unwrap_or_else(|_| silence())
}

/// Keeps what the last step left, and the lease for the next one.
async fn keep(app: &App, key: &DataKey, row: &Row, lease: Lease, progress: &Sheet) -> anyhow::Result<bool> {
    let sealed = seal(key, row, PROGRESS, progress)?;
    let mut tx = crate::flows::begin(&app.db).await?;
    crash::point("onboarding_progress.before");
    let kept = onboarding::keep_progress(&mut tx, row, lease, &sealed).await?;
    tx.commit().await?;
    crash::point("onboarding_progress.committed");
    Ok(kept)
}

/// One version of the file as it goes to one provider: the very same each time. `None` where it cannot be sent any more.
async fn filing(app: &App, key: &DataKey, row: &Row) -> anyhow::Result<Option<Filing>> {
    let version = kyb::read(app, row.client_id, Some(row.file_version)).await?;
    let version = version.ok_or_else(|| anyhow::anyhow!("the version of an onboarding is not there"))?;
    let granted = documents::granted_before(app, row.client_id, row.grant_id).await?;
    let granted = granted.ok_or_else(|| anyhow::anyhow!("the links of an onboarding are not there"))?;
    let link = |id: &str| ids::parse(ids::DOCUMENT, id).and_then(|id| granted.link(id)).map(str::to_owned);
    let reference_id = reference(row.id);
    let Ok(payload) = payload(&reference_id, &version.file, &link) else { return Ok(None) };
    Ok(Some(Filing {
        reference_id,
        version: row.file_version,
        payload,
        revises: row.round > 1,
        changed: row.changed.clone(),
        details: open(key, row, DETAILS, &row.details)?,
    }))
}

/// What is asked about where the file itself cannot be read any more.
fn without_file(row: &Row) -> Filing {
    Filing {
        reference_id: reference(row.id),
        version: row.file_version,
        payload: Sheet::default(),
        revises: row.round > 1,
        changed: row.changed.clone(),
        details: Sheet::default(),
    }
}

/// A call in the name of the installation. What is said of people in the file does not get into what is kept of it.
fn call(app: &App, target: &dyn Onboarding, row: &Row, filing: &Filing) -> Call {
    let account =
        Account { identity: String::new(), mode: row.mode, credentials: SecretString::from("{}"), settings: json!({}) };
    let mut call = Call::new(app.outbound.clone(), app.clock.clone(), target.code().to_owned(), account);
    for value in filing.payload.reveal().iter().filter(|(name, _)| *name != "reference_id").map(|(_, value)| value) {
        call = masked(call, value);
    }
    filing.details.reveal().values().fold(call, masked)
}

/// The shortest text that is masked: shorter ones are words that stand in anything.
const LEAST_MASKED: usize = 8;

fn masked(call: Call, value: &Value) -> Call {
    match value {
        Value::String(text) if text.chars().count() >= LEAST_MASKED => call.mask(text, "…".into()),
        Value::Array(items) => items.iter().fold(call, masked),
        Value::Object(fields) => fields.values().fold(call, masked),
        _ => call,
    }
}

/// Writes what a piece of work came to. `asks`: whether the provider is asked from now on.
async fn end(
    app: &App,
    target: &dyn Onboarding,
    key: &DataKey,
    worked: &Row,
    lease: Lease,
    asks: Option<bool>,
    came: End,
) -> anyhow::Result<()> {
    if matches!(came, End::Lost) {
        return Ok(());
    }
    let mut tx = crate::flows::begin(&app.db).await?;
    let Some(mut row) = onboarding::hold(&mut tx, worked.client_id, worked.id).await? else { return Ok(()) };
    if row.lease.map(|lease| lease.id) != Some(lease.id) {
        return Ok(());
    }
    let now = app.now();
    row.lease = None;
    if row.round != worked.round {
        // A newer version waited for this to end; what was said is about the older one.
        row.task = row.task.map(|(task, _)| (task, now));
    } else {
        let was = row.task.map(|(task, _)| task);
        match came {
            End::Told(report) => told(&mut tx, app, key, &mut row, was, &report, asks == Some(true)).await?,
            End::Again(trouble) => {
                failed(&mut tx, app, key, &mut row, &trouble, was).await?;
                metrics::counter!("onboarding_tries_total", "target" => target.code().to_owned(), "end" => trouble.cause.as_str())
                    .increment(1);
            }
            End::Halted(why) => {
                row.task = None;
                line(&mut tx, &row, Kind::Halted, why, None, now).await?;
            }
            End::Lost => {}
        }
    }
    onboarding::update(&mut tx, &row, now).await?;
    crash::point("onboarding_end.before");
    tx.commit().await?;
    crash::point("onboarding_end.committed");
    Ok(())
}

async fn told(
    tx: &mut store::Tx,
    app: &App,
    key: &DataKey,
    row: &mut Row,
    was: Option<Task>,
    report: &Report,
    asks: bool,
) -> anyhow::Result<()> {
    let now = app.now();
    row.seen_version = Some(row.file_version);
    row.base_version = row.file_version;
    // What an earlier version named alone is nothing for this provider any more.
    documents::end_earlier_grants(tx, row.client_id, row.id, row.grant_id, now).await?;
    row.progress = seal(key, row, PROGRESS, &report.progress)?;
    if let Some(data) = &report.data {
        row.provider_data = Some(seal(key, row, DATA, data)?);
        row.provider_data_at = Some(now);
    }
    row.tries = if was == Some(Task::Ask) { row.tries.saturating_add(1) } else { 0 };
    let word = Word {
        kind: Kind::Answered,
        status: report.status,
        remarks: report.remarks.as_ref(),
        is_current: true,
        is_kept: was == Some(Task::File),
    };
    hear(tx, key, row, &word, now).await?;
    row.task = (asks && !row.status.is_final()).then(|| (Task::Ask, later(app, Task::Ask, row.tries)));
    Ok(())
}

async fn failed(
    tx: &mut store::Tx,
    app: &App,
    key: &DataKey,
    row: &mut Row,
    trouble: &Trouble,
    was: Option<Task>,
) -> store::Result<()> {
    let now = app.now();
    let note = format!("{}: {}", trouble.cause.as_str(), trouble.words);
    // The provider's free text may name people: it is sealed, and goes when one of them is erased.
    let said = trouble.said.as_ref().map(|said| key.seal(place(row, REMARKS), said.reveal().as_bytes()));
    line(tx, row, Kind::Failed, &note, said, now).await?;
    if let Some(task) = was {
        row.task = Some((task, later(app, task, row.tries)));
        row.tries = row.tries.saturating_add(1);
    }
    Ok(())
}

async fn line(
    tx: &mut store::Tx,
    row: &Row,
    kind: Kind,
    note: &str,
    remarks: Option<Vec<u8>>,
    now: DateTime<Utc>,
) -> store::Result<()> {
    let line = New { remarks, note: Some(note), ..New::of(kind, ENGINE, row.file_version) };
    onboarding_line::add(tx, row.client_id, row.id, &line, now).await
}

/// How many onboardings stand where, and which wait too long, for the metrics.
pub async fn counts(app: &App) -> store::Result<Vec<onboarding::Count>> {
    let (patience, now) = (patience(app), app.now());
    onboarding::counts(&app.db, now - patience.delivery, now - patience.provider).await
}
