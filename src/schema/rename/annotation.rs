//! `-- renamed from: old` in a declared schema: above what has the new name, or behind it in its
//! line.
//!
//! Above a statement or at its first line it is about what the statement makes; at an element of
//! `create table ( … )`, `create type … as ( … )` or `as enum ( … )` about the column, constraint,
//! attribute or value.

use super::error::RenameError;
use super::item::{Part, What};
use super::wish::{self, Path, Wish, Word, kinds_of};
use crate::place::Place;
use crate::schema::model::Kind;
use crate::sql::lexer::{Kind as TokenKind, Lexer, Token};
use crate::sql::split::{Statement, split};

/// What the comment says before the old name, whatever the case.
const WORDS: &str = "renamed from:";

/// The renames that a text's comments speak of. What is no SQL has no comments: loading says so.
pub fn find(path: &str, text: &str) -> Result<Vec<Wish>, RenameError> {
    // Most texts have none, and are not cut into tokens.
    if !text.to_ascii_lowercase().contains(WORDS) {
        return Ok(Vec::new());
    }
    let (Ok(statements), Some(tokens)) = (split(text, 0..text.len()), tokens(text)) else {
        return Ok(Vec::new());
    };
    let text = Text {
        path,
        all: text,
        statements,
        tokens: tokens
            .iter()
            .filter(|token| token.kind != TokenKind::LineComment)
            .copied()
            .collect(),
    };
    let comments = tokens
        .iter()
        .filter(|token| token.kind == TokenKind::LineComment);
    comments
        .filter_map(|comment| Some((comment, old_name(text.of(comment))?)))
        .map(|(comment, old)| text.wish(comment, old))
        .collect()
}

/// What a comment names, if it is one of these.
fn old_name(comment: &str) -> Option<&str> {
    let said = comment.trim_start_matches('-').trim_start();
    let first = said.get(..WORDS.len())?;
    first
        .eq_ignore_ascii_case(WORDS)
        .then(|| said[WORDS.len()..].trim())
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut lexer = Lexer::new(text.as_bytes(), 0);
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token().ok()? {
        tokens.push(token);
    }
    Some(tokens)
}

struct Text<'t> {
    path: &'t str,
    all: &'t str,
    statements: Vec<Statement>,
    /// But for comments.
    tokens: Vec<Token>,
}

/// What a statement makes.
struct Head {
    kinds: Vec<What>,
    /// The name, behind the table's for what stands in one.
    name: Vec<Word>,
    /// Between which tokens the elements stand, and what an element without further words is.
    elements: Option<(usize, usize, What)>,
}

impl Text<'_> {
    fn of(&self, token: &Token) -> &str {
        &self.all[token.start..token.end]
    }

    fn wish(&self, comment: &Token, old: &str) -> Result<Wish, RenameError> {
        let place = || Box::new(Place::of(self.path, self.all, comment.start, comment.end));
        let misplaced = |why| RenameError::Misplaced {
            why,
            place: place(),
        };
        let (old_path, rest) =
            wish::path(old).ok_or_else(|| misplaced("the old name is missing"))?;
        if !rest.trim().is_empty() {
            return Err(misplaced("behind the old name stands something else"));
        }
        let (anchor, is_behind) = self
            .anchor(comment)
            .ok_or_else(|| misplaced("no statement follows"))?;
        let span = self
            .statements
            .iter()
            .map(|statement| &statement.span)
            .rfind(|span| span.start <= self.tokens[anchor].start)
            .ok_or_else(|| misplaced("no statement is there"))?;
        let first = self
            .tokens
            .partition_point(|token| token.start < span.start);
        let end = self.tokens.partition_point(|token| token.start < span.end);
        let head = self
            .head(first, end)
            .ok_or_else(|| misplaced("the statement makes nothing that has a name"))?;
        let home = self.home(first, &head);
        let (kinds, old, new) = match head.elements {
            Some((open, close, what)) if anchor > open && anchor < close.max(open + 1) => {
                let (what, name) = self
                    .element(anchor, is_behind, open, close, what)
                    .ok_or_else(|| misplaced("this has no name of its own"))?;
                let [own] = old_path.words.as_slice() else {
                    return Err(misplaced("the old name has no table or type before it"));
                };
                let within = |own: Word| {
                    let mut words = head.name.clone();
                    words.push(own);
                    Path {
                        words,
                        arguments: None,
                    }
                };
                (vec![what], within(own.clone()), within(name))
            }
            Some((open, close, _)) if anchor == close && !is_behind && close > open => {
                return Err(misplaced("the list ends"));
            }
            _ => {
                let container = head.name.split_last().map_or(&[][..], |(_, rest)| rest);
                let is_inside = head.kinds.iter().any(|kind| kind.is_inside());
                let old = match old_path.words.as_slice() {
                    [own] if is_inside => Path {
                        words: container.iter().chain([own]).cloned().collect(),
                        arguments: None,
                    },
                    _ => old_path,
                };
                let new = Path {
                    words: head.name,
                    arguments: None,
                };
                (head.kinds, old, new)
            }
        };
        Ok(Wish {
            kinds,
            old,
            new,
            home: Some(home),
            text: old_name(self.of(comment)).unwrap_or_default().to_owned(),
            place: Some(place()),
        })
    }

    /// The token that a comment is about: that before it in its line, or else the next; and whether
    /// it is the one before.
    fn anchor(&self, comment: &Token) -> Option<(usize, bool)> {
        let next = self
            .tokens
            .partition_point(|token| token.start < comment.start);
        let mut before = next.checked_sub(1).filter(|before| {
            let between = &self.all[self.tokens[*before].end..comment.start];
            !between.contains('\n')
        });
        // `);` ends what began above; the statement is what is meant.
        if let Some(at) = before
            && self.tokens[at].kind == TokenKind::Semicolon
        {
            before = at.checked_sub(1);
        }
        match before {
            Some(before) => Some((before, true)),
            None => (next < self.tokens.len()).then_some((next, false)),
        }
    }

    fn word(&self, at: usize) -> String {
        let token = self.tokens.get(at);
        let token = token.filter(|token| token.kind == TokenKind::Word);
        token.map_or_else(String::new, |token| self.of(token).to_ascii_lowercase())
    }

    /// A name, and where it ends.
    fn name(&self, mut at: usize) -> Option<(Vec<Word>, usize)> {
        let mut words = Vec::new();
        loop {
            let token = self.tokens.get(at)?;
            if !matches!(token.kind, TokenKind::Word | TokenKind::QuotedName) {
                return None;
            }
            words.extend(wish::path(self.of(token))?.0.words);
            at += 1;
            if self.tokens.get(at).map(|token| self.of(token)) != Some(".") {
                return Some((words, at));
            }
            at += 1;
        }
    }

    /// The schema of names without one: what `set search_path` above says first.
    fn home(&self, statement: usize, head: &Head) -> String {
        if let (2.., Some(home)) = (head.name.len(), head.name.first())
            && let Some(home) = home.readings().pop()
            && head.kinds.iter().all(|kind| !kind.is_inside())
        {
            return home;
        }
        let mut home = "public".to_owned();
        for at in 0..statement {
            if self.word(at) == "set"
                && self.word(at + 1) == "search_path"
                && let Some(first) = self.tokens.get(at + 3)
                && let Some((path, _)) = wish::path(self.of(first))
                && let Some(name) = path.own().and_then(|word| word.readings().pop())
            {
                home = name;
            }
        }
        home
    }

    fn head(&self, first: usize, end: usize) -> Option<Head> {
        let mut at = first + 1;
        if self.word(first) == "alter" {
            return self.altered(at);
        }
        if self.word(first) != "create" {
            return None;
        }
        let skipped = [
            "or",
            "replace",
            "global",
            "local",
            "temp",
            "temporary",
            "unlogged",
            "recursive",
            "unique",
            "constraint",
            "default",
            "trusted",
            "procedural",
        ];
        while skipped.contains(&self.word(at).as_str()) {
            at += 1;
        }
        let two = format!("{} {}", self.word(at), self.word(at + 1));
        let three = format!("{two} {}", self.word(at + 2));
        let of_search = |kind| Some([What::Object(kind)]);
        let search = match format!("{three} {}", self.word(at + 3)).split_once("search ") {
            Some((_, rest)) if three.starts_with("text search") => match self.word(at + 2).as_str()
            {
                _ if rest.is_empty() => None,
                "configuration" => of_search(Kind::SearchConfiguration),
                "dictionary" => of_search(Kind::SearchDictionary),
                "parser" => of_search(Kind::SearchParser),
                "template" => of_search(Kind::SearchTemplate),
                _ => None,
            },
            _ => None,
        };
        let word = self.word(at);
        let (kinds, length): (Vec<What>, usize) = if let Some(kinds) = search {
            (kinds.to_vec(), 3)
        } else if three == "foreign data wrapper" {
            (vec![What::Object(Kind::Wrapper)], 3)
        } else if let Some(kinds) = kinds_of(&two) {
            (kinds.to_vec(), 2)
        } else if let Some(kinds) = kinds_of(&word) {
            (kinds.to_vec(), 1)
        } else if word == "collation" {
            (vec![What::Object(Kind::Collation)], 1)
        } else if word == "conversion" {
            (vec![What::Object(Kind::Conversion)], 1)
        } else {
            return None;
        };
        at += length;
        for skipped in ["concurrently", "if", "not", "exists"] {
            if self.word(at) == skipped {
                at += 1;
            }
        }
        let (mut name, behind) = self.name(at)?;
        // An index without a name stands right before its table.
        if word == "index" && self.word(at) == "on" && self.word(behind) != "on" {
            return None;
        }
        if kinds.iter().all(|kind| kind.is_inside()) {
            let table = self.holder(behind, end, &word)?;
            name = table.into_iter().chain(name).collect();
        }
        let elements = self.elements(&word, behind, end);
        Some(Head {
            kinds,
            name,
            elements,
        })
    }

    /// The table of a trigger, a policy or a rule.
    fn holder(&self, mut at: usize, end: usize, word: &str) -> Option<Vec<Word>> {
        // `create rule r as on insert to t`.
        let before = if word == "rule" { "to" } else { "on" };
        while at < end {
            if self.word(at) == before {
                return Some(self.name(at + 1)?.0);
            }
            at += 1;
        }
        None
    }

    /// The parentheses around the elements of a table or a type.
    fn elements(&self, word: &str, mut at: usize, end: usize) -> Option<(usize, usize, What)> {
        let what = match (word, self.word(at).as_str(), self.word(at + 1).as_str()) {
            ("table" | "foreign", ..) => What::Object(Kind::Column),
            ("type", "as", "enum") => What::Part(Part::Value),
            ("type", "as", "range") => return None,
            ("type", "as", _) => What::Part(Part::Attribute),
            _ => return None,
        };
        while at < end && self.tokens[at].kind != TokenKind::Open {
            at += 1;
        }
        let open = at;
        let mut depth = 0_usize;
        while at < end {
            match self.tokens[at].kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close if depth == 1 => return Some((open, at, what)),
                TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// What the element is that a token belongs to.
    fn element(
        &self,
        anchor: usize,
        is_behind: bool,
        open: usize,
        close: usize,
        what: What,
    ) -> Option<(What, Word)> {
        let mut start = open + 1;
        let mut depth = 0_usize;
        for at in open + 1..close {
            match self.tokens[at].kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                TokenKind::Mark if depth == 0 && self.of(&self.tokens[at]) == "," => {
                    // Behind a comma in its line, what stands before it is meant.
                    if at > anchor || (at == anchor && is_behind) {
                        break;
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
        if start >= close {
            return None;
        }
        let named = |at: usize| {
            let token = self.tokens.get(at)?;
            let is_name = matches!(
                token.kind,
                TokenKind::Word | TokenKind::QuotedName | TokenKind::Text
            );
            let path = wish::path(self.of(token)).filter(|_| is_name)?.0;
            path.words.into_iter().next()
        };
        match self.word(start).as_str() {
            _ if what != What::Object(Kind::Column) => Some((what, named(start)?)),
            "constraint" => Some((What::Object(Kind::Constraint), named(start + 1)?)),
            "primary" | "unique" | "check" | "foreign" | "exclude" | "like" => None,
            _ => Some((what, named(start)?)),
        }
    }

    /// `alter table t add constraint c …` and its like.
    fn altered(&self, mut at: usize) -> Option<Head> {
        let kind = self.word(at);
        at += 1;
        if kind == "foreign" {
            at += 1;
        }
        for skipped in ["if", "exists", "only"] {
            if self.word(at) == skipped {
                at += 1;
            }
        }
        let (mut name, mut at) = self.name(at)?;
        if self.word(at) != "add" {
            return None;
        }
        at += 1;
        let word = self.word(at);
        let (what, at) = match (kind.as_str(), word.as_str()) {
            ("table" | "foreign", "constraint") => (What::Object(Kind::Constraint), at + 1),
            ("table" | "foreign", "column") => (What::Object(Kind::Column), at + 1),
            ("domain", "constraint") => (What::Object(Kind::DomainConstraint), at + 1),
            ("type", "value") => (What::Part(Part::Value), at + 1),
            ("type", "attribute") => (What::Part(Part::Attribute), at + 1),
            ("table" | "foreign", "primary" | "unique" | "check" | "exclude") => return None,
            ("table", _) => (What::Object(Kind::Column), at),
            _ => return None,
        };
        let own = wish::path(self.of(self.tokens.get(at)?))?.0;
        name.extend(own.words);
        Some(Head {
            kinds: vec![what],
            name,
            elements: None,
        })
    }
}

#[cfg(test)]
mod tests;
