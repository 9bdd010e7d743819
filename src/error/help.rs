//! What to do about each error: one line, one imperative that names a command, a variable or a file.

use super::Error;
use crate::database::failure::Failure;
use crate::database::ledger::FenceError;
use crate::database::record::Movement;
use crate::database::sqlstate;
use crate::revision::script::kept::{self, Unreadable};
use crate::run::apply::{ApplyError, HalfWayEdit, Remains};
use crate::run::probe::Doubt;

impl Error {
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
            Self::Squash(error) => error.help(),
            Self::NotReady { source, origin, .. } | Self::Refused { source, origin, .. } => {
                let help = source.help();
                help.replace("`DATABASE_URL`", &format!("`{origin}`"))
            }
            Self::Wait(error) => error.help(),
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
                "find where it is with `select version_num from {table}`, and set CASTOFF_BASELINE to the revision of these migrations that stands for it, or run `castoff stamp <rev>` once"
            ),
            Self::NotStamped { alembic: None, .. } => {
                "run `castoff stamp <rev>` with the revision that matches its tables, or set CASTOFF_BASELINE=<rev>, which does it once".into()
            }
            Self::UnknownRevision { .. } => {
                "deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`".into()
            }
            Self::InsideSquash { into, .. } => format!(
                "deploy the image from before the squash once, which takes the database to `{into}`, and then this one"
            ),
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
            Self::Privilege(error) => error.help(),
            Self::Listen(error) => error.help(),
            Self::Exec(error) => error.help(),
            Self::Health(error) => error.help(),
            Self::Init(error) => error.help(),
            Self::Scratch(error) => error.help(),
            Self::Stopped { .. } => "start again: what was not finished is rolled back, or gone on with".into(),
            Self::Exists { .. } => "choose another name, or remove it".into(),
            Self::NotAHead { .. } => "name a head, as `castoff heads` shows them, or start a branch with `castoff revision --splice`".into(),
            Self::NothingToMerge => "name the revisions to merge, as `castoff history` shows them".into(),
            Self::Output(_) => "make room where standard output goes, and run it again".into(),
            Self::System(_) => "check the limits on this container's processes and files".into(),
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
        ApplyError::Stopped {
            done,
            place,
            refusal,
            ..
        } => {
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
            // Cancelled by castoff itself when the budget was spent, or by somebody who had a reason.
            let cure = if is_concurrent && refusal.sqlstate == sqlstate::QUERY_CANCELED {
                "end what it waited for, or raise --concurrent-budget (CASTOFF_CONCURRENT_BUDGET), and start again"
            } else {
                "correct the cause or the statement and deploy again"
            };
            format!("{cure}: the next start {next}{leftover}")
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
