//! A section in batches: each a transaction together with its progress, so that whatever kills
//! castoff, every range is done exactly once.
//!
//! The end of the key is fixed with the first batch, so it ends however many rows are added
//! meanwhile. Between two batches no transaction is open and no lock is held but the advisory one.
//! Here a step begins and ends; `drive` goes from batch to batch, `attempt` does one, `hold` waits
//! while something speaks against the next.

mod attempt;
pub(super) mod drive;
mod hold;
pub(super) mod job;

use tracing::{info, warn};

use super::Context;
use super::apply::ApplyError;
use super::transaction::begin;
use super::work::Work;
use crate::database::batch::{self, Guard, Status};
use crate::database::progress::{self, Next, Progress};
use crate::database::record::Outcome;
use drive::drive;
use job::Job;

/// Runs a step whose section runs in batches, or registers it for `castoff backfill`.
pub(super) async fn run(context: &Context<'_>, work: &Work<'_>) -> Result<(), ApplyError> {
    let Some((section, batch)) = work
        .section
        .and_then(|section| Some((section, section.options.batch.as_ref()?)))
    else {
        return Ok(());
    };
    let job = Job {
        context,
        session: work.session,
        guard: Guard::migration(work.session),
        script: work.script,
        movement: work.movement,
        section,
        rendered: work.rendered.as_ref(),
        batch,
    };
    // The revision before may have left a search path in which the table is not found.
    job.reset().await?;
    if batch.deferred {
        return register(&job, work).await;
    }
    let registration = if goes_on(&job).await? {
        String::new()
    } else {
        // Before anything is written down: a key that does not do is no migration half done.
        job.ground().await?;
        job.registration() + ";"
    };
    let record = work.record(Outcome::Running, 0);
    let record = work
        .session
        .record_begin(&registration, &record, &work.operator)
        .await
        .map_err(|failure| work.broken(failure))?;
    let driven = drive(&job).await;
    if let Err(ApplyError::Batch(_)) = &driven {
        let failed = Progress {
            done: 0,
            next: Next::NotBegun,
            outcome: Outcome::Failed,
        };
        let written = work.session.progress_alone(record, failed);
        if let Err(failure) = written.await {
            warn!("the ledger does not say that the section stopped: {failure}");
        }
    }
    driven?;
    finish(&job, work, record).await
}

/// Whether an earlier start began with this section. It must not begin again.
async fn goes_on<S>(job: &Job<'_, S>) -> Result<bool, ApplyError> {
    let (session, revision) = (job.session, &job.script.id);
    let earlier = progress::unfinished(session, revision, job.movement)
        .await
        .map_err(|failure| job.broken(failure))?;
    let state = job.state().await?;
    let (Some(_), Some(state)) = (earlier, state) else {
        return Ok(false);
    };
    let is_edited = state.canonical != job.canonical();
    let is_aborted = state.status == Status::Aborted;
    if is_edited && (is_aborted || state.batches == 0) {
        return Ok(false);
    }
    if is_edited {
        return Err(job.edited(&state).into());
    }
    if is_aborted {
        return Err(job.aborted(&state).into());
    }
    Ok(state.status != Status::Done)
}

/// The revision counts as applied; `castoff backfill` does the work.
async fn register<S>(job: &Job<'_, S>, work: &Work<'_>) -> Result<(), ApplyError> {
    job.ground().await?;
    let registered = begin_and_register(job, work).await;
    if registered.is_err() {
        work.session.client().batch_execute("rollback").await.ok();
    }
    registered?;
    info!(
        event = "deferred",
        revision = %job.script.id,
        "left {} to `castoff backfill`",
        job.script.id
    );
    Ok(())
}

async fn begin_and_register<S>(job: &Job<'_, S>, work: &Work<'_>) -> Result<(), ApplyError> {
    let session = work.session;
    session
        .begin_and_move(&begin(session.reset(), None), &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    let registration = job.registration() + ";";
    let record = work.record(Outcome::Done, 0);
    session
        .record(&registration, &record, &work.operator)
        .await
        .map_err(|failure| work.failed_as_a_whole(failure))?;
    let committed = session.client().batch_execute("commit").await;
    committed.map_err(|error| work.failed_as_a_whole(error.into()))
}

/// The last batch is done: moves the ledger, and says so in the same transaction.
async fn finish<S>(job: &Job<'_, S>, work: &Work<'_>, record: i64) -> Result<(), ApplyError> {
    let session = work.session;
    let broken = |failure| work.broken(failure);
    session
        .begin_and_move(&begin(session.reset(), None), &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    let is_done = batch::done(session, job.which()).await.map_err(broken)?;
    if !is_done {
        session.client().batch_execute("rollback").await.ok();
        return Err(job.aborted_now().await?.into());
    }
    let done = Progress {
        outcome: Outcome::Done,
        ..Progress::done(1)
    };
    session.progress(record, done).await.map_err(broken)?;
    let committed = session.client().batch_execute("commit").await;
    committed.map_err(|error| work.broken(error.into()))
}
