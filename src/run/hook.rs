//! What the user wants done around the migrations: a command before and after them, such as a
//! backup, and the files `before.sql` and `after.sql`.
//!
//! Hooks run while the migration lock is held, and only when there is something to apply. A command
//! gets the plan as JSON on its standard input; what it says goes to standard error. It runs in a
//! process group of its own, and is never left behind: it is ended with castoff, unless castoff is
//! killed.

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tracing::{debug, info};

use super::child::{self, Running};
use super::exec::{self, ExecError};
use super::hook_error::{HookError, Phase};
use super::{Context, hook_file, milliseconds, preview};
use crate::database::session::{Locked, Session};
use crate::error::Error;
use crate::migrations::HookFiles;
use crate::report;
use crate::revision::id::RevisionId;
use crate::revision::plan::Plan;

/// How often a running command is looked at: for its end there is no need to, for a signal and the
/// time there is.
const TICK: Duration = Duration::from_millis(30);

/// How long a command may wind down when castoff is told to stop; it must fit into the time that
/// the work has to roll back.
const GRACE_WHEN_STOPPED: Duration = Duration::from_millis(250);

/// How long a command may wind down when its time is over.
const GRACE_WHEN_LATE: Duration = Duration::from_secs(5);

/// Looks the programs up before anything waits for them.
pub(super) fn look_up(context: &Context<'_>) -> Result<(), HookError> {
    let hooks = &context.config.hooks;
    for (phase, words) in [(Phase::Before, &hooks.before), (Phase::After, &hooks.after)] {
        if let Some(program) = words.as_ref().and_then(|words| words.first()) {
            exec::look_up(program.as_ref(), context.config.path.as_deref())
                .map_err(|source| HookError::Missing { phase, source })?;
        }
    }
    Ok(())
}

/// Runs what is to run before the first migration: the command, then the file. The database is at
/// `current`.
pub(super) async fn before(
    context: &Context<'_>,
    session: &Session<Locked>,
    files: &HookFiles,
    plan: &Plan<'_>,
    current: &[RevisionId],
) -> Result<(), Error> {
    if let Some(words) = &context.config.hooks.before {
        let position: Vec<&str> = current.iter().map(RevisionId::as_str).collect();
        let document = document(context, Phase::Before, &position, plan);
        command(context, Phase::Before, words, &document).await?;
    }
    if let Some(file) = &files.before {
        hook_file::run(context, session, Phase::Before, file).await?;
    }
    Ok(())
}

/// Runs what is to run after the last migration: the file, then the command.
pub(super) async fn after(
    context: &Context<'_>,
    session: &Session<Locked>,
    files: &HookFiles,
    plan: &Plan<'_>,
    current: &[RevisionId],
) -> Result<(), Error> {
    if let Some(file) = &files.after {
        hook_file::run(context, session, Phase::After, file).await?;
    }
    if let Some(words) = &context.config.hooks.after {
        let rows = plan.heads_after(current);
        let position: Vec<&str> = rows.iter().map(RevisionId::as_str).collect();
        let document = document(context, Phase::After, &position, plan);
        command(context, Phase::After, words, &document).await?;
    }
    Ok(())
}

/// Refuses to go on as if nothing were missing, where the connection was lost behind the last
/// migration: what is to run after it did not, and no later start runs it.
pub(super) fn passed_over(context: &Context<'_>, files: &HookFiles) -> Result<(), HookError> {
    if files.after.is_some() || context.config.hooks.after.is_some() {
        return Err(HookError::Lost);
    }
    Ok(())
}

/// What a command reads. Nothing in it is secret.
fn document(context: &Context<'_>, phase: Phase, position: &[&str], plan: &Plan<'_>) -> Value {
    json!({
        "hook": phase.as_str(),
        "database": context.conninfo.to_string(),
        "position": position,
        "steps": preview::steps(&plan.steps),
    })
}

async fn command(
    context: &Context<'_>,
    phase: Phase,
    words: &[String],
    document: &Value,
) -> Result<(), Error> {
    context.go_on()?;
    let began = Instant::now();
    let (program, arguments) = words
        .split_first()
        .expect("config rejects an empty command");
    let streams = [
        Stdio::piped(),
        report::story_of_a_child(),
        report::story_of_a_child(),
    ];
    let started = child::start(context.config, program, arguments, streams);
    let mut child = started.map_err(|source| {
        let source = ExecError::NotExecutable {
            command: program.clone(),
            source,
        };
        HookError::NotStarted { phase, source }
    })?;
    debug!(
        "started the {phase} hook `{program}` as process {}",
        child.id()
    );
    feed(&mut child, format!("{document}\n"));
    let mut running = Running::of(child);
    let limit = context.config.hooks.timeout;
    let status = loop {
        if let Some(status) = running.ended(TICK).await? {
            break status;
        }
        if let Err(stopped) = context.go_on() {
            let signal = context
                .stop
                .received()
                .and_then(|signal| signal.try_into().ok());
            running
                .end(signal.unwrap_or(Signal::SIGTERM), GRACE_WHEN_STOPPED)
                .await?;
            return Err(stopped);
        }
        if began.elapsed() >= limit {
            running.end(Signal::SIGTERM, GRACE_WHEN_LATE).await?;
            return Err(HookError::TimedOut {
                phase,
                program: program.clone(),
                after: limit,
            }
            .into());
        }
    };
    if !status.success() {
        return Err(HookError::Failed {
            phase,
            program: program.clone(),
            end: child::end(status),
        }
        .into());
    }
    let milliseconds = milliseconds(began.elapsed());
    info!(
        event = "hook",
        hook = phase.as_str(),
        milliseconds,
        "{phase} hook `{program}` is done ({milliseconds} ms)"
    );
    Ok(())
}

/// Writes to the command's standard input, from a thread: a command need not read what it is told.
fn feed(child: &mut Child, text: String) {
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever closes the pipe early did not want to know.
        drop(tokio::task::spawn_blocking(move || {
            stdin.write_all(text.as_bytes()).ok()
        }));
    }
}
