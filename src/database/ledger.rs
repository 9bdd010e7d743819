//! What castoff records in the database: where it is, and how it got there.
//!
//! `revision` has one row for each current head, as `alembic_version` has. `history` is
//! append-only. Reading takes any session; writing takes the lock.

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use super::record::{Move, Movement, Operator, Outcome, Record, When};
use super::session::{Locked, Session, about_this_lock, no_ledger};
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::revision::walk::Edges;
use crate::sql::ident::{Ident, Literal};

/// One row of `revision`: a current head, as text, since anybody may have written it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeadRow {
    /// The revision.
    pub revision: String,
    /// The lineage it was recorded with, hexadecimal.
    pub lineage: String,
}

/// What is in a database whose ledger may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether the ledger is there.
    pub has_ledger: bool,
    /// Tables and views that are neither the system's, nor an extension's, nor the ledger's.
    pub relations: i64,
    /// The table of Alembic, when there is one.
    pub alembic: Option<String>,
}

/// Why the rows could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// The session does not hold the lock any more.
    #[error("this session no longer holds the migration lock")]
    LockLost,
    /// The rows are not those that the plan was made for.
    #[error("the ledger changed while this session held the migration lock")]
    LedgerMoved,
    /// The server refused, or is gone.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The latest record of one applied revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Parents and dependencies.
    pub parents: Vec<String>,
    /// The canonical checksum, hexadecimal.
    pub canonical: String,
    /// The raw checksum, hexadecimal.
    pub raw: String,
    /// The upgrade section, when it was kept.
    pub upgrade_text: Option<String>,
}

/// How far an autocommit section got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Statements that are done.
    pub last_statement: usize,
    /// Statements there were.
    pub statements: usize,
    /// The canonical checksum of the script they belong to, hexadecimal.
    pub canonical: String,
    /// The section as it was; nothing when it was too long to keep.
    pub text: Option<String>,
}

/// Puts the ledger's schema into one of the queries under `sql/`.
pub(crate) fn in_schema(query: &str, schema: &Ident) -> String {
    query.replace("{schema}", &schema.to_string())
}

/// Reads the current heads; `None` where there is no ledger.
///
/// One message, no parameters, nothing prepared: this is all that a start with nothing to do asks.
pub async fn heads<S>(session: &Session<S>) -> Result<Option<Vec<HeadRow>>, Failure> {
    let sql = in_schema(include_str!("sql/state.sql"), session.ledger_schema());
    let messages = match session
        .client()
        .simple_query(&sql)
        .await
        .map_err(Failure::from)
    {
        Ok(messages) => messages,
        Err(failure) if no_ledger(&failure) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let rows = messages.into_iter().filter_map(|message| {
        let SimpleQueryMessage::Row(row) = message else {
            return None;
        };
        Some(HeadRow {
            revision: text(row.get(0)),
            lineage: text(row.get(1)),
        })
    });
    let mut rows: Vec<HeadRow> = rows.collect();
    rows.sort();
    Ok(Some(rows))
}

/// Looks at a database whose ledger may be missing, without an error in the server's log.
pub async fn look<S>(session: &Session<S>) -> Result<Look, Failure> {
    let schema = session.ledger_schema().as_str();
    let row = session
        .client()
        .query_typed_one(include_str!("sql/look.sql"), &[(&schema, Type::NAME)])
        .await?;
    Ok(Look {
        has_ledger: row.get(0),
        relations: row.get(1),
        alembic: row.get(2),
    })
}

/// The latest record of every applied revision.
pub async fn applied<S>(session: &Session<S>) -> Result<BTreeMap<String, Applied>, Failure> {
    let sql = in_schema(include_str!("sql/applied.sql"), session.ledger_schema());
    let rows = session.client().query_typed(&sql, &[]).await?;
    let record = |row: tokio_postgres::Row| {
        let applied = Applied {
            parents: row.get(1),
            canonical: row.get(2),
            raw: row.get(3),
            upgrade_text: row.get(4),
        };
        (row.get(0), applied)
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Whether the ledger has a single record.
pub async fn has_history<S>(session: &Session<S>) -> Result<bool, Failure> {
    let sql = in_schema(include_str!("sql/has_history.sql"), session.ledger_schema());
    Ok(session.client().query_typed_one(&sql, &[]).await?.get(0))
}

/// How far an earlier start got with this section, if the newest record of it is not a success.
pub async fn unfinished<S>(
    session: &Session<S>,
    revision: &RevisionId,
    movement: Movement,
) -> Result<Option<Unfinished>, Failure> {
    let sql = in_schema(include_str!("sql/unfinished.sql"), session.ledger_schema());
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [
        (&revision.as_str(), Type::TEXT),
        (&movement.as_str(), Type::TEXT),
    ];
    let row = session.client().query_typed_opt(&sql, &parameters).await?;
    Ok(row.map(|row| Unfinished {
        last_statement: count(row.get(0)),
        canonical: row.get(1),
        statements: count(row.get(2)),
        text: row.get(3),
    }))
}

impl Session<Locked> {
    /// Creates the ledger, after a look that it is not there: `create … if not exists` needs the
    /// right to create even when there is nothing to do.
    pub async fn create_ledger(&self) -> Result<(), Failure> {
        let tables = self.creation().await?;
        Ok(self
            .client()
            .batch_execute(&format!("begin;\n{tables}\ncommit"))
            .await?)
    }

    /// The statements that create the ledger. Somebody with the right to create a schema may have
    /// made it for a role that has not.
    async fn creation(&self) -> Result<String, Failure> {
        let schema = self.ledger_schema();
        let sql = "select exists (select from pg_catalog.pg_namespace where nspname = $1)";
        let there = [(&schema.as_str() as &(dyn ToSql + Sync), Type::NAME)];
        let there: bool = self.client().query_typed_one(sql, &there).await?.get(0);
        let tables = in_schema(include_str!("sql/ledger.sql"), schema);
        Ok(if there {
            tables
        } else {
            format!("create schema {schema};\n{tables}")
        })
    }

    /// Begins a step's transaction with `begin` and moves the rows of `revision` in it, in one
    /// message: if one statement fails, those behind it do not run. Whoever lost the lock without
    /// noticing meets a row that is not there, or one that is there already.
    pub async fn begin_and_move(&self, begin: &str, rows: &Move) -> Result<(), FenceError> {
        let schema = self.ledger_schema();
        let name = Literal(schema.as_str()).to_string();
        let held = about_this_lock(include_str!("sql/held.sql")).replace("$1", &name);
        let message = format!("{begin};\n{held};\n{}", rows.statements(schema));
        let sent = self.client().simple_query(&message).await;
        let answers = sent.map_err(Failure::from).map_err(|failure| {
            if failure.is(super::sqlstate::UNIQUE_VIOLATION) {
                FenceError::LedgerMoved
            } else {
                FenceError::Failure(failure)
            }
        })?;
        let mut is_held = false;
        let mut counts = Vec::new();
        for answer in &answers {
            if let SimpleQueryMessage::Row(row) = answer {
                is_held = row.get(0) == Some("t");
            } else if let SimpleQueryMessage::CommandComplete(count) = answer {
                counts.push(*count);
            }
        }
        if !is_held {
            Err(FenceError::LockLost)
        } else if counts.ends_with(&rows.counts()) {
            Ok(())
        } else {
            Err(FenceError::LedgerMoved)
        }
    }

    /// Writes one step down and returns the record's id.
    pub async fn record(
        &self,
        before: &str,
        record: &Record<'_>,
        operator: &Operator,
    ) -> Result<i64, Failure> {
        let statement = record.statement(self.ledger_schema(), operator, When::Always);
        let message = format!("{before}\n{statement} returning id");
        let answers = self.client().simple_query(&message).await?;
        let id = answers.iter().find_map(|answer| {
            let SimpleQueryMessage::Row(row) = answer else {
                return None;
            };
            row.get(0)?.parse().ok()
        });
        id.ok_or_else(|| Failure::Protocol("the record has no id".to_owned()))
    }

    /// Declares revisions to be there, in one transaction with the ledger's creation where it is
    /// missing: killed half way, it never happened. What the revisions stand on is recorded with
    /// them, so that the ledger alone can tell the ancestry.
    pub async fn stamp(
        &self,
        history: &History,
        rows: Move,
        operator: &Operator,
        has_ledger: bool,
    ) -> Result<(), FenceError> {
        let create = if has_ledger {
            String::new()
        } else {
            self.creation().await?
        };
        let begin = format!("begin;\n{create}");
        self.begin_and_move(&begin, &rows).await?;
        let known = applied(self).await?;
        let enters = &rows.enters;
        let mut stamped: Vec<&Script> = Vec::new();
        for (id, _) in enters {
            stamped.extend(history.get(id));
            let ancestors = history.ancestors(id, Edges::All).into_iter();
            stamped.extend(ancestors.filter(|script| !known.contains_key(script.id.as_str())));
        }
        stamped.sort_by_key(|script| &script.id);
        stamped.dedup_by_key(|script| &script.id);
        let mut records: Vec<Record<'_>> = stamped.into_iter().map(Record::stamp).collect();
        if records.is_empty() {
            records.push(Record::base());
        }
        for record in &records {
            self.record("", record, operator).await?;
        }
        Ok(self
            .client()
            .batch_execute("commit")
            .await
            .map_err(Failure::from)?)
    }

    /// Writes down how far an autocommit section is, in a transaction of its own: the section may
    /// have taken another role, or made reading the default, and goes on with that afterwards.
    pub async fn progress_alone(
        &self,
        record: i64,
        last_statement: usize,
        outcome: Outcome,
    ) -> Result<(), Failure> {
        let (begun, written, committed) = tokio::join!(
            biased;
            self.client().batch_execute("begin isolation level read committed read write"),
            self.progress_as_owner(record, last_statement, outcome),
            self.client().batch_execute("commit")
        );
        begun?;
        written?;
        Ok(committed?)
    }

    /// Writes down how far an autocommit section is, in the transaction that is open, as the role
    /// that owns the ledger.
    pub async fn progress_as_owner(
        &self,
        record: i64,
        last_statement: usize,
        outcome: Outcome,
    ) -> Result<(), Failure> {
        let leave = "set local session authorization default; set local role to default";
        let (left, written) = tokio::join!(
            biased;
            self.client().batch_execute(leave),
            self.progress(record, last_statement, outcome)
        );
        left?;
        written
    }

    /// Writes down how far an autocommit section is.
    pub async fn progress(
        &self,
        record: i64,
        last_statement: usize,
        outcome: Outcome,
    ) -> Result<(), Failure> {
        let sql = in_schema(include_str!("sql/progress.sql"), self.ledger_schema());
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&record, Type::INT8),
            (&number(last_statement), Type::INT4),
            (&outcome.as_str(), Type::TEXT),
        ];
        self.client().execute_typed(&sql, &parameters).await?;
        Ok(())
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}
