//! From batch to batch until there is nothing left to do.

use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::super::apply::ApplyError;
use super::super::pace::Pace;
use super::super::pause::Pauses;
use super::super::progress::{Progress, Teller};
use super::attempt::{Tried, Trouble, attempt};
use super::hold::{LOOK, hold};
use super::job::{Ground, Job};
use crate::database::batch::{self, State};
use crate::database::failure::{Failure, Refusal};
use crate::database::ledger::FenceError;
use crate::database::working::Unit;
use crate::database::{sample, sqlstate};

/// How often one batch is tried, each time with half as many rows.
const ATTEMPTS: u32 = 5;

/// Dead rows that are worth a word.
const MANY: i64 = 10_000;

/// Runs batches until there is nothing left to do. Saying that it is done is the caller's.
pub(in crate::run) async fn drive<S>(job: &Job<'_, S>) -> Result<(), ApplyError> {
    let session = job.session;
    job.reset().await?;
    let ground = job.ground().await?;
    let state = begin_or_resume(job, &ground).await?;
    let mut pace = Pace::new(
        state.size,
        job.batch.size,
        job.batch.target,
        job.batch.pause,
    );
    let mut rows_done = count(state.rows);
    let mut progress = Progress {
        what: format!("{} {}", job.movement.as_str(), job.script.id),
        done: Some(rows_done),
        total: state.estimate.map(count).filter(|&estimate| estimate > 0),
        unit: Unit::Rows,
    };
    let mut teller = Teller::new(&progress);
    let mut repetitions = 0_u64;
    let mut attempts = Attempts::new();
    let mut changed_here = 0_i64;
    let mut is_paused = false;
    let mut looked = Instant::now();
    hold(job, &ground, &mut pace, None).await?;
    loop {
        job.go_on()?;
        let began = Instant::now();
        let tried = attempt(job, &ground, &pace, looked).await;
        let took = began.elapsed();
        let tried = match tried {
            Ok(tried) => tried,
            Err(trouble) => {
                session.client().batch_execute("rollback").await.ok();
                attempts.note(job, &mut pace, trouble).await?;
                continue;
            }
        };
        attempts = Attempts::new();
        let paused_now = matches!(tried, Tried::Paused);
        if is_paused && !paused_now {
            let id = &job.script.id;
            info!(event = "resumed", revision = %id, "{id} goes on");
        }
        match tried {
            Tried::Done {
                rows,
                changed,
                is_full,
                sample,
            } => {
                if is_full {
                    pace.took(took);
                }
                changed_here += changed;
                rows_done += count(rows);
                progress.done = Some(rows_done);
                teller.tell(&progress);
                repetitions += 1;
                job.refuse_endless(repetitions).await?;
                if sample.is_some() {
                    hold(job, &ground, &mut pace, sample).await?;
                    looked = Instant::now();
                }
                // A range with fewer rows than a batch may have is the last.
                if is_full || ground.keyset.is_none() {
                    job.nap(pace.pause(took)).await?;
                }
            }
            Tried::Nothing => break,
            Tried::Aborted => return Err(job.aborted_now().await?.into()),
            Tried::Paused => {
                if !is_paused {
                    let id = &job.script.id;
                    info!(
                        event = "paused",
                        revision = %id,
                        "{id} is paused: it goes on after `castoff backfill resume {id}`"
                    );
                }
                job.nap(LOOK).await?;
            }
        }
        is_paused = paused_now;
    }
    if changed_here > 0 {
        tidy_up(job, &ground).await;
    }
    Ok(())
}

/// Says that somebody is at work. Meets no table but the ledger's: others may stand in line for it.
async fn begin_or_resume<S>(job: &Job<'_, S>, ground: &Ground) -> Result<State, ApplyError> {
    let session = job.session;
    let broken = |failure| job.broken(failure);
    let lost = || job.fenced(FenceError::LedgerMoved);
    let state = job.state().await?.ok_or_else(lost)?;
    let estimate = ground.table.as_ref().map(|table| table.estimate);
    let host = &job.context.config.host;
    batch::start(session, job.which(), estimate, host)
        .await
        .map_err(broken)?;
    let (id, batches, rows) = (&job.script.id, state.batches, state.rows);
    if batches > 0 {
        info!(
            event = "resume",
            revision = %id,
            "resuming {id} after {batches} batches ({rows} rows)"
        );
    } else {
        info!(event = "batches", revision = %id, "running {id} in batches");
    }
    job.state().await?.ok_or_else(lost)
}

/// What follows many changes: the planner's statistics, and a word on what is left behind. Neither
/// is worth a failure.
async fn tidy_up<S>(job: &Job<'_, S>, ground: &Ground) {
    let Some(table) = &ground.table else { return };
    let client = job.session.client();
    let name = &table.name;
    let analyze = format!(
        "{} set lock_timeout = '1s'; analyze {name}",
        job.session.reset()
    );
    if let Err(error) = client.batch_execute(&analyze).await {
        debug!("`analyze {name}` failed: {error}");
    }
    client.batch_execute(job.session.reset()).await.ok();
    if let Ok((dead, live)) = sample::dead_rows(job.session, table).await
        && dead > MANY
        && dead > live / 5
    {
        info!(
            event = "dead-rows",
            "{name} has {dead} dead rows beside {live}: `vacuum {name}` makes room if autovacuum is late"
        );
    }
}

/// How often the batch under way has failed.
struct Attempts {
    failed: u32,
    pauses: Pauses,
}

impl Attempts {
    fn new() -> Self {
        Self {
            failed: 0,
            pauses: Pauses::new(Duration::from_millis(100), Duration::from_secs(2)),
        }
    }

    /// Waits for the next attempt with half as many rows, or gives up.
    async fn note<S>(
        &mut self,
        job: &Job<'_, S>,
        pace: &mut Pace,
        trouble: Trouble,
    ) -> Result<(), ApplyError> {
        let (mut refusal, offset) = match trouble {
            Trouble::Fence(fence) => return Err(job.fenced(fence)),
            Trouble::Failure(Failure::Refused(refusal), offset) => (refusal, offset),
            Trouble::Failure(failure, _) => return Err(job.broken(failure)),
        };
        job.redact(&mut refusal);
        // A signal has the statement cancelled, which looks the same as a timeout.
        job.go_on()?;
        self.failed += 1;
        let is_last = self.failed >= ATTEMPTS || !passes(&refusal);
        pace.halve();
        let error = refusal.to_string();
        let written = batch::trouble(
            job.session,
            job.which(),
            is_last,
            self.failed,
            pace.size(),
            &error,
        );
        if let Err(failure) = written.await {
            warn!("the ledger does not say what went wrong: {failure}");
        }
        if is_last {
            return Err(job.failed(refusal, job.place(offset)).await);
        }
        let size = pace.size();
        info!(
            event = "retry",
            revision = %job.script.id,
            error,
            "trying {} again with {size} rows: {error}",
            job.script.id
        );
        job.nap(self.pauses.next_pause()).await
    }
}

/// Whether fewer rows, or another moment, can help.
fn passes(refusal: &Refusal) -> bool {
    matches!(
        refusal.sqlstate.as_str(),
        sqlstate::QUERY_CANCELED
            | sqlstate::LOCK_NOT_AVAILABLE
            | sqlstate::DEADLOCK_DETECTED
            | sqlstate::SERIALIZATION_FAILURE
    )
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
