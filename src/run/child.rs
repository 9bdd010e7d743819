//! A command of the user's, and what it starts: a process group of its own, which is never left
//! behind, unless castoff is killed.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::task::JoinHandle;

use super::exec;
use crate::config::{self, Config};
use crate::error::Error;

/// Starts a command with castoff's environment minus castoff's secrets, and with these as its
/// standard input, output and error. It may be castoff itself, or run one. `std` gives it an empty
/// signal mask and the default for SIGPIPE; what else castoff was made to ignore gets a handler
/// here, which the kernel takes away at the exec.
pub(super) fn start(
    config: &Config,
    program: &str,
    arguments: &[String],
    [input, output, error]: [Stdio; 3],
) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .process_group(0)
        .stdin(input)
        .stdout(output)
        .stderr(error);
    for name in &config.secret_variables {
        command.env_remove(name);
    }
    command.env(config::RUN_BY_CASTOFF, "1");
    // The last words of a castoff that it runs are not the container's.
    command.env("CASTOFF_TERMINATION_LOG", "/dev/null");
    exec::give_ignored_signals_a_handler();
    command.spawn()
}

/// A command and the processes that it started.
pub(super) struct Running {
    group: Pid,
    waiting: JoinHandle<std::io::Result<ExitStatus>>,
    has_ended: bool,
}

impl Running {
    /// Waits for the command, in a thread.
    pub(super) fn of(mut child: Child) -> Self {
        Self {
            group: Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX)),
            waiting: tokio::task::spawn_blocking(move || child.wait()),
            has_ended: false,
        }
    }

    /// How the command ended, if it does within this time.
    pub(super) async fn ended(&mut self, within: Duration) -> Result<Option<ExitStatus>, Error> {
        let Ok(joined) = tokio::time::timeout(within, &mut self.waiting).await else {
            return Ok(None);
        };
        self.has_ended = true;
        let status = joined
            .map_err(std::io::Error::other)
            .and_then(|waited| waited);
        status.map(Some).map_err(Error::System)
    }

    /// Ends it and what it started, by this signal or by force.
    pub(super) async fn end(&mut self, signal: Signal, grace: Duration) -> Result<(), Error> {
        killpg(self.group, signal).ok();
        let ended = self.ended(grace).await;
        // What the command left behind is still in its group.
        killpg(self.group, Signal::SIGKILL).ok();
        ended.map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Dropped in the middle: nobody waits any longer. Once it was waited for, its number may
        // be somebody else's.
        if !self.has_ended {
            killpg(self.group, Signal::SIGKILL).ok();
        }
    }
}

/// `status 3` or `signal 9`.
pub(super) fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
