//! What castoff is doing, as one value that can be shown to others: on the holding page, in the
//! status file, as metrics. It is folded from the events of the story, so nothing is told twice.
//!
//! Pure: whoever shows it does the I/O. [`board`] alone shares it between threads.

pub mod board;
pub mod document;
pub mod metrics;
pub mod page;
pub mod phase;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use crate::event::Fields;
use phase::Phase;

/// What castoff is doing.
#[derive(Clone, Debug)]
pub struct Status {
    /// When castoff began, by the clock of the machine.
    pub started: SystemTime,
    /// The phase it is in.
    pub phase: Phase,
    /// When it entered the phase.
    pub since: Instant,
    /// The time that was spent in phases that are over.
    pub spent: BTreeMap<Phase, Duration>,
    /// What is waited for, in the words of the story: the last reason that was told, until something
    /// moves on. Not for the public.
    pub cause: Option<String>,
    /// What is waited for: the database has no name here, any other service its address. Not for
    /// the public.
    pub awaited: BTreeSet<Option<String>>,
    /// The step that is under way, from 1, and how many there are.
    pub step: Option<(u64, u64)>,
    /// The revision that is being worked on.
    pub revision: Option<String>,
    /// How far something long is.
    pub progress: Option<Progress>,
    /// The revisions that this start applied, with the time each took.
    pub applied: Vec<(String, Duration)>,
    /// The revisions that it took back, likewise.
    pub reverted: Vec<(String, Duration)>,
    /// The revisions whose deferred batches it did, likewise.
    pub backfilled: Vec<(String, Duration)>,
    /// How often a migration was refused a lock and tried again.
    pub retries: u64,
    /// The error that ends castoff.
    pub error: Option<Failure>,
}

/// How far something long is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done. Not for the public: it may name a table.
    pub what: String,
    /// Units that are done.
    pub done: Option<u64>,
    /// Units there are, if somebody has an estimate.
    pub total: Option<u64>,
    /// What the units are: `rows`.
    pub unit: Option<String>,
    /// Seconds that are left, if they can be told.
    pub left_seconds: Option<u64>,
}

/// The error that ends castoff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its name in documentation and logs.
    pub code: String,
    /// What castoff exits with.
    pub exit_status: u8,
    /// The phase that it ended.
    pub phase: Phase,
    /// How long that phase had lasted.
    pub lasted: Duration,
    /// One line. Not for the public.
    pub message: String,
}

/// What an event changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that is shown.
    Nothing,
    /// How far something is, which changes often.
    Progress,
    /// Something that is worth being shown at once.
    News,
}

impl Status {
    /// castoff has just begun.
    pub fn new(now: Instant) -> Self {
        Self {
            started: SystemTime::now(),
            phase: Phase::Starting,
            since: now,
            spent: BTreeMap::new(),
            cause: None,
            awaited: BTreeSet::new(),
            step: None,
            revision: None,
            progress: None,
            applied: Vec::new(),
            reverted: Vec::new(),
            backfilled: Vec::new(),
            retries: 0,
            error: None,
        }
    }

    /// Takes an event of the story into account.
    pub fn observe(&mut self, event: &Fields, now: Instant) -> Change {
        match event.text("event").unwrap_or_default() {
            "phase" => {
                let phase = event.text("phase").and_then(Phase::of);
                return phase.map_or(Change::Nothing, |phase| self.enter(phase, now));
            }
            "waiting" => {
                self.cause = Some(event.message.clone());
                self.awaited.insert(target(event));
            }
            "ready" => {
                self.cause = None;
                self.awaited.remove(&target(event));
            }
            "lock-wait" | "lock-held" | "blocked" | "paused" | "required" => {
                self.cause = Some(event.message.clone());
            }
            "retry" | "lock-refused" => {
                self.retries += 1;
                self.cause = Some(event.message.clone());
            }
            // Without a reason it goes on.
            "throttled" => self.cause = event.text("reason").map(|_| event.message.clone()),
            "resumed" => self.cause = None,
            "applying" => {
                self.step = event.number("step").zip(event.number("steps"));
                self.revision = event.text("revision").map(str::to_owned);
                self.moved_on();
            }
            "batches" | "resume" => {
                // Within a step, its revision is the one that people wait for.
                if self.step.is_none() {
                    self.revision = event.text("revision").map(str::to_owned);
                }
                self.moved_on();
            }
            "applied" | "reverted" => {
                let downgrade = event.text("event") == Some("reverted");
                let done = if downgrade {
                    &mut self.reverted
                } else {
                    &mut self.applied
                };
                done.extend(finished(event));
                self.moved_on();
            }
            "backfilled" => {
                self.backfilled.extend(finished(event));
                if self.step.is_none() {
                    self.revision = None;
                }
                self.moved_on();
            }
            "progress" => return self.progressed(event),
            _ => return Change::Nothing,
        }
        Change::News
    }

    /// Whatever was waited for, and whatever was long, is over.
    fn moved_on(&mut self) {
        self.cause = None;
        self.progress = None;
    }

    fn progressed(&mut self, event: &Fields) -> Change {
        let progress = Progress {
            what: event.text("what").unwrap_or_default().to_owned(),
            done: event.number("done"),
            total: event.number("total"),
            unit: event.text("unit").map(str::to_owned),
            left_seconds: event.number("left_seconds"),
        };
        let before = self.progress.as_ref();
        let is_another = before.is_none_or(|before| before.what != progress.what);
        // Others' transactions that end one by one are still waited for.
        let is_work = progress.unit.as_deref() != Some("transactions");
        if is_work && before.is_some_and(|before| before.done < progress.done) {
            self.cause = None;
        }
        self.progress = Some(progress);
        if is_another {
            Change::News
        } else {
            Change::Progress
        }
    }

    /// Enters a phase. One that is entered again goes on.
    pub fn enter(&mut self, phase: Phase, now: Instant) -> Change {
        if phase == self.phase {
            return Change::Nothing;
        }
        *self.spent.entry(self.phase).or_default() += now.saturating_duration_since(self.since);
        self.phase = phase;
        self.since = now;
        self.moved_on();
        self.awaited.clear();
        // A server that went away in the middle is waited for again, and planned for anew.
        self.step = None;
        self.revision = None;
        Change::News
    }

    /// Ends castoff with an error, which keeps the phase and the step in which it came.
    pub fn fail(&mut self, code: &str, exit_status: u8, message: String, now: Instant) -> Failure {
        let failure = Failure {
            code: code.to_owned(),
            exit_status,
            phase: self.phase,
            lasted: now.saturating_duration_since(self.since),
            message,
        };
        let (step, revision) = (self.step, self.revision.take());
        self.enter(Phase::Failed, now);
        (self.step, self.revision) = (step, revision);
        self.error = Some(failure.clone());
        failure
    }

    /// All the time that was spent in a phase.
    pub fn time_in(&self, phase: Phase, now: Instant) -> Duration {
        let before = self.spent.get(&phase).copied().unwrap_or_default();
        let present = if phase == self.phase {
            now.saturating_duration_since(self.since)
        } else {
            Duration::ZERO
        };
        before + present
    }
}

/// What is waited for, as the event names it; nothing for the database.
fn target(event: &Fields) -> Option<String> {
    event.text("target").map(str::to_owned)
}

/// A revision with the time that it took.
fn finished(event: &Fields) -> Option<(String, Duration)> {
    let took = Duration::from_millis(event.number("milliseconds").unwrap_or(0));
    Some((event.text("revision")?.to_owned(), took))
}

#[cfg(test)]
mod tests;
