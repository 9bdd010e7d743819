//! The phases of a start, in their order.

use tracing::info;

/// What castoff is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Reading what it was told.
    Starting,
    /// Waiting for the database and for other services, and asking the database where it is.
    Waiting,
    /// Waiting for the migration lock, which another castoff has.
    Locking,
    /// Applying migrations.
    Migrating,
    /// Waiting for what was asked for between the migrations and the server, and becoming the server.
    HandingOver,
    /// castoff became the server.
    Serving,
    /// castoff ends with an error.
    Failed,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Waiting,
        Self::Locking,
        Self::Migrating,
        Self::HandingOver,
        Self::Serving,
        Self::Failed,
    ];

    /// Its name in events, files and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Locking => "locking",
            Self::Migrating => "migrating",
            Self::HandingOver => "handing-over",
            Self::Serving => "serving",
            Self::Failed => "failed",
        }
    }

    /// The phase of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// Tells that a phase begins, as an event of the story. People do not see it: the steps of a phase
/// say what they need to know.
pub fn enter(phase: Phase) {
    let name = phase.name();
    info!(event = "phase", phase = name, "phase: {name}");
}
