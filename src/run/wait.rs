//! Waiting for the database: bounded, and never silent about the reason.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::pause::Pauses;
use super::wait_error::{Unready, WaitError};
use crate::database::connect::{self, Link};
use crate::database::connect_error::{ConnectError, Retry};
use crate::database::conninfo::Conninfo;
use crate::database::session::Session;
use crate::error::Error;
use crate::sql::ident::Ident;

/// Longest time for one attempt: a server that accepts and never answers must not use up all the
/// time there is.
pub const ATTEMPT: Duration = Duration::from_secs(5);

/// The shortest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The shortest time that is given to a login and to an answer, even when there is less left.
const SHORTEST: Duration = Duration::from_millis(100);

/// The time for the one attempt of somebody who does not want to wait.
const ONCE: Duration = Duration::from_secs(5);

/// The pause between two connections that are lost.
pub const AFTER_A_LOSS: Duration = Duration::from_millis(100);

/// The longest pause, give or take half: with it, half of all starts connect within 80 ms of the
/// database coming up. A refused connection costs next to nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(120);

/// The longest pause while it is not the server that is missing, but its name, or a free slot:
/// asking costs others something then.
const LONGEST_PAUSE_FOR_OTHERS: Duration = Duration::from_millis(500);

/// The time there is, from the first attempt to the first answer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    began: Instant,
    total: Duration,
}

impl Patience {
    /// Starts the clock.
    pub fn new(total: Duration) -> Self {
        Self {
            began: Instant::now(),
            total,
        }
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        self.total.saturating_sub(self.began.elapsed())
    }

    /// What is left for the next answer: never nothing, and with a total of 0 enough for one.
    pub fn for_an_answer(&self) -> Duration {
        let least = if self.total.is_zero() { ONCE } else { SHORTEST };
        self.left().max(least)
    }

    /// The error of what else did not become ready in time.
    pub fn late(&self, unready: Vec<Unready>) -> Error {
        let after = self.total;
        WaitError::NotReady { unready, after }.into()
    }

    /// The error of a revision that nobody applied in time.
    pub fn not_applied(&self, revision: String, position: String) -> Error {
        let after = self.total;
        WaitError::NotApplied {
            revision,
            after,
            position,
        }
        .into()
    }

    /// The error of a database that did not become ready in time.
    pub fn not_ready(&self, conninfo: &Conninfo, source: ConnectError) -> Error {
        Error::NotReady {
            database: conninfo.to_string(),
            origin: conninfo.origin.clone(),
            after: self.total,
            source: Box::new(source),
        }
    }
}

/// Connects, waiting until the database lets castoff log in over the real address.
pub async fn until_ready(
    conninfo: &Conninfo,
    patience: &Patience,
    create_database: bool,
) -> Result<Link, Error> {
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut told = String::new();
    let mut may_create = create_database;
    loop {
        let within = patience.for_an_answer().min(ATTEMPT);
        let error = match connect::attempt(conninfo, within).await {
            Ok(link) => {
                if !told.is_empty() {
                    let waited = patience.began.elapsed().as_secs_f64();
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
                origin: conninfo.origin.clone(),
                source: Box::new(error),
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
        let left = patience.left();
        if left.is_zero() {
            return Err(patience.not_ready(conninfo, error));
        }
        tokio::time::sleep(pauses.next_pause().min(left)).await;
    }
}

fn longest_pause(error: &ConnectError) -> Duration {
    let costs_others = matches!(
        error,
        ConnectError::Unresolved { .. } | ConnectError::TooManyConnections(_)
    );
    if costs_others {
        LONGEST_PAUSE_FOR_OTHERS
    } else {
        LONGEST_PAUSE
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
            origin: maintenance.origin.clone(),
            source: Box::new(source),
        })?;
    let name = Ident::new(&conninfo.database)?;
    let session = Session::open(link, name.clone());
    if session.create_database(&name).await.map_err(failed)? {
        info!(event = "created", "created database {name}");
    }
    Ok(())
}
