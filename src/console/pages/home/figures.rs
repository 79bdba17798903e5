//! The figures at the top of Home and the time line below them, from the sums by hour.

use chrono::TimeDelta;

use crate::console::chart::{self, Step};
use crate::console::frame::Frame;
use crate::console::show;
use crate::domain::latency::Histogram;
use crate::flows::overview::{Overview, Reach};
use crate::store::doubt::Doubt;
use crate::store::rollup::{self, Span};

/// A number that is read at a glance.
pub struct Figure {
    pub label: &'static str,
    pub value: String,
    /// The value in full, where it is shortened.
    pub full: Option<String>,
    pub below: String,
    /// A drawing.
    pub drawing: String,
    /// `good`, `warn`, `bad` or nothing.
    pub look: &'static str,
}

/// The bars of the time line, with their scale and their text.
pub struct TimeLine {
    pub drawing: String,
    pub top: String,
    pub middle: String,
    pub first: String,
    pub last: String,
    pub rows: Vec<[String; 5]>,
}

/// What was paid in each currency, the greatest first.
fn volumes(spans: &[Span], of: fn(&Span) -> i64) -> Vec<(String, i64)> {
    let mut sums: Vec<(String, i64)> = Vec::new();
    for span in spans {
        match sums.iter_mut().find(|(currency, _)| *currency == span.currency) {
            Some((_, sum)) => *sum += of(span),
            None => sums.push((span.currency.clone(), of(span))),
        }
    }
    sums.sort_by_key(|(_, sum)| -sum);
    sums
}

pub fn figures(frame: &Frame, overview: &Overview, reach: Reach, money: bool) -> Vec<Figure> {
    let (lang, spans) = (frame.lang, &overview.spans);
    let sum = |of: fn(&Span) -> i64| spans.iter().map(of).sum::<i64>();
    let (begun, paid, failed) = (sum(|s| s.begun), sum(|s| s.paid), sum(|s| s.failed));
    let mut figures = Vec::new();
    let paid_text = frame.t1("home.payments_paid", "n", &show::count(lang, paid));
    if money {
        let volumes = volumes(spans, |s| s.paid_amount);
        let (currency, amount) = volumes.first().cloned().unwrap_or_else(|| ("IDR".into(), 0));
        let others: Vec<String> = volumes.iter().skip(1).map(|(c, n)| show::money_short(lang, *n, c)).collect();
        let below = if others.is_empty() { paid_text } else { format!("+ {} · {paid_text}", others.join(" + ")) };
        let along = along(overview, reach, |step| if step.currency == currency { step.paid_amount } else { 0 });
        figures.push(Figure {
            label: frame.t("home.volume"),
            value: show::money_short(lang, amount, &currency),
            full: Some(show::money(amount, &currency)),
            below,
            drawing: chart::sparkline(&along),
            look: "",
        });
    } else {
        figures.push(Figure {
            label: frame.t("home.paid"),
            value: show::count(lang, paid),
            full: None,
            below: frame.t1("home.payments_begun", "n", &show::count(lang, begun)),
            drawing: chart::sparkline(&along(overview, reach, |step| step.paid)),
            look: "",
        });
    }
    let rates: Vec<i64> = along(overview, reach, |s| s.paid)
        .iter()
        .zip(along(overview, reach, |s| s.paid + s.failed))
        .map(|(paid, ended)| if ended == 0 { 1_000 } else { paid * 1_000 / ended })
        .collect();
    figures.push(Figure {
        label: frame.t("home.success"),
        value: if paid + failed == 0 { frame.t("home.nothing").into() } else { show::share(lang, paid, paid + failed) },
        full: None,
        below: frame.t1("home.of_ended", "n", &show::count(lang, paid + failed)),
        drawing: chart::sparkline(&rates),
        look: rate_look(paid, paid + failed),
    });
    let mut latency = Histogram::default();
    spans.iter().for_each(|span| latency.add(&Histogram::of(&span.latency)));
    let lasting = |percent| latency.quantile_ms(percent).map(|ms| show::lasting(lang, ms));
    figures.push(Figure {
        label: frame.t("home.latency"),
        value: lasting(50).unwrap_or_else(|| frame.t("home.nothing").into()),
        full: None,
        below: lasting(95).map_or_else(String::new, |p95| frame.t1("home.p95", "time", &p95)),
        drawing: String::new(),
        look: "",
    });
    if money {
        figures.push(in_doubt(frame, overview));
    }
    figures
}

fn in_doubt(frame: &Frame, overview: &Overview) -> Figure {
    let all: Vec<&Doubt> = overview.unknown.iter().chain(&overview.exceptions).collect();
    let count: i64 = all.iter().map(|doubt| doubt.count).sum();
    let mut sums: Vec<(&str, i64)> = Vec::new();
    for doubt in all {
        match sums.iter_mut().find(|(currency, _)| *currency == doubt.currency) {
            Some((_, sum)) => *sum += doubt.amount,
            None => sums.push((&doubt.currency, doubt.amount)),
        }
    }
    let amounts: Vec<String> =
        sums.iter().map(|(currency, sum)| show::money_short(frame.lang, *sum, currency)).collect();
    Figure {
        label: frame.t("home.doubt"),
        value: if amounts.is_empty() { frame.t("home.none").into() } else { amounts.join(" + ") },
        full: None,
        below: match count {
            0 => frame.t("home.doubt_none").into(),
            many => frame.t1("home.doubt_count", "n", &show::count(frame.lang, many)),
        },
        drawing: String::new(),
        look: match () {
            () if !overview.exceptions.is_empty() => "bad",
            () if count > 0 => "warn",
            () => "good",
        },
    }
}

/// How a rate looks; of a few payments it says nothing yet.
fn rate_look(part: i64, whole: i64) -> &'static str {
    match part * 100 / whole.max(1) {
        _ if whole < 20 => "",
        95.. => "good",
        80..95 => "warn",
        _ => "bad",
    }
}

/// One number for each step of the time line.
fn along(overview: &Overview, reach: Reach, of: impl Fn(&rollup::Step) -> i64) -> Vec<i64> {
    let mut values = vec![0; usize::try_from(reach.steps().1).unwrap_or_default()];
    for step in &overview.steps {
        if let Some(value) = usize::try_from(step.index).ok().and_then(|at| values.get_mut(at)) {
            *value += of(step);
        }
    }
    values
}

pub fn time_line(frame: &Frame, overview: &Overview, reach: Reach) -> TimeLine {
    let (lang, (hours, count)) = (frame.lang, reach.steps());
    let paid = along(overview, reach, |s| s.paid);
    let failed = along(overview, reach, |s| s.failed);
    let begun = along(overview, reach, |s| s.begun);
    let at = |step: usize| overview.from + TimeDelta::hours(i64::from(hours)) * i32::try_from(step).unwrap_or_default();
    let names: Vec<String> = (0..paid.len()).map(|step| show::step(lang, at(step), hours)).collect();
    let most = paid.iter().zip(&failed).map(|(a, b)| a + b).max().unwrap_or(0);
    let top = chart::ceiling(most);
    let bars: Vec<Step> = (0..paid.len())
        .map(|at| Step {
            label: format!(
                "{}: {} {}, {} {}",
                names[at],
                show::count(lang, paid[at]),
                frame.t("home.bar_paid"),
                show::count(lang, failed[at]),
                frame.t("home.bar_failed")
            ),
            values: vec![paid[at], failed[at]],
        })
        .collect();
    let said = lang.with(
        "home.line_said",
        &[
            ("reach", frame.t(super::view::name(reach))),
            ("paid", &show::count(lang, paid.iter().sum())),
            ("failed", &show::count(lang, failed.iter().sum())),
            ("most", &show::count(lang, most)),
        ],
    );
    let rows = (0..paid.len())
        .rev()
        .map(|at| {
            let ended = paid[at] + failed[at];
            let rate = if ended == 0 { frame.t("home.nothing").into() } else { show::share(lang, paid[at], ended) };
            [
                names[at].clone(),
                show::count(lang, begun[at]),
                show::count(lang, paid[at]),
                show::count(lang, failed[at]),
                rate,
            ]
        })
        .collect();
    let last = usize::try_from(count).unwrap_or(1).saturating_sub(1);
    TimeLine {
        drawing: chart::bars(&bars, &["paid", "failed"], top, &said),
        top: show::count(lang, top),
        middle: show::count(lang, top / 2),
        first: names[0].clone(),
        last: names[last.min(names.len() - 1)].clone(),
        rows,
    }
}
