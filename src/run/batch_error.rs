//! Why a section that runs in batches did not come to its end.

use std::time::Duration;

use crate::database::batch::Status;
use crate::database::failure::Refusal;
use crate::database::keyset::KeyProblem;
use crate::place::Place;
use crate::revision::id::RevisionId;

/// Why a section that runs in batches did not come to its end, or cannot be told what somebody wants.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Ranges of the key would not be what they should be. Found before anything runs.
    #[error(
        "revision {revision} cannot run in batches: {}",
        key_text(problem, table, key)
    )]
    Key {
        /// The revision.
        revision: RevisionId,
        /// Its file.
        place: Box<Place>,
        /// The table, as the file has it.
        table: String,
        /// The columns of the key.
        key: Vec<String>,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// A batch failed, and those before it stay.
    #[error("revision {revision} stopped after {batches} batches ({rows} rows)")]
    Failed {
        /// The revision.
        revision: RevisionId,
        /// The statement.
        place: Box<Place>,
        /// Batches that are done.
        batches: i64,
        /// Rows in them.
        rows: i64,
        /// Whether `castoff backfill` does it.
        deferred: bool,
        /// What the server said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// A batch failed in an earlier start.
    #[error("the backfill of {revision} failed, and nobody asked to try it again")]
    StillFailed {
        /// The revision.
        revision: String,
        /// What the server said then.
        error: String,
    },
    /// A repeated statement always changes something.
    #[error("revision {revision} was repeated {limit} times and still changes rows")]
    Endless {
        /// The revision.
        revision: RevisionId,
        /// The statement.
        place: Box<Place>,
        /// Repetitions of this start.
        limit: u64,
    },
    /// Somebody aborted it.
    #[error("revision {revision} was aborted after {batches} batches ({rows} rows)")]
    Aborted {
        /// The revision.
        revision: RevisionId,
        /// Batches that are done.
        batches: i64,
        /// Rows in them.
        rows: i64,
    },
    /// The statement of the batches that are done was another one.
    #[error("revision {revision} was edited after {batches} of its batches ran")]
    Edited {
        /// The revision.
        revision: RevisionId,
        /// Its file.
        place: Box<Place>,
        /// Batches that are done.
        batches: i64,
    },
    /// A revision needs the backfill of another, which is not done.
    #[error("revision {revision} requires the backfill of {needs}, which is {}", status.as_str())]
    Required {
        /// The revision.
        revision: RevisionId,
        /// What it requires.
        needs: RevisionId,
        /// How that stands.
        status: Status,
    },
    /// Somebody else works on the backfills.
    #[error("the lock of backfills was not obtained after {} s", after.as_secs())]
    Busy {
        /// The time there was.
        after: Duration,
    },
    /// No batched section of this name is recorded.
    #[error("the ledger has no batched section of revision `{given}`")]
    Unknown {
        /// What was asked for.
        given: String,
    },
    /// It is not in a state from which this can be done.
    #[error("the backfill of {revision} is {}: there is nothing to {verb}", status.as_str())]
    Status {
        /// The revision.
        revision: String,
        /// How it stands.
        status: Status,
        /// What somebody wants.
        verb: &'static str,
    },
    /// A script for psql cannot be as careful.
    #[error("revision {revision} runs in batches, which a script for psql cannot do")]
    Offline {
        /// The revision.
        revision: RevisionId,
        /// Its file.
        place: Box<Place>,
    },
}

impl BatchError {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "batch-key",
            Self::Failed { .. } | Self::StillFailed { .. } => "batch-failed",
            Self::Endless { .. } => "batch-endless",
            Self::Aborted { .. } => "batch-aborted",
            Self::Edited { .. } => "batch-edited",
            Self::Required { .. } => "backfill-required",
            Self::Busy { .. } => "backfill-busy",
            Self::Unknown { .. } => "no-backfill",
            Self::Status { .. } => "backfill-status",
            Self::Offline { .. } => "batch-offline",
        }
    }

    /// The exit status: DESIGN's table, never reused.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Unknown { .. } | Self::Status { .. } => 2,
            Self::Busy { .. } => 13,
            Self::Required { .. } | Self::Offline { .. } => 14,
            Self::Key { .. } => 15,
            Self::Failed { .. }
            | Self::StillFailed { .. }
            | Self::Endless { .. }
            | Self::Aborted { .. }
            | Self::Edited { .. } => 16,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Key {
                problem: KeyProblem::NoIndex,
                table,
                key,
                ..
            } => format!(
                "create one before: `create unique index concurrently on {table} ({})`",
                key.join(", ")
            ),
            Self::Key {
                problem: KeyProblem::Nullable(column),
                table,
                ..
            } => format!(
                "name another key, or first run `alter table {table} alter column {column} set not null`"
            ),
            Self::Key { .. } => "correct the `-- batch` line, or create it before".into(),
            Self::Failed {
                deferred: true,
                revision,
                ..
            } => format!(
                "correct the cause and run `castoff backfill retry {revision}`; it goes on where it stopped"
            ),
            Self::Failed { .. } => {
                "correct the cause and deploy again: the next start goes on where this one stopped"
                    .into()
            }
            Self::StillFailed { revision, .. } => format!(
                "correct the cause and run `castoff backfill retry {revision}`; it goes on where it stopped"
            ),
            Self::Endless { .. } => {
                "make the statement leave out the rows that it has changed, or raise `limit=` on the `-- batch` line".into()
            }
            Self::Aborted { revision, .. } => {
                format!("run `castoff backfill retry {revision}` to let it go on where it stopped")
            }
            Self::Edited { revision, .. } => format!(
                "undo the edit, or run `castoff backfill abort {revision}`: the next start then begins again at the first row"
            ),
            Self::Required {
                needs,
                status: Status::Paused,
                ..
            } => format!("run `castoff backfill resume {needs}` and deploy again"),
            Self::Required { needs, .. } => format!(
                "run `castoff backfill retry {needs}` and `castoff backfill {needs}`, then deploy again"
            ),
            Self::Busy { .. } => {
                "wait for the other `castoff backfill`, or raise --lock-timeout (CASTOFF_LOCK_TIMEOUT)".into()
            }
            Self::Unknown { .. } | Self::Status { .. } => "look at `castoff backfill status`".into(),
            Self::Offline { .. } => {
                "apply it with `castoff upgrade`, and print the script of the revisions before and behind it as ranges".into()
            }
        }
    }

    /// Where in a file it is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Key { place, .. }
            | Self::Failed { place, .. }
            | Self::Endless { place, .. }
            | Self::Edited { place, .. }
            | Self::Offline { place, .. } => Some(place),
            Self::StillFailed { .. }
            | Self::Aborted { .. }
            | Self::Required { .. }
            | Self::Busy { .. }
            | Self::Unknown { .. }
            | Self::Status { .. } => None,
        }
    }

    /// What the server said, when a batch failed.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::Failed { refusal, .. } = self {
            Some(refusal)
        } else {
            None
        }
    }
}

fn key_text(problem: &KeyProblem, table: &str, key: &[String]) -> String {
    match problem {
        KeyProblem::NoTable => format!("there is no table `{table}`"),
        KeyProblem::NoColumn(column) => format!("`{table}` has no column `{column}`"),
        KeyProblem::Nullable(column) => format!("`{column}` of `{table}` may be null"),
        KeyProblem::NoIndex => format!("`{table}` has no unique index on ({})", key.join(", ")),
    }
}
