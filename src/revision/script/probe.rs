//! Probe lines: `-- probe: select exists (select from t where c is null) -- rows of t without c`.
//!
//! A comment of a section whose first word is exactly `probe:` is a question to the rows that are
//! there: a query with one value, true when rows stand in the way of what follows, and behind a
//! second `--` what stands in the way then. `castoff plan` asks it; nothing else does. A line that
//! would be passed over could be a question with a mistake in it, so what is no query is refused.

use super::error::Problem;
use crate::sql::lexer::{Kind, Lexer};
use crate::sql::split::split;

/// What is said where the line says nothing.
const USUAL: &str = "rows stand in the way";

/// A question to the rows that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The query: one value, true when rows stand in the way.
    pub query: String,
    /// What stands in the way then, for people.
    pub says: String,
    /// The offset of the comment in the file's text.
    pub offset: usize,
    /// How many statements of the section stand before it.
    pub behind: usize,
}

/// A query and what it says, from a comment with its `--`. Nothing, if it is no probe line.
pub(super) fn parse(comment: &str) -> Result<Option<(String, String)>, Problem> {
    let content = comment.strip_prefix("--").unwrap_or(comment).trim();
    let Some(content) = content.strip_prefix("probe:") else {
        return Ok(None);
    };
    let (query, says) = parts(content);
    if !is_query(query) {
        return Err(Problem::Probe {
            line: comment.trim().to_owned(),
        });
    }
    let says = if says.is_empty() { USUAL } else { says };
    Ok(Some((query.to_owned(), says.to_owned())))
}

/// What stands before the comment in the comment, and the comment.
fn parts(content: &str) -> (&str, &str) {
    let mut lexer = Lexer::new(content.as_bytes(), 0);
    while let Ok(Some(token)) = lexer.next_token() {
        if token.kind == Kind::LineComment {
            let says = content[token.start..].trim_start_matches('-').trim();
            return (content[..token.start].trim(), says);
        }
    }
    (content.trim(), "")
}

/// Whether it is one statement, and one that gives values.
fn is_query(text: &str) -> bool {
    let first = text.split(|letter: char| !letter.is_ascii_alphabetic());
    let first = first.map(str::to_ascii_lowercase).next();
    let gives_values = matches!(
        first.as_deref(),
        Some("select" | "with" | "values" | "table")
    );
    gives_values && split(text, 0..text.len()).is_ok_and(|statements| statements.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comment: &str, expected: &str) {
        let found = match parse(comment) {
            Ok(Some((query, says))) => format!("{query} | {says}"),
            Ok(None) => "nothing".to_owned(),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(found, expected, "{comment}");
    }

    #[test]
    fn a_probe_is_a_query_and_what_it_says() {
        check(
            "-- probe: select exists (select from t where c = '--') -- rows of t",
            "select exists (select from t where c = '--') | rows of t",
        );
        check("--probe:select true", "select true | rows stand in the way");
        check("-- probe: values (true); -- x", "values (true); | x");
        check("-- probe the rows first", "nothing");
        check("-- Probe: select true", "nothing");
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for line in [
            "-- probe:",
            "-- probe: rows of t",
            "-- probe: delete from t",
            "-- probe: select true; commit; drop table t",
            "-- probe: select 'a",
            "-- probe: -- rows of t",
        ] {
            check(line, &format!("`{line}` is no query"));
        }
    }
}
