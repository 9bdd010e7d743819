//! Whether a pooler stands between castoff and the server, and of which kind.
//!
//! A pooler that hands a server's session from client to client after each transaction lets the
//! migration lock land on a session that is somebody else's the next moment. One that gives a
//! client a session for as long as it is connected is as good as none.

use std::time::Duration;

use tracing::debug;

use crate::database::failure::Failure;
use crate::database::session::{Backend, Open, Session};
use crate::error::Error;

/// How often the two connections are compared. A pooler that is idle shows itself at the first
/// question, since it gives out the session that came back last. One that lets its sessions take
/// turns shows itself at the second round at the latest: the rounds differ in length, so that
/// castoff's own turn does not come to the same session each time.
const ROUNDS: usize = 3;

/// The time for the second connection. A pooler whose sessions are all taken lets it wait.
const PROBE: Duration = Duration::from_secs(5);

/// Refuses a pooler that gives no session of its own to castoff, before the lock is asked for.
///
/// Never a false alarm: only a session that answers two connections at once, or two sessions that
/// answer one connection, are proof. What slips through here meets the fence of each step. A
/// server without a pooler is known by the process id of its login, and costs one question.
pub async fn refuse(session: &Session<Open>) -> Result<Backend, Error> {
    let asking = Error::asking("asking which backend answers");
    let backend = session.backend().await.map_err(&asking)?;
    if session.announced() == Some(backend.pid) {
        return Ok(backend);
    }
    match tokio::time::timeout(PROBE, is_shared(session, backend)).await {
        Ok(Ok(true)) => return Err(Error::Pooler),
        Ok(Ok(false)) => debug!("a pooler may be in between; it keeps a session for castoff"),
        Ok(Err(Probe::Own(failure))) => return Err(asking(failure)),
        Ok(Err(Probe::Other(failure))) => debug!("no second connection: {failure}"),
        Err(_) => debug!("no second connection within {} s", PROBE.as_secs()),
    }
    Ok(backend)
}

/// Which of the two connections failed. Only castoff's own matters.
enum Probe {
    Own(Failure),
    Other(Failure),
}

async fn is_shared(session: &Session<Open>, backend: Backend) -> Result<bool, Probe> {
    let other = session.another().await.map_err(Probe::Other)?;
    for turns in 1..=ROUNDS {
        for _ in 0..turns {
            if other.backend().await.map_err(Probe::Other)? == backend {
                return Ok(true);
            }
        }
        if session.backend().await.map_err(Probe::Own)? != backend {
            return Ok(true);
        }
    }
    Ok(false)
}
