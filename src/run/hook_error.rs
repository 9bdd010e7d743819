//! Why a hook did not succeed.

use std::fmt;
use std::time::Duration;

use super::exec::ExecError;
use crate::database::failure::Refusal;
use crate::place::Place;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the first migration.
    Before,
    /// After the last.
    After,
}

impl Phase {
    /// `before` or `after`: the name of the option and of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a hook did not succeed. Of a command no more than the program is shown: its arguments may
/// hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There is no such program. Found out before anything was done, for either phase.
    #[error("the `{phase}` hook cannot be started")]
    Missing {
        /// Which one.
        phase: Phase,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// The system does not run it.
    #[error("the `{phase}` hook cannot be started")]
    NotStarted {
        /// Which one.
        phase: Phase,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// It says that it failed, or a signal ended it.
    #[error("the `{phase}` hook failed: `{program}` ended with {end}")]
    Failed {
        /// Which one.
        phase: Phase,
        /// The program.
        program: String,
        /// `status 3` or `signal 9`.
        end: String,
    },
    /// It took too long.
    #[error("the `{phase}` hook failed: `{program}` had not ended after {}", shown(*after))]
    TimedOut {
        /// Which one.
        phase: Phase,
        /// The program.
        program: String,
        /// The time it had.
        after: Duration,
    },
    /// A statement of `before.sql` or `after.sql`.
    #[error("`{phase}.sql` failed and was rolled back")]
    Sql {
        /// Which one.
        phase: Phase,
        /// The statement, or the file when `commit` refused.
        place: Box<Place>,
        /// What the server said.
        #[source]
        refusal: Box<Refusal>,
    },
    /// The connection was lost when the migrations were done, so that it did not run to its end.
    #[error("the `after` hook did not run to its end: the connection was lost")]
    Lost,
    /// The lock went away while a hook ran.
    #[error("`{phase}.sql` was not run: this session no longer holds the migration lock")]
    LockLost {
        /// Which one.
        phase: Phase,
    },
}

impl HookError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LockLost { .. } => "lock-lost",
            Self::Missing { .. } => "hook-failed",
            Self::Lost => "after-hook-failed",
            Self::NotStarted { phase, .. }
            | Self::Failed { phase, .. }
            | Self::TimedOut { phase, .. }
            | Self::Sql { phase, .. } => match phase {
                Phase::Before => "hook-failed",
                Phase::After => "after-hook-failed",
            },
        }
    }

    /// A status of its own: what a hook says is its owner's business, not the migrations'.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::LockLost { .. } => 12,
            Self::Missing { .. }
            | Self::NotStarted { .. }
            | Self::Failed { .. }
            | Self::TimedOut { .. }
            | Self::Lost
            | Self::Sql { .. } => 18,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::LockLost { .. } => "start again: castoff goes on where the ledger says".into(),
            Self::Missing { source, phase } => help_for(source, *phase),
            Self::NotStarted { source, phase } => {
                format!("{}; {}", help_for(source, *phase), state(*phase))
            }
            Self::Failed { phase, .. } | Self::Sql { phase, .. } => {
                format!("correct what it says; {}", state(*phase))
            }
            Self::Lost => format!("run it yourself; {}", state(Phase::After)),
            Self::TimedOut { phase, .. } => format!(
                "see what keeps it, or raise --hook-timeout (CASTOFF_HOOK_TIMEOUT); {}",
                state(*phase)
            ),
        }
    }

    /// Where in a file it is.
    pub fn place(&self) -> Option<&Place> {
        if let Self::Sql { place, .. } = self {
            Some(place)
        } else {
            None
        }
    }
}

/// What helps a server that cannot be started helps a hook, which stands elsewhere.
fn help_for(source: &ExecError, phase: Phase) -> String {
    let variable = format!("in CASTOFF_{}", phase.as_str().to_ascii_uppercase());
    source.help().replace("after `--`", &variable)
}

/// What a failed hook means for the database.
fn state(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "no migration was applied",
        Phase::After => {
            "the migrations are applied and stay, and the next start does not run it again"
        }
    }
}

fn shown(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
