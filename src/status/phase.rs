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
    /// castoff did what it was asked, and became no server: `upgrade`, `backfill`, `wait`.
    Done,
    /// castoff ends with an error.
    Failed,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Self; 8] = [
        Self::Starting,
        Self::Waiting,
        Self::Locking,
        Self::Migrating,
        Self::HandingOver,
        Self::Serving,
        Self::Done,
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
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The phase of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// Whether castoff's own work is over in it.
    pub fn is_last(self) -> bool {
        match self {
            Self::Serving | Self::Done | Self::Failed => true,
            Self::Starting
            | Self::Waiting
            | Self::Locking
            | Self::Migrating
            | Self::HandingOver => false,
        }
    }
}

/// Tells that a phase begins, as an event of the story. People do not see it: the steps of a phase
/// say what they need to know. Whoever writes it adds the phase before, and how long it took.
pub fn enter(phase: Phase) {
    let name = phase.name();
    info!(event = "phase", phase = name, "phase: {name}");
}
