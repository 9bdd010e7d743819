//! Statements that lose data, told by their words alone.
//!
//! Known are drops of tables, columns and what takes columns along, `truncate`, and `delete` without
//! a condition. What a function or a `do` block does is not seen: its body is a string. A table that
//! the same script made, or a temporary one, holds nothing that could be missed.

use std::collections::BTreeSet;
use std::fmt;

use crate::sql::lexer::{Kind, Lexer};
use crate::sql::split::Statement;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// `drop table`.
    Table,
    /// `alter table … drop column`.
    Column,
    /// `alter type … drop attribute`, from every column of that type.
    Attribute,
    /// `truncate`.
    Truncate,
    /// `delete` without `where`.
    Delete,
    /// `drop database`.
    Database,
    /// `drop owned`.
    Owned,
    /// `drop … cascade` of something that columns or tables depend on. Holds its kind.
    Cascade(&'static str),
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => formatter.write_str("drop table"),
            Self::Column => formatter.write_str("drop column"),
            Self::Attribute => formatter.write_str("drop attribute"),
            Self::Truncate => formatter.write_str("truncate"),
            Self::Delete => formatter.write_str("delete without where"),
            Self::Database => formatter.write_str("drop database"),
            Self::Owned => formatter.write_str("drop owned"),
            Self::Cascade(kind) => write!(formatter, "drop {kind} cascade"),
        }
    }
}

/// A place where a script loses data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destructive {
    /// The statement, counted from 0.
    pub statement: usize,
    /// The byte in the script where the words that do it begin.
    pub offset: usize,
    /// What they do.
    pub loss: Loss,
}

/// Kinds of things whose `drop … cascade` drops columns, or tables, that use them. The cascade of a
/// view, an index or a sequence ends before it reaches data.
const CARRIERS: [&str; 11] = [
    "access",
    "aggregate",
    "collation",
    "domain",
    "extension",
    "function",
    "language",
    "operator",
    "routine",
    "schema",
    "type",
];

/// Finds them, in order. The statements must come from splitting `text`.
pub fn find(text: &str, statements: &[Statement]) -> Vec<Destructive> {
    let mut own = BTreeSet::new();
    let mut found = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let mut note = |offset, loss| {
            found.push(Destructive {
                statement: index,
                offset,
                loss,
            });
        };
        read(text, statement, &mut own, &mut note);
    }
    found
}

/// Reads one statement. `own` has the tables that the script made so far.
fn read(
    text: &str,
    statement: &Statement,
    own: &mut BTreeSet<String>,
    note: &mut impl FnMut(usize, Loss),
) {
    let bytes = &text.as_bytes()[..statement.span.end];
    let mut lexer = Lexer::new(bytes, statement.span.start);
    let first = lexer.next_token().ok().flatten();
    let Some(first) = first.filter(|token| token.kind == Kind::Word) else {
        return;
    };
    let first = &text[first.start..first.end];
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    // Most statements of a large script are of another kind, and are not read any further.
    if is("create") {
        create(&mut Words::of(text, statement), own);
    } else if is("drop") {
        drop_(&mut Words::of(text, statement), own, note);
    } else if is("alter") {
        alter(&mut Words::of(text, statement), own, note);
    } else if is("truncate") {
        truncate(&mut Words::of(text, statement), own, note);
    } else if is("delete") || is("with") {
        delete(&mut Words::of(text, statement), own, note);
    } else if is("rollback") || moves_names(first, &text[statement.span.clone()]) {
        // A name may mean another table from here on.
        own.clear();
    }
}

/// Whether a statement may change what a name without a schema means.
fn moves_names(first: &str, statement: &str) -> bool {
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    let says = |word: &str| statement.to_ascii_lowercase().contains(word);
    (is("set") || is("reset")) && (says("search_path") || says("schema"))
        || is("select") && says("set_config")
}

fn create(words: &mut Words<'_>, own: &mut BTreeSet<String>) {
    words.next();
    words.skip(&["global", "local"]);
    let is_temporary = words.skip(&["temp", "temporary"]);
    words.skip(&["unlogged"]);
    if !words.skip(&["table"]) {
        return;
    }
    let may_be_there = words.skip(&["if"]);
    if may_be_there {
        words.skip(&["not"]);
        words.skip(&["exists"]);
    }
    if let Some(name) = words.name()
        && (is_temporary || !may_be_there)
    {
        own.insert(name);
    }
}

fn drop_(words: &mut Words<'_>, own: &mut BTreeSet<String>, note: &mut impl FnMut(usize, Loss)) {
    let start = words.offset();
    words.next();
    if words.skip(&["table"]) {
        words.skip_if_exists();
        let mut all_own = true;
        loop {
            let name = words.name();
            all_own &= name.is_some_and(|name| own.remove(&name) || is_temporary(&name));
            if !words.skip(&[","]) {
                break;
            }
        }
        if !all_own {
            note(start, Loss::Table);
        }
    } else if words.skip(&["database"]) {
        note(start, Loss::Database);
    } else if words.skip(&["owned"]) {
        note(start, Loss::Owned);
    } else if let Some(kind) = CARRIERS.iter().find(|kind| words.skip(&[kind]))
        && words.ends_with("cascade")
    {
        let kind = if *kind == "access" {
            "access method"
        } else {
            kind
        };
        note(start, Loss::Cascade(kind));
    }
}

fn alter(words: &mut Words<'_>, own: &mut BTreeSet<String>, note: &mut impl FnMut(usize, Loss)) {
    words.next();
    let is_type = words.skip(&["type"]);
    if !is_type && !words.skip(&["table"]) {
        return;
    }
    words.skip_if_exists();
    words.skip(&["only"]);
    let Some(name) = words.name() else { return };
    words.skip(&["*"]);
    let is_own = !is_type && (own.contains(&name) || is_temporary(&name));
    let mut begins = true;
    let mut depth = 0_usize;
    while let Some(word) = words.peek() {
        let offset = words.offset();
        words.next();
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is = |wanted: &str| begins && word.eq_ignore_ascii_case(wanted);
        if is("drop") && !is_own {
            if is_type {
                if words.skip(&["attribute"]) {
                    note(offset, Loss::Attribute);
                }
            } else if !words.skip(&["constraint"]) {
                note(offset, Loss::Column);
            }
        } else if is("rename") && words.skip(&["to"]) {
            rename(own, &name, words.name());
        } else if is("attach") || is("set") && words.skip(&["schema"]) {
            own.remove(&name);
        }
        begins = depth == 0 && word == ",";
    }
}

/// What is dropped under a new name is as old as what had it before.
fn rename(own: &mut BTreeSet<String>, from: &str, to: Option<String>) {
    let Some(to) = to else { return };
    if own.remove(from) {
        own.insert(to);
    } else {
        own.remove(&to);
    }
}

fn truncate(words: &mut Words<'_>, own: &BTreeSet<String>, note: &mut impl FnMut(usize, Loss)) {
    let start = words.offset();
    words.next();
    words.skip(&["table"]);
    // The tables that refer to it are emptied as well.
    let mut all_own = !words.ends_with("cascade");
    loop {
        words.skip(&["only"]);
        let name = words.name();
        all_own &= name.is_some_and(|name| own.contains(&name) || is_temporary(&name));
        words.skip(&["*"]);
        if !words.skip(&[","]) {
            break;
        }
    }
    if !all_own {
        note(start, Loss::Truncate);
    }
}

/// Finds `delete from` without a `where` of its own, in a `with` too.
fn delete(words: &mut Words<'_>, own: &BTreeSet<String>, note: &mut impl FnMut(usize, Loss)) {
    while words.peek().is_some() {
        let offset = words.offset();
        if !(words.skip(&["delete"]) && words.skip(&["from"])) {
            words.next();
            continue;
        }
        words.skip(&["only"]);
        let Some(name) = words.name() else { continue };
        let is_own = own.contains(&name) || is_temporary(&name);
        if !is_own && !words.has_condition() {
            note(offset, Loss::Delete);
        }
    }
}

/// Whether the name says so itself. One that `create temp table` made is known as the script's own.
fn is_temporary(name: &str) -> bool {
    name.starts_with("pg_temp\0")
}

/// The tokens of a statement, without comments.
struct Words<'t> {
    tokens: Vec<(&'t str, usize)>,
    at: usize,
}

impl<'t> Words<'t> {
    fn of(text: &'t str, statement: &Statement) -> Self {
        let bytes = &text.as_bytes()[..statement.span.end];
        let mut lexer = Lexer::new(bytes, statement.span.start);
        let mut tokens = Vec::new();
        while let Ok(Some(token)) = lexer.next_token() {
            if token.kind != Kind::LineComment {
                tokens.push((&text[token.start..token.end], token.start));
            }
        }
        Self { tokens, at: 0 }
    }

    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.at).map(|(word, _)| *word)
    }

    /// Where the next token begins.
    fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, offset)| *offset)
    }

    fn next(&mut self) {
        self.at += 1;
    }

    /// Passes over the next word if it is one of these.
    fn skip(&mut self, words: &[&str]) -> bool {
        let found = self
            .peek()
            .is_some_and(|next| words.iter().any(|word| next.eq_ignore_ascii_case(word)));
        self.at += usize::from(found);
        found
    }

    fn skip_if_exists(&mut self) {
        if self.skip(&["if"]) {
            self.skip(&["exists"]);
        }
    }

    /// A name and its schema, in the form that the server compares, with NUL between.
    fn name(&mut self) -> Option<String> {
        let mut name = self.part()?;
        while self.skip(&["."]) {
            name.push('\0');
            name.push_str(&self.part()?);
        }
        Some(name)
    }

    fn part(&mut self) -> Option<String> {
        let word = self.peek()?;
        let quoted = word
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let part = match quoted {
            Some(inside) => inside.replace("\"\"", "\""),
            None if word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') => {
                word.to_ascii_lowercase()
            }
            // A placeholder is one name, whatever its value.
            None if word == "$" => self.tokens.get(self.at + 2).map(|(name, _)| {
                self.at += 3;
                format!("${{{name}}}")
            })?,
            None => return None,
        };
        self.next();
        Some(part)
    }

    fn ends_with(&self, word: &str) -> bool {
        let last = self.tokens.last();
        last.is_some_and(|(last, _)| last.eq_ignore_ascii_case(word))
    }

    /// Whether a `where` follows before the parenthesis around this place closes.
    fn has_condition(&self) -> bool {
        let mut depth = 0_usize;
        for (word, _) in &self.tokens[self.at.min(self.tokens.len())..] {
            match *word {
                "(" => depth += 1,
                ")" if depth == 0 => return false,
                ")" => depth -= 1,
                word if depth == 0 && word.eq_ignore_ascii_case("where") => return true,
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split::split;

    /// `found` is what is lost, and the text from where it begins, up to the next blank but one.
    fn check(text: &str, expected: &[&str]) {
        let statements = split(text, 0..text.len()).unwrap();
        let found: Vec<String> = find(text, &statements)
            .iter()
            .map(|found| {
                let rest = &text[found.offset..];
                assert!(statements[found.statement].span.contains(&found.offset));
                let word = rest.split_whitespace().next().unwrap_or_default();
                format!("{}: {}@{}", found.loss, word, found.statement)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn tables_are_lost() {
        check("drop table a", &["drop table: drop@0"]);
        check(
            "select 1; DROP /* x */ TABLE -- y\n IF EXISTS a, b cascade",
            &["drop table: DROP@1"],
        );
        check("drop schema s", &[]);
        check("drop schema s cascade", &["drop schema cascade: drop@0"]);
        check("drop database d", &["drop database: drop@0"]);
        check("drop owned by r", &["drop owned: drop@0"]);
        check("truncate a, only b", &["truncate: truncate@0"]);
        check(
            "truncate table a restart identity",
            &["truncate: truncate@0"],
        );
        check("delete from a", &["delete without where: delete@0"]);
        check(
            "delete from a using b returning (select 1 where true)",
            &["delete without where: delete@0"],
        );
        check("delete from a where b", &[]);
        check("drop table ${a}, b", &["drop table: drop@0"]);
        check(
            "alter table ${a} drop column ${b}",
            &["drop column: drop@0"],
        );
        check("truncate s.${a}", &["truncate: truncate@0"]);
        check(
            "with x as (delete from a returning *) select * from x where y",
            &["delete without where: delete@0"],
        );
        check(
            "with x as (select 1) delete from a where b in (select 1)",
            &[],
        );
    }

    #[test]
    fn columns_are_lost() {
        check("alter table a drop column b", &["drop column: drop@0"]);
        check("alter table a drop b", &["drop column: drop@0"]);
        check(
            "alter table if exists only s.a * add c numeric(8, 2), drop if exists b, drop c",
            &["drop column: drop@0", "drop column: drop@0"],
        );
        check("alter table a drop constraint b", &[]);
        check(
            "alter table a alter column b drop not null, alter c drop default",
            &[],
        );
        check(
            "alter table a alter b drop expression, rename drop to c",
            &[],
        );
        check("alter type t drop attribute a", &["drop attribute: drop@0"]);
        check("drop type t", &[]);
        check("drop type t cascade", &["drop type cascade: drop@0"]);
        check(
            "drop extension e cascade",
            &["drop extension cascade: drop@0"],
        );
        check(
            "drop access method m cascade",
            &["drop access method cascade: drop@0"],
        );
    }

    #[test]
    fn what_holds_no_data_may_go() {
        for harmless in [
            "drop view v cascade",
            "drop materialized view v",
            "drop index i",
            "drop foreign table f",
            "alter foreign table f drop column a",
            "drop function f()",
            "create function f() returns void begin atomic delete from a; end",
            "create table a (b integer references c on delete cascade)",
            "comment on table a is 'drop table b'",
            "create rule r as on delete to a do instead nothing",
            "grant delete, truncate on a to b",
            "do $$ begin drop table a; end $$",
            "alter table a detach partition b",
        ] {
            check(harmless, &[]);
        }
    }

    #[test]
    fn tables_of_the_script_itself_may_go() {
        check("create table a (); drop table A", &[]);
        check("create temp table a (); drop table a; ", &[]);
        check("create temporary table if not exists a (); truncate a", &[]);
        check("create unlogged table s.a (); delete from \"s\".a", &[]);
        check("create table a (); alter table a drop column b", &[]);
        check("drop table pg_temp.a", &[]);
        check("create table ${a} (); drop table ${a}", &[]);
        check(
            "create table a (); drop table a, b",
            &["drop table: drop@1"],
        );
        check(
            "create table a (); drop table a; drop table a",
            &["drop table: drop@2"],
        );
        check(
            "create table if not exists a (); drop table a",
            &["drop table: drop@1"],
        );
        check(
            "create table \"A\" (); drop table a",
            &["drop table: drop@1"],
        );
        check("create table a (); drop table s.a", &["drop table: drop@1"]);
        check(
            "create table a (); truncate a cascade",
            &["truncate: truncate@1"],
        );
    }

    #[test]
    fn a_name_may_come_to_mean_another_table() {
        check(
            "create table new (); alter table old rename to x; alter table new rename to old; drop table x",
            &["drop table: drop@3"],
        );
        check(
            "create table a (); alter table a rename to b; alter table c rename to a; drop table b; drop table a",
            &["drop table: drop@4"],
        );
        check(
            "create table a (); alter table c rename to a; drop table a",
            &["drop table: drop@2"],
        );
        for between in [
            "set search_path = s",
            "set local schema 's'",
            "select pg_catalog.set_config('search_path', 's', false)",
            "rollback to p",
            "alter table a attach partition b for values in (1)",
            "alter table a set schema s",
        ] {
            check(
                &format!("create table a (); {between}; drop table a"),
                &["drop table: drop@2"],
            );
        }
        check("create table a (); set lock_timeout = 1; drop table a", &[]);
    }
}
