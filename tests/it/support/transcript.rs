//! Several runs of castoff in a row, as one text: what a terminal would show.

use std::fmt::Write as _;

use super::castoff::{Castoff, Finished};
use super::database::Database;
use super::project::Project;

/// Runs each line in the project and returns all that was said. A line is written as in a shell:
/// variables first, single quotes around blanks.
pub(crate) fn transcript(
    project: &Project,
    database: Option<&Database<'_>>,
    lines: &[&str],
) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let finished = run(project, database, line);
        writeln!(text, "$ castoff {line}\n{finished}").unwrap();
        text
    })
}

/// Runs one line.
pub(crate) fn run(project: &Project, database: Option<&Database<'_>>, line: &str) -> Finished {
    prepare(project, database, line).output()
}

/// castoff as one line says, not yet started.
pub(crate) fn prepare<'p>(
    project: &'p Project,
    database: Option<&Database<'_>>,
    line: &str,
) -> Castoff<'p> {
    let mut castoff = project.castoff([]);
    if let Some(database) = database {
        castoff = castoff.database(database);
    }
    let mut arguments = Vec::new();
    for word in words(line) {
        match word.split_once('=') {
            Some((name, value)) if arguments.is_empty() && !name.starts_with('-') => {
                castoff = castoff.env(name, value);
            }
            _ => arguments.push(word),
        }
    }
    castoff.with(|command| {
        command.args(arguments);
    })
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    assert!(!quoted, "a quote is open: {line}");
    words.extend(word);
    words
}

#[test]
fn a_line_is_cut_as_a_shell_cuts_it() {
    assert_eq!(words("A='b c' d '' e=f"), ["A=b c", "d", "", "e=f"]);
}
