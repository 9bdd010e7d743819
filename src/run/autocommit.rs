//! A section statement by statement, followed by the ledger, so that the next start goes on where
//! this one stops.

use tracing::{info, warn};

use super::apply::ApplyError;
use super::leftover;
use super::section::{self, StatementFailure};
use super::transaction::begin;
use super::work::{Work, timeouts};
use super::{statement, watch};
use crate::database::ledger::{self, FenceError};
use crate::database::record::Outcome;
use crate::place::Place;
use crate::sql::canonical;
use crate::sql::classify::{joins_transaction, sets_session};
use crate::sql::split::{Statement, split};

/// Each statement commits by itself, and the ledger follows it one by one.
pub(super) async fn run(work: &Work<'_>) -> Result<(), ApplyError> {
    let client = work.session.client();
    let (text, statements) = work.section_parts();
    let resumed = resume_at(work).await?;
    let first = resumed.unwrap_or(0);
    let options = work.section.map(|section| &section.options);
    let reset = format!("{}{}", work.session.reset(), timeouts(options, "set"));
    client
        .batch_execute(&reset)
        .await
        .map_err(|error| work.broken(error.into()))?;
    let record = work
        .session
        .record("", &work.record(Outcome::Running, first), &work.operator)
        .await
        .map_err(|failure| work.broken(failure))?;
    // What the section set for the session ended with the start that set it.
    for (index, statement) in statements[..first].iter().enumerate() {
        if sets_session(&text[statement.span.clone()]) {
            section::run(client, text, &statements[index..=index])
                .await
                .map_err(|again| work.stopped(index, again.offset, again.failure))?;
        }
    }
    // Behind them, since a name may be in the search path that they set.
    if let Some(statement) = resumed.and_then(|done| statements.get(done)) {
        let dropping = leftover::drop_leftover(client, &text[statement.span.clone()]);
        watch::patiently(work, work.config.locks.concurrent_budget, dropping)
            .await
            .map_err(|failure| work.stopped(first, None, failure))?;
    }
    for index in first..statements.len() {
        if !work
            .session
            .holds_lock()
            .await
            .map_err(|failure| work.broken(failure))?
        {
            return Err(work.fenced(FenceError::LockLost));
        }
        let one = statement::run(work, index, async || {
            one_statement(work, record, index).await
        });
        if let Err(StatementFailure {
            offset, failure, ..
        }) = one.await
        {
            let stopped = work.stopped(index, offset, failure);
            if matches!(stopped, ApplyError::Stopped { .. }) {
                let written = work
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
    work.session
        .begin_and_move(&begin(work.session.reset(), None), &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    work.session
        .progress(record, statements.len(), Outcome::Done)
        .await
        .map_err(|failure| work.broken(failure))?;
    client
        .batch_execute("commit")
        .await
        .map_err(|error| work.broken(error.into()))
}

/// One statement of an autocommit section and the note that it is done: together where the
/// statement allows it, so that being killed in between repeats nothing.
async fn one_statement(work: &Work<'_>, record: i64, index: usize) -> Result<(), StatementFailure> {
    let client = work.session.client();
    let (text, statements) = work.section_parts();
    let one = &statements[index..=index];
    let failed = |failure| StatementFailure {
        index,
        offset: None,
        failure,
    };
    if !joins_transaction(&text[one[0].span.clone()]) {
        section::run(client, text, one).await?;
        let noted = work
            .session
            .progress_alone(record, index + 1, Outcome::Running);
        return noted.await.map_err(failed);
    }
    client
        .batch_execute("begin read write")
        .await
        .map_err(|error| failed(error.into()))?;
    let noted = match section::run(client, text, one).await {
        Ok(()) => work
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
async fn resume_at(work: &Work<'_>) -> Result<Option<usize>, ApplyError> {
    let earlier = ledger::unfinished(work.session, &work.script.id, work.movement)
        .await
        .map_err(|failure| work.broken(failure))?;
    let Some(earlier) = earlier else {
        return Ok(None);
    };
    let done = earlier.last_statement;
    if done == 0 {
        return Ok(Some(0));
    }
    let revision = work.script.id.clone();
    let (text, statements) = work.section_parts();
    let is_edited = match &earlier.text {
        // What did not run yet may be corrected: often it must be, to get any further.
        Some(was) => !begins_alike(was, text, statements, done),
        None => earlier.canonical != work.script.checksums.canonical.to_string(),
    };
    if is_edited {
        let place = Box::new(Place::file(&work.script.path));
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
