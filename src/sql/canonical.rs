//! A form of SQL that stays the same under edits which change nothing.
//!
//! Comments and white space vanish, words without quotes lose their case, empty statements are
//! left out, and line ends inside quotes and data count as one newline. Everything else stays, so
//! any edit that PostgreSQL could notice changes the form. Two texts of one form are the same SQL;
//! two of different forms may be too (`1` and `01`), which costs an alarm and no harm.
//!
//! Each token ends with a NUL, which no script holds. A statement ends with one more. The data of
//! `copy … from stdin` follows its statement behind `\.`, which starts no statement.

use std::mem;

use crate::sql::lexer::{Kind, Lexer, Unterminated};
use crate::sql::split::Statement;
use crate::sql::strings::escapes_after;

/// Enough to call the sink rarely, and little beside the text.
const BLOCK: usize = 8 * 1024;

/// Writes the form of these statements of `text` to `sink`, piece by piece.
///
/// The statements must come from splitting `text`, from a section's first on; if they do not, this stops with the same error as splitting would.
pub fn write(
    text: &str,
    statements: &[Statement],
    sink: &mut impl FnMut(&[u8]),
) -> Result<(), Unterminated> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(BLOCK);
    let mut escapes = false;
    for Statement { span, copy_data } in statements {
        let mut lexer = Lexer::new(&bytes[..span.end.min(bytes.len())], span.start);
        lexer.escape_plain_strings(escapes);
        write_tokens(lexer, bytes, &mut out, sink)?;
        let statement = bytes.get(span.clone()).unwrap_or_default();
        escapes = escapes_after(statement).unwrap_or(escapes);
        out.push(0);
        if let Some(data) = copy_data {
            out.extend_from_slice(b"\\.");
            push_lines(bytes.get(data.clone()).unwrap_or_default(), &mut out, sink);
            out.push(0);
        }
    }
    sink(&out);
    Ok(())
}

fn write_tokens(
    mut lexer: Lexer<'_>,
    bytes: &[u8],
    out: &mut Vec<u8>,
    sink: &mut impl FnMut(&[u8]),
) -> Result<(), Unterminated> {
    while let Some(token) = lexer.next_token()? {
        let content = &bytes[token.start..token.end];
        match token.kind {
            Kind::LineComment => continue,
            Kind::Word | Kind::Number => out.extend(content.iter().map(u8::to_ascii_lowercase)),
            Kind::Text | Kind::QuotedName | Kind::Dollar => {
                // The prefix of a quote (`E`, `U&`) is a keyword of one letter.
                let quoted = match content {
                    [letter, rest @ ..] if letter.is_ascii_alphabetic() => {
                        out.push(letter.to_ascii_lowercase());
                        rest
                    }
                    _ => content,
                };
                push_lines(quoted, out, sink);
            }
            Kind::Operator
            | Kind::Open
            | Kind::Close
            | Kind::Semicolon
            | Kind::Backslash
            | Kind::Mark => out.extend_from_slice(content),
        }
        out.push(0);
        if out.len() >= BLOCK {
            sink(&mem::replace(out, Vec::with_capacity(BLOCK)));
        }
    }
    Ok(())
}

/// Git may write CRLF into a work tree; the lines mean the same.
fn push_lines(content: &[u8], out: &mut Vec<u8>, sink: &mut impl FnMut(&[u8])) {
    let mut lines = content.split(|&byte| byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            out.extend_from_slice(line);
            break;
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.push(b'\n');
        if out.len() >= BLOCK {
            sink(out);
            out.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split::split;

    fn form(text: &str) -> Vec<u8> {
        let mut form = Vec::new();
        let statements = split(text, 0..text.len()).unwrap();
        write(text, &statements, &mut |part| form.extend_from_slice(part)).unwrap();
        form
    }

    fn same(one: &str, other: &str) {
        assert_eq!(form(one), form(other), "{one} and {other}");
    }

    fn different(one: &str, other: &str) {
        assert_ne!(form(one), form(other), "{one} and {other}");
    }

    #[test]
    fn does_not_see_layout_comments_case_and_empty_statements() {
        same("select 1", "SELECT\r\n\t1 ; ;");
        same(
            "select a.b,c from t where x=-1",
            "select a . b , c\nFROM t where x = - 1",
        );
        same("a -- x\n b", "a /* y /* z */ */ b -- c");
        same("-- x\n;a;;b", "a;b;");
        same("select E'a', U&'b', X'FF'", "select e'a', u&'b', x'FF'");
        same("select 1E5", "select 1e5");
        same("\\restrict abc\na", "\\restrict xyz\na");
        same(
            "create function f() begin atomic select 1; end",
            "create function f()\nBEGIN ATOMIC select 1;\nEND;",
        );
    }

    #[test]
    fn does_not_see_line_ends() {
        same(
            "select 'a\nb', $$a\nb$$, \"a\nb\"",
            "select 'a\r\nb', $$a\r\nb$$, \"a\r\nb\"",
        );
        same(
            "copy t from stdin;\n1\n2\n\\.\n",
            "COPY t from stdin;\r\n1\r\n2\r\n\\.\r\n",
        );
    }

    #[test]
    fn sees_every_edit_that_could_matter() {
        different("select 'a'", "select 'A'");
        different("select \"a\"", "select \"A\"");
        different("select \"a\"", "select a");
        different("select $$a b$$", "select $$a  b$$");
        different("select $a$x$a$", "select $b$x$b$");
        different("select 'a -- b'", "select 'a '");
        different("select a b", "select ab");
        different("select a <= b", "select a < = b");
        different("select 1 2", "select 12");
        different("select 0 xf", "select 0xf");
        different("a; b", "a b");
        different("a; b", "b; a");
        different("a", "a; a");
        different("(a; b)", "(a b)");
        different("(a;)", "(a)");
        different(
            "copy t from stdin;\n1\n\\.\n",
            "copy t from stdin;\n2\n\\.\n",
        );
        different(
            "copy t from stdin;\n1\n\\.\n",
            "copy t from stdin;\n1\n\\.\n1",
        );
        different("select E'\\n'", "select '\\n'");
        different("select 'a\rb'", "select 'ab'");
        different("select 'a\rb'", "select 'a\nb'");
        different("select Ä", "select ä");
    }

    #[test]
    fn is_the_same_in_one_piece_or_in_many() {
        let long = "select 'line\n".to_owned() + &"0123456789\n".repeat(5_000) + "'";
        let windows = long.replace('\n', "\r\n");
        same(&long, &windows);
        assert!(form(&long).len() > 50_000);
    }
}
