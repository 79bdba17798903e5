//! Saving some blocks of a file and leaving the others as they are: what a form does that shows one step of it.

use serde_json::{Map, Value};

use super::{Refused, Version, read, save, today};
use crate::app::App;
use crate::domain::kyb::{Draft, check};
use crate::flows::access::Caller;

/// Blocks of the file as somebody wants them.
pub struct Blocks<'a> {
    /// The version they were looked at in; `None` where there was none.
    pub seen: Option<i32>,
    /// Which blocks of the file they are. One that `given` lacks is taken out of the file.
    pub names: &'a [&'a str],
    pub given: &'a Map<String, Value>,
}

/// Saves blocks over the version that stands, if they are in it what they were in the version that was seen; others may
/// have changed meanwhile. Answers the version that stands then, and `None` where nothing was given for a file that there
/// is not.
pub async fn save_blocks(app: &App, caller: &Caller, blocks: Blocks<'_>) -> Result<Option<Version>, Refused> {
    let (right, faults) = check(blocks.given, today(app));
    if !faults.is_empty() {
        return Err(Refused::Faults(faults));
    }
    let current = read(app, caller.client_id, None).await?;
    let mut whole = current.as_ref().map_or_else(Map::new, |current| current.file.reveal());
    if current.as_ref().map(|current| current.version) != blocks.seen {
        let seen = match blocks.seen {
            Some(seen) => read(app, caller.client_id, Some(seen)).await?,
            None => None,
        };
        let seen = seen.map_or_else(Map::new, |seen| seen.file.reveal());
        if blocks.names.iter().any(|name| seen.get(*name) != whole.get(*name)) {
            return Err(Refused::ChangedMeanwhile);
        }
    }
    whole.retain(|name, _| !blocks.names.contains(&name.as_str()));
    whole.extend(right);
    if current.is_none() && whole.is_empty() {
        return Ok(None);
    }
    save(app, caller, current, Draft::of(whole)).await.map(Some)
}
