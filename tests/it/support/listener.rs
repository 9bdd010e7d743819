//! A child that hears every signal: it blocks all of them, takes them from a signalfd(2) one by one,
//! and writes their numbers into a file. It is the test binary itself, started once more.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use super::project::Project;
use super::{DEADLINE, until};

/// Names the file, and makes the test binary a listener.
pub(crate) const VARIABLE: &str = "CASTOFF_TEST_LISTENER";

/// The test below, as the test binary knows it.
const TEST: &str = "support::listener::tests::a_listener_hears_every_signal_once";

/// The command line of a listener; [`VARIABLE`] says where it writes.
pub(crate) fn command() -> [String; 5] {
    let program = std::env::current_exe().unwrap().display().to_string();
    [&program, "--exact", TEST, "--nocapture", "--quiet"].map(str::to_owned)
}

/// What a listener has heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    path: PathBuf,
}

impl Heard {
    /// The file of this name in the project.
    pub(crate) fn new(project: &Project, name: &str) -> Self {
        Self {
            path: project.path(name),
        }
    }

    /// For [`VARIABLE`].
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when the listener is ready: from now on nothing is lost.
    #[track_caller]
    pub(crate) fn until_ready(&self) {
        until("the listener is ready", DEADLINE, || self.lines());
    }

    /// The numbers of the signals so far, in the order they were taken.
    pub(crate) fn all(&self) -> Vec<i32> {
        let lines = self.lines().unwrap_or_default();
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    /// Sends a signal to a process, and returns when the listener has heard one more.
    #[track_caller]
    pub(crate) fn after(&self, pid: Pid, signal: i32) -> Vec<i32> {
        let before = self.all().len();
        send(pid, signal);
        let what = format!("signal {signal} is heard behind {:?}", self.all());
        until(&what, DEADLINE, || {
            let all = self.all();
            (all.len() > before).then_some(all)
        })
    }

    /// Nothing before the first line is complete.
    fn lines(&self) -> Option<Vec<String>> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        let complete = &text[..=text.rfind('\n')?];
        Some(complete.lines().skip(1).map(str::to_owned).collect())
    }
}

/// Sends a signal of any number, the real-time ones too.
#[track_caller]
pub(crate) fn send(pid: Pid, signal: i32) {
    if let Ok(signal) = Signal::try_from(signal) {
        kill(pid, signal).unwrap();
        return;
    }
    let words = format!("kill -{signal} {pid}");
    let status = Command::new("/bin/sh").args(["-c", &words]).status();
    assert!(status.unwrap().success(), "{words}");
}

/// Listens until it is killed.
fn listen(path: OsString) -> ! {
    let all = SigSet::all();
    let blocked = SigSet::thread_get_mask().unwrap();
    if !blocked.contains(Signal::SIGUSR1) {
        all.thread_block().unwrap();
        let [program, arguments @ ..] = command();
        // The mask stays: in the program that comes now, no thread can be taken by surprise.
        let error = Command::new(program).args(arguments).exec();
        panic!("{error}");
    }
    let signals = SignalFd::new(&all).unwrap();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    writeln!(file, "ready").unwrap();
    loop {
        let signal = signals.read_signal().unwrap().unwrap();
        writeln!(file, "{}", signal.ssi_signo).unwrap();
    }
}

/// A listener that is nobody's but the test's.
#[derive(Debug)]
struct Alone(Child);

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    #[allow(
        unused_imports,
        reason = "the campaign of faults has no harness, and so no tests"
    )]
    use super::*;

    #[test]
    fn a_listener_hears_every_signal_once() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the tests' own setting, not castoff's"
        )]
        if let Some(path) = std::env::var_os(VARIABLE) {
            listen(path);
        }
        let project = Project::empty();
        let heard = Heard::new(&project, "heard");
        let [program, arguments @ ..] = command();
        let child = Command::new(program)
            .args(arguments)
            .env(VARIABLE, heard.path())
            .spawn();
        let alone = Alone(child.unwrap());
        heard.until_ready();
        let pid = Pid::from_raw(alone.0.id().try_into().unwrap());
        let sent = [1, 10, 10, 11, 15, 20, 34, 34, 64];
        for signal in sent {
            heard.after(pid, signal);
        }
        assert_eq!(heard.all(), sent);
    }
}
