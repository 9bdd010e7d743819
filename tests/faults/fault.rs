//! What can go wrong.

use super::chance::Chances;

/// One kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of castoff.
    Kill,
    /// `docker stop`.
    Terminate,
    /// The connection breaks at this byte.
    Cut,
    /// An administrator ends castoff's backends.
    EndBackends,
    /// The server is stopped as for maintenance, and comes back.
    Restart,
    /// The server loses power, and comes back.
    Crash,
    /// All other connection slots are taken.
    NoSlots,
    /// The disk is full.
    FullDisk,
}

impl Fault {
    /// Draws one. Those that take long come less often.
    pub(crate) fn draw(chances: &mut Chances, disks: bool) -> Self {
        match chances.below(100) {
            0..30 => Self::Kill,
            30..45 => Self::Terminate,
            45..68 => Self::Cut,
            68..83 => Self::EndBackends,
            83..87 => Self::Restart,
            87..91 => Self::Crash,
            91..95 => Self::NoSlots,
            _ if disks => Self::FullDisk,
            _ => Self::Cut,
        }
    }

    /// As the report names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Terminate => "SIGTERM",
            Self::Cut => "connection cut",
            Self::EndBackends => "pg_terminate_backend",
            Self::Restart => "server restart",
            Self::Crash => "server crash",
            Self::NoSlots => "max_connections",
            Self::FullDisk => "disk full",
        }
    }
}
