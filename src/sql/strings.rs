//! How a script has its plain strings read: `set standard_conforming_strings = off`.
//!
//! With the setting off, as the dumps of some old databases have it, a backslash in `'…'` escapes
//! what follows, the quote too, and statements end elsewhere. castoff begins each section with the
//! setting on; from the statement that turns it off, the rest of the section is read as the server
//! reads it. Only `set` and `reset` are looked at: what a function sets is not in the text.

use crate::sql::lexer::{Kind, Lexer};

const NAME: &[u8] = b"standard_conforming_strings";

/// Whether plain strings have escapes behind this statement. `None` where it does not say.
pub fn escapes_after(statement: &[u8]) -> Option<bool> {
    let first = statement.split(|byte| !byte.is_ascii_alphabetic()).next();
    let first = first.unwrap_or_default();
    let may_say = [&b"set"[..], b"reset", b"discard"];
    if !may_say.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return None;
    }
    let mut lexer = Lexer::new(statement, 0);
    let mut words = Vec::new();
    // The longest: `set session standard_conforming_strings to off`.
    while words.len() < 5 {
        let Some(token) = lexer.next_token().ok().flatten() else {
            break;
        };
        if token.kind != Kind::LineComment {
            let quote = |byte: &u8| matches!(byte, b'\'' | b'"');
            let word = &statement[token.start..token.end];
            let word = word.strip_prefix(b"\"").unwrap_or(word);
            let end = word.iter().rposition(|byte| !quote(byte));
            words.push(word[..end.map_or(0, |end| end + 1)].to_ascii_lowercase());
        }
    }
    let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
    match words.as_slice() {
        [b"reset" | b"discard", b"all"] => Some(false),
        [b"reset", name] if *name == NAME => Some(false),
        [b"set", name, b"to" | b"=", value] if *name == NAME => Some(is_off(value)),
        [b"set", b"session" | b"local", name, b"to" | b"=", value] if *name == NAME => {
            Some(is_off(value))
        }
        _ => None,
    }
}

/// PostgreSQL takes any beginning of `false` and `no`, `off` or `of`, and `0`.
fn is_off(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"'").unwrap_or(value);
    !value.is_empty()
        && (b"false".starts_with(value)
            || b"no".starts_with(value)
            || matches!(value, b"of" | b"off" | b"0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_changes_the_reading_of_strings() {
        for (statement, expected) in [
            ("set standard_conforming_strings = off", Some(true)),
            ("SET LOCAL Standard_Conforming_Strings TO 'OFF'", Some(true)),
            ("set session standard_conforming_strings to f", Some(true)),
            ("set \"standard_conforming_strings\" = 0", Some(true)),
            (
                "set /* x */ standard_conforming_strings -- y\n = no",
                Some(true),
            ),
            ("set standard_conforming_strings = on", Some(false)),
            ("set standard_conforming_strings to default", Some(false)),
            ("reset standard_conforming_strings", Some(false)),
            ("reset all", Some(false)),
            ("discard all", Some(false)),
            ("discard temp", None),
            ("set escape_string_warning = off", None),
            ("settle standard_conforming_strings = off", None),
            ("select 'set standard_conforming_strings = off'", None),
            ("set standard_conforming_strings = ''", Some(false)),
            ("set", None),
            ("", None),
        ] {
            assert_eq!(escapes_after(statement.as_bytes()), expected, "{statement}");
        }
    }
}
