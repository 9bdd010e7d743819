//! How far something long is, as events of the story. Told as often as it is known: a terminal draws
//! each, a log gets a line every few seconds.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tracing::info;

/// The shortest time between two events.
const EVERY: Duration = Duration::from_millis(200);

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `backfill 3f2a9c1b7d04`.
    pub what: String,
    /// Units that are done.
    pub done: u64,
    /// Units there are, if somebody has an estimate.
    pub total: Option<u64>,
    /// What the units are: `rows`.
    pub unit: &'static str,
}

impl Progress {
    /// Percent that are done, as far as the estimate holds. Never 100: what is done says so itself.
    pub fn percent(&self) -> Option<u64> {
        let total = self.total.filter(|&total| total > 0)?;
        Some((self.done.saturating_mul(100) / total).min(99))
    }
}

/// Tells progress, and how fast it goes.
#[derive(Debug)]
pub struct Teller {
    began: Instant,
    done_at_start: u64,
    told: Instant,
}

impl Teller {
    /// Starts the clock, where `done` units were done by an earlier start.
    pub fn new(done: u64) -> Self {
        let began = Instant::now();
        Self {
            began,
            done_at_start: done,
            told: began,
        }
    }

    /// Tells it, unless something was told a moment ago.
    pub fn tell(&mut self, progress: &Progress) {
        if self.told.elapsed() < EVERY {
            return;
        }
        self.told = Instant::now();
        let done = progress.done.saturating_sub(self.done_at_start);
        info!(
            event = "progress",
            what = progress.what,
            done = progress.done,
            total = progress.total,
            unit = progress.unit,
            "{}",
            line(progress, done, self.began.elapsed())
        );
    }
}

/// `backfill 3f2a: 30000 of about 100000 rows (30 %), 1000 rows/s, about 1 min left`.
fn line(progress: &Progress, done: u64, elapsed: Duration) -> String {
    let unit = progress.unit;
    let mut line = format!("{}: {}", progress.what, progress.done);
    let percent = progress.percent();
    // Writing to a String cannot fail.
    if let (Some(total), Some(percent)) = (progress.total, percent) {
        write!(line, " of about {total} {unit} ({percent} %)").ok();
    } else {
        write!(line, " {unit}").ok();
    }
    let milliseconds = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let rate = done.saturating_mul(1000) / milliseconds;
    if rate > 0 {
        write!(line, ", {rate} {unit}/s").ok();
        if let Some(total) = progress.total.filter(|&total| total > progress.done) {
            write!(
                line,
                ", about {} left",
                rough((total - progress.done) / rate)
            )
            .ok();
        }
    }
    line
}

/// A time as people say it.
fn rough(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{} s", seconds.max(1)),
        91..=5_400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: u64, total: Option<u64>, here: u64, seconds: u64, expected: &str) {
        let progress = Progress {
            what: "backfill b".into(),
            done,
            total,
            unit: "rows",
        };
        assert_eq!(
            line(&progress, here, Duration::from_secs(seconds)),
            expected
        );
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        check(
            30_000,
            Some(100_000),
            20_000,
            20,
            "backfill b: 30000 of about 100000 rows (30 %), 1000 rows/s, about 70 s left",
        );
        check(5, None, 5, 0, "backfill b: 5 rows, 5000 rows/s");
        check(0, Some(10), 0, 9, "backfill b: 0 of about 10 rows (0 %)");
        // The estimate was too low, which is no reason to call it done.
        check(
            12,
            Some(10),
            12,
            1,
            "backfill b: 12 of about 10 rows (99 %), 12 rows/s",
        );
    }

    #[test]
    fn times_are_rough() {
        let check = |seconds, expected| assert_eq!(rough(seconds), expected);
        check(0, "1 s");
        check(90, "90 s");
        check(120, "2 min");
        check(7_200, "2 h");
    }
}
