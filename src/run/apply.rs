//! Applying the steps of a plan, each with its record.

use std::time::{Duration, Instant};

use tracing::info;

use super::batch_error::BatchError;
use super::placeholder::PlaceholderError;
use super::probe::Doubt;
use super::work::Work;
use super::{Context, autocommit, backfill, batch, milliseconds, transaction};
use crate::database::blocker::Blocker;
use crate::database::failure::{Failure, Refusal};
use crate::database::ledger::FenceError;
use crate::database::record::Movement;
use crate::database::session::{Locked, Session};
use crate::database::side::Side;
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan::Step;
use crate::revision::script::Mode;

/// What was edited in a section that is half done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfWayEdit {
    /// A statement that ran.
    Statements,
    /// The section line: the section would run as one transaction, from its beginning.
    Mode,
}

/// What a statement that failed outside any transaction leaves in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// Nothing that the next start does not take away.
    Nothing,
    /// What it had committed before it failed.
    Unknown,
}

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The step's transaction was rolled back: the database is as it was before it.
    #[error("{} {revision} failed and was rolled back", noun(*movement))]
    RolledBack {
        /// The revision.
        revision: RevisionId,
        /// Which way it was going.
        movement: Movement,
        /// The statement, or the file when `commit` refused.
        place: Box<Place>,
        /// What the server said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// A lock was refused until the budget was spent. Nothing of the step is left.
    #[error(
        "{} {revision} was not applied: no lock was obtained within {} s ({attempts} {})",
        noun(*movement),
        after.as_secs(),
        if *attempts == 1 { "attempt" } else { "attempts" }
    )]
    LockBusy {
        /// The revision.
        revision: RevisionId,
        /// Which way it was going.
        movement: Movement,
        /// The statement that was refused last.
        place: Box<Place>,
        /// How often it was tried.
        attempts: u32,
        /// The time since the first refusal.
        after: Duration,
        /// Who was in the way of the last attempt for which that is known.
        blockers: Vec<Blocker>,
        /// What the server said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// An autocommit section stopped between two statements, or in one.
    #[error("{} {revision} stopped after {done} of {statements} statements", noun(*movement))]
    Stopped {
        /// The revision.
        revision: RevisionId,
        /// Which way it was going.
        movement: Movement,
        /// The statement that failed.
        place: Box<Place>,
        /// Statements that are done, and stay.
        done: usize,
        /// Statements of the section.
        statements: usize,
        /// What is left of the statement that failed.
        remains: Remains,
        /// What the server said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// A person has to say whether a statement of an autocommit section is done.
    #[error("{} {revision} needs a decision on statement {} of {statements}", noun(*movement), done + 1)]
    InDoubt {
        /// The revision.
        revision: RevisionId,
        /// Which way it was going.
        movement: Movement,
        /// The statement.
        place: Box<Place>,
        /// Statements that are done, and stay.
        done: usize,
        /// Statements of the section.
        statements: usize,
        /// Why nobody else can tell.
        #[source]
        doubt: Doubt,
    },
    /// The connection was lost in the middle of an autocommit section.
    #[error("{} {revision} was interrupted at statement {} of {statements}", noun(*movement), done + 1)]
    Interrupted {
        /// The revision.
        revision: RevisionId,
        /// Which way it was going.
        movement: Movement,
        /// The statement.
        place: Box<Place>,
        /// Statements that are done, and stay.
        done: usize,
        /// Statements of the section.
        statements: usize,
        /// What happened.
        #[source]
        failure: Failure,
    },
    /// An autocommit section was edited after part of it ran.
    #[error("revision {revision} was edited after {done} of its statements ran")]
    EditedHalfWay {
        /// The revision.
        revision: RevisionId,
        /// What was edited.
        edit: HalfWayEdit,
        /// Statements that are done.
        done: usize,
        /// The file.
        place: Box<Place>,
    },
    /// The lock or the ledger is not what it was when the plan was made.
    #[error("{} {revision} was not applied", noun(*movement))]
    Fenced {
        /// The revision.
        revision: RevisionId,
        /// Which way it was going.
        movement: Movement,
        /// What is not what it was.
        #[source]
        fence: FenceError,
    },
    /// A section that runs in batches.
    #[error(transparent)]
    Batch(Box<BatchError>),
    /// A deferred section needs a value that is not there.
    #[error(transparent)]
    Placeholder(#[from] PlaceholderError),
    /// The connection, or the conversation with the server, broke.
    #[error("{} while applying revision {revision}", what_broke(failure))]
    Broken {
        /// The revision.
        revision: RevisionId,
        /// What happened.
        #[source]
        failure: Failure,
    },
}

impl From<BatchError> for ApplyError {
    fn from(error: BatchError) -> Self {
        Self::Batch(Box::new(error))
    }
}

fn what_broke(failure: &Failure) -> &'static str {
    match failure {
        Failure::Lost(_) => "the connection was lost",
        Failure::Protocol(_) => "the server said something unexpected",
        Failure::Refused(_) => "the ledger could not be read or written",
    }
}

fn noun(movement: Movement) -> &'static str {
    match movement {
        Movement::Upgrade => "revision",
        Movement::Downgrade => "downgrade of revision",
        Movement::Stamp => "stamp of revision",
        Movement::Repair => "repair of revision",
    }
}

/// Applies one step and its record. Takes the lock as proof that nobody else does.
pub async fn apply(
    context: &Context<'_>,
    session: &Session<Locked>,
    side: Option<&Side>,
    history: &History,
    step: &Step<'_>,
) -> Result<Duration, ApplyError> {
    let began = Instant::now();
    let work = Work::of(context, session, side, history, step);
    if work.movement == Movement::Upgrade {
        backfill::finish_required(context, session, history, step.script).await?;
    }
    match work.section.map(|section| &section.options) {
        Some(options) if options.batch.is_some() => batch::run(context, &work).await?,
        Some(options) if options.mode == Mode::Autocommit => autocommit::run(&work).await?,
        _ => transaction::run(&work).await?,
    }
    let took = began.elapsed();
    let script = step.script;
    let (id, message) = (&script.id, &script.message);
    let verb = if work.movement == Movement::Downgrade {
        "reverted"
    } else {
        "applied"
    };
    info!(
        event = verb,
        revision = %id,
        milliseconds = milliseconds(took),
        "{verb} {id} {message} ({} ms)",
        took.as_millis()
    );
    Ok(took)
}
