//! What a failed `create index concurrently` leaves behind: an invalid index under the name.
//!
//! Building it again would fail because of the name, or with `if not exists` count as done while
//! no query can use the index. So a start that goes on at such a statement drops the leftover
//! first. See "Building Indexes Concurrently" in PostgreSQL's manual.

use tokio_postgres::Client;
use tokio_postgres::types::Type;
use tracing::info;

use crate::database::failure::Failure;
use crate::sql::lexer::{Kind, Lexer};

/// Drops the invalid index that an earlier run of this statement left, if it is one that builds an
/// index. The caller holds the lock, so that nobody is building it right now.
pub(super) async fn drop_leftover(client: &Client, statement: &str) -> Result<(), Failure> {
    let Some(build) = Build::of(statement) else {
        return Ok(());
    };
    let sql = include_str!("../database/sql/leftover.sql");
    let row = client
        .query_typed_opt(
            sql,
            &[(&build.table, Type::TEXT), (&build.index, Type::TEXT)],
        )
        .await?;
    let Some(row) = row else { return Ok(()) };
    let name: String = row.get(0);
    // The server has quoted the name.
    client
        .batch_execute(&format!("drop index concurrently {name}"))
        .await?;
    info!(
        event = "leftover",
        "dropped the invalid index {name} that an earlier start left"
    );
    Ok(())
}

/// The names in `create index concurrently`, as the statement writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Build<'s> {
    index: &'s str,
    table: &'s str,
}

impl<'s> Build<'s> {
    /// Nothing for another statement, and for an index whose name is the server's choice.
    fn of(statement: &'s str) -> Option<Self> {
        let mut lexer = Lexer::new(statement.as_bytes(), 0);
        let mut next = || loop {
            let token = lexer.next_token().ok()??;
            if token.kind != Kind::LineComment {
                let text = statement.get(token.start..token.end)?;
                return Some((token, text));
            }
        };
        let is = |text: &str, word: &str| text.eq_ignore_ascii_case(word);
        let (_, text) = next()?;
        is(text, "create").then_some(())?;
        let (_, mut text) = next()?;
        if is(text, "unique") {
            (_, text) = next()?;
        }
        is(text, "index").then_some(())?;
        let (_, text) = next()?;
        is(text, "concurrently").then_some(())?;
        let (_, mut index) = next()?;
        if is(index, "if") {
            next()?;
            next()?;
            (_, index) = next()?;
        }
        if is(index, "on") {
            return None;
        }
        let (_, text) = next()?;
        is(text, "on").then_some(())?;
        let (mut first, text) = next()?;
        if is(text, "only") {
            (first, _) = next()?;
        }
        let mut end = first.end;
        loop {
            let (token, text) = next()?;
            if token.kind == Kind::Open || is(text, "using") {
                break;
            }
            end = token.end;
        }
        let table = statement.get(first.start..end)?;
        Some(Self { index, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(statement: &str, expected: Option<(&str, &str)>) {
        let build = Build::of(statement).map(|build| (build.index, build.table));
        assert_eq!(build, expected, "{statement}");
    }

    #[test]
    fn reads_the_names_of_the_index_and_its_table() {
        let plain = Some(("i", "t"));
        check("create index concurrently i on t (a)", plain);
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY t USING gin (a)",
            plain,
        );
        check("create index concurrently if not exists i on t(a)", plain);
        check(
            "create index /* big */ concurrently -- why\n \"I x\" on \"S\" . t (a)",
            Some(("\"I x\"", "\"S\" . t")),
        );
        check("create index concurrently on t (a)", None);
        check("create index i on t (a)", None);
        check("create table t (a integer)", None);
        check("create index concurrently i", None);
        check("", None);
    }
}
