//! What castoff is doing, as one value that can be shown to others: on the holding page, in the
//! status file, as metrics. It is folded from the events of the story, so nothing is told twice.
//!
//! Pure: whoever shows it does the I/O. [`board`] alone shares it between threads.

pub mod board;
pub mod metrics;
pub mod page;
pub mod phase;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::event::Fields;
use phase::Phase;

/// What castoff is doing.
#[derive(Clone, Debug)]
pub struct Status {
    /// The phase it is in.
    pub phase: Phase,
    /// When it entered the phase.
    pub since: Instant,
    /// The time that was spent in phases that are over.
    pub spent: BTreeMap<Phase, Duration>,
    /// What is waited for, in the words of the story. Not for the public.
    pub cause: Option<String>,
    /// What is waited for: the database has no name here, any other service its address. Not for
    /// the public.
    pub awaited: BTreeSet<Option<String>>,
    /// The step that is under way, from 1, and how many there are.
    pub step: Option<(u64, u64)>,
    /// The revision that is being applied.
    pub revision: Option<String>,
    /// How far something long is.
    pub progress: Option<Progress>,
    /// The revisions that this start applied, with the time each took.
    pub applied: Vec<(String, Duration)>,
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
    /// One line. Not for the public.
    pub message: String,
}

impl Status {
    /// castoff has just begun.
    pub fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Starting,
            since: now,
            spent: BTreeMap::new(),
            cause: None,
            awaited: BTreeSet::new(),
            step: None,
            revision: None,
            progress: None,
            applied: Vec::new(),
            retries: 0,
            error: None,
        }
    }

    /// Takes an event of the story into account.
    pub fn observe(&mut self, event: &Fields, now: Instant) {
        match event.text("event") {
            Some("phase") => {
                if let Some(phase) = event.text("phase").and_then(Phase::of) {
                    self.enter(phase, now);
                }
            }
            Some("waiting") => {
                self.cause = Some(event.message.clone());
                self.awaited.insert(event.text("target").map(str::to_owned));
            }
            Some("ready") => {
                self.awaited
                    .remove(&event.text("target").map(str::to_owned));
            }
            Some("lock-wait" | "blocked") => {
                self.cause = Some(event.message.clone());
            }
            Some("applying") => {
                self.step = event.number("step").zip(event.number("steps"));
                self.revision = event.text("revision").map(str::to_owned);
                self.progress = None;
                self.cause = None;
            }
            Some("applied") => {
                if let Some(revision) = event.text("revision") {
                    let took = Duration::from_millis(event.number("milliseconds").unwrap_or(0));
                    self.applied.push((revision.to_owned(), took));
                }
                self.progress = None;
                self.cause = None;
            }
            Some("progress") => {
                self.progress = Some(Progress {
                    what: event.text("what").unwrap_or_default().to_owned(),
                    done: event.number("done"),
                    total: event.number("total"),
                    unit: event.text("unit").map(str::to_owned),
                    left_seconds: event.number("left_seconds"),
                });
            }
            Some("retry" | "lock-refused") => self.retries += 1,
            _ => {}
        }
    }

    /// Enters a phase. One that is entered again goes on.
    pub fn enter(&mut self, phase: Phase, now: Instant) {
        if phase == self.phase {
            return;
        }
        *self.spent.entry(self.phase).or_default() += now.saturating_duration_since(self.since);
        self.phase = phase;
        self.since = now;
        self.cause = None;
        self.awaited.clear();
        self.progress = None;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(message: &str, fields: &Value) -> Fields {
        Fields {
            message: message.to_owned(),
            others: fields.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn phases_and_steps_are_folded_from_the_story() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut status = Status::new(start);
        let mut tell = |seconds, fields: Value| {
            status.observe(&event("refused", &fields), at(seconds));
            status.clone()
        };
        tell(1, json!({"event": "phase", "phase": "waiting"}));
        let waiting = tell(2, json!({"event": "waiting"}));
        assert_eq!(waiting.cause.as_deref(), Some("refused"));
        let both = tell(3, json!({"event": "waiting", "target": "tcp://redis:6379"}));
        assert_eq!(both.awaited.len(), 2);
        let other = tell(3, json!({"event": "ready"}));
        assert_eq!(
            other.awaited.into_iter().collect::<Vec<_>>(),
            [Some("tcp://redis:6379".to_owned())]
        );
        let locking = tell(4, json!({"event": "phase", "phase": "locking"}));
        assert_eq!(locking.cause, None);
        assert!(locking.awaited.is_empty());
        tell(5, json!({"event": "phase", "phase": "migrating"}));
        tell(
            5,
            json!({"event": "applying", "revision": "a1", "step": 1, "steps": 3}),
        );
        let under_way = tell(
            6,
            json!({"event": "progress", "what": "x", "done": 5, "total": 9}),
        );
        assert_eq!(under_way.step, Some((1, 3)));
        assert_eq!(under_way.progress.unwrap().done, Some(5));
        let done = tell(
            7,
            json!({"event": "applied", "revision": "a1", "milliseconds": 1500}),
        );
        assert_eq!(done.progress, None);
        assert_eq!(
            done.applied,
            [("a1".to_owned(), Duration::from_millis(1500))]
        );
        let spent = |phase| done.time_in(phase, at(9)).as_secs();
        assert_eq!(spent(Phase::Waiting), 3);
        assert_eq!(spent(Phase::Locking), 1);
        assert_eq!(spent(Phase::Migrating), 4);
        assert_eq!(spent(Phase::Serving), 0);
    }
}
