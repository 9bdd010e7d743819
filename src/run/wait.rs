//! Waiting for the database: bounded, and never silent about the reason.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::pause::Pauses;
use crate::database::conninfo::Conninfo;
use crate::database::connect::{self, ConnectError, Link, Retry};
use crate::error::Error;

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
                    info!(event = "ready", "database {conninfo} is ready after {waited:.1} s");
                }
                return Ok(link);
            }
            Err(error) => error,
        };
        if may_create && error.is_missing_database() {
            may_create = false;
            create(conninfo, within).await?;
            continue;
        }
        if error.retry() == Retry::Never {
            return Err(Error::Refused { database: conninfo.to_string(), source: error });
        }
        let cause = error.to_string();
        if cause != told {
            info!(event = "waiting", cause, "waiting for database {conninfo}: {cause}");
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
    if error.is_missing_name() || error.is_full() {
        LONGEST_PAUSE_FOR_OTHERS
    } else {
        LONGEST_PAUSE
    }
}

/// Creates the database through the maintenance database `postgres`. Another replica may do the
/// same at this moment, which is fine.
async fn create(conninfo: &Conninfo, within: Duration) -> Result<(), Error> {
    let name = conninfo.database_name();
    let failed = |source| Error::NotCreated { database: name.to_owned(), source };
    let maintenance = conninfo.with_database("postgres");
    let link = connect::attempt(&maintenance, within).await.map_err(|source| Error::Refused {
        database: maintenance.to_string(),
        source,
    })?;
    let session = crate::database::session::Session::open(link, crate::sql::ident::Ident::new(""));
    match session.create_database(name).await {
        Ok(true) => info!(event = "created", "created database {name}"),
        Ok(false) => {}
        Err(failure) => return Err(failed(failure)),
    }
    Ok(())
}
