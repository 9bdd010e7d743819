//! A section statement by statement, followed by the ledger, so that the next start goes on where
//! this one stops.

use tracing::{info, warn};

use super::apply::{ApplyError, HalfWayEdit, Remains};
use super::leftover;
use super::probe::{self, Doubt, ProbeError, Verdict};
use super::section::{self, StatementFailure};
use super::transaction::begin;
use super::work::{Work, timeouts};
use super::{statement, watch};
use crate::database::ledger::FenceError;
use crate::database::progress::{self, Next, Progress};
use crate::database::record::Outcome;
use crate::database::sqlstate;
use crate::revision::script::Repeat;
use crate::sql::canonical;
use crate::sql::classify::{joins_transaction, sets_session};
use crate::sql::effect::{Effect, Presence};
use crate::sql::split::{Statement, split};

/// What earlier starts left to do.
#[derive(Clone, Copy, Debug)]
struct Resume {
    done: usize,
    next: Next,
}

/// Why a statement is not done, and what that says of it to the next start.
struct Stop {
    cause: Cause,
    next: Next,
}

enum Cause {
    Statement(StatementFailure),
    /// It commits by itself, and may have done so before it failed.
    InPart(StatementFailure),
    Doubt(Doubt),
}

impl Stop {
    /// The server told, or the transaction was rolled back with the connection.
    fn known(failure: StatementFailure) -> Self {
        Self {
            cause: Cause::Statement(failure),
            next: Next::NotBegun,
        }
    }

    /// What may remain of it is for a person to see.
    fn with(remains: Remains, failure: StatementFailure) -> Self {
        match remains {
            Remains::Nothing => Self::known(failure),
            Remains::Unknown => Self {
                cause: Cause::InPart(failure),
                next: Next::Begun,
            },
        }
    }
}

/// Each statement commits by itself, and the ledger follows it one by one.
pub(super) async fn run(work: &Work<'_>) -> Result<(), ApplyError> {
    let client = work.session.client();
    let (text, statements) = work.section_parts();
    let resume = resume_at(work).await?;
    let options = work.section.map(|section| &section.options);
    let reset = format!("{}{}", work.session.reset(), timeouts(options, "set"));
    client
        .batch_execute(&reset)
        .await
        .map_err(|error| work.broken(error.into()))?;
    let mut first = resume.map_or(0, |resume| resume.done);
    // What the section set for the session ended with the start that set it.
    for (index, statement) in statements[..first].iter().enumerate() {
        if sets_session(&text[statement.span.clone()]) {
            section::run(client, text, &statements[index..=index], &mut work.meter(1))
                .await
                .map_err(|again| work.stopped(index, again.offset, again.failure))?;
        }
    }
    // Behind them, since a name may be in the search path that they set. And before the new record:
    // killed in between, the next start finds what this one found.
    let mut finish = None;
    if let Some(resume) = resume {
        let settling = settle(work, resume);
        match watch::patiently(work, work.config.locks.concurrent_budget, settling).await? {
            Verdict::Again => {}
            Verdict::Done(reason) => {
                first += 1;
                info!(
                    event = "already-done",
                    revision = %work.script.id,
                    "statement {first} of {} was done: {reason}", work.script.id
                );
            }
            Verdict::Finish(statement) => finish = Some(statement),
        }
    }
    let record = work
        .session
        .record_begin("", &work.record(Outcome::Running, first), &work.operator)
        .await
        .map_err(|failure| work.broken(failure))?;
    for index in first..statements.len() {
        if !work
            .session
            .holds_lock()
            .await
            .map_err(|failure| work.broken(failure))?
        {
            return Err(work.fenced(FenceError::LockLost));
        }
        let done = match finish.take() {
            Some(statement) => finished(work, record, index, &statement).await,
            None => one_statement(work, record, index).await,
        };
        if let Err(stop) = done {
            return Err(stopped(work, record, index, stop).await);
        }
    }
    work.session
        .begin_and_move(&begin(work.session.reset(), None), &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    let all = Progress {
        outcome: Outcome::Done,
        ..Progress::done(statements.len())
    };
    work.session
        .progress(record, all)
        .await
        .map_err(|failure| work.broken(failure))?;
    client
        .batch_execute("commit")
        .await
        .map_err(|error| work.broken(error.into()))
}

/// Whether statements that commit by themselves may always run again.
fn repeat(work: &Work<'_>) -> Repeat {
    work.section
        .map_or(Repeat::Ask, |section| section.options.repeat)
}

/// Looks what became of the statement that earlier starts began or failed at.
async fn settle(work: &Work<'_>, resume: Resume) -> Result<Verdict, ApplyError> {
    let (text, statements) = work.section_parts();
    let Some(statement) = statements.get(resume.done) else {
        return Ok(Verdict::Again);
    };
    let sql = &text[statement.span.clone()];
    let settled = probe::settle(work.session.client(), sql, resume.next, repeat(work)).await;
    settled.map_err(|error| match error {
        ProbeError::Doubt(doubt) => work.in_doubt(resume.done, doubt),
        ProbeError::Failure(failure) => work.stopped(resume.done, None, failure),
    })
}

/// Notes where a section stopped, while there is a connection to do it.
async fn stopped(work: &Work<'_>, record: i64, index: usize, stop: Stop) -> ApplyError {
    let error = match stop.cause {
        Cause::Statement(statement) => work.stopped(index, statement.offset, statement.failure),
        Cause::InPart(statement) => {
            work.stopped_in_part(index, statement.offset, statement.failure)
        }
        Cause::Doubt(doubt) => work.in_doubt(index, doubt),
    };
    if matches!(
        error,
        ApplyError::Stopped { .. } | ApplyError::InDoubt { .. }
    ) {
        let progress = Progress {
            done: index,
            next: stop.next,
            outcome: Outcome::Failed,
        };
        let written = work.session.progress_alone(record, progress).await;
        if let Err(failure) = written {
            warn!("the ledger does not say where the section stopped: {failure}");
        }
    }
    error
}

/// One statement of an autocommit section and the note that it is done: together where the
/// server allows it, so that being killed in between repeats nothing.
async fn one_statement(work: &Work<'_>, record: i64, index: usize) -> Result<(), Stop> {
    let (text, statements) = work.section_parts();
    let sql = &text[statements[index].span.clone()];
    let mut remains = Remains::Nothing;
    if joins_transaction(sql) {
        let attempt = async || together(work, record, index, None).await;
        match statement::run(work, index, Remains::Nothing, attempt).await {
            // Nothing of it has happened: it commits by itself, or wants no transaction around it.
            Err(refused)
                if refused
                    .failure
                    .is(sqlstate::INVALID_TRANSACTION_TERMINATION) =>
            {
                remains = Remains::Unknown;
            }
            Err(refused) if refused.failure.is(sqlstate::ACTIVE_SQL_TRANSACTION) => {}
            other => return other.map_err(Stop::known),
        }
    }
    apart(work, record, index, sql, remains).await
}

/// The second half of a statement that was interrupted, and the note that it is done.
async fn finished(work: &Work<'_>, record: i64, index: usize, statement: &str) -> Result<(), Stop> {
    info!(
        event = "finish",
        revision = %work.script.id,
        "finishing what an earlier start began: {statement}"
    );
    let attempt = async || together(work, record, index, Some(statement)).await;
    let done = statement::run(work, index, Remains::Nothing, attempt).await;
    done.map_err(Stop::known)
}

/// A statement, or another in its place, in one transaction with the note.
async fn together(
    work: &Work<'_>,
    record: i64,
    index: usize,
    instead: Option<&str>,
) -> Result<(), StatementFailure> {
    let client = work.session.client();
    let (text, statements) = work.section_parts();
    let failed = |failure| StatementFailure {
        index,
        offset: None,
        failure,
    };
    client
        .batch_execute("begin read write")
        .await
        .map_err(|error| failed(error.into()))?;
    let done = match instead {
        None => section::run(client, text, &statements[index..=index], &mut work.meter(1)).await,
        Some(statement) => {
            let sent = client.batch_execute(statement).await;
            sent.map_err(|error| failed(error.into()))
        }
    };
    let noted = match done {
        Ok(()) => work
            .session
            .progress_as_owner(record, Progress::done(index + 1))
            .await
            .map_err(failed),
        Err(failure) => Err(failure),
    };
    let end = if noted.is_ok() { "commit" } else { "rollback" };
    let ended = client.batch_execute(end).await;
    noted?;
    ended.map_err(|error| failed(error.into()))
}

/// A statement outside any transaction, between the note that it begins and the note that it is
/// done.
async fn apart(
    work: &Work<'_>,
    record: i64,
    index: usize,
    sql: &str,
    remains: Remains,
) -> Result<(), Stop> {
    let client = work.session.client();
    let (text, statements) = work.section_parts();
    let effect = Effect::of(sql);
    let unnoted = |next| {
        move |failure| Stop {
            cause: Cause::Statement(StatementFailure {
                index,
                offset: None,
                failure,
            }),
            next,
        }
    };
    // Of a statement that may run again nobody needs to know whether it began.
    if effect != Effect::Repeats {
        work.session
            .progress_alone(record, Progress::begins_after(index))
            .await
            .map_err(unnoted(Next::NotBegun))?;
    }
    let attempt =
        async || section::run(client, text, &statements[index..=index], &mut work.meter(1)).await;
    // What may always run again may do so for a lock, too.
    let for_a_lock = match repeat(work) {
        Repeat::Ask => remains,
        Repeat::Always => Remains::Nothing,
    };
    let done = statement::run(work, index, for_a_lock, attempt).await;
    done.map_err(|failure| Stop::with(remains, failure))?;
    if let Effect::Builds(build) = effect
        && build.presence == Presence::Accepted
    {
        let unusable = leftover::unusable(client, &build).await;
        let cause = match unusable {
            Ok(None) => None,
            Ok(Some(index)) => Some(Cause::Doubt(Doubt::Invalid { index })),
            Err(ProbeError::Doubt(doubt)) => Some(Cause::Doubt(doubt)),
            Err(ProbeError::Failure(failure)) => return Err(unnoted(Next::Begun)(failure)),
        };
        if let Some(cause) = cause {
            let next = Next::NotBegun;
            return Err(Stop { cause, next });
        }
    }
    work.session
        .progress_alone(record, Progress::done(index + 1))
        .await
        .map_err(unnoted(Next::Begun))
}

/// Where earlier starts stopped, if there were any.
async fn resume_at(work: &Work<'_>) -> Result<Option<Resume>, ApplyError> {
    let earlier = progress::unfinished(work.session, &work.script.id, work.movement)
        .await
        .map_err(|failure| work.broken(failure))?;
    let Some(earlier) = earlier else {
        return Ok(None);
    };
    let (done, next) = (earlier.done, earlier.next);
    // A statement that has begun is as fixed as those that are done, unless it may always run again.
    let fixed = match next {
        Next::Begun if repeat(work) == Repeat::Ask => done + 1,
        Next::Begun | Next::NotBegun => done,
    };
    if fixed == 0 {
        return Ok(Some(Resume { done, next }));
    }
    let revision = work.script.id.clone();
    let (text, statements) = work.written_parts();
    let is_edited = match &earlier.text {
        _ if statements.len() < fixed => true,
        // What did not run yet may be corrected: often it must be, to get any further.
        Some(was) => !begins_alike(was, text, statements, fixed),
        None => earlier.canonical != work.script.checksums.canonical.to_string(),
    };
    if is_edited {
        return Err(work.edited(fixed, HalfWayEdit::Statements));
    }
    if done > 0 {
        info!(
            event = "resume",
            revision = %revision,
            "resuming {revision} after statement {done}"
        );
    }
    Ok(Some(Resume { done, next }))
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
}
