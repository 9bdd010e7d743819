//! Getting the migration lock, or learning that it is no longer needed.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::pause::Pauses;
use crate::database::failure::Failure;
use crate::database::session::{Attempt, Holder, Locked, Open, Session};
use crate::error::Error;
use crate::status::phase::{self, Phase};

/// The pauses between two asks: a fifth of a second at most is lost after the holder is done.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// The time for the last answer, once the time for the lock is over.
const ANSWER: Duration = Duration::from_secs(5);

/// How often the same holder is named again.
const REMIND: Duration = Duration::from_secs(15);

/// What waiting for the lock came to.
pub enum Outcome {
    /// This session holds it.
    Locked(Session<Locked>),
    /// Somebody else has done the work meanwhile.
    NotNeeded(Session<Open>),
}

/// Asks for the lock until it is there, the work is done by somebody else, or time is up.
///
/// The pauses lie outside any statement: a session that waits inside one holds a snapshot, for
/// which a `create index concurrently` of the lock's holder would wait in turn.
pub async fn acquire(
    session: Session<Open>,
    timeout: Duration,
    is_done: impl AsyncFn(&Session<Open>) -> Result<bool, Error>,
) -> Result<Outcome, Error> {
    phase::enter(Phase::Locking);
    let most = timeout.saturating_add(ANSWER);
    // A server that stops answering would otherwise be waited for without end.
    match tokio::time::timeout(most, poll(session, timeout, is_done)).await {
        Ok(outcome) => outcome.inspect(|outcome| {
            if let Outcome::Locked(_) = outcome {
                phase::enter(Phase::Migrating);
            }
        }),
        Err(_) => Err(Error::LockTimeout {
            after: timeout,
            holder: None,
        }),
    }
}

async fn poll(
    mut session: Session<Open>,
    timeout: Duration,
    is_done: impl AsyncFn(&Session<Open>) -> Result<bool, Error>,
) -> Result<Outcome, Error> {
    let began = Instant::now();
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut told: Option<(Option<i32>, Instant)> = None;
    loop {
        session = match session
            .try_lock()
            .await
            .map_err(Error::asking("asking for the lock"))?
        {
            Attempt::Locked { session, backend } => return confirm(session, backend).await,
            Attempt::Busy(session) => session,
        };
        if is_done(&session).await? {
            return Ok(Outcome::NotNeeded(session));
        }
        let holder = session
            .holder()
            .await
            .map_err(Error::asking("asking who has the lock"))?;
        if began.elapsed() >= timeout {
            return Err(Error::LockTimeout {
                after: timeout,
                holder: holder.map(Box::new),
            });
        }
        let pid = holder.as_ref().map(|holder| holder.pid);
        let news = told.is_none_or(|(known, at)| known != pid || at.elapsed() >= REMIND);
        if news {
            tell(holder.as_ref());
            told = Some((pid, Instant::now()));
        }
        tokio::time::sleep(pauses.next_pause().min(timeout)).await;
    }
}

fn tell(holder: Option<&Holder>) {
    // Without one it was given back between the two questions.
    if let Some(holder) = holder {
        info!(
            event = "lock-wait",
            holder = holder.pid,
            "waiting for the migration lock: {holder}"
        );
    }
}

/// Behind a transaction pooler the lock may have landed on somebody else's backend.
async fn confirm(session: Session<Locked>, backend: i32) -> Result<Outcome, Error> {
    let asking = "looking at the lock";
    if session.holds_lock().await.map_err(Error::asking(asking))? {
        Ok(Outcome::Locked(session))
    } else {
        match session.abandon(backend).await {
            Ok(0) => warn!("backend {backend} of the pooler may keep the migration lock"),
            Ok(_) => debug!("ended backend {backend} of the pooler, which had the lock"),
            Err(failure) => warn!("backend {backend} of the pooler has the lock: {failure}"),
        }
        Err(Error::Pooler)
    }
}

/// Gives the lock back. Failing at it changes nothing: the lock ends with the session.
pub async fn release(session: Session<Locked>) {
    match session.unlock().await {
        Ok(_) => {}
        Err(Failure::Lost(reason)) => debug!("the connection ended before the lock: {reason}"),
        Err(failure) => debug!("the lock was not given back: {failure}"),
    }
}
