//! Everything that can end a run: one enum over the errors of all rooms, each with a code, an exit
//! status and one line of help. The codes and statuses are public contract: see `docs/errors.md`.

use std::io;
use std::time::Duration;

use crate::bundle::BundleError;
use crate::config::ConfigError;
use crate::database::blocker;
use crate::database::connect_error::ConnectError;
use crate::database::conninfo_error::ConninfoError;
use crate::database::failure::{Failure, Refusal};
use crate::database::ledger::FenceError;
use crate::database::record::Movement;
use crate::database::session::Holder;
use crate::database::sqlstate;
use crate::migrations::FilesError;
use crate::place::Place;
use crate::revision::history_error::HistoryError;
use crate::revision::id::{InvalidRevisionId, RevisionId};
use crate::revision::mend::MendError;
use crate::revision::plan_error::PlanError;
use crate::revision::rebase_error::RebaseError;
use crate::revision::script::error::ScriptError;
use crate::revision::script::kept::{self, Unreadable};
use crate::revision::target::InvalidTarget;
use crate::run::apply::{ApplyError, HalfWayEdit, Remains};
use crate::run::exec::ExecError;
use crate::run::half_error::HalfError;
use crate::run::hook_error::HookError;
use crate::run::placeholder::PlaceholderError;
use crate::run::probe::Doubt;
use crate::sql::ident::{Ident, InvalidIdent};

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
    /// The database was not ready in time.
    #[error("database {database} is not ready after {}", seconds(*after))]
    NotReady {
        /// Which one.
        database: String,
        /// The time it had.
        after: Duration,
        /// The last cause.
        #[source]
        source: Box<ConnectError>,
    },
    /// The database refused in a way that waiting does not mend.
    #[error("database {database} cannot be used")]
    Refused {
        /// Which one.
        database: String,
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
    /// The web server cannot be started.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Somebody asked castoff to stop.
    #[error("stopped by {}", signal_name(*signal))]
    Stopped {
        /// The signal.
        signal: i32,
    },
    /// `pg_dump` is needed and did not do its work.
    #[error("`pg_dump` failed: {reason}")]
    Dump {
        /// Its last words.
        reason: String,
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
            Self::NotReady { .. } => "not-ready",
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
            Self::Exec(error) => error.code(),
            Self::Stopped { .. } => "stopped",
            Self::Dump { .. } => "dump-failed",
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
            Self::Config(_) | Self::Conninfo(_) | Self::Name(_) | Self::Placeholder(_) => 10,
            Self::NotReady { .. } | Self::Refused { .. } => 11,
            Self::NotCreated { .. }
            | Self::Database { .. }
            | Self::Stamp(_)
            | Self::Pooler
            | Self::RoleDropped { .. }
            | Self::Dump { .. } => 12,
            Self::LockTimeout { .. } => 13,
            Self::History(_)
            | Self::Plan(_)
            | Self::NotStamped { .. }
            | Self::UnknownRevision { .. }
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
            Self::Stopped { signal } => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }

    /// What to do about it, as one imperative.
    pub fn help(&self) -> String {
        match self {
            Self::Config(error) => error.help(),
            Self::Conninfo(error) => error.help(),
            Self::Target(error) => error.help(),
            Self::RevisionId(_) => "choose an id of 1 to 32 characters, or leave --rev-id out".into(),
            Self::Name(error) => error.help(),
            Self::Files(error) => error.help(),
            Self::Bundle(error) => error.help(),
            Self::Script(error) => error.help(),
            Self::History(error) => error.help(),
            Self::Plan(error) => error.help(),
            Self::Rebase(error) => error.help(),
            Self::NotReady { source, .. } | Self::Refused { source, .. } => source.help(),
            Self::NotCreated { .. } => {
                "grant the role `createdb`, or create the database with `createdb`".into()
            }
            Self::Database { source, .. } => help_for(source),
            Self::Pooler | Self::RoleDropped { .. } => {
                "set CASTOFF_DATABASE_URL to the URL of the server itself, not of the pooler".into()
            }
            Self::LockTimeout { holder: Some(holder), .. } => format!(
                "inspect it with `select * from pg_stat_activity where pid = {}`, or raise --lock-timeout (CASTOFF_LOCK_TIMEOUT)",
                holder.pid
            ),
            Self::LockTimeout { holder: None, .. } => {
                "start again, or raise --lock-timeout (CASTOFF_LOCK_TIMEOUT)".into()
            }
            Self::NotStamped { alembic: Some(table), .. } => format!(
                "find its revision with `select version_num from {table}`, then set CASTOFF_BASELINE=<rev> (records it once) or run `castoff stamp <rev>`"
            ),
            Self::NotStamped { alembic: None, .. } => {
                "run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once".into()
            }
            Self::UnknownRevision { .. } => {
                "deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`".into()
            }
            Self::Newer { .. } => {
                "deploy a newer image, set --on-newer to warn (CASTOFF_ON_NEWER), or take the newer revisions back with `castoff downgrade heads`".into()
            }
            Self::Diverged { .. } => {
                "deploy an image that has both, or take back what these migrations do not have with `castoff downgrade heads`".into()
            }
            Self::Breaking { .. } => {
                "deploy an image that has it, or take it back with `castoff downgrade heads`".into()
            }
            Self::LedgerText { source: Unreadable::NoWayBack, .. } => {
                "write a new migration with `castoff revision`, or restore a backup".into()
            }
            Self::LedgerText { castoff, .. } => format!(
                "run `castoff downgrade` of the image that has its file; castoff {castoff} recorded it"
            ),
            Self::Mend(error) => error.help(),
            Self::LedgerDamaged(_) => "correct the ledger with `castoff stamp --purge <rev>`".into(),
            Self::Edited { revision, .. } => format!(
                "undo the edit, and put the change into a new revision with `castoff revision -m`; if the database is right as it is, record the file with `castoff repair {revision}`"
            ),
            Self::Reordered { revision, .. } => format!(
                "restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair {revision}`"
            ),
            Self::Half(error) => error.help(),
            Self::Apply(error) => help_for_apply(error),
            Self::Hook(error) => error.help(),
            Self::Placeholder(error) => error.help(),
            Self::Stamp(FenceError::Failure(failure)) => help_for(failure),
            Self::Stamp(FenceError::LockLost | FenceError::LedgerMoved) => {
                "start again: the ledger is as it was".into()
            }
            Self::Exec(error) => error.help(),
            Self::Stopped { .. } => "start again; what was under way was rolled back".into(),
            Self::Dump { reason } if !reason.contains("version") && !reason.contains("installed") => {
                "correct what `pg_dump` complains of; it connects as DATABASE_URL says".into()
            }
            Self::Dump { .. } => {
                "install the PostgreSQL client of the server's version, such as `postgresql-client-17`".into()
            }
            Self::Exists { .. } => "choose another name, or remove it".into(),
            Self::NotAHead { .. } => "name a head, as `castoff heads` shows them, or start a branch with `castoff revision --splice`".into(),
            Self::NothingToMerge => "name the revisions to merge, as `castoff history` shows them".into(),
            Self::Output(_) => "make room where standard output goes, and run it again".into(),
            Self::System(_) => "check the limits on this container's processes and files".into(),
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
            Self::Hook(error) => error.place(),
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
            Self::Plan(PlanError::Destructive { others, .. }) if !others.is_empty() => {
                note("also", others)
            }
            _ => Vec::new(),
        }
    }
}

fn help_for(failure: &Failure) -> String {
    match failure {
        Failure::Refused(_) if failure.is(sqlstate::INSUFFICIENT_PRIVILEGE) => {
            "grant the role what is missing, or give castoff a role of its own in CASTOFF_DATABASE_URL".into()
        }
        // A standby refuses to begin a transaction that may write as not supported.
        Failure::Refused(_)
            if failure.is(sqlstate::READ_ONLY_SQL_TRANSACTION)
                || failure.is(sqlstate::FEATURE_NOT_SUPPORTED) =>
        {
            "name the primary, or add `target_session_attrs=read-write` to DATABASE_URL".into()
        }
        Failure::Refused(_) | Failure::Protocol(_) => "look at the server's log".into(),
        Failure::Lost(_) => "start again: castoff goes on where the ledger says".into(),
    }
}

fn help_for_apply(error: &ApplyError) -> String {
    match error {
        ApplyError::RolledBack {
            refusal,
            movement,
            place,
            ..
        } => match refusal.sqlstate.as_str() {
            sqlstate::LOCK_NOT_AVAILABLE | sqlstate::DEADLOCK_DETECTED => {
                "deploy again when the table is less busy; the database is unchanged".into()
            }
            sqlstate::INSUFFICIENT_PRIVILEGE => {
                "grant the role what is missing and deploy again; the database is unchanged".into()
            }
            _ if kept::is_kept(&place.path) => {
                "deploy the image that has its file and take it back there; the database is unchanged".into()
            }
            sqlstate::UNSAFE_NEW_ENUM_VALUE => {
                "move the use of the new value to a following revision; the database is unchanged".into()
            }
            _ if *movement == Movement::Downgrade => {
                "correct the downgrade section and run it again; the database is unchanged".into()
            }
            _ => "correct the SQL and deploy again; the database is unchanged".into(),
        },
        ApplyError::Stopped {
            revision,
            done,
            remains: Remains::Unknown,
            ..
        } => Doubt::Untold.help(revision.as_str(), done + 1),
        ApplyError::InDoubt {
            revision,
            done,
            doubt,
            ..
        } => doubt.help(revision.as_str(), done + 1),
        ApplyError::Interrupted { done, .. } => format!(
            "start again: the next start looks whether statement {} is done, and goes on",
            done + 1
        ),
        ApplyError::LockBusy { blockers, .. } => match blockers.first() {
            Some(blocker) if blocker.pid != 0 => format!(
                "inspect it with `select * from pg_stat_activity where pid = {}`, end what is in the way and start again, or raise --ddl-lock-budget (CASTOFF_DDL_LOCK_BUDGET)",
                blocker.pid
            ),
            _ => "end what is in the way and start again, or raise --ddl-lock-budget (CASTOFF_DDL_LOCK_BUDGET)".into(),
        },
        ApplyError::Stopped { done, place, .. } => {
            let next = match done {
                0 => "begins with it".into(),
                done => format!("goes on after statement {done}"),
            };
            let is_concurrent = place
                .excerpt
                .iter()
                .any(|line| line.to_ascii_lowercase().contains("concurrently"));
            let leftover = if is_concurrent {
                ", and drops the invalid index that this one may have left"
            } else {
                ""
            };
            format!(
                "correct the cause or the statement and deploy again: the next start {next}{leftover}"
            )
        }
        ApplyError::EditedHalfWay {
            edit: HalfWayEdit::Mode,
            ..
        } => "write `autocommit` on the section line again: what ran cannot run again".into(),
        ApplyError::EditedHalfWay { done: 1, .. } => {
            "undo the edit of the first statement, which ran already; those behind it may be corrected".into()
        }
        ApplyError::EditedHalfWay { done, .. } => format!(
            "undo the edit of the first {done} statements, which ran already; those behind them may be corrected"
        ),
        ApplyError::Broken {
            failure: failure @ Failure::Refused(_),
            ..
        } => help_for(failure),
        ApplyError::Batch(error) => error.help(),
        ApplyError::Placeholder(error) => error.help(),
        ApplyError::Fenced { .. } => {
            "start again; if a pooler is in between, set CASTOFF_DATABASE_URL to the server's own URL".into()
        }
        ApplyError::Broken { .. } => "start again: what was not finished was rolled back".into(),
    }
}

/// `30 s`, `500 ms`.
fn seconds(duration: Duration) -> String {
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
