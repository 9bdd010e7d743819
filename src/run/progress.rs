//! How far something long is, as events of the story. Told as often as it is known: a terminal draws
//! each, a log gets a line every few seconds.
//!
//! The time that is left is worked out here, from what was seen of the present phase, and left out
//! where that is too little, or where it depends on others. A terminal and a log say the same.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tracing::info;

use super::milliseconds;

use crate::database::working::Unit;

/// The shortest time between two events.
const EVERY: Duration = Duration::from_millis(200);

/// An estimate needs this part of the work, one in so many, and this much time to have been seen.
const SHARE: u64 = 50;
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `backfill 3f2a9c1b7d04`.
    pub what: String,
    /// Units that are done; nothing where nobody counts.
    pub done: Option<u64>,
    /// Units there are, if somebody has an estimate.
    pub total: Option<u64>,
    /// What the units are.
    pub unit: Unit,
}

impl Progress {
    /// Percent that are done, as far as the estimate holds. Never 100: what is done says so itself.
    pub fn percent(&self) -> Option<u64> {
        let total = self.total.filter(|&total| total > 0)?;
        Some((self.done?.saturating_mul(100) / total).min(99))
    }

    /// Whether this is another phase than `earlier`, or the same one begun anew.
    fn is_another_than(&self, earlier: &Self) -> bool {
        self.what != earlier.what || self.unit != earlier.unit || self.done < earlier.done
    }
}

/// Tells progress, and how fast it goes.
#[derive(Debug)]
pub struct Teller {
    /// When the phase was first seen, and how far it was then.
    began: Instant,
    first: Progress,
    last: Progress,
    told: Instant,
}

impl Teller {
    /// Starts the clock here. What is done by now was done by others, or by an earlier start.
    pub fn new(progress: &Progress) -> Self {
        let began = Instant::now();
        Self {
            began,
            first: progress.clone(),
            last: progress.clone(),
            told: began,
        }
    }

    /// Tells it, unless something was told a moment ago.
    pub fn tell(&mut self, progress: &Progress) {
        if progress.is_another_than(&self.last) {
            // Another phase counts other things, at another speed.
            self.began = Instant::now();
            self.first.clone_from(progress);
        }
        self.last.clone_from(progress);
        if self.told.elapsed() < EVERY {
            return;
        }
        self.told = Instant::now();
        let speed = Speed::of(progress, &self.first, self.began.elapsed());
        info!(
            event = "progress",
            what = progress.what,
            done = progress.done,
            total = progress.total,
            unit = progress.done.map(|_| progress.unit.as_str()),
            left_seconds = speed.left,
            "{}",
            line(progress, speed)
        );
    }
}

/// How fast a phase goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Speed {
    /// Units in a second.
    rate: u64,
    /// Seconds that are left, where what was seen is enough to tell.
    left: Option<u64>,
}

impl Speed {
    /// From what was done since `first` was seen, which is `elapsed` ago.
    fn of(progress: &Progress, first: &Progress, elapsed: Duration) -> Self {
        // How long others' transactions last nobody knows.
        let (Some(done), Some(before)) = (progress.done, first.done) else {
            return Self::default();
        };
        if progress.unit == Unit::Transactions {
            return Self::default();
        }
        let here = done.saturating_sub(before);
        let milliseconds = milliseconds(elapsed);
        let is_telling = |total: u64| here > 0 && here >= total / SHARE && elapsed >= LONG_ENOUGH;
        Self {
            rate: here.saturating_mul(1000) / milliseconds.max(1),
            left: progress
                .total
                // Where more is done than there was said to be, the estimate is refuted.
                .filter(|&total| total > done && is_telling(total))
                .map(|total| (total - done).saturating_mul(milliseconds) / here.max(1) / 1000),
        }
    }
}

/// `backfill 3f2a: 30000 of about 100000 rows (30 %), 1000 rows/s, about 1 min left`.
fn line(progress: &Progress, speed: Speed) -> String {
    let mut line = progress.what.clone();
    let Some(done) = progress.done else {
        return line;
    };
    let unit = progress.unit.as_str();
    // Writing to a String cannot fail.
    if let (Some(total), Some(percent)) = (progress.total, progress.percent()) {
        let about = if progress.unit == Unit::Rows {
            "about "
        } else {
            ""
        };
        write!(line, ": {done} of {about}{total} {unit} ({percent} %)").ok();
    } else {
        write!(line, ": {done} {unit}").ok();
    }
    if speed.rate > 0 {
        write!(line, ", {} {unit}/s", speed.rate).ok();
    }
    if let Some(left) = speed.left {
        write!(line, ", about {} left", rough(left)).ok();
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

    fn progress(done: Option<u64>, total: Option<u64>, unit: Unit) -> Progress {
        Progress {
            what: "upgrade b".into(),
            done,
            total,
            unit,
        }
    }

    /// `here` units were done in `seconds`.
    fn check(now: &Progress, here: u64, seconds: u64, expected: &str) {
        let first = Progress {
            done: now.done.map(|done| done - here),
            ..now.clone()
        };
        let speed = Speed::of(now, &first, Duration::from_secs(seconds));
        assert_eq!(line(now, speed), expected);
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let rows = |done, total| progress(Some(done), total, Unit::Rows);
        check(
            &rows(30_000, Some(100_000)),
            20_000,
            20,
            "upgrade b: 30000 of about 100000 rows (30 %), 1000 rows/s, about 70 s left",
        );
        // Slower than one a second is still a speed.
        check(
            &progress(Some(10), Some(20), Unit::Blocks),
            10,
            60,
            "upgrade b: 10 of 20 blocks (50 %), about 60 s left",
        );
        check(&rows(5, None), 5, 0, "upgrade b: 5 rows, 5000 rows/s");
        check(
            &rows(0, Some(10)),
            0,
            9,
            "upgrade b: 0 of about 10 rows (0 %)",
        );
        check(&progress(None, None, Unit::Blocks), 0, 9, "upgrade b");
    }

    #[test]
    fn no_time_is_promised_from_too_little() {
        let bytes = |done, total| progress(Some(done), Some(total), Unit::Bytes);
        check(
            &bytes(19, 1000),
            19,
            9,
            "upgrade b: 19 of 1000 bytes (1 %), 2 bytes/s",
        );
        // Most of it was done before anybody looked.
        check(
            &bytes(600, 1000),
            1,
            9,
            "upgrade b: 600 of 1000 bytes (60 %)",
        );
        check(
            &bytes(500, 1000),
            500,
            1,
            "upgrade b: 500 of 1000 bytes (50 %), 500 bytes/s",
        );
        check(
            &progress(Some(2), Some(4), Unit::Transactions),
            2,
            60,
            "upgrade b: 2 of 4 transactions (50 %)",
        );
        // The estimate was too low, which is no reason to call it done.
        check(
            &progress(Some(12), Some(10), Unit::Rows),
            12,
            4,
            "upgrade b: 12 of about 10 rows (99 %), 3 rows/s",
        );
    }

    #[test]
    fn another_phase_has_a_clock_of_its_own() {
        let at = |what: &str, done| Progress {
            what: what.into(),
            ..progress(Some(done), Some(100), Unit::Blocks)
        };
        let check = |earlier, now: Progress, expected| {
            assert_eq!(now.is_another_than(&earlier), expected, "{now:?}");
        };
        check(at("scanning", 5), at("scanning", 6), false);
        check(at("scanning", 5), at("sorting", 6), true);
        // The next index of the table.
        check(at("scanning", 5), at("scanning", 1), true);
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
