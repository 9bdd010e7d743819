//! What somebody at a terminal sees while castoff works.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use nix::pty::openpty;

use super::support::castoff::Status;
use super::support::project::{Migration, Project};
use super::support::server::Server;

#[test]
fn a_line_at_the_foot_says_how_far_it_is_and_vanishes() {
    let database = Server::shared().database();
    let project = Project::with("a<-").migration(
        &Migration::new("b")
            .after("a")
            .upgrade("select pg_sleep(0.3);\ncreate table t_b ();"),
    );
    let terminal = openpty(None, None).unwrap();
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        // Reading ends with an error when the last process that has the terminal ends.
        File::from(terminal.master).read_to_end(&mut shown).ok();
        String::from_utf8(shown).unwrap()
    });
    let castoff = project.castoff(["upgrade"]).database(&database);
    let status = castoff
        .env("TERM", "xterm")
        .with_stderr(Stdio::from(terminal.slave));
    assert_eq!(status, Status::Code(0));
    let shown = reader.join().unwrap();
    for text in ["castoff: 1 of 2, a", "castoff: 2 of 2, b"] {
        assert!(shown.contains(text), "{shown:?}");
    }
    // What is left when the line has been cleared: the story alone.
    let lines: Vec<&str> = shown.lines().map(after_clearing).collect();
    let last: Vec<&str> = lines
        .into_iter()
        .filter(|line| line.starts_with("castoff: applied") || line.contains("database is at"))
        .collect();
    assert_eq!(last.len(), 3, "{shown:?}");
}

/// What stays of a line that was drawn several times.
fn after_clearing(line: &str) -> &str {
    line.rsplit("\u{1b}[2K").next().unwrap_or(line)
}
