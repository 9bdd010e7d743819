//! Everything that can end a run: one enum over the errors of all rooms, each with a code, an exit
//! status and one line of help. The codes and statuses are public contract: see `docs/errors.md`.

mod help;
mod line;

use std::io;
use std::time::Duration;

use crate::bundle::BundleError;
use crate::config::error::ConfigError;
use crate::database::blocker;
use crate::database::connect_error::ConnectError;
use crate::database::conninfo_error::ConninfoError;
use crate::database::failure::{Failure, Refusal};
use crate::database::ledger::FenceError;
use crate::database::session::Holder;
use crate::health::Unknown;
use crate::migrations::FilesError;
use crate::place::Place;
use crate::revision::history_error::HistoryError;
use crate::revision::id::{InvalidRevisionId, RevisionId};
use crate::revision::mend::MendError;
use crate::revision::plan_error::PlanError;
use crate::revision::rebase_error::RebaseError;
use crate::revision::script::error::ScriptError;
use crate::revision::script::kept::Unreadable;
use crate::revision::squash_error::SquashError;
use crate::revision::target::InvalidTarget;
use crate::run::apply::ApplyError;
use crate::run::exec::ExecError;
use crate::run::half_error::HalfError;
use crate::run::holding::listen_error::ListenError;
use crate::run::hook_error::HookError;
use crate::run::placeholder::PlaceholderError;
use crate::run::privilege_error::PrivilegeError;
use crate::run::wait_error::WaitError;
use crate::scratch::error::ScratchError;
use crate::sql::ident::{Ident, InvalidIdent};
use crate::supervise::error::InitError;

/// Why castoff ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option, the environment or `castoff.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `DATABASE_URL` and its kin.
    #[error(transparent)]
    Conninfo(#[from] ConninfoError),
    /// A target or range on the command line.
    #[error(transparent)]
    Target(#[from] InvalidTarget),
    /// A revision id on the command line.
    #[error(transparent)]
    RevisionId(#[from] InvalidRevisionId),
    /// A name for something in the database.
    #[error(transparent)]
    Name(#[from] InvalidIdent),
    /// Files and directories.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The archive in the executable.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// One migration file.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The migration files together.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The way to the target.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Moving a revision behind another.
    #[error(transparent)]
    Rebase(#[from] RebaseError),
    /// Taking several revisions into one.
    #[error(transparent)]
    Squash(#[from] SquashError),
    /// The database was not ready in time.
    #[error("database {database} is not ready after {}", seconds(*after))]
    NotReady {
        /// Which one.
        database: String,
        /// What says where it is: `DATABASE_URL`.
        origin: String,
        /// The time it had.
        after: Duration,
        /// The last cause.
        #[source]
        source: Box<ConnectError>,
    },
    /// What else was waited for.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The database refused in a way that waiting does not mend.
    #[error("database {database} cannot be used")]
    Refused {
        /// Which one.
        database: String,
        /// What says where it is: `DATABASE_URL`.
        origin: String,
        /// What it said.
        #[source]
        source: Box<ConnectError>,
    },
    /// The database is not there and could not be created.
    #[error("database `{database}` could not be created")]
    NotCreated {
        /// Which one.
        database: String,
        /// What the server said.
        #[source]
        source: Failure,
    },
    /// The server refused or dropped a question of castoff's own.
    #[error("{doing} failed")]
    Database {
        /// What was being done: `reading the ledger`.
        doing: &'static str,
        /// What happened.
        #[source]
        source: Failure,
    },
    /// Statements of one connection go to several sessions of the server, so that the lock would
    /// not stay with it.
    #[error(
        "a pooler in transaction mode is in between: the migration lock would not stay with castoff"
    )]
    Pooler,
    /// The login asked for a role, and something in between dropped it.
    #[error(
        "statements do not run as role {role}: a pooler in between drops what the login asks for"
    )]
    RoleDropped {
        /// The role.
        role: Ident,
    },
    /// Somebody else held the lock all the time.
    #[error("the migration lock was not obtained after {}{}", seconds(*after), held_by(holder.as_deref()))]
    LockTimeout {
        /// The time there was.
        after: Duration,
        /// Who held it at the end.
        holder: Option<Box<Holder>>,
    },
    /// The database has tables, and nothing says at which revision they are.
    #[error("the database has {} of its own, and no ledger of castoff's", relations_name(*relations))]
    NotStamped {
        /// How many.
        relations: i64,
        /// Alembic's table, if it is among them.
        alembic: Option<String>,
    },
    /// The database stopped between revisions that have become one.
    #[error("the database is at `{revision}`, which was squashed into `{into}`")]
    InsideSquash {
        /// Where it is.
        revision: RevisionId,
        /// What has taken it in.
        into: RevisionId,
    },
    /// The ledger has revisions that these migrations do not, and does not say how they follow.
    #[error(
        "the database is at {}, which these migrations do not have",
        list(unknown)
    )]
    UnknownRevision {
        /// Those revisions.
        unknown: Vec<RevisionId>,
    },
    /// The ledger has revisions that these migrations do not, and these have some that are not
    /// applied.
    #[error(
        "the database has {}, which these migrations do not have, and lacks {}, which they have",
        list(unknown),
        list(unapplied)
    )]
    Diverged {
        /// What the migrations lack.
        unknown: Vec<RevisionId>,
        /// The heads of the migrations that the database lacks.
        unapplied: Vec<RevisionId>,
    },
    /// A revision that these migrations do not have forbids older images to start.
    #[error("the database has revision {revision}, and images without it must not start: {reason}")]
    Breaking {
        /// The revision.
        revision: RevisionId,
        /// What its file says.
        reason: String,
    },
    /// A revision that no file makes cannot be taken back.
    #[error("revision {revision} is only in the ledger, and cannot be taken back from there")]
    LedgerText {
        /// The revision.
        revision: RevisionId,
        /// The version of castoff that recorded it.
        castoff: String,
        /// Why.
        #[source]
        source: Unreadable,
    },
    /// The ledger has revisions that these migrations do not, but all of these are applied.
    #[error(
        "the database is ahead of these migrations: it also has {}",
        list(unknown)
    )]
    Newer {
        /// Those revisions.
        unknown: Vec<RevisionId>,
    },
    /// A row of the ledger is not one that castoff writes.
    #[error("the ledger is damaged")]
    LedgerDamaged(#[source] InvalidRevisionId),
    /// A file was edited after it was applied.
    #[error("revision {revision} was edited after it was applied to this database")]
    Edited {
        /// The revision.
        revision: RevisionId,
        /// Its file, at the first line that differs.
        place: Box<Place>,
        /// That line, as it was applied.
        was: Option<String>,
    },
    /// The ancestry of a revision is not the one it was applied with.
    #[error("revision {revision} no longer follows what it followed when it was applied")]
    Reordered {
        /// The revision.
        revision: RevisionId,
        /// Its file.
        place: Box<Place>,
        /// The parents it was applied with.
        was: Vec<String>,
    },
    /// Recording files again as they are now.
    #[error(transparent)]
    Mend(#[from] MendError),
    /// Autocommit sections that are half done.
    #[error(transparent)]
    Half(#[from] HalfError),
    /// A step of the plan.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// What runs around the migrations.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Values for placeholders.
    #[error(transparent)]
    Placeholder(#[from] PlaceholderError),
    /// Recording revisions without running them.
    #[error("nothing was recorded")]
    Stamp(#[from] FenceError),
    /// The user and the secrets that the web server should have.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// castoff cannot listen for the server.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The web server cannot be started.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Nobody says how castoff is doing.
    #[error(transparent)]
    Health(#[from] Unknown),
    /// Being an init.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Comparing and generating schemas.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// Somebody asked castoff to stop.
    #[error("stopped by {}", signal_name(*signal))]
    Stopped {
        /// The signal.
        signal: i32,
    },
    /// A revision file that is to be written is there.
    #[error("`{path}` is there already")]
    Exists {
        /// The file or directory.
        path: String,
    },
    /// A second child of a revision, without the wish for a branch.
    #[error("revision {parent} is not a head: {child} follows it already")]
    NotAHead {
        /// The revision that was to be followed.
        parent: RevisionId,
        /// The one that follows it.
        child: RevisionId,
    },
    /// There is one head, or none.
    #[error("there is nothing to merge: there is at most one head")]
    NothingToMerge,
    /// Standard output does not take what is printed.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    /// The operating system refused something that always works.
    #[error("castoff cannot start")]
    System(#[source] io::Error),
}

impl Error {
    /// Turns a failure into an error that says what was being done.
    pub fn asking(doing: &'static str) -> impl Fn(Failure) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// Whether the connection ended while a question was open, or a step was under way.
    pub fn is_lost_connection(&self) -> bool {
        matches!(
            self,
            Self::Database {
                source: Failure::Lost(_),
                ..
            } | Self::Apply(
                ApplyError::Broken {
                    failure: Failure::Lost(_),
                    ..
                } | ApplyError::Interrupted {
                    failure: Failure::Lost(_),
                    ..
                }
            ) | Self::Stamp(FenceError::Failure(Failure::Lost(_)))
        )
    }

    /// Whether it says no more than that the time for a wait is over.
    pub fn is_late(&self) -> bool {
        matches!(
            self,
            Self::NotReady { .. }
                | Self::Wait(WaitError::NotReady { .. } | WaitError::NotApplied { .. })
        )
    }

    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Conninfo(error) => error.code(),
            Self::Target(error) => error.code(),
            Self::RevisionId(_) => "invalid-revision-id",
            Self::Name(error) => error.code(),
            Self::Files(error) => error.code(),
            Self::Bundle(error) => error.code(),
            Self::Script(error) => error.code(),
            Self::History(error) => error.code(),
            Self::Plan(error) => error.code(),
            Self::Rebase(error) => error.code(),
            Self::Squash(error) => error.code(),
            Self::NotReady { .. } => "not-ready",
            Self::Wait(error) => error.code(),
            Self::Refused { source, .. } => source.code(),
            Self::NotCreated { .. } => "not-created",
            Self::Database {
                source: Failure::Lost(_),
                ..
            } => "connection-lost",
            Self::Database { .. } => "database",
            Self::Pooler => "pooler",
            Self::RoleDropped { .. } => "role-dropped",
            Self::LockTimeout { .. } => "lock-timeout",
            Self::NotStamped { .. } => "not-stamped",
            Self::UnknownRevision { .. } => "unknown-revision",
            Self::InsideSquash { .. } => "inside-squash",
            Self::Newer { .. } => "database-newer",
            Self::Diverged { .. } => "database-diverged",
            Self::Breaking { .. } => "breaking-revision",
            Self::LedgerText { .. } => "ledger-text",
            Self::Mend(error) => error.code(),
            Self::LedgerDamaged(_) => "ledger-damaged",
            Self::Edited { .. } => "checksum-mismatch",
            Self::Reordered { .. } => "parents-mismatch",
            Self::Half(error) => error.code(),
            Self::Apply(error) => match error {
                ApplyError::RolledBack { .. } => "apply-failed",
                ApplyError::LockBusy { .. } => "lock-busy",
                ApplyError::Stopped { .. } => "apply-stopped",
                ApplyError::InDoubt { .. } => "apply-in-doubt",
                ApplyError::Interrupted { .. } => "apply-interrupted",
                ApplyError::EditedHalfWay { .. } => "edited-half-way",
                ApplyError::Fenced { .. } => "lock-lost",
                ApplyError::Batch(error) => error.code(),
                ApplyError::Placeholder(error) => error.code(),
                ApplyError::Broken {
                    failure: Failure::Lost(_),
                    ..
                } => "connection-lost",
                ApplyError::Broken { .. } => "database",
            },
            Self::Hook(error) => error.code(),
            Self::Placeholder(error) => error.code(),
            Self::Stamp(_) => "stamp-failed",
            Self::Privilege(error) => error.code(),
            Self::Listen(error) => error.code(),
            Self::Exec(error) => error.code(),
            Self::Health(error) => error.code(),
            Self::Init(error) => error.code(),
            Self::Scratch(error) => error.code(),
            Self::Stopped { .. } => "stopped",
            Self::Exists { .. } => "exists",
            Self::NotAHead { .. } => "not-a-head",
            Self::NothingToMerge => "nothing-to-merge",
            Self::Output(_) => "output",
            Self::System(_) => "system",
        }
    }

    /// The exit status: DESIGN's table, never reused.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Target(_)
            | Self::RevisionId(_)
            | Self::Exists { .. }
            | Self::NotAHead { .. }
            | Self::NothingToMerge => 2,
            Self::Rebase(error) => error.exit_status(),
            Self::Squash(error) => error.exit_status(),
            Self::Config(_)
            | Self::Conninfo(_)
            | Self::Name(_)
            | Self::Placeholder(_)
            | Self::Health(_)
            | Self::Listen(_)
            | Self::Privilege(_) => 10,
            Self::NotReady { .. } | Self::Refused { .. } => 11,
            Self::Wait(error) => error.exit_status(),
            Self::NotCreated { .. }
            | Self::Database { .. }
            | Self::Stamp(_)
            | Self::Pooler
            | Self::RoleDropped { .. } => 12,
            Self::LockTimeout { .. } => 13,
            Self::History(_)
            | Self::Plan(_)
            | Self::NotStamped { .. }
            | Self::UnknownRevision { .. }
            | Self::InsideSquash { .. }
            | Self::Newer { .. }
            | Self::Diverged { .. }
            | Self::Breaking { .. }
            | Self::LedgerText { .. }
            | Self::Mend(_)
            | Self::LedgerDamaged(_)
            | Self::Edited { .. }
            | Self::Reordered { .. } => 14,
            Self::Half(error) => error.exit_status(),
            Self::Apply(error) => match error {
                ApplyError::LockBusy { .. } => 13,
                ApplyError::RolledBack { .. } => 15,
                ApplyError::Stopped { .. }
                | ApplyError::InDoubt { .. }
                | ApplyError::Interrupted { .. }
                | ApplyError::EditedHalfWay { .. } => 16,
                ApplyError::Fenced { .. } | ApplyError::Broken { .. } => 12,
                ApplyError::Batch(error) => error.exit_status(),
                ApplyError::Placeholder(_) => 10,
            },
            Self::Files(_) | Self::Bundle(_) | Self::Script(_) | Self::Output(_) => 17,
            Self::Hook(error) => error.exit_status(),
            Self::System(_) => 70,
            Self::Exec(error) => error.exit_status(),
            Self::Init(error) => error.exit_status(),
            Self::Scratch(error) => error.exit_status(),
            Self::Stopped { signal } => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }

    /// Where in a file it is.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most errors are not in a file"
    )]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Config(error) => error.place(),
            Self::Conninfo(error) => error.place(),
            Self::Script(error)
            | Self::LedgerText {
                source: Unreadable::Script(error),
                ..
            } => error.place(),
            Self::History(error) => error.place(),
            Self::Plan(error) => error.place(),
            Self::Squash(error) => error.place(),
            Self::Hook(error) => error.place(),
            Self::Scratch(error) => error.place(),
            Self::Placeholder(error) | Self::Apply(ApplyError::Placeholder(error)) => error.place(),
            Self::Edited { place, .. }
            | Self::Reordered { place, .. }
            | Self::Apply(
                ApplyError::RolledBack { place, .. }
                | ApplyError::LockBusy { place, .. }
                | ApplyError::Stopped { place, .. }
                | ApplyError::InDoubt { place, .. }
                | ApplyError::Interrupted { place, .. }
                | ApplyError::EditedHalfWay { place, .. },
            ) => Some(place),
            Self::Apply(ApplyError::Batch(error)) => error.place(),
            _ => None,
        }
    }

    /// What else there is to know, by name: the server's own DETAIL and HINT among it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most errors say all in their message"
    )]
    pub fn notes(&self) -> Vec<(String, String)> {
        let note = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        match self {
            Self::Squash(error) => error.notes(),
            Self::Apply(
                ApplyError::RolledBack { refusal, .. }
                | ApplyError::Stopped { refusal, .. }
                | ApplyError::Broken {
                    failure: Failure::Refused(refusal),
                    ..
                },
            )
            | Self::Database {
                source: Failure::Refused(refusal),
                ..
            }
            | Self::NotCreated {
                source: Failure::Refused(refusal),
                ..
            }
            | Self::Hook(HookError::Sql { refusal, .. })
            | Self::Stamp(FenceError::Failure(Failure::Refused(refusal))) => refusal.notes(),
            Self::Apply(ApplyError::LockBusy {
                refusal, blockers, ..
            }) => {
                let mut notes = refusal.notes();
                if !blockers.is_empty() {
                    notes.push(("blocked by".to_owned(), blocker::list(blockers)));
                }
                notes
            }
            Self::Apply(ApplyError::Batch(error)) => {
                error.refusal().map(Refusal::notes).unwrap_or_default()
            }
            Self::Edited { was: Some(was), .. } => note("was", was),
            Self::Reordered { was, .. } => note("was", &was.join(", ")),
            Self::Half(error) => error.notes(),
            Self::Scratch(error) => error.notes(),
            Self::Plan(PlanError::Destructive { others, .. }) if !others.is_empty() => {
                note("also", others)
            }
            _ => Vec::new(),
        }
    }
}

/// `30 s`, `500 ms`.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

fn relations_name(count: i64) -> String {
    if count == 1 {
        "a table or view".into()
    } else {
        format!("{count} tables or views")
    }
}

fn held_by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(": {holder}"))
}

fn list(ids: &[RevisionId]) -> String {
    ids.iter()
        .map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal)
        .map_or_else(|| format!("signal {signal}"), str::to_owned)
}
