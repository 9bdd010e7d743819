//! How far the server is with a long statement, as its progress views tell.

use tokio_postgres::Row;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Rows of a table. How many there are is mostly an estimate.
    Rows,
    /// Pages of a table or an index.
    Blocks,
    /// Bytes of a file, or of data in a script.
    Bytes,
    /// Statements of a section.
    Statements,
    /// Other sessions' transactions that have to end first.
    Transactions,
}

impl Unit {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Blocks => "blocks",
            Self::Bytes => "bytes",
            Self::Statements => "statements",
            Self::Transactions => "transactions",
        }
    }

    /// As the query has it.
    fn of(text: &str) -> Self {
        match text {
            "rows" => Self::Rows,
            "bytes" => Self::Bytes,
            "transactions" => Self::Transactions,
            _ => Self::Blocks,
        }
    }
}

/// How far a backend is with its statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    /// The command, its phase and its table: `create index: building index on time_entry`.
    pub what: String,
    /// Units of the phase that are done; nothing where the server does not count.
    pub done: Option<u64>,
    /// Units of the phase, where the server knows.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Unit,
}

impl Working {
    /// From a row of `working.sql`.
    pub(super) fn of(row: &Row) -> Self {
        let count = |index| {
            let count: Option<i64> = row.get(index);
            count.and_then(|count| u64::try_from(count).ok())
        };
        Self {
            what: row.get(0),
            done: count(1),
            total: count(2),
            unit: Unit::of(row.get(3)),
        }
    }
}

/// The query on a server of this version (`server_version_num`).
pub(super) fn query(version: i32) -> String {
    let copies = if version >= 140_000 {
        include_str!("sql/working_copies.sql")
    } else {
        ""
    };
    include_str!("sql/working.sql").replace("{copies}", copies)
}
