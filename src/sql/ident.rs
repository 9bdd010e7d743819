//! Quoting: the only way a name or a value gets into SQL text.
//!
//! Names are always quoted, so that no list of reserved words has to be kept up with PostgreSQL.
//! Values belong into parameters; [`Literal`] is for statements that take none, and for scripts.

use std::fmt;

/// PostgreSQL cuts longer names off (`NAMEDATALEN` is 64, with a NUL at the end).
const LONGEST_NAME: usize = 63;

/// A name of something in the database. Displays with its quotes: `"user"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ident(String);

/// The text cannot name anything in a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name for PostgreSQL (1 to 63 bytes without NUL)")]
pub struct InvalidIdent(pub String);

impl InvalidIdent {
    /// Names the error for scripts and for the manual.
    pub fn code(&self) -> &'static str {
        "invalid-name"
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        "choose a name of 1 to 63 bytes".into()
    }
}

impl Ident {
    /// Takes the name as it is, upper case and blanks included. One that is too long is refused:
    /// the server would cut it off and the next look-up would not find it.
    pub fn new(name: &str) -> Result<Self, InvalidIdent> {
        if !(1..=LONGEST_NAME).contains(&name.len()) || name.contains('\0') {
            return Err(InvalidIdent(name.replace('\0', "\\0")));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name without quotes: for parameters and for people.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A string value. Displays as a constant: `'it''s'`.
///
/// One with a backslash becomes `E'…'` with each backslash doubled, so that it means the same
/// whatever `standard_conforming_strings` says. No text of PostgreSQL holds a NUL, so a constant
/// cannot either: it ends before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal<'t>(pub &'t str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .0
            .split('\0')
            .next()
            .unwrap_or_default()
            .replace('\'', "''");
        if text.contains('\\') {
            write!(formatter, "E'{}'", text.replace('\\', "\\\\"))
        } else {
            write!(formatter, "'{text}'")
        }
    }
}

/// A string value between dollars, for a body that is itself SQL: nothing in it is doubled.
pub fn dollar_quoted(body: &str) -> String {
    let mut tag = "$$".to_owned();
    // Also not where the last letters of the body and the first of the tag make one.
    while format!("{body}{tag}").find(&tag) != Some(body.len()) {
        tag.insert(1, 'q');
    }
    format!("{tag}{body}{tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_names_always() {
        let check = |name: &str, expected: &str| {
            assert_eq!(Ident::new(name).unwrap().to_string(), expected);
        };
        check("user", "\"user\"");
        check("My \"table\"", "\"My \"\"table\"\"\"");
        check("a;b--", "\"a;b--\"");
        check(&"ä".repeat(31), &format!("\"{}\"", "ä".repeat(31)));
    }

    #[test]
    fn refuses_names_that_the_server_would_change() {
        for name in ["", "a\0b", &"ä".repeat(32)] {
            assert!(Ident::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn quotes_values() {
        let check = |text: &str, expected: &str| assert_eq!(Literal(text).to_string(), expected);
        check("", "''");
        check("it's", "'it''s'");
        check("a\\' or 1", "E'a\\\\'' or 1'");
        check("a\0b", "'a'");
    }

    #[test]
    fn no_body_ends_before_its_end() {
        let check = |body: &str, expected: &str| assert_eq!(dollar_quoted(body), expected);
        check("a 'b' \\", "$$a 'b' \\$$");
        check("a $$ b", "$q$a $$ b$q$");
        check("$$ $q$", "$qq$$$ $q$$qq$");
        check("a$", "$q$a$$q$");
        check("$$ a$q", "$qq$$$ a$q$qq$");
    }
}
