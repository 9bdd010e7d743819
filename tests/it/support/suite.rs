//! PostgreSQL's own regression suite as scripts that castoff can read.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use castoff::sql::split::{Piece, Splitter, Statement};
use castoff::sql::split_error::SplitError;
use castoff::sql::strings::escapes_after;

/// One file of the suite, as SQL alone.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Its path in the suite.
    pub(crate) name: String,
    /// Its text. What is psql's is blanked out, so that offsets and lines are those of the file.
    pub(crate) text: String,
    /// Where castoff cuts it.
    pub(crate) statements: Vec<Statement>,
    /// For each statement, whether `standard_conforming_strings` is off.
    pub(crate) escapes: Vec<bool>,
}

/// Where the suite is. Fails where it cannot be had, which a run says by leaving `corpus::` out.
pub(crate) fn directory() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus.sh");
    let output = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "PostgreSQL's regression suite cannot be had; `--skip corpus::` leaves these tests out"
    );
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// All of its scripts that are UTF-8, in the order of their names.
pub(crate) fn scripts() -> Vec<Script> {
    let root = directory();
    let mut open = vec![root.clone()];
    let mut paths = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in directory.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let readable = paths.iter().filter_map(|path| {
        let text = String::from_utf8(std::fs::read(path).unwrap()).ok()?;
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        Some(Script::of(name, text))
    });
    readable.collect()
}

/// The scripts of its main part, in the order in which they build on each other.
pub(crate) fn schedule() -> Vec<Script> {
    let root = directory().join("src/test/regress");
    let list = std::fs::read_to_string(root.join("parallel_schedule")).unwrap();
    let tests = list.lines().filter_map(|line| line.strip_prefix("test:"));
    let names = tests.flat_map(str::split_whitespace);
    let read = |name: &str| {
        let bytes = std::fs::read(root.join(format!("sql/{name}.sql"))).unwrap();
        Script::of(name.to_owned(), String::from_utf8(bytes).unwrap())
    };
    names.map(read).collect()
}

impl Script {
    /// Splits a text with commands and variables of psql: each is refused by castoff, blanked out
    /// here, and the rest read on. A command ends the statement before it, as `\gset` does.
    pub(crate) fn of(name: String, text: String) -> Self {
        let mut bytes = text.into_bytes();
        let mut statements: Vec<Statement> = Vec::new();
        let mut from = 0;
        loop {
            let mut splitter = Splitter::new(&bytes, from);
            let error = loop {
                match splitter.next_piece() {
                    Ok(Some(Piece::Statement(statement))) => {
                        let data = statement.copy_data.clone().unwrap_or(0..0);
                        if is_sql(&bytes[data]) {
                            let offset = statement.span.start;
                            break Some(SplitError::CopyData { offset });
                        }
                        from = statement
                            .copy_data
                            .as_ref()
                            .map_or(statement.span.end, |data| data.end + "\\.".len());
                        statements.push(statement);
                    }
                    Ok(Some(Piece::LineComment(_))) => {}
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            let Some(error) = error else { break };
            let at = error.offset();
            match error {
                SplitError::PsqlCommand { command, .. } => {
                    let rest = &mut bytes[at..];
                    let line = rest
                        .iter()
                        .position(|&byte| byte == b'\n')
                        .unwrap_or(rest.len());
                    // `\;` is a semicolon within a message.
                    if command == "\\" && rest.get(1) == Some(&b';') {
                        rest[0] = b' ';
                    } else {
                        rest[..line].fill(b' ');
                        rest[0] = b';';
                    }
                }
                SplitError::PsqlVariable { .. } => bytes[at] = b' ',
                SplitError::CopyData { .. } | SplitError::TextBeforeCopyData { .. } => {
                    let line = bytes[..at].iter().rposition(|&byte| byte == b'\n');
                    let at = line.map_or(0, |end| end + 1).max(from);
                    let end = bytes[at..].iter().position(|&byte| byte == b'\n').unwrap();
                    bytes[at..at + end].fill(b' ');
                }
                SplitError::Unterminated { .. } | SplitError::Nul { .. } => {
                    panic!("{name}, byte {at}: {error}");
                }
            }
        }
        let escapes = statements.iter().scan(false, |escapes, statement| {
            let before = *escapes;
            *escapes = escapes_after(&bytes[statement.span.clone()]).unwrap_or(before);
            Some(before)
        });
        Self {
            name,
            escapes: escapes.collect(),
            text: String::from_utf8(bytes).expect("only ASCII was blanked out"),
            statements,
        }
    }

    /// The text of neighbours, as one message has it.
    pub(crate) fn slice(&self, statements: &[Statement]) -> &str {
        &self.text[statements[0].span.start..statements[statements.len() - 1].span.end]
    }

    /// The line of an offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }
}

/// psql reads no data for a `copy … from stdin` that the server refuses, which the suite's tests of
/// errors rely on. What castoff takes for data, as it would never get to the end of such a script,
/// is then more SQL up to the data of another.
fn is_sql(data: &[u8]) -> bool {
    let mut lines = data.split(|&byte| byte == b'\n');
    lines.any(|line| line.trim_ascii_end().ends_with(b";"))
}
