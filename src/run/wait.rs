//! Waiting for the database: bounded, and never silent about the reason.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::pause::Pauses;
use crate::database::connect::{self, Link};
use crate::database::connect_error::{ConnectError, Retry};
use crate::database::conninfo::Conninfo;
use crate::database::session::Session;
use crate::error::Error;
use crate::sql::ident::Ident;

/// Longest time for one attempt: a server that accepts and never answers must not use up all the
/// time there is.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The shortest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause, give or take half: with it, half of all starts connect within 80 ms of the
/// database coming up. A refused connection costs next to nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(120);

/// The longest pause while it is not the server that is missing, but its name, or a free slot:
/// asking costs others something then.
const LONGEST_PAUSE_FOR_OTHERS: Duration = Duration::from_millis(500);

/// Connects, waiting up to `timeout` for the database to become ready, which means: a login over
/// the real address succeeds.
pub async fn until_ready(
    conninfo: &Conninfo,
    timeout: Duration,
    create_database: bool,
) -> Result<Link, Error> {
    let began = Instant::now();
    let deadline = began + timeout;
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut told = String::new();
    let mut may_create = create_database;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let within = left.clamp(Duration::from_millis(1), ATTEMPT);
        let error = match connect::attempt(conninfo, within).await {
            Ok(link) => {
                if !told.is_empty() {
                    let waited = began.elapsed().as_secs_f64();
                    info!(
                        event = "ready",
                        "database {conninfo} is ready after {waited:.1} s"
                    );
                }
                return Ok(link);
            }
            Err(error) => error,
        };
        if may_create && matches!(error, ConnectError::NoDatabase { .. }) {
            may_create = false;
            create(conninfo, within).await?;
            continue;
        }
        if error.retry() == Retry::Never {
            return Err(Error::Refused {
                database: conninfo.to_string(),
                source: error,
            });
        }
        let cause = error.to_string();
        if cause != told {
            info!(
                event = "waiting",
                cause, "waiting for database {conninfo}: {cause}"
            );
            told = cause;
            pauses = Pauses::new(FIRST_PAUSE, longest_pause(&error));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::NotReady {
                database: conninfo.to_string(),
                after: timeout,
                source: error,
            });
        }
        tokio::time::sleep(pauses.next_pause().min(left)).await;
    }
}

fn longest_pause(error: &ConnectError) -> Duration {
    match error {
        ConnectError::Unresolved { .. } | ConnectError::TooManyConnections(_) => {
            LONGEST_PAUSE_FOR_OTHERS
        }
        _ => LONGEST_PAUSE,
    }
}

/// Creates the database through the maintenance database `postgres`. Another replica may do the
/// same at this moment, which is fine.
async fn create(conninfo: &Conninfo, within: Duration) -> Result<(), Error> {
    let failed = |source| Error::NotCreated {
        database: conninfo.database.clone(),
        source,
    };
    let maintenance = Conninfo {
        database: "postgres".to_owned(),
        ..conninfo.clone()
    };
    let link = connect::attempt(&maintenance, within)
        .await
        .map_err(|source| Error::Refused {
            database: maintenance.to_string(),
            source,
        })?;
    let name = Ident::new(&conninfo.database)?;
    let session = Session::open(link, name.clone());
    if session.create_database(&name).await.map_err(failed)? {
        info!(event = "created", "created database {name}");
    }
    Ok(())
}
