//! How far autocommit sections are, as the ledger has it.
//!
//! A statement that can commits together with the note that it is done. Of one that cannot, the
//! note that it begins goes first: whoever finds that note and nothing behind it has to look.

use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use super::ledger::in_schema;
use super::record::{Movement, Operator, Outcome, Record, VERSION, literal};
use super::session::{Locked, Session};
use crate::revision::id::RevisionId;

/// What is known of the statement behind the last one that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing of it is in the database, but for what its failure may have left.
    NotBegun,
    /// It began, and nobody knows how it ended.
    Begun,
}

impl Next {
    fn of(begun: bool) -> Self {
        if begun { Self::Begun } else { Self::NotBegun }
    }
}

/// How far an autocommit section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Statements that are done.
    pub done: usize,
    /// The one behind them.
    pub next: Next,
    /// How the section stands.
    pub outcome: Outcome,
}

impl Progress {
    /// So many statements are done, and the section goes on.
    pub fn done(done: usize) -> Self {
        Self {
            done,
            next: Next::NotBegun,
            outcome: Outcome::Running,
        }
    }

    /// The statement behind these begins now.
    pub fn begins_after(done: usize) -> Self {
        Self {
            next: Next::Begun,
            ..Self::done(done)
        }
    }
}

/// An autocommit section that an earlier start began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Statements that are done.
    pub done: usize,
    /// The one behind them.
    pub next: Next,
    /// The canonical checksum of the script they belong to, hexadecimal.
    pub canonical: String,
    /// The section as it was; nothing when it was too long to keep.
    pub text: Option<String>,
}

/// A section, statement by statement or in batches, of which a part is in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HalfDone {
    /// The revision, as the ledger has it.
    pub revision: String,
    /// Which way it goes.
    pub movement: Movement,
    /// Statements that are done.
    pub done: usize,
    /// Statements there were.
    pub statements: usize,
    /// The one behind those that are done.
    pub next: Next,
    /// Batches of its one statement that are done; 0 for a section that does not run in batches.
    pub batches: i64,
}

impl HalfDone {
    /// The statement where it stands, counted from 1: the one that the next start goes on with.
    pub fn statement(&self) -> usize {
        (self.done + 1).min(self.statements)
    }

    /// How far it is, in words.
    pub fn told(&self) -> String {
        let what = match self.movement {
            Movement::Downgrade => "downgrade of revision",
            Movement::Upgrade | Movement::Stamp | Movement::Repair => "revision",
        };
        let Self {
            revision,
            done,
            statements,
            batches,
            ..
        } = self;
        let begun = match self.next {
            Next::Begun if done < statements => format!(", and statement {} has begun", done + 1),
            Next::Begun | Next::NotBegun => String::new(),
        };
        match batches {
            0 => format!(
                "{what} {revision} is half done: {done} of {statements} statements are done{begun}"
            ),
            1 => format!("{what} {revision} is half done: 1 batch is done"),
            _ => format!("{what} {revision} is half done: {batches} batches are done"),
        }
    }
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
        done: count(row.get(0)),
        canonical: row.get(1),
        next: Next::of(row.get(2)),
        text: row.get(3),
    }))
}

/// All sections of which a part is in the database, the oldest first. One that a castoff is at work
/// on is among them, unless the caller holds the lock.
pub async fn half_done<S>(session: &Session<S>) -> Result<Vec<HalfDone>, Failure> {
    let sql = in_schema(include_str!("sql/half_done.sql"), session.ledger_schema());
    let rows = session.client().query_typed(&sql, &[]).await?;
    let section = |row: tokio_postgres::Row| HalfDone {
        revision: row.get(0),
        movement: match row.get(1) {
            "downgrade" => Movement::Downgrade,
            _ => Movement::Upgrade,
        },
        done: count(row.get(2)),
        statements: count(row.get(3)),
        next: Next::of(row.get(4)),
        batches: row.get(5),
    };
    Ok(rows.into_iter().map(section).collect())
}

/// Leaves whatever role the section took, to the end of the transaction: the ledger is its owner's.
const AS_OWNER: &str = "set local session authorization default; set local role to default";

const BEGIN: &str = "begin isolation level read committed read write";

/// No lock is held beside a note that is alone, so it stalls nobody: it must not be refused by the
/// `lock_timeout` of the statement before it, of which nobody would then know that it is done.
const PATIENTLY: &str = "set local lock_timeout = '60s'";

impl Session<Locked> {
    /// Writes down, in a transaction of its own, that a section is under way, and returns the
    /// record's id. A way back marks the revision's row, so that no start takes the revision for
    /// one that is there as a whole. `also` goes into the same transaction.
    pub async fn record_begin(
        &self,
        also: &str,
        record: &Record<'_>,
        operator: &Operator,
    ) -> Result<i64, Failure> {
        let schema = self.ledger_schema();
        let mark = match record.movement {
            Movement::Downgrade => format!(
                "update {schema}.revision set lineage = pg_catalog.upper(lineage) \
                 where revision = {};",
                literal(record.revision)
            ),
            Movement::Upgrade | Movement::Stamp | Movement::Repair => String::new(),
        };
        let before = format!("{BEGIN}; {AS_OWNER}; {mark}{also}");
        let (recorded, committed) = tokio::join!(
            biased;
            self.record(&before, record, operator),
            self.client().batch_execute("commit")
        );
        let id = recorded?;
        committed?;
        Ok(id)
    }

    /// Takes back the mark of [`Session::record_begin`] from every row: no way back is half done.
    pub async fn unmark(&self) -> Result<(), Failure> {
        let schema = self.ledger_schema();
        let sql = format!(
            "update {schema}.revision set lineage = pg_catalog.lower(lineage) \
             where lineage <> pg_catalog.lower(lineage)"
        );
        Ok(self.client().batch_execute(&sql).await?)
    }

    /// Writes down how far an autocommit section is, in a transaction of its own: the section may
    /// have taken another role, or made reading the default, and goes on with that afterwards.
    pub async fn progress_alone(&self, record: i64, progress: Progress) -> Result<(), Failure> {
        let opening = format!("{BEGIN}; {PATIENTLY}");
        let (begun, written, committed) = tokio::join!(
            biased;
            self.client().batch_execute(&opening),
            self.progress_as_owner(record, progress),
            self.client().batch_execute("commit")
        );
        begun?;
        written?;
        Ok(committed?)
    }

    /// Writes down how far an autocommit section is, in the transaction that is open, as the role
    /// that owns the ledger.
    pub async fn progress_as_owner(&self, record: i64, progress: Progress) -> Result<(), Failure> {
        let (left, written) = tokio::join!(
            biased;
            self.client().batch_execute(AS_OWNER),
            self.progress(record, progress)
        );
        left?;
        written
    }

    /// Writes down how far an autocommit section is.
    pub async fn progress(&self, record: i64, progress: Progress) -> Result<(), Failure> {
        let sql = in_schema(include_str!("sql/progress.sql"), self.ledger_schema());
        let Progress {
            done,
            next,
            outcome,
        } = progress;
        let begun = (next == Next::Begun).then(|| number(done + 1));
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&record, Type::INT8),
            (&number(done), Type::INT4),
            (&outcome.as_str(), Type::TEXT),
            (&begun, Type::INT4),
        ];
        self.client().execute_typed(&sql, &parameters).await?;
        Ok(())
    }

    /// Writes down what a person found out about a section that is half done: so many of its
    /// statements are in the database, and nothing else of it. Batches then begin again at the
    /// first row.
    pub async fn resolve(
        &self,
        half: &HalfDone,
        done: usize,
        operator: &Operator,
    ) -> Result<(), Failure> {
        let schema = self.ledger_schema();
        let (revision, direction) = (literal(&half.revision), literal(half.movement.as_str()));
        self.client().batch_execute(BEGIN).await?;
        if half.batches > 0 {
            let delete = format!(
                "delete from {schema}.batch where revision = {revision} and direction = {direction}"
            );
            self.client().batch_execute(&delete).await?;
        }
        let sql = in_schema(include_str!("sql/resolve.sql"), schema);
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&half.revision, Type::TEXT),
            (&number(done), Type::INT4),
            (&operator.host, Type::TEXT),
            (&operator.image, Type::TEXT),
            (&VERSION, Type::TEXT),
        ];
        self.client().execute_typed(&sql, &parameters).await?;
        Ok(self.client().batch_execute("commit").await?)
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}
