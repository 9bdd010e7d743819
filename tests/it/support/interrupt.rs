//! Ends castoff in the middle of an autocommit section, at a moment that the test chooses.

use expect_test::Expect;
use nix::sys::signal::Signal;

use super::castoff::{Finished, Running};
use super::database::Database;
use super::project::{Migration, Project};
use super::transcript::{run, transcript};
use super::{DEADLINE, until};

/// `aaaa11` makes a table; `bbbb22` has this section, and `options` on its line.
pub(crate) fn project_with(options: &str, upgrade: &str) -> Project {
    Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table t (id integer, name text);")
                .downgrade("drop table t;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .options(options)
                .upgrade(upgrade)
                .downgrade("select 1;"),
        )
}

pub(crate) fn project(upgrade: &str) -> Project {
    project_with("autocommit", upgrade)
}

pub(crate) fn is_at_least(database: &Database<'_>, major: u32) -> bool {
    let version = database.rows("show server_version_num");
    version.trim().parse::<u32>().unwrap() >= major * 10_000
}

/// Ends a backend, and waits until it is gone.
pub(crate) fn terminate(database: &Database<'_>, pid: &str) {
    database.rows(&format!("select pg_terminate_backend({pid})"));
    let alive = format!("select count(*) from pg_stat_activity where pid = {pid}");
    until("the backend is gone", DEADLINE, || {
        (database.rows(&alive) == "0\n").then_some(())
    });
}

/// The backend in this database that waits so.
pub(crate) fn waiting(database: &Database<'_>, condition: &str) -> String {
    until(&format!("somebody waits: {condition}"), DEADLINE, || {
        is_waiting(database, condition)
    })
}

fn is_waiting(database: &Database<'_>, condition: &str) -> Option<String> {
    let pid = database.rows(&format!(
        "select pid from pg_stat_activity where datname = current_database() and {condition}"
    ));
    (!pid.is_empty()).then(|| pid.trim().to_owned())
}

/// Runs `line` until a backend of castoff's waits so, and ends it there. If castoff never gets
/// there, the test shows what it said.
fn ended_waiting(
    project: &Project,
    database: &Database<'_>,
    line: &str,
    condition: &str,
    how: End,
) -> Finished {
    let mut running = project.castoff([line]).database(database).spawn();
    let pid = until(&format!("castoff waits: {condition}"), DEADLINE, || {
        let has_ended = !running.is_running();
        let pid = is_waiting(database, condition);
        (has_ended || pid.is_some()).then_some(pid)
    });
    let Some(pid) = pid else {
        panic!("castoff did not wait: {}", running.wait(DEADLINE));
    };
    end(database, running, &pid, how)
}

/// How whoever builds `concurrently` waits for those who began before.
pub(crate) const BEHIND_SNAPSHOT: &str = "wait_event = 'virtualxid'";

/// How castoff meets its end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// `kill -9`, and its backend with it.
    Kill,
    /// The server ends the session; castoff lives to tell.
    Terminate,
}

pub(crate) fn end(database: &Database<'_>, running: Running, pid: &str, end: End) -> Finished {
    if let End::Kill = end {
        running.signal(Signal::SIGKILL);
        let finished = running.wait(DEADLINE);
        terminate(database, pid);
        return finished;
    }
    terminate(database, pid);
    running.wait(DEADLINE)
}

/// Runs `line` to where statement `number` is done and its note is not, and ends castoff there.
pub(crate) fn ended_before_note(
    project: &Project,
    database: &Database<'_>,
    line: &str,
    number: usize,
    how: End,
) -> Finished {
    let gate = database.session();
    gate.sql("select pg_advisory_lock(7)");
    database.sql(&format!(
        "create function public.gate() returns trigger language plpgsql as \
         $$ begin while exists (select from pg_locks where locktype = 'advisory' and objid = 7 \
         and database = (select oid from pg_database where datname = current_database())) \
         loop perform pg_sleep(0.01); end loop; return new; end $$; \
         create trigger gate before update on castoff.history for each row \
         when (new.last_statement = {number} and old.last_statement < {number}) \
         execute function public.gate()"
    ));
    // Not at the lock itself: castoff waits for a lock only for so long, and then goes on.
    let finished = ended_waiting(project, database, line, "wait_event = 'PgSleep'", how);
    drop(gate);
    database.sql("drop function public.gate cascade");
    finished
}

/// Runs `upgrade` while another session keeps an old snapshot, for which every `concurrently`
/// waits in its middle, and ends castoff there.
pub(crate) fn ended_in_the_middle(
    project: &Project,
    database: &Database<'_>,
    reads: &str,
    how: End,
) -> Finished {
    let reader = database.session();
    reader.sql(&format!("begin isolation level repeatable read; {reads}"));
    let finished = ended_waiting(project, database, "upgrade", BEHIND_SNAPSHOT, how);
    drop(reader);
    finished
}

pub(crate) fn first(project: &Project, database: &Database<'_>) {
    run(project, Some(database), "upgrade aaaa11").status(0);
}

#[track_caller]
pub(crate) fn check(project: &Project, database: &Database<'_>, lines: &[&str], expected: &Expect) {
    expected.assert_eq(&transcript(project, Some(database), lines));
}
