//! Guards: steps of generated migrations that change nothing, and fail where rows stand in the way
//! of the next. Here is their form, for who writes them and who has to know them again.

use super::ident::Literal;

const BEGINS: &str = " begin if exists (select from ";
const RAISES: &str = ") then\n    raise exception ";
const HINTS: &str = "\n        using hint = ";
const ENDS: &str = "; end if; end ";

/// A guard without its semicolon: `rest` is what follows `from` in a question for rows.
pub fn guard(rest: &str, says: &str, hint: &str) -> String {
    let tag = if rest.contains("$$") || says.contains("$$") || hint.contains("$$") {
        "$guard$"
    } else {
        "$$"
    };
    // The message is a format.
    let message = says.replace('%', "%%");
    let (message, hint) = (Literal(&message), Literal(hint));
    format!("do {tag}{BEGINS}{rest}{RAISES}{message}{HINTS}{hint}{ENDS}{tag}")
}

/// Whether a statement is one, as it was written: who has changed it may have meant more.
pub fn is_guard(sql: &str) -> bool {
    ["$$", "$guard$"].iter().any(|tag| {
        let body = sql.trim_end().strip_prefix("do ");
        let body = body.and_then(|body| body.strip_prefix(tag)?.strip_suffix(tag));
        let body = body.and_then(|body| body.strip_prefix(BEGINS)?.strip_suffix(ENDS));
        let parts = body.and_then(|body| body.split_once(RAISES));
        let parts = parts.and_then(|(rest, words)| Some((rest, words.split_once(HINTS)?)));
        parts.is_some_and(|(rest, (message, hint))| {
            is_one_constant(message) && is_one_constant(hint) && !rest.contains(';')
        })
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
