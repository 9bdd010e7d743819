//! What the public may know of the status. Numbers, and words that are castoff's own: no text of
//! the status gets in.

use std::time::{Duration, Instant};

use super::words;
use crate::database::working::Unit;
use crate::status::phase::Phase;
use crate::status::{Progress, Status};

/// What the public may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// What castoff is busy with.
    pub(super) phase: Phase,
    /// The same in a few words: `Updating: step 3 of 7`.
    pub(super) title: String,
    /// The same in a sentence.
    pub(super) message: &'static str,
    /// The step of the update that is under way, from 1, and how many there are.
    pub(super) step: Option<(u64, u64)>,
    /// How far that step is.
    pub(super) counted: Option<Counted>,
    /// Seconds until that step is done, about.
    pub(super) left_seconds: Option<u64>,
    /// The time since castoff began.
    pub(super) elapsed: Duration,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// Units that are done.
    pub(super) done: u64,
    /// Units there are, as far as the estimate holds.
    pub(super) total: Option<u64>,
    /// What the units are: `rows`.
    pub(super) unit: &'static str,
}

impl View {
    /// Leaves out what is not for the public, and what is of a phase that is over.
    pub(super) fn of(status: &Status, now: Instant) -> Self {
        let is_migrating = status.phase == Phase::Migrating;
        let step = status
            .step
            .filter(|(step, steps)| is_migrating && (1..=*steps).contains(step));
        let progress = status.progress.as_ref().filter(|_| is_migrating);
        let counted = progress.and_then(Counted::of);
        let is_elsewhere = !status.awaited.is_empty() && !status.awaited.contains(&None);
        let passed = status.spent.values().sum::<Duration>();
        Self {
            phase: status.phase,
            title: words::title(status.phase, step, is_elsewhere),
            message: words::message(status.phase, is_elsewhere),
            step,
            counted,
            left_seconds: counted
                .and(progress)
                .and_then(|progress| progress.left_seconds),
            elapsed: passed + now.saturating_duration_since(status.since),
        }
    }

    /// Percent of all steps, each as long as any other: nobody knows better. Never 100.
    pub(super) fn percent(&self) -> Option<u64> {
        let (step, steps) = self.step?;
        let present = self.counted.and_then(Counted::percent);
        let whole = (step - 1).saturating_mul(100) + present.unwrap_or(0);
        Some((whole / steps).min(99))
    }
}

impl Counted {
    fn of(progress: &Progress) -> Option<Self> {
        let unit = progress.unit.as_deref()?;
        // How long others' transactions last nobody knows: counting them promises too much.
        let units = [Unit::Rows, Unit::Blocks, Unit::Bytes, Unit::Statements];
        let unit = units
            .into_iter()
            .map(Unit::as_str)
            .find(|known| *known == unit)?;
        let done = progress.done?;
        Some(Self {
            done,
            // Where more is done than there was said to be, the estimate is refuted.
            total: progress.total.filter(|&total| total > 0 && total >= done),
            unit,
        })
    }

    /// Percent that are done. Never 100: the next step says so itself.
    pub(super) fn percent(self) -> Option<u64> {
        let done = u128::from(self.done) * 100 / u128::from(self.total?);
        Some(u64::try_from(done).unwrap_or(u64::MAX).min(99))
    }

    /// `30,000 of about 100,000 rows (30%)`. Of what means nothing to visitors, the share alone.
    pub(super) fn words(self) -> Option<String> {
        let percent = self.percent();
        let done = words::grouped(self.done);
        match (percent, self.total) {
            _ if self.unit != Unit::Rows.as_str() => Some(format!("{}% of this step", percent?)),
            (Some(percent), Some(total)) => {
                let total = words::grouped(total);
                Some(format!("{done} of about {total} rows ({percent}%)"))
            }
            _ => Some(format!("{done} rows so far")),
        }
    }
}
