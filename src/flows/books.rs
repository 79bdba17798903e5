//! The books: proving them, summing them up by day, and doubting what a restored backup claims.

use chrono::{Duration, NaiveTime};

use super::sending;
use crate::app::App;
use crate::store::ledger::{self, Fault};
use crate::store::{self, attempt};

/// The result of a verification.
pub struct Report {
    pub lines: i64,
    /// At most a hundred.
    pub faults: Vec<Fault>,
}

/// Replays every attempt's evidence into the lines it must have, and compares.
pub async fn verify(app: &App) -> store::Result<Report> {
    let faults = ledger::verify(&app.db).await?;
    Ok(Report { lines: ledger::count(&app.db).await?, faults })
}

/// WIB is UTC+7 all year: days are cut at 17:00 UTC.
const WIB_HOURS: i64 = 7;

/// Sums the books up at the last midnight (WIB), once a day. Lines written before it are all committed by now:
/// a quarter of an hour is far longer than any write may take.
pub async fn snapshot(app: &App) -> store::Result<()> {
    let now = app.now();
    let local = now + Duration::hours(WIB_HOURS);
    let until = local.date_naive().and_time(NaiveTime::MIN).and_utc() - Duration::hours(WIB_HOURS);
    let settled = now - until > Duration::minutes(15);
    if !settled || ledger::last_snapshot(&app.db).await?.is_some_and(|last| last >= until) {
        return Ok(());
    }
    let mut tx = super::begin(&app.db).await?;
    let rows = ledger::snapshot(&mut tx, until).await?;
    tx.commit().await?;
    if rows > 0 {
        tracing::info!(rows, %until, "the books were summed up");
    }
    Ok(())
}

/// After a restore: sending starts paused, and what the backup calls prepared may have been sent since.
pub async fn after_restore(app: &App) -> store::Result<u64> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    sending::hold_all(app, &mut tx, Some("restored from a backup")).await?;
    let doubted = attempt::doubt_prepared(&mut tx, now).await?;
    tx.commit().await?;
    Ok(doubted)
}
