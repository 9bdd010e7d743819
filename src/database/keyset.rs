//! The key of a table, by which batches tell their rows from those of the others.
//!
//! Values come and go as text, the one form in which a key of any type can be kept in the ledger.

use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use super::session::Session;
use crate::sql::ident::{Ident, Literal};

/// The table of a batched section, as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its oid.
    pub oid: u32,
    /// Its name with its schema, quoted where it needs to be.
    pub name: String,
    /// Rows, by the server's estimate.
    pub estimate: i64,
    /// Whether the archiver's backlog may be asked for, and there is an archiver.
    pub sees_archive: bool,
}

/// Looks the table up by the name in the file.
pub async fn table<S>(session: &Session<S>, name: &str) -> Result<Option<Table>, Failure> {
    let sql = include_str!("sql/batch_table.sql");
    let row = session
        .client()
        .query_typed_opt(sql, &[(&name, Type::TEXT)])
        .await?;
    Ok(row.map(|row| Table {
        oid: row.get(0),
        name: row.get(1),
        estimate: row.get(2),
        sees_archive: row.get(3),
    }))
}

/// The key of a table, and what is asked by it. Everything goes as text: that is the one form in
/// which a value of any type can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyset {
    table: String,
    columns: Vec<(Ident, String)>,
}

/// Why a key cannot tell one batch from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// The table is not there.
    NoTable,
    /// A column is not there.
    NoColumn(String),
    /// A column may be null, and such a row is in no range.
    Nullable(String),
    /// No unique index has these columns in this order.
    NoIndex,
}

/// The first and the last key of a batch, and its number of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The key of the first row.
    pub first: Vec<String>,
    /// The key of the last row.
    pub last: Vec<String>,
    /// Rows between the two, both included.
    pub rows: i64,
}

impl Keyset {
    /// Looks the key up, and checks that ranges of it are what they should be.
    pub async fn find<S>(
        session: &Session<S>,
        table: &Table,
        names: &[String],
    ) -> Result<Result<Self, KeyProblem>, Failure> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&table.oid, Type::OID), (&names, Type::TEXT_ARRAY)];
        let client = session.client();
        let rows = client
            .query_typed(include_str!("sql/batch_key.sql"), &parameters)
            .await?;
        let mut columns = Vec::new();
        for name in &names {
            let Some(row) = rows.iter().find(|row| row.get::<_, &str>(0) == *name) else {
                return Ok(Err(KeyProblem::NoColumn((*name).to_owned())));
            };
            let (Ok(ident), true) = (Ident::new(name), row.get(2)) else {
                return Ok(Err(KeyProblem::Nullable((*name).to_owned())));
            };
            columns.push((ident, row.get(1)));
        }
        let index = client
            .query_typed_one(include_str!("sql/batch_index.sql"), &parameters)
            .await?;
        if !index.get::<_, bool>(0) {
            return Ok(Err(KeyProblem::NoIndex));
        }
        let table = table.name.clone();
        Ok(Ok(Self { table, columns }))
    }

    /// A key as SQL: `'5'::integer, 'x'::text`.
    pub fn constants(&self, key: &[String]) -> String {
        let constant =
            |((_, kind), value): (&(Ident, String), &String)| format!("{}::{kind}", Literal(value));
        let constants: Vec<String> = self.columns.iter().zip(key).map(constant).collect();
        constants.join(", ")
    }

    fn list(&self, each: impl Fn(&Ident) -> String) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| each(name)).collect();
        names.join(", ")
    }

    /// The largest key; nothing if there is no row.
    pub async fn end<S>(&self, session: &Session<S>) -> Result<Option<Vec<String>>, Failure> {
        let sql = format!(
            "select array[{}] from {} order by {} limit 1",
            self.list(|name| format!("{name}::text")),
            self.table,
            self.list(|name| format!("{name} desc"))
        );
        let row = session.client().query_typed_opt(&sql, &[]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The next rows behind `last`, at most `size` of them and none behind `end`; nothing if there
    /// are none. Values come out as they go in: see [`PLAIN_TEXT`].
    pub async fn page<S>(
        &self,
        session: &Session<S>,
        last: Option<&[String]>,
        end: &[String],
        size: u32,
    ) -> Result<Option<Page>, Failure> {
        let names = self.list(Ident::to_string);
        let behind = last.map_or_else(String::new, |last| {
            format!("({names}) > ({}) and ", self.constants(last))
        });
        let texts = self.list(|name| format!("{name}::text"));
        let sql = format!(
            "with page as materialized (\n    select {names}\n    from {table}\n    where {behind}\
             ({names}) <= ({end})\n    order by {names}\n    limit {size}\n)\nselect\n    \
             (select array[{texts}] from page order by {names} limit 1),\n    \
             (select array[{texts}] from page order by {backwards} limit 1),\n    \
             (select pg_catalog.count(*) from page)",
            table = self.table,
            end = self.constants(end),
            backwards = self.list(|name| format!("{name} desc")),
        );
        let row = session.client().query_typed_one(&sql, &[]).await?;
        let (first, last): (Option<Vec<String>>, Option<Vec<String>>) = (row.get(0), row.get(1));
        let rows = row.get(2);
        let ends = first.zip(last);
        Ok(ends.map(|(first, last)| Page { first, last, rows }))
    }
}

/// Makes the text of any value one that means the same wherever it is read again.
pub const PLAIN_TEXT: &str = "set datestyle = 'ISO'; set intervalstyle = 'postgres'; \
    set extra_float_digits = 1; set bytea_output = 'hex'; set timezone = 'UTC'";

/// Gives the section the settings of its database and role again.
pub const OWN_TEXT: &str = "reset datestyle; reset intervalstyle; reset extra_float_digits; \
    reset bytea_output; reset timezone";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_with_its_types() {
        let column = |name: &str, kind: &str| (Ident::new(name).unwrap(), kind.to_owned());
        let keyset = Keyset {
            table: "public.t".into(),
            columns: vec![column("a", "integer"), column("b", "text")],
        };
        let key = ["5".to_owned(), "it's".to_owned()];
        assert_eq!(keyset.constants(&key), "'5'::integer, 'it''s'::text");
    }
}
