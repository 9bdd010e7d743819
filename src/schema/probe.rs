//! Questions to the rows that are there: whether they stand in the way of a statement.
//!
//! A probe is a query with one value, true when the statement would fail. It is written into the
//! migration as a comment, `castoff plan` asks it, and nothing else does.

use crate::sql::lexer::{Kind, Lexer};

/// A question to the rows that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The query: true when rows stand in the way.
    pub query: String,
    /// What stands in the way then, for people.
    pub says: String,
}

impl Probe {
    /// Whether there is a row like this: `rest` is what follows `from`.
    pub fn exists(rest: &str, says: impl Into<String>) -> Self {
        Self {
            query: format!("select exists (select from {rest})"),
            says: says.into(),
        }
    }

    /// The comment without its dashes; nothing if the query cannot stand in one line.
    pub fn line(&self) -> Option<String> {
        let query = one_line(&self.query)?;
        let says = self.says.replace(['\r', '\n'], " ");
        Some(format!("probe: {query} -- {says}"))
    }
}

/// The same SQL in one line; nothing if a line ends inside a constant or a name, or a comment would
/// swallow the rest.
fn one_line(sql: &str) -> Option<String> {
    let mut lexer = Lexer::new(sql.as_bytes(), 0);
    let mut line = String::new();
    let mut end = 0;
    while let Some(token) = lexer.next_token().ok()? {
        let text = sql.get(token.start..token.end)?;
        if text.contains(['\r', '\n']) || token.kind == Kind::LineComment {
            return None;
        }
        if token.start > end && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(text);
        end = token.end;
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rest: &str, expected: Option<&str>) {
        let line = Probe::exists(rest, "rows\nof t").line();
        assert_eq!(line.as_deref(), expected);
    }

    #[test]
    fn a_probe_is_one_line_or_none() {
        check(
            "t\n  where a\tis null",
            Some("probe: select exists (select from t where a is null) -- rows of t"),
        );
        check(
            "t where a = 'b;  c'",
            Some("probe: select exists (select from t where a = 'b;  c') -- rows of t"),
        );
        check("t where a = 'b\nc'", None);
        check("t -- where", None);
    }
}
