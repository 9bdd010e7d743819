//! A command that says by its exit status whether something is ready.

use std::io::{self, PipeReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tracing::debug;

use super::probe::Miss;
use crate::config::Config;
use crate::error::Error;
use crate::run::child::{self, Running};
use crate::run::exec::ExecError;
use crate::run::wait_error::Refusal;

/// As much of what a command says is kept: the end.
const LONGEST_OUTPUT: usize = 4096;

/// As much of its last line is shown.
const LONGEST_LINE: usize = 200;

/// Runs it to its end. It is killed, and with it what it started, when the time is over, and when
/// castoff is told to stop: then this is dropped.
pub(super) async fn run(config: &Config, words: &[String], within: Duration) -> Result<(), Miss> {
    let (program, arguments) = words.split_first().expect("config rejects no command");
    let failed = |error| Miss::Failed(Error::System(error));
    // Both outputs in one pipe: in the order in which it was said.
    let (reader, writer) = io::pipe().map_err(failed)?;
    let streams = [
        Stdio::null(),
        writer.try_clone().map_err(failed)?.into(),
        writer.into(),
    ];
    let started = child::start(config, program, arguments, streams);
    let mut running = Running::of(started.map_err(|source| {
        Miss::Never(Refusal::Command(ExecError::NotExecutable {
            command: program.clone(),
            source,
        }))
    })?);
    let rest = reader.try_clone().map_err(failed)?;
    let mut output = Output {
        pipe: Receiver::from_owned_fd(reader.into()).map_err(failed)?,
        rest,
        kept: Vec::new(),
    };
    let ended = tokio::select! {
        biased;
        never = output.read() => match never {},
        ended = running.ended(within) => ended.map_err(Miss::Failed)?,
    };
    output.drain();
    let said = String::from_utf8_lossy(&output.kept);
    if !said.trim().is_empty() {
        debug!("`{program}` said: {}", said.trim());
    }
    match ended {
        None => Err(Miss::NoAnswer("it has not ended")),
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            let output = last_line(&said);
            Err(match status.code() {
                Some(status @ (126 | 127)) => Miss::Never(Refusal::Status { status, output }),
                _ => Miss::Later {
                    cause: format!("it ended with {}", child::end(status)),
                    output,
                },
            })
        }
    }
}

/// The end of what a command says.
struct Output {
    pipe: Receiver,
    /// The same pipe, to be read when there is nothing to wait for. The runtime's own hand does not
    /// know yet what the command said just before its end.
    rest: PipeReader,
    kept: Vec<u8>,
}

impl Output {
    /// Reads as it comes, so that the command never waits for a reader. Whoever it started may hold
    /// the pipe open for longer than it lives, so that nobody waits for the end of this.
    async fn read(&mut self) -> std::convert::Infallible {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = self.pipe.read(&mut buffer).await {
            self.keep(&buffer[..count]);
        }
        std::future::pending().await
    }

    /// Takes what is left in the pipe.
    fn drain(&mut self) {
        let mut buffer = [0; 1024];
        // As much as a pipe holds, and no more: another process may still write.
        for _ in 0..64 {
            // Non-blocking, as the runtime has made it.
            match self.rest.read(&mut buffer) {
                Ok(count @ 1..) => self.keep(&buffer[..count]),
                Ok(0) | Err(_) => return,
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        let excess = self.kept.len().saturating_sub(LONGEST_OUTPUT);
        self.kept.drain(..excess);
    }
}

/// The last line that is not blank, fit to be a part of one.
fn last_line(text: &str) -> String {
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    let plain = line.unwrap_or_default().trim().chars();
    plain
        .filter(|letter| !letter.is_control())
        .take(LONGEST_LINE)
        .collect()
}
