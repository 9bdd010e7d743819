//! `before.sql` and `after.sql`: SQL that runs around the migrations, and is none of them.

use super::error::{Problem, ScriptError};
use super::{File, decode};
use crate::place::Place;
use crate::sql::classify::{Class, classify};
use crate::sql::split::{Statement, split};

/// The names of these files, among the migrations.
pub const NAMES: [&str; 2] = ["before.sql", "after.sql"];

/// One such file. It has no header and no sections, and no checksum: it may change at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFile {
    /// Where it was read from, as shown to people.
    pub path: String,
    /// The whole file, decoded.
    pub text: String,
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

impl HookFile {
    /// Reads the bytes of one file. All of it runs in one transaction.
    pub fn parse(path: &str, bytes: Vec<u8>) -> Result<Self, ScriptError> {
        let text = decode(path, bytes)?;
        let file = File { path, text: &text };
        let statements = split(&text, 0..text.len()).map_err(|error| file.blame_sql(error))?;
        for (index, statement) in statements.iter().enumerate() {
            let problem = match classify(&text[statement.span.clone()]) {
                Class::Ordinary => continue,
                Class::NeedsAutocommit(command) => Problem::AutocommitInHook { command },
                Class::ToClient => Problem::CopyToClient,
                Class::TransactionControl(command) => Problem::TransactionControl { command },
            };
            return Err(file.blame_statement(problem, &statements, index));
        }
        Ok(Self {
            path: path.to_owned(),
            text,
            statements,
        })
    }

    /// The place of one statement, as an error shows it.
    pub fn place(&self, index: usize, offset: Option<usize>) -> Place {
        let Some(statement) = self.statements.get(index) else {
            return Place::file(&self.path);
        };
        let span = statement.span.clone();
        let start = offset.filter(|offset| span.contains(offset));
        let start = start.unwrap_or(span.start);
        Place::of(&self.path, &self.text, start, span.end).with_note(format!(
            "statement {} of {}",
            index + 1,
            self.statements.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = HookFile::parse("before.sql", text.into());
        let shown = match read {
            Ok(file) => format!("{} statements", file.statements.len()),
            Err(error) => format!("{}: {error}", error.place().unwrap()),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn holds_what_runs_in_one_transaction() {
        check("", "0 statements");
        check("-- upgrade\nset a.b = 1;\nselect 1", "2 statements");
        check(
            "select 1;\nvacuum;",
            "before.sql:2 (statement 2 of 2): `vacuum` in a hook, which runs in a transaction",
        );
        check(
            "commit",
            "before.sql:1 (statement 1 of 1): `commit` in a migration",
        );
        check("select '", "before.sql:1: string is never closed");
    }
}
