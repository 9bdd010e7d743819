//! The status as the JSON document of the status file, written and read by the same types. Its keys
//! are public contract: see `docs/observability.md`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::phase::Phase;
use super::{Failure, Progress, Status};
use crate::event::{milliseconds, timestamp};

/// A process, told from every other one there is or was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number. castoff's is the server's after the exec.
    pub pid: u32,
    /// When it began, in the kernel's ticks after boot: field 22 of `/proc/PID/stat`, proc(5).
    pub start_ticks: Option<u64>,
    /// Which boot of the machine: `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    /// In which namespace the number counts: `/proc/self/ns/pid`.
    pub pid_namespace: Option<String>,
    /// The name of the host.
    pub host: String,
}

/// What the status file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The version of castoff.
    pub castoff: String,
    /// The phase, by its name.
    pub phase: String,
    /// The error that ended castoff.
    pub error: Option<Ending>,
    /// What is waited for, in the words of the story.
    pub cause: Option<String>,
    /// The revision that is being worked on.
    pub revision: Option<String>,
    /// The step that is under way, from 1.
    pub step: Option<u64>,
    /// How many steps there are.
    pub steps: Option<u64>,
    /// How far something long is.
    pub progress: Option<Far>,
    /// The revisions that were applied, in their order.
    pub applied: Vec<Work>,
    /// The revisions that were taken back.
    pub reverted: Vec<Work>,
    /// The revisions whose deferred batches were done.
    pub backfilled: Vec<Work>,
    /// How often a migration was refused a lock and tried again.
    pub retries: u64,
    /// Milliseconds that each phase has taken so far, the present one included.
    pub phase_milliseconds: BTreeMap<String, u64>,
    /// When castoff began.
    pub started_at: String,
    /// When it entered the phase.
    pub phase_since: String,
    /// When this was written.
    pub updated_at: String,
    /// Who wrote it.
    #[serde(flatten)]
    pub process: Identity,
}

/// The error that ended castoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Its code.
    pub code: String,
    /// What castoff exits with.
    pub exit_status: u8,
    /// The phase that it ended.
    pub phase: String,
    /// One line.
    pub message: String,
}

/// How far something long is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Far {
    /// What is being done.
    pub what: String,
    /// Units that are done.
    pub done: Option<u64>,
    /// Units there are.
    pub total: Option<u64>,
    /// What the units are.
    pub unit: Option<String>,
    /// Seconds that are left.
    pub left_seconds: Option<u64>,
}

/// A revision that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The revision.
    pub revision: String,
    /// The time it took.
    pub milliseconds: u64,
}

impl Document {
    /// The status at this moment.
    pub fn of(status: &Status, process: &Identity, now: Instant, clock: SystemTime) -> Self {
        let clock = OffsetDateTime::from(clock);
        let phases = Phase::ALL.into_iter().filter_map(|phase| {
            let spent = milliseconds(status.time_in(phase, now));
            let was_there = phase == status.phase || status.spent.contains_key(&phase);
            was_there.then(|| (phase.name().to_owned(), spent))
        });
        Self {
            castoff: env!("CARGO_PKG_VERSION").to_owned(),
            phase: status.phase.name().to_owned(),
            error: status.error.as_ref().map(Ending::of),
            cause: status.cause.clone(),
            revision: status.revision.clone(),
            step: status.step.map(|(step, _)| step),
            steps: status.step.map(|(_, steps)| steps),
            progress: status.progress.as_ref().map(Far::of),
            applied: work(&status.applied),
            reverted: work(&status.reverted),
            backfilled: work(&status.backfilled),
            retries: status.retries,
            phase_milliseconds: phases.collect(),
            started_at: timestamp(status.started.into()),
            phase_since: timestamp(clock - now.saturating_duration_since(status.since)),
            updated_at: timestamp(clock),
            process: process.clone(),
        }
    }

    /// The phase, if this castoff knows it.
    pub fn phase(&self) -> Option<Phase> {
        Phase::of(&self.phase)
    }

    /// As the file has it: one object, a key a line.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n")
            .expect("text, numbers and lists are JSON")
    }
}

impl Ending {
    fn of(failure: &Failure) -> Self {
        let failure = failure.clone();
        Self {
            code: failure.code,
            exit_status: failure.exit_status,
            phase: failure.phase.name().to_owned(),
            message: failure.message,
        }
    }
}

impl Far {
    fn of(progress: &Progress) -> Self {
        let progress = progress.clone();
        Self {
            what: progress.what,
            done: progress.done,
            total: progress.total,
            unit: progress.unit,
            left_seconds: progress.left_seconds,
        }
    }
}

fn work(done: &[(String, Duration)]) -> Vec<Work> {
    let work = done.iter().map(|(revision, took)| Work {
        revision: revision.clone(),
        milliseconds: milliseconds(*took),
    });
    work.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut status = Status::new(began);
        status.started = SystemTime::UNIX_EPOCH;
        status.enter(Phase::Waiting, at(1));
        status.enter(Phase::Migrating, at(4));
        status.step = Some((2, 7));
        status.revision = Some("b".to_owned());
        status
            .applied
            .push(("a".to_owned(), Duration::from_millis(1500)));
        status.fail("apply-failed", 15, "it failed".to_owned(), at(10));
        let process = Identity {
            pid: 7,
            start_ticks: Some(123),
            host: "web".to_owned(),
            ..Identity::default()
        };
        let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(12);
        let document = Document::of(&status, &process, at(12), clock);
        expect_test::expect![[r#"
            {
              "castoff": "0.1.0",
              "phase": "failed",
              "error": {
                "code": "apply-failed",
                "exit_status": 15,
                "phase": "migrating",
                "message": "it failed"
              },
              "cause": null,
              "revision": "b",
              "step": 2,
              "steps": 7,
              "progress": null,
              "applied": [
                {
                  "revision": "a",
                  "milliseconds": 1500
                }
              ],
              "reverted": [],
              "backfilled": [],
              "retries": 0,
              "phase_milliseconds": {
                "failed": 2000,
                "migrating": 6000,
                "starting": 1000,
                "waiting": 3000
              },
              "started_at": "1970-01-01T00:00:00.000Z",
              "phase_since": "1970-01-01T00:00:10.000Z",
              "updated_at": "1970-01-01T00:00:12.000Z",
              "pid": 7,
              "start_ticks": 123,
              "boot_id": null,
              "pid_namespace": null,
              "host": "web"
            }
        "#]]
        .assert_eq(&document.text());
        let again: Document = serde_json::from_str(&document.text()).unwrap();
        assert_eq!(again, document);
    }
}
