//! What stands now, as gauges: attempts under way, deliveries waiting, exceptions open. Counted by cheap queries.
//!
//! It reads and decides nothing. What was shown once is shown as zero when it is gone, or alarms would never end.

use std::collections::HashSet;
use std::sync::Mutex;

use super::{deliver, onboarding};
use crate::app::{App, lock};
use crate::domain::ids;
use crate::store::{self, exception, payment};

/// The series this process has shown.
#[derive(Default)]
pub struct Shown {
    attempts: Mutex<HashSet<[String; 3]>>,
    exceptions: Mutex<HashSet<String>>,
    onboardings: Mutex<HashSet<[String; 2]>>,
}

/// Sets every gauge.
pub async fn set(app: &App, shown: &Shown) -> store::Result<()> {
    attempts(app, shown).await?;
    onboardings(app, shown).await?;
    let (waiting, oldest) = deliver::lag(app).await?;
    metrics::gauge!("webhook_waiting").set(waiting as f64);
    metrics::gauge!("webhook_oldest_waiting_seconds").set(oldest.map_or(0.0, |at| age(app, at)));
    let open = exception::open_counts(&app.db).await?;
    let mut known = lock(&shown.exceptions);
    known.extend(open.iter().map(|(kind, _)| kind.clone()));
    for kind in known.iter() {
        let count = open.iter().find(|(k, _)| k == kind).map_or(0, |(_, n)| *n);
        metrics::gauge!("exceptions_open", "kind" => kind.clone()).set(count as f64);
    }
    Ok(())
}

async fn onboardings(app: &App, shown: &Shown) -> store::Result<()> {
    let counts = onboarding::work::counts(app).await?;
    let mut known = lock(&shown.onboardings);
    known.extend(counts.iter().map(|count| [count.target.clone(), count.status.clone()]));
    for [target, status] in known.iter() {
        let now = counts.iter().find(|count| count.target == *target && count.status == *status);
        let labels = [("target", target.clone()), ("status", status.clone())];
        metrics::gauge!("onboardings_open", &labels).set(now.map_or(0.0, |count| count.count as f64));
        // What somebody should look at: an alarm stands on it.
        metrics::gauge!("onboardings_stuck", &labels).set(now.map_or(0.0, |count| count.stuck as f64));
    }
    Ok(())
}

async fn attempts(app: &App, shown: &Shown) -> store::Result<()> {
    let counts = payment::counts(&app.db).await?;
    let labels =
        |c: &payment::Count| [c.provider.clone(), ids::show(ids::CONNECTION, c.connection_id), c.state.clone()];
    let mut known = lock(&shown.attempts);
    known.extend(counts.iter().map(labels));
    for series in known.iter() {
        let now = counts.iter().find(|count| labels(count) == *series);
        let [provider, connection, state] = series.clone();
        let labels = [("provider", provider), ("connection", connection), ("state", state)];
        metrics::gauge!("attempts_under_way", &labels).set(now.map_or(0.0, |count| count.count as f64));
        metrics::gauge!("attempts_under_way_amount", &labels).set(now.map_or(0.0, |count| count.amount as f64));
        metrics::gauge!("attempts_under_way_oldest_seconds", &labels)
            .set(now.map_or(0.0, |count| age(app, count.oldest)));
    }
    Ok(())
}

fn age(app: &App, at: chrono::DateTime<chrono::Utc>) -> f64 {
    (app.now() - at).num_milliseconds().max(0) as f64 / 1000.0
}
