//! Several replicas at the limits of the server: no free connection, and an index that is built
//! while others wait.

use super::support::castoff::{Castoff, Running};
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::web::{self, Report, Then};
use super::support::{AT_GATE, DEADLINE, PASSWORD, until};

/// Takes the migration lock as castoff does.
const LOCK: &str = "select pg_advisory_lock(1667330932, hashtext('castoff'))";
const UNLOCK: &str = "select pg_advisory_unlock(1667330932, hashtext('castoff'))";

/// How often each revision was applied.
const APPLIED: &str = "select revision, count(*) from castoff.history group by 1 order by 1";

fn start(castoff: Castoff<'_>, project: &Project, number: usize) -> Running {
    web::run_as(castoff, project, &format!("report{number}"), Then::Exit(0)).spawn()
}

#[test]
fn twenty_start_though_the_server_has_no_connections_for_all() {
    let server = Server::start(&["max_connections = 20", "superuser_reserved_connections = 3"]);
    let database = server.database();
    // The test itself needs the reserved connections, and no more than two of them.
    let observer = database.session();
    // Before 14 a password is kept as MD5 unless told otherwise.
    observer.sql("set password_encryption = 'scram-sha-256'");
    observer.sql(&format!("create role app login password '{PASSWORD}'"));
    observer.sql(&format!("alter database {} owner to app", database.name()));
    let url = database.url().replace("tester:", "app:");
    let upgrade = format!("create table t_b (id integer);\n{AT_GATE}");
    let gate = Migration::new("b").after("a").upgrade(&upgrade);
    let project = Project::with("a<-").migration(&gate);
    let castoff = |arguments| {
        let castoff = Castoff::new(project.directory()).args(arguments);
        castoff.database(&database).env("DATABASE_URL", &url)
    };
    castoff(["upgrade", "a"]).output().status(0);
    observer.sql("create table gate (); alter table gate owner to app");
    observer.sql(LOCK);
    let holder = database.session();
    holder.sql("begin; lock table gate in share mode");

    let running: Vec<_> = (0..20)
        .map(|number| start(castoff(["run", "--"]), &project, number))
        .collect();
    let refused = || {
        server
            .log()
            .matches("remaining connection slots are")
            .count()
    };
    until("the server has refused some", DEADLINE, || {
        (refused() >= 3).then_some(())
    });
    assert_eq!(observer.rows(UNLOCK), "t\n");
    // One is at work now, and would like to ask, on another connection, who blocks it. There is none
    // to be had.
    let at_gate = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' \
        and datname = current_database() and application_name like 'castoff on %'";
    until("one waits at the gate", DEADLINE, || {
        (observer.rows(at_gate) == "1\n").then_some(())
    });
    let now = observer.rows("select clock_timestamp()");
    let later = format!(
        "select clock_timestamp() > timestamptz '{}' + interval '3 seconds'",
        now.trim()
    );
    until("it wanted to ask", DEADLINE, || {
        (observer.rows(&later) == "t\n").then_some(())
    });
    drop(holder);
    let mut waited = 0;
    for (number, running) in running.into_iter().enumerate() {
        let pid = running.pid().as_raw();
        let finished = running.wait(DEADLINE);
        finished.status(0);
        waited += usize::from(finished.stderr.contains(": too many connections\n"));
        let report = Report::read(&project.path(&format!("report{number}")), DEADLINE);
        assert_eq!(report.pid, pid);
    }
    assert!(waited >= 3, "{waited} had to wait for a connection");
    assert_eq!(observer.rows(APPLIED), "a|1\nb|1\n");
}

#[test]
fn a_pending_index_waits_for_nobody_who_waits_for_the_lock() {
    let database = Server::shared().database();
    let index = Migration::new("b")
        .after("a")
        .options("autocommit")
        .upgrade("create index concurrently t_a_id on t_a (id);");
    let project = Project::with("a<-").migration(&index);
    let castoff = |arguments| project.castoff(arguments).database(&database);
    castoff(["upgrade", "a"]).output().status(0);
    // Whoever writes to the table keeps the index from being built.
    let writer = database.session();
    writer.sql("begin; insert into t_a values (1)");
    let first = start(castoff(["run", "--"]), &project, 1);
    let observer = database.session();
    let building = format!(
        "select pid, array_to_string(pg_blocking_pids(pid), ',') from pg_stat_activity \
         where datname = '{}' and wait_event_type = 'Lock' and query like 'create index%'",
        database.name()
    );
    let builder = until("the index is being built", DEADLINE, || {
        let rows = observer.rows(&building);
        rows.split_once('|').map(|(pid, _)| pid.to_owned())
    });
    let mut second = start(castoff(["run", "--"]), &project, 2);
    second.stderr_until("waiting for the migration lock", DEADLINE);
    assert!(second.stderr().contains(&format!("pid {builder},")));
    // It has asked, and asks again: neither leaves a snapshot or a lock that the index waits for.
    let expected = format!("{builder}|{}\n", writer.pid());
    assert_eq!(observer.rows(&building), expected);
    writer.sql("commit");
    first.wait(DEADLINE).status(0);
    let second = second.wait(DEADLINE);
    second.status(0);
    assert!(!second.stderr.contains("applied"), "{second}");
    assert_eq!(database.rows(APPLIED), "a|1\nb|1\n");
    let valid = "select indisvalid from pg_index where indexrelid = 't_a_id'::regclass";
    assert_eq!(database.rows(valid), "t\n");
}
