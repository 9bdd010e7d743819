//! A section in one transaction, together with its record.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::apply::ApplyError;
use super::attempt::{Limits, timeouts};
use super::meter::Meter;
use super::preflight::{self, Memory};
use super::retry::{self, Attempt, Busy, Ended, Final, MayPass};
use super::section::{self, StatementFailure};
use super::work::Work;
use super::{attempt, keep};
use crate::config::LONGEST_LOCK_TIMEOUT;
use crate::database::blocker;
use crate::database::failure::Failure;
use crate::database::ledger::FenceError;
use crate::database::record::Outcome;
use crate::database::session::{Locked, Session};
use crate::revision::script::SectionOptions;
use crate::sql::split::Statement;
use crate::sql::targets::Target;

/// Gives the record back to the role that owns the ledger.
pub(super) const LEAVE_ROLE: &str = "reset session authorization; reset role;";

/// What went wrong in one attempt.
#[derive(Debug)]
enum Trouble {
    /// A statement of the section.
    Statement(StatementFailure),
    /// The record, `commit`, or the conversation around the statements.
    Whole(Failure),
    /// The lock or the ledger's rows.
    Fence(FenceError),
}

impl MayPass for Trouble {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Statement(statement) => Some(&statement.failure),
            Self::Whole(failure) | Self::Fence(FenceError::Failure(failure)) => Some(failure),
            Self::Fence(FenceError::LockLost | FenceError::LedgerMoved) => None,
        }
    }
}

impl Trouble {
    /// Whether there is a transaction to roll back, and a connection to do it on.
    fn leaves_open(&self) -> bool {
        match self {
            Self::Statement(statement) => statement.failure.refusal().is_some(),
            // `commit` has been sent, or the connection is lost.
            Self::Whole(_) => false,
            // Otherwise even `begin` may have failed.
            Self::Fence(FenceError::Failure(failure)) => attempt::passes(failure, false),
            Self::Fence(FenceError::LockLost | FenceError::LedgerMoved) => true,
        }
    }

    fn into_error(self, work: &Work<'_>) -> ApplyError {
        match self {
            Self::Statement(failure) => work.failed(failure),
            Self::Whole(failure) => work.failed_as_a_whole(failure),
            Self::Fence(fence) => work.fenced(fence),
        }
    }
}

/// Runs the section and writes its record, both or neither. Where a lock is refused, the whole
/// transaction is rolled back and tried again: a savepoint would keep the locks it has.
pub(super) async fn run(work: &Work<'_>) -> Result<(), ApplyError> {
    let (text, statements) = work.section_parts();
    let options = work.section.map(|section| &section.options);
    let limits = Limits::of_section(text, statements, options, &work.config.locks);
    if limits.lock_timeout(1).is_some() && options.is_some_and(Limits::lowers) {
        warn!(
            event = "lock-timeout-lowered",
            revision = %work.script.id,
            "the lock_timeout of {} is lowered to {} s: no attempt waits longer for a lock",
            work.script.id,
            LONGEST_LOCK_TIMEOUT.as_secs()
        );
    }
    let targets = preflight::targets(text, statements);
    let mut memory = Memory::default();
    let once = async |attempt| {
        let result = once(work, attempt, &targets, &mut memory).await;
        let is_open = match &result {
            Ok(()) => false,
            Err(Ended::Failed(trouble)) => trouble.leaves_open(),
            Err(Ended::Held(_) | Ended::Blind(_)) => true,
        };
        if is_open {
            // The connection still works; give the locks back before the story is told.
            work.session.client().batch_execute("rollback").await.ok();
        }
        result
    };
    let result = retry::attempts(work, &limits, &targets, once).await;
    result.map_err(|end| match end {
        Final::Failed(trouble) => trouble.into_error(work),
        Final::Busy(Busy { last, spent }) => work.busy(last.into_error(work), spent),
    })
}

async fn once(
    work: &Work<'_>,
    attempt: Attempt,
    targets: &[Target],
    memory: &mut Memory,
) -> Result<(), Ended<Trouble>> {
    let options = work.section.map(|section| &section.options);
    let begin = begin_attempt(work.session.reset(), attempt.lock_timeout, options);
    // One round trip for both. What is behind a `begin` that fails is answered and means nothing.
    let client = work.session.client();
    let is_to_look = attempt.looks && attempt.lock_timeout.is_some() && !targets.is_empty();
    let looking = async { Ok(is_to_look && blocker::are_others_at_work(client).await?) };
    let (moved, others) = tokio::join!(
        biased;
        work.session.begin_and_move(&begin, &work.rows),
        looking
    );
    moved.map_err(|fence| Ended::Failed(Trouble::Fence(fence)))?;
    let blind = |failure| match failure {
        Failure::Refused(_) => Ended::Blind(failure),
        Failure::Lost(_) | Failure::Protocol(_) => Ended::Failed(Trouble::Whole(failure)),
    };
    let holders = if others.map_err(blind)? {
        let asking = blocker::holders(client, targets, work.config.locks.show_queries);
        asking.await.map_err(blind)?
    } else {
        Vec::new()
    };
    let held = memory.in_the_way(holders, Instant::now());
    if !held.is_empty() {
        return Err(Ended::Held(held));
    }
    let (text, statements) = work.section_parts();
    run_statements(
        work.session,
        text,
        statements,
        attempt.lock_timeout,
        options,
        &mut work.meter(statements.len()),
    )
    .await
    .map_err(|failure| Ended::Failed(Trouble::Statement(failure)))?;
    record_and_commit(work)
        .await
        .map_err(|failure| Ended::Failed(Trouble::Whole(failure)))
}

/// Runs the statements, and keeps the timeouts where the script changes them.
pub(super) async fn run_statements(
    session: &Session<Locked>,
    text: &str,
    statements: &[Statement],
    lock_timeout: Option<Duration>,
    options: Option<&SectionOptions>,
    meter: &mut Meter,
) -> Result<(), StatementFailure> {
    let client = session.client();
    for stretch in keep::stretches(text, statements) {
        section::run(client, text, &statements[stretch.clone()], meter)
            .await
            .map_err(|failure| StatementFailure {
                index: stretch.start + failure.index,
                ..failure
            })?;
        let index = stretch.end - 1;
        let last = &text[statements[index].span.clone()];
        if keep::may_change(last) {
            let restore = keep::restore(last, session.timeouts(), lock_timeout, options);
            let restored = client.batch_execute(&restore).await;
            restored.map_err(|error| StatementFailure {
                index,
                offset: None,
                failure: error.into(),
            })?;
        }
    }
    Ok(())
}

/// Ends the transaction in any case: if one message fails, the `commit` behind it rolls back.
async fn record_and_commit(work: &Work<'_>) -> Result<(), Failure> {
    let client = work.session.client();
    let (_, statements) = work.section_parts();
    let record = work.record(Outcome::Done, statements.len());
    // What the script did to the session's role must not reach the record.
    let (recorded, committed) = tokio::join!(
        biased;
        work.session.record(LEAVE_ROLE, &record, &work.operator),
        client.batch_execute("commit")
    );
    recorded?;
    Ok(committed?)
}

/// Opens a step's transaction. `begin` comes first: whatever follows it and fails, fails inside.
pub(super) fn begin(reset: &str, options: Option<&SectionOptions>) -> String {
    format!(
        "begin isolation level read committed read write; {reset}{}",
        super::work::timeouts(options, "set local")
    )
}

/// The same with the timeouts of one attempt: a rollback takes them away, so each has its own.
fn begin_attempt(
    reset: &str,
    lock_timeout: Option<Duration>,
    options: Option<&SectionOptions>,
) -> String {
    let timeouts = timeouts(lock_timeout, options, "set local");
    format!("{}{timeouts}", begin(reset, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_begins_before_anything_that_could_fail() {
        let options = SectionOptions {
            statement_timeout: Some("2s".into()),
            ..SectionOptions::default()
        };
        let timeout = Some(Duration::from_millis(100));
        assert_eq!(
            begin_attempt("reset all; ", timeout, Some(&options)),
            "begin isolation level read committed read write; reset all; \
             set local lock_timeout = '100ms';\nset local statement_timeout = '2s';\n"
        );
    }
}
