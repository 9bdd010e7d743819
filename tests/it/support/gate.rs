//! A gate at which a migration stops until the test lets it pass: a table that somebody else has
//! locked.

use super::database::{Database, Session};
use super::project::{Migration, Project};
use super::{AT_GATE, DEADLINE, until};

/// `a`, and a migration on it that stops at the gate.
pub(crate) fn gated() -> Project {
    let upgrade = format!("create table t_b (id integer);\n{AT_GATE}\ncreate table t_c ();");
    let gate = Migration::new("b").after("a").upgrade(&upgrade);
    Project::with("a<-").migration(&gate)
}

/// Locks that table until the session is dropped. Applies `a` first: a database with tables of its
/// own and no ledger would be refused.
pub(crate) fn close_gate(project: &Project, database: &Database<'_>) -> Session {
    let castoff = project.castoff(["upgrade", "a"]).database(database);
    castoff.output().status(0);
    database.sql("create table gate ()");
    let session = database.session();
    // Everybody may still read it.
    session.sql("begin; lock table gate in share mode");
    session
}

/// Returns when castoff, under its name, stands before the gate: its backend.
pub(crate) fn until_at_gate(database: &Database<'_>) -> String {
    let waiting = "select pid from pg_stat_activity where wait_event = 'PgSleep' \
        and datname = current_database() and application_name like 'castoff on %'";
    until("castoff waits at the gate", DEADLINE, || {
        let pids = database.rows(waiting);
        (pids.lines().count() == 1).then(|| pids.trim().to_owned())
    })
}
