//! What the status file says, and whether the process that wrote it still lives.

use std::io;
use std::path::Path;

use super::{Answer, State};
use crate::observe::file;
use crate::observe::process::{self, Life};
use crate::status::document::Document;
use crate::status::phase::Phase;

/// `None` where there is no such file: castoff has not begun, or may not write there.
pub fn ask(path: &Path) -> Option<Answer> {
    match file::read(path) {
        Ok(document) => {
            let life = process::look(&document.process, &process::this());
            Some(judge(&document, life))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Answer {
            state: State::Down,
            from: "status-file",
            phase: None,
            reason: format!("`{}` is no status file: {error}", path.display()),
        }),
    }
}

fn judge(document: &Document, life: Life) -> Answer {
    let process = &document.process;
    let pid = process.pid;
    let (state, reason) = match (document.phase(), life) {
        (Some(Phase::Failed), _) => (State::Down, ending(document)),
        (Some(Phase::Done), _) => (
            State::Down,
            "castoff did what it was asked, and became no server".to_owned(),
        ),
        (_, Life::Elsewhere) => (
            State::Down,
            format!(
                "written at {} in another container, on {}: from here its process cannot be seen",
                document.updated_at, process.host
            ),
        ),
        (Some(Phase::Serving), Life::Gone) => (
            State::Down,
            format!("process {pid}, which became the server, is gone"),
        ),
        (_, Life::Gone) => (
            State::Down,
            format!(
                "castoff was killed: process {pid} is gone, and left this at {}",
                document.updated_at
            ),
        ),
        (Some(Phase::Serving), Life::Alive) => {
            (State::Serving, format!("process {pid} is the server"))
        }
        (_, Life::Alive) => (State::Holding, at_work(document)),
    };
    Answer {
        state,
        from: "status-file",
        phase: Some(document.phase.clone()),
        reason,
    }
}

fn ending(document: &Document) -> String {
    let ending = document.error.as_ref();
    ending.map_or_else(
        || "castoff ended with an error".to_owned(),
        |error| format!("error[{}]: {}", error.code, error.message),
    )
}

/// `step 2 of 7, 3f2a9c1b7d04`, or what is waited for.
fn at_work(document: &Document) -> String {
    let mut parts = Vec::new();
    if let (Some(step), Some(steps)) = (document.step, document.steps) {
        parts.push(format!("step {step} of {steps}"));
    }
    parts.extend(document.revision.clone());
    parts.extend(document.cause.clone());
    if parts.is_empty() {
        format!("castoff is at work since {}", document.phase_since)
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;
    use crate::status::Status;

    fn check(phase: Phase, life: Life, state: State, reason: &str) {
        let now = Instant::now();
        let mut status = Status::new(now);
        if phase == Phase::Failed {
            status.fail("not-ready", 11, "refused".to_owned(), now);
        } else {
            status.enter(phase, now);
        }
        if phase == Phase::Migrating {
            status.step = Some((2, 7));
            status.revision = Some("b".to_owned());
        }
        let clock = SystemTime::UNIX_EPOCH;
        let mut document = Document::of(&status, &process::this(), now, clock);
        document.process.pid = 7;
        document.process.host = "web".to_owned();
        let answer = judge(&document, life);
        assert_eq!((answer.state, answer.reason.as_str()), (state, reason));
    }

    #[test]
    fn a_file_counts_for_as_long_as_its_process_lives() {
        use Life::{Alive, Elsewhere, Gone};
        let when = "1970-01-01T00:00:00.000Z";
        check(
            Phase::Serving,
            Alive,
            State::Serving,
            "process 7 is the server",
        );
        check(
            Phase::Serving,
            Gone,
            State::Down,
            "process 7, which became the server, is gone",
        );
        check(Phase::Migrating, Alive, State::Holding, "step 2 of 7, b");
        check(
            Phase::Waiting,
            Alive,
            State::Holding,
            &format!("castoff is at work since {when}"),
        );
        check(
            Phase::Migrating,
            Gone,
            State::Down,
            &format!("castoff was killed: process 7 is gone, and left this at {when}"),
        );
        let elsewhere = format!(
            "written at {when} in another container, on web: from here its process cannot be seen"
        );
        check(Phase::Serving, Elsewhere, State::Down, &elsewhere);
        check(
            Phase::Failed,
            Gone,
            State::Down,
            "error[not-ready]: refused",
        );
        // As long as it takes a failed castoff to end, it lives.
        check(
            Phase::Failed,
            Alive,
            State::Down,
            "error[not-ready]: refused",
        );
        check(
            Phase::Done,
            Gone,
            State::Down,
            "castoff did what it was asked, and became no server",
        );
    }
}
