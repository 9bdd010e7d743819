//! What became of a statement whose outcome nobody noted: castoff was killed, or the connection was
//! lost, between the statement's end and the note that it is done.
//!
//! The database is asked. Where it cannot tell, a person has to, and the error says what to look at.

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::leftover;
use crate::database::failure::{Failure, Refusal};
use crate::database::progress::Next;
use crate::database::sqlstate;
use crate::revision::script::Repeat;
use crate::sql::effect::{Effect, Thing};

/// How a start goes on with the first statement that is not noted as done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It runs, again or for the first time.
    Again,
    /// It is done, since this is there, or gone.
    Done(String),
    /// Its second half is missing: this statement, which shares a transaction with its note.
    Finish(String),
}

/// Why only a person can tell whether a statement is done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It commits by itself, or nothing in the database shows that it ran.
    #[error("it began, and may have committed all or a part of its work")]
    Untold,
    /// There is an index of that name.
    #[error("index {index} is there, and is not the one that the statement makes")]
    Different {
        /// As the statement names it.
        name: String,
        /// With its schema.
        index: String,
    },
    /// Somebody else is at work on it.
    #[error("index {index} is being built by another session, pid {pid}")]
    Building {
        /// With its schema.
        index: String,
        /// The backend that builds it.
        pid: i32,
    },
    /// `if not exists` was content with it.
    #[error("index {index} is there, but invalid: no query can use it")]
    Invalid {
        /// With its schema.
        index: String,
    },
    /// The look itself was refused.
    #[error("it began, and what became of it cannot be looked up: {0}")]
    Unseen(Box<Refusal>),
}

impl Doubt {
    /// What a person has to do, for statement number `statement` of a revision.
    pub(crate) fn help(&self, revision: &str, statement: usize) -> String {
        let resolve = format!("castoff resolve {revision}:{statement}");
        match self {
            Self::Untold => format!(
                "look at what it changes, then run `{resolve} done` or `{resolve} again`; if it may always run again, write `repeatable` on the section line"
            ),
            Self::Different { .. } => format!(
                "keep that index with `{resolve} done`, or drop it and run `{resolve} again`"
            ),
            Self::Building { pid, .. } => format!(
                "wait for it, or end it with `select pg_terminate_backend({pid})`, and deploy again"
            ),
            Self::Invalid { index } => {
                format!("run `drop index concurrently {index}`, and deploy again")
            }
            Self::Unseen(_) => {
                format!("look whether it is done, then run `{resolve} done` or `{resolve} again`")
            }
        }
    }
}

/// Why there is no verdict.
#[derive(Debug)]
pub(super) enum ProbeError {
    /// A person is needed.
    Doubt(Doubt),
    /// The server refused to drop a leftover, or is gone.
    Failure(Failure),
}

impl From<Doubt> for ProbeError {
    fn from(doubt: Doubt) -> Self {
        Self::Doubt(doubt)
    }
}

impl From<Failure> for ProbeError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// A question that the server refuses leaves the outcome open; one that took too long is asked
/// again by the next start.
impl From<tokio_postgres::Error> for ProbeError {
    fn from(error: tokio_postgres::Error) -> Self {
        let too_long = [
            sqlstate::LOCK_NOT_AVAILABLE,
            sqlstate::DEADLOCK_DETECTED,
            sqlstate::QUERY_CANCELED,
        ];
        match Failure::from(error) {
            Failure::Refused(refusal) if !too_long.contains(&refusal.sqlstate.as_str()) => {
                Self::Doubt(Doubt::Unseen(refusal))
            }
            failure @ (Failure::Refused(_) | Failure::Lost(_) | Failure::Protocol(_)) => {
                Self::Failure(failure)
            }
        }
    }
}

/// Decides how to go on with a statement that an earlier start did not finish, and takes away what
/// it left half made. With the settings that the section made before it: names may need them.
pub(super) async fn settle(
    client: &Client,
    statement: &str,
    next: Next,
    repeat: Repeat,
) -> Result<Verdict, ProbeError> {
    match look(client, statement, next, repeat).await {
        // It failed before, and the server said why: it may say so again.
        Err(ProbeError::Doubt(Doubt::Unseen(_))) if next == Next::NotBegun => Ok(Verdict::Again),
        other => other,
    }
}

async fn look(
    client: &Client,
    statement: &str,
    next: Next,
    repeat: Repeat,
) -> Result<Verdict, ProbeError> {
    let is_begun = next == Next::Begun;
    match Effect::of(statement) {
        Effect::Untold if is_begun && repeat == Repeat::Ask => Err(Doubt::Untold.into()),
        Effect::Untold | Effect::Repeats => Ok(Verdict::Again),
        Effect::Builds(build) => leftover::built(client, &build, next).await,
        Effect::Reindexes(scope) => {
            leftover::drop_rebuilt(client, scope).await?;
            Ok(Verdict::Again)
        }
        Effect::Detaches { parent, partition } => {
            let sql = include_str!("../database/sql/detached.sql");
            let row = ask(client, sql, [parent, partition]).await?;
            // Even a failure that the server told leaves the first half.
            let finish = format!("alter table {parent} detach partition {partition} finalize");
            match row.map(|row| row.get::<_, Option<bool>>(0)) {
                Some(Some(true)) => Ok(Verdict::Finish(finish)),
                None if is_begun => Ok(Verdict::Done(format!("{partition} is detached"))),
                Some(_) | None => Ok(Verdict::Again),
            }
        }
        _ if !is_begun => Ok(Verdict::Again),
        Effect::DropsIndex(index) => {
            let sql = "select from pg_catalog.pg_class where oid = pg_catalog.to_regclass($1)";
            let parameters = [(&index as &(dyn ToSql + Sync), Type::TEXT)];
            let row = client.query_typed_opt(sql, &parameters).await?;
            Ok(when(row.is_none(), || format!("index {index} is gone")))
        }
        Effect::Creates(thing, name) => {
            let is_there = exists(client, thing, name).await?;
            Ok(when(is_there, || {
                format!("{} {name} is there", thing.as_str())
            }))
        }
        Effect::Drops(thing, name) => {
            let is_gone = !exists(client, thing, name).await?;
            Ok(when(is_gone, || {
                format!("{} {name} is gone", thing.as_str())
            }))
        }
    }
}

fn when(is_done: bool, reason: impl FnOnce() -> String) -> Verdict {
    if is_done {
        Verdict::Done(reason())
    } else {
        Verdict::Again
    }
}

async fn exists(client: &Client, thing: Thing, name: &str) -> Result<bool, ProbeError> {
    let sql = include_str!("../database/sql/exists.sql");
    let row = ask(client, sql, [thing.as_str(), name]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}

async fn ask(
    client: &Client,
    sql: &str,
    [first, second]: [&str; 2],
) -> Result<Option<tokio_postgres::Row>, ProbeError> {
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&first, Type::TEXT), (&second, Type::TEXT)];
    Ok(client.query_typed_opt(sql, &parameters).await?)
}
