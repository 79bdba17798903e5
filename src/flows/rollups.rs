//! Keeping the sums by hour: whatever was committed since is added, once, by whichever process comes first.
//!
//! Each step adds rows and moves the position in one transaction, so a process that dies in it has added nothing, and
//! what was added is never added again. Nothing here stands in the way of a payment.

use crate::app::App;
use crate::crash;
use crate::domain::latency;
use crate::store::rollup::{self, Position};
use crate::store::{self, Tx};

/// Transactions in one step: few enough that it never takes long, however much there is to catch up with.
const STEP: i64 = 20_000;

/// The longest that one step may take, in seconds.
const STEP_S: u32 = 60;

/// The longest that making all sums anew may take, in seconds: ten million payments took five minutes.
const REBUILD_S: u32 = 7_200;

/// How far a step came.
enum Came {
    /// Everything that has ended is in.
    Up,
    /// There is more to add.
    Further,
    /// Another process adds now.
    Busy,
}

/// Adds everything that has been committed.
pub async fn add(app: &App) -> anyhow::Result<()> {
    while let Came::Further = step(app).await? {}
    Ok(())
}

async fn step(app: &App) -> anyhow::Result<Came> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    let Some(position) = rollup::hold(&mut tx).await? else { return Ok(Came::Busy) };
    let order = rollup::order(&mut tx).await?;
    anyhow::ensure!(
        position.xact <= order.ended,
        "the database counts its transactions anew, as after a restore from a dump: run `paystrator rollups rebuild`"
    );
    let to = order.ended.min(position.xact.saturating_add(STEP));
    rollup::allow(&mut tx, STEP_S, false).await?;
    rollup::add(&mut tx, position.xact, to, &latency::ENDS_MS).await?;
    let mut next = Position { xact: to, ..position };
    if to >= position.goal_xact {
        next = Position {
            complete_at: position.goal_at.max(next.complete_at),
            goal_xact: order.own,
            goal_at: Some(now),
            ..next
        };
    }
    if to == order.own {
        // Nobody older is under way.
        next.complete_at = Some(now);
    }
    rollup::set(&mut tx, &next).await?;
    crash::point("rollup.before");
    tx.commit().await?;
    crash::point("rollup.committed");
    Ok(if to < order.ended { Came::Further } else { Came::Up })
}

/// Makes all sums anew from the rows they are made of. Who reads meanwhile sees the old ones.
pub async fn rebuild(app: &App) -> store::Result<()> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    rollup::hold_at_last(&mut tx).await?;
    let order = rollup::order(&mut tx).await?;
    rollup::allow(&mut tx, REBUILD_S, true).await?;
    clear_and_add(&mut tx, order.ended).await?;
    let complete_at = (order.ended == order.own).then_some(now);
    let position = Position { xact: order.ended, complete_at, goal_xact: order.own, goal_at: Some(now) };
    rollup::set(&mut tx, &position).await?;
    tx.commit().await
}

async fn clear_and_add(tx: &mut Tx, to: i64) -> store::Result<()> {
    rollup::clear(tx).await?;
    rollup::add(tx, 0, to, &latency::ENDS_MS).await
}
