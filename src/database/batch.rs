//! How far the sections that run in batches are: the table `batch` of the ledger, and the lock of
//! those who work on deferred ones.
//!
//! The row of a section is taken `for update` by each batch, so that somebody else's `pause` or
//! `abort` is seen at once, and progress is written in the transaction of the batch itself.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use super::ledger::in_schema;
use super::record::{Movement, literal};
use super::session::{Locked, Session, about_this_lock, no_ledger};
use crate::revision::id::RevisionId;
use crate::revision::script::Script;
use crate::revision::script::batch::Batch;
use crate::sql::ident::Ident;

/// How a batched section stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Deferred, and not begun.
    Pending,
    /// Begun. Somebody is at work, or was stopped.
    Running,
    /// Somebody wants it to wait.
    Paused,
    /// All batches are done.
    Done,
    /// A batch failed.
    Failed,
    /// Somebody wants it to end.
    Aborted,
}

impl Status {
    /// All of them, in the order a section meets them.
    const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Paused,
        Self::Done,
        Self::Failed,
        Self::Aborted,
    ];

    /// The word in the `status` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }

    fn read(text: &str) -> Result<Self, Failure> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| Failure::Protocol(format!("a batched section is `{text}`")))
    }
}

/// One row of `batch`.
#[derive(Clone, Debug)]
pub struct State {
    /// The revision.
    pub revision: String,
    /// `upgrade` or `downgrade`.
    pub direction: String,
    /// How it stands.
    pub status: Status,
    /// Whether `castoff backfill` does it.
    pub deferred: bool,
    /// The canonical checksum of the script, hexadecimal.
    pub canonical: String,
    /// The table, quoted where it needs to be.
    pub relation: Option<String>,
    /// The key of the last row that is done.
    pub last_key: Option<Vec<String>>,
    /// The largest key there was at the start.
    pub end_key: Option<Vec<String>>,
    /// Rows that a batch has at the moment.
    pub size: u32,
    /// Rows there were at the start, by the server's estimate.
    pub estimate: Option<i64>,
    /// Rows in the ranges that are done; in a repeated statement, rows changed.
    pub rows: i64,
    /// Rows that the statement changed, as the server counted them.
    pub changed: i64,
    /// Batches that are done.
    pub batches: i64,
    /// How often the batch under way has failed.
    pub attempts: i32,
    /// Why no batch runs at the moment.
    pub throttled_by: Option<String>,
    /// What the server said when a batch failed last.
    pub last_error: Option<String>,
    /// Where the castoff that worked on it last runs.
    pub host: Option<String>,
    /// When the first batch began, RFC 3339.
    pub started_at: Option<String>,
    /// When something was written down last, RFC 3339.
    pub updated_at: Option<String>,
    /// When the last batch ended, RFC 3339.
    pub finished_at: Option<String>,
    /// Whether its revision was not taken back since.
    pub is_applied: bool,
}

/// Which row of `batch`.
#[derive(Clone, Copy, Debug)]
pub struct Which<'a> {
    /// The revision.
    pub revision: &'a str,
    /// `upgrade` or `downgrade`.
    pub direction: &'a str,
}

impl<'a> Which<'a> {
    /// The row of a script's section.
    pub fn of(script: &'a Script, movement: Movement) -> Self {
        Self {
            revision: script.id.as_str(),
            direction: movement.as_str(),
        }
    }

    fn parameters(&self) -> [(&(dyn ToSql + Sync), Type); 2] {
        [(&self.revision, Type::TEXT), (&self.direction, Type::TEXT)]
    }
}

/// Proves that no other castoff works on the same batches: this session holds a lock.
#[derive(Clone, Copy, Debug)]
pub struct Guard(Lock);

#[derive(Clone, Copy, Debug)]
enum Lock {
    Migration,
    Backfill,
}

impl Guard {
    /// The migration lock guards the sections that an upgrade waits for.
    pub fn migration(_: &Session<Locked>) -> Self {
        Self(Lock::Migration)
    }

    /// Asks once, without waiting, for the lock that guards the deferred ones.
    pub async fn backfill<S>(session: &Session<S>) -> Result<Option<Self>, Failure> {
        let name = session.ledger_schema().as_str();
        let sql = include_str!("sql/backfill_lock.sql");
        let row = session
            .client()
            .query_typed_one(sql, &[(&name, Type::TEXT)])
            .await?;
        Ok(row.get::<_, bool>(0).then_some(Self(Lock::Backfill)))
    }

    /// Gives the lock of backfills back. The migration lock is its session's.
    pub async fn release<S>(self, session: &Session<S>) -> Result<(), Failure> {
        if let Lock::Backfill = self.0 {
            let name = session.ledger_schema().as_str();
            let sql = include_str!("sql/backfill_unlock.sql");
            let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&name, Type::TEXT)];
            session.client().query_typed_one(sql, &parameters).await?;
        }
        Ok(())
    }

    /// Whether the server still counts the lock as this session's.
    pub async fn is_held<S>(self, session: &Session<S>) -> Result<bool, Failure> {
        let name = session.ledger_schema().as_str();
        let sql = self.held();
        let row = session
            .client()
            .query_typed_one(&sql, &[(&name, Type::TEXT)])
            .await?;
        Ok(row.get(0))
    }

    fn held(self) -> String {
        let held = include_str!("sql/held.sql");
        match self.0 {
            Lock::Migration => about_this_lock(held),
            Lock::Backfill => about_backfill_lock(held),
        }
    }
}

fn about_backfill_lock(query: &str) -> String {
    about_this_lock(query).replace("1667330932", "1667330914")
}

/// The backend that works on deferred batches, if one does.
pub async fn holder<S>(session: &Session<S>) -> Result<Option<i32>, Failure> {
    let name = session.ledger_schema().as_str();
    let sql = about_backfill_lock(include_str!("sql/backfill_holder.sql"));
    let row = session
        .client()
        .query_typed_opt(&sql, &[(&name, Type::TEXT)])
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// All rows of `batch`; none where there is no ledger.
pub async fn states<S>(session: &Session<S>) -> Result<Vec<State>, Failure> {
    let sql = in_schema(
        include_str!("sql/batch_states.sql"),
        session.ledger_schema(),
    );
    match session.client().query_typed(&sql, &[]).await {
        Ok(rows) => rows.iter().map(state).collect(),
        Err(error) => match Failure::from(error) {
            failure if no_ledger(&failure) => Ok(Vec::new()),
            failure => Err(failure),
        },
    }
}

/// One row of `batch`, if it is there.
pub async fn find<S>(session: &Session<S>, which: Which<'_>) -> Result<Option<State>, Failure> {
    let is_it =
        |state: &State| state.revision == which.revision && state.direction == which.direction;
    Ok(states(session).await?.into_iter().find(is_it))
}

fn state(row: &Row) -> Result<State, Failure> {
    let size: i32 = row.get(8);
    Ok(State {
        revision: row.get(0),
        direction: row.get(1),
        status: Status::read(row.get(2))?,
        deferred: row.get(3),
        canonical: row.get(4),
        relation: row.get(5),
        last_key: row.get(6),
        end_key: row.get(7),
        size: u32::try_from(size).unwrap_or(1),
        estimate: row.get(9),
        rows: row.get(10),
        changed: row.get(11),
        batches: row.get(12),
        attempts: row.get(13),
        throttled_by: row.get(14),
        last_error: row.get(15),
        host: row.get(16),
        started_at: row.get(17),
        updated_at: row.get(18),
        finished_at: row.get(19),
        is_applied: row.get(20),
    })
}

/// The statement that writes a section's row anew, without a semicolon: nothing of it is done. As
/// constants, since `--sql` prints it too.
pub fn registration(schema: &Ident, which: Which<'_>, batch: &Batch, canonical: &str) -> String {
    let (revision, direction) = (literal(which.revision), literal(which.direction));
    let status = if batch.deferred { "pending" } else { "running" };
    let relation = batch.table().map_or_else(|| "null".to_owned(), literal);
    let values = [
        revision.clone(),
        direction.clone(),
        literal(status),
        batch.deferred.to_string(),
        literal(canonical),
        relation,
        batch.size.to_string(),
    ];
    let values = values.join(", ");
    format!(
        "delete from {schema}.batch where revision = {revision} and direction = {direction};\n\
         insert into {schema}.batch (revision, direction, status, deferred, canonical_checksum, \
         relation, size)\nvalues ({values})"
    )
}

/// The row of a section, taken for the transaction that is open.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Whether this session still holds its lock.
    pub is_guarded: bool,
    /// How it stands.
    pub status: Status,
    /// The key of the last row that is done.
    pub last_key: Option<Vec<String>>,
    /// The last key there is to do.
    pub end_key: Option<Vec<String>>,
    /// Whether its revision was not taken back meanwhile.
    pub is_applied: bool,
}

/// Takes the row of a section for the transaction that is open; nothing if it is gone.
pub async fn take<S>(
    session: &Session<S>,
    guard: Guard,
    which: Which<'_>,
) -> Result<Option<Taken>, Failure> {
    let sql = in_schema(include_str!("sql/batch_begin.sql"), session.ledger_schema());
    let sql = sql.replace("{held}", &guard.held());
    let name = session.ledger_schema().as_str();
    let [revision, direction] = which.parameters();
    let parameters = [(&name as _, Type::TEXT), revision, direction];
    let row = session.client().query_typed_opt(&sql, &parameters).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Taken {
        is_guarded: row.get(0),
        status: Status::read(row.get(1))?,
        last_key: row.get(2),
        end_key: row.get(3),
        is_applied: row.get(4),
    }))
}

/// What one batch came to.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The key of its last row; nothing for a repeated statement.
    pub last_key: Option<Vec<String>>,
    /// The last key there is to do; what was written down first stays.
    pub end_key: Option<Vec<String>>,
    /// Rows in its range.
    pub rows: i64,
    /// Rows that the statement changed.
    pub changed: i64,
    /// Rows that a batch has at the moment.
    pub size: u32,
}

/// Writes down that a batch is done, in its transaction.
pub async fn progress<S>(
    session: &Session<S>,
    which: Which<'_>,
    progress: &Progress,
) -> Result<(), Failure> {
    let [revision, direction] = which.parameters();
    let size = number(progress.size);
    let parameters = [
        revision,
        direction,
        (&progress.last_key as _, Type::TEXT_ARRAY),
        (&progress.rows as _, Type::INT8),
        (&progress.changed as _, Type::INT8),
        (&size as _, Type::INT4),
        (&progress.end_key as _, Type::TEXT_ARRAY),
    ];
    execute(session, include_str!("sql/batch_progress.sql"), &parameters).await
}

/// Says that this castoff is at work.
pub async fn start<S>(
    session: &Session<S>,
    which: Which<'_>,
    estimate: Option<i64>,
    host: &str,
) -> Result<(), Failure> {
    let [revision, direction] = which.parameters();
    let parameters = [
        revision,
        direction,
        (&estimate as _, Type::INT8),
        (&host as _, Type::TEXT),
    ];
    execute(session, include_str!("sql/batch_start.sql"), &parameters).await
}

/// Writes down that a batch did not succeed, and with `is_last` that it is not tried again.
pub async fn trouble<S>(
    session: &Session<S>,
    which: Which<'_>,
    is_last: bool,
    attempts: u32,
    size: u32,
    error: &str,
) -> Result<(), Failure> {
    let [revision, direction] = which.parameters();
    let (attempts, size) = (number(attempts), number(size));
    let parameters = [
        revision,
        direction,
        (&is_last as _, Type::BOOL),
        (&attempts as _, Type::INT4),
        (&size as _, Type::INT4),
        (&error as _, Type::TEXT),
    ];
    execute(session, include_str!("sql/batch_trouble.sql"), &parameters).await
}

/// Writes down why no batch runs, or that they run again.
pub async fn throttled<S>(
    session: &Session<S>,
    which: Which<'_>,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let [revision, direction] = which.parameters();
    let parameters = [revision, direction, (&reason as _, Type::TEXT)];
    execute(
        session,
        include_str!("sql/batch_throttled.sql"),
        &parameters,
    )
    .await
}

/// Says that all batches are done; false if somebody aborted them at the last moment.
pub async fn done<S>(session: &Session<S>, which: Which<'_>) -> Result<bool, Failure> {
    let sql = in_schema(include_str!("sql/batch_done.sql"), session.ledger_schema());
    let count = session
        .client()
        .execute_typed(&sql, &which.parameters())
        .await?;
    Ok(count == 1)
}

/// Changes the status, if it is one of `from`; false if it is not.
pub async fn set<S>(
    session: &Session<S>,
    which: Which<'_>,
    from: &[Status],
    to: Status,
) -> Result<bool, Failure> {
    let sql = in_schema(include_str!("sql/batch_set.sql"), session.ledger_schema());
    let [revision, direction] = which.parameters();
    let from: Vec<&str> = from.iter().map(|status| status.as_str()).collect();
    let parameters = [
        revision,
        direction,
        (&to.as_str() as _, Type::TEXT),
        (&from as _, Type::TEXT_ARRAY),
    ];
    let count = session.client().execute_typed(&sql, &parameters).await?;
    Ok(count == 1)
}

async fn execute<S>(
    session: &Session<S>,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<(), Failure> {
    let sql = in_schema(sql, session.ledger_schema());
    session.client().execute_typed(&sql, parameters).await?;
    Ok(())
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Which of the revisions have a deferred section that is not done, for those who list revisions.
pub async fn pending<S>(session: &Session<S>) -> Result<Vec<State>, Failure> {
    let mut states = states(session).await?;
    states.retain(|state| state.deferred && state.is_applied && state.status != Status::Done);
    Ok(states)
}

/// The row of a revision's deferred upgrade section, if there is one that is still applied.
pub async fn deferred<S>(
    session: &Session<S>,
    revision: &RevisionId,
) -> Result<Option<State>, Failure> {
    let which = Which {
        revision: revision.as_str(),
        direction: Movement::Upgrade.as_str(),
    };
    let state = find(session, which).await?;
    Ok(state.filter(|state| state.deferred && state.is_applied))
}
