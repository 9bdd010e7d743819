//! A guess at the order in which statements can run, by the names that they make and mention.
//!
//! Only the server knows what a statement needs. The guess spares it from being asked again and
//! again: a wrong one costs another round, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::lexer::{Kind, Lexer, Token};

/// What of `create …` makes something that others mention by its name.
const MAKES: [&str; 16] = [
    "aggregate",
    "collation",
    "configuration",
    "dictionary",
    "domain",
    "extension",
    "function",
    "language",
    "procedure",
    "schema",
    "sequence",
    "server",
    "table",
    "type",
    "view",
    "wrapper",
];

/// The names in one statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    makes: Option<String>,
    mentions: BTreeSet<String>,
}

impl Names {
    /// Reads a statement. Bodies between dollars are not looked at: nobody needs what they name.
    pub(super) fn of(statement: &str) -> Self {
        let mut lexer = Lexer::new(statement.as_bytes(), 0);
        let mut tokens: Vec<Token> = Vec::new();
        // A text that does not end is the server's to refuse.
        while let Ok(Some(token)) = lexer.next_token() {
            tokens.push(token);
        }
        let text = |token: &Token| &statement[token.start..token.end];
        let mut names = Self {
            makes: made(&tokens, &text),
            mentions: BTreeSet::new(),
        };
        for token in &tokens {
            if matches!(token.kind, Kind::Word | Kind::QuotedName) {
                names.mentions.insert(name(text(token)));
            } else if token.kind == Kind::Text {
                // `nextval('s.numbers')`
                let inside = text(token).trim_matches('\'');
                let last = inside.rsplit('.').next().unwrap_or_default();
                names.mentions.insert(name(last));
            }
        }
        names
    }
}

/// The name behind `create or replace view if not exists s.`.
fn made<'t>(tokens: &[Token], text: &impl Fn(&Token) -> &'t str) -> Option<String> {
    let is = |token: &Token, word: &str| text(token).eq_ignore_ascii_case(word);
    let (first, rest) = tokens.split_first()?;
    if !is(first, "create") {
        return None;
    }
    // No statement has more words before the one that says what it makes.
    let what = rest.iter().take(5);
    let what = what.take_while(|token| token.kind == Kind::Word);
    let at = what
        .enumerate()
        .find(|(_, token)| MAKES.iter().any(|word| is(token, word)))?
        .0;
    let mut rest = &rest[at + 1..];
    while let Some((token, behind)) = rest.split_first()
        && ["if", "not", "exists", "data", "search"]
            .iter()
            .any(|word| is(token, word))
    {
        rest = behind;
    }
    while let [_, dot, last, ..] = rest
        && text(dot) == "."
        && matches!(last.kind, Kind::Word | Kind::QuotedName)
    {
        rest = &rest[2..];
    }
    rest.first().map(|token| name(text(token)))
}

/// A name as the server knows it, whatever the quotes.
fn name(text: &str) -> String {
    match text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_ascii_lowercase(),
    }
}

/// An order in which what makes a name comes before what mentions it; where names lead in a circle,
/// and otherwise, the order in which they are given.
pub(super) fn order(statements: &[Names]) -> Vec<usize> {
    let mut makers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, names) in statements.iter().enumerate() {
        if let Some(name) = &names.makes {
            makers.entry(name).or_default().push(number);
        }
    }
    let needs: Vec<Vec<usize>> = statements
        .iter()
        .map(|names| {
            let known = names
                .mentions
                .iter()
                .filter_map(|name| makers.get(name.as_str()));
            known.flatten().copied().collect()
        })
        .collect();
    let mut seen = vec![false; statements.len()];
    let mut order = Vec::new();
    for first in 0..statements.len() {
        // Not by recursion: a chain may be longer than the stack.
        let mut path = vec![(first, 0)];
        if std::mem::replace(&mut seen[first], true) {
            continue;
        }
        while let Some((statement, next)) = path.last_mut() {
            if let Some(needed) = needs[*statement].get(*next) {
                *next += 1;
                if !std::mem::replace(&mut seen[*needed], true) {
                    path.push((*needed, 0));
                }
            } else {
                order.push(*statement);
                path.pop();
            }
        }
    }
    order
}

/// Names that wait for each other, each for the next and the last for the first: statements are given
/// with what the server says that they lack. Empty if there is no such circle.
pub(super) fn circle(refused: &[(Names, String)]) -> Vec<String> {
    let lacks = |says: &str, name: &str| {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
        says.contains("does not exist")
            && says
                .split(|letter| !is_part(letter))
                .any(|word| word == name)
    };
    let next = |at: usize| {
        let (of, says) = refused.get(at)?;
        refused.iter().position(|(other, _)| {
            other.makes != of.makes && other.makes.as_deref().is_some_and(|name| lacks(says, name))
        })
    };
    for start in 0..refused.len() {
        let mut path = vec![start];
        while let Some(at) = path.last().and_then(|last| next(*last)) {
            if let Some(from) = path.iter().position(|passed| *passed == at) {
                let names = path[from..]
                    .iter()
                    .filter_map(|at| refused[*at].0.makes.clone());
                return names.collect();
            }
            path.push(at);
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_made(statement: &str, expected: &str) {
        let names = Names::of(statement);
        assert_eq!(
            names.makes.as_deref().unwrap_or("-"),
            expected,
            "{statement}"
        );
    }

    #[test]
    fn what_a_statement_makes_has_a_name() {
        check_made("create table a (b int)", "a");
        check_made("CREATE UNLOGGED TABLE IF NOT EXISTS s.A (b int)", "a");
        check_made(
            "create or replace view \"S\".\"A \"\"b\" as select 1",
            "A \"b",
        );
        check_made("create or replace function s.f(a s.t) returns int", "f");
        check_made("create materialized view v as select 1", "v");
        check_made("create foreign data wrapper w", "w");
        check_made("create text search configuration s.c (copy = english)", "c");
        check_made("create schema s", "s");
        check_made("create index i on a (b)", "-");
        check_made(
            "create trigger x before insert on a execute function table()",
            "-",
        );
        check_made("alter table a add b int", "-");
        check_made("create", "-");
        check_made("create table", "-");
        check_made("", "-");
    }

    #[track_caller]
    fn check_order(statements: &[&str], expected: &[usize]) {
        let names: Vec<Names> = statements.iter().map(|text| Names::of(text)).collect();
        assert_eq!(order(&names), expected, "{statements:?}");
    }

    #[test]
    fn what_makes_a_name_comes_before_what_mentions_it() {
        check_order(
            &[
                "create view c as select * from b",
                "create view b as select * from s.a",
                "create table s.a (x int default nextval('s.n'))",
                "create sequence s.n",
                "create index on s.a (x)",
            ],
            &[3, 2, 1, 0, 4],
        );
        check_order(
            &[
                "create table a (b_id int references b)",
                "create table b (a_id int references a)",
                "create view v as select * from \"A\"",
            ],
            &[1, 0, 2],
        );
        check_order(
            &[
                "create function f() returns int language sql as $$ select g() $$",
                "create function g() returns int language sql as 'select 1'",
            ],
            &[0, 1],
        );
        check_order(&[], &[]);
    }

    #[test]
    fn a_circle_is_told_from_what_is_only_missing() {
        let check = |refused: &[(&str, &str)], expected: &[&str]| {
            let refused: Vec<(Names, String)> = refused
                .iter()
                .map(|(sql, says)| (Names::of(sql), (*says).to_owned()))
                .collect();
            assert_eq!(circle(&refused), expected);
        };
        let lacks = |name: &str| format!("relation \"{name}\" does not exist");
        let (a, b, c) = (lacks("a"), lacks("s.b"), lacks("c"));
        check(
            &[
                ("create view x as table a", &a),
                ("create table a (b int references s.b)", &b),
                ("create table s.b (a int references a)", &a),
            ],
            &["a", "b"],
        );
        check(
            &[
                ("create table a (b int references s.b)", &b),
                ("create table s.b (c int references c)", &c),
            ],
            &[],
        );
        check(&[], &[]);
    }

    #[test]
    fn a_long_chain_in_the_wrong_order_is_no_burden() {
        let statements: Vec<Names> = (0..100_000)
            .map(|number| Names::of(&format!("create view v{number} as table v{}", number + 1)))
            .collect();
        let expected: Vec<usize> = (0..100_000).rev().collect();
        assert_eq!(order(&statements), expected);
    }
}
