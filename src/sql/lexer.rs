//! The tokens of SQL, cut where PostgreSQL's own lexer (`scan.l`) cuts them.
//!
//! Works on bytes, in one pass, without allocating. It reads strings as
//! `standard_conforming_strings = on` does, PostgreSQL's default since 9.1, unless it is told
//! otherwise. It refuses nothing but what never closes; whether the tokens make sense is the
//! server's business.

use std::fmt;

/// PostgreSQL refuses operators longer than a name. The limit also keeps a long run of `+` from
/// being read again for each of its characters.
const LONGEST_OPERATOR: usize = 64;

/// What a token is, as far as splitting, classifying and comparing need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// `"name"` or `U&"name"`.
    QuotedName,
    /// A constant in single quotes, with its prefix: `'a'`, `E'a'`, `U&'a'`, `B'1'`, `X'f'`, `N'a'`.
    Text,
    /// `$$ … $$` or `$tag$ … $tag$`.
    Dollar,
    /// A number, and whatever letters stick to it.
    Number,
    /// One operator such as `+` or `->>`.
    Operator,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `;`
    Semicolon,
    /// `\`, which is no SQL: a command of psql starts here.
    Backslash,
    /// Any other mark: `,` `.` `..` `:` `::` `:=` `[` `]`, a lone `$`, `$1`, a control character.
    Mark,
    /// `-- …` without its line end. Comments in `/* */` are skipped like white space.
    LineComment,
}

/// One token: its kind and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The offset of its first byte.
    pub start: usize,
    /// The offset behind its last byte.
    pub end: usize,
}

/// Something that opens and has to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// `/*`
    Comment,
    /// `'`
    Text,
    /// `"`
    QuotedName,
    /// `$tag$`
    Dollar,
}

impl fmt::Display for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Comment => "comment",
            Self::Text => "string",
            Self::QuotedName => "quoted name",
            Self::Dollar => "dollar-quoted body",
        })
    }
}

/// The text ends inside a quote or a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unterminated {
    /// What is not closed.
    pub opening: Opening,
    /// Where it opens.
    pub offset: usize,
}

/// Reads tokens from bytes. Offsets count from the first byte given to [`Lexer::new`].
#[derive(Clone, Debug)]
pub struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
    /// Where the quote stands that continues an `E''` string on a later line.
    continues: Option<usize>,
    /// Whether a backslash escapes in `''` as it does in `E''`.
    escapes: bool,
}

impl<'t> Lexer<'t> {
    /// Starts at the offset `at`.
    pub fn new(bytes: &'t [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            continues: None,
            escapes: false,
        }
    }

    /// Reads plain strings from here on as `standard_conforming_strings = off` does, or as `on`
    /// does.
    pub fn escape_plain_strings(&mut self, escapes: bool) {
        self.escapes = escapes;
    }

    /// Goes on at the offset `at`: for data between the SQL that is none.
    pub fn jump(&mut self, at: usize) {
        self.at = at;
        self.continues = None;
    }

    /// Where the next token is looked for.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next token, or nothing at the end.
    pub fn next_token(&mut self) -> Result<Option<Token>, Unterminated> {
        loop {
            let start = self.at;
            let Some(&byte) = self.bytes.get(start) else {
                return Ok(None);
            };
            let (kind, end) = match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                    self.at += 1;
                    continue;
                }
                b'-' if self.byte(start + 1) == b'-' => (Kind::LineComment, self.line_end(start)),
                b'/' if self.byte(start + 1) == b'*' => {
                    self.at = self.comment_end(start)?;
                    continue;
                }
                b'\'' if self.escapes || self.continues == Some(start) => {
                    self.escaped(start, start)?
                }
                b'\'' => self.text(start, start)?,
                b'"' => self.quoted_name(start, start)?,
                b'$' => self.dollar(start)?,
                b'0'..=b'9' => (Kind::Number, self.number_end(start)),
                b'.' if self.byte(start + 1).is_ascii_digit() => {
                    (Kind::Number, self.number_end(start))
                }
                b'(' => (Kind::Open, start + 1),
                b')' => (Kind::Close, start + 1),
                b';' => (Kind::Semicolon, start + 1),
                b'\\' => (Kind::Backslash, start + 1),
                _ if starts_word(byte) => self.word(start, byte)?,
                _ if is_operator(byte) => (Kind::Operator, self.operator_end(start)),
                _ => (Kind::Mark, self.mark_end(start, byte)),
            };
            self.at = end;
            return Ok(Some(Token { kind, start, end }));
        }
    }

    /// The byte at `at`, or 0 behind the end: no script has a NUL, so it equals nothing looked for.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The offset of the first `byte` at or after `from`.
    fn find(&self, byte: u8, from: usize) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        rest.iter()
            .position(|&other| other == byte)
            .map(|length| from + length)
    }

    /// The first offset at or after `from` whose byte does not hold.
    fn skip(&self, from: usize, holds: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest
            .iter()
            .position(|&byte| !holds(byte))
            .unwrap_or(rest.len())
    }

    /// A carriage return alone ends a comment too, as it does for the server.
    fn line_end(&self, start: usize) -> usize {
        self.skip(start, |byte| byte != b'\n' && byte != b'\r')
    }

    fn comment_end(&self, start: usize) -> Result<usize, Unterminated> {
        let mut depth = 1_usize;
        let mut at = start + 2;
        loop {
            at = self.skip(at, |byte| byte != b'*' && byte != b'/');
            match (self.byte(at), self.byte(at + 1)) {
                (b'/', b'*') => {
                    depth += 1;
                    at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return Ok(at);
                    }
                }
                _ if at >= self.bytes.len() => {
                    return Err(Unterminated {
                        opening: Opening::Comment,
                        offset: start,
                    });
                }
                _ => at += 1,
            }
        }
    }

    /// A word, or what a prefix such as `E` or `U&` makes of the quote behind it.
    fn word(&mut self, start: usize, first: u8) -> Result<(Kind, usize), Unterminated> {
        match (first, self.byte(start + 1), self.byte(start + 2)) {
            (b'e' | b'E', b'\'', _) => self.escaped(start, start + 1),
            (b'n' | b'N', b'\'', _) if self.escapes => self.escaped(start, start + 1),
            (b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'', _) => self.text(start, start + 1),
            (b'u' | b'U', b'&', b'\'') => self.text(start, start + 2),
            (b'u' | b'U', b'&', b'"') => self.quoted_name(start, start + 2),
            _ => Ok((Kind::Word, self.skip(start + 1, continues_word))),
        }
    }

    fn text(&self, start: usize, quote: usize) -> Result<(Kind, usize), Unterminated> {
        match self.closing(b'\'', quote + 1) {
            Some(end) => Ok((Kind::Text, end)),
            None => Err(Unterminated {
                opening: Opening::Text,
                offset: start,
            }),
        }
    }

    fn quoted_name(&self, start: usize, quote: usize) -> Result<(Kind, usize), Unterminated> {
        match self.closing(b'"', quote + 1) {
            Some(end) => Ok((Kind::QuotedName, end)),
            None => Err(Unterminated {
                opening: Opening::QuotedName,
                offset: start,
            }),
        }
    }

    /// The offset behind the quote that closes; a doubled one does not.
    fn closing(&self, quote: u8, mut at: usize) -> Option<usize> {
        loop {
            at = self.find(quote, at)? + 1;
            if self.byte(at) != quote {
                return Some(at);
            }
            at += 1;
        }
    }

    fn escaped(&mut self, start: usize, quote: usize) -> Result<(Kind, usize), Unterminated> {
        let mut at = quote + 1;
        loop {
            at = self.skip(at, |byte| byte != b'\'' && byte != b'\\');
            match (self.byte(at), self.byte(at + 1)) {
                (b'\\', _) | (b'\'', b'\'') => at += 2,
                (b'\'', _) => {
                    self.continues = self.continuation(at + 1);
                    return Ok((Kind::Text, at + 1));
                }
                _ => {
                    return Err(Unterminated {
                        opening: Opening::Text,
                        offset: start,
                    });
                }
            }
        }
    }

    /// SQL joins two strings with a line end between them, and the second one keeps the first
    /// one's escapes. Comments may stand between; they must end with their line.
    fn continuation(&self, mut at: usize) -> Option<usize> {
        let mut crossed_line = false;
        loop {
            match self.byte(at) {
                b'\n' | b'\r' => {
                    crossed_line = true;
                    at += 1;
                }
                b' ' | b'\t' | 0x0b | 0x0c => at += 1,
                b'-' if self.byte(at + 1) == b'-' => at = self.line_end(at),
                b'\'' if crossed_line => return Some(at),
                _ => return None,
            }
        }
    }

    /// A dollar quote, a parameter (`$1`), or a `$` that is neither.
    fn dollar(&self, start: usize) -> Result<(Kind, usize), Unterminated> {
        if self.byte(start + 1).is_ascii_digit() {
            return Ok((
                Kind::Mark,
                self.skip(start + 1, |byte| byte.is_ascii_digit()),
            ));
        }
        let tag_end = if starts_word(self.byte(start + 1)) {
            self.skip(start + 2, |byte| continues_word(byte) && byte != b'$')
        } else {
            start + 1
        };
        if self.byte(tag_end) != b'$' {
            return Ok((Kind::Mark, start + 1));
        }
        let delimiter = self.bytes.get(start..=tag_end).unwrap_or_default();
        let mut at = tag_end + 1;
        while let Some(found) = self.find(b'$', at) {
            if self
                .bytes
                .get(found..)
                .is_some_and(|rest| rest.starts_with(delimiter))
            {
                return Ok((Kind::Dollar, found + delimiter.len()));
            }
            at = found + 1;
        }
        Err(Unterminated {
            opening: Opening::Dollar,
            offset: start,
        })
    }

    /// Letters that stick to a number belong to it (`0x1f`, `1_000`), except the prefix of a
    /// quote: up to PostgreSQL 14, `1e'a'` is a number and a string.
    fn number_end(&self, start: usize) -> usize {
        let digits = |from| self.skip(from, |byte| byte.is_ascii_digit());
        let mut at = digits(start);
        if self.byte(at) == b'.' && self.byte(at + 1) != b'.' {
            at = digits(at + 1);
        }
        let sign = usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
        if matches!(self.byte(at), b'e' | b'E') && self.byte(at + 1 + sign).is_ascii_digit() {
            at = digits(at + 1 + sign);
        }
        let letter = self.byte(at);
        let before_quote = match (self.byte(at + 1), self.byte(at + 2)) {
            (b'\'', _) => matches!(letter.to_ascii_lowercase(), b'e' | b'b' | b'x' | b'n'),
            (b'&', b'\'' | b'"') => letter.eq_ignore_ascii_case(&b'u'),
            _ => false,
        };
        if starts_word(letter) && !before_quote {
            self.skip(at, continues_word)
        } else {
            at
        }
    }

    /// An operator ends before a comment, and does not end in `+` or `-` unless it holds a
    /// character that plain arithmetic lacks: `=-1` is `=` and `-1`.
    fn operator_end(&self, start: usize) -> usize {
        let mut end = start + 1;
        while is_operator(self.byte(end))
            && end - start < LONGEST_OPERATOR
            && !matches!(
                (self.byte(end), self.byte(end + 1)),
                (b'-', b'-') | (b'/', b'*')
            )
        {
            end += 1;
        }
        let signed = |end: usize| end - start > 1 && matches!(self.byte(end - 1), b'+' | b'-');
        let operator = self.bytes.get(start..end).unwrap_or_default();
        if signed(end) && !operator.iter().any(|byte| b"~!@#^&|`?%".contains(byte)) {
            while signed(end) {
                end -= 1;
            }
        }
        end
    }

    fn mark_end(&self, start: usize, byte: u8) -> usize {
        match (byte, self.byte(start + 1)) {
            (b':', b':' | b'=') | (b'.', b'.') => start + 2,
            _ => start + 1,
        }
    }
}

/// Whether a name without quotes can start with this byte. Every byte of a non-ASCII character
/// counts as a letter.
pub fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_word(byte: u8) -> bool {
    starts_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the tokens with a space between; `!` stands for what never closes.
    fn lex(text: &str) -> String {
        let mut lexer = Lexer::new(text.as_bytes(), 0);
        let mut shown = Vec::new();
        loop {
            match lexer.next_token() {
                Ok(Some(token)) => shown.push(text[token.start..token.end].to_owned()),
                Ok(None) => return shown.join("·"),
                Err(error) => return format!("{} at {}", error.opening, error.offset),
            }
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(lex(text), expected, "{text}");
    }

    #[test]
    fn cuts_quotes_where_the_server_does() {
        check(r"'a\' 'b'", r"'a\'·'b'");
        check(r"E'a\'b' e'\\'", r"E'a\'b'·e'\\'");
        check(
            r"U&'\0041' u&'x' B'1' X'f' N'a'",
            r"U&'\0041'·u&'x'·B'1'·X'f'·N'a'",
        );
        check("'it''s'';' x", "'it''s'';'·x");
        check("\"a\"\"b;\" U&\"x\"", "\"a\"\"b;\"·U&\"x\"");
        check("name'x'", "name·'x'");
        check("tree'\\'", "tree·'\\'");
    }

    #[test]
    fn keeps_escapes_in_the_string_that_continues_on_the_next_line() {
        check("E'a'\n'\\'b'", "E'a'·'\\'b'");
        check("E'a' -- c\n -- d\n '\\'b'", "E'a'·-- c·-- d·'\\'b'");
        check("E'a' '\\'", "E'a'·'\\'");
        check("'a'\n'\\'", "'a'·'\\'");
        check("E'a'\n'b'\n'\\''", "E'a'·'b'·'\\''");
    }

    #[test]
    fn takes_escapes_in_plain_strings_when_told() {
        let check = |text: &str, end: usize| {
            let mut lexer = Lexer::new(text.as_bytes(), 0);
            lexer.escape_plain_strings(true);
            let token = lexer.next_token().unwrap().unwrap();
            assert_eq!((token.kind, token.end), (Kind::Text, end), "{text}");
        };
        check(r"'a\'b' 'c'", 6);
        check(r"N'a\'b' 'c'", 7);
        check(r"E'a\'b' 'c'", 7);
        check(r"B'1\' 'c'", 5);
        check(r"'a\\' 'c'", 5);
    }

    #[test]
    fn knows_dollar_quotes_from_dollars() {
        check("$$;$$ x", "$$;$$·x");
        check("$a$ $b$ $$ $a$;", "$a$ $b$ $$ $a$·;");
        check("$a$x$aa$a$;", "$a$x$aa$a$·;");
        check("a$b$;b$", "a$b$·;·b$");
        check("1$b$;$b$", "1·$b$;$b$");
        check("$1$b$;$b$", "$1·$b$;$b$");
        check("$a ;", "$·a·;");
        check("$ä9$;$ä9$", "$ä9$;$ä9$");
    }

    #[test]
    fn nests_comments_and_ends_line_comments_at_either_line_end() {
        check("/* /* ; */ ' */ x", "x");
        check("/*/ */x", "x");
        check("a --b;\rc", "a·--b;·c");
        check("+--x\n1", "+·--x·1");
        check("*/*c*/1", "*·1");
        check("a-/**/-b", "a·-·-·b");
    }

    #[test]
    fn cuts_operators_and_numbers() {
        check("a=-1", "a·=·-·1");
        check("a@-1", "a·@-·1");
        check("a->>'b'", "a·->>·'b'");
        check("x::int y:=1 1..2", "x·::·int·y·:=·1·1·..·2");
        check(
            "1.5e-3 .5 1. 0x1F 1_000 1e'\\''",
            "1.5e-3·.5·1.·0x1F·1_000·1·e'\\''",
        );
        check("t.a[1:2]", "t·.·a·[·1·:·2·]");
    }

    #[test]
    fn says_what_never_closes_and_where_it_opens() {
        check("x 'a", "string at 2");
        check("x E'a\\'", "string at 2");
        check("x \"a", "quoted name at 2");
        check("x $a$ $b$", "dollar-quoted body at 2");
        check("x /* /* */", "comment at 2");
        check("x E'a\\", "string at 2");
    }
}
