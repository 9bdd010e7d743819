//! Becoming the web server: the last thing castoff does.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use castoff_process::stay;
use nix::sys::signal::SigSet;

use super::signal::Stop;
use crate::config;
use crate::report;

/// What becomes of castoff.
#[derive(Debug)]
pub struct Launch<'l> {
    /// The server and its arguments.
    pub server: &'l [OsString],
    /// Variables that it does not get.
    pub unset: Vec<String>,
    /// Variables that it gets besides.
    pub set: BTreeMap<OsString, OsString>,
    /// Which signals it finds ignored and blocked.
    pub signals: Signals,
}

/// Which signals a server finds ignored and blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    /// None: whoever started castoff did not mean the server.
    Clean,
    /// Those that castoff found so itself: an init changes nothing for its child, and `nohup`
    /// relies on it.
    Inherited,
}

impl Launch<'_> {
    /// In the child of an init: sockets that were for the init are for this process. `LISTEN_PID`
    /// says whose they are, and `LISTEN_PIDFDID` says it again since systemd 258.
    pub fn take_sockets_of_the_init(&mut self) {
        if config::has_sockets(parent_id()) {
            let pid = std::process::id().to_string();
            self.set.insert("LISTEN_PID".into(), pid.into());
            self.unset.push("LISTEN_PIDFDID".to_owned());
        }
    }
}

/// Why the server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// No file of that name, in `PATH` or where the path says.
    #[error("`{command}` is not found")]
    NotFound {
        /// The command as given.
        command: String,
        /// Whether it was looked for in `PATH`.
        in_path: bool,
    },
    /// The file is there, and the system does not run it.
    #[error("`{command}` cannot be executed")]
    NotExecutable {
        /// The command as given.
        command: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is there, but the program that should run or load it is not.
    #[error("`{command}` is there, but its interpreter or loader is not")]
    NoInterpreter {
        /// The command as given.
        command: String,
    },
}

impl ExecError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "exec-not-found",
            Self::NotExecutable { .. } | Self::NoInterpreter { .. } => "exec-failed",
        }
    }

    /// What a shell exits with: 127 for a command that is not found, 126 for one that does not run.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } | Self::NoInterpreter { .. } => 126,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NotFound { in_path: true, .. } => {
                "write the full path after `--`, or correct PATH".into()
            }
            Self::NotFound { in_path: false, .. } => "correct the path after `--`".into(),
            Self::NotExecutable { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                "name the program in it, after `--`".into()
            }
            Self::NotExecutable { .. } => "make it executable with `chmod +x`, and check that it is built for this machine".into(),
            Self::NoInterpreter { .. } => {
                "install what its first line names, or link it statically for an image without a libc".into()
            }
        }
    }
}

/// Looks the server up before anything is done to the database: a deployment that can never start
/// should fail before it migrates.
pub fn look_up(command: &OsStr, path: Option<&OsStr>) -> Result<(), ExecError> {
    let shown = command.to_string_lossy().into_owned();
    let in_path = !command.as_bytes().contains(&b'/');
    let candidates: Vec<PathBuf> = if in_path {
        // What execvp(3) searches when there is no PATH.
        let path = path.unwrap_or(OsStr::new("/bin:/usr/bin"));
        std::env::split_paths(path)
            .map(|directory| directory.join(command))
            .collect()
    } else {
        vec![PathBuf::from(command)]
    };
    let is_file = |path: &&PathBuf| path.is_file();
    let is_executable = |path: &Path| {
        path.metadata()
            .is_ok_and(|data| data.permissions().mode() & 0o111 != 0)
    };
    let found: Vec<&PathBuf> = candidates.iter().filter(is_file).collect();
    if found.iter().any(|path| is_executable(path)) {
        Ok(())
    } else if !in_path && candidates.iter().any(|path| path.is_dir()) {
        let source = io::Error::from(io::ErrorKind::IsADirectory);
        Err(ExecError::NotExecutable {
            command: shown,
            source,
        })
    } else if found.is_empty() {
        Err(ExecError::NotFound {
            command: shown,
            in_path,
        })
    } else {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        Err(ExecError::NotExecutable {
            command: shown,
            source,
        })
    }
}

/// Replaces castoff by the server, with the same PID. Returns the signal that came just before, or
/// why it failed.
pub fn replace(launch: &Launch<'_>, stop: &Stop) -> Result<i32, ExecError> {
    if launch.signals == Signals::Clean {
        give_ignored_signals_a_handler();
    }
    // Before a signal may end the process, or the server has the terminal.
    report::leave_terminal();
    stop.end_at_once();
    if let Some(signal) = stop.received() {
        return Ok(signal);
    }
    Err(start(launch))
}

/// Becomes the server, with the environment minus castoff's own secrets. Returns why it could not.
///
/// Uses `std`, not a raw `execvp`: `std` first restores SIGPIPE, which the Rust runtime ignores and
/// which the server would otherwise inherit ignored. Descriptors of castoff's own are all
/// close-on-exec; those it was given, it passes on.
pub fn start(launch: &Launch<'_>) -> ExecError {
    let (program, arguments) = launch
        .server
        .split_first()
        .expect("clap requires a command");
    let mut command = Command::new(program);
    command.args(arguments).envs(&launch.set);
    for name in &launch.unset {
        command.env_remove(name);
    }
    match launch.signals {
        // Only a bad argument could fail here, and there is none.
        Signals::Clean => drop(SigSet::empty().thread_set_mask()),
        Signals::Inherited => stay::keep_inherited_signals(&mut command),
    }
    let source = command.exec();
    let shown = program.to_string_lossy().into_owned();
    // execve(2) says so for the interpreter as well, and the file was there a moment ago.
    if source.kind() == io::ErrorKind::NotFound {
        ExecError::NoInterpreter { command: shown }
    } else {
        ExecError::NotExecutable {
            command: shown,
            source,
        }
    }
}

/// An ignored signal stays ignored across exec; a handled one gets its default action back (see
/// execve(2)). So every signal that castoff inherited as ignored is given a handler for the last
/// moment: a server must not be deaf to SIGTERM or SIGCHLD because of how its parent was started.
pub(super) fn give_ignored_signals_a_handler() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return;
    };
    for signal in ignored_signals(&status) {
        // SIGKILL, SIGSTOP and the faults cannot be handled, and are not meant to be ignored.
        if !signal_hook::consts::FORBIDDEN.contains(&signal) {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).ok();
        }
    }
}

/// The signals of the `SigIgn` mask of proc(5): bit n-1 stands for signal n.
fn ignored_signals(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    (1..=64)
        .filter(|signal| mask >> (signal - 1) & 1 == 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &str, expected: &[i32]) {
        assert_eq!(ignored_signals(status), expected);
    }

    #[test]
    fn reads_the_mask_of_ignored_signals() {
        check("Name:\tcastoff\nSigIgn:\t0000000000001000\n", &[13]);
        check("SigIgn:\t8000000000000001\n", &[1, 64]);
        check("SigIgn:\tnonsense\n", &[]);
        check("", &[]);
    }

    #[test]
    fn finds_a_command_as_a_shell_would() {
        let path = Some(OsStr::new("/nowhere:/bin"));
        assert!(look_up(OsStr::new("sh"), path).is_ok());
        assert!(look_up(OsStr::new("/bin/sh"), None).is_ok());
        let refused = |command: &str| {
            look_up(OsStr::new(command), path)
                .unwrap_err()
                .exit_status()
        };
        assert_eq!(refused("no-such-command"), 127);
        assert_eq!(refused("/bin"), 126);
        assert_eq!(refused("/etc/passwd"), 126);
    }
}
