//! The container's first process: still castoff, or the server that it became. By `/proc`, see proc(5).

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::{Answer, State, Unknown};
use crate::status::phase::Phase;

/// Small inits, whose first child is what counts.
const INITS: [&str; 6] = [
    "docker-init",
    "tini",
    "tini-static",
    "dumb-init",
    "catatonit",
    "podman-init",
];

/// First processes that say nothing about castoff: a machine's, and a Kubernetes pod's whose containers
/// share their processes.
const OTHERS: [&str; 4] = ["systemd", "init", "pause", "s6-svscan"];

/// An init may have an init, and no more than that.
const DEEPEST: usize = 4;

/// Looks at the first process, and where it is an init, at its first child.
pub fn ask() -> Result<Answer, Unknown> {
    judge(1, DEEPEST, see)
}

/// One process, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// The kernel's name for it: 15 bytes of its program's file name, unless it chose another.
    name: String,
    /// Whether it runs this program.
    is_castoff: bool,
    /// Its arguments.
    arguments: Vec<String>,
    /// Its children, the oldest first.
    children: Vec<u32>,
}

fn judge(pid: u32, depth: usize, see: impl Fn(u32) -> Option<Seen>) -> Result<Answer, Unknown> {
    let unknown = |reason: String| Err(Unknown { reason });
    let Some(seen) = see(pid) else {
        return unknown(format!("process {pid} cannot be seen in /proc"));
    };
    let name = &seen.name;
    let looks_after = if seen.is_castoff {
        is_init(&seen.arguments)
    } else {
        INITS.contains(&name.as_str())
    };
    let answer = |state, phase: Option<Phase>, reason| {
        Ok(Answer {
            state,
            from: "process",
            phase: phase.map(|phase| phase.name().to_owned()),
            reason,
        })
    };
    match seen.children.first() {
        Some(&child) if looks_after && depth > 0 => judge(child, depth - 1, see),
        _ if looks_after => answer(
            State::Down,
            None,
            format!("process {pid}, `{name}`, has no child"),
        ),
        _ if seen.is_castoff => answer(
            State::Holding,
            None,
            format!("process {pid} is still castoff"),
        ),
        _ if OTHERS.contains(&name.as_str()) => unknown(format!("process {pid} is `{name}`")),
        _ => answer(
            State::Serving,
            Some(Phase::Serving),
            format!("process {pid} is the server, `{name}`"),
        ),
    }
}

/// Whether a castoff with these arguments only looks after another process: `castoff supervise`, for
/// short `castoff --`, or under the name of another init.
fn is_init(arguments: &[String]) -> bool {
    let Some((program, arguments)) = arguments.split_first() else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let own = arguments.iter().take_while(|word| *word != "--");
    INITS.contains(&name)
        || arguments.first().is_some_and(|first| first == "--")
        || own.into_iter().any(|word| word == "supervise")
}

fn see(pid: u32) -> Option<Seen> {
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).ok();
    let text = |file| Some(String::from_utf8_lossy(&read(file)?).into_owned());
    let name = text("comm")?.trim_end().to_owned();
    let arguments: Vec<String> = text("cmdline")?
        .split_terminator('\0')
        .map(str::to_owned)
        .collect();
    let file = |pid: &str| {
        let data = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
        Some((data.dev(), data.ino()))
    };
    let own = file("self");
    let is_castoff = match file(&pid.to_string()) {
        Some(file) => own == Some(file),
        // Of another user's process only the words are seen.
        None => arguments
            .first()
            .is_some_and(|program| program.rsplit('/').next() == Some("castoff")),
    };
    let children = text(&format!("task/{pid}/children")).unwrap_or_default();
    Some(Seen {
        name,
        is_castoff,
        arguments,
        children: children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::Stdio;

    use super::*;

    /// Processes by their numbers, from 1, each as `name child child: arguments`. Those called castoff
    /// are castoff.
    fn check(processes: &[&str], expected: &str) {
        let see = |pid: u32| {
            let index = usize::try_from(pid).unwrap().checked_sub(1)?;
            let (process, arguments) = processes.get(index)?.split_once(':').unwrap();
            let mut words = process.split_whitespace();
            let name = words.next().unwrap().to_owned();
            Some(Seen {
                is_castoff: name == "castoff",
                arguments: arguments.split_whitespace().map(str::to_owned).collect(),
                children: words.map(|pid| pid.parse().unwrap()).collect(),
                name,
            })
        };
        let judged = match judge(1, DEEPEST, see) {
            Ok(answer) => format!("{:?}: {}", answer.state, answer.reason),
            Err(error) => error.reason,
        };
        assert_eq!(judged, expected);
    }

    #[test]
    fn the_first_process_is_castoff_or_what_became_of_it() {
        check(
            &["castoff 2: /castoff run -- gunicorn supervise", "pg_dump:"],
            "Holding: process 1 is still castoff",
        );
        check(
            &["gunicorn 2:", "gunicorn:"],
            "Serving: process 1 is the server, `gunicorn`",
        );
    }

    #[test]
    fn an_init_is_looked_through() {
        let init = "castoff 2 3: castoff supervise --child=2 -- gunicorn";
        check(
            &[init, "castoff: castoff run --init -- gunicorn"],
            "Holding: process 2 is still castoff",
        );
        check(
            &[init, "gunicorn:", "orphan:"],
            "Serving: process 2 is the server, `gunicorn`",
        );
        check(
            &["castoff: castoff supervise -- x"],
            "Down: process 1, `castoff`, has no child",
        );
        for short in [
            "castoff 2: /castoff -- gunicorn",
            "castoff 2: /sbin/docker-init -- gunicorn",
            "castoff 2: tini gunicorn",
        ] {
            let serving = "Serving: process 2 is the server, `gunicorn`";
            check(&[short, "gunicorn:"], serving);
        }
        check(
            &[
                "docker-init 2: /sbin/docker-init -- x",
                "castoff: castoff run -- x",
            ],
            "Holding: process 2 is still castoff",
        );
        check(
            &["tini 2:", "tini 3:", "node:"],
            "Serving: process 3 is the server, `node`",
        );
    }

    #[test]
    fn some_first_processes_say_nothing() {
        check(&["systemd 2:", "x:"], "process 1 is `systemd`");
        check(&["pause 2:", "x:"], "process 1 is `pause`");
        check(&[], "process 1 cannot be seen in /proc");
        check(&["tini 7:"], "process 7 cannot be seen in /proc");
    }

    #[test]
    fn a_process_that_is_there_is_seen() {
        let seen = see(std::process::id()).unwrap();
        assert!(seen.is_castoff && !seen.arguments.is_empty(), "{seen:?}");
        let mut child = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The kernel lets the parent go on before the child has its new name: one that answers has it.
        child.stdin.as_mut().unwrap().write_all(b"a").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let found = see(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((found.is_castoff, found.name.as_str()), (false, "cat"));
    }
}
