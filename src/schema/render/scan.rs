//! Pieces of what the server prints: what stands in parentheses, and what between commas. Cut by
//! the tokens of SQL, so that quotes and nested parentheses stay whole.

use crate::sql::lexer::{Kind, Lexer, Token};

/// What stands in the parentheses that a text begins with, and what behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    /// Without the parentheses.
    pub(super) inside: &'t str,
    /// Behind the closing one.
    pub(super) rest: &'t str,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer::new(text.as_bytes(), 0);
    std::iter::from_fn(|| lexer.next_token().ok().flatten()).collect()
}

impl<'t> Parts<'t> {
    /// Nothing if the text does not begin with a parenthesis, or it never closes.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let mut depth = 0_usize;
        for (index, token) in tokens(text).iter().enumerate() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.checked_sub(1)?,
                _ if index == 0 => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(Self {
                    inside: text.get(1..token.start)?.trim(),
                    rest: &text[token.end..],
                });
            }
        }
        None
    }
}

/// What stands in the parentheses behind some words.
pub(super) fn group_after<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let at = text.find(words)? + words.len();
    let behind = text[at..].trim_start();
    Some(Parts::of(behind)?.inside)
}

/// What stands between commas outside parentheses and brackets.
pub(super) fn items(list: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for token in tokens(list) {
        match (token.kind, &list[token.start..token.end]) {
            (Kind::Open, _) | (_, "[") => depth += 1,
            (Kind::Close, _) | (_, "]") => depth = depth.saturating_sub(1),
            (Kind::Mark, ",") if depth == 0 => {
                found.push(list[start..token.start].trim());
                start = token.end;
            }
            _ => {}
        }
    }
    found.push(list[start..].trim());
    found
}

/// The value of an item of an index or of a partition key, without its operator class, collation and
/// order: a name, a function with its arguments, or an expression in parentheses.
pub(super) fn primary(item: &str) -> Option<&str> {
    if item.starts_with('(') {
        let Parts { rest, .. } = Parts::of(item)?;
        return item.get(..item.len() - rest.len());
    }
    let mut end = 0;
    let mut wants_name = true;
    for token in tokens(item) {
        match (token.kind, &item[token.start..token.end]) {
            (Kind::Word | Kind::QuotedName, _) if wants_name => wants_name = false,
            (Kind::Mark, ".") if !wants_name => wants_name = true,
            (Kind::Open, _) if end > 0 && token.start == end => {
                let Parts { rest, .. } = Parts::of(&item[token.start..])?;
                return item.get(..item.len() - rest.len());
            }
            _ => break,
        }
        end = token.end;
    }
    item.get(..end).filter(|value| !value.is_empty())
}

/// An expression of a domain's check about a column: `VALUE` is the column.
pub(super) fn with_value(expression: &str, column: &str) -> String {
    let mut text = String::new();
    let mut end = 0;
    for token in tokens(expression) {
        text.push_str(&expression[end..token.start]);
        let word = &expression[token.start..token.end];
        let is_value = token.kind == Kind::Word && word.eq_ignore_ascii_case("value");
        text.push_str(if is_value { column } else { word });
        end = token.end;
    }
    text + &expression[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_and_commas_are_found_outside_of_quotes() {
        assert_eq!(
            group_after("CHECK ((a <> ')'::text)) NO INHERIT", "CHECK"),
            Some("(a <> ')'::text)")
        );
        assert_eq!(group_after("CHECK a", "CHECK"), None);
        assert_eq!(group_after("CHECK (a", "CHECK"), None);
        assert_eq!(items("a, \"b,c\", f(d, e)"), ["a", "\"b,c\"", "f(d, e)"]);
    }

    #[test]
    fn an_index_is_of_values() {
        let check = |item, expected| assert_eq!(primary(item), Some(expected));
        check("a", "a");
        check("a DESC NULLS LAST", "a");
        check("\"A b\" text_pattern_ops", "\"A b\"");
        check("lower(a) COLLATE \"C\"", "lower(a)");
        check("public.f(a, (b)) public.ops", "public.f(a, (b))");
        check("((a || b)) DESC", "((a || b))");
        check("a gist_trgm_ops (siglen='32')", "a");
    }

    #[test]
    fn a_domain_is_about_its_column() {
        assert_eq!(
            with_value("(VALUE ~ 'VALUE'::text)", "c"),
            "(c ~ 'VALUE'::text)"
        );
    }
}
