//! How long payments took, as a small histogram with fixed steps: hours of it add up, and quantiles are read from it.
//!
//! Pure. The sums are made by the database along the same steps; what a quantile says is exact to the step it falls in.

/// The upper ends of all steps but the last, which has none, in milliseconds.
pub const ENDS_MS: [i64; 15] =
    [100, 200, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000];

/// Counts by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram([i64; ENDS_MS.len() + 1]);

impl Histogram {
    /// From stored counts; what an older or newer version stored in more or fewer steps counts in the last.
    pub fn of(counts: &[i64]) -> Self {
        let mut steps = [0; ENDS_MS.len() + 1];
        for (at, count) in counts.iter().enumerate() {
            steps[at.min(ENDS_MS.len())] += count;
        }
        Histogram(steps)
    }

    pub fn add(&mut self, other: &Histogram) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }

    /// The time that `percent` of a hundred did not exceed, in milliseconds: even within its step, and the end of the
    /// last one where it lies beyond. `None` where nothing was counted.
    pub fn quantile_ms(&self, percent: i64) -> Option<i64> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        let wanted = ((total * percent + 99) / 100).max(1);
        let (mut before, mut from) = (0, 0);
        for (count, end) in self.0.iter().zip(ENDS_MS) {
            if before + count >= wanted {
                return Some(from + (end - from) * (wanted - before) / count);
            }
            (before, from) = (before + count, end);
        }
        Some(from)
    }
}
