//! The use of an enum value in the transaction that adds it, which PostgreSQL refuses (55P04).
//!
//! Measured on 13, 15 and 18. A new value may be named by `add value`, `rename value` and comments,
//! and by the body of a function in a language that reads it later. As a constant of its type it
//! may stand nowhere: no default, check, view, policy or SQL function. A type that is made in the
//! same transaction has values that may be used, those of `create type` always and those added
//! later since PostgreSQL 17; nothing is said of such a type here.
//!
//! The text does not say which constants are of the type. So a constant that equals the value
//! counts as its use, unless a cast gives it another type, or it stands where no value of the type
//! can be meant. What only the server sees, such as data of `copy`, is left to the server.

use crate::sql::lexer::{Kind, Lexer, Token};

/// What the statements of one transaction have added so far.
#[derive(Clone, Debug, Default)]
pub struct NewValues {
    values: Vec<Value>,
    /// Types made in this transaction.
    created: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    /// The type's name without its schema.
    of: String,
    label: String,
}

/// A constant that uses a value which the same transaction has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The value.
    pub label: String,
    /// The type, without its schema.
    pub of: String,
    /// The byte of the statement where the constant starts.
    pub offset: usize,
}

/// A token and what it means: a name without quotes, a constant's value, else the text.
#[derive(Clone, Debug)]
struct Word {
    kind: Kind,
    start: usize,
    text: String,
}

impl NewValues {
    /// Takes the next statement. Says so if it uses what an earlier one has added.
    pub fn follow(&mut self, statement: &str) -> Option<Use> {
        // Nothing else is of interest until a value is added, and most scripts add none.
        let is_about_types = {
            let mut words = words(statement);
            let first = words.next().unwrap_or_default();
            let second = words.next().unwrap_or_default();
            matches!(first.text.as_str(), "alter" | "create") && second.text == "type"
        };
        if self.values.is_empty() && !is_about_types {
            return None;
        }
        let words: Vec<_> = words(statement).collect();
        if is_about_types {
            self.follow_type(&words);
            return None;
        }
        self.find(&words)
    }

    /// `create type`, and the forms of `alter type` that concern values.
    fn follow_type(&mut self, words: &[Word]) {
        let (name, rest) = name(&words[2..]);
        if words[0].text == "create" {
            self.created.push(name);
            return;
        }
        let texts: Vec<_> = rest.iter().map(|word| word.text.as_str()).collect();
        let label = match texts.as_slice() {
            ["add", "value", "if", "not", "exists", label, ..] | ["add", "value", label, ..] => {
                label
            }
            ["rename", "value", old, "to", new] => {
                let renamed = self
                    .values
                    .iter_mut()
                    .find(|value| value.of == name && value.label == *old);
                if let Some(value) = renamed {
                    (*new).clone_into(&mut value.label);
                }
                return;
            }
            _ => return,
        };
        if !self.created.contains(&name) {
            let label = (*label).to_owned();
            self.values.push(Value { of: name, label });
        }
    }

    fn find(&self, words: &[Word]) -> Option<Use> {
        let first = words.first()?.text.as_str();
        if matches!(first, "comment" | "security" | "set" | "reset" | "notify") {
            return None;
        }
        let has = |text: &str| words.iter().any(|word| word.text == text);
        // A new table, or a domain, names the types of its columns.
        let is_table_or_domain = words
            .iter()
            .take(4)
            .any(|word| matches!(word.text.as_str(), "table" | "domain"));
        let may_mean = |of: &str| {
            first != "create" || !is_table_or_domain || has(of) || has("select") || has("partition")
        };
        let constants = words
            .iter()
            .enumerate()
            .filter(|(_, word)| matches!(word.kind, Kind::Text | Kind::Dollar));
        for (index, constant) in constants {
            let value = self.values.iter().find(|value| {
                value.label == constant.text
                    && may_mean(&value.of)
                    && !is_cast_elsewhere(&words[index + 1..], &value.of)
            });
            if let Some(Value { of, label }) = value {
                return Some(Use {
                    label: label.clone(),
                    of: of.clone(),
                    offset: constant.start,
                });
            }
        }
        None
    }
}

/// Whether `:: text` or the like follows.
fn is_cast_elsewhere(words: &[Word], of: &str) -> bool {
    match words {
        [cast, rest @ ..] if cast.text == "::" => name(rest).0 != of,
        _ => false,
    }
}

/// The last part of the name that stands first, and what follows it.
fn name(words: &[Word]) -> (String, &[Word]) {
    let mut rest = words;
    let mut last = String::new();
    while let [part, more @ ..] = rest {
        last.clone_from(&part.text);
        rest = more;
        match rest {
            [dot, more @ ..] if dot.text == "." => rest = more,
            _ => break,
        }
    }
    (last, rest)
}

/// The tokens without comments, and nothing behind what is broken.
fn words(statement: &str) -> impl Iterator<Item = Word> {
    let mut lexer = Lexer::new(statement.as_bytes(), 0);
    std::iter::from_fn(move || lexer.next_token().ok().flatten())
        .filter(|token| token.kind != Kind::LineComment)
        .map(|token| word(statement, token))
}

impl Default for Word {
    fn default() -> Self {
        Self {
            kind: Kind::Semicolon,
            start: 0,
            text: String::new(),
        }
    }
}

fn word(statement: &str, Token { kind, start, end }: Token) -> Word {
    let content = statement.get(start..end).unwrap_or_default();
    let text = match kind {
        Kind::Word => content.to_ascii_lowercase(),
        Kind::QuotedName => unquoted(content, '"'),
        Kind::Text => constant(content),
        Kind::Dollar => {
            let tag = content[1..].find('$').map_or(0, |length| length + 2);
            let body = content.get(tag..content.len() - tag);
            body.unwrap_or_default().to_owned()
        }
        Kind::Number
        | Kind::Operator
        | Kind::Open
        | Kind::Close
        | Kind::Semicolon
        | Kind::Backslash
        | Kind::Mark
        | Kind::LineComment => content.to_owned(),
    };
    Word { kind, start, text }
}

/// The value of a string constant. Of escapes only those that mean the character itself are
/// undone: other ones make a value that equals nothing here, and the server decides.
fn constant(content: &str) -> String {
    let escapes = content.starts_with(['e', 'E']);
    let text = unquoted(content, '\'');
    if !escapes {
        return text;
    }
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(quoted @ ('\\' | '\'' | '"')) => value.push(quoted),
                other => {
                    value.push('\\');
                    value.extend(other);
                }
            },
            other => value.push(other),
        }
    }
    value
}

/// What stands between the quotes, doubled ones single.
fn unquoted(content: &str, quote: char) -> String {
    let inner = content
        .split_once(quote)
        .and_then(|(_, rest)| rest.strip_suffix(quote));
    let doubled = [quote, quote].iter().collect::<String>();
    inner
        .unwrap_or_default()
        .replace(&doubled, quote.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split::split;

    /// Shows `value of type in statement n`, or nothing.
    fn check(text: &str, expected: &str) {
        let mut values = NewValues::default();
        let statements = split(text, 0..text.len()).unwrap();
        let found = statements.iter().enumerate().find_map(|(index, one)| {
            let statement = &text[one.span.clone()];
            let Use { label, of, offset } = values.follow(statement)?;
            let at = &statement[offset..];
            assert!(at.contains(&label) || at.contains('\\'), "{at}");
            Some(format!("{label} of {of} in {}", index + 1))
        });
        assert_eq!(found.unwrap_or_default(), expected, "{text}");
    }

    #[test]
    fn finds_the_value_wherever_a_constant_may_stand() {
        for used in [
            "insert into t values ('new')",
            "update t set x = 'new' where y",
            "select 'new'::e",
            "select 'new'::s.e",
            "select cast('new' as e), e 'new'",
            "select E'new', $$x$$",
            "select $$new$$",
            "select $a$new$a$",
            "alter table t alter x set default 'new'",
            "create table t (x e default 'new')",
            "create table t as select * from u where x = 'new'",
            "create table p partition of t for values in ('new')",
            "create view v as select * from t where x = 'new'",
            "create policy p on t using (x = 'new')",
            "create function f() returns e begin atomic select 'new'; end",
        ] {
            check(
                &format!("alter type e add value 'new'; {used}"),
                "new of e in 2",
            );
        }
        check(
            "ALTER TYPE S.\"E\" ADD VALUE IF NOT EXISTS 'it''s' BEFORE 'a'; select 1; select E'it\\'s'",
            "it's of E in 3",
        );
        check(
            "alter type e add value 'a'; alter type e rename value 'a' to 'b'; select 'b'",
            "b of e in 3",
        );
        check(
            "alter type e add value 'a'; alter type f add value 'b'; select 'b'",
            "b of f in 3",
        );
    }

    #[test]
    fn says_nothing_where_the_server_says_nothing() {
        for harmless in [
            "select 'New', 'news', \"new\"",
            "select x, /* 'new' */ y -- 'new'",
            "alter type e add value 'c' before 'new'",
            "alter type e add value if not exists 'new'",
            "alter type f add value 'new'",
            "create type f as enum ('new')",
            "comment on type e is 'new'",
            "set my.kind = 'new'",
            "insert into t (y) values ('new'::text)",
            "select 'new' :: pg_catalog.text",
            "create table u (x text default 'new')",
            "create function f() returns e language plpgsql as $$ begin return 'new'; end $$",
        ] {
            check(&format!("alter type e add value 'new'; {harmless}"), "");
        }
        check("select 'new'; alter type e add value 'new'", "");
        check(
            "create type s.e as enum (); alter type e add value 'new'; select 'new'",
            "",
        );
        check(
            "alter type e add value 'a'; alter type e rename value 'a' to 'b'; select 'a'",
            "",
        );
        check("alter type e rename to f; select 'f'", "");
        check(
            "alter type; create type; alter type e add value; select ''",
            "",
        );
    }
}
