//! The roles that a declaration names: they belong to the server, and have to be there before.

use std::collections::BTreeSet;

use crate::sql::lexer::{Kind, Lexer};
use crate::sql::split::split;

/// Words that stand where a role does, and are none.
const NOBODY: [&str; 7] = [
    "public",
    "current_user",
    "current_role",
    "session_user",
    "user",
    "group",
    "none",
];

/// The roles that the statements of texts name: owners, grantees, those of policies and of default
/// privileges; and those that they create, as that is not done here.
pub(super) fn named(texts: &[&str]) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let statements = texts.iter().flat_map(|text| {
        let statements = split(text, 0..text.len()).unwrap_or_default();
        statements
            .into_iter()
            .map(|statement| &text[statement.span])
    });
    for statement in statements {
        let words = words(statement);
        let word = |at: usize| words.get(at).map_or("", |word| word.plain());
        let ends = |from: usize, ends: &[&str]| {
            (from..words.len())
                .find(|at| ends.contains(&word(*at)))
                .unwrap_or(words.len())
        };
        match (word(0), word(1)) {
            ("create", "role" | "user" | "group") if word(2) != "mapping" => {
                let at = if word(2) == "if" { 5 } else { 2 };
                named.extend(words.get(at).map(|word| word.name.clone()));
            }
            ("grant" | "revoke", _) if words.iter().any(|word| word.plain() == "on") => {
                let last = words
                    .iter()
                    .rposition(|word| matches!(word.plain(), "to" | "from"));
                if let Some(last) = last {
                    let end = ends(last, &["with", "granted", "cascade", "restrict"]);
                    named.extend(names(&words[last + 1..end]));
                }
            }
            ("alter", "default") => {
                if let Some(at) = (0..words.len())
                    .find(|at| word(*at) == "for" && matches!(word(at + 1), "role" | "user"))
                {
                    let end = ends(at, &["in", "grant", "revoke"]);
                    named.extend(names(words.get(at + 2..end).unwrap_or_default()));
                }
                let begins = ends(0, &["grant", "revoke"]);
                let to = ends(begins, &["to", "from"]);
                let end = ends(to, &["with", "cascade", "restrict"]);
                named.extend(names(words.get(to + 1..end).unwrap_or_default()));
            }
            ("create" | "alter", "policy") => {
                let to = ends(3, &["to", "using", "with"]);
                if word(to) == "to" && word(to.saturating_sub(1)) != "rename" {
                    let end = ends(to, &["using", "with"]);
                    named.extend(names(words.get(to + 1..end).unwrap_or_default()));
                }
            }
            ("alter", _) => {
                for at in 0..words.len() {
                    if word(at) == "owner" && word(at + 1) == "to" {
                        named.extend(names(words.get(at + 2..at + 3).unwrap_or_default()));
                    }
                }
            }
            ("create", "schema") => {
                if let Some(at) = (0..words.len().min(6)).find(|at| word(*at) == "authorization") {
                    named.extend(names(words.get(at + 1..at + 2).unwrap_or_default()));
                }
            }
            ("set", "role") => named.extend(names(words.get(2..3).unwrap_or_default())),
            _ => {}
        }
    }
    named
}

/// A name or keyword of a statement.
struct Word {
    name: String,
    is_quoted: bool,
}

impl Word {
    /// The word, if it may be a keyword.
    fn plain(&self) -> &str {
        if self.is_quoted { "" } else { &self.name }
    }
}

fn words(statement: &str) -> Vec<Word> {
    let mut lexer = Lexer::new(statement.as_bytes(), 0);
    let mut words = Vec::new();
    while let Ok(Some(token)) = lexer.next_token() {
        let text = &statement[token.start..token.end];
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        match (token.kind, quoted) {
            (Kind::Word, _) => words.push(Word {
                name: text.to_ascii_lowercase(),
                is_quoted: false,
            }),
            (Kind::QuotedName, Some(quoted)) => words.push(Word {
                name: quoted.replace("\"\"", "\""),
                is_quoted: true,
            }),
            _ => {}
        }
    }
    words
}

fn names(words: &[Word]) -> Vec<String> {
    let is_role = |word: &&Word| !NOBODY.contains(&word.plain()) && !word.name.starts_with("pg_");
    let roles = words.iter().filter(is_role);
    roles.map(|word| word.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let named: Vec<String> = named(&[text]).into_iter().collect();
        assert_eq!(named.join(" "), expected, "{text}");
    }

    #[test]
    fn roles_are_found_where_statements_name_them() {
        check("alter table t owner to app", "app");
        check(
            "grant select, update (a) on t to a, \"B c\", public with grant option",
            "B c a",
        );
        check("grant select on t to \"\"\"a\"\"\"", "\"a\"");
        check("revoke all on function f(text) from a cascade", "a");
        check("grant usage on schema s to current_user, pg_monitor", "");
        check(
            "create policy p on t for select to a, b using (owner = 'to')",
            "a b",
        );
        check("create policy p on t using (true)", "");
        check("alter policy p on t rename to q", "");
        check(
            "alter default privileges for role a in schema s grant select on tables to b",
            "a b",
        );
        check("create schema s authorization a", "a");
        check("create schema authorization a", "a");
        check("create role a; grant all on t to a, b", "a b");
        check(
            "create table t (owner text); comment on table t is 'owner to x'",
            "",
        );
        check("grant a to b", "");
    }
}
