//! One batch: its range, its statement and its progress, in one transaction.

use std::pin::pin;
use std::time::Instant;

use futures_util::StreamExt;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::super::pace::Pace;
use super::super::transaction::LEAVE_ROLE;
use super::hold::LOOK;
use super::job::{Ground, Job};
use crate::database::batch::{self, Status};
use crate::database::failure::Failure;
use crate::database::keyset::OWN_TEXT;
use crate::database::ledger::FenceError;
use crate::database::sample::{self, Sample};
use crate::revision::script::batch::Bounds;

/// What trying one batch came to.
pub(super) enum Tried {
    /// It is done.
    Done {
        rows: i64,
        changed: i64,
        is_full: bool,
        /// How busy the server was at its end, if it was asked.
        sample: Option<Sample>,
    },
    /// There was nothing left to do.
    Nothing,
    /// Somebody wants it to wait.
    Paused,
    /// Somebody wants it to end, or its revision was taken back.
    Aborted,
}

/// Why a batch was not done.
pub(super) enum Trouble {
    /// The server refused, or is gone. With the byte of the script that it points at.
    Failure(Failure, Option<usize>),
    /// The lock or the row is not what it was.
    Fence(FenceError),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure, None)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failure(error.into(), None)
    }
}

/// Tries one batch. Whoever gets an error rolls back. Looks around if nobody did since `looked`.
pub(super) async fn attempt<S>(
    job: &Job<'_, S>,
    ground: &Ground,
    pace: &Pace,
    looked: Instant,
) -> Result<Tried, Trouble> {
    let session = job.session;
    let client = session.client();
    client.batch_execute(&job.begin()).await?;
    let taken = batch::take(session, job.guard, job.which()).await?;
    let Some(taken) = taken else {
        return Err(Trouble::Fence(FenceError::LedgerMoved));
    };
    if !taken.is_guarded {
        return Err(Trouble::Fence(FenceError::LockLost));
    }
    let rolled_back = async |tried| {
        client.batch_execute("rollback").await?;
        Ok(tried)
    };
    if !taken.is_applied {
        return rolled_back(Tried::Aborted).await;
    }
    match taken.status {
        Status::Running => {}
        Status::Paused => return rolled_back(Tried::Paused).await,
        Status::Pending | Status::Done | Status::Failed | Status::Aborted => {
            return rolled_back(Tried::Aborted).await;
        }
    }
    let size = pace.size();
    let statement = job.statement();
    let mut end = None;
    let (filled, range) = match &ground.keyset {
        None => (job.batch.repeated(statement, size), None),
        Some(keyset) => {
            let last = taken.last_key.as_deref();
            // Written down with the first batch, and never looked for again.
            end = match taken.end_key {
                Some(end) => Some(end),
                None => keyset.end(session).await?,
            };
            let found = match &end {
                Some(end) => keyset.page(session, last, end, size).await?,
                None => None,
            };
            let Some(range) = found else {
                return rolled_back(Tried::Nothing).await;
            };
            let bounds = Bounds {
                low: keyset.constants(last.unwrap_or(&range.first)),
                high: keyset.constants(&range.last),
                is_first: last.is_none(),
            };
            (job.batch.over_range(statement, &bounds), Some(range))
        }
    };
    client.batch_execute(OWN_TEXT).await?;
    let changed = execute(client, &filled.text)
        .await
        .map_err(|failure| job.located(failure, &filled))?;
    let changed = i64::try_from(changed).unwrap_or(i64::MAX);
    if range.is_none() && changed == 0 {
        return rolled_back(Tried::Nothing).await;
    }
    // While the rows are still locked: afterwards nobody waits for them any more.
    let sample = if looked.elapsed() >= LOOK {
        Some(sample::sample(session, ground.table.as_ref()).await?)
    } else {
        None
    };
    let rows = range.as_ref().map_or(changed, |range| range.rows);
    client.batch_execute(LEAVE_ROLE).await?;
    let progress = batch::Progress {
        last_key: range.map(|range| range.last),
        end_key: end,
        rows,
        changed,
        size,
    };
    let (written, committed) = tokio::join!(
        biased;
        batch::progress(session, job.which(), &progress),
        client.batch_execute("commit")
    );
    written?;
    committed?;
    Ok(Tried::Done {
        rows,
        changed,
        is_full: rows >= i64::from(size),
        sample,
    })
}

/// Runs one statement; how many rows it changed, or returned.
async fn execute(client: &Client, text: &str) -> Result<u64, Failure> {
    let mut answers = pin!(client.simple_query_raw(text).await?);
    let mut changed = 0;
    while let Some(answer) = answers.next().await {
        if let SimpleQueryMessage::CommandComplete(count) = answer? {
            changed += count;
        }
    }
    Ok(changed)
}
