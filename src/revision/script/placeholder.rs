//! Placeholders: `${NAME}` in the SQL of a file whose header declares NAME.
//!
//! A value comes in as one token, quoted as a constant or as a name, and only where SQL sees a
//! token: in a string or a comment `${NAME}` stays what it is. `${` is no SQL, so that one which
//! the header does not declare is a mistake.

use std::borrow::Cow;
use std::ops::Range;

use super::error::Problem;
use crate::sql::ident::{Ident, Literal};
use crate::sql::lexer::{Kind, Lexer, Token};
use crate::sql::split::Statement;

/// A placeholder as the header declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Its name: letters, digits and `_`.
    pub name: String,
    /// What its value becomes.
    pub kind: PlaceholderKind,
}

/// What a value becomes in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceholderKind {
    /// A constant: `'it''s'`.
    Literal,
    /// A name: `"my table"`.
    Identifier,
}

/// Why a value cannot stand in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No text of PostgreSQL holds a NUL.
    Nul,
    /// It is no name of 1 to 63 bytes.
    Name,
}

impl Placeholder {
    /// Quotes a value.
    pub fn quote(&self, value: &str) -> Result<String, Unfit> {
        match self.kind {
            PlaceholderKind::Literal if value.contains('\0') => Err(Unfit::Nul),
            PlaceholderKind::Literal => Ok(Literal(value).to_string()),
            PlaceholderKind::Identifier => match Ident::new(value) {
                Ok(name) => Ok(name.to_string()),
                Err(_) => Err(Unfit::Name),
            },
        }
    }
}

/// Reads what the header declares: `app_role identifier, app_password`.
pub(super) fn declare<'v>(
    values: impl Iterator<Item = &'v str>,
) -> Result<Vec<Placeholder>, Problem> {
    let mut declared: Vec<Placeholder> = Vec::new();
    for value in values {
        let refused = || Problem::PlaceholderDeclaration(value.to_owned());
        let mut words = value.split_whitespace();
        let name = words.next().unwrap_or_default();
        let kind = match (words.next(), words.next()) {
            (None | Some("literal"), None) => PlaceholderKind::Literal,
            (Some("identifier"), None) => PlaceholderKind::Identifier,
            _ => return Err(refused()),
        };
        let mut bytes = name.bytes();
        let starts = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let goes_on = |byte: u8| starts(byte) || byte.is_ascii_digit();
        if !(bytes.next().is_some_and(starts) && bytes.all(goes_on)) {
            return Err(refused());
        }
        // The checksum does not tell `${a}` from `${A}`.
        let is_same = |known: &Placeholder| known.name.eq_ignore_ascii_case(name);
        if declared.iter().any(is_same) {
            return Err(Problem::DuplicateValue {
                key: "placeholders",
                id: name.to_owned(),
            });
        }
        declared.push(Placeholder {
            name: name.to_owned(),
            kind,
        });
    }
    Ok(declared)
}

/// One `${NAME}` in the SQL.
struct Use<'d> {
    range: Range<usize>,
    /// What it stands for; nothing if that is not declared.
    meant: Option<&'d Placeholder>,
}

/// The uses in one statement, in order.
fn uses<'d>(text: &str, span: &Range<usize>, declared: &'d [Placeholder]) -> Vec<Use<'d>> {
    let mut found = Vec::new();
    // Nearly no statement has any, and is then not read again.
    if !text[span.clone()].contains("${") {
        return found;
    }
    let bytes = &text.as_bytes()[..span.end];
    let mut lexer = Lexer::new(bytes, span.start);
    let mut before: Option<Token> = None;
    while let Ok(Some(token)) = lexer.next_token() {
        let opens = token.kind == Kind::Mark && bytes[token.start] == b'{';
        let dollar = before.filter(|before| before.end == token.start);
        let dollar = dollar.filter(|dollar| bytes[dollar.end - 1] == b'$');
        if let Some(dollar) = dollar.filter(|_| opens) {
            // A word that ends in `$` has swallowed the one that belongs to the placeholder.
            let is_alone = dollar.kind == Kind::Mark;
            let rest = &text[token.end..span.end];
            let name_end = rest.find(|letter: char| !is_name(letter));
            let name = &rest[..name_end.unwrap_or(rest.len())];
            let closes = rest[name.len()..].starts_with('}');
            let end = token.end + name.len() + usize::from(closes);
            let declared = declared.iter().find(|known| known.name == name);
            found.push(Use {
                range: dollar.end - 1..end,
                meant: declared.filter(|_| is_alone && closes),
            });
            lexer.jump(end);
            before = None;
        } else {
            before = Some(token);
        }
    }
    found
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Refuses what looks like a placeholder and is none of those declared. Returns where it stands.
pub(super) fn check(
    text: &str,
    statements: &[Statement],
    declared: &[Placeholder],
) -> Result<(), (Problem, Range<usize>)> {
    for statement in statements {
        for Use { range, meant } in uses(text, &statement.span, declared) {
            if meant.is_none() {
                let problem = Problem::Placeholder(text[range.clone()].to_owned());
                return Err((problem, range));
            }
        }
    }
    Ok(())
}

/// A statement with any value in the place of each placeholder: what it is does not depend on them.
pub(super) fn any_values<'t>(
    text: &'t str,
    span: &Range<usize>,
    declared: &[Placeholder],
) -> Cow<'t, str> {
    let statement = &text[span.clone()];
    if declared.is_empty() || !statement.contains("${") {
        return Cow::Borrowed(statement);
    }
    let alone = [Statement {
        span: 0..statement.len(),
        copy_data: None,
    }];
    let rendered = Rendered::of(statement, &alone, declared, |placeholder| {
        placeholder.quote("x").unwrap_or_default()
    });
    Cow::Owned(rendered.map_or_else(|| statement.to_owned(), |rendered| rendered.text))
}

/// The placeholders that these statements use, each once.
pub fn used<'d>(
    text: &str,
    statements: &[Statement],
    declared: &'d [Placeholder],
) -> Vec<&'d Placeholder> {
    let mut found: Vec<&Placeholder> = Vec::new();
    if declared.is_empty() {
        return found;
    }
    for statement in statements {
        let uses = uses(text, &statement.span, declared);
        for meant in uses.into_iter().filter_map(|found| found.meant) {
            if !found.contains(&meant) {
                found.push(meant);
            }
        }
    }
    found
}

/// A text with values in the place of placeholders, and the way back to the text without.
///
/// Prints nothing of itself when debugged: values may be secrets.
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The statements; ranges are into that text.
    pub statements: Vec<Statement>,
    /// For each value the range that it has, and the range of its placeholder.
    values: Vec<(Range<usize>, Range<usize>)>,
}

impl Rendered {
    /// Writes a value, which must be one token, in the place of each placeholder; nothing when
    /// there are none.
    pub fn of(
        text: &str,
        statements: &[Statement],
        declared: &[Placeholder],
        mut write: impl FnMut(&Placeholder) -> String,
    ) -> Option<Self> {
        if declared.is_empty() {
            return None;
        }
        let mut rendered = Self {
            text: String::with_capacity(text.len()),
            statements: Vec::with_capacity(statements.len()),
            values: Vec::new(),
        };
        let mut copied = 0;
        for statement in statements {
            rendered.text.push_str(&text[copied..statement.span.start]);
            copied = statement.span.start;
            let start = rendered.text.len();
            for Use { range, meant } in uses(text, &statement.span, declared) {
                let Some(placeholder) = meant else { continue };
                rendered.text.push_str(&text[copied..range.start]);
                // With blanks around it nothing becomes part of it: no prefix such as `E`, no
                // quote that would continue it.
                let value = format!(" {} ", write(placeholder));
                let value_start = rendered.text.len();
                rendered.text.push_str(&value);
                copied = range.end;
                rendered
                    .values
                    .push((value_start..rendered.text.len(), range));
            }
            rendered.text.push_str(&text[copied..statement.span.end]);
            copied = statement.span.end;
            let span = start..rendered.text.len();
            let copy_data = statement.copy_data.clone().map(|data| {
                rendered.text.push_str(&text[copied..data.start]);
                let start = rendered.text.len();
                rendered.text.push_str(&text[data.clone()]);
                copied = data.end;
                start..rendered.text.len()
            });
            rendered.statements.push(Statement { span, copy_data });
        }
        rendered.text.push_str(&text[copied..]);
        (!rendered.values.is_empty()).then_some(rendered)
    }

    /// Where a byte of the text stands in the text with placeholders.
    pub fn origin(&self, offset: usize) -> usize {
        let before = self
            .values
            .partition_point(|(value, _)| value.start <= offset);
        match before.checked_sub(1).and_then(|last| self.values.get(last)) {
            Some((value, placeholder)) if value.contains(&offset) => placeholder.start,
            Some((value, placeholder)) => placeholder.end + (offset - value.end),
            None => offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split::split;

    fn declared(text: &str) -> Vec<Placeholder> {
        declare(text.split(',').map(str::trim)).unwrap()
    }

    /// Renders with the value `it's` for each.
    fn check_rendered(text: &str, expected: &str) {
        let declared = declared("a, t identifier");
        let statements = split(text, 0..text.len()).unwrap();
        check(text, &statements, &declared).unwrap();
        let rendered = Rendered::of(text, &statements, &declared, |placeholder| {
            placeholder.quote("it's").unwrap()
        });
        let shown = rendered
            .as_ref()
            .map_or("(as it is)", |rendered| rendered.text.as_str());
        assert_eq!(shown, expected, "{text}");
        // What stands outside of a value is found where it was, and is cut as it was.
        let Some(rendered) = rendered else { return };
        let again = split(&rendered.text, 0..rendered.text.len()).unwrap();
        let cut = |statements: &[Statement]| {
            let parts = statements.iter();
            let parts = parts.map(|one| {
                (
                    one.copy_data.clone(),
                    rendered.text[one.span.clone()].trim(),
                )
            });
            parts
                .map(|(data, sql)| (data, sql.to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(cut(&again), cut(&rendered.statements), "{text}");
        for (offset, byte) in rendered.text.bytes().enumerate() {
            let inside = rendered
                .values
                .iter()
                .any(|(value, _)| value.contains(&offset));
            let origin = text.as_bytes()[rendered.origin(offset)];
            assert_eq!(origin, if inside { b'$' } else { byte }, "{text}: {offset}");
        }
    }

    #[test]
    fn a_value_comes_in_as_one_token() {
        check_rendered("select 1", "(as it is)");
        check_rendered("select ${a}", "select  'it''s' ");
        check_rendered(
            "select 'ä'; grant x to ${t};\n-- ${a} ${nobody}\nselect ${a}, ${a};",
            "select 'ä'; grant x to  \"it's\" ;\n-- ${a} ${nobody}\nselect  'it''s' ,  'it''s' ;",
        );
        check_rendered(
            "select '${a}', \"${a}\", $$ ${x} $$, /* ${x} */ 1",
            "(as it is)",
        );
        check_rendered("select ${a}'x'", "select  'it''s' 'x'");
        check_rendered(
            "select f(${a})::s.${t}",
            "select f( 'it''s' )::s. \"it's\" ",
        );
        check_rendered(
            "copy ${t} from stdin;\n${a}\n\\.\nselect ${a}",
            "copy  \"it's\"  from stdin;\n${a}\n\\.\nselect  'it''s' ",
        );
    }

    fn check_refused(text: &str, expected: &str) {
        let statements = split(text, 0..text.len()).unwrap();
        let (problem, range) = check(text, &statements, &declared("a")).unwrap_err();
        assert_eq!(format!("{} {problem}", range.start), expected, "{text}");
    }

    #[test]
    fn what_looks_like_a_placeholder_and_is_none_is_refused() {
        check_refused(
            "select ${b}",
            "7 `${b}` is not a placeholder that the header declares",
        );
        check_refused(
            "select ${A}",
            "7 `${A}` is not a placeholder that the header declares",
        );
        check_refused(
            "select ${ a }",
            "7 `${` is not a placeholder that the header declares",
        );
        check_refused(
            "select ${a",
            "7 `${a` is not a placeholder that the header declares",
        );
        check_refused(
            "select E${a}",
            "8 `${a}` is not a placeholder that the header declares",
        );
        check_refused(
            "select x${a}",
            "8 `${a}` is not a placeholder that the header declares",
        );
        check_refused(
            "select ${}",
            "7 `${}` is not a placeholder that the header declares",
        );
    }

    fn check_declared(text: &str, expected: &str) {
        let shown = match declare(text.split(',').map(str::trim)) {
            Ok(all) => format!(
                "{:?}",
                all.iter()
                    .map(|one| (&*one.name, one.kind))
                    .collect::<Vec<_>>()
            ),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn declarations_name_and_say_what_becomes_of_it() {
        check_declared(
            "a, B_1 identifier, c literal",
            r#"[("a", Literal), ("B_1", Identifier), ("c", Literal)]"#,
        );
        check_declared("a, A", "header key `placeholders` names `A` twice");
        for wrong in ["1a", "a-b", "a name", "a identifier literal", "${a}", "ä"] {
            let refused = format!(
                "`{wrong}` does not declare a placeholder (a name of letters, digits and `_`, then \
                 `literal` or `identifier`)"
            );
            check_declared(wrong, &refused);
        }
    }

    #[test]
    fn values_that_sql_cannot_hold_are_refused() {
        let [literal, name] = declared("a, b identifier").try_into().unwrap();
        assert_eq!(literal.quote("\\'").unwrap(), "E'\\\\'''");
        assert_eq!(literal.quote("a\0b"), Err(Unfit::Nul));
        assert_eq!(name.quote("a\"b").unwrap(), "\"a\"\"b\"");
        for unfit in ["", "a\0", &"x".repeat(64)] {
            assert_eq!(name.quote(unfit), Err(Unfit::Name), "{unfit:?}");
        }
    }
}
