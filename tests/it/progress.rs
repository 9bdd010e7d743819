//! How far a long statement is, as a log has it.

use std::time::Instant;

use serde_json::Value;

use super::support::DEADLINE;
use super::support::server::Server;
use super::terminal::{project, writer};

/// Builds an index that waits for a writer until a line with `text` was told. What was said.
fn story_of_an_index(format: &str, text: &str) -> String {
    let database = Server::shared().database();
    let project = project("autocommit", "create index concurrently t_n on t (n);");
    let writer = writer(&project, &database);
    let castoff = project.castoff(["upgrade"]).database(&database);
    let began = Instant::now();
    let mut running = castoff.env("CASTOFF_LOG_FORMAT", format).spawn();
    running.stderr_until(text, DEADLINE);
    writer.sql("commit");
    let finished = running.wait(DEADLINE);
    finished.status(0);
    let lines = finished.stderr.matches(text).count();
    let most = began.elapsed().as_secs() / 5 + 1;
    assert!(lines as u64 <= most, "more than one in 5 s:\n{finished}");
    assert!(!finished.stderr.contains(['\u{1b}', '\r']), "{finished}");
    finished.stderr
}

#[test]
fn a_log_gets_a_line_every_few_seconds_at_most() {
    let text = "castoff: create index concurrently: waiting for writers before build on t: \
        0 of 1 transactions (0 %)\n";
    let said = story_of_an_index("text", text);
    // Nobody knows how long others' transactions last.
    assert!(!said.contains("left\n"), "{said}");
    assert!(!said.contains("1 of 1, b"), "{said}");
}

#[test]
fn a_program_gets_an_object() {
    let said = story_of_an_index("json", "\"event\":\"progress\"");
    let objects: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let progress = objects
        .iter()
        .find(|object| object["event"] == "progress")
        .unwrap();
    assert_eq!(
        progress["what"],
        "create index concurrently: waiting for writers before build on t"
    );
    assert_eq!(
        (&progress["done"], &progress["total"]),
        (&0.into(), &1.into())
    );
    assert_eq!(progress["unit"], "transactions");
    assert_eq!(progress["left_seconds"], Value::Null);
    assert!(progress["message"].is_string());
}
