//! The files of SQL that run around the migrations, `before.sql` and `after.sql`.

use std::time::{Duration, Instant};

use tracing::info;

use super::attempt::{passes, timeouts};
use super::hook_error::{HookError, Phase};
use super::meter::Meter;
use super::pause::Pauses;
use super::retry::{FIRST_PAUSE, LONGEST_PAUSE};
use super::section::StatementFailure;
use super::{Context, milliseconds, transaction};
use crate::database::failure::Failure;
use crate::database::ledger::FenceError;
use crate::database::record::Move;
use crate::database::session::{Locked, Session};
use crate::error::Error;
use crate::place::Place;
use crate::revision::script::hook_file::HookFile;

/// Runs a file in a transaction of its own, which proves the lock as each step does. It waits for
/// locks no longer than a step does: refused one, it is rolled back, and begins again after a
/// pause, until the budget is spent.
pub(super) async fn run(
    context: &Context<'_>,
    session: &Session<Locked>,
    phase: Phase,
    file: &HookFile,
) -> Result<(), Error> {
    let locks = &context.config.locks;
    let mut pauses = Pauses::with_full_jitter(FIRST_PAUSE, LONGEST_PAUSE);
    let mut refused: Option<Instant> = None;
    let began = Instant::now();
    loop {
        context.go_on()?;
        let Some((failure, place)) = once(session, phase, file, locks.timeout).await? else {
            break;
        };
        let left = match refused {
            Some(refused) => locks.budget.saturating_sub(refused.elapsed()),
            None => locks.budget,
        };
        if !passes(&failure, false) || left.is_zero() {
            return Err(failed(phase, failure, place));
        }
        refused.get_or_insert_with(Instant::now);
        info!(
            event = "lock-refused",
            hook = phase.as_str(),
            "{phase}.sql was refused a lock: rolled back, {} s left",
            left.as_secs()
        );
        tokio::time::sleep(pauses.next_pause().min(left)).await;
    }
    let milliseconds = milliseconds(began.elapsed());
    info!(
        event = "hook",
        hook = phase.as_str(),
        milliseconds,
        "{phase}.sql is done ({milliseconds} ms)"
    );
    Ok(())
}

/// One attempt; what went wrong in it, and where. Nothing of it is left then.
async fn once(
    session: &Session<Locked>,
    phase: Phase,
    file: &HookFile,
    lock_timeout: Duration,
) -> Result<Option<(Failure, Place)>, Error> {
    let client = session.client();
    let opening = format!(
        "{}{}",
        transaction::begin(session.reset(), None),
        timeouts(Some(lock_timeout), None, "set local")
    );
    let whole = || Place::file(&file.path);
    match session.begin_and_move(&opening, &Move::default()).await {
        Ok(()) => {}
        Err(FenceError::Failure(failure)) => return Err(broken(phase, failure)),
        Err(FenceError::LockLost | FenceError::LedgerMoved) => {
            client.batch_execute("rollback").await.ok();
            return Err(HookError::LockLost { phase }.into());
        }
    }
    let (text, statements) = (&file.text, &file.statements);
    let timeout = Some(lock_timeout);
    let mut meter = Meter::new(&format!("{phase}.sql"), statements.len());
    let done =
        transaction::run_statements(session, text, statements, timeout, None, &mut meter).await;
    if let Err(StatementFailure {
        index,
        offset,
        failure,
    }) = done
    {
        client.batch_execute("rollback").await.ok();
        return Ok(Some((failure, file.place(index, offset))));
    }
    let committed = client.batch_execute("commit").await;
    let at_commit = |error: tokio_postgres::Error| (error.into(), whole().with_note("at commit"));
    Ok(committed.err().map(at_commit))
}

fn failed(phase: Phase, failure: Failure, place: Place) -> Error {
    match failure {
        Failure::Refused(refusal) => HookError::Sql {
            phase,
            place: Box::new(place),
            refusal,
        }
        .into(),
        Failure::Lost(_) | Failure::Protocol(_) => broken(phase, failure),
    }
}

/// Before the migrations, a lost connection is one as any other. Behind them a start that goes on
/// elsewhere has nothing left to do, and would pass over what is to run after them.
fn broken(phase: Phase, source: Failure) -> Error {
    match (phase, &source) {
        (Phase::After, Failure::Lost(_)) => HookError::Lost.into(),
        _ => Error::Database {
            doing: "running a hook",
            source,
        },
    }
}
