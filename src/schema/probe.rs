//! Questions to the rows that are there: whether they stand in the way of a statement.
//!
//! A probe is a query with one value, true when the statement would fail. It is written into the
//! migration as a comment, `castoff plan` asks it, and nothing else does.

use crate::sql::lexer::{Kind, Lexer};

/// A question to the rows that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The query: true when rows stand in the way. Nothing where none can tell.
    pub query: Option<String>,
    /// What stands in the way then, for people.
    pub says: String,
}

impl Probe {
    /// Whether there is a row like this: `rest` is what follows `from`.
    pub fn exists(rest: &str, says: impl Into<String>) -> Self {
        Self {
            query: Some(format!("select exists (select from {rest})")),
            says: says.into(),
        }
    }

    /// What no query can tell without doing the work of the statement.
    pub fn none(says: impl Into<String>) -> Self {
        Self {
            query: None,
            says: says.into(),
        }
    }

    /// The comment without its dashes. A query that cannot stand in one line cannot be asked.
    pub fn line(&self) -> String {
        let says = self.says.replace(['\r', '\n'], " ");
        match self.query.as_deref().and_then(one_line) {
            Some(query) => format!("probe: {query} -- {says}"),
            None => format!("no probe: {says}"),
        }
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
    fn check(rest: &str, expected: &str) {
        assert_eq!(Probe::exists(rest, "rows\nof t").line(), expected);
    }

    #[test]
    fn a_probe_is_one_line_or_none() {
        check(
            "t\n  where a\tis null",
            "probe: select exists (select from t where a is null) -- rows of t",
        );
        check(
            "t where a = 'b;  c'",
            "probe: select exists (select from t where a = 'b;  c') -- rows of t",
        );
        check("t where a = 'b\nc'", "no probe: rows of t");
        check("t -- where", "no probe: rows of t");
    }
}
