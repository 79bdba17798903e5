//! On Board: the client's newest file is checked for each chosen provider and handed over, to all of them or to none.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{DETAILS, PROGRESS, Refused, Standing, announce, file_key, newest_version, seal, standing};
use crate::app::App;
use crate::crash;
use crate::crypto::envelope::DataKey;
use crate::domain::ids;
use crate::domain::kyb::{Fault, File, Sheet};
use crate::domain::onboarding::{Status, reference};
use crate::flows;
use crate::flows::access::Caller;
use crate::flows::audit::audited;
use crate::flows::documents::{Reader, grant};
use crate::flows::kyb::{self, Version};
use crate::flows::once::{self, First, Once};
use crate::providers::FieldFault;
use crate::providers::form;
use crate::providers::onboarding::Onboarding;
use crate::store::onboarding::{self, Row, Task};
use crate::store::onboarding_line::{self, Kind, New};
use crate::store::{self, Tx};

/// A provider to on-board at.
#[derive(Clone)]
pub struct Wish {
    /// Its code.
    pub provider: String,
    /// Answers to its own questions, by the names of its form.
    pub details: Map<String, Value>,
}

/// Most providers of one call.
pub const MOST: usize = 20;

/// The route in idempotency rows.
const ROUTE: &str = "onboarding";

impl From<once::Refused> for Refused {
    fn from(refused: once::Refused) -> Self {
        match refused {
            once::Refused::KeyReused => Refused::KeyReused,
            once::Refused::Store(error) => Refused::Store(error),
        }
    }
}

/// Begins an onboarding at each provider, or at none. Answers them in the order they were asked for.
pub async fn begin(
    app: &App,
    caller: &Caller,
    wishes: &[Wish],
    once: Option<Once>,
) -> Result<First<Vec<Standing>>, Refused> {
    loop {
        if let Some(batch) = once::earlier(app, caller, ROUTE, once.as_ref()).await? {
            return Ok(First::Replayed(batch));
        }
        match try_begin(app, caller, wishes, once.as_ref()).await {
            Ok(Some(begun)) => return Ok(First::Made(begun)),
            Ok(None) => {}
            // The same call came twice at once, and the other was first.
            Err(Refused::Running(running)) => {
                let earlier = once::earlier(app, caller, ROUTE, once.as_ref()).await?;
                return earlier.map(First::Replayed).ok_or(Refused::Running(running));
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// What an earlier call began, as it stands now.
pub async fn begun(app: &App, caller: &Caller, batch: Uuid) -> store::Result<Vec<Standing>> {
    let rows = onboarding::of_batch(&app.db, caller.client_id, batch).await?;
    let newest = newest_version(app, caller.client_id).await?;
    Ok(rows.iter().map(|row| standing(app, row, newest)).collect())
}

/// `None` where the same call came twice at once and the other was first.
async fn try_begin(
    app: &App,
    caller: &Caller,
    wishes: &[Wish],
    once: Option<&Once>,
) -> Result<Option<Vec<Standing>>, Refused> {
    let chosen = choose(app, caller, wishes)?;
    let current = kyb::read(app, caller.client_id, None).await?;
    let missing = missing(app, current.as_ref().map(|current| &current.file), &chosen);
    if !missing.is_empty() {
        return Err(Refused::Incomplete(missing));
    }
    let current = current.ok_or_else(|| anyhow::anyhow!("a complete file is not there"))?;
    let unfit = |(at, (target, wish)): (usize, (&&dyn Onboarding, &Wish))| {
        let at = format!("providers[{at}].");
        let faults = unfit(*target, &current.file, &wish.details).into_iter();
        faults.map(move |wrong| Fault { field: format!("{at}{}", wrong.field), ..wrong })
    };
    let faults: Vec<Fault> = chosen.iter().zip(wishes).enumerate().flat_map(unfit).collect();
    if !faults.is_empty() {
        return Err(Refused::Unfit(faults));
    }
    let codes: Vec<String> = wishes.iter().map(|wish| wish.provider.clone()).collect();
    let running = onboarding::running(&app.db, caller.client_id, caller.mode.as_str(), &codes).await?;
    if !running.is_empty() {
        return Err(Refused::Running(running));
    }
    let key = file_key(app, caller.client_id).await?;
    let batch_id = ids::new_id(app.now());
    let mut tx = flows::begin(&app.db).await?;
    let mut rows = Vec::new();
    for (target, wish) in chosen.iter().zip(wishes) {
        match insert(&mut tx, app, caller, &key, *target, wish, &current, batch_id).await {
            Ok(row) => rows.push(row),
            Err(Refused::Store(error)) if error.violated() == Some(onboarding::RUNNING) => {
                drop(tx);
                let running = onboarding::running(&app.db, caller.client_id, caller.mode.as_str(), &codes).await?;
                return Err(Refused::Running(running));
            }
            Err(refused) => return Err(refused),
        }
    }
    let now = app.now();
    for row in &rows {
        let detail = json!({ "provider": row.target, "file_version": row.file_version });
        audited(&mut tx, caller, "onboarding.begun", &reference(row.id), detail, now).await?;
    }
    crash::point("onboarding_begin.before");
    if !once::commit(app, tx, caller, ROUTE, once, batch_id).await? {
        return Ok(None);
    }
    crash::point("onboarding_begin.committed");
    Ok(Some(rows.iter().map(|row| standing(app, row, current.version)).collect()))
}

/// The providers of the wishes; all that is wrong with them at once.
fn choose<'a>(app: &'a App, caller: &Caller, wishes: &[Wish]) -> Result<Vec<&'a dyn Onboarding>, Refused> {
    let mut faults = Vec::new();
    let mut chosen = Vec::new();
    let mut fault = |field: String, message: String| faults.push(Fault { field, message });
    if wishes.is_empty() || wishes.len() > MOST {
        fault("providers".into(), format!("must name 1 to {MOST} providers"));
    }
    for (at, wish) in wishes.iter().enumerate() {
        let target = app.targets.get(&wish.provider).filter(|target| target.takes(caller.mode));
        let Some(target) = target else {
            let known: Vec<&str> = super::targets(app, caller).iter().map(|target| target.code()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("takes no onboardings of mode {} here; those who do: {known}", caller.mode.as_str());
            fault(format!("providers[{at}].provider"), message);
            continue;
        };
        if wishes[..at].iter().any(|earlier| earlier.provider == wish.provider) {
            fault(format!("providers[{at}].provider"), "is named twice".into());
        }
        for wrong in detail_faults(target, &wish.details) {
            fault(format!("providers[{at}].{}", wrong.field), wrong.message);
        }
        chosen.push(target);
    }
    if faults.is_empty() { Ok(chosen) } else { Err(Refused::Unfit(faults)) }
}

/// What is wrong with the answers to a provider's questions, in fields below `details`.
pub(super) fn detail_faults(target: &dyn Onboarding, details: &Map<String, Value>) -> Vec<Fault> {
    let given = Value::Object(details.clone());
    below_details(form::check(target.form(), &json!({}), &given).err().unwrap_or_default())
}

/// What is wrong with them beside this file, in the same fields.
pub(super) fn unfit(target: &dyn Onboarding, file: &File, details: &Map<String, Value>) -> Vec<Fault> {
    below_details(target.unfit(&Sheet::new(file.reveal()), &Sheet::new(details.clone())))
}

fn below_details(faults: Vec<FieldFault>) -> Vec<Fault> {
    let below = |path: &str| path.strip_prefix("settings").map_or_else(|| path.to_owned(), |p| format!("details{p}"));
    faults.into_iter().map(|wrong| Fault { field: below(&wrong.field), message: wrong.reason }).collect()
}

/// What the file lacks for each provider, in fields led by its code.
pub(super) fn missing(app: &App, file: Option<&File>, targets: &[&dyn Onboarding]) -> Vec<Fault> {
    let of = |target: &&dyn Onboarding| -> Vec<Fault> {
        let code = target.code();
        let missing = kyb::missing(app, file, Some(code)).unwrap_or_default();
        missing.into_iter().map(|fault| Fault { field: format!("{code}.{}", fault.field), ..fault }).collect()
    };
    targets.iter().flat_map(of).collect()
}

/// Leave for a provider to read the documents of a version, until the onboarding ends.
pub(super) async fn lend(
    tx: &mut Tx,
    app: &App,
    client_id: Uuid,
    onboarding_id: Uuid,
    code: &str,
    file: &File,
    now: DateTime<Utc>,
) -> Result<Uuid, Refused> {
    let documents: Vec<Uuid> = file.documents().into_iter().map(|named| named.id).collect();
    let wait = app.config.schedule.seconds(app.config.schedule.onboarding_links_s);
    let until = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(90));
    let reader = Reader::Provider { code, onboarding_id };
    Ok(grant(tx, app, client_id, reader, &documents, until).await?.id)
}

#[allow(clippy::too_many_arguments)] // each of another kind; a struct for one caller would hide nothing
async fn insert(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    key: &DataKey,
    target: &dyn Onboarding,
    wish: &Wish,
    current: &Version,
    batch_id: Uuid,
) -> Result<Row, Refused> {
    let (now, client_id) = (app.now(), caller.client_id);
    let id = ids::new_id(now);
    let mut row = Row {
        client_id,
        id,
        batch_id,
        mode: caller.mode,
        target: target.code().to_owned(),
        status: Status::Submitted,
        status_at: now,
        version: 1,
        round: 1,
        file_version: current.version,
        base_version: current.version,
        seen_version: None,
        changed: Vec::new(),
        details: Vec::new(),
        grant_id: lend(tx, app, client_id, id, target.code(), &current.file, now).await?,
        progress: Vec::new(),
        provider_data: None,
        provider_data_at: None,
        connection_id: None,
        task: Some((Task::File, now)),
        lease: None,
        tries: 0,
        created_at: now,
        created_by: caller.person.clone(),
        updated_at: now,
    };
    row.details = seal(key, &row, DETAILS, &Sheet::new(wish.details.clone()))?;
    row.progress = seal(key, &row, PROGRESS, &Sheet::default())?;
    onboarding::insert(tx, &row).await?;
    let line = New::of(Kind::Submitted, &caller.person, row.file_version);
    onboarding_line::add(tx, client_id, id, &line, now).await?;
    announce(tx, &row, now).await?;
    Ok(row)
}
