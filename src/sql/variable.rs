//! Variables of castoff's own in a statement: `:low`, `:high`, `:size`.
//!
//! Found as tokens, so that nothing in a string, a comment or a dollar body is taken for one, and
//! neither is a cast (`::low`) or a slice (`a[1:high]`): between square brackets a colon is SQL's
//! own, and so it is behind a constant (`json_object('k':low)`) or stuck to a name.

use std::ops::Range;

use crate::sql::lexer::{Kind, Lexer, Token};

/// One variable. Ranges are bytes of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name without the colon, in lower case.
    pub name: &'static str,
    /// The colon and the name.
    pub span: Range<usize>,
    /// The operator before it; an opening parenthesis may stand between.
    pub operator: Option<Range<usize>>,
}

/// A text made from another by replacing some of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The new text.
    pub text: String,
    /// What was replaced, and how long it is now.
    replaced: Vec<(Range<usize>, usize)>,
}

impl Filled {
    /// The byte of the old text for a byte of the new one. A byte in what was put in belongs to
    /// the beginning of what it replaced.
    pub fn origin(&self, offset: usize) -> usize {
        let mut grown = 0;
        let mut shrunk = 0;
        for (range, length) in &self.replaced {
            let start = range.start + grown - shrunk;
            if offset < start {
                break;
            }
            if offset < start + length {
                return range.start;
            }
            grown += length;
            shrunk += range.len();
        }
        offset + shrunk - grown
    }
}

/// The variables of a statement with one of these names, in order.
pub fn find(statement: &str, names: &[&'static str]) -> Vec<Variable> {
    let mut lexer = Lexer::new(statement.as_bytes(), 0);
    let mut found = Vec::new();
    let mut brackets = 0_usize;
    // The last three tokens, the newest first.
    let mut before: [Option<Token>; 3] = [None; 3];
    while let Ok(Some(token)) = lexer.next_token() {
        if token.kind == Kind::LineComment {
            continue;
        }
        let content = &statement[token.start..token.end];
        match content {
            "[" => brackets += 1,
            "]" => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if let [Some(colon), value, further] = before
            && brackets == 0
            && token.kind == Kind::Word
            && token.start == colon.end
            && &statement[colon.start..colon.end] == ":"
            && !value.is_some_and(|value| is_value(value, colon))
            && let Some(name) = names.iter().find(|name| content.eq_ignore_ascii_case(name))
        {
            let operator = match value {
                Some(open) if open.kind == Kind::Open => further,
                other => other,
            };
            found.push(Variable {
                name,
                span: colon.start..token.end,
                operator: operator
                    .filter(|token| token.kind == Kind::Operator)
                    .map(|token| token.start..token.end),
            });
        }
        before = [Some(token), before[0], before[1]];
    }
    found
}

/// Whether a colon behind this token separates two values.
fn is_value(token: Token, colon: Token) -> bool {
    match token.kind {
        Kind::Text | Kind::Dollar | Kind::Number | Kind::QuotedName | Kind::Close => true,
        Kind::Word => token.end == colon.start,
        Kind::Operator
        | Kind::Open
        | Kind::Semicolon
        | Kind::Backslash
        | Kind::Mark
        | Kind::LineComment => false,
    }
}

/// Puts texts in place of ranges, which must not overlap and be in order.
pub fn fill(statement: &str, texts: &[(Range<usize>, String)]) -> Filled {
    let mut text = String::with_capacity(statement.len() + 64);
    let mut replaced = Vec::with_capacity(texts.len());
    let mut at = 0;
    for (range, new) in texts {
        text.push_str(&statement[at..range.start]);
        text.push_str(new);
        replaced.push((range.clone(), new.len()));
        at = range.end;
    }
    text.push_str(&statement[at..]);
    Filled { text, replaced }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the variables in braces, with the operator that was seen.
    fn check(statement: &str, expected: &str) {
        let shown: Vec<(Range<usize>, String)> = find(statement, &["low", "high"])
            .into_iter()
            .map(|found| {
                let operator = found.operator.map(|range| &statement[range]);
                let shown = format!("{{{} {}}}", operator.unwrap_or("-"), found.name);
                (found.span, shown)
            })
            .collect();
        assert_eq!(fill(statement, &shown).text, expected);
    }

    #[test]
    fn variables_are_tokens() {
        check(
            "id > :low and id <= :high",
            "id > {> low} and id <= {<= high}",
        );
        check("(a, b) >(:LOW)", "(a, b) >({> low})");
        check("between :low and :high", "between {- low} and {- high}");
        check("f(:low,:high)", "f({- low},{- high})");
        check("> /* x */ :low -- :high", "> /* x */ {> low} -- :high");
    }

    #[test]
    fn nothing_else_is_taken_for_one() {
        for text in [
            "':low' $$ :high $$ \":low\" /* :low */ E':low'",
            "a::low, 5::high, a :: low",
            "a[1:high] a[:high] a[low:high] array[x[:low]]",
            "json_object('k':low, k:high, 1:low, (2):high)",
            ":lower :'low' : low := low :size",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn a_place_in_the_filled_text_has_one_in_the_statement() {
        let filled = fill(
            "a :low b :high c",
            &[(2..6, "1".into()), (9..14, "22222222".into())],
        );
        assert_eq!(filled.text, "a 1 b 22222222 c");
        for (offset, expected) in [
            (0, 0),
            (2, 2),
            (3, 6),
            (4, 7),
            (6, 9),
            (13, 9),
            (14, 14),
            (15, 15),
        ] {
            assert_eq!(filled.origin(offset), expected, "{offset}");
        }
    }
}
