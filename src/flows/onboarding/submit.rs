//! The client's own acts on an onboarding that runs: a newer version of the file is submitted, or all of it taken back.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::begin::{detail_faults, lend, missing, unfit};
use super::{DETAILS, Refused, Standing, file_key, goes, hold, newest_version, open, seal, standing};
use crate::app::App;
use crate::domain::kyb::payload::changed_for_provider;
use crate::domain::kyb::{Fault, Sheet};
use crate::domain::onboarding::{Act, Decision, Status, decide, reference};
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited;
use crate::flows::kyb;
use crate::store::onboarding::{self, Task};
use crate::store::onboarding_line::{self, Kind, New};

/// Submits a newer version of the file, with the fields marked that the provider has not seen as they are now; `details`
/// replaces the answers to its questions where it is given. What the provider was sent before may still reach it:
/// it knows the newer one by its version.
pub async fn submit(
    app: &App,
    caller: &Caller,
    id: Uuid,
    details: Option<&Map<String, Value>>,
) -> Result<Standing, Refused> {
    let row = super::find(app, caller, id).await?.ok_or(Refused::NotFound)?;
    let target = app.targets.get(&row.target).filter(|target| target.takes(row.mode)).ok_or_else(gone)?;
    let current = kyb::read(app, caller.client_id, None).await?;
    let current = current.ok_or_else(|| anyhow::anyhow!("an onboarding's client has no KYB file"))?;
    let mut faults = missing(app, Some(&current.file), &[target]);
    if !faults.is_empty() {
        return Err(Refused::Incomplete(faults));
    }
    faults.extend(details.map(|details| detail_faults(target, details)).unwrap_or_default());
    if !faults.is_empty() {
        return Err(Refused::Unfit(faults));
    }
    let key = file_key(app, caller.client_id).await?;
    let mut tx = flows::begin(&app.db).await?;
    let mut row = hold(&mut tx, caller, id).await?;
    let now = app.now();
    let Decision::Goes(status) = decide(row.status, Act::Submit) else {
        return Err(Refused::Stands(row.status));
    };
    let known = open(&key, &row, DETAILS, &row.details)?;
    let faults = unfit(target, &current.file, details.unwrap_or(known.reveal()));
    if !faults.is_empty() {
        return Err(Refused::Unfit(faults));
    }
    let answered = details.map(|details| Sheet::new(details.clone())).filter(|details| *details != known);
    // What is carried is known by the file's version: new answers alone would look like what the provider has.
    if current.version <= row.file_version {
        return Err(Refused::NothingNew);
    }
    let base = kyb::read(app, caller.client_id, Some(row.base_version)).await?;
    let base = base.ok_or_else(|| anyhow::anyhow!("the version a provider has is not there"))?;
    row.changed = changed_for_provider(&base.file, &current.file);
    if let Some(details) = answered {
        row.changed.push("details".into());
        row.details = seal(&key, &row, DETAILS, &details)?;
    }
    row.file_version = current.version;
    row.round += 1;
    row.grant_id = lend(&mut tx, app, row.client_id, row.id, &row.target, &current.file, now).await?;
    // Who is bringing the last version there finishes first: of two on their way at once nobody knows the order.
    let free_at = row.lease.map_or(now, |lease| lease.until.max(now));
    row.task = Some((Task::File, free_at));
    goes(&mut tx, &mut row, status, now).await?;
    onboarding::update(&mut tx, &row, now).await?;
    let line = New { changed: &row.changed, ..New::of(Kind::Submitted, &caller.person, row.file_version) };
    onboarding_line::add(&mut tx, row.client_id, row.id, &line, now).await?;
    let detail = json!({ "file_version": row.file_version, "changed": row.changed });
    audited(&mut tx, caller, "onboarding.submitted", &reference(row.id), detail, now).await?;
    tx.commit().await?;
    Ok(standing(app, &row, current.version))
}

/// Its provider left the configuration, or takes no files of this mode any more.
fn gone() -> Refused {
    let message =
        "takes no onboardings of this mode here any more: withdraw this one, or ask who runs the installation";
    Refused::Unfit(vec![Fault { field: "provider".into(), message: message.into() }])
}

/// Takes an onboarding back: nothing more is sent, and the provider's links end. Doing it again does nothing.
pub async fn withdraw(app: &App, caller: &Caller, id: Uuid) -> Result<Standing, Refused> {
    let newest = newest_version(app, caller.client_id).await?;
    let mut tx = flows::begin(&app.db).await?;
    let mut row = hold(&mut tx, caller, id).await?;
    match decide(row.status, Act::Withdraw) {
        Decision::Goes(status) => {
            let now = app.now();
            goes(&mut tx, &mut row, status, now).await?;
            onboarding::update(&mut tx, &row, now).await?;
            let said = Some(Status::Withdrawn);
            let line = New { status: said, ..New::of(Kind::Withdrawn, &caller.person, row.file_version) };
            onboarding_line::add(&mut tx, row.client_id, row.id, &line, now).await?;
            audited(&mut tx, caller, "onboarding.withdrawn", &reference(row.id), json!({}), now).await?;
            tx.commit().await?;
        }
        Decision::Stays => {}
        Decision::Refused => return Err(Refused::Stands(row.status)),
    }
    Ok(standing(app, &row, newest))
}
