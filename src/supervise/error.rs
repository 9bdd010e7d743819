//! Why castoff cannot be an init.

use std::io;

/// Why castoff cannot be an init.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The system gives it no second process.
    #[error("castoff cannot start the process that it is to look after")]
    Split(#[source] io::Error),
    /// Under tini's name: an option that tini does not take, or one without its value.
    #[error("{reason}")]
    Usage {
        /// What is wrong.
        reason: String,
    },
}

impl InitError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Split(_) => "init-split",
            Self::Usage { .. } => "init-usage",
        }
    }

    /// Its exit status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Split(_) => 70,
            Self::Usage { .. } => 2,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Split(_) => "raise the limit on this container's processes (`pids`)".into(),
            Self::Usage { .. } => {
                "write `tini [-s] [-g] [-w] [-v] [-p SIGNAL] [-e STATUS] -- CMD`, or use `castoff supervise`".into()
            }
        }
    }
}
