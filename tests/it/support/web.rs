//! What castoff becomes in the tests: a shell that reports how it was started.

use std::path::Path;
use std::time::Duration;

use super::castoff::Castoff;
use super::project::Project;
use super::until;

/// Signals 32 and 33, which glibc keeps to itself and leaves ignored in whatever it starts by
/// `posix_spawn`. Nobody can send or handle them by the usual calls.
pub(crate) const LIBC: u64 = 3 << 31;

/// What the server does after its report.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// Ends with this status.
    Exit(i32),
    /// Stays until a signal ends it, with the dispositions it was started with.
    Stay,
}

/// The server's command line: `/bin/sh -c … web REPORT THEN`. Started by `sh -c`, so that the
/// shell has no script file open.
pub(crate) fn run(project: &Project, then: Then) -> Castoff<'_> {
    run_as(project.castoff(["run", "--"]), project, "report", then)
}

/// The same with castoff's own arguments chosen by the caller, and a report of its own.
pub(crate) fn run_as<'p>(
    castoff: Castoff<'p>,
    project: &Project,
    report: &str,
    then: Then,
) -> Castoff<'p> {
    let path = project.path(report).display().to_string();
    let then = match then {
        Then::Exit(status) => status.to_string(),
        Then::Stay => "stay".to_owned(),
    };
    castoff.args(["/bin/sh", "-c", include_str!("web.sh"), "web", &path, &then])
}

/// How the server found itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) pid: i32,
    /// `SigIgn` as the kernel prints it. `SigBlk` is not for a shell to tell: see [`Masks`].
    pub(crate) ignored: u64,
    pub(crate) descriptors: Vec<u32>,
    pub(crate) arguments: Vec<String>,
    /// As the kernel keeps it: `NAME=value`, in order.
    pub(crate) environment: Vec<String>,
}

impl Report {
    /// Waits for the report of a server that `run` started.
    pub(crate) fn of(project: &Project, deadline: Duration) -> Self {
        Self::read(&project.path("report"), deadline)
    }

    /// Waits for the report at a path.
    pub(crate) fn read(path: &Path, deadline: Duration) -> Self {
        let status = until("the server started", deadline, || {
            std::fs::read_to_string(path).ok()
        });
        let file =
            |kind: &str| std::fs::read_to_string(format!("{}.{kind}", path.display())).unwrap();
        let list = |kind: &str| {
            file(kind)
                .split_terminator('\0')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let values = |name: &str| {
            let lines = status.lines().filter_map(|line| line.strip_prefix(name));
            lines
                .map(|value| value.trim().to_owned())
                .collect::<Vec<_>>()
        };
        let mask = |name: &str| u64::from_str_radix(&values(name)[0], 16).unwrap();
        Self {
            pid: values("Pid:")[0].parse().unwrap(),
            ignored: mask("SigIgn:") & !LIBC,
            descriptors: file("fd")
                .lines()
                .map(|number| number.parse().unwrap())
                .collect(),
            arguments: list("cmdline"),
            environment: list("environ"),
        }
    }
}

/// The signals that a server finds ignored and blocked. Told by a program that changes neither: a shell
/// unblocks all when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masks {
    pub(crate) ignored: u64,
    pub(crate) blocked: u64,
}

impl Masks {
    /// Lets castoff, whose arguments are complete but for the server's, become that program.
    #[track_caller]
    pub(crate) fn under(castoff: Castoff<'_>) -> Self {
        let finished = castoff.args(["/bin/cat", "/proc/self/status"]).output();
        finished.status(0);
        let mask = |name: &str| {
            let mut lines = finished.stdout.lines();
            let mask = lines.find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap()
        };
        Self {
            ignored: mask("SigIgn:"),
            blocked: mask("SigBlk:"),
        }
    }
}
