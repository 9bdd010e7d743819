//! Whoever holds a lock that castoff wants, as `pg_stat_activity` and `pg_locks` have it.

use std::fmt;
use std::time::Duration;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use super::failure::Failure;
use crate::sql::targets::Target;

/// The longest part of a statement that is shown, in characters.
const LONGEST_QUERY: usize = 200;

/// Somebody with a lock that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Its backend's process id; 0 for a prepared transaction, which has none.
    pub pid: i32,
    /// What it calls itself.
    pub application_name: String,
    /// Where it connects from.
    pub address: String,
    /// `active`, `idle in transaction` and so on.
    pub state: String,
    /// How long its transaction is open, if castoff's role may see that.
    pub open_for: Option<Duration>,
    /// The modes it holds on what is wanted; nothing for somebody who is in the queue before us.
    pub modes: Option<String>,
    /// Its statement, on wish.
    pub query: Option<String>,
}

impl Blocker {
    /// From the first seven columns of a row.
    fn of(row: &Row) -> Self {
        let seconds: Option<f64> = row.get(4);
        Self {
            pid: row.get(0),
            application_name: row.get(1),
            address: row.get(2),
            state: row.get(3),
            open_for: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            modes: row.get(5),
            query: row.get(6),
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            application_name,
            address,
            state,
            ..
        } = self;
        write!(
            formatter,
            "`{application_name}` ({address}, pid {pid}, {state}"
        )?;
        if let Some(open_for) = self.open_for {
            write!(formatter, ", begun {} s ago", open_for.as_secs())?;
        }
        match &self.modes {
            Some(modes) => write!(formatter, ", holds {modes}")?,
            None => formatter.write_str(", waits before us")?,
        }
        if let Some(query) = &self.query {
            let line: Vec<&str> = query.split_whitespace().collect();
            let line: String = line.join(" ").chars().take(LONGEST_QUERY).collect();
            write!(formatter, ": {line}")?;
        }
        formatter.write_str(")")
    }
}

/// Several of them, as one line shows them.
pub fn list(blockers: &[Blocker]) -> String {
    let shown: Vec<String> = blockers.iter().map(Blocker::to_string).collect();
    shown.join(", ")
}

/// What a backend waits for, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The table, or the kind of lock where it is not on a table.
    pub what: String,
    /// Tells this wait from the next one.
    pub identity: String,
    /// Those who are in the way.
    pub blockers: Vec<Blocker>,
}

impl Wait {
    /// From the rows of `blockers.sql`; nothing when there are none.
    pub(super) fn of(rows: &[Row]) -> Option<Self> {
        let first = rows.first()?;
        Some(Self {
            what: first.get(7),
            identity: first.get(8),
            blockers: rows.iter().map(Blocker::of).collect(),
        })
    }
}

/// What a lock's holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody's session, or a prepared transaction.
    Session,
    /// An autovacuum, which PostgreSQL cancels for whoever waits for longer than `deadlock_timeout`.
    Autovacuum,
    /// An autovacuum against the wraparound of transaction ids, which it does not cancel.
    Wraparound,
}

/// Somebody who holds a lock that conflicts with one that is going to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub blocker: Blocker,
    /// The table.
    pub what: String,
    /// Its transaction, which everybody may see.
    pub transaction: String,
    /// What it is.
    pub kind: Kind,
}

/// Whether anybody else has a lock on any table: mostly not, and then nobody is in the way.
pub async fn are_others_at_work(client: &Client) -> Result<bool, Failure> {
    let answers = client.simple_query(include_str!("sql/others.sql")).await?;
    Ok(answers
        .iter()
        .any(|answer| matches!(answer, SimpleQueryMessage::Row(row) if row.get(0) == Some("t"))))
}

/// Asks who holds a lock in the way of the targets. Waits for no lock itself.
pub async fn holders(
    client: &Client,
    targets: &[Target],
    with_queries: bool,
) -> Result<Vec<Holder>, Failure> {
    let names: Vec<&str> = targets.iter().map(|target| &*target.relation).collect();
    let conflicts = targets.iter().map(|target| {
        let modes: Vec<&str> = target
            .mode
            .conflicts()
            .iter()
            .map(|mode| mode.name())
            .collect();
        modes.join(" ")
    });
    let conflicts: Vec<String> = conflicts.collect();
    let sql = include_str!("sql/conflicts.sql");
    let rows = client
        .query_typed(
            sql,
            &[
                (&names, Type::TEXT_ARRAY),
                (&conflicts, Type::TEXT_ARRAY),
                (&with_queries, Type::BOOL),
            ],
        )
        .await?;
    let holder = |row: &Row| Holder {
        blocker: Blocker::of(row),
        what: row.get(7),
        transaction: row.get(8),
        kind: match row.get(9) {
            "wraparound" => Kind::Wraparound,
            "autovacuum" => Kind::Autovacuum,
            _ => Kind::Session,
        },
    };
    Ok(rows.iter().map(holder).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocker: &Blocker, expected: &str) {
        assert_eq!(blocker.to_string(), expected);
    }

    #[test]
    fn shows_who_is_in_the_way_and_the_statement_only_on_wish() {
        let report = Blocker {
            pid: 7,
            application_name: "report".into(),
            address: "10.0.0.1".into(),
            state: "idle in transaction".into(),
            open_for: Some(Duration::from_millis(5_900)),
            modes: Some("AccessShareLock".into()),
            query: None,
        };
        check(
            &report,
            "`report` (10.0.0.1, pid 7, idle in transaction, begun 5 s ago, holds AccessShareLock)",
        );
        let unseen = Blocker {
            open_for: None,
            modes: None,
            query: Some("select 1,\n  2".into()),
            ..report
        };
        check(
            &unseen,
            "`report` (10.0.0.1, pid 7, idle in transaction, waits before us: select 1, 2)",
        );
    }
}
