//! What castoff records in the database: where it is, and how it got there.
//!
//! `revision` has one row for each current head, as `alembic_version` has. `history` is
//! append-only. Reading takes any session; writing takes the lock.

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use super::record::{Move, Operator, Record, When};
use super::session::{Locked, Session, about_this_lock, no_ledger};
use crate::revision::checksum::{Checksum, Checksums, Lineage};
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::mend::Recorded;
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

/// What the ledger keeps of one revision, to read it without its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The revision.
    pub id: RevisionId,
    /// The parents.
    pub parents: Vec<RevisionId>,
    /// What else must be applied before.
    pub depends_on: Vec<RevisionId>,
    /// What the migration does.
    pub message: String,
    /// Its sums.
    pub checksums: Checksums,
    /// The file without the SQL of its sections, when it was kept.
    pub frame: Option<String>,
    /// The upgrade section, when it was kept.
    pub upgrade: Option<String>,
    /// The downgrade section, when it was kept.
    pub downgrade: Option<String>,
    /// The version of castoff that wrote the record.
    pub castoff: String,
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

/// What proves the file of every applied revision: a small answer, however long the texts are.
/// Names that are no revisions are passed over, as `base` is.
pub async fn sums<S>(session: &Session<S>) -> Result<BTreeMap<RevisionId, Recorded>, Failure> {
    let sql = in_schema(include_str!("sql/sums.sql"), session.ledger_schema());
    let rows = session.client().query_typed(&sql, &[]).await?;
    let record = |row: tokio_postgres::Row| {
        let id = RevisionId::new(row.get(0)).ok()?;
        let recorded = Recorded {
            needs: revisions(&row.get::<_, Vec<String>>(1)),
            canonical: Checksum::parse(row.get(2)).ok(),
            raw: row.get(3),
            breaking: row.get(4),
        };
        Some((id, recorded))
    };
    Ok(rows.into_iter().filter_map(record).collect())
}

/// What the ledger keeps of these revisions, as far as it has them.
pub async fn texts<S>(session: &Session<S>, ids: &[RevisionId]) -> Result<Vec<Text>, Failure> {
    let sql = in_schema(include_str!("sql/kept.sql"), session.ledger_schema());
    let ids: Vec<&str> = ids.iter().map(RevisionId::as_str).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&ids, Type::TEXT_ARRAY)];
    let rows = session.client().query_typed(&sql, &parameters).await?;
    // A sum that is none proves nothing, and is nobody's.
    let sum = |text: &str| Checksum::parse(text).unwrap_or(Checksum([0; 32]));
    let text = |row: tokio_postgres::Row| {
        Some(Text {
            id: RevisionId::new(row.get(0)).ok()?,
            parents: revisions(&row.get::<_, Vec<String>>(1)),
            depends_on: revisions(&row.get::<_, Vec<String>>(2)),
            message: row.get(3),
            checksums: Checksums {
                canonical: sum(row.get(4)),
                raw: sum(row.get(5)),
            },
            frame: row.get(6),
            upgrade: row.get(7),
            downgrade: row.get(8),
            castoff: row.get(9),
        })
    };
    Ok(rows.into_iter().filter_map(text).collect())
}

/// Names as the revisions they are.
fn revisions(names: &[String]) -> Vec<RevisionId> {
    let id = |name: &String| RevisionId::new(name).ok();
    names.iter().filter_map(id).collect()
}

/// Whether the ledger has a single record.
pub async fn has_history<S>(session: &Session<S>) -> Result<bool, Failure> {
    let sql = in_schema(include_str!("sql/has_history.sql"), session.ledger_schema());
    Ok(session.client().query_typed_one(&sql, &[]).await?.get(0))
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
        let known = sums(self).await?;
        let enters = &rows.enters;
        let mut stamped: Vec<&Script> = Vec::new();
        for (id, _) in enters {
            stamped.extend(history.get(id));
            let ancestors = history.ancestors(id, Edges::All).into_iter();
            stamped.extend(ancestors.filter(|script| !known.contains_key(&script.id)));
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

    /// Records files again as they are now, in the one transaction that `begin` opens: killed half
    /// way, it never happened.
    pub async fn repair(
        &self,
        begin: &str,
        rows: &Move,
        stays: &[(RevisionId, Lineage)],
        records: &[Record<'_>],
        operator: &Operator,
    ) -> Result<(), FenceError> {
        self.begin_and_move(begin, rows).await?;
        let schema = self.ledger_schema();
        for (id, lineage) in stays {
            let (id, lineage) = (Literal(id.as_str()), lineage.to_string());
            let lineage = Literal(&lineage);
            // In upper case it says that the revision is partly gone, which a repair does not mend.
            let sql = format!(
                "update {schema}.revision set lineage = \
                 case when lineage = pg_catalog.lower(lineage) then {lineage} \
                 else pg_catalog.upper({lineage}) end where revision = {id}"
            );
            let answers = self.client().simple_query(&sql).await;
            let answers = answers.map_err(Failure::from)?;
            let is_one = |answer| matches!(answer, &SimpleQueryMessage::CommandComplete(1));
            if !answers.iter().any(is_one) {
                return Err(FenceError::LedgerMoved);
            }
        }
        for record in records {
            self.record("", record, operator).await?;
        }
        let committed = self.client().batch_execute("commit").await;
        Ok(committed.map_err(Failure::from)?)
    }
}
