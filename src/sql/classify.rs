//! How a statement has to be run, told by its first words.
//!
//! PostgreSQL refuses some statements inside a transaction block, and the statements that begin
//! and end transactions belong to castoff, not to a migration. Only what the text alone shows is
//! known here. Where it depends on the database, the answer is "ordinary": the server then refuses
//! with error 25001, nothing has changed, and `autocommit` on the section line helps. These are
//! `drop subscription` (fails only while it has a replication slot) and `reindex` or `cluster` of a
//! partitioned table.
//!
//! The answer is the same for all majors from 13 to 18. What was added to the list is unknown to
//! older servers, except that 13 lets a subscription be refreshed in a transaction; there too it
//! works outside of one. `tests/it/statements.rs` asks the servers.

use std::borrow::Cow;
use std::iter;

use crate::sql::lexer::{Kind, Lexer};

/// How a statement has to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Inside a transaction or outside.
    Ordinary,
    /// Outside a transaction block only. Holds the name of the command.
    NeedsAutocommit(&'static str),
    /// Begins or ends a transaction. Holds the name of the command. Savepoints are ordinary.
    TransactionControl(&'static str),
    /// `copy … to stdout`: sends data to a client that has no use for it.
    ToClient,
}

/// Classifies one statement, given from its first token to its last.
pub fn classify(statement: &str) -> Class {
    let mut tokens = tokens(statement);
    // Most statements of a large script are of another kind, and are not read any further.
    let first = tokens.next().unwrap_or_default();
    match first.as_ref() {
        "abort" | "begin" | "commit" | "end" | "prepare" | "rollback" | "start" => {
            let rest: Vec<_> = tokens.take(2).collect();
            transaction_control(&first, &words(&rest))
        }
        "copy" => copy(tokens),
        "cluster" | "discard" | "drop" | "reindex" | "vacuum" => {
            let rest: Vec<_> = tokens.collect();
            needs_autocommit(&first, &words(&rest))
        }
        "alter" | "create" => {
            let second = tokens.next().unwrap_or_default();
            let deciding = [
                "database",
                "index",
                "subscription",
                "system",
                "table",
                "tablespace",
            ];
            let creates_table = first == "create" && second == "table";
            if creates_table || !(deciding.contains(&second.as_ref()) || second == "unique") {
                return Class::Ordinary;
            }
            let rest: Vec<_> = iter::once(second).chain(tokens).collect();
            needs_autocommit(&first, &words(&rest))
        }
        _ => Class::Ordinary,
    }
}

/// Whether to run a statement inside a transaction that holds nothing else but its record. The
/// server has the last word: a block that commits by itself, and a few commands whose text does not
/// show it, are refused there before they did anything that stays.
pub fn joins_transaction(statement: &str) -> bool {
    let first = tokens(statement).next().unwrap_or_default();
    let may = matches!(
        first.as_ref(),
        "alter"
            | "analyse"
            | "analyze"
            | "call"
            | "cluster"
            | "comment"
            | "copy"
            | "create"
            | "delete"
            | "do"
            | "drop"
            | "explain"
            | "grant"
            | "import"
            | "insert"
            | "merge"
            | "notify"
            | "reassign"
            | "refresh"
            | "reindex"
            | "revoke"
            | "security"
            | "select"
            | "table"
            | "truncate"
            | "update"
            | "values"
            | "with"
    );
    may && classify(statement) == Class::Ordinary
}

/// Whether a statement sets something for the session and does nothing else, so that a start which
/// goes on behind it has to run it again: `set`, `reset`, `select set_config(…)`.
pub fn sets_session(statement: &str) -> bool {
    let mut tokens = tokens(statement);
    match tokens.next().unwrap_or_default().as_ref() {
        "set" | "reset" => true,
        "select" => {
            let rest: Vec<_> = tokens.collect();
            match words(&rest).as_slice() {
                ["set_config", "(", rest @ ..]
                | ["pg_catalog", ".", "set_config", "(", rest @ ..] => ends_with_closing(rest),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether the parenthesis that is open closes with the last token.
fn ends_with_closing(rest: &[&str]) -> bool {
    let mut depth = 1_usize;
    let closing = rest.iter().position(|token| {
        match *token {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    closing.is_some_and(|closing| closing + 1 == rest.len())
}

/// `copy … to stdout`; the server takes `stdin` there for the same.
fn copy<'t>(tokens: impl Iterator<Item = Cow<'t, str>>) -> Class {
    let mut depth = 0_usize;
    let mut last = Cow::Borrowed("");
    for token in tokens {
        match token.as_ref() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "stdout" | "stdin" if depth == 0 && last == "to" => return Class::ToClient,
            _ => {}
        }
        last = token;
    }
    Class::Ordinary
}

/// The first word of a statement, in lower case.
pub fn first_word(statement: &str) -> Cow<'_, str> {
    tokens(statement).next().unwrap_or_default()
}

fn transaction_control(first: &str, rest: &[&str]) -> Class {
    let command = match (first, rest) {
        ("rollback", ["to", ..] | ["work" | "transaction", "to", ..]) => return Class::Ordinary,
        ("prepare", ["transaction", name]) if name.contains('\'') => "prepare transaction",
        ("start", ["transaction", ..]) => "start transaction",
        ("commit", ["prepared", ..]) => "commit prepared",
        ("rollback", ["prepared", ..]) => "rollback prepared",
        ("abort", _) => "abort",
        ("begin", _) => "begin",
        ("commit", _) => "commit",
        ("end", _) => "end",
        ("rollback", _) => "rollback",
        _ => return Class::Ordinary,
    };
    Class::TransactionControl(command)
}

fn needs_autocommit(first: &str, rest: &[&str]) -> Class {
    let command = match (first, rest) {
        ("create", ["database", ..]) => "create database",
        ("create", ["tablespace", ..]) => "create tablespace",
        ("create", ["index", "concurrently", ..] | ["unique", "index", "concurrently", ..]) => {
            "create index concurrently"
        }
        ("create", ["subscription", ..])
            if !turns_off(rest, "create_slot") && !turns_off(rest, "connect") =>
        {
            "create subscription"
        }
        ("drop", ["database", ..]) => "drop database",
        ("drop", ["tablespace", ..]) => "drop tablespace",
        ("drop", ["index", "concurrently", ..]) => "drop index concurrently",
        ("alter", ["system", ..]) => "alter system",
        ("alter", ["database", _, "set", "tablespace", ..]) => "alter database set tablespace",
        ("alter", ["table", .., "concurrently"])
            if rest.windows(2).any(|pair| pair == ["detach", "partition"]) =>
        {
            "alter table detach partition concurrently"
        }
        ("alter", ["subscription", _, "refresh", "publication", ..]) => {
            "alter subscription refresh publication"
        }
        ("alter", ["subscription", _, "set" | "add" | "drop", "publication", ..])
            if !turns_off(rest, "refresh") =>
        {
            "alter subscription with refresh"
        }
        // Since 17 and 18. Older servers know no such setting.
        ("alter", ["subscription", _, "set", "(", ..])
            if rest.contains(&"failover") || turns_off(rest, "two_phase") =>
        {
            "alter subscription of a slot"
        }
        ("vacuum", _) => "vacuum",
        ("discard", ["all"]) => "discard all",
        ("cluster", [] | ["verbose"] | ["(", .., ")"]) => "cluster of all tables",
        ("reindex", _) => return reindex(rest),
        _ => return Class::Ordinary,
    };
    Class::NeedsAutocommit(command)
}

/// `reindex [(options)] what [concurrently] name`.
fn reindex(rest: &[&str]) -> Class {
    let closing = rest.iter().position(|&token| token == ")");
    let (options, rest) = match (rest, closing) {
        (["(", ..], Some(closing)) => (&rest[1..closing], &rest[closing + 1..]),
        _ => (&[][..], rest),
    };
    let asked = options
        .split(|&token| token == ",")
        .any(|option| match option {
            ["concurrently"] => true,
            ["concurrently", value] => !is_false(value),
            _ => false,
        });
    match rest {
        ["schema", ..] => Class::NeedsAutocommit("reindex schema"),
        ["database", ..] => Class::NeedsAutocommit("reindex database"),
        ["system", ..] => Class::NeedsAutocommit("reindex system"),
        [_, "concurrently", ..] => Class::NeedsAutocommit("reindex concurrently"),
        _ if asked => Class::NeedsAutocommit("reindex concurrently"),
        _ => Class::Ordinary,
    }
}

/// Whether the tokens hold `option = false`.
fn turns_off(tokens: &[&str], option: &str) -> bool {
    tokens
        .windows(3)
        .any(|part| part[0] == option && part[1] == "=" && is_false(part[2]))
}

fn is_false(value: &str) -> bool {
    let value = value.trim_matches('\'');
    ["false", "off", "0"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

fn words<'t>(tokens: &'t [Cow<'_, str>]) -> Vec<&'t str> {
    tokens.iter().map(AsRef::as_ref).collect()
}

/// The tokens without comments, words in lower case. Ends early where the text is broken.
fn tokens(statement: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut lexer = Lexer::new(statement.as_bytes(), 0);
    iter::from_fn(move || lexer.next_token().ok().flatten())
        .filter(|token| token.kind != Kind::LineComment)
        .map(move |token| {
            let content = statement.get(token.start..token.end).unwrap_or_default();
            let upper = |byte: u8| byte.is_ascii_uppercase();
            if token.kind == Kind::Word && content.bytes().any(upper) {
                Cow::Owned(content.to_ascii_lowercase())
            } else {
                Cow::Borrowed(content)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(statement: &str, expected: &str) {
        let shown = match classify(statement) {
            Class::Ordinary => "ordinary".to_owned(),
            Class::NeedsAutocommit(command) => format!("autocommit: {command}"),
            Class::TransactionControl(command) => format!("transaction: {command}"),
            Class::ToClient => "to the client".to_owned(),
        };
        assert_eq!(shown, expected, "{statement}");
    }

    #[test]
    fn knows_what_is_tried_in_one_transaction_with_its_record() {
        for (statement, expected) in [
            ("insert into t values (1)", true),
            ("CREATE TABLE t ()", true),
            ("/* why */ copy t from stdin", true),
            ("create index concurrently on t (a)", false),
            ("drop subscription s", true),
            ("call p()", true),
            ("do 'begin commit; end'", true),
            ("reindex table t", true),
            ("reindex table concurrently t", false),
            ("savepoint a", false),
            ("set role r", false),
            ("vacuum", false),
        ] {
            assert_eq!(joins_transaction(statement), expected, "{statement}");
        }
    }

    #[test]
    fn knows_what_ends_with_the_session() {
        for (statement, expected) in [
            ("SET search_path = s", true),
            ("/* why */ reset role", true),
            ("select set_config('a.b', 'c', false)", true),
            ("SELECT pg_catalog.set_config('a.b', f(1), false)", true),
            ("select set_config('a', 'b', false), f()", false),
            ("select f()", false),
            ("select a.set_config('a.b', 'c', false)", false),
            ("update t set a = 1", false),
            ("", false),
        ] {
            assert_eq!(sets_session(statement), expected, "{statement}");
        }
    }

    #[test]
    fn knows_what_cannot_run_in_a_transaction_block() {
        for (statement, command) in [
            ("create database x", "create database"),
            ("DROP DATABASE if exists x", "drop database"),
            ("create tablespace x location '/x'", "create tablespace"),
            ("drop tablespace x", "drop tablespace"),
            ("alter system set work_mem = '1GB'", "alter system"),
            ("vacuum", "vacuum"),
            ("vacuum (full, analyze) t", "vacuum"),
            (
                "create index concurrently on t (a)",
                "create index concurrently",
            ),
            (
                "create /* x */ unique -- y\n index CONCURRENTLY i on t (a)",
                "create index concurrently",
            ),
            (
                "drop index concurrently if exists i",
                "drop index concurrently",
            ),
            ("reindex index concurrently i", "reindex concurrently"),
            (
                "reindex (verbose, concurrently) table t",
                "reindex concurrently",
            ),
            ("reindex (concurrently on) table t", "reindex concurrently"),
            ("reindex database", "reindex database"),
            ("reindex system x", "reindex system"),
            ("reindex (verbose) schema x", "reindex schema"),
            (
                "alter database x set tablespace y",
                "alter database set tablespace",
            ),
            (
                "alter table only a.b detach partition c.d concurrently",
                "alter table detach partition concurrently",
            ),
            ("cluster", "cluster of all tables"),
            ("cluster verbose", "cluster of all tables"),
            ("cluster (verbose)", "cluster of all tables"),
            (
                "create subscription s connection 'c' publication p",
                "create subscription",
            ),
            (
                "create subscription s connection 'c' publication p with (create_slot = true)",
                "create subscription",
            ),
            (
                "alter subscription s refresh publication",
                "alter subscription refresh publication",
            ),
            (
                "alter subscription s add publication p",
                "alter subscription with refresh",
            ),
            (
                "alter subscription s set (origin = any, failover = false)",
                "alter subscription of a slot",
            ),
            ("discard all", "discard all"),
        ] {
            check(statement, &format!("autocommit: {command}"));
        }
    }

    #[test]
    fn knows_what_begins_and_ends_a_transaction() {
        for (statement, command) in [
            ("begin", "begin"),
            ("BEGIN isolation level serializable", "begin"),
            ("start transaction read only", "start transaction"),
            ("commit and chain", "commit"),
            ("end work", "end"),
            ("rollback", "rollback"),
            ("rollback transaction and no chain", "rollback"),
            ("abort", "abort"),
            ("prepare transaction 'x'", "prepare transaction"),
            ("commit prepared 'x'", "commit prepared"),
            ("rollback prepared 'x'", "rollback prepared"),
        ] {
            check(statement, &format!("transaction: {command}"));
        }
    }

    #[test]
    fn knows_what_sends_data_to_the_client() {
        for statement in [
            "copy t to stdout",
            "COPY t (a, \"to\") TO STDOUT WITH (format csv)",
            "copy (select a to from t) to stdout",
            "copy t to stdin",
        ] {
            check(statement, "to the client");
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for statement in [
            "",
            "select 1",
            "savepoint a",
            "release a",
            "rollback to a",
            "rollback work to savepoint a",
            "prepare a as select 1",
            "prepare transaction as select 1",
            "create index on t (a)",
            "create index \"concurrently\" on t (a)",
            "create table concurrently_ (a int)",
            "drop index i",
            "drop table t",
            "reindex table t",
            "reindex (concurrently false) table t",
            "reindex (tablespace x) index i",
            "refresh materialized view concurrently v",
            "alter database x set work_mem = '1MB'",
            "alter table a detach partition b",
            "alter table a detach partition b finalize",
            "alter table t set tablespace x",
            "alter type t add value 'x'",
            "cluster t",
            "cluster (verbose) t using i",
            "cluster verbose t",
            "create subscription s connection 'c' publication p with (connect = false)",
            "create subscription s connection 'c' publication p with (create_slot='off')",
            "alter subscription s set publication p with (refresh = false)",
            "alter subscription s disable",
            "alter subscription s set (two_phase = true)",
            "drop subscription s",
            "discard temp",
            "copy t from stdin",
            "copy t to '/dev/null'",
            "copy t to program 'stdout'",
            "copy \"to\" from stdout",
            "copy (select a as to, stdout from t) to 'x'",
            "call p()",
            "do $$ begin commit; end $$",
            "\"begin\"",
            "alter",
            "create",
        ] {
            check(statement, "ordinary");
        }
    }
}
