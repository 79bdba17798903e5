//! What an erasure asks of onboardings: whatever was kept on the way of a version in which the person stands goes, and
//! nothing that is under way writes it back.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{DETAILS, PROGRESS, file_key, open, seal};
use crate::app::App;
use crate::domain::kyb::Sheet;
use crate::store::{Tx, onboarding, onboarding_line};

/// Takes away what onboardings keep of a person, ended ones too: the providers' words and data, the answers to their
/// questions, and what the way remembers beside the provider's own numbers. Who is at one of them has lost it.
pub(in crate::flows) async fn forget_person(
    tx: &mut Tx,
    app: &App,
    client_id: Uuid,
    person: Uuid,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let rows = onboarding::hold_of_person(tx, client_id, person).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let key = file_key(app, client_id).await?;
    for mut row in rows {
        let progress = open(&key, &row, PROGRESS, &row.progress)?;
        let kept = app.targets.get(&row.target).map(|target| target.forget(&progress)).unwrap_or_default();
        row.progress = seal(&key, &row, PROGRESS, &kept)?;
        row.details = seal(&key, &row, DETAILS, &Sheet::default())?;
        (row.provider_data, row.provider_data_at, row.lease) = (None, None, None);
        onboarding::update(tx, &row, now).await?;
    }
    onboarding_line::forget(tx, client_id, person).await?;
    Ok(())
}
