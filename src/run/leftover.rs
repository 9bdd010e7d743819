//! Indexes that a statement made, in whole or in part.
//!
//! A failed `create index concurrently` leaves an invalid index under the name. Building it again
//! would fail because of the name, or with `if not exists` count as done while no query can use the
//! index. So a start that goes on at such a statement drops the leftover first. See "Building
//! Indexes Concurrently" in PostgreSQL's manual.

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use tracing::info;

use super::probe::{Doubt, ProbeError, Verdict};
use crate::database::failure::Failure;
use crate::database::progress::Next;
use crate::sql::effect::{Build, Presence, Scope, Uniqueness};
use crate::sql::ident::Ident;

/// An index that is there.
#[derive(Clone, Debug)]
struct Index {
    /// With its schema, quoted by the server.
    name: String,
    is_valid: bool,
    /// Whether it is on the table of the statement.
    is_on_table: bool,
    definition: Definition,
    /// Who is building it right now.
    builder: Option<i32>,
}

/// What an index is, names aside.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    is_unique: bool,
    /// Method, columns, parameters and predicate, in the server's words.
    text: String,
}

/// Decides what became of `create index concurrently`, and drops what an earlier run of it left.
/// The caller holds the lock, so that no castoff is building it right now.
pub(super) async fn built(
    client: &Client,
    build: &Build<'_>,
    next: Next,
) -> Result<Verdict, ProbeError> {
    let found = indexes(client, build).await?;
    let Some(name) = build.index else {
        return unnamed(client, build, next, &found).await;
    };
    let Some(index) = found.first() else {
        return Ok(Verdict::Again);
    };
    if !index.is_valid && index.is_on_table {
        drop_leftover(client, index).await?;
        return Ok(Verdict::Again);
    }
    // After a failure that the server told, or under `if not exists`, the server may decide.
    if next == Next::NotBegun || build.presence == Presence::Accepted {
        return Ok(Verdict::Again);
    }
    if index.is_on_table && definition(client, build).await?.as_ref() == Some(&index.definition) {
        return Ok(Verdict::Done(format!("index {} is there", index.name)));
    }
    let (name, index) = (name.to_owned(), index.name.clone());
    Err(Doubt::Different { name, index }.into())
}

/// Decides about an index whose name is the server's choice: by its definition. A second index of
/// the same definition would serve nobody, so it does not matter which start made the first.
async fn unnamed(
    client: &Client,
    build: &Build<'_>,
    next: Next,
    found: &[Index],
) -> Result<Verdict, ProbeError> {
    if found.is_empty() {
        return Ok(Verdict::Again);
    }
    let wanted = definition(client, build).await?;
    let same = |index: &&Index| Some(&index.definition) == wanted.as_ref();
    for index in found.iter().filter(same).filter(|index| !index.is_valid) {
        drop_leftover(client, index).await?;
    }
    let there = found.iter().filter(same).find(|index| index.is_valid);
    Ok(match there {
        Some(index) if next == Next::Begun => {
            Verdict::Done(format!("index {} is there", index.name))
        }
        _ => Verdict::Again,
    })
}

/// The index of the statement, if it is there and no query can use it: `if not exists` takes even
/// such a one for done.
pub(super) async fn unusable(
    client: &Client,
    build: &Build<'_>,
) -> Result<Option<String>, ProbeError> {
    let found = match build.index {
        Some(_) => indexes(client, build).await?,
        None => Vec::new(),
    };
    let invalid = found.into_iter().find(|index| !index.is_valid);
    Ok(invalid.map(|index| index.name))
}

/// Drops the invalid indexes that an interrupted `reindex … concurrently` left.
pub(super) async fn drop_rebuilt(client: &Client, scope: Scope<'_>) -> Result<(), ProbeError> {
    let (kind, name) = match scope {
        Scope::Index(name) => ("index", Some(name)),
        Scope::Table(name) => ("table", Some(name)),
        Scope::Schema(name) => ("schema", Some(name)),
        Scope::Database => ("database", None),
    };
    let sql = include_str!("../database/sql/rebuilt.sql");
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&kind, Type::TEXT), (&name, Type::TEXT)];
    let rows = client.query_typed(sql, &parameters).await?;
    for row in rows {
        drop_index(client, row.get(0)).await?;
    }
    Ok(())
}

async fn indexes(client: &Client, build: &Build<'_>) -> Result<Vec<Index>, ProbeError> {
    let sql = include_str!("../database/sql/built.sql");
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&build.table, Type::TEXT), (&build.index, Type::TEXT)];
    let rows = client.query_typed(sql, &parameters).await?;
    let index = |row: tokio_postgres::Row| Index {
        name: row.get(0),
        is_valid: row.get(1),
        is_on_table: row.get(2),
        definition: Definition {
            is_unique: row.get(3),
            text: row.get(4),
        },
        builder: row.get(5),
    };
    Ok(rows.into_iter().map(index).collect())
}

/// What the statement would build. PostgreSQL is the parser of record: it builds the index on an
/// empty temporary table with the same columns, and the transaction is rolled back.
async fn definition(client: &Client, build: &Build<'_>) -> Result<Option<Definition>, ProbeError> {
    client.batch_execute("begin read write").await?;
    let definition = on_a_copy(client, build).await;
    client.batch_execute("rollback").await?;
    definition
}

async fn on_a_copy(client: &Client, build: &Build<'_>) -> Result<Option<Definition>, ProbeError> {
    let sql = "select relname from pg_catalog.pg_class where oid = pg_catalog.to_regclass($1)";
    let table = [(&build.table as &(dyn ToSql + Sync), Type::TEXT)];
    let Some(row) = client.query_typed_opt(sql, &table).await? else {
        return Ok(None);
    };
    // The name stays: an expression may call a column by its table.
    let Ok(name) = Ident::new(row.get(0)) else {
        return Ok(None);
    };
    let unique = match build.uniqueness {
        Uniqueness::Unique => "unique ",
        Uniqueness::Plain => "",
    };
    let copy = format!("pg_temp.{name}");
    let (table, rest) = (build.table, build.definition);
    client
        .batch_execute(&format!(
            "create temporary table {name} (like {table}); create {unique}index on {copy} {rest}"
        ))
        .await?;
    let sql = include_str!("../database/sql/definition.sql");
    let row = client
        .query_typed_opt(sql, &[(&copy as &(dyn ToSql + Sync), Type::TEXT)])
        .await?;
    Ok(row.map(|row| Definition {
        is_unique: row.get(0),
        text: row.get(1),
    }))
}

async fn drop_leftover(client: &Client, index: &Index) -> Result<(), ProbeError> {
    if let Some(pid) = index.builder {
        let index = index.name.clone();
        return Err(Doubt::Building { index, pid }.into());
    }
    drop_index(client, &index.name).await.map_err(Into::into)
}

/// Drops an index by the name that the server has quoted.
async fn drop_index(client: &Client, name: &str) -> Result<(), Failure> {
    let sql = format!("drop index concurrently {name}");
    client.batch_execute(&sql).await?;
    info!(
        event = "leftover",
        "dropped the invalid index {name} that an earlier start left"
    );
    Ok(())
}
