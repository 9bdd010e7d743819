//! Waiting for what is needed besides the database: all of it at once, bounded, and never silent
//! about the reasons.

mod command;
mod connection;
mod exchange;
mod probe;

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{self, Either};
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::info;

use super::pause::Pauses;
use super::signal::Stop;
use super::wait::{ATTEMPT, Patience};
use super::wait_error::{Refusal, Unready, WaitError, beside, said};
use super::{exec, until_stopped};
use crate::config::Config;
use crate::config::awaited::Awaited;
use crate::error::Error;
use probe::{Miss, Probe};

/// The shortest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause, give or take half, where an attempt costs next to nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause where asking costs others something: a name server, an application, a process.
const LONGEST_PAUSE_FOR_OTHERS: Duration = Duration::from_millis(500);

/// What became of one of several waits.
enum Outcome {
    Ready,
    /// The last cause when the time was over, and the place among the targets.
    Late(usize, Unready),
}

/// Looks the programs of commands up before anything is done: what can never start should be told
/// before the migrations, not behind them.
pub(super) fn look_up(config: &Config) -> Result<(), WaitError> {
    for awaited in config.wait_for.iter().chain(&config.before_exec) {
        if let Awaited::Exec(words) = awaited
            && let Some(program) = words.first()
        {
            exec::look_up(program.as_ref(), config.path.as_deref()).map_err(|source| {
                WaitError::Refused {
                    target: awaited.to_string(),
                    source: Refusal::Command(source),
                }
            })?;
        }
    }
    Ok(())
}

/// Waits until all of them are ready. The first that can never be ends the wait; otherwise each has
/// all the time there is, and the error names all that are late.
pub(super) async fn until_ready(
    config: &Config,
    targets: &[Awaited],
    patience: &Patience,
) -> Result<(), Error> {
    let probe = Probe::new(config);
    let mut waits: FuturesUnordered<_> = targets
        .iter()
        .enumerate()
        .map(|(index, awaited)| until_one_is_ready(&probe, index, awaited, patience))
        .collect();
    let mut late = Vec::new();
    while let Some(outcome) = waits.next().await {
        match outcome? {
            Outcome::Ready => {}
            Outcome::Late(index, unready) => late.push((index, unready)),
        }
    }
    if late.is_empty() {
        return Ok(());
    }
    late.sort_by_key(|(index, _)| *index);
    let unready = late.into_iter().map(|(_, unready)| unready).collect();
    Err(patience.late(unready))
}

/// Waits until all of them are ready, or somebody asks castoff to stop, without any database.
pub(super) fn alone(config: &Config, stop: &Stop, targets: &[Awaited]) -> Result<(), Error> {
    if targets.is_empty() {
        return Ok(());
    }
    let patience = Patience::new(config.wait_timeout);
    let no_database = RefCell::new(None);
    until_stopped(stop, &no_database, until_ready(config, targets, &patience))
}

/// Says at the end of a command that does nothing else what is ready.
pub(super) fn tell(targets: &[Awaited]) {
    let all: Vec<String> = targets.iter().map(ToString::to_string).collect();
    info!(event = "ready", "ready: {}", all.join(", "));
}

/// Two waits at once. An error that no waiting mends ends both; of what is late, all is named.
pub(super) async fn both<A, B>(
    one: impl Future<Output = Result<A, Error>>,
    other: impl Future<Output = Result<B, Error>>,
) -> Result<(A, B), Error> {
    match future::select(pin!(one), pin!(other)).await {
        Either::Left((Ok(first), other)) => Ok((first, other.await?)),
        Either::Right((Ok(second), one)) => Ok((one.await?, second)),
        Either::Left((Err(error), other)) if error.is_late() => {
            Err(beside(error, other.await.err()))
        }
        Either::Right((Err(error), one)) if error.is_late() => Err(match one.await {
            Ok(_) => error,
            Err(first) => beside(first, Some(error)),
        }),
        Either::Left((Err(error), _)) | Either::Right((Err(error), _)) => Err(error),
    }
}

async fn until_one_is_ready(
    probe: &Probe<'_>,
    index: usize,
    awaited: &Awaited,
    patience: &Patience,
) -> Result<Outcome, Error> {
    let target = awaited.to_string();
    let began = Instant::now();
    let mut pauses = Pauses::new(FIRST_PAUSE, longest_pause(awaited));
    let mut told = String::new();
    let mut last: Option<Unready> = None;
    loop {
        let left = patience.for_an_answer();
        let within = match awaited {
            // Only its owner knows how long a command takes.
            Awaited::Exec(_) => left,
            Awaited::Tcp(_) | Awaited::Http(_) | Awaited::File(_) | Awaited::Unix(_) => {
                left.min(ATTEMPT)
            }
        };
        let seen = match probe.attempt(awaited, within).await {
            Ok(()) => {
                if !told.is_empty() {
                    let waited = began.elapsed().as_secs_f64();
                    info!(
                        event = "ready",
                        target, "{target} is ready after {waited:.1} s"
                    );
                }
                return Ok(Outcome::Ready);
            }
            Err(Miss::Never(source)) => {
                return Err(WaitError::Refused { target, source }.into());
            }
            Err(Miss::Failed(error)) => return Err(error),
            // Cut short by the deadline, it says less than what was seen before.
            Err(Miss::NoAnswer(_)) if within < ATTEMPT && last.is_some() => None,
            Err(Miss::NoAnswer(cause)) => Some((cause.to_owned(), String::new())),
            Err(Miss::Later { cause, output }) => Some((cause, output)),
        };
        if let Some((cause, output)) = seen {
            if cause != told {
                info!(
                    event = "waiting",
                    target, cause, "waiting for {target}: {cause}"
                );
                told.clone_from(&cause);
                pauses = Pauses::new(FIRST_PAUSE, longest_pause(awaited));
            }
            last = Some(Unready {
                what: target.clone(),
                cause: format!("{cause}{}", said(&output)),
            });
        }
        let left = patience.left();
        if let Some(unready) = last.take_if(|_| left.is_zero()) {
            return Ok(Outcome::Late(index, unready));
        }
        tokio::time::sleep(pauses.next_pause().min(left)).await;
    }
}

fn longest_pause(awaited: &Awaited) -> Duration {
    match awaited {
        Awaited::File(_) | Awaited::Unix(_) => LONGEST_PAUSE,
        Awaited::Tcp(_) | Awaited::Http(_) | Awaited::Exec(_) => LONGEST_PAUSE_FOR_OTHERS,
    }
}
