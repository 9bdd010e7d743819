//! Becoming the web server: the last thing castoff does.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use castoff_process::credentials::{self, Credentials};
use castoff_process::{descriptor, stay};
use nix::sys::prctl;
use nix::sys::signal::SigSet;
use tracing::debug;

use super::account;
use super::activation::{self, Ids};
use super::environment::{self, Environment};
use super::privilege_error::PrivilegeError;
use super::signal::Stop;
use crate::config::Config;
use crate::database::conninfo;
use crate::error::Error;
use crate::report;

/// The number of the first socket in `sd_listen_fds(3)`.
pub const SOCKET: i32 = 3;

/// What becomes of castoff.
#[derive(Debug)]
pub struct Launch<'l> {
    /// The server and its arguments.
    pub server: &'l [OsString],
    /// How its environment differs from castoff's.
    pub environment: Environment,
    /// Who it is, if not who castoff is.
    pub credentials: Option<Credentials>,
    /// Whether executing a file may never give it more privileges.
    pub no_new_privs: bool,
    /// The socket that it gets as descriptor 3.
    pub socket: Option<BorrowedFd<'l>>,
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

impl<'l> Launch<'l> {
    /// A command that is only looked after: it finds what castoff found.
    pub fn of_command(server: &'l [OsString]) -> Self {
        Self {
            server,
            environment: Environment::default(),
            credentials: None,
            no_new_privs: false,
            socket: None,
            signals: Signals::Inherited,
        }
    }

    /// Prepares everything that can be known to go wrong, before anything is done to the database: a
    /// deployment that can never start should fail before it migrates.
    pub fn prepare(config: &Config, server: &'l [OsString]) -> Result<Self, Error> {
        let program = server.first().expect("clap requires a command");
        let files = look_up(program, config.path.as_deref())?;
        let secrets = environment::read_secrets(&config.secret_files)?;
        let mut environment = Environment::without(&config.secret_variables).with_secrets(secrets);
        let user = config.privileges.user.as_ref();
        let account = user.map(account::find).transpose()?;
        if let Some(account) = &account {
            account::rehearse(account, &files)?;
            if let Some(identity) = &account.identity {
                environment = environment.of_user(identity);
            }
        }
        environment.unset.extend(own_password(config));
        environment
            .unset
            .extend_from_slice(&config.privileges.unset_env);
        Ok(Self {
            server,
            environment,
            credentials: account.map(|account| account.credentials),
            no_new_privs: config.privileges.no_new_privs,
            socket: None,
            signals: if config.stays {
                Signals::Inherited
            } else {
                Signals::Clean
            },
        })
    }

    /// Passes the socket on, and the variables that tell the server of it, or of those that castoff was
    /// given itself.
    pub fn listen(&mut self, config: &Config, socket: Option<&'l OwnedFd>) {
        let ids = Ids {
            own: std::process::id(),
            init: config.stays.then(parent_id),
        };
        let listening = activation::variables(&config.activation, ids, socket.is_some());
        self.environment.unset.extend(listening.unset);
        self.environment.set.extend(listening.set);
        self.socket = socket.map(AsFd::as_fd);
    }
}

/// `PGPASSWORD`, if it is the migration role's and not the server's.
fn own_password(config: &Config) -> Option<String> {
    let server = config.server_database.as_ref()?;
    let password = server.environment.get("PGPASSWORD")?;
    // What cannot be resolved is told when it is needed.
    let (own, server) = (
        conninfo::resolve(&config.database),
        conninfo::resolve(server),
    );
    environment::is_own_password(password, &own.ok()?, &server.ok()?).then(|| {
        debug!("PGPASSWORD is the migration role's: the server does not get it");
        "PGPASSWORD".to_owned()
    })
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
    /// The file is there, and the user that the server runs as may not execute it.
    #[error("`{command}` cannot be executed by user {user}")]
    NotForUser {
        /// The file.
        command: String,
        /// The user's number.
        user: u32,
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
    /// The system does not let the socket have its number.
    #[error("the server's socket cannot become descriptor 3")]
    Socket(#[source] io::Error),
}

impl ExecError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "exec-not-found",
            Self::NotExecutable { .. }
            | Self::NotForUser { .. }
            | Self::NoInterpreter { .. }
            | Self::Socket(_) => "exec-failed",
        }
    }

    /// What a shell exits with: 127 for a command that is not found, 126 for one that does not run.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. }
            | Self::NotForUser { .. }
            | Self::NoInterpreter { .. }
            | Self::Socket(_) => 126,
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
            Self::NotForUser { .. } => {
                "make it readable and executable for that user, and every directory above it, with `chmod o+rx`".into()
            }
            Self::NoInterpreter { .. } => {
                "install what its first line names, or link it statically for an image without a libc".into()
            }
            Self::Socket(_) => "raise the limit on open files, `ulimit -n`".into(),
        }
    }
}

/// The files that may be meant by a command, at least one: executable for somebody, in the order in
/// which they are tried.
pub fn look_up(command: &OsStr, path: Option<&OsStr>) -> Result<Vec<PathBuf>, ExecError> {
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
    let executable: Vec<PathBuf> = found
        .iter()
        .filter(|path| is_executable(path))
        .map(|path| (*path).clone())
        .collect();
    if !executable.is_empty() {
        Ok(executable)
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
pub fn replace(launch: &Launch<'_>, stop: &Stop) -> Result<i32, Error> {
    if launch.signals == Signals::Clean {
        give_ignored_signals_a_handler();
    }
    // Before a signal may end the process, or the server has the terminal.
    report::leave_terminal();
    stop.end_at_once();
    if let Some(signal) = stop.received() {
        return Ok(signal);
    }
    start(launch).map(|never| match never {})
}

/// Becomes the server, with the environment, the user and the socket that it was promised. Returns
/// only why it could not.
///
/// Uses `std`, not a raw `execvp`: `std` first restores SIGPIPE, which the Rust runtime ignores and
/// which the server would otherwise inherit ignored. Descriptors of castoff's own are all
/// close-on-exec; those it was given, it passes on.
pub fn start(launch: &Launch<'_>) -> Result<Infallible, Error> {
    let (program, arguments) = launch
        .server
        .split_first()
        .expect("clap requires a command");
    let mut command = Command::new(program);
    command.args(arguments).envs(&launch.environment.set);
    for name in &launch.environment.unset {
        command.env_remove(name);
    }
    if let Some(socket) = launch.socket {
        // Whatever castoff itself has open as 3 is closed by this, and the exec would close it anyway.
        descriptor::place(socket, SOCKET).map_err(ExecError::Socket)?;
    }
    give_privileges_up(launch)?;
    match launch.signals {
        // Only a bad argument could fail here, and there is none.
        Signals::Clean => drop(SigSet::empty().thread_set_mask()),
        Signals::Inherited => stay::keep_inherited_signals(&mut command),
    }
    let source = command.exec();
    let shown = program.to_string_lossy().into_owned();
    // execve(2) says so for the interpreter as well, and the file was there a moment ago.
    Err(Error::Exec(if source.kind() == io::ErrorKind::NotFound {
        ExecError::NoInterpreter { command: shown }
    } else {
        ExecError::NotExecutable {
            command: shown,
            source,
        }
    }))
}

/// Becomes the server's user. It was rehearsed: what fails here has changed since.
fn give_privileges_up(launch: &Launch<'_>) -> Result<(), PrivilegeError> {
    if let Some(credentials) = &launch.credentials {
        report::give_streams_to(credentials.user);
        credentials::adopt(credentials)
            .map_err(|refused| PrivilegeError::refused(credentials.user, refused))?;
    }
    if launch.no_new_privs {
        prctl::set_no_new_privs().map_err(|errno| PrivilegeError::NoNewPrivs(errno.into()))?;
    }
    Ok(())
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
