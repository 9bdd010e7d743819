//! Why what was waited for besides the database did not come.

use std::time::Duration;

use super::exec::ExecError;
use crate::error::{Error, seconds};

/// Why a wait ended without what was waited for. No variant holds a secret: see
/// [`crate::config::awaited`].
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The time is over.
    #[error("{}", not_ready(unready, *after))]
    NotReady {
        /// All that is not ready.
        unready: Vec<Unready>,
        /// The time there was.
        after: Duration,
    },
    /// Waiting does not help.
    #[error("`{target}` cannot be waited for")]
    Refused {
        /// What was waited for.
        target: String,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// The time is over, and nobody applied the revision.
    #[error("revision {revision} is not applied after {}: {position}", seconds(*after))]
    NotApplied {
        /// The revision, as the story names it.
        revision: String,
        /// The time there was.
        after: Duration,
        /// Where the database is: `the database is at 3f2a9c1b7d04`.
        position: String,
    },
}

/// What is not ready, and the last cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unready {
    /// `tcp://redis:6379`, `database app@db:5432/app`.
    pub what: String,
    /// `connection refused`.
    pub cause: String,
}

/// What no waiting mends.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The server's certificate, or its TLS.
    #[error("{0}")]
    Tls(String),
    /// There is no such program, or the system does not run it.
    #[error(transparent)]
    Command(#[from] ExecError),
    /// The command says of one that it runs in turn what a shell says: it is not found (127), or
    /// cannot be executed (126).
    #[error("it ended with status {status}{}", said(output))]
    Status {
        /// The status.
        status: i32,
        /// The last line of its output.
        output: String,
    },
}

impl WaitError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotReady { .. } => "target-not-ready",
            Self::Refused { .. } => "target-refused",
            Self::NotApplied { .. } => "revision-not-applied",
        }
    }

    /// One for all: nothing was changed, or the migrations are done and stay.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotReady { .. } | Self::Refused { .. } | Self::NotApplied { .. } => 11,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NotReady { .. } => {
                "check that service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)".into()
            }
            Self::Refused { source, .. } => match source {
                Refusal::Tls(_) => {
                    "check the name in the URL, and name your own authority's certificate in SSL_CERT_FILE".into()
                }
                Refusal::Command(error) => error.help().replace("after `--`", "after `exec:`"),
                Refusal::Status { .. } => "correct the command after `exec:`".into(),
            },
            Self::NotApplied { .. } => {
                "see what became of the Job or pod that migrates, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)".into()
            }
        }
    }
}

/// Joins the errors of two waits of which one at least is late: everything that is late, unless one
/// of them says more than that.
pub(super) fn beside(one: Error, other: Option<Error>) -> Error {
    let Some(other) = other else { return one };
    match (late(&one), late(&other)) {
        (Some((mut unready, after)), Some((more, _))) => {
            unready.extend(more);
            WaitError::NotReady { unready, after }.into()
        }
        (None, _) => one,
        (_, None) => other,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other errors are no matter of time"
)]
fn late(error: &Error) -> Option<(Vec<Unready>, Duration)> {
    let one = |what, cause, after: &Duration| Some((vec![Unready { what, cause }], *after));
    match error {
        Error::NotReady {
            database,
            after,
            source,
            ..
        } => one(format!("database {database}"), source.to_string(), after),
        Error::Wait(WaitError::NotApplied {
            revision,
            after,
            position,
        }) => one(format!("revision {revision}"), position.clone(), after),
        Error::Wait(WaitError::NotReady { unready, after }) => Some((unready.clone(), *after)),
        _ => None,
    }
}

fn not_ready(unready: &[Unready], after: Duration) -> String {
    let after = seconds(after);
    match unready {
        [one] => format!("{} is not ready after {after}: {}", one.what, one.cause),
        several => {
            let each = several.iter();
            let each: Vec<String> = each
                .map(|one| format!("{} ({})", one.what, one.cause))
                .collect();
            format!("not ready after {after}: {}", each.join(", "))
        }
    }
}

/// What a command said, behind how it ended.
pub(super) fn said(output: &str) -> String {
    if output.is_empty() {
        String::new()
    } else {
        format!(": {output}")
    }
}
