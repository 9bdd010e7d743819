//! An init with a command under it, as PID 1 of a process namespace of its own or as any other
//! process in one. The init is castoff, or another one in its place: `CASTOFF_TEST_INIT=/usr/bin/tini`
//! (or dumb-init, catatonit) runs the same tests on that one, to see that they can fail.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::unistd::{Pid, geteuid};

use super::castoff::{Castoff, Finished, Running};
use super::listener::{self, Heard, VARIABLE};
use super::project::Project;
use super::server::children;
use super::{DEADLINE, until};

/// Makes a process namespace with a /proc of its own, by util-linux. Whoever may not, may as the
/// root of a user namespace.
const NAMESPACE: [&[&str]; 2] = [
    &["--pid", "--fork", "--mount-proc", "--kill-child"],
    &[
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
    ],
];

/// Stands as PID 1 over an init that is to be any other process.
const OVER: [&str; 4] = ["/bin/sh", "-c", r#""$@"; exit $?"#, "over"];

/// An option of an init, in no init's words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opt {
    /// Signals go to the whole group.
    KillGroup,
    /// Another signal instead, or none: `TERM:QUIT`, `HUP:0`.
    Rewrite(&'static str),
    /// How long the command may take to stop.
    Grace(&'static str),
    /// The signal for the command when the init's parent dies.
    ParentDeath(&'static str),
    /// The status that counts as 0.
    Remap(&'static str),
    /// More is told on stderr.
    Verbose,
}

/// The inits whose words are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Castoff,
    Tini,
    DumbInit,
    Catatonit,
}

impl Dialect {
    fn of(program: &Path) -> Self {
        match program.file_name().and_then(OsStr::to_str) {
            Some("castoff") => Self::Castoff,
            Some("tini") => Self::Tini,
            Some("dumb-init") => Self::DumbInit,
            Some("catatonit") => Self::Catatonit,
            other => panic!("CASTOFF_TEST_INIT: the options of {other:?} are not known"),
        }
    }

    /// What comes before the options.
    fn verb(self) -> &'static [&'static str] {
        match self {
            Self::Castoff => &["supervise"],
            Self::Tini | Self::DumbInit | Self::Catatonit => &[],
        }
    }

    /// The option in its words. Panics where it has no such option.
    fn option(self, option: Opt) -> Vec<String> {
        let words: &[&str] = match (self, option) {
            (Self::Castoff, Opt::KillGroup) => &["--kill-group"],
            (Self::Castoff, Opt::Rewrite(to)) => &["--rewrite", to],
            (Self::Castoff, Opt::Grace(time)) => &["--grace", time],
            (Self::Castoff, Opt::ParentDeath(signal)) => &["--parent-death-signal", signal],
            (Self::Castoff, Opt::Remap(status)) => &["--remap-status", status],
            (Self::Castoff, Opt::Verbose) => &["--log", "debug"],
            (Self::Tini | Self::DumbInit, Opt::Verbose) => &["-v"],
            // The others wait for ever.
            (_, Opt::Grace("0")) | (Self::DumbInit, Opt::KillGroup) => &[],
            (Self::Tini | Self::Catatonit, Opt::KillGroup) => &["-g"],
            (Self::Tini, Opt::ParentDeath("USR1")) => &["-p", "SIGUSR1"],
            (Self::Tini, Opt::Remap(status)) => &["-e", status],
            (Self::DumbInit, Opt::Rewrite("TERM:QUIT")) => &["-r", "15:3"],
            (Self::DumbInit, Opt::Rewrite("HUP:0")) => &["-r", "1:0"],
            (dialect, option) => panic!("{dialect:?} has no {option:?}"),
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

/// The init under test.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own setting, not castoff's"
    )]
    let find = || {
        std::env::var_os("CASTOFF_TEST_INIT")
            .map_or_else(|| env!("CARGO_BIN_EXE_castoff").into(), PathBuf::from)
    };
    PROGRAM.get_or_init(find)
}

/// Options of `unshare` that work here. Panics where none do: a test that cannot be made has not
/// passed.
fn namespace() -> &'static [&'static str] {
    static NAMESPACE_HERE: OnceLock<&[&str]> = OnceLock::new();
    NAMESPACE_HERE.get_or_init(|| {
        let works = |options: &&&[&str]| {
            let tried = Command::new("unshare").args(**options).arg("true").output();
            tried.is_ok_and(|output| output.status.success())
        };
        NAMESPACE.iter().find(works).expect(
            "no process namespaces here: run the tests as root, or leave these out by `--skip init_`",
        )
    })
}

/// Where the init stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// PID 1 of the namespace.
    Pid1,
    /// A child of a shell that is PID 1.
    Under,
}

/// Both places, for what must hold in each.
pub(crate) const PLACES: [Place; 2] = [Place::Pid1, Place::Under];

/// An init about to run.
#[derive(Debug)]
pub(crate) struct Init<'p> {
    project: &'p Project,
    place: Place,
    outer: Vec<String>,
    wrapper: Vec<String>,
    /// The init's own path; nothing for a command without an init.
    program: Option<PathBuf>,
    grace: &'static str,
    options: Vec<String>,
}

impl<'p> Init<'p> {
    /// An init in this place, which waits for ever when its command is told to stop.
    pub(crate) fn new(project: &'p Project, place: Place) -> Self {
        Self {
            project,
            place,
            outer: Vec::new(),
            wrapper: Vec::new(),
            program: Some(program().to_owned()),
            grace: "0",
            options: Vec::new(),
        }
    }

    /// An init as PID 1.
    pub(crate) fn pid_1(project: &'p Project) -> Self {
        Self::new(project, Place::Pid1)
    }

    /// An init that is not PID 1.
    pub(crate) fn under(project: &'p Project) -> Self {
        Self::new(project, Place::Under)
    }

    /// No init at all: how the command finds itself without one.
    pub(crate) fn none(project: &'p Project, place: Place) -> Self {
        Self {
            program: None,
            ..Self::new(project, place)
        }
    }

    /// The same init from another file.
    pub(crate) fn program(self, path: PathBuf) -> Self {
        Self {
            program: Some(path),
            ..self
        }
    }

    /// The init's own start is by these words, which become the init: `env --ignore-signal=CHLD`.
    pub(crate) fn through<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.wrapper.extend(words.map(str::to_owned));
        self
    }

    /// The namespace's start is by these words: `setsid --ctty`.
    pub(crate) fn around<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.outer.extend(words.map(str::to_owned));
        self
    }

    /// An option of the init.
    pub(crate) fn option(mut self, option: Opt) -> Self {
        if let Opt::Grace(time) = option {
            return Self {
                grace: time,
                ..self
            };
        }
        let dialect = Dialect::of(program());
        self.options.extend(dialect.option(option));
        self
    }

    /// All words from the init on to the command's first.
    pub(crate) fn words(&self) -> Vec<String> {
        let Some(path) = &self.program else {
            return Vec::new();
        };
        let mut words = vec![path.display().to_string()];
        let dialect = Dialect::of(program());
        words.extend(dialect.verb().iter().map(|word| (*word).to_owned()));
        words.extend(dialect.option(Opt::Grace(self.grace)));
        words.extend(self.options.clone());
        words.push("--".to_owned());
        words
    }

    /// The whole, with its command.
    pub(crate) fn command<S: AsRef<OsStr>>(
        self,
        command: impl IntoIterator<Item = S>,
    ) -> Castoff<'p> {
        let init = self.words();
        let mut words = self.outer;
        words.push("unshare".to_owned());
        words.extend(namespace().iter().map(|word| (*word).to_owned()));
        if self.place == Place::Under {
            words.extend(OVER.map(str::to_owned));
        }
        words.extend(self.wrapper);
        words.extend(init);
        let program = Path::new(&words[0]).to_owned();
        let castoff = Castoff::program(self.project.directory(), &program);
        castoff.env("PATH", "/usr/bin:/bin").with(|all| {
            all.args(&words[1..]).args(command);
            // The standard library then forks and does not use `posix_spawn`, with which glibc
            // leaves the signals 32 and 33 ignored.
            std::os::unix::process::CommandExt::uid(all, geteuid().as_raw());
        })
    }

    /// The whole, with a shell as its command.
    pub(crate) fn shell(self, script: &str) -> Castoff<'p> {
        self.command(["/bin/sh", "-c", script])
    }

    /// Runs a shell under it to the end of both.
    pub(crate) fn output(self, script: &str) -> Finished {
        self.shell(script).output()
    }

    /// Starts a command under it.
    pub(crate) fn start<S: AsRef<OsStr>>(self, command: impl IntoIterator<Item = S>) -> Supervised {
        let place = self.place;
        let running = self.command(command).spawn();
        Supervised { running, place }
    }

    /// Starts a shell under it, and returns when that has said `ready` on stderr.
    pub(crate) fn start_shell(self, script: &str) -> Supervised {
        let mut supervised = self.start(["/bin/sh", "-c", script]);
        supervised.running.stderr_until("ready", DEADLINE);
        supervised
    }

    /// Starts a listener under it, and returns when it hears everything.
    pub(crate) fn start_listener(self) -> (Supervised, Heard) {
        let heard = Heard::new(self.project, "heard");
        let place = self.place;
        let castoff = self.command(listener::command());
        let running = castoff.env(VARIABLE, heard.path()).spawn();
        heard.until_ready();
        (Supervised { running, place }, heard)
    }
}

/// An init that runs.
#[derive(Debug)]
pub(crate) struct Supervised {
    pub(crate) running: Running,
    place: Place,
}

impl Supervised {
    /// The init's process id, as the test sees it.
    pub(crate) fn init(&self) -> Pid {
        match self.place {
            Place::Pid1 => first_child(self.running.pid()),
            Place::Under => first_child(first_child(self.running.pid())),
        }
    }

    /// The command's process id, as the test sees it.
    pub(crate) fn child(&self) -> Pid {
        first_child(self.init())
    }

    /// Sends the init a signal.
    pub(crate) fn signal(&self, signal: i32) -> &Self {
        listener::send(self.init(), signal);
        self
    }

    /// Waits for the end of both.
    pub(crate) fn wait(self) -> Finished {
        self.running.wait(DEADLINE)
    }
}

/// The first process that a process started.
pub(crate) fn first_child(parent: Pid) -> Pid {
    until("it has a child", DEADLINE, || {
        children(parent).first().copied()
    })
}

/// What /proc says of a process, as in proc(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `S` sleeps, `T` is stopped, `Z` is a zombie.
    pub(crate) state: char,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// The foreground group of its terminal; -1 without one.
    pub(crate) foreground: i32,
}

impl Stat {
    /// Of a process that is there.
    pub(crate) fn of(pid: Pid) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // The name in parentheses may have anything in it.
        let rest = &text[text.rfind(')').unwrap() + 2..];
        let fields: Vec<_> = rest.split_whitespace().collect();
        let number = |index: usize| fields[index].parse().unwrap();
        Self {
            state: fields[0].chars().next().unwrap(),
            parent: number(1),
            group: number(2),
            session: number(3),
            foreground: number(5),
        }
    }

    /// Returns when a process is in this state.
    #[track_caller]
    pub(crate) fn until_state(pid: Pid, state: char) {
        until(&format!("{pid} is in state {state}"), DEADLINE, || {
            (Self::of(pid).state == state).then_some(())
        });
    }
}

/// A line of /proc/PID/status.
pub(crate) fn status_line(pid: Pid, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let prefix = format!("{name}:");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap().trim().to_owned()
}
