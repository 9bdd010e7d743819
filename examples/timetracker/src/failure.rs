//! What can stop the server from starting.

use std::io;
use std::net::SocketAddr;

/// Why the process ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument nobody knows.
    #[error("unknown argument `{0}`; the only one is `--health`")]
    Usage(String),
    /// A variable that is missing or cannot be understood.
    #[error("`{variable}` {complaint}")]
    Setting {
        /// The name of the variable.
        variable: &'static str,
        /// What is wrong with it, without repeating its value, which may hold a password.
        complaint: String,
    },
    /// The system gave us no event loop or no signal handler.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[source] io::Error),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// `--health` found the server missing or unwell.
    #[error("not healthy: {0}")]
    Unhealthy(String),
}

impl Failure {
    /// 2 for a wrong call, 1 for everything else.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Setting { .. } => 2,
            Self::Runtime(_) | Self::Listen { .. } | Self::Unhealthy(_) => 1,
        }
    }
}
