//! What castoff records in the database: where it is, and how it got there.
//!
//! `revision` has one row for each current head, as `alembic_version` has. `history` is
//! append-only. Reading takes any session; writing takes the lock.

use std::collections::BTreeMap;
use std::ops::Range;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use super::session::{Locked, Session, no_ledger};
use crate::revision::checksum::Lineage;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::{Downgrade, Script};
use crate::revision::walk::Edges;
use crate::sql::ident::Ident;

/// Longest section whose text is kept, in bytes. Data loads beyond that would double the size of
/// backups for a text that nobody reads in a table.
const LONGEST_TEXT: usize = 1 << 20;

/// The version of castoff, as recorded.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

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

/// Who is doing this, for the record.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The host's name.
    pub host: String,
    /// The image or release, if somebody named it.
    pub image: Option<String>,
}

/// The way a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The upgrade section ran.
    Upgrade,
    /// The downgrade section ran.
    Downgrade,
    /// Nothing ran; the revision was declared to be there.
    Stamp,
}

impl Movement {
    /// The word in the `direction` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
            Self::Stamp => "stamp",
        }
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An autocommit section is under way.
    Running,
    /// All statements are done.
    Done,
    /// An autocommit section stopped.
    Failed,
}

impl Outcome {
    /// The word in the `outcome` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The rows of `revision` that one step takes away and puts in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// Rows that go.
    pub leaves: Vec<String>,
    /// Rows that come, with their lineages.
    pub enters: Vec<(RevisionId, Lineage)>,
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
        let tables = in_schema(include_str!("sql/ledger.sql"), self.ledger_schema());
        Ok(self
            .client()
            .batch_execute(&format!("begin;\n{tables}\ncommit"))
            .await?)
    }

    /// Moves the rows of `revision`, first thing in a step's transaction: whoever lost the lock
    /// without noticing meets a row that is not there, or one that is there already.
    pub async fn fence(&self, rows: &Move) -> Result<(), FenceError> {
        let sql = in_schema(include_str!("sql/fence.sql"), self.ledger_schema());
        let (enters, lineages): (Vec<&str>, Vec<String>) = rows
            .enters
            .iter()
            .map(|(id, lineage)| (id.as_str(), lineage.to_string()))
            .unzip();
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&self.ledger_schema().as_str(), Type::TEXT),
            (&rows.leaves, Type::TEXT_ARRAY),
            (&enters, Type::TEXT_ARRAY),
            (&lineages, Type::TEXT_ARRAY),
        ];
        let row = match self.client().query_typed_one(&sql, &parameters).await {
            Ok(row) => row,
            Err(error) => {
                let failure = Failure::from(error);
                return Err(if failure.is(super::sqlstate::UNIQUE_VIOLATION) {
                    FenceError::LedgerMoved
                } else {
                    failure.into()
                });
            }
        };
        let (held, gone, come): (bool, i64, i64) = (row.get(0), row.get(1), row.get(2));
        if !held {
            Err(FenceError::LockLost)
        } else if count64(gone) != rows.leaves.len() || count64(come) != rows.enters.len() {
            Err(FenceError::LedgerMoved)
        } else {
            Ok(())
        }
    }

    /// Writes one step down and returns the record's id.
    pub async fn record(&self, record: &Record<'_>, operator: &Operator) -> Result<i64, Failure> {
        let sql = in_schema(include_str!("sql/record.sql"), self.ledger_schema());
        let parameters: [(&(dyn ToSql + Sync), Type); 15] = [
            (&record.revision, Type::TEXT),
            (&record.movement.as_str(), Type::TEXT),
            (&record.outcome.as_str(), Type::TEXT),
            (&record.parents, Type::TEXT_ARRAY),
            (&record.depends_on, Type::TEXT_ARRAY),
            (&record.message, Type::TEXT),
            (&record.raw, Type::TEXT),
            (&record.canonical, Type::TEXT),
            (&record.upgrade_text, Type::TEXT),
            (&record.downgrade_text, Type::TEXT),
            (&number(record.statements), Type::INT4),
            (&number(record.last_statement), Type::INT4),
            (&operator.host, Type::TEXT),
            (&operator.image, Type::TEXT),
            (&VERSION, Type::TEXT),
        ];
        let row = self.client().query_typed_one(&sql, &parameters).await?;
        Ok(row.get(0))
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
        let create = in_schema(include_str!("sql/ledger.sql"), self.ledger_schema());
        let begin = if has_ledger {
            "begin".to_owned()
        } else {
            format!("begin;\n{create}")
        };
        self.client()
            .batch_execute(&begin)
            .await
            .map_err(Failure::from)?;
        let known = applied(self).await?;
        let Move { leaves, enters } = rows;
        // A purge may take away the row that it puts back, which one statement could not do.
        self.fence(&Move {
            leaves,
            enters: Vec::new(),
        })
        .await?;
        self.fence(&Move {
            leaves: Vec::new(),
            enters: enters.clone(),
        })
        .await?;
        let mut stamped: Vec<&Script> = Vec::new();
        for (id, _) in &enters {
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
            self.record(record, operator).await?;
        }
        Ok(self
            .client()
            .batch_execute("commit")
            .await
            .map_err(Failure::from)?)
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

/// One row of `history`.
#[derive(Clone, Debug)]
pub struct Record<'s> {
    /// The revision, or `base`.
    pub revision: &'s str,
    /// What was done.
    pub movement: Movement,
    /// How it stands.
    pub outcome: Outcome,
    /// The parents, as the file had them.
    pub parents: Vec<&'s str>,
    /// The dependencies, as the file had them.
    pub depends_on: Vec<&'s str>,
    /// What the migration does.
    pub message: &'s str,
    /// The raw checksum, hexadecimal.
    pub raw: String,
    /// The canonical checksum, hexadecimal.
    pub canonical: String,
    /// The upgrade section, unless it is too long to keep.
    pub upgrade_text: Option<&'s str>,
    /// The downgrade section, unless it is too long to keep, or missing.
    pub downgrade_text: Option<&'s str>,
    /// Statements of the section that runs.
    pub statements: usize,
    /// Statements of it that are done.
    pub last_statement: usize,
}

impl<'s> Record<'s> {
    /// The record of a script whose section runs.
    pub fn of(
        script: &'s Script,
        movement: Movement,
        outcome: Outcome,
        last_statement: usize,
    ) -> Self {
        let text = |span: &Range<usize>| {
            script
                .text
                .get(span.clone())
                .filter(|text| text.len() <= LONGEST_TEXT)
        };
        let (downgrade_text, downgrade_statements) = match &script.downgrade {
            Downgrade::Script(section) => (text(&section.span), section.statements.len()),
            Downgrade::Irreversible { .. } | Downgrade::Missing => (None, 0),
        };
        Self {
            revision: script.id.as_str(),
            movement,
            outcome,
            parents: script
                .down_revisions
                .iter()
                .map(RevisionId::as_str)
                .collect(),
            depends_on: script.depends_on.iter().map(RevisionId::as_str).collect(),
            message: &script.message,
            raw: script.checksums.raw.to_string(),
            canonical: script.checksums.canonical.to_string(),
            upgrade_text: text(&script.upgrade.span),
            downgrade_text,
            statements: match movement {
                Movement::Upgrade => script.upgrade.statements.len(),
                Movement::Downgrade => downgrade_statements,
                Movement::Stamp => 0,
            },
            last_statement,
        }
    }

    /// The record of a revision that is declared to be there.
    pub fn stamp(script: &'s Script) -> Self {
        Self::of(script, Movement::Stamp, Outcome::Done, 0)
    }

    /// The record of a database that is declared to be before the first revision.
    pub fn base() -> Self {
        Self {
            revision: "base",
            movement: Movement::Stamp,
            outcome: Outcome::Done,
            parents: Vec::new(),
            depends_on: Vec::new(),
            message: "",
            raw: String::new(),
            canonical: String::new(),
            upgrade_text: None,
            downgrade_text: None,
            statements: 0,
            last_statement: 0,
        }
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

fn count64(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
