//! Applying the steps of a plan, each with its record.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::leftover;
use super::section::{self, StatementFailure};
use crate::database::failure::{Failure, Refusal};
use crate::database::ledger::{self, FenceError};
use crate::database::record::{Move, Movement, Operator, Outcome, Record};
use crate::database::session::{Locked, Session};
use crate::place::Place;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::plan::Step;
use crate::revision::script::{Mode, Script, Section, SectionOptions};
use crate::sql::canonical;
use crate::sql::classify::{joins_transaction, sets_session};
use crate::sql::split::{Statement, split};

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
        /// What the server said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// An autocommit section was edited after part of it ran.
    #[error("revision {revision} was edited after {done} of its statements ran")]
    EditedHalfWay {
        /// The revision.
        revision: RevisionId,
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
    }
}

/// Applies one step and its record. Takes the lock as proof that nobody else does.
pub async fn apply(
    session: &Session<Locked>,
    history: &History,
    step: &Step<'_>,
    operator: &Operator,
) -> Result<Duration, ApplyError> {
    let began = Instant::now();
    let work = Work::of(session, history, step, operator);
    if work
        .section
        .is_some_and(|section| section.options.mode == Mode::Autocommit)
    {
        work.statement_by_statement().await?;
    } else {
        work.in_one_transaction().await?;
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
        milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "{verb} {id} {message} ({} ms)",
        took.as_millis()
    );
    Ok(took)
}

/// One step, looked at from all sides.
struct Work<'a> {
    session: &'a Session<Locked>,
    operator: &'a Operator,
    script: &'a Script,
    movement: Movement,
    section: Option<&'a Section>,
    rows: Move,
}

impl<'a> Work<'a> {
    fn of(
        session: &'a Session<Locked>,
        history: &History,
        step: &Step<'a>,
        operator: &'a Operator,
    ) -> Self {
        let script = step.script;
        let (movement, section) = section::of_step(step);
        Self {
            session,
            operator,
            script,
            movement,
            section,
            rows: Move::of(history, &step.leaves, &step.enters),
        }
    }

    fn record(&self, outcome: Outcome, last_statement: usize) -> Record<'a> {
        Record::of(self.script, self.movement, outcome, last_statement)
    }

    fn section_parts(&self) -> (&'a str, &'a [Statement]) {
        self.section.map_or(("", &[]), |section| {
            (self.script.text.as_str(), &section.statements)
        })
    }

    async fn in_one_transaction(&self) -> Result<(), ApplyError> {
        let result = self.begin_and_run().await;
        if let Err(ApplyError::RolledBack { .. } | ApplyError::Fenced { .. }) = &result {
            // The connection still works; give the locks back before the story is told.
            self.session.client().batch_execute("rollback").await.ok();
        }
        result?;
        self.record_and_commit().await
    }

    async fn begin_and_run(&self) -> Result<(), ApplyError> {
        let client = self.session.client();
        let begin = begin(
            self.session.reset(),
            self.section.map(|section| &section.options),
        );
        self.session
            .begin_and_move(&begin, &self.rows)
            .await
            .map_err(|fence| self.fenced(fence))?;
        let (text, statements) = self.section_parts();
        section::run(client, text, statements)
            .await
            .map_err(|failure| self.failed(failure))
    }

    /// Ends the transaction in any case: if one message fails, the `commit` behind it rolls back.
    async fn record_and_commit(&self) -> Result<(), ApplyError> {
        let client = self.session.client();
        let (_, statements) = self.section_parts();
        let record = self.record(Outcome::Done, statements.len());
        // What the script did to the session's role must not reach the record.
        let (recorded, committed) = tokio::join!(
            biased;
            self.session.record(LEAVE_ROLE, &record, self.operator),
            client.batch_execute("commit")
        );
        recorded.map_err(|failure| self.failed_as_a_whole(failure))?;
        committed.map_err(|error| self.failed_as_a_whole(error.into()))
    }

    /// Each statement commits by itself, and the ledger follows it one by one.
    async fn statement_by_statement(&self) -> Result<(), ApplyError> {
        let client = self.session.client();
        let (text, statements) = self.section_parts();
        let resumed = self.resume_at().await?;
        let first = resumed.unwrap_or(0);
        let options = self.section.map(|section| &section.options);
        let reset = format!("{}{}", self.session.reset(), timeouts(options, "set"));
        client
            .batch_execute(&reset)
            .await
            .map_err(|error| self.broken(error.into()))?;
        let record = self
            .session
            .record("", &self.record(Outcome::Running, first), self.operator)
            .await
            .map_err(|failure| self.broken(failure))?;
        // What the section set for the session ended with the start that set it.
        for (index, statement) in statements[..first].iter().enumerate() {
            if sets_session(&text[statement.span.clone()]) {
                section::run(client, text, &statements[index..=index])
                    .await
                    .map_err(|again| self.stopped(index, again.offset, again.failure))?;
            }
        }
        // Behind them, since a name may be in the search path that they set.
        if let Some(statement) = resumed.and_then(|done| statements.get(done)) {
            leftover::drop_leftover(client, &text[statement.span.clone()])
                .await
                .map_err(|failure| self.stopped(first, None, failure))?;
        }
        for index in first..statements.len() {
            if !self
                .session
                .holds_lock()
                .await
                .map_err(|failure| self.broken(failure))?
            {
                return Err(self.fenced(FenceError::LockLost));
            }
            let one = self.one_statement(record, index).await;
            if let Err(StatementFailure {
                offset, failure, ..
            }) = one
            {
                let stopped = self.stopped(index, offset, failure);
                if matches!(stopped, ApplyError::Stopped { .. }) {
                    let written = self
                        .session
                        .progress_alone(record, index, Outcome::Failed)
                        .await;
                    if let Err(failure) = written {
                        warn!("the ledger does not say where the section stopped: {failure}");
                    }
                }
                return Err(stopped);
            }
        }
        self.session
            .begin_and_move(&begin(self.session.reset(), None), &self.rows)
            .await
            .map_err(|fence| self.fenced(fence))?;
        self.session
            .progress(record, statements.len(), Outcome::Done)
            .await
            .map_err(|failure| self.broken(failure))?;
        client
            .batch_execute("commit")
            .await
            .map_err(|error| self.broken(error.into()))
    }

    /// One statement of an autocommit section and the note that it is done: together where the
    /// statement allows it, so that being killed in between repeats nothing.
    async fn one_statement(&self, record: i64, index: usize) -> Result<(), StatementFailure> {
        let client = self.session.client();
        let (text, statements) = self.section_parts();
        let one = &statements[index..=index];
        let failed = |failure| StatementFailure {
            index,
            offset: None,
            failure,
        };
        if !joins_transaction(&text[one[0].span.clone()]) {
            section::run(client, text, one).await?;
            let noted = self
                .session
                .progress_alone(record, index + 1, Outcome::Running);
            return noted.await.map_err(failed);
        }
        client
            .batch_execute("begin read write")
            .await
            .map_err(|error| failed(error.into()))?;
        let noted = match section::run(client, text, one).await {
            Ok(()) => self
                .session
                .progress_as_owner(record, index + 1, Outcome::Running)
                .await
                .map_err(failed),
            Err(failure) => Err(failure),
        };
        let end = if noted.is_ok() { "commit" } else { "rollback" };
        let ended = client.batch_execute(end).await;
        noted?;
        ended.map_err(|error| failed(error.into()))
    }

    /// The first statement that earlier starts have not done, if there was an earlier start.
    async fn resume_at(&self) -> Result<Option<usize>, ApplyError> {
        let earlier = ledger::unfinished(self.session, &self.script.id, self.movement)
            .await
            .map_err(|failure| self.broken(failure))?;
        let Some(earlier) = earlier else {
            return Ok(None);
        };
        let done = earlier.last_statement;
        if done == 0 {
            return Ok(Some(0));
        }
        let revision = self.script.id.clone();
        let (text, statements) = self.section_parts();
        let is_edited = match &earlier.text {
            // What did not run yet may be corrected: often it must be, to get any further.
            Some(was) => !begins_alike(was, text, statements, done),
            None => earlier.canonical != self.script.checksums.canonical.to_string(),
        };
        if is_edited {
            let place = Box::new(Place::file(&self.script.path));
            return Err(ApplyError::EditedHalfWay {
                revision,
                done,
                place,
            });
        }
        info!(
            event = "resume",
            "resuming {revision} after statement {done}"
        );
        Ok(Some(done))
    }

    fn place(&self, index: usize, offset: Option<usize>) -> Place {
        match self.section {
            Some(section) => section::place(self.script, section, index, offset),
            None => Place::file(&self.script.path),
        }
    }

    fn failed(&self, failure: StatementFailure) -> ApplyError {
        let StatementFailure {
            index,
            offset,
            failure,
        } = failure;
        self.rolled_back(self.place(index, offset), failure)
    }

    /// A deferred constraint, or the ledger, refused when all statements were done.
    fn failed_as_a_whole(&self, failure: Failure) -> ApplyError {
        self.rolled_back(
            Place::file(&self.script.path).with_note("at commit"),
            failure,
        )
    }

    fn rolled_back(&self, place: Place, failure: Failure) -> ApplyError {
        match failure {
            Failure::Refused(refusal) => ApplyError::RolledBack {
                revision: self.script.id.clone(),
                movement: self.movement,
                place: Box::new(place),
                refusal,
            },
            Failure::Lost(_) | Failure::Protocol(_) => self.broken(failure),
        }
    }

    fn stopped(&self, done: usize, offset: Option<usize>, failure: Failure) -> ApplyError {
        match failure {
            Failure::Refused(refusal) => ApplyError::Stopped {
                revision: self.script.id.clone(),
                movement: self.movement,
                place: Box::new(self.place(done, offset)),
                done,
                statements: self.section_parts().1.len(),
                refusal,
            },
            Failure::Lost(_) | Failure::Protocol(_) => self.broken(failure),
        }
    }

    fn fenced(&self, fence: FenceError) -> ApplyError {
        match fence {
            FenceError::Failure(failure) => self.broken(failure),
            FenceError::LockLost | FenceError::LedgerMoved => ApplyError::Fenced {
                revision: self.script.id.clone(),
                movement: self.movement,
                fence,
            },
        }
    }

    fn broken(&self, failure: Failure) -> ApplyError {
        ApplyError::Broken {
            revision: self.script.id.clone(),
            failure,
        }
    }
}

/// Gives the record back to the role that owns the ledger.
pub(super) const LEAVE_ROLE: &str = "reset session authorization; reset role;";

/// Opens a step's transaction. `begin` comes first: whatever follows it and fails, fails inside.
fn begin(reset: &str, options: Option<&SectionOptions>) -> String {
    format!(
        "begin isolation level read committed read write; {reset}{}",
        timeouts(options, "set local")
    )
}

fn timeouts(options: Option<&SectionOptions>, set: &str) -> String {
    options.map_or_else(String::new, |options| section::timeouts(options, set))
}

/// Whether a section still begins with the statements that were done when it was `was`.
fn begins_alike(was: &str, text: &str, statements: &[Statement], done: usize) -> bool {
    let form = |text: &str, statements: &[Statement]| {
        let mut form = Vec::new();
        let written =
            canonical::write(text, statements, &mut |piece| form.extend_from_slice(piece));
        written.ok().map(|()| form)
    };
    let before = split(was, 0..was.len()).unwrap_or_default();
    match (before.get(..done), statements.get(..done)) {
        (Some(before), Some(now)) => form(was, before) == form(text, now),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_alike(was: &str, text: &str, done: usize, expected: bool) {
        let statements = split(text, 0..text.len()).unwrap();
        let alike = begins_alike(was, text, &statements, done);
        assert_eq!(alike, expected, "{was} / {text}");
    }

    #[test]
    fn only_the_statements_that_are_done_must_be_as_they_were() {
        check_alike("select 1; selec 2;", "SELECT 1; select 2;", 1, true);
        check_alike(
            "select 1; selec 2;",
            "select 1 /* one */; select 2",
            2,
            false,
        );
        check_alike("select 1; select 2;", "select 1;", 2, false);
        check_alike("select 1; select 2;", "select 1;", 1, true);
        check_alike(
            "select 1; selec 2;",
            "select 0; select 1; select 2;",
            1,
            false,
        );
        check_alike("select '", "select 1", 1, false);
    }

    #[test]
    fn a_transaction_begins_before_anything_that_could_fail() {
        let options = SectionOptions {
            lock_timeout: Some("2s".into()),
            ..SectionOptions::default()
        };
        assert_eq!(
            begin("reset all; ", Some(&options)),
            "begin isolation level read committed read write; reset all; \
             set local lock_timeout = '2s';\n"
        );
    }
}
