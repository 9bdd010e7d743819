//! Cuts a script into statements, as byte ranges.
//!
//! A `;` ends a statement unless it stands in a quote, a comment, parentheses (`create rule … do
//! (a; b)`) or the body of a `begin atomic` routine. The data behind `copy … from stdin` is no SQL
//! and is found here too. Commands of psql are refused, as nothing here could carry them out,
//! except `\restrict` and `\unrestrict`, which every `pg_dump` writes and which do nothing.

use std::ops::Range;

use crate::sql::lexer::{Kind, Lexer, Token, starts_word};
use crate::sql::split_error::SplitError;
use crate::sql::strings::escapes_after;

/// One statement. Ranges are bytes in the text that was split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// From its first token to its last, without the final `;`.
    pub span: Range<usize>,
    /// The lines behind `copy … from stdin;`, without the line `\.` that ends them.
    pub copy_data: Option<Range<usize>>,
}

/// The statements of `text[range]`, in order. Empty ones are left out.
pub fn split(text: &str, range: Range<usize>) -> Result<Vec<Statement>, SplitError> {
    let bytes = text.as_bytes();
    let end = range.end.min(bytes.len());
    let start = range.start.min(end);
    if let Some(nul) = bytes[start..end].iter().position(|&byte| byte == 0) {
        return Err(SplitError::Nul {
            offset: start + nul,
        });
    }
    let mut splitter = Splitter::new(&bytes[..end], start);
    let mut statements = Vec::new();
    while let Some(piece) = splitter.next_piece()? {
        match piece {
            Piece::Statement(statement) => statements.push(statement),
            Piece::LineComment(_) => {}
        }
    }
    Ok(statements)
}

/// What a splitter finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A whole statement.
    Statement(Statement),
    /// `-- …`, between statements or inside one, without its line end.
    LineComment(Range<usize>),
}

/// Walks over a script once. For who needs the comments too; others call [`split`].
#[derive(Clone, Debug)]
pub struct Splitter<'t> {
    bytes: &'t [u8],
    lexer: Lexer<'t>,
    open: Option<Open>,
    placeholders: &'static [&'static str],
}

/// The statement being read.
#[derive(Clone, Debug)]
struct Open {
    start: usize,
    end: usize,
    parentheses: usize,
    brackets: usize,
    head: Head,
    last: Token,
}

/// What the statement turns out to be, as far as its end depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Start,
    Create,
    CreateOr,
    CreateOrReplace,
    /// `create function` or `procedure`.
    Routine,
    /// The body of one, behind `begin atomic`.
    Body,
    Copy,
    CopyFrom,
    CopyFromStdin,
    Other,
}

impl<'t> Splitter<'t> {
    /// Starts at the offset `start`. The bytes must hold no NUL.
    pub fn new(bytes: &'t [u8], start: usize) -> Self {
        Self {
            bytes,
            lexer: Lexer::new(bytes, start),
            open: None,
            placeholders: &[],
        }
    }

    /// From here on `:name` is no variable of psql's but castoff's own, for these names.
    pub fn allow_placeholders(&mut self, names: &'static [&'static str]) {
        self.placeholders = names;
    }

    /// Whether no statement has begun that has not ended.
    pub fn is_between(&self) -> bool {
        self.open.is_none()
    }

    /// The next statement or comment, or nothing at the end. The last statement needs no `;`.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, SplitError> {
        while let Some(token) = self.lexer.next_token()? {
            match token.kind {
                Kind::LineComment => return Ok(Some(Piece::LineComment(token.start..token.end))),
                Kind::Backslash => self.psql_command(token)?,
                Kind::Semicolon if !self.is_inside() => {
                    let Some(open) = self.open.take() else {
                        continue;
                    };
                    let copy_data = if open.head == Head::CopyFromStdin {
                        Some(self.copy_data(&open, token.end)?)
                    } else {
                        None
                    };
                    let span = open.start..open.end;
                    if let Some(escapes) = escapes_after(&self.bytes[span.clone()]) {
                        self.lexer.escape_plain_strings(escapes);
                    }
                    return Ok(Some(Piece::Statement(Statement { span, copy_data })));
                }
                Kind::Word
                | Kind::QuotedName
                | Kind::Text
                | Kind::Dollar
                | Kind::Number
                | Kind::Operator
                | Kind::Open
                | Kind::Close
                | Kind::Semicolon
                | Kind::Mark => self.take(token)?,
            }
        }
        Ok(self.cut()?.map(Piece::Statement))
    }

    /// Ends the statement here although no `;` was seen. What follows is another script.
    pub fn cut(&mut self) -> Result<Option<Statement>, SplitError> {
        self.lexer.escape_plain_strings(false);
        match self.open.take() {
            Some(open) if open.head == Head::CopyFromStdin => {
                Err(SplitError::CopyData { offset: open.start })
            }
            Some(open) => Ok(Some(Statement {
                span: open.start..open.end,
                copy_data: None,
            })),
            None => Ok(None),
        }
    }

    /// Whether a parenthesis or a `begin atomic` body is open, so that `;` ends nothing.
    pub fn is_inside(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.parentheses > 0 || open.head == Head::Body)
    }

    fn take(&mut self, token: Token) -> Result<(), SplitError> {
        let bytes = self.bytes;
        let open = self.open.get_or_insert(Open {
            start: token.start,
            end: token.end,
            parentheses: 0,
            brackets: 0,
            head: Head::Start,
            last: Token {
                kind: Kind::Semicolon,
                ..token
            },
        });
        if token.kind == Kind::Open {
            open.parentheses += 1;
        } else if token.kind == Kind::Close {
            // One too many is a syntax error, which the server explains best.
            open.parentheses = open.parentheses.saturating_sub(1);
        } else if token.kind == Kind::Mark {
            match bytes[token.start] {
                b'[' => open.brackets += 1,
                b']' => open.brackets = open.brackets.saturating_sub(1),
                b':' => refuse_variable(bytes, open, token, self.placeholders)?,
                _ => {}
            }
        }
        if open.head != Head::Other && open.parentheses == 0 {
            open.head = open.head.after(bytes, open.last, token);
        }
        open.end = token.end;
        open.last = token;
        Ok(())
    }

    fn psql_command(&mut self, token: Token) -> Result<(), SplitError> {
        let rest = &self.bytes[token.end..];
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b';';
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        let command = &rest[..length];
        if self.open.is_none() && matches!(command, b"restrict" | b"unrestrict") {
            let line = rest
                .iter()
                .position(|&byte| byte == b'\n')
                .unwrap_or(rest.len());
            self.lexer.jump(token.end + line);
            return Ok(());
        }
        let command = format!("\\{}", String::from_utf8_lossy(command));
        Err(SplitError::PsqlCommand {
            command,
            offset: token.start,
        })
    }

    /// Finds the data behind the `;` that ends at `from`, and goes on behind it.
    fn copy_data(&mut self, open: &Open, from: usize) -> Result<Range<usize>, SplitError> {
        let unterminated = SplitError::CopyData { offset: open.start };
        let line_end = |from: usize| {
            let rest = self.bytes.get(from..).unwrap_or_default();
            rest.iter()
                .position(|&byte| byte == b'\n')
                .map(|length| from + length)
        };
        let Some(first_line_end) = line_end(from) else {
            return Err(unterminated);
        };
        let tail = self.bytes[from..first_line_end].trim_ascii_start();
        if !tail.is_empty() && !tail.starts_with(b"--") {
            return Err(SplitError::TextBeforeCopyData {
                offset: first_line_end - tail.len(),
            });
        }
        let start = first_line_end + 1;
        let mut at = start;
        while at < self.bytes.len() {
            let end = line_end(at).unwrap_or(self.bytes.len());
            if matches!(&self.bytes[at..end], b"\\." | b"\\.\r") {
                self.lexer.jump(end);
                return Ok(start..at);
            }
            at = end + 1;
        }
        Err(unterminated)
    }
}

impl Head {
    /// What is known after one more token outside parentheses.
    fn after(self, bytes: &[u8], last: Token, token: Token) -> Self {
        let is = |token: Token, word: &str| {
            token.kind == Kind::Word
                && bytes[token.start..token.end].eq_ignore_ascii_case(word.as_bytes())
        };
        let routine = is(token, "function") || is(token, "procedure");
        match self {
            Self::Start if is(token, "create") => Self::Create,
            Self::Start if is(token, "copy") => Self::Copy,
            Self::Create if is(token, "or") => Self::CreateOr,
            Self::CreateOr if is(token, "replace") => Self::CreateOrReplace,
            Self::Create | Self::CreateOrReplace if routine => Self::Routine,
            Self::Routine if is(token, "atomic") && is(last, "begin") => Self::Body,
            // Each statement of a body ends with `;`, and none begins with `end`. Elsewhere the
            // word ends a `case` or is a name, as in `t.end` and `select 1 end`.
            Self::Body
                if is(token, "end") && (last.kind == Kind::Semicolon || is(last, "atomic")) =>
            {
                Self::Routine
            }
            Self::Copy if is(token, "from") => Self::CopyFrom,
            // The server takes `stdout` here for the same.
            Self::CopyFrom if is(token, "stdin") || is(token, "stdout") => Self::CopyFromStdin,
            Self::CopyFrom => Self::Copy,
            Self::Routine | Self::Body | Self::Copy | Self::CopyFromStdin => self,
            Self::Start | Self::Create | Self::CreateOr | Self::CreateOrReplace | Self::Other => {
                Self::Other
            }
        }
    }
}

/// SQL has a single colon only in brackets, and in parentheses behind a value: in `a[:2]` and
/// `json_object('k': 1)`.
fn refuse_variable(
    bytes: &[u8],
    open: &Open,
    colon: Token,
    placeholders: &[&str],
) -> Result<(), SplitError> {
    let last = open.last;
    let value_expected = open.brackets == 0
        && (open.parentheses == 0
            || matches!(last.kind, Kind::Open | Kind::Operator)
            || &bytes[last.start..last.end] == b",");
    let rest = &bytes[colon.end..];
    let Some(&next) = rest.first() else {
        return Ok(());
    };
    let named = starts_word(next) || matches!(next, b'\'' | b'"');
    if colon.end - colon.start > 1 || !value_expected || !named {
        return Ok(());
    }
    let part_of_name = |byte: &u8| starts_word(*byte) || byte.is_ascii_digit();
    let length = 1 + rest[1..]
        .iter()
        .position(|byte| !part_of_name(byte))
        .unwrap_or(rest.len() - 1);
    let is_placeholder = |name: &&str| rest[..length].eq_ignore_ascii_case(name.as_bytes());
    if placeholders.iter().any(is_placeholder) {
        return Ok(());
    }
    let closing = usize::from(!starts_word(next) && rest.get(length) == Some(&next));
    let variable = format!(":{}", String::from_utf8_lossy(&rest[..length + closing]));
    Err(SplitError::PsqlVariable {
        variable,
        offset: colon.start,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the statements with `|` between, data in braces, or the error with its offset.
    fn check(text: &str, expected: &str) {
        let shown = match split(text, 0..text.len()) {
            Ok(statements) => statements
                .iter()
                .map(|Statement { span, copy_data }| match copy_data {
                    Some(data) => format!("{}{{{}}}", &text[span.clone()], &text[data.clone()]),
                    None => text[span.clone()].to_owned(),
                })
                .collect::<Vec<_>>()
                .join("|"),
            Err(error) => format!("error: {error} at {}", error.offset()),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn ends_statements_at_semicolons_and_leaves_out_what_surrounds_them() {
        check("", "");
        check(" ; ;-- x\n;/* ; */", "");
        check("a;b", "a|b");
        check(" -- x\n a /* ; */ b -- y\n ; c ;", "a /* ; */ b|c");
        check("select ';'; select $$;$$", "select ';'|select $$;$$");
        check(
            "select \";\"; select E'\\';'; x",
            "select \";\"|select E'\\';'|x",
        );
    }

    #[test]
    fn keeps_parentheses_together() {
        check(
            "create rule r as on insert to t do (a; b); c",
            "create rule r as on insert to t do (a; b)|c",
        );
        check("a); b", "a)|b");
        check("(a; b", "(a; b");
    }

    #[test]
    fn keeps_bodies_of_sql_routines_together() {
        let body =
            "begin atomic select case when a then case b when 1 then 2 end end; select 2; end";
        for head in [
            "create function f()",
            "CREATE or /* x */ Replace PROCEDURE f()",
        ] {
            check(&format!("{head} {body}; x"), &format!("{head} {body}|x"));
        }
        check(
            "create function f() begin atomic select 1 as end, t.end, \"end\"; end; x",
            "create function f() begin atomic select 1 as end, t.end, \"end\"; end|x",
        );
        check(
            "create function f() begin atomic select 1 end; select x case, 2 end; end; x",
            "create function f() begin atomic select 1 end; select x case, 2 end; end|x",
        );
        check(
            "create function f() begin atomic end; end; x",
            "create function f() begin atomic end|end|x",
        );
        check("begin; atomic; end", "begin|atomic|end");
        check("begin atomic; x; end", "begin atomic|x|end");
        check(
            "create table function(begin int); x",
            "create table function(begin int)|x",
        );
        check(
            "create function atomic() as 'x'; y",
            "create function atomic() as 'x'|y",
        );
        check(
            "create function f(begin atomic); end; x",
            "create function f(begin atomic)|end|x",
        );
        check(
            "create function begin() return 1; x",
            "create function begin() return 1|x",
        );
    }

    #[test]
    fn takes_copy_data_as_data() {
        check(
            "copy t from stdin;\n1;'\n\\.\nx;",
            "copy t from stdin{1;'\n}|x",
        );
        check(
            "COPY t (a, b) FROM stdin WITH (format csv); -- c\r\n1\r\n\\.\r\nx",
            "COPY t (a, b) FROM stdin WITH (format csv){1\r\n}|x",
        );
        check("copy t from stdin;\n\\.", "copy t from stdin{}");
        check(
            "copy t from stdout;\n1\n\\.\nx",
            "copy t from stdout{1\n}|x",
        );
        check(
            "copy (select a from stdin) to 'x'; y",
            "copy (select a from stdin) to 'x'|y",
        );
        check("copy t from 'stdin'; y", "copy t from 'stdin'|y");
        check("copy t from \"stdin\"; y", "copy t from \"stdin\"|y");
        check("select 1 from stdin; y", "select 1 from stdin|y");
        check(
            "x; copy t from stdin;\n1\n",
            "error: the data of `copy … from stdin` is never closed at 3",
        );
        check(
            "copy t from stdin",
            "error: the data of `copy … from stdin` is never closed at 0",
        );
        check(
            "copy t from stdin; x\n\\.\n",
            "error: text between `copy … from stdin;` and its data at 19",
        );
    }

    #[test]
    fn skips_what_pg_dump_writes_and_refuses_other_commands_of_psql() {
        check("\\restrict a'b\nx;\n\\unrestrict a'b\n", "x");
        check(
            "a;\n\\i other.sql\n",
            "error: `\\i` is a command of psql, not SQL at 3",
        );
        check(
            "a \\gexec",
            "error: `\\gexec` is a command of psql, not SQL at 2",
        );
        check(
            "a\n\\restrict b",
            "error: `\\restrict` is a command of psql, not SQL at 2",
        );
        check(
            "a (:'b c')",
            "error: `:'b` is a variable of psql, not SQL at 3",
        );
        check(
            "set x = :'b'",
            "error: `:'b'` is a variable of psql, not SQL at 8",
        );
        check(
            "f(1, :b)",
            "error: `:b` is a variable of psql, not SQL at 5",
        );
        check(
            "select :b",
            "error: `:b` is a variable of psql, not SQL at 7",
        );
        check(
            "from :\"b\" where (x)",
            "error: `:\"b\"` is a variable of psql, not SQL at 5",
        );
        check(
            "a[b :c] a[(1):c] x[y[1] :z] json(k : v)",
            "a[b :c] a[(1):c] x[y[1] :z] json(k : v)",
        );
        check(
            "a[:b] json('k':'v', 'k':v) 'x'::int",
            "a[:b] json('k':'v', 'k':v) 'x'::int",
        );
        check("a(:", "a(:");
    }

    #[test]
    fn reads_strings_as_the_script_sets_them() {
        check(
            r"set standard_conforming_strings = off; select 'a\';b'; reset all; select 'a\'; b",
            r"set standard_conforming_strings = off|select 'a\';b'|reset all|select 'a\'|b",
        );
    }

    #[test]
    fn refuses_what_never_closes_and_nul() {
        check("a; 'b", "error: string is never closed at 3");
        check("a; $x$ b", "error: dollar-quoted body is never closed at 3");
        check("a; /* b", "error: comment is never closed at 3");
        check("a; \"b", "error: quoted name is never closed at 3");
        check("a; '\0'", "error: NUL byte in the SQL at 4");
    }

    #[test]
    fn looks_at_its_range_only() {
        let text = "'; a; b; '";
        assert_eq!(split(text, 2..8).unwrap().len(), 2);
        assert_eq!(split(text, 2..4).unwrap()[0].span, 3..4);
        assert_eq!(split(text, 90..99).unwrap(), []);
    }
}
