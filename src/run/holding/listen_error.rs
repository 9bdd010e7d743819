//! Why castoff cannot listen for the server.

use std::io;

/// Why castoff cannot listen for the server. Nothing was done yet.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The name has no address.
    #[error("`{name}` has no address to listen on")]
    Unresolved {
        /// The host of `--listen`.
        name: String,
        /// What the resolver says.
        #[source]
        source: io::Error,
    },
    /// The system does not let castoff have the port.
    #[error("castoff cannot listen on {address}")]
    Refused {
        /// The address as given.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// `fd:3` is not what it should be.
    #[error("descriptor 3 is not a listening TCP socket")]
    NotListening {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The parent gave castoff something as the descriptor that the server gets the socket as.
    #[error(
        "descriptor 3 is in use: castoff was started with it, and the server is to get the socket there"
    )]
    Taken,
}

impl ListenError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } | Self::Refused { .. } | Self::NotListening { .. } => {
                "listen-failed"
            }
            Self::Taken => "descriptor-taken",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unresolved { .. } => {
                "write an address such as 0.0.0.0:8000 in --listen (CASTOFF_LISTEN)".into()
            }
            Self::Refused { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "stop what listens there, which `ss -ltnp` names, or choose another port with --listen (CASTOFF_LISTEN)".into()
            }
            Self::Refused { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "choose a port above 1023, or allow lower ones with `--sysctl net.ipv4.ip_unprivileged_port_start=0`".into()
            }
            Self::Refused { source, .. } if source.kind() == io::ErrorKind::AddrNotAvailable => {
                "choose an address of this machine, or 0.0.0.0 for all, with --listen (CASTOFF_LISTEN)".into()
            }
            Self::Refused { .. } => "choose another address with --listen (CASTOFF_LISTEN)".into(),
            Self::NotListening { .. } => {
                "start castoff with the socket as descriptor 3, as a socket unit of systemd does, or name an address in --listen (CASTOFF_LISTEN)".into()
            }
            Self::Taken => {
                "start castoff with `3>&-`; if it is the socket to listen on, set --listen to fd:3; if CMD binds by itself, set --listen-handover to close".into()
            }
        }
    }
}
