//! Deferred batches: done by `castoff backfill` while the server serves, or by an upgrade that
//! requires them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::apply::ApplyError;
use super::batch::drive::drive;
use super::batch::job::Job;
use super::batch_error::BatchError;
use super::{Context, milliseconds, placeholder, pooler};
use crate::database::batch::{self, Guard, State, Status};
use crate::database::failure::Failure;
use crate::database::ledger::FenceError;
use crate::database::record::Movement;
use crate::database::session::{Locked, Session};
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::status::phase::{self, Phase};

/// The pause between two asks for the lock, and between two looks at what is paused.
const PAUSE: Duration = Duration::from_millis(200);

/// Does every deferred section that is left, or only that of one revision.
pub async fn backfill(
    context: &Context<'_>,
    history: &History,
    only: Option<&str>,
) -> Result<(), Error> {
    let (session, _) = context.connect().await?;
    let asking = Error::asking("reading the ledger");
    let only = match only {
        Some(given) => Some(named(
            &batch::states(&session).await.map_err(&asking)?,
            given,
        )?),
        None => None,
    };
    pooler::refuse(&session).await?;
    let guard = acquire(context, &session).await?;
    context.check_role(&session).await?;
    let mut passed_over = BTreeSet::new();
    let mut done = 0;
    let mut failed = None;
    let mut aborted = Vec::new();
    let mut told = false;
    loop {
        context.go_on()?;
        let mut states = batch::states(&session).await.map_err(&asking)?;
        states.retain(|state| {
            state.deferred
                && state.is_applied
                && only.as_ref().is_none_or(|only| *only == state.revision)
                && !passed_over.contains(&state.revision)
        });
        let is_next = |state: &&State| matches!(state.status, Status::Pending | Status::Running);
        if let Some(state) = states.iter().find(is_next) {
            match one(context, &session, guard, history, state).await {
                Ok(true) => done += 1,
                Ok(false) => {
                    passed_over.insert(state.revision.clone());
                }
                // The others need not wait for it.
                Err(ApplyError::Batch(error)) => {
                    passed_over.insert(state.revision.clone());
                    if let BatchError::Aborted { .. } = *error {
                        info!(event = "aborted", revision = state.revision, "{error}");
                    } else {
                        failed.get_or_insert(ApplyError::Batch(error));
                    }
                }
                Err(error) => return Err(error.into()),
            }
            continue;
        }
        if let Some(state) = states.iter().find(|state| state.status == Status::Paused) {
            if !told {
                let id = &state.revision;
                info!(
                    event = "paused",
                    revision = id,
                    "{id} is paused: it goes on after `castoff backfill resume {id}`"
                );
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        if let Some(state) = states.iter().find(|state| state.status == Status::Failed) {
            failed.get_or_insert_with(|| still_failed(state).into());
        }
        aborted.extend(
            states
                .into_iter()
                .filter(|state| state.status == Status::Aborted)
                .map(|state| state.revision),
        );
        break;
    }
    if let Err(failure) = guard.release(&session).await {
        debug!("the lock of backfills was not given back: {failure}");
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if done == 0 && aborted.is_empty() {
        info!(event = "up-to-date", "no backfill is pending");
    }
    for id in aborted {
        info!(
            event = "aborted",
            revision = id,
            "{id} was aborted: it goes on after `castoff backfill retry {id}`"
        );
    }
    Ok(())
}

fn still_failed(state: &State) -> BatchError {
    BatchError::StillFailed {
        revision: state.revision.clone(),
        error: state.last_error.clone().unwrap_or_default(),
    }
}

/// Does one deferred section; false when these migrations do not have it.
async fn one<S>(
    context: &Context<'_>,
    session: &Session<S>,
    guard: Guard,
    history: &History,
    state: &State,
) -> Result<bool, ApplyError> {
    let id = RevisionId::new(&state.revision).ok();
    let script = id.as_ref().and_then(|id| history.get(id));
    let Some((script, batch)) =
        script.and_then(|script| Some((script, script.upgrade.options.batch.as_ref()?)))
    else {
        warn!(
            "these migrations have no batches of {}: run a newer image",
            state.revision
        );
        return Ok(false);
    };
    let section = &script.upgrade;
    placeholder::check_section(context.config, script, section)?;
    let rendered = placeholder::render(context.config, script, section);
    let job = Job {
        context,
        session,
        guard,
        script,
        movement: Movement::Upgrade,
        section,
        rendered: rendered.as_ref(),
        batch,
    };
    if state.canonical != job.canonical() {
        return Err(job.edited(state).into());
    }
    let began = Instant::now();
    drive(&job).await?;
    let is_done = batch::done(session, job.which())
        .await
        .map_err(|failure| job.broken(failure))?;
    if !is_done {
        return Err(BatchError::Aborted {
            revision: script.id.clone(),
            batches: state.batches,
            rows: state.rows,
        }
        .into());
    }
    let milliseconds = milliseconds(began.elapsed());
    info!(
        event = "backfilled",
        revision = %script.id,
        milliseconds,
        "backfilled {} {} ({milliseconds} ms)",
        script.id,
        script.message
    );
    Ok(true)
}

/// Asks for the lock until it is there or time is up.
async fn acquire<S>(context: &Context<'_>, session: &Session<S>) -> Result<Guard, Error> {
    let asking = Error::asking("asking for the lock of backfills");
    let after = context.config.lock_timeout;
    let began = Instant::now();
    let mut told = false;
    phase::enter(Phase::Locking);
    loop {
        context.go_on()?;
        if let Some(guard) = Guard::backfill(session).await.map_err(&asking)? {
            return if guard.is_held(session).await.map_err(&asking)? {
                phase::enter(Phase::Migrating);
                Ok(guard)
            } else {
                Err(Error::Pooler)
            };
        }
        if began.elapsed() >= after {
            return Err(ApplyError::from(BatchError::Busy { after }).into());
        }
        if !told {
            info!(
                event = "lock-wait",
                "waiting for another `castoff backfill` to end"
            );
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Before a revision that requires them, deferred batches are done here and now: a fresh database
/// has all revisions ahead of it, and nobody has run `castoff backfill` in between.
pub(super) async fn finish_required(
    context: &Context<'_>,
    session: &Session<Locked>,
    history: &History,
    script: &Script,
) -> Result<(), ApplyError> {
    let broken = |failure: Failure| ApplyError::Broken {
        revision: script.id.clone(),
        failure,
    };
    for needs in &script.requires_backfill {
        let began = Instant::now();
        let mut told = false;
        loop {
            let state = batch::deferred(session, needs).await.map_err(broken)?;
            let Some(state) = state else { break };
            match state.status {
                Status::Done => break,
                Status::Paused | Status::Failed | Status::Aborted => {
                    let (revision, needs) = (script.id.clone(), needs.clone());
                    let status = state.status;
                    return Err(BatchError::Required {
                        revision,
                        needs,
                        status,
                    }
                    .into());
                }
                Status::Pending | Status::Running => {}
            }
            if let Some(guard) = Guard::backfill(session).await.map_err(broken)? {
                // Whoever had the lock until now may have ended it since the look above.
                let now = batch::deferred(session, needs).await.map_err(broken)?;
                if now.as_ref().map(|now| now.status) != Some(state.status) {
                    guard.release(session).await.map_err(broken)?;
                    continue;
                }
                if !told {
                    info!(
                        event = "required",
                        revision = %script.id,
                        "{} requires the backfill of {needs}: doing it now", script.id
                    );
                    told = true;
                }
                let result = one(context, session, guard, history, &state).await;
                // The lock would otherwise stay with this session until the server's start.
                guard.release(session).await.map_err(broken)?;
                if !result? {
                    return Err(BatchError::Required {
                        revision: script.id.clone(),
                        needs: needs.clone(),
                        status: state.status,
                    }
                    .into());
                }
                continue;
            }
            if !session.holds_lock().await.map_err(broken)? {
                return Err(ApplyError::Fenced {
                    revision: script.id.clone(),
                    movement: Movement::Upgrade,
                    fence: FenceError::LockLost,
                });
            }
            let after = context.config.lock_timeout;
            if began.elapsed() >= after {
                return Err(BatchError::Busy { after }.into());
            }
            if !told {
                info!(
                    event = "required",
                    revision = %script.id,
                    "{} requires the backfill of {needs}: waiting for the castoff that does it",
                    script.id
                );
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// The revision that somebody means, by its id or its beginning.
fn named(states: &[State], given: &str) -> Result<String, Error> {
    state_of(states, given).map(|state| state.revision.clone())
}

fn state_of<'s>(states: &'s [State], given: &str) -> Result<&'s State, Error> {
    let unknown = || {
        ApplyError::from(BatchError::Unknown {
            given: given.to_owned(),
        })
    };
    // What is under way is meant rather than what ended.
    let mut found: Vec<&State> = states
        .iter()
        .filter(|state| {
            state.revision == given || given.len() >= 4 && state.revision.starts_with(given)
        })
        .collect();
    found.sort_by_key(|state| (state.revision != given, state.status == Status::Done));
    let first = *found.first().ok_or_else(unknown)?;
    let is_other = |state: &&&State| state.revision != first.revision;
    if first.revision != given && found.iter().any(|state| is_other(&state)) {
        return Err(unknown().into());
    }
    Ok(first)
}

/// What somebody wants of a batched section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To wait after the batch that is under way.
    Pause,
    /// To go on.
    Resume,
    /// To end after the batch that is under way.
    Abort,
    /// To go on after it failed or was aborted.
    Retry,
}

impl Wish {
    fn verb(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Abort => "abort",
            Self::Retry => "retry",
        }
    }

    /// The status it leads to.
    fn target(self, state: &State) -> Status {
        match self {
            Self::Pause => Status::Paused,
            Self::Abort => Status::Aborted,
            // What an upgrade waits for is taken up by its next start.
            Self::Resume | Self::Retry if state.deferred && state.started_at.is_none() => {
                Status::Pending
            }
            Self::Resume | Self::Retry => Status::Running,
        }
    }

    fn from(self) -> &'static [Status] {
        match self {
            Self::Pause => &[Status::Pending, Status::Running],
            Self::Resume => &[Status::Paused],
            Self::Abort => &[
                Status::Pending,
                Status::Running,
                Status::Paused,
                Status::Failed,
            ],
            Self::Retry => &[Status::Failed, Status::Aborted],
        }
    }
}

/// Tells a batched section what somebody wants. Whoever works on it sees it at the next batch.
pub async fn wish(context: &Context<'_>, wish: Wish, given: &str) -> Result<(), Error> {
    let (session, _) = context.connect().await?;
    let asking = Error::asking("changing the status of the backfill");
    let states = batch::states(&session).await.map_err(&asking)?;
    let state = state_of(&states, given)?;
    let to = wish.target(state);
    let which = batch::Which {
        revision: &state.revision,
        direction: &state.direction,
    };
    let is_set = batch::set(&session, which, wish.from(), to)
        .await
        .map_err(&asking)?;
    if !is_set {
        // It may have ended since it was read.
        let now = batch::find(&session, which).await.map_err(&asking)?;
        return Err(ApplyError::from(BatchError::Status {
            revision: state.revision.clone(),
            status: now.map_or(state.status, |state| state.status),
            verb: wish.verb(),
        })
        .into());
    }
    let now = match wish {
        Wish::Pause => "is paused",
        Wish::Abort => "is aborted",
        Wish::Resume | Wish::Retry => "may go on",
    };
    info!(
        event = wish.verb(),
        revision = state.revision,
        "{} {now}",
        state.revision
    );
    Ok(())
}

/// All batched sections that are recorded, and who works on deferred ones.
pub async fn status(context: &Context<'_>) -> Result<(Vec<State>, Option<i32>), Error> {
    let (session, _) = context.connect().await?;
    let asking = Error::asking("reading the ledger");
    let states = batch::states(&session).await.map_err(&asking)?;
    let holder = batch::holder(&session).await.map_err(&asking)?;
    Ok((states, holder))
}
