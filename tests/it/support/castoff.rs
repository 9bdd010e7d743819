//! castoff as a process: what it is given, what it says, and how it ends.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use expect_test::Expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::database::Database;
use super::redact::redact;
use super::server::children;
use super::{DEADLINE, PASSWORD, until, within};

/// How long an ended process's pipes are read on.
const DRAIN: Duration = Duration::from_secs(2);

/// castoff about to run, with an empty environment.
#[derive(Debug)]
pub(crate) struct Castoff<'p> {
    directory: &'p Path,
    command: Command,
    needles: Vec<(String, &'static str)>,
    secrets: Vec<String>,
}

impl<'p> Castoff<'p> {
    /// castoff in this directory.
    pub(crate) fn new(directory: &'p Path) -> Self {
        Self::program(directory, Path::new(env!("CARGO_BIN_EXE_castoff")))
    }

    /// castoff as PID 1 of a process namespace of its own, as in a container. `None` where this
    /// machine does not let the tests make one.
    pub(crate) fn as_pid_1(directory: &'p Path) -> Option<Self> {
        let unshare = ["unshare", "--pid", "--fork", "--kill-child"];
        let works = Command::new(unshare[0])
            .args(&unshare[1..])
            .arg("true")
            .output();
        if !works.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED as PID 1: no process namespaces here");
            return None;
        }
        let castoff = Self::program(directory, Path::new(unshare[0])).with(|command| {
            command
                .args(&unshare[1..])
                .arg(env!("CARGO_BIN_EXE_castoff"));
        });
        Some(castoff)
    }

    /// Another program in castoff's place, such as a bundle.
    pub(crate) fn program(directory: &'p Path, program: &Path) -> Self {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(directory)
            .stdin(Stdio::null());
        let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
        let needles = vec![(directory.display().to_string(), "[dir]"), (host, "[host]")];
        Self {
            directory,
            command,
            needles,
            secrets: vec![PASSWORD.to_owned()],
        }
    }

    /// More arguments.
    pub(crate) fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.command.args(arguments);
        self
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// `DATABASE_URL` is this database's.
    pub(crate) fn database(mut self, database: &Database<'_>) -> Self {
        let server = database.server();
        self.needles
            .push((database.name().to_owned(), "[database]"));
        self.needles.push((server.port().to_string(), "[port]"));
        self.needles
            .push((server.socket_directory().display().to_string(), "[socket]"));
        self.env("DATABASE_URL", database.url())
    }

    /// Another text that it must not print.
    pub(crate) fn secret(mut self, text: &str) -> Self {
        self.secrets.push(text.to_owned());
        self
    }

    /// Another text that differs from run to run.
    pub(crate) fn redact(mut self, needle: &str, label: &'static str) -> Self {
        self.needles.push((needle.to_owned(), label));
        self
    }

    /// Changes the command in a way that has no method here.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    /// Runs it to its end.
    pub(crate) fn output(self) -> Finished {
        self.spawn().wait(DEADLINE)
    }

    /// Starts it with outputs of the test's own, a terminal say.
    pub(crate) fn spawn_with(mut self, stdout: Stdio, stderr: Stdio) -> Child {
        self.command.stdout(stdout).stderr(stderr);
        // The command, and with it its copy of what it gave to the process, ends here.
        self.command.spawn().unwrap()
    }

    /// Starts it, as the leader of a process group of its own.
    pub(crate) fn spawn(mut self) -> Running {
        assert!(self.directory.is_dir(), "the project is gone");
        self.command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = self.command.spawn().unwrap();
        let stdout = Stream::read(child.stdout.take().unwrap());
        let stderr = Stream::read(child.stderr.take().unwrap());
        Running {
            child,
            stdout,
            stderr,
            needles: self.needles,
            secrets: self.secrets,
        }
    }
}

/// castoff, or the server that it became.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    needles: Vec<(String, &'static str)>,
    secrets: Vec<String>,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Returns when it has said this on stderr.
    pub(crate) fn stderr_until(&mut self, text: &str, deadline: Duration) -> &mut Self {
        let stderr = &self.stderr;
        let child = &mut self.child;
        until(&format!("stderr says `{text}`"), deadline, || {
            // Asked before the text is looked at: what it said last is then there to be seen.
            let ended = child.try_wait().unwrap().is_some() && stderr.is_at_end();
            let said = stderr.text();
            if said.contains(text) {
                return Some(());
            }
            assert!(!ended, "it ended without saying `{text}`:\n{said}");
            None
        });
        self
    }

    /// What it has said on stderr so far, unchanged.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> &Self {
        kill(self.pid(), signal).unwrap();
        self
    }

    /// The process that it started: castoff itself, under [`Castoff::as_pid_1`].
    pub(crate) fn child(&self) -> Pid {
        until("it has a child", DEADLINE, || {
            children(self.pid()).first().copied()
        })
    }

    /// Sends that process a signal.
    pub(crate) fn signal_child(&self, signal: Signal) -> &Self {
        kill(self.child(), signal).unwrap();
        self
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self, deadline: Duration) -> Finished {
        let child = &mut self.child;
        let Some(status) = within(deadline, || child.try_wait().unwrap()) else {
            let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
            panic!("it runs on after {deadline:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        // A process that it left behind may hold the pipes; what itself said is in them by now.
        let (stdout, stderr) = (&self.stdout, &self.stderr);
        within(DRAIN, || {
            (stdout.is_at_end() && stderr.is_at_end()).then_some(())
        });
        let said = [("stdout", stdout.text()), ("stderr", stderr.text())];
        for secret in &self.secrets {
            for (name, text) in &said {
                assert!(!text.contains(secret), "a password is in {name}:\n{text}");
            }
        }
        let [stdout, stderr] = said.map(|(_, text)| redact(&text, &self.needles));
        Finished {
            status: Status::from(status),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// How castoff ended and what it said, with what differs from run to run taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) status: Status,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Compares everything with a snapshot.
    #[track_caller]
    pub(crate) fn check(&self, expected: &Expect) -> &Self {
        expected.assert_eq(&self.to_string());
        self
    }

    /// Compares the status alone; shows everything when it differs.
    #[track_caller]
    pub(crate) fn status(&self, code: i32) -> &Self {
        assert_eq!(self.status, Status::Code(code), "{self}");
        self
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.status)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(formatter, "--- {name}\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It returned this status.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl From<ExitStatus> for Status {
    fn from(status: ExitStatus) -> Self {
        status
            .code()
            .map_or_else(|| Self::Signal(status.signal().unwrap()), Self::Code)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "status {code}"),
            Self::Signal(number) => write!(formatter, "signal {number}"),
        }
    }
}

/// One pipe, read by a thread as the process writes.
#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                shared.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn is_at_end(&self) -> bool {
        self.reader.is_finished()
    }
}
