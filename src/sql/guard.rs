//! Guards: steps of generated migrations that change nothing, and fail where rows stand in the way
//! of the next. Here is their form, for who writes them and who has to know them again.

use super::ident::{Literal, dollar_quoted};

const BEGINS: &str = " begin if exists (select from ";
const RAISES: &str = ") then\n    raise exception ";
const HINTS: &str = "\n        using hint = ";
const ENDS: &str = "; end if; end ";

/// A guard without its semicolon: `rest` is what follows `from` in a question for rows.
pub fn guard(rest: &str, says: &str, hint: &str) -> String {
    // The message is a format.
    let message = says.replace('%', "%%");
    let (message, hint) = (Literal(&message), Literal(hint));
    let body = format!("{BEGINS}{rest}{RAISES}{message}{HINTS}{hint}{ENDS}");
    format!("do {}", dollar_quoted(&body))
}

/// Whether a statement is one, as it was written: who has changed it may have meant more.
pub fn is_guard(sql: &str) -> bool {
    let body = || {
        let quoted = sql.trim_end().strip_prefix("do ")?;
        let (tag, _) = quoted.split_once(BEGINS)?;
        let body = quoted.strip_prefix(tag)?.strip_suffix(tag)?;
        (dollar_quoted(body) == quoted).then_some(body)
    };
    let parts = || {
        let body = body()?.strip_prefix(BEGINS)?.strip_suffix(ENDS)?;
        let (rest, words) = body.split_once(RAISES)?;
        Some((rest, words.split_once(HINTS)?))
    };
    parts().is_some_and(|(rest, (message, hint))| {
        is_one_constant(message) && is_one_constant(hint) && !rest.contains(';')
    })
}

/// Whether this is one constant and nothing behind it.
fn is_one_constant(text: &str) -> bool {
    let inside = text.strip_prefix('E').unwrap_or(text);
    let inside = inside
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    inside.is_some_and(|inside| !inside.replace("''", "").contains('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_known_again() {
        for (rest, says, hint) in [
            ("t", "t has rows", "fill it first"),
            ("t where a = '5%'", "it's 5% of t", "don't"),
            ("t where a = '$$'", "a", "b"),
            ("t where a = '$$ $q$'", "a", "b"),
            ("t", "a\\b", "c"),
        ] {
            let guard = guard(rest, says, hint);
            assert!(is_guard(&guard), "{guard}");
        }
    }

    #[test]
    fn who_does_more_is_no_guard() {
        let guard = guard("t", "a", "b");
        for (part, other) in [
            ("end if; end", "end if; delete from t; end"),
            ("'b'", "'b'; end if; delete from t where a = ''"),
            (
                "(select from t)",
                "(select from t); delete from t where (true)",
            ),
            ("begin", "begin delete from t;"),
        ] {
            let changed = guard.replacen(part, other, 1);
            assert_ne!(changed, guard);
            assert!(!is_guard(&changed), "{changed}");
        }
        assert!(!is_guard("do $$ begin end $$"));
    }
}
