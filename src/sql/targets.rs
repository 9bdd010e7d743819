//! Which relations a statement locks strongly, and how, told by its words.
//!
//! For looking before asking: whoever knows that somebody else holds a lock in the way need not
//! queue behind it. So only what stalls others while it waits is known here, and what the text
//! alone does not show is left out: an unknown statement has no targets. The modes are those of
//! "Explicit Locking" and of each command's page in PostgreSQL's manual.

use std::borrow::Cow;

use self::LockMode as L;
use crate::sql::lexer::{Kind, Lexer, Token};

/// A mode of a lock on a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// A reader's.
    AccessShare,
    /// `select … for update`.
    RowShare,
    /// A writer's.
    RowExclusive,
    /// `vacuum`, `create index concurrently`, `validate constraint`.
    ShareUpdateExclusive,
    /// `create index`.
    Share,
    /// `create trigger`, a foreign key on both sides.
    ShareRowExclusive,
    /// `refresh materialized view concurrently`.
    Exclusive,
    /// Most forms of `alter table`, `drop`, `truncate`.
    AccessExclusive,
}

impl LockMode {
    /// The name that `pg_locks` shows.
    pub fn name(self) -> &'static str {
        match self {
            L::AccessShare => "AccessShareLock",
            L::RowShare => "RowShareLock",
            L::RowExclusive => "RowExclusiveLock",
            L::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            L::Share => "ShareLock",
            L::ShareRowExclusive => "ShareRowExclusiveLock",
            L::Exclusive => "ExclusiveLock",
            L::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// The mode of that name.
    pub fn of(name: &str) -> Option<Self> {
        let all = Self::AccessExclusive.conflicts().iter();
        all.copied().find(|mode| mode.name() == name)
    }

    /// The name as the manual and `lock table` write it, in lower case.
    pub fn words(self) -> &'static str {
        match self {
            L::AccessShare => "access share",
            L::RowShare => "row share",
            L::RowExclusive => "row exclusive",
            L::ShareUpdateExclusive => "share update exclusive",
            L::Share => "share",
            L::ShareRowExclusive => "share row exclusive",
            L::Exclusive => "exclusive",
            L::AccessExclusive => "access exclusive",
        }
    }

    /// The modes that cannot be held beside it: table 13.2 of PostgreSQL's manual.
    pub fn conflicts(self) -> &'static [Self] {
        const ALL: [L; 8] = [
            L::AccessShare,
            L::RowShare,
            L::RowExclusive,
            L::ShareUpdateExclusive,
            L::Share,
            L::ShareRowExclusive,
            L::Exclusive,
            L::AccessExclusive,
        ];
        match self {
            L::AccessShare => &ALL[7..],
            L::RowShare => &ALL[6..],
            L::RowExclusive => &ALL[4..],
            L::ShareUpdateExclusive => &ALL[3..],
            // Not with itself: two indexes may be built at once.
            L::Share => &[
                L::RowExclusive,
                L::ShareUpdateExclusive,
                L::ShareRowExclusive,
                L::Exclusive,
                L::AccessExclusive,
            ],
            L::ShareRowExclusive => &ALL[2..],
            L::Exclusive => &ALL[1..],
            L::AccessExclusive => &ALL,
        }
    }
}

/// A relation that a statement locks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Its name as the statement writes it, with the schema if that is written.
    pub relation: String,
    /// The strongest mode the statement takes on it.
    pub mode: LockMode,
}

/// What one statement locks, as far as its words tell.
pub fn targets(statement: &str) -> Vec<Target> {
    let Some(mut reader) = Reader::new(statement) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // What was found before the text became strange is still true.
    let _: Option<()> = read(&mut reader, &mut found);
    found
}

/// Whether a statement is `alter table` and does nothing but validate constraints: it waits for
/// long, and stalls neither readers nor writers while it does.
pub fn only_validates(statement: &str) -> bool {
    let Some(mut reader) = Reader::new(statement) else {
        return false;
    };
    if !reader.eat(&["alter", "table"]) {
        return false;
    }
    reader.eat(&["if", "exists"]);
    reader.relation().is_some()
        && reader
            .actions()
            .iter()
            .all(|action| matches!(action.as_slice(), ["validate", "constraint", ..]))
}

fn read(reader: &mut Reader<'_>, found: &mut Vec<Target>) -> Option<()> {
    let first = reader.next()?;
    match first.as_ref() {
        "alter" => alter(reader, found),
        "create" => create(reader, found),
        "drop" => drop_statement(reader, found),
        "truncate" => {
            reader.eat(&["table"]);
            reader.list(L::AccessExclusive, found)
        }
        "lock" => lock(reader, found),
        "cluster" => {
            reader.parentheses();
            reader.eat(&["verbose"]);
            reader.list(L::AccessExclusive, found)
        }
        "refresh" => {
            if !reader.eat(&["materialized", "view"]) {
                return None;
            }
            let mode = if reader.eat(&["concurrently"]) {
                L::Exclusive
            } else {
                L::AccessExclusive
            };
            reader.list(mode, found)
        }
        "reindex" => {
            reader.parentheses();
            let mode = match reader.next()?.as_ref() {
                "table" => L::Share,
                "index" => L::AccessExclusive,
                _ => return None,
            };
            if reader.peek() == "concurrently" {
                return None;
            }
            reader.list(mode, found)
        }
        "comment" => comment(reader, found),
        _ => None,
    }
}

fn alter(reader: &mut Reader<'_>, found: &mut Vec<Target>) -> Option<()> {
    reader.eat(&["materialized"]);
    reader.eat(&["foreign"]);
    let kind = reader.next()?;
    match kind.as_ref() {
        "table" => {
            reader.eat(&["if", "exists"]);
            let relation = reader.relation()?;
            let actions = reader.actions();
            let mode = actions.iter().map(|action| action_mode(action)).max()?;
            found.push(Target { relation, mode });
            reader.partition(found);
            reader.references(found)
        }
        "index" | "sequence" | "view" => {
            reader.eat(&["if", "exists"]);
            let relation = reader.relation()?;
            let mode = match (kind.as_ref(), reader.next()?.as_ref()) {
                ("index", "rename" | "set" | "reset" | "alter") => L::ShareUpdateExclusive,
                ("sequence", _) => L::ShareRowExclusive,
                _ => L::AccessExclusive,
            };
            found.push(Target { relation, mode });
            Some(())
        }
        "policy" | "trigger" | "rule" => {
            reader.skip_to("on")?;
            reader.list(L::AccessExclusive, found)
        }
        _ => None,
    }
}

/// The lock that one action of an `alter table` takes on its table.
fn action_mode(action: &[&str]) -> LockMode {
    match action {
        ["validate" | "attach", ..]
        | ["cluster", "on", ..]
        | ["set", "without", "cluster"]
        | ["set" | "reset", "(", ..]
        | ["detach", .., "concurrently" | "finalize"]
        | ["alter", "column", _, "set", "statistics", ..]
        | ["alter", "column", _, "set" | "reset", "(", ..]
        | ["alter", _, "set", "statistics", ..]
        | ["alter", _, "set" | "reset", "(", ..] => L::ShareUpdateExclusive,
        ["enable" | "disable", "trigger", ..]
        | ["enable", "replica" | "always", "trigger", ..]
        | ["add", "foreign", "key", ..]
        | ["add", "constraint", _, "foreign", "key", ..] => L::ShareRowExclusive,
        _ => L::AccessExclusive,
    }
}

fn create(reader: &mut Reader<'_>, found: &mut Vec<Target>) -> Option<()> {
    while matches!(
        reader.peek(),
        "or" | "replace"
            | "unique"
            | "temp"
            | "temporary"
            | "local"
            | "global"
            | "unlogged"
            | "constraint"
    ) {
        reader.next();
    }
    match reader.next()?.as_ref() {
        "index" => {
            let mode = if reader.peek() == "concurrently" {
                L::ShareUpdateExclusive
            } else {
                L::Share
            };
            reader.skip_to("on")?;
            let relation = reader.relation()?;
            found.push(Target { relation, mode });
            Some(())
        }
        "table" => {
            reader.eat(&["if", "not", "exists"]);
            reader.relation()?;
            if reader.eat(&["partition", "of"]) {
                let relation = reader.relation()?;
                let mode = L::AccessExclusive;
                found.push(Target { relation, mode });
            }
            reader.references(found)
        }
        "trigger" => {
            reader.skip_to("on")?;
            let relation = reader.relation()?;
            let mode = L::ShareRowExclusive;
            found.push(Target { relation, mode });
            Some(())
        }
        "policy" => {
            reader.skip_to("on")?;
            reader.list(L::AccessExclusive, found)
        }
        "rule" => {
            reader.skip_to("to")?;
            reader.list(L::AccessExclusive, found)
        }
        _ => None,
    }
}

fn drop_statement(reader: &mut Reader<'_>, found: &mut Vec<Target>) -> Option<()> {
    reader.eat(&["materialized"]);
    reader.eat(&["foreign"]);
    match reader.next()?.as_ref() {
        "table" | "view" | "index" | "sequence" => {
            if reader.peek() == "concurrently" {
                return None;
            }
            reader.eat(&["if", "exists"]);
            reader.list(L::AccessExclusive, found)
        }
        "trigger" | "policy" | "rule" => {
            reader.skip_to("on")?;
            reader.list(L::AccessExclusive, found)
        }
        _ => None,
    }
}

fn lock(reader: &mut Reader<'_>, found: &mut Vec<Target>) -> Option<()> {
    reader.eat(&["table"]);
    let first = found.len();
    reader.list(L::AccessExclusive, found)?;
    if reader.eat(&["in"]) {
        let words: Vec<_> = std::iter::from_fn(|| reader.next()).collect();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let mode = match words.as_slice() {
            ["access", "share", ..] => L::AccessShare,
            ["row", "share", ..] => L::RowShare,
            ["row", "exclusive", ..] => L::RowExclusive,
            ["share", "update", ..] => L::ShareUpdateExclusive,
            ["share", "row", ..] => L::ShareRowExclusive,
            ["share", "mode", ..] => L::Share,
            ["exclusive", ..] => L::Exclusive,
            _ => L::AccessExclusive,
        };
        for target in &mut found[first..] {
            target.mode = mode;
        }
    }
    Some(())
}

fn comment(reader: &mut Reader<'_>, found: &mut Vec<Target>) -> Option<()> {
    reader.eat(&["on"]);
    reader.eat(&["materialized"]);
    reader.eat(&["foreign"]);
    let kind = reader.next()?;
    let mut parts = reader.name()?;
    match kind.as_ref() {
        "table" | "view" | "index" | "sequence" => {}
        "column" => drop(parts.pop()),
        _ => return None,
    }
    let relation = joined(&parts)?;
    let mode = L::ShareUpdateExclusive;
    found.push(Target { relation, mode });
    Some(())
}

/// A name that the server can look up without complaint: with a database in front it could not.
fn joined(parts: &[&str]) -> Option<String> {
    (1..=2).contains(&parts.len()).then(|| parts.join("."))
}

/// The tokens of one statement, read from the front.
struct Reader<'s> {
    tokens: Vec<(Token, Cow<'s, str>)>,
    at: usize,
}

impl<'s> Reader<'s> {
    /// Nothing for a statement that has no targets anyway, or whose text is broken.
    fn new(statement: &'s str) -> Option<Self> {
        const FIRST: [&str; 9] = [
            "alter", "cluster", "comment", "create", "drop", "lock", "refresh", "reindex",
            "truncate",
        ];
        let mut lexer = Lexer::new(statement.as_bytes(), 0);
        let mut tokens = Vec::new();
        while let Some(token) = lexer.next_token().ok()? {
            if token.kind == Kind::LineComment {
                continue;
            }
            let text = statement.get(token.start..token.end)?;
            let text = if token.kind == Kind::Word && text.bytes().any(|b| b.is_ascii_uppercase()) {
                Cow::Owned(text.to_ascii_lowercase())
            } else {
                Cow::Borrowed(text)
            };
            // Most statements of a large script are of another kind, and are not read any further.
            if tokens.is_empty() && !FIRST.contains(&text.as_ref()) {
                return None;
            }
            tokens.push((token, text));
        }
        Some(Self { tokens, at: 0 })
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", |(_, text)| text)
    }

    fn next(&mut self) -> Option<Cow<'s, str>> {
        let (_, text) = self.tokens.get(self.at)?;
        self.at += 1;
        Some(text.clone())
    }

    /// Passes over these words, or over nothing.
    fn eat(&mut self, words: &[&str]) -> bool {
        let end = self.at + words.len();
        let are_next = self.tokens.get(self.at..end).is_some_and(|tokens| {
            tokens
                .iter()
                .zip(words)
                .all(|((_, text), word)| text == word)
        });
        if are_next {
            self.at = end;
        }
        are_next
    }

    /// Passes over `( … )`, if that is next.
    fn parentheses(&mut self) {
        if self.peek() == "(" {
            while self.next().is_some_and(|text| text != ")") {}
        }
    }

    /// Passes over everything up to a word outside parentheses, and the word.
    fn skip_to(&mut self, word: &str) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next()?.as_ref() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                text if text == word && depth == 0 => return Some(()),
                _ => {}
            }
        }
    }

    /// The parts of a name.
    fn name(&mut self) -> Option<Vec<&str>> {
        let first = self.at;
        loop {
            let (token, text) = self.tokens.get(self.at)?;
            // `U&"…"` is written in an alphabet of its own.
            let is_quoted = token.kind == Kind::QuotedName && text.starts_with('"');
            let is_part = token.kind == Kind::Word || (is_quoted && text.len() > 2);
            if !is_part {
                return None;
            }
            self.at += 1;
            if self.peek() != "." {
                break;
            }
            self.at += 1;
        }
        let parts = self.tokens[first..self.at].iter();
        Some(parts.step_by(2).map(|(_, text)| text.as_ref()).collect())
    }

    /// `[only] name [*]`.
    fn relation(&mut self) -> Option<String> {
        self.eat(&["only"]);
        let relation = joined(&self.name()?)?;
        self.eat(&["*"]);
        Some(relation)
    }

    /// Relations with commas between.
    fn list(&mut self, mode: LockMode, found: &mut Vec<Target>) -> Option<()> {
        loop {
            let relation = self.relation()?;
            found.push(Target { relation, mode });
            if !self.eat(&[","]) {
                return Some(());
            }
        }
    }

    /// What stands between the commas outside parentheses, from here to the end. Reads ahead.
    fn actions(&self) -> Vec<Vec<&str>> {
        let mut actions = vec![Vec::new()];
        let mut depth = 0_usize;
        for (_, text) in self.tokens.iter().skip(self.at) {
            match text.as_ref() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => {
                    actions.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            if let Some(action) = actions.last_mut() {
                action.push(text.as_ref());
            }
        }
        actions
    }

    /// The child in `attach partition` and `detach partition`.
    fn partition(&mut self, found: &mut Vec<Target>) {
        if (self.eat(&["attach", "partition"]) || self.eat(&["detach", "partition"]))
            && let Some(relation) = self.relation()
        {
            let mode = L::AccessExclusive;
            found.push(Target { relation, mode });
        }
    }

    /// The tables behind each `references`, from here to the end.
    fn references(&mut self, found: &mut Vec<Target>) -> Option<()> {
        while let Some(text) = self.next() {
            if text == "references" {
                let relation = self.relation()?;
                let mode = L::ShareRowExclusive;
                found.push(Target { relation, mode });
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
